/* Who may send what to whom: 標準仕様 2.2 and 3.2 (flows.tsv) by service types (service_types.tsv,
 * roles.tsv). Lenient where the standard is silent: a service type that it does not mention may do
 * everything. */
#include <stdio.h>
#include <string.h>

#include "standard/layout.h"
#include "standard/tsv.h"

enum { ROLE_ANY = ROLE_CARE_MANAGER | ROLE_CARE_SERVICE | ROLE_CENTER | ROLE_PREVENTIVE };

/* How much is forbidden: WIDE only what the standard's own words do; NARROW also what follows from taking a
 * type for what it most likely is. */
enum width { WIDE, NARROW };

static bool role_is_of(const struct role *role, const char *service, const struct service_type *type)
{
    if (!role->service[0])
        return false;
    return strcmp(role->service, service) == 0 ||
           (type && ((type->care && strcmp(role->service, "1.3") == 0) ||
                     (type->preventive && strcmp(role->service, "1.4") == 0)));
}

static unsigned service_roles(const struct careplan_standard *s, const char *service, enum width width)
{
    const struct service_type *type = service_type_find(s, service, strlen(service));
    unsigned roles = 0;
    for (size_t i = 0; i < s->n_roles; i++) {
        const struct role *role = &s->roles[i];
        if (!role_is_of(role, service, type))
            continue;
        if (width == WIDE && role->certain == ROLE_KNOWN)
            return ROLE_ANY;
        if (width == WIDE || role->certain != ROLE_NOT_EXCLUDED)
            roles |= role->role;
    }
    return roles ? roles : ROLE_ANY;
}

/* Roles that may take the kind in by this table: its marks, and what the text says beside them. */
static unsigned flow_import(const struct careplan_standard *s, const struct flow *flow, enum width width)
{
    unsigned roles = flow->import;
    for (size_t i = 0; i < s->n_roles; i++) {
        const struct role *more = &s->roles[i];
        if ((more->certain == ROLE_STATED || width == WIDE) && ((flow->output | flow->import) & more->role) &&
            word_in(more->imports, flow->kind))
            roles |= more->role;
    }
    return roles;
}

/* 202208 knows the functions of 2.2 only (介護保険最新情報 vol.1177). */
static bool flow_applies(const struct flow *flow, const struct careplan_kind *kind)
{
    return strcmp(flow->kind, kind->name) == 0 && (kind->version->preventive || !flow->preventive_table);
}

static bool allowed(const struct careplan_kind *kind, const char *sender, const char *recipient,
                    enum width width)
{
    const struct careplan_standard *s = kind->standard;
    unsigned from = service_roles(s, sender, width), to = service_roles(s, recipient, width);
    for (size_t i = 0; i < s->n_flows; i++) {
        const struct flow *flow = &s->flows[i];
        if (flow_applies(flow, kind) && (flow->output & from) && (flow_import(s, flow, width) & to))
            return true;
    }
    return false;
}

bool careplan_flow_allowed(const struct careplan_kind *kind, const char *sender_service,
                           const char *recipient_service)
{
    return allowed(kind, sender_service, recipient_service, WIDE);
}

bool flow_expected(const struct careplan_kind *kind, const char *sender_service,
                   const char *recipient_service)
{
    return allowed(kind, sender_service, recipient_service, NARROW);
}

static bool service_out_of_scope(const struct careplan_standard *s, const char *service)
{
    const struct service_type *type = service_type_find(s, service, strlen(service));
    return type && !type->linked;
}

bool careplan_flow_may_send(const struct careplan_kind *kind, const char *service)
{
    const struct careplan_standard *s = kind->standard;
    unsigned roles = service_roles(s, service, NARROW);
    for (size_t i = 0; i < s->n_flows; i++)
        if (flow_applies(&s->flows[i], kind) && (s->flows[i].output & roles))
            return !service_out_of_scope(s, service);
    return false;
}

bool careplan_flow_may_receive(const struct careplan_kind *kind, const char *service)
{
    const struct careplan_standard *s = kind->standard;
    unsigned roles = service_roles(s, service, NARROW);
    for (size_t i = 0; i < s->n_flows; i++)
        if (flow_applies(&s->flows[i], kind) && (flow_import(s, &s->flows[i], NARROW) & roles))
            return !service_out_of_scope(s, service);
    return false;
}

void flow_offices(const struct careplan_kind *kind, bool taking_in, enum careplan_language language,
                  char *out, size_t size)
{
    static const struct {
        unsigned role;
        const char *words[2];
    } roles[] = {
        {ROLE_CARE_MANAGER, {"居宅介護支援事業所", "care-management offices"}},
        {ROLE_CENTER, {"地域包括支援センター等", "community support centers"}},
        {ROLE_CARE_SERVICE, {"居宅サービス事業所", "care service offices"}},
        {ROLE_PREVENTIVE, {"介護予防・総合事業サービス事業所", "preventive service offices"}},
    };
    const struct careplan_standard *s = kind->standard;
    unsigned offices = 0;
    for (size_t i = 0; i < s->n_flows; i++)
        if (flow_applies(&s->flows[i], kind))
            offices |= taking_in ? flow_import(s, &s->flows[i], NARROW) : s->flows[i].output;
    size_t at = 0;
    out[0] = '\0';
    for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++) {
        if (!(offices & roles[i].role))
            continue;
        const char *comma = at == 0 ? "" : language == CAREPLAN_JA ? "、" : ", ";
        int n = snprintf(out + at, size - at, "%s%s", comma, roles[i].words[language == CAREPLAN_EN]);
        if (n < 0 || (size_t)n >= size - at)
            return;
        at += (size_t)n;
    }
}
