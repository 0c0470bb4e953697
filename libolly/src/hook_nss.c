/*
 * NSS: its TLS is a layer on NSPR's descriptors, and NSPR's reads and writes carry the plaintext.
 * Invariant: a descriptor without that layer is passed on and says nothing here: what NSPR does
 * for it goes through libc's calls, which are hooked. Nothing is remembered of a descriptor.
 */
#include "tls.h"

#define OLLY__PEEK 2 /* PR_MSG_PEEK */
#define OLLY__LAYERS_MAX 16
#define OLLY__VECTORS_MAX 16 /* PR_MAX_IOVECTOR_SIZE */

/* PRFileDesc: public, the same since NSPR 4.0. */
struct olly__layer {
    const void *methods;
    void *secret;
    const struct olly__layer *lower;
    const struct olly__layer *higher;
    void *destructor;
    int32_t identity;
};

/* PRIOVec */
struct olly__vector {
    char *base;
    int bytes;
};

struct olly__nspr_call {
    struct olly_tls_call call;
    const struct olly_nspr *nspr;
    union olly_tls_functions scratch;
};

static bool olly__find(struct olly__nspr_call *call, struct olly_caller caller) {
    const union olly_tls_functions *found =
        olly_tls_functions_of(OLLY_NSPR, caller.address, &call->scratch);
    call->nspr = found == NULL ? NULL : &found->nspr;
    call->call.proof.return_slot = caller.slot;
    return found != NULL;
}

/* Identities are numbers that NSPR gives out once per kind of layer: asked once for each. */
static bool olly__is_tls_identity(const struct olly_nspr *nspr, int32_t identity) {
    static uint64_t asked;
    static uint64_t is_tls;
    if (identity < 0 || nspr->name == NULL) {
        return false;
    }
    uint64_t bit = identity < 64 ? 1ull << identity : 0;
    if ((__atomic_load_n(&asked, __ATOMIC_ACQUIRE) & bit) != 0) {
        return (__atomic_load_n(&is_tls, __ATOMIC_RELAXED) & bit) != 0;
    }
    const char *name = nspr->name(identity);
    bool answer = name != NULL && olly_string_equal(name, "SSL");
    if (answer) {
        __atomic_fetch_or(&is_tls, bit, __ATOMIC_RELAXED);
    }
    __atomic_fetch_or(&asked, bit, __ATOMIC_RELEASE);
    return answer;
}

static bool olly__is_encrypted(const struct olly_nspr *nspr, const void *descriptor) {
    const struct olly__layer *layer = descriptor;
    for (int i = 0; layer != NULL && i < OLLY__LAYERS_MAX; i++) {
        if (olly__is_tls_identity(nspr, layer->identity)) {
            return true;
        }
        layer = layer->lower;
    }
    return false;
}

static void olly__enter(struct olly__nspr_call *call, void *descriptor, bool out) {
    int fd = call->nspr->native == NULL ? -1 : call->nspr->native(descriptor);
    call->call.object = descriptor;
    call->call.out = out;
    call->call.is_guess = false;
    call->call.is_brief = true;
    call->call.shakes_hands = false;
    call->call.fd = (uint32_t)fd < OLLY_FD_MAX ? fd : -1;
    olly_tls_enter(&call->call);
}

static int32_t olly__sent(struct olly__nspr_call *call, const void *from, int32_t sent) {
    olly_tls_leave(&call->call, true);
    if (sent > 0) {
        olly_tls_plain(&call->call, from, (size_t)sent);
    }
    return sent;
}

static int32_t olly__received(struct olly__nspr_call *call, const void *to, int32_t asked,
                              int32_t got) {
    olly_tls_leave(&call->call, false);
    if (got > 0) {
        olly_tls_plain(&call->call, to, (size_t)got);
    } else if (got == 0 && asked > 0) {
        olly_tls_ended(&call->call);
    }
    return got;
}

#define OLLY__BEGIN(call, member, descriptor, out, ...)                             \
    struct olly__nspr_call call;                                                    \
    if (!olly__find(&call, OLLY_CALLER) || call.nspr->member == NULL) {             \
        return -1;                                                                  \
    }                                                                               \
    if (olly_dormant() || !olly__is_encrypted(call.nspr, descriptor)) {             \
        return call.nspr->member(descriptor, __VA_ARGS__);                          \
    }                                                                               \
    olly__enter(&call, descriptor, out)

OLLY_HOOK_ALWAYS(int32_t, PR_Write, (void *descriptor, const void *from, int32_t n)) {
    OLLY__BEGIN(call, write, descriptor, true, from, n);
    return olly__sent(&call, from, call.nspr->write(descriptor, from, n));
}

OLLY_HOOK_ALWAYS(int32_t, PR_Send, (void *descriptor, const void *from, int32_t n, int flags,
                                    uint32_t timeout)) {
    OLLY__BEGIN(call, send, descriptor, true, from, n, flags, timeout);
    return olly__sent(&call, from, call.nspr->send(descriptor, from, n, flags, timeout));
}

static __attribute__((noinline)) void olly__vector_sent(const struct olly__nspr_call *call,
                                                        const struct olly__vector *from,
                                                        int32_t count, size_t bytes) {
    struct iovec iov[OLLY__VECTORS_MAX];
    size_t used = 0;
    for (; used < OLLY__VECTORS_MAX && (int32_t)used < count; used++) {
        iov[used].iov_base = from[used].base;
        iov[used].iov_len = from[used].bytes > 0 ? (size_t)from[used].bytes : 0;
    }
    olly_tls_plaintext(&call->call, iov, used, bytes);
}

OLLY_HOOK_ALWAYS(int32_t, PR_Writev, (void *descriptor, const void *from, int32_t count,
                                      uint32_t timeout)) {
    OLLY__BEGIN(call, writev, descriptor, true, from, count, timeout);
    int32_t sent = call.nspr->writev(descriptor, from, count, timeout);
    olly_tls_leave(&call.call, true);
    if (sent > 0) {
        olly__vector_sent(&call, from, count, (size_t)sent);
    }
    return sent;
}

OLLY_HOOK_ALWAYS(int32_t, PR_Read, (void *descriptor, void *to, int32_t n)) {
    OLLY__BEGIN(call, read, descriptor, false, to, n);
    return olly__received(&call, to, n, call.nspr->read(descriptor, to, n));
}

OLLY_HOOK_ALWAYS(int32_t, PR_Recv, (void *descriptor, void *to, int32_t n, int flags,
                                    uint32_t timeout)) {
    OLLY__BEGIN(call, recv, descriptor, false, to, n, flags, timeout);
    int32_t got = call.nspr->recv(descriptor, to, n, flags, timeout);
    if ((flags & OLLY__PEEK) != 0) {
        olly_tls_leave(&call.call, false);
        return got;
    }
    return olly__received(&call, to, n, got);
}
