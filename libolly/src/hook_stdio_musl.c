/*
 * musl's stdio writes without passing a symbol that we could stand in front of. Each FILE holds a
 * pointer to its write function; those of stdout and stderr become ours.
 * Invariant: a pointer is replaced only in a structure that looks exactly like musl's: the standard
 * streams with their descriptors, their functions in the C library's code. Any doubt leaves stdio
 * alone. The stream's own lock is held whenever we are called.
 */
#include "olly.h"

/* The part of musl's FILE that is looked at: the same since 0.9.13, on 64-bit machines. */
struct olly__file {
    uint64_t flags;
    void *read_at[2];
    int (*close)(struct olly__file *);
    void *write_end;
    uint8_t *write_at; /* null after an error */
    void *unused;
    uint8_t *write_base; /* what stands from here to write_at is written first */
    size_t (*read)(struct olly__file *, void *, size_t);
    size_t (*write)(struct olly__file *, const void *, size_t);
    off_t (*seek)(struct olly__file *, off_t, int);
    uint8_t *buffer;
    size_t buffer_bytes;
    struct olly__file *neighbours[2];
    int fd;
};
_Static_assert(offsetof(struct olly__file, write) == 72, "write");
_Static_assert(offsetof(struct olly__file, fd) == 120, "fd");

typedef size_t olly__write_function(struct olly__file *, const void *, size_t);

/* stdout's first function asks what its descriptor is and puts another one in its own place. */
static olly__write_function *olly__real_stdout;
static olly__write_function *olly__real_stderr;

static size_t olly__write(struct olly__file *file, const void *from, size_t n,
                          olly__write_function **real, olly__write_function *ours) {
    int fd = file->fd; /* freopen() may have changed it */
    /* The stream's buffer is written first; of a call that fails a part says nothing. */
    struct iovec iov[2] = {{file->write_base, (size_t)(file->write_at - file->write_base)},
                           {(void *)(uintptr_t)from, n}};
    bool wanted = !olly_dormant() && olly_wants(fd, true);
    uint64_t time = wanted ? olly_now() : 0;
    size_t written = (*real)(file, from, n);
    if (file->write != ours) {
        *real = file->write;
        file->write = ours;
    }
    size_t bytes = iov[0].iov_len + iov[1].iov_len;
    if (wanted && bytes != 0 && written == n && file->write_at != NULL) {
        struct olly_io io = {
            .fd = fd, .out = true, .iov = iov, .iov_count = 2, .bytes = bytes, .time = time};
        olly_io_done(&io);
    }
    return written;
}

static size_t olly__write_stdout(struct olly__file *file, const void *from, size_t n) {
    return olly__write(file, from, n, &olly__real_stdout, olly__write_stdout);
}

static size_t olly__write_stderr(struct olly__file *file, const void *from, size_t n) {
    return olly__write(file, from, n, &olly__real_stderr, olly__write_stderr);
}

struct olly__code {
    uintptr_t inside; /* the module that holds this address */
    uintptr_t low;
    uintptr_t high;
};

static int olly__find_code(const struct olly_module *module, void *data) {
    struct olly__code *code = data;
    if (code->inside < module->low || code->inside >= module->high) {
        return 0;
    }
    code->low = module->low;
    code->high = module->high;
    return 1;
}

/* The stream behind a name, when it is what it should be. */
static struct olly__file *olly__stream(const char *name, int fd) {
    struct olly__file *const *place = olly_find_next(name);
    struct olly__code code = {.inside = (uintptr_t)place};
    if (place == NULL || olly_modules(olly__find_code, &code) == 0) {
        return NULL;
    }
    struct olly__file *file = *place;
    uintptr_t at = (uintptr_t)file;
    if (at < code.low || at > code.high - sizeof *file || file->fd != fd) {
        return NULL;
    }
    uintptr_t functions[] = {(uintptr_t)file->close, (uintptr_t)file->seek};
    for (size_t i = 0; i < 2; i++) {
        if (functions[i] < code.low || functions[i] >= code.high) {
            return NULL;
        }
    }
    uintptr_t write = (uintptr_t)file->write;
    return fd == 0 || (write >= code.low && write < code.high) ? file : NULL;
}

void olly_stdio_musl_patch(void) {
    struct olly__file *in = olly__stream("stdin", 0);
    struct olly__file *out = olly__stream("stdout", 1);
    struct olly__file *error = olly__stream("stderr", 2);
    if (in == NULL || out == NULL || error == NULL || in->close != out->close ||
        out->close != error->close) {
        return;
    }
    olly__real_stdout = out->write;
    olly__real_stderr = error->write;
    out->write = olly__write_stdout;
    error->write = olly__write_stderr;
}
