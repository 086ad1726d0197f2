/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Actions carried out: suppressions, departures and tags of the address, and the jobs that tell the sinks. It decides
   nothing, writes no fact, and delivers nothing. */

#include "ledger/effect.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/json.h"
#include "decision/hold.h"

/* The statements say 0 and 3. */
_Static_assert(CAROM_JOB_WAITING == 0 && CAROM_JOB_DROPPED == 3, "states are stored as numbers");

static int next_id(struct carom_effect *effect, int64_t *id_r)
{
    return carom_db_next_id(effect->db, effect->entry->now, id_r, effect->err);
}

static int run(struct carom_effect *effect, sqlite3_stmt *statement)
{
    return carom_db_run(effect->db, statement, effect->err);
}

/* ---- Jobs ---- */

/* What the ledger adds to the arguments of an action. */
struct extra {
    int64_t until, count; /* ms; count: -1 none */
};

static int write_arguments(struct carom_effect *effect, const struct carom_decided *decided, const struct extra *extra,
                           struct carom_str *text_r)
{
    struct carom_buf *buf = &effect->db->scratch;
    struct carom_json json = carom_json_to(buf);

    carom_buf_clear(buf);
    carom_decided_write(decided, effect->entry->fact, &json);
    if (!buf->failed)
        buf->len--; /* its brace */
    carom_json_field_time(&json, "until", extra->until / 1000);
    if (extra->count >= 0) {
        carom_json_key(&json, CAROM_STR("count"));
        carom_json_int(&json, extra->count);
    }
    carom_json_object_end(&json);
    *text_r = carom_buf_str(buf);
    return buf->failed ? carom_error_memory(effect->err) : 0;
}

/* An end is not told before a suppression that has not left yet: it waits as long. */
static int wait_for_suppress(struct carom_effect *effect, int64_t *due)
{
    static const char sql[] = "SELECT max(planned) FROM job WHERE address = ?1 AND state = 0 AND action = 'suppress'";
    int64_t latest;
    int result = carom_db_value(effect->db, carom_db_use(effect->db, effect->err, sql, "i", effect->address), &latest,
                                effect->err);
    *due = latest > *due ? latest : *due;
    return result;
}

static int put_jobs(struct carom_effect *effect, const struct carom_sink *sinks, const struct carom_decided *decided,
                    const struct extra *extra, int64_t due, int64_t suppression)
{
    static const char sql[] =
        "INSERT INTO job (id, fact, part, address, state, created, begun, planned, due, lease, attempts, suppression, sink,"
        " action, arguments, answer) VALUES (?1, ?2, ?3, ?4, 0, ?5, ?5, ?6, ?6, 0, 0, ?7, ?8, ?9, ?10, '')";
    struct carom_str arguments;

    if (!sinks)
        return 0;
    if (decided->type == CAROM_ACTION_UNSUPPRESS && wait_for_suppress(effect, &due) != 0)
        return -1;
    if (write_arguments(effect, decided, extra, &arguments) != 0)
        return -1;
    for (const struct carom_sink *sink = sinks; sink; sink = sink->next) {
        int64_t id;
        if (next_id(effect, &id) != 0 ||
            run(effect, carom_db_use(effect->db, effect->err, sql, "iiiIiiIsss", id, effect->fact, effect->part++,
                                     effect->address, effect->entry->now, due, suppression, sink->name,
                                     carom_str(carom_action_name(decided->type)), arguments)) != 0)
            return -1;
    }
    return 0;
}

static const struct carom_sink *sinks_of(const struct carom_effect *effect, enum carom_action_type type)
{
    return carom_config_sinks(effect->entry->config, carom_str(carom_action_name(type)));
}

static const struct extra no_extra = {.count = -1};

int carom_effect_tell(struct carom_effect *effect, const struct carom_decided *decided)
{
    return put_jobs(effect, sinks_of(effect, decided->type), decided, &no_extra, effect->entry->now, 0);
}

/* What takes somebody off leaves only after a while, so that it can still be recalled. */
static int64_t settled(const struct carom_effect *effect)
{
    int64_t due;
    return __builtin_add_overflow(effect->entry->now, effect->entry->config->settle_ms, &due) ? effect->entry->now : due;
}

/* ---- Suppressions ---- */

/* The end of a suppression that did not last is not told at its time. */
static int drop_end(struct carom_effect *effect, int64_t suppression, const char *why)
{
    static const char sql[] =
        "UPDATE job SET state = 3, answer = ?3, ended_by = ?4 WHERE address = ?1 AND state = 0 AND suppression = ?2";
    return run(effect, carom_db_use(effect->db, effect->err, sql, "iisi", effect->address, suppression, carom_str(why), effect->by));
}

/* Does any job wait for the address? Most have none: the index says so, which costs less than an update that finds none. */
static int waits(struct carom_effect *effect, bool *waits_r)
{
    static const char sql[] = "SELECT 1 FROM job WHERE address = ?1 AND state = 0 LIMIT 1";
    int64_t found;
    int result = carom_db_value(effect->db, carom_db_use(effect->db, effect->err, sql, "i", effect->address), &found,
                                effect->err);
    *waits_r = found != 0;
    return result;
}

/* Is there one of that scope that lasts at least as long? Shorter ones then end unnoticed, but for an end that is being told
   just now: it must not come after what is told next. */
static int outlast(struct carom_effect *effect, struct carom_str list, int64_t until, bool *covered_r)
{
    static const char longer[] = "SELECT 1 FROM suppression WHERE address = ?1 AND list = ?2 AND ended = 0 AND"
                                 " (until = 0 OR (?3 <> 0 AND until >= ?3)) LIMIT 1";
    static const char shorter[] = "UPDATE job SET state = 3, answer = 'suppressed again, for longer', ended_by = ?3 WHERE address = "
                                  "?1 AND state = 0 AND lease <= ?4 AND EXISTS"
                                  " (SELECT 1 FROM suppression s WHERE s.id = job.suppression AND s.list = ?2 AND s.ended = 0)";
    int64_t found;
    bool any;
    *covered_r = false;
    if (effect->fresh)
        return 0;
    if (carom_db_value(effect->db, carom_db_use(effect->db, effect->err, longer, "isi", effect->address, list, until),
                       &found, effect->err) != 0)
        return -1;
    *covered_r = found != 0;
    if (found)
        return 0;
    if (waits(effect, &any) != 0)
        return -1;
    return !any ? 0 : run(effect, carom_db_use(effect->db, effect->err, shorter, "isii", effect->address, list, effect->by,
                                               effect->entry->now));
}

static int suppress(struct carom_effect *effect, const struct carom_decided *decided)
{
    static const char sql[] =
        "INSERT INTO suppression (id, address, list, since, until, cause, soft, fact, reason, ended)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 0)";
    const struct carom_fact *fact = effect->entry->fact;
    struct carom_str list = decided->list_only ? decided->list : CAROM_STR_EMPTY;
    int64_t now = effect->entry->now, until = 0, id;
    char reason[96];
    bool covered;

    snprintf(reason, sizeof(reason), "%s%s%s", carom_kind_name(fact->kind), fact->reason ? " " : "",
             fact->reason ? carom_reason_name(fact->reason) : "");
    if (decided->duration_ms > 0 && __builtin_add_overflow(now, decided->duration_ms, &until))
        until = 0;
    if (outlast(effect, list, until, &covered) != 0 || next_id(effect, &id) != 0 ||
        run(effect, carom_db_use(effect->db, effect->err, sql, "iisiiiiis", id, effect->address, list, now, until,
                                 effect->time, (int64_t)carom_hold_is_soft(fact), effect->fact, carom_str(reason))) != 0)
        return -1;
    effect->fresh = false;
    carom_recent_suppress(effect->store, effect->address,
                          &(struct carom_suppression){.list = list, .since = now, .until = until, .cause = effect->time,
                                                      .soft = carom_hold_is_soft(fact), .reason = carom_str(reason)});
    struct extra extra = {.until = until, .count = -1};
    if (put_jobs(effect, sinks_of(effect, CAROM_ACTION_SUPPRESS), decided, &extra, settled(effect), 0) != 0)
        return -1;
    struct carom_decided end = {.type = CAROM_ACTION_UNSUPPRESS, .list = list, .list_only = decided->list_only};
    int64_t due = until > settled(effect) ? until : settled(effect);
    return until && !covered ? put_jobs(effect, sinks_of(effect, CAROM_ACTION_UNSUPPRESS), &end, &no_extra, due, id) : 0;
}

/* For each row of scope (empty: everywhere), time and suppression or 0 a job at that time, that it ends. */
static int tell_each_end(struct carom_effect *effect, sqlite3_stmt *row)
{
    int found = row ? 0 : -1;

    while (row && (found = carom_db_row(effect->db, row, effect->err)) > 0) {
        struct carom_str list = carom_db_bytes(row, 0);
        struct carom_decided end = {.type = CAROM_ACTION_UNSUPPRESS, .list = list, .list_only = list.len > 0};
        if (put_jobs(effect, sinks_of(effect, CAROM_ACTION_UNSUPPRESS), &end, &no_extra, sqlite3_column_int64(row, 1),
                     sqlite3_column_int64(row, 2)) != 0) {
            carom_db_done(row);
            return -1;
        }
    }
    return found;
}

/* What was imported tells no sink, and so no end either. */
int carom_effect_tell_ends(struct carom_effect *effect)
{
    static const char sql[] =
        "SELECT list, max(until), id FROM suppression s WHERE address = ?1 AND ended = 0 AND fact IS NOT NULL"
        " AND (until = 0 OR until > ?2) GROUP BY list HAVING min(until) > 0 AND NOT EXISTS"
        " (SELECT 1 FROM suppression o WHERE o.address = ?1 AND o.ended = 0 AND o.list = s.list AND (o.until = 0 OR EXISTS"
        "  (SELECT 1 FROM job WHERE job.address = ?1 AND job.state = 0 AND job.suppression = o.id)))";
    return tell_each_end(effect,
                         carom_db_use(effect->db, effect->err, sql, "ii", effect->address, effect->entry->now));
}

static int lift(struct carom_effect *effect, const struct carom_decided *decided)
{
    static const char sql[] =
        "UPDATE suppression SET ended = ?2, ended_by = ?3 WHERE address = ?1 AND ended = 0 RETURNING id";
    sqlite3_stmt *row =
        carom_db_use(effect->db, effect->err, sql, "iii", effect->address, effect->entry->now, effect->by);
    int found = row ? 0 : -1;

    carom_recent_drop(effect->store, effect->address);
    while (row && (found = carom_db_row(effect->db, row, effect->err)) > 0)
        if (drop_end(effect, sqlite3_column_int64(row, 0), "lifted") != 0) {
            carom_db_done(row);
            return -1;
        }
    return found == 0 ? carom_effect_tell(effect, decided) : -1;
}

/* The sinks hear of an end once a scope, and only where no other suppression still stands there. Who left the lists is told
   as well: he may come back, and nobody would tell then. */
static int tell_lifted(struct carom_effect *effect)
{
    static const char sql[] =
        "SELECT DISTINCT list, ?2, 0 FROM suppression AS lifted WHERE address = ?1 AND ended = ?2 AND soft = 1 AND NOT EXISTS"
        " (SELECT 1 FROM suppression AS other WHERE other.address = ?1 AND other.ended = 0 AND"
        "  (other.until = 0 OR other.until > ?2) AND other.list IN ('', lifted.list))";
    return tell_each_end(effect,
                         carom_db_use(effect->db, effect->err, sql, "ii", effect->address, effect->entry->now));
}

/* A delivery after the soft bounce that caused it, whichever of the two we heard of first. */
static int lift_soft(struct carom_effect *effect)
{
    static const char sql[] =
        "UPDATE suppression SET ended = ?2, ended_by = ?4 WHERE address = ?1 AND ended = 0 AND soft = 1 AND cause <= ?3 AND"
        " (until = 0 OR until > ?2) RETURNING id";
    sqlite3_stmt *row =
        carom_db_use(effect->db, effect->err, sql, "iiii", effect->address, effect->entry->now, effect->time, effect->by);
    int found = row ? 0 : -1;
    bool any = false;

    while (row && (found = carom_db_row(effect->db, row, effect->err)) > 0) {
        any = true;
        carom_recent_drop(effect->store, effect->address);
        if (drop_end(effect, sqlite3_column_int64(row, 0), "lifted by a delivery") != 0) {
            carom_db_done(row);
            return -1;
        }
    }
    return found != 0 || !any ? found : tell_lifted(effect) == 0 ? carom_effect_tell_ends(effect) : -1;
}

/* ---- The end of a delivery ---- */

/* Not one that is being tried just now, nor any where the returned message does not say which delivery it was. */
static int drop_retries(struct carom_effect *effect, const char *end)
{
    static const char sql[] =
        "UPDATE job SET state = 3, answer = ?3, ended_by = ?4 WHERE address = ?1 AND state = 0 AND lease <= ?5 AND"
        " action = 'retry' AND (SELECT delivery FROM fact WHERE id = job.fact) ="
        " (SELECT delivery FROM fact WHERE id = ?2 AND delivery <> 0)";
    char answer[80];
    bool any;

    if (waits(effect, &any) != 0)
        return -1;
    if (!any)
        return 0;
    snprintf(answer, sizeof(answer), "superseded by fact %lld: %s", (long long)effect->fact, end);
    return run(effect, carom_db_use(effect->db, effect->err, sql, "iisii", effect->address, effect->fact,
                                    carom_str(answer), effect->by, effect->entry->now));
}

int carom_effect_outcome(struct carom_effect *effect)
{
    enum carom_kind kind = effect->entry->fact->kind;

    if (!effect->address || effect->fresh || (kind != CAROM_KIND_PERMANENT && kind != CAROM_KIND_DELIVERED))
        return 0;
    if (drop_retries(effect, carom_kind_name(kind)) != 0)
        return -1;
    return kind == CAROM_KIND_DELIVERED ? lift_soft(effect) : 0;
}

/* ---- Departures ---- */

/* each: of the empty list, it says no more than that none is left. */
static int depart(struct carom_effect *effect, struct carom_str list, bool each)
{
    static const char gone[] =
        "SELECT 1 FROM departure WHERE address = ?1 AND list = ?2 AND each <= ?3 AND ended = 0 LIMIT 1";
    static const char sql[] =
        "INSERT INTO departure (id, address, list, each, since, fact, ended) VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0)";
    int64_t found = 0, id;
    if (!effect->fresh &&
        carom_db_value(effect->db, carom_db_use(effect->db, effect->err, gone, "isi", effect->address, list, (int64_t)each),
                       &found, effect->err) != 0)
        return -1;
    if (found)
        return 0;
    effect->fresh = false;
    return next_id(effect, &id) == 0
               ? run(effect, carom_db_use(effect->db, effect->err, sql, "iisiii", id, effect->address, list,
                                          (int64_t)each, effect->entry->now, effect->fact))
               : -1;
}

/* Each list that there is; false where there is none. */
static int has_left_each(struct carom_effect *effect, bool *left_r)
{
    static const char gone[] = "SELECT 1 FROM departure WHERE address = ?1 AND list = ?2 AND ended = 0 LIMIT 1";
    const struct carom_list_entry *lists = effect->entry->config->lists;

    *left_r = lists != NULL;
    for (const struct carom_list_entry *list = lists; list && *left_r; list = list->next) {
        int64_t found;
        if (carom_db_value(effect->db, carom_db_use(effect->db, effect->err, gone, "is", effect->address, list->id),
                           &found, effect->err) != 0)
            return -1;
        *left_r = found != 0;
    }
    return 0;
}

/* Who has left the last list that there is has left each, but nobody asked him about those that come later. */
static int depart_from_each(struct carom_effect *effect)
{
    bool left;
    if (has_left_each(effect, &left) != 0)
        return -1;
    return left ? depart(effect, CAROM_STR_EMPTY, true) : 0;
}

int carom_effect_returned(struct carom_effect *effect)
{
    static const char sql[] =
        "UPDATE departure SET ended = ?2, ended_by = ?3 WHERE address = ?1 AND each = 1 AND ended = 0";
    bool left;
    if (has_left_each(effect, &left) != 0)
        return -1;
    return left ? 0 : run(effect, carom_db_use(effect->db, effect->err, sql, "iii", effect->address,
                                               effect->entry->now, effect->by));
}

static int unsubscribe_one(struct carom_effect *effect, const struct carom_decided *decided, struct carom_str list)
{
    const struct carom_list_entry *entry = carom_config_list(effect->entry->config, list);
    struct carom_decided one = *decided;
    one.list = list;
    /* One spelling of a list's id, however the mail wrote it. */
    if (list.len && depart(effect, entry ? entry->id : list, false) != 0)
        return -1;
    return put_jobs(effect, sinks_of(effect, CAROM_ACTION_UNSUBSCRIBE), &one, &no_extra, settled(effect), 0);
}

static int unsubscribe(struct carom_effect *effect, const struct carom_decided *decided)
{
    const struct carom_list_entry *lists = effect->entry->config->lists;

    if (!decided->all)
        return unsubscribe_one(effect, decided, decided->list) == 0 ? depart_from_each(effect) : -1;
    for (const struct carom_list_entry *list = lists; list; list = list->next)
        if (unsubscribe_one(effect, decided, list->id) != 0)
            return -1;
    if (!lists && unsubscribe_one(effect, decided, decided->list) != 0)
        return -1;
    return depart(effect, CAROM_STR_EMPTY, false);
}

/* ---- Tags and alerts ---- */

static int put_tag(struct carom_effect *effect, const struct carom_decided *decided)
{
    static const char same[] = "SELECT 1 FROM tag WHERE address = ?1 AND key = ?2 AND value = ?3 AND ended = 0 LIMIT 1";
    static const char end[] = "UPDATE tag SET ended = ?3, ended_by = ?4 WHERE address = ?1 AND key = ?2 AND ended = 0";
    static const char insert[] = "INSERT INTO tag (id, address, key, value, fact, ended) VALUES (?1, ?2, ?3, ?4, ?5, 0)";
    struct carom_db *db = effect->db;
    int64_t id, found;

    if (carom_db_value(db, carom_db_use(db, effect->err, same, "iss", effect->address, decided->key, decided->value), &found,
                       effect->err) != 0)
        return -1;
    if (!found &&
        (run(effect, carom_db_use(db, effect->err, end, "isii", effect->address, decided->key, effect->entry->now,
                                  effect->by)) != 0 ||
         next_id(effect, &id) != 0 || run(effect, carom_db_use(db, effect->err, insert, "iissi", id, effect->address,
                                                               decided->key, decided->value, effect->fact)) != 0))
        return -1;
    return carom_effect_tell(effect, decided);
}

/* When it was sent last (0 never), and how many were held back since. */
struct alert {
    int64_t row, sent, held; /* row 0: there is none */
};

static int find_alert(struct carom_store *store, struct carom_str key, struct alert *alert_r, struct carom_error *err)
{
    static const char sql[] = "SELECT id, sent, held FROM alert WHERE hash = ?1 AND key = ?2";
    sqlite3_stmt *row = carom_db_use(&store->db, err, sql, "is", carom_db_hash(key), key);
    int found = row ? carom_db_row(&store->db, row, err) : -1;

    *alert_r = (struct alert){0, 0, 0};
    if (found <= 0)
        return found;
    *alert_r =
        (struct alert){sqlite3_column_int64(row, 0), sqlite3_column_int64(row, 1), sqlite3_column_int64(row, 2)};
    carom_db_done(row);
    return 0;
}

static int keep_alert(struct carom_store *store, struct carom_str key, const struct alert *alert, int64_t now,
                      struct carom_error *err)
{
    static const char update[] = "UPDATE alert SET sent = ?2, held = ?3 WHERE id = ?1";
    static const char insert[] = "INSERT INTO alert (id, hash, key, sent, held) VALUES (?1, ?2, ?3, ?4, ?5)";
    struct carom_db *db = &store->db;
    int64_t id;

    if (alert->row)
        return carom_db_run(db, carom_db_use(db, err, update, "iii", alert->row, alert->sent, alert->held), err);
    return carom_db_next_id(db, now, &id, err) == 0
               ? carom_db_run(
                     db, carom_db_use(db, err, insert, "iisii", id, carom_db_hash(key), key, alert->sent, alert->held),
                     err)
               : -1;
}

/* At most one per key and period; the next one says how many came since. Who decides beside us may have looked at the
   clock later and come first; a clock that was set back must not silence it for years. */
static int send_alert(struct carom_effect *effect, const struct carom_decided *decided)
{
    struct alert alert;
    int64_t now = effect->entry->now;

    if (find_alert(effect->store, decided->key, &alert, effect->err) != 0)
        return -1;
    if (alert.row && llabs(now - alert.sent) < decided->every_ms) {
        alert.held++;
        return keep_alert(effect->store, decided->key, &alert, now, effect->err);
    }
    struct extra extra = {.count = alert.held};
    alert.sent = now;
    alert.held = 0;
    if (keep_alert(effect->store, decided->key, &alert, now, effect->err) != 0)
        return -1;
    return put_jobs(effect, sinks_of(effect, CAROM_ACTION_ALERT), decided, &extra, now, 0);
}

/* ---- One action, all actions ---- */

static int retry(struct carom_effect *effect, const struct carom_decided *decided)
{
    if (carom_decided_is_too_late(decided, effect->entry->now))
        return 0;
    return put_jobs(effect, sinks_of(effect, CAROM_ACTION_RETRY), decided, &no_extra, decided->due * 1000, 0);
}

int carom_effect_carry_out(struct carom_effect *effect, const struct carom_decided *decided)
{
    switch (decided->type) {
    case CAROM_ACTION_UNSUBSCRIBE:
        return unsubscribe(effect, decided);
    case CAROM_ACTION_SUPPRESS:
        return suppress(effect, decided);
    case CAROM_ACTION_UNSUPPRESS:
        return lift(effect, decided);
    case CAROM_ACTION_RETRY:
        return retry(effect, decided);
    case CAROM_ACTION_PROBE:
        return put_jobs(effect, carom_config_probe(effect->entry->config), decided, &no_extra, effect->entry->now, 0);
    case CAROM_ACTION_RUN:
        return put_jobs(effect, carom_config_command(effect->entry->config, decided->command), decided, &no_extra,
                        effect->entry->now, 0);
    case CAROM_ACTION_FORWARD:
        return put_jobs(effect, effect->entry->config->smtp, decided, &no_extra, effect->entry->now, 0);
    case CAROM_ACTION_TAG:
        return put_tag(effect, decided);
    case CAROM_ACTION_ALERT:
        return send_alert(effect, decided);
    case CAROM_ACTION_WEBHOOK:
        return put_jobs(effect, carom_config_endpoint(effect->entry->config, decided->endpoint), decided, &no_extra,
                        effect->entry->now, 0);
    case CAROM_ACTION_SCORE: /* in the fact's row */
    case CAROM_ACTION_IGNORE:
    case CAROM_ACTION_RESUBSCRIBE: /* no hook decides it: the sinks are told when an unsubscribe is taken back */
    case CAROM_ACTION_COUNT:
        break;
    }
    return 0;
}
