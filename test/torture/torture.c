/*
 * A program that does everything at once that a preloaded library could spoil, and checks itself.
 * Driven by torture.ts, bare and hooked.
 *
 *     torture SEED THREADS STEPS DIRECTORY [CELL]
 *
 * The last line on standard output: the digest of every outcome that depends on the seed alone, and
 * what the process is left with. Exit code 0; anything that is not as it must be ends it with 70
 * and one line on standard error.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

#include "torture.h"

#define THREADS_MAX 64
#define FDS_MAX 256
#define STACK_BYTES (256 * 1024)

const char *torture_path;
char torture_directory[64];
static const char *only_cell;
static int steps;

static const struct {
    const char *name;
    void (*run)(struct worker *worker);
    uint32_t weight;
} cells[] = {
    {"streams", cell_streams, 12},     {"blocking", cell_blocking, 4},
    {"edges", cell_edges, 6},          {"flags", cell_flags, 8},
    {"datagrams", cell_datagrams, 8},  {"passing", cell_passing, 8},
    {"files", cell_files, 6},          {"stdio", cell_stdio, 6},
    {"moving", cell_moving, 6},        {"errors", cell_errors, 8},
    {"numbers", cell_numbers, 3},      {"limits", cell_limits, 2},
    {"fork", cell_fork, 2},            {"programs", cell_programs, 2},
    {"interrupted", cell_interrupted, 4}, {"jump", cell_jump, 4},
    {"cancel", cell_cancel, 3},        {"threads", cell_threads, 3},
    {"tls", cell_tls, 2},
};
#define CELLS (sizeof cells / sizeof *cells)

void torture_failed(const struct worker *worker, const char *file, int line, const char *what,
                    long got) {
    int error = errno;
    dprintf(2, "torture: seed %llu thread %d step %d cell %s: %s:%d: %s gave %ld, errno %d (%s)\n",
            (unsigned long long)worker->seed, worker->index, worker->step, worker->cell, file, line,
            what, got, error, strerror(error));
    _exit(70);
}

uint64_t mixed(uint64_t value) {
    value += 0x9e3779b97f4a7c15u;
    value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9u;
    value = (value ^ (value >> 27)) * 0x94d049bb133111ebu;
    return value ^ (value >> 31);
}

uint64_t random_word(struct worker *worker) {
    worker->random += 0x9e3779b97f4a7c15u;
    return mixed(worker->random);
}

void note(struct worker *worker, uint64_t value) {
    worker->digest = mixed(worker->digest ^ value);
}

static void run_one(struct worker *worker) {
    uint32_t sum = 0;
    for (size_t i = 0; i < CELLS; i++) {
        sum += cells[i].weight;
    }
    uint32_t pick = below(worker, sum);
    size_t chosen = 0;
    while (pick >= cells[chosen].weight) {
        pick -= cells[chosen].weight;
        chosen++;
    }
    for (size_t i = 0; only_cell != NULL && i < CELLS; i++) {
        chosen = strcmp(cells[i].name, only_cell) == 0 ? i : chosen;
    }
    worker->cell = cells[chosen].name;
    note(worker, chosen);
    cells[chosen].run(worker);
}

static void *working(void *data) {
    struct worker *worker = data;
    for (; worker->step < steps; worker->step++) {
        run_one(worker);
    }
    return NULL;
}

/* Names below a directory of /proc/self, sorted out into a set of numbers. */
static int entries(const char *path, bool *set) {
    DIR *directory = opendir(path);
    int count = 0;
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        int number = atoi(entry->d_name);
        if (entry->d_name[0] == '.' || number == dirfd(directory)) {
            continue;
        }
        count++;
        if (set != NULL && number < FDS_MAX) {
            set[number] = true;
        }
    }
    closedir(directory);
    return count;
}

static long status_field(const char *name) {
    char line[256];
    long value = -1;
    FILE *status = fopen("/proc/self/status", "r");
    while (fgets(line, sizeof line, status) != NULL) {
        if (strncmp(line, name, strlen(name)) == 0) {
            value = atol(line + strlen(name) + 1);
        }
    }
    fclose(status);
    return value;
}

static long mappings(void) {
    long lines = 0;
    FILE *maps = fopen("/proc/self/maps", "r");
    for (int c; (c = fgetc(maps)) != EOF;) {
        lines += c == '\n';
    }
    fclose(maps);
    return lines;
}

/* A joined thread is still listed for a moment, until the kernel has finished with it. */
static int threads_left(void) {
    int count = 0;
    for (int tries = 0; tries < 2000; tries++) {
        count = entries("/proc/self/task", NULL);
        if (count == 1) {
            break;
        }
        usleep(1000);
    }
    return count;
}

static void run_threads(struct worker *workers, int count) {
    pthread_t threads[THREADS_MAX];
    struct worker boss = {.cell = "start", .seed = workers[0].seed};
    for (int i = 0; i < count; i++) {
        CHECK(&boss, pthread_create(&threads[i], NULL, working, &workers[i]) == 0);
    }
    for (int i = 0; i < count; i++) {
        CHECK(&boss, pthread_join(threads[i], NULL) == 0);
    }
}

/* glibc keeps arenas and stacks of threads that have ended, how many is a matter of chance: one
 * arena, and small stacks, so that two runs can be compared. */
static void keep_memory_small(void) {
    pthread_attr_t attributes;
    mallopt(M_ARENA_MAX, 1);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    pthread_setattr_default_np(&attributes);
    pthread_attr_destroy(&attributes);
}

static void check_nothing_left(struct worker *boss, const bool *fds_before) {
    static bool fds_after[FDS_MAX];
    int threads = threads_left();
    entries("/proc/self/fd", fds_after);
    boss->cell = "end";
    CHECK(boss, memcmp(fds_before, fds_after, sizeof fds_after) == 0);
    CHECK(boss, threads == 1);
    FAILS(boss, ECHILD, waitpid(-1, NULL, WNOHANG));
}

int main(int argc, char **argv) {
    static bool fds_before[FDS_MAX];
    static struct worker workers[THREADS_MAX];
    if (argc > 2 && strcmp(argv[1], "child") == 0) {
        return child_program(argc - 2, argv + 2);
    }
    if (argc < 5 || atoi(argv[2]) > THREADS_MAX) {
        fprintf(stderr, "usage: torture SEED THREADS STEPS DIRECTORY [CELL]\n");
        return 2;
    }
    struct worker boss = {.seed = strtoull(argv[1], NULL, 10), .index = -1, .cell = "start"};
    int count = atoi(argv[2]);
    torture_path = "/proc/self/exe";
    snprintf(torture_directory, sizeof torture_directory, "%s", argv[4]);
    only_cell = argc > 5 ? argv[5] : NULL;
    steps = atoi(argv[3]);
    signal(SIGPIPE, SIG_IGN);
    keep_memory_small();
    entries("/proc/self/fd", fds_before);
    for (int i = 0; i < count; i++) {
        uint64_t start = mixed(boss.seed * 1000 + (uint64_t)i);
        workers[i] = (struct worker){.seed = boss.seed, .random = start, .index = i};
    }
    run_threads(workers, count);
    check_nothing_left(&boss, fds_before);
    for (int i = 0; i < count; i++) {
        note(&boss, workers[i].digest);
    }
    printf("digest %016llx mappings %ld vsz_kib %ld rss_kib %ld\n",
           (unsigned long long)boss.digest, mappings(), status_field("VmSize:"),
           status_field("VmRSS:"));
    return 0;
}
