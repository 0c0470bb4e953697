/*
 * Signals and threads: handlers that do I/O, calls that are interrupted, restarted or jumped out
 * of, threads that are cancelled or have hardly a stack.
 * Invariant: a timer belongs to one thread; no other thread gets its signal.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>

#include "torture.h"

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

#define SIGNAL_NOISE (SIGRTMIN + 1)
#define SIGNAL_INTERRUPT (SIGRTMIN + 2)
#define SIGNAL_JUMP (SIGRTMIN + 3)
#define SIGNAL_RESTART (SIGRTMIN + 4)

struct noise {
    timer_t timer;
    int pair[2];
    volatile sig_atomic_t heard;
};

static __thread struct noise *noise_of_thread;
static __thread sigjmp_buf jump_back;
static __thread volatile sig_atomic_t interrupted;
static __thread int answer_fd = -1;

static timer_t timer_of_thread(struct worker *worker, int number) {
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = number};
    timer_t timer;
    event.sigev_notify_thread_id = (pid_t)syscall(SYS_gettid);
    CHECK(worker, timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
    return timer;
}

static void timer_begin(struct worker *worker, timer_t timer, long first_ns, long every_ns) {
    struct itimerspec times = {.it_value.tv_nsec = first_ns, .it_interval.tv_nsec = every_ns};
    CHECK(worker, timer_settime(timer, 0, &times, NULL) == 0);
}

/* A signal that was already under way comes before the next system call returns. */
static void timer_end(struct worker *worker, timer_t timer) {
    CHECK(worker, timer_delete(timer) == 0);
}

static void handle(struct worker *worker, int number, void (*handler)(int), int flags) {
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
    CHECK(worker, sigaction(number, &action, NULL) == 0);
}

/* Does in a handler what the interrupted call may be in the middle of. */
static void make_noise(int number) {
    (void)number;
    int error = errno;
    struct noise *noise = noise_of_thread;
    char byte = 'n', seen = 0;
    if (noise == NULL) {
        return;
    }
    int copy = dup(noise->pair[0]);
    if (copy < 0 || send(copy, &byte, 1, MSG_DONTWAIT) != 1 ||
        read(noise->pair[1], &seen, 1) != 1 || seen != 'n' || close(copy) != 0) {
        _exit(77);
    }
    noise->heard++;
    errno = error;
}

struct noise *noise_begin(struct worker *worker) {
    struct noise *noise = calloc(1, sizeof *noise);
    CHECK(worker, noise != NULL);
    unix_pair(worker, noise->pair);
    handle(worker, SIGNAL_NOISE, make_noise, SA_RESTART);
    noise_of_thread = noise;
    noise->timer = timer_of_thread(worker, SIGNAL_NOISE);
    timer_begin(worker, noise->timer, 100000, 150000);
    return noise;
}

void noise_end(struct worker *worker, struct noise *noise) {
    timer_end(worker, noise->timer);
    noise_of_thread = NULL;
    GIVES(worker, 0, close(noise->pair[0]));
    GIVES(worker, 0, close(noise->pair[1]));
    free(noise);
}

static void interrupt(int number) {
    (void)number;
    interrupted = 1;
}

/* Answers what the interrupted read waits for, so that the restarted one gets it. */
static void answer(int number) {
    (void)number;
    int error = errno;
    if (answer_fd >= 0 && write(answer_fd, "r", 1) != 1) {
        _exit(78);
    }
    answer_fd = -1;
    errno = error;
}

static void *other_stack(struct worker *worker, bool begin) {
    static __thread void *memory;
    stack_t stack = {.ss_flags = SS_DISABLE};
    if (begin) {
        memory = malloc(32768);
        stack = (stack_t){.ss_sp = memory, .ss_size = 32768};
    }
    CHECK(worker, sigaltstack(&stack, NULL) == 0);
    if (!begin) {
        free(memory);
    }
    return memory;
}

/* The signal may come before the call does; then the next one interrupts it. */
void cell_interrupted(struct worker *worker) {
    int pair[2];
    char byte = 0;
    any_stream_pair(worker, pair);
    bool aside = below(worker, 2) == 0;
    if (aside) {
        other_stack(worker, true);
    }
    handle(worker, SIGNAL_INTERRUPT, interrupt, SA_ONSTACK);
    timer_t timer = timer_of_thread(worker, SIGNAL_INTERRUPT);
    timer_begin(worker, timer, 300000, 300000);
    for (int way = 0; way < 3; way++) {
        struct pollfd ready = {.fd = pair[1], .events = POLLIN};
        interrupted = 0;
        FAILS(worker, EINTR, way == 0   ? recv(pair[1], &byte, 1, 0)
                             : way == 1 ? read(pair[1], &byte, 1)
                                        : poll(&ready, 1, -1));
        CHECK(worker, interrupted == 1);
    }
    timer_end(worker, timer);
    handle(worker, SIGNAL_RESTART, answer, SA_RESTART | SA_ONSTACK);
    answer_fd = pair[0];
    timer = timer_of_thread(worker, SIGNAL_RESTART);
    timer_begin(worker, timer, 300000, 0);
    GIVES(worker, 1, recv(pair[1], &byte, 1, 0));
    CHECK(worker, byte == 'r');
    timer_end(worker, timer);
    if (aside) {
        other_stack(worker, false);
    }
    GIVES(worker, 0, close(pair[0]));
    GIVES(worker, 0, close(pair[1]));
}

static void jump(int number) {
    siglongjmp(jump_back, number);
}

/* Out of a blocking read by siglongjmp; the descriptor is as it was. */
void cell_jump(struct worker *worker) {
    int pair[2];
    char seen[8];
    any_stream_pair(worker, pair);
    handle(worker, SIGNAL_JUMP, jump, 0);
    for (volatile int i = 0; i < 3; i++) {
        timer_t timer = timer_of_thread(worker, SIGNAL_JUMP);
        char byte;
        if (sigsetjmp(jump_back, 1) == 0) {
            timer_begin(worker, timer, 300000, 0);
            ssize_t got = read(pair[1], &byte, 1);
            torture_failed(worker, __FILE__, __LINE__, "a read of nothing", got);
        }
        timer_end(worker, timer);
        GIVES(worker, 4, send(pair[0], "jump", 4, 0));
        GIVES(worker, 4, recv(pair[1], seen, 4, MSG_WAITALL));
    }
    GIVES(worker, 0, close(pair[0]));
    GIVES(worker, 0, close(pair[1]));
}

struct victim {
    int fd;
    bool cleaned;
};

static void clean(void *data) {
    ((struct victim *)data)->cleaned = true;
}

static void *wait_for_cancel(void *data) {
    struct victim *victim = data;
    char byte;
    pthread_cleanup_push(clean, victim);
    if (recv(victim->fd, &byte, 1, 0) == 1) {
        read(victim->fd, &byte, 1);
    }
    pthread_cleanup_pop(0);
    return NULL;
}

void cell_cancel(struct worker *worker) {
    int pair[2];
    pthread_t thread;
    void *value = NULL;
    char seen[8];
    any_stream_pair(worker, pair);
    struct victim victim = {.fd = pair[1]};
    CHECK(worker, pthread_create(&thread, NULL, wait_for_cancel, &victim) == 0);
    if (below(worker, 2) == 0) { /* it has come as far as the second read, or is on its way */
        GIVES(worker, 1, send(pair[0], "1", 1, 0));
    }
    usleep(200);
    CHECK(worker, pthread_cancel(thread) == 0);
    CHECK(worker, pthread_join(thread, &value) == 0);
    CHECK(worker, value == PTHREAD_CANCELED && victim.cleaned);
    recv(pair[1], seen, sizeof seen, MSG_DONTWAIT); /* what it was given and did not take */
    GIVES(worker, 4, send(pair[0], "next", 4, 0));
    GIVES(worker, 4, recv(pair[1], seen, 4, MSG_WAITALL));
    GIVES(worker, 0, close(pair[0]));
    GIVES(worker, 0, close(pair[1]));
}

static void *on_a_small_stack(void *data) {
    struct worker *worker = data;
    int pair[2];
    char bytes[64];
    tcp_pair(worker, pair);
    for (int i = 0; i < 5; i++) {
        GIVES(worker, 6, send(pair[0], "little", 6, 0));
        GIVES(worker, 6, recv(pair[1], bytes, 6, MSG_WAITALL));
    }
    GIVES(worker, 0, close(pair[0]));
    GIVES(worker, 0, close(pair[1]));
    if (worker->step % 2 == 0) {
        pthread_exit(NULL);
    }
    return NULL;
}

/* Threads with the smallest stack that there is, each of which ends at once. */
void cell_threads(struct worker *worker) {
    pthread_t threads[4];
    struct worker own[4];
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    CHECK(worker, pthread_attr_setstacksize(&attributes, (size_t)PTHREAD_STACK_MIN) == 0);
    for (int i = 0; i < 4; i++) {
        own[i] = *worker;
        own[i].random = random_word(worker);
        CHECK(worker, pthread_create(&threads[i], &attributes, on_a_small_stack, &own[i]) == 0);
    }
    for (int i = 0; i < 4; i++) {
        CHECK(worker, pthread_join(threads[i], NULL) == 0);
        note(worker, own[i].digest);
    }
    pthread_attr_destroy(&attributes);
}
