/*
 * The agent comes, goes and comes again; tracing starts and stops: the program never notices.
 * Invariant: what was not told is counted.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "suite.h"

static void absent(void) {
    struct agent *agent = agent_new(library_path);
    agent_leave(agent);
    char *argv[] = {(char *)work_path, "ends", NULL};
    CHECK(agent_run(agent, argv, "/dev/null", true) == 0);
    agent_free(agent);
}

static void appears_later(void) {
    struct agent *agent = agent_new(library_path);
    agent_leave(agent);
    struct stepper stepper = stepper_start(agent, "steps");
    step(&stepper, 'a');
    agent_listen(agent);
    usleep(150000); /* an absent agent is asked for ten times a second */
    step(&stepper, 'b');
    stepper_end(&stepper);
    expect(agent, OLLY_MSG_DATA_OUT, "step-a", 0);
    expect(agent, OLLY_MSG_DATA_OUT, "step-b", 1);
    expect(agent, OLLY_MSG_DATA_IN, "step-b", 1);
    /* Roles are known although the connection was not announced in time. */
    expect(agent, OLLY_MSG_CONNECT, NULL, 1);
    expect(agent, OLLY_MSG_ACCEPT, NULL, 1);
    CHECK(agent_counter(agent, OLLY_COUNT_UNREGISTERED) >= 4);
    agent_free(agent);
}

/* A program that writes lines until a byte comes on the pipe. */
static pid_t lines_start(struct agent *agent, const char *output, int pipe_ends[2]) {
    char *argv[] = {(char *)work_path, "lines", NULL};
    int saved = dup(0);
    CHECK(pipe(pipe_ends) == 0);
    dup2(pipe_ends[0], 0);
    pid_t pid = agent_start(agent, argv, output, true);
    dup2(saved, 0);
    close(saved);
    close(pipe_ends[0]);
    return pid;
}

/* The agent is killed and restarted again and again, in the middle of bursts, with rings that it
 * has read in part: what it took and what is counted add up to what was written. */
static void restarts_amid_bursts(void) {
    struct agent *agent = agent_new(library_path);
    char output[128];
    int in[2];
    snprintf(output, sizeof output, "%s.lines", agent->dir);
    agent->keep = false;
    pid_t pid = lines_start(agent, output, in);
    for (int turn = 0; agent->hellos < 30; turn++) {
        agent_poll(agent);
        usleep(500);
        if (turn % 4 == 3) {
            agent_restart(agent);
        }
    }
    while (agent->ring_count == 0) { /* an absent agent is asked for ten times a second */
        usleep(500);
        agent_poll(agent);
    }
    CHECK(write(in[1], "x", 1) == 1);
    CHECK(agent_wait(agent, pid) == 0);
    char *written = file_text(output);
    unlink(output);
    CHECK(agent->ring_count == 1);
    uint64_t counted = agent_counter(agent, OLLY_COUNT_RING_FULL) +
                       agent_counter(agent, OLLY_COUNT_UNREGISTERED) +
                       agent_counter(agent, OLLY_COUNT_AGENT_GONE);
    CHECK(agent->seen - agent->hellos + counted == strtoull(written, NULL, 10) + 1);
    free(written);
    close(in[1]);
    agent_free(agent);
}

static void restarts(void) {
    struct agent *agent = agent_new(library_path);
    struct stepper stepper = stepper_start(agent, "steps");
    step(&stepper, 'a');
    agent->paused = true;
    step(&stepper, 'b'); /* two messages and a log write that nobody reads */
    agent_restart(agent);
    agent->paused = false;
    step(&stepper, 'c');
    stepper_end(&stepper);
    CHECK(agent->hellos == 2);
    expect(agent, OLLY_MSG_DATA_OUT, "step-a", 1);
    expect(agent, OLLY_MSG_DATA_OUT, "step-b", 0);
    expect(agent, OLLY_MSG_DATA_OUT, "step-c", 1);
    CHECK(agent_counter(agent, OLLY_COUNT_AGENT_GONE) == 3);
    size_t midstream = 0;
    for (size_t i = 0; i < agent->count; i++) {
        midstream += (agent->messages[i].header.flags & OLLY_FLAG_MIDSTREAM) != 0;
        CHECK((agent->messages[i].header.flags & OLLY_FLAG_ROLE_UNKNOWN) == 0);
    }
    CHECK(midstream == 2);
    agent_free(agent);
}

/* More rings than there are places, where they cannot be moved to the old ones' addresses. */
static void no_mremap(void) {
    struct agent *agent = agent_new(library_path);
    agent->refused_call = SYS_mremap;
    agent->refused_by = SECCOMP_RET_ERRNO | EPERM;
    struct stepper stepper = stepper_start(agent, "steps");
    for (char name = 'a'; name < 'n'; name++) {
        step(&stepper, name);
        agent_restart(agent);
    }
    step(&stepper, 'n');
    stepper_end(&stepper);
    for (char name = 'a'; name <= 'n'; name++) {
        expect(agent, OLLY_MSG_DATA_OUT, (char[]){'s', 't', 'e', 'p', '-', name, 0}, 1);
    }
    agent_free(agent);
}

static void off_and_on(void) {
    struct agent *agent = agent_new(library_path);
    agent_activate(agent, false);
    struct stepper stepper = stepper_start(agent, "steps");
    step(&stepper, 'a');
    CHECK(agent->hellos == 0);
    agent_activate(agent, true);
    step(&stepper, 'b');
    CHECK(agent->hellos == 1);
    agent_activate(agent, false);
    step(&stepper, 'c');
    agent_activate(agent, true);
    step(&stepper, 'd');
    stepper_end(&stepper);
    CHECK(agent->hellos == 1);
    expect(agent, OLLY_MSG_DATA_OUT, "step-a", 0);
    expect(agent, OLLY_MSG_DATA_OUT, "step-b", 1);
    expect(agent, OLLY_MSG_DATA_OUT, "step-c", 0);
    expect(agent, OLLY_MSG_DATA_OUT, "step-d", 1);
    /* Announced at each start of tracing, with a role that nobody had seen: unknown. */
    CHECK(agent_matching(agent, OLLY_MSG_CONNECT, NULL) == 4);
    agent_free(agent);
}

static void disabled(void) {
    struct agent *agent = agent_new(library_path);
    setenv("OLLY_DISABLED", "1", 1);
    char *argv[] = {(char *)work_path, "ends", NULL};
    CHECK(agent_run(agent, argv, "/dev/null", true) == 0);
    CHECK(agent->seen == 0);
    agent_free(agent);
}

static void no_control_page(void) {
    struct agent *agent = agent_new(library_path);
    char path[128];
    snprintf(path, sizeof path, "%s/control", agent->dir);
    CHECK(truncate(path, 100) == 0); /* too short: mapping it would fault */
    char *argv[] = {(char *)work_path, "ends", NULL};
    CHECK(agent_run(agent, argv, "/dev/null", true) == 0);
    unlink(path);
    CHECK(agent_run(agent, argv, "/dev/null", true) == 0);
    CHECK(agent->seen == 0);
    agent_free(agent);
}

/* The hello says who the process is. */
static void hello(void) {
    setenv("OTEL_SERVICE_NAME", "shop", 1);
    setenv("OTEL_RESOURCE_ATTRIBUTES", "team=a,zone=b", 1);
    struct agent *agent = run_hooked("ends", "");
    const struct message *first = &agent->messages[0];
    CHECK(first->header.msg_type == OLLY_MSG_PROCESS && first->header.timestamp_ns != 0);
    const char *pairs[][2] = {{"OTEL_SERVICE_NAME", "shop"},
                              {"OTEL_RESOURCE_ATTRIBUTES", "team=a,zone=b"},
                              {"arg", "ends"}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        char wanted[128];
        size_t key = strlen(pairs[i][0]) + 1;
        memcpy(wanted, pairs[i][0], key);
        memcpy(wanted + key, pairs[i][1], strlen(pairs[i][1]) + 1);
        CHECK(memmem(first->payload, first->header.payload_len, wanted,
                     key + strlen(pairs[i][1]) + 1) != NULL);
    }
    CHECK(memcmp(first->payload, "exe\0/", 5) == 0);
    agent_free(agent);
}

/* Without memfd every message is a datagram; what the hook socket refuses is not sent again. */
static void no_memfd(void) {
    struct agent *agent = agent_new(library_path);
    agent->refused_call = SYS_memfd_create;
    agent->refused_by = SECCOMP_RET_ERRNO | ENOSYS;
    struct stepper stepper = stepper_start(agent, "steps");
    step(&stepper, 'a');
    step(&stepper, 'b');
    stepper_end(&stepper);
    CHECK(agent->hellos == 1 && agent->ring_count == 0);
    expect(agent, OLLY_MSG_DATA_OUT, "step-a", 1);
    expect(agent, OLLY_MSG_DATA_IN, "step-a", 1);
    expect(agent, OLLY_MSG_DATA_OUT, "step-b", 1);
    expect(agent, OLLY_MSG_LOG_WRITE, "b", 1);
    agent_free(agent);
}

static bool maps_a_ring(pid_t pid) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/maps", (int)pid);
    char *maps = file_text(path);
    bool found = strstr(maps, "memfd:olly-ring") != NULL;
    free(maps);
    return found;
}

/* What the rules leave alone is quiet at once, gives its ring back, and asks the next agent. */
static void refused(void) {
    struct agent *agent = agent_new(library_path);
    struct stepper stepper = stepper_start(agent, "steps");
    step(&stepper, 'a');
    CHECK(maps_a_ring(stepper.pid));
    agent->rings[0].header->verdict = OLLY_VERDICT_REFUSED;
    step(&stepper, 'b');
    step(&stepper, 'c');
    agent_activate(agent, false);
    agent_activate(agent, true);
    step(&stepper, 'd');
    CHECK(agent->hellos == 1 && !maps_a_ring(stepper.pid));
    agent_restart(agent);
    step(&stepper, 'e');
    step(&stepper, 'f');
    stepper_end(&stepper);
    CHECK(agent->hellos == 2);
    const char *untold[] = {"step-b", "step-c", "step-d"};
    for (size_t i = 0; i < sizeof untold / sizeof *untold; i++) {
        expect(agent, OLLY_MSG_DATA_OUT, untold[i], 0);
        expect(agent, OLLY_MSG_DATA_IN, untold[i], 0);
    }
    expect(agent, OLLY_MSG_DATA_OUT, "step-a", 1);
    expect(agent, OLLY_MSG_DATA_OUT, "step-f", 1);
    for (int i = 0; i < (int)OLLY_RING_COUNTERS; i++) {
        CHECK(agent_counter(agent, (enum olly_counter)i) == 0); /* a wish, not a loss */
    }
    agent_free(agent);
}

/* The same without a ring: the control page names the process by the token of its hello. */
static void refused_without_ring(void) {
    struct agent *agent = agent_new(library_path);
    agent->refused_call = SYS_memfd_create;
    agent->refused_by = SECCOMP_RET_ERRNO | ENOSYS;
    struct stepper stepper = stepper_start(agent, "steps");
    step(&stepper, 'a');
    const struct message *hello = &agent->messages[0];
    const char *token = memmem(hello->payload, hello->header.payload_len, "token", 6);
    CHECK(token != NULL && strlen(token + 6) == 16);
    agent->control->refused[OLLY_REFUSED_MAX - 1] = strtoull(token + 6, NULL, 16) + 1;
    __atomic_store_n(&agent->control->refusals, 64, __ATOMIC_RELEASE);
    step(&stepper, 'b');
    agent->control->refused[0] = strtoull(token + 6, NULL, 16);
    __atomic_store_n(&agent->control->refusals, 65, __ATOMIC_RELEASE);
    step(&stepper, 'c');
    stepper_end(&stepper);
    CHECK(agent->hellos == 1);
    expect(agent, OLLY_MSG_DATA_OUT, "step-a", 1);
    expect(agent, OLLY_MSG_DATA_OUT, "step-b", 1);
    expect(agent, OLLY_MSG_DATA_OUT, "step-c", 0);
    agent_free(agent);
}

/* Without MADV_WIPEONFORK a fork is noticed all the same. */
static void no_wipe(void) {
    struct agent *agent = agent_new(library_path);
    agent->refused_call = SYS_madvise;
    agent->refused_by = SECCOMP_RET_ERRNO | EINVAL;
    char *argv[] = {(char *)work_path, "fork", NULL};
    CHECK(agent_run(agent, argv, "/dev/null", true) == 0);
    CHECK(agent->hellos == 2 && agent->rings[0].pid != agent->rings[1].pid);
    expect(agent, OLLY_MSG_DATA_OUT, "child", 1);
    expect(agent, OLLY_MSG_DATA_OUT, "again", 1);
    agent_free(agent);
}

const struct test agent_tests[] = {
    {"agent absent", absent},
    {"agent appears later", appears_later},
    {"agent restarts: new ring, unread messages counted", restarts},
    {"agent restarts amid bursts: sent = read + counted", restarts_amid_bursts},
    {"agent restarts where mremap is refused: every ring is in use", no_mremap},
    {"tracing off and on", off_and_on},
    {"OLLY_DISABLED=1 is inert", disabled},
    {"control page missing or short: inert", no_control_page},
    {"hello: executable, arguments, service environment", hello},
    {"no memfd: one datagram per message", no_memfd},
    {"refused: quiet, memory given back, asks the next agent", refused},
    {"refused without a ring: told by the control page", refused_without_ring},
    {"no MADV_WIPEONFORK: fork is noticed", no_wipe},
    {NULL, NULL},
};
