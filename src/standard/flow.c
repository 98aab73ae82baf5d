/* Who may send what to whom: 標準仕様 2.2 and 3.2 by service types. Lenient where the standard is silent: a
 * service type that it does not mention may do everything. */
#include <stdio.h>
#include <string.h>

#include "standard/layout.h"

enum { ROLE_ANY = ROLE_CARE_MANAGER | ROLE_CARE_SERVICE | ROLE_CENTER | ROLE_PREVENTIVE };

static bool one_of(const char *service, const char *list)
{
    const char *found = strlen(service) == 2 ? strstr(list, service) : NULL;
    return found && (found - list) % 3 == 0;
}

static unsigned service_roles(const struct careplan_standard *s, const char *service)
{
    /* 43 also stands for a 居宅介護支援事業所 that is designated for 介護予防支援 (3.2 counts it as 包括). 46
     * and AF are the national codes of the preventive side. */
    if (one_of(service, "43"))
        return ROLE_CARE_MANAGER | ROLE_CENTER;
    if (one_of(service, "46 AF"))
        return ROLE_CENTER;
    const struct service_type *type = service_type_find(s, service, strlen(service));
    if (!type)
        return ROLE_ANY;
    unsigned roles = (type->care ? ROLE_CARE_SERVICE : 0u) | (type->preventive ? ROLE_PREVENTIVE : 0u);
    /* Offices that must employ care managers count as sending care-management offices too. */
    if (one_of(service, "73 68 77 79"))
        roles |= ROLE_CARE_MANAGER;
    if (one_of(service, "75 69"))
        roles |= ROLE_CENTER;
    return roles;
}

/* Roles that may take the kind in by this row. The text of 3.2 expects the plan of a commissioned
 * 居宅介護支援事業所 to reach 包括, though its table gives 包括 no import of it: accepted. */
static unsigned flow_import(const struct flow *flow)
{
    unsigned roles = flow->import;
    if (flow->preventive_table && (strcmp(flow->kind, "UPPLAN") == 0 || strcmp(flow->kind, "DLTPLAN") == 0))
        roles |= ROLE_CENTER;
    return roles;
}

/* 202208 knows the functions of 2.2 only (介護保険最新情報 vol.1177). */
static bool flow_applies(const struct flow *flow, const struct careplan_kind *kind)
{
    return strcmp(flow->kind, kind->name) == 0 && (kind->version->preventive || !flow->preventive_table);
}

bool careplan_flow_allowed(const struct careplan_kind *kind, const char *sender_service,
                           const char *recipient_service)
{
    unsigned sender = service_roles(kind->standard, sender_service),
             recipient = service_roles(kind->standard, recipient_service);
    for (size_t i = 0; i < kind->standard->n_flows; i++) {
        const struct flow *flow = &kind->standard->flows[i];
        if (flow_applies(flow, kind) && (flow->output & sender) && (flow_import(flow) & recipient))
            return true;
    }
    return false;
}

static bool service_out_of_scope(const struct careplan_standard *s, const char *service)
{
    const struct service_type *type = service_type_find(s, service, strlen(service));
    return type && !type->linked;
}

bool careplan_flow_may_send(const struct careplan_kind *kind, const char *service)
{
    unsigned roles = service_roles(kind->standard, service);
    for (size_t i = 0; i < kind->standard->n_flows; i++)
        if (flow_applies(&kind->standard->flows[i], kind) && (kind->standard->flows[i].output & roles))
            return !service_out_of_scope(kind->standard, service);
    return false;
}

bool careplan_flow_may_receive(const struct careplan_kind *kind, const char *service)
{
    unsigned roles = service_roles(kind->standard, service);
    for (size_t i = 0; i < kind->standard->n_flows; i++)
        if (flow_applies(&kind->standard->flows[i], kind) && (flow_import(&kind->standard->flows[i]) & roles))
            return !service_out_of_scope(kind->standard, service);
    return false;
}

bool service_may_plan(const struct careplan_standard *s, const char *service)
{
    return service_roles(s, service) & (ROLE_CARE_MANAGER | ROLE_CENTER);
}

void flow_senders(const struct careplan_kind *kind, enum careplan_language language, char *out, size_t size)
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
    unsigned output = 0;
    for (size_t i = 0; i < kind->standard->n_flows; i++)
        if (flow_applies(&kind->standard->flows[i], kind))
            output |= kind->standard->flows[i].output;
    size_t at = 0;
    out[0] = '\0';
    for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++) {
        if (!(output & roles[i].role))
            continue;
        const char *comma = at == 0 ? "" : language == CAREPLAN_JA ? "、" : ", ";
        int n = snprintf(out + at, size - at, "%s%s", comma, roles[i].words[language == CAREPLAN_EN]);
        if (n < 0 || (size_t)n >= size - at)
            return;
        at += (size_t)n;
    }
}
