/*
 * Everything that writes to a descriptor.
 * Invariant: exactly the bytes that the real call says it wrote are reported, with the time before
 * the call; its result and errno go back untouched.
 */
#include "olly.h"

static bool olly__writes(int fd) {
    return olly_wants(fd, true);
}

static void olly__vector_out(int fd, const struct iovec *iov, size_t count, ssize_t sent,
                             uint64_t time) {
    if (sent > 0) {
        struct olly_io io = {.fd = fd,
                             .out = true,
                             .iov = iov,
                             .iov_count = count,
                             .bytes = (size_t)sent,
                             .time = time};
        olly_io_done(&io);
    }
}

static ssize_t olly__addressed_out(int fd, const struct msghdr *message, int flags, ssize_t sent,
                                   uint64_t time) {
    if (sent > 0 && (flags & MSG_OOB) == 0) {
        struct olly_io io = {.fd = fd,
                             .out = true,
                             .iov = message->msg_iov,
                             .iov_count = message->msg_iovlen,
                             .bytes = (size_t)sent,
                             .time = time,
                             .peer = message->msg_name,
                             .peer_bytes = message->msg_namelen};
        olly_io_done(&io);
    }
    return sent;
}

static ssize_t olly__buffer_out(int fd, const void *from, int flags, ssize_t sent,
                                uint64_t time) {
    if (sent > 0 && (flags & MSG_OOB) == 0) {
        olly_written(fd, from, (size_t)sent, time);
    }
    return sent;
}

OLLY_HOOK(ssize_t, write, (int fd, const void *from, size_t n), (fd, from, n)) {
    if (!olly__writes(fd)) {
        return olly_real.write(fd, from, n);
    }
    uint64_t time = olly_now();
    return olly__buffer_out(fd, from, 0, olly_real.write(fd, from, n), time);
}

OLLY_HOOK(ssize_t, send, (int fd, const void *from, size_t n, int flags), (fd, from, n, flags)) {
    if (!olly__writes(fd)) {
        return olly_real.send(fd, from, n, flags);
    }
    uint64_t time = olly_now();
    return olly__buffer_out(fd, from, flags, olly_real.send(fd, from, n, flags), time);
}

OLLY_HOOK(ssize_t, sendto, (int fd, const void *from, size_t n, int flags,
                            const olly_sockaddr *to, socklen_t to_bytes),
                           (fd, from, n, flags, to, to_bytes)) {
    if (!olly__writes(fd)) {
        return olly_real.sendto(fd, from, n, flags, to, to_bytes);
    }
    uint64_t time = olly_now();
    ssize_t sent = olly_real.sendto(fd, from, n, flags, to, to_bytes);
    struct iovec iov = {.iov_base = (void *)(uintptr_t)from, .iov_len = n};
    struct msghdr message = {.msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_name = (void *)(uintptr_t)to,
                             .msg_namelen = to_bytes};
    return olly__addressed_out(fd, &message, flags, sent, time);
}

OLLY_HOOK(ssize_t, writev, (int fd, const struct iovec *iov, int count), (fd, iov, count)) {
    if (!olly__writes(fd)) {
        return olly_real.writev(fd, iov, count);
    }
    uint64_t time = olly_now();
    ssize_t sent = olly_real.writev(fd, iov, count);
    olly__vector_out(fd, iov, (size_t)count, sent, time);
    return sent;
}

OLLY_HOOK(ssize_t, sendmsg, (int fd, const struct msghdr *message, int flags),
          (fd, message, flags)) {
    if (!olly__writes(fd)) {
        return olly_real.sendmsg(fd, message, flags);
    }
    uint64_t time = olly_now();
    ssize_t sent = olly_real.sendmsg(fd, message, flags);
    return olly__addressed_out(fd, message, flags, sent, time);
}

OLLY_HOOK(int, sendmmsg, (int fd, struct mmsghdr *messages, unsigned count, int flags),
          (fd, messages, count, flags)) {
    if (!olly__writes(fd)) {
        return olly_real.sendmmsg(fd, messages, count, flags);
    }
    uint64_t time = olly_now();
    int sent = olly_real.sendmmsg(fd, messages, count, flags);
    olly_messages_sent(fd, messages, sent, flags, time);
    return sent;
}

void olly_messages_sent(int fd, const struct mmsghdr *messages, int sent, int flags,
                        uint64_t time) {
    for (int i = 0; i < sent; i++) {
        olly__addressed_out(fd, &messages[i].msg_hdr, flags, messages[i].msg_len, time);
    }
}

/* The bytes go from file to socket inside the kernel: only their number is known. */
OLLY_HOOK(ssize_t, sendfile, (int to, int from, off_t *offset, size_t n), (to, from, offset, n)) {
    if (!olly__writes(to)) {
        return olly_real.sendfile(to, from, offset, n);
    }
    uint64_t time = olly_now();
    ssize_t sent = olly_real.sendfile(to, from, offset, n);
    olly__vector_out(to, NULL, 0, sent, time);
    return sent;
}

OLLY_HOOK(ssize_t, sendfile64, (int to, int from, off_t *offset, size_t n), (to, from, offset, n)) {
    if (!olly__writes(to)) {
        return olly_real.sendfile64(to, from, offset, n);
    }
    uint64_t time = olly_now();
    ssize_t sent = olly_real.sendfile64(to, from, offset, n);
    olly__vector_out(to, NULL, 0, sent, time);
    return sent;
}

OLLY_HOOK(ssize_t, splice, (int from, loff_t *from_at, int to, loff_t *to_at, size_t n,
                            unsigned flags), (from, from_at, to, to_at, n, flags)) {
    if (!olly__writes(to) && !olly_wants(from, false)) {
        return olly_real.splice(from, from_at, to, to_at, n, flags);
    }
    uint64_t time = olly_now();
    ssize_t moved = olly_real.splice(from, from_at, to, to_at, n, flags);
    olly__vector_out(to, NULL, 0, moved, time);
    if (moved > 0 || (moved == 0 && n != 0)) {
        struct olly_io io = {.fd = from, .bytes = (size_t)moved, .time = olly_now()};
        olly_io_done(&io);
    }
    return moved;
}
