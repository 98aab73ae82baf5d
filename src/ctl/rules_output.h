/* What `careplanctl rules` prints: the catalogue with the severities in force. */
#ifndef CTL_RULES_OUTPUT_H
#define CTL_RULES_OUTPUT_H

#include <stdbool.h>

#include "base/settings.h"
#include "careplan/standard.h"
#include "control/rules.h"

enum { RULE_TEXT_SIZE = 1024 };

struct rules_view {
    bool japanese;
    const char *config;              /* as given; NULL: the catalogue alone */
    const struct settings *settings; /* NULL without config */
    const struct rules *in_force;    /* NULL without config */
};

/* The catalogue's text with its placeholders as a person reads them: 「○○」が X 桁 …; ITEM has X …. */
void rule_text(char out[RULE_TEXT_SIZE], const char *template, bool japanese);
/* The same of a remedy: a placeholder at either end is a sentence that some files get, and left out. */
void rule_remedy_text(char out[RULE_TEXT_SIZE], const char *template, bool japanese);
const char *severity_word(enum careplan_severity s, bool japanese);
/* Is the rule named in [rules]? */
bool view_names(const struct rules_view *v, const struct careplan_rule *rule);

void rules_put_list(const struct rules_view *v, const struct careplan_rule *const *rules, size_t n);
void rules_put_whole(const struct rules_view *v, const struct careplan_rule *const *rules, size_t n);
int rules_put_json(const struct rules_view *v, const struct careplan_rule *const *rules,
                   size_t n); /* 0, -ENOMEM */

/* docs/rules.md. */
void rules_put_page(void);

#endif
