#include "link/http.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <curl/curl.h>

#include "link/http_transfer.h"

static void start_libcurl(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

int http_new(const struct http_options *options, struct http **out, struct error *e)
{
    *out = NULL;
    if (!options->url || strncmp(options->url, "https://", 8) != 0 || !options->url[8])
        return error_set(e, -EINVAL, "hub-url", "the hub's URL must begin with https://");
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, start_libcurl);
    struct http *h = calloc(1, sizeof *h);
    if (!h)
        return error_set(e, -ENOMEM, "memory", "no memory");
    h->options = *options;
    h->multi = curl_multi_init();
    if (!h->multi) {
        free(h);
        return error_set(e, -ENOMEM, "memory", "no memory for libcurl");
    }
    curl_multi_setopt(h->multi, CURLMOPT_MAXCONNECTS, 12L);
    curl_multi_setopt(h->multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
    *out = h;
    return 0;
}

static void transfer_unlink(struct http *h, struct http_transfer *t)
{
    for (struct http_transfer **p = &h->transfers; *p; p = &(*p)->next)
        if (*p == t) {
            *p = t->next;
            h->active--;
            break;
        }
    curl_multi_remove_handle(h->multi, t->easy);
}

/* `done` may start new transfers: this one has left the list and libcurl before. */
static void transfer_end(struct http *h, struct http_transfer *t, CURLcode result, bool aborted)
{
    transfer_unlink(h, t);
    transfer_judge(t, result, aborted);
    t->done(t->context, &t->answer);
    transfer_free(t);
}

void http_abort_all(struct http *h)
{
    while (h->transfers)
        transfer_end(h, h->transfers, CURLE_ABORTED_BY_CALLBACK, true);
}

void http_free(struct http *h)
{
    if (!h)
        return;
    http_abort_all(h);
    curl_multi_cleanup(h->multi);
    free(h);
}

int http_start(struct http *h, struct http_request *request)
{
    struct http_transfer *t = transfer_new(h, request);
    if (!t)
        return -ENOMEM;
    if (curl_multi_add_handle(h->multi, t->easy) != CURLM_OK) {
        transfer_free(t);
        return -ENOMEM;
    }
    t->next = h->transfers;
    h->transfers = t;
    h->active++;
    return 0;
}

bool http_perform(struct http *h)
{
    int running, left;
    bool ended = false;
    CURLMsg *message;
    curl_multi_perform(h->multi, &running);
    while ((message = curl_multi_info_read(h->multi, &left))) {
        struct http_transfer *t = NULL;
        if (message->msg != CURLMSG_DONE)
            continue;
        CURLcode result = message->data.result;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&t);
        transfer_end(h, t, result, false);
        ended = true;
    }
    return ended;
}

void http_poll(struct http *h, int timeout_ms)
{
    curl_multi_poll(h->multi, NULL, 0, timeout_ms, NULL);
}

void http_wake(struct http *h)
{
    curl_multi_wakeup(h->multi);
}

size_t http_active(const struct http *h)
{
    return h->active;
}

struct called {
    struct http_answer *answer;
    bool done;
};

static void call_done(void *context, struct http_answer *answer)
{
    struct called *called = context;
    *called->answer = *answer;
    answer->body = (struct buffer){0};
    called->done = true;
}

/* libcurl's own handling of SIGPIPE is off (CURLOPT_NOSIGNAL), and this thread may be a program's only one.
 */
static void without_sigpipe(sigset_t *before)
{
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, before);
}

static void with_sigpipe(const sigset_t *before)
{
    sigset_t pipe;
    struct timespec now = {0};
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    if (sigismember(before, SIGPIPE) == 0)
        sigtimedwait(&pipe, NULL, &now);
    pthread_sigmask(SIG_SETMASK, before, NULL);
}

int http_call(struct http *h, struct http_request *request, struct http_answer *answer)
{
    struct called called = {.answer = answer};
    request->done = call_done;
    request->context = &called;
    sigset_t before;
    without_sigpipe(&before);
    int r = http_start(h, request);
    while (r == 0 && !called.done) {
        if (!http_perform(h))
            http_poll(h, 1000);
    }
    with_sigpipe(&before);
    return r;
}
