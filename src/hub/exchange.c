#include "hub/exchange.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <event2/buffer.h>
#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "hub/route.h"

static const struct route {
    enum form_route path;
    enum evhttp_cmd_type method;
    const char *method_name;
    void (*run)(struct exchange *x);
    bool is_public;       /* no certificate needed */
    const char *media[2]; /* of the request's body */
} routes[] = {
    {ROUTE_MESSAGE_PUT,
     EVHTTP_REQ_PUT,
     "PUT",
     route_message_put,
     false,
     {"application/vnd.careplan.envelope", "application/vnd.careplan.commit"}},
    {ROUTE_MESSAGE, EVHTTP_REQ_GET, "GET", route_message_get, false, {NULL}},
    {ROUTE_PARTS, EVHTTP_REQ_GET, "GET", route_parts_get, false, {NULL}},
    {ROUTE_PART, EVHTTP_REQ_PUT, "PUT", route_part_put, false, {"application/octet-stream"}},
    {ROUTE_RECEIPT, EVHTTP_REQ_PUT, "PUT", route_receipt_put, false, {"application/cms"}},
    {ROUTE_FEED, EVHTTP_REQ_GET, "GET", route_feed, false, {NULL}},
    {ROUTE_DIRECTORY, EVHTTP_REQ_GET, "GET", route_directory, false, {NULL}},
    {ROUTE_DIRECTORY_LOG, EVHTTP_REQ_GET, "GET", route_directory_log, false, {NULL}},
    {ROUTE_CRL, EVHTTP_REQ_GET, "GET", route_crl, true, {NULL}},
    {ROUTE_CACERTS, EVHTTP_REQ_GET, "GET", route_cacerts, true, {NULL}},
    {ROUTE_ENROLL, EVHTTP_REQ_POST, "POST", route_enroll, true, {"application/pkcs10"}},
    {ROUTE_REENROLL, EVHTTP_REQ_POST, "POST", route_reenroll, false, {"application/pkcs10"}},
};

static const char *reason_of(int status)
{
    static const struct {
        int status;
        const char *reason;
    } reasons[] = {{200, "OK"},
                   {201, "Created"},
                   {204, "No Content"},
                   {206, "Partial Content"},
                   {400, "Bad Request"},
                   {401, "Unauthorized"},
                   {403, "Forbidden"},
                   {404, "Not Found"},
                   {405, "Method Not Allowed"},
                   {409, "Conflict"},
                   {413, "Content Too Large"},
                   {415, "Unsupported Media Type"},
                   {416, "Range Not Satisfiable"},
                   {422, "Unprocessable Content"},
                   {429, "Too Many Requests"},
                   {431, "Request Header Fields Too Large"},
                   {503, "Service Unavailable"}};
    for (size_t i = 0; i < ARRAY_LENGTH(reasons); i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return "Internal Server Error";
}

/* ---- answering ---- */

const char *exchange_header(const struct exchange *x, const char *name)
{
    return evhttp_find_header(evhttp_request_get_input_headers(x->request), name);
}

void exchange_set_header(struct exchange *x, const char *name, const char *value)
{
    struct evkeyvalq *headers = evhttp_request_get_output_headers(x->request);
    evhttp_remove_header(headers, name);
    if (evhttp_add_header(headers, name, value))
        log_error("memory", "out of memory for a header");
}

/* Everything but the sending. The request itself is evhttp's from then on. */
static void exchange_end(struct exchange *x, int status, const char *media, const void *body, size_t length)
{
    struct server *s = x->server;
    struct connection *c = connection_of(s, x->request);
    if (s->stopping)
        exchange_set_header(x, "Connection", "close");
    trace_exchange(s->trace, x->request, "hub", x->certificate, status, media, body, length);
    if (c)
        connection_answered(c);
    s->counts.answers[status / 100 % 6]++;
    *x->share -= x->held;
    s->exchanges--;
    if (x->peer)
        x->peer->references--;
    free(x);
}

static void send_answer(struct exchange *x, int status, const char *media, const void *body, size_t length)
{
    struct evhttp_request *request = x->request;
    struct evbuffer *buffer = evbuffer_new();
    bool head = evhttp_request_get_command(request) == EVHTTP_REQ_HEAD;
    if (media)
        exchange_set_header(x, "Content-Type", media);
    if (buffer && length && !head && evbuffer_add(buffer, body, length)) {
        log_error("memory", "out of memory for an answer");
        exchange_set_header(x, "Connection", "close");
        status = 500;
    }
    exchange_end(x, status, media, body, length);
    evhttp_send_reply(request, status, reason_of(status), buffer);
    if (buffer)
        evbuffer_free(buffer);
}

void answer_bytes(struct exchange *x, int status, const char *media, const void *data, size_t length)
{
    send_answer(x, status, media, data, length);
}

void answer_empty(struct exchange *x, int status)
{
    send_answer(x, status, NULL, NULL, 0);
}

void answer_json(struct exchange *x, int status, json_t *body)
{
    autofree char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
    json_decref(body);
    if (text)
        send_answer(x, status, "application/json", text, strlen(text));
    else
        answer_internal(x);
}

void answer_problem(struct exchange *x, int status, const char *code, const char *detail)
{
    char type[64];
    snprintf(type, sizeof type, "urn:careplan:problem:%s", code);
    json_t *body = json_pack("{s:s, s:s, s:i, s:s}", "type", type, "title", reason_of(status), "status",
                             status, "detail", detail);
    autofree char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
    json_decref(body);
    log_debug("problem", "%d %s: %s", status, code, detail);
    send_answer(x, status, "application/problem+json", text, text ? strlen(text) : 0);
}

void answer_error(struct exchange *x, int status, const struct error *e)
{
    answer_problem(x, status, e->code, e->text);
}

void answer_internal(struct exchange *x)
{
    log_error("internal", "a request could not be answered: %s", evhttp_request_get_uri(x->request));
    answer_problem(x, 500, "internal", "the hub's own fault; its log says more");
}

void answer_store_failed(struct exchange *x, int result)
{
    log_error("store", "%s: %s", evhttp_request_get_uri(x->request), strerror(-result));
    if (result != -ENOSPC && result != -EIO && result != -EBUSY && result != -EROFS) {
        answer_internal(x);
        return;
    }
    exchange_set_header(x, "Retry-After", "10");
    answer_problem(x, 503, "storage", "the hub's store cannot take it now; try again later");
}

void answer_stream_end(struct exchange *x, int status, const char *media)
{
    struct evhttp_request *request = x->request;
    exchange_end(x, status, media, NULL, 0);
    evhttp_send_reply_end(request);
}

/* ---- from evhttp to a route ---- */

static const struct route *route_of(enum form_route path)
{
    for (size_t i = 0; i < ARRAY_LENGTH(routes); i++)
        if (routes[i].path == path)
            return &routes[i];
    return NULL;
}

static bool has_media(const struct exchange *x, const struct route *route)
{
    const char *given = exchange_header(x, "Content-Type");
    return !route->media[0] || form_media_type(given, route->media[0]) ||
           (route->media[1] && form_media_type(given, route->media[1]));
}

static size_t count_headers(const struct exchange *x)
{
    size_t n = 0;
    const struct evkeyvalq *headers = evhttp_request_get_input_headers(x->request);
    for (const struct evkeyval *h = headers->tqh_first; h; h = h->next.tqe_next)
        n++;
    return n;
}

/* Counts the request for the office, or for the address when there is none. */
static bool may_ask(struct exchange *x)
{
    struct server *s = x->server;
    bool known = *x->office.text != '\0';
    char key[PEER_KEY_MAX + 1], *address = NULL;
    ev_uint16_t port;
    evhttp_connection_get_peer(evhttp_request_get_connection(x->request), &address, &port);
    peer_address_key(address ? address : "?", key);
    x->peer = peer_get(s->peers, known ? x->office.text : key);
    if (!x->peer)
        return false;
    x->peer->references++;
    return peer_take(&x->peer->requests,
                     known ? s->config->requests_per_minute : s->config->anonymous_per_minute, PEER_MINUTE_MS,
                     clock_boot_ms());
}

static bool take_body(struct exchange *x)
{
    struct evbuffer *input = evhttp_request_get_input_buffer(x->request);
    x->body.length = evbuffer_get_length(input);
    x->body.data = x->body.length ? evbuffer_pullup(input, -1) : (const uint8_t *)"";
    return x->body.data != NULL;
}

/* What concerns every request alike. True: go on. */
static bool is_welcome(struct exchange *x)
{
    struct server *s = x->server;
    if (!may_ask(x)) {
        exchange_set_header(x, "Retry-After", "10");
        answer_problem(x, 429, "rate", "more requests a minute than allowed");
        return false;
    }
    if (s->stopping) {
        exchange_set_header(x, "Retry-After", "5");
        answer_problem(x, 503, "stopping", "the hub is being stopped");
        return false;
    }
    if (count_headers(x) > (size_t)s->config->headers_max) {
        answer_problem(x, 431, "headers", "more header fields than allowed");
        return false;
    }
    return true;
}

static bool is_admitted(struct exchange *x, const struct route *route)
{
    if (route->is_public || *x->office.text)
        return true;
    if (x->certificate)
        answer_problem(x, 403, "certificate-refused",
                       "the client certificate is foreign, expired, revoked or not an office's");
    else
        answer_problem(x, 401, "certificate-required", "this needs the certificate of an enrolled office");
    return false;
}

static void dispatch(struct exchange *x)
{
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(x->request);
    const char *path = uri ? evhttp_uri_get_path(uri) : NULL;
    x->query = uri ? evhttp_uri_get_query(uri) : NULL;
    form_path_read(path ? path : "", &x->path);
    const struct route *route = route_of(x->path.route);
    if (!is_welcome(x))
        return;
    if (!route) {
        answer_problem(x, 404, "not-found", "unknown, or not yours");
        return;
    }
    if (evhttp_request_get_command(x->request) != route->method) {
        exchange_set_header(x, "Allow", route->method_name);
        answer_problem(x, 405, "method-not-allowed", "this path has another method");
        return;
    }
    if (!is_admitted(x, route))
        return;
    if (route->media[0] && x->body.length > (size_t)x->server->config->body_max)
        answer_problem(x, 413, "body-too-large", "the body is larger than body_max");
    else if (!has_media(x, route))
        answer_problem(x, 415, "media-type", "not a media type that this takes");
    else
        route->run(x);
}

void exchange_begin(struct evhttp_request *request, void *argument)
{
    struct server *s = argument;
    struct connection *c = connection_of(s, request);
    struct exchange *x = c ? calloc(1, sizeof *x) : NULL;
    if (!x) { /* without TLS nothing is said; without memory nothing can be */
        evhttp_send_error(request, 503, NULL);
        return;
    }
    *x = (struct exchange){.server = s, .request = request};
    x->held = connection_request(c, &x->share);
    x->certificate = connection_has_certificate(c);
    x->office = *connection_office(c);
    s->exchanges++;
    if (take_body(x))
        dispatch(x);
    else
        answer_internal(x);
}
