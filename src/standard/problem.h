/* Putting problems: code and arguments in, a finished careplan_problem in both languages out. */
#ifndef STANDARD_PROBLEM_H
#define STANDARD_PROBLEM_H

#include "standard/layout.h"
#include "standard/product.h"

/* One argument of a message. */
struct word {
    const char *ja, *en;
};
#define WORD(text) ((struct word){(text), (text)})

struct problem_place {
    uint64_t line;
    unsigned column;                /* item number from 1 */
    const struct layout_item *item; /* or NULL */
    const struct careplan_name *file;
};

/* Where problems go, and how many went. */
struct problem_sink {
    careplan_problem_fn *fn; /* may be NULL: problems are counted only */
    void *context;
    struct careplan_check_options options;
    uint64_t errors, warnings, not_reported;
};

enum { WORDS_MAX = 6, MESSAGE_SIZE = 1024, VALUE_SIZE = 292, VALUE_CHARACTERS = 72 };

/* The severity in force of a rule. */
enum careplan_severity problem_severity(const struct problem_sink *sink, const char *code);

/* `code` is of the catalogue; `n` at most WORDS_MAX. Returns the severity in force, CAREPLAN_OFF: the office
 * does not want it said. */
enum careplan_severity problem_put(struct problem_sink *sink, const char *code,
                                   const struct problem_place *place, const struct word *words, size_t n);

#define PROBLEM(sink, code, place, ...)                                      \
    problem_put((sink), (code), (place), (const struct word[]){__VA_ARGS__}, \
                sizeof((const struct word[]){__VA_ARGS__}) / sizeof(struct word))

/* A template of the catalogue with its arguments filled in, into out; cut at a character. `item` may be NULL.
 */
void template_fill(char *out, size_t size, const char *template, const char *item, const char *const *words,
                   size_t n);

#endif
