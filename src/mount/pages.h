/* 送受信状況.html and 送受信一覧.csv: made from the ledger when they are opened. HTML is escaped under a CSP
 * meta tag, a CSV cell that begins with = + - @ or a tab is prefixed; both are read offline. The HTML is
 * UTF-8, the CSV UTF-8 with BOM and CRLF (Excel). Documents appear by id, type and size only. */
#ifndef MOUNT_PAGES_H
#define MOUNT_PAGES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "control/rules.h"
#include "ledger/ledger.h"

/* What the page tells that no message does. */
struct page_facts {
    bool hub_away;
    int64_t since;       /* UTC ms; 0 = not known */
    uint64_t unsendable; /* ledger_unsendable */
};
int page_status_html(struct ledger *l, const struct rules *rules, const struct office_id *office,
                     const struct page_facts *facts, struct buffer *out);
int page_status_csv(struct ledger *l, const struct rules *rules, const struct office_id *office,
                    struct buffer *out);

#endif
