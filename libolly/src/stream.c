/*
 * What the I/O hooks report after a call, and what becomes of it: a socket message, a log line or
 * nothing.
 * Invariant: called only after the real call succeeded with so many bytes; never changes errno.
 */
#include "tls.h"

/* Compressed bytes are control characters by a tenth and half of them not ASCII. Either alone is
 * still text: fields parted by control characters, and languages that are not English. */
static bool olly__is_control(uint8_t byte) {
    return byte < 0x20 && (byte < '\a' || byte > '\r') && byte != 0x1b;
}

static bool olly__is_text(const struct iovec *iov, size_t count, size_t bytes) {
    size_t left = bytes < OLLY_LOG_CHECK_BYTES ? bytes : OLLY_LOG_CHECK_BYTES;
    size_t controls = 0;
    size_t foreign = 0;
    for (size_t i = 0; i < count && left != 0; i++) {
        const uint8_t *at = iov[i].iov_base;
        size_t n = iov[i].iov_len < left ? iov[i].iov_len : left;
        for (size_t j = 0; j < n; j++) {
            if (at[j] == '\0') {
                return false;
            }
            controls += olly__is_control(at[j]);
            foreign += at[j] >= 0x80;
        }
        left -= n;
    }
    return controls < OLLY_LOG_CONTROLS_MIN || foreign < OLLY_LOG_FOREIGN_MIN;
}

static void olly__log_written(const struct olly_io *io) {
    uint32_t switches = __atomic_load_n(&olly_control->switches, __ATOMIC_RELAXED);
    if ((switches & OLLY_SWITCH_LOG_CAPTURE) == 0 || !io->out || io->bytes == 0 ||
        io->iov == NULL) {
        return;
    }
    if (!olly__is_text(io->iov, io->iov_count, io->bytes)) {
        olly_count(OLLY_COUNT_LOG_BINARY);
        return;
    }
    if (!olly_ready()) {
        olly_count(OLLY_COUNT_UNREGISTERED);
        return;
    }
    struct olly_event event = {
        .type = OLLY_MSG_LOG_WRITE,
        .fd = io->fd,
        .time = io->time,
        .iov = io->iov,
        .iov_count = io->iov_count,
        .bytes = io->bytes,
        .bytes_max = OLLY_CAPTURE_BYTES_DEFAULT,
    };
    olly_emit(&event);
}

/* The descriptor is a socket and is announced, or the message is counted as lost. */
static void olly__socket_message(const struct olly_io *io, uint8_t type) {
    if (!olly_ready()) {
        olly_count(OLLY_COUNT_UNREGISTERED);
        return;
    }
    uint64_t entry = olly_table_announced(io->fd, io->time);
    if ((entry & OLLY_ENTRY_CLASS) != OLLY_SOCKET) {
        return;
    }
    struct olly_event event = {
        .type = type,
        .flags = OLLY_FLAG_SEQUENCED,
        .counted = true,
        .fd = io->fd,
        .time = io->time,
        .iov = io->iov,
        .iov_count = io->iov_count,
        .bytes = io->bytes,
        .bytes_max = olly_capture_bytes_max(),
    };
    olly_emit(&event);
}

/* Said once, and only of a connection that has been announced. */
static void olly__end_of_stream(const struct olly_io *io, uint64_t entry, uint8_t type) {
    uint64_t flag = io->out ? OLLY_ENTRY_END_OUT : OLLY_ENTRY_END_IN;
    if ((entry & OLLY_ENTRY_ANNOUNCED) == 0 || (olly_table_flag(io->fd, flag) & flag) != 0) {
        return;
    }
    olly__socket_message(io, type);
}

void olly_io_done(const struct olly_io *io) {
    if ((uint32_t)io->fd >= OLLY_FD_MAX) {
        return;
    }
    uint64_t entry = olly_table_load(io->fd);
    uint8_t type = io->out ? OLLY_MSG_DATA_OUT : OLLY_MSG_DATA_IN;
    if (io->bytes == 0) {
        if (olly_entry_current(entry) && olly_entry_is_stream(entry)) {
            olly__end_of_stream(io, entry, type);
        }
        return;
    }
    entry = olly_table_settle(io->fd);
    uint64_t class = entry & OLLY_ENTRY_CLASS;
    if (class == OLLY_LOG) {
        olly__log_written(io);
    }
    if (class != OLLY_SOCKET) {
        return;
    }
    if (OLLY_UNLIKELY(olly_entry_is_datagram(entry))) {
        olly_datagram_done(io, entry);
        return;
    }
    struct olly_io without;
    if (OLLY_UNLIKELY(io->cut)) {
        without = *io;
        without.iov = NULL;
        io = &without;
    }
    olly_tls_saw_io(io);
    if (((entry & OLLY_ENTRY_TLS) == 0 || !olly_entry_current(entry)) && !olly_tls_hides(io->fd)) {
        olly__socket_message(io, type);
    }
}

void olly_written(int fd, const void *from, size_t bytes, uint64_t time) {
    struct iovec iov = {.iov_base = (void *)(uintptr_t)from, .iov_len = bytes};
    struct olly_io io = {
        .fd = fd, .out = true, .iov = &iov, .iov_count = 1, .bytes = bytes, .time = time};
    olly_io_done(&io);
}

/* Plaintext that a TLS library took or gave: from here on the socket's own bytes say nothing. */
void olly_plaintext(const struct olly_io *io) {
    uint64_t entry = (uint32_t)io->fd < OLLY_FD_MAX ? olly_table_settle(io->fd) : 0;
    if (!olly_entry_is_stream(entry)) {
        olly_count(OLLY_COUNT_TLS_UNPAIRED);
        return;
    }
    uint8_t type = io->out ? OLLY_MSG_SSL_OUT : OLLY_MSG_SSL_IN;
    if (io->bytes == 0) {
        olly__end_of_stream(io, entry, type);
        return;
    }
    if ((entry & OLLY_ENTRY_TLS) == 0) {
        olly_table_flag(io->fd, OLLY_ENTRY_TLS);
    }
    olly__socket_message(io, type);
}
