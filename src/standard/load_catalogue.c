/* rules.tsv: the catalogue, when the program is built. */
#include <stdlib.h>
#include <string.h>

#include "standard/load.h"
#include "standard/tsv.h"

enum { C_CODE, C_RULE, C_SEVERITY, C_MESSAGE_JA, C_MESSAGE_EN, C_REMEDY_JA, C_REMEDY_EN, C_SOURCE, C_FIXED };

static const char columns[] = "code rule severity message_ja message_en remedy_ja remedy_en source fixed";

static int by_code(const void *a, const void *b)
{
    return strcmp(((const struct tsv_row *)a)->cells[C_CODE], ((const struct tsv_row *)b)->cells[C_CODE]);
}

static int rule_row(const struct tsv *t, size_t i, struct careplan_rule *rule,
                    struct careplan_table_fault *fault)
{
    const struct tsv_row *row = &t->rows[i];
    const char *const *cells = row->cells, *code = cells[C_CODE], *severity = cells[C_SEVERITY];
    bool fixed = strcmp(cells[C_FIXED], "yes") == 0;
    if (strlen(code) != 6 || strncmp(code, "CP", 2) != 0 || strspn(code + 2, "0123456789") != 4)
        return table_fault(fault, t->name, row->line, "code '%.40s' is not CPnnnn", code);
    if (i && strcmp(t->rows[i - 1].cells[C_CODE], code) == 0)
        return table_fault(fault, t->name, row->line, "code %s stands twice", code);
    if (strcmp(severity, "error") != 0 && strcmp(severity, "warning") != 0)
        return table_fault(fault, t->name, row->line, "severity '%.40s' is neither error nor warning",
                           severity);
    if (!fixed && cells[C_FIXED][0])
        return table_fault(fault, t->name, row->line, "fixed is '%.40s', expected yes or nothing",
                           cells[C_FIXED]);
    for (size_t k = C_RULE; k <= C_SOURCE; k++)
        if (!cells[k][0])
            return table_fault(fault, t->name, row->line, "%s has an empty cell", code);
    *rule = (struct careplan_rule){code,
                                   cells[C_RULE],
                                   severity[0] == 'e' ? CAREPLAN_ERROR : CAREPLAN_WARNING,
                                   cells[C_MESSAGE_JA],
                                   cells[C_MESSAGE_EN],
                                   cells[C_REMEDY_JA],
                                   cells[C_REMEDY_EN],
                                   cells[C_SOURCE],
                                   fixed};
    return 0;
}

int catalogue_load(struct arena *a, const struct careplan_table *table, struct standard_catalogue *out,
                   struct careplan_table_fault *fault)
{
    struct tsv t;
    int r = tsv_read(a, a, table, columns, &t, fault);
    if (r)
        return r;
    if (t.n)
        qsort(t.rows, t.n, sizeof *t.rows, by_code);
    struct careplan_rule *rules = arena_take(a, t.n, sizeof *rules);
    if (!rules)
        return arena_error(a);
    for (size_t i = 0; r == 0 && i < t.n; i++)
        r = rule_row(&t, i, &rules[i], fault);
    *out = (struct standard_catalogue){rules, t.n};
    return r;
}
