/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Opening, locking, transactions and statements of one SQLite file. It knows that there are tables with a key `id`, and
   nothing of what is in them.

   Order, always: lock, BEGIN IMMEDIATE, …, COMMIT, unlock. A deferred BEGIN that reads and then writes fails when somebody
   else wrote in between, whatever the busy time-out. */

#include "ledger/db.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ledger/migrate.h"
#include "ledger/netfs.h"
#include "ledger/schema.h"

enum { BUSY_MS = 2000, MANY_FACTS = 100 };

/* ---- Errors ---- */

static const char *advice(int code)
{
    switch (code & 0xff) {
    case SQLITE_FULL:
        return "; the disk is full: free some space";
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_CANTOPEN:
    case SQLITE_AUTH:
        return "; run as the user who owns the ledger, or mend the rights of file and directory";
    case SQLITE_NOTADB:
        return "; the file is no SQLite database: restore the ledger from a backup, or name another with --store";
    case SQLITE_CORRUPT:
        return "; the ledger is damaged: restore it from a backup";
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return "; another program holds it: try again later";
    default:
        return "";
    }
}

static int sqlite_error(struct carom_db *db, int code, const char *doing, struct carom_error *err)
{
    enum carom_error_code kind = (code & 0xff) == SQLITE_BUSY || (code & 0xff) == SQLITE_LOCKED ? CAROM_ERROR_BUSY
                                                                                               : CAROM_ERROR_IO;
    int system = db->handle ? sqlite3_system_errno(db->handle) : 0;
    if ((code & 0xff) == SQLITE_NOMEM)
        return carom_error_memory(err);
    return carom_error_set(err, kind, "%s: cannot %s the ledger: %s%s%s%s", db->path, doing,
                           db->handle ? sqlite3_errmsg(db->handle) : sqlite3_errstr(code), system ? ": " : "",
                           system ? strerror(system) : "", advice(code));
}

int carom_db_error(struct carom_db *db, const char *doing, struct carom_error *err)
{
    return sqlite_error(db, db->handle ? sqlite3_extended_errcode(db->handle) : SQLITE_NOMEM, doing, err);
}

/* ---- Statements ---- */

static sqlite3_stmt *prepared(struct carom_db *db, const char *sql, struct carom_error *err)
{
    size_t i = 0;
    while (i < CAROM_DB_STATEMENTS && db->cache[i].sql && db->cache[i].sql != sql)
        i++;
    if (i == CAROM_DB_STATEMENTS) {
        carom_error_set(err, CAROM_ERROR_LIMIT, "%s: too many statements", db->path);
        return NULL;
    }
    if (!db->cache[i].sql) {
        if (sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &db->cache[i].statement, NULL) !=
            SQLITE_OK) {
            carom_db_error(db, "read", err);
            return NULL;
        }
        db->cache[i].sql = sql;
    }
    return db->cache[i].statement;
}

static int bind_bytes(sqlite3_stmt *statement, int i, char type, struct carom_str value)
{
    if (!value.len && type != 's')
        return sqlite3_bind_null(statement, i);
    if (type == 'B')
        return sqlite3_bind_blob64(statement, i, value.ptr, value.len, SQLITE_STATIC);
    return sqlite3_bind_text64(statement, i, value.len ? value.ptr : "", value.len, SQLITE_STATIC, SQLITE_UTF8);
}

static int bind_integer(sqlite3_stmt *statement, int i, char type, int64_t value)
{
    return !value && type == 'I' ? sqlite3_bind_null(statement, i) : sqlite3_bind_int64(statement, i, value);
}

sqlite3_stmt *carom_db_use(struct carom_db *db, struct carom_error *err, const char *sql, const char *types, ...)
{
    sqlite3_stmt *statement = prepared(db, sql, err);
    int code = SQLITE_OK;
    va_list args;

    if (!statement)
        return NULL;
    /* An error may have undone the transaction behind our back: what follows must not commit by itself. */
    if (db->open && sqlite3_get_autocommit(db->handle)) {
        carom_error_set(err, CAROM_ERROR_IO, "%s: an earlier error undid the transaction", db->path);
        return NULL;
    }
    sqlite3_reset(statement);
    va_start(args, types);
    for (int i = 1; types[i - 1] && code == SQLITE_OK; i++)
        switch (types[i - 1]) {
        case 'd':
            code = sqlite3_bind_double(statement, i, va_arg(args, double));
            break;
        case 'i':
        case 'I':
            code = bind_integer(statement, i, types[i - 1], va_arg(args, int64_t));
            break;
        default:
            code = bind_bytes(statement, i, types[i - 1], va_arg(args, struct carom_str));
        }
    va_end(args);
    if (code == SQLITE_OK)
        return statement;
    sqlite_error(db, code, "write to", err);
    return NULL;
}

int carom_db_row(struct carom_db *db, sqlite3_stmt *statement, struct carom_error *err)
{
    int code = sqlite3_step(statement);
    if (code == SQLITE_ROW)
        return 1;
    if (code != SQLITE_DONE)
        carom_db_error(db, sqlite3_stmt_readonly(statement) ? "read" : "write to", err);
    sqlite3_reset(statement);
    return code == SQLITE_DONE ? 0 : -1;
}

int carom_db_run(struct carom_db *db, sqlite3_stmt *statement, struct carom_error *err)
{
    return !statement || carom_db_row(db, statement, err) < 0 ? -1 : 0;
}

void carom_db_done(sqlite3_stmt *statement)
{
    sqlite3_reset(statement);
}

void carom_db_reset(struct carom_db *db)
{
    for (size_t i = 0; i < CAROM_DB_STATEMENTS && db->cache[i].sql; i++)
        sqlite3_reset(db->cache[i].statement);
}

int carom_db_value(struct carom_db *db, sqlite3_stmt *statement, int64_t *value_r, struct carom_error *err)
{
    int found = statement ? carom_db_row(db, statement, err) : -1;
    *value_r = found > 0 ? sqlite3_column_int64(statement, 0) : 0;
    if (found > 0)
        sqlite3_reset(statement);
    return found < 0 ? -1 : 0;
}

/* ---- Transactions ---- */

int carom_db_execute(struct carom_db *db, const char *sql, const char *doing, struct carom_error *err)
{
    return sqlite3_exec(db->handle, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : carom_db_error(db, doing, err);
}

int carom_db_begin(struct carom_db *db, struct carom_error *err)
{
    if (db->mode == CAROM_DB_READ)
        return carom_error_set(err, CAROM_ERROR_USAGE, "%s: the ledger is open for reading only", db->path);
    if (db->open)
        return carom_error_set(err, CAROM_ERROR_USAGE, "%s: a transaction is open already", db->path);
    if (db->mode == CAROM_DB_WRITE && carom_lock_take(&db->lock, err) != 0)
        return -1;
    if (carom_db_execute(db, "BEGIN IMMEDIATE", "write to", err) != 0) {
        if (db->mode == CAROM_DB_WRITE)
            carom_lock_release(&db->lock);
        return -1;
    }
    db->open = true;
    db->transactions++;
    db->written = 0;
    db->last_id = 0;
    return 0;
}

void carom_db_rollback(struct carom_db *db)
{
    if (!db->open)
        return;
    carom_db_reset(db);
    if (!sqlite3_get_autocommit(db->handle))
        sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
    db->open = false;
    db->rollbacks++;
    if (db->mode == CAROM_DB_WRITE)
        carom_lock_release(&db->lock);
}

int carom_db_view(struct carom_db *db, struct carom_error *err)
{
    if (db->open)
        return carom_error_set(err, CAROM_ERROR_USAGE, "%s: a transaction is open already", db->path);
    if (carom_db_execute(db, "BEGIN", "read", err) != 0)
        return -1;
    db->open = true;
    db->transactions++;
    return 0;
}

static int committed(void *user, sqlite3 *handle, const char *name, int pages)
{
    struct carom_db *db = user;

    (void)name;
    carom_checkpoint_committed(&db->checkpoint, handle, pages, db->written >= MANY_FACTS);
    return SQLITE_OK;
}

int carom_db_commit(struct carom_db *db, struct carom_error *err)
{
    if (!db->open)
        return carom_error_set(err, CAROM_ERROR_USAGE, "%s: no transaction is open", db->path);
    int result = -1;
    if (sqlite3_get_autocommit(db->handle))
        carom_error_set(err, CAROM_ERROR_IO, "%s: an earlier error undid the transaction", db->path);
    else {
        carom_db_reset(db);
        result = carom_db_execute(db, "COMMIT", "commit to", err);
    }
    if (result != 0) {
        carom_db_rollback(db);
        return -1;
    }
    db->open = false;
    if (db->mode == CAROM_DB_WRITE)
        carom_lock_release(&db->lock);
    return 0;
}

int carom_db_enter(struct carom_db *db, bool *own_r, struct carom_error *err)
{
    *own_r = !db->open;
    return *own_r ? carom_db_begin(db, err) : 0;
}

int carom_db_leave(struct carom_db *db, bool own, int result, struct carom_error *err)
{
    if (own && result == 0)
        return carom_db_commit(db, err);
    if (own)
        carom_db_rollback(db);
    return result;
}

/* ---- Keys ---- */

/* Each second has room for a million; a busier one runs ahead of the clock. */
enum { ID_BITS = 20 };
static const int64_t id_max = (INT64_C(1) << 53) - 1;

int64_t carom_db_first_id(int64_t now)
{
    int64_t latest = id_max >> ID_BITS, seconds = now / 1000;
    return (seconds < 0 ? 0 : seconds > latest ? latest : seconds) << ID_BITS;
}

int64_t carom_db_id_time(int64_t id)
{
    return (id >> ID_BITS) * 1000;
}

int carom_db_next_id(struct carom_db *db, int64_t now, int64_t *id_r, struct carom_error *err)
{
    static const char sql[] = "SELECT max(coalesce((SELECT max(id) FROM address), 0), coalesce((SELECT max(id) FROM raw), 0),"
                              " coalesce((SELECT max(id) FROM fact), 0), coalesce((SELECT max(id) FROM job), 0),"
                              " coalesce((SELECT max(id) FROM suppression), 0), coalesce((SELECT max(id) FROM departure), 0),"
                              " coalesce((SELECT max(id) FROM tag), 0), coalesce((SELECT max(id) FROM alert), 0),"
                              " coalesce((SELECT max(id) FROM batch), 0), coalesce((SELECT max(id) FROM erased), 0),"
                              " coalesce((SELECT max(id) FROM held), 0), coalesce((SELECT max(id) FROM incident), 0),"
                              " coalesce((SELECT max(id) FROM operation), 0), coalesce((SELECT max(id) FROM reference), 0))";
    int64_t from = carom_db_first_id(now);

    if (!db->last_id && carom_db_value(db, carom_db_use(db, err, sql, ""), &db->last_id, err) != 0)
        return -1;
    if (db->last_id >= id_max)
        return carom_error_set(err, CAROM_ERROR_LIMIT, "%s: no keys are left: some clock was wrong by centuries",
                               db->path);
    db->last_id = db->last_id + 1 > from ? db->last_id + 1 : from;
    *id_r = db->last_id;
    return 0;
}

int carom_db_changed(struct carom_db *db, struct carom_db_mark *mark, bool *changed_r, struct carom_error *err)
{
    static const char sql[] = "PRAGMA data_version";
    struct carom_db_mark now = {db->transactions, db->rollbacks, 0};

    *changed_r = false;
    if (db->open && db->transactions == mark->transactions)
        return 0;
    if (carom_db_value(db, carom_db_use(db, err, sql, ""), &now.version, err) != 0)
        return -1;
    *changed_r = now.version != mark->version || now.rollbacks != mark->rollbacks;
    *mark = now;
    return 0;
}

int carom_db_file_size(const struct carom_db *db, const char *suffix, int64_t *size_r, struct carom_error *err)
{
    char name[4096]; /* SQLite opens none as long */
    struct stat info = {.st_size = 0};
    snprintf(name, sizeof(name), "%s%s", db->path, suffix);
    if (stat(name, &info) != 0 && errno != ENOENT)
        return carom_error_set(err, CAROM_ERROR_IO, "%s: cannot see how large it is: %s", name, strerror(errno));
    *size_r = (int64_t)info.st_size;
    return 0;
}

/* ---- Opening ---- */

int carom_db_pragma(struct carom_db *db, const char *sql, int64_t *value_r, struct carom_error *err)
{
    sqlite3_stmt *statement;
    if (sqlite3_prepare_v2(db->handle, sql, -1, &statement, NULL) != SQLITE_OK)
        return carom_db_error(db, "open", err);
    int code = sqlite3_step(statement);
    *value_r = code == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : 0;
    int result = code == SQLITE_ROW || code == SQLITE_DONE ? 0 : carom_db_error(db, "open", err);
    sqlite3_finalize(statement);
    return result;
}

static int create_tables(struct carom_db *db, struct carom_error *err)
{
    char marks[96];
    snprintf(marks, sizeof(marks), "PRAGMA application_id=%d; PRAGMA user_version=%d", CAROM_SCHEMA_APPLICATION,
             CAROM_SCHEMA_VERSION);
    if (carom_db_execute(db, "BEGIN IMMEDIATE", "create", err) != 0)
        return -1;
    int result = 0;
    for (const char *const *statement = carom_schema; *statement && result == 0; statement++)
        result = carom_db_execute(db, *statement, "create", err);
    if (result == 0 && carom_db_execute(db, marks, "create", err) == 0 &&
        carom_db_execute(db, "COMMIT", "create", err) == 0)
        return 0;
    if (!sqlite3_get_autocommit(db->handle))
        sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
    return -1;
}

static int check_version(struct carom_db *db, int64_t version, enum carom_db_mode mode, struct carom_error *err)
{
    if (version == CAROM_SCHEMA_VERSION)
        return 0;
    if (version > CAROM_SCHEMA_VERSION)
        return carom_error_set(err, CAROM_ERROR_CONFIG,
                               "%s: the ledger has schema version %lld, this carom knows %d: a newer carom wrote it; "
                               "upgrade this one",
                               db->path, (long long)version, CAROM_SCHEMA_VERSION);
    if (mode == CAROM_DB_MIGRATE)
        return carom_migrate(db, carom_migrations, CAROM_SCHEMA_VERSION, err);
    return carom_error_set(err, CAROM_ERROR_CONFIG,
                           "%s: the ledger has schema version %lld, this carom needs %d; run carom ledger backup, then carom "
                           "ledger migrate",
                           db->path, (long long)version, CAROM_SCHEMA_VERSION);
}

static int check_tables(struct carom_db *db, enum carom_db_mode mode, struct carom_error *err)
{
    int64_t application, version, tables = 1;
    if (carom_db_pragma(db, "PRAGMA application_id", &application, err) != 0 ||
        carom_db_pragma(db, "PRAGMA user_version", &version, err) != 0)
        return -1;
    if (!application && !version && carom_db_pragma(db, "SELECT count(*) FROM sqlite_schema", &tables, err) != 0)
        return -1;
    if (!tables) {
        if (db->mode != CAROM_DB_READ)
            return create_tables(db, err);
        return carom_error_set(err, CAROM_ERROR_IO, "%s: is empty: nothing has been recorded there yet", db->path);
    }
    if (application != CAROM_SCHEMA_APPLICATION)
        return carom_error_set(err, CAROM_ERROR_CONFIG,
                               "%s: is a database of another program, no ledger; name another with --store", db->path);
    return mode == CAROM_DB_LOOK ? 0 : check_version(db, version, mode, err);
}

/* WAL stays set in the file; to ask again costs nothing. */
static int configure(struct carom_db *db, struct carom_error *err)
{
    sqlite3_busy_timeout(db->handle, BUSY_MS);
    sqlite3_extended_result_codes(db->handle, 1);
    sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, (int *)NULL);
    sqlite3_db_config(db->handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, (int *)NULL);
    /* Of a new file: rows of facts have 2 to 3 KB, so that half of many smaller pages would stay empty. */
    if (carom_db_execute(db, "PRAGMA page_size=8192; PRAGMA trusted_schema=OFF; PRAGMA foreign_keys=ON; PRAGMA synchronous=FULL;"
                    " PRAGMA cache_size=-12288; PRAGMA secure_delete=ON", "open", err) != 0)
        return -1;
    if (db->mode == CAROM_DB_READ)
        return carom_db_execute(db, "PRAGMA query_only=ON", "open", err);
    return 0;
}

static int set_wal(struct carom_db *db, struct carom_error *err)
{
    sqlite3_stmt *statement;
    if (sqlite3_prepare_v2(db->handle, "PRAGMA journal_mode=WAL", -1, &statement, NULL) != SQLITE_OK)
        return carom_db_error(db, "open", err);
    int code = sqlite3_step(statement);
    bool wal = code == SQLITE_ROW && carom_str_ieq(carom_db_bytes(statement, 0), CAROM_STR("wal"));
    int result = wal                  ? 0
                 : code != SQLITE_ROW ? carom_db_error(db, "open", err)
                                      : carom_error_set(err, CAROM_ERROR_IO,
                                                        "%s: cannot open the ledger: this file system has no shared "
                                                        "memory for SQLite's write-ahead log; put it on a local disk",
                                                        db->path);
    sqlite3_finalize(statement);
    return result;
}

/* Made before SQLite sees it, so that the group which shares the ledger can write whatever umask we inherited; the log
   files take their rights from it. */
static int make_file(struct carom_db *db, struct carom_error *err)
{
    struct stat info;
    int fd = open(db->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0660);
    if (fd >= 0) {
        int result = fchmod(fd, 0660);
        close(fd);
        return result == 0 ? 0 : carom_error_set(err, CAROM_ERROR_IO, "%s: cannot set the ledger's rights: %s", db->path,
                                                 strerror(errno));
    }
    if (errno != EEXIST)
        return carom_error_set(err, CAROM_ERROR_IO, "%s: cannot create the ledger: %s", db->path, strerror(errno));
    if (stat(db->path, &info) == 0 && !S_ISREG(info.st_mode))
        return carom_error_set(err, CAROM_ERROR_IO, "%s: cannot open the ledger: it is no regular file", db->path);
    return 0;
}

static int check_readable(struct carom_db *db, struct carom_error *err)
{
    struct stat info;
    if (stat(db->path, &info) != 0 && errno == ENOENT)
        return carom_error_set(err, CAROM_ERROR_IO,
                               "%s: there is no ledger; nothing has been recorded, or it is kept elsewhere (--store)",
                               db->path);
    if (access(db->path, R_OK) != 0)
        return carom_error_set(err, CAROM_ERROR_IO, "%s: cannot read the ledger: %s; run as the user who owns it",
                               db->path, strerror(errno));
    if (stat(db->path, &info) == 0 && !S_ISREG(info.st_mode))
        return carom_error_set(err, CAROM_ERROR_IO, "%s: cannot open the ledger: it is no regular file", db->path);
    return 0;
}

static int open_handle(struct carom_db *db, struct carom_error *err)
{
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    flags |= db->mode == CAROM_DB_READ  ? SQLITE_OPEN_READONLY
             : db->mode == CAROM_DB_WRITE ? SQLITE_OPEN_READWRITE
                                          : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_MEMORY;
    int code = sqlite3_open_v2(db->mode == CAROM_DB_MEMORY ? ":memory:" : db->path, &db->handle, flags, NULL);
    if (code != SQLITE_OK)
        return sqlite_error(db, code, "open", err);
    /* SQLite opens for reading, silently, what it may not write. */
    if (db->mode == CAROM_DB_WRITE && sqlite3_db_readonly(db->handle, "main") == 1)
        return carom_error_set(err, CAROM_ERROR_IO,
                               "%s: the ledger is write-protected for this user; run as the user who owns it",
                               db->path);
    return configure(db, err);
}

static int open_for_writing(struct carom_db *db, enum carom_db_mode mode, struct carom_error *err)
{
    carom_checkpoint_init(&db->checkpoint, db->path);
    if (carom_netfs_check(db->path, err) != 0 || carom_lock_open(&db->lock, db->path, err) != 0 ||
        carom_lock_take(&db->lock, err) != 0)
        return -1;
    int result = -1;
    if (make_file(db, err) == 0 && open_handle(db, err) == 0 && set_wal(db, err) == 0) {
        sqlite3_wal_hook(db->handle, committed, db);
        result = check_tables(db, mode, err);
    }
    carom_lock_release(&db->lock);
    return result;
}

int carom_db_open(struct carom_db *db, const char *path, enum carom_db_mode mode, struct carom_error *err)
{
    *db = (struct carom_db){.mode = mode == CAROM_DB_MIGRATE ? CAROM_DB_WRITE : mode == CAROM_DB_LOOK ? CAROM_DB_READ : mode,
                            .lock = {.fd = -1},
                            .scratch = CAROM_BUF_INIT((size_t)1 << 28),
                            .packed = CAROM_BUF_INIT((size_t)1 << 30)};
    int result = -1;
    carom_pack_init(&db->pack);
    if (!(db->path = strdup(path)))
        carom_error_memory(err);
    else if (db->mode == CAROM_DB_WRITE)
        result = open_for_writing(db, mode, err);
    else if (mode == CAROM_DB_MEMORY)
        result = open_handle(db, err) == 0 ? check_tables(db, mode, err) : -1;
    else if (check_readable(db, err) == 0 && carom_netfs_check(path, err) == 0 && open_handle(db, err) == 0)
        result = check_tables(db, mode, err);
    if (result != 0)
        carom_db_close(db);
    return result;
}

void carom_db_close(struct carom_db *db)
{
    carom_db_rollback(db);
    carom_checkpoint_deinit(&db->checkpoint);
    for (size_t i = 0; i < CAROM_DB_STATEMENTS && db->cache[i].sql; i++)
        sqlite3_finalize(db->cache[i].statement);
    /* The last one out copies the log back into the file, under SQLite's own locks: waiting for ours would hold up a
       pipe that has committed already. */
    sqlite3_close(db->handle);
    carom_lock_close(&db->lock);
    carom_pack_deinit(&db->pack);
    carom_buf_deinit(&db->scratch);
    carom_buf_deinit(&db->packed);
    free(db->path);
    *db = (struct carom_db){.lock = {.fd = -1}};
}
