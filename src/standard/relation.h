/* The relation keys of one file (標準仕様 関連キー), collected while it is checked. Which items make the key
 * of which kind stands in records.tsv (`relation_key`). */
#ifndef STANDARD_RELATION_H
#define STANDARD_RELATION_H

#include "standard/layout.h"
#include "standard/scanner.h"

enum { RELATION_INSURER, RELATION_INSURED, RELATION_DATE, RELATION_ITEMS };

struct relation {
    struct careplan_key *keys;
    uint32_t *slots; /* hash table of indexes + 1; twice the capacity, so that it is never full */
    size_t n, capacity;
    uint64_t records; /* whose key is in `keys` */
    uint64_t seed[2]; /* what a hostile file cannot know */
    bool over;        /* there are more than the limit: CP1019 */
};

/* The rule with the key's items of this file; NULL: its kind has none. */
const struct record_rule *relation_rule(const struct careplan_layout *layout,
                                        const struct careplan_name *name);
/* Adds the key of one record, whose items are well-formed. 0 or -ENOMEM. */
int relation_add(struct relation *r, const struct careplan_name *name,
                 const struct scanned_item *const items[RELATION_ITEMS], size_t limit);
/* Hands the keys over. 0 or -ENOMEM. */
int relation_finish(struct relation *r, bool readable, uint64_t records,
                    struct careplan_check_result *result);
void relation_free(struct relation *r);

/* By insured_no, insurer_no, date. */
int relation_compare(const struct careplan_key *a, const struct careplan_key *b);
bool relation_has(const struct careplan_check_result *result, const struct careplan_key *key);
/* The first place in key_order at or behind which `key` would stand. */
size_t relation_place(const struct careplan_check_result *result, const struct careplan_key *key);

#endif
