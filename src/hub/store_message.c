/* Messages, their parts and receipts. */
#include "hub/store_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <openssl/evp.h>

#include "base/cleanup.h"

enum {
    EVIDENCE_MAX = 8,     /* differing receipts of one kind that are kept */
    HASH_PARTS_A_TURN = 8 /* then others may read */
};

/* ---- PUT of a message ---- */

static int kept_acceptance(struct store_message_put *call, sqlite3_stmt *s)
{
    struct hash256 envelope;
    call->outcome = STORE_CONFLICT;
    if (!db_column_bytes(s, 1, envelope.bytes, sizeof envelope.bytes) ||
        memcmp(envelope.bytes, call->statement->envelope.bytes, sizeof envelope.bytes) != 0)
        return 0;
    call->outcome = STORE_SAME;
    return buffer_append(&call->kept, sqlite3_column_blob(s, 0), (size_t)sqlite3_column_bytes(s, 0));
}

/* What a sender has under way. The triggers of the schema keep count. */
static int64_t quota_bytes(struct connection_db *db, const struct office_id *sender)
{
    return db_number(db, 0, "SELECT bytes FROM quota WHERE office = ?", "o", sender);
}

/* Why a message that is not known yet cannot be kept; STORE_NEW: it can. */
static enum store_put judge_new(struct connection_db *db, const struct store_message_put *call)
{
    const struct statement *m = call->statement;
    if (m->created > call->accepted + STORE_AHEAD_MS)
        return STORE_FUTURE;
    if (!db_number(db, 0, "SELECT 1 FROM offices WHERE office = ?", "o", &m->recipient))
        return STORE_UNKNOWN_RECIPIENT;
    /* The parts of a commit have been counted when they came. */
    int64_t more = (int64_t)(call->statement_der.length + call->header.length + call->ciphertext_length);
    if (!call->in_parts && quota_bytes(db, &m->sender) + more > call->bytes_max)
        return STORE_OVER_BYTES;
    return STORE_NEW;
}

static int64_t content_new(struct connection_db *db)
{
    return db_number(db, -1, "UPDATE counters SET value = value + 1 WHERE name = 'content' RETURNING value",
                     "");
}

/* The content of a commit: the upload as it was when it was hashed. */
static int64_t content_of_parts(struct connection_db *db, struct store_message_put *call)
{
    int64_t version = db_number(db, -1, "SELECT version FROM uploads WHERE content = ?", "i", call->content);
    if (version != call->version) {
        call->outcome = STORE_PARTS_CHANGED;
        return -1;
    }
    db_execute(db, "DELETE FROM uploads WHERE content = ?", "i", call->content);
    return call->content;
}

static int64_t content_of_body(struct connection_db *db, struct store_message_put *call)
{
    struct hash256 hash;
    int64_t content = content_new(db);
    EVP_Digest(call->ciphertext.data, call->ciphertext.length, hash.bytes, NULL, EVP_sha256(), NULL);
    /* A whole message outdates parts of the same id. */
    db_execute(db, "INSERT INTO dropped(content) SELECT content FROM uploads WHERE sender = ? AND id = ?",
               "om", &call->statement->sender, &call->statement->id);
    db_execute(db, "DELETE FROM uploads WHERE sender = ? AND id = ?", "om", &call->statement->sender,
               &call->statement->id);
    db_execute(db, "INSERT INTO parts(part, size, sha256, data) VALUES(?,?,?,?)", "iihb",
               PART_KEY(content, 0), (int64_t)call->ciphertext.length, &hash, call->ciphertext.data,
               call->ciphertext.length);
    return content;
}

static int message_insert(struct connection_db *db, struct store_message_put *call, int64_t content)
{
    const struct statement *m = call->statement;
    int64_t size = (int64_t)(32 + call->acceptance.length + call->statement_der.length + call->header.length +
                             call->ciphertext_length);
    int r = db_execute(db,
                       "INSERT INTO messages(sender, id, recipient, created, accepted, envelope, manifest,"
                       " content, length, size, acceptance, statement, header)"
                       " VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?)",
                       "omoiihhiiibbb", &m->sender, &m->id, &m->recipient, m->created, call->accepted,
                       &m->envelope, &m->manifest, content, (int64_t)call->ciphertext_length, size,
                       call->acceptance.data, call->acceptance.length, call->statement_der.data,
                       call->statement_der.length, call->header.data, call->header.length);
    if (r)
        return r;
    int64_t message = sqlite3_last_insert_rowid(db->handle);
    db_execute(db, "INSERT OR IGNORE INTO partners VALUES(?,?)", "oo", &m->sender, &m->recipient);
    db_execute(db, "INSERT OR IGNORE INTO partners VALUES(?,?)", "oo", &m->recipient, &m->sender);
    r = db_event(db, &m->recipient, EVENT_MESSAGE, message, 0, NULL);
    return r ? r : buffer_append(&call->kept, call->acceptance.data, call->acceptance.length);
}

static int run_message_put(struct connection_db *db, struct store_job *job)
{
    struct store_message_put *call = (struct store_message_put *)job;
    const struct statement *m = call->statement;
    sqlite3_stmt *s = db_query(db, "SELECT acceptance, envelope FROM messages WHERE sender = ? AND id = ?",
                               "om", &m->sender, &m->id);
    if (db_row(db, s)) {
        int r = kept_acceptance(call, s);
        sqlite3_reset(s);
        return r;
    }
    call->outcome = judge_new(db, call);
    if (call->outcome != STORE_NEW || db->failure)
        return db->failure;
    int64_t content = call->in_parts ? content_of_parts(db, call) : content_of_body(db, call);
    if (db->failure || content < 0)
        return db->failure;
    return message_insert(db, call, content);
}

void store_message_put(struct store *s, struct store_message_put *call)
{
    store_submit(s, STORE_WRITE, &call->job, run_message_put);
}

/* ---- parts ---- */

static bool part_is_same(struct connection_db *db, int64_t content, const struct store_part_put *call)
{
    return db_number(db, 0, "SELECT 1 FROM parts WHERE part = ? AND sha256 = ?", "ih",
                     PART_KEY(content, call->n), &call->sha256) == 1;
}

/* May the sender's upload (`content`, -1: a new one) grow by so much? */
static bool part_fits(struct connection_db *db, struct store_part_put *call, int64_t content, int64_t more)
{
    if (content < 0 && db_number(db, 0, "SELECT uploads FROM quota WHERE office = ?", "o", &call->sender) >=
                           call->uploads_max)
        call->outcome = STORE_PART_OVER_UPLOADS;
    else if (more > 0 && quota_bytes(db, &call->sender) + more > call->bytes_max)
        call->outcome = STORE_PART_OVER_BYTES;
    return call->outcome == STORE_PART_KEPT && !db->failure;
}

static int run_part_put(struct connection_db *db, struct store_job *job)
{
    struct store_part_put *call = (struct store_part_put *)job;
    int64_t committed =
        db_number(db, -1, "SELECT coalesce(content, 0) FROM messages WHERE sender = ? AND id = ?", "om",
                  &call->sender, &call->id);
    if (db->failure)
        return db->failure;
    if (committed >= 0) {
        call->outcome = part_is_same(db, committed, call) ? STORE_PART_KEPT : STORE_PART_CONFLICT;
        return db->failure;
    }
    int64_t content = db_number(db, -1, "SELECT content FROM uploads WHERE sender = ? AND id = ?", "om",
                                &call->sender, &call->id);
    if (db->failure || (content >= 0 && part_is_same(db, content, call)))
        return db->failure;
    int64_t more = (int64_t)call->data.length;
    if (content >= 0)
        more -= db_number(db, 0, "SELECT size FROM parts WHERE part = ?", "i", PART_KEY(content, call->n));
    if (!part_fits(db, call, content, more))
        return db->failure;
    if (content < 0) {
        content = content_new(db);
        db_execute(db, "INSERT INTO uploads(content, sender, id, version, touched) VALUES(?,?,?,0,?)", "iomi",
                   content, &call->sender, &call->id, call->now);
    }
    db_execute(db,
               "UPDATE uploads SET version = version + 1, touched = ?, bytes = bytes + ? WHERE content = ?",
               "iii", call->now, more, content);
    return db_execute(db, "INSERT OR REPLACE INTO parts(part, size, sha256, data) VALUES(?,?,?,?)", "iihb",
                      PART_KEY(content, call->n), (int64_t)call->data.length, &call->sha256, call->data.data,
                      call->data.length);
}

void store_part_put(struct store *s, struct store_part_put *call)
{
    store_submit(s, STORE_WRITE, &call->job, run_part_put);
}

/* The content of the sender's message or upload; -1: none. */
static int64_t find_content(struct connection_db *db, const struct office_id *sender,
                            const struct message_id *id, bool *committed)
{
    int64_t content = db_number(
        db, -1, "SELECT coalesce(content, 0) FROM messages WHERE sender = ? AND id = ?", "om", sender, id);
    *committed = content >= 0;
    return *committed ? content
                      : db_number(db, -1, "SELECT content FROM uploads WHERE sender = ? AND id = ?", "om",
                                  sender, id);
}

static int run_parts_list(struct connection_db *db, struct store_job *job)
{
    struct store_parts_list *call = (struct store_parts_list *)job;
    int64_t content = find_content(db, &call->sender, &call->id, &call->committed);
    if (content < 0)
        return db->failure;
    call->parts = calloc(STORE_PARTS_PAGE, sizeof *call->parts);
    if (!call->parts)
        return -ENOMEM;
    sqlite3_stmt *s = db_query(db,
                               "SELECT part & 1048575, size, sha256 FROM parts WHERE part > ? AND part < ?"
                               " ORDER BY part LIMIT ?",
                               "iii", PART_KEY(content, 0) + call->after, PART_KEY(content + 1, 0),
                               (int64_t)STORE_PARTS_PAGE + 1);
    while (db_row(db, s)) {
        if (call->n_parts == STORE_PARTS_PAGE) {
            call->more = true;
            sqlite3_reset(s);
            break;
        }
        struct store_part *part = &call->parts[call->n_parts++];
        part->n = (uint32_t)sqlite3_column_int64(s, 0);
        part->size = (uint32_t)sqlite3_column_int64(s, 1);
        db_column_bytes(s, 2, part->sha256.bytes, sizeof part->sha256.bytes);
    }
    return db->failure;
}

void store_parts_list(struct store *s, struct store_parts_list *call)
{
    store_submit(s, STORE_READ, &call->job, run_parts_list);
}

/* ---- hashing the parts ---- */

struct envelope_digest {
    EVP_MD_CTX *context;
};

static void digest_free(struct store_parts_hash *call)
{
    if (call->digest)
        EVP_MD_CTX_free(call->digest->context);
    free(call->digest);
    call->digest = NULL;
}

static int digest_begin(struct store_parts_hash *call)
{
    call->digest = calloc(1, sizeof *call->digest);
    if (!call->digest)
        return -ENOMEM;
    call->digest->context = EVP_MD_CTX_new();
    return call->digest->context && EVP_DigestInit_ex(call->digest->context, EVP_sha256(), NULL) == 1 &&
                   EVP_DigestUpdate(call->digest->context, call->header.data, call->header.length) == 1
               ? 0
               : -ENOMEM;
}

/* The next part; false at the end: all are there, or one is missing or of a wrong size. */
static bool digest_part(struct connection_db *db, struct store_parts_hash *call)
{
    uint64_t left = call->ciphertext_length - call->hashed;
    uint64_t wanted = left < FORM_PART_SIZE ? left : FORM_PART_SIZE;
    sqlite3_stmt *s =
        db_query(db, "SELECT data FROM parts WHERE part = ?", "i", PART_KEY(call->content, call->at));
    if (!left || !db_row(db, s))
        return false;
    size_t size = (size_t)sqlite3_column_bytes(s, 0);
    bool fits = size == wanted;
    if (fits) {
        EVP_DigestUpdate(call->digest->context, sqlite3_column_blob(s, 0), size);
        call->hashed += size;
        call->at++;
    }
    sqlite3_reset(s);
    return fits;
}

/* A part behind the last is one too many. */
static bool digest_complete(struct connection_db *db, struct store_parts_hash *call)
{
    return call->hashed == call->ciphertext_length &&
           !db_number(db, 0, "SELECT 1 FROM parts WHERE part >= ? AND part < ? LIMIT 1", "ii",
                      PART_KEY(call->content, call->at), PART_KEY(call->content + 1, 0));
}

static int run_parts_hash(struct connection_db *db, struct store_job *job)
{
    struct store_parts_hash *call = (struct store_parts_hash *)job;
    int r = 0;
    if (!call->digest) {
        call->content = find_content(db, &call->sender, &call->id, &call->committed);
        if (call->content < 0 || call->committed || db->failure)
            return db->failure;
        call->version = db_number(db, 0, "SELECT version FROM uploads WHERE content = ?", "i", call->content);
        r = digest_begin(call);
        if (r) {
            digest_free(call);
            return r;
        }
    }
    for (int i = 0; i < HASH_PARTS_A_TURN; i++)
        if (!digest_part(db, call)) {
            call->complete = digest_complete(db, call);
            EVP_DigestFinal_ex(call->digest->context, call->hash.bytes, NULL);
            digest_free(call);
            return db->failure;
        }
    if (db->failure)
        digest_free(call);
    else
        job->again = true;
    return db->failure;
}

void store_parts_hash(struct store *s, struct store_parts_hash *call)
{
    store_submit(s, STORE_READ, &call->job, run_parts_hash);
}

/* ---- GET ---- */

static void head_frame(struct buffer *b, sqlite3_stmt *s, int column)
{
    size_t length = (size_t)sqlite3_column_bytes(s, column);
    buffer_u64be(b, length);
    buffer_append(b, sqlite3_column_blob(s, column), length);
}

static int run_message_find(struct connection_db *db, struct store_job *job)
{
    struct store_message_find *call = (struct store_message_find *)job;
    sqlite3_stmt *s =
        db_query(db,
                 "SELECT envelope, content, length, acceptance, statement, header FROM messages"
                 " WHERE sender = ?1 AND id = ?2 AND (recipient = ?3 OR sender = ?3) AND content IS NOT NULL",
                 "omo", &call->sender, &call->id, &call->reader);
    if (!db_row(db, s))
        return db->failure;
    call->found = db_column_bytes(s, 0, call->envelope.bytes, sizeof call->envelope.bytes);
    call->content = sqlite3_column_int64(s, 1);
    call->ciphertext_length = (uint64_t)sqlite3_column_int64(s, 2);
    for (int column = 3; column <= 5; column++)
        head_frame(&call->head, s, column);
    buffer_u64be(&call->head, call->ciphertext_length);
    sqlite3_reset(s);
    return call->head.failed ? -ENOMEM : db->failure;
}

void store_message_find(struct store *s, struct store_message_find *call)
{
    store_submit(s, STORE_READ, &call->job, run_message_find);
}

static int run_content_read(struct connection_db *db, struct store_job *job)
{
    struct store_content_read *call = (struct store_content_read *)job;
    call->got = 0;
    while (call->got < call->length) {
        uint64_t at = call->offset + call->got;
        size_t inside = (size_t)(at % FORM_PART_SIZE);
        sqlite3_stmt *s = db_query(db, "SELECT data FROM parts WHERE part = ?", "i",
                                   PART_KEY(call->content, at / FORM_PART_SIZE));
        if (!db_row(db, s))
            break;
        size_t size = (size_t)sqlite3_column_bytes(s, 0);
        size_t n = size > inside ? size - inside : 0;
        if (n > call->length - call->got)
            n = call->length - call->got;
        if (n)
            memcpy(call->data + call->got, (const uint8_t *)sqlite3_column_blob(s, 0) + inside, n);
        sqlite3_reset(s);
        if (!n)
            break;
        call->got += n;
    }
    return db->failure;
}

void store_content_read(struct store *s, struct store_content_read *call)
{
    store_submit(s, STORE_READ, &call->job, run_content_read);
}

/* ---- receipts ---- */

/* Keeps a receipt that differs from the one that counts. */
static int evidence_keep(struct connection_db *db, struct store_receipt_put *call, int64_t message)
{
    int64_t kind = (int64_t)call->receipt->kind;
    call->outcome = STORE_RECEIPT_THERE;
    if (db_number(db, 0, "SELECT 1 FROM receipts WHERE message = ? AND kind = ? AND der = ?", "iib", message,
                  kind, call->der.data, call->der.length))
        return db->failure;
    int64_t rank =
        db_number(db, 0, "SELECT count(*) FROM receipts WHERE message = ? AND kind = ?", "ii", message, kind);
    if (rank > EVIDENCE_MAX || db->failure)
        return db->failure;
    return db_execute(db, "INSERT INTO receipts(message, kind, rank, at, der) VALUES(?,?,?,?,?)", "iiiib",
                      message, kind, rank, call->now, call->der.data, call->der.length);
}

static int receipt_insert(struct connection_db *db, struct store_receipt_put *call, int64_t message)
{
    int64_t kind = (int64_t)call->receipt->kind;
    call->outcome = STORE_RECEIPT_NEW;
    int r = db_execute(db, "INSERT INTO receipts(message, kind, rank, at, der) VALUES(?,?,0,?,?)", "iiib",
                       message, kind, call->now, call->der.data, call->der.length);
    if (!r && call->receipt->kind != RECEIPT_TAKEN) /* from now on its contents may go */
        r = db_execute(db, "UPDATE messages SET received = coalesce(received, ?) WHERE message = ?", "ii",
                       call->now, message);
    return r ? r : db_event(db, &call->sender, EVENT_RECEIPT, message, kind, NULL);
}

static int run_receipt_put(struct connection_db *db, struct store_job *job)
{
    struct store_receipt_put *call = (struct store_receipt_put *)job;
    struct hash256 envelope, manifest;
    call->outcome = STORE_RECEIPT_UNKNOWN;
    sqlite3_stmt *s = db_query(db,
                               "SELECT message, envelope, manifest FROM messages"
                               " WHERE sender = ? AND id = ? AND recipient = ?",
                               "omo", &call->sender, &call->id, &call->by);
    if (!db_row(db, s))
        return db->failure;
    int64_t message = sqlite3_column_int64(s, 0);
    bool fits = db_column_bytes(s, 1, envelope.bytes, sizeof envelope.bytes) &&
                db_column_bytes(s, 2, manifest.bytes, sizeof manifest.bytes) &&
                memcmp(&envelope, &call->receipt->envelope, sizeof envelope) == 0 &&
                memcmp(&manifest, &call->receipt->manifest, sizeof manifest) == 0;
    sqlite3_reset(s);
    if (!fits) {
        call->outcome = STORE_RECEIPT_MISMATCH;
        return 0;
    }
    bool first = !db_number(db, 0, "SELECT 1 FROM receipts WHERE message = ? AND kind = ? AND rank = 0", "ii",
                            message, (int64_t)call->receipt->kind);
    if (db->failure)
        return db->failure;
    return first ? receipt_insert(db, call, message) : evidence_keep(db, call, message);
}

void store_receipt_put(struct store *s, struct store_receipt_put *call)
{
    store_submit(s, STORE_WRITE, &call->job, run_receipt_put);
}
