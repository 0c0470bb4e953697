/*
 * A new ring in place of one whose agent is gone, while other threads still write to the old one.
 * Invariant: what is in the old ring and was not read is counted once: whoever clears the word of a
 * message counts it, be it this file or the thread that wrote it too late. Writers pay for it with
 * one comparison, so a ring that was replaced stays mapped until its place is needed again.
 */
#include <sys/mman.h>

#include "olly.h"

#define OLLY__RING_BYTES (OLLY_RING_HEADER_BYTES + (size_t)olly_ring_bytes)
#define OLLY__PAUSE_NS 50000

struct olly__place {
    struct olly_ring_header *at;
    uint64_t claimed_below; /* only messages before this position are cleared by olly__retire */
    uint32_t installed;     /* the how manyeth ring of this process it is */
    bool retired;
    bool whole; /* every message in it was finished: nobody is still writing one */
    bool foreign; /* was the parent's, as a forked child finds it */
};

static struct olly__place olly__places[OLLY_RING_PLACES_MAX];
static uint32_t olly__installed;

static uint64_t *olly__word_at(struct olly_ring_header *ring, uint64_t position) {
    return (uint64_t *)(void *)olly_ring_at(ring, position);
}

/* Carries counts over to the current ring, and on, should that be replaced meanwhile. */
void olly_counters_move(uint64_t *from) {
    for (;;) {
        struct olly_ring_header *to = __atomic_load_n(&olly_ring, __ATOMIC_SEQ_CST);
        if (from == to->counters) {
            return;
        }
        for (size_t i = 0; i < OLLY_RING_COUNTERS; i++) {
            uint64_t counted = __atomic_exchange_n(&from[i], 0, __ATOMIC_SEQ_CST);
            __atomic_fetch_add(&to->counters[i], counted, __ATOMIC_SEQ_CST);
        }
        from = to->counters;
    }
}

/* Clears the words of finished messages and counts them. Words come from shared memory, so each
 * step is checked. False when there is one that is not finished. */
static bool olly__claim(struct olly_ring_header *ring, uint64_t head, uint64_t *claimed) {
    bool whole = true;
    uint64_t at = __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE);
    if (head - at > olly_ring_bytes || ((head | at) & 7) != 0) {
        return true;
    }
    while (at < head) {
        uint64_t *place = olly__word_at(ring, at);
        uint64_t word = __atomic_load_n(place, __ATOMIC_ACQUIRE);
        uint64_t length = word & (OLLY_RING_PADDING - 1);
        if (word == OLLY_RING_CLAIMED(at, length) && length != 0) {
            at += length;
        } else if ((uint32_t)(word >> 32) != OLLY_RING_STAMP(at) || length == 0 ||
                   (length & 7) != 0) {
            whole = false;
            at += 8;
        } else {
            if ((word & OLLY_RING_PADDING) == 0 &&
                __atomic_compare_exchange_n(place, &word, OLLY_RING_CLAIMED(at, length), false,
                                            __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) {
                ++*claimed;
            }
            at += length;
        }
    }
    return whole;
}

/* Gives the memory back; the addresses stay good for a thread that still writes there. */
static void olly__empty(struct olly_ring_header *ring, size_t from) {
    olly_map_ring((uint8_t *)ring + from, OLLY__RING_BYTES - from,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1);
}

/* Nobody begins to write there any more, but for threads that loaded the address before. */
static void olly__retire(struct olly__place *place) {
    struct olly_ring_header *ring = place->at;
    place->retired = true;
    if (place->foreign) {
        olly__empty(ring, 0);
        place->whole = true;
        return;
    }
    olly_counters_move(ring->counters);
    uint64_t claimed = 0;
    uint64_t head = __atomic_load_n(&ring->head, __ATOMIC_SEQ_CST);
    __atomic_store_n(&place->claimed_below, head, __ATOMIC_SEQ_CST);
    place->whole = olly__claim(ring, head, &claimed);
    if (!place->whole) {
        /* A store that its processor had not published yet is there after this; a writer that was
         * interrupted in its middle sees the new ring afterwards, and counts for itself. */
        struct timespec pause = {.tv_sec = 0, .tv_nsec = OLLY__PAUSE_NS};
        olly_raw(SYS_nanosleep, &pause, 0);
        place->whole = olly__claim(ring, head, &claimed);
    }
    __atomic_fetch_add(&olly_ring->counters[OLLY_COUNT_AGENT_GONE], claimed, __ATOMIC_RELAXED);
    if (place->whole) {
        olly__empty(ring, OLLY_RING_HEADER_BYTES);
    }
}

/* What writers that were late have finished since can be given back, too. */
static void olly__look_again(struct olly__place *place) {
    uint64_t claimed = 0;
    if (place->at != NULL && place->retired && !place->whole &&
        olly__claim(place->at, place->claimed_below, &claimed)) {
        place->whole = true;
        olly__empty(place->at, OLLY_RING_HEADER_BYTES);
    }
    __atomic_fetch_add(&olly_process->counters[OLLY_COUNT_AGENT_GONE], claimed, __ATOMIC_RELAXED);
}

/* One that was never used, else the oldest in which nobody is writing, else the oldest. */
static struct olly__place *olly__free_place(void) {
    struct olly__place *best = &olly__places[olly__places[0].at == olly_ring ? 1 : 0];
    for (uint32_t i = 0; i < OLLY_RING_PLACES_MAX; i++) {
        struct olly__place *place = &olly__places[i];
        olly__look_again(place);
        if (place->at == NULL) {
            return place;
        }
        bool better = place->whole != best->whole ? place->whole
                                                  : place->installed < best->installed;
        if (place->at != olly_ring && better) {
            best = place;
        }
    }
    return best;
}

static void olly__inherit(void) {
    for (uint32_t i = 0; i < OLLY_RING_PLACES_MAX; i++) {
        olly__places[i].foreign = true;
        olly__places[i].retired = false;
    }
}

/* To the address of a ring that is not used any more. Where that is refused (a filter, too many
 * mappings) the new ring stays where it is, and the old address is given up. */
static struct olly_ring_header *olly__move(struct olly_ring_header *ring,
                                           struct olly_ring_header *to) {
    long at = olly_raw(SYS_mremap, ring, OLLY__RING_BYTES, OLLY__RING_BYTES,
                       MREMAP_MAYMOVE | MREMAP_FIXED, to);
    return at == (long)to ? to : ring;
}

/* The thread that registers is alone in here. */
void olly_ring_install(struct olly_ring_header *ring) {
    if (olly_process->owns_ring == 0) {
        olly__inherit();
    }
    struct olly__place *place = olly__free_place();
    if (place->at != NULL) {
        if (!place->foreign) {
            olly_counters_move(place->at->counters);
        }
        ring = olly__move(ring, place->at);
    }
    *place = (struct olly__place){
        .at = ring, .claimed_below = UINT64_MAX, .installed = ++olly__installed};
    __atomic_store_n(&olly_ring, ring, __ATOMIC_SEQ_CST);
    olly_process->owns_ring = 1;
    __atomic_store_n(&olly_process->mode, OLLY_MODE_RING, __ATOMIC_SEQ_CST);
    olly_counters_move(olly_process->counters);
    for (uint32_t i = 0; i < OLLY_RING_PLACES_MAX; i++) {
        struct olly__place *other = &olly__places[i];
        if (other != place && other->at != NULL && !other->retired) {
            olly__retire(other);
        }
    }
}

void olly_rings_unlock(void) {
    for (uint32_t i = 0; i < OLLY_RING_PLACES_MAX; i++) {
        if (olly__places[i].at != NULL) {
            olly_raw(SYS_munlock, olly__places[i].at, OLLY__RING_BYTES);
        }
    }
}

/* Nobody is writing to one, and nobody begins to. */
void olly_rings_unmap(void) {
    for (uint32_t i = 0; i < OLLY_RING_PLACES_MAX; i++) {
        if (olly__places[i].at != NULL) {
            olly_raw(SYS_munmap, olly__places[i].at, OLLY__RING_BYTES);
        }
        olly__places[i] = (struct olly__place){.at = NULL};
    }
}

/* The calling thread wrote to a ring that had been replaced before it was done. Has its place been
 * taken by a new ring since, everything in the old one had been counted before that. */
void olly_ring_late(struct olly_ring_header *ring, uint64_t position, uint64_t length) {
    if (ring == __atomic_load_n(&olly_ring, __ATOMIC_SEQ_CST)) {
        return;
    }
    for (uint32_t i = 0; i < OLLY_RING_PLACES_MAX; i++) {
        struct olly__place *place = &olly__places[i];
        if (place->at != ring) {
            continue;
        }
        uint64_t word = olly_ring_word(position, length);
        bool cleared = __atomic_compare_exchange_n(
            olly__word_at(ring, position), &word, OLLY_RING_CLAIMED(position, length), false,
            __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
        bool beyond = position >= __atomic_load_n(&place->claimed_below, __ATOMIC_SEQ_CST);
        if (!place->foreign && (cleared || beyond)) {
            olly_count(OLLY_COUNT_AGENT_GONE);
        }
    }
}
