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

#endif
