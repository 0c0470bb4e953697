/*
 * Workloads about processes, threads, signals and stdio.
 * Invariant: see work.h.
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "steps.h"
#include "work.h"

extern char **environ;

static void work_fork(void) {
    struct pair pair = tcp_pair();
    char to[16];
    send(pair.client, "parent", 6, 0);
    recv(pair.server, to, 16, 0);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        close(pair.client);
        send(pair.server, "child", 5, 0);
        _exit(3);
    }
    close(pair.server);
    int status = 0;
    waitpid(child, &status, 0);
    result("child", WEXITSTATUS(status));
    result("from child", recv(pair.client, to, 16, 0));
    result("parent goes on", send(pair.client, "again", 5, MSG_NOSIGNAL) > 0 ? 1 : -1);
}

/* As dash and the JDK do: the child shares our memory and plays with its descriptors. */
static void work_vfork(void) {
    struct pair pair = tcp_pair();
    char to[16];
    send(pair.client, "before", 6, 0);
    recv(pair.server, to, 16, 0);
    char *const command[] = {"true", NULL};
    pid_t child = vfork();
    if (child == 0) {
        close(pair.client);
        dup2(1, pair.server);
        close_range(3, 200, 0);
        open("/dev/null", O_RDONLY);
        execvp(command[0], command);
        _exit(127);
    }
    int status = 0;
    waitpid(child, &status, 0);
    result("child", status);
    result("send", send(pair.client, "after", 5, 0));
    result("recv", recv(pair.server, to, 16, 0));
    result("spawn", posix_spawnp(&child, "true", NULL, NULL, command, environ));
    waitpid(child, &status, 0);
    result("system", system("exit 5"));
    result("send", send(pair.client, "last", 4, 0));
}

#define THREADS 8
static int per_thread;

static void *chatter(void *data) {
    struct pair pair = *(struct pair *)data;
    char to[64];
    for (int i = 0; i < per_thread; i++) {
        if (send(pair.client, "0123456789abcdef0123456789abcdef", 32, 0) != 32 ||
            recv(pair.server, to, 32, MSG_WAITALL) != 32) {
            abort();
        }
    }
    return NULL;
}

/* pairs of messages; the threads' stacks are as small as they can be */
static void work_threads(int count) {
    pthread_t threads[THREADS];
    struct pair pairs[THREADS];
    pthread_attr_t attributes;
    per_thread = count;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 16384);
    for (int i = 0; i < THREADS; i++) {
        pairs[i] = tcp_pair();
        pthread_create(&threads[i], &attributes, chatter, &pairs[i]);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    printf("threads done\n");
}

static bool told_to_end;

static void *writes_lines(void *data) {
    int fd = open("/tmp", O_TMPFILE | O_WRONLY | O_APPEND, 0600);
    while (!__atomic_load_n(&told_to_end, __ATOMIC_RELAXED)) {
        if (write(fd, "0123456789abcdef0123456789abcde\n", 32) != 32) {
            abort();
        }
        ++*(int *)data;
    }
    close(fd);
    return NULL;
}

/* Log lines, until a byte comes on stdin: messages that no other message announces, so that their
 * number is known. It is printed, which is one more. */
static void work_lines(void) {
    pthread_t threads[THREADS];
    int lines[THREADS] = {0};
    int total = 0;
    char byte;
    for (int i = 0; i < THREADS; i++) {
        pthread_create(&threads[i], NULL, writes_lines, &lines[i]);
    }
    bool told = read(0, &byte, 1) == 1;
    __atomic_store_n(&told_to_end, true, __ATOMIC_RELAXED);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        total += lines[i];
    }
    printf("%d\n", told ? total : -1);
}

static struct pair signal_pair;
static volatile sig_atomic_t signals;

static void on_signal(int number) {
    (void)number;
    signals++;
    if (send(signal_pair.client, "S", 1, MSG_DONTWAIT) != 1) {
        abort();
    }
}

static void work_signals(void) {
    struct pair pair = tcp_pair();
    signal_pair = tcp_pair();
    struct itimerval timer = {{0, 200}, {0, 200}};
    signal(SIGALRM, on_signal);
    setitimer(ITIMER_REAL, &timer, NULL);
    char to[64];
    for (int i = 0; i < 40000; i++) {
        if (send(pair.client, "M", 1, 0) != 1 || recv(pair.server, to, 64, 0) != 1) {
            i--;
        }
    }
    timer = (struct itimerval){{0, 0}, {0, 0}};
    setitimer(ITIMER_REAL, &timer, NULL);
    fprintf(stderr, "signals %d\n", (int)signals);
    printf("done\n");
}

static sigjmp_buf back;

static void jump_out(int number) {
    siglongjmp(back, number);
}

static void work_jump(void) {
    struct pair pair = tcp_pair();
    char to[16];
    signal(SIGALRM, jump_out);
    for (volatile int i = 0; i < 3; i++) {
        if (sigsetjmp(back, 1) == 0) {
            struct itimerval timer = {{0, 0}, {0, 2000}};
            setitimer(ITIMER_REAL, &timer, NULL);
            recv(pair.server, to, 16, 0);
        }
        result("send", send(pair.client, "jumped", 6, 0));
        result("recv", recv(pair.server, to, 16, 0));
    }
}

static void *cancelled(void *data) {
    char to[16];
    recv(((struct pair *)data)->server, to, 16, 0);
    return NULL;
}

static void work_cancel(void) {
    struct pair pair = tcp_pair();
    pthread_t thread;
    pthread_create(&thread, NULL, cancelled, &pair);
    usleep(5000);
    pthread_cancel(thread);
    void *value = NULL;
    pthread_join(thread, &value);
    printf("cancelled %d\n", value == PTHREAD_CANCELED);
    char to[16];
    result("send", send(pair.client, "alive", 5, 0));
    result("recv", recv(pair.server, to, 16, 0));
}

static void work_stdio(void) {
    printf("by printf %d\n", 1);
    puts("by puts");
    fwrite("by fwrite\n", 1, 10, stdout);
    fflush(stdout);
    fprintf(stderr, "by fprintf\n");
    errno = ENOENT;
    perror("by perror");
    warnx("by warnx");
    dprintf(1, "by dprintf\n");
    FILE *file = fopen("/tmp/olly-work-stdio", "w+");
    fprintf(file, "by file\n");
    rewind(file);
    char line[32];
    printf("read back %d\n", fgets(line, sizeof line, file) != NULL);
    result("fclose", fclose(file));
    unlink("/tmp/olly-work-stdio");
    if (write(1, "by write\n", 9) != 9) {
        abort();
    }
    struct pair pair = tcp_pair();
    FILE *stream = fdopen(pair.client, "r+");
    fprintf(stream, "over stdio\n");
    fflush(stream);
    send(pair.server, "answer\n", 7, 0);
    printf("%s", fgets(line, sizeof line, stream));
    result("fclose", fclose(stream));
}

/* One exchange each time a byte comes on stdin: the driver says when. */
void work_steps_on(struct pair pair) {
    char byte[2] = "?";
    char to[16];
    while (read(0, byte, 1) == 1) {
        if (byte[0] == STEP_IS_TOLD) {
            syscall(SYS_write, 1, byte, 1);
            continue;
        }
        char text[16];
        int bytes = snprintf(text, sizeof text, "step-%s", byte);
        send(pair.client, text, (size_t)bytes, 0);
        recv(pair.server, to, 16, 0);
        if (write(1, byte, 1) != 1) {
            abort();
        }
    }
}

static void work_steps(void) {
    work_steps_on(tcp_pair());
}

static void work_loop(void) {
    struct pair pair = tcp_pair();
    struct epoll_event event = {.events = EPOLLIN};
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    epoll_ctl(epoll, EPOLL_CTL_ADD, pair.server, &event);
    send(pair.client, "first", 5, 0);
    result("epoll", epoll_wait(epoll, &event, 1, 1000));
    char to[16];
    result("recv", recv(pair.server, to, 16, 0));
}

/* What the process has that it would not have without a library. */
static void work_traces_left(void) {
    if (system("ls /proc/$PPID/fd | wc -l; ls /proc/$PPID/task | wc -l") != 0) {
        abort();
    }
}

int work_process(const char *mode, char **arguments) {
    if (strcmp(mode, "threads") == 0) {
        work_threads(atoi(arguments[0]));
        return 0;
    }
    static const struct {
        const char *name;
        void (*run)(void);
    } modes[] = {
        {"fork", work_fork},     {"vfork", work_vfork},   {"signals", work_signals},
        {"jump", work_jump},     {"cancel", work_cancel}, {"stdio", work_stdio},
        {"steps", work_steps},   {"loop", work_loop},     {"left", work_traces_left},
        {"faults", work_faults}, {"large-first", work_large_first},
        {"large-last", work_large_last},   {"flood", work_flood},
        {"exec", work_exec},     {"exec-null", work_exec_null},
        {"exec-large", work_exec_large},
        {"lines", work_lines},
        {"forked-lock", work_forked_lock},
        {"confined-prctl", work_confined_prctl},
        {"confined-syscall", work_confined_syscall},
    };
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        if (strcmp(mode, modes[i].name) == 0) {
            modes[i].run();
            return 0;
        }
    }
    return work_hazard(mode, arguments);
}
