/* Writers that save files as programs do, and how long each close() took.
 *
 *   bench-close FOLDER close|fsync WRITERS FILES CONTENT FIRST
 *
 * Saves FILES copies of the file CONTENT, whose name gives the pattern: its 14 digits are replaced by numbers
 * from FIRST (a sequence that is a real time: YYYYMMDDHHMMSS). `close`: open, write, close. `fsync`: open,
 * write, fsync, close. Prints one line: files/s, p50 and p99 of a file in milliseconds. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/file.h"

struct bench {
    const char *folder, *prefix, *suffix;
    bool sync;
    int files;
    long first;
    struct buffer content;
    atomic_int next;
    double *took; /* milliseconds, one a file */
};

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void save(const struct bench *b, int i)
{
    long n = b->first + i;
    char path[4096];
    snprintf(path, sizeof path, "%s/%s%04ld%02ld%02ld%02ld%02ld%02ld%s", b->folder, b->prefix,
             2025 + n / 28304640 % 70, n / 2358720 % 12 + 1, n / 86400 % 27 + 1, n / 3600 % 24, n / 60 % 60,
             n % 60, b->suffix);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0660);
    if (fd < 0)
        die(path);
    if (write(fd, b->content.data, b->content.length) != (ssize_t)b->content.length)
        die("write");
    if (b->sync && fsync(fd))
        die("fsync");
    if (close(fd))
        die("close");
}

static void *writer(void *argument)
{
    struct bench *b = argument;
    for (int i; (i = atomic_fetch_add(&b->next, 1)) < b->files;) {
        double before = now_ms();
        save(b, i);
        b->took[i] = now_ms() - before;
    }
    return NULL;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    if (argc != 7) {
        fputs("usage: bench-close FOLDER close|fsync WRITERS FILES CONTENT FIRST\n", stderr);
        return 2;
    }
    struct bench b = {.folder = argv[1],
                      .sync = strcmp(argv[2], "fsync") == 0,
                      .files = atoi(argv[4]),
                      .first = atol(argv[6])};
    int writers = atoi(argv[3]);
    struct error e;
    if (b.files < 1 || writers < 1 || writers > 256 || file_read(argv[5], 1 << 30, &b.content, &e))
        return 2;
    char *name = basename(argv[5]);
    size_t digits = strlen(name) < 18 ? 0 : strlen(name) - 18; /* …_YYYYMMDDHHMMSS.CSV */
    b.prefix = strndup(name, digits);
    b.suffix = name + digits + 14;
    b.took = calloc((size_t)b.files, sizeof *b.took);
    pthread_t threads[256];
    double before = now_ms();
    for (int i = 0; i < writers; i++)
        if (pthread_create(&threads[i], NULL, writer, &b))
            die("thread");
    for (int i = 0; i < writers; i++)
        pthread_join(threads[i], NULL);
    double all = now_ms() - before;
    qsort(b.took, (size_t)b.files, sizeof *b.took, by_value);
    printf("%.1f %.3f %.3f\n", b.files / all * 1e3, b.took[b.files / 2], b.took[b.files - 1 - b.files / 100]);
    return 0;
}
