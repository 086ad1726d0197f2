/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Retention: what is older than the policy keeps goes, a few hundred rows at a time, each time in a transaction of its
   own. Keys ascend in time, so that what is old enough stands at the beginning of each table; how far a table was looked
   through is remembered (table sweep), so that what must stay is not looked at again before a day has passed. */

#include <stdlib.h>

#include "base/error.h"
#include "ledger/incident.h"

enum { STEP_ROWS = 250, STEP_MESSAGES = 50 /* they are large */ };
static const int64_t day = INT64_C(24) * 3600 * 1000;

enum age { OF_RAW, OF_JOBS, OF_FACTS };

/* drop: of the rows with keys above ?1 up to ?2 those that go; what has a time of its own goes if that is before ?3. */
struct kept {
    int64_t id; /* in the table sweep */
    enum age age;
    int64_t rows;
    const char *range, *drop;
};

#define RANGE(table) \
    "SELECT coalesce(max(id), 0) FROM (SELECT id FROM " table " WHERE id > ?1 AND id < ?2 ORDER BY id LIMIT ?3)"
#define DROP(table, condition) \
    "DELETE FROM " table " WHERE id > ?1 AND id <= ?2 AND ?3 IS NOT NULL AND " condition
#define NONE(table) "NOT EXISTS (SELECT 1 FROM " table " WHERE " table ".address = address.id)"

/* In this order: jobs go before their facts, and all before the address. A job that waits, is pending or dead stays, and
   with it its fact, as what is held does. A suppression, a departure or a tag that stands needs neither fact nor message, and stays. */
static const struct kept kinds[] = {
    {1, OF_RAW, STEP_MESSAGES, RANGE("raw"), DROP("raw", "1")},
    {2, OF_JOBS, STEP_ROWS, RANGE("job"), DROP("job", "state IN (1, 3) AND due < ?3")},
    {3, OF_FACTS, STEP_ROWS, RANGE("fact"), DROP("fact", "NOT EXISTS (SELECT 1 FROM job WHERE job.fact = fact.id) AND"
                                                      " NOT EXISTS (SELECT 1 FROM held WHERE held.fact = fact.id)")},
    {4, OF_FACTS, STEP_ROWS, RANGE("suppression"),
     DROP("suppression", "((ended <> 0 AND ended < ?3) OR (until <> 0 AND until < ?3)) AND NOT EXISTS (SELECT 1 FROM job"
                         " WHERE job.address = suppression.address AND job.suppression = suppression.id)")},
    {5, OF_FACTS, STEP_ROWS, RANGE("departure"), DROP("departure", "ended <> 0 AND ended < ?3")},
    {6, OF_FACTS, STEP_ROWS, RANGE("alert"), DROP("alert", "sent < ?3")},
    {8, OF_FACTS, STEP_ROWS, RANGE("removal"), DROP("removal", "1")},
    {9, OF_FACTS, STEP_ROWS, RANGE("tag"), DROP("tag", "ended <> 0 AND ended < ?3")},
    {10, OF_FACTS, STEP_ROWS, RANGE("incident"), DROP("incident", "1")},
    {11, OF_FACTS, STEP_ROWS, RANGE("operation"), DROP("operation", "1")},
    {7, OF_FACTS, STEP_ROWS, RANGE("address"),
     DROP("address", NONE("fact") " AND " NONE("job") " AND " NONE("suppression") " AND " NONE("departure") " AND "
                     NONE("tag") " AND " NONE("held") " AND " NONE("removal") " AND " NONE("reference"))},
};
_Static_assert(CAROM_JOB_DONE == 1 && CAROM_JOB_DROPPED == 3, "states are stored as numbers");

struct sweep {
    int64_t upto, since; /* keys up to here were looked at; when it began at the first */
};

struct step {
    struct carom_db *db;
    const struct kept *kept;
    int64_t now, before; /* ms: older goes */
    struct sweep sweep;
    int64_t last; /* key of the last row of the step */
    struct carom_pruned *pruned;
    struct carom_error *err;
};

static int read_sweep(struct step *step)
{
    static const char sql[] = "SELECT upto, since FROM sweep WHERE id = ?1";
    sqlite3_stmt *row = carom_db_use(step->db, step->err, sql, "i", step->kept->id);
    int found = row ? carom_db_row(step->db, row, step->err) : -1;

    step->sweep = (struct sweep){0, step->now};
    if (found <= 0)
        return found;
    step->sweep = (struct sweep){sqlite3_column_int64(row, 0), sqlite3_column_int64(row, 1)};
    carom_db_done(row);
    return 0;
}

static int find_range(struct step *step)
{
    return carom_db_value(step->db, carom_db_use(step->db, step->err, step->kept->range, "iii", step->sweep.upto,
                                                 carom_db_first_id(step->before), step->kept->rows),
                          &step->last, step->err);
}

/* From the first key again, once a day and where the clock was set back: what had to stay may go by now. */
static int begin_again(struct step *step)
{
    if (step->last || !step->sweep.upto || llabs(step->now - step->sweep.since) < day)
        return 0;
    step->sweep = (struct sweep){0, step->now};
    return find_range(step);
}

static int64_t *counter(struct step *step)
{
    enum { RAW = 1, JOB, FACT };
    struct carom_pruned *pruned = step->pruned;
    switch (step->kept->id) {
    case RAW:
        return &pruned->messages;
    case JOB:
        return &pruned->jobs;
    case FACT:
        return &pruned->facts;
    default:
        return &pruned->others;
    }
}

static int drop(struct step *step)
{
    static const char put[] = "INSERT INTO sweep (id, upto, since) VALUES (?1, ?2, ?3)"
                              " ON CONFLICT (id) DO UPDATE SET upto = excluded.upto, since = excluded.since";
    int result = carom_db_run(step->db, carom_db_use(step->db, step->err, step->kept->drop, "iii", step->sweep.upto,
                                                     step->last, step->before),
                              step->err);
    if (result == 0)
        *counter(step) += sqlite3_changes(step->db->handle);
    return result == 0
               ? carom_db_run(step->db, carom_db_use(step->db, step->err, put, "iii", step->kept->id, step->last,
                                                     step->sweep.since),
                              step->err)
               : -1;
}

static int take_step(struct step *step)
{
    bool own;
    if (read_sweep(step) != 0 || find_range(step) != 0 || begin_again(step) != 0)
        return -1;
    if (!step->last)
        return 0;
    if (carom_db_enter(step->db, &own, step->err) != 0)
        return -1;
    return carom_db_leave(step->db, own, drop(step), step->err) == 0 ? 1 : -1;
}

int carom_sqlite_prune(struct carom_store *store, const struct carom_config *config, int64_t now, struct carom_pruned *pruned,
                       struct carom_error *err)
{
    const int64_t keep[] = {
        [OF_RAW] = config->keep_raw_ms, [OF_JOBS] = config->keep_jobs_ms, [OF_FACTS] = config->keep_facts_ms};

    carom_sqlite_forget_crowds(store);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        struct step step = {.db = &store->db, .kept = &kinds[i], .now = now, .before = now - keep[kinds[i].age],
                            .pruned = pruned, .err = err};
        int taken = take_step(&step);
        if (taken != 0)
            return taken;
    }
    return 0;
}

int carom_sqlite_prune_anew(struct carom_store *store, struct carom_error *err)
{
    static const char sql[] = "DELETE FROM sweep";
    bool own;
    if (carom_db_enter(&store->db, &own, err) != 0)
        return -1;
    return carom_db_leave(&store->db, own, carom_db_run(&store->db, carom_db_use(&store->db, err, sql, ""), err), err);
}
