/* careplanctl's commands. Each parses its own line (argv[0] is "careplanctl NAME", for its messages), does
 * its work and returns the exit status; check_command is in ctl/check.h. */
#ifndef CTL_COMMANDS_H
#define CTL_COMMANDS_H

enum ctl_exit {
    CTL_DONE = 0,
    CTL_NO = 1,     /* the answer is no */
    CTL_CANNOT = 2, /* usage, or cannot run */
};

int enrol_command(int argc, char **argv);
int rules_command(int argc, char **argv);
int status_command(int argc, char **argv);
int evidence_command(int argc, char **argv);
int verify_command(int argc, char **argv);
int resend_command(int argc, char **argv);
int doctor_command(int argc, char **argv);

#endif
