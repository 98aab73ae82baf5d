#include "link/todo.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_LIST = 256, LONGEST_LIST = 1 << 20 };

void todo_free(struct todo *t)
{
    free(t->ids);
    free(t->waits);
}

/* Index of the first wait with an id not below `id`. */
static size_t position(const struct todo *t, uint64_t id)
{
    size_t low = 0, high = t->n_waits;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (t->waits[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool todo_waiting(const struct todo *t, uint64_t id)
{
    size_t at = position(t, id);
    return at < t->n_waits && t->waits[at].id == id;
}

static bool add_wait(struct todo *t, uint64_t id, int64_t until)
{
    size_t at = position(t, id);
    if (at < t->n_waits && t->waits[at].id == id) {
        t->waits[at].until = until;
        return true;
    }
    if (t->n_waits == t->waits_room) {
        size_t room = t->waits_room ? t->waits_room * 2 : 32;
        struct todo_wait *more = realloc(t->waits, room * sizeof *more);
        if (!more)
            return false;
        t->waits = more;
        t->waits_room = room;
    }
    memmove(t->waits + at + 1, t->waits + at, (t->n_waits - at) * sizeof *t->waits);
    t->waits[at] = (struct todo_wait){id, until};
    t->n_waits++;
    return true;
}

void todo_wait(struct todo *t, uint64_t id, int64_t until)
{
    add_wait(t, id, until);
}

void todo_release(struct todo *t, uint64_t id)
{
    size_t at = position(t, id);
    if (at < t->n_waits && t->waits[at].id == id) {
        memmove(t->waits + at, t->waits + at + 1, (t->n_waits - at - 1) * sizeof *t->waits);
        t->n_waits--;
    }
    t->dirty = true;
}

/* A list that could not be read is not an empty one. */
static bool unread(struct todo *t, int64_t now)
{
    t->dirty = true;
    t->again = now + TODO_AGAIN_MS;
    return false;
}

/* Reads the list again, longer while everything in it waits: what waits must not hide what does not. */
static bool reload(struct todo *t, struct ledger *l, int64_t now)
{
    t->dirty = false;
    t->again = 0;
    t->n = t->next = 0;
    for (size_t max = FIRST_LIST; max <= LONGEST_LIST; max *= 4) {
        if (max > t->max) {
            uint64_t *more = realloc(t->ids, max * sizeof *more);
            if (!more)
                return unread(t, now);
            t->ids = more;
            t->max = max;
        }
        int n = t->list(l, t->ids, max);
        if (n < 0)
            return unread(t, now);
        t->n = (size_t)n;
        for (size_t i = 0; i < t->n; i++)
            if (!todo_waiting(t, t->ids[i]))
                return true;
        if (t->n < max)
            return false;
    }
    return false;
}

uint64_t todo_take(struct todo *t, struct ledger *l, int64_t now)
{
    todo_due(t, now);
    for (;;) {
        while (t->next < t->n) {
            uint64_t id = t->ids[t->next++];
            if (todo_waiting(t, id))
                continue;
            if (add_wait(t, id, TODO_UNDER_WAY))
                return id;
            t->n = t->next = 0;
            unread(t, now); /* no memory */
        }
        if (!t->dirty || now < t->again || !reload(t, l, now))
            return 0;
    }
}

void todo_release_all(struct todo *t, int64_t until)
{
    size_t kept = 0;
    for (size_t i = 0; i < t->n_waits; i++) {
        int64_t u = t->waits[i].until;
        if (until == INT64_MIN ? u >= TODO_TURN : u != until)
            t->waits[kept++] = t->waits[i];
    }
    t->dirty = t->dirty || kept < t->n_waits;
    t->n_waits = kept;
}

int64_t todo_due(struct todo *t, int64_t now)
{
    int64_t first = INT64_MAX;
    size_t kept = 0;
    if (t->again) {
        first = t->again > now ? t->again : now;
        t->again = t->again > now ? t->again : 0;
    }
    for (size_t i = 0; i < t->n_waits; i++) {
        if (t->waits[i].until <= now)
            continue;
        if (t->waits[i].until < TODO_TURN && t->waits[i].until < first)
            first = t->waits[i].until;
        t->waits[kept++] = t->waits[i];
    }
    if (kept < t->n_waits) {
        t->dirty = true;
        first = now;
    }
    t->n_waits = kept;
    return first;
}
