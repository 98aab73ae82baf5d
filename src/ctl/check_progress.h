/* How far a long check is, as one line on a terminal, rewritten in place. Elsewhere nothing is printed. */
#ifndef CTL_CHECK_PROGRESS_H
#define CTL_CHECK_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    bool on, shown, japanese;
    int64_t next; /* monotonic ms: not shown again before */
};

/* stderr decides whether anything is ever shown. */
void progress_open(struct progress *p, bool japanese);
/* Cheap: may be called for every piece of a file. */
void progress_show(struct progress *p, uint64_t done, uint64_t of, uint64_t bytes);
/* Before anything else is printed, and at the end. */
void progress_hide(struct progress *p);

#endif
