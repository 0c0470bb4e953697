/*
 * Socket addresses in the forms of the wire.
 * Invariant: at most OLLY_ADDRESS_BYTES_MAX bytes; addresses and ports stay in network order.
 */
#include <netinet/in.h>
#include <sys/un.h>

#include "olly.h"

/* Up to the end of the address; what follows is of no interest. */
#define OLLY__IPV4_NAME_BYTES (offsetof(struct sockaddr_in, sin_addr) + 4u)
#define OLLY__IPV6_NAME_BYTES (offsetof(struct sockaddr_in6, sin6_addr) + 16u)

union olly__name {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_un local;
};

static void olly__append(struct olly_addresses *out, const void *bytes, size_t n) {
    memcpy(out->bytes + out->length, bytes, n);
    out->length = (uint8_t)(out->length + n);
}

static bool olly__append_inet(struct olly_addresses *out, const union olly__name *name) {
    if (name->any.sa_family == AF_INET) {
        olly__append(out, &name->v4.sin_addr, 4);
        olly__append(out, &name->v4.sin_port, 2);
        return true;
    }
    if (name->any.sa_family == AF_INET6) {
        olly__append(out, &name->v6.sin6_addr, 16);
        olly__append(out, &name->v6.sin6_port, 2);
        return true;
    }
    return false;
}

/* Abstract names keep their leading NUL; a path loses its closing one. */
static size_t olly__path_bytes(const union olly__name *name, size_t bytes) {
    size_t start = offsetof(struct sockaddr_un, sun_path);
    if (bytes <= start) {
        return 0;
    }
    size_t room = bytes - start < OLLY_PATH_BYTES_MAX ? bytes - start : OLLY_PATH_BYTES_MAX;
    if (name->local.sun_path[0] == '\0') {
        return room == 1 ? 0 : room;
    }
    size_t length = 0;
    while (length < room && name->local.sun_path[length] != '\0') {
        length++;
    }
    return length;
}

/* The side that has a name is the listener's: peer's name for a client, own name for a server. */
static bool olly__unix_local(int fd, uint32_t role, union olly__name *name,
                             struct olly_addresses *out) {
    socklen_t bytes = sizeof *name;
    if (olly_raw(SYS_getsockname, fd, name, &bytes) != 0) {
        return false;
    }
    size_t length = olly__path_bytes(name, bytes);
    bool is_server = role == OLLY_ROLE_SERVER || (role == OLLY_ROLE_UNKNOWN && length != 0 &&
                                                  !out->is_named);
    if (is_server) {
        out->length = 0;
        olly__append(out, name->local.sun_path, length);
    }
    out->role = is_server ? OLLY_ROLE_SERVER
                          : (out->is_named ? OLLY_ROLE_CLIENT : OLLY_ROLE_UNKNOWN);
    out->is_named = out->is_named || length != 0;
    return true;
}

static bool olly__addresses(int fd, uint32_t role, union olly__name *name, socklen_t bytes,
                            struct olly_addresses *out) {
    out->is_unix = name->any.sa_family == AF_UNIX;
    out->role = OLLY_ROLE_UNKNOWN;
    out->length = 0;
    out->is_named = true;
    if (out->is_unix) {
        size_t length = olly__path_bytes(name, bytes);
        out->is_named = length != 0;
        olly__append(out, name->local.sun_path, length);
        return olly__unix_local(fd, role, name, out);
    }
    if (!olly__append_inet(out, name)) {
        return false;
    }
    bytes = sizeof *name;
    union olly__name local = {.local = {0}};
    bool known = olly_raw(SYS_getsockname, fd, &local, &bytes) == 0 &&
                 local.any.sa_family == name->any.sa_family;
    return !known || olly__append_inet(out, &local);
}

/* Of a connected socket. False: not connected, or of a family that is not watched. */
bool olly_addresses_of(int fd, uint32_t role, struct olly_addresses *out) {
    union olly__name name = {.local = {0}};
    socklen_t bytes = sizeof name;
    if (olly_raw(SYS_getpeername, fd, &name, &bytes) != 0) {
        return false;
    }
    /* An unnamed AF_UNIX peer comes back as its family alone. */
    return olly__addresses(fd, role, &name, bytes, out);
}

/* Of a socket that is being connected to an address the caller gave. */
bool olly_addresses_to(int fd, const void *remote, size_t bytes, struct olly_addresses *out) {
    union olly__name name = {.local = {0}};
    size_t kept = bytes < sizeof name ? bytes : sizeof name;
    if (remote == NULL || kept < sizeof name.any.sa_family) {
        return false;
    }
    memcpy(&name, remote, kept);
    return olly__addresses(fd, OLLY_ROLE_CLIENT, &name, (socklen_t)kept, out);
}

static bool olly__one(const union olly__name *name, socklen_t bytes, struct olly_addresses *out) {
    *out = (struct olly_addresses){.length = 0};
    bool is_whole = name->any.sa_family == AF_INET    ? bytes >= OLLY__IPV4_NAME_BYTES
                    : name->any.sa_family == AF_INET6 ? bytes >= OLLY__IPV6_NAME_BYTES
                                                      : false;
    return is_whole && olly__append_inet(out, name);
}

/* Of an internet socket: where it is bound. */
bool olly_address_own(int fd, struct olly_addresses *out) {
    union olly__name name = {.local = {0}};
    socklen_t bytes = sizeof name;
    return olly_raw(SYS_getsockname, fd, &name, &bytes) == 0 && olly__one(&name, bytes, out);
}

/* The one to which it is connected. */
bool olly_address_peer(int fd, struct olly_addresses *out) {
    union olly__name name = {.local = {0}};
    socklen_t bytes = sizeof name;
    return olly_raw(SYS_getpeername, fd, &name, &bytes) == 0 && olly__one(&name, bytes, out);
}

/* Of a datagram: length 0 when it is of another family or not all there. */
bool olly_address_given(const void *at, size_t bytes, struct olly_addresses *out) {
    union olly__name name = {.local = {0}};
    size_t kept = bytes < sizeof name ? bytes : sizeof name;
    if (at != NULL) {
        memcpy(&name, at, kept);
    }
    return olly__one(&name, at == NULL ? 0 : (socklen_t)kept, out);
}

/* FNV-1a, folded into the 24 bits that an entry has for it. */
uint64_t olly_addresses_hash(const struct olly_addresses *addresses) {
    uint64_t hash = 0xcbf29ce484222325ull;
    for (size_t i = 0; i < addresses->length; i++) {
        hash = (hash ^ addresses->bytes[i]) * 0x100000001b3ull;
    }
    hash ^= hash >> 24 ^ hash >> 48;
    return hash << OLLY_ENTRY_HASH_SHIFT & OLLY_ENTRY_HASH;
}
