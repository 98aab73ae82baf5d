/* Judging a file of the outbox: name, content by the standard, offices, partner. Pure decision over what the
 * ledger knows; reads the ledger, changes nothing. mount.md sections 2 and 3. Thread-safe. */
#ifndef MOUNT_JUDGE_H
#define MOUNT_JUDGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/settings.h"
#include "control/rules.h"
#include "ledger/ledger.h"
#include "mount/names.h"

struct judge_request {
    struct ledger *ledger;
    const struct settings *settings;
    const struct rules *rules;
    struct office_id office; /* whose outbox */
    uint64_t folder;         /* NODE_OUTBOX or a partner's outbox folder */
    const char *name;        /* NFC */
    uint64_t node;           /* the file's; 0: new */
    uint64_t replaces;       /* node of what its new name is taken from; 0: none */
    uint64_t size;
    bool has_hole;    /* a range below `size` was never written */
    uint64_t hole_at; /* where the first such range begins; for the report */
    bool held;        /* not closed by its client: verdict HELD whatever the content */
    bool settled;     /* last release and settle time are over: a file still empty is judged now */
    /* Reads content at an offset: bytes, 0 at the end, negative errno. */
    int64_t (*read)(void *context, uint64_t offset, void *out, size_t size);
    void *context;
};

/* Verdict NONE is an empty file before it has settled, scratch, or a name of the daemon's own: nothing to
 * report. A file of CLASS_OTHER is rejected for its name and belongs to no unit, one whose name stands in
 * another folder too, on its way to the same recipient, likewise.
 *
 * What to do. Fields for ledger_save are filled as they are to be handed in (node, entry, parent, content,
 * mode and times are the caller's). */
struct judgement {
    enum file_class file_class;
    enum file_verdict verdict;
    int close_error; /* 0 or EINVAL (EIO when reading failed): what close() answers under close+report */
    char reason[48];
    bool in_unit;
    struct office_id recipient;
    char recipient_text[32];
    char sequence[15], kind[32], version[7];
    char canonical[256];
    char report_name[256], report_folded[768]; /* "" = none to write */
    struct buffer report;                      /* text; empty = none */
    char remove_reports[3][256];               /* names of reports that no longer hold; "" ends the list */
    struct ledger_problem *problems;           /* the first error, then warnings; malloc'd */
    size_t n_problems;
    uint64_t warnings; /* all */
};

/* 0, or negative errno when reading the content or the ledger failed. Streams: constant memory. */
int judge_file(const struct judge_request *request, struct judgement *out);
void judgement_free(struct judgement *j);

#endif
