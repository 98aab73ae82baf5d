/* A settled unit judged as a whole: its files are read again, for their images and relation keys, and
 * compared. Private to the settler. */
#ifndef MOUNT_SETTLE_JUDGE_H
#define MOUNT_SETTLE_JUDGE_H

#include "careplan/standard.h"
#include "mount/settle_unit.h"

enum { FAULTY_FILES_MAX = 16 }; /* that get a report; the others when these have been corrected */

struct unit_judging {
    const struct settle_look *look;
    const struct ledger_unit *unit;
    struct careplan_unit_file *files; /* as many as the unit has, likewise the next five */
    struct careplan_name *names;
    struct careplan_check_result *results;
    bool *faulty;
    size_t *beside; /* the file whose report tells of it: its own, or where it does not stand in the outbox
                       any more (it comes along from an earlier message) that of one which was saved now */
    struct careplan_report **reports; /* a file's own problems; NULL: none */
    size_t n_reports, keys;           /* keys held of all files */
    struct careplan_report *report;   /* of the unit: what is missing, and all problems */
    enum careplan_unit_state state;
    char fault[8]; /* code of the first error */
    struct ledger_problem *problems;
    size_t n_problems;
    uint64_t warnings;
    bool no_memory;
};

/* Is it read in no time? */
bool judging_is_small(const struct ledger_unit *u);
/* By the names and the images alone, which costs little: are all files there? 0 or negative errno. */
int judging_begin(struct unit_judging *j, const struct settle_look *look, const struct ledger_unit *u);
/* By what stands in them. -ECANCELED: the unit was touched meanwhile. */
int judging_whole(struct unit_judging *j);
/* The text beside file `i`; malloc'd, NULL: no memory. */
char *judging_text(struct unit_judging *j, size_t i, size_t *length);
void judging_free(struct unit_judging *j);

#endif
