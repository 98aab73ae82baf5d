/* The audit chain: rows that are only ever appended, each holding
 *     SHA-256(hash of the row before ‖ u64be id ‖ u64be at ‖ u64be length of event ‖ event ‖ detail),
 * the first one with 32 zero bytes before it. */
#include <errno.h>
#include <openssl/evp.h>
#include <stdarg.h>
#include <string.h>

#include "base/clock.h"
#include "base/hex.h"
#include "ledger/internal.h"

static void context_free(EVP_MD_CTX **x)
{
    EVP_MD_CTX_free(*x);
}

static void put_u64be(uint8_t out[8], uint64_t value)
{
    for (int i = 0; i < 8; i++)
        out[i] = (uint8_t)(value >> (56 - 8 * i));
}

static int row_hash(struct ledger *l, struct audit_head *head, int64_t at, const char *event,
                    const char *detail)
{
    uint8_t numbers[24];
    unsigned n;
    put_u64be(numbers, head->n + 1);
    put_u64be(numbers + 8, (uint64_t)at);
    put_u64be(numbers + 16, strlen(event));
    with_cleanup(context_free) EVP_MD_CTX *x = EVP_MD_CTX_new();
    if (!x || EVP_DigestInit_ex2(x, l->crypt.sha256, NULL) != 1 ||
        EVP_DigestUpdate(x, head->hash.bytes, sizeof head->hash.bytes) != 1 ||
        EVP_DigestUpdate(x, numbers, sizeof numbers) != 1 || EVP_DigestUpdate(x, event, strlen(event)) != 1 ||
        EVP_DigestUpdate(x, detail, strlen(detail)) != 1 || EVP_DigestFinal_ex(x, head->hash.bytes, &n) != 1)
        return -ENOMEM;
    head->n++;
    return 0;
}

int audit_load(struct ledger *l)
{
    l->audit = (struct audit_head){0};
    autoquery s = sql_query(&l->writer, "SELECT id, hash FROM audit ORDER BY id DESC LIMIT 1", "");
    int r = sql_row(s);
    if (r > 0) {
        l->audit.n = sql_u64(s, 0);
        sql_bytes(s, 1, l->audit.hash.bytes, sizeof l->audit.hash.bytes);
    }
    return r < 0 ? r : 0;
}

/* One line: what would begin another becomes '?'. */
static void one_line(char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            *text = '?';
}

int audit_append(struct ledger *l, const char *event, const char *format, ...)
{
    char detail[1024];
    struct audit_head head = l->audit;
    int64_t at = clock_utc_ms();
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(detail, sizeof detail, format, arguments);
    va_end(arguments);
    one_line(detail);
    int r = row_hash(l, &head, at, event, detail);
    if (r == 0)
        r = sql_run(&l->writer, "INSERT INTO audit(id, at, event, detail, hash) VALUES(?, ?, ?, ?, ?)",
                    "iittb", head.n, at, event, detail, head.hash.bytes, sizeof head.hash.bytes);
    if (r == 0)
        l->audit = head;
    return r;
}

void message_label(bool outgoing, const uint8_t id[ENVELOPE_ID_SIZE], char out[48])
{
    char text[2 * ENVELOPE_ID_SIZE + 1];
    hex_encode(id, ENVELOPE_ID_SIZE, text);
    snprintf(out, 48, "%s %s", outgoing ? "out" : "in", text);
}

/* ---- From outside ---- */

struct audit_change {
    struct change change;
    const char *event, *detail;
};

static int audit_apply(struct ledger *l, struct change *change)
{
    struct audit_change *a = (struct audit_change *)change;
    return audit_append(l, a->event, "%s", a->detail);
}

int ledger_audit(struct ledger *l, const char *event, const char *detail, ledger_done_fn *done, void *context)
{
    struct audit_change *a = change_new(sizeof *a, audit_apply, done, context);
    if (a) {
        a->event = change_text(&a->change, event);
        a->detail = change_text(&a->change, detail ? detail : "");
    }
    return change_submit(l, a ? &a->change : NULL, done, context);
}

static int row_check(struct ledger *l, sqlite3_stmt *s, struct audit_head *head, struct error *e)
{
    struct hash256 stored;
    const char *event = (const char *)sqlite3_column_text(s, 2),
               *detail = (const char *)sqlite3_column_text(s, 3);
    uint64_t id = sql_u64(s, 0);
    bool whole = sql_bytes(s, 4, stored.bytes, sizeof stored.bytes) != 0;
    if (id != head->n + 1)
        return error_set(e, -EBADMSG, "audit-chain", "audit chain: row %llu is missing",
                         (unsigned long long)head->n + 1);
    int r = event && detail ? row_hash(l, head, sqlite3_column_int64(s, 1), event, detail) : -EBADMSG;
    if (r == -ENOMEM)
        return error_set(e, r, "memory", "out of memory");
    if (r || !whole || memcmp(stored.bytes, head->hash.bytes, sizeof stored.bytes) != 0)
        return error_set(e, -EBADMSG, "audit-chain", "audit chain: row %llu does not fit the rows before it",
                         (unsigned long long)id);
    return 0;
}

enum { VERIFY_SLICE = 4096 };

/* Rows behind `head`, a slice at a time: no read transaction stays open for long. 1 = there may be more. */
static int verify_slice(struct ledger *l, struct audit_head *head, struct error *e)
{
    WITH_READER(l, c);
    if (!c)
        return error_set(e, -EIO, "ledger-read", "ledger.db: cannot be read");
    autoquery s = sql_query(c, "SELECT id, at, event, detail, hash FROM audit WHERE id>? ORDER BY id LIMIT ?",
                            "id", head->n, VERIFY_SLICE);
    int r, n = 0;
    for (; (r = sql_row(s)) > 0; n++) {
        r = row_check(l, s, head, e);
        if (r)
            return r;
    }
    return r ? error_set(e, r, "ledger-read", "ledger.db: %s", sqlite3_errmsg(c->db)) : n == VERIFY_SLICE;
}

int ledger_verify(struct ledger *l, uint64_t *rows, struct error *e)
{
    struct audit_head head = {0};
    int r;
    do
        r = verify_slice(l, &head, e);
    while (r > 0);
    if (rows)
        *rows = head.n;
    return r;
}
