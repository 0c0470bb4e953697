/*
 * The payload of PROCESS: what this process is.
 * Invariant: reads only /proc/self and the copies made at start: the environment itself may be
 * changed by another thread, or overwritten by programs that change their title.
 */
#include "olly.h"

struct olly__text {
    uint8_t *to;
    size_t used;
    size_t room;
};

/* A pair that does not fit whole is left out. */
static void olly__pair(struct olly__text *text, const char *key, const char *value,
                       size_t value_bytes) {
    size_t key_bytes = olly_string_bytes(key);
    if (text->used + key_bytes + value_bytes + 2 > text->room) {
        return;
    }
    memcpy(text->to + text->used, key, key_bytes + 1);
    text->used += key_bytes + 1;
    memcpy(text->to + text->used, value, value_bytes);
    text->used += value_bytes;
    text->to[text->used++] = '\0';
}

static void olly__executable(struct olly__text *text) {
    static char path[4096];
    long bytes = olly_raw(SYS_readlinkat, AT_FDCWD, "/proc/self/exe", path, sizeof path);
    if (bytes > 0) {
        olly__pair(text, "exe", path, (size_t)bytes);
    }
}

static void olly__arguments(struct olly__text *text) {
    static char line[8192];
    long fd = olly_raw(SYS_openat, AT_FDCWD, "/proc/self/cmdline", O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0) {
        return;
    }
    long bytes = olly_raw(SYS_read, fd, line, sizeof line - 1);
    olly_raw(SYS_close, fd);
    size_t end = bytes > 0 ? (size_t)bytes : 0;
    line[end] = '\0';
    size_t at = 0;
    for (uint32_t count = 0; at < end && count < OLLY_PROCESS_ARGS_MAX; count++) {
        size_t length = olly_string_bytes(line + at);
        size_t kept = length < OLLY_PROCESS_STRING_BYTES_MAX ? length
                                                             : OLLY_PROCESS_STRING_BYTES_MAX - 1;
        olly__pair(text, "arg", line + at, kept);
        at += length + 1;
    }
}

static void olly__token(struct olly__text *text) {
    uint64_t token = olly_process->token;
    char digits[16];
    for (size_t i = 0; i < sizeof digits; i++) {
        digits[i] = "0123456789abcdef"[token >> (60 - 4 * i) & 15];
    }
    if (token != 0) {
        olly__pair(text, "token", digits, sizeof digits);
    }
}

size_t olly_hello_payload(uint8_t *to, size_t room) {
    struct olly__text text = {.to = to, .used = 0, .room = room};
    olly__executable(&text);
    olly__arguments(&text);
    olly__token(&text);
    for (size_t i = 0; olly_repeated_variables[i] != NULL; i++) {
        const char *value = olly_repeated_value(i);
        if (value[0] != '\0') {
            olly__pair(&text, olly_repeated_variables[i], value, olly_string_bytes(value));
        }
    }
    return text.used;
}
