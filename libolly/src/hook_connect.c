/*
 * How connections begin, and how one direction ends.
 * Invariant: a connection is announced once: connect() called again on one that is under way, or
 * to learn its outcome, says nothing new.
 */
#include <errno.h>
#include <sys/un.h>

#include "olly.h"

static int olly__type(int fd) {
    int type = 0;
    socklen_t bytes = sizeof type;
    return olly_raw(SYS_getsockopt, fd, SOL_SOCKET, SO_TYPE, &type, &bytes) == 0 ? type : 0;
}

static bool olly__is_family(const olly_sockaddr *address, size_t bytes) {
    if (address == NULL || bytes < sizeof address->sa_family) {
        return false;
    }
    return address->sa_family == AF_INET || address->sa_family == AF_INET6 ||
           address->sa_family == AF_UNIX;
}

/* The real call failed: has the connection begun all the same? */
static bool olly__is_under_way(void) {
    const int *error = olly_errno_place();
    return error != NULL && (*error == EINPROGRESS || *error == EINTR);
}

static void olly__connected(int fd, const olly_sockaddr *to, size_t bytes, uint64_t time) {
    if ((uint32_t)fd >= OLLY_FD_MAX) {
        return;
    }
    if (olly_entry_is_datagram(olly_table_load(fd))) {
        olly_table_set(fd, 0); /* another peer, or none */
        return;
    }
    if (!olly__is_family(to, bytes)) {
        return;
    }
    struct olly_addresses addresses;
    int type = olly__type(fd);
    if (type != SOCK_STREAM) {
        bool may_be_dns = type == SOCK_DGRAM && to->sa_family != AF_UNIX;
        olly_table_set(fd, may_be_dns ? 0 : OLLY_IGNORED | olly_entry_stamp());
        return;
    }
    if (!olly_addresses_to(fd, to, bytes, &addresses)) {
        return;
    }
    uint64_t known = olly_table_load(fd);
    if ((known & OLLY_ENTRY_CLASS) == OLLY_SOCKET && olly_entry_current(known) &&
        (known & OLLY_ENTRY_HASH) == olly_addresses_hash(&addresses) && !addresses.is_unix) {
        return;
    }
    olly_table_opened(fd, OLLY_ROLE_CLIENT, &addresses, time);
}

OLLY_HOOK(int, connect, (int fd, const olly_sockaddr *to, socklen_t bytes), (fd, to, bytes)) {
    olly_refresh();
    uint64_t time = olly_now();
    int result = olly_real.connect(fd, to, bytes);
    if ((result == 0 || olly__is_under_way()) && olly_same_process()) {
        olly__connected(fd, to, bytes, time);
    }
    return result;
}

static void olly__accepted(int fd) {
    if (fd < 0 || !olly_same_process()) {
        return;
    }
    uint64_t time = olly_now();
    struct olly_addresses addresses;
    olly_table_reset(fd);
    if (olly__type(fd) != SOCK_STREAM) {
        olly_table_set(fd, OLLY_IGNORED | olly_entry_stamp());
    } else if (olly_addresses_of(fd, OLLY_ROLE_SERVER, &addresses)) {
        olly_table_opened(fd, OLLY_ROLE_SERVER, &addresses, time);
    }
}

OLLY_HOOK_ALWAYS(int, accept, (int fd, olly_sockaddr *from, socklen_t *bytes)) {
    int accepted = olly_real.accept(fd, from, bytes);
    if (!olly_dormant()) {
        olly_refresh();
        olly__accepted(accepted);
    }
    return accepted;
}

OLLY_HOOK_ALWAYS(int, accept4, (int fd, olly_sockaddr *from, socklen_t *bytes, int flags)) {
    int accepted = olly_real.accept4(fd, from, bytes, flags);
    if (!olly_dormant()) {
        olly_refresh();
        olly__accepted(accepted);
    }
    return accepted;
}

OLLY_HOOK(int, shutdown, (int fd, int how), (fd, how)) {
    if (!olly_wants(fd, true)) {
        return olly_real.shutdown(fd, how);
    }
    uint64_t time = olly_now();
    int result = olly_real.shutdown(fd, how);
    if (result == 0 && (how == SHUT_WR || how == SHUT_RDWR)) {
        struct olly_io io = {.fd = fd, .out = true, .bytes = 0, .time = time};
        olly_io_done(&io);
    }
    return result;
}
