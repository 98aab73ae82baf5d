/* Records of a file as a stream: the scanner's rows with the layout of their version. */
#include "careplan/record.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "standard/layout.h"
#include "standard/ms932.h"
#include "standard/ms932_text.h"
#include "standard/scanner.h"

struct careplan_reader {
    const struct careplan_kind *kind;
    careplan_record_fn *fn;
    void *context;
    struct scanner *scanner;
    int ended; /* what the callback returned; -EINVAL: the file was finished */
};

struct careplan_record {
    const struct careplan_kind *kind;
    const struct scanned_row *row;
    unsigned faults;
};

/* NULL: the row's CSVバージョン is none that the kind has. */
static const struct careplan_kind *kind_of_row(const struct careplan_kind *kind,
                                               const struct scanned_row *row)
{
    char version[7] = "";
    if (row->n_items == 0 || row->items[0].length != sizeof version - 1)
        return NULL;
    memcpy(version, row->items[0].text, sizeof version - 1);
    return kind_in_version(kind, version);
}

static unsigned faults_of(const struct scanned_row *row, const struct careplan_kind *kind)
{
    size_t offset = 0, size;
    unsigned faults = 0;
    if (row->total != careplan_kind_items(kind))
        faults |= CAREPLAN_RECORD_ITEMS;
    if (row->faults & FAULT_QUOTES)
        faults |= CAREPLAN_RECORD_QUOTES;
    if (row->too_long || (row->faults & FAULT_TOO_LONG))
        faults |= CAREPLAN_RECORD_TOO_LONG;
    if (ms932_next_fault(row->bytes, row->length, &offset, &size) != MS932_GOOD ||
        memchr(row->bytes, 0, row->length))
        faults |= CAREPLAN_RECORD_CHARACTERS;
    return faults;
}

static void row_read(void *context, struct scanned_row *row)
{
    struct careplan_reader *r = context;
    if (r->ended)
        return;
    const struct careplan_kind *kind = kind_of_row(r->kind, row);
    struct careplan_record record = {.kind = kind ? kind : r->kind, .row = row};
    record.faults = faults_of(row, record.kind) | (kind ? 0u : CAREPLAN_RECORD_VERSION);
    int result = r->fn(r->context, &record);
    r->ended = result < 0 ? result : 0;
}

struct careplan_reader *careplan_reader_new(const struct careplan_kind *kind,
                                            const struct careplan_limits *limits, careplan_record_fn *fn,
                                            void *context)
{
    if (!kind || !kind->layout) {
        errno = EINVAL;
        return NULL;
    }
    struct careplan_reader *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    *r = (struct careplan_reader){.kind = kind, .fn = fn, .context = context};
    const struct careplan_limits none = {0};
    limits = limits ? limits : &none;
    r->scanner = scanner_new(limits->item_bytes, limits->row_bytes, row_read, r);
    if (r->scanner)
        return r;
    free(r);
    return NULL;
}

void careplan_reader_free(struct careplan_reader *r)
{
    if (!r)
        return;
    scanner_free(r->scanner);
    free(r);
}

int careplan_reader_write(struct careplan_reader *r, const void *data, size_t length)
{
    if (r->ended)
        return r->ended;
    int result = length ? scanner_write(r->scanner, data, length) : 0;
    if (result < 0) /* what was lost is said ever after */
        r->ended = result;
    return r->ended;
}

int careplan_reader_finish(struct careplan_reader *r)
{
    if (r->ended)
        return r->ended;
    int result = scanner_finish(r->scanner);
    if (result < 0)
        r->ended = result;
    result = r->ended;
    if (result == 0)
        r->ended = -EINVAL;
    return result;
}

unsigned careplan_record_faults(const struct careplan_record *record)
{
    return record->faults;
}

uint64_t careplan_record_line(const struct careplan_record *record)
{
    return record->row->line;
}

const struct careplan_kind *careplan_record_kind(const struct careplan_record *record)
{
    return record->kind;
}

size_t careplan_record_items(const struct careplan_record *record)
{
    return record->row->total;
}

ptrdiff_t careplan_record_item(const struct careplan_record *record, size_t i, char *out, size_t size)
{
    if (i >= record->row->n_items)
        return -ENOENT;
    const struct scanned_item *item = &record->row->items[i];
    return (ptrdiff_t)ms932_to_utf8(item->text, item->length, item->quoted, out, size);
}

ptrdiff_t careplan_record_get(const struct careplan_record *record, const char *name_en, char *out,
                              size_t size)
{
    ptrdiff_t i = careplan_kind_item_find(record->kind, name_en);
    return i < 0 ? i : careplan_record_item(record, (size_t)i, out, size);
}
