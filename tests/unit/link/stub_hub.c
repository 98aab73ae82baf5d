#include "stub_hub.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <openssl/err.h>
#include <openssl/pkcs7.h>

#include "base/clock.h"
#include "base/hex.h"
#include "link/framing.h"
#include "stub_http.h"

#define CHECK(x)                                   \
    do {                                           \
        if (!(x)) {                                \
            fprintf(stderr, "stub_hub: %s\n", #x); \
            abort();                               \
        }                                          \
    } while (0)

/* ---- answers ---- */

static void answer(struct stub_call *c, int status, const char *media, const void *data, size_t length)
{
    c->status = status;
    c->media = media;
    buffer_clear(&c->answer);
    buffer_append(&c->answer, data, length);
}

static void problem(struct stub_call *c, int status, const char *code)
{
    char text[200];
    int n = snprintf(text, sizeof text,
                     "{\"type\":\"urn:careplan:problem:%s\",\"title\":\"t\",\"status\":%d,\"detail\":\"d\"}",
                     code, status);
    answer(c, status, "application/problem+json", text, (size_t)n);
}

static char *base64(const void *data, size_t length)
{
    char *text = malloc(4 * ((length + 2) / 3) + 1);
    CHECK(text);
    EVP_EncodeBlock((unsigned char *)text, data, (int)length);
    return text;
}

/* ---- the directory ---- */

static void chain(const struct stub_hub *h, size_t n, struct log_head *head)
{
    *head = (struct log_head){0};
    for (size_t i = 0; i < n; i++) {
        bool other = i == 0 && atomic_load(&h->fork_log);
        const char *text = other ? "{\"type\":\"office\",\"office\":\"0300000900-11\"}" : h->log[i];
        log_head_append(head, text, strlen(text));
    }
}

static void signed_head(struct stub_hub *h, struct buffer *out)
{
    struct log_head head;
    struct error e = {0};
    uint8_t *der = NULL;
    size_t length;
    chain(h, h->n_log, &head);
    CHECK(log_head_sign(h->house->signer, &head, clock_utc_ms(), &der, &length, &e) == 0);
    char *text = base64(der, length);
    buffer_printf(out, "\"head\":\"%s\"}", text);
    free(text);
    free(der);
}

static void get_log(struct stub_hub *h, struct stub_call *c)
{
    struct buffer b = {0};
    uint64_t after = stub_query(c, "after");
    buffer_text(&b, "{\"entries\":[");
    for (size_t i = (size_t)after; i < h->n_log; i++) {
        struct log_head head;
        char hex[65], escaped[1024], *p = escaped;
        chain(h, i + 1, &head);
        hex_encode(head.hash.bytes, 32, hex);
        for (const char *s = h->log[i]; *s; s++) {
            if (*s == '"')
                *p++ = '\\';
            *p++ = *s;
        }
        *p = '\0';
        buffer_printf(&b, "%s{\"n\":%zu,\"entry\":\"%s%s\",\"hash\":\"%s\"}", i > after ? "," : "", i + 1,
                      escaped, atomic_load(&h->lie_log) ? " " : "", hex);
    }
    buffer_text(&b, "],");
    signed_head(h, &b);
    answer(c, 200, "application/json", b.data, b.length);
    buffer_free(&b);
}

static void get_directory(struct stub_hub *h, struct stub_call *c)
{
    struct buffer b = {0};
    buffer_text(&b, "{\"offices\":[");
    for (size_t i = 0; i < h->n_offices; i++) {
        const struct stub_office *o = &h->offices[i];
        buffer_printf(&b, "%s{\"office\":\"%s\",\"name\":\"%s\",\"municipality\":\"\",\"certificate\":",
                      i ? "," : "", o->office.text, o->name);
        if (o->certificate) {
            buffer_text(&b, "\"");
            for (const char *s = o->certificate; *s; s++)
                buffer_append(&b, *s == '\n' ? "\\n" : s, *s == '\n' ? 2 : 1);
            buffer_printf(&b, "\",\"fingerprint\":\"%s\"}", o->fingerprint);
        } else {
            buffer_text(&b, "null,\"fingerprint\":null}");
        }
    }
    buffer_text(&b, "],\"more\":false,");
    signed_head(h, &b);
    answer(c, 200, "application/json", b.data, b.length);
    buffer_free(&b);
}

static void tell(struct stub_hub *h, const struct office_id *to, char *json)
{
    CHECK(h->n_events < STUB_EVENTS);
    h->events[h->n_events++] = (struct stub_event){*to, json};
    pthread_cond_broadcast(&h->news);
}

static struct stub_office *office_slot(struct stub_hub *h, const struct office_id *id)
{
    size_t at = 0;
    while (at < h->n_offices && strcmp(h->offices[at].office.text, id->text) < 0)
        at++;
    if (at < h->n_offices && office_id_equal(&h->offices[at].office, id))
        return &h->offices[at];
    CHECK(h->n_offices < STUB_OFFICES);
    memmove(h->offices + at + 1, h->offices + at, (h->n_offices - at) * sizeof *h->offices);
    h->n_offices++;
    h->offices[at] = (struct stub_office){.office = *id};
    return &h->offices[at];
}

static void log_entry(struct stub_hub *h, const char *text)
{
    CHECK(h->n_log < sizeof h->log / sizeof *h->log);
    h->log[h->n_log++] = strdup(text);
}

void stub_office(struct stub_hub *h, const char *office_text, const char *name, X509 *certificate,
                 const char *proof)
{
    char text[512];
    struct office_id id = office(office_text);
    pthread_mutex_lock(&h->lock);
    struct stub_office *o = office_slot(h, &id);
    if (!o->name) {
        snprintf(text, sizeof text, "{\"type\":\"office\",\"office\":\"%s\",\"name\":\"%s\"}", office_text,
                 name);
        log_entry(h, text);
    }
    o->name = name;
    if (certificate) {
        free(o->certificate);
        o->certificate = certificate_to_pem(certificate);
        certificate_fingerprint(certificate, o->fingerprint);
        snprintf(text, sizeof text,
                 "{\"type\":\"certificate\",\"office\":\"%s\",\"fingerprint\":\"%s\",\"proof\":\"%s\"}",
                 office_text, o->fingerprint, proof);
        log_entry(h, text);
    }
    for (size_t i = 0; i < h->n_offices; i++)
        tell(h, &h->offices[i].office, strdup("\"type\":\"directory\",\"head\":{}"));
    pthread_mutex_unlock(&h->lock);
}

/* ---- messages ---- */

static struct stub_message *find(struct stub_hub *h, const struct office_id *sender,
                                 const struct message_id *id)
{
    for (size_t i = 0; i < h->n_messages; i++)
        if (office_id_equal(&h->messages[i].sender, sender) &&
            memcmp(&h->messages[i].id, id, sizeof *id) == 0)
            return &h->messages[i];
    return NULL;
}

static struct stub_message *make(struct stub_hub *h, const struct office_id *sender,
                                 const struct message_id *id)
{
    struct stub_message *m = find(h, sender, id);
    if (m)
        return m;
    CHECK(h->n_messages < STUB_MESSAGES);
    m = &h->messages[h->n_messages++];
    m->sender = *sender;
    m->id = *id;
    return m;
}

static bool take(const uint8_t **p, size_t *left, struct buffer *out)
{
    uint64_t n = 0;
    if (*left < 8)
        return false;
    for (int i = 0; i < 8; i++)
        n = n << 8 | (*p)[i];
    *p += 8, *left -= 8;
    if (!out || n > *left)
        return false;
    buffer_clear(out);
    buffer_append(out, *p, (size_t)n);
    *p += n, *left -= (size_t)n;
    return true;
}

static void accept_message(struct stub_hub *h, struct stub_message *m)
{
    struct receipt r = {.kind = RECEIPT_ACCEPTED,
                        .sender = m->sender,
                        .id = m->id,
                        .envelope = m->said.envelope,
                        .manifest = m->said.manifest,
                        .at = clock_utc_ms()};
    struct error e = {0};
    uint8_t *der;
    size_t length;
    char id[33], text[300];
    r.envelope.bytes[0] ^= atomic_load(&h->lie_acceptance);
    CHECK(receipt_sign(h->house->signer, &r, &der, &length, &e) == 0);
    buffer_clear(&m->acceptance);
    buffer_append(&m->acceptance, der, length);
    free(der);
    m->accepted = !atomic_load(&h->lie_acceptance);
    if (!m->accepted)
        return;
    message_id_format(&m->id, id);
    uint64_t size = m->acceptance.length + m->statement.length + m->header.length + m->length + 32;
    snprintf(text, sizeof text,
             "\"type\":\"message\",\"sender\":\"%s\",\"id\":\"%s\",\"created\":1,\"size\":%" PRIu64,
             m->sender.text, id, size);
    tell(h, &m->recipient, strdup(text));
}

void stub_put(struct stub_hub *h, const struct sealed *sealed, const struct buffer *ciphertext,
              const struct office_id *sender, const struct message_id *id, const struct office_id *to)
{
    pthread_mutex_lock(&h->lock);
    struct stub_message *m = make(h, sender, id);
    buffer_append(&m->statement, sealed->statement, sealed->statement_length);
    buffer_append(&m->header, sealed->header, sealed->header_length);
    m->length = ciphertext->length;
    for (size_t at = 0, n = 0; at < ciphertext->length; at += 1 << 20, n++) {
        size_t left = ciphertext->length - at;
        CHECK(n < STUB_PARTS);
        buffer_append(&m->parts[n], ciphertext->data + at, left < 1 << 20 ? left : 1 << 20);
    }
    m->said.envelope = sealed->envelope_hash;
    m->said.manifest = sealed->manifest_hash;
    m->recipient = *to;
    accept_message(h, m);
    pthread_mutex_unlock(&h->lock);
}

static bool envelope_holds(const struct stub_message *m)
{
    struct envelope_hash *hash = envelope_hash_new();
    uint64_t sum = 0;
    envelope_hash_update(hash, m->header.data, m->header.length);
    for (size_t i = 0; i < STUB_PARTS; i++) {
        envelope_hash_update(hash, m->parts[i].data, m->parts[i].length);
        sum += m->parts[i].length;
    }
    return envelope_hash_check(hash, &m->said.envelope, NULL) == 0 && sum == m->length;
}

static bool is_signed_by(const uint8_t *body, size_t length, X509 *certificate)
{
    struct buffer statement = {0};
    bool is = take(&body, &length, &statement) &&
              envelope_signed_by(statement.data, statement.length, certificate) == 1;
    buffer_free(&statement);
    return is;
}

static void put_message(struct stub_hub *h, struct stub_call *c, const struct message_id *id)
{
    const uint8_t *p = c->body.data;
    size_t left = c->body.length;
    struct stub_message *m = make(h, &c->office, id);
    bool commit = strcmp(c->body_media, "application/vnd.careplan.commit") == 0;
    atomic_fetch_add(commit ? &h->commits : &h->puts, 1);
    if (h->refuse_problem) {
        problem(c, 422, h->refuse_problem);
        return;
    }
    if (atomic_load(&h->away)) {
        problem(c, 503, "storage");
        return;
    }
    long long size = atomic_load(&h->fail_size), length = (long long)c->body.length;
    if (size && length > size && length < size + 20000) {
        atomic_fetch_add(&h->failed_500, 1);
        problem(c, 500, "internal");
        return;
    }
    if (h->revoked && is_signed_by(c->body.data, c->body.length, h->revoked)) {
        problem(c, 422, "certificate-revoked");
        return;
    }
    if (m->accepted) {
        answer(c, 200, "application/cms", m->acceptance.data, m->acceptance.length);
        return;
    }
    struct error e = {0};
    CHECK(take(&p, &left, &m->statement) && take(&p, &left, &m->header));
    CHECK(statement_verify(m->statement.data, m->statement.length, h->house->trust, clock_utc_ms(), &m->said,
                           NULL, &e) == 0);
    CHECK(left >= 8);
    m->length = 0;
    for (int i = 0; i < 8; i++)
        m->length = m->length << 8 | p[i];
    if (!commit) {
        buffer_clear(&m->parts[0]);
        buffer_append(&m->parts[0], p + 8, left - 8);
    }
    m->recipient = m->said.recipient;
    if (m->said.created > clock_utc_ms() - atomic_load(&h->behind_ms) + 5 * 60 * 1000) {
        problem(c, 422, "statement-time");
        return;
    }
    if (!envelope_holds(m)) {
        problem(c, 422, "parts-missing");
        return;
    }
    accept_message(h, m);
    if (atomic_load(&h->lose_answer)) {
        problem(c, 503, "storage");
        return;
    }
    answer(c, 201, "application/cms", m->acceptance.data, m->acceptance.length);
}

static void list_parts(struct stub_hub *h, struct stub_call *c, const struct message_id *id)
{
    struct buffer b = {0};
    const struct stub_message *m = find(h, &c->office, id);
    uint64_t after = stub_query(c, "after");
    bool has_after = strstr(c->path, "after=") != NULL, first = true, more = false;
    size_t listed = 0;
    buffer_text(&b, "{\"parts\":[");
    for (size_t i = has_after ? (size_t)after + 1 : 0; m && i < STUB_PARTS; i++)
        if (m->parts[i].length) {
            more = listed == 10; /* pages small enough to be seen */
            if (more)
                break;
            listed++;
            buffer_printf(&b, "%s{\"n\":%zu,\"size\":%zu,\"sha256\":\"%064d\"}", first ? "" : ",", i,
                          m->parts[i].length, 0);
            first = false;
        }
    buffer_printf(&b, "],\"more\":%s,\"committed\":%s}", more ? "true" : "false",
                  m && m->accepted ? "true" : "false");
    answer(c, 200, "application/json", b.data, b.length);
    buffer_free(&b);
}

static void put_part(struct stub_hub *h, struct stub_call *c, const struct message_id *id, size_t n)
{
    struct stub_message *m = make(h, &c->office, id);
    CHECK(n < STUB_PARTS && c->body.length <= 1 << 20);
    atomic_fetch_add(&h->part_puts, 1);
    buffer_free(&m->parts[n]);
    m->parts[n] = c->body;
    c->body = (struct buffer){0};
    answer(c, 204, NULL, NULL, 0);
}

static void get_message(struct stub_hub *h, struct stub_call *c, const struct office_id *sender,
                        const struct message_id *id)
{
    struct stub_message *m = find(h, sender, id);
    struct buffer b = {.limit = 256 << 20};
    atomic_fetch_add(&h->gets, 1);
    if (!m || !m->accepted || !office_id_equal(&m->recipient, &c->office)) {
        problem(c, 404, "not-found");
        return;
    }
    const struct stub_message *first = atomic_load(&h->swap_acceptance) ? &h->messages[0] : m;
    framing_put(&b, first->acceptance.data, first->acceptance.length);
    framing_put(&b, m->statement.data, m->statement.length);
    framing_put(&b, m->header.data, m->header.length);
    buffer_u64be(&b, m->length);
    for (size_t i = 0; i < STUB_PARTS; i++)
        buffer_append(&b, m->parts[i].data, m->parts[i].length);
    uint64_t from = 0, to = b.length - 1;
    if (c->range[0] && sscanf(c->range, "bytes=%" SCNu64 "-%" SCNu64, &from, &to) == 2 && to >= b.length)
        to = b.length - 1;
    if (to == b.length - 1 && atomic_load(&h->flip_message) > 0) {
        atomic_fetch_sub(&h->flip_message, 1);
        b.data[b.length - 3] ^= 1;
    }
    snprintf(c->content_range, sizeof c->content_range, "bytes %" PRIu64 "-%" PRIu64 "/%zu", from, to,
             b.length);
    bool nothing = atomic_load(&h->short_range) && from > 0;
    answer(c, 206, "application/vnd.careplan.message", b.data + from, nothing ? 0 : (size_t)(to - from + 1));
    buffer_free(&b);
}

static void put_receipt(struct stub_hub *h, struct stub_call *c, const struct office_id *sender,
                        const struct message_id *id, const char *kind)
{
    struct stub_message *m = find(h, sender, id);
    char text[ENVELOPE_RECEIPT_MAX], hex[33];
    struct receipt r;
    struct office_id by;
    struct error e = {0};
    CHECK(m);
    if (h->revoked && envelope_signed_by(c->body.data, c->body.length, h->revoked) == 1) {
        problem(c, 422, "certificate-revoked");
        return;
    }
    if (atomic_load(&h->away)) {
        problem(c, 503, "storage");
        return;
    }
    CHECK(receipt_verify(c->body.data, c->body.length, h->house->trust, clock_utc_ms(), &r, &by, &e) == 0);
    CHECK(office_id_equal(&by, &m->recipient) && strcmp(receipt_kind_name(r.kind), kind) == 0);
    atomic_fetch_add(&h->receipts, 1);
    bool *had = r.kind == RECEIPT_RECEIVED ? &m->received : r.kind == RECEIPT_TAKEN ? &m->taken : &m->refused;
    answer(c, *had ? 200 : 201, NULL, NULL, 0);
    if (*had)
        return;
    *had = true;
    if (atomic_load(&h->lie_receipt))
        c->body.data[c->body.length - 10] ^= 1;
    char *der = base64(c->body.data, c->body.length);
    message_id_format(id, hex);
    snprintf(
        text, sizeof text,
        "\"type\":\"receipt\",\"sender\":\"%s\",\"id\":\"%s\",\"kind\":\"%s\",\"by\":\"%s\",\"receipt\":\"%s\"",
        sender->text, hex, kind, by.text, der);
    free(der);
    tell(h, sender, strdup(text));
}

/* ---- the feed ---- */

static size_t list_events(struct stub_hub *h, struct stub_call *c, uint64_t after, struct buffer *b,
                          uint64_t *next)
{
    size_t n = 0;
    *next = after;
    for (size_t i = (size_t)after; i < h->n_events && n < 100; i++)
        if (office_id_equal(&h->events[i].to, &c->office)) {
            int times = atomic_load(&h->repeat_feed) ? 2 : 1;
            for (int t = 0; t < times; t++)
                buffer_printf(b, "%s{\"n\":%zu,%s}", n++ ? "," : "", i + 1, h->events[i].json);
            *next = i + 1;
        }
    return n;
}

static void get_feed(struct stub_hub *h, struct stub_call *c)
{
    struct buffer b = {.limit = 128 << 20};
    struct timespec end;
    uint64_t after = stub_query(c, "after"), next;
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += (time_t)stub_query(c, "wait");
    for (;;) {
        buffer_clear(&b);
        buffer_text(&b, "{\"events\":[");
        if (list_events(h, c, after, &b, &next) || !atomic_load(&h->running) || atomic_load(&h->flood))
            break;
        if (pthread_cond_timedwait(&h->news, &h->lock, &end))
            break;
    }
    buffer_printf(&b, "],\"next\":%" PRIu64 "}", next);
    if (atomic_load(&h->flood))
        for (int i = 0; i < 20 * 1024; i++) {
            static const char blanks[1024];
            buffer_append(&b, blanks, sizeof blanks);
        }
    answer(c, 200, "application/json", b.data, b.length);
    buffer_free(&b);
}

/* ---- enrolment ---- */

static void enrol(struct stub_hub *h, struct stub_call *c)
{
    struct buffer der = {0};
    struct office_id id;
    struct error e = {0};
    if (strcmp(c->password, "right") != 0 || !office_id_parse(&id, c->user, strlen(c->user))) {
        problem(c, 401, "token-refused");
        return;
    }
    CHECK(framing_base64((const char *)c->body.data, c->body.length, 16384, &der) == 0);
    X509 *leaf = ca_issue_office(h->house->ca, der.data, der.length, &id, 365, &e);
    CHECK(leaf);
    PKCS7 *p7 = PKCS7_new();
    CHECK(PKCS7_set_type(p7, NID_pkcs7_signed) && PKCS7_content_new(p7, NID_pkcs7_data));
    CHECK(PKCS7_add_certificate(p7, leaf) && PKCS7_add_certificate(p7, ca_certificate(h->house->ca)));
    unsigned char *out = NULL;
    int n = i2d_PKCS7(p7, &out);
    char *text = base64(out, (size_t)n);
    answer(c, 200, "application/pkcs7-mime", text, strlen(text));
    atomic_fetch_add(&h->enrolled, 1);
    free(text);
    OPENSSL_free(out);
    PKCS7_free(p7);
    X509_free(leaf);
    buffer_free(&der);
}

static void get_crl(struct stub_hub *h, struct stub_call *c)
{
    uint8_t *der;
    size_t length;
    struct error e = {0};
    CHECK(ca_crl(h->house->ca, NULL, 0, (uint64_t)(1 + atomic_load(&h->crl_number)), clock_utc_ms(), 30, &der,
                 &length, &e) == 0);
    answer(c, 200, "application/pkix-crl", der, length);
    free(der);
}

static void route(struct stub_hub *h, struct stub_call *c)
{
    char a[64] = "", b[64] = "", kind[16] = "";
    struct message_id id;
    struct office_id sender;
    size_t n = 0;
    int got = sscanf(c->path, "/v1/messages/%63[^/?]/%63[^/?]/receipts/%15s", a, b, kind);
    if (strcmp(c->path, "/v1/crl") == 0)
        get_crl(h, c);
    else if (strcmp(c->path, "/.well-known/est/simpleenroll") == 0)
        enrol(h, c);
    else if (!c->office.text[0])
        problem(c, 401, "certificate-required");
    else if (atomic_load(&h->fail_503) > 0 && atomic_fetch_sub(&h->fail_503, 1) > 0)
        problem(c, 503, "storage");
    else if (strncmp(c->path, "/v1/directory/log", 17) == 0)
        get_log(h, c);
    else if (strncmp(c->path, "/v1/directory", 13) == 0)
        get_directory(h, c);
    else if (strncmp(c->path, "/v1/feed", 8) == 0)
        get_feed(h, c);
    else if (got >= 1 && message_id_parse(&id, a) && got == 1)
        put_message(h, c, &id);
    else if (got == 2 && message_id_parse(&id, a) && strcmp(c->method, "GET") == 0)
        list_parts(h, c, &id);
    else if (message_id_parse(&id, a) && sscanf(c->path + 46, "parts/%zu", &n) == 1)
        put_part(h, c, &id, n);
    else if (office_id_parse(&sender, a, strlen(a)) && message_id_parse(&id, b))
        got == 3 ? put_receipt(h, c, &sender, &id, kind) : get_message(h, c, &sender, &id);
    else
        problem(c, 404, "not-found");
}

void stub_serve(struct stub_hub *h, struct stub_call *c)
{
    pthread_mutex_lock(&h->lock);
    route(h, c);
    pthread_mutex_unlock(&h->lock);
}

/* ---- life ---- */

void stub_start(struct stub_hub *h, struct house *house)
{
    *h = (struct stub_hub){.house = house};
    h->messages = calloc(STUB_MESSAGES, sizeof *h->messages);
    h->events = calloc(STUB_EVENTS, sizeof *h->events);
    CHECK(h->messages && h->events);
    pthread_mutex_init(&h->lock, NULL);
    pthread_cond_init(&h->news, NULL);
    stub_listen(h);
}

void stub_stop(struct stub_hub *h)
{
    stub_unlisten(h);
    for (size_t i = 0; i < h->n_messages; i++) {
        buffer_free(&h->messages[i].statement);
        buffer_free(&h->messages[i].header);
        buffer_free(&h->messages[i].acceptance);
        for (size_t k = 0; k < STUB_PARTS; k++)
            buffer_free(&h->messages[i].parts[k]);
    }
    for (size_t i = 0; i < h->n_events; i++)
        free(h->events[i].json);
    for (size_t i = 0; i < h->n_offices; i++)
        free(h->offices[i].certificate);
    for (size_t i = 0; i < h->n_log; i++)
        free(h->log[i]);
    free(h->messages);
    free(h->events);
    pthread_mutex_destroy(&h->lock);
    pthread_cond_destroy(&h->news);
}
