/*
 * Does one thing that matters to what olly sees of it, says "ready", and waits for the end of its
 * input. What the kernel refuses is said instead: "refused ERRNO".
 *
 *   waits [map FILE | io_uring | filter | strict]
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* musl-gcc brings none of the kernel's headers. */
#define IO_URING_SETUP 425
#define IO_URING_PARAMS_BYTES 120
#define SECCOMP_STRICT 1
#define SECCOMP_FILTER 2

struct instruction {
    uint16_t code;
    uint8_t jump_true, jump_false;
    uint32_t value;
};

struct program {
    uint16_t length;
    struct instruction *instructions;
};

static struct instruction return_allow = {0x06, 0, 0, 0x7fff0000};

static int map(const char *path) {
    int fd = open(path, O_RDONLY);
    void *at = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    return at == MAP_FAILED ? -1 : 0;
}

static int open_io_uring(void) {
    char parameters[IO_URING_PARAMS_BYTES] = {0};
    return syscall(IO_URING_SETUP, 4, parameters) < 0 ? -1 : 0;
}

static int filter(void) {
    struct program allow_all = {1, &return_allow};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        return -1;
    }
    return prctl(PR_SET_SECCOMP, SECCOMP_FILTER, &allow_all);
}

static int act(int argc, char **argv) {
    const char *what = argc > 1 ? argv[1] : "";
    if (strcmp(what, "map") == 0) {
        return map(argv[2]);
    }
    if (strcmp(what, "io_uring") == 0) {
        return open_io_uring();
    }
    if (strcmp(what, "filter") == 0) {
        return filter();
    }
    return strcmp(what, "strict") == 0 ? prctl(PR_SET_SECCOMP, SECCOMP_STRICT) : 0;
}

int main(int argc, char **argv) {
    char line[64] = "ready\n";
    if (act(argc, argv) != 0) {
        snprintf(line, sizeof line, "refused %d\n", errno);
    }
    if (write(1, line, strlen(line)) < 0) {
        return 1;
    }
    char byte;
    while (read(0, &byte, 1) > 0) {
    }
    /* The only exit that the strict mode allows. */
    syscall(SYS_exit, 0);
}
