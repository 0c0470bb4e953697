#!/bin/sh
# The demo: a shop and an inventory service in plain Python, which nobody changed, run under
# `olly run`; the traces of the requests that they get are printed with their log lines.
# With PostgreSQL installed the services use a temporary server, which is not hooked.
# Needs no root and no network. Invariant: nothing it started or wrote is left when it ends.
#
# usage: run.sh, after `make all`. OLLY names another executable than dist/olly.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
olly=${OLLY:-$here/../../dist/olly}
state=
database=
postgres_pid=
olly_pid=

say() {
    echo "demo: $*" >&2
}

end() {
    kill "-$1" "$2" 2>/dev/null || true
    wait "$2" 2>/dev/null || true
}

finish() {
    if [ -n "$olly_pid" ]; then
        end TERM "$olly_pid"
    fi
    if [ -n "$postgres_pid" ]; then
        end INT "$postgres_pid"
    fi
    for directory in $state $database; do
        rm -rf "$directory"
    done
}
trap finish EXIT
trap 'exit 143' TERM
trap 'exit 130' INT

find_postgres() {
    for directory in /usr/lib/postgresql/*/bin; do
        if [ -x "$directory/postgres" ] && [ -x "$directory/initdb" ]; then
            postgres_bin=$directory
        fi
    done
    if [ -z "${postgres_bin:-}" ] && command -v postgres >/dev/null && command -v initdb >/dev/null
    then
        postgres_bin=$(dirname "$(command -v initdb)")
    fi
    [ -n "${postgres_bin:-}" ]
}

# PostgreSQL refuses to run as root: root starts it as the user that owns nothing else here.
choose_owner() {
    owner=
    if [ "$(id -u)" -eq 0 ]; then
        command -v setpriv >/dev/null || return 1
        for name in postgres nobody; do
            if [ -z "$owner" ] && id "$name" >/dev/null 2>&1; then
                owner=$name
            fi
        done
        [ -n "$owner" ]
    fi
}

# A port on which nothing listened a moment ago.
free_port() {
    "$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

start_postgres() {
    set --
    database=$(mktemp -d)
    if [ -n "$owner" ]; then
        set -- setpriv "--reuid=$owner" "--regid=$(id -gn "$owner")" --init-groups --
        chown "$owner" "$database"
    fi
    port=$(free_port)
    (cd "$database" && "$@" "$postgres_bin/initdb" -D "$database/data" -U demo -A trust \
        --no-sync -E UTF8 --locale=C >"$database/initdb.log" 2>&1) || return 1
    (cd "$database" && exec "$@" "$postgres_bin/postgres" -D "$database/data" -p "$port" -F \
        -c listen_addresses=127.0.0.1 -c "unix_socket_directories=$database" \
        >"$state/postgres.log" 2>&1) &
    postgres_pid=$!
    "$python" "$here/load_schema.py" 127.0.0.1 "$port" demo "$here/schema.sql" || return 1
    export DEMO_PG_HOST=127.0.0.1 DEMO_PG_PORT="$port" DEMO_PG_USER=demo
}

export PYTHONDONTWRITEBYTECODE=1
unset DEMO_PG_HOST

if [ ! -x "$olly" ]; then
    say "$olly is missing: run 'make all' first"
    exit 1
fi
if ! python=$(python3 -c 'import sys; print(sys.executable)' 2>/dev/null); then
    say "python3 is needed: apt-get install python3"
    exit 1
fi

state=$(mktemp -d)
if ! find_postgres; then
    say "PostgreSQL is not installed: the services go without a database"
elif ! choose_owner; then
    say "root cannot start PostgreSQL without setpriv: the services go without a database"
elif start_postgres; then
    say "a temporary PostgreSQL serves on port $DEMO_PG_PORT"
else
    say "PostgreSQL did not start: the services go without a database"
fi

say "two unmodified Python services run under olly; their traces and logs follow"
# In the background, so that a signal to this script is answered at once.
"$olly" run --output pretty -- sh "$here/services.sh" "$python" "$state" \
    "$(free_port)" "$(free_port)" &
olly_pid=$!
code=0
wait "$olly_pid" || code=$?
olly_pid=
(exit "$code")
