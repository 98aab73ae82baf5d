/* FLUSH, FSYNC, RELEASE. A flush comes many times for one open; what has changed since it was last judged is
 * judged and committed, and the verdict is the answer. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mount/settle.h"
#include "mount/operations.h"

/* include/linux/sched.h; field 9 of /proc/TID/stat. */
enum { PF_EXITING = 0x4, PF_SIGNALED = 0x400, FIELD_FLAGS = 9 };

/* Is this thread being ended by a signal (or is it a dying smbd)? A local program that leaves closing to
 * exit() has closed. */
static bool is_being_killed(pid_t thread)
{
    char path[48], line[512];
    if (thread <= 0) /* not of our pid namespace: nothing can be said */
        return false;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)thread);
    autofclose FILE *f = fopen(path, "re");
    /* It waits for our answer and no signal ends that, so it is there. Not to be seen: /proc hides it
     * (hidepid), and as for another pid namespace the uid alone decides. Out of descriptors: rather asked
     * about than half. */
    if (!f)
        return errno != ENOENT && errno != EACCES && errno != EPERM;
    size_t n = fread(line, 1, sizeof line - 1, f);
    line[n] = '\0';
    const char *name = strchr(line, '('), *at = strrchr(line, ')'); /* the name may hold anything */
    if (!name || !at)
        return false;
    bool is_smbd = at - name == 5 && strncmp(name + 1, "smbd", 4) == 0;
    for (int field = 2; field < FIELD_FLAGS && at; field++)
        at = strchr(at + 1, ' ');
    unsigned long flags = at ? strtoul(at + 1, NULL, 10) : 0;
    return flags & PF_EXITING && (is_smbd || flags & PF_SIGNALED);
}

/* Not closed by its client: a dropped SMB client's flush has another user (0) than its open. */
static bool is_held(const struct handle *h, const struct fuse_ctx *who)
{
    return who->uid != h->uid || is_being_killed(who->pid);
}

void op_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    (void)ino;
    struct mount *m = fuse_req_userdata(req);
    struct handle *h = handle_find(m, fi->fh);
    if (!h || !h->wrote) { /* who wrote nothing has nothing to close */
        fuse_reply_err(req, 0);
        return;
    }
    const struct fuse_ctx *who = fuse_req_ctx(req);
    bool held = is_held(h, who);
    {
        LOCKED(&m->mutex);
        h->held = held;
        h->pid = who->pid;
    }
    save_start(h->node, req, (struct save_how){.held = held});
}

void op_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
    (void)ino;
    (void)datasync;
    struct handle *h = handle_find(fuse_req_userdata(req), fi->fh);
    /* Also through a handle that only reads: what others wrote into the file is asked for. */
    if (!h || (!h->writer && !place_is_outbox(h->node->place)))
        fuse_reply_err(req, 0);
    else
        save_start(h->node, req, (struct save_how){.draft = true});
}

static void last_release(struct node *n, bool held)
{
    if (n->place == PLACE_INBOX_PARTNER) { /* what is loose still was not what came from there */
        LOCKED(&n->tree->mount->mutex);
        if (n->loose && !n->claimed)
            node_unname(n);
        return;
    }
    {
        LOCKED(&n->tree->mount->mutex);
        n->close_held = held;
    }
    save_unattended(n);
    node_touch_settler(n);
}

void op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    (void)ino;
    struct mount *m = fuse_req_userdata(req);
    struct handle *h = handle_find(m, fi->fh);
    fuse_reply_err(req, 0); /* nobody hears of an error */
    if (!h)
        return;
    autonode *n = h->node;
    bool writer = h->writer, held = h->held, last;
    {
        LOCKED(&m->mutex);
        n->refs++;
    }
    handle_close(m, h);
    {
        LOCKED(&m->mutex);
        last = writer && n->writers == 0;
    }
    if (last)
        last_release(n, held);
}
