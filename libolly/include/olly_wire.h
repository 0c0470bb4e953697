/*
 * The wire contract between libolly (in the application) and the agent, version 1.
 *
 * This header is the only place where message, ring and control-page layouts are written in C.
 * src/wire/layout.ts and src/hook/layout.ts state the same numbers; test/contract compares them
 * field by field. All integers are little-endian; addresses and ports travel in network order.
 */
#ifndef OLLY_WIRE_H
#define OLLY_WIRE_H

#include <stddef.h>
#include <stdint.h>

#define OLLY_WIRE_VERSION 1u
#define OLLY_PAYLOAD_BYTES_MAX 16384u         /* of one message */
#define OLLY_CAPTURE_BYTES_DEFAULT 65536u     /* of one call, in as many messages as it takes */

/* 1..8 are as in the original protocol; from 16 on the types are this project's own. */
enum olly_message_type {
    OLLY_MSG_CONNECT = 1,   /* outbound connection: payload = addresses */
    OLLY_MSG_DATA_OUT = 2,  /* bytes written to a socket */
    OLLY_MSG_DATA_IN = 3,   /* bytes read from a socket */
    OLLY_MSG_CLOSE = 4,     /* the descriptor was closed */
    OLLY_MSG_SSL_OUT = 5,   /* plaintext given to the TLS library */
    OLLY_MSG_SSL_IN = 6,    /* plaintext received from the TLS library */
    OLLY_MSG_ACCEPT = 7,    /* inbound connection: payload = addresses */
    OLLY_MSG_LOG_WRITE = 8, /* bytes written to stdout, stderr or a regular file */
    OLLY_MSG_PROCESS = 16,  /* hello of a process, carries the ring's descriptor (SCM_RIGHTS) */
    OLLY_MSG_LOOKUP = 17,   /* a name was looked up: payload = olly_lookup, name, addresses */
    OLLY_MSG_SYSLOG = 18,   /* a message for syslog; fd = its priority: facility * 8 + severity */
    OLLY_MSG_DATAGRAM_SOCKET = 19, /* datagrams of this descriptor follow: payload = addresses */
    OLLY_MSG_DATAGRAM_OUT = 20,    /* one datagram that was sent: payload = its peer, its bytes */
    OLLY_MSG_DATAGRAM_IN = 21,     /* one that was received */
};

/* A DATA_* or SSL_* message with payload_len 0 and wire_len 0 is the end of that direction
 * (recv returned 0; shutdown for writing). payload_len 0 with wire_len n: n bytes that were not
 * captured (sendfile, splice, a body beyond the capture limit).
 *
 * A call that moved more than one message can hold makes several: same type, timestamp and thread,
 * consecutive seq, each full but the last. What lies beyond the capture limit is in the wire_len of
 * the last one; of a socket's call one more message then brings the end. When the ring has no room
 * for one of them, it and those after it are dropped and counted; the gap in seq tells. */
enum olly_message_flag {
    OLLY_FLAG_UNIX = 0x01,         /* CONNECT, ACCEPT: the payload is an AF_UNIX path */
    OLLY_FLAG_INJECTED = 0x02,     /* the payload was changed by injection */
    OLLY_FLAG_MIDSTREAM = 0x04,    /* CONNECT, ACCEPT: capture joined after the connection began */
    OLLY_FLAG_ROLE_UNKNOWN = 0x08, /* with MIDSTREAM: who opened the connection is not known */
    OLLY_FLAG_EVENT_LOOP = 0x10,   /* the calling thread has waited with epoll: it may interleave */
    OLLY_FLAG_SEQUENCED = 0x80,    /* seq counts the messages of this connection, from 0 at its
                                      CONNECT or ACCEPT, modulo 65536 */
};

struct olly_header {
    uint8_t msg_type;
    uint8_t flags;
    uint16_t seq;
    uint32_t pid;
    uint32_t tid;
    int32_t fd;
    uint32_t payload_len;
    uint32_t wire_len; /* bytes really read or written when payload holds fewer; 0 = same */
    uint64_t timestamp_ns; /* CLOCK_MONOTONIC: before the call for writes, after it for reads */
};

_Static_assert(sizeof(struct olly_header) == 32, "header is 32 bytes");
_Static_assert(offsetof(struct olly_header, seq) == 2, "seq");
_Static_assert(offsetof(struct olly_header, pid) == 4, "pid");
_Static_assert(offsetof(struct olly_header, tid) == 8, "tid");
_Static_assert(offsetof(struct olly_header, fd) == 12, "fd");
_Static_assert(offsetof(struct olly_header, payload_len) == 16, "payload_len");
_Static_assert(offsetof(struct olly_header, wire_len) == 20, "wire_len");
_Static_assert(offsetof(struct olly_header, timestamp_ns) == 24, "timestamp_ns");

/* CONNECT and ACCEPT payloads by length: address then port, network order, no padding. */
enum olly_address_bytes {
    OLLY_ADDRESS_IPV4_REMOTE = 6,
    OLLY_ADDRESS_IPV4_BOTH = 12, /* remote, then local */
    OLLY_ADDRESS_IPV6_REMOTE = 18,
    OLLY_ADDRESS_IPV6_BOTH = 36,
};

/*
 * DATAGRAM_SOCKET payload: by length as above, but what an IPV4_REMOTE or IPV6_REMOTE has is the
 * socket's own address (it has no peer, or had none then), and the longer forms are its only
 * peer's and its own. It comes before the descriptor's first datagram, and again when the
 * descriptor means another socket or another peer; CLOSE ends it. DATAGRAM_OUT and _IN payload: a
 * byte with the length of the address that the call named, 0, 6 or 18 (0: the socket's only peer),
 * that address, and the datagram; wire_len counts all three. Only datagrams that look like DNS are
 * told, one message each, without sequence numbers.
 */
#define OLLY_DATAGRAM_PEER_BYTES 1u /* of the length in front */

/*
 * PROCESS payload: NUL-terminated strings, key and value in turn ("exe", "/usr/bin/nginx",
 * "arg", "nginx", "arg", "-g", "OTEL_SERVICE_NAME", "shop", ...). Keys: exe; arg (at most 8, each
 * at most 256 bytes, in order); and environment variables by their own name:
 * OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES. Header timestamp = when the library started; fd =
 * the agent_epoch for which the ring was made, -1 when the sender does not say. An agent leaves a
 * ring of another epoch alone: its process comes again, and counts what was in it (AGENT_GONE).
 * The datagram carries exactly one descriptor: the ring's memfd, or none in fallback mode (then
 * every message follows as a datagram of its own, and the key "token" names the sender with 16
 * hexadecimal digits: by it the control page tells a process that it is refused).
 */
#define OLLY_PROCESS_ARGS_MAX 8u
#define OLLY_PROCESS_STRING_BYTES_MAX 256u

/*
 * LOOKUP payload: this structure, the name as the program asked for it (no NUL), and the addresses
 * of the answer, each once: a byte with its length (4 or 16) and the address in network order.
 * Header timestamp = when the call began. SYSLOG payload: the formatted message, without what libc
 * puts around it; wire_len is larger when not all of it is here.
 */
struct olly_lookup {
    uint64_t duration_ns;
    int32_t result; /* 0, or EAI_* as glibc and musl number them */
    int32_t error;  /* errno with EAI_SYSTEM */
    uint16_t name_bytes;
    uint8_t addresses; /* how many follow */
    uint8_t family;    /* that was asked for: AF_UNSPEC, AF_INET, AF_INET6 */
    uint8_t flags;     /* olly_lookup_flag */
    uint8_t reserved[3];
};

enum olly_lookup_flag {
    OLLY_LOOKUP_MORE = 0x01, /* the answer had more addresses than there is room for */
};

#define OLLY_LOOKUP_NAME_BYTES_MAX 1024u
#define OLLY_LOOKUP_ADDRESSES_MAX 16u

_Static_assert(offsetof(struct olly_lookup, result) == 8, "result");
_Static_assert(offsetof(struct olly_lookup, error) == 12, "error");
_Static_assert(offsetof(struct olly_lookup, name_bytes) == 16, "name_bytes");
_Static_assert(sizeof(struct olly_lookup) == 24, "lookup is 24 bytes");

/*
 * The ring: one memfd, sealed with F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL before it is handed
 * over: one header page, then data_bytes (a power of two).
 *
 * head, tail and limit count bytes since the ring began and never wrap (64 bit); a position's place
 * is position & (data_bytes - 1). Producers reserve with a CAS on head; a record fits only when it
 * ends at limit or before, else the message is dropped and counted. The consumer alone writes tail
 * and limit; limit is at most tail + data_bytes.
 *
 * The data is large and mostly untouched, so it takes no memory: a consumer that has read
 * everything moves head, by a CAS, and then tail to the next lap, so that writing goes on at the
 * beginning of the data. Only a burst that the consumer does not keep up with goes further in, as
 * far as limit allows; the consumer gives that memory back afterwards.
 *
 * A record is a 64-bit word, the 32-byte header and the payload, padded to 8 bytes. The word is
 * stored last, with release order: low 32 bits = length of the whole record in bytes, high 32
 * bits = OLLY_RING_STAMP(position). A word of an earlier lap carries another stamp, so nothing
 * needs to be zeroed, and after a producer died between reserving and storing the consumer finds
 * the next record by its stamp. A record never straddles the end of the data: the producer
 * reserves the rest of the lap too and stores a padding word there (length | OLLY_RING_PADDING).
 */
#define OLLY_RING_MAGIC 0x31524c4fu /* "OLR1" */
#define OLLY_RING_HEADER_BYTES 4096u
#define OLLY_RING_DATA_BYTES (32u * 1024u * 1024u)
#define OLLY_RING_DATA_BYTES_MIN (4u * 1024u * 1024u) /* where addresses or files are limited */
#define OLLY_RING_WORD_BYTES 8u
#define OLLY_RING_PADDING 0x80000000u
#define OLLY_RING_STAMP(position) ((uint32_t)((position) >> 3) ^ 0x6f6c6c79u)
#define OLLY_RING_COUNTERS 16u

/* Index into olly_ring_header.counters: what the library could not say, by reason. */
enum olly_counter {
    OLLY_COUNT_RING_FULL = 0,      /* messages dropped: the agent did not read fast enough */
    OLLY_COUNT_UNREGISTERED = 1,   /* messages before the ring was handed to an agent */
    OLLY_COUNT_AGENT_GONE = 2,     /* messages an earlier agent had not read when it ended */
    OLLY_COUNT_FD_LIMIT = 3,       /* calls on descriptors above the table: passed through */
    OLLY_COUNT_TLS_UNPAIRED = 4,   /* TLS calls whose socket could not be found */
    OLLY_COUNT_LOG_BINARY = 5,     /* log writes left out because they are not text */
    OLLY_COUNT_INTERNAL = 6,       /* "cannot happen" happened; the call was passed through */
    OLLY_COUNT_DATAGRAM_FULL = 7,  /* fallback mode: the hook socket refused the datagram */
    OLLY_COUNT_CONFINED = 8,       /* seccomp filters that the process asked for: then quiet */
    OLLY_COUNT_CHILD_ENVIRONMENT = 9, /* children's environments too large to be changed */
};

/* What the agent's rules say of a process: olly_ring_header.verdict. */
enum olly_verdict {
    OLLY_VERDICT_REFUSED = 1, /* nothing of it is wanted: quiet until the next agent epoch */
};

struct olly_ring_header {
    uint32_t magic;
    uint32_t version; /* OLLY_WIRE_VERSION */
    uint32_t data_bytes;
    uint32_t pid;
    uint32_t verdict; /* offset 16: olly_verdict, by the agent; 0: traced */
    uint8_t reserved0[44];
    uint64_t head; /* offset 64, producers */
    uint8_t reserved1[56];
    uint64_t tail;  /* offset 128, consumer */
    uint64_t limit; /* offset 136, consumer */
    uint8_t reserved2[48];
    uint64_t counters[OLLY_RING_COUNTERS]; /* offset 192, atomic adds by the library */
};

_Static_assert(offsetof(struct olly_ring_header, verdict) == 16, "verdict");
_Static_assert(offsetof(struct olly_ring_header, head) == 64, "head has its own cache line");
_Static_assert(offsetof(struct olly_ring_header, tail) == 128, "tail has its own cache line");
_Static_assert(offsetof(struct olly_ring_header, limit) == 136, "limit");
_Static_assert(offsetof(struct olly_ring_header, counters) == 192, "counters");
_Static_assert(sizeof(struct olly_ring_header) <= OLLY_RING_HEADER_BYTES, "fits its page");

/*
 * The control page: a 4096-byte file that the library maps read-only and shared. The agent writes
 * it in place and never replaces it.
 */
#define OLLY_CONTROL_BYTES 4096u

enum olly_control_switch {
    OLLY_SWITCH_LOG_CAPTURE = 0x01, /* emit LOG_WRITE */
};

/* Which environment a program's children get. */
enum olly_children {
    OLLY_CHILDREN_INHERIT = 0, /* what the program gives them */
    OLLY_CHILDREN_ALWAYS = 1,  /* LD_PRELOAD, OLLY_SOCKET, OLLY_CONTROL are added when missing */
    OLLY_CHILDREN_NEVER = 2,   /* they are taken out */
};

#define OLLY_REFUSED_MAX 64u

struct olly_control_page {
    uint8_t active; /* 0 dormant, 1 active; the one byte that every hook reads first */
    uint8_t resume; /* agents' own: 1 = tracing was on when the last agent ended in order */
    uint8_t reserved0[2];
    uint32_t version;     /* OLLY_WIRE_VERSION */
    uint32_t agent_epoch; /* changes when an agent starts: the library hands over a new ring */
    uint32_t activation;  /* changes at every start of tracing: descriptors are announced again */
    uint32_t capture_bytes_max; /* per call; 0: OLLY_CAPTURE_BYTES_DEFAULT; at most 262144. Log
                                   writes always have the default */
    uint32_t switches;          /* olly_control_switch */
    uint32_t children;          /* olly_children */
    uint32_t refusals; /* how often refused[] was written, the latest at (refusals - 1) modulo
                          OLLY_REFUSED_MAX; raised after the token was stored */
    uint32_t ring_waiting_bytes; /* may wait in a ring that the agent does not know yet; less than
                                    OLLY_RING_DATA_BYTES_MIN: that */
    uint8_t reserved1[476];
    uint64_t refused[OLLY_REFUSED_MAX]; /* tokens of refused processes that have no ring */
};

_Static_assert(offsetof(struct olly_control_page, version) == 4, "version");
_Static_assert(offsetof(struct olly_control_page, agent_epoch) == 8, "agent_epoch");
_Static_assert(offsetof(struct olly_control_page, activation) == 12, "activation");
_Static_assert(offsetof(struct olly_control_page, capture_bytes_max) == 16, "capture_bytes_max");
_Static_assert(offsetof(struct olly_control_page, switches) == 20, "switches");
_Static_assert(offsetof(struct olly_control_page, children) == 24, "children");
_Static_assert(offsetof(struct olly_control_page, refusals) == 28, "refusals");
_Static_assert(offsetof(struct olly_control_page, ring_waiting_bytes) == 32, "ring_waiting_bytes");
_Static_assert(offsetof(struct olly_control_page, refused) == 512, "refused");
_Static_assert(sizeof(struct olly_control_page) <= OLLY_CONTROL_BYTES, "fits its page");

#endif
