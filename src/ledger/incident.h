/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The breaker's questions to the SQLite store. */

#ifndef CAROM_LEDGER_INCIDENT_H
#define CAROM_LEDGER_INCIDENT_H

#include "ledger/sqlite.h"

int carom_sqlite_crowd(struct carom_store *store, const struct carom_crowd_ask *ask, struct carom_crowd **crowd_r,
                       struct carom_error *err);
/* A removal was written: it is one of its group, where that is at hand. */
int carom_sqlite_crowd_joined(struct carom_store *store, uint64_t group, const struct carom_crowd_removal *removal,
                              struct carom_error *err);
/* Removals were changed or deleted: they are read anew when they are asked for. */
void carom_sqlite_forget_crowds(struct carom_store *store);
int carom_sqlite_first_removal(struct carom_store *store, int64_t *received_r, struct carom_error *err);
int carom_sqlite_incident_at(struct carom_store *store, struct carom_arena *arena, uint64_t group, int64_t time,
                             struct carom_incident *incident_r, struct carom_error *err);
int carom_sqlite_incident_put(struct carom_store *store, struct carom_incident *incident, struct carom_error *err);
int carom_sqlite_samples(struct carom_store *store, struct carom_arena *arena, uint64_t group,
                         struct carom_str *samples_r, size_t max, size_t *n_r, struct carom_error *err);
int carom_sqlite_incidents(struct carom_store *store,
                           int (*row)(void *user, const struct carom_incident *incident, int64_t n), void *user,
                           struct carom_error *err);

#endif
