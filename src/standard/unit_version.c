/* Files of a send unit as files of the version that their records say. A name without a month does not tell
 * the version (it is read as one of the newest), and around a change of version both are under way. */
#include <stdlib.h>
#include <string.h>

#include "standard/unit_private.h"

/* NULL: the records say none, or none that goes by such a name. */
static const struct careplan_kind *kind_of_content(const struct careplan_unit_file *file)
{
    const char *version = file->result ? file->result->version : "";
    const struct careplan_kind *kind = version[0] ? kind_in_version(file->name->kind, version) : NULL;
    return kind && kinds_same_form(kind, file->name->kind) ? kind : NULL;
}

/* What has no records of its own (an image) is of the version of the plans beside it. */
static const struct careplan_kind *kind_meant(const struct careplan_unit_file *file, const char *beside)
{
    const struct careplan_kind *own = kind_of_content(file), *named = file->name->kind;
    const struct careplan_kind *other =
        !own && beside && !named->month_in_name ? kind_in_version(named, beside) : NULL;
    return own ? own : other && kinds_same_form(other, named) ? other : named;
}

static const char *version_beside(const struct careplan_unit_file *files, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct careplan_kind *kind =
            files[i].name->kind->month_in_name ? NULL : kind_of_content(&files[i]);
        if (kind)
            return kind->version->name;
    }
    return NULL;
}

bool unit_by_content(struct unit_content *u, const struct careplan_unit_file *files, size_t n)
{
    const char *beside = version_beside(files, n);
    bool same = true;
    for (size_t i = 0; same && i < n; i++)
        same = kind_meant(&files[i], beside) == files[i].name->kind;
    if (same)
        return false;
    u->given = files;
    u->names = calloc(n, sizeof *u->names);
    u->files = calloc(n, sizeof *u->files);
    if (!u->names || !u->files)
        return false;
    for (size_t i = 0; i < n; i++) {
        u->names[i] = *files[i].name;
        u->names[i].kind = kind_meant(&files[i], beside);
        u->files[i] = files[i];
        u->files[i].name = &u->names[i];
    }
    return true;
}

void unit_content_put(void *content, const struct careplan_problem *problem)
{
    const struct unit_content *u = content;
    struct careplan_problem said = *problem;
    if (said.file)
        said.file = u->given[said.file - u->names].name;
    u->fn(u->context, &said);
}

void unit_content_free(struct unit_content *u)
{
    free(u->names);
    free(u->files);
}
