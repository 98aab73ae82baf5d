#include "link/framing.h"

#include <errno.h>
#include <stdlib.h>
#include <openssl/evp.h>

#include "base/cleanup.h"
#include "careplan/envelope.h"

static uint64_t u64be(const uint8_t *p)
{
    uint64_t value = 0;
    for (int i = 0; i < 8; i++)
        value = value << 8 | p[i];
    return value;
}

int framing_parse(const uint8_t *data, size_t length, struct framing *out)
{
    static const size_t limits[3] = {ENVELOPE_RECEIPT_MAX, ENVELOPE_STATEMENT_MAX, ENVELOPE_HEADER_MAX};
    const uint8_t *parts[3];
    size_t lengths[3], at = 0;
    for (int i = 0; i < 3; i++) {
        if (length - at < 8)
            return -EAGAIN;
        uint64_t n = u64be(data + at);
        if (n == 0 || n > limits[i])
            return -EBADMSG;
        at += 8;
        if (length - at < n)
            return -EAGAIN;
        parts[i] = data + at;
        lengths[i] = (size_t)n;
        at += (size_t)n;
    }
    if (length - at < 8)
        return -EAGAIN;
    *out = (struct framing){.acceptance = parts[0],
                            .acceptance_length = lengths[0],
                            .statement = parts[1],
                            .statement_length = lengths[1],
                            .header = parts[2],
                            .header_length = lengths[2],
                            .ciphertext_length = u64be(data + at),
                            .prefix = at + 8};
    /* Twice the plaintext's limit is beyond every envelope, and keeps sums of lengths far from overflow. */
    return out->ciphertext_length == 0 || out->ciphertext_length > 2 * ENVELOPE_UNIT_MAX ? -EBADMSG : 0;
}

void framing_put(struct buffer *b, const void *data, size_t length)
{
    buffer_u64be(b, length);
    buffer_append(b, data, length);
}

int framing_reserve(struct buffer *b, size_t more)
{
    size_t need = b->length + more + 1;
    if (need <= b->capacity)
        return 0;
    uint8_t *data = realloc(b->data, need);
    if (!data) {
        b->failed = true;
        return -ENOMEM;
    }
    b->data = data;
    b->capacity = need;
    return 0;
}

static size_t skip_blanks(const char *text, size_t at, size_t length)
{
    while (at < length && (text[at] == ' ' || text[at] == '\r' || text[at] == '\n' || text[at] == '\t'))
        at++;
    return at;
}

static void free_context(EVP_ENCODE_CTX **context)
{
    EVP_ENCODE_CTX_free(*context);
}

int framing_base64(const char *text, size_t length, size_t limit, struct buffer *out)
{
    uint8_t chunk[1024];
    with_cleanup(free_context) EVP_ENCODE_CTX *context = EVP_ENCODE_CTX_new();
    if (!context)
        return -ENOMEM;
    if (length / 4 > limit / 3 + limit / 32 + 1024)
        return -EFBIG;
    EVP_DecodeInit(context);
    int n = 0, r;
    for (size_t at = 0; at < length; at += 768) {
        size_t step = length - at < 768 ? length - at : 768;
        r = EVP_DecodeUpdate(context, chunk, &n, (const unsigned char *)text + at, (int)step);
        if (r < 0)
            return -EBADMSG;
        if (out->length + (size_t)n > limit)
            return -EFBIG;
        if (buffer_append(out, chunk, (size_t)n))
            return -ENOMEM;
        if (r == 0) /* padding was seen: nothing but blanks may follow */
            return skip_blanks(text, at + step, length) == length && EVP_DecodeFinal(context, chunk, &n) == 1
                       ? 0
                       : -EBADMSG;
    }
    return EVP_DecodeFinal(context, chunk, &n) == 1 ? 0 : -EBADMSG;
}
