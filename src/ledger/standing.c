/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* How it goes, in numbers. A ledger has millions of rows, and somebody looks at it every minute: all is counted in
   covering indexes. What the numbers mean is for others to say. */

#include <stdio.h>

#include "ledger/schema.h"
#include "ledger/sqlite.h"

static const int64_t hour = INT64_C(3600000);

int carom_sqlite_note(struct carom_store *store, enum carom_note what, int64_t now, struct carom_error *err)
{
    static const char sql[] = "INSERT OR REPLACE INTO note (id, time) VALUES (?1, ?2)";
    bool own;
    if (carom_db_enter(&store->db, &own, err) != 0)
        return -1;
    int result = carom_db_run(&store->db, carom_db_use(&store->db, err, sql, "ii", (int64_t)what, now), err);
    return carom_db_leave(&store->db, own, result, err);
}

static void add_kind(int64_t counts[CAROM_KIND_COUNT], struct carom_str word, int64_t n)
{
    enum carom_kind kind;
    if (carom_kind_parse(word, &kind))
        counts[kind] += n;
}

/* unmatched_r may be NULL. */
static int count_kinds(struct carom_store *store, int64_t since, int64_t counts[CAROM_KIND_COUNT], int64_t *unmatched_r,
                       struct carom_error *err)
{
    static const char sql[] = "SELECT kind, count(*), sum(unmatched) FROM fact WHERE decided > ?1 GROUP BY kind";
    sqlite3_stmt *row = carom_db_use(&store->db, err, sql, "i", since);
    int found = row ? 0 : -1;

    while (row && (found = carom_db_row(&store->db, row, err)) > 0) {
        add_kind(counts, carom_db_bytes(row, 0), sqlite3_column_int64(row, 1));
        if (unmatched_r)
            *unmatched_r += sqlite3_column_int64(row, 2);
    }
    return found;
}

/* ---- Jobs ---- */

static int read_oldest(struct carom_store *store, struct carom_standing *standing, struct carom_error *err)
{
    static const char sql[] = "SELECT id, sink, answer FROM job WHERE state = 0 AND planned = ?1 ORDER BY id LIMIT 1";
    sqlite3_stmt *row = carom_db_use(&store->db, err, sql, "i", standing->oldest);
    int found = row ? carom_db_row(&store->db, row, err) : -1;
    if (found <= 0)
        return found;
    standing->oldest_job = sqlite3_column_int64(row, 0);
    carom_str_put(standing->oldest_sink, sizeof(standing->oldest_sink), carom_db_bytes(row, 1));
    carom_str_put(standing->oldest_answer, sizeof(standing->oldest_answer), carom_db_bytes(row, 2));
    carom_db_done(row);
    return 0;
}

static int count_jobs(struct carom_store *store, int64_t now, struct carom_standing *standing, struct carom_error *err)
{
    static const char sql[] = "SELECT count(*), coalesce(sum(due <= ?2), 0), coalesce(min(planned), 0) FROM job WHERE state = ?1";
    const struct {
        enum carom_job_state state;
        int64_t *n;
    } counts[] = {{CAROM_JOB_PENDING, &standing->pending}, {CAROM_JOB_DEAD, &standing->dead},
                  {CAROM_JOB_WAITING, &standing->waiting}};

    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        sqlite3_stmt *row = carom_db_use(&store->db, err, sql, "ii", (int64_t)counts[i].state, now);
        if (!row || carom_db_row(&store->db, row, err) < 0)
            return -1;
        *counts[i].n = sqlite3_column_int64(row, 0);
        standing->due = sqlite3_column_int64(row, 1); /* of those waiting, who come last */
        standing->oldest = sqlite3_column_int64(row, 2);
        carom_db_done(row);
    }
    if (standing->oldest > now)
        standing->oldest = 0;
    return standing->oldest ? read_oldest(store, standing, err) : 0;
}

/* No index knows of sinks: rows are read, but not more than that. */
int carom_sqlite_waits(struct carom_store *store, int64_t now, int (*each)(void *user, const struct carom_wait *wait),
                       void *user, struct carom_error *err)
{
    static const char sql[] =
        "SELECT oldest.sink, j.answer, j.id, oldest.planned, oldest.untried FROM"
        " (SELECT sink, untried, id, min(planned) AS planned FROM"
        "  (SELECT sink, attempts = 0 AND answer <> '' AS untried, id, planned FROM job WHERE state = 0 AND planned <= ?1"
        "   ORDER BY due LIMIT 10000) GROUP BY sink, untried) oldest"
        " JOIN job j ON j.id = oldest.id ORDER BY oldest.sink, oldest.planned";
    sqlite3_stmt *row = carom_db_use(&store->db, err, sql, "i", now);
    int found = row ? 0 : -1;

    while (row && (found = carom_db_row(&store->db, row, err)) > 0) {
        const struct carom_wait wait = {.sink = carom_db_bytes(row, 0), .answer = carom_db_bytes(row, 1),
                                        .job = sqlite3_column_int64(row, 2), .since = sqlite3_column_int64(row, 3),
                                        .untried = sqlite3_column_int(row, 4) != 0};
        if (each(user, &wait) == 0)
            continue;
        carom_db_done(row);
        return -1;
    }
    return found;
}

/* ---- What waits for a person ---- */

static int count_held(struct carom_store *store, struct carom_standing *standing, struct carom_error *err)
{
    static const char sql[] = "SELECT cause, count(*) FROM held GROUP BY cause";
    const struct {
        struct carom_str cause;
        int64_t *n;
    } counts[] = {{CAROM_STR("gate"), &standing->held_gate}, {CAROM_STR("observe"), &standing->held_observe},
                  {CAROM_STR("breaker"), &standing->held_breaker}};
    sqlite3_stmt *row = carom_db_use(&store->db, err, sql, "");
    int found = row ? 0 : -1;

    while (row && (found = carom_db_row(&store->db, row, err)) > 0)
        for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
            if (carom_str_eq(carom_db_bytes(row, 0), counts[i].cause))
                standing->held += *counts[i].n = sqlite3_column_int64(row, 1);
    return found;
}

static int count_incidents(struct carom_store *store, struct carom_standing *standing, struct carom_error *err)
{
    static const char sql[] = "SELECT provider, reason, since FROM incident WHERE ended = 0 ORDER BY since, id";
    sqlite3_stmt *row = carom_db_use(&store->db, err, sql, "");
    int found = row ? 0 : -1;

    while (row && (found = carom_db_row(&store->db, row, err)) > 0) {
        if (standing->incidents++)
            continue;
        carom_str_put(standing->incident_provider, sizeof(standing->incident_provider), carom_db_bytes(row, 0));
        carom_str_put(standing->incident_reason, sizeof(standing->incident_reason), carom_db_bytes(row, 1));
        standing->incident_since = sqlite3_column_int64(row, 2);
    }
    return found;
}

/* ---- The whole ---- */

static int read_values(struct carom_store *store, int64_t now, struct carom_standing *standing, struct carom_error *err)
{
    static const char last[] = "SELECT max(decided) FROM fact";
    static const char note[] = "SELECT time FROM note WHERE id = ?1";
    static const char bans[] = "SELECT (SELECT count(*) FROM suppression WHERE ended = 0 AND until = 0) +"
                               " (SELECT count(*) FROM suppression WHERE ended = 0 AND until > ?1)";
    struct carom_db *db = &store->db;

    if (carom_db_value(db, carom_db_use(db, err, last, ""), &standing->last_fact, err) != 0 ||
        carom_db_value(db, carom_db_use(db, err, note, "i", (int64_t)CAROM_NOTE_DELIVERY), &standing->delivered, err) != 0)
        return -1;
    return carom_db_value(db, carom_db_use(db, err, bans, "i", now), &standing->suppressions, err);
}

static int look_for_key(struct carom_store *store, struct carom_standing *standing, struct carom_error *err)
{
    static const char sql[] = "SELECT EXISTS (SELECT 1 FROM erased)";
    int64_t any, size;

    if (carom_db_value(&store->db, carom_db_use(&store->db, err, sql, ""), &any, err) != 0 ||
        carom_db_file_size(&store->db, ".key", &size, err) != 0)
        return -1;
    standing->keyless = any && size < (int64_t)sizeof(store->erasure_key);
    return 0;
}

int carom_sqlite_standing(struct carom_store *store, int64_t now, struct carom_standing *standing_r,
                          struct carom_error *err)
{
    int64_t log;

    *standing_r = (struct carom_standing){.version = CAROM_SCHEMA_VERSION};
    if (carom_db_file_size(&store->db, "", &standing_r->bytes, err) != 0 ||
        carom_db_file_size(&store->db, "-wal", &log, err) != 0)
        return -1;
    standing_r->bytes += log;
    if (read_values(store, now, standing_r, err) != 0 || count_jobs(store, now, standing_r, err) != 0 ||
        look_for_key(store, standing_r, err) != 0 || count_held(store, standing_r, err) != 0 ||
        count_incidents(store, standing_r, err) != 0 ||
        count_kinds(store, now - hour, standing_r->hour, NULL, err) != 0)
        return -1;
    return count_kinds(store, now - 24 * hour, standing_r->day, &standing_r->unmatched, err);
}
