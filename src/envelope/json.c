#include "envelope/json.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/hex.h"

char *json_text(const json_t *object)
{
    return json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS);
}

json_t *json_read(const uint8_t *text, size_t length, bool *no_memory)
{
    json_error_t why;
    json_t *object = json_loadb((const char *)text, length, JSON_REJECT_DUPLICATES, &why);
    /* jansson gives up silently where its own small allocations fail: with no text, or with this code. */
    *no_memory = !object && (!why.text[0] || json_error_code(&why) == json_error_out_of_memory);
    if (object && !json_is_object(object)) {
        json_decref(object);
        object = NULL;
    }
    return object;
}

int json_version_check(const json_t *object, struct error *e)
{
    const json_t *version = json_object_get(object, "protocol");
    if (!json_is_integer(version) || json_integer_value(version) == ENVELOPE_VERSION)
        return 0;
    return error_set(e, -EPROTONOSUPPORT, "protocol-version",
                     "protocol version %" JSON_INTEGER_FORMAT
                     " is not known here (known: %d); do: bring this office's software up to date",
                     json_integer_value(version), ENVELOPE_VERSION);
}

bool json_set_hex(json_t *object, const char *key, const void *data, size_t length)
{
    char hex[2 * ENVELOPE_HASH_SIZE + 1];
    if (length > ENVELOPE_HASH_SIZE)
        return false;
    hex_encode(data, length, hex);
    return json_set_text(object, key, hex);
}

bool json_set_time(json_t *object, const char *key, int64_t utc_ms)
{
    char text[25];
    int64_t again;
    clock_format_utc(utc_ms, text);
    return clock_parse_utc(text, &again) == 0 && again == utc_ms && json_set_text(object, key, text);
}

bool json_set_head(json_t *object, const char *key, const struct log_head *head)
{
    json_t *inner = json_object();
    if (!inner || !json_set_count(inner, "n", head->n) ||
        !json_set_hex(inner, "hash", head->hash.bytes, ENVELOPE_HASH_SIZE)) {
        json_decref(inner);
        return false;
    }
    return json_object_set_new(object, key, inner) == 0;
}

bool json_set_count(json_t *object, const char *key, uint64_t value)
{
    return value <= INT64_MAX && json_object_set_new(object, key, json_integer((json_int_t)value)) == 0;
}

bool json_set_text(json_t *object, const char *key, const char *text)
{
    return json_object_set_new(object, key, json_string(text)) == 0;
}

bool json_get_hex(const json_t *object, const char *key, void *out, size_t length)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text && hex_decode(text, out, length);
}

bool json_get_time(const json_t *object, const char *key, int64_t *utc_ms)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text && clock_parse_utc(text, utc_ms) == 0;
}

bool json_get_head(const json_t *object, const char *key, struct log_head *head)
{
    const json_t *inner = json_object_get(object, key);
    return json_is_object(inner) && json_object_size(inner) == 2 && json_get_count(inner, "n", &head->n) &&
           json_get_hex(inner, "hash", head->hash.bytes, ENVELOPE_HASH_SIZE);
}

bool json_get_count(const json_t *object, const char *key, uint64_t *value)
{
    const json_t *number = json_object_get(object, key);
    if (!json_is_integer(number) || json_integer_value(number) < 0)
        return false;
    *value = (uint64_t)json_integer_value(number);
    return true;
}

bool json_get_office(const json_t *object, const char *key, struct office_id *office)
{
    const json_t *text = json_object_get(object, key);
    return json_is_string(text) && office_id_parse(office, json_string_value(text), json_string_length(text));
}

bool json_get_text(const json_t *object, const char *key, char *out, size_t size)
{
    const json_t *text = json_object_get(object, key);
    if (!json_is_string(text) || json_string_length(text) >= size)
        return false;
    memcpy(out, json_string_value(text), json_string_length(text) + 1);
    return true;
}

bool json_is(const json_t *object, const char *key, const char *text)
{
    const char *value = json_string_value(json_object_get(object, key));
    return value && strcmp(value, text) == 0;
}
