/* Names that are not in the ledger: of files created and not saved yet, and of scratch. A hash by folded
 * name, and for each folder a list in the order of entry ids for readdir. */
#include <stdlib.h>
#include <string.h>

#include "mount/tree.h"

/* Ids rise with creation, so adding is appending; a removed entry leaves a gap until half are gaps. */
struct loose_entry {
    uint64_t id;
    struct node *node; /* NULL: a gap */
};
struct folder {
    struct table_link link; /* mount.folders */
    struct tree *tree;
    uint64_t id;
    int64_t changed_ns;
    struct loose_entry *entries;
    size_t n, gaps, capacity;
};

static struct folder *folder_search(struct tree *t, uint64_t id)
{
    uint64_t hash = table_mix(id, t->slot);
    for (struct table_link *l = table_chain(&t->mount->folders, hash); l; l = l->next) {
        struct folder *f = TABLE_ENTRY(l, struct folder, link);
        if (l->hash == hash && f->tree == t && f->id == id)
            return f;
    }
    return NULL;
}

/* Folders that users write into are few and stay. NULL: no memory. */
static struct folder *folder_use(struct tree *t, uint64_t id)
{
    struct folder *f = folder_search(t, id);
    if (f)
        return f;
    f = calloc(1, sizeof *f);
    if (!f)
        return NULL;
    f->tree = t;
    f->id = id;
    table_add(&t->mount->folders, &f->link, table_mix(id, t->slot));
    return f;
}

void folders_free(struct mount *m)
{
    for (size_t i = 0; i < m->folders.size; i++)
        for (struct table_link *l = m->folders.buckets[i], *next; l; l = next) {
            struct folder *f = TABLE_ENTRY(l, struct folder, link);
            next = l->next;
            free(f->entries);
            free(f);
        }
    table_free(&m->folders);
}

void folder_touch(struct tree *t, uint64_t folder)
{
    struct folder *f = folder_use(t, folder);
    if (f)
        f->changed_ns = clock_now_ns();
}

int64_t folder_changed_ns(struct tree *t, uint64_t folder)
{
    LOCKED(&t->mount->mutex);
    const struct folder *f = folder_search(t, folder);
    return f ? f->changed_ns : 0;
}

/* The first entry with an id of at least `id`. */
static size_t folder_at(const struct folder *f, uint64_t id)
{
    size_t low = 0, high = f->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (f->entries[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool folder_insert(struct folder *f, uint64_t id, struct node *n)
{
    if (f->n == f->capacity) {
        size_t capacity = f->capacity ? f->capacity * 2 : 16;
        struct loose_entry *entries = realloc(f->entries, capacity * sizeof *entries);
        if (!entries)
            return false;
        f->entries = entries;
        f->capacity = capacity;
    }
    size_t at = folder_at(f, id);
    if (at < f->n && f->entries[at].id == id) {
        f->gaps -= !f->entries[at].node;
        f->entries[at].node = n;
        return true;
    }
    memmove(f->entries + at + 1, f->entries + at, (f->n - at) * sizeof *f->entries);
    f->entries[at] = (struct loose_entry){id, n};
    f->n++;
    return true;
}

static void folder_remove(struct folder *f, uint64_t id)
{
    size_t at = folder_at(f, id);
    if (at == f->n || f->entries[at].id != id || !f->entries[at].node)
        return;
    f->entries[at].node = NULL;
    if (++f->gaps <= f->n / 2)
        return;
    size_t kept = 0;
    for (size_t i = 0; i < f->n; i++)
        if (f->entries[i].node)
            f->entries[kept++] = f->entries[i];
    f->n = kept;
    f->gaps = 0;
}

static uint64_t name_hash(const struct tree *t, uint64_t parent, const char *folded)
{
    return table_hash_text(table_mix(parent, t->slot), folded);
}

/* A loose name holds a reference. When there is no memory for its place in the listing the file is there all
 * the same, but not listed until it is saved. */
void loose_add(struct node *n)
{
    struct mount *m = n->tree->mount;
    struct folder *f = folder_use(n->tree, n->parent);
    n->refs++;
    n->loose = true;
    table_add(&m->names, &n->name_link, name_hash(n->tree, n->parent, n->folded));
    if (f && folder_insert(f, n->entry, n))
        f->changed_ns = clock_now_ns();
}

/* The caller holds a reference of its own. */
void loose_remove(struct node *n)
{
    if (!n->loose)
        return;
    struct folder *f = folder_search(n->tree, n->parent);
    table_remove(&n->tree->mount->names, &n->name_link);
    if (f) {
        folder_remove(f, n->entry);
        f->changed_ns = clock_now_ns();
    }
    n->loose = false;
    n->refs--;
}

static struct node *loose_search(struct tree *t, uint64_t parent, const char *name, const char *folded)
{
    uint64_t hash = name_hash(t, parent, folded);
    for (struct table_link *l = table_chain(&t->mount->names, hash); l; l = l->next) {
        struct node *n = TABLE_ENTRY(l, struct node, name_link);
        if (l->hash == hash && n->tree == t && n->parent == parent && strcmp(n->folded, folded) == 0 &&
            (!name || strcmp(n->name, name) == 0))
            return n;
    }
    return NULL;
}

struct node *loose_find(struct tree *t, uint64_t parent, const char *name, const char *folded)
{
    LOCKED(&t->mount->mutex);
    struct node *n = loose_search(t, parent, name, folded);
    if (n)
        n->refs++;
    return n;
}

struct node *loose_twin(struct tree *t, uint64_t parent, const char *folded)
{
    return loose_find(t, parent, NULL, folded);
}

struct node *loose_next(struct tree *t, uint64_t parent, uint64_t after)
{
    LOCKED(&t->mount->mutex);
    const struct folder *f = folder_search(t, parent);
    if (!f)
        return NULL;
    for (size_t at = folder_at(f, after + 1); at < f->n; at++)
        if (f->entries[at].node) {
            f->entries[at].node->refs++;
            return f->entries[at].node;
        }
    return NULL;
}

void node_rename(struct node *n, uint64_t parent, enum place place, char *name, char *folded)
{
    struct careplan_name transfer;
    bool loose = n->loose;
    if (loose)
        loose_remove(n);
    else
        folder_touch(n->tree, n->parent);
    free(n->name);
    free(n->folded);
    n->name = name;
    n->folded = folded;
    n->parent = parent;
    n->place = place;
    n->ctime_ns = clock_now_ns();
    n->file_class = name_class(n->tree->mount->settings, rules_standard(n->tree->mount->rules), name,
                               place == PLACE_OUTBOX_PARTNER, &transfer);
    n->sequence[0] = '\0';
    n->recipient = (struct office_id){0};
    if (n->file_class == CLASS_TRANSFER)
        memcpy(n->sequence, transfer.sequence, sizeof n->sequence);
    if (loose)
        loose_add(n);
    else
        folder_touch(n->tree, parent);
}

void node_unname(struct node *n)
{
    if (n->loose)
        loose_remove(n);
    else
        folder_touch(n->tree, n->parent);
    n->named = false;
    n->links = 0;
    node_unpin(n);
}
