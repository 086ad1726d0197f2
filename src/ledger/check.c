/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* May this address be mailed? What stands against it: a suppression, having left the list or all of them, or the keyed
   hash of an erased address. For millions of questions the hashes of all that are concerned are loaded first, and only
   a hit is looked up. */

#include <errno.h>
#include <fcntl.h>
#include <nettle/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "ledger/sqlite.h"

/* ---- Erased addresses: the key beside the ledger, so that a copy of the ledger alone cannot be tried out ---- */

static char *key_path(struct carom_store *store)
{
    char *path;
    return asprintf(&path, "%s.key", store->db.path) < 0 ? NULL : path;
}

static void use_key(struct carom_store *store)
{
    hmac_sha256_set_key(&store->erasure, sizeof(store->erasure_key), store->erasure_key);
    store->has_key = true;
}

static int load_key(struct carom_store *store, const char *path, struct carom_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t n = fd < 0 ? -1 : read(fd, store->erasure_key, sizeof(store->erasure_key));
    int saved = errno;
    if (fd >= 0)
        close(fd);
    if (n == (ssize_t)sizeof(store->erasure_key))
        return use_key(store), 0;
    return carom_error_set(err, CAROM_ERROR_IO,
                           "%s: cannot read the key of the erased addresses: %s; without it nobody can say whether an "
                           "address was erased: restore it from a backup, or mend its rights",
                           path, n < 0 ? strerror(saved) : "it is damaged");
}

static int write_key(const char *path, const char *temporary, const uint8_t *key, size_t size, struct carom_error *err)
{
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
    bool ok = fd >= 0 && fchmod(fd, 0640) == 0 && write(fd, key, size) == (ssize_t)size && fsync(fd) == 0;
    int saved = errno;
    if (fd >= 0)
        close(fd);
    if (ok && rename(temporary, path) == 0)
        return 0;
    return carom_error_set(err, CAROM_ERROR_IO, "%s: cannot write the key of the erased addresses: %s", path,
                           strerror(ok ? errno : saved));
}

/* Under the ledger's lock, so that two do not make two. */
static int make_key(struct carom_store *store, const char *path, struct carom_error *err)
{
    char *temporary;
    if (getrandom(store->erasure_key, sizeof(store->erasure_key), 0) != (ssize_t)sizeof(store->erasure_key))
        return carom_error_set(err, CAROM_ERROR_IO, "the system gives no random bytes: %s", strerror(errno));
    if (asprintf(&temporary, "%s.new", path) < 0)
        return carom_error_memory(err);
    int result = write_key(path, temporary, store->erasure_key, sizeof(store->erasure_key), err);
    free(temporary);
    if (result == 0)
        use_key(store);
    return result;
}

static int need_key(struct carom_store *store, bool make, struct carom_error *err)
{
    if (store->has_key)
        return 0;
    char *path = key_path(store);
    int result = !path                                              ? carom_error_memory(err)
                 : make && access(path, F_OK) != 0 && errno == ENOENT ? make_key(store, path, err)
                                                                    : load_key(store, path, err);
    free(path);
    return result;
}

/* Of a store that has the key; in any thread. */
static void make_mac(const struct carom_store *store, struct carom_str key, uint8_t mac_r[CAROM_MAC_SIZE])
{
    struct hmac_sha256_ctx context = store->erasure;
    hmac_sha256_update(&context, key.len, (const uint8_t *)key.ptr);
    hmac_sha256_digest(&context, CAROM_MAC_SIZE, mac_r);
}

int carom_sqlite_mac(struct carom_store *store, struct carom_str key, bool make, uint8_t mac_r[CAROM_MAC_SIZE],
                     struct carom_error *err)
{
    if (need_key(store, make, err) != 0)
        return -1;
    make_mac(store, key, mac_r);
    return 0;
}

int64_t carom_sqlite_mac_hash(const uint8_t mac[CAROM_MAC_SIZE])
{
    uint64_t value = 0;
    for (size_t i = 0; i < 8; i++)
        value = value << 8 | mac[i];
    return (int64_t)value;
}

static int check_erased(struct carom_store *store, struct carom_str key, struct carom_refusal *refusal,
                        struct carom_error *err)
{
    static const char sql[] = "SELECT id FROM erased WHERE hash = ?1 AND mac = ?2";
    uint8_t mac[CAROM_MAC_SIZE];
    int64_t found;

    if (carom_sqlite_mac(store, key, false, mac, err) != 0 ||
        carom_db_value(&store->db,
                       carom_db_use(&store->db, err, sql, "iB", carom_sqlite_mac_hash(mac),
                                    carom_str_n((const char *)mac, sizeof(mac))),
                       &found, err) != 0)
        return -1;
    if (!found)
        return 1;
    refusal->cause = "erased";
    refusal->since = carom_db_id_time(found) / 1000;
    return 0;
}

/* ---- Suppressions and departures ---- */

/* Of the row with the greatest or smallest value SQLite gives the other columns too: no sorting, which costs more than
   all the rest. NULL: there is none. 1 no row, 0 one, -1. */
static int extreme(struct carom_store *store, sqlite3_stmt *row, struct carom_error *err)
{
    int found = row ? carom_db_row(&store->db, row, err) : -1;
    if (found > 0 && sqlite3_column_type(row, 0) != SQLITE_NULL)
        return 0;
    if (found > 0)
        carom_db_done(row);
    return found < 0 ? -1 : 1;
}

/* The one that lasts longest. */
static int check_suppressed(struct carom_store *store, int64_t address, struct carom_str list, int64_t now,
                            struct carom_refusal *refusal, struct carom_error *err)
{
    static const char sql[] = "SELECT since, until, reason FROM suppression WHERE address = ?1 AND ended = 0 AND"
                              " (until = 0 OR until > ?2) AND (list = '' OR lower(list) = lower(?3))";
    sqlite3_stmt *row = carom_db_use(&store->db, err, sql, "iis", address, now, list);
    int64_t last = 0;
    int found = row ? 0 : -1;

    while (row && (found = carom_db_row(&store->db, row, err)) > 0) {
        int64_t until = sqlite3_column_int64(row, 1), end = until ? until : INT64_MAX;
        if (end > last)
            carom_refusal_set(refusal, "suppressed", sqlite3_column_int64(row, 0), until, carom_db_bytes(row, 2));
        last = end > last ? end : last;
    }
    return found < 0 ? -1 : !last;
}

static int check_left(struct carom_store *store, int64_t address, struct carom_str list, struct carom_refusal *refusal,
                      struct carom_error *err)
{
    static const char sql[] = "SELECT min(list), since FROM departure WHERE address = ?1 AND ended = 0 AND"
                              " CASE list WHEN '' THEN each = 0 OR ?2 = '' ELSE lower(list) = lower(?2) END";
    sqlite3_stmt *row = carom_db_use(&store->db, err, sql, "is", address, list);
    int none = extreme(store, row, err);
    if (none)
        return none;
    carom_refusal_set(refusal, sqlite3_column_bytes(row, 0) ? "left" : "left_all", sqlite3_column_int64(row, 1), 0, CAROM_STR_EMPTY);
    carom_db_done(row);
    return 0;
}

/* A removal that somebody has yet to release or discard. */
static int check_held(struct carom_store *store, int64_t address, struct carom_str list, struct carom_refusal *refusal,
                      struct carom_error *err)
{
    static const char sql[] = "SELECT min(id), since, cause FROM held WHERE address = ?1 AND action IN ('unsubscribe', 'suppress')"
                              " AND (list = '' OR (?2 <> '' AND lower(list) = lower(?2)))";
    sqlite3_stmt *row = carom_db_use(&store->db, err, sql, "is", address, list);
    int none = extreme(store, row, err);
    if (none)
        return none;
    carom_refusal_set(refusal, "held", sqlite3_column_int64(row, 1), 0, carom_db_bytes(row, 2));
    carom_db_done(row);
    return 0;
}

static int check_address(struct carom_store *store, int64_t address, struct carom_str list, bool held, int64_t now,
                         struct carom_refusal *refusal, struct carom_error *err)
{
    int may = check_suppressed(store, address, list, now, refusal, err);
    if (may > 0)
        may = check_left(store, address, list, refusal, err);
    return may > 0 && held ? check_held(store, address, list, refusal, err) : may;
}

int carom_sqlite_check(struct carom_store *store, struct carom_str key, struct carom_str list, bool held, int64_t now,
                       struct carom_refusal *refusal, struct carom_error *err)
{
    /* Its row, if it has one, then whether anybody was erased. Until the statement is done with, all that is read is of one
       moment, and the locks are taken once. */
    static const char sql[] = "SELECT id, 0 FROM address WHERE hash = ?1 AND key = ?2"
                              " UNION ALL SELECT 0, EXISTS (SELECT 1 FROM erased)";
    sqlite3_stmt *row = carom_db_use(&store->db, err, sql, "is", carom_db_hash(key), key);
    int may = 1;

    *refusal = (struct carom_refusal){0};
    if (carom_db_run(&store->db, row, err) != 0)
        return -1;
    int64_t address = sqlite3_column_int64(row, 0);
    if (address && (may = check_address(store, address, list, held, now, refusal, err)) > 0)
        may = carom_db_row(&store->db, row, err);
    if (may > 0 && sqlite3_column_int(row, 1))
        may = check_erased(store, key, refusal, err);
    carom_db_done(row);
    return may;
}

/* ---- For millions of questions ---- */

enum { PORTION = 64 }; /* whose places in a set are fetched together */

static int load(struct carom_store *store, struct carom_hashes *set, const char *sql, struct carom_error *err)
{
    sqlite3_stmt *row = carom_db_use(&store->db, err, sql, "");
    int found = row ? 1 : -1;

    while (found > 0) {
        int64_t hashes[PORTION];
        size_t n = 0;
        while (n < PORTION && (found = carom_db_row(&store->db, row, err)) > 0)
            hashes[n++] = sqlite3_column_int64(row, 0);
        if (carom_hashes_add_many(set, hashes, n, err) != 0) {
            carom_db_done(row);
            return -1;
        }
    }
    return found;
}

int carom_sqlite_prepare(struct carom_store *store, struct carom_error *err)
{
    /* Whoever was ever suppressed or left: what stands is asked at the hit. */
    static const char suppressed[] = "SELECT a.hash FROM suppression s INDEXED BY suppression_address"
                                     " JOIN address a ON a.id = s.address WHERE s.ended = 0"; /* it knows all that is asked */
    static const char left[] = "SELECT a.hash FROM departure d JOIN address a ON a.id = d.address WHERE d.ended = 0";
    static const char held[] = "SELECT a.hash FROM held h JOIN address a ON a.id = h.address";
    static const char erased[] = "SELECT hash FROM erased";

    carom_sqlite_unprepare(store);
    /* One view of the ledger for all, and no locks for each: they cost more than the look-up. */
    if (sqlite3_exec(store->db.handle, "BEGIN", NULL, NULL, NULL) != SQLITE_OK)
        return carom_db_error(&store->db, "read", err);
    store->prepared = true;
    if (load(store, &store->blocked, suppressed, err) != 0 || load(store, &store->blocked, left, err) != 0 ||
        load(store, &store->blocked, held, err) != 0 ||
        load(store, &store->erased, erased, err) != 0 ||
        /* Not sooner: what is read once in order is not to fill it. */
        carom_db_execute(&store->db, "PRAGMA cache_size=-65536", "read", err) != 0) {
        carom_sqlite_unprepare(store);
        return -1;
    }
    /* Without the key nobody can be said to be free: check() says why, to the first who is asked for. */
    store->sifts = !store->erased.n || need_key(store, false, NULL) == 0;
    return 0;
}

static void sift_portion(const struct carom_store *store, const struct carom_str *keys, size_t n, bool *doubtful_r)
{
    int64_t hashes[PORTION];

    for (size_t i = 0; i < n; i++)
        hashes[i] = carom_db_hash(keys[i]);
    carom_hashes_has_many(&store->blocked, hashes, n, doubtful_r);
    if (!store->erased.n)
        return;
    for (size_t i = 0; i < n; i++) {
        uint8_t mac[CAROM_MAC_SIZE];
        make_mac(store, keys[i], mac);
        hashes[i] = carom_sqlite_mac_hash(mac);
    }
    carom_hashes_has_many(&store->erased, hashes, n, doubtful_r);
}

void carom_sqlite_sift(const struct carom_store *store, const struct carom_str *keys, size_t n, bool *doubtful_r)
{
    for (size_t i = 0; i < n; i++)
        doubtful_r[i] = !store->sifts;
    for (size_t i = 0; i < n && store->sifts; i += PORTION)
        sift_portion(store, keys + i, n - i < PORTION ? n - i : PORTION, doubtful_r + i);
}

void carom_sqlite_unprepare(struct carom_store *store)
{
    if (!store->prepared)
        return;
    carom_db_reset(&store->db);
    sqlite3_exec(store->db.handle, "COMMIT", NULL, NULL, NULL);
    carom_hashes_deinit(&store->blocked);
    carom_hashes_deinit(&store->erased);
    store->prepared = store->sifts = false;
}
