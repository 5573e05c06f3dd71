// libcurl's transfers by readiness: its multi interface tells which sockets to watch and when to come back
// (https://curl.se/libcurl/c/curl_multi_socket_action.html), so that a turn costs what is ready and not what is open.
#define _GNU_SOURCE 1
#include "driver.h"
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS = 256 };

// What epoll watches a socket for, and what libcurl wants of it. They differ between transfers: a connection's socket, which
// libcurl closes by `dues_curl_driver_close`, is not taken from epoll and given back for each of them, but taken when it says
// something that nobody waits for.
typedef struct { uint32_t watched, wanted; int is_connection; } Interest;

struct dues_curl_driver {
    CURLM *multi;
    int epoll, alarm;
    int64_t due;  // milliseconds of the monotonic clock; negative for never
    Interest *interests;  // by descriptor
    int capacity;
};

static int64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000ll + time.tv_nsec / 1000000;
}

static Interest *interest(struct dues_curl_driver *driver, int socket) {
    if (socket >= driver->capacity) {
        int capacity = socket + 64;
        Interest *grown = realloc(driver->interests, capacity * sizeof *grown);
        if (!grown) abort();  // as everything else that needs memory and finds none
        memset(grown + driver->capacity, 0, (capacity - driver->capacity) * sizeof *grown);
        driver->interests = grown, driver->capacity = capacity;
    }
    return &driver->interests[socket];
}

static void watch(struct dues_curl_driver *driver, int socket, uint32_t events) {
    Interest *known = interest(driver, socket);
    if (known->watched == events) return;
    int operation = !events ? EPOLL_CTL_DEL : known->watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    struct epoll_event event = {.events = events, .data.fd = socket};
    epoll_ctl(driver->epoll, operation, socket, &event);
    known->watched = events;
}

int dues_curl_driver_watch(CURL *handle, curl_socket_t socket, int what, void *driver, void *unused) {
    (void)handle, (void)unused;
    uint32_t wanted = what == CURL_POLL_REMOVE ? 0
        : (what & CURL_POLL_IN ? EPOLLIN : 0) | (what & CURL_POLL_OUT ? EPOLLOUT : 0);
    Interest *known = interest(driver, socket);
    known->wanted = wanted;
    if (wanted || !known->is_connection) watch(driver, socket, wanted);
    return 0;
}

int dues_curl_driver_set_timer(CURLM *multi, long milliseconds, void *driver) {
    (void)multi;
    ((struct dues_curl_driver *)driver)->due = milliseconds < 0 ? -1 : now() + milliseconds;
    return 0;
}

int dues_curl_driver_open(void *driver, curl_socket_t socket, curlsocktype purpose) {
    (void)purpose;
    *interest(driver, socket) = (Interest){.is_connection = 1};
    return CURL_SOCKOPT_OK;
}

int dues_curl_driver_close(void *driver, curl_socket_t socket) {
    *interest(driver, socket) = (Interest){0};  // closing takes it from epoll
    return close(socket);
}

struct dues_curl_driver *dues_curl_driver_make(CURLM *multi) {
    struct dues_curl_driver *driver = calloc(1, sizeof *driver);
    if (!driver) return 0;
    driver->multi = multi, driver->due = -1;
    driver->epoll = epoll_create1(EPOLL_CLOEXEC), driver->alarm = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = driver->alarm};
    if (driver->epoll < 0 || driver->alarm < 0 || epoll_ctl(driver->epoll, EPOLL_CTL_ADD, driver->alarm, &event)) {
        dues_curl_driver_free(driver);
        return 0;
    }
    dues_curl_multi_set_callbacks(multi, driver);
    return driver;
}

void dues_curl_driver_free(struct dues_curl_driver *driver) {
    if (driver->epoll >= 0) close(driver->epoll);
    if (driver->alarm >= 0) close(driver->alarm);
    free(driver->interests);
    free(driver);
}

void dues_curl_driver_ring(struct dues_curl_driver *driver) {
    // Fails only when the counter is full, and then the driver is awake already.
    eventfd_write(driver->alarm, 1);
}

static void act(struct dues_curl_driver *driver, const struct epoll_event *event) {
    int running, socket = event->data.fd;
    if (socket == driver->alarm) {
        eventfd_t count;
        eventfd_read(driver->alarm, &count);
        return;
    }
    uint32_t wanted = interest(driver, socket)->wanted;
    if (!wanted) {
        watch(driver, socket, 0);  // libcurl looks at a kept connection itself before it uses it again
        return;
    }
    // What is wrong with it is found out by the reading or writing that libcurl waits for.
    uint32_t ready = event->events & (EPOLLERR | EPOLLHUP) ? wanted : event->events;
    int bits = (ready & EPOLLIN ? CURL_CSELECT_IN : 0) | (ready & EPOLLOUT ? CURL_CSELECT_OUT : 0);
    curl_multi_socket_action(driver->multi, socket, bits, &running);
}

void dues_curl_driver_turn(struct dues_curl_driver *driver, int milliseconds) {
    if (driver->due >= 0) {
        int64_t left = driver->due - now();
        if (left < milliseconds) milliseconds = left < 0 ? 0 : (int)left;
    }
    struct epoll_event events[EVENTS];
    int count = epoll_wait(driver->epoll, events, EVENTS, milliseconds);
    for (int index = 0; index < count; index++) act(driver, &events[index]);
    if (driver->due >= 0 && driver->due <= now()) {
        int running;
        driver->due = -1;
        curl_multi_socket_action(driver->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    }
}
