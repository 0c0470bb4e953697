/*
 * Libraries that meet libolly in one program, each behind a name of its own.
 * Invariant: they keep no state and print nothing.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#if defined(WORK_EARLY)
/* Calls what is hooked before main, and, when preloaded, before libolly has started. */
__attribute__((constructor)) static void early(void) {
    int ends[2];
    char to[8];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0 || write(ends[0], "early", 5) != 5 ||
        read(ends[1], to, 8) != 5 || close(ends[0]) != 0 || close(ends[1]) != 0 ||
        write(1, "early\n", 6) != 6) {
        abort();
    }
}
#elif defined(WORK_TALK)
long talk(int from, int to) {
    char bytes[16];
    long sent = send(from, WORK_TALK, sizeof WORK_TALK - 1, 0);
    return sent == (long)sizeof WORK_TALK - 1 ? recv(to, bytes, sizeof bytes, 0) : -1;
}
#elif defined(WORK_TLS)
__thread char block[WORK_TLS] __attribute__((tls_model("initial-exec")));
char *touch(void) {
    return block;
}
#elif defined(WORK_AUDIT)
unsigned la_version(unsigned version) {
    return version;
}
#elif defined(WORK_NAMES)
/* A name service that does not answer. */
int getaddrinfo(const char *name, const char *service, const void *hints, void *found) {
    (void)name, (void)service, (void)hints, (void)found;
    for (;;) {
        pause();
    }
}
#elif defined(WORK_SSL)
/* An SSL object is a pointer to its descriptor. */
int SSL_get_rfd(const void *ssl) {
    return *(const int *)ssl;
}
int SSL_get_wfd(const void *ssl) {
    return *(const int *)ssl;
}
int SSL_read(void *ssl, void *to, int bytes) {
    return (int)read(*(int *)ssl, to, (size_t)bytes);
}
int SSL_write(void *ssl, const void *from, int bytes) {
    return (int)write(*(int *)ssl, from, (size_t)bytes);
}
#endif
