/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Rows of one address, as they stand. */

#include "ledger/story.h"

#include "base/error.h"
#include "ledger/sqlite.h"

/* ---- Facts ---- */

/* The newest, from the newest on: each is put before the last. */
static int read_facts(struct carom_store *store, struct carom_arena *arena, int64_t address, struct carom_story *story,
                      struct carom_error *err)
{
    static const char sql[] =
        "SELECT f.id, f.decided, f.undone, coalesce(r.id, 0), f.delivery, f.held, f.ignored, coalesce(f.policy, ''), f.fact,"
        " f.decision FROM fact f LEFT JOIN raw r ON r.id = f.raw WHERE f.address = ?1 ORDER BY f.id DESC LIMIT ?2";
    sqlite3_stmt *row = carom_db_use(&store->db, err, sql, "ii", address, (int64_t)CAROM_STORY_FACTS);
    int found = row ? 0 : -1;

    while (row && (found = carom_db_row(&store->db, row, err)) > 0) {
        struct carom_story_fact *fact = carom_arena_new_of(arena, struct carom_story_fact);
        *fact = (struct carom_story_fact){.id = sqlite3_column_int64(row, 0),
                                          .decided = sqlite3_column_int64(row, 1),
                                          .undone = sqlite3_column_int64(row, 2),
                                          .raw = sqlite3_column_int64(row, 3),
                                          .delivery = (uint64_t)sqlite3_column_int64(row, 4),
                                          .held = sqlite3_column_int(row, 5) != 0,
                                          .ignored = sqlite3_column_int(row, 6) != 0,
                                          .policy = carom_db_copy(arena, row, 7),
                                          .fact = carom_db_copy(arena, row, 8),
                                          .decision = carom_db_copy(arena, row, 9),
                                          .next = story->facts};
        story->facts = fact;
    }
    return found;
}

static int read_jobs(struct carom_store *store, struct carom_arena *arena, int64_t address, struct carom_story *story,
                     struct carom_error *err)
{
    static const char sql[] = "SELECT id, fact, created, due, attempts, suppression, ended_by, state, sink, action, answer"
                              " FROM job WHERE address = ?1 ORDER BY id";
    sqlite3_stmt *row = carom_db_use(&store->db, err, sql, "i", address);
    struct carom_story_job **tail = &story->jobs;
    int found = row ? 0 : -1;

    while (row && (found = carom_db_row(&store->db, row, err)) > 0) {
        struct carom_story_job *job = *tail = carom_arena_new_of(arena, struct carom_story_job);
        *job = (struct carom_story_job){.id = sqlite3_column_int64(row, 0),
                                        .fact = sqlite3_column_int64(row, 1),
                                        .created = sqlite3_column_int64(row, 2),
                                        .due = sqlite3_column_int64(row, 3),
                                        .attempts = sqlite3_column_int64(row, 4),
                                        .suppression = sqlite3_column_int64(row, 5),
                                        .ended_by = sqlite3_column_int64(row, 6),
                                        .state = (enum carom_job_state)sqlite3_column_int(row, 7),
                                        .sink = carom_db_copy(arena, row, 8),
                                        .action = carom_db_copy(arena, row, 9),
                                        .answer = carom_db_copy(arena, row, 10)};
        tail = &job->next;
    }
    return found;
}

/* ---- What stands, and what stood ---- */

static int read_standings(struct carom_store *store, struct carom_arena *arena, int64_t address,
                          struct carom_story *story, struct carom_error *err)
{
    static const char sql[] =
        "SELECT 0, s.id, s.since, s.until, s.ended, s.ended_by, s.fact, s.batch, 0, s.list, s.reason,"
        " coalesce(b.source, '') FROM suppression s LEFT JOIN batch b ON b.id = s.batch WHERE s.address = ?1 UNION ALL"
        " SELECT 1, id, since, 0, ended, ended_by, fact, 0, each, list, '', '' FROM departure WHERE address = ?1 UNION ALL"
        " SELECT 2, id, 0, 0, ended, ended_by, fact, 0, 0, key, value, '' FROM tag WHERE address = ?1 ORDER BY 2";
    sqlite3_stmt *row = carom_db_use(&store->db, err, sql, "i", address);
    struct carom_story_standing **tail = &story->standings;
    int found = row ? 0 : -1;

    while (row && (found = carom_db_row(&store->db, row, err)) > 0) {
        struct carom_story_standing *it = *tail = carom_arena_new_of(arena, struct carom_story_standing);
        *it = (struct carom_story_standing){.id = sqlite3_column_int64(row, 1),
                                            .since = sqlite3_column_int64(row, 2),
                                            .until = sqlite3_column_int64(row, 3),
                                            .ended = sqlite3_column_int64(row, 4),
                                            .ended_by = sqlite3_column_int64(row, 5),
                                            .fact = sqlite3_column_int64(row, 6),
                                            .batch = sqlite3_column_int64(row, 7),
                                            .each = sqlite3_column_int(row, 8) != 0,
                                            .list = carom_db_copy(arena, row, 9),
                                            .reason = carom_db_copy(arena, row, 10),
                                            .source = carom_db_copy(arena, row, 11)};
        it->what = sqlite3_column_int(row, 0) == 0   ? CAROM_STORY_SUPPRESSION
                   : sqlite3_column_int(row, 0) == 1 ? CAROM_STORY_DEPARTURE
                                                     : CAROM_STORY_TAG;
        if (!it->since)
            it->since = carom_db_id_time(it->id);
        tail = &it->next;
    }
    return found;
}

static int read_address(struct carom_store *store, struct carom_arena *arena, int64_t address, struct carom_story *story,
                        struct carom_error *err)
{
    static const char sql[] =
        "SELECT spelling, restored, (SELECT count(*) FROM fact WHERE address = ?1) FROM address WHERE id = ?1";
    sqlite3_stmt *row = carom_db_use(&store->db, err, sql, "i", address);
    int found = row ? carom_db_row(&store->db, row, err) : -1;
    if (found <= 0)
        return found;
    story->spelling = carom_db_copy(arena, row, 0);
    story->restored = sqlite3_column_int64(row, 1);
    story->facts_n = sqlite3_column_int64(row, 2);
    carom_db_done(row);
    return 0;
}

int carom_sqlite_story(struct carom_store *store, struct carom_arena *arena, struct carom_str key,
                       struct carom_story *story_r, struct carom_error *err)
{
    int64_t address;

    *story_r = (struct carom_story){.spelling = key};
    if (carom_sqlite_address(store, key, &address, err) != 0)
        return -1;
    if (!address)
        return 0;
    if (carom_arena_guard(arena)) {
        carom_db_reset(&store->db);
        return carom_error_memory(err);
    }
    int result = read_address(store, arena, address, story_r, err) == 0 &&
                         read_facts(store, arena, address, story_r, err) == 0 &&
                         read_jobs(store, arena, address, story_r, err) == 0 &&
                         read_standings(store, arena, address, story_r, err) == 0
                     ? 0
                     : -1;
    carom_arena_unguard(arena);
    return result;
}

int carom_sqlite_message(struct carom_store *store, struct carom_arena *arena, int64_t raw, struct carom_str *bytes_r,
                         struct carom_error *err)
{
    static const char sql[] = "SELECT message FROM raw WHERE id = ?1";
    sqlite3_stmt *row = carom_db_use(&store->db, err, sql, "i", raw);
    int found = row ? carom_db_row(&store->db, row, err) : -1;

    *bytes_r = CAROM_STR_EMPTY;
    if (found <= 0)
        return found;
    if (carom_arena_guard(arena)) {
        carom_db_reset(&store->db);
        return carom_error_memory(err);
    }
    int result = carom_unpack(arena, carom_db_bytes(row, 0), bytes_r, err);
    carom_arena_unguard(arena);
    carom_db_done(row);
    return result;
}

/* ---- By another name ---- */

/* Most facts have no such member; to see that it is not there is cheaper than to read them as JSON. */
int carom_sqlite_finals(struct carom_store *store,
                        int (*row)(void *user, struct carom_str key, struct carom_str final_recipient), void *user,
                        struct carom_error *err)
{
    static const char sql[] = "SELECT a.key, json_extract(f.fact, '$.final_recipient') FROM fact f JOIN address a"
                              " ON a.id = f.address WHERE instr(f.fact, '\"final_recipient\":') > 0";
    sqlite3_stmt *next = carom_db_use(&store->db, err, sql, "");
    int found = next ? 0 : -1;

    while (next && (found = carom_db_row(&store->db, next, err)) > 0)
        if (row(user, carom_db_bytes(next, 0), carom_db_bytes(next, 1)) != 0) {
            carom_db_done(next);
            return carom_error_memory(err);
        }
    return found;
}

int carom_sqlite_tagged(struct carom_store *store, struct carom_str tag, struct carom_str value,
                        int (*row)(void *user, struct carom_str key), void *user, struct carom_error *err)
{
    static const char sql[] = "SELECT a.key FROM tag t JOIN address a ON a.id = t.address WHERE t.key = ?1 AND t.value = ?2"
                              " AND t.ended = 0 ORDER BY a.key";
    sqlite3_stmt *next = carom_db_use(&store->db, err, sql, "ss", tag, value);
    int found = next ? 0 : -1;

    while (next && (found = carom_db_row(&store->db, next, err)) > 0)
        if (row(user, carom_db_bytes(next, 0)) != 0) {
            carom_db_done(next);
            return carom_error_memory(err);
        }
    return found;
}
