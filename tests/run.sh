#!/usr/bin/env bash
# Every check of this crate, by hand or in continuous integration.
#
#   tests/run.sh                all steps
#   tests/run.sh clippy         the named steps only
#   tests/run.sh quick          before each commit: two minutes, and no server to install
#   tests/run.sh api --accept   records the public items as they are
#   tests/run.sh --help         the list of steps
#
# Installs what a Debian machine lacks; says what it needs elsewhere. Prints the time of each step,
# stops at the first that fails, and ends with a table.
set -u
cd "$(dirname "$0")/.."

steps="tools format page clippy features tests model races doctests docs api msrv package examples"
# Crates beside the workspace, and programs that abort: tests/deep.sh runs these.
by_name="quick abort versus fuzz"

if [ "${1:-}" = "--help" ] || [ "${1:-}" = "-h" ]; then
    sed -n '2,11s/^# \{0,1\}//p' "$0"
    echo
    echo "Steps: $steps"
    echo "By name only: $by_name"
    exit 0
fi
chosen= accept=
for step in "$@"; do
    case " $steps $by_name --accept " in
        *" $step "*) ;;
        *) echo "run.sh: unknown step '$step'; steps are: $steps $by_name" >&2; exit 2 ;;
    esac
    if [ "$step" = --accept ]; then accept=1; else chosen="$chosen $step"; fi
done
chosen=${chosen:-$steps}

# Nothing is built a second time where all steps run, nor looked at in a debugger.
if [ "$chosen" = "$steps" ]; then
    export CARGO_INCREMENTAL=${CARGO_INCREMENTAL:-0}
    export CARGO_PROFILE_DEV_DEBUG=${CARGO_PROFILE_DEV_DEBUG:-0}
    export CARGO_PROFILE_RELEASE_DEBUG=${CARGO_PROFILE_RELEASE_DEBUG:-0}
fi

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
    bold=$(printf '\033[1m') red=$(printf '\033[31m') green=$(printf '\033[32m') plain=$(printf '\033[0m')
else
    bold= red= green= plain=
fi

. tests/need.sh
. tests/servers.sh

step_tools() {
    need cc gcc || return 1
    if ! command -v cargo >/dev/null 2>&1; then
        echo "run.sh: cargo is missing: install Rust 1.85 or later from https://rustup.rs" >&2
        return 1
    fi
    for part in fmt clippy; do
        if ! cargo $part --version >/dev/null 2>&1; then
            rustup component add "$([ $part = fmt ] && echo rustfmt || echo clippy)" || return 1
        fi
    done
    rustc --version
    cargo fetch --locked
}

# The programs that the guide shows are included by tests, where cargo does not see them. Those of
# crates beside the workspace, too, whose lock files must follow what it depends on.
step_format() {
    local beside
    cargo fmt --all --check || return 1
    rustfmt --edition 2024 --check src/guide/programs/*.rs || return 1
    for beside in fuzz benches/versus benches/instructions tests/api; do
        cargo fmt --manifest-path $beside/Cargo.toml --check || return 1
        cargo metadata --locked --format-version 1 --manifest-path $beside/Cargo.toml \
            >/dev/null || return 1
    done
}

# The admin page is made of its parts, which are what is read and changed.
step_page() {
    need npm npm && crates/admin/page/build.sh --check
}

step_clippy() {
    cargo clippy --workspace --all-targets --all-features --locked -- -D warnings
}

# Each feature of each published crate alone, and none: a feature that leans on another is found here.
# Crates that have none build alone in tests/deep.sh.
step_features() {
    local package feature
    features > target/features.txt || return 1
    while read -r package feature; do
        echo "$package: ${feature:-no feature}"
        cargo clippy --lib --locked -p "$package" --no-default-features --features "$feature" -- \
            -D warnings </dev/null || return 1
    done < target/features.txt
}

# A line for each published crate and feature, and one without a feature; none for crates that have none.
features() {
    mkdir -p target
    cargo run --quiet --locked --bin features --manifest-path tests/api/Cargo.toml \
        --target-dir target/api
}

step_tests() {
    need_servers || return 1
    if cargo nextest --version >/dev/null 2>&1; then
        # Most of them wait; .config/nextest.toml says how many run at once.
        cargo nextest run --workspace --all-features --locked --profile run \
            --test-threads $((6 * $(getconf _NPROCESSORS_ONLN))) \
            --run-ignored all --filterset "$(nextest_filter)" || return 1
    else
        cargo test --workspace --all-features --locked --lib --bins --tests -- \
            $(libtest_filter) || return 1
    fi
    say_what_is_missing
}

# Those of the core in programs that abort when they panic, but for the tests that catch a panic.
step_abort() {
    local -x RUSTC_WORKSPACE_WRAPPER=$PWD/tests/aborting.sh
    local asked="--all-features --locked --lib --test it" core='package(=tower-circuit-breaker)' needy
    need_servers || return 1
    # One takes a minute, of which the server does the same in programs that do not abort.
    needy=$(tests_that_need nginx promtool | grep -vxF "$(tests_left_out)" | grep -v for_more_than_a_minute |
        paste -s -d ' ' -)
    if cargo nextest --version >/dev/null 2>&1; then
        # All packages are built, so that what they are built of is that of the step `tests`.
        asked="--workspace $asked --status-level fail"
        cargo nextest run $asked --filterset "$core" || return 1
        [ -z "$needy" ] || cargo nextest run $asked --run-ignored only \
            --filterset "$core & test(/(^|::)(${needy// /|})\$/)"
    else
        cargo test --quiet $asked || return 1
        [ -z "$needy" ] || cargo test --quiet $asked -- --ignored $needy
    fi
}

# The circuit, circuits by key and the protocol of a fleet against their models, 20,000 scripts each;
# PROPTEST_CASES scales it, and tests/deep.sh runs 100,000. What scripts run through is optimised: both
# packages are named each time, so that it is built once.
step_model() {
    local -x PROPTEST_CASES=${PROPTEST_CASES:-20000}
    local package core=tower-circuit-breaker status=0
    local models="cargo test --locked -p model -p $core-fleet"
    for package in model $core $core-fleet $core-test proptest rand_chacha rand_xorshift; do
        models="$models --config profile.dev.package.$package.opt-level=3"
    done
    $models --test model --lib --no-run || return 1
    $models --test model &
    $models --lib node || status=1
    wait $! || status=1
    return $status
}

# Every interleaving of two threads at each border, and those of three up to three preemptions, with
# loom; and each model again with bugs planted, which it must find. LOOM_MAX_PREEMPTIONS sets all.
# Beside the step `features`, which leaves a processor idle and goes first: they wait for no clock, and
# build in a folder of their own.
step_races() { await races tests/races/run.sh; }

# Begins what goes on beside other things. In a process group of its own, so that all of it can be ended.
begin() { # name, command
    mkdir -p target/begun
    set -m
    (
        began=$SECONDS status=0
        "${@:2}" || status=$?
        echo "$1: took $((SECONDS - began))s beside others"
        exit $status
    ) >"target/begun/$1.log" 2>&1 </dev/null &
    begun="$begun $1=$!"
    set +m
}

# The end of what was begun, or all of what was not.
await() { # name, command
    local one process= status=0
    for one in $begun; do
        [ "${one%=*}" != "$1" ] || process=${one#*=}
    done
    [ -n "$process" ] || { "${@:2}"; return; }
    wait "$process" || status=$?
    begun=${begun/ $1=$process/}
    cat "target/begun/$1.log"
    return $status
}
begun=
trap 'for one in $begun; do kill -- "-${one#*=}" 2>/dev/null; done' EXIT

step_doctests() { cargo test --workspace --all-features --locked --doc; }

# The core's once more without features, where its guide links to docs.rs instead. Those of examples are
# built by tests/deep.sh.
step_docs() {
    local -x RUSTDOCFLAGS="-D warnings"
    cargo doc --workspace --lib --all-features --no-deps --locked &&
        cargo doc -p tower-circuit-breaker --no-deps --locked
}

# What each published crate shows to its users, beside what was recorded in tests/api. Beside the step
# `doctests`, which leaves a processor idle: it builds in a folder of its own.
step_api() { await api compare_api; }

compare_api() {
    local found=target/api/records status=0 name
    local tool="--locked --manifest-path tests/api/Cargo.toml --target-dir target/api"
    cargo clippy $tool -- -D warnings || return 1
    rm -rf "$found" && mkdir -p "$found" || return 1
    cargo run --quiet $tool -- "$found" || return 1
    wc -l "$found"/*.txt
    if [ -n "$accept" ]; then
        rm -f tests/api/*.txt
        cp "$found"/*.txt tests/api/
        return
    fi
    for name in $(ls tests/api "$found" | grep '\.txt$' | sort -u); do
        diff -uN "tests/api/$name" "$found/$name" || status=1
    done
    [ $status = 0 ] || echo "run.sh: the public items are not those recorded; where that is meant:" \
        "tests/run.sh api --accept, and a line in CHANGELOG.md" >&2
    return $status
}

# Nothing that a published crate is built of asks for a newer Rust than the crate promises.
step_msrv() {
    cargo run --quiet --locked --bin msrv --manifest-path tests/api/Cargo.toml \
        --target-dir target/api
}

# What each published crate carries and weighs, and where its README leads. Nothing is built.
step_package() { tests/release.sh package; }

# What a newcomer runs first, all at once, built of what the tests are; `tests/deep.sh alone` builds each
# of what it names. The smallest is small.
step_examples() {
    local example crates status=0
    local examples=(
        permits settings axum-server balance grpc hyper-client otel reqwest-client retry test-kit webhook
        replay "replay clients --clients 300" "fleet --once" "gateway --once --port 0"
    )
    crates=$(cargo tree --locked -p permits -e normal,build --prefix none --no-dedupe |
        sort -u | wc -l)
    echo "permits: $((crates)) crates, 60 at most"
    if [ "$crates" -eq 0 ] || [ "$crates" -gt 60 ]; then
        return 1
    fi
    need redis-server redis-server || return 1
    cargo build --workspace --all-features --bins --tests --locked || return 1
    for example in "${examples[@]}"; do
        begin "${example// /-}" run_example $example
    done
    for example in "${examples[@]}"; do
        await "${example// /-}" || status=1
    done
    return $status
}

run_example() { # name, options
    "${CARGO_TARGET_DIR:-target}/debug/$1" "${@:2}" >/dev/null && return
    echo "run.sh: this example failed: $*" >&2
    return 1
}

# The benchmark against the peers is a crate of its own: it must not rot unseen. Its tests hold
# what is said of the peers, and of migrations from them.
step_versus() {
    local -x CARGO_TARGET_DIR=target/versus
    local manifest=benches/versus/Cargo.toml
    cargo fmt --manifest-path $manifest --check &&
        cargo clippy --locked --all-targets --manifest-path $manifest -- -D warnings &&
        cargo test --quiet --locked --tests --manifest-path $manifest
}

# The fuzz targets build; what they found is replayed among the tests (tests/corpus).
step_fuzz() {
    need c++ g++ || return 1
    CARGO_TARGET_DIR=target/fuzz cargo clippy --locked --manifest-path fuzz/Cargo.toml -- \
        -D warnings
}

# Before each commit. Not one of all the steps, which hold more than this: tests that need a server are
# among those.
step_quick() {
    local core="-p tower-circuit-breaker --all-features --locked"
    step_format || return 1
    cargo clippy $core --all-targets -- -D warnings || return 1
    cargo test $core --quiet --lib --test it || return 1
    cargo test $core --quiet --doc
}

table=
left="$chosen "
for step in $chosen; do
    printf '%s== %s%s\n' "$bold" "$step" "$plain"
    started=$SECONDS
    left=${left#*"$step "}
    case "$step: $left" in
        "features: "*"races "*) begin races nice -n 10 tests/races/run.sh ;;
        "doctests: "*"api "*) begin api compare_api ;;
    esac
    if "step_$step"; then
        row=$(printf '%-10s %5ds  %sok%s' "$step" $((SECONDS - started)) "$green" "$plain")
        printf '%s\n\n' "$row"
        table="$table$row
"
    else
        row=$(printf '%-10s %5ds  %sFAILED%s' "$step" $((SECONDS - started)) "$red" "$plain")
        printf '\n%s%s\n' "$table" "$row"
        exit 1
    fi
done
printf '%s' "$table"
say_what_is_missing
echo "all steps passed in ${SECONDS}s"
