/* The notes beside a unit that is judged as a whole: what it lacks, which of its records do not fit. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/exchange.h"

/* The first of them with an id > after. */
static int note_next(struct connection *c, uint64_t message, uint64_t after, struct ledger_entry *out)
{
    autoquery s = sql_query(c,
                            "SELECT " ENTRY_COLUMNS " FROM node JOIN entry ON entry.node=node.id"
                            " WHERE node.message=? AND node.kind=2 AND node.message<>0 AND entry.id>?"
                            " ORDER BY entry.id LIMIT 1",
                            "ii", message, after);
    int r = sql_row(s);
    if (r > 0)
        entry_read(s, 0, out);
    return r > 0 ? 0 : r == 0 ? -ENOENT : r;
}
_Static_assert(NODE_REPORT == 2, "the index node_note and a query here say 2");

int ledger_unit_notes(struct ledger *l, uint64_t message, uint64_t after, struct ledger_entry *out,
                      size_t max)
{
    size_t n = 0;
    int r = 0;
    WITH_READER(l, c);
    if (!c)
        return -EIO;
    while (n < max && (r = note_next(c, message, n ? out[n - 1].id : after, &out[n])) == 0)
        n++;
    return r && r != -ENOENT ? r : (int)n;
}

static bool is_wanted(const struct ledger_entry *e, const struct note *notes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (notes[i].parent == e->parent && strcmp(notes[i].name, e->name) == 0)
            return true;
    return false;
}

/* All but those of these names. */
static int notes_go(struct ledger *l, uint64_t message, const struct note *notes, size_t n)
{
    struct ledger_entry e = {0};
    int r;
    while ((r = note_next(&l->writer, message, e.id, &e)) == 0) {
        r = is_wanted(&e, notes, n) ? 0 : entry_delete(l, &e, true); /* as report_remove */
        if (r)
            return r;
    }
    return r == -ENOENT ? 0 : r;
}

int unit_notes_remove(struct ledger *l, uint64_t message)
{
    return notes_go(l, message, NULL, 0);
}

/* Does the note stand there as it is to be? 1 = yes. */
static int note_same(struct ledger *l, uint64_t message, const struct note *note)
{
    struct ledger_entry entry;
    struct ledger_node node;
    struct hash256 had, wanted;
    uint64_t size;
    int r = entry_find_name(&l->writer, note->parent, note->name, &entry, &node);
    if (r || node.kind != NODE_REPORT || node.message != message || !node.content)
        return r == -ENOENT ? 0 : r;
    r = content_known(l, node.content, &size, &had);
    content_hash(note->report, &wanted);
    return r ? r : memcmp(&had, &wanted, sizeof had) == 0;
}

static int note_put(struct ledger *l, uint64_t message, const struct note *note)
{
    struct ledger_entry entry;
    struct ledger_node node;
    uint64_t content = 0;
    int r = note_same(l, message, note);
    if (r)
        return r < 0 ? r : 0;
    r = content_link(l, note->report, &content);
    if (r == 0)
        r = report_put(l, note->parent, note->name, note->folded, content);
    if (r == 0)
        r = entry_find_name(&l->writer, note->parent, note->name, &entry, &node);
    if (r || node.kind != NODE_REPORT)
        return r; /* a user's file stands there */
    return sql_run(&l->writer, "UPDATE node SET message=? WHERE id=?", "ii", message, node.id);
}

int unit_notes_put(struct ledger *l, uint64_t message, const struct note *notes, size_t n)
{
    int r = notes_go(l, message, notes, n);
    for (size_t i = 0; i < n && r == 0; i++)
        r = note_put(l, message, &notes[i]);
    return r;
}

/* ---- Handing in ---- */

struct note *notes_copy(struct ledger *l, struct change *c, const struct ledger_note *notes, size_t n)
{
    autofree struct note *copy = calloc(n + 1, sizeof *copy);
    c->failed |= !copy;
    for (size_t i = 0; i < n && copy; i++)
        copy[i] = (struct note){
            .parent = notes[i].parent,
            .name = change_text(c, notes[i].name),
            .folded = change_text(c, notes[i].folded),
            .report = change_content(l, c, notes[i].text, notes[i].length),
        };
    return change_copy(c, copy, n * sizeof *copy);
}

bool notes_are_safe(const struct ledger_note *notes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!name_is_safe(notes[i].name) || !notes[i].folded || !notes[i].length)
            return false;
    return true;
}
