/*
 * Calls larger than a message, a ring that nobody reads, and kernels that say no.
 * Invariant: every byte is either in a payload at its right place, or in a wire_len.
 */
#define _GNU_SOURCE
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "pattern.h"
#include "suite.h"

#define TAIL_BYTES 512

static uint32_t wire_of(const struct message *message) {
    const struct olly_header *header = &message->header;
    return header->wire_len != 0 ? header->wire_len : header->payload_len;
}

/* The messages of one call, from the one at index on; returns the index behind them. */
static size_t check_call(const struct agent *agent, int type, size_t at, uint64_t *position,
                         size_t limit) {
    const struct olly_header *first = &agent->messages[at].header;
    uint64_t captured = 0;
    uint64_t bytes = 0;
    uint64_t tail = 0;
    for (; at < agent->count; at++) {
        const struct message *message = &agent->messages[at];
        const struct olly_header *header = &message->header;
        if (header->msg_type != type) {
            continue;
        }
        if (header->timestamp_ns != first->timestamp_ns) {
            break;
        }
        /* All full so far; behind the gap comes one more, the end. */
        CHECK(tail == 0 && (captured == bytes ? captured % OLLY_PAYLOAD_BYTES_MAX == 0
                                              : header->wire_len == 0));
        tail = captured == bytes ? 0 : header->payload_len;
        for (uint32_t i = 0; i < header->payload_len; i++) {
            CHECK(message->payload[i] == pattern(*position + i));
        }
        captured += header->payload_len;
        bytes += wire_of(message);
        *position += wire_of(message);
    }
    uint64_t beyond = bytes < limit ? 0 : bytes - limit;
    CHECK(tail == 0 || beyond > tail || beyond == 0);
    CHECK(captured == bytes - beyond + (beyond < TAIL_BYTES ? beyond : TAIL_BYTES));
    return at;
}

static void check_stream(const struct agent *agent, int type, size_t calls, size_t limit) {
    uint64_t position = 0;
    for (size_t at = 0; at < agent->count;) {
        if (agent->messages[at].header.msg_type != type) {
            at++;
            continue;
        }
        at = check_call(agent, type, at, &position, limit);
        calls--;
    }
    CHECK(calls == 0);
    CHECK(position == 2 * (50000 + LARGE_BYTES + 16384 + 16385 + 65536 + 65537));
}

/* The log file's writes; stdout's own are small. */
static void check_log(const struct agent *agent) {
    uint64_t bytes = 0;
    uint64_t captured = 0;
    for (size_t i = 0; i < agent->count; i++) {
        const struct olly_header *header = &agent->messages[i].header;
        if (header->msg_type == OLLY_MSG_LOG_WRITE && header->fd > 2) {
            captured += header->payload_len;
            bytes += wire_of(&agent->messages[i]);
        }
    }
    CHECK(bytes == 50000 + LARGE_BYTES);
    CHECK(captured == 50000 + OLLY_CAPTURE_BYTES_DEFAULT);
}

static void large_calls(const char *mode, uint32_t asked, size_t limit) {
    struct agent *agent = agent_new(library_path);
    agent->control->capture_bytes_max = asked;
    agent->paused = true; /* so that no reading in time is needed */
    char *argv[] = {(char *)work_path, (char *)mode, NULL};
    CHECK(agent_run(agent, argv, "/dev/null", true) == 0);
    agent->paused = false;
    agent_poll(agent);
    CHECK(agent_counter(agent, OLLY_COUNT_RING_FULL) == 0);
    check_sequences(agent);
    check_stream(agent, OLLY_MSG_DATA_OUT, 12, limit);
    check_stream(agent, OLLY_MSG_DATA_IN, 12, limit);
    check_log(agent);
    agent_free(agent);
}

static void large_with(uint32_t asked, size_t limit) {
    large_calls("large-first", asked, limit);
    large_calls("large-last", asked, limit);
}

static void large(void) {
    agent_free(run_both("large-first", NULL));
    agent_free(run_both("large-last", NULL));
    large_with(65536, 65536);
    large_with(0, OLLY_CAPTURE_BYTES_DEFAULT);
    large_with(20000, 20000);
    large_with(UINT32_MAX, 262144);
}

/* Nobody reads: payloads get shorter, the streams stay in step, and nothing is lost. */
static void pressed(void) {
    struct agent *agent = agent_new(library_path);
    agent->control->capture_bytes_max = 65536;
    agent->paused = true;
    char *argv[] = {(char *)work_path, "flood", NULL};
    CHECK(agent_run(agent, argv, "/dev/null", true) == 0);
    agent->paused = false;
    agent_poll(agent);
    CHECK(agent_counter(agent, OLLY_COUNT_RING_FULL) == 0);
    CHECK(stream_bytes(agent, OLLY_MSG_DATA_OUT) == 100 * 65536);
    CHECK(stream_bytes(agent, OLLY_MSG_DATA_IN) == 100 * 65536);
    check_sequences(agent);
    agent_free(agent);
}

/* A ring larger than the files that the process may make would end it with SIGXFSZ. */
static void file_size_limit(void) {
    struct agent *agent = agent_new(library_path);
    struct rlimit small = {.rlim_cur = 8192, .rlim_max = RLIM_INFINITY};
    CHECK(setrlimit(RLIMIT_FSIZE, &small) == 0);
    char *argv[] = {(char *)work_path, "loop", NULL};
    CHECK(agent_run(agent, argv, "/dev/null", true) == 0);
    CHECK(agent->hellos == 1 && agent->ring_count == 0);
    expect(agent, OLLY_MSG_DATA_OUT, "first", 1); /* as datagrams */
    agent_free(agent);
}

static void confined_by(const char *mode) {
    struct agent *agent = run_both(mode, NULL);
    expect(agent, OLLY_MSG_DATA_OUT, "before", 1);
    expect(agent, OLLY_MSG_DATA_OUT, "asked", 1);
    expect(agent, OLLY_MSG_DATA_OUT, "after", 0);
    CHECK(agent_counter(agent, OLLY_COUNT_CONFINED) == 2); /* one refused */
    agent_free(agent);
}

static void confined(void) {
    confined_by("confined-prctl");
    confined_by("confined-syscall");
}

/* What the kernel did not take or give is neither touched nor reported. */
static void faults(void) {
    agent_free(run_both("faults", NULL));
}

const struct test capture_tests[] = {
    {"faults: bad addresses, truncated datagrams, no descriptors, odd arguments", faults},
    {"large calls: several messages, byte-exact up to the limit", large},
    {"large calls: a full ring shortens payloads, streams stay in step", pressed},
    {"RLIMIT_FSIZE: no ring, one datagram per message", file_size_limit},
    {"seccomp filter of the program's own: quiet from then on", confined},
    {NULL, NULL},
};
