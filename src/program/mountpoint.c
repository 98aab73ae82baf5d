#include "program/mountpoint.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"

enum { DYING_MOMENTS = 60, MOUNTS_MAX = 8 };
#define MOUNT_TYPE "fuse.careplanfs"
#ifndef MS_NOSYMFOLLOW
#define MS_NOSYMFOLLOW 256 /* Linux 5.10; the mount holds no symbolic links, and none would be followed */
#endif

/* "\040" → ' ', as mountinfo writes blanks (proc(5)). In place. */
static void unescape(char *text)
{
    char *to = text;
    for (const char *p = text; *p; p++)
        if (p[0] == '\\' && p[1] >= '0' && p[1] <= '3' && p[2] && p[3]) {
            *to++ = (char)((p[1] - '0') * 64 + (p[2] - '0') * 8 + (p[3] - '0'));
            p += 3;
        } else {
            *to++ = *p;
        }
    *to = '\0';
}

/* What is mounted at `path`, topmost: its type and device. False: nothing. */
static bool mounted_at(const char *path, char type[64], char device[24])
{
    autofclose FILE *f = fopen("/proc/self/mountinfo", "re");
    autofree char *line = NULL;
    size_t size = 0;
    bool found = false;
    while (f && getline(&line, &size, f) > 0) {
        char at[PATH_MAX], kind[64], number[24];
        const char *tail = strstr(line, " - ");
        if (!tail || sscanf(line, "%*s %*s %23s %*s %4095s", number, at) != 2 ||
            sscanf(tail, " - %63s", kind) != 1)
            continue;
        unescape(at);
        if (strcmp(at, path))
            continue;
        found = true;
        memcpy(type, kind, sizeof kind);
        memcpy(device, number, sizeof number);
    }
    return found;
}

/* Resolves all but the last step, which may be a dead mount. */
static int resolve(const char *path, char out[PATH_MAX], struct error *e)
{
    autofree char *copy = strdup(path);
    if (!copy)
        return error_set(e, -ENOMEM, "memory", "out of memory");
    size_t length = strlen(copy);
    while (length > 1 && copy[length - 1] == '/')
        copy[--length] = '\0';
    char *slash = strrchr(copy, '/');
    const char *last = slash ? slash + 1 : copy, *folder = slash ? (slash == copy ? "/" : copy) : ".";
    if (!*last || strcmp(last, ".") == 0 || strcmp(last, "..") == 0)
        return error_set(e, -EINVAL, "mountpoint", "%s: cannot be mounted on; do: name a folder of its own",
                         path);
    autofree char *name = strdup(last);
    if (slash)
        *slash = '\0';
    autofree char *parent = realpath(folder, NULL);
    if (!parent)
        return error_set(e, -errno, "mountpoint", "%s: %s; do: mkdir -p %s", path, strerror(errno), path);
    int n = name ? snprintf(out, PATH_MAX, "%s/%s", strcmp(parent, "/") ? parent : "", name) : -1;
    return n > 0 && n < PATH_MAX
               ? 0
               : error_set(e, -ENAMETOOLONG, "mountpoint", "%s: the path is too long", path);
}

static int clear_dead(const char *path, struct error *e)
{
    char type[64], device[24];
    if (!mounted_at(path, type, device) || strcmp(type, MOUNT_TYPE))
        return error_set(e, -ENOTCONN, "mountpoint",
                         "%s: a dead mount of another program is there; do: umount -l %s", path, path);
    if (umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW))
        return error_set(e, -errno, "mountpoint", "%s: the dead mount there cannot be unmounted: %s", path,
                         strerror(errno));
    log_info("mount-cleared", "%s: the mount of a daemon that died has been taken away", path);
    return 0;
}

/* For a second after a daemon's death the kernel may still answer lstat by what it remembers, but not statfs.
 */
static int look(const char *path, struct stat *status)
{
    struct statfs fs;
    return lstat(path, status) || statfs(path, &fs) ? -errno : 0;
}

static int check_empty(const char *path, struct error *e)
{
    DIR *folder = opendir(path);
    if (!folder)
        return error_set(e, -errno, "mountpoint", "%s: %s", path, strerror(errno));
    bool empty = true;
    for (const struct dirent *d; empty && (d = readdir(folder));)
        empty = strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0;
    closedir(folder);
    return empty ? 0
                 : error_set(
                       e, -ENOTEMPTY, "mountpoint",
                       "%s: the mount point is not empty; do: name an empty folder, or move what is in it",
                       path);
}

/* Every step above it must be searchable for the announcer. */
static int check_reachable(const char *path, const struct program_user *announcer, struct error *e)
{
    if (seteuid(announcer->uid))
        return error_set(e, -errno, "mountpoint", "cannot become %s: %s", announcer->name, strerror(errno));
    int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC), error = errno;
    if (fd >= 0)
        close(fd);
    if (seteuid(0))
        abort(); /* never go on with half the rights */
    return fd >= 0 ? 0
                   : error_set(e, -error, "mountpoint",
                               "%s: the user %s ([daemon] announcer) cannot reach it: %s; do: chmod o+x the "
                               "folders above it",
                               path, announcer->name, strerror(error));
}

/* A daemon whose keeper was killed takes a moment to end; until then its mount is alive. */
static bool is_served(const char *path)
{
    char type[64], device[24];
    struct stat status;
    const struct timespec moment = {0, 50 * 1000000};
    for (int i = 0; mounted_at(path, type, device) && strcmp(type, MOUNT_TYPE) == 0; i++) {
        if (look(path, &status) == -ENOTCONN)
            return false;
        if (i == DYING_MOMENTS)
            return true;
        nanosleep(&moment, NULL);
    }
    return false;
}

/* Takes away what dead daemons left, one over the other. */
static int clear_all(const char *path, struct stat *status, struct error *e)
{
    int r = look(path, status);
    for (int i = 0; r == -ENOTCONN && i < MOUNTS_MAX; i++) {
        int cleared = clear_dead(path, e);
        if (cleared)
            return cleared;
        r = look(path, status);
    }
    return r ? error_set(e, r, "mountpoint", "%s: %s%s%s", path, strerror(-r),
                         r == -ENOENT ? "; do: mkdir -p " : "", r == -ENOENT ? path : "")
             : 0;
}

int mountpoint_prepare(struct mountpoint *m, const char *path, const struct program_user *announcer,
                       struct error *e)
{
    struct stat status;
    *m = (struct mountpoint){0};
    int r = resolve(path, m->path, e);
    if (r)
        return r;
    if (is_served(m->path))
        return error_set(
            e, -EBUSY, "mountpoint",
            "%s: a careplanfs is mounted there already; do: stop it first, or name another folder", m->path);
    r = clear_all(m->path, &status, e);
    if (r)
        return r;
    if (!S_ISDIR(status.st_mode))
        return error_set(e, -ENOTDIR, "mountpoint", "%s: not a folder", m->path);
    r = check_empty(m->path, e);
    return r ? r : check_reachable(m->path, announcer, e);
}

int mountpoint_mount(struct mountpoint *m, int fuse_fd, struct error *e)
{
    char options[128], type[64];
    /* Modes are enforced by the kernel; who is let in, the folders' modes say. */
    snprintf(options, sizeof options,
             "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other,default_permissions", fuse_fd);
    if (mount("careplanfs", m->path, MOUNT_TYPE, MS_NOSUID | MS_NODEV | MS_NOSYMFOLLOW, options))
        return error_set(e, -errno, "mount", "cannot mount on %s: %s", m->path, strerror(errno));
    if (!mounted_at(m->path, type, m->device))
        return error_set(e, -EIO, "mount", "%s: the new mount is not to be seen in /proc/self/mountinfo",
                         m->path);
    return 0;
}

int mountpoint_unmount(struct mountpoint *m)
{
    char type[64], device[24];
    if (!m->device[0] || !mounted_at(m->path, type, device) || strcmp(device, m->device))
        return 0;
    m->device[0] = '\0';
    return umount2(m->path, MNT_DETACH | UMOUNT_NOFOLLOW) ? -errno : 0;
}
