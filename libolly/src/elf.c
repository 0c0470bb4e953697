/*
 * Reads the loaded modules: their ranges, symbols and dependencies.
 * Invariant: only what the loader mapped is read, and nothing is ever loaded by us: the answer to
 * "who defines this" never runs a constructor.
 */
#include <elf.h>
#include <link.h>

#include "olly.h"

extern int dl_iterate_phdr(int (*)(struct dl_phdr_info *, size_t, void *), void *)
    __attribute__((weak));

#define OLLY__VERSION_HIDDEN 0x8000u

/* glibc relocates the pointers of the dynamic section in place; musl and the vDSO do not. */
static const void *olly__address(uintptr_t base, uintptr_t value) {
    return (const void *)(value < base ? base + value : value);
}

static void olly__module_dynamic(struct olly_module *module, const ElfW(Dyn) *dynamic) {
    module->dynamic = dynamic;
    for (const ElfW(Dyn) *at = dynamic; at->d_tag != DT_NULL; at++) {
        const void *address = olly__address(module->base, at->d_un.d_ptr);
        switch (at->d_tag) {
        case DT_STRTAB: module->strings = address; break;
        case DT_SYMTAB: module->symbols = address; break;
        case DT_GNU_HASH: module->gnu_hash = address; break;
        case DT_HASH: module->sysv_hash = address; break;
        case DT_VERSYM: module->versions = address; break;
        default: break;
        }
    }
}

bool olly_module_read(const struct dl_phdr_info *info, struct olly_module *module) {
    *module = (struct olly_module){.name = info->dlpi_name,
                                    .base = info->dlpi_addr,
                                    .low = UINTPTR_MAX};
    const ElfW(Dyn) *dynamic = NULL;
    for (size_t i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        uintptr_t start = info->dlpi_addr + part->p_vaddr;
        if (part->p_type == PT_DYNAMIC) {
            dynamic = (const ElfW(Dyn) *)start;
        }
        if (part->p_type == PT_GNU_RELRO) {
            module->relro_low = start;
            module->relro_high = start + part->p_memsz;
        }
        if (part->p_type == PT_LOAD) {
            module->low = start < module->low ? start : module->low;
            uintptr_t end = start + part->p_memsz;
            module->high = end > module->high ? end : module->high;
        }
    }
    if (dynamic == NULL) {
        return false;
    }
    olly__module_dynamic(module, dynamic);
    return module->strings != NULL && module->symbols != NULL;
}

struct olly__search {
    const struct olly_module *module;
    const char *name;
    const ElfW(Sym) *hidden; /* an old version of the symbol: only when there is no default one */
};

/* True when the symbol at index is the definition that was looked for. */
static bool olly__symbol_matches(struct olly__search *search, uint32_t index) {
    const ElfW(Sym) *symbol = (const ElfW(Sym) *)search->module->symbols + index;
    uint32_t type = ELF64_ST_TYPE(symbol->st_info);
    uint32_t binding = ELF64_ST_BIND(symbol->st_info);
    if (symbol->st_shndx == SHN_UNDEF || symbol->st_value == 0 || binding == STB_LOCAL) {
        return false;
    }
    if (type != STT_FUNC && type != STT_OBJECT && type != STT_NOTYPE) {
        return false; /* an IFUNC is not called before its module is relocated */
    }
    if (!olly_string_equal(search->module->strings + symbol->st_name, search->name)) {
        return false;
    }
    const uint16_t *versions = search->module->versions;
    if (versions != NULL && (versions[index] & OLLY__VERSION_HIDDEN) != 0) {
        search->hidden = search->hidden != NULL ? search->hidden : symbol;
        return false;
    }
    return true;
}

static const ElfW(Sym) *olly__gnu_find(struct olly__search *search) {
    uint32_t hash = 5381;
    for (const char *c = search->name; *c != '\0'; c++) {
        hash = hash * 33 + (uint8_t)*c;
    }
    const uint32_t *table = search->module->gnu_hash;
    uint32_t buckets = table[0];
    uint32_t first = table[1];
    uint32_t words = table[2];
    uint32_t shift = table[3];
    const ElfW(Addr) *bloom = (const ElfW(Addr) *)(const void *)(table + 4);
    const uint32_t *bucket = (const uint32_t *)(const void *)(bloom + words);
    const uint32_t *chain = bucket + buckets;
    if (buckets == 0 || words == 0) {
        return NULL;
    }
    ElfW(Addr) word = bloom[(hash / 64) & (words - 1)];
    if (((word >> (hash % 64)) & (word >> ((hash >> shift) % 64)) & 1) == 0) {
        return NULL;
    }
    uint32_t index = bucket[hash % buckets];
    if (index < first) {
        return NULL;
    }
    for (;; index++) {
        uint32_t entry = chain[index - first];
        if ((entry | 1) == (hash | 1) && olly__symbol_matches(search, index)) {
            return (const ElfW(Sym) *)search->module->symbols + index;
        }
        if ((entry & 1) != 0) {
            return NULL;
        }
    }
}

static const ElfW(Sym) *olly__sysv_find(struct olly__search *search) {
    uint32_t hash = 0;
    for (const char *c = search->name; *c != '\0'; c++) {
        hash = (hash << 4) + (uint8_t)*c;
        hash = (hash ^ ((hash & 0xf0000000u) >> 24)) & 0x0fffffffu;
    }
    const uint32_t *table = search->module->sysv_hash;
    uint32_t buckets = table[0];
    const uint32_t *chain = table + 2 + buckets;
    if (buckets == 0) {
        return NULL;
    }
    for (uint32_t index = table[2 + hash % buckets]; index != 0; index = chain[index]) {
        if (olly__symbol_matches(search, index)) {
            return (const ElfW(Sym) *)search->module->symbols + index;
        }
    }
    return NULL;
}

void *olly_module_symbol(const struct olly_module *module, const char *name) {
    struct olly__search search = {.module = module, .name = name};
    const ElfW(Sym) *found = NULL;
    if (module->gnu_hash != NULL) {
        found = olly__gnu_find(&search);
    } else if (module->sysv_hash != NULL) {
        found = olly__sysv_find(&search);
    }
    found = found != NULL ? found : search.hidden;
    return found == NULL ? NULL : (void *)(module->base + found->st_value);
}

const char *olly_module_soname(const struct olly_module *module) {
    for (const ElfW(Dyn) *at = module->dynamic; at->d_tag != DT_NULL; at++) {
        if (at->d_tag == DT_SONAME) {
            return module->strings + at->d_un.d_val;
        }
    }
    return NULL;
}

bool olly_module_needs(const struct olly_module *module, const char *soname) {
    for (const ElfW(Dyn) *at = module->dynamic; at->d_tag != DT_NULL; at++) {
        if (at->d_tag == DT_NEEDED &&
            olly_string_equal(module->strings + at->d_un.d_val, soname)) {
            return true;
        }
    }
    return false;
}

struct olly__visit {
    int (*visit)(const struct olly_module *, void *);
    void *data;
};

static int olly__each(struct dl_phdr_info *info, size_t bytes, void *data) {
    (void)bytes;
    struct olly__visit *visit = data;
    struct olly_module module;
    return olly_module_read(info, &module) ? visit->visit(&module, visit->data) : 0;
}

int olly_modules(int (*visit)(const struct olly_module *, void *), void *data) {
    struct olly__visit each = {.visit = visit, .data = data};
    if (dl_iterate_phdr == NULL) {
        return 0; /* a program without a C library */
    }
    return dl_iterate_phdr(olly__each, &each);
}

bool olly_module_is_self(const struct olly_module *module) {
    uintptr_t here = (uintptr_t)&olly_table;
    return here >= module->low && here < module->high;
}
