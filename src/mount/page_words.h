/* Parts of a message's status in a clerk's words. Private to the pages. */
#ifndef MOUNT_PAGE_WORDS_H
#define MOUNT_PAGE_WORDS_H

#include "base/buffer.h"
#include "careplan/standard.h"
#include "ledger/ledger.h"
#include "standard/status_words.h"

/* Name and identity of the partner: "さくら訪問介護", "0300000005-11". `name` "" when it is not known. Both
 * "" when it is `self`, which nobody means to send to: the file's name is wrong. */
void page_partner(struct ledger *l, const struct office_id *self, const struct ledger_status *s,
                  char name[256], char identity[32]);

/* The reason in words; of a rejected one with file, row and item, when they are kept. "" for none. */
enum { PAGE_REASON_SIZE = 2 * STATUS_REASON_SIZE };
void page_reason(const struct careplan_standard *standard, const struct ledger_status *s,
                 char out[PAGE_REASON_SIZE]);
/* "第6表（サービス利用票） 2行目 10列目：「サービス利用日」の…" */
void page_problem(const struct careplan_standard *standard, const struct ledger_status *s,
                  const struct ledger_problem *p, char *out, size_t size);
/* What to look at, of a warning; "" for a code that is not known. */
void page_remedy(const struct careplan_standard *standard, const struct ledger_status *s,
                 const struct ledger_problem *p, char out[STATUS_REASON_SIZE]);

/* What it holds: "第6表（サービス利用票）、利用者補足情報 ×2"; a document by type and size only. */
int page_contents(const struct careplan_standard *standard, const struct ledger_status *s,
                  struct buffer *out);
/* Names of its transfer files with `separator` between; a document's is left out. */
int page_names(const struct careplan_standard *standard, const struct ledger_status *s, const char *separator,
               struct buffer *out);
/* "2026-11-24 21:34" or, for 0, "". */
void page_time(int64_t utc_ms, char out[20]);

#endif
