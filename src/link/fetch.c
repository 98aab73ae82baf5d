/* Messages that the feed has named come from the hub: small ones in one answer and in memory, large ones
 * range by range into the ledger's spool, from where they go on after a cut, a restart, or a crash. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "link/fetch.h"

enum {
    BLOCK = CONTENT_BLOCK_SIZE,
    SMALL_MAX = (int)FRAMING_PREFIX_MAX + BLOCK, /* of the first answer */
    LARGE_BYTES =
        3 * BLOCK,   /* held for one that is spooled: what came, what is being committed, and an answer */
    FETCH_TRIES = 2, /* of bytes that do not hash */
};

static void fetch_next(struct fetch *f);

/* ---- the queue ---- */

int fetch_add(struct link *l, const struct feed_event *event, struct page *page)
{
    for (const struct fetch *f = l->fetches; f; f = f->next)
        if (office_id_equal(&f->sender, &event->sender) && memcmp(&f->id, &event->id, sizeof f->id) == 0)
            return -EEXIST;
    struct fetch *f = calloc(1, sizeof *f);
    if (!f)
        return -ENOMEM;
    f->l = l;
    f->sender = event->sender;
    f->id = event->id;
    f->hint = event->size;
    f->page = page;
    *l->fetches_last = f;
    l->fetches_last = &f->next;
    l->fetches_n++;
    return 0;
}

static void fetch_free(struct fetch *f)
{
    buffer_free(&f->prefix);
    buffer_free(&f->tail);
    free(f);
}

static void fetch_remove(struct fetch *f)
{
    struct link *l = f->l;
    for (struct fetch **p = &l->fetches; *p; p = &(*p)->next)
        if (*p == f) {
            *p = f->next;
            if (l->fetches_last == &f->next)
                l->fetches_last = p;
            break;
        }
    l->fetches_n--;
    fetch_free(f);
}

void fetch_close(struct link *l)
{
    for (struct fetch *f = l->fetches, *next; f; f = next) {
        next = f->next;
        fetch_free(f);
    }
}

/* Not under way any more; what is in memory is kept only when `keep` says so. */
static void fetch_rest(struct fetch *f, int64_t wait_ms)
{
    struct link *l = f->l;
    f->active = false;
    l->fetching--;
    l->fetching_bytes -= f->bytes;
    f->bytes = 0;
    f->due = wait_ms ? clock_boot_ms() + wait_ms : 0;
    buffer_free(&f->tail);
    buffer_free(&f->prefix);
    f->spooled = false;
}

static void fetch_done(struct fetch *f)
{
    struct link *l = f->l;
    struct page *page = f->page;
    fetch_rest(f, 0);
    fetch_remove(f);
    feed_event_done(l, page);
}

static void fetch_distrust(struct fetch *f, const char *what)
{
    char id[33], text[200];
    message_id_format(&f->id, id);
    snprintf(text, sizeof text, "message %s of %s: %.120s", id, f->sender.text, what);
    link_distrust(f->l, text);
    fetch_rest(f, SLOW_RETRY_MS);
}

/* ---- opening ---- */

static void dropped(struct task *t)
{
    struct fetch *f = t->result_of;
    free(t);
    fetch_rest(f, 0);
}

/* What was spooled is forgotten, and fetched once more from the first byte. */
static void fetch_drop(struct fetch *f)
{
    struct link *l = f->l;
    struct task *t = calloc(1, sizeof *t);
    if (!f->spooled || !t) {
        free(t);
        fetch_rest(f, f->spooled ? LOCAL_RETRY_MS : 0);
        return;
    }
    t->result_of = f;
    link_expect(l, t, dropped);
    link_handed(t, ledger_download_drop(l->ledger, &f->sender, &f->id, link_done, t));
}

static void opened(struct task *t)
{
    struct open_job *job = (struct open_job *)t;
    struct fetch *f = job->owner;
    char id[33];
    message_id_format(&f->id, id);
    switch (job->outcome) {
    case OPEN_DONE:
        fetch_done(f);
        break;
    case OPEN_DAMAGED:
        f->tries++;
        log_warning("message-damaged", "message %s of %s: %s; it is fetched again", id, f->sender.text,
                    job->error.text);
        fetch_drop(f);
        break;
    case OPEN_FORGED:
        fetch_distrust(f, job->error.text);
        break;
    case OPEN_RETRY:
        log_warning("message-kept-waiting", "message %s of %s: %s", id, f->sender.text, job->error.text);
        fetch_rest(f, LOCAL_RETRY_MS);
        break;
    }
    buffer_free(&job->whole);
    free(job);
}

static void fetch_open(struct fetch *f, bool too_large)
{
    struct link *l = f->l;
    struct open_job *job = calloc(1, sizeof *job);
    if (!job) {
        fetch_rest(f, LOCAL_RETRY_MS);
        return;
    }
    job->task.work = open_work;
    job->task.back = opened;
    job->sender = f->sender;
    job->id = f->id;
    job->content = f->spooled ? f->content : 0;
    job->last_try = f->tries + 1 >= FETCH_TRIES;
    job->too_large = too_large;
    job->owner = f;
    job->whole = f->prefix; /* with the ciphertext behind it unless spooled */
    f->prefix = (struct buffer){0};
    link_give(l, f->length > BLOCK ? &l->bulk : &l->opener, &job->task);
}

/* ---- the spool ---- */

static void appended(struct task *t)
{
    struct fetch *f = t->result_of;
    int r = t->result;
    free(t);
    f->appending = false;
    if (r == 0)
        f->have += f->handed;
    else
        f->trouble = true;
    fetch_next(f);
}

static void append_block(struct fetch *f, size_t length)
{
    struct link *l = f->l;
    struct task *t = calloc(1, sizeof *t);
    if (!t) {
        f->trouble = true;
        return;
    }
    t->result_of = f;
    f->appending = true;
    f->handed = length;
    link_expect(l, t, appended);
    link_handed(t, ledger_download_append(l->ledger, &f->sender, &f->id, f->have, f->tail.data, length,
                                          link_done, t));
    memmove(f->tail.data, f->tail.data + length, f->tail.length - length);
    f->tail.length -= length;
}

static bool find_spool(struct fetch *f)
{
    struct ledger_envelope e;
    if (ledger_download_find(f->l->ledger, &f->sender, &f->id, &e, &f->have))
        return false;
    framing_put(&f->prefix, e.acceptance.data, e.acceptance.length);
    framing_put(&f->prefix, e.statement.data, e.statement.length);
    framing_put(&f->prefix, e.header.data, e.header.length);
    buffer_u64be(&f->prefix, e.ciphertext_length);
    f->length = e.ciphertext_length;
    f->content = e.ciphertext;
    f->spooled = true;
    ledger_envelope_free(&e);
    return !f->prefix.failed;
}

static void begun(struct task *t)
{
    struct fetch *f = t->result_of;
    int r = t->result;
    free(t);
    buffer_free(&f->prefix); /* comes back from the ledger as it will after a restart */
    if (r || !find_spool(f)) {
        fetch_rest(f, LOCAL_RETRY_MS);
        return;
    }
    fetch_next(f);
}

static void begin_spool(struct fetch *f, const struct framing *parts)
{
    struct link *l = f->l;
    struct ledger_download d = {.sender = f->sender,
                                .id = f->id,
                                .acceptance = parts->acceptance,
                                .statement = parts->statement,
                                .header = parts->header,
                                .acceptance_length = parts->acceptance_length,
                                .statement_length = parts->statement_length,
                                .header_length = parts->header_length,
                                .ciphertext_length = parts->ciphertext_length};
    struct task *t = calloc(1, sizeof *t);
    if (!t || buffer_append(&f->tail, f->prefix.data + parts->prefix, f->prefix.length - parts->prefix)) {
        free(t);
        fetch_rest(f, LOCAL_RETRY_MS);
        return;
    }
    l->fetching_bytes += LARGE_BYTES - f->bytes;
    f->bytes = LARGE_BYTES;
    t->result_of = f;
    link_expect(l, t, begun);
    link_handed(t, ledger_download_begin(l->ledger, &d, link_done, t));
}

/* ---- requests ---- */

static uint64_t fetch_who(const struct fetch *f)
{
    uint64_t who;
    memcpy(&who, f->id.bytes, sizeof who);
    return who | (uint64_t)1 << 63;
}

static bool request_range(struct fetch *f, uint64_t from, size_t n, http_done_fn *done)
{
    struct http_request request = {.method = "GET", .limit = n, .done = done, .context = f};
    char id[33];
    message_id_format(&f->id, id);
    snprintf(request.path, sizeof request.path, "/v1/messages/%s/%s", f->sender.text, id);
    snprintf(request.range, sizeof request.range, "%" PRIu64 "-%" PRIu64, from, from + n - 1);
    f->range_from = from;
    f->range_n = n;
    return http_start(f->l->http, &request) == 0;
}

/* The range was served as asked for (a whole answer counts when it begins where the range does). */
static bool range_fits(const struct fetch *f, const struct http_answer *a)
{
    return a->range_from == f->range_from && a->body.length <= f->range_n;
}

/* The hub has no such message for us now (its retention, or a feed that lies). */
static void not_there(struct fetch *f, const struct http_answer *a)
{
    char id[33];
    message_id_format(&f->id, id);
    log_warning("message-missing", "message %s of %s: %s", id, f->sender.text, a->trouble);
    fetch_rest(f, SLOW_RETRY_MS);
}

static void range_answered(void *context, struct http_answer *a)
{
    struct fetch *f = context;
    int64_t wait = link_judge(f->l, a, fetch_who(f));
    bool mine = wait == 0;
    f->wait_ms = wait > LINK_WITH_ALL ? wait : 0;
    f->requesting = false;
    /* What came before a cut is good: whatever it is, its hash will be checked. */
    if ((a->status == 0 || a->status == 206 || (a->status == 200 && f->range_from == 0)) &&
        range_fits(f, a) && !a->aborted) {
        if (f->tail.length == 0) {
            buffer_free(&f->tail);
            f->tail = a->body;
            f->tail.limit = 0;
            f->tail.failed = false;
            a->body = (struct buffer){0};
        } else if (buffer_append(&f->tail, a->body.data, a->body.length)) {
            f->trouble = true;
        }
    } else if (mine && a->status == 404) {
        f->missing = true;
    } else if (mine) {
        f->lied = true;
    }
    if (mine && f->tail.length + f->have + (f->appending ? f->handed : 0) <= f->last_have && !f->missing)
        f->lied = true; /* an empty range would be asked for without end */
    fetch_next(f);
}

static void want_more(struct fetch *f)
{
    uint64_t at = f->have + (f->appending ? f->handed : 0) + f->tail.length;
    uint64_t left = f->length - at;
    size_t room = BLOCK - f->tail.length, n = left < room ? (size_t)left : room;
    struct framing parts;
    if (framing_parse(f->prefix.data, f->prefix.length, &parts)) {
        f->trouble = true;
        return;
    }
    f->last_have = at;
    f->requesting = request_range(f, parts.prefix + at, n, range_answered);
    f->trouble = f->trouble || !f->requesting;
}

/* A spooled message: hands whole blocks to the ledger while the next range comes. */
static void fetch_next(struct fetch *f)
{
    struct link *l = f->l;
    bool stop = f->trouble || f->missing || f->lied || f->wait_ms || link_stopping(l);
    uint64_t handed = f->have + (f->appending ? f->handed : 0);
    if (!stop && !f->appending && f->tail.length &&
        (f->tail.length >= BLOCK || handed + f->tail.length == f->length)) {
        append_block(f, f->tail.length < BLOCK ? f->tail.length : BLOCK);
        handed += f->appending ? f->handed : 0;
    }
    bool ready = backoff_ready(&l->backoff, clock_boot_ms());
    if (!stop && !f->requesting && ready && f->tail.length < BLOCK && handed + f->tail.length < f->length)
        want_more(f);
    if (f->appending || f->requesting)
        return;
    bool trouble = f->trouble, missing = f->missing, lied = f->lied;
    int64_t wait_ms = f->wait_ms;
    f->trouble = f->missing = f->lied = false;
    f->wait_ms = 0;
    if (trouble || link_stopping(l))
        fetch_rest(f, LOCAL_RETRY_MS);
    else if (lied)
        fetch_distrust(f, "the hub does not serve the range that was asked for");
    else if (missing)
        fetch_rest(f, SLOW_RETRY_MS);
    else if (wait_ms) /* with empty hands: others may need the room */
        fetch_rest(f, wait_ms);
    else if (f->have == f->length)
        fetch_open(f, false);
    else
        f->cut = true; /* what is in memory waits until the hub is there again */
}

/* The manifest stands in the ciphertext, too, and a length before each file. */
static bool over_limit(const struct fetch *f, uint64_t ciphertext)
{
    return ciphertext > f->l->settings->unit_max + 2 * (uint64_t)ENVELOPE_MANIFEST_MAX;
}

/* Bytes that came before a cut are kept, or a line that is cut often would never carry a megabyte. */
static void first_cut(struct fetch *f, struct http_answer *a, int64_t wait)
{
    struct framing parts;
    if (a->aborted || a->status || !range_fits(f, a) || framing_parse(a->body.data, a->body.length, &parts) ||
        a->body.length > parts.prefix + parts.ciphertext_length || over_limit(f, parts.ciphertext_length)) {
        fetch_rest(f, wait);
        return;
    }
    f->prefix = a->body;
    a->body = (struct buffer){0};
    begin_spool(f, &parts);
}

static void first_answered(void *context, struct http_answer *a)
{
    struct fetch *f = context;
    struct link *l = f->l;
    struct framing parts;
    int64_t wait = link_judge(l, a, fetch_who(f));
    if (wait) {
        first_cut(f, a, wait);
        return;
    }
    if (a->status == 404) {
        not_there(f, a);
        return;
    }
    if ((a->status != 200 && a->status != 206) || !range_fits(f, a)) {
        fetch_distrust(f, a->trouble[0] ? a->trouble : "the hub does not serve the range that was asked for");
        return;
    }
    int r = framing_parse(a->body.data, a->body.length, &parts);
    uint64_t whole = a->status == 206 ? a->range_total : a->body.length;
    if (r || whole != parts.prefix + parts.ciphertext_length || a->body.length > whole) {
        fetch_distrust(f, "what the hub gives is no message");
        return;
    }
    f->prefix = a->body;
    a->body = (struct buffer){0};
    f->length = parts.ciphertext_length;
    if (over_limit(f, f->length))
        fetch_open(f, true);
    else if (f->prefix.length == whole)
        fetch_open(f, false);
    else
        begin_spool(f, &parts);
}

/* ---- */

static void fetch_begin(struct fetch *f)
{
    struct link *l = f->l;
    bool spooled = find_spool(f);
    if (!spooled) {
        buffer_free(&f->prefix);
        f->spooled = false;
    }
    f->active = true;
    f->due = 0;
    f->bytes = spooled ? LARGE_BYTES : f->hint < SMALL_MAX ? (size_t)f->hint : (size_t)SMALL_MAX;
    l->fetching++;
    l->fetching_bytes += f->bytes;
    if (spooled)
        fetch_next(f);
    else if (!request_range(f, 0, SMALL_MAX, first_answered))
        fetch_rest(f, LOCAL_RETRY_MS);
}

/* Spooled ones that a cut has stopped go on; others begin while there is room. */
void fetch_step(struct link *l, int64_t now)
{
    for (struct fetch *f = l->fetches, *next; f; f = next) {
        next = f->next;
        if (f->active && f->cut) {
            f->cut = false;
            fetch_next(f);
        } else if (!f->active && f->due <= now && l->fetching < FETCH_PARALLEL &&
                   (l->fetching_bytes == 0 ||
                    l->fetching_bytes + (f->hint < SMALL_MAX ? f->hint : LARGE_BYTES) <= FETCH_BYTES)) {
            fetch_begin(f);
        }
        if (!backoff_ready(&l->backoff, now))
            return;
    }
}

int64_t fetch_due(const struct link *l)
{
    int64_t due = INT64_MAX;
    for (const struct fetch *f = l->fetches; f && l->fetching < FETCH_PARALLEL; f = f->next)
        if (!f->active && f->due && f->due < due)
            due = f->due;
    return due;
}
