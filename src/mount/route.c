#include "mount/route.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "standard/product.h"

enum { CANDIDATES_MAX = 64 }; /* services of one number that are looked at */
#define RULE_FLOW "CP1121"

static void route_set(struct route *out, enum route_state state, const char *reason, const char *code)
{
    out->state = state;
    out->reason = reason;
    out->code = code;
}

static void route_argument(struct route *out, size_t i, const char *format, ...)
    __attribute__((__format__(__printf__, 3, 4)));

/* Cut at a character. */
static void route_argument(struct route *out, size_t i, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(out->arguments[i], sizeof out->arguments[i], format, arguments);
    va_end(arguments);
    size_t end = sizeof out->arguments[i] - 1;
    if (n < 0 || (size_t)n <= end)
        return;
    while (end && ((unsigned char)out->arguments[i][end - 1] & 0xc0) == 0x80)
        end--;
    if (end && (unsigned char)out->arguments[i][end - 1] >= 0xc0)
        out->arguments[i][end - 1] = '\0';
}

/* Is this office in the directory now? 1, 0, or negative. */
static int is_active(struct ledger *l, const struct office_id *office)
{
    struct ledger_partner p = {0};
    int r = ledger_partner(l, office, &p);
    bool active = r == 0 && p.active;
    if (r == 0)
        ledger_partner_free(&p);
    return r == -ENOENT ? 0 : r < 0 ? r : active;
}

static bool sender_is(const struct office_id *office, const struct careplan_name *name)
{
    return strncmp(office->text, name->sender_number, 10) == 0 &&
           (!name->sender_service[0] || strcmp(office_id_service(office), name->sender_service) == 0);
}

/* A kind that this pair of services does not exchange. 202407 names say both services, so the standard's
 * check of the file finds it; for a 202208 name only the mount knows them. */
static void route_flow(struct route *out, const struct office_id *office, const struct careplan_name *name,
                       const char *recipient_service)
{
    route_set(out, ROUTE_WRONG, RULE_FLOW, RULE_FLOW);
    route_argument(out, 0, "%s", careplan_kind_title(name->kind, CAREPLAN_JA));
    route_argument(out, 1, "%s", office_id_service(office));
    route_argument(out, 2, "%s", recipient_service);
}

static int route_to(struct ledger *l, const struct office_id *recipient, struct route *out)
{
    int active = is_active(l, recipient);
    if (active < 0)
        return active;
    if (active) {
        route_set(out, ROUTE_KNOWN, "", NULL);
        out->recipient = *recipient;
        return 0;
    }
    route_set(out, ROUTE_WAITING, "partner-unknown", RULE_UNKNOWN_PARTNER);
    route_argument(out, 0, "%s", out->recipient_text);
    return 0;
}

static void route_ambiguous(struct route *out, const struct careplan_name *name,
                            const struct office_id *candidates, size_t n)
{
    char words[160] = "";
    size_t at = 0;
    for (size_t i = 0; i < n && at + 16 < sizeof words; i++)
        at += (size_t)snprintf(words + at, sizeof words - at, "%s%s", i ? "、" : "", candidates[i].text);
    route_set(out, ROUTE_WAITING, "partner-ambiguous", RULE_RECIPIENT_UNCLEAR);
    route_argument(out, 0, "%s", name->recipient_number);
    route_argument(out, 1, "%s", words);
}

/* The services of the name's number that may take the kind in from this office. */
static int find_candidates(struct ledger *l, const struct office_id *office, const struct careplan_name *name,
                           struct office_id *out, size_t *n, bool *number_known)
{
    struct office_id all[CANDIDATES_MAX];
    int found = ledger_partners_of_number(l, name->recipient_number, all, ARRAY_LENGTH(all));
    *n = 0;
    *number_known = false;
    for (int i = 0; i < found; i++) {
        int active = is_active(l, &all[i]);
        if (active < 0)
            return active;
        *number_known |= active;
        const char *service = office_id_service(&all[i]);
        if (active && !office_id_equal(&all[i], office) && careplan_flow_may_receive(name->kind, service) &&
            careplan_flow_allowed(name->kind, office_id_service(office), service))
            out[(*n)++] = all[i];
    }
    return found < 0 ? found : 0;
}

static int route_by_number(struct ledger *l, const struct office_id *office, const struct careplan_name *name,
                           struct route *out)
{
    struct office_id candidates[CANDIDATES_MAX];
    size_t n;
    bool number_known;
    int r = find_candidates(l, office, name, candidates, &n, &number_known);
    if (r < 0)
        return r;
    if (n == 1) {
        route_set(out, ROUTE_KNOWN, "", NULL);
        out->recipient = candidates[0];
    } else if (n > 1) {
        route_ambiguous(out, name, candidates, n);
    } else {
        /* A service of that number that may take it in can still join. */
        route_set(out, ROUTE_WAITING, "partner-unknown",
                  number_known ? RULE_RECIPIENT_NONE : RULE_UNKNOWN_PARTNER);
        route_argument(out, 0, "%s", name->recipient_number);
        route_argument(out, 1, "%s", careplan_kind_title(name->kind, CAREPLAN_JA));
    }
    return 0;
}

/* The recipient as the name says it against the partner in whose folder the file lies. */
static bool folder_agrees(const struct ledger_partner *folder, const struct careplan_name *name)
{
    return strncmp(folder->office.text, name->recipient_number, 10) == 0 &&
           (!name->recipient_service[0] ||
            strcmp(office_id_service(&folder->office), name->recipient_service) == 0);
}

int route_find(struct ledger *l, const struct office_id *office, const struct ledger_partner *folder,
               const struct careplan_name *name, struct route *out)
{
    *out = (struct route){.reason = ""};
    const bool has_services = name->recipient_service[0];
    snprintf(out->recipient_text, sizeof out->recipient_text, has_services ? "%s-%s" : "%s%s",
             name->recipient_number, name->recipient_service);

    if (!sender_is(office, name)) {
        route_set(out, ROUTE_WRONG, RULE_SENDER_MISMATCH, RULE_SENDER_MISMATCH);
        route_argument(out, 0, has_services ? "%s-%s" : "%s%s", name->sender_number, name->sender_service);
        route_argument(out, 1, "%s", office->text);
        return 0;
    }
    if (folder && !folder_agrees(folder, name)) {
        route_set(out, ROUTE_WRONG, RULE_FOLDER_MISMATCH, RULE_FOLDER_MISMATCH);
        route_argument(out, 0, "%s", out->recipient_text);
        route_argument(out, 1, "%s", folder->office.text);
        return 0;
    }
    if (!has_services && !careplan_flow_may_send(name->kind, office_id_service(office))) {
        route_flow(out, office, name, folder ? office_id_service(&folder->office) : "－");
        return 0;
    }
    struct office_id recipient;
    if (folder)
        recipient = folder->office;
    else if (!has_services)
        return route_by_number(l, office, name, out);
    else if (!office_id_join(&recipient, name->recipient_number, name->recipient_service))
        return -EINVAL;
    if (office_id_equal(&recipient, office)) { /* to oneself */
        route_set(out, ROUTE_WRONG, RULE_RECIPIENT_NONE, RULE_RECIPIENT_NONE);
        route_argument(out, 0, "%s", recipient.text);
        route_argument(out, 1, "%s", careplan_kind_title(name->kind, CAREPLAN_JA));
        return 0;
    }
    if (!has_services &&
        !careplan_flow_allowed(name->kind, office_id_service(office), office_id_service(&recipient))) {
        route_flow(out, office, name, office_id_service(&recipient));
        return 0;
    }
    return route_to(l, &recipient, out);
}
