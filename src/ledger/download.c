/* Ciphertext under way from the hub: a content that grows block by block, so that a download resumes where
 * the line, or the daemon, was cut. */
#include <errno.h>
#include <string.h>

#include "ledger/exchange.h"

struct download_change {
    struct change change;
    struct office_id sender;
    struct message_id id;
    const uint8_t *acceptance, *statement, *header;
    size_t acceptance_length, statement_length, header_length;
    uint64_t total;
    const uint8_t *data;
    size_t length;
    uint64_t offset;
};

static struct download_change *download_change(const struct office_id *sender, const struct message_id *id,
                                               change_apply_fn *apply, ledger_done_fn *done, void *context)
{
    struct download_change *d = change_new(sizeof *d, apply, done, context);
    if (d) {
        d->sender = *sender;
        d->id = *id;
    }
    return d;
}

static int row_find(struct connection *c, const struct office_id *sender, const struct message_id *id,
                    sqlite3_stmt **out)
{
    *out =
        sql_query(c,
                  "SELECT download.content, download.length, download.acceptance, download.statement,"
                  " download.header, content.size FROM download JOIN content ON content.id=download.content"
                  " WHERE sender=? AND uid=?",
                  "tb", sender->text, id->bytes, sizeof id->bytes);
    int r = sql_row(*out);
    return r > 0 ? 0 : r == 0 ? -ENOENT : r;
}

/* ---- Begin ---- */

static bool column_equals(sqlite3_stmt *s, int column, const void *data, size_t length)
{
    return (size_t)sqlite3_column_bytes(s, column) == length &&
           (length == 0 || memcmp(sqlite3_column_blob(s, column), data, length) == 0);
}

static int begun_already(struct ledger *l, const struct download_change *d, bool *same)
{
    autoquery s = NULL;
    int r = row_find(&l->writer, &d->sender, &d->id, &s);
    *same = r == 0 && sql_u64(s, 1) == d->total && column_equals(s, 2, d->acceptance, d->acceptance_length) &&
            column_equals(s, 3, d->statement, d->statement_length) &&
            column_equals(s, 4, d->header, d->header_length);
    return r == -ENOENT ? 0 : r;
}

static int begin_apply(struct ledger *l, struct change *change)
{
    const struct download_change *d = (struct download_change *)change;
    bool same;
    uint64_t content;
    int r = begun_already(l, d, &same);
    if (r || same)
        return r;
    r = download_remove(l, &d->sender, &d->id); /* another envelope: what lies there is of no use */
    if (r == 0)
        r = content_begin(l, &content);
    if (r == 0)
        r = sql_run(&l->writer,
                    "INSERT INTO download(sender, uid, acceptance, statement, header, content, length)"
                    " VALUES(?, ?, ?, ?, ?, ?, ?)",
                    "tbbbbii", d->sender.text, d->id.bytes, sizeof d->id.bytes, d->acceptance,
                    d->acceptance_length, d->statement, d->statement_length, d->header, d->header_length,
                    content, d->total);
    char label[48];
    message_label(false, d->id.bytes, label);
    return r ? r
             : audit_append(l, "download-begun", "%s: from %s, %llu bytes", label, d->sender.text,
                            (unsigned long long)d->total);
}

int ledger_download_begin(struct ledger *l, const struct ledger_download *download, ledger_done_fn *done,
                          void *context)
{
    if (download->acceptance_length > ENVELOPE_RECEIPT_MAX ||
        download->statement_length > ENVELOPE_STATEMENT_MAX ||
        download->header_length > ENVELOPE_HEADER_MAX ||
        download->ciphertext_length >
            ENVELOPE_UNIT_MAX + ENVELOPE_MANIFEST_MAX + 8 * (1 + ENVELOPE_FILES_MAX))
        return change_answer(-EFBIG, done, context);
    struct download_change *d = download_change(&download->sender, &download->id, begin_apply, done, context);
    if (d) {
        d->acceptance =
            change_copy(&d->change, download->acceptance ? download->acceptance : (const void *)"",
                        download->acceptance_length);
        d->statement = change_copy(&d->change, download->statement ? download->statement : (const void *)"",
                                   download->statement_length);
        d->header = change_copy(&d->change, download->header ? download->header : (const void *)"",
                                download->header_length);
        d->acceptance_length = download->acceptance_length;
        d->statement_length = download->statement_length;
        d->header_length = download->header_length;
        d->total = download->ciphertext_length;
    }
    return change_submit(l, d ? &d->change : NULL, done, context);
}

/* ---- Append ---- */

/* What may follow: whole blocks, or the rest. */
static int append_allowed(const struct download_change *d, uint64_t have, uint64_t total)
{
    if (d->offset != have)
        return -ESTALE;
    if (d->length > total - have)
        return -EFBIG;
    return d->length % CONTENT_BLOCK_SIZE && have + d->length != total ? -EINVAL : 0;
}

static int append_apply(struct ledger *l, struct change *change)
{
    const struct download_change *d = (struct download_change *)change;
    uint64_t content = 0;
    int r;
    {
        autoquery s = NULL;
        r = row_find(&l->writer, &d->sender, &d->id, &s);
        if (r == 0) {
            content = sql_u64(s, 0);
            r = append_allowed(d, sql_u64(s, 5), sql_u64(s, 1));
        }
    }
    return r || d->length == 0 ? r : content_grow(l, content, d->offset, d->data, d->length);
}

int ledger_download_append(struct ledger *l, const struct office_id *sender, const struct message_id *id,
                           uint64_t offset, const void *data, size_t length, ledger_done_fn *done,
                           void *context)
{
    struct download_change *d = download_change(sender, id, append_apply, done, context);
    if (d) {
        d->data = change_copy(&d->change, data, length);
        d->length = length;
        d->offset = offset;
    }
    return change_submit(l, d ? &d->change : NULL, done, context);
}

/* ---- Find, drop ---- */

int ledger_download_find(struct ledger *l, const struct office_id *sender, const struct message_id *id,
                         struct ledger_envelope *out, uint64_t *have)
{
    *out = (struct ledger_envelope){.id = *id, .sender = *sender, .recipient = l->office};
    WITH_READER(l, c);
    if (!c)
        return -EIO;
    autoquery s = NULL;
    int r = row_find(c, sender, id, &s);
    if (r)
        return r;
    out->ciphertext = sql_u64(s, 0);
    out->ciphertext_length = sql_u64(s, 1);
    *have = sql_u64(s, 5);
    r = column_buffer(s, 2, &out->acceptance);
    if (r == 0)
        r = column_buffer(s, 3, &out->statement);
    if (r == 0)
        r = column_buffer(s, 4, &out->header);
    if (r)
        ledger_envelope_free(out);
    return r;
}

int download_remove(struct ledger *l, const struct office_id *sender, const struct message_id *id)
{
    int64_t content;
    int r = sql_number(&l->writer, &content, "SELECT content FROM download WHERE sender=? AND uid=?", "tb",
                       sender->text, id->bytes, sizeof id->bytes);
    if (r)
        return r == -ENOENT ? 0 : r;
    r = content_unref(l, (uint64_t)content);
    return r ? r
             : sql_run(&l->writer, "DELETE FROM download WHERE sender=? AND uid=?", "tb", sender->text,
                       id->bytes, sizeof id->bytes);
}

static int drop_apply(struct ledger *l, struct change *change)
{
    const struct download_change *d = (struct download_change *)change;
    return download_remove(l, &d->sender, &d->id);
}

int ledger_download_drop(struct ledger *l, const struct office_id *sender, const struct message_id *id,
                         ledger_done_fn *done, void *context)
{
    struct download_change *d = download_change(sender, id, drop_apply, done, context);
    return change_submit(l, d ? &d->change : NULL, done, context);
}
