/* 送受信状況.html and 送受信一覧.csv: made from the ledger when they are opened. HTML is escaped under a CSP
 * meta tag, a CSV cell that begins with = + - @ or a tab is prefixed; both are read offline. The HTML is
 * UTF-8, the CSV UTF-8 with BOM and CRLF (Excel). Documents appear by id, type and size only. */
#ifndef MOUNT_PAGES_H
#define MOUNT_PAGES_H

#include "base/buffer.h"
#include "base/settings.h"
#include "ledger/ledger.h"

int page_status_html(struct ledger *l, const struct settings *s, const struct office_id *office,
                     struct buffer *out);
int page_status_csv(struct ledger *l, const struct settings *s, const struct office_id *office,
                    struct buffer *out);

#endif
