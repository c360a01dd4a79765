#!/usr/bin/env bash
# What must hold before the crates are published. It publishes nothing: RELEASING.md says what comes then.
#
#   tests/release.sh               all of it: text, git, packages that are built
#   tests/release.sh package       what each package carries, its size, its README: a step of run.sh
#   tests/release.sh text [ROOT]   what manifests and changelog say, in this tree or in another
#   tests/release.sh --help        this
#
# Says all that is missing, each with its remedy, and fails if anything is. Packages that need one another
# and are not published yet are packed by cargo 1.90 or later alone.
set -u
cd "$(dirname "$0")/.."

# In the order in which they are published: none needs one that comes later.
crates=". crates/fleet crates/redis crates/postgres crates/telemetry crates/admin crates/test"

# What a download of the core may take, in bytes. Its guide takes 55 kB of them, its Cargo.lock, which
# cargo adds whether users need it or not, 15 kB.
most=336000

found=0
wrong() { # what is missing, and what to do
    echo "release.sh: $*" >&2
    found=$((found + 1))
}

# A text of a manifest's `[package]`, or nothing.
field() { # manifest, field
    awk -F '"' -v field="$2" '
        /^\[/ { inside = ($0 == "[package]") }
        inside && $0 ~ "^" field " *= *\"" { print $2; exit }' "$1"
}

# The crates of this workspace that users of a manifest need: a name and a version for each.
siblings() { # manifest
    awk '
        /^\[/ { inside = ($0 == "[dependencies]") }
        inside && /^tower-circuit-breaker/ {
            name = $1; version = "none"
            if (match($0, /version = "[^"]*"/)) version = substr($0, RSTART + 11, RLENGTH - 12)
            print name, version
        }' "$1"
}

# The newest release in the changelog: its version and its date.
newest() { # changelog
    sed -n 's/^## \([0-9][^ ]*\) - \(.*\)$/\1 \2/p' "$1" | head -n 1
}

check_text() { # root
    local root=$1 crate manifest version newest
    version=$(field "$root/Cargo.toml" version)
    newest=$(newest "$root/CHANGELOG.md")
    case $newest in
        "$version "[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]) ;;
        *) wrong "CHANGELOG.md has no section \`## $version - <date>\` on top of its releases" \
            "(found: ${newest:-none}): name what is under \`## Unreleased\` so, with today's date" \
            "such as 2026-12-24, and leave an empty \`## Unreleased\` above it" ;;
    esac
    unreleased_is_empty "$root/CHANGELOG.md" || wrong "CHANGELOG.md has lines under" \
        "\`## Unreleased\`: move them to the section of the version that is released"
    for crate in $crates; do
        manifest=$root/$crate/Cargo.toml
        check_manifest "${manifest/\/.\//\/}" "$version"
    done
    check_dependencies "$root" "$version"
}

unreleased_is_empty() { # changelog
    awk '/^## / { inside = ($2 == "Unreleased") } inside && /^- / { found = 1 } END { exit found }' "$1"
}

check_manifest() { # manifest, version
    local name
    case $(field "$1" repository) in
        https://*"<"*) wrong "$1: \`repository\` is the example: put the address in its place" ;;
        https://?*) ;;
        *) wrong "$1: \`package.repository\` is missing: add" \
            "\`repository = \"https://...\"\`, the address where the source is kept, below \`documentation\`" ;;
    esac
    for name in description documentation license readme; do
        [ -n "$(field "$1" "$name")" ] || wrong "$1: \`package.$name\` is missing: add it"
    done
    [ "$(field "$1" version)" = "$2" ] || wrong "$1: \`package.version\` is" \
        "\"$(field "$1" version)\", that of the core \"$2\": all have one version and one changelog"
}

# Cargo takes a path here and a version on the registry: what is published asks for the version.
check_dependencies() { # root, version
    local crate name asked published=" "
    for crate in $crates; do
        while read -r name asked; do
            [ "$asked" = "$2" ] || wrong "$crate/Cargo.toml: asks for $name \"$asked\": write" \
                "\`version = \"$2\"\`, which is published with it"
            case $published in
                *" $name "*) ;;
                *) wrong "$crate/Cargo.toml: needs $name, which is published later: mend the order" \
                    "in tests/release.sh and RELEASING.md" ;;
            esac
        done < <(siblings "$1/$crate/Cargo.toml")
        published="$published$(field "$1/$crate/Cargo.toml" name) "
    done
}

check_git() {
    local version
    version=$(field Cargo.toml version)
    [ -z "$(git status --porcelain)" ] || wrong "git: there are changes that are not committed"
    [ -z "$(git tag --list "v$version")" ] || wrong "git: the tag v$version is there already:" \
        "raise \`version\` in each manifest"
}

# What is carried, packed and weighed; with an argument it is built from that, too.
check_packages() { # [build]
    local crate name version packed names= target=${CARGO_TARGET_DIR:-target}
    for crate in $crates; do
        names="$names -p $(field "$crate/Cargo.toml" name)"
        check_list "$crate"
        check_links "$crate/README.md"
        cmp -s LICENSE "$crate/LICENSE" || wrong "$crate/LICENSE is not that of the root: copy it"
    done
    # Cargo's word on tests and benchmarks that stay here is no news.
    cargo package --locked --allow-dirty $([ -n "${1:-}" ] || echo --no-verify) $names 2>&1 |
        grep -vE '^ *(warning: ignoring (test|benchmark)|Packaged|Packaging|Updating)'
    [ "${PIPESTATUS[0]}" = 0 ] || wrong "cargo package failed: see above"
    for crate in $crates; do
        name=$(field "$crate/Cargo.toml" name) version=$(field "$crate/Cargo.toml" version)
        packed=$(wc -c <"$target/package/$name-$version.crate") || packed=$((most + 1))
        printf '%-32s %3d files %7d bytes\n' "$name" "$(listed "$crate" | wc -l)" "$packed"
        [ "$packed" -le $most ] || wrong "$name: its package has $packed bytes, $most at most:" \
            "leave out what users do not need (\`include\` in its manifest)"
    done
}

listed() { # crate
    cargo package --list --locked --allow-dirty --manifest-path "$1/Cargo.toml"
}

check_list() { # crate
    local list file odd
    list=$(listed "$1") || { wrong "$1: cargo package --list failed"; return; }
    odd=$(echo "$list" | grep -vxE 'Cargo\.(toml|toml\.orig|lock)|\.cargo_vcs_info\.json|LICENSE|README\.md|src/.*')
    odd="$odd$(echo "$list" | grep -E '(^|/)(tests|races|corpus|fuzz|benches)(/|\.rs$)')"
    [ -z "$odd" ] || wrong "$1: its package carries what users do not need:" $odd
    for file in LICENSE README.md src/lib.rs; do
        echo "$list" | grep -qx "$file" || wrong "$1: its package lacks $file: see \`include\`"
    done
}

# A path leads nowhere on the page of the registry.
check_links() { # README
    local odd
    odd=$(grep -noE '\]\([^)]*\)|^\[[^]]*\]: .*' "$1" | grep -vE '\]\((https://|#)|\]: https://')
    [ -z "$odd" ] || wrong "$1: links that lead nowhere on the registry's page: write an address," \
        "or a path as \`code\`:" $odd
}

case "${1:-}" in
    "") check_text .; check_git; check_packages build ;;
    package) check_packages ;;
    text) check_text "${2:-.}" ;;
    --help | -h) sed -n '2,10s/^# \{0,1\}//p' "$0" ;;
    *) echo "release.sh: unknown argument '$1': see --help" >&2; exit 2 ;;
esac
[ $found = 0 ] || { echo "release.sh: $found things are missing: nothing may be published" >&2; exit 1; }
