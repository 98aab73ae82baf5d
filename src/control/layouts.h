/* A folder with tables of the standard ([standard] layouts, docs/standard.md): *.tsv in it, and layouts as
 * VERSION/KIND.tsv. */
#ifndef CONTROL_LAYOUTS_H
#define CONTROL_LAYOUTS_H

#include "careplan/error.h"
#include "careplan/standard.h"

/* The built-in standard with the folder's tables. NULL and one line: which table, line, why, what to do. */
struct careplan_standard *layouts_read(const char *folder, struct error *e);

#endif
