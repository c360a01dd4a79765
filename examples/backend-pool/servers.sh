#!/usr/bin/env bash
# A redis-server and a PostgreSQL for backend-pool alone, in a folder of temporary files, reached by
# Unix sockets so that no port is taken.
#
#   servers.sh run [OPTION ...]           both, and backend-pool with them, until ctrl-c
#   servers.sh start redis|postgres       one of them; also stop, hang (redis alone) and resume
#   servers.sh url redis|postgres         where it is
#   servers.sh has redis|postgres         whether it can be started here
#
# The folder is BACKEND_POOL_FOLDER, by default one of this user in /tmp.
set -eu
folder=${BACKEND_POOL_FOLDER:-/tmp/backend-pool-$(id -u)}
# Debian keeps the programs of the server out of the path.
bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
[ -n "$bin" ] || bin=$(dirname "$(readlink -f "$(command -v initdb || echo initdb)")")

# PostgreSQL does not run as root.
unprivileged() {
    if [ "$(id -u)" = 0 ]; then
        setpriv --reuid=postgres --regid=postgres --init-groups "$@"
    else
        "$@"
    fi
}

# A database with a table of users in it.
make_database() {
    [ "$(id -u)" != 0 ] || install -d -m 700 -o postgres -g postgres "$folder/postgres"
    unprivileged "$bin/initdb" -D "$folder/postgres" -U app -A trust -E UTF8 --locale=C --no-sync
    unprivileged "$bin/postgres" --single -D "$folder/postgres" postgres <<SQL
CREATE TABLE users (id int PRIMARY KEY, name text NOT NULL);
INSERT INTO users VALUES (1, 'Ada'), (2, 'Grace');
SQL
}

url() {
    case $1 in
        redis) echo "redis+unix://$folder/redis.sock" ;;
        postgres) echo "host=$folder/postgres user=app dbname=postgres" ;;
    esac
}

is_up() {
    case $1 in
        redis) [ "$(redis-cli -s "$folder/redis.sock" ping)" = PONG ] ;;
        postgres) "$bin/pg_isready" -q -h "$folder/postgres" ;;
    esac 2>/dev/null
}

pid() {
    case $1 in
        redis) cat "$folder/redis.pid" ;;
        postgres) head -n 1 "$folder/postgres/postmaster.pid" ;;
    esac 2>/dev/null
}

has() {
    case $1 in
        redis) command -v redis-server && command -v redis-cli ;;
        postgres) [ -x "$bin/initdb" ] && { [ "$(id -u)" != 0 ] || unprivileged true; } ;;
    esac >/dev/null 2>&1
}

start() {
    [ -d "$folder" ] || mkdir -m 755 "$folder"
    [ -O "$folder" ] || { echo "servers.sh: $folder is somebody else's" >&2 && return 1; }
    cd "$folder"
    [ "$1" = redis ] || [ -d postgres ] || make_database >>log 2>&1 || {
        echo "servers.sh: no database can be made:" && tail -n 3 log && return 1
    } >&2
    case $1 in
        redis)
            redis-server --port 0 --unixsocket redis.sock --pidfile redis.pid --save "" \
                >>log 2>&1 </dev/null &
            ;;
        postgres)
            unprivileged "$bin/postgres" -D "$folder/postgres" -k "$folder/postgres" \
                -c listen_addresses= -c fsync=off >>log 2>&1 </dev/null &
            ;;
    esac
    local left=400
    until is_up "$1"; do
        [ $((left -= 1)) -gt 0 ] && kill -0 $! 2>/dev/null || {
            echo "servers.sh: $1 does not start:" && tail -n 3 log && return 1
        } >&2
        sleep 0.05
    done
}

stop() {
    local pid
    pid=$(pid "$1") || return 0
    kill -CONT "$pid" && kill -INT "$pid" || return 0
    # The file goes when all is written; the process may linger until somebody reaps it.
    while kill -0 "$pid" 2>/dev/null && pid "$1" >/dev/null; do sleep 0.05; done
}

run() {
    if ! mkdir -m 755 "$folder"; then
        echo "servers.sh: it runs already, or was killed: in that case remove $folder" >&2
        return 1
    fi
    trap 'stop redis; stop postgres; rm -rf "$folder"' EXIT
    (start redis)
    (start postgres)
    REDIS_URL=$(url redis) DATABASE_URL=$(url postgres) \
        cargo run --quiet --locked -p backend-pool -- "$@"
}

case ${1:-}:${2:-} in
    run:*) shift && run "$@" ;;
    start:redis | stop:redis | url:redis | has:redis) "$@" ;;
    start:postgres | stop:postgres | url:postgres | has:postgres) "$@" ;;
    hang:redis) kill -STOP "$(pid redis)" ;;
    resume:redis) kill -CONT "$(pid redis)" ;;
    *) sed -n '2,10s/^# \{0,1\}//p' "$0" && exit 2 ;;
esac
