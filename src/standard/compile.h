/* Writing the constant C tables; part of the program that runs when this one is built. */
#ifndef STANDARD_COMPILE_H
#define STANDARD_COMPILE_H

#include <stdio.h>

#include "standard/load.h"

/* 0, or negative when the MS932 table of the C library cannot be had; who calls looks at ferror. */
int compile_write(FILE *out, const struct careplan_standard *s, const struct standard_catalogue *catalogue);

#endif
