/*
 * The bytes of streams, and the descriptors over which they go.
 * Invariant: a byte is a function of its stream and its position, so nobody has to remember any.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "torture.h"

uint64_t new_stream(struct worker *worker) {
    worker->streams++;
    return mixed(worker->seed ^ (uint64_t)worker->index << 48 ^ worker->streams);
}

static uint8_t byte_at(uint64_t stream, uint64_t position) {
    return (uint8_t)(mixed(stream + position / 8) >> (position % 8 * 8));
}

void fill(uint8_t *to, uint64_t stream, uint64_t position, size_t bytes) {
    for (size_t i = 0; i < bytes; i++) {
        to[i] = byte_at(stream, position + i);
    }
}

bool holds(const uint8_t *at, uint64_t stream, uint64_t position, size_t bytes) {
    for (size_t i = 0; i < bytes; i++) {
        if (at[i] != byte_at(stream, position + i)) {
            return false;
        }
    }
    return true;
}

/* [0] opened the connection, [1] accepted it. */
void tcp_pair(struct worker *worker, int pair[2]) {
    int listener;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof at;
    OPENS(worker, listener, socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    GIVES(worker, 0, bind(listener, (struct sockaddr *)&at, sizeof at));
    GIVES(worker, 0, listen(listener, 4));
    GIVES(worker, 0, getsockname(listener, (struct sockaddr *)&at, &length));
    OPENS(worker, pair[0], socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    GIVES(worker, 0, connect(pair[0], (struct sockaddr *)&at, sizeof at));
    if (below(worker, 2) == 0) {
        OPENS(worker, pair[1], accept(listener, NULL, NULL));
    } else {
        OPENS(worker, pair[1], accept4(listener, NULL, NULL, SOCK_CLOEXEC));
    }
    GIVES(worker, 0, close(listener));
}

void unix_pair(struct worker *worker, int pair[2]) {
    int listener;
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    snprintf(at.sun_path, sizeof at.sun_path, "%s/s%d-%d", torture_directory, worker->index,
             (int)getpid());
    OPENS(worker, listener, socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    GIVES(worker, 0, bind(listener, (struct sockaddr *)&at, sizeof at));
    GIVES(worker, 0, listen(listener, 4));
    OPENS(worker, pair[0], socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    GIVES(worker, 0, connect(pair[0], (struct sockaddr *)&at, sizeof at));
    OPENS(worker, pair[1], accept(listener, NULL, NULL));
    GIVES(worker, 0, close(listener));
    GIVES(worker, 0, unlink(at.sun_path));
}

void any_stream_pair(struct worker *worker, int pair[2]) {
    switch (below(worker, 4)) {
    case 0:
        GIVES(worker, 0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
        return;
    case 1:
        unix_pair(worker, pair);
        return;
    default:
        tcp_pair(worker, pair);
    }
}

void set_blocking(struct worker *worker, int fd, bool blocking) {
    int flags = fcntl(fd, F_GETFL);
    CHECK(worker, flags >= 0);
    flags = blocking ? flags & ~O_NONBLOCK : flags | O_NONBLOCK;
    GIVES(worker, 0, fcntl(fd, F_SETFL, flags));
}

int temporary_file(struct worker *worker) {
    char path[128];
    int fd;
    snprintf(path, sizeof path, "%s/f%d-%d", torture_directory, worker->index, (int)getpid());
    OPENS(worker, fd, open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    GIVES(worker, 0, unlink(path));
    return fd;
}

void wait_readable(struct worker *worker, int fd) {
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    int got;
    do {
        got = poll(&ready, 1, 20000);
    } while (got < 0 && errno == EINTR);
    CHECK(worker, got == 1);
}

void expect_exit(struct worker *worker, pid_t child, int code) {
    int status = 0;
    pid_t got;
    do {
        got = waitpid(child, &status, 0);
    } while (got < 0 && errno == EINTR);
    CHECK(worker, got == child);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != code) {
        torture_failed(worker, __FILE__, __LINE__, "status of a child", status);
    }
    note(worker, (uint64_t)status);
}
