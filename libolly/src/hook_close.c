/*
 * How descriptors end and multiply.
 * Invariant: in a vfork child, which shares the memory but not the descriptors, nothing is
 * recorded; the table's functions check that themselves.
 */
#include "olly.h"

#define OLLY__CLOSE_RANGE_CLOEXEC 4

OLLY_HOOK(int, close, (int fd), (fd)) {
    olly_table_closing(fd);
    return olly_real.close(fd);
}

static void olly__range_closing(uint32_t first, uint32_t last) {
    uint32_t top = __atomic_load_n(&olly_table_top, __ATOMIC_RELAXED);
    if (first >= top || !olly_same_process()) {
        return;
    }
    for (uint32_t fd = first; fd < top && fd <= last; fd++) {
        olly_table_closing((int)fd);
    }
}

OLLY_HOOK(int, close_range, (unsigned first, unsigned last, int flags), (first, last, flags)) {
    if (first <= last && (flags & OLLY__CLOSE_RANGE_CLOEXEC) == 0) {
        olly__range_closing(first, last);
    }
    return olly_real.close_range(first, last, flags);
}

/* Returns nothing, so it is not among the others; older C libraries lack it. */
OLLY_HOOK_ALWAYS(void, closefrom, (int first)) {
    uint32_t from = first < 0 ? 0 : (uint32_t)first;
    if (!olly_dormant()) {
        olly__range_closing(from, UINT32_MAX);
    }
    void (*real)(int) = (void (*)(int))olly_other(OLLY_OTHER_closefrom);
    if (real != NULL) {
        real(first);
    } else {
        olly_raw(SYS_close_range, from, UINT32_MAX, 0);
    }
}

OLLY_HOOK(int, dup, (int fd), (fd)) {
    int copy = olly_real.dup(fd);
    if (copy >= 0) {
        olly_table_copied(fd, copy);
    }
    return copy;
}

static void olly__replaced(int fd, int as, int result) {
    if (result >= 0 && fd != as) {
        olly_table_closing(as);
        olly_table_copied(fd, as);
    }
}

OLLY_HOOK(int, dup2, (int fd, int as), (fd, as)) {
    int result = olly_real.dup2(fd, as);
    olly__replaced(fd, as, result);
    return result;
}

OLLY_HOOK(int, dup3, (int fd, int as, int flags), (fd, as, flags)) {
    int result = olly_real.dup3(fd, as, flags);
    olly__replaced(fd, as, result);
    return result;
}

static bool olly__is_dup(int command) {
    return command == F_DUPFD || command == F_DUPFD_CLOEXEC;
}

/* A word is all that the variable argument can be. */
OLLY_HOOK(int, fcntl, (int fd, int command, void *argument), (fd, command, argument)) {
    int result = olly_real.fcntl(fd, command, argument);
    if (olly__is_dup(command) && result >= 0) {
        olly_table_copied(fd, result);
    }
    return result;
}

OLLY_HOOK(int, fcntl64, (int fd, int command, void *argument), (fd, command, argument)) {
    int result = olly_real.fcntl64(fd, command, argument);
    if (olly__is_dup(command) && result >= 0) {
        olly_table_copied(fd, result);
    }
    return result;
}
