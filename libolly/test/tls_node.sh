#!/bin/sh
# tls_node.sh BUILD_DIR: tls_node.mjs hooked. What one end gives to TLS is what the other end gets,
# byte for byte in number, it begins as HTTP/2 does, and no ciphertext is reported beside it.
set -eu
build=$1
here=$(cd "$(dirname "$0")" && pwd)
"$build/agent" "$build/libolly.so" node "$here/tls_node.mjs" "$build" \
    >"$build/node.out" 2>"$build/node.txt"
[ "$(tr '\n' ' ' <"$build/node.out")" = "100000 100000 100000 " ]
! grep '^counter' "$build/node.txt" || exit 1
awk '
    /^CONNECT /{client = $4} /^ACCEPT /{server = $4}
    /^SSL/ {
        match($0, /wire=[0-9]+/); bytes = substr($0, RSTART + 5, RLENGTH - 5)
        if (bytes == 0) { match($0, / len=[0-9]+/); bytes = substr($0, RSTART + 5, RLENGTH - 5) }
        if (total[$1 $4] == 0) first[$1 $4] = $0
        total[$1 $4] += bytes
        plain[$4] = 1
    }
    /^(OUT|IN) / && plain[$4] && !/len=0 / { print; bad = 1 }
    END {
        asked = total["SSLOUT" client]; answered = total["SSLOUT" server]
        if (asked < 300000 || answered < 300000) bad = 1
        if (total["SSLIN" server] != asked || total["SSLIN" client] != answered) bad = 1
        if (first["SSLIN" server] !~ /PRI \* HTTP\/2\.0/) bad = 1
        print asked, total["SSLIN" server], answered, total["SSLIN" client]
        exit bad
    }' "$build/node.txt"
