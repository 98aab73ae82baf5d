/* careplan-hub: init, office add, token, serve. */
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <dirent.h>
#include <openssl/evp.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/hex.h"
#include "base/log.h"
#include "hub/config.h"
#include "hub/keys.h"
#include "hub/server.h"
#include "hub/store.h"

enum { EXIT_NO = 1, EXIT_CANNOT = 2 };

static const int64_t token_life_ms = INT64_C(14) * 24 * 3600 * 1000;

const char *argp_program_version = "careplan-hub " CAREPLAN_VERSION;

/* What the commands' lines say; NULL what was not given. */
struct line {
    char *dir, *listen, *name, *config, *municipality, *trace;
    char *words[2];
    int n_words, wanted_words;
    const char *required; /* keys of the options that must be there */
};

static int fail(const char *command, const struct error *e)
{
    fflush(stdout);
    fprintf(stderr, "%s: %s\n", command, e->text);
    return EXIT_CANNOT;
}

static int no_memory(struct error *e)
{
    return error_set(e, -ENOMEM, "memory", "out of memory");
}

static error_t parse(int key, char *argument, struct argp_state *state)
{
    struct line *l = state->input;
    const struct {
        int key;
        char **field;
        const char *name;
    } fields[] = {{'d', &l->dir, "--dir"},
                  {'l', &l->listen, "--listen"},
                  {'n', &l->name, "--name"},
                  {'c', &l->config, "--config"},
                  {'m', &l->municipality, "--municipality"},
                  {'t', &l->trace, "--trace"}};
    for (size_t i = 0; i < ARRAY_LENGTH(fields); i++)
        if (fields[i].key == key) {
            *fields[i].field = argument;
            return 0;
        }
    if (key == ARGP_KEY_ARG) {
        if (l->n_words == l->wanted_words)
            argp_error(state, "unexpected argument '%s'", argument);
        else
            l->words[l->n_words++] = argument;
        return 0;
    }
    if (key != ARGP_KEY_END)
        return ARGP_ERR_UNKNOWN;
    for (size_t i = 0; i < ARRAY_LENGTH(fields); i++)
        if (strchr(l->required, fields[i].key) && !*fields[i].field)
            argp_error(state, "%s is missing", fields[i].name);
    if (l->n_words < l->wanted_words)
        argp_error(state, "an argument is missing");
    return 0;
}

/* ---- init ---- */

static const char conf_text[] =
    "# careplan-hub: every key, its default and its bounds stand in docs/hub.md.\n"
    "[hub]\n"
    "listen = %s\n"
    "name = %s\n"
    "# For the operator's monitoring: /healthz, /readyz, /metrics; loopback only.\n"
    "# operator = 127.0.0.1:9180\n";

static int make_store(const char *dir, struct error *e)
{
    struct store *store;
    autofree char *path = file_join(dir, "hub.db");
    int r = path ? store_open(path, true, &store, e) : no_memory(e);
    if (!r)
        store_close(store);
    return r;
}

static int fill_folder(const char *dir, const struct line *l, struct error *e)
{
    autofree char *conf = NULL;
    autofree char *path = file_join(dir, "hub.conf");
    if (!path || asprintf(&conf, conf_text, l->listen, l->name) < 0)
        return no_memory(e);
    struct hub_config ignored;
    int r = hub_config_read("--listen and --name", conf, &ignored, e); /* what serve would refuse later */
    if (!r)
        r = hub_keys_make(dir, l->name, e);
    if (!r)
        r = make_store(dir, e);
    return r ? r : file_write(path, conf, strlen(conf), 0600, e);
}

static void remove_folder(const char *dir)
{
    DIR *d = opendir(dir);
    for (struct dirent *entry; d && (entry = readdir(d));)
        if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
            unlinkat(dirfd(d), entry->d_name, 0);
    if (d)
        closedir(d);
    rmdir(dir);
}

/* Nothing there, or an empty folder, which renaming replaces. */
static bool is_free(const char *dir)
{
    struct stat status;
    if (lstat(dir, &status))
        return errno == ENOENT;
    DIR *d = S_ISDIR(status.st_mode) ? opendir(dir) : NULL;
    bool empty = d != NULL;
    for (struct dirent *entry; d && (entry = readdir(d));)
        empty = empty && (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."));
    if (d)
        closedir(d);
    return empty;
}

/* Made beside its place and then renamed there: either the whole folder is there or nothing. */
static int make_folder(struct line *l, struct error *e)
{
    for (size_t n = strlen(l->dir); n > 1 && l->dir[n - 1] == '/'; n--)
        l->dir[n - 1] = '\0';
    autofree char *temporary = NULL;
    if (asprintf(&temporary, "%s.XXXXXX", l->dir) < 0) {
        temporary = NULL;
        return no_memory(e);
    }
    if (!hub_address_is_valid(l->listen))
        return error_set(e, -EINVAL, "usage", "--listen: \"%s\" is not ADDRESS:PORT (a numeric address)",
                         l->listen);
    if (!is_free(l->dir))
        return error_set(e, -EEXIST, "file", "%s: exists already; do: choose another folder, or remove it",
                         l->dir);
    if (!mkdtemp(temporary))
        return error_set(e, -errno, "file", "%s: %s", l->dir, strerror(errno));
    int r = fill_folder(temporary, l, e);
    if (!r && rename(temporary, l->dir))
        r = error_set(e, -errno, "file", "%s: %s", l->dir, strerror(errno));
    if (r)
        remove_folder(temporary);
    return r;
}

static int init_command(int argc, char **argv)
{
    static const struct argp_option options[] = {
        {"dir", 'd', "DIR", 0, "folder to make", 0},
        {"listen", 'l', "ADDR:PORT", 0, "where offices connect to", 0},
        {"name", 'n', "HOST", 0, "name or address in the hub's URL, and so in its certificate", 0},
        {0}};
    static const struct argp argp = {
        options,
        parse,
        NULL,
        "Makes DIR: the hub's CA, its certificates, its store, hub.conf, and ca.pem for the offices.",
        NULL,
        NULL,
        NULL};
    struct line l = {.required = "dln"};
    struct error e = {0};
    if (argp_parse(&argp, argc, argv, 0, NULL, &l))
        return EXIT_CANNOT;
    if (make_folder(&l, &e))
        return fail(argv[0], &e);
    printf("Made %s. Give %s/ca.pem to the offices. %s/root.key may be taken off this machine.\n", l.dir,
           l.dir, l.dir);
    return 0;
}

/* ---- office add, token ---- */

#define CONFIG_OPTION                                     \
    {                                                     \
        "config", 'c', "DIR/hub.conf", 0, "of the hub", 0 \
    }

static int open_store(const struct line *l, struct store **store, struct error *e)
{
    struct hub_config *config = calloc(1, sizeof *config);
    int r = config ? hub_config_read(l->config, NULL, config, e) : no_memory(e);
    autofree char *path = r ? NULL : file_join(config->dir, "hub.db");
    free(config);
    if (r)
        return r;
    return path ? store_open(path, false, store, e) : no_memory(e);
}

static int take_office(const char *text, struct office_id *office, struct error *e)
{
    return office_id_parse(office, text, strlen(text))
               ? 0
               : error_set(e, -EINVAL, "usage", "\"%s\" is not NUMBER-SERVICE, for example 0300000100-43",
                           text);
}

static int store_failed(const struct line *l, int result, struct error *e)
{
    return error_set(e, result, "store", "the store beside %s: %s", l->config, strerror(-result));
}

static int office_add(const struct line *l, struct store_office_add *call, struct error *e)
{
    struct store *store;
    if (take_office(l->words[0], &call->office, e))
        return e->number;
    if (!form_office_name(l->words[1]))
        return error_set(e, -EINVAL, "usage",
                         "NAME must be 1 to 255 bytes of UTF-8 without control characters");
    if (l->municipality && !form_municipality(l->municipality))
        return error_set(e, -EINVAL, "usage", "--municipality must be 5 or 6 digits");
    int r = open_store(l, &store, e);
    if (r)
        return r;
    call->name = l->words[1];
    call->municipality = l->municipality ? l->municipality : "";
    call->now = clock_utc_ms();
    store_office_add(store, call);
    store_close(store);
    return call->job.result ? store_failed(l, call->job.result, e) : 0;
}

static int office_add_command(int argc, char **argv)
{
    static const struct argp_option options[] = {
        CONFIG_OPTION, {"municipality", 'm', "CODE", 0, "市町村コード or 保険者番号, 5 or 6 digits", 0}, {0}};
    static const struct argp argp = {options,
                                     parse,
                                     "NUMBER-SERVICE NAME",
                                     "Adds an office to the directory; works while the hub serves.",
                                     NULL,
                                     NULL,
                                     NULL};
    struct line l = {.required = "c", .wanted_words = 2};
    struct store_office_add call = {0};
    struct error e = {0};
    if (argp_parse(&argp, argc, argv, 0, NULL, &l))
        return EXIT_CANNOT;
    if (office_add(&l, &call, &e))
        return fail(argv[0], &e);
    if (!call.there || call.same)
        return 0;
    fprintf(stderr, "%s: %s is in the directory already, with another name or municipality\n", argv[0],
            call.office.text);
    return EXIT_NO;
}

static int token_new(const struct line *l, char text[2 * STORE_TOKEN_SIZE + 1], struct error *e)
{
    struct store *store;
    uint8_t bytes[STORE_TOKEN_SIZE];
    struct store_token_new call = {.now = clock_utc_ms()};
    if (take_office(l->words[0], &call.office, e))
        return e->number;
    random_bytes(bytes, sizeof bytes);
    hex_encode(bytes, sizeof bytes, text);
    explicit_bzero(bytes, sizeof bytes);
    if (EVP_Digest(text, 2 * STORE_TOKEN_SIZE, call.hash.bytes, NULL, EVP_sha256(), NULL) != 1)
        return no_memory(e);
    int r = open_store(l, &store, e);
    if (r)
        return r;
    call.expires = call.now + token_life_ms;
    store_token_new(store, &call);
    store_close(store);
    if (call.job.result)
        return store_failed(l, call.job.result, e);
    return call.unknown
               ? error_set(e, -ENOENT, "office-unknown",
                           "%s is not in the directory; do: careplan-hub office add", call.office.text)
               : 0;
}

static int token_command(int argc, char **argv)
{
    static const struct argp_option options[] = {CONFIG_OPTION, {0}};
    static const struct argp argp = {
        options,
        parse,
        "NUMBER-SERVICE",
        "Prints a token with which the office enrols once, within 14 days. A new token "
        "takes the place of the one before.",
        NULL,
        NULL,
        NULL};
    struct line l = {.required = "c", .wanted_words = 1};
    struct error e = {0};
    char text[2 * STORE_TOKEN_SIZE + 1];
    if (argp_parse(&argp, argc, argv, 0, NULL, &l))
        return EXIT_CANNOT;
    if (token_new(&l, text, &e))
        return fail(argv[0], &e);
    puts(text);
    explicit_bzero(text, sizeof text);
    return 0;
}

/* ---- serve ---- */

static int serve_command(int argc, char **argv)
{
    static const struct argp_option options[] = {
        CONFIG_OPTION,
        {"trace", 't', "FILE", 0, "for tests only: append every exchange, with its JSON bodies, to FILE", 0},
        {0}};
    static const struct argp argp = {options, parse, NULL, "Serves the offices until SIGTERM or SIGINT.",
                                     NULL,    NULL,  NULL};
    struct line l = {.required = "c"};
    struct error e = {0};
    if (argp_parse(&argp, argc, argv, 0, NULL, &l))
        return EXIT_CANNOT;
    autofree struct hub_config *config = calloc(1, sizeof *config);
    int r = config ? hub_config_read(l.config, NULL, config, &e) : no_memory(&e);
    if (!r)
        r = server_run(config, l.trace, &e);
    return r ? fail(argv[0], &e) : 0;
}

/* ---- which ---- */

static const struct command {
    const char *words[2];
    const char *title;
    int (*run)(int argc, char **argv);
    const char *arguments, *purpose;
} commands[] = {
    {{"init", NULL},
     "careplan-hub init",
     init_command,
     "--dir DIR --listen ADDR:PORT --name HOST",
     "make a new hub in DIR"},
    {{"office", "add"},
     "careplan-hub office add",
     office_add_command,
     "--config DIR/hub.conf NUMBER-SERVICE NAME [--municipality CODE]",
     "add an office to the directory"},
    {{"token", NULL},
     "careplan-hub token",
     token_command,
     "--config DIR/hub.conf NUMBER-SERVICE",
     "print a one-time token for an office's enrolment"},
    {{"serve", NULL}, "careplan-hub serve", serve_command, "--config DIR/hub.conf", "serve the offices"},
};

static void print_usage(FILE *out)
{
    fputs("Usage: careplan-hub COMMAND [OPTION...]\n\n", out);
    for (size_t i = 0; i < ARRAY_LENGTH(commands); i++)
        fprintf(out, "  %s %s\n      %s\n", commands[i].title, commands[i].arguments, commands[i].purpose);
    fputs("\nEvery command has --help. Exit status: 0 done, 1 the answer is no, 2 usage or cannot run.\n",
          out);
}

static int run(const struct command *c, int argc, char **argv)
{
    char title[32];
    int skipped = c->words[1] ? 2 : 1;
    snprintf(title, sizeof title, "%s", c->title);
    argv[skipped] = title;
    int result = c->run(argc - skipped, argv + skipped);
    return fflush(stdout) || ferror(stdout) ? EXIT_CANNOT
                                            : result; /* what could not be printed was not done */
}

int main(int argc, char **argv)
{
    log_open("careplan-hub");
    argp_err_exit_status = EXIT_CANNOT;
    const char *first = argc > 1 ? argv[1] : "", *second = argc > 2 ? argv[2] : "";
    if (strcmp(first, "--help") == 0) {
        print_usage(stdout);
        return fflush(stdout) ? EXIT_CANNOT : 0;
    }
    if (strcmp(first, "--version") == 0) {
        puts(argp_program_version);
        return fflush(stdout) ? EXIT_CANNOT : 0;
    }
    for (size_t i = 0; i < ARRAY_LENGTH(commands); i++)
        if (strcmp(first, commands[i].words[0]) == 0 &&
            (!commands[i].words[1] || strcmp(second, commands[i].words[1]) == 0))
            return run(&commands[i], argc, argv);
    if (*first)
        fprintf(stderr, "careplan-hub: unknown command '%s'; see careplan-hub --help\n", first);
    else
        print_usage(stderr);
    return EXIT_CANNOT;
}
