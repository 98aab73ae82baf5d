/* Outgoing units as the mount and the link read them. */
#include <errno.h>
#include <string.h>

#include "ledger/message.h"

void ledger_unit_free(struct ledger_unit *u)
{
    free(u->files);
    *u = (struct ledger_unit){0};
}

static void unit_fill(const struct message *m, struct ledger_unit *out)
{
    *out = (struct ledger_unit){
        .message = m->id,
        .id = m->uid,
        .recipient = m->partner,
        .state = (enum out_state)m->state,
        .settled = m->settled,
        .sealed = m->sealed,
        .saved = m->saved,
        .sent = m->sent,
        .received = m->received,
        .taken = m->taken,
        .has_replaces = m->has_replaces,
        .replaces = m->replaces,
    };
    memcpy(out->recipient_text, m->partner_text, sizeof out->recipient_text);
    memcpy(out->sequence, m->sequence, sizeof out->sequence);
    memcpy(out->reason, m->reason, sizeof out->reason);
}

static int unit_read(struct connection *c, uint64_t message, struct ledger_unit *out)
{
    struct message m;
    int r = message_find(c, message, &m);
    if (r || !m.outgoing)
        return r ? r : -ENOENT;
    unit_fill(&m, out);
    return message_files(c, message, &out->files, &out->n_files);
}

int ledger_unit(struct ledger *l, uint64_t message, struct ledger_unit *out)
{
    *out = (struct ledger_unit){0};
    WITH_READER(l, c);
    int r = c ? sql_run(c, "BEGIN", "") : -EIO; /* message and files of one moment */
    if (r)
        return r;
    r = unit_read(c, message, out);
    int end = sql_run(c, "COMMIT", "");
    if (r || end)
        ledger_unit_free(out);
    return r ? r : end;
}

int ledger_units_open(struct ledger *l, uint64_t after, uint64_t *messages, size_t max)
{
    size_t n = 0;
    WITH_READER(l, c);
    if (!c)
        return -EIO;
    autoquery s = sql_query(c, "SELECT id FROM message WHERE open=1 AND id>? ORDER BY id LIMIT ?", "ii",
                            after, (uint64_t)(max < INT32_MAX ? max : INT32_MAX));
    int r;
    while ((r = sql_row(s)) > 0)
        messages[n++] = sql_u64(s, 0);
    return r < 0 ? r : (int)n;
}

int ledger_standing(struct ledger *l, const char *unit, const char *sequence, const char *name, uint64_t node,
                    struct ledger_entry *out)
{
    const struct unit_key key = {.unit = unit, .sequence = sequence};
    WITH_READER(l, c);
    return c ? unit_standing(c, &key, name, node, out) : -EIO;
}
