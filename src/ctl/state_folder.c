#include "ctl/state_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"

int state_folder_user(const char *name, struct drop_user *user, struct error *e)
{
    *user = (struct drop_user){geteuid(), getegid()};
    if (geteuid() != 0)
        return 0;
    const struct passwd *entry = getpwnam(name);
    if (!entry)
        return error_set(
            e, -ENOENT, "daemon-user",
            "there is no user '%.80s' to own the state folder; do: adduser --system --group %.80s, or "
            "name another in [daemon] user",
            name, name);
    *user = (struct drop_user){entry->pw_uid, entry->pw_gid};
    return 0;
}

static int path_error(struct error *e, const char *path, int number)
{
    return error_set(e, -number, "state", "%s: %s", path, strerror(number));
}

static int make_parents(const char *path, unsigned *made, struct error *e)
{
    autofree char *part = strdup(path);
    for (char *slash = part ? strchr(part + 1, '/') : NULL; slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(part, 0755) == 0)
            ++*made;
        else if (errno != EEXIST)
            return path_error(e, part, errno);
        *slash = '/';
    }
    return part ? 0 : error_set(e, -ENOMEM, "memory", "out of memory");
}

/* Number of entries, at most 1; negative errno. */
static int has_entries(int fd)
{
    int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = copy < 0 ? NULL : fdopendir(copy);
    if (!dir)
        return -errno;
    int found = 0;
    for (const struct dirent *entry; !found && (entry = readdir(dir));)
        found = strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..");
    closedir(dir);
    return found;
}

static int take_over(int fd, const char *path, const struct drop_user *user, struct error *e)
{
    if ((geteuid() == 0 && fchown(fd, user->uid, user->gid)) || fchmod(fd, 0700))
        return path_error(e, path, errno);
    return 0;
}

static int judge(int fd, const char *path, const struct drop_user *user, struct error *e)
{
    struct stat status;
    if (fstat(fd, &status))
        return path_error(e, path, errno);
    if (status.st_uid == user->uid && (status.st_mode & 07777) == 0700)
        return 0;
    int entries = has_entries(fd);
    if (entries == 0 && (geteuid() == 0 || status.st_uid == user->uid))
        return take_over(fd, path, user, e);
    if (entries < 0)
        return path_error(e, path, -entries);
    if (status.st_uid != user->uid)
        return error_set(
            e, -EPERM, "state-owner",
            "%s belongs to uid %u, not to uid %u, the user of the daemon; do: name another folder", path,
            (unsigned)status.st_uid, (unsigned)user->uid);
    return error_set(e, -EPERM, "state-mode", "%s: mode %04o lets others in; do: chmod 700 %s", path,
                     (unsigned)status.st_mode & 07777, path);
}

static int prepare(const char *path, const struct drop_user *user, unsigned *made, struct error *e)
{
    int r = make_parents(path, made, e);
    if (r)
        return r;
    bool created = mkdir(path, 0700) == 0;
    *made += created;
    if (!created && errno != EEXIST)
        return path_error(e, path, errno);
    autoclose int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return path_error(e, path, errno);
    return created ? take_over(fd, path, user, e) : judge(fd, path, user, e);
}

int state_folder_prepare(const char *path, const struct drop_user *user, unsigned *made, struct error *e)
{
    *made = 0;
    int r = prepare(path, user, made, e);
    if (r && *made) {
        state_folder_remove(path, *made);
        *made = 0;
    }
    return r;
}

void state_folder_remove(const char *path, unsigned made)
{
    autofree char *part = strdup(path);
    for (char *end; part && made; made--) {
        if (rmdir(part) && errno != ENOENT)
            return; /* what is not empty stays */
        end = strrchr(part, '/');
        if (!end || end == part)
            return;
        *end = '\0';
    }
}
