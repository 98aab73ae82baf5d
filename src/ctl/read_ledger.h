/* An office's ledger, read by careplanctl: in a process that has become the state folder's owner
 * (ctl/drop.h). */
#ifndef CTL_READ_LEDGER_H
#define CTL_READ_LEDGER_H

#include "base/settings.h"
#include "careplan/error.h"
#include "ledger/ledger.h"

/* Read-only. 0 or negative with `e`; -ENOENT code "ledger-missing": enrolled, but careplanfs never ran. */
int read_ledger_open(const struct settings_office *office, struct ledger **out, struct error *e);

#endif
