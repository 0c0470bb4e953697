/*
 * mlockall(): a program that keeps its memory in RAM keeps its own, not our rings, which have
 * addresses for 32 MB and memory for few of them, nor the table of descriptors.
 * Invariant: rings change neither the call's result nor what the program may lock afterwards.
 */
#include <sys/mman.h>
#include <sys/stat.h>

#include "olly.h"

/* "." and "..", and a directory for each thread. */
#define OLLY__LINKS_OF_ONE_THREAD 3u

static bool olly__has_one_thread(void) {
    struct stat about = {.st_nlink = 0};
    return olly_raw(SYS_newfstatat, AT_FDCWD, "/proc/self/task", &about, 0) == 0 &&
           about.st_nlink == OLLY__LINKS_OF_ONE_THREAD;
}

/* Addresses count: without CAP_IPC_LOCK the call fails where a program has more of them than
 * RLIMIT_MEMLOCK allows, and all that there are get memory. So the ring goes before it, and a small
 * one comes after it. Another thread may be writing to the ring: then it stays, unlocked. */
OLLY_HOOK_ALWAYS(int, mlockall, (int flags)) {
    bool is_ours = OLLY_GET(olly_process->mode) == OLLY_MODE_RING && olly_same_process();
    bool left = is_ours && (flags & MCL_CURRENT) != 0 && olly__has_one_thread() &&
                olly_rings_leave();
    int result = olly_real.mlockall(flags);
    if (result == 0) {
        OLLY_SET(olly_process->locks_memory, 1);
        olly_raw(SYS_munlock, olly_table, sizeof olly_table);
        if (is_ours && !left) {
            olly_rings_unlock();
        }
    }
    if (left) {
        (void)olly_ready();
    }
    return result;
}

/* mmap for a ring, of which no page is locked, or given before it is written to. at: null, or what
 * it takes the place of. */
long olly_map_ring(void *at, size_t bytes, int flags, int fd) {
    const int access = PROT_READ | PROT_WRITE;
    if (OLLY_LIKELY(OLLY_GET(olly_process->locks_memory) == 0)) {
        return olly_raw(SYS_mmap, at, bytes, access, flags, fd, 0);
    }
    long ring = olly_raw(SYS_mmap, at, bytes, PROT_NONE, flags, fd, 0);
    if (ring < 0 && ring >= -4095) {
        return ring;
    }
    olly_raw(SYS_munlock, ring, bytes);
    olly_raw(SYS_mprotect, ring, bytes, access);
    return ring;
}
