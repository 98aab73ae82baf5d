/* Changes of a node go to the ledger one after the other: who has the claim goes on, the others wait in line
 * without holding a thread. */
#include <errno.h>
#include <stdlib.h>

#include "mount/tree.h"

void pending_begin(struct mount *m)
{
    LOCKED(&m->work_mutex);
    m->pending++;
}

void pending_end(struct mount *m)
{
    LOCKED(&m->work_mutex);
    if (--m->pending == 0)
        pthread_cond_broadcast(&m->work);
}

static void work_push(struct mount *m, struct job *job)
{
    LOCKED(&m->work_mutex);
    job->next = NULL;
    *m->todo_end = job;
    m->todo_end = &job->next;
    pthread_cond_signal(&m->work);
}

static void wait_in_line(struct node *n, struct job *job)
{
    job->next = NULL;
    *n->waiting_end = job;
    n->waiting_end = &job->next;
}

/* All or nothing: who waits holds nothing. Under the mutex. */
static bool job_claim(struct job *job)
{
    if (job->node->claimed) {
        wait_in_line(job->node, job);
        return false;
    }
    if (job->other && job->other->claimed) {
        wait_in_line(job->other, job);
        return false;
    }
    job->node->claimed = true;
    if (job->other)
        job->other->claimed = true;
    return true;
}

void job_start(struct mount *m, struct job *job)
{
    bool claimed;
    pending_begin(m);
    {
        LOCKED(&m->mutex);
        claimed = job_claim(job);
    }
    if (claimed && job->heavy)
        work_push(m, job);
    else if (claimed)
        job->run(job);
}

/* Those who wait for this node and can go on now, in front of `list`. Under the mutex. */
static struct job *wake(struct node *n, struct job *list)
{
    while (!n->claimed && n->waiting) {
        struct job *job = n->waiting;
        n->waiting = job->next;
        if (!n->waiting)
            n->waiting_end = &n->waiting;
        if (job_claim(job)) {
            job->next = list;
            list = job;
        }
    }
    return list;
}

void job_done(struct job *job)
{
    struct node *node = job->node, *other = job->other;
    struct mount *m = node->tree->mount;
    struct job *list = NULL;
    {
        LOCKED(&m->mutex);
        node->claimed = false;
        if (other)
            other->claimed = false;
        list = wake(node, list);
        if (other)
            list = wake(other, list);
    }
    while (list) {
        struct job *next = list->next;
        work_push(m, list);
        list = next;
    }
    node_put(node);
    if (other)
        node_put(other);
    free(job);
    pending_end(m);
}

void job_reply(struct job *job, int result)
{
    if (job->req)
        fuse_reply_err(job->req, -result);
    job->req = NULL;
}

static void *work_run(void *argument)
{
    struct mount *m = argument;
    pthread_mutex_lock(&m->work_mutex);
    while (m->todo || !m->work_stopping) {
        struct job *job = m->todo;
        if (!job) {
            pthread_cond_wait(&m->work, &m->work_mutex);
            continue;
        }
        m->todo = job->next;
        if (!m->todo)
            m->todo_end = &m->todo;
        pthread_mutex_unlock(&m->work_mutex);
        job->run(job);
        pthread_mutex_lock(&m->work_mutex);
    }
    pthread_mutex_unlock(&m->work_mutex);
    return NULL;
}

int work_start(struct mount *m)
{
    m->todo_end = &m->todo;
    for (; m->n_workers < WORK_THREADS; m->n_workers++) {
        int r = thread_start(&m->workers[m->n_workers], "mount-work", work_run, m);
        if (r)
            return r;
    }
    return 0;
}

void work_stop(struct mount *m)
{
    {
        LOCKED(&m->work_mutex);
        while (m->pending)
            pthread_cond_wait(&m->work, &m->work_mutex);
        m->work_stopping = true;
        pthread_cond_broadcast(&m->work);
    }
    while (m->n_workers)
        pthread_join(m->workers[--m->n_workers], NULL);
}
