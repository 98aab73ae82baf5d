/* The check of a whole file in one call: its bytes in memory, or from the caller's callback. */
#include <errno.h>

#include "base/cleanup.h"
#include "careplan/standard.h"

CLEANUP_DEFINE(autocheck, struct careplan_check, careplan_check_free);

enum { PIECE = 16 * 1024 };

static int cannot_begin(const struct careplan_name *name)
{
    return name && name->kind ? -ENOMEM : -EINVAL;
}

static int finish(struct careplan_check *check, struct careplan_check_result *result)
{
    struct careplan_check_result own = {0};
    int r = careplan_check_finish(check, result ? result : &own);
    careplan_check_result_free(&own);
    return r;
}

int careplan_check_buffer(const struct careplan_name *name, const void *data, size_t length,
                          const struct careplan_check_options *options, careplan_problem_fn *fn,
                          void *context, struct careplan_check_result *result)
{
    if (result)
        *result = (struct careplan_check_result){0};
    with_cleanup(autocheck) struct careplan_check *check = careplan_check_new(name, options, fn, context);
    int r = check ? careplan_check_write(check, data, length) : cannot_begin(name);
    return r < 0 ? r : finish(check, result);
}

int careplan_check_stream(const struct careplan_name *name, careplan_read_fn *read, void *read_context,
                          const struct careplan_check_options *options, careplan_problem_fn *fn,
                          void *context, struct careplan_check_result *result)
{
    char piece[PIECE];
    if (result)
        *result = (struct careplan_check_result){0};
    with_cleanup(autocheck) struct careplan_check *check = careplan_check_new(name, options, fn, context);
    if (!check)
        return cannot_begin(name);
    for (;;) {
        ptrdiff_t n = read(read_context, piece, sizeof piece);
        if (n == 0)
            return finish(check, result);
        if (n < 0 || (size_t)n > sizeof piece)
            return n < 0 ? (int)n : -EINVAL;
        int r = careplan_check_write(check, piece, (size_t)n);
        if (r < 0)
            return r;
    }
}
