/*
 * agent LIBRARY [-q] [-b] CMD ARG...: runs CMD hooked and prints on stderr what the library said.
 * -q prints the counters only, -b runs it dormant. Exit code: CMD's.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"

int main(int argc, char **argv) {
    if (argc < 3) {
        fprintf(stderr, "usage: agent LIBRARY [-q] [-b] CMD ARG...\n");
        return 2;
    }
    struct agent *agent = agent_new(argv[1]);
    int at = 2;
    bool quiet = false;
    for (; argv[at] != NULL && argv[at][0] == '-'; at++) {
        quiet = quiet || strcmp(argv[at], "-q") == 0;
        if (strcmp(argv[at], "-b") == 0) {
            agent_activate(agent, false);
        }
    }
    agent->keep = !quiet;
    int code = agent_run(agent, argv + at, NULL, true);
    agent_poll(agent);
    if (!quiet) {
        char *text = agent_text(agent);
        fputs(text, stderr);
        free(text);
    }
    fprintf(stderr, "messages %llu processes %zu\n", (unsigned long long)agent->seen,
            agent->hellos);
    for (int i = 0; i < (int)OLLY_RING_COUNTERS; i++) {
        uint64_t count = agent_counter(agent, (enum olly_counter)i);
        if (count != 0) {
            fprintf(stderr, "counter %d %llu\n", i, (unsigned long long)count);
        }
    }
    agent_free(agent);
    return code;
}
