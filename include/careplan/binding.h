/* For bindings to other languages, which know no struct of ours: what a C program writes into a struct or
 * reads out of one, by functions. With these, careplan/problems.h and careplan/unit.h, a binding checks files
 * and units, takes names apart and makes them by pointers, texts and numbers alone. */
#ifndef CAREPLAN_BINDING_H
#define CAREPLAN_BINDING_H

#include "careplan/standard.h"

#ifdef __cplusplus
extern "C" {
#endif
#ifdef __GNUC__
#pragma GCC visibility push(default)
#endif

/* ---- Options of a check ---- */

struct careplan_options;
struct careplan_options *careplan_options_new(void);    /* the catalogue's severities, default limits */
void careplan_options_free(struct careplan_options *o); /* NULL is allowed */

/* 0; -ENOENT: no such rule; -EPERM: it is `fixed`; -EINVAL: no such severity. */
int careplan_options_set_severity(struct careplan_options *o, const char *code,
                                  enum careplan_severity severity);
enum careplan_limit {
    CAREPLAN_LIMIT_ITEM_BYTES,
    CAREPLAN_LIMIT_ROW_BYTES,
    CAREPLAN_LIMIT_KEYS,
    CAREPLAN_LIMIT_IMAGES,
};
/* As in struct careplan_limits: 0 = the default. 0; -EINVAL: no such limit. */
int careplan_options_set_limit(struct careplan_options *o, enum careplan_limit limit, size_t value);
/* To be given to a check, a unit or a writer, which `o` must outlive. */
const struct careplan_check_options *careplan_options_get(const struct careplan_options *o);

/* ---- Names and kinds ---- */

/* An empty name, for careplan_name_parse to fill, or to be filled by parts for careplan_name_make. */
struct careplan_name *careplan_name_new(void);
void careplan_name_free(struct careplan_name *name); /* NULL is allowed */

enum careplan_name_part {
    CAREPLAN_PART_MONTH,
    CAREPLAN_PART_SENDER_NUMBER,
    CAREPLAN_PART_SENDER_SERVICE,
    CAREPLAN_PART_RECIPIENT_NUMBER,
    CAREPLAN_PART_RECIPIENT_SERVICE,
    CAREPLAN_PART_SEQUENCE,
    CAREPLAN_PART_IMAGE_NUMBER,
    CAREPLAN_PART_CANONICAL, /* the whole name */
};
/* "": the name has no such part. Valid as long as the name is not changed. */
const char *careplan_name_part(const struct careplan_name *name, enum careplan_name_part part);
/* 0; -EINVAL: too long, or CAREPLAN_PART_CANONICAL, which careplan_name_make fills in. */
int careplan_name_set_part(struct careplan_name *name, enum careplan_name_part part, const char *text);
const struct careplan_kind *careplan_name_kind(const struct careplan_name *name); /* NULL: none */
void careplan_name_set_kind(struct careplan_name *name, const struct careplan_kind *kind);

const char *careplan_kind_name(const struct careplan_kind *k);    /* "UPPLAN" */
const char *careplan_kind_version(const struct careplan_kind *k); /* "202407" */

/* ---- The result of a check ---- */

/* An empty result, for careplan_check_finish, _buffer and _stream to fill, once. */
struct careplan_check_result *careplan_result_new(void);
void careplan_result_free(struct careplan_check_result *r); /* and what is in it; NULL is allowed */
uint64_t careplan_result_bytes(const struct careplan_check_result *r);
uint64_t careplan_result_records(const struct careplan_check_result *r);
uint64_t careplan_result_errors(const struct careplan_check_result *r);
uint64_t careplan_result_warnings(const struct careplan_check_result *r);
uint64_t careplan_result_not_reported(const struct careplan_check_result *r);
const char *careplan_result_version(const struct careplan_check_result *r); /* "202407", or "" */

#ifdef __GNUC__
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif
#endif
