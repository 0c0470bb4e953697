/*
 * Who this process and thread are, without asking the kernel on every message.
 * Invariant: what is in the process page is true of this process only: the kernel zeroes the page
 * in a forked child, so no fork handler is needed. A vfork child shares it and is told apart by
 * olly_same_process().
 */
#include <sys/mman.h>

#include "olly.h"

static struct olly_process olly__before_start;
struct olly_process *olly_process = &olly__before_start;
bool olly_process_wipes = true;

/* initial-exec by -ftls-model: one load; the block is small because static TLS is scarce. */
__thread struct olly_thread olly_thread = {.last_read_fd = -1, .tls_fd = -1, .tls_owner_fd = -1};
_Static_assert(sizeof(struct olly_thread) <= 64, "static TLS is scarce");

void olly_identity_start(void) {
    uint32_t pid = (uint32_t)olly_raw(SYS_getpid);
    long page = olly_raw(SYS_mmap, 0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                         -1, 0);
    olly_process_wipes =
        page > 0 && olly_raw(SYS_madvise, page, 4096, OLLY_MADV_WIPEONFORK) == 0;
    if (page > 0) {
        olly_process = (struct olly_process *)page;
    }
    olly_process->pid = pid;
}

/* False in a vfork child, which has the parent's memory but not its descriptors. */
bool olly_same_process(void) {
    uint32_t pid = __atomic_load_n(&olly_process->pid, __ATOMIC_RELAXED);
    return pid == 0 || pid == (uint32_t)olly_raw(SYS_getpid);
}

/* Kernels before 4.14 cannot wipe: there a fork is noticed by asking for the pid each time. */
void olly_forked_without_wipe(void) {
    uint32_t pid = (uint32_t)olly_raw(SYS_getpid);
    if (OLLY_GET(olly_process->pid) != pid) {
        memset(olly_process, 0, sizeof *olly_process);
    }
}

uint32_t olly_tid(void) {
    uint32_t pid = OLLY_GET(olly_process->pid);
    if (OLLY_UNLIKELY(olly_thread.tid_pid != pid || pid == 0)) {
        olly_thread.tid = (uint32_t)olly_raw(SYS_gettid);
        olly_thread.tid_pid = pid;
    }
    return olly_thread.tid;
}
