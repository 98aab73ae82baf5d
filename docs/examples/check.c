/* Checks the files of one send unit and prints what is wrong with them.
 *
 *     cc check.c $(pkg-config --cflags --libs careplan) -o check
 *     ./check UPPLAN_*.CSV UPSIKYU_*.CSV UPHOSOKU_*.CSV
 *
 * A problem's place is FILE:LINE:COLUMN, 0 being the whole file and the whole row. Ends with 0 when the unit
 * may be sent, with 1 when not, with 2 when a file could not be read or is not of the unit. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <careplan/problems.h>
#include <careplan/unit.h>

/* A careplan_read_fn: the library asks for bytes, where they come from is ours to say. */
static ptrdiff_t read_file(void *context, void *buffer, size_t size)
{
    FILE *file = context;
    size_t n = fread(buffer, 1, size, file);
    return n == 0 && ferror(file) ? -EIO : (ptrdiff_t)n;
}

/* A careplan_problem_fn: called for each problem as it is found. */
static void print_problem(void *context, const struct careplan_problem *problem)
{
    FILE *out = context;
    const char *file = careplan_problem_file(problem);
    fprintf(out, "%s:%" PRIu64 ":%u: %s %s: %s\n    %s\n", file[0] ? file : "(unit)", problem->line,
            problem->column, problem->severity == CAREPLAN_ERROR ? "error" : "warning", problem->code,
            problem->message_en, problem->remedy_en);
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static const char *what_is_wrong(int error)
{
    switch (error) {
    case -EINVAL:
        return "this is no transfer file's name";
    case -EXDEV:
        return "this file is of another send unit";
    case -EEXIST:
        return "this name was there before";
    default:
        return strerror(-error);
    }
}

/* 0, or a negative errno. */
static int add_file(struct careplan_unit_check *unit, const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return -errno;
    int r = careplan_unit_check_add_stream(unit, base_name(path), read_file, file);
    fclose(file);
    return r;
}

int main(int argc, char **argv)
{
    int left_out = 0;
    if (argc < 2) {
        fprintf(stderr, "usage: check FILE...\n");
        return 2;
    }
    struct careplan_unit_check *unit = careplan_unit_check_new(NULL, NULL, 0, print_problem, stdout);
    if (!unit) {
        fprintf(stderr, "no memory\n");
        return 2;
    }
    for (int i = 1; i < argc; i++) {
        int r = add_file(unit, argv[i]);
        if (r == 0)
            continue;
        fprintf(stderr, "%s: %s\n", argv[i], what_is_wrong(r));
        left_out++;
    }
    enum careplan_unit_state state = careplan_unit_check_judge(unit);
    printf("%zu files, %" PRIu64 " errors, %" PRIu64 " warnings\n", careplan_unit_check_files(unit),
           careplan_unit_check_errors(unit), careplan_unit_check_warnings(unit));
    int errors = careplan_unit_check_errors(unit) != 0 || state == CAREPLAN_UNIT_INCOMPLETE;
    careplan_unit_check_free(unit);
    return left_out ? 2 : errors;
}
