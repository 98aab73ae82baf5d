#include "hub/server.h"

#include <errno.h>
#include <malloc.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "hub/exchange.h"
#include "hub/route.h"

enum {
    EVHTTP_BODY_MAX = 8 * 1024 * 1024, /* above ours, which is a problem document */
    CRL_RENEW_MS = 24 * 3600 * 1000,
    STOP_S = 10, /* for answers under way; then it ends all the same */
    SPARE_DESCRIPTORS = 64,
    FEW_DESCRIPTORS = 1024,
};

struct running {
    struct server server;
    int lock; /* of the folder: one hub serves it */
    struct event *completions, *tick, *terminate, *interrupt;
    int64_t kept_up, stopping_since; /* boot ms */
    struct store_crl crl;
    struct store_sweep sweep;
    struct store_log_read head;
    bool crl_busy, sweep_busy, head_busy, head_again;
};

/* ---- what the hub itself asks of the store ---- */

void server_set_crl(struct server *s, const struct buffer *der)
{
    struct error e;
    if (trust_set_crl(s->keys.trust, der->data, der->length, &e))
        log_error("crl", "%s", e.text);
    s->connections.generation++;
}

static void on_crl(struct store_job *job)
{
    struct running *r = job->context;
    r->crl_busy = false;
    if (job->result)
        log_error("crl", "the list of revocations could not be made: %s", strerror(-job->result));
    else
        server_set_crl(&r->server, &r->crl.der);
    buffer_free(&r->crl.der);
}

static void renew_crl(struct running *r)
{
    if (r->crl_busy)
        return;
    r->crl_busy = true;
    r->crl = (struct store_crl){.job = {.done = on_crl, .context = r},
                                .ca = r->server.keys.ca,
                                .now = clock_utc_ms(),
                                .renew_after = CRL_RENEW_MS};
    store_crl(r->server.store, &r->crl);
}

static void sweep(struct running *r);

static void on_sweep(struct store_job *job)
{
    struct running *r = job->context;
    r->sweep_busy = false;
    if (!job->result && (r->sweep.uploads || r->sweep.contents))
        log_info("upkeep", "%llu abandoned uploads and the contents of %llu messages dropped",
                 (unsigned long long)r->sweep.uploads, (unsigned long long)r->sweep.contents);
    if (!job->result && r->sweep.more && !r->server.stopping)
        sweep(r);
}

static void sweep(struct running *r)
{
    const struct hub_config *c = r->server.config;
    int64_t now = clock_utc_ms();
    if (r->sweep_busy)
        return;
    r->sweep_busy = true;
    r->sweep = (struct store_sweep){.job = {.done = on_sweep, .context = r},
                                    .uploads_before = now - c->upload_keep,
                                    .received_before = now - c->retention};
    store_sweep(r->server.store, &r->sweep);
}

static void read_head(struct running *r);

static void on_head(struct store_job *job)
{
    struct running *r = job->context;
    struct server *s = &r->server;
    r->head_busy = false;
    if (!job->result && !log_head_equal(&s->head, &r->head.head)) {
        s->head = r->head.head;
        buffer_clear(&s->head_der);
    }
    store_log_entries_free(r->head.entries, r->head.n_entries);
    if (r->head_again)
        read_head(r);
}

/* Acceptances carry the newest head of the log. */
static void read_head(struct running *r)
{
    r->head_again = r->head_busy;
    if (r->head_busy)
        return;
    r->head_busy = true;
    r->head = (struct store_log_read){.job = {.done = on_head, .context = r}, .after = INT64_MAX};
    store_log_read(r->server.store, &r->head);
}

static void on_woken(void *context, const struct office_id *office)
{
    struct running *r = context;
    if (!*office->text)
        read_head(r);
    feeds_wake(&r->server, office);
}

/* ---- the loop's events ---- */

static void on_completions(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct running *r = context;
    store_completions(r->server.store);
}

static void stop_when_answered(struct running *r)
{
    struct server *s = &r->server;
    static const struct timeval flush = {0, 100000};
    if (s->exchanges && clock_boot_ms() - r->stopping_since < STOP_S * 1000)
        return;
    if (s->exchanges)
        log_warning("stop", "%zu requests were not answered", s->exchanges);
    event_base_loopexit(s->base, &flush);
}

static void on_tick(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct running *r = context;
    int64_t now = clock_boot_ms();
    connections_tick(&r->server, now);
    if (r->server.stopping)
        stop_when_answered(r);
    else if (now - r->kept_up >= r->server.config->upkeep) {
        r->kept_up = now;
        peers_sweep(r->server.peers, now);
        renew_crl(r);
        sweep(r);
    }
}

static void on_signal(evutil_socket_t number, short what, void *context)
{
    (void)what;
    struct running *r = context;
    struct server *s = &r->server;
    static const struct timeval soon = {0, 20000};
    if (s->stopping)
        return;
    log_info("stop", "%s", strsignal((int)number));
    s->stopping = true;
    r->stopping_since = clock_boot_ms();
    feeds_stop(s);
    event_del(r->tick);
    event_add(r->tick, &soon); /* persistent: from now on so often */
}

static int events_open(struct running *r)
{
    struct event_base *base = r->server.base;
    static const struct timeval second = {1, 0};
    r->completions =
        event_new(base, store_event_fd(r->server.store), EV_READ | EV_PERSIST, on_completions, r);
    r->tick = event_new(base, -1, EV_PERSIST, on_tick, r);
    r->terminate = evsignal_new(base, SIGTERM, on_signal, r);
    r->interrupt = evsignal_new(base, SIGINT, on_signal, r);
    return r->completions && r->tick && r->terminate && r->interrupt && !event_add(r->completions, NULL) &&
                   !event_add(r->tick, &second) && !event_add(r->terminate, NULL) &&
                   !event_add(r->interrupt, NULL)
               ? 0
               : -ENOMEM;
}

/* ---- opening ---- */

/* As many connections as the system lets this process have. */
static void raise_descriptors(struct server *s)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit))
        return;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur >= s->connections.most + SPARE_DESCRIPTORS)
        return;
    rlim_t files = limit.rlim_cur;
    s->connections.most = files > 2 * SPARE_DESCRIPTORS ? files - SPARE_DESCRIPTORS : files / 2 + 1;
    if (files < FEW_DESCRIPTORS)
        log_warning("descriptors", "this process may open %llu files only; at most %zu connections",
                    (unsigned long long)files, s->connections.most);
    else
        log_info("descriptors", "this process may open %llu files: at most %zu connections",
                 (unsigned long long)files, s->connections.most);
}

static int lock_folder(struct running *r, struct error *e)
{
    const char *dir = r->server.config->dir;
    r->lock = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (r->lock < 0)
        return error_set(e, -errno, "file", "%s: %s", dir, strerror(errno));
    if (flock(r->lock, LOCK_EX | LOCK_NB))
        return error_set(e, -EBUSY, "store-busy", "%s: another careplan-hub serves this folder", dir);
    return 0;
}

static int http_open(struct server *s, struct error *e)
{
    int64_t idle = s->config->idle_timeout;
    struct timeval timeout = {idle / 1000, idle % 1000 * 1000};
    s->base = event_base_new();
    s->http = s->base ? evhttp_new(s->base) : NULL;
    if (!s->http)
        return error_set(e, -ENOMEM, "memory", "out of memory");
    evhttp_set_max_body_size(s->http, EVHTTP_BODY_MAX);
    evhttp_set_max_headers_size(s->http, (ev_ssize_t)s->config->headers_size);
    evhttp_set_timeout_tv(s->http, &timeout);
    evhttp_set_default_content_type(s->http, NULL);
    evhttp_set_allowed_methods(s->http, EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_HEAD | EVHTTP_REQ_PUT |
                                            EVHTTP_REQ_DELETE | EVHTTP_REQ_OPTIONS | EVHTTP_REQ_TRACE |
                                            EVHTTP_REQ_CONNECT | EVHTTP_REQ_PATCH);
    evhttp_set_gencb(s->http, exchange_begin, s);
    int r = connections_open(s, e);
    return r ? r : operator_open(s, e);
}

/* Before the store's threads start, so each call is done when it returns. */
static int store_prepare(struct running *r, struct error *e)
{
    struct server *s = &r->server;
    autofree char *path = file_join(s->config->dir, "hub.db");
    if (!path)
        return error_set(e, -ENOMEM, "memory", "out of memory");
    int result = store_open(path, false, &s->store, e);
    if (result)
        return result;
    renew_crl(r);
    read_head(r);
    if (r->crl.job.result || r->head.job.result)
        return error_set(e, -EIO, "store", "%s: cannot be read and written", path);
    store_on_woken(s->store, on_woken, r);
    return 0;
}

static int running_open(struct running *r, const char *trace_path, struct error *e)
{
    struct server *s = &r->server;
    int result = lock_folder(r, e);
    if (!result)
        result = hub_keys_load(s->config->dir, &s->keys, e);
    if (!result && trace_path && !(s->trace = trace_open(trace_path, e)))
        result = e->number;
    if (!result)
        result = store_prepare(r, e);
    if (result)
        return result;
    s->peers = peers_new();
    if (!s->peers || est_cacerts(s, &s->cacerts))
        return error_set(e, -ENOMEM, "memory", "out of memory");
    result = http_open(s, e);
    if (!result)
        result = events_open(r) ? error_set(e, -ENOMEM, "memory", "out of memory") : 0;
    return result ? result : store_start(s->store, e);
}

static void event_close(struct event *event)
{
    if (event)
        event_free(event);
}

/* The store first: what it finishes still finds its requests. */
static void running_close(struct running *r)
{
    struct server *s = &r->server;
    event_close(r->completions);
    event_close(r->tick);
    event_close(r->terminate);
    event_close(r->interrupt);
    s->stopping = true;
    store_close(s->store);
    s->connections.listener = NULL; /* evhttp frees it */
    if (s->http)
        evhttp_free(s->http);
    if (s->operator_http)
        evhttp_free(s->operator_http);
    connections_close(s);
    if (s->base)
        event_base_free(s->base);
    peers_free(s->peers);
    trace_close(s->trace);
    buffer_free(&s->head_der);
    buffer_free(&s->cacerts);
    hub_keys_free(&s->keys);
    if (r->lock >= 0)
        close(r->lock);
}

int server_run(const struct hub_config *config, const char *trace_path, struct error *e)
{
    with_cleanup(running_close) struct running r = {
        .server.config = config, .lock = -1, .kept_up = clock_boot_ms()};
    signal(SIGPIPE, SIG_IGN);
    /* Envelopes come in bodies of a MiB: their memory goes back to the system at once. */
    mallopt(M_ARENA_MAX, 2);
    mallopt(M_MMAP_THRESHOLD, 128 * 1024);
    mallopt(M_TRIM_THRESHOLD, 1024 * 1024);
    int result = running_open(&r, trace_path, e);
    if (result)
        return result;
    raise_descriptors(&r.server);
    log_info("serving", "%s on %s", config->name, config->listen);
    if (event_base_dispatch(r.server.base) < 0)
        return error_set(e, -EIO, "loop", "the event loop failed");
    log_info("stopped", "%s", config->name);
    return 0;
}
