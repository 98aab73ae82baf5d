/* Our receipts go to the hub; our partners' come with the feed, are verified, and go into the ledger. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "link/link_private.h"

/* ---- ours ---- */

struct receipt_job {
    struct task task;
    struct ledger_receipt receipt;
};

static void job_end(struct receipt_job *job, int64_t wait_ms)
{
    struct link *l = job->task.l;
    l->receipts_active--;
    if (wait_ms)
        todo_wait(&l->receipts_waiting, job->receipt.id, clock_boot_ms() + wait_ms);
    else
        todo_release(&l->receipts_waiting, job->receipt.id);
    ledger_receipt_free(&job->receipt);
    free(job);
}

static void sent_kept(struct task *t)
{
    job_end((struct receipt_job *)t, t->result ? LOCAL_RETRY_MS : 0);
}

static void put_answered(void *context, struct http_answer *a)
{
    struct receipt_job *job = context;
    struct link *l = job->task.l;
    char id[33];
    message_id_format(&job->receipt.message_id, id);
    int64_t wait = link_judge(l, a, job->receipt.id);
    if (wait) {
        job_end(job, wait);
    } else if (a->status == 200 || a->status == 201) {
        log_info("receipt-sent", "message %s of %s: %s", id, job->receipt.sender.text,
                 receipt_kind_name(job->receipt.kind));
        link_expect(l, &job->task, sent_kept);
        link_handed(&job->task, ledger_receipt_sent(l->ledger, job->receipt.id, link_done, &job->task));
    } else {
        log_warning("receipt-refused", "message %s of %s: the hub does not take the receipt %s: %s", id,
                    job->receipt.sender.text, receipt_kind_name(job->receipt.kind), a->trouble);
        job_end(job, SLOW_RETRY_MS);
    }
}

static void put_receipt(struct receipt_job *job)
{
    struct ledger_receipt *r = &job->receipt;
    struct http_request request = {
        .method = "PUT", .media = "application/cms", .body = r->der, .done = put_answered, .context = job};
    char id[33];
    message_id_format(&r->message_id, id);
    snprintf(request.path, sizeof request.path, "/v1/messages/%s/%s/receipts/%s", r->sender.text, id,
             receipt_kind_name(r->kind));
    r->der = (struct buffer){0};
    if (link_stopping(job->task.l) || http_start(job->task.l->http, &request)) {
        buffer_free(&request.body);
        job_end(job, LOCAL_RETRY_MS);
    }
}

static void signature_kept(struct task *t)
{
    struct receipt_job *job = (struct receipt_job *)t;
    if (t->result)
        job_end(job, LOCAL_RETRY_MS);
    else
        put_receipt(job);
}

/* Durable before it is sent: a second signature over the same would be a second receipt. */
static void sign_receipt(struct receipt_job *job)
{
    struct link *l = job->task.l;
    struct ledger_receipt *r = &job->receipt;
    struct receipt text = {.kind = r->kind,
                           .sender = r->sender,
                           .id = r->message_id,
                           .envelope = r->envelope,
                           .manifest = r->manifest,
                           .at = r->at};
    struct error e = {0};
    autofree uint8_t *der = NULL;
    size_t length;
    memcpy(text.detail, r->detail, sizeof text.detail);
    link_head(l, &text.head);
    if (receipt_sign(l->identity, &text, &der, &length, &e) || buffer_append(&r->der, der, length)) {
        log_error("receipt-sign", "office %s: a receipt cannot be signed: %s", l->self->text, e.text);
        job_end(job, LOCAL_RETRY_MS);
        return;
    }
    link_expect(l, &job->task, signature_kept);
    link_handed(&job->task, ledger_receipt_signed(l->ledger, r->id, der, length, link_done, &job->task));
}

static void signature_gone(struct task *t)
{
    struct receipt_job *job = (struct receipt_job *)t;
    buffer_free(&job->receipt.der);
    if (t->result)
        job_end(job, LOCAL_RETRY_MS);
    else
        sign_receipt(job);
}

/* What an earlier key has signed is signed anew: the hub takes nothing of a key that has been replaced. */
static void begin_receipt(struct receipt_job *job)
{
    struct link *l = job->task.l;
    struct ledger_receipt *r = &job->receipt;
    int ours =
        r->der.length ? envelope_signed_by(r->der.data, r->der.length, identity_certificate(l->identity)) : 0;
    if (ours < 0) {
        job_end(job, LOCAL_RETRY_MS);
    } else if (ours) {
        put_receipt(job);
    } else if (r->der.length) {
        link_expect(l, &job->task, signature_gone);
        link_handed(&job->task, ledger_receipt_unsign(l->ledger, r->id, link_done, &job->task));
    } else {
        sign_receipt(job);
    }
}

/* ---- our partners' ---- */

struct receipt_event {
    struct task task;
    struct receipt_event *next;
    struct page *page;
    struct message_id id;
    struct buffer der;
    struct receipt receipt;
    struct office_id by;
    int64_t due;
};

static void event_free(struct receipt_event *ev)
{
    buffer_free(&ev->der);
    free(ev);
}

static void event_end(struct receipt_event *ev)
{
    feed_event_done(ev->task.l, ev->page);
    event_free(ev);
}

static void event_later(struct receipt_event *ev)
{
    struct link *l = ev->task.l;
    ev->due = clock_boot_ms() + LOCAL_RETRY_MS;
    ev->next = l->receipt_events;
    l->receipt_events = ev;
}

static void event_kept(struct task *t)
{
    struct receipt_event *ev = (struct receipt_event *)t;
    char id[33];
    message_id_format(&ev->id, id);
    if (t->result == 0) {
        log_info("receipt-got", "message %s: %s by %s", id, receipt_kind_name(ev->receipt.kind), ev->by.text);
    } else if (t->result != -ENOENT) {
        event_later(ev); /* the own disk */
        return;
    } else {
        log_warning("receipt-false", "message %s: a receipt of %s speaks of no message of ours", id,
                    ev->by.text);
    }
    event_end(ev);
}

/* The hub took it when the signer's certificate was good. That may have ended before we hear of it, but not
 * before the message was accepted. */
static int verify_event(struct receipt_event *ev, int64_t accepted_at, struct error *e)
{
    struct trusted *t = &ev->task.l->trusted;
    int r = trusted_receipt(t, ev->der.data, ev->der.length, clock_utc_ms(), &ev->receipt, &ev->by, e);
    if (r && accepted_at &&
        (strcmp(e->code, "certificate-time") == 0 || strcmp(e->code, "certificate-revoked") == 0))
        r = trusted_receipt(t, ev->der.data, ev->der.length, accepted_at, &ev->receipt, &ev->by, e);
    return r;
}

/* 0, -ENOENT (false: nothing of it is kept), or what the ledger says. */
static int judge_event(struct receipt_event *ev, struct error *e)
{
    struct link *l = ev->task.l;
    struct ledger_unit unit;
    uint64_t message;
    int r = ledger_find(l->ledger, true, l->self, &ev->id, &message);
    r = r ? r : ledger_unit(l->ledger, message, &unit);
    if (r)
        return error_set(e, r, "receipt-unknown", "it speaks of no message of ours");
    struct office_id recipient = unit.recipient;
    int64_t accepted_at = unit.sent;
    ledger_unit_free(&unit);
    r = verify_event(ev, accepted_at, e);
    if (r)
        return r == -ENOMEM ? r : -ENOENT;
    if (ev->receipt.kind == RECEIPT_ACCEPTED || !office_id_equal(&ev->by, &recipient) ||
        !office_id_equal(&ev->receipt.sender, l->self) ||
        memcmp(&ev->receipt.id, &ev->id, sizeof ev->id) != 0)
        return error_set(e, -ENOENT, "receipt-mismatch",
                         "it is not the recipient's receipt over this message");
    return 0;
}

static void take_event(struct receipt_event *ev)
{
    struct link *l = ev->task.l;
    struct error e = {0};
    char id[33];
    int r = judge_event(ev, &e);
    if (r == 0) {
        link_expect(l, &ev->task, event_kept);
        link_handed(&ev->task, ledger_receipt_got(l->ledger, &ev->receipt, &ev->by, ev->der.data,
                                                  ev->der.length, link_done, &ev->task));
    } else if (r == -ENOENT) {
        message_id_format(&ev->id, id);
        log_warning("receipt-false", "message %s: a receipt of the feed is not kept: %s (%s)", id, e.text,
                    e.code);
        /* It may be right about a message that a restored ledger does not know. */
        if (strcmp(e.code, "receipt-unknown") != 0)
            link_distrust(l, "the hub's feed has a receipt that does not hold");
        event_end(ev);
    } else {
        event_later(ev);
    }
}

int receipts_event(struct link *l, struct feed_event *event, struct page *page)
{
    struct receipt_event *ev = calloc(1, sizeof *ev);
    if (!ev)
        return -ENOMEM;
    ev->task.l = l;
    ev->page = page;
    ev->id = event->id;
    ev->der = event->receipt;
    event->receipt = (struct buffer){0};
    take_event(ev);
    return 0;
}

static void retry_events(struct link *l, int64_t now)
{
    struct receipt_event *list = l->receipt_events, *next;
    l->receipt_events = NULL;
    for (struct receipt_event *ev = list; ev; ev = next) {
        next = ev->next;
        if (ev->due <= now) {
            take_event(ev);
            continue;
        }
        ev->next = l->receipt_events;
        l->receipt_events = ev;
    }
}

void receipts_close(struct link *l)
{
    for (struct receipt_event *ev = l->receipt_events, *next; ev; ev = next) {
        next = ev->next;
        event_free(ev);
    }
}

/* ---- */

int64_t receipts_due(struct link *l, int64_t now)
{
    int64_t due = todo_due(&l->receipts_waiting, now);
    if (l->receipts_again)
        due = l->receipts_again < due ? l->receipts_again : due;
    for (const struct receipt_event *ev = l->receipt_events; ev; ev = ev->next)
        due = ev->due < due ? ev->due : due;
    return due;
}

/* The next one that is neither under way nor waiting; NULL: none, or the list could not be read (then
 * receipts_again says when it will be). */
static struct receipt_job *next_receipt(struct link *l)
{
    struct receipt_job *job = calloc(1, sizeof *job);
    int r = job ? 0 : -ENOMEM;
    while (r == 0 && (r = ledger_receipt_next(l->ledger, l->receipts_after, &job->receipt)) == 0) {
        l->receipts_after = job->receipt.id;
        if (!todo_waiting(&l->receipts_waiting, job->receipt.id)) {
            job->task.l = l;
            return job;
        }
        ledger_receipt_free(&job->receipt);
    }
    if (r != -ENOENT)
        l->receipts_again = clock_boot_ms() + LOCAL_RETRY_MS;
    free(job);
    return NULL;
}

void receipts_step(struct link *l, int64_t now)
{
    retry_events(l, now);
    todo_due(&l->receipts_waiting, now);
    if (l->receipts_waiting.dirty) { /* one that waited is free again: from the first on */
        l->receipts_waiting.dirty = false;
        l->receipts_after = 0;
        l->receipts_dirty = true;
    }
    if (l->receipts_again && now >= l->receipts_again) {
        l->receipts_again = 0;
        l->receipts_dirty = true;
    }
    while (l->receipts_dirty && l->receipts_active < RECEIPT_PARALLEL) {
        struct receipt_job *job = next_receipt(l);
        if (!job) {
            l->receipts_dirty = false;
            break;
        }
        l->receipts_active++;
        todo_wait(&l->receipts_waiting, job->receipt.id, TODO_UNDER_WAY);
        begin_receipt(job);
    }
}
