#!/bin/sh
# Whether glibc 2.17's loader understands everything in a build of the library: loads.sh LIBRARY
# Prints what it would not, and then ends with 1. Later loaders and musl's understand that, too.
set -u
lib=$1
wrong=0

only() { # WHAT ALLOWED: each line of stdin is one of the words
    while read -r found; do
        case " $2 " in
        *" $found "*) ;;
        *) echo "$1: $found"; wrong=1 ;;
        esac
    done
    return $wrong
}

tags=$(readelf -dW "$lib" | sed -n 's/^ 0x[0-9a-f]* (\([A-Z0-9_]*\)).*/\1/p')
for tag in HASH GNU_HASH; do
    echo "$tags" | grep -qx "$tag" || { echo "no $tag"; wrong=1; }
done
echo "$tags" | sort -u | only "dynamic entry" "SONAME HASH GNU_HASH STRTAB SYMTAB STRSZ SYMENT PLTGOT \
PLTRELSZ PLTREL JMPREL RELA RELASZ RELAENT RELACOUNT INIT_ARRAY INIT_ARRAYSZ SYMBOLIC FLAGS \
FLAGS_1 NULL AARCH64_BTI_PLT AARCH64_PAC_PLT" || wrong=1
readelf -dW "$lib" | sed -n 's/.*(FLAGS_1).*Flags: //p; s/.*(FLAGS) *//p' | tr ' ' '\n' |
    sed '/^$/d' | only "flag" "SYMBOLIC BIND_NOW STATIC_TLS NOW NOOPEN" || wrong=1
readelf -rW "$lib" | awk '$3 ~ /^R_/ {print $3}' | sort -u | only "relocation" \
    "R_X86_64_RELATIVE R_X86_64_GLOB_DAT R_X86_64_JUMP_SLOT R_X86_64_64 R_X86_64_TPOFF64 \
R_AARCH64_RELATIVE R_AARCH64_GLOB_DAT R_AARCH64_JUMP_SLOT R_AARCH64_ABS64 R_AARCH64_TLS_TPREL64" ||
    wrong=1
readelf --dyn-syms -W "$lib" | awk '$1 ~ /^[0-9]+:$/ {print $4 "-" $5}' | sort -u | only "symbol" \
    "NOTYPE-LOCAL SECTION-LOCAL NOTYPE-WEAK FUNC-GLOBAL OBJECT-WEAK FUNC-WEAK TLS-LOCAL" || wrong=1
readelf -lW "$lib" | awk '$2 ~ /^0x/ {print $1}' | sort -u | only "segment" \
    "LOAD DYNAMIC NOTE GNU_PROPERTY TLS GNU_EH_FRAME GNU_STACK GNU_RELRO" || wrong=1
# Pages may have 64 KB on aarch64; a mapping must not share one with another kind of memory.
least=4096
readelf -hW "$lib" | grep -q AArch64 && least=65536
for alignment in $(readelf -lW "$lib" | awk '$1 == "LOAD" {print $NF}'); do
    [ $((alignment)) -ge $least ] || { echo "alignment: $alignment"; wrong=1; }
done
exit $wrong
