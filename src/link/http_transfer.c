#include "link/http_transfer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <jansson.h>

#include "base/cleanup.h"
#include "base/clock.h"

enum {
    CONNECT_SECONDS = 10, /* TCP and TLS */
    STALL_SECONDS = 30,
    STALL_BYTES = 64,        /* a second: a hub that sends one byte a minute is left */
    PROBLEM_MAX = 64 * 1024, /* of an answer that is no success */
    RETRY_AFTER_MAX = 3600,
};

static size_t take_body(char *data, size_t size, size_t n, void *context)
{
    struct http_transfer *t = context;
    size_t length = size * n;
    if (buffer_append(&t->answer.body, data, length) == 0)
        return length;
    t->answer.too_large = true;
    return CURL_WRITEFUNC_ERROR;
}

bool http_content_range(const char *value, uint64_t *from, uint64_t *total)
{
    uint64_t first, last, whole;
    int used = 0;
    if (strlen(value) > 90)
        return false;
    if (sscanf(value, "bytes %19" SCNu64 "-%19" SCNu64 "/%19" SCNu64 "%n", &first, &last, &whole, &used) < 3)
        return false;
    if (value[used] != '\0' || last < first || whole <= last)
        return false;
    *from = first;
    *total = whole;
    return true;
}

static bool header_is(const char *line, const char *name, const char **value)
{
    size_t n = strlen(name);
    if (strncasecmp(line, name, n) != 0 || line[n] != ':')
        return false;
    *value = line + n + 1 + strspn(line + n + 1, " \t");
    return true;
}

static size_t take_header(char *data, size_t size, size_t n, void *context)
{
    struct http_transfer *t = context;
    char line[256];
    const char *value;
    size_t length = size * n < sizeof line - 1 ? size * n : sizeof line - 1;
    memcpy(line, data, length);
    line[length] = '\0';
    line[strcspn(line, "\r\n")] = '\0';
    if (strncmp(line, "HTTP/", 5) == 0) { /* a new head (after 100 Continue) */
        t->answer.range_from = t->answer.range_total = 0;
        t->answer.media[0] = '\0';
    } else if (header_is(line, "Content-Type", &value)) {
        snprintf(t->answer.media, sizeof t->answer.media, "%.*s", (int)strcspn(value, "; \t"), value);
    } else if (header_is(line, "Content-Range", &value)) {
        http_content_range(value, &t->answer.range_from, &t->answer.range_total);
    } else if (header_is(line, "Retry-After", &value)) {
        long seconds = strtol(value, NULL, 10);
        t->answer.retry_after_ms = 1000 * (seconds < 0                 ? 0
                                           : seconds > RETRY_AFTER_MAX ? RETRY_AFTER_MAX
                                                                       : seconds);
    } else if (header_is(line, "Date", &value)) {
        time_t when = curl_getdate(value, NULL);
        t->answer.date_ms = when > 0 ? (int64_t)when * 1000 : 0;
        t->answer.ahead_ms = when > 0 ? clock_utc_ms() - t->answer.date_ms - 500 : 0;
    }
    return size * n;
}

static void set_tls(CURL *easy, const struct http_options *o)
{
    struct curl_blob ca = {.data = o->ca->data, .len = o->ca->length, .flags = CURL_BLOB_NOCOPY};
    curl_easy_setopt(easy, CURLOPT_CAINFO_BLOB, &ca);
    curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_3);
    if (!o->certificate || !o->key)
        return;
    struct curl_blob certificate = {
        .data = o->certificate->data, .len = o->certificate->length, .flags = CURL_BLOB_NOCOPY};
    struct curl_blob key = {.data = o->key->data, .len = o->key->length, .flags = CURL_BLOB_NOCOPY};
    curl_easy_setopt(easy, CURLOPT_SSLCERT_BLOB, &certificate);
    curl_easy_setopt(easy, CURLOPT_SSLCERTTYPE, "PEM");
    curl_easy_setopt(easy, CURLOPT_SSLKEY_BLOB, &key);
    curl_easy_setopt(easy, CURLOPT_SSLKEYTYPE, "PEM");
}

static void set_limits(CURL *easy, const struct http_request *r)
{
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_SECONDS);
    if (r->total_seconds)
        curl_easy_setopt(easy, CURLOPT_TIMEOUT, r->total_seconds);
    else {
        curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, (long)STALL_BYTES);
        curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME,
                         r->stall_seconds ? r->stall_seconds : (long)STALL_SECONDS);
    }
}

/* The body is sent from where it lies; "Expect:" off, since the hub would only be asked for what it takes
 * anyway and each part would wait for an answer. */
static int set_body(struct http_transfer *t, const struct http_request *r)
{
    char line[128];
    if (strcmp(r->method, "GET") == 0)
        return 0;
    curl_easy_setopt(t->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)t->body.length);
    curl_easy_setopt(t->easy, CURLOPT_POSTFIELDS, t->body.data ? (const char *)t->body.data : "");
    curl_easy_setopt(t->easy, CURLOPT_CUSTOMREQUEST, r->method);
    snprintf(line, sizeof line, "Content-Type: %s", r->media);
    struct curl_slist *list = curl_slist_append(NULL, line);
    struct curl_slist *more = list ? curl_slist_append(list, "Expect:") : NULL;
    t->headers = more ? more : list;
    curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->headers);
    return more ? 0 : -ENOMEM;
}

struct http_transfer *transfer_new(const struct http *h, struct http_request *r)
{
    struct http_transfer *t = calloc(1, sizeof *t);
    struct buffer body = r->body;
    r->body = (struct buffer){0};
    if (!t) {
        buffer_free(&body);
        return NULL;
    }
    t->body = body;
    t->answer.body.limit = r->limit > PROBLEM_MAX ? r->limit : PROBLEM_MAX;
    t->done = r->done;
    t->context = r->context;
    autobuffer url = {0};
    buffer_text(&url, h->options.url);
    buffer_text(&url, r->path);
    t->easy = curl_easy_init();
    if (!t->easy || url.failed || set_body(t, r)) {
        transfer_free(t);
        return NULL;
    }
    curl_easy_setopt(t->easy, CURLOPT_URL, url.data);
    curl_easy_setopt(t->easy, CURLOPT_PRIVATE, t);
    curl_easy_setopt(t->easy, CURLOPT_ERRORBUFFER, t->curl_text);
    curl_easy_setopt(t->easy, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(t->easy, CURLOPT_WRITEDATA, t);
    curl_easy_setopt(t->easy, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(t->easy, CURLOPT_HEADERDATA, t);
    curl_easy_setopt(t->easy, CURLOPT_USERAGENT, "careplanfs/" CAREPLAN_VERSION);
    if (r->range[0])
        curl_easy_setopt(t->easy, CURLOPT_RANGE, r->range);
    if (r->user) {
        curl_easy_setopt(t->easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
        curl_easy_setopt(t->easy, CURLOPT_USERNAME, r->user);
        curl_easy_setopt(t->easy, CURLOPT_PASSWORD, r->password);
    }
    set_tls(t->easy, &h->options);
    set_limits(t->easy, r);
    return t;
}

void transfer_free(struct http_transfer *t)
{
    if (!t)
        return;
    curl_easy_cleanup(t->easy);
    curl_slist_free_all(t->headers);
    buffer_free(&t->body);
    buffer_free(&t->answer.body);
    free(t);
}

void http_problem(const uint8_t *json, size_t length, char out[48])
{
    static const char prefix[] = "urn:careplan:problem:";
    const char *type = NULL;
    out[0] = '\0';
    if (length > PROBLEM_MAX)
        return;
    json_t *root = json_loadb((const char *)json, length, JSON_REJECT_DUPLICATES, NULL);
    if (json_is_object(root))
        type = json_string_value(json_object_get(root, "type"));
    if (type && strncmp(type, prefix, sizeof prefix - 1) == 0) {
        const char *code = type + sizeof prefix - 1;
        size_t n = strspn(code, "abcdefghijklmnopqrstuvwxyz0123456789-");
        if (n < 48 && code[n] == '\0')
            snprintf(out, 48, "%s", code);
    }
    json_decref(root);
}

static void judge_failure(struct http_transfer *t, CURLcode result)
{
    struct http_answer *a = &t->answer;
    const char *text = t->curl_text[0] ? t->curl_text : curl_easy_strerror(result);
    a->status = 0;
    switch (result) {
    case CURLE_PEER_FAILED_VERIFICATION:
        a->untrusted = true;
        snprintf(a->trouble, sizeof a->trouble, "the hub's certificate is not trusted: %.140s", text);
        break;
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CONNECT_ERROR:
        a->untrusted = true;
        snprintf(a->trouble, sizeof a->trouble, "no TLS with the hub: %.160s", text);
        break;
    case CURLE_OPERATION_TIMEDOUT:
        snprintf(a->trouble, sizeof a->trouble, "the hub does not answer in time: %.140s", text);
        break;
    default:
        snprintf(a->trouble, sizeof a->trouble, "the hub cannot be reached: %.150s",
                 a->too_large ? "its answer is larger than agreed" : text);
    }
}

void transfer_judge(struct http_transfer *t, CURLcode result, bool aborted)
{
    struct http_answer *a = &t->answer;
    long status = 0;
    curl_off_t down = 0, up = 0;
    a->aborted = aborted;
    curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(t->easy, CURLINFO_SIZE_DOWNLOAD_T, &down);
    curl_easy_getinfo(t->easy, CURLINFO_SIZE_UPLOAD_T, &up);
    a->progress = status >= 200 && status < 300 && down + up > 0;
    if (result != CURLE_OK) {
        if (status == 206 || status == 200)
            a->progress = down > 0; /* the body so far is good: a download goes on behind it */
        else
            buffer_clear(&a->body);
        judge_failure(t, result);
        return;
    }
    a->status = (int)status;
    if (status >= 200 && status < 300)
        return;
    if (strcmp(a->media, "application/problem+json") == 0)
        http_problem(a->body.data, a->body.length, a->problem);
    snprintf(a->trouble, sizeof a->trouble, "the hub answers %ld%s%s", status, a->problem[0] ? " " : "",
             a->problem);
}
