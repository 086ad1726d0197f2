/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Incidents, and the removals that make them, in the SQLite store. */

#include "ledger/incident.h"

#include "base/date.h"
#include "base/error.h"

/* ---- Removals ---- */

void carom_sqlite_forget_crowds(struct carom_store *store)
{
    carom_crowds_deinit(&store->crowds);
}

/* By the index alone, so that some may be there that do not count. */
static int are_few(struct carom_store *store, const struct carom_crowd_ask *ask, bool *few_r, struct carom_error *err)
{
    static const char sql[] = "SELECT count(*) FROM (SELECT 1 FROM removal WHERE grp = ?1 AND received > ?2"
                              " AND received <= ?3 LIMIT ?4)";
    int64_t n;
    int result = carom_db_value(&store->db,
                                carom_db_use(&store->db, err, sql, "iiii", (int64_t)ask->group, ask->after, ask->until,
                                             (int64_t)ask->least),
                                &n, err);
    *few_r = (size_t)n < ask->least;
    return result;
}

/* The statement says 0 and 3. */
static int load(struct carom_store *store, uint64_t group, int64_t since, struct carom_error *err)
{
    static const char sql[] =
        "SELECT r.received, a.hash, r.state = 0 FROM removal r JOIN address a ON a.id = r.address WHERE r.grp = ?1"
        " AND r.received > ?2 AND r.state <> 3 ORDER BY r.received";
    sqlite3_stmt *next = carom_db_use(&store->db, err, sql, "ii", (int64_t)group, since);
    int found = next ? 0 : -1;
    while (next && (found = carom_db_row(&store->db, next, err)) > 0) {
        const struct carom_crowd_removal removal = {.received = sqlite3_column_int64(next, 0),
                                                    .address = sqlite3_column_int64(next, 1),
                                                    .done = sqlite3_column_int(next, 2) != 0};
        if (carom_crowds_add(&store->crowds, group, &removal, err) != 0) {
            carom_db_done(next);
            return -1;
        }
    }
    return found;
}

int carom_sqlite_crowd(struct carom_store *store, const struct carom_crowd_ask *ask, struct carom_crowd **crowd_r,
                       struct carom_error *err)
{
    bool few = false, changed;
    *crowd_r = NULL;
    if (carom_db_changed(&store->db, &store->crowds_of, &changed, err) != 0)
        return -1;
    if (changed)
        carom_sqlite_forget_crowds(store);
    struct carom_crowd *known = carom_crowds_find(&store->crowds, ask->group);
    if (known && known->since <= ask->since)
        return *crowd_r = known, 0;
    if (are_few(store, ask, &few, err) != 0 || few)
        return few ? 0 : -1;
    /* Of an archive that goes back in time more is read than is asked for, so that not each step back reads it anew. */
    int64_t since = known ? ask->since - (ask->until - ask->since) : ask->since;
    if (known)
        carom_crowd_empty(known);
    if (load(store, ask->group, since, err) != 0 || !(known = carom_crowds_make(&store->crowds, ask->group, err))) {
        carom_sqlite_forget_crowds(store);
        return -1;
    }
    known->since = since;
    *crowd_r = known;
    return 0;
}

int carom_sqlite_crowd_joined(struct carom_store *store, uint64_t group, const struct carom_crowd_removal *removal,
                              struct carom_error *err)
{
    const struct carom_crowd *known = carom_crowds_find(&store->crowds, group);
    return known && removal->received > known->since ? carom_crowds_add(&store->crowds, group, removal, err) : 0;
}

int carom_sqlite_first_removal(struct carom_store *store, int64_t *received_r, struct carom_error *err)
{
    static const char sql[] = "SELECT received FROM removal ORDER BY id LIMIT 1";
    return carom_db_value(&store->db, carom_db_use(&store->db, err, sql, ""), received_r, err);
}

/* ---- Incidents ---- */

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
