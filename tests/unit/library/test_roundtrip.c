/* Records -> CSV -> check -> records, of every kind in every version: what is written is accepted and read
 * again as it was. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../standard/samples.h"
#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "careplan/problems.h"
#include "careplan/record.h"
#include "standard/layout.h"
#include "standard/ms932.h"
#include "standard/ms932_text.h"

enum { RECORDS_MAX = 64, CHARACTERS = 7326 + 63 + 127, TEXT_CHARACTERS = 40 };

/* Items of one file, as UTF-8. */
struct records {
    const struct careplan_kind *kind;
    char *items[RECORDS_MAX][LAYOUT_ITEMS_MAX];
    size_t n;
};

static void records_clear(struct records *f)
{
    for (size_t i = 0; i < f->n; i++)
        for (size_t k = 0; k < LAYOUT_ITEMS_MAX; k++)
            free(f->items[i][k]);
    *f = (struct records){.kind = f->kind};
}

static int take(void *context, const void *data, size_t length)
{
    return buffer_append(context, data, length);
}

static void records_write(const struct records *f, struct buffer *out)
{
    struct careplan_writer *w = careplan_writer_new(f->kind, NULL, take, out);
    assert_non_null(w);
    for (size_t i = 0; i < f->n; i++) {
        int r = 0;
        for (size_t k = 0; k < careplan_kind_items(f->kind) && r == 0; k++)
            r = careplan_writer_set_item(w, k, f->items[i][k], strlen(f->items[i][k]));
        r = r ? r : careplan_writer_end_record(w);
        if (r)
            print_message("%s %s: %s\n", f->kind->version->name, f->kind->name,
                          careplan_writer_fault(w)->reason);
        assert_int_equal(r, 0);
    }
    assert_int_equal(careplan_writer_finish(w), 0);
    careplan_writer_free(w);
}

static int keep(void *context, const struct careplan_record *record)
{
    struct records *f = context;
    assert_true(f->n < RECORDS_MAX);
    assert_int_equal(careplan_record_faults(record), 0);
    f->kind = careplan_record_kind(record);
    for (size_t k = 0; k < careplan_record_items(record); k++) {
        ptrdiff_t length = careplan_record_item(record, k, NULL, 0);
        assert_true(length >= 0);
        char *text = malloc((size_t)length + 1);
        assert_non_null(text);
        assert_int_equal(
            careplan_record_get(record, careplan_kind_item_en(f->kind, k), text, (size_t)length + 1), length);
        f->items[f->n][k] = text;
    }
    f->n++;
    return 0;
}

static void records_read(struct records *f, const void *bytes, size_t length)
{
    struct careplan_reader *r = careplan_reader_new(f->kind, NULL, keep, f);
    assert_non_null(r);
    assert_int_equal(careplan_reader_write(r, bytes, length), 0);
    assert_int_equal(careplan_reader_finish(r), 0);
    careplan_reader_free(r);
}

static void assert_same(const struct records *a, const struct records *b)
{
    assert_ptr_equal(a->kind, b->kind);
    assert_int_equal(a->n, b->n);
    for (size_t i = 0; i < a->n; i++)
        for (size_t k = 0; k < careplan_kind_items(a->kind); k++)
            assert_string_equal(a->items[i][k], b->items[i][k]);
}

/* ---- The standard's samples ---- */

static size_t sample_roundtrip(const char *path, const char *file_name)
{
    struct careplan_name name;
    assert_int_equal(careplan_name_parse(NULL, file_name, &name, NULL, NULL), CAREPLAN_NAME_TRANSFER);
    if (name.kind->image)
        return 0;
    size_t length;
    autofree char *content = sample_read(path, &length);
    struct records before = {.kind = name.kind}, after = {.kind = name.kind};
    autobuffer out = {0};
    struct careplan_check_result result;
    records_read(&before, content, length);
    records_write(&before, &out);
    records_read(&after, out.data, out.length);
    assert_same(&before, &after);
    assert_int_equal(careplan_check_buffer(&name, out.data, out.length, NULL, NULL, NULL, &result), 0);
    assert_int_equal(result.errors + result.warnings, 0);
    assert_int_equal(result.records, before.n);
    careplan_check_result_free(&result);
    records_clear(&before);
    records_clear(&after);
    return 1;
}

static size_t samples_roundtrip(const char *group)
{
    size_t n = 0;
    autofree char *path = file_join(SAMPLES, group);
    DIR *dir = opendir(path);
    assert_non_null(dir);
    for (struct dirent *folder; (folder = readdir(dir));) {
        if (folder->d_name[0] == '.')
            continue;
        autofree char *folder_path = file_join(path, folder->d_name);
        DIR *files = opendir(folder_path);
        assert_non_null(files);
        for (struct dirent *file; (file = readdir(files));) {
            autofree char *file_path = file_join(folder_path, file->d_name);
            n += file->d_name[0] == '.' ? 0 : sample_roundtrip(file_path, file->d_name);
        }
        closedir(files);
    }
    closedir(dir);
    return n;
}

static void samples_are_accepted_when_written_again(void **state)
{
    (void)state;
    assert_int_equal(samples_roundtrip("valid"), 26);
    assert_int_equal(samples_roundtrip("valid_202208"), 7);
}

/* ---- Records made up ---- */

struct maker {
    uint64_t random;
    uint16_t characters[CHARACTERS]; /* every character of MS932, shuffled */
    size_t next;
};

static unsigned pick(struct maker *m, unsigned n)
{
    m->random = m->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)((m->random >> 33) % n);
}

static void maker_fill(struct maker *m)
{
    size_t n = 0;
    for (unsigned c = 1; c < 0x10000; c++)
        if (ms932_code(c))
            m->characters[n++] = (uint16_t)c;
    assert_int_equal(n, CHARACTERS);
    for (unsigned i = CHARACTERS - 1; i > 0; i--) {
        unsigned k = pick(m, i + 1);
        uint16_t c = m->characters[i];
        m->characters[i] = m->characters[k];
        m->characters[k] = c;
    }
}

/* The next characters of all. */
static void text_make(struct maker *m, char *out)
{
    size_t at = 0;
    for (unsigned n = pick(m, TEXT_CHARACTERS) + 1; n; n--)
        at += utf8_put(out + at, m->characters[m->next++ % CHARACTERS]);
    out[at] = '\0';
}

static void digits_make(struct maker *m, char *out, unsigned length)
{
    for (unsigned i = 0; i < length; i++)
        out[i] = (char)('0' + pick(m, 10));
    out[length] = '\0';
}

enum { VALUE_MAX = TEXT_CHARACTERS * 4 };

/* A plausible value by the item's type. */
static void value_make(struct maker *m, const struct careplan_kind *kind, const struct layout_item *item,
                       char out[VALUE_MAX])
{
    bool old = strcmp(kind->version->name, "202208") == 0;
    out[0] = '\0';
    switch ((enum item_type)item->type) {
    case ITEM_YM:
        snprintf(out, VALUE_MAX, "%s", old ? "202410" : "202504");
        break;
    case ITEM_YMD:
        snprintf(out, VALUE_MAX, "%s%02u", old ? "202410" : "202504", pick(m, 30) + 1);
        break;
    case ITEM_HHMM:
        snprintf(out, VALUE_MAX, "%02u%02u", pick(m, 24), pick(m, 60));
        break;
    case ITEM_DIGITS:
        digits_make(m, out, item->max);
        break;
    case ITEM_CODE:
        if (item->n_values)
            snprintf(out, VALUE_MAX, "%s", item->values[pick(m, item->n_values)].code);
        else if (item->service_type)
            snprintf(out, VALUE_MAX, "11");
        else
            snprintf(out, VALUE_MAX, "%.*s", item->max ? item->max : 6, "11121111111111111111");
        break;
    case ITEM_INT:
        snprintf(out, VALUE_MAX, "%u", pick(m, 10));
        break;
    case ITEM_DECIMAL:
        snprintf(out, VALUE_MAX, "%u.%02u", pick(m, 100), pick(m, 100));
        break;
    case ITEM_TEXT:
        text_make(m, out);
        break;
    case ITEM_FLAGS31:
        for (unsigned i = 0; i < 31; i++)
            out[i] = (char)('0' + pick(m, 2));
        out[31] = '\0';
        break;
    case ITEM_POSTAL:
        snprintf(out, VALUE_MAX, "%03u-%04u", pick(m, 1000), pick(m, 10000));
        break;
    case ITEM_PHONE:
        snprintf(out, VALUE_MAX, "000-%04u-%04u", pick(m, 10000), pick(m, 10000));
        break;
    case ITEM_INSURED_NO:
        digits_make(m, out, 10);
        if (pick(m, 8) == 0)
            out[0] = 'H';
        break;
    case ITEM_OFFICE_NO:
        digits_make(m, out, 10);
        break;
    case ITEM_UNUSED:
        break;
    }
}

static void record_make(struct maker *m, struct records *f)
{
    for (size_t k = 0; k < careplan_kind_items(f->kind); k++) {
        const struct layout_item *item = &f->kind->layout->items[k];
        char value[VALUE_MAX] = "";
        if (k == 0)
            snprintf(value, sizeof value, "%s", f->kind->version->name);
        else if (item->required != REQUIRED_NO || item->type == ITEM_TEXT || pick(m, 2))
            value_make(m, f->kind, item, value);
        f->items[f->n][k] = strdup(value);
        assert_non_null(f->items[f->n][k]);
    }
    f->n++;
}

/* Of its bytes, its form or an item by itself; what stands between items is left to chance here. */
static bool is_of_form(const struct careplan_problem *problem)
{
    static const char *const versions[] = {"CP1101", "CP1102", "CP1103", "CP1104", "CP1105", "CP1107"};
    if (strncmp(problem->code, "CP100", 5) == 0 || strncmp(problem->code, "CP101", 5) == 0 ||
        strncmp(problem->code, "CP102", 5) == 0 || strncmp(problem->code, "CP103", 5) == 0 ||
        strncmp(problem->code, "CP104", 5) == 0 ||
        (strncmp(problem->code, "CP105", 5) == 0 && problem->code[5] <= '3'))
        return true;
    for (size_t i = 0; i < ARRAY_LENGTH(versions); i++)
        if (strcmp(problem->code, versions[i]) == 0)
            return true;
    return false;
}

static void refuse_form(void *context, const struct careplan_problem *problem)
{
    const struct careplan_kind *kind = context;
    if (problem->severity != CAREPLAN_ERROR || !is_of_form(problem))
        return;
    print_message("%s %s: line %llu item %u: %s %s\n", kind->version->name, kind->name,
                  (unsigned long long)problem->line, problem->column, problem->code, problem->message_en);
    fail();
}

static struct careplan_name name_of(const struct careplan_kind *kind)
{
    struct careplan_name name = {.kind = kind,
                                 .sender_number = "0300000100",
                                 .recipient_number = "0300000005",
                                 .sequence = "20250325101500"};
    if (kind->month_in_name)
        snprintf(name.month, sizeof name.month, "%s",
                 strcmp(kind->version->name, "202208") == 0 ? "202410" : "202504");
    if (kind->version->services_in_name) {
        snprintf(name.sender_service, sizeof name.sender_service, "43");
        snprintf(name.recipient_service, sizeof name.recipient_service, "11");
    }
    assert_int_equal(careplan_name_make(&name, NULL, NULL), 0);
    return name;
}

static void made_up_roundtrip(struct maker *m, const struct careplan_kind *kind, size_t records)
{
    struct records before = {.kind = kind}, after = {.kind = kind};
    struct careplan_name name = name_of(kind);
    struct careplan_check_result result;
    autobuffer out = {0};
    for (size_t i = 0; i < records; i++)
        record_make(m, &before);
    records_write(&before, &out);
    assert_int_equal(
        careplan_check_buffer(&name, out.data, out.length, NULL, refuse_form, (void *)kind, &result), 0);
    assert_int_equal(result.records, records);
    assert_string_equal(result.version, kind->version->name);
    /* Items of a deletion stand for themselves alone. */
    if (kind->deletion && strcmp(kind->name, "DLTJSK") != 0 && kind->version->services_in_name &&
        careplan_flow_allowed(kind, "43", "11"))
        assert_int_equal(result.errors, 0);
    careplan_check_result_free(&result);
    records_read(&after, out.data, out.length);
    assert_same(&before, &after);
    records_clear(&before);
    records_clear(&after);
}

static void records_of_every_kind_and_version_come_back(void **state)
{
    (void)state;
    const struct careplan_kind *kinds = careplan_kind_at(NULL, 0);
    size_t n = careplan_kinds(NULL), done = 0;
    struct maker *m = calloc(1, sizeof *m);
    assert_non_null(m);
    maker_fill(m);
    for (size_t i = 0; i < n; i++) {
        if (kinds[i].image)
            continue;
        for (size_t round = 0; round < 8; round++)
            made_up_roundtrip(m, &kinds[i], 1 + pick(m, 8));
        done++;
    }
    free(m);
    assert_int_equal(done, 17 + 9);
}

static void every_character_of_ms932_comes_back(void **state)
{
    (void)state;
    static const char *const kinds[] = {"UP1KYO", "UPKIHON", "UPYOBO"};
    struct maker *m = calloc(1, sizeof *m);
    assert_non_null(m);
    m->random = 1;
    maker_fill(m);
    while (m->next < 2 * CHARACTERS)
        for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++)
            made_up_roundtrip(m, careplan_kind_find(NULL, "202407", kinds[i]), 4);
    free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_are_accepted_when_written_again),
        cmocka_unit_test(records_of_every_kind_and_version_come_back),
        cmocka_unit_test(every_character_of_ms932_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
