/*
 * Which processes are hooked: this one, and its children.
 * Invariant: as olly.h.
 */
#ifndef OLLY_CHOICE_H
#define OLLY_CHOICE_H

#include "olly.h"

#pragma GCC visibility push(hidden)

/* ---- preload.c: lists as LD_PRELOAD has them ---- */

struct olly_words {
    const char *at;
    size_t bytes;
};

const char *olly_base_name(const char *path);
bool olly_preload_find(const char *list, const char *library, struct olly_words *found);

/* ---- choice.c: whether this process is hooked at all ---- */

enum olly_choice {
    OLLY_CHOICE_ASKED,       /* LD_PRELOAD names this library */
    OLLY_CHOICE_SYSTEM_WIDE, /* every program of the host loads it */
    OLLY_CHOICE_LEFT_ALONE,  /* system-wide, and the program is a tool of the system */
    OLLY_CHOICE_PRIVILEGED,  /* setuid and the like: the environment is somebody else's */
    OLLY_CHOICE_SECOND,      /* another copy of this library stands before this one */
};

/* preloaded: with ASKED, the library's entry in LD_PRELOAD. */
enum olly_choice olly_choose(struct olly_words *preloaded);

/* ---- exec_environment.c ---- */

/* What has to be done to an environment, found without writing anything but the plan. */
struct olly_child_plan {
    enum olly_children mode;
    bool needed;
    bool fits; /* what is needed is small enough for a stack */
    bool listed; /* LD_PRELOAD names the library */
    bool has_socket;
    bool has_control;
    size_t entries;
    const char *list; /* the value of LD_PRELOAD, or null */
    struct olly_words found; /* the library in it, when listed */
    size_t list_bytes;
    size_t preload_bytes; /* room for the new LD_PRELOAD entry */
};

#define OLLY_CHILD_ENTRIES_ADDED 4 /* three variables and the NULL */

void olly_children_start(struct olly_words library, const char *socket, const char *control);
void olly_child_plan(char *const environment[], enum olly_children mode,
                     struct olly_child_plan *plan);
char **olly_child_environment(char *const environment[], const struct olly_child_plan *plan,
                              char **room, char *preload);

#pragma GCC visibility pop

#endif
