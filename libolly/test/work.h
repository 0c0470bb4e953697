/* What the workload programs share. Invariant: they print results only, never addresses or times,
 * so that a bare and a hooked run can be compared byte by byte. */
#ifndef OLLY_TEST_WORK_H
#define OLLY_TEST_WORK_H

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct pair {
    int listener;
    int client;
    int server;
};

struct pair tcp_pair(void);
void result(const char *name, long value); /* prints the value and, when negative, errno */
void work_io(void);
void work_ends(void);
void work_faults(void);
void work_large_first(void);
void work_large_last(void);
void work_flood(void);
void work_syslog(void);
void work_lookups(void);
void work_datagrams(void);
void work_datagrams_nowhere(void);
void work_other_datagrams(void);
void work_forked_lock(void);
void work_exec(void);
void work_exec_null(void);
void work_exec_large(void);
void work_passed(void);
void work_confined_prctl(void);
void work_confined_syscall(void);
void work_confine(void);
void work_steps_on(struct pair pair);
int work_hazard(const char *mode, char **arguments);
int work_process(const char *mode, char **arguments);

#endif
