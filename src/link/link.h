/* The link: carries an office's messages to the hub and back. One thread speaks to the hub by libcurl multi;
 * three helpers seal, open, and do both for large units (CMS over them must hold up neither the network nor
 * small ones). It alone knows the hub's API. It meets the mount in the ledger: it seals and sends what is
 * queued, fetches what the feed names, checks it and hands it to the ledger, sends receipts, follows the
 * directory. On trouble it backs off with jitter up to a minute and goes on by itself, resuming where it was
 * cut; it never gives up and never sends twice what the hub has. Nothing here is waited for by the mount. */
#ifndef LINK_LINK_H
#define LINK_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/settings.h"
#include "careplan/error.h"
#include "ledger/ledger.h"

struct link;
struct rules;

/* How names look in the mount. The link sits below it and is given these (src/mount/names.h): */
struct link_names {
    /* name_normalise: NFC into out. 0, or negative for a name that the tree must never hold. */
    int (*normalise)(const char *name, char out[256]);
    /* name_fold: two names are twins when equal. */
    void (*fold)(const char *name, char out[768]);
    /* name_partner_folder: a partner's folder from a hostile display name. */
    void (*partner_folder)(const struct office_id *office, const char *hostile, char out[256]);
    /* name_display: a hostile display name, bounded and harmless. */
    void (*display)(const char *hostile, char out[256]);
    /* name_is_report: names that only the daemon itself may make; a partner's document of such a name is
     * refused. */
    bool (*reserved)(const char *name);
};

struct link_options {
    struct ledger *ledger;
    const struct settings *settings;
    const struct rules *rules;            /* those of `settings`, or NULL */
    const struct settings_office *office; /* its state folder holds office.key, office.pem, retired/ */
    struct link_names names;              /* all five are needed */
};
/* Loads key and certificate (refuses a key readable by others), subscribes to the ledger, starts the threads.
 * `ledger` and `settings` must live until link_stop. Call once an open ledger. */
int link_start(const struct link_options *options, struct link **out, struct error *e);
/* Aborts transfers, waits for what was handed to the ledger, joins, frees; what was under way resumes at the
 * next start. Before ledger_close. */
void link_stop(struct link *l);

struct link_state {
    bool online;
    int64_t since;     /* UTC ms of the last change */
    char trouble[200]; /* last error, one line, "" when online */
};
void link_state(struct link *l, struct link_state *out); /* any thread */

#endif
