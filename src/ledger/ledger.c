/* A ledger's life: opening, the pool of readers, ids, closing. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "base/file.h"
#include "base/thread.h"
#include "ledger/content_store.h"
#include "ledger/message.h"
#include "ledger/schema.h"
#include "ledger/tree.h"

enum { ID_BLOCK = 10000, ID_LOW = 5000, WRITER_CACHE_KIB = 2048, READER_CACHE_KIB = 256 };

int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* ---- Readers ---- */

struct connection *reader_take(struct ledger *l)
{
    {
        LOCKED(&l->readers_mutex);
        struct connection *c = l->readers;
        if (c) {
            l->readers = c->next;
            l->n_readers--;
            return c;
        }
    }
    struct connection *c = calloc(1, sizeof *c);
    if (c && connection_open(c, l->path, SQLITE_OPEN_READONLY, READER_CACHE_KIB)) {
        free(c);
        c = NULL;
    }
    return c;
}

void reader_give(struct ledger *l, struct connection *c)
{
    {
        LOCKED(&l->readers_mutex);
        if (l->n_readers < READERS_KEPT) {
            c->next = l->readers;
            l->readers = c;
            l->n_readers++;
            return;
        }
    }
    connection_close(c);
    free(c);
}

void readers_shrink(struct ledger *l)
{
    struct connection *all;
    {
        LOCKED(&l->readers_mutex);
        all = l->readers;
        l->readers = NULL;
        l->n_readers = 0;
    }
    while (all) {
        struct connection *next = all->next;
        connection_close(all);
        free(all);
        all = next;
    }
}

/* ---- Ids ---- */

static int nothing_apply(struct ledger *l, struct change *c)
{
    (void)l;
    (void)c;
    return 0; /* the commit itself reserves the ids */
}

static void ignore_result(void *context, int result)
{
    (void)context;
    (void)result;
}

uint64_t ledger_new_id(struct ledger *l)
{
    for (;;) {
        uint64_t id = 0;
        bool low = false;
        {
            LOCKED(&l->mutex);
            if (l->id_next < l->id_durable)
                id = l->id_next++;
            low = l->id_next + ID_LOW > l->id_durable && l->id_reserved == l->id_durable;
            if (low)
                l->id_reserved += ID_BLOCK;
        }
        if (id && !low)
            return id;
        struct change *c = change_new(sizeof *c, nothing_apply, id ? ignore_result : NULL, NULL);
        if (c)
            c->lazy = true;
        int r = change_submit(l, c, id ? ignore_result : NULL, NULL);
        if (id || r)
            return id;
    }
}

uint64_t id_take(struct ledger *l)
{
    LOCKED(&l->mutex);
    if (l->id_next >= l->id_reserved)
        l->id_reserved = l->id_next + ID_BLOCK;
    return l->id_next++;
}

void ledger_subscribe(struct ledger *l, ledger_changed_fn *fn, void *context)
{
    LOCKED(&l->subscribers_mutex);
    if (l->n_subscribers < ARRAY_LENGTH(l->subscribers)) {
        l->subscribers[l->n_subscribers].fn = fn;
        l->subscribers[l->n_subscribers].context = context;
        l->n_subscribers++;
    }
}

void ledger_unsubscribe(struct ledger *l, ledger_changed_fn *fn, void *context)
{
    LOCKED(&l->subscribers_mutex);
    for (size_t i = 0; i < l->n_subscribers; i++)
        if (l->subscribers[i].fn == fn && l->subscribers[i].context == context) {
            l->subscribers[i] = l->subscribers[--l->n_subscribers];
            return;
        }
}

/* ---- Opening ---- */

static int lock_take(struct ledger *l, const char *state_dir, struct error *e)
{
    autofree char *path = file_join(state_dir, "lock");
    if (!path)
        return error_set(e, -ENOMEM, "memory", "out of memory");
    l->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (l->lock_fd < 0)
        return error_set(e, -errno, "ledger-open", "%s: %s", path, strerror(errno));
    char pid[24] = "";
    if (flock(l->lock_fd, LOCK_EX | LOCK_NB)) {
        int number = errno;
        if (number != EWOULDBLOCK)
            return error_set(e, -number, "ledger-open", "%s: %s", path, strerror(number));
        ssize_t n = pread(l->lock_fd, pid, sizeof pid - 1, 0);
        pid[n > 0 ? strspn(pid, "0123456789") : 0] = '\0';
        return error_set(e, -EBUSY, "ledger-in-use", "%s is in use by process %s; stop that one first",
                         state_dir, pid[0] ? pid : "(unknown)");
    }
    int n = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
    if (ftruncate(l->lock_fd, 0) || pwrite(l->lock_fd, pid, (size_t)n, 0) != n)
        return error_set(e, -EIO, "ledger-open", "%s: cannot be written", path);
    return 0;
}

static int read_failed(struct connection *c, int r, struct error *e)
{
    return error_set(e, r, "ledger-read", "ledger.db: %s", c->db ? sqlite3_errmsg(c->db) : strerror(-r));
}

static int office_check(struct connection *c, const struct office_id *office, struct error *e)
{
    struct office_id pinned = {""};
    {
        autoquery s = sql_query(c, "SELECT data FROM internal WHERE key='office'", "");
        int r = sql_row(s);
        if (r <= 0)
            return r < 0 ? read_failed(c, r, e) : -ENOENT;
        sql_text(s, 0, pinned.text, sizeof pinned.text);
    }
    if (office->text[0] && !office_id_equal(&pinned, office))
        return error_set(e, -EINVAL, "ledger-office",
                         "this state folder belongs to office %s, not to %s; give each office its own",
                         pinned.text, office->text);
    return 0;
}

/* 32 zero bytes wrapped by the storage key: another key does not open them. */
static int key_check(struct ledger *l, struct connection *c, struct error *e)
{
    uint8_t plain[CRYPT_KEY];
    autoquery s = sql_query(c, "SELECT data FROM internal WHERE key='key_check'", "");
    int r = sql_row(s);
    if (r < 0)
        return read_failed(c, r, e);
    const void *wrapped = r > 0 ? sqlite3_column_blob(s, 0) : NULL;
    r = wrapped ? crypt_unwrap(&l->crypt, 0, wrapped, (size_t)sqlite3_column_bytes(s, 0), plain) : -EBADMSG;
    return r ? error_set(e, r, "storage-key",
                         "storage.key is not the key of this ledger; put back the right one")
             : 0;
}

static int first_rows(struct ledger *l)
{
    static const uint8_t ZERO[CRYPT_KEY];
    uint8_t wrapped[CRYPT_WRAPPED];
    int r = crypt_wrap(&l->crypt, 0, ZERO, wrapped);
    if (r == 0)
        r = sql_run(&l->writer, "INSERT INTO internal(key, data) VALUES('key_check', ?)", "b", wrapped,
                    sizeof wrapped);
    if (r == 0)
        r = sql_run(&l->writer, "INSERT INTO internal(key, data) VALUES('office', ?)", "t", l->office.text);
    if (r == 0)
        r = sql_run(&l->writer, "UPDATE node SET mtime=?1, ctime=?1, atime=?1, created=?1", "i", now_ns());
    return r ? r : audit_append(l, "ledger-created", "%s", l->office.text);
}

static int drafts_hold(struct ledger *l)
{
    int64_t message = 0;
    int r = sql_run(&l->writer,
                    "UPDATE file SET verdict=4, reason='held' WHERE node<>0 AND carried=0 AND node IN"
                    " (SELECT id FROM node WHERE draft<>0 AND verdict<>4) AND message IN"
                    " (SELECT id FROM message WHERE open=1)",
                    "");
    while (r == 0) {
        r = sql_number(&l->writer, &message,
                       "SELECT file.message FROM file JOIN node ON node.id=file.node WHERE node.draft<>0 AND"
                       " node.verdict<>4 AND file.message>? ORDER BY file.message LIMIT 1",
                       "i", message);
        if (r == 0)
            r = message_recompute(l, (uint64_t)message);
    }
    return r != -ENOENT ? r : sql_run(&l->writer, "UPDATE node SET verdict=4 WHERE draft<>0", "");
}

static int nodes_without_name_go(struct ledger *l)
{
    int64_t id;
    int r;
    while ((r = sql_number(&l->writer, &id, "SELECT id FROM node WHERE links=0 LIMIT 1", "")) == 0) {
        r = node_delete(l, (uint64_t)id);
        if (r)
            return r;
    }
    return r == -ENOENT ? 0 : r;
}

static int ids_begin(struct ledger *l)
{
    int64_t next = NODE_FIRST_FREE;
    int r = sql_number(&l->writer, &next, "SELECT data FROM internal WHERE key='next_id'", "");
    if (r && r != -ENOENT)
        return r;
    l->id_next = (uint64_t)next;
    l->id_reserved = l->id_durable = l->id_next + ID_BLOCK;
    return sql_run(&l->writer, "INSERT OR REPLACE INTO internal(key, data) VALUES('next_id', ?)", "i",
                   l->id_reserved);
}

/* What a start changes, in one transaction. */
static int begin_anew(struct ledger *l, bool first)
{
    int r = ids_begin(l);
    if (r == 0)
        r = audit_load(l);
    if (r == 0 && first)
        r = first_rows(l);
    if (r == 0)
        r = content_forget_unfinished(l);
    if (r == 0)
        r = drafts_hold(l);
    return r ? r : nodes_without_name_go(l);
}

static int begin_transaction(struct ledger *l, bool first, struct error *e)
{
    int r = sql_script(&l->writer, "BEGIN IMMEDIATE");
    if (r == 0)
        r = begin_anew(l, first);
    if (r == 0)
        r = sql_script(&l->writer, "COMMIT");
    return r ? error_set(e, r, "ledger-write", "ledger.db: %s (%s)", strerror(-r),
                         sqlite3_errmsg(l->writer.db))
             : 0;
}

static const char WRITER_SETTINGS[] =
    "PRAGMA auto_vacuum=INCREMENTAL; PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0;"
    "PRAGMA journal_size_limit=67108864;"
    /* a destroyed key leaves no copy in its page */
    "PRAGMA secure_delete=FAST";

/* Made here for its mode (SQLite gives the WAL the same), and closed before SQLite opens it: to close any
 * descriptor of a file takes all POSIX locks of the process from it. */
static int file_ensure(const char *path)
{
    autoclose int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    return fd < 0 ? -errno : 0;
}

/* A file system without shared memory keeps SQLite from its WAL. */
static int wal_check(struct ledger *l)
{
    char mode[16] = "";
    autoquery s = sql_query(&l->writer, "PRAGMA journal_mode", "");
    int r = sql_row(s);
    if (r > 0)
        sql_text(s, 0, mode, sizeof mode);
    return r < 0 ? r : strcmp(mode, "wal") == 0 ? 0 : -EOPNOTSUPP;
}

static int writer_open(struct ledger *l, const struct ledger_options *o, struct error *e)
{
    struct stat status;
    bool empty = stat(l->path, &status) != 0 || status.st_size == 0;
    int r = crypt_open(&l->crypt, o->state_dir, empty, e);
    if (r)
        return r;
    r = file_ensure(l->path);
    if (r)
        return error_set(e, r, "ledger-open", "%s: %s", l->path, strerror(-r));
    r = connection_open(&l->writer, l->path, SQLITE_OPEN_READWRITE, WRITER_CACHE_KIB);
    if (r == 0)
        r = sql_script(&l->writer, WRITER_SETTINGS);
    if (r == 0)
        r = wal_check(l);
    if (r)
        return read_failed(&l->writer, r, e);
    r = schema_migrate(&l->writer, e);
    if (r == 0)
        r = office_check(&l->writer, &l->office, e);
    bool first = r == -ENOENT;
    if (r == 0)
        r = key_check(l, &l->writer, e);
    return r && !first ? r : begin_transaction(l, first, e);
}

static int reader_open(struct ledger *l, const struct ledger_options *o, struct error *e)
{
    int r = crypt_open(&l->crypt, o->state_dir, 0, e);
    if (r)
        return r;
    WITH_READER(l, c);
    if (!c)
        return error_set(e, -ENOENT, "ledger-missing",
                         "%s: cannot be read; has the office been enrolled and careplanfs run?", l->path);
    r = schema_check(c, e);
    if (r == 0)
        r = office_check(c, &o->office, e);
    if (r == -ENOENT)
        return error_set(e, -ENOENT, "ledger-missing", "%s: not begun yet; start careplanfs once", l->path);
    return r ? r : key_check(l, c, e);
}

static int threads_start(struct ledger *l, struct error *e)
{
    int r = checkpoint_start(l);
    if (r == 0)
        r = commit_start(l);
    return r ? error_set(e, r, "ledger-open", "%s: %s", l->path, strerror(-r)) : 0;
}

static int open_all(struct ledger *l, const struct ledger_options *o, struct error *e)
{
    l->path = file_join(o->state_dir, "ledger.db");
    if (!l->path)
        return error_set(e, -ENOMEM, "memory", "out of memory");
    if (o->read_only)
        return reader_open(l, o, e);
    if (!o->office.text[0])
        return error_set(e, -EINVAL, "ledger-office", "%s: no office named", l->path);
    int r = lock_take(l, o->state_dir, e);
    if (r == 0)
        r = writer_open(l, o, e);
    return r ? r : threads_start(l, e);
}

static struct ledger *ledger_new(const struct ledger_options *o)
{
    struct ledger *l = calloc(1, sizeof *l);
    if (!l)
        return NULL;
    l->office = o->office;
    l->read_only = o->read_only;
    l->lock_fd = -1;
    l->queue_end = &l->queue;
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&l->work, &monotonic);
    pthread_cond_init(&l->checkpoint_work, NULL);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&l->mutex, NULL);
    pthread_mutex_init(&l->subscribers_mutex, NULL);
    pthread_mutex_init(&l->readers_mutex, NULL);
    pthread_mutex_init(&l->plain_mutex, NULL);
    return l;
}

int ledger_open(const struct ledger_options *options, struct ledger **out, struct error *e)
{
    struct ledger *l = ledger_new(options);
    *out = NULL;
    if (!l)
        return error_set(e, -ENOMEM, "memory", "out of memory");
    int r = open_all(l, options, e);
    if (r)
        ledger_close(l);
    else
        *out = l;
    return r;
}

void ledger_close(struct ledger *l)
{
    if (!l)
        return;
    commit_stop(l);
    checkpoint_stop(l);
    readers_shrink(l);
    connection_close(&l->writer); /* the last one copies the WAL */
    plain_blocks_free(l);
    crypt_close(&l->crypt);
    pthread_cond_destroy(&l->work);
    pthread_cond_destroy(&l->checkpoint_work);
    pthread_mutex_destroy(&l->mutex);
    pthread_mutex_destroy(&l->subscribers_mutex);
    pthread_mutex_destroy(&l->readers_mutex);
    pthread_mutex_destroy(&l->plain_mutex);
    free(l->path);
    if (l->lock_fd >= 0)
        close(l->lock_fd);
    free(l);
}
