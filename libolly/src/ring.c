/*
 * The producer side of the shared ring; olly_wire.h states the layout.
 * Invariant: any number of threads and signal handlers may be in here at once; nobody waits for
 * anybody. A position comes from the shared header, an address only from position & mask.
 */
#include "olly.h"

struct olly_ring_header *olly_ring;
uint64_t olly_ring_bytes;

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

static inline void olly__ring_commit(struct olly_ring_header *ring, uint64_t position,
                                     uint64_t length) {
    OLLY__PUBLISHED(ring);
    __atomic_store_n((uint64_t *)(void *)olly_ring_at(ring, position),
                     olly_ring_word(position, length), __ATOMIC_RELEASE);
}

/* Reserves length bytes in one piece; UINT64_MAX when the agent has not made room. Who sees a head
 * sees what the agent has written before it moved that head or read up to it. */
static inline uint64_t olly__ring_reserve(struct olly_ring_header *ring, uint64_t length) {
    uint64_t head = __atomic_load_n(&ring->head, __ATOMIC_ACQUIRE);
    uint64_t bytes = OLLY_GET(olly_ring_bytes), rest, skipped;
    do {
        rest = bytes - (head & (bytes - 1));
        skipped = length <= rest ? 0 : rest;
        uint64_t limit = __atomic_load_n(&ring->limit, __ATOMIC_ACQUIRE);
        OLLY__READ_BY_AGENT(ring);
        /* No library leaves an odd head. */
        if (head + skipped + length > limit || OLLY_UNLIKELY((head & 7) != 0)) {
            return UINT64_MAX;
        }
    } while (OLLY_UNLIKELY(!__atomic_compare_exchange_n(&ring->head, &head,
                                                        head + skipped + length, true,
                                                        __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE)));
    if (skipped != 0) {
        olly__ring_commit(ring, head, skipped | OLLY_RING_PADDING);
    }
    return head + skipped;
}

/* Bytes that fit until the agent makes more room; what is not an answer is 0. */
uint64_t olly_ring_room(void) {
    const struct olly_ring_header *ring = __atomic_load_n(&olly_ring, __ATOMIC_RELAXED);
    uint64_t head = __atomic_load_n(&ring->head, __ATOMIC_ACQUIRE);
    uint64_t limit = __atomic_load_n(&ring->limit, __ATOMIC_ACQUIRE);
    return head < limit ? limit - head : 0;
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
    struct olly_ring_header *ring = __atomic_load_n(&olly_ring, __ATOMIC_RELAXED);
    uint64_t length = OLLY_RING_WORD_BYTES + sizeof *header + header->payload_len;
    length = (length + 7) & ~7ull;
    uint64_t position = olly__ring_reserve(ring, length);
    if (OLLY_UNLIKELY(position == UINT64_MAX)) {
        return false;
    }
    uint8_t *at = olly_ring_at(ring, position) + OLLY_RING_WORD_BYTES;
    __builtin_memcpy(at, header, sizeof *header);
    olly__gather(at + sizeof *header, from, header->payload_len);
    olly__ring_commit(ring, position, length);
    if (OLLY_UNLIKELY(ring != __atomic_load_n(&olly_ring, __ATOMIC_RELAXED))) {
        olly_ring_late(ring, position, length);
    }
    return true;
}
