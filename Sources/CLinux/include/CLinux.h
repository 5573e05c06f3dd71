#ifndef CLINUX_H
#define CLINUX_H
// What Swift's Glibc module leaves out: readiness, wake-ups and signals as descriptors, and accept4. No header here may
// depend on feature macros: a type that the two modules saw differently would not compile.
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <stdint.h>

/// accept4(2) without the peer's address; the new descriptor is non-blocking, closed on exec, sends small writes at once, and
/// notices a peer that has vanished.
int dues_accept(int listener);
/// A pipe whose ends are closed on exec: where to read, where to write.
int dues_pipe(int *ends);
/// Waits until `socket` has something to read or has come to its end, at most `microseconds` (under a second). Whether it has.
int dues_readable(int socket, int microseconds);
/// Registers (`operation` one of EPOLL_CTL_*) `descriptor` with `tag` as its user data.
int dues_epoll_control(int epoll, int operation, int descriptor, uint32_t events, uint64_t tag);
/// epoll_event is packed on x86-64: its members are read here, not through Swift's layout.
uint64_t dues_epoll_tag(const struct epoll_event *events, int index);
uint32_t dues_epoll_ready(const struct epoll_event *events, int index);
/// Blocks the signal in the calling thread (and those it starts later).
int dues_block_signals(const int *signals, int count);
/// A non-blocking descriptor that reads as signalfd_siginfo for the given (blocked) signals.
int dues_signal_descriptor(const int *signals, int count);
/// Next pending signal of `descriptor`, or 0 when there is none.
int dues_next_signal(int descriptor);
/// Processors that this process may run on (sched_getaffinity(2)), or 0 where that cannot be learned.
int dues_processors(void);
#endif
