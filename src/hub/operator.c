/* The operator's own listener on loopback, plain HTTP: is it alive, can it serve, how much does it do. */
#include "hub/route.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <event2/buffer.h>
#include <event2/listener.h>

#include "base/cleanup.h"

enum { READY_SECONDS = 2 };

static void answer_text(struct server *s, struct evhttp_request *request, int status, const char *text)
{
    static const char media[] = "text/plain; charset=utf-8";
    struct evbuffer *buffer = evbuffer_new();
    if (buffer)
        evbuffer_add(buffer, text, strlen(text));
    evhttp_add_header(evhttp_request_get_output_headers(request), "Content-Type", media);
    trace_exchange(s->trace, request, "operator", false, status, media, text, strlen(text));
    evhttp_send_reply(request, status, NULL, buffer);
    if (buffer)
        evbuffer_free(buffer);
}

/* ---- /readyz and /metrics ask the store ---- */

struct asking {
    struct store_ping ping;
    struct server *server;
    struct evhttp_request *request; /* NULL: answered already, the store was too slow */
    struct event *timer;
    bool metrics;
};

static void metric(struct buffer *b, const char *name, const char *type, const char *help, uint64_t value)
{
    buffer_printf(b, "# HELP careplan_hub_%s %s\n# TYPE careplan_hub_%s %s\ncareplan_hub_%s %llu\n", name,
                  help, name, type, name, (unsigned long long)value);
}

static void count_waiting(void *context, struct peer *peer)
{
    *(uint64_t *)context += peer->n_waiting;
}

static void answer_metrics(struct asking *a)
{
    struct server *s = a->server;
    autobuffer b = {0};
    uint64_t feeds = 0;
    peers_each(s->peers, count_waiting, &feeds);
    buffer_text(&b, "# HELP careplan_hub_answers_total Answers by hundreds of their status.\n"
                    "# TYPE careplan_hub_answers_total counter\n");
    for (int i = 2; i <= 5; i++)
        buffer_printf(&b, "careplan_hub_answers_total{status=\"%dxx\"} %llu\n", i,
                      (unsigned long long)s->counts.answers[i]);
    metric(&b, "messages_accepted_total", "counter", "Messages accepted since the start.",
           s->counts.accepted);
    metric(&b, "receipts_total", "counter", "Receipts taken since the start.", s->counts.receipts);
    metric(&b, "enrolments_total", "counter", "Certificates given since the start.", s->counts.enrolled);
    metric(&b, "connections", "gauge", "Open connections.", s->connections.n);
    metric(&b, "feeds_waiting", "gauge", "Feeds that wait for events.", feeds);
    metric(&b, "held_bytes", "gauge", "Bytes of request bodies under way.", s->held + s->held_anonymous);
    metric(&b, "offices", "gauge", "Offices in the directory.", (uint64_t)a->ping.offices);
    metric(&b, "messages", "gauge", "Messages ever accepted.", (uint64_t)a->ping.messages);
    answer_text(s, a->request, b.failed ? 500 : 200, b.failed ? "out of memory\n" : (const char *)b.data);
}

static void asking_free(struct asking *a)
{
    if (a->timer)
        event_free(a->timer);
    free(a);
}

static void on_ping(struct store_job *job)
{
    struct asking *a = job->context;
    if (a->request && a->metrics)
        answer_metrics(a);
    else if (a->request)
        answer_text(a->server, a->request, job->result ? 503 : 200,
                    job->result ? "the store fails; see the log\n" : "ready\n");
    asking_free(a);
}

static void on_late(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct asking *a = context;
    if (a->request && !a->metrics) {
        answer_text(a->server, a->request, 503, "the store does not answer\n");
        a->request = NULL;
    }
}

static void ask(struct server *s, struct evhttp_request *request, bool metrics)
{
    static const struct timeval late = {READY_SECONDS, 0};
    struct asking *a = calloc(1, sizeof *a);
    if (!a) {
        evhttp_send_error(request, 503, NULL);
        return;
    }
    *a = (struct asking){.server = s, .request = request, .metrics = metrics};
    a->timer = evtimer_new(s->base, on_late, a);
    if (a->timer)
        evtimer_add(a->timer, &late);
    a->ping.job = (struct store_job){.done = on_ping, .context = a};
    store_ping(s->store, &a->ping);
}

static void on_request(struct evhttp_request *request, void *argument)
{
    struct server *s = argument;
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
    const char *path = uri ? evhttp_uri_get_path(uri) : NULL;
    if (evhttp_request_get_command(request) != EVHTTP_REQ_GET || !path)
        answer_text(s, request, 405, "only GET\n");
    else if (strcmp(path, "/healthz") == 0)
        answer_text(s, request, 200, "ok\n");
    else if (strcmp(path, "/readyz") == 0 || strcmp(path, "/metrics") == 0)
        ask(s, request, path[1] == 'm');
    else
        answer_text(s, request, 404, "/healthz, /readyz, /metrics\n");
}

static bool is_loopback(const struct sockaddr_storage *address)
{
    const struct sockaddr_in *four = (const struct sockaddr_in *)address;
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)address;
    return address->ss_family == AF_INET ? ntohl(four->sin_addr.s_addr) >> 24 == 127
                                         : IN6_IS_ADDR_LOOPBACK(&six->sin6_addr);
}

int operator_open(struct server *s, struct error *e)
{
    struct sockaddr_storage address = {0};
    int length = sizeof address;
    const char *where = s->config->operator_;
    if (!*where)
        return 0;
    if (evutil_parse_sockaddr_port(where, (struct sockaddr *)&address, &length) || !is_loopback(&address))
        return error_set(e, -EINVAL, "config-value",
                         "operator: %s is not a loopback address; do: use 127.0.0.1:PORT or [::1]:PORT",
                         where);
    s->operator_http = evhttp_new(s->base);
    struct evconnlistener *listener =
        s->operator_http
            ? evconnlistener_new_bind(s->base, NULL, NULL,
                                      LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE, 16,
                                      (struct sockaddr *)&address, length)
            : NULL;
    if (!listener)
        return error_set(e, -errno, "listen",
                         "cannot listen on %s: %s; do: end what listens there, or change [hub] operator",
                         where, strerror(errno));
    if (!evhttp_bind_listener(s->operator_http, listener))
        return error_set(e, -ENOMEM, "memory", "out of memory");
    evhttp_set_max_body_size(s->operator_http, 1024);
    evhttp_set_max_headers_size(s->operator_http, 8192);
    evhttp_set_timeout(s->operator_http, 10);
    evhttp_set_gencb(s->operator_http, on_request, s);
    return 0;
}
