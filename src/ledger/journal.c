/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The facts as they are kept, in the order in which they were recorded, a few at a time: no reader keeps a long
   transaction open. */

#include "base/error.h"
#include "ledger/sqlite.h"

int carom_sqlite_journal(struct carom_store *store, int64_t after, size_t max,
                         int (*row)(void *user, const struct carom_kept *kept), void *user, struct carom_error *err)
{
    static const char sql[] = "SELECT f.id, f.fact, f.headers, f.returned, r.message, f.policy FROM fact f"
                              " LEFT JOIN raw r ON r.id = f.raw WHERE f.id > ?1 ORDER BY f.id LIMIT ?2";
    sqlite3_stmt *next = carom_db_use(&store->db, err, sql, "ii", after, (int64_t)max);
    int found = next ? 0 : -1;

    while (next && (found = carom_db_row(&store->db, next, err)) > 0) {
        const struct carom_kept kept = {.id = sqlite3_column_int64(next, 0),
                                        .fact = carom_db_bytes(next, 1),
                                        .headers = carom_db_bytes(next, 2),
                                        .returned = carom_db_bytes(next, 3),
                                        .message = carom_db_bytes(next, 4),
                                        .policy = carom_db_bytes(next, 5)};
        if (row(user, &kept) != 0) {
            carom_db_done(next);
            return carom_error_memory(err);
        }
    }
    return found;
}
