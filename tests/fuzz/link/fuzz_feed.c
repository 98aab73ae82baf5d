/* The hub's JSON answers: any bytes are either read within bounds or refused as a whole. The first byte says
 * which answer it is. */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "link/feed_page.h"
#include "link/http.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int holds)
{
    if (!holds)
        abort();
}

static int take_entry(void *context, const struct log_entry *entry)
{
    (void)context;
    must(entry->type == LOG_OTHER || entry->office.text[0]);
    must(entry->type != LOG_CERTIFICATE || strlen(entry->fingerprint) == 64);
    return 0;
}

static int take_office(void *context, const struct directory_office *o)
{
    (void)context;
    must(o->office.text[0] && o->name);
    must(!o->certificate || strlen(o->fingerprint) == 64);
    return 0;
}

static void feed(const uint8_t *json, size_t length)
{
    struct feed_page p;
    int r = feed_page_parse(json, length, &p);
    must(r == 0 || r == -EBADMSG);
    must(r || p.n <= FEED_EVENTS_MAX);
    for (size_t i = 0; r == 0 && i < p.n; i++)
        must(p.events[i].type != FEED_MESSAGE || p.events[i].sender.text[0]);
    if (r == 0)
        feed_page_free(&p);
}

static void parts(const uint8_t *json, size_t length)
{
    uint8_t have[16] = {0};
    struct parts_page p;
    int r = parts_page_parse(json, length, (15 << 20) + 7, have, sizeof have, &p);
    must(r == 0 || r == -EBADMSG);
    must(r || !p.more || p.any);
}

static void directory_log(const uint8_t *json, size_t length)
{
    struct log_head head = {0};
    struct buffer signed_head = {0};
    size_t n;
    int r = log_page_parse(json, length, &head, &signed_head, &n, take_entry, NULL);
    must(r == 0 || r == -EBADMSG || r == -EILSEQ || r == -EFBIG);
    must(r || head.n == n);
    buffer_free(&signed_head);
}

static void directory(const uint8_t *json, size_t length)
{
    struct buffer signed_head = {0};
    struct office_id last = {""};
    bool more;
    int r = directory_page_parse(json, length, &more, &last, &signed_head, take_office, NULL);
    must(r == 0 || r == -EBADMSG || r == -EFBIG);
    must(r || !more || last.text[0]);
    buffer_free(&signed_head);
}

static void small(const uint8_t *data, size_t length)
{
    char code[48], *text = strndup((const char *)data, length);
    uint64_t from = 0, total = 0;
    struct log_entry entry;
    http_problem(data, length, code);
    must(strlen(code) < 48 && !strpbrk(code, "\r\n \""));
    if (http_content_range(text, &from, &total))
        must(from < total);
    if (log_entry_parse((const char *)data, length, &entry) == 0)
        take_entry(NULL, &entry);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const readers[])(const uint8_t *, size_t) = {feed, parts, directory_log, directory, small};
    if (size > 1)
        readers[data[0] % (sizeof readers / sizeof *readers)](data + 1, size - 1);
    return 0;
}
