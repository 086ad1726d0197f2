/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Operations: undo, redo, and the frame that all of them share. A redo carries the decision out again, as of now; so a
   suppression lasts only what is left of it. */

#include "ledger/operation.h"

#include "base/error.h"
#include "base/json.h"
#include "ledger/held.h"
#include "ledger/revise.h"

/* ---- The frame ---- */

static void write_selection(const struct carom_operation_work *work, struct carom_json *json)
{
    const struct carom_selection *s = work->selection;
    carom_json_object(json);
    if (work->reverses) {
        carom_json_key(json, CAROM_STR("operation"));
        carom_json_int(json, work->reverses);
    }
    if (work->first) {
        carom_json_key(json, CAROM_STR("first"));
        carom_json_int(json, work->first);
        carom_json_key(json, CAROM_STR("last"));
        carom_json_int(json, work->last);
    }
    if (s) {
        carom_json_field_time(json, "since", s->since / 1000);
        carom_json_field_time(json, "until", s->until / 1000);
        carom_json_field_str(json, "reason", s->reason);
        carom_json_field_str(json, "provider", s->provider);
        carom_json_field_str(json, "rule", s->rule);
        carom_json_field_str(json, "list", s->list);
        carom_json_field_str(json, "policy", s->policy);
        carom_json_field_str(json, "address", s->key);
        carom_json_field_str(json, "cause", s->cause);
        if (s->incident) {
            carom_json_key(json, CAROM_STR("incident"));
            carom_json_int(json, s->incident);
        }
    }
    carom_json_object_end(json);
}

int carom_operation_write(struct carom_operation_work *work)
{
    static const char sql[] = "INSERT INTO operation (id, time, action, selection, facts, reversed)"
                              " VALUES (?1, ?2, ?3, ?4, ?5, 0)";
    static const char reversed[] = "UPDATE operation SET reversed = ?2 WHERE id = ?1";
    struct carom_db *db = &work->store->db;
    struct carom_json json = carom_json_to(&db->scratch);

    carom_buf_clear(&db->scratch);
    write_selection(work, &json);
    if (db->scratch.failed)
        return carom_error_memory(work->err);
    if (carom_db_run(db,
                     carom_db_use(db, work->err, sql, "iissi", work->id, work->now, carom_str(work->name),
                                  carom_buf_str(&db->scratch), work->settled->facts),
                     work->err) != 0)
        return -1;
    work->settled->operation = work->id;
    return work->reverses
               ? carom_db_run(db, carom_db_use(db, work->err, reversed, "ii", work->reverses, work->id), work->err)
               : 0;
}

static int do_each(struct carom_operation_work *work, const struct carom_rows *rows,
                   int (*each)(struct carom_operation_work *work, void *user, struct carom_stored *stored), void *user)
{
    struct carom_arena *arena = work->store->scratch;
    struct carom_stored stored;

    for (size_t i = 0; i < rows->n; i++) {
        carom_arena_reset(arena);
        if (carom_arena_guard(arena)) {
            carom_db_reset(&work->store->db);
            return carom_error_memory(work->err);
        }
        int result =
            carom_stored_load(work->store, arena, rows->list[i], work->config, work->id, work->now, &stored, work->err);
        if (result == 0)
            result = each(work, user, &stored);
        carom_arena_unguard(arena);
        if (result != 0)
            return -1;
        work->settled->facts++;
    }
    return 0;
}

int carom_operation_run(struct carom_operation_work *work,
                        int (*gather)(struct carom_store *store, const struct carom_selection *selection,
                                      struct carom_rows *rows_r, struct carom_error *err),
                        int (*each)(struct carom_operation_work *work, void *user, struct carom_stored *stored),
                        void *user)
{
    struct carom_db *db = &work->store->db;
    struct carom_rows rows = {0};
    bool own;

    *work->settled = (struct carom_settled){0};
    if (carom_db_enter(db, &own, work->err) != 0)
        return -1;
    int result = gather(work->store, work->selection, &rows, work->err);
    if (result == 0 && rows.n) {
        result = carom_db_next_id(db, work->now, &work->id, work->err);
        if (result == 0)
            result = do_each(work, &rows, each, user);
        if (result == 0)
            result = carom_operation_write(work);
    }
    carom_rows_deinit(&rows);
    return carom_db_leave(db, own, result, work->err);
}

/* ---- Undo ---- */

/* Of an incident: who was removed while it lasted, in the window before it was seen, or when it was released. */
#define DONE                                                                                                           \
    "AND f.undone = 0 AND f.held = 0 AND (?9 = 0 OR f.id = ?9) AND (?10 = 0 OR f.id IN (SELECT r.id FROM incident i"   \
    " JOIN removal r ON r.grp = i.grp AND r.received > i.since - ?11 AND r.received <= i.busy + 2 * ?11"               \
    " WHERE i.id = ?10 AND r.state = 0)) AND EXISTS (SELECT 1 FROM"                                                    \
    " json_each(f.decision, '$.actions') a WHERE json_extract(a.value, '$.state') = 'decided') ORDER BY f.id"

/* What has an action that was carried out, and was not taken back before. */
static int gather_done(struct carom_store *store, const struct carom_selection *selection, struct carom_rows *rows,
                       struct carom_error *err)
{
    static const char sql[] = "SELECT f.id FROM fact f WHERE" CAROM_SELECTION_WHERE DONE;
    static const char of_address[] = "SELECT f.id FROM fact f WHERE f.address = ?7 AND" CAROM_SELECTION_WHERE DONE;
    int64_t address;
    *rows = (struct carom_rows){0};
    if (carom_selection_address(store, selection, &address, err) != 0)
        return -1;
    return carom_rows_gather(store,
                             carom_db_use(&store->db, err, address ? of_address : sql, CAROM_SELECTION_TYPES "iii",
                                          CAROM_SELECTION_VALUES(selection, address), selection->fact, selection->incident,
                                          selection->window),
                             rows, err);
}

static int mark(struct carom_effect *effect, int64_t operation)
{
    static const char sql[] = "UPDATE fact SET undone = ?2 WHERE id = ?1";
    return carom_db_run(effect->db, carom_db_use(effect->db, effect->err, sql, "ii", effect->fact, operation),
                        effect->err);
}

static int undo_one(struct carom_operation_work *work, void *user, struct carom_stored *stored)
{
    (void)user;
    return carom_stored_take_back(stored, false, work->settled) == 0 && mark(&stored->effect, work->id) == 0 &&
                   carom_removal_set(&stored->effect, CAROM_REMOVAL_GONE) == 0
               ? carom_stored_amend(stored, CAROM_ACTION_DECIDED, CAROM_ACTION_UNDONE, false, "taken back")
               : -1;
}

int carom_sqlite_undo(struct carom_store *store, const struct carom_selection *selection,
                      const struct carom_config *config, int64_t now, struct carom_settled *settled_r,
                      struct carom_error *err)
{
    struct carom_selection of = *selection;
    struct carom_operation_work work = {.store = store,
                                        .config = config,
                                        .selection = &of,
                                        .now = now,
                                        .name = "undo",
                                        .settled = settled_r,
                                        .err = err};
    of.window = config->breaker.window_ms;
    return carom_operation_run(&work, gather_done, undo_one, NULL);
}

/* ---- Redo ---- */

static int gather_undone(struct carom_store *store, const struct carom_selection *selection, struct carom_rows *rows,
                         struct carom_error *err)
{
    static const char sql[] = "SELECT id FROM fact WHERE undone = ?1 ORDER BY id";
    return carom_rows_gather(store, carom_db_use(&store->db, err, sql, "i", selection->fact), rows, err);
}

/* Only what an undo reverses is done again: nobody wants an old alert. */
static bool is_reversible(const struct carom_decided *decided)
{
    return decided->type == CAROM_ACTION_UNSUBSCRIBE || decided->type == CAROM_ACTION_SUPPRESS ||
           decided->type == CAROM_ACTION_UNSUPPRESS || decided->type == CAROM_ACTION_TAG;
}

static int redo_action(struct carom_stored *stored, const struct carom_decided *decided)
{
    struct carom_decided again = *decided;
    int64_t passed = stored->entry.now - stored->decided;
    if (again.type == CAROM_ACTION_SUPPRESS && again.duration_ms) {
        again.duration_ms -= passed > 0 ? passed : 0;
        if (again.duration_ms <= 0)
            return 0;
    }
    return carom_effect_carry_out(&stored->effect, &again);
}

static int redo_one(struct carom_operation_work *work, void *user, struct carom_stored *stored)
{
    (void)user;
    int64_t part = stored->effect.part;
    stored->effect.by = stored->effect.fact;
    for (const struct carom_decided *decided = stored->decision.first; decided; decided = decided->next)
        if (decided->state == CAROM_ACTION_UNDONE && is_reversible(decided) && redo_action(stored, decided) != 0)
            return -1;
    work->settled->told += stored->effect.part - part;
    return mark(&stored->effect, 0) == 0 && carom_removal_set(&stored->effect, CAROM_REMOVAL_DONE) == 0
               ? carom_stored_amend(stored, CAROM_ACTION_UNDONE, CAROM_ACTION_DECIDED, false, "done again")
               : -1;
}

/* What can be taken back: an undo, and decisions that replaced others. */
static int find_operation(struct carom_store *store, int64_t id, bool *replay_r, struct carom_error *err)
{
    static const char sql[] =
        "SELECT action IN ('undo', 'replay') AND reversed = 0, action = 'replay' FROM operation WHERE id = ?1";
    sqlite3_stmt *row = carom_db_use(&store->db, err, sql, "i", id);
    int found = row ? carom_db_row(&store->db, row, err) : -1;
    bool ok = found > 0 && sqlite3_column_int(row, 0);
    *replay_r = ok && sqlite3_column_int(row, 1);
    if (found > 0)
        carom_db_done(row);
    if (found < 0 || ok)
        return found < 0 ? -1 : 0;
    return carom_error_set(err, CAROM_ERROR_USAGE, "%s: operation %lld %s", store->db.path, (long long)id,
                           found ? "is no undo or replay, or was taken back before" : "does not exist");
}

int carom_sqlite_redo(struct carom_store *store, int64_t operation, const struct carom_config *config, int64_t now,
                      struct carom_settled *settled_r, struct carom_error *err)
{
    struct carom_selection of = carom_selection_any();
    bool replay;
    struct carom_operation_work work = {.store = store,
                                        .config = config,
                                        .selection = &of,
                                        .now = now,
                                        .reverses = operation,
                                        .settled = settled_r,
                                        .err = err};
    of.fact = operation;
    if (find_operation(store, operation, &replay, err) != 0)
        return -1;
    work.name = replay ? "restore" : "redo";
    return replay ? carom_operation_run(&work, carom_revise_gather, carom_revise_back, NULL)
                  : carom_operation_run(&work, gather_undone, redo_one, NULL);
}

int carom_sqlite_operations(struct carom_store *store, int (*row)(void *user, const struct carom_operation *operation),
                            void *user, struct carom_error *err)
{
    static const char sql[] = "SELECT id, time, facts, reversed, action, selection FROM operation ORDER BY id";
    sqlite3_stmt *next = carom_db_use(&store->db, err, sql, "");
    int found = next ? 0 : -1;
    while (next && (found = carom_db_row(&store->db, next, err)) > 0) {
        const struct carom_operation operation = {.id = sqlite3_column_int64(next, 0),
                                                  .time = sqlite3_column_int64(next, 1),
                                                  .facts = sqlite3_column_int64(next, 2),
                                                  .reversed = sqlite3_column_int64(next, 3),
                                                  .action = carom_db_bytes(next, 4),
                                                  .selection = carom_db_bytes(next, 5)};
        if (row(user, &operation) != 0) {
            carom_db_done(next);
            return -1;
        }
    }
    return found;
}

/* ---- What a selection names ---- */

static int has_fact(struct carom_store *store, const struct carom_selection *of, int64_t *known_r, struct carom_error *err)
{
    static const char sql[] = "SELECT EXISTS (SELECT 1 FROM fact f WHERE" CAROM_SELECTION_WHERE ")";
    return carom_db_value(&store->db, carom_db_use(&store->db, err, sql, CAROM_SELECTION_TYPES,
                                                   CAROM_SELECTION_VALUES(of, (int64_t)0)), known_r, err);
}

int carom_sqlite_unknown(struct carom_store *store, const struct carom_selection *selection, const char **option_r,
                         struct carom_error *err)
{
    static const char incident[] = "SELECT ?1 = 0 OR EXISTS (SELECT 1 FROM incident WHERE id = ?1)";
    const struct {
        const char *option;
        struct carom_str value;
    } named[] = {{"provider", selection->provider}, {"rule", selection->rule}, {"list", selection->list},
                 {"by-policy", selection->policy}};
    int64_t known = 1;

    for (int i = 0; i < 4; i++) {
        struct carom_selection of = carom_selection_any();
        struct carom_str *const places[] = {&of.provider, &of.rule, &of.list, &of.policy};
        *places[i] = named[i].value;
        if (named[i].value.len && has_fact(store, &of, &known, err) != 0)
            return -1;
        if (!known)
            return *option_r = named[i].option, 0;
    }
    if (carom_db_value(&store->db, carom_db_use(&store->db, err, incident, "i", selection->incident), &known, err) != 0)
        return -1;
    *option_r = known ? NULL : "incident";
    return 0;
}
