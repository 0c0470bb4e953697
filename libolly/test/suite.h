/* What the test files share. Invariant: each test runs in a process of its own, so that a failed
 * CHECK ends that test only. */
#ifndef OLLY_TEST_SUITE_H
#define OLLY_TEST_SUITE_H

#include "harness.h"

#define ARGUMENTS_MAX 128

struct test {
    const char *name;
    void (*run)(void);
};

extern const struct test data_tests[];
extern const struct test capture_tests[];
extern const struct test process_tests[];
extern const struct test agent_tests[];
extern const struct test names_tests[];
extern const struct test datagram_tests[];
extern const struct test choice_tests[];
extern const struct test hazard_tests[];
extern const struct test filter_tests[];
extern const char *library_path;
extern const char *work_path;

/* Runs the workload bare and hooked, checks that output and exit code are the same, and gives the
 * agent with the messages of the hooked run. */
struct agent *run_both(const char *mode, const char *argument);
void run_both_with(struct agent *agent, char *const arguments[]);
struct agent *run_hooked(const char *mode, const char *argument);

/* A workload that makes one exchange for each byte that it is given. */
struct stepper {
    struct agent *agent;
    pid_t pid;
    int in;
    int out;
};

struct stepper stepper_start(struct agent *agent, const char *mode);
void step(struct stepper *stepper, char name);
void stepper_end(struct stepper *stepper);

/* Sequence numbers of each connection count from 0 without a gap. */
void check_sequences(const struct agent *agent);
void expect(const struct agent *agent, int type, const char *payload, size_t times);
uint64_t stream_bytes(const struct agent *agent, int type);

#endif
