/* Receipts and the head of the hub's directory log. protocol.md sections 4 and 5. */
#include "careplan/envelope.h"

#include <errno.h>
#include <string.h>

#include "envelope/json.h"
#include "envelope/signed.h"

static const char *const kind_names[] = {"accepted", "received", "taken", "refused"};

const char *receipt_kind_name(enum receipt_kind k)
{
    return kind_names[k];
}

bool receipt_kind_parse(const char *name, enum receipt_kind *k)
{
    for (size_t i = 0; i < ARRAY_LENGTH(kind_names); i++) {
        if (strcmp(name, kind_names[i]) == 0) {
            *k = (enum receipt_kind)i;
            return true;
        }
    }
    return false;
}

/* The detail that each kind may carry; a refusal's is a code. */
static bool detail_fits(enum receipt_kind kind, const char *detail)
{
    size_t length = strlen(detail);
    switch (kind) {
    case RECEIPT_ACCEPTED:
    case RECEIPT_RECEIVED:
        return length == 0;
    case RECEIPT_TAKEN:
        return strcmp(detail, "read") == 0 || strcmp(detail, "removed") == 0;
    case RECEIPT_REFUSED:
        return length > 0 && strspn(detail, "abcdefghijklmnopqrstuvwxyz0123456789-") == length;
    }
    return false;
}

static char *receipt_text(const struct receipt *r)
{
    with_cleanup(autojson) json_t *o = json_object();
    bool good =
        o && detail_fits(r->kind, r->detail) && json_set_text(o, "type", "receipt") &&
        json_set_count(o, "protocol", ENVELOPE_VERSION) &&
        json_set_text(o, "kind", receipt_kind_name(r->kind)) && json_set_text(o, "sender", r->sender.text) &&
        json_set_hex(o, "id", r->id.bytes, ENVELOPE_ID_SIZE) &&
        json_set_hex(o, "envelope", r->envelope.bytes, ENVELOPE_HASH_SIZE) &&
        json_set_hex(o, "manifest", r->manifest.bytes, ENVELOPE_HASH_SIZE) && json_set_time(o, "at", r->at) &&
        json_set_text(o, "detail", r->detail) && json_set_head(o, "head", &r->head);
    return good ? json_text(o) : NULL;
}

static bool receipt_read(const json_t *o, struct receipt *r)
{
    char kind[16];
    return json_object_size(o) == 10 && json_is(o, "type", "receipt") &&
           json_is_integer(json_object_get(o, "protocol")) && json_get_text(o, "kind", kind, sizeof kind) &&
           receipt_kind_parse(kind, &r->kind) && json_get_office(o, "sender", &r->sender) &&
           json_get_hex(o, "id", r->id.bytes, ENVELOPE_ID_SIZE) &&
           json_get_hex(o, "envelope", r->envelope.bytes, ENVELOPE_HASH_SIZE) &&
           json_get_hex(o, "manifest", r->manifest.bytes, ENVELOPE_HASH_SIZE) &&
           json_get_time(o, "at", &r->at) && json_get_text(o, "detail", r->detail, sizeof r->detail) &&
           detail_fits(r->kind, r->detail) && json_get_head(o, "head", &r->head);
}

int receipt_sign(const struct identity *by, const struct receipt *r, uint8_t **der, size_t *length,
                 struct error *e)
{
    OPENSSL_ERRORS_END_HERE;
    *der = NULL;
    *length = 0;
    autofree char *text = receipt_text(r);
    if (!text)
        return error_set(e, -EINVAL, "receipt-form", "a field of the receipt cannot be written");
    return signed_make(by, text, der, length, e);
}

static int receipt_judge(const uint8_t *der, size_t length, const struct trust *trust, int64_t at_utc_ms,
                         struct receipt *out, struct office_id *by, struct error *e)
{
    *out = (struct receipt){0};
    if (by)
        by->text[0] = '\0';
    struct office_id office = {""};
    struct receipt found = {0};
    with_cleanup(signed_close) struct signed_data s;
    int r = signed_open(&s, "receipt", der, length, ENVELOPE_RECEIPT_MAX, e);
    if (r)
        return r;
    /* The kind names the role, and the receipt its time, so the text is read first; nothing of it is given
     * on before the signature has been verified. */
    bool no_memory;
    with_cleanup(autojson) json_t *o = json_read(s.content, s.length, &no_memory);
    if (no_memory)
        return error_set(e, -ENOMEM, "memory", "out of memory");
    if (!o)
        return signed_error(&s, e, "form", "what is signed is not a JSON object");
    r = json_version_check(o, e);
    if (r)
        return r;
    if (!receipt_read(o, &found))
        return signed_error(&s, e, "form", "what is signed has not exactly the members of a receipt");
    bool hub = found.kind == RECEIPT_ACCEPTED;
    r = signed_verify(&s, trust, hub ? ROLE_SIGNER : ROLE_OFFICE, at_utc_ms == 0 ? found.at : at_utc_ms,
                      &office, e);
    if (r)
        return r;
    *out = found;
    if (by)
        *by = office;
    return 0;
}

int receipt_verify(const uint8_t *der, size_t length, const struct trust *trust, int64_t at_utc_ms,
                   struct receipt *out, struct office_id *by, struct error *e)
{
    OPENSSL_ERRORS_END_HERE;
    errno = 0;
    return openssl_judged(receipt_judge(der, length, trust, at_utc_ms, out, by, e), e);
}

/* --- the directory log --- */

void log_head_append(struct log_head *head, const void *entry, size_t length)
{
    OPENSSL_ERRORS_END_HERE;
    with_cleanup(automd) EVP_MD_CTX *md = EVP_MD_CTX_new();
    if (!md || EVP_DigestInit_ex(md, EVP_sha256(), NULL) != 1 ||
        EVP_DigestUpdate(md, head->hash.bytes, sizeof head->hash.bytes) != 1 ||
        EVP_DigestUpdate(md, entry, length) != 1 || EVP_DigestFinal_ex(md, head->hash.bytes, NULL) != 1)
        abort(); /* no memory for a hash: a log that goes on with a wrong head would be worse */
    head->n++;
}

bool log_head_equal(const struct log_head *a, const struct log_head *b)
{
    return a->n == b->n && memcmp(a->hash.bytes, b->hash.bytes, sizeof a->hash.bytes) == 0;
}

int log_head_sign(const struct identity *signer, const struct log_head *head, int64_t at, uint8_t **der,
                  size_t *length, struct error *e)
{
    OPENSSL_ERRORS_END_HERE;
    *der = NULL;
    *length = 0;
    with_cleanup(autojson) json_t *o = json_object();
    bool good = o && json_set_text(o, "type", "head") && json_set_count(o, "n", head->n) &&
                json_set_hex(o, "hash", head->hash.bytes, ENVELOPE_HASH_SIZE) && json_set_time(o, "at", at);
    autofree char *text = good ? json_text(o) : NULL;
    if (!text)
        return error_set(e, -EINVAL, "head-form", "a field of the log's head cannot be written");
    return signed_make(signer, text, der, length, e);
}

static int log_head_judge(const uint8_t *der, size_t length, const struct trust *trust, int64_t at_utc_ms,
                          struct log_head *out, int64_t *at, struct error *e)
{
    *out = (struct log_head){0};
    struct log_head found = {0};
    int64_t found_at = 0;
    with_cleanup(signed_close) struct signed_data s;
    int r = signed_open(&s, "head", der, length, ENVELOPE_RECEIPT_MAX, e);
    if (!r)
        r = signed_verify(&s, trust, ROLE_SIGNER, at_utc_ms, NULL, e);
    if (r)
        return r;
    bool no_memory;
    with_cleanup(autojson) json_t *o = json_read(s.content, s.length, &no_memory);
    if (no_memory)
        return error_set(e, -ENOMEM, "memory", "out of memory");
    if (!o || json_object_size(o) != 4 || !json_is(o, "type", "head") || !json_get_count(o, "n", &found.n) ||
        !json_get_hex(o, "hash", found.hash.bytes, ENVELOPE_HASH_SIZE) || !json_get_time(o, "at", &found_at))
        return signed_error(&s, e, "form", "what is signed has not exactly the members of a log's head");
    *out = found;
    if (at)
        *at = found_at;
    return 0;
}

int log_head_verify(const uint8_t *der, size_t length, const struct trust *trust, int64_t at_utc_ms,
                    struct log_head *out, int64_t *at, struct error *e)
{
    OPENSSL_ERRORS_END_HERE;
    errno = 0;
    return openssl_judged(log_head_judge(der, length, trust, at_utc_ms, out, at, e), e);
}
