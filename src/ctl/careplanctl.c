/* careplanctl: the administrator's command. */
#include <argp.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "ctl/check.h"
#include "ctl/commands.h"

const char *argp_program_version = "careplanctl " CAREPLAN_VERSION;

static const struct command {
    const char *name, *title; /* title: what its own messages and --help call it */
    int (*run)(int argc, char **argv);
    const char *arguments, *purpose;
} commands[] = {
    {"enrol", "careplanctl enrol", enrol_command,
     "--config FILE --hub URL --ca FILE --office NUMBER-SERVICE --token TOKEN|- --state DIR",
     "make this machine an office of the hub"},
    {"check", "careplanctl check", check_command,
     "[--format=text|json] [--lang=ja|en] [--name NAME] [--config FILE] [--layouts DIR] PATH...",
     "judge files or folders by the standard; needs no configuration"},
    {"rules", "careplanctl rules", rules_command,
     "[--format=text|json|markdown] [--lang=ja|en] [--config FILE] [CODE...]",
     "list the rules that files are judged by, or show one whole"},
    {"status", "careplanctl status", status_command, "--config FILE [--json] [--limit N] [--lang=ja|en]",
     "what went out, what came in, what waits and why"},
    {"evidence", "careplanctl evidence", evidence_command, "--config FILE [-o DIR] MESSAGE",
     "write what proves an exchange"},
    {"verify", "careplanctl verify", verify_command, "[--ca FILE] DIR | --config FILE",
     "prove such evidence offline; or walk the offices' own ledgers"},
    {"resend", "careplanctl resend", resend_command, "--config FILE MESSAGE",
     "seal and send a message anew, under a new id"},
    {"doctor", "careplanctl doctor", doctor_command, "[--config FILE]",
     "say what is wrong with this machine and what to do"},
};

static void print_usage(FILE *out)
{
    fputs("Usage: careplanctl COMMAND [OPTION...]\n\n", out);
    for (size_t i = 0; i < ARRAY_LENGTH(commands); i++)
        fprintf(out, "  careplanctl %s %s\n      %s\n", commands[i].name, commands[i].arguments,
                commands[i].purpose);
    fputs("\nMESSAGE is OFFICE/out/ID or OFFICE/in/SENDER/ID, as status prints it.\n"
          "Every command has --help. Exit status: 0 done, 1 the answer is no, 2 usage or cannot run.\n",
          out);
}

int main(int argc, char **argv)
{
    setlocale(LC_CTYPE, "");
    setenv("CAREPLAN_LOG", "error", 0); /* the commands say themselves what a person must know */
    log_open("careplanctl");
    argp_err_exit_status = CTL_CANNOT;
    const char *name = argc > 1 ? argv[1] : "";
    if (strcmp(name, "--help") == 0 || strcmp(name, "--version") == 0) {
        if (name[2] == 'h')
            print_usage(stdout);
        else
            puts(argp_program_version);
        return fflush(stdout) ? CTL_CANNOT : CTL_DONE;
    }
    for (size_t i = 0; i < ARRAY_LENGTH(commands); i++)
        if (strcmp(name, commands[i].name) == 0) {
            char title[64];
            snprintf(title, sizeof title, "%s", commands[i].title);
            argv[1] = title;
            int result = commands[i].run(argc - 1, argv + 1);
            /* What could not be printed was not done. */
            return fflush(stdout) || ferror(stdout) ? CTL_CANNOT : result;
        }
    if (*name)
        fprintf(stderr, "careplanctl: unknown command '%s'; see careplanctl --help\n", name);
    else
        print_usage(stderr);
    return CTL_CANNOT;
}
