#define _GNU_SOURCE 1
#include "CLinux.h"
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

int dues_accept(int listener) {
    int descriptor = accept4(listener, 0, 0, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (descriptor < 0) return descriptor;
    // A peer that has vanished without a word is found out after two minutes. None of this is there for a Unix socket.
    int yes = 1, idle = 60, interval = 15, probes = 4;
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    setsockopt(descriptor, SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof yes);
    setsockopt(descriptor, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
    setsockopt(descriptor, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
    setsockopt(descriptor, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
    return descriptor;
}

int dues_pipe(int *ends) { return pipe2(ends, O_CLOEXEC); }

int dues_epoll_control(int epoll, int operation, int descriptor, uint32_t events, uint64_t tag) {
    struct epoll_event event = { .events = events, .data = { .u64 = tag } };
    return epoll_ctl(epoll, operation, descriptor, &event);
}

uint64_t dues_epoll_tag(const struct epoll_event *events, int index) { return events[index].data.u64; }
uint32_t dues_epoll_ready(const struct epoll_event *events, int index) { return events[index].events; }

static sigset_t set_of(const int *signals, int count) {
    sigset_t set;
    sigemptyset(&set);
    for (int i = 0; i < count; i++) sigaddset(&set, signals[i]);
    return set;
}

int dues_block_signals(const int *signals, int count) {
    sigset_t set = set_of(signals, count);
    return pthread_sigmask(SIG_BLOCK, &set, 0);
}

int dues_signal_descriptor(const int *signals, int count) {
    sigset_t set = set_of(signals, count);
    return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

int dues_next_signal(int descriptor) {
    struct signalfd_siginfo info;
    return read(descriptor, &info, sizeof info) == sizeof info ? (int)info.ssi_signo : 0;
}

int dues_processors(void) {
    // The kernel refuses a mask that is smaller than its own: this one has room for every processor that Linux can be built for.
    static const size_t most = 8192;
    cpu_set_t *set = CPU_ALLOC(most);
    if (!set) return 0;
    size_t size = CPU_ALLOC_SIZE(most);
    int count = sched_getaffinity(0, size, set) == 0 ? CPU_COUNT_S(size, set) : 0;
    CPU_FREE(set);
    return count;
}

int dues_readable(int socket, int microseconds) {
    struct pollfd query = { .fd = socket, .events = POLLIN };
    struct timespec patience = { .tv_nsec = microseconds * 1000L };
    return ppoll(&query, 1, &patience, 0) > 0;
}
