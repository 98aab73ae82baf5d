/* The check over arbitrary bytes. The first byte chooses kind and version, the second how the rest is cut
 * into writes, whether little is remembered of the records, whether rules are ruled otherwise, and whether
 * items and records must be short. What must hold whatever comes:
 * - cut into pieces or in one, the check finds the same;
 * - every problem has a rule of the catalogue, texts, and a place that can be;
 * - a file without problems goes through reader and writer, and is then the same records without problems;
 * - where no quote is at fault, the records are those that libcsv finds. */
#include <csv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "careplan/record.h"
#include "standard/layout.h"
#include "standard/scanner.h"
#include "text.h"

#define HASH_START UINT64_C(14695981039346656037)

static void require(bool holds)
{
    if (!holds)
        abort();
}

static uint64_t mix(uint64_t hash, const void *data, size_t length)
{
    const uint8_t *p = data;
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ p[i]) * UINT64_C(1099511628211);
    return hash;
}

static uint64_t mix_text(uint64_t hash, const char *text)
{
    return mix(hash, text, strlen(text) + 1);
}

struct found {
    uint64_t hash, n, lines;
    size_t columns;
};

static void found_add(void *context, const struct careplan_problem *p)
{
    struct found *f = context;
    require(careplan_rule_find(p->code) && p->severity != CAREPLAN_OFF);
    require(text_is_sentence(p->message_ja) && text_is_sentence(p->message_en));
    require(p->line <= f->lines && p->column <= f->columns);
    f->n++;
    f->hash = mix_text(mix_text(f->hash, p->code), p->message_ja);
    f->hash = mix(f->hash, &p->line, sizeof p->line);
    f->hash = mix(f->hash, &p->column, sizeof p->column);
}

/* Some other ruling of a rule. */
static enum careplan_severity ruled(void *context, const char *code, enum careplan_severity standard)
{
    (void)context;
    return (enum careplan_severity)(((unsigned)code[5] + standard) % 3);
}

static void check_run(const struct careplan_name *name, const struct careplan_check_options *options,
                      const uint8_t *data, size_t length, size_t step, struct found *f)
{
    struct careplan_check_result r;
    struct careplan_check *c = careplan_check_new(name, options, found_add, f);
    require(c != NULL);
    for (size_t at = 0; at < length; at += step)
        require(careplan_check_write(c, data + at, length - at < step ? length - at : step) == 0);
    require(careplan_check_finish(c, &r) == 0);
    require(r.bytes == length && f->n + r.not_reported == r.errors + r.warnings);
    require(r.n_images <= CAREPLAN_IMAGES_MAX);
    f->hash = mix(f->hash, &r.records, sizeof r.records);
    f->hash = mix(f->hash, &r.errors, sizeof r.errors);
    f->hash = mix_text(f->hash, r.version);
    for (size_t i = 0; i < r.n_images; i++)
        f->hash = mix_text(f->hash, r.images[i]);
    careplan_check_result_free(&r);
    careplan_check_free(c);
}

/* ---- A file without problems is written again ---- */

enum { TEXT_SIZE = 3 * CAREPLAN_ITEM_MAX + 1 }; /* a byte has at most 3 in UTF-8 */

struct again {
    uint64_t hash;
    char *text;
    struct careplan_writer *writer;
    struct buffer bytes;
    bool reading; /* what was written */
};

static int bytes_append(void *context, const void *data, size_t length)
{
    return buffer_append(context, data, length);
}

static int record_again(void *context, const struct careplan_record *record)
{
    struct again *a = context;
    if (!a->writer)
        a->writer = careplan_writer_new(careplan_record_kind(record), NULL, bytes_append, &a->bytes);
    require(a->writer && careplan_record_faults(record) == 0);
    for (size_t i = 0; i < careplan_record_items(record); i++) {
        ptrdiff_t length = careplan_record_item(record, i, a->text, TEXT_SIZE);
        require(length >= 0 && length < TEXT_SIZE);
        a->hash = mix_text(a->hash, a->text);
        if (!a->reading)
            require(careplan_writer_set_item(a->writer, i, a->text, (size_t)length) == 0);
    }
    if (!a->reading)
        require(careplan_writer_end_record(a->writer) == 0);
    return 0;
}

static uint64_t read_again(struct again *a, const struct careplan_kind *kind, const void *data, size_t length)
{
    struct careplan_reader *r = careplan_reader_new(kind, NULL, record_again, a);
    require(r && careplan_reader_write(r, data, length) == 0 && careplan_reader_finish(r) == 0);
    careplan_reader_free(r);
    return a->hash;
}

static void write_again(const struct careplan_name *name, const uint8_t *data, size_t length)
{
    struct careplan_check_result r;
    struct again a = {.hash = HASH_START, .text = malloc(TEXT_SIZE)};
    require(a.text != NULL);
    uint64_t hash = read_again(&a, name->kind, data, length);
    if (!a.writer) { /* a 別表 without records */
        free(a.text);
        return;
    }
    require(careplan_writer_finish(a.writer) == 0);
    a.reading = true;
    a.hash = HASH_START;
    require(read_again(&a, name->kind, a.bytes.data, a.bytes.length) == hash);
    require(careplan_check_buffer(name, a.bytes.data, a.bytes.length, NULL, NULL, NULL, &r) == 0);
    require(r.errors == 0 && r.warnings == 0 && r.records == careplan_writer_records(a.writer));
    careplan_check_result_free(&r);
    careplan_writer_free(a.writer);
    buffer_free(&a.bytes);
    free(a.text);
}

/* ---- The records against libcsv ---- */

struct records {
    uint64_t hash, rows;
    bool faulty;
};

/* Text with its doubled quotes made single, as libcsv hands it over. */
static uint64_t mix_item(uint64_t hash, const struct scanned_item *item)
{
    size_t length = 0;
    for (size_t i = 0; i < item->length; i++) {
        hash = mix(hash, item->text + i, 1);
        length++;
        i += item->quoted && item->text[i] == '"' && i + 1 < item->length && item->text[i + 1] == '"';
    }
    return mix(hash, &length, sizeof length);
}

static void scanned(void *context, struct scanned_row *row)
{
    struct records *r = context;
    r->rows++;
    r->faulty |= row->faults || row->too_long || row->total != row->n_items;
    for (size_t i = 0; i < row->n_items; i++)
        r->hash = mix_item(r->hash, &row->items[i]);
}

static void csv_item(void *text, size_t length, void *context)
{
    struct records *r = context;
    r->hash = mix(mix(r->hash, text, length), &length, sizeof length);
}

static void csv_row(int end, void *context)
{
    (void)end;
    ((struct records *)context)->rows++;
}

static int never(unsigned char c)
{
    (void)c;
    return 0;
}

static void compare_with_libcsv(const uint8_t *data, size_t length)
{
    struct records ours = {.hash = HASH_START}, theirs = {.hash = HASH_START};
    struct scanner *s = scanner_new(0, 0, scanned, &ours);
    struct csv_parser parser;
    require(s && scanner_write(s, data, length) == 0 && scanner_finish(s) == 0);
    scanner_free(s);
    if (ours.faulty)
        return;
    require(csv_init(&parser, 0) == 0);
    csv_set_space_func(&parser, never);
    length -= length && data[length - 1] == 0x1A; /* no record's, but the old mark of the end */
    require(csv_parse(&parser, data, length, csv_item, csv_row, &theirs) == length);
    require(csv_fini(&parser, csv_item, csv_row, &theirs) == 0);
    csv_free(&parser);
    require(ours.rows == theirs.rows && ours.hash == theirs.hash);
}

static void name_make(uint8_t choice, struct careplan_name *name)
{
    const struct careplan_kind *kinds = careplan_kind_at(NULL, 0);
    size_t n = careplan_kinds(NULL);
    const struct careplan_kind *kind = &kinds[(choice & 0x7F) % n];
    bool services = strcmp(kind->version->name, "202208") != 0, plan = choice & 0x80;
    char text[256];
    snprintf(text, sizeof text, "%s%s_%s%s_%s%s_20250401090000%s", kind->name,
             !kind->month_in_name                          ? ""
             : plan && strcmp(kind->name, "UPHOSOKU") == 0 ? "_000000"
                                                           : "_202504",
             "0300000100", services ? "_43" : "", "0300000005", services ? "_11" : "",
             kind->image ? "_0001.JPG" : ".CSV");
    require(careplan_name_parse(NULL, text, name, NULL, NULL) == CAREPLAN_NAME_TRANSFER &&
            name->kind == kind);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length)
{
    struct careplan_name name;
    if (length < 2)
        return 0;
    name_make(data[0], &name);
    size_t step = data[1] ? data[1] : 1;
    const struct careplan_check_options options = {.severity = data[1] & 2 ? NULL : ruled,
                                                   .limits = {.keys = data[1] & 1 ? 5 : 0,
                                                              .item_bytes = data[1] & 0x80 ? 100 : 0,
                                                              .row_bytes = data[1] & 0x80 ? 600 : 0}};
    data += 2;
    length -= 2;
    uint64_t lines = 1;
    for (size_t i = 0; i < length; i++)
        lines += data[i] == '\n' || data[i] == '\r';
    struct found whole = {.hash = HASH_START, .lines = lines, .columns = LAYOUT_ITEMS_MAX}, cut = whole;
    check_run(&name, &options, data, length, length ? length : 1, &whole);
    check_run(&name, &options, data, length, step, &cut);
    require(whole.n == cut.n && whole.hash == cut.hash);
    if (whole.n == 0 && !options.severity && name.kind->layout)
        write_again(&name, data, length);
    compare_with_libcsv(data, length);
    return 0;
}
