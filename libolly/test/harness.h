/*
 * A small agent for tests: hook socket, control page, rings, and the messages they carried.
 * Invariant: a message that breaks the wire contract fails the test at once.
 */
#ifndef OLLY_TEST_HARNESS_H
#define OLLY_TEST_HARNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "../include/olly_wire.h"

#define RINGS_MAX 512

struct message {
    struct olly_header header;
    uint8_t *payload;
};

struct ring {
    struct olly_ring_header *header;
    uint32_t pid;
    uint64_t tail;
    uint64_t waiting_max;
    size_t rewinds;
};

struct agent {
    char dir[64];
    char library[512];
    int socket;
    struct olly_control_page *control;
    struct ring rings[RINGS_MAX];
    size_t ring_count;
    struct message *messages;
    size_t count;
    size_t room;
    size_t hellos;
    bool paused; /* rings are not drained */
    bool keep;   /* false: messages are counted only */
    char before[512]; /* other libraries to preload, in front of ours and behind it */
    char after[512];
    int refused_call; /* a system call that the program does not get, as on an old kernel */
    uint32_t refused_by; /* what the filter does then: SECCOMP_RET_... */
    bool alone; /* under a filter that only the program is under, not what started it */
    uint64_t seen;
};

#define CHECK(condition)                                                       \
    do {                                                                       \
        if (!(condition)) {                                                    \
            check_failed(__FILE__, __LINE__, #condition);                      \
        }                                                                      \
    } while (0)

void check_failed(const char *file, int line, const char *what) __attribute__((noreturn));

struct agent *agent_new(const char *library);
void agent_listen(struct agent *agent);
void agent_leave(struct agent *agent); /* as a killed agent: socket gone, rings not read */
void agent_activate(struct agent *agent, bool active);
void agent_restart(struct agent *agent);
void agent_poll(struct agent *agent);
void agent_clear(struct agent *agent);
void agent_free(struct agent *agent);
uint64_t agent_counter(const struct agent *agent, enum olly_counter counter);

/* Starts argv hooked (or bare), with stdout in a file; agent_wait drains until it has ended. */
pid_t agent_start(struct agent *agent, char *const argv[], const char *output, bool hooked);
int agent_wait(struct agent *agent, pid_t pid);
int agent_run(struct agent *agent, char *const argv[], const char *output, bool hooked);

/* All messages as text, one line each; the caller frees it. */
char *agent_text(const struct agent *agent);
char *file_text(const char *path);
size_t agent_matching(const struct agent *agent, int type, const char *payload);
const char *type_name(int type);

#endif
