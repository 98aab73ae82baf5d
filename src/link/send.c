/* Sealed envelopes go to the hub, whole or in parts, until its signed acceptance is in the ledger. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "link/link_private.h"
#include "link/send.h"

enum {
    PART = 1 << 20,
    ASK_BYTES = 32 * 1024, /* asking whether the hub has it costs as much as sending less than this */
    COMMITS_MAX = 3,       /* before the hub is left alone with this message for long */
    ACCEPTANCE_MAX = ENVELOPE_RECEIPT_MAX,
};

/* ---- which one ---- */

/* Signed with a key that is no longer ours, or made by a clock that was wrong: nobody would take it. 0 or
 * -ENOMEM. */
static int find_faults(struct send *s)
{
    const struct buffer *statement = &s->envelope.statement;
    int ours = envelope_signed_by(statement->data, statement->length, identity_certificate(s->l->identity));
    if (ours < 0)
        return ours;
    s->anew = !ours ? "" : link_is_ahead(s->l, s->envelope.created) ? "clock-ahead" : NULL;
    return 0;
}

static struct send *send_load(struct link *l, uint64_t message)
{
    struct ledger_unit unit;
    struct send *s = calloc(1, sizeof *s);
    if (!s || ledger_unit(l->ledger, message, &unit)) {
        free(s);
        return NULL;
    }
    s->l = l;
    s->message = message;
    s->id = unit.id;
    s->recipient = unit.recipient;
    snprintf(s->name, sizeof s->name, "%s",
             unit.sequence[0] || unit.n_files == 0 ? unit.sequence : unit.files[0].name);
    ledger_unit_free(&unit);
    if (ledger_envelope(l->ledger, message, &s->envelope)) {
        free(s);
        return NULL;
    }
    uint64_t parts = (s->envelope.ciphertext_length + PART - 1) / PART;
    s->large = parts > 1;
    s->n_parts = (size_t)parts;
    s->have = calloc(s->n_parts ? s->n_parts : 1, 1);
    s->bytes = s->large ? SEND_PARTS_PARALLEL * (size_t)PART : (size_t)s->envelope.ciphertext_length;
    if (s->have && s->envelope.ciphertext && parts && find_faults(s) == 0)
        return s;
    send_free(s);
    return NULL;
}

void send_free(struct send *s)
{
    ledger_envelope_free(&s->envelope);
    free(s->have);
    free(s);
}

/* Two versions of one unit, or of one document, reach the hub in the order in which they were saved. */
static bool has_to_follow(const struct link *l, const struct send *s)
{
    for (const struct send *other = l->sends; other; other = other->next)
        if (office_id_equal(&other->recipient, &s->recipient) && strcmp(other->name, s->name) == 0)
            return true;
    return s->large && l->sending_large;
}

static void send_end(struct send *s)
{
    struct link *l = s->l;
    for (struct send **p = &l->sends; *p; p = &(*p)->next)
        if (*p == s) {
            *p = s->next;
            break;
        }
    l->sending--;
    l->sending_bytes -= s->bytes;
    if (s->large)
        l->sending_large = false;
    todo_release_all(&l->to_send, TODO_TURN);
    send_free(s);
}

static void send_wait(struct send *s, int64_t ms)
{
    todo_wait(&s->l->to_send, s->message, clock_boot_ms() + ms);
    send_end(s);
}

/* Begun anew when the hub is there again; then it is asked first what it has. */
static void send_later(struct send *s, int64_t ms)
{
    s->wait_ms = ms > s->wait_ms ? ms : s->wait_ms;
    if (s->active)
        return; /* the other part ends first */
    s->l->send_doubtful = true;
    send_wait(s, s->wait_ms);
}

/* The hub may have it, and the own disk or memory failed: as after a cut. */
static void send_local_trouble(struct send *s)
{
    s->l->send_doubtful = true;
    send_wait(s, LOCAL_RETRY_MS);
}

/* ---- what becomes of it ---- */

static void send_settled(struct task *t)
{
    struct send *s = (struct send *)t;
    if (t->result == -ENOSPC || t->result == -EIO || t->result == -ENOMEM) {
        send_local_trouble(s);
        return;
    }
    todo_release(&s->l->to_send, s->message);
    send_end(s);
}

static void send_unsealed(struct task *t)
{
    struct send *s = (struct send *)t;
    /* The hub's clock may tell another time than ours without saying so: not at once. */
    if (t->result == 0 && s->anew[0])
        todo_wait(&s->l->to_seal, s->message, clock_boot_ms() + LOCAL_RETRY_MS);
    send_settled(t);
}

/* The hub has not accepted it and will not: another envelope, under another id. */
static void send_anew(struct send *s, const char *why)
{
    struct link *l = s->l;
    struct message_id fresh;
    char id[33];
    message_id_new(&fresh);
    message_id_format(&s->id, id);
    s->anew = why;
    log_info("sealed-anew", "message %s to %s: is sealed anew: %s", id, s->recipient.text,
             why[0] ? why : "it is not signed with the present key");
    link_expect(l, &s->task, send_unsealed);
    link_handed(&s->task, ledger_unseal(l->ledger, s->message, &fresh, why, link_done, &s->task));
}

static void send_refused(struct send *s, const char *problem)
{
    struct link *l = s->l;
    char id[33];
    message_id_format(&s->id, id);
    log_error("message-refused", "message %s to %s: the hub will never take it: %s", id, s->recipient.text,
              problem);
    link_expect(l, &s->task, send_settled);
    link_handed(&s->task, ledger_refuse_out(l->ledger, s->message, problem, link_done, &s->task));
}

/* What the hub may take later (a partner that has left the directory may come back) is noted and tried again.
 */
static void send_noted(struct task *t)
{
    send_wait((struct send *)t, SLOW_RETRY_MS);
}

static void send_note(struct send *s, const char *problem)
{
    struct link *l = s->l;
    link_expect(l, &s->task, send_noted);
    link_handed(&s->task, ledger_note_reason(l->ledger, s->message, problem, link_done, &s->task));
}

bool send_problem_is_final(int status, const char *problem)
{
    static const char *const codes[] = {"id-conflict",  "part-conflict", "message-too-large",
                                        "message-form", "envelope-hash", "protocol-version"};
    static const char *const families[] = {"statement-", "header-"};
    if (strcmp(problem, "statement-time") == 0) /* a clock */
        return false;
    if (status != 400 && status != 409 && status != 413 && status != 422)
        return false;
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (strcmp(problem, codes[i]) == 0)
            return true;
    for (size_t i = 0; i < sizeof families / sizeof *families; i++)
        if (strncmp(problem, families[i], strlen(families[i])) == 0)
            return true;
    return false;
}

static void send_begin(struct send *s);

static void send_not_taken(struct send *s, const struct http_answer *a)
{
    bool again = strcmp(a->problem, "parts-missing") == 0 || strcmp(a->problem, "envelope-hash") == 0;
    if (s->committed && a->status == 422 && again && s->commits < COMMITS_MAX) {
        /* Asked for what is missing; parts that do not hash are all put again. */
        s->put_all = strcmp(a->problem, "envelope-hash") == 0;
        s->asked = s->committed = false;
        send_begin(s);
    } else if (s->anew || strcmp(a->problem, "statement-time") == 0) {
        send_anew(s, s->anew ? s->anew : "clock-ahead");
    } else if (send_problem_is_final(a->status, a->problem)) {
        send_refused(s, a->problem);
    } else if (a->problem[0]) {
        send_note(s, a->problem);
    } else {
        send_wait(s, SLOW_RETRY_MS);
    }
}

static bool acceptance_fits(const struct send *s, const struct receipt *r)
{
    return r->kind == RECEIPT_ACCEPTED && office_id_equal(&r->sender, s->l->self) &&
           memcmp(&r->id, &s->id, sizeof r->id) == 0 &&
           memcmp(&r->envelope, &s->envelope.envelope_hash, sizeof r->envelope) == 0 &&
           memcmp(&r->manifest, &s->envelope.manifest_hash, sizeof r->manifest) == 0;
}

static void send_accepted(struct send *s, const struct buffer *der)
{
    struct link *l = s->l;
    struct receipt receipt;
    struct error e = {0};
    char id[33];
    message_id_format(&s->id, id);
    int r = trusted_receipt(&l->trusted, der->data, der->length, 0, &receipt, NULL, &e);
    if (r == -ENOMEM) {
        send_local_trouble(s);
        return;
    }
    if (r || !acceptance_fits(s, &receipt)) {
        log_error("acceptance-false", "message %s: the hub's acceptance does not hold: %s", id,
                  r ? e.text : "it speaks of something else");
        link_distrust(l, "the hub's signed acceptance does not hold");
        send_wait(s, LOCAL_RETRY_MS);
        return;
    }
    log_info("message-sent", "message %s to %s: accepted by the hub", id, s->recipient.text);
    link_expect(l, &s->task, send_settled);
    link_handed(&s->task, ledger_accept(l->ledger, s->message, der->data, der->length, receipt.at, link_done,
                                        &s->task));
}

static void put_answered(void *context, struct http_answer *a)
{
    struct send *s = context;
    s->active--;
    int64_t wait = link_judge(s->l, a, s->message);
    if (wait)
        send_later(s, wait);
    else if (a->status == 200 || a->status == 201)
        send_accepted(s, &a->body);
    else
        send_not_taken(s, a);
}

/* ---- requests ---- */

static bool start(struct send *s, struct http_request *request, const char *suffix, http_done_fn *done,
                  void *context)
{
    char id[33];
    message_id_format(&s->id, id);
    snprintf(request->path, sizeof request->path, "/v1/messages/%s%s", id, suffix);
    request->done = done;
    request->context = context;
    if (request->body.failed || http_start(s->l->http, request)) {
        buffer_free(&request->body);
        return false;
    }
    s->active++;
    return true;
}

static int append_ciphertext(struct send *s, struct buffer *b, uint64_t offset, size_t length)
{
    size_t end = b->length + length;
    if (framing_reserve(b, length))
        return -ENOMEM;
    while (b->length < end) {
        int64_t n =
            content_read(s->l->ledger, s->envelope.ciphertext, offset, b->data + b->length, end - b->length);
        if (n <= 0)
            return n < 0 ? (int)n : -EIO;
        b->length += (size_t)n;
        offset += (uint64_t)n;
    }
    return 0;
}

/* The whole, or the commit of what lies in parts. A commit also fetches the acceptance of what the hub has.
 */
static void put_message(struct send *s, bool commit)
{
    struct http_request request = {.method = "PUT",
                                   .media = commit ? "application/vnd.careplan.commit"
                                                   : "application/vnd.careplan.envelope",
                                   .limit = ACCEPTANCE_MAX,
                                   .stall_seconds = 120 /* the hub hashes all parts first */};
    struct buffer *b = &request.body;
    int r = 0;
    s->committed = commit;
    s->commits += commit;
    framing_put(b, s->envelope.statement.data, s->envelope.statement.length);
    framing_put(b, s->envelope.header.data, s->envelope.header.length);
    buffer_u64be(b, s->envelope.ciphertext_length);
    if (!commit)
        r = append_ciphertext(s, b, 0, (size_t)s->envelope.ciphertext_length);
    if (r)
        buffer_free(b);
    if (r || !start(s, &request, "", put_answered, s))
        send_local_trouble(s);
}

static void put_parts(struct send *s);

static void part_answered(void *context, struct http_answer *a)
{
    struct send_part part = *(struct send_part *)context;
    struct send *s = part.send;
    free(context);
    s->active--;
    int64_t wait = link_judge(s->l, a, s->message);
    if (wait) {
        s->wait_ms = wait > s->wait_ms ? wait : s->wait_ms;
        s->failed = true;
    } else if (a->status >= 200 && a->status < 300) {
        s->have[part.n] = 1;
    } else if (!s->failed) {
        s->failed = true;
        snprintf(s->problem, sizeof s->problem, "%s", a->problem);
        s->problem_status = a->status;
    }
    put_parts(s);
}

static bool put_part(struct send *s, size_t n)
{
    char suffix[32];
    uint64_t offset = (uint64_t)n * PART, left = s->envelope.ciphertext_length - offset;
    struct http_request request = {.method = "PUT", .media = "application/octet-stream", .limit = 0};
    struct send_part *part = calloc(1, sizeof *part);
    if (!part || append_ciphertext(s, &request.body, offset, left < PART ? (size_t)left : PART)) {
        buffer_free(&request.body);
        free(part);
        return false;
    }
    *part = (struct send_part){s, n};
    snprintf(suffix, sizeof suffix, "/parts/%zu", n);
    if (start(s, &request, suffix, part_answered, part))
        return true;
    free(part);
    return false;
}

static void put_parts(struct send *s)
{
    while (!s->failed && s->active < SEND_PARTS_PARALLEL && s->next_part < s->n_parts) {
        if (s->have[s->next_part]) {
            s->next_part++;
        } else if (put_part(s, s->next_part)) {
            s->next_part++;
        } else {
            s->failed = true;
            s->local = true;
        }
    }
    if (s->active)
        return;
    if (!s->failed) {
        put_message(s, true);
    } else if (s->problem_status) {
        struct http_answer refused = {.status = s->problem_status};
        snprintf(refused.problem, sizeof refused.problem, "%s", s->problem);
        send_not_taken(s, &refused);
    } else if (s->local) {
        send_local_trouble(s);
    } else {
        send_later(s, s->wait_ms);
    }
}

static void ask(struct send *s);

static void ask_answered(void *context, struct http_answer *a)
{
    struct send *s = context;
    struct parts_page page;
    s->active--;
    int64_t wait = link_judge(s->l, a, s->message);
    if (wait) {
        send_later(s, wait);
        return;
    }
    int r = a->status == 200 ? parts_page_parse(a->body.data, a->body.length, s->envelope.ciphertext_length,
                                                s->have, s->n_parts, &page)
                             : -EBADMSG;
    if (r || (page.any && s->asked_after_any && page.last <= s->asked_after)) {
        link_distrust(s->l, "the hub's list of parts is not what was agreed");
        send_wait(s, LOCAL_RETRY_MS);
        return;
    }
    if (page.committed) {
        put_message(s, true);
    } else if (page.more && page.last < s->n_parts) {
        s->asked_after = page.last;
        s->asked_after_any = true;
        ask(s);
    } else {
        s->asked = true;
        send_begin(s);
    }
}

static void ask(struct send *s)
{
    char suffix[48] = "/parts";
    struct http_request request = {.method = "GET", .limit = PARTS_ANSWER_MAX};
    if (s->asked_after_any)
        snprintf(suffix, sizeof suffix, "/parts?after=%" PRIu64, s->asked_after);
    if (!start(s, &request, suffix, ask_answered, s))
        send_local_trouble(s);
}

static void send_begin(struct send *s)
{
    if (s->anew && s->asked) {
        send_anew(s, s->anew);
        return;
    }
    if (!s->asked &&
        (s->large || s->anew || (s->l->send_doubtful && s->envelope.ciphertext_length > ASK_BYTES))) {
        memset(s->have, 0, s->n_parts);
        s->asked_after_any = false;
        ask(s);
        return;
    }
    if (!s->large) {
        put_message(s, false);
        return;
    }
    if (s->put_all)
        memset(s->have, 0, s->n_parts);
    s->put_all = s->failed = s->local = false;
    s->next_part = 0;
    s->problem_status = 0;
    put_parts(s);
}

void send_step(struct link *l, int64_t now)
{
    uint64_t message;
    if (!l->heard) /* the hub's clock is not known: what ours made may be of a time to come */
        return;
    while (l->sending < SEND_PARALLEL && l->sending_bytes < SEND_SMALL_BYTES) {
        message = todo_take(&l->to_send, l->ledger, now);
        if (!message)
            break;
        struct send *s = send_load(l, message);
        if (!s) {
            todo_wait(&l->to_send, message, now + LOCAL_RETRY_MS);
            continue;
        }
        if (has_to_follow(l, s)) {
            todo_wait(&l->to_send, message, TODO_TURN);
            send_free(s);
            continue;
        }
        s->next = l->sends;
        l->sends = s;
        l->sending++;
        l->sending_bytes += s->bytes;
        l->sending_large = l->sending_large || s->large;
        send_begin(s);
        if (!backoff_ready(&l->backoff, now))
            return;
    }
    if (!l->sending)
        l->send_doubtful = false;
}
