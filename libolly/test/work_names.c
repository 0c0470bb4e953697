/*
 * Workloads that talk to the name service and to syslog, which libc does by calls of its own.
 * Invariant: see work.h. No name server is asked: the names are literals, impossible, or come from
 * the hosts file.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <link.h>
#include <netdb.h>
#include <pthread.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <syslog.h>

#include "work.h"

void __syslog_chk(int priority, int flag, const char *format, ...);
void __vsyslog_chk(int priority, int flag, const char *format, va_list arguments);

static void by_list(int priority, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsyslog(priority, format, arguments);
    va_end(arguments);
}

static void by_checked_list(int priority, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    __vsyslog_chk(priority, 1, format, arguments);
    va_end(arguments);
}

static void *on_small_stack(void *unused) {
    char long_text[4000];
    memset(long_text, 's', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = 0;
    syslog(LOG_INFO, "small stack %s", long_text);
    return unused;
}

static void from_small_stack(void) {
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 32768);
    pthread_create(&thread, &attributes, on_small_stack, NULL);
    pthread_join(thread, NULL);
}

/* LOG_PERROR shows what libc itself made of each message: on stderr, which is stdout here. */
void work_syslog(void) {
    char huge[40000];
    memset(huge, 'h', sizeof huge - 1);
    huge[sizeof huge - 1] = 0;
    dup2(1, 2);
    syslog(LOG_WARNING, "before %s", "openlog");
    openlog("work", LOG_PERROR, LOG_LOCAL3);
    errno = ENOENT;
    syslog(LOG_ERR, "plain %d %s: %m", 42, "text");
    printf("errno is text %d\n", errno == ENOENT || errno == 0 || errno == ENOTCONN);
    by_list(LOG_DEBUG | LOG_MAIL, "by list %5.2f %ld", 2.5, 1L << 40);
    __syslog_chk(LOG_NOTICE, 1, "checked %s", "call");
    by_checked_list(LOG_ALERT, "checked list %c%c", 'o', 'k');
    int end = 0;
    syslog(LOG_INFO, "counted%n", &end);
    printf("counted %d\n", end);
    setlogmask(LOG_UPTO(LOG_ERR));
    syslog(LOG_INFO, "masked %d", 1);
    syslog(LOG_EMERG, "unmasked");
    setlogmask(LOG_UPTO(LOG_DEBUG));
    syslog(LOG_INFO, "%s", "");
    syslog(LOG_CRIT, "long %s", huge + sizeof huge - 3001);
    syslog(LOG_CRIT, "huge %s", huge);
    closelog();
    from_small_stack();
    fflush(stdout);
    if (fork() == 0) {
        syslog(LOG_INFO, "child");
        _exit(0);
    }
    wait(NULL);
}

static void look_up(const char *name, int family, int flags) {
    struct addrinfo hints = {.ai_family = family, .ai_flags = flags};
    struct addrinfo *found = NULL;
    int code = getaddrinfo(name, "80", &hints, &found);
    size_t answers = 0;
    for (struct addrinfo *at = found; code == 0 && at != NULL; at = at->ai_next) {
        char text[64] = "?";
        getnameinfo(at->ai_addr, at->ai_addrlen, text, sizeof text, NULL, 0, NI_NUMERICHOST);
        printf("%s %d\n", text, at->ai_socktype);
        answers++;
    }
    printf("%s: %d, %zu\n", name == NULL ? "(null)" : name, code, answers);
    if (code == 0) {
        freeaddrinfo(found);
    }
}

static void by_older_calls(void) {
    struct hostent *host = gethostbyname("127.0.0.2");
    printf("gethostbyname %s\n", host == NULL ? "none" : host->h_name);
    host = gethostbyname2("::1", AF_INET6);
    printf("gethostbyname2 %s\n", host == NULL ? "none" : host->h_name);
    struct hostent entry;
    char buffer[1024];
    int error = 0;
    int code = gethostbyname_r("127.0.0.3", &entry, buffer, 8, &host, &error);
    printf("too small %d %d\n", code == ERANGE, error);
    code = gethostbyname_r("127.0.0.3", &entry, buffer, sizeof buffer, &host, &error);
    printf("gethostbyname_r %d %s\n", code, host == NULL ? "none" : host->h_name);
    code = gethostbyname2_r("127.0.0.4", AF_INET, &entry, buffer, sizeof buffer, &host, &error);
    printf("gethostbyname2_r %d %s\n", code, host == NULL ? "none" : host->h_name);
}

void work_lookups(void) {
    look_up("localhost", AF_INET, 0);
    look_up("127.0.0.1", AF_UNSPEC, 0);
    look_up("::1", AF_INET6, AI_NUMERICHOST);
    look_up(NULL, AF_UNSPEC, AI_PASSIVE);
    look_up("not an address", AF_UNSPEC, AI_NUMERICHOST);
    look_up("::1", AF_INET, AI_NUMERICHOST);
    char name[2000];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = 0;
    look_up(name, AF_UNSPEC, AI_NUMERICHOST);
    by_older_calls();
}

static int asking_loader[2];

static int keep_asking(struct dl_phdr_info *info, size_t bytes, void *data) {
    (void)info, (void)bytes, (void)data;
    if (write(asking_loader[1], "", 1) != 1) {
        abort();
    }
    pause();
    return 1;
}

static void *ask_loader(void *unused) {
    dl_iterate_phdr(keep_asking, NULL);
    return unused;
}

static void child_closefrom(void) {
    closefrom(200);
}
static void child_vfork(void) {
    if (vfork() == 0) {
        _exit(0);
    }
}
static void child_syslog(void) {
    syslog(LOG_INFO, "forked");
}
static void child_getaddrinfo(void) {
    look_up("127.0.0.5", AF_UNSPEC, AI_NUMERICHOST);
}

/* A thread that unwinds an exception, or takes a backtrace, holds the loader's lock. The child has
 * the lock, but not the thread. */
void work_forked_lock(void) {
    static void (*const calls[])(void) = {child_closefrom, child_vfork, child_syslog,
                                          child_getaddrinfo, by_older_calls};
    pthread_t thread;
    char byte;
    if (pipe(asking_loader) != 0 || pthread_create(&thread, NULL, ask_loader, NULL) != 0 ||
        read(asking_loader[0], &byte, 1) != 1) {
        abort();
    }
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        fflush(stdout);
        pid_t child = fork();
        if (child == 0) {
            alarm(100);
            calls[i]();
            fflush(stdout);
            _exit(7);
        }
        int status = 0;
        waitpid(child, &status, 0);
        result("child", status >> 8);
    }
    fflush(stdout);
    _exit(0);
}
