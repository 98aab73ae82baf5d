#include "link/backoff.h"

#include <stddef.h>

/* The delay lies between one half and the whole of the step. */
static int64_t jittered(int64_t delay_ms, uint32_t random)
{
    return delay_ms / 2 + (int64_t)random % (delay_ms / 2 + 1);
}

void backoff_failed(struct backoff *b, int64_t now, int64_t at_least_ms, uint32_t random)
{
    if (at_least_ms > BACKOFF_LAST_MS)
        at_least_ms = BACKOFF_LAST_MS;
    if (now >= b->until) {
        b->delay_ms = b->delay_ms ? b->delay_ms * 2 : BACKOFF_FIRST_MS;
        if (b->delay_ms > BACKOFF_LAST_MS)
            b->delay_ms = BACKOFF_LAST_MS;
        b->until = now + jittered(b->delay_ms, random);
    }
    if (b->until < now + at_least_ms)
        b->until = now + at_least_ms;
}

void backoff_succeeded(struct backoff *b)
{
    b->delay_ms = 0;
    b->until = 0;
}

bool backoff_ready(const struct backoff *b, int64_t now)
{
    return now >= b->until;
}

static struct strike *strike_of(struct strikes *s, uint64_t who)
{
    for (size_t i = 0; i < STRIKES_KEPT; i++)
        if (s->list[i].who == who)
            return &s->list[i];
    return NULL;
}

int64_t strikes_failed(struct strikes *s, uint64_t who, int64_t at_least_ms, uint32_t random, bool *all)
{
    unsigned fresh = 0;
    struct strike *one = strike_of(s, who);
    if (!one)
        one = strike_of(s, 0);
    if (!one)
        one = &s->list[s->next++ % STRIKES_KEPT];
    if (one->who != who)
        *one = (struct strike){.who = who};
    *all = who == STRIKE_FEED && one->fresh;
    one->fresh = true;
    one->tries += one->tries < 16;
    for (size_t i = 0; i < STRIKES_KEPT; i++)
        fresh += s->list[i].fresh;
    *all = *all || fresh >= STRIKES_ALL;
    int64_t delay = (int64_t)BACKOFF_FIRST_MS << (one->tries - 1);
    delay = jittered(delay < BACKOFF_LAST_MS ? delay : BACKOFF_LAST_MS, random);
    return delay > at_least_ms ? delay : at_least_ms;
}

void strikes_succeeded(struct strikes *s, uint64_t who)
{
    for (size_t i = 0; i < STRIKES_KEPT; i++) {
        s->list[i].fresh = false;
        if (s->list[i].who == who)
            s->list[i] = (struct strike){0};
    }
}
