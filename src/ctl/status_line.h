/* What `careplanctl status` prints of one unit or one office, for people. */
#ifndef CTL_STATUS_LINE_H
#define CTL_STATUS_LINE_H

#include <jansson.h>
#include <stdbool.h>

/* `office` as the daemon and the configuration know it: {"office","hub","since","trouble"}. */
void status_print_office(const json_t *office, bool japanese);
/* A unit as --json prints it, with "reason" and "fault" beside. */
void status_print_unit(const json_t *unit, bool japanese);
void status_print_nothing(bool japanese);
void status_print_more(bool japanese);

#endif
