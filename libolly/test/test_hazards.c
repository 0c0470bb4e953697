/*
 * Limits, other libraries, early and late callers, rare calls: the program is as without us.
 * Invariant: where nothing could be told, the test says so; it is in the README's table.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "suite.h"

static void beside(char *to, size_t room, const char *name) {
    snprintf(to, room, "%.*s/%s", (int)(strrchr(work_path, '/') - work_path), work_path, name);
}

/* Starts dormant: the socket's path leads nowhere when tracing starts. */
static void changed_root(void) {
    struct agent *agent = agent_new(library_path);
    agent_activate(agent, false);
    struct stepper stepper = stepper_start(agent, "chroot-steps");
    step(&stepper, 'a');
    agent_activate(agent, true);
    step(&stepper, 'b');
    stepper_end(&stepper);
    expect(agent, OLLY_MSG_DATA_OUT, "step-a", 0);
    expect(agent, OLLY_MSG_DATA_OUT, "step-b", 1);
    expect(agent, OLLY_MSG_DATA_IN, "step-b", 1);
    CHECK(system("rmdir /tmp/olly-root-*") == 0);
    agent_free(agent);
}

static void changed_user(void) {
    struct agent *agent = agent_new(library_path);
    agent_activate(agent, false);
    struct stepper stepper = stepper_start(agent, "user-steps");
    step(&stepper, 'a');
    agent_activate(agent, true);
    step(&stepper, 'b');
    agent_restart(agent);
    step(&stepper, 'c');
    stepper_end(&stepper);
    CHECK(agent->hellos == 2);
    expect(agent, OLLY_MSG_DATA_OUT, "step-b", 1);
    expect(agent, OLLY_MSG_DATA_OUT, "step-c", 1);
    agent_free(agent);
}

static void under(const char *limit, const char *mode, size_t told) {
    struct agent *agent = agent_new(library_path);
    run_both_with(agent, (char *[]){"under", (char *)limit, (char *)mode, NULL});
    expect(agent, OLLY_MSG_DATA_OUT, "exchanged", told);
    agent_free(agent);
}

static void few_descriptors(void) {
    under("nofile=4", "descriptors", 0);
    under("nofile=64", "descriptors", 0);
    under("nofile=4", "plain", 0);
    under("nofile=6", "exchange", 1); /* the ring came and went before the connection */
}

/* The first has room for the library and not for its ring. */
static void little_memory(void) {
    under("as=9000000", "exchange", 0);
    under("as=20000000", "exchange", 1); /* a smaller ring */
    under("as=40000000", "exchange", 1);
    under("memlock=0", "exchange", 1);
}

static void locking(const char *mode, const char *limit) {
    struct agent *agent = agent_new(library_path);
    run_both_with(agent, limit == NULL
                             ? (char *[]){(char *)mode, NULL}
                             : (char *[]){"under", (char *)limit, (char *)mode, NULL});
    expect(agent, OLLY_MSG_DATA_OUT, "before", 1);
    expect(agent, OLLY_MSG_DATA_OUT, "after", 1);
    agent_free(agent);
}

/* Less than a ring's addresses, and more than the program needs. */
static void memory_locked(void) {
    locking("lock-memory", "memlock=8388608");
    locking("lock-now", "memlock=8388608");
    locking("lock-memory", NULL);
    locking("lock-threaded", NULL);
}

static void no_new_code(void) {
    under("mdwe=1", "exchange", 1);
    under("mdwe=1", "stdio", 0);
    agent_free(run_both("writable-code", NULL));
}

static void early(void) {
    struct agent *agent = agent_new(library_path);
    beside(agent->before, sizeof agent->before, "work_early.so");
    run_both_with(agent, (char *[]){"exchange", NULL});
    expect(agent, OLLY_MSG_DATA_OUT, "exchanged", 1);
    strcpy(agent->after, agent->before);
    agent->before[0] = '\0';
    agent_clear(agent);
    run_both_with(agent, (char *[]){"exchange", NULL});
    expect(agent, OLLY_MSG_DATA_OUT, "exchanged", 1);
    agent_free(agent);
}

static void late(void) {
    struct agent *agent = run_both("late", NULL);
    expect(agent, OLLY_MSG_DATA_OUT, "thread-end", 1);
    expect(agent, OLLY_MSG_DATA_OUT, "at-exit", 1);
    expect(agent, OLLY_MSG_DATA_OUT, "destructor", 1);
    expect(agent, OLLY_MSG_LOG_WRITE, "stderr at exit\n", 1);
    agent_free(agent);
}

/* RTLD_DEEPBIND and namespaces of dlmopen bind past every preloaded library. */
static void loaded(void) {
    struct agent *agent = run_both("loaded", NULL);
    expect(agent, OLLY_MSG_DATA_OUT, "local", 1);
    expect(agent, OLLY_MSG_DATA_OUT, "deep", 0);
    expect(agent, OLLY_MSG_DATA_OUT, "after-own", 1);
    expect(agent, OLLY_MSG_DATA_OUT, "after-that", 1);
    expect(agent, OLLY_MSG_DATA_OUT, "after-namespace", 1);
    agent_free(agent);
}

/* Copies of one library are different libraries to the loader. */
static void static_tls(void) {
    enum { COPIES = 100 };
    struct agent *agent = agent_new(library_path);
    char paths[COPIES][128];
    char *argv[COPIES + 2] = {"static-tls"};
    char from[512];
    char command[1024];
    beside(from, sizeof from, "work_tls.so");
    snprintf(command, sizeof command, "for i in $(seq 0 %d); do cp %s %s/tls-$i.so; done",
             COPIES - 1, from, agent->dir);
    CHECK(system(command) == 0);
    for (size_t i = 0; i < COPIES; i++) {
        snprintf(paths[i], sizeof paths[i], "%s/tls-%zu.so", agent->dir, i);
        argv[i + 1] = paths[i];
    }
    run_both_with(agent, argv);
    expect(agent, OLLY_MSG_DATA_OUT, "tls-full", 1);
    for (size_t i = 0; i < COPIES; i++) {
        unlink(paths[i]);
    }
    agent_free(agent);
}

static void audited(void) {
    struct agent *agent = agent_new(library_path);
    char audit[512];
    beside(audit, sizeof audit, "work_audit.so");
    setenv("LD_AUDIT", audit, 1);
    run_both_with(agent, (char *[]){"exchange", NULL});
    run_both_with(agent, (char *[]){"stdio", NULL});
    unsetenv("LD_AUDIT");
    expect(agent, OLLY_MSG_DATA_OUT, "exchanged", 1);
    agent_free(agent);
}

static void bound_at_once(void) {
    setenv("LD_BIND_NOW", "1", 1);
    struct agent *agent = run_both("exchange", NULL);
    expect(agent, OLLY_MSG_DATA_OUT, "exchanged", 1);
    agent_free(agent);
}

static void zerocopy(void) {
    struct agent *agent = run_both("zerocopy", NULL);
    CHECK(stream_bytes(agent, OLLY_MSG_DATA_OUT) == 40000);
    CHECK(stream_bytes(agent, OLLY_MSG_DATA_IN) == 40000);
    agent_free(agent);
}

static void edges(void) {
    struct agent *agent = run_both("edges", NULL);
    expect(agent, OLLY_MSG_DATA_OUT, "edge", 4);
    agent_free(agent);
}

static void cancel_points(void) {
    struct agent *agent = run_both("cancel-points", NULL);
    expect(agent, OLLY_MSG_DATA_OUT, "never", 0);
    expect(agent, OLLY_MSG_DATA_OUT, "alive", 1);
    expect(agent, OLLY_MSG_DATA_IN, "alive", 1);
    agent_free(agent);
}

static void tls_jump(void) {
    struct agent *agent = agent_new(library_path);
    beside(agent->after, sizeof agent->after, "work_ssl.so");
    run_both_with(agent, (char *[]){"tls-jump", NULL});
    expect(agent, OLLY_MSG_SSL_OUT, "plain", 3);
    expect(agent, OLLY_MSG_SSL_IN, "plain", 3);
    agent_free(agent);
}

static void lookup_jump(void) {
    struct agent *agent = agent_new(library_path);
    beside(agent->after, sizeof agent->after, "work_names.so");
    run_both_with(agent, (char *[]){"lookup-jump", NULL});
    expect(agent, OLLY_MSG_DATA_OUT, "beside", 3);
    expect(agent, OLLY_MSG_DATA_IN, "beside", 3);
    agent_free(agent);
}

const struct test hazard_tests[] = {
    {"chroot before tracing starts", changed_root},
    {"another user before tracing starts, and before the agent restarts", changed_user},
    {"RLIMIT_NOFILE tiny: every descriptor is the program's", few_descriptors},
    {"RLIMIT_AS, RLIMIT_MEMLOCK: without a ring where it does not fit", little_memory},
    {"mlockall: the same result, and rings are not locked", memory_locked},
    {"no page may become executable, none is writable code", no_new_code},
    {"constructors that call us before and after our own", early},
    {"thread-exit destructors, atexit, destructors", late},
    {"dlopen local and RTLD_DEEPBIND, dlmopen", loaded},
    {"static TLS: as many libraries can be loaded", static_tls},
    {"LD_AUDIT", audited},
    {"LD_BIND_NOW", bound_at_once},
    {"MSG_ZEROCOPY: the same notices", zerocopy},
    {"edge-triggered epoll: the same events", edges},
    {"cancellation points", cancel_points},
    {"siglongjmp out of SSL_read", tls_jump},
    {"siglongjmp out of getaddrinfo", lookup_jump},
    {NULL, NULL},
};
