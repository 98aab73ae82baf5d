/* One office of the worker: its ledger, settler, shower, link and control socket, and how they are tied to
 * the mount. */
#ifndef PROGRAM_OFFICE_H
#define PROGRAM_OFFICE_H

#include "base/settings.h"
#include "careplan/error.h"
#include "control/control_server.h"
#include "ledger/ledger.h"
#include "link/link.h"
#include "mount/announcer.h"
#include "mount/mount.h"
#include "mount/settle.h"
#include "mount/show.h"
#include "program/program.h"

struct office_run {
    const struct settings *settings;
    const struct rules *rules;
    const struct settings_office *office;
    size_t index; /* in mount_options.offices */
    struct ledger *ledger;
    struct mount *mount;
    struct announcer *announcer;
    struct settler *settler;
    struct show *show;
    struct link *link;
    struct control *control;
};

/* Opens the ledger. */
int office_open(struct office_run *o, const struct program *p, size_t index, struct error *e);
/* Starts everything that works beside the mount. */
int office_start(struct office_run *o, struct mount *m, struct announcer *a, struct error *e);
/* Joins it again; the mount is not served any more, but saves may be under way still. */
void office_stop(struct office_run *o);
void office_close(struct office_run *o); /* after mount_free */

#endif
