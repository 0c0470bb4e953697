/*
 * suite LIBRARY WORK [WITHOUT...]: runs every test and prints "ok NAME" or "not ok NAME"; not those
 * whose name begins with one of WITHOUT.
 * Invariant: nothing a test leaves behind reaches the next one.
 */
#define _GNU_SOURCE
#include "suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "steps.h"

const char *library_path;
const char *work_path;
static char *const *without;

struct agent *run_hooked(const char *mode, const char *argument) {
    struct agent *agent = agent_new(library_path);
    char *argv[] = {(char *)work_path, (char *)mode, (char *)argument, NULL};
    char path[128];
    snprintf(path, sizeof path, "%s.hooked", agent->dir);
    int code = agent_run(agent, argv, path, true);
    unlink(path);
    CHECK(code == 0);
    return agent;
}

struct agent *run_both(const char *mode, const char *argument) {
    struct agent *agent = agent_new(library_path);
    run_both_with(agent, (char *[]){(char *)mode, (char *)argument, NULL});
    return agent;
}

void run_both_with(struct agent *agent, char *const arguments[]) {
    char *argv[ARGUMENTS_MAX] = {(char *)work_path};
    for (size_t i = 0; i < ARGUMENTS_MAX - 2 && arguments[i] != NULL; i++) {
        argv[i + 1] = arguments[i];
    }
    char bare[128];
    char hooked[128];
    snprintf(bare, sizeof bare, "%s.bare", agent->dir);
    snprintf(hooked, sizeof hooked, "%s.hooked", agent->dir);
    int bare_code = agent_run(agent, argv, bare, false);
    int hooked_code = agent_run(agent, argv, hooked, true);
    char *bare_text = file_text(bare);
    char *hooked_text = file_text(hooked);
    unlink(bare);
    unlink(hooked);
    CHECK(bare_code == 0);
    CHECK(hooked_code == bare_code);
    CHECK(strcmp(bare_text, hooked_text) == 0);
    free(bare_text);
    free(hooked_text);
}

void check_sequences(const struct agent *agent) {
    static uint16_t next[1024];
    static uint32_t owner[1024];
    memset(next, 0, sizeof next);
    for (size_t i = 0; i < agent->count; i++) {
        const struct olly_header *header = &agent->messages[i].header;
        if ((header->flags & OLLY_FLAG_SEQUENCED) == 0) {
            continue;
        }
        CHECK(header->fd >= 0 && header->fd < 1024);
        bool opens = header->msg_type == OLLY_MSG_CONNECT || header->msg_type == OLLY_MSG_ACCEPT;
        if (opens) {
            next[header->fd] = 0;
            owner[header->fd] = header->pid;
        }
        if (owner[header->fd] == header->pid) {
            CHECK(header->seq == next[header->fd]);
            next[header->fd]++;
        }
    }
}

void expect(const struct agent *agent, int type, const char *payload, size_t times) {
    size_t found = agent_matching(agent, type, payload);
    if (found != times) {
        fprintf(stderr, "%s %s: %zu times instead of %zu\n", type_name(type), payload, found,
                times);
        if (getenv("VERBOSE") != NULL) {
            fputs(agent_text(agent), stderr);
        }
        exit(1);
    }
}

uint64_t stream_bytes(const struct agent *agent, int type) {
    uint64_t bytes = 0;
    for (size_t i = 0; i < agent->count; i++) {
        const struct olly_header *header = &agent->messages[i].header;
        if (header->msg_type == type) {
            bytes += header->wire_len != 0 ? header->wire_len : header->payload_len;
        }
    }
    return bytes;
}

static bool is_left_out(const char *name) {
    for (char *const *prefix = without; *prefix != NULL; prefix++) {
        if (strncmp(name, *prefix, strlen(*prefix)) == 0) {
            return true;
        }
    }
    return false;
}

struct stepper stepper_start(struct agent *agent, const char *mode) {
    int in[2];
    int out[2];
    CHECK(pipe(in) == 0 && pipe(out) == 0);
    char output[64];
    snprintf(output, sizeof output, "/dev/fd/%d", out[1]);
    int saved = dup(0);
    dup2(in[0], 0);
    char *argv[] = {(char *)work_path, (char *)mode, NULL};
    struct stepper stepper = {.agent = agent, .in = in[1], .out = out[0]};
    stepper.pid = agent_start(agent, argv, output, true);
    dup2(saved, 0);
    close(saved);
    close(in[0]);
    close(out[1]);
    return stepper;
}

void step(struct stepper *stepper, char name) {
    char back = 0;
    char told = STEP_IS_TOLD;
    CHECK(write(stepper->in, &name, 1) == 1);
    CHECK(read(stepper->out, &back, 1) == 1 && back == name);
    CHECK(write(stepper->in, &told, 1) == 1);
    CHECK(read(stepper->out, &back, 1) == 1 && back == told);
    agent_poll(stepper->agent);
}

/* The write end of stdin was inherited too: the program is told to end by a signal. */
void stepper_end(struct stepper *stepper) {
    char command[64];
    snprintf(command, sizeof command, "kill -TERM %d", (int)stepper->pid);
    CHECK(system(command) == 0);
    CHECK(agent_wait(stepper->agent, stepper->pid) == 128 + 15);
    close(stepper->in);
    close(stepper->out);
}

/* Only to end what hangs: many times what a test needs on a busy machine under a sanitizer. */
#define TEST_SECONDS_MAX 240

static int run_all(const struct test *tests, int *failed) {
    int passed = 0;
    for (; tests->name != NULL; tests++) {
        if (is_left_out(tests->name)) {
            continue;
        }
        fflush(stdout);
        pid_t child = fork();
        if (child == 0) {
            alarm(TEST_SECONDS_MAX);
            tests->run();
            exit(0);
        }
        int status = 0;
        waitpid(child, &status, 0);
        bool ok = WIFEXITED(status) && WEXITSTATUS(status) == 0;
        printf("%s %s\n", ok ? "ok" : "not ok", tests->name);
        passed += ok;
        *failed += !ok;
    }
    return passed;
}

int main(int argc, char **argv) {
    if (argc < 3) {
        fprintf(stderr, "usage: suite LIBRARY WORK [WITHOUT...]\n");
        return 2;
    }
    library_path = argv[1];
    work_path = argv[2];
    without = argv + 3;
    close_range(3, ~0u, 0); /* the tests of limits count from here */
    int failed = 0;
    run_all(data_tests, &failed);
    run_all(capture_tests, &failed);
    run_all(process_tests, &failed);
    run_all(agent_tests, &failed);
    run_all(names_tests, &failed);
    run_all(datagram_tests, &failed);
    run_all(choice_tests, &failed);
    run_all(hazard_tests, &failed);
    run_all(filter_tests, &failed);
    return failed != 0;
}
