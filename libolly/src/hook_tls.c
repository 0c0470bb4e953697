/*
 * OpenSSL's calls: plaintext on its way in and out, and which socket it belongs to.
 * Invariant: the real function is the one the caller would have reached; its result goes back
 * untouched, and without one the call fails as OpenSSL's own would (-1, or 0 for the _ex calls).
 *
 * The socket of an SSL object is, in this order: what the object says (SSL_get_rfd/wfd); the
 * socket used inside the call, on this thread; for memory BIOs the socket read just before an
 * SSL call, or on which the first TLS record was written after one, in the same turn of the
 * event loop.
 */
#include "olly.h"

struct olly__tls_call {
    const struct olly_tls_library *library;
    struct olly_tls_library scratch;
    void *ssl;
    int fd;
    bool out;
    bool nested; /* inside another SSL call: TLS in TLS, whose plaintext is not the program's */
    uint64_t time;
    uint64_t ticket; /* proves to the I/O hooks that this frame is alive */
    uint64_t *outer_frame;
    uint64_t outer_ticket;
    void *outer_ssl;
    int outer_fd;
};

/* A handler may have jumped out of an SSL call: then the frame is above us on the stack, or what
 * it held has been overwritten. */
static bool olly__inside(void) {
    const uint64_t *frame = olly_thread.tls_frame;
    if (OLLY_LIKELY(frame == NULL)) {
        return false;
    }
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    uintptr_t there = (uintptr_t)frame;
    if (here > there || there - here > OLLY_TLS_NESTING_BYTES_MAX ||
        *frame != olly_thread.tls_ticket) {
        olly_thread.tls_frame = NULL;
        return false;
    }
    return true;
}

/* Inside SSL_read or SSL_write the socket's own bytes are the plaintext again, encrypted. */
bool olly_tls_hides(void) {
    return OLLY_UNLIKELY(olly__inside()) && olly_thread.tls_ssl != NULL;
}

/* A record header: handshake, alert, application data or change of cipher; version 3.x. */
static bool olly__is_record(const struct olly_io *io) {
    if (io->iov == NULL || io->iov_count == 0 || io->iov[0].iov_len < 3 || io->bytes < 3) {
        return false;
    }
    const uint8_t *at = io->iov[0].iov_base;
    return at[0] >= 0x14 && at[0] <= 0x17 && at[1] == 0x03 && at[2] <= 0x04;
}

/* A socket moved bytes on this thread. */
void olly_tls_saw_io(const struct olly_io *io) {
    if (OLLY_UNLIKELY(olly__inside())) {
        olly_thread.tls_fd = io->fd;
        return;
    }
    /* A socket that has had plaintext belongs to an SSL object already. */
    bool is_taken = (olly_table_load(io->fd) & OLLY_ENTRY_TLS) != 0;
    if (!io->out) {
        olly_thread.last_read_fd = !is_taken && olly__is_record(io) ? io->fd : -1;
        return;
    }
    if (OLLY_UNLIKELY(olly_thread.tls_awaiting != NULL) && !is_taken && olly__is_record(io)) {
        olly_tls_pair_set(olly_thread.tls_awaiting, io->fd);
        olly_thread.tls_awaiting = NULL;
    }
}

/* What was read or written in the last turn says nothing about this one. */
void olly_tls_loop_turn(void) {
    olly_thread.last_read_fd = -1;
    olly_thread.tls_awaiting = NULL;
    olly_thread.tls_ambiguous = 0;
}

static int olly__known_fd(const struct olly__tls_call *call) {
    int (*ask)(const void *) = call->out ? call->library->wfd : call->library->rfd;
    int fd = ask == NULL ? -1 : ask(call->ssl);
    return fd >= 0 ? fd : olly_tls_pair_find(call->ssl);
}

static void olly__enter(struct olly__tls_call *call) {
    olly_refresh();
    call->nested = olly__inside();
    call->fd = olly__known_fd(call);
    call->outer_frame = olly_thread.tls_frame;
    call->outer_ticket = olly_thread.tls_ticket;
    call->outer_ssl = olly_thread.tls_ssl;
    call->outer_fd = olly_thread.tls_fd;
    call->time = olly_now();
    call->ticket = call->time ^ (uintptr_t)call;
    olly_thread.tls_fd = -1;
    olly_thread.tls_ssl = call->ssl;
    olly_thread.tls_ticket = call->ticket;
    olly_thread.tls_frame = &call->ticket;
}

/* Bytes for an object without a socket: the next record on this thread tells, unless two objects
 * wait at once. */
static void olly__await(void *ssl) {
    if (olly_thread.tls_awaiting != NULL && olly_thread.tls_awaiting != ssl) {
        olly_thread.tls_ambiguous = 1;
    }
    olly_thread.tls_awaiting = olly_thread.tls_ambiguous != 0 ? NULL : ssl;
}

/* Learns the socket of an object that did not say. */
static void olly__learn(struct olly__tls_call *call, int inside_fd, bool sends) {
    int fd = inside_fd >= 0 || call->nested ? inside_fd : olly_thread.last_read_fd;
    if (fd >= 0 && (inside_fd >= 0 || !call->out)) {
        olly_tls_pair_set(call->ssl, fd);
        call->fd = fd;
    } else if (sends && !call->nested) {
        olly__await(call->ssl);
    }
}

static void olly__leave(struct olly__tls_call *call, bool sends) {
    int inside_fd = olly_thread.tls_fd;
    olly_thread.tls_frame = call->outer_frame;
    olly_thread.tls_ticket = call->outer_ticket;
    olly_thread.tls_ssl = call->outer_ssl;
    olly_thread.tls_fd = call->nested && inside_fd >= 0 ? inside_fd : call->outer_fd;
    call->ticket = 0;
    if (call->fd < 0) {
        olly__learn(call, inside_fd, sends);
    }
    if (call->fd == olly_thread.last_read_fd) {
        olly_thread.last_read_fd = -1; /* those bytes have found their object */
    }
}

static void olly__plaintext(struct olly__tls_call *call, const void *at, size_t bytes) {
    if (call->nested) {
        return;
    }
    if (call->fd < 0) {
        olly_count(OLLY_COUNT_TLS_UNPAIRED);
        return;
    }
    struct iovec iov = {.iov_base = (void *)(uintptr_t)at, .iov_len = bytes};
    struct olly_io io = {.fd = call->fd,
                         .out = call->out,
                         .iov = &iov,
                         .iov_count = 1,
                         .bytes = bytes,
                         .time = call->out ? call->time : olly_now()};
    olly_plaintext(&io);
}

#define OLLY__SSL_RECEIVED_SHUTDOWN 2

static void olly__plaintext_in(struct olly__tls_call *call, const void *to, size_t bytes,
                               bool at_end) {
    if (bytes > 0) {
        olly__plaintext(call, to, bytes);
    } else if (at_end && call->fd >= 0 && call->library->shutdown_state != NULL &&
               (call->library->shutdown_state(call->ssl) & OLLY__SSL_RECEIVED_SHUTDOWN) != 0) {
        olly__plaintext(call, NULL, 0);
    }
}

/* The return address names the module whose call this is. */
#define OLLY__CALLER ((uintptr_t)__builtin_return_address(0))

static __attribute__((noinline)) int olly__read(struct olly__tls_call *call, void *to, int n) {
    olly__enter(call);
    int got = call->library->read(call->ssl, to, n);
    olly__leave(call, false);
    olly__plaintext_in(call, to, got > 0 ? (size_t)got : 0, got == 0 && n > 0);
    return got;
}

OLLY_HOOK_ALWAYS(int, SSL_read, (void *ssl, void *to, int n)) {
    struct olly__tls_call call;
    call.library = olly_tls_library_of(OLLY__CALLER, &call.scratch);
    if (call.library == NULL || call.library->read == NULL) {
        return -1;
    }
    if (olly_dormant()) {
        return call.library->read(ssl, to, n);
    }
    call.ssl = ssl;
    call.out = false;
    return olly__read(&call, to, n);
}

static __attribute__((noinline)) int olly__read_ex(struct olly__tls_call *call, void *to,
                                                   size_t n, size_t *got) {
    olly__enter(call);
    int done = call->library->read_ex(call->ssl, to, n, got);
    olly__leave(call, false);
    olly__plaintext_in(call, to, done == 1 && got != NULL ? *got : 0, done == 0 && n > 0);
    return done;
}

OLLY_HOOK_ALWAYS(int, SSL_read_ex, (void *ssl, void *to, size_t n, size_t *got)) {
    struct olly__tls_call call;
    call.library = olly_tls_library_of(OLLY__CALLER, &call.scratch);
    if (call.library == NULL || call.library->read_ex == NULL) {
        return 0;
    }
    if (olly_dormant()) {
        return call.library->read_ex(ssl, to, n, got);
    }
    call.ssl = ssl;
    call.out = false;
    return olly__read_ex(&call, to, n, got);
}

OLLY_HOOK_ALWAYS(int, SSL_write, (void *ssl, const void *from, int n)) {
    struct olly__tls_call call;
    call.library = olly_tls_library_of(OLLY__CALLER, &call.scratch);
    if (call.library == NULL || call.library->write == NULL) {
        return -1;
    }
    if (olly_dormant()) {
        return call.library->write(ssl, from, n);
    }
    call.ssl = ssl;
    call.out = true;
    olly__enter(&call);
    int sent = call.library->write(ssl, from, n);
    olly__leave(&call, true);
    if (sent > 0) {
        olly__plaintext(&call, from, (size_t)sent);
    }
    return sent;
}

OLLY_HOOK_ALWAYS(int, SSL_write_ex, (void *ssl, const void *from, size_t n, size_t *sent)) {
    struct olly__tls_call call;
    call.library = olly_tls_library_of(OLLY__CALLER, &call.scratch);
    if (call.library == NULL || call.library->write_ex == NULL) {
        return 0;
    }
    if (olly_dormant()) {
        return call.library->write_ex(ssl, from, n, sent);
    }
    call.ssl = ssl;
    call.out = true;
    olly__enter(&call);
    int done = call.library->write_ex(ssl, from, n, sent);
    olly__leave(&call, true);
    if (done == 1 && sent != NULL && *sent > 0) {
        olly__plaintext(&call, from, *sent);
    }
    return done;
}

/* Handshakes carry no plaintext of the program's, but they tell which socket is whose before the
 * first byte of it. Their raw bytes are reported by the I/O hooks. */
typedef int olly__handshake_function(void *ssl);

static int olly__handshake(struct olly__tls_call *call, olly__handshake_function *real,
                           void *ssl) {
    if (olly_dormant()) {
        return real(ssl);
    }
    call->ssl = ssl;
    call->out = false;
    olly__enter(call);
    olly_thread.tls_ssl = NULL; /* a handshake: its bytes are shown */
    int result = real(ssl);
    olly__leave(call, true);
    return result;
}

#define OLLY__HANDSHAKE_HOOK(name, member)                                     \
    OLLY_HOOK_ALWAYS(int, name, (void *ssl)) {                                 \
        struct olly__tls_call call;                                            \
        call.library = olly_tls_library_of(OLLY__CALLER, &call.scratch);       \
        if (call.library == NULL || call.library->member == NULL) {            \
            return -1;                                                         \
        }                                                                      \
        return olly__handshake(&call, call.library->member, ssl);              \
    }
OLLY__HANDSHAKE_HOOK(SSL_do_handshake, handshake)
OLLY__HANDSHAKE_HOOK(SSL_connect, connect)
OLLY__HANDSHAKE_HOOK(SSL_accept, accept)

/* The address may come back as another connection's object. */
OLLY_HOOK_ALWAYS(void, SSL_free, (void *ssl)) {
    struct olly_tls_library scratch;
    const struct olly_tls_library *library = olly_tls_library_of(OLLY__CALLER, &scratch);
    if (ssl != NULL) {
        olly_tls_pair_forget(ssl);
        if (olly_thread.tls_awaiting == ssl) {
            olly_thread.tls_awaiting = NULL;
        }
    }
    if (library != NULL && library->free != NULL) {
        library->free(ssl);
    }
}

/* Unloading a library makes cached functions of it unusable. */
OLLY_HOOK_ALWAYS(int, dlclose, (void *handle)) {
    int (*real)(void *) = (int (*)(void *))olly_find_next("dlclose");
    if (real == NULL) {
        return -1;
    }
    int result = real(handle);
    olly_tls_libraries_check();
    return result;
}
