/*
 * What the cells of the torture program share. A cell is one small story with descriptors of its
 * own, of which the end is known beforehand, told by many threads at once.
 * Invariant: what is noted depends on the seed alone, so that two runs of a seed have one digest.
 */
#ifndef TORTURE_H
#define TORTURE_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#define ERRNO_MARK 4242 /* no system has it: a call that succeeds leaves it alone */

struct worker {
    uint64_t seed;
    uint64_t random;
    uint64_t digest;
    uint64_t streams; /* ids given out */
    int index;
    int step;
    const char *cell;
};

/* ---- torture.c ---- */

extern const char *torture_path; /* of this program */
extern char torture_directory[];

_Noreturn void torture_failed(const struct worker *worker, const char *file, int line,
                              const char *what, long got);
void note(struct worker *worker, uint64_t value);
uint64_t random_word(struct worker *worker);
uint64_t mixed(uint64_t value);

/* From 0 up to, not including, limit. */
static inline uint32_t below(struct worker *worker, uint32_t limit) {
    return (uint32_t)(random_word(worker) >> 33) % limit;
}

#define CHECK(worker, condition)                                                       \
    do {                                                                               \
        if (!(condition)) {                                                            \
            torture_failed(worker, __FILE__, __LINE__, #condition, -1);                \
        }                                                                              \
    } while (0)

/* A call that succeeds with exactly this, and leaves errno alone. */
#define GIVES(worker, expected, call)                                                  \
    do {                                                                               \
        errno = ERRNO_MARK;                                                            \
        long got_ = (long)(call);                                                      \
        if (got_ != (long)(expected) || errno != ERRNO_MARK) {                         \
            torture_failed(worker, __FILE__, __LINE__, #call, got_);                   \
        }                                                                              \
        note(worker, (uint64_t)got_);                                                  \
    } while (0)

/* A call that fails with exactly this errno. */
#define FAILS(worker, expected, call)                                                  \
    do {                                                                               \
        errno = ERRNO_MARK;                                                            \
        long got_ = (long)(call);                                                      \
        if (got_ != -1 || errno != (expected)) {                                       \
            torture_failed(worker, __FILE__, __LINE__, #call, got_);                   \
        }                                                                              \
        note(worker, (uint64_t)(expected) << 32);                                      \
    } while (0)

/* A descriptor, whatever its number, without touching errno. */
#define OPENS(worker, into, call)                                                      \
    do {                                                                               \
        errno = ERRNO_MARK;                                                            \
        (into) = (call);                                                               \
        if ((into) < 0 || errno != ERRNO_MARK) {                                       \
            torture_failed(worker, __FILE__, __LINE__, #call, (into));                 \
        }                                                                              \
    } while (0)

/* ---- bytes.c: what a stream holds at a position, and pairs of descriptors ---- */

#define CHUNK_MAX 24000

uint64_t new_stream(struct worker *worker);
void fill(uint8_t *to, uint64_t stream, uint64_t position, size_t bytes);
bool holds(const uint8_t *at, uint64_t stream, uint64_t position, size_t bytes);
void tcp_pair(struct worker *worker, int pair[2]);
void unix_pair(struct worker *worker, int pair[2]); /* with names, over a listener */
void any_stream_pair(struct worker *worker, int pair[2]);
void set_blocking(struct worker *worker, int fd, bool blocking);
int temporary_file(struct worker *worker);
void wait_readable(struct worker *worker, int fd);
/* Waits for a child that has to end with this code. */
void expect_exit(struct worker *worker, pid_t child, int code);

/* ---- signals.c ---- */

struct noise;
struct noise *noise_begin(struct worker *worker); /* signals for this thread until noise_end */
void noise_end(struct worker *worker, struct noise *noise);

/* ---- cells ---- */

void cell_streams(struct worker *worker);
void cell_blocking(struct worker *worker);
void cell_edges(struct worker *worker);
void cell_flags(struct worker *worker);
void cell_datagrams(struct worker *worker);
void cell_passing(struct worker *worker);
void cell_files(struct worker *worker);
void cell_stdio(struct worker *worker);
void cell_moving(struct worker *worker);
void cell_errors(struct worker *worker);
void cell_numbers(struct worker *worker);
void cell_limits(struct worker *worker);
void cell_fork(struct worker *worker);
void cell_programs(struct worker *worker);
void cell_interrupted(struct worker *worker);
void cell_jump(struct worker *worker);
void cell_cancel(struct worker *worker);
void cell_threads(struct worker *worker);
void cell_tls(struct worker *worker);

/* This program started again: `torture child MODE ...`. */
int child_program(int count, char **arguments);

#endif
