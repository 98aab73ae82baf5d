/* The full check of one file against libcsv's bare parse of the same bytes, in one run.
 *
 *   bench-check FILE     FILE has the name of a transfer file
 *   bench-check          100 MB of records of the kind UPPLAN, made up in memory
 *
 * Rounds alternate, so that both see the same machine; prints medians in MB/s and their ratio. The content is
 * fed in pieces of 64 KiB, as the mount does. */
#include <csv.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/file.h"
#include "careplan/standard.h"

enum { ROUNDS = 7, PIECE = 64 * 1024, MADE_UP_SIZE = 100 * 1000 * 1000 };

#define MADE_UP_NAME "UPPLAN_202504_0300000100_43_0300000005_11_20250325102000.CSV"
/* "支援 見本子" and "見本訪問介護ステーション" in MS932. */
#define STAFF "\x8E\x78\x89\x87 \x8C\xA9\x96\x7B\x8E\x71"
#define OFFICE \
    "\x8C\xA9\x96\x7B\x96\x4B\x96\xE2\x89\xEE\x8C\xEC\x83\x58\x83\x65\x81\x5B\x83\x56\x83\x87\x83\x93"

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void die(const char *what)
{
    fprintf(stderr, "bench-check: %s\n", what);
    exit(1);
}

static void make_up(struct buffer *content)
{
    content->limit = MADE_UP_SIZE + 1024;
    for (unsigned i = 0; content->length < MADE_UP_SIZE; i++)
        buffer_printf(content,
                      "202407,039999,%010u,20250325,202504,0300000100,\"" STAFF
                      "\",387,0,202504%02u,,1000,1050,1,111211,,,\"\",,0300000005,\"" OFFICE
                      "\",,0,0300000100,\r\n",
                      i % 1000000, i % 30 + 1);
    if (content->failed)
        die("no memory");
}

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

static double run_check(const struct careplan_name *name, const struct buffer *content,
                        struct careplan_check_result *result)
{
    struct careplan_check *check = careplan_check_new(name, NULL, NULL, NULL);
    if (!check)
        die("no memory");
    double begin = now();
    for (size_t at = 0; at < content->length; at += PIECE) {
        size_t left = content->length - at;
        if (careplan_check_write(check, content->data + at, left < PIECE ? left : PIECE))
            die("no memory");
    }
    if (careplan_check_finish(check, result))
        die("no memory");
    double took = now() - begin;
    careplan_check_free(check);
    return took;
}

static int compare(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static double median(double times[ROUNDS])
{
    qsort(times, ROUNDS, sizeof *times, compare);
    return times[ROUNDS / 2];
}

int main(int argc, char **argv)
{
    if (argc > 2)
        die("usage: bench-check [FILE]");
    autobuffer content = {.limit = (size_t)1 << 31};
    const char *file_name = argc == 2 ? basename(argv[1]) : MADE_UP_NAME;
    struct careplan_name name;
    struct error e;
    if (careplan_name_parse(NULL, file_name, &name, NULL, NULL) != CAREPLAN_NAME_TRANSFER)
        die("FILE has not the name of a transfer file");
    if (argc == 2 && file_read(argv[1], content.limit, &content, &e) < 0)
        die(e.text);
    if (argc == 1)
        make_up(&content);

    double checks[ROUNDS], parses[ROUNDS], megabytes = (double)content.length / 1e6;
    struct careplan_check_result result = {0};
    for (size_t i = 0; i < ROUNDS; i++) {
        careplan_check_result_free(&result);
        checks[i] = run_check(&name, &content, &result);
        parses[i] = run_libcsv(&content);
    }
    double check = megabytes / median(checks), parse = megabytes / median(parses);
    printf(
        "full check %.0f MB/s, libcsv bare %.0f MB/s, ratio %.2f (%.0f MB, %llu records, %llu errors, %llu warnings)\n",
        check, parse, check / parse, megabytes, (unsigned long long)result.records,
        (unsigned long long)result.errors, (unsigned long long)result.warnings);
    careplan_check_result_free(&result);
    return 0;
}
