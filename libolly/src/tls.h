/*
 * What the files about TLS share, and what the I/O hooks tell them.
 * Invariant: as in olly.h.
 */
#ifndef OLLY_TLS_H
#define OLLY_TLS_H

#include "olly.h"

#pragma GCC visibility push(hidden)

/* ---- tls_library.c: a family's functions, as the calling module would have reached them ---- */

enum olly_family { OLLY_OPENSSL = 0, OLLY_GNUTLS = 1, OLLY_NSPR = 2 };

typedef size_t olly_client_random(const void *ssl, uint8_t *to, size_t n);
typedef int olly_is_server(const void *ssl);

struct olly_openssl {
    int (*read)(void *, void *, int);
    int (*write)(void *, const void *, int);
    int (*read_ex)(void *, void *, size_t, size_t *);
    int (*write_ex)(void *, const void *, size_t, size_t *);
    int (*handshake)(void *);
    int (*connect)(void *);
    int (*accept)(void *);
    void (*free)(void *);
    int (*rfd)(const void *);
    int (*wfd)(const void *);
    int (*shutdown_state)(const void *);
    int (*read_early)(void *, void *, size_t, size_t *);
    ssize_t (*sendfile)(void *, int, off_t, size_t, int);
    int (*in_init)(const void *);
    olly_client_random *client_random;
    olly_is_server *is_server;
};

struct olly_gnutls {
    ssize_t (*send)(void *, const void *, size_t);
    ssize_t (*send2)(void *, const void *, size_t, size_t, unsigned);
    ssize_t (*send_range)(void *, const void *, size_t, const void *);
    ssize_t (*recv)(void *, void *, size_t);
    ssize_t (*recv_seq)(void *, void *, size_t, unsigned char *);
    ssize_t (*recv_packet)(void *, void **);
    ssize_t (*recv_early)(void *, void *, size_t);
    int (*uncork)(void *, unsigned);
    int (*handshake)(void *);
    void (*deinit)(void *);
    void (*packet_get)(void *, void *, unsigned char *);
    void (*transport)(void *, void **, void **);
};

struct olly_nspr {
    int32_t (*write)(void *, const void *, int32_t);
    int32_t (*writev)(void *, const void *, int32_t, uint32_t);
    int32_t (*send)(void *, const void *, int32_t, int, uint32_t);
    int32_t (*read)(void *, void *, int32_t);
    int32_t (*recv)(void *, void *, int32_t, int, uint32_t);
    int32_t (*native)(void *);
    const char *(*name)(int32_t);
};

union olly_tls_functions {
    struct olly_openssl openssl;
    struct olly_gnutls gnutls;
    struct olly_nspr nspr;
};

/* The return address names the module whose call a hook is. */
struct olly_caller {
    uintptr_t address;
    const uint64_t *slot; /* on the stack: where the call goes back to, by its return */
};
/* Of both architectures: the return address is stored above the saved frame pointer. */
#define OLLY_CALLER                                                  \
    ((struct olly_caller){(uintptr_t)__builtin_return_address(0),    \
                          (const uint64_t *)__builtin_frame_address(0) + 1})

const union olly_tls_functions *olly_tls_functions_of(enum olly_family family, uintptr_t caller,
                                                      union olly_tls_functions *scratch);
void olly_tls_libraries_check(void);

/* ---- tls_pair.c, tls_call.c ---- */

int olly_tls_pair_find(const void *object);
void olly_tls_pair_set(const void *object, int fd);
void olly_tls_pair_forget(const void *object);

/* To the I/O hooks, that the frame which holds it is alive; tls_frame points to the ticket. */
struct olly_tls_proof {
    uint64_t ticket;
    const uint64_t *return_slot; /* null: not known */
    uint64_t returns_to;
};

struct olly_tls_call {
    void *object; /* SSL, session or descriptor of the library */
    int fd;       /* its socket, -1: not known */
    bool out;
    bool is_guess; /* fd holds only as long as no I/O inside the call says otherwise */
    bool is_brief; /* the object's end is not seen: nothing may be remembered of it */
    bool shakes_hands; /* and the ClientHello will tell the socket */
    bool nested;   /* inside another call: TLS in TLS, whose plaintext is not the program's */
    uint64_t time;
    struct olly_tls_proof proof;
    uint64_t *outer_frame;
    uint64_t outer_ticket;
    void *outer_object;
    int outer_fd;
    int outer_owner_fd;
};

void olly_tls_enter(struct olly_tls_call *call);
void olly_tls_enter_handshake(struct olly_tls_call *call);
void olly_tls_leave(struct olly_tls_call *call, bool sends);
void olly_tls_plaintext(const struct olly_tls_call *call, const struct iovec *iov, size_t count,
                        size_t bytes);
void olly_tls_plain(const struct olly_tls_call *call, const void *at, size_t bytes);
void olly_tls_ended(const struct olly_tls_call *call);
void olly_tls_forget(const void *object);
bool olly_tls_hides(int fd);
void olly_tls_saw_io(const struct olly_io *io);
void olly_tls_loop_turn(void);

/* ---- tls_hello.c ---- */

void olly_tls_hello_saw(const struct olly_io *io);
int olly_tls_hello_pair(const void *ssl, olly_client_random *client_random,
                        olly_is_server *is_server);

#pragma GCC visibility pop

#endif
