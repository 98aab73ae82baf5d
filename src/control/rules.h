/* The rules in force on this machine: the standard's tables with what [standard] layouts= adds, and the
 * catalogue's severities as [rules] changes them. Made once at the start, constant, shared by threads. */
#ifndef CONTROL_RULES_H
#define CONTROL_RULES_H

#include "base/settings.h"
#include "careplan/error.h"
#include "careplan/standard.h"

struct rules;

/* NULL and one line (file, line, reason, what to do): the folder of layouts is bad. */
struct rules *rules_new(const struct settings *s, struct error *e);
void rules_free(struct rules *r); /* NULL is allowed */

/* Where `r` is NULL: the built-in tables and the catalogue's own severities. */
const struct careplan_standard *rules_standard(const struct rules *r);
const struct careplan_check_options *rules_options(const struct rules *r);
/* For one more file of a unit, of which `held` relation keys are kept already: at most RULES_UNIT_KEYS in all
 * (some 10 MB); what is over them is not compared. */
enum { RULES_UNIT_KEYS = 3 * CAREPLAN_KEYS_MAX };
struct careplan_check_options rules_unit_options(const struct rules *r, size_t held);
enum careplan_severity rules_severity(const struct rules *r, const struct careplan_rule *rule);

/* Does [rules] name only rules that are there and can be changed? Reads as settings_check_rules. */
int rules_check(const char *path, const char *data, struct error *e);

#endif
