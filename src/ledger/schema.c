#include "ledger/schema.h"

#include <errno.h>
#include <stdio.h>

/* Times are UTC ms, in nodes ns. Names of persons stand in contents only (and in the names of documents). */
static const char VERSION_1[] =
    /* the ledger's own values: office, key check, next id … */
    "CREATE TABLE internal(key TEXT PRIMARY KEY, data) WITHOUT ROWID;"
    "CREATE TABLE value(key TEXT PRIMARY KEY, data BLOB NOT NULL) WITHOUT ROWID;"

    /* A content's key goes when its last reference goes; its blocks follow in idle slices. refs = 0 with a
     * key: being written. sha256 NULL: still growing (a download). */
    "CREATE TABLE content(id INTEGER PRIMARY KEY, size INTEGER NOT NULL, sha256 BLOB, key BLOB,"
    " refs INTEGER NOT NULL);"
    "CREATE INDEX content_unreferenced ON content(id) WHERE refs=0;"
    /* id = content << 16 | number: appended at the end of the table */
    "CREATE TABLE block(id INTEGER PRIMARY KEY, data BLOB NOT NULL);"

    "CREATE TABLE node(id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, mode INTEGER NOT NULL,"
    " content INTEGER NOT NULL DEFAULT 0, draft INTEGER NOT NULL DEFAULT 0, size INTEGER NOT NULL DEFAULT 0,"
    " mtime INTEGER NOT NULL, ctime INTEGER NOT NULL, atime INTEGER NOT NULL, created INTEGER NOT NULL,"
    " message INTEGER NOT NULL DEFAULT 0, verdict INTEGER NOT NULL DEFAULT 0, taken INTEGER NOT NULL DEFAULT 0,"
    " links INTEGER NOT NULL DEFAULT 0);"
    "CREATE INDEX node_draft ON node(id) WHERE draft<>0;"
    "CREATE INDEX node_unlinked ON node(id) WHERE links=0;"
    "CREATE INDEX node_incoming ON node(message) WHERE kind=3;"
    "CREATE INDEX node_note ON node(message) WHERE kind=2 AND message<>0;" /* of an incomplete unit */
    "CREATE TABLE entry(id INTEGER PRIMARY KEY, parent INTEGER NOT NULL, node INTEGER NOT NULL,"
    " shown INTEGER NOT NULL, name TEXT NOT NULL, folded TEXT NOT NULL);"
    "CREATE INDEX entry_order ON entry(parent, id);"
    "CREATE UNIQUE INDEX entry_name ON entry(parent, name);"
    "CREATE INDEX entry_folded ON entry(parent, folded);"
    "CREATE INDEX entry_node ON entry(node);"
    "CREATE TABLE xattr(node INTEGER NOT NULL, name TEXT NOT NULL, data BLOB NOT NULL,"
    " PRIMARY KEY(node, name)) WITHOUT ROWID;"

    /* A message of ours (outgoing=1) or of a partner. `unit`: the recipient, or what the name says of an
     * unknown one; `document`: the node of a document, which is a unit of its own. `open`: not sealed and not
     * withdrawn; `linger`: accepted, and an entry may be left in the outbox; `show`: entries wait to be
     * shown; of one of ours: it is refused, and that is not told beside its files yet. */
    "CREATE TABLE message(id INTEGER PRIMARY KEY, outgoing INTEGER NOT NULL, uid BLOB NOT NULL,"
    " partner TEXT NOT NULL, partner_text TEXT NOT NULL, unit TEXT NOT NULL, sequence TEXT NOT NULL,"
    " document INTEGER NOT NULL DEFAULT 0, state INTEGER NOT NULL, reason TEXT NOT NULL,"
    " settled INTEGER NOT NULL DEFAULT 0, sealed INTEGER NOT NULL DEFAULT 0, open INTEGER NOT NULL DEFAULT 0,"
    " linger INTEGER NOT NULL DEFAULT 0, show INTEGER NOT NULL DEFAULT 0, saved INTEGER NOT NULL DEFAULT 0,"
    " sent INTEGER NOT NULL DEFAULT 0, received INTEGER NOT NULL DEFAULT 0, taken INTEGER NOT NULL DEFAULT 0,"
    " replaces BLOB, replaced INTEGER NOT NULL DEFAULT 0, archive INTEGER NOT NULL DEFAULT 0);"
    "CREATE INDEX message_uid ON message(uid);"
    "CREATE INDEX message_unit ON message(unit, sequence, document) WHERE outgoing=1;"
    "CREATE INDEX message_incoming ON message(partner, sequence, sent) WHERE outgoing=0;"
    "CREATE INDEX message_open ON message(id) WHERE open=1;"
    "CREATE INDEX message_queued ON message(id) WHERE outgoing=1 AND state=3;"
    "CREATE INDEX message_linger ON message(id) WHERE linger=1;"
    "CREATE INDEX message_show ON message(id) WHERE show=1;"
    "CREATE TABLE file(message INTEGER NOT NULL, name TEXT NOT NULL, folded TEXT NOT NULL, node INTEGER NOT NULL,"
    " content INTEGER NOT NULL, kind TEXT NOT NULL, version TEXT NOT NULL, size INTEGER NOT NULL,"
    " sha256 BLOB NOT NULL, verdict INTEGER NOT NULL, reason TEXT NOT NULL, carried INTEGER NOT NULL,"
    " document INTEGER NOT NULL, main INTEGER NOT NULL, PRIMARY KEY(message, name)) WITHOUT ROWID;"
    "CREATE INDEX file_node ON file(node) WHERE node<>0;"
    "CREATE TABLE envelope(message INTEGER PRIMARY KEY, statement INTEGER NOT NULL, header BLOB NOT NULL,"
    " manifest INTEGER NOT NULL, acceptance INTEGER NOT NULL DEFAULT 0, ciphertext INTEGER NOT NULL DEFAULT 0,"
    " ciphertext_length INTEGER NOT NULL DEFAULT 0, envelope_hash BLOB NOT NULL, manifest_hash BLOB NOT NULL,"
    " fingerprint TEXT NOT NULL DEFAULT '', created INTEGER NOT NULL, accepted INTEGER NOT NULL DEFAULT 0);"
    "CREATE TABLE download(id INTEGER PRIMARY KEY, sender TEXT NOT NULL, uid BLOB NOT NULL,"
    " acceptance BLOB NOT NULL, statement BLOB NOT NULL, header BLOB NOT NULL, content INTEGER NOT NULL,"
    " length INTEGER NOT NULL, UNIQUE(sender, uid));"
    "CREATE TABLE receipt(id INTEGER PRIMARY KEY, message INTEGER NOT NULL, own INTEGER NOT NULL,"
    " kind INTEGER NOT NULL, detail TEXT NOT NULL, at INTEGER NOT NULL, der BLOB, sent INTEGER NOT NULL);"
    "CREATE INDEX receipt_message ON receipt(message);"
    "CREATE INDEX receipt_waiting ON receipt(id) WHERE own=1 AND sent=0;"

    "CREATE TABLE partner(office TEXT PRIMARY KEY, name TEXT NOT NULL, folder TEXT NOT NULL,"
    " folded TEXT NOT NULL, outbox INTEGER NOT NULL UNIQUE, inbox INTEGER NOT NULL UNIQUE,"
    " fingerprint TEXT NOT NULL, certificate TEXT, key_unconfirmed INTEGER NOT NULL, active INTEGER NOT NULL)"
    " WITHOUT ROWID;"

    /* hash = SHA-256(hash of the row before ‖ id ‖ at ‖ event ‖ detail), see audit.c */
    "CREATE TABLE audit(id INTEGER PRIMARY KEY, at INTEGER NOT NULL, event TEXT NOT NULL, detail TEXT NOT NULL,"
    " hash BLOB NOT NULL);"

    /* enum ledger_fixed_node; the entries share the numbers of their nodes */
    "INSERT INTO node(id, kind, mode, mtime, ctime, atime, created, links) VALUES"
    " (1,0,1528,0,0,0,0,1),(2,0,1528,0,0,0,0,1),(3,0,1528,0,0,0,0,1),(4,0,1512,0,0,0,0,1),"
    " (5,0,1528,0,0,0,0,1),(6,0,1528,0,0,0,0,1),(7,0,448,0,0,0,0,1),(8,5,288,0,0,0,0,1),(9,5,288,0,0,0,0,1);"
    "INSERT INTO entry(id, parent, node, shown, name, folded) VALUES"
    " (2,1,2,1,'outbox','outbox'),(3,1,3,1,'inbox','inbox'),(4,1,4,1,'archive','archive'),"
    " (5,3,5,1,'_順番','_順番'),(6,3,6,1,'_すべて','_すべて'),"
    " (8,1,8,1,'送受信状況.html','送受信状況.html'),(9,1,9,1,'送受信一覧.csv','送受信一覧.csv');";

/* What judging found, one a line (problem.c), and how many warnings there were. */
static const char VERSION_2[] = "ALTER TABLE file ADD COLUMN problems TEXT NOT NULL DEFAULT '';"
                                "ALTER TABLE file ADD COLUMN warnings INTEGER NOT NULL DEFAULT 0;"
                                "ALTER TABLE message ADD COLUMN problems TEXT NOT NULL DEFAULT '';"
                                "ALTER TABLE message ADD COLUMN warnings INTEGER NOT NULL DEFAULT 0;";

static const char *const MIGRATIONS[SCHEMA_VERSION] = {VERSION_1, VERSION_2}; /* from version i to i + 1 */

static int version_read(struct connection *c, int64_t *version, struct error *e)
{
    int r = sql_number(c, version, "PRAGMA user_version", "");
    return r ? error_set(e, r, "ledger-read", "ledger.db: %s", sqlite3_errmsg(c->db)) : 0;
}

static int refuse_newer(int64_t version, struct error *e)
{
    return error_set(
        e, -ENOTSUP, "ledger-newer",
        "ledger.db was written by a newer version of careplanfs (schema %lld, this one knows %d); "
        "install that version again",
        (long long)version, SCHEMA_VERSION);
}

int schema_check(struct connection *c, struct error *e)
{
    int64_t version;
    int r = version_read(c, &version, e);
    if (r == 0 && version > SCHEMA_VERSION)
        r = refuse_newer(version, e);
    if (r == 0 && version < SCHEMA_VERSION)
        r = error_set(e, -ENOTSUP, "ledger-older",
                      "ledger.db has an older schema (%lld); start careplanfs once, it brings it up to date",
                      (long long)version);
    return r;
}

int schema_migrate(struct connection *c, struct error *e)
{
    int64_t version;
    int r = version_read(c, &version, e);
    if (r == 0 && version > SCHEMA_VERSION)
        r = refuse_newer(version, e);
    for (; r == 0 && version < SCHEMA_VERSION; version++) {
        char set[64];
        snprintf(set, sizeof set, "PRAGMA user_version=%lld; COMMIT", (long long)version + 1);
        r = sql_script(c, "BEGIN IMMEDIATE");
        if (r == 0)
            r = sql_script(c, MIGRATIONS[version]);
        if (r == 0)
            r = sql_script(c, set);
        if (r) {
            error_set(e, r, "ledger-schema", "ledger.db: schema %lld: %s", (long long)version + 1,
                      sqlite3_errmsg(c->db));
            sqlite3_exec(c->db, "ROLLBACK", NULL, NULL, NULL);
        }
    }
    return r;
}
