/* Names of transfer files (標準仕様 4章). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "samples.h"

static void rejected_by(const char *name, const char *code)
{
    struct careplan_name parsed;
    struct findings f = {0};
    enum careplan_name_class class = careplan_name_parse(NULL, name, &parsed, findings_add, &f);
    if (f.n != 1 || strcmp(f.list[0].code, code) != 0)
        print_message("%s: %s expected, %s found (%zu)\n", name, code, f.n ? f.list[0].code : "-", f.n);
    assert_int_equal(class, CAREPLAN_NAME_OTHER);
    assert_int_equal(f.n, 1);
    assert_string_equal(f.list[0].code, code);
    assert_int_equal(f.list[0].line, 0);
    assert_null(parsed.kind);
}

static void silent_about(const char *name)
{
    struct careplan_name parsed;
    struct findings f = {0};
    assert_int_equal(careplan_name_parse(NULL, name, &parsed, findings_add, &f), CAREPLAN_NAME_OTHER);
    assert_int_equal(f.n, 0);
}

/* Columns version, kind and example of file_kinds.tsv. */
static void reads_the_example_of_every_kind(void **state)
{
    (void)state;
    char line[2048];
    size_t n = 0;
    autofclose FILE *table = fopen(KINDS, "r");
    assert_non_null(table);
    assert_non_null(fgets(line, sizeof line, table));
    while (fgets(line, sizeof line, table)) {
        char *cells[8] = {NULL}, *rest = line;
        for (size_t i = 0; i < ARRAY_LENGTH(cells); i++)
            cells[i] = strsep(&rest, "\t\n");
        struct careplan_name parsed;
        struct findings f = {0};
        assert_int_equal(careplan_name_parse(NULL, cells[6], &parsed, findings_add, &f),
                         CAREPLAN_NAME_TRANSFER);
        assert_string_equal(parsed.kind->version->name, cells[0]);
        assert_string_equal(parsed.kind->name, cells[1]);
        assert_string_equal(parsed.canonical, cells[6]);
        n++;
    }
    assert_int_equal(n, 27);
}

static void takes_a_name_apart(void **state)
{
    (void)state;
    struct careplan_name n;
    assert_int_equal(careplan_name_parse(NULL, "UPPLAN_202504_03000001A0_43_0300000005_A2_20250325102000.CSV",
                                         &n, NULL, NULL),
                     CAREPLAN_NAME_TRANSFER);
    assert_string_equal(n.month, "202504");
    assert_string_equal(n.sender_number, "03000001A0");
    assert_string_equal(n.sender_service, "43");
    assert_string_equal(n.recipient_number, "0300000005");
    assert_string_equal(n.recipient_service, "A2");
    assert_string_equal(n.sequence, "20250325102000");
    assert_string_equal(n.image_number, "");
}

static void reads_any_case_and_keeps_upper_case(void **state)
{
    (void)state;
    struct careplan_name n;
    assert_int_equal(careplan_name_parse(NULL,
                                         "upkihon_image_0300000200_46_0300000005_a2_20250326090000_0001.jpg",
                                         &n, NULL, NULL),
                     CAREPLAN_NAME_TRANSFER);
    assert_string_equal(n.canonical, "UPKIHON_IMAGE_0300000200_46_0300000005_A2_20250326090000_0001.JPG");
    assert_string_equal(n.image_number, "0001");
    assert_string_equal(n.recipient_service, "A2");
}

static void a_name_of_202208_has_no_service_types(void **state)
{
    (void)state;
    struct careplan_name n;
    assert_int_equal(
        careplan_name_parse(NULL, "UPPLAN_202410_0300000100_0300000005_20240925103000.CSV", &n, NULL, NULL),
        CAREPLAN_NAME_TRANSFER);
    assert_string_equal(n.kind->version->name, "202208");
    assert_string_equal(n.sender_service, "");
    assert_string_equal(n.recipient_service, "");
    /* Table 3 does not exist there. */
    rejected_by("UP3KYO_0300000100_0300000005_20240925103000.CSV", "CP1205");
}

static void month_000000_is_for_the_user_supplement_only(void **state)
{
    (void)state;
    struct careplan_name n;
    assert_int_equal(careplan_name_parse(NULL,
                                         "UPHOSOKU_000000_0300000100_43_0300000005_11_20250325101500.CSV", &n,
                                         NULL, NULL),
                     CAREPLAN_NAME_TRANSFER);
    assert_string_equal(n.month, "000000");
    rejected_by("UPPLAN_000000_0300000100_43_0300000005_11_20250325101500.CSV", "CP1206");
    rejected_by("UPHOSOKU_202513_0300000100_43_0300000005_11_20250325101500.CSV", "CP1206");
}

/* That it is a real time is only derived: the check warns of it. */
static void fourteen_digits_are_a_sequence_number(void **state)
{
    (void)state;
    struct careplan_name n;
    assert_int_equal(careplan_name_parse(NULL, "UPPLAN_202504_0300000100_43_0300000005_11_20250230246060.CSV",
                                         &n, NULL, NULL),
                     CAREPLAN_NAME_TRANSFER);
    assert_string_equal(n.sequence, "20250230246060");
}

static void says_what_is_wrong_with_a_name(void **state)
{
    (void)state;
    static const struct {
        const char *name, *code;
    } cases[] = {
        {"UPPLAN_202504_0300000100_43_0300000005_11_20250325102000.TXT", "CP1201"},
        {"UPPLAN_202504_0300000100_43_0300000005_11_20250325102000", "CP1201"},
        {"UPKIHON_IMAGE_0300000200_46_0300000005_A2_20250326090000_0001.PNG", "CP1201"},
        {"UPPLAN_202504_300000100_43_0300000005_11_20250325102000.CSV", "CP1202"},
        {"UPPLAN_202504_0300000100_43_03000000055_11_20250325102000.CSV", "CP1202"},
        {"UPPLAN_202504_0300000100_43_0300000005_11_2025032510200.CSV", "CP1203"},
        {"UPPLAN_202504_0300000100_43_0300000005_20250325102000.CSV", "CP1205"},
        {"UPPLAN_202504_0300000100_43_0300000005_11_20250325102000_1_2_3_4.CSV", "CP1205"},
        {"UPKIHON_000000_0300000200_46_0300000005_A2_20250326090000.CSV", "CP1205"},
        {"UPPLAN_2025-4_0300000100_43_0300000005_11_20250325102000.CSV", "CP1206"},
        {"UPPLAN_202504_0300000100_43_0300000005_11_20250325102000 - コピー.CSV", "CP1207"},
        {"UPPLAN_202504_0300000100_43_0300000005_11_20250325102000 (1).CSV", "CP1207"},
        {"UPPLAN_202504_0300000100_43_0300000005_11_20250325102000.CSV.CSV", "CP1207"},
        {"コピー ～ UPPLAN_202504_0300000100_43_0300000005_11_20250325102000.CSV", "CP1207"},
        {"UPPLN_202504_0300000100_43_0300000005_11_20250325102000.CSV", "CP1208"},
        {"UPPLAN_202504_0300000100_4_0300000005_11_20250325102000.CSV", "CP1209"},
        {"UPPLAN_202504_03000001-0_43_0300000005_11_20250325102000.CSV", "CP1210"},
        {"UPPLAN_202504_０３_43_0300000005_11_20250325102000.CSV", "CP1210"},
        {"UPKIHON_IMAGE_0300000200_46_0300000005_A2_20250326090000_1.jpg", "CP1211"},
    };
    for (size_t i = 0; i < ARRAY_LENGTH(cases); i++)
        rejected_by(cases[i].name, cases[i].code);
}

static void says_each_fault_of_a_name(void **state)
{
    (void)state;
    struct careplan_name n;
    struct findings f = {0};
    careplan_name_parse(NULL, "UPPLAN_202513_300000100_43_0300000005_11_1.TXT", &n, findings_add, &f);
    assert_int_equal(f.n, 4);
    assert_string_equal(f.list[0].code, "CP1206");
    assert_string_equal(f.list[1].code, "CP1202");
    assert_string_equal(f.list[2].code, "CP1203");
    assert_string_equal(f.list[3].code, "CP1201");
}

static void is_silent_about_names_that_were_not_meant_for_it(void **state)
{
    (void)state;
    static const char *const names[] = {"",
                                        ".",
                                        "README.txt",
                                        "請求書.pdf",
                                        "UPPLAN.CSV",
                                        "DLT",
                                        "_._._.",
                                        "U_D_U_D.csv",
                                        "2025_04_01_12345678901234.csv",
                                        "UPDATE_20250325102000.CSV"};
    for (size_t i = 0; i < ARRAY_LENGTH(names); i++)
        silent_about(names[i]);
    char endless[1000];
    memset(endless, 'U', sizeof endless - 1);
    endless[sizeof endless - 1] = '\0';
    silent_about(endless);
}

static void bytes_that_are_not_utf8_do_no_harm_to_the_message(void **state)
{
    (void)state;
    rejected_by("UPPLAN_202504_0300000100_43_0300000005_11_20250325102000 \xE3\x82\x1B[2J\xFF.CSV", "CP1207");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_the_example_of_every_kind),
        cmocka_unit_test(takes_a_name_apart),
        cmocka_unit_test(reads_any_case_and_keeps_upper_case),
        cmocka_unit_test(a_name_of_202208_has_no_service_types),
        cmocka_unit_test(month_000000_is_for_the_user_supplement_only),
        cmocka_unit_test(fourteen_digits_are_a_sequence_number),
        cmocka_unit_test(says_what_is_wrong_with_a_name),
        cmocka_unit_test(says_each_fault_of_a_name),
        cmocka_unit_test(is_silent_about_names_that_were_not_meant_for_it),
        cmocka_unit_test(bytes_that_are_not_utf8_do_no_harm_to_the_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
