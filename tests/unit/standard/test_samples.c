/* The standard's samples: what is valid is accepted; what is broken is found where INDEX.tsv says, and
 * rejected when the standard states its rule (basis `standard`), else warned of (`derived`). */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "samples.h"

static void print_found(const struct findings *f)
{
    for (size_t i = 0; i < f->n; i++)
        print_message("  %s:%llu:%u: %s %s\n", f->list[i].file, (unsigned long long)f->list[i].line,
                      f->list[i].column, f->list[i].code, f->list[i].message);
}

static size_t accept_folders(const char *group)
{
    autofree char *path = file_join(SAMPLES, group);
    DIR *dir = opendir(path);
    assert_non_null(dir);
    size_t folders = 0;
    for (struct dirent *entry; (entry = readdir(dir));) {
        struct findings f = {0};
        char folder[512];
        if (entry->d_name[0] == '.')
            continue;
        snprintf(folder, sizeof folder, "%s/%s", group, entry->d_name);
        check_folder(&f, folder);
        if (f.n) {
            print_message("%s\n", folder);
            print_found(&f);
        }
        assert_true(f.n_files > 0);
        assert_int_equal(f.errors, 0);
        assert_int_equal(f.warnings, 0);
        folders++;
    }
    closedir(dir);
    return folders;
}

static void accepts_all_valid_samples(void **state)
{
    (void)state;
    assert_int_equal(accept_folders("valid"), 12);
}

static void accepts_all_valid_samples_of_202208(void **state)
{
    (void)state;
    assert_int_equal(accept_folders("valid_202208"), 3);
}

/* Right in every item, but of a version that is not for their month yet: each file is told so, at the version
 * of its first record. */
static void rejects_samples_of_a_version_too_early(void **state)
{
    (void)state;
    static const struct {
        const char *folder;
        size_t files;
    } folders[] = {{"early/b_month_202410_43_to_11", 3}, {"early/c_result_202410_11_to_43", 1}};
    for (size_t i = 0; i < ARRAY_LENGTH(folders); i++) {
        struct findings f = {0};
        check_folder(&f, folders[i].folder);
        print_found(&f);
        assert_int_equal(f.n_files, folders[i].files);
        assert_int_equal(f.n, folders[i].files);
        for (size_t k = 0; k < f.n; k++) {
            assert_string_equal(f.list[k].code, "CP1106");
            assert_int_equal(f.list[k].severity, CAREPLAN_ERROR);
            assert_int_equal(f.list[k].line, 1);
            assert_int_equal(f.list[k].column, 1);
        }
    }
}

struct expected {
    char folder[128], file[CAREPLAN_NAME_MAX], rule[32];
    uint64_t line;
    unsigned column;
    enum careplan_severity severity;
};

/* A line of INDEX.tsv; cells may be empty. */
static void read_expected(char *line, struct expected *e)
{
    char *file = strsep(&line, "\t"), *rule = strsep(&line, "\t"), *place = strsep(&line, "\t"),
         *column = strsep(&line, "\t"), *message = strsep(&line, "\t"), *basis = strsep(&line, "\n");
    assert_non_null(message);
    assert_non_null(basis);
    bool stated = strcmp(basis, "standard") == 0;
    assert_true(stated || strcmp(basis, "derived") == 0);
    e->severity = stated ? CAREPLAN_ERROR : CAREPLAN_WARNING;
    char *slash = strchr(file, '/');
    assert_non_null(slash);
    *slash = '\0';
    snprintf(e->folder, sizeof e->folder, "broken/%s", file);
    snprintf(e->file, sizeof e->file, "%s", slash + 1);
    snprintf(e->rule, sizeof e->rule, "%s", rule);
    e->line = strtoull(place, NULL, 10);
    e->column = (unsigned)strtoul(column, NULL, 10);
}

static bool is_expected(const struct found *found, const struct expected *e)
{
    bool file = e->file[0] == '\0' || strcmp(found->file, e->file) == 0;
    return file && strcmp(found->rule, e->rule) == 0 && found->line == e->line && found->column == e->column;
}

/* One fault a folder: nothing but it is said. The parts of a unit that a fault tears apart (wrong name, wrong
 * sequence, wrong sender) may each say so by rule `unit` or by the same rule. */
static bool is_echo(const struct found *found, const struct expected *e)
{
    bool torn = strcmp(e->rule, "unit") == 0 || strcmp(e->rule, "file_name") == 0 || e->file[0] == '\0';
    return torn && found->line == 0 &&
           (strcmp(found->rule, "unit") == 0 || strcmp(found->rule, e->rule) == 0);
}

static bool finds(const struct expected *e)
{
    struct findings f = {0};
    size_t hits = 0, others = 0;
    check_folder(&f, e->folder);
    for (size_t i = 0; i < f.n; i++) {
        bool expected = is_expected(&f.list[i], e) && f.list[i].severity == e->severity;
        hits += expected;
        others += !expected && !is_echo(&f.list[i], e);
    }
    if (hits && !others && (f.errors > 0) == (e->severity == CAREPLAN_ERROR))
        return true;
    print_message("%s/%s: %s %s at %llu:%u expected; found\n", e->folder, e->file,
                  e->severity == CAREPLAN_ERROR ? "error" : "warning", e->rule, (unsigned long long)e->line,
                  e->column);
    print_found(&f);
    return false;
}

static void finds_each_broken_sample_at_its_line_and_column_by_its_basis(void **state)
{
    (void)state;
    size_t cases = 0, wrong = 0;
    FILE *index = fopen(SAMPLES "/broken/INDEX.tsv", "r");
    assert_non_null(index);
    char line[2048];
    assert_non_null(fgets(line, sizeof line, index));
    while (fgets(line, sizeof line, index)) {
        struct expected e = {.line = 0};
        read_expected(line, &e);
        cases++;
        wrong += !finds(&e);
    }
    fclose(index);
    assert_int_equal(wrong, 0);
    assert_int_equal(cases, 64);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_all_valid_samples),
        cmocka_unit_test(accepts_all_valid_samples_of_202208),
        cmocka_unit_test(rejects_samples_of_a_version_too_early),
        cmocka_unit_test(finds_each_broken_sample_at_its_line_and_column_by_its_basis),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
