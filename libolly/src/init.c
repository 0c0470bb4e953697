/*
 * Start of the library, before the program's main.
 * Invariant: OLLY_DISABLED=1, or no control page, leaves every hook a plain forward for ever;
 * nothing is printed unless OLLY_DEBUG=1.
 */
#include "olly.h"

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

__attribute__((constructor)) static void olly__start(void) {
    olly_resolve();
    if (olly__is_set("OLLY_DISABLED")) {
        olly__say("disabled");
        return;
    }
    const char *control = olly_environment("OLLY_CONTROL");
    const char *socket = olly_environment("OLLY_SOCKET");
    if (control == NULL || socket == NULL ||
        olly_string_copy(olly_socket_path, socket, sizeof olly_socket_path) == 0) {
        olly__say("OLLY_CONTROL and OLLY_SOCKET must be paths: inert");
        return;
    }
    olly__keep_environment();
    olly_identity_start();
    olly_start_time = olly_now();
    /* From this line on other threads, if there are any, may find tracing active. */
    if (!olly_control_map(control)) {
        olly__say("no control page: inert");
        return;
    }
    olly_stdio_patch();
    if (!olly_dormant()) {
        olly_register_at_start();
        olly__say(olly_process->mode == OLLY_MODE_NONE ? "active, no agent yet" : "active");
    } else {
        olly__say("dormant");
    }
}
