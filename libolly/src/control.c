/*
 * The control page: one byte that says dormant or active, and what changed since.
 * Invariant: olly_control always points to readable memory; until the agent's page is mapped, and
 * for ever when it cannot be, that is a page of zeros: dormant.
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "olly.h"

static const struct olly_control_page olly__dormant_page;
const struct olly_control_page *olly_control = &olly__dormant_page;
uint64_t olly_seen_key;
uint32_t olly_generation = 1;

bool olly_control_map(const char *path) {
    long fd = olly_raw(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0);
    if (fd < 0) {
        return false;
    }
    /* A shorter file would make every hook fault. */
    struct stat about;
    long page = -1;
    if (olly_raw(SYS_fstat, fd, &about) == 0 && S_ISREG(about.st_mode) &&
        about.st_size >= (off_t)OLLY_CONTROL_BYTES) {
        page = olly_raw(SYS_mmap, 0, OLLY_CONTROL_BYTES, PROT_READ, MAP_SHARED, fd, 0);
    }
    olly_raw(SYS_close, fd);
    if (page <= 0) {
        return false;
    }
    olly_control = (const struct olly_control_page *)page;
    return true;
}

/* Null: dormant, whatever the agent says. Returns the page that was used until now. */
const struct olly_control_page *olly_control_set(const struct olly_control_page *page) {
    return __atomic_exchange_n(&olly_control, page == NULL ? &olly__dormant_page : page,
                               __ATOMIC_RELAXED);
}

/* Every descriptor is looked at and announced again. */
void olly_generation_next(void) {
    __atomic_fetch_add(&olly_generation, 1, __ATOMIC_RELAXED);
}

void olly_key_changed(uint64_t key) {
    uint64_t seen = __atomic_load_n(&olly_seen_key, __ATOMIC_RELAXED);
    if (seen != key && __atomic_compare_exchange_n(&olly_seen_key, &seen, key, false,
                                                   __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
        olly_generation_next();
    }
}
