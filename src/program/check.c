#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/rules.h"
#include "program/program.h"

static int find_user(const char *key, const char *name, struct program_user *out, struct error *e)
{
    errno = 0;
    const struct passwd *user = getpwnam(name);
    if (!user)
        return error_set(e, -ENOENT, "daemon-user",
                         "[daemon] %s = %s: there is no such user; do: useradd --system --shell "
                         "/usr/sbin/nologin %s",
                         key, name, name);
    if (user->pw_uid == 0)
        return error_set(e, -EPERM, "daemon-user",
                         "[daemon] %s = %s: must not be root; do: name a system user of its own", key, name);
    *out = (struct program_user){.name = name, .uid = user->pw_uid, .gid = user->pw_gid};
    return 0;
}

static int check_state(const struct settings_office *office, const struct program_user *user, struct error *e)
{
    struct stat status;
    const char *path = office->state;
    if (lstat(path, &status))
        return error_set(e, -errno, "state",
                         "%s (state folder of %s): %s; do: careplanctl enrol, which makes it", path,
                         office->office.text, strerror(errno));
    if (!S_ISDIR(status.st_mode))
        return error_set(e, -ENOTDIR, "state", "%s (state folder of %s): not a folder", path,
                         office->office.text);
    if (status.st_uid != user->uid)
        return error_set(e, -EPERM, "state-owner",
                         "%s (state folder of %s) belongs to uid %u, not to %s ([daemon] user); do: chown -R "
                         "%s %s",
                         path, office->office.text, (unsigned)status.st_uid, user->name, user->name, path);
    if (status.st_mode & 077)
        return error_set(e, -EPERM, "state-mode",
                         "%s (state folder of %s): mode %04o lets others in; do: chmod 700 %s", path,
                         office->office.text, (unsigned)status.st_mode & 07777, path);
    return 0;
}

int program_check(struct program *p, const char *config, struct error *e)
{
    const struct settings *s = p->settings;
    if (geteuid() != 0)
        return error_set(e, -EPERM, "not-root",
                         "must be started as root, to mount; it then works as the user %s; do: sudo "
                         "careplanfs … or systemctl start careplanfs",
                         s->user);
    if (s->n_offices == 0)
        return error_set(e, -EINVAL, "no-office",
                         "%s: no [office NUMBER-SERVICE] section; do: careplanctl enrol, which adds it",
                         config);
    if (!s->hub_url || !s->hub_ca)
        return error_set(e, -EINVAL, "no-hub",
                         "%s: [hub] %s is missing; do: careplanctl enrol, which sets it", config,
                         s->hub_url ? "ca" : "url");
    if (s->hub_ca[0] != '/')
        return error_set(e, -EINVAL, "config-value", "%s: [hub] ca = %s: must be an absolute path", config,
                         s->hub_ca);
    int r = rules_check(config, NULL, e);
    if (r == 0)
        r = find_user("user", s->user, &p->daemon, e);
    if (r == 0)
        r = find_user("announcer", s->announcer, &p->announcer, e);
    if (r == 0 && p->daemon.uid == p->announcer.uid)
        r = error_set(e, -EINVAL, "daemon-user",
                      "[daemon] user and announcer are both %s; do: give the announcer a user of its own",
                      s->user);
    for (size_t i = 0; r == 0 && i < s->n_offices; i++)
        r = check_state(&s->offices[i], &p->daemon, e);
    return r;
}
