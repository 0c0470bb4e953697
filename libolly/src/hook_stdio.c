/*
 * glibc's stdio writes without passing a symbol that we could stand in front of. Every FILE finds
 * its write, read and close through one table of pointers; three of its slots become ours.
 * Invariant: a slot is replaced only when it holds exactly the function that the C library exports
 * under the expected name; any doubt leaves stdio alone.
 */
#include "olly.h"

extern void *stdout __attribute__((weak));

/* Offsets of glibc's FILE and slots of its jump table: the same since 2.1 on 64-bit machines. */
#define OLLY__FILE_FD 112u
#define OLLY__FILE_TABLE 216u
#define OLLY__SLOT_READ 14u
#define OLLY__SLOT_WRITE 15u
#define OLLY__SLOT_CLOSE 17u

static ssize_t (*olly__real_write)(void *, const void *, ssize_t);
static ssize_t (*olly__real_read)(void *, void *, ssize_t);
static int (*olly__real_close)(void *);

static int olly__file_fd(const void *file) {
    return *(const int *)(const void *)((const uint8_t *)file + OLLY__FILE_FD);
}

static ssize_t olly__file_write(void *file, const void *from, ssize_t n) {
    int fd = olly__file_fd(file);
    if (olly_dormant() || !olly_wants(fd, true)) {
        return olly__real_write(file, from, n);
    }
    uint64_t time = olly_now();
    ssize_t written = olly__real_write(file, from, n);
    if (written > 0) {
        olly_written(fd, from, (size_t)written, time);
    }
    return written;
}

static ssize_t olly__file_read(void *file, void *to, ssize_t n) {
    int fd = olly__file_fd(file);
    if (olly_dormant() || !olly_wants(fd, false)) {
        return olly__real_read(file, to, n);
    }
    ssize_t got = olly__real_read(file, to, n);
    if (got >= 0 && n > 0) {
        struct iovec iov = {.iov_base = to, .iov_len = (size_t)n};
        struct olly_io io = {
            .fd = fd, .iov = &iov, .iov_count = 1, .bytes = (size_t)got, .time = olly_now()};
        olly_io_done(&io);
    }
    return got;
}

static int olly__file_close(void *file) {
    if (!olly_dormant()) {
        olly_table_closing(olly__file_fd(file));
    }
    return olly__real_close(file);
}

void olly_stdio_patch(void) {
    void *write = olly_find_next("_IO_file_write");
    void *read = olly_find_next("_IO_file_read");
    void *close = olly_find_next("_IO_file_close");
    if (write == NULL || read == NULL || close == NULL || &stdout == NULL || stdout == NULL) {
        olly_stdio_musl_patch(); /* not glibc */
        return;
    }
    void **table = *(void ***)(void *)((uint8_t *)stdout + OLLY__FILE_TABLE);
    if (table == NULL || table[OLLY__SLOT_WRITE] != write || table[OLLY__SLOT_READ] != read ||
        table[OLLY__SLOT_CLOSE] != close) {
        return;
    }
    olly__real_write = (ssize_t(*)(void *, const void *, ssize_t))write;
    olly__real_read = (ssize_t(*)(void *, void *, ssize_t))read;
    olly__real_close = (int (*)(void *))close;
    olly_replace_pointer(&table[OLLY__SLOT_WRITE], (void *)olly__file_write);
    olly_replace_pointer(&table[OLLY__SLOT_READ], (void *)olly__file_read);
    olly_replace_pointer(&table[OLLY__SLOT_CLOSE], (void *)olly__file_close);
}
