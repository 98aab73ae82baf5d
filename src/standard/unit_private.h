/* A send unit under judgement: its completeness (unit.c) and its records against each other (unit_keys.c). */
#ifndef STANDARD_UNIT_PRIVATE_H
#define STANDARD_UNIT_PRIVATE_H

#include "standard/problem.h"

/* Of parts of one kind without a main file of their month. */
struct unit_other {
    const struct careplan_kind *kind; /* NULL: not looked for yet */
    const struct careplan_name *main; /* the first main file that lacks this kind */
    bool orphan;                      /* there are such parts */
};
enum { UNIT_OTHERS = 64 };

struct unit {
    const struct careplan_unit_file *files;
    size_t n;
    const struct careplan_name **sorted; /* by version, kind, month; NULL: no memory */
    struct unit_other others[UNIT_OTHERS];
    struct problem_sink sink; /* its counts are those of the file that is looked at */
    bool incomplete, sub_missing, faulty;
};

/* "居宅サービス計画2表 UP2KYO、…" */
enum { LIST_SIZE = 512 };
struct list {
    char ja[LIST_SIZE], en[LIST_SIZE];
};

/* Adds `kind` in the version of `main`. */
void list_kind(struct list *l, const struct careplan_name *main, const char *kind);
struct word title_of(const struct careplan_kind *kind);

bool kind_is(const struct careplan_kind *kind, const char *version, const char *name);
/* What goes with this main file; NULL: no main file. */
const struct unit_pattern *pattern_of(const struct careplan_kind *main);
/* Does the file go with this main file? */
bool goes_with(const struct careplan_name *file, const struct careplan_name *main);

/* The unit's files with names of their content's version; problems go on with the files that were given. */
struct unit_content {
    const struct careplan_unit_file *given;
    struct careplan_name *names;
    struct careplan_unit_file *files;
    careplan_problem_fn *fn;
    void *context;
};
/* False: they are so already (or there is no memory, and they are judged as named). */
bool unit_by_content(struct unit_content *u, const struct careplan_unit_file *files, size_t n);
careplan_problem_fn unit_content_put; /* context: a struct unit_content whose fn is not NULL */
void unit_content_free(struct unit_content *u);

/* Records of a part without their main record (標準仕様 関連キー). */
void part_keys_judge(struct unit *u, const struct careplan_unit_file *part);
/* Users of a main file without a record in a part that they need. */
void main_keys_judge(struct unit *u, const struct unit_pattern *p, const struct careplan_unit_file *main);

#endif
