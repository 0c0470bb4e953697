/*
 * Own memory and string functions: the library links against nothing.
 * Invariant: hidden; the application's memcpy is neither called nor replaced.
 */
#include "olly.h"

typedef long long olly__block __attribute__((vector_size(16), aligned(1), may_alias));

#define OLLY__STRING_INSTRUCTION_BYTES_MIN 512u

/* A block, wherever it lies. */
static inline void olly__copy_block(uint8_t *to, const uint8_t *from) {
    *(olly__block *)(void *)to = *(const olly__block *)(const void *)from;
}

static inline void olly__copy_bytes(uint8_t *to, const uint8_t *from, size_t n) {
    while (n != 0) {
        *to++ = *from++;
        n--;
    }
}

void *memcpy(void *to_void, const void *from_void, size_t n) {
    uint8_t *to = to_void;
    const uint8_t *from = from_void;
#if defined(__x86_64__)
    if (n >= OLLY__STRING_INSTRUCTION_BYTES_MIN) {
        void *end = to;
        __asm__ volatile("rep movsb" : "+D"(end), "+S"(from), "+c"(n) : : "memory");
        return to_void;
    }
#endif
    if (n < 16) {
        olly__copy_bytes(to, from, n);
        return to_void;
    }
    size_t at = 0;
    for (; at + 64 <= n; at += 64) {
        olly__copy_block(to + at, from + at);
        olly__copy_block(to + at + 16, from + at + 16);
        olly__copy_block(to + at + 32, from + at + 32);
        olly__copy_block(to + at + 48, from + at + 48);
    }
    for (; at + 16 <= n; at += 16) {
        olly__copy_block(to + at, from + at);
    }
    /* The last block may overlap the one before it: no tail loop. */
    olly__copy_block(to + n - 16, from + n - 16);
    return to_void;
}

void *memset(void *to_void, int byte, size_t n) {
    uint8_t *to = to_void;
    for (size_t at = 0; at < n; at++) {
        to[at] = (uint8_t)byte;
    }
    return to_void;
}

int memcmp(const void *a_void, const void *b_void, size_t n) {
    const uint8_t *a = a_void;
    const uint8_t *b = b_void;
    for (size_t at = 0; at < n; at++) {
        if (a[at] != b[at]) {
            return a[at] < b[at] ? -1 : 1;
        }
    }
    return 0;
}

size_t olly_string_bytes(const char *string) {
    size_t n = 0;
    while (string[n] != '\0') {
        n++;
    }
    return n;
}

bool olly_string_equal(const char *a, const char *b) {
    while (*a != '\0' && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

/* Copies with a NUL; returns the length, or 0 with an empty result when it does not fit. */
size_t olly_string_copy(char *to, const char *from, size_t room) {
    size_t n = olly_string_bytes(from);
    if (n + 1 > room) {
        to[0] = '\0';
        return 0;
    }
    memcpy(to, from, n + 1);
    return n;
}
