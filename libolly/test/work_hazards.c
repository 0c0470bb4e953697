/*
 * What programs do that a library in their midst must survive: filters, limits, loaders, late and
 * early callers, rare calls.
 * Invariant: see work.h.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <linux/errqueue.h>
#include <linux/seccomp.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "work.h"

/* Beside the program. */
static const char *beside(const char *name) {
    static char path[512];
    ssize_t bytes = readlink("/proc/self/exe", path, sizeof path - 64);
    path[bytes > 0 ? bytes : 0] = '\0';
    strcpy(strrchr(path, '/') + 1, name);
    return path;
}

static void exchange(struct pair pair, const char *text) {
    char to[32];
    result("send", send(pair.client, text, strlen(text), 0));
    result("recv", recv(pair.server, to, sizeof to, 0));
}

/* Needs no more than any program: not one socket. */
static void work_plain(void) {
    result("children", waitpid(-1, NULL, __WALL | WNOHANG));
    printf("plain\n");
}

static void work_exchange(void) {
    exchange(tcp_pair(), "exchanged");
}

static void strict(bool by_syscall) {
    struct pair pair = tcp_pair();
    char to[16];
    exchange(pair, "before");
    fflush(stdout);
    if (by_syscall) {
        syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 0, NULL);
    } else {
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT);
    }
    bool moved = write(pair.client, "strict", 6) == 6 && read(pair.server, to, 16) == 6;
    if (write(1, moved ? "moved\n" : "stuck\n", 6) != 6) {
        syscall(SYS_exit, 1);
    }
    syscall(SYS_exit, 0);
}

static void work_strict_prctl(void) {
    strict(false);
}

static void work_strict_syscall(void) {
    strict(true);
}

static void work_confined_steps(void) {
    struct pair pair = tcp_pair();
    work_confine();
    work_steps_on(pair);
}

static void work_chroot_steps(void) {
    char root[] = "/tmp/olly-root-XXXXXX";
    if (mkdtemp(root) == NULL || chroot(root) != 0 || chdir("/") != 0) {
        abort();
    }
    work_steps_on(tcp_pair());
}

static void work_user_steps(void) {
    if (setgid(65534) != 0 || setuid(65534) != 0) {
        abort();
    }
    work_steps_on(tcp_pair());
}

/* How many descriptors the program can have, and what it does without. */
static void work_descriptors(void) {
    int count = 0;
    while (open("/dev/null", O_RDONLY) >= 0) {
        count++;
    }
    printf("descriptors %d\n", count);
    result("socket", socket(AF_INET, SOCK_STREAM, 0));
    result("pipe", pipe((int[2]){0, 0}));
    result("dup", dup(1));
}

static void work_writable_code(void) {
    char line[512];
    FILE *maps = fopen("/proc/self/maps", "r");
    while (fgets(line, sizeof line, maps) != NULL) {
        char mode[8] = "";
        sscanf(line, "%*s %7s", mode);
        if (mode[1] == 'w' && mode[2] == 'x') {
            printf("writable code: %s", line);
        }
    }
    fclose(maps);
    printf("maps read\n");
}

static pthread_key_t late_key;
static struct pair late_pair;

static void at_thread_end(void *data) {
    (void)data;
    exchange(late_pair, "thread-end");
}

static void at_exit(void) {
    exchange(late_pair, "at-exit");
    fprintf(stderr, "stderr at exit\n");
}

__attribute__((destructor)) static void at_unload(void) {
    if (late_pair.client != 0) {
        exchange(late_pair, "destructor");
        fflush(stdout);
    }
}

static void *ending_thread(void *data) {
    pthread_setspecific(late_key, data);
    return NULL;
}

static void work_late(void) {
    pthread_t thread;
    late_pair = tcp_pair();
    atexit(at_exit);
    pthread_key_create(&late_key, at_thread_end);
    pthread_create(&thread, NULL, ending_thread, &late_pair);
    pthread_join(thread, NULL);
}

static void talk_by(void *library, struct pair pair) {
    long (*talk)(int, int) = library == NULL ? NULL : (long (*)(int, int))dlsym(library, "talk");
    result("talk", talk == NULL ? -1 : talk(pair.client, pair.server));
}

static void work_loaded(void) {
    struct pair pair = tcp_pair();
    talk_by(dlopen(beside("work_talk.so"), RTLD_NOW | RTLD_LOCAL), pair);
    exchange(pair, "after-own");
    talk_by(dlopen(beside("work_deep.so"), RTLD_NOW | RTLD_DEEPBIND), pair);
    exchange(pair, "after-that");
    talk_by(dlmopen(LM_ID_NEWLM, beside("work_talk.so"), RTLD_NOW), pair);
    exchange(pair, "after-namespace");
}

/* How many libraries with a static TLS block of their own can be loaded. */
static void work_static_tls(char **arguments) {
    int loaded = 0;
    for (; *arguments != NULL && dlopen(*arguments, RTLD_NOW) != NULL; arguments++) {
        loaded++;
    }
    printf("loaded %d\n", loaded);
    exchange(tcp_pair(), "tls-full");
}

static void zerocopy_notices(int fd) {
    char control[256];
    struct msghdr message = {.msg_control = control, .msg_controllen = sizeof control};
    struct pollfd wait = {.fd = fd};
    result("poll", poll(&wait, 1, 100000));
    result("notice", recvmsg(fd, &message, MSG_ERRQUEUE));
    struct cmsghdr *part = CMSG_FIRSTHDR(&message);
    struct sock_extended_err *error = part == NULL ? NULL : (void *)CMSG_DATA(part);
    printf("origin %d from %u to %u\n", error == NULL ? -1 : error->ee_origin,
           error == NULL ? 0 : error->ee_info, error == NULL ? 0 : error->ee_data);
}

static void work_zerocopy(void) {
    static char bytes[20000];
    struct pair pair = tcp_pair();
    int one = 1;
    memset(bytes, 'z', sizeof bytes);
    result("ask", setsockopt(pair.client, SOL_SOCKET, SO_ZEROCOPY, &one, sizeof one));
    for (int i = 0; i < 2; i++) {
        result("send", send(pair.client, bytes, sizeof bytes, MSG_ZEROCOPY));
        result("recv", recv(pair.server, bytes, sizeof bytes, MSG_WAITALL));
        zerocopy_notices(pair.client);
    }
    result("no notice", recvmsg(pair.client, &(struct msghdr){0}, MSG_ERRQUEUE));
}

/* One event for each arrival, whether or not all of it was read. */
static void work_edges(void) {
    struct pair pair = tcp_pair();
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET};
    int epoll = epoll_create1(0);
    char to[16];
    epoll_ctl(epoll, EPOLL_CTL_ADD, pair.server, &event);
    for (int i = 0; i < 4; i++) {
        int count = epoll_wait(epoll, &event, 1, 0);
        printf("events %d %x\n", count, count > 0 ? event.events : 0);
        result("none", epoll_wait(epoll, &event, 1, 0));
        result("send", send(pair.client, "edge", 4, 0));
        count = epoll_wait(epoll, &event, 1, 1000);
        printf("events %d %x\n", count, count > 0 ? event.events : 0);
        result("part", recv(pair.server, to, 2, 0));
        result("still", epoll_wait(epoll, &event, 1, 0));
        result("rest", recv(pair.server, to, sizeof to, 0));
        result("again", recv(pair.server, to, sizeof to, MSG_DONTWAIT));
    }
    shutdown(pair.client, SHUT_WR);
    int count = epoll_wait(epoll, &event, 1, 1000);
    printf("events %d %x\n", count, count > 0 ? event.events : 0);
}

static void block_in_send(struct pair pair) {
    static char bytes[1 << 16];
    while (send(pair.client, bytes, sizeof bytes, 0) >= 0) {
    }
}
static void block_in_recvmsg(struct pair pair) {
    struct iovec iov = {(char[8]){0}, 8};
    recvmsg(pair.server, &(struct msghdr){.msg_iov = &iov, .msg_iovlen = 1}, 0);
}
static void block_in_readv(struct pair pair) {
    struct iovec iov = {(char[8]){0}, 8};
    readv(pair.server, &iov, 1);
}
static void block_in_accept(struct pair pair) {
    accept(pair.listener, NULL, NULL);
}
static void block_in_epoll(struct pair pair) {
    struct epoll_event event;
    (void)pair;
    epoll_wait(epoll_create1(0), &event, 1, -1);
}
static void cancelled_before(struct pair pair) {
    pthread_cancel(pthread_self());
    send(pair.client, "never", 5, 0);
}

struct blocking {
    void (*block)(struct pair pair);
    struct pair pair;
};

static void *block(void *data) {
    const struct blocking *blocking = data;
    blocking->block(blocking->pair);
    printf("went on\n");
    return NULL;
}

static void work_cancel_points(void) {
    static void (*const calls[])(struct pair) = {block_in_send,   block_in_recvmsg,
                                                 block_in_readv,  block_in_accept,
                                                 block_in_epoll, cancelled_before};
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        struct blocking blocking = {calls[i], tcp_pair()};
        pthread_t thread;
        void *value = NULL;
        pthread_create(&thread, NULL, block, &blocking);
        usleep(3000);
        pthread_cancel(thread);
        pthread_join(thread, &value);
        printf("call %zu cancelled %d\n", i, value == PTHREAD_CANCELED);
    }
    exchange(tcp_pair(), "alive");
}

extern int SSL_read(void *, void *, int) __attribute__((weak));
extern int SSL_write(void *, const void *, int) __attribute__((weak));
static sigjmp_buf out_of_call;

static void jump_out(int number) {
    siglongjmp(out_of_call, number);
}

/* The library next to us that stands for a TLS library reads and writes the socket as it is. */
static void work_tls_jump(void) {
    struct pair pair = tcp_pair();
    char to[16];
    signal(SIGALRM, jump_out);
    for (volatile int i = 0; i < 3; i++) {
        if (sigsetjmp(out_of_call, 1) == 0) {
            struct itimerval timer = {{0, 0}, {0, 2000}};
            setitimer(ITIMER_REAL, &timer, NULL);
            result("SSL_read", SSL_read(&pair.server, to, 16));
        }
        result("SSL_write", SSL_write(&pair.client, "plain", 5));
        result("SSL_read", SSL_read(&pair.server, to, 16));
        exchange(pair, "beside");
    }
}

/* Leaves on the stack what was there before, as large buffers do. */
static __attribute__((noinline)) void exchange_deeper(struct pair pair) {
    char untouched[4096];
    __asm__ volatile("" : : "r"(untouched) : "memory");
    exchange(pair, "beside");
}

/* curl, where its resolver has no thread of its own, ends a lookup like this. */
static void work_lookup_jump(void) {
    struct pair pair = tcp_pair();
    signal(SIGALRM, jump_out);
    for (volatile int i = 0; i < 3; i++) {
        if (sigsetjmp(out_of_call, 1) == 0) {
            struct itimerval timer = {{0, 0}, {0, 2000}};
            setitimer(ITIMER_REAL, &timer, NULL);
            struct addrinfo *found = NULL;
            result("never", getaddrinfo("host.invalid", "80", NULL, &found));
        }
        exchange_deeper(pair);
    }
}

static unsigned long locked_kilobytes(void) {
    char line[128];
    unsigned long found = 0;
    FILE *status = fopen("/proc/self/status", "r");
    while (fgets(line, sizeof line, status) != NULL) {
        sscanf(line, "VmLck: %lu", &found);
    }
    fclose(status);
    return found;
}

/* As a service that locks its memory: what it may lock is what it may lock without us. */
static void lock_memory(int flags) {
    struct pair pair = tcp_pair();
    exchange(pair, "before");
    if (geteuid() == 0 && setuid(65534) != 0) {
        abort();
    }
    result("mlockall", mlockall(flags));
    unsigned long before = locked_kilobytes();
    exchange(pair, "after");
    result("grown", locked_kilobytes() > before);
    void *own = mmap(NULL, 2u << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    result("room", own != MAP_FAILED);
    result("much", locked_kilobytes() > 12288);
}

static void work_lock_memory(void) { lock_memory(MCL_CURRENT | MCL_FUTURE); }
static void work_lock_now(void) { lock_memory(MCL_CURRENT); }

static void *idle(void *gate) {
    pthread_mutex_lock(gate);
    return NULL;
}

static void work_lock_threaded(void) {
    static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
    pthread_t other;
    struct pair pair = tcp_pair();
    exchange(pair, "before");
    pthread_mutex_lock(&gate);
    pthread_create(&other, NULL, idle, &gate);
    result("mlockall", mlockall(MCL_CURRENT | MCL_FUTURE));
    exchange(pair, "after");
    result("munlockall", munlockall());
    pthread_mutex_unlock(&gate);
    pthread_join(other, NULL);
}

/* "RESOURCE=VALUE MODE": in a new image, so that the loader and the library start there too. */
static void work_under(char **arguments) {
    static const struct {
        const char *name;
        int resource;
    } limits[] = {{"nofile", RLIMIT_NOFILE}, {"as", RLIMIT_AS}, {"memlock", RLIMIT_MEMLOCK}};
    unsigned long value = 0;
    char name[16] = "";
    sscanf(arguments[0], "%15[a-z]=%lu", name, &value);
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        struct rlimit limit = {value, value};
        if (strcmp(limits[i].name, name) == 0 && setrlimit(limits[i].resource, &limit) != 0) {
            abort();
        }
    }
    if (strcmp(name, "mdwe") == 0) {
        /* 65: PR_SET_MDWE, since Linux 6.3 */
        result("no new code", prctl(65, value, 0, 0, 0));
        fflush(stdout);
    }
    execv("/proc/self/exe", (char *[]){(char *)beside("work"), arguments[1], NULL});
    abort();
}

int work_hazard(const char *mode, char **arguments) {
    static const struct {
        const char *name;
        void (*run)(void);
    } modes[] = {
        {"plain", work_plain},
        {"exchange", work_exchange},
        {"strict-prctl", work_strict_prctl},
        {"strict-syscall", work_strict_syscall},
        {"confined-steps", work_confined_steps},
        {"chroot-steps", work_chroot_steps},
        {"user-steps", work_user_steps},
        {"descriptors", work_descriptors},
        {"writable-code", work_writable_code},
        {"late", work_late},
        {"loaded", work_loaded},
        {"zerocopy", work_zerocopy},
        {"edges", work_edges},
        {"cancel-points", work_cancel_points},
        {"tls-jump", work_tls_jump},
        {"lookup-jump", work_lookup_jump},
        {"lock-memory", work_lock_memory},
        {"lock-now", work_lock_now},
        {"lock-threaded", work_lock_threaded},
    };
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        if (strcmp(mode, modes[i].name) == 0) {
            modes[i].run();
            return 0;
        }
    }
    if (strcmp(mode, "under") == 0) {
        work_under(arguments);
    }
    if (strcmp(mode, "static-tls") == 0) {
        work_static_tls(arguments);
        return 0;
    }
    fprintf(stderr, "no such mode: %s\n", mode);
    return 2;
}
