/* Telling the kernel that something changed without a request. Such a call takes the folder's lock, which the
 * kernel also holds while a request in that folder waits for its answer: so it is made by a thread of its
 * own, for which nobody waits who answers requests. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mount/tree.h"

enum { NOTICES_MAX = 8192 }; /* beyond, the kernel learns by its timeouts, a second later */

struct notice {
    struct notice *next;
    fuse_ino_t parent;
    bool entry;
    char name[256];
};

void notice_entry(struct tree *t, uint64_t parent, const char *name)
{
    struct mount *m = t->mount;
    struct notice *n = malloc(sizeof *n);
    if (!n)
        return;
    *n = (struct notice){.parent = inode_of(t, parent), .entry = name != NULL};
    if (name)
        snprintf(n->name, sizeof n->name, "%s", name);
    {
        LOCKED(&m->notice_mutex);
        if (m->notice_runs && !m->notice_stopping && m->n_notices < NOTICES_MAX) {
            *m->notices_end = n;
            m->notices_end = &n->next;
            m->n_notices++;
            pthread_cond_signal(&m->notice);
            return;
        }
    }
    free(n);
}

static void notice_send(struct mount *m, const struct notice *n)
{
    /* -ENOENT: the kernel did not know it. Anything else heals by the timeouts. */
    if (n->entry)
        (void)fuse_lowlevel_notify_inval_entry(m->session, n->parent, n->name, strlen(n->name));
    (void)fuse_lowlevel_notify_inval_inode(m->session, n->parent, -1, 0);
}

static void *notice_run(void *argument)
{
    struct mount *m = argument;
    pthread_mutex_lock(&m->notice_mutex);
    while (!m->notice_stopping) {
        struct notice *n = m->notices;
        if (!n) {
            pthread_cond_wait(&m->notice, &m->notice_mutex);
            continue;
        }
        m->notices = n->next;
        if (!m->notices)
            m->notices_end = &m->notices;
        m->n_notices--;
        pthread_mutex_unlock(&m->notice_mutex);
        notice_send(m, n);
        free(n);
        pthread_mutex_lock(&m->notice_mutex);
    }
    pthread_mutex_unlock(&m->notice_mutex);
    return NULL;
}

int notice_start(struct mount *m)
{
    m->notices_end = &m->notices;
    int r = thread_start(&m->noticer, "mount-notice", notice_run, m);
    LOCKED(&m->notice_mutex);
    m->notice_runs = r == 0;
    return r;
}

void notice_stop(struct mount *m)
{
    {
        LOCKED(&m->notice_mutex);
        if (!m->notice_runs)
            return;
        m->notice_stopping = true;
        pthread_cond_signal(&m->notice);
    }
    pthread_join(m->noticer, NULL);
    LOCKED(&m->notice_mutex);
    m->notice_runs = false;
    for (struct notice *n = m->notices, *next; n; n = next) {
        next = n->next;
        free(n);
    }
    m->notices = NULL;
    m->n_notices = 0;
}
