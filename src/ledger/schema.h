/* The ledger's schema and its migrations. PRAGMA user_version says which is there. */
#ifndef LEDGER_SCHEMA_H
#define LEDGER_SCHEMA_H

#include "careplan/error.h"
#include "ledger/sql.h"

enum { SCHEMA_VERSION = 2 };

/* Brings the ledger to SCHEMA_VERSION, one transaction a step. "ledger-newer" when it is beyond. */
int schema_migrate(struct connection *c, struct error *e);
/* For a reader: exactly SCHEMA_VERSION, or "ledger-newer", "ledger-older". */
int schema_check(struct connection *c, struct error *e);

#endif
