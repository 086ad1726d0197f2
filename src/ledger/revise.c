/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* What only the old decision took is taken back, what only the new one takes is carried out as of now; what both take is
   not touched, so that no sink hears of it twice. */

#include "ledger/revise.h"

#include "base/error.h"
#include "base/json.h"
#include "decision/hold.h"
#include "decision/merge.h"
#include "decision/recall.h"
#include "ledger/held.h"
#include "ledger/written.h"

/* ---- What stands against it ---- */

static int ask(struct carom_effect *effect, const char *sql, struct carom_str key, bool *yes_r)
{
    int64_t found;
    int result = carom_db_value(
        effect->db, carom_db_use(effect->db, effect->err, sql, "iiis", effect->address, effect->fact, effect->time, key),
        &found, effect->err);
    *yes_r = found != 0;
    return result;
}

#define LATER                                                                                                          \
    "SELECT 1 FROM fact f, json_each(f.decision, '$.actions') a WHERE f.address = ?1 AND f.id > ?2 AND f.undone = 0"   \
    " AND json_extract(a.value, '$.state') = 'decided' AND ?3 + length(?4) IS NOT NULL AND "

/* Of what takes somebody off: did mail arrive since, did a later decision or a person take him back? */
static int is_lifted(struct carom_effect *effect, int64_t decided, bool *yes_r)
{
    static const char delivered[] = "SELECT 1 FROM fact WHERE address = ?1 AND kind = 'delivered' AND ignored = 0 AND"
                                    " undone = 0 AND held = 0 AND id <> ?2 AND time > ?3 AND length(?4) IS NOT NULL LIMIT 1";
    static const char later[] = LATER "json_extract(a.value, '$.name') = 'unsuppress' LIMIT 1";
    static const char restored[] = "SELECT restored FROM address WHERE id = ?1";
    int64_t at;

    if (carom_db_value(effect->db, carom_db_use(effect->db, effect->err, restored, "i", effect->address), &at,
                       effect->err) != 0)
        return -1;
    if ((*yes_r = at >= decided && at > 0))
        return 0;
    if (ask(effect, delivered, CAROM_STR_EMPTY, yes_r) != 0)
        return -1;
    return *yes_r ? 0 : ask(effect, later, CAROM_STR_EMPTY, yes_r);
}

static int is_superseded(struct carom_effect *effect, const struct carom_decided *action, int64_t decided, bool *yes_r)
{
    static const char removed[] = LATER "json_extract(a.value, '$.name') IN ('unsubscribe', 'suppress') LIMIT 1";
    static const char tagged[] = LATER "json_extract(a.value, '$.name') = 'tag' AND"
                                       " json_extract(a.value, '$.details.key') = ?4 LIMIT 1";
    *yes_r = false;
    switch (action->type) {
    case CAROM_ACTION_UNSUBSCRIBE:
    case CAROM_ACTION_SUPPRESS:
        return is_lifted(effect, decided, yes_r);
    case CAROM_ACTION_UNSUPPRESS:
        return ask(effect, removed, CAROM_STR_EMPTY, yes_r);
    case CAROM_ACTION_TAG:
        return ask(effect, tagged, action->key, yes_r);
    default:
        return 0;
    }
}

/* What makes sense only while the bounce is fresh. */
static bool is_of_the_moment(enum carom_action_type type)
{
    return type == CAROM_ACTION_RETRY || type == CAROM_ACTION_PROBE || type == CAROM_ACTION_ALERT ||
           type == CAROM_ACTION_FORWARD;
}

static bool is_over(const struct carom_stored *stored, const struct carom_decided *action)
{
    return action->type == CAROM_ACTION_SUPPRESS && action->duration_ms &&
           stored->entry.now - stored->decided >= action->duration_ms;
}

static void refuse(struct carom_decided *action, const char *note, int64_t *n)
{
    action->state = CAROM_ACTION_REFUSED;
    action->note = note;
    ++*n;
}

/* Of what the new decision adds. */
static int weigh(struct carom_stored *stored, struct carom_decision *new, int64_t *superseded)
{
    for (struct carom_decided *action = new->first; action; action = action->next) {
        bool stands_against;
        if (action->kept || !carom_merge_stands(action))
            continue;
        if (is_superseded(&stored->effect, action, stored->decided, &stands_against) != 0)
            return -1;
        if (stands_against)
            refuse(action, "what came later stands against it", superseded);
        else if (is_of_the_moment(action->type))
            refuse(action, "its moment has passed", superseded);
        else if (is_over(stored, action))
            refuse(action, "its time is over", superseded);
    }
    return 0;
}

/* ---- Taking one back ---- */

static int change(struct carom_effect *effect, const char *sql, const struct carom_decided *action, int64_t *n)
{
    struct carom_str list = action->type == CAROM_ACTION_SUPPRESS && !action->list_only ? CAROM_STR_EMPTY : action->list;
    int result = carom_db_run(effect->db,
                              carom_db_use(effect->db, effect->err, sql, "iiisi", effect->fact, effect->entry->now,
                                           effect->by, action->type == CAROM_ACTION_TAG ? action->key : list,
                                           (int64_t)action->all),
                              effect->err);
    *n += sqlite3_changes(effect->db->handle);
    return result;
}

static int end_suppression(struct carom_effect *effect, const struct carom_decided *action, int64_t *n)
{
    static const char ends[] =
        "UPDATE job SET state = 3, answer = 'taken back', ended_by = ?3 WHERE state = 0 AND address ="
        " (SELECT address FROM fact WHERE id = ?1) AND suppression IN"
        " (SELECT id FROM suppression WHERE fact = ?1 AND ended = 0 AND list = ?4) AND ?2 + ?5 IS NOT NULL";
    static const char suppressions[] = "UPDATE suppression SET ended = ?2, ended_by = ?3 WHERE fact = ?1 AND ended = 0"
                                       " AND list = ?4 AND (until = 0 OR until > ?2) AND ?5 IS NOT NULL";
    int64_t jobs = 0;
    return change(effect, ends, action, &jobs) == 0 ? change(effect, suppressions, action, n) : -1;
}

/* What it put on the address goes, what it ended stands again. A delivery lifts by itself what was soft. */
static int restore(struct carom_effect *effect, const struct carom_decided *action, int64_t *n)
{
    static const char departures[] = "UPDATE departure SET ended = ?2, ended_by = ?3 WHERE fact = ?1 AND ended = 0 AND"
                                     " (?5 = 1 OR list = '' OR lower(list) = lower(?4))";
    static const char suppressed[] = "UPDATE suppression SET ended = 0, ended_by = NULL WHERE ended_by = ?1 AND"
                                     " (until = 0 OR until > ?2) AND (soft = 0 OR NOT EXISTS (SELECT 1 FROM fact WHERE"
                                     " id = ?1 AND kind = 'delivered')) AND ?3 + length(?4) + ?5 IS NOT NULL";
    static const char tags[] =
        "UPDATE tag SET ended = ?2, ended_by = ?3 WHERE fact = ?1 AND ended = 0 AND key = ?4 AND ?5 IS NOT NULL";
    static const char tags_before[] = "UPDATE tag SET ended = 0, ended_by = NULL WHERE ended_by = ?1 AND key = ?4 AND"
                                      " NOT EXISTS (SELECT 1 FROM tag t WHERE t.address = tag.address AND t.key = ?4 AND"
                                      " t.ended = 0) AND ?2 + ?3 + ?5 IS NOT NULL";
    int64_t before = *n;
    switch (action->type) {
    case CAROM_ACTION_UNSUBSCRIBE:
        if (change(effect, departures, action, n) != 0)
            return -1;
        return *n > before ? carom_effect_returned(effect) : 0;
    case CAROM_ACTION_SUPPRESS:
        return end_suppression(effect, action, n) == 0 ? carom_effect_tell_ends(effect) : -1;
    case CAROM_ACTION_UNSUPPRESS:
        return change(effect, suppressed, action, n) == 0 ? carom_effect_tell_ends(effect) : -1;
    case CAROM_ACTION_TAG:
        return change(effect, tags, action, n) == 0 ? change(effect, tags_before, action, n) : -1;
    default:
        return 0;
    }
}

static int take_back(struct carom_stored *stored, const struct carom_decided *action, struct carom_settled *settled)
{
    return carom_stored_recall(stored, action, settled) == 0 ? restore(&stored->effect, action, &settled->standing) : -1;
}

/* ---- From one to the other ---- */

static int carry_out(struct carom_stored *stored, const struct carom_decided *action, int64_t part)
{
    struct carom_effect *effect = &stored->effect;
    struct carom_decided now = *action;
    int64_t passed = stored->entry.now - stored->decided;

    if (action->state == CAROM_ACTION_HELD)
        return carom_held_put(effect, action, part, carom_hold_name(stored->entry.decision->hold), 0);
    if (now.type == CAROM_ACTION_SUPPRESS && now.duration_ms && passed > 0)
        now.duration_ms -= passed;
    return carom_effect_carry_out(effect, &now);
}

static int set_removal(struct carom_effect *effect, const struct carom_decision *new)
{
    enum carom_removal state = CAROM_REMOVAL_GONE;
    for (const struct carom_decided *action = new->first; action; action = action->next) {
        bool removes = action->type == CAROM_ACTION_UNSUBSCRIBE || action->type == CAROM_ACTION_SUPPRESS;
        if (removes && action->state == CAROM_ACTION_DECIDED)
            state = CAROM_REMOVAL_DONE;
        else if (removes && action->state == CAROM_ACTION_HELD && state == CAROM_REMOVAL_GONE)
            state = new->hold == CAROM_HOLD_BREAKER ? CAROM_REMOVAL_HELD : CAROM_REMOVAL_BELOW;
    }
    return carom_removal_set(effect, state);
}

static int replace(struct carom_stored *stored, const struct carom_decision *old, const struct carom_decision *new,
                   int64_t operation, struct carom_settled *settled)
{
    struct carom_effect *effect = &stored->effect;
    int64_t part = 0;

    effect->by = operation;
    stored->entry.decision = new;
    for (const struct carom_decided *action = old->first; action; action = action->next)
        if (!action->kept && action->state == CAROM_ACTION_DECIDED && take_back(stored, action, settled) != 0)
            return -1;
    int64_t before = effect->part;
    effect->by = effect->fact;
    for (const struct carom_decided *action = new->first; action; action = action->next, part++)
        if (!action->kept && carom_merge_stands(action) && carry_out(stored, action, part) != 0)
            return -1;
    settled->told += effect->part - before;
    settled->facts++;
    return set_removal(effect, new);
}

static int put(struct carom_stored *stored, const struct carom_decision *new, struct carom_str policy, struct carom_str json)
{
    static const char sql[] = "UPDATE fact SET decision = ?2, policy = ?3, points = ?4, ignored = ?5, retried = ?6,"
                              " unmatched = ?7, held = ?8 WHERE id = ?1";
    struct carom_effect *effect = &stored->effect;
    int64_t retried = 0;

    for (const struct carom_decided *action = new->first; action; action = action->next)
        retried |= action->type == CAROM_ACTION_RETRY && action->state == CAROM_ACTION_DECIDED;
    return carom_db_run(effect->db,
                        carom_db_use(effect->db, effect->err, sql, "issdiiii", effect->fact, json, policy,
                                     carom_decision_points(new), (int64_t)new->ignored, retried,
                                     carom_written_unmatched(new), (int64_t)(new->hold == CAROM_HOLD_GATE)),
                        effect->err);
}

/* ---- A new decision ---- */

/* As it will be read again: the same texts are then the same. */
static int normalise(struct carom_stored *stored, struct carom_arena *arena, const struct carom_decision *given,
                     struct carom_decision *new_r)
{
    struct carom_buf *buf = &stored->effect.db->scratch;
    struct carom_json json = carom_json_to(buf);

    carom_buf_clear(buf);
    stored->entry.decision = given;
    carom_written_decision(&stored->effect, false, &json);
    carom_json_object_end(&json);
    if (buf->failed)
        return carom_error_memory(stored->effect.err);
    return carom_decision_recall(arena, carom_arena_str(arena, carom_buf_str(buf)), new_r, stored->effect.err);
}

static int write(struct carom_stored *stored, struct carom_arena *arena, int64_t operation, struct carom_str *json_r)
{
    struct carom_buf *buf = &stored->effect.db->scratch;
    struct carom_json json = carom_json_to(buf);

    carom_buf_clear(buf);
    carom_written_decision(&stored->effect, false, &json);
    carom_json_key(&json, CAROM_STR("operation"));
    carom_json_int(&json, operation);
    carom_json_key(&json, CAROM_STR("before"));
    carom_json_raw(&json, stored->json);
    carom_json_object_end(&json);
    if (buf->failed)
        return carom_error_memory(stored->effect.err);
    *json_r = carom_arena_str(arena, carom_buf_str(buf));
    return 0;
}

static int apply(struct carom_stored *stored, struct carom_arena *arena, struct carom_revision *revision,
                 const struct carom_decision *old, const struct carom_decision *new)
{
    struct carom_effect *effect = &stored->effect;
    struct carom_str json;

    if (!revision->operation && carom_db_next_id(effect->db, stored->entry.now, &revision->operation, effect->err) != 0)
        return -1;
    if (replace(stored, old, new, revision->operation, &revision->settled) != 0 ||
        write(stored, arena, revision->operation, &json) != 0 || put(stored, new, stored->entry.policy, json) != 0)
        return -1;
    revision->first = revision->first ? revision->first : effect->fact;
    revision->last = effect->fact;
    return 1;
}

static int revise(struct carom_stored *stored, struct carom_arena *arena, struct carom_revision *revision,
                  const struct carom_decision *decision, struct carom_decision *old_r, struct carom_decision *new_r)
{
    *old_r = stored->decision;
    if (normalise(stored, arena, decision, new_r) != 0)
        return -1;
    carom_decision_merge(old_r, new_r);
    if (weigh(stored, new_r, &revision->superseded) != 0)
        return -1;
    if (carom_decision_merged_alike(old_r, new_r))
        return 0;
    if (!revision->dry)
        return apply(stored, arena, revision, old_r, new_r);
    revision->settled.facts++;
    return 1;
}

int carom_sqlite_revise(struct carom_store *store, struct carom_arena *arena, struct carom_revision *revision,
                        int64_t fact, const struct carom_decision *decision, const struct carom_config *config,
                        int64_t now, struct carom_decision *old_r, struct carom_decision *new_r, struct carom_error *err)
{
    struct carom_stored stored;
    int result;

    if (carom_arena_guard(arena)) {
        carom_db_reset(&store->db);
        return carom_error_memory(err);
    }
    result = carom_stored_load(store, arena, fact, config, 0, now, &stored, err);
    if (result == 0) {
        stored.entry.policy = config->version;
        result = revise(&stored, arena, revision, decision, old_r, new_r);
    }
    carom_arena_unguard(arena);
    return result;
}

int carom_sqlite_revised(struct carom_store *store, struct carom_revision *revision,
                         const struct carom_selection *selection, int64_t now, struct carom_error *err)
{
    struct carom_operation_work work = {.store = store,
                                        .selection = selection,
                                        .now = now,
                                        .name = "replay",
                                        .id = revision->operation,
                                        .first = revision->first,
                                        .last = revision->last,
                                        .settled = &revision->settled,
                                        .err = err};
    return revision->operation ? carom_operation_write(&work) : 0;
}

/* ---- And back ---- */

int carom_revise_gather(struct carom_store *store, const struct carom_selection *selection, struct carom_rows *rows,
                        struct carom_error *err)
{
    static const char sql[] = "SELECT f.id FROM operation o JOIN fact f ON f.id >= json_extract(o.selection, '$.first') AND"
                              " f.id <= json_extract(o.selection, '$.last') WHERE o.id = ?1 AND f.undone = 0 AND"
                              " json_extract(f.decision, '$.operation') = ?1 ORDER BY f.id DESC";
    return carom_rows_gather(store, carom_db_use(&store->db, err, sql, "i", selection->fact), rows, err);
}

static int read_before(struct carom_stored *stored, struct carom_arena *arena, struct carom_str *json_r,
                       struct carom_str *policy_r)
{
    static const char sql[] = "SELECT json_extract(decision, '$.before'), json_extract(decision, '$.before.policy') FROM fact"
                              " WHERE id = ?1";
    struct carom_effect *effect = &stored->effect;
    sqlite3_stmt *row = carom_db_use(effect->db, effect->err, sql, "i", effect->fact);
    int found = row ? carom_db_row(effect->db, row, effect->err) : -1;

    if (found <= 0)
        return -1;
    *json_r = carom_arena_str(arena, carom_db_bytes(row, 0));
    *policy_r = carom_arena_str(arena, carom_db_bytes(row, 1));
    carom_db_done(row);
    return 0;
}

/* The text is restored as it stood; what stands against an action now is not done for that. */
int carom_revise_back(struct carom_operation_work *work, void *user, struct carom_stored *stored)
{
    struct carom_arena *arena = work->store->scratch;
    struct carom_decision before;
    struct carom_str json, policy;
    int64_t superseded = 0;

    (void)user;
    if (read_before(stored, arena, &json, &policy) != 0 || carom_decision_recall(arena, json, &before, work->err) != 0)
        return -1;
    carom_decision_merge(&stored->decision, &before);
    if (weigh(stored, &before, &superseded) != 0 ||
        replace(stored, &stored->decision, &before, work->id, work->settled) != 0 ||
        carom_decision_recall(arena, json, &before, work->err) != 0)
        return -1;
    work->settled->facts--; /* counted by who called */
    return put(stored, &before, policy, json);
}
