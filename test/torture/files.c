/*
 * Files, stdio, and bytes that move inside the kernel.
 * Invariant: each file belongs to one thread and has no name for long.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "torture.h"

#define BYTES 20000

void cell_files(struct worker *worker) {
    uint8_t bytes[4096];
    int fd = temporary_file(worker);
    uint64_t stream = new_stream(worker), size = 0;
    for (int turn = 0; turn < 12; turn++) {
        size_t count = 1 + below(worker, sizeof bytes);
        size_t half = count / 2;
        struct iovec pieces[2] = {{bytes, half}, {bytes + half, count - half}};
        fill(bytes, stream, size, count);
        switch (below(worker, 4)) {
        case 0:
            GIVES(worker, count, write(fd, bytes, count));
            break;
        case 1:
            GIVES(worker, count, writev(fd, pieces, 2));
            break;
        case 2:
            GIVES(worker, count, pwrite(fd, bytes, count, (off_t)size));
            break;
        default:
            GIVES(worker, count, pwritev(fd, pieces, 2, (off_t)size));
        }
        size += count;
        GIVES(worker, size, lseek(fd, 0, SEEK_END));
    }
    uint64_t at = below(worker, (uint32_t)size);
    size_t most = size - at < sizeof bytes ? size - at : sizeof bytes;
    GIVES(worker, most, pread(fd, bytes, sizeof bytes, (off_t)at));
    CHECK(worker, holds(bytes, stream, at, most));
    GIVES(worker, at, lseek(fd, (off_t)at, SEEK_SET));
    GIVES(worker, most, read(fd, bytes, sizeof bytes));
    CHECK(worker, holds(bytes, stream, at, most));
    GIVES(worker, 0, ftruncate(fd, 10));
    GIVES(worker, 0, lseek(fd, 0, SEEK_SET));
    GIVES(worker, 10, read(fd, bytes, sizeof bytes));
    GIVES(worker, 0, read(fd, bytes, sizeof bytes));
    GIVES(worker, 0, close(fd));
}

static void expect_line(struct worker *worker, FILE *file, const char *expected) {
    char line[256];
    CHECK(worker, fgets(line, sizeof line, file) != NULL);
    CHECK(worker, strcmp(line, expected) == 0);
}

/* A stream over a socket in both directions. */
static void talk(struct worker *worker) {
    int pair[2];
    char expected[64];
    any_stream_pair(worker, pair);
    FILE *one = fdopen(pair[0], "r+"), *other = fdopen(pair[1], "r+");
    CHECK(worker, one != NULL && other != NULL);
    if (below(worker, 2) == 0) {
        setvbuf(one, NULL, _IOLBF, 0);
    }
    for (int turn = 0; turn < 5; turn++) {
        unsigned number = below(worker, 1000000);
        CHECK(worker, fprintf(one, "question %u\n", number) > 0 && fflush(one) == 0);
        snprintf(expected, sizeof expected, "question %u\n", number);
        expect_line(worker, other, expected);
        fseek(other, 0, SEEK_CUR);
        CHECK(worker, fputs("answer\n", other) >= 0 && fflush(other) == 0);
        expect_line(worker, one, "answer\n");
        fseek(one, 0, SEEK_CUR);
        note(worker, number);
    }
    CHECK(worker, fclose(one) == 0);
    CHECK(worker, fgetc(other) == EOF && feof(other));
    CHECK(worker, fclose(other) == 0);
}

void cell_stdio(struct worker *worker) {
    char path[128], other[128], line[64];
    snprintf(path, sizeof path, "%s/o%d", torture_directory, worker->index);
    snprintf(other, sizeof other, "%s/p%d", torture_directory, worker->index);
    FILE *file = fopen(path, "w+e");
    CHECK(worker, file != NULL);
    unsigned lines = 1 + below(worker, 400);
    for (unsigned i = 0; i < lines; i++) {
        CHECK(worker, fprintf(file, "line %u of %d\n", i, worker->index) > 0);
        CHECK(worker, below(worker, 8) != 0 || fflush(file) == 0);
    }
    rewind(file);
    for (unsigned i = 0; i < lines; i++) {
        snprintf(line, sizeof line, "line %u of %d\n", i, worker->index);
        expect_line(worker, file, line);
    }
    CHECK(worker, fgetc(file) == EOF);
    long size = ftell(file);
    note(worker, (uint64_t)size);
    file = freopen(other, "w+e", file);
    CHECK(worker, file != NULL && fwrite("0123456789", 1, 10, file) == 10);
    CHECK(worker, fseek(file, 4, SEEK_SET) == 0 && fgetc(file) == '4');
    CHECK(worker, fclose(file) == 0);
    struct stat about;
    GIVES(worker, 0, stat(path, &about));
    CHECK(worker, about.st_size == size);
    GIVES(worker, 0, unlink(path));
    GIVES(worker, 0, unlink(other));
    talk(worker);
}

static void by_sendfile(struct worker *worker, int file, int out) {
    off_t at = 0;
    while (at < BYTES) {
        size_t most = (size_t)(BYTES - at);
        size_t count = 1 + below(worker, BYTES);
        count = count < most ? count : most;
        off_t before = at;
        GIVES(worker, count, sendfile(out, file, &at, count));
        CHECK(worker, at == before + (off_t)count);
    }
}

static void by_splice(struct worker *worker, int file, int out) {
    int pipe_ends[2];
    loff_t at = 0;
    GIVES(worker, 0, pipe2(pipe_ends, O_CLOEXEC));
    while (at < BYTES) {
        /* How much of a file a splice takes at once depends on its pages. */
        ssize_t taken = splice(file, &at, pipe_ends[1], NULL, (size_t)(BYTES - at), 0);
        CHECK(worker, taken > 0);
        for (ssize_t moved = 0; moved < taken;) {
            ssize_t got = splice(pipe_ends[0], NULL, out, NULL, (size_t)(taken - moved), 0);
            CHECK(worker, got > 0);
            moved += got;
        }
    }
    GIVES(worker, 0, close(pipe_ends[0]));
    GIVES(worker, 0, close(pipe_ends[1]));
}

/* From a file to a socket without passing this program's memory, and from there to another file. */
void cell_moving(struct worker *worker) {
    int pair[2], pipe_ends[2];
    uint8_t bytes[BYTES];
    int from = temporary_file(worker), to = temporary_file(worker);
    uint64_t stream = new_stream(worker);
    any_stream_pair(worker, pair);
    fill(bytes, stream, 0, BYTES);
    GIVES(worker, BYTES, write(from, bytes, BYTES));
    if (below(worker, 2) == 0) {
        by_sendfile(worker, from, pair[0]);
    } else {
        by_splice(worker, from, pair[0]);
    }
    GIVES(worker, 0, pipe2(pipe_ends, O_CLOEXEC));
    for (size_t moved = 0; moved < BYTES;) {
        ssize_t in = splice(pair[1], NULL, pipe_ends[1], NULL, BYTES - moved, 0);
        CHECK(worker, in > 0);
        for (ssize_t out = 0; out < in;) {
            ssize_t got = splice(pipe_ends[0], NULL, to, NULL, (size_t)(in - out), 0);
            CHECK(worker, got > 0);
            out += got;
        }
        moved += (size_t)in;
    }
    memset(bytes, 0, sizeof bytes);
    GIVES(worker, BYTES, pread(to, bytes, BYTES, 0));
    CHECK(worker, holds(bytes, stream, 0, BYTES));
    FAILS(worker, EAGAIN, recv(pair[1], bytes, 1, MSG_DONTWAIT));
    const int all[] = {pair[0], pair[1], pipe_ends[0], pipe_ends[1], from, to};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        GIVES(worker, 0, close(all[i]));
    }
}
