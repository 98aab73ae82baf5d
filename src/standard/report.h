/* A report under way: what is said in it. Shared by report.c and report_text.c. */
#ifndef STANDARD_REPORT_H
#define STANDARD_REPORT_H

#include "standard/problem.h"

enum { GOOD_MAX = CAREPLAN_PROBLEMS_MAX };

struct entry {
    const struct careplan_rule *rule;
    enum careplan_severity severity;
    uint64_t line;
    unsigned column;
    const char *item_name;
    char *file, *message, *remedy; /* file: "" or its canonical name */
};

struct careplan_report {
    enum careplan_report_kind kind;
    char *file_name; /* of CAREPLAN_REPORT_INCOMPLETE the sequence number */
    struct entry entries[CAREPLAN_PROBLEMS_MAX];
    size_t n_entries;
    uint64_t more; /* over CAREPLAN_PROBLEMS_MAX */
    char *good[GOOD_MAX];
    size_t n_good;
    bool failed; /* out of memory: there will be no text */
};

#endif
