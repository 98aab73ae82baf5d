#include "ctl/message_name.h"

#include <stdio.h>
#include <string.h>

/* Reads "OFFICE/" and moves behind it. */
static bool take_office(const char **text, struct office_id *office)
{
    size_t n = strcspn(*text, "/");
    if (!(*text)[n] || !office_id_parse(office, *text, n))
        return false;
    *text += n + 1;
    return true;
}

bool message_name_parse(struct message_name *name, const char *text)
{
    *name = (struct message_name){0};
    if (!take_office(&text, &name->office))
        return false;
    if (strncmp(text, "out/", 4) == 0) {
        name->outgoing = true;
        name->sender = name->office;
        return message_id_parse(&name->id, text + 4);
    }
    if (strncmp(text, "in/", 3))
        return false;
    text += 3;
    return take_office(&text, &name->sender) && message_id_parse(&name->id, text);
}

void message_name_format(const struct message_name *name, char out[MESSAGE_NAME_SIZE])
{
    char id[33];
    message_id_format(&name->id, id);
    if (name->outgoing)
        snprintf(out, MESSAGE_NAME_SIZE, "%s/out/%s", name->office.text, id);
    else
        snprintf(out, MESSAGE_NAME_SIZE, "%s/in/%s/%s", name->office.text, name->sender.text, id);
}
