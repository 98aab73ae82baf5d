/* Relation keys of one file: each once, with the place where it stands first. */
#include "standard/relation.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

enum { CAPACITY_MIN = 64, KEY_WORDS = 4 };

/* Beside 第1表 a supplement is known by its plan date, beside 第6表 by its month. */
static bool rule_applies(const struct record_rule *rule, const struct careplan_name *name)
{
    bool with_plan = strcmp(name->month, "000000") == 0;
    return rule->values[0] == '\0' || strcmp(rule->values, with_plan ? "plan" : "month") == 0;
}

const struct record_rule *relation_rule(const struct careplan_layout *layout,
                                        const struct careplan_name *name)
{
    for (size_t i = 0; layout && i < layout->n_rules; i++) {
        const struct record_rule *rule = &layout->rules[i];
        if (rule->check == RECORD_RELATION_KEY && rule->n_items == RELATION_ITEMS && rule_applies(rule, name))
            return rule;
    }
    return NULL;
}

int relation_compare(const struct careplan_key *a, const struct careplan_key *b)
{
    int order = strcmp(a->insured_no, b->insured_no);
    order = order ? order : strcmp(a->insurer_no, b->insurer_no);
    return order ? order : strcmp(a->date, b->date);
}

size_t relation_place(const struct careplan_check_result *result, const struct careplan_key *key)
{
    size_t low = 0, high = result->n_keys;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (relation_compare(&result->keys[result->key_order[middle]], key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool relation_has(const struct careplan_check_result *result, const struct careplan_key *key)
{
    size_t place = relation_place(result, key);
    return place < result->n_keys && relation_compare(&result->keys[result->key_order[place]], key) == 0;
}

/* ---- Collecting ---- */

static uint64_t fold(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static size_t slot_of(const struct relation *r, const struct careplan_key *key)
{
    uint64_t words[KEY_WORDS] = {0};
    char *text = (char *)words;
    memcpy(text, key->insurer_no, sizeof key->insurer_no);
    memcpy(text + 8, key->insured_no, sizeof key->insured_no - 1);
    memcpy(text + 18, key->date, sizeof key->date);
    uint64_t hash = fold(words[0] ^ r->seed[0], words[1] ^ r->seed[1]);
    hash = fold(hash ^ words[2] ^ r->seed[1], words[3] ^ r->seed[0]);
    return (size_t)hash & (2 * r->capacity - 1);
}

/* The slot with the key, or the free one where it goes. */
static uint32_t *slot_find(const struct relation *r, const struct careplan_key *key)
{
    size_t slot = slot_of(r, key);
    while (r->slots[slot] && relation_compare(&r->keys[r->slots[slot] - 1], key) != 0)
        slot = (slot + 1) & (2 * r->capacity - 1);
    return &r->slots[slot];
}

static int grow(struct relation *r)
{
    size_t capacity = r->capacity ? r->capacity * 2 : CAPACITY_MIN;
    struct careplan_key *keys = reallocarray(r->keys, capacity, sizeof *keys);
    if (!keys)
        return -ENOMEM;
    r->keys = keys;
    uint32_t *slots = calloc(2 * capacity, sizeof *slots);
    if (!slots)
        return -ENOMEM;
    free(r->slots);
    r->slots = slots;
    if (r->capacity == 0) {
        const void *random = (const void *)getauxval(AT_RANDOM); /* 16 bytes of this process */
        if (random)
            memcpy(r->seed, random, sizeof r->seed);
    }
    r->capacity = capacity;
    for (size_t i = 0; i < r->n; i++)
        *slot_find(r, &r->keys[i]) = (uint32_t)i + 1;
    return 0;
}

static bool item_take(char *out, size_t size, const struct scanned_item *item)
{
    if (item->length >= size)
        return false;
    memcpy(out, item->text, item->length);
    return item->length > 0;
}

/* False: a form that no key has, or a date that stands for none (00000000). */
static bool key_of(struct careplan_key *key, const struct scanned_item *const items[RELATION_ITEMS])
{
    const struct scanned_item *date = items[RELATION_DATE];
    *key = (struct careplan_key){.line = items[RELATION_INSURER]->line,
                                 .date_lines = (uint32_t)(date->line - items[RELATION_INSURER]->line)};
    return item_take(key->insurer_no, sizeof key->insurer_no, items[RELATION_INSURER]) &&
           item_take(key->insured_no, sizeof key->insured_no, items[RELATION_INSURED]) &&
           item_take(key->date, sizeof key->date, date) && strspn(key->date, "0") < date->length;
}

/* A record of another month than the name's was said to be so. */
static bool month_differs(const struct careplan_name *name, const struct careplan_key *key)
{
    return name->kind->month_in_name && strcmp(name->month, "000000") != 0 &&
           strcmp(name->month, key->date) != 0;
}

int relation_add(struct relation *r, const struct careplan_name *name,
                 const struct scanned_item *const items[RELATION_ITEMS], size_t limit)
{
    struct careplan_key key;
    if (r->over || !key_of(&key, items) || month_differs(name, &key))
        return 0;
    r->records++;
    if (r->n && relation_compare(&r->keys[r->n - 1], &key) == 0) /* most records follow their like */
        return 0;
    uint32_t *slot = r->slots ? slot_find(r, &key) : NULL;
    if (slot && *slot)
        return 0;
    r->over = r->n == limit;
    if (r->over)
        return 0;
    if (r->n == r->capacity) {
        int e = r->capacity < UINT32_MAX / 4 ? grow(r) : -ENOMEM;
        if (e < 0)
            return e;
        slot = slot_find(r, &key);
    }
    r->keys[r->n++] = key;
    *slot = (uint32_t)r->n;
    return 0;
}

/* ---- The result ---- */

static int compare_places(const void *a, const void *b, void *keys)
{
    const struct careplan_key *all = keys;
    return relation_compare(&all[*(const uint32_t *)a], &all[*(const uint32_t *)b]);
}

int relation_finish(struct relation *r, bool readable, uint64_t records, struct careplan_check_result *result)
{
    free(r->slots);
    r->slots = NULL;
    uint32_t *order = r->n ? calloc(r->n, sizeof *order) : NULL;
    if (r->n && !order)
        return -ENOMEM;
    for (size_t i = 0; i < r->n; i++)
        order[i] = (uint32_t)i;
    if (r->n)
        qsort_r(order, r->n, sizeof *order, compare_places, r->keys);
    struct careplan_key *fitting = r->n ? reallocarray(r->keys, r->n, sizeof *r->keys) : NULL;
    if (fitting)
        r->keys = fitting;
    result->keys = r->keys;
    result->key_order = order;
    result->n_keys = r->n;
    result->keys_complete = readable && !r->over && r->records == records;
    r->keys = NULL;
    return 0;
}

void relation_free(struct relation *r)
{
    free(r->keys);
    free(r->slots);
}
