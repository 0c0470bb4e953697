/*
 * Threads that send all at once, each message with a number of its own, to a reader outside of the
 * library. What an agent took and what was counted as lost must add up to what is printed here.
 * Invariant: apart from the bursts it makes exactly the hooked calls that its last line states.
 *
 *     burst tcp|log THREADS MESSAGES BYTES ROUNDS ENDING
 *
 * Before each round it waits for a byte on standard input, after each it prints "round". ENDING:
 * wait (for the end of standard input), exit (at once after the last write), fork (a child for each
 * round, which sends as much in one thread while the others do).
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS_MAX 64
#define BYTES_MAX 4096

extern char **environ;

static bool to_log;
static bool forking;
static int thread_count;
static int per_thread;
static size_t message_bytes;
static int rounds;
static int listener;
static struct sockaddr_in address;
static pthread_barrier_t barrier;

struct sender {
    pthread_t thread;
    int index;
    int fd;
    int next;
};

/* "m<thread> <number> ....\n", as long as it is to be */
static size_t text_of(char *to, int sender, int number) {
    int head = snprintf(to, BYTES_MAX, "m%d-%d ", sender, number);
    memset(to + head, '.', message_bytes - (size_t)head - 1);
    to[message_bytes - 1] = '\n';
    return message_bytes;
}

static void send_all(struct sender *sender, int count) {
    char text[BYTES_MAX];
    for (int i = 0; i < count; i++) {
        size_t bytes = text_of(text, sender->index, sender->next++);
        ssize_t done = to_log ? write(sender->fd, text, bytes) : send(sender->fd, text, bytes, 0);
        if (done != (ssize_t)bytes) {
            err(3, "message %d of sender %d: %zd", sender->next - 1, sender->index, done);
        }
    }
}

static int opened(int index) {
    if (to_log) {
        char path[32];
        snprintf(path, sizeof path, "burst-%d.log", index);
        return open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    }
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        err(3, "connect");
    }
    return fd;
}

static void *sending(void *data) {
    struct sender *sender = data;
    for (int round = 0; round < rounds; round++) {
        pthread_barrier_wait(&barrier);
        send_all(sender, per_thread);
        pthread_barrier_wait(&barrier);
    }
    return NULL;
}

/* Not hooked: reads from every connection until the last one has ended. */
static int sink(void) {
    static char bytes[1 << 20];
    fd_set open_fds;
    int top = 3, living = 0;
    FD_ZERO(&open_fds);
    FD_SET(3, &open_fds);
    for (bool any = false; !any || living > 0;) {
        fd_set ready = open_fds;
        if (select(top + 1, &ready, NULL, NULL, NULL) < 0) {
            err(4, "select");
        }
        for (int fd = 4; fd <= top; fd++) {
            if (FD_ISSET(fd, &ready) && recv(fd, bytes, sizeof bytes, MSG_DONTWAIT) <= 0) {
                FD_CLR(fd, &open_fds);
                close(fd);
                living--;
            }
        }
        if (FD_ISSET(3, &ready)) {
            int fd = accept(3, NULL, NULL);
            FD_SET(fd, &open_fds);
            top = fd > top ? fd : top;
            living++;
            any = true;
        }
    }
    return 0;
}

/* The reader is this program without the library; it inherits the listening socket as 3. */
static pid_t start_sink(void) {
    socklen_t length = sizeof address;
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    address = (struct sockaddr_in){.sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(listener, THREADS_MAX) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &length) != 0) {
        err(3, "listen");
    }
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, listener, 3);
    char *const argv[] = {(char *)"burst", (char *)"sink", NULL};
    char *const environment[] = {NULL};
    pid_t pid;
    if (posix_spawn(&pid, "/proc/self/exe", &actions, NULL, argv, environment) != 0) {
        errx(3, "posix_spawn");
    }
    return pid;
}

/* Its messages are its own: another process, another ring. */
static pid_t start_child(int round) {
    pid_t child = fork();
    if (child == 0) {
        struct sender sender = {.index = 1000 + round, .fd = opened(1000 + round)};
        send_all(&sender, per_thread);
        _exit(0);
    }
    return child;
}

static void run_rounds(void) {
    char byte;
    for (int round = 0; round < rounds; round++) {
        if (read(0, &byte, 1) != 1) {
            errx(3, "standard input ended");
        }
        pthread_barrier_wait(&barrier);
        pid_t child = forking ? start_child(round) : 0;
        pthread_barrier_wait(&barrier);
        int status = 0;
        if (child != 0 && (waitpid(child, &status, 0) != child || status != 0)) {
            errx(3, "the child of round %d ended with status %x", round, status);
        }
        if (write(1, "round\n", 6) != 6) {
            err(3, "write");
        }
    }
}

int main(int argc, char **argv) {
    if (argc == 2 && strcmp(argv[1], "sink") == 0) {
        return sink();
    }
    if (argc != 7) {
        errx(2, "usage: burst tcp|log THREADS MESSAGES BYTES ROUNDS wait|exit|fork");
    }
    to_log = strcmp(argv[1], "log") == 0;
    thread_count = atoi(argv[2]);
    per_thread = atoi(argv[3]) / thread_count;
    message_bytes = (size_t)atoi(argv[4]);
    rounds = atoi(argv[5]);
    forking = strcmp(argv[6], "fork") == 0;
    pid_t reader = to_log ? 0 : start_sink();
    struct sender senders[THREADS_MAX];
    pthread_barrier_init(&barrier, NULL, (unsigned)thread_count + 1);
    for (int i = 0; i < thread_count; i++) {
        senders[i] = (struct sender){.index = i, .fd = opened(i)};
        pthread_create(&senders[i].thread, NULL, sending, &senders[i]);
    }
    run_rounds();
    if (strcmp(argv[6], "exit") == 0) {
        _exit(0);
    }
    char byte;
    while (read(0, &byte, 1) == 1) {
    }
    for (int i = 0; i < thread_count; i++) {
        pthread_join(senders[i].thread, NULL);
        close(senders[i].fd);
    }
    if (reader != 0) {
        waitpid(reader, NULL, 0);
    }
    return 0;
}
