/*
 * bench LIBRARY: what a hooked call costs more than a bare one. Prints "name value unit" lines.
 * Invariant: bare and hooked runs alternate, and the medians are compared: the machine is shared.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "harness.h"

#define ROUNDS 7
#define DORMANT_CALLS 2000000
#define ACTIVE_CALLS 60000
#define MESSAGE_BYTES 256

static double seconds(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* A call that fails at once in the kernel, so that the hook's share is seen. */
static double failing_read(void) {
    char to[8];
    double start = seconds(CLOCK_THREAD_CPUTIME_ID);
    for (int i = 0; i < DORMANT_CALLS; i++) {
        if (read(-1, to, sizeof to) != -1) {
            abort();
        }
    }
    return (seconds(CLOCK_THREAD_CPUTIME_ID) - start) / DORMANT_CALLS * 1e9;
}

static double null_write(void) {
    int fd = open("/dev/null", O_WRONLY);
    double start = seconds(CLOCK_THREAD_CPUTIME_ID);
    for (int i = 0; i < DORMANT_CALLS; i++) {
        if (write(fd, "x", 1) != 1) {
            abort();
        }
    }
    return (seconds(CLOCK_THREAD_CPUTIME_ID) - start) / DORMANT_CALLS * 1e9;
}

static double exchange(void) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t bytes = sizeof at;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    bind(listener, (struct sockaddr *)&at, bytes);
    listen(listener, 1);
    getsockname(listener, (struct sockaddr *)&at, &bytes);
    int client = socket(AF_INET, SOCK_STREAM, 0);
    connect(client, (struct sockaddr *)&at, sizeof at);
    int server = accept(listener, NULL, NULL);
    char message[MESSAGE_BYTES] = "GET / HTTP/1.1\r\n";
    double start = seconds(CLOCK_THREAD_CPUTIME_ID);
    for (int i = 0; i < ACTIVE_CALLS; i++) {
        if (send(client, message, sizeof message, 0) != MESSAGE_BYTES ||
            recv(server, message, sizeof message, MSG_WAITALL) != MESSAGE_BYTES) {
            abort();
        }
    }
    return (seconds(CLOCK_THREAD_CPUTIME_ID) - start) / ACTIVE_CALLS / 2 * 1e9;
}

static int child(const char *name) {
    double value = strcmp(name, "read") == 0    ? failing_read()
                   : strcmp(name, "write") == 0 ? null_write()
                                                : exchange();
    printf("%.3f\n", value);
    return 0;
}

static double measure(struct agent *agent, const char *self, const char *name, bool hooked) {
    char path[128];
    snprintf(path, sizeof path, "%s.bench", agent->dir);
    char *argv[] = {(char *)self, "child", (char *)name, NULL};
    CHECK(agent_run(agent, argv, path, hooked) == 0);
    agent_clear(agent);
    char *text = file_text(path);
    double value = atof(text);
    free(text);
    unlink(path);
    return value;
}

static int ascending(const void *a, const void *b) {
    double left = *(const double *)a;
    double right = *(const double *)b;
    return left < right ? -1 : left > right;
}

static void compare(struct agent *agent, const char *self, const char *name, const char *label) {
    double bare[ROUNDS];
    double hooked[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        bare[i] = measure(agent, self, name, false);
        hooked[i] = measure(agent, self, name, true);
    }
    qsort(bare, ROUNDS, sizeof *bare, ascending);
    qsort(hooked, ROUNDS, sizeof *hooked, ascending);
    printf("%s_bare %.1f ns\n", label, bare[ROUNDS / 2]);
    printf("%s_extra %.1f ns\n", label, hooked[ROUNDS / 2] - bare[ROUNDS / 2]);
    printf("%s_extra_of_fastest %.1f ns\n", label, hooked[0] - bare[0]);
    fflush(stdout);
}

int main(int argc, char **argv) {
    if (argc == 3 && strcmp(argv[1], "child") == 0) {
        return child(argv[2]);
    }
    struct agent *agent = agent_new(argv[1]);
    agent->keep = false;
    agent_activate(agent, false);
    compare(agent, argv[0], "read", "dormant_read");
    compare(agent, argv[0], "write", "dormant_write");
    agent_activate(agent, true);
    compare(agent, argv[0], "write", "active_ignored_write");
    compare(agent, argv[0], "exchange", "active_256_bytes");
    agent_free(agent);
    return 0;
}
