/* The state of a message and its reason in a clerk's words: the status page, the list and careplanctl status
 * say the same. States and reasons are the ledger's and the link's codes, as text. */
#ifndef STANDARD_STATUS_WORDS_H
#define STANDARD_STATUS_WORDS_H

#include <stdbool.h>

#include "careplan/standard.h"

enum status_tone {
    TONE_TODO, /* a person has to do something */
    TONE_WAIT, /* goes on by itself */
    TONE_DONE,
    TONE_GREY, /* of the past */
};
struct status_words {
    const char *label; /* 「送信済」 */
    enum status_tone tone;
    const char *what; /* what that means and what to do; "" = nothing to say */
};
struct status_words status_words(bool outgoing, const char *state, const char *reason);

/* The reason alone: a rule's code ("CP1042", in a receipt "cp1042") with its sentence, another code in words,
 * one that is not known as it is. "" for "". */
enum { STATUS_REASON_SIZE = 512 };
void status_reason_words(const char *reason, enum careplan_language language, char out[STATUS_REASON_SIZE]);

/* A rule's sentence of which only the place is known: the item by its name, "…" for what stands there.
 * `kind`: of the file, NULL when it is not known. Without code and place; the code alone for one that is not
 * known. */
void status_problem_words(const struct careplan_kind *kind, const char *code, uint64_t line, unsigned column,
                          enum careplan_language language, char out[STATUS_REASON_SIZE]);
/* What to do about it, in the same way; what stands there is left out. "" for a code that is not known. */
void status_remedy_words(const struct careplan_kind *kind, const char *code, uint64_t line, unsigned column,
                         enum careplan_language language, char out[STATUS_REASON_SIZE]);
/* "2行目 10列目", "line 2, column 10"; "" where the whole file is meant. */
enum { STATUS_PLACE_SIZE = 64 };
void status_place_words(uint64_t line, unsigned column, enum careplan_language language,
                        char out[STATUS_PLACE_SIZE]);

#endif
