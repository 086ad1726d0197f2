/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* What can be wrong with a ledger: pages, foreign keys, rows that belong to nothing, words and bytes that nobody can read
   any more. A check that cannot be made is a finding too, and the next is made. */

#include "ledger/inspect.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "ledger/schema.h"
#include "ledger/sqlite.h"

enum { LOG_MAX = 256 << 20, PAGES_SHOWN = 20 };

struct looking {
    struct carom_db db;
    struct carom_arena *arena;
    struct carom_inspection *result;
    void (*finding)(void *user, const char *text);
    void *user;
    struct carom_error starved; /* code 0: it is not */
};

__attribute__((format(printf, 2, 3))) static void find(struct looking *looking, const char *format, ...)
{
    char text[512];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    looking->result->findings++;
    looking->finding(looking->user, text);
}

/* What stops a look is wrong with the ledger, unless it is wrong with us. where: of the finding, NULL none. */
static void stop(struct looking *looking, const char *where, const struct carom_error *err)
{
    if (err->code == CAROM_ERROR_MEMORY)
        looking->starved = *err;
    else
        find(looking, "%s%s%s", where ? where : "", where ? ": " : "", err->text);
}

/* Rows one by one; what stops it is found. Each statement is asked once. */
static void each(struct looking *looking, const char *sql, void (*row)(struct looking *looking, sqlite3_stmt *row))
{
    struct carom_error err = {0};
    sqlite3_stmt *statement = carom_db_use(&looking->db, &err, sql, "");
    int more = statement ? 0 : -1;

    while (statement && (more = carom_db_row(&looking->db, statement, &err)) > 0)
        row(looking, statement);
    if (more < 0)
        stop(looking, NULL, &err);
}

static int64_t value(struct looking *looking, const char *sql)
{
    struct carom_error err = {0};
    int64_t value;
    if (carom_db_value(&looking->db, carom_db_use(&looking->db, &err, sql, ""), &value, &err) != 0)
        stop(looking, NULL, &err);
    return value;
}

static int64_t size(struct looking *looking, const char *suffix)
{
    struct carom_error err = {0};
    int64_t size = 0;
    if (carom_db_file_size(&looking->db, suffix, &size, &err) != 0)
        stop(looking, NULL, &err);
    return size;
}

/* ---- What SQLite can say ---- */

static void page_row(struct looking *looking, sqlite3_stmt *row)
{
    struct carom_str said = carom_db_bytes(row, 0);
    if (!carom_str_eq(said, CAROM_STR("ok")) && looking->result->findings < PAGES_SHOWN)
        find(looking, "damaged: " CAROM_STR_FMT, CAROM_STR_ARG(said));
}

static void key_row(struct looking *looking, sqlite3_stmt *row)
{
    struct carom_str table = carom_db_bytes(row, 0), parent = carom_db_bytes(row, 1);
    find(looking, "%lld rows of %.*s point to a row of %.*s that is not there", (long long)sqlite3_column_int64(row, 2),
         (int)table.len, table.ptr, (int)parent.len, parent.ptr);
}

/* ---- What only we know ---- */

static const struct {
    const char *sql, *text;
} orphans[] = {
    {"SELECT count(*) FROM job WHERE suppression IS NOT NULL AND state = 0 AND NOT EXISTS"
     " (SELECT 1 FROM suppression WHERE suppression.id = job.suppression)",
     "jobs wait that would tell the end of a suppression that is not there"},
    {"SELECT count(*) FROM job WHERE state NOT BETWEEN 0 AND 4", "jobs are in a state that this carom does not know"},
    {"SELECT count(*) FROM (SELECT key FROM address GROUP BY key HAVING count(*) > 1)", "addresses stand there twice"},
    {"SELECT count(*) FROM fact WHERE NOT json_valid(fact) OR NOT json_valid(decision)",
     "facts cannot be read: they are no JSON"},
    {"SELECT count(*) FROM job WHERE NOT json_valid(arguments)", "jobs cannot be read: they are no JSON"},
    {"SELECT count(*) FROM (SELECT hash, list, own FROM reference WHERE own <> '' GROUP BY hash, list, own HAVING count(*) > 1)",
     "ids of the sender mean two addresses"},
};

static void find_orphans(struct looking *looking)
{
    for (size_t i = 0; i < sizeof(orphans) / sizeof(*orphans); i++) {
        int64_t n = value(looking, orphans[i].sql);
        if (n)
            find(looking, "%lld %s", (long long)n, orphans[i].text);
    }
}

/* Whom a wrong hash belongs to is never found again. */
static void address_row(struct looking *looking, sqlite3_stmt *row)
{
    if (sqlite3_column_int64(row, 1) != carom_db_hash(carom_db_bytes(row, 2)))
        find(looking, "address %lld has a wrong hash: nobody finds it", (long long)sqlite3_column_int64(row, 0));
}

static void word_row(struct looking *looking, sqlite3_stmt *row)
{
    enum carom_kind kind;
    enum carom_reason reason;
    enum carom_authenticity authenticity;
    struct carom_str words[3] = {carom_db_bytes(row, 0), carom_db_bytes(row, 1), carom_db_bytes(row, 2)};

    if (!carom_kind_parse(words[0], &kind) || (words[1].len && !carom_reason_parse(words[1], &reason)) ||
        !carom_authenticity_parse(words[2], &authenticity))
        find(looking, "%lld facts hold a word that this carom does not know: %.*s %.*s %.*s",
             (long long)sqlite3_column_int64(row, 3), (int)words[0].len, words[0].ptr, (int)words[1].len,
             words[1].len ? words[1].ptr : "", (int)words[2].len, words[2].ptr);
}

static void message_row(struct looking *looking, sqlite3_stmt *row)
{
    struct carom_error err = {0};
    struct carom_str bytes;
    char where[40];

    carom_arena_reset(looking->arena);
    if (carom_arena_guard(looking->arena)) {
        carom_error_memory(&looking->starved);
        return;
    }
    snprintf(where, sizeof(where), "message %lld", (long long)sqlite3_column_int64(row, 0));
    if (carom_unpack(looking->arena, carom_db_bytes(row, 1), &bytes, &err) != 0)
        stop(looking, where, &err);
    carom_arena_unguard(looking->arena);
}

/* carom check cannot answer without it. */
static void find_key(struct looking *looking)
{
    char name[4096];
    snprintf(name, sizeof(name), "%s.key", looking->db.path);
    if (value(looking, "SELECT count(*) FROM erased") && access(name, R_OK) != 0)
        find(looking, "%s: the key of the erased addresses is not there: restore it from a backup", name);
}

static void find_counts(struct looking *looking)
{
    struct carom_inspection *it = looking->result;
    it->addresses = value(looking, "SELECT count(*) FROM address");
    it->facts = value(looking, "SELECT count(*) FROM fact");
    it->messages = value(looking, "SELECT count(*) FROM raw");
    it->suppressions = value(looking, "SELECT count(*) FROM suppression WHERE ended = 0");
    it->departures = value(looking, "SELECT count(*) FROM departure WHERE ended = 0");
    it->jobs = value(looking, "SELECT count(*) FROM job");
    it->waiting = value(looking, "SELECT count(*) FROM job WHERE state IN (0, 4)");
    it->dead = value(looking, "SELECT count(*) FROM job WHERE state = 2");
    it->held = value(looking, "SELECT count(*) FROM held");
}
_Static_assert(CAROM_JOB_WAITING == 0 && CAROM_JOB_DEAD == 2 && CAROM_JOB_PENDING == 4, "as the statements say");

/* ---- The whole ---- */

static void look(struct looking *looking)
{
    struct carom_inspection *it = looking->result;

    it->bytes = size(looking, "");
    it->log = size(looking, "-wal");
    it->version = value(looking, "PRAGMA user_version");
    if (it->log > LOG_MAX)
        find(looking, "its log has %lld MiB: some program has been reading for so long that it is never copied back",
             (long long)(it->log >> 20));
    each(looking, "PRAGMA integrity_check", page_row);
    each(looking, "SELECT \"table\", parent, count(*) FROM pragma_foreign_key_check GROUP BY 1, 2", key_row);
    if (it->version != CAROM_SCHEMA_VERSION) {
        find(looking, "it has schema version %lld, this carom knows %d: %s", (long long)it->version, CAROM_SCHEMA_VERSION,
             it->version > CAROM_SCHEMA_VERSION ? "a newer carom wrote it; upgrade this one"
                                                : "run carom ledger backup, then carom ledger migrate");
        return;
    }
    find_orphans(looking);
    each(looking, "SELECT id, hash, key FROM address", address_row);
    each(looking, "SELECT kind, reason, authenticity, count(*) FROM fact GROUP BY 1, 2, 3", word_row);
    each(looking, "SELECT id, message FROM raw", message_row);
    find_key(looking);
    find_counts(looking);
}

int carom_sqlite_inspect(const char *path, void (*finding)(void *user, const char *text), void *user,
                         struct carom_inspection *inspection_r, struct carom_error *err)
{
    struct looking looking = {.result = inspection_r, .finding = finding, .user = user, .arena = carom_arena_new()};

    *inspection_r = (struct carom_inspection){0};
    if (!looking.arena)
        return carom_error_memory(err);
    int result = carom_db_open(&looking.db, path, CAROM_DB_LOOK, err);
    if (result == 0) {
        look(&looking);
        carom_db_close(&looking.db);
        if (looking.starved.code)
            result = carom_error_set(err, looking.starved.code, "%s", looking.starved.text);
    }
    carom_arena_free(looking.arena);
    return result;
}
