/* Records over arbitrary bytes. The first byte chooses kind and version, the second how the rest is cut into
 * writes, and whether items and records must be short. What must hold whatever comes:
 * - cut into pieces or in one, the reader gives the same;
 * - what the writer takes of it, the check finds nothing wrong with in its form, and the reader gives back.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "careplan/problems.h"
#include "careplan/record.h"
#include "careplan/unit.h"
#include "standard/layout.h"

enum { TEXT_MAX = 4096 };

static void require(bool holds)
{
    if (!holds)
        abort();
}

/* Every text of every record, with its length. */
static int record_append(void *context, const struct careplan_record *record)
{
    struct buffer *b = context;
    size_t items = careplan_record_items(record);
    buffer_printf(b, "%u %zu %s:", careplan_record_faults(record), items,
                  careplan_record_kind(record)->version->name);
    for (size_t i = 0; i < items; i++) {
        char text[TEXT_MAX], cut[8];
        ptrdiff_t length = careplan_record_item(record, i, text, sizeof text);
        require(careplan_record_item(record, i, NULL, 0) == length);
        if (length < 0) {
            require(length == -ENOENT && i >= LAYOUT_ITEMS_MAX);
            continue;
        }
        require(strlen(text) <= (size_t)length);
        require((size_t)length >= sizeof text || strlen(text) == (size_t)length);
        require(careplan_record_item(record, i, cut, sizeof cut) == length);
        require(strncmp(cut, text, strlen(cut)) == 0);
        buffer_printf(b, "%td %s|", length, text);
    }
    return 0;
}

static void read_all(const struct careplan_kind *kind, const struct careplan_limits *limits,
                     const uint8_t *data, size_t length, size_t step, careplan_record_fn *fn, void *context)
{
    struct careplan_reader *r = careplan_reader_new(kind, limits, fn, context);
    require(r != NULL);
    for (size_t at = 0; at < length; at += step)
        require(careplan_reader_write(r, data + at, length - at < step ? length - at : step) == 0);
    require(careplan_reader_finish(r) == 0);
    careplan_reader_free(r);
}

/* ---- What was read is written, as far as the writer takes it ---- */

struct copy {
    const struct careplan_kind *kind;
    struct careplan_writer *writer;
    struct buffer bytes;
    struct buffer texts; /* of what the writer took */
};

static int bytes_append(void *context, const void *data, size_t length)
{
    return buffer_append(context, data, length);
}

static int record_copy(void *context, const struct careplan_record *record)
{
    struct copy *c = context;
    struct buffer texts = {0};
    size_t n = careplan_kind_items(c->kind);
    buffer_printf(&texts, "0 %zu %s:", n, c->kind->version->name);
    for (size_t i = 0; i < n; i++) {
        char text[TEXT_MAX] = "";
        const char *name = careplan_kind_item_en(c->kind, i);
        ptrdiff_t length = careplan_record_item(record, i, text, sizeof text);
        if (i == 0)
            snprintf(text, sizeof text, "%s", c->kind->version->name);
        if (length < 0 || (size_t)length >= sizeof text)
            text[0] = '\0';
        int r = careplan_writer_set(c->writer, name, text);
        require(r == 0 || (careplan_writer_fault(c->writer)->error == r &&
                           careplan_writer_fault(c->writer)->column == i + 1));
        if (r)
            text[0] = '\0';
        buffer_printf(&texts, "%zu %s|", strlen(text), text);
    }
    if (careplan_writer_end_record(c->writer) == 0)
        buffer_append(&c->texts, texts.data, texts.length);
    else
        careplan_writer_drop_record(c->writer);
    buffer_free(&texts);
    return 0;
}

/* Its bytes, form and version, and items by themselves are never at fault in what was written. */
static void require_form(const struct careplan_problem *problem, const char *file)
{
    int code = atoi(careplan_problem_code(problem) + 2);
    bool form = code < 1054 || (code > 1100 && code < 1106);
    require(careplan_problem_severity(problem) != CAREPLAN_ERROR || !form);
    require(strcmp(careplan_problem_file(problem), file) == 0);
    require(careplan_problem_message(problem, CAREPLAN_JA)[0] &&
            careplan_problem_message(problem, CAREPLAN_EN)[0] &&
            careplan_problem_remedy(problem, CAREPLAN_JA)[0]);
    require(careplan_problem_column(problem) <= LAYOUT_ITEMS_MAX);
    require(!careplan_problem_column(problem) == !careplan_problem_item(problem)[0]);
}

static void check_copy(const struct copy *c)
{
    bool services = c->kind->version->services_in_name;
    struct careplan_name name = {.kind = c->kind,
                                 .sender_number = "0300000100",
                                 .recipient_number = "0300000005",
                                 .sequence = "20250401090000"};
    if (c->kind->month_in_name)
        memcpy(name.month, services ? "202504" : "202410", sizeof name.month);
    if (services) {
        memcpy(name.sender_service, "43", 3);
        memcpy(name.recipient_service, "11", 3);
    }
    require(careplan_name_make(&name, NULL, NULL) == 0);
    struct careplan_problems *problems = careplan_problems_new(0);
    struct careplan_unit_check *unit =
        careplan_unit_check_new(NULL, NULL, 0, careplan_problems_add, problems);
    require(problems && unit);
    require(careplan_unit_check_add(unit, name.canonical, c->bytes.data, c->bytes.length) == 0);
    careplan_unit_check_judge(unit);
    require(careplan_problems_errors(problems) + careplan_problems_warnings(problems) <=
            careplan_unit_check_errors(unit) + careplan_unit_check_warnings(unit));
    for (size_t i = 0; i < careplan_problems_count(problems); i++)
        require_form(careplan_problems_at(problems, i), name.canonical);
    careplan_unit_check_free(unit);
    careplan_problems_free(problems);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t length)
{
    const struct careplan_kind *kinds = careplan_kind_at(NULL, 0);
    size_t n = careplan_kinds(NULL);
    if (length < 2 || !careplan_kind_items(&kinds[(data[0] & 0x7F) % n]))
        return 0;
    const struct careplan_kind *kind = &kinds[(data[0] & 0x7F) % n];
    size_t step = data[1] ? data[1] : 1;
    struct careplan_check_options options = {.limits = {0}};
    if (data[1] & 0x80)
        options.limits = (struct careplan_limits){.item_bytes = 100, .row_bytes = 600};
    data += 2;
    length -= 2;
    struct buffer whole = {0}, cut = {0}, again = {0};
    read_all(kind, &options.limits, data, length, length ? length : 1, record_append, &whole);
    read_all(kind, &options.limits, data, length, step, record_append, &cut);
    require(whole.length == cut.length && (!whole.length || !memcmp(whole.data, cut.data, whole.length)));

    struct copy copy = {.kind = kind};
    copy.writer = careplan_writer_new(kind, &options, bytes_append, &copy.bytes);
    require(copy.writer != NULL);
    read_all(kind, &options.limits, data, length, step, record_copy, &copy);
    if (careplan_writer_finish(copy.writer) == 0) {
        check_copy(&copy);
        read_all(kind, NULL, copy.bytes.data, copy.bytes.length, 4096, record_append, &again);
        require(again.length == copy.texts.length && !memcmp(again.data, copy.texts.data, again.length));
    }
    careplan_writer_free(copy.writer);
    buffer_free(&copy.bytes);
    buffer_free(&copy.texts);
    buffer_free(&whole);
    buffer_free(&cut);
    buffer_free(&again);
    return 0;
}
