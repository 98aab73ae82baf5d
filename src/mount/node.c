/* Live nodes: what is open, changed, or not in the ledger yet. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mount/tree.h"

static uint64_t node_hash(const struct tree *t, uint64_t id)
{
    return table_mix(id, t->slot);
}

/* Under the mutex; no reference taken. */
static struct node *node_search(struct tree *t, uint64_t id)
{
    uint64_t hash = node_hash(t, id);
    for (struct table_link *l = table_chain(&t->mount->nodes, hash); l; l = l->next) {
        struct node *n = TABLE_ENTRY(l, struct node, link);
        if (l->hash == hash && n->tree == t && n->id == id)
            return n;
    }
    return NULL;
}

struct node *node_peek(struct tree *t, uint64_t id)
{
    LOCKED(&t->mount->mutex);
    struct node *n = node_search(t, id);
    if (n)
        n->refs++;
    return n;
}

static struct node *node_new(struct tree *t, uint64_t id, uint64_t content, uint64_t size)
{
    struct node *n = calloc(1, sizeof *n);
    if (!n)
        return NULL;
    n->tree = t;
    n->id = id;
    n->refs = 1;
    n->waiting_end = &n->waiting;
    n->file_class = CLASS_OTHER;
    pthread_mutex_init(&n->lock, NULL);
    draft_open(&n->draft, &t->house, id, content, size);
    atomic_init(&n->size, size);
    atomic_init(&n->changes, 0);
    atomic_init(&n->judged, 0);
    atomic_init(&n->durable, 0);
    return n;
}

static void node_free(struct node *n)
{
    draft_close(&n->draft);
    xattrs_free(n);
    pthread_mutex_destroy(&n->lock);
    free(n->name);
    free(n->folded);
    free(n);
}

static void ignore_result(void *context, int result)
{
    (void)context;
    (void)result; /* what stays is dropped at the next start */
}

void node_put(struct node *n)
{
    struct mount *m = n->tree->mount;
    {
        LOCKED(&m->mutex);
        if (--n->refs)
            return;
        table_remove(&m->nodes, &n->link);
        m->removals++;
    }
    if (n->kept)
        ledger_drop_node(n->tree->ledger, n->id, ignore_result, NULL);
    node_free(n);
}

/* The name of a file in the outbox (or put back into the inbox); others are known by their nodes alone. */
static int node_load_name(struct node *n)
{
    struct tree *t = n->tree;
    struct ledger_entry entry;
    struct name_text text;
    struct careplan_name transfer;
    int found = ledger_entries_of(t->ledger, n->id, &entry, 1);
    if (found <= 0)
        return found;
    int r = place_find(t, entry.parent, &n->place);
    if (r)
        return r;
    name_fold(entry.name, text.folded);
    n->name = strdup(entry.name);
    n->folded = strdup(text.folded);
    if (!n->name || !n->folded)
        return -ENOMEM;
    n->named = true;
    n->entry = entry.id;
    n->parent = entry.parent;
    n->file_class = n->kind == NODE_REPORT ? CLASS_RESERVED
                                           : name_class(t->mount->settings, rules_standard(t->mount->rules),
                                                        n->name, n->place == PLACE_OUTBOX_PARTNER, &transfer);
    if (n->file_class == CLASS_TRANSFER)
        memcpy(n->sequence, transfer.sequence, sizeof n->sequence);
    return 0;
}

static int node_load(struct tree *t, uint64_t id, struct node **out)
{
    struct ledger_node l;
    int r = ledger_node(t->ledger, id, &l);
    if (r)
        return r;
    struct node *n = node_new(t, id, l.kind == NODE_FOLDER ? 0 : l.draft ? l.draft : l.content, l.size);
    if (!n)
        return -ENOMEM;
    struct attr a;
    attr_of_ledger(t, &l, &a);
    n->kind = l.kind;
    n->mode = a.mode;
    n->links = a.links;
    n->mtime_ns = l.mtime_ns;
    n->ctime_ns = l.ctime_ns;
    n->atime_ns = l.atime_ns;
    n->taken = l.taken;
    n->verdict = l.verdict;
    n->close_error = l.verdict == VERDICT_REJECTED ? EINVAL : 0;
    n->has_message = l.message != 0;
    n->stored = true;
    r = l.kind == NODE_FILE || l.kind == NODE_REPORT ? node_load_name(n) : 0;
    if (r)
        node_free(n);
    else
        *out = n;
    return r;
}

int node_get(struct tree *t, uint64_t id, struct node **out)
{
    struct mount *m = t->mount;
    for (;;) {
        struct node *loaded = NULL;
        uint64_t removals;
        {
            LOCKED(&m->mutex);
            *out = node_search(t, id);
            if (*out) {
                (*out)->refs++;
                return 0;
            }
            removals = m->removals;
        }
        int r = node_load(t, id, &loaded);
        if (r)
            return r;
        {
            LOCKED(&m->mutex);
            *out = node_search(t, id);
            if (*out) {
                (*out)->refs++;
            } else if (removals == m->removals) {
                table_add(&m->nodes, &loaded->link, node_hash(t, id));
                *out = loaded;
                return 0;
            }
        }
        node_free(loaded);
        if (*out)
            return 0;
        /* Somebody was done with a node meanwhile, perhaps with this one: what was read may be old. */
    }
}

/* What is judged is so at its last close, or when it has settled empty; a draft that the ledger has does not
 * stand for it, or the message's old content would go. Under the mutex. */
static bool has_unsaved(const struct node *n)
{
    bool judged = n->file_class != CLASS_SCRATCH && place_is_outbox(n->place);
    return n->named && atomic_load(&n->changes) != atomic_load(judged ? &n->judged : &n->durable);
}

void node_unpin(struct node *n)
{
    if (!n->pinned || has_unsaved(n))
        return;
    n->pinned = false;
    n->refs--;
}

void node_changed(struct node *n, struct handle *by)
{
    LOCKED(&n->tree->mount->mutex);
    if (by)
        by->wrote = true;
    n->mtime_ns = n->ctime_ns = clock_now_ns();
    if (!n->pinned && has_unsaved(n)) { /* unless it was saved since */
        n->pinned = true;
        n->refs++;
    }
}

int node_create(struct tree *t, uint64_t parent, enum place place, const char *name, const char *folded,
                mode_t mode, struct node **out)
{
    struct mount *m = t->mount;
    uint64_t id = ledger_new_id(t->ledger), entry = ledger_new_id(t->ledger);
    struct careplan_name transfer;
    if (!id || !entry)
        return -EIO;
    struct node *n = node_new(t, id, 0, 0);
    if (!n)
        return -ENOMEM;
    n->name = strdup(name);
    n->folded = strdup(folded);
    if (!n->name || !n->folded) {
        node_free(n);
        return -ENOMEM;
    }
    n->kind = NODE_FILE;
    n->mode = mode & 0222 ? 0660 : 0440;
    n->mtime_ns = n->ctime_ns = n->atime_ns = clock_now_ns();
    n->entry = entry;
    n->parent = parent;
    n->place = place;
    n->file_class =
        name_class(m->settings, rules_standard(m->rules), name, place == PLACE_OUTBOX_PARTNER, &transfer);
    if (n->file_class == CLASS_TRANSFER)
        memcpy(n->sequence, transfer.sequence, sizeof n->sequence);
    n->named = true;
    atomic_store(&n->changes, 1); /* an empty file, and nobody has judged it */
    LOCKED(&m->mutex);
    table_add(&m->nodes, &n->link, node_hash(t, id));
    loose_add(n);
    *out = n;
    return 0;
}
