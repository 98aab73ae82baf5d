/* Reading contents. A block is decrypted whole (its tag stands for all of it); the last ones stay at hand,
 * since readers take a block of 1 MiB in many reads. */
#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "base/thread.h"
#include "ledger/content_store.h"

struct located {
    uint64_t size;
    uint8_t key[CRYPT_KEY];
};

static int locate(struct ledger *l, struct connection *c, uint64_t id, struct located *out)
{
    autoquery s = sql_query(c, "SELECT size, key FROM content WHERE id=?", "i", id);
    int r = sql_row(s);
    const void *wrapped = r > 0 ? sqlite3_column_blob(s, 1) : NULL;
    if (!wrapped)
        return r < 0 ? r : -ENOENT;
    out->size = sql_u64(s, 0);
    return crypt_unwrap(&l->crypt, id, wrapped, (size_t)sqlite3_column_bytes(s, 1), out->key);
}

static bool plain_copy(struct ledger *l, uint64_t content, uint64_t block, size_t from, void *out, size_t n)
{
    LOCKED(&l->plain_mutex);
    for (size_t i = 0; i < PLAIN_BLOCKS; i++) {
        struct plain_block *p = &l->plain[i];
        if (p->data && p->content == content && p->block == block && from + n <= p->length) {
            p->used = ++l->plain_clock;
            memcpy(out, p->data + from, n);
            return true;
        }
    }
    return false;
}

static void plain_drop(struct plain_block *p)
{
    if (p->data)
        OPENSSL_cleanse(p->data, p->length);
    free(p->data);
    *p = (struct plain_block){0};
}

/* Takes `data`. */
static void plain_keep(struct ledger *l, uint64_t content, uint64_t block, uint8_t *data, size_t length)
{
    LOCKED(&l->plain_mutex);
    struct plain_block *oldest = &l->plain[0];
    for (size_t i = 1; i < PLAIN_BLOCKS; i++)
        if (l->plain[i].used < oldest->used)
            oldest = &l->plain[i];
    plain_drop(oldest);
    *oldest = (struct plain_block){content, block, ++l->plain_clock, length, data};
}

void plain_blocks_free(struct ledger *l)
{
    LOCKED(&l->plain_mutex);
    for (size_t i = 0; i < PLAIN_BLOCKS; i++)
        plain_drop(&l->plain[i]);
}

static int block_read(struct ledger *l, struct connection *c, const struct located *at, uint64_t content,
                      uint64_t block, uint8_t **data, size_t *length)
{
    uint64_t begin = block * CONTENT_BLOCK_SIZE, left = at->size - begin;
    *length = left < CONTENT_BLOCK_SIZE ? (size_t)left : CONTENT_BLOCK_SIZE;
    autoquery s = sql_query(c, "SELECT data FROM block WHERE id=?", "i", content << 16 | block);
    int r = sql_row(s);
    if (r <= 0)
        return r < 0 ? r : -EBADMSG;
    const uint8_t *piece = sqlite3_column_blob(s, 0);
    if (!piece || (size_t)sqlite3_column_bytes(s, 0) != *length + CRYPT_OVERHEAD)
        return -EBADMSG;
    *data = malloc(*length + 1);
    if (!*data)
        return -ENOMEM;
    return crypt_unseal(&l->crypt, at->key, (struct crypt_place){content, block}, piece,
                        *length + CRYPT_OVERHEAD, *data);
}

static int part_read(struct ledger *l, struct connection *c, const struct located *at, uint64_t content,
                     uint64_t offset, uint8_t *out, size_t n)
{
    uint64_t block = offset / CONTENT_BLOCK_SIZE;
    size_t from = (size_t)(offset % CONTENT_BLOCK_SIZE), length = 0;
    if (plain_copy(l, content, block, from, out, n))
        return 0;
    uint8_t *data = NULL;
    int r = block_read(l, c, at, content, block, &data, &length);
    if (r == 0)
        memcpy(out, data + from, n);
    if (r == 0 && length > n) {
        plain_keep(l, content, block, data, length);
        return 0;
    }
    if (data)
        OPENSSL_cleanse(data, length);
    free(data);
    return r;
}

static int64_t located_read(struct ledger *l, struct connection *c, const struct located *at,
                            uint64_t content, uint64_t offset, uint8_t *out, size_t size)
{
    if (offset >= at->size)
        return 0;
    if (size > at->size - offset)
        size = (size_t)(at->size - offset);
    for (size_t done = 0; done < size;) {
        size_t room = CONTENT_BLOCK_SIZE - (size_t)((offset + done) % CONTENT_BLOCK_SIZE);
        size_t n = size - done < room ? size - done : room;
        int r = part_read(l, c, at, content, offset + done, out + done, n);
        if (r)
            return r;
        done += n;
    }
    return (int64_t)size;
}

int64_t content_read(struct ledger *l, uint64_t content, uint64_t offset, void *out, size_t size)
{
    WITH_READER(l, c);
    struct located at;
    if (!c)
        return -EIO;
    int64_t r = locate(l, c, content, &at);
    if (r == 0)
        r = located_read(l, c, &at, content, offset, out, size);
    OPENSSL_cleanse(&at, sizeof at);
    return r;
}

int content_stat(struct ledger *l, uint64_t content, uint64_t *size, struct hash256 *sha256)
{
    WITH_READER(l, c);
    if (!c)
        return -EIO;
    autoquery s =
        sql_query(c, "SELECT size, sha256 FROM content WHERE id=? AND key IS NOT NULL", "i", content);
    int r = sql_row(s);
    if (r <= 0)
        return r < 0 ? r : -ENOENT;
    if (size)
        *size = sql_u64(s, 0);
    if (sha256)
        sql_bytes(s, 1, sha256->bytes, sizeof sha256->bytes);
    return 0;
}

int content_whole(struct ledger *l, uint64_t id, size_t limit, struct buffer *out)
{
    uint64_t size;
    int r = content_stat(l, id, &size, NULL);
    if (r || size > limit)
        return r ? r : -EFBIG;
    uint8_t block[8192];
    for (uint64_t at = 0; at < size && r == 0;) {
        int64_t n = content_read(l, id, at, block, sizeof block);
        r = n <= 0 ? (n < 0 ? (int)n : -EIO) : buffer_append(out, block, (size_t)n);
        at += n > 0 ? (uint64_t)n : 0;
    }
    return r;
}
