#include "base/settings.h"

#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>

#include "base/config.h"

static const char *const default_documents[] = {"pdf", "jpg", "jpeg", "png", "xlsx", "docx"};
/* Excel saves under eight hex digits; the rest are locks, thumbnails and half-finished saves of common
 * programs. */
static const char *const default_scratch[] = {
    "~$*",
    "*.tmp",
    "~*.tmp",
    ".~lock*",
    "Thumbs.db",
    "desktop.ini",
    "._*",
    ".DS_Store",
    "*.partial",
    "*.crdownload",
    "*.swp",
    "*.swx",
    ".*.sw?",
    "*~",
    "4913",
    ".goutputstream-*",
    ".fuse_hidden*",
    "sed??????",
    "~WR*",
    ".::TMPNAME:*",
    "[0-9A-F][0-9A-F][0-9A-F][0-9A-F][0-9A-F][0-9A-F][0-9A-F][0-9A-F]",
};

static char **list_copy(const char *const *names, size_t n)
{
    char **list = calloc(n + 1, sizeof *list);
    for (size_t i = 0; list && i < n; i++)
        if (!(list[i] = strdup(names[i])))
            return NULL;
    return list;
}

static void list_free(char **list)
{
    for (size_t i = 0; list && list[i]; i++)
        free(list[i]);
    free(list);
}

/* "a, b c" → {"a", "b", "c"}. */
static char **list_parse(const char *value)
{
    const char *names[128];
    char *copy = strdup(value), *rest = copy;
    size_t n = 0;
    for (char *name; copy && n < 128 && (name = strtok_r(NULL, ", \t", &rest));)
        names[n++] = name;
    char **list = copy ? list_copy(names, n) : NULL;
    free(copy);
    return list;
}

static int bad_value(struct error *e, const char *key, const char *value, const char *wanted)
{
    return error_set(e, -EINVAL, "config-value", "%s = %.80s: %s", key, value, wanted);
}

static int set_text(char **field, const char *value, struct error *e)
{
    char *copy = strdup(value);
    if (!copy)
        return error_set(e, -ENOMEM, "memory", "out of memory");
    free(*field);
    *field = copy;
    return 0;
}

static int set_list(char ***field, const char *value, struct error *e)
{
    char **list = list_parse(value);
    if (!list)
        return error_set(e, -ENOMEM, "memory", "out of memory");
    list_free(*field);
    *field = list;
    return 0;
}

static int set_choice(bool *field, const char *key, const char *value, const char *yes, const char *no,
                      struct error *e)
{
    if (strcmp(value, yes) && strcmp(value, no))
        return error_set(e, -EINVAL, "config-value", "%s = %.80s: one of %s, %s", key, value, yes, no);
    *field = strcmp(value, yes) == 0;
    return 0;
}

static int unknown_key(struct error *e, const char *section, const char *key)
{
    return error_set(e, -EINVAL, "config-unknown-key",
                     "unknown key '%.80s' in [%.80s]; see docs/configuration.md", key, section);
}

static int hub_key(struct settings *s, const char *key, const char *value, struct error *e)
{
    if (strcmp(key, "ca") == 0)
        return set_text(&s->hub_ca, value, e);
    if (strcmp(key, "url"))
        return unknown_key(e, "hub", key);
    if (strncmp(value, "https://", 8) || !value[8] || strpbrk(value, " \t\"'<>?#@"))
        return bad_value(e, key, value, "must be https://HOST[:PORT]");
    int r = set_text(&s->hub_url, value, e);
    for (size_t n = r ? 0 : strlen(s->hub_url); n > 8 && s->hub_url[n - 1] == '/'; n--)
        s->hub_url[n - 1] = '\0';
    return r;
}

static int outbox_key(struct settings *s, const char *key, const char *value, struct error *e)
{
    const struct {
        const char *key;
        int64_t *field;
    } durations[] = {{"settle", &s->settle},
                     {"documents_settle", &s->documents_settle},
                     {"linger", &s->linger},
                     {"unit_wait", &s->unit_wait},
                     {"partner_wait", &s->partner_wait}};
    for (size_t i = 0; i < sizeof durations / sizeof durations[0]; i++)
        if (strcmp(key, durations[i].key) == 0)
            return config_duration(value, durations[i].field)
                       ? 0
                       : bad_value(e, key, value, "must be a duration such as 500ms, 2s, 10m, 90d");
    if (strcmp(key, "reject") == 0)
        return set_choice(&s->reject_close, key, value, "close+report", "report", e);
    if (strcmp(key, "documents") == 0)
        return set_list(&s->documents, value, e);
    if (strcmp(key, "scratch") == 0)
        return set_list(&s->scratch, value, e);
    int64_t bytes;
    if (strcmp(key, "unit_max"))
        return unknown_key(e, "outbox", key);
    if (!config_number(value, 1 << 20, INT64_C(8) << 30, &bytes))
        return bad_value(e, key, value, "must be bytes between 1048576 and 8589934592");
    s->unit_max = (uint64_t)bytes;
    return 0;
}

static int rule_key(struct settings *s, const char *key, const char *value, struct error *e)
{
    if (strlen(key) != 6 || strncmp(key, "CP", 2) || strspn(key + 2, "0123456789") != 4)
        return error_set(e, -EINVAL, "config-unknown-key", "'%.80s' in [rules] is no rule's code (CP1234)",
                         key);
    if (strcmp(value, "error") && strcmp(value, "warning") && strcmp(value, "off"))
        return bad_value(e, key, value, "must be error, warning or off");
    struct settings_rule *rule = NULL;
    for (size_t i = 0; i < s->n_rules && !rule; i++)
        if (strcmp(s->rules[i].code, key) == 0)
            rule = &s->rules[i];
    if (!rule) {
        struct settings_rule *more = reallocarray(s->rules, s->n_rules + 1, sizeof *more);
        if (!more)
            return error_set(e, -ENOMEM, "memory", "out of memory");
        s->rules = more;
        rule = &more[s->n_rules++];
    }
    strncpy(rule->code, key, sizeof rule->code - 1);
    rule->code[sizeof rule->code - 1] = '\0';
    strncpy(rule->severity, value, sizeof rule->severity - 1);
    rule->severity[sizeof rule->severity - 1] = '\0';
    return 0;
}

static int group_by_name(const char *name, gid_t *out)
{
    char buffer[16384];
    struct group group, *found;
    if (getgrnam_r(name, &group, buffer, sizeof buffer, &found) || !found)
        return -ENOENT;
    *out = group.gr_gid;
    return 0;
}

static struct settings_office *office_section(struct settings *s, const char *section, struct error *e)
{
    struct office_id id;
    const char *name = section + strlen("office ");
    if (!office_id_parse(&id, name, strlen(name))) {
        error_set(e, -EINVAL, "config-value",
                  "[%.80s]: an office is NUMBER-SERVICE, e.g. [office 0300000100-43]", section);
        return NULL;
    }
    for (size_t i = 0; i < s->n_offices; i++)
        if (office_id_equal(&s->offices[i].office, &id))
            return &s->offices[i];
    struct settings_office *more = reallocarray(s->offices, s->n_offices + 1, sizeof *more);
    if (!more) {
        error_set(e, -ENOMEM, "memory", "out of memory");
        return NULL;
    }
    s->offices = more;
    more[s->n_offices] = (struct settings_office){.office = id, .group = (gid_t)-1, .mode = 02770};
    return &more[s->n_offices++];
}

static int office_key(struct settings *s, const char *section, const char *key, const char *value,
                      struct error *e)
{
    struct settings_office *office = office_section(s, section, e);
    if (!office)
        return -EINVAL;
    if (strcmp(key, "state") == 0)
        return value[0] == '/' ? set_text(&office->state, value, e)
                               : bad_value(e, key, value, "must be an absolute path");
    if (strcmp(key, "group") == 0)
        return group_by_name(value, &office->group) == 0 ? 0
                                                         : bad_value(e, key, value, "there is no such group");
    if (strcmp(key, "mode"))
        return unknown_key(e, section, key);
    char *end;
    unsigned long mode = strtoul(value, &end, 8);
    if (!*value || *end || mode > 07777 || (mode & 0700) != 0700)
        return bad_value(e, key, value, "must be an octal mode with rwx for the owner, e.g. 2770");
    office->mode = (uint32_t)mode;
    return 0;
}

static int on_key(void *context, const char *section, const char *key, const char *value, struct error *e)
{
    struct settings *s = context;
    if (strcmp(section, "hub") == 0)
        return hub_key(s, key, value, e);
    if (strcmp(section, "outbox") == 0)
        return outbox_key(s, key, value, e);
    if (strcmp(section, "rules") == 0)
        return rule_key(s, key, value, e);
    if (strncmp(section, "office ", 7) == 0)
        return office_key(s, section, key, value, e);
    if (strcmp(section, "standard") == 0 && strcmp(key, "layouts") == 0)
        return value[0] == '/' ? set_text(&s->layouts, value, e)
                               : bad_value(e, key, value, "must be an absolute path");
    if (strcmp(section, "inbox") == 0 && strcmp(key, "taken") == 0)
        return set_choice(&s->taken_by_read, key, value, "read", "removed", e);
    if (strcmp(section, "archive") == 0 && strcmp(key, "keep") == 0)
        return config_duration(value, &s->archive_keep)
                   ? 0
                   : bad_value(e, key, value, "must be a duration such as 5y");
    if (strcmp(section, "daemon") == 0 && strcmp(key, "user") == 0)
        return set_text(&s->user, value, e);
    if (strcmp(section, "daemon") == 0 && strcmp(key, "announcer") == 0)
        return set_text(&s->announcer, value, e);
    static const char *const known[] = {"inbox", "archive", "daemon", "standard"};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(section, known[i]) == 0)
            return unknown_key(e, section, key);
    return error_set(e, -EINVAL, "config-unknown-section",
                     "unknown section [%.80s]; see docs/configuration.md", section);
}

static int check_offices(const char *path, const struct settings *s, struct error *e)
{
    for (size_t i = 0; i < s->n_offices; i++) {
        if (!s->offices[i].state)
            return error_set(e, -EINVAL, "config-value",
                             "%s: [office %s] has no state = DIR; run careplanctl enrol", path,
                             s->offices[i].office.text);
        for (size_t j = 0; j < i; j++)
            if (strcmp(s->offices[i].state, s->offices[j].state) == 0)
                return error_set(e, -EINVAL, "config-value",
                                 "%s: %s and %s share the state folder %s; each needs its own", path,
                                 s->offices[j].office.text, s->offices[i].office.text, s->offices[i].state);
    }
    return 0;
}

struct settings *settings_read(const char *path, const char *data, struct error *e)
{
    struct settings *s = calloc(1, sizeof *s);
    if (!s) {
        error_set(e, -ENOMEM, "memory", "out of memory");
        return NULL;
    }
    const int64_t second = 1000, minute = 60 * second, day = 24 * 60 * minute;
    s->settle = 2 * second;
    s->documents_settle = minute;
    s->linger = 10 * minute;
    s->unit_wait = 10 * minute;
    s->partner_wait = 90 * day;
    s->reject_close = true;
    s->taken_by_read = true;
    s->archive_keep = 5 * 365 * day;
    s->unit_max = UINT64_C(1) << 30;
    s->user = strdup("careplan");
    s->announcer = strdup("careplan-announce");
    s->documents = list_copy(default_documents, sizeof default_documents / sizeof *default_documents);
    s->scratch = list_copy(default_scratch, sizeof default_scratch / sizeof *default_scratch);
    int r = s->user && s->announcer && s->documents && s->scratch
                ? 0
                : error_set(e, -ENOMEM, "memory", "out of memory");
    if (r == 0)
        r = config_read(path, data, on_key, s, e);
    if (r == 0)
        r = check_offices(path, s, e);
    if (r == 0)
        return s;
    settings_free(s);
    return NULL;
}

struct rules_check {
    settings_rule_fault_fn *fault;
};

static int on_rule(void *context, const char *section, const char *key, const char *value, struct error *e)
{
    const struct rules_check *check = context;
    (void)value;
    const char *fault = strcmp(section, "rules") ? NULL : check->fault(key);
    return fault ? error_set(e, -EINVAL, "config-unknown-key", "[rules] %.80s: %s", key, fault) : 0;
}

int settings_check_rules(const char *path, const char *data, settings_rule_fault_fn *fault, struct error *e)
{
    struct rules_check check = {fault};
    return config_read(path, data, on_rule, &check, e);
}

void settings_free(struct settings *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->n_offices; i++)
        free(s->offices[i].state);
    free(s->offices);
    free(s->rules);
    free(s->layouts);
    list_free(s->documents);
    list_free(s->scratch);
    free(s->hub_url);
    free(s->hub_ca);
    free(s->user);
    free(s->announcer);
    free(s);
}

const struct settings_office *settings_office_find(const struct settings *s, const struct office_id *office)
{
    for (size_t i = 0; i < s->n_offices; i++)
        if (office_id_equal(&s->offices[i].office, office))
            return &s->offices[i];
    return NULL;
}
