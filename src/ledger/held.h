/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Actions that wait for a person, and who would be removed by whom (for the breaker), in the SQLite store. */

#ifndef CAROM_LEDGER_HELD_H
#define CAROM_LEDGER_HELD_H

#include "ledger/effect.h"

/* done: carried out or released. gone: discarded or undone. below: by a fact below the gate, which is nothing yet. */
enum carom_removal { CAROM_REMOVAL_DONE, CAROM_REMOVAL_HELD, CAROM_REMOVAL_GONE, CAROM_REMOVAL_BELOW };

int carom_held_put(struct carom_effect *effect, const struct carom_decided *decided, int64_t part, const char *cause,
                   int64_t incident);
int carom_removal_put(struct carom_effect *effect, uint64_t group, int64_t received, enum carom_removal state);
int carom_removal_set(struct carom_effect *effect, enum carom_removal state);

/* held(), settle_held() and recall() of the interfaces. */
int carom_sqlite_held(struct carom_store *store, const struct carom_selection *selection,
                      int (*row)(void *user, const struct carom_held *held), void *user, struct carom_error *err);
int carom_sqlite_settle_held(struct carom_store *store, const struct carom_selection *selection,
                             const struct carom_config *config, enum carom_settling what, int64_t now,
                             struct carom_settled *settled_r, struct carom_error *err);
int carom_sqlite_recall(struct carom_store *store, const struct carom_incident *incident, int64_t from,
                        const struct carom_config *config, int64_t now, int64_t *n_r, struct carom_error *err);

#endif
