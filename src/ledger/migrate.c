/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Steps through a table of migrations. Foreign keys are off while a table is made anew (SQLite drops the old one), and
   all of them are looked at before the commit. */

#include "ledger/migrate.h"

#include <stdio.h>

#include "base/error.h"

/* Version 1 is the first. */
const struct carom_migration carom_migrations[] = {{0, NULL}};

static const struct carom_migration *step_from(const struct carom_migration *table, int64_t version)
{
    while (table->statements && table->from != version)
        table++;
    return table->statements ? table : NULL;
}

static int check_keys(struct carom_db *db, int from, struct carom_error *err)
{
    int64_t broken;

    if (carom_db_pragma(db, "SELECT count(*) FROM pragma_foreign_key_check", &broken, err) != 0)
        return -1;
    return broken ? carom_error_set(err, CAROM_ERROR_IO,
                                    "%s: cannot migrate the ledger from version %d: %lld rows would point to nothing; it is as "
                                    "it was: run carom ledger check",
                                    db->path, from, (long long)broken)
                  : 0;
}

static int take_step(struct carom_db *db, const struct carom_migration *step, struct carom_error *err)
{
    char mark[48];
    int result = carom_db_execute(db, "BEGIN IMMEDIATE", "migrate", err);

    snprintf(mark, sizeof(mark), "PRAGMA user_version=%d", step->from + 1);
    for (const char *const *statement = step->statements; result == 0 && *statement; statement++)
        result = carom_db_execute(db, *statement, "migrate", err);
    if (result == 0 && check_keys(db, step->from, err) == 0 && carom_db_execute(db, mark, "migrate", err) == 0 &&
        carom_db_execute(db, "COMMIT", "migrate", err) == 0)
        return 0;
    if (!sqlite3_get_autocommit(db->handle))
        sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
    return -1;
}

static int step_up(struct carom_db *db, const struct carom_migration *table, int version, struct carom_error *err)
{
    for (;;) {
        int64_t at;
        if (carom_db_pragma(db, "PRAGMA user_version", &at, err) != 0)
            return -1;
        if (at == version)
            return 0;
        const struct carom_migration *step = at < version ? step_from(table, at) : NULL;
        if (!step)
            return carom_error_set(err, CAROM_ERROR_CONFIG, "%s: there is no way from schema version %lld to %d", db->path,
                                   (long long)at, version);
        if (take_step(db, step, err) != 0)
            return -1;
    }
}

int carom_migrate(struct carom_db *db, const struct carom_migration *table, int version, struct carom_error *err)
{
    if (carom_db_execute(db, "PRAGMA foreign_keys=OFF", "migrate", err) != 0)
        return -1;
    int result = step_up(db, table, version, err);
    return carom_db_execute(db, "PRAGMA foreign_keys=ON", "migrate", result == 0 ? err : NULL) == 0 ? result : -1;
}
