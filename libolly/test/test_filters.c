/*
 * Seccomp filters: nothing that the library does may be what ends a program.
 * Invariant: the filters end the whole process at one call that the program itself never makes.
 */
#define _GNU_SOURCE
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>

#include "suite.h"

/* The program's own calls do not include these. */
static const int foreign_calls[] = {
    SYS_memfd_create, SYS_madvise,     SYS_sendmsg,     SYS_connect, SYS_getsockopt,
    SYS_ftruncate,    SYS_getsockname, SYS_getpeername, SYS_mremap,  SYS_nanosleep,
    SYS_getpid,       SYS_socket,      SYS_gettid,
};

static void fatal_calls(void) {
    static const uint32_t actions[] = {SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_KILL_THREAD,
                                       SECCOMP_RET_TRAP};
    struct agent *agent = agent_new(library_path);
    for (size_t i = 0; i < sizeof foreign_calls / sizeof *foreign_calls; i++) {
        agent->refused_call = foreign_calls[i];
        agent->refused_by = actions[i % 3];
        run_both_with(agent, (char *[]){"plain", NULL});
    }
    CHECK(agent->seen == 0);
    agent_free(agent);
}

/* A filter of a program's own may forbid what the rehearsal is made of. */
static void alone_under_a_filter(void) {
    static const int calls[] = {SYS_clone, SYS_memfd_create};
    struct agent *agent = agent_new(library_path);
    agent->alone = true;
    agent->refused_by = SECCOMP_RET_KILL_PROCESS;
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        agent->refused_call = calls[i];
        run_both_with(agent, (char *[]){"exchange", NULL});
    }
    CHECK(agent->seen == 0);
    agent_free(agent);
}

/* There a dead child cannot be waited for. */
static void no_waiting(void) {
    struct agent *agent = agent_new(library_path);
    agent->refused_call = SYS_wait4;
    agent->refused_by = SECCOMP_RET_KILL_PROCESS;
    run_both_with(agent, (char *[]){"exchange", NULL});
    CHECK(agent->seen == 0);
    agent_free(agent);
}

/* As a container's: what is refused is refused with an error. The program has no child after it. */
static void refusing(void) {
    struct agent *agent = agent_new(library_path);
    agent->refused_call = SYS_acct;
    agent->refused_by = SECCOMP_RET_ERRNO | 1;
    run_both_with(agent, (char *[]){"plain", NULL});
    run_both_with(agent, (char *[]){"exchange", NULL});
    run_both_with(agent, (char *[]){"fork", NULL});
    expect(agent, OLLY_MSG_DATA_OUT, "exchanged", 1);
    expect(agent, OLLY_MSG_DATA_IN, "exchanged", 1);
    expect(agent, OLLY_MSG_DATA_OUT, "child", 1);
    agent_free(agent);
}

static void strict(void) {
    static char *const modes[] = {"strict-prctl", "strict-syscall"};
    for (size_t i = 0; i < 2; i++) {
        struct agent *agent = run_both(modes[i], NULL);
        expect(agent, OLLY_MSG_DATA_OUT, "before", 1);
        expect(agent, OLLY_MSG_DATA_OUT, "strict", 0);
        CHECK(agent_counter(agent, OLLY_COUNT_CONFINED) == 1);
        agent_free(agent);
    }
}

/* The filter came while nobody was tracing. */
static void confined_dormant(void) {
    struct agent *agent = agent_new(library_path);
    agent_activate(agent, false);
    struct stepper stepper = stepper_start(agent, "confined-steps");
    step(&stepper, 'a');
    agent_activate(agent, true);
    step(&stepper, 'b');
    stepper_end(&stepper);
    CHECK(agent->seen == 0);
    agent_free(agent);
}

const struct test filter_tests[] = {
    {"inherited filter that ends a program at a call of ours: inert", fatal_calls},
    {"inherited filter of one program: inert", alone_under_a_filter},
    {"inherited filter that forbids waiting: inert", no_waiting},
    {"inherited filter that refuses with an error: traced", refusing},
    {"strict seccomp: reading and writing go on", strict},
    {"filter while dormant: quiet when tracing starts", confined_dormant},
    {NULL, NULL},
};
