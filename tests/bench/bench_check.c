/* The full check of a file beside libcsv's bare parse and glibc's iconv of the same bytes, in one run.
 *
 *   bench-check FILE     FILE has the name of a transfer file
 *   bench-check          50 MB of UPPLAN made up, of few users and of all different ones; a small file; the
 *                        memory that 1 GB takes
 *
 * Rounds alternate, so that all see the same machine; prints medians, and ratios round by round. Contents are
 * fed in pieces of 64 KiB, as the mount does. */
#include <csv.h>
#include <errno.h>
#include <iconv.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "bench_rows.h"
#include "careplan/standard.h"

enum {
    ROUNDS = 7,
    PIECE = 64 * 1024,
    LARGE = 50 * 1000 * 1000,
    SMALL = 20 * 1000,
    SMALL_ROUNDS = 2000,
    STREAMED = 1000 * 1000 * 1000,
    USERS = 300,
};

/* The processor's time: nothing here waits, and what else runs on the machine counts less. */
static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void die(const char *what)
{
    fprintf(stderr, "bench-check: %s\n", what);
    exit(1);
}

static void name_of(const char *text, struct careplan_name *name)
{
    if (careplan_name_parse(NULL, text, name, NULL, NULL) != CAREPLAN_NAME_TRANSFER)
        die("FILE has not the name of a transfer file");
}

static void make_up(struct buffer *content, size_t size, unsigned users)
{
    struct rows rows = {.users = users};
    char row[ROW_SIZE];
    content->limit = size + ROW_SIZE;
    while (content->length < size)
        buffer_append(content, row, rows_next(&rows, row));
    if (content->failed)
        die("no memory");
}

/* ---- the three ---- */

static int never(unsigned char c)
{
    (void)c;
    return 0;
}

static void count_item(void *item, size_t length, void *context)
{
    (void)item;
    *(size_t *)context += length;
}

static void count_row(int end, void *context)
{
    (void)end;
    *(size_t *)context += 1;
}

static double run_libcsv(const struct buffer *content)
{
    struct csv_parser parser;
    size_t sum = 0;
    if (csv_init(&parser, 0))
        die("no memory");
    csv_set_space_func(&parser, never);
    double begin = now();
    for (size_t at = 0; at < content->length; at += PIECE) {
        size_t left = content->length - at, n = left < PIECE ? left : PIECE;
        if (csv_parse(&parser, content->data + at, n, count_item, count_row, &sum) != n)
            die("libcsv refuses it");
    }
    csv_fini(&parser, count_item, count_row, &sum);
    double took = now() - begin;
    csv_free(&parser);
    return took;
}

static double run_iconv(const struct buffer *content)
{
    static char utf8[3 * PIECE];
    iconv_t converter = iconv_open("UTF-8", "CP932");
    if (converter == (iconv_t)-1)
        die("glibc knows no CP932");
    char *from = (char *)content->data;
    size_t left = content->length;
    double begin = now();
    while (left > 0) {
        size_t n = left < PIECE ? left : PIECE, before = n, room = sizeof utf8;
        char *to = utf8;
        /* EINVAL: the piece ends inside a character, which the next one then begins with. */
        if (iconv(converter, &from, &n, &to, &room) == (size_t)-1 && errno != EINVAL)
            die("iconv refuses it");
        left -= before - n;
    }
    double took = now() - begin;
    iconv_close(converter);
    return took;
}

/* With the making and the end of the check's own objects: what a file costs. */
static double run_check(const struct careplan_name *name, const struct buffer *content,
                        struct careplan_check_result *result)
{
    double begin = now();
    struct careplan_check *check = careplan_check_new(name, NULL, NULL, NULL);
    if (!check)
        die("no memory");
    for (size_t at = 0; at < content->length; at += PIECE) {
        size_t left = content->length - at;
        if (careplan_check_write(check, content->data + at, left < PIECE ? left : PIECE))
            die("no memory");
    }
    if (careplan_check_finish(check, result))
        die("no memory");
    careplan_check_free(check);
    return now() - begin;
}

/* ---- what is printed ---- */

static int compare(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static double median(double *values, size_t n)
{
    qsort(values, n, sizeof *values, compare);
    return values[n / 2];
}

static void put_ratio(const char *beside, double theirs[ROUNDS], const double ours[ROUNDS], double megabytes)
{
    double ratios[ROUNDS];
    for (size_t i = 0; i < ROUNDS; i++)
        ratios[i] = theirs[i] / ours[i];
    double middle = median(ratios, ROUNDS);
    printf("  %-12s %4.0f MB/s   the check is %.2f times as fast (%.2f-%.2f)\n", beside,
           megabytes / median(theirs, ROUNDS), middle, ratios[0], ratios[ROUNDS - 1]);
}

static void bench_large(const char *what, const struct careplan_name *name, const struct buffer *content)
{
    double checks[ROUNDS], parses[ROUNDS], iconvs[ROUNDS], sorted[ROUNDS];
    double megabytes = (double)content->length / 1e6;
    struct careplan_check_result result = {0};
    for (size_t i = 0; i < ROUNDS; i++) {
        careplan_check_result_free(&result);
        checks[i] = run_check(name, content, &result);
        parses[i] = run_libcsv(content);
        iconvs[i] = run_iconv(content);
    }
    memcpy(sorted, checks, sizeof sorted);
    printf("%s: %.0f MB, %llu records, %llu errors, %llu warnings\n", what, megabytes,
           (unsigned long long)result.records, (unsigned long long)result.errors,
           (unsigned long long)result.warnings);
    printf("  %-12s %4.0f MB/s\n", "full check", megabytes / median(sorted, ROUNDS));
    put_ratio("libcsv bare", parses, checks, megabytes);
    put_ratio("glibc iconv", iconvs, checks, megabytes);
    careplan_check_result_free(&result);
}

static void bench_small(const struct careplan_name *name)
{
    static double took[SMALL_ROUNDS];
    autobuffer content = {0};
    make_up(&content, SMALL, 10);
    for (size_t i = 0; i < SMALL_ROUNDS; i++) {
        struct careplan_check_result result;
        took[i] = run_check(name, &content, &result);
        careplan_check_result_free(&result);
    }
    double middle = median(took, SMALL_ROUNDS);
    printf("a file of %.0f kB: %.3f ms, one in a hundred over %.3f ms (aim: at most 0.2 ms)\n",
           (double)content.length / 1e3, middle * 1e3, took[SMALL_ROUNDS - SMALL_ROUNDS / 100] * 1e3);
}

/* ---- memory ---- */

/* KiB behind `key` in /proc/self/status. */
static long status_kib(const char *key)
{
    char line[256];
    long kib = -1;
    autofclose FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, key, strlen(key)) == 0)
            kib = strtol(line + strlen(key), NULL, 10);
    return kib;
}

/* In a process of its own: 1 GB made up piece by piece and checked; prints what it took above idle. */
static void stream(const char *what, const struct careplan_name *name, unsigned users)
{
    static char piece[PIECE];
    struct rows rows = {.users = users};
    struct careplan_check_result result;
    memset(piece, 0, sizeof piece);
    long idle = status_kib("VmRSS:");
    struct careplan_check *check = careplan_check_new(name, NULL, NULL, NULL);
    if (!check)
        die("no memory");
    for (size_t sent = 0; sent < STREAMED;) {
        size_t n = 0;
        while (n + ROW_SIZE <= PIECE)
            n += rows_next(&rows, piece + n);
        if (careplan_check_write(check, piece, n))
            die("no memory");
        sent += n;
    }
    if (careplan_check_finish(check, &result))
        die("no memory");
    printf(
        "1 GB streamed, %s: %.1f MiB above idle (aim: at most 8; %llu records, %llu errors, %llu warnings)\n",
        what, (double)(status_kib("VmHWM:") - idle) / 1024, (unsigned long long)result.records,
        (unsigned long long)result.errors, (unsigned long long)result.warnings);
    careplan_check_result_free(&result);
    careplan_check_free(check);
}

static void bench_memory(const char *what, const struct careplan_name *name, unsigned users)
{
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        stream(what, name, users);
        fflush(stdout);
        _exit(0);
    }
    int status;
    if (child < 0 || waitpid(child, &status, 0) < 0 || status != 0)
        die("the process that streams 1 GB failed");
}

int main(int argc, char **argv)
{
    if (argc > 2)
        die("usage: bench-check [FILE]");
    struct careplan_name name;
    if (argc == 2) {
        autobuffer content = {.limit = (size_t)1 << 31};
        struct error e;
        name_of(basename(argv[1]), &name);
        if (file_read(argv[1], content.limit, &content, &e) < 0)
            die(e.text);
        bench_large(argv[1], &name, &content);
        return 0;
    }
    name_of(ROWS_NAME, &name);
    bench_memory("300 users", &name, USERS); /* first: the process is still small */
    bench_memory("all users different", &name, 0);
    bench_small(&name);
    autobuffer few = {0}, different = {0};
    make_up(&few, LARGE, USERS);
    make_up(&different, LARGE, 0);
    bench_large("UPPLAN of 300 users", &name, &few);
    bench_large("UPPLAN, all users different", &name, &different);
    return 0;
}
