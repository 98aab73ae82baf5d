#include "program/office.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/hex.h"
#include "base/log.h"
#include "mount/names.h"

enum { DYING_MOMENTS = 20 };

/* ---- What the settler asks of the mount ---- */

static bool host_busy(void *context, uint64_t node)
{
    const struct office_run *o = context;
    return mount_busy(o->mount, o->index, node);
}

static int host_remove_entry(void *context, const struct ledger_entry *entry)
{
    const struct office_run *o = context;
    char path[PATH_MAX];
    struct ledger_node node;
    int r = show_path(o->ledger, o->mount, o->index, entry, path, sizeof path);
    if (r == 0)
        r = ledger_node(o->ledger, entry->node, &node);
    if (r == 0) {
        mount_expect_removal(o->mount, o->index, entry->id, node.content);
        r = announcer_unlink(o->announcer, path);
        mount_expect_removal(o->mount, o->index, 0, 0);
    }
    if (r && r != -ENOENT && r != -ESHUTDOWN &&
        r != -EBUSY) /* busy: a program has it open or saved it anew */
        log_warning("settle", "an entry of the outbox cannot be removed yet: %s", strerror(-r));
    return r;
}

static void host_changed(void *context, uint64_t parent, const char *name)
{
    const struct office_run *o = context;
    mount_changed(o->mount, o->index, parent, name);
}

static void host_judge_empty(void *context, uint64_t node)
{
    const struct office_run *o = context;
    mount_judge_empty(o->mount, o->index, node);
}

static void host_sweep(void *context)
{
    const struct office_run *o = context;
    mount_sweep(o->mount, o->index);
}

/* For the status page. At the start nobody knows yet: no trouble. */
static bool hub_answers(void *context, int64_t *since)
{
    const struct office_run *o = context;
    struct link_state state;
    link_state(o->link, &state);
    *since = state.since;
    return state.online || !state.trouble[0];
}

/* ---- What careplanctl asks ---- */

static int control_status(void *context, json_t *out)
{
    const struct office_run *o = context;
    struct link_state state;
    char since[25];
    link_state(o->link, &state);
    clock_format_utc(state.since, since);
    if (json_object_set_new(out, "hub", json_string(state.online ? "online" : "offline")) ||
        json_object_set_new(out, "since", state.since ? json_string(since) : json_null()) ||
        json_object_set_new(out, "trouble", json_string(state.trouble)))
        return -ENOMEM;
    return 0;
}

/* "OFFICE/out/ID", of this office. */
static bool own_message(const struct office_run *o, const char *text, struct message_id *id)
{
    static const char out[] = "/out/";
    return strncmp(text, o->office->office.text, OFFICE_ID_LENGTH) == 0 &&
           strncmp(text + OFFICE_ID_LENGTH, out, sizeof out - 1) == 0 &&
           hex_decode(text + OFFICE_ID_LENGTH + sizeof out - 1, id->bytes, sizeof id->bytes);
}

/* Why it cannot be sent again: what is to be done instead. */
static const char *why_not(const struct office_run *o, const struct message_id *id)
{
    with_cleanup(ledger_unit_free) struct ledger_unit unit = {0};
    uint64_t message;
    if (ledger_find(o->ledger, true, NULL, id, &message) || ledger_unit(o->ledger, message, &unit))
        return "it has not been sent";
    switch (unit.state) {
    case OUT_REJECTED:
        return "it was rejected; do: correct the file as its report says, and save it";
    case OUT_HELD:
        return "it is held; do: save it again, or delete its note to send it as it is";
    case OUT_WITHDRAWN:
        return "it was withdrawn; do: save it again";
    default:
        return "it has not been sent yet; it goes by itself";
    }
}

static int control_resend(void *context, const char *message, struct error *e)
{
    const struct office_run *o = context;
    struct message_id old, fresh;
    char id[2 * ENVELOPE_ID_SIZE + 1];
    if (!own_message(o, message, &old))
        return error_set(e, -EINVAL, "message-name", "'%.100s' is no message of this office: %s/out/ID",
                         message, o->office->office.text);
    random_bytes(fresh.bytes, sizeof fresh.bytes);
    int r = ledger_resend(o->ledger, &old, &fresh, NULL, NULL);
    if (r == -ENOENT)
        return error_set(e, r, "message-unknown", "there is no message %.100s; do: careplanctl status",
                         message);
    if (r == -ESTALE)
        return error_set(
            e, r, "message-outdated",
            "a newer version of %.100s was sent, and this one would take its place at the partner; do: "
            "careplanctl status, and send the newest again",
            message);
    if (r == -EINVAL)
        return error_set(e, r, "message-state", "%.100s cannot be sent again: %s", message, why_not(o, &old));
    if (r)
        return error_set(e, r, "ledger", "the ledger could not be written: %s", strerror(-r));
    hex_encode(fresh.bytes, sizeof fresh.bytes, id);
    log_info("message-resent", "%s goes again as %s", message, id);
    return 0;
}

/* ---- Life ---- */

int office_open(struct office_run *o, const struct program *p, size_t index, struct error *e)
{
    const struct settings *s = p->settings;
    *o = (struct office_run){.settings = s, .rules = p->rules, .office = &s->offices[index], .index = index};
    struct ledger_options options = {.state_dir = o->office->state, .office = o->office->office};
    const struct timespec moment = {0, 50 * 1000000};
    int r = ledger_open(&options, &o->ledger, e);
    /* A daemon that was killed just now lets its lock go a moment after its mount. */
    for (int i = 0; r && e && strcmp(e->code, "ledger-in-use") == 0 && i < DYING_MOMENTS; i++) {
        nanosleep(&moment, NULL);
        r = ledger_open(&options, &o->ledger, e);
    }
    if (r && e && !strstr(e->text, o->office->state))
        return error_prefix(e, r, "%s", o->office->state);
    return r;
}

static int start_link(struct office_run *o, struct error *e)
{
    struct link_options options = {.ledger = o->ledger,
                                   .settings = o->settings,
                                   .rules = o->rules,
                                   .office = o->office,
                                   .names = {.normalise = name_normalise,
                                             .fold = name_fold,
                                             .partner_folder = name_partner_folder,
                                             .display = name_display,
                                             .reserved = name_is_report}};
    return link_start(&options, &o->link, e);
}

int office_start(struct office_run *o, struct mount *m, struct announcer *a, struct error *e)
{
    const struct settle_host host = {.context = o,
                                     .busy = host_busy,
                                     .remove_entry = host_remove_entry,
                                     .changed = host_changed,
                                     .judge_empty = host_judge_empty,
                                     .sweep = host_sweep};
    const struct control_handlers handlers = {
        .context = o, .status = control_status, .resend = control_resend};
    o->mount = m;
    o->announcer = a;
    int r = settler_start(o->ledger, o->settings, o->rules, &o->office->office, &host, &o->settler);
    if (r)
        return error_set(e, r, "settler", "the settler cannot be started: %s", strerror(-r));
    mount_set_settler(m, o->index, o->settler);
    r = show_start(o->ledger, m, o->index, a, &o->show);
    if (r)
        return error_set(e, r, "show", "the announcing thread cannot be started: %s", strerror(-r));
    r = start_link(o, e);
    if (r == 0)
        mount_set_hub(m, o->index, hub_answers, o);
    return r ? r : control_start(o->office->state, &handlers, &o->control, e);
}

void office_stop(struct office_run *o)
{
    control_stop(o->control);
    settler_stop(o->settler);
    show_stop(o->show);
    if (o->link)
        link_stop(o->link);
    o->control = NULL;
    o->show = NULL;
    o->link = NULL;
}

void office_close(struct office_run *o)
{
    settler_free(o->settler);
    o->settler = NULL;
    if (o->ledger)
        ledger_close(o->ledger);
    o->ledger = NULL;
}
