/*
 * A process that speaks the wire contract without libolly: it does what lines on stdin tell it and
 * answers each with one line. Invariant: built from olly_wire.h alone, so that the agent is tested
 * against the contract and not against one library's reading of it.
 *
 * Words are separated by spaces; a space within a word is written as the byte 0x1f.
 *
 * hello SOCKET DATA_BYTES SEALS [KEY VALUE]...   new ring (0 bytes: none), sent with PROCESS
 * put TYPE FD TIME_NS TEXT                       one record; time 0 = now
 * burst COUNT PAYLOAD_BYTES                      records as fast as they fit; full = wait
 * exchanges COUNT PER_SECOND CONNECTIONS         HTTP exchanges of 1 KB as a server sees them, with
 *                                                sequence numbers; 0 = as fast as they fit
 * reserve PAYLOAD_BYTES                          a record that is never committed
 * poke OFFSET HEX                                bytes anywhere in the shared memory
 * count INDEX AMOUNT                             adds to a counter of the library
 * refused                                        ok when the agent's verdict says so
 * datagram SOCKET TYPE FD TIME_NS TEXT           as a sender of the original protocol
 * raw SOCKET HEX                                 any bytes as a datagram
 * exec PROGRAM                                   becomes another program, same pid
 * quit
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "../../libolly/include/olly_wire.h"

#define WORDS_MAX 64
#define LINE_BYTES_MAX 131072
#define CONNECTIONS_MAX 64
#define FIRST_FD 10

static struct olly_ring_header *ring;
static uint64_t data_bytes;
static int last_error;

static uint64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static struct olly_header header_of(int type, int fd, uint64_t time, size_t payload) {
    return (struct olly_header){
        .msg_type = (uint8_t)type,
        .pid = (uint32_t)getpid(),
        .tid = (uint32_t)gettid(),
        .fd = fd,
        .payload_len = (uint32_t)payload,
        .timestamp_ns = time != 0 ? time : now_ns(),
    };
}

static bool send_datagram(const char *path, const void *bytes, size_t n, int passed_fd) {
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    strncpy(to.sun_path, path, sizeof to.sun_path - 1);
    struct iovec iov = {(void *)(uintptr_t)bytes, n};
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct msghdr message = {
        .msg_name = &to, .msg_namelen = sizeof to, .msg_iov = &iov, .msg_iovlen = 1};
    if (passed_fd >= 0) {
        message.msg_control = &control;
        message.msg_controllen = sizeof control.bytes;
        control.header = (struct cmsghdr){
            .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
        memcpy(CMSG_DATA(&control.header), &passed_fd, sizeof passed_fd);
    }
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool sent = sendmsg(fd, &message, 0) == (ssize_t)n;
    last_error = errno;
    close(fd);
    return sent;
}

static int make_ring(uint64_t bytes, int seals) {
    int fd = memfd_create("ring", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    size_t size = OLLY_RING_HEADER_BYTES + bytes;
    if (fd < 0 || ftruncate(fd, (off_t)size) != 0) {
        return -1;
    }
    ring = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    data_bytes = bytes;
    ring->magic = OLLY_RING_MAGIC;
    ring->version = OLLY_WIRE_VERSION;
    ring->data_bytes = (uint32_t)bytes;
    ring->pid = (uint32_t)getpid();
    ring->limit = bytes < OLLY_RING_DATA_BYTES_MIN ? bytes : OLLY_RING_DATA_BYTES_MIN;
    fcntl(fd, F_ADD_SEALS, seals);
    return fd;
}

static bool hello(int count, char **words) {
    static char datagram[sizeof(struct olly_header) + OLLY_PAYLOAD_BYTES_MAX];
    size_t used = sizeof(struct olly_header);
    for (int i = 4; i < count; i++) {
        size_t n = strlen(words[i]) + 1;
        if (used + n > sizeof datagram) {
            return false;
        }
        memcpy(datagram + used, words[i], n);
        used += n;
    }
    struct olly_header header =
        header_of(OLLY_MSG_PROCESS, -1, 0, used - sizeof(struct olly_header));
    memcpy(datagram, &header, sizeof header);
    uint64_t bytes = strtoull(words[2], NULL, 0);
    int fd = bytes == 0 ? -1 : make_ring(bytes, atoi(words[3]));
    bool sent = send_datagram(words[1], datagram, used, fd);
    if (fd >= 0) {
        close(fd);
    }
    return sent;
}

static uint8_t *place(uint64_t position) {
    return (uint8_t *)ring + OLLY_RING_HEADER_BYTES + (position & (data_bytes - 1));
}

static void commit(uint64_t position, uint64_t low) {
    uint64_t word = low | (uint64_t)OLLY_RING_STAMP(position) << 32;
    __atomic_store_n((uint64_t *)(void *)place(position), word, __ATOMIC_RELEASE);
}

/* Position of a record of this length, or UINT64_MAX when the ring is full. */
static uint64_t reserve(uint64_t length) {
    uint64_t head = __atomic_load_n(&ring->head, __ATOMIC_ACQUIRE);
    uint64_t to_end, padding;
    do {
        to_end = data_bytes - (head & (data_bytes - 1));
        padding = length > to_end ? to_end : 0;
        uint64_t limit = __atomic_load_n(&ring->limit, __ATOMIC_ACQUIRE);
        if (head + padding + length > limit) {
            return UINT64_MAX;
        }
    } while (!__atomic_compare_exchange_n(&ring->head, &head, head + padding + length, true,
                                          __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE));
    if (padding != 0) {
        commit(head, padding | OLLY_RING_PADDING);
    }
    return head + padding;
}

static bool put(const struct olly_header *header, const void *payload) {
    uint64_t bytes = OLLY_RING_WORD_BYTES + sizeof *header + header->payload_len;
    uint64_t length = (bytes + 7) & ~7ull;
    uint64_t position = reserve(length);
    if (position == UINT64_MAX) {
        return false;
    }
    memcpy(place(position) + OLLY_RING_WORD_BYTES, header, sizeof *header);
    memcpy(place(position) + OLLY_RING_WORD_BYTES + sizeof *header, payload, header->payload_len);
    commit(position, length);
    return true;
}

static bool burst(uint64_t count, size_t bytes) {
    static char payload[OLLY_PAYLOAD_BYTES_MAX];
    memset(payload, 'x', sizeof payload);
    for (uint64_t i = 0; i < count; i++) {
        struct olly_header header = header_of(OLLY_MSG_DATA_OUT, (int)i, 0, bytes);
        while (!put(&header, payload)) {
            sched_yield();
        }
    }
    return true;
}

static const char request[] =
    "GET /api/orders/4711?expand=items HTTP/1.1\r\nHost: shop.example:8080\r\n"
    "User-Agent: bench/1.0\r\nAccept: */*\r\nAccept-Encoding: gzip\r\nConnection: keep-alive\r\n\r\n";
static const char response[] =
    "HTTP/1.1 200 OK\r\nServer: bench\r\nDate: Sat, 21 Nov 2026 07:00:00 GMT\r\n"
    "Content-Type: application/json\r\nContent-Length: 696\r\n\r\n";

static void put_sequenced(int type, int fd, const void *payload, size_t bytes) {
    static uint16_t sequence[CONNECTIONS_MAX];
    struct olly_header header = header_of(type, FIRST_FD + fd, 0, bytes);
    header.flags = OLLY_FLAG_SEQUENCED;
    header.seq = sequence[fd]++;
    header.tid = header.pid + (uint32_t)fd; /* a thread for each connection */
    while (!put(&header, payload)) {
        sched_yield();
    }
}

static bool exchanges(uint64_t count, uint64_t per_second, int connections) {
    static int opened;
    static char answer[sizeof response - 1 + 696];
    if (connections < 1 || connections > CONNECTIONS_MAX) {
        return false;
    }
    memcpy(answer, response, sizeof response - 1);
    memset(answer + sizeof response - 1, 'x', 696);
    for (; opened < connections; opened++) {
        uint8_t port = (uint8_t)opened;
        uint8_t addresses[12] = {10, 0, 0, 1, 200, port, 10, 0, 0, 2, 31, 144};
        put_sequenced(OLLY_MSG_ACCEPT, opened, addresses, sizeof addresses);
    }
    uint64_t start = now_ns();
    for (uint64_t i = 0; i < count; i++) {
        int fd = (int)(i % (uint64_t)connections);
        if (per_second != 0 && i % 16 == 0) {
            uint64_t due = start + i * 1000000000u / per_second;
            uint64_t now = now_ns();
            if (due > now) {
                usleep((useconds_t)((due - now) / 1000));
            }
        }
        put_sequenced(OLLY_MSG_DATA_IN, fd, request, sizeof request - 1);
        put_sequenced(OLLY_MSG_DATA_OUT, fd, answer, sizeof answer);
    }
    return true;
}

static size_t unhex(const char *hex, uint8_t *to) {
    size_t n = strlen(hex) / 2;
    for (size_t i = 0; i < n; i++) {
        unsigned byte = 0;
        sscanf(hex + 2 * i, "%2x", &byte);
        to[i] = (uint8_t)byte;
    }
    return n;
}

static bool obey(int count, char **words) {
    static uint8_t bytes[LINE_BYTES_MAX];
    const char *verb = words[0];
    if (strcmp(verb, "hello") == 0 && count >= 4) {
        return hello(count, words);
    }
    if (strcmp(verb, "put") == 0 && count == 5) {
        struct olly_header header = header_of(atoi(words[1]), atoi(words[2]),
                                              strtoull(words[3], NULL, 0), strlen(words[4]));
        return put(&header, words[4]);
    }
    if (strcmp(verb, "burst") == 0 && count == 3) {
        return burst(strtoull(words[1], NULL, 0), strtoull(words[2], NULL, 0));
    }
    if (strcmp(verb, "exchanges") == 0 && count == 4) {
        return exchanges(strtoull(words[1], NULL, 0), strtoull(words[2], NULL, 0), atoi(words[3]));
    }
    if (strcmp(verb, "reserve") == 0 && count == 2) {
        return reserve((40 + strtoull(words[1], NULL, 0) + 7) & ~7ull) != UINT64_MAX;
    }
    if (strcmp(verb, "poke") == 0 && count == 3) {
        size_t n = unhex(words[2], bytes);
        memcpy((uint8_t *)ring + strtoull(words[1], NULL, 0), bytes, n);
        return true;
    }
    if (strcmp(verb, "count") == 0 && count == 3) {
        ring->counters[atoi(words[1])] += strtoull(words[2], NULL, 0);
        return true;
    }
    if (strcmp(verb, "refused") == 0) {
        return ring->verdict == OLLY_VERDICT_REFUSED;
    }
    if (strcmp(verb, "datagram") == 0 && count == 6) {
        size_t n = strlen(words[5]);
        struct olly_header header =
            header_of(atoi(words[2]), atoi(words[3]), strtoull(words[4], NULL, 0), n);
        memcpy(bytes, &header, sizeof header);
        memcpy(bytes + sizeof header, words[5], n);
        return send_datagram(words[1], bytes, sizeof header + n, -1);
    }
    if (strcmp(verb, "raw") == 0 && count == 3) {
        return send_datagram(words[1], bytes, unhex(words[2], bytes), -1);
    }
    if (strcmp(verb, "exec") == 0 && count == 2) {
        execl(words[1], words[1], (char *)NULL);
        last_error = errno;
    }
    return false;
}

int main(void) {
    static char line[LINE_BYTES_MAX];
    char *words[WORDS_MAX];
    printf("ready %d\n", getpid());
    fflush(stdout);
    while (fgets(line, sizeof line, stdin) != NULL) {
        int count = 0;
        for (char *word = strtok(line, " \n"); word != NULL && count < WORDS_MAX;
             word = strtok(NULL, " \n")) {
            for (char *c = word; *c != '\0'; c++) {
                *c = *c == '\x1f' ? ' ' : *c;
            }
            words[count++] = word;
        }
        if (count == 0 || strcmp(words[0], "quit") == 0) {
            return 0;
        }
        last_error = 0;
        if (obey(count, words)) {
            printf("ok\n");
        } else {
            printf("failed %d\n", last_error);
        }
        fflush(stdout);
    }
    return 0;
}
