/* GET of a message: as a stream of blocks, each read when the one before it has been written. */
#include "hub/route.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>

#include "base/cleanup.h"
#include "base/hex.h"
#include "base/log.h"

enum { BLOCK = 256 * 1024, DOWNLOADS_MAX = 16 /* of one office at the same time */ };

struct download {
    struct exchange *x;
    struct peer *peer;
    struct store_message_find find;
    struct store_content_read read;
    uint8_t *block;
    uint64_t at, end; /* of the whole body; `end` is behind the last byte */
    int status;
    bool started, gone;
};

static void on_find(struct store_job *job);
static void on_block(struct store_job *job);
static void next_block(struct download *d);

static void download_free(struct download *d)
{
    d->peer->downloads--;
    if (d->block)
        d->x->server->sending -= BLOCK;
    free(d->block);
    buffer_free(&d->find.head);
    free(d);
}

/* evhttp's one timeout stands for reading too, but whoever takes a long answer has nothing to say meanwhile.
 */
static void set_read_timeout(struct download *d, bool on)
{
    struct evhttp_connection *http = evhttp_request_get_connection(d->x->request);
    int64_t idle = d->x->server->config->idle_timeout;
    struct timeval timeout = {idle / 1000, idle % 1000 * 1000};
    if (http)
        bufferevent_set_timeouts(evhttp_connection_get_bufferevent(http), on ? &timeout : NULL, &timeout);
}

/* Ends before its end: the length that was promised must not seem to be kept. */
static void download_break(struct download *d)
{
    exchange_set_header(d->x, "Connection", "close");
    d->end = d->at;
}

static void download_end(struct download *d)
{
    struct exchange *x = d->x;
    struct evhttp_connection *http = evhttp_request_get_connection(x->request);
    if (http)
        evhttp_connection_set_closecb(http, NULL, NULL);
    set_read_timeout(d, true);
    int status = d->status;
    download_free(d);
    answer_stream_end(x, status, "application/vnd.careplan.message");
}

static void on_gone(struct evhttp_connection *http, void *context)
{
    (void)http;
    struct download *d = context;
    d->gone = true;
}

static void on_written(struct evhttp_connection *http, void *context)
{
    (void)http;
    struct download *d = context;
    if (d->at < d->end)
        next_block(d);
    else
        download_end(d);
}

/* What a connection that died leaves is freed from the loop, not from inside evhttp's freeing of it. */
static void on_gone_later(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    download_end(context);
}

static void on_gone_idle(struct evhttp_connection *http, void *context)
{
    struct download *d = context;
    struct timeval now = {0};
    on_gone(http, d);
    if (event_base_once(d->x->server->base, -1, EV_TIMEOUT, on_gone_later, d, &now))
        log_error("memory", "out of memory: a download is not freed");
}

static void write_block(struct download *d, struct evbuffer *block)
{
    struct evhttp_connection *http = evhttp_request_get_connection(d->x->request);
    if (d->gone || !http) {
        download_end(d);
        return;
    }
    if (!evbuffer_get_length(block)) {
        download_end(d);
        return;
    }
    /* From here on nothing of ours runs until it is written or the connection has died. */
    evhttp_connection_set_closecb(http, on_gone_idle, d);
    evhttp_send_reply_chunk_with_cb(d->x->request, block, on_written, d);
}

/* The bytes from `at` on: first what stands before the ciphertext, then `got` bytes of it. */
static int fill(struct download *d, struct evbuffer *block, size_t got)
{
    uint64_t head = d->find.head.length;
    if (d->at < head) {
        size_t n = (size_t)((d->end < head ? d->end : head) - d->at);
        if (evbuffer_add(block, d->find.head.data + d->at, n))
            return -ENOMEM;
        d->at += n;
    }
    if (got && evbuffer_add(block, d->block, got))
        return -ENOMEM;
    d->at += got;
    return 0;
}

static void send_block(struct download *d, size_t got, bool whole)
{
    struct evbuffer *block = evbuffer_new();
    if (!block || fill(d, block, got) || !whole)
        download_break(d);
    if (block)
        write_block(d, block);
    else
        download_end(d);
    if (block)
        evbuffer_free(block);
}

static void on_block(struct store_job *job)
{
    struct download *d = job->context;
    if (job->result)
        log_error("store", "a message's contents: %s", strerror(-job->result));
    send_block(d, job->result ? 0 : d->read.got, !job->result && d->read.got == d->read.length);
}

static void next_block(struct download *d)
{
    uint64_t head = d->find.head.length;
    uint64_t from = d->at < head ? head : d->at;
    struct evhttp_connection *http = evhttp_request_get_connection(d->x->request);
    if (http)
        evhttp_connection_set_closecb(http, on_gone, d); /* a read is under way: on_block sees to it */
    if (from >= d->end) {
        send_block(d, 0, true);
        return;
    }
    d->read = (struct store_content_read){.job = {.done = on_block, .context = d},
                                          .content = d->find.content,
                                          .offset = from - head,
                                          .length = d->end - from < BLOCK ? (size_t)(d->end - from) : BLOCK,
                                          .data = d->block};
    store_content_read(d->x->server->store, &d->read);
}

static void set_range_header(struct exchange *x, bool one, uint64_t first, uint64_t last, uint64_t total)
{
    char value[80];
    if (one)
        snprintf(value, sizeof value, "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, first, last, total);
    else
        snprintf(value, sizeof value, "bytes */%" PRIu64, total);
    exchange_set_header(x, "Content-Range", value);
}

/* Answers with a problem, before the stream has begun. */
static void download_refuse(struct download *d, int status, const char *code, const char *detail)
{
    struct exchange *x = d->x;
    download_free(d);
    answer_problem(x, status, code, detail);
}

static void start(struct download *d)
{
    struct exchange *x = d->x;
    uint64_t total = d->find.head.length + d->find.ciphertext_length, first = 0, last = total - 1;
    char tag[2 * ENVELOPE_HASH_SIZE + 3] = "\"", length[24];
    hex_encode(d->find.envelope.bytes, ENVELOPE_HASH_SIZE, tag + 1);
    strcat(tag, "\"");
    const char *condition = exchange_header(x, "If-Range");
    const char *header = condition && strcmp(condition, tag) != 0 ? NULL : exchange_header(x, "Range");
    enum form_range range = form_range_read(header, total, &first, &last);
    if (range == FORM_RANGE_BEHIND) {
        set_range_header(x, false, 0, 0, total);
        download_refuse(d, 416, "range", "the range begins behind the message's end");
        return;
    }
    if (range == FORM_RANGE_NONE) {
        first = 0;
        last = total - 1;
    } else
        set_range_header(x, true, first, last, total);
    d->at = first;
    d->end = last + 1;
    d->status = range == FORM_RANGE_ONE ? 206 : 200;
    snprintf(length, sizeof length, "%" PRIu64, d->end - d->at);
    exchange_set_header(x, "Content-Type", "application/vnd.careplan.message");
    exchange_set_header(x, "Content-Length", length);
    exchange_set_header(x, "ETag", tag);
    exchange_set_header(x, "Accept-Ranges", "bytes");
    evhttp_send_reply_start(x->request, d->status, d->status == 206 ? "Partial Content" : "OK");
    set_read_timeout(d, false);
    next_block(d);
}

static void on_find(struct store_job *job)
{
    struct download *d = job->context;
    struct server *s = d->x->server;
    if (job->result) {
        struct exchange *x = d->x;
        download_free(d);
        answer_store_failed(x, job->result);
    } else if (!d->find.found)
        download_refuse(d, 404, "not-found", "unknown, or not yours");
    else if (s->sending + BLOCK > (size_t)s->config->buffered_max || !(d->block = malloc(BLOCK))) {
        exchange_set_header(d->x, "Retry-After", "5");
        download_refuse(d, 503, "busy", "too many downloads at the same time");
    } else {
        s->sending += BLOCK;
        start(d);
    }
}

void route_message_get(struct exchange *x)
{
    struct download *d = x->peer->downloads < DOWNLOADS_MAX ? calloc(1, sizeof *d) : NULL;
    if (!d) {
        exchange_set_header(x, "Retry-After", "5");
        answer_problem(x, 429, "rate", "too many downloads of this office at the same time");
        return;
    }
    d->x = x;
    d->peer = x->peer;
    d->peer->downloads++;
    d->find = (struct store_message_find){.job = {.done = on_find, .context = d},
                                          .sender = x->path.sender,
                                          .reader = x->office,
                                          .id = x->path.id};
    store_message_find(x->server->store, &d->find);
}
