/* Fields of the protocol's JSON objects: written in one canonical form, read strictly. Not public.
 *
 * An object of version 1 has exactly its members: one more, one less or one twice is refused. What a later
 * version adds, it adds under another number. */
#ifndef ENVELOPE_JSON_H
#define ENVELOPE_JSON_H

#include <jansson.h>

#include "careplan/envelope.h"

#include "base/cleanup.h"

CLEANUP_DEFINE(autojson, json_t, json_decref);

/* Text with sorted keys and no blanks, malloc'd; NULL without memory. */
char *json_text(const json_t *object);
/* An object; NULL for anything else, for members twice, and for what is not JSON; then `no_memory` says
 * whether that is the reason. */
json_t *json_read(const uint8_t *text, size_t length, bool *no_memory);

/* 0, or -EPROTONOSUPPORT "protocol-version" when the member "protocol" is a number other than
 * ENVELOPE_VERSION; a missing one is the reader's matter. */
int json_version_check(const json_t *object, struct error *e);

/* Each sets or reads one member. The readers: false when it is missing or not exactly of its form. */
bool json_set_hex(json_t *object, const char *key, const void *data, size_t length);
bool json_set_time(json_t *object, const char *key, int64_t utc_ms);
bool json_set_head(json_t *object, const char *key, const struct log_head *head);
bool json_set_count(json_t *object, const char *key, uint64_t value); /* at most INT64_MAX */
bool json_set_text(json_t *object, const char *key, const char *text);

bool json_get_hex(const json_t *object, const char *key, void *out, size_t length);
bool json_get_time(const json_t *object, const char *key, int64_t *utc_ms);
bool json_get_head(const json_t *object, const char *key, struct log_head *head);
bool json_get_count(const json_t *object, const char *key, uint64_t *value);
bool json_get_office(const json_t *object, const char *key, struct office_id *office);
bool json_get_text(const json_t *object, const char *key, char *out,
                   size_t size); /* at most size - 1 bytes */
bool json_is(const json_t *object, const char *key, const char *text);

#endif
