/*
 * OpenSSL inside an executable that calls it directly (node): no call passes a symbol that we could
 * stand in front of. Every TLS object finds its read, write and free through the table of its
 * protocol version; three slots of each table become ours.
 * Invariant: a slot is replaced only when it holds exactly the function that the same module
 * exports under the expected name, in a version whose functions are known to take these arguments;
 * any doubt leaves the table alone.
 *
 * Handshakes run inside the read slot, and node runs JavaScript inside handshakes: other sockets
 * move bytes there. So nothing is concluded from what happens during a call; the socket is the one
 * that carried this connection's ClientHello.
 */
#include "tls.h"

#define OLLY__TABLE_WORDS 24u /* the slots wanted are among the first 16 in every version */
#define OLLY__RECEIVED_SHUTDOWN 2

static const char *const olly__methods[] = {
    "TLS_method",     "TLS_server_method",     "TLS_client_method",
    "tlsv1_3_method", "tlsv1_3_server_method", "tlsv1_3_client_method",
    "tlsv1_2_method", "tlsv1_2_server_method", "tlsv1_2_client_method",
    "tlsv1_1_method", "tlsv1_1_server_method", "tlsv1_1_client_method",
    "tlsv1_method",   "tlsv1_server_method",   "tlsv1_client_method",
};

static struct {
    int (*read)(void *, void *, size_t, size_t *);
    int (*write)(void *, const void *, size_t, size_t *);
    void (*free)(void *);
    unsigned long (*version)(void);
    olly_client_random *client_random;
    olly_is_server *is_server;
    int (*shutdown_state)(const void *);
    int (*socket)(const void *);
} olly__openssl;

static const char *const olly__names[] = {
    "ssl3_read",           "ssl3_write",    "tls1_free",        "OpenSSL_version_num",
    "SSL_get_client_random", "SSL_is_server", "SSL_get_shutdown", "SSL_get_fd",
};
#define OLLY__NAMES (sizeof olly__names / sizeof olly__names[0])
_Static_assert(sizeof olly__openssl == OLLY__NAMES * sizeof(void *), "one name per member");

static int olly__socket_of(const void *ssl) {
    int fd = olly_tls_pair_find(ssl);
    if (OLLY_LIKELY(fd >= 0)) {
        return fd;
    }
    fd = olly__openssl.socket(ssl);
    return fd >= 0 ? fd
                   : olly_tls_hello_pair(ssl, olly__openssl.client_random,
                                         olly__openssl.is_server);
}

static void olly__said(const void *ssl, struct olly_io *io) {
    olly_refresh();
    io->fd = olly__socket_of(ssl);
    if (io->fd >= 0) {
        olly_plaintext(io);
    } else if (io->bytes > 0) {
        olly_count(OLLY_COUNT_TLS_UNPAIRED);
    }
}

static __attribute__((noinline)) int olly__slot_read_active(void *ssl, void *to, size_t n,
                                                            size_t *got) {
    int done = olly__openssl.read(ssl, to, n, got);
    bool at_end = done == 0 && n > 0 &&
                  (olly__openssl.shutdown_state(ssl) & OLLY__RECEIVED_SHUTDOWN) != 0;
    if ((done == 1 && *got > 0) || at_end) {
        struct iovec iov = {.iov_base = to, .iov_len = n};
        struct olly_io io = {.iov = &iov, .iov_count = 1, .time = olly_now()};
        io.bytes = at_end ? 0 : *got;
        olly__said(ssl, &io);
    } else if (done <= 0) {
        olly__socket_of(ssl); /* a step of the handshake; renegotiation would bring another hello */
    }
    return done;
}

static int olly__slot_read(void *ssl, void *to, size_t n, size_t *got) {
    return olly_dormant() ? olly__openssl.read(ssl, to, n, got)
                          : olly__slot_read_active(ssl, to, n, got);
}

static __attribute__((noinline)) int olly__slot_write_active(void *ssl, const void *from, size_t n,
                                                             size_t *sent) {
    uint64_t time = olly_now();
    int done = olly__openssl.write(ssl, from, n, sent);
    if (done == 1 && *sent > 0) {
        struct iovec iov = {.iov_base = (void *)(uintptr_t)from, .iov_len = n};
        struct olly_io io = {
            .out = true, .iov = &iov, .iov_count = 1, .bytes = *sent, .time = time};
        olly__said(ssl, &io);
    }
    return done;
}

static int olly__slot_write(void *ssl, const void *from, size_t n, size_t *sent) {
    return olly_dormant() ? olly__openssl.write(ssl, from, n, sent)
                          : olly__slot_write_active(ssl, from, n, sent);
}

/* The address may come back as another connection's object. */
static void olly__slot_free(void *ssl) {
    olly_tls_pair_forget(ssl);
    olly__openssl.free(ssl);
}

/* 1.1.1 and 3.x. Earlier ones take other arguments; LibreSSL counts from 2, later ones are not
 * known. */
static bool olly__is_known_version(unsigned long version) {
    return version >> 12 == 0x10101 || version >> 28 == 3;
}

static void **olly__slot_holding(void **table, void *function) {
    for (size_t i = 0; i < OLLY__TABLE_WORDS; i++) {
        if (table[i] == function) {
            return &table[i];
        }
    }
    return NULL;
}

/* The free slot first: from then on no object is forgotten too late. */
static void olly__patch_table(void **table) {
    void **read = olly__slot_holding(table, (void *)olly__openssl.read);
    void **write = olly__slot_holding(table, (void *)olly__openssl.write);
    void **release = olly__slot_holding(table, (void *)olly__openssl.free);
    if (read == NULL || write == NULL || release == NULL ||
        !olly_replace_pointer(release, (void *)olly__slot_free)) {
        return;
    }
    olly_replace_pointer(read, (void *)olly__slot_read);
    olly_replace_pointer(write, (void *)olly__slot_write);
}

/* The executable alone, which comes first: calls of what a library exports pass the symbols that
 * hook_tls.c stands in front of, and would be reported twice. */
static int olly__patch_executable(const struct olly_module *module, void *data) {
    (void)data;
    void **members = (void **)(void *)&olly__openssl;
    for (size_t i = 0; i < OLLY__NAMES; i++) {
        members[i] = olly_module_symbol(module, olly__names[i]);
        if (members[i] == NULL) {
            return 1;
        }
    }
    if (!olly__is_known_version(olly__openssl.version())) {
        return 1;
    }
    for (size_t i = 0; i < sizeof olly__methods / sizeof olly__methods[0]; i++) {
        void *method = olly_module_symbol(module, olly__methods[i]);
        if (method != NULL) {
            olly__patch_table(((void **(*)(void))method)());
        }
    }
    return 1;
}

void olly_tls_static_patch(void) {
    olly_modules(olly__patch_executable, NULL);
}
