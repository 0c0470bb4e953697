/*
 * The environment of a child, when the configuration wants another one than the program passes.
 * Invariant: works on the caller's stack alone, because a vfork child may be the caller: it writes
 * nothing that its parent could see, and what does not fit is left as it is.
 */
#include "choice.h"

static char olly__preload[sizeof "LD_PRELOAD=" + OLLY_CONTROL_PATH_BYTES_MAX] = "LD_PRELOAD=";
static char olly__socket[sizeof "OLLY_SOCKET=" + OLLY_PATH_BYTES_MAX] = "OLLY_SOCKET=";
static char olly__control[sizeof "OLLY_CONTROL=" + OLLY_CONTROL_PATH_BYTES_MAX] = "OLLY_CONTROL=";
static bool olly__known;

#define OLLY__PRELOAD_NAME (sizeof "LD_PRELOAD=" - 1)

/* Fills NAME= up; false when it does not fit or means another file in another directory. */
static bool olly__fill(char *entry, size_t room, struct olly_words path) {
    size_t name = olly_string_bytes(entry);
    if (path.bytes == 0 || path.at[0] != '/' || name + path.bytes + 1 > room) {
        return false;
    }
    memcpy(entry + name, path.at, path.bytes);
    entry[name + path.bytes] = '\0';
    return true;
}

static struct olly_words olly__words(const char *text) {
    return (struct olly_words){text, olly_string_bytes(text)};
}

void olly_children_start(struct olly_words library, const char *socket, const char *control) {
    olly__known = olly__fill(olly__preload, sizeof olly__preload, library) &&
                  olly__fill(olly__socket, sizeof olly__socket, olly__words(socket)) &&
                  olly__fill(olly__control, sizeof olly__control, olly__words(control));
}

static bool olly__is_entry_of(const char *entry, const char *name_equals) {
    for (; *name_equals != '\0'; name_equals++, entry++) {
        if (*entry != *name_equals) {
            return false;
        }
    }
    return true;
}

/* The same variable as one of ours, which is NAME=value. */
static bool olly__same_name(const char *entry, const char *ours) {
    while (*entry == *ours && *ours != '=' && *ours != '\0') {
        entry++;
        ours++;
    }
    return *entry == '=' && *ours == '=';
}

void olly_child_plan(char *const environment[], enum olly_children mode,
                     struct olly_child_plan *plan) {
    *plan = (struct olly_child_plan){.mode = mode};
    bool disabled = false;
    bool listed = false;
    char *const *at = environment;
    for (; at != NULL && *at != NULL; at++) {
        if (olly__is_entry_of(*at, "LD_PRELOAD=")) {
            plan->list = *at + OLLY__PRELOAD_NAME;
            listed = olly_preload_find(plan->list, olly__preload + OLLY__PRELOAD_NAME,
                                       &plan->found);
        }
        plan->has_socket |= olly__same_name(*at, olly__socket);
        plan->has_control |= olly__same_name(*at, olly__control);
        disabled |= olly_string_equal(*at, "OLLY_DISABLED=1");
        plan->entries++;
    }
    bool complete = listed && plan->has_socket && plan->has_control;
    bool absent = !listed && !plan->has_socket && !plan->has_control;
    plan->list_bytes = plan->list == NULL ? 0 : olly_string_bytes(plan->list);
    plan->preload_bytes = plan->list_bytes + 1 + olly_string_bytes(olly__preload) + 1;
    plan->listed = listed;
    plan->needed = olly__known && (mode == OLLY_CHILDREN_ALWAYS ? !complete && !disabled
                                                                : !absent);
    plan->fits = plan->entries < OLLY_EXEC_ENTRIES_MAX &&
                 plan->preload_bytes <= OLLY_EXEC_PRELOAD_BYTES_MAX;
}

/* LD_PRELOAD=list:library */
static void olly__write_added(const struct olly_child_plan *plan, char *preload) {
    memcpy(preload, olly__preload, OLLY__PRELOAD_NAME);
    char *to = preload + OLLY__PRELOAD_NAME;
    memcpy(to, plan->list, plan->list_bytes);
    to += plan->list_bytes;
    if (plan->list_bytes != 0) {
        *to++ = ':';
    }
    const char *library = olly__preload + OLLY__PRELOAD_NAME;
    memcpy(to, library, olly_string_bytes(library) + 1);
}

/* The list without the library and one of the separators around it; false when nothing is left. */
static bool olly__write_removed(const struct olly_child_plan *plan, char *preload) {
    size_t before = (size_t)(plan->found.at - plan->list);
    size_t after = before + plan->found.bytes;
    after += plan->list[after] != '\0';
    memcpy(preload, olly__preload, OLLY__PRELOAD_NAME);
    char *to = preload + OLLY__PRELOAD_NAME;
    memcpy(to, plan->list, before);
    memcpy(to + before, plan->list + after, plan->list_bytes - after + 1);
    size_t left = before + plan->list_bytes - after;
    if (left != 0 && plan->list[after] == '\0') {
        to[--left] = '\0'; /* it stood last: the separator before it goes */
    }
    return left != 0;
}

/* What becomes of one entry: itself, another one, or NULL. */
static char *olly__entry(const struct olly_child_plan *plan, char *entry, char *preload) {
    bool remove = plan->mode == OLLY_CHILDREN_NEVER;
    if (plan->list == entry + OLLY__PRELOAD_NAME) {
        return remove == plan->listed ? preload : entry;
    }
    bool ours = olly__same_name(entry, olly__socket) || olly__same_name(entry, olly__control);
    return remove && ours ? NULL : entry;
}

/* Filled from its end, so that a stack grows page by page. Returns the first entry. */
char **olly_child_environment(char *const environment[], const struct olly_child_plan *plan,
                              char **room, char *preload) {
    char **to = room + plan->entries + OLLY_CHILD_ENTRIES_ADDED;
    bool add = plan->mode == OLLY_CHILDREN_ALWAYS;
    bool keeps = true;
    *--to = NULL;
    if (add && plan->list == NULL) {
        *--to = olly__preload;
    }
    if (add && !plan->has_control) {
        *--to = olly__control;
    }
    if (add && !plan->has_socket) {
        *--to = olly__socket;
    }
    if (plan->list != NULL && add && !plan->listed) {
        olly__write_added(plan, preload);
    }
    if (plan->list != NULL && !add && plan->listed) {
        keeps = olly__write_removed(plan, preload);
    }
    for (size_t i = plan->entries; i != 0; i--) {
        char *entry = olly__entry(plan, environment[i - 1], preload);
        if (entry != NULL && (entry != preload || keeps)) {
            *--to = entry;
        }
    }
    return to;
}
