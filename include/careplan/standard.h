/* ケアプランデータ連携標準仕様 as a library: file names, layouts, the check of a file as a stream, send
 * units, and the words for people. Does no I/O. Sources are named as 「標準仕様 N」 (chapters of Ver.4.1).
 *
 * Layouts and rules are constant tables, compiled from the TSV files in src/standard/. Everything is
 * re-entrant; one `struct careplan_check` belongs to one thread at a time. Text in and out is UTF-8, contents
 * are MS932 bytes. */
#ifndef CAREPLAN_STANDARD_H
#define CAREPLAN_STANDARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "careplan/error.h"
#include "careplan/office.h"

#ifdef __cplusplus
extern "C" {
#endif

enum careplan_language { CAREPLAN_JA, CAREPLAN_EN };
enum careplan_severity { CAREPLAN_OFF, CAREPLAN_WARNING, CAREPLAN_ERROR };

enum {
    CAREPLAN_ITEM_MAX = 64 * 1024,  /* bytes of one item */
    CAREPLAN_ROW_MAX = 1024 * 1024, /* bytes of one record */
    CAREPLAN_PROBLEMS_MAX = 1000,   /* reported a file; the rest are counted */
    CAREPLAN_NAME_MAX = 128,
    CAREPLAN_IMAGES_MAX = 4096, /* image names collected a UPKIHON file */
};

/* ---- File kinds and layouts (標準仕様 別紙) ---- */

struct careplan_layout; /* items of one (version, kind); see src/standard/layout.h */

struct careplan_kind {
    const char *version; /* "202407" or "202208" (CSVバージョン) */
    const char *name;    /* "UPPLAN", …, "UPKIHON_IMAGE" */
    const char *name_ja;
    bool month_in_name;
    bool image;     /* JPEG, not CSV */
    bool main_file; /* shown last: UP1KYO, UPPLAN, UPJSK, UPKIHON, UPYOBO, every DLT… */
    bool deletion;  /* DLT… */
    const struct careplan_layout *layout; /* NULL for an image */
};
const struct careplan_kind *careplan_kind_find(const char *version, const char *name); /* NULL: none */
size_t careplan_kinds(const struct careplan_kind **first); /* all, in table order */
/* "第1表" … : the kind in a clerk's words, e.g. 「居宅サービス計画1表」 or "Table 6 (plan)". */
const char *careplan_kind_title(const struct careplan_kind *k, enum careplan_language language);

/* ---- Names (標準仕様 4章) ---- */

struct careplan_name {
    const struct careplan_kind *kind;
    char month[7]; /* YYYYMM, "000000", or "" */
    char sender_number[11], recipient_number[11];
    char sender_service[3], recipient_service[3]; /* "" in a 202208 name */
    char sequence[15];                            /* 14 digits */
    char image_number[5];                         /* 枝番, or "" */
    char canonical[CAREPLAN_NAME_MAX];            /* upper case, as it is delivered */
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
 * transfer name) go to `fn` (may be NULL). */
enum careplan_name_class careplan_name_parse(const char *name, struct careplan_name *out,
                                             careplan_problem_fn *fn, void *context);

/* ---- The check of one file, as a stream ---- */

struct careplan_check;
struct careplan_check_options {
    /* severity of a rule, NULL = the catalogue's own */
    enum careplan_severity (*severity)(void *context, const char *code, enum careplan_severity standard);
    void *context;
};
struct careplan_check_result {
    uint64_t bytes, records;
    uint64_t errors, warnings;         /* all, also those beyond CAREPLAN_PROBLEMS_MAX */
    uint64_t not_reported;             /* beyond it */
    char version[7];                   /* CSVバージョン of the first record, or "" */
    char (*images)[CAREPLAN_NAME_MAX]; /* names in item 62 of UPKIHON, upper case, each once; malloc'd */
    uint64_t *image_lines;             /* where each stands, or NULL when not known; malloc'd */
    size_t n_images;
};
/* `name` was parsed before (its kind decides the layout; for an image: first bytes). Problems come in order
 * of place as they are found. NULL: no memory. */
struct careplan_check *careplan_check_new(const struct careplan_name *name,
                                          const struct careplan_check_options *options,
                                          careplan_problem_fn *fn, void *context);
/* The next bytes, any length. 0, or -ENOMEM. */
int careplan_check_write(struct careplan_check *c, const void *data, size_t length);
/* The end of the file. Fills `result` (careplan_check_result_free). 0 = judged (look at result->errors),
 * -ENOMEM. */
int careplan_check_finish(struct careplan_check *c, struct careplan_check_result *result);
void careplan_check_free(struct careplan_check *c);
void careplan_check_result_free(struct careplan_check_result *r);

/* A document (not by the standard): is its content what its extension says, by its first bytes? `extension`
 * without the dot, any case; known: pdf jpg jpeg png xlsx docx. */
bool document_known(const char *extension);
bool document_matches(const char *extension, const void *first,
                      size_t length); /* give at least 8 bytes if there are */

/* ---- Send units (標準仕様 2.4, 3.4) ---- */

struct careplan_unit_file {
    const struct careplan_name *name;
    const struct careplan_check_result *result; /* may be NULL: then no images are known */
};
enum careplan_unit_state {
    CAREPLAN_UNIT_COMPLETE,
    CAREPLAN_UNIT_SUB_MISSING, /* complete but for SUB files: goes after unit_wait with a warning */
    CAREPLAN_UNIT_INCOMPLETE,
};
/* Judges the files of one (sender, recipient, sequence). What is missing goes to `fn` (may be NULL), a
 * problem each (rule "unit"; its `file` says whose), with its text. */
enum careplan_unit_state careplan_unit_judge(const struct careplan_unit_file *files, size_t n,
                                             careplan_problem_fn *fn, void *context);

/* Who may send what to whom (標準仕様 2.2, 3.2, flows.tsv), by service types. */
bool careplan_flow_allowed(const struct careplan_kind *kind, const char *sender_service,
                           const char *recipient_service);
/* May an office of this service type put out / take in this kind at all? (candidates of a 202208 name) */
bool careplan_flow_may_send(const struct careplan_kind *kind, const char *service);
bool careplan_flow_may_receive(const struct careplan_kind *kind, const char *service);

/* ---- The rule catalogue ---- */

struct careplan_rule {
    const char *code, *rule;
    enum careplan_severity severity;
    const char *message_ja, *message_en; /* {item} = the item's name, {1} … {6} = arguments */
    const char *remedy_ja, *remedy_en;
    const char *source;
};
size_t careplan_rules(const struct careplan_rule **first);        /* sorted by code */
const struct careplan_rule *careplan_rule_find(const char *code); /* NULL: none */

/* Codes of the catalogue that are found outside the standard's own checks; arguments in order for
 * careplan_report_add_code. Who keeps a file's state and its report uses these. */
#define RULE_EMPTY_FILE "CP1018"          /* - */
#define RULE_UNKNOWN_NAME "CP3001"        /* file name */
#define RULE_UNKNOWN_PARTNER "CP3002"     /* office */
#define RULE_SENDER_MISMATCH "CP3003"     /* sender of the name, this office */
#define RULE_FOLDER_MISMATCH "CP3004"     /* recipient of the name, office of the folder */
#define RULE_HOLE "CP3005"                /* offset of the first byte that was never written, from 1 */
#define RULE_RECIPIENT_UNCLEAR "CP3006"   /* office number, candidates in words (202208 names) */
#define RULE_RECIPIENT_NONE "CP3007"      /* office number, careplan_kind_title */
#define RULE_DOCUMENT_TYPE "CP3008"       /* extension */
#define RULE_DOCUMENT_CONTENT "CP3009"    /* extension */
#define RULE_UNIT_INCOMPLETE "CP3010"     /* sequence number, what is missing in words */
#define RULE_HELD "CP3011"                /* name of the .確認.txt note */
#define RULE_DOCUMENT_FOLDER "CP3012"     /* - */
#define RULE_PARTNER_CERTIFICATE "CP3013" /* office */
#define RULE_REFUSED "CP3014"             /* office, its code or words */
#define RULE_UNREADABLE "CP3015"          /* - */
#define RULE_TOO_LARGE "CP3016"           /* limit in words, "1 GB" */
#define RULE_NAME_TWICE "CP3017"          /* folder of the other one: "outbox", "outbox/NAME" */

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
/* Problems that are not the standard's: unknown partner, folder and name disagree, never-written range, … by
 * a code of the catalogue and up to four arguments for its placeholders, in order. */
void careplan_report_add_code(struct careplan_report *r, const char *code, const char *const *arguments,
                              size_t n);
/* At the end: which of the unit's files are good. */
void careplan_report_add_good_file(struct careplan_report *r, const char *file_name);
/* malloc'd; *length bytes. NULL: no memory. Does not free `r`. */
char *careplan_report_text(const struct careplan_report *r, size_t *length);
void careplan_report_free(struct careplan_report *r);

#ifdef __cplusplus
}
#endif
#endif
