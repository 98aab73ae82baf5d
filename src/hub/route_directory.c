/* The directory, its log, and the list of revocations. */
#include "hub/route.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/hex.h"
#include "base/log.h"

/* The head as the store has just read it, signed; signed anew only when it is another than last time. */
static char *signed_head(struct server *s, const struct log_head *head)
{
    if (!s->head_der.length || !log_head_equal(head, &s->head)) {
        struct error e;
        uint8_t *der;
        size_t length;
        if (log_head_sign(s->keys.signer, head, clock_utc_ms(), &der, &length, &e)) {
            log_error("sign", "%s", e.text);
            return NULL;
        }
        buffer_clear(&s->head_der);
        int r = buffer_append(&s->head_der, der, length);
        free(der);
        s->head = *head;
        if (r)
            return NULL;
    }
    return form_base64(s->head_der.data, s->head_der.length);
}

/* ---- the offices ---- */

struct directory_get {
    struct store_directory_read call;
    struct exchange *x;
};

static json_t *offices_json(const struct store_directory_read *call)
{
    json_t *offices = json_array();
    for (size_t i = 0; i < call->n_offices; i++) {
        const struct store_office *o = &call->offices[i];
        json_array_append_new(offices, json_pack("{s:s, s:s, s:s, s:s?, s:s?}", "office", o->office.text,
                                                 "name", o->name, "municipality", o->municipality,
                                                 "certificate", o->certificate, "fingerprint",
                                                 o->certificate ? o->fingerprint : NULL));
    }
    return offices;
}

static void on_directory(struct store_job *job)
{
    struct directory_get *d = job->context;
    autofree char *head = job->result ? NULL : signed_head(d->x->server, &d->call.head);
    if (job->result)
        answer_store_failed(d->x, job->result);
    else if (!head)
        answer_internal(d->x);
    else
        answer_json(d->x, 200,
                    json_pack("{s:o, s:b, s:s}", "offices", offices_json(&d->call), "more", d->call.more,
                              "head", head));
    store_offices_free(d->call.offices, d->call.n_offices);
    free(d);
}

void route_directory(struct exchange *x)
{
    char text[OFFICE_ID_LENGTH + 1];
    struct office_id after = {""};
    int found = form_query_value(x->query, "after", text, sizeof text);
    if (found < 0 || (found && !office_id_parse(&after, text, strlen(text)))) {
        answer_problem(x, 400, "query", "after is not an identity (NUMBER-SERVICE)");
        return;
    }
    struct directory_get *d = calloc(1, sizeof *d);
    if (!d) {
        answer_internal(x);
        return;
    }
    d->x = x;
    d->call.job = (struct store_job){.done = on_directory, .context = d};
    d->call.after = after;
    store_directory_read(x->server->store, &d->call);
}

/* ---- the log ---- */

struct log_get {
    struct store_log_read call;
    struct exchange *x;
};

static json_t *entries_json(const struct store_log_read *call)
{
    json_t *entries = json_array();
    for (size_t i = 0; i < call->n_entries; i++) {
        char hash[2 * ENVELOPE_HASH_SIZE + 1];
        hex_encode(call->entries[i].hash.bytes, ENVELOPE_HASH_SIZE, hash);
        json_array_append_new(entries, json_pack("{s:I, s:s, s:s}", "n", (json_int_t)call->entries[i].n,
                                                 "entry", call->entries[i].entry, "hash", hash));
    }
    return entries;
}

static void on_log(struct store_job *job)
{
    struct log_get *g = job->context;
    autofree char *head = job->result ? NULL : signed_head(g->x->server, &g->call.head);
    if (job->result)
        answer_store_failed(g->x, job->result);
    else if (!head)
        answer_internal(g->x);
    else
        answer_json(g->x, 200, json_pack("{s:o, s:s}", "entries", entries_json(&g->call), "head", head));
    store_log_entries_free(g->call.entries, g->call.n_entries);
    free(g);
}

void route_directory_log(struct exchange *x)
{
    int64_t after = 0;
    struct error e;
    if (form_query_number(x->query, "after", 0, INT64_MAX, &after, &e)) {
        answer_error(x, 400, &e);
        return;
    }
    struct log_get *g = calloc(1, sizeof *g);
    if (!g) {
        answer_internal(x);
        return;
    }
    g->x = x;
    g->call.job = (struct store_job){.done = on_log, .context = g};
    g->call.after = after;
    store_log_read(x->server->store, &g->call);
}

/* ---- revocations ---- */

struct crl_get {
    struct store_crl call;
    struct exchange *x;
};

static void on_crl(struct store_job *job)
{
    struct crl_get *g = job->context;
    if (job->result)
        answer_store_failed(g->x, job->result);
    else
        answer_bytes(g->x, 200, "application/pkix-crl", g->call.der.data, g->call.der.length);
    buffer_free(&g->call.der);
    free(g);
}

void route_crl(struct exchange *x)
{
    struct crl_get *g = calloc(1, sizeof *g);
    if (!g) {
        answer_internal(x);
        return;
    }
    g->x = x;
    g->call.job = (struct store_job){.done = on_crl, .context = g};
    store_crl(x->server->store, &g->call);
}
