/*
 * libFuzzer target: the input is a script of calls on hooked descriptors and the bytes they carry.
 * Run under the agent of this folder with an instrumented library preloaded, see quality.sh.
 * Invariant: every byte that is sent is read again and compared; results are the kernel's.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#define IOVECS_MAX 6

struct script {
    const uint8_t *at;
    size_t left;
};

static int listener = -1;
static struct sockaddr_in listening;

static void must(int ok) {
    if (!ok) {
        abort();
    }
}

static uint8_t next_byte(struct script *script) {
    if (script->left == 0) {
        return 0;
    }
    script->left--;
    return *script->at++;
}

/* Memory of exactly that size, so that the sanitizer sees a read beyond its end. */
static uint8_t *next_bytes(struct script *script, size_t *length) {
    size_t wanted = (size_t)next_byte(script) * 16 + next_byte(script) % 16;
    size_t taken = wanted < script->left ? wanted : script->left;
    uint8_t *bytes = malloc(taken);
    memcpy(bytes, script->at, taken);
    script->at += taken;
    script->left -= taken;
    *length = taken;
    return bytes;
}

/* Cuts the bytes into vectors, empty ones among them. */
static int cut(struct script *script, uint8_t *bytes, size_t length, struct iovec *iov) {
    int count = 0;
    size_t at = 0;
    for (; count < IOVECS_MAX - 1; count++) {
        size_t piece = next_byte(script) * 4u;
        piece = piece < length - at ? piece : length - at;
        iov[count] = (struct iovec){.iov_base = bytes + at, .iov_len = piece};
        at += piece;
    }
    iov[count++] = (struct iovec){.iov_base = bytes + at, .iov_len = length - at};
    return count;
}

static ssize_t send_somehow(struct script *script, int fd, uint8_t *bytes, size_t length) {
    struct iovec iov[IOVECS_MAX];
    struct msghdr message = {.msg_iov = iov};
    switch (next_byte(script) % 5) {
    case 0: return write(fd, bytes, length);
    case 1: return send(fd, bytes, length, MSG_NOSIGNAL);
    case 2: return writev(fd, iov, cut(script, bytes, length, iov));
    case 3: return sendto(fd, bytes, length, MSG_DONTWAIT, NULL, 0);
    default:
        message.msg_iovlen = (size_t)cut(script, bytes, length, iov);
        return sendmsg(fd, &message, MSG_NOSIGNAL);
    }
}

static ssize_t receive_somehow(struct script *script, int fd, uint8_t *bytes, size_t length) {
    struct iovec iov[IOVECS_MAX];
    char control[16];
    struct msghdr message = {.msg_iov = iov, .msg_control = control, .msg_controllen = 16};
    switch (next_byte(script) % 5) {
    case 0: return read(fd, bytes, length);
    case 1: return recv(fd, bytes, length, MSG_DONTWAIT);
    case 2: return readv(fd, iov, cut(script, bytes, length, iov));
    case 3:
        recv(fd, bytes, length / 2, MSG_PEEK | MSG_DONTWAIT);
        return recvfrom(fd, bytes, length, MSG_DONTWAIT, NULL, NULL);
    default:
        message.msg_iovlen = (size_t)cut(script, bytes, length, iov);
        return recvmsg(fd, &message, MSG_DONTWAIT);
    }
}

/* A few kilobytes fit the socket's buffers, so nothing blocks and nothing is short. */
static void exchange(struct script *script, int from, int to) {
    size_t length;
    uint8_t *sent = next_bytes(script, &length);
    uint8_t *got = malloc(length);
    must(send_somehow(script, from, sent, length) == (ssize_t)length);
    size_t read_bytes = 0;
    while (read_bytes < length) {
        ssize_t n = receive_somehow(script, to, got + read_bytes, length - read_bytes);
        must(n > 0 || (n < 0 && errno == EAGAIN));
        read_bytes += n > 0 ? (size_t)n : 0;
    }
    must(memcmp(sent, got, length) == 0);
    free(sent);
    free(got);
}

static void write_log(struct script *script, int fd) {
    size_t length;
    uint8_t *line = next_bytes(script, &length);
    uint8_t *back = malloc(length);
    off_t at = lseek(fd, 0, SEEK_END);
    struct iovec iov[IOVECS_MAX];
    ssize_t written = next_byte(script) % 2 == 0
                          ? write(fd, line, length)
                          : writev(fd, iov, cut(script, line, length, iov));
    must(written == (ssize_t)length);
    must(pread(fd, back, length, at) == (ssize_t)length && memcmp(line, back, length) == 0);
    free(line);
    free(back);
}

/* Addresses of any family and length; connecting creates nothing. */
static void connect_anywhere(struct script *script) {
    size_t length;
    uint8_t *bytes = next_bytes(script, &length);
    int family = next_byte(script) % 2 == 0 ? AF_UNIX : AF_INET6;
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct sockaddr_storage name = {0};
    memcpy(&name, bytes, length < sizeof name ? length : sizeof name);
    if (family == AF_UNIX) {
        name.ss_family = AF_UNIX;
        connect(fd, (struct sockaddr *)&name, (socklen_t)(length % (sizeof name + 1)));
    } else {
        connect(fd, (struct sockaddr *)&name, 0);
    }
    close(fd);
    free(bytes);
}

static void pass_descriptor(int from, int to) {
    int pair[2];
    must(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(int))];
    } control = {.header = {.cmsg_len = CMSG_LEN(sizeof from), .cmsg_level = SOL_SOCKET,
                            .cmsg_type = SCM_RIGHTS}};
    memcpy(CMSG_DATA(&control.header), &from, sizeof from);
    struct iovec iov = {.iov_base = "f", .iov_len = 1};
    struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
                             .msg_controllen = sizeof control};
    must(sendmsg(pair[0], &message, 0) == 1);
    char got;
    iov.iov_base = &got;
    must(recvmsg(pair[1], &message, 0) == 1);
    int passed;
    memcpy(&passed, CMSG_DATA(&control.header), sizeof passed);
    must(write(passed, "x", 1) == 1 && read(to, &got, 1) == 1 && got == 'x');
    close(passed);
    close(pair[0]);
    close(pair[1]);
}

/* Datagrams of the script's own bytes, and of a question that they spoil, to every kind of room for
 * an address. */
static void datagrams(struct script *script) {
    static const uint8_t question[] = {0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 'a', 0, 0, 1, 0, 1};
    int ends[2] = {socket(AF_INET, SOCK_DGRAM, 0), socket(AF_INET, SOCK_DGRAM, 0)};
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t room = sizeof at;
    must(bind(ends[1], (struct sockaddr *)&at, room) == 0);
    must(getsockname(ends[1], (struct sockaddr *)&at, &room) == 0);
    for (int i = 0; i < 4; i++) {
        size_t length;
        uint8_t *bytes = next_bytes(script, &length);
        uint8_t *sent = malloc(sizeof question + length);
        memcpy(sent, question, sizeof question);
        memcpy(sent + sizeof question, bytes, length);
        size_t spoilt = next_byte(script) % sizeof question;
        sent[spoilt] ^= next_byte(script);
        size_t total = sizeof question + length - next_byte(script) % (sizeof question + 1);
        struct iovec iov[IOVECS_MAX];
        struct msghdr message = {.msg_iov = iov, .msg_name = &at, .msg_namelen = sizeof at};
        message.msg_iovlen = (size_t)cut(script, sent, total, iov);
        must(sendmsg(ends[0], &message, 0) == (ssize_t)total);
        size_t asked = next_byte(script) * 4u;
        uint8_t *got = malloc(asked);
        room = next_byte(script) % 32;
        /* Of an address that is cut short by its room, what lies behind the room is read. */
        void *from = malloc(room < sizeof at ? sizeof at : room);
        int flags = next_byte(script) % 2 == 0 ? 0 : MSG_TRUNC;
        ssize_t n = recvfrom(ends[1], got, asked, flags, from, &room);
        must(n == (ssize_t)(flags == 0 && asked < total ? asked : total));
        must(memcmp(got, sent, asked < total ? asked : total) == 0);
        free(from);
        free(got);
        free(sent);
        free(bytes);
    }
    close(ends[0]);
    close(ends[1]);
}

static int connected(int *server) {
    int client = socket(AF_INET, SOCK_STREAM, 0);
    must(connect(client, (struct sockaddr *)&listening, sizeof listening) == 0);
    *server = accept(listener, NULL, NULL);
    must(*server >= 0);
    struct linger at_once = {.l_onoff = 1};
    setsockopt(client, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    return client;
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc;
    (void)argv;
    socklen_t bytes = sizeof listening;
    listening = (struct sockaddr_in){.sin_family = AF_INET,
                                     .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    listener = socket(AF_INET, SOCK_STREAM, 0);
    must(bind(listener, (struct sockaddr *)&listening, bytes) == 0 && listen(listener, 8) == 0);
    must(getsockname(listener, (struct sockaddr *)&listening, &bytes) == 0);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct script script = {.at = data, .left = size};
    char path[] = "/tmp/olly-fuzz-XXXXXX";
    int log = mkstemp(path);
    unlink(path);
    int server;
    int client = connected(&server);
    while (script.left != 0) {
        switch (next_byte(&script) % 9) {
        case 0:
        case 1: exchange(&script, client, server); break;
        case 2: exchange(&script, server, client); break;
        case 3: write_log(&script, log); break;
        case 4: connect_anywhere(&script); break;
        case 5: pass_descriptor(client, server); break;
        case 6: datagrams(&script); break;
        case 7:
            must(dup2(client, client + 40) == client + 40);
            must(close(client + 40) == 0);
            break;
        default: must(write(client, NULL, 1) == -1 && errno == EFAULT); break;
        }
    }
    close(client);
    close(server);
    close(log);
    return 0;
}
