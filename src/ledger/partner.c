/* Partners: the directory as the ledger keeps it, their pinned folders, the head of the directory's log. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/exchange.h"

#define LOG_HEAD_KEY "log_head"

struct partner_change {
    struct change change;
    bool has_partner, has_head, key_unconfirmed, active;
    struct office_id office;
    const char *name, *folder, *folded, *fingerprint, *certificate;
    struct log_head head;
};

/* ---- Adding ---- */

static int folder_is_free(struct ledger *l, const char *folded)
{
    int64_t n = 0;
    int r = sql_number(&l->writer, &n, "SELECT count(*) FROM entry WHERE parent IN (2, 3) AND folded=?", "t",
                       folded);
    return r ? r : n == 0;
}

/* The same name in outbox and inbox: a user's file may stand under it already. */
static int folder_name(struct ledger *l, const struct partner_change *p, char name[256], char folded[768])
{
    for (unsigned n = 1; n < 1000; n++) {
        char suffix[16] = "";
        if (n > 1)
            snprintf(suffix, sizeof suffix, " (%u)", n);
        int a = snprintf(name, 256, "%s%s", p->folder, suffix);
        int b = snprintf(folded, 768, "%s%s", p->folded, suffix);
        if (a < 0 || a >= 256 || b < 0 || b >= 768)
            return -ENAMETOOLONG;
        int r = folder_is_free(l, folded);
        if (r)
            return r < 0 ? r : 0;
    }
    return -EEXIST;
}

static int partner_insert(struct ledger *l, const struct partner_change *p)
{
    char name[256], folded[768];
    uint64_t outbox = 0, inbox = 0;
    int r = folder_name(l, p, name, folded);
    if (r == 0)
        r = folder_make(l, NODE_OUTBOX, name, folded, FOLDER_MODE, 0, &outbox);
    if (r == 0)
        r = folder_make(l, NODE_INBOX, name, folded, FOLDER_MODE, 0, &inbox);
    if (r == 0)
        r = sql_run(
            &l->writer,
            "INSERT INTO partner(office, name, folder, folded, outbox, inbox, fingerprint, certificate,"
            " key_unconfirmed, active) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            "ttttiittdd", p->office.text, p->name, name, folded, outbox, inbox, p->fingerprint,
            p->certificate, p->key_unconfirmed, p->active);
    return r ? r
             : audit_append(l, "partner-added", "%s key %s", p->office.text,
                            p->fingerprint[0] ? p->fingerprint : "none");
}

static int partner_update(struct ledger *l, const struct partner_change *p)
{
    int64_t differs = 0;
    int r = sql_number(&l->writer, &differs,
                       "SELECT fingerprint<>? OR key_unconfirmed<>? OR active<>? FROM partner WHERE office=?",
                       "tddt", p->fingerprint, p->key_unconfirmed, p->active, p->office.text);
    if (r == 0)
        r = sql_run(&l->writer,
                    "UPDATE partner SET name=?, fingerprint=?, certificate=?, key_unconfirmed=?, active=?"
                    " WHERE office=?",
                    "tttddt", p->name, p->fingerprint, p->certificate, p->key_unconfirmed, p->active,
                    p->office.text);
    return r || !differs ? r
                         : audit_append(l, "partner-changed", "%s key %s%s%s", p->office.text,
                                        p->fingerprint[0] ? p->fingerprint : "none",
                                        p->key_unconfirmed ? ", a new one is unconfirmed" : "",
                                        p->active ? "" : ", left");
}

static int partner_exists(struct ledger *l, const struct office_id *office)
{
    int64_t n = 0;
    int r = sql_number(&l->writer, &n, "SELECT count(*) FROM partner WHERE office=?", "t", office->text);
    return r ? r : n > 0;
}

static int head_store(struct ledger *l, const struct log_head *head)
{
    uint8_t bytes[8 + ENVELOPE_HASH_SIZE];
    for (int i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(head->n >> (56 - 8 * i));
    memcpy(bytes + 8, head->hash.bytes, ENVELOPE_HASH_SIZE);
    return sql_run(&l->writer, "INSERT OR REPLACE INTO internal(key, data) VALUES(?, ?)", "tb", LOG_HEAD_KEY,
                   bytes, sizeof bytes);
}

static int put_apply(struct ledger *l, struct change *change)
{
    const struct partner_change *p = (struct partner_change *)change;
    int r = 0;
    if (p->has_partner) {
        int known = partner_exists(l, &p->office);
        r = known < 0 ? known : known ? partner_update(l, p) : partner_insert(l, p);
        change->changed = LEDGER_CHANGED_DIRECTORY | (known ? 0 : LEDGER_CHANGED_TREE);
    }
    return r || !p->has_head ? r : head_store(l, &p->head);
}

static bool partner_is_safe(const struct ledger_partner *p, const char *folded)
{
    struct office_id id;
    return office_id_parse(&id, p->office.text, strnlen(p->office.text, sizeof p->office.text)) &&
           name_is_safe(p->folder) && folded && strlen(folded) < 768;
}

int ledger_partner_put(struct ledger *l, const struct ledger_partner *partner, const char *folded,
                       const struct log_head *head, ledger_done_fn *done, void *context)
{
    if (partner && !partner_is_safe(partner, folded))
        return change_answer(-EINVAL, done, context);
    struct partner_change *p = change_new(sizeof *p, put_apply, done, context);
    if (p && head) {
        p->has_head = true;
        p->head = *head;
    }
    if (p && partner) {
        p->has_partner = true;
        p->office = partner->office;
        p->name = change_text(&p->change, partner->name);
        p->folder = change_text(&p->change, partner->folder);
        p->folded = change_text(&p->change, folded);
        p->fingerprint = change_text(&p->change, partner->fingerprint);
        p->certificate = change_text(&p->change, partner->certificate);
        p->key_unconfirmed = partner->key_unconfirmed;
        p->active = partner->active;
    }
    return change_submit(l, p ? &p->change : NULL, done, context);
}

/* ---- Apply, for who receives ---- */

static int place_find(struct ledger *l, const struct office_id *office, struct partner_place *out)
{
    autoquery s =
        sql_query(&l->writer, "SELECT inbox, folder, folded FROM partner WHERE office=?", "t", office->text);
    int r = sql_row(s);
    if (r <= 0)
        return r < 0 ? r : -ENOENT;
    out->inbox = sql_u64(s, 0);
    sql_text(s, 1, out->folder, sizeof out->folder);
    sql_text(s, 2, out->folded, sizeof out->folded);
    return 0;
}

int partner_place(struct ledger *l, const struct office_id *office, struct partner_place *out)
{
    int r = place_find(l, office, out);
    if (r != -ENOENT)
        return r;
    char folded[OFFICE_ID_LENGTH + 1];
    for (size_t i = 0; i < sizeof folded; i++)
        folded[i] = (char)tolower((unsigned char)office->text[i]);
    struct partner_change p = {
        .office = *office, .name = "", .folder = office->text, .folded = folded, .fingerprint = ""};
    r = partner_insert(l, &p);
    return r ? r : place_find(l, office, out);
}

/* ---- Reading ---- */

#define PARTNER_COLUMNS \
    "office, name, folder, outbox, inbox, fingerprint, certificate, key_unconfirmed, active"

static int partner_read(sqlite3_stmt *s, struct ledger_partner *out)
{
    int r = sql_row(s);
    if (r <= 0)
        return r < 0 ? r : -ENOENT;
    office_read(s, 0, &out->office);
    sql_text(s, 1, out->name, sizeof out->name);
    sql_text(s, 2, out->folder, sizeof out->folder);
    out->outbox = sql_u64(s, 3);
    out->inbox = sql_u64(s, 4);
    sql_text(s, 5, out->fingerprint, sizeof out->fingerprint);
    out->key_unconfirmed = sqlite3_column_int(s, 7);
    out->active = sqlite3_column_int(s, 8);
    const char *certificate = (const char *)sqlite3_column_text(s, 6);
    out->certificate = certificate ? strdup(certificate) : NULL;
    return certificate && !out->certificate ? -ENOMEM : 0;
}

int ledger_partner(struct ledger *l, const struct office_id *office, struct ledger_partner *out)
{
    *out = (struct ledger_partner){0};
    WITH_READER(l, c);
    if (!c)
        return -EIO;
    autoquery s = sql_query(c, "SELECT " PARTNER_COLUMNS " FROM partner WHERE office=?", "t", office->text);
    return partner_read(s, out);
}

int ledger_partner_by_folder(struct ledger *l, uint64_t folder_node, struct ledger_partner *out)
{
    *out = (struct ledger_partner){0};
    WITH_READER(l, c);
    if (!c)
        return -EIO;
    autoquery s =
        sql_query(c, "SELECT " PARTNER_COLUMNS " FROM partner WHERE outbox=?1 OR inbox=?1", "i", folder_node);
    return partner_read(s, out);
}

void ledger_partner_free(struct ledger_partner *p)
{
    free(p->certificate);
    p->certificate = NULL;
}

int ledger_partners_of_number(struct ledger *l, const char *number, struct office_id *out, size_t max)
{
    if (strlen(number) != 10)
        return 0;
    WITH_READER(l, c);
    if (!c)
        return -EIO;
    autoquery s =
        sql_query(c, "SELECT office FROM partner WHERE office>=?1||'-' AND office<?1||'.'", "t", number);
    size_t n = 0;
    int r = 0;
    while (n < max && (r = sql_row(s)) > 0)
        office_read(s, 0, &out[n++]);
    return r < 0 ? r : (int)n;
}

void ledger_log_head(struct ledger *l, struct log_head *out)
{
    *out = (struct log_head){0};
    WITH_READER(l, c);
    if (!c)
        return;
    autoquery s = sql_query(c, "SELECT data FROM internal WHERE key=?", "t", LOG_HEAD_KEY);
    uint8_t bytes[8 + ENVELOPE_HASH_SIZE];
    if (sql_row(s) <= 0 || !sql_bytes(s, 0, bytes, sizeof bytes))
        return;
    for (int i = 0; i < 8; i++)
        out->n = out->n << 8 | bytes[i];
    memcpy(out->hash.bytes, bytes + 8, ENVELOPE_HASH_SIZE);
}
