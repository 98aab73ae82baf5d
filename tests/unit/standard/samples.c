#include "samples.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/cleanup.h"
#include "base/file.h"

enum { FILES_MAX = 32 };

void findings_add(void *findings, const struct careplan_problem *problem)
{
    struct findings *f = findings;
    assert_true(f->n < FOUND_MAX);
    struct found *found = &f->list[f->n++];
    *found = (struct found){.severity = problem->severity, .line = problem->line, .column = problem->column};
    snprintf(found->file, sizeof found->file, "%s", problem->file ? problem->file->canonical : f->file);
    snprintf(found->code, sizeof found->code, "%s", problem->code);
    snprintf(found->rule, sizeof found->rule, "%s", problem->rule);
    snprintf(found->message, sizeof found->message, "%s", problem->message_ja);
    snprintf(found->item, sizeof found->item, "%s", problem->item_name ? problem->item_name : "");
    assert_non_null(problem->message_en);
    assert_null(strchr(problem->message_ja, '\n'));
    if (problem->severity == CAREPLAN_ERROR)
        f->errors++;
    else
        f->warnings++;
}

char *sample_read(const char *path, size_t *length)
{
    autobuffer content = {0};
    assert_int_equal(file_read(path, (size_t)64 << 20, &content, NULL), 0);
    char *copy = malloc(content.length + 1);
    assert_non_null(copy);
    memcpy(copy, content.data ? (char *)content.data : "", content.length);
    copy[content.length] = '\0';
    *length = content.length;
    return copy;
}

void check_content(struct findings *f, const char *name, const char *content, size_t length, size_t step,
                   struct careplan_check_result *result)
{
    struct careplan_name parsed;
    assert_int_equal(careplan_name_parse(NULL, name, &parsed, NULL, NULL), CAREPLAN_NAME_TRANSFER);
    struct careplan_check *c = careplan_check_new(&parsed, NULL, findings_add, f);
    assert_non_null(c);
    for (size_t at = 0; at < length; at += step)
        assert_int_equal(careplan_check_write(c, content + at, length - at < step ? length - at : step), 0);
    assert_int_equal(careplan_check_finish(c, result), 0);
    careplan_check_free(c);
}

struct folder {
    struct careplan_name names[FILES_MAX];
    struct careplan_check_result results[FILES_MAX];
    size_t n;
};

static void folder_add(struct folder *folder, struct findings *f, const char *path, const char *name)
{
    size_t length;
    f->n_files++;
    snprintf(f->file, sizeof f->file, "%s", name);
    if (careplan_name_parse(NULL, name, &folder->names[folder->n], findings_add, f) != CAREPLAN_NAME_TRANSFER)
        return;
    autofree char *content = sample_read(path, &length);
    check_content(f, name, content, length, 4096, &folder->results[folder->n++]);
    f->file[0] = '\0';
}

static bool same_unit(const struct careplan_name *a, const struct careplan_name *b)
{
    return strcmp(a->sequence, b->sequence) == 0 && strcmp(a->sender_number, b->sender_number) == 0 &&
           strcmp(a->sender_service, b->sender_service) == 0 &&
           strcmp(a->recipient_number, b->recipient_number) == 0 &&
           strcmp(a->recipient_service, b->recipient_service) == 0;
}

static void folder_judge(struct folder *folder, struct findings *f)
{
    bool judged[FILES_MAX] = {false};
    for (size_t i = 0; i < folder->n; i++) {
        struct careplan_unit_file files[FILES_MAX];
        size_t n = 0;
        if (judged[i])
            continue;
        for (size_t k = i; k < folder->n; k++)
            if (same_unit(&folder->names[i], &folder->names[k])) {
                judged[k] = true;
                files[n++] = (struct careplan_unit_file){&folder->names[k], &folder->results[k]};
            }
        size_t before = f->errors, warnings = f->warnings;
        enum careplan_unit_state state = careplan_unit_judge(files, n, NULL, findings_add, f);
        assert_int_equal(state == CAREPLAN_UNIT_INCOMPLETE || state == CAREPLAN_UNIT_FAULTY,
                         f->errors > before);
        assert_true(state != CAREPLAN_UNIT_SUB_MISSING || f->warnings > warnings);
    }
}

void check_folder(struct findings *f, const char *folder_name)
{
    autofree char *path = file_join(SAMPLES, folder_name);
    DIR *dir = opendir(path);
    assert_non_null(dir);
    struct folder *folder = calloc(1, sizeof *folder);
    assert_non_null(folder);
    for (struct dirent *entry; (entry = readdir(dir));) {
        if (entry->d_name[0] == '.')
            continue;
        autofree char *file = file_join(path, entry->d_name);
        assert_true(folder->n < FILES_MAX);
        folder_add(folder, f, file, entry->d_name);
    }
    closedir(dir);
    folder_judge(folder, f);
    for (size_t i = 0; i < folder->n; i++)
        careplan_check_result_free(&folder->results[i]);
    free(folder);
}
