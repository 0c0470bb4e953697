/*
 * syslog(): libc sends the message by calls of its own, so it is taken here, as the program says
 * it: formatted by the program's own libc, with its priority.
 * Invariant: the real function is called exactly once, with the same arguments and errno, after
 * the copy was made and its buffer given back; a message that the log mask leaves out is none.
 */
#include <stdarg.h>
#include <syslog.h>

#include "olly.h"

struct olly__libc {
    void (*log)(int, const char *, va_list);
    void (*log_checked)(int, int, const char *, va_list);
    void (*open)(const char *, int, int);
    int (*mask)(int);
    int (*print)(char *, size_t, const char *, va_list);
    int (*print_checked)(char *, size_t, int, size_t, const char *, va_list);
};

static const enum olly_other olly__names[] = {
    OLLY_OTHER_vsyslog,    OLLY_OTHER___vsyslog_chk, OLLY_OTHER_openlog,
    OLLY_OTHER_setlogmask, OLLY_OTHER_vsnprintf,     OLLY_OTHER___vsnprintf_chk,
};
#define OLLY__NAMES (sizeof olly__names / sizeof olly__names[0])
_Static_assert(sizeof(struct olly__libc) == OLLY__NAMES * sizeof(void *), "one name per member");

static struct olly__libc olly__libc_found;
static uint32_t olly__is_found;
static int olly__facility = LOG_USER; /* that openlog() asked for */

/* Threads that begin together store the same addresses. */
static const struct olly__libc *olly__libc(void) {
    if (__atomic_load_n(&olly__is_found, __ATOMIC_ACQUIRE) == 0) {
        void **members = (void **)(void *)&olly__libc_found;
        for (size_t i = 0; i < OLLY__NAMES; i++) {
            __atomic_store_n(&members[i], olly_other(olly__names[i]), __ATOMIC_RELAXED);
        }
        __atomic_store_n(&olly__is_found, 1, __ATOMIC_RELEASE);
    }
    return &olly__libc_found;
}

struct olly__saying {
    int priority;
    bool is_checked;
    int flag; /* of the checked functions */
    const char *format;
    va_list arguments;
};

/* Returns how long the text is, which may be more than there is room for. */
static size_t olly__print(const struct olly__saying *saying, char *to, size_t room) {
    const struct olly__libc *libc = olly__libc();
    int length = -1;
    va_list arguments;
    va_copy(arguments, *(va_list *)(uintptr_t)&saying->arguments);
    if (saying->is_checked && libc->print_checked != NULL) {
        length = libc->print_checked(to, room, saying->flag, room, saying->format, arguments);
    } else if (libc->print != NULL) {
        length = libc->print(to, room, saying->format, arguments);
    }
    va_end(arguments);
    return length > 0 ? (size_t)length : 0;
}

static void olly__emit(int priority, const char *text, size_t held, size_t bytes, uint64_t time) {
    if (!olly_ready()) {
        olly_count(OLLY_COUNT_UNREGISTERED);
        return;
    }
    struct iovec iov = {.iov_base = (void *)(uintptr_t)text, .iov_len = held};
    struct olly_event event = {
        .type = OLLY_MSG_SYSLOG,
        .fd = priority,
        .time = time,
        .iov = &iov,
        .iov_count = 1,
        .bytes = bytes,
        .bytes_max = OLLY_CAPTURE_BYTES_DEFAULT,
    };
    olly_emit(&event);
}

/* Long messages share one buffer. It is never waited for: who does not get it says what fitted on
 * the stack. A forked child takes it from a thread that it does not have. */
static uint32_t olly__long_owner;
static char olly__long_text[OLLY_SYSLOG_LONG_BYTES];

static bool olly__long_take(void) {
    uint32_t pid = OLLY_GET(olly_process->pid);
    uint32_t owner = __atomic_load_n(&olly__long_owner, __ATOMIC_RELAXED);
    return pid != 0 && owner != pid &&
           __atomic_compare_exchange_n(&olly__long_owner, &owner, pid, false, __ATOMIC_ACQUIRE,
                                       __ATOMIC_RELAXED);
}

static bool olly__say_long(const struct olly__saying *saying, int priority, uint64_t time) {
    if (!olly__long_take()) {
        return false;
    }
    size_t bytes = olly__print(saying, olly__long_text, sizeof olly__long_text);
    size_t held = bytes < sizeof olly__long_text ? bytes : sizeof olly__long_text - 1;
    olly__emit(priority, olly__long_text, held, bytes, time);
    __atomic_store_n(&olly__long_owner, 0, __ATOMIC_RELEASE);
    return true;
}

/* Apart, so that the buffer's stack is free again when the real function needs as much. */
static __attribute__((noinline)) void olly__say(const struct olly__saying *saying) {
    char text[OLLY_SYSLOG_STACK_BYTES];
    int facility = saying->priority & LOG_FACMASK;
    int priority = (facility != 0 ? facility : __atomic_load_n(&olly__facility, __ATOMIC_RELAXED)) |
                   LOG_PRI(saying->priority);
    uint64_t time = olly_now();
    size_t bytes = olly__print(saying, text, sizeof text);
    if (bytes == 0 || (bytes >= sizeof text && olly__say_long(saying, priority, time))) {
        return;
    }
    olly__emit(priority, text, bytes < sizeof text ? bytes : sizeof text - 1, bytes, time);
}

static void olly__seen(const struct olly__saying *saying) {
    uint32_t switches = __atomic_load_n(&olly_control->switches, __ATOMIC_RELAXED);
    const struct olly__libc *libc = olly__libc();
    if (olly_dormant() || (switches & OLLY_SWITCH_LOG_CAPTURE) == 0) {
        return;
    }
    olly_refresh();
    int *error = olly_errno_place();
    int before = error == NULL ? 0 : *error; /* what %m means */
    if (libc->mask == NULL || (libc->mask(0) & LOG_MASK(LOG_PRI(saying->priority))) != 0) {
        olly__say(saying);
    }
    if (error != NULL) {
        *error = before;
    }
}

static void olly__log(struct olly__saying *saying) {
    const struct olly__libc *libc = olly__libc();
    olly__seen(saying);
    if (saying->is_checked && libc->log_checked != NULL) {
        libc->log_checked(saying->priority, saying->flag, saying->format, saying->arguments);
    } else if (libc->log != NULL) {
        libc->log(saying->priority, saying->format, saying->arguments);
    }
}

OLLY_HOOK_ALWAYS(void, syslog, (int priority, const char *format, ...)) {
    struct olly__saying saying = {.priority = priority, .format = format};
    va_start(saying.arguments, format);
    olly__log(&saying);
    va_end(saying.arguments);
}

OLLY_HOOK_ALWAYS(void, vsyslog, (int priority, const char *format, va_list arguments)) {
    struct olly__saying saying = {.priority = priority, .format = format};
    va_copy(saying.arguments, arguments);
    olly__log(&saying);
    va_end(saying.arguments);
}

OLLY_HOOK_ALWAYS(void, __syslog_chk, (int priority, int flag, const char *format, ...)) {
    struct olly__saying saying = {
        .priority = priority, .is_checked = true, .flag = flag, .format = format};
    va_start(saying.arguments, format);
    olly__log(&saying);
    va_end(saying.arguments);
}

OLLY_HOOK_ALWAYS(void, __vsyslog_chk,
                 (int priority, int flag, const char *format, va_list arguments)) {
    struct olly__saying saying = {
        .priority = priority, .is_checked = true, .flag = flag, .format = format};
    va_copy(saying.arguments, arguments);
    olly__log(&saying);
    va_end(saying.arguments);
}

OLLY_HOOK_ALWAYS(void, openlog, (const char *identity, int option, int facility)) {
    if (facility != 0 && (facility & ~LOG_FACMASK) == 0) {
        __atomic_store_n(&olly__facility, facility, __ATOMIC_RELAXED);
    }
    const struct olly__libc *libc = olly__libc();
    if (libc->open != NULL) {
        libc->open(identity, option, facility);
    }
}
