/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Erasure and access. What is about the address goes; messages in which it stands go wholly, whoever else stands in
   them; in what is kept about others it is blotted out. Then the file is written anew, so that no page that was left
   over still shows it. It does not reach what lies outside the ledger. */

#include "base/error.h"
#include "base/json.h"
#include "ledger/incident.h"
#include "ledger/mention.h"
#include "ledger/sqlite.h"
#include "mail/address.h"

struct work {
    struct carom_store *store;
    struct carom_db *db;
    const struct carom_mention *mentions;
    size_t n;
    struct carom_forgotten *forgotten;
    struct carom_error *err;
};

/* ---- What is about the address ---- */

static int delete_of(struct work *work, const char *sql, int64_t address, int64_t *count)
{
    if (carom_db_run(work->db, carom_db_use(work->db, work->err, sql, "i", address), work->err) != 0)
        return -1;
    *count += sqlite3_changes(work->db->handle);
    return 0;
}

static int tell_sinks(struct work *work, int64_t address, int (*told)(void *user, struct carom_str sink), void *user)
{
    static const char sql[] = "SELECT DISTINCT sink FROM job WHERE address = ?1 AND (state = 1 OR attempts > 0)";
    static const char waiting[] = "SELECT count(*) FROM job WHERE address = ?1 AND state IN (0, 4)";
    sqlite3_stmt *row = carom_db_use(work->db, work->err, sql, "i", address);
    int64_t n;
    int found = row ? 0 : -1;

    while (row && (found = carom_db_row(work->db, row, work->err)) > 0)
        if (told(user, carom_db_bytes(row, 0)) != 0) {
            carom_db_done(row);
            return -1;
        }
    if (found != 0 || carom_db_value(work->db, carom_db_use(work->db, work->err, waiting, "i", address), &n, work->err) != 0)
        return -1;
    work->forgotten->waiting += n;
    return 0;
}

static int erase_rows(struct work *work, int64_t address)
{
    static const char raw[] = "DELETE FROM raw WHERE id IN (SELECT raw FROM fact WHERE address = ?1)";
    static const char jobs[] = "DELETE FROM job WHERE address = ?1 OR fact IN (SELECT id FROM fact WHERE address = ?1)";
    static const char facts[] = "DELETE FROM fact WHERE address = ?1";
    static const char suppressions[] = "DELETE FROM suppression WHERE address = ?1";
    static const char departures[] = "DELETE FROM departure WHERE address = ?1";
    static const char held[] = "DELETE FROM held WHERE address = ?1 OR fact IN (SELECT id FROM fact WHERE address = ?1)";
    static const char removals[] = "DELETE FROM removal WHERE address = ?1";
    static const char tags[] = "DELETE FROM tag WHERE address = ?1";
    static const char references[] = "DELETE FROM reference WHERE address = ?1";
    static const char self[] = "DELETE FROM address WHERE id = ?1";
    struct carom_forgotten *f = work->forgotten;
    int64_t selves = 0;

    work->store->asked_in = 0;
    return delete_of(work, held, address, &selves) == 0 && delete_of(work, removals, address, &selves) == 0 &&
                   delete_of(work, raw, address, &f->messages) == 0 && delete_of(work, jobs, address, &f->jobs) == 0 &&
                   delete_of(work, facts, address, &f->facts) == 0 &&
                   delete_of(work, suppressions, address, &f->standing) == 0 &&
                   delete_of(work, departures, address, &f->standing) == 0 &&
                   delete_of(work, tags, address, &f->standing) == 0 &&
                   delete_of(work, references, address, &f->standing) == 0 && delete_of(work, self, address, &selves) == 0
               ? 0
               : -1;
}

/* ---- Where else it stands ---- */

/* Rows one by one: id, then the texts, then the packed blocks. */
struct place {
    const char *select, *update, *types;
    int texts, blocks;
};
static const struct place places[] = {
    {"SELECT id, fact, decision, headers, returned FROM fact WHERE id > ?1 ORDER BY id LIMIT 1",
     "UPDATE fact SET fact = ?2, decision = ?3, headers = ?4, returned = ?5 WHERE id = ?1", "issBB", 2, 2},
    {"SELECT id, arguments, answer FROM job WHERE id > ?1 ORDER BY id LIMIT 1",
     "UPDATE job SET arguments = ?2, answer = ?3 WHERE id = ?1", "iss", 2, 0},
    {"SELECT id, key, value FROM tag WHERE id > ?1 ORDER BY id LIMIT 1",
     "UPDATE tag SET key = ?2, value = ?3 WHERE id = ?1", "iss", 2, 0},
    {"SELECT id, reason, list FROM suppression WHERE id > ?1 ORDER BY id LIMIT 1",
     "UPDATE suppression SET reason = ?2, list = ?3 WHERE id = ?1", "iss", 2, 0},
    {"SELECT id, source, source FROM batch WHERE id > ?1 ORDER BY id LIMIT 1",
     "UPDATE batch SET source = ?2 WHERE id = ?1 AND ?3 IS NOT NULL", "iss", 2, 0},
    {"SELECT id, selection, action FROM operation WHERE id > ?1 ORDER BY id LIMIT 1",
     "UPDATE operation SET selection = ?2, action = ?3 WHERE id = ?1", "iss", 2, 0},
    {"SELECT id, why, sink FROM pause WHERE id > ?1 ORDER BY id LIMIT 1",
     "UPDATE pause SET why = ?2, sink = ?3 WHERE id = ?1", "iss", 2, 0},
};

/* The text without the address, in the scratch arena; unchanged where it does not stand. */
static int blot(struct work *work, struct carom_str *text, bool packed, bool *changed)
{
    struct carom_str plain = *text;
    struct carom_buf *out = &work->db->scratch;

    if (packed && carom_unpack(work->store->scratch, *text, &plain, work->err) != 0)
        return -1;
    if (!carom_mention_blot(work->mentions, work->n, plain, out)) {
        *text = carom_arena_str(work->store->scratch, *text); /* outlives the statement */
        return 0;
    }
    if (packed && !out->failed && carom_pack(&work->db->pack, carom_buf_str(out), &work->db->packed, work->err) != 0)
        return -1;
    if (out->failed)
        return carom_error_memory(work->err);
    *text = carom_arena_str(work->store->scratch, carom_buf_str(packed ? &work->db->packed : out));
    *changed = true;
    return 0;
}

static int blot_row(struct work *work, const struct place *place, sqlite3_stmt *row, int64_t id)
{
    struct carom_str texts[4];
    bool changed = false;

    for (int i = 0; i < place->texts + place->blocks; i++) {
        texts[i] = carom_db_bytes(row, 1 + i);
        if (blot(work, &texts[i], i >= place->texts, &changed) != 0)
            return -1;
    }
    carom_db_done(row);
    if (!changed)
        return 0;
    work->forgotten->mentions++;
    return carom_db_run(work->db,
                        place->blocks ? carom_db_use(work->db, work->err, place->update, place->types, id, texts[0],
                                                     texts[1], texts[2], texts[3])
                                      : carom_db_use(work->db, work->err, place->update, place->types, id, texts[0], texts[1]),
                        work->err);
}

static int drop_row(struct work *work, const char *sql, struct carom_str bytes, bool packed, int64_t id, int64_t *count)
{
    size_t end;
    if ((packed && carom_unpack(work->store->scratch, bytes, &bytes, work->err) != 0))
        return -1;
    return carom_mention_find(work->mentions, work->n, bytes, 0, &end) == SIZE_MAX ? 0 : delete_of(work, sql, id, count);
}

/* Calls once with each row that select gives, the scratch arena empty each time. */
static int each_row(struct work *work, const char *select,
                    int (*once)(struct work *work, const void *what, sqlite3_stmt *row, int64_t id), const void *what)
{
    struct carom_arena *arena = work->store->scratch;
    for (int64_t id = 0;;) {
        sqlite3_stmt *row = carom_db_use(work->db, work->err, select, "i", id);
        int found = row ? carom_db_row(work->db, row, work->err) : -1;
        if (found <= 0)
            return found;
        id = sqlite3_column_int64(row, 0);
        carom_arena_reset(arena);
        if (carom_arena_guard(arena))
            return carom_error_memory(work->err);
        found = once(work, what, row, id);
        carom_arena_unguard(arena);
        if (found != 0)
            return -1;
    }
}

static int blot_once(struct work *work, const void *what, sqlite3_stmt *row, int64_t id)
{
    return blot_row(work, what, row, id);
}

static int raw_once(struct work *work, const void *what, sqlite3_stmt *row, int64_t id)
{
    static const char sql[] = "DELETE FROM raw WHERE id = ?1";
    (void)what;
    return drop_row(work, sql, carom_db_bytes(row, 1), true, id, &work->forgotten->messages);
}

static int alert_once(struct work *work, const void *what, sqlite3_stmt *row, int64_t id)
{
    static const char sql[] = "DELETE FROM alert WHERE id = ?1";
    (void)what;
    return drop_row(work, sql, carom_db_bytes(row, 1), false, id, &work->forgotten->mentions);
}

static int erase_mentions(struct work *work)
{
    static const char raw[] = "SELECT id, message FROM raw WHERE id > ?1 ORDER BY id LIMIT 1";
    static const char alert[] = "SELECT id, key FROM alert WHERE id > ?1 ORDER BY id LIMIT 1";
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
        if (each_row(work, places[i].select, blot_once, &places[i]) != 0)
            return -1;
    return each_row(work, raw, raw_once, NULL) == 0 ? each_row(work, alert, alert_once, NULL) : -1;
}

/* ---- All of it ---- */

static int keep_mac(struct work *work, struct carom_str key, int64_t now)
{
    static const char sql[] = "INSERT INTO erased (id, hash, mac) VALUES (?1, ?2, ?3)";
    static const char there[] = "SELECT id FROM erased WHERE hash = ?1 AND mac = ?2";
    static const char any[] = "SELECT 1 FROM erased LIMIT 1";
    uint8_t mac[CAROM_MAC_SIZE];
    struct carom_str bytes = carom_str_n((const char *)mac, sizeof(mac));
    int64_t others, found, id;

    /* A new key beside old hashes would make them mean nothing: then the lost one is asked for. */
    if (carom_db_value(work->db, carom_db_use(work->db, work->err, any, ""), &others, work->err) != 0 ||
        carom_sqlite_mac(work->store, key, !others, mac, work->err) != 0 ||
        carom_db_value(work->db, carom_db_use(work->db, work->err, there, "iB", carom_sqlite_mac_hash(mac), bytes), &found,
                       work->err) != 0)
        return -1;
    if (found)
        return 0;
    return carom_db_next_id(work->db, now, &id, work->err) == 0
               ? carom_db_run(work->db, carom_db_use(work->db, work->err, sql, "iiB", id, carom_sqlite_mac_hash(mac), bytes),
                              work->err)
               : -1;
}

static int forget_all(struct work *work, const struct carom_str *keys, size_t n, bool keep_hash, int64_t now,
                      int (*told)(void *user, struct carom_str sink), void *user)
{
    for (size_t i = 0; i < n; i++) {
        int64_t address;
        if (carom_sqlite_address(work->store, keys[i], &address, work->err) != 0 ||
            (address && (tell_sinks(work, address, told, user) != 0 || erase_rows(work, address) != 0)) ||
            (keep_hash && keep_mac(work, keys[i], now) != 0))
            return -1;
    }
    work->store->raw_row = 0;
    return erase_mentions(work);
}

/* Every page anew, then the log emptied: nothing is left in free space. */
static int rewrite(struct carom_store *store, struct carom_error *err)
{
    static const char checkpoint[] = "PRAGMA wal_checkpoint(TRUNCATE)";
    int64_t busy = 0;

    carom_db_reset(&store->db);
    if (carom_lock_take(&store->db.lock, err) != 0)
        return -1;
    int result = sqlite3_exec(store->db.handle, "VACUUM", NULL, NULL, NULL) == SQLITE_OK
                     ? carom_db_value(&store->db, carom_db_use(&store->db, err, checkpoint, ""), &busy, err)
                     : carom_db_error(&store->db, "rewrite", err);
    carom_lock_release(&store->db.lock);
    if (result == 0 && busy)
        return carom_error_set(err, CAROM_ERROR_BUSY,
                               "%s: erased, but another process reads the ledger, whose log may still hold the address; "
                               "run this again",
                               store->db.path);
    return result;
}

int carom_sqlite_forget(struct carom_store *store, const struct carom_str *keys, size_t n, bool keep_hash, int64_t now,
                        int (*told)(void *user, struct carom_str sink), void *user, struct carom_forgotten *forgotten_r,
                        struct carom_error *err)
{
    struct carom_arena *arena = carom_arena_new();
    struct work work = {.store = store, .db = &store->db, .n = n, .forgotten = forgotten_r, .err = err};
    bool own;

    *forgotten_r = (struct carom_forgotten){0};
    carom_sqlite_forget_crowds(store);
    if (!arena || carom_arena_guard(arena)) {
        carom_arena_free(arena);
        return carom_error_memory(err);
    }
    struct carom_mention *mentions = carom_arena_array(arena, struct carom_mention, n ? n : 1);
    for (size_t i = 0; i < n; i++)
        mentions[i] = (struct carom_mention){carom_address_local(keys[i]), carom_address_domain(keys[i])};
    work.mentions = mentions;
    carom_arena_unguard(arena);
    int result = carom_db_enter(&store->db, &own, err);
    if (result == 0)
        result = carom_db_leave(&store->db, own, forget_all(&work, keys, n, keep_hash, now, told, user), err);
    carom_arena_free(arena);
    return result == 0 ? rewrite(store, err) : -1;
}

/* ---- Access ---- */

int carom_sqlite_messages(struct carom_store *store, struct carom_str key,
                          int (*row)(void *user, struct carom_str message), void *user, struct carom_error *err)
{
    static const char sql[] = "SELECT id, message FROM raw WHERE id > ?1 AND id IN"
                              " (SELECT raw FROM fact WHERE address = ?2) ORDER BY id LIMIT 1";
    int64_t address;

    if (carom_sqlite_address(store, key, &address, err) != 0)
        return -1;
    for (int64_t id = 0; address;) {
        struct carom_str message;
        sqlite3_stmt *next = carom_db_use(&store->db, err, sql, "ii", id, address);
        int found = next ? carom_db_row(&store->db, next, err) : -1;
        if (found <= 0)
            return found;
        id = sqlite3_column_int64(next, 0);
        carom_arena_reset(store->scratch);
        if (carom_arena_guard(store->scratch)) {
            carom_db_reset(&store->db);
            return carom_error_memory(err);
        }
        found = carom_unpack(store->scratch, carom_db_bytes(next, 1), &message, err);
        carom_arena_unguard(store->scratch);
        carom_db_done(next);
        if (found != 0 || row(user, message) != 0)
            return -1;
    }
    return 0;
}

static void write_job(struct carom_json *json, sqlite3_stmt *row)
{
    carom_json_object(json);
    carom_json_field_str(json, "sink", carom_db_bytes(row, 0));
    carom_json_field_str(json, "state", carom_str(carom_job_state_name((enum carom_job_state)sqlite3_column_int(row, 1))));
    carom_json_field_time(json, "created", sqlite3_column_int64(row, 2) / 1000);
    carom_json_key(json, CAROM_STR("attempts"));
    carom_json_int(json, sqlite3_column_int64(row, 3));
    carom_json_field_str(json, "last_answer", carom_db_bytes(row, 4));
    carom_json_key(json, CAROM_STR("action"));
    carom_json_raw(json, carom_db_bytes(row, 5));
    carom_json_object_end(json);
}

int carom_sqlite_told(struct carom_store *store, struct carom_str key, int (*row)(void *user, struct carom_str json),
                      void *user, struct carom_error *err)
{
    static const char sql[] =
        "SELECT sink, state, created, attempts, answer, arguments FROM job WHERE address = ?1 ORDER BY id";
    int64_t address;

    if (carom_sqlite_address(store, key, &address, err) != 0)
        return -1;
    if (!address)
        return 0;
    sqlite3_stmt *next = carom_db_use(&store->db, err, sql, "i", address);
    int found = next ? 0 : -1;
    while (next && (found = carom_db_row(&store->db, next, err)) > 0) {
        struct carom_json json = carom_json_to(&store->db.scratch);
        carom_buf_clear(&store->db.scratch);
        write_job(&json, next);
        if (store->db.scratch.failed || row(user, carom_buf_str(&store->db.scratch)) != 0) {
            carom_db_done(next);
            return store->db.scratch.failed ? carom_error_memory(err) : -1;
        }
    }
    return found;
}
