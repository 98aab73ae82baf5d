#include "hub/config.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <event2/util.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/config.h"

enum kind { TEXT, ADDRESS, YES_NO, NUMBER, DURATION };

struct key {
    const char *section, *name;
    enum kind kind;
    size_t offset, size; /* of the member; size for texts */
    int64_t min, max;    /* numbers; durations in ms */
    int64_t standard;
};

#define MEMBER(m) offsetof(struct hub_config, m), sizeof(((struct hub_config *)NULL)->m)
#define KIB INT64_C(1024)
#define MIB (1024 * KIB)
#define SECOND INT64_C(1000)
#define DAY (86400 * SECOND)

static const struct key keys[] = {
    {"hub", "listen", ADDRESS, MEMBER(listen), 0, 0, 0},
    {"hub", "operator", ADDRESS, MEMBER(operator_), 0, 0, 0},
    {"hub", "name", TEXT, MEMBER(name), 0, 0, 0},
    {"hub", "tls12", YES_NO, MEMBER(tls12), 0, 0, 0},
    {"hub", "certificate_days", NUMBER, MEMBER(certificate_days), 1, 3650, 730},
    {"hub", "retention", DURATION, MEMBER(retention), 0, 36500 * DAY, 90 * DAY},
    {"hub", "upkeep", DURATION, MEMBER(upkeep), SECOND, DAY, 60 * SECOND},
    {"limits", "body_max", NUMBER, MEMBER(body_max), 64 * KIB, 4 * MIB, MIB + 160 * KIB},
    {"limits", "headers_size", NUMBER, MEMBER(headers_size), KIB, 256 * KIB, 16 * KIB},
    {"limits", "headers_max", NUMBER, MEMBER(headers_max), 8, 1000, 64},
    {"limits", "message_max", NUMBER, MEMBER(message_max), MIB, 1024 * 1024 * MIB, 8256 * MIB},
    {"limits", "parts_max", NUMBER, MEMBER(parts_max), 1, 1000000, 8256},
    {"limits", "upload_keep", DURATION, MEMBER(upload_keep), SECOND, 365 * DAY, DAY},
    {"limits", "uploads_per_office", NUMBER, MEMBER(uploads_per_office), 1, 1000000, 64},
    {"limits", "bytes_per_office", NUMBER, MEMBER(bytes_per_office), 2 * MIB, 1024 * 1024 * 1024 * MIB,
     20480 * MIB},
    {"limits", "feeds_per_office", NUMBER, MEMBER(feeds_per_office), 1, 1000, 4},
    {"limits", "requests_per_minute", NUMBER, MEMBER(requests_per_minute), 1, 10000000, 6000},
    {"limits", "anonymous_per_minute", NUMBER, MEMBER(anonymous_per_minute), 1, 10000000, 600},
    {"limits", "anonymous_connections", NUMBER, MEMBER(anonymous_connections), 1, 1000000, 256},
    {"limits", "anonymous_timeout", DURATION, MEMBER(anonymous_timeout), SECOND, DAY, 15 * SECOND},
    {"limits", "tokens_refused_per_hour", NUMBER, MEMBER(tokens_refused_per_hour), 1, 1000000, 10},
    {"limits", "connections", NUMBER, MEMBER(connections), 1, 1000000, 20000},
    {"limits", "buffered_max", NUMBER, MEMBER(buffered_max), 8 * MIB, 65536 * MIB, 256 * MIB},
    {"limits", "request_timeout", DURATION, MEMBER(request_timeout), SECOND, DAY, 300 * SECOND},
    {"limits", "idle_timeout", DURATION, MEMBER(idle_timeout), SECOND, DAY, 120 * SECOND},
};

static void set_number(struct hub_config *c, const struct key *k, int64_t value)
{
    memcpy((char *)c + k->offset, &value, sizeof value);
}

bool hub_address_is_valid(const char *text)
{
    struct sockaddr_storage address;
    int length = sizeof address;
    const char *colon = strrchr(text, ':');
    return colon && colon[1] && colon[strspn(colon + 1, "0123456789") + 1] == '\0' &&
           evutil_parse_sockaddr_port(text, (struct sockaddr *)&address, &length) == 0;
}

static int set_text(struct hub_config *c, const struct key *k, const char *value, struct error *e)
{
    if (!*value || strlen(value) >= k->size)
        return error_set(e, -EINVAL, "config-value", "%s: empty or longer than %zu bytes", k->name,
                         k->size - 1);
    if (k->kind == ADDRESS && !hub_address_is_valid(value))
        return error_set(e, -EINVAL, "config-value", "%s: \"%s\" is not ADDRESS:PORT (a numeric address)",
                         k->name, value);
    memcpy((char *)c + k->offset, value, strlen(value) + 1);
    return 0;
}

static int set_key(struct hub_config *c, const struct key *k, const char *value, struct error *e)
{
    int64_t number;
    switch (k->kind) {
    case TEXT:
    case ADDRESS:
        return set_text(c, k, value, e);
    case YES_NO:
        if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0)
            return error_set(e, -EINVAL, "config-value", "%s: \"%s\" is neither yes nor no", k->name, value);
        *((bool *)((char *)c + k->offset)) = value[0] == 'y';
        return 0;
    case NUMBER:
        if (!config_number(value, k->min, k->max, &number))
            return error_set(e, -EINVAL, "config-value", "%s: \"%s\" is not a number from %lld to %lld",
                             k->name, value, (long long)k->min, (long long)k->max);
        break;
    case DURATION:
        if (!config_duration(value, &number) || number < k->min || number > k->max)
            return error_set(
                e, -EINVAL, "config-value",
                "%s: \"%s\" is not a duration (500ms, 2s, 10m, 3h, 90d, 5y) from %lld s to %lld s", k->name,
                value, (long long)(k->min / SECOND), (long long)(k->max / SECOND));
        break;
    default:
        return -EINVAL;
    }
    set_number(c, k, number);
    return 0;
}

static int on_key(void *context, const char *section, const char *name, const char *value, struct error *e)
{
    for (size_t i = 0; i < ARRAY_LENGTH(keys); i++)
        if (strcmp(keys[i].section, section) == 0 && strcmp(keys[i].name, name) == 0)
            return set_key(context, &keys[i], value, e);
    return error_set(e, -EINVAL, "config-unknown-key", "[%s] has no key \"%s\"; correct or remove the line",
                     section, name);
}

/* The folder of `path`, absolute, so that a later chdir changes nothing. */
static int set_dir(struct hub_config *c, const char *path, struct error *e)
{
    autofree char *full = realpath(path, NULL);
    char *slash = full ? strrchr(full, '/') : NULL;
    if (!slash || slash - full >= (ptrdiff_t)sizeof c->dir)
        return error_set(e, -ENOENT, "file", "%s: %s", path, full ? "path too long" : strerror(errno));
    *slash = '\0';
    strcpy(c->dir, *full ? full : "/");
    return 0;
}

int hub_config_read(const char *path, const char *data, struct hub_config *out, struct error *e)
{
    *out = (struct hub_config){0};
    for (size_t i = 0; i < ARRAY_LENGTH(keys); i++)
        if (keys[i].kind == NUMBER || keys[i].kind == DURATION)
            set_number(out, &keys[i], keys[i].standard);
    int r = data ? 0 : set_dir(out, path, e);
    if (!r)
        r = config_read(path, data, on_key, out, e);
    if (r)
        return r;
    if (!*out->listen || !*out->name)
        return error_set(e, -EINVAL, "config-missing-key", "%s: [hub] needs listen and name", path);
    return 0;
}
