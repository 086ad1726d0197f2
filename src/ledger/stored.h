/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* A fact that was recorded, with the decision taken on it, at hand again: to be carried out later, or taken back. */

#ifndef CAROM_LEDGER_STORED_H
#define CAROM_LEDGER_STORED_H

#include "ledger/effect.h"

struct carom_stored {
    struct carom_fact fact; /* what its effects need of it: kind, reason, hard, list, received */
    struct carom_decision decision;
    struct carom_entry entry;
    struct carom_effect effect;
    struct carom_str json; /* the decision as it is written */
    int64_t decided;       /* ms */
};

/* Into the arena, which the caller guards. by: what will end things. -1 also where there is no such fact. */
int carom_stored_load(struct carom_store *store, struct carom_arena *arena, int64_t fact,
                      const struct carom_config *config, int64_t by, int64_t now, struct carom_stored *stored_r,
                      struct carom_error *err);
/* Writes the decision's actions in state from as to, with the note; removals: only those that remove somebody. */
int carom_stored_amend(struct carom_stored *stored, enum carom_action_state from, enum carom_action_state to,
                       bool removals, const char *note);

/* Ends what the decision did: its jobs that were not tried are dropped, of what was told the counterpart is told, what
   it had ended stands again. removals: only who was taken off a list or off the mail. */
int carom_stored_take_back(struct carom_stored *stored, bool removals, struct carom_settled *settled);

/* Of one action of it: its jobs that were not tried are dropped, of what was told the counterpart is told. */
int carom_stored_recall(struct carom_stored *stored, const struct carom_decided *action, struct carom_settled *settled);

/* The numbers of facts, gathered before they are changed. */
struct carom_rows {
    int64_t *list;
    size_t n, room;
};
int carom_rows_gather(struct carom_store *store, sqlite3_stmt *statement, struct carom_rows *rows_r,
                      struct carom_error *err);
void carom_rows_deinit(struct carom_rows *rows);

/* Whose provider ?4 names: one that carom knows, else a domain, of the host that refused, or of the recipient where none
   did; as carom_hold_group has it. */
#define CAROM_SELECTION_PROVIDER                                                                                       \
    "(?4 = '' OR f.provider = ?4 OR (f.provider IS NULL AND instr(?4, '.') > 0 AND"                                    \
    " CASE WHEN json_extract(f.fact, '$.remote_mta') IS NULL"                                                          \
    " THEN lower(substr(json_extract(f.fact, '$.recipient'), -length(?4) - 1)) = lower('@' || ?4)"                     \
    " ELSE lower(substr('.' || rtrim(json_extract(f.fact, '$.remote_mta'), '.'), -length(?4) - 1)) = lower('.' || ?4) END))"
/* The WHERE of a selection over `fact f`; the parameters ?1 to ?8 follow CAROM_SELECTION_TYPES. */
#define CAROM_SELECTION_WHERE                                                                                          \
    " f.id >= ?1 AND f.id < ?2 AND (?3 = '' OR f.reason = ?3 OR f.kind = ?3) AND " CAROM_SELECTION_PROVIDER " AND"     \
    " (?5 = '' OR f.rule = ?5) AND (?6 = '' OR lower(f.list) = lower(?6)) AND (?7 = 0 OR f.address = ?7) AND"          \
    " (?8 = '' OR substr(f.policy, 1, length(?8)) = ?8) "
#define CAROM_SELECTION_TYPES "iissssis"
#define CAROM_SELECTION_VALUES(s, address)                                                                             \
    carom_selection_from(s), carom_selection_to(s), (s)->reason, (s)->provider, (s)->rule, (s)->list, (address),       \
        (s)->policy
int64_t carom_selection_from(const struct carom_selection *selection);
int64_t carom_selection_to(const struct carom_selection *selection);
/* The row of the selection's address; -1 for an address that the ledger does not know. 0: any. */
int carom_selection_address(struct carom_store *store, const struct carom_selection *selection, int64_t *row_r,
                            struct carom_error *err);

#endif
