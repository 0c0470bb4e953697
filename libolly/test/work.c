/*
 * The program that is run bare and hooked: one mode per test.
 * Invariant: see work.h.
 */
#define _GNU_SOURCE
#include "work.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>

extern ssize_t __read_chk(int, void *, size_t, size_t);
extern ssize_t __recv_chk(int, void *, size_t, size_t, int);
extern ssize_t __recvfrom_chk(int, void *, size_t, size_t, int, void *, void *);

void result(const char *name, long value) {
    int error = errno;
    printf("%s %ld %d\n", name, value, value < 0 ? error : 0);
}

struct pair tcp_pair(void) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t bytes = sizeof at;
    struct pair pair = {.listener = socket(AF_INET, SOCK_STREAM, 0)};
    bind(pair.listener, (struct sockaddr *)&at, bytes);
    listen(pair.listener, 8);
    getsockname(pair.listener, (struct sockaddr *)&at, &bytes);
    pair.client = socket(AF_INET, SOCK_STREAM, 0);
    connect(pair.client, (struct sockaddr *)&at, sizeof at);
    pair.server = accept(pair.listener, NULL, NULL);
    return pair;
}

static void received(const char *name, long value, const char *bytes) {
    result(name, value);
    printf("  %.*s\n", value > 0 ? (int)value : 0, bytes);
}

static void reads(struct pair pair) {
    char to[64];
    struct iovec iov[2] = {{to, 2}, {to + 2, 60}};
    struct msghdr message = {.msg_iov = iov, .msg_iovlen = 2};
    struct mmsghdr many[2] = {{.msg_hdr = message}, {.msg_hdr = message}};
#define SEND(text) send(pair.client, text, strlen(text), 0)
    SEND("by-read");
    received("read", read(pair.server, to, 64), to);
    SEND("by-read-chk");
    received("__read_chk", __read_chk(pair.server, to, 64, 64), to);
    SEND("by-readv");
    received("readv", readv(pair.server, iov, 2), to);
    SEND("by-recv");
    received("recv peek", recv(pair.server, to, 64, MSG_PEEK), to);
    received("recv", recv(pair.server, to, 64, 0), to);
    SEND("by-recv-chk");
    received("__recv_chk", __recv_chk(pair.server, to, 64, 64, 0), to);
    SEND("by-recvfrom");
    received("recvfrom", recvfrom(pair.server, to, 64, 0, NULL, NULL), to);
    SEND("by-recvfrom-chk");
    received("__recvfrom_chk", __recvfrom_chk(pair.server, to, 64, 64, 0, NULL, NULL), to);
    SEND("by-recvmsg");
    received("recvmsg peek", recvmsg(pair.server, &message, MSG_PEEK), to);
    received("recvmsg", recvmsg(pair.server, &message, 0), to);
    SEND("by-recvmmsg");
    result("recvmmsg", recvmmsg(pair.server, many, 2, MSG_DONTWAIT, NULL));
    SEND("thrown-away");
    result("recv trunc", recv(pair.server, NULL, 11, MSG_TRUNC));
    SEND("partly");
    received("recv part", recv(pair.server, to, 4, 0), to);
    result("recv zero", recv(pair.server, to, 0, 0));
    received("recv rest", recv(pair.server, to, 64, 0), to);
    result("readv zero", readv(pair.server, iov, 0));
    result("recv again", recv(pair.server, to, 64, MSG_DONTWAIT));
    result("recv bad", recv(-1, to, 64, 0));
    result("recv fault", recv(pair.server, (void *)1, 0, MSG_DONTWAIT));
}

static void drain(int fd, size_t bytes) {
    static char to[1 << 16];
    while (bytes > 0) {
        ssize_t got = recv(fd, to, bytes < sizeof to ? bytes : sizeof to, 0);
        if (got <= 0) {
            return;
        }
        bytes -= (size_t)got;
    }
}

static char *volatile bad_address = (char *)1;

static void writes(struct pair pair) {
    struct iovec iov[3] = {{"by-", 3}, {"", 0}, {"vector", 6}};
    struct msghdr message = {.msg_iov = iov, .msg_iovlen = 3};
    struct mmsghdr many[2] = {{.msg_hdr = message}, {.msg_hdr = message}};
    int fd = pair.client;
    result("write", write(fd, "by-write", 8));
    result("writev", writev(fd, iov, 3));
    result("send", send(fd, "by-send", 7, 0));
    result("sendto", sendto(fd, "by-sendto", 9, 0, NULL, 0));
    result("sendmsg", sendmsg(fd, &message, 0));
    result("sendmmsg", sendmmsg(fd, many, 2, 0));
    result("write zero", write(fd, "", 0));
    result("send oob", send(fd, "!", 1, MSG_OOB));
    result("write bad", write(-1, "x", 1));
    result("write fault", write(fd, bad_address, 5));
    drain(pair.server, 8 + 9 + 7 + 9 + 9 + 18);
    int file = open("/proc/self/exe", O_RDONLY);
    result("sendfile", sendfile(fd, file, NULL, 1000));
    drain(pair.server, 1000);
    int ends[2];
    if (pipe(ends) != 0) {
        abort();
    }
    result("splice in", splice(file, NULL, ends[1], NULL, 500, 0));
    result("splice out", splice(ends[0], NULL, fd, NULL, 500, 0));
    usleep(20000);
    result("splice from", splice(pair.server, NULL, ends[1], NULL, 500, 0));
    close(ends[0]);
    close(ends[1]);
    close(file);
}

/* Bytes that end where the readable memory ends. */
static char *at_guard(size_t bytes) {
    char *at = mmap(NULL, 8192 + 32768, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mprotect(at + 32768, 8192, PROT_NONE);
    return at + 32768 - bytes;
}

static void guards(struct pair pair) {
    static const size_t sizes[] = {1, 2, 7, 8, 15, 16, 17, 31, 63, 64, 65, 511, 512, 513, 4099};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        char *from = at_guard(sizes[i]);
        char *to = at_guard(sizes[i]);
        memset(from, 'g', sizes[i]);
        long sent = send(pair.client, from, sizes[i], 0);
        long got = recv(pair.server, to, sizes[i], MSG_WAITALL);
        printf("guard %zu %ld %ld %d\n", sizes[i], sent, got, memcmp(from, to, sizes[i]));
        struct sockaddr_un *name = (void *)at_guard(3);
        name->sun_family = AF_UNIX;
        name->sun_path[0] = 'x';
        result("guard connect", connect(-1, (void *)name, 3));
    }
}

static void partial(struct pair pair) {
    static char big[1 << 20];
    memset(big, 'b', sizeof big);
    fcntl(pair.client, F_SETFL, O_NONBLOCK);
    ssize_t sent = send(pair.client, big, 100000, 0);
    size_t total = sent > 0 ? (size_t)sent : 0;
    printf("big %d\n", sent > 16384);
    for (;;) { /* until the queue is full */
        sent = send(pair.client, big, sizeof big, 0);
        if (sent < 0) {
            break;
        }
        total += (size_t)sent;
    }
    result("full", sent);
    drain(pair.server, total);
    fcntl(pair.client, F_SETFL, 0);
}

void work_io(void) {
    struct pair pair = tcp_pair();
    reads(pair);
    writes(pair);
    guards(pair);
    partial(pair);
    result("shutdown", shutdown(pair.client, SHUT_WR));
    char to[8];
    result("end", recv(pair.server, to, 8, 0));
    result("end again", recv(pair.server, to, 8, 0));
    result("close", close(pair.client));
    result("close twice", close(pair.client));
    result("close server", syscall(SYS_close, pair.server));
    result("close syscall twice", syscall(SYS_close, pair.server));
}

static void unix_sockets(void) {
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    snprintf(at.sun_path, sizeof at.sun_path, "/tmp/olly-work-%d", (int)getpid());
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    bind(listener, (struct sockaddr *)&at, sizeof at);
    listen(listener, 2);
    int client = socket(AF_UNIX, SOCK_STREAM, 0);
    result("unix connect", connect(client, (struct sockaddr *)&at, sizeof at));
    int server = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    char to[16];
    result("unix send", send(client, "unix", 4, 0));
    result("unix recv", recv(server, to, 16, 0));
    close(client);
    close(server);
    close(listener);
    unlink(at.sun_path);
    int ends[2];
    socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
    result("pair", write(ends[0], "pair", 4));
    result("pair", read(ends[1], to, 16));
}

static void others(void) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                             .sin_port = htons(1)};
    int udp = socket(AF_INET, SOCK_DGRAM, 0);
    result("udp", connect(udp, (struct sockaddr *)&at, sizeof at));
    result("udp send", send(udp, "datagram", 8, 0));
    close(udp);
    int tcp = socket(AF_INET, SOCK_STREAM, 0);
    result("refused", connect(tcp, (struct sockaddr *)&at, sizeof at));
    close(tcp);
    int file = open("/tmp/olly-work-file", O_RDWR | O_CREAT | O_TRUNC, 0600);
    result("file", write(file, "to a file\n", 10));
    result("binary", write(file, "bin\0ary\n", 8));
    static const char compressed[] = "\x1f\x8b\x08\x9c\xed\xbd\x07\x60\x1c\x49\x96\x25\x26\x2f"
                                     "\x6d\xca\x7b\x7f\x4a\xf5\x4a\xd7\xe0\x74\xa1\x08";
    result("compressed", write(file, compressed, sizeof compressed - 1));
    result("fields", write(file, "8=FIX\0019=7\00135=D\00149=ME\001\n", 22));
    result("foreign", write(file, "\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82\n", 13));
    char to[32];
    lseek(file, 0, SEEK_SET);
    result("file read", read(file, to, 32));
    close(file);
    unlink("/tmp/olly-work-file");
}

/* Reuse of numbers, duplicates, and everything that closes. */
void work_ends(void) {
    unix_sockets();
    others();
    struct pair pair = tcp_pair();
    int number = pair.client;
    close(pair.client);
    int file = open("/dev/null", O_WRONLY);
    printf("reused %d\n", file == number);
    result("reused", write(file, "not a socket", 12));
    close(file);
    close(pair.server);
    struct pair second = tcp_pair();
    int copy = dup(second.client);
    result("dup write", write(copy, "by-dup", 6));
    int moved = fcntl(second.client, F_DUPFD_CLOEXEC, 100);
    printf("moved %d\n", moved);
    result("moved write", write(moved, "by-fcntl", 8));
    result("dup2", dup2(second.server, 101));
    result("dup2 over", dup2(open("/dev/null", O_RDONLY), 101) == 101);
    result("dup3 bad", dup3(-1, 101, 0));
    result("close_range", close_range(100, 110, 0));
    result("closed write", write(moved, "x", 1));
    closefrom(3);
    result("closefrom write", write(second.client, "x", 1));
    struct pair third = tcp_pair();
    result("third", write(third.client, "by-third", 8));
}

int main(int argc, char **argv) {
    const char *mode = argc > 1 ? argv[1] : "";
    setvbuf(stdout, NULL, _IOFBF, 1 << 16);
    alarm(200);
    if (strcmp(mode, "io") == 0) {
        work_io();
    } else if (strcmp(mode, "ends") == 0) {
        work_ends();
    } else if (strcmp(mode, "syslog") == 0) {
        work_syslog();
    } else if (strcmp(mode, "passed") == 0) {
        work_passed();
    } else if (strcmp(mode, "lookups") == 0) {
        work_lookups();
    } else if (strcmp(mode, "datagrams") == 0) {
        work_datagrams();
    } else if (strcmp(mode, "datagrams-nowhere") == 0) {
        work_datagrams_nowhere();
    } else if (strcmp(mode, "other-datagrams") == 0) {
        work_other_datagrams();
    } else {
        return work_process(mode, argv + 2);
    }
    return 0;
}
