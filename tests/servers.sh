# For the scripts beside this one: tests that need a server, or another program of the machine's.
#
# Such a test is ignored, as `#[ignore = "needs redis-server: run by tests/run.sh"]`, and fails where
# that program is missing. What is ignored with another reason is run by name alone: a test that is the
# child of another, or one that goes on for as long as it is told. `it::ignored` holds both.

programs="redis-server openssl postgres pgbouncer nginx haproxy chromium axe-core faketime promtool prometheus openapi-spec-validator rustc-1.95"

# Those of them that cannot be had here.
missing=

# Installs all of them where that can be done. On Linux none may be missing but the compiler, which is
# the user's choice, and what Debian has not; elsewhere the tests that need it are not run, and
# `say_what_is_missing` names them.
need_servers() {
    local program
    missing=
    for program in $programs; do
        if ! need_server "$program"; then
            case $(uname)-$program in
                Linux-rustc-1.95 | Linux-openapi-spec-validator | Linux-axe-core) ;;
                Linux-*) return 1 ;;
            esac
            missing="$missing $program"
        fi
    done
}

need_server() {
    case $1 in
        postgres) need_postgres ;;
        pgbouncer) need_pgbouncer ;;
        nginx) need_nginx ;;
        haproxy) need_haproxy ;;
        promtool | prometheus) need_prometheus "$1" ;;
        openapi-spec-validator) need_openapi_validator ;;
        axe-core) need_axe ;;
        chromium) need_chromium ;;
        # Stable, from that version on: others word their messages otherwise.
        rustc-1.95) rustc --version | awk -F '[ .]' '{ exit !($3 >= 95 && !/nightly|beta/) }' ;;
        *) need "$1" "$1" ;;
    esac
}

# All tests that are ignored: a line with the name and the reason of each. What only a build that
# aborts leaves out is none of them.
ignored_tests() {
    grep -rl --include='*.rs' '#\[ignore = "' src tests crates examples | sort | xargs awk '
        /^ *#\[ignore = "/ { reason = $0; gsub(/^ *#\[ignore = "|"\]$/, "", reason) }
        reason != "" && /^ *(async )?fn / {
            name = $0; sub(/^.*fn /, "", name); sub(/\(.*/, "", name)
            print name, reason; reason = ""
        }'
}

# The names of tests that need one of these programs.
tests_that_need() { # program ...
    ignored_tests | awk -v programs="$*" '
        BEGIN { split(programs, list, " "); for (i in list) wanted[list[i]] }
        $2 == "needs" {
            reason = $0; sub(/:.*/, "", reason); count = split(reason, words, " ")
            for (i = 3; i <= count; i++) if (words[i] in wanted) { print $1; next }
        }'
}

# The names of tests that are run by name alone, or cannot be run here.
tests_left_out() {
    ignored_tests | awk '$2 != "needs" { print $1 }'
    tests_that_need $missing
}

# What nextest is to run: all tests, but for those left out.
nextest_filter() {
    printf 'not test(/(^|::)(%s)$/)' "$(tests_left_out | paste -s -d '|' -)"
}

# The same for the programs of tests themselves.
libtest_filter() {
    printf -- '--include-ignored'
    tests_left_out | xargs printf ' --skip %s'
}

say_what_is_missing() {
    local program
    for program in $missing; do
        echo "NOT RUN, since $program is missing:"
        tests_that_need "$program" | sed 's/^/    /'
    done
}
