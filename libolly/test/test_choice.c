/*
 * Which programs are hooked: children by their environment, and whom the library believes.
 * Invariant: with the default, a child's environment is byte for byte what the program passed.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "suite.h"

/* Every way to start a program, by fork and by vfork. */
#define STARTS (11 * 2)

static char *children(struct agent *agent, const char *mode, enum olly_children how) {
    char *argv[] = {(char *)work_path, (char *)mode, NULL};
    char path[128];
    snprintf(path, sizeof path, "%s.out", agent->dir);
    agent->control->children = how;
    CHECK(agent_run(agent, argv, path, true) == 0);
    char *text = file_text(path);
    unlink(path);
    return text;
}

static size_t lines(const char *text, const char *line) {
    size_t found = 0;
    size_t bytes = strlen(line);
    for (const char *at = text; (at = strstr(at, line)) != NULL; at += bytes) {
        found += (at == text || at[-1] == '\n') && at[bytes] == '\n';
    }
    return found;
}

static void expect_lines(const char *text, const char *line, size_t times) {
    size_t found = lines(text, line);
    if (found != times) {
        fprintf(stderr, "%zu times instead of %zu: %s\n", found, times, line);
        if (getenv("VERBOSE") != NULL) {
            fputs(text, stderr);
        }
        exit(1);
    }
}

/* Formats into one of several buffers. */
static const char *line(const char *format, const char *a, const char *b) {
    static char buffers[4][1024];
    static int turn;
    turn = (turn + 1) % 4;
    snprintf(buffers[turn], sizeof buffers[turn], format, a, b);
    return buffers[turn];
}

static void inherit(void) {
    struct agent *agent = run_both("exec-null", NULL);
    agent_free(agent);
    agent = agent_new(library_path);
    char *text = children(agent, "exec", OLLY_CHILDREN_INHERIT);
    expect_lines(text, "LD_PRELOAD=libc.so.6 libm.so.6", STARTS);
    expect_lines(text, line("LD_PRELOAD=%s", agent->library, ""), STARTS);
    expect_lines(text, line("OLLY_SOCKET=%s/hook.sock", agent->dir, ""), STARTS);
    expect_lines(text, line("OLLY_CONTROL=%s/control", agent->dir, ""), STARTS);
    expect_lines(text, "A=1", 2 * STARTS);
    expect_lines(text, "B=by-argument", 4 * 4);
    expect_lines(text, "status 0 0", 4 * STARTS);
    free(text);
    agent_free(agent);
}

static void check_always(struct agent *agent) {
    char *text = children(agent, "exec", OLLY_CHILDREN_ALWAYS);
    /* empty: added; complete: there once; foreign: after the others; disabled: left alone */
    expect_lines(text, line("LD_PRELOAD=%s", agent->library, ""), 2 * STARTS);
    expect_lines(text, line("LD_PRELOAD=libc.so.6 libm.so.6:%s", agent->library, ""), STARTS);
    expect_lines(text, line("OLLY_SOCKET=%s/hook.sock", agent->dir, ""), 2 * STARTS);
    expect_lines(text, "OLLY_SOCKET=/other", STARTS);
    expect_lines(text, line("OLLY_CONTROL=%s/control", agent->dir, ""), 3 * STARTS);
    expect_lines(text, "OLLY_DISABLED=1", STARTS);
    expect_lines(text, "A=1", 2 * STARTS);
    expect_lines(text, "status 0 0", 4 * STARTS);
    CHECK(agent_counter(agent, OLLY_COUNT_CHILD_ENVIRONMENT) == 0);
    free(text);
    text = children(agent, "exec-null", OLLY_CHILDREN_ALWAYS);
    expect_lines(text, line("LD_PRELOAD=%s", agent->library, ""), 2);
    free(text);
}

static void always(void) {
    struct agent *agent = agent_new(library_path);
    check_always(agent);
    agent_free(agent);
}

/* The loader puts the platform's name there, of which old ones have several; a child of the other
 * word size needs the word itself. */
static void by_platform(void) {
    static const char *const platforms[] = {"x86_64", "haswell", "xeon_phi", "aarch64"};
    struct agent *agent = agent_new(library_path);
    char command[1400];
    snprintf(command, sizeof command, "cd %s && for p in", agent->dir);
    for (size_t i = 0; i < sizeof platforms / sizeof *platforms; i++) {
        strcat(strcat(command, " "), platforms[i]);
    }
    strcat(strcat(strcat(command, "; do mkdir $p && ln -s "), agent->library), " $p; done");
    CHECK(system(command) == 0);
    snprintf(agent->library, sizeof agent->library, "%s/$PLATFORM/libolly.so", agent->dir);
    check_always(agent);
    agent_clear(agent);
    char *text = children(agent, "exec", OLLY_CHILDREN_NEVER);
    expect_lines(text, "LD_PRELOAD=libc.so.6 libm.so.6", STARTS);
    CHECK(strstr(text, "PLATFORM/") == NULL && agent->hellos == 1);
    free(text);
    snprintf(command, sizeof command, "rm -r %s/*_* %s/haswell %s/aarch64", agent->dir, agent->dir,
             agent->dir);
    CHECK(system(command) == 0);
    agent_free(agent);
}

static void never(void) {
    struct agent *agent = agent_new(library_path);
    char *text = children(agent, "exec", OLLY_CHILDREN_NEVER);
    expect_lines(text, "LD_PRELOAD=libc.so.6 libm.so.6", STARTS);
    expect_lines(text, "A=1", 2 * STARTS);
    CHECK(strstr(text, agent->library) == NULL && strstr(text, "OLLY_SOCKET") == NULL &&
          strstr(text, "OLLY_CONTROL") == NULL);
    expect_lines(text, "status 0 0", 4 * STARTS);
    CHECK(agent->hellos == 1);
    free(text);
    agent_free(agent);
}

static void too_large(void) {
    struct agent *agent = agent_new(library_path);
    char *text = children(agent, "exec-large", OLLY_CHILDREN_ALWAYS);
    expect_lines(text, "A=1", 1200);
    CHECK(strstr(text, agent->library) == NULL);
    expect_lines(text, "absent -1 2", 1);
    expect_lines(text, "absent 2 0", 1);
    CHECK(agent_counter(agent, OLLY_COUNT_CHILD_ENVIRONMENT) == 1);
    free(text);
    agent_free(agent);
}

static void expect_inert(struct agent *agent) {
    char *argv[] = {(char *)work_path, "ends", NULL};
    CHECK(agent_run(agent, argv, "/dev/null", true) == 0);
    CHECK(agent->seen == 0);
}

/* Orders come from root or from the program's own user, and nobody else may write them. */
static void whom_to_believe(void) {
    struct agent *agent = agent_new(library_path);
    char control[128];
    char socket[128];
    snprintf(control, sizeof control, "%s/control", agent->dir);
    snprintf(socket, sizeof socket, "%s/hook.sock", agent->dir);
    CHECK(chmod(control, 0666) == 0);
    expect_inert(agent);
    CHECK(chmod(control, 0644) == 0 && chmod(agent->dir, 0777) == 0);
    expect_inert(agent);
    CHECK(chmod(agent->dir, 0755) == 0);
    if (geteuid() == 0) {
        CHECK(chown(control, 65534, 65534) == 0);
        expect_inert(agent);
        CHECK(chown(control, 0, 0) == 0 && chown(socket, 65534, 65534) == 0);
        expect_inert(agent);
        CHECK(chown(socket, 0, 0) == 0);
    }
    char *argv[] = {(char *)work_path, "ends", NULL};
    CHECK(agent_run(agent, argv, "/dev/null", true) == 0);
    CHECK(agent->seen > 0);
    agent_free(agent);
}

/* Loaded twice, under two names: the one that stands first does the work. */
static void loaded_twice(void) {
    struct agent *agent = agent_new(library_path);
    char copy[128];
    char command[1024];
    snprintf(copy, sizeof copy, "%s-copy.so", agent->dir);
    snprintf(command, sizeof command, "cp '%s' %s", agent->library, copy);
    CHECK(system(command) == 0);
    char both[sizeof agent->library];
    snprintf(both, sizeof both, "%.300s:%s", agent->library, copy);
    memcpy(agent->library, both, sizeof both);
    char *argv[] = {(char *)work_path, "ends", NULL};
    CHECK(agent_run(agent, argv, "/dev/null", true) == 0);
    CHECK(agent->hellos == 1);
    size_t twice = agent->count;
    agent_free(agent);
    agent = run_hooked("ends", NULL);
    CHECK(agent->count == twice);
    unlink(copy);
    agent_free(agent);
}

const struct test choice_tests[] = {
    {"children inherit what the program passes", inherit},
    {"children always: added where missing, never twice", always},
    {"children of a library found by $PLATFORM: the same word", by_platform},
    {"children never: taken out, others kept", never},
    {"children: a large environment is passed on, counted", too_large},
    {"control page, socket and directory of others: inert", whom_to_believe},
    {"loaded twice: one copy works", loaded_twice},
    {NULL, NULL},
};
