/* The link: one thread that carries an office's messages to the hub and back by libcurl multi. It alone knows
 * the hub's API. It meets the mount in the ledger: it seals and sends what is queued, fetches what the feed
 * names, checks it and hands it to the ledger, sends receipts, follows the directory. On trouble it backs off
 * with jitter up to a minute and goes on by itself, resuming where it was cut; it never gives up and never
 * sends twice what the hub has. Nothing here is waited for by the mount. */
#ifndef LINK_LINK_H
#define LINK_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/settings.h"
#include "careplan/error.h"
#include "ledger/ledger.h"

struct link;

struct link_options {
    struct ledger *ledger;
    const struct settings *settings;
    const struct settings_office *office; /* its state folder holds office.key, office.pem, retired/ */
};
/* Loads key and certificate (refuses a key readable by others), subscribes to the ledger, starts the thread.
 */
int link_start(const struct link_options *options, struct link **out, struct error *e);
void link_stop(
    struct link *l); /* aborts transfers, joins, frees; what was under way resumes at the next start */

struct link_state {
    bool online;
    int64_t since;     /* UTC ms of the last change */
    char trouble[200]; /* last error, one line, "" when online */
};
void link_state(struct link *l, struct link_state *out);

#endif
