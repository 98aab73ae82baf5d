/* From a queued unit to bytes that lie ready for the hub. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "ledger/exchange.h"

/* ---- What is to do ---- */

int ledger_to_seal(struct ledger *l, uint64_t *messages, size_t max)
{
    WITH_READER(l, c);
    if (!c)
        return -EIO;
    autoquery s = sql_query(c,
                            "SELECT id FROM message WHERE outgoing=1 AND state=3 AND sealed=0 AND settled=1"
                            " ORDER BY id",
                            "");
    return column_ids(s, messages, max);
}

int ledger_to_send(struct ledger *l, uint64_t *messages, size_t max)
{
    WITH_READER(l, c);
    if (!c)
        return -EIO;
    /* The hub's acceptance orders the versions of a unit, so a later one waits for the earlier. */
    autoquery s =
        sql_query(c,
                  "SELECT id FROM message AS m WHERE outgoing=1 AND state=3 AND sealed=1 AND NOT EXISTS"
                  " (SELECT 1 FROM message AS earlier WHERE earlier.outgoing=1 AND earlier.unit=m.unit"
                  " AND earlier.sequence=m.sequence AND earlier.document=m.document AND earlier.state=3"
                  " AND earlier.sealed=1 AND earlier.id<m.id) ORDER BY id",
                  "");
    return column_ids(s, messages, max);
}
_Static_assert(OUT_QUEUED == 3, "the index message_queued and the queries here say 3");

/* ---- Sealing ---- */

struct seal_change {
    struct change change;
    uint64_t message;
    const uint8_t *header;
    size_t header_length;
    const char *json; /* the manifest, NUL-terminated */
    struct content *statement, *manifest, *ciphertext;
    struct hash256 envelope_hash, manifest_hash;
    const char *fingerprint;
    int64_t created;
};

static size_t count_files(const char *json)
{
    size_t n = 0;
    for (const char *at = json; (at = strstr(at, "\"sha256\":")); at++)
        n++;
    return n;
}

/* A file may have been saved or renamed, judged and queued anew while the link was sealing: then what was
 * sealed is not what the unit holds. The manifest (made by our own envelope room, without spaces, members in
 * the order of their names) names every file and its hash; a name that needed escaping is none that the mount
 * lets in. */
static int manifest_agrees(struct ledger *l, const struct seal_change *c)
{
    enum { NEEDLE = ENVELOPE_NAME_MAX + 2 * ENVELOPE_HASH_SIZE + 32 };
    autofree struct ledger_unit_file *files = NULL;
    size_t n = 0;
    const char *at = c->json; /* the link writes them in our order: one pass */
    int r = message_files(&l->writer, c->message, &files, &n);
    if (r == 0 && count_files(c->json) != n)
        r = -ESTALE;
    for (size_t i = 0; i < n && r == 0; i++) {
        char hex[2 * ENVELOPE_HASH_SIZE + 1], needle[NEEDLE];
        hex_encode(files[i].sha256.bytes, ENVELOPE_HASH_SIZE, hex);
        snprintf(needle, sizeof needle, "\"name\":\"%s\",\"sha256\":\"%s\"", files[i].name, hex);
        const char *found = strstr(at, needle);
        at = found ? found : strstr(c->json, needle);
        r = at ? 0 : -ESTALE;
    }
    return r;
}

static int sealed_with(struct ledger *l, const struct seal_change *c)
{
    int64_t same = 0;
    int r = sql_number(&l->writer, &same, "SELECT envelope_hash=? FROM envelope WHERE message=?", "bi",
                       c->envelope_hash.bytes, sizeof c->envelope_hash.bytes, c->message);
    return r ? r : same ? 0 : -EEXIST;
}

static int seal_rows(struct ledger *l, const struct seal_change *c)
{
    struct envelope_row row = {.header = c->header,
                               .header_length = c->header_length,
                               .ciphertext_length = content_size(c->ciphertext),
                               .envelope_hash = &c->envelope_hash,
                               .manifest_hash = &c->manifest_hash,
                               .fingerprint = c->fingerprint,
                               .created = c->created};
    int r = content_link(l, c->statement, &row.statement);
    if (r == 0)
        r = content_link(l, c->manifest, &row.manifest);
    if (r == 0)
        r = content_link(l, c->ciphertext, &row.ciphertext);
    if (r == 0)
        r = envelope_insert(l, c->message, &row);
    if (r == 0)
        r = sql_run(&l->writer, "UPDATE message SET sealed=1, open=0, reason='' WHERE id=?", "i", c->message);
    return r;
}

static int seal_apply(struct ledger *l, struct change *change)
{
    const struct seal_change *c = (struct seal_change *)change;
    struct message m;
    int r = message_find(&l->writer, c->message, &m);
    if (r || !m.outgoing)
        return r ? r : -ENOENT;
    if (m.sealed)
        return sealed_with(l, c);
    if (m.state != OUT_QUEUED || !m.settled)
        return -ESTALE;
    r = manifest_agrees(l, c);
    if (r == 0)
        r = seal_rows(l, c);
    change->changed = LEDGER_CHANGED_UNITS;
    return r ? r : message_audit(l, "sealed", c->message, "to key %s", c->fingerprint);
}

static bool sealed_is_whole(const struct ledger_sealed *s)
{
    return s->statement && s->statement_length && s->statement_length <= ENVELOPE_STATEMENT_MAX &&
           s->header && s->header_length && s->header_length <= ENVELOPE_HEADER_MAX && s->manifest &&
           s->manifest_length && s->manifest_length <= ENVELOPE_MANIFEST_MAX && s->ciphertext;
}

int ledger_seal(struct ledger *l, const struct ledger_sealed *sealed, ledger_done_fn *done, void *context)
{
    if (!sealed_is_whole(sealed)) {
        content_abort(sealed->ciphertext);
        return change_answer(-EINVAL, done, context);
    }
    struct seal_change *c = change_new(sizeof *c, seal_apply, done, context);
    if (!c) {
        content_abort(sealed->ciphertext);
        return change_submit(l, NULL, done, context);
    }
    c->message = sealed->message;
    c->header = change_copy(&c->change, sealed->header, sealed->header_length);
    c->header_length = sealed->header_length;
    c->json = change_copy(&c->change, sealed->manifest, sealed->manifest_length);
    c->statement = change_content(l, &c->change, sealed->statement, sealed->statement_length);
    c->manifest = change_content(l, &c->change, sealed->manifest, sealed->manifest_length);
    c->ciphertext = sealed->ciphertext;
    change_own(&c->change, sealed->ciphertext);
    c->envelope_hash = sealed->envelope_hash;
    c->manifest_hash = sealed->manifest_hash;
    c->fingerprint = change_text(&c->change, sealed->recipient_fingerprint);
    c->created = sealed->created;
    return change_submit(l, &c->change, done, context);
}

/* ---- What has been sealed and may not be sent ---- */

struct unseal_change {
    struct change change;
    uint64_t message;
    struct message_id uid;
    const char *reason;
};

static int envelope_remove(struct ledger *l, uint64_t message)
{
    uint64_t contents[3] = {0};
    {
        autoquery s = sql_query(
            &l->writer, "SELECT statement, manifest, ciphertext FROM envelope WHERE message=?", "i", message);
        int r = sql_row(s);
        if (r <= 0)
            return r < 0 ? r : -ENOENT;
        for (int i = 0; i < 3; i++)
            contents[i] = sql_u64(s, i);
    }
    int r = 0;
    for (size_t i = 0; i < ARRAY_LENGTH(contents) && r == 0; i++)
        r = contents[i] ? content_unref(l, contents[i]) : 0;
    return r ? r : sql_run(&l->writer, "DELETE FROM envelope WHERE message=?", "i", message);
}

/* What it already replaces stays named: the receiver has never seen the id that goes. */
static int unseal_apply(struct ledger *l, struct change *change)
{
    const struct unseal_change *c = (struct unseal_change *)change;
    struct message m;
    char label[48];
    int r = message_find(&l->writer, c->message, &m);
    if (r || !m.outgoing || !m.sealed || m.state != OUT_QUEUED)
        return r ? r : -ESTALE;
    r = envelope_remove(l, c->message);
    if (r == 0)
        r = sql_run(&l->writer,
                    "UPDATE message SET sealed=0, open=1, replaces=coalesce(replaces, uid), uid=?, reason=?"
                    " WHERE id=?",
                    "bti", c->uid.bytes, sizeof c->uid.bytes, c->reason, c->message);
    change->changed = LEDGER_CHANGED_UNITS;
    message_label(true, m.uid.bytes, label);
    return r ? r : message_audit(l, "unsealed", c->message, "was %s", label);
}

int ledger_unseal(struct ledger *l, uint64_t message, const struct message_id *new_id, const char *reason,
                  ledger_done_fn *done, void *context)
{
    struct unseal_change *c = change_new(sizeof *c, unseal_apply, done, context);
    if (c) {
        c->message = message;
        c->uid = *new_id;
        c->reason = reason_copy(&c->change, reason);
    }
    return change_submit(l, c ? &c->change : NULL, done, context);
}

/* ---- A queued message's reason; the hub's no ---- */

struct reason_change {
    struct change change;
    uint64_t message;
    const char *reason;
};

static int reason_submit(struct ledger *l, change_apply_fn *apply, uint64_t message, const char *reason,
                         ledger_done_fn *done, void *context)
{
    struct reason_change *c = change_new(sizeof *c, apply, done, context);
    if (c) {
        c->message = message;
        c->reason = reason_copy(&c->change, reason);
    }
    return change_submit(l, c ? &c->change : NULL, done, context);
}

static int note_apply(struct ledger *l, struct change *change)
{
    const struct reason_change *c = (struct reason_change *)change;
    struct message m;
    int r = message_find(&l->writer, c->message, &m);
    if (r || !m.outgoing || m.state != OUT_QUEUED)
        return r ? r : -ESTALE;
    if (strcmp(m.reason, c->reason) == 0)
        return 0;
    change->changed = LEDGER_CHANGED_UNITS;
    r = message_set_state(l, c->message, m.state, c->reason);
    return r ? r : message_audit(l, "waits", c->message, "%s", c->reason[0] ? c->reason : "no longer");
}

int ledger_note_reason(struct ledger *l, uint64_t message, const char *reason, ledger_done_fn *done,
                       void *context)
{
    return reason_submit(l, note_apply, message, reason, done, context);
}

static int refuse_apply(struct ledger *l, struct change *change)
{
    const struct reason_change *c = (struct reason_change *)change;
    struct message m;
    int r = message_find(&l->writer, c->message, &m);
    if (r || !m.outgoing)
        return r ? r : -ENOENT;
    if (m.state == OUT_REFUSED)
        return 0;
    if (m.state != OUT_QUEUED)
        return -EINVAL;
    r = envelope_drop_ciphertext(l, c->message);
    if (r == 0)
        r = message_refused(l, c->message, c->reason);
    if (r == 0)
        r = sql_run(&l->writer, "UPDATE message SET open=0 WHERE id=?", "i", c->message);
    change->changed = LEDGER_CHANGED_UNITS;
    return r ? r : message_audit(l, "refused", c->message, "%s", c->reason);
}

int ledger_refuse_out(struct ledger *l, uint64_t message, const char *reason, ledger_done_fn *done,
                      void *context)
{
    return reason_submit(l, refuse_apply, message, reason, done, context);
}
