/*
 * A call of a TLS library, whichever it is: what its plaintext belongs to.
 * Invariant: nothing is held around the real call; a frame that a handler jumped out of is noticed
 * by its ticket.
 *
 * The socket of an object is, in this order: what the object says of itself; the one that carried
 * its ClientHello (tls_hello.c); the socket used inside the call, on this thread. Where no hello
 * was seen, for libraries that move ciphertext through memory: the socket read just before a call,
 * or on which the first TLS record was written after one, in the same turn of the event loop.
 */
#include "tls.h"

#define OLLY__FRAME_BYTES_MAX 4096u

/* Whatever the program calls next from where it made the TLS call takes the place of the address
 * that the TLS call would have returned to. */
static bool olly__is_returning(const struct olly_tls_proof *proof) {
    uintptr_t slot = (uintptr_t)proof->return_slot;
    uintptr_t frame = (uintptr_t)proof;
    if (slot == 0) {
        return true;
    }
    return slot > frame && slot - frame < OLLY__FRAME_BYTES_MAX && slot % sizeof(uint64_t) == 0 &&
           *proof->return_slot == proof->returns_to;
}

/* A handler may have jumped out of a call: then the frame is above us on the stack, or what
 * it held has been overwritten. */
static bool olly__inside(void) {
    const uint64_t *frame = olly_thread.tls_frame;
    if (OLLY_LIKELY(frame == NULL)) {
        return false;
    }
    uintptr_t here = (uintptr_t)__builtin_frame_address(0);
    uintptr_t there = (uintptr_t)frame;
    if (here > there || there - here > OLLY_TLS_NESTING_BYTES_MAX ||
        *frame != olly_thread.tls_ticket ||
        !olly__is_returning((const struct olly_tls_proof *)(const void *)frame)) {
        olly_thread.tls_frame = NULL;
        return false;
    }
    return true;
}

/* Callbacks inside a call may use other sockets. */
static bool olly__inside_with(int fd) {
    return OLLY_UNLIKELY(olly__inside()) &&
           (olly_thread.tls_owner_fd < 0 || olly_thread.tls_owner_fd == fd);
}

/* Inside a read or a write the socket's own bytes are the plaintext again, encrypted. */
bool olly_tls_hides(int fd) {
    return olly__inside_with(fd) && olly_thread.tls_object != NULL;
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
    /* A socket that has had plaintext belongs to an object already. */
    bool is_taken = (olly_table_load(io->fd) & OLLY_ENTRY_TLS) != 0;
    if (!is_taken) {
        olly_tls_hello_saw(io);
    }
    if (olly__inside_with(io->fd)) {
        olly_thread.tls_fd = io->fd;
        return;
    }
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

/* The caller has set object, fd and out. */
void olly_tls_enter(struct olly_tls_call *call) {
    olly_refresh();
    call->nested = olly__inside_with(call->fd) || (call->fd < 0 && olly__inside());
    call->outer_frame = olly_thread.tls_frame;
    call->outer_ticket = olly_thread.tls_ticket;
    call->outer_object = olly_thread.tls_object;
    call->outer_fd = olly_thread.tls_fd;
    call->outer_owner_fd = olly_thread.tls_owner_fd;
    call->time = olly_now();
    call->proof.ticket = call->time ^ (uintptr_t)call;
    call->proof.returns_to = call->proof.return_slot == NULL ? 0 : *call->proof.return_slot;
    olly_thread.tls_fd = -1;
    olly_thread.tls_owner_fd = call->is_guess ? -1 : call->fd;
    olly_thread.tls_object = call->object;
    olly_thread.tls_ticket = call->proof.ticket;
    olly_thread.tls_frame = &call->proof.ticket;
}

/* Handshakes carry no plaintext of the program's, but they tell which socket is whose before the
 * first byte of it. Their raw bytes are reported by the I/O hooks. */
void olly_tls_enter_handshake(struct olly_tls_call *call) {
    olly_tls_enter(call);
    olly_thread.tls_object = NULL;
}

/* Bytes for an object without a socket: the next record on this thread tells, unless two objects
 * wait at once. */
static void olly__await(void *object) {
    if (olly_thread.tls_awaiting != NULL && olly_thread.tls_awaiting != object) {
        olly_thread.tls_ambiguous = 1;
    }
    olly_thread.tls_awaiting = olly_thread.tls_ambiguous != 0 ? NULL : object;
}

/* Learns the socket of an object that did not say. */
static void olly__learn(struct olly_tls_call *call, int inside_fd, bool sends) {
    if (call->is_brief) {
        call->fd = inside_fd;
        return;
    }
    if (call->shakes_hands && inside_fd < 0) {
        return;
    }
    int fd = inside_fd >= 0 || call->nested ? inside_fd : olly_thread.last_read_fd;
    if (fd >= 0 && (inside_fd >= 0 || !call->out)) {
        olly_tls_pair_set(call->object, fd);
        call->fd = fd;
    } else if (sends && !call->nested) {
        olly__await(call->object);
    }
}

void olly_tls_leave(struct olly_tls_call *call, bool sends) {
    int inside_fd = olly_thread.tls_fd;
    olly_thread.tls_frame = call->outer_frame;
    olly_thread.tls_ticket = call->outer_ticket;
    olly_thread.tls_object = call->outer_object;
    olly_thread.tls_fd = call->nested && inside_fd >= 0 ? inside_fd : call->outer_fd;
    olly_thread.tls_owner_fd = call->outer_owner_fd;
    call->proof.ticket = 0;
    if (call->fd < 0 || (call->is_guess && inside_fd >= 0)) {
        olly__learn(call, inside_fd, sends);
    }
    if (call->fd == olly_thread.last_read_fd) {
        olly_thread.last_read_fd = -1; /* those bytes have found their object */
    }
}

/* iov null: bytes whose content is not to be had. */
void olly_tls_plaintext(const struct olly_tls_call *call, const struct iovec *iov, size_t count,
                        size_t bytes) {
    if (call->nested) {
        return;
    }
    if (call->fd < 0) {
        olly_count(OLLY_COUNT_TLS_UNPAIRED);
        return;
    }
    struct olly_io io = {.fd = call->fd,
                         .out = call->out,
                         .iov = iov,
                         .iov_count = count,
                         .bytes = bytes,
                         .time = call->out ? call->time : olly_now()};
    olly_plaintext(&io);
}

void olly_tls_plain(const struct olly_tls_call *call, const void *at, size_t bytes) {
    struct iovec iov = {.iov_base = (void *)(uintptr_t)at, .iov_len = bytes};
    olly_tls_plaintext(call, at == NULL ? NULL : &iov, 1, bytes);
}

/* The peer will send no more. */
void olly_tls_ended(const struct olly_tls_call *call) {
    if (call->fd >= 0) {
        olly_tls_plain(call, NULL, 0);
    }
}

/* The address may come back as another connection's object. */
void olly_tls_forget(const void *object) {
    olly_tls_pair_forget(object);
    if (olly_thread.tls_awaiting == object) {
        olly_thread.tls_awaiting = NULL;
    }
}
