/*
 * Every maximum of the library, with its unit in its name.
 * Invariant: nothing in the library grows beyond what is stated here.
 */
#ifndef OLLY_LIMITS_H
#define OLLY_LIMITS_H

#include "../include/olly_wire.h"

#define OLLY_FD_MAX 262144u            /* descriptors at or above pass through, counted */
#define OLLY_CAPTURE_BYTES_MAX 262144u /* of one call, whatever the control page asks for */
#define OLLY_TAIL_BYTES_MAX 512u       /* and of its end, when it is not captured whole */
#define OLLY_PATH_BYTES_MAX 108u       /* sun_path, its NUL included */
#define OLLY_CONTROL_PATH_BYTES_MAX 1024u
#define OLLY_ENVIRONMENT_BYTES_MAX 4096u /* one environment variable that PROCESS repeats */
#define OLLY_EXEC_ENTRIES_MAX 1000u       /* of an environment that is changed for a child: */
#define OLLY_EXEC_PRELOAD_BYTES_MAX 2048u /* 8 KB of stack at most, 2 for its LD_PRELOAD */
#define OLLY_ADDRESS_BYTES_MAX 108u
#define OLLY_LOG_CHECK_BYTES 64u       /* a NUL byte among the first ones: not text */
#define OLLY_LOG_CONTROLS_MIN 2u       /* nor with so many control characters and, besides, */
#define OLLY_LOG_FOREIGN_MIN 8u        /* so many bytes that are not ASCII */
#define OLLY_IOVECS_PER_DATAGRAM 8u    /* fallback mode: header and seven pieces */
#define OLLY_PRESSED_ROOM_BYTES 2097152u /* in the ring; with no more left, payloads hold */
#define OLLY_PRESSED_BYTES_MAX 4096u     /* so much, with half of that left */
#define OLLY_HARD_PRESSED_BYTES_MAX 256u /* so much, and with a quarter of it nothing */
#define OLLY_RING_PLACES_MAX 8u        /* addresses of rings, of which one is in use */
#define OLLY_TLS_CALLERS_MAX 32u       /* modules that call a TLS library, cached */
#define OLLY_TLS_PAIRS_MAX 8192u       /* SSL objects whose socket had to be learnt */
#define OLLY_TLS_PAIR_PROBES 16u
#define OLLY_TLS_HELLOS_MAX 8192u      /* ClientHellos whose TLS object has not spoken yet */
#define OLLY_TLS_HELLO_PROBES 16u
#define OLLY_TLS_RANDOM_BYTES 32u      /* of a ClientHello */
#define OLLY_TLS_NESTING_BYTES_MAX 262144u /* stack between SSL_write and the send inside it */

#define OLLY_DATAGRAM_LOOKS_MAX 4u   /* datagrams of a socket that are no DNS; then it is ignored */
#define OLLY_DATAGRAM_IOVECS_MAX 8u  /* length of the address, address, six pieces */

#define OLLY_SYSLOG_STACK_BYTES 1024u /* of a message, while it is formatted; longer ones take */
#define OLLY_SYSLOG_LONG_BYTES 16384u /* their turn in one buffer of this size */

#define OLLY_MILLISECOND_NS 1000000u
#define OLLY_REGISTER_BUSY_NS (1u * OLLY_MILLISECOND_NS)     /* the agent's queue was full */
#define OLLY_REGISTER_ABSENT_NS (100u * OLLY_MILLISECOND_NS) /* nobody listens */
#define OLLY_REGISTER_STUCK_NS (1000u * OLLY_MILLISECOND_NS) /* jumped out of by a handler */
#define OLLY_START_ATTEMPTS 10u        /* 1 ms apart, in the constructor only */

_Static_assert((OLLY_RING_DATA_BYTES & (OLLY_RING_DATA_BYTES - 1)) == 0, "a power of two");
_Static_assert(OLLY_RING_DATA_BYTES_MIN >= 4 * OLLY_PAYLOAD_BYTES_MAX, "holds several records");
_Static_assert(OLLY_RING_DATA_BYTES_MIN >= 8 * OLLY_CAPTURE_BYTES_MAX, "holds several calls");
_Static_assert(OLLY_RING_DATA_BYTES_MIN >= 2 * OLLY_PRESSED_ROOM_BYTES, "not always pressed");
_Static_assert((OLLY_TLS_PAIRS_MAX & (OLLY_TLS_PAIRS_MAX - 1)) == 0, "a power of two");
_Static_assert((OLLY_TLS_HELLOS_MAX & (OLLY_TLS_HELLOS_MAX - 1)) == 0, "a power of two");
_Static_assert((OLLY_TLS_HELLO_PROBES & (OLLY_TLS_HELLO_PROBES - 1)) == 0, "a power of two");

#endif
