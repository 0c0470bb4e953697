/* The bytes of large streams. Invariant: a byte depends on its position only, not on the call. */
#ifndef OLLY_TEST_PATTERN_H
#define OLLY_TEST_PATTERN_H

#include <stdint.h>

#define LARGE_BYTES 300000u

static inline uint8_t pattern(uint64_t position) {
    return (uint8_t)(position * 2654435761u >> 13);
}

#endif
