/*
 * GnuTLS's calls: plaintext on its way in and out.
 * Invariant: as in hook_tls.c; without the real function a call fails with GnuTLS's own code for
 * an internal error. GnuTLS calls some of these itself: those calls are nested and say nothing.
 *
 * A send that would have blocked has taken the bytes already, and may be called again without
 * them: then only their number is reported, because the caller's buffer may be gone.
 */
#include "tls.h"

#define OLLY__INTERNAL_ERROR (-59) /* GNUTLS_E_INTERNAL_ERROR */

struct olly__gnutls_call {
    struct olly_tls_call call;
    const struct olly_gnutls *gnutls;
    union olly_tls_functions scratch;
};

static bool olly__find(struct olly__gnutls_call *call, struct olly_caller caller) {
    const union olly_tls_functions *found =
        olly_tls_functions_of(OLLY_GNUTLS, caller.address, &call->scratch);
    call->gnutls = found == NULL ? NULL : &found->gnutls;
    call->call.proof.return_slot = caller.slot;
    return found != NULL;
}

/* The transport of a session is a descriptor, or a pointer for functions of the program's own,
 * which may be a small number as well: a guess, until I/O inside a call confirms it. */
static int olly__stated_fd(const struct olly_gnutls *gnutls, void *session, bool out) {
    olly_refresh();
    void *in_place = NULL;
    void *out_place = NULL;
    if (gnutls->transport == NULL) {
        return -1;
    }
    gnutls->transport(session, &in_place, &out_place);
    uintptr_t place = (uintptr_t)(out ? out_place : in_place);
    if (place == 0 || place >= OLLY_FD_MAX) {
        return -1;
    }
    return olly_entry_is_stream(olly_table_settle((int)place)) ? (int)place : -1;
}

static void olly__prepare(struct olly__gnutls_call *call, void *session, bool out) {
    int fd = olly_tls_pair_find(session);
    call->call.object = session;
    call->call.out = out;
    call->call.is_brief = false;
    call->call.shakes_hands = false;
    call->call.is_guess = fd < 0;
    call->call.fd = fd >= 0 ? fd : olly__stated_fd(call->gnutls, session, out);
}

static void olly__enter(struct olly__gnutls_call *call, void *session, bool out) {
    olly__prepare(call, session, out);
    olly_tls_enter(&call->call);
}

static ssize_t olly__sent(struct olly__gnutls_call *call, const void *from, ssize_t sent) {
    olly_tls_leave(&call->call, true);
    if (sent > 0) {
        olly_tls_plain(&call->call, from, (size_t)sent);
    }
    return sent;
}

static ssize_t olly__received(struct olly__gnutls_call *call, const void *to, size_t asked,
                              ssize_t got) {
    olly_tls_leave(&call->call, false);
    if (got > 0) {
        olly_tls_plain(&call->call, to, (size_t)got);
    } else if (got == 0 && asked != 0) {
        olly_tls_ended(&call->call);
    }
    return got;
}

/* Finds the real function, and ends the hook when there is none or nothing is to be reported. */
#define OLLY__BEGIN(call, member, session, out, ...)                                \
    struct olly__gnutls_call call;                                                  \
    if (!olly__find(&call, OLLY_CALLER) || call.gnutls->member == NULL) {           \
        return OLLY__INTERNAL_ERROR;                                                \
    }                                                                               \
    if (olly_dormant()) {                                                           \
        return call.gnutls->member(session, __VA_ARGS__);                           \
    }                                                                               \
    olly__enter(&call, session, out)

OLLY_HOOK_ALWAYS(ssize_t, gnutls_record_send, (void *session, const void *from, size_t n)) {
    OLLY__BEGIN(call, send, session, true, from, n);
    return olly__sent(&call, from, call.gnutls->send(session, from, n));
}

OLLY_HOOK_ALWAYS(ssize_t, gnutls_record_send2,
                 (void *session, const void *from, size_t n, size_t padding, unsigned flags)) {
    OLLY__BEGIN(call, send2, session, true, from, n, padding, flags);
    return olly__sent(&call, from, call.gnutls->send2(session, from, n, padding, flags));
}

OLLY_HOOK_ALWAYS(ssize_t, gnutls_record_send_range,
                 (void *session, const void *from, size_t n, const void *range)) {
    OLLY__BEGIN(call, send_range, session, true, from, n, range);
    return olly__sent(&call, from, call.gnutls->send_range(session, from, n, range));
}

/* What was sent while the session was corked has been reported: here it is only encrypted. */
OLLY_HOOK_ALWAYS(int, gnutls_record_uncork, (void *session, unsigned flags)) {
    OLLY__BEGIN(call, uncork, session, true, flags);
    int result = call.gnutls->uncork(session, flags);
    olly_tls_leave(&call.call, true);
    return result;
}

OLLY_HOOK_ALWAYS(ssize_t, gnutls_record_recv, (void *session, void *to, size_t n)) {
    OLLY__BEGIN(call, recv, session, false, to, n);
    return olly__received(&call, to, n, call.gnutls->recv(session, to, n));
}

OLLY_HOOK_ALWAYS(ssize_t, gnutls_record_recv_seq,
                 (void *session, void *to, size_t n, unsigned char *number)) {
    OLLY__BEGIN(call, recv_seq, session, false, to, n, number);
    return olly__received(&call, to, n, call.gnutls->recv_seq(session, to, n, number));
}

/* A server's; what a client sends early may be refused and sent again, so that is not reported. */
OLLY_HOOK_ALWAYS(ssize_t, gnutls_record_recv_early_data, (void *session, void *to, size_t n)) {
    OLLY__BEGIN(call, recv_early, session, false, to, n);
    return olly__received(&call, to, 0, call.gnutls->recv_early(session, to, n));
}

struct olly__datum {
    unsigned char *data;
    unsigned size;
};

OLLY_HOOK_ALWAYS(ssize_t, gnutls_record_recv_packet, (void *session, void **packet)) {
    OLLY__BEGIN(call, recv_packet, session, false, packet);
    ssize_t got = call.gnutls->recv_packet(session, packet);
    struct olly__datum held = {NULL, 0};
    if (got > 0 && *packet != NULL && call.gnutls->packet_get != NULL) {
        call.gnutls->packet_get(*packet, &held, NULL);
    }
    bool is_whole = (size_t)held.size == (size_t)got;
    return olly__received(&call, is_whole ? held.data : NULL, 1, got);
}

OLLY_HOOK_ALWAYS(int, gnutls_handshake, (void *session)) {
    struct olly__gnutls_call call;
    if (!olly__find(&call, OLLY_CALLER) || call.gnutls->handshake == NULL) {
        return OLLY__INTERNAL_ERROR;
    }
    if (olly_dormant()) {
        return call.gnutls->handshake(session);
    }
    olly__prepare(&call, session, false);
    olly_tls_enter_handshake(&call.call);
    int result = call.gnutls->handshake(session);
    olly_tls_leave(&call.call, true);
    return result;
}

OLLY_HOOK_ALWAYS(void, gnutls_deinit, (void *session)) {
    struct olly__gnutls_call call;
    bool found = olly__find(&call, OLLY_CALLER);
    if (session != NULL) {
        olly_tls_forget(session);
    }
    if (found && call.gnutls->deinit != NULL) {
        call.gnutls->deinit(session);
    }
}
