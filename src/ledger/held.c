/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Actions that wait, and what becomes of them: released, they are carried out as if decided now; discarded, never. Also
   the breaker's rows: who was removed, or would have been, when. */

#include "ledger/held.h"

#include "base/error.h"
#include "decision/hold.h"
#include "ledger/incident.h"
#include "ledger/operation.h"
#include "ledger/stored.h"

/* ---- Rows ---- */

int carom_held_put(struct carom_effect *effect, const struct carom_decided *decided, int64_t part, const char *cause,
                   int64_t incident)
{
    static const char sql[] = "INSERT INTO held (id, fact, part, address, action, list, cause, incident, since)"
                              " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    bool everywhere = decided->all || (decided->type == CAROM_ACTION_SUPPRESS && !decided->list_only);
    int64_t id;
    if (carom_db_next_id(effect->db, effect->entry->now, &id, effect->err) != 0)
        return -1;
    return carom_db_run(effect->db,
                        carom_db_use(effect->db, effect->err, sql, "iiiIsssii", id, effect->fact, part, effect->address,
                                     carom_str(carom_action_name(decided->type)),
                                     everywhere ? CAROM_STR_EMPTY : decided->list, carom_str(cause), incident,
                                     effect->entry->now),
                        effect->err);
}

int carom_removal_put(struct carom_effect *effect, uint64_t group, int64_t received, enum carom_removal state)
{
    static const char sql[] = "INSERT INTO removal (id, grp, received, address, state) VALUES (?1, ?2, ?3, ?4, ?5)";
    const struct carom_crowd_removal removal = {.received = received,
                                                .address = carom_db_hash(effect->entry->address),
                                                .done = state == CAROM_REMOVAL_DONE};
    if (carom_db_run(effect->db,
                     carom_db_use(effect->db, effect->err, sql, "iiiii", effect->fact, (int64_t)group, received,
                                  effect->address, (int64_t)state),
                     effect->err) != 0)
        return -1;
    return state == CAROM_REMOVAL_BELOW ? 0 : carom_sqlite_crowd_joined(effect->store, group, &removal, effect->err);
}

int carom_removal_set(struct carom_effect *effect, enum carom_removal state)
{
    static const char sql[] = "UPDATE removal SET state = ?2 WHERE id = ?1";
    carom_sqlite_forget_crowds(effect->store);
    return carom_db_run(effect->db, carom_db_use(effect->db, effect->err, sql, "ii", effect->fact, (int64_t)state),
                        effect->err);
}

/* ---- The list ---- */

int carom_sqlite_held(struct carom_store *store, const struct carom_selection *selection,
                      int (*row)(void *user, const struct carom_held *held), void *user, struct carom_error *err)
{
    static const char sql[] =
        "SELECT h.fact, h.since, h.incident, coalesce(a.spelling, ''), h.action, h.list, h.cause, f.kind, f.reason,"
        " f.provider, f.authenticity, json_extract(f.fact, '$.diagnostic') FROM held h JOIN fact f ON f.id = h.fact"
        " LEFT JOIN address a ON a.id = h.address WHERE" CAROM_SELECTION_WHERE
        "AND (?9 = '' OR h.cause = ?9) AND (?10 = 0 OR h.incident = ?10) AND (?11 = 0 OR h.fact = ?11) ORDER BY h.id";
    int64_t address;

    if (carom_selection_address(store, selection, &address, err) != 0)
        return -1;
    sqlite3_stmt *next =
        carom_db_use(&store->db, err, sql, CAROM_SELECTION_TYPES "sii", CAROM_SELECTION_VALUES(selection, address),
                     selection->cause, selection->incident, selection->fact);
    int found = next ? 0 : -1;
    while (next && (found = carom_db_row(&store->db, next, err)) > 0) {
        const struct carom_held held = {.fact = sqlite3_column_int64(next, 0),
                                        .since = sqlite3_column_int64(next, 1),
                                        .incident = sqlite3_column_int64(next, 2),
                                        .spelling = carom_db_bytes(next, 3),
                                        .action = carom_db_bytes(next, 4),
                                        .list = carom_db_bytes(next, 5),
                                        .cause = carom_db_bytes(next, 6),
                                        .kind = carom_db_bytes(next, 7),
                                        .reason = carom_db_bytes(next, 8),
                                        .provider = carom_db_bytes(next, 9),
                                        .authenticity = carom_db_bytes(next, 10),
                                        .diagnostic = carom_db_bytes(next, 11)};
        if (row(user, &held) != 0) {
            carom_db_done(next);
            return -1;
        }
    }
    return found;
}

/* ---- Settling ---- */

static int release(struct carom_stored *stored)
{
    static const char sql[] = "UPDATE fact SET held = 0 WHERE id = ?1";
    struct carom_effect *effect = &stored->effect;
    if (carom_db_run(effect->db, carom_db_use(effect->db, effect->err, sql, "i", effect->fact), effect->err) != 0)
        return -1;
    for (const struct carom_decided *decided = stored->decision.first; decided; decided = decided->next)
        if (decided->state == CAROM_ACTION_HELD && carom_effect_carry_out(effect, decided) != 0)
            return -1;
    if (!stored->decision.ignored && carom_effect_outcome(effect) != 0)
        return -1;
    return carom_removal_set(effect, CAROM_REMOVAL_DONE) == 0
               ? carom_stored_amend(stored, CAROM_ACTION_HELD, CAROM_ACTION_DECIDED, false, "released")
               : -1;
}

static int discard(struct carom_stored *stored, const char *note)
{
    return carom_removal_set(&stored->effect, CAROM_REMOVAL_GONE) == 0
               ? carom_stored_amend(stored, CAROM_ACTION_HELD, CAROM_ACTION_DISCARDED, false, note)
               : -1;
}

static int settle_one(struct carom_stored *stored, enum carom_settling what)
{
    static const char sql[] = "DELETE FROM held WHERE fact = ?1";
    struct carom_effect *effect = &stored->effect;
    int result = what == CAROM_SETTLE_RELEASE   ? release(stored)
                 : what == CAROM_SETTLE_DISCARD ? discard(stored, "discarded")
                                                : discard(stored, "nobody released it in time");
    return result == 0
               ? carom_db_run(effect->db, carom_db_use(effect->db, effect->err, sql, "i", effect->fact), effect->err)
               : -1;
}

static int gather(struct carom_store *store, const struct carom_selection *selection, struct carom_rows *rows,
                  struct carom_error *err)
{
    static const char sql[] =
        "SELECT DISTINCT h.fact FROM held h JOIN fact f ON f.id = h.fact WHERE" CAROM_SELECTION_WHERE
        "AND (?9 = '' OR h.cause = ?9) AND (?10 = 0 OR h.incident = ?10) AND (?11 = 0 OR h.fact = ?11) ORDER BY h.fact";
    int64_t address;
    *rows = (struct carom_rows){0};
    if (carom_selection_address(store, selection, &address, err) != 0)
        return -1;
    return carom_rows_gather(store,
                             carom_db_use(&store->db, err, sql, CAROM_SELECTION_TYPES "sii",
                                          CAROM_SELECTION_VALUES(selection, address), selection->cause,
                                          selection->incident, selection->fact),
                             rows, err);
}

static int settle_each(struct carom_operation_work *work, void *user, struct carom_stored *stored)
{
    (void)work;
    return settle_one(stored, *(const enum carom_settling *)user);
}

int carom_sqlite_settle_held(struct carom_store *store, const struct carom_selection *selection,
                             const struct carom_config *config, enum carom_settling what, int64_t now,
                             struct carom_settled *settled_r, struct carom_error *err)
{
    static const char *const names[] = {"release", "discard", "expire"};
    struct carom_operation_work work = {.store = store,
                                        .config = config,
                                        .selection = selection,
                                        .now = now,
                                        .name = names[what],
                                        .settled = settled_r,
                                        .err = err};
    return carom_operation_run(&work, gather, settle_each, &what);
}

/* ---- What the breaker recalls ---- */

/* It is held as the later ones are. */
static int recall_one(struct carom_stored *stored, int64_t incident)
{
    static const char sql[] = "UPDATE fact SET decision = json_set(decision, '$.hold', 'breaker') WHERE id = ?1";
    struct carom_settled settled = {0};
    struct carom_effect *effect = &stored->effect;
    int64_t part = 0;
    for (const struct carom_decided *decided = stored->decision.first; decided; decided = decided->next, part++)
        if (carom_hold_removes(decided) &&
            carom_held_put(effect, decided, part, carom_hold_name(CAROM_HOLD_BREAKER), incident) != 0)
            return -1;
    return carom_stored_take_back(stored, true, &settled) == 0 && carom_removal_set(effect, CAROM_REMOVAL_HELD) == 0 &&
                   carom_stored_amend(stored, CAROM_ACTION_DECIDED, CAROM_ACTION_HELD, true,
                                      "recalled by the breaker: too many of this provider at once") == 0
               ? carom_db_run(effect->db, carom_db_use(effect->db, effect->err, sql, "i", effect->fact), effect->err)
               : -1;
}

static int recall_all(struct carom_store *store, const struct carom_incident *incident, const struct carom_rows *rows,
                      const struct carom_config *config, int64_t now, struct carom_error *err)
{
    struct carom_stored stored;
    for (size_t i = 0; i < rows->n; i++) {
        carom_arena_reset(store->scratch);
        if (carom_arena_guard(store->scratch)) {
            carom_db_reset(&store->db);
            return carom_error_memory(err);
        }
        int result = carom_stored_load(store, store->scratch, rows->list[i], config, incident->id, now, &stored, err);
        if (result == 0)
            result = recall_one(&stored, incident->id);
        carom_arena_unguard(store->scratch);
        if (result != 0)
            return -1;
    }
    return 0;
}

int carom_sqlite_recall(struct carom_store *store, const struct carom_incident *incident, int64_t from,
                        const struct carom_config *config, int64_t now, int64_t *n_r, struct carom_error *err)
{
    static const char sql[] =
        "SELECT r.id FROM removal r WHERE r.grp = ?1 AND r.received > ?2 AND r.state = 0 AND NOT EXISTS (SELECT 1 FROM "
        "job j"
        " WHERE j.fact = r.id AND j.action IN ('unsubscribe', 'suppress') AND (j.state <> 0 OR j.attempts > 0 OR"
        " j.lease > ?3)) ORDER BY r.id";
    struct carom_rows rows;
    int result = carom_rows_gather(
        store, carom_db_use(&store->db, err, sql, "iii", (int64_t)incident->group, from, now), &rows, err);
    if (result == 0)
        result = recall_all(store, incident, &rows, config, now, err);
    *n_r = (int64_t)rows.n;
    carom_rows_deinit(&rows);
    return result;
}
