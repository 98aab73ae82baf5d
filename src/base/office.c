#include "careplan/office.h"

#include <stdio.h>
#include <string.h>

static bool digit_or_upper(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z');
}

bool office_id_parse(struct office_id *id, const char *text, size_t length)
{
    id->text[0] = '\0';
    if (length != OFFICE_ID_LENGTH)
        return false;
    for (size_t i = 0; i < length; i++)
        if (i == 10 ? text[i] != '-' : !digit_or_upper(text[i]))
            return false;
    memcpy(id->text, text, length);
    id->text[length] = '\0';
    return true;
}

bool office_id_join(struct office_id *id, const char *number, const char *service)
{
    char text[OFFICE_ID_LENGTH + 2];
    int n = snprintf(text, sizeof text, "%s-%s", number, service);
    return office_id_parse(id, text, n < 0 ? 0 : (size_t)n);
}

bool office_id_equal(const struct office_id *a, const struct office_id *b)
{
    return strcmp(a->text, b->text) == 0;
}
