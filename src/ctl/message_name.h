/* MESSAGE on the command line: OFFICE/out/ID or OFFICE/in/SENDER/ID. */
#ifndef CTL_MESSAGE_NAME_H
#define CTL_MESSAGE_NAME_H

#include <stdbool.h>

#include "careplan/envelope.h"
#include "careplan/office.h"

enum { MESSAGE_NAME_SIZE = 2 * OFFICE_ID_LENGTH + 3 + 32 + 4 };

struct message_name {
    struct office_id office; /* whose ledger */
    bool outgoing;
    struct office_id sender; /* of the message: `office` itself when outgoing */
    struct message_id id;
};

/* False: not such a name, nothing more or less. */
bool message_name_parse(struct message_name *name, const char *text);
void message_name_format(const struct message_name *name, char out[MESSAGE_NAME_SIZE]);

#endif
