/* One line of the control socket and its answer, without the socket. Private to control/. */
#ifndef CONTROL_CONTROL_ANSWER_H
#define CONTROL_CONTROL_ANSWER_H

#include "control/control_server.h"

/* Carries out the call in `line` (without its newline; hostile) and returns the answer with a newline at its
 * end, malloc'd; NULL only without memory. */
char *control_answer(const struct control_handlers *handlers, const char *line, size_t length);

/* The answer to what is no call at all. malloc'd, newline at its end; NULL: no memory. */
char *control_answer_error(const char *code, const char *text);

#endif
