/*
 * Datagrams: those that look like DNS are told, one message each; of all others nothing is.
 * Invariant: a socket whose first datagrams are something else costs no look any more; what a look
 * reads lies within the bytes that the real call moved.
 */
#include <netinet/in.h>

#include "tls.h"

#define OLLY__DNS_HEADER_BYTES 12u
#define OLLY__DNS_NAME_BYTES_MAX 255u
#define OLLY__DNS_RECORD_BYTES_MIN 11u
#define OLLY__PORT_DNS 53u
#define OLLY__PORT_NETBIOS 137u /* the form of DNS, names and types of its own */
#define OLLY__PORT_MDNS 5353u
#define OLLY__PORT_LLMNR 5355u
#define OLLY__PAGE_BYTES 4096u
#define OLLY__LOWEST_BYTES 4096u /* nothing is mapped below */

/* RFC 1035 4.1.1, in host order. */
struct olly__dns_header {
    bool is_answer;
    uint32_t opcode;
    bool has_reserved_bit;
    uint32_t code;
    uint32_t questions;
    uint32_t answers;
    uint32_t authorities;
    uint32_t additions;
};

static bool olly__is_multicast(const struct olly_addresses *at) {
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    if (at->length == OLLY_ADDRESS_IPV4_REMOTE) {
        return at->bytes[0] >> 4 == 0xe;
    }
    return at->bytes[0] == 0xff ||
           (memcmp(at->bytes, mapped, sizeof mapped) == 0 && at->bytes[12] >> 4 == 0xe);
}

static bool olly__is_any(const struct olly_addresses *at) {
    for (size_t i = 0; i < at->length - 2u; i++) {
        if (at->bytes[i] != 0) {
            return false;
        }
    }
    return true;
}

static uint32_t olly__port(const struct olly_addresses *at) {
    return (uint32_t)at->bytes[at->length - 2] << 8 | at->bytes[at->length - 1];
}

/* Questions to everybody and names of other services: nobody in particular is to answer. */
static bool olly__is_elsewhere(const struct olly_addresses *peer) {
    uint32_t port = olly__port(peer);
    return port == OLLY__PORT_NETBIOS || port == OLLY__PORT_LLMNR || olly__is_multicast(peer);
}

static bool olly__own_is_elsewhere(const struct olly_addresses *own) {
    uint32_t port = olly__port(own);
    return port == OLLY__PORT_NETBIOS || port == OLLY__PORT_LLMNR ||
           (port == OLLY__PORT_MDNS && olly__is_any(own));
}

/* The entry of a socket of SOCK_DGRAM, without its stamp. */
uint64_t olly_datagram_classify(int fd) {
    struct olly_addresses own;
    struct olly_addresses peer;
    if (!olly_address_own(fd, &own) || olly__own_is_elsewhere(&own)) {
        return OLLY_IGNORED;
    }
    bool has_peer = olly_address_peer(fd, &peer);
    if (has_peer && olly__is_elsewhere(&peer)) {
        return OLLY_IGNORED;
    }
    bool is_known = olly__port(&own) == OLLY__PORT_DNS ||
                    (has_peer && olly__port(&peer) == OLLY__PORT_DNS);
    return OLLY_DATAGRAM | (is_known ? OLLY_ENTRY_STAYS : 0);
}

/* How much of an address that came with a datagram may be read. What its buffer can hold only the
 * kernel has asked, which answers an unreadable question with EFAULT: where the kernel has put
 * something, the page is there. A buffer for nothing may be anywhere; the first and the last pages
 * of all addresses are where errors and small numbers are. */
socklen_t olly_datagram_peer_bytes(const void *at, socklen_t bytes) {
    uintptr_t from = (uintptr_t)at;
    if (from < OLLY__LOWEST_BYTES || from > UINTPTR_MAX - OLLY__PAGE_BYTES) {
        return 0;
    }
    size_t most = OLLY__PAGE_BYTES - (from & (OLLY__PAGE_BYTES - 1));
    return bytes < most ? bytes : (socklen_t)most;
}

/* ---- does it look like DNS? ---- */

struct olly__cursor {
    struct olly_gather at;
    size_t left;
};

static bool olly__next(struct olly__cursor *cursor, uint8_t *to, size_t n) {
    if (n > cursor->left) {
        return false;
    }
    cursor->left -= n;
    for (size_t i = 0; i < n;) {
        while (cursor->at.count != 0 && cursor->at.skip >= cursor->at.iov->iov_len) {
            cursor->at.iov++;
            cursor->at.count--;
            cursor->at.skip = 0;
        }
        if (cursor->at.count == 0) {
            return false;
        }
        size_t held = cursor->at.iov->iov_len - cursor->at.skip;
        size_t piece = held < n - i ? held : n - i;
        if (to != NULL) {
            memcpy(to + i, (const uint8_t *)cursor->at.iov->iov_base + cursor->at.skip, piece);
        }
        cursor->at.skip += piece;
        i += piece;
    }
    return true;
}

static uint32_t olly__uint16(const uint8_t *at) {
    return (uint32_t)at[0] << 8 | at[1];
}

static bool olly__dns_header(struct olly__cursor *cursor, struct olly__dns_header *header) {
    uint8_t bytes[OLLY__DNS_HEADER_BYTES];
    if (!olly__next(cursor, bytes, sizeof bytes)) {
        return false;
    }
    *header = (struct olly__dns_header){.is_answer = (bytes[2] & 0x80) != 0,
                                        .opcode = bytes[2] >> 3 & 0x0f,
                                        .has_reserved_bit = (bytes[3] & 0x40) != 0,
                                        .code = bytes[3] & 0x0f,
                                        .questions = olly__uint16(bytes + 4),
                                        .answers = olly__uint16(bytes + 6),
                                        .authorities = olly__uint16(bytes + 8),
                                        .additions = olly__uint16(bytes + 10)};
    return true;
}

/* Query, status, notify, update; what a question cannot have, and more records than fit. */
static bool olly__is_plausible(const struct olly__dns_header *header, size_t left) {
    static const uint8_t opcodes[] = {1, 0, 1, 0, 1, 1};
    if (header->opcode >= sizeof opcodes || opcodes[header->opcode] == 0 ||
        header->has_reserved_bit || header->questions > 1) {
        return false;
    }
    uint32_t records = header->answers + header->authorities + header->additions;
    if (header->is_answer) {
        return true; /* cut ones keep their counts */
    }
    return header->code == 0 && (header->opcode != 0 || header->answers == 0) &&
           (size_t)records * OLLY__DNS_RECORD_BYTES_MIN <= left;
}

/* RFC 1035 4.1.2. A question's name begins the message, so it has no pointers. */
static bool olly__is_question(struct olly__cursor *cursor) {
    uint8_t label = 0;
    size_t bytes = 0;
    do {
        bytes += 1u + label;
        if (!olly__next(cursor, NULL, label) || !olly__next(cursor, &label, 1) || label > 63 ||
            bytes > OLLY__DNS_NAME_BYTES_MAX) {
            return false;
        }
    } while (label != 0);
    uint8_t rest[4];
    if (!olly__next(cursor, rest, sizeof rest)) {
        return false;
    }
    uint32_t class = olly__uint16(rest + 2);
    return olly__uint16(rest) != 0 &&
           (class == 1 || class == 3 || class == 4 || class == 254 || class == 255);
}

static bool olly__is_dns(const struct olly_io *io, bool is_known) {
    struct olly__cursor cursor = {.at = {.iov = io->iov, .count = io->iov_count},
                                  .left = io->bytes};
    struct olly__dns_header header;
    if (!olly__dns_header(&cursor, &header) || !olly__is_plausible(&header, cursor.left)) {
        return false;
    }
    if (header.questions == 0) {
        return is_known && header.is_answer;
    }
    if (!olly__is_question(&cursor)) {
        return false;
    }
    bool has_records = header.answers != 0 || header.authorities != 0 || header.additions != 0;
    return is_known || has_records || cursor.left == 0;
}

/* ---- what becomes of it ---- */

/* Not for ever: a flow of something else is left alone after its first datagrams. */
static void olly__disappoints(int fd, uint64_t entry) {
    if ((entry & OLLY_ENTRY_STAYS) != 0) {
        return;
    }
    if (olly_table_seq(fd, 1) + 1u < OLLY_DATAGRAM_LOOKS_MAX) {
        return;
    }
    entry = olly_table_load(fd);
    if (olly_entry_is_datagram(entry) && (entry & OLLY_ENTRY_STAYS) == 0) {
        uint64_t ignored = OLLY_IGNORED | (entry & OLLY_ENTRY_GENERATION);
        __atomic_compare_exchange_n(&olly_table[fd], &entry, ignored, false, __ATOMIC_RELAXED,
                                    __ATOMIC_RELAXED);
    }
}

/* Its own address, behind that of its only peer when it has one. */
static void olly__announce(int fd, uint64_t time) {
    struct olly_addresses at;
    struct olly_addresses own;
    if (!olly_address_own(fd, &own)) {
        return;
    }
    if (!olly_address_peer(fd, &at) || at.length != own.length) {
        at.length = 0;
    }
    memcpy(at.bytes + at.length, own.bytes, own.length);
    at.length = (uint8_t)(at.length + own.length);
    struct iovec iov = {.iov_base = at.bytes, .iov_len = at.length};
    struct olly_event event = {.type = OLLY_MSG_DATAGRAM_SOCKET,
                               .fd = fd,
                               .time = time,
                               .iov = &iov,
                               .iov_count = 1,
                               .bytes = at.length,
                               .bytes_max = OLLY_ADDRESS_BYTES_MAX};
    olly_emit(&event);
}

static void olly__tell(const struct olly_io *io, const struct olly_addresses *peer) {
    uint8_t length = peer->length;
    struct iovec iov[OLLY_DATAGRAM_IOVECS_MAX] = {
        {.iov_base = &length, .iov_len = 1},
        {.iov_base = (void *)(uintptr_t)peer->bytes, .iov_len = length}};
    size_t count = 2;
    for (size_t i = 0; i < io->iov_count && count < OLLY_DATAGRAM_IOVECS_MAX; i++) {
        iov[count++] = io->iov[i];
    }
    size_t most = olly_capture_bytes_max() + 1u + length;
    struct olly_event event = {
        .type = io->out ? OLLY_MSG_DATAGRAM_OUT : OLLY_MSG_DATAGRAM_IN,
        .fd = io->fd,
        .time = io->time,
        .iov = iov,
        .iov_count = count,
        .bytes = io->bytes + 1u + length,
        .bytes_max = most < OLLY_PAYLOAD_BYTES_MAX ? most : OLLY_PAYLOAD_BYTES_MAX};
    olly_emit(&event);
}

void olly_datagram_done(const struct olly_io *io, uint64_t entry) {
    struct olly_addresses peer;
    bool has_peer = olly_address_given(io->peer, io->peer_bytes, &peer);
    bool stays = (entry & OLLY_ENTRY_STAYS) != 0;
    if (io->iov == NULL || (has_peer && olly__is_elsewhere(&peer)) || !olly__is_dns(io, stays)) {
        olly__disappoints(io->fd, entry);
        return;
    }
    if (olly_tls_hides(io->fd)) {
        return;
    }
    if (!olly_ready()) {
        olly_count(OLLY_COUNT_UNREGISTERED);
        return;
    }
    entry = olly_table_settle(io->fd); /* registering may have begun a generation */
    if (!olly_entry_is_datagram(entry)) {
        return;
    }
    uint64_t known = OLLY_ENTRY_ANNOUNCED | OLLY_ENTRY_STAYS;
    if ((entry & known) != known &&
        (olly_table_flag(io->fd, known) & OLLY_ENTRY_ANNOUNCED) == 0) {
        olly__announce(io->fd, io->time);
    }
    olly__tell(io, &peer);
}
