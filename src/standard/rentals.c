/* 明細判別コード (標準仕様 別紙 第6表): rented equipment of one user with the same code and the same units,
 * but different items, is told apart by a running number 1, 2, 3 …; otherwise it is empty. */
#include <stdio.h>
#include <string.h>

#include "standard/records_private.h"

/* Items of the rule: the number; what makes a group; what makes an item of it. */
enum { NUMBER, USER, CODE = 4, GROUP_ITEMS = 5 };
enum { PART_GROUP, PART_NUMBER, PART_ITEM };
enum {
    MISSING = KEY_FLAG,        /* of a group: that a number is missing was said */
    NUMBERED = KEY_FLAG << 1,  /* one of its items has a number */
    NOT_A_RUN = KEY_FLAG << 2, /* a number is none of 1-99, or an item has several */
    CLASH = KEY_FLAG << 3,     /* that two items have one number was said */
};
/* Of a group's `small`; its `value` is the line of an item without number, then that of the second item. */
enum { HIGHEST, ITEMS };
enum { NUMBER_MAX = 99, UNUSABLE = NUMBER_MAX + 1, ITEMS_MAX = UINT8_MAX };

/* The rule of another check that is for equipment of this type, or NULL. */
static const struct record_rule *rule_for(const struct judged *j, enum record_check check,
                                          const uint8_t type[2])
{
    const struct careplan_layout *layout = j->check->layout;
    for (size_t i = 0; i < layout->n_rules; i++) {
        const struct judged other = {.check = j->check, .rule = &layout->rules[i]};
        if (other.rule->check == check && rule_in_values(&other, type, 2))
            return other.rule;
    }
    return NULL;
}

static bool is_rental(const struct judged *j)
{
    const struct scanned_item *code = j->items[CODE];
    return code->length >= 2 && rule_in_values(j, code->text, 2);
}

/* `empty` is the line without number, `other` one of another item. */
static void put_missing(const struct judged *j, struct key *group, uint64_t empty, uint64_t other)
{
    char first[24], second[24], code[VALUE_SIZE];
    const struct problem_place place = {
        .line = empty, .column = j->rule->items[NUMBER] + 1u, .item = rule_item(j, NUMBER)};
    if (group->flags & MISSING)
        return;
    group->flags |= MISSING;
    number_text(first, empty < other ? empty : other);
    number_text(second, empty < other ? other : empty);
    snprintf(code, sizeof code, "%.*s", (int)j->items[CODE]->length, (const char *)j->items[CODE]->text);
    problem_put(&j->check->sink, j->rule->code, &place,
                (const struct word[]){WORD(first), WORD(second), WORD(code)}, 3);
}

/* What the item's number is, 0: it has none. */
static uint32_t number_of(const struct judged *j)
{
    long number;
    if (j->items[NUMBER]->length == 0)
        return 0;
    bool usable = number_read(j->items[NUMBER], &number) && number >= 1 && number <= NUMBER_MAX;
    return usable ? (uint32_t)number : UNUSABLE;
}

/* Two items have not the same number. */
static void number_add(const struct judged *j, struct key *group, const struct key *item, uint32_t number)
{
    const struct record_rule *clash = rule_for(j, RECORD_DETAIL_CLASH, j->items[CODE]->text);
    struct key_text text;
    char line[24];
    bool known;
    key_text_begin(&text, j->index, PART_NUMBER);
    for (size_t i = USER; i < USER + GROUP_ITEMS; i++)
        key_text_add(&text, j->items[i]);
    const uint8_t digits[] = {(uint8_t)number};
    key_text_add(&text, &(struct scanned_item){.text = digits, .length = 1});
    struct key *key = remember_text(j, &text, &known);
    if (!key)
        return;
    if (!known) {
        key->flags = KEY_PART;
        key->value = (uint32_t)item->line;
        if (number > group->small[HIGHEST])
            group->small[HIGHEST] = (uint8_t)number;
    } else if (key->value != (uint32_t)item->line && clash) {
        group->flags |= CLASH;
        number_text(line, key->line);
        rule_put_value(j, NUMBER, clash->code, WORD(line), (struct word){"", ""});
    }
}

/* Another item than those before: from the second on, each needs a number. */
static void item_new(const struct judged *j, struct key *group, struct key *item, uint32_t number)
{
    item->flags = KEY_PART;
    item->value = number;
    if (group->small[ITEMS] < ITEMS_MAX)
        group->small[ITEMS]++;
    if (group->small[ITEMS] == 2) {
        if (group->value)
            put_missing(j, group, group->value, item->line);
        group->value = (uint32_t)item->line;
    }
}

void check_detail_code(const struct judged *j)
{
    bool known, same;
    if (!is_rental(j))
        return;
    struct key *group = remember(j, PART_GROUP, USER, GROUP_ITEMS, &known);
    struct key *item = group ? remember(j, PART_ITEM, USER, j->rule->n_items - USER, &same) : NULL;
    uint32_t number = number_of(j);
    if (!item)
        return;
    if (!same)
        item_new(j, group, item, number);
    else if (item->value != number)
        group->flags |= NOT_A_RUN;
    if (number) {
        group->flags |= NUMBERED | (number == UNUSABLE ? NOT_A_RUN : 0);
        if (number != UNUSABLE)
            number_add(j, group, item, number);
    } else if (group->small[ITEMS] > 1) {
        put_missing(j, group, j->items[NUMBER]->line, item->line == group->line ? group->value : group->line);
    } else if (!group->value) {
        group->value = (uint32_t)j->items[NUMBER]->line;
    }
}

void doubt_detail_code(const struct judged *j)
{
    bool known, code_known = !rule_item_bad(j, CODE);
    if (code_known && !is_rental(j))
        return;
    for (size_t i = USER; i < USER + GROUP_ITEMS; i++)
        if (rule_item_bad(j, i)) {
            doubt_rule(j);
            return;
        }
    struct key *group = remember(j, PART_GROUP, USER, GROUP_ITEMS, &known);
    if (group)
        group->flags |= KEY_UNSURE;
}

void end_detail_code(const struct judged *j, const struct key *group)
{
    /* A rule of one check is for one type. */
    const uint8_t *type = (const uint8_t *)j->rule->values;
    char items[24], highest[24];
    if (strlen(j->rule->values) < 2 || !(group->flags & NUMBERED) || (group->flags & (MISSING | CLASH)))
        return;
    const struct record_rule *run = rule_for(j, RECORD_DETAIL_RUN, type),
                             *alone = rule_for(j, RECORD_DETAIL_ALONE, type);
    number_text(items, group->small[ITEMS]);
    number_text(highest, group->small[HIGHEST]);
    if (group->small[ITEMS] == 1) {
        if (alone)
            rule_put_end(j, group->line, alone->code, NULL, 0);
    } else if (run && ((group->flags & NOT_A_RUN) || group->small[ITEMS] != group->small[HIGHEST])) {
        rule_put_end(j, group->line, run->code, (const struct word[]){WORD(items), WORD(highest)}, 2);
    }
}
