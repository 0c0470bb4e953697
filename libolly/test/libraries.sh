#!/bin/sh
# Builds the libraries that the tests preload or load besides libolly: libraries.sh BUILD_DIR CC
set -eu
build=$1
cc=$2
here=$(cd "$(dirname "$0")" && pwd)

for library in "early -DWORK_EARLY" "talk -DWORK_TALK=\"local\"" "deep -DWORK_TALK=\"deep\"" \
    "tls -DWORK_TLS=64" "audit -DWORK_AUDIT" "ssl -DWORK_SSL" \
    "names -DWORK_NAMES"; do
    $cc -O1 -Wall -Wextra -Werror -shared -fPIC "${library#* }" \
        -o "$build/work_${library%% *}.so" "$here/work_library.c"
done
