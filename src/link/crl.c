/* The revocation list: fetched at start, daily and when a key has changed; the ledger keeps the last one. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/cleanup.h"
#include "link/link_private.h"

enum { CRL_MAX = 4 << 20 };
static const char crl_key[] = "crl";

void crl_open(struct link *l)
{
    struct error e = {0};
    autobuffer der = {.limit = CRL_MAX};
    if (ledger_value_get(l->ledger, crl_key, &der) == 0 && trusted_crl(&l->trusted, &der, &e) < 0)
        log_warning("crl", "office %s: the kept revocation list is not taken: %s", l->self->text, e.text);
}

static void crl_kept(struct task *t)
{
    struct link *l = t->l;
    l->crl_busy = false;
    if (t->result)
        l->crl_due = clock_boot_ms() + LOCAL_RETRY_MS;
    free(t);
}

/* The same bytes need no fsync. */
static bool is_kept(struct link *l, const struct buffer *der)
{
    autobuffer kept = {.limit = CRL_MAX};
    return ledger_value_get(l->ledger, crl_key, &kept) == 0 && kept.length == der->length &&
           memcmp(kept.data, der->data, der->length) == 0;
}

static void crl_answered(void *context, struct http_answer *a)
{
    struct link *l = context;
    struct error e = {0};
    char text[200];
    l->crl_busy = false;
    int64_t wait = link_judge(l, a, WHO_CRL);
    if (wait) {
        l->crl_due = clock_boot_ms() + wait;
        return;
    }
    l->crl_due = clock_boot_ms() + CRL_EVERY_MS;
    if (a->status != 200) {
        l->crl_due = clock_boot_ms() + SLOW_RETRY_MS;
        return;
    }
    int r = trusted_crl(&l->trusted, &a->body, &e);
    if (r == -ENOMEM) {
        l->crl_due = clock_boot_ms() + LOCAL_RETRY_MS;
        return;
    }
    if (r > 0) {
        log_warning("crl-older",
                    "office %s: the hub gives a revocation list that is older than the one it gave before; "
                    "that one stays",
                    l->self->text);
        return;
    }
    if (r) {
        l->crl_due = clock_boot_ms() + SLOW_RETRY_MS;
        snprintf(text, sizeof text, "the hub's revocation list does not hold: %.140s", e.text);
        link_distrust(l, text);
        return;
    }
    if (is_kept(l, &a->body))
        return;
    struct task *job = calloc(1, sizeof *job);
    if (!job)
        return;
    l->crl_busy = true;
    link_expect(l, job, crl_kept);
    link_handed(job, ledger_value_set(l->ledger, crl_key, a->body.data, a->body.length, link_done, job));
}

void crl_step(struct link *l, int64_t now)
{
    if (l->crl_busy || now < l->crl_due)
        return;
    struct http_request request = {
        .method = "GET", .path = "/v1/crl", .limit = CRL_MAX, .done = crl_answered, .context = l};
    if (http_start(l->http, &request) == 0)
        l->crl_busy = true;
    l->crl_due = now + LOCAL_RETRY_MS; /* set anew by the answer */
}
