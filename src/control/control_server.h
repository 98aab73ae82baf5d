/* The daemon's own door: a Unix socket in each office's state folder, through which careplanctl asks and
 * changes things. STATE/control.sock, mode 0600, SOCK_STREAM; only root and the folder's owner are answered
 * (SO_PEERCRED). JSON, one object a line, at most CONTROL_LINE_MAX bytes:
 *
 *   {"call":"status"}                       → {"ok":true,"hub":"online|offline","since":"…Z","trouble":"…"}
 *   {"call":"resend","message":"OFFICE/out/ID"} → {"ok":true}
 *   anything that fails                     → {"ok":false,"code":"…","text":"…"}
 *
 * One thread serves at most CONTROL_CLIENTS_MAX connections; a silent one is closed after
 * CONTROL_IDLE_MS. */
#ifndef CONTROL_CONTROL_SERVER_H
#define CONTROL_CONTROL_SERVER_H

#include <jansson.h>

#include "careplan/error.h"

enum { CONTROL_LINE_MAX = 64 * 1024, CONTROL_CLIENTS_MAX = 8, CONTROL_IDLE_MS = 10000 };

/* What the daemon answers. Called on the control thread, one at a time; they may wait for a commit, never for
 * the network. */
struct control_handlers {
    void *context;
    /* Adds "hub" ("online" or "offline"), "since" (UTC, clock_format_utc; or null) and "trouble" (one line,
     * "" when online) to `out`. 0 or negative errno. */
    int (*status)(void *context, json_t *out);
    /* Seals the message anew under a new id. `message` is "OFFICE/out/ID" as it came: not checked yet. */
    int (*resend)(void *context, const char *message, struct error *e);
};

struct control;

/* Binds STATE/control.sock (the path may be of any length), replacing the socket file of a dead daemon, and
 * starts the thread. `handlers` is copied; its context must live until control_stop. 0, or negative: code
 * "control-in-use" when a living daemon answers there, else "control". */
int control_start(const char *state_dir, const struct control_handlers *handlers, struct control **out,
                  struct error *e);

/* Ends the thread (a call under way is finished), removes the socket file and frees. NULL is allowed. */
void control_stop(struct control *control);

#endif
