/* The rows of a plan: the order of 第2表, and what stands in the first row of a number only. */
#include <stdio.h>
#include <stdlib.h>

#include "standard/records_private.h"

enum { NUMBERS = 3, PLAN = NUMBERS, PLAN_ITEMS = 3 };
enum { NO_NUMBER = UINT8_MAX };
enum { SAID = KEY_FLAG };

struct numbers {
    uint8_t n[NUMBERS]; /* NO_NUMBER: empty */
};

static uint32_t numbers_pack(struct numbers numbers)
{
    return (uint32_t)numbers.n[0] << 16 | (uint32_t)numbers.n[1] << 8 | numbers.n[2];
}

static struct numbers numbers_unpack(uint32_t packed)
{
    return (struct numbers){{(uint8_t)(packed >> 16), (uint8_t)(packed >> 8), (uint8_t)packed}};
}

/* "2-1-空" */
static void numbers_text(char out[24], struct numbers numbers)
{
    size_t at = 0;
    for (size_t i = 0; i < NUMBERS; i++) {
        const char *dash = i ? "-" : "";
        int n = numbers.n[i] == NO_NUMBER ? snprintf(out + at, 24 - at, "%s空", dash)
                                          : snprintf(out + at, 24 - at, "%s%u", dash, numbers.n[i]);
        at += (size_t)n;
    }
}

/* False: one is none of 0-99. */
static bool numbers_read(const struct judged *j, struct numbers *numbers)
{
    for (size_t i = 0; i < NUMBERS; i++) {
        long number = NO_NUMBER;
        if (j->items[i]->length && (!number_read(j->items[i], &number) || number < 0 || number > 99))
            return false;
        numbers->n[i] = (uint8_t)number;
    }
    return true;
}

/* Does `now` stand behind `before` in order? An empty number is taken for that of the row before; where that
 * row had none, the order is left open. What is to be compared with the next row goes to *next: the numbers
 * below one that rises are not those before. */
static bool numbers_follow(struct numbers before, struct numbers now, struct numbers *next)
{
    *next = now;
    for (size_t i = 0; i < NUMBERS; i++) {
        if (now.n[i] == NO_NUMBER)
            next->n[i] = before.n[i];
        else if (before.n[i] == NO_NUMBER || now.n[i] != before.n[i])
            return before.n[i] == NO_NUMBER || now.n[i] > before.n[i];
    }
    return true;
}

/* 課題ＮＯ, 援助目標ＮＯ, 援助内容ＮＯ rise within a plan. */
void check_plan_order(const struct judged *j)
{
    char text[2][24];
    struct numbers now, next;
    bool known;
    struct key *plan = numbers_read(j, &now) ? remember(j, 0, PLAN, PLAN_ITEMS, &known) : NULL;
    if (!plan)
        return;
    struct numbers before = known ? numbers_unpack(plan->value) : now;
    if (!numbers_follow(before, now, &next) && !(plan->flags & SAID)) {
        plan->flags |= SAID;
        numbers_text(text[0], before);
        numbers_text(text[1], now);
        rule_put(j, 0, j->rule->code, (const struct word[]){WORD(text[0]), WORD(text[1])}, 2);
    }
    plan->value = numbers_pack(next);
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
