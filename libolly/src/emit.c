/*
 * Turns an event into a message: in the ring, or as a datagram where there can be no ring.
 * Invariant: a message that does not get out is counted; nothing here blocks.
 */
#include <sys/un.h>

#include "olly.h"

size_t olly_capture_bytes_max(void) {
    uint32_t most = __atomic_load_n(&olly_control->capture_bytes_max, __ATOMIC_RELAXED);
    return most == 0 || most > OLLY_PAYLOAD_BYTES_MAX ? OLLY_PAYLOAD_BYTES_MAX : most;
}

void olly_count(enum olly_counter counter) {
    uint64_t *counters = olly_process->mode == OLLY_MODE_RING ? olly_ring->counters
                                                              : olly_process->counters;
    __atomic_fetch_add(&counters[counter], 1, __ATOMIC_RELAXED);
}

/* One socket per message: a descriptor that we kept could be closed and reused under us. Kept out
 * of olly_emit, whose stack has to be small. */
static __attribute__((noinline)) bool olly__datagram(const struct olly_header *header,
                                                     const struct iovec *iov, size_t count) {
    struct iovec pieces[OLLY_IOVECS_PER_DATAGRAM];
    struct olly_header head = *header;
    size_t used = 1;
    size_t left = head.payload_len;
    for (size_t i = 0; i < count && left != 0 && used < OLLY_IOVECS_PER_DATAGRAM; i++) {
        pieces[used] = iov[i];
        pieces[used].iov_len = iov[i].iov_len < left ? iov[i].iov_len : left;
        left -= pieces[used].iov_len;
        used++;
    }
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

/* The caller has made sure of olly_ready(). */
void olly_emit(const struct olly_event *event) {
    size_t payload = event->bytes < event->bytes_max ? event->bytes : event->bytes_max;
    if (event->iov == NULL) {
        payload = 0;
    }
    struct olly_header header = {
        .msg_type = event->type,
        .flags = (uint8_t)(event->flags |
                           (olly_thread.event_loop != 0 ? OLLY_FLAG_EVENT_LOOP : 0)),
        .seq = event->seq,
        .pid = olly_process->pid,
        .tid = olly_tid(),
        .fd = event->fd,
        .payload_len = (uint32_t)payload,
        .wire_len = (uint32_t)(payload == event->bytes ? 0 : event->bytes),
        .timestamp_ns = event->time,
    };
    uint32_t mode = olly_process->mode;
    if (OLLY_LIKELY(mode == OLLY_MODE_RING)) {
        if (!olly_ring_put(&header, event->iov, event->iov_count)) {
            olly_count(OLLY_COUNT_RING_FULL);
        }
    } else if (mode == OLLY_MODE_DATAGRAM) {
        if (!olly__datagram(&header, event->iov, event->iov_count)) {
            olly_count(OLLY_COUNT_DATAGRAM_FULL);
        }
    } else {
        olly_count(OLLY_COUNT_UNREGISTERED);
    }
}
