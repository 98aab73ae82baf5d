/* Life of the mount: offices, session, and a receive loop of our own in a fixed number of threads. The loop
 * is ours because libfuse hides from its own one what a worker that takes over an open mount must see. */
#include "mount/mount.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/file.h"
#include "base/hex.h"
#include "base/log.h"
#include "mount/operations.h"

enum { BUFFER_KEPT = 128 * 1024 };

static void op_init(void *context, struct fuse_conn_info *connection)
{
    (void)context;
    connection->max_write = MAX_WRITE;
    /* The check at flush needs the truth about size and content; splicing gains nothing here. */
    connection->want &= ~(unsigned)(FUSE_CAP_WRITEBACK_CACHE | FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE |
                                    FUSE_CAP_SPLICE_MOVE);
}

static const struct fuse_lowlevel_ops operations = {
    .init = op_init,
    .lookup = op_lookup,
    .forget = op_forget,
    .forget_multi = op_forget_multi,
    .getattr = op_getattr,
    .setattr = op_setattr,
    .readlink = op_readlink,
    .mknod = op_mknod,
    .mkdir = op_mkdir,
    .unlink = op_unlink,
    .rmdir = op_rmdir,
    .symlink = op_symlink,
    .rename = op_rename,
    .link = op_link,
    .open = op_open,
    .read = op_read,
    .write = op_write,
    .flush = op_flush,
    .release = op_release,
    .fsync = op_fsync,
    .opendir = op_opendir,
    .readdir = op_readdir,
    .readdirplus = op_readdirplus,
    .releasedir = op_releasedir,
    .fsyncdir = op_fsyncdir,
    .statfs = op_statfs,
    .setxattr = op_setxattr,
    .getxattr = op_getxattr,
    .listxattr = op_listxattr,
    .removexattr = op_removexattr,
    .access = op_access,
    .create = op_create,
    .bmap = op_bmap,
    .ioctl = op_ioctl,
    .fallocate = op_fallocate,
    .copy_file_range = op_copy_file_range,
};

/* ---- Setting up ---- */

static void ledger_changed(void *context, unsigned changed)
{
    struct tree *t = context;
    if (changed & ~(unsigned)LEDGER_CHANGED_TREE)
        atomic_fetch_add(&t->changes, 1);
    if (changed & LEDGER_CHANGED_TREE)
        atomic_fetch_add(&t->tree_changes, 1);
}

static int tree_open(struct mount *m, size_t index, const struct mount_office *office, bool alone,
                     struct error *e)
{
    struct tree *t = &m->trees[index];
    uint8_t random[12];
    *t = (struct tree){.mount = m, .index = index, .settings = office->office, .ledger = office->ledger};
    pthread_mutex_init(&t->page_mutex, NULL);
    t->group = office->office->group == (gid_t)-1 ? m->group : office->office->group;
    if (!alone)
        snprintf(t->path, sizeof t->path, "%s/", office->office->office.text);
    random_bytes(random, sizeof random);
    memcpy(t->hidden, ".show-", 6);
    hex_encode(random, sizeof random, t->hidden + 6);
    t->drafts = file_join(office->office->state, "drafts");
    if (!t->drafts)
        return error_set(e, -ENOMEM, "memory", "no memory");
    t->house = (struct draft_house){t->ledger, t->drafts, &m->draft_memory, m->settings->unit_max};
    ledger_subscribe(t->ledger, ledger_changed, t);
    return 0;
}

static void tree_close(struct tree *t)
{
    if (!t->mount)
        return;
    if (t->ledger)
        ledger_unsubscribe(t->ledger, ledger_changed, t);
    for (size_t i = 0; i < ARRAY_LENGTH(t->pages); i++)
        if (t->pages[i])
            page_put(t, t->pages[i]);
    pthread_mutex_destroy(&t->page_mutex);
    free(t->expected);
    free(t->drafts);
}

__attribute__((__format__(__printf__, 2, 0))) static void
log_of_libfuse(enum fuse_log_level level, const char *format, va_list arguments)
{
    char line[256];
    int n = vsnprintf(line, sizeof line, format, arguments);
    if (n > 0 && level <= FUSE_LOG_WARNING)
        log_warning("libfuse", "%s", line);
}

static int session_open(struct mount *m, int fd, struct error *e)
{
    char *arguments[] = {"careplanfs", NULL};
    struct fuse_args args = FUSE_ARGS_INIT(1, arguments);
    char path[32];
    fuse_set_log_func(log_of_libfuse);
    m->session = fuse_session_new(&args, &operations, sizeof operations, m);
    fuse_opt_free_args(&args);
    snprintf(path, sizeof path, "/dev/fd/%d", fd); /* the keeper has mounted it */
    if (!m->session || fuse_session_mount(m->session, path))
        return error_set(e, -EIO, "mount-session", "libfuse does not take the descriptor of /dev/fuse");
    return 0;
}

static int mount_open(struct mount *m, const struct mount_options *options, struct error *e)
{
    if (options->n_offices == 0)
        return error_set(e, -EINVAL, "mount-offices", "no office is configured");
    m->trees = calloc(options->n_offices, sizeof *m->trees);
    if (!m->trees || table_new(&m->nodes) || table_new(&m->names) || table_new(&m->folders))
        return error_set(e, -ENOMEM, "memory", "no memory");
    for (; m->n_trees < options->n_offices; m->n_trees++) {
        int r = tree_open(m, m->n_trees, &options->offices[m->n_trees], options->n_offices == 1, e);
        if (r)
            return r;
    }
    int r = slots_pin(m, e);
    if (r == 0)
        r = work_start(m) ? error_set(e, -EAGAIN, "mount-thread", "cannot start a thread") : 0;
    if (r == 0)
        r = recover_all(m, e);
    return r ? r : session_open(m, options->fuse_fd, e);
}

int mount_new(const struct mount_options *options, struct mount **out, struct error *e)
{
    struct mount *m = calloc(1, sizeof *m);
    if (!m)
        return error_set(e, -ENOMEM, "memory", "no memory");
    m->settings = options->settings;
    m->rules = options->rules;
    m->owner = options->owner;
    m->group = options->group;
    pthread_mutex_init(&m->mutex, NULL);
    pthread_mutex_init(&m->work_mutex, NULL);
    pthread_cond_init(&m->work, NULL);
    pthread_mutex_init(&m->stop_mutex, NULL);
    pthread_cond_init(&m->stopped, NULL);
    int r = mount_open(m, options, e);
    if (r)
        mount_free(m);
    else
        *out = m;
    return r;
}

void mount_set_settler(struct mount *m, size_t office, struct settler *settler)
{
    m->trees[office].settler = settler;
}

void mount_set_hub(struct mount *m, size_t office, mount_hub_fn *fn, void *context)
{
    m->trees[office].hub = fn;
    m->trees[office].hub_context = context;
}

/* ---- Serving ---- */

static void serve_ended(struct mount *m, int result)
{
    LOCKED(&m->stop_mutex);
    if (result < 0 && m->result == 0)
        m->result = result;
    m->stop = true;
    pthread_cond_broadcast(&m->stopped);
}

/* Large requests are rare; their pages need not stay with every thread. */
static void buffer_rest(struct fuse_buf *buffer)
{
    if (buffer->size <= BUFFER_KEPT)
        return;
    uintptr_t begin = ((uintptr_t)buffer->mem + BUFFER_KEPT + 4095) & ~(uintptr_t)4095;
    uintptr_t end = ((uintptr_t)buffer->mem + buffer->size) & ~(uintptr_t)4095;
    if (begin < end)
        madvise((void *)begin, end - begin, MADV_DONTNEED);
}

static void serve_buffer_free(void *buffer)
{
    free(((struct fuse_buf *)buffer)->mem);
}

/* One request. 1, 0 when the mount is gone, or negative. */
static int serve_one(struct mount *m, struct fuse_buf *buffer)
{
    /* Only while it waits for a request may the thread be ended. */
    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
    int n = fuse_session_receive_buf(m->session, buffer);
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
    if (n == -EINTR || n == -EAGAIN)
        return 1;
    if (n <= 0)
        return n;
    fuse_session_process_buf(m->session, buffer);
    buffer->size = (size_t)n;
    buffer_rest(buffer);
    return 1;
}

static void *serve(void *argument)
{
    struct mount *m = argument;
    struct fuse_buf buffer = {0};
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
    pthread_cleanup_push(serve_buffer_free, &buffer);
    int r = 1;
    while (r > 0 && !fuse_session_exited(m->session))
        r = serve_one(m, &buffer);
    serve_ended(m, r < 0 ? r : 0);
    pthread_cleanup_pop(1);
    return NULL;
}

int mount_serve(struct mount *m)
{
    pthread_t threads[SERVE_THREADS];
    size_t n = 0;
    int r = 0;
    while (r == 0 && n < SERVE_THREADS) {
        r = thread_start(&threads[n], "mount-serve", serve, m);
        n += r == 0;
    }
    if (r == 0) {
        LOCKED(&m->stop_mutex);
        while (!m->stop)
            pthread_cond_wait(&m->stopped, &m->stop_mutex);
    }
    fuse_session_exit(m->session);
    for (size_t i = 0; i < n; i++)
        pthread_cancel(threads[i]);
    for (size_t i = 0; i < n; i++)
        pthread_join(threads[i], NULL);
    LOCKED(&m->stop_mutex);
    return r ? r : m->result;
}

void mount_stop(struct mount *m)
{
    serve_ended(m, 0);
}

/* ---- The end ---- */

static void nodes_free(struct mount *m)
{
    for (size_t i = 0; i < m->handles.capacity; i++)
        if (m->handles.items[i])
            handle_close(m, m->handles.items[i]);
    for (size_t i = 0; i < m->nodes.size; i++)
        while (m->nodes.buckets[i]) { /* loose names: what is not saved ends with the mount */
            struct node *n = TABLE_ENTRY(m->nodes.buckets[i], struct node, link);
            {
                LOCKED(&m->mutex);
                n->refs++;
                if (n->loose)
                    loose_remove(n);
                n->named = false;
                node_unpin(n);
            }
            node_put(n);
        }
}

void mount_free(struct mount *m)
{
    if (!m)
        return;
    work_stop(m);
    nodes_free(m);
    if (m->session)
        fuse_session_destroy(m->session);
    folders_free(m);
    table_free(&m->nodes);
    table_free(&m->names);
    free(m->handles.items);
    free(m->handles.generations);
    for (size_t i = 0; i < m->n_trees; i++)
        tree_close(&m->trees[i]);
    free(m->trees);
    pthread_mutex_destroy(&m->mutex);
    pthread_mutex_destroy(&m->work_mutex);
    pthread_cond_destroy(&m->work);
    pthread_mutex_destroy(&m->stop_mutex);
    pthread_cond_destroy(&m->stopped);
    free(m);
}
