/* Rows of 第7表 (標準仕様 別紙 第7表): a service, a subtotal of a type, or the total of a user. */
#include <stdio.h>
#include <string.h>

#include "standard/records_private.h"

enum { CODE, USER, USER_ITEMS = 3 }; /* of the rules that look for rows of a user */
enum { TOTAL_FOUND = KEY_FLAG, SUBTOTAL_FOUND = KEY_FLAG << 1 };

bool table7_is_total(const struct scanned_item *code)
{
    return item_equals(code, "999999", 6);
}

static bool has_suffix(const struct scanned_item *code, const char *suffix)
{
    return code->length == 6 && memcmp(code->text + 2, suffix, 4) == 0;
}

bool table7_is_subtotal(const struct scanned_item *code)
{
    return has_suffix(code, "AAAA") || has_suffix(code, "EEEE") || has_suffix(code, "ZZZZ");
}

static bool is_zero(const struct scanned_item *item)
{
    for (size_t i = 0; i < item->length; i++)
        if (item->text[i] != '0')
            return false;
    return true;
}

static const struct word nothing = {"", ""};

void check_table7_zero(const struct judged *j)
{
    if ((table7_is_total(j->items[1]) || table7_is_subtotal(j->items[1])) && !is_zero(j->items[0]))
        rule_put_value(j, 0, j->rule->code, nothing, nothing);
}

void check_table7_empty(const struct judged *j)
{
    if ((table7_is_total(j->items[1]) || table7_is_subtotal(j->items[1])) && j->items[0]->length)
        rule_put_value(j, 0, j->rule->code, nothing, nothing);
}

void check_table7_office(const struct judged *j)
{
    if (table7_is_total(j->items[1]) && !rule_in_values(j, j->items[0]->text, j->items[0]->length))
        rule_put_value(j, 0, j->rule->code, nothing, nothing);
}

/* 給付管理単位数 of what is outside 区分支給限度 is empty. */
void check_table7_managed(const struct judged *j)
{
    if (has_suffix(j->items[1], "EEEE") && j->items[0]->length)
        rule_put_value(j, 0, j->rule->code, nothing, nothing);
}

/* Which rows the rule compares stands in its values. */
void check_table7_unique(const struct judged *j)
{
    const char *row = table7_is_total(j->items[CODE])      ? "total"
                      : table7_is_subtotal(j->items[CODE]) ? "subtotal"
                                                           : "service";
    if (strcmp(row, j->rule->values) == 0)
        check_unique_service(j);
}

/* ---- Rows that a user must have ---- */

/* True: the record's user is known, and it is its code that cannot be read. */
static bool only_code_bad(const struct judged *j)
{
    for (size_t i = USER; i < USER + USER_ITEMS; i++)
        if (rule_item_bad(j, i))
            return false;
    return true;
}

void check_has_total(const struct judged *j)
{
    bool known;
    struct key *user = remember(j, 0, USER, USER_ITEMS, &known);
    if (user && table7_is_total(j->items[CODE]))
        user->flags |= TOTAL_FOUND;
}

void doubt_has_total(const struct judged *j)
{
    bool known;
    struct key *user = only_code_bad(j) ? remember(j, 0, USER, USER_ITEMS, &known) : NULL;
    if (user)
        user->flags |= KEY_UNSURE;
    else
        doubt_rule(j);
}

void end_has_total(const struct judged *j, const struct key *user)
{
    char line[24];
    number_text(line, user->line);
    if (!(user->flags & TOTAL_FOUND))
        rule_put_end(j, 0, j->rule->code, (const struct word[]){WORD(line)}, 1);
}

/* A type of a user. */
void check_has_subtotal(const struct judged *j)
{
    struct key_text text;
    struct scanned_item type = *j->items[CODE];
    bool known;
    if (type.length != 6 || table7_is_total(&type))
        return;
    type.length = 2;
    key_text_begin(&text, j->index, 0);
    for (size_t i = USER; i < USER + USER_ITEMS; i++)
        key_text_add(&text, j->items[i]);
    key_text_add(&text, &type);
    struct key *key = remember_text(j, &text, &known);
    if (!key)
        return;
    memcpy(key->small, type.text, sizeof key->small);
    if (has_suffix(j->items[CODE], "AAAA"))
        key->flags |= SUBTOTAL_FOUND;
    else if (!table7_is_subtotal(j->items[CODE]) && key->value < 2)
        key->value++;
}

/* Which type the row is of is not known. */
void doubt_has_subtotal(const struct judged *j)
{
    doubt_rule(j);
}

void end_has_subtotal(const struct judged *j, const struct key *key)
{
    char line[24], code[7], words[VALUE_SIZE];
    const char *type_code = (const char *)key->small;
    if (key->value < 2 || (key->flags & SUBTOTAL_FOUND))
        return;
    const struct service_type *type =
        service_type_find(j->check->name.kind->standard, type_code, sizeof key->small);
    number_text(line, key->line);
    snprintf(code, sizeof code, "%.2sAAAA", type_code);
    if (type)
        snprintf(words, sizeof words, "%s（%s）", type->name_ja, type->code);
    else
        snprintf(words, sizeof words, "サービス種類%.2s", type_code);
    rule_put_end(j, 0, j->rule->code, (const struct word[]){WORD(line), WORD(words), WORD(code)}, 3);
}
