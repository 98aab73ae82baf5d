/* Rules between the items of one record that many kinds share; which items, stands in records.tsv. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "standard/records_private.h"

static const struct word nothing = {"", ""};

/* values: lowest and highest number. */
void check_number_range(const struct judged *j)
{
    char *end, lowest[24], highest[24];
    long low = strtol(j->rule->values, &end, 10), high = strtol(end, NULL, 10), number;
    if (!number_read(j->items[0], &number) || (number >= low && number <= high))
        return;
    snprintf(lowest, sizeof lowest, "%ld", low);
    snprintf(highest, sizeof highest, "%ld", high);
    rule_put_value(j, 0, j->rule->code, WORD(lowest), WORD(highest));
    j->record->bad[j->rule->items[0]] = true;
}

static size_t days_of(const uint8_t month[6])
{
    uint8_t date[8];
    memcpy(date, month, 6);
    for (size_t day = 31; day > 28; day--) {
        date[6] = (uint8_t)('0' + day / 10);
        date[7] = (uint8_t)('0' + day % 10);
        if (date_is_real(date))
            return day;
    }
    return 28;
}

void check_flags_of_month(const struct judged *j)
{
    const struct scanned_item *flags = j->items[0], *month = j->items[1];
    if (flags->length != 31 || month->length != 6 || !month_is_real(month->text))
        return;
    for (size_t day = days_of(month->text); day < 31; day++)
        if (flags->text[day] == '1') {
            char number[24], text[8];
            number_text(number, day + 1);
            snprintf(text, sizeof text, "%.6s", (const char *)month->text);
            rule_put(j, 0, j->rule->code, (const struct word[]){WORD(number), WORD(text)}, 2);
            return;
        }
}

/* Two items of which both or none has one of the values. */
void check_both_special(const struct judged *j)
{
    bool first = rule_in_values(j, j->items[0]->text, j->items[0]->length);
    bool second = rule_in_values(j, j->items[1]->text, j->items[1]->length);
    if (first != second)
        rule_put(j, first ? 1 : 0, j->rule->code,
                 (const struct word[]){rule_item_words(j, first ? 0 : 1, &(struct item_words){"", ""})}, 1);
}

/* Two items of which both or none is filled. */
void check_both_filled(const struct judged *j)
{
    bool first = j->items[0]->length, second = j->items[1]->length;
    if (first != second)
        rule_put(j, first ? 1 : 0, j->rule->code,
                 (const struct word[]){rule_item_words(j, first ? 0 : 1, &(struct item_words){"", ""})}, 1);
}

/* Groups of items with at least one that is filled; values: how many items each has. The first item of the
 * last group found is *last. */
static size_t groups_filled(const struct judged *j, size_t *last)
{
    size_t filled = 0, at = 0;
    for (const char *text = j->rule->values; *text;) {
        char *end;
        size_t n = (size_t)strtoul(text, &end, 10), from = at;
        bool any = false;
        for (; at < from + n && at < j->rule->n_items; at++)
            any = any || j->items[at]->length;
        if (any)
            *last = from;
        filled += any;
        text = end + (*end == ' ');
        if (n == 0)
            break;
    }
    return filled;
}

void check_one_group(const struct judged *j)
{
    size_t last = 0;
    if (groups_filled(j, &last) > 1)
        rule_put(j, last, j->rule->code, NULL, 0);
}

void check_any_group(const struct judged *j)
{
    size_t last = 0;
    if (groups_filled(j, &last) == 0)
        rule_put(j, 0, j->rule->code, NULL, 0);
}

/* Slots, each `values` items wide from the one named on: none is filled in part behind one that is wholly
 * empty. */
void check_in_order(const struct judged *j)
{
    const struct careplan_layout *layout = j->check->layout;
    size_t width = strtoul(j->rule->values, NULL, 10), empty = j->rule->n_items;
    for (size_t slot = 0; slot < j->rule->n_items; slot++) {
        size_t from = j->rule->items[slot], end = from + (width ? width : 1), at = from;
        end = end < layout->n_items ? end : layout->n_items;
        while (at < end && j->record->row->items[at].length == 0)
            at++;
        if (at == end && empty == j->rule->n_items)
            empty = slot;
        if (at == end || empty == j->rule->n_items)
            continue;
        struct record_rule filled = *j->rule;
        struct judged there = *j;
        filled.items[0] = (uint8_t)at;
        there.rule = &filled;
        there.items[0] = &j->record->row->items[at];
        rule_put_value(&there, 0, j->rule->code, rule_item_words(j, empty, &(struct item_words){"", ""}),
                       nothing);
        return;
    }
}

static bool is_amount(const struct scanned_item *item)
{
    for (size_t i = 0; i < item->length; i++)
        if (item->text[i] != '0')
            return true;
    return false;
}

/* Amounts without the type that they are of. */
void check_needs_type(const struct judged *j)
{
    for (size_t i = 1; i < j->rule->n_items && j->items[0]->length == 0; i++)
        if (is_amount(j->items[i])) {
            rule_put(j, 0, j->rule->code,
                     (const struct word[]){rule_item_words(j, i, &(struct item_words){"", ""})}, 1);
            return;
        }
}

void check_not_values(const struct judged *j)
{
    if (j->items[0]->length && rule_in_values(j, j->items[0]->text, j->items[0]->length))
        rule_put_value(j, 0, j->rule->code, nothing, nothing);
}

void check_filled(const struct judged *j)
{
    if (j->items[0]->length == 0)
        rule_put(j, 0, j->rule->code, NULL, 0);
}

void check_dates_in_order(const struct judged *j)
{
    const struct scanned_item *first = j->items[0], *second = j->items[1];
    if (first->length != 8 || second->length != 8 || memcmp(first->text, second->text, 8) <= 0)
        return;
    char date[9];
    snprintf(date, sizeof date, "%.8s", (const char *)first->text);
    rule_put_value(j, 1, j->rule->code, rule_item_words(j, 0, &(struct item_words){"", ""}), WORD(date));
}

/* The first item is the sum of the others, when all are filled. */
void check_days_sum(const struct judged *j)
{
    char right[24];
    long days, sum = 0;
    for (size_t i = 1; i < j->rule->n_items; i++) {
        if (!number_read(j->items[i], &days))
            return;
        sum += days;
    }
    if (!number_read(j->items[0], &days) || days == sum)
        return;
    snprintf(right, sizeof right, "%ld", sum);
    rule_put_value(j, 0, j->rule->code, WORD(right), nothing);
}
