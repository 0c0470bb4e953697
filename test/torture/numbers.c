/*
 * Descriptor numbers: a child with one thread opens and closes at random, and a model says which
 * number each call has to give. Whatever a library kept open, or closed, would show.
 * Invariant: the model is the rule of POSIX: the lowest number that is free.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "torture.h"

#define NUMBERS 64

static bool is_open[NUMBERS];

static int lowest(int from) {
    for (int fd = from; fd < NUMBERS; fd++) {
        if (!is_open[fd]) {
            return fd;
        }
    }
    return -1;
}

static void opened(struct worker *worker, int expected, int got) {
    if (got != expected) {
        torture_failed(worker, __FILE__, __LINE__, "a descriptor's number", got);
    }
    is_open[expected] = true;
    note(worker, (uint64_t)got);
}

static void open_pair(struct worker *worker, bool is_pipe) {
    int pair[2];
    int first = lowest(0);
    if (is_pipe) {
        GIVES(worker, 0, pipe(pair));
    } else {
        GIVES(worker, 0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
    }
    opened(worker, first, pair[0]);
    opened(worker, lowest(0), pair[1]);
}

static void copy(struct worker *worker, int fd) {
    int to = (int)below(worker, NUMBERS);
    switch (below(worker, 4)) {
    case 0:
        opened(worker, lowest(0), dup(fd));
        return;
    case 1:
        opened(worker, to, dup2(fd, to));
        return;
    case 2:
        if (to != fd) {
            opened(worker, to, dup3(fd, to, O_CLOEXEC));
        }
        return;
    default:
        if (lowest(to) >= 0) {
            opened(worker, lowest(to), fcntl(fd, F_DUPFD_CLOEXEC, to));
        }
    }
}

static void close_some(struct worker *worker, int fd) {
    if (below(worker, 12) != 0) {
        GIVES(worker, 0, close(fd));
        FAILS(worker, EBADF, close(fd));
        is_open[fd] = false;
        return;
    }
    int last = fd + (int)below(worker, 8);
    if (below(worker, 3) == 0) {
        closefrom(fd);
        last = NUMBERS;
    } else {
        GIVES(worker, 0, close_range((unsigned)fd, (unsigned)last, 0));
    }
    for (int i = fd; i < NUMBERS && i <= last; i++) {
        is_open[i] = false;
    }
}

static void use(struct worker *worker, int fd) {
    char byte;
    if (is_open[fd]) {
        CHECK(worker, fcntl(fd, F_GETFD) >= 0);
    } else {
        FAILS(worker, EBADF, read(fd, &byte, 1));
        FAILS(worker, EBADF, write(fd, "x", 1));
        FAILS(worker, EBADF, fcntl(fd, F_GETFD));
    }
}

static void turn(struct worker *worker) {
    int fd = (int)below(worker, NUMBERS);
    int open_count = 0;
    for (int i = 0; i < NUMBERS; i++) {
        open_count += is_open[i];
    }
    use(worker, fd);
    if (open_count > NUMBERS - 8) {
        GIVES(worker, 0, close_range(10, 1000, 0));
        memset(is_open + 10, 0, sizeof is_open - 10);
    } else if (is_open[fd]) {
        if (below(worker, 2) == 0) {
            close_some(worker, fd);
        } else {
            copy(worker, fd);
        }
    } else if (below(worker, 3) == 0) {
        opened(worker, lowest(0), open("/dev/null", O_RDWR));
    } else if (below(worker, 3) == 0) {
        opened(worker, lowest(0), socket(AF_INET, SOCK_STREAM, 0));
    } else {
        open_pair(worker, below(worker, 2) == 0);
    }
}

/* All numbers are fair game, 0 to 2, too; what goes wrong is still said, on a number above. */
static _Noreturn void numbers_child(struct worker *worker) {
    if (dup2(2, 1000) != 1000) {
        _exit(71);
    }
    closefrom(1001);
    GIVES(worker, 0, close_range(0, 999, 0));
    memset(is_open, 0, sizeof is_open);
    for (int i = 0; i < 300; i++) {
        turn(worker);
    }
    _exit((int)(worker->digest % 61));
}

void cell_numbers(struct worker *worker) {
    pid_t child = fork();
    CHECK(worker, child >= 0);
    struct worker own = *worker;
    if (child == 0) {
        numbers_child(&own);
    }
    int status;
    CHECK(worker, waitpid(child, &status, 0) == child);
    if (!WIFEXITED(status) || WEXITSTATUS(status) > 60) {
        torture_failed(worker, __FILE__, __LINE__, "status of the child", status);
    }
    note(worker, (uint64_t)status);
    random_word(worker);
}

static void limit(struct worker *worker, int which, rlim_t to) {
    struct rlimit both = {.rlim_cur = to, .rlim_max = to};
    GIVES(worker, 0, setrlimit(which, &both));
}

/* With so many numbers allowed, exactly so many can be opened; a socket in use goes on. */
static void few_descriptors(struct worker *worker) {
    int pair[2], none[2];
    GIVES(worker, 0, close_range(3, ~0u, 0));
    tcp_pair(worker, pair);
    int most = 10 + (int)below(worker, 30);
    limit(worker, RLIMIT_NOFILE, (rlim_t)most);
    GIVES(worker, 3, dup(pair[1])); /* the listener's, which is closed */
    for (int fd = 6; fd < most; fd++) {
        GIVES(worker, fd, fd % 2 == 0 ? dup(pair[0]) : socket(AF_INET, SOCK_STREAM, 0));
    }
    char byte;
    for (int turns = 0; turns < 3; turns++) {
        FAILS(worker, EMFILE, dup(pair[0]));
        FAILS(worker, EMFILE, socket(AF_INET, SOCK_STREAM, 0));
        FAILS(worker, EMFILE, open("/dev/null", O_RDONLY));
        FAILS(worker, EMFILE, pipe(none));
        FAILS(worker, EMFILE, socketpair(AF_UNIX, SOCK_STREAM, 0, none));
        CHECK(worker, fopen("/dev/null", "r") == NULL && errno == EMFILE);
        GIVES(worker, 1, send(pair[0], "x", 1, 0));
        GIVES(worker, 1, recv(pair[1], &byte, 1, 0));
    }
    GIVES(worker, 0, close(most - 1));
    GIVES(worker, most - 1, open("/dev/null", O_RDONLY));
}

static void small_files(struct worker *worker) {
    static const char bytes[8192];
    int file = temporary_file(worker);
    signal(SIGXFSZ, SIG_IGN);
    limit(worker, RLIMIT_FSIZE, 4096);
    GIVES(worker, 4096, write(file, bytes, sizeof bytes));
    FAILS(worker, EFBIG, write(file, bytes, 1));
    FAILS(worker, EFBIG, pwrite(file, bytes, 1, 5000));
}

/* No memory for a ring either: the calls go on. */
static void little_memory(struct worker *worker) {
    int pair[2];
    char bytes[100] = {0};
    tcp_pair(worker, pair);
    limit(worker, RLIMIT_AS, 4096);
    CHECK(worker, mmap(NULL, 1 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
    for (int i = 0; i < 20; i++) {
        GIVES(worker, 100, send(pair[0], bytes, 100, 0));
        GIVES(worker, 100, recv(pair[1], bytes, 100, MSG_WAITALL));
    }
}

void cell_limits(struct worker *worker) {
    uint32_t which = below(worker, 3);
    uint32_t choice = (uint32_t)random_word(worker);
    pid_t child = fork();
    CHECK(worker, child >= 0);
    if (child == 0) {
        struct worker own = *worker;
        own.random = choice;
        (which == 0 ? few_descriptors : which == 1 ? small_files : little_memory)(&own);
        _exit((int)(own.digest % 61));
    }
    int status;
    CHECK(worker, waitpid(child, &status, 0) == child);
    if (!WIFEXITED(status) || WEXITSTATUS(status) > 60) {
        torture_failed(worker, __FILE__, __LINE__, "status of the child", status);
    }
    note(worker, (uint64_t)status);
}
