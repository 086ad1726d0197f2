/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Subscribers that `carom verp import` taught: whom the hash in a return path means, and whom an id of the sender. A
   hash may fit several rows; whoever asks knows which one was signed. */

#include "base/error.h"
#include "ledger/sqlite.h"

static int address_of(struct carom_store *store, const struct carom_reference *reference, int64_t now, int64_t *row_r,
                      struct carom_error *err)
{
    if (carom_sqlite_address(store, reference->key, row_r, err) != 0)
        return -1;
    return *row_r ? 0 : carom_sqlite_address_new(store, reference->key, reference->spelling, now, row_r, err);
}

/* The row that this one would repeat or replace: an id is one subscriber's at a time. *same_r: it says the same. */
static int find(struct carom_store *store, const struct carom_reference *reference, int64_t address, int64_t *row_r,
                bool *same_r, struct carom_error *err)
{
    static const char sql[] = "SELECT id, address = ?2 FROM reference WHERE hash = ?1 AND list = ?3 AND own = ?4 AND"
                              " (own <> '' OR address = ?2) LIMIT 1";
    sqlite3_stmt *row =
        carom_db_use(&store->db, err, sql, "iiss", (int64_t)reference->hash, address, reference->list, reference->own);
    int found = row ? carom_db_row(&store->db, row, err) : -1;

    *row_r = 0;
    if (found <= 0)
        return found;
    *row_r = sqlite3_column_int64(row, 0);
    *same_r = sqlite3_column_int(row, 1) != 0;
    carom_db_done(row);
    return 0;
}

int carom_sqlite_teach(struct carom_store *store, const struct carom_reference *reference, int64_t now,
                       struct carom_error *err)
{
    static const char insert[] = "INSERT INTO reference (id, hash, address, list, own) VALUES (?1, ?2, ?3, ?4, ?5)";
    static const char update[] = "UPDATE reference SET address = ?2 WHERE id = ?1";
    struct carom_db *db = &store->db;
    int64_t address, row;
    bool same = false;

    if (address_of(store, reference, now, &address, err) != 0 || find(store, reference, address, &row, &same, err) != 0)
        return -1;
    if (row && same)
        return 0;
    if (row)
        return carom_db_run(db, carom_db_use(db, err, update, "ii", row, address), err) == 0 ? 1 : -1;
    if (carom_db_next_id(db, now, &row, err) != 0 ||
        carom_db_run(db,
                     carom_db_use(db, err, insert, "iiiss", row, (int64_t)reference->hash, address, reference->list,
                                  reference->own),
                     err) != 0)
        return -1;
    return 1;
}

int carom_sqlite_references(struct carom_store *store, uint64_t hash,
                            int (*each)(void *user, const struct carom_reference *reference), void *user,
                            struct carom_error *err)
{
    static const char sql[] =
        "SELECT a.key, a.spelling, r.list, r.own FROM reference r JOIN address a ON a.id = r.address"
        " WHERE r.hash = ?1 ORDER BY r.id";
    sqlite3_stmt *row = carom_db_use(&store->db, err, sql, "i", (int64_t)hash);
    int found = row ? 0 : -1;

    while (row && (found = carom_db_row(&store->db, row, err)) > 0) {
        const struct carom_reference reference = {.hash = hash,
                                                  .key = carom_db_bytes(row, 0),
                                                  .spelling = carom_db_bytes(row, 1),
                                                  .list = carom_db_bytes(row, 2),
                                                  .own = carom_db_bytes(row, 3)};
        if (each(user, &reference) != 0) {
            carom_db_done(row);
            return carom_error_memory(err);
        }
    }
    return found;
}

int carom_sqlite_taught(struct carom_store *store, struct carom_str key,
                        int (*each)(void *user, const struct carom_reference *reference), void *user,
                        struct carom_error *err)
{
    static const char sql[] = "SELECT a.spelling, r.list, r.own FROM reference r JOIN address a ON a.id = r.address"
                              " WHERE r.address = ?1 ORDER BY r.id";
    int64_t address;

    if (carom_sqlite_address(store, key, &address, err) != 0)
        return -1;
    sqlite3_stmt *row = carom_db_use(&store->db, err, sql, "i", address);
    int found = row ? 0 : -1;
    while (row && (found = carom_db_row(&store->db, row, err)) > 0) {
        const struct carom_reference reference = {.key = key,
                                                  .spelling = carom_db_bytes(row, 0),
                                                  .list = carom_db_bytes(row, 1),
                                                  .own = carom_db_bytes(row, 2)};
        if (each(user, &reference) != 0) {
            carom_db_done(row);
            return carom_error_memory(err);
        }
    }
    return found;
}
