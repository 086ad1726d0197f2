/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* What is read from the SQLite ledger: seen, past, facts, jobs; and jobs as they go out. What a decision does to the
   ledger stands in record.c. Every call that allocates in a caller's arena guards it, so that no statement stays open
   when memory runs out. */

#include "ledger/sqlite.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "ledger/held.h"
#include "ledger/incident.h"
#include "ledger/written.h"

enum { PROBES_MAX = 64 };

/* ---- Addresses and identity ---- */

static void remember(struct carom_store *store, struct carom_str key, int64_t row)
{
    carom_buf_clear(&store->asked);
    carom_buf_add_str(&store->asked, key);
    store->asked_in = store->db.open && !store->asked.failed ? store->db.transactions : 0;
    store->asked_row = row;
}

/* A fact's past is looked for, then it is recorded. */
int carom_sqlite_address(struct carom_store *store, struct carom_str key, int64_t *row_r, struct carom_error *err)
{
    static const char sql[] = "SELECT id FROM address WHERE hash = ?1 AND key = ?2";
    struct carom_db *db = &store->db;
    if (db->open && store->asked_in == db->transactions && carom_str_eq(carom_buf_str(&store->asked), key))
        return *row_r = store->asked_row, 0;
    if (carom_db_value(db, carom_db_use(db, err, sql, "is", carom_db_hash(key), key), row_r, err) != 0)
        return -1;
    remember(store, key, *row_r);
    return 0;
}

int carom_sqlite_address_new(struct carom_store *store, struct carom_str key, struct carom_str spelling, int64_t now,
                             int64_t *row_r, struct carom_error *err)
{
    static const char sql[] = "INSERT INTO address (id, hash, key, spelling) VALUES (?1, ?2, ?3, ?4)";
    struct carom_db *db = &store->db;
    if (carom_db_next_id(db, now, row_r, err) != 0 ||
        carom_db_run(db, carom_db_use(db, err, sql, "iiss", *row_r, carom_db_hash(key), key, spelling.len ? spelling : key),
                     err) != 0)
        return -1;
    remember(store, key, *row_r);
    return 0;
}

/* The row of the fact, 0 none. A hit counts only for the same address; after a collision the next number was taken.
   Most are of somebody of whom nothing is known yet: then there is none, and the address is asked for anyway. */
static int find_fact(struct carom_store *store, uint64_t identity, struct carom_str key, int64_t *row_r,
                     struct carom_error *err)
{
    static const char sql[] = "SELECT address, id FROM fact WHERE identity = ?1";
    int64_t address = 0;

    *row_r = 0;
    if (key.len && carom_sqlite_address(store, key, &address, err) != 0)
        return -1;
    if (key.len && !address)
        return 0;
    for (uint64_t i = 0; i < PROBES_MAX; i++) {
        sqlite3_stmt *statement = carom_db_use(&store->db, err, sql, "i", (int64_t)(identity + i));
        int found = statement ? carom_db_row(&store->db, statement, err) : -1;
        if (found <= 0)
            return found;
        if (sqlite3_column_int64(statement, 0) == address) /* NULL is 0 */
            *row_r = sqlite3_column_int64(statement, 1);
        carom_db_done(statement);
        if (*row_r)
            return 0;
    }
    return carom_error_set(err, CAROM_ERROR_LIMIT, "%s: too many facts with the identity %016llx", store->db.path,
                           (unsigned long long)identity);
}

static int seen(struct carom_store *store, uint64_t identity, struct carom_str key, struct carom_error *err)
{
    int64_t row;

    store->raw_row = 0; /* another message begins */
    return find_fact(store, identity, key, &row, err) == 0 ? row != 0 : -1;
}

static int decided(struct carom_store *store, struct carom_arena *arena, uint64_t identity, struct carom_str key,
                   struct carom_str *json_r, struct carom_error *err)
{
    static const char sql[] = "SELECT decision FROM fact WHERE id = ?1";
    int64_t fact;

    *json_r = CAROM_STR_EMPTY;
    if (find_fact(store, identity, key, &fact, err) != 0)
        return -1;
    sqlite3_stmt *row = carom_db_use(&store->db, err, sql, "i", fact);
    int found = row ? carom_db_row(&store->db, row, err) : -1;
    if (found <= 0)
        return found;
    if (carom_arena_guard(arena)) {
        carom_db_reset(&store->db);
        return carom_error_memory(err);
    }
    *json_r = carom_arena_str(arena, carom_db_bytes(row, 0));
    carom_arena_unguard(arena);
    carom_db_done(row);
    return 0;
}

/* ---- The past of an address ---- */

static int read_past(struct carom_arena *arena, sqlite3_stmt *row, struct carom_past *past, struct carom_str list_before)
{
    struct carom_str list = carom_db_bytes(row, 10);
    *past = (struct carom_past){
        .id = sqlite3_column_int64(row, 0),
        .hard = sqlite3_column_int(row, 4) != 0,
        .ignored = sqlite3_column_int(row, 5) != 0 || sqlite3_column_int64(row, 13) != 0,
        .held = sqlite3_column_int(row, 12) != 0,
        .retried = sqlite3_column_int(row, 6) != 0,
        .time = sqlite3_column_int64(row, 7),
        .received = sqlite3_column_int64(row, 8),
        .delivery = (uint64_t)sqlite3_column_int64(row, 9),
        .list = carom_str_eq(list, list_before) ? list_before : carom_arena_str(arena, list),
        .points = sqlite3_column_double(row, 11),
    };
    struct carom_str reason = carom_db_bytes(row, 2);
    return carom_kind_parse(carom_db_bytes(row, 1), &past->kind) &&
                   (!reason.len || carom_reason_parse(reason, &past->reason)) &&
                   carom_authenticity_parse(carom_db_bytes(row, 3), &past->authenticity)
               ? 0
               : -1;
}

/* before: what was recorded then or later is not looked at; 0: all. */
static int read_facts(struct carom_store *store, struct carom_arena *arena, int64_t address, int64_t before_time,
                      struct carom_history *history, struct carom_error *err)
{
    static const char sql[] = "SELECT id, kind, reason, authenticity, hard, ignored, retried, time, received, delivery, list,"
                              " points, held, undone FROM fact WHERE address = ?1 AND id < ?3 ORDER BY id DESC LIMIT ?2";
    sqlite3_stmt *row = carom_db_use(&store->db, err, sql, "iii", address, (int64_t)CAROM_PAST_MAX,
                                     before_time ? carom_db_first_id(before_time) : INT64_MAX);
    size_t room = 0;
    int found = row ? 0 : -1;

    while (row && (found = carom_db_row(&store->db, row, err)) > 0) {
        if (history->n == room) {
            struct carom_past *more = carom_arena_array(arena, struct carom_past, room = room ? room * 2 : 16);
            if (history->n)
                memcpy(more, history->list, history->n * sizeof(*more));
            history->list = more;
        }
        struct carom_str before = history->n ? history->list[history->n - 1].list : CAROM_STR_EMPTY;
        if (read_past(arena, row, &history->list[history->n], before) != 0) {
            carom_db_done(row);
            return carom_error_set(err, CAROM_ERROR_IO, "%s: fact %lld holds a word that this carom does not know",
                                   store->db.path, (long long)history->list[history->n].id);
        }
        history->n++;
    }
    return found;
}

#define STOOD " WHERE address = ?1 AND id < ?2 AND (ended = 0 OR ended >= ?3)"

static int read_suppressions(struct carom_store *store, struct carom_arena *arena, int64_t address, int64_t before,
                             struct carom_history *history, struct carom_error *err)
{
    static const char sql[] = "SELECT list, since, until, cause, soft, reason FROM suppression"
                              " WHERE address = ?1 AND ended = 0 AND (until = 0 OR until > ?2) ORDER BY id";
    static const char stood[] = "SELECT list, since, until, cause, soft, reason FROM suppression" STOOD
                                " AND (until = 0 OR until > ?3) ORDER BY id";
    sqlite3_stmt *row = before
                            ? carom_db_use(&store->db, err, stood, "iii", address, carom_db_first_id(before), before)
                            : carom_db_use(&store->db, err, sql, "ii", address, history->now);
    struct carom_suppression **tail = &history->suppressions;
    int found = row ? 0 : -1;

    while (row && (found = carom_db_row(&store->db, row, err)) > 0) {
        struct carom_suppression *s = *tail = carom_arena_new_of(arena, struct carom_suppression);
        *s = (struct carom_suppression){.list = carom_db_copy(arena, row, 0),
                                        .since = sqlite3_column_int64(row, 1),
                                        .until = sqlite3_column_int64(row, 2),
                                        .cause = sqlite3_column_int64(row, 3),
                                        .soft = sqlite3_column_int(row, 4) != 0,
                                        .reason = carom_db_copy(arena, row, 5)};
        tail = &s->next;
    }
    return found;
}

static int read_departures(struct carom_store *store, struct carom_arena *arena, int64_t address, int64_t before,
                           struct carom_history *history, struct carom_error *err)
{
    static const char sql[] = "SELECT list, since, each FROM departure WHERE address = ?1 AND ended = 0 ORDER BY id";
    static const char stood[] = "SELECT list, since, each FROM departure" STOOD " ORDER BY id";
    sqlite3_stmt *row = before
                            ? carom_db_use(&store->db, err, stood, "iii", address, carom_db_first_id(before), before)
                            : carom_db_use(&store->db, err, sql, "i", address);
    struct carom_departure **tail = &history->departures;
    int found = row ? 0 : -1;

    while (row && (found = carom_db_row(&store->db, row, err)) > 0) {
        struct carom_departure *d = *tail = carom_arena_new_of(arena, struct carom_departure);
        *d = (struct carom_departure){.list = carom_db_copy(arena, row, 0),
                                      .since = sqlite3_column_int64(row, 1),
                                      .each = sqlite3_column_int(row, 2) != 0};
        tail = &d->next;
    }
    return found;
}

static int read_tags(struct carom_store *store, struct carom_arena *arena, int64_t address, int64_t before,
                     struct carom_history *history, struct carom_error *err)
{
    static const char sql[] = "SELECT key, value FROM tag WHERE address = ?1 AND ended = 0 ORDER BY id";
    static const char stood[] = "SELECT key, value FROM tag" STOOD " ORDER BY id";
    sqlite3_stmt *row = before
                            ? carom_db_use(&store->db, err, stood, "iii", address, carom_db_first_id(before), before)
                            : carom_db_use(&store->db, err, sql, "i", address);
    struct carom_tag **tail = &history->tags;
    int found = row ? 0 : -1;

    while (row && (found = carom_db_row(&store->db, row, err)) > 0) {
        struct carom_tag *t = *tail = carom_arena_new_of(arena, struct carom_tag);
        *t = (struct carom_tag){.key = carom_db_copy(arena, row, 0), .value = carom_db_copy(arena, row, 1)};
        tail = &t->next;
    }
    return found;
}

/* Facts and suppressions; of an address with many as they were kept, or kept from here on. */
static int read_many(struct carom_store *store, struct carom_arena *arena, int64_t address, int64_t before,
                     struct carom_history *history, struct carom_error *err)
{
    const struct carom_recent_address *known = before ? NULL : carom_recent_find(store, address);

    if (!known && read_facts(store, arena, address, before, history, err) != 0)
        return -1;
    if (!known && !before && history->n >= CAROM_RECENT_MANY) {
        struct carom_history all = {.list = history->list, .n = history->n, .now = 0};
        if (read_suppressions(store, arena, address, 0, &all, err) != 0)
            return -1;
        known = carom_recent_keep(store, address, &all);
    }
    if (!known)
        return read_suppressions(store, arena, address, before, history, err);
    carom_recent_read(known, arena, history);
    return 0;
}

static int read_all(struct carom_store *store, struct carom_arena *arena, struct carom_str key, int64_t before,
                    struct carom_history *history, struct carom_error *err)
{
    int64_t address;
    if (carom_sqlite_address(store, key, &address, err) != 0)
        return -1;
    if (!address)
        return 0;
    static const char restored[] = "SELECT restored FROM address WHERE id = ?1";
    return carom_db_value(&store->db, carom_db_use(&store->db, err, restored, "i", address), &history->restored, err) == 0 &&
                   read_many(store, arena, address, before, history, err) == 0 &&
                   read_departures(store, arena, address, before, history, err) == 0 &&
                   read_tags(store, arena, address, before, history, err) == 0
               ? 0
               : -1;
}

int carom_sqlite_past(struct carom_store *store, struct carom_arena *arena, struct carom_str address, int64_t before,
                      struct carom_history *history, struct carom_error *err)
{
    carom_history_empty(history);
    if (carom_arena_guard(arena)) {
        carom_db_reset(&store->db);
        return carom_error_memory(err);
    }
    int result = read_all(store, arena, address, before, history, err);
    carom_arena_unguard(arena);
    return result;
}

static int past(struct carom_store *store, struct carom_arena *arena, struct carom_str address,
                struct carom_history *history, struct carom_error *err)
{
    return carom_sqlite_past(store, arena, address, 0, history, err);
}

static int write_texts(struct carom_store *store, struct carom_arena *arena, const struct carom_fact_list *facts,
                       struct carom_str headers, struct carom_written *written_r, struct carom_error *err)
{
    return carom_written_facts(&store->db.pack, arena, facts->list, facts->n, headers, written_r, err);
}

/* ---- Facts for people ---- */

/* The fact as stored, its decision put in before the closing brace. */
static struct carom_str fact_row(struct carom_buf *buf, sqlite3_stmt *row)
{
    struct carom_str fact = carom_db_bytes(row, 0), decision = carom_db_bytes(row, 1);
    carom_buf_clear(buf);
    carom_buf_add(buf, fact.ptr, fact.len ? fact.len - 1 : 0);
    carom_buf_add_str(buf, CAROM_STR(",\"decision\":"));
    carom_buf_add_str(buf, decision);
    carom_buf_add_char(buf, '}');
    return carom_buf_str(buf);
}

static int facts(struct carom_store *store, struct carom_str address, int (*row)(void *user, struct carom_str json),
                 void *user, struct carom_error *err)
{
    static const char everybody[] = "SELECT fact, decision FROM fact ORDER BY id";
    static const char one[] = "SELECT fact, decision FROM fact WHERE address = ?1 ORDER BY id";
    struct carom_buf buf = CAROM_BUF_INIT((size_t)1 << 28);
    int64_t id = 0;
    int found = 0;

    if (address.len && carom_sqlite_address(store, address, &id, err) != 0)
        return -1;
    if (address.len && !id)
        return 0;
    sqlite3_stmt *statement = address.len ? carom_db_use(&store->db, err, one, "i", id)
                                          : carom_db_use(&store->db, err, everybody, "");
    if (!statement)
        return -1;
    while ((found = carom_db_row(&store->db, statement, err)) > 0) {
        struct carom_str json = fact_row(&buf, statement);
        if (buf.failed || row(user, json) != 0) {
            carom_db_done(statement);
            found = buf.failed ? carom_error_memory(err) : -1;
            break;
        }
    }
    carom_buf_deinit(&buf);
    return found;
}

/* ---- Jobs ---- */

/* from: tables, job as j among them; fact follows as JOIN. */
#define JOB_COLUMNS(from)                                                                                              \
    "SELECT j.id, j.fact, j.part, f.identity, j.sink, j.action, coalesce(a.key, ''), j.arguments, f.fact, f.returned," \
    " j.created, j.due, j.attempts, j.lease, j.state, j.answer, j.begun"                                               \
    " FROM " from " JOIN fact f ON f.id = j.fact LEFT JOIN address a ON a.id = j.address "

static struct carom_str job_data(struct carom_arena *arena, struct carom_str action, struct carom_str fact)
{
    const struct carom_str parts[] = {CAROM_STR("{\"action\":"), action, CAROM_STR(",\"fact\":"), fact, CAROM_STR("}")};
    enum { PARTS = sizeof(parts) / sizeof(parts[0]) };
    size_t n = 0;

    for (size_t i = 0; i < PARTS; i++)
        n += parts[i].len;
    char *text = carom_arena_alloc(arena, n + 1), *end = text;
    for (size_t i = 0; i < PARTS; i++)
        end = (char *)memcpy(end, parts[i].ptr, parts[i].len) + parts[i].len;
    *end = '\0';
    return carom_str_n(text, n);
}

static void read_job(struct carom_arena *arena, sqlite3_stmt *row, struct carom_job *job)
{
    *job = (struct carom_job){
        .id = sqlite3_column_int64(row, 0),
        .fact = sqlite3_column_int64(row, 1),
        .key = carom_arena_printf(arena, "msg_%016llx%04llx", (unsigned long long)sqlite3_column_int64(row, 3),
                                  (unsigned long long)sqlite3_column_int64(row, 2)),
        .sink = carom_db_copy(arena, row, 4),
        .action = carom_db_copy(arena, row, 5),
        .address = carom_db_copy(arena, row, 6),
        .data = job_data(arena, carom_db_bytes(row, 7), carom_db_bytes(row, 8)),
        .headers = carom_db_copy(arena, row, 9),
        .created = sqlite3_column_int64(row, 10),
        .begun = sqlite3_column_int64(row, 16),
        .due = sqlite3_column_int64(row, 11),
        .attempts = sqlite3_column_int64(row, 12),
        .lease_until = sqlite3_column_int64(row, 13),
        .state = (enum carom_job_state)sqlite3_column_int(row, 14),
        .last_answer = carom_db_copy(arena, row, 15),
    };
}

static int compare_jobs(const void *left, const void *right)
{
    const struct carom_job *a = left, *b = right;
    return (a->id > b->id) - (a->id < b->id);
}

/* States are stored as numbers: 0 waits, 4 is pending, which is looked at again and holds nothing up. */
_Static_assert(CAROM_JOB_WAITING == 0 && CAROM_JOB_PENDING == 4, "as the statement says");

/* In order per sink and address: what was planned earlier and still waits holds up the rest, but only once its time has
   come. An action and its counterpart keep their order whatever the sinks are called: two names may mean one receiver,
   and the end of a suppression must not come there before it. A job without an address has no order. */
static int read_due(struct carom_store *store, struct carom_arena *arena, int64_t now, struct carom_job *jobs, size_t max,
                    size_t *n_r, struct carom_error *err)
{
    /* Each half comes out of the index in its order, and the two are merged: no more rows are looked at than are wanted. */
#define DUE(state)                                                                                                     \
    "SELECT j.id AS id, j.due, j.planned FROM job j WHERE j.state = " state " AND j.due <= ?1 AND j.lease <= ?1"        \
    " AND NOT EXISTS (SELECT 1 FROM job b WHERE b.address = j.address AND b.state = 0 AND b.planned <= ?1"             \
    " AND (b.planned < j.planned OR (b.planned = j.planned AND b.id < j.id)) AND (b.sink = j.sink OR (b.action, j.action)" \
    " IN (VALUES ('suppress', 'unsuppress'), ('unsuppress', 'suppress'), ('unsubscribe', 'resubscribe'),"              \
    " ('resubscribe', 'unsubscribe'))))"
    static const char sql[] = JOB_COLUMNS("(" DUE("0") " UNION ALL " DUE("4") " ORDER BY 2, 3, 1 LIMIT ?2) due"
                                          " CROSS JOIN job j ON j.id = due.id LEFT");
#undef DUE
    sqlite3_stmt *row = carom_db_use(&store->db, err, sql, "ii", now, (int64_t)max);
    int found = row ? 0 : -1;

    while (row && (found = carom_db_row(&store->db, row, err)) > 0) {
        if (sqlite3_column_type(row, 8) == SQLITE_NULL)
            return carom_error_set(err, CAROM_ERROR_IO, "%s: job %lld has lost its fact", store->db.path,
                                   (long long)sqlite3_column_int64(row, 0));
        read_job(arena, row, &jobs[(*n_r)++]);
    }
    return found;
}

static int lease(struct carom_store *store, int64_t until, struct carom_job *jobs, size_t n, struct carom_error *err)
{
    static const char sql[] = "UPDATE job SET lease = ?2 WHERE id = ?1";
    int result = 0;

    for (size_t i = 0; i < n && result == 0; i++) {
        jobs[i].lease_until = until;
        result = carom_db_run(&store->db, carom_db_use(&store->db, err, sql, "ii", jobs[i].id, until), err);
    }
    return result;
}

static int claim_jobs(struct carom_store *store, struct carom_arena *arena, int64_t now, int64_t until, size_t max,
                      struct carom_job *jobs, size_t *n_r, struct carom_error *err)
{
    bool own;

    if (carom_db_enter(&store->db, &own, err) != 0)
        return -1;
    int result;
    if (carom_arena_guard(arena)) {
        carom_db_reset(&store->db);
        result = carom_error_memory(err);
    } else {
        result = read_due(store, arena, now, jobs, max, n_r, err);
        carom_arena_unguard(arena);
    }
    qsort(jobs, *n_r, sizeof(*jobs), compare_jobs);
    if (result == 0)
        result = lease(store, until, jobs, *n_r, err);
    carom_db_reset(&store->db);
    return carom_db_leave(&store->db, own, result, err);
}

static int claim(struct carom_store *store, struct carom_arena *arena, int64_t now, int64_t lease_ms, size_t max,
                 struct carom_job **jobs_r, size_t *n_r, struct carom_error *err)
{
    *n_r = 0;
    *jobs_r = NULL;
    if (carom_arena_guard(arena))
        return carom_error_memory(err);
    *jobs_r = carom_arena_array(arena, struct carom_job, max ? max : 1);
    int result = claim_jobs(store, arena, now, now + lease_ms, max, *jobs_r, n_r, err);
    carom_arena_unguard(arena);
    if (result != 0)
        *n_r = 0;
    return result;
}

/* While it was under way somebody may have dropped it; or its lease ended, and another one was quicker. */
static int settle(struct carom_store *store, int64_t job, enum carom_job_state state, int64_t due,
                  struct carom_str answer, bool free_attempt, struct carom_error *err)
{
    static const char sql[] = "UPDATE job SET state = ?2, due = ?3, answer = ?4, attempts = attempts + ?5, lease = 0"
                              " WHERE id = ?1 AND (state IN (0, 4) OR ?2 = 1 OR (state = 2 AND ?2 = 3))";
    bool own;
    if (carom_db_enter(&store->db, &own, err) != 0)
        return -1;
    int result = carom_db_run(&store->db,
                              carom_db_use(&store->db, err, sql, "iiisi", job, (int64_t)state, due, answer,
                                           (int64_t)!free_attempt),
                              err);
    return carom_db_leave(&store->db, own, result, err);
}

static int resend(struct carom_store *store, int64_t job, int64_t now, struct carom_str answer, struct carom_error *err)
{
    static const char sql[] = "UPDATE job SET state = 0, begun = ?2, due = ?2, answer = ?3, attempts = 0, lease = 0 WHERE id = ?1";
    bool own;
    if (carom_db_enter(&store->db, &own, err) != 0)
        return -1;
    return carom_db_leave(&store->db, own, carom_db_run(&store->db, carom_db_use(&store->db, err, sql, "iis", job, now, answer), err),
                          err);
}

static int list_jobs(struct carom_store *store, struct carom_arena *arena, int state,
                     int (*row)(void *user, const struct carom_job *job), void *user, struct carom_error *err)
{
    static const char sql[] = JOB_COLUMNS("job j") "WHERE ?1 < 0 OR j.state = ?1 ORDER BY j.id";
    sqlite3_stmt *statement = carom_db_use(&store->db, err, sql, "i", (int64_t)state);
    int found = statement ? 0 : -1;

    while (statement && (found = carom_db_row(&store->db, statement, err)) > 0) {
        struct carom_job *job = carom_arena_new_of(arena, struct carom_job);
        read_job(arena, statement, job);
        if (row(user, job) == 0)
            continue;
        carom_db_done(statement);
        return -1;
    }
    return found;
}

static int jobs(struct carom_store *store, struct carom_arena *arena, int state,
                int (*row)(void *user, const struct carom_job *job), void *user, struct carom_error *err)
{
    if (carom_arena_guard(arena)) {
        carom_db_reset(&store->db);
        return carom_error_memory(err);
    }
    int result = list_jobs(store, arena, state, row, user, err);
    carom_arena_unguard(arena);
    return result;
}

/* ---- The store ---- */

static int begin(struct carom_store *store, struct carom_error *err)
{
    store->raw_row = 0;
    return carom_db_begin(&store->db, err);
}

static int commit(struct carom_store *store, struct carom_error *err)
{
    return carom_db_commit(&store->db, err);
}

static void rollback(struct carom_store *store)
{
    carom_db_rollback(&store->db);
}

static void close_store(struct carom_store *store)
{
    carom_sqlite_unprepare(store);
    carom_crowds_deinit(&store->crowds);
    carom_db_close(&store->db);
    carom_arena_free(store->scratch);
    carom_buf_deinit(&store->asked);
    carom_recent_deinit(&store->recent);
    free(store);
}

static int open_store(const char *path, enum carom_ledger_mode mode, struct carom_ledger *ledger_r, struct carom_error *err)
{
    static const enum carom_db_mode modes[] = {[CAROM_LEDGER_READ] = CAROM_DB_READ, [CAROM_LEDGER_WRITE] = CAROM_DB_WRITE,
                                               [CAROM_LEDGER_MIGRATE] = CAROM_DB_MIGRATE, [CAROM_LEDGER_MEMORY] = CAROM_DB_MEMORY};
    static const struct carom_store_ops ops = {
        .begin = begin, .commit = commit, .rollback = rollback, .seen = seen, .decided = decided,
        .past = past,   .write = write_texts, .record = carom_sqlite_record, .claim = claim, .settle = settle,
        .resend = resend, .alert = carom_sqlite_raise,
        .facts = facts, .jobs = jobs,     .mail = carom_sqlite_mail, .mailed = carom_sqlite_mailed,
        .pause = carom_sqlite_pause,      .pauses = carom_sqlite_pauses, .check = carom_sqlite_check,
        .prepare = carom_sqlite_prepare,  .sift = carom_sqlite_sift, .close = close_store,
        .references = carom_sqlite_references,
        .crowd = carom_sqlite_crowd, .first_removal = carom_sqlite_first_removal,
        .incident_at = carom_sqlite_incident_at, .incident_put = carom_sqlite_incident_put,
        .recall = carom_sqlite_recall, .samples = carom_sqlite_samples,
    };
    struct carom_store *store = calloc(1, sizeof(*store));

    if (!store || !(store->scratch = carom_arena_new())) {
        free(store);
        return carom_error_memory(err);
    }
    store->asked = CAROM_BUF_INIT(1 << 12);
    if (carom_db_open(&store->db, path, modes[mode], err) != 0) {
        carom_arena_free(store->scratch);
        free(store);
        return -1;
    }
    *ledger_r = (struct carom_ledger){.ops = &ops, .care = &carom_sqlite_care, .store = store};
    return 0;
}

const struct carom_store_module carom_sqlite_store = {.version = CAROM_VERSION, .open = open_store, .inspect = carom_sqlite_inspect,
                                                      .backup = carom_sqlite_backup, .unpack = carom_unpack};
