/* The hub has taken a message: its signed acceptance, the archive, the end of the ciphertext. */
#include <errno.h>

#include "ledger/exchange.h"

struct accept_change {
    struct change change;
    uint64_t message;
    struct content *acceptance;
    int64_t accepted_at;
};

static int archive_files(struct ledger *l, const struct accept_change *c, uint64_t folder)
{
    autofree struct ledger_unit_file *files = NULL;
    size_t n = 0;
    int r = message_files(&l->writer, c->message, &files, &n);
    for (size_t i = 0; i < n && r == 0; i++) {
        char folded[768];
        r = file_folded(l, c->message, files[i].name, folded);
        if (r == 0)
            r = archive_add(l, c->message, folder, files[i].name, folded, files[i].content, c->accepted_at);
    }
    return r;
}

/* The partner may have answered before our hub's answer reached us. */
static int early_answer(struct ledger *l, uint64_t message, enum out_state *state, char reason[64])
{
    autoquery s = sql_query(&l->writer,
                            "SELECT kind, detail FROM receipt WHERE message=? AND own=0"
                            " ORDER BY kind=2 DESC, id LIMIT 1",
                            "i", message);
    int r = sql_row(s);
    *state = OUT_SENT;
    reason[0] = '\0';
    if (r <= 0)
        return r;
    switch (sqlite3_column_int(s, 0)) {
    case RECEIPT_TAKEN:
        *state = OUT_TAKEN;
        break;
    case RECEIPT_REFUSED:
        *state = OUT_REFUSED;
        sql_text(s, 1, reason, 64);
        break;
    default:
        *state = OUT_RECEIVED;
    }
    return 0;
}
_Static_assert(RECEIPT_TAKEN == 2, "a query here says 2");

static int settle_state(struct ledger *l, uint64_t message)
{
    enum out_state state;
    char reason[64];
    int r = early_answer(l, message, &state, reason);
    return r                      ? r
           : state == OUT_REFUSED ? message_refused(l, message, reason)
                                  : message_set_state(l, message, (int)state, reason);
}

static int accept_rows(struct ledger *l, const struct accept_change *c)
{
    uint64_t acceptance = 0, folder = 0;
    int r = content_link(l, c->acceptance, &acceptance);
    if (r == 0)
        r = content_ref(l, acceptance);
    if (r == 0)
        r = sql_run(&l->writer, "UPDATE envelope SET acceptance=?, accepted=? WHERE message=?", "iii",
                    acceptance, c->accepted_at, c->message);
    if (r == 0)
        r = envelope_drop_ciphertext(l, c->message);
    if (r == 0)
        r = archive_make(l, c->message, c->accepted_at, &folder);
    if (r == 0)
        r = archive_files(l, c, folder);
    if (r == 0)
        r = archive_evidence(l, c->message, folder);
    if (r == 0)
        r = settle_state(l, c->message);
    return r ? r
             : sql_run(&l->writer, "UPDATE message SET sent=?, open=0, linger=1 WHERE id=?", "ii",
                       c->accepted_at, c->message);
}

static int accept_apply(struct ledger *l, struct change *change)
{
    const struct accept_change *c = (struct accept_change *)change;
    struct message m;
    int r = message_find(&l->writer, c->message, &m);
    if (r || !m.outgoing)
        return r ? r : -ENOENT;
    if (m.sent)
        return 0;
    if (!m.sealed || m.state != OUT_QUEUED)
        return -EINVAL;
    r = accept_rows(l, c);
    change->changed = LEDGER_CHANGED_UNITS | LEDGER_CHANGED_TREE;
    return r ? r : message_audit(l, "accepted", c->message, "by the hub");
}

int ledger_accept(struct ledger *l, uint64_t message, const uint8_t *acceptance, size_t length,
                  int64_t accepted_at, ledger_done_fn *done, void *context)
{
    if (length == 0 || length > ENVELOPE_RECEIPT_MAX || accepted_at <= 0)
        return change_answer(-EINVAL, done, context);
    struct accept_change *c = change_new(sizeof *c, accept_apply, done, context);
    if (c) {
        c->message = message;
        c->acceptance = change_content(l, &c->change, acceptance, length);
        c->accepted_at = accepted_at;
    }
    return change_submit(l, c ? &c->change : NULL, done, context);
}
