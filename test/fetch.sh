#!/bin/sh
# Programs and libraries that the tests use and that Debian has not, of the registries of Go, Python
# and Java:
#   fetch.sh make WHAT...   makes each of them, unless this machine has it
#   fetch.sh path WHAT      where it is, or would be
# Invariant: what decides how something is made is in the name of its directory, which a half-made
# one never gets; so every later run finds it in no time, and a changed version is made anew.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/olly-test
PATH=$PATH:/usr/local/go/bin
python=/usr/bin/python3
[ -x "$python" ] || python=python3

GRPCIO="grpcio==1.76.0"
OVERLAY_CLIENTS="elasticsearch==9.5.1 opensearch-py==3.2.0 boto3==1.44.5 openai==3.54.0
    anthropic==2.12.0 ollama==0.6.3 graphql-core==3.3.2 websockets==17.4 h2==4.4.1"
# The whole of it is thrown away after minutes of work: compiled fast rather than well.
FERRETDB="-tags ferretdb_no_postgresql -gcflags=all=-N\ -l -ldflags=-s\ -w"

# made_of WHAT: everything that decides what comes of it.
made_of() {
    case $1 in
    go-grpc) cat "$here"/e2e/programs/go-grpc/* ;;
    ferretdb) cat "$here"/e2e/programs/ferretdb/* && echo "$FERRETDB" ;;
    grpcio) echo "$GRPCIO" && "$python" -VV ;;
    overlay-clients) echo "$OVERLAY_CLIENTS" && "$python" -VV ;;
    cassandra) cat "$here/cassandra.xml" "$here/cassandra.sha256" ;;
    *) echo "fetch: $1 is unknown" >&2 && return 1 ;;
    esac
}

path() {
    inputs=$(made_of "$1")
    echo "$cache/$1-$(echo "$inputs" | sha256sum | cut -c 1-12)"
}

# go_program NAME DIRECTORY OPTION...: go.sum says what the modules have to be.
go_program() {
    name=$1
    into=$2
    shift 2
    (cd "$here/e2e/programs/$name" &&
        CGO_ENABLED=0 GOFLAGS= go build -mod=readonly -trimpath "$@" -o "$into/program" .)
}

# python_modules DIRECTORY REQUIREMENT...
python_modules() {
    into=$1
    shift
    "$python" -m pip install --quiet --disable-pip-version-check --no-cache-dir \
        --root-user-action=ignore --target "$into" "$@"
}

cassandra() { # DIRECTORY
    mvn -q -B -f "$here/cassandra.xml" dependency:copy -DoutputDirectory="$1" || return
    if ! (cd "$1" && sha256sum --quiet --strict -c "$here/cassandra.sha256"); then
        echo "fetch: Cassandra's files are not those of test/cassandra.sha256" >&2
        return 1
    fi
}

make_in() { # WHAT DIRECTORY
    # shellcheck disable=SC2086 # lists of words
    case $1 in
    go-grpc) go_program "$1" "$2" ;;
    ferretdb)
        eval "set -- $1 $2 $FERRETDB"
        go_program "$@"
        ;;
    grpcio) python_modules "$2" $GRPCIO ;;
    overlay-clients) python_modules "$2" $OVERLAY_CLIENTS ;;
    cassandra) cassandra "$2" ;;
    esac
}

make_once() { # WHAT
    made=$(path "$1")
    [ ! -d "$made" ] || return 0
    mkdir -p "$cache"
    draft=$(mktemp -d "$cache/make-XXXXXX")
    chmod 755 "$draft"
    if ! make_in "$1" "$draft"; then
        rm -rf "$draft"
        echo "fetch: $1 could not be made: see above; its registry has to be reachable" >&2
        return 1
    fi
    # Another run may have been faster.
    mv -T "$draft" "$made" 2>/dev/null || rm -rf "$draft"
    [ -d "$made" ]
}

action=$1
shift
case $action in
make) for what; do make_once "$what" || exit 1; done ;;
path) path "$1" ;;
*) echo "usage: fetch.sh make WHAT... | path WHAT" >&2 && exit 2 ;;
esac
