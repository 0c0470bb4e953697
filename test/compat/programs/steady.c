/* A conversation over TCP with itself, log lines and a file; after a round that warms up, the rounds
 * between two calls of getppid() repeat the same calls. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define ROUNDS 40

static int check(int result, const char *what) {
    if (result < 0) {
        perror(what);
        exit(1);
    }
    return result;
}

static int ends[2];
static int file;

static void connect_ends(void) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t bytes = sizeof at;
    int listener = check(socket(AF_INET, SOCK_STREAM, 0), "socket");
    check(bind(listener, (struct sockaddr *)&at, bytes), "bind");
    check(listen(listener, 1), "listen");
    check(getsockname(listener, (struct sockaddr *)&at, &bytes), "getsockname");
    ends[0] = check(socket(AF_INET, SOCK_STREAM, 0), "socket");
    check(connect(ends[0], (struct sockaddr *)&at, bytes), "connect");
    ends[1] = check(accept(listener, NULL, NULL), "accept");
    check(close(listener), "close");
}

static void round_of_calls(void) {
    char request[256] = "GET /steady HTTP/1.1\r\nHost: steady\r\n\r\n";
    char answer[512];
    struct iovec parts[2] = {{request, 100}, {request + 100, 156}};
    send(ends[0], request, sizeof request, 0);
    recv(ends[1], answer, sizeof answer, 0);
    writev(ends[1], parts, 2);
    readv(ends[0], parts, 2);
    write(ends[0], request, sizeof request);
    read(ends[1], answer, sizeof answer);
    write(1, "a line of the log\n", 18);
    pwrite(file, request, sizeof request, 0);
    write(file, "a line of the file\n", 19);
    printf("a line by stdio\n");
    fflush(stdout);
}

int main(void) {
    connect_ends();
    file = check(open("steady.log", O_CREAT | O_TRUNC | O_WRONLY, 0600), "open");
    round_of_calls();
    getppid();
    for (int round = 0; round < ROUNDS; round++) {
        round_of_calls();
    }
    getppid();
    close(ends[0]);
    close(ends[1]);
    return 7;
}
