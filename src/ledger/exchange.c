#include "ledger/exchange.h"

#include <errno.h>
#include <string.h>

int change_answer(int result, ledger_done_fn *done, void *context)
{
    if (!done)
        return result;
    done(context, result);
    return 0;
}

int column_ids(sqlite3_stmt *s, uint64_t *out, size_t max)
{
    size_t n = 0;
    int r = 0;
    while (n < max && n < INT32_MAX && (r = sql_row(s)) > 0)
        out[n++] = sql_u64(s, 0);
    return r < 0 ? r : (int)n;
}

int column_buffer(sqlite3_stmt *s, int column, struct buffer *out)
{
    const void *data = sqlite3_column_blob(s, column);
    int length = sqlite3_column_bytes(s, column);
    return data && length > 0 ? buffer_append(out, data, (size_t)length) : 0;
}

bool name_is_safe(const char *name)
{
    size_t n = name ? strnlen(name, 256) : 0;
    return n > 0 && n < 256 && !strchr(name, '/') && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

bool sequence_is_safe(const char *sequence)
{
    size_t n = strspn(sequence, "0123456789");
    return n < sizeof((struct message *)0)->sequence && sequence[n] == '\0';
}

char *reason_copy(struct change *c, const char *reason)
{
    size_t most = sizeof((struct message *)0)->reason - 1, n = strlen(reason);
    while (n > most || (n && n < strlen(reason) && ((unsigned char)reason[n] & 0xc0) == 0x80))
        n--;
    return change_copy(c, reason, n);
}

int content_link(struct ledger *l, struct content *c, uint64_t *id)
{
    *id = 0;
    if (!c)
        return 0;
    int r = content_store(l, c, 0);
    if (r == 0)
        *id = content_id(c);
    return r;
}

int content_inline(struct ledger *l, const void *data, size_t length, uint64_t *id)
{
    struct hash256 hash;
    if (EVP_Digest(data, length, hash.bytes, NULL, l->crypt.sha256, NULL) != 1)
        return -ENOMEM;
    int r = content_begin(l, id);
    if (r == 0)
        r = content_grow(l, *id, 0, data, length);
    /* content_begin's reference is nobody's */
    return r ? r
             : sql_run(&l->writer, "UPDATE content SET sha256=?, refs=0 WHERE id=?", "bi", hash.bytes,
                       sizeof hash.bytes, *id);
}

int number_take(struct ledger *l, const char *key, uint64_t *out)
{
    int64_t next = 1;
    int r = sql_number(&l->writer, &next, "SELECT data FROM internal WHERE key=?", "t", key);
    if (r && r != -ENOENT)
        return r;
    *out = (uint64_t)next;
    return sql_run(&l->writer, "INSERT OR REPLACE INTO internal(key, data) VALUES(?, ?)", "ti", key,
                   next + 1);
}

int file_folded(struct ledger *l, uint64_t message, const char *name, char out[768])
{
    autoquery s =
        sql_query(&l->writer, "SELECT folded FROM file WHERE message=? AND name=?", "it", message, name);
    int r = sql_row(s);
    if (r > 0)
        sql_text(s, 0, out, 768);
    return r > 0 ? 0 : r == 0 ? -ENOENT : r;
}
