/* careplanctl enrol: key, certificate and configuration of one office. */
#include <argp.h>
#include <errno.h>
#include <jansson.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/settings.h"
#include "careplan/identity.h"
#include "ctl/commands.h"
#include "ctl/common.h"
#include "ctl/drop.h"
#include "ctl/state_folder.h"
#include "link/enrol.h"

enum { TOKEN_MAX = 256, CA_MAX = 1 << 20, CONFIG_LINE_MAX = 198 };

struct enrolment {
    char *config, *hub, *ca, *office_text, *token_text, *state_text; /* as given */
    struct office_id office;
    char token[TOKEN_MAX];
    char *config_path, *ca_path, *state; /* absolute; malloc'd */
    struct buffer ca_pem;
    bool daemon_reads_ca; /* found by the child: its user can open ca_path */
    int64_t certificate_end;
};

static void enrolment_wipe(struct enrolment *w)
{
    explicit_bzero(w->token, sizeof w->token);
    free(w->config_path);
    free(w->ca_path);
    free(w->state);
    buffer_free(&w->ca_pem);
}

/* ---- the command line ---- */

static const struct argp_option options[] = {
    {"config", 'c', "FILE", 0, "configuration to write to; made when it is not there", 0},
    {"hub", 'u', "URL", 0, "https://HOST[:PORT]", 0},
    {"ca", 'a', "FILE", 0, "the hub's root certificate (PEM)", 0},
    {"office", 'o', "NUMBER-SERVICE", 0, "for example 0300000100-43", 0},
    {"token", 't', "TOKEN", 0, "the one-time token, or - to read it from standard input", 0},
    {"state", 's', "DIR", 0, "state folder of the office", 0},
    {0},
};

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct enrolment *w = state->input;
    const struct {
        int key;
        char **field;
    } fields[] = {{'c', &w->config},      {'u', &w->hub},        {'a', &w->ca},
                  {'o', &w->office_text}, {'t', &w->token_text}, {'s', &w->state_text}};
    if (key == ARGP_KEY_ARG)
        argp_error(state, "unexpected argument '%s'", argument);
    for (size_t i = 0; i < ARRAY_LENGTH(fields); i++)
        if (fields[i].key == key) {
            *fields[i].field = argument;
            return 0;
        }
    if (key == ARGP_KEY_END)
        for (size_t i = 0; i < ARRAY_LENGTH(fields); i++)
            if (!*fields[i].field)
                argp_error(state, "--%s is missing", options[i].name);
    return key == ARGP_KEY_ARG || key == ARGP_KEY_END ? 0 : ARGP_ERR_UNKNOWN;
}

static int bad_argument(struct error *e, const char *text)
{
    return error_set(e, -EINVAL, "usage", "%s", text);
}

static bool token_fits(const char *token)
{
    for (const char *p = token; *p; p++)
        if (*p <= ' ' || *p > '~')
            return false;
    return *token != '\0';
}

/* Takes the token out of the command line (others read it in /proc while it stands there) or from standard
 * input. */
static int take_token(struct enrolment *w, struct error *e)
{
    if (strcmp(w->token_text, "-")) {
        size_t n = strlen(w->token_text);
        if (n < sizeof w->token)
            memcpy(w->token, w->token_text, n + 1);
        explicit_bzero(w->token_text, n);
    } else {
        setvbuf(stdin, NULL, _IONBF, 0); /* no copy of the secret in a buffer */
        if (!fgets(w->token, sizeof w->token, stdin))
            return bad_argument(e, "no token came from standard input");
        w->token[strcspn(w->token, "\r\n")] = '\0';
    }
    return token_fits(w->token) ? 0
                                : bad_argument(e, "this is not a token; do: ask the hub's operator for one");
}

static bool url_fits(const char *url)
{
    return strncmp(url, "https://", 8) == 0 && url[8] && url[8] != '/' && !strpbrk(url, " \t\r\n\"'<>?#@");
}

/* ---- before anything changes ---- */

static int resolve_paths(struct enrolment *w, struct error *e)
{
    w->ca_path = realpath(w->ca, NULL);
    if (!w->ca_path)
        return error_set(e, -errno, "file", "%s: %s", w->ca, strerror(errno));
    w->config_path = realpath(w->config, NULL);
    if (!w->config_path && errno == ENOENT)
        w->config_path = ctl_absolute(w->config);
    w->state = ctl_absolute(w->state_text);
    if (!w->config_path || !w->state)
        return error_set(e, -errno, "file", "%s: %s", w->config, strerror(errno));
    if (strlen(w->state) + strlen("state = ") > CONFIG_LINE_MAX)
        return bad_argument(e, "the state folder's path is longer than a line of the configuration may be");
    return file_read(w->ca_path, CA_MAX, &w->ca_pem, e);
}

static int config_is_writable(const char *path, struct error *e)
{
    autofree char *copy = strdup(path);
    const char *folder = copy ? dirname(copy) : "/";
    if (access(path, W_OK) && errno != ENOENT)
        return error_set(e, -errno, "file", "%s: %s", path, strerror(errno));
    return access(folder, W_OK | X_OK) ? error_set(e, -errno, "file", "%s: %s", folder, strerror(errno)) : 0;
}

/* The configuration as it is (one of defaults when there is none). Whatever would make writing it fail later
 * is found now, before the hub is asked. */
static struct settings *read_config(const struct enrolment *w, struct error *e)
{
    bool there = access(w->config_path, F_OK) == 0;
    if (config_is_writable(w->config_path, e))
        return NULL;
    struct settings *s = settings_read(w->config_path, there ? NULL : "", e);
    for (size_t i = 0; s && i < s->n_offices; i++)
        if (strcmp(s->offices[i].state, w->state) == 0 &&
            !office_id_equal(&s->offices[i].office, &w->office)) {
            error_set(e, -EINVAL, "config-value", "%s is the state folder of %s; do: give %s its own",
                      w->state, s->offices[i].office.text, w->office.text);
            settings_free(s);
            return NULL;
        }
    return s;
}

/* ---- in the state folder, as its owner ---- */

/* A folder that holds another office's key is not ours to take. */
static int check_holder(const struct enrolment *w, struct error *e)
{
    autofree char *key = ctl_key_path(w->state), *certificate = ctl_certificate_path(w->state);
    if (!key || !certificate)
        return error_set(e, -ENOMEM, "memory", "out of memory");
    if (access(certificate, F_OK))
        return 0;
    struct error ignored;
    struct identity *held = identity_load(key, certificate, &ignored);
    if (!held)
        return 0; /* unusable: enrolling is the cure */
    struct office_id holder = *identity_office(held);
    identity_free(held);
    return office_id_equal(&holder, &w->office)
               ? 0
               : error_set(e, -EPERM, "state-office", "%s holds the key of %s; do: give %s its own folder",
                           w->state, holder.text, w->office.text);
}

/* The daemon needs the root certificate at every start, as its own user; when that user cannot read the file
 * that was given, a copy in the state folder is used, which takes its name when the hub has said yes. Returns
 * the path for the enrolment, malloc'd. */
static char *usable_ca(const struct enrolment *w, bool *given, struct error *e)
{
    *given = access(w->ca_path, R_OK) == 0;
    if (*given)
        return strdup(w->ca_path);
    autofree char *copy = file_join(w->state, "hub-ca.pem.new");
    if (!copy || file_write(copy, w->ca_pem.data, w->ca_pem.length, 0644, e))
        return NULL;
    char *path = copy;
    copy = NULL;
    return path;
}

static int64_t certificate_end_of(const char *state)
{
    autofree char *path = ctl_certificate_path(state);
    autobuffer pem = {.limit = CA_MAX};
    if (!path || file_read(path, CA_MAX, &pem, NULL) || !pem.data)
        return 0;
    X509 *certificate = certificate_from_pem((const char *)pem.data, NULL);
    int64_t end = certificate ? certificate_end(certificate) : 0;
    X509_free(certificate);
    return end;
}

/* The copy comes into force, or goes. */
static int settle_ca(const struct enrolment *w, const char *copy, int enrolled, struct error *e)
{
    autofree char *name = file_join(w->state, "hub-ca.pem");
    if (enrolled == 0 && !name)
        return error_set(e, -ENOMEM, "memory", "out of memory");
    if (enrolled == 0 && rename(copy, name))
        return error_set(e, -errno, "file", "%s: %s", name, strerror(errno));
    if (enrolled)
        unlink(copy);
    return enrolled;
}

static int enrol_as_owner(void *context, int out, struct error *e)
{
    struct enrolment *w = context;
    if (access(w->state, W_OK | X_OK))
        return error_set(
            e, -errno, "state",
            "uid %u cannot reach %s: %s; do: choose a folder whose parents let that user through",
            (unsigned)geteuid(), w->state, strerror(errno));
    int r = check_holder(w, e);
    if (r)
        return r;
    bool given;
    autofree char *ca = usable_ca(w, &given, e);
    if (!ca)
        return e->number ? e->number : error_set(e, -ENOMEM, "memory", "out of memory");
    struct enrol_request request = {
        .hub_url = w->hub, .ca_file = ca, .office = w->office, .token = w->token, .state_dir = w->state};
    r = enrol_office(&request, e);
    explicit_bzero(w->token, sizeof w->token);
    r = given ? r : settle_ca(w, ca, r, e);
    if (r)
        return r;
    autobuffer line = {0};
    buffer_printf(&line, "%d %lld", given, (long long)certificate_end_of(w->state));
    ssize_t n = line.failed ? -1 : write(out, line.data, line.length);
    return n == (ssize_t)line.length ? 0
                                     : error_set(e, -EIO, "internal", "the result could not be handed over");
}

static int take_result(void *context, int in, struct error *e)
{
    struct enrolment *w = context;
    char text[64] = "";
    size_t have = 0;
    for (ssize_t n; have < sizeof text - 1 && (n = read(in, text + have, sizeof text - 1 - have)) > 0;)
        have += (size_t)n;
    int given = 0;
    long long end = 0;
    if (sscanf(text, "%d %lld", &given, &end) != 2)
        return error_set(e, -EPIPE, "internal", "the result could not be read");
    w->daemon_reads_ca = given != 0;
    w->certificate_end = end;
    return 0;
}

/* ---- all of it ---- */

static int write_config(const struct enrolment *w, const struct settings *before, struct error *e)
{
    autofree char *copy = file_join(w->state, "hub-ca.pem");
    if (!copy)
        return error_set(e, -ENOMEM, "memory", "out of memory");
    if (before->hub_url && strcmp(before->hub_url, w->hub) && before->n_offices)
        fprintf(stderr, "careplanctl enrol: note: [hub] url was %s; it is now %s for every office of %s\n",
                before->hub_url, w->hub, w->config_path);
    return settings_enrol(w->config_path, &w->office, w->state, w->hub,
                          w->daemon_reads_ca ? w->ca_path : copy, e);
}

static int enrol(struct enrolment *w, struct error *e)
{
    if (!office_id_parse(&w->office, w->office_text, strlen(w->office_text)))
        return bad_argument(e, "--office must be NUMBER-SERVICE, for example 0300000100-43");
    if (!url_fits(w->hub))
        return bad_argument(e, "--hub must be https://HOST[:PORT]");
    int r = resolve_paths(w, e);
    if (r)
        return r;
    struct settings *settings = read_config(w, e);
    if (!settings)
        return e->number;
    struct drop_user user;
    unsigned made = 0;
    r = state_folder_user(settings->user, &user, e);
    if (r == 0)
        r = state_folder_prepare(w->state, &user, &made, e);
    if (r == 0 && (r = drop_run(&user, enrol_as_owner, take_result, w, e)))
        state_folder_remove(w->state, made);
    if (r == 0)
        r = write_config(w, settings, e);
    settings_free(settings);
    return r;
}

int enrol_command(int argc, char **argv)
{
    static const struct argp argp = {
        options,
        parse,
        NULL,
        "Makes this machine an office of the hub: a key in DIR, its certificate from the hub, the office's section "
        "in FILE. As root, DIR is made for the user of [daemon] user (careplan).",
        NULL,
        NULL,
        NULL};
    with_cleanup(enrolment_wipe) struct enrolment w = {.ca_pem.limit = CA_MAX};
    struct error e = {0};
    if (argp_parse(&argp, argc, argv, 0, NULL, &w))
        return CTL_CANNOT;
    if (take_token(&w, &e) || enrol(&w, &e))
        return ctl_fail(argv[0], &e);
    char end[20];
    clock_format_japan(w.certificate_end, end);
    printf("%s is an office of %s. Certificate until %s. Written: %s. Do: start careplanfs (again).\n",
           w.office.text, w.hub, end, w.config_path);
    return CTL_DONE;
}
