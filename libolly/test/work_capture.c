/*
 * Workloads whose calls are larger than one message, or whose kernel says no.
 * Invariant: see work.h. Every stream carries pattern(position), so that each byte can be checked.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stddef.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "pattern.h"
#include "work.h"

static char out[LARGE_BYTES];
static char in[LARGE_BYTES];

/* Three buffers of unequal length: pieces of a message do not end where buffers end. */
static void split(struct iovec iov[3], char *at, size_t bytes) {
    iov[0] = (struct iovec){at, 10};
    iov[1] = (struct iovec){at + 10, 16000};
    iov[2] = (struct iovec){at + 16010, bytes - 16010};
}

struct reading {
    int fd;
    size_t bytes;
    bool by_vector;
};

static void *read_whole(void *data) {
    const struct reading *reading = data;
    struct iovec iov[3];
    split(iov, in, reading->bytes);
    struct msghdr message = {.msg_iov = iov, .msg_iovlen = 3};
    ssize_t got = reading->by_vector ? recvmsg(reading->fd, &message, MSG_WAITALL)
                                     : recv(reading->fd, in, reading->bytes, MSG_WAITALL);
    result("got", got);
    return NULL;
}

static ssize_t send_whole(int fd, int way, size_t bytes) {
    struct iovec iov[3];
    split(iov, out, bytes);
    struct msghdr message = {.msg_iov = iov, .msg_iovlen = 3};
    switch (way) {
    case 0: return write(fd, out, bytes);
    case 1: return writev(fd, iov, 3);
    case 2: return send(fd, out, bytes, 0);
    default: return sendmsg(fd, &message, 0);
    }
}

static uint64_t exchange(struct pair pair, int way, size_t bytes, uint64_t position) {
    for (size_t i = 0; i < bytes; i++) {
        out[i] = (char)pattern(position + i);
    }
    pthread_t thread;
    struct reading reading = {pair.server, bytes, way % 2 == 1};
    pthread_create(&thread, NULL, read_whole, &reading);
    ssize_t sent = send_whole(pair.client, way, bytes);
    pthread_join(thread, NULL);
    result("sent", sent);
    printf("same %d\n", memcmp(out, in, bytes) == 0);
    return position + bytes;
}

/* Half of the ring holds what is captured of two ways, read or not. */
static void large_calls(int first_way) {
    static const size_t sizes[] = {50000, LARGE_BYTES, 16384, 16385, 65536, 65537};
    struct pair pair = tcp_pair();
    uint64_t position = 0;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        for (int way = first_way; way < first_way + 2; way++) {
            position = exchange(pair, way, sizes[i], position);
        }
    }
    int file = open("/tmp/olly-work-large", O_WRONLY | O_CREAT | O_TRUNC, 0600);
    memset(out, 'l', sizeof out);
    out[49999] = '\n';
    result("log", write(file, out, 50000));
    result("log", write(file, out, LARGE_BYTES));
    close(file);
    unlink("/tmp/olly-work-large");
}

void work_large_first(void) {
    large_calls(0);
}

void work_large_last(void) {
    large_calls(2);
}

/* More than the ring holds, in large calls. */
void work_flood(void) {
    struct pair pair = tcp_pair();
    uint64_t position = 0;
    for (int i = 0; i < 100; i++) {
        position = exchange(pair, 0, 65536, position);
    }
}

/* Everything but what the program itself does from here on ends it. */
static long confine(bool by_syscall) {
#define ALLOW(name) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 1), \
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
    struct sock_filter steps[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        ALLOW(read),  ALLOW(write), ALLOW(sendto),     ALLOW(recvfrom), ALLOW(accept),
        ALLOW(close), ALLOW(dup),   ALLOW(exit_group), ALLOW(connect),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
    };
    struct sock_fprog program = {.len = sizeof steps / sizeof *steps, .filter = steps};
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (by_syscall) {
        return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
    }
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

void work_confine(void) {
    confine(false);
}

static void work_confined(bool by_syscall) {
    struct pair pair = tcp_pair();
    struct pair other = tcp_pair();
    char to[16];
    result("send", send(pair.client, "before", 6, 0));
    printf("asked %ld\n", syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &(uint32_t){0}));
    result("refused", prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL));
    result("send", send(pair.client, "asked", 5, 0));
    result("confine", confine(by_syscall));
    result("send", send(pair.client, "after", 5, 0));
    result("recv", recv(pair.server, to, 16, 0));
    result("first use", send(other.client, "other", 5, 0)); /* would have to be looked at */
    result("dup", close(dup(other.server)));
    result("close", close(pair.client));
    fflush(stdout);
    syscall(SYS_exit_group, 0);
}

void work_confined_prctl(void) {
    work_confined(false);
}

void work_confined_syscall(void) {
    work_confined(true);
}
