/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* A ledger in a directory of its own, and what is recorded in it. */

#ifndef CAROM_TESTS_LEDGER_BENCH_H
#define CAROM_TESTS_LEDGER_BENCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <sqlite3.h>

#include "base/error.h"
#include "ledger/care.h"
#include "ledger/ledger.h"

#define DAY INT64_C(86400000)
static const int64_t now = INT64_C(1772366400000);

static char directory[32], path[64], url[80];
static struct carom_arena *arena;

static struct carom_sink crm = {.name = {"endpoint.crm", 12}};
static struct carom_sink second = {.name = {"unsubscribe.2", 13}};
static struct carom_sink first = {.name = {"unsubscribe", 11}, .next = &second};
static struct carom_sink any = {.name = {"*", 1}};
static struct carom_sink_entry rest = {.name = {"*", 1}, .sinks = &any};
static struct carom_sink_entry sinks = {.name = {"unsubscribe", 11}, .sinks = &first, .next = &rest};
static struct carom_sink_entry endpoints = {.name = {"crm", 3}, .sinks = &crm};
static struct carom_list_entry news = {.id = {"news.example.org", 16}};
static struct carom_list_entry lists = {.id = {"dev.example.org", 15}, .next = &news};
static const struct carom_config config = {.sinks = &sinks, .endpoints = &endpoints, .lists = &lists};

static inline int setup(void **state)
{
    (void)state;
    strcpy(directory, "/tmp/carom-ledger-XXXXXX");
    if (!mkdtemp(directory) || !(arena = carom_arena_new()))
        return -1;
    snprintf(path, sizeof(path), "%s/carom.db", directory);
    snprintf(url, sizeof(url), "sqlite:%s", path);
    return 0;
}

static inline int teardown(void **state)
{
    char command[64];
    (void)state;
    carom_arena_free(arena);
    snprintf(command, sizeof(command), "rm -rf %s", directory);
    return system(command);
}

static inline struct carom_ledger ledger_open(enum carom_ledger_mode mode)
{
    struct carom_ledger ledger;
    struct carom_error err = {0};
    if (carom_ledger_open(url, mode, &ledger, &err) != 0)
        fail_msg("open: %s", err.text);
    return ledger;
}

static inline void must(int result, const struct carom_error *err, const char *what)
{
    if (result != 0)
        fail_msg("%s: %s", what, err->text);
}

/* What is recorded: a soft failure of ann unless changed. */
struct given {
    struct carom_fact fact;
    struct carom_decision decision;
    struct carom_entry entry;
};

static inline void give(struct given *given, uint64_t identity)
{
    *given = (struct given){.fact = {.id = CAROM_STR("id"),
                                     .kind = CAROM_KIND_TRANSIENT,
                                     .reason = CAROM_REASON_MAILBOX_FULL,
                                     .recipient = CAROM_STR("Ann@example.com"),
                                     .list = CAROM_STR("dev.example.org"),
                                     .confidence = CAROM_CONFIDENCE_HIGH,
                                     .time = now / 1000,
                                     .received = now / 1000,
                                     .original = {.headers = CAROM_STR("Message-ID: <1@example.org>\r\n")}}};
    carom_decision_init(&given->decision);
    given->entry = (struct carom_entry){.fact = &given->fact,
                                        .decision = &given->decision,
                                        .config = &config,
                                        .identity = identity,
                                        .address = CAROM_STR("ann@example.com"),
                                        .raw = CAROM_STR("From: MAILER-DAEMON\r\n\r\nIt failed.\r\n"),
                                        .headers = CAROM_STR("From: MAILER-DAEMON\r\n"),
                                        .policy = CAROM_STR("0123"),
                                        .now = now};
}

static inline struct carom_decided *act(struct given *given, enum carom_action_type type)
{
    struct carom_decided *decided = carom_decision_add(arena, &given->decision, type);
    assert_non_null(decided);
    return decided;
}

static inline void record(struct carom_ledger *ledger, struct given *given)
{
    struct carom_error err = {0};
    carom_decision_settle(&given->decision, &given->fact, &config);
    must(ledger->ops->begin(ledger->store, &err), &err, "begin");
    must(ledger->ops->record(ledger->store, arena, &given->entry, &err), &err, "record");
    must(ledger->ops->commit(ledger->store, &err), &err, "commit");
}

static inline struct carom_history past(struct carom_ledger *ledger, const char *key)
{
    struct carom_history history = {.now = now};
    struct carom_error err = {0};
    must(ledger->ops->past(ledger->store, arena, carom_str(key), &history, &err), &err, "past");
    return history;
}

static inline int count_job(void *user, const struct carom_job *job)
{
    (void)job;
    return (*(int *)user)++, 0;
}

static inline int count_jobs(struct carom_ledger *ledger, int state)
{
    struct carom_error err = {0};
    int n = 0;
    must(ledger->ops->jobs(ledger->store, arena, state, count_job, &n, &err), &err, "jobs");
    return n;
}

static inline int64_t query(const char *sql)
{
    sqlite3 *handle;
    sqlite3_stmt *statement;
    assert_int_equal(sqlite3_open_v2(path, &handle, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(handle, sql, -1, &statement, NULL), SQLITE_OK);
    int code = sqlite3_step(statement);
    int64_t value = code == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : -1;
    assert_true(code == SQLITE_ROW || code == SQLITE_DONE);
    sqlite3_finalize(statement);
    sqlite3_close(handle);
    return value;
}

#endif
