/*
 * Finds the functions that ours stand in front of, once, before the program runs.
 * Invariant: resolving twice, or in two threads at once, stores the same addresses.
 */
#include "olly.h"

/* Until resolved, a member of olly_real points here: programs and other libraries may call us
 * before our constructor ran. Where the C library lacks the function, this stays its stand-in. */
#define OLLY__EARLY(result, name, parameters, arguments, raw)      \
    static result olly__early_##name parameters {                  \
        olly_resolve();                                            \
        if (olly_real.name != olly__early_##name) {                \
            return olly_real.name arguments;                       \
        }                                                          \
        return (result)olly_with_errno(raw);                       \
    }
OLLY_REAL_ALL(OLLY__EARLY)

#define OLLY__INITIAL(result, name, parameters, arguments, raw) .name = olly__early_##name,
struct olly_real_functions olly_real = {OLLY_REAL_ALL(OLLY__INITIAL)};

int (*olly_clock_gettime)(clockid_t, struct timespec *) = olly_clock_raw;

typedef int *olly__errno_function(void);
static olly__errno_function *olly__errno_location;
static uint32_t olly__resolved;

#define OLLY__NAME(result, name, parameters, arguments, raw) #name,
static const char *const olly__names[] = {OLLY_REAL_ALL(OLLY__NAME)};
#define OLLY__NAMES (sizeof olly__names / sizeof olly__names[0])
_Static_assert(sizeof olly_real == OLLY__NAMES * sizeof(void *), "one name per member");

#define OLLY__OTHER_NAME(name) #name,
static const char *const olly__other_names[] = {OLLY_OTHERS(OLLY__OTHER_NAME)};
#define OLLY__OTHERS (sizeof olly__other_names / sizeof olly__other_names[0])
static void *olly__others[OLLY__OTHERS];

#if defined(__x86_64__)
#define OLLY__VDSO_CLOCK "__vdso_clock_gettime"
#else
#define OLLY__VDSO_CLOCK "__kernel_clock_gettime"
#endif

int olly_clock_raw(clockid_t clock, struct timespec *now) {
    return (int)olly_raw(SYS_clock_gettime, clock, now);
}

struct olly__progress {
    bool passed_self;
    bool found[OLLY__NAMES];
};

/* The vDSO's own clock first: a library like libfaketime may stand before libc's. */
static void olly__find_clock(const struct olly_module *module) {
    if (olly_clock_gettime == olly_clock_raw) {
        void *clock = olly_module_symbol(module, OLLY__VDSO_CLOCK);
        if (clock != NULL) {
            olly_clock_gettime = (int (*)(clockid_t, struct timespec *))clock;
        }
    }
}

static void olly__find_others(const struct olly_module *module) {
    for (size_t i = 0; i < OLLY__OTHERS; i++) {
        if (__atomic_load_n(&olly__others[i], __ATOMIC_RELAXED) == NULL) {
            __atomic_store_n(&olly__others[i], olly_module_symbol(module, olly__other_names[i]),
                             __ATOMIC_RELAXED);
        }
    }
}

static int olly__resolve_in(const struct olly_module *module, void *data) {
    struct olly__progress *progress = data;
    olly__find_clock(module);
    if (olly_module_is_self(module)) {
        progress->passed_self = true;
        return 0;
    }
    if (!progress->passed_self) {
        return 0;
    }
    void **members = (void **)(void *)&olly_real;
    for (size_t i = 0; i < OLLY__NAMES; i++) {
        void *found = progress->found[i] ? NULL : olly_module_symbol(module, olly__names[i]);
        if (found != NULL) {
            __atomic_store_n(&members[i], found, __ATOMIC_RELAXED);
            progress->found[i] = true;
        }
    }
    olly__find_others(module);
    if (olly__errno_location == NULL) {
        olly__errno_location =
            (olly__errno_function *)olly_module_symbol(module, "__errno_location");
    }
    return 0;
}

void olly_resolve(void) {
    if (__atomic_load_n(&olly__resolved, __ATOMIC_ACQUIRE) != 0) {
        return;
    }
    struct olly__progress progress = {.passed_self = false};
    olly_modules(olly__resolve_in, &progress);
    __atomic_store_n(&olly__resolved, 1, __ATOMIC_RELEASE);
}

void *olly_other(enum olly_other other) {
    olly_resolve();
    return __atomic_load_n(&olly__others[other], __ATOMIC_RELAXED);
}

struct olly__next {
    const char *name;
    bool passed_self;
    void *found;
};

static int olly__next_in(const struct olly_module *module, void *data) {
    struct olly__next *next = data;
    if (olly_module_is_self(module)) {
        next->passed_self = true;
        return 0;
    }
    next->found = next->passed_self ? olly_module_symbol(module, next->name) : NULL;
    return next->found != NULL;
}

void *olly_find_next(const char *name) {
    struct olly__next next = {.name = name};
    olly_modules(olly__next_in, &next);
    return next.found;
}

int *olly_errno_place(void) {
    return olly__errno_location == NULL ? NULL : olly__errno_location();
}

/* Only for functions that the C library does not have: we then stand for it, errno included. */
long olly_with_errno(long raw) {
    if (raw >= 0 || raw < -4095) {
        return raw;
    }
    int *place = olly_errno_place();
    if (place != NULL) {
        *place = (int)-raw;
    }
    return -1;
}
