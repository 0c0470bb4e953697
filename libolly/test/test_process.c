/*
 * fork, vfork, threads, signals, jumps: the library stays whole and the program unharmed.
 * Invariant: a count of messages is exact, or the rest is in a counter.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "suite.h"

static void forked(void) {
    struct agent *agent = run_both("fork", NULL);
    CHECK(agent->hellos == 2);
    CHECK(agent->ring_count == 2 && agent->rings[0].pid != agent->rings[1].pid);
    uint32_t child = agent->rings[1].pid;
    size_t found = 0;
    for (size_t i = 0; i < agent->count; i++) {
        const struct message *message = &agent->messages[i];
        const struct olly_header *header = &message->header;
        if (header->pid != child || header->msg_type == OLLY_MSG_PROCESS) {
            continue;
        }
        CHECK(header->tid == child);
        if (header->msg_type == OLLY_MSG_ACCEPT) {
            found++; /* the role is known from before the fork */
            CHECK(header->flags == (OLLY_FLAG_MIDSTREAM | OLLY_FLAG_SEQUENCED));
        }
        found += header->msg_type == OLLY_MSG_DATA_OUT && strcmp((char *)message->payload,
                                                                 "child") == 0;
    }
    CHECK(found == 2);
    expect(agent, OLLY_MSG_DATA_OUT, "again", 1);
    agent_free(agent);
}

static void vforked(void) {
    struct agent *agent = run_both("vfork", NULL);
    check_sequences(agent);
    expect(agent, OLLY_MSG_DATA_OUT, "before", 1);
    expect(agent, OLLY_MSG_DATA_OUT, "after", 1);
    expect(agent, OLLY_MSG_DATA_IN, "after", 1);
    expect(agent, OLLY_MSG_DATA_OUT, "last", 1);
    expect(agent, OLLY_MSG_CLOSE, NULL, 0);
    expect(agent, OLLY_MSG_CONNECT, NULL, 1);
    agent_free(agent);
}

/* 8 threads, 48,000 messages of 72 bytes: they fit the ring, however slowly it is drained. */
static void threads_fitting(void) {
    struct agent *agent = run_both("threads", "3000");
    CHECK(agent_counter(agent, OLLY_COUNT_RING_FULL) == 0);
    CHECK(agent_matching(agent, OLLY_MSG_DATA_OUT, "0123456789abcdef0123456789abcdef") == 24000);
    CHECK(stream_bytes(agent, OLLY_MSG_DATA_IN) == 24000u * 32u);
    check_sequences(agent);
    agent_free(agent);
}

/* More than a ring may hold at once, drained and rewound while it comes: read + counted = sent. */
static void threads_drained(void) {
    struct agent *agent = run_both("threads", "12500");
    uint64_t lost = agent_counter(agent, OLLY_COUNT_RING_FULL);
    CHECK(agent->rings[0].rewinds > 0);
    CHECK(agent->seen - agent->hellos + lost == 200000 + 8 * 2 + 1);
    agent_free(agent);
}

/* The same with nobody reading: what did not fit is counted, exactly. */
static void threads_not_drained(void) {
    struct agent *agent = agent_new(library_path);
    agent->paused = true;
    char *argv[] = {(char *)work_path, "threads", "6250", NULL};
    CHECK(agent_run(agent, argv, "/dev/null", true) == 0);
    agent->paused = false;
    agent_poll(agent);
    uint64_t lost = agent_counter(agent, OLLY_COUNT_RING_FULL);
    CHECK(lost > 0);
    /* connections: 8 pairs; one log write at the end; one hello, which is not in the ring */
    uint64_t sent = 100000 + 8 * 2 + 1;
    CHECK(agent->seen - agent->hellos + lost == sent);
    agent_free(agent);
}

/* A burst of more than 7 MB that nobody reads, where the agent has allowed the ring to grow. */
static void threads_burst(void) {
    struct agent *agent = agent_new(library_path);
    agent->paused = true;
    agent->control->ring_waiting_bytes = UINT32_MAX;
    char *argv[] = {(char *)work_path, "threads", "6250", NULL};
    CHECK(agent_run(agent, argv, "/dev/null", true) == 0);
    agent->paused = false;
    agent_poll(agent);
    CHECK(agent_counter(agent, OLLY_COUNT_RING_FULL) == 0);
    CHECK(agent->seen - agent->hellos == 100000 + 8 * 2 + 1);
    agent_free(agent);
}

static void signal_handlers(void) {
    struct agent *agent = run_hooked("signals", NULL);
    CHECK(agent_counter(agent, OLLY_COUNT_RING_FULL) == 0);
    CHECK(agent_matching(agent, OLLY_MSG_DATA_OUT, "M") == 40000);
    CHECK(agent_matching(agent, OLLY_MSG_DATA_IN, "M") == 40000);
    CHECK(agent_matching(agent, OLLY_MSG_DATA_OUT, "S") > 10);
    agent_free(agent);
}

static void jumps(void) {
    struct agent *agent = run_both("jump", NULL);
    expect(agent, OLLY_MSG_DATA_OUT, "jumped", 3);
    expect(agent, OLLY_MSG_DATA_IN, "jumped", 3);
    agent_free(agent);
}

static void cancellation(void) {
    struct agent *agent = run_both("cancel", NULL);
    expect(agent, OLLY_MSG_DATA_OUT, "alive", 1);
    expect(agent, OLLY_MSG_DATA_IN, "alive", 1);
    agent_free(agent);
}

static void nothing_left(void) {
    struct agent *agent = run_both("left", NULL);
    agent_free(agent);
}

/* Its children ask the loader for nothing. */
static void loader_lock(void) {
    struct agent *agent = run_both("forked-lock", NULL);
    expect(agent, OLLY_MSG_SYSLOG, "forked", 1);
    expect(agent, OLLY_MSG_LOOKUP, "127.0.0.5", 1);
    agent_free(agent);
}

const struct test process_tests[] = {
    {"fork: own ring, own pid, known role", forked},
    {"vfork, posix_spawn, system: the parent's table is not touched", vforked},
    {"threads: 48,000 messages, none lost", threads_fitting},
    {"threads: several laps, sent = read + counted", threads_drained},
    {"threads: not drained, sent = read + counted", threads_not_drained},
    {"8 threads, a burst beyond what a ring begins with: nothing lost", threads_burst},
    {"signal handlers emit inside hooks", signal_handlers},
    {"siglongjmp out of a blocking read", jumps},
    {"pthread_cancel in a blocking read", cancellation},
    {"fork while another thread holds the loader's lock", loader_lock},
    {"no descriptor and no thread is left in the program", nothing_left},
    {NULL, NULL},
};
