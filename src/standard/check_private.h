/* The state of a check, shared by its parts: what is known of the file so far. Its size does not depend on
 * the file's. */
#ifndef STANDARD_CHECK_PRIVATE_H
#define STANDARD_CHECK_PRIVATE_H

#include "standard/items.h"
#include "standard/ms932.h"
#include "standard/keys.h"
#include "standard/relation.h"

enum {
    HEAD_SIZE = 8, /* bytes looked at before scanning: marks of other encodings, JPEG */
    IMAGE_NUMBERS = 10000,
};

/* A record that is to be compared: the next one is read first, so that memory is there by then. */
struct pending {
    bool set;
    uint8_t rule;
    uint64_t line;
    uint64_t hash[2];
};

enum { PERSON_SIZE = 32 };

/* The records of the file against each other. */
struct comparison {
    struct keys lasting; /* users and what belongs to them, judged at the end of the file */
    struct keys passing; /* records of users: forgotten when there is no more room */
    size_t limit, left;  /* keys in all, and those that may still be remembered */
    struct key *person;  /* of the last record; NULL: none, or not remembered */
    uint8_t person_text[PERSON_SIZE];
    size_t person_length;
    uint32_t epoch; /* how often `passing` was forgotten */
    struct pending pending;
    bool said;   /* CP1019 */
    bool unsure; /* a record could not be read: what is missing is not told */
    bool unsure_rules[RECORD_CHECKS];
    const struct careplan_layout *layout; /* whose rules made the keys */
    int8_t to_service;                    /* does the file go to a service office? 0: not asked yet, -1: no */
};

enum { SAID_MAX = 8, SAID_SIZE = 12 };

/* Values that a problem was said of, by their first bytes: a run of records of the same fault is said once.
 */
struct said {
    char texts[SAID_MAX][SAID_SIZE];
    size_t n;
};

/* A record with a wrong number of items. Rows behind it that are no records may be what a line break in
 * unquoted text tore off: the problem is said when they have been seen. */
struct torn {
    bool set;
    bool again;  /* records before were wrong alike, and that was said */
    bool quotes; /* that its quotes are wrong was said */
    uint64_t line, rows;
    size_t first, sum; /* items of its first row, of all rows together */
    const struct careplan_layout *layout;
};

struct careplan_check {
    struct careplan_name name;
    const struct careplan_layout *layout; /* of the content's version, once known; NULL: an image */
    struct problem_sink sink;
    struct item_context items;
    struct scanner *scanner;
    uint8_t head[HEAD_SIZE];
    size_t head_length;
    bool begun, head_done, finished;
    bool unreadable; /* UTF-16, JIS: nothing more is looked at */
    bool wrong_way;  /* this kind does not go from such a sender to such a recipient: was said */
    struct encoding_guess guess;
    struct euc_guess euc;
    bool no_memory;
    uint64_t bytes, rows, records;
    char version[7];                                   /* of the records, once known */
    const struct careplan_version *version_of_content; /* NULL: not known */
    struct said versions_said, months_said;
    bool other_form;    /* CP1103 was said: the file is of another version than its name */
    bool wrong_month;   /* CP1106 was said */
    bool month_found;   /* a record of the name's month was there */
    size_t wrong_count; /* items of the records since the first, all wrong alike; 0: not so */
    struct torn torn;
    bool said_once[RECORD_CHECKS]; /* what is said once a file */
    char (*images)[CAREPLAN_NAME_MAX];
    uint64_t *image_lines;
    size_t n_images, images_capacity;
    bool images_over;                    /* a record named one more than the limit */
    uint16_t image_index[IMAGE_NUMBERS]; /* + 1, in images, by their numbers */
    struct comparison compare;
    struct relation relation;
};

/* One record and which of its items are not to be trusted. */
struct record {
    struct careplan_check *check;
    const struct scanned_row *row;
    bool controls;                /* it holds control characters */
    size_t shift;                 /* items of the rows that this one goes on */
    bool bad[LAYOUT_ITEMS_MAX];   /* not of its form: no rule may read it by that */
    bool wrong[LAYOUT_ITEMS_MAX]; /* bad, and that is an error: the item will come anew with another value */
};

/* The item has a problem of this severity, as problem_put returned it. One that the office's [rules] lower
 * leaves the item's value as it is meant: nothing else becomes unsure by it. */
static inline void record_bad(struct record *r, size_t i, enum careplan_severity severity)
{
    r->bad[i] = true;
    r->wrong[i] |= severity == CAREPLAN_ERROR;
}

void compare_begin(struct careplan_check *c);
/* Compares the record that waits for it. */
void compare_pending(struct careplan_check *c);
void compare_free(struct comparison *m);

/* 第4.1版 */
struct word version_words(const struct careplan_check *c, const char *name);
/* The record against the file's version, and its number of items. True: its items can be judged by c->layout.
 */
bool version_check(struct record *r);
/* Its service month, whose items are judged. */
void month_check(struct record *r);

bool is_header(const struct scanned_row *row);
void quotes_check(struct record *r);
/* True: as many items as the layout has. */
bool count_check(struct record *r, const struct careplan_layout *layout);
/* Does this row go on with one that had too few items? */
bool torn_goes_on(struct careplan_check *c, const struct scanned_row *row);
void torn_end(struct careplan_check *c);
void limit_text(char out[24], size_t asked, size_t standard);

/* Where an item of the record stands. */
struct problem_place record_place(const struct record *r, size_t i);
/* Characters that are not of the encoding; marks the items that hold them. */
void encoding_check(struct record *record);
/* Control characters of an item whose form allows them. */
void controls_check(struct record *record, size_t i);
/* "UTF-16", "UTF-32", by the first bytes; NULL: neither. */
const char *encoding_of_head(const uint8_t *head, size_t length);
/* What only the end of the file shows of its encoding. */
void encoding_end(struct careplan_check *c);

/* The rules of records.tsv; the record has as many items as its layout. */
void record_check(struct record *record);

/* Those that only the end of the file shows. */
void records_end(struct careplan_check *c);

#endif
