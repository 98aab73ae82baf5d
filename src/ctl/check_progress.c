#include "ctl/check_progress.h"

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"

enum { EVERY_MS = 100, FIRST_MS = 300 }; /* a short check shows nothing */

void progress_open(struct progress *p, bool japanese)
{
    *p = (struct progress){
        .on = isatty(STDERR_FILENO) == 1, .japanese = japanese, .next = clock_boot_ms() + FIRST_MS};
}

void progress_show(struct progress *p, uint64_t done, uint64_t of, uint64_t bytes)
{
    if (!p->on)
        return;
    int64_t now = clock_boot_ms();
    if (now < p->next)
        return;
    p->next = now + EVERY_MS;
    p->shown = true;
    fprintf(stderr,
            p->japanese ? "\r%llu／%lluファイル、%llu MB\033[K" : "\r%llu of %llu files, %llu MB\033[K",
            (unsigned long long)done, (unsigned long long)of, (unsigned long long)(bytes / 1000000));
}

void progress_hide(struct progress *p)
{
    if (p->shown)
        fputs("\r\033[K", stderr);
    p->shown = false;
}
