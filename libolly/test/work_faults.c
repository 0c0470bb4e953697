/*
 * Calls that the kernel refuses, in part or as a whole, and odd arguments.
 * Invariant: see work.h. Nothing here may be touched that the kernel did not accept.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "work.h"

static void *volatile nowhere = (void *)16;
static volatile int too_many = 5000;
static volatile int too_few = -1;

/* Readable bytes at the end of a page, behind which there is nothing. */
static char *at_edge(size_t bytes) {
    char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(page + 4096, 4096);
    memset(page, 'e', 4096);
    return page + 4096 - bytes;
}

static void part_of_a_buffer(struct pair pair) {
    char *edge = at_edge(100);
    char to[4096];
    struct iovec iov[3] = {{edge, 100}, {nowhere, 100}, {edge, 100}};
    struct msghdr message = {.msg_iov = iov, .msg_iovlen = 3};
    struct mmsghdr many[2] = {{.msg_hdr = message}, {.msg_hdr = {.msg_iov = nowhere,
                                                                 .msg_iovlen = 1}}};
    result("send beyond", send(pair.client, edge, 5000, 0));
    result("write beyond", write(pair.client, edge, 5000));
    result("writev beyond", writev(pair.client, iov, 3));
    result("sendmsg beyond", sendmsg(pair.client, &message, 0));
    result("sendmmsg beyond", sendmmsg(pair.client, many, 2, 0));
    result("drain", recv(pair.server, to, sizeof to, MSG_DONTWAIT) > -2);
    send(pair.client, to, 500, 0);
    result("recv beyond", recv(pair.server, edge, 300, 0));
    result("readv beyond", readv(pair.server, iov, 3));
    result("recvmsg beyond", recvmsg(pair.server, &message, MSG_DONTWAIT));
    result("recvmmsg beyond", recvmmsg(pair.server, many, 2, MSG_DONTWAIT, NULL));
    result("recvmsg null", recvmsg(pair.server, NULL, MSG_DONTWAIT));
    result("sendmsg null", sendmsg(pair.client, NULL, MSG_DONTWAIT));
    result("writev many", writev(pair.client, iov, too_many));
    result("writev negative", writev(pair.client, iov, too_few));
    result("readv negative", readv(pair.server, iov, too_few));
    iov[0].iov_len = SIZE_MAX;
    iov[1].iov_len = SIZE_MAX;
    result("writev huge", writev(pair.client, iov, 2));
}

/* The kernel says how long the datagram was, not how much of it is there. */
static void truncated(int domain) {
    int ends[2];
    char *edge = at_edge(4);
    struct iovec iov = {edge, 4};
    struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
    struct mmsghdr many = {.msg_hdr = message};
    socketpair(AF_UNIX, domain, 0, ends);
    for (int i = 0; i < 5; i++) {
        send(ends[0], "0123456789", 10, 0);
    }
    result("trunc recv", recv(ends[1], edge, 4, MSG_TRUNC | MSG_DONTWAIT));
    result("trunc peek", recv(ends[1], edge, 4, MSG_TRUNC | MSG_PEEK));
    result("trunc recvmsg", recvmsg(ends[1], &message, MSG_TRUNC));
    result("trunc recvmmsg", recvmmsg(ends[1], &many, 1, MSG_TRUNC, NULL));
    result("trunc len", many.msg_len);
    dup2(ends[1], 2); /* a number that is a log whatever it is */
    result("trunc stderr", recv(2, edge, 4, MSG_TRUNC | MSG_DONTWAIT));
    close(ends[0]);
    close(ends[1]);
}

static void no_descriptor(int fd) {
    char to[8];
    struct epoll_event event;
    struct iovec iov = {to, 8};
    result("read", read(fd, to, 8));
    result("write", write(fd, to, 8));
    result("writev", writev(fd, &iov, 1));
    result("close", close(fd));
    result("dup", dup(fd));
    result("dup2", dup2(fd, fd));
    result("dup2 on", dup2(1, fd));
    result("fcntl", fcntl(fd, F_DUPFD, 3));
    result("fcntl", fcntl(fd, F_GETFL));
    result("shutdown", shutdown(fd, SHUT_RDWR));
    result("accept", accept(fd, NULL, NULL));
    result("connect", connect(fd, nowhere, 16));
    result("sendfile", sendfile(fd, fd, NULL, 1));
    result("splice", splice(fd, NULL, fd, NULL, 1, 0));
    result("epoll", epoll_wait(fd, &event, 1, 0));
    result("syscall", syscall(SYS_close, fd));
}

static void odd_arguments(struct pair pair) {
    result("pipe", pipe(nowhere));
    result("socketpair", socketpair(AF_UNIX, SOCK_STREAM, 0, nowhere));
    result("connect", connect(pair.client, nowhere, 16));
    result("connect short", connect(pair.client, (void *)"", 1));
    result("accept", accept(pair.listener, nowhere, nowhere));
    result("close_range", close_range(9, 3, 0));
    result("dup3", dup3(pair.client, pair.client, 0));
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int file = open("/tmp/olly-work-odd", O_RDWR | O_CREAT | O_TRUNC, 0641);
    struct stat about;
    fstat(file, &about);
    printf("mode %o\n", about.st_mode);
    result("lock", fcntl(file, F_SETLK, &lock));
    result("flags", fcntl(file, F_SETFL, O_APPEND));
    result("tmpfile", close(openat(AT_FDCWD, "/tmp", O_TMPFILE | O_RDWR, 0600)));
    unlink("/tmp/olly-work-odd");
    /* Seven words, the last on the stack. */
    char *page = (char *)syscall(SYS_mmap, NULL, 4096, PROT_READ, MAP_PRIVATE, file, 4096L);
    printf("mmap %d\n", page != MAP_FAILED);
    char name[16] = "";
    prctl(PR_SET_NAME, "odd", 0, 0, 0);
    prctl(PR_GET_NAME, name, 0, 0, 0);
    printf("name %s\n", name);
    result("prctl", prctl(PR_SET_SECCOMP, 77, NULL));
}

/* Above what the table holds. */
static void high_numbers(struct pair pair) {
    struct rlimit limit = {300000, 300000};
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return;
    }
    char to[8];
    result("high", dup2(pair.client, 290000));
    result("high send", send(290000, "high", 4, 0));
    result("high recv", recv(pair.server, to, 8, 0));
    result("high close", close(290000));
}

void work_faults(void) {
    struct pair pair = tcp_pair();
    fcntl(pair.server, F_SETFL, O_NONBLOCK);
    fcntl(pair.listener, F_SETFL, O_NONBLOCK);
    part_of_a_buffer(pair);
    truncated(SOCK_DGRAM);
    truncated(SOCK_STREAM);
    no_descriptor(-1);
    no_descriptor(INT_MIN);
    no_descriptor(INT_MAX);
    high_numbers(pair);
    odd_arguments(pair);
}
