/*
 * Start of the library, before the program's main.
 * Invariant: OLLY_DISABLED=1, or no control page, leaves every hook a plain forward for ever;
 * nothing is printed unless OLLY_DEBUG=1.
 */
#include "choice.h"

/* The agent of root, as SYSTEM_SOCKET_PATH in src/config/paths.ts has it. */
#define OLLY_SYSTEM_SOCKET "/var/run/olly/hook.sock"
#define OLLY_SYSTEM_CONTROL "/var/run/olly/control"

extern char **environ __attribute__((weak));

const char *const olly_repeated_variables[] = {"OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES",
                                               NULL};
static char olly__repeated_values[2][OLLY_ENVIRONMENT_BYTES_MAX];

const char *olly_repeated_value(size_t index) {
    return olly__repeated_values[index];
}

const char *olly_environment(const char *name) {
    size_t bytes = olly_string_bytes(name);
    char **at = &environ == NULL ? NULL : environ;
    for (; at != NULL && *at != NULL; at++) {
        size_t matched = 0;
        while (matched < bytes && (*at)[matched] == name[matched]) {
            matched++;
        }
        if (matched == bytes && (*at)[bytes] == '=') {
            return *at + bytes + 1;
        }
    }
    return NULL;
}

static bool olly__is_set(const char *name) {
    const char *value = olly_environment(name);
    return value != NULL && olly_string_equal(value, "1");
}

static void olly__say(const char *text) {
    if (olly__is_set("OLLY_DEBUG")) {
        olly_raw(SYS_write, 2, "libolly: ", 9);
        olly_raw(SYS_write, 2, text, olly_string_bytes(text));
        olly_raw(SYS_write, 2, "\n", 1);
    }
}

static void olly__keep_environment(void) {
    for (size_t i = 0; olly_repeated_variables[i] != NULL; i++) {
        const char *value = olly_environment(olly_repeated_variables[i]);
        if (value != NULL) {
            olly_string_copy(olly__repeated_values[i], value, OLLY_ENVIRONMENT_BYTES_MAX);
        }
    }
}

static const char *olly__inert(enum olly_choice choice) {
    switch (choice) {
    case OLLY_CHOICE_LEFT_ALONE: return "a tool of the system: left alone";
    case OLLY_CHOICE_SECOND: return "another copy of the library comes first: inert";
    case OLLY_CHOICE_ASKED:
    case OLLY_CHOICE_SYSTEM_WIDE: return NULL;
    case OLLY_CHOICE_PRIVILEGED: break;
    }
    return "privileged: inert";
}

/* Where the agent is: as the environment says; system-wide, where the system's agent is. */
static bool olly__find_agent(enum olly_choice choice, const char **control) {
    const char *socket = olly_environment("OLLY_SOCKET");
    *control = olly_environment("OLLY_CONTROL");
    if (choice == OLLY_CHOICE_SYSTEM_WIDE && socket == NULL && *control == NULL) {
        socket = OLLY_SYSTEM_SOCKET;
        *control = OLLY_SYSTEM_CONTROL;
    }
    return *control != NULL && socket != NULL &&
           olly_string_copy(olly_socket_path, socket, sizeof olly_socket_path) != 0;
}

__attribute__((constructor)) static void olly__start(void) {
    olly_resolve();
    if (olly__is_set("OLLY_DISABLED")) {
        olly__say("disabled");
        return;
    }
    struct olly_words library = {NULL, 0};
    const char *control = NULL;
    enum olly_choice choice = olly_choose(&library);
    const char *inert = olly__inert(choice);
    if (inert == NULL && !olly__find_agent(choice, &control)) {
        inert = "OLLY_CONTROL and OLLY_SOCKET must be paths: inert";
    }
    if (inert != NULL) {
        /* A privileged program's environment is another user's, who could ask for the words. */
        if (choice != OLLY_CHOICE_PRIVILEGED) {
            olly__say(inert);
        }
        return;
    }
    if (!olly_may_call()) {
        olly__say("a seccomp filter may end what the library does, or there is no /proc: inert");
        return;
    }
    olly__keep_environment();
    olly_identity_start();
    olly_start_time = olly_now();
    if (choice == OLLY_CHOICE_ASKED) {
        olly_children_start(library, olly_socket_path, control);
    }
    /* From this line on other threads, if there are any, may find tracing active. */
    if (!olly_control_map(control)) {
        olly__say("no control page of root or of this user: inert");
        return;
    }
    olly_stdio_patch();
    olly_tls_static_patch();
    if (!olly_dormant()) {
        olly_register_at_start();
        bool alone = OLLY_GET(olly_process->mode) == OLLY_MODE_NONE;
        olly__say(alone ? "active, no agent yet" : "active");
    } else {
        olly__say("dormant");
    }
}
