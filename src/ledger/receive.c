/* A message has come, verified and opened by the link: everything about it in one transaction. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "ledger/exchange.h"

struct receive_change {
    struct change change;
    struct office_id sender;
    struct message_id id, replaces;
    bool has_replaces, refused;
    const char *sequence, *reason;
    const uint8_t *header, *receipt;
    size_t header_length, receipt_length;
    struct content *acceptance, *statement, *manifest;
    struct hash256 envelope_hash, manifest_hash;
    int64_t created, accepted_at;
    struct ledger_incoming_file *files; /* copies */
    size_t n_files;
};

static int seen_in(struct connection *c, const struct office_id *sender, const struct message_id *id)
{
    int64_t n = 0;
    int r = sql_number(c, &n, "SELECT count(*) FROM message WHERE uid=? AND outgoing=0 AND partner=?", "bt",
                       id->bytes, sizeof id->bytes, sender->text);
    return r ? r : n > 0;
}

bool ledger_seen(struct ledger *l, const struct office_id *sender, const struct message_id *id)
{
    WITH_READER(l, c);
    return c && seen_in(c, sender, id) > 0;
}

/* ---- Apply ---- */

static int envelope_rows(struct ledger *l, const struct receive_change *c, uint64_t message)
{
    struct envelope_row row = {.header = c->header,
                               .header_length = c->header_length,
                               .envelope_hash = &c->envelope_hash,
                               .manifest_hash = &c->manifest_hash,
                               .fingerprint = "",
                               .created = c->created,
                               .accepted = c->accepted_at};
    int r = content_link(l, c->statement, &row.statement);
    if (r == 0)
        r = content_link(l, c->manifest, &row.manifest);
    if (r == 0)
        r = content_link(l, c->acceptance, &row.acceptance);
    return r ? r : envelope_insert(l, message, &row);
}

static int file_rows(struct ledger *l, const struct receive_change *c, uint64_t message)
{
    int r = 0;
    for (size_t i = 0; i < c->n_files && r == 0; i++) {
        const struct ledger_incoming_file *f = &c->files[i];
        struct file_new row = {.name = f->name,
                               .folded = f->folded,
                               .kind = f->kind,
                               .version = "",
                               .reason = "",
                               .size = f->size,
                               .verdict = VERDICT_GOOD,
                               .document = !c->sequence[0],
                               .main = f->main_file};
        r = content_link(l, f->content, &row.content);
        if (r == 0)
            r = file_put(l, message, &row);
    }
    return r;
}

static int archive_files(struct ledger *l, const struct receive_change *c, uint64_t message, uint64_t folder)
{
    int r = 0;
    for (size_t i = 0; i < c->n_files && r == 0; i++) {
        const struct ledger_incoming_file *f = &c->files[i];
        r = archive_add(l, message, folder, f->name, f->folded, f->content ? content_id(f->content) : 0,
                        c->accepted_at);
    }
    return r;
}

static int files_arrive(struct ledger *l, struct receive_change *c, uint64_t message)
{
    uint64_t folder = 0;
    int r = archive_make(l, message, c->accepted_at, &folder);
    if (r == 0)
        r = archive_files(l, c, message, folder);
    if (r == 0)
        r = archive_evidence(l, message, folder);
    return r ? r : arrive_show(l, message, &c->change.changed);
}

static int receive_apply(struct ledger *l, struct change *change)
{
    struct receive_change *c = (struct receive_change *)change;
    uint64_t message = 0;
    int r = seen_in(&l->writer, &c->sender, &c->id);
    if (r)
        return r < 0 ? r : -EEXIST;
    struct message_new row = {.uid = c->id,
                              .partner = c->sender,
                              .sequence = c->sequence,
                              .state = c->refused ? IN_REFUSED : IN_ARRIVED,
                              .reason = c->reason,
                              .replaces = c->has_replaces ? &c->replaces : NULL,
                              .sent = c->accepted_at,
                              .received = clock_utc_ms()};
    change->changed = LEDGER_CHANGED_RECEIPTS;
    r = message_insert(l, &row, &message);
    if (r == 0)
        r = envelope_rows(l, c, message);
    if (r == 0)
        r = receipt_queue(l, message, c->refused ? RECEIPT_REFUSED : RECEIPT_RECEIVED, "", c->receipt,
                          c->receipt_length);
    if (r == 0)
        r = download_remove(l, &c->sender, &c->id);
    if (r == 0)
        r = file_rows(l, c, message);
    if (r == 0 && !c->refused)
        r = files_arrive(l, c, message);
    return r ? r
             : message_audit(l, c->refused ? "refused" : "received", message, "from %s%s%s%s%s",
                             c->sender.text, c->sequence[0] ? " " : "", c->sequence, c->reason[0] ? " " : "",
                             c->reason);
}

/* ---- Handing in ---- */

static bool parts_are_bounded(const struct ledger_incoming *in)
{
    return in->acceptance_length <= ENVELOPE_RECEIPT_MAX && in->statement_length <= ENVELOPE_STATEMENT_MAX &&
           in->header_length <= ENVELOPE_HEADER_MAX && in->manifest_length <= ENVELOPE_MANIFEST_MAX &&
           in->receipt_length <= ENVELOPE_RECEIPT_MAX;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Two files of one name in one message: the second would take the first one's place. */
static bool names_differ(const struct ledger_incoming *in)
{
    autofree const char **names = reallocarray(NULL, in->n_files + 1, sizeof *names);
    if (!names)
        return false;
    for (size_t i = 0; i < in->n_files; i++)
        names[i] = in->files[i].name;
    qsort(names, in->n_files, sizeof *names, compare_names);
    for (size_t i = 1; i < in->n_files; i++)
        if (strcmp(names[i - 1], names[i]) == 0)
            return false;
    return true;
}

static bool files_are_safe(const struct ledger_incoming *in)
{
    if (in->n_files > ENVELOPE_FILES_MAX || (in->n_files == 0 && !in->refused))
        return false;
    for (size_t i = 0; i < in->n_files; i++) {
        const struct ledger_incoming_file *f = &in->files[i];
        if (!name_is_safe(f->name) || !f->folded || strlen(f->folded) >= 768 || !f->kind ||
            strlen(f->kind) >= sizeof((struct ledger_unit_file *)0)->kind || (in->refused && f->content))
            return false;
    }
    return names_differ(in);
}

static bool incoming_is_safe(const struct ledger_incoming *in)
{
    struct office_id id;
    return parts_are_bounded(in) &&
           office_id_parse(&id, in->sender.text, strnlen(in->sender.text, sizeof id.text)) && in->sequence &&
           sequence_is_safe(in->sequence) && files_are_safe(in);
}

static void contents_abort(const struct ledger_incoming *in)
{
    for (size_t i = 0; i < in->n_files; i++)
        content_abort(in->files[i].content);
}

static struct content *part(struct ledger *l, struct change *c, const uint8_t *data, size_t length)
{
    return length ? change_content(l, c, data, length) : NULL;
}

static void copy_parts(struct ledger *l, struct receive_change *c, const struct ledger_incoming *in)
{
    c->header = change_copy(&c->change, in->header, in->header_length);
    c->header_length = c->header ? in->header_length : 0;
    c->receipt = in->receipt_length ? change_copy(&c->change, in->receipt, in->receipt_length) : NULL;
    c->receipt_length = in->receipt_length;
    c->acceptance = part(l, &c->change, in->acceptance, in->acceptance_length);
    c->statement = part(l, &c->change, in->statement, in->statement_length);
    c->manifest = part(l, &c->change, in->manifest, in->manifest_length);
    c->envelope_hash = in->envelope_hash;
    c->manifest_hash = in->manifest_hash;
}

static void copy_files(struct receive_change *c, const struct ledger_incoming *in)
{
    c->files = change_copy(&c->change, in->files, in->n_files * sizeof *in->files);
    c->n_files = c->files ? in->n_files : 0;
    for (size_t i = 0; i < in->n_files; i++)
        change_own(&c->change, in->files[i].content);
    for (size_t i = 0; i < c->n_files; i++) {
        c->files[i].name = change_text(&c->change, in->files[i].name);
        c->files[i].folded = change_text(&c->change, in->files[i].folded);
        c->files[i].kind = change_text(&c->change, in->files[i].kind);
    }
}

int ledger_receive(struct ledger *l, const struct ledger_incoming *in, ledger_done_fn *done, void *context)
{
    if (!incoming_is_safe(in)) {
        contents_abort(in);
        return change_answer(-EINVAL, done, context);
    }
    struct receive_change *c = change_new(sizeof *c, receive_apply, done, context);
    if (!c) {
        contents_abort(in);
        return change_submit(l, NULL, done, context);
    }
    c->sender = in->sender;
    c->id = in->id;
    c->has_replaces = in->has_replaces;
    c->replaces = in->replaces;
    c->refused = in->refused;
    c->sequence = change_text(&c->change, in->sequence);
    c->reason = reason_copy(&c->change, in->refused && in->reason ? in->reason : "");
    c->created = in->created;
    c->accepted_at = in->accepted_at;
    copy_parts(l, c, in);
    copy_files(c, in);
    return change_submit(l, &c->change, done, context);
}
