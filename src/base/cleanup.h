/* Cleanup attributes, declared once: a function that takes something reads straight down and gives it back
 * on every way out. */
#ifndef BASE_CLEANUP_H
#define BASE_CLEANUP_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Unused: some are declared for nothing but their end (a lock, an ownership). */
#define with_cleanup(f) __attribute__((__cleanup__(f), __unused__))

static inline void cleanup_free(void *p)
{
    free(*(void **)p);
}

static inline void cleanup_close(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

static inline void cleanup_fclose(FILE **f)
{
    if (*f)
        fclose(*f);
}

#define autofree with_cleanup(cleanup_free)
#define autoclose with_cleanup(cleanup_close) /* an int that is -1 or a descriptor */
#define autofclose with_cleanup(cleanup_fclose)

/* Declares `autoTYPE`-like cleanup for an opaque type with `NAME_free(TYPE *)`:
 *     CLEANUP_DEFINE(autosqlite_stmt, sqlite3_stmt, sqlite3_finalize)
 * then `with_cleanup(autosqlite_stmt) sqlite3_stmt *s = NULL;` */
#define CLEANUP_DEFINE(name, type, destroy) \
    static inline void name(type **p)       \
    {                                       \
        if (*p)                             \
            destroy(*p);                    \
    }                                       \
    struct name##_needs_semicolon

#define ARRAY_LENGTH(a) (sizeof(a) / sizeof((a)[0]))

#endif
