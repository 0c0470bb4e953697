#!/bin/sh
# Builds the preload library: build.sh OUT.so [CC]. It links against nothing, so that one file
# loads in every C library of its architecture.
set -eu
out=${1:?usage: build.sh OUT.so [CC]}
cc=${2:-cc}
here=$(cd "$(dirname "$0")" && pwd)

# Branch protection and atomics differ by architecture; helpers of libgcc are never wanted.
case $($cc -dumpmachine) in
x86_64*) arch="-fcf-protection" ;;
aarch64*) arch="-mbranch-protection=standard -mno-outline-atomics" ;;
*) echo "build.sh: only x86-64 and aarch64" >&2; exit 1 ;;
esac

# Copy loops must not become calls of memcpy inside our memcpy; clang's -ffreestanding sees to it.
if ! $cc --version | grep -q clang; then
    arch="$arch -fno-tree-loop-distribute-patterns"
fi

# shellcheck disable=SC2086 # CFLAGS and arch are lists of words
exec $cc -shared -o "$out" "$here"/src/*.c \
    -nostdlib -ffreestanding -fno-builtin -fno-stack-protector -fvisibility=hidden -fPIC \
    -ftls-model=initial-exec -O2 -std=gnu11 -D_GNU_SOURCE -U_FORTIFY_SOURCE \
    -Wall -Wextra -Wconversion -Werror \
    -fasynchronous-unwind-tables $arch ${CFLAGS:-} \
    -Wl,--hash-style=both,-z,nodlopen,-z,noexecstack,-z,relro,-z,now \
    -Wl,-soname,libolly.so \
    -Wl,--version-script="$here/libolly.map",-Bsymbolic
