/*
 * What the files of the library share: state, inline fast paths and each other's functions.
 * Invariant: nothing here allocates, locks or writes errno; the fast paths make no system call.
 */
#ifndef OLLY_H
#define OLLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "limits.h"
#include "real.h"
#include "syscalls.h"

#define OLLY_EXPORT __attribute__((visibility("default")))
#define OLLY_LIKELY(x) __builtin_expect(!!(x), 1)
#define OLLY_UNLIKELY(x) __builtin_expect(!!(x), 0)

/* Everything declared below is the library's own: reached directly, not through a table. */
#pragma GCC visibility push(hidden)

/* Defines an exported function under a C name of our own: the libc headers declare the same
 * symbols, some with variable arguments, and must not clash. */
#define OLLY_HOOK_ALWAYS(result, name, parameters)                            \
    OLLY_EXPORT result olly__hook_##name parameters __asm__(#name);           \
    OLLY_EXPORT result olly__hook_##name parameters

/* The same, with the body out of the way: dormant, it is one load and a jump, without a frame. */
#define OLLY_HOOK(result, name, parameters, arguments)                        \
    static result olly__active_##name parameters;                             \
    OLLY_HOOK_ALWAYS(result, name, parameters) {                              \
        if (olly_dormant()) {                                                 \
            return olly_real.name arguments;                                  \
        }                                                                     \
        return olly__active_##name arguments;                                 \
    }                                                                         \
    static __attribute__((noinline)) result olly__active_##name parameters

/* ---- control.c: the page that the agent writes and every hook reads first ---- */

extern const struct olly_control_page *olly_control;
extern uint64_t olly_seen_key; /* agent_epoch and activation as this process last saw them */
extern uint32_t olly_generation;

bool olly_control_map(const char *path);
bool olly_is_trusted_owner(uint32_t uid);
const struct olly_control_page *olly_control_set(const struct olly_control_page *page);
void olly_generation_next(void);
void olly_key_changed(uint64_t key);
bool olly_control_is_mapped(void);

static inline uint64_t olly_key(void) {
    const uint64_t *key = (const uint64_t *)(const void *)&olly_control->agent_epoch;
    return __atomic_load_n(key, __ATOMIC_RELAXED);
}

/* A new activation makes what the table knows stale. */
static inline void olly_refresh(void) {
    uint64_t key = olly_key();
    if (OLLY_UNLIKELY(key != __atomic_load_n(&olly_seen_key, __ATOMIC_RELAXED))) {
        olly_key_changed(key);
    }
}

/* ---- identity.c: who we are; a page that the kernel wipes in a forked child ---- */

enum olly_mode { OLLY_MODE_NONE = 0, OLLY_MODE_RING = 1, OLLY_MODE_DATAGRAM = 2 };

struct olly_process {
    uint32_t pid; /* 0: a forked child that has not looked yet */
    uint32_t mode;
    uint32_t epoch; /* of the agent that was given the ring */
    uint32_t owns_ring; /* olly_ring is this process's, not its parent's */
    uint64_t registering_since; /* 0: nobody is registering */
    uint64_t next_attempt;
    uint32_t refused_epoch; /* the agent of this epoch wants nothing of this process */
    uint32_t refusals_seen; /* of the control page, without a ring */
    uint32_t locks_memory;  /* mlockall() was called */
    uint64_t token;         /* by which the control page names this process, without a ring */
    uint64_t counters[OLLY_RING_COUNTERS]; /* until there is a ring */
};

extern struct olly_process *olly_process;

/* Its members are any thread's. */
#define OLLY_GET(member) __atomic_load_n(&(member), __ATOMIC_RELAXED)
#define OLLY_SET(member, value) __atomic_store_n(&(member), (value), __ATOMIC_RELAXED)

extern bool olly_process_wipes;

/* By the rules of the agent that is running. An agent's epoch is never 0. */
static inline bool olly_is_left_alone(void) {
    return OLLY_UNLIKELY(__atomic_load_n(&olly_process->refused_epoch, __ATOMIC_RELAXED) ==
                         __atomic_load_n(&olly_control->agent_epoch, __ATOMIC_RELAXED));
}

/* What every hook asks first. */
static inline bool olly_dormant(void) {
    return OLLY_LIKELY(__atomic_load_n(&olly_control->active, __ATOMIC_RELAXED) == 0) ||
           olly_is_left_alone();
}

struct olly_thread {
    uint32_t tid;
    uint32_t tid_pid; /* the process for which tid was asked */
    uint32_t event_loop;
    int32_t last_read_fd;
    uint64_t tls_ticket;   /* equals *tls_frame while this thread is inside an SSL call */
    uint64_t *tls_frame;
    void *tls_object; /* null: a handshake, whose bytes are shown */
    int32_t tls_fd;
    uint32_t tls_ambiguous; /* more than one awaits, in this turn of the loop */
    void *tls_awaiting; /* object whose bytes this thread will send next */
    int32_t tls_owner_fd; /* the socket of the call that this thread is inside, -1: not known */
};

extern __thread struct olly_thread olly_thread;

void olly_identity_start(void);
bool olly_same_process(void);
void olly_forked_without_wipe(void);
uint32_t olly_tid(void);

/* ---- confined.c ---- */

bool olly_may_call(void);
const struct olly_control_page *olly_confined(void);
void olly_not_confined(const struct olly_control_page *page);

/* ---- clock ---- */

extern int (*olly_clock_gettime)(clockid_t, struct timespec *);
int olly_clock_raw(clockid_t clock, struct timespec *now);

static inline uint64_t olly_now(void) {
    struct timespec now = {0, 0};
    olly_clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* ---- memory.c ---- */

void *memcpy(void *to, const void *from, size_t n);
void *memset(void *to, int byte, size_t n);
int memcmp(const void *a, const void *b, size_t n);
size_t olly_string_bytes(const char *string);
bool olly_string_equal(const char *a, const char *b);
size_t olly_string_copy(char *to, const char *from, size_t room);

/* ---- elf.c, resolve.c ---- */

struct olly_module {
    const char *name; /* as it was asked for: the entry of LD_PRELOAD */
    uintptr_t base;
    uintptr_t low;
    uintptr_t high;
    uintptr_t relro_low; /* read-only after relocation, before rounding to pages */
    uintptr_t relro_high;
    const void *dynamic;
    const char *strings;
    const void *symbols;
    const uint32_t *gnu_hash;
    const uint32_t *sysv_hash;
    const uint16_t *versions;
};

struct dl_phdr_info;
bool olly_module_read(const struct dl_phdr_info *info, struct olly_module *module);
void *olly_module_symbol(const struct olly_module *module, const char *name);
const char *olly_module_soname(const struct olly_module *module);
bool olly_module_needs(const struct olly_module *module, const char *soname);
/* Calls back for each loaded module, in load order, until a call returns non-zero. */
int olly_modules(int (*visit)(const struct olly_module *, void *), void *data);
bool olly_module_is_self(const struct olly_module *module);
void olly_resolve(void);
void *olly_find_next(const char *name);
void *olly_other(enum olly_other other);
int *olly_errno_place(void);
long olly_with_errno(long raw);

/* ---- init.c ---- */

const char *olly_environment(const char *name);
extern const char *const olly_repeated_variables[];
const char *olly_repeated_value(size_t index);

/* ---- ring.c ---- */

/* Where new messages go. A thread takes the address once for a message: another one may put a new
 * ring in its place meanwhile. */
extern struct olly_ring_header *olly_ring;

/* Data bytes of this process's rings: decided with the first one, because a thread may still be
 * writing to one ring while the next is put in its place. */
extern uint64_t olly_ring_bytes;

/* In a ring that was replaced: the word of a message that has been counted as lost. */
#define OLLY_RING_CLAIMED(position, length)                                                \
    ((length) | (uint64_t)(OLLY_RING_STAMP(position) ^ 0xffffffffu) << 32)

static inline uint8_t *olly_ring_at(const struct olly_ring_header *ring, uint64_t position) {
    return (uint8_t *)(uintptr_t)ring + OLLY_RING_HEADER_BYTES +
           (position & (OLLY_GET(olly_ring_bytes) - 1));
}

static inline uint64_t olly_ring_word(uint64_t position, uint64_t length) {
    return length | (uint64_t)OLLY_RING_STAMP(position) << 32;
}

/* The caller's buffers, and how far they have been copied. */
struct olly_gather {
    const struct iovec *iov;
    size_t count;
    size_t skip; /* bytes of the first one */
};

bool olly_ring_put(const struct olly_header *header, struct olly_gather *from);
uint64_t olly_ring_room(void);
void olly_gather_skip(struct olly_gather *from, size_t bytes);

/* ---- ring_swap.c ---- */

void olly_ring_install(struct olly_ring_header *ring);
void olly_ring_late(struct olly_ring_header *ring, uint64_t position, uint64_t length);
void olly_counters_move(uint64_t *from);
void olly_rings_unlock(void);
void olly_rings_unmap(void);

/* ---- memory_lock.c ---- */

long olly_map_ring(void *at, size_t bytes, int flags, int fd);

/* ---- register.c ---- */

extern char olly_socket_path[OLLY_PATH_BYTES_MAX];
extern uint64_t olly_start_time;

bool olly_register(void);
bool olly_refused_on_page(void);
void olly_refuse(void);
bool olly_rings_leave(void);
void olly_register_at_start(void);
void olly_register_while_reachable(void);
int olly_hook_socket_open(void);
size_t olly_hello_payload(uint8_t *to, size_t room);

/* Whether the agent's rules leave this process alone, which it says after the hello. */
static inline bool olly_refused(void) {
    if (OLLY_LIKELY(OLLY_GET(olly_process->mode) == OLLY_MODE_RING)) {
        return OLLY_GET(OLLY_GET(olly_ring)->verdict) == OLLY_VERDICT_REFUSED;
    }
    return olly_refused_on_page();
}

static inline bool olly_registered(void) {
    const struct olly_process *process = olly_process;
    return __atomic_load_n(&process->mode, __ATOMIC_ACQUIRE) != OLLY_MODE_NONE &&
           OLLY_GET(process->epoch) ==
               __atomic_load_n(&olly_control->agent_epoch, __ATOMIC_RELAXED);
}

/* True when messages can be emitted; otherwise tries to get there, at a bounded rate. */
static inline bool olly_ready(void) {
    if (OLLY_UNLIKELY(!olly_process_wipes)) {
        olly_forked_without_wipe();
    }
    if (OLLY_LIKELY(olly_registered())) {
        if (OLLY_LIKELY(!olly_refused())) {
            return true;
        }
        olly_refuse();
        return false;
    }
    return olly_register();
}

/* ---- emit.c ---- */

struct olly_event {
    uint8_t type;
    uint8_t flags;
    uint16_t seq;
    bool counted; /* seq comes from the table, one for each message that it takes */
    int32_t fd;
    uint64_t time;
    const struct iovec *iov; /* null: bytes that were never in the application's memory */
    size_t iov_count;
    size_t bytes; /* really read or written; the iovecs may hold more or fewer */
    size_t bytes_max; /* of payload, in all messages */
};

void olly_emit(const struct olly_event *event);
void olly_count(enum olly_counter counter);
size_t olly_capture_bytes_max(void);

/* ---- address.c ---- */

struct olly_addresses {
    uint8_t bytes[OLLY_ADDRESS_BYTES_MAX];
    uint8_t length;
    uint8_t role; /* of an AF_UNIX stream, which its names tell; else unknown */
    bool is_unix;
    bool is_named;
};

bool olly_addresses_of(int fd, uint32_t role, struct olly_addresses *out);
bool olly_addresses_to(int fd, const void *remote, size_t bytes, struct olly_addresses *out);
uint64_t olly_addresses_hash(const struct olly_addresses *addresses);
/* One address, as the remote forms of the wire have it; false: of no internet family. */
bool olly_address_own(int fd, struct olly_addresses *out);
bool olly_address_peer(int fd, struct olly_addresses *out);
bool olly_address_given(const void *at, size_t bytes, struct olly_addresses *out);

/* ---- table.c ---- */

/* An entry is one 64-bit word: class 2 bits, role 2, flags 4, address hash 24, generation 16,
 * sequence 16 (on top, so that counting wraps off the end). */
enum olly_class { OLLY_UNKNOWN = 0, OLLY_IGNORED = 1, OLLY_SOCKET = 2, OLLY_LOG = 3 };
enum olly_role {
    OLLY_ROLE_UNKNOWN = 0,
    OLLY_ROLE_CLIENT = 1,
    OLLY_ROLE_SERVER = 2,
    OLLY_ROLE_OF_DATAGRAMS = 3, /* either, from one to the next */
};
#define OLLY_ENTRY_CLASS 0x03u
#define OLLY_ENTRY_ROLE_SHIFT 2
#define OLLY_ENTRY_ROLE (0x03u << OLLY_ENTRY_ROLE_SHIFT)
#define OLLY_ENTRY_ANNOUNCED 0x10u
#define OLLY_ENTRY_TLS 0x20u
#define OLLY_ENTRY_END_IN 0x40u
#define OLLY_ENTRY_END_OUT 0x80u
/* A socket of datagrams has no address hash, and counts its looks where others count messages. */
#define OLLY_DATAGRAM ((uint64_t)OLLY_SOCKET | OLLY_ROLE_OF_DATAGRAMS << OLLY_ENTRY_ROLE_SHIFT)
#define OLLY_ENTRY_STAYS OLLY_ENTRY_END_IN /* of datagrams: DNS was seen, or is to be expected */
#define OLLY_ENTRY_HASH_SHIFT 8
#define OLLY_ENTRY_HASH (0xffffffull << OLLY_ENTRY_HASH_SHIFT)
#define OLLY_ENTRY_GENERATION_SHIFT 32
#define OLLY_ENTRY_GENERATION (0xffffull << OLLY_ENTRY_GENERATION_SHIFT)
#define OLLY_ENTRY_SEQ_SHIFT 48
#define OLLY_ENTRY_SEQ_ONE (1ull << OLLY_ENTRY_SEQ_SHIFT)

extern uint64_t olly_table[OLLY_FD_MAX];
extern uint32_t olly_table_top; /* no entry above was ever used */

static inline uint64_t olly_entry_stamp(void) {
    return (uint64_t)(uint16_t)__atomic_load_n(&olly_generation, __ATOMIC_RELAXED)
           << OLLY_ENTRY_GENERATION_SHIFT;
}

static inline bool olly_entry_current(uint64_t entry) {
    return (entry & OLLY_ENTRY_GENERATION) == olly_entry_stamp();
}

static inline uint32_t olly_entry_role(uint64_t entry) {
    return (uint32_t)((entry & OLLY_ENTRY_ROLE) >> OLLY_ENTRY_ROLE_SHIFT);
}

static inline bool olly_entry_is_datagram(uint64_t entry) {
    return (entry & (OLLY_ENTRY_CLASS | OLLY_ENTRY_ROLE)) == OLLY_DATAGRAM;
}

static inline bool olly_entry_is_stream(uint64_t entry) {
    return (entry & OLLY_ENTRY_CLASS) == OLLY_SOCKET && !olly_entry_is_datagram(entry);
}

/* False: a descriptor that is surely of no interest, decided without a system call. */
bool olly_wants_slow(int fd);
static inline bool olly_wants(int fd, bool writing) {
    olly_refresh();
    if (OLLY_UNLIKELY((uint32_t)fd >= OLLY_FD_MAX)) {
        return olly_wants_slow(fd);
    }
    uint64_t entry = __atomic_load_n(&olly_table[fd], __ATOMIC_RELAXED);
    uint64_t class = entry & OLLY_ENTRY_CLASS;
    bool boring = class == OLLY_IGNORED || (class == OLLY_LOG && !writing);
    return !boring || !olly_entry_current(entry);
}

uint64_t olly_table_load(int fd);
uint64_t olly_table_settle(int fd);
void olly_table_set(int fd, uint64_t entry);
void olly_table_reset(int fd);
void olly_table_copied(int from, int to);
uint64_t olly_table_flag(int fd, uint64_t flag);
uint16_t olly_table_seq(int fd, uint64_t messages);
void olly_table_opened(int fd, uint32_t role, const struct olly_addresses *at, uint64_t time);
uint64_t olly_table_announced(int fd, uint64_t time);
void olly_table_closing(int fd);

/* ---- stream.c: what the I/O hooks report ---- */

struct olly_io {
    int fd;
    bool out;
    const struct iovec *iov; /* null: bytes that were never in the application's memory */
    size_t iov_count;
    size_t bytes; /* 0: end of this direction */
    uint64_t time;
    bool cut;         /* MSG_TRUNC: of a stream nothing was stored; a datagram's length is whole */
    const void *peer; /* that the datagram came from or went to, when the call says it */
    socklen_t peer_bytes; /* of it that may be read */
};

void olly_io_done(const struct olly_io *io);
void olly_written(int fd, const void *from, size_t bytes, uint64_t time);
void olly_plaintext(const struct olly_io *io);

/* ---- datagram.c ---- */

uint64_t olly_datagram_classify(int fd);
socklen_t olly_datagram_peer_bytes(const void *at, socklen_t bytes);
void olly_datagram_done(const struct olly_io *io, uint64_t entry);

/* ---- hook_io_write.c, hook_io_read.c: several messages by one call ---- */

struct mmsghdr;
void olly_messages_sent(int fd, const struct mmsghdr *messages, int sent, int flags,
                        uint64_t time);
void olly_messages_received(int fd, const struct mmsghdr *messages, int got, int flags);

/* ---- patch.c, and the tables that are patched at the start ---- */

bool olly_replace_pointer(void **slot, void *with);
void olly_stdio_patch(void);
void olly_stdio_musl_patch(void);
void olly_tls_static_patch(void);

#pragma GCC visibility pop

#endif
