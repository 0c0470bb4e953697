/*
 * See harness.h.
 * Invariant: the consumer follows olly_wire.h to the letter, so that it tests the producer.
 */
#define _GNU_SOURCE
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

void check_failed(const char *file, int line, const char *what) {
    fprintf(stderr, "%s:%d: %s\n", file, line, what);
    exit(1);
}

static char *path_in(const struct agent *agent, const char *name) {
    static char path[2][256];
    static int turn;
    turn = !turn;
    snprintf(path[turn], sizeof path[turn], "%s/%s", agent->dir, name);
    return path[turn];
}

struct agent *agent_new(const char *library) {
    struct agent *agent = calloc(1, sizeof *agent);
    agent->keep = true;
    snprintf(agent->dir, sizeof agent->dir, "/tmp/olly-test-XXXXXX");
    CHECK(mkdtemp(agent->dir) != NULL);
    CHECK(realpath(library, agent->library) != NULL);
    CHECK(chmod(agent->dir, 0755) == 0);
    int fd = open(path_in(agent, "control"), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    CHECK(fd >= 0 && ftruncate(fd, OLLY_CONTROL_BYTES) == 0);
    agent->control = mmap(NULL, OLLY_CONTROL_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(agent->control != MAP_FAILED);
    close(fd);
    agent->control->version = OLLY_WIRE_VERSION;
    agent->control->agent_epoch = 1;
    agent->control->capture_bytes_max = OLLY_PAYLOAD_BYTES_MAX;
    agent->control->switches = OLLY_SWITCH_LOG_CAPTURE;
    agent->socket = -1;
    agent_listen(agent);
    agent_activate(agent, true);
    return agent;
}

static size_t ring_bytes(const struct olly_ring_header *ring) {
    return OLLY_RING_HEADER_BYTES + (size_t)ring->data_bytes;
}

void agent_listen(struct agent *agent) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s/hook.sock", agent->dir);
    unlink(address.sun_path);
    agent->socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    CHECK(bind(agent->socket, (struct sockaddr *)&address, sizeof address) == 0);
    CHECK(chmod(address.sun_path, 0777) == 0);
}

void agent_leave(struct agent *agent) {
    close(agent->socket);
    agent->socket = -1;
    for (size_t i = 0; i < agent->ring_count; i++) {
        munmap(agent->rings[i].header, ring_bytes(agent->rings[i].header));
    }
    agent->ring_count = 0;
}

void agent_restart(struct agent *agent) {
    agent_leave(agent);
    agent_listen(agent);
    __atomic_fetch_add(&agent->control->agent_epoch, 1, __ATOMIC_SEQ_CST);
}

void agent_activate(struct agent *agent, bool active) {
    if (active) {
        agent->control->activation++;
    }
    __atomic_store_n(&agent->control->active, active, __ATOMIC_SEQ_CST);
}

static void keep_message(struct agent *agent, const uint8_t *bytes, size_t length) {
    struct message message;
    CHECK(length >= sizeof message.header);
    memcpy(&message.header, bytes, sizeof message.header);
    CHECK(message.header.payload_len <= OLLY_PAYLOAD_BYTES_MAX);
    CHECK(sizeof message.header + message.header.payload_len <= length);
    agent->seen++;
    if (!agent->keep) {
        return;
    }
    message.payload = malloc(message.header.payload_len + 1u);
    memcpy(message.payload, bytes + sizeof message.header, message.header.payload_len);
    message.payload[message.header.payload_len] = 0;
    if (agent->count == agent->room) {
        agent->room = agent->room * 2 + 256;
        agent->messages = realloc(agent->messages, agent->room * sizeof message);
    }
    agent->messages[agent->count++] = message;
}

static void ring_release(struct ring *ring, uint64_t tail) {
    ring->tail = tail;
    __atomic_store_n(&ring->header->tail, tail, __ATOMIC_RELEASE);
    __atomic_store_n(&ring->header->limit, tail + ring->waiting_max, __ATOMIC_RELEASE);
}

/* Everything has been read: on with the beginning of the data, unless somebody writes meanwhile. */
static void ring_rewind(struct ring *ring) {
    uint64_t head = ring->tail, lap = ring->header->data_bytes, place = head & (lap - 1);
    uint64_t next = head - place + lap;
    if (place < OLLY_RING_DATA_BYTES_MIN / 2) {
        return;
    }
    uint64_t most = place < ring->waiting_max ? place : ring->waiting_max;
    __atomic_store_n(&ring->header->limit, next + most, __ATOMIC_SEQ_CST);
    if (__atomic_compare_exchange_n(&ring->header->head, &head, next, false, __ATOMIC_SEQ_CST,
                                    __ATOMIC_RELAXED)) {
        ring_release(ring, next);
        ring->rewinds++;
    }
}

static void ring_drain(struct agent *agent, struct ring *ring) {
    uint8_t *data = (uint8_t *)ring->header + OLLY_RING_HEADER_BYTES;
    uint64_t head = __atomic_load_n(&ring->header->head, __ATOMIC_ACQUIRE);
    uint64_t lap = ring->header->data_bytes;
    CHECK(head >= ring->tail && head <= ring->header->limit);
    while (ring->tail < head) {
        uint64_t at = ring->tail & (lap - 1);
        uint64_t word = __atomic_load_n((uint64_t *)(void *)(data + at), __ATOMIC_ACQUIRE);
        if ((uint32_t)(word >> 32) != OLLY_RING_STAMP(ring->tail)) {
            break; /* not stored yet */
        }
        uint32_t length = (uint32_t)word & ~OLLY_RING_PADDING;
        CHECK(length >= OLLY_RING_WORD_BYTES && length % 8 == 0);
        CHECK(at + length <= lap);
        if (((uint32_t)word & OLLY_RING_PADDING) == 0) {
            keep_message(agent, data + at + OLLY_RING_WORD_BYTES, length - OLLY_RING_WORD_BYTES);
        } else {
            CHECK(at + length == lap);
        }
        ring->tail += length;
    }
    ring_release(ring, ring->tail);
    if (ring->tail == head) {
        ring_rewind(ring);
    }
}

static void ring_add(struct agent *agent, int fd, uint32_t pid) {
    int seals = fcntl(fd, F_GET_SEALS);
    CHECK((seals & (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW)) ==
          (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW));
    CHECK(agent->ring_count < RINGS_MAX);
    struct ring *ring = &agent->rings[agent->ring_count++];
    *ring = (struct ring){.pid = pid};
    struct stat about;
    CHECK(fstat(fd, &about) == 0);
    ring->header = mmap(NULL, (size_t)about.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(ring->header != MAP_FAILED && (size_t)about.st_size == ring_bytes(ring->header));
    CHECK(ring->header->magic == OLLY_RING_MAGIC && ring->header->version == OLLY_WIRE_VERSION);
    CHECK(ring->header->data_bytes == OLLY_RING_DATA_BYTES ||
          ring->header->data_bytes == OLLY_RING_DATA_BYTES_MIN);
    ring->waiting_max = ring->header->limit;
    CHECK(ring->waiting_max == OLLY_RING_DATA_BYTES_MIN ||
          ring->waiting_max == ring->header->data_bytes);
    CHECK(ring->header->pid == pid);
    close(fd);
}

static void close_received(struct cmsghdr *part) {
    int fd;
    if (part != NULL) {
        memcpy(&fd, CMSG_DATA(part), sizeof fd);
        close(fd);
    }
}

static bool receive(struct agent *agent) {
    static uint8_t bytes[OLLY_PAYLOAD_BYTES_MAX + 64];
    uint8_t control[CMSG_SPACE(sizeof(int))] __attribute__((aligned(8)));
    struct iovec iov = {bytes, sizeof bytes};
    struct msghdr message = {.msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof control};
    ssize_t got = recvmsg(agent->socket, &message, MSG_CMSG_CLOEXEC);
    if (got < 0) {
        return false;
    }
    struct cmsghdr *part = CMSG_FIRSTHDR(&message);
    struct olly_header header;
    memcpy(&header, bytes, sizeof header);
    if (header.msg_type == OLLY_MSG_PROCESS &&
        header.fd != (int32_t)agent->control->agent_epoch) {
        close_received(part); /* made for the agent before this one: it comes again */
        return true;
    }
    keep_message(agent, bytes, (size_t)got);
    if (bytes[0] == OLLY_MSG_PROCESS) {
        agent->hellos++;
    }
    if (part != NULL) {
        int fd;
        memcpy(&fd, CMSG_DATA(part), sizeof fd);
        CHECK(bytes[0] == OLLY_MSG_PROCESS);
        uint32_t pid;
        memcpy(&pid, bytes + 4, 4);
        ring_add(agent, fd, pid);
    }
    return true;
}

void agent_poll(struct agent *agent) {
    while (agent->socket >= 0 && receive(agent)) {
    }
    for (size_t i = 0; i < agent->ring_count && !agent->paused; i++) {
        ring_drain(agent, &agent->rings[i]);
    }
}

uint64_t agent_counter(const struct agent *agent, enum olly_counter counter) {
    uint64_t total = 0;
    for (size_t i = 0; i < agent->ring_count; i++) {
        total += agent->rings[i].header->counters[counter];
    }
    return total;
}

void agent_clear(struct agent *agent) {
    for (size_t i = 0; i < agent->count; i++) {
        free(agent->messages[i].payload);
    }
    agent->count = 0;
    agent->hellos = 0;
    agent->seen = 0;
    for (size_t i = 0; i < agent->ring_count; i++) {
        munmap(agent->rings[i].header, ring_bytes(agent->rings[i].header));
    }
    agent->ring_count = 0;
}

void agent_free(struct agent *agent) {
    agent_clear(agent);
    free(agent->messages);
    close(agent->socket);
    unlink(path_in(agent, "control"));
    unlink(path_in(agent, "hook.sock"));
    rmdir(agent->dir);
    free(agent);
}

static void refuse(int call, uint32_t by) {
    struct sock_filter steps[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)call, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, by),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = 4, .filter = steps};
    CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
}

/* A sanitizer's runtime (OLLY_TEST_RUNTIME) comes first, in bare runs too. */
static void preload(const struct agent *agent, bool hooked) {
    const char *runtime = getenv("OLLY_TEST_RUNTIME");
    const char *const entries[] = {runtime == NULL ? "" : runtime, agent->before,
                                   hooked ? agent->library : "", agent->after};
    char all[2048] = "";
    for (size_t i = 0; i < sizeof entries / sizeof *entries; i++) {
        size_t used = strlen(all);
        if (entries[i][0] != 0) {
            snprintf(all + used, sizeof all - used, "%s%s", used == 0 ? "" : ":", entries[i]);
        }
    }
    if (all[0] != 0) {
        setenv("LD_PRELOAD", all, 1);
    }
}

/* As in a container: the program and what started it are under the same filters. */
static void go_on_as_child(void) {
    pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        return;
    }
    siginfo_t end;
    CHECK(waitid(P_PID, (id_t)child, &end, WEXITED) == 0);
    _exit(end.si_code == CLD_EXITED ? end.si_status : 128 + end.si_status);
}

pid_t agent_start(struct agent *agent, char *const argv[], const char *output, bool hooked) {
    pid_t pid = fork();
    if (pid != 0) {
        return pid;
    }
    preload(agent, hooked);
    setenv("OLLY_SOCKET", path_in(agent, "hook.sock"), 1);
    setenv("OLLY_CONTROL", path_in(agent, "control"), 1);
    if (output != NULL) {
        int fd = open(output, O_WRONLY | O_CREAT | O_TRUNC, 0644);
        dup2(fd, 1);
        close(fd);
    }
    if (agent->refused_call != 0) {
        refuse(agent->refused_call, agent->refused_by);
        if (!agent->alone) {
            go_on_as_child();
        }
    }
    execvp(argv[0], argv);
    _exit(127);
}

int agent_wait(struct agent *agent, pid_t pid) {
    int status = 0;
    for (;;) {
        pid_t ended = waitpid(pid, &status, WNOHANG);
        agent_poll(agent);
        if (ended == pid) {
            return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        }
        struct timespec pause = {.tv_nsec = 500000};
        nanosleep(&pause, NULL);
    }
}

int agent_run(struct agent *agent, char *const argv[], const char *output, bool hooked) {
    return agent_wait(agent, agent_start(agent, argv, output, hooked));
}

const char *type_name(int type) {
    static const char *const names[] = {"?",     "CONNECT", "OUT",    "IN", "CLOSE",
                                        "SSLOUT", "SSLIN",   "ACCEPT", "LOG"};
    static const char *const own[] = {"PROCESS", "LOOKUP",   "SYSLOG",
                                      "DGRAM",   "DGRAMOUT", "DGRAMIN"};
    if (type >= OLLY_MSG_PROCESS && type <= OLLY_MSG_DATAGRAM_IN) {
        return own[type - OLLY_MSG_PROCESS];
    }
    return names[type >= 1 && type <= 8 ? type : 0];
}

static void print_message(FILE *to, const struct message *message) {
    const struct olly_header *header = &message->header;
    fprintf(to, "%s pid=%u tid=%u fd=%d seq=%d%s%s%s%s wire=%u len=%u ",
            type_name(header->msg_type), header->pid, header->tid, header->fd,
            (header->flags & OLLY_FLAG_SEQUENCED) != 0 ? header->seq : -1,
            (header->flags & OLLY_FLAG_MIDSTREAM) != 0 ? " mid" : "",
            (header->flags & OLLY_FLAG_ROLE_UNKNOWN) != 0 ? " norole" : "",
            (header->flags & OLLY_FLAG_UNIX) != 0 ? " unix" : "",
            (header->flags & OLLY_FLAG_EVENT_LOOP) != 0 ? " loop" : "", header->wire_len,
            header->payload_len);
    for (uint32_t i = 0; i < header->payload_len && i < 200; i++) {
        uint8_t byte = message->payload[i];
        fprintf(to, byte >= 32 && byte < 127 && byte != '\\' ? "%c" : "\\%02x", byte);
    }
    fputc('\n', to);
}

char *agent_text(const struct agent *agent) {
    char *text = NULL;
    size_t bytes = 0;
    FILE *to = open_memstream(&text, &bytes);
    for (size_t i = 0; i < agent->count; i++) {
        print_message(to, &agent->messages[i]);
    }
    fclose(to);
    return text;
}

size_t agent_matching(const struct agent *agent, int type, const char *payload) {
    size_t matching = 0;
    for (size_t i = 0; i < agent->count; i++) {
        const struct message *message = &agent->messages[i];
        matching += message->header.msg_type == type &&
                    (payload == NULL ||
                     memmem(message->payload, message->header.payload_len, payload,
                            strlen(payload)) != NULL);
    }
    return matching;
}

char *file_text(const char *path) {
    FILE *file = fopen(path, "r");
    char *text = calloc(1, 1 << 20);
    if (file != NULL) {
        size_t got = fread(text, 1, (1 << 20) - 1, file);
        text[got] = 0;
        fclose(file);
    }
    return text;
}
