#!/bin/sh
# tls_exported.sh BUILD_DIR CC ARCHIVES: OpenSSL's archives made part of a library, and of the
# program, with every function exported: the plaintext of each of four calls is told once.
set -eu
build=$1
cc=$2
archives=$3
here=$(cd "$(dirname "$0")" && pwd)
flags="-O1 -Wall -Wextra -Werror -pthread"
whole="-Wl,-u,OpenSSL_version_num -Wl,--whole-archive $archives/libssl.a"
whole="$whole -Wl,--no-whole-archive $archives/libcrypto.a"
# shellcheck disable=SC2086 # flags and whole are lists of words
{
    $cc -shared -o "$build/libexported.so" $whole -pthread -ldl
    $cc $flags -o "$build/tls_exported_library" "$here/tls_exported.c" -L"$build" -lexported \
        -Wl,-rpath,"$build"
    $cc $flags -rdynamic -o "$build/tls_exported_program" "$here/tls_exported.c" $whole -ldl
}
for by in library program; do
    "$build/agent" "$build/libolly.so" "$build/tls_exported_$by" "$build/cert.pem" \
        "$build/key.pem" >"$build/exported.out" 2>"$build/exported.txt"
    grep -q '^plain$' "$build/exported.out"
    grep '^SSL.* plain$' "$build/exported.txt" >"$build/exported.plain"
    cat "$build/exported.plain"
    [ "$(wc -l <"$build/exported.plain")" = 4 ]
done
