/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The breaker against its definition, counted anew each time, over two months of removals: in order and not, undone, and
   changed by another process meanwhile; in a file, in memory, and in memory over a file. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/error.h"
#include "base/hash.h"
#include "decision/hold.h"
#include "ledger/breaker.h"
#include "ledger/memory.h"

enum { REMOVALS = 4000, PEOPLE = 400, GROUP = 77, INCIDENTS = 1000 };
#define MINUTE INT64_C(60000)
#define DAY (1440 * MINUTE)
static const int64_t start = INT64_C(1772366400000);
static const struct carom_config config = {.breaker = {.window_ms = 60 * MINUTE, .min = 5, .factor = 2}};
static char directory[] = "/tmp/breakerXXXXXX", path[64], url[80];

/* ---- What is right ---- */

enum state { DONE, HELD, GONE };
struct removal {
    int64_t received;
    int person;
    enum state state;
};
struct model {
    struct removal list[REMOVALS];
    size_t n;
    struct carom_incident incidents[INCIDENTS]; /* as they came */
    size_t incidents_n;
};

static bool is_in(const struct removal *removal, int64_t after, int64_t until)
{
    return removal->received > after && removal->received <= until;
}

static int64_t count(const struct model *model, int64_t now, int person)
{
    bool seen[PEOPLE] = {[0] = false};
    int64_t n = 0;
    seen[person] = true;
    for (size_t i = 0; i < model->n; i++)
        if (is_in(&model->list[i], now - config.breaker.window_ms, now))
            seen[model->list[i].person] = true;
    for (int i = 0; i < PEOPLE; i++)
        n += seen[i];
    return n;
}

static int compare(const void *left, const void *right)
{
    const int64_t *a = left, *b = right;
    return (*a > *b) - (*a < *b);
}

static int64_t busiest(const struct model *model, int64_t now)
{
    int64_t window = config.breaker.window_ms, until = now - window, most = 0, times[REMOVALS];
    size_t n = 0;
    for (size_t i = 0; i < model->n; i++)
        if (model->list[i].state == DONE && is_in(&model->list[i], until - 28 * DAY, until))
            times[n++] = model->list[i].received;
    qsort(times, n, sizeof(*times), compare);
    for (size_t first = 0, last = 0; last < n; last++) {
        while (times[last] - times[first] >= window)
            first++;
        most = (int64_t)(last - first + 1) > most ? (int64_t)(last - first + 1) : most;
    }
    return most;
}

static struct carom_incident *incident_at(struct model *model, int64_t time)
{
    struct carom_incident *last = NULL;
    for (size_t i = 0; i < model->incidents_n; i++)
        if (model->incidents[i].since <= time && (!last || model->incidents[i].since >= last->since))
            last = &model->incidents[i];
    return last;
}

static enum carom_trip expect(struct model *model, int64_t now, int person, int64_t *usual_r, int64_t *n_r)
{
    int64_t least = config.breaker.min, window = config.breaker.window_ms, n = count(model, now, person), usual = 0;
    bool too_many = false;
    if (n >= least) {
        usual = busiest(model, now);
        int64_t all = model->n && now - model->list[0].received >= 28 * DAY ? least : 4 * least;
        int64_t threshold = 2 * usual + 1 > all ? 2 * usual + 1 : all;
        too_many = n >= threshold;
        n = threshold;
    }
    struct carom_incident *incident = incident_at(model, now + window);
    if (incident && now <= incident->busy + 2 * window) {
        if (too_many && now > incident->busy)
            incident->busy = now;
        return CAROM_TRIP_HOLD;
    }
    if (!too_many)
        return CAROM_TRIP_NONE;
    assert_true(model->incidents_n < INCIDENTS);
    model->incidents[model->incidents_n++] = (struct carom_incident){.since = now, .busy = now};
    *usual_r = usual;
    *n_r = n;
    return CAROM_TRIP_NEW;
}

/* ---- What is done ---- */

struct bench {
    struct carom_ledger ledger;
    struct carom_arena *arena;
    struct model *model, *before; /* before: the transaction */
    uint64_t identity;
    size_t below; /* removals of the file under it, which a dry run does not recall */
    bool undoes, others; /* transactions can be undone; another process writes too */
    int64_t trips, holds;
    unsigned seed;
};

static unsigned draw(struct bench *bench, unsigned below)
{
    bench->seed = bench->seed * 1103515245 + 12345;
    return (bench->seed >> 8) % below;
}

static void must(int result, const struct carom_error *err)
{
    if (result != 0)
        fail_msg("%s", err->text);
}

static void record(struct bench *bench, const char *address, int64_t received, const struct carom_incident *held)
{
    struct carom_error err = {0};
    struct carom_fact fact = {.id = CAROM_STR("id"), .kind = CAROM_KIND_PERMANENT, .reason = CAROM_REASON_USER_UNKNOWN,
                              .recipient = carom_str(address), .confidence = CAROM_CONFIDENCE_HIGH,
                              .time = received / 1000, .received = received / 1000};
    struct carom_decision decision;
    struct carom_entry entry = {.fact = &fact, .decision = &decision, .config = &config, .identity = ++bench->identity,
                                .address = carom_str(address), .raw = CAROM_STR_EMPTY, .headers = CAROM_STR_EMPTY,
                                .policy = CAROM_STR("0123"), .now = received, .group = GROUP,
                                .incident = held ? held->id : 0};
    carom_decision_init(&decision);
    assert_non_null(carom_decision_add(bench->arena, &decision, CAROM_ACTION_SUPPRESS));
    carom_decision_settle(&decision, &fact, &config);
    if (held)
        carom_hold_removals(&decision);
    must(bench->ledger.ops->record(bench->ledger.store, bench->arena, &entry, &err), &err);
}

static void recall(struct bench *bench, const struct carom_incident *incident)
{
    struct carom_error err = {0};
    struct model *model = bench->model;
    int64_t from = incident->since - config.breaker.window_ms, n;
    must(bench->ledger.ops->recall(bench->ledger.store, incident, from, &config, incident->since, &n, &err), &err);
    for (size_t i = bench->below; i < model->n; i++)
        if (model->list[i].received > from && model->list[i].state == DONE)
            model->list[i].state = HELD;
}

static void remove_one(struct bench *bench, int person, int64_t received)
{
    struct carom_error err = {0};
    struct carom_incident incident;
    enum carom_trip trip;
    int64_t usual = 0, n = 0;
    char address[32];
    carom_arena_reset(bench->arena);
    snprintf(address, sizeof(address), "user%d@example.com", person);
    const struct carom_removal_ask ask = {.group = GROUP, .provider = CAROM_STR("p"), .reason = CAROM_STR("r"),
                                          .address = carom_str(address), .received = received};
    enum carom_trip want = expect(bench->model, received, person, &usual, &n);
    must(carom_breaker_judge(&bench->ledger, bench->arena, &config, &ask, &trip, &incident, &err), &err);
    if (trip != want || (trip == CAROM_TRIP_NEW && (incident.usual != usual || incident.count != n)))
        fail_msg("removal %zu: got trip %d, count %lld, usual %lld, want %d, %lld, %lld", bench->model->n, (int)trip,
                 (long long)incident.count, (long long)incident.usual, (int)want, (long long)n, (long long)usual);
    bench->trips += trip == CAROM_TRIP_NEW;
    bench->holds += trip == CAROM_TRIP_HOLD;
    if (trip == CAROM_TRIP_NEW)
        recall(bench, &incident);
    record(bench, address, received, trip == CAROM_TRIP_NONE ? NULL : &incident);
    bench->model->list[bench->model->n++] = (struct removal){received, person, trip == CAROM_TRIP_NONE ? DONE : HELD};
}

static void begin(struct bench *bench)
{
    struct carom_error err = {0};
    must(bench->ledger.ops->begin(bench->ledger.store, &err), &err);
    *bench->before = *bench->model;
}

static void end(struct bench *bench)
{
    struct carom_error err = {0};
    if (bench->undoes && draw(bench, 20) == 0) {
        bench->ledger.ops->rollback(bench->ledger.store);
        *bench->model = *bench->before;
    } else {
        must(bench->ledger.ops->commit(bench->ledger.store, &err), &err);
    }
}

/* Somebody releases, or undoes. */
static void change_one(struct bench *bench)
{
    sqlite3 *handle;
    char sql[160];
    size_t which = draw(bench, (unsigned)bench->model->n);
    enum state state = draw(bench, 2) ? DONE : GONE;
    snprintf(sql, sizeof(sql), "UPDATE removal SET state = %d WHERE id = (SELECT id FROM removal ORDER BY id LIMIT 1 OFFSET %zu)",
             (int)state, which);
    assert_int_equal(sqlite3_open(path, &handle), SQLITE_OK);
    assert_int_equal(sqlite3_exec(handle, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(handle);
    bench->model->list[which].state = state;
}

/* Quiet days, bursts of one provider, mail that comes late, and an archive that begins anew. */
static void go_through(struct bench *bench, size_t n)
{
    int64_t now = start, later;
    unsigned burst = 0;
    begin(bench);
    for (size_t i = 0; i < n; i++) {
        if (!burst && draw(bench, 100) == 0)
            burst = 1 + draw(bench, 100);
        now += burst ? (int64_t)draw(bench, 60) * 1000 : (int64_t)draw(bench, 180) * MINUTE;
        burst -= burst > 0;
        later = draw(bench, 8) == 0 ? now - (int64_t)draw(bench, 90) * MINUTE : draw(bench, 200) == 0 ? now - 20 * DAY : now;
        remove_one(bench, (int)draw(bench, draw(bench, 4) ? PEOPLE : 10), later);
        if (draw(bench, 12))
            continue;
        end(bench);
        if (bench->others && bench->model->n && draw(bench, 15) == 0)
            change_one(bench);
        begin(bench);
    }
    end(bench);
}

static void run(struct bench *bench, size_t n, unsigned seed, int64_t least)
{
    bench->seed = seed;
    bench->arena = carom_arena_new();
    bench->before = malloc(sizeof(*bench->before));
    go_through(bench, n);
    if (bench->trips < least || bench->holds < 10 * bench->trips)
        fail_msg("%lld trips and %lld holds show little", (long long)bench->trips, (long long)bench->holds);
    carom_ledger_close(&bench->ledger);
    carom_arena_free(bench->arena);
    free(bench->before);
}

/* ---- Where ---- */

static int set_up(void **state)
{
    (void)state;
    strcpy(directory, "/tmp/breakerXXXXXX");
    if (!mkdtemp(directory))
        return -1;
    snprintf(path, sizeof(path), "%s/carom.db", directory);
    snprintf(url, sizeof(url), "sqlite:%s", path);
    return 0;
}

static int tear_down(void **state)
{
    char command[64];
    (void)state;
    snprintf(command, sizeof(command), "rm -rf %s", directory);
    return system(command);
}

static void test_file(void **state)
{
    (void)state;
    struct carom_error err = {0};
    struct bench bench = {.model = calloc(1, sizeof(struct model)), .undoes = true, .others = true};
    must(carom_ledger_open(url, CAROM_LEDGER_WRITE, &bench.ledger, &err), &err);
    run(&bench, 1500, 1, 4);
    free(bench.model);
}

static void test_memory(void **state)
{
    (void)state;
    struct carom_error err = {0};
    struct bench bench = {.model = calloc(1, sizeof(struct model))};
    must(carom_memory_open(&bench.ledger, &err), &err);
    run(&bench, 3000, 2, 4);
    free(bench.model);
}

/* The dry run goes over the same months again, so that it finds removals of before on both sides of its own. No incident
   is carried over: the file's would answer for it. */
static void test_dry_run(void **state)
{
    (void)state;
    struct carom_error err = {0};
    struct bench bench = {.model = calloc(1, sizeof(struct model)), .identity = 1000000};
    const char *none = "DELETE FROM incident; UPDATE removal SET state = 0 WHERE state = 1";
    sqlite3 *handle;
    must(carom_ledger_open(url, CAROM_LEDGER_WRITE, &bench.ledger, &err), &err);
    run(&bench, 400, 3, 0);
    assert_int_equal(sqlite3_open(path, &handle), SQLITE_OK);
    assert_int_equal(sqlite3_exec(handle, none, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(handle);
    bench.below = bench.model->n;
    bench.model->incidents_n = 0;
    for (size_t i = 0; i < bench.model->n; i++)
        bench.model->list[i].state = bench.model->list[i].state == HELD ? DONE : bench.model->list[i].state;
    bench.trips = bench.holds = 0;
    must(carom_ledger_open(url, CAROM_LEDGER_DRY, &bench.ledger, &err), &err);
    run(&bench, 2000, 5, 3);
    free(bench.model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_memory, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_dry_run, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
