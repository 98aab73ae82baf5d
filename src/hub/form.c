#include "hub/form.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <openssl/evp.h>
#include <utf8proc.h>

#include "base/cleanup.h"
#include "base/config.h"

/* ---- bodies ---- */

static bool take_u64(struct span *from, uint64_t *value)
{
    if (from->length < 8)
        return false;
    *value = 0;
    for (size_t i = 0; i < 8; i++)
        *value = *value << 8 | from->data[i];
    from->data += 8;
    from->length -= 8;
    return true;
}

static bool take_frame(struct span *from, uint64_t max, struct span *frame)
{
    uint64_t length;
    if (!take_u64(from, &length) || length == 0 || length > max || length > from->length)
        return false;
    *frame = (struct span){from->data, (size_t)length};
    from->data += length;
    from->length -= (size_t)length;
    return true;
}

int form_message_read(const uint8_t *data, size_t length, bool commit, struct form_message *out,
                      struct error *e)
{
    struct span rest = {data, length};
    *out = (struct form_message){0};
    if (!take_frame(&rest, ENVELOPE_STATEMENT_MAX, &out->statement))
        return error_set(e, -EINVAL, "message-form", "the statement's frame is cut, empty or over %d bytes",
                         ENVELOPE_STATEMENT_MAX);
    if (!take_frame(&rest, ENVELOPE_HEADER_MAX, &out->header))
        return error_set(e, -EINVAL, "message-form", "the header's frame is cut, empty or over %d bytes",
                         ENVELOPE_HEADER_MAX);
    if (commit) {
        if (!take_u64(&rest, &out->ciphertext_length) || out->ciphertext_length == 0)
            return error_set(e, -EINVAL, "message-form", "the ciphertext's length is missing or 0");
    } else {
        if (!take_frame(&rest, FORM_WHOLE_MAX, &out->ciphertext))
            return error_set(e, -EINVAL, "message-form",
                             "the ciphertext's frame is cut, empty or over %d bytes (then use parts)",
                             FORM_WHOLE_MAX);
        out->ciphertext_length = out->ciphertext.length;
    }
    if (rest.length)
        return error_set(e, -EINVAL, "message-form", "bytes follow the last frame");
    return 0;
}

/* ---- paths ---- */

enum { SEGMENTS_MAX = 7 };

/* Splits "/a/b" into its segments, without copying. 0: too many, or not beginning with '/'. */
static size_t split(const char *path, struct span segments[SEGMENTS_MAX])
{
    size_t n = 0;
    while (*path == '/') {
        size_t length = strcspn(++path, "/");
        if (n == SEGMENTS_MAX)
            return 0;
        segments[n++] = (struct span){(const uint8_t *)path, length};
        path += length;
    }
    return *path ? 0 : n;
}

static bool is(const struct span *s, const char *text)
{
    return s->length == strlen(text) && memcmp(s->data, text, s->length) == 0;
}

static bool is_id(const struct span *s, struct message_id *id)
{
    char text[33];
    if (s->length != 32)
        return false;
    memcpy(text, s->data, 32);
    text[32] = '\0';
    return message_id_parse(id, text);
}

static bool is_part(const struct span *s, uint32_t *part)
{
    char text[8];
    int64_t n;
    if (s->length == 0 || s->length >= sizeof text || (s->length > 1 && s->data[0] == '0'))
        return false;
    memcpy(text, s->data, s->length);
    text[s->length] = '\0';
    if (!config_number(text, 0, FORM_PART_NUMBER_MAX, &n))
        return false;
    *part = (uint32_t)n;
    return true;
}

static bool is_receipt(const struct span *s, enum receipt_kind *kind)
{
    char text[16];
    if (s->length >= sizeof text)
        return false;
    memcpy(text, s->data, s->length);
    text[s->length] = '\0';
    return strlen(text) == s->length && receipt_kind_parse(text, kind) && *kind != RECEIPT_ACCEPTED;
}

static enum form_route message_route(const struct span *s, size_t n, struct form_path *out)
{
    if (n >= 1 && is_id(&s[0], &out->id)) {
        if (n == 1)
            return ROUTE_MESSAGE_PUT;
        if (!is(&s[1], "parts"))
            return ROUTE_NONE;
        if (n == 2)
            return ROUTE_PARTS;
        return n == 3 && is_part(&s[2], &out->part) ? ROUTE_PART : ROUTE_NONE;
    }
    if (n < 2 || !office_id_parse(&out->sender, (const char *)s[0].data, s[0].length) ||
        !is_id(&s[1], &out->id))
        return ROUTE_NONE;
    if (n == 2)
        return ROUTE_MESSAGE;
    return n == 4 && is(&s[2], "receipts") && is_receipt(&s[3], &out->kind) ? ROUTE_RECEIPT : ROUTE_NONE;
}

void form_path_read(const char *path, struct form_path *out)
{
    static const struct {
        const char *path;
        enum form_route route;
    } fixed[] = {{"/v1/feed", ROUTE_FEED},
                 {"/v1/directory", ROUTE_DIRECTORY},
                 {"/v1/directory/log", ROUTE_DIRECTORY_LOG},
                 {"/v1/crl", ROUTE_CRL},
                 {"/.well-known/est/cacerts", ROUTE_CACERTS},
                 {"/.well-known/est/simpleenroll", ROUTE_ENROLL},
                 {"/.well-known/est/simplereenroll", ROUTE_REENROLL}};
    *out = (struct form_path){0};
    for (size_t i = 0; i < ARRAY_LENGTH(fixed); i++)
        if (strcmp(path, fixed[i].path) == 0) {
            out->route = fixed[i].route;
            return;
        }
    struct span s[SEGMENTS_MAX];
    size_t n = split(path, s);
    if (n >= 3 && is(&s[0], "v1") && is(&s[1], "messages"))
        out->route = message_route(s + 2, n - 2, out);
}

/* ---- queries ---- */

static int digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* Percent-decodes; false: broken escape, NUL inside, or too long. */
static bool decode(const char *from, size_t length, char *out, size_t size)
{
    size_t n = 0;
    for (size_t i = 0; i < length; i++) {
        int c = (unsigned char)from[i];
        if (c == '%') {
            if (i + 2 >= length || digit(from[i + 1]) < 0 || digit(from[i + 2]) < 0)
                return false;
            c = digit(from[i + 1]) << 4 | digit(from[i + 2]);
            i += 2;
        }
        if (c == 0 || n + 1 >= size)
            return false;
        out[n++] = (char)c;
    }
    out[n] = '\0';
    return true;
}

int form_query_value(const char *query, const char *name, char *out, size_t size)
{
    int found = 0;
    size_t name_length = strlen(name);
    while (query && *query) {
        size_t length = strcspn(query, "&");
        const char *equals = memchr(query, '=', length);
        size_t key_length = equals ? (size_t)(equals - query) : length;
        if (key_length == name_length && memcmp(query, name, name_length) == 0) {
            const char *value = equals ? equals + 1 : query + length;
            if (found || !decode(value, (size_t)(query + length - value), out, size))
                return -EINVAL;
            found = 1;
        }
        query += length + (query[length] == '&');
    }
    return found;
}

int form_query_number(const char *query, const char *name, int64_t min, int64_t max, int64_t *out,
                      struct error *e)
{
    char text[24];
    int r = form_query_value(query, name, text, sizeof text);
    if (r < 0 || (r > 0 && !config_number(text, min, max, out)))
        return error_set(e, -EINVAL, "query", "%s is not a whole number from %lld to %lld", name,
                         (long long)min, (long long)max);
    return 0;
}

/* ---- header values ---- */

bool form_media_type(const char *content_type, const char *type)
{
    if (!content_type)
        return false;
    size_t n = strcspn(content_type, "; \t");
    return n == strlen(type) && strncasecmp(content_type, type, n) == 0;
}

/* Reads digits; false when there are none or too many for 2^63. */
static bool take_number(const char **text, uint64_t *out)
{
    size_t n = strspn(*text, "0123456789");
    if (n == 0 || n > 18)
        return false;
    *out = strtoull(*text, NULL, 10);
    *text += n;
    return true;
}

enum form_range form_range_read(const char *header, uint64_t size, uint64_t *first, uint64_t *last)
{
    if (!header || strncasecmp(header, "bytes=", 6) != 0)
        return FORM_RANGE_NONE;
    const char *p = header + 6;
    uint64_t number;
    if (*p == '-') {
        p++;
        if (!take_number(&p, &number) || *p)
            return FORM_RANGE_NONE;
        if (number == 0 || size == 0)
            return FORM_RANGE_BEHIND;
        *first = number < size ? size - number : 0;
        *last = size - 1;
        return FORM_RANGE_ONE;
    }
    if (!take_number(&p, first) || *p++ != '-')
        return FORM_RANGE_NONE;
    *last = size ? size - 1 : 0;
    if (*p) {
        if (!take_number(&p, &number) || *p || number < *first)
            return FORM_RANGE_NONE;
        if (number < *last)
            *last = number;
    }
    return *first < size ? FORM_RANGE_ONE : FORM_RANGE_BEHIND;
}

bool form_basic_read(const char *header, struct office_id *user, char token[FORM_TOKEN_MAX + 1])
{
    if (!header || strlen(header) > 256 || strncasecmp(header, "Basic ", 6) != 0)
        return false;
    const char *text = header + 6 + strspn(header + 6, " ");
    __attribute__((__cleanup__(buffer_wipe))) struct buffer plain = {.limit = 256};
    if (!form_base64_read((const uint8_t *)text, strlen(text), 256, &plain) || !plain.length)
        return false;
    const uint8_t *colon = memchr(plain.data, ':', plain.length);
    if (!colon || !office_id_parse(user, (const char *)plain.data, (size_t)(colon - plain.data)))
        return false;
    size_t length = (size_t)(plain.data + plain.length - colon - 1);
    if (length == 0 || length > FORM_TOKEN_MAX || memchr(colon + 1, 0, length))
        return false;
    memcpy(token, colon + 1, length);
    token[length] = '\0';
    return true;
}

/* ---- base64 ---- */

bool form_base64_read(const uint8_t *text, size_t length, size_t limit, struct buffer *out)
{
    if (length > limit * 2 + 64 || limit > INT32_MAX / 4)
        return false;
    autofree uint8_t *dense = malloc(length + 1);
    size_t n = 0;
    if (!dense)
        return false;
    for (size_t i = 0; i < length; i++)
        if (!strchr(" \t\r\n", text[i]) || !text[i])
            dense[n++] = text[i];
    size_t padding = n && dense[n - 1] == '=' ? (n > 1 && dense[n - 2] == '=' ? 2 : 1) : 0;
    for (size_t i = 0; i < n - padding; i++)
        if (!isalnum(dense[i]) && dense[i] != '+' && dense[i] != '/')
            return false;
    if (n == 0 || n % 4)
        return false;
    autofree uint8_t *plain = malloc(n / 4 * 3 + 1);
    int got = plain ? EVP_DecodeBlock(plain, dense, (int)n) : -1;
    if (got < (int)padding || (size_t)got - padding > limit)
        return false;
    bool kept = buffer_append(out, plain, (size_t)got - padding) == 0;
    explicit_bzero(plain, (size_t)got);
    return kept;
}

char *form_base64(const void *data, size_t length)
{
    if (length > INT32_MAX / 2)
        return NULL;
    char *text = malloc(length / 3 * 4 + 5);
    if (text)
        EVP_EncodeBlock((unsigned char *)text, data, (int)length);
    return text;
}

/* ---- what an operator types ---- */

bool form_office_name(const char *name)
{
    size_t length = strlen(name);
    const utf8proc_uint8_t *p = (const utf8proc_uint8_t *)name;
    if (length == 0 || length > 255)
        return false;
    for (size_t i = 0; i < length;) {
        utf8proc_int32_t c;
        utf8proc_ssize_t n = utf8proc_iterate(p + i, (utf8proc_ssize_t)(length - i), &c);
        if (n <= 0 || c < 0x20 || (c >= 0x7F && c < 0xA0))
            return false;
        i += (size_t)n;
    }
    return true;
}

bool form_municipality(const char *code)
{
    size_t n = strlen(code);
    return (n == 5 || n == 6) && strspn(code, "0123456789") == n;
}
