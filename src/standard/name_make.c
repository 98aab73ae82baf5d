/* A transfer name from its parts: put together, then judged by the rules for a name that comes in. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "standard/layout.h"

struct text {
    char *out;
    size_t size, length;
};

static void put(struct text *t, const char *part)
{
    for (; *part; part++, t->length++)
        if (t->length + 1 < t->size)
            t->out[t->length] = *part >= 'a' && *part <= 'z' ? (char)(*part - 'a' + 'A') : *part;
    t->out[t->length < t->size ? t->length : t->size - 1] = '\0';
}

static void put_part(struct text *t, const char *part, bool wanted)
{
    /* A part that the kind's names do not have comes in all the same, so that it is found to be too many. */
    if (!wanted && !part[0])
        return;
    put(t, "_");
    put(t, part);
}

static void name_put(struct text *t, const struct careplan_name *name)
{
    bool services = name->kind->version->services_in_name;
    put(t, name->kind->name);
    put_part(t, name->month, name->kind->month_in_name);
    put_part(t, name->sender_number, true);
    put_part(t, name->sender_service, services);
    put_part(t, name->recipient_number, true);
    put_part(t, name->recipient_service, services);
    put_part(t, name->sequence, true);
    put_part(t, name->image_number, name->kind->image);
    put(t, name->kind->image ? ".JPG" : ".CSV");
}

int careplan_name_make(struct careplan_name *name, careplan_problem_fn *fn, void *context)
{
    char text[CAREPLAN_NAME_MAX];
    struct careplan_name found;
    if (!name || !name->kind)
        return -EINVAL;
    name_put(&(struct text){.out = text, .size = sizeof text}, name);
    if (careplan_name_parse(name->kind->standard, text, &found, fn, context) != CAREPLAN_NAME_TRANSFER)
        return -EINVAL;
    /* Did a part with '_' in it make another kind of the whole? */
    if (strcmp(found.kind->name, name->kind->name) != 0 ||
        found.kind->version->services_in_name != name->kind->version->services_in_name)
        return -EINVAL;
    /* Versions may share a form of name, and then the name does not tell them apart. */
    found.kind = name->kind;
    *name = found;
    return 0;
}
