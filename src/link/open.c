/* A fetched message, in the order of docs/protocol.md, section 3: the hub's acceptance, the statement, the
 * envelope's hash, and only then the private key, the tag, the manifest, the files. What was decrypted
 * becomes real with ledger_receive, after all of it has held. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "careplan/standard.h"
#include "standard/product.h"
#include "link/link_private.h"

enum {
    FRESH_MS = 5 * 60 * 1000, /* clocks may differ by so much */
    READ_BYTES = 64 * 1024,
};
/* What the partner is told of whatever could not be opened: one code, so that nothing can be learned by
 * trying. */
#define UNIFORM_CODE "unreadable"

CLEANUP_DEFINE(autoincoming, struct incoming, incoming_free);

struct opening {
    struct open_job *job;
    struct link *l;
    struct framing parts;
    struct receipt acceptance;
    struct statement statement;
    uint64_t offset; /* of the ciphertext, while it is read */
    struct incoming *in;
};

/* ---- results ---- */

static void ended(struct opening *o, enum open_outcome outcome)
{
    o->job->outcome = outcome;
    link_post(o->l, &o->job->task);
}

static void received(void *context, int result)
{
    struct open_job *job = context;
    job->outcome = result == 0 || result == -EEXIST ? OPEN_DONE : OPEN_RETRY;
    if (job->outcome == OPEN_RETRY)
        error_set(&job->error, result, "ledger", "the ledger cannot take it: %s", strerror(-result));
    link_post(job->task.l, &job->task);
}

static int sign(struct opening *o, enum receipt_kind kind, const char *detail, uint8_t **der, size_t *length)
{
    struct receipt r = {.kind = kind,
                        .sender = o->job->sender,
                        .id = o->job->id,
                        .envelope = o->acceptance.envelope,
                        .manifest = o->acceptance.manifest,
                        .at = clock_utc_ms()};
    snprintf(r.detail, sizeof r.detail, "%s", detail);
    link_head(o->l, &r.head);
    return receipt_sign(o->l->identity, &r, der, length, &o->job->error);
}

static void hand_in(struct opening *o, struct ledger_incoming *in, enum receipt_kind kind, const char *detail)
{
    autofree uint8_t *receipt = NULL;
    if (sign(o, kind, detail, &receipt, &in->receipt_length)) {
        for (size_t i = 0; i < in->n_files; i++)
            if (in->files[i].content)
                content_abort(in->files[i].content);
        ended(o, OPEN_RETRY);
        return;
    }
    in->sender = o->job->sender;
    in->id = o->job->id;
    in->acceptance = o->parts.acceptance;
    in->acceptance_length = o->parts.acceptance_length;
    in->statement = o->parts.statement;
    in->statement_length = o->parts.statement_length;
    in->header = o->parts.header;
    in->header_length = o->parts.header_length;
    in->envelope_hash = o->acceptance.envelope;
    in->manifest_hash = o->acceptance.manifest;
    in->accepted_at = o->acceptance.at;
    in->receipt = receipt;
    int r = ledger_receive(o->l->ledger, in, received, o->job);
    if (r)
        received(o->job, r);
}

/* Kept as refused: the precise reason here, `told` to the partner (a receipt's codes are in lower case). */
static void refuse(struct opening *o, const char *reason, const char *told)
{
    char id[33], code[sizeof o->acceptance.detail] = "";
    for (size_t i = 0; told[i] && i < sizeof code - 1; i++)
        code[i] = (char)tolower((unsigned char)told[i]);
    message_id_format(&o->job->id, id);
    log_error("message-not-taken", "message %s of %s: refused: %s: %s", id, o->job->sender.text, reason,
              o->job->error.text);
    struct ledger_incoming in = {
        .refused = true, .reason = reason, .sequence = "", .created = o->statement.created};
    if (o->in && incoming_describe(o->in, &in)) {
        ended(o, OPEN_RETRY);
        return;
    }
    hand_in(o, &in, RECEIPT_REFUSED, code);
}

/* Bytes that may have been damaged on the way are fetched once more before the partner is told. */
static void refuse_or_refetch(struct opening *o)
{
    char reason[sizeof o->job->error.code];
    snprintf(reason, sizeof reason, "%s", o->job->error.code);
    if (o->job->last_try)
        refuse(o, reason, UNIFORM_CODE);
    else
        ended(o, OPEN_DAMAGED);
}

/* ---- steps ---- */

static bool same_id(const struct message_id *a, const struct message_id *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

/* Whatever this does not hold for is the hub's word alone, and not kept. */
static int check_acceptance(struct opening *o)
{
    struct open_job *job = o->job;
    int r = framing_parse(job->whole.data, job->whole.length, &o->parts);
    if (r)
        return error_set(&job->error, -EBADMSG, "message-form", "what the hub gives is no message");
    r = trusted_receipt(&o->l->trusted, o->parts.acceptance, o->parts.acceptance_length, 0, &o->acceptance,
                        NULL, &job->error);
    if (r)
        return r;
    const struct receipt *a = &o->acceptance;
    if (a->kind != RECEIPT_ACCEPTED || !office_id_equal(&a->sender, &job->sender) ||
        !same_id(&a->id, &job->id))
        return error_set(&job->error, -EBADMSG, "acceptance-mismatch",
                         "the hub's acceptance is of another message");
    if (a->at > clock_utc_ms() + FRESH_MS)
        return error_set(&job->error, -EBADMSG, "acceptance-time",
                         "the hub's acceptance is of a time to come; do: set this machine's clock");
    return 0;
}

static int check_statement(struct opening *o)
{
    struct error *e = &o->job->error;
    const struct receipt *a = &o->acceptance;
    struct statement *s = &o->statement;
    int r = trusted_statement(&o->l->trusted, o->parts.statement, o->parts.statement_length, a->at, s, e);
    if (r)
        return r;
    if (!office_id_equal(&s->sender, &o->job->sender) || !same_id(&s->id, &o->job->id))
        return error_set(e, -EBADMSG, "statement-mismatch", "the statement is of another message");
    if (memcmp(&s->envelope, &a->envelope, sizeof s->envelope) != 0 ||
        memcmp(&s->manifest, &a->manifest, sizeof s->manifest) != 0)
        return error_set(e, -EBADMSG, "statement-mismatch", "statement and acceptance name different hashes");
    if (!office_id_equal(&s->recipient, o->l->self))
        return error_set(e, -EBADMSG, "wrong-recipient", "the statement names another recipient");
    if (s->created > a->at + FRESH_MS)
        return error_set(e, -EBADMSG, "statement-time",
                         "the statement is younger than the hub's acceptance of it");
    return 0;
}

static int64_t read_ciphertext(void *context, size_t index, void *out, size_t size)
{
    struct opening *o = context;
    (void)index;
    if (link_stopping(o->l))
        return -ECANCELED;
    uint64_t left = o->parts.ciphertext_length - o->offset;
    if (size > left)
        size = (size_t)left;
    if (size == 0)
        return 0;
    int64_t n = (int64_t)size;
    if (o->job->content)
        n = content_read(o->l->ledger, o->job->content, o->offset, out, size);
    else
        memcpy(out, o->job->whole.data + o->parts.prefix + o->offset, size);
    if (n > 0)
        o->offset += (uint64_t)n;
    return n == 0 ? -EIO : n;
}

static int check_hash(struct opening *o)
{
    autofree uint8_t *block = malloc(READ_BYTES);
    struct envelope_hash *hash = envelope_hash_new();
    int64_t n = block && hash ? 1 : -ENOMEM;
    if (hash)
        envelope_hash_update(hash, o->parts.header, o->parts.header_length);
    o->offset = 0;
    while (n > 0 && o->offset < o->parts.ciphertext_length) {
        n = read_ciphertext(o, 0, block, READ_BYTES);
        if (n > 0)
            envelope_hash_update(hash, block, (size_t)n);
    }
    if (n > 0)
        return envelope_hash_check(hash, &o->statement.envelope, &o->job->error);
    envelope_hash_free(hash);
    return error_set(&o->job->error, (int)n, "ledger", "the spool cannot be read: %s", strerror((int)-n));
}

static bool is_local(int r)
{
    return r == -ENOMEM || r == -EIO || r == -ENOSPC || r == -ECANCELED || r == -ENOENT;
}

static void receive(struct opening *o, struct incoming *in)
{
    char id[33];
    struct ledger_incoming out = {.created = o->statement.created,
                                  .has_replaces = o->statement.has_replaces,
                                  .replaces = o->statement.replaces};
    if (incoming_give(in, &out)) {
        ended(o, OPEN_RETRY);
        return;
    }
    message_id_format(&o->job->id, id);
    autobuffer names = {.limit = LOG_NAMES_MAX}; /* what is over it is left out; documents name persons */
    for (size_t i = 0; i < out.n_files; i++)
        if (strcmp(out.files[i].kind, "document"))
            buffer_printf(&names, " %s", out.files[i].name);
    log_info("message-received", "message %s of %s: %zu files%s", id, o->job->sender.text, out.n_files,
             names.data ? (const char *)names.data : "");
    hand_in(o, &out, RECEIPT_RECEIVED, "");
}

static int take_manifest(void *context, const struct manifest *m, const uint8_t *json, size_t length)
{
    return incoming_manifest(((struct opening *)context)->in, m, json, length);
}

static int take_data(void *context, size_t index, const void *data, size_t length)
{
    return incoming_data(((struct opening *)context)->in, index, data, length);
}

static int take_end(void *context, size_t index)
{
    return incoming_end(((struct opening *)context)->in, index);
}

/* `r` is what opening or judging ended with. */
static void not_opened(struct opening *o, int r)
{
    struct error *e = &o->job->error;
    const char *fault = incoming_fault(o->in);
    char reason[sizeof e->code];
    if (incoming_local_trouble(o->in) || (!fault[0] && is_local(r))) {
        error_set(e, r, "ledger", "it cannot be kept: %s", strerror(-r));
        ended(o, OPEN_RETRY);
        return;
    }
    if (fault[0])
        error_set(e, -EBADMSG, fault, "what it holds may not go into the inbox");
    snprintf(reason, sizeof reason, "%s", e->code);
    refuse(o, reason, incoming_fault_is_open(o->in) ? fault : UNIFORM_CODE);
}

static void open_envelope(struct opening *o)
{
    with_cleanup(autoincoming) struct incoming *in = incoming_new(o->l, &o->statement);
    struct open_request request = {.self = o->l->identity,
                                   .statement = &o->statement,
                                   .header = o->parts.header,
                                   .header_length = o->parts.header_length,
                                   .limit = o->l->settings->unit_max + ENVELOPE_MANIFEST_MAX,
                                   .read = read_ciphertext,
                                   .manifest = take_manifest,
                                   .file_data = take_data,
                                   .file_end = take_end,
                                   .context = o};
    if (!in) {
        error_set(&o->job->error, -ENOMEM, "memory", "no memory");
        ended(o, OPEN_RETRY);
        return;
    }
    o->in = in;
    o->offset = 0;
    int r = envelope_open(&request, &o->job->error);
    r = r ? r : incoming_judge(in);
    if (r)
        not_opened(o, r);
    else
        receive(o, in);
}

/* What the own disk or memory could not look at is not judged. */
static void not_genuine(struct opening *o, int r)
{
    if (is_local(r))
        ended(o, OPEN_RETRY);
    else
        refuse_or_refetch(o);
}

void open_work(struct task *t)
{
    struct open_job *job = (struct open_job *)t;
    struct opening o = {.job = job, .l = t->l};
    job->error = (struct error){0};
    int r = check_acceptance(&o);
    if (r) {
        ended(&o, r == -ENOMEM ? OPEN_RETRY : OPEN_FORGED);
        return;
    }
    if (ledger_seen(o.l->ledger, &job->sender, &job->id)) {
        ended(&o, OPEN_DONE);
        return;
    }
    r = check_statement(&o);
    if (r) {
        not_genuine(&o, r);
        return;
    }
    if (job->too_large) {
        error_set(&job->error, -EFBIG, "unit-size", "%llu bytes are more than this office takes",
                  (unsigned long long)o.parts.ciphertext_length);
        refuse(&o, "unit-size", RULE_TOO_LARGE);
        return;
    }
    r = check_hash(&o);
    if (r)
        not_genuine(&o, r);
    else
        open_envelope(&o);
}
