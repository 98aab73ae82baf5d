/* One request of http.c: its easy handle, its bounded answer, and the judgement of how it ended. */
#ifndef LINK_HTTP_TRANSFER_H
#define LINK_HTTP_TRANSFER_H

#include <curl/curl.h>

#include "link/http.h"

struct http_transfer {
    struct http_transfer *next;
    CURL *easy;
    struct curl_slist *headers;
    char curl_text[CURL_ERROR_SIZE];
    struct buffer body; /* of the request */
    struct http_answer answer;
    http_done_fn *done;
    void *context;
};

struct http {
    struct http_options options;
    CURLM *multi;
    struct http_transfer *transfers;
    size_t active;
};

/* Takes over the request's body, also when NULL (no memory) is returned. */
struct http_transfer *transfer_new(const struct http *h, struct http_request *request);
void transfer_free(struct http_transfer *t);
/* Fills `answer` once the transfer has ended. */
void transfer_judge(struct http_transfer *t, CURLcode result, bool aborted);

#endif
