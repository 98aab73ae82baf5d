/* What is done apart from requests: what a dead daemon left, and what the settler asks for. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "mount/tree.h"

enum { LIST_ENTRIES = 256 };
#define DAY_NS INT64_C(86400000000000)

CLEANUP_DEFINE(autodir, DIR, closedir);

/* ---- Walking the outbox ---- */

struct walk {
    bool (*wanted)(struct tree *t, enum place place, const struct ledger_entry *e,
                   const struct ledger_node *n);
    struct tree *tree;
    enum place place;
    struct ledger_entry entries[LIST_ENTRIES]; /* those wanted */
    uint64_t folders[LIST_ENTRIES];
    size_t n, n_folders, seen;
    uint64_t last;
};

static bool walk_take(void *context, const struct ledger_entry *entry, const struct ledger_node *node)
{
    struct walk *w = context;
    w->seen++;
    w->last = entry->id;
    if (node->kind == NODE_FOLDER)
        w->folders[w->n_folders++] = entry->node;
    else if (w->wanted(w->tree, w->place, entry, node))
        w->entries[w->n++] = *entry;
    return true;
}

/* Calls `act` for what is wanted in this folder of the outbox, and in the folders in it. */
static int walk_folder(struct walk *w, uint64_t folder, enum place place,
                       void (*act)(struct tree *t, const struct ledger_entry *e))
{
    uint64_t after = 0;
    do {
        w->place = place;
        w->n = w->n_folders = w->seen = 0;
        int r = ledger_list(w->tree->ledger, folder, after, LIST_ENTRIES, walk_take, w);
        if (r < 0)
            return r;
        after = w->last;
        bool more = w->seen == LIST_ENTRIES;
        for (size_t i = 0; i < w->n; i++)
            act(w->tree, &w->entries[i]);
        if (place == PLACE_OUTBOX && w->n_folders) {
            size_t n = w->n_folders;
            autofree uint64_t *folders = malloc(n * sizeof *folders);
            if (!folders)
                return -ENOMEM;
            memcpy(folders, w->folders, n * sizeof *folders);
            for (size_t i = 0; i < n; i++) {
                r = walk_folder(w, folders[i], PLACE_OUTBOX_PARTNER, act);
                if (r < 0)
                    return r;
            }
        }
        if (!more)
            return 0;
    } while (true);
}

static int walk_outbox(struct tree *t,
                       bool (*wanted)(struct tree *t, enum place place, const struct ledger_entry *e,
                                      const struct ledger_node *n),
                       void (*act)(struct tree *t, const struct ledger_entry *e))
{
    autofree struct walk *w = calloc(1, sizeof *w);
    if (!w)
        return -ENOMEM;
    w->tree = t;
    w->wanted = wanted;
    return walk_folder(w, NODE_OUTBOX, PLACE_OUTBOX, act);
}

/* ---- At the start ---- */

static int drafts_clean(struct tree *t, struct error *e)
{
    if (mkdir(t->drafts, 0700) && errno != EEXIST)
        return error_set(e, -errno, "mount-drafts", "%s: %s", t->drafts, strerror(errno));
    int fd = open(t->drafts, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    with_cleanup(autodir) DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) {
        int number = errno;
        if (fd >= 0)
            close(fd);
        return error_set(e, -number, "mount-drafts", "%s: %s", t->drafts, strerror(number));
    }
    for (const struct dirent *entry; (entry = readdir(dir));)
        if (entry->d_name[0] != '.' && unlinkat(dirfd(dir), entry->d_name, 0))
            log_warning("mount-drafts", "%s: cannot remove what an earlier run left: %s", t->drafts,
                        strerror(errno));
    return 0;
}

/* A draft that nobody closed is held; a file that was renamed while it was being written, and lost its
 * verdict by that, is judged. */
static bool is_left_over(struct tree *t, enum place place, const struct ledger_entry *e,
                         const struct ledger_node *n)
{
    if (n->kind != NODE_FILE)
        return false;
    enum file_class c = name_class(t->mount->settings, rules_standard(t->mount->rules), e->name,
                                   place == PLACE_OUTBOX_PARTNER, NULL);
    bool lost = (c == CLASS_TRANSFER || c == CLASS_DOCUMENT) && n->content && !n->message;
    return c != CLASS_SCRATCH && c != CLASS_RESERVED && (n->draft || lost);
}

static void judge_left_over(struct tree *t, const struct ledger_entry *e)
{
    struct ledger_node l;
    autonode *n = NULL;
    if (ledger_node(t->ledger, e->node, &l) || node_get(t, e->node, &n))
        return;
    atomic_fetch_add(&n->changes, 1); /* whatever the ledger says of it: to be judged */
    save_start(n, NULL, (struct save_how){.held = l.draft != 0, .settled = true});
}

int recover_all(struct mount *m, struct error *e)
{
    for (size_t i = 0; i < m->n_trees; i++) {
        struct tree *t = &m->trees[i];
        int r = drafts_clean(t, e);
        if (r)
            return r;
        r = walk_outbox(t, is_left_over, judge_left_over);
        if (r < 0)
            return error_set(e, r, "ledger-read", "office %s: cannot read the outbox: %s",
                             t->settings->office.text, strerror(-r));
    }
    return 0;
}

/* ---- For the settler ---- */

bool mount_busy(struct mount *m, size_t office, uint64_t node)
{
    autonode *n = node_peek(&m->trees[office], node);
    if (!n)
        return false;
    bool dirty = node_dirty(n);
    LOCKED(&m->mutex);
    return dirty || n->claimed || (n->named && n->writers > 0);
}

void mount_changed(struct mount *m, size_t office, uint64_t parent, const char *name)
{
    /* Names that come and go without a request are not believed for longer than one look (attr_entry). To
     * make the kernel forget one would take the folder's lock: who is killed there while a request in that
     * folder waits for him never ends. */
    (void)name;
    (void)fuse_lowlevel_notify_inval_inode(m->session, inode_of(&m->trees[office], parent), -1, 0);
}

void mount_judge_empty(struct mount *m, size_t office, uint64_t node)
{
    autonode *n = node_peek(&m->trees[office], node);
    bool open, held;
    if (!n)
        return;
    {
        LOCKED(&m->mutex);
        open = n->writers > 0;
        held = n->close_held && atomic_load(&n->size);
    }
    if (!open && node_dirty(n))
        save_start(n, NULL, (struct save_how){.settled = true, .held = held});
}

static bool is_old_scratch(struct tree *t, enum place place, const struct ledger_entry *e,
                           const struct ledger_node *n)
{
    return n->kind == NODE_FILE && n->mtime_ns < clock_now_ns() - DAY_NS &&
           name_class(t->mount->settings, rules_standard(t->mount->rules), e->name,
                      place == PLACE_OUTBOX_PARTNER, NULL) == CLASS_SCRATCH;
}

bool is_swept(const struct node *n)
{
    return n->named && n->file_class == CLASS_SCRATCH && n->handles == 0 &&
           n->mtime_ns <= clock_now_ns() - DAY_NS;
}

static void sweep_stored(struct tree *t, const struct ledger_entry *e)
{
    struct node *n;
    if (node_get(t, e->node, &n) == 0)
        unlink_swept(n, e->id);
}

/* An old loose scratch file that nobody has open, its name given up; with a reference, or NULL. */
static struct node *sweep_loose(struct tree *t, size_t *bucket)
{
    struct mount *m = t->mount;
    LOCKED(&m->mutex);
    for (; *bucket < m->names.size; (*bucket)++)
        for (struct table_link *l = m->names.buckets[*bucket]; l; l = l->next) {
            struct node *n = TABLE_ENTRY(l, struct node, name_link);
            if (n->tree != t || n->claimed || !is_swept(n))
                continue;
            n->refs++;
            node_unname(n);
            return n;
        }
    return NULL;
}

void mount_sweep(struct mount *m, size_t office)
{
    struct tree *t = &m->trees[office];
    size_t bucket = 0;
    for (struct node *n; (n = sweep_loose(t, &bucket));)
        node_put(n);
    (void)walk_outbox(t, is_old_scratch, sweep_stored); /* what cannot be read today is swept tomorrow */
}
