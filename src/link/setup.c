/* The link's life: what it is made of, in which order it starts and stops. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/thread.h"
#include "link/link_private.h"

enum { PEM_MAX = 1 << 20 };

static int read_pem(const char *path, bool secret, struct buffer *out, struct error *e)
{
    out->limit = PEM_MAX;
    int r = secret ? file_read_secret(path, PEM_MAX, out, e) : file_read(path, PEM_MAX, out, e);
    return r || out->data ? r : error_set(e, -EINVAL, "file", "%s: is empty", path);
}

static int read_keys(struct link *l, struct error *e)
{
    autofree char *key = file_join(l->office->state, "office.key");
    autofree char *certificate = file_join(l->office->state, "office.pem");
    if (!key || !certificate)
        return error_set(e, -ENOMEM, "memory", "no memory");
    l->identity = keys_load(l->office->state, e);
    if (!l->identity)
        return error_prefix(e, -EINVAL, "office %s", l->office->office.text);
    l->self = identity_office(l->identity);
    if (!office_id_equal(l->self, &l->office->office))
        return error_set(e, -EINVAL, "key-office", "%s is the certificate of %s, not of %s; do: enrol %s",
                         certificate, l->self->text, l->office->office.text, l->office->office.text);
    int r = read_pem(key, true, &l->key, e);
    return r ? r : read_pem(certificate, false, &l->certificate, e);
}

static int make_trust(struct link *l, struct error *e)
{
    int r = read_pem(l->settings->hub_ca, false, &l->ca, e);
    if (r)
        return r;
    const char *issuing = keys_behind_leaf((const char *)l->certificate.data);
    l->trusted.trust = trust_new((const char *)l->ca.data, issuing[0] ? issuing : NULL, e);
    if (!l->trusted.trust)
        return error_prefix(e, -EINVAL, "%s", l->settings->hub_ca);
    crl_open(l);
    return 0;
}

static int make_http(struct link *l, struct error *e)
{
    struct http_options options = {
        .url = l->settings->hub_url, .ca = &l->ca, .certificate = &l->certificate, .key = &l->key};
    return http_new(&options, &l->http, e);
}

static int start_threads(struct link *l, struct error *e)
{
    int r = helper_start(&l->sealer, "link-seal");
    r = r ? r : helper_start(&l->opener, "link-open");
    r = r ? r : helper_start(&l->bulk, "link-bulk");
    if (r == 0)
        r = thread_start(&l->thread, "link", link_run, l);
    return r ? error_set(e, r, "thread", "a thread could not be started: %s", strerror(-r)) : 0;
}

static void link_free(struct link *l)
{
    helper_stop(&l->sealer);
    helper_stop(&l->opener);
    helper_stop(&l->bulk);
    feed_close(l);
    fetch_close(l);
    receipts_close(l);
    http_free(l->http);
    todo_free(&l->to_seal);
    todo_free(&l->to_send);
    todo_free(&l->receipts_waiting);
    trust_free(l->trusted.trust);
    identity_free(l->identity);
    buffer_free(&l->ca);
    buffer_free(&l->certificate);
    buffer_wipe(&l->key);
    pthread_mutex_destroy(&l->task_lock);
    pthread_mutex_destroy(&l->state_lock);
    pthread_mutex_destroy(&l->head_lock);
    pthread_mutex_destroy(&l->trusted.lock);
    free(l);
}

static struct link *link_new(const struct link_options *options)
{
    struct link *l = calloc(1, sizeof *l);
    if (!l)
        return NULL;
    l->ledger = options->ledger;
    l->settings = options->settings;
    l->rules = options->rules;
    l->office = options->office;
    l->names = options->names;
    pthread_mutex_init(&l->task_lock, NULL);
    pthread_mutex_init(&l->state_lock, NULL);
    pthread_mutex_init(&l->head_lock, NULL);
    pthread_mutex_init(&l->trusted.lock, NULL);
    l->tasks_last = &l->tasks;
    l->fetches_last = &l->fetches;
    l->to_seal = (struct todo){.list = ledger_to_seal, .dirty = true};
    l->to_send = (struct todo){.list = ledger_to_send, .dirty = true};
    l->receipts_dirty = l->directory_dirty = l->send_doubtful = true;
    l->state.since = clock_utc_ms();
    ledger_log_head(l->ledger, &l->head);
    return l;
}

int link_start(const struct link_options *options, struct link **out, struct error *e)
{
    *out = NULL;
    if (!options->settings->hub_url || !options->settings->hub_ca)
        return error_set(e, -EINVAL, "config-hub", "[hub] url and ca are not set; do: careplanctl enrol");
    struct link *l = link_new(options);
    if (!l)
        return error_set(e, -ENOMEM, "memory", "no memory");
    int r = read_keys(l, e);
    r = r ? r : make_trust(l, e);
    r = r ? r : make_http(l, e);
    if (r == 0 && (r = feed_open(l)))
        error_set(e, r, "ledger", "the feed's place cannot be read from the ledger: %s", strerror(-r));
    if (r == 0) {
        ledger_subscribe(l->ledger, link_changed, l);
        r = start_threads(l, e);
        if (r)
            ledger_unsubscribe(l->ledger, link_changed, l);
    }
    if (r) {
        link_free(l);
        return r;
    }
    *out = l;
    return 0;
}

void link_stop(struct link *l)
{
    if (!l)
        return;
    atomic_store(&l->stopping, true);
    http_wake(l->http);
    pthread_join(l->thread, NULL);
    ledger_unsubscribe(l->ledger, link_changed, l);
    link_free(l);
}
