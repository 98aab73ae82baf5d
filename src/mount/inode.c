/* Inodes and attributes. An inode is the office's slot (16 bits, pinned in its ledger at the first mount) <<
 * 48 | the ledger's id, so that it means the same after a restart; 1 is the mount's root. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/log.h"
#include "mount/tree.h"

enum { ID_BITS = 48 };
#define SLOT_KEY "slot"
#define SECOND 1000000000

int64_t clock_now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * SECOND + t.tv_nsec;
}

bool inode_split(struct mount *m, fuse_ino_t ino, struct tree **tree, uint64_t *id)
{
    *tree = NULL;
    if (ino == FUSE_ROOT_ID) {
        *tree = &m->trees[0];
        *id = NODE_ROOT;
        return m->n_trees == 1;
    }
    for (size_t i = 0; i < m->n_trees; i++)
        if (m->trees[i].slot == ino >> ID_BITS) {
            *tree = &m->trees[i];
            *id = ino & ((UINT64_C(1) << ID_BITS) - 1);
            return true;
        }
    return false;
}

fuse_ino_t inode_of(const struct tree *t, uint64_t id)
{
    return id == NODE_ROOT && t->mount->n_trees == 1 ? FUSE_ROOT_ID : t->slot << ID_BITS | id;
}

/* ---- Slots ---- */

static bool slot_taken(const struct mount *m, const struct tree *but, uint64_t slot)
{
    for (size_t i = 0; i < m->n_trees; i++)
        if (&m->trees[i] != but && m->trees[i].slot == slot)
            return true;
    return slot == 0;
}

static uint64_t slot_pinned(struct tree *t)
{
    autobuffer value = {.limit = 16};
    if (ledger_value_get(t->ledger, SLOT_KEY, &value) || value.length != 2)
        return 0;
    return (uint64_t)value.data[0] << 8 | value.data[1];
}

static int slot_pin(struct mount *m, struct tree *t, uint64_t was, struct error *e)
{
    if (was)
        log_warning("mount-slot",
                    "office %s: its inode numbers are those of another office here; it gets new ones",
                    t->settings->office.text);
    /* From the office's identity, so that two that meet later rarely have the same. */
    uint64_t slot = table_hash_text(0, t->settings->office.text) & 0xffff;
    while (slot_taken(m, t, slot))
        slot = (slot + 1) & 0xffff;
    uint8_t value[2] = {(uint8_t)(slot >> 8), (uint8_t)slot};
    int r = ledger_value_set(t->ledger, SLOT_KEY, value, sizeof value, NULL, NULL);
    if (r)
        return error_set(e, r, "mount-slot", "office %s: cannot write the ledger: %s",
                         t->settings->office.text, strerror(-r));
    t->slot = slot;
    return 0;
}

int slots_pin(struct mount *m, struct error *e)
{
    if (m->n_trees > 0xffff)
        return error_set(e, -E2BIG, "mount-offices", "too many offices");
    for (size_t i = 0; i < m->n_trees; i++) {
        struct tree *t = &m->trees[i];
        uint64_t pinned = slot_pinned(t);
        if (!slot_taken(m, t, pinned))
            t->slot = pinned;
    }
    for (size_t i = 0; i < m->n_trees; i++) {
        struct tree *t = &m->trees[i];
        int r = t->slot ? 0 : slot_pin(m, t, slot_pinned(t), e);
        if (r)
            return r;
    }
    return 0;
}

/* ---- Attributes ---- */

static uint32_t folder_mode(const struct tree *t, uint32_t mode)
{
    if (mode == 02770)
        return t->settings->mode;
    return mode == 02750 ? t->settings->mode & ~0020u : mode;
}

static void attr_of_page(struct tree *t, struct attr *a)
{
    struct page *p = page_get(t, a->id, false);
    a->size = p ? p->text.length : 0;
    a->mtime_ns = a->ctime_ns = p ? p->made_ns : a->mtime_ns;
    if (p)
        page_put(t, p);
}

void attr_of_ledger(struct tree *t, const struct ledger_node *node, struct attr *out)
{
    *out = (struct attr){
        .id = node->id,
        .kind = node->kind,
        .mode = node->kind == NODE_FOLDER ? folder_mode(t, node->mode) : node->mode,
        .size = node->size,
        .links = node->kind == NODE_FOLDER ? 2 : node->links,
        .mtime_ns = node->mtime_ns,
        .ctime_ns = node->ctime_ns,
        .atime_ns = node->atime_ns,
    };
    if (node->kind == NODE_PAGE)
        attr_of_page(t, out);
}

void attr_of_live(struct node *n, struct attr *out)
{
    *out = (struct attr){
        .id = n->id,
        .kind = n->kind,
        .mode = n->mode,
        .size = atomic_load(&n->size),
        .links = n->named ? 1 : n->links,
        .mtime_ns = n->mtime_ns,
        .ctime_ns = n->ctime_ns,
        .atime_ns = n->atime_ns,
    };
}

static void attr_folder_changed(struct tree *t, struct attr *a)
{
    int64_t changed = a->kind == NODE_FOLDER ? folder_changed_ns(t, a->id) : 0;
    if (changed > a->mtime_ns)
        a->mtime_ns = a->ctime_ns = changed;
}

int attr_get(struct tree *t, uint64_t id, struct attr *out)
{
    struct ledger_node node;
    struct node *live = page_index(id) < 0 ? node_peek(t, id) : NULL;
    if (live) {
        {
            LOCKED(&t->mount->mutex);
            attr_of_live(live, out);
        }
        node_put(live);
    } else {
        int r = ledger_node(t->ledger, id, &node);
        if (r)
            return r == -ENOENT ? -ESTALE : r;
        attr_of_ledger(t, &node, out);
    }
    attr_folder_changed(t, out);
    return 0;
}

static struct timespec timespec_of(int64_t ns)
{
    struct timespec t = {.tv_sec = ns / SECOND, .tv_nsec = ns % SECOND};
    if (t.tv_nsec < 0) {
        t.tv_nsec += SECOND;
        t.tv_sec--;
    }
    return t;
}

void attr_stat(const struct tree *t, const struct attr *a, struct stat *out)
{
    *out = (struct stat){
        .st_ino = inode_of(t, a->id),
        .st_mode = (a->kind == NODE_FOLDER ? S_IFDIR : S_IFREG) | a->mode,
        .st_nlink = a->links,
        .st_uid = t->mount->owner,
        .st_gid = t->group,
        .st_size = (off_t)a->size,
        .st_blksize = 4096,
        .st_blocks = (blkcnt_t)((a->size + 511) / 512),
        .st_mtim = timespec_of(a->mtime_ns),
        .st_ctim = timespec_of(a->ctime_ns),
        .st_atim = timespec_of(a->atime_ns ? a->atime_ns : a->mtime_ns),
    };
}

void attr_root(const struct mount *m, struct stat *out)
{
    *out = (struct stat){.st_ino = FUSE_ROOT_ID,
                         .st_mode = S_IFDIR | 0755,
                         .st_nlink = 2,
                         .st_uid = m->owner,
                         .st_gid = m->group,
                         .st_blksize = 4096};
}

double attr_timeout(const struct attr *a)
{
    return a->kind == NODE_PAGE || a->id == NODE_HIDDEN ? 0 : FRESH_SECONDS;
}

/* Reports, what is taken through another view, and the hidden folder come and go without a request. */
static bool name_may_go(const struct attr *a)
{
    return a->kind == NODE_REPORT || a->kind == NODE_INCOMING || a->id == NODE_HIDDEN;
}

void attr_entry(const struct tree *t, const struct attr *a, struct fuse_entry_param *out)
{
    *out = (struct fuse_entry_param){
        .ino = inode_of(t, a->id),
        .attr_timeout = attr_timeout(a),
        .entry_timeout = name_may_go(a) ? 0 : FRESH_SECONDS,
    };
    attr_stat(t, a, &out->attr);
}
