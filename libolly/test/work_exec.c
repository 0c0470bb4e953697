/*
 * Workload: every way to start another program, each with several environments. The other program
 * prints its environment.
 * Invariant: see work.h.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>

#include "work.h"

extern char **environ;

static char program[] = "/usr/bin/env";
static char *const arguments[] = {"env", NULL};

static void exec_own(const char *how) {
    if (strcmp(how, "execv") == 0) {
        execv(program, arguments);
    } else if (strcmp(how, "execvp") == 0) {
        execvp("env", arguments);
    } else if (strcmp(how, "execl") == 0) {
        execl(program, "env", (char *)NULL);
    } else if (strcmp(how, "execlp") == 0) {
        execlp("env", "env", "B=by-argument", (char *)NULL);
    }
}

static void exec_with(const char *how, char *const with[]) {
    if (strcmp(how, "execve") == 0) {
        execve(program, arguments, with);
    } else if (strcmp(how, "execvpe") == 0) {
        execvpe("env", arguments, with);
    } else if (strcmp(how, "execle") == 0) {
        execle(program, "env", "B=by-argument", (char *)NULL, with);
    } else if (strcmp(how, "fexecve") == 0) {
        fexecve(open(program, O_RDONLY | O_CLOEXEC), arguments, with);
    } else if (strcmp(how, "execveat") == 0) {
        execveat(AT_FDCWD, program, arguments, with, 0);
    }
}

/* The functions that take no environment use the variable, which a vfork child must put back. */
static void in_child(const char *how, char **with) {
    char **before = environ;
    environ = with;
    exec_own(how);
    environ = before;
    exec_with(how, with);
    _exit(99);
}

static int start_one(const char *how, bool shares, char **with) {
    pid_t child = 0;
    if (strcmp(how, "posix_spawn") == 0) {
        result(how, posix_spawn(&child, program, NULL, NULL, arguments, with));
    } else if (strcmp(how, "posix_spawnp") == 0) {
        result(how, posix_spawnp(&child, "env", NULL, NULL, arguments, with));
    } else if (shares) {
        char **before = environ;
        child = vfork();
        if (child == 0) {
            in_child(how, with);
        }
        environ = before;
    } else {
        child = fork();
        if (child == 0) {
            in_child(how, with);
        }
    }
    int status = 0;
    waitpid(child, &status, 0);
    return status;
}

static const char *const ways[] = {"execve",  "execvpe",  "execle",      "fexecve",
                                   "execveat", "posix_spawn", "posix_spawnp", "execv",
                                   "execvp",  "execl",    "execlp"};

static void each_way(const char *environment, char **with) {
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        for (int shares = 0; shares < 2; shares++) {
            printf("== %s %s\n", environment, ways[i]);
            fflush(stdout);
            result("status", start_one(ways[i], shares != 0, with));
        }
    }
}

static char *replaced(const char *name) {
    const char *value = getenv(name);
    char *entry = malloc(strlen(name) + strlen(value == NULL ? "" : value) + 2);
    sprintf(entry, "%s=%s", name, value == NULL ? "" : value);
    return entry;
}

/* What an environment can be: without our variables, with those of others, with ours. */
void work_exec(void) {
    char *nothing[] = {NULL};
    char *foreign[] = {"A=1", "LD_PRELOAD=libc.so.6 libm.so.6", "OLLY_SOCKET=/other", NULL};
    char *complete[] = {"A=1", replaced("LD_PRELOAD"), replaced("OLLY_SOCKET"),
                        replaced("OLLY_CONTROL"), NULL};
    char *disabled[] = {"OLLY_DISABLED=1", NULL};
    each_way("empty", nothing);
    each_way("foreign", foreign);
    each_way("complete", complete);
    each_way("disabled", disabled);
}

void work_exec_null(void) {
    fflush(stdout);
    result("status", start_one("execve", false, NULL));
    result("status", start_one("posix_spawn", false, NULL));
}

/* More than is changed on a stack: passed on as it is. */
void work_exec_large(void) {
    static char *many[1201];
    for (int i = 0; i < 1200; i++) {
        many[i] = "A=1";
    }
    fflush(stdout);
    result("status", start_one("execve", true, many));
    char *absent[] = {"absent", NULL};
    result("absent", execve("/nonexistent", absent, absent));
    pid_t child;
    result("absent", posix_spawn(&child, "/nonexistent", NULL, NULL, absent, absent));
}
