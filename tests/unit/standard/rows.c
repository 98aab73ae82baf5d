#include "rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "standard/layout.h"

static const struct {
    const char *item, *value;
} values[] = {
    {"insurer_no", "039999"},
    {"insured_no", "0000000101"},
    {"created_date", "20250320"},
    {"plan_date", "20250320"},
    {"first_plan_date", "20240320"},
    {"target_ym", "202504"},
    {"delete_target_ym", "202504"},
    {"plan_author_name", "a"},
    {"cm_office_name", "a"},
    {"cm_office_no", "0300000100"},
    {"plan_office_no", "0300000100"},
    {"plan_staff_name", "a"},
    {"units", "100"},
    {"service_date", "20250407"},
    {"start_time", "1000"},
    {"end_time", "1050"},
    {"service_count", "1"},
    {"service_code", "111211"},
    {"service_office_no", "0300000005"},
    {"service_type", "11"},
    {"over30_flag", "0"},
    {"count_days", "1"},
    {"user_kana", "a"},
    {"user_name", "a"},
    {"user_sex", "1"},
    {"user_birth_date", "19400101"},
    {"consult_date", "20250310"},
    {"plan_kind", "1"},
    {"entrusted", "1"},
    {"office_code", "9999999999"},
};

static const char *standard_value(const char *kind, const struct layout_item *item)
{
    if (strcmp(kind, "UPHOSOKU") == 0 && strcmp(item->name_en, "plan_date") == 0)
        return "00000000";
    if (item->required != REQUIRED_YES && item->required != REQUIRED_DOUBTFUL &&
        strcmp(item->name_en, "units") != 0 && strcmp(item->name_en, "office_code") != 0)
        return "";
    for (size_t i = 0; i < ARRAY_LENGTH(values); i++)
        if (strcmp(values[i].item, item->name_en) == 0)
            return values[i].value;
    fail_msg("no value for %s of %s", item->name_en, kind);
    return NULL;
}

/* The value of an item in "name=value|name=value", the last one. */
static bool changed(const char *changes, const char *item, char *value, size_t size)
{
    size_t length = strlen(item);
    bool found = false;
    for (const char *at = changes; *at;) {
        size_t end = strcspn(at, "|");
        if (strncmp(at, item, length) == 0 && at[length] == '=') {
            snprintf(value, size, "%.*s", (int)(end - length - 1), at + length + 1);
            found = true;
        }
        at += end + (at[end] == '|');
    }
    return found;
}

static void changes_known(const struct careplan_layout *layout, const char *changes)
{
    for (const char *at = changes; *at;) {
        size_t name = strcspn(at, "="), i = 0;
        while (i < layout->n_items &&
               (strlen(layout->items[i].name_en) != name || strncmp(layout->items[i].name_en, at, name) != 0))
            i++;
        if (i == layout->n_items)
            fail_msg("%s has no item %.*s", layout->kind, (int)name, at);
        size_t end = strcspn(at, "|");
        at += end + (at[end] == '|');
    }
}

void row_add(struct buffer *out, const char *kind, const char *changes)
{
    bool old = strncmp(kind, "202208/", 7) == 0;
    const char *version = old ? "202208" : "202407";
    kind += old ? 7 : 0;
    const struct careplan_kind *found = careplan_kind_find(NULL, version, kind);
    assert_non_null(found);
    changes_known(found->layout, changes);
    buffer_text(out, version);
    for (size_t i = 1; i < found->layout->n_items; i++) {
        const struct layout_item *item = &found->layout->items[i];
        char value[256];
        if (!changed(changes, item->name_en, value, sizeof value))
            snprintf(value, sizeof value, "%s", standard_value(kind, item));
        const char *quote = item->type == ITEM_TEXT ? "\"" : "";
        buffer_printf(out, ",%s%s%s", quote, value, quote);
    }
    buffer_text(out, "\r\n");
}

static void found_text(struct buffer *out, const struct findings *f, bool words)
{
    buffer_text(out, "");
    for (size_t i = 0; i < f->n; i++) {
        const struct found *p = &f->list[i];
        buffer_printf(out, "%s%llu:%u %s%s", i ? ", " : "", (unsigned long long)p->line, p->column, p->code,
                      words ? p->message : "");
    }
}

void expect_problems(const char *name, const struct buffer *content, const char *problems)
{
    static const size_t steps[] = {4096, 7, 1};
    autobuffer whole = {0};
    for (size_t i = 0; i < ARRAY_LENGTH(steps); i++) {
        struct findings f = {0};
        struct careplan_check_result r;
        autobuffer text = {0}, words = {0};
        check_content(&f, name, (char *)content->data, content->length, steps[i], &r);
        careplan_check_result_free(&r);
        found_text(&text, &f, false);
        found_text(&words, &f, true);
        if (strcmp((char *)text.data, problems) != 0)
            print_message("%s%s\n", (char *)content->data, (char *)words.data);
        assert_string_equal((char *)text.data, problems);
        if (i == 0)
            buffer_text(&whole, (char *)words.data);
        assert_string_equal((char *)words.data, (char *)whole.data);
    }
}

static void name_of(const char *kind, char name[CAREPLAN_NAME_MAX])
{
    bool old = strncmp(kind, "202208/", 7) == 0, result = strstr(kind, "JSK");
    bool preventive = strstr(kind, "KIHON") || strstr(kind, "YOBO");
    kind += old ? 7 : 0;
    const struct careplan_kind *found = careplan_kind_find(NULL, "202407", kind);
    assert_non_null(found);
    const char *month = !found->month_in_name ? "" : old ? "_202410" : "_202504";
    const char *manager = old ? "0300000100" : preventive ? "0300000200_46" : "0300000100_43";
    const char *service = old ? "0300000005" : preventive ? "0300000005_A2" : "0300000005_11";
    snprintf(name, CAREPLAN_NAME_MAX, "%s%s_%s_%s_20250401090000.CSV", kind, month,
             result ? service : manager, result ? manager : service);
}

void expect_row(const char *kind, const char *changes, const char *problems)
{
    expect_rows(kind, problems, changes, NULL);
}

void expect_rows(const char *kind, const char *problems, ...)
{
    char name[CAREPLAN_NAME_MAX];
    autobuffer content = {0};
    va_list list;
    name_of(kind, name);
    va_start(list, problems);
    for (const char *changes; (changes = va_arg(list, const char *));)
        row_add(&content, kind, changes);
    va_end(list);
    expect_problems(name, &content, problems);
}
