/*
 * Calls that have to fail, each with its errno, and that must leave everything as it was.
 * Invariant: no call here uses a number that another thread may have open.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "torture.h"

#define NEVER_OPEN 987654 /* beyond any limit on descriptors, and beyond the library's table */

/* Not known to the compiler, which would refuse to make such calls. */
static void *volatile nowhere = (void *)8;
static volatile int negative_count = -1;
static volatile int count_too_large = 5000;

static void no_descriptor(struct worker *worker, int fd) {
    char byte = 0;
    struct iovec piece = {&byte, 1};
    struct mmsghdr many = {.msg_hdr = {.msg_iov = &piece, .msg_iovlen = 1}};
    FAILS(worker, EBADF, read(fd, &byte, 1));
    FAILS(worker, EBADF, write(fd, &byte, 1));
    FAILS(worker, EBADF, readv(fd, &piece, 1));
    FAILS(worker, EBADF, writev(fd, &piece, 1));
    FAILS(worker, EBADF, send(fd, &byte, 1, 0));
    FAILS(worker, EBADF, recv(fd, &byte, 1, 0));
    FAILS(worker, EBADF, sendmsg(fd, &many.msg_hdr, 0));
    FAILS(worker, EBADF, recvmsg(fd, &many.msg_hdr, 0));
    FAILS(worker, EBADF, sendmmsg(fd, &many, 1, 0));
    FAILS(worker, EBADF, recvmmsg(fd, &many, 1, 0, NULL));
    FAILS(worker, EBADF, shutdown(fd, SHUT_RD));
    FAILS(worker, EBADF, dup(fd));
    FAILS(worker, EBADF, dup2(fd, 0));
    FAILS(worker, EBADF, dup3(fd, 1, O_CLOEXEC));
    FAILS(worker, EBADF, fcntl(fd, F_GETFL));
    FAILS(worker, EBADF, fcntl(fd, F_DUPFD, 10));
    FAILS(worker, EBADF, close(fd));
    FAILS(worker, EBADF, accept(fd, NULL, NULL));
    FAILS(worker, EBADF, sendfile(fd, 0, NULL, 1));
}

static void not_a_socket(struct worker *worker) {
    int file = temporary_file(worker);
    char byte = 0;
    FAILS(worker, ENOTSOCK, send(file, &byte, 1, 0));
    FAILS(worker, ENOTSOCK, recv(file, &byte, 1, MSG_DONTWAIT));
    FAILS(worker, ENOTSOCK, shutdown(file, SHUT_WR));
    FAILS(worker, ENOTSOCK, accept4(file, NULL, NULL, 0));
    FAILS(worker, EFAULT, write(file, nowhere, 10));
    FAILS(worker, EINVAL, lseek(file, -1, SEEK_SET));
    FAILS(worker, EINVAL, dup3(file, file, 0));
    FAILS(worker, EINVAL, fcntl(file, F_DUPFD, -1));
    GIVES(worker, 0, close(file));
}

static void bad_arguments(struct worker *worker, int fd) {
    struct iovec piece = {nowhere, 100}, negative = {NULL, (size_t)-1};
    struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
    struct msghdr lost = {.msg_iov = nowhere, .msg_iovlen = 1};
    struct msghdr many = {.msg_iov = &piece, .msg_iovlen = (size_t)count_too_large};
    FAILS(worker, EFAULT, send(fd, nowhere, 100, MSG_NOSIGNAL));
    FAILS(worker, EFAULT, writev(fd, &piece, 1));
    FAILS(worker, EFAULT, sendmsg(fd, &message, MSG_NOSIGNAL));
    FAILS(worker, EFAULT, sendmsg(fd, &lost, 0));
    FAILS(worker, EFAULT, sendmsg(fd, nowhere, 0));
    FAILS(worker, EFAULT, recvmsg(fd, nowhere, MSG_DONTWAIT));
    FAILS(worker, EINVAL, writev(fd, &negative, 1));
    FAILS(worker, EINVAL, readv(fd, &negative, 1));
    FAILS(worker, EINVAL, writev(fd, &piece, negative_count));
    FAILS(worker, EINVAL, readv(fd, &piece, count_too_large));
    FAILS(worker, EMSGSIZE, sendmsg(fd, &many, 0));
    FAILS(worker, EMSGSIZE, recvmsg(fd, &many, 0));
}

static void reset(struct worker *worker) {
    int pair[2];
    char byte;
    struct linger hard = {.l_onoff = 1, .l_linger = 0};
    tcp_pair(worker, pair);
    GIVES(worker, 0, setsockopt(pair[0], SOL_SOCKET, SO_LINGER, &hard, sizeof hard));
    GIVES(worker, 0, close(pair[0]));
    struct pollfd ended = {.fd = pair[1], .events = 0};
    CHECK(worker, poll(&ended, 1, 20000) == 1);
    FAILS(worker, ECONNRESET, recv(pair[1], &byte, 1, 0));
    GIVES(worker, 0, recv(pair[1], &byte, 1, 0));
    FAILS(worker, EPIPE, send(pair[1], "x", 1, MSG_NOSIGNAL));
    FAILS(worker, EPIPE, write(pair[1], "x", 1));
    GIVES(worker, 0, close(pair[1]));
}

static void not_connected(struct worker *worker) {
    int fd;
    char byte = 0;
    OPENS(worker, fd, socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    FAILS(worker, EPIPE, send(fd, &byte, 1, MSG_NOSIGNAL));
    FAILS(worker, ENOTCONN, recv(fd, &byte, 1, 0));
    FAILS(worker, ENOTCONN, shutdown(fd, SHUT_WR));
    FAILS(worker, EINVAL, accept(fd, NULL, NULL));
    FAILS(worker, EINVAL, connect(fd, NULL, 0));
    FAILS(worker, EFAULT, connect(fd, nowhere, 16));
    GIVES(worker, 0, close(fd));
}

void cell_errors(struct worker *worker) {
    int pair[2];
    no_descriptor(worker, below(worker, 2) == 0 ? -1 : NEVER_OPEN);
    not_a_socket(worker);
    any_stream_pair(worker, pair);
    bad_arguments(worker, pair[0]);
    char byte;
    FAILS(worker, EAGAIN, recv(pair[1], &byte, 1, MSG_DONTWAIT)); /* nothing of it was sent */
    GIVES(worker, 3, send(pair[0], "abc", 3, 0));
    wait_readable(worker, pair[1]);
    FAILS(worker, EFAULT, recv(pair[1], nowhere, 3, 0));
    GIVES(worker, 0, close(pair[0]));
    GIVES(worker, 0, close(pair[1]));
    reset(worker);
    not_connected(worker);
}
