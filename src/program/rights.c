#include "program/rights.h"

#include <errno.h>
#include <grp.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

static int failed(struct error *e, const char *what)
{
    return error_set(e, -errno, "drop", "cannot give up root's rights (%s): %s", what, strerror(errno));
}

/* What could come back by a set-uid program; the rest goes with the uid. */
static int empty_bounding_set(void)
{
    for (unsigned long capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++)
        if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0))
            return -1;
    return 0;
}

int rights_drop(const struct program_user *user, pid_t parent, int parent_signal, struct error *e)
{
    umask(077);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        return failed(e, "no_new_privs");
    if (empty_bounding_set())
        return failed(e, "bounding set");
    if (setgroups(1, &user->gid) || setresgid(user->gid, user->gid, user->gid) ||
        setresuid(user->uid, user->uid, user->uid))
        return failed(e, user->name);
    if (setuid(0) == 0)
        return error_set(e, -EPERM, "drop", "root's rights came back");
#ifdef __SANITIZE_ADDRESS__
    prctl(PR_SET_DUMPABLE, 1, 0, 0, 0); /* LeakSanitizer looks at its own process as a debugger does */
#endif
    /* After the uid: its change clears this. */
    if (prctl(PR_SET_PDEATHSIG, parent_signal, 0, 0, 0))
        return failed(e, "parent-death signal");
    if (getppid() != parent)
        raise(parent_signal);
    return 0;
}
