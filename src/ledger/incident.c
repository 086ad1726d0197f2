/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Incidents, and the removals that make them, in the SQLite store. */

#include "ledger/incident.h"

#include "base/date.h"
#include "base/error.h"

/* The statement says 0 and 3. */
int carom_sqlite_removals(struct carom_store *store, uint64_t group, int64_t after, int64_t until, bool done,
                          int (*row)(void *user, int64_t received, int64_t address), void *user,
                          struct carom_error *err)
{
    static const char sql[] =
        "SELECT r.received, a.hash FROM removal r JOIN address a ON a.id = r.address WHERE r.grp = ?1"
        " AND r.received > ?2 AND r.received <= ?3 AND (r.state = 0 OR (?4 = 0 AND r.state <> 3))"
        " ORDER BY r.received DESC";
    sqlite3_stmt *next = carom_db_use(&store->db, err, sql, "iiii", (int64_t)group, after, until, (int64_t)done);
    int found = next ? 0 : -1;
    while (next && (found = carom_db_row(&store->db, next, err)) > 0)
        if (row(user, sqlite3_column_int64(next, 0), sqlite3_column_int64(next, 1)) != 0) {
            carom_db_done(next);
            return 0;
        }
    return found;
}

int carom_sqlite_first_removal(struct carom_store *store, int64_t *received_r, struct carom_error *err)
{
    static const char sql[] = "SELECT received FROM removal ORDER BY id LIMIT 1";
    return carom_db_value(&store->db, carom_db_use(&store->db, err, sql, ""), received_r, err);
}

#define COLUMNS "SELECT i.id, i.grp, i.provider, i.reason, i.since, i.busy, i.ended, i.usual"

static struct carom_incident read_row(sqlite3_stmt *row)
{
    return (struct carom_incident){.id = sqlite3_column_int64(row, 0),
                                   .group = (uint64_t)sqlite3_column_int64(row, 1),
                                   .provider = carom_db_bytes(row, 2),
                                   .reason = carom_db_bytes(row, 3),
                                   .since = sqlite3_column_int64(row, 4),
                                   .busy = sqlite3_column_int64(row, 5),
                                   .ended = sqlite3_column_int64(row, 6),
                                   .usual = sqlite3_column_int64(row, 7)};
}

int carom_sqlite_incident_at(struct carom_store *store, struct carom_arena *arena, uint64_t group, int64_t time,
                             struct carom_incident *incident_r, struct carom_error *err)
{
    static const char sql[] =
        COLUMNS " FROM incident i WHERE i.grp = ?1 AND i.since <= ?2 ORDER BY i.since DESC LIMIT 1";
    sqlite3_stmt *row = carom_db_use(&store->db, err, sql, "ii", (int64_t)group, time);
    int found = row ? carom_db_row(&store->db, row, err) : -1;

    *incident_r = (struct carom_incident){.provider = CAROM_STR_EMPTY, .reason = CAROM_STR_EMPTY};
    if (found <= 0)
        return found;
    if (carom_arena_guard(arena)) {
        carom_db_reset(&store->db);
        return carom_error_memory(err);
    }
    *incident_r = read_row(row);
    incident_r->provider = carom_arena_str(arena, incident_r->provider);
    incident_r->reason = carom_arena_str(arena, incident_r->reason);
    carom_arena_unguard(arena);
    carom_db_done(row);
    return 0;
}

/* Of a dry run the incident may stand below: then it is copied up. */
int carom_sqlite_incident_put(struct carom_store *store, struct carom_incident *incident, struct carom_error *err)
{
    static const char update[] = "UPDATE incident SET busy = ?2, ended = ?3 WHERE id = ?1";
    static const char insert[] = "INSERT INTO incident (id, grp, provider, reason, since, busy, usual, ended)"
                                 " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    struct carom_db *db = &store->db;

    if (incident->id) {
        if (carom_db_run(db, carom_db_use(db, err, update, "iii", incident->id, incident->busy, incident->ended),
                         err) != 0)
            return -1;
        if (sqlite3_changes(db->handle))
            return 0;
    } else if (carom_db_next_id(db, carom_date_now_ms(), &incident->id, err) != 0) {
        return -1;
    }
    return carom_db_run(db,
                        carom_db_use(db, err, insert, "iissiiii", incident->id, (int64_t)incident->group,
                                     incident->provider, incident->reason, incident->since, incident->busy,
                                     incident->usual, incident->ended),
                        err);
}

int carom_sqlite_samples(struct carom_store *store, struct carom_arena *arena, uint64_t group,
                         struct carom_str *samples_r, size_t max, size_t *n_r, struct carom_error *err)
{
    static const char sql[] =
        "SELECT said FROM (SELECT json_extract(f.fact, '$.diagnostic') AS said, r.received AS at FROM removal r"
        " JOIN fact f ON f.id = r.id WHERE r.grp = ?1 ORDER BY r.received DESC LIMIT 100) WHERE said IS NOT NULL"
        " GROUP BY said ORDER BY count(*) DESC LIMIT ?2";
    sqlite3_stmt *row = carom_db_use(&store->db, err, sql, "ii", (int64_t)group, (int64_t)max);
    int found = row ? 0 : -1;

    if (carom_arena_guard(arena)) {
        carom_db_reset(&store->db);
        return carom_error_memory(err);
    }
    while (row && *n_r < max && (found = carom_db_row(&store->db, row, err)) > 0)
        samples_r[(*n_r)++] = carom_arena_str(arena, carom_db_bytes(row, 0));
    carom_arena_unguard(arena);
    if (row && found > 0)
        carom_db_done(row);
    return found < 0 ? -1 : 0;
}

int carom_sqlite_incidents(struct carom_store *store,
                           int (*row)(void *user, const struct carom_incident *incident, int64_t n), void *user,
                           struct carom_error *err)
{
    static const char sql[] = COLUMNS
        ", (SELECT count(*) FROM removal r WHERE r.grp = i.grp AND r.received >= i.since AND r.received <= i.busy),"
        " (SELECT count(*) FROM held h WHERE h.incident = i.id) FROM incident i ORDER BY i.since, i.id";
    sqlite3_stmt *next = carom_db_use(&store->db, err, sql, "");
    int found = next ? 0 : -1;
    while (next && (found = carom_db_row(&store->db, next, err)) > 0) {
        struct carom_incident incident = read_row(next);
        incident.count = sqlite3_column_int64(next, 8);
        if (row(user, &incident, sqlite3_column_int64(next, 9)) != 0) {
            carom_db_done(next);
            return -1;
        }
    }
    return found;
}
