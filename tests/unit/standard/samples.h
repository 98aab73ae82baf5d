/* The samples of tests/samples, checked as a folder: each file by itself, then its send units. */
#ifndef TEST_SAMPLES_H
#define TEST_SAMPLES_H

#include "careplan/standard.h"

enum { FOUND_MAX = 64 };

struct found {
    char file[256]; /* name at fault, or "" */
    char code[16], rule[32];
    enum careplan_severity severity;
    uint64_t line;
    unsigned column;
    char message[1024], item[256];
};

struct findings {
    struct found list[FOUND_MAX];
    size_t n, errors, warnings;
    char file[256]; /* the file under check */
    size_t n_files;
};

/* A careplan_problem_fn with a `struct findings *`. */
void findings_add(void *findings, const struct careplan_problem *problem);

/* The content in one piece; fails the test when it cannot be read. */
char *sample_read(const char *path, size_t *length);

/* Checks `content` under `name` in pieces of `step` bytes. */
void check_content(struct findings *f, const char *name, const char *content, size_t length, size_t step,
                   struct careplan_check_result *result);

/* Checks every file of tests/samples/FOLDER and judges its units. */
void check_folder(struct findings *f, const char *folder);

#endif
