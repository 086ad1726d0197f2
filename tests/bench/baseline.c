/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* usage: bench_baseline DATABASE
   The least that taking one message safely can cost: forks once, and the child opens the SQLite file and commits one row
   of 1 KB with synchronous=FULL. What carom pipe is measured against. */

#include <sqlite3.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static const char sql[] =
    "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE IF NOT EXISTS row (bytes BLOB);"
    "BEGIN IMMEDIATE; INSERT INTO row VALUES (zeroblob(1024)); COMMIT;";

static int write_row(const char *path)
{
    sqlite3 *db = NULL;
    char *why = NULL;
    int failed = sqlite3_open(path, &db) != SQLITE_OK || sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK;
    if (failed)
        fprintf(stderr, "%s: %s\n", path, why ? why : sqlite3_errmsg(db));
    sqlite3_free(why);
    sqlite3_close(db);
    return failed;
}

int main(int argc, char **argv)
{
    int status = 1;
    if (argc != 2)
        return 64;
    pid_t child = fork();
    if (child == 0)
        return write_row(argv[1]);
    return child < 0 || waitpid(child, &status, 0) < 0 || status != 0;
}
