/* The standard's tables from text: read twice by the same code, when the program is built (compile.c) and
 * when a machine adds its own (careplan_standard_new). Every fault is said with table, line and reason. */
#ifndef STANDARD_LOAD_H
#define STANDARD_LOAD_H

#include "standard/layout.h"

struct standard_catalogue {
    const struct careplan_rule *rules;
    size_t n;
};

enum {
    LOAD_MEMORY = 16 * 1024 * 1024, /* of a standard */
    LOAD_TEXT = 4 * 1024 * 1024,    /* of all tables */
    VERSIONS_MAX = 64,
    LAYOUTS_MAX = 1024,
    KINDS_MAX = 1024,
    KIND_NAME_MAX = 31,
    UNITS_MAX = 1024,
    RULES_OF_LAYOUT_MAX = 255,
    VALUES_MAX = 512, /* of an item */
};

/* `base` with the tables' versions added or replaced; an empty one when the program is built. What is base's
 * stays in use. 0; -EINVAL with `fault`; -ENOMEM. */
int standard_load(const struct careplan_standard *base, const struct standard_catalogue *catalogue,
                  const struct careplan_table *tables, size_t n, struct careplan_standard **out,
                  struct careplan_table_fault *fault);

/* rules.tsv, sorted by code; its texts are the arena's. 0, -EINVAL, -ENOMEM. */
struct arena;
int catalogue_load(struct arena *a, const struct careplan_table *table, struct standard_catalogue *out,
                   struct careplan_table_fault *fault);

#endif
