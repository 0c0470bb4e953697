/*
 * Names that the program looks up: libc asks the name servers by calls of its own.
 * Invariant: what happens inside a lookup is not reported besides; the result goes back untouched.
 */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>

#include "tls.h"

#define OLLY__EAI_NODATA (-5)
#define OLLY__EAI_FAIL (-4)
#define OLLY__ADDRESS_ROOM 17 /* a length and at most an IPv6 address */

struct olly__answer {
    struct olly_lookup head;
    uint16_t bytes; /* of the addresses */
    uint8_t addresses[OLLY_LOOKUP_ADDRESSES_MAX * OLLY__ADDRESS_ROOM];
};

static bool olly__has(const struct olly__answer *answer, const void *address, uint8_t length) {
    for (size_t at = 0; at < answer->bytes; at += 1u + answer->addresses[at]) {
        if (answer->addresses[at] == length &&
            memcmp(answer->addresses + at + 1, address, length) == 0) {
            return true;
        }
    }
    return false;
}

/* An address comes once for each kind of socket that was asked for. */
static void olly__add(struct olly__answer *answer, const void *address, uint8_t length) {
    if (olly__has(answer, address, length)) {
        return;
    }
    if (answer->head.addresses == OLLY_LOOKUP_ADDRESSES_MAX) {
        answer->head.flags |= OLLY_LOOKUP_MORE;
        return;
    }
    answer->addresses[answer->bytes] = length;
    memcpy(answer->addresses + answer->bytes + 1, address, length);
    answer->bytes = (uint16_t)(answer->bytes + 1u + length);
    answer->head.addresses++;
}

static void olly__emit(struct olly__answer *answer, const char *name, uint64_t began) {
    if (!olly_ready()) {
        olly_count(OLLY_COUNT_UNREGISTERED);
        return;
    }
    size_t name_bytes = olly_string_bytes(name);
    if (name_bytes > OLLY_LOOKUP_NAME_BYTES_MAX) {
        name_bytes = OLLY_LOOKUP_NAME_BYTES_MAX;
    }
    answer->head.name_bytes = (uint16_t)name_bytes;
    answer->head.duration_ns = olly_now() - began;
    struct iovec iov[3] = {{&answer->head, sizeof answer->head},
                           {(void *)(uintptr_t)name, name_bytes},
                           {answer->addresses, answer->bytes}};
    size_t bytes = sizeof answer->head + name_bytes + answer->bytes;
    struct olly_event event = {.type = OLLY_MSG_LOOKUP,
                               .fd = -1,
                               .time = began,
                               .iov = iov,
                               .iov_count = 3,
                               .bytes = bytes,
                               .bytes_max = bytes};
    olly_emit(&event);
}

/* Frees the caller of the answer's stack before the next call of the program's. */
static __attribute__((noinline)) void olly__looked_up(const char *name,
                                                      const struct addrinfo *hints, int result,
                                                      const struct addrinfo *found,
                                                      uint64_t began) {
    const int *error = olly_errno_place();
    struct olly__answer answer = {
        .head = {.result = result,
                 .error = result == EAI_SYSTEM && error != NULL ? *error : 0,
                 .family = hints == NULL ? AF_UNSPEC : (uint8_t)hints->ai_family}};
    for (; result == 0 && found != NULL; found = found->ai_next) {
        if (found->ai_family == AF_INET) {
            const struct sockaddr_in *v4 = (const void *)found->ai_addr;
            olly__add(&answer, &v4->sin_addr, 4);
        } else if (found->ai_family == AF_INET6) {
            const struct sockaddr_in6 *v6 = (const void *)found->ai_addr;
            olly__add(&answer, &v6->sin6_addr, 16);
        }
    }
    olly__emit(&answer, name, began);
}

/* What the module of a name service reads and writes meanwhile is the lookup itself. Programs end
 * lookups by an alarm and a jump: the caller's place on the stack tells. */
static void olly__begin(struct olly_tls_call *inside, struct olly_caller caller) {
    inside->object = inside;
    inside->fd = -1;
    inside->out = false;
    inside->is_guess = false;
    inside->is_brief = true;
    inside->proof.return_slot = caller.slot;
    inside->shakes_hands = false;
    olly_tls_enter(inside);
}

OLLY_HOOK_ALWAYS(int, getaddrinfo, (const char *name, const char *service,
                                    const struct addrinfo *hints, struct addrinfo **found)) {
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **) =
        (int (*)(const char *, const char *, const struct addrinfo *, struct addrinfo **))
            olly_other(OLLY_OTHER_getaddrinfo);
    if (real == NULL) {
        return EAI_FAIL;
    }
    if (olly_dormant() || name == NULL) {
        return real(name, service, hints, found);
    }
    struct olly_tls_call inside;
    olly__begin(&inside, OLLY_CALLER);
    int result = real(name, service, hints, found);
    olly_tls_leave(&inside, false);
    olly__looked_up(name, hints, result, result == 0 ? *found : NULL, inside.time);
    return result;
}

/* The older functions have codes of their own. */
static int olly__as_result(int host_error) {
    switch (host_error) {
    case HOST_NOT_FOUND: return EAI_NONAME;
    case TRY_AGAIN: return EAI_AGAIN;
    case NO_DATA: return OLLY__EAI_NODATA;
    case NETDB_INTERNAL: return EAI_SYSTEM;
    default: return OLLY__EAI_FAIL;
    }
}

static __attribute__((noinline)) void olly__host(const char *name, int family,
                                                 const struct hostent *host, int host_error,
                                                 uint64_t began) {
    const int *error = olly_errno_place();
    struct olly__answer answer = {.head = {.family = (uint8_t)family}};
    if (host == NULL) {
        answer.head.result = olly__as_result(host_error);
        answer.head.error = answer.head.result == EAI_SYSTEM && error != NULL ? *error : 0;
    }
    for (size_t i = 0; host != NULL && host->h_addr_list[i] != NULL; i++) {
        if (host->h_length == 4 || host->h_length == 16) {
            olly__add(&answer, host->h_addr_list[i], (uint8_t)host->h_length);
        }
    }
    olly__emit(&answer, name, began);
}

static int olly__host_error(void) {
    int *(*place)(void) = (int *(*)(void))olly_other(OLLY_OTHER___h_errno_location);
    return place == NULL ? NO_RECOVERY : *place();
}

#define OLLY__HOST_HOOK(function, name, family, parameters, types, arguments)             \
    OLLY_HOOK_ALWAYS(struct hostent *, function, parameters) {                             \
        struct hostent *(*real) types =                                                    \
            (struct hostent * (*) types) olly_other(OLLY_OTHER_##function);                \
        if (real == NULL || olly_dormant() || name == NULL) {                              \
            return real == NULL ? NULL : real arguments;                                   \
        }                                                                                  \
        struct olly_tls_call inside;                                                       \
        olly__begin(&inside, OLLY_CALLER);                                                 \
        struct hostent *host = real arguments;                                             \
        olly_tls_leave(&inside, false);                                                    \
        olly__host(name, family, host, host == NULL ? olly__host_error() : 0, inside.time); \
        return host;                                                                       \
    }
OLLY__HOST_HOOK(gethostbyname, name, AF_INET, (const char *name), (const char *), (name))
OLLY__HOST_HOOK(gethostbyname2, name, family, (const char *name, int family),
                (const char *, int), (name, family))

/* A buffer that is too small is not an answer: the call comes again with a larger one. */
#define OLLY__HOST_R_HOOK(function, name, family, parameters, types, arguments)            \
    OLLY_HOOK_ALWAYS(int, function, parameters) {                                          \
        int(*real) types = (int(*) types)olly_other(OLLY_OTHER_##function);                \
        if (real == NULL || olly_dormant() || name == NULL) {                              \
            return real == NULL ? ENOSYS : real arguments;                                 \
        }                                                                                  \
        struct olly_tls_call inside;                                                       \
        olly__begin(&inside, OLLY_CALLER);                                                 \
        int result = real arguments;                                                       \
        olly_tls_leave(&inside, false);                                                    \
        if (result != ERANGE) {                                                            \
            olly__host(name, family, result == 0 ? *found : NULL, *error, inside.time);    \
        }                                                                                  \
        return result;                                                                     \
    }
OLLY__HOST_R_HOOK(gethostbyname_r, name, AF_INET,
                  (const char *name, struct hostent *host, char *buffer, size_t bytes,
                   struct hostent **found, int *error),
                  (const char *, struct hostent *, char *, size_t, struct hostent **, int *),
                  (name, host, buffer, bytes, found, error))
OLLY__HOST_R_HOOK(gethostbyname2_r, name, family,
                  (const char *name, int family, struct hostent *host, char *buffer,
                   size_t bytes, struct hostent **found, int *error),
                  (const char *, int, struct hostent *, char *, size_t, struct hostent **, int *),
                  (name, family, host, buffer, bytes, found, error))
