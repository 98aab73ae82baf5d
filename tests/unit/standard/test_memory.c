/* No memory: whatever allocation fails, alone or with all that follow, is said or changes nothing, and leaves
 * nothing behind. The allocator is wrapped by the linker (meson.build). */
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "careplan/problems.h"
#include "careplan/record.h"
#include "careplan/unit.h"
#include "samples.h"
#include "tables.h"

/* ---- The allocator ---- */

static struct {
    bool armed, paused;
    bool lasting; /* all that follow fail too */
    size_t left, failed;
} memory;

static bool fails(void)
{
    if (!memory.armed || memory.paused)
        return false;
    if (memory.left) {
        memory.left--;
        return false;
    }
    if (memory.failed && !memory.lasting)
        return false;
    memory.failed++;
    errno = ENOMEM;
    return true;
}

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size)
{
    return fails() ? NULL : __real_calloc(n, size);
}

void *__real_realloc(void *at, size_t size);
void *__wrap_realloc(void *at, size_t size);
void *__wrap_realloc(void *at, size_t size)
{
    return fails() ? NULL : __real_realloc(at, size);
}

void *__real_reallocarray(void *at, size_t n, size_t size);
void *__wrap_reallocarray(void *at, size_t n, size_t size);
void *__wrap_reallocarray(void *at, size_t n, size_t size)
{
    return fails() ? NULL : __real_reallocarray(at, n, size);
}

char *__real_strdup(const char *text);
char *__wrap_strdup(const char *text);
char *__wrap_strdup(const char *text)
{
    return fails() ? NULL : __real_strdup(text);
}

/* ---- What is tried ---- */

enum { FILES_MAX = 8, STEP = 512 };

struct file {
    char name[256];
    struct careplan_name parsed;
    char *content;
    size_t length;
};

struct world {
    struct file files[FILES_MAX];
    size_t n;
    struct tables tables;
    bool careless;    /* goes on behind what failed */
    uint64_t outcome; /* of the attempt: what it found */
};

/* 0 or what it says when there is no memory. Nothing is asserted within: a test that ends must not leave the
 * allocator armed. */
typedef int attempt_fn(struct world *w);

static int try(attempt_fn *attempt, struct world *w, bool armed)
{
    w->outcome = 0;
    memory.failed = 0;
    memory.armed = armed;
    int r = attempt(w);
    memory.armed = false;
    return r;
}

/* Fails the first allocation, the second, … until one run needs none more. Each time -ENOMEM is said, or the
 * outcome is the same. */
static void each_allocation_fails(attempt_fn *attempt, struct world *w)
{
    assert_int_equal(try(attempt, w, false), 0);
    uint64_t outcome = w->outcome;
    for (int lasting = 0; lasting < 2; lasting++) {
        size_t n = 0;
        memory.lasting = lasting;
        do {
            memory.left = n++;
            int r = try(attempt, w, true);
            if (r ? r != -ENOMEM || !memory.failed : w->outcome != outcome)
                fail_msg("allocation %zu%s failed: %d, outcome %llu instead of %llu", n,
                         lasting ? " and all that follow" : "", r, (unsigned long long)w->outcome,
                         (unsigned long long)outcome);
        } while (memory.failed);
        assert_true(n > 1);
    }
}

static void world_add(struct world *w, const char *path, const char *name)
{
    struct file *f = &w->files[w->n];
    if (careplan_name_parse(NULL, name, &f->parsed, NULL, NULL) != CAREPLAN_NAME_TRANSFER)
        return;
    assert_true(w->n++ < FILES_MAX);
    snprintf(f->name, sizeof f->name, "%s", name);
    f->content = sample_read(path, &f->length);
}

static struct world *world_of(const char *folder)
{
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    autofree char *path = file_join(SAMPLES, folder);
    DIR *dir = opendir(path);
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir));) {
        autofree char *file = file_join(path, entry->d_name);
        if (entry->d_name[0] != '.')
            world_add(w, file, entry->d_name);
    }
    closedir(dir);
    assert_true(w->n > 0);
    return w;
}

static void world_free(struct world *w)
{
    for (size_t i = 0; i < w->n; i++)
        free(w->files[i].content);
    tables_free(&w->tables);
    free(w);
}

static void each_folder(attempt_fn *attempt, bool careless)
{
    static const char *const folders[] = {
        "valid/a_plan_43_to_11",          "valid/b_month_202504_43_to_11",
        "valid/c_result_202504_11_to_43", "valid/e_yobo_plan_with_kihon_46_to_A2",
        "valid_202208/b_month_202410",    "broken/B03_gaiji",
        "broken/B61_yobo_sub_orphan",
    };
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        struct world *w = world_of(folders[i]);
        w->careless = careless;
        each_allocation_fails(attempt, w);
        world_free(w);
    }
}

/* ---- Checks ---- */

static int check_file(const struct file *f, bool careless, uint64_t *outcome)
{
    struct careplan_check_result result;
    struct careplan_check *c = careplan_check_new(&f->parsed, NULL, NULL, NULL);
    int r = c ? 0 : -ENOMEM;
    for (size_t at = 0; c && (r == 0 || careless) && at < f->length; at += STEP)
        r = careplan_check_write(c, f->content + at, f->length - at < STEP ? f->length - at : STEP);
    if (c && (r == 0 || careless)) {
        r = careplan_check_finish(c, &result);
        *outcome = *outcome * 31 + result.records + result.errors + result.warnings + result.n_images +
                   result.n_keys + result.keys_complete;
        careplan_check_result_free(&result);
    }
    careplan_check_free(c);
    return r;
}

static int check_files(struct world *w)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < w->n; i++)
        r = check_file(&w->files[i], w->careless, &w->outcome);
    return r;
}

static void a_check_without_memory_is_no_judgement(void **state)
{
    (void)state;
    each_folder(check_files, false);
}

static void a_caller_that_does_not_look_is_told_at_the_end(void **state)
{
    (void)state;
    each_folder(check_files, true);
}

/* The last record is compared with the others only at the end of the file. */
static void memory_may_be_short_for_the_last_record_only(void **state)
{
    (void)state;
    struct world *w = world_of("valid/c_result_202504_11_to_43");
    for (size_t i = 0; i < w->n; i++)
        w->files[i].length = (size_t)(strchr(w->files[i].content, '\n') + 1 - w->files[i].content);
    each_allocation_fails(check_files, w);
    world_free(w);
}

/* ---- Units ---- */

static int unit_check(struct world *w)
{
    struct careplan_unit_check *u = careplan_unit_check_new(NULL, NULL, 0, NULL, NULL);
    int r = u ? 0 : -ENOMEM;
    size_t n = 0;
    for (size_t i = 0; r == 0 && i < w->n; i++, n += r == 0)
        r = careplan_unit_check_add(u, w->files[i].name, w->files[i].content, w->files[i].length);
    if (u && careplan_unit_check_files(u) != n) /* what failed is left out */
        r = -EPROTO;
    if (r == 0)
        w->outcome = careplan_unit_check_judge(u) * 1000 + careplan_unit_check_errors(u) +
                     careplan_unit_check_warnings(u);
    careplan_unit_check_free(u);
    return r;
}

static void a_file_that_finds_no_memory_is_left_out_of_its_unit(void **state)
{
    (void)state;
    each_folder(unit_check, false);
}

/* The names are read as of the newest version, the records are of the one before. */
static int unit_by_content(struct world *w)
{
    struct careplan_check_result result = {.version = "202407"};
    struct careplan_unit_file files[FILES_MAX];
    for (size_t i = 0; i < w->n; i++)
        files[i] = (struct careplan_unit_file){&w->files[i].parsed, &result};
    w->outcome = careplan_unit_judge(files, w->n, NULL, NULL, NULL);
    return 0;
}

static void a_unit_that_cannot_be_named_by_content_is_judged_as_named(void **state)
{
    (void)state;
    struct world *w = world_of("valid/a_plan_43_to_11");
    tables_add(&w->tables, "versions.tsv",
               "version\tname_ja\tapplies_from\tapplies_until\treplaced_by\tservices_in_name\tpreventive\n"
               "202604\t第5版\t202604\t\t\tyes\tyes\n");
    tables_add_version(&w->tables, "202604");
    struct careplan_standard *s = tables_standard(&w->tables);
    for (size_t i = 0; i < w->n; i++) {
        assert_int_equal(careplan_name_parse(s, w->files[i].name, &w->files[i].parsed, NULL, NULL),
                         CAREPLAN_NAME_TRANSFER);
        assert_string_equal(w->files[i].parsed.kind->version->name, "202604");
    }
    each_allocation_fails(unit_by_content, w);
    world_free(w);
    careplan_standard_free(s);
}

/* ---- Records ---- */

static int bytes_append(void *context, const void *data, size_t length)
{
    return buffer_append(context, data, length);
}

static int record_copy(void *context, const struct careplan_record *record)
{
    struct careplan_writer *writer = context;
    int r = 0;
    for (size_t i = 0; r == 0 && i < careplan_record_items(record); i++) {
        char text[4096];
        ptrdiff_t length = careplan_record_item(record, i, text, sizeof text);
        r = length < 0 || (size_t)length >= sizeof text
                ? -EPROTO
                : careplan_writer_set_item(writer, i, text, (size_t)length);
    }
    return r ? r : careplan_writer_end_record(writer);
}

static int copy_file(const struct file *f, uint64_t *outcome)
{
    autobuffer bytes = {0};
    struct careplan_writer *writer = careplan_writer_new(f->parsed.kind, NULL, bytes_append, &bytes);
    struct careplan_reader *reader =
        writer ? careplan_reader_new(f->parsed.kind, NULL, record_copy, writer) : NULL;
    int r = reader ? 0 : -ENOMEM;
    for (size_t at = 0; r == 0 && at < f->length; at += STEP)
        r = careplan_reader_write(reader, f->content + at, f->length - at < STEP ? f->length - at : STEP);
    if (r == 0)
        r = careplan_reader_finish(reader);
    if (r == 0)
        r = careplan_writer_finish(writer);
    *outcome += bytes.length;
    careplan_reader_free(reader);
    careplan_writer_free(writer);
    return r;
}

static int copy_files(struct world *w)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < w->n; i++)
        if (!w->files[i].parsed.kind->image)
            r = copy_file(&w->files[i], &w->outcome);
    return r;
}

static void records_without_memory_are_neither_read_nor_written(void **state)
{
    (void)state;
    static const char *const folders[] = {"valid/a_plan_43_to_11", "valid/e_yobo_plan_with_kihon_46_to_A2",
                                          "valid_202208/b_month_202410"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        struct world *w = world_of(folders[i]);
        each_allocation_fails(copy_files, w);
        world_free(w);
    }
}

/* ---- Tables ---- */

static int standard_make(struct world *w)
{
    struct careplan_table_fault fault = {.line = 0};
    struct careplan_standard *s = NULL;
    int r = careplan_standard_new(w->tables.list, w->tables.n, &s, &fault);
    if ((r == 0) != (s != NULL))
        r = -EPROTO;
    careplan_standard_free(s);
    return r;
}

static void a_standard_without_memory_is_not_made(void **state)
{
    (void)state;
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    tables_add_own(&w->tables);
    each_allocation_fails(standard_make, w);
    world_free(w);
}

/* ---- Problems and reports ---- */

static void problems_of(const struct world *w, careplan_problem_fn *fn, void *context)
{
    memory.paused = true; /* only what `fn` calls is under test */
    for (size_t i = 0; i < w->n; i++) {
        struct careplan_check_result result = {0};
        if (careplan_check_buffer(&w->files[i].parsed, w->files[i].content, w->files[i].length, NULL, fn,
                                  context, &result) == 0)
            careplan_check_result_free(&result);
    }
    memory.paused = false;
}

static void add_problem(void *problems, const struct careplan_problem *problem)
{
    memory.paused = false;
    careplan_problems_add(problems, problem);
    memory.paused = true;
}

static int collect(struct world *w)
{
    struct careplan_problems *p = careplan_problems_new(0);
    if (!p)
        return -ENOMEM;
    problems_of(w, add_problem, p);
    int r = careplan_problems_not_kept(p) ? -ENOMEM : 0;
    w->outcome = careplan_problems_count(p) + careplan_problems_not_kept(p);
    if (w->outcome != careplan_problems_errors(p) + careplan_problems_warnings(p))
        r = -EPROTO;
    careplan_problems_free(p);
    return r;
}

static void a_problem_that_is_not_kept_is_counted(void **state)
{
    (void)state;
    struct world *w = world_of("broken/B03_gaiji");
    each_allocation_fails(collect, w);
    world_free(w);
}

static void add_entry(void *report, const struct careplan_problem *problem)
{
    memory.paused = false;
    careplan_report_add(report, problem);
    memory.paused = true;
}

static int report(struct world *w)
{
    struct careplan_report *r = careplan_report_new(CAREPLAN_REPORT_ERROR, w->files[0].name);
    if (!r)
        return -ENOMEM;
    problems_of(w, add_entry, r);
    careplan_report_add_good_file(r, w->files[0].name);
    size_t length = 0;
    char *text = careplan_report_text(r, &length);
    careplan_report_free(r);
    w->outcome = length;
    free(text);
    return text ? 0 : -ENOMEM;
}

static void a_report_that_lacks_something_is_not_given(void **state)
{
    (void)state;
    struct world *w = world_of("broken/B03_gaiji");
    each_allocation_fails(report, w);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_check_without_memory_is_no_judgement),
        cmocka_unit_test(a_caller_that_does_not_look_is_told_at_the_end),
        cmocka_unit_test(memory_may_be_short_for_the_last_record_only),
        cmocka_unit_test(a_file_that_finds_no_memory_is_left_out_of_its_unit),
        cmocka_unit_test(a_unit_that_cannot_be_named_by_content_is_judged_as_named),
        cmocka_unit_test(records_without_memory_are_neither_read_nor_written),
        cmocka_unit_test(a_standard_without_memory_is_not_made),
        cmocka_unit_test(a_problem_that_is_not_kept_is_counted),
        cmocka_unit_test(a_report_that_lacks_something_is_not_given),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
