/* RENAME. A rename never fails for content. What is durable stays so, and a scratch file that gets a name
 * that is sent becomes durable by it: programs save by "write a temporary file, rename it". */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <linux/fs.h> /* RENAME_NOREPLACE */

#include "mount/operations.h"

struct rename_job {
    struct job job; /* node: what is renamed; other: what stood there, or NULL */
    uint64_t parent;
    enum place place;
    char *name, *folded;
    enum file_class file_class;
    bool committed; /* `commit` is part of the change */
    struct commit commit;
};

/* ---- May it be? ---- */

static int may_move(enum place from, const struct node *n)
{
    if (n->kind == NODE_FOLDER)
        return -EPERM;
    switch (from) {
    case PLACE_OUTBOX:
    case PLACE_OUTBOX_PARTNER:
        return n->kind == NODE_FILE ? 0 : -EACCES;
    case PLACE_ARCHIVE:
        return -EROFS;
    case PLACE_TOP:
        return -EPERM;
    case PLACE_INBOX: /* out of the mount it is a copy and a deletion, which is taking it */
    case PLACE_INBOX_PARTNER:
    case PLACE_INBOX_VIEW:
    case PLACE_HIDDEN:
        break;
    }
    return -EACCES;
}

static int may_replace(const struct found *target, unsigned flags)
{
    if (!target->node)
        return 0;
    if (flags & RENAME_NOREPLACE)
        return -EEXIST;
    if (target->node->kind == NODE_FOLDER)
        return -EISDIR;
    return target->node->kind == NODE_FILE ? 0 : -EACCES;
}

/* ---- The end ---- */

static void rename_made(struct rename_job *r)
{
    struct node *n = r->job.node, *replaced = r->job.other;
    struct mount *m = n->tree->mount;
    if (r->committed)
        commit_made(n, &r->commit);
    LOCKED(&m->mutex);
    if (replaced && replaced->named) {
        replaced->kept = replaced->stored && replaced->handles > 0;
        node_unname(replaced);
    }
    struct office_id recipient = n->recipient;
    node_rename(n, r->parent, r->place, r->name, r->folded);
    if (r->committed && !r->commit.draft)
        n->recipient = recipient; /* as just judged */
    if (n->file_class == CLASS_SCRATCH && n->verdict != VERDICT_HELD) {
        n->verdict = VERDICT_NONE;
        n->close_error = 0;
    }
    r->name = r->folded = NULL;
}

static void rename_end(struct rename_job *r, int result)
{
    struct node *n = r->job.node;
    if (result == 0) {
        node_touch_settler(n); /* the number it leaves */
        rename_made(r);
        save_unattended(n); /* its last release may have come while it had its scratch name still */
        node_touch_settler(n);
    }
    free(r->name);
    free(r->folded);
    job_reply(&r->job, result);
    job_done(&r->job);
}

static void rename_done(void *context, int result)
{
    rename_end(context, result);
}

/* ---- The ways ---- */

static void fill_new_name(const struct rename_job *r, struct ledger_save *save)
{
    save->entry = r->job.node->entry;
    save->parent = r->parent;
    save->name = r->name;
    save->folded = r->folded;
}

static bool replaces_stored(const struct rename_job *r)
{
    return r->job.other && r->job.other->stored && r->job.other->named;
}

/* The ledger's rename; `then` may be NULL. */
static void hand_in_rename(struct rename_job *r, const struct ledger_save *then)
{
    struct node *n = r->job.node, *replaced = r->job.other;
    bool same = r->parent == n->parent && strcmp(r->folded, n->folded) == 0;
    char error[256], confirm[256];
    name_report(n->name, CAREPLAN_REPORT_ERROR, error);
    name_report(n->name, CAREPLAN_REPORT_CONFIRM, confirm);
    struct ledger_rename rename = {
        .entry = n->stored ? n->entry : 0,
        .parent = r->parent,
        .name = r->name,
        .folded = r->folded,
        .leaves_unit = !same,
        .then = then,
        .remove_reports = {same ? NULL : error, same ? NULL : confirm},
    };
    if (replaces_stored(r)) {
        LOCKED(&n->tree->mount->mutex);
        rename.replaced = replaced->entry;
        rename.keep_replaced = replaced->handles > 0;
    }
    ledger_rename(n->tree->ledger, &rename, rename_done, r);
}

/* Loose, with nothing that is to be kept: in memory, but what stood there goes durably. */
static void rename_loose(struct rename_job *r)
{
    char error[256], confirm[256];
    struct node *replaced = r->job.other;
    if (!replaces_stored(r)) {
        rename_end(r, 0);
        return;
    }
    name_report(replaced->name, CAREPLAN_REPORT_ERROR, error);
    name_report(replaced->name, CAREPLAN_REPORT_CONFIRM, confirm);
    ledger_unlink(replaced->tree->ledger, replaced->entry, replaced->handles > 0,
                  (const char *const[3]){error, confirm}, rename_done, r);
}

/* With content that becomes durable by it: in one change with the name, so that neither a power cut nor a
 * full disk leaves the name with another content. */
static void rename_to_ledger(struct rename_job *r)
{
    struct node *n = r->job.node;
    struct ledger_save save;
    with_cleanup(judgement_free) struct judgement report = r->commit.judgement;
    r->committed = true;
    commit_fill(&r->commit, n, &save);
    fill_new_name(r, &save);
    if (n->stored || replaces_stored(r))
        hand_in_rename(r, &save);
    else
        ledger_save(n->tree->ledger, &save, rename_done, r);
}

static bool has_writers(struct node *n)
{
    LOCKED(&n->tree->mount->mutex);
    return n->writers > 0;
}

/* A name does not close what its client did not close. */
static bool is_held(struct node *n)
{
    LOCKED(&n->tree->mount->mutex);
    return n->verdict == VERDICT_HELD;
}

static void rename_run(struct job *job)
{
    struct rename_job *r = (struct rename_job *)job;
    struct node *n = job->node;
    bool scratch = r->file_class == CLASS_SCRATCH,
         changed = atomic_load(&n->changes) != atomic_load(&n->judged);
    bool empty = atomic_load(&n->size) == 0, writers = has_writers(n);
    if (!n->stored && (scratch || empty)) {
        rename_loose(r);
        return;
    }
    if (n->stored &&
        (scratch || empty || (changed && writers))) { /* what is written is judged at its close */
        hand_in_rename(r, NULL);
        return;
    }
    /* A half-written file is kept as a draft: found after a power cut it is held. */
    struct save_how how = {.draft = !n->stored && writers,
                           .held = !changed && is_held(n),
                           .replaces = job->other ? job->other->id : 0};
    int result = commit_prepare(n, r->parent, r->place, r->name, how, &r->commit);
    if (result) {
        commit_free(&r->commit);
        rename_end(r, result);
        return;
    }
    rename_to_ledger(r);
}

static int rename_start(fuse_req_t req, struct found *from, struct found *to, uint64_t parent,
                        enum place place, const struct name_text *text, enum file_class file_class)
{
    struct rename_job *r = calloc(1, sizeof *r);
    char *name = strdup(text->name), *folded = strdup(text->folded);
    if (!r || !name || !folded) {
        free(r);
        free(name);
        free(folded);
        return -ENOMEM;
    }
    struct node *n = from->node;
    *r = (struct rename_job){.parent = parent, .place = place, .name = name, .folded = folded};
    r->file_class = file_class;
    r->job = (struct job){.run = rename_run, .node = n, .other = to->node, .req = req};
    r->job.heavy = atomic_load(&n->size) > SMALL_FILE;
    from->node = to->node = NULL; /* the job has the references */
    job_start(n->tree->mount, &r->job);
    return 0;
}

static int rename_prepare(fuse_req_t req, struct tree *t, uint64_t parent, const char *name,
                          uint64_t new_parent, const char *new_name, unsigned flags, struct found *from,
                          struct found *to)
{
    enum place source, target;
    enum file_class file_class;
    struct name_text text;
    int r = place_find(t, parent, &source);
    if (r == 0)
        r = place_find(t, new_parent, &target);
    if (r == 0)
        r = entry_seek(t, parent, name, from);
    if (r == 0)
        r = may_move(source, from->node);
    if (r == 0 && !place_is_outbox(target))
        r = target == PLACE_ARCHIVE ? -EROFS : -EACCES;
    if (r == 0)
        r = name_accept(t->mount, new_name, target, &text, &file_class);
    if (r)
        return r;
    r = entry_seek(t, new_parent, new_name, to);
    if (r == 0)
        r = may_replace(to, flags);
    else if (r == -ENOENT)
        r = 0;
    if (r)
        return r;
    uint64_t twin = entry_twin(t, new_parent, text.folded, &r);
    if (r == 0 && twin && twin != from->entry && !(to->node && twin == to->entry))
        r = -EEXIST;
    if (r == 0 &&
        to->node == from->node) { /* onto itself: the kernel does not ask, but it would be nothing */
        fuse_reply_err(req, 0);
        return 0;
    }
    return r ? r : rename_start(req, from, to, new_parent, target, &text, file_class);
}

void op_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t new_parent,
               const char *new_name, unsigned flags)
{
    struct mount *m = fuse_req_userdata(req);
    struct tree *t, *new_tree;
    uint64_t folder, new_folder;
    struct found from = {0}, to = {0};
    int r;
    if (flags & ~(unsigned)RENAME_NOREPLACE)
        r = -EINVAL; /* EXCHANGE, WHITEOUT */
    else if (!inode_split(m, parent, &t, &folder) || !inode_split(m, new_parent, &new_tree, &new_folder))
        r = -EPERM;
    else if (t != new_tree)
        r = -EACCES; /* between offices; never EXDEV */
    else if (folder == NODE_HIDDEN) {
        r = is_announcer(m, req) ? hidden_rename(t, name, new_folder, new_name) : -EACCES;
        if (r == 0)
            fuse_reply_err(req, 0);
    } else
        r = rename_prepare(req, t, folder, name, new_folder, new_name, flags, &from, &to);
    if (r)
        fuse_reply_err(req, -r);
    if (from.node)
        node_put(from.node);
    if (to.node)
        node_put(to.node);
}
