/* careplanctl check: judges files, or folders unit by unit, by the standard. Needs no configuration. */
#ifndef CTL_CHECK_H
#define CTL_CHECK_H

/* Exit status: 0 no errors (warnings alone too), 1 errors, 2 usage, or something could not be read. */
int check_command(int argc, char **argv);

#endif
