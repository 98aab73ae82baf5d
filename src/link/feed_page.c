#include "link/feed_page.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <jansson.h>

#include "base/cleanup.h"
#include "base/hex.h"
#include "link/framing.h"

/* Refuses "json_t" of another type with NULL or 0, so that readers below need one check each. */
static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static bool number_of(const json_t *object, const char *key, uint64_t *out)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return false;
    *out = (uint64_t)json_integer_value(value);
    return true;
}

static bool office_of(const json_t *object, const char *key, struct office_id *out)
{
    const char *text = text_of(object, key);
    return text && office_id_parse(out, text, strlen(text));
}

static bool id_of(const json_t *object, struct message_id *out)
{
    const char *text = text_of(object, "id");
    return text && message_id_parse(out, text);
}

static int parse_receipt(const json_t *object, struct feed_event *e)
{
    const json_t *value = json_object_get(object, "receipt");
    if (!json_is_string(value) || !office_of(object, "sender", &e->sender) || !id_of(object, &e->id))
        return -EBADMSG;
    return framing_base64(json_string_value(value), json_string_length(value), ENVELOPE_RECEIPT_MAX,
                          &e->receipt);
}

static int parse_event(const json_t *object, struct feed_event *e)
{
    const char *type = text_of(object, "type");
    if (!type)
        return -EBADMSG;
    if (strcmp(type, "message") == 0) {
        e->type = FEED_MESSAGE;
        return office_of(object, "sender", &e->sender) && id_of(object, &e->id) &&
                       number_of(object, "size", &e->size)
                   ? 0
                   : -EBADMSG;
    }
    if (strcmp(type, "receipt") == 0) {
        e->type = FEED_RECEIPT;
        return parse_receipt(object, e);
    }
    if (strcmp(type, "directory") == 0) {
        e->type = FEED_DIRECTORY;
        return 0;
    }
    if (strcmp(type, "key_change") == 0) {
        e->type = FEED_KEY_CHANGE;
        return office_of(object, "office", &e->office) ? 0 : -EBADMSG;
    }
    e->type = FEED_UNKNOWN;
    strncpy(e->type_name, type, sizeof e->type_name - 1);
    return 0;
}

static void decref(json_t **j)
{
    json_decref(*j);
}

int feed_page_parse(const uint8_t *json, size_t length, struct feed_page *out)
{
    *out = (struct feed_page){0};
    if (length > FEED_ANSWER_MAX)
        return -EBADMSG;
    with_cleanup(decref) json_t *root =
        json_loadb(length ? (const char *)json : "", length, JSON_REJECT_DUPLICATES, NULL);
    const json_t *events = json_object_get(root, "events");
    size_t n = json_array_size(events);
    if (!json_is_array(events) || n > FEED_EVENTS_MAX || !number_of(root, "next", &out->next))
        return -EBADMSG;
    out->events = calloc(n ? n : 1, sizeof *out->events);
    if (!out->events)
        return -ENOMEM;
    out->n = n;
    for (size_t i = 0; i < n; i++) {
        int r = parse_event(json_array_get(events, i), &out->events[i]);
        if (r) {
            feed_page_free(out);
            return r == -ENOMEM ? r : -EBADMSG;
        }
    }
    return 0;
}

void feed_page_free(struct feed_page *p)
{
    for (size_t i = 0; i < p->n; i++)
        buffer_free(&p->events[i].receipt);
    free(p->events);
    *p = (struct feed_page){0};
}

int parts_page_parse(const uint8_t *json, size_t length, uint64_t ciphertext_length, uint8_t *have,
                     size_t n_have, struct parts_page *out)
{
    enum { PART = 1 << 20 };
    *out = (struct parts_page){0};
    with_cleanup(decref) json_t *root =
        length > PARTS_ANSWER_MAX
            ? NULL
            : json_loadb(length ? (const char *)json : "", length, JSON_REJECT_DUPLICATES, NULL);
    const json_t *parts = json_object_get(root, "parts");
    if (!json_is_array(parts))
        return -EBADMSG;
    out->more = json_is_true(json_object_get(root, "more"));
    out->committed = json_is_true(json_object_get(root, "committed"));
    for (size_t i = 0; i < json_array_size(parts); i++) {
        uint64_t n, size;
        const json_t *part = json_array_get(parts, i);
        if (!number_of(part, "n", &n) || !number_of(part, "size", &size) || (out->any && n <= out->last))
            return -EBADMSG;
        out->last = n;
        out->any = true;
        if (n >= n_have)
            continue;
        uint64_t left = ciphertext_length - n * PART;
        have[n] = size == (left < PART ? left : PART);
    }
    return out->more && !out->any ? -EBADMSG : 0;
}

static bool fingerprint_of(const json_t *object, char out[65])
{
    uint8_t bytes[32];
    const char *text = text_of(object, "fingerprint");
    if (!text || strlen(text) != 64 || !hex_decode(text, bytes, sizeof bytes))
        return false;
    memcpy(out, text, 65);
    return true;
}

int log_entry_parse(const char *json, size_t length, struct log_entry *out)
{
    *out = (struct log_entry){.type = LOG_OTHER};
    with_cleanup(decref) json_t *root =
        length > LOG_ENTRY_MAX ? NULL : json_loadb(json, length, JSON_REJECT_DUPLICATES, NULL);
    const char *type = text_of(root, "type");
    if (!type)
        return -EBADMSG;
    if (strcmp(type, "office") == 0)
        out->type = LOG_OFFICE;
    else if (strcmp(type, "certificate") == 0)
        out->type = LOG_CERTIFICATE;
    else
        return 0;
    const char *proof = text_of(root, "proof");
    out->old_key = proof && strcmp(proof, "old-key") == 0;
    if (!office_of(root, "office", &out->office))
        return -EBADMSG;
    return out->type == LOG_OFFICE || fingerprint_of(root, out->fingerprint) ? 0 : -EBADMSG;
}

static int head_of(const json_t *root, struct buffer *signed_head)
{
    const json_t *head = json_object_get(root, "head");
    if (!json_is_string(head))
        return -EBADMSG;
    buffer_clear(signed_head);
    return framing_base64(json_string_value(head), json_string_length(head), HEAD_MAX, signed_head);
}

static int chain_entry(const json_t *object, struct log_head *head, log_entry_fn *fn, void *context)
{
    struct log_entry entry;
    uint64_t n;
    const json_t *text = json_object_get(object, "entry");
    const char *hash = text_of(object, "hash");
    char hex[2 * ENVELOPE_HASH_SIZE + 1];
    if (!number_of(object, "n", &n) || !json_is_string(text) || !hash)
        return -EBADMSG;
    log_head_append(head, json_string_value(text), json_string_length(text));
    hex_encode(head->hash.bytes, sizeof head->hash.bytes, hex);
    if (n != head->n || strcmp(hash, hex) != 0)
        return -EILSEQ;
    int r = log_entry_parse(json_string_value(text), json_string_length(text), &entry);
    return r ? r : fn(context, &entry);
}

int log_page_parse(const uint8_t *json, size_t length, struct log_head *head, struct buffer *signed_head,
                   size_t *n_entries, log_entry_fn *fn, void *context)
{
    with_cleanup(decref) json_t *root =
        length > LOG_ANSWER_MAX
            ? NULL
            : json_loadb(length ? (const char *)json : "", length, JSON_REJECT_DUPLICATES, NULL);
    const json_t *entries = json_object_get(root, "entries");
    *n_entries = json_array_size(entries);
    if (!json_is_array(entries) || *n_entries > LOG_ENTRIES_MAX)
        return -EBADMSG;
    int r = head_of(root, signed_head);
    for (size_t i = 0; r == 0 && i < *n_entries; i++)
        r = chain_entry(json_array_get(entries, i), head, fn, context);
    return r;
}

static int read_office(const json_t *object, struct directory_office *o)
{
    *o = (struct directory_office){.name = text_of(object, "name"),
                                   .certificate = text_of(object, "certificate")};
    if (!office_of(object, "office", &o->office) || !o->name)
        return -EBADMSG;
    return o->certificate && !fingerprint_of(object, o->fingerprint) ? -EBADMSG : 0;
}

int directory_page_parse(const uint8_t *json, size_t length, bool *more, struct office_id *last,
                         struct buffer *signed_head, directory_office_fn *fn, void *context)
{
    with_cleanup(decref) json_t *root =
        length > LOG_ANSWER_MAX
            ? NULL
            : json_loadb(length ? (const char *)json : "", length, JSON_REJECT_DUPLICATES, NULL);
    const json_t *offices = json_object_get(root, "offices");
    if (!json_is_array(offices) || json_array_size(offices) > LOG_ENTRIES_MAX)
        return -EBADMSG;
    *more = json_is_true(json_object_get(root, "more"));
    int r = head_of(root, signed_head);
    for (size_t i = 0; r == 0 && i < json_array_size(offices); i++) {
        struct directory_office office;
        r = read_office(json_array_get(offices, i), &office);
        if (r == 0 && strcmp(office.office.text, last->text) <= 0)
            r = -EBADMSG; /* in order, each once: or the pages would never end */
        if (r == 0) {
            *last = office.office;
            r = fn(context, &office);
        }
    }
    return r == 0 && *more && json_array_size(offices) == 0 ? -EBADMSG : r;
}
