/* Tokens, certificates, revocations and their list. */
#include "hub/store_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <jansson.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/cleanup.h"
#include "envelope/openssl.h"

enum {
    SAME_AGAIN_MS = 3600 * 1000, /* an answer that was lost is given again for so long */
    CRL_DAYS = 7,
    CRL_ENTRIES_MAX = 1000000,
};

static int run_token_new(struct connection_db *db, struct store_job *job)
{
    struct store_token_new *call = (struct store_token_new *)job;
    call->unknown = !db_number(db, 0, "SELECT 1 FROM offices WHERE office = ?", "o", &call->office);
    if (call->unknown || db->failure)
        return db->failure;
    return db_execute(db, "INSERT OR REPLACE INTO tokens(office, hash, expires, tries) VALUES(?,?,?,0)",
                      "ohi", &call->office, &call->hash, call->expires);
}

void store_token_new(struct store *s, struct store_token_new *call)
{
    store_submit(s, STORE_WRITE, &call->job, run_token_new);
}

/* ---- the list of revocations ---- */

static int revoked_list(struct connection_db *db, struct revocation **out, size_t *n)
{
    int64_t count = db_number(db, 0, "SELECT count(*) FROM certificates WHERE revoked IS NOT NULL", "");
    *n = 0;
    if (db->failure || count > CRL_ENTRIES_MAX)
        return db->failure ? db->failure : -EFBIG;
    *out = calloc((size_t)count + 1, sizeof **out);
    if (!*out)
        return -ENOMEM;
    sqlite3_stmt *s = db_query(
        db, "SELECT serial, revoked FROM certificates WHERE revoked IS NOT NULL ORDER BY revoked", "");
    while (db_row(db, s))
        if (*n < (size_t)count) {
            struct revocation *r = &(*out)[(*n)++];
            snprintf(r->serial, sizeof r->serial, "%s", (const char *)sqlite3_column_text(s, 0));
            r->at_utc_ms = sqlite3_column_int64(s, 1);
        }
    return db->failure;
}

static int crl_make(struct connection_db *db, struct ca *ca, int64_t now, struct buffer *out)
{
    autofree struct revocation *list = NULL;
    autofree uint8_t *der = NULL;
    size_t n, length;
    struct error e;
    int64_t number = db_number(db, 0, "SELECT number FROM crl WHERE one = 1", "") + 1;
    int r = revoked_list(db, &list, &n);
    if (!r)
        r = ca_crl(ca, list, n, (uint64_t)number, now, CRL_DAYS, &der, &length, &e);
    if (!r)
        r = db_execute(db, "INSERT OR REPLACE INTO crl(one, number, made, der) VALUES(1,?,?,?)", "iib",
                       number, now, der, length);
    return r ? r : buffer_append(out, der, length);
}

static int run_crl(struct connection_db *db, struct store_job *job)
{
    struct store_crl *call = (struct store_crl *)job;
    int64_t made = db_number(db, INT64_MIN / 2, "SELECT made FROM crl WHERE one = 1", "");
    if (db->failure)
        return db->failure;
    if (call->ca && made < call->now - call->renew_after)
        return crl_make(db, call->ca, call->now, &call->der);
    sqlite3_stmt *s = db_query(db, "SELECT der FROM crl WHERE one = 1", "");
    if (!db_row(db, s))
        return db->failure ? db->failure : -ENOENT;
    int r = buffer_append(&call->der, sqlite3_column_blob(s, 0), (size_t)sqlite3_column_bytes(s, 0));
    sqlite3_reset(s);
    return r;
}

void store_crl(struct store *s, struct store_crl *call)
{
    store_submit(s, call->ca ? STORE_WRITE : STORE_READ, &call->job, run_crl);
}

/* ---- enrolment ---- */

/* SHA-256 of a public key in its canonical form. */
static bool key_hash(EVP_PKEY *key, struct hash256 *out)
{
    unsigned char *der = NULL;
    int length = key ? i2d_PUBKEY(key, &der) : -1;
    bool good = length > 0 && EVP_Digest(der, (size_t)length, out->bytes, NULL, EVP_sha256(), NULL) == 1;
    OPENSSL_free(der);
    return good;
}

static bool request_key_hash(const struct span *request, struct hash256 *out)
{
    OPENSSL_ERRORS_END_HERE;
    const unsigned char *p = request->data;
    X509_REQ *parsed = request->length <= 65536 ? d2i_X509_REQ(NULL, &p, (long)request->length) : NULL;
    bool good = parsed && key_hash(X509_REQ_get0_pubkey(parsed), out);
    X509_REQ_free(parsed);
    return good;
}

/* The certificate that was given for this key a short while ago; its answer may have been lost. */
static bool same_again(struct connection_db *db, struct store_enrol_call *call, int64_t certificate)
{
    struct hash256 key;
    if (!request_key_hash(&call->request, &key))
        return false;
    sqlite3_stmt *s = db_query(db,
                               "SELECT pem FROM certificates WHERE certificate = ? AND office = ? AND key = ?"
                               " AND revoked IS NULL AND issued > ?",
                               "iohi", certificate, &call->office, &key, call->now - SAME_AGAIN_MS);
    if (!db_row(db, s))
        return false;
    call->certificate = db_column_text(s, 0);
    sqlite3_reset(s);
    return call->certificate != NULL;
}

enum token_state { TOKEN_GOOD, TOKEN_BAD, TOKEN_AGAIN };

static enum token_state token_judge(struct connection_db *db, struct store_enrol_call *call)
{
    struct hash256 hash;
    sqlite3_stmt *s =
        db_query(db, "SELECT hash, expires, tries, used, certificate FROM tokens WHERE office = ?", "o",
                 &call->office);
    if (!db_row(db, s))
        return TOKEN_BAD;
    bool right = db_column_bytes(s, 0, hash.bytes, sizeof hash.bytes) &&
                 CRYPTO_memcmp(hash.bytes, call->token.bytes, sizeof hash.bytes) == 0;
    int64_t tries = sqlite3_column_int64(s, 2);
    bool open = sqlite3_column_int64(s, 1) > call->now && tries < STORE_TOKEN_TRIES;
    bool used = sqlite3_column_type(s, 3) != SQLITE_NULL;
    int64_t certificate = sqlite3_column_int64(s, 4);
    sqlite3_reset(s);
    if (!right)
        db_execute(db, "UPDATE tokens SET tries = tries + 1 WHERE office = ? AND tries < ?", "oi",
                   &call->office, (int64_t)STORE_TOKEN_TRIES);
    call->last_try = !right && open && !used && tries + 1 == STORE_TOKEN_TRIES;
    if (!right || !open)
        return TOKEN_BAD;
    if (!used)
        return TOKEN_GOOD;
    return same_again(db, call, certificate) ? TOKEN_AGAIN : TOKEN_BAD;
}

/* A certificate of the office that is live and must not be any more. */
static int revoke_one(struct connection_db *db, const struct office_id *office, int64_t certificate,
                      const char *serial, const char *fingerprint, int64_t now)
{
    int r =
        db_execute(db, "UPDATE certificates SET revoked = ? WHERE certificate = ?", "ii", now, certificate);
    return r ? r
             : db_log_json(db,
                           json_pack("{s:s, s:s, s:s, s:s, s:I}", "type", "revoked", "office", office->text,
                                     "fingerprint", fingerprint, "serial", serial, "at", (json_int_t)now));
}

static int revoke_live(struct connection_db *db, struct store_enrol_call *call)
{
    for (;;) {
        char serial[41], fingerprint[65];
        sqlite3_stmt *s = db_query(db,
                                   "SELECT certificate, serial, fingerprint FROM certificates"
                                   " WHERE office = ? AND revoked IS NULL AND ends > ? LIMIT 1",
                                   "oi", &call->office, call->now);
        if (!db_row(db, s))
            return db->failure;
        int64_t certificate = sqlite3_column_int64(s, 0);
        snprintf(serial, sizeof serial, "%s", (const char *)sqlite3_column_text(s, 1));
        snprintf(fingerprint, sizeof fingerprint, "%s", (const char *)sqlite3_column_text(s, 2));
        sqlite3_reset(s);
        int r = revoke_one(db, &call->office, certificate, serial, fingerprint, call->now);
        if (r)
            return r;
    }
}

/* The office itself and all that it has written with. */
static int announce_key_change(struct connection_db *db, struct store_enrol_call *call,
                               const char *fingerprint)
{
    int r =
        db_log_json(db, json_pack("{s:s, s:s, s:s, s:I}", "type", "key_change", "office", call->office.text,
                                  "fingerprint", fingerprint, "at", (json_int_t)call->now));
    struct office_id partner = call->office;
    for (struct office_id after = {""}; !r && *partner.text;) {
        r = db_event(db, &partner, EVENT_KEY_CHANGE, 0, 0, call->office.text);
        sqlite3_stmt *s =
            db_query(db, "SELECT partner FROM partners WHERE office = ? AND partner > ? LIMIT 1", "oo",
                     &call->office, &after);
        partner = (struct office_id){""};
        if (!r && db_row(db, s)) {
            db_column_office(s, 0, &partner);
            sqlite3_reset(s);
        }
        after = partner;
        r = r ? r : db->failure;
    }
    return r;
}

static int keep_certificate(struct connection_db *db, struct store_enrol_call *call, X509 *certificate)
{
    char serial[41], fingerprint[65];
    struct hash256 key;
    certificate_serial(certificate, serial);
    certificate_fingerprint(certificate, fingerprint);
    int64_t ends = certificate_end(certificate);
    call->certificate = certificate_to_pem(certificate);
    if (!call->certificate || !key_hash(X509_get0_pubkey(certificate), &key))
        return -ENOMEM;
    bool had =
        db_number(db, 0, "SELECT 1 FROM certificates WHERE office = ? LIMIT 1", "o", &call->office) == 1;
    int r = db->failure;
    if (!r && !call->renewal)
        r = revoke_live(db, call);
    if (!r)
        r = db_execute(db,
                       "INSERT INTO certificates(office, serial, fingerprint, key, pem, issued, ends)"
                       " VALUES(?,?,?,?,?,?,?)",
                       "otthtii", &call->office, serial, fingerprint, &key, call->certificate, call->now,
                       ends);
    int64_t row = sqlite3_last_insert_rowid(db->handle);
    if (!r)
        r = db_execute(db, "UPDATE offices SET certificate = ? WHERE office = ?", "io", row, &call->office);
    if (!r && !call->renewal)
        r = db_execute(db, "UPDATE tokens SET used = ?, certificate = ? WHERE office = ?", "iio", call->now,
                       row, &call->office);
    if (!r)
        r = db_log_json(db, json_pack("{s:s, s:s, s:s, s:s, s:I, s:s, s:I}", "type", "certificate", "office",
                                      call->office.text, "fingerprint", fingerprint, "serial", serial,
                                      "not_after", (json_int_t)ends, "proof",
                                      call->renewal ? "old-key" : "token", "at", (json_int_t)call->now));
    if (!r && had && !call->renewal) {
        r = announce_key_change(db, call, fingerprint);
        r = r ? r : crl_make(db, call->ca, call->now, &call->crl);
    }
    return r;
}

static int run_enrol(struct connection_db *db, struct store_job *job)
{
    struct store_enrol_call *call = (struct store_enrol_call *)job;
    enum token_state token = call->renewal ? TOKEN_GOOD : token_judge(db, call);
    call->outcome = token == TOKEN_BAD ? STORE_ENROL_REFUSED : STORE_ENROLLED;
    if (token != TOKEN_GOOD || db->failure)
        return db->failure;
    if (!db_number(db, 0, "SELECT 1 FROM offices WHERE office = ?", "o", &call->office)) {
        call->outcome = STORE_ENROL_REFUSED;
        return db->failure;
    }
    with_cleanup(autox509) X509 *certificate = ca_issue_office(
        call->ca, call->request.data, call->request.length, &call->office, call->days, &call->error);
    if (!certificate) {
        call->outcome = STORE_ENROL_REQUEST;
        return call->error.number == -EINVAL ? 0 : -EIO;
    }
    return keep_certificate(db, call, certificate);
}

void store_enrol(struct store *s, struct store_enrol_call *call)
{
    store_submit(s, STORE_WRITE, &call->job, run_enrol);
}
