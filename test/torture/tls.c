/*
 * TLS by libssl: over a descriptor, and over memory BIOs whose ciphertext this program carries.
 * Invariant: a shared key instead of certificates, so that nothing has to be made beforehand.
 */
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <sys/socket.h>

#include "torture.h"

#define RECORD 3000

static SSL_CTX *contexts[2]; /* client, server */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static unsigned client_key(SSL *ssl, const char *hint, char *identity, unsigned identity_room,
                           unsigned char *key, unsigned key_room) {
    (void)ssl, (void)hint, (void)key_room;
    snprintf(identity, identity_room, "torture");
    memset(key, 7, 16);
    return 16;
}

static unsigned server_key(SSL *ssl, const char *identity, unsigned char *key, unsigned key_room) {
    (void)ssl, (void)identity, (void)key_room;
    memset(key, 7, 16);
    return 16;
}

static void make_contexts(void) {
    for (int i = 0; i < 2; i++) {
        SSL_CTX *context = SSL_CTX_new(TLS_method());
        SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION);
        SSL_CTX_set_cipher_list(context, "PSK-AES128-GCM-SHA256");
        SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
        contexts[i] = context;
    }
    SSL_CTX_set_psk_client_callback(contexts[0], client_key);
    SSL_CTX_set_psk_server_callback(contexts[1], server_key);
}

struct side {
    SSL *ssl;
    int fd;
    bool memory;
};

/* Moves ciphertext between a memory BIO and the socket; over a descriptor libssl does it. */
static void carry(struct worker *worker, struct side *side) {
    uint8_t bytes[8192];
    if (!side->memory) {
        return;
    }
    for (int held; (held = BIO_read(SSL_get_wbio(side->ssl), bytes, sizeof bytes)) > 0;) {
        CHECK(worker, send(side->fd, bytes, (size_t)held, 0) == held);
    }
    ssize_t got = recv(side->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    CHECK(worker, got >= 0 || errno == EAGAIN);
    if (got > 0) {
        CHECK(worker, BIO_write(SSL_get_rbio(side->ssl), bytes, (int)got) == got);
    }
}

static bool waits(struct worker *worker, const struct side *side, int result) {
    int error = SSL_get_error(side->ssl, result);
    CHECK(worker, error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE);
    ERR_clear_error();
    return true;
}

static void begin(struct worker *worker, struct side sides[2]) {
    bool ready[2] = {false, false};
    while (!ready[0] || !ready[1]) {
        for (int i = 0; i < 2; i++) {
            if (!ready[i]) {
                int result = SSL_do_handshake(sides[i].ssl);
                ready[i] = result == 1 || !waits(worker, &sides[i], result);
            }
            carry(worker, &sides[i]);
        }
    }
}

static void say(struct worker *worker, struct side *from, struct side *to) {
    uint8_t bytes[RECORD], seen[RECORD];
    uint64_t stream = new_stream(worker);
    size_t count = 1 + below(worker, RECORD), got = 0;
    bool extended = below(worker, 2) == 0;
    fill(bytes, stream, 0, count);
    if (extended) {
        size_t written = 0;
        CHECK(worker, SSL_write_ex(from->ssl, bytes, count, &written) == 1 && written == count);
    } else {
        CHECK(worker, SSL_write(from->ssl, bytes, (int)count) == (int)count);
    }
    while (got < count) {
        carry(worker, from);
        carry(worker, to);
        size_t held = 0;
        int result = extended ? SSL_read_ex(to->ssl, seen + got, RECORD - got, &held)
                              : SSL_read(to->ssl, seen + got, (int)(RECORD - got));
        if (result <= 0) {
            waits(worker, to, result);
        } else {
            got += extended ? held : (size_t)result;
        }
    }
    CHECK(worker, got == count && holds(seen, stream, 0, count));
    note(worker, count);
}

static struct side side_of(struct worker *worker, int which, int fd) {
    struct side side = {.ssl = SSL_new(contexts[which]), .fd = fd};
    CHECK(worker, side.ssl != NULL);
    side.memory = below(worker, 2) == 0;
    if (side.memory) {
        SSL_set_bio(side.ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    } else {
        CHECK(worker, SSL_set_fd(side.ssl, fd) == 1);
    }
    if (which == 0) {
        SSL_set_connect_state(side.ssl);
    } else {
        SSL_set_accept_state(side.ssl);
    }
    return side;
}

void cell_tls(struct worker *worker) {
    int pair[2];
    pthread_once(&once, make_contexts);
    any_stream_pair(worker, pair);
    struct side sides[2];
    for (int i = 0; i < 2; i++) {
        set_blocking(worker, pair[i], false);
        sides[i] = side_of(worker, i, pair[i]);
    }
    begin(worker, sides);
    for (int turn = 0; turn < 10; turn++) {
        uint32_t who = below(worker, 2);
        say(worker, &sides[who], &sides[1 - who]);
    }
    for (int i = 0; i < 2; i++) {
        SSL_shutdown(sides[i].ssl);
        carry(worker, &sides[i]);
    }
    for (int i = 0; i < 2; i++) {
        SSL_free(sides[i].ssl);
        GIVES(worker, 0, close(pair[i]));
    }
    ERR_clear_error();
}
