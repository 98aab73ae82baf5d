/* Envelopes: what was sealed or what came, as rows; evidence for as long as the ledger lives. */
#include <errno.h>
#include <string.h>

#include "ledger/exchange.h"

int envelope_insert(struct ledger *l, uint64_t message, const struct envelope_row *e)
{
    const uint64_t contents[] = {e->statement, e->manifest, e->acceptance, e->ciphertext};
    int r = 0;
    for (size_t i = 0; i < ARRAY_LENGTH(contents) && r == 0; i++)
        r = content_ref(l, contents[i]);
    return r ? r
             : sql_run(&l->writer,
                       "INSERT INTO envelope(message, statement, header, manifest, acceptance, ciphertext,"
                       " ciphertext_length, envelope_hash, manifest_hash, fingerprint, created, accepted)"
                       " VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                       "iibiiiibbtii", message, e->statement, e->header ? e->header : (const void *)"",
                       e->header_length, e->manifest, e->acceptance, e->ciphertext, e->ciphertext_length,
                       e->envelope_hash->bytes, sizeof e->envelope_hash->bytes, e->manifest_hash->bytes,
                       sizeof e->manifest_hash->bytes, e->fingerprint, e->created, e->accepted);
}

int envelope_drop_ciphertext(struct ledger *l, uint64_t message)
{
    int64_t content = 0;
    int r = sql_number(&l->writer, &content, "SELECT ciphertext FROM envelope WHERE message=?", "i", message);
    if (r)
        return r == -ENOENT ? 0 : r; /* not sealed */
    r = content_unref(l, (uint64_t)content);
    return r ? r : sql_run(&l->writer, "UPDATE envelope SET ciphertext=0 WHERE message=?", "i", message);
}

struct parts {
    uint64_t statement, manifest, acceptance;
};

static int row_read(struct connection *c, uint64_t message, struct ledger_envelope *out, struct parts *parts)
{
    autoquery s = sql_query(c,
                            "SELECT statement, header, manifest, acceptance, ciphertext, ciphertext_length,"
                            " envelope_hash, manifest_hash, created FROM envelope WHERE message=?",
                            "i", message);
    int r = sql_row(s);
    if (r <= 0)
        return r < 0 ? r : -ENOENT;
    *parts = (struct parts){sql_u64(s, 0), sql_u64(s, 2), sql_u64(s, 3)};
    out->ciphertext = sql_u64(s, 4);
    out->ciphertext_length = sql_u64(s, 5);
    sql_bytes(s, 6, out->envelope_hash.bytes, sizeof out->envelope_hash.bytes);
    sql_bytes(s, 7, out->manifest_hash.bytes, sizeof out->manifest_hash.bytes);
    out->created = sqlite3_column_int64(s, 8);
    return column_buffer(s, 1, &out->header);
}

static int part_read(struct ledger *l, uint64_t content, size_t limit, struct buffer *out)
{
    int r = content ? content_whole(l, content, limit, out) : 0;
    return r == -ENOENT ? 0 : r; /* retention has destroyed it */
}

static int rows_read(struct ledger *l, uint64_t message, struct ledger_envelope *out, struct parts *parts)
{
    struct message m;
    WITH_READER(l, c);
    if (!c)
        return -EIO;
    int r = message_find(c, message, &m);
    if (r)
        return r;
    out->id = m.uid;
    out->sender = m.outgoing ? l->office : m.partner;
    out->recipient = m.outgoing ? m.partner : l->office;
    return row_read(c, message, out, parts);
}

int ledger_envelope(struct ledger *l, uint64_t message, struct ledger_envelope *out)
{
    struct parts parts = {0};
    *out = (struct ledger_envelope){0};
    int r = rows_read(l, message, out, &parts);
    if (r == 0)
        r = part_read(l, parts.statement, ENVELOPE_STATEMENT_MAX, &out->statement);
    if (r == 0)
        r = part_read(l, parts.manifest, ENVELOPE_MANIFEST_MAX, &out->manifest);
    if (r == 0)
        r = part_read(l, parts.acceptance, ENVELOPE_RECEIPT_MAX, &out->acceptance);
    if (r)
        ledger_envelope_free(out);
    return r;
}

void ledger_envelope_free(struct ledger_envelope *e)
{
    buffer_free(&e->statement);
    buffer_free(&e->header);
    buffer_free(&e->manifest);
    buffer_free(&e->acceptance);
}
