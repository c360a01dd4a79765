# For the scripts beside this one: Debian packages that provide what is missing, or a word on what to
# install.
need() { # command, package
    command -v "$1" >/dev/null 2>&1 && return 0
    if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
        echo "installing $2, for $1"
        apt_get update && apt_get install -y "$2"
    else
        echo "$(basename "$0"): $1 is missing: install it (on Debian: sudo apt-get install $2)" >&2
        return 1
    fi
}

# apt-get, which waits up to ten minutes where another one is at work. Its own switch for that knows
# the locks of dpkg only; where the lists or the archives are locked, it gives up at once.
apt_get() {
    local end=$((SECONDS + 600)) said
    while ! said=$(LC_ALL=C DEBIAN_FRONTEND=noninteractive \
        apt-get -qq -o DPkg::Lock::Timeout=600 "$@" 2>&1 >/dev/null); do
        case $said in *"get lock"*) ;; *) end=0 ;; esac
        if [ "$SECONDS" -ge "$end" ]; then
            echo "$said" >&2
            return 1
        fi
        sleep 2
    done
}

# The programs of Prometheus alone, out of Debian's package: that one, installed, would start a server.
need_prometheus() { # promtool or prometheus
    local tools="$PWD/target/tools" unpacked
    command -v "$1" >/dev/null 2>&1 && return 0
    if [ ! -x "$tools/$1" ]; then
        echo "unpacking prometheus, for $1"
        [ "$(id -u)" = 0 ] && apt_get update
        unpacked=$(mktemp -d) && chmod 755 "$unpacked" && mkdir -p "$tools" || return 1
        (
            cd "$unpacked" && apt_get download prometheus &&
                dpkg-deb --extract prometheus_*.deb . && mv usr/bin/prom* "$tools/"
        )
        rm -rf "$unpacked"
    fi
    PATH="$tools:$PATH"
    command -v "$1" >/dev/null 2>&1 && return 0
    echo "$(basename "$0"): $1 is missing: install it (on Debian it is in prometheus)" >&2
    return 1
}

# Chromium without its window, which takes half of what it takes with one, where it can be had.
need_chromium() {
    local shell=chromium-headless-shell
    command -v $shell >/dev/null 2>&1 || need $shell $shell 2>/dev/null || need chromium chromium
}

# The rules of axe-core, which Debian has not: out of npm, in a place of their own.
need_axe() {
    local tools="$PWD/target/tools/axe"
    [ -e "$tools/node_modules/axe-core/axe.min.js" ] && return 0
    echo "installing axe-core, into $tools"
    need npm npm || return 1
    mkdir -p "$tools"
    npm install --prefix "$tools" --no-save --no-audit --no-fund --loglevel error axe-core@4.11.0
}

# The validator of OpenAPI, which Debian has not: out of PyPI, in a place of its own.
need_openapi_validator() {
    local tools="$PWD/target/tools/openapi"
    PATH="$tools/bin:$PATH"
    command -v openapi-spec-validator >/dev/null 2>&1 && return 0
    echo "installing openapi-spec-validator, into $tools"
    need python3 python3 || return 1
    python3 -c 'import ensurepip' 2>/dev/null || need_venv || return 1
    python3 -m venv "$tools" && "$tools/bin/pip" -q install 'openapi-spec-validator>=0.7,<1'
}

# What makes a place of its own for programs in Python; Debian keeps it apart from python3.
need_venv() {
    [ "$(id -u)" = 0 ] && apt_get update && apt_get install -y python3-venv && return 0
    echo "$(basename "$0"): venv is missing: install it (on Debian: sudo apt-get install python3-venv)" >&2
    return 1
}

# PostgreSQL's server, whose programs Debian keeps out of the path.
need_postgres() {
    ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 && return 0
    need_stopped initdb postgresql
}

# PgBouncer, which Debian keeps there, too.
need_pgbouncer() {
    [ -x /usr/sbin/pgbouncer ] && return 0
    need_stopped pgbouncer pgbouncer
}

# nginx, which Debian keeps out of the path of users.
need_nginx() {
    [ -x /usr/sbin/nginx ] && return 0
    need_stopped nginx nginx-light
}

# HAProxy, which is kept there, too.
need_haproxy() {
    [ -x /usr/sbin/haproxy ] && return 0
    need_stopped haproxy haproxy
}

# The same as `need`, of a package that would start a server.
need_stopped() { # command, package
    local policy=/usr/sbin/policy-rc.d made= status=0
    if [ "$(id -u)" = 0 ] && [ -d /usr/sbin ] && [ ! -e "$policy" ]; then
        made=$policy
        printf '#!/bin/sh\nexit 101\n' >"$made" && chmod 755 "$made"
    fi
    need "$1" "$2" || status=1
    [ -z "$made" ] || rm -f "$made"
    return $status
}
