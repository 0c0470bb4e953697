#!/bin/sh
# gnutls.sh BUILD_DIR: gnutls_work bare and hooked. Its output must be the same, its plaintext must
# come out as it was sent and received, and no ciphertext of application data beside it.
set -eu
build=$1
"$build/gnutls_work" >"$build/gnutls.bare"
"$build/agent" "$build/libolly.so" "$build/gnutls_work" >"$build/gnutls.hooked" 2>"$build/gnutls.txt"
cmp "$build/gnutls.bare" "$build/gnutls.hooked"

# One direction of each connection, in order; a call whose bytes were not captured by its length.
said() { # TYPE FD
    sed -n "s/^$1 pid=[0-9]* tid=[0-9]* fd=$2 \(.*\)/\1/p" "$build/gnutls.txt" |
        sed 's/.*wire=\([1-9][0-9]*\) len=0 .*/(\1)/; s/.*wire=0 len=[0-9]* //' | tr -d '\n'
}
client='by-send;by-send2;by-range;by-cork-1;by-cork-2;'
server='by-parts;by-late;'
sent="${client}by-retry;(8)$client${client}by-retry;(8)"
got="${client}by-retry;by-null;$client${client}by-retry;by-null;"
[ "$(said SSLOUT 4)" = "$sent" ] || { said SSLOUT 4; exit 1; }
[ "$(said SSLIN 5)" = "$got" ] || { said SSLIN 5; exit 1; }
[ "$(said SSLOUT 5)" = "$server$server$server" ] || { said SSLOUT 5; exit 1; }
[ "$(said SSLIN 4)" = "by-parts;by-parts;by-parts;" ] || { said SSLIN 4; exit 1; }
! grep '^counter' "$build/gnutls.txt" || exit 1
# The end of what the client sends, once for each connection.
[ "$(grep -c '^SSLIN .* fd=5 .* wire=0 len=0' "$build/gnutls.txt")" = 3 ] || exit 1
awk '/^(CONNECT|ACCEPT) /{delete plain[$4]} /^SSL/{plain[$4]=1}
     /^(OUT|IN) / && plain[$4] && !/len=0 /{print; bad=1} END{exit bad}' "$build/gnutls.txt"
