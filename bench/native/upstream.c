// Fake provider for gateways under load. One thread, epoll, HTTP/1.1 keep-alive.
//   upstream PORT [--gap-us N] [--delay-us N] [--chunks N] [--json-bytes N]
// A body with "stream":true near its start or end is answered with SSE: N chunks, one send() each, N us apart;
// any other with one JSON answer of about 1 kB. A path with /messages answers in Anthropic's shape, else in OpenAI's.
// Every chunk and JSON body carries "@T" and 20 digits of CLOCK_MONOTONIC ns taken right before send(), so that a
// client on this host can tell the one-way delay of each chunk whatever a gateway does to the framing.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "http.h"
#include "monotonic.h"

#define READ_BYTES 65536
#define JSON_FRAME_BYTES 460  // what a JSON answer holds besides its padding
#define FLAG_WINDOW 4096      // how far from either end of a body the stream flag may stand

typedef struct Conn {
  int fd, anthropic, streaming, chunks_left, queued, dead;
  char *in, *out;
  size_t in_bytes, in_capacity, out_bytes, out_sent, out_capacity;
  int64_t due;
  struct Conn* next;
} Conn;

static int epoll_fd, chunk_count = 50, json_bytes = 1000;
static int64_t gap_ns, delay_ns;
static Conn *first_due, *last_due;  // in order of time: every entry waits equally long
static char padding[1 << 20];

static void enqueue(Conn* conn, int64_t due) {
  conn->due = due;
  conn->queued = 1;
  conn->next = NULL;
  if (last_due) last_due->next = conn;
  else first_due = conn;
  last_due = conn;
}

static void release(Conn* conn) {
  free(conn->in);
  free(conn->out);
  free(conn);
}

static void close_conn(Conn* conn) {
  if (conn->dead) return;
  conn->dead = 1;
  epoll_ctl(epoll_fd, EPOLL_CTL_DEL, conn->fd, NULL);
  close(conn->fd);
  if (!conn->queued) release(conn);
}

// ---- writing

static void watch(Conn* conn, uint32_t events) {
  struct epoll_event event = {.events = events, .data.ptr = conn};
  epoll_ctl(epoll_fd, EPOLL_CTL_MOD, conn->fd, &event);
}

static void flush(Conn* conn) {
  while (conn->out_sent < conn->out_bytes) {
    ssize_t n = send(conn->fd, conn->out + conn->out_sent, conn->out_bytes - conn->out_sent, MSG_NOSIGNAL);
    if (n > 0) {
      conn->out_sent += n;
    } else if (n < 0 && errno == EAGAIN) {
      watch(conn, EPOLLIN | EPOLLOUT);
      return;
    } else {
      close_conn(conn);
      return;
    }
  }
  conn->out_sent = conn->out_bytes = 0;
}

static void put(Conn* conn, const char* bytes, size_t count) {
  if (conn->out_bytes + count > conn->out_capacity) {
    conn->out_capacity = (conn->out_bytes + count) * 2;
    conn->out = realloc(conn->out, conn->out_capacity);
  }
  memcpy(conn->out + conn->out_bytes, bytes, count);
  conn->out_bytes += count;
}

static void put_chunk(Conn* conn, const char* bytes, size_t count) {
  char size[24];
  put(conn, size, sprintf(size, "%zx\r\n", count));
  put(conn, bytes, count);
  put(conn, "\r\n", 2);
}

// ---- answers

static const char* anthropic_json_head =
    "{\"id\":\"msg_013Zva2CMHLNnXjNJJKqJ2EF\",\"type\":\"message\",\"role\":\"assistant\","
    "\"model\":\"claude-sonnet-4-5\",\"content\":[{\"type\":\"text\",\"text\":\"@T%020lld ";
static const char* anthropic_json_tail =
    "\"}],\"stop_reason\":\"end_turn\",\"stop_sequence\":null,\"usage\":{\"input_tokens\":250,"
    "\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":0,\"output_tokens\":120}}";
static const char* openai_json_head =
    "{\"id\":\"chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT\",\"object\":\"chat.completion\",\"created\":1741569952,"
    "\"model\":\"gpt-4o-2024-08-06\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\","
    "\"content\":\"@T%020lld ";
static const char* openai_json_tail =
    "\",\"refusal\":null},\"logprobs\":null,\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":250,"
    "\"completion_tokens\":120,\"total_tokens\":370},\"service_tier\":\"default\","
    "\"system_fingerprint\":\"fp_44709d6fcb\"}";
static const char* stream_head =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nCache-Control: no-cache\r\n"
    "x-request-id: req_0123456789\r\nTransfer-Encoding: chunked\r\n\r\n";
static const char* anthropic_start =
    "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"type\":\"message\","
    "\"role\":\"assistant\",\"content\":[],\"model\":\"claude-sonnet-4-5\",\"stop_reason\":null,"
    "\"stop_sequence\":null,\"usage\":{\"input_tokens\":25,\"output_tokens\":1}}}\n\n"
    "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,"
    "\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n";
static const char* anthropic_chunk =
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,"
    "\"delta\":{\"type\":\"text_delta\",\"text\":\"@T%020lld token text\"}}\n\n";
static const char* anthropic_end =
    "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n"
    "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\","
    "\"stop_sequence\":null},\"usage\":{\"output_tokens\":50}}\n\n"
    "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
static const char* openai_chunk =
    "data: {\"id\":\"chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT\",\"object\":\"chat.completion.chunk\","
    "\"created\":1741569952,\"model\":\"gpt-4o-2024-08-06\",\"system_fingerprint\":\"fp_44709d6fcb\","
    "\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"@T%020lld token text\"},"
    "\"logprobs\":null,\"finish_reason\":null}]}\n\n";
static const char* openai_end =
    "data: {\"id\":\"chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT\",\"object\":\"chat.completion.chunk\","
    "\"created\":1741569952,\"model\":\"gpt-4o-2024-08-06\",\"choices\":[{\"index\":0,\"delta\":{},"
    "\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":25,\"completion_tokens\":50,\"total_tokens\":75}}\n\n"
    "data: [DONE]\n\n";

static void send_json(Conn* conn) {
  char http_head[256], head[1024];
  const char* tail = conn->anthropic ? anthropic_json_tail : openai_json_tail;
  size_t padded = json_bytes > JSON_FRAME_BYTES ? json_bytes - JSON_FRAME_BYTES : 0;
  int head_bytes = sprintf(head, conn->anthropic ? anthropic_json_head : openai_json_head, (long long)now_ns());
  int http_bytes = sprintf(http_head,
                           "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nx-request-id: req_0123456789\r\n"
                           "Content-Length: %zu\r\n\r\n",
                           head_bytes + padded + strlen(tail));
  put(conn, http_head, http_bytes);
  put(conn, head, head_bytes);
  put(conn, padding, padded);
  put(conn, tail, strlen(tail));
  flush(conn);
}

static void start_stream(Conn* conn) {
  put(conn, stream_head, strlen(stream_head));
  if (conn->anthropic) put_chunk(conn, anthropic_start, strlen(anthropic_start));
}

static void send_chunk(Conn* conn) {
  char chunk[1024];
  const char* end = conn->anthropic ? anthropic_end : openai_end;
  put_chunk(conn, chunk, sprintf(chunk, conn->anthropic ? anthropic_chunk : openai_chunk, (long long)now_ns()));
  if (--conn->chunks_left == 0) {
    put_chunk(conn, end, strlen(end));
    put(conn, "0\r\n\r\n", 5);
    conn->streaming = 0;
  }
  flush(conn);
}

// Sends what is due now.
static void fire(Conn* conn) {
  if (!conn->streaming) {
    send_json(conn);
    return;
  }
  if (conn->chunks_left == chunk_count) start_stream(conn);
  if (gap_ns == 0) {
    while (conn->streaming && !conn->dead) send_chunk(conn);
    return;
  }
  send_chunk(conn);
  int64_t now = now_ns(), next = conn->due + gap_ns;
  if (!conn->dead && conn->streaming) enqueue(conn, next > now ? next : now);
}

// ---- requests

static int near_an_end(const char* body, size_t bytes, const char* text) {
  size_t window = bytes < FLAG_WINDOW ? bytes : FLAG_WINDOW, length = strlen(text);
  return memmem(body, window, text, length) || memmem(body + bytes - window, window, text, length);
}

static void on_request(Conn* conn, const char* head, size_t head_bytes, const char* body, size_t body_bytes) {
  const char* line_end = memmem(head, head_bytes, "\r\n", 2);
  conn->anthropic = line_end && memmem(head, line_end - head, "/messages", 9);
  conn->streaming =
      near_an_end(body, body_bytes, "\"stream\":true") || near_an_end(body, body_bytes, "\"stream\": true");
  conn->chunks_left = chunk_count;
  conn->due = now_ns();
  if (delay_ns) enqueue(conn, conn->due + delay_ns);
  else fire(conn);
}

// Bytes of the request's body, or -1 while it is not complete.
static ssize_t body_length(Conn* conn, char* body, size_t head_bytes) {
  char *head_end = body - 2, *value = header(conn->in, head_end, "content-length");
  if (value) {
    size_t bytes = strtoul(value, NULL, 10);
    return conn->in_bytes < head_bytes + bytes ? -1 : (ssize_t)bytes;
  }
  if (!header(conn->in, head_end, "transfer-encoding")) return 0;
  char* last = memmem(body, conn->in_bytes - head_bytes, "0\r\n\r\n", 5);
  return last ? last + 5 - body : -1;
}

static void answer_requests(Conn* conn) {
  while (!conn->dead && !conn->queued) {
    char* body = memmem(conn->in, conn->in_bytes, "\r\n\r\n", 4);
    if (!body) return;
    body += 4;
    size_t head_bytes = body - conn->in;
    ssize_t body_bytes = body_length(conn, body, head_bytes);
    if (body_bytes < 0) return;
    on_request(conn, conn->in, head_bytes, body, body_bytes);
    if (conn->dead) return;
    size_t used = head_bytes + body_bytes;
    memmove(conn->in, conn->in + used, conn->in_bytes - used);
    conn->in_bytes -= used;
  }
}

static void on_readable(Conn* conn) {
  if (conn->in_bytes + READ_BYTES > conn->in_capacity) {
    conn->in_capacity = conn->in_capacity * 2 + READ_BYTES;
    conn->in = realloc(conn->in, conn->in_capacity);
  }
  ssize_t n = recv(conn->fd, conn->in + conn->in_bytes, conn->in_capacity - conn->in_bytes, 0);
  if (n == 0 || (n < 0 && errno != EAGAIN)) {
    close_conn(conn);
  } else if (n > 0) {
    conn->in_bytes += n;
    answer_requests(conn);
  }
}

static void on_event(Conn* conn, uint32_t events) {
  if (conn->dead) return;
  if (events & EPOLLOUT) {
    watch(conn, EPOLLIN);
    flush(conn);
  }
  if (!conn->dead && events & (EPOLLIN | EPOLLHUP | EPOLLERR)) on_readable(conn);
}

static void accept_all(int listener) {
  int one = 1;
  for (int fd; (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0;) {
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    Conn* conn = calloc(1, sizeof *conn);
    conn->fd = fd;
    conn->in_capacity = READ_BYTES;
    conn->in = malloc(conn->in_capacity);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = conn};
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event);
  }
}

static void fire_due(int64_t now) {
  while (first_due && first_due->due <= now) {
    Conn* conn = first_due;
    first_due = conn->next;
    if (!first_due) last_due = NULL;
    conn->queued = 0;
    conn->next = NULL;
    if (conn->dead) {
      release(conn);
      continue;
    }
    fire(conn);
    if (!conn->dead) answer_requests(conn);
  }
}

static int listen_on(int port) {
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1;
  struct sockaddr_in address = {
      .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(listener, (void*)&address, sizeof address) || listen(listener, 4096)) {
    perror("bind");
    exit(1);
  }
  struct epoll_event event = {.events = EPOLLIN};
  epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &event);
  return listener;
}

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  signal(SIGPIPE, SIG_IGN);
  for (int i = 2; i + 1 < argc; i += 2) {
    long long value = atoll(argv[i + 1]);
    if (!strcmp(argv[i], "--gap-us")) gap_ns = value * 1000;
    else if (!strcmp(argv[i], "--delay-us")) delay_ns = value * 1000;
    else if (!strcmp(argv[i], "--chunks")) chunk_count = value;
    else if (!strcmp(argv[i], "--json-bytes")) json_bytes = value;
    else return 2;
  }
  for (size_t i = 0; i < sizeof padding; i++) padding[i] = i % 6 == 5 ? ' ' : 'x';
  epoll_fd = epoll_create1(0);
  int listener = listen_on(atoi(argv[1]));
  for (;;) {
    int64_t wait = first_due ? first_due->due - now_ns() : -1;
    if (first_due && wait < 0) wait = 0;
    struct timespec timeout = {wait / NS_PER_S, wait % NS_PER_S};
    struct epoll_event ready[256];
    int n = epoll_pwait2(epoll_fd, ready, 256, first_due ? &timeout : NULL, NULL);
    for (int i = 0; i < n; i++) {
      if (ready[i].data.ptr) on_event(ready[i].data.ptr, ready[i].events);
      else accept_all(listener);
    }
    fire_due(now_ns());
  }
}
