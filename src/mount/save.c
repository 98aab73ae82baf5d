/* The job behind FLUSH, FSYNC and the judgements that nobody waits for. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "mount/settle.h"
#include "mount/tree.h"

struct save_job {
    struct job job;
    struct save_how how;
    struct commit commit;
};

/* Not what came from there: it does not stay in the inbox when nobody has it open. */
static void putback_refused(struct node *n)
{
    LOCKED(&n->tree->mount->mutex);
    if (n->loose && n->handles == 0)
        node_unname(n);
}

/* It stays live and unjudged, and its unit waits: tried again later, or nothing would until its next close.
 */
static void save_failed(struct node *n, const struct save_how *how)
{
    if (how->draft || !n->tree->settler)
        return;
    {
        LOCKED(&n->tree->mount->mutex);
        n->close_held = how->held;
    }
    settler_again(n->tree->settler, n->id);
}

static void save_end(struct save_job *s, int result)
{
    struct node *n = s->job.node;
    if (result < 0 && !s->job.req && result != -EACCES)
        log_warning("mount-save", "file %llu could not be judged after its last close (%d); it is not sent",
                    (unsigned long long)n->id, -result);
    if (result == -EACCES)
        putback_refused(n);
    job_reply(&s->job, result);
    job_done(&s->job);
}

static int close_answer(const struct node *n, int close_error)
{
    return n->tree->mount->settings->reject_close ? -close_error : 0;
}

static void save_done(void *context, int result)
{
    struct save_job *s = context;
    if (result)
        save_failed(s->job.node, &s->how);
    if (result == 0) {
        commit_made(s->job.node, &s->commit);
        if (!s->how.draft)
            result = close_answer(s->job.node, s->commit.judgement.close_error);
    }
    save_end(s, result);
}

/* Is there anything to do? Otherwise what was said last is said again. */
static bool save_needed(struct node *n, const struct save_how *how, int *answer)
{
    struct mount *m = n->tree->mount;
    LOCKED(&m->mutex);
    *answer = 0;
    if (!n->named || n->kind != NODE_FILE)
        return false;
    uint64_t changes = atomic_load(&n->changes);
    if (how->draft)
        return atomic_load(&n->durable) != changes || !n->stored;
    if (n->file_class == CLASS_SCRATCH && n->place != PLACE_INBOX_PARTNER)
        return false;
    bool lifts = n->verdict == VERDICT_HELD && !how->held; /* closed by its client after all */
    if (atomic_load(&n->judged) == changes && !lifts) {
        *answer = close_answer(n, n->close_error);
        return false;
    }
    return atomic_load(&n->size) || how->settled || n->place == PLACE_INBOX_PARTNER;
}

static void save_run(struct job *job)
{
    struct save_job *s = (struct save_job *)job;
    struct node *n = job->node;
    struct ledger_save save;
    int answer;
    if (!save_needed(n, &s->how, &answer)) {
        save_end(s, answer);
        return;
    }
    struct commit *c = &s->commit;
    int r = commit_prepare(n, n->parent, n->place, n->name, s->how, c);
    bool judged = !s->how.draft && n->place != PLACE_INBOX_PARTNER;
    if (r || (judged && c->judgement.verdict == VERDICT_NONE)) {
        commit_free(c);
        if (r && r != -EACCES)
            save_failed(n, &s->how);
        save_end(s, r);
        return;
    }
    if (s->how.draft && c->keep_content) { /* changed, and changed back: the ledger has it */
        commit_made(n, c);
        save_end(s, 0);
        return;
    }
    if (!judged && !s->how.draft) { /* put back: read-only like all that lies there, and never sent */
        LOCKED(&n->tree->mount->mutex);
        n->mode = 0440;
        c->judgement.verdict = VERDICT_GOOD;
    }
    commit_fill(c, n, &save);
    save.entry = n->entry;
    save.parent = n->parent;
    save.name = n->name;
    save.folded = n->folded;
    with_cleanup(judgement_free) struct judgement report = c->judgement; /* the callback may free the job */
    ledger_save(n->tree->ledger, &save, save_done, s);
}

void save_unattended(struct node *n)
{
    bool held;
    {
        LOCKED(&n->tree->mount->mutex);
        if (n->writers > 0)
            return; /* its last release comes here */
        held = n->close_held;
    }
    if (node_dirty(n) && atomic_load(&n->size))
        save_start(n, NULL, (struct save_how){.held = held});
    else if (node_dirty(n) && n->tree->settler)
        settler_empty(n->tree->settler, n->id);
}

void save_start(struct node *n, fuse_req_t req, struct save_how how)
{
    struct mount *m = n->tree->mount;
    struct save_job *s = calloc(1, sizeof *s);
    if (!s) {
        if (req)
            fuse_reply_err(req, ENOMEM);
        return;
    }
    {
        LOCKED(&m->mutex);
        n->refs++;
    }
    s->how = how;
    s->job = (struct job){.run = save_run, .node = n, .req = req};
    s->job.heavy = !req || atomic_load(&n->size) > SMALL_FILE || n->place == PLACE_INBOX_PARTNER;
    job_start(m, &s->job);
}
