#!/bin/sh
# tls.sh BUILD_DIR sync|asyncio: a Python TLS server and clients, hooked; their plaintext must come
# out whole, on the right connection, and no ciphertext of application data beside it.
set -eu
build=$1
here=$(cd "$(dirname "$0")" && pwd)
if [ ! -f "$build/cert.pem" ]; then
    openssl req -x509 -newkey rsa:2048 -nodes -keyout "$build/key.pem" -out "$build/cert.pem" \
        -days 30 -subj /CN=localhost 2>/dev/null
fi
# A version manager's shim would start dozens of shells: the interpreter itself is wanted.
python=$(python3 -c 'import sys; print(sys.executable)')
"$build/agent" "$build/libolly.so" "$python" "$here/tls_work.py" "$2" "$build" \
    >"$build/tls.out" 2>"$build/tls.$2.txt"
grep -q '^done$' "$build/tls.out"
"$python" "$here/tls_check.py" "$build/tls.$2.txt"
