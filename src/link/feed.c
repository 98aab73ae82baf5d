/* The feed: a long poll for what concerns this office. The cursor in the ledger stands behind the last page
 * whose events, and all before them, the ledger holds: what a crash loses is told again. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "link/link_private.h"

enum { HASTE_MS = 1000 }; /* an empty answer within this time was no long poll */
static const char cursor_key[] = "feed-cursor";

struct page {
    struct page *next;
    uint64_t cursor; /* behind it */
    size_t open;     /* events that the ledger does not hold yet, one for the reader itself */
};
struct feed_pages {
    struct page *first, **last;
    size_t n;
    uint64_t asked;            /* the next `after` */
    uint64_t reached, durable; /* the cursor, and what of it is in the ledger */
    bool active, saving;
    int64_t begun, due;
};

int feed_open(struct link *l)
{
    struct feed_pages *f = calloc(1, sizeof *f);
    autobuffer text = {.limit = 64};
    if (!f)
        return -ENOMEM;
    l->feed = f;
    f->last = &f->first;
    int r = ledger_value_get(l->ledger, cursor_key, &text);
    if (r == 0 && (text.failed || sscanf((const char *)text.data, "%" SCNu64, &f->durable) != 1))
        r = -EBADMSG;
    f->asked = f->reached = f->durable;
    return r == -ENOENT ? 0 : r;
}

void feed_close(struct link *l)
{
    if (!l->feed)
        return;
    for (struct page *p = l->feed->first, *next; p; p = next) {
        next = p->next;
        free(p);
    }
    free(l->feed);
}

/* ---- the cursor ---- */

static void save_cursor(struct link *l);

struct cursor_job {
    struct task task;
    uint64_t cursor;
};

static void cursor_saved(struct task *t)
{
    struct cursor_job *job = (struct cursor_job *)t;
    struct link *l = t->l;
    l->feed->saving = false;
    if (t->result == 0) {
        l->feed->durable = job->cursor;
        if (!link_stopping(l))
            save_cursor(l);
    } /* else with the next event */
    free(job);
}

static void save_cursor(struct link *l)
{
    struct feed_pages *f = l->feed;
    char text[24];
    if (f->saving || f->reached == f->durable)
        return;
    struct cursor_job *job = calloc(1, sizeof *job);
    if (!job)
        return;
    job->cursor = f->reached;
    f->saving = true;
    int n = snprintf(text, sizeof text, "%" PRIu64, f->reached);
    link_expect(l, &job->task, cursor_saved);
    link_handed(&job->task, ledger_value_set(l->ledger, cursor_key, text, (size_t)n, link_done, &job->task));
}

/* Drops pages that are done: at the front they move the cursor; others are joined to the one before, so that
 * one event that cannot be had for days holds one page, not all that follow. */
static void drop_done(struct link *l)
{
    struct feed_pages *f = l->feed;
    struct page *before = NULL;
    for (struct page *p = f->first, *next; p; p = next) {
        next = p->next;
        if (p->open) {
            before = p;
            continue;
        }
        if (before) {
            before->cursor = p->cursor;
            before->next = next;
        } else {
            f->reached = p->cursor;
            f->first = next;
        }
        f->n--;
        free(p);
    }
    f->last = before ? &before->next : &f->first;
    if (!link_stopping(l))
        save_cursor(l);
}

void feed_event_done(struct link *l, struct page *page)
{
    if (--page->open == 0)
        drop_done(l);
}

/* ---- events ---- */

static int take_event(struct link *l, struct feed_event *e, struct page *page)
{
    int r = 0;
    page->open++;
    switch (e->type) {
    case FEED_MESSAGE:
        if (!ledger_seen(l->ledger, &e->sender, &e->id)) {
            r = fetch_add(l, e, page);
            if (r == 0)
                return 0;
        }
        break;
    case FEED_RECEIPT:
        r = receipts_event(l, e, page);
        if (r == 0)
            return 0;
        break;
    case FEED_KEY_CHANGE:
        log_info("key-change", "office %s has a new key", e->office.text);
        l->crl_due = 0; /* the old one may be revoked */
        l->directory_dirty = true;
        break;
    case FEED_DIRECTORY:
        l->directory_dirty = true;
        break;
    case FEED_UNKNOWN:
        log_info("feed-unknown", "the hub tells of something that this version does not know: %s",
                 e->type_name);
        break;
    }
    page->open--;
    return r == -EEXIST ? 0 : r;
}

static int take_page(struct link *l, struct feed_page *got)
{
    struct feed_pages *f = l->feed;
    struct page *page = calloc(1, sizeof *page);
    if (!page)
        return -ENOMEM;
    page->cursor = got->next;
    page->open = 1;
    *f->last = page;
    f->last = &page->next;
    f->n++;
    int r = 0;
    for (size_t i = 0; r == 0 && i < got->n; i++)
        r = take_event(l, &got->events[i], page);
    if (r)
        page->cursor = f->asked; /* to be asked for again: the cursor stays before it */
    else
        f->asked = got->next;
    feed_event_done(l, page);
    return r;
}

static void feed_answered(void *context, struct http_answer *a)
{
    struct link *l = context;
    struct feed_pages *f = l->feed;
    struct feed_page got;
    int64_t now = clock_boot_ms();
    f->active = false;
    int64_t wait = link_judge(l, a, WHO_FEED);
    if (wait) {
        f->due = now + wait;
        return;
    }
    int r = a->status == 200 ? feed_page_parse(a->body.data, a->body.length, &got) : -EBADMSG;
    if (r == 0 && (got.next < f->asked || (got.n && got.next == f->asked))) {
        feed_page_free(&got);
        r = -EBADMSG;
    }
    if (r == -EBADMSG) {
        link_distrust(l, "the hub's feed is not what was agreed");
        return;
    }
    if (r == 0 && got.n == 0 && now - f->begun < HASTE_MS)
        f->due = now + HASTE_MS;
    if (r == 0 && (got.n || got.next > f->asked))
        r = take_page(l, &got);
    if (r) /* no memory: the same page again */
        f->due = now + LOCAL_RETRY_MS;
    feed_page_free(&got);
}

int64_t feed_due(const struct link *l)
{
    return l->feed->active || !l->feed->due ? INT64_MAX : l->feed->due;
}

void feed_step(struct link *l, int64_t now)
{
    struct feed_pages *f = l->feed;
    if (now >= f->due)
        f->due = 0;
    if (f->active || f->due || f->n >= FEED_PAGES_MAX || l->fetches_n + FEED_EVENTS_MAX > FETCH_QUEUE_MAX)
        return;
    struct http_request request = {.method = "GET",
                                   .limit = FEED_ANSWER_MAX,
                                   .stall_seconds = FEED_WAIT_SECONDS + 25,
                                   .done = feed_answered,
                                   .context = l};
    snprintf(request.path, sizeof request.path, "/v1/feed?after=%" PRIu64 "&wait=%d", f->asked,
             FEED_WAIT_SECONDS);
    f->begun = now;
    f->active = http_start(l->http, &request) == 0;
    if (!f->active)
        f->due = now + LOCAL_RETRY_MS;
}
