/* Records by item name, as UTF-8: read from the bytes of a file, and written as the bytes of one. Items are
 * named by `name_en` of the layouts ("insured_no", docs/standard.md) or numbered from 0.
 *
 * The reader gives what stands there and judges nothing but its form; the writer refuses what the check of a
 * file would reject in a single item. Neither does I/O: bytes come in by calls and go out by a callback. */
#ifndef CAREPLAN_RECORD_H
#define CAREPLAN_RECORD_H

#include "careplan/standard.h"

#ifdef __cplusplus
extern "C" {
#endif
#ifdef __GNUC__
#pragma GCC visibility push(default)
#endif

/* ---- Reading ---- */

struct careplan_record; /* valid during the callback only */

/* Bits. */
enum careplan_record_fault {
    CAREPLAN_RECORD_ITEMS = 1,      /* not as many items as its layout has */
    CAREPLAN_RECORD_VERSION = 2,    /* its CSVバージョン is none that the kind has */
    CAREPLAN_RECORD_QUOTES = 4,     /* a quote not closed, not doubled, or in a bare item */
    CAREPLAN_RECORD_CHARACTERS = 8, /* bytes that are no MS932 character; they read as U+FFFD */
    CAREPLAN_RECORD_TOO_LONG = 16,  /* an item or the record is over the limit */
};

/* 0 = go on; a negative errno ends the reading, which returns it. */
typedef int careplan_record_fn(void *context, const struct careplan_record *record);

/* Holds the record under way: at most four times limits->row_bytes and 256 KiB. */
struct careplan_reader;

/* Of files of this kind, in any version: each record is read by the layout of its own CSVバージョン, or by
 * that of `kind` when there is none. `limits` may be NULL; its `keys` is not used. NULL: no memory, or
 * (EINVAL) no kind or an image. */
struct careplan_reader *careplan_reader_new(const struct careplan_kind *kind,
                                            const struct careplan_limits *limits, careplan_record_fn *fn,
                                            void *context);
void careplan_reader_free(struct careplan_reader *r); /* NULL is allowed */
/* The next bytes, any length. 0; -ENOMEM or what the callback returned, then and ever after; -EINVAL after
 * the end. */
int careplan_reader_write(struct careplan_reader *r, const void *data, size_t length);
/* The end of the file: gives the last record when it has no line end. Once: -EINVAL afterwards. */
int careplan_reader_finish(struct careplan_reader *r);

unsigned careplan_record_faults(const struct careplan_record *record); /* 0 = well-formed */
uint64_t careplan_record_line(const struct careplan_record *record);   /* physical line from 1 */
const struct careplan_kind *careplan_record_kind(const struct careplan_record *record); /* its layout's */
size_t careplan_record_items(const struct careplan_record *record);                     /* that it has */

/* The item's text in UTF-8, without its quotes, "" undone; U+FFFD stands for what is no character of MS932,
 * and for NUL. As snprintf: returns the bytes of the whole text without its NUL; out gets as many whole
 * characters as fit and a NUL, nothing when `size` is 0 (out may be NULL). -ENOENT: no such item, or the
 * record does not reach to it. */
ptrdiff_t careplan_record_get(const struct careplan_record *record, const char *name_en, char *out,
                              size_t size);
ptrdiff_t careplan_record_item(const struct careplan_record *record, size_t i, char *out, size_t size);

/* ---- Writing ---- */

/* The caller takes `length` bytes: 0, or a negative errno, which the writer returns, then and ever after. */
typedef int careplan_write_fn(void *context, const void *data, size_t length);

/* Holds the record under way: at most four times limits.row_bytes and twice limits.item_bytes. */
struct careplan_writer;

/* One file of `kind`. `options` may be NULL: rules that it makes warnings or switches off do not refuse.
 * NULL: no memory, or (EINVAL) no kind or an image. */
struct careplan_writer *careplan_writer_new(const struct careplan_kind *kind,
                                            const struct careplan_check_options *options,
                                            careplan_write_fn *fn, void *context);
void careplan_writer_free(struct careplan_writer *w); /* NULL is allowed */

/* Sets an item of the record under way, in any order; one that is set again is replaced, one that is not set
 * stays empty. CSVバージョン is the kind's own when it is not set. A refused item changes nothing:
 *   -ENOENT    the layout has no such item
 *   -EILSEQ    a character is not in MS932, or the text is not UTF-8, or holds an escape sequence of JIS
 *   -EINVAL    the item's type, length or code list does not allow the value; , " CR LF outside free text
 *   -EMSGSIZE  it is over limits.item_bytes
 * -ENOMEM. The place stands in careplan_writer_fault. */
int careplan_writer_set(struct careplan_writer *w, const char *name_en, const char *text);
int careplan_writer_set_item(struct careplan_writer *w, size_t i, const char *text, size_t length);

/* Gives the record to the callback, in one call, and begins the next: free text in quotes with "" for ",
 * other items bare, CRLF. -EINVAL: a required item is empty; -EMSGSIZE: it is over limits.row_bytes. The
 * record then stays as it is. */
int careplan_writer_end_record(struct careplan_writer *w);
void careplan_writer_drop_record(struct careplan_writer *w); /* forgets what was set */
/* The end of the file: 0; -ENODATA: no record was written, or one was begun and not ended; -EILSEQ: all its
 * text could be UTF-8 as well, and the check would take it for that (a few rare characters only). After 0 all
 * that writes, and this again, is refused with -EINVAL. */
int careplan_writer_finish(struct careplan_writer *w);
uint64_t careplan_writer_records(const struct careplan_writer *w);

/* Why and where the last call that failed did. */
struct careplan_writer_fault {
    int error;          /* 0: none yet */
    uint64_t record;    /* from 1 */
    unsigned column;    /* item number from 1; 0 = none, or the whole record */
    size_t offset;      /* -EILSEQ, -EINVAL: byte of the given text that was not taken; else 0 */
    uint32_t character; /* -EILSEQ: its code point, U+FFFD when it is not UTF-8; else 0 */
    char code[8];       /* of the catalogue's rule, or "" */
    char reason[512];   /* English, one line */
    /* a later library may have more here: it is handed out by pointer only */
};
const struct careplan_writer_fault *careplan_writer_fault(const struct careplan_writer *w);

#ifdef __GNUC__
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif
#endif
