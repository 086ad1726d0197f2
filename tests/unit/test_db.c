/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* One SQLite file: what is said of each kind of trouble, and that a transaction is whole or not there. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <unistd.h>

#include "base/error.h"
#include "ledger/db.h"

static char directory[40], path[64];
static struct carom_error err;

static int setup(void **state)
{
    (void)state;
    err = (struct carom_error){0};
    strcpy(directory, "/tmp/carom-db-XXXXXX");
    if (!mkdtemp(directory))
        return -1;
    snprintf(path, sizeof(path), "%s/carom.db", directory);
    return 0;
}

static int teardown(void **state)
{
    char command[64];
    (void)state;
    snprintf(command, sizeof(command), "rm -rf %s", directory);
    return system(command);
}

static void open_as(struct carom_db *db, enum carom_db_mode mode)
{
    if (carom_db_open(db, path, mode, &err) != 0)
        fail_msg("%s", err.text);
}

static void put_file(const char *name, const char *text)
{
    FILE *file = fopen(name, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void expect(int code, const char *part)
{
    if ((int)err.code != code || !strstr(err.text, part))
        fail_msg("got %d '%s', want %d '…%s…'", (int)err.code, err.text, code, part);
    err = (struct carom_error){0};
}

static void run(struct carom_db *db, const char *sql)
{
    if (carom_db_execute(db, sql, "write to", &err) != 0)
        fail_msg("%s", err.text);
}

static void test_statements(void **state)
{
    static char texts[CAROM_DB_STATEMENTS + 1][16];
    struct carom_db db;
    (void)state;
    open_as(&db, CAROM_DB_WRITE);
    assert_null(carom_db_use(&db, &err, "SELECT 1", "i", INT64_C(1))); /* of which it has none */
    expect(CAROM_ERROR_IO, "cannot write to the ledger");
    size_t n = 0;
    for (; n <= CAROM_DB_STATEMENTS; n++) {
        strcpy(texts[n], "SELECT 1");
        if (!carom_db_use(&db, &err, texts[n], ""))
            break;
    }
    assert_int_equal(n, CAROM_DB_STATEMENTS - 1); /* and the one above */
    expect(CAROM_ERROR_LIMIT, "too many statements");
    carom_db_close(&db);
}

static void test_transactions(void **state)
{
    struct carom_db db;
    (void)state;
    open_as(&db, CAROM_DB_WRITE);
    assert_int_equal(carom_db_commit(&db, &err), -1);
    expect(CAROM_ERROR_USAGE, "no transaction is open");
    assert_int_equal(carom_db_begin(&db, &err), 0);
    assert_int_equal(carom_db_begin(&db, &err), -1);
    expect(CAROM_ERROR_USAGE, "a transaction is open already");
    assert_int_equal(carom_db_view(&db, &err), -1);
    expect(CAROM_ERROR_USAGE, "a transaction is open already");
    run(&db, "ROLLBACK"); /* as an error may do it */
    assert_null(carom_db_use(&db, &err, "DELETE FROM fact", ""));
    expect(CAROM_ERROR_IO, "an earlier error undid the transaction");
    assert_int_equal(carom_db_commit(&db, &err), -1);
    expect(CAROM_ERROR_IO, "an earlier error undid the transaction");
    run(&db, "BEGIN");
    assert_int_equal(carom_db_view(&db, &err), -1);
    expect(CAROM_ERROR_IO, "cannot start a transaction within a transaction");
    run(&db, "ROLLBACK");
    assert_int_equal(carom_db_begin(&db, &err), 0); /* nobody holds the lock any more */
    carom_db_close(&db);
}

static void test_what_is_said(void **state)
{
    sqlite3 *other;
    struct carom_db db, none = {.path = path};
    (void)state;
    open_as(&db, CAROM_DB_WRITE);
    assert_int_equal(sqlite3_open(path, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_busy_timeout(db.handle, 0);
    assert_int_equal(carom_db_begin(&db, &err), -1);
    expect(CAROM_ERROR_BUSY, "; another program holds it: try again later");
    sqlite3_close(other);
    run(&db, "PRAGMA max_page_count=1");
    assert_int_equal(carom_db_execute(&db, "CREATE TABLE more (id INTEGER) STRICT", "write to", &err), -1);
    expect(CAROM_ERROR_IO, "; the disk is full: free some space");
    assert_int_equal(carom_db_error(&none, "open", &err), -1);
    expect(CAROM_ERROR_MEMORY, "memory");
    carom_db_close(&db);
}

static void test_what_is_no_ledger(void **state)
{
    struct carom_db db;
    char below[96];
    (void)state;
    assert_int_equal(carom_db_open(&db, path, CAROM_DB_READ, &err), -1);
    expect(CAROM_ERROR_IO, "there is no ledger; nothing has been recorded");
    put_file(path, "");
    assert_int_equal(carom_db_open(&db, path, CAROM_DB_READ, &err), -1);
    expect(CAROM_ERROR_IO, "is empty: nothing has been recorded there yet");
    put_file(path, "this is a text, and no database, which begins with other bytes than this one does, and with more of them");
    for (int i = 0; i < 2; i++) {
        assert_int_equal(carom_db_open(&db, path, i ? CAROM_DB_WRITE : CAROM_DB_READ, &err), -1);
        expect(CAROM_ERROR_IO, "; the file is no SQLite database: restore the ledger from a backup, or name another with --store");
    }
    snprintf(below, sizeof below, "%s/carom.db", path);
    assert_int_equal(carom_db_open(&db, below, CAROM_DB_READ, &err), -1);
    expect(CAROM_ERROR_IO, "cannot read the ledger: Not a directory");
}

/* A batch of about so many pages, as it commits after 2,000 messages. */
static void write_batch(struct carom_db *db, int pages)
{
    char sql[160];
    snprintf(sql, sizeof(sql), "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)"
                               " INSERT INTO raw (message) SELECT zeroblob(8000) FROM n", pages);
    assert_int_equal(carom_db_begin(db, &err), 0);
    run(db, sql);
    db->written = 1000;
    assert_int_equal(carom_db_commit(db, &err), 0);
}

static int64_t size_of(const struct carom_db *db, const char *suffix)
{
    int64_t size;
    assert_int_equal(carom_db_file_size(db, suffix, &size, &err), 0);
    return size;
}

/* Beside the batches, while the ledger stays open; and the log does not grow with what is written. */
static void test_batches_are_copied_back(void **state)
{
    const int64_t page = 8192, pages = 1200;
    struct carom_db db;
    (void)state;
    open_as(&db, CAROM_DB_WRITE);
    write_batch(&db, (int)pages);
    assert_true(db.checkpoint.running);
    pthread_mutex_lock(&db.checkpoint.lock);
    while (db.checkpoint.wanted || db.checkpoint.busy)
        pthread_cond_wait(&db.checkpoint.changed, &db.checkpoint.lock);
    pthread_mutex_unlock(&db.checkpoint.lock);
    assert_true(size_of(&db, "") > pages * page);
    for (int i = 0; i < 8; i++)
        write_batch(&db, (int)pages);
    if (size_of(&db, "-wal") > 5 * pages * page)
        fail_msg("the log has %lld bytes", (long long)size_of(&db, "-wal"));
    carom_db_close(&db);
    open_as(&db, CAROM_DB_READ);
    int64_t n;
    assert_int_equal(carom_db_pragma(&db, "SELECT count(*) FROM raw", &n, &err), 0);
    assert_int_equal(n, 9 * pages);
    carom_db_close(&db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_statements, setup, teardown),
        cmocka_unit_test_setup_teardown(test_transactions, setup, teardown),
        cmocka_unit_test_setup_teardown(test_batches_are_copied_back, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_said, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_no_ledger, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
