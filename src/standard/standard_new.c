/* A standard of a machine's own: the built-in one with tables added or replaced. */
#include <errno.h>
#include <stddef.h>

#include "standard/arena.h"
#include "standard/load.h"

int careplan_standard_new(const struct careplan_table *tables, size_t n, struct careplan_standard **out,
                          struct careplan_table_fault *fault)
{
    struct careplan_table_fault unheard;
    const struct standard_catalogue catalogue = {careplan_rule_at(0), careplan_rules()};
    return standard_load(careplan_standard_builtin(), &catalogue, tables, n, out, fault ? fault : &unheard);
}

void careplan_standard_free(struct careplan_standard *s)
{
    if (s)
        arena_free(s->arena);
}
