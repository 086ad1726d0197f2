/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* What the ledger asks of the module in which SQLite's store stands, and which alone is linked to SQLite and zstd: they
   take as long to load as all that a message needs to be read, so that only who opens a ledger pays for them. */

#ifndef CAROM_LEDGER_STORE_H
#define CAROM_LEDGER_STORE_H

#include "ledger/backup.h"
#include "ledger/inspect.h"
#include "ledger/ledger.h"

struct carom_store_module {
    const char *version; /* carom_version() of the module; of another one than ours nothing else may be used */
    /* What carom_ledger_open(), _inspect(), _backup() and _unpack() do. Nothing is opened DRY. */
    int (*open)(const char *path, enum carom_ledger_mode mode, struct carom_ledger *ledger_r, struct carom_error *err);
    int (*inspect)(const char *path, void (*finding)(void *user, const char *text), void *user,
                   struct carom_inspection *inspection_r, struct carom_error *err);
    int (*backup)(const char *path, const char *spool, const char *to, struct carom_backup *backup_r,
                  struct carom_error *err);
    int (*unpack)(struct carom_arena *arena, struct carom_str packed, struct carom_str *bytes_r, struct carom_error *err);
};

/* Loads the module. NULL: err names the file that was looked for and how to get it. */
const struct carom_store_module *carom_store_load(struct carom_error *err);
#define CAROM_STORE_FILE "carom-sqlite.so"
#define CAROM_STORE_SYMBOL "carom_sqlite_store"

#endif
