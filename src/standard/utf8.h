/* UTF-8, one character. */
#ifndef STANDARD_UTF8_H
#define STANDARD_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Bytes of the well-formed UTF-8 sequence at `text` (RFC 3629), 0 when there is none; `length` is at least 1.
 */
size_t utf8_sequence(const uint8_t *text, size_t length);

#endif
