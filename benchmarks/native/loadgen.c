/* A load generator: sends chat completions over keep-alive connections, checks every answer, prints one JSON object.
 *
 *     loadgen -p PORT -b BODY_FILE [-c CONNECTIONS] [-r RATE] [-d SECONDS] [-n REQUESTS] [-o LATENCIES_FILE]
 *             [-B OTHER_BODY_FILE -s SHARE]
 *
 * Without a rate the loop is closed: each connection sends its next request when the last is answered. With a rate (per
 * second, all connections together) it is open: requests have a time at which they are due, and latency counts from that
 * time even when no connection was free then, so a server that stalls cannot hide it.
 * It ends after SECONDS or REQUESTS, whichever comes first; answers under way are awaited and counted.
 *
 * With -B the given share of requests, evenly spaced, has the other body; its latencies are kept apart.
 * With -o the latencies of the ordinary requests are written as 64-bit nanoseconds.
 *
 * An answer is right when its status is 200 and its content carries a mark "@<CLOCK_MONOTONIC in ns>;" of upstream.c.
 * Time to first token is the time to the first mark; transit is a mark's age when it arrives.
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

enum { MAX_EVENTS = 256, MAX_HEAD = 1 << 14, READ_SIZE = 1 << 18 };
enum { MAX_SAMPLES = 4000000 };     /* more are counted and not kept; memory is touched only when used */
#define PATIENCE_NS 10000000000LL   /* how long answers are awaited after the end */

struct samples {
    int64_t *ns;
    int count;
};

struct request {
    char *bytes;
    size_t length;
    struct samples latency;
};

enum part { HEAD, LENGTH, SIZE_LINE, CHUNK, AFTER_CHUNK, TRAILER, COMPLETE };

struct connection {
    int fd;
    bool busy, writing;
    struct request *request;
    size_t written;
    int64_t due, first_mark;
    int marks, status;
    bool close_after;
    /* the answer's parser: what part is being read, and what is left of it */
    enum part part;
    long long left;
    size_t head_length;
    char head[MAX_HEAD + 1];
    /* the scanner for marks: digits seen since '@', 0 outside */
    bool in_mark;
    int digits;
    int64_t mark;
};

static struct request plain, other;
static struct samples first_token, transit;
static struct connection *connections;
static int port, poller, timer, connection_count = 1;
static long limit = -1, issued, ok, wrong, broken, reconnects, late, marks, in_flight;
static double rate, seconds = 1, share;

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void add(struct samples *samples, int64_t ns) {
    if (!samples->ns) samples->ns = malloc(sizeof(int64_t) * MAX_SAMPLES);
    if (samples->ns && samples->count < MAX_SAMPLES) samples->ns[samples->count++] = ns;
}

static void fail(const char *what) {
    fprintf(stderr, "loadgen: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void watch(struct connection *c, int operation, uint32_t events) {
    struct epoll_event interest = {.events = events, .data.ptr = c};
    epoll_ctl(poller, operation, c->fd, &interest);
}

static void connect_again(struct connection *c) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int on = 1;
    if (c->fd >= 0) close(c->fd);
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(c->fd, (void *)&address, sizeof address)) fail("cannot connect");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    c->busy = c->writing = false;
    watch(c, EPOLL_CTL_ADD, EPOLLIN);
}

static void lose(struct connection *c) {
    if (c->busy) {
        broken++;
        in_flight--;
    } else
        reconnects++;
    connect_again(c);
}

/* Send what is left of the request; a large one takes several turns, so that it does not hold up the others here. */
static void write_on(struct connection *c) {
    struct request *r = c->request;
    ssize_t n = send(c->fd, r->bytes + c->written, r->length - c->written, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN) {
        lose(c);
        return;
    }
    if (n > 0) c->written += n;
    bool writing = c->written < r->length;
    if (writing != c->writing) watch(c, EPOLL_CTL_MOD, writing ? EPOLLIN | EPOLLOUT : EPOLLIN);
    c->writing = writing;
}

static void start(struct connection *c, int64_t due) {
    bool is_other = (long)((issued + 1) * share) > (long)(issued * share);
    issued++;
    in_flight++;
    c->request = is_other ? &other : &plain;
    c->busy = true;
    c->written = c->head_length = 0;
    c->due = due;
    c->first_mark = c->marks = c->status = 0;
    c->part = HEAD;
    c->in_mark = false;
    write_on(c);
}

static void scan(struct connection *c, const char *p, const char *end, int64_t now) {
    while (p < end) {
        if (!c->in_mark) {
            p = memchr(p, '@', end - p);
            if (!p) return;
            c->in_mark = true;
            c->digits = 0;
            c->mark = 0;
        } else if (*p >= '0' && *p <= '9') {
            c->mark = c->mark * 10 + (*p - '0');
            c->in_mark = ++c->digits < 19;
        } else {
            if (*p == ';' && c->digits) {
                if (!c->marks++) c->first_mark = now;
                add(&transit, now - c->mark);
            }
            c->in_mark = false;
        }
        p++;
    }
}

/* Take in the head of an answer. False when it has no length or is too long. */
static bool parse_head(struct connection *c, const char **p, const char *end) {
    while (*p < end && c->head_length < MAX_HEAD) {
        c->head[c->head_length++] = *(*p)++;
        if (c->head_length < 4 || memcmp(c->head + c->head_length - 4, "\r\n\r\n", 4)) continue;
        c->head[c->head_length] = 0;
        const char *length = strcasestr(c->head, "\r\ncontent-length:");
        c->status = atoi(c->head + 9);
        c->close_after = strcasestr(c->head, "\r\nconnection: close") != NULL;
        if (strcasestr(c->head, "\r\ntransfer-encoding: chunked")) {
            c->part = SIZE_LINE;
            c->left = 0;
        } else {
            c->left = length ? atoll(length + 17) : -1;
            c->part = c->left ? LENGTH : COMPLETE;
        }
        return c->left >= 0;
    }
    return c->head_length < MAX_HEAD;
}

static int hex(char digit) {
    if (digit >= '0' && digit <= '9') return digit - '0';
    digit |= 32;
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

static enum part after(struct connection *c) {
    if (c->part == LENGTH) return COMPLETE;
    c->left = 2; /* the line end after a chunk */
    return AFTER_CHUNK;
}

/* Take in a part of an answer. False when it is malformed. */
static bool parse(struct connection *c, const char *p, const char *end, int64_t now) {
    while (p < end) {
        long long n;
        switch (c->part) {
        case HEAD:
            if (!parse_head(c, &p, end)) return false;
            break;
        case SIZE_LINE:
            if (*p == '\n') {
                c->part = c->left ? CHUNK : TRAILER;
                if (!c->left) c->left = 2;
            } else if (*p != '\r') {
                if (hex(*p) < 0) return false;
                c->left = c->left * 16 + hex(*p);
            }
            p++;
            break;
        case LENGTH:
        case CHUNK:
            n = end - p < c->left ? end - p : c->left;
            scan(c, p, p + n, now);
            p += n;
            c->left -= n;
            if (!c->left) c->part = after(c);
            break;
        case AFTER_CHUNK:
        case TRAILER:
            p++;
            if (--c->left == 0) c->part = c->part == TRAILER ? COMPLETE : SIZE_LINE;
            break;
        case COMPLETE:
            return false; /* bytes after the answer */
        }
    }
    return true;
}

static void finish(struct connection *c, int64_t now) {
    in_flight--;
    c->busy = false;
    marks += c->marks;
    if (c->status == 200 && c->marks) {
        ok++;
        add(&c->request->latency, now - c->due);
        if (c->request == &plain) add(&first_token, c->first_mark - c->due);
    } else
        wrong++;
    /* An answer that came before all of the request was sent (413, say) leaves the connection unusable. */
    if (c->close_after || c->writing) connect_again(c);
}

static void read_on(struct connection *c) {
    static char bytes[READ_SIZE];
    ssize_t n = recv(c->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    int64_t now = now_ns();
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0 || !c->busy || !parse(c, bytes, bytes + n, now))
        lose(c);
    else if (c->part == COMPLETE)
        finish(c, now);
}

static struct connection *idle_connection(void) {
    static int turn; /* round robin, so that every connection stays in use */
    for (int i = 0; i < connection_count; i++) {
        struct connection *c = &connections[turn++ % connection_count];
        if (!c->busy) return c;
    }
    return NULL;
}

static bool may_issue(int64_t due, int64_t end) { return due < end && (limit < 0 || issued < limit); }

static void start_closed(int64_t end) {
    struct connection *c;
    int64_t now;
    while (in_flight < connection_count && may_issue(now = now_ns(), end) && (c = idle_connection())) start(c, now);
}

/* Start what is due; returns when the next is due. */
static int64_t start_open(int64_t due, int64_t end) {
    static int64_t last_late;
    int64_t period = 1e9 / rate;
    while (due <= now_ns() && may_issue(due, end)) {
        struct connection *c = idle_connection();
        if (!c) {
            if (due != last_late) late++;
            last_late = due;
            return due;
        }
        start(c, due);
        due += period;
    }
    struct itimerspec at = {.it_value = {due / 1000000000, due % 1000000000}};
    timerfd_settime(timer, TFD_TIMER_ABSTIME, &at, NULL);
    return due;
}

static void run(void) {
    struct epoll_event ready[MAX_EVENTS];
    int64_t begin = now_ns(), end = begin + (int64_t)(seconds * 1e9), due = begin;
    for (;;) {
        if (rate > 0)
            due = start_open(due, end);
        else
            start_closed(end);
        int64_t now = now_ns();
        if ((!in_flight && !may_issue(rate > 0 ? due : now, end)) || now > end + PATIENCE_NS) return;
        int n = epoll_wait(poller, ready, MAX_EVENTS, 100);
        for (int i = 0; i < n; i++) {
            struct connection *c = ready[i].data.ptr;
            uint64_t expirations;
            if (!c)
                (void)!read(timer, &expirations, sizeof expirations);
            else {
                if (c->writing && ready[i].events & EPOLLOUT) write_on(c);
                if (ready[i].events & ~EPOLLOUT) read_on(c);
            }
        }
    }
}

static struct request load_request(const char *path) {
    struct request r = {0};
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END)) fail(path);
    long size = ftell(file);
    rewind(file);
    r.bytes = malloc(size + 512);
    r.length = sprintf(r.bytes,
                       "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Type: application/json\r\n"
                       "Accept: */*\r\nUser-Agent: loadgen\r\nContent-Length: %ld\r\n\r\n",
                       port, size);
    if (fread(r.bytes + r.length, 1, size, file) != (size_t)size) fail(path);
    r.length += size;
    fclose(file);
    return r;
}

static int by_value(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* The nearest-rank percentiles of the samples, as a member of a JSON object. Sorts them. */
static void print_percentiles(const char *name, struct samples *s) {
    if (!s->count) {
        printf(",\"%s\":null", name);
        return;
    }
    qsort(s->ns, s->count, sizeof(int64_t), by_value);
    int last = s->count - 1, p50 = (s->count + 1) / 2 - 1, p99 = (int)((s->count * 99LL + 99) / 100) - 1;
    printf(",\"%s\":{\"p50\":%.4f,\"p99\":%.4f,\"max\":%.4f}", name, s->ns[p50] / 1e6, s->ns[p99] / 1e6,
           s->ns[last] / 1e6);
}

static void save(const char *path, const struct samples *s) {
    FILE *file = fopen(path, "wb");
    if (!file) fail(path);
    fwrite(s->ns, sizeof(int64_t), s->count, file);
    fclose(file);
}

int main(int argc, char **argv) {
    const char *body = NULL, *other_body = NULL, *output = NULL;
    int option;
    while ((option = getopt(argc, argv, "p:b:c:r:d:n:o:B:s:")) > 0) switch (option) {
        case 'p': port = atoi(optarg); break;
        case 'b': body = optarg; break;
        case 'c': connection_count = atoi(optarg); break;
        case 'r': rate = atof(optarg); break;
        case 'd': seconds = atof(optarg); break;
        case 'n': limit = atol(optarg); break;
        case 'o': output = optarg; break;
        case 'B': other_body = optarg; break;
        case 's': share = atof(optarg); break;
        default: return 2;
        }
    if (!port || !body || connection_count < 1) return fprintf(stderr, "loadgen: -p and -b are needed\n"), 2;
    prctl(PR_SET_PDEATHSIG, SIGTERM); /* never outlives the benchmark that started it */
    plain = load_request(body);
    if (other_body) other = load_request(other_body);
    poller = epoll_create1(0);
    timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    struct epoll_event interest = {.events = EPOLLIN, .data.ptr = NULL};
    epoll_ctl(poller, EPOLL_CTL_ADD, timer, &interest);
    connections = calloc(connection_count, sizeof *connections);
    for (int i = 0; i < connection_count; i++) {
        connections[i].fd = -1;
        connect_again(&connections[i]);
    }
    int64_t begin = now_ns();
    run();
    double elapsed = (now_ns() - begin) / 1e9;
    if (output) save(output, &plain.latency);
    printf("{\"ok\":%ld,\"wrong\":%ld,\"broken\":%ld,\"unfinished\":%ld,\"late\":%ld,\"reconnects\":%ld,\"marks\":%ld,"
           "\"elapsed_s\":%.4f",
           ok, wrong, broken, in_flight, late, reconnects, marks, elapsed);
    print_percentiles("latency_ms", &plain.latency);
    print_percentiles("other_latency_ms", &other.latency);
    print_percentiles("first_token_ms", &first_token);
    print_percentiles("transit_ms", &transit);
    printf("}\n");
    return 0;
}
