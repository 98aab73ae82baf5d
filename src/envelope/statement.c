#include "envelope/statement.h"

#include <errno.h>
#include <string.h>

#include "base/hex.h"
#include "envelope/json.h"
#include "envelope/signed.h"

void message_id_new(struct message_id *id)
{
    random_bytes(id->bytes, sizeof id->bytes);
}

void message_id_format(const struct message_id *id, char out[33])
{
    hex_encode(id->bytes, sizeof id->bytes, out);
}

bool message_id_parse(struct message_id *id, const char *text)
{
    return hex_decode(text, id->bytes, sizeof id->bytes);
}

static char *statement_text(const struct statement *s)
{
    with_cleanup(autojson) json_t *o = json_object();
    bool good =
        o && json_set_text(o, "type", "statement") && json_set_count(o, "protocol", ENVELOPE_VERSION) &&
        json_set_hex(o, "id", s->id.bytes, ENVELOPE_ID_SIZE) && json_set_text(o, "sender", s->sender.text) &&
        json_set_text(o, "recipient", s->recipient.text) && json_set_time(o, "created", s->created) &&
        json_set_hex(o, "envelope", s->envelope.bytes, ENVELOPE_HASH_SIZE) &&
        json_set_hex(o, "manifest", s->manifest.bytes, ENVELOPE_HASH_SIZE) &&
        json_set_head(o, "head", &s->head) &&
        (!s->has_replaces || json_set_hex(o, "replaces", s->replaces.bytes, ENVELOPE_ID_SIZE));
    return good ? json_text(o) : NULL;
}

static bool statement_read(const json_t *o, struct statement *s)
{
    s->has_replaces = json_object_get(o, "replaces") != NULL;
    return json_object_size(o) == (s->has_replaces ? 10 : 9) && json_is(o, "type", "statement") &&
           json_is_integer(json_object_get(o, "protocol")) &&
           json_get_hex(o, "id", s->id.bytes, ENVELOPE_ID_SIZE) && json_get_office(o, "sender", &s->sender) &&
           json_get_office(o, "recipient", &s->recipient) && json_get_time(o, "created", &s->created) &&
           json_get_hex(o, "envelope", s->envelope.bytes, ENVELOPE_HASH_SIZE) &&
           json_get_hex(o, "manifest", s->manifest.bytes, ENVELOPE_HASH_SIZE) &&
           json_get_head(o, "head", &s->head) &&
           (!s->has_replaces || json_get_hex(o, "replaces", s->replaces.bytes, ENVELOPE_ID_SIZE));
}

int statement_sign(const struct identity *by, const struct statement *s, uint8_t **der, size_t *length,
                   struct error *e)
{
    *der = NULL;
    *length = 0;
    autofree char *text = statement_text(s);
    if (!text)
        return error_set(e, -EINVAL, "statement-form", "a field of the statement cannot be written");
    return signed_make(by, text, der, length, e);
}

static int statement_judge(const uint8_t *der, size_t length, const struct trust *trust, int64_t at_utc_ms,
                           struct statement *out, X509 **signer, struct error *e)
{
    *out = (struct statement){0};
    if (signer)
        *signer = NULL;
    struct office_id office;
    struct statement found = {0};
    with_cleanup(signed_close) struct signed_data s;
    int r = signed_open(&s, "statement", der, length, ENVELOPE_STATEMENT_MAX, e);
    if (!r)
        r = signed_verify(&s, trust, ROLE_OFFICE, at_utc_ms, &office, e);
    if (r)
        return r;
    bool no_memory;
    with_cleanup(autojson) json_t *o = json_read(s.content, s.length, &no_memory);
    if (no_memory)
        return error_set(e, -ENOMEM, "memory", "out of memory");
    if (!o)
        return signed_error(&s, e, "form", "what is signed is not a JSON object");
    r = json_version_check(o, e);
    if (r)
        return r;
    if (!statement_read(o, &found))
        return signed_error(&s, e, "form", "what is signed has not exactly the members of a statement");
    if (!office_id_equal(&office, &found.sender))
        return signed_error(&s, e, "signer", "the signer is not the sender that the statement names");
    *out = found;
    if (signer && X509_up_ref(s.signer))
        *signer = s.signer;
    return 0;
}

int statement_verify(const uint8_t *der, size_t length, const struct trust *trust, int64_t at_utc_ms,
                     struct statement *out, X509 **signer, struct error *e)
{
    OPENSSL_ERRORS_END_HERE;
    errno = 0;
    return openssl_judged(statement_judge(der, length, trust, at_utc_ms, out, signer, e), e);
}
