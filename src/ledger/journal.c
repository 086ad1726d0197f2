/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The facts as they are kept, in the order in which they were recorded, a few at a time: no reader keeps a long
   transaction open. */

#include "base/error.h"
#include "ledger/sqlite.h"

int carom_sqlite_journal(struct carom_store *store, int64_t after, size_t max,
                         int (*row)(void *user, const struct carom_kept *kept), void *user, struct carom_error *err)
{
    static const char sql[] = "SELECT f.id, f.fact, f.headers, f.returned, r.message, f.policy,"
                              " f.decision, f.decided, f.undone, EXISTS (SELECT 1 FROM held h WHERE h.fact = f.id) FROM fact f"
                              " LEFT JOIN raw r ON r.id = f.raw WHERE f.id > ?1 ORDER BY f.id LIMIT ?2";
    sqlite3_stmt *next = carom_db_use(&store->db, err, sql, "ii", after, (int64_t)max);
    int found = next ? 0 : -1;

    while (next && (found = carom_db_row(&store->db, next, err)) > 0) {
        const struct carom_kept kept = {.id = sqlite3_column_int64(next, 0),
                                        .fact = carom_db_bytes(next, 1),
                                        .headers = carom_db_bytes(next, 2),
                                        .returned = carom_db_bytes(next, 3),
                                        .message = carom_db_bytes(next, 4),
                                        .policy = carom_db_bytes(next, 5),
                                        .decision = carom_db_bytes(next, 6),
                                        .decided = sqlite3_column_int64(next, 7),
                                        .undone = sqlite3_column_int64(next, 8),
                                        .waits = sqlite3_column_int(next, 9) != 0};
        if (row(user, &kept) != 0) {
            carom_db_done(next);
            return carom_error_memory(err);
        }
    }
    return found;
}

int64_t carom_sqlite_journal_before(int64_t time)
{
    return carom_db_first_id(time) - 1;
}

/* The statement says 0 and 3. */
int carom_sqlite_view(struct carom_store *store, struct carom_error *err)
{
    return carom_db_view(&store->db, err);
}

int carom_sqlite_removals_before(struct carom_store *store, int64_t time,
                                 int (*row)(void *user, uint64_t group, int64_t received, int64_t address, bool done),
                                 void *user, struct carom_error *err)
{
    static const char sql[] = "SELECT r.grp, r.received, a.hash, r.state = 0 FROM removal r JOIN address a ON a.id = r.address"
                              " WHERE r.id < ?1 AND r.state <> 3 ORDER BY r.id";
    sqlite3_stmt *next = carom_db_use(&store->db, err, sql, "i", carom_db_first_id(time));
    int found = next ? 0 : -1;

    while (next && (found = carom_db_row(&store->db, next, err)) > 0)
        if (row(user, (uint64_t)sqlite3_column_int64(next, 0), sqlite3_column_int64(next, 1), sqlite3_column_int64(next, 2),
                sqlite3_column_int(next, 3) != 0) != 0) {
            carom_db_done(next);
            return carom_error_memory(err);
        }
    return found;
}
