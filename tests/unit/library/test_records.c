/* Records by item name: the reader gives what stands there, the writer refuses what the check would. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "careplan/record.h"

static const struct careplan_kind *kind_of(const char *version, const char *name)
{
    const struct careplan_kind *kind = careplan_kind_find(NULL, version, name);
    assert_non_null(kind);
    return kind;
}

/* ---- Reading ---- */

enum { SEEN_MAX = 8 };

struct seen {
    unsigned faults[SEEN_MAX];
    uint64_t lines[SEEN_MAX];
    const struct careplan_kind *kinds[SEEN_MAX];
    size_t items[SEEN_MAX], n;
    char texts[SEEN_MAX][64]; /* of `item` */
    ptrdiff_t lengths[SEEN_MAX];
    const char *item;
    size_t stop_at; /* 0: never */
};

static int see(void *context, const struct careplan_record *record)
{
    struct seen *s = context;
    size_t i = s->n++;
    assert_true(i < SEEN_MAX);
    s->faults[i] = careplan_record_faults(record);
    s->lines[i] = careplan_record_line(record);
    s->kinds[i] = careplan_record_kind(record);
    s->items[i] = careplan_record_items(record);
    if (s->item)
        s->lengths[i] = careplan_record_get(record, s->item, s->texts[i], sizeof s->texts[i]);
    return s->n == s->stop_at ? -ECANCELED : 0;
}

static int read_all(const struct careplan_kind *kind, const char *bytes, size_t step, struct seen *s)
{
    struct careplan_reader *r = careplan_reader_new(kind, NULL, see, s);
    assert_non_null(r);
    size_t length = strlen(bytes);
    int result = 0;
    for (size_t at = 0; at < length && result == 0; at += step)
        result = careplan_reader_write(r, bytes + at, length - at < step ? length - at : step);
    int end = careplan_reader_finish(r);
    careplan_reader_free(r);
    return result ? result : end;
}

/* DLT1KYO has four items. */
#define GOOD_LINE "202407,039999,0000000101,20250325\r\n"

static void gives_records_however_the_bytes_are_cut(void **state)
{
    (void)state;
    static const char bytes[] = GOOD_LINE "\r\n202407,\"039999\",0000000102,20250326";
    for (size_t step = 1; step < sizeof bytes; step++) {
        struct seen s = {.item = "insured_no"};
        assert_int_equal(read_all(kind_of("202407", "DLT1KYO"), bytes, step, &s), 0);
        assert_int_equal(s.n, 2);
        assert_int_equal(s.faults[0] | s.faults[1], 0);
        assert_int_equal(s.lines[1], 3);
        assert_string_equal(s.texts[0], "0000000101");
        assert_string_equal(s.texts[1], "0000000102");
    }
}

static void reads_each_record_by_the_version_of_its_content(void **state)
{
    (void)state;
    struct seen s = {.item = "csv_version"};
    const struct careplan_kind *old = kind_of("202208", "UPPLAN"), *new = kind_of("202407", "UPPLAN");
    assert_int_equal(read_all(new, "202208,1\n202407,1\n202504,1\n", 100, &s), 0);
    assert_int_equal(s.n, 3);
    assert_ptr_equal(s.kinds[0], old);
    assert_ptr_equal(s.kinds[1], new);
    assert_ptr_equal(s.kinds[2], new);
    assert_int_equal(s.faults[0] & CAREPLAN_RECORD_VERSION, 0);
    assert_int_equal(s.faults[2] & CAREPLAN_RECORD_VERSION, CAREPLAN_RECORD_VERSION);
    assert_string_equal(s.texts[2], "202504");
}

static void gives_records_with_faults_and_says_which(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        unsigned faults;
        size_t items;
    } cases[] = {
        {GOOD_LINE, 0, 4},
        {"202407,039999,0000000101\r\n", CAREPLAN_RECORD_ITEMS, 3},
        {"202407,039999,0000000101,20250325,\r\n", CAREPLAN_RECORD_ITEMS, 5},
        {"CSV,a,b,c\r\n", CAREPLAN_RECORD_VERSION, 4},
        {"202407,039999,0000000101,\"2025\"0325\r\n", CAREPLAN_RECORD_QUOTES, 4},
        {"202407,039999,0000000101,2025\"0325\r\n", CAREPLAN_RECORD_QUOTES, 4},
        {"202407,039999,0000000101,\x85\x40\r\n", CAREPLAN_RECORD_CHARACTERS, 4},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        struct seen s = {0};
        assert_int_equal(read_all(kind_of("202407", "DLT1KYO"), cases[i].line, 100, &s), 0);
        if (s.n != 1 || s.faults[0] != cases[i].faults)
            print_message("%s: faults %u, expected %u\n", cases[i].line, s.faults[0], cases[i].faults);
        assert_int_equal(s.n, 1);
        assert_int_equal(s.faults[0], cases[i].faults);
        assert_int_equal(s.items[0], cases[i].items);
    }
}

static void gives_items_as_utf8_and_says_when_there_is_none(void **state)
{
    (void)state;
    struct seen s = {.item = "plan_date"};
    assert_int_equal(read_all(kind_of("202407", "DLT1KYO"),
                              "202407,039999,0000000101,\"\x82\xA0\"\"\x85\x40\"\r\n202407\r\n", 100, &s),
                     0);
    assert_string_equal(s.texts[0], "あ\"\uFFFD");
    assert_int_equal(s.lengths[0], 7);
    assert_int_equal(s.lengths[1], -ENOENT); /* the record does not reach to it */
    s = (struct seen){.item = "no_such_item"};
    assert_int_equal(read_all(kind_of("202407", "DLT1KYO"), GOOD_LINE, 100, &s), 0);
    assert_int_equal(s.lengths[0], -ENOENT);
}

static void ends_when_the_callback_says_so(void **state)
{
    (void)state;
    struct seen s = {.stop_at = 2};
    assert_int_equal(read_all(kind_of("202407", "DLT1KYO"), GOOD_LINE GOOD_LINE GOOD_LINE, 1000, &s),
                     -ECANCELED);
    assert_int_equal(s.n, 2);
}

static void keeps_to_the_limits_it_was_given(void **state)
{
    (void)state;
    const struct careplan_limits limits = {.item_bytes = 16, .row_bytes = 64};
    struct seen s = {0};
    struct careplan_reader *r = careplan_reader_new(kind_of("202407", "DLT1KYO"), &limits, see, &s);
    assert_non_null(r);
    static const char line[] = GOOD_LINE "202407,039999,00000000000000000101,20250325\r\n";
    assert_int_equal(careplan_reader_write(r, line, strlen(line)), 0);
    for (size_t i = 0; i < 1000; i++)
        assert_int_equal(careplan_reader_write(r, "0123456789", 10), 0);
    assert_int_equal(careplan_reader_finish(r), 0);
    careplan_reader_free(r);
    assert_int_equal(s.n, 3);
    assert_int_equal(s.faults[0], 0);
    assert_int_equal(s.faults[1], CAREPLAN_RECORD_TOO_LONG);
    assert_true(s.faults[2] & CAREPLAN_RECORD_TOO_LONG);
}

static void has_no_records_of_an_image(void **state)
{
    (void)state;
    const struct careplan_kind *image = kind_of("202407", "UPKIHON_IMAGE");
    assert_null(careplan_reader_new(image, NULL, see, NULL));
    assert_null(careplan_writer_new(image, NULL, NULL, NULL));
}

/* ---- Writing ---- */

static int take(void *context, const void *data, size_t length)
{
    return buffer_append(context, data, length);
}

static struct careplan_writer *writer_of(const char *kind, struct buffer *out)
{
    struct careplan_writer *w = careplan_writer_new(kind_of("202407", kind), NULL, take, out);
    assert_non_null(w);
    return w;
}

static void set_deletion(struct careplan_writer *w)
{
    assert_int_equal(careplan_writer_set(w, "plan_date", "20250325"), 0);
    assert_int_equal(careplan_writer_set(w, "insurer_no", "039999"), 0);
    assert_int_equal(careplan_writer_set(w, "insured_no", "0000000101"), 0);
}

static void writes_items_in_the_order_of_the_layout(void **state)
{
    (void)state;
    autobuffer out = {0};
    struct careplan_writer *w = writer_of("DLT1KYO", &out);
    set_deletion(w);
    assert_int_equal(careplan_writer_set(w, "insurer_no", "039998"), 0); /* replaced */
    assert_int_equal(careplan_writer_end_record(w), 0);
    set_deletion(w);
    assert_int_equal(careplan_writer_set(w, "csv_version", "202407"), 0);
    assert_int_equal(careplan_writer_end_record(w), 0);
    assert_int_equal(careplan_writer_finish(w), 0);
    assert_int_equal(careplan_writer_records(w), 2);
    careplan_writer_free(w);
    assert_string_equal((char *)out.data, "202407,039998,0000000101,20250325\r\n" GOOD_LINE);
}

static void quotes_free_text_always_and_nothing_else(void **state)
{
    (void)state;
    autobuffer out = {0};
    struct careplan_writer *w = writer_of("UPKIHON_SUB1", &out);
    assert_int_equal(careplan_writer_set(w, "insurer_no", "039999"), 0);
    assert_int_equal(careplan_writer_set(w, "insured_no", "H000000101"), 0);
    assert_int_equal(careplan_writer_set(w, "consult_date", "20250325"), 0);
    assert_int_equal(careplan_writer_set_item(w, 6, "a\",\r\n髙\"", strlen("a\",\r\n髙\"")), 0);
    int r = careplan_writer_end_record(w);
    if (r)
        print_message("%s\n", careplan_writer_fault(w)->reason);
    assert_int_equal(r, 0);
    careplan_writer_free(w);
    /* 髙 is FBFC with Windows, not NEC's EEE0. */
    assert_non_null(strstr((char *)out.data, ",\"a\"\",\r\n\xFB\xFC\"\"\"\r\n"));
    assert_non_null(strstr((char *)out.data, "\"\"")); /* empty free text */
}

static void refuses_an_item_and_says_where(void **state)
{
    (void)state;
    static const struct {
        const char *item, *text;
        int error;
        unsigned column;
        size_t offset;
        uint32_t character;
        const char *code;
    } cases[] = {
        {"no_such_item", "1", -ENOENT, 0, 0, 0, ""},
        {"family_activity", "今日😀", -EILSEQ, 7, 6, 0x1F600, ""},
        {"family_activity", "a\xFF", -EILSEQ, 7, 1, 0xFFFD, ""},
        {"family_activity", "〜", -EILSEQ, 7, 0, 0x301C, ""},
        {"family_activity", "a\x1B$B%+\x1B(B", -EILSEQ, 7, 1, 0x1B, ""},
        {"family_activity", "a\x1B(I1", -EILSEQ, 7, 1, 0x1B, ""},
        {"insurer_no", "1,2", -EINVAL, 2, 1, 0, ""},
        {"insurer_no", "12345\n", -EINVAL, 2, 5, 0, ""},
        {"insurer_no", "\"12345", -EINVAL, 2, 0, 0, ""},
        {"insurer_no", "12345", -EINVAL, 2, 0, 0, "CP1042"},
        {"consult_date", "20250230", -EINVAL, 4, 0, 0, "CP1038"},
        {"csv_version", "202208", -EINVAL, 1, 0, 0, ""},
    };
    autobuffer out = {0};
    struct careplan_writer *w = writer_of("UPKIHON_SUB1", &out);
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++) {
        int r = careplan_writer_set(w, cases[i].item, cases[i].text);
        const struct careplan_writer_fault *fault = careplan_writer_fault(w);
        if (r != cases[i].error || strcmp(fault->code, cases[i].code) != 0)
            print_message("%s = %s: %d %s %s\n", cases[i].item, cases[i].text, r, fault->code, fault->reason);
        assert_int_equal(r, cases[i].error);
        assert_int_equal(fault->error, r);
        assert_int_equal(fault->record, 1);
        assert_int_equal(fault->column, cases[i].column);
        assert_int_equal(fault->offset, cases[i].offset);
        assert_int_equal(fault->character, cases[i].character);
        assert_string_equal(fault->code, cases[i].code);
        assert_true(fault->reason[0] != '\0');
    }
    assert_int_equal(careplan_writer_set_item(w, 7, "1", 1), -ENOENT);
    assert_int_equal(careplan_writer_set_item(w, 6, "a\0b", 3), -EILSEQ);
    careplan_writer_free(w);
}

static void a_refused_item_changes_nothing(void **state)
{
    (void)state;
    autobuffer out = {0};
    struct careplan_writer *w = writer_of("DLT1KYO", &out);
    set_deletion(w);
    assert_int_equal(careplan_writer_set(w, "insured_no", "1234567890123"), -EINVAL);
    assert_int_equal(careplan_writer_set(w, "insurer_no", "03999é"), -EILSEQ);
    assert_int_equal(careplan_writer_end_record(w), 0);
    careplan_writer_free(w);
    assert_string_equal((char *)out.data, GOOD_LINE);
}

static void refuses_a_record_without_its_required_items(void **state)
{
    (void)state;
    autobuffer out = {0};
    struct careplan_writer *w = writer_of("DLT1KYO", &out);
    assert_int_equal(careplan_writer_set(w, "insurer_no", "039999"), 0);
    assert_int_equal(careplan_writer_end_record(w), -EINVAL);
    assert_int_equal(careplan_writer_fault(w)->column, 3);
    assert_string_equal(careplan_writer_fault(w)->code, "CP1033");
    assert_int_equal(out.length, 0);
    set_deletion(w); /* it is still under way */
    assert_int_equal(careplan_writer_end_record(w), 0);
    careplan_writer_free(w);
    assert_string_equal((char *)out.data, GOOD_LINE);
}

static enum careplan_severity required_is_off(void *context, const char *code,
                                              enum careplan_severity standard)
{
    (void)context;
    return strcmp(code, "CP1033") == 0 ? CAREPLAN_OFF : standard;
}

static void follows_the_rulings_it_was_given(void **state)
{
    (void)state;
    autobuffer out = {0};
    const struct careplan_check_options options = {.severity = required_is_off};
    struct careplan_writer *w = careplan_writer_new(kind_of("202407", "DLT1KYO"), &options, take, &out);
    assert_non_null(w);
    assert_int_equal(careplan_writer_set(w, "insurer_no", "039999"), 0);
    assert_int_equal(careplan_writer_end_record(w), 0);
    careplan_writer_free(w);
    assert_string_equal((char *)out.data, "202407,039999,,\r\n");
}

static void refuses_what_would_be_taken_for_utf8(void **state)
{
    (void)state;
    autobuffer out = {0};
    struct careplan_writer *w = writer_of("UPKIHON_SUB1", &out);
    assert_int_equal(careplan_writer_set(w, "insurer_no", "039999"), 0);
    assert_int_equal(careplan_writer_set(w, "insured_no", "0000000101"), 0);
    assert_int_equal(careplan_writer_set(w, "consult_date", "20250325"), 0);
    /* E3 81 82 E3 81 84 in MS932: the bytes of "あい" in UTF-8. */
    assert_int_equal(careplan_writer_set_item(w, 6, "縺ゅ＞", strlen("縺ゅ＞")), 0);
    assert_int_equal(careplan_writer_end_record(w), 0);
    assert_int_equal(careplan_writer_finish(w), -EILSEQ);
    /* One record that can be MS932 only decides for all. */
    assert_int_equal(careplan_writer_set(w, "insurer_no", "039999"), 0);
    assert_int_equal(careplan_writer_set(w, "insured_no", "0000000101"), 0);
    assert_int_equal(careplan_writer_set(w, "consult_date", "20250325"), 0);
    assert_int_equal(careplan_writer_set_item(w, 6, "見本", strlen("見本")), 0);
    assert_int_equal(careplan_writer_end_record(w), 0);
    assert_int_equal(careplan_writer_finish(w), 0);
    careplan_writer_free(w);
}

static void bounds_items_and_records(void **state)
{
    (void)state;
    autobuffer out = {0};
    const struct careplan_check_options options = {.limits = {.item_bytes = 20, .row_bytes = 64}};
    struct careplan_writer *w = careplan_writer_new(kind_of("202407", "UPKIHON_SUB2"), &options, take, &out);
    assert_non_null(w);
    const struct careplan_kind *kind = kind_of("202407", "UPKIHON_SUB2");
    const char *text = NULL;
    for (size_t i = 4; i < careplan_kind_items(kind); i++) {
        const char *item = careplan_kind_item_en(kind, i);
        if (careplan_writer_set(w, item, "0123456789 123456789") == 0)
            text = item;
    }
    assert_non_null(text);
    assert_int_equal(careplan_writer_set(w, text, "0123456789 1234567890"), -EMSGSIZE);
    assert_int_equal(careplan_writer_set(w, text, "0123456789 12345678\""), -EMSGSIZE);
    assert_int_equal(careplan_writer_set(w, text, "0123456789 12345678あ"), -EMSGSIZE);
    assert_int_equal(careplan_writer_set(w, text, "0123456789 1234567あ"), 0);
    assert_int_equal(careplan_writer_set(w, text, "あいうえおかきくけこ"), 0); /* takes the place */
    assert_int_equal(careplan_writer_set(w, "insurer_no", "039999"), -EMSGSIZE);
    careplan_writer_free(w);
    w = careplan_writer_new(kind_of("202407", "DLT1KYO"),
                            &(struct careplan_check_options){.limits = {.row_bytes = 34}}, take, &out);
    assert_non_null(w);
    set_deletion(w);
    assert_int_equal(careplan_writer_end_record(w), -EMSGSIZE); /* 35 with its line end */
    careplan_writer_free(w);
    assert_int_equal(out.length, 0);
}

static int refuse(void *context, const void *data, size_t length)
{
    (void)context;
    (void)data;
    (void)length;
    return -ENOSPC;
}

static void says_ever_after_what_the_callback_said(void **state)
{
    (void)state;
    struct careplan_writer *w = careplan_writer_new(kind_of("202407", "DLT1KYO"), NULL, refuse, NULL);
    assert_non_null(w);
    set_deletion(w);
    assert_int_equal(careplan_writer_end_record(w), -ENOSPC);
    assert_int_equal(careplan_writer_set(w, "insurer_no", "039999"), -ENOSPC);
    assert_int_equal(careplan_writer_set_item(w, 1, "039999", 6), -ENOSPC);
    assert_int_equal(careplan_writer_end_record(w), -ENOSPC);
    assert_int_equal(careplan_writer_finish(w), -ENOSPC);
    careplan_writer_free(w);
}

static void a_file_has_a_record_and_no_half_one(void **state)
{
    (void)state;
    autobuffer out = {0};
    struct careplan_writer *w = writer_of("DLT1KYO", &out);
    assert_int_equal(careplan_writer_finish(w), -ENODATA);
    set_deletion(w);
    assert_int_equal(careplan_writer_end_record(w), 0);
    assert_int_equal(careplan_writer_set(w, "insurer_no", "039999"), 0);
    assert_int_equal(careplan_writer_finish(w), -ENODATA);
    careplan_writer_drop_record(w);
    assert_int_equal(careplan_writer_finish(w), 0);
    careplan_writer_free(w);
}

static void a_file_that_ended_takes_nothing_more(void **state)
{
    (void)state;
    struct seen s = {.item = NULL};
    struct careplan_reader *r = careplan_reader_new(kind_of("202407", "DLT1KYO"), NULL, see, &s);
    assert_non_null(r);
    assert_int_equal(careplan_reader_write(r, NULL, 0), 0);
    assert_int_equal(careplan_reader_write(r, GOOD_LINE, strlen(GOOD_LINE) - 2), 0);
    assert_int_equal(careplan_reader_finish(r), 0);
    assert_int_equal(careplan_reader_write(r, GOOD_LINE, strlen(GOOD_LINE)), -EINVAL);
    assert_int_equal(careplan_reader_finish(r), -EINVAL);
    assert_int_equal(s.n, 1);
    careplan_reader_free(r);

    autobuffer out = {0};
    struct careplan_writer *w = writer_of("DLT1KYO", &out);
    set_deletion(w);
    assert_int_equal(careplan_writer_end_record(w), 0);
    assert_int_equal(careplan_writer_finish(w), 0);
    assert_int_equal(careplan_writer_fault(w)->error, 0);
    size_t length = out.length;
    assert_int_equal(careplan_writer_set(w, "insurer_no", "039999"), -EINVAL);
    assert_int_equal(careplan_writer_set_item(w, 1, "039999", 6), -EINVAL);
    assert_int_equal(careplan_writer_end_record(w), -EINVAL);
    assert_int_equal(careplan_writer_finish(w), -EINVAL);
    assert_string_equal(careplan_writer_fault(w)->reason, "the file was finished");
    assert_int_equal(careplan_writer_records(w), 1);
    assert_int_equal(out.length, length);
    careplan_writer_free(w);
}

static void an_english_reason_has_the_codes_alone(void **state)
{
    (void)state;
    autobuffer out = {0};
    struct careplan_writer *w = writer_of("UP1KYO", &out);
    const struct careplan_kind *kind = kind_of("202407", "UP1KYO");
    ptrdiff_t i = careplan_kind_item_find(kind, "care_level");
    assert_true(i > 0);
    assert_int_equal(careplan_writer_set_item(w, (size_t)i, "99", 2), -EINVAL);
    const struct careplan_writer_fault *fault = careplan_writer_fault(w);
    assert_string_equal(fault->code, "CP1034");
    assert_non_null(strstr(fault->reason, "is not in the code list ("));
    assert_null(strstr(fault->reason, "、"));
    assert_non_null(strstr(fault->reason, "21, 22"));
    careplan_writer_free(w);
}

static void no_kind_has_no_records(void **state)
{
    (void)state;
    errno = 0;
    assert_null(careplan_reader_new(NULL, NULL, see, NULL));
    assert_int_equal(errno, EINVAL);
    errno = 0;
    assert_null(careplan_writer_new(NULL, NULL, NULL, NULL));
    assert_int_equal(errno, EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_records_however_the_bytes_are_cut),
        cmocka_unit_test(reads_each_record_by_the_version_of_its_content),
        cmocka_unit_test(gives_records_with_faults_and_says_which),
        cmocka_unit_test(gives_items_as_utf8_and_says_when_there_is_none),
        cmocka_unit_test(ends_when_the_callback_says_so),
        cmocka_unit_test(keeps_to_the_limits_it_was_given),
        cmocka_unit_test(has_no_records_of_an_image),
        cmocka_unit_test(writes_items_in_the_order_of_the_layout),
        cmocka_unit_test(quotes_free_text_always_and_nothing_else),
        cmocka_unit_test(refuses_an_item_and_says_where),
        cmocka_unit_test(a_refused_item_changes_nothing),
        cmocka_unit_test(refuses_a_record_without_its_required_items),
        cmocka_unit_test(follows_the_rulings_it_was_given),
        cmocka_unit_test(refuses_what_would_be_taken_for_utf8),
        cmocka_unit_test(bounds_items_and_records),
        cmocka_unit_test(says_ever_after_what_the_callback_said),
        cmocka_unit_test(a_file_has_a_record_and_no_half_one),
        cmocka_unit_test(a_file_that_ended_takes_nothing_more),
        cmocka_unit_test(an_english_reason_has_the_codes_alone),
        cmocka_unit_test(no_kind_has_no_records),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
