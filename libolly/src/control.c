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

bool olly_is_trusted_owner(uint32_t uid) {
    return uid == 0 || uid == (uint32_t)olly_raw(SYS_geteuid);
}

/* Others could put a page or a socket of theirs there; /tmp's sticky bit lets them add files, whose
 * owners are looked at one by one. */
static bool olly__directory_is_safe(const char *path) {
    char directory[OLLY_CONTROL_PATH_BYTES_MAX];
    size_t end = olly_string_copy(directory, path, sizeof directory);
    while (end != 0 && directory[end] != '/') {
        end--;
    }
    directory[end == 0 && directory[0] == '/' ? 1 : end] = '\0';
    struct stat about;
    return olly_raw(SYS_newfstatat, AT_FDCWD, end == 0 && directory[0] == '\0' ? "." : directory,
                    &about, 0) == 0 &&
           ((about.st_mode & S_IWOTH) == 0 || (about.st_mode & S_ISVTX) != 0);
}

/* A shorter file would make every hook fault; one that others may write would send them orders. */
static bool olly__control_is_usable(const struct stat *about) {
    return S_ISREG(about->st_mode) && about->st_size >= (off_t)OLLY_CONTROL_BYTES &&
           olly_is_trusted_owner(about->st_uid) && (about->st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

bool olly_control_map(const char *path) {
    if (!olly__directory_is_safe(path)) {
        return false;
    }
    long fd = olly_raw(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0);
    if (fd < 0) {
        return false;
    }
    struct stat about;
    long page = -1;
    if (olly_raw(SYS_fstat, fd, &about) == 0 && olly__control_is_usable(&about)) {
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

/* False: the library is inert, or quiet under a filter, and will stay so. */
bool olly_control_is_mapped(void) {
    return __atomic_load_n(&olly_control, __ATOMIC_RELAXED) != &olly__dormant_page;
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
