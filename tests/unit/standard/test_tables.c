/* Bad tables are refused with table, line and reason. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "tables.h"

#define ITEMS "no\tname_ja\tname_en\ttype\tmax\trequired\tvalues\tnotes\n"
#define VERSION_ITEM "1\tCSVバージョン\tcsv_version\tym\t6\tyes\t\t\n"
#define VERSIONS "version\tname_ja\tapplies_from\tapplies_until\treplaced_by\tservices_in_name\tpreventive\n"
#define FILE_KINDS "version\tkind\tname_ja\titems\tmonth_in_name\tregex\texample\tremark\n"
#define WORDS "kind\ttitle_ja\ttitle_en\tmain\n"
#define RECORDS "kinds\tcheck\tcode\titems\tvalues\n"
#define UNITS "version\tmain\tneeds\tsubs\timages\n"
#define FLOWS "table\tno\tfile_ja\tkinds\trole\toutput\timport\n"
#define ROLES "service\trole\timports\tcertain\tsource\n"
#define SERVICES "code\tname_ja\ttable\tlinked\n"

struct bad {
    const char *name, *text;
    unsigned long line;
    const char *reason; /* part of it */
};

static void expect_fault(const struct careplan_table *tables, size_t n, const char *name, unsigned long line,
                         const char *reason)
{
    struct careplan_table_fault fault = {.line = 9999};
    struct careplan_standard *s = (struct careplan_standard *)&fault;
    int r = careplan_standard_new(tables, n, &s, &fault);
    if (r != -EINVAL || s || strcmp(fault.name, name) != 0 || fault.line != line ||
        !strstr(fault.reason, reason))
        fail_msg("expected %s:%lu: …%s…; result %d, %s:%lu: %s", name, line, reason, r, fault.name,
                 fault.line, fault.reason);
    assert_null(strpbrk(fault.reason, "\t\r\n"));
    assert_int_equal(careplan_standard_new(tables, n, &s, NULL), -EINVAL);
}

static void expect_bad(const struct bad *list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct careplan_table table = {list[i].name, list[i].text, strlen(list[i].text)};
        expect_fault(&table, 1, list[i].name, list[i].line, list[i].reason);
    }
}
#define EXPECT_BAD(list) expect_bad(list, ARRAY_LENGTH(list))

static void a_table_is_utf8_text_with_its_columns(void **state)
{
    (void)state;
    static const struct bad list[] = {
        {"202604/UPPLAN.tsv", "", 0, "has no line with the columns' names: no name_ja name_en"},
        {"202604/UPPLAN.tsv", "# nothing but a comment\n", 0, "has no line with the columns' names"},
        {"202604/UPPLAN.tsv", "no\tname\tname_en\ttype\tmax\trequired\tvalues\tnotes\n", 1,
         "column 2 is 'name', expected 'name_ja'"},
        {"202604/UPPLAN.tsv", "no\tname_ja\tname_en\n", 1, "3 columns, expected 8"},
        {"202604/UPPLAN.tsv", "no\tname_ja\tname_en\ttype\tmax\trequired\tvalues\tnotes\tmore\n", 1,
         "more columns than these 8"},
        {"202604/UPPLAN.tsv", "# source: page 3\n" ITEMS "\n1\tCSVバージョン\n", 4, "2 cells, expected 8"},
        {"202604/UPPLAN.tsv", ITEMS VERSION_ITEM "2\t\xE5\x88\t\n", 3, "is not UTF-8 (byte E5)"},
        {"202604/UPPLAN.tsv", "\x95\xDB\x8C\xAF", 1, "is not UTF-8 (byte 95)"},
        {"202604/UPPLAN.tsv", ITEMS "1\tCSV\x01", 2, "control character 01"},
        {"202604/UPPLAN.tsv", ITEMS "1\tCSV\rバージョン", 2, "control character 0D"},
        {"202604/UPPLAN.tsv", ITEMS, 0, "0 items, expected 1 to 96"},
    };
    EXPECT_BAD(list);
    const struct careplan_table nul = {"versions.tsv", VERSIONS "2026\0", sizeof VERSIONS "2026\0" - 1};
    expect_fault(&nul, 1, "versions.tsv", 2, "NUL");
}

static void a_table_must_be_one_of_the_standard(void **state)
{
    (void)state;
    static const struct bad list[] = {
        {"rules.tsv", "", 0, "belongs to the program and cannot be replaced"},
        {"version.tsv", VERSIONS, 0, "is no table of the standard"},
        {"", "", 0, "is no table of the standard"},
        {"202613/UPPLAN.tsv", "", 0, "a layout is VERSION/KIND.tsv"},
        {"2026-4/UPPLAN.tsv", "", 0, "a layout is VERSION/KIND.tsv"},
        {"202604/upplan.tsv", "", 0, "a layout is VERSION/KIND.tsv"},
        {"202604/../../x.tsv", "", 0, "a layout is VERSION/KIND.tsv"},
        {"202604/.tsv", "", 0, "a layout is VERSION/KIND.tsv"},
        {"202604/A23456789012345678901234567890AB.tsv", "", 0, "a layout is VERSION/KIND.tsv"},
        {"202604/UPNEW.tsv", ITEMS VERSION_ITEM, 0, "UPNEW is no kind that the program knows"},
        {"202407/UPKIHON_IMAGE.tsv", ITEMS VERSION_ITEM, 0, "is an image: it has no layout"},
        {"202504/UPPLAN.tsv", ITEMS VERSION_ITEM, 0, "it was replaced by 202407"},
    };
    EXPECT_BAD(list);
    const struct careplan_table twice[] = {{"versions.tsv", VERSIONS, sizeof VERSIONS - 1},
                                           {"versions.tsv", VERSIONS, sizeof VERSIONS - 1}};
    expect_fault(twice, 2, "versions.tsv", 0, "was given twice");
    const char *layout = ITEMS VERSION_ITEM;
    const struct careplan_table layouts[] = {{"202604/UPPLAN.tsv", layout, strlen(layout)},
                                             {"202604/UPPLAN.tsv", layout, strlen(layout)}};
    expect_fault(layouts, 2, "202604/UPPLAN.tsv", 0, "was given twice");
}

static void an_item_is_one_that_the_program_can_judge(void **state)
{
    (void)state;
#define LAYOUT(item) {"202604/UPPLAN.tsv", ITEMS VERSION_ITEM item, 3
    static const struct bad list[] = {LAYOUT("3\t保険者番号\tinsurer_no\tdigits\t6\tyes\t\t\n"),
                                      "no is '3', expected 2"},
                            LAYOUT("2\t\tinsurer_no\tdigits\t6\tyes\t\t\n"), "name_ja is empty"
}
, LAYOUT("2\t保険者番号\tInsurer\tdigits\t6\tyes\t\t\n"), "name_en 'Insurer' is not made of a-z"
}
, LAYOUT("2\t保険者番号\t\tdigits\t6\tyes\t\t\n"), "name_en '' is not made of a-z"
}
, LAYOUT("2\t保険者番号\tcsv_version\tdigits\t6\tyes\t\t\n"), "item csv_version stands twice"
}
, LAYOUT("2\t保険者番号\tinsurer_no\tnumber\t6\tyes\t\t\n"), "unknown type 'number'"
}
, LAYOUT("2\t保険者番号\tinsurer_no\tdigits\t6.5\tyes\t\t\n"), "max is '6.5'"
}
, LAYOUT("2\t保険者番号\tinsurer_no\tdigits\t0\tyes\t\t\n"), "max is '0'"
}
, LAYOUT("2\t保険者番号\tinsurer_no\tdigits\t65536\tyes\t\t\n"), "max is '65536'"
}
, LAYOUT("2\t作成年月日\tcreated_date\tymd\t6\tyes\t\t\n"), "an item of type ymd has 8"
}
, LAYOUT("2\t作成年月日\tcreated_date\tymd\t-\tyes\t\t\n"), "an item of type ymd has 8"
}
, LAYOUT("2\t氏名\tname\ttext\t40\tyes\t\t\n"), "an item of type text has no length here"
}
, LAYOUT("2\t保険者番号\tinsurer_no\tdigits\t6\tmaybe\t\t\n"), "unknown required mark 'maybe'"
}
, LAYOUT("2\t性別\tsex\tcode\t1\tyes\t1男性\t\n"), "values must be code=meaning|…, not '1男性'"
}
, LAYOUT("2\t性別\tsex\tcode\t1\tyes\t=男性\t\n"), "values must be code=meaning|…"
}
, LAYOUT("2\t性別\tsex\tcode\t1\tyes\t1=男性|1=女性\t\n"), "value '1' stands twice"
}
, LAYOUT("2\t性別\tsex\tcode\t1\tyes\t01=男性\t\n"), "value '01' is longer than the item"
}
, LAYOUT("2\t対象年月\ttarget_ym\tdigits\t6\tyes\t\t\n"), "target_ym must be of type ym"
}
,
    {"202604/UPPLAN.tsv", ITEMS "1\t保険者番号\tinsurer_no\tdigits\t6\tyes\t\t\n", 2,
     "item 1 must be csv_version"},
    {"202604/UPPLAN.tsv", ITEMS "1\tCSVバージョン\tcsv_version\tym\t6\tyes\t202407=第4.1版\t\n", 2,
     "csv_version has the values 202407:第4.1版, and not this version, 202604"},
}
;
#undef LAYOUT
EXPECT_BAD(list);
}

static void a_version_has_months_that_can_be(void **state)
{
    (void)state;
    static const struct bad list[] = {
        {"versions.tsv", VERSIONS "2026\t第5版\t\t\t\tyes\tyes\n", 2, "'2026' is not of 6 digits"},
        {"versions.tsv", VERSIONS "202604\t第5版\t2026/4\t\t\tyes\tyes\n", 2, "applies_from '2026/4'"},
        {"versions.tsv", VERSIONS "202604\t第5版\t\t202613\t\tyes\tyes\n", 2, "applies_until '202613'"},
        {"versions.tsv", VERSIONS "202604\t第5版\t202604\t202603\t\tyes\tyes\n", 2, "is after applies_until"},
        {"versions.tsv", VERSIONS "202604\t第5版\t\t\t\tno!\tyes\n", 2, "services_in_name is 'no!'"},
        {"versions.tsv", VERSIONS "202604\t第5版\t\t\t\tyes\t\n", 2, "preventive is ''"},
        {"versions.tsv", VERSIONS "202604\t第5版\t\t\t202610\tyes\tyes\n", 2, "'202610' is no version"},
        {"versions.tsv", VERSIONS "202604\t第5版\t\t\t202504\tyes\tyes\n", 2, "that is replaced itself"},
        {"versions.tsv", VERSIONS "202407\ta\t\t\t\tyes\tyes\n\n202407\tb\t\t\t\tyes\tyes\n", 4,
         "version 202407 stands twice"},
        {"versions.tsv", VERSIONS "202604\ta\t\t\t\tyes\tyes\n202604\tb\t\t\t\tyes\tyes\n", 3,
         "version 202604 stands twice"},
    };
    EXPECT_BAD(list);
}

static void a_kind_has_a_name_words_and_a_layout(void **state)
{
    (void)state;
    static const struct bad list[] = {
        {"file_kinds.tsv", FILE_KINDS "2026\tUPPLAN\t第6表\t25\tyes\t\t\t\n", 2, "'2026' is not of 6 digits"},
        {"file_kinds.tsv", FILE_KINDS "202407\tUP-PLAN\t第6表\t25\tyes\t\t\t\n", 2,
         "kind 'UP-PLAN' is not made of"},
        {"file_kinds.tsv", FILE_KINDS "202407\tUPNEW\t新\t25\tyes\t\t\t\n", 2,
         "kind_words.tsv has no row for UPNEW"},
        {"file_kinds.tsv", FILE_KINDS "202407\tUPPLAN\t\t25\tyes\t\t\t\n", 2, "has no name_ja"},
        {"file_kinds.tsv", FILE_KINDS "202407\tUPPLAN\t第6表\t0\tyes\t\t\t\n", 2, "items is '0'"},
        {"file_kinds.tsv", FILE_KINDS "202407\tUPPLAN\t第6表\t97\tyes\t\t\t\n", 2, "items is '97'"},
        {"file_kinds.tsv", FILE_KINDS "202407\tUPPLAN\t第6表\t25\tja\t\t\t\n", 2, "month_in_name is 'ja'"},
        {"file_kinds.tsv", FILE_KINDS "202407\tUPPLAN\t第6表\t26\tyes\t\t\t\n", 2,
         "items is 26, the layout of UPPLAN has 25"},
        {"file_kinds.tsv", FILE_KINDS "202604\tUPPLAN\t第6表\t25\tyes\t\t\t\n", 2,
         "there is no layout 202604/UPPLAN.tsv"},
        {"file_kinds.tsv", FILE_KINDS "202407\tUPPLAN\ta\t25\tyes\t\t\t\n202407\tUPPLAN\tb\t25\tyes\t\t\t\n",
         3, "kind UPPLAN of 202407 stands twice"},
        {"kind_words.tsv", WORDS "UPPLAN\t第6表\ttable 6\tyes\n", 0,
         "kind_words.tsv has no row for UPHOSOKU"},
        {"kind_words.tsv", WORDS "upplan\t第6表\ttable 6\tyes\n", 2, "kind 'upplan' is not made of"},
        {"kind_words.tsv", WORDS "UPPLAN\t第6表\t\tyes\n", 2, "kind UPPLAN has no title"},
        {"kind_words.tsv", WORDS "UPPLAN\t第6表\ttable 6\t1\n", 2, "main is '1'"},
        {"kind_words.tsv", WORDS "UPPLAN\t第6表\ta\tyes\nUPPLAN\t第6表\tb\tyes\n", 3,
         "kind UPPLAN stands twice"},
    };
    EXPECT_BAD(list);
}

/* The words of all kinds, with one more. */
static void expect_kind_fault(const char *words, const char *kinds, const char *name, unsigned long line,
                              const char *reason)
{
    struct tables own = {.n = 0}, t = {.n = 0};
    tables_add_own(&own);
    for (size_t i = 0; i < own.n; i++)
        if (strcmp(own.list[i].name, "kind_words.tsv") == 0)
            tables_add(&t, "kind_words.tsv", own.list[i].text);
    tables_append(&t, "kind_words.tsv", words);
    tables_add(&t, "file_kinds.tsv", kinds);
    expect_fault(t.list, t.n, name, line, reason);
    tables_free(&t);
    tables_free(&own);
}

static void kinds_whose_names_could_not_be_told_apart_are_refused(void **state)
{
    (void)state;
    expect_kind_fault("UPPLAN_0300000100\t新\tnew\tno\n",
                      FILE_KINDS "202604\tUPPLAN_0300000100\t新\t-\tno\t\t\t\n", "file_kinds.tsv", 2,
                      "could not be told from those of UPPLAN of 202407");
    expect_kind_fault("UPPLAN_202604_X\t新\tnew\tno\n",
                      FILE_KINDS "202604\tUPPLAN_202604_X\t新\t-\tno\t\t\t\n", "file_kinds.tsv", 2,
                      "could not be told from those of UPPLAN of 202407");
    /* 202407: KIND_SENDER_TYPE_RECIPIENT_TYPE_NUMBER; this one: KIND_MONTH_SENDER_RECIPIENT_NUMBER_NNNN. */
    struct tables t = {.n = 0};
    tables_add(&t, "versions.tsv", VERSIONS "202604\t第5版\t202604\t\t\tno\tyes\n");
    tables_add(&t, "file_kinds.tsv", FILE_KINDS "202604\tUP1KYO\t1表\t-\tyes\t\t\t\n");
    expect_fault(t.list, t.n, "file_kinds.tsv", 2, "UP1KYO of 202604 could not be told");
    tables_free(&t);
}

static void a_layout_fits_to_its_row_in_file_kinds(void **state)
{
    (void)state;
    struct tables t = {.n = 0};
    tables_add_layout(&t, "202604", "UPPLAN");
    tables_add(&t, "file_kinds.tsv", FILE_KINDS "202604\tUPPLAN\t第6表\t26\tyes\t\t\t\n");
    expect_fault(t.list, t.n, "202604/UPPLAN.tsv", 0, "25 items, file_kinds.tsv says 26");
    tables_add_layout(&t, "202604", "UPSIKYU");
    expect_fault(t.list, t.n, "202604/UPSIKYU.tsv", 0, "file_kinds.tsv has no row for UPSIKYU of 202604");
    tables_free(&t);
}

static void a_rule_between_items_is_one_of_the_program(void **state)
{
    (void)state;
    static const struct bad list[] = {
        {"records.tsv", RECORDS "UPPLAN\tcompare\tCP1113\ttarget_ym\t\n", 2, "unknown check 'compare'"},
        {"records.tsv", RECORDS "\tin_month\tCP1113\tservice_date target_ym\t\n", 2, "names no kind"},
        {"records.tsv", RECORDS "UPPLAN UPX\tin_month\tCP1113\tservice_date target_ym\t\n", 2,
         "unknown kind 'UPX'"},
        {"records.tsv", RECORDS "UPPLAN\tin_month\tCP9999\tservice_date target_ym\t\n", 2,
         "code 'CP9999' is not in the catalogue"},
        {"records.tsv", RECORDS "UPPLAN\tin_month\tCP1113\tservice_date\t\n", 2,
         "1 items, check in_month has 2 to 2"},
        {"records.tsv", RECORDS "UPPLAN\tin_month\tCP1113\ta b c\t\n", 2,
         "3 items, check in_month has 2 to 2"},
        {"records.tsv", RECORDS "UPPLAN UP1KYO\tin_month\tCP1113\tservice_date target_ym\t\n", 2,
         "no version of UP1KYO has all these items"},
        {"records.tsv", RECORDS "UPPLAN\tin_month\tCP1113\tservice_date target_my\t\n", 2,
         "no version of UPPLAN has all these items"},
    };
    EXPECT_BAD(list);
}

static void a_unit_is_of_kinds_of_its_version(void **state)
{
    (void)state;
    static const struct bad list[] = {
        {"units.tsv", UNITS "202407\tUPNEW\t\t\tno\n", 2, "'UPNEW' is no kind of 202407"},
        {"units.tsv", UNITS "202604\tUPPLAN\t\t\tno\n", 2, "'UPPLAN' is no kind of 202604"},
        {"units.tsv", UNITS "202208\tUPPLAN\tUPSIKYU UP3KYO\t\tno\n", 2, "'UP3KYO' is no kind of 202208"},
        {"units.tsv", UNITS "202208\tUPPLAN\t\tX\tno\n", 2, "'X' is no kind of 202208"},
        {"units.tsv", UNITS "202208\tUPPLAN\tA B C D E\t\tno\n", 2, "more than 4 parts"},
        {"units.tsv", UNITS "202208\tUPSIKYU\t\t\tno\n", 2, "UPSIKYU is no main file"},
        {"units.tsv", UNITS "202208\tUPPLAN\t\t\t\n", 2, "images is ''"},
        {"units.tsv", UNITS "202208\tUPPLAN\t\t\tyes\n", 2, "202208 has no kind of images"},
        {"units.tsv", UNITS "202208\tUPPLAN\t\t\tno\n202208\tUPPLAN\t\t\tno\n", 3, "stands twice"},
    };
    EXPECT_BAD(list);
}

static void flows_and_service_types_are_read_strictly(void **state)
{
    (void)state;
    static const struct bad list[] = {
        {"flows.tsv", FLOWS "2.3\t①\tx\tUPPLAN\t居宅介護支援事業所\t○\t-\n", 2, "neither 2.2 nor 3.2"},
        {"flows.tsv", FLOWS "2.2\t①\tx\tUPPLAN\t病院\t○\t-\n", 2, "unknown role '病院'"},
        {"flows.tsv", FLOWS "2.2\t①\tx\tUPPLAN\t居宅介護支援事業所\t◎\t-\n", 2, "one of ○ △ -"},
        {"flows.tsv", FLOWS "2.2\t①\tx\tUPNEW\t居宅介護支援事業所\t○\t-\n", 2, "unknown kind 'UPNEW'"},
        {"flows.tsv", FLOWS "2.2\t①\tx\t\t居宅介護支援事業所\t○\t-\n", 2, "names no kind"},
        {"service_types.tsv", SERVICES "1\t訪問介護\t1.3 介護給付\tyes\n", 2, "code '1' is not 2 of"},
        {"service_types.tsv", SERVICES "a1\t訪問介護\t1.3 介護給付\tyes\n", 2, "code 'a1' is not 2 of"},
        {"service_types.tsv", SERVICES "11\t訪問介護\t1.5\tyes\n", 2, "neither 1.3 nor 1.4"},
        {"service_types.tsv", SERVICES "11\t\t1.3\tyes\n", 2, "has no name_ja"},
        {"service_types.tsv", SERVICES "11\t訪問介護\t1.3\t\n", 2, "linked is ''"},
        {"service_types.tsv", SERVICES "11\ta\t1.3\tyes\n11\ta\t1.3\tyes\n", 3, "stands twice in one table"},
        {"service_types.tsv", SERVICES "11\ta\t1.3\tyes\n11\ta\t1.4\tno\n", 3, "with another linked"},
        {"roles.tsv", ROLES "4\t居宅介護支援事業所\t\tyes\t\n", 2, "service '4' is neither 2 of"},
        {"roles.tsv", ROLES "43\t病院\t\tyes\t\n", 2, "unknown role '病院'"},
        {"roles.tsv", ROLES "43\t居宅介護支援事業所\t\t\t\n", 2, "certain is '', expected yes, maybe or no"},
        {"roles.tsv", ROLES "\t居宅介護支援事業所\t\tyes\t\n", 2, "names either a service or imports"},
        {"roles.tsv", ROLES "43\t居宅介護支援事業所\tUPPLAN\tyes\t\n", 2,
         "names either a service or imports"},
        {"roles.tsv", ROLES "\t居宅介護支援事業所\tUPPLAN UPNEW\tyes\t\n", 2,
         "does not give 居宅介護支援事業所 a part in 'UPNEW'"},
        {"roles.tsv", ROLES "\t地域包括支援センター等\tUP1KYO\tyes\t\n", 2, "a part in 'UP1KYO'"},
    };
    EXPECT_BAD(list);
}

static void tables_have_a_bound(void **state)
{
    (void)state;
    enum { LONG = 5 * 1024 * 1024 };
    autofree char *text = calloc(1, LONG + 1);
    memset(text, '\n', LONG);
    const struct careplan_table large = {"versions.tsv", text, LONG};
    expect_fault(&large, 1, "versions.tsv", 0, "larger than 4 MiB together");

    memset(text, 'x', 4097);
    memcpy(text, VERSIONS, strlen(VERSIONS));
    memset(text + strlen(VERSIONS), 'x', 4097);
    strcpy(text + strlen(VERSIONS) + 4097, "\t\t\t\t\t\t\n");
    const struct careplan_table cell = {"versions.tsv", text, strlen(text)};
    expect_fault(&cell, 1, "versions.tsv", 2, "cell 1 is longer than 4096 bytes");

    struct tables t = {.n = 0};
    tables_add(&t, "versions.tsv", VERSIONS);
    for (int i = 0; i < 62; i++) {
        char row[64];
        snprintf(row, sizeof row, "%d\tx\t\t\t\tyes\tyes\n", (2030 + i / 12) * 100 + i % 12 + 1);
        tables_append(&t, "versions.tsv", row);
    }
    expect_fault(t.list, t.n, "versions.tsv", 63, "more than 64 versions");
    tables_free(&t);

    tables_add(&t, "202604/UPPLAN.tsv", ITEMS VERSION_ITEM);
    for (int i = 2; i <= 97; i++) {
        char row[64];
        snprintf(row, sizeof row, "%d\tx\titem_%d\tint\t3\tno\t\t\n", i, i);
        tables_append(&t, "202604/UPPLAN.tsv", row);
    }
    expect_fault(t.list, t.n, "202604/UPPLAN.tsv", 0, "97 items, expected 1 to 96");
    tables_free(&t);
}

/* One table, its head and `n` times the row, with its number for '#'. */
static void expect_rows(const char *name, const char *head, size_t n, const char *row, unsigned long line,
                        const char *reason)
{
    autobuffer text = {0};
    const char *mark = strchr(row, '#');
    buffer_text(&text, head);
    for (size_t i = 0; i < n && mark; i++)
        buffer_printf(&text, "%.*s%zu%s", (int)(mark - row), row, i, mark + 1);
    const struct careplan_table table = {name, (const char *)text.data, text.length};
    expect_fault(&table, 1, name, line, reason);
}

static void lists_have_a_bound(void **state)
{
    (void)state;
    expect_rows("units.tsv", UNITS, 4097, "2026#\t\t\t\t\n", 4098, "more than 4096 rows");
    expect_rows("records.tsv", RECORDS, 256, "UPPLAN\tin_month\tCP1113\tservice_date target_ym\t#\n", 0,
                "more than 255 rules for UPPLAN");
    autofree char *values = calloc(1, 1200);
    memset(values, 'x', 1100);
    autofree char *row = NULL;
    assert_true(asprintf(&row, "UPPLAN\tin_month\tCP1113\tservice_date target_ym\t#%s\n", values) > 0);
    expect_rows("records.tsv", RECORDS, 1, row, 2, "values are longer than 1024 bytes");

    struct tables t = {.n = 0};
    tables_add_own(&t);
    for (int i = 0; i < 1025; i++) {
        char words[64], kind[64];
        snprintf(words, sizeof words, "UPX%d\tx\tx\tno\n", i);
        snprintf(kind, sizeof kind, "202604\tUPX%d\tx\t-\tno\t\t\t\n", i);
        tables_append(&t, "kind_words.tsv", words);
        tables_append(&t, "file_kinds.tsv", kind);
    }
    expect_fault(t.list, t.n, "file_kinds.tsv", 1026, "more than 1024 kinds");
    tables_free(&t);
}

static void many_layouts_have_a_bound(void **state)
{
    (void)state;
    enum { MANY = 1025, LINES = 4096 };
    autofree struct careplan_table *list = calloc(MANY, sizeof *list);
    autofree char *names = calloc(MANY, 32);
    for (size_t i = 0; i < MANY; i++) {
        char *name = names + 32 * i;
        snprintf(name, 32, "202604/K%zu.tsv", i);
        list[i] = (struct careplan_table){name, ITEMS, strlen(ITEMS)};
    }
    expect_fault(list, MANY, "202604/K1024.tsv", 0, "more than 1024 layouts");
    /* Rows of nothing take more memory than text. */
    autobuffer text = {0};
    buffer_text(&text, ITEMS);
    for (size_t i = 0; i < LINES; i++)
        buffer_text(&text, "\t\t\t\t\t\t\t\n");
    for (size_t i = 0; i < 60; i++)
        list[i] = (struct careplan_table){names + 32 * i, (const char *)text.data, text.length};
    expect_fault(list, 60, "", 0, "the tables need more than 16 MiB of memory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table_is_utf8_text_with_its_columns),
        cmocka_unit_test(a_table_must_be_one_of_the_standard),
        cmocka_unit_test(an_item_is_one_that_the_program_can_judge),
        cmocka_unit_test(a_version_has_months_that_can_be),
        cmocka_unit_test(a_kind_has_a_name_words_and_a_layout),
        cmocka_unit_test(kinds_whose_names_could_not_be_told_apart_are_refused),
        cmocka_unit_test(a_layout_fits_to_its_row_in_file_kinds),
        cmocka_unit_test(a_rule_between_items_is_one_of_the_program),
        cmocka_unit_test(a_unit_is_of_kinds_of_its_version),
        cmocka_unit_test(flows_and_service_types_are_read_strictly),
        cmocka_unit_test(tables_have_a_bound),
        cmocka_unit_test(lists_have_a_bound),
        cmocka_unit_test(many_layouts_have_a_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
