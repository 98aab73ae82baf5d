/* PUT of messages, their parts and receipts. */
#include "hub/route.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/hex.h"
#include "base/log.h"

#include <openssl/evp.h>

enum { COMMITS_WAITING_MAX = 16, QUOTA_RETRY_S = 60 };

/* ---- messages ---- */

struct message_put {
    TAILQ_ENTRY(message_put) waiting; /* for another commit of the office */
    struct exchange *x;
    struct peer *committing; /* it is the office's one commit */
    struct form_message form;
    struct statement statement;
    struct store_parts_hash hash;
    struct store_message_put put;
    uint8_t *acceptance; /* malloc'd */
};

static void commit_next(struct peer *office);

/* Called after the answer, in the same turn of the loop: the peer is still there. */
static void message_put_free(struct message_put *p)
{
    struct peer *office = p->committing;
    buffer_free(&p->put.kept);
    free(p->acceptance);
    free(p);
    if (office)
        commit_next(office);
}

static void message_problem(struct message_put *p, int status, const char *code, const char *detail)
{
    answer_problem(p->x, status, code, detail);
    message_put_free(p);
}

static void message_refuse(struct message_put *p, const struct error *e)
{
    if (e->number == -ENOMEM)
        answer_internal(p->x);
    else
        answer_error(p->x, 422, e);
    message_put_free(p);
}

/* It passes: when partners have received, or parts without a commit have been dropped. */
static void answer_over_quota(struct exchange *x, const char *code, const char *detail)
{
    char seconds[16];
    snprintf(seconds, sizeof seconds, "%d", QUOTA_RETRY_S);
    log_warning("quota", "%s: %s", x->office.text, code);
    exchange_set_header(x, "Retry-After", seconds);
    answer_problem(x, 429, code, detail);
}

static void on_message_put(struct store_job *job)
{
    struct message_put *p = job->context;
    struct exchange *x = p->x;
    char id[33];
    message_id_format(&p->statement.id, id);
    if (job->result) {
        answer_store_failed(x, job->result);
        message_put_free(p);
        return;
    }
    switch (p->put.outcome) {
    case STORE_NEW:
        x->server->counts.accepted++;
        log_info("message-accepted", "%s/%s for %s, %llu bytes", p->statement.sender.text, id,
                 p->statement.recipient.text, (unsigned long long)p->form.ciphertext_length);
        answer_bytes(x, 201, "application/cms", p->put.kept.data, p->put.kept.length);
        break;
    case STORE_SAME:
        answer_bytes(x, 200, "application/cms", p->put.kept.data, p->put.kept.length);
        break;
    case STORE_CONFLICT:
        log_warning("message-conflict", "%s/%s came again with another hash", p->statement.sender.text, id);
        answer_problem(x, 409, "id-conflict", "this id was accepted with another hash");
        break;
    case STORE_UNKNOWN_RECIPIENT:
        answer_problem(x, 422, "recipient-unknown", "the recipient is not in the directory");
        break;
    case STORE_FUTURE:
        answer_problem(
            x, 422, "statement-time",
            "created more than 5 minutes in the future; do: set the clock of the office's machine");
        break;
    case STORE_OVER_BYTES:
        answer_over_quota(x, "bytes-per-office", "what is under way to partners is over bytes_per_office");
        break;
    case STORE_PARTS_CHANGED:
        answer_problem(x, 422, "parts-missing", "not all parts are there, or their sizes do not sum up");
        break;
    }
    message_put_free(p);
}

/* Everything has been verified: signs the acceptance and keeps all of it. */
static void message_keep(struct message_put *p)
{
    struct server *s = p->x->server;
    struct error e;
    size_t length;
    int64_t now = clock_utc_ms();
    struct receipt acceptance = {.kind = RECEIPT_ACCEPTED,
                                 .sender = p->statement.sender,
                                 .id = p->statement.id,
                                 .envelope = p->statement.envelope,
                                 .manifest = p->statement.manifest,
                                 .at = now,
                                 .head = s->head};
    if (receipt_sign(s->keys.signer, &acceptance, &p->acceptance, &length, &e)) {
        log_error("sign", "%s", e.text);
        answer_internal(p->x);
        message_put_free(p);
        return;
    }
    struct store_message_put *put = &p->put;
    put->job = (struct store_job){.done = on_message_put, .context = p};
    put->statement = &p->statement;
    put->statement_der = p->form.statement;
    put->header = p->form.header;
    put->acceptance = (struct span){p->acceptance, length};
    put->ciphertext = p->form.ciphertext;
    put->ciphertext_length = p->form.ciphertext_length;
    put->accepted = now;
    put->bytes_max = s->config->bytes_per_office;
    store_message_put(s->store, put);
}

static void on_parts_hash(struct store_job *job)
{
    struct message_put *p = job->context;
    if (job->result) {
        answer_store_failed(p->x, job->result);
        message_put_free(p);
        return;
    }
    if (p->hash.complete && memcmp(&p->hash.hash, &p->statement.envelope, sizeof p->hash.hash) != 0) {
        message_problem(p, 422, "envelope-hash", "header and parts have not the hash of the statement");
        return;
    }
    /* When it is committed already or parts are missing, storing it tells which. */
    p->put.in_parts = true;
    p->put.content = p->hash.complete ? p->hash.content : -1;
    p->put.version = p->hash.version;
    message_keep(p);
}

static void hash_parts(struct message_put *p)
{
    p->committing = p->x->peer;
    p->committing->committing = true;
    p->hash.job = (struct store_job){.done = on_parts_hash, .context = p};
    p->hash.sender = p->statement.sender;
    p->hash.id = p->statement.id;
    p->hash.header = p->form.header;
    p->hash.ciphertext_length = p->form.ciphertext_length;
    store_parts_hash(p->x->server->store, &p->hash);
}

static void commit_next(struct peer *office)
{
    office->committing = false;
    for (struct message_put *next; !office->committing && (next = TAILQ_FIRST(&office->commits));) {
        TAILQ_REMOVE(&office->commits, next, waiting);
        office->n_commits--;
        if (next->x->server->stopping)
            message_problem(next, 503, "stopping", "the hub is being stopped");
        else
            hash_parts(next);
    }
}

/* One after the other: while all parts of a message are read and hashed, other offices want to read too. */
static void commit(struct message_put *p)
{
    struct peer *office = p->x->peer;
    if (!office->committing) {
        hash_parts(p);
    } else if (office->n_commits < COMMITS_WAITING_MAX) {
        TAILQ_INSERT_TAIL(&office->commits, p, waiting);
        office->n_commits++;
    } else {
        exchange_set_header(p->x, "Retry-After", "10");
        message_problem(p, 429, "rate", "more commits at the same time than allowed");
    }
}

static void hash_body(struct message_put *p)
{
    struct error e;
    struct envelope_hash *hash = envelope_hash_new();
    if (!hash) {
        answer_internal(p->x);
        message_put_free(p);
        return;
    }
    envelope_hash_update(hash, p->form.header.data, p->form.header.length);
    envelope_hash_update(hash, p->form.ciphertext.data, p->form.ciphertext.length);
    if (envelope_hash_check(hash, &p->statement.envelope, &e))
        message_refuse(p, &e);
    else
        message_keep(p);
}

void route_message_put(struct exchange *x)
{
    struct message_put *p = calloc(1, sizeof *p);
    struct error e = {0};
    bool in_parts = form_media_type(exchange_header(x, "Content-Type"), "application/vnd.careplan.commit");
    if (!p) {
        answer_internal(x);
        return;
    }
    p->x = x;
    if (form_message_read(x->body.data, x->body.length, in_parts, &p->form, &e)) {
        message_problem(p, 400, e.code, e.text);
        return;
    }
    if (p->form.ciphertext_length > (uint64_t)x->server->config->message_max) {
        message_problem(p, 413, "message-too-large", "the ciphertext is larger than message_max");
        return;
    }
    if (statement_verify(p->form.statement.data, p->form.statement.length, x->server->keys.trust,
                         clock_utc_ms(), &p->statement, NULL, &e))
        message_refuse(p, &e);
    else if (!office_id_equal(&p->statement.sender, &x->office))
        message_problem(p, 403, "statement-sender", "the statement is another office's");
    else if (memcmp(&p->statement.id, &x->path.id, sizeof x->path.id) != 0)
        message_problem(p, 422, "statement-id", "the statement's id is not the path's");
    else if (header_check(p->form.header.data, p->form.header.length, &e))
        message_refuse(p, &e);
    else if (in_parts)
        commit(p);
    else
        hash_body(p);
}

/* ---- parts ---- */

struct part_put {
    struct store_part_put call;
    struct exchange *x;
};

static void answer_part(struct exchange *x, enum store_part_outcome outcome)
{
    switch (outcome) {
    case STORE_PART_KEPT:
        answer_empty(x, 204);
        break;
    case STORE_PART_CONFLICT:
        answer_problem(x, 409, "part-conflict", "the message is committed with another content in this part");
        break;
    case STORE_PART_OVER_UPLOADS:
        answer_over_quota(x, "uploads-per-office", "more messages without a commit than uploads_per_office");
        break;
    case STORE_PART_OVER_BYTES:
        answer_over_quota(x, "bytes-per-office", "what is under way to partners is over bytes_per_office");
        break;
    }
}

static void on_part_put(struct store_job *job)
{
    struct part_put *p = job->context;
    if (job->result)
        answer_store_failed(p->x, job->result);
    else
        answer_part(p->x, p->call.outcome);
    free(p);
}

void route_part_put(struct exchange *x)
{
    const struct hub_config *config = x->server->config;
    if (x->path.part >= (uint64_t)config->parts_max) {
        answer_problem(x, 400, "query", "the part's number is not below parts_max");
        return;
    }
    if (x->body.length == 0 || x->body.length > FORM_PART_SIZE) {
        bool large = x->body.length > 0;
        answer_problem(x, large ? 413 : 400, large ? "body-too-large" : "part-size",
                       "a part has 1 to 1,048,576 bytes");
        return;
    }
    if (x->path.part * FORM_PART_SIZE + x->body.length > (uint64_t)config->bytes_per_office) {
        answer_problem(x, 413, "message-too-large", "with all parts before it, it is over bytes_per_office");
        return;
    }
    struct part_put *p = calloc(1, sizeof *p);
    if (!p) {
        answer_internal(x);
        return;
    }
    p->x = x;
    p->call = (struct store_part_put){.job = {.done = on_part_put, .context = p},
                                      .sender = x->office,
                                      .id = x->path.id,
                                      .n = x->path.part,
                                      .data = x->body,
                                      .now = clock_utc_ms(),
                                      .uploads_max = config->uploads_per_office,
                                      .bytes_max = config->bytes_per_office};
    if (EVP_Digest(x->body.data, x->body.length, p->call.sha256.bytes, NULL, EVP_sha256(), NULL) != 1) {
        answer_internal(x);
        free(p);
        return;
    }
    store_part_put(x->server->store, &p->call);
}

struct parts_get {
    struct store_parts_list call;
    struct exchange *x;
};

static json_t *parts_json(const struct store_parts_list *list)
{
    json_t *parts = json_array();
    for (size_t i = 0; i < list->n_parts; i++) {
        char hash[2 * ENVELOPE_HASH_SIZE + 1];
        hex_encode(list->parts[i].sha256.bytes, ENVELOPE_HASH_SIZE, hash);
        json_array_append_new(parts, json_pack("{s:i, s:i, s:s}", "n", (int)list->parts[i].n, "size",
                                               (int)list->parts[i].size, "sha256", hash));
    }
    return json_pack("{s:o, s:b, s:b}", "parts", parts, "more", list->more, "committed", list->committed);
}

static void on_parts_list(struct store_job *job)
{
    struct parts_get *p = job->context;
    if (job->result)
        answer_store_failed(p->x, job->result);
    else
        answer_json(p->x, 200, parts_json(&p->call));
    free(p->call.parts);
    free(p);
}

void route_parts_get(struct exchange *x)
{
    struct error e;
    int64_t after = -1;
    if (form_query_number(x->query, "after", 0, FORM_PART_NUMBER_MAX, &after, &e)) {
        answer_error(x, 400, &e);
        return;
    }
    struct parts_get *p = calloc(1, sizeof *p);
    if (!p) {
        answer_internal(x);
        return;
    }
    p->x = x;
    p->call = (struct store_parts_list){
        .job = {.done = on_parts_list, .context = p}, .sender = x->office, .id = x->path.id, .after = after};
    store_parts_list(x->server->store, &p->call);
}

/* ---- receipts ---- */

struct receipt_put {
    struct store_receipt_put call;
    struct receipt receipt;
    struct exchange *x;
};

static void on_receipt_put(struct store_job *job)
{
    struct receipt_put *p = job->context;
    if (job->result) {
        answer_store_failed(p->x, job->result);
        free(p);
        return;
    }
    switch (p->call.outcome) {
    case STORE_RECEIPT_NEW:
        p->x->server->counts.receipts++;
        answer_empty(p->x, 201);
        break;
    case STORE_RECEIPT_THERE:
        answer_empty(p->x, 200);
        break;
    case STORE_RECEIPT_UNKNOWN:
        answer_problem(p->x, 404, "not-found", "unknown, or not yours");
        break;
    case STORE_RECEIPT_MISMATCH:
        answer_problem(p->x, 422, "receipt-mismatch", "the receipt's hashes are not the message's");
        break;
    }
    free(p);
}

static bool receipt_is_for_path(const struct receipt *r, const struct form_path *path)
{
    return r->kind == path->kind && office_id_equal(&r->sender, &path->sender) &&
           memcmp(&r->id, &path->id, sizeof r->id) == 0;
}

void route_receipt_put(struct exchange *x)
{
    struct error e;
    struct office_id by;
    if (x->body.length > ENVELOPE_RECEIPT_MAX) {
        answer_problem(x, 413, "body-too-large", "a receipt has at most 65,536 bytes");
        return;
    }
    struct receipt_put *p = calloc(1, sizeof *p);
    int r = p ? receipt_verify(x->body.data, x->body.length, x->server->keys.trust, clock_utc_ms(),
                               &p->receipt, &by, &e)
              : -ENOMEM;
    if (r == -ENOMEM) {
        answer_internal(x);
        free(p);
        return;
    }
    bool fits = !r && receipt_is_for_path(&p->receipt, &x->path);
    if (!fits || !office_id_equal(&by, &x->office)) {
        if (r)
            answer_error(x, 422, &e);
        else if (!fits)
            answer_problem(x, 422, "receipt-mismatch",
                           "the receipt is of another kind or message than the path");
        else
            answer_problem(x, 422, "receipt-signer", "another office has signed the receipt");
        free(p);
        return;
    }
    p->x = x;
    p->call = (struct store_receipt_put){.job = {.done = on_receipt_put, .context = p},
                                         .sender = p->receipt.sender,
                                         .by = by,
                                         .id = p->receipt.id,
                                         .receipt = &p->receipt,
                                         .der = x->body,
                                         .now = clock_utc_ms()};
    store_receipt_put(x->server->store, &p->call);
}
