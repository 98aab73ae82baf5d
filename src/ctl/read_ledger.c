#include "ctl/read_ledger.h"

#include <errno.h>

#include "base/cleanup.h"
#include "base/file.h"

int read_ledger_open(const struct settings_office *office, struct ledger **out, struct error *e)
{
    *out = NULL;
    autofree char *path = file_join(office->state, "ledger.db");
    if (!path)
        return error_set(e, -ENOMEM, "memory", "out of memory");
    if (access(path, F_OK) && errno == ENOENT)
        return error_set(e, -ENOENT, "ledger-missing", "%s has no ledger yet; do: start careplanfs",
                         office->office.text);
    struct ledger_options options = {.state_dir = office->state, .office = office->office, .read_only = true};
    int r = ledger_open(&options, out, e);
    return r ? error_prefix(e, r, "%s", office->office.text) : 0;
}
