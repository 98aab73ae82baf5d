#include "hub/trace.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <event2/http.h>
#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>
#include <fcntl.h>
#include <jansson.h>

#include "base/cleanup.h"
#include "hub/form.h"

struct trace {
    FILE *file;
};

struct trace *trace_open(const char *path, struct error *e)
{
    struct trace *t = calloc(1, sizeof *t);
    int fd = t ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
    if (t && fd >= 0)
        t->file = fdopen(fd, "a");
    if (t && t->file)
        return t;
    error_set(e, -errno, "file", "%s: %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    free(t);
    return NULL;
}

void trace_close(struct trace *t)
{
    if (!t)
        return;
    fclose(t->file);
    free(t);
}

static const char *method_name(const struct evhttp_request *request)
{
    switch (evhttp_request_get_command(request)) {
    case EVHTTP_REQ_GET:
        return "GET";
    case EVHTTP_REQ_POST:
        return "POST";
    case EVHTTP_REQ_HEAD:
        return "HEAD";
    case EVHTTP_REQ_PUT:
        return "PUT";
    case EVHTTP_REQ_DELETE:
        return "DELETE";
    case EVHTTP_REQ_OPTIONS:
        return "OPTIONS";
    case EVHTTP_REQ_TRACE:
        return "TRACE";
    case EVHTTP_REQ_CONNECT:
        return "CONNECT";
    case EVHTTP_REQ_PATCH:
        return "PATCH";
    }
    return "?";
}

static json_t *header_names(struct evhttp_request *request)
{
    json_t *names = json_array();
    const struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
    for (const struct evkeyval *h = headers->tqh_first; h; h = h->next.tqe_next)
        json_array_append_new(names, json_string(h->key));
    return names;
}

static json_t *body_json(const char *media, const void *body, size_t length)
{
    bool json =
        form_media_type(media, "application/json") || form_media_type(media, "application/problem+json");
    json_t *value = json ? json_loadb(body, length, JSON_DECODE_ANY, NULL) : NULL;
    return value ? value : json_null();
}

void trace_exchange(struct trace *t, struct evhttp_request *request, const char *listener, bool certificate,
                    int status, const char *media, const void *body, size_t length)
{
    if (!t)
        return;
    const char *asked = evhttp_find_header(evhttp_request_get_input_headers(request), "Content-Type");
    json_t *line =
        json_pack("{s:s, s:s, s:s, s:b, s:s?, s:i, s:s?, s:o, s:o, s:I}", "listener", listener, "method",
                  method_name(request), "path", evhttp_request_get_uri(request), "certificate", certificate,
                  "request_media", asked, "status", status, "media", media, "headers", header_names(request),
                  "response", body_json(media, body, length), "length", (json_int_t)length);
    autofree char *text = line ? json_dumps(line, JSON_COMPACT) : NULL;
    json_decref(line);
    /* A line that cannot be written shows as a test's missing exchange; the hub's work goes on. */
    if (text && fprintf(t->file, "%s\n", text) > 0)
        fflush(t->file);
}
