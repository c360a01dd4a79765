#!/usr/bin/env bash
# The race models, without and with the bugs that each must find.
#
#   tests/races/run.sh          all models
#   tests/races/run.sh keyed    those whose path has this in it
#
# Copies the crate to target/races/copy, without what its other tests need, plants all bugs there,
# builds that once, and runs it. See README.md beside this script.
set -u
cd "$(dirname "$0")/../.."
. tests/need.sh

races=tests/races copy=target/races/copy

fail() {
    echo "races: $*" >&2
    exit 1
}

# Applies a patch to the copy: not one line off, though lines before it may have come or gone.
change() { # patch, options
    patch --directory="$copy" --strip=1 --fuzz=0 --batch --forward --silent --reject-file=- \
        --no-backup-if-mismatch "${@:2}" <"$1"
}

# Files that a patch changes.
changed() { sed -n 's|^+++ b/||p' "$@"; }

need patch patch || exit 1
rm -rf "$copy" && mkdir -p "$copy" || exit 1
tar --create src Cargo.lock | tar --extract --directory="$copy" || exit 1
# Models need loom alone: all that tests and other packages are built of would take longer than they.
awk '/^\[/ { dropped = /^\[(dev-dependencies|\[test|\[bench)\]/ } !dropped && !/^members = /' \
    Cargo.toml >"$copy/Cargo.toml" || exit 1

cp "$races/planted.rs" "$copy/src/planted.rs" && mkdir "$copy/src/planted" || exit 1
for patch in "$races"/*.patch; do
    change "$patch" || fail "$patch no longer applies"
done
# Each by itself, and then all together.
for patch in "$races"/bugs/*.patch; do
    change "$patch" --dry-run || fail "$patch no longer applies"
done
for patch in "$races"/bugs/*.patch; do
    change "$patch" || fail "$patch overlaps with another"
done

names=$(for patch in "$races"/bugs/*.patch; do basename "$patch" .patch; done)
variants=$(awk -F- '{ for (i = 1; i <= NF; i++) printf toupper(substr($i, 1, 1)) substr($i, 2); print "" }' \
    <<<"$names")
cat >"$copy/src/planted/bugs.rs" <<END
//! The bugs in \`tests/races/bugs\`.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bug {
$(sed 's/$/,/' <<<"$variants")
}

impl Bug {
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
$(paste -d ' ' <(sed 's/.*/"&" =>/' <<<"$names") <(sed 's/.*/Some(Self::&),/' <<<"$variants"))
            _ => None,
        }
    }
}
END

# As old as the newest of what each comes from, so that nothing is built again without need.
newest=$(ls -td "$races" "$races"/* "$races"/bugs/*.patch | head -n 1)
for file in src/planted.rs src/planted/bugs.rs $(changed "$races"/*.patch "$races"/bugs/*.patch); do
    if [ "$file" -nt "$newest" ]; then
        touch -r "$file" "$copy/$file"
    else
        touch -r "$newest" "$copy/$file"
    fi
done

# The kernel has no part in what a model does; see stacks.c.
if [ "$(uname)" = Linux ]; then
    need cc gcc && cc -O2 -Wall -Wextra -Werror -shared -fPIC -o "$copy/stacks.so" "$races/stacks.c" ||
        fail "$races/stacks.c cannot be built"
    host=$(rustc -vV | sed -n 's/^host: //p' | tr 'a-z-' 'A-Z_')
    export "CARGO_TARGET_${host}_RUNNER=env LD_PRELOAD=$PWD/$copy/stacks.so"
fi

# A process for each model where nextest is there: threads of one process wait for each other whenever
# loom maps the stacks of an execution, and so use one processor between them.
(
    cd "$copy" || exit 1
    export RUSTFLAGS="--cfg breaker_loom" CARGO_TARGET_DIR=../build
    if cargo nextest --version >/dev/null 2>&1; then
        cargo nextest run --release --features test-util --lib "${1:-races}"
    else
        cargo test --release --features test-util --lib "${1:-races}"
    fi
) || exit 1

if [ $# = 0 ]; then
    for name in $names; do
        grep -qx "$name" "$copy/found" || fail "no model names $name"
    done
    echo "$(wc -w <<<"$names") bugs, each found by the models that name it: $(wc -l <"$copy/found") times"
fi
