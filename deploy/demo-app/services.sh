#!/bin/sh
# What `olly run` starts in the demo: both services, then the visitor, whose exit code it gives.
# The visitor stands for a browser somewhere else, so olly's kill switch keeps it out of the traces.
# Invariant: when this script has ended, neither service runs any more.
#
# usage: services.sh PYTHON STATE_DIRECTORY SHOP_PORT INVENTORY_PORT
set -eu

python=$1
state=$2
shop_port=$3
inventory_port=$4
here=${0%/*}
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
    name=$1
    shift
    OTEL_SERVICE_NAME=$name "$python" "$here/$name.py" "$@" >"$state/$name.log" 2>&1 &
    services="$services $!"
}

start inventory "$inventory_port"
start shop "$shop_port" "$inventory_port"
OLLY_DISABLED=1 "$python" "$here/visit.py" "$shop_port" "$inventory_port"
