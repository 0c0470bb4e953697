/*
 * What is known of each descriptor: one word per number, looked up directly.
 * Invariant: a descriptor is classified (system calls) once per generation, at its first use, and
 * is announced to the agent before its first message. Closes that we cannot see leave stale words:
 * whatever makes a descriptor resets its word, so stale is never mistaken for true.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/stat.h>

#include "olly.h"

uint64_t olly_table[OLLY_FD_MAX];
uint32_t olly_table_top;

bool olly_wants_slow(int fd) {
    if (fd >= 0) {
        olly_count(OLLY_COUNT_FD_LIMIT);
    }
    return false;
}

uint64_t olly_table_load(int fd) {
    return (uint32_t)fd < OLLY_FD_MAX ? __atomic_load_n(&olly_table[fd], __ATOMIC_RELAXED) : 0;
}

static void olly__raise_top(int fd) {
    uint32_t top = __atomic_load_n(&olly_table_top, __ATOMIC_RELAXED);
    while ((uint32_t)fd >= top &&
           !__atomic_compare_exchange_n(&olly_table_top, &top, (uint32_t)fd + 1, false,
                                        __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
    }
}

void olly_table_set(int fd, uint64_t entry) {
    if ((uint32_t)fd < OLLY_FD_MAX) {
        olly__raise_top(fd);
        __atomic_store_n(&olly_table[fd], entry, __ATOMIC_RELAXED);
    }
}

void olly_table_reset(int fd) {
    if (olly_table_load(fd) != 0 && olly_same_process()) {
        olly_table_set(fd, 0);
    }
}

/* dup: a log stays a log. A duplicated socket is a connection of its own that is announced only
 * when bytes move on it; its role is kept for that moment. */
void olly_table_copied(int from, int to) {
    if (!olly_same_process()) {
        return;
    }
    uint64_t entry = olly_table_load(from);
    uint64_t class = entry & OLLY_ENTRY_CLASS;
    if (olly_entry_is_stream(entry)) {
        entry &= OLLY_ENTRY_ROLE | OLLY_ENTRY_HASH; /* class unknown: looked at when used */
        olly_table_set(to, entry);
    } else if (class == OLLY_LOG && to > 2) {
        olly_table_set(to, entry);
    } else {
        olly_table_set(to, 0);
    }
}

uint64_t olly_table_flag(int fd, uint64_t flag) {
    return __atomic_fetch_or(&olly_table[fd], flag, __ATOMIC_RELAXED);
}

/* The first of so many consecutive numbers. */
uint16_t olly_table_seq(int fd, uint64_t messages) {
    uint64_t before = __atomic_fetch_add(&olly_table[fd], messages << OLLY_ENTRY_SEQ_SHIFT,
                                         __ATOMIC_RELAXED);
    return (uint16_t)(before >> OLLY_ENTRY_SEQ_SHIFT);
}

static uint64_t olly__classify_file(int fd) {
    if (fd == 1 || fd == 2) {
        return OLLY_LOG;
    }
    struct stat about;
    long flags = olly_raw(SYS_fcntl, fd, F_GETFL);
    if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY || (flags & O_PATH) != 0 ||
        olly_raw(SYS_fstat, fd, &about) != 0 || !S_ISREG(about.st_mode)) {
        return OLLY_IGNORED;
    }
    return OLLY_LOG;
}

static long olly__socket_option(int fd, int name) {
    int value = 0;
    socklen_t bytes = sizeof value;
    long result = olly_raw(SYS_getsockopt, fd, SOL_SOCKET, name, &value, &bytes);
    return result < 0 ? result : value;
}

/* UNKNOWN means: a stream socket without a peer, look again next time. */
static uint64_t olly__classify_socket(int fd, uint64_t old) {
    long domain = olly__socket_option(fd, SO_DOMAIN);
    bool is_inet = domain == AF_INET || domain == AF_INET6;
    if (!is_inet && (fd == 1 || fd == 2)) {
        return OLLY_LOG; /* the journal's stream */
    }
    if (!is_inet && domain != AF_UNIX) {
        return OLLY_IGNORED;
    }
    struct olly_addresses addresses;
    if (!olly_addresses_of(fd, OLLY_ROLE_UNKNOWN, &addresses)) {
        return OLLY_UNKNOWN;
    }
    if (!addresses.is_named) {
        return OLLY_IGNORED; /* a socketpair: inside one program or between parent and child */
    }
    uint64_t hash = olly_addresses_hash(&addresses);
    uint64_t entry = OLLY_SOCKET | hash;
    if (addresses.is_unix) {
        return entry | (uint64_t)addresses.role << OLLY_ENTRY_ROLE_SHIFT;
    }
    if (hash == (old & OLLY_ENTRY_HASH)) { /* the same connection as before */
        entry |= old & (OLLY_ENTRY_ROLE | OLLY_ENTRY_TLS);
    }
    return entry;
}

static uint64_t olly__classify(int fd, uint64_t old) {
    if (!olly_same_process()) {
        return OLLY_IGNORED;
    }
    uint64_t stamp = olly_entry_stamp();
    long type = olly__socket_option(fd, SO_TYPE);
    uint64_t entry;
    if (type == -ENOTSOCK) {
        entry = olly__classify_file(fd);
    } else if (type == SOCK_STREAM) {
        entry = olly__classify_socket(fd, old);
    } else if (fd == 1 || fd == 2) {
        entry = type >= 0 ? OLLY_LOG : OLLY_IGNORED;
    } else {
        entry = type == SOCK_DGRAM ? olly_datagram_classify(fd) : OLLY_IGNORED;
    }
    if (entry == OLLY_UNKNOWN) {
        return OLLY_IGNORED;
    }
    entry |= stamp;
    olly__raise_top(fd);
    bool stored = __atomic_compare_exchange_n(&olly_table[fd], &old, entry, false,
                                              __ATOMIC_RELAXED, __ATOMIC_RELAXED);
    return stored ? entry : old;
}

/* The entry, classified in this generation. fd is within the table. */
uint64_t olly_table_settle(int fd) {
    uint64_t entry = olly_table_load(fd);
    if (OLLY_LIKELY((entry & OLLY_ENTRY_CLASS) != OLLY_UNKNOWN && olly_entry_current(entry))) {
        return entry;
    }
    return olly__classify(fd, entry);
}

static void olly__announce(int fd, uint32_t role, uint8_t flags, const struct olly_addresses *at,
                           uint64_t time) {
    struct iovec iov = {.iov_base = (void *)(uintptr_t)at->bytes, .iov_len = at->length};
    struct olly_event event = {
        .type = role == OLLY_ROLE_SERVER ? OLLY_MSG_ACCEPT : OLLY_MSG_CONNECT,
        .flags = (uint8_t)(flags | OLLY_FLAG_SEQUENCED | (at->is_unix ? OLLY_FLAG_UNIX : 0) |
                           (role == OLLY_ROLE_UNKNOWN ? OLLY_FLAG_ROLE_UNKNOWN : 0)),
        .fd = fd,
        .time = time,
        .iov = &iov,
        .iov_count = 1,
        .bytes = at->length,
        .bytes_max = OLLY_ADDRESS_BYTES_MAX,
    };
    olly_emit(&event);
}

/* connect or accept saw the connection begin. */
void olly_table_opened(int fd, uint32_t role, const struct olly_addresses *at, uint64_t time) {
    if ((uint32_t)fd >= OLLY_FD_MAX) {
        olly_count(OLLY_COUNT_FD_LIMIT);
        return;
    }
    bool ready = olly_ready(); /* may begin a generation: before the stamp is read */
    uint64_t entry = OLLY_SOCKET | (uint64_t)role << OLLY_ENTRY_ROLE_SHIFT |
                     olly_addresses_hash(at) | olly_entry_stamp();
    if (!ready) {
        olly_table_set(fd, entry);
        olly_count(OLLY_COUNT_UNREGISTERED);
        return;
    }
    olly_table_set(fd, entry | OLLY_ENTRY_ANNOUNCED | OLLY_ENTRY_SEQ_ONE);
    olly__announce(fd, role, 0, at, time);
}

/* The entry of a socket that the agent knows of; the caller has made sure of olly_ready(). */
uint64_t olly_table_announced(int fd, uint64_t time) {
    uint64_t entry = olly_table_settle(fd);
    if (OLLY_LIKELY((entry & OLLY_ENTRY_ANNOUNCED) != 0) ||
        (entry & OLLY_ENTRY_CLASS) != OLLY_SOCKET) {
        return entry;
    }
    struct olly_addresses addresses;
    if (!olly_addresses_of(fd, olly_entry_role(entry), &addresses)) {
        return OLLY_IGNORED; /* reset by its peer meanwhile */
    }
    uint64_t announced = entry | OLLY_ENTRY_ANNOUNCED | OLLY_ENTRY_SEQ_ONE;
    if (__atomic_compare_exchange_n(&olly_table[fd], &entry, announced, false, __ATOMIC_RELAXED,
                                    __ATOMIC_RELAXED)) {
        olly__announce(fd, olly_entry_role(entry), OLLY_FLAG_MIDSTREAM, &addresses, time);
        return announced;
    }
    return entry;
}

/* Before the descriptor is closed, or after something else took its number. */
void olly_table_closing(int fd) {
    uint64_t entry = olly_table_load(fd);
    if (entry == 0 || !olly_same_process()) {
        return;
    }
    olly_table_set(fd, 0);
    /* A forked child that only closes what it inherited does not register for that. */
    if ((entry & OLLY_ENTRY_ANNOUNCED) == 0 || OLLY_GET(olly_process->pid) == 0 || !olly_ready() ||
        !olly_entry_current(entry)) {
        return;
    }
    bool counts = !olly_entry_is_datagram(entry);
    struct olly_event event = {
        .type = OLLY_MSG_CLOSE,
        .flags = counts ? OLLY_FLAG_SEQUENCED : 0,
        .seq = counts ? (uint16_t)(entry >> OLLY_ENTRY_SEQ_SHIFT) : 0,
        .fd = fd,
        .time = olly_now(),
    };
    olly_emit(&event);
}
