/*
 * A thread that waits with epoll may serve many requests in turn: its messages say so.
 * Invariant: the mark is the thread's own and is never taken back.
 */
#include "tls.h"

static void olly__waits(void) {
    olly_thread.event_loop = 1;
    olly_tls_loop_turn();
}

OLLY_HOOK(int, epoll_wait, (int fd, struct epoll_event *events, int count, int timeout),
          (fd, events, count, timeout)) {
    olly__waits();
    return olly_real.epoll_wait(fd, events, count, timeout);
}

OLLY_HOOK(int, epoll_pwait, (int fd, struct epoll_event *events, int count, int timeout,
                             const sigset_t *mask), (fd, events, count, timeout, mask)) {
    olly__waits();
    return olly_real.epoll_pwait(fd, events, count, timeout, mask);
}

OLLY_HOOK(int, epoll_pwait2, (int fd, struct epoll_event *events, int count,
                              const struct timespec *timeout, const sigset_t *mask),
                             (fd, events, count, timeout, mask)) {
    olly__waits();
    return olly_real.epoll_pwait2(fd, events, count, timeout, mask);
}
