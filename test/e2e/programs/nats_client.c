/*
 * A client of NATS by nats.c: nats_client session URL [CA], or nats_client busy URL THREADS ROUNDS.
 * session says a little of everything; busy asks a service from threads that have a connection
 * each, with a number in every subject, and checks each answer. With ROUNDS 0 it goes on until its
 * standard input ends.
 */
#include <nats/nats.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *url, *authority;
static int rounds;
static volatile int over;

static void must(natsStatus status, const char *what) {
    if (status == NATS_OK) return;
    fprintf(stderr, "%s: %s\n", what, natsStatus_GetText(status));
    exit(1);
}

static natsConnection *connected(void) {
    natsOptions *options = NULL;
    natsConnection *connection = NULL;
    must(natsOptions_Create(&options), "options");
    must(natsOptions_SetURL(options, url), "url");
    if (authority != NULL) {
        must(natsOptions_SetSecure(options, true), "secure");
        must(natsOptions_LoadCATrustedCertificates(options, authority), "authority");
    }
    must(natsConnection_Connect(&connection, options), "connect");
    natsOptions_Destroy(options);
    return connection;
}

static void echo(natsConnection *connection, natsSubscription *subscription, natsMsg *message,
                 void *closure) {
    (void)subscription;
    (void)closure;
    if (natsMsg_GetReply(message) != NULL) {
        natsConnection_Publish(connection, natsMsg_GetReply(message), natsMsg_GetData(message),
                               natsMsg_GetDataLength(message));
    }
    natsMsg_Destroy(message);
}

static void *ask(void *closure) {
    long thread = (long)closure;
    natsConnection *connection = connected();
    char body[900];
    memset(body, 'x', sizeof body);
    for (int number = 0; rounds > 0 ? number < rounds : !over; number++) {
        char subject[64];
        natsMsg *answer = NULL;
        snprintf(subject, sizeof subject, "echo.%c.%d", (int)('a' + thread), number);
        snprintf(body, sizeof body, "%s", subject);
        must(natsConnection_Request(&answer, connection, subject, body, sizeof body, 20000), "ask");
        if (strcmp(natsMsg_GetData(answer), subject) != 0) exit(2);
        natsMsg_Destroy(answer);
        if (rounds == 0) nats_Sleep(5);
    }
    natsConnection_Destroy(connection);
    return NULL;
}

static int busy(int threads) {
    pthread_t workers[64];
    natsConnection *service = connected();
    natsSubscription *subscription = NULL;
    must(natsConnection_Subscribe(&subscription, service, "echo.>", echo, NULL), "subscribe");
    must(natsConnection_Flush(service), "flush");
    for (long thread = 0; thread < threads; thread++) {
        pthread_create(&workers[thread], NULL, ask, (void *)thread);
    }
    if (rounds == 0) {
        puts("busy");
        fflush(stdout);
        getchar();
        over = 1;
    }
    for (int thread = 0; thread < threads; thread++) pthread_join(workers[thread], NULL);
    natsSubscription_Destroy(subscription);
    natsConnection_Destroy(service);
    return 0;
}

static void core(natsConnection *connection) {
    natsSubscription *subscription = NULL, *service = NULL;
    natsMsg *message = NULL;
    must(natsConnection_QueueSubscribeSync(&subscription, connection, "orders.*.created", "workers"),
         "subscribe");
    must(natsConnection_PublishString(connection, "orders.17.created", "hidden-in-a-payload"), "pub");
    must(natsMsg_Create(&message, "orders.18.created", NULL, "hidden-in-a-payload", 19), "message");
    must(natsMsgHeader_Set(message, "traceparent",
                           "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
         "header");
    must(natsConnection_PublishMsg(connection, message), "publish");
    natsMsg_Destroy(message);
    for (int count = 0; count < 2; count++) {
        must(natsSubscription_NextMsg(&message, subscription, 5000), "next");
        natsMsg_Destroy(message);
    }
    must(natsConnection_Subscribe(&service, connection, "help", echo, NULL), "service");
    must(natsConnection_RequestString(&message, connection, "help", "me", 5000), "request");
    natsMsg_Destroy(message);
    if (natsConnection_RequestString(&message, connection, "nobody.home", "?", 5000) !=
        NATS_NO_RESPONDERS) exit(3);
    natsSubscription_Destroy(service);
    natsSubscription_Destroy(subscription);
}

static void stream(natsConnection *connection) {
    jsCtx *js = NULL;
    jsStreamConfig config;
    jsStreamInfo *info = NULL;
    natsSubscription *subscription = NULL;
    natsMsgList list;
    const char *subjects[] = {"events.*"};
    must(natsConnection_JetStream(&js, connection, NULL), "jetstream");
    must(jsStreamConfig_Init(&config), "configuration");
    config.Name = "EVENTS";
    config.Subjects = subjects;
    config.SubjectsLen = 1;
    must(js_AddStream(&info, js, &config, NULL, NULL), "stream");
    jsStreamInfo_Destroy(info);
    for (int count = 0; count < 3; count++) must(js_Publish(NULL, js, "events.one", "1", 1, NULL, NULL), "store");
    must(js_PullSubscribe(&subscription, js, "events.*", "puller", NULL, NULL, NULL), "pull");
    must(natsSubscription_Fetch(&list, subscription, 3, 5000, NULL), "fetch");
    must(natsMsg_Ack(list.Msgs[0], NULL), "ack");
    must(natsMsg_Term(list.Msgs[1], NULL), "term");
    must(natsMsg_AckSync(list.Msgs[2], NULL, NULL), "ack and wait");
    natsMsgList_Destroy(&list);
    natsSubscription_Destroy(subscription);
    must(js_DeleteStream(js, "EVENTS", NULL, NULL), "delete");
    jsCtx_Destroy(js);
}

int main(int count, char **arguments) {
    if (count < 3) return 64;
    url = arguments[2];
    if (strcmp(arguments[1], "busy") == 0 && count == 5) {
        rounds = atoi(arguments[4]);
        return busy(atoi(arguments[3]));
    }
    if (count > 3) authority = arguments[3];
    natsConnection *connection = connected();
    core(connection);
    stream(connection);
    must(natsConnection_Flush(connection), "flush");
    natsConnection_Destroy(connection);
    nats_Close();
    return 0;
}
