/* Writing contents. Bytes are hashed and encrypted on the caller's thread; only finished rows reach the
 * thread that commits. */
#include "ledger/content.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/hex.h"
#include "ledger/content_store.h"

static uint64_t block_row(uint64_t content, uint64_t block)
{
    return content << 16 | block;
}

enum { BLOCKS_MAX = 1 << 16 };

struct content *content_new(struct ledger *l)
{
    struct content *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->ledger = l;
    c->id = ledger_new_id(l);
    c->sha256 = EVP_MD_CTX_new();
    random_bytes(c->key, sizeof c->key);
    if (!c->id || !c->sha256 || EVP_DigestInit_ex2(c->sha256, l->crypt.sha256, NULL) != 1 ||
        crypt_wrap(&l->crypt, c->id, c->key, c->wrapped)) {
        content_free(c);
        return NULL;
    }
    return c;
}

void content_free(struct content *c)
{
    if (!c)
        return;
    EVP_MD_CTX_free(c->sha256);
    if (c->piece)
        OPENSSL_cleanse(c->piece, CRYPT_NONCE + c->have);
    free(c->piece);
    OPENSSL_cleanse(c->key, sizeof c->key);
    free(c);
}

static int room_make(struct content *c, size_t need)
{
    size_t room = c->room ? c->room : 4096;
    while (room < need)
        room *= 2;
    if (room == c->room)
        return 0;
    uint8_t *piece = realloc(c->piece, room + CRYPT_OVERHEAD);
    if (!piece)
        return -ENOMEM;
    c->piece = piece;
    c->room = room;
    return 0;
}

/* ---- Full blocks, committed unreferenced ---- */

struct block_change {
    struct change change;
    struct content *content;
};

static int content_row(struct ledger *l, const struct content *c, int refs)
{
    return sql_run(&l->writer, "INSERT INTO content(id, size, sha256, key, refs) VALUES(?, ?, ?, ?, ?)",
                   "iibbd", c->id, c->size, c->finished ? c->hash.bytes : NULL, sizeof c->hash.bytes,
                   c->wrapped, sizeof c->wrapped, refs);
}

static int block_put(struct ledger *l, uint64_t content, uint64_t block, const uint8_t *piece, size_t length)
{
    return sql_run(&l->writer, "INSERT INTO block(id, data) VALUES(?, ?)", "ib", block_row(content, block),
                   piece, length);
}

static int block_apply(struct ledger *l, struct change *change)
{
    const struct content *c = ((struct block_change *)change)->content;
    int r = c->blocks ? 0 : content_row(l, c, 0);
    return r ? r : block_put(l, c->id, c->blocks, c->piece, c->have + CRYPT_OVERHEAD);
}

static int block_flush(struct content *c)
{
    if (c->blocks == BLOCKS_MAX - 1)
        return -EFBIG;
    int r = crypt_seal(&c->ledger->crypt, c->key, (struct crypt_place){c->id, c->blocks}, c->piece, c->have);
    if (r)
        return r;
    struct block_change *b = change_new(sizeof *b, block_apply, NULL, NULL);
    if (b)
        b->content = c;
    r = change_submit(c->ledger, b ? &b->change : NULL, NULL, NULL);
    if (r == 0) {
        c->blocks++;
        c->have = 0;
    }
    return r;
}

int content_append(struct content *c, const void *data, size_t length)
{
    const uint8_t *bytes = data;
    if (c->finished)
        return -EINVAL;
    if (length && EVP_DigestUpdate(c->sha256, data, length) != 1)
        return -ENOMEM;
    while (length) {
        int r = c->have == CONTENT_BLOCK_SIZE ? block_flush(c) : 0;
        size_t n = CONTENT_BLOCK_SIZE - c->have < length ? CONTENT_BLOCK_SIZE - c->have : length;
        if (r == 0)
            r = room_make(c, c->have + n);
        if (r)
            return r;
        memcpy(c->piece + CRYPT_NONCE + c->have, bytes, n);
        c->have += n;
        c->size += n;
        bytes += n;
        length -= n;
    }
    return 0;
}

int content_finish(struct content *c)
{
    unsigned n;
    if (c->finished)
        return 0;
    int r = room_make(c, 1);
    if (r)
        return r;
    if (EVP_DigestFinal_ex(c->sha256, c->hash.bytes, &n) != 1)
        return -ENOMEM;
    r = crypt_seal(&c->ledger->crypt, c->key, (struct crypt_place){c->id, c->blocks}, c->piece, c->have);
    c->finished = r == 0;
    return r;
}

int content_spill(struct content *c)
{
    if (!c->finished)
        return -EINVAL;
    if (!c->have)
        return 0;
    struct block_change *b = change_new(sizeof *b, block_apply, NULL, NULL);
    if (b)
        b->content = c;
    int r = change_submit(c->ledger, b ? &b->change : NULL, NULL, NULL);
    if (r == 0) {
        c->blocks++;
        c->have = c->room = 0;
        free(c->piece);
        c->piece = NULL;
    }
    return r;
}

uint64_t content_id(const struct content *c)
{
    return c->id;
}

uint64_t content_size(const struct content *c)
{
    return c->size;
}

void content_hash(const struct content *c, struct hash256 *out)
{
    *out = c->hash;
}

/* ---- Forgetting ---- */

struct kill_change {
    struct change change;
    uint64_t id;
};

static int kill_apply(struct ledger *l, struct change *change)
{
    return sql_run(&l->writer, "UPDATE content SET key=NULL WHERE id=? AND refs=0", "i",
                   ((struct kill_change *)change)->id);
}

static void ignore_result(void *context, int result)
{
    (void)context;
    (void)result; /* what stays is swept at the next start */
}

void content_abort(struct content *c)
{
    if (!c)
        return;
    if (c->blocks) {
        struct kill_change *k = change_new(sizeof *k, kill_apply, ignore_result, NULL);
        if (k) {
            k->id = c->id;
            k->change.lazy = true;
            change_submit(c->ledger, &k->change, ignore_result, NULL);
        }
    }
    content_free(c);
}

/* ---- Inside apply ---- */

int content_store(struct ledger *l, struct content *c, int refs)
{
    if (!c->finished)
        return -EINVAL;
    int r;
    if (c->blocks)
        r = sql_run(&l->writer, "UPDATE content SET size=?, sha256=?, refs=? WHERE id=?", "ibdi", c->size,
                    c->hash.bytes, sizeof c->hash.bytes, refs, c->id);
    else
        r = content_row(l, c, refs);
    if (r == 0 && c->have)
        r = block_put(l, c->id, c->blocks, c->piece, c->have + CRYPT_OVERHEAD);
    c->stored = r == 0;
    return r;
}

int content_ref(struct ledger *l, uint64_t id)
{
    if (!id)
        return 0;
    int r = sql_run(&l->writer, "UPDATE content SET refs=refs+1 WHERE id=? AND key IS NOT NULL", "i", id);
    return r ? r : sqlite3_changes(l->writer.db) ? 0 : -ENOENT;
}

int content_unref(struct ledger *l, uint64_t id)
{
    if (!id)
        return 0;
    return sql_run(&l->writer,
                   "UPDATE content SET key=CASE WHEN refs>1 THEN key END, refs=max(refs-1, 0) WHERE id=?",
                   "i", id);
}

int content_known(struct ledger *l, uint64_t id, uint64_t *size, struct hash256 *hash)
{
    autoquery s =
        sql_query(&l->writer, "SELECT size, sha256, key IS NOT NULL FROM content WHERE id=?", "i", id);
    int r = sql_row(s);
    if (r <= 0 || !sql_u64(s, 2))
        return r < 0 ? r : -ENOENT;
    *size = sql_u64(s, 0);
    sql_bytes(s, 1, hash->bytes, sizeof hash->bytes);
    return 0;
}

int content_begin(struct ledger *l, uint64_t *id)
{
    uint8_t key[CRYPT_KEY], wrapped[CRYPT_WRAPPED];
    *id = id_take(l);
    random_bytes(key, sizeof key);
    int r = crypt_wrap(&l->crypt, *id, key, wrapped);
    OPENSSL_cleanse(key, sizeof key);
    return r ? r
             : sql_run(&l->writer, "INSERT INTO content(id, size, key, refs) VALUES(?, 0, ?, 1)", "ib", *id,
                       wrapped, sizeof wrapped);
}

static int grow_block(struct ledger *l, uint64_t id, const uint8_t key[CRYPT_KEY], uint64_t block,
                      const uint8_t *data, size_t length)
{
    uint8_t *piece = malloc(length + CRYPT_OVERHEAD);
    if (!piece)
        return -ENOMEM;
    memcpy(piece + CRYPT_NONCE, data, length);
    int r = crypt_seal(&l->crypt, key, (struct crypt_place){id, block}, piece, length);
    if (r == 0)
        r = block_put(l, id, block, piece, length + CRYPT_OVERHEAD);
    free(piece);
    return r;
}

static int grow_key(struct ledger *l, uint64_t id, uint64_t offset, uint8_t key[CRYPT_KEY])
{
    autoquery s = sql_query(&l->writer, "SELECT size, key FROM content WHERE id=?", "i", id);
    int r = sql_row(s);
    if (r <= 0)
        return r < 0 ? r : -ENOENT;
    if (sql_u64(s, 0) != offset || offset % CONTENT_BLOCK_SIZE)
        return -ESTALE;
    const void *wrapped = sqlite3_column_blob(s, 1);
    return wrapped ? crypt_unwrap(&l->crypt, id, wrapped, (size_t)sqlite3_column_bytes(s, 1), key) : -ENOENT;
}

int content_grow(struct ledger *l, uint64_t id, uint64_t offset, const uint8_t *data, size_t length)
{
    uint8_t key[CRYPT_KEY];
    int r = grow_key(l, id, offset, key);
    for (size_t at = 0; at < length && r == 0;) {
        size_t n = length - at < CONTENT_BLOCK_SIZE ? length - at : CONTENT_BLOCK_SIZE;
        uint64_t block = (offset + at) / CONTENT_BLOCK_SIZE;
        r = block < BLOCKS_MAX ? grow_block(l, id, key, block, data + at, n) : -EFBIG;
        at += n;
    }
    OPENSSL_cleanse(key, sizeof key);
    return r ? r : sql_run(&l->writer, "UPDATE content SET size=? WHERE id=?", "ii", offset + length, id);
}

/* ---- Dead contents ---- */

int content_forget_unfinished(struct ledger *l)
{
    return sql_run(&l->writer, "UPDATE content SET key=NULL WHERE refs=0 AND key IS NOT NULL", "");
}

static int dead_next(struct ledger *l, uint64_t *id)
{
    int64_t found;
    int r = sql_number(&l->writer, &found, "SELECT id FROM content WHERE refs=0 AND key IS NULL LIMIT 1", "");
    if (r == 0)
        *id = (uint64_t)found;
    return r;
}

static int block_drop(struct ledger *l, uint64_t content)
{
    int r =
        sql_run(&l->writer, "DELETE FROM block WHERE id=(SELECT max(id) FROM block WHERE id BETWEEN ? AND ?)",
                "ii", block_row(content, 0), block_row(content, BLOCKS_MAX - 1));
    return r ? r : sqlite3_changes(l->writer.db) ? 1 : 0;
}

int content_sweep(struct ledger *l, int64_t until, bool *more)
{
    uint64_t id = 0;
    int r;
    *more = true;
    while ((r = dead_next(l, &id)) == 0) {
        while ((r = block_drop(l, id)) > 0)
            if (clock_boot_ms() >= until)
                return 0;
        if (r == 0)
            r = sql_run(&l->writer, "DELETE FROM content WHERE id=?", "i", id);
        if (r || clock_boot_ms() >= until)
            return r;
    }
    *more = false;
    return r == -ENOENT ? 0 : r;
}
