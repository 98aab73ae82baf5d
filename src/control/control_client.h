/* Asks the daemon that serves a state folder: the other end of control_server.h. */
#ifndef CONTROL_CONTROL_CLIENT_H
#define CONTROL_CONTROL_CLIENT_H

#include <jansson.h>

#include "careplan/error.h"

/* Sends `request` (borrowed) and waits at most `timeout_ms` for the answer. 0 and *answer (json_decref by the
 * caller) when the daemon said ok. -ECONNREFUSED code "daemon-not-running" when none serves the folder;
 * -EREMOTEIO with the daemon's own code and text when it said no; -ETIMEDOUT, -EPROTO code "control". */
int control_call(const char *state_dir, json_t *request, int timeout_ms, json_t **answer, struct error *e);

#endif
