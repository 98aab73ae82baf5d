/* MS932 (Windows code page 932) bytes: validity by position, and conversion for messages. */
#ifndef STANDARD_MS932_H
#define STANDARD_MS932_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "standard/utf8.h"

enum ms932_fault { MS932_GOOD, MS932_UNDEFINED, MS932_INCOMPLETE, MS932_GAIJI };

/* The first fault at or after *offset; *offset is then its place and *size its bytes (1 or 2).
 * MS932_INCOMPLETE: a lead byte without a trail byte behind it. */
enum ms932_fault ms932_next_fault(const uint8_t *text, size_t length, size_t *offset, size_t *size);

/* Bytes of the run of ASCII at the head of `text`. */
size_t ascii_run(const uint8_t *text, size_t length);

/* Characters, a double byte counting as one. */
size_t ms932_characters(const uint8_t *text, size_t length);

/* Reads one character of `length` bytes, at least 1; returns its bytes. *c is U+FFFD when there is none. */
size_t ms932_read(const uint8_t *text, size_t length, uint32_t *c);

/* Writes a character below U+10000, at most 3 bytes; returns them. */
size_t utf8_put(char *out, uint32_t c);

/* Is a file MS932 or UTF-8? A text that can be only one of them decides; few characters may be both. */
struct encoding_guess {
    bool ms932, utf8; /* decided */
    bool maybe_utf8;
};
/* The next text of the file; `ms932`: it has no fault as such. */
void encoding_guess(struct encoding_guess *g, const uint8_t *text, size_t length, bool ms932);
/* At the end of the file, or when `utf8` is decided. */
bool encoding_is_utf8(const struct encoding_guess *g);

/* Is a file EUC-JP? All its text may be that, and some of it is not MS932. */
struct euc_guess {
    bool euc, not_euc;
};
/* The next text of the file; `ms932`: it has no fault as such. */
void euc_guess(struct euc_guess *g, const uint8_t *text, size_t length, bool ms932);

/* An escape sequence of JIS (ISO-2022-JP) that begins kanji or half-width katakana? */
bool jis_begins(const uint8_t *text, size_t length);

/* The first control character at or behind `from` that text has no use for (not TAB, CR, LF), or `length`. */
size_t control_find(const uint8_t *text, size_t length, size_t from);

/* A value as UTF-8 for a message: at most `characters` of them, then "…"; control characters made visible.
 * Out holds at least 4 * characters + 4 bytes. `utf8`: the bytes are UTF-8 already. */
void value_text(const uint8_t *value, size_t length, bool utf8, size_t characters, char *out);

#endif
