/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* One SQLite connection made safe: lock, transactions, prepared statements, errors with the path in them. The only
   files that see it are those of the SQLite store. */

#ifndef CAROM_LEDGER_DB_H
#define CAROM_LEDGER_DB_H

#include <sqlite3.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/hash.h"
#include "ledger/checkpoint.h"
#include "ledger/lock.h"
#include "ledger/pack.h"

enum { CAROM_DB_STATEMENTS = 256 };

/* MIGRATE: WRITE, that brings an older schema up to ours first. LOOK: READ, whatever schema version it has. */
enum carom_db_mode { CAROM_DB_READ, CAROM_DB_WRITE, CAROM_DB_MEMORY, CAROM_DB_MIGRATE, CAROM_DB_LOOK };

struct carom_db {
    sqlite3 *handle;
    char *path;
    enum carom_db_mode mode;
    struct carom_lock lock;
    struct carom_checkpoint checkpoint; /* where it writes a file */
    bool open;        /* a transaction is */
    uint64_t transactions, rollbacks; /* so far */
    size_t written;   /* facts in it */
    int64_t last_id;  /* in it; 0: not looked up */
    struct {
        const char *sql; /* compared as a pointer */
        sqlite3_stmt *statement;
    } cache[CAROM_DB_STATEMENTS];
    struct carom_pack pack;
    struct carom_buf scratch, packed; /* heap that outlives a jump out of a call */
};

/* Of a moment: what was read then is true as long as nobody else changed the ledger. */
struct carom_db_mark {
    uint64_t transactions, rollbacks;
    int64_t version; /* of other connections */
};

int carom_db_open(struct carom_db *db, const char *path, enum carom_db_mode mode, struct carom_error *err);
void carom_db_close(struct carom_db *db);

int carom_db_begin(struct carom_db *db, struct carom_error *err);
/* Open for reading: until the rollback, what others write is not seen. Nobody waits. */
int carom_db_view(struct carom_db *db, struct carom_error *err);
int carom_db_commit(struct carom_db *db, struct carom_error *err);
void carom_db_rollback(struct carom_db *db);
/* For what must be whole by itself, but may stand in a larger transaction: *own_r says whether leave ends it. */
int carom_db_enter(struct carom_db *db, bool *own_r, struct carom_error *err);
int carom_db_leave(struct carom_db *db, bool own, int result, struct carom_error *err);

/* A statement with its parameters bound; NULL with err. sql: a static text, the same pointer each time. types, one
   letter a parameter: i int64_t, d double, s struct carom_str as text, S the same with NULL for the empty one, B as a
   blob with NULL for the empty one, I int64_t with NULL for 0. Texts are borrowed until the statement is done. */
sqlite3_stmt *carom_db_use(struct carom_db *db, struct carom_error *err, const char *sql, const char *types, ...);
/* The next row: 1; 0 none (the statement is done); -1. */
int carom_db_row(struct carom_db *db, sqlite3_stmt *statement, struct carom_error *err);
/* To the end, without rows. */
int carom_db_run(struct carom_db *db, sqlite3_stmt *statement, struct carom_error *err);
/* Outside all that is cached: statements that are run once, and one integer of one. */
int carom_db_execute(struct carom_db *db, const char *sql, const char *doing, struct carom_error *err);
int carom_db_pragma(struct carom_db *db, const char *sql, int64_t *value_r, struct carom_error *err);
/* Ends a statement before its last row. */
void carom_db_done(sqlite3_stmt *statement);
/* Ends all: what was being read when memory ran out. */
void carom_db_reset(struct carom_db *db);
/* One integer: *value_r is 0 where there is no row. Takes what carom_db_use gave, also NULL. */
int carom_db_value(struct carom_db *db, sqlite3_stmt *statement, int64_t *value_r, struct carom_error *err);

static inline struct carom_str carom_db_bytes(sqlite3_stmt *statement, int column)
{
    const char *bytes = sqlite3_column_blob(statement, column);
    return bytes ? carom_str_n(bytes, (size_t)sqlite3_column_bytes(statement, column)) : CAROM_STR_EMPTY;
}

/* The same, in the arena. */
static inline struct carom_str carom_db_copy(struct carom_arena *arena, sqlite3_stmt *statement, int column)
{
    struct carom_str bytes = carom_db_bytes(statement, column);
    return bytes.len ? carom_arena_str(arena, bytes) : CAROM_STR_EMPTY;
}
/* Did another connection commit since the mark was set, or this one take something back? Sets it anew. Within one
   transaction it costs nothing. -1: it cannot be told. */
int carom_db_changed(struct carom_db *db, struct carom_db_mark *mark, bool *changed_r, struct carom_error *err);
/* Bytes of the ledger's file with that suffix; 0: there is none. */
int carom_db_file_size(const struct carom_db *db, const char *suffix, int64_t *size_r, struct carom_error *err);

/* Keys ascend in time, and fit into the 53 bits of a JSON number as jq and JavaScript read it, until 2242: seconds since
   1970 and 20 bits. The first one of that moment (ms), and the moment of a key, to the second. */
int64_t carom_db_first_id(int64_t now);
int64_t carom_db_id_time(int64_t id);
/* The next key: that of now at least, and above every key there is. Only in a transaction. */
int carom_db_next_id(struct carom_db *db, int64_t now, int64_t *id_r, struct carom_error *err);
/* Says what SQLite said, where, and what to do. Returns -1. */
int carom_db_error(struct carom_db *db, const char *doing, struct carom_error *err);
/* As the tables keep it. */
static inline int64_t carom_db_hash(struct carom_str text) { return (int64_t)carom_hash(text); }

#endif
