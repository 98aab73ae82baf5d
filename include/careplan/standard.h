/* ケアプランデータ連携標準仕様 as a library (libcareplan): file names, layouts, the check of a file as a
 * stream, send units, and the words for people. Records by item name: careplan/record.h. Sources are named as
 * 「標準仕様 N」 (chapters of Ver.4.1).
 *
 * - No I/O: bytes come in by calls, problems go out by callbacks. No global state: everything that changes
 *   belongs to an object, and an object to one thread at a time; tables are constant and may be shared.
 * - Text in and out is UTF-8, contents are MS932 bytes.
 * - Memory: a check holds at most CAREPLAN_CHECK_MEMORY bytes, or what its `limits` allow, however large the
 *   file is.
 * - Functions that may fail return 0 or a negative errno; those that return an object set errno with NULL:
 *   ENOMEM, or EINVAL for an argument that cannot be. NULL with a length of 0 is no bytes.
 * - Later libraries go on with programs of today: what the library fills in or is given by its user ends in
 *   `reserved` (zero: begin with {0}), what it only hands out by pointer may become longer, and elements of
 * its lists are fetched by careplan_…_at. The other structs stay as they are. */
#ifndef CAREPLAN_STANDARD_H
#define CAREPLAN_STANDARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#ifdef __GNUC__
#pragma GCC visibility push(default) /* what the headers declare is all that the library shows */
#endif

enum careplan_language { CAREPLAN_JA, CAREPLAN_EN };
enum careplan_severity { CAREPLAN_OFF, CAREPLAN_WARNING, CAREPLAN_ERROR };

enum {
    CAREPLAN_ITEM_MAX = 64 * 1024,  /* bytes of one item */
    CAREPLAN_ROW_MAX = 1024 * 1024, /* bytes of one record */
    CAREPLAN_PROBLEMS_MAX = 1000,   /* errors, and warnings, reported a file; the rest are counted */
    CAREPLAN_NAME_MAX = 128,
    CAREPLAN_IMAGES_MAX = 4096, /* image names collected a UPKIHON file */
    CAREPLAN_KEYS_MAX = 65536,  /* different keys remembered of one file */
    CAREPLAN_CHECK_MEMORY =
        8 * 1024 * 1024, /* bytes that a check holds at most by default, its result included */
};

/* ---- The standard's tables ---- */

/* Versions, file kinds, layouts, units, flows, service types: constant once made, shared by threads. Where a
 * function takes one, NULL means the built-in one. */
struct careplan_standard;
const struct careplan_standard *careplan_standard_builtin(void);

/* A table of the ministry's next version, as TSV text. `name` is "versions.tsv", "202604/UPPLAN.tsv", …
 * (docs/standard.md, "Tables of your own"). */
struct careplan_table {
    const char *name, *text;
    size_t length;
};
struct careplan_table_fault {
    char name[64];      /* the table */
    unsigned long line; /* from 1; 0 = the whole table */
    char reason[256];   /* English, one line */
};
/* The built-in standard with versions added or replaced. 0; -EINVAL: a table is bad, `fault` says where and
 * why (it may be NULL); -ENOMEM. The texts are not needed afterwards. */
int careplan_standard_new(const struct careplan_table *tables, size_t n, struct careplan_standard **out,
                          struct careplan_table_fault *fault);
void careplan_standard_free(struct careplan_standard *s); /* NULL is allowed */

/* One CSVバージョン (標準仕様 改版履歴). */
struct careplan_version {
    const char *name; /* "202407" */
    const char *name_ja;
    const char *applies_from, *applies_until; /* サービス提供年月 YYYYMM, both included; "" = open */
    const char *replaced_by;                  /* not "": no file carries this value any more, but that one */
    bool services_in_name;                    /* file names carry the two service types */
    bool preventive;                          /* knows the flows of 標準仕様 3.2 */
};
size_t careplan_versions(const struct careplan_standard *s); /* how many */
const struct careplan_version *careplan_version_at(const struct careplan_standard *s,
                                                   size_t i); /* from 0; NULL: none */

/* ---- File kinds and layouts (標準仕様 別紙) ---- */

struct careplan_layout; /* items of one (version, kind); see src/standard/layout.h */

struct careplan_kind {
    const struct careplan_version *version; /* CSVバージョン */
    const char *name;                       /* "UPPLAN", …, "UPKIHON_IMAGE" */
    const char *name_ja;
    bool month_in_name;
    bool image;     /* JPEG, not CSV */
    bool main_file; /* shown last: UP1KYO, UPPLAN, UPJSK, UPKIHON, UPYOBO, every DLT… */
    bool deletion;  /* DLT… */
    const struct careplan_layout *layout; /* NULL for an image */
    const struct careplan_standard *standard;
};
const struct careplan_kind *careplan_kind_find(const struct careplan_standard *s, const char *version,
                                               const char *name); /* NULL: none */
size_t careplan_kinds(const struct careplan_standard *s);         /* how many */
const struct careplan_kind *careplan_kind_at(const struct careplan_standard *s,
                                             size_t i); /* in table order, from 0; NULL: none */
/* "第1表" … : the kind in a clerk's words, e.g. 「居宅サービス計画1表」 or "Table 6 (plan)". */
const char *careplan_kind_title(const struct careplan_kind *k, enum careplan_language language);
/* Items of a kind, from 0: 0 for an image. Names: as printed, and `name_en` of the layout ("insured_no"). */
size_t careplan_kind_items(const struct careplan_kind *k);
const char *careplan_kind_item_ja(const struct careplan_kind *k, size_t i); /* NULL: no such item */
const char *careplan_kind_item_en(const struct careplan_kind *k, size_t i); /* NULL: no such item */
/* From 0; -ENOENT: the kind has no item of this `name_en`. */
ptrdiff_t careplan_kind_item_find(const struct careplan_kind *k, const char *name_en);

/* ---- Names (標準仕様 4章) ---- */

struct careplan_name {
    const struct careplan_kind *kind;
    char month[7]; /* YYYYMM, "000000", or "" */
    char sender_number[11], recipient_number[11];
    char sender_service[3], recipient_service[3]; /* "" in a 202208 name */
    char sequence[15];                            /* 14 digits */
    char image_number[5];                         /* 枝番, or "" */
    char canonical[CAREPLAN_NAME_MAX];            /* upper case, as it is delivered */
    const void *reserved[4];
};

enum careplan_name_class {
    CAREPLAN_NAME_TRANSFER, /* fits a rule; `out` is filled */
    CAREPLAN_NAME_OTHER, /* fits no rule; `why` says what is wrong when it was plainly meant to be one, else
                   why->code is "" */
};

/* ---- Problems ---- */

struct careplan_problem {
    const char *code; /* stable, "CP1042"; static */
    const char *rule; /* the check's key word as in the standard's data, "gaiji", "code", …; static */
    enum careplan_severity severity;
    uint64_t line;         /* physical line from 1; 0 = the whole file */
    unsigned column;       /* item number from 1; 0 = the whole row */
    const char *item_name; /* as printed in the standard (Japanese), or NULL; static */
    const struct careplan_name
        *file; /* from careplan_unit_judge: the file at fault, NULL = the unit; else NULL */
    const char *message_ja,
        *message_en; /* one line each, without place and code; valid during the callback only */
    const char *remedy_ja, *remedy_en; /* what to do; valid during the callback only */
};
typedef void careplan_problem_fn(void *context, const struct careplan_problem *problem);

/* Judges a name (any case; UTF-8; no folder part). Problems (CAREPLAN_NAME_OTHER that was meant to be a
 * transfer name) go to `fn` (may be NULL). `out` may be NULL. */
enum careplan_name_class careplan_name_parse(const struct careplan_standard *s, const char *name,
                                             struct careplan_name *out, careplan_problem_fn *fn,
                                             void *context);

/* Makes a name: kind, month, offices, services, sequence and image_number are given (any case; "" where the
 * kind's names have no such part), `canonical` is filled in. By the rules of careplan_name_parse, which finds
 * the same parts in it again. 0; -EINVAL: a part does not fit; problems that a name has by itself go to `fn`
 * (may be NULL), and `name` is left as it was. */
int careplan_name_make(struct careplan_name *name, careplan_problem_fn *fn, void *context);

/* ---- The check of one file, as a stream ---- */

struct careplan_check;
struct careplan_limits { /* 0 = the default */
    size_t item_bytes;   /* longest item, default CAREPLAN_ITEM_MAX */
    size_t row_bytes;    /* longest record, default CAREPLAN_ROW_MAX */
    size_t keys;   /* different keys remembered of one file (users, records, …), default CAREPLAN_KEYS_MAX;
                      over it, what cannot be compared any more is said once, by a warning (CP1019) */
    size_t images; /* names of images collected of one file, default and at most CAREPLAN_IMAGES_MAX; over it
                      as with keys */
    size_t reserved[4];
};
struct careplan_check_options {
    /* severity of a rule, NULL = the catalogue's own; not asked for rules that are `fixed` */
    enum careplan_severity (*severity)(void *context, const char *code, enum careplan_severity standard);
    void *context;
    struct careplan_limits limits;
    const void *reserved[4];
};

/* A relation key (標準仕様 関連キー) of one user in one file: 保険者番号, 被保険者番号 and the day or month.
 */
struct careplan_key {
    char insurer_no[7], insured_no[11];
    char date[9];        /* YYYYMMDD or YYYYMM */
    uint32_t date_lines; /* the date stands so many lines below `line` */
    uint64_t line;       /* where it stands first */
};

struct careplan_check_result {
    uint64_t bytes, records;
    uint64_t errors, warnings;         /* all, also those beyond CAREPLAN_PROBLEMS_MAX */
    uint64_t not_reported;             /* beyond it */
    char version[7];                   /* CSVバージョン of the first record, or "" */
    char (*images)[CAREPLAN_NAME_MAX]; /* names in item 62 of UPKIHON, upper case, each once; malloc'd */
    uint64_t *image_lines;             /* where each stands; malloc'd */
    size_t n_images;
    /* Of kinds that stand beside others in a unit; each once, in order of place; malloc'd. */
    struct careplan_key *keys;
    uint32_t *key_order; /* indexes of keys by insured_no, insurer_no, date; malloc'd */
    size_t n_keys;
    bool keys_complete; /* false: there were more than the limit, or a record's could not be read */
    bool images_over;   /* there were more images than the limit */
    void *reserved[8];
};
/* `name` was parsed before (its kind decides the layout; for an image: first bytes). Problems come in order
 * of place as they are found, and last those that only the end of the file shows. NULL: no memory, or
 * (EINVAL) no name or one without a kind. */
struct careplan_check *careplan_check_new(const struct careplan_name *name,
                                          const struct careplan_check_options *options,
                                          careplan_problem_fn *fn, void *context);
/* The next bytes, any length. 0; -ENOMEM, then and ever after; -EINVAL after the end. */
int careplan_check_write(struct careplan_check *c, const void *data, size_t length);
/* The end of the file. Fills `result` (careplan_check_result_free). 0 = judged (look at result->errors),
 * -ENOMEM, or -EINVAL when it was called before; then `result` is empty. After it the check takes no call but
 * careplan_check_free. */
int careplan_check_finish(struct careplan_check *c, struct careplan_check_result *result);
void careplan_check_free(struct careplan_check *c);               /* NULL is allowed */
void careplan_check_result_free(struct careplan_check_result *r); /* what is in it; NULL is allowed */

/* The same in one call. 0 = judged, -ENOMEM, or -EINVAL as careplan_check_new. `result` may be NULL. */
int careplan_check_buffer(const struct careplan_name *name, const void *data, size_t length,
                          const struct careplan_check_options *options, careplan_problem_fn *fn,
                          void *context, struct careplan_check_result *result);
/* The caller's bytes: puts at most `size` of them into `buffer` and says how many; 0 = the end. A negative
 * errno ends the check, which returns it. */
typedef ptrdiff_t careplan_read_fn(void *context, void *buffer, size_t size);
int careplan_check_stream(const struct careplan_name *name, careplan_read_fn *read, void *read_context,
                          const struct careplan_check_options *options, careplan_problem_fn *fn,
                          void *context, struct careplan_check_result *result);

/* ---- Send units (標準仕様 2.4, 3.4) ---- */

struct careplan_unit_file {
    const struct careplan_name *name;
    const struct careplan_check_result *result; /* may be NULL: then its images and keys are not known */
    uint64_t *not_reported; /* may be NULL; gets the file's problems beyond CAREPLAN_PROBLEMS_MAX */
    const void *reserved[2];
};
enum careplan_unit_state {
    CAREPLAN_UNIT_COMPLETE,
    CAREPLAN_UNIT_SUB_MISSING, /* complete but for SUB files: goes after unit_wait with a warning */
    CAREPLAN_UNIT_INCOMPLETE,  /* a file is missing, or one is there that goes with none */
    CAREPLAN_UNIT_FAULTY,      /* all files are there, but their records do not fit each other */
};
/* Judges the files of one (sender, recipient, sequence): what is missing, and records without their partner
 * (標準仕様 関連キー). Problems go to `fn` (may be NULL); `file` of a problem says whose it is. `options` may
 * be NULL. Keys of a result without its key_order are taken for unknown, and not compared. */
enum careplan_unit_state careplan_unit_judge(const struct careplan_unit_file *files, size_t n,
                                             const struct careplan_check_options *options,
                                             careplan_problem_fn *fn, void *context);

/* Who may send what to whom (標準仕様 2.2, 3.2, flows.tsv), by service types. A type that the standard does
 * not mention (46, AF) may do anything: false is only what its own words forbid. */
bool careplan_flow_allowed(const struct careplan_kind *kind, const char *sender_service,
                           const char *recipient_service);
/* May an office of this service type put out / take in this kind at all? (candidates of a 202208 name.) 46
 * and AF are taken here for what they are known as, else every name would be unclear. */
bool careplan_flow_may_send(const struct careplan_kind *kind, const char *service);
bool careplan_flow_may_receive(const struct careplan_kind *kind, const char *service);

/* ---- The rule catalogue ---- */

struct careplan_rule {
    const char *code, *rule;
    enum careplan_severity severity;
    const char *message_ja, *message_en; /* {item} = the item's name, {1} … {6} = arguments */
    const char *remedy_ja, *remedy_en;
    const char *source; /* chapter or item of the standard; how it follows from it */
    bool fixed;         /* the program cannot go on without it: [rules] does not change it */
};
size_t careplan_rules(void);                                      /* how many */
const struct careplan_rule *careplan_rule_at(size_t i);           /* by code, from 0; NULL: none */
const struct careplan_rule *careplan_rule_find(const char *code); /* NULL: none */

/* ---- Reports for people ---- */

/* Builds the text of a report beside a file: UTF-8 with BOM and CRLF (Notepad), Japanese, what to do next on
 * top, then each problem with its place, then the code. */
struct careplan_report;
enum careplan_report_kind {
    CAREPLAN_REPORT_ERROR,
    CAREPLAN_REPORT_INCOMPLETE,
    CAREPLAN_REPORT_CONFIRM
}; /* .エラー.txt .未完成.txt .確認.txt */
struct careplan_report *careplan_report_new(enum careplan_report_kind kind, const char *file_name);
/* A careplan_problem_fn with a `struct careplan_report *` as its context; keeps copies, at most
 * CAREPLAN_PROBLEMS_MAX.
 */
void careplan_report_add(void *report, const struct careplan_problem *problem);
/* At the end: which of the unit's files are good. */
void careplan_report_add_good_file(struct careplan_report *r, const char *file_name);
/* malloc'd, ends in a NUL; *length bytes without it (`length` may be NULL). NULL: no memory. Does not free
 * `r`. */
char *careplan_report_text(const struct careplan_report *r, size_t *length);
void careplan_report_free(struct careplan_report *r);

#ifdef __GNUC__
#pragma GCC visibility pop
#endif
#ifdef __cplusplus
}
#endif
#endif
