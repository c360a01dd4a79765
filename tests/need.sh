# For the scripts beside this one: Debian packages that provide what is missing, or a word on what to
# install.
need() { # command, package
    command -v "$1" >/dev/null 2>&1 && return 0
    if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
        echo "installing $2, for $1"
        { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$2"; } >/dev/null
    else
        echo "$(basename "$0"): $1 is missing: install it (on Debian: sudo apt-get install $2)" >&2
        return 1
    fi
}
