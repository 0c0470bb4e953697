/*
 * Sockets, files and stdio: every call says what happened, once, and nothing else changes.
 * Invariant: each test compares a hooked run with a bare one first.
 */
#include <stdio.h>
#include <string.h>

#include "suite.h"

static void io(void) {
    struct agent *agent = run_both("io", NULL);
    check_sequences(agent);
    static const char *const reads[] = {
        "by-readv", "by-read-chk", "by-recv-chk", "by-recvfrom-chk", "by-recvmsg", "by-recvmmsg",
    };
    for (size_t i = 0; i < sizeof reads / sizeof *reads; i++) {
        expect(agent, OLLY_MSG_DATA_IN, reads[i], 1);
        expect(agent, OLLY_MSG_DATA_OUT, reads[i], 1);
    }
    static const char *const writes[] = {"by-write", "by-sendto"};
    for (size_t i = 0; i < sizeof writes / sizeof *writes; i++) {
        expect(agent, OLLY_MSG_DATA_OUT, writes[i], 1);
    }
    expect(agent, OLLY_MSG_DATA_OUT, "by-vector", 4);
    expect(agent, OLLY_MSG_DATA_IN, "thrown-away", 0);
    expect(agent, OLLY_MSG_CONNECT, NULL, 1);
    expect(agent, OLLY_MSG_ACCEPT, NULL, 1);
    expect(agent, OLLY_MSG_CLOSE, NULL, 2);
    /* Captured or not, the streams stay in step. */
    CHECK(stream_bytes(agent, OLLY_MSG_DATA_IN) == stream_bytes(agent, OLLY_MSG_DATA_OUT));
    CHECK(agent_counter(agent, OLLY_COUNT_RING_FULL) == 0);
    agent_free(agent);
}

static size_t ends_of(const struct agent *agent, int type) {
    size_t ends = 0;
    for (size_t i = 0; i < agent->count; i++) {
        const struct olly_header *header = &agent->messages[i].header;
        ends += header->msg_type == type && header->payload_len == 0 && header->wire_len == 0;
    }
    return ends;
}

static void end_of_stream(void) {
    struct agent *agent = run_hooked("io", NULL);
    CHECK(ends_of(agent, OLLY_MSG_DATA_OUT) == 1); /* shutdown */
    CHECK(ends_of(agent, OLLY_MSG_DATA_IN) == 1);  /* recv 0, although asked twice */
    agent_free(agent);
}

static const struct message *first_of(const struct agent *agent, int type, size_t skip) {
    for (size_t i = 0; i < agent->count; i++) {
        if (agent->messages[i].header.msg_type == type && skip-- == 0) {
            return &agent->messages[i];
        }
    }
    check_failed(__FILE__, __LINE__, type_name(type));
}

static void addresses(void) {
    struct agent *agent = run_hooked("io", NULL);
    const struct message *connect = first_of(agent, OLLY_MSG_CONNECT, 0);
    const struct message *accept = first_of(agent, OLLY_MSG_ACCEPT, 0);
    CHECK(connect->header.payload_len == OLLY_ADDRESS_IPV4_BOTH);
    CHECK(accept->header.payload_len == OLLY_ADDRESS_IPV4_BOTH);
    CHECK(memcmp(connect->payload, "\x7f\0\0\1", 4) == 0);
    CHECK(memcmp(connect->payload, accept->payload + 6, 6) == 0);
    CHECK(memcmp(connect->payload + 6, accept->payload, 6) == 0);
    CHECK(connect->header.timestamp_ns < accept->header.timestamp_ns);
    agent_free(agent);
}

static void capture_limit(void) {
    struct agent *agent = agent_new(library_path);
    agent->control->capture_bytes_max = 5;
    char *argv[] = {(char *)work_path, "io", NULL};
    CHECK(agent_run(agent, argv, "/dev/null", true) == 0);
    expect(agent, OLLY_MSG_DATA_OUT, "by-se", 2);
    expect(agent, OLLY_MSG_DATA_OUT, "by-send", 0);
    CHECK(stream_bytes(agent, OLLY_MSG_DATA_IN) == stream_bytes(agent, OLLY_MSG_DATA_OUT));
    for (size_t i = 0; i < agent->count; i++) {
        const struct olly_header *header = &agent->messages[i].header;
        CHECK((header->msg_type != OLLY_MSG_DATA_OUT && header->msg_type != OLLY_MSG_DATA_IN) ||
              header->payload_len <= 5);
    }
    agent_free(agent);
}

static void descriptors(void) {
    struct agent *agent = run_both("ends", NULL);
    check_sequences(agent);
    expect(agent, OLLY_MSG_CONNECT, "/tmp/olly-work-", 1);
    expect(agent, OLLY_MSG_ACCEPT, "/tmp/olly-work-", 1);
    expect(agent, OLLY_MSG_DATA_OUT, "unix", 1);
    expect(agent, OLLY_MSG_DATA_IN, "unix", 1);
    expect(agent, OLLY_MSG_DATA_OUT, "pair", 0);
    expect(agent, OLLY_MSG_DATA_OUT, "datagram", 0);
    expect(agent, OLLY_MSG_DATA_OUT, "not a socket", 0);
    expect(agent, OLLY_MSG_DATA_OUT, "by-dup", 1);
    expect(agent, OLLY_MSG_DATA_OUT, "by-fcntl", 1);
    expect(agent, OLLY_MSG_DATA_OUT, "by-third", 1);
    /* Refused: no connection. Two duplicates: connections of their own. */
    expect(agent, OLLY_MSG_CONNECT, NULL, 6);
    expect(agent, OLLY_MSG_ACCEPT, NULL, 4);
    CHECK(agent_matching(agent, OLLY_MSG_CLOSE, NULL) == 8);
    agent_free(agent);
}

static void passed(void) {
    struct agent *agent = run_both("passed", NULL);
    expect(agent, OLLY_MSG_DATA_OUT, "by-recvmsg-fd", 1);
    expect(agent, OLLY_MSG_DATA_OUT, "by-recvmmsg-fd", 1);
    expect(agent, OLLY_MSG_DATA_OUT, "after-fclose", 1);
    expect(agent, OLLY_MSG_LOG_WRITE, "a line\n", 2);
    expect(agent, OLLY_MSG_LOG_WRITE, "before reopening\n", 1);
    expect(agent, OLLY_MSG_LOG_WRITE, "after reopening\n", 1);
    agent_free(agent);
}

static void logs(void) {
    struct agent *agent = run_both("ends", NULL);
    expect(agent, OLLY_MSG_LOG_WRITE, "to a file\n", 1);
    expect(agent, OLLY_MSG_LOG_WRITE, "ary\n", 0);
    expect(agent, OLLY_MSG_LOG_WRITE, "8=FIX\0019=7", 1);
    expect(agent, OLLY_MSG_LOG_WRITE, "\xd0\x9f\xd1\x80", 1);
    CHECK(agent_counter(agent, OLLY_COUNT_LOG_BINARY) == 2);
    agent_free(agent);
    agent = agent_new(library_path);
    agent->control->switches = 0;
    char *argv[] = {(char *)work_path, "ends", NULL};
    CHECK(agent_run(agent, argv, "/dev/null", true) == 0);
    expect(agent, OLLY_MSG_LOG_WRITE, NULL, 0);
    expect(agent, OLLY_MSG_DATA_OUT, "unix", 1);
    agent_free(agent);
}

static void stdio(void) {
    struct agent *agent = run_both("stdio", NULL);
    static const char *const lines[] = {
        "by printf 1\n", "by puts\n", "by fwrite\n",  "by fprintf\n", "by perror",
        "by warnx",      "by file\n", "by dprintf\n", "by write\n",   "read back 1\n",
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        expect(agent, OLLY_MSG_LOG_WRITE, lines[i], 1);
    }
    expect(agent, OLLY_MSG_DATA_OUT, "over stdio\n", 1);
    expect(agent, OLLY_MSG_DATA_IN, "answer\n", 1);
    expect(agent, OLLY_MSG_CLOSE, NULL, 1); /* fclose of the socket */
    agent_free(agent);
}

static void event_loop(void) {
    struct agent *agent = run_both("loop", NULL);
    const struct message *out = first_of(agent, OLLY_MSG_DATA_OUT, 0);
    const struct message *in = first_of(agent, OLLY_MSG_DATA_IN, 0);
    CHECK((out->header.flags & OLLY_FLAG_EVENT_LOOP) == 0);
    CHECK((in->header.flags & OLLY_FLAG_EVENT_LOOP) != 0);
    agent_free(agent);
}

const struct test data_tests[] = {
    {"io: every variant, same results, each byte once", io},
    {"io: end of stream, once", end_of_stream},
    {"io: addresses and times", addresses},
    {"io: capture limit keeps streams in step", capture_limit},
    {"descriptors: reuse, duplicates, ranges, Unix sockets", descriptors},
    {"descriptors: received by recvmsg and recvmmsg, streams reopened", passed},
    {"logs: files, binary left out, switch", logs},
    {"stdio: every producer, once; fdopen'ed sockets", stdio},
    {"epoll marks the thread", event_loop},
    {NULL, NULL},
};
