/* The hub's length-prefixed bodies (docs/hub-api.yaml, putMessage and getMessage), and base64. Pure. */
#ifndef LINK_FRAMING_H
#define LINK_FRAMING_H

#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

/* What stands before the ciphertext of a message as the hub gives it. */
struct framing {
    const uint8_t *acceptance, *statement, *header; /* into the caller's bytes */
    size_t acceptance_length, statement_length, header_length;
    uint64_t ciphertext_length;
    size_t prefix; /* bytes up to the first of the ciphertext */
};
/* The most that framing_parse can ask for: three parts within the envelope's limits and four lengths. */
#define FRAMING_PREFIX_MAX \
    ((size_t)ENVELOPE_RECEIPT_MAX + ENVELOPE_STATEMENT_MAX + ENVELOPE_HEADER_MAX + 4 * sizeof(uint64_t))

/* Reads the parts from the first `length` bytes of a message. 0, -EAGAIN (more bytes are needed), or -EBADMSG
 * (an empty part, or one over its limit). */
int framing_parse(const uint8_t *data, size_t length, struct framing *out);

/* Appends a length and its bytes. Failure shows in `b->failed`. */
void framing_put(struct buffer *b, const void *data, size_t length);

/* Makes room for exactly `more` bytes (buffer_append doubles, which costs megabytes with parts). 0, -ENOMEM.
 */
int framing_reserve(struct buffer *b, size_t more);

/* Decodes standard base64 with padding, at most `limit` bytes of result; line breaks and blanks are passed
 * over. 0, -EBADMSG, -EFBIG, -ENOMEM. */
int framing_base64(const char *text, size_t length, size_t limit, struct buffer *out);

#endif
