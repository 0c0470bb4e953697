/*
 * Datagrams that look like DNS by every call that moves one, and others that do not.
 * Invariant: see work.h. A question's name says by which call it was moved.
 */
#define _GNU_SOURCE
#include <netinet/in.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "work.h"

extern ssize_t __recvfrom_chk(int, void *, size_t, size_t, int, void *, void *);
extern ssize_t __read_chk(int, void *, size_t, size_t);

struct ends {
    int client;
    int server;
    struct sockaddr_in at; /* the server's */
};

static struct ends udp_ends(bool connected) {
    struct ends ends = {.at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}};
    socklen_t bytes = sizeof ends.at;
    ends.server = socket(AF_INET, SOCK_DGRAM, 0);
    bind(ends.server, (struct sockaddr *)&ends.at, bytes);
    getsockname(ends.server, (struct sockaddr *)&ends.at, &bytes);
    ends.client = socket(AF_INET, SOCK_DGRAM, 0);
    if (connected) {
        result("connect", connect(ends.client, (struct sockaddr *)&ends.at, sizeof ends.at));
    }
    return ends;
}

static void close_ends(struct ends ends) {
    close(ends.client);
    close(ends.server);
}

/* A question of one label, A, IN. */
static size_t question(char *to, const char *label) {
    static const char header[12] = {0x12, 0x34, 1, 0, 0, 1};
    size_t length = strlen(label);
    memcpy(to, header, 12);
    to[12] = (char)length;
    memcpy(to + 13, label, length);
    memcpy(to + 13 + length, "\0\0\1\0\1", 5);
    return 18 + length;
}

static void shows(const char *name, ssize_t got, const char *bytes) {
    result(name, got);
    printf("  %.*s\n", got > 18 ? (int)got - 18 : 0, bytes + 13);
}

#define ASK(label) send(ends.client, out, question(out, label), 0)

static void connected_calls(void) {
    struct ends ends = udp_ends(true);
    char out[128];
    char in[128];
    struct iovec pieces[3] = {{in, 5}, {in + 5, 10}, {in + 15, 113}};
    struct msghdr message = {.msg_iov = pieces, .msg_iovlen = 3};
    result("send", ASK("send"));
    shows("read", read(ends.server, in, sizeof in), in);
    result("write", write(ends.client, out, question(out, "write")));
    shows("__read_chk", __read_chk(ends.server, in, sizeof in, sizeof in), in);
    size_t bytes = question(out, "writev");
    struct iovec cut[4] = {{out, 1}, {out + 1, 0}, {out + 1, 14}, {out + 15, bytes - 15}};
    result("writev", writev(ends.client, cut, 4));
    shows("readv", readv(ends.server, pieces, 3), in);
    question(out, "sendms");
    struct msghdr cut_message = {.msg_iov = cut, .msg_iovlen = 4};
    result("sendmsg", sendmsg(ends.client, &cut_message, 0));
    shows("recvmsg", recvmsg(ends.server, &message, 0), in);
    result("ask", ASK("peeked"));
    shows("peek", recv(ends.server, in, sizeof in, MSG_PEEK), in);
    shows("recv", recv(ends.server, in, sizeof in, 0), in);
    result("nothing", send(ends.client, out, 0, 0));
    result("recv nothing", recv(ends.server, in, sizeof in, 0));
    result("again", recv(ends.server, in, sizeof in, MSG_DONTWAIT));
    result("shutdown", shutdown(ends.client, SHUT_WR));
    close_ends(ends);
}

static void from(const char *name, ssize_t got, const char *in, struct sockaddr_in *at,
                 socklen_t bytes) {
    shows(name, got, in);
    printf("  from %d %08x %u\n", at->sin_family, ntohl(at->sin_addr.s_addr), bytes);
}

static void *page_end(size_t bytes) {
    char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mprotect(pages + 4096, 4096, PROT_NONE);
    return pages + 4096 - bytes;
}

static void addressed_calls(void) {
    struct ends ends = udp_ends(false);
    struct sockaddr *to = (struct sockaddr *)&ends.at;
    struct sockaddr_in at = {0};
    socklen_t bytes = sizeof at;
    char out[2][128];
    char in[2][128];
#define ASK_TO(label) sendto(ends.client, out[0], question(out[0], label), 0, to, sizeof ends.at)
    result("sendto", ASK_TO("sendto"));
    ssize_t got = recvfrom(ends.server, in[0], 128, 0, (struct sockaddr *)&at, &bytes);
    from("recvfrom", got, in[0], &at, bytes);
    /* The answer goes where the question came from. */
    in[0][2] = (char)0x81;
    result("answer", sendto(ends.server, in[0], (size_t)got, 0, (struct sockaddr *)&at, bytes));
    from("answered", recvfrom(ends.client, in[1], 128, 0, (struct sockaddr *)&at, &bytes), in[1],
         &at, bytes);
    result("ask", ASK_TO("checked"));
    from("checked", __recvfrom_chk(ends.server, in[0], 128, 128, 0, &at, &bytes), in[0], &at,
         bytes);
    struct iovec parts[2][1] = {{{in[0], 128}}, {{in[1], 128}}};
    struct sockaddr_in6 names[2];
    struct mmsghdr many[2] = {
        {.msg_hdr = {.msg_iov = parts[0], .msg_iovlen = 1, .msg_name = names, .msg_namelen = 28}},
        {.msg_hdr = {.msg_iov = parts[1], .msg_iovlen = 1, .msg_name = names + 1,
                     .msg_namelen = 16}}};
    struct iovec send_parts[2] = {{out[0], question(out[0], "many-1")},
                                  {out[1], question(out[1], "many-2")}};
    struct mmsghdr sends[2];
    for (int i = 0; i < 2; i++) {
        sends[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = send_parts + i, .msg_iovlen = 1,
                                                .msg_name = to, .msg_namelen = sizeof ends.at}};
    }
    result("sendmmsg", sendmmsg(ends.client, sends, 2, 0));
    result("recvmmsg", recvmmsg(ends.server, many, 2, 0, NULL));
    shows("first", many[0].msg_len, in[0]);
    shows("second", many[1].msg_len, in[1]);
    question(out[0], "raw--1");
    question(out[1], "raw--2");
    result("raw send", syscall(SYS_sendmmsg, ends.client, sends, 2, 0));
    many[0].msg_hdr.msg_namelen = 28;
    many[1].msg_hdr.msg_namelen = 16;
    result("raw receive", syscall(SYS_recvmmsg, ends.server, many, 2, 0, NULL));
    shows("first", many[0].msg_len, in[0]);
    shows("second", many[1].msg_len, in[1]);
    result("raw fault", syscall(SYS_sendmmsg, ends.client, (void *)1, 2, 0));
    result("raw bad", syscall(SYS_recvmmsg, -1, many, 2, 0, NULL));
    result("raw again", syscall(SYS_recvmmsg, ends.server, many, 2, MSG_DONTWAIT, NULL));
    result("raw null", syscall(SYS_sendmmsg, ends.client, NULL, 0, 0));
    result("ask", ASK_TO("truncated"));
    result("trunc", recvfrom(ends.server, in[0], 20, MSG_TRUNC, (struct sockaddr *)&at, &bytes));
    result("ask", ASK_TO("short"));
    bytes = 4; /* family and port: the address itself does not fit before the end of memory */
    shows("short", recvfrom(ends.server, in[0], 128, 0, page_end(4), &bytes), in[0]);
    result("ask", ASK_TO("nameless"));
    shows("nameless", recvfrom(ends.server, in[0], 128, 0, NULL, NULL), in[0]);
    result("unread", ASK_TO("unread"));
    result("fault", recvfrom(ends.server, (void *)1, 128, 0, (struct sockaddr *)&at, &bytes));
    result("null", recvmsg(ends.server, NULL, MSG_DONTWAIT));
    result("many null", recvmmsg(ends.server, NULL, 2, MSG_DONTWAIT, NULL));
    result("bad", sendto(ends.client, out[0], 12, 0, (void *)1, 16));
    close_ends(ends);
}

/* The datagram ends where readable memory does. */
static void at_the_edge(void) {
    struct ends ends = udp_ends(true);
    char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mprotect(page + 4096, 4096, PROT_NONE);
    char out[128];
    result("known", ASK("known")); /* from now on every datagram is looked at */
    size_t bytes = question(out, "edge");
    for (size_t cut = 1; cut <= bytes; cut++) {
        char *start = page + 4096 - cut;
        memcpy(start, out, cut);
        result("edge", send(ends.client, start, cut, 0));
    }
    close_ends(ends);
}

static void reconnected(void) {
    struct ends ends = udp_ends(true);
    struct ends second = udp_ends(true);
    char out[128];
    result("first peer", ASK("first-peer"));
    result("connect", connect(ends.client, (struct sockaddr *)&second.at, sizeof second.at));
    result("second peer", ASK("second-peer"));
    struct sockaddr none = {.sa_family = AF_UNSPEC};
    result("disconnect", connect(ends.client, &none, sizeof none));
    result("no peer", ASK("no-peer"));
    result("addressed", sendto(ends.client, out, question(out, "addressed"), 0,
                               (struct sockaddr *)&ends.at, sizeof ends.at));
    int copy = dup(ends.client);
    result("copy", sendto(copy, out, question(out, "copied"), 0, (struct sockaddr *)&ends.at,
                          sizeof ends.at));
    close(copy);
    close_ends(second);
    close_ends(ends);
}

static void version_six(void) {
    struct sockaddr_in6 at = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    socklen_t bytes = sizeof at;
    int server = socket(AF_INET6, SOCK_DGRAM, 0);
    bind(server, (struct sockaddr *)&at, bytes);
    getsockname(server, (struct sockaddr *)&at, &bytes);
    int client = socket(AF_INET6, SOCK_DGRAM, 0);
    char out[128];
    ssize_t sent = sendto(client, out, question(out, "six"), 0, (struct sockaddr *)&at, bytes);
    printf("six %d\n", sent > 0 || errno == EADDRNOTAVAIL || errno == EAFNOSUPPORT);
    close(client);
    close(server);
}

void work_datagrams(void) {
    connected_calls();
    addressed_calls();
    at_the_edge();
    reconnected();
    version_six();
}

/* The kernel says EFAULT, or does not ask for what it has nothing to put into. */
static void nowhere(struct ends ends, void *at) {
    char out[128];
    char in[128];
    size_t bytes = question(out, "nowhere");
    struct iovec part = {in, sizeof in};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_name = at};
    struct sockaddr_in from;
    socklen_t none = 0;
    for (int i = 0; i < 3; i++) {
        result("ask", sendto(ends.client, out, bytes, 0, (struct sockaddr *)&ends.at,
                             sizeof ends.at));
    }
    shows("no room", recvfrom(ends.server, in, sizeof in, 0, at, &none), in);
    shows("no name", recvmsg(ends.server, &message, 0), in);
    result("length", recvfrom(ends.server, in, sizeof in, MSG_DONTWAIT,
                              (struct sockaddr *)&from, at));
    result("message", recvmsg(ends.server, at, MSG_DONTWAIT));
    result("messages", recvmmsg(ends.server, at, 2, MSG_DONTWAIT, NULL));
    result("raw", syscall(SYS_recvmmsg, ends.server, at, 2, MSG_DONTWAIT, NULL));
    while (recv(ends.server, in, sizeof in, MSG_DONTWAIT) > 0) {
    }
}

void work_datagrams_nowhere(void) {
    struct ends ends = udp_ends(false);
    nowhere(ends, (void *)1);
    nowhere(ends, (void *)4095);
    nowhere(ends, (void *)-1);
    close_ends(ends);
}

/* After four datagrams that are something else a socket may say what it likes. */
void work_other_datagrams(void) {
    struct ends ends = udp_ends(true);
    char out[128];
    memset(out, 'x', sizeof out);
    for (int i = 0; i < 3; i++) {
        result("noise", send(ends.client, out, 40, 0));
    }
    result("in time", ASK("in-time"));
    memset(out, 'x', sizeof out);
    for (int i = 0; i < 10; i++) {
        result("noise", send(ends.client, out, 40, 0));
    }
    result("stays", ASK("stays"));
    close_ends(ends);
    ends = udp_ends(true);
    memset(out, 'x', sizeof out);
    for (int i = 0; i < 4; i++) {
        result("noise", send(ends.client, out, 40, 0));
    }
    result("late", ASK("too-late"));
    close_ends(ends);
    ends = udp_ends(true);
    size_t bytes = question(out, "spoilt");
    static const struct { size_t at; char with; } spoilt[] = {
        {3, 0x40}, {2, 0x30}, {5, 2}, {7, 1}, {12, 64}, {12, 7}, {24 - 1, 9}};
    for (size_t i = 0; i < sizeof spoilt / sizeof *spoilt; i++) {
        struct ends fresh = udp_ends(true);
        question(out, "spoilt");
        out[spoilt[i].at] = spoilt[i].with;
        result("spoilt", send(fresh.client, out, bytes, 0));
        close_ends(fresh);
    }
    struct sockaddr_in group = {.sin_family = AF_INET, .sin_port = htons(5353),
                                .sin_addr.s_addr = htonl(0xe00000fb)};
    int any = socket(AF_INET, SOCK_DGRAM, 0);
    ssize_t sent = sendto(any, out, question(out, "everybody"), 0, (struct sockaddr *)&group,
                          sizeof group);
    printf("everybody %d\n", sent > 0 || errno != 0);
    close(any);
    int pair[2];
    result("local", socketpair(AF_UNIX, SOCK_DGRAM, 0, pair));
    result("local send", send(pair[0], out, question(out, "local"), 0));
    close(pair[0]);
    close(pair[1]);
    close_ends(ends);
}
