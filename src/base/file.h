/* Small files read and written whole, safely. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/buffer.h"
#include "careplan/error.h"

/* Reads the whole regular file (no symbolic link followed at the last step) into `out`, at most `limit`
 * bytes. 0, -EFBIG, or what open/read say. */
int file_read(const char *path, size_t limit, struct buffer *out, struct error *e);

/* As file_read, for secrets: refuses (-EPERM, code "key-readable") a file with any right for group or
 * others, and one that is owned neither by the caller nor by root. */
int file_read_secret(const char *path, size_t limit, struct buffer *out, struct error *e);

/* Writes a new file beside `path` with `mode`, fsyncs it, renames it over `path` and fsyncs the folder: after
 * 0 the content is there after power loss; after an error the old content is. */
int file_write(const char *path, const void *data, size_t length, mode_t mode, struct error *e);

/* "DIR/NAME", allocated. NULL: no memory. */
char *file_join(const char *dir, const char *name);

#endif
