/*
 * Which socket carries which TLS connection, by the one thing that both the bytes and the TLS
 * object tell: the random bytes of the ClientHello.
 * Invariant: one word says all of an entry, so that threads never mix two; an entry that was
 * overwritten, or never made, means "not known", never another connection's socket.
 */
#include "tls.h"

#define OLLY__RECORD_HANDSHAKE 0x16u
#define OLLY__CLIENT_HELLO 0x01u
#define OLLY__RANDOM_AT 11u /* behind record header 5, message header 4, version 2 */

/* Word: fd 18 bits, written 1, tag 45. The tag is never 0. */
#define OLLY__FD_BITS 18
#define OLLY__WRITTEN (1ull << OLLY__FD_BITS)
#define OLLY__TAG_SHIFT (OLLY__FD_BITS + 1)
_Static_assert(OLLY_FD_MAX == 1u << OLLY__FD_BITS, "a descriptor fits");

static uint64_t olly__hellos[OLLY_TLS_HELLOS_MAX];

static uint64_t olly__word(const uint8_t *at) {
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

/* The last bytes: the first ones may be a time, the very last eight may say "downgraded" only in
 * a ServerHello. */
static uint64_t olly__key(const uint8_t *random, bool written) {
    uint64_t tag = (olly__word(random + 24) << OLLY__TAG_SHIFT) | (1ull << 63);
    return tag | (written ? OLLY__WRITTEN : 0);
}

static uint64_t *olly__bucket(const uint8_t *random) {
    uint64_t at = olly__word(random + 16) & (OLLY_TLS_HELLOS_MAX - 1);
    return &olly__hellos[at & ~(uint64_t)(OLLY_TLS_HELLO_PROBES - 1)];
}

static bool olly__has_key(uint64_t entry, uint64_t key) {
    return (entry & ~(uint64_t)(OLLY_FD_MAX - 1)) == key;
}

static uint64_t *olly__find(uint64_t *bucket, uint64_t key) {
    for (size_t i = 0; i < OLLY_TLS_HELLO_PROBES; i++) {
        if (olly__has_key(__atomic_load_n(&bucket[i], __ATOMIC_RELAXED), key)) {
            return &bucket[i];
        }
    }
    return NULL;
}

/* In front; what was there moves on, and the oldest falls out. Hellos that nobody asks for (of a
 * relay, of handshakes that failed) leave like that. */
static void olly__put_first(uint64_t *bucket, uint64_t entry) {
    for (size_t i = 0; i < OLLY_TLS_HELLO_PROBES && entry != 0; i++) {
        entry = __atomic_exchange_n(&bucket[i], entry, __ATOMIC_RELAXED);
    }
}

/* Where one process relays what it reads (a proxy before its own server), the client wrote the
 * hello first and the server read it last. */
static void olly__remember(const uint8_t *random, int fd, bool written) {
    uint64_t *bucket = olly__bucket(random);
    uint64_t key = olly__key(random, written);
    uint64_t *known = olly__find(bucket, key);
    if (known == NULL) {
        olly__put_first(bucket, key | (uint32_t)fd);
    } else if (!written) {
        __atomic_store_n(known, key | (uint32_t)fd, __ATOMIC_RELAXED);
    }
}

/* Bytes moved on a socket of which no plaintext is known yet. */
void olly_tls_hello_saw(const struct olly_io *io) {
    const size_t least = OLLY__RANDOM_AT + OLLY_TLS_RANDOM_BYTES;
    if (io->iov == NULL || io->iov_count == 0 || io->bytes < least || io->iov[0].iov_len < least) {
        return;
    }
    const uint8_t *at = io->iov[0].iov_base;
    if (OLLY_UNLIKELY(at[0] == OLLY__RECORD_HANDSHAKE && at[1] == 0x03 &&
                      at[5] == OLLY__CLIENT_HELLO && at[9] == 0x03)) {
        olly__remember(at + OLLY__RANDOM_AT, io->fd, io->out);
    }
}

/* Used up: the caller keeps what it learns. */
static int olly__take(const uint8_t *random, bool is_server) {
    uint64_t key = olly__key(random, !is_server);
    uint64_t *known = olly__find(olly__bucket(random), key);
    uint64_t entry = known == NULL ? 0 : __atomic_load_n(known, __ATOMIC_RELAXED);
    if (!olly__has_key(entry, key)) {
        return -1;
    }
    int fd = (int)(entry & (OLLY_FD_MAX - 1));
    /* It may be moving on in another thread just now; then it stays. */
    __atomic_compare_exchange_n(known, &entry, 0, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
    return fd;
}

/* Before its handshake an object holds zeros; a hello of zeros must not be taken for it. */
static bool olly__is_unset(const uint8_t *random) {
    return (olly__word(random) | olly__word(random + 8) | olly__word(random + 16) |
            olly__word(random + 24)) == 0;
}

/* The socket that carried the object's ClientHello, kept as its pair; -1 when it was not seen. */
int olly_tls_hello_pair(const void *ssl, olly_client_random *client_random,
                        olly_is_server *is_server) {
    uint8_t random[OLLY_TLS_RANDOM_BYTES];
    if (client_random(ssl, random, sizeof random) != sizeof random || olly__is_unset(random)) {
        return -1;
    }
    int fd = olly__take(random, is_server(ssl) != 0);
    if (fd >= 0) {
        olly_tls_pair_set(ssl, fd);
    }
    return fd;
}
