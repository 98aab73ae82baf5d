/* Small durable values, and the head of the directory log as it was followed. */
#include <errno.h>
#include <string.h>

#include "ledger/exchange.h"

enum { VALUE_MAX = 8 << 20, KEY_MAX = 128 };

struct value_change {
    struct change change;
    const char *key;
    const void *value;
    size_t length;
};

static int value_apply(struct ledger *l, struct change *change)
{
    const struct value_change *v = (struct value_change *)change;
    if (!v->value)
        return sql_run(&l->writer, "DELETE FROM value WHERE key=?", "t", v->key);
    return sql_run(&l->writer, "INSERT OR REPLACE INTO value(key, data) VALUES(?, ?)", "tb", v->key, v->value,
                   v->length);
}

int ledger_value_set(struct ledger *l, const char *key, const void *value, size_t length,
                     ledger_done_fn *done, void *context)
{
    if (length > VALUE_MAX || strlen(key) > KEY_MAX)
        return change_answer(-EFBIG, done, context);
    struct value_change *v = change_new(sizeof *v, value_apply, done, context);
    if (v) {
        v->key = change_text(&v->change, key);
        v->value = change_copy(&v->change, value, length);
        v->length = length;
    }
    return change_submit(l, v ? &v->change : NULL, done, context);
}

int ledger_value_get(struct ledger *l, const char *key, struct buffer *out)
{
    WITH_READER(l, c);
    if (!c)
        return -EIO;
    autoquery s = sql_query(c, "SELECT data FROM value WHERE key=?", "t", key);
    int r = sql_row(s);
    if (r <= 0)
        return r < 0 ? r : -ENOENT;
    return column_buffer(s, 0, out);
}
