/* Records of a unit against each other by their relation keys (標準仕様 関連キー). Keys come from the check
 * of each file, with their order, so that nothing is allocated here. What a key that could not be read might
 * turn over is not judged. */
#include <stdio.h>
#include <string.h>

#include "standard/relation.h"
#include "standard/unit_private.h"

enum { NEIGHBOURS_MAX = 64 }; /* records of one insured number that are looked at for a likeness */

/* A result that a caller made may have keys without their order, or a number alone. */
static bool keys_given(const struct careplan_check_result *r)
{
    return r && (r->n_keys == 0 || (r->keys && r->key_order));
}

static bool keys_known(const struct careplan_unit_file *file)
{
    return keys_given(file->result) && file->result->keys_complete;
}

/* True: there are main files of this part, and all their keys are known. */
static bool mains_known(const struct unit *u, const struct careplan_name *part)
{
    size_t n = 0;
    for (size_t i = 0; i < u->n; i++) {
        if (!goes_with(part, u->files[i].name))
            continue;
        if (!keys_known(&u->files[i]))
            return false;
        n++;
    }
    return n > 0;
}

static bool in_mains(const struct unit *u, const struct careplan_name *part, const struct careplan_key *key)
{
    for (size_t i = 0; i < u->n; i++)
        if (goes_with(part, u->files[i].name) && relation_has(u->files[i].result, key))
            return true;
    return false;
}

/* ---- A record of a part without its main record ---- */

/* What a record without its main record has in common with one. */
struct likeness {
    const struct careplan_key *person; /* the same person, of another date */
    const struct careplan_key *number; /* the same insured number and date, of another insurer */
};

static void likeness_in(struct likeness *l, const struct careplan_check_result *main,
                        const struct careplan_key *key)
{
    struct careplan_key first = {.line = 0};
    memcpy(first.insured_no, key->insured_no, sizeof first.insured_no);
    size_t place = relation_place(main, &first), end = place + NEIGHBOURS_MAX;
    for (; place < main->n_keys && place < end; place++) {
        const struct careplan_key *other = &main->keys[main->key_order[place]];
        if (strcmp(other->insured_no, key->insured_no) != 0)
            return;
        bool insurer = strcmp(other->insurer_no, key->insurer_no) == 0;
        if (insurer && !l->person)
            l->person = other;
        if (!insurer && !l->number && strcmp(other->date, key->date) == 0)
            l->number = other;
    }
}

static struct likeness likeness_find(const struct unit *u, const struct careplan_name *part,
                                     const struct careplan_key *key)
{
    struct likeness l = {NULL, NULL};
    for (size_t i = 0; i < u->n && !l.person; i++)
        if (goes_with(part, u->files[i].name))
            likeness_in(&l, u->files[i].result, key);
    return l;
}

static const struct careplan_kind *main_kind(const struct unit *u, const struct careplan_name *part)
{
    for (size_t i = 0; i < u->n; i++)
        if (goes_with(part, u->files[i].name))
            return u->files[i].name->kind;
    return part->kind;
}

static struct problem_place key_place(const struct careplan_name *file, const struct record_rule *rule,
                                      const struct careplan_key *key, unsigned item)
{
    return (struct problem_place){.line = key->line + (item == RELATION_DATE ? key->date_lines : 0),
                                  .column = rule->items[item] + 1u,
                                  .item = &file->kind->layout->items[rule->items[item]],
                                  .file = file};
}

static void orphan_key(struct unit *u, const struct careplan_name *part, const struct record_rule *rule,
                       const struct careplan_key *key)
{
    const struct likeness l = likeness_find(u, part, key);
    const struct word title = title_of(main_kind(u, part));
    const struct layout_item *date = &part->kind->layout->items[rule->items[RELATION_DATE]];
    uint64_t before = u->sink.errors;
    struct problem_place place;
    if (l.person) {
        place = key_place(part, rule, key, RELATION_DATE);
        PROBLEM(&u->sink, "CP1312", &place, WORD(key->date), title, WORD(l.person->date));
    } else if (l.number) {
        place = key_place(part, rule, key, RELATION_INSURER);
        PROBLEM(&u->sink, "CP1313", &place, WORD(key->insurer_no), title, WORD(l.number->insurer_no));
    } else {
        place = key_place(part, rule, key, RELATION_INSURED);
        PROBLEM(&u->sink, "CP1311", &place, WORD(key->insured_no), title,
                ((struct word){date->name_ja, date->name_en}));
    }
    u->faulty |= u->sink.errors > before;
}

void part_keys_judge(struct unit *u, const struct careplan_unit_file *part)
{
    const struct careplan_check_result *r = part->result;
    const struct record_rule *rule = relation_rule(part->name->kind->layout, part->name);
    if (!keys_given(r) || !rule || !mains_known(u, part->name))
        return;
    for (size_t i = 0; i < r->n_keys; i++)
        if (!in_mains(u, part->name, &r->keys[i]))
            orphan_key(u, part->name, rule, &r->keys[i]);
}

/* ---- A user of a main file without a record in a part ---- */

static bool is_part(const struct careplan_unit_file *file, const struct careplan_name *main, const char *kind)
{
    return kind_is(file->name->kind, main->kind->version->name, kind) && goes_with(file->name, main);
}

/* Is it known of each user whether this kind has a record of it? A record without its main record was said,
 * and is most likely the one that would be missed. */
static bool part_judgeable(const struct unit *u, const struct careplan_name *main, const char *kind)
{
    size_t n = 0;
    for (size_t i = 0; i < u->n; i++) {
        const struct careplan_unit_file *part = &u->files[i];
        if (!is_part(part, main, kind))
            continue;
        if (!keys_known(part) || !mains_known(u, part->name))
            return false;
        for (size_t k = 0; k < part->result->n_keys; k++)
            if (!in_mains(u, part->name, &part->result->keys[k]))
                return false;
        n++;
    }
    return n > 0;
}

static bool in_parts(const struct unit *u, const struct careplan_name *main, const char *kind,
                     const struct careplan_key *key)
{
    for (size_t i = 0; i < u->n; i++)
        if (is_part(&u->files[i], main, kind) && relation_has(u->files[i].result, key))
            return true;
    return false;
}

void main_keys_judge(struct unit *u, const struct unit_pattern *p, const struct careplan_unit_file *main)
{
    const struct careplan_check_result *r = main->result;
    const struct record_rule *rule = relation_rule(main->name->kind->layout, main->name);
    const char *judgeable[UNIT_PARTS];
    size_t n = 0;
    for (size_t i = 0; keys_given(r) && rule && i < UNIT_PARTS && p->needs[i]; i++)
        if (part_judgeable(u, main->name, p->needs[i]))
            judgeable[n++] = p->needs[i];
    for (size_t k = 0; n && k < r->n_keys; k++) {
        struct list missing = {"", ""};
        for (size_t i = 0; i < n; i++)
            if (!in_parts(u, main->name, judgeable[i], &r->keys[k]))
                list_kind(&missing, main->name, judgeable[i]);
        if (!missing.ja[0])
            continue;
        uint64_t before = u->sink.errors;
        const struct problem_place place = key_place(main->name, rule, &r->keys[k], RELATION_INSURED);
        PROBLEM(&u->sink, "CP1314", &place, ((struct word){missing.ja, missing.en}));
        u->faulty |= u->sink.errors > before;
    }
}
