/*
 * Which TLS library a caller means: a process may hold several, and the wrong one crashes.
 * Invariant: the answer comes from the caller's own dependencies; only when it names none, from
 * the first loaded module that has the functions. Answers are cached per calling module.
 */
#include "tls.h"

struct olly__tls_caller {
    uintptr_t low; /* 0: free; 1: being written. Stored last, compared again after reading */
    uintptr_t high;
    uintptr_t target; /* an address inside the library: is it still loaded? */
    enum olly_family family;
    union olly_tls_functions functions;
};

static struct olly__tls_caller olly__callers[OLLY_TLS_CALLERS_MAX];

static const char *const olly__openssl_names[] = {
    "SSL_read",     "SSL_write",        "SSL_read_ex",         "SSL_write_ex", "SSL_do_handshake",
    "SSL_connect",  "SSL_accept",       "SSL_free",            "SSL_get_rfd",  "SSL_get_wfd",
    "SSL_get_shutdown", "SSL_read_early_data", "SSL_sendfile",
    "SSL_in_init",  "SSL_get_client_random", "SSL_is_server",
};
static const char *const olly__gnutls_names[] = {
    "gnutls_record_send",   "gnutls_record_send2",       "gnutls_record_send_range",
    "gnutls_record_recv",   "gnutls_record_recv_seq",    "gnutls_record_recv_packet",
    "gnutls_record_recv_early_data", "gnutls_record_uncork", "gnutls_handshake",
    "gnutls_deinit",        "gnutls_packet_get",         "gnutls_transport_get_ptr2",
};
static const char *const olly__nspr_names[] = {
    "PR_Write", "PR_Writev", "PR_Send", "PR_Read", "PR_Recv", "PR_FileDesc2NativeHandle",
    "PR_GetNameForIdentity",
};

/* The first name is the one by which a family's library is known. */
struct olly__tls_family {
    const char *const *names;
    size_t count;
};
#define OLLY__FAMILY(names) {names, sizeof names / sizeof names[0]}
static const struct olly__tls_family olly__tls_families[] = {
    [OLLY_OPENSSL] = OLLY__FAMILY(olly__openssl_names),
    [OLLY_GNUTLS] = OLLY__FAMILY(olly__gnutls_names),
    [OLLY_NSPR] = OLLY__FAMILY(olly__nspr_names),
};
_Static_assert(sizeof(struct olly_openssl) == sizeof olly__openssl_names, "one name per member");
_Static_assert(sizeof(struct olly_gnutls) == sizeof olly__gnutls_names, "one name per member");
_Static_assert(sizeof(struct olly_nspr) == sizeof olly__nspr_names, "one name per member");

struct olly__tls_search {
    uintptr_t caller;
    enum olly_family family;
    struct olly_module module; /* the one that calls */
    bool has_module;
    struct olly_module first;  /* that has the functions */
    struct olly_module wanted; /* that the caller depends on, or is */
};

static int olly__find_caller(const struct olly_module *module, void *data) {
    struct olly__tls_search *search = data;
    if (search->caller < module->low || search->caller >= module->high) {
        return 0;
    }
    search->module = *module;
    search->has_module = true;
    return 1;
}

static int olly__find_library(const struct olly_module *module, void *data) {
    struct olly__tls_search *search = data;
    const char *known_by = olly__tls_families[search->family].names[0];
    if (olly_module_is_self(module) || olly_module_symbol(module, known_by) == NULL) {
        return 0;
    }
    if (search->first.base == 0 && search->first.dynamic == NULL) {
        search->first = *module;
    }
    const char *soname = olly_module_soname(module);
    bool is_caller = search->has_module && module->low == search->module.low;
    if (is_caller || (search->has_module && soname != NULL &&
                      olly_module_needs(&search->module, soname))) {
        search->wanted = *module;
        return 1;
    }
    return 0;
}

/* True when a library was found; a function that it lacks is null. */
static bool olly__tls_resolve(struct olly__tls_search *search,
                              union olly_tls_functions *functions, uintptr_t *target) {
    olly_modules(olly__find_caller, search);
    olly_modules(olly__find_library, search);
    const struct olly_module *from =
        search->wanted.dynamic != NULL ? &search->wanted : &search->first;
    if (from->dynamic == NULL) {
        return false;
    }
    const struct olly__tls_family *family = &olly__tls_families[search->family];
    void **members = (void **)(void *)functions;
    for (size_t i = 0; i < family->count; i++) {
        members[i] = olly_module_symbol(from, family->names[i]);
    }
    *target = from->low;
    return true;
}

static const union olly_tls_functions *olly__tls_cached(enum olly_family family,
                                                        uintptr_t caller) {
    for (size_t i = 0; i < OLLY_TLS_CALLERS_MAX; i++) {
        const struct olly__tls_caller *slot = &olly__callers[i];
        uintptr_t low = __atomic_load_n(&slot->low, __ATOMIC_ACQUIRE);
        if (low > 1 && caller >= low && caller < slot->high && slot->family == family &&
            __atomic_load_n(&slot->low, __ATOMIC_ACQUIRE) == low) {
            return &slot->functions;
        }
    }
    return NULL;
}

static void olly__tls_remember(const struct olly__tls_search *search, uintptr_t target,
                               const union olly_tls_functions *functions) {
    /* Threads that begin together find the same answer together: one of them keeps it. */
    bool keep = search->has_module && olly__tls_cached(search->family, search->caller) == NULL;
    for (size_t i = 0; keep && i < OLLY_TLS_CALLERS_MAX; i++) {
        struct olly__tls_caller *slot = &olly__callers[i];
        uintptr_t unused = 0;
        if (__atomic_compare_exchange_n(&slot->low, &unused, 1, false, __ATOMIC_ACQ_REL,
                                        __ATOMIC_RELAXED)) {
            slot->high = search->module.high;
            slot->target = target;
            slot->family = search->family;
            slot->functions = *functions;
            __atomic_store_n(&slot->low, search->module.low, __ATOMIC_RELEASE);
            return;
        }
    }
}

/* Null when no module has the functions. scratch is used when the cache is full. */
const union olly_tls_functions *olly_tls_functions_of(enum olly_family family, uintptr_t caller,
                                                      union olly_tls_functions *scratch) {
    const union olly_tls_functions *known = olly__tls_cached(family, caller);
    if (OLLY_LIKELY(known != NULL)) {
        return known;
    }
    struct olly__tls_search search = {.caller = caller, .family = family};
    uintptr_t target = 0;
    if (!olly__tls_resolve(&search, scratch, &target)) {
        return NULL;
    }
    olly__tls_remember(&search, target, scratch);
    return scratch;
}

static int olly__find_loaded(const struct olly_module *module, void *data) {
    return module->low == *(const uintptr_t *)data;
}

static bool olly__is_loaded(uintptr_t low) {
    return olly_modules(olly__find_loaded, &low) != 0;
}

/* After a dlclose: nothing that was unloaded may be called, or believed to be the caller. */
void olly_tls_libraries_check(void) {
    for (size_t i = 0; i < OLLY_TLS_CALLERS_MAX; i++) {
        struct olly__tls_caller *slot = &olly__callers[i];
        uintptr_t low = __atomic_load_n(&slot->low, __ATOMIC_ACQUIRE);
        if (low > 1 && (!olly__is_loaded(low) || !olly__is_loaded(slot->target))) {
            __atomic_store_n(&slot->low, 0, __ATOMIC_RELEASE);
        }
    }
}
