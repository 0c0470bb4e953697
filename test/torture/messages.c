/*
 * What the flags of a call do, messages with boundaries, and descriptors that travel.
 * Invariant: one thread has both ends, so each result is known exactly.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "torture.h"

#define BYTES 3000

static void check_peek_and_truncate(struct worker *worker, int out, int in, bool tcp) {
    uint8_t bytes[BYTES], seen[BYTES];
    uint64_t stream = new_stream(worker);
    size_t count = 200 + below(worker, BYTES - 200);
    fill(bytes, stream, 0, count);
    GIVES(worker, count, send(out, bytes, count, 0));
    wait_readable(worker, in);
    GIVES(worker, 100, recv(in, seen, 100, MSG_PEEK));
    CHECK(worker, holds(seen, stream, 0, 100));
    GIVES(worker, 50, recv(in, seen, 50, MSG_PEEK | MSG_DONTWAIT));
    size_t at = 0;
    if (tcp) { /* bytes that nobody gets to see */
        GIVES(worker, 70, recv(in, NULL, 70, MSG_TRUNC));
        at = 70;
    }
    GIVES(worker, count - at, recv(in, seen, count - at, MSG_WAITALL));
    CHECK(worker, holds(seen, stream, at, count - at));
    FAILS(worker, EAGAIN, recv(in, seen, 1, MSG_DONTWAIT));
    FAILS(worker, EAGAIN, recv(in, seen, 1, MSG_DONTWAIT | MSG_PEEK));
}

static void check_urgent(struct worker *worker, int out, int in) {
    uint8_t byte = 0, seen[8];
    struct pollfd urgent = {.fd = in, .events = POLLPRI};
    GIVES(worker, 3, send(out, "ab!", 3, MSG_OOB));
    CHECK(worker, poll(&urgent, 1, 20000) == 1);
    GIVES(worker, 1, recv(in, &byte, 1, MSG_OOB));
    CHECK(worker, byte == '!');
    GIVES(worker, 2, recv(in, seen, sizeof seen, 0));
    FAILS(worker, EINVAL, recv(in, &byte, 1, MSG_OOB));
}

/* The kernel may copy all the same; either way it says so on the error queue. */
static void check_zero_copy(struct worker *worker, int out, int in) {
    static const uint8_t bytes[BYTES];
    uint8_t seen[BYTES];
    int on = 1;
    if (setsockopt(out, SOL_SOCKET, SO_ZEROCOPY, &on, sizeof on) != 0) {
        return;
    }
    ssize_t sent = send(out, bytes, sizeof bytes, MSG_ZEROCOPY);
    if (sent < 0 && errno == ENOBUFS) {
        return;
    }
    CHECK(worker, sent == BYTES);
    CHECK(worker, recv(in, seen, BYTES, MSG_WAITALL) == BYTES);
    CHECK(worker, memcmp(bytes, seen, BYTES) == 0);
    struct pollfd ready = {.fd = out};
    CHECK(worker, poll(&ready, 1, 20000) == 1 && (ready.revents & POLLERR) != 0);
    uint8_t control[256];
    struct msghdr message = {.msg_control = control, .msg_controllen = sizeof control};
    CHECK(worker, recvmsg(out, &message, MSG_ERRQUEUE) == 0);
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    struct sock_extended_err error;
    CHECK(worker, header != NULL);
    memcpy(&error, CMSG_DATA(header), sizeof error);
    CHECK(worker, error.ee_origin == SO_EE_ORIGIN_ZEROCOPY);
}

void cell_flags(struct worker *worker) {
    int pair[2];
    bool tcp = below(worker, 2) == 0;
    if (tcp) {
        tcp_pair(worker, pair);
        check_zero_copy(worker, pair[0], pair[1]);
        check_urgent(worker, pair[0], pair[1]);
    } else {
        unix_pair(worker, pair);
    }
    check_peek_and_truncate(worker, pair[0], pair[1], tcp);
    check_peek_and_truncate(worker, pair[1], pair[0], tcp);
    GIVES(worker, 0, send(pair[0], "", 0, 0));
    /* Each family has its own view of this one. */
    note(worker, (uint64_t)recv(pair[1], NULL, 0, MSG_DONTWAIT));
    GIVES(worker, 0, read(pair[1], NULL, 0));
    GIVES(worker, 0, close(pair[0]));
    GIVES(worker, 0, recv(pair[1], &tcp, 1, 0));
    GIVES(worker, 0, close(pair[1]));
}

static void check_truncated(struct worker *worker, int out, int in) {
    uint8_t bytes[BYTES], seen[BYTES];
    uint64_t stream = new_stream(worker);
    size_t count = 500 + below(worker, BYTES - 500);
    struct iovec piece = {.iov_base = seen, .iov_len = 100};
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
    fill(bytes, stream, 0, count);
    for (int way = 0; way < 3; way++) {
        GIVES(worker, count, send(out, bytes, count, 0));
    }
    GIVES(worker, 100, recv(in, seen, 100, 0));
    GIVES(worker, count, recv(in, seen, 100, MSG_TRUNC));
    GIVES(worker, count, recvmsg(in, &message, MSG_TRUNC));
    CHECK(worker, (message.msg_flags & MSG_TRUNC) != 0 && holds(seen, stream, 0, 100));
    FAILS(worker, EAGAIN, recv(in, seen, 1, MSG_DONTWAIT));
}

static void check_many(struct worker *worker, int out, int in) {
    uint8_t bytes[4][200], seen[4][200];
    struct iovec from[4], to[4];
    struct mmsghdr sent[4], got[4];
    uint64_t stream = new_stream(worker);
    memset(sent, 0, sizeof sent);
    memset(got, 0, sizeof got);
    for (size_t i = 0; i < 4; i++) {
        size_t count = 1 + below(worker, 200);
        fill(bytes[i], stream + i, 0, count);
        from[i] = (struct iovec){.iov_base = bytes[i], .iov_len = count};
        to[i] = (struct iovec){.iov_base = seen[i], .iov_len = sizeof seen[i]};
        sent[i].msg_hdr = (struct msghdr){.msg_iov = &from[i], .msg_iovlen = 1};
        got[i].msg_hdr = (struct msghdr){.msg_iov = &to[i], .msg_iovlen = 1};
    }
    GIVES(worker, 4, sendmmsg(out, sent, 4, 0));
    GIVES(worker, 4, recvmmsg(in, got, 4, MSG_DONTWAIT, NULL));
    for (size_t i = 0; i < 4; i++) {
        CHECK(worker, sent[i].msg_len == from[i].iov_len && got[i].msg_len == from[i].iov_len);
        CHECK(worker, holds(seen[i], stream + i, 0, from[i].iov_len));
    }
}

static void udp_pair(struct worker *worker, int pair[2]) {
    for (int end = 0; end < 2; end++) {
        struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t length = sizeof at;
        OPENS(worker, pair[end], socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
        GIVES(worker, 0, bind(pair[end], (struct sockaddr *)&at, sizeof at));
        GIVES(worker, 0, getsockname(pair[end], (struct sockaddr *)&at, &length));
        if (end == 1) {
            GIVES(worker, 0, connect(pair[0], (struct sockaddr *)&at, sizeof at));
            GIVES(worker, 0, getsockname(pair[0], (struct sockaddr *)&at, &length));
            GIVES(worker, 0, connect(pair[1], (struct sockaddr *)&at, sizeof at));
        }
    }
}

void cell_datagrams(struct worker *worker) {
    static const uint8_t huge[70000];
    int pair[2];
    uint32_t kind = below(worker, 3);
    if (kind == 0) {
        udp_pair(worker, pair);
    } else {
        int type = kind == 1 ? SOCK_DGRAM : SOCK_SEQPACKET;
        GIVES(worker, 0, socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, pair));
    }
    check_truncated(worker, pair[0], pair[1]);
    check_many(worker, pair[1], pair[0]);
    check_truncated(worker, pair[1], pair[0]);
    if (kind == 0) {
        FAILS(worker, EMSGSIZE, send(pair[0], huge, sizeof huge, 0));
    }
    GIVES(worker, 0, close(pair[0]));
    if (kind == 2) {
        GIVES(worker, 0, recv(pair[1], NULL, 0, 0));
        FAILS(worker, EPIPE, send(pair[1], "x", 1, MSG_NOSIGNAL));
    }
    GIVES(worker, 0, close(pair[1]));
}

union rights {
    struct cmsghdr header;
    uint8_t bytes[CMSG_SPACE(2 * sizeof(int))];
};

static void pass(struct worker *worker, int over, const int fds[2]) {
    union rights rights = {.bytes = {0}};
    struct iovec piece = {.iov_base = "p", .iov_len = 1};
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1, .msg_control = &rights,
                             .msg_controllen = sizeof rights};
    rights.header = (struct cmsghdr){.cmsg_len = CMSG_LEN(2 * sizeof(int)),
                                     .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    memcpy(CMSG_DATA(&rights.header), fds, 2 * sizeof(int));
    GIVES(worker, 1, sendmsg(over, &message, 0));
}

static void take(struct worker *worker, int over, int fds[2]) {
    union rights rights;
    char byte;
    struct iovec piece = {.iov_base = &byte, .iov_len = 1};
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1, .msg_control = &rights,
                             .msg_controllen = sizeof rights};
    GIVES(worker, 1, recvmsg(over, &message, MSG_CMSG_CLOEXEC));
    CHECK(worker, message.msg_controllen == sizeof rights && message.msg_flags == MSG_CMSG_CLOEXEC);
    memcpy(fds, CMSG_DATA(&rights.header), 2 * sizeof(int));
    CHECK(worker, fcntl(fds[0], F_GETFD) == FD_CLOEXEC && fcntl(fds[1], F_GETFD) == FD_CLOEXEC);
}

/* A pair goes through a socket; its first numbers are closed, the new ones go on with it. */
void cell_passing(struct worker *worker) {
    int over[2], pair[2], passed[2];
    uint8_t bytes[1000];
    int type = below(worker, 2) == 0 ? SOCK_STREAM : SOCK_SEQPACKET;
    GIVES(worker, 0, socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, over));
    any_stream_pair(worker, pair);
    uint64_t stream = new_stream(worker);
    fill(bytes, stream, 0, sizeof bytes);
    GIVES(worker, 400, send(pair[0], bytes, 400, 0));
    pass(worker, over[0], pair);
    if (below(worker, 2) == 0) {
        GIVES(worker, 0, close(pair[0]));
        GIVES(worker, 0, close(pair[1]));
        take(worker, over[1], passed);
    } else {
        take(worker, over[1], passed);
        GIVES(worker, 0, close(pair[0]));
        GIVES(worker, 0, close(pair[1]));
    }
    GIVES(worker, 600, write(passed[0], bytes + 400, 600));
    GIVES(worker, 1000, recv(passed[1], bytes, 1000, MSG_WAITALL));
    CHECK(worker, holds(bytes, stream, 0, 1000));
    GIVES(worker, 0, close(passed[0]));
    GIVES(worker, 0, read(passed[1], bytes, 1));
    GIVES(worker, 0, close(passed[1]));
    GIVES(worker, 0, close(over[0]));
    GIVES(worker, 0, close(over[1]));
}
