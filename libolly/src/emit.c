/*
 * Turns an event into a message: in the ring, or as a datagram where there can be no ring.
 * Invariant: a message that does not get out is counted; nothing here blocks.
 */
#include <sys/un.h>

#include "olly.h"

size_t olly_capture_bytes_max(void) {
    uint32_t most = __atomic_load_n(&olly_control->capture_bytes_max, __ATOMIC_RELAXED);
    if (OLLY_UNLIKELY(most == 0)) {
        return OLLY_CAPTURE_BYTES_DEFAULT;
    }
    return most < OLLY_CAPTURE_BYTES_MAX ? most : OLLY_CAPTURE_BYTES_MAX;
}

static struct olly_ring_header *olly__counting_ring(void) {
    uint32_t mode = __atomic_load_n(&olly_process->mode, __ATOMIC_SEQ_CST);
    return mode == OLLY_MODE_RING ? __atomic_load_n(&olly_ring, __ATOMIC_SEQ_CST) : NULL;
}

/* What the agent's rules leave alone is no loss. A thread that registers meanwhile carries the
 * counts over to the new ring; what it may have been too early for is carried over here. */
void olly_count(enum olly_counter counter) {
    if (olly_is_left_alone()) {
        return;
    }
    struct olly_ring_header *ring = olly__counting_ring();
    uint64_t *counters = ring != NULL ? ring->counters : olly_process->counters;
    __atomic_fetch_add(&counters[counter], 1, __ATOMIC_SEQ_CST);
    struct olly_ring_header *now = olly__counting_ring();
    if (OLLY_UNLIKELY(now != NULL && now != ring)) {
        olly_counters_move(counters);
    }
}

/* Up to bytes of what is gathered, as pieces; returns how many pieces, and in left what did not
 * fit them. */
static size_t olly__pieces(const struct olly_gather *from, struct iovec *pieces, size_t *left) {
    struct olly_gather at = *from;
    size_t used = 0;
    for (; at.count != 0 && *left != 0 && used < OLLY_IOVECS_PER_DATAGRAM - 1; at.count--) {
        size_t held = at.iov->iov_len - at.skip;
        pieces[used].iov_base = (uint8_t *)at.iov->iov_base + at.skip;
        pieces[used].iov_len = held < *left ? held : *left;
        *left -= pieces[used].iov_len;
        used++;
        at.iov++;
        at.skip = 0;
    }
    return used;
}

/* One socket per message: a descriptor that we kept could be closed and reused under us. Kept out
 * of olly_emit, whose stack has to be small. */
static __attribute__((noinline)) bool olly__datagram(const struct olly_header *header,
                                                     struct olly_gather *from) {
    struct iovec pieces[OLLY_IOVECS_PER_DATAGRAM];
    struct olly_header head = *header;
    size_t left = head.payload_len;
    size_t used = 1 + olly__pieces(from, pieces + 1, &left);
    olly_gather_skip(from, head.payload_len);
    if (left != 0) {
        head.wire_len = head.wire_len != 0 ? head.wire_len : head.payload_len;
        head.payload_len -= (uint32_t)left;
    }
    pieces[0] = (struct iovec){.iov_base = &head, .iov_len = sizeof head};
    int fd = olly_hook_socket_open();
    if (fd < 0) {
        return false;
    }
    struct msghdr message = {.msg_iov = pieces, .msg_iovlen = used};
    long sent = olly_raw(SYS_sendmsg, fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    olly_raw(SYS_close, fd);
    return sent >= 0;
}

/* What the caller's buffers hold of the call's first `most` bytes. */
static size_t olly__held(const struct olly_event *event, size_t most) {
    size_t held = 0;
    for (size_t i = 0; event->iov != NULL && i < event->iov_count && held < most; i++) {
        size_t bytes = event->iov[i].iov_len;
        held = bytes < most - held ? held + bytes : most;
    }
    return held;
}

/* Bytes of the call that go into payloads: never more than the caller's buffers hold. */
static size_t olly__captured(const struct olly_event *event) {
    return olly__held(event, event->bytes < event->bytes_max ? event->bytes : event->bytes_max);
}

/* The end of a call that is not captured whole: there an answer says that it is complete (the last
 * chunk, ReadyForQuery). Of logs, and of what the agent cannot keep up with, there is none. */
static size_t olly__tail(const struct olly_event *event, size_t captured) {
    if (OLLY_LIKELY(captured == event->bytes) || captured == 0 || !event->counted ||
        olly__held(event, event->bytes) != event->bytes) {
        return 0;
    }
    size_t left = event->bytes - captured;
    size_t most = captured < OLLY_TAIL_BYTES_MAX ? captured : OLLY_TAIL_BYTES_MAX;
    return left < most ? left : most;
}

/* How many messages say it: full ones, the last with the rest; a wire_len holds 32 bits. */
static uint64_t olly__messages(size_t captured, uint64_t bytes) {
    if (OLLY_LIKELY(captured <= OLLY_PAYLOAD_BYTES_MAX && bytes <= UINT32_MAX)) {
        return 1;
    }
    uint64_t full = captured == 0 ? 0 : (captured - 1) / OLLY_PAYLOAD_BYTES_MAX;
    return full + 1 + (bytes - full * OLLY_PAYLOAD_BYTES_MAX - 1) / UINT32_MAX;
}

static enum olly_counter olly__lost(void) {
    uint32_t mode = OLLY_GET(olly_process->mode);
    return mode == OLLY_MODE_RING       ? OLLY_COUNT_RING_FULL
           : mode == OLLY_MODE_DATAGRAM ? OLLY_COUNT_DATAGRAM_FULL
                                        : OLLY_COUNT_UNREGISTERED;
}

static bool olly__put(const struct olly_header *header, struct olly_gather *from) {
    uint32_t mode = OLLY_GET(olly_process->mode);
    bool out = mode == OLLY_MODE_RING       ? olly_ring_put(header, from)
               : mode == OLLY_MODE_DATAGRAM ? olly__datagram(header, from)
                                            : false;
    if (OLLY_UNLIKELY(!out)) {
        olly_count(olly__lost());
    }
    return out;
}

/* A transfer that the agent does not keep up with: fewer bytes of each call, so that the stream
 * stays in step, rather than whole messages that do not get out. */
static size_t olly__pressed(size_t captured, bool is_stream) {
    if (captured <= OLLY_HARD_PRESSED_BYTES_MAX || OLLY_GET(olly_process->mode) != OLLY_MODE_RING ||
        !is_stream) {
        return captured;
    }
    uint64_t room = olly_ring_room();
    if (OLLY_LIKELY(room > OLLY_PRESSED_ROOM_BYTES)) {
        return captured;
    }
    size_t most = room > OLLY_PRESSED_ROOM_BYTES / 2   ? OLLY_PRESSED_BYTES_MAX
                  : room > OLLY_PRESSED_ROOM_BYTES / 4 ? OLLY_HARD_PRESSED_BYTES_MAX
                                                       : 0;
    return captured < most ? captured : most;
}

/* Says `bytes` bytes in consecutive messages; the first `captured` of them are in the payloads.
 * After one that did not get out none of the call does. */
static bool olly__say(struct olly_header *header, struct olly_gather *from, size_t captured,
                      uint64_t bytes, bool out) {
    for (uint64_t messages = olly__messages(captured, bytes); messages != 0; messages--) {
        bool more = captured > OLLY_PAYLOAD_BYTES_MAX;
        size_t payload = more ? OLLY_PAYLOAD_BYTES_MAX : captured;
        uint64_t wire = more ? payload : bytes < UINT32_MAX ? bytes : UINT32_MAX;
        header->payload_len = (uint32_t)payload;
        header->wire_len = (uint32_t)(payload == wire ? 0 : wire);
        captured -= payload;
        bytes -= wire;
        if (OLLY_LIKELY(out)) {
            out = olly__put(header, from);
        } else {
            olly_count(olly__lost());
        }
        header->seq++;
    }
    return out;
}

/* The caller has made sure of olly_ready(). */
void olly_emit(const struct olly_event *event) {
    size_t captured = olly__pressed(olly__captured(event), event->counted);
    size_t tail = olly__tail(event, captured);
    uint64_t body = event->bytes - tail;
    uint64_t messages = olly__messages(captured, body) + (tail != 0);
    struct olly_header header = {
        .msg_type = event->type,
        .flags = (uint8_t)(event->flags |
                           (olly_thread.event_loop != 0 ? OLLY_FLAG_EVENT_LOOP : 0)),
        .seq = event->counted ? olly_table_seq(event->fd, messages) : event->seq,
        .pid = OLLY_GET(olly_process->pid),
        .tid = olly_tid(),
        .fd = event->fd,
        .timestamp_ns = event->time,
    };
    struct olly_gather from = {.iov = event->iov, .count = event->iov_count, .skip = 0};
    bool out = olly__say(&header, &from, captured, body, true);
    if (OLLY_UNLIKELY(tail != 0)) {
        olly_gather_skip(&from, body - captured);
        olly__say(&header, &from, tail, tail, out);
    }
}
