/* The status of a message in a clerk's words. Private to the pages. */
#ifndef MOUNT_PAGE_WORDS_H
#define MOUNT_PAGE_WORDS_H

#include <stdbool.h>

#include "base/buffer.h"
#include "ledger/ledger.h"

enum page_tone {
    TONE_TODO, /* a person has to do something */
    TONE_WAIT, /* goes on by itself */
    TONE_DONE,
    TONE_GREY, /* of the past */
};
struct page_words {
    const char *label; /* 「送信済」 */
    enum page_tone tone;
    const char *what; /* what that means and what to do; "" = nothing to say */
};
struct page_words page_words_of(const struct ledger_status *s);

/* Name and identity of the partner: "さくら訪問介護", "0300000005-11". `name` "" when it is not known. */
void page_partner(struct ledger *l, const struct ledger_status *s, char name[256], char identity[32]);

/* What it holds: "第6表（サービス利用票）、利用者補足情報 ×2"; a document by type and size only. */
int page_contents(const struct ledger_status *s, struct buffer *out);
/* Names of its transfer files with `separator` between; a document's is left out. */
int page_names(const struct ledger_status *s, const char *separator, struct buffer *out);
/* "2026-11-24 21:34" or, for 0, "". */
void page_time(int64_t utc_ms, char out[20]);

#endif
