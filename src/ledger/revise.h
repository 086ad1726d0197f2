/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Decisions that replace others (carom replay), and how such an operation is taken back. The row of a fact keeps the
   decision before as member `before` of the new one, and the operation as `operation`. */

#ifndef CAROM_LEDGER_REVISE_H
#define CAROM_LEDGER_REVISE_H

#include "ledger/operation.h"

int carom_sqlite_revise(struct carom_store *store, struct carom_arena *arena, struct carom_revision *revision,
                        int64_t fact, const struct carom_decision *decision, const struct carom_config *config,
                        int64_t now, struct carom_decision *old_r, struct carom_decision *new_r, struct carom_error *err);
int carom_sqlite_revised(struct carom_store *store, struct carom_revision *revision,
                         const struct carom_selection *selection, int64_t now, struct carom_error *err);

/* For an operation that replays: the facts that still stand as it left them, the last first (selection->fact: its number),
   and each as it stood before. */
int carom_revise_gather(struct carom_store *store, const struct carom_selection *selection, struct carom_rows *rows,
                        struct carom_error *err);
int carom_revise_back(struct carom_operation_work *work, void *user, struct carom_stored *stored);

#endif
