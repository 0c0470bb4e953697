/*
 * Which socket carries which object of a TLS library, where the object itself does not say (memory
 * BIOs, and I/O functions of the application's own).
 * Invariant: a pair is believed only while the descriptor still means the connection it meant when
 * the pair was made; the table is bounded, and a full neighbourhood means "not known".
 */
#include "tls.h"

struct olly__pair {
    uintptr_t object;
    uint64_t fd_and_hash; /* fd + 1 in the low half, 0: not known; address hash in the high half */
};

static struct olly__pair olly__pairs[OLLY_TLS_PAIRS_MAX];

static size_t olly__start(const void *object) {
    uint64_t hash = (uintptr_t)object * 0x9e3779b97f4a7c15ull;
    return (size_t)(hash >> 40);
}

static struct olly__pair *olly__slot(size_t start, size_t probe) {
    return &olly__pairs[(start + probe) & (OLLY_TLS_PAIRS_MAX - 1)];
}

static struct olly__pair *olly__pair_of(const void *object) {
    size_t start = olly__start(object);
    for (size_t probe = 0; probe < OLLY_TLS_PAIR_PROBES; probe++) {
        struct olly__pair *slot = olly__slot(start, probe);
        if (__atomic_load_n(&slot->object, __ATOMIC_ACQUIRE) == (uintptr_t)object) {
            return slot;
        }
    }
    return NULL;
}

static uint64_t olly__hash_of(int fd) {
    return (olly_table_load(fd) & OLLY_ENTRY_HASH) << (32 - OLLY_ENTRY_HASH_SHIFT);
}

int olly_tls_pair_find(const void *object) {
    struct olly__pair *pair = olly__pair_of(object);
    uint64_t value = pair == NULL ? 0 : __atomic_load_n(&pair->fd_and_hash, __ATOMIC_RELAXED);
    int fd = (int)(uint32_t)value - 1;
    if (fd < 0 || olly__hash_of(fd) != (value & ~0xffffffffull)) {
        return -1;
    }
    return fd;
}

void olly_tls_pair_set(const void *object, int fd) {
    uint64_t value = (uint64_t)((uint32_t)fd + 1) | olly__hash_of(fd);
    struct olly__pair *pair = olly__pair_of(object);
    size_t start = olly__start(object);
    for (size_t probe = 0; pair == NULL && probe < OLLY_TLS_PAIR_PROBES; probe++) {
        struct olly__pair *slot = olly__slot(start, probe);
        uintptr_t unused = 0;
        if (__atomic_compare_exchange_n(&slot->object, &unused, (uintptr_t)object, false,
                                        __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) {
            pair = slot;
        }
    }
    if (pair != NULL) {
        __atomic_store_n(&pair->fd_and_hash, value, __ATOMIC_RELAXED);
    }
}

void olly_tls_pair_forget(const void *object) {
    struct olly__pair *pair = olly__pair_of(object);
    if (pair != NULL) {
        __atomic_store_n(&pair->fd_and_hash, 0, __ATOMIC_RELAXED);
        __atomic_store_n(&pair->object, 0, __ATOMIC_RELEASE);
    }
}
