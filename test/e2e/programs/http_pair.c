/* One HTTP request over loopback, both ends in one process: a thread serves, main asks. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <syslog.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char request[] = "GET /pair HTTP/1.1\r\nHost: pair\r\n\r\n";
static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";

static void *serve(void *argument) {
    char buffer[512];
    int connection = accept(*(int *)argument, NULL, NULL);
    if (recv(connection, buffer, sizeof buffer, 0) <= 0 ||
        write(STDOUT_FILENO, "served\n", 7) != 7 ||
        send(connection, answer, sizeof answer - 1, 0) <= 0) {
        perror("serve");
    }
    close(connection);
    return NULL;
}

int main(void) {
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t length = sizeof address;
    char buffer[512];
    pthread_t thread;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listener, (struct sockaddr *)&address, length) != 0 || listen(listener, 1) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &length) != 0 ||
        pthread_create(&thread, NULL, serve, &listener) != 0) {
        perror("listen");
        return 1;
    }
    int client = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(client, (struct sockaddr *)&address, length) != 0 ||
        write(client, request, sizeof request - 1) <= 0) {
        perror("ask");
        return 1;
    }
    ssize_t got = read(client, buffer, sizeof buffer);
    printf("got %zd bytes\n", got);
    fprintf(stderr, "asked for %s\n", "/pair");
    syslog(LOG_WARNING, "asked %d time", 1);
    close(client);
    pthread_join(thread, NULL);
    return got == (ssize_t)sizeof answer - 1 ? 7 : 1;
}
