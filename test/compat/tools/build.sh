# Sixty files of C compiled four at a time, a library, a program, and the same by cmake.
set -eu
objects=
for n in $(seq 60); do
    printf '#include <stdio.h>\nint part%s(int x) { return fflush(stdout) + x * %s; }\n' "$n" "$n" >"part$n.c"
    printf 'int part%s(int);\n' "$n" >>parts.h
    objects="$objects part$n.o"
done
{
    printf '#include <stdio.h>\n#include "parts.h"\nint main(void) { int sum = 0;\n'
    seq 60 | sed 's/.*/sum += part&(1);/'
    printf 'printf("%%d\\n", sum); return 3; }\n'
} >main.c
cat >Makefile <<MAKE
CFLAGS = -O1 -Wall
program: main.o libparts.a
	\$(CC) -o \$@ main.o libparts.a
libparts.a: $objects
	\$(AR) Drcs \$@ \$^
MAKE
make -s -j4 program
code=0
./program || code=$?
echo "exit code $code"
make -j4
printf 'int broken(void) { return missing; }\n' >broken.c
gcc -c broken.c 2>&1 || echo "gcc ends with $?"
ld missing.o 2>&1 || echo "ld ends with $?"
nm libparts.a | grep -c ' T '
objdump -d part7.o | sed 1,3d | head -20
