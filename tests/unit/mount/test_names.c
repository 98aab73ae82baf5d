#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "mount/names.h"

static char *scratch[] = {"*.tmp", "~$*", "Thumbs.db",
                          "[0-9A-F][0-9A-F][0-9A-F][0-9A-F][0-9A-F][0-9A-F][0-9A-F][0-9A-F]", NULL};
static char *documents[] = {"pdf", "xlsx", NULL};
static const struct settings settings = {.scratch = scratch, .documents = documents};

static int normalise(const char *name)
{
    char out[256];
    return name_normalise(name, out);
}

static void refuses_what_windows_cannot_hold(void **state)
{
    (void)state;
    const char *const bad[] = {"",
                               "a:b",
                               "a/b",
                               "a\\b",
                               "a|b",
                               "a?",
                               "a*",
                               "a\"b",
                               "<a",
                               "a.",
                               "a ",
                               "CON",
                               "nul.txt",
                               "com1",
                               "LPT9 ",
                               "LPT¹.x",
                               "a\tb",
                               "a\x7f",
                               "a\xc2\x85",
                               "\xff",
                               ("a\xe2\x80\xae"
                                "b")};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (normalise(bad[i]) != -EINVAL)
            fail_msg("'%s' should be refused", bad[i]);
    assert_int_equal(normalise("CONTRACT.txt"), 0);
    assert_int_equal(normalise("com10"), 0);
    assert_int_equal(normalise("名前 (コピー).CSV"), 0);
}

static void composes_names_and_bounds_them(void **state)
{
    (void)state;
    char out[256], longest[NAMES_MAX + 2];
    assert_int_equal(name_normalise("か\xe3\x82\x99", out), 0); /* か + a combining mark */
    assert_string_equal(out, "が");
    memset(longest, 'a', sizeof longest);
    longest[NAMES_MAX + 1] = '\0';
    assert_int_equal(normalise(longest), -ENAMETOOLONG);
    longest[NAMES_MAX] = '\0';
    assert_int_equal(normalise(longest), 0);
}

static void twins_differ_by_case_only(void **state)
{
    (void)state;
    char a[768], b[768];
    name_fold("UPPLAN_ＡÄς.csv", a);
    name_fold("upplan_ａäσ.CSV", b);
    assert_string_equal(a, b);
    name_fold("が", a);
    name_fold("か", b);
    assert_string_not_equal(a, b);
}

static void classes_are_told_by_name_and_place(void **state)
{
    (void)state;
    struct careplan_name t;
    const char *good = "dltplan_202504_0300000100_43_0300000005_11_20250501000001.csv";
    assert_int_equal(name_class(&settings, NULL, good, false, &t), CLASS_TRANSFER);
    assert_string_equal(t.sequence, "20250501000001");
    assert_int_equal(name_class(&settings, NULL,
                                "DLTPLAN_202504_0300000100_43_030000005_11_20250501000001.CSV", false, NULL),
                     CLASS_OTHER);
    assert_int_equal(name_class(&settings, NULL, "x.TMP", false, NULL), CLASS_SCRATCH);
    assert_int_equal(name_class(&settings, NULL, "~$plan.xlsx", true, NULL), CLASS_SCRATCH);
    assert_int_equal(name_class(&settings, NULL, "4CCA4100", false, NULL), CLASS_SCRATCH);
    assert_int_equal(name_class(&settings, NULL, "letter.PDF", true, NULL), CLASS_DOCUMENT);
    assert_int_equal(name_class(&settings, NULL, "letter.PDF", false, NULL), CLASS_OTHER);
    assert_int_equal(name_class(&settings, NULL, "letter.exe", true, NULL), CLASS_OTHER);
    assert_int_equal(name_class(&settings, NULL, "x.エラー.txt", true, NULL), CLASS_RESERVED);
    assert_int_equal(name_class(&settings, NULL, "X.エラー.TXT", true, NULL), CLASS_RESERVED);
    assert_int_equal(name_class(&settings, NULL, "送受信状況.html", false, NULL), CLASS_RESERVED);
}

static void a_hostile_partner_name_becomes_harmless(void **state)
{
    (void)state;
    struct office_id id = {"0300000005-11"};
    char out[256];
    name_partner_folder(&id, "../../etc\n\xe2\x80\xaetxt", out);
    assert_string_equal(out, "0300000005-11__.._etctxt");
    name_partner_folder(&id, "", out);
    assert_string_equal(out, "0300000005-11");
    name_partner_folder(
        &id, "ああああああああああああああああああああああああああああああああああああああああいい", out);
    assert_int_equal(strlen(out), 14 + 40 * 3);
    name_display("CON", out);
    assert_string_equal(out, "_ON");
}

static void a_report_names_its_file(void **state)
{
    (void)state;
    char out[256];
    name_report("a.CSV", CAREPLAN_REPORT_CONFIRM, out);
    assert_string_equal(out, "a.CSV.確認.txt");
    assert_true(name_is_report(out));
    assert_false(name_is_report(".確認.txt"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_windows_cannot_hold),
        cmocka_unit_test(composes_names_and_bounds_them),
        cmocka_unit_test(twins_differ_by_case_only),
        cmocka_unit_test(classes_are_told_by_name_and_place),
        cmocka_unit_test(a_hostile_partner_name_becomes_harmless),
        cmocka_unit_test(a_report_names_its_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
