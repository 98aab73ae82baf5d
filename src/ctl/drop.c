#include "ctl/drop.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/cleanup.h"

int drop_owner(const char *state_dir, struct drop_user *user, struct error *e)
{
    struct stat status;
    if (stat(state_dir, &status))
        return error_set(e, -errno, "state", "%s: %s", state_dir, strerror(errno));
    if (!S_ISDIR(status.st_mode))
        return error_set(e, -ENOTDIR, "state", "%s: not a folder", state_dir);
    if (geteuid() != 0 && status.st_uid != geteuid())
        return error_set(e, -EPERM, "state-owner",
                         "%s belongs to uid %u; do: run this as root or as that user", state_dir,
                         (unsigned)status.st_uid);
    const struct passwd *entry = getpwuid(status.st_uid);
    *user = (struct drop_user){status.st_uid, entry ? entry->pw_gid : status.st_gid};
    return 0;
}

static int become(const struct drop_user *user, struct error *e)
{
    umask(077);
    if (geteuid() != 0 || user->uid == 0)
        return 0;
    if (setgroups(1, &user->gid) || setresgid(user->gid, user->gid, user->gid) ||
        setresuid(user->uid, user->uid, user->uid))
        return error_set(e, -errno, "drop", "cannot become uid %u: %s", (unsigned)user->uid, strerror(errno));
    return 0;
}

static void child(const struct drop_user *user, drop_work_fn *work, void *context, int out, int verdict)
{
    struct error e = {0};
    signal(SIGPIPE, SIG_IGN); /* a parent that gave up is an error of write(2) */
    int r = become(user, &e);
    if (r == 0)
        r = work(context, out, &e);
    if (r && e.number == 0)
        error_set(&e, r, "internal", "%s", strerror(-r));
    if (r == 0)
        e = (struct error){0};
    /* Less than PIPE_BUF: whole or not at all. */
    ssize_t n = write(verdict, &e, sizeof e);
    fflush(NULL);
    _exit(n == (ssize_t)sizeof e ? 0 : 1);
}

/* What the child said at its end. */
static int verdict_of(pid_t pid, int verdict, struct error *e)
{
    struct error said;
    ssize_t n;
    do
        n = read(verdict, &said, sizeof said);
    while (n < 0 && errno == EINTR);
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (n != (ssize_t)sizeof said)
        return error_set(e, -EIO, "internal",
                         "the work in the state folder ended without an answer (status %x)",
                         (unsigned)status);
    if (said.number && e)
        *e = said;
    return said.number;
}

int drop_run(const struct drop_user *user, drop_work_fn *work, drop_take_fn *take, void *context,
             struct error *e)
{
    int out[2], verdict[2];
    if (pipe2(out, O_CLOEXEC))
        return error_set(e, -errno, "internal", "pipe: %s", strerror(errno));
    autoclose int out_read = out[0];
    if (pipe2(verdict, O_CLOEXEC)) {
        close(out[1]);
        return error_set(e, -errno, "internal", "pipe: %s", strerror(errno));
    }
    autoclose int verdict_read = verdict[0];
    fflush(NULL); /* or the child would print what waits once more */
    pid_t pid = fork();
    if (pid == 0) {
        close(out[0]);
        close(verdict[0]);
        child(user, work, context, out[1], verdict[1]);
    }
    int fork_error = errno;
    close(out[1]);
    close(verdict[1]);
    if (pid < 0)
        return error_set(e, -fork_error, "internal", "fork: %s", strerror(fork_error));
    struct error taken = {0}, said = {0};
    int r = take ? take(context, out_read, &taken) : 0;
    close(out_read);
    out_read = -1;
    int worked = verdict_of(pid, verdict_read, &said);
    /* The child's own reason first, unless it only saw the parent give up. */
    if (worked && !(r && worked == -EPIPE))
        r = worked, taken = said;
    if (r && e)
        *e = taken;
    return r;
}
