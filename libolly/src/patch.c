/*
 * Replaces one pointer in a table of another module.
 * Invariant: a page is opened for writing for the moment of one store, before the program has
 * threads; it never stops being readable, nor executable where older linkers put constants beside
 * code, and what was read-only is so again.
 */
#include <elf.h>
#include <link.h>
#include <sys/mman.h>

#include "olly.h"

extern int dl_iterate_phdr(int (*)(struct dl_phdr_info *, size_t, void *), void *)
    __attribute__((weak));

#define OLLY__PAGE_MASK 4095ul

struct olly__place {
    uintptr_t slot;
    bool is_writable;
    bool is_relro;
    int code; /* PROT_EXEC where the page may hold code */
};

static bool olly__holds(const struct olly__place *place, uintptr_t low, uintptr_t high) {
    return place->slot >= low && place->slot < high;
}

static int olly__place_in(struct dl_phdr_info *info, size_t bytes, void *data) {
    (void)bytes;
    struct olly__place *place = data;
    bool found = false;
    for (size_t i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        uintptr_t low = (info->dlpi_addr + part->p_vaddr) & ~OLLY__PAGE_MASK;
        uintptr_t end = info->dlpi_addr + part->p_vaddr + part->p_memsz;
        if (part->p_type == PT_LOAD &&
            olly__holds(place, low, (end + OLLY__PAGE_MASK) & ~OLLY__PAGE_MASK)) {
            found = true;
            place->is_writable = place->is_writable || (part->p_flags & PF_W) != 0;
            place->code |= (part->p_flags & PF_X) != 0 ? PROT_EXEC : 0;
        }
        if (part->p_type == PT_GNU_RELRO && olly__holds(place, low, end & ~OLLY__PAGE_MASK)) {
            place->is_relro = true;
        }
    }
    return found ? 1 : 0;
}

/* False: nothing was changed. */
bool olly_replace_pointer(void **slot, void *with) {
    struct olly__place place = {.slot = (uintptr_t)slot};
    if (dl_iterate_phdr == NULL || dl_iterate_phdr(olly__place_in, &place) == 0) {
        return false;
    }
    uintptr_t page = (uintptr_t)slot & ~OLLY__PAGE_MASK;
    int closed = PROT_READ | place.code;
    bool is_closed = !place.is_writable || place.is_relro;
    if (is_closed && olly_raw(SYS_mprotect, page, 4096, closed | PROT_WRITE) != 0) {
        return false; /* pages larger than 4096 bytes and W^X policies end here too */
    }
    __atomic_store_n(slot, with, __ATOMIC_RELEASE);
    if (is_closed) {
        olly_raw(SYS_mprotect, page, 4096, closed);
    }
    return true;
}
