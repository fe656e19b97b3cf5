// Load generator for gateways. One thread, epoll, HTTP/1.1 keep-alive, POST only.
//   lg -p PORT [-u PATH] [-b BODYFILE] [-H "Name: value"]... [-c CONNS] [-d SECS] [-w WARMUP_SECS] [-r RATE] [-n]
// -r 0 (default): closed loop, every connection sends its next request when the last one is answered.
// -r N: open loop, N requests/s on a fixed schedule; latency counts from the scheduled time.
// -n: every request differs: the digits after "nonce-" in the body count up, so that no cache always hits.
// Prints one JSON line: rates, errors, percentiles in microseconds of the time to the first body byte, of the full
// answer and of the one-way delay of every chunk ("@T" and 20 digits of CLOCK_MONOTONIC ns, put in by upstream.c).
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http.h"
#include "monotonic.h"
#include "samples.h"

#define MARK_BYTES 22  // "@T" and 20 digits
#define NONCE_DIGITS 16

// ---- state

typedef enum { SIZE, DATA, DATA_END, TRAILER_START, LAST_LF, EXTENSION, TRAILER } ChunkState;

typedef struct {
  int fd, busy, head_done, chunked, status, close_after, got_body;
  size_t body_left, chunk_left;
  ChunkState state;
  int64_t started;
  char head[16384];
  size_t head_bytes;
  char tail[24];  // the end of the last piece: a mark may be cut by a read
  size_t tail_bytes;
} Conn;

static int epoll_fd, port, connections = 1;
static char* request;
static size_t request_bytes;
static char* nonce_at;
static uint64_t nonce, errors, answered, answered_in_all, events, reconnects;
static Samples first_byte, full_answer, chunk_delay;
static int64_t record_from, record_until;
static double rate;
static Conn* conns;
static struct sockaddr_in address;
static int64_t* due;  // ring of scheduled starts not sent yet
static size_t due_head, due_tail, due_capacity = 1 << 20;

static int recording(int64_t now) { return now >= record_from && now <= record_until; }

// ---- sending

static void open_conn(Conn* conn) {
  int one = 1;
  conn->fd = socket(AF_INET, SOCK_STREAM, 0);
  setsockopt(conn->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (connect(conn->fd, (void*)&address, sizeof address)) {
    perror("connect");
    exit(1);
  }
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = conn};
  epoll_ctl(epoll_fd, EPOLL_CTL_ADD, conn->fd, &event);
}

static void reopen(Conn* conn) {
  close(conn->fd);
  open_conn(conn);
  reconnects++;
}

static void count_nonce(void) {
  uint64_t value = nonce++;
  for (int i = NONCE_DIGITS - 1; i >= 0; i--, value /= 10) nonce_at[i] = '0' + value % 10;
}

// Blocking: the whole request is with the kernel when this returns, so the one buffer serves all connections.
static void send_request(Conn* conn, int64_t started) {
  conn->busy = 1;
  conn->head_done = conn->chunked = conn->got_body = conn->close_after = 0;
  conn->head_bytes = conn->tail_bytes = conn->chunk_left = 0;
  conn->state = SIZE;
  conn->started = started;
  if (nonce_at) count_nonce();
  for (size_t sent = 0; sent < request_bytes;) {
    ssize_t n = send(conn->fd, request + sent, request_bytes - sent, MSG_NOSIGNAL);
    if (n <= 0) {
      errors++;
      reopen(conn);
      conn->busy = 0;
      return;
    }
    sent += n;
  }
}

static void send_next(Conn* conn) {
  int64_t now = now_ns();
  if (now >= record_until) return;
  if (rate == 0) send_request(conn, now);
  else if (due_head != due_tail) send_request(conn, due[due_head++ % due_capacity]);
}

// ---- receiving

static void see_mark(const char* digits, int64_t now) {
  int64_t sent = 0;
  for (int i = 0; i < 20; i++) sent = sent * 10 + (digits[i] - '0');
  events++;
  if (recording(now)) add_sample(&chunk_delay, now - sent);
}

static void see_marks_across(Conn* conn, const char* piece, size_t bytes, int64_t now) {
  char joint[48];
  size_t taken = bytes < MARK_BYTES ? bytes : MARK_BYTES, length = conn->tail_bytes + taken;
  memcpy(joint, conn->tail, conn->tail_bytes);
  memcpy(joint + conn->tail_bytes, piece, taken);
  for (size_t i = 0; i < conn->tail_bytes; i++)
    if (joint[i] == '@' && i + MARK_BYTES <= length && joint[i + 1] == 'T') see_mark(joint + i + 2, now);
}

static void keep_tail(Conn* conn, const char* piece, size_t bytes) {
  const size_t most = MARK_BYTES - 1;
  if (bytes >= most) {
    memcpy(conn->tail, piece + bytes - most, most);
    conn->tail_bytes = most;
    return;
  }
  char joint[64];
  size_t length = conn->tail_bytes + bytes, kept = length < most ? length : most;
  memcpy(joint, conn->tail, conn->tail_bytes);
  memcpy(joint + conn->tail_bytes, piece, bytes);
  memcpy(conn->tail, joint + length - kept, kept);
  conn->tail_bytes = kept;
}

static void see_marks(Conn* conn, const char* piece, size_t bytes, int64_t now) {
  if (conn->tail_bytes) see_marks_across(conn, piece, bytes, now);
  const char *at = piece, *end = piece + bytes;
  while ((at = memchr(at, '@', end - at)) && at + MARK_BYTES <= end) {
    if (at[1] == 'T') see_mark(at + 2, now);
    at++;
  }
  keep_tail(conn, piece, bytes);
}

static void finish(Conn* conn, int64_t now) {
  if (conn->status != 200) errors++;
  answered_in_all++;
  if (conn->started >= record_from && now <= record_until) {
    answered++;
    add_sample(&full_answer, now - conn->started);
  }
  conn->busy = 0;
  if (conn->close_after) reopen(conn);
  send_next(conn);
}

static int hex_value(int c) { return c <= '9' ? c - '0' : (c | 32) - 'a' + 10; }

// Follows a chunked body; 1 when it is complete.
static int see_chunked(Conn* conn, const char* p, size_t bytes, int64_t now) {
  const char* end = p + bytes;
  while (p < end) {
    size_t step = 1;
    switch (conn->state) {
      case SIZE:
        if (*p == '\n') conn->state = conn->chunk_left ? DATA : TRAILER_START;
        else if (*p == ';') conn->state = EXTENSION;
        else if (*p != '\r') conn->chunk_left = conn->chunk_left * 16 + hex_value(*p);
        break;
      case EXTENSION:
        if (*p == '\n') conn->state = conn->chunk_left ? DATA : TRAILER_START;
        break;
      case DATA:
        step = (size_t)(end - p) < conn->chunk_left ? (size_t)(end - p) : conn->chunk_left;
        see_marks(conn, p, step, now);
        conn->chunk_left -= step;
        if (!conn->chunk_left) conn->state = DATA_END;
        break;
      case DATA_END:
        if (*p == '\n') conn->state = SIZE;
        break;
      case TRAILER_START: conn->state = *p == '\r' ? LAST_LF : TRAILER; break;
      case TRAILER:
        if (*p == '\n') conn->state = TRAILER_START;
        break;
      case LAST_LF: return 1;
    }
    p += step;
  }
  return 0;
}

// Follows a piece of a body; 1 when it is complete.
static int see_body(Conn* conn, const char* piece, size_t bytes, int64_t now) {
  if (!conn->got_body) {
    conn->got_body = 1;
    if (conn->started >= record_from && now <= record_until) add_sample(&first_byte, now - conn->started);
  }
  if (conn->chunked) return see_chunked(conn, piece, bytes, now);
  see_marks(conn, piece, bytes, now);
  conn->body_left -= bytes < conn->body_left ? bytes : conn->body_left;
  return conn->body_left == 0;
}

// Bytes of the piece that belong to the head; 0 while the head is not complete.
static size_t take_head(Conn* conn, const char* piece, size_t bytes) {
  size_t room = sizeof conn->head - conn->head_bytes, taken = bytes < room ? bytes : room, before = conn->head_bytes;
  memcpy(conn->head + before, piece, taken);
  conn->head_bytes += taken;
  char* end = memmem(conn->head, conn->head_bytes, "\r\n\r\n", 4);
  if (!end && taken == room) {
    fprintf(stderr, "header too long\n");
    exit(1);
  }
  if (!end) return 0;
  conn->head_bytes = end + 4 - conn->head;
  return conn->head_bytes - before;
}

static void read_head(Conn* conn) {
  char *end = conn->head + conn->head_bytes - 2, *value;
  conn->head_done = 1;
  conn->status = atoi(conn->head + 9);
  conn->chunked = header(conn->head, end, "transfer-encoding") != NULL;
  value = header(conn->head, end, "content-length");
  conn->body_left = value ? strtoul(value, NULL, 10) : 0;
  value = header(conn->head, end, "connection");
  conn->close_after = value && !strncasecmp(value, "close", 5);
}

static void show_first_failure(int status, const char* body, size_t bytes) {
  static int shown;
  if (!shown++) fprintf(stderr, "status %d: %.*s\n", status, (int)(bytes > 400 ? 400 : bytes), body);
}

static void lost(Conn* conn) {
  int was_busy = conn->busy;
  reopen(conn);
  if (!was_busy) return;
  errors++;
  conn->busy = 0;
  send_next(conn);
}

static void on_readable(Conn* conn) {
  static char piece[262144];
  ssize_t n = recv(conn->fd, piece, sizeof piece, MSG_DONTWAIT);
  if (n < 0 && errno == EAGAIN) return;
  if (n <= 0) {
    lost(conn);
    return;
  }
  int64_t now = now_ns();
  char* body = piece;
  if (!conn->head_done) {
    size_t taken = take_head(conn, piece, n);
    if (!taken) return;
    body += taken;
    read_head(conn);
    if (conn->status != 200) show_first_failure(conn->status, body, piece + n - body);
    if (!conn->chunked && !conn->body_left) {
      finish(conn, now);
      return;
    }
  }
  if (piece + n > body && see_body(conn, body, piece + n - body, now)) finish(conn, now);
}

// ---- the run

// Puts starts that are due on the idle connections; nanoseconds until the next one.
static int64_t keep_schedule(double* next_start, int64_t now) {
  while (*next_start <= now) {
    if (due_tail - due_head < due_capacity) due[due_tail++ % due_capacity] = (int64_t)*next_start;
    *next_start += NS_PER_S / rate;
  }
  for (int i = 0; i < connections && due_head != due_tail; i++)
    if (!conns[i].busy) send_request(&conns[i], due[due_head++ % due_capacity]);
  int64_t wait = (int64_t)*next_start - now_ns();
  return wait < 0 ? 0 : wait;
}

static int any_busy(void) {
  for (int i = 0; i < connections; i++)
    if (conns[i].busy) return 1;
  return 0;
}

static void run(double warmup_s, double duration_s) {
  int64_t start = now_ns();
  record_from = start + (int64_t)(warmup_s * NS_PER_S);
  record_until = record_from + (int64_t)(duration_s * NS_PER_S);
  double next_start = start;
  for (int i = 0; i < connections; i++) {
    open_conn(&conns[i]);
    if (rate == 0) send_request(&conns[i], now_ns());
  }
  for (;;) {
    int64_t now = now_ns(), wait = 50000000;
    if (now >= record_until && (rate == 0 || !any_busy() || now > record_until + 2 * NS_PER_S)) return;
    if (rate > 0 && now < record_until) wait = keep_schedule(&next_start, now);
    struct timespec timeout = {wait / NS_PER_S, wait % NS_PER_S};
    struct epoll_event ready[256];
    int n = epoll_pwait2(epoll_fd, ready, 256, &timeout, NULL);
    for (int i = 0; i < n; i++) on_readable(ready[i].data.ptr);
  }
}

static void build_request(const char* path, const char* headers, const char* body_file, int with_nonce) {
  size_t body_bytes = 0;
  FILE* file = body_file ? fopen(body_file, "rb") : NULL;
  if (body_file && !file) {
    perror(body_file);
    exit(1);
  }
  if (file) {
    fseek(file, 0, SEEK_END);
    body_bytes = ftell(file);
    rewind(file);
  }
  request = malloc(body_bytes + 8192);
  int head = sprintf(request,
                     "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUser-Agent: lg/1\r\nAccept: */*\r\n"
                     "Content-Type: application/json\r\n%sContent-Length: %zu\r\n\r\n",
                     path, port, headers, body_bytes);
  if (file && fread(request + head, 1, body_bytes, file) != body_bytes) exit(1);
  request_bytes = head + body_bytes;
  char* mark = with_nonce ? memmem(request + head, body_bytes, "nonce-", 6) : NULL;
  nonce_at = mark ? mark + 6 : NULL;
}

static void report(double duration_s) {
  qsort(first_byte.values, first_byte.count, sizeof *first_byte.values, by_value);
  qsort(full_answer.values, full_answer.count, sizeof *full_answer.values, by_value);
  qsort(chunk_delay.values, chunk_delay.count, sizeof *chunk_delay.values, by_value);
  printf(
      "{\"conns\":%d,\"rate_set\":%.0f,\"done\":%lu,\"done_in_all\":%lu,\"rps\":%.1f,\"errors\":%lu,\"reconnects\":%lu,"
      "\"events\":%lu,"
      "\"chunks_per_s\":%.1f,\"full_p50\":%.1f,\"full_p90\":%.1f,\"full_p99\":%.1f,\"ttfb_p50\":%.1f,"
      "\"ttfb_p99\":%.1f,\"chunk_p50\":%.1f,\"chunk_p99\":%.1f,\"unsent\":%zu}\n",
      connections, rate, answered, answered_in_all, answered / duration_s, errors, reconnects, events,
      chunk_delay.count / duration_s, percentile_us(&full_answer, .5), percentile_us(&full_answer, .9),
      percentile_us(&full_answer, .99), percentile_us(&first_byte, .5), percentile_us(&first_byte, .99),
      percentile_us(&chunk_delay, .5), percentile_us(&chunk_delay, .99), due_tail - due_head);
}

int main(int argc, char** argv) {
  const char *path = "/v1/chat/completions", *body_file = NULL;
  static char headers[4096];
  double duration_s = 5, warmup_s = 1;
  int with_nonce = 0;
  signal(SIGPIPE, SIG_IGN);
  for (int option; (option = getopt(argc, argv, "p:u:b:H:c:d:w:r:n")) != -1;) switch (option) {
      case 'p': port = atoi(optarg); break;
      case 'u': path = optarg; break;
      case 'b': body_file = optarg; break;
      case 'H': strcat(strcat(headers, optarg), "\r\n"); break;
      case 'c': connections = atoi(optarg); break;
      case 'd': duration_s = atof(optarg); break;
      case 'w': warmup_s = atof(optarg); break;
      case 'r': rate = atof(optarg); break;
      case 'n': with_nonce = 1; break;
      default: return 2;
    }
  address =
      (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  build_request(path, headers, body_file, with_nonce);
  epoll_fd = epoll_create1(0);
  conns = calloc(connections, sizeof *conns);
  due = malloc(due_capacity * sizeof *due);
  run(warmup_s, duration_s);
  report(duration_s);
}
