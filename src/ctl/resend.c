/* careplanctl resend: asks the daemon to seal and send a message anew. */
#include <argp.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "control/control_client.h"
#include "ctl/commands.h"
#include "ctl/common.h"
#include "ctl/drop.h"
#include "ctl/message_name.h"

enum { CALL_MS = 30000 };

CLEANUP_DEFINE(autojson, json_t, json_decref);

struct resend {
    const char *config, *message;
    const char *state;
};

static const struct argp_option options[] = {{"config", 'c', "FILE", 0, "the office's configuration", 0},
                                             {0}};

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct resend *w = state->input;
    if (key == 'c')
        w->config = argument;
    else if (key == ARGP_KEY_ARG && !w->message)
        w->message = argument;
    else if (key == ARGP_KEY_ARG)
        argp_error(state, "unexpected argument '%s'", argument);
    else if (key == ARGP_KEY_END && (!w->config || !w->message))
        argp_error(state, w->config ? "MESSAGE is missing" : "--config is missing");
    else if (key != ARGP_KEY_END)
        return ARGP_ERR_UNKNOWN;
    return 0;
}

/* As the folder's owner: the daemon answers him and root alone. */
static int ask(void *context, int out, struct error *e)
{
    const struct resend *w = context;
    (void)out;
    with_cleanup(autojson) json_t *answer = NULL;
    with_cleanup(autojson) json_t *call = json_pack("{s:s, s:s}", "call", "resend", "message", w->message);
    return call ? control_call(w->state, call, CALL_MS, &answer, e)
                : error_set(e, -ENOMEM, "memory", "out of memory");
}

static int resend(struct resend *w, const struct settings *settings, struct error *e)
{
    struct message_name name;
    if (!message_name_parse(&name, w->message))
        return error_set(e, -EINVAL, "usage",
                         "MESSAGE must be OFFICE/out/ID, as careplanctl status prints it");
    if (!name.outgoing)
        return error_set(e, -EINVAL, "usage", "%s came in; only what went out can be sent anew", w->message);
    const struct settings_office *office = settings_office_find(settings, &name.office);
    if (!office)
        return error_set(e, -EINVAL, "usage", "%s has no office %s", w->config, name.office.text);
    struct drop_user user;
    w->state = office->state;
    int r = drop_owner(office->state, &user, e);
    return r ? r : drop_run(&user, ask, NULL, w, e);
}

int resend_command(int argc, char **argv)
{
    static const struct argp argp = {
        options,
        parse,
        "MESSAGE",
        "Seals and sends a message anew under a new id that names the old one; the partner is shown only one of "
        "the two. Careplanfs must be running.",
        NULL,
        NULL,
        NULL};
    struct resend w = {0};
    struct error e = {0};
    if (argp_parse(&argp, argc, argv, 0, NULL, &w))
        return CTL_CANNOT;
    struct settings *settings = ctl_settings(w.config, &e);
    int r = settings ? resend(&w, settings, &e) : e.number;
    settings_free(settings);
    if (r) {
        ctl_fail(argv[0], &e);
        return r == -EREMOTEIO ? CTL_NO : CTL_CANNOT;
    }
    printf("%s goes out again under a new id; see: careplanctl status\n", w.message);
    return CTL_DONE;
}
