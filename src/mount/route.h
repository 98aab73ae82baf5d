/* Where a transfer name goes: sender, recipient and the folder it was saved in must agree; a 202208 name has
 * no service types, so exactly one service of its number must remain. mount.md section 3. Reads the ledger,
 * changes nothing. Thread-safe. */
#ifndef MOUNT_ROUTE_H
#define MOUNT_ROUTE_H

#include "careplan/standard.h"
#include "ledger/ledger.h"

enum route_state {
    ROUTE_KNOWN,   /* `recipient` takes part */
    ROUTE_WAITING, /* unknown or undecided: not the file's fault; goes when the directory changes */
    ROUTE_WRONG,   /* name, folder and office disagree: rejected, never re-routed */
};
struct route {
    enum route_state state;
    struct office_id recipient; /* ROUTE_KNOWN */
    char recipient_text[32];    /* as the name says it: "0300000005-11", or the bare number (202208) */
    const char *reason;         /* "", "partner-unknown", "partner-ambiguous", or the rule's code; static */
    const char *code;           /* rule of the catalogue for the report, NULL when known; static */
    char arguments[4][160];     /* its arguments */
};

/* `folder`: the partner in whose own folder the file lies, NULL = the outbox itself. 0, or the ledger's
 * negative errno. */
int route_find(struct ledger *l, const struct office_id *office, const struct ledger_partner *folder,
               const struct careplan_name *name, struct route *out);

#endif
