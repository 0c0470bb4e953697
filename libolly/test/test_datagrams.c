/*
 * Datagrams: each one that looks like DNS is told once with its peer, nothing else is told.
 * Invariant: each test compares a hooked run with a bare one first.
 */
#include <string.h>

#include "suite.h"

struct told {
    const struct message *message;
    const uint8_t *peer;
    uint8_t peer_bytes;
    const uint8_t *bytes;
    uint32_t length;
};

static bool read_datagram(const struct message *message, struct told *told) {
    uint32_t length = message->header.payload_len;
    CHECK(length >= 1);
    uint8_t peer_bytes = message->payload[0];
    CHECK(peer_bytes == 0 || peer_bytes == 6 || peer_bytes == 18);
    CHECK(1u + peer_bytes <= length);
    *told = (struct told){.message = message,
                          .peer = message->payload + 1,
                          .peer_bytes = peer_bytes,
                          .bytes = message->payload + 1 + peer_bytes,
                          .length = length - 1 - peer_bytes};
    return true;
}

/* The only datagram of that direction that asks for the label. */
static struct told told_once(const struct agent *agent, int type, const char *label) {
    struct told found = {.message = NULL};
    size_t length = strlen(label);
    for (size_t i = 0; i < agent->count; i++) {
        struct told told;
        if (agent->messages[i].header.msg_type == type &&
            read_datagram(&agent->messages[i], &told) && told.length >= 13 + length &&
            told.bytes[12] == length && memcmp(told.bytes + 13, label, length) == 0) {
            CHECK(found.message == NULL);
            found = told;
        }
    }
    CHECK(found.message != NULL);
    CHECK((found.message->header.flags & OLLY_FLAG_SEQUENCED) == 0);
    return found;
}

static void whole(const struct agent *agent, int type, const char *label, uint8_t peer_bytes) {
    struct told told = told_once(agent, type, label);
    CHECK(told.peer_bytes == peer_bytes);
    CHECK(told.length == 18 + strlen(label));
    CHECK(told.message->header.wire_len == 0);
}

static size_t of_type(const struct agent *agent, int type, uint32_t payload_len) {
    size_t count = 0;
    for (size_t i = 0; i < agent->count; i++) {
        const struct olly_header *header = &agent->messages[i].header;
        count += header->msg_type == type && header->payload_len == payload_len;
    }
    return count;
}

static void every_call(void) {
    struct agent *agent = run_both("datagrams", NULL);
    const char *both[] = {"send", "write", "writev", "sendms", "peeked"};
    for (size_t i = 0; i < sizeof both / sizeof *both; i++) {
        whole(agent, OLLY_MSG_DATAGRAM_OUT, both[i], 0);
        whole(agent, OLLY_MSG_DATAGRAM_IN, both[i], 0);
    }
    const char *addressed[] = {"checked", "many-1", "many-2", "raw--1", "raw--2"};
    for (size_t i = 0; i < sizeof addressed / sizeof *addressed; i++) {
        whole(agent, OLLY_MSG_DATAGRAM_OUT, addressed[i], 6);
        whole(agent, OLLY_MSG_DATAGRAM_IN, addressed[i], 6);
    }
    whole(agent, OLLY_MSG_DATAGRAM_OUT, "short", 6);
    whole(agent, OLLY_MSG_DATAGRAM_IN, "short", 0);
    whole(agent, OLLY_MSG_DATAGRAM_IN, "nameless", 0);
    whole(agent, OLLY_MSG_DATAGRAM_OUT, "edge", 0);
    struct told cut = told_once(agent, OLLY_MSG_DATAGRAM_OUT, "truncated");
    CHECK(cut.length == 27);
    CHECK(agent_counter(agent, OLLY_COUNT_INTERNAL) == 0);
    agent_free(agent);
}

static void peers(void) {
    struct agent *agent = run_both("datagrams", NULL);
    const struct message *announced = NULL;
    struct told asked = {.message = NULL};
    for (size_t i = 0; i < agent->count; i++) {
        const struct message *message = &agent->messages[i];
        if (message->header.msg_type != OLLY_MSG_DATAGRAM_OUT) {
            continue;
        }
        struct told told;
        read_datagram(message, &told);
        if (told.length > 19 && memcmp(told.bytes + 13, "sendto", 6) == 0 && told.peer_bytes == 6 &&
            asked.message == NULL) {
            asked = told;
        }
    }
    CHECK(asked.message != NULL);
    for (size_t i = 0; i < agent->count; i++) {
        const struct message *message = &agent->messages[i];
        /* The server, which has no peer, says where it is: what the client's datagram went to. */
        if (message->header.msg_type == OLLY_MSG_DATAGRAM_SOCKET &&
            message->header.payload_len == OLLY_ADDRESS_IPV4_REMOTE &&
            memcmp(message->payload, asked.peer, 6) == 0) {
            CHECK(announced == NULL);
            announced = message;
        }
    }
    CHECK(announced != NULL);
    CHECK(memcmp(asked.peer, "\x7f\0\0\1", 4) == 0);
    agent_free(agent);
}

static void reconnecting(void) {
    struct agent *agent = run_both("datagrams", NULL);
    whole(agent, OLLY_MSG_DATAGRAM_OUT, "first-peer", 0);
    whole(agent, OLLY_MSG_DATAGRAM_OUT, "second-peer", 0);
    whole(agent, OLLY_MSG_DATAGRAM_OUT, "addressed", 6);
    whole(agent, OLLY_MSG_DATAGRAM_OUT, "copied", 6);
    /* A socket each for connected_calls, at_the_edge, two for reconnected. */
    CHECK(of_type(agent, OLLY_MSG_DATAGRAM_SOCKET, OLLY_ADDRESS_IPV4_BOTH) == 4);
    agent_free(agent);
}

static void others(void) {
    struct agent *agent = run_both("other-datagrams", NULL);
    whole(agent, OLLY_MSG_DATAGRAM_OUT, "in-time", 0);
    whole(agent, OLLY_MSG_DATAGRAM_OUT, "stays", 0);
    expect(agent, OLLY_MSG_DATAGRAM_OUT, NULL, 2);
    expect(agent, OLLY_MSG_DATAGRAM_IN, NULL, 0);
    expect(agent, OLLY_MSG_DATAGRAM_SOCKET, NULL, 1);
    expect(agent, OLLY_MSG_CLOSE, NULL, 1);
    agent_free(agent);
}

static void nowhere(void) {
    struct agent *agent = run_both("datagrams-nowhere", NULL);
    expect(agent, OLLY_MSG_DATAGRAM_OUT, NULL, 9);
    CHECK(agent_counter(agent, OLLY_COUNT_INTERNAL) == 0);
    agent_free(agent);
}

const struct test datagram_tests[] = {
    {"datagrams: DNS by every call, cut, peeked, by address, to the byte", every_call},
    {"datagrams: who sent them and where the socket is", peers},
    {"datagrams: another peer is another socket; a copy is one of its own", reconnecting},
    {"datagrams: nothing is told of other traffic, and soon it is not looked at", others},
    {"faults: lengths and addresses of datagrams that may not be read", nowhere},
    {NULL, NULL},
};
