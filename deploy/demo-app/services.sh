#!/bin/sh
# What `olly run` starts in the demo: both services, then the visitor, whose exit code it gives.
# The visitor stands for a browser somewhere else, so olly's kill switch keeps it out of the traces.
# Invariant: when this script has ended, neither service runs any more.
#
# usage: services.sh PYTHON STATE_DIRECTORY
set -eu

python=$1
state=$2
here=$(dirname "$0")
services=

stop() {
    for service in $services; do
        kill "$service" 2>/dev/null || true
    done
    for service in $services; do
        wait "$service" 2>/dev/null || true
    done
    services=
}
trap stop EXIT
trap 'exit 143' TERM
trap 'exit 130' INT

start() {
    OTEL_SERVICE_NAME=$1 "$python" "$here/$1.py" "$state/$1.port" >"$state/$1.log" 2>&1 &
    services="$services $!"
}

wait_for_port() {
    attempts=200
    while [ ! -f "$state/$1.port" ]; do
        attempts=$((attempts - 1))
        if [ "$attempts" -eq 0 ]; then
            echo "demo: $1 did not start:" >&2
            cat "$state/$1.log" >&2
            exit 1
        fi
        sleep 0.05
    done
}

export DEMO_INVENTORY_PORT_FILE="$state/inventory.port"
start inventory
start shop
wait_for_port inventory
wait_for_port shop
OLLY_DISABLED=1 "$python" "$here/visit.py" "$(cat "$state/shop.port")"
