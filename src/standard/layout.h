/* The standard's tables as the program knows them: items of a file kind, rules between items, flows and
 * service types. The built-in ones are made from the TSV files of this folder (compile.c), others read by the
 * same code (load.h); everything here is constant. */
#ifndef STANDARD_LAYOUT_H
#define STANDARD_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "careplan/standard.h"

/* 標準仕様 別紙, column 項目形式; README of the data: "type". */
enum item_type {
    ITEM_YM,
    ITEM_YMD,
    ITEM_HHMM,
    ITEM_DIGITS,
    ITEM_CODE,
    ITEM_INT,
    ITEM_DECIMAL,
    ITEM_TEXT,
    ITEM_FLAGS31,
    ITEM_POSTAL,
    ITEM_PHONE,
    ITEM_INSURED_NO,
    ITEM_OFFICE_NO,
    ITEM_UNUSED,
};

enum item_required {
    REQUIRED_NO,
    REQUIRED_YES,
    REQUIRED_DOUBTFUL, /* its mark cannot be read; the source asks for a warning when it is empty */
};

struct item_value {
    const char *code, *meaning; /* UTF-8 */
};

struct layout_item {
    const char *name_ja, *name_en;
    const struct item_value *values; /* code list; for dates, months and times: special values besides */
    const char *values_text;         /* "1:男性、2:女性", for messages */
    uint16_t n_values;
    uint16_t max;           /* length, 0 = free text */
    uint8_t type, required; /* enum item_type, enum item_required */
    bool exact;             /* `max` is the exact length */
    bool service_type;      /* a service type code of 標準仕様 1.3/1.4 */
    bool any_code;          /* no format given: any half-width characters */
    bool wide_hyphen;       /* doubtful in the source: a wide hyphen counts as one character */
};

/* Rules between the items of a record, and between the records of a file (records.tsv): the check, its name
 * in that table in upper case, and how many items it looks at (least, most; RECORD_ITEMS at most). */
/* clang-format off */
#define RECORD_CHECK_LIST(X)   \
    X(IN_SCOPE, 1, 1) \
    X(IN_MONTH, 2, 2) \
    X(EITHER_FILLED, 3, 3) \
    X(EMPTY_UNLESS_TYPE, 2, 2) \
    X(SENDER_RESULTS, 1, 1) \
    X(FILLED_WHEN, 2, 2) \
    X(HOSOKU_PLAN_DATE, 1, 1) \
    X(HOSOKU_TARGET, 1, 1) \
    X(TABLE7_ZERO, 2, 2) \
    X(TABLE7_EMPTY, 2, 2) \
    X(TABLE7_OFFICE, 2, 2) \
    X(IMAGE_NAME, 1, 1) \
    X(NAMES_SENDER, 1, 1) \
    X(NAMES_RECIPIENT, 1, 1) \
    X(RELATION_KEY, 3, 3) \
    X(NUMBER_RANGE, 1, 1) \
    X(FLAGS_OF_MONTH, 2, 2) \
    X(BOTH_SPECIAL, 2, 2) \
    X(BOTH_FILLED, 2, 2) \
    X(ONE_GROUP, 2, 12) \
    X(ANY_GROUP, 2, 12) \
    X(IN_ORDER, 2, 12) \
    X(NEEDS_TYPE, 2, 12) \
    X(NOT_VALUES, 1, 1) \
    X(DATES_IN_ORDER, 2, 2) \
    X(DAYS_SUM, 2, 12) \
    X(TABLE7_MANAGED, 2, 2) \
    X(IMAGE_TWICE, 1, 1) \
    X(UNIQUE, 1, 12) \
    X(UNIQUE_SERVICE, 1, 12) \
    X(TABLE7_UNIQUE, 4, 12) \
    X(TABLE7_HAS_TOTAL, 4, 4) \
    X(TABLE7_HAS_SUBTOTAL, 6, 6) \
    X(TABLE7_SUBTOTAL_ELSEWHERE, 1, 1) \
    X(TABLE7_SERVICE_OFFICE, 2, 2) \
    X(NO_TABLE7_ROW, 1, 1) \
    X(FILLED, 1, 1) \
    X(USER_RELATION, 3, 3) \
    X(USER_RELATION_NONE, 1, 1) \
    X(DETAIL_CODE, 7, 12) \
    X(DETAIL_CLASH, 1, 1) \
    X(DETAIL_RUN, 1, 1) \
    X(DETAIL_ALONE, 1, 1) \
    X(PLAN_ORDER, 6, 6) \
    X(FIRST_ONLY, 2, 12)
/* clang-format on */

enum record_check {
#define X(name, least, most) RECORD_##name,
    RECORD_CHECK_LIST(X)
#undef X
        RECORD_CHECKS,
};

enum { RECORD_ITEMS = 12, LAYOUT_ITEMS_MAX = 96 };

struct record_rule {
    enum record_check check;
    const char *code;            /* of the catalogue */
    uint8_t items[RECORD_ITEMS]; /* indexes from 0, in the order of records.tsv */
    uint8_t n_items;
    const char *values; /* separated by spaces, or "" */
};

struct careplan_layout {
    const char *version, *kind;
    const struct layout_item *items;
    size_t n_items;
    const struct record_rule *rules;
    size_t n_rules;
    int month_item;      /* 対象年月 or 削除対象年月, index from 0; -1: none */
    bool month_may_zero; /* 000000 is a month of it (利用者補足情報) */
};

/* A row of records.tsv: what layouts' rules are made of, by their items' names. */
struct record_source {
    const char *kinds; /* separated by spaces */
    enum record_check check;
    const char *code;
    const char *items; /* separated by spaces; one that ends in '?' may be missing */
    const char *values;
};

/* Titles in a clerk's words (kind_words.tsv). */
struct kind_words {
    const char *kind, *title_ja, *title_en;
    bool main; /* of a send unit, shown last */
};

struct service_type {
    char code[3];
    bool linked;     /* 連携対象 */
    bool care;       /* 標準仕様 1.3 介護給付 */
    bool preventive; /* 標準仕様 1.4 予防給付, 総合事業 */
    const char *name_ja;
};

/* 標準仕様 2.2 and 3.2: roles as bits. */
enum {
    ROLE_CARE_MANAGER = 1, /* 居宅介護支援事業所 */
    ROLE_CARE_SERVICE = 2, /* 居宅サービス事業所 */
    ROLE_CENTER = 4,       /* 地域包括支援センター等 */
    ROLE_PREVENTIVE = 8,   /* 介護予防・総合事業サービス事業所 */
};

struct flow {
    const char *kind;
    bool preventive_table;  /* 3.2, else 2.2 */
    uint8_t output, import; /* roles */
};

/* roles.tsv: whose role it is, and how that is known. */
enum role_certain {
    ROLE_STATED,       /* the standard says so */
    ROLE_NOT_EXCLUDED, /* it does not say otherwise */
    ROLE_KNOWN,        /* outside the standard, which leaves the type open */
};
struct role {
    char service[4]; /* a type, or "1.3", "1.4": of that table; "": the role takes in `imports` too */
    uint8_t role;    /* ROLE_… */
    enum role_certain certain;
    const char *imports; /* kinds, separated by spaces */
};

/* 標準仕様 2.4, 3.4 (units.tsv): what travels together. */
enum { UNIT_PARTS = 4 };

struct unit_pattern {
    const char *version, *main;
    const char *needs[UNIT_PARTS]; /* kinds; NULL ends the list when it is not full */
    const char *subs[UNIT_PARTS];  /* 別表 */
    bool images;                   /* and the images that its records name */
};

struct careplan_standard {
    const struct careplan_version *versions;
    size_t n_versions;
    const struct careplan_kind *kinds;
    size_t n_kinds;
    const struct kind_words *words;
    size_t n_words;
    const struct record_source *sources;
    size_t n_sources;
    const struct unit_pattern *units;
    size_t n_units;
    const struct service_type *services; /* sorted by code */
    size_t n_services;
    const struct flow *flows;
    size_t n_flows;
    const struct role *roles;
    size_t n_roles;
    struct arena *arena; /* what belongs to it; NULL: all constant */
};

/* Unicode of the MS932 double bytes, row by lead byte 81-9F, E0-FC (0-59), column by trail byte 40-FC; 0 =
 * not a character. The user-defined area F040-F9FC is 0 here. */
enum { MS932_COLUMNS = 0xFD - 0x40 };
extern const uint16_t table_ms932[60 * MS932_COLUMNS];

/* NULL stands for the built-in one. */
const struct careplan_standard *standard_or_builtin(const struct careplan_standard *s);

/* NULL: not in the lists of 標準仕様 1.3/1.4. */
const struct service_type *service_type_find(const struct careplan_standard *s, const char *code,
                                             size_t length);

/* The same as careplan_flow_allowed by all that is taken for known of service types, certain or not. */
bool flow_expected(const struct careplan_kind *kind, const char *sender_service,
                   const char *recipient_service);

/* Who puts the kind out by 2.2 and 3.2, or takes it in, in words:
 * "居宅介護支援事業所、地域包括支援センター等". */
void flow_offices(const struct careplan_kind *kind, bool taking_in, enum careplan_language language,
                  char *out, size_t size);

/* Does the version apply to the service month YYYYMM? */
bool version_applies(const struct careplan_version *v, const char *month);
/* The newest version in use that has this kind and applies to the month, or NULL. */
const struct careplan_kind *kind_of_month(const struct careplan_standard *s, const char *name,
                                          const char *month);
/* Do names of these two look alike? */
bool kinds_same_form(const struct careplan_kind *a, const struct careplan_kind *b);

/* The kind in the newest version that has it, or NULL. */
const struct careplan_kind *kind_newest(const struct careplan_standard *s, const char *name);

/* The same kind in another version, or NULL. */
const struct careplan_kind *kind_in_version(const struct careplan_kind *kind, const char *version);

#endif
