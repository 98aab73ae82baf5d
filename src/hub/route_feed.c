/* The feed: events at once, or when they come, or an empty answer when the time is over. */
#include "hub/route.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/hex.h"

enum { WAIT_MAX = 60 };

struct feed {
    TAILQ_ENTRY(feed) waiting;
    struct exchange *x;
    struct peer *peer;
    struct event *timer;
    int64_t after, until; /* until: boot ms */
    uint64_t wakes;       /* of the peer, when reading began */
    bool is_waiting;
};

struct feed_reading { /* large, so only while the store reads */
    struct store_feed_read call;
    struct feed *feed;
};

static void stop_waiting(struct feed *f)
{
    if (f->is_waiting) {
        TAILQ_REMOVE(&f->peer->waiting, f, waiting);
        f->peer->n_waiting--;
    }
    f->is_waiting = false;
}

static struct exchange *feed_free(struct feed *f)
{
    struct exchange *x = f->x;
    stop_waiting(f);
    if (f->timer)
        event_free(f->timer);
    free(f);
    return x;
}

/* ---- answering ---- */

static json_t *event_json(const struct store_event *e)
{
    char id[33], hash[2 * ENVELOPE_HASH_SIZE + 1];
    message_id_format(&e->id, id);
    switch (e->type) {
    case EVENT_MESSAGE:
        return json_pack("{s:I, s:s, s:s, s:s, s:I, s:I}", "n", (json_int_t)e->n, "type", "message", "sender",
                         e->sender.text, "id", id, "created", (json_int_t)e->created, "size",
                         (json_int_t)e->size);
    case EVENT_RECEIPT: {
        autofree char *receipt = form_base64(e->receipt, e->receipt_length);
        return json_pack("{s:I, s:s, s:s, s:s, s:s, s:s, s:s}", "n", (json_int_t)e->n, "type", "receipt",
                         "sender", e->sender.text, "id", id, "kind", receipt_kind_name(e->kind), "by",
                         e->other.text, "receipt", receipt);
    }
    case EVENT_DIRECTORY:
        hex_encode(e->head.hash.bytes, ENVELOPE_HASH_SIZE, hash);
        return json_pack("{s:I, s:s, s:{s:I, s:s}}", "n", (json_int_t)e->n, "type", "directory", "head", "n",
                         (json_int_t)e->head.n, "hash", hash);
    case EVENT_KEY_CHANGE:
        return json_pack("{s:I, s:s, s:s}", "n", (json_int_t)e->n, "type", "key_change", "office",
                         e->other.text);
    }
    return NULL;
}

static void feed_answer(struct feed *f, const struct store_event *events, size_t n)
{
    json_int_t next = n ? events[n - 1].n : f->after;
    json_t *list = json_array();
    bool good = list != NULL;
    for (size_t i = 0; good && i < n; i++)
        good = json_array_append_new(list, event_json(&events[i])) == 0;
    struct exchange *x = feed_free(f);
    if (good)
        answer_json(x, 200, json_pack("{s:o, s:I}", "events", list, "next", next));
    else {
        json_decref(list);
        answer_internal(x);
    }
}

static void feed_answer_empty(struct feed *f)
{
    feed_answer(f, NULL, 0);
}

/* ---- waiting ---- */

static void feed_read(struct feed *f);

static void on_time(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    feed_answer_empty(context);
}

static void feed_wait(struct feed *f)
{
    struct server *s = f->x->server;
    int64_t left = f->until - clock_boot_ms();
    struct timeval time = {left / 1000, left % 1000 * 1000};
    if (!f->timer)
        f->timer = evtimer_new(s->base, on_time, f);
    if (left <= 0 || s->stopping || !f->timer || evtimer_add(f->timer, &time)) {
        feed_answer_empty(f);
        return;
    }
    struct peer *peer = f->peer;
    f->is_waiting = true;
    TAILQ_INSERT_TAIL(&peer->waiting, f, waiting);
    peer->n_waiting++;
    if (peer->n_waiting > (size_t)s->config->feeds_per_office)
        feed_answer_empty(TAILQ_FIRST(&peer->waiting));
}

static void on_read(struct store_job *job)
{
    struct feed_reading *reading = job->context;
    struct feed *f = reading->feed;
    struct store_feed_read *call = &reading->call;
    if (job->result)
        answer_store_failed(feed_free(f), job->result);
    else if (call->n_events)
        feed_answer(f, call->events, call->n_events);
    else if (f->wakes != f->peer->wakes)
        feed_read(f);
    else
        feed_wait(f);
    store_events_free(call->events, call->n_events);
    free(reading);
}

static void feed_read(struct feed *f)
{
    struct feed_reading *reading = malloc(sizeof *reading);
    stop_waiting(f);
    if (f->timer)
        evtimer_del(f->timer);
    if (!reading) {
        answer_internal(feed_free(f));
        return;
    }
    f->wakes = f->peer->wakes;
    reading->feed = f;
    reading->call.job = (struct store_job){.done = on_read, .context = reading};
    reading->call.office = f->x->office;
    reading->call.after = f->after;
    store_feed_read(f->x->server->store, &reading->call);
}

/* Each looks at the store again; what is not for it lets it wait on. */
static void wake_peer(void *context, struct peer *peer)
{
    (void)context;
    peer->wakes++;
    while (!TAILQ_EMPTY(&peer->waiting))
        feed_read(TAILQ_FIRST(&peer->waiting));
}

void feeds_wake(struct server *s, const struct office_id *office)
{
    struct peer *peer = *office->text ? peer_find(s->peers, office->text) : NULL;
    if (peer)
        wake_peer(NULL, peer);
    else if (!*office->text)
        peers_each(s->peers, wake_peer, NULL);
}

static void stop_peer(void *context, struct peer *peer)
{
    (void)context;
    while (!TAILQ_EMPTY(&peer->waiting))
        feed_answer_empty(TAILQ_FIRST(&peer->waiting));
}

void feeds_stop(struct server *s)
{
    peers_each(s->peers, stop_peer, NULL);
}

void route_feed(struct exchange *x)
{
    int64_t after = 0, wait = 0;
    struct error e;
    if (form_query_number(x->query, "after", 0, INT64_MAX, &after, &e) ||
        form_query_number(x->query, "wait", 0, WAIT_MAX, &wait, &e)) {
        answer_error(x, 400, &e);
        return;
    }
    struct feed *f = calloc(1, sizeof *f);
    if (!f) {
        answer_internal(x);
        return;
    }
    *f = (struct feed){.x = x, .peer = x->peer, .after = after, .until = clock_boot_ms() + wait * 1000};
    feed_read(f);
}
