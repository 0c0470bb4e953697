/*
 * The producer side of the shared ring; olly_wire.h states the layout.
 * Invariant: any number of threads and signal handlers may be in here at once; nobody waits for
 * anybody. A position comes from the shared header, an address only from position & mask.
 */
#include "olly.h"

#define OLLY__RING_MASK ((uint64_t)OLLY_RING_DATA_BYTES - 1)

struct olly_ring_header *olly_ring;

/* A reader in another process orders the use of one place in two laps: published, read, tail moved,
 * reserved again. ThreadSanitizer sees one process only. */
#ifdef __SANITIZE_THREAD__
void __tsan_acquire(void *address);
void __tsan_release(void *address);
#define OLLY__PUBLISHED(ring) __tsan_release(&(ring)->tail)
#define OLLY__READ_BY_AGENT(ring) __tsan_acquire(&(ring)->tail)
#else
#define OLLY__PUBLISHED(ring) ((void)0)
#define OLLY__READ_BY_AGENT(ring) ((void)0)
#endif

static inline uint8_t *olly__ring_at(const struct olly_ring_header *ring, uint64_t position) {
    return (uint8_t *)(uintptr_t)ring + OLLY_RING_HEADER_BYTES + (position & OLLY__RING_MASK);
}

static inline void olly__ring_commit(uint64_t position, uint64_t length) {
    uint64_t word = length | (uint64_t)OLLY_RING_STAMP(position) << 32;
    OLLY__PUBLISHED(olly_ring);
    __atomic_store_n((uint64_t *)(void *)olly__ring_at(olly_ring, position), word,
                     __ATOMIC_RELEASE);
}

/* Reserves length bytes in one piece; UINT64_MAX when the agent has not made room. */
static inline uint64_t olly__ring_reserve(uint64_t length) {
    uint64_t head = __atomic_load_n(&olly_ring->head, __ATOMIC_RELAXED) & ~7ull;
    uint64_t rest, skipped;
    do {
        head &= ~7ull;
        rest = OLLY_RING_DATA_BYTES - (head & OLLY__RING_MASK);
        skipped = length <= rest ? 0 : rest;
        uint64_t tail = __atomic_load_n(&olly_ring->tail, __ATOMIC_ACQUIRE);
        OLLY__READ_BY_AGENT(olly_ring);
        /* Others may have written, and the agent read, since head was loaded: a tail beyond it says
         * that head is old, which the exchange below notices. */
        if (tail <= head && head + skipped + length - tail > OLLY_RING_DATA_BYTES) {
            return UINT64_MAX;
        }
    } while (OLLY_UNLIKELY(!__atomic_compare_exchange_n(&olly_ring->head, &head,
                                                        head + skipped + length, true,
                                                        __ATOMIC_RELAXED, __ATOMIC_RELAXED)));
    if (skipped != 0) {
        olly__ring_commit(head, skipped | OLLY_RING_PADDING);
    }
    return head + skipped;
}

/* Bytes that wait for the agent. */
uint64_t olly_ring_used(void) {
    /* The tail first, so that it is never above the head. */
    uint64_t tail = __atomic_load_n(&olly_ring->tail, __ATOMIC_ACQUIRE);
    return __atomic_load_n(&olly_ring->head, __ATOMIC_RELAXED) - tail;
}

void olly_gather_skip(struct olly_gather *from, size_t bytes) {
    while (bytes != 0 && from->count != 0) {
        size_t held = from->iov->iov_len - from->skip;
        if (bytes < held) {
            from->skip += bytes;
            return;
        }
        bytes -= held;
        from->iov++;
        from->count--;
        from->skip = 0;
    }
}

static inline void olly__gather(uint8_t *to, struct olly_gather *from, size_t bytes) {
    while (bytes != 0 && from->count != 0) {
        size_t held = from->iov->iov_len - from->skip;
        size_t taken = held < bytes ? held : bytes;
        memcpy(to, (const uint8_t *)from->iov->iov_base + from->skip, taken);
        to += taken;
        bytes -= taken;
        from->skip += taken;
        if (taken == held) {
            from->iov++;
            from->count--;
            from->skip = 0;
        }
    }
}

/* header->payload_len bytes are taken from what is gathered, which holds at least as many. */
bool olly_ring_put(const struct olly_header *header, struct olly_gather *from) {
    uint64_t length = OLLY_RING_WORD_BYTES + sizeof *header + header->payload_len;
    uint64_t position = olly__ring_reserve((length + 7) & ~7ull);
    if (OLLY_UNLIKELY(position == UINT64_MAX)) {
        return false;
    }
    uint8_t *at = olly__ring_at(olly_ring, position) + OLLY_RING_WORD_BYTES;
    __builtin_memcpy(at, header, sizeof *header);
    olly__gather(at + sizeof *header, from, header->payload_len);
    olly__ring_commit(position, (length + 7) & ~7ull);
    return true;
}

/* How many messages nobody read. Words come from shared memory, so each step is checked. */
uint64_t olly_ring_unread(const struct olly_ring_header *ring) {
    uint64_t head = __atomic_load_n(&ring->head, __ATOMIC_ACQUIRE);
    uint64_t at = __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE);
    uint64_t messages = 0;
    if (head - at > OLLY_RING_DATA_BYTES) {
        return 0;
    }
    while (at < head && (at & 7) == 0) {
        uint64_t word = __atomic_load_n(
            (const uint64_t *)(const void *)olly__ring_at(ring, at), __ATOMIC_ACQUIRE);
        uint64_t length = word & 0x7fffffffu;
        if ((uint32_t)(word >> 32) != OLLY_RING_STAMP(at) || length < OLLY_RING_WORD_BYTES) {
            at += 8; /* a record that was never finished */
            continue;
        }
        messages += (word & OLLY_RING_PADDING) == 0;
        at += length;
    }
    return messages;
}
