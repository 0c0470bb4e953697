/*
 * Lookups and syslog messages: each is told once, as the program saw or said it.
 * Invariant: each test compares a hooked run with a bare one first.
 */
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <syslog.h>

#include "suite.h"

static const struct message *syslog_message(const struct agent *agent, const char *text) {
    const struct message *found = NULL;
    for (size_t i = 0; i < agent->count; i++) {
        const struct message *message = &agent->messages[i];
        if (message->header.msg_type == OLLY_MSG_SYSLOG &&
            strncmp((const char *)message->payload, text, strlen(text)) == 0) {
            CHECK(found == NULL);
            found = message;
        }
    }
    CHECK(found != NULL);
    return found;
}

static void says(const struct agent *agent, const char *text, int priority) {
    const struct message *message = syslog_message(agent, text);
    CHECK(message->header.fd == priority);
    CHECK(message->header.payload_len == strlen(text) && message->header.wire_len == 0);
}

static void syslog_calls(void) {
    struct agent *agent = run_both("syslog", NULL);
    says(agent, "before openlog", LOG_USER | LOG_WARNING);
    says(agent, "plain 42 text: No such file or directory", LOG_LOCAL3 | LOG_ERR);
    says(agent, "by list  2.50 1099511627776", LOG_MAIL | LOG_DEBUG);
    says(agent, "checked call", LOG_LOCAL3 | LOG_NOTICE);
    says(agent, "checked list ok", LOG_LOCAL3 | LOG_ALERT);
    says(agent, "counted", LOG_LOCAL3 | LOG_INFO);
    says(agent, "unmasked", LOG_LOCAL3 | LOG_EMERG);
    says(agent, "child", LOG_LOCAL3 | LOG_INFO);
    expect(agent, OLLY_MSG_SYSLOG, "masked 1", 0);
    CHECK(syslog_message(agent, "long h")->header.payload_len == 3005);
    CHECK(syslog_message(agent, "small stack s")->header.payload_len == 12 + 3999);
    agent_free(agent);
}

static void syslog_too_long(void) {
    struct agent *agent = run_hooked("syslog", NULL);
    const struct olly_header *header = &syslog_message(agent, "huge h")->header;
    CHECK(header->wire_len == 5 + 39999);
    CHECK(header->payload_len == 16383);
    agent_free(agent);
}

static void syslog_switch(void) {
    struct agent *agent = agent_new(library_path);
    agent->control->switches = 0;
    char *argv[] = {(char *)work_path, "syslog", NULL};
    CHECK(agent_run(agent, argv, "/dev/null", true) == 0);
    expect(agent, OLLY_MSG_SYSLOG, NULL, 0);
    agent_free(agent);
}

struct expected {
    const char *name;
    int result;
    int family;
    const char *addresses; /* lengths and addresses */
    size_t bytes;
};

static void check_lookup(const struct message *message, const struct expected *expected) {
    struct olly_lookup head;
    memcpy(&head, message->payload, sizeof head);
    CHECK(message->header.fd == -1);
    CHECK(head.result == expected->result);
    CHECK(head.family == expected->family);
    CHECK(head.name_bytes == strlen(expected->name));
    CHECK(head.duration_ns > 0 && head.duration_ns < 20000000000u);
    CHECK(memcmp(message->payload + sizeof head, expected->name, head.name_bytes) == 0);
    CHECK(message->header.payload_len == sizeof head + head.name_bytes + expected->bytes);
    CHECK(memcmp(message->payload + sizeof head + head.name_bytes, expected->addresses,
                 expected->bytes) == 0);
}

#define LOOPBACK_6 "\x10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1"

static void lookups(void) {
    static char long_name[OLLY_LOOKUP_NAME_BYTES_MAX + 1];
    memset(long_name, 'n', OLLY_LOOKUP_NAME_BYTES_MAX);
    const struct expected expected[] = {
        {"localhost", 0, AF_INET, "\4\x7f\0\0\1", 5},
        {"127.0.0.1", 0, AF_UNSPEC, "\4\x7f\0\0\1", 5},
        {"::1", 0, AF_INET6, LOOPBACK_6, 17},
        {"not an address", EAI_NONAME, AF_UNSPEC, "", 0},
        {"::1", -9 /* EAI_ADDRFAMILY */, AF_INET, "", 0},
        {long_name, EAI_NONAME, AF_UNSPEC, "", 0},
        {"127.0.0.2", 0, AF_INET, "\4\x7f\0\0\2", 5},
        {"::1", 0, AF_INET6, LOOPBACK_6, 17},
        {"127.0.0.3", 0, AF_INET, "\4\x7f\0\0\3", 5},
        {"127.0.0.4", 0, AF_INET, "\4\x7f\0\0\4", 5},
    };
    struct agent *agent = run_both("lookups", NULL);
    size_t seen = 0;
    for (size_t i = 0; i < agent->count; i++) {
        if (agent->messages[i].header.msg_type == OLLY_MSG_LOOKUP) {
            CHECK(seen < sizeof expected / sizeof *expected);
            check_lookup(&agent->messages[i], &expected[seen++]);
        }
    }
    CHECK(seen == sizeof expected / sizeof *expected);
    agent_free(agent);
}

const struct test names_tests[] = {
    {"syslog: every variant, as libc itself formats it, with its priority", syslog_calls},
    {"syslog: a message beyond the limit says how long it was", syslog_too_long},
    {"syslog: the switch for logs", syslog_switch},
    {"lookups: name, code, each address once, of every function", lookups},
    {NULL, NULL},
};
