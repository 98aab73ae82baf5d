/* The rows of a plan: the order of 第2表, and what stands in the first row of a number only. */
#include <stdio.h>
#include <stdlib.h>

#include "standard/records_private.h"

enum { NUMBERS = 3, PLAN = NUMBERS, PLAN_ITEMS = 3 };
enum { SAID = KEY_FLAG };

static void numbers_text(char out[24], uint32_t numbers)
{
    snprintf(out, 24, "%u-%u-%u", numbers >> 16, (numbers >> 8) & 0xFF, numbers & 0xFF);
}

/* 課題ＮＯ, 援助目標ＮＯ, 援助内容ＮＯ rise within a plan. A row that lacks one of them is not compared. */
void check_plan_order(const struct judged *j)
{
    char before[24], now[24];
    uint32_t numbers = 0;
    bool known;
    for (size_t i = 0; i < NUMBERS; i++) {
        long number;
        if (!number_read(j->items[i], &number) || number < 0 || number > 99)
            return;
        numbers = numbers << 8 | (uint32_t)number;
    }
    struct key *plan = remember(j, 0, PLAN, PLAN_ITEMS, &known);
    if (!plan)
        return;
    if (known && numbers < plan->value && !(plan->flags & SAID)) {
        plan->flags |= SAID;
        numbers_text(before, plan->value);
        numbers_text(now, numbers);
        rule_put(j, 0, j->rule->code, (const struct word[]){WORD(before), WORD(now)}, 2);
    }
    plan->value = numbers;
}

/* `values` is the number of items that make the key; the last of them is the number that rows repeat. What
 * stands behind them stands in the first of these rows only. */
void check_first_only(const struct judged *j)
{
    char line[24];
    bool known;
    size_t n = (size_t)strtoul(j->rule->values, NULL, 10);
    if (n == 0 || n > j->rule->n_items || j->items[n - 1]->length == 0)
        return;
    const struct key *key = remember(j, 0, 0, n, &known);
    if (!key || !known)
        return;
    const struct layout_item *number = rule_item(j, n - 1);
    number_text(line, key->line);
    for (size_t i = n; i < j->rule->n_items; i++)
        if (j->items[i]->length) {
            rule_put(j, i, j->rule->code,
                     (const struct word[]){WORD(line), {number->name_ja, number->name_en}}, 2);
            return;
        }
}
