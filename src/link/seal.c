/* Queued units are sealed to their partner's certificate and made durable, before anything is sent. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "link/link_private.h"

CLEANUP_DEFINE(autox509, X509, X509_free);

struct seal_job {
    struct task task;
    struct ledger_unit unit;
    struct ledger_partner partner;
    bool waits;   /* its reason has been noted */
    size_t index; /* being read */
    uint64_t offset;
    struct content *ciphertext;
};

static void seal_free(struct seal_job *job)
{
    ledger_unit_free(&job->unit);
    ledger_partner_free(&job->partner);
    free(job);
}

static void seal_back(struct task *t)
{
    struct seal_job *job = (struct seal_job *)t;
    struct link *l = t->l;
    uint64_t message = job->unit.message;
    l->sealing--;
    if (job->waits)
        todo_wait(&l->to_seal, message, clock_boot_ms() + SLOW_RETRY_MS);
    else if (t->result == 0 || t->result == -ESTALE || t->result == -ENOENT)
        todo_release(&l->to_seal, message); /* sealed, or changed or withdrawn meanwhile: the list knows */
    else
        todo_wait(&l->to_seal, message, clock_boot_ms() + LOCAL_RETRY_MS);
    seal_free(job);
}

/* Shown beside the unit; the directory or a person will change it. */
static void note_reason(struct seal_job *job, const char *reason)
{
    struct link *l = job->task.l;
    job->waits = true;
    if (strcmp(job->unit.reason, reason) == 0) {
        link_done(&job->task, 0);
        return;
    }
    link_handed(&job->task, ledger_note_reason(l->ledger, job->unit.message, reason, link_done, &job->task));
}

/* ---- on a helper ---- */

static int64_t read_file(void *context, size_t index, void *out, size_t size)
{
    struct seal_job *job = context;
    if (link_stopping(job->task.l))
        return -ECANCELED;
    if (index != job->index) {
        job->index = index;
        job->offset = 0;
    }
    uint64_t content = job->unit.files[index].content;
    int64_t n = content ? content_read(job->task.l->ledger, content, job->offset, out, size) : 0;
    if (n > 0)
        job->offset += (uint64_t)n;
    return n;
}

static int rewind_files(void *context)
{
    struct seal_job *job = context;
    job->index = 0;
    job->offset = 0;
    return 0;
}

static int take_ciphertext(void *context, const void *data, size_t length)
{
    struct seal_job *job = context;
    return content_append(job->ciphertext, data, length);
}

static struct envelope_file *list_files(const struct ledger_unit *unit)
{
    struct envelope_file *files = calloc(unit->n_files, sizeof *files);
    for (size_t i = 0; files && i < unit->n_files; i++) {
        const struct ledger_unit_file *f = &unit->files[i];
        files[i].size = f->size;
        files[i].sha256 = f->sha256;
        snprintf(files[i].name, sizeof files[i].name, "%s", f->name);
        snprintf(files[i].kind, sizeof files[i].kind, "%s", f->document ? "document" : f->kind);
    }
    return files;
}

static int seal(struct seal_job *job, X509 *recipient, int64_t created, struct sealed *out, struct error *e)
{
    struct link *l = job->task.l;
    const struct ledger_unit *unit = &job->unit;
    autofree struct envelope_file *files = list_files(unit);
    job->ciphertext = content_new(l->ledger);
    if (!files || !job->ciphertext)
        return error_set(e, -ENOMEM, "memory", "no memory");
    struct seal_request request = {.sender = l->identity,
                                   .recipient = recipient,
                                   .id = unit->id,
                                   .recipient_office = unit->recipient,
                                   .created = created,
                                   .sequence = unit->sequence,
                                   .replaces = unit->has_replaces ? &unit->replaces : NULL,
                                   .files = files,
                                   .n_files = unit->n_files,
                                   .read = read_file,
                                   .rewind = rewind_files,
                                   .write = take_ciphertext,
                                   .context = job};
    link_head(l, &request.head);
    int r = envelope_seal(&request, out, e);
    if (r)
        return r;
    r = content_finish(job->ciphertext);
    if (r)
        sealed_free(out);
    return r ? error_set(e, r, "ledger", "the ciphertext cannot be kept: %s", strerror(-r)) : 0;
}

static void seal_failed(struct seal_job *job, int result, const struct error *e)
{
    char id[33];
    message_id_format(&job->unit.id, id);
    if (result != -ECANCELED)
        log_error("seal-failed", "message %s: %s (%s)", id, e->text, e->code);
    if (job->ciphertext)
        content_abort(job->ciphertext);
    link_done(&job->task, result);
}

static void seal_work(struct task *t)
{
    struct seal_job *job = (struct seal_job *)t;
    struct link *l = t->l;
    struct error e = {0};
    struct sealed sealed = {0};
    with_cleanup(autox509) X509 *recipient =
        trusted_certificate(&l->trusted, job->partner.certificate, &job->unit.recipient, &e);
    if (!recipient && e.number == -ENOMEM) {
        link_done(t, -ENOMEM);
        return;
    }
    if (!recipient) {
        note_reason(job, e.code);
        return;
    }
    int64_t created = clock_utc_ms();
    int r = seal(job, recipient, created, &sealed, &e);
    if (r) {
        seal_failed(job, r, &e);
        return;
    }
    struct ledger_sealed durable = {.message = job->unit.message,
                                    .statement = sealed.statement,
                                    .header = sealed.header,
                                    .manifest = sealed.manifest,
                                    .statement_length = sealed.statement_length,
                                    .header_length = sealed.header_length,
                                    .manifest_length = sealed.manifest_length,
                                    .envelope_hash = sealed.envelope_hash,
                                    .manifest_hash = sealed.manifest_hash,
                                    .ciphertext = job->ciphertext,
                                    .created = created};
    certificate_fingerprint(recipient, durable.recipient_fingerprint);
    link_handed(t, ledger_seal(l->ledger, &durable, link_done, t)); /* `job` is no longer ours */
    sealed_free(&sealed);
}

/* ---- on the network thread ---- */

/* Why we may seal nothing now; NULL: we may. */
static const char *own_obstacle(const struct link *l)
{
    int64_t now = clock_utc_ms();
    if (link_is_ahead(l, now))
        return "clock-ahead";
    return certificate_end(identity_certificate(l->identity)) <= now ? "certificate-time" : NULL;
}

/* Why nothing may be sealed to this partner now; NULL: it may. */
static const char *obstacle(const struct ledger_partner *p)
{
    if (p->key_unconfirmed)
        return "key-unconfirmed";
    return p->certificate && p->fingerprint[0] ? NULL : "partner-certificate";
}

static uint64_t unit_bytes(const struct ledger_unit *unit)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < unit->n_files; i++)
        sum += unit->files[i].size;
    return sum;
}

static void begin_seal(struct link *l, uint64_t message, int64_t now)
{
    struct seal_job *job = calloc(1, sizeof *job);
    int r = job ? ledger_unit(l->ledger, message, &job->unit) : -ENOMEM;
    if (r || job->unit.n_files == 0) {
        todo_wait(&l->to_seal, message, now + LOCAL_RETRY_MS);
        free(job);
        return;
    }
    l->sealing++;
    job->task.work = seal_work;
    job->task.l = l;
    r = ledger_partner(l->ledger, &job->unit.recipient, &job->partner);
    const char *own = own_obstacle(l);
    const char *reason = own ? own : r == -ENOENT ? "partner-unknown" : r ? NULL : obstacle(&job->partner);
    if (r == 0 && !reason) {
        job->task.back = seal_back;
        link_give(l, unit_bytes(&job->unit) > ENVELOPE_ONE_PASS ? &l->bulk : &l->sealer, &job->task);
        return;
    }
    link_expect(l, &job->task, seal_back);
    if (reason)
        note_reason(job, reason);
    else
        link_done(&job->task, r);
}

void seal_step(struct link *l, int64_t now)
{
    uint64_t message;
    while (l->sealing < SEAL_PARALLEL && (message = todo_take(&l->to_seal, l->ledger, now)))
        begin_seal(l, message, now);
}
