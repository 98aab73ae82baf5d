/* The form of one item: type, length, code list (標準仕様 別紙). */
#ifndef STANDARD_ITEMS_H
#define STANDARD_ITEMS_H

#include "standard/problem.h"
#include "standard/scanner.h"

/* YYYYMMDD of a day that exists; exactly 8 bytes are read, digits or not. */
bool date_is_real(const uint8_t *text);
/* YYYYMM, month 01-12; exactly 6 bytes are read. */
bool month_is_real(const uint8_t *text);
/* HHMMSS; exactly 6 bytes are read. */
bool time_is_real(const uint8_t *text);
bool all_digits(const uint8_t *text, size_t length);
/* [0-9A-Z]{10} */
bool office_number_is_good(const uint8_t *text, size_t length);

static inline bool item_equals(const struct scanned_item *item, const char *text, size_t length)
{
    return item->length == length && __builtin_memcmp(item->text, text, length) == 0;
}

struct item_context {
    const struct careplan_standard *standard;
    struct problem_sink *sink;
    bool deletion; /* of a deletion file, where every item is required */
    bool utf8;     /* the file is not MS932 but UTF-8; values are shown as such */
};

/* Checks `item` against its definition; `column` from 1. True: nothing wrong with its form (or it is empty
 * and may be). */
bool item_check(const struct item_context *context, const struct layout_item *definition, unsigned column,
                const struct scanned_item *item);

#endif
