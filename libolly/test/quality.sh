#!/bin/sh
# The library under sanitizers, valgrind, fuzzing and static analysis: quality.sh BUILD_DIR
# Prints "ok NAME" or "not ok NAME" and a last line "N passed, N failed".
# OLLY_FUZZ_SECONDS=N only fuzzes, for so long, from the corpus of earlier such runs.
set -u
build=${1:?usage: quality.sh BUILD_DIR}
here=$(cd "$(dirname "$0")" && pwd)
gcc=${OLLY_GCC:-gcc}
clang=${OLLY_CLANG:-clang}
mkdir -p "$build" || exit 1
build=$(cd "$build" && pwd)
results=$build/quality.txt
: >"$results"

check() { # NAME COMMAND ARG...
    what=$1
    shift
    if "$@" >"$build/check.log" 2>&1; then
        echo "ok $what" | tee -a "$results"
    else
        tail -n 40 "$build/check.log" | sed 's/^/    /'
        echo "not ok $what" | tee -a "$results"
    fi
}

programs() {
    flags="-O1 -g -Wall -Wextra -Werror -pthread -U_FORTIFY_SOURCE"
    cd "$here" || exit 1
    # shellcheck disable=SC2086 # flags is a list of words
    $gcc $flags -o "$build/work" work.c work_*.c &&
        $gcc $flags -o "$build/suite" suite.c harness.c test_*.c &&
        $gcc $flags -o "$build/agent" agent.c harness.c &&
        sh libraries.sh "$build" "$gcc"
}

library() { # NAME COMPILER CFLAGS
    mkdir -p "$build/$1"
    CFLAGS="-g $3" sh "$here/../build.sh" "$build/$1/libolly.so" "$2"
}

under() { # NAME PREFIX... -- WITHOUT...: the suite with a build of that name
    name=$1
    shift
    prefix=
    while [ "$1" != -- ]; do
        prefix="$prefix $1"
        shift
    done
    shift
    # shellcheck disable=SC2086 # prefix is a list of words
    $prefix timeout 1800 "$build/suite" "$build/$name/libolly.so" "$build/work" "$@" \
        >"$build/$name.out" 2>&1 && ! grep -q '^not ok' "$build/$name.out" && return
    cat "$build/$name.out"
    return 1
}

runtime() { realpath "$($gcc -print-file-name="lib$1.so")"; }

# A trap instead of a runtime: the library has no runtime to call.
undefined_behaviour() {
    library ubsan "$gcc" "-fsanitize=undefined -fsanitize-undefined-trap-on-error" &&
        under ubsan --
}

# Both runtimes wrap getaddrinfo: after a jump out of it their frame, not the program's, is left.
# Bad addresses and RTLD_DEEPBIND are what ASan objects to, and filters and limits end its runtime, in
# the bare run already; code built with it does not run before it has started, and a child with
# another environment than its parent's lacks the runtime.
addresses() {
    library asan "$gcc" "-fsanitize=address" &&
        OLLY_TEST_RUNTIME=$(runtime asan) ASAN_OPTIONS=detect_leaks=0 under asan -- \
            faults: children "inherited filter that ends" RLIMIT_AS "dlopen local" \
            "constructors that call" "siglongjmp out of getaddrinfo"
}

# TSan's own thread, its crash in system(), its need of madvise, of memory and of static TLS show in
# bare runs already, and filters end its runtime. What is left in a replaced ring is counted while
# late writers may still be filling it, on purpose. Its memory layout needs addresses that are not randomised.
threads() {
    library tsan "$gcc" "-fsanitize=thread" &&
        OLLY_TEST_RUNTIME=$(runtime tsan) under tsan setarch -R -- \
            faults: vfork children "no descriptor and no thread" "no MADV_WIPEONFORK" \
            LD_AUDIT "inherited filter that ends" RLIMIT_AS "dlopen local" "agent restarts amid" \
            "siglongjmp out of getaddrinfo"
}

valgrind_clean() {
    library plain "$gcc" "" || return 1
    for mode in io fork vfork stdio signals jump large-first large-last steps loop "threads 500"; do
        # shellcheck disable=SC2086 # mode is a list of words
        "$build/agent" "$build/plain/libolly.so" -q valgrind -q --error-exitcode=99 \
            --leak-check=full --errors-for-leak-kinds=definite \
            --suppressions="$here/valgrind.supp" "$build/work" $mode \
            >"$build/valgrind.log" 2>&1 || {
            echo "mode $mode"
            cat "$build/valgrind.log"
            return 1
        }
        grep -q '^messages [1-9]' "$build/valgrind.log" || {
            echo "mode $mode said nothing"
            return 1
        }
    done
}

fuzz() {
    library fuzz "$clang" "-O1 -fsanitize=address,undefined,fuzzer-no-link -fno-sanitize-recover=all" &&
        $clang -g -O1 -Wall -Wextra -Werror -fsanitize=fuzzer,address,undefined \
            -Wl,--export-dynamic -o "$build/fuzz/target" "$here/fuzz.c" || return 1
    corpus=$build/fuzz/corpus
    mkdir -p "$corpus"
    if [ "${OLLY_FUZZ_SECONDS:-0}" -gt 0 ]; then
        set -- "-max_total_time=$OLLY_FUZZ_SECONDS" "$corpus"
    else
        set -- -seed=1 -runs=20000
    fi
    ASAN_OPTIONS=detect_leaks=0 "$build/agent" "$build/fuzz/libolly.so" -q "$build/fuzz/target" \
        -max_len=4096 "-artifact_prefix=$build/fuzz/" "$@" >"$build/fuzz.log" 2>&1
    code=$?
    cat "$build/fuzz.log"
    [ "$code" = 0 ] && grep -q '^messages [1-9]' "$build/fuzz.log"
}

sources="-ffreestanding -fno-builtin -std=gnu11 -D_GNU_SOURCE"

gcc_analyzer() {
    for file in "$here"/../src/*.c; do
        # shellcheck disable=SC2086
        $gcc -fanalyzer -Werror -Wall -Wextra -O2 $sources -c -o /dev/null "$file" || return 1
    done
}

clang_tidy() {
    # shellcheck disable=SC2086
    (cd "$here/.." && ${OLLY_CLANG_TIDY:-clang-tidy} --quiet src/*.c -- $sources)
}

programs || exit 1
if [ "${OLLY_FUZZ_SECONDS:-0}" -gt 0 ]; then
    check "libFuzzer for $OLLY_FUZZ_SECONDS seconds" fuzz
    tail -n 3 "$build/fuzz.log"
    grep -q '^ok' "$results"
    exit
fi
check "UndefinedBehaviorSanitizer: the whole suite" undefined_behaviour
check "AddressSanitizer: the whole suite" addresses
check "ThreadSanitizer: the whole suite" threads
check "valgrind: no error, no leak" valgrind_clean
check "libFuzzer: bytes, vectors and addresses of the program" fuzz
check "gcc -fanalyzer: no finding" gcc_analyzer
check "clang-tidy: no finding" clang_tidy

passed=$(grep -c '^ok' "$results")
failed=$(grep -c '^not ok' "$results")
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
