#include "mount_host.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/thread.h"

/* A process that serves a mount and dies inside a call on it is never reaped: whatever ends this program, the
 * mount's connection is aborted before. */
static char guarded[64];

static void abort_mount(void)
{
    if (guarded[0])
        umount2(guarded, MNT_FORCE | MNT_DETACH);
}

static void on_death(int number)
{
    abort_mount();
    signal(number, SIG_DFL);
    raise(number);
}

void __asan_set_death_callback(void (*)(void)) __attribute__((__weak__));
void __sanitizer_set_death_callback(void (*)(void)) __attribute__((__weak__));

static void guard(const char *point)
{
    static const int numbers[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGTERM, SIGINT, SIGALRM};
    snprintf(guarded, sizeof guarded, "%s", point);
    if (__asan_set_death_callback)
        __asan_set_death_callback(abort_mount);
    if (__sanitizer_set_death_callback)
        __sanitizer_set_death_callback(abort_mount);
    for (size_t i = 0; i < ARRAY_LENGTH(numbers); i++)
        signal(numbers[i], on_death);
    alarm(120);
}

/* A failed assertion leaves the test at once; its mount goes here. */
void host_abandon(void)
{
    abort_mount();
    if (guarded[0])
        rmdir(guarded);
    guarded[0] = '\0';
}

static void *serve(void *context)
{
    struct mount_host *m = context;
    m->served = mount_serve(m->mount);
    return NULL;
}

static void open_second(struct mount_host *m)
{
    struct error e = {0};
    strcpy(m->second_dir, "/tmp/test-mount-XXXXXX");
    assert_non_null(mkdtemp(m->second_dir));
    struct ledger_options options = {.office = office(SECOND_CARE), .state_dir = m->second_dir};
    if (ledger_open(&options, &m->second, &e))
        fail_msg("%s", e.text);
    m->offices[1] = (struct settings_office){
        .office = office(SECOND_CARE), .state = m->second_dir, .group = (gid_t)-1, .mode = 02770};
}

struct mount_host *host_start(struct house *h, bool two_offices)
{
    struct mount_host *m = calloc(1, sizeof *m);
    struct error e = {0};
    char options[128];
    assert_non_null(m);
    m->house = h;
    strcpy(m->point, "/tmp/test-point-XXXXXX");
    assert_non_null(mkdtemp(m->point));
    m->offices[0] =
        (struct settings_office){.office = office(CARE), .state = h->dir, .group = (gid_t)-1, .mode = 02770};
    if (two_offices)
        open_second(m);
    int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    const struct mount_office offices[2] = {{&m->offices[0], h->ledger}, {&m->offices[1], m->second}};
    const struct mount_options mount_options = {.settings = &h->settings,
                                                .offices = offices,
                                                .n_offices = two_offices ? 2 : 1,
                                                .fuse_fd = fd,
                                                .owner = getuid(),
                                                .group = getgid()};
    if (mount_new(&mount_options, &m->mount, &e))
        fail_msg("%s", e.text);
    snprintf(options, sizeof options,
             "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other,default_permissions", fd);
    guard(m->point);
    assert_int_equal(mount("careplanfs", m->point, "fuse.careplanfs", MS_NOSUID | MS_NODEV, options), 0);
    assert_int_equal(thread_start(&m->server, "server", serve, m), 0);
    return m;
}

void host_stop(struct mount_host *m)
{
    mount_stop(m->mount);
    pthread_join(m->server, NULL);
    assert_int_equal(m->served, 0);
    assert_int_equal(umount2(m->point, MNT_DETACH), 0);
    alarm(0);
    guarded[0] = '\0';
    mount_free(m->mount);
    if (m->second) {
        ledger_close(m->second);
        const char *const rests[] = {"ledger.db", "ledger.db-wal", "ledger.db-shm", "lock", "storage.key"};
        char path[128];
        for (size_t i = 0; i < ARRAY_LENGTH(rests); i++) {
            snprintf(path, sizeof path, "%s/%s", m->second_dir, rests[i]);
            unlink(path);
        }
        snprintf(path, sizeof path, "%s/drafts", m->second_dir);
        rmdir(path);
        assert_int_equal(rmdir(m->second_dir), 0);
    }
    assert_int_equal(rmdir(m->point), 0);
    free(m);
}

const char *at(const struct mount_host *m, const char *format, ...)
{
    static _Thread_local char buffers[8][512];
    static _Thread_local unsigned next;
    char *path = buffers[next++ % 8];
    va_list arguments;
    va_start(arguments, format);
    int n = snprintf(path, 512, "%s/", m->point);
    vsnprintf(path + n, (size_t)(512 - n), format, arguments);
    va_end(arguments);
    return path;
}

int save_file(const char *path, const void *data, size_t length)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0660);
    if (fd < 0)
        return -errno;
    ssize_t n = write(fd, data, length);
    int r = n == (ssize_t)length ? 0 : -errno;
    return close(fd) ? -errno : r;
}

uint64_t id_of(const char *path)
{
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    return status.st_ino & ((UINT64_C(1) << 48) - 1);
}
