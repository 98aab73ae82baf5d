/* pthread locks that cannot fail quietly. */
#ifndef BASE_THREAD_H
#define BASE_THREAD_H

#include <pthread.h>

static inline void mutex_unlock_cleanup(pthread_mutex_t **m)
{
    if (*m)
        pthread_mutex_unlock(*m);
}

/* Holds `mutex` to the end of the block. */
#define LOCKED(mutex)                                                                                 \
    __attribute__((__cleanup__(mutex_unlock_cleanup), __unused__)) pthread_mutex_t *THREAD_LOCK_NAME( \
        __LINE__) = mutex_locked(mutex)
#define THREAD_LOCK_NAME(line) THREAD_LOCK_NAME_(line)
#define THREAD_LOCK_NAME_(line) locked_at_##line

static inline pthread_mutex_t *mutex_locked(pthread_mutex_t *m)
{
    pthread_mutex_lock(m);
    return m;
}

/* Starts a joinable thread with all signals blocked; `name` at most 15 bytes. 0 or -errno. */
int thread_start(pthread_t *thread, const char *name, void *(*run)(void *), void *argument);

#endif
