/*
 * Raw system calls, one instruction sequence per architecture.
 * Invariant: errno is never read or written here; failures come back as -E values.
 */
#ifndef OLLY_SYSCALLS_H
#define OLLY_SYSCALLS_H

#include <sys/syscall.h>

/* Of kernels newer than the headers of the oldest C library. */
#define OLLY_MADV_WIPEONFORK 18
#define OLLY_MFD_CLOEXEC 1u
#define OLLY_MFD_ALLOW_SEALING 2u
#define OLLY_F_ADD_SEALS 1033
#define OLLY_RING_SEALS 7 /* SEAL, SHRINK, GROW */

#if defined(__x86_64__)
static inline long olly_syscall6(long n, long a, long b, long c, long d, long e, long f) {
    long result;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}
#elif defined(__aarch64__)
static inline long olly_syscall6(long n, long a, long b, long c, long d, long e, long f) {
    register long x8 __asm__("x8") = n;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = f;
    __asm__ volatile("svc 0"
                     : "+r"(x0)
                     : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                     : "memory");
    return x0;
}
#else
#error "this architecture has no raw system calls here yet"
#endif

#define OLLY_SYSCALL_PICK(_1, _2, _3, _4, _5, _6, _7, NAME, ...) NAME
#define OLLY_SYSCALL_1(n) olly_syscall6(n, 0, 0, 0, 0, 0, 0)
#define OLLY_SYSCALL_2(n, a) olly_syscall6(n, (long)(a), 0, 0, 0, 0, 0)
#define OLLY_SYSCALL_3(n, a, b) olly_syscall6(n, (long)(a), (long)(b), 0, 0, 0, 0)
#define OLLY_SYSCALL_4(n, a, b, c) olly_syscall6(n, (long)(a), (long)(b), (long)(c), 0, 0, 0)
#define OLLY_SYSCALL_5(n, a, b, c, d) \
    olly_syscall6(n, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)
#define OLLY_SYSCALL_6(n, a, b, c, d, e) \
    olly_syscall6(n, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), 0)
#define OLLY_SYSCALL_7(n, a, b, c, d, e, f) \
    olly_syscall6(n, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

/* olly_raw(SYS_close, fd): the number and up to six arguments. */
#define olly_raw(...)                                                                       \
    OLLY_SYSCALL_PICK(__VA_ARGS__, OLLY_SYSCALL_7, OLLY_SYSCALL_6, OLLY_SYSCALL_5,           \
                      OLLY_SYSCALL_4, OLLY_SYSCALL_3, OLLY_SYSCALL_2, OLLY_SYSCALL_1)(__VA_ARGS__)

#endif
