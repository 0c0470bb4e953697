/*
 * Everything that reads from a descriptor.
 * Invariant: the real call gets the caller's arguments and its result and errno go back untouched;
 * bytes are looked at only after it returned them.
 */
#include "olly.h"

/* Peeked bytes come again, urgent ones and the error queue are not the stream. */
#define OLLY__NOT_STREAM (MSG_PEEK | MSG_OOB | MSG_ERRQUEUE)

static bool olly__reads(int fd) {
    return olly_wants(fd, false);
}

static void olly__vector_in(int fd, const struct iovec *iov, size_t count, size_t bytes) {
    struct olly_io io = {
        .fd = fd, .iov = iov, .iov_count = count, .bytes = bytes, .time = olly_now()};
    olly_io_done(&io);
}

/* asked 0 returning 0 is not the end of the stream. */
static ssize_t olly__buffer_in(int fd, void *to, size_t asked, int flags, ssize_t got) {
    if (got < 0 || asked == 0 || (flags & OLLY__NOT_STREAM) != 0) {
        return got;
    }
    struct iovec iov = {.iov_base = to, .iov_len = asked};
    struct olly_io io = {.fd = fd,
                         .iov = &iov,
                         .iov_count = 1,
                         .bytes = (size_t)got,
                         .time = olly_now(),
                         .cut = (flags & MSG_TRUNC) != 0};
    olly_io_done(&io);
    return got;
}

OLLY_HOOK(ssize_t, read, (int fd, void *to, size_t n), (fd, to, n)) {
    if (!olly__reads(fd)) {
        return olly_real.read(fd, to, n);
    }
    return olly__buffer_in(fd, to, n, 0, olly_real.read(fd, to, n));
}

OLLY_HOOK(ssize_t, __read_chk, (int fd, void *to, size_t n, size_t room), (fd, to, n, room)) {
    if (!olly__reads(fd)) {
        return olly_real.__read_chk(fd, to, n, room);
    }
    return olly__buffer_in(fd, to, n, 0, olly_real.__read_chk(fd, to, n, room));
}

OLLY_HOOK(ssize_t, recv, (int fd, void *to, size_t n, int flags), (fd, to, n, flags)) {
    if (!olly__reads(fd)) {
        return olly_real.recv(fd, to, n, flags);
    }
    return olly__buffer_in(fd, to, n, flags, olly_real.recv(fd, to, n, flags));
}

OLLY_HOOK(ssize_t, __recv_chk, (int fd, void *to, size_t n, size_t room, int flags),
          (fd, to, n, room, flags)) {
    if (!olly__reads(fd)) {
        return olly_real.__recv_chk(fd, to, n, room, flags);
    }
    return olly__buffer_in(fd, to, n, flags, olly_real.__recv_chk(fd, to, n, room, flags));
}

static bool olly__has_room(const struct iovec *iov, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (iov[i].iov_len != 0) {
            return true;
        }
    }
    return false;
}

/* Descriptors that arrived with a message: what their numbers meant before is over. */
static void olly__descriptors_in(const struct msghdr *message) {
    const uint8_t *at = message->msg_control;
    const uint8_t *end = at == NULL ? NULL : at + message->msg_controllen;
    while (at != NULL && (size_t)(end - at) >= sizeof(struct cmsghdr)) {
        const struct cmsghdr *part = (const struct cmsghdr *)(const void *)at;
        if (part->cmsg_len < sizeof *part || part->cmsg_len > (size_t)(end - at)) {
            return;
        }
        if (part->cmsg_level == SOL_SOCKET && part->cmsg_type == SCM_RIGHTS) {
            const int *fds = (const int *)(const void *)CMSG_DATA(part);
            size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof *fds;
            for (size_t i = 0; i < count; i++) {
                olly_table_reset(fds[i]);
            }
        }
        size_t step = CMSG_ALIGN(part->cmsg_len);
        at = step <= (size_t)(end - at) ? at + step : end;
    }
}

static void olly__message_in(int fd, const struct msghdr *message, size_t bytes, int flags) {
    if (message->msg_controllen != 0) {
        olly__descriptors_in(message);
    }
    if ((flags & OLLY__NOT_STREAM) != 0 || !olly__reads(fd) ||
        (bytes == 0 && !olly__has_room(message->msg_iov, message->msg_iovlen))) {
        return;
    }
    struct olly_io io = {.fd = fd,
                         .iov = message->msg_iov,
                         .iov_count = message->msg_iovlen,
                         .bytes = bytes,
                         .time = olly_now(),
                         .cut = (flags & MSG_TRUNC) != 0,
                         .peer = message->msg_name,
                         .peer_bytes = olly_datagram_peer_bytes(message->msg_name,
                                                                message->msg_namelen)};
    olly_io_done(&io);
}

/* Where a call puts the sender's address. */
struct olly__from {
    olly_sockaddr *at;
    const socklen_t *bytes;
};

static ssize_t olly__from_in(int fd, struct iovec to, int flags, ssize_t got,
                             const struct olly__from *from) {
    if (got >= 0) {
        /* The call has succeeded: the address and its length have been written. */
        bool has_address = from->at != NULL && from->bytes != NULL;
        struct msghdr message = {.msg_iov = &to,
                                 .msg_iovlen = 1,
                                 .msg_name = has_address ? from->at : NULL,
                                 .msg_namelen = has_address ? *from->bytes : 0};
        olly__message_in(fd, &message, (size_t)got, flags);
    }
    return got;
}

OLLY_HOOK(ssize_t, recvfrom, (int fd, void *to, size_t n, int flags, olly_sockaddr *at,
                              socklen_t *bytes), (fd, to, n, flags, at, bytes)) {
    if (!olly__reads(fd)) {
        return olly_real.recvfrom(fd, to, n, flags, at, bytes);
    }
    struct olly__from from = {at, bytes};
    ssize_t got = olly_real.recvfrom(fd, to, n, flags, at, bytes);
    return olly__from_in(fd, (struct iovec){to, n}, flags, got, &from);
}

OLLY_HOOK(ssize_t, __recvfrom_chk, (int fd, void *to, size_t n, size_t room, int flags,
                                    olly_sockaddr *at, socklen_t *bytes),
                                   (fd, to, n, room, flags, at, bytes)) {
    if (!olly__reads(fd)) {
        return olly_real.__recvfrom_chk(fd, to, n, room, flags, at, bytes);
    }
    struct olly__from from = {at, bytes};
    ssize_t got = olly_real.__recvfrom_chk(fd, to, n, room, flags, at, bytes);
    return olly__from_in(fd, (struct iovec){to, n}, flags, got, &from);
}

OLLY_HOOK(ssize_t, readv, (int fd, const struct iovec *iov, int count), (fd, iov, count)) {
    if (!olly__reads(fd)) {
        return olly_real.readv(fd, iov, count);
    }
    ssize_t got = olly_real.readv(fd, iov, count);
    if (got > 0 || (got == 0 && olly__has_room(iov, (size_t)count))) {
        olly__vector_in(fd, iov, (size_t)count, (size_t)got);
    }
    return got;
}

/* Not skipped for sockets of no interest: descriptors arrive on any AF_UNIX socket. */
OLLY_HOOK(ssize_t, recvmsg, (int fd, struct msghdr *message, int flags), (fd, message, flags)) {
    olly_refresh();
    ssize_t got = olly_real.recvmsg(fd, message, flags);
    if (got >= 0 && message != NULL) {
        olly__message_in(fd, message, (size_t)got, flags);
    }
    return got;
}

OLLY_HOOK(int, recvmmsg, (int fd, struct mmsghdr *messages, unsigned count, int flags,
                          struct timespec *timeout), (fd, messages, count, flags, timeout)) {
    olly_refresh();
    int got = olly_real.recvmmsg(fd, messages, count, flags, timeout);
    olly_messages_received(fd, messages, got, flags);
    return got;
}

void olly_messages_received(int fd, const struct mmsghdr *messages, int got, int flags) {
    for (int i = 0; i < got; i++) {
        olly__message_in(fd, &messages[i].msg_hdr, messages[i].msg_len, flags);
    }
}
