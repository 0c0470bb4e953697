/*
 * Streams: every way to write and to read, in random turns, ends and boundaries included.
 * Invariant: what is read is what belongs at that position, and each byte comes once.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "torture.h"

struct flow {
    int out;
    int in;
    bool sockets;
    uint64_t stream;
    uint64_t sent;
    uint64_t received;
    uint64_t total;
};

/* Splits a buffer into up to four pieces, some of them empty. */
static int split(struct worker *worker, uint8_t *buffer, size_t bytes, struct iovec pieces[4]) {
    int count = 1 + (int)below(worker, 4);
    size_t at = 0;
    for (int i = 0; i < count; i++) {
        size_t left = bytes - at;
        size_t held = i == count - 1 ? left : below(worker, (uint32_t)left + 1);
        pieces[i] = (struct iovec){.iov_base = buffer + at, .iov_len = held};
        at += held;
    }
    return count;
}

static ssize_t write_some(struct worker *worker, const struct flow *flow, uint8_t *bytes,
                          size_t count) {
    struct iovec pieces[4];
    struct mmsghdr many = {.msg_hdr = {.msg_iov = pieces}};
    int used = split(worker, bytes, count, pieces);
    many.msg_hdr.msg_iovlen = (size_t)used;
    switch (below(worker, flow->sockets ? 7 : 2)) {
    case 0:
        return write(flow->out, bytes, count);
    case 1:
        return writev(flow->out, pieces, used);
    case 2:
        return send(flow->out, bytes, count, MSG_NOSIGNAL);
    case 3:
        return sendto(flow->out, bytes, count, MSG_DONTWAIT, NULL, 0);
    case 4:
        return sendmsg(flow->out, &many.msg_hdr, MSG_NOSIGNAL);
    case 5:
        return send(flow->out, bytes, count, MSG_MORE * (below(worker, 4) == 0));
    default: {
        int sent = sendmmsg(flow->out, &many, 1, 0);
        return sent == 1 ? (ssize_t)many.msg_len : sent;
    }
    }
}

static ssize_t read_some(struct worker *worker, const struct flow *flow, uint8_t *bytes,
                         size_t room) {
    struct iovec pieces[4];
    struct mmsghdr many = {.msg_hdr = {.msg_iov = pieces}};
    int used = split(worker, bytes, room, pieces);
    many.msg_hdr.msg_iovlen = (size_t)used;
    switch (below(worker, flow->sockets ? 8 : 2)) {
    case 0:
        return read(flow->in, bytes, room);
    case 1:
        return readv(flow->in, pieces, used);
    case 2:
        return recv(flow->in, bytes, room, 0);
    case 3:
        return recvfrom(flow->in, bytes, room, MSG_DONTWAIT, NULL, NULL);
    case 4:
        return recvmsg(flow->in, &many.msg_hdr, MSG_CMSG_CLOEXEC);
    case 5:
        return recv(flow->in, bytes, room, MSG_WAITALL | MSG_DONTWAIT);
    case 6: {
        ssize_t seen = recv(flow->in, bytes, room, MSG_PEEK);
        CHECK(worker, seen <= 0 || holds(bytes, flow->stream, flow->received, (size_t)seen));
        return seen <= 0 ? seen : recv(flow->in, bytes, (size_t)seen, 0);
    }
    default: {
        int got = recvmmsg(flow->in, &many, 1, MSG_DONTWAIT, NULL);
        return got == 1 ? (ssize_t)many.msg_len : got;
    }
    }
}

static bool may_fail(struct worker *worker, ssize_t got) {
    CHECK(worker, got >= 0 || errno == EAGAIN || errno == EINTR);
    return got >= 0;
}

static void push(struct worker *worker, struct flow *flow) {
    uint8_t bytes[CHUNK_MAX];
    size_t most = flow->total - flow->sent;
    uint32_t wanted = 1 + below(worker, below(worker, 4) == 0 ? CHUNK_MAX : 600);
    size_t count = most < wanted ? most : wanted;
    fill(bytes, flow->stream, flow->sent, count);
    ssize_t done = write_some(worker, flow, bytes, count);
    if (may_fail(worker, done)) {
        CHECK(worker, (size_t)done <= count);
        flow->sent += (uint64_t)done;
    }
}

static void pull(struct worker *worker, struct flow *flow) {
    uint8_t bytes[CHUNK_MAX];
    size_t room = 1 + below(worker, below(worker, 4) == 0 ? CHUNK_MAX : 900);
    ssize_t got = read_some(worker, flow, bytes, room);
    if (may_fail(worker, got)) {
        CHECK(worker, (size_t)got <= room && (got > 0 || flow->received == flow->sent));
        CHECK(worker, holds(bytes, flow->stream, flow->received, (size_t)got));
        flow->received += (uint64_t)got;
    }
}

/* Both ends are this thread's, so neither may block. How many calls it takes is not determined by
 * the seed; the random numbers that they draw are therefore not the worker's. */
static void carry(const struct worker *worker, struct flow *flow) {
    struct worker own = *worker;
    own.random = flow->stream;
    while (flow->received < flow->total) {
        if (flow->sent < flow->total && below(&own, 2) == 0) {
            push(&own, flow);
        } else {
            pull(&own, flow);
        }
    }
}

static void end_of(struct worker *worker, int out, int in) {
    uint8_t byte;
    GIVES(worker, 0, shutdown(out, SHUT_WR));
    wait_readable(worker, in);
    GIVES(worker, 0, below(worker, 2) ? recv(in, &byte, 1, 0) : read(in, &byte, 1));
    FAILS(worker, EPIPE, send(out, "x", 1, MSG_NOSIGNAL));
}

void cell_streams(struct worker *worker) {
    int pair[2];
    bool is_pipe = below(worker, 5) == 0;
    if (is_pipe) {
        GIVES(worker, 0, pipe2(pair, O_NONBLOCK | O_CLOEXEC));
        int other = pair[0]; /* the writing end first, as with sockets */
        pair[0] = pair[1];
        pair[1] = other;
    } else {
        any_stream_pair(worker, pair);
        set_blocking(worker, pair[0], false);
        set_blocking(worker, pair[1], false);
    }
    struct noise *noise = below(worker, 3) == 0 ? noise_begin(worker) : NULL;
    for (int way = 0; way < (is_pipe ? 1 : 2); way++) {
        struct flow flow = {.out = pair[way], .in = pair[1 - way], .sockets = !is_pipe,
                            .stream = new_stream(worker), .total = 1 + below(worker, 120000)};
        carry(worker, &flow);
        note(worker, flow.total);
    }
    if (noise != NULL) {
        noise_end(worker, noise);
    }
    if (!is_pipe) {
        end_of(worker, pair[0], pair[1]);
        end_of(worker, pair[1], pair[0]);
    }
    GIVES(worker, 0, close(pair[0]));
    GIVES(worker, 0, close(pair[1]));
}

struct blocking_end {
    int fd;
    uint64_t stream;
    uint64_t total;
    struct worker own;
};

static void *writing(void *data) {
    struct blocking_end *end = data;
    uint8_t bytes[CHUNK_MAX];
    for (uint64_t at = 0; at < end->total;) {
        size_t most = end->total - at;
        size_t count = 1 + below(&end->own, CHUNK_MAX);
        count = count < most ? count : most;
        fill(bytes, end->stream, at, count);
        GIVES(&end->own, count, send(end->fd, bytes, count, 0)); /* blocking: whole or an error */
        at += count;
    }
    GIVES(&end->own, 0, shutdown(end->fd, SHUT_WR));
    return NULL;
}

/* A thread that writes, and this one that waits for whole chunks. */
void cell_blocking(struct worker *worker) {
    int pair[2];
    pthread_t thread;
    uint8_t bytes[CHUNK_MAX];
    any_stream_pair(worker, pair);
    struct blocking_end end = {.fd = pair[0], .stream = new_stream(worker), .own = *worker,
                               .total = 200000 + below(worker, 200000)};
    CHECK(worker, pthread_create(&thread, NULL, writing, &end) == 0);
    for (uint64_t at = 0; at < end.total;) {
        size_t count = 1 + below(worker, CHUNK_MAX);
        count = count < end.total - at ? count : end.total - at;
        GIVES(worker, count, recv(pair[1], bytes, count, MSG_WAITALL));
        CHECK(worker, holds(bytes, end.stream, at, count));
        at += count;
    }
    GIVES(worker, 0, read(pair[1], bytes, 1));
    CHECK(worker, pthread_join(thread, NULL) == 0);
    note(worker, end.own.digest);
    GIVES(worker, 0, close(pair[0]));
    GIVES(worker, 0, close(pair[1]));
}

static void wait_in_turn(struct worker *worker, int epoll, int fd, uint32_t turn) {
    struct epoll_event event;
    int got;
    do {
        if (turn % 3 == 0) {
            struct pollfd ready = {.fd = fd, .events = POLLIN};
            got = poll(&ready, 1, 20000);
        } else if (turn % 3 == 1 && fd < FD_SETSIZE) {
            fd_set ready;
            FD_ZERO(&ready);
            FD_SET(fd, &ready);
            struct timeval most = {.tv_sec = 20};
            got = select(fd + 1, &ready, NULL, NULL, &most);
        } else {
            got = epoll_wait(epoll, &event, 1, 20000);
            CHECK(worker, got < 0 || event.data.fd == fd);
        }
    } while (got < 0 && errno == EINTR);
    CHECK(worker, got == 1);
}

/* Edge-triggered: one event for each burst, and none is due when everything has been read. */
void cell_edges(struct worker *worker) {
    int pair[2], epoll;
    uint8_t bytes[4096];
    any_stream_pair(worker, pair);
    set_blocking(worker, pair[1], false);
    OPENS(worker, epoll, epoll_create1(EPOLL_CLOEXEC));
    struct epoll_event event = {.events = EPOLLIN | EPOLLET | EPOLLRDHUP, .data.fd = pair[1]};
    GIVES(worker, 0, epoll_ctl(epoll, EPOLL_CTL_ADD, pair[1], &event));
    uint64_t stream = new_stream(worker), at = 0;
    for (uint32_t turn = 0; turn < 12; turn++) {
        size_t count = 1 + below(worker, sizeof bytes);
        fill(bytes, stream, at, count);
        GIVES(worker, count, send(pair[0], bytes, count, 0));
        wait_in_turn(worker, epoll, pair[1], 2);
        wait_in_turn(worker, epoll, pair[1], turn % 3 == 2 ? 0 : turn);
        GIVES(worker, count, recv(pair[1], bytes, sizeof bytes, 0));
        CHECK(worker, holds(bytes, stream, at, count));
        FAILS(worker, EAGAIN, read(pair[1], bytes, sizeof bytes));
        GIVES(worker, 0, epoll_wait(epoll, &event, 1, 0));
        at += count;
    }
    GIVES(worker, 0, close(pair[0]));
    wait_in_turn(worker, epoll, pair[1], 2);
    GIVES(worker, 0, recv(pair[1], bytes, 1, 0));
    GIVES(worker, 0, close(pair[1]));
    GIVES(worker, 0, close(epoll));
}
