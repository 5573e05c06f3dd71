// load: asks a server that answers line by line (JSON-RPC lines, Redis's RESP) or over HTTP, and measures how it answers.
//
//   load -p PORT [-c CONNECTIONS] [-d IN_FLIGHT] [-s SECONDS [-w WARMUP] | -n CALLS] [-k KEYS] [-l LINES | -u PATH | -f FILE]
//        -e EXPECTED REQUEST
//
// Keeps IN_FLIGHT calls in flight on each connection, for SECONDS after WARMUP, or until CALLS are answered. REQUEST is sent
// with a line feed; in it %d becomes a number that is unique in the run and %k a key of 7 digits below KEYS, spread evenly
// and in the same order for every server. An answer has LINES lines, and must hold EXPECTED, or the run fails. With PATH the
// REQUEST is posted there as JSON over HTTP/1.1, and an answer is as long as its Content-Length says.
// With FILE the requests are taken from it, each behind its length in 4 bytes, and as HTTP/1.1 already; the run ends with them.
// A latency pairs the answers of a connection with its calls in order, which is how both servers answer.
// What is in flight at the end is waited for, and counted among the answers alone: whoever looks at what the run has cost the
// server finds nothing half done. Prints one JSON object; ends with status 1 where an answer was wrong or a connection was lost.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { INPUT_BYTES = 1 << 16, EVENTS = 256, HISTOGRAM = 64 * 64 };

typedef struct {
  int socket;
  size_t have;
  uint64_t answered, asked, *sent;  // `sent` is a ring of the times of the calls in flight
  char input[INPUT_BYTES + 1];
} Connection;

static const char *request, *expected = "", *path;
static char *prepared, *prepared_end;  // what is left of FILE
static int port, connections = 1, depth = 1, lines = 1, over;
static char head[512];  // what stands before a request that is posted; its length is written into the last digits
static double seconds, warmup;
static uint64_t calls, keys = 1, started, answered, wrong, lost;

// MARK: Latencies, in microseconds, in classes of less than 1.6 % width.

static uint64_t histogram[HISTOGRAM], measured, longest;

static void note(uint64_t microseconds) {
  int class = microseconds;
  if (microseconds >= 64) {
    int exponent = 63 - __builtin_clzll(microseconds);
    class = (exponent - 5) * 64 + ((microseconds >> (exponent - 6)) & 63);
  }
  histogram[class]++, measured++;
  if (microseconds > longest) longest = microseconds;
}

static uint64_t quantile(double share) {
  uint64_t below = 0;
  for (int class = 0; class < HISTOGRAM; class++) {
    below += histogram[class];
    if (below && below >= share * measured)
      return class < 64 ? (uint64_t)class : (uint64_t)(64 + class % 64) << (class / 64 - 1);
  }
  return 0;
}

// MARK: The wire

static uint64_t nanoseconds(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000ull + time.tv_nsec;
}

static void fail(const char *what) { perror(what), exit(2); }

static int dial(void) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int on = 1, made = socket(AF_INET, SOCK_STREAM, 0);
  if (made < 0 || connect(made, (void *)&address, sizeof address)) fail("connect");
  setsockopt(made, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  fcntl(made, F_SETFL, O_NONBLOCK);
  return made;
}

// Whether another call is to be made: a run of a fixed number stops asking in time.
static int wants_more(void) { return !over && (!calls || started < calls) && (!prepared || prepared < prepared_end); }

static uint32_t prepared_length(const char *at) {
  uint32_t length;
  return memcpy(&length, at, sizeof length), length;
}

// Not sprintf, which would cost the one server's calls what the other's do not have.
static char *decimal(char *into, uint64_t number) {
  char digits[20], *first = digits + sizeof digits;
  do *--first = '0' + number % 10;
  while (number /= 10);
  size_t count = digits + sizeof digits - first;
  return (char *)memcpy(into, first, count) + count;
}

static size_t render(char *into) {
  if (prepared) {
    uint32_t length = prepared_length(prepared);
    memcpy(into, prepared + sizeof length, length);
    return started++, prepared += sizeof length + length, length;
  }
  size_t before = strlen(head);
  char *end = (char *)memcpy(into, head, before) + before, *body = end;
  uint64_t number = ++started;
  for (const char *from = request; *from; from++) {
    if (from[0] == '%' && from[1] == 'd') {
      end = decimal(end, number), from++;
    } else if (from[0] == '%' && from[1] == 'k') {
      uint64_t key = number * 2654435761u % keys;  // Knuth's multiplicative hash: neighbours in time are far apart in the store
      for (int digit = 6; digit >= 0; digit--, key /= 10) end[digit] = '0' + key % 10;
      end += 7, from++;
    } else {
      *end++ = *from;
    }
  }
  if (path) {
    size_t length = end - body;
    for (char *digit = body - strlen("0\r\n\r\n"); length; length /= 10) *digit-- = '0' + length % 10;
  } else {
    *end++ = '\n';
  }
  return end - into;
}

// Where the answer ends that begins at `start`; null while it is not whole. A null byte follows what has been read.
static char *end_of_answer(char *start, char *end) {
  if (path) {
    char *blank = strstr(start, "\r\n\r\n"), *length = blank ? strcasestr(start, "\r\ncontent-length:") : 0;
    if (!blank) return 0;
    if (!length || length > blank) fputs("an answer has no Content-Length\n", stderr), exit(2);
    uint64_t bytes = strtoull(length + strlen("\r\ncontent-length:"), 0, 10), have = end - blank - 4;
    return bytes <= have ? blank + 4 + bytes : 0;
  }
  for (int line = 0; start && line < lines; line++)
    if ((start = memchr(start, '\n', end - start))) start++;
  return start;
}

static void send_all(Connection *to, const char *bytes, size_t count) {
  while (count) {
    ssize_t sent = write(to->socket, bytes, count);
    if (sent > 0) bytes += sent, count -= sent;
    else if (sent < 0 && errno == EAGAIN) poll(&(struct pollfd){.fd = to->socket, .events = POLLOUT}, 1, 1000);
    else if (sent < 0 && errno != EINTR) return;  // the connection's end is seen by the next read
  }
}

// Takes what one read gives, and asks again for every answer in it.
static int serve(Connection *from, char *burst) {
  ssize_t count = read(from->socket, from->input + from->have, INPUT_BYTES - from->have);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return 1;
  if (count <= 0) return 0;
  char *start = from->input, *end = start + from->have + count;
  size_t out = 0;
  uint64_t now = nanoseconds();
  *end = 0;
  for (char *next; (next = end_of_answer(start, end)); start = next) {
    answered++;
    if (!memmem(start, next - start, expected, strlen(expected)) && !wrong++)
      fprintf(stderr, "a wrong answer: %.*s\n", (int)(next - start), start);
    uint64_t sent = from->sent[from->answered++ % depth];
    if (!over) note((now - sent) / 1000);
    if (wants_more()) from->sent[from->asked++ % depth] = now, out += render(burst + out);
  }
  from->have = end - start;
  memmove(from->input, start, from->have);
  if (from->have == INPUT_BYTES) fputs("an answer is longer than 64 KiB\n", stderr), exit(2);
  send_all(from, burst, out);
  return 1;
}

static uint32_t longest_prepared;

static void read_prepared(const char *name) {
  int file = open(name, O_RDONLY);
  off_t count = file < 0 ? 0 : lseek(file, 0, SEEK_END);
  prepared = count ? mmap(0, count, PROT_READ, MAP_PRIVATE | MAP_POPULATE, file, 0) : MAP_FAILED;
  if (prepared == MAP_FAILED) fail(name);
  prepared_end = prepared + count;
  for (char *at = prepared; at < prepared_end; at += sizeof(uint32_t) + prepared_length(at))
    if (prepared_length(at) > longest_prepared) longest_prepared = prepared_length(at);
}

static void read_arguments(int count, char **arguments) {
  for (int option; (option = getopt(count, arguments, "p:c:d:s:w:n:k:l:u:f:e:")) != -1;) switch (option) {
      case 'p': port = atoi(optarg); break;
      case 'c': connections = atoi(optarg); break;
      case 'd': depth = atoi(optarg); break;
      case 's': seconds = atof(optarg); break;
      case 'w': warmup = atof(optarg); break;
      case 'n': calls = strtoull(optarg, 0, 10); break;
      case 'k': keys = strtoull(optarg, 0, 10); break;
      case 'l': lines = atoi(optarg); break;
      case 'u': path = optarg; break;
      case 'f': read_prepared(path = optarg); break;
      case 'e': expected = optarg; break;
      default: exit(2);
    }
  if (optind + 1 != count || !port || connections < 1 || depth < 1 || lines < 1 || !keys || !(calls || seconds > 0))
    fputs("usage: see the head of load.c\n", stderr), exit(2);
  request = arguments[optind];
  if (path)
    snprintf(head, sizeof head, "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Type: application/json\r\n"
             "Content-Length: 000000\r\n\r\n", path, port);
}

int main(int count, char **arguments) {
  read_arguments(count, arguments);
  char *burst = malloc((strlen(head) + strlen(request) + longest_prepared + 64) * 2 * depth);
  Connection *all = calloc(connections, sizeof *all);
  int epoll = epoll_create1(0), measuring = 0;
  if (!burst || !all || epoll < 0) fail("start");
  for (Connection *each = all; each < all + connections; each++) {
    each->socket = dial(), each->sent = calloc(depth, sizeof *each->sent);
    epoll_ctl(epoll, EPOLL_CTL_ADD, each->socket, &(struct epoll_event){.events = EPOLLIN, .data.ptr = each});
  }
  uint64_t begin = nanoseconds(), measure = begin + (uint64_t)(warmup * 1e9), end = measure + (uint64_t)(seconds * 1e9);
  clock_t processor = clock();
  for (Connection *each = all; each < all + connections; each++) {
    size_t out = 0;
    for (int call = 0; call < depth && wants_more(); call++)
      each->sent[each->asked++ % depth] = nanoseconds(), out += render(burst + out);
    send_all(each, burst, out);
  }
  struct epoll_event ready[EVENTS];
  double elapsed = 0, busy = 0;
  while (!lost && answered < (calls ? calls : over || !wants_more() ? started : UINT64_MAX)) {
    uint64_t now = nanoseconds();
    if (!measuring && now >= measure) {
      measuring = 1, begin = now, processor = clock();
      memset(histogram, 0, sizeof histogram), measured = longest = 0;
    }
    if (seconds > 0 && now >= end && !over)
      over = 1, elapsed = (now - begin) / 1e9, busy = (double)(clock() - processor) / CLOCKS_PER_SEC / elapsed;
    int events = epoll_wait(epoll, ready, EVENTS, 10);
    for (int event = 0; event < events; event++) {
      Connection *from = ready[event].data.ptr;
      if (!serve(from, burst)) lost++, close(from->socket);
    }
  }
  if (!over) elapsed = (nanoseconds() - begin) / 1e9, busy = (double)(clock() - processor) / CLOCKS_PER_SEC / elapsed;
  printf("{\"calls_per_second\":%.0f,\"p50_us\":%lu,\"p99_us\":%lu,\"max_us\":%lu,\"answers\":%lu,\"wrong\":%lu,"
         "\"lost\":%lu,\"client_cores\":%.2f}\n",
         measured / elapsed, quantile(.5), quantile(.99), longest, answered, wrong, lost, busy);
  return wrong || lost;
}
