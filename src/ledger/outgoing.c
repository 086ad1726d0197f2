/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* What a delivery asks beyond the jobs themselves: the message behind a job that mails it on, whether its delivery was
   submitted again before, the endpoints that are stopped, and alerts about them. It knows no sinks and sends nothing. */

#include "base/error.h"
#include "ledger/effect.h"
#include "ledger/pack.h"
#include "ledger/sqlite.h"

/* ---- Mail ---- */

/* Done by this sink for the same delivery to the same address: jobs of an address are few. */
static int submitted_before(struct carom_store *store, int64_t job, int64_t *before_r, struct carom_error *err)
{
    static const char sql[] =
        "SELECT b.id FROM job j JOIN fact f ON f.id = j.fact JOIN job b ON b.address = j.address"
        " JOIN fact g ON g.id = b.fact WHERE j.id = ?1 AND b.id <> j.id AND b.sink = j.sink AND b.action = j.action AND"
        " b.state = 1 AND g.delivery = f.delivery LIMIT 1";
    return carom_db_value(&store->db, carom_db_use(&store->db, err, sql, "i", job), before_r, err);
}

static int read_mail(struct carom_store *store, struct carom_arena *arena, int64_t job, struct carom_job_mail *mail_r,
                     struct carom_error *err)
{
    static const char sql[] = "SELECT r.message, f.delivery, f.received FROM job j JOIN fact f ON f.id = j.fact"
                              " LEFT JOIN raw r ON r.id = f.raw WHERE j.id = ?1";
    sqlite3_stmt *row = carom_db_use(&store->db, err, sql, "i", job);
    int found = row ? carom_db_row(&store->db, row, err) : -1;

    if (found == 0) {
        mail_r->erased = true;
        return 0;
    }
    if (found < 0 || carom_unpack(arena, carom_db_bytes(row, 0), &mail_r->raw, err) != 0)
        return -1;
    mail_r->same_delivery_known = sqlite3_column_int64(row, 1) != 0;
    mail_r->received = sqlite3_column_int64(row, 2);
    carom_db_done(row);
    return mail_r->same_delivery_known ? submitted_before(store, job, &mail_r->before, err) : 0;
}

int carom_sqlite_mail(struct carom_store *store, struct carom_arena *arena, int64_t job, struct carom_job_mail *mail_r,
                      struct carom_error *err)
{
    *mail_r = (struct carom_job_mail){.raw = CAROM_STR_EMPTY};
    if (carom_arena_guard(arena)) {
        carom_db_reset(&store->db);
        return carom_error_memory(err);
    }
    int result = read_mail(store, arena, job, mail_r, err);
    carom_arena_unguard(arena);
    carom_db_reset(&store->db);
    return result;
}

int carom_sqlite_mailed(struct carom_store *store, struct carom_str sink, int64_t since, int64_t *n_r, struct carom_error *err)
{
    static const char sql[] = "SELECT count(*) FROM job WHERE state = 1 AND due > ?1 AND sink = ?2"
                              " AND action IN ('forward', 'probe')";
    return carom_db_value(&store->db, carom_db_use(&store->db, err, sql, "is", since, sink), n_r, err);
}

/* ---- Alerts on account of a job ---- */

/* Of nobody's address, so that it has no place in the order of his jobs. */
static int raise_alert(struct carom_store *store, int64_t job, const struct carom_decided *alert,
                       const struct carom_config *config, int64_t now, struct carom_error *err)
{
    static const char fact_of[] = "SELECT fact FROM job WHERE id = ?1";
    static const char next_part[] = "SELECT max(part) + 1 FROM job WHERE fact = ?1";
    const struct carom_fact nobody = {.recipient = CAROM_STR_EMPTY};
    const struct carom_entry entry = {.fact = &nobody, .config = config, .now = now};
    struct carom_effect effect = {.store = store, .db = &store->db, .entry = &entry, .err = err};

    if (carom_db_value(&store->db, carom_db_use(&store->db, err, fact_of, "i", job), &effect.fact, err) != 0)
        return -1;
    if (!effect.fact)
        return 0; /* erased: nothing that it could be told of */
    return carom_db_value(&store->db, carom_db_use(&store->db, err, next_part, "i", effect.fact), &effect.part, err) == 0
               ? carom_effect_carry_out(&effect, alert)
               : -1;
}

int carom_sqlite_raise(struct carom_store *store, int64_t job, const struct carom_decided *alert,
                       const struct carom_config *config, int64_t now, struct carom_error *err)
{
    bool own;
    if (carom_db_enter(&store->db, &own, err) != 0)
        return -1;
    return carom_db_leave(&store->db, own, raise_alert(store, job, alert, config, now, err), err);
}

/* ---- Stopped endpoints ---- */

static int put_pause(struct carom_store *store, const struct carom_pause *pause, struct carom_error *err)
{
    static const char gone[] = "DELETE FROM pause WHERE sink = ?1";
    static const char sql[] = "INSERT INTO pause (id, sink, since, until, why)"
                              " SELECT coalesce(max(id), 0) + 1, ?1, ?2, ?3, ?4 FROM pause";

    if (carom_db_run(&store->db, carom_db_use(&store->db, err, gone, "s", pause->sink), err) != 0)
        return -1;
    if (!pause->since)
        return 0;
    return carom_db_run(&store->db, carom_db_use(&store->db, err, sql, "siis", pause->sink, pause->since, pause->until,
                                                 pause->why), err);
}

int carom_sqlite_pause(struct carom_store *store, const struct carom_pause *pause, struct carom_error *err)
{
    bool own;
    if (carom_db_enter(&store->db, &own, err) != 0)
        return -1;
    return carom_db_leave(&store->db, own, put_pause(store, pause, err), err);
}

int carom_sqlite_pauses(struct carom_store *store, int (*each)(void *user, const struct carom_pause *pause), void *user,
                        struct carom_error *err)
{
    static const char sql[] = "SELECT sink, since, until, why FROM pause ORDER BY id";
    sqlite3_stmt *row = carom_db_use(&store->db, err, sql, "");
    int found = row ? 0 : -1;

    while (row && (found = carom_db_row(&store->db, row, err)) > 0) {
        struct carom_pause pause = {.sink = carom_db_bytes(row, 0), .since = sqlite3_column_int64(row, 1),
                                    .until = sqlite3_column_int64(row, 2), .why = carom_db_bytes(row, 3)};
        if (each(user, &pause) == 0)
            continue;
        carom_db_done(row);
        return -1;
    }
    return found;
}
