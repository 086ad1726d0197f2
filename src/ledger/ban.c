/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Suppressions by hand: written, ended and listed without a fact. They stand as those of a decision do; nobody is told,
   but for an end that was to be told anyway. */

#include "base/error.h"
#include "ledger/held.h"
#include "ledger/incident.h"
#include "ledger/operation.h"
#include "ledger/revise.h"
#include "ledger/sqlite.h"

static int batch(struct carom_store *store, struct carom_str source, int64_t now, int64_t *id_r, struct carom_error *err)
{
    static const char sql[] = "INSERT INTO batch (id, created, source) VALUES (?1, ?2, ?3)";
    struct carom_db *db = &store->db;
    return carom_db_next_id(db, now, id_r, err) == 0
               ? carom_db_run(db, carom_db_use(db, err, sql, "iis", *id_r, now, source), err)
               : -1;
}

static int ban_address(struct carom_store *store, const struct carom_ban *ban, int64_t now, struct carom_error *err)
{
    static const char longer[] = "SELECT 1 FROM suppression WHERE address = ?1 AND list = ?2 AND ended = 0 AND"
                                 " (until = 0 OR (?3 <> 0 AND until >= ?3)) LIMIT 1";
    static const char sql[] = "INSERT INTO suppression (id, address, list, since, until, cause, soft, batch, reason, ended)"
                              " VALUES (?1, ?2, ?3, ?4, ?5, ?4, 0, ?6, ?7, 0)";
    struct carom_db *db = &store->db;
    int64_t address, found = 0, id;

    if (carom_sqlite_address(store, ban->key, &address, err) != 0 ||
        (!address && carom_sqlite_address_new(store, ban->key, ban->spelling, now, &address, err) != 0) ||
        carom_db_value(db, carom_db_use(db, err, longer, "isi", address, ban->list, ban->until), &found, err) != 0)
        return -1;
    if (found)
        return 0;
    if (carom_db_next_id(db, now, &id, err) != 0 ||
        carom_db_run(db, carom_db_use(db, err, sql, "iisiiIs", id, address, ban->list, ban->since, ban->until,
                                      ban->batch, ban->reason), err) != 0)
        return -1;
    return 1;
}

static int ban(struct carom_store *store, const struct carom_ban *what, int64_t now, struct carom_error *err)
{
    /* Over before it began: nothing to keep. */
    return what->until && what->until <= now ? 0 : ban_address(store, what, now, err);
}

/* ---- The end ---- */

static int end_now(struct carom_store *store, int64_t suppression, int64_t address, int64_t now, struct carom_error *err)
{
    static const char sql[] = "UPDATE job SET due = after.time, planned = after.time FROM (SELECT max(?3, coalesce(max(planned), 0))"
                              " AS time FROM job WHERE address = ?1 AND state = 0 AND action = 'suppress') after"
                              " WHERE address = ?1 AND state = 0 AND suppression = ?2";
    return carom_db_run(&store->db, carom_db_use(&store->db, err, sql, "iii", address, suppression, now), err);
}

static int end_all(struct carom_store *store, sqlite3_stmt *row, int64_t now, int64_t *n_r, struct carom_error *err)
{
    int found = row ? 0 : -1;
    while (row && (found = carom_db_row(&store->db, row, err)) > 0) {
        ++*n_r;
        if (end_now(store, sqlite3_column_int64(row, 0), sqlite3_column_int64(row, 1), now, err) != 0) {
            carom_db_done(row);
            return -1;
        }
    }
    return found;
}

static int unban_hash(struct carom_store *store, struct carom_str key, int64_t *n_r, struct carom_error *err)
{
    static const char any[] = "SELECT 1 FROM erased LIMIT 1";
    static const char sql[] = "DELETE FROM erased WHERE hash = ?1 AND mac = ?2";
    uint8_t mac[CAROM_MAC_SIZE];
    int64_t found;

    if (carom_db_value(&store->db, carom_db_use(&store->db, err, any, ""), &found, err) != 0)
        return -1;
    if (!found)
        return 0;
    if (carom_sqlite_mac(store, key, false, mac, err) != 0 ||
        carom_db_run(&store->db, carom_db_use(&store->db, err, sql, "iB", carom_sqlite_mac_hash(mac),
                                              carom_str_n((const char *)mac, sizeof(mac))), err) != 0)
        return -1;
    *n_r += sqlite3_changes(store->db.handle);
    return 0;
}

/* On a list: also that he left each one, which is not so any more. */
static int unban_departures(struct carom_store *store, int64_t address, struct carom_str list, int64_t now, int64_t *n_r,
                            struct carom_error *err)
{
    static const char of_list[] =
        "UPDATE departure SET ended = ?2 WHERE address = ?1 AND ended = 0 AND list <> '' AND lower(list) = lower(?3)";
    static const char of_all[] =
        "UPDATE departure SET ended = ?2 WHERE address = ?1 AND ended = 0 AND list = '' AND (each = 1 OR ?3 = '')";
    if (carom_db_run(&store->db, carom_db_use(&store->db, err, of_list, "iis", address, now, list), err) != 0)
        return -1;
    int64_t n = sqlite3_changes(store->db.handle);
    if ((n || !list.len) &&
        carom_db_run(&store->db, carom_db_use(&store->db, err, of_all, "iis", address, now, list), err) != 0)
        return -1;
    *n_r += list.len ? n : sqlite3_changes(store->db.handle);
    return 0;
}

/* What was said of him before counts no more against him. */
static int restore(struct carom_store *store, int64_t address, int64_t now, struct carom_error *err)
{
    static const char sql[] = "UPDATE address SET restored = max(restored, ?2) WHERE id = ?1";
    return carom_db_run(&store->db, carom_db_use(&store->db, err, sql, "ii", address, now), err);
}

static int unban(struct carom_store *store, struct carom_str key, struct carom_str list, int64_t batch_id, int64_t now,
                 int64_t *n_r, struct carom_error *err)
{
    static const char of_address[] = "UPDATE suppression SET ended = ?2 WHERE address = ?1 AND ended = 0 AND"
                                     " (until = 0 OR until > ?2) AND lower(list) = lower(?3) RETURNING id, address";
    static const char of_batch[] = "UPDATE suppression SET ended = ?2 WHERE batch = ?1 AND ended = 0 AND"
                                   " (until = 0 OR until > ?2) RETURNING id, address";
    struct carom_db *db = &store->db;
    int64_t address;

    *n_r = 0;
    if (batch_id)
        return end_all(store, carom_db_use(db, err, of_batch, "ii", batch_id, now), now, n_r, err);
    if (carom_sqlite_address(store, key, &address, err) != 0 ||
        end_all(store, carom_db_use(db, err, of_address, "iis", address, now, list), now, n_r, err) != 0 ||
        unban_departures(store, address, list, now, n_r, err) != 0 || (*n_r && restore(store, address, now, err) != 0))
        return -1;
    return list.len ? 0 : unban_hash(store, key, n_r, err);
}

/* ---- The list ---- */

static int batches(struct carom_store *store, int64_t now, int (*row)(void *user, const struct carom_batch *batch), void *user,
                   struct carom_error *err)
{
    static const char sql[] = "SELECT b.id, b.created, b.source, count(*) FROM batch b JOIN suppression s ON s.batch = b.id"
                              " WHERE s.ended = 0 AND (s.until = 0 OR s.until > ?1) GROUP BY b.id ORDER BY b.id";
    sqlite3_stmt *next = carom_db_use(&store->db, err, sql, "i", now);
    int found = next ? 0 : -1;

    while (next && (found = carom_db_row(&store->db, next, err)) > 0) {
        const struct carom_batch it = {.id = sqlite3_column_int64(next, 0),
                                          .time = sqlite3_column_int64(next, 1),
                                          .source = carom_db_bytes(next, 2),
                                          .standing = sqlite3_column_int64(next, 3)};
        if (row(user, &it) != 0) {
            carom_db_done(next);
            return -1;
        }
    }
    return found;
}

static int bans(struct carom_store *store, int64_t now, int (*row)(void *user, const struct carom_ban *ban), void *user,
                int64_t *hashes_r, struct carom_error *err)
{
    static const char hashes[] = "SELECT count(*) FROM erased";
    static const char sql[] =
        "SELECT a.key, a.spelling, s.list, s.since, s.until, s.reason, s.batch, s.id FROM suppression s"
        " JOIN address a ON a.id = s.address WHERE s.ended = 0 AND (s.until = 0 OR s.until > ?1) UNION ALL"
        " SELECT a.key, a.spelling, '', d.since, 0, 'left all lists', NULL, d.id FROM departure d"
        " JOIN address a ON a.id = d.address WHERE d.ended = 0 AND d.list = '' ORDER BY 8";
    sqlite3_stmt *statement = carom_db_use(&store->db, err, sql, "i", now);
    int found = statement ? 0 : -1;

    while (statement && (found = carom_db_row(&store->db, statement, err)) > 0) {
        struct carom_ban it = {.key = carom_db_bytes(statement, 0),
                               .spelling = carom_db_bytes(statement, 1),
                               .list = carom_db_bytes(statement, 2),
                               .since = sqlite3_column_int64(statement, 3),
                               .until = sqlite3_column_int64(statement, 4),
                               .reason = carom_db_bytes(statement, 5),
                               .batch = sqlite3_column_int64(statement, 6)};
        if (row(user, &it) != 0) {
            carom_db_done(statement);
            return -1;
        }
    }
    return found == 0 ? carom_db_value(&store->db, carom_db_use(&store->db, err, hashes, ""), hashes_r, err) : -1;
}

const struct carom_care_ops carom_sqlite_care = {
    .batch = batch,
    .batches = batches,
    .ban = ban,
    .unban = unban,
    .bans = bans,
    .held = carom_sqlite_held,
    .settle_held = carom_sqlite_settle_held,
    .undo = carom_sqlite_undo,
    .redo = carom_sqlite_redo,
    .unknown = carom_sqlite_unknown,
    .operations = carom_sqlite_operations,
    .incidents = carom_sqlite_incidents,
    .journal = carom_sqlite_journal,
    .journal_before = carom_sqlite_journal_before,
    .view = carom_sqlite_view,
    .removals_before = carom_sqlite_removals_before,
    .past_before = carom_sqlite_past,
    .revise = carom_sqlite_revise,
    .revised = carom_sqlite_revised,
    .forget = carom_sqlite_forget,
    .tally = carom_sqlite_tally,
    .deeds = carom_sqlite_deeds,
    .beginning = carom_sqlite_beginning,
    .story = carom_sqlite_story,
    .message = carom_sqlite_message,
    .finals = carom_sqlite_finals,
    .tagged = carom_sqlite_tagged,
    .messages = carom_sqlite_messages,
    .teach = carom_sqlite_teach,
    .taught = carom_sqlite_taught,
    .told = carom_sqlite_told,
    .note = carom_sqlite_note,
    .standing = carom_sqlite_standing,
    .waits = carom_sqlite_waits,
    .prune = carom_sqlite_prune,
    .prune_anew = carom_sqlite_prune_anew,
};
