/*
 * Lists of libraries as LD_PRELOAD has them: entries between spaces and colons.
 * Invariant: a library is known by its file name. The loader may have completed its path ($LIB,
 * $PLATFORM), and two paths may lead to the same file.
 */
#include "choice.h"

const char *olly_base_name(const char *path) {
    const char *name = path;
    for (; *path != '\0'; path++) {
        name = *path == '/' ? path + 1 : name;
    }
    return name;
}

/* The entry of a list that has the library's file name. */
bool olly_preload_find(const char *list, const char *library, struct olly_words *found) {
    const char *name = olly_base_name(library);
    size_t bytes = olly_string_bytes(name);
    size_t entry = 0;
    size_t base = 0;
    for (size_t at = 0; list != NULL; at++) {
        bool ends = list[at] == '\0' || list[at] == ':' || list[at] == ' ';
        if (ends && at - base == bytes && memcmp(list + base, name, bytes) == 0) {
            *found = (struct olly_words){list + entry, at - entry};
            return true;
        }
        if (list[at] == '\0') {
            return false;
        }
        entry = ends ? at + 1 : entry;
        base = ends || list[at] == '/' ? at + 1 : base;
    }
    return false;
}
