/* A fake OpenAI-compatible server, fast enough that what is measured in front of it is the gateway.
 *
 *     upstream            listens on 127.0.0.1, prints its port, serves until it is terminated
 *
 *     POST /gap/MS        sets the pause between the chunks of streams that start from now on; 0 is back to back
 *     POST anything else  a chat completion: 50 chunks of SSE where the body says "stream":true, else 1 KB of JSON
 *     GET  anything       a list of one model
 *
 * Every content carries the mark "@<CLOCK_MONOTONIC in ns>;" of the moment it was sent, so that a client on the same
 * machine can tell a right answer from a wrong one and measure how long the content was under way.
 *
 * One thread, epoll, HTTP/1.1 keep-alive, one request at a time on a connection. A request body needs a Content-Length;
 * its first 64 KB are searched for the stream flag, the rest is read and dropped, so bodies of any size are accepted.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { CHUNKS = 50, MAX_CONNECTIONS = 4096, KEPT = 1 << 16, MAX_EVENTS = 256 };

/* An unread answer must fit the socket's send buffer (13 KB of text, about 70 KB as small segments): then a send is
 * never short while the client reads, and nothing has to be queued here. */
enum { SEND_BUFFER = 1 << 18 };

struct connection {
    int fd;
    bool reading_body;
    size_t used;       /* bytes kept in `in` */
    size_t head;       /* length of the request's head, with the empty line */
    long long missing; /* body bytes that have not arrived */
    bool streaming, with_usage;
    int sent; /* chunks sent of the running stream */
    int64_t gap, due;
    char in[KEPT + 1];
};

static struct connection *connections[MAX_CONNECTIONS]; /* by file descriptor */
static int highest, streams, poller, timer;
static int64_t gap_ns;
/* Prose that does not repeat itself: a watcher must have no reason to look twice. */
static const char filler[] =
    "A load balancer keeps a list of the backends that passed their last check and picks one of them for each request. "
    "Round robin is enough while all requests cost the same; where they differ, counting what is in flight works better, "
    "because a slow machine then stops being chosen before it fails. Under overload no choice helps: queues grow "
    "everywhere, so the only good answer is to refuse early, say when to come back, and let clients spread their "
    "retries. Watch the tail rather than the mean, since one late part makes the whole page late, and test with "
    "arrivals that do not wait for answers, or the generator hides what users see.";

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void hang_up(struct connection *c) {
    if (c->streaming && c->gap) streams--;
    connections[c->fd] = NULL;
    close(c->fd);
    free(c);
}

/* Whether all of it was taken. A short send means that the client stopped reading: the caller hangs up. */
static bool sent(struct connection *c, const char *bytes, int length) {
    return send(c->fd, bytes, length, MSG_NOSIGNAL) == length;
}

static bool send_json(struct connection *c, const char *body, int length) {
    char answer[4096];
    int n = sprintf(answer, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", length);
    memcpy(answer + n, body, length);
    return sent(c, answer, n + length);
}

static bool send_whole(struct connection *c) {
    char body[2048];
    int n = sprintf(body,
                    "{\"id\":\"chatcmpl-benchmark\",\"object\":\"chat.completion\",\"created\":1700000000,"
                    "\"model\":\"fake-model\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\","
                    "\"content\":\"@%lld; %s\",\"refusal\":null},\"logprobs\":null,\"finish_reason\":\"stop\"}],"
                    "\"usage\":{\"prompt_tokens\":210,\"completion_tokens\":130,\"total_tokens\":340},"
                    "\"system_fingerprint\":\"fp_benchmark\"}",
                    (long long)now_ns(), filler);
    return send_json(c, body, n);
}

#define EVENT_START                                                                                                    \
    "data: {\"id\":\"chatcmpl-benchmark\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,"                \
    "\"model\":\"fake-model\",\"system_fingerprint\":\"fp_benchmark\",\"choices\":["

static int write_end(char *text, bool with_usage) {
    int n = sprintf(text, EVENT_START "{\"index\":0,\"delta\":{},\"logprobs\":null,\"finish_reason\":\"stop\"}]}\n\n");
    if (with_usage)
        n += sprintf(text + n, EVENT_START "],\"usage\":{\"prompt_tokens\":210,\"completion_tokens\":50,"
                                           "\"total_tokens\":260}}\n\n");
    return n + sprintf(text + n, "data: [DONE]\n\n");
}

static bool send_chunk(struct connection *c) {
    char text[1024], framed[1100];
    bool last = c->sent == CHUNKS;
    int n = last ? write_end(text, c->with_usage)
                 : sprintf(text,
                           EVENT_START "{\"index\":0,\"delta\":{%s\"content\":\"word%d @%lld; \"},"
                                       "\"logprobs\":null,\"finish_reason\":null}]}\n\n",
                           c->sent ? "" : "\"role\":\"assistant\",", c->sent, (long long)now_ns());
    n = sprintf(framed, "%x\r\n%s\r\n%s", n, text, last ? "0\r\n\r\n" : "");
    c->sent++;
    if (last) {
        c->streaming = false;
        if (c->gap) streams--;
    }
    return sent(c, framed, n);
}

static bool start_stream(struct connection *c) {
    static const char head[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
                               "Cache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n\r\n";
    if (!sent(c, head, sizeof head - 1)) return false;
    c->streaming = true;
    c->sent = 0;
    c->gap = gap_ns;
    if (c->gap) {
        streams++;
        c->due = now_ns() + c->gap;
        return true;
    }
    while (c->streaming)
        if (!send_chunk(c)) return false;
    return true;
}

/* Whether the kept part of the body has `"name": true`. */
static bool says(const struct connection *c, const char *name) {
    const char *found = strstr(c->in + c->head, name);
    if (!found) return false;
    found += strlen(name);
    found += strspn(found, ": ");
    return !strncmp(found, "true", 4);
}

static bool answer(struct connection *c) {
    static const char models[] = "{\"object\":\"list\",\"data\":[{\"id\":\"fake-model\",\"object\":\"model\","
                                 "\"created\":1700000000,\"owned_by\":\"benchmark\"}]}";
    if (!strncmp(c->in, "GET ", 4)) return send_json(c, models, sizeof models - 1);
    if (!strncmp(c->in, "POST /gap/", 10)) {
        gap_ns = atoi(c->in + 10) * 1000000LL;
        return send_json(c, "{}", 2);
    }
    c->with_usage = says(c, "\"include_usage\"");
    return says(c, "\"stream\"") ? start_stream(c) : send_whole(c);
}

/* Take in what has arrived of a head. False when the request is not one this server understands. */
static bool parse_head(struct connection *c) {
    char *end = strstr(c->in, "\r\n\r\n");
    if (!end) return c->used < KEPT;
    c->head = end - c->in + 4;
    *end = 0;
    const char *length = strcasestr(c->in, "\r\ncontent-length:");
    bool chunked = strcasestr(c->in, "\r\ntransfer-encoding:") != NULL;
    *end = '\r';
    c->missing = (length ? atoll(length + 17) : 0) - (long long)(c->used - c->head);
    c->reading_body = true;
    return !chunked && c->missing >= 0;
}

static bool read_request(struct connection *c) {
    static char dropped[KEPT];
    bool keep = c->used < KEPT;
    ssize_t n = keep ? recv(c->fd, c->in + c->used, KEPT - c->used, 0) : recv(c->fd, dropped, KEPT, 0);
    if (n < 0 && errno == EAGAIN) return true;
    if (n <= 0 || c->streaming) return false;
    if (keep) c->used += n;
    c->in[c->used] = 0;
    if (c->reading_body)
        c->missing -= n;
    else if (!parse_head(c))
        return false;
    if (!c->reading_body || c->missing > 0) return true;
    if (c->missing < 0 || !answer(c)) return false;
    c->used = 0;
    c->reading_body = false;
    return true;
}

static void watch(int fd) {
    struct epoll_event interest = {.events = EPOLLIN, .data.fd = fd};
    epoll_ctl(poller, EPOLL_CTL_ADD, fd, &interest);
}

static void accept_all(int listener) {
    int fd, on = 1, size = SEND_BUFFER;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        struct connection *c = fd < MAX_CONNECTIONS ? calloc(1, sizeof *c) : NULL;
        if (!c) {
            close(fd);
            continue;
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
        c->fd = fd;
        connections[fd] = c;
        if (fd > highest) highest = fd;
        watch(fd);
    }
}

/* Send what is due on paced streams and set the timer to the next. */
static void advance_streams(void) {
    int64_t now = now_ns(), next = INT64_MAX;
    for (int fd = 0; fd <= highest; fd++) {
        struct connection *c = connections[fd];
        if (!c || !c->streaming) continue;
        if (c->due <= now) {
            c->due += c->gap;
            if (!send_chunk(c)) {
                hang_up(c);
                continue;
            }
        }
        if (c->streaming && c->due < next) next = c->due;
    }
    if (!streams) return;
    struct itimerspec at = {.it_value = {next / 1000000000, next % 1000000000}};
    timerfd_settime(timer, TFD_TIMER_ABSTIME, &at, NULL);
}

static int listen_on_loopback(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (bind(listener, (void *)&address, size) || listen(listener, 1024)) {
        perror("upstream: cannot listen on 127.0.0.1");
        exit(1);
    }
    getsockname(listener, (void *)&address, &size);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return listener;
}

int main(void) {
    struct epoll_event ready[MAX_EVENTS];
    prctl(PR_SET_PDEATHSIG, SIGTERM); /* never outlives the benchmark that started it */
    poller = epoll_create1(0);
    timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    int listener = listen_on_loopback();
    watch(listener);
    watch(timer);
    for (;;) {
        int n = epoll_wait(poller, ready, MAX_EVENTS, -1);
        for (int i = 0; i < n; i++) {
            int fd = ready[i].data.fd;
            uint64_t expirations;
            if (fd == listener)
                accept_all(listener);
            else if (fd == timer)
                (void)!read(timer, &expirations, sizeof expirations);
            else if (connections[fd] && !read_request(connections[fd]))
                hang_up(connections[fd]);
        }
        if (streams) advance_streams();
    }
}
