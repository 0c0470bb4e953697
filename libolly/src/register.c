/*
 * Hands a ring to the agent that is running: at start, after fork, after an agent restart.
 * Invariant: one thread does it, the others pass their calls through; no descriptor outlives this
 * file's functions, and an absent or busy agent costs a bounded number of attempts.
 */
#include <errno.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "olly.h"

#define OLLY__RING_BYTES (OLLY_RING_HEADER_BYTES + (size_t)olly_ring_bytes)

char olly_socket_path[OLLY_PATH_BYTES_MAX];
uint64_t olly_start_time;

/* In a directory that others may write to anybody could listen. */
static long olly__socket_is_trusted(void) {
    struct stat about = {.st_uid = UINT32_MAX};
    long result = olly_raw(SYS_newfstatat, AT_FDCWD, olly_socket_path, &about, 0);
    return result < 0 ? result : olly_is_trusted_owner(about.st_uid) ? 0 : -EACCES;
}

/* Connected to the hook socket, or a negative errno. */
int olly_hook_socket_open(void) {
    long trusted = olly__socket_is_trusted();
    if (trusted < 0) {
        return (int)trusted;
    }
    long fd = olly_raw(SYS_socket, AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return (int)fd;
    }
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    memcpy(to.sun_path, olly_socket_path, sizeof olly_socket_path);
    long result = olly_raw(SYS_connect, fd, &to, sizeof to);
    if (result < 0) {
        olly_raw(SYS_close, fd);
        return (int)result;
    }
    return (int)fd;
}

static rlim_t olly__limit(int resource) {
    struct rlimit limit = {.rlim_cur = RLIM_INFINITY};
    olly_raw(SYS_prlimit64, 0, resource, 0, &limit);
    return limit.rlim_cur;
}

/* A ring takes as many addresses as it has bytes: few where the program's are limited. */
static void olly__choose_ring_bytes(rlim_t file_bytes_max) {
    if (olly_ring_bytes == 0) {
        bool large = olly__limit(RLIMIT_AS) == RLIM_INFINITY &&
                     OLLY_GET(olly_process->locks_memory) == 0 &&
                     file_bytes_max >= OLLY_RING_HEADER_BYTES + OLLY_RING_DATA_BYTES;
        OLLY_SET(olly_ring_bytes, large ? OLLY_RING_DATA_BYTES : OLLY_RING_DATA_BYTES_MIN);
    }
}

/* A sealed memfd of the ring's size, or a negative errno. */
static int olly__ring_file(void) {
    rlim_t file_bytes_max = olly__limit(RLIMIT_FSIZE);
    olly__choose_ring_bytes(file_bytes_max);
    /* Growing a file beyond its limit ends the process with SIGXFSZ. */
    if (file_bytes_max < OLLY__RING_BYTES) {
        return -EPERM;
    }
    long fd = olly_raw(SYS_memfd_create, "olly-ring", OLLY_MFD_CLOEXEC | OLLY_MFD_ALLOW_SEALING);
    if (fd < 0) {
        return (int)fd;
    }
    long result = olly_raw(SYS_ftruncate, fd, OLLY__RING_BYTES);
    if (result == 0) {
        result = olly_raw(SYS_fcntl, fd, OLLY_F_ADD_SEALS, OLLY_RING_SEALS);
    }
    if (result < 0) {
        olly_raw(SYS_close, fd);
        return (int)result;
    }
    return (int)fd;
}

static long olly__send_hello(int socket, int ring_fd) {
    static uint8_t payload[OLLY_PAYLOAD_BYTES_MAX];
    struct olly_header header = {
        .msg_type = OLLY_MSG_PROCESS,
        .pid = OLLY_GET(olly_process->pid),
        .tid = olly_tid(),
        .fd = (int32_t)OLLY_GET(olly_process->epoch),
        .timestamp_ns = olly_start_time,
    };
    header.payload_len = (uint32_t)olly_hello_payload(payload, sizeof payload);
    struct iovec iov[2] = {{&header, sizeof header}, {payload, header.payload_len}};
    union {
        struct cmsghdr header;
        uint8_t bytes[CMSG_SPACE(sizeof(int))];
    } control = {.bytes = {0}};
    struct msghdr message = {.msg_iov = iov, .msg_iovlen = 2};
    if (ring_fd >= 0) {
        message.msg_control = &control;
        message.msg_controllen = sizeof control;
        control.header = (struct cmsghdr){
            .cmsg_len = CMSG_LEN(sizeof(int)),
            .cmsg_level = SOL_SOCKET,
            .cmsg_type = SCM_RIGHTS,
        };
        memcpy(CMSG_DATA(&control.header), &ring_fd, sizeof ring_fd);
    }
    return olly_raw(SYS_sendmsg, socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* The agent may be about to read it, or may be stopped: so much may wait until it has said more. */
static uint64_t olly__first_limit(void) {
    uint64_t waiting = OLLY_GET(olly_control->ring_waiting_bytes);
    if (waiting < OLLY_RING_DATA_BYTES_MIN) {
        return OLLY_RING_DATA_BYTES_MIN;
    }
    return waiting < olly_ring_bytes ? waiting : olly_ring_bytes;
}

static void olly__ring_begin(struct olly_ring_header *ring) {
    ring->magic = OLLY_RING_MAGIC;
    ring->version = OLLY_WIRE_VERSION;
    ring->data_bytes = (uint32_t)olly_ring_bytes;
    ring->limit = olly__first_limit();
    ring->pid = OLLY_GET(olly_process->pid);
}

static long olly__hand_over_without_ring(int socket) {
    olly_process->token = olly_now() ^ (uint64_t)olly_process->pid << 40;
    long sent = olly__send_hello(socket, -1);
    if (sent >= 0) {
        __atomic_store_n(&olly_process->mode, OLLY_MODE_DATAGRAM, __ATOMIC_RELEASE);
    }
    return sent;
}

static long olly__hand_over_ring(int socket) {
    int fd = olly__ring_file();
    if (fd == -ENOSYS || fd == -EPERM || fd == -EACCES) {
        return olly__hand_over_without_ring(socket);
    }
    if (fd < 0) {
        return fd;
    }
    long ring = olly_map_ring(NULL, OLLY__RING_BYTES, MAP_SHARED, fd);
    if (ring < 0 && ring >= -4095) {
        olly_raw(SYS_close, fd);
        /* It is more than the program may still lock. */
        return ring == -EAGAIN ? olly__hand_over_without_ring(socket) : ring;
    }
    olly__ring_begin((struct olly_ring_header *)ring);
    long sent = olly__send_hello(socket, fd);
    olly_raw(SYS_close, fd);
    if (sent < 0) {
        olly_raw(SYS_munmap, ring, OLLY__RING_BYTES);
        return sent;
    }
    olly_ring_install((struct olly_ring_header *)ring);
    return sent;
}

static long olly__hand_over(void) {
    uint64_t key = olly_key();
    uint32_t epoch = (uint32_t)key;
    int socket = olly_hook_socket_open();
    if (socket < 0) {
        return socket;
    }
    /* While mode is NONE the other threads pass through and count. */
    __atomic_store_n(&olly_process->mode, OLLY_MODE_NONE, __ATOMIC_RELEASE);
    OLLY_SET(olly_process->epoch, epoch);
    long sent = olly__hand_over_ring(socket);
    olly_raw(SYS_close, socket);
    if (sent >= 0) {
        __atomic_store_n(&olly_seen_key, key, __ATOMIC_RELAXED);
        olly_generation_next();
    }
    return sent;
}

/* The agent's queue of datagrams is full, as opposed to: there is no agent. */
static bool olly__is_busy(long error) {
    return error == -EAGAIN || error == -ENOBUFS;
}

static bool olly__claim(uint64_t now) {
    uint64_t since = __atomic_load_n(&olly_process->registering_since, __ATOMIC_RELAXED);
    /* since may be later than now: another thread began after this one had looked at the clock. */
    if (since != 0 && (int64_t)(now - since) < (int64_t)OLLY_REGISTER_STUCK_NS) {
        return false;
    }
    return __atomic_compare_exchange_n(&olly_process->registering_since, &since, now, false,
                                       __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

bool olly_register(void) {
    struct olly_process *process = olly_process;
    uint64_t now = olly_now();
    if (now < __atomic_load_n(&process->next_attempt, __ATOMIC_RELAXED) ||
        !olly_same_process() || !olly__claim(now)) {
        return false;
    }
    OLLY_SET(process->pid, (uint32_t)olly_raw(SYS_getpid));
    /* Another thread may have done it between this one's look and its claim. */
    long result = olly_registered() ? 0 : olly__hand_over();
    if (result < 0) {
        OLLY_SET(process->next_attempt, now + (olly__is_busy(result) ? OLLY_REGISTER_BUSY_NS
                                                                     : OLLY_REGISTER_ABSENT_NS));
    }
    __atomic_store_n(&process->registering_since, 0, __ATOMIC_RELEASE);
    return result >= 0;
}

/* The verdict of an agent without a ring to write it to: a list of tokens, read when it grew. */
bool olly_refused_on_page(void) {
    const struct olly_control_page *control = olly_control;
    uint32_t refusals = __atomic_load_n(&control->refusals, __ATOMIC_ACQUIRE);
    if (refusals == OLLY_GET(olly_process->refusals_seen)) {
        return false;
    }
    for (size_t i = 0; i < OLLY_REFUSED_MAX; i++) {
        if (__atomic_load_n(&control->refused[i], __ATOMIC_RELAXED) == olly_process->token) {
            return true;
        }
    }
    OLLY_SET(olly_process->refusals_seen, refusals);
    return false;
}

/* Quiet for the rest of this agent's epoch, and the ring's memory goes back: empty memory takes
 * its address, because another thread may still be writing there. */
void olly_refuse(void) {
    struct olly_process *process = olly_process;
    if (!olly_same_process() || !olly__claim(olly_now())) {
        return;
    }
    uint32_t mode = OLLY_GET(process->mode);
    if (mode != OLLY_MODE_NONE && olly_refused()) {
        OLLY_SET(process->refused_epoch, OLLY_GET(process->epoch));
        __atomic_store_n(&process->mode, OLLY_MODE_NONE, __ATOMIC_RELEASE);
    }
    if (mode == OLLY_MODE_RING && OLLY_GET(process->mode) == OLLY_MODE_NONE) {
        process->owns_ring = 0;
        olly_map_ring(OLLY_GET(olly_ring), OLLY__RING_BYTES,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1);
    }
    __atomic_store_n(&process->registering_since, 0, __ATOMIC_RELEASE);
}

/* Unmaps every ring; the agent reads the last one to its end from a mapping of its own. False when
 * no new one could be handed over. The caller is the only thread. */
bool olly_rings_leave(void) {
    int socket = olly_hook_socket_open();
    if (socket < 0) {
        return false;
    }
    olly_raw(SYS_close, socket);
    if (!olly__claim(olly_now())) {
        return false;
    }
    __atomic_store_n(&olly_process->mode, OLLY_MODE_NONE, __ATOMIC_SEQ_CST);
    olly_process->owns_ring = 0;
    olly_rings_unmap();
    OLLY_SET(olly_ring_bytes, 0);
    __atomic_store_n(&olly_process->registering_since, 0, __ATOMIC_RELEASE);
    return true;
}

/* Before the program goes where the socket's path leads nowhere. A dormant one may be traced
 * later, when it is too late to ask. */
void olly_register_while_reachable(void) {
    if (olly_control_is_mapped() && olly_same_process()) {
        (void)olly_ready();
    }
}

/* Before the program runs there is time to wait for a busy agent, but not much. */
void olly_register_at_start(void) {
    for (uint32_t i = 0; i < OLLY_START_ATTEMPTS && !olly_register(); i++) {
        if (OLLY_GET(olly_process->next_attempt) - olly_now() > OLLY_REGISTER_BUSY_NS) {
            return; /* absent, not busy */
        }
        struct timespec pause = {.tv_sec = 0, .tv_nsec = OLLY_REGISTER_BUSY_NS};
        olly_raw(SYS_nanosleep, &pause, 0);
    }
}
