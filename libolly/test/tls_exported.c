/*
 * A TLS exchange with an OpenSSL that is part of another library, or of the program itself, and is
 * exported with all its inner functions: tls_exported CERTIFICATE KEY
 */
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static int listener;
static char **files;

static void check(int holds, const char *what) {
    if (!holds) {
        fprintf(stderr, "failed: %s\n", what);
        exit(1);
    }
}

static void *serve(void *unused) {
    int fd = accept(listener, NULL, NULL);
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    check(SSL_CTX_use_certificate_file(context, files[0], SSL_FILETYPE_PEM) == 1 &&
              SSL_CTX_use_PrivateKey_file(context, files[1], SSL_FILETYPE_PEM) == 1,
          "certificate");
    SSL *ssl = SSL_new(context);
    char bytes[64];
    check(SSL_set_fd(ssl, fd) == 1 && SSL_accept(ssl) == 1, "accept");
    int got = SSL_read(ssl, bytes, sizeof bytes);
    check(got > 0 && SSL_write(ssl, bytes, got) == got, "echo");
    SSL_free(ssl);
    SSL_CTX_free(context);
    close(fd);
    return unused;
}

int main(int count, char **arguments) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t room = sizeof at;
    pthread_t server;
    check(count == 3, "usage");
    files = arguments + 1;
    listener = socket(AF_INET, SOCK_STREAM, 0);
    check(bind(listener, (struct sockaddr *)&at, room) == 0 && listen(listener, 1) == 0 &&
              getsockname(listener, (struct sockaddr *)&at, &room) == 0 &&
              pthread_create(&server, NULL, serve, NULL) == 0,
          "listen");
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    check(connect(fd, (struct sockaddr *)&at, sizeof at) == 0, "connect");
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL *ssl = SSL_new(context);
    char bytes[64];
    check(SSL_set_fd(ssl, fd) == 1 && SSL_connect(ssl) == 1, "handshake");
    check(SSL_write(ssl, "plain", 5) == 5, "write");
    int got = SSL_read(ssl, bytes, sizeof bytes);
    printf("%.*s\n", got > 0 ? got : 0, bytes);
    pthread_join(server, NULL);
    SSL_free(ssl);
    SSL_CTX_free(context);
    close(fd);
    return 0;
}
