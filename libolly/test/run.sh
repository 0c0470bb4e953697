#!/bin/sh
# Builds the library and its tests in BUILD_DIR and runs them: run.sh BUILD_DIR
# Prints "ok NAME" or "not ok NAME" and a last line "N passed, N failed".
set -u
build=${1:?usage: run.sh BUILD_DIR}
here=$(cd "$(dirname "$0")" && pwd)
cc=${CC:-cc}
mkdir -p "$build" || exit 1
build=$(cd "$build" && pwd)
lib=$build/libolly.so
results=$build/results.txt
: >"$results"

say() { # ok|not-ok NAME
    if [ "$1" = 0 ]; then echo "ok $2"; else echo "not ok $2"; fi | tee -a "$results"
}

check() { # NAME COMMAND ARG...
    name=$1
    shift
    "$@" >"$build/check.log" 2>&1
    code=$?
    [ "$code" = 0 ] || sed 's/^/    /' "$build/check.log" | head -20
    say "$code" "$name"
}

sh "$here/../build.sh" "$lib" "$cc" || exit 1
flags="-O1 -g -Wall -Wextra -Werror -pthread -U_FORTIFY_SOURCE"
# shellcheck disable=SC2086 # flags is a list of words
(
    cd "$here" || exit 1
    $cc $flags -o "$build/work" work.c work_*.c &&
        $cc $flags -o "$build/suite" suite.c harness.c test_*.c &&
        $cc $flags -o "$build/agent" agent.c harness.c &&
        sh libraries.sh "$build" "$cc" &&
        $cc $flags -O2 -o "$build/bench" bench.c harness.c
) || exit 1

exports() { # the exported names are those of the map, and nothing else
    nm -D --defined-only "$lib" | awk '{print $NF}' | sort >"$build/exported"
    sed -n '/global:/,/local:/p' "$here/../libolly.map" | grep -v ':' | tr -d ' \n' |
        tr ';' '\n' | sort >"$build/allowed"
    diff "$build/allowed" "$build/exported"
}
no_versions() { ! nm -D "$lib" | grep '@'; }
no_needed() { ! readelf -d "$lib" | grep NEEDED; }
only_weak() { ! nm -D --undefined-only "$lib" | grep -v ' w '; }
no_writable_code() { ! readelf -lW "$lib" | grep -E 'LOAD.*RWE|GNU_STACK.*RWE'; }
binds_now() { LD_BIND_NOW=1 LD_PRELOAD=$lib /bin/true; }
silent() { [ -z "$(LD_PRELOAD=$lib OLLY_CONTROL=/nonexistent OLLY_SOCKET=/nonexistent sh -c 'ls -d /' 2>&1 | grep -v '^/$')" ]; }

# Beyond what the loader did (openat, read, close) and the program asked for (write, close_range,
# clone), each system call of ours is tried where a seccomp filter may forbid it.
rehearsed() {
    called() { grep -oh 'olly_raw(SYS_[a-z0-9_]*' "$@" | sed 's/.*SYS_//' | sort -u; }
    { called "$here/../src/confined.c"; printf '%s\n' write close_range; } | sort >"$build/tried"
    for file in "$here"/../src/*.c; do [ "${file##*/}" = confined.c ] || called "$file"; done |
        sort -u | comm -23 - "$build/tried" | grep . && return 1
    return 0
}

check "seccomp: every system call is rehearsed" rehearsed
check "symbols: exports are the allow-list" exports
check "symbols: no versioned names" no_versions
check "symbols: only weak undefined names" only_weak
check "symbols: needs no library" no_needed
check "symbols: no writable code, no executable stack" no_writable_code
check "loads by a loader of 2012: nothing newer is in the file" sh "$here/loads.sh" "$lib"
if command -v aarch64-linux-gnu-gcc >/dev/null; then
    sh "$here/../build.sh" "$build/libolly-aarch64.so" aarch64-linux-gnu-gcc || exit 1
    check "the same for aarch64" sh "$here/loads.sh" "$build/libolly-aarch64.so"
fi
check "loads with LD_BIND_NOW=1" binds_now
check "silent without an agent" silent

# A suite that breaks off is a failure, too; one with failures ends with 1.
{
    timeout 1800 "$build/suite" "$lib" "$build/work" 2>"$build/suite.log"
    code=$?
    [ "$code" -le 1 ] || echo "not ok the suite broke off with $code"
} | tee -a "$results"
grep -q '^not ok' "$results" && sed 's/^/    /' "$build/suite.log"

if command -v python3 >/dev/null && command -v openssl >/dev/null; then
    check "tls: descriptors of the object" timeout 300 sh "$here/tls.sh" "$build" sync
    check "tls: memory BIOs in an event loop" timeout 300 sh "$here/tls.sh" "$build" asyncio
    if command -v node >/dev/null; then
        check "tls: the OpenSSL inside node" timeout 300 sh "$here/tls_node.sh" "$build"
    fi
fi

archive=$($cc -print-file-name=libssl.a)
if [ -f "$archive" ] && [ -f "$build/cert.pem" ]; then
    check "tls: OpenSSL as a part of a library, and of the program" \
        timeout 300 sh "$here/tls_exported.sh" "$build" "$cc" "$(dirname "$archive")"
fi

if echo '#include <gnutls/gnutls.h>' | $cc -E - >/dev/null 2>&1; then
    # shellcheck disable=SC2086 # flags is a list of words
    $cc $flags -o "$build/gnutls_work" "$here/gnutls_work.c" -lgnutls || exit 1
    check "gnutls: every call that moves plaintext, partial results, retries" \
        timeout 300 sh "$here/gnutls.sh" "$build"
fi

passed=$(grep -c '^ok' "$results")
failed=$(grep -c '^not ok' "$results")
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
