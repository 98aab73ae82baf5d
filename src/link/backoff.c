#include "link/backoff.h"

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
