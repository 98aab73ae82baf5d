#include "base/thread.h"
#include "link/link_private.h"

static struct task *next_task(struct helper *h)
{
    LOCKED(&h->lock);
    while (!h->first && !h->stopping)
        pthread_cond_wait(&h->wake, &h->lock);
    struct task *t = h->first;
    if (t) {
        h->first = t->next;
        if (!h->first)
            h->last = &h->first;
    }
    return t;
}

static void *run(void *context)
{
    struct helper *h = context;
    struct task *t;
    while ((t = next_task(h)))
        t->work(t);
    return NULL;
}

int helper_start(struct helper *h, const char *name)
{
    pthread_mutex_init(&h->lock, NULL);
    pthread_cond_init(&h->wake, NULL);
    h->last = &h->first;
    int r = thread_start(&h->thread, name, run, h);
    h->started = r == 0;
    return r;
}

void helper_queue(struct helper *h, struct task *t)
{
    LOCKED(&h->lock);
    t->next = NULL;
    *h->last = t;
    h->last = &t->next;
    pthread_cond_signal(&h->wake);
}

void helper_stop(struct helper *h)
{
    if (!h->started)
        return;
    {
        LOCKED(&h->lock);
        h->stopping = true;
        pthread_cond_signal(&h->wake);
    }
    pthread_join(h->thread, NULL);
    pthread_cond_destroy(&h->wake);
    pthread_mutex_destroy(&h->lock);
}
