/* The parts of the rules between items and between records (records.tsv): what each gets, and what it may
 * use. Shared by records.c, record_rules.c, compare.c, table7.c, rentals.c, plans.c. */
#ifndef STANDARD_RECORDS_PRIVATE_H
#define STANDARD_RECORDS_PRIVATE_H

#include "standard/check_private.h"

/* One rule on one record; at the end of the file, on what was remembered (no items then). */
struct judged {
    struct careplan_check *check;
    const struct record_rule *rule;
    uint8_t index; /* of the rule in its layout */
    struct record *record;
    const struct scanned_item *items[RECORD_ITEMS];
};

typedef void rule_fn(const struct judged *j);
typedef void rule_end_fn(const struct judged *j, const struct key *key);

/* ---- records.c ---- */

/* Puts `code` at item i of the rule. */
void rule_put(const struct judged *j, size_t i, const char *code, const struct word *words, size_t n);
/* The same with the item's value as the first argument. */
void rule_put_value(const struct judged *j, size_t i, const char *code, struct word second,
                    struct word third);
/* At the end of the file: at `line`, in the column of item 0. */
void rule_put_end(const struct judged *j, uint64_t line, const char *code, const struct word *words,
                  size_t n);
const struct layout_item *rule_item(const struct judged *j, size_t i);
/* "8列目「相談方法」": another item that a message speaks of. */
struct item_words {
    char ja[300], en[100];
};
struct word rule_item_words(const struct judged *j, size_t i, struct item_words *words);
bool rule_item_bad(const struct judged *j, size_t i);
/* Is the text one of the rule's values, which are separated by spaces? */
bool rule_in_values(const struct judged *j, const uint8_t *text, size_t length);
/* The layout's rule of this check, NULL: none. For checks whose ruling another one brings about. */
const struct record_rule *rule_of(const struct judged *j, enum record_check check);
/* Are results in this file those of other offices, which its sender got? */
bool passes_results_on(const struct careplan_check *c);
void number_text(char out[24], uint64_t number);
/* An integer of at most 9 digits; false: it is none. */
bool number_read(const struct scanned_item *item, long *number);

/* ---- compare.c: remembering ---- */

/* The key of `n` items of the rule from `from` on, and what it is for; *known: it was there before. NULL: it
 * cannot be remembered, which was said. */
struct key *remember(const struct judged *j, uint8_t part, size_t from, size_t n, bool *known);
struct key *remember_text(const struct judged *j, const struct key_text *text, bool *known);
/* What is remembered is judged no more: a record that belongs to it could not be read. */
void doubt_rule(const struct judged *j);
/* CP1019, once a file. */
void limit_say(struct careplan_check *c, size_t limit);

enum {
    KEY_UNSURE = 1, /* a record of it could not be read: what is missing is not told */
    KEY_PART = 2,   /* not judged at the end */
    KEY_FLAG = 4,   /* first flag of the rule's own */
};

rule_fn check_unique, check_unique_service, check_user_relation, doubt_user_relation;
rule_end_fn end_user_relation;
/* Says of the whole file that none of its users has to do with the recipient; true: it is so. */
bool end_no_user_related(struct careplan_check *c);

/* ---- table7.c ---- */

bool table7_is_total(const struct scanned_item *code);
bool table7_is_subtotal(const struct scanned_item *code);
rule_fn check_table7_zero, check_table7_empty, check_table7_office, check_table7_managed, check_table7_unique,
    check_table7_service_office, check_no_table7_row, check_has_total, doubt_has_total, check_has_subtotal,
    doubt_has_subtotal;
rule_end_fn end_has_total, end_has_subtotal;

/* ---- rentals.c ---- */

rule_fn check_detail_code, doubt_detail_code;
rule_end_fn end_detail_code;

/* ---- plans.c ---- */

rule_fn check_plan_order, check_first_only;

/* ---- record_rules.c ---- */

rule_fn check_number_range, check_flags_of_month, check_both_special, check_both_filled, check_one_group,
    check_any_group, check_in_order, check_needs_type, check_not_values, check_dates_in_order, check_days_sum,
    check_filled;

#endif
