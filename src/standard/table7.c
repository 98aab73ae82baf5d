/* Rows of 第7表 (標準仕様 別紙 第7表): a service, a subtotal of a type, or the total of a user. */
#include <stdio.h>
#include <string.h>

#include "standard/records_private.h"

enum {
    CODE,
    USER,
    USER_ITEMS = 3,
    OFFICE = USER + USER_ITEMS,
    MANAGED
};                                               /* of the rules that look for rows of a user */
enum { PART_USER = 16, PART_TYPE, PART_OFFICE }; /* none of those in compare.c */
enum {
    TOTAL_FOUND = KEY_FLAG,          /* of a user */
    SUBTOTAL_UNSURE = KEY_FLAG << 1, /* a row that may be of any of his types could not be read */
    SUBTOTAL_FOUND = KEY_FLAG,       /* of a type, and of an office of it */
    SAID = KEY_FLAG << 1,            /* of a type */
    OF_ALL = KEY_FLAG << 2,          /* of a type: the subtotal names no office */
    ROW_FOUND = KEY_FLAG << 1,       /* of an office: a service row, several, and one inside the limit */
    ROWS_FOUND = KEY_FLAG << 2,
    WITHIN_LIMIT = KEY_FLAG << 3,
};

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

/* A service is of an office. */
void check_table7_service_office(const struct judged *j)
{
    if (!table7_is_total(j->items[1]) && !table7_is_subtotal(j->items[1]) &&
        rule_in_values(j, j->items[0]->text, j->items[0]->length))
        rule_put_value(j, 0, j->rule->code, nothing, nothing);
}

/* Totals and subtotals are rows of 第7表 only. */
void check_no_table7_row(const struct judged *j)
{
    if (table7_is_total(j->items[0]) || table7_is_subtotal(j->items[0]))
        rule_put_value(j, 0, j->rule->code, nothing, nothing);
}

/* ---- Rows that a user must have ----
 *
 * Remembered are users, their types, and the offices of a type; `value` of the last two is the place of what
 * they belong to. */

static size_t place_of(const struct judged *j, const struct key *key)
{
    return keys_place(&j->check->compare.lasting, key);
}

static struct key *owner_of(const struct judged *j, const struct key *key)
{
    return keys_at(&j->check->compare.lasting, key->value);
}

/* The key of the user, and of `more` of his rows. */
static struct key *rows_of(const struct judged *j, uint8_t part, const struct scanned_item *const more[2],
                           const struct key *owner)
{
    struct key_text text;
    bool known;
    key_text_begin(&text, UINT8_MAX, part);
    for (size_t i = USER; i < USER + USER_ITEMS; i++)
        key_text_add(&text, j->items[i]);
    for (size_t i = 0; i < 2 && more[i]; i++)
        key_text_add(&text, more[i]);
    struct key *key = remember_text(j, &text, &known);
    if (key && !known) {
        key->flags = KEY_PART;
        key->value = owner ? (uint32_t)place_of(j, owner) : 0;
    }
    return key;
}

/* The user of the record, for the rules of both rows; NULL: not remembered. */
static struct key *user_of(const struct judged *j)
{
    return rows_of(j, PART_USER, (const struct scanned_item *const[2]){NULL}, NULL);
}

/* Can the record's user be told? What is wrong in it is then his alone. */
static bool user_bad(const struct judged *j)
{
    for (size_t i = USER; i < USER + USER_ITEMS; i++)
        if (rule_item_bad(j, i))
            return true;
    return false;
}

void check_has_total(const struct judged *j)
{
    struct key *user = user_of(j);
    if (!user)
        return;
    user->rule = j->index; /* judged at the end by this rule */
    user->flags &= (uint8_t)~KEY_PART;
    if (table7_is_total(j->items[CODE]))
        user->flags |= TOTAL_FOUND;
}

void doubt_has_total(const struct judged *j)
{
    struct key *user = user_bad(j) ? NULL : user_of(j);
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

/* One office's rows of a type of a user. What is outside 区分支給限度 has no 給付管理単位数. */
void check_has_subtotal(const struct judged *j)
{
    struct scanned_item code = *j->items[CODE];
    if (code.length != 6 || table7_is_total(&code))
        return;
    code.length = 2;
    const struct scanned_item *const more[] = {&code, j->items[OFFICE]};
    struct key *user = user_of(j);
    struct key *type =
        user ? rows_of(j, PART_TYPE, (const struct scanned_item *const[2]){&code, NULL}, user) : NULL;
    struct key *office = type ? rows_of(j, PART_OFFICE, more, type) : NULL;
    if (!office)
        return;
    memcpy(type->small, code.text, sizeof type->small);
    office->rule = j->index;
    office->flags &= (uint8_t)~KEY_PART;
    if (has_suffix(j->items[CODE], "AAAA")) {
        type->flags |= SUBTOTAL_FOUND;
        office->flags |= SUBTOTAL_FOUND;
        type->flags |= rule_in_values(j, j->items[OFFICE]->text, j->items[OFFICE]->length) ? OF_ALL : 0;
    } else if (!table7_is_subtotal(j->items[CODE])) {
        office->flags |= office->flags & ROW_FOUND ? ROWS_FOUND : ROW_FOUND;
        office->flags |= j->items[MANAGED]->length ? WITHIN_LIMIT : 0;
    }
}

/* Which row of the user it is cannot be told. */
void doubt_has_subtotal(const struct judged *j)
{
    struct key *user = user_bad(j) ? NULL : user_of(j);
    if (user)
        user->flags |= SUBTOTAL_UNSURE;
    else
        doubt_rule(j);
}

/* The standard asks for the subtotal of a type, whose row carries one office, and does not say whether each
 * office needs one. */
void end_has_subtotal(const struct judged *j, const struct key *office)
{
    char line[24], code[7], words[VALUE_SIZE];
    struct key *type = owner_of(j, office);
    bool elsewhere = type->flags & SUBTOTAL_FOUND;
    const struct record_rule *rule = elsewhere ? rule_of(j, RECORD_TABLE7_SUBTOTAL_ELSEWHERE) : j->rule;
    if (!(office->flags & ROWS_FOUND) || !(office->flags & WITHIN_LIMIT) ||
        (office->flags & SUBTOTAL_FOUND) || (owner_of(j, type)->flags & SUBTOTAL_UNSURE) || !rule ||
        (type->flags & (SAID | OF_ALL)))
        return;
    if (!elsewhere)
        type->flags |= SAID; /* one row would be enough */
    const char *type_code = (const char *)type->small;
    const struct service_type *found =
        service_type_find(j->check->name.kind->standard, type_code, sizeof type->small);
    number_text(line, office->line);
    snprintf(code, sizeof code, "%.2sAAAA", type_code);
    if (found)
        snprintf(words, sizeof words, "%s（%s）", found->name_ja, found->code);
    else
        snprintf(words, sizeof words, "サービス種類%.2s", type_code);
    rule_put_end(j, 0, rule->code, (const struct word[]){WORD(line), WORD(words), WORD(code)}, 3);
}
