/* What the parts of reading the standard's tables share. Each returns 0, -EINVAL (the fault was said),
 * -ENOMEM or -E2BIG. */
#ifndef STANDARD_LOAD_PRIVATE_H
#define STANDARD_LOAD_PRIVATE_H

#include "standard/load.h"
#include "standard/tsv.h"

/* A layout's table: its name says whose it is. */
struct layout_table {
    struct tsv tsv;
    const char *version, *kind;
};

/* Where a kind comes from, beside careplan_standard.kinds. */
struct kind_origin {
    const char *table; /* NULL: the base's, or of the layout's table alone */
    unsigned long line;
    unsigned long items; /* that its row promises; 0: it promises none */
};

struct load {
    struct arena *keep, *scratch;
    const struct careplan_standard *base;
    const struct standard_catalogue *catalogue;
    struct careplan_table_fault *fault;
    struct tsv versions, file_kinds, kind_words, records, units, flows, service_types, roles;
    struct layout_table *layouts;
    size_t n_layouts;

    /* In the making; they are careplan_standard's in the end. */
    struct careplan_standard *standard;
    struct careplan_version *of_versions;
    struct careplan_kind *kinds;
    struct kind_origin *origins;
    struct kind_words *words;
    struct record_source *sources;
    struct unit_pattern *patterns;
};

#define LOAD_FAULT(l, tsv, row, ...) table_fault((l)->fault, (tsv)->name, (row)->line, __VA_ARGS__)

int load_no_room(const struct load *l);
/* YYYYMM */
bool month_is_named(const char *text, size_t length);
/* [A-Z][A-Z0-9_]*, at most KIND_NAME_MAX. */
bool kind_name_is_good(const char *text, size_t length);
int load_yes_no(struct load *l, const struct tsv *t, const struct tsv_row *row, size_t column,
                const char *what, bool *out);
/* Does the table, if it was given, have a row of this version? `column` is that of the version. */
bool tsv_has(const struct tsv *t, size_t column, const char *text);
const struct careplan_version *load_version(const struct load *l, const char *name);
const struct kind_words *load_words_of(const struct load *l, const char *kind);

/* In this order. */
int load_kind_words(struct load *l);
int load_versions(struct load *l);
int load_kinds(struct load *l);
int load_records(struct load *l);
int load_layouts(struct load *l);
int load_units(struct load *l);
int load_service_types(struct load *l);
int load_flows(struct load *l);
int load_roles(struct load *l);
int load_check_names(struct load *l);

struct careplan_kind *load_kind(const struct load *l, const char *version, const char *name);
/* Is there such a kind in any version? */
bool load_kind_known(const struct load *l, const char *name, size_t length);
/* The rules of a layout, by its kind and its items' names. */
int load_layout_rules(struct load *l, struct careplan_layout *layout);
/* Each row of records.tsv, if it was given, must hold for each of its kinds in some version. */
int load_records_used(struct load *l);

#endif
