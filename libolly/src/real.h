/*
 * The functions that are hooked, as the application would have reached them.
 * Invariant: a member of olly_real is never null: until it is resolved it is a stub that resolves
 * first, and where the C library has no such function it makes the system call.
 */
#ifndef OLLY_REAL_H
#define OLLY_REAL_H

#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>

typedef struct sockaddr olly_sockaddr;

/* X(result, name, parameters, arguments, system call for a C library without it) */
#define OLLY_REAL_READS(X)                                                                     \
    X(ssize_t, read, (int fd, void *to, size_t n), (fd, to, n), olly_raw(SYS_read, fd, to, n)) \
    X(ssize_t, __read_chk, (int fd, void *to, size_t n, size_t room), (fd, to, n, room),       \
      olly_raw(SYS_read, fd, to, n <= room ? n : room))                                        \
    X(ssize_t, readv, (int fd, const struct iovec *iov, int count), (fd, iov, count),          \
      olly_raw(SYS_readv, fd, iov, count))                                                     \
    X(ssize_t, recv, (int fd, void *to, size_t n, int flags), (fd, to, n, flags),              \
      olly_raw(SYS_recvfrom, fd, to, n, flags, 0, 0))                                          \
    X(ssize_t, __recv_chk, (int fd, void *to, size_t n, size_t room, int flags),               \
      (fd, to, n, room, flags), olly_raw(SYS_recvfrom, fd, to, n <= room ? n : room, flags, 0, 0)) \
    X(ssize_t, recvfrom,                                                                       \
      (int fd, void *to, size_t n, int flags, olly_sockaddr *from, socklen_t *from_bytes),     \
      (fd, to, n, flags, from, from_bytes),                                                    \
      olly_raw(SYS_recvfrom, fd, to, n, flags, from, from_bytes))                              \
    X(ssize_t, __recvfrom_chk,                                                                 \
      (int fd, void *to, size_t n, size_t room, int flags, olly_sockaddr *from,                \
       socklen_t *from_bytes),                                                                 \
      (fd, to, n, room, flags, from, from_bytes),                                              \
      olly_raw(SYS_recvfrom, fd, to, n <= room ? n : room, flags, from, from_bytes))           \
    X(ssize_t, recvmsg, (int fd, struct msghdr *message, int flags), (fd, message, flags),     \
      olly_raw(SYS_recvmsg, fd, message, flags))                                               \
    X(int, recvmmsg,                                                                           \
      (int fd, struct mmsghdr *messages, unsigned count, int flags, struct timespec *timeout), \
      (fd, messages, count, flags, timeout),                                                   \
      olly_raw(SYS_recvmmsg, fd, messages, count, flags, timeout))

#define OLLY_REAL_WRITES(X)                                                                    \
    X(ssize_t, write, (int fd, const void *from, size_t n), (fd, from, n),                     \
      olly_raw(SYS_write, fd, from, n))                                                        \
    X(ssize_t, writev, (int fd, const struct iovec *iov, int count), (fd, iov, count),         \
      olly_raw(SYS_writev, fd, iov, count))                                                    \
    X(ssize_t, send, (int fd, const void *from, size_t n, int flags), (fd, from, n, flags),    \
      olly_raw(SYS_sendto, fd, from, n, flags, 0, 0))                                          \
    X(ssize_t, sendto,                                                                         \
      (int fd, const void *from, size_t n, int flags, const olly_sockaddr *to,                 \
       socklen_t to_bytes),                                                                    \
      (fd, from, n, flags, to, to_bytes), olly_raw(SYS_sendto, fd, from, n, flags, to, to_bytes)) \
    X(ssize_t, sendmsg, (int fd, const struct msghdr *message, int flags),                     \
      (fd, message, flags), olly_raw(SYS_sendmsg, fd, message, flags))                         \
    X(int, sendmmsg, (int fd, struct mmsghdr *messages, unsigned count, int flags),            \
      (fd, messages, count, flags), olly_raw(SYS_sendmmsg, fd, messages, count, flags))        \
    X(ssize_t, sendfile, (int to, int from, off_t *offset, size_t n), (to, from, offset, n),   \
      olly_raw(SYS_sendfile, to, from, offset, n))                                             \
    X(ssize_t, sendfile64, (int to, int from, off_t *offset, size_t n), (to, from, offset, n), \
      olly_raw(SYS_sendfile, to, from, offset, n))                                             \
    X(ssize_t, splice,                                                                         \
      (int from, loff_t *from_at, int to, loff_t *to_at, size_t n, unsigned flags),            \
      (from, from_at, to, to_at, n, flags),                                                    \
      olly_raw(SYS_splice, from, from_at, to, to_at, n, flags))

#define OLLY_REAL_CONNECTIONS(X)                                                               \
    X(int, connect, (int fd, const olly_sockaddr *to, socklen_t bytes), (fd, to, bytes),       \
      olly_raw(SYS_connect, fd, to, bytes))                                                    \
    X(int, accept, (int fd, olly_sockaddr *from, socklen_t *bytes), (fd, from, bytes),         \
      olly_raw(SYS_accept, fd, from, bytes))                                                   \
    X(int, accept4, (int fd, olly_sockaddr *from, socklen_t *bytes, int flags),                \
      (fd, from, bytes, flags), olly_raw(SYS_accept4, fd, from, bytes, flags))                 \
    X(int, shutdown, (int fd, int how), (fd, how), olly_raw(SYS_shutdown, fd, how))

#define OLLY_REAL_WAITS(X)                                                                     \
    X(int, epoll_wait, (int fd, struct epoll_event *events, int count, int timeout),           \
      (fd, events, count, timeout), olly_raw(SYS_epoll_pwait, fd, events, count, timeout, 0, 8)) \
    X(int, epoll_pwait,                                                                        \
      (int fd, struct epoll_event *events, int count, int timeout, const sigset_t *mask),      \
      (fd, events, count, timeout, mask),                                                      \
      olly_raw(SYS_epoll_pwait, fd, events, count, timeout, mask, 8))                          \
    X(int, epoll_pwait2,                                                                       \
      (int fd, struct epoll_event *events, int count, const struct timespec *timeout,          \
       const sigset_t *mask),                                                                  \
      (fd, events, count, timeout, mask),                                                      \
      olly_raw(SYS_epoll_pwait2, fd, events, count, timeout, mask, 8))

#define OLLY_REAL_DESCRIPTORS(X)                                                               \
    X(int, close, (int fd), (fd), olly_raw(SYS_close, fd))                                     \
    X(int, close_range, (unsigned first, unsigned last, int flags), (first, last, flags),      \
      olly_raw(SYS_close_range, first, last, flags))                                           \
    X(int, dup, (int fd), (fd), olly_raw(SYS_dup, fd))                                         \
    X(int, dup2, (int fd, int as), (fd, as),                                                   \
      fd == as ? olly_raw(SYS_fcntl, fd, F_GETFD) >= 0 ? as : -9 : olly_raw(SYS_dup3, fd, as, 0)) \
    X(int, dup3, (int fd, int as, int flags), (fd, as, flags),                                 \
      olly_raw(SYS_dup3, fd, as, flags))                                                       \
    X(int, fcntl, (int fd, int command, void *argument), (fd, command, argument),              \
      olly_raw(SYS_fcntl, fd, command, argument))                                              \
    X(int, fcntl64, (int fd, int command, void *argument), (fd, command, argument),            \
      olly_raw(SYS_fcntl, fd, command, argument))

/* These only make a descriptor: what the table remembers of its number is out of date. */
#define OLLY_REAL_MAKERS(X)                                                                    \
    X(int, socket, (int domain, int type, int protocol), (domain, type, protocol),             \
      olly_raw(SYS_socket, domain, type, protocol))                                            \
    X(int, open, (const char *path, int flags, mode_t mode), (path, flags, mode),              \
      olly_raw(SYS_openat, AT_FDCWD, path, flags, mode))                                       \
    X(int, open64, (const char *path, int flags, mode_t mode), (path, flags, mode),            \
      olly_raw(SYS_openat, AT_FDCWD, path, flags, mode))                                       \
    X(int, openat, (int at, const char *path, int flags, mode_t mode),                         \
      (at, path, flags, mode), olly_raw(SYS_openat, at, path, flags, mode))                    \
    X(int, openat64, (int at, const char *path, int flags, mode_t mode),                       \
      (at, path, flags, mode), olly_raw(SYS_openat, at, path, flags, mode))                    \
    X(int, creat, (const char *path, mode_t mode), (path, mode),                               \
      olly_raw(SYS_openat, AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode))                \
    X(int, creat64, (const char *path, mode_t mode), (path, mode),                             \
      olly_raw(SYS_openat, AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode))                \
    X(int, __open_2, (const char *path, int flags), (path, flags),                             \
      olly_raw(SYS_openat, AT_FDCWD, path, flags, 0))                                          \
    X(int, __open64_2, (const char *path, int flags), (path, flags),                           \
      olly_raw(SYS_openat, AT_FDCWD, path, flags, 0))                                          \
    X(int, __openat_2, (int at, const char *path, int flags), (at, path, flags),               \
      olly_raw(SYS_openat, at, path, flags, 0))                                                \
    X(int, __openat64_2, (int at, const char *path, int flags), (at, path, flags),             \
      olly_raw(SYS_openat, at, path, flags, 0))

#define OLLY_REAL_PAIR_MAKERS(X)                                                               \
    X(int, socketpair, (int domain, int type, int protocol, int pair[2]),                      \
      (domain, type, protocol, pair), olly_raw(SYS_socketpair, domain, type, protocol, pair))  \
    X(int, pipe, (int pair[2]), (pair), olly_raw(SYS_pipe2, pair, 0))                          \
    X(int, pipe2, (int pair[2], int flags), (pair, flags), olly_raw(SYS_pipe2, pair, flags))

/* A libc without one of them: ENOSYS (38); posix_spawn returns errors instead of setting errno. */
#define OLLY_REAL_STARTERS(X)                                                                  \
    X(int, execve, (const char *path, char *const arguments[], char *const with[]),            \
      (path, arguments, with), olly_raw(SYS_execve, path, arguments, with))                    \
    X(int, execv, (const char *path, char *const arguments[]), (path, arguments), -38)         \
    X(int, execvp, (const char *file, char *const arguments[]), (file, arguments), -38)        \
    X(int, execvpe, (const char *file, char *const arguments[], char *const with[]),           \
      (file, arguments, with), -38)                                                            \
    X(int, fexecve, (int fd, char *const arguments[], char *const with[]),                     \
      (fd, arguments, with), olly_raw(SYS_execveat, fd, "", arguments, with, AT_EMPTY_PATH))   \
    X(int, execveat,                                                                           \
      (int at, const char *path, char *const arguments[], char *const with[], int flags),      \
      (at, path, arguments, with, flags),                                                      \
      olly_raw(SYS_execveat, at, path, arguments, with, flags))                                \
    X(int, posix_spawn,                                                                        \
      (pid_t *pid, const char *path, const void *actions, const void *attributes,              \
       char *const arguments[], char *const with[]),                                           \
      (pid, path, actions, attributes, arguments, with), 38)                                   \
    X(int, posix_spawnp,                                                                       \
      (pid_t *pid, const char *file, const void *actions, const void *attributes,              \
       char *const arguments[], char *const with[]),                                           \
      (pid, file, actions, attributes, arguments, with), 38)

#define OLLY_REAL_PROCESS(X)                                                                   \
    X(int, prctl, (int option, long a, long b, long c, long d), (option, a, b, c, d),          \
      olly_raw(SYS_prctl, option, a, b, c, d))                                                 \
    X(int, chroot, (const char *path), (path), olly_raw(SYS_chroot, path))                     \
    X(int, mlockall, (int flags), (flags), olly_raw(SYS_mlockall, flags))

/* Reached by a jump from assembly; seven words are what syscall() can take. */
#define OLLY_REAL_JUMPS(X)                                                                     \
    X(long, syscall, (long n, long a, long b, long c, long d, long e, long f),                 \
      (n, a, b, c, d, e, f), olly_syscall6(n, a, b, c, d, e, f))

#define OLLY_REAL_ALL(X)                                                                       \
    OLLY_REAL_JUMPS(X)                                                                         \
    OLLY_REAL_READS(X)                                                                         \
    OLLY_REAL_WRITES(X)                                                                        \
    OLLY_REAL_CONNECTIONS(X)                                                                   \
    OLLY_REAL_WAITS(X)                                                                         \
    OLLY_REAL_DESCRIPTORS(X)                                                                   \
    OLLY_REAL_STARTERS(X)                                                                      \
    OLLY_REAL_PROCESS(X)                                                                       \
    OLLY_REAL_MAKERS(X)                                                                        \
    OLLY_REAL_PAIR_MAKERS(X)

/* Functions that a hook finds null where the C library has none. Looked for with the others: later
 * the loader's lock may be held by a thread that a forked child does not have. */
#define OLLY_OTHERS(X)                                                                         \
    X(vfork) X(closefrom) X(dlclose)                                                           \
    X(vsyslog) X(__vsyslog_chk) X(openlog) X(setlogmask) X(vsnprintf) X(__vsnprintf_chk)       \
    X(getaddrinfo) X(gethostbyname) X(gethostbyname2) X(gethostbyname_r) X(gethostbyname2_r)   \
    X(__h_errno_location)
#define OLLY__OTHER_INDEX(name) OLLY_OTHER_##name,
enum olly_other { OLLY_OTHERS(OLLY__OTHER_INDEX) };

#define OLLY__MEMBER(result, name, parameters, arguments, raw) result(*name) parameters;
struct olly_real_functions {
    OLLY_REAL_ALL(OLLY__MEMBER)
};

extern struct olly_real_functions olly_real __attribute__((visibility("hidden")));

#endif
