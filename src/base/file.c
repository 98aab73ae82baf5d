#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/hex.h"

char *file_join(const char *dir, const char *name)
{
    char *path = NULL;
    return asprintf(&path, "%s/%s", dir, name) < 0 ? NULL : path;
}

static int system_error(struct error *e, const char *path)
{
    int number = errno;
    return error_set(e, -number, "file", "%s: %s", path, strerror(number));
}

static int read_open(int fd, const char *path, size_t limit, struct buffer *out, struct error *e)
{
    uint8_t block[8192];
    for (;;) {
        ssize_t n = read(fd, block, sizeof block);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return system_error(e, path);
        if (n == 0)
            break;
        if (out->length + (size_t)n > limit)
            return error_set(e, -EFBIG, "file-size", "%s: larger than %zu bytes", path, limit);
        int r = buffer_append(out, block, (size_t)n);
        if (r)
            return error_set(e, r, "memory", "%s: out of memory", path);
    }
    explicit_bzero(block, sizeof block);
    return 0;
}

static int open_regular(const char *path, struct stat *status, struct error *e)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return system_error(e, path);
    if (fstat(fd, status) || !S_ISREG(status->st_mode)) {
        close(fd);
        return error_set(e, -EINVAL, "file", "%s: not a regular file", path);
    }
    return fd;
}

int file_read(const char *path, size_t limit, struct buffer *out, struct error *e)
{
    struct stat status;
    autoclose int fd = open_regular(path, &status, e);
    return fd < 0 ? fd : read_open(fd, path, limit, out, e);
}

int file_read_secret(const char *path, size_t limit, struct buffer *out, struct error *e)
{
    struct stat status;
    autoclose int fd = open_regular(path, &status, e);
    if (fd < 0)
        return fd;
    if (status.st_mode & 077)
        return error_set(e, -EPERM, "key-readable",
                         "%s: mode %04o lets others read this key; do: chmod 600 %s", path,
                         (unsigned)status.st_mode & 07777, path);
    if (status.st_uid != geteuid() && status.st_uid != 0)
        return error_set(e, -EPERM, "key-owner",
                         "%s: belongs to another user (uid %u); do: chown it to uid %u", path,
                         (unsigned)status.st_uid, (unsigned)geteuid());
    return read_open(fd, path, limit, out, e);
}

static int write_all(int fd, const uint8_t *p, size_t length)
{
    while (length) {
        ssize_t n = write(fd, p, length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        p += n;
        length -= (size_t)n;
    }
    return 0;
}

static int sync_folder_of(const char *path)
{
    autofree char *dir = strdup(path);
    if (!dir)
        return -ENOMEM;
    char *slash = strrchr(dir, '/');
    if (slash)
        slash[slash == dir] = '\0';
    autoclose int fd = open(slash ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 || fsync(fd) ? -errno : 0;
}

int file_write(const char *path, const void *data, size_t length, mode_t mode, struct error *e)
{
    uint8_t random[8];
    char suffix[17];
    random_bytes(random, sizeof random);
    hex_encode(random, sizeof random, suffix);
    autofree char *temporary = NULL;
    if (asprintf(&temporary, "%s.%s.tmp", path, suffix) < 0) {
        temporary = NULL;
        return error_set(e, -ENOMEM, "memory", "out of memory");
    }
    autoclose int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return system_error(e, temporary);
    int r = write_all(fd, data, length);
    if (r == 0 && (fchmod(fd, mode) || fsync(fd) || rename(temporary, path)))
        r = -errno;
    if (r) {
        unlink(temporary);
        return error_set(e, r, "file", "%s: %s", path, strerror(-r));
    }
    r = sync_folder_of(path);
    return r ? error_set(e, r, "file", "%s: folder not synced: %s", path, strerror(-r)) : 0;
}
