// stub: stands where Stripe's API would, for measuring what a call costs on the way there and back.
//
//   stub [-d DELAY_MILLISECONDS]
//
// Listens on a free port of the loopback address and prints it as its first line. Answers POST /v1/customers with a customer of
// 1.5 KB, written as Stripe writes it and with an id of its own, DELAY after the request has come; answers everything else with
// Stripe's 404. Connections are kept alive, with one request at a time on each. At SIGTERM it prints one JSON object: how many
// requests came, and how many connections there were at the most at one time.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { INPUT_BYTES = 1 << 14, EVENTS = 256, ID_DIGITS = 14 };

typedef struct Connection {
  int socket, closed;
  size_t have;
  uint64_t due;  // when the answer goes out; 0 while no request is whole
  struct Connection *next;
  char input[INPUT_BYTES + 1];
} Connection;

#define BLANK_ID "cus_00000000000000"
static const char customer[] =
    "{\n  \"id\": \"" BLANK_ID "\",\n  \"object\": \"customer\",\n  \"address\": {\n    \"city\": \"Brothers\",\n"
    "    \"country\": \"US\",\n    \"line1\": \"27 Fredrick Ave\",\n    \"line2\": null,\n    \"postal_code\": \"97712\",\n"
    "    \"state\": \"OR\"\n  },\n  \"balance\": 0,\n  \"created\": 1763870000,\n  \"currency\": null,\n"
    "  \"customer_account\": null,\n  \"default_source\": null,\n  \"delinquent\": false,\n"
    "  \"description\": \"A customer whose description is as long as such descriptions often are\",\n  \"discount\": null,\n"
    "  \"email\": \"jenny.rosen@example.com\",\n  \"invoice_prefix\": \"0759376C\",\n  \"invoice_settings\": {\n"
    "    \"custom_fields\": null,\n    \"default_payment_method\": null,\n    \"footer\": null,\n"
    "    \"rendering_options\": null\n  },\n  \"livemode\": false,\n  \"metadata\": {\n"
    "    \"user_id\": \"user_0123456789abcdef0123456789abcdef\",\n"
    "    \"organization_id\": \"org_0123456789abcdef0123456789abcdef\",\n"
    "    \"workspace_id\": \"wks_0123456789abcdef0123456789abcdef\",\n"
    "    \"sign_up_id\": \"sgn_0123456789abcdef0123456789abcdef\",\n"
    "    \"referrer\": \"https://www.example.com/comparison-of-plans\",\n"
    "    \"campaign\": \"spring-and-summer-newsletter-of-the-north-west\"\n  },\n  \"name\": \"Jenny Rosen\",\n"
    "  \"next_invoice_sequence\": 1,\n  \"phone\": \"+15415550100\",\n  \"preferred_locales\": [\n    \"en\"\n  ],\n"
    "  \"shipping\": {\n    \"address\": {\n      \"city\": \"Brothers\",\n      \"country\": \"US\",\n"
    "      \"line1\": \"27 Fredrick Ave\",\n      \"line2\": null,\n      \"postal_code\": \"97712\",\n      \"state\": \"OR\"\n"
    "    },\n    \"name\": \"Jenny Rosen\",\n    \"phone\": null\n  },\n  \"tax_exempt\": \"none\",\n  \"test_clock\": null\n}\n";
static const char refusal[] =
    "{\n  \"error\": {\n    \"message\": \"Unrecognized request URL. The benchmark asks for customers alone.\",\n"
    "    \"type\": \"invalid_request_error\"\n  }\n}\n";
static const char head[] =
    "HTTP/1.1 %s\r\nServer: nginx\r\nContent-Type: application/json\r\nContent-Length: %zu\r\nConnection: keep-alive\r\n"
    "Access-Control-Allow-Origin: *\r\nCache-Control: no-cache, no-store\r\nRequest-Id: req_bench\r\n"
    "Stripe-Version: 2026-08-26.dahlia\r\n\r\n%s";

static char found[4096], not_found[1024], *id;
static int found_bytes, not_found_bytes, epoll;
static uint64_t delay, last_id, requests, connections, most_connections;
static Connection *first_waiting, **last_waiting = &first_waiting;  // one delay for all: who comes first is due first
static volatile sig_atomic_t stopped;

static uint64_t nanoseconds(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000ull + time.tv_nsec;
}

static void fail(const char *what) { perror(what), exit(2); }

static void stop(int signal) { stopped = signal; }

// Multiplying by an odd number never gives two numbers the same product, and puts neighbours in time far apart in the store.
static void write_fresh_id(void) {
  static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  uint64_t rest = ++last_id * 0x9E3779B97F4A7C15ull;
  for (int digit = ID_DIGITS - 1; digit >= 0; digit--, rest /= 62) id[digit] = digits[rest % 62];
}

static int is_whole(const Connection *of) {
  const char *end = strstr(of->input, "\r\n\r\n"), *length = end ? strcasestr(of->input, "\r\ncontent-length:") : 0;
  return end && of->have >= (size_t)(end + 4 - of->input) + (length && length < end ? strtoul(length + 17, 0, 10) : 0);
}

static void answer(Connection *to) {
  static const char create[] = "POST /v1/customers ";
  int is_create = !strncmp(to->input, create, sizeof create - 1), bytes = is_create ? found_bytes : not_found_bytes;
  if (is_create) write_fresh_id();
  to->due = to->have = 0;
  // An answer fits into the socket's buffer, which is empty: there was no other since its request.
  if (write(to->socket, is_create ? found : not_found, bytes) != bytes) shutdown(to->socket, SHUT_RDWR);
}

static void answer_who_is_due(void) {
  for (Connection *each; (each = first_waiting) && each->due <= nanoseconds();) {
    if (!(first_waiting = each->next)) last_waiting = &first_waiting;
    each->next = 0;
    if (each->closed) free(each);
    else answer(each);
  }
}

static void accept_all(int listener) {
  for (int made, on = 1; (made = accept4(listener, 0, 0, SOCK_NONBLOCK)) >= 0;) {
    Connection *new = calloc(1, sizeof *new);
    if (!new) fail("accept");
    new->socket = made;
    setsockopt(made, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    epoll_ctl(epoll, EPOLL_CTL_ADD, made, &(struct epoll_event){.events = EPOLLIN, .data.ptr = new});
    if (++connections > most_connections) most_connections = connections;
  }
}

static void take(Connection *from) {
  ssize_t count = read(from->socket, from->input + from->have, INPUT_BYTES - from->have);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (count <= 0) {
    close(from->socket), connections--;
    if (from->due) from->closed = 1;  // it is waited for still
    else free(from);
    return;
  }
  from->have += count, from->input[from->have] = 0;
  if (from->due || !is_whole(from)) return;
  requests++;
  if (!delay) return answer(from);
  from->due = nanoseconds() + delay;
  *last_waiting = from, last_waiting = &from->next;
}

static int listen_somewhere(void) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  int made = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (made < 0 || bind(made, (void *)&address, size) || listen(made, 4096)) fail("listen");
  if (getsockname(made, (void *)&address, &size)) fail("getsockname");
  printf("%d\n", ntohs(address.sin_port)), fflush(stdout);
  return made;
}

int main(int count, char **arguments) {
  for (int option; (option = getopt(count, arguments, "d:")) != -1;) {
    if (option != 'd') return 2;
    delay = strtoull(optarg, 0, 10) * 1000000;
  }
  found_bytes = snprintf(found, sizeof found, head, "200 OK", sizeof customer - 1, customer);
  not_found_bytes = snprintf(not_found, sizeof not_found, head, "404 Not Found", sizeof refusal - 1, refusal);
  id = strstr(found, BLANK_ID) + strlen("cus_");
  last_id = nanoseconds();  // a store that has known another stub sees no id twice
  sigaction(SIGTERM, &(struct sigaction){.sa_handler = stop}, 0);
  epoll = epoll_create1(0);
  int listener = listen_somewhere();
  epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &(struct epoll_event){.events = EPOLLIN});
  struct epoll_event ready[EVENTS];
  while (!stopped) {
    answer_who_is_due();
    uint64_t now = nanoseconds(), due = first_waiting ? first_waiting->due : now + 100000000, wait = due > now ? due - now : 0;
    struct timespec patience = {.tv_sec = wait / 1000000000, .tv_nsec = wait % 1000000000};
    int events = epoll_pwait2(epoll, ready, EVENTS, &patience, 0);
    for (int event = 0; event < events; event++) {
      if (ready[event].data.ptr) take(ready[event].data.ptr);
      else accept_all(listener);
    }
  }
  printf("{\"requests\":%lu,\"most_connections\":%lu}\n", requests, most_connections);
  return 0;
}
