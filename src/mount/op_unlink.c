/* UNLINK. Out of the outbox: withdrawn while it is not sealed. Out of the inbox: taken. The confirmation
 * note: send as it is. By the announcer or the sweeper: only what is still as it was when they decided. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mount/operations.h"

enum unlink_by { BY_USER, BY_ANNOUNCER, BY_SWEEPER };

struct unlink_job {
    struct job job; /* node: what is removed; other: the file that its note held, or NULL */
    enum unlink_by by;
    uint64_t entry;
    uint64_t content;     /* BY_ANNOUNCER: the ledger's, that may go */
    bool keep;            /* somebody had it open when the change was handed in */
    struct commit commit; /* of the held file */
    bool committed;
};

static void unlink_made(struct unlink_job *u)
{
    struct node *n = u->job.node;
    if (u->committed)
        commit_made(u->job.other, &u->commit);
    {
        LOCKED(&n->tree->mount->mutex);
        n->kept = n->stored && u->keep && !u->committed;
        n->gone = !u->keep;
        if (n->named)
            node_unname(n);
        n->links = 0;
    }
    node_touch_settler(n);
}

static void unlink_done(void *context, int result)
{
    struct unlink_job *u = context;
    if (result == 0)
        unlink_made(u);
    {
        LOCKED(&u->job.node->tree->mount->mutex);
        u->job.node->leaving = false;
    }
    job_reply(&u->job, result == -ESTALE ? -EBUSY : result);
    job_done(&u->job);
}

static void unlink_stored(struct unlink_job *u)
{
    struct node *n = u->job.node;
    char error[256], confirm[256];
    const char *reports[3] = {NULL};
    if (n->named && n->kind == NODE_FILE) {
        name_report(n->name, CAREPLAN_REPORT_ERROR, error);
        name_report(n->name, CAREPLAN_REPORT_CONFIRM, confirm);
        reports[0] = error;
        reports[1] = confirm;
    }
    if (u->by == BY_ANNOUNCER)
        ledger_unlink_settled(n->tree->ledger, u->entry, u->content, u->keep, reports, unlink_done, u);
    else
        ledger_unlink(n->tree->ledger, u->entry, u->keep, reports, unlink_done, u);
}

/* "Delete this note to send as it is": the held file is judged as if its client had closed it; the note goes
 * with the report that the judgement removes. */
static void unlink_note(struct unlink_job *u)
{
    struct node *file = u->job.other;
    struct ledger_save save;
    int r = commit_prepare(file, file->parent, file->place, file->name, (struct save_how){.settled = true},
                           &u->commit);
    if (r || u->commit.judgement.verdict == VERDICT_NONE) {
        commit_free(&u->commit);
        unlink_stored(u);
        return;
    }
    with_cleanup(judgement_free) struct judgement report = u->commit.judgement;
    u->committed = true;
    commit_fill(&u->commit, file, &save);
    save.entry = file->entry;
    save.parent = file->parent;
    save.name = file->name;
    save.folded = file->folded;
    ledger_save(file->tree->ledger, &save, unlink_done, u);
}

static bool is_still_held(struct node *file)
{
    LOCKED(&file->tree->mount->mutex);
    return file->named && file->stored && file->verdict == VERDICT_HELD && file->writers == 0 &&
           atomic_load(&file->changes) == atomic_load(&file->judged);
}

/* 0: from here to the end nobody opens it. Whoever asked without a person behind it may have decided long
 * ago: a program may write it now, have saved it anew, or have renamed it. */
static int unlink_begin(struct unlink_job *u)
{
    struct node *n = u->job.node;
    LOCKED(&n->tree->mount->mutex);
    if (u->by == BY_ANNOUNCER) {
        const struct tree *t = n->tree;
        if (t->removal.entry != u->entry || n->entry != u->entry || n->writers ||
            atomic_load(&n->changes) != atomic_load(&n->judged))
            return -EBUSY;
        u->content = t->removal.content;
    }
    if (u->by == BY_SWEEPER && (n->entry != u->entry || !is_swept(n)))
        return -EBUSY;
    u->keep = n->handles > 0;
    n->leaving = true;
    return 0;
}

static void unlink_run(struct job *job)
{
    struct unlink_job *u = (struct unlink_job *)job;
    struct node *n = job->node;
    int r = unlink_begin(u);
    if (r) {
        job_reply(job, r);
        job_done(job);
    } else if (!n->stored)
        unlink_done(u, 0);
    else if (job->other && is_still_held(job->other))
        unlink_note(u);
    else
        unlink_stored(u);
}

/* The file that this note holds, with a reference, or NULL. */
static struct node *note_of(struct node *note)
{
    static const char SUFFIX[] = ".確認.txt";
    struct found found = {0};
    size_t length = note->name ? strlen(note->name) : 0;
    if (note->kind != NODE_REPORT || length < sizeof SUFFIX ||
        strcmp(note->name + length - (sizeof SUFFIX - 1), SUFFIX) != 0)
        return NULL;
    autofree char *name = strndup(note->name, length - (sizeof SUFFIX - 1));
    if (!name || entry_seek(note->tree, note->parent, name, &found))
        return NULL;
    if (found.node->kind == NODE_FILE)
        return found.node;
    node_put(found.node);
    return NULL;
}

static int may_unlink(enum place place, const struct node *n)
{
    if (n->kind == NODE_FOLDER)
        return -EISDIR;
    if (place_is_outbox(place) || place_is_inbox(place))
        return 0;
    return place == PLACE_ARCHIVE ? -EROFS : -EPERM;
}

void unlink_swept(struct node *n, uint64_t entry)
{
    struct unlink_job *u = calloc(1, sizeof *u);
    if (!u) {
        node_put(n);
        return;
    }
    u->by = BY_SWEEPER;
    u->entry = entry;
    u->job = (struct job){.run = unlink_run, .node = n};
    job_start(n->tree->mount, &u->job);
}

static int unlink_start(fuse_req_t req, struct tree *t, uint64_t parent, const char *name)
{
    enum place place;
    struct found found = {0};
    int r = place_find(t, parent, &place);
    if (r == 0)
        r = place == PLACE_HIDDEN ? -EPERM : entry_seek(t, parent, name, &found);
    if (r == 0)
        r = may_unlink(place, found.node);
    struct unlink_job *u = r ? NULL : calloc(1, sizeof *u);
    if (!u) {
        if (found.node)
            node_put(found.node);
        return r ? r : -ENOMEM;
    }
    u->by = is_any_announcer(t->mount, req) ? BY_ANNOUNCER : BY_USER;
    u->entry = found.entry;
    u->job = (struct job){.run = unlink_run, .node = found.node, .req = req};
    u->job.other = u->by == BY_USER ? note_of(found.node) : NULL;
    u->job.heavy = u->job.other && atomic_load(&u->job.other->size) > SMALL_FILE;
    job_start(t->mount, &u->job);
    return 0;
}

void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    struct tree *t;
    uint64_t folder;
    int r = inode_split(fuse_req_userdata(req), parent, &t, &folder) ? unlink_start(req, t, folder, name)
                                                                     : -EPERM;
    if (r)
        fuse_reply_err(req, -r);
}
