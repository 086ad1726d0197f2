/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* From one schema version to the next: with migrations made up here, on a ledger as it was written. */

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
#include "ledger/inspect.h"
#include "ledger/migrate.h"
#include "ledger/schema.h"

static char directory[40], path[64], url[80];

static int setup(void **state)
{
    (void)state;
    strcpy(directory, "/tmp/carom-migrate-XXXXXX");
    if (!mkdtemp(directory))
        return -1;
    snprintf(path, sizeof(path), "%s/carom.db", directory);
    snprintf(url, sizeof(url), "sqlite:%s", path);
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
    struct carom_error err = {0};
    if (carom_db_open(db, path, mode, &err) != 0)
        fail_msg("%s", err.text);
}

static void run(struct carom_db *db, const char *sql)
{
    struct carom_error err = {0};
    if (carom_db_execute(db, sql, "write to", &err) != 0)
        fail_msg("%s", err.text);
}

static int deny_pragma(void *user, int action, const char *name, const char *value, const char *database, const char *trigger)
{
    (void)value, (void)database, (void)trigger;
    return action == SQLITE_PRAGMA && !strcmp(name, user) ? SQLITE_DENY : SQLITE_OK;
}

static int64_t ask(struct carom_db *db, const char *sql)
{
    struct carom_error err = {0};
    int64_t value;
    if (carom_db_pragma(db, sql, &value, &err) != 0)
        fail_msg("%s", err.text);
    return value;
}

/* An address, and a fact that points to it. */
static const char rows[] =
    "INSERT INTO address (id, hash, key, spelling) VALUES (1, 2, 'ann@example.com', 'ann@example.com');"
    "INSERT INTO fact (id, identity, address, kind, authenticity, hard, ignored, retried, time, received, delivery, points,"
    " held, undone, decided, unmatched, decision, fact) VALUES (2, 3, 1, 'other', 'unproven', 0, 0, 0, 1, 1, 0, 0, 0, 0, 1, 0,"
    " '{}', '{}')";
static const char *const adds[] = {"ALTER TABLE address ADD COLUMN hue TEXT NOT NULL DEFAULT 'blue'", NULL};
static const char *const makes_anew[] = {
    "CREATE TABLE address_new (id INTEGER PRIMARY KEY, hash INTEGER NOT NULL, key TEXT NOT NULL, spelling TEXT NOT NULL,"
    " restored INTEGER NOT NULL DEFAULT 0, hue TEXT NOT NULL) STRICT",
    "INSERT INTO address_new SELECT id, hash, key, spelling, restored, 'green' FROM address", "DROP TABLE address",
    "ALTER TABLE address_new RENAME TO address", NULL};
static const char *const breaks_off[] = {"DELETE FROM fact", "INSERT INTO nowhere VALUES (1)", NULL};
static const char *const loses_rows[] = {"DELETE FROM address", NULL};

static void test_one_version_after_the_other(void **state)
{
    const struct carom_migration table[] = {{1, adds}, {2, makes_anew}, {0, NULL}};
    struct carom_error err = {0};
    struct carom_db db;

    (void)state;
    open_as(&db, CAROM_DB_WRITE);
    run(&db, rows);
    assert_int_equal(carom_migrate(&db, table, 1, &err), 0); /* nothing to do */
    assert_int_equal(ask(&db, "PRAGMA user_version"), 1);
    assert_int_equal(carom_migrate(&db, table, 3, &err), 0);
    assert_int_equal(ask(&db, "PRAGMA user_version"), 3);
    assert_int_equal(ask(&db, "SELECT count(*) FROM address a JOIN fact f ON f.address = a.id WHERE a.hue = 'green'"), 1);
    assert_int_equal(ask(&db, "PRAGMA foreign_keys"), 1);
    carom_db_close(&db);
}

static void test_a_step_that_fails_is_not_taken(void **state)
{
    static const struct {
        struct carom_migration table[3];
        int to, reached;
        const char *want;
    } cases[] = {
        {{{1, adds}, {2, breaks_off}, {0, NULL}}, 3, 2, "nowhere"},
        {{{1, adds}, {2, loses_rows}, {0, NULL}}, 3, 2, "would point to nothing"},
        {{{1, adds}, {0, NULL}}, 3, 2, "no way from schema version 2 to 3"},
        {{{0, NULL}}, 2, 1, "no way from schema version 1 to 2"},
        {{{1, adds}, {0, NULL}}, 0, 1, "no way from schema version 1 to 0"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct carom_error err = {0};
        struct carom_db db;
        unlink(path);
        open_as(&db, CAROM_DB_WRITE);
        run(&db, rows);
        assert_int_equal(carom_migrate(&db, cases[i].table, cases[i].to, &err), -1);
        if (!strstr(err.text, cases[i].want))
            fail_msg("%zu: got '%s', want '%s'", i, err.text, cases[i].want);
        assert_int_equal(ask(&db, "PRAGMA user_version"), cases[i].reached);
        assert_int_equal(ask(&db, "SELECT count(*) FROM address a JOIN fact f ON f.address = a.id"), 1);
        assert_int_equal(ask(&db, "PRAGMA foreign_keys"), 1);
        carom_db_close(&db);
    }
}

/* Without the keys nothing is sure. */
static void test_what_cannot_be_checked(void **state)
{
    static char names[][24] = {"foreign_keys", "foreign_key_check"};
    const struct carom_migration table[] = {{1, adds}, {0, NULL}};
    struct carom_db db;
    (void)state;
    open_as(&db, CAROM_DB_WRITE);
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        struct carom_error err = {0};
        sqlite3_set_authorizer(db.handle, deny_pragma, names[i]);
        assert_int_equal(carom_migrate(&db, table, 2, &err), -1);
        sqlite3_set_authorizer(db.handle, NULL, NULL);
        assert_non_null(strstr(err.text, "not authorized"));
        assert_int_equal(ask(&db, "PRAGMA user_version"), 1);
    }
    carom_db_close(&db);
}

static void ignore(void *user, const char *text)
{
    (void)user, (void)text;
}

/* Only who is told to migrate does: the others say what to do. */
static void test_who_meets_another_version(void **state)
{
    static const struct {
        int version;
        const char *want;
    } cases[] = {{CAROM_SCHEMA_VERSION - 1, "carom ledger migrate"}, {CAROM_SCHEMA_VERSION + 1, "upgrade this one"}};
    static const enum carom_ledger_mode modes[] = {CAROM_LEDGER_READ, CAROM_LEDGER_WRITE, CAROM_LEDGER_DRY};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct carom_inspection inspection;
        struct carom_error err = {0};
        struct carom_ledger ledger;
        struct carom_db db;
        char mark[48];
        open_as(&db, i ? CAROM_DB_LOOK : CAROM_DB_WRITE);
        carom_db_close(&db);
        sqlite3 *handle;
        snprintf(mark, sizeof(mark), "PRAGMA user_version=%d", cases[i].version);
        assert_int_equal(sqlite3_open(path, &handle), SQLITE_OK);
        assert_int_equal(sqlite3_exec(handle, mark, NULL, NULL, NULL), SQLITE_OK);
        sqlite3_close(handle);
        for (size_t k = 0; k < sizeof(modes) / sizeof(*modes); k++) {
            assert_int_equal(carom_ledger_open(url, modes[k], &ledger, &err), -1);
            assert_int_equal(err.code, CAROM_ERROR_CONFIG);
            assert_non_null(strstr(err.text, cases[i].want));
        }
        assert_int_equal(carom_ledger_open(url, CAROM_LEDGER_MIGRATE, &ledger, &err), -1); /* there is no such migration */
        assert_non_null(strstr(err.text, i ? "upgrade this one" : "no way from schema version 0 to 1"));
        assert_int_equal(carom_ledger_inspect(url, ignore, NULL, &inspection, &err), 0);
        assert_int_equal(inspection.findings, 1);
        assert_int_equal(inspection.version, cases[i].version);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_one_version_after_the_other, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_step_that_fails_is_not_taken, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_cannot_be_checked, setup, teardown),
        cmocka_unit_test_setup_teardown(test_who_meets_another_version, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
