/* 明細判別コード (標準仕様 別紙 第6表): rented equipment of one user with the same code and the same units,
 * but different items, is told apart by a running number 1, 2, 3 …; otherwise it is empty. */
#include <stdio.h>
#include <string.h>

#include "standard/records_private.h"

/* Items of the rule: the number; what makes a group; what makes an item of it. */
enum { NUMBER, USER, CODE = 4, GROUP_ITEMS = 5, ITEM = USER + GROUP_ITEMS };
enum { PART_GROUP, PART_NUMBER };
enum { FIRST_EMPTY = KEY_FLAG, SEVERAL = KEY_FLAG << 1, SAID = KEY_FLAG << 2 };
enum { HIGHEST, COUNT }; /* of a group's small */

/* What is rented, in 32 bits: two items that collide are taken for one, and no problem is made of it. */
static uint32_t item_mark(const struct judged *j)
{
    struct key_text text;
    uint64_t hash[2];
    key_text_begin(&text, 0, 0);
    for (size_t i = ITEM; i < j->rule->n_items; i++)
        key_text_add(&text, j->items[i]);
    key_text_hash(&text, hash);
    return (uint32_t)hash[0];
}

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

static void put_missing(const struct judged *j, struct key *group)
{
    char first[24], this[24], code[VALUE_SIZE];
    const struct problem_place at_first = {
        .line = group->line, .column = j->rule->items[NUMBER] + 1u, .item = rule_item(j, NUMBER)};
    if (group->flags & SAID)
        return;
    group->flags |= SAID;
    number_text(first, group->line);
    number_text(this, j->items[NUMBER]->line);
    snprintf(code, sizeof code, "%.*s", (int)j->items[CODE]->length, (const char *)j->items[CODE]->text);
    const struct word words[] = {WORD(first), WORD(this), WORD(code)};
    if (group->flags & FIRST_EMPTY)
        problem_put(&j->check->sink, j->rule->code, &at_first, words, 3);
    else
        rule_put(j, NUMBER, j->rule->code, words, 3);
}

/* The number is one of the group's; two items have not the same. */
static void number_add(const struct judged *j, struct key *group, uint32_t mark)
{
    const struct record_rule *clash = rule_for(j, RECORD_DETAIL_CLASH, j->items[CODE]->text);
    struct key_text text;
    char line[24];
    bool known;
    long number;
    if (!number_read(j->items[NUMBER], &number) || number < 0 || number > 99)
        return;
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
        key->value = mark;
        group->small[COUNT]++;
        if (number > group->small[HIGHEST])
            group->small[HIGHEST] = (uint8_t)number;
    } else if (key->value != mark && clash) {
        number_text(line, key->line);
        rule_put_value(j, NUMBER, clash->code, WORD(line), (struct word){"", ""});
    }
}

void check_detail_code(const struct judged *j)
{
    bool known, empty = j->items[NUMBER]->length == 0;
    if (!is_rental(j))
        return;
    uint32_t mark = item_mark(j);
    struct key *group = remember(j, PART_GROUP, USER, GROUP_ITEMS, &known);
    if (!group)
        return;
    if (!known) {
        group->value = mark;
        group->flags |= empty ? FIRST_EMPTY : 0;
    }
    if (group->value != mark) {
        group->flags |= SEVERAL;
        if (empty || (group->flags & FIRST_EMPTY))
            put_missing(j, group);
    }
    if (!empty)
        number_add(j, group, mark);
}

void doubt_detail_code(const struct judged *j)
{
    if (rule_item_bad(j, CODE) || is_rental(j))
        doubt_rule(j);
}

/* Where the layout asks for it: results are of one office, which may have only some of the user's numbers. */
void end_detail_code(const struct judged *j, const struct key *group)
{
    /* A rule of one check is for one type. */
    const uint8_t *type = (const uint8_t *)j->rule->values;
    const struct record_rule *run = rule_for(j, RECORD_DETAIL_RUN, type),
                             *alone = rule_for(j, RECORD_DETAIL_ALONE, type);
    char count[24], highest[24];
    unsigned n = group->small[COUNT];
    if (strlen(j->rule->values) < 2 || n == 0 || (group->flags & SAID))
        return;
    number_text(count, n);
    number_text(highest, group->small[HIGHEST]);
    if (n == 1 && !(group->flags & SEVERAL)) {
        if (alone)
            rule_put_end(j, group->line, alone->code, NULL, 0);
    } else if (n != group->small[HIGHEST] && run) {
        rule_put_end(j, group->line, run->code, (const struct word[]){WORD(count), WORD(highest)}, 2);
    }
}
