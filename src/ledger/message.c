/* Rows of messages and of their files. */
#include "ledger/message.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "base/clock.h"
#include "base/hex.h"
#include "ledger/exchange.h"

static const char *const OUT_NAMES[] = {"rejected", "waiting", "held",    "queued",   "sent",
                                        "received", "taken",   "refused", "withdrawn"};
static const char *const IN_NAMES[] = {"arrived", "taken", "refused", "superseded"};

const char *out_state_name(enum out_state s)
{
    return (size_t)s < ARRAY_LENGTH(OUT_NAMES) ? OUT_NAMES[s] : "unknown";
}

const char *in_state_name(enum in_state s)
{
    return (size_t)s < ARRAY_LENGTH(IN_NAMES) ? IN_NAMES[s] : "unknown";
}

void office_read(sqlite3_stmt *s, int at, struct office_id *out)
{
    sql_text(s, at, out->text, sizeof out->text);
}

void message_read(sqlite3_stmt *s, int first, struct message *out)
{
    *out = (struct message){
        .id = sql_u64(s, first),
        .outgoing = sqlite3_column_int(s, first + 1) != 0,
        .document = sql_u64(s, first + 6),
        .state = sqlite3_column_int(s, first + 7),
        .settled = sqlite3_column_int(s, first + 9) != 0,
        .sealed = sqlite3_column_int(s, first + 10) != 0,
        .open = sqlite3_column_int(s, first + 11) != 0,
        .saved = sqlite3_column_int64(s, first + 12),
        .sent = sqlite3_column_int64(s, first + 13),
        .received = sqlite3_column_int64(s, first + 14),
        .taken = sqlite3_column_int64(s, first + 15),
        .archive = sql_u64(s, first + 17),
    };
    sql_bytes(s, first + 2, out->uid.bytes, sizeof out->uid.bytes);
    office_read(s, first + 3, &out->partner);
    sql_text(s, first + 4, out->partner_text, sizeof out->partner_text);
    sql_text(s, first + 5, out->sequence, sizeof out->sequence);
    sql_text(s, first + 8, out->reason, sizeof out->reason);
    out->has_replaces = sql_bytes(s, first + 16, out->replaces.bytes, sizeof out->replaces.bytes) != 0;
}

static int message_one(sqlite3_stmt *s, struct message *out)
{
    int r = sql_row(s);
    if (r > 0)
        message_read(s, 0, out);
    return r > 0 ? 0 : r == 0 ? -ENOENT : r;
}

int message_find(struct connection *c, uint64_t id, struct message *out)
{
    autoquery s = sql_query(c, "SELECT " MESSAGE_COLUMNS " FROM message WHERE id=?", "i", id);
    return message_one(s, out);
}

void file_read_row(sqlite3_stmt *s, int first, struct ledger_unit_file *out)
{
    *out = (struct ledger_unit_file){
        .node = sql_u64(s, first),
        .content = sql_u64(s, first + 1),
        .size = sql_u64(s, first + 5),
        .verdict = (enum file_verdict)sqlite3_column_int(s, first + 7),
        .carried = sqlite3_column_int(s, first + 8) != 0,
        .document = sqlite3_column_int(s, first + 9) != 0,
    };
    sql_text(s, first + 2, out->name, sizeof out->name);
    sql_text(s, first + 3, out->kind, sizeof out->kind);
    sql_text(s, first + 4, out->version, sizeof out->version);
    sql_bytes(s, first + 6, out->sha256.bytes, sizeof out->sha256.bytes);
}

int message_files(struct connection *c, uint64_t message, struct ledger_unit_file **files, size_t *n)
{
    struct ledger_unit_file *list = NULL;
    size_t have = 0, room = 0;
    autoquery s =
        sql_query(c, "SELECT " FILE_COLUMNS " FROM file WHERE message=? ORDER BY name", "i", message);
    int r;
    while ((r = sql_row(s)) > 0) {
        if (have == room) {
            size_t more = room ? 2 * room : 8;
            struct ledger_unit_file *grown = reallocarray(list, more, sizeof *list);
            if (!grown) {
                r = -ENOMEM;
                break;
            }
            list = grown;
            room = more;
        }
        file_read_row(s, 0, &list[have++]);
    }
    if (r) {
        free(list);
        return r;
    }
    *files = list;
    *n = have;
    return 0;
}

/* ---- Which message ---- */

int unit_open_message(struct ledger *l, const struct unit_key *key, const char *name, struct message *out)
{
    autoquery s =
        sql_query(&l->writer,
                  "SELECT " MESSAGE_COLUMNS ", EXISTS(SELECT 1 FROM file WHERE file.message=message.id"
                  " AND file.name=?) AS holds FROM message WHERE outgoing=1 AND unit=? AND sequence=?"
                  " AND document=? AND open=1 ORDER BY holds DESC, id DESC LIMIT 1",
                  "ttti", name ? name : "", key->unit, key->sequence, key->document);
    return message_one(s, out);
}

int unit_standing(struct connection *c, const struct unit_key *key, const char *name, uint64_t node,
                  struct ledger_entry *out)
{
    autoquery s =
        sql_query(c,
                  "SELECT " ENTRY_COLUMNS " FROM message JOIN file ON file.message=message.id"
                  " JOIN entry ON entry.node=file.node WHERE outgoing=1 AND unit=? AND sequence=?"
                  " AND message.document=? AND open=1 AND file.name=? AND carried=0 AND file.node<>0"
                  " AND file.node<>? LIMIT 1",
                  "ttiti", key->unit, key->sequence, key->document, name, node);
    int r = sql_row(s);
    if (r > 0)
        entry_read(s, 0, out);
    return r > 0 ? 0 : r == 0 ? -ENOENT : r;
}

int unit_last_sealed(struct ledger *l, const struct unit_key *key, struct message *out)
{
    autoquery s =
        sql_query(&l->writer,
                  "SELECT " MESSAGE_COLUMNS " FROM message WHERE outgoing=1 AND unit=? AND sequence=?"
                  " AND document=? AND sealed=1 ORDER BY id DESC LIMIT 1",
                  "tti", key->unit, key->sequence, key->document);
    return message_one(s, out);
}

int message_insert(struct ledger *l, const struct message_new *m, uint64_t *id)
{
    *id = id_take(l);
    return sql_run(
        &l->writer,
        "INSERT INTO message(id, outgoing, uid, partner, partner_text, unit, sequence, document, state,"
        " reason, open, saved, sent, received, replaces) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        "idbttttidtdiiib", *id, (int)m->outgoing, m->uid.bytes, sizeof m->uid.bytes, m->partner.text,
        m->partner_text ? m->partner_text : m->partner.text,
        m->partner.text[0] ? m->partner.text
        : m->partner_text  ? m->partner_text
                           : "",
        m->sequence ? m->sequence : "", m->document, m->state, m->reason ? m->reason : "", (int)m->outgoing,
        m->saved, m->sent, m->received, m->replaces ? m->replaces->bytes : NULL, sizeof m->uid.bytes);
}

int message_set_state(struct ledger *l, uint64_t id, int state, const char *reason)
{
    return sql_run(&l->writer, "UPDATE message SET state=?, reason=? WHERE id=?", "dti", state,
                   reason ? reason : "", id);
}

/* ---- Files ---- */

const struct hash256 HASH_OF_NOTHING = {{0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4,
                                         0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b,
                                         0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55}};

int file_put(struct ledger *l, uint64_t message, const struct file_new *f)
{
    struct hash256 hash = HASH_OF_NOTHING;
    uint64_t size = f->size;
    int r = f->content ? content_known(l, f->content, &size, &hash) : 0;
    if (r == 0 && !f->counted)
        r = content_ref(l, f->content);
    if (r == 0)
        r = file_remove(l, message, f->name);
    if (r)
        return r;
    return sql_run(
        &l->writer,
        "INSERT INTO file(message, name, folded, node, content, kind, version, size, sha256, verdict,"
        " reason, carried, document, main, problems, warnings) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,"
        " ?, ?, ?)",
        "ittiittibdtdddti", message, f->name, f->folded, f->node, f->content, f->kind ? f->kind : "",
        f->version ? f->version : "", size, hash.bytes, sizeof hash.bytes, (int)f->verdict,
        f->reason ? f->reason : "", (int)f->carried, (int)f->document, (int)f->main,
        f->problems ? f->problems : "", f->warnings);
}

int file_remove(struct ledger *l, uint64_t message, const char *name)
{
    int64_t content;
    int r = sql_number(&l->writer, &content, "SELECT content FROM file WHERE message=? AND name=?", "it",
                       message, name);
    if (r)
        return r == -ENOENT ? 0 : r;
    r = content_unref(l, (uint64_t)content);
    return r ? r : sql_run(&l->writer, "DELETE FROM file WHERE message=? AND name=?", "it", message, name);
}

int files_carry(struct ledger *l, uint64_t from, uint64_t to)
{
    int r =
        sql_run(&l->writer,
                "UPDATE content SET refs=refs+1 WHERE id IN (SELECT content FROM file WHERE message=?1 AND"
                " verdict=1 AND name NOT IN (SELECT name FROM file WHERE message=?2))",
                "ii", from, to);
    return r ? r
             : sql_run(
                   &l->writer,
                   "INSERT INTO file SELECT ?2, name, folded, node, content, kind, version, size, sha256,"
                   " verdict, reason, 1, document, main, problems, warnings FROM file WHERE message=?1 AND verdict=1"
                   " AND name NOT IN (SELECT name FROM file WHERE message=?2)",
                   "ii", from, to);
}

/* ---- An open message after a change of its files ---- */

/* The worst file speaks for its message. */
static int state_by_files(struct ledger *l, const struct message *m, enum out_state *state, char reason[48])
{
    autoquery s =
        sql_query(&l->writer,
                  "SELECT CASE verdict WHEN 2 THEN 0 WHEN 4 THEN 2 ELSE 1 END AS state, reason FROM file"
                  " WHERE message=? AND verdict IN (2, 3, 4) ORDER BY verdict=3, verdict LIMIT 1",
                  "i", m->id);
    int r = sql_row(s);
    *state = r > 0 ? (enum out_state)sqlite3_column_int(s, 0) : OUT_WAITING;
    if (r > 0)
        sql_text(s, 1, reason, 48);
    else
        snprintf(reason, 48, "%s", m->partner.text[0] ? "settling" : "partner-unknown");
    return r < 0 ? r : 0;
}
_Static_assert(VERDICT_REJECTED == 2 && VERDICT_WAITING == 3 && VERDICT_HELD == 4 && OUT_REJECTED == 0 &&
                   OUT_WAITING == 1 && OUT_HELD == 2,
               "the query above says these numbers");

/* What is left are carried files and, for status, the name of the last own one. */
static int withdraw(struct ledger *l, const struct message *m)
{
    int r = sql_run(&l->writer, "UPDATE message SET state=?, reason='', open=0, settled=0 WHERE id=?", "di",
                    (int)OUT_WITHDRAWN, m->id);
    if (r == 0)
        r = sql_run(&l->writer,
                    "UPDATE content SET refs=max(refs-1, 0), key=CASE WHEN refs>1 THEN key END"
                    " WHERE id IN (SELECT content FROM file WHERE message=?)",
                    "i", m->id);
    if (r == 0)
        r = sql_run(&l->writer, "DELETE FROM file WHERE message=? AND carried=1", "i", m->id);
    if (r == 0)
        r = unit_notes_remove(l, m->id);
    if (r == 0)
        r = message_set_problems(l, m->id, "", 0);
    return r ? r : message_audit(l, "withdrawn", m->id, "%s", m->sequence);
}

static int carry_last(struct ledger *l, const struct message *m)
{
    const struct unit_key key = {m->partner.text[0] ? m->partner.text : m->partner_text, m->sequence,
                                 m->document};
    struct message last;
    int r = unit_last_sealed(l, &key, &last);
    return r == -ENOENT ? 0 : r ? r : files_carry(l, last.id, m->id);
}

int message_recompute(struct ledger *l, uint64_t id)
{
    struct message m;
    int64_t own;
    char reason[48] = "";
    enum out_state state;
    int r = message_find(&l->writer, id, &m);
    if (r || !m.open)
        return r;
    r = sql_number(&l->writer, &own,
                   "SELECT 1 FROM file WHERE message=? AND carried=0 AND (node<>0 OR content<>0) LIMIT 1",
                   "i", id);
    if (r)
        return r == -ENOENT ? withdraw(l, &m) : r;
    r = sql_run(&l->writer, "DELETE FROM file WHERE message=? AND carried=0 AND node=0 AND content=0", "i",
                id);
    if (r == 0)
        r = carry_last(l, &m);
    if (r == 0)
        r = state_by_files(l, &m, &state, reason);
    if (r == 0)
        r = message_set_problems(l, id, "", 0); /* the unit is to be judged anew */
    return r ? r
             : sql_run(&l->writer, "UPDATE message SET state=?, reason=?, settled=0 WHERE id=?", "dti",
                       (int)state, reason, id);
}

/* The last own file of a message leaves its name behind (no node, no content), so that status can tell what
 * was withdrawn; message_recompute removes that row again when the message lives on. */
static int file_leave(struct ledger *l, uint64_t message, const char *name)
{
    int64_t other, content;
    int r =
        sql_number(&l->writer, &other, "SELECT 1 FROM file WHERE message=? AND carried=0 AND name<>? LIMIT 1",
                   "it", message, name);
    if (r != -ENOENT)
        return r ? r : file_remove(l, message, name);
    r = sql_number(&l->writer, &content, "SELECT content FROM file WHERE message=? AND name=?", "it", message,
                   name);
    if (r == 0)
        r = content_unref(l, (uint64_t)content);
    return r ? r
             : sql_run(&l->writer, "UPDATE file SET node=0, content=0 WHERE message=? AND name=?", "it",
                       message, name);
}

int unit_leave(struct ledger *l, uint64_t node, uint64_t *left)
{
    char name[256] = "";
    bool document = false;
    *left = 0;
    {
        autoquery s = sql_query(
            &l->writer,
            "SELECT message, file.name, file.document FROM file JOIN message ON message.id=file.message"
            " WHERE file.node=? AND file.node<>0 AND carried=0 AND open=1 LIMIT 1",
            "i", node);
        int r = sql_row(s);
        if (r < 0)
            return r;
        if (r > 0) {
            *left = sql_u64(s, 0);
            sql_text(s, 1, name, sizeof name);
            document = sqlite3_column_int(s, 2) != 0;
        }
    }
    int r = *left ? file_leave(l, *left, name) : 0;
    if (*left && r == 0)
        r = message_audit(l, "file-left", *left, "%s", document ? "document" : name);
    if (r == 0)
        r = sql_run(&l->writer, "UPDATE file SET node=0 WHERE node=? AND node<>0", "i", node);
    return r ? r : sql_run(&l->writer, "UPDATE node SET message=0 WHERE id=?", "i", node);
}

/* ---- Receipts and audit ---- */

int receipt_queue(struct ledger *l, uint64_t message, enum receipt_kind kind, const char *detail,
                  const void *der, size_t length)
{
    return sql_run(
        &l->writer,
        "INSERT INTO receipt(id, message, own, kind, detail, at, der, sent) VALUES(?, ?, 1, ?, ?, ?, ?, 0)",
        "iidtib", id_take(l), message, (int)kind, detail ? detail : "", clock_utc_ms(), der, length);
}

int message_audit(struct ledger *l, const char *event, uint64_t message, const char *format, ...)
{
    struct message m;
    char label[48], detail[512];
    int r = message_find(&l->writer, message, &m);
    if (r)
        return r;
    message_label(m.outgoing, m.uid.bytes, label);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(detail, sizeof detail, format, arguments);
    va_end(arguments);
    return audit_append(l, event, detail[0] ? "%s: %s" : "%s%s", label, detail);
}
