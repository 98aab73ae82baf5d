/* service_types.tsv, flows.tsv and roles.tsv: who may send what to whom. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "standard/load_private.h"

enum { S_CODE, S_NAME_JA, S_TABLE, S_LINKED };
enum { R_SERVICE, R_ROLE, R_IMPORTS, R_CERTAIN };
enum { F_TABLE, F_NO, F_FILE_JA, F_KINDS, F_ROLE, F_OUTPUT, F_IMPORT };

/* ---- service_types.tsv ---- */

static int by_code(const void *a, const void *b)
{
    return strcmp(((const struct service_type *)a)->code, ((const struct service_type *)b)->code);
}

static bool code_is_good(const char *code)
{
    return strlen(code) == 2 && strspn(code, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 2;
}

static int service_row(struct load *l, const struct tsv_row *row, struct service_type *services, size_t *n)
{
    const struct tsv *t = &l->service_types;
    const char *code = row->cells[S_CODE];
    bool linked, care = strncmp(row->cells[S_TABLE], "1.3", 3) == 0;
    if (!code_is_good(code))
        return LOAD_FAULT(l, t, row, "code '%.40s' is not 2 of 0-9 and A-Z", code);
    if (!care && strncmp(row->cells[S_TABLE], "1.4", 3) != 0)
        return LOAD_FAULT(l, t, row, "table '%.40s' is neither 1.3 nor 1.4", row->cells[S_TABLE]);
    if (!row->cells[S_NAME_JA][0])
        return LOAD_FAULT(l, t, row, "service type %s has no name_ja", code);
    int r = load_yes_no(l, t, row, S_LINKED, "linked", &linked);
    if (r)
        return r;
    struct service_type *type = services;
    while (type < services + *n && strcmp(type->code, code) != 0)
        type++;
    if (type < services + *n && (type->linked != linked || (care ? type->care : type->preventive)))
        return LOAD_FAULT(l, t, row, "service type %s stands twice in one table, or with another linked",
                          code);
    if (type == services + *n) {
        *type = (struct service_type){.name_ja = row->cells[S_NAME_JA], .linked = linked};
        memcpy(type->code, code, 2);
        ++*n;
    }
    type->care |= care;
    type->preventive |= !care;
    return 0;
}

int load_service_types(struct load *l)
{
    const struct tsv *t = &l->service_types;
    struct service_type *services = arena_take(l->keep, t->n, sizeof *services);
    size_t n = 0;
    int r = services ? 0 : load_no_room(l);
    l->standard->services = t->name ? services : l->base->services;
    l->standard->n_services = l->base->n_services;
    for (size_t i = 0; r == 0 && i < t->n; i++)
        r = service_row(l, &t->rows[i], services, &n);
    if (r || !t->name)
        return r;
    if (n)
        qsort(services, n, sizeof *services, by_code);
    l->standard->n_services = n;
    return 0;
}

/* ---- flows.tsv ---- */

static uint8_t role_by_name(const char *name)
{
    static const struct {
        const char *name;
        uint8_t role;
    } roles[] = {
        {"居宅介護支援事業所", ROLE_CARE_MANAGER},
        {"居宅サービス事業所", ROLE_CARE_SERVICE},
        {"地域包括支援センター等", ROLE_CENTER},
        {"介護予防・総合事業サービス事業所", ROLE_PREVENTIVE},
    };
    for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++)
        if (strcmp(roles[i].name, name) == 0)
            return roles[i].role;
    return 0;
}

/* ○ mandatory, △ optional, - or nothing: none. */
static bool mark_read(const char *mark, bool *marked)
{
    *marked = strcmp(mark, "○") == 0 || strcmp(mark, "△") == 0;
    return *marked || mark[0] == '\0' || strcmp(mark, "-") == 0;
}

struct flow_list {
    struct flow *flows;
    size_t n, room;
};

static struct flow *flow_of(struct flow_list *list, const char *kind, bool preventive)
{
    for (size_t i = 0; i < list->n; i++)
        if (strcmp(list->flows[i].kind, kind) == 0 && list->flows[i].preventive_table == preventive)
            return &list->flows[i];
    if (list->n == list->room)
        return NULL;
    list->flows[list->n] = (struct flow){.kind = kind, .preventive_table = preventive};
    return &list->flows[list->n++];
}

static const char *kind_name(const struct load *l, const char *word, size_t length)
{
    for (size_t i = 0; i < l->standard->n_kinds; i++)
        if (word_is(word, length, l->kinds[i].name))
            return l->kinds[i].name;
    return NULL;
}

static int flow_row(struct load *l, const struct tsv_row *row, struct flow_list *list)
{
    const struct tsv *t = &l->flows;
    const char *const *cells = row->cells, *words = cells[F_KINDS];
    bool preventive = strncmp(cells[F_TABLE], "3.2", 3) == 0, output, import;
    uint8_t role = role_by_name(cells[F_ROLE]);
    size_t length;
    if (!preventive && strncmp(cells[F_TABLE], "2.2", 3) != 0)
        return LOAD_FAULT(l, t, row, "table '%.40s' is neither 2.2 nor 3.2", cells[F_TABLE]);
    if (!role)
        return LOAD_FAULT(l, t, row, "unknown role '%.60s'", cells[F_ROLE]);
    if (!mark_read(cells[F_OUTPUT], &output) || !mark_read(cells[F_IMPORT], &import))
        return LOAD_FAULT(l, t, row, "output and import are one of ○ △ -");
    if (word_count(words) == 0)
        return LOAD_FAULT(l, t, row, "names no kind");
    for (const char *word; (word = word_next(&words, &length));) {
        const char *kind = kind_name(l, word, length);
        struct flow *flow = kind ? flow_of(list, kind, preventive) : NULL;
        if (!kind)
            return LOAD_FAULT(l, t, row, "unknown kind '%.*s'", (int)(length < 40 ? length : 40), word);
        if (!flow)
            return LOAD_FAULT(l, t, row, "there are more than %zu flows", list->room);
        flow->output = (uint8_t)(flow->output | (output ? role : 0));
        flow->import = (uint8_t)(flow->import | (import ? role : 0));
    }
    return 0;
}

int load_flows(struct load *l)
{
    const struct tsv *t = &l->flows;
    struct flow_list list = {.room = t->name ? 2 * l->standard->n_kinds : 0};
    list.flows = arena_take(l->keep, list.room, sizeof *list.flows);
    int r = list.flows ? 0 : load_no_room(l);
    for (size_t i = 0; r == 0 && i < t->n; i++)
        r = flow_row(l, &t->rows[i], &list);
    l->standard->flows = t->name ? list.flows : l->base->flows;
    l->standard->n_flows = t->name ? list.n : l->base->n_flows;
    return r;
}

/* ---- roles.tsv ---- */

/* Kinds of a role need a table that names it with each of them: the exception is one of that table. */
static int imports_check(struct load *l, const struct tsv_row *row, uint8_t role)
{
    const char *words = row->cells[R_IMPORTS];
    size_t length;
    for (const char *word; (word = word_next(&words, &length));) {
        bool named = false;
        for (size_t i = 0; i < l->standard->n_flows; i++) {
            const struct flow *flow = &l->standard->flows[i];
            named = named || (word_is(word, length, flow->kind) && ((flow->output | flow->import) & role));
        }
        if (!named)
            return LOAD_FAULT(l, &l->roles, row, "flows.tsv does not give %.60s a part in '%.*s'",
                              row->cells[R_ROLE], (int)(length < 40 ? length : 40), word);
    }
    return 0;
}

static bool certain_read(const char *text, enum role_certain *out)
{
    static const char *const words[] = {
        [ROLE_STATED] = "yes", [ROLE_NOT_EXCLUDED] = "maybe", [ROLE_KNOWN] = "no"};
    for (*out = ROLE_STATED; *out <= ROLE_KNOWN; ++*out)
        if (strcmp(text, words[*out]) == 0)
            return true;
    return false;
}

static int role_row(struct load *l, const struct tsv_row *row, struct role *out)
{
    const struct tsv *t = &l->roles;
    const char *service = row->cells[R_SERVICE];
    *out = (struct role){.role = role_by_name(row->cells[R_ROLE]), .imports = row->cells[R_IMPORTS]};
    if (service[0] && !code_is_good(service) && strcmp(service, "1.3") != 0 && strcmp(service, "1.4") != 0)
        return LOAD_FAULT(l, t, row, "service '%.40s' is neither 2 of 0-9 and A-Z nor 1.3 or 1.4", service);
    if (!out->role)
        return LOAD_FAULT(l, t, row, "unknown role '%.60s'", row->cells[R_ROLE]);
    if ((service[0] != '\0') == (out->imports[0] != '\0'))
        return LOAD_FAULT(l, t, row, "names either a service or imports");
    if (!certain_read(row->cells[R_CERTAIN], &out->certain))
        return LOAD_FAULT(l, t, row, "certain is '%.40s', expected yes, maybe or no", row->cells[R_CERTAIN]);
    snprintf(out->service, sizeof out->service, "%s", service);
    return imports_check(l, row, out->role);
}

int load_roles(struct load *l)
{
    const struct tsv *t = &l->roles;
    struct role *roles = arena_take(l->keep, t->n, sizeof *roles);
    int r = roles ? 0 : load_no_room(l);
    for (size_t i = 0; r == 0 && i < t->n; i++)
        r = role_row(l, &t->rows[i], &roles[i]);
    l->standard->roles = t->name ? roles : l->base->roles;
    l->standard->n_roles = t->name ? t->n : l->base->n_roles;
    return r;
}
