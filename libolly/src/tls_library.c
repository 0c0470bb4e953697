/*
 * Which TLS library a caller means: a process may hold several, and the wrong one crashes.
 * Invariant: the answer comes from the caller's own dependencies; only when it names none, from
 * the first loaded module that has the functions. Answers are cached per calling module.
 */
#include "olly.h"

struct olly__tls_caller {
    uintptr_t low; /* 0: free; 1: being written. Stored last, compared again after reading */
    uintptr_t high;
    uintptr_t target; /* an address inside the library: is it still loaded? */
    struct olly_tls_library library;
};

static struct olly__tls_caller olly__callers[OLLY_TLS_CALLERS_MAX];

static const char *const olly__tls_names[] = {
    "SSL_read",    "SSL_write",  "SSL_read_ex", "SSL_write_ex", "SSL_do_handshake", "SSL_connect",
    "SSL_accept",  "SSL_free",   "SSL_get_rfd", "SSL_get_wfd",  "SSL_get_shutdown",
};
#define OLLY__TLS_NAMES (sizeof olly__tls_names / sizeof olly__tls_names[0])
_Static_assert(sizeof(struct olly_tls_library) == OLLY__TLS_NAMES * sizeof(void *),
               "one name per member");

struct olly__tls_search {
    uintptr_t caller;
    struct olly_module module; /* the one that calls */
    bool has_module;
    struct olly_module first;  /* that has the functions */
    struct olly_module wanted; /* that the caller depends on */
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
    if (olly_module_is_self(module) || olly_module_symbol(module, "SSL_write") == NULL) {
        return 0;
    }
    if (search->first.base == 0 && search->first.dynamic == NULL) {
        search->first = *module;
    }
    const char *soname = olly_module_soname(module);
    if (search->has_module && soname != NULL && olly_module_needs(&search->module, soname)) {
        search->wanted = *module;
        return 1;
    }
    return 0;
}

/* True when a library was found; its functions are in library, a missing one is null. */
static bool olly__tls_resolve(struct olly__tls_search *search, struct olly_tls_library *library,
                              uintptr_t *target) {
    olly_modules(olly__find_caller, search);
    olly_modules(olly__find_library, search);
    const struct olly_module *from =
        search->wanted.dynamic != NULL ? &search->wanted : &search->first;
    if (from->dynamic == NULL) {
        return false;
    }
    void **members = (void **)(void *)library;
    for (size_t i = 0; i < OLLY__TLS_NAMES; i++) {
        members[i] = olly_module_symbol(from, olly__tls_names[i]);
    }
    *target = from->low;
    return true;
}

static const struct olly_tls_library *olly__tls_cached(uintptr_t caller) {
    for (size_t i = 0; i < OLLY_TLS_CALLERS_MAX; i++) {
        const struct olly__tls_caller *slot = &olly__callers[i];
        uintptr_t low = __atomic_load_n(&slot->low, __ATOMIC_ACQUIRE);
        if (low > 1 && caller >= low && caller < slot->high &&
            __atomic_load_n(&slot->low, __ATOMIC_ACQUIRE) == low) {
            return &slot->library;
        }
    }
    return NULL;
}

static void olly__tls_remember(const struct olly__tls_search *search, uintptr_t target,
                               const struct olly_tls_library *library) {
    /* Threads that begin together find the same answer together: one of them keeps it. */
    bool keep = search->has_module && olly__tls_cached(search->caller) == NULL;
    for (size_t i = 0; keep && i < OLLY_TLS_CALLERS_MAX; i++) {
        struct olly__tls_caller *slot = &olly__callers[i];
        uintptr_t unused = 0;
        if (__atomic_compare_exchange_n(&slot->low, &unused, 1, false, __ATOMIC_ACQ_REL,
                                        __ATOMIC_RELAXED)) {
            slot->high = search->module.high;
            slot->target = target;
            slot->library = *library;
            __atomic_store_n(&slot->low, search->module.low, __ATOMIC_RELEASE);
            return;
        }
    }
}

/* Null when no module has the functions. scratch is used when the cache is full. */
const struct olly_tls_library *olly_tls_library_of(uintptr_t caller,
                                                   struct olly_tls_library *scratch) {
    const struct olly_tls_library *known = olly__tls_cached(caller);
    if (OLLY_LIKELY(known != NULL)) {
        return known;
    }
    struct olly__tls_search search = {.caller = caller};
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
