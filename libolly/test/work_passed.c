/*
 * Descriptors whose numbers get a new meaning without a call that says so by itself.
 * Invariant: see work.h.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "work.h"

#define LOG_PATH "/tmp/olly-work-passed"

union control {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int))];
};

static void pass(int to, int fd) {
    union control control = {.bytes = {0}};
    struct iovec iov = {"x", 1};
    struct msghdr message = {.msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control};
    control.header = (struct cmsghdr){
        .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
    result("pass", sendmsg(to, &message, 0));
}

static int take(int from, bool by_mmsg) {
    union control control = {.bytes = {0}};
    char byte;
    struct iovec iov = {&byte, 1};
    struct mmsghdr message = {.msg_hdr = {.msg_iov = &iov,
                                          .msg_iovlen = 1,
                                          .msg_control = &control,
                                          .msg_controllen = sizeof control}};
    result("take", by_mmsg ? recvmmsg(from, &message, 1, 0, NULL)
                           : recvmsg(from, &message.msg_hdr, 0));
    int fd = -1;
    memcpy(&fd, CMSG_DATA(&control.header), sizeof fd);
    return fd;
}

/* A number that was a log's, closed by a call that is not watched, and is a socket's now. */
static void passed(bool by_mmsg, const char *text) {
    struct pair pair = tcp_pair();
    int ends[2];
    socketpair(AF_UNIX, SOCK_DGRAM, 0, ends);
    pass(ends[0], pair.client);
    int log = open(LOG_PATH, O_WRONLY | O_CREAT, 0600);
    result("log", write(log, "a line\n", 7));
    syscall(SYS_close_range, log, log, 0);
    int fd = take(ends[1], by_mmsg);
    printf("same number %d\n", fd == log);
    result("write", write(fd, text, strlen(text)));
    close(fd);
    close(pair.client);
    close(pair.server);
    close(ends[0]);
    close(ends[1]);
}

static void reopened(void) {
    FILE *stream = fopen(LOG_PATH, "w");
    fprintf(stream, "before reopening\n");
    stream = freopen(LOG_PATH ".2", "w", stream);
    fprintf(stream, "after reopening\n");
    int number = fileno(stream);
    fclose(stream);
    struct pair pair = tcp_pair();
    printf("reused %d\n", pair.listener == number || pair.client == number);
    result("write", write(pair.client, "after-fclose", 12));
}

void work_passed(void) {
    passed(false, "by-recvmsg-fd");
    passed(true, "by-recvmmsg-fd");
    reopened();
    unlink(LOG_PATH);
    unlink(LOG_PATH ".2");
}
