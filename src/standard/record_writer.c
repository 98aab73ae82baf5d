/* Records written: items are kept as MS932 until their record is whole, then it goes out in one piece. What
 * the check would reject in an item is refused at once, by the same rules. */
#include "careplan/record.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "standard/items.h"
#include "standard/ms932.h"
#include "standard/ms932_text.h"

/* Where an item stands in `texts`. */
struct slot {
    size_t offset, length;
};

struct careplan_writer {
    const struct careplan_kind *kind;
    struct careplan_check_options options;
    struct careplan_limits limits; /* never 0 */
    careplan_write_fn *fn;
    void *context;
    struct buffer texts; /* of the record under way, MS932, " doubled */
    struct slot slots[LAYOUT_ITEMS_MAX];
    struct buffer row;
    bool begun; /* an item was set */
    struct encoding_guess guess;
    int broken; /* what the callback returned */
    bool finished;
    uint64_t records;
    struct careplan_writer_fault fault;
};

static size_t limit_or(size_t limit, size_t standard)
{
    return limit ? limit : standard;
}

struct careplan_writer *careplan_writer_new(const struct careplan_kind *kind,
                                            const struct careplan_check_options *options,
                                            careplan_write_fn *fn, void *context)
{
    if (!kind || !kind->layout) {
        errno = EINVAL;
        return NULL;
    }
    struct careplan_writer *w = calloc(1, sizeof *w);
    if (!w)
        return NULL;
    w->kind = kind;
    if (options)
        w->options = *options;
    w->limits.item_bytes = limit_or(w->options.limits.item_bytes, CAREPLAN_ITEM_MAX);
    w->limits.row_bytes = limit_or(w->options.limits.row_bytes, CAREPLAN_ROW_MAX);
    w->fn = fn;
    w->context = context;
    /* One item more than the record: it takes the place of another. */
    w->texts.limit = w->limits.row_bytes + w->limits.item_bytes;
    w->row.limit = w->limits.row_bytes;
    return w;
}

void careplan_writer_free(struct careplan_writer *w)
{
    if (!w)
        return;
    buffer_free(&w->texts);
    buffer_free(&w->row);
    free(w);
}

/* ---- Faults ---- */

static const struct layout_item *definition(const struct careplan_writer *w, size_t i)
{
    return &w->kind->layout->items[i];
}

static int fail(struct careplan_writer *w, int error, unsigned column, const char *reason)
{
    w->fault = (struct careplan_writer_fault){.error = error, .record = w->records + 1, .column = column};
    snprintf(w->fault.reason, sizeof w->fault.reason, "%s", reason);
    return error;
}

static int fail_item(struct careplan_writer *w, int error, size_t i, const char *reason)
{
    char text[sizeof w->fault.reason];
    snprintf(text, sizeof text, "item %zu %s: %s", i + 1, definition(w, i)->name_en, reason);
    return fail(w, error, (unsigned)i + 1, text);
}

static int fail_character(struct careplan_writer *w, int error, size_t i, size_t offset, uint32_t c,
                          const char *reason)
{
    char text[128];
    snprintf(text, sizeof text, "U+%04X at byte %zu %s", c, offset, reason);
    fail_item(w, error, i, text);
    w->fault.offset = offset;
    w->fault.character = error == -EILSEQ ? c : 0;
    return error;
}

static int fail_memory(struct careplan_writer *w)
{
    return fail(w, -ENOMEM, 0, "no memory");
}

/* 0, or why nothing can be written any more. */
static int ended(struct careplan_writer *w)
{
    return w->finished ? fail(w, -EINVAL, 0, "the file was finished") : w->broken;
}

/* ---- One item ---- */

struct form {
    struct careplan_writer *writer;
    int error;
};

/* A careplan_problem_fn: the first error of an item becomes the writer's fault. */
static void note_problem(void *context, const struct careplan_problem *problem)
{
    struct form *form = context;
    struct careplan_writer_fault *fault = &form->writer->fault;
    if (problem->severity != CAREPLAN_ERROR || form->error)
        return;
    form->error = fail(form->writer, -EINVAL, problem->column, problem->message_en);
    snprintf(fault->code, sizeof fault->code, "%s", problem->code);
}

static int item_form_check(struct careplan_writer *w, size_t i, const uint8_t *text, size_t length)
{
    struct form form = {.writer = w};
    struct problem_sink sink = {.fn = note_problem, .context = &form, .options = w->options};
    const struct item_context context = {
        .standard = w->kind->standard, .sink = &sink, .deletion = w->kind->deletion};
    const struct layout_item *item = definition(w, i);
    const struct scanned_item scanned = {
        .text = text, .length = length, .line = w->records + 1, .quoted = item->type == ITEM_TEXT};
    item_check(&context, item, (unsigned)i + 1, &scanned);
    return form.error;
}

/* Appends the text to `texts` as MS932. */
static int item_encode(struct careplan_writer *w, size_t i, const uint8_t *text, size_t length)
{
    bool free_text = definition(w, i)->type == ITEM_TEXT;
    size_t begin = w->texts.length;
    for (size_t at = 0, n; at < length; at += n) {
        uint32_t c;
        n = utf8_decode(text + at, length - at, &c);
        uint16_t code = n ? ms932_code(c) : 0;
        if (!code)
            return fail_character(w, -EILSEQ, i, at, c, n ? "is not in MS932" : "is not UTF-8");
        if (jis_begins(text + at, length - at)) /* the check would take the file for JIS */
            return fail_character(w, -EILSEQ, i, at, c, "begins text in JIS");
        if (!free_text && (c == ',' || c == '"' || c == '\r' || c == '\n'))
            return fail_character(w, -EINVAL, i, at, c, "can stand in free text only");
        uint8_t bytes[2] = {(uint8_t)(code >> 8), (uint8_t)code};
        if (c == '"')
            bytes[0] = '"';
        bool two = bytes[0] != 0;
        if (w->texts.length - begin + two >= w->limits.item_bytes)
            return fail_item(w, -EMSGSIZE, i, "it is over the limit of an item");
        if (buffer_append(&w->texts, two ? bytes : bytes + 1, two ? 2 : 1))
            return fail_memory(w);
    }
    /* As long as the others fit into a record, there is room for one more that takes an item's place. */
    if (w->texts.length - w->slots[i].length > w->limits.row_bytes)
        return fail_item(w, -EMSGSIZE, i, "the record is over its limit");
    return 0;
}

/* Takes the item's old text out of `texts`; that of others moves up. */
static void slot_clear(struct careplan_writer *w, size_t i)
{
    const struct slot old = w->slots[i];
    memmove(w->texts.data + old.offset, w->texts.data + old.offset + old.length,
            w->texts.length - old.offset - old.length);
    w->texts.length -= old.length;
    for (size_t k = 0; k < careplan_kind_items(w->kind); k++)
        if (w->slots[k].offset > old.offset)
            w->slots[k].offset -= old.length;
    w->slots[i] = (struct slot){0};
}

static void texts_cut(struct careplan_writer *w, size_t length)
{
    w->texts.length = length;
    w->texts.failed = false;
}

static int version_check(struct careplan_writer *w, size_t i, const char *text, size_t length)
{
    const char *own = w->kind->version->name;
    if (i != 0 || length == 0 || (length == strlen(own) && memcmp(text, own, length) == 0))
        return 0;
    return fail_item(w, -EINVAL, i, "it is not the version of the layout");
}

int careplan_writer_set_item(struct careplan_writer *w, size_t i, const char *text, size_t length)
{
    size_t begin = w->texts.length;
    int r = ended(w);
    if (r < 0)
        return r;
    if (i >= careplan_kind_items(w->kind))
        return fail(w, -ENOENT, 0, "the layout has no item of this number");
    r = version_check(w, i, text, length);
    if (r == 0)
        r = item_encode(w, i, (const uint8_t *)text, length);
    size_t encoded = w->texts.length - begin;
    if (r == 0 && encoded)
        r = item_form_check(w, i, w->texts.data + begin, encoded);
    if (r < 0) {
        texts_cut(w, begin);
        return r;
    }
    w->begun = true;
    if (w->slots[i].length) {
        begin -= w->slots[i].length;
        slot_clear(w, i);
    }
    w->slots[i] = (struct slot){.offset = begin, .length = encoded};
    return 0;
}

int careplan_writer_set(struct careplan_writer *w, const char *name_en, const char *text)
{
    int r = ended(w);
    if (r < 0)
        return r;
    ptrdiff_t i = careplan_kind_item_find(w->kind, name_en);
    if (i >= 0)
        return careplan_writer_set_item(w, (size_t)i, text, strlen(text));
    char reason[160];
    snprintf(reason, sizeof reason, "%s of %s has no item \"%.64s\"", w->kind->name, w->kind->version->name,
             name_en);
    return fail(w, -ENOENT, 0, reason);
}

/* ---- One record ---- */

static int required_check(struct careplan_writer *w)
{
    for (size_t i = 0; i < careplan_kind_items(w->kind); i++) {
        int r = w->slots[i].length ? 0 : item_form_check(w, i, NULL, 0);
        if (r < 0)
            return r;
    }
    return 0;
}

static size_t row_length(const struct careplan_writer *w)
{
    size_t n = careplan_kind_items(w->kind), length = n - 1 + 2; /* commas, CRLF */
    for (size_t i = 0; i < n; i++)
        length += w->slots[i].length + (definition(w, i)->type == ITEM_TEXT ? 2 : 0);
    return length;
}

static int row_build(struct careplan_writer *w)
{
    if (row_length(w) > w->limits.row_bytes)
        return fail(w, -EMSGSIZE, 0, "the record is over its limit");
    buffer_clear(&w->row);
    for (size_t i = 0; i < careplan_kind_items(w->kind); i++) {
        const struct slot *slot = &w->slots[i];
        const char *quote = definition(w, i)->type == ITEM_TEXT ? "\"" : "";
        if (i)
            buffer_text(&w->row, ",");
        buffer_text(&w->row, quote);
        if (slot->length)
            buffer_append(&w->row, w->texts.data + slot->offset, slot->length);
        buffer_text(&w->row, quote);
    }
    return buffer_text(&w->row, "\r\n") ? fail_memory(w) : 0;
}

int careplan_writer_end_record(struct careplan_writer *w)
{
    int r = ended(w);
    if (r == 0 && w->slots[0].length == 0)
        r = careplan_writer_set_item(w, 0, w->kind->version->name, strlen(w->kind->version->name));
    if (r == 0)
        r = required_check(w);
    if (r == 0)
        r = row_build(w);
    if (r < 0)
        return r;
    encoding_guess(&w->guess, w->row.data, w->row.length, true);
    r = w->fn(w->context, w->row.data, w->row.length);
    if (r < 0) {
        w->broken = fail(w, r, 0, "the bytes could not be given away");
        return r;
    }
    w->records++;
    careplan_writer_drop_record(w);
    return 0;
}

void careplan_writer_drop_record(struct careplan_writer *w)
{
    buffer_clear(&w->texts);
    memset(w->slots, 0, sizeof w->slots);
    w->begun = false;
}

int careplan_writer_finish(struct careplan_writer *w)
{
    int r = ended(w);
    if (r < 0)
        return r;
    if (w->begun)
        return fail(w, -ENODATA, 0, "a record was begun and not ended");
    if (encoding_is_utf8(&w->guess))
        return fail(w, -EILSEQ, 0, "the file's few characters would be taken for UTF-8");
    if (w->records == 0)
        return fail(w, -ENODATA, 0, "no record was written");
    w->finished = true;
    return 0;
}

uint64_t careplan_writer_records(const struct careplan_writer *w)
{
    return w->records;
}

const struct careplan_writer_fault *careplan_writer_fault(const struct careplan_writer *w)
{
    return &w->fault;
}
