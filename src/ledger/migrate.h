/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* From an older schema version to the one of this program, a version at a time, each in a transaction of its own. */

#ifndef CAROM_LEDGER_MIGRATE_H
#define CAROM_LEDGER_MIGRATE_H

#include "ledger/db.h"

struct carom_migration {
    int from;                      /* to the version after it */
    const char *const *statements; /* NULL ends */
};
extern const struct carom_migration carom_migrations[]; /* statements NULL ends the table */

/* The caller holds the lock. -1: the version that was reached stands, whole. */
int carom_migrate(struct carom_db *db, const struct carom_migration *table, int version, struct carom_error *err);

#endif
