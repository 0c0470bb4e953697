/*
 * Other processes: fork among threads, vfork, posix_spawn, and this program started again.
 * Invariant: a child that was forked among threads does only what is safe there.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "torture.h"

extern char **environ;

#define BYTES 5000

/* The child answers over a connection from before the fork, and over one of its own. */
static _Noreturn void forked_child(struct worker *worker, const int pair[2], uint64_t stream) {
    uint8_t bytes[BYTES];
    int own[2];
    GIVES(worker, 0, close(pair[0]));
    GIVES(worker, BYTES, recv(pair[1], bytes, BYTES, MSG_WAITALL));
    CHECK(worker, holds(bytes, stream, 0, BYTES));
    tcp_pair(worker, own);
    GIVES(worker, BYTES, send(own[0], bytes, BYTES, 0));
    GIVES(worker, BYTES, recv(own[1], bytes, BYTES, MSG_WAITALL));
    CHECK(worker, holds(bytes, stream, 0, BYTES));
    pid_t grandchild = fork();
    if (grandchild == 0) {
        GIVES(worker, BYTES, send(pair[1], bytes, BYTES, 0));
        _exit(5);
    }
    expect_exit(worker, grandchild, 5);
    _exit(4);
}

void cell_fork(struct worker *worker) {
    int pair[2];
    uint8_t bytes[BYTES];
    uint64_t stream = new_stream(worker);
    fill(bytes, stream, 0, BYTES);
    any_stream_pair(worker, pair);
    GIVES(worker, BYTES, send(pair[0], bytes, BYTES, 0));
    pid_t child = fork();
    CHECK(worker, child >= 0);
    if (child == 0) {
        struct worker own = *worker;
        forked_child(&own, pair, stream);
    }
    GIVES(worker, 0, close(pair[1]));
    GIVES(worker, BYTES, recv(pair[0], bytes, BYTES, MSG_WAITALL));
    CHECK(worker, holds(bytes, stream, 0, BYTES));
    expect_exit(worker, child, 4);
    GIVES(worker, 0, recv(pair[0], bytes, 1, 0));
    GIVES(worker, 0, close(pair[0]));
}

/* As dash and the JDK do: the child plays with its descriptors in the parent's memory. */
static pid_t by_vfork(int fd, char *const argv[]) {
    pid_t child = vfork();
    if (child == 0) {
        if (dup2(fd, 3) != 3 || close_range(4, 900, 0) != 0) {
            _exit(72);
        }
        execve(torture_path, argv, environ);
        _exit(73);
    }
    return child;
}

static pid_t by_fork(int fd, char *const argv[]) {
    pid_t child = fork();
    if (child == 0) {
        if (fd != 3 && dup2(fd, 3) != 3) {
            _exit(72);
        }
        if (fcntl(3, F_SETFD, 0) != 0) {
            _exit(74);
        }
        closefrom(4);
        execv(torture_path, argv);
        _exit(73);
    }
    return child;
}

static pid_t by_spawn(int fd, char *const argv[]) {
    posix_spawn_file_actions_t actions;
    pid_t child = -1;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, fd, 3);
    if (posix_spawn(&child, torture_path, &actions, NULL, argv, environ) != 0) {
        child = -1;
    }
    posix_spawn_file_actions_destroy(&actions);
    return child;
}

/* Sent by the program started anew on 3, which is a stream socket: lines of stdio, then an end. */
static void hear(struct worker *worker, int fd, unsigned number) {
    char expected[64], seen[64];
    for (int line = 0; line < 3; line++) {
        int bytes = snprintf(expected, sizeof expected, "child %u line %d\n", number, line);
        GIVES(worker, bytes, recv(fd, seen, (size_t)bytes, MSG_WAITALL));
        CHECK(worker, memcmp(expected, seen, (size_t)bytes) == 0);
    }
    GIVES(worker, 0, recv(fd, seen, 1, 0));
}

void cell_programs(struct worker *worker) {
    int pair[2];
    char number[16], again[16];
    unsigned value = below(worker, 1000000);
    uint32_t way = below(worker, 3);
    snprintf(number, sizeof number, "%u", value);
    snprintf(again, sizeof again, "%u", below(worker, 2));
    char *const argv[] = {(char *)"torture", (char *)"child", (char *)"lines", number, again, NULL};
    any_stream_pair(worker, pair);
    /* Above what the children take for themselves: dup2 to its own number keeps close-on-exec. */
    int high;
    OPENS(worker, high, fcntl(pair[1], F_DUPFD_CLOEXEC, 100));
    GIVES(worker, 0, close(pair[1]));
    pid_t child = way == 0   ? by_vfork(high, argv)
                  : way == 1 ? by_fork(high, argv)
                             : by_spawn(high, argv);
    CHECK(worker, child > 0);
    GIVES(worker, 0, close(high));
    hear(worker, pair[0], value);
    expect_exit(worker, child, (int)(value % 50));
    GIVES(worker, 0, close(pair[0]));
}

/* 3 becomes standard output; with `again` this program first becomes itself once more. */
static int say_lines(const char *number, bool again) {
    if (again) {
        char *const argv[] = {(char *)"torture", (char *)"child", (char *)"lines", (char *)number,
                              (char *)"0", NULL};
        execv("/proc/self/exe", argv);
        return 73;
    }
    if (fflush(stdout) != 0 || dup2(3, 1) != 1 || close(3) != 0) {
        return 75;
    }
    printf("child %s line 0\n", number);
    fflush(stdout);
    if (dprintf(1, "child %s line 1\n", number) < 0) {
        return 76;
    }
    printf("child %s line 2\n", number);
    return atoi(number) % 50; /* the last line goes out at exit */
}

int child_program(int count, char **arguments) {
    if (count == 3 && strcmp(arguments[0], "lines") == 0) {
        return say_lines(arguments[1], arguments[2][0] == '1');
    }
    return 2;
}
