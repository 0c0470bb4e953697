/*
 * Starting other programs: the C library's functions that real programs call for it. Each is
 * hooked, because inside the library they do not call each other by name.
 * Invariant: with OLLY_CHILDREN_INHERIT, the default, the child gets exactly what the program
 * passes. Nothing here writes errno or memory that a vfork child's parent could see.
 */
#include <spawn.h>
#include <stdarg.h>

#include "choice.h"

extern char **environ __attribute__((weak));

enum olly__starter {
    OLLY__EXECVE,
    OLLY__EXECVPE,
    OLLY__EXECVEAT,
    OLLY__FEXECVE,
    OLLY__SPAWN,
    OLLY__SPAWNP,
};

struct olly__start {
    enum olly__starter by;
    int fd;
    int flags;
    const char *path;
    char *const *arguments;
    pid_t *pid;
    const posix_spawn_file_actions_t *actions;
    const posix_spawnattr_t *attributes;
};

static int olly__start_with(const struct olly__start *start, char *const environment[]) {
    switch (start->by) {
    case OLLY__EXECVE: return olly_real.execve(start->path, start->arguments, environment);
    case OLLY__EXECVPE: return olly_real.execvpe(start->path, start->arguments, environment);
    case OLLY__FEXECVE: return olly_real.fexecve(start->fd, start->arguments, environment);
    case OLLY__EXECVEAT:
        return olly_real.execveat(start->fd, start->path, start->arguments, environment,
                                  start->flags);
    case OLLY__SPAWN:
        return olly_real.posix_spawn(start->pid, start->path, start->actions, start->attributes,
                                     start->arguments, environment);
    case OLLY__SPAWNP: break;
    }
    return olly_real.posix_spawnp(start->pid, start->path, start->actions, start->attributes,
                                  start->arguments, environment);
}

static __attribute__((noinline)) int olly__start_changed(const struct olly__start *start,
                                                         char *const environment[],
                                                         const struct olly_child_plan *plan) {
    char preload[plan->preload_bytes];
    char *room[plan->entries + OLLY_CHILD_ENTRIES_ADDED];
    return olly__start_with(start, olly_child_environment(environment, plan, room, preload));
}

static __attribute__((noinline)) int olly__start_child(const struct olly__start *start,
                                                       char *const environment[]) {
    struct olly_child_plan plan;
    uint32_t mode = __atomic_load_n(&olly_control->children, __ATOMIC_RELAXED);
    olly_child_plan(environment, (enum olly_children)mode, &plan);
    if (plan.needed && plan.fits) {
        return olly__start_changed(start, environment, &plan);
    }
    if (plan.needed) {
        olly_count(OLLY_COUNT_CHILD_ENVIRONMENT);
    }
    return olly__start_with(start, environment);
}

/* A process that the agent's rules leave alone has its children left alone, too. */
static inline bool olly__inherits(void) {
    uint32_t mode = __atomic_load_n(&olly_control->children, __ATOMIC_RELAXED);
    return OLLY_LIKELY(mode != OLLY_CHILDREN_ALWAYS && mode != OLLY_CHILDREN_NEVER) ||
           olly_is_left_alone();
}

static char **olly__own_environment(void) {
    return &environ == NULL ? NULL : environ;
}

OLLY_HOOK_ALWAYS(int, execve, (const char *path, char *const arguments[], char *const with[])) {
    if (olly__inherits()) {
        return olly_real.execve(path, arguments, with);
    }
    struct olly__start start = {.by = OLLY__EXECVE, .path = path, .arguments = arguments};
    return olly__start_child(&start, with);
}

OLLY_HOOK_ALWAYS(int, execv, (const char *path, char *const arguments[])) {
    if (olly__inherits()) {
        return olly_real.execv(path, arguments);
    }
    struct olly__start start = {.by = OLLY__EXECVE, .path = path, .arguments = arguments};
    return olly__start_child(&start, olly__own_environment());
}

OLLY_HOOK_ALWAYS(int, execvp, (const char *file, char *const arguments[])) {
    if (olly__inherits()) {
        return olly_real.execvp(file, arguments);
    }
    struct olly__start start = {.by = OLLY__EXECVPE, .path = file, .arguments = arguments};
    return olly__start_child(&start, olly__own_environment());
}

OLLY_HOOK_ALWAYS(int, execvpe, (const char *file, char *const arguments[], char *const with[])) {
    if (olly__inherits()) {
        return olly_real.execvpe(file, arguments, with);
    }
    struct olly__start start = {.by = OLLY__EXECVPE, .path = file, .arguments = arguments};
    return olly__start_child(&start, with);
}

OLLY_HOOK_ALWAYS(int, fexecve, (int fd, char *const arguments[], char *const with[])) {
    if (olly__inherits()) {
        return olly_real.fexecve(fd, arguments, with);
    }
    struct olly__start start = {.by = OLLY__FEXECVE, .fd = fd, .arguments = arguments};
    return olly__start_child(&start, with);
}

OLLY_HOOK_ALWAYS(int, execveat, (int at, const char *path, char *const arguments[],
                                 char *const with[], int flags)) {
    if (olly__inherits()) {
        return olly_real.execveat(at, path, arguments, with, flags);
    }
    struct olly__start start = {.by = OLLY__EXECVEAT, .fd = at, .path = path,
                                .arguments = arguments, .flags = flags};
    return olly__start_child(&start, with);
}

OLLY_HOOK_ALWAYS(int, posix_spawn, (pid_t *pid, const char *path,
                                    const posix_spawn_file_actions_t *actions,
                                    const posix_spawnattr_t *attributes,
                                    char *const arguments[], char *const with[])) {
    if (olly__inherits()) {
        return olly_real.posix_spawn(pid, path, actions, attributes, arguments, with);
    }
    struct olly__start start = {.by = OLLY__SPAWN, .pid = pid, .path = path, .actions = actions,
                                .attributes = attributes, .arguments = arguments};
    return olly__start_child(&start, with);
}

OLLY_HOOK_ALWAYS(int, posix_spawnp, (pid_t *pid, const char *file,
                                     const posix_spawn_file_actions_t *actions,
                                     const posix_spawnattr_t *attributes,
                                     char *const arguments[], char *const with[])) {
    if (olly__inherits()) {
        return olly_real.posix_spawnp(pid, file, actions, attributes, arguments, with);
    }
    struct olly__start start = {.by = OLLY__SPAWNP, .pid = pid, .path = file, .actions = actions,
                                .attributes = attributes, .arguments = arguments};
    return olly__start_child(&start, with);
}

/* The rest take their arguments one by one; as in the C library they become an array on the stack,
 * which the number of arguments bounds. Leaves the list behind the NULL. */
#define OLLY__COLLECT(list, first, arguments)                                                  \
    size_t count = 0;                                                                          \
    va_start(list, first);                                                                     \
    for (const char *at = first; at != NULL; at = va_arg(list, const char *)) {                \
        count++;                                                                               \
    }                                                                                          \
    va_end(list);                                                                              \
    char *arguments[count + 1];                                                                \
    va_start(list, first);                                                                     \
    arguments[0] = (char *)(uintptr_t)first;                                                   \
    for (size_t i = 1; i <= count; i++) {                                                      \
        arguments[i] = va_arg(list, char *);                                                   \
    }

OLLY_HOOK_ALWAYS(int, execl, (const char *path, const char *first, ...)) {
    va_list list;
    OLLY__COLLECT(list, first, arguments)
    va_end(list);
    return olly__hook_execv(path, arguments);
}

OLLY_HOOK_ALWAYS(int, execlp, (const char *file, const char *first, ...)) {
    va_list list;
    OLLY__COLLECT(list, first, arguments)
    va_end(list);
    return olly__hook_execvp(file, arguments);
}

OLLY_HOOK_ALWAYS(int, execle, (const char *path, const char *first, ...)) {
    va_list list;
    OLLY__COLLECT(list, first, arguments)
    char **environment = va_arg(list, char **);
    va_end(list);
    return olly__hook_execve(path, arguments, environment);
}
