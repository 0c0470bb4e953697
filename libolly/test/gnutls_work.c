/*
 * gnutls_work: two sessions of GnuTLS in one process, over TCP, that use every call
 * which moves plaintext. Prints results only, so that a bare and a hooked run can be compared.
 * Invariant: the transport's functions move bytes only while they are allowed to, so that each
 * partial result comes at the same place in every run.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "work.h"

static int blocked; /* sends that are refused */

static ssize_t push(gnutls_transport_ptr_t at, const void *from, size_t n) {
    if (blocked > 0) {
        blocked--;
        errno = EAGAIN;
        return -1;
    }
    return send(*(int *)at, from, n, MSG_NOSIGNAL);
}

static ssize_t pull(gnutls_transport_ptr_t at, void *to, size_t n) {
    return recv(*(int *)at, to, n, 0);
}

static int wait_for(gnutls_transport_ptr_t at, unsigned ms) {
    (void)at;
    (void)ms;
    return 1;
}

static gnutls_session_t session_of(unsigned role, int *fd, bool own_functions) {
    static gnutls_anon_client_credentials_t client;
    static gnutls_anon_server_credentials_t server;
    gnutls_session_t session;
    gnutls_init(&session, role | GNUTLS_NONBLOCK);
    gnutls_priority_set_direct(session, "NORMAL:-VERS-TLS-ALL:+VERS-TLS1.2:+ANON-ECDH", NULL);
    if (role == GNUTLS_CLIENT) {
        gnutls_anon_allocate_client_credentials(&client);
        gnutls_credentials_set(session, GNUTLS_CRD_ANON, client);
    } else {
        gnutls_anon_allocate_server_credentials(&server);
        gnutls_credentials_set(session, GNUTLS_CRD_ANON, server);
    }
    fcntl(*fd, F_SETFL, O_NONBLOCK);
    if (own_functions) {
        gnutls_transport_set_ptr(session, fd);
        gnutls_transport_set_push_function(session, push);
        gnutls_transport_set_pull_function(session, pull);
        gnutls_transport_set_pull_timeout_function(session, wait_for);
    } else {
        gnutls_transport_set_int(session, *fd);
    }
    return session;
}

static void shake_hands(gnutls_session_t client, gnutls_session_t server) {
    int a = -1;
    int b = -1;
    for (int i = 0; i < 10000 && (a != 0 || b != 0); i++) {
        a = a == 0 ? 0 : gnutls_handshake(client);
        b = b == 0 ? 0 : gnutls_handshake(server);
    }
    printf("handshake %d %d\n", a, b);
}

/* Non-blocking: the bytes are there or on their way. */
static ssize_t patiently(gnutls_session_t from, char *to, size_t n) {
    ssize_t got = GNUTLS_E_AGAIN;
    for (int i = 0; i < 10000 && got == GNUTLS_E_AGAIN; i++) {
        got = gnutls_record_recv(from, to, n);
    }
    return got;
}

static void receive(gnutls_session_t from, const char *name) {
    char to[256] = "";
    ssize_t got = patiently(from, to, sizeof to - 1);
    printf("%s: %zd %s\n", name, got, to);
}

static void every_way(gnutls_session_t client, gnutls_session_t server) {
    char to[64] = "";
    unsigned char number[8];
    printf("nothing there %zd\n", gnutls_record_recv(server, to, sizeof to));
    printf("send %zd\n", gnutls_record_send(client, "by-send;", 8));
    receive(server, "recv");
    printf("send2 %zd\n", gnutls_record_send2(client, "by-send2;", 9, 0, 0));
    ssize_t got = GNUTLS_E_AGAIN;
    while (got == GNUTLS_E_AGAIN) {
        got = gnutls_record_recv_seq(server, to, sizeof to, number);
    }
    printf("recv_seq %zd %.9s\n", got, to);
    gnutls_range_st range = {9, 9};
    printf("send_range %zd\n", gnutls_record_send_range(client, "by-range;", 9, &range));
    gnutls_packet_t packet = NULL;
    got = GNUTLS_E_AGAIN;
    while (got == GNUTLS_E_AGAIN) {
        got = gnutls_record_recv_packet(server, &packet);
    }
    gnutls_datum_t datum = {NULL, 0};
    gnutls_packet_get(packet, &datum, NULL);
    printf("recv_packet %zd %.*s\n", got, (int)datum.size, datum.data);
    gnutls_packet_deinit(packet);
    gnutls_record_cork(client);
    printf("corked %zd\n", gnutls_record_send(client, "by-cork-1;", 10));
    printf("corked %zd\n", gnutls_record_send(client, "by-cork-2;", 10));
    printf("uncork %d\n", gnutls_record_uncork(client, GNUTLS_RECORD_WAIT));
    receive(server, "corked");
    printf("peeked %zd\n", gnutls_record_send(server, "by-parts;", 9));
    for (int i = 0; i < 3; i++) {
        memset(to, 0, sizeof to);
        printf("part %zd ", patiently(client, to, 3));
        printf("%s\n", to);
    }
}

static void refused(gnutls_session_t client, gnutls_session_t server) {
    blocked = 2;
    printf("again %zd\n", gnutls_record_send(client, "by-retry;", 9));
    printf("again %zd\n", gnutls_record_send(client, "by-retry;", 9));
    printf("sent %zd\n", gnutls_record_send(client, "by-retry;", 9));
    receive(server, "retried");
    blocked = 1;
    printf("again %zd\n", gnutls_record_send(client, "by-null;", 8));
    printf("sent %zd\n", gnutls_record_send(client, NULL, 0));
    receive(server, "without");
    printf("null %zd\n", gnutls_record_send(client, NULL, 0));
}

static void end(gnutls_session_t client, gnutls_session_t server) {
    char to[16];
    printf("bye %d\n", gnutls_bye(client, GNUTLS_SHUT_WR));
    printf("end %zd\n", patiently(server, to, sizeof to));
    printf("end %zd\n", patiently(server, to, sizeof to));
    gnutls_deinit(client);
    printf("late %zd\n", gnutls_record_send(server, "by-late;", 8));
    gnutls_deinit(server);
}

static void conversation(bool own_functions) {
    struct pair pair = tcp_pair();
    gnutls_session_t client = session_of(GNUTLS_CLIENT, &pair.client, own_functions);
    gnutls_session_t server = session_of(GNUTLS_SERVER, &pair.server, own_functions);
    shake_hands(client, server);
    every_way(client, server);
    if (own_functions) {
        refused(client, server);
    }
    end(client, server);
    close(pair.client);
    close(pair.server);
}

struct pair tcp_pair(void) {
    struct sockaddr_storage at = {.ss_family = AF_INET};
    socklen_t bytes = 16;
    struct pair pair = {.listener = socket(AF_INET, SOCK_STREAM, 0)};
    listen(pair.listener, 1);
    getsockname(pair.listener, (struct sockaddr *)&at, &bytes);
    pair.client = socket(AF_INET, SOCK_STREAM, 0);
    connect(pair.client, (struct sockaddr *)&at, bytes);
    pair.server = accept(pair.listener, NULL, NULL);
    close(pair.listener);
    /* On loopback what is sent at once is there at once. */
    setsockopt(pair.client, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    setsockopt(pair.server, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    return pair;
}

int main(void) {
    setvbuf(stdout, NULL, _IOFBF, 1 << 16);
    conversation(true);
    conversation(false);
    conversation(true);
    return 0;
}
