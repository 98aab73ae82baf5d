/* One look at one open message by the settler: is it to go? Private to the settler. */
#ifndef MOUNT_SETTLE_UNIT_H
#define MOUNT_SETTLE_UNIT_H

#include "mount/settle.h"
#include "mount/unit_table.h"

enum settle_outcome {
    SETTLE_GONE,       /* sealed, withdrawn or not there: forget it */
    SETTLE_QUEUED,     /* handed over; to be looked at until it is sealed */
    SETTLE_AGAIN,      /* busy, or changed meanwhile: after the settle time */
    SETTLE_INCOMPLETE, /* something is missing: after unit_wait, then with `waited` */
    SETTLE_PARTNER,    /* until a partner joins */
    SETTLE_TOUCH,  /* until somebody touches it: rejected, held, empty, or said to be incomplete or faulty */
    SETTLE_LATER,  /* there is much to read, and a small one was asked for (`only_small`) */
    SETTLE_FAILED, /* the ledger failed */
};

struct settle_look {
    struct ledger *ledger;
    const struct settings *settings;
    const struct rules *rules;
    const struct office_id *office;
    const struct settle_host *host;
    bool waited;     /* unit_wait is over since the last touch */
    bool may_expire; /* the clock can be trusted for partner_wait */
    uint64_t message;
    uint64_t *strangers; /* other files under its number */
    size_t n_strangers;
    bool (*touched)(void *context); /* since the look began, or to be given up? */
    /* Called now and then while a unit is read, so that others need not wait for it: may look at them. NULL:
     * nothing is to be done meanwhile. */
    void (*meanwhile)(void *context);
    void *context;
    bool only_small;
    struct office_id recipient; /* out: it has just become known */
    uint64_t report_parent;     /* in and out: where `<sequence>.未完成.txt` stands, 0 = none */
};

enum settle_outcome settle_look(struct settle_look *look);
/* What was refused since: told beside the files. 1: there is more; negative: it failed, the next time tells
 * it. Of `look` only ledger, rules and host are asked. */
int settle_tell_refused(const struct settle_look *look);
/* Its message has gone: the report, if one stands, too. */
void settle_report_gone(const struct settle_look *look, const char *sequence);

#endif
