/*
 * OpenSSL's calls: plaintext on its way in and out.
 * Invariant: the real function is the one the caller would have reached; its result goes back
 * untouched, and without one the call fails as OpenSSL's own would (-1, or 0 for the _ex calls).
 *
 * A program may run anything inside a handshake (node runs JavaScript there): a read or write that
 * shakes hands leaves no frame, and nothing is concluded from what happens in it.
 */
#include "tls.h"

#define OLLY__SSL_RECEIVED_SHUTDOWN 2
#define OLLY__EARLY_DATA_SUCCESS 1

struct olly__ssl_call {
    struct olly_tls_call call;
    const struct olly_openssl *ssl;
    union olly_tls_functions scratch;
};

/* False: no module has OpenSSL's functions. Dormant, this is all. */
static bool olly__find(struct olly__ssl_call *call, struct olly_caller caller) {
    const union olly_tls_functions *found =
        olly_tls_functions_of(OLLY_OPENSSL, caller.address, &call->scratch);
    call->ssl = found == NULL ? NULL : &found->openssl;
    call->call.proof.return_slot = caller.slot;
    return found != NULL;
}

/* OpenSSL since 1.1.0. */
static bool olly__tells_hello(const struct olly_openssl *ssl) {
    return ssl->in_init != NULL && ssl->client_random != NULL && ssl->is_server != NULL;
}

static int olly__socket_of(const struct olly_openssl *ssl, const void *object) {
    int fd = olly_tls_pair_find(object);
    return fd >= 0 || !olly__tells_hello(ssl)
               ? fd
               : olly_tls_hello_pair(object, ssl->client_random, ssl->is_server);
}

static void olly__prepare(struct olly__ssl_call *call, void *object, bool out) {
    int (*ask)(const void *) = out ? call->ssl->wfd : call->ssl->rfd;
    int fd = ask == NULL ? -1 : ask(object);
    call->call.object = object;
    call->call.out = out;
    call->call.is_guess = false;
    call->call.is_brief = false;
    call->call.shakes_hands = olly__tells_hello(call->ssl) && call->ssl->in_init(object) != 0;
    call->call.fd = fd >= 0 ? fd : olly__socket_of(call->ssl, object);
}

static void olly__enter(struct olly__ssl_call *call, void *object, bool out) {
    olly__prepare(call, object, out);
    if (!call->call.shakes_hands) {
        olly_tls_enter(&call->call);
        return;
    }
    olly_refresh();
    call->call.nested = false;
    call->call.time = olly_now();
}

static void olly__leave(struct olly__ssl_call *call, bool sends) {
    if (!call->call.shakes_hands) {
        olly_tls_leave(&call->call, sends);
    } else if (call->call.fd < 0) {
        call->call.fd = olly__socket_of(call->ssl, call->call.object);
    }
}

static void olly__plaintext_in(struct olly__ssl_call *call, const void *to, size_t bytes,
                               bool at_end) {
    if (bytes > 0) {
        olly_tls_plain(&call->call, to, bytes);
    } else if (at_end && call->ssl->shutdown_state != NULL &&
               (call->ssl->shutdown_state(call->call.object) & OLLY__SSL_RECEIVED_SHUTDOWN) != 0) {
        olly_tls_ended(&call->call);
    }
}

OLLY_HOOK_ALWAYS(int, SSL_read, (void *ssl, void *to, int n)) {
    struct olly__ssl_call call;
    if (!olly__find(&call, OLLY_CALLER) || call.ssl->read == NULL) {
        return -1;
    }
    if (olly_dormant()) {
        return call.ssl->read(ssl, to, n);
    }
    olly__enter(&call, ssl, false);
    int got = call.ssl->read(ssl, to, n);
    olly__leave(&call, false);
    olly__plaintext_in(&call, to, got > 0 ? (size_t)got : 0, got == 0 && n > 0);
    return got;
}

OLLY_HOOK_ALWAYS(int, SSL_read_ex, (void *ssl, void *to, size_t n, size_t *got)) {
    struct olly__ssl_call call;
    if (!olly__find(&call, OLLY_CALLER) || call.ssl->read_ex == NULL) {
        return 0;
    }
    if (olly_dormant()) {
        return call.ssl->read_ex(ssl, to, n, got);
    }
    olly__enter(&call, ssl, false);
    int done = call.ssl->read_ex(ssl, to, n, got);
    olly__leave(&call, false);
    olly__plaintext_in(&call, to, done == 1 && got != NULL ? *got : 0, done == 0 && n > 0);
    return done;
}

/* A server's; what a client sends early may be refused and sent again, so that is not reported. */
OLLY_HOOK_ALWAYS(int, SSL_read_early_data, (void *ssl, void *to, size_t n, size_t *got)) {
    struct olly__ssl_call call;
    if (!olly__find(&call, OLLY_CALLER) || call.ssl->read_early == NULL) {
        return 0;
    }
    if (olly_dormant()) {
        return call.ssl->read_early(ssl, to, n, got);
    }
    olly__enter(&call, ssl, false);
    int result = call.ssl->read_early(ssl, to, n, got);
    olly__leave(&call, true);
    if (result == OLLY__EARLY_DATA_SUCCESS && got != NULL && *got > 0) {
        olly_tls_plain(&call.call, to, *got);
    }
    return result;
}

OLLY_HOOK_ALWAYS(int, SSL_write, (void *ssl, const void *from, int n)) {
    struct olly__ssl_call call;
    if (!olly__find(&call, OLLY_CALLER) || call.ssl->write == NULL) {
        return -1;
    }
    if (olly_dormant()) {
        return call.ssl->write(ssl, from, n);
    }
    olly__enter(&call, ssl, true);
    int sent = call.ssl->write(ssl, from, n);
    olly__leave(&call, true);
    if (sent > 0) {
        olly_tls_plain(&call.call, from, (size_t)sent);
    }
    return sent;
}

OLLY_HOOK_ALWAYS(int, SSL_write_ex, (void *ssl, const void *from, size_t n, size_t *sent)) {
    struct olly__ssl_call call;
    if (!olly__find(&call, OLLY_CALLER) || call.ssl->write_ex == NULL) {
        return 0;
    }
    if (olly_dormant()) {
        return call.ssl->write_ex(ssl, from, n, sent);
    }
    olly__enter(&call, ssl, true);
    int done = call.ssl->write_ex(ssl, from, n, sent);
    olly__leave(&call, true);
    if (done == 1 && sent != NULL && *sent > 0) {
        olly_tls_plain(&call.call, from, *sent);
    }
    return done;
}

/* With the kernel's TLS the file's bytes never come by; how many they were keeps the stream in
 * step. */
OLLY_HOOK_ALWAYS(ssize_t, SSL_sendfile, (void *ssl, int fd, off_t offset, size_t n, int flags)) {
    struct olly__ssl_call call;
    if (!olly__find(&call, OLLY_CALLER) || call.ssl->sendfile == NULL) {
        return -1;
    }
    if (olly_dormant()) {
        return call.ssl->sendfile(ssl, fd, offset, n, flags);
    }
    olly__enter(&call, ssl, true);
    ssize_t sent = call.ssl->sendfile(ssl, fd, offset, n, flags);
    olly__leave(&call, true);
    if (sent > 0) {
        olly_tls_plain(&call.call, NULL, (size_t)sent);
    }
    return sent;
}

static int olly__handshake(struct olly__ssl_call *call, int (*real)(void *), void *ssl) {
    if (olly_dormant()) {
        return real(ssl);
    }
    olly__prepare(call, ssl, false);
    olly_tls_enter_handshake(&call->call);
    int result = real(ssl);
    olly_tls_leave(&call->call, true);
    return result;
}

#define OLLY__HANDSHAKE_HOOK(name, member)                                     \
    OLLY_HOOK_ALWAYS(int, name, (void *ssl)) {                                 \
        struct olly__ssl_call call;                                            \
        if (!olly__find(&call, OLLY_CALLER) || call.ssl->member == NULL) {     \
            return -1;                                                         \
        }                                                                      \
        return olly__handshake(&call, call.ssl->member, ssl);                  \
    }
OLLY__HANDSHAKE_HOOK(SSL_do_handshake, handshake)
OLLY__HANDSHAKE_HOOK(SSL_connect, connect)
OLLY__HANDSHAKE_HOOK(SSL_accept, accept)

OLLY_HOOK_ALWAYS(void, SSL_free, (void *ssl)) {
    struct olly__ssl_call call;
    bool found = olly__find(&call, OLLY_CALLER);
    if (ssl != NULL) {
        olly_tls_forget(ssl);
    }
    if (found && call.ssl->free != NULL) {
        call.ssl->free(ssl);
    }
}

/* Unloading a library makes cached functions of it unusable. */
OLLY_HOOK_ALWAYS(int, dlclose, (void *handle)) {
    int (*real)(void *) = (int (*)(void *))olly_other(OLLY_OTHER_dlclose);
    if (real == NULL) {
        return -1;
    }
    int result = real(handle);
    olly_tls_libraries_check();
    return result;
}
