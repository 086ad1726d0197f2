/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Recorded decisions again. Ids ascend in time, so that a span of time is a span of ids. */

#include "ledger/stored.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/load.h"
#include "decision/recall.h"
#include "ledger/held.h"

/* ---- Loading ---- */

static int read_row(struct carom_arena *arena, sqlite3_stmt *row, struct carom_stored *stored)
{
    struct carom_fact *fact = &stored->fact;
    struct carom_str reason = carom_db_bytes(row, 2);
    stored->effect.address = sqlite3_column_int64(row, 0);
    fact->hard = sqlite3_column_int(row, 3) != 0;
    stored->effect.time = sqlite3_column_int64(row, 4);
    fact->received = sqlite3_column_int64(row, 5) / 1000;
    fact->list = carom_arena_str(arena, carom_db_bytes(row, 6));
    stored->decided = sqlite3_column_int64(row, 7);
    stored->json = carom_arena_str(arena, carom_db_bytes(row, 8));
    stored->effect.part = sqlite3_column_int64(row, 9);
    return carom_kind_parse(carom_db_bytes(row, 1), &fact->kind) &&
                   (!reason.len || carom_reason_parse(reason, &fact->reason))
               ? 0
               : -1;
}

int carom_stored_load(struct carom_store *store, struct carom_arena *arena, int64_t fact,
                      const struct carom_config *config, int64_t by, int64_t now, struct carom_stored *stored_r,
                      struct carom_error *err)
{
    static const char sql[] = "SELECT address, kind, reason, hard, time, received, list, decided, decision, (SELECT "
                              "coalesce(max(part) + 1, 0)"
                              " FROM job WHERE fact = ?1) FROM fact WHERE id = ?1";
    sqlite3_stmt *row = carom_db_use(&store->db, err, sql, "i", fact);
    int found = row ? carom_db_row(&store->db, row, err) : -1;

    if (found < 0)
        return -1;
    *stored_r = (struct carom_stored){.effect = {.store = store, .db = &store->db, .fact = fact, .by = by, .err = err}};
    bool known = found && read_row(arena, row, stored_r) == 0;
    if (found)
        carom_db_done(row);
    if (!known)
        return carom_error_set(err, CAROM_ERROR_IO,
                               "%s: fact %lld is gone, or holds a word that this carom does not know", store->db.path,
                               (long long)fact);
    if (carom_decision_recall(arena, stored_r->json, &stored_r->decision, err) != 0)
        return -1;
    stored_r->entry =
        (struct carom_entry){.fact = &stored_r->fact, .decision = &stored_r->decision, .config = config, .now = now};
    stored_r->effect.entry = &stored_r->entry;
    return 0;
}

int carom_stored_amend(struct carom_stored *stored, enum carom_action_state from, enum carom_action_state to,
                       bool removals, const char *note)
{
    static const char sql[] = "UPDATE fact SET decision = ?2 WHERE id = ?1";
    struct carom_effect *effect = &stored->effect;
    if (carom_decision_amend(stored->json, from, to, removals, note, effect->entry->now, &effect->db->scratch, effect->err) != 0)
        return -1;
    return carom_db_run(
        effect->db, carom_db_use(effect->db, effect->err, sql, "is", effect->fact, carom_buf_str(&effect->db->scratch)),
        effect->err);
}

/* ---- Taking back ---- */

static int change(struct carom_effect *effect, const char *sql, int64_t *n)
{
    int result = carom_db_run(
        effect->db, carom_db_use(effect->db, effect->err, sql, "iii", effect->fact, effect->entry->now, effect->by),
        effect->err);
    *n += sqlite3_changes(effect->db->handle);
    return result;
}

/* Who left a list for two reasons has one departure. When that goes, another whose decision stands has it: one that came
   later, or an elder one that no other departure stands for, as it was done again or released while this one stood. Not
   one from before a person brought him back. Of having left each list, whoever has the departure from one. */
static int pass_on(struct carom_effect *effect)
{
#define OF_ALL "json_extract(a.value, '$.details.scope') = 'all'"
#define OTHER                                                                                                          \
    " EXISTS (SELECT 1 FROM departure d WHERE d.address = departure.address AND d.fact <> ?1 AND d.ended = 0 AND"      \
    " d.each = 0 AND (lower(d.list) = lower(departure.list) OR (d.list = '' AND " OF_ALL ")))"
#define BROUGHT_BACK                                                                                                   \
    " EXISTS (SELECT 1 FROM departure d WHERE d.address = departure.address AND lower(d.list) = lower(departure.list)" \
    " AND d.ended_by IS NULL AND d.ended >= coalesce(strftime('%s', json_extract(a.value, '$.changed')) * 1000, f.decided))"
#define COVERS                                                                                                         \
    " f.address = departure.address AND f.undone = 0 AND json_extract(a.value, '$.name') = 'unsubscribe'"              \
    " AND json_extract(a.value, '$.state') = 'decided' AND (" OF_ALL " OR"                                             \
    " (departure.list <> '' AND lower(json_extract(a.value, '$.details.list')) = lower(departure.list)))"              \
    " AND (f.id > ?1 OR (f.id < ?1 AND NOT" OTHER ")) AND NOT" BROUGHT_BACK
    static const char lists[] = "UPDATE departure SET fact = (SELECT min(f.id) FROM fact f, json_each(f.decision, '$.actions') a"
                                " WHERE" COVERS ") WHERE fact = ?1 AND ended = 0 AND EXISTS (SELECT 1 FROM fact f,"
                                " json_each(f.decision, '$.actions') a WHERE" COVERS ")";
#undef COVERS
#undef BROUGHT_BACK
#undef OTHER
#undef OF_ALL
#define HEIR                                                                                                           \
    "(SELECT max(d.fact) FROM departure d WHERE d.address = departure.address AND d.ended = 0 AND d.list <> '' AND d.fact <> ?1)"
    static const char each[] = "UPDATE departure SET fact = " HEIR " WHERE fact = ?1 AND ended = 0 AND each = 1 AND NOT EXISTS"
                               " (SELECT 1 FROM departure d WHERE d.fact = ?1 AND d.ended = 0 AND d.list <> '') AND " HEIR
                               " IS NOT NULL";
#undef HEIR
    return carom_db_run(effect->db, carom_db_use(effect->db, effect->err, lists, "i", effect->fact), effect->err) == 0
               ? carom_db_run(effect->db, carom_db_use(effect->db, effect->err, each, "i", effect->fact), effect->err)
               : -1;
}

/* What it put on the address goes, what it ended stands again where it would still. */
static int restore_address(struct carom_effect *effect, bool removals, struct carom_settled *settled)
{
    static const char departures[] = "UPDATE departure SET ended = ?2, ended_by = ?3 WHERE fact = ?1 AND ended = 0";
    static const char ends[] =
        "UPDATE job SET state = 3, answer = 'taken back', ended_by = ?3 WHERE state = 0 AND address ="
        " (SELECT address FROM fact WHERE id = ?1) AND suppression IN"
        " (SELECT id FROM suppression WHERE fact = ?1 AND ended = 0) AND ?2 = ?2";
    static const char suppressions[] = "UPDATE suppression SET ended = ?2, ended_by = ?3 WHERE fact = ?1 AND ended = 0"
                                       " AND (until = 0 OR until > ?2)";
    static const char stood[] = "UPDATE suppression SET ended = 0, ended_by = NULL WHERE ended_by = ?1 AND"
                                " (until = 0 OR until > ?2) AND ?3 = ?3";
    static const char gone[] =
        "UPDATE departure SET ended = 0, ended_by = NULL WHERE ended_by = ?1 AND ?2 + ?3 IS NOT NULL";
    static const char tags[] = "UPDATE tag SET ended = ?2, ended_by = ?3 WHERE fact = ?1 AND ended = 0";
    static const char tags_before[] =
        "UPDATE tag SET ended = 0, ended_by = NULL WHERE ended_by = ?1 AND ?2 + ?3 IS NOT NULL";
    static const char retries[] =
        "UPDATE job SET state = 0, answer = '', ended_by = NULL WHERE address = (SELECT address FROM fact WHERE id = ?1)"
        " AND state = 3 AND ended_by = ?1 AND action = 'retry' AND planned > ?2 AND ?3 = ?3";
    static const char restored[] = "UPDATE address SET restored = max(restored, ?2) WHERE id ="
                                   " (SELECT address FROM fact WHERE id = ?1) AND ?3 = ?3";
    int64_t unwanted = 0, *standing = &settled->standing;
    int64_t before = *standing;

    if (change(effect, departures, standing) != 0 || (*standing > before && carom_effect_returned(effect) != 0) ||
        change(effect, ends, &unwanted) != 0 || change(effect, suppressions, standing) != 0)
        return -1;
    /* What the breaker recalls nobody took back: it only waits. */
    if (!removals && *standing > before && change(effect, restored, &unwanted) != 0)
        return -1;
    if (!removals && (change(effect, stood, standing) != 0 || change(effect, gone, standing) != 0 ||
                      change(effect, tags, standing) != 0 || change(effect, tags_before, standing) != 0 ||
                      change(effect, retries, &unwanted) != 0))
        return -1;
    return *standing > before ? carom_effect_tell_ends(effect) : 0;
}

/* What the other side was told, and what takes it back. */
static const struct counterpart {
    const char *action;
    enum carom_action_type back;
    bool removes;
} counterparts[] = {{"unsubscribe", CAROM_ACTION_RESUBSCRIBE, true},
                    {"suppress", CAROM_ACTION_UNSUPPRESS, true},
                    {"unsuppress", CAROM_ACTION_SUPPRESS, false},
                    {"resubscribe", CAROM_ACTION_UNSUBSCRIBE, false}};
enum { COUNTERPARTS = sizeof(counterparts) / sizeof(counterparts[0]) };

static const struct counterpart *counterpart_of(struct carom_str action)
{
    for (size_t i = 0; i < COUNTERPARTS; i++)
        if (carom_str_eq(action, carom_str(counterparts[i].action)))
            return &counterparts[i];
    return NULL;
}

/* A job as it was told: its list is what the counterpart needs. */
struct told {
    const struct counterpart *what;
    struct carom_str list;
    bool list_only;
    struct told *next;
};

/* -1: it cannot be read. To take it for "every list" would tell the sinks too much. */
static int list_of(struct carom_arena *arena, struct carom_str arguments, struct carom_str *list_r, bool *list_only_r)
{
    json_t *object = carom_json_load(arguments, 0, NULL);
    const char *list = json_string_value(json_object_get(object, "list")),
               *scope = json_string_value(json_object_get(object, "scope"));
    size_t n = list ? strlen(list) : 0;
    char *copy = n ? carom_arena_try(arena, n + 1) : NULL; /* no jump over jansson's memory */
    if (copy)
        memcpy(copy, list, n);
    *list_only_r = scope && strcmp(scope, "list") == 0;
    *list_r = copy ? carom_str_n(copy, n) : CAROM_STR_EMPTY;
    bool read = object && (copy || !n);
    json_decref(object);
    return read ? 0 : -1;
}

/* A counterpart that the decision does not take tells the sinks that it, or the one before it, was taken back. */
#define OF_DECISION                                                                                                    \
    " (action NOT IN ('unsubscribe', 'resubscribe', 'suppress', 'unsuppress') OR action IN (SELECT"                    \
    " json_extract(value, '$.name') FROM json_each((SELECT decision FROM fact WHERE id = ?1), '$.actions'))) "

/* A lease, even one that ended: nobody settled the job, and its sink may have been told. */
static int gather_told(struct carom_effect *effect, bool removals, struct told **told_r)
{
    static const char sql[] = "SELECT action, arguments FROM job WHERE fact = ?1 AND suppression IS NULL AND"
                              " (state IN (1, 2, 4) OR attempts > 0 OR lease > 0) AND" OF_DECISION "ORDER BY id";
    struct carom_arena *arena = effect->entry->decision->arena;
    sqlite3_stmt *row = carom_db_use(effect->db, effect->err, sql, "i", effect->fact);
    struct told **tail = told_r;
    int found = row ? 0 : -1;

    while (row && (found = carom_db_row(effect->db, row, effect->err)) > 0) {
        const struct counterpart *what = counterpart_of(carom_db_bytes(row, 0));
        struct told *same = *told_r;
        bool list_only;
        if (!what || (removals && !what->removes))
            continue;
        struct carom_str list;
        if (list_of(arena, carom_db_bytes(row, 1), &list, &list_only) != 0)
            return carom_error_set(effect->err, CAROM_ERROR_IO,
                                   "what was told cannot be read: there is no memory, or the ledger is damaged");
        while (same && (same->what != what || same->list_only != list_only || !carom_str_eq(same->list, list)))
            same = same->next;
        if (same)
            continue;
        struct told *told = *tail = carom_arena_new_of(arena, struct told);
        *told = (struct told){.what = what, .list = list, .list_only = list_only};
        tail = &told->next;
    }
    return found;
}

/* The fact for which what was told stands all the same; 0: there is none. */
static int find_heir(struct carom_effect *effect, const struct told *told, int64_t *heir_r)
{
    static const char departure[] = "SELECT fact FROM departure WHERE address = ?1 AND ended = 0 AND fact <> ?2 AND"
                                    " ((list = '' AND each = 0) OR (list <> '' AND lower(list) = lower(?3))) AND ?4 IS NOT NULL"
                                    " ORDER BY id LIMIT 1";
    static const char suppression[] = "SELECT fact FROM suppression WHERE address = ?1 AND ended = 0 AND fact <> ?2 AND"
                                      " (list = '' OR lower(list) = lower(?3)) AND (until = 0 OR until > ?4)"
                                      " ORDER BY id LIMIT 1";
    struct carom_str list = told->what->back == CAROM_ACTION_UNSUPPRESS && !told->list_only ? CAROM_STR_EMPTY : told->list;

    *heir_r = 0;
    return !told->what->removes
               ? 0
               : carom_db_value(effect->db,
                                carom_db_use(effect->db, effect->err,
                                             told->what->back == CAROM_ACTION_UNSUPPRESS ? suppression : departure, "iisi",
                                             effect->address, effect->fact, list, effect->entry->now),
                                heir_r, effect->err);
}

/* When the heir is taken back, what was told for this one is told back. */
static int bequeath(struct carom_effect *effect, const struct told *told, int64_t heir)
{
    static const char sql[] = "UPDATE job SET fact = ?2 WHERE fact = ?1 AND suppression IS NULL AND action = ?3 AND"
                              " (state IN (1, 2, 4) OR attempts > 0 OR lease > 0) AND"
                              " coalesce(json_extract(arguments, '$.list'), '') = ?4";
    return carom_db_run(effect->db,
                        carom_db_use(effect->db, effect->err, sql, "iiss", effect->fact, heir, carom_str(told->what->action),
                                     told->list),
                        effect->err);
}

static int tell_back(struct carom_effect *effect, const struct told *told, struct carom_settled *settled)
{
    for (; told; told = told->next) {
        int64_t heir;
        if (find_heir(effect, told, &heir) != 0 || (heir && bequeath(effect, told, heir) != 0))
            return -1;
        if (heir)
            continue;
        struct carom_decided back = {.type = told->what->back,
                                     .list = told->list,
                                     .list_only = told->list_only,
                                     .endpoint = CAROM_STR_EMPTY,
                                     .payload = CAROM_STR_EMPTY,
                                     .command = CAROM_STR_EMPTY,
                                     .to = CAROM_STR_EMPTY,
                                     .text = CAROM_STR_EMPTY,
                                     .key = CAROM_STR_EMPTY,
                                     .value = CAROM_STR_EMPTY};
        int64_t before = effect->part;
        if (carom_effect_tell(effect, &back) != 0)
            return -1;
        settled->told += effect->part - before;
    }
    return 0;
}

/* What is pending was told, and is told back: to ask again would do it again. What another fact inherited goes on. */
int carom_stored_take_back(struct carom_stored *stored, bool removals, struct carom_settled *settled)
{
    static const char all[] =
        "UPDATE job SET state = 3, answer = 'taken back', ended_by = ?3 WHERE fact = ?1 AND state = 0"
        " AND suppression IS NULL AND lease <= ?2 AND" OF_DECISION;
    static const char removing[] = "UPDATE job SET state = 3, answer = 'taken back', ended_by = ?3 WHERE fact = ?1 AND"
                                   " state = 0 AND suppression IS NULL AND lease <= ?2 AND"
                                   " action IN ('unsubscribe', 'suppress') AND" OF_DECISION;
    static const char pending[] =
        "UPDATE job SET state = 3, answer = 'taken back', ended_by = ?3 WHERE fact = ?1 AND state = 4 AND" OF_DECISION;
    struct carom_effect *effect = &stored->effect;
    struct told *told = NULL;
    int64_t unwanted = 0;

    if (gather_told(effect, removals, &told) != 0 || pass_on(effect) != 0 ||
        change(effect, removals ? removing : all, &settled->recalled) != 0 ||
        restore_address(effect, removals, settled) != 0 || tell_back(effect, told, settled) != 0)
        return -1;
    return removals ? 0 : change(effect, pending, &unwanted);
}

/* ---- One action ---- */

/* How the arguments of its jobs begin; each list that all means, and a webhook's payload, may be written otherwise. */
static int write_beginning(struct carom_stored *stored, const struct carom_decided *action, struct carom_str *text_r)
{
    struct carom_buf *buf = &stored->effect.db->scratch;
    struct carom_json json = carom_json_to(buf);

    carom_buf_clear(buf);
    carom_decided_write(action, &stored->fact, &json);
    if (buf->failed)
        return carom_error_memory(stored->effect.err);
    *text_r = carom_arena_str(stored->decision.arena, carom_str_head(carom_buf_str(buf), buf->len - 1));
    return 0;
}

#define OF_ACTION                                                                                                      \
    " WHERE fact = ?1 AND suppression IS NULL AND action = ?3 AND (?5 = 1 OR substr(arguments, 1, length(?4)) = ?4 OR" \
    " (?6 <> '' AND json_extract(arguments, '$.endpoint') = ?6)) AND "
#define OF_ACTION_TYPES "iissis"
#define OF_ACTION_VALUES(effect, action, text)                                                                         \
    (effect)->fact, (effect)->entry->now, carom_str(carom_action_name((action)->type)), text, (int64_t)(action)->all,  \
        (action)->endpoint

/* Once for each list that was told last that he leaves (or the like), however often. */
static int gather_told_of(struct carom_stored *stored, const struct carom_decided *action, struct carom_str text,
                          struct told **told_r)
{
    static const char sql[] = "SELECT DISTINCT json_extract(arguments, '$.list') FROM job" OF_ACTION
                              "(state IN (1, 2, 4) OR attempts > 0 OR lease > 0)";
    struct carom_effect *effect = &stored->effect;
    const struct counterpart *what = counterpart_of(carom_str(carom_action_name(action->type)));
    sqlite3_stmt *row = what ? carom_db_use(effect->db, effect->err, sql, OF_ACTION_TYPES,
                                            OF_ACTION_VALUES(effect, action, text))
                             : NULL;
    int found = row || !what ? 0 : -1;

    while (row && (found = carom_db_row(effect->db, row, effect->err)) > 0) {
        struct told *told = carom_arena_new_of(stored->decision.arena, struct told);
        *told = (struct told){.what = what,
                              .list = carom_arena_str(stored->decision.arena, carom_db_bytes(row, 0)),
                              .list_only = action->list_only,
                              .next = *told_r};
        *told_r = told;
    }
    return found;
}

int carom_stored_recall(struct carom_stored *stored, const struct carom_decided *action, struct carom_settled *settled)
{
    static const char sql[] = "UPDATE job SET state = 3, answer = 'taken back', ended_by = ?7" OF_ACTION
                              "state = 0 AND lease <= ?2";
    static const char pending[] = "UPDATE job SET state = 3, answer = 'taken back', ended_by = ?7" OF_ACTION "state = 4";
    struct carom_effect *effect = &stored->effect;
    struct told *told = NULL;
    struct carom_str text;

    if (write_beginning(stored, action, &text) != 0 || gather_told_of(stored, action, text, &told) != 0 ||
        pass_on(effect) != 0 ||
        carom_db_run(effect->db,
                     carom_db_use(effect->db, effect->err, sql, OF_ACTION_TYPES "i", OF_ACTION_VALUES(effect, action, text),
                                  effect->by),
                     effect->err) != 0)
        return -1;
    settled->recalled += sqlite3_changes(effect->db->handle);
    if (tell_back(effect, told, settled) != 0)
        return -1;
    return carom_db_run(effect->db, carom_db_use(effect->db, effect->err, pending, OF_ACTION_TYPES "i",
                                                 OF_ACTION_VALUES(effect, action, text), effect->by), effect->err);
}

/* ---- Selections ---- */

int carom_rows_gather(struct carom_store *store, sqlite3_stmt *statement, struct carom_rows *rows_r,
                      struct carom_error *err)
{
    int found = statement ? 0 : -1;
    *rows_r = (struct carom_rows){0};
    while (statement && (found = carom_db_row(&store->db, statement, err)) > 0) {
        if (rows_r->n == rows_r->room) {
            size_t room = rows_r->room ? 2 * rows_r->room : 64;
            int64_t *list = reallocarray(rows_r->list, room, sizeof(*list));
            if (!list) {
                carom_db_done(statement);
                return carom_error_memory(err);
            }
            rows_r->list = list;
            rows_r->room = room;
        }
        rows_r->list[rows_r->n++] = sqlite3_column_int64(statement, 0);
    }
    return found;
}

void carom_rows_deinit(struct carom_rows *rows)
{
    free(rows->list);
    *rows = (struct carom_rows){0};
}

int64_t carom_selection_from(const struct carom_selection *selection)
{
    return carom_db_first_id(selection->since);
}

int64_t carom_selection_to(const struct carom_selection *selection)
{
    return selection->until > 0 ? carom_db_first_id(selection->until) : INT64_MAX;
}

int carom_selection_address(struct carom_store *store, const struct carom_selection *selection, int64_t *row_r,
                            struct carom_error *err)
{
    *row_r = 0;
    if (!selection->key.len)
        return 0;
    if (carom_sqlite_address(store, selection->key, row_r, err) != 0)
        return -1;
    return *row_r ? 0
                  : carom_error_set(err, CAROM_ERROR_USAGE, "%s: the ledger does not know " CAROM_STR_FMT,
                                    store->db.path, CAROM_STR_ARG(selection->key));
}
