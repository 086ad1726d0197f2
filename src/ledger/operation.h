/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* What a person does with many decisions at once, recorded as one operation that can be taken back. */

#ifndef CAROM_LEDGER_OPERATION_H
#define CAROM_LEDGER_OPERATION_H

#include "ledger/stored.h"

struct carom_operation_work {
    struct carom_store *store;
    const struct carom_config *config;
    const struct carom_selection *selection;
    int64_t now;
    const char *name; /* release, discard, expire, undo, redo, replay, restore */
    int64_t id;       /* made by run */
    int64_t reverses; /* the operation that this one takes back; 0 none */
    int64_t first, last; /* the facts concerned lie between; 0 not said */
    struct carom_settled *settled;
    struct carom_error *err;
};

/* Gathers the facts, has each done (under a guard of the scratch arena), and writes the operation down where there was
   something to do; in one transaction, or the caller's. */
int carom_operation_run(struct carom_operation_work *work,
                        int (*gather)(struct carom_store *store, const struct carom_selection *selection,
                                      struct carom_rows *rows_r, struct carom_error *err),
                        int (*each)(struct carom_operation_work *work, void *user, struct carom_stored *stored),
                        void *user);

/* Writes it down: for who has done it himself. */
int carom_operation_write(struct carom_operation_work *work);

int carom_sqlite_undo(struct carom_store *store, const struct carom_selection *selection,
                      const struct carom_config *config, int64_t now, struct carom_settled *settled_r,
                      struct carom_error *err);
int carom_sqlite_redo(struct carom_store *store, int64_t operation, const struct carom_config *config, int64_t now,
                      struct carom_settled *settled_r, struct carom_error *err);
int carom_sqlite_unknown(struct carom_store *store, const struct carom_selection *selection, const char **option_r,
                         struct carom_error *err);
int carom_sqlite_operations(struct carom_store *store, int (*row)(void *user, const struct carom_operation *operation),
                            void *user, struct carom_error *err);

#endif
