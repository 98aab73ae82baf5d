/* Receipts: ours, until the hub has them; the partners', as evidence and as states. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "ledger/exchange.h"

enum { RECEIPTS_OF_MESSAGE_MAX = 16 }; /* that a partner can make us keep */

/* ---- Ours ---- */

static void receipt_read(sqlite3_stmt *s, struct ledger_receipt *out)
{
    out->id = sql_u64(s, 0);
    out->message = sql_u64(s, 1);
    out->kind = (enum receipt_kind)sqlite3_column_int(s, 2);
    sql_text(s, 3, out->detail, sizeof out->detail);
    out->at = sqlite3_column_int64(s, 4);
    office_read(s, 6, &out->sender);
    sql_bytes(s, 7, out->message_id.bytes, sizeof out->message_id.bytes);
    sql_bytes(s, 8, out->envelope.bytes, sizeof out->envelope.bytes);
    sql_bytes(s, 9, out->manifest.bytes, sizeof out->manifest.bytes);
}

int ledger_receipt_next(struct ledger *l, uint64_t after, struct ledger_receipt *out)
{
    *out = (struct ledger_receipt){0};
    WITH_READER(l, c);
    if (!c)
        return -EIO;
    autoquery s =
        sql_query(c,
                  "SELECT receipt.id, receipt.message, kind, detail, at, der, partner, uid,"
                  " envelope_hash, manifest_hash FROM receipt JOIN message ON message.id=receipt.message"
                  " JOIN envelope ON envelope.message=receipt.message"
                  " WHERE own=1 AND receipt.sent=0 AND receipt.id>? ORDER BY receipt.id LIMIT 1",
                  "i", after);
    int r = sql_row(s);
    if (r <= 0)
        return r < 0 ? r : -ENOENT;
    receipt_read(s, out);
    return column_buffer(s, 5, &out->der);
}

void ledger_receipt_free(struct ledger_receipt *r)
{
    buffer_free(&r->der);
}

struct own_change {
    struct change change;
    uint64_t receipt;
    const void *der;
    size_t length;
    struct content *copy; /* for the archive */
};

struct own_row {
    uint64_t message;
    enum receipt_kind kind;
    int64_t at;
    bool is_signed, sent;
};

static int own_find(struct ledger *l, uint64_t receipt, struct own_row *out)
{
    autoquery s = sql_query(
        &l->writer, "SELECT message, kind, at, der IS NOT NULL, sent FROM receipt WHERE id=? AND own=1", "i",
        receipt);
    int r = sql_row(s);
    if (r <= 0)
        return r < 0 ? r : -ENOENT;
    *out = (struct own_row){sql_u64(s, 0), (enum receipt_kind)sqlite3_column_int(s, 1),
                            sqlite3_column_int64(s, 2), sqlite3_column_int(s, 3), sqlite3_column_int(s, 4)};
    return 0;
}

static int signed_apply(struct ledger *l, struct change *change)
{
    const struct own_change *c = (struct own_change *)change;
    struct own_row row;
    int r = own_find(l, c->receipt, &row);
    if (r || row.is_signed)
        return r;
    r = sql_run(&l->writer, "UPDATE receipt SET der=? WHERE id=?", "bi", c->der, c->length, c->receipt);
    if (r == 0)
        r = archive_receipt(l, row.message, row.kind, row.at, c->copy);
    change->changed = LEDGER_CHANGED_RECEIPTS | LEDGER_CHANGED_TREE;
    return r ? r : message_audit(l, "receipt-signed", row.message, "%s", receipt_kind_name(row.kind));
}

int ledger_receipt_signed(struct ledger *l, uint64_t receipt, const uint8_t *der, size_t length,
                          ledger_done_fn *done, void *context)
{
    if (length == 0 || length > ENVELOPE_RECEIPT_MAX)
        return change_answer(-EINVAL, done, context);
    struct own_change *c = change_new(sizeof *c, signed_apply, done, context);
    if (c) {
        c->receipt = receipt;
        c->der = change_copy(&c->change, der, length);
        c->length = length;
        c->copy = change_content(l, &c->change, der, length);
    }
    return change_submit(l, c ? &c->change : NULL, done, context);
}

static int unsign_apply(struct ledger *l, struct change *change)
{
    const struct own_change *c = (struct own_change *)change;
    struct own_row row;
    int r = own_find(l, c->receipt, &row);
    if (r || row.sent || !row.is_signed)
        return r;
    r = sql_run(&l->writer, "UPDATE receipt SET der=NULL WHERE id=?", "i", c->receipt);
    change->changed = LEDGER_CHANGED_RECEIPTS;
    return r ? r : message_audit(l, "receipt-unsigned", row.message, "%s", receipt_kind_name(row.kind));
}

int ledger_receipt_unsign(struct ledger *l, uint64_t receipt, ledger_done_fn *done, void *context)
{
    struct own_change *c = change_new(sizeof *c, unsign_apply, done, context);
    if (c)
        c->receipt = receipt;
    return change_submit(l, c ? &c->change : NULL, done, context);
}

static int sent_apply(struct ledger *l, struct change *change)
{
    const struct own_change *c = (struct own_change *)change;
    struct own_row row;
    int r = own_find(l, c->receipt, &row);
    if (r || row.sent)
        return r;
    r = sql_run(&l->writer, "UPDATE receipt SET sent=1 WHERE id=?", "i", c->receipt);
    return r ? r : message_audit(l, "receipt-sent", row.message, "%s", receipt_kind_name(row.kind));
}

int ledger_receipt_sent(struct ledger *l, uint64_t receipt, ledger_done_fn *done, void *context)
{
    struct own_change *c = change_new(sizeof *c, sent_apply, done, context);
    if (c)
        c->receipt = receipt;
    return change_submit(l, c ? &c->change : NULL, done, context);
}

/* ---- The partners' ---- */

struct got_change {
    struct change change;
    struct receipt receipt;
    struct office_id by;
    const void *der;
    size_t length;
    struct content *copy;
};

/* Our message to this partner, with exactly this envelope. */
static int got_message(struct ledger *l, const struct got_change *c, struct message *out)
{
    int64_t id;
    int r = sql_number(
        &l->writer, &id,
        "SELECT message.id FROM message JOIN envelope ON envelope.message=message.id WHERE uid=?"
        " AND outgoing=1 AND partner=? AND envelope_hash=? AND manifest_hash=?",
        "btbb", c->receipt.id.bytes, sizeof c->receipt.id.bytes, c->by.text, c->receipt.envelope.bytes,
        sizeof c->receipt.envelope.bytes, c->receipt.manifest.bytes, sizeof c->receipt.manifest.bytes);
    return r ? r : message_find(&l->writer, (uint64_t)id, out);
}

/* 1: this receipt lies here already, or there are more than a partner can need. */
static int got_enough(struct ledger *l, const struct got_change *c, uint64_t message)
{
    int64_t same = 0, n = 0;
    int r = sql_number(&l->writer, &same, "SELECT count(*) FROM receipt WHERE message=? AND own=0 AND der=?",
                       "ib", message, c->der, c->length);
    if (r == 0)
        r = sql_number(&l->writer, &n, "SELECT count(*) FROM receipt WHERE message=? AND own=0", "i",
                       message);
    return r ? r : same > 0 || n >= RECEIPTS_OF_MESSAGE_MAX;
}

static int got_keep(struct ledger *l, const struct got_change *c, uint64_t message)
{
    int r = sql_run(&l->writer,
                    "INSERT INTO receipt(id, message, own, kind, detail, at, der, sent)"
                    " VALUES(?, ?, 0, ?, ?, ?, ?, 1)",
                    "iidtib", id_take(l), message, (int)c->receipt.kind, c->receipt.detail, c->receipt.at,
                    c->der, c->length);
    return r ? r : archive_receipt(l, message, c->receipt.kind, c->receipt.at, c->copy);
}

/* Forward only: sent → received → taken, or sent → refused. Before the hub's acceptance is here the state
 * waits for it (ledger_accept looks at the receipts); the times stand at once. */
static int got_state(struct ledger *l, const struct got_change *c, const struct message *m)
{
    int64_t at = c->receipt.at > 0 ? c->receipt.at : clock_utc_ms();
    bool early = m->state == OUT_QUEUED, sent = m->state == OUT_SENT || early;
    int r = 0;
    switch (c->receipt.kind) {
    case RECEIPT_RECEIVED:
        if (!sent || m->received)
            return 0;
        r = sql_run(&l->writer, "UPDATE message SET received=? WHERE id=?", "ii", at, m->id);
        return r || early ? r : message_set_state(l, m->id, OUT_RECEIVED, "");
    case RECEIPT_TAKEN:
        if ((!sent && m->state != OUT_RECEIVED) || m->taken)
            return 0;
        r = sql_run(&l->writer, "UPDATE message SET taken=? WHERE id=?", "ii", at, m->id);
        return r || early ? r : message_set_state(l, m->id, OUT_TAKEN, "");
    default:
        return m->state == OUT_SENT ? message_refused(l, m->id, c->receipt.detail) : 0;
    }
}

static int got_apply(struct ledger *l, struct change *change)
{
    const struct got_change *c = (struct got_change *)change;
    struct message m;
    int r = got_message(l, c, &m);
    if (r == 0)
        r = got_enough(l, c, m.id);
    if (r)
        return r > 0 ? 0 : r;
    change->changed = LEDGER_CHANGED_UNITS | LEDGER_CHANGED_TREE;
    r = got_keep(l, c, m.id);
    if (r == 0)
        r = got_state(l, c, &m);
    return r ? r
             : message_audit(l, "receipt-got", m.id, "%s%s%s by %s", receipt_kind_name(c->receipt.kind),
                             c->receipt.detail[0] ? " " : "", c->receipt.detail, c->by.text);
}

int ledger_receipt_got(struct ledger *l, const struct receipt *r, const struct office_id *by,
                       const uint8_t *der, size_t length, ledger_done_fn *done, void *context)
{
    if (!office_id_equal(&r->sender, &l->office) || !by->text[0])
        return change_answer(-ENOENT, done, context);
    if (length == 0 || length > ENVELOPE_RECEIPT_MAX || r->kind == RECEIPT_ACCEPTED)
        return change_answer(-EINVAL, done, context);
    struct got_change *c = change_new(sizeof *c, got_apply, done, context);
    if (c) {
        c->receipt = *r;
        c->by = *by;
        c->der = change_copy(&c->change, der, length);
        c->length = length;
        c->copy = change_content(l, &c->change, der, length);
    }
    return change_submit(l, c ? &c->change : NULL, done, context);
}
