/* CSV records from a stream of bytes, with what libcsv's callbacks do not tell: quotes, physical lines and
 * where a quoted item went wrong. MS932 trail bytes never equal '"', ',', CR or LF, so raw bytes are scanned.
 * A fault never stops it; memory is bounded by the longest record that is allowed; how the bytes are cut into
 * calls changes nothing.
 *
 * Accepted: LF, CRLF and CR as line ends, a missing last one, blank lines, quotes around any item. A quote
 * inside a quoted item that is followed by neither '"' nor the item's end is kept as a character, as libcsv
 * does. When such a place, or the end of the file, shows that a quote was never closed (a line inside begins
 * like a record), the record ends at that line and scanning goes on there. */
#ifndef STANDARD_SCANNER_H
#define STANDARD_SCANNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum item_fault {                      /* bits */
                  FAULT_UNCLOSED = 1,  /* its quote is not closed */
                  FAULT_UNESCAPED = 2, /* a quote inside is not written as "" */
                  FAULT_PLAIN = 4,     /* not quoted, and yet holds a quote */
                  FAULT_TOO_LONG = 8,  /* longer than allowed */
                  FAULT_QUOTES = FAULT_UNCLOSED | FAULT_UNESCAPED | FAULT_PLAIN,
};

struct scanned_item {
    const uint8_t *text; /* without the enclosing quotes; "" inside is still doubled */
    size_t length;
    uint64_t line; /* where it begins */
    bool quoted;
    uint8_t faults;
};

struct scanned_row {
    struct scanned_item *items;
    size_t n_items; /* at most LAYOUT_ITEMS_MAX */
    size_t total;   /* all items of the record */
    const uint8_t *bytes;
    size_t length; /* without the line end */
    uint64_t line;
    bool too_long;  /* longer than allowed; its items are what came before */
    uint8_t faults; /* of all its items, also of those that are not kept */
};

struct scanner;
/* The row and its texts are valid during the call only. */
typedef void scanner_row_fn(void *context, struct scanned_row *row);

/* The longest item and record, 0 = CAREPLAN_ITEM_MAX, CAREPLAN_ROW_MAX. NULL: no memory. */
struct scanner *scanner_new(size_t item_bytes, size_t row_bytes, scanner_row_fn *fn, void *context);
int scanner_write(struct scanner *s, const uint8_t *data, size_t length); /* 0, -ENOMEM */
int scanner_finish(struct scanner *s);                                    /* 0, -ENOMEM */
/* Did the file end with 1A (Ctrl-Z)? Old software writes it, and it belongs to no record. */
bool scanner_end_mark(const struct scanner *s);
void scanner_free(struct scanner *s);

#endif
