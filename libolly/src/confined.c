/*
 * Seccomp filters: the ones that a program starts under, and the ones that it asks for later.
 * Invariant: under a filter no system call of ours is the first of its kind in the program: each
 * was made before by a child that may die of it, or by the loader. Where that cannot be found out
 * the library stays inert.
 */
#include <errno.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "olly.h"

/* Names and values of /proc/PID/status; longer lines are cut. */
#define OLLY__LINE_BYTES 32u
#define OLLY__PIECE_BYTES 512u

struct olly__status {
    uint64_t parent;
    uint64_t seccomp; /* 0 without a filter; 0 as well on a kernel that has no seccomp */
    uint64_t filters; /* 0 on kernels before 5.9, which do not say */
};

static bool olly__is_line(const char *line, const char *key, uint64_t *value) {
    while (*key != '\0') {
        if (*line++ != *key++) {
            return false;
        }
    }
    *value = 0;
    for (; *line != '\0'; line++) {
        if (*line >= '0' && *line <= '9') {
            *value = *value * 10 + (uint64_t)(*line - '0');
        }
    }
    return true;
}

static void olly__status_line(const char *line, struct olly__status *status) {
    if (!olly__is_line(line, "PPid:", &status->parent) &&
        !olly__is_line(line, "Seccomp:", &status->seccomp)) {
        olly__is_line(line, "Seccomp_filters:", &status->filters);
    }
}

/* By calls that the loader has just made: the filter allows them. */
static bool olly__status_read(const char *path, struct olly__status *status) {
    *status = (struct olly__status){0};
    long fd = olly_raw(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0) {
        return false;
    }
    char piece[OLLY__PIECE_BYTES];
    char line[OLLY__LINE_BYTES + 1];
    size_t used = 0;
    long got;
    while ((got = olly_raw(SYS_read, fd, piece, sizeof piece)) > 0) {
        for (long i = 0; i < got; i++) {
            if (piece[i] == '\n') {
                line[used] = '\0';
                olly__status_line(line, status);
                used = 0;
            } else if (used < OLLY__LINE_BYTES) {
                line[used++] = piece[i];
            }
        }
    }
    olly_raw(SYS_close, fd);
    return got == 0;
}

static void olly__parent_path(char *to, uint64_t pid) {
    char digits[20];
    size_t count = 0;
    do {
        digits[count++] = (char)('0' + pid % 10);
        pid /= 10;
    } while (pid != 0);
    to += olly_string_copy(to, "/proc/", sizeof "/proc/");
    while (count != 0) {
        *to++ = digits[--count];
    }
    olly_string_copy(to, "/status", sizeof "/status");
}

/* A filter that makes processes, and so lets us make one: a container's (there the parent is
 * outside, or lives under the same filters, and made us) or that of a service. What else put a
 * filter in front of one program may have meant it to be alone. */
static bool olly__may_make_a_child(const struct olly__status *own) {
    if (own->parent <= 1) {
        return true;
    }
    char path[OLLY__LINE_BYTES + 8];
    struct olly__status parent;
    olly__parent_path(path, own->parent);
    return olly__status_read(path, &parent) && parent.seccomp == own->seccomp &&
           parent.filters == own->filters;
}

/* Shared with the child that rehearses. */
struct olly__rehearsal {
    uint32_t may_wait;
    uint32_t may_all;
};

static void olly__rehearse_sockets(void) {
    struct sockaddr_un nowhere = {.sun_family = AF_UNIX};
    struct msghdr nothing = {.msg_iov = NULL};
    long fd = olly_raw(SYS_socket, AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    olly_raw(SYS_connect, fd, &nowhere, sizeof nowhere);
    olly_raw(SYS_sendmsg, -1, &nothing, MSG_DONTWAIT | MSG_NOSIGNAL);
    olly_raw(SYS_getsockopt, -1, SOL_SOCKET, SO_TYPE, 0, 0);
    olly_raw(SYS_getsockname, -1, 0, 0);
    olly_raw(SYS_getpeername, -1, 0, 0);
    olly_raw(SYS_close, fd);
}

static void olly__rehearse_memory(void) {
    long fd = olly_raw(SYS_memfd_create, "olly-ring", OLLY_MFD_CLOEXEC | OLLY_MFD_ALLOW_SEALING);
    olly_raw(SYS_ftruncate, fd, 0);
    olly_raw(SYS_fcntl, fd, OLLY_F_ADD_SEALS, OLLY_RING_SEALS);
    olly_raw(SYS_fcntl, fd, F_GETFL);
    olly_raw(SYS_mmap, 0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, -1, 0);
    olly_raw(SYS_mprotect, 0, 0, PROT_READ | PROT_WRITE);
    olly_raw(SYS_madvise, 0, 0, OLLY_MADV_WIPEONFORK);
    olly_raw(SYS_mremap, 0, 0, 0, MREMAP_MAYMOVE | MREMAP_FIXED, 0);
    olly_raw(SYS_munlock, 0, 0);
    olly_raw(SYS_munmap, 0, 0);
}

/* Every system call of the library, where it does nothing. Memory and descriptors are a copy. */
static void olly__rehearse(struct olly__rehearsal *seen) {
    struct timespec none = {0, 0};
    struct stat about;
    char byte;
    olly_raw(SYS_wait4, -1, 0, WNOHANG | __WALL, 0);
    __atomic_store_n(&seen->may_wait, 1, __ATOMIC_RELEASE);
    olly_raw(SYS_prctl, PR_SET_DUMPABLE, 0, 0, 0, 0); /* no core of a child that may die */
    olly__rehearse_sockets();
    olly__rehearse_memory();
    olly_raw(SYS_getpid);
    olly_raw(SYS_gettid);
    olly_raw(SYS_getuid);
    olly_raw(SYS_geteuid);
    olly_raw(SYS_getgid);
    olly_raw(SYS_getegid);
    olly_raw(SYS_fstat, -1, &about);
    olly_raw(SYS_newfstatat, AT_FDCWD, "/", &about, 0);
    olly_raw(SYS_readlinkat, AT_FDCWD, "/proc/self/exe", &byte, sizeof byte);
    olly_raw(SYS_prlimit64, 0, RLIMIT_FSIZE, 0, 0);
    olly_raw(SYS_clock_gettime, CLOCK_MONOTONIC, &none);
    none = (struct timespec){0, 0};
    olly_raw(SYS_nanosleep, &none, 0);
    __atomic_store_n(&seen->may_all, 1, __ATOMIC_RELEASE);
}

/* The child has memory of its own: kernels before 5.16 end everybody who shares it with a process
 * that a filter ends. No signal tells the program of its end. */
static bool olly__survives_rehearsal(void) {
    long page = olly_raw(SYS_mmap, 0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
                         -1, 0);
    if (page <= 0) {
        return false;
    }
    struct olly__rehearsal *seen = (struct olly__rehearsal *)page;
    long child = olly_raw(SYS_clone, CLONE_VFORK, 0, 0, 0, 0);
    if (child == 0) {
        olly__rehearse(seen);
        olly_raw(SYS_exit_group, 0);
    }
    /* Where waiting is forbidden, too, the child stays a zombie. */
    if (child > 0 && __atomic_load_n(&seen->may_wait, __ATOMIC_ACQUIRE) != 0) {
        while (olly_raw(SYS_wait4, child, 0, __WALL, 0) == -EINTR) {
        }
    }
    bool survives = child > 0 && __atomic_load_n(&seen->may_all, __ATOMIC_ACQUIRE) != 0;
    if (survives) {
        olly_raw(SYS_munmap, page, 4096);
    }
    return survives;
}

/* Before any other system call of the library. */
bool olly_may_call(void) {
    struct olly__status own;
    if (!olly__status_read("/proc/self/status", &own)) {
        return false;
    }
    return own.seccomp == 0 || (olly__may_make_a_child(&own) && olly__survives_rehearsal());
}

/* A filter allows what its program does; what we do besides may end it. Before the call: other
 * threads may come under the filter too. A vfork child confines itself only. */
const struct olly_control_page *olly_confined(void) {
    if (!olly_control_is_mapped() || !olly_same_process()) {
        return NULL;
    }
    olly_count(OLLY_COUNT_CONFINED);
    return olly_control_set(NULL);
}

/* The filter was refused. */
void olly_not_confined(const struct olly_control_page *page) {
    if (page != NULL) {
        olly_control_set(page);
    }
}
