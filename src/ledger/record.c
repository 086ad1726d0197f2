/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* What one decided fact does to the ledger: its row, what changes for the address, and the jobs that tell the sinks.
   All of it in the transaction that the caller opened. It decides nothing, and delivers nothing. */

#include "ledger/sqlite.h"

#include <stdio.h>

#include "base/error.h"
#include "base/json.h"

enum { PROBES_MAX = 64 };

/* The statements say 0 and 3. */
_Static_assert(CAROM_JOB_WAITING == 0 && CAROM_JOB_DROPPED == 3, "states are stored as numbers");

struct work {
    struct carom_store *store;
    struct carom_db *db;
    const struct carom_entry *entry;
    int64_t fact, address;
    int64_t time; /* effective */
    int64_t part; /* jobs so far */
    struct carom_error *err;
};

static int next_id(struct work *work, int64_t *id_r)
{
    return carom_db_next_id(work->db, work->entry->now, id_r, work->err);
}

static int run(struct work *work, sqlite3_stmt *statement)
{
    return carom_db_run(work->db, statement, work->err);
}

/* ---- The address ---- */

/* The key's row, made if need be; the spelling is the one seen last. */
static int put_address(struct work *work)
{
    static const char insert[] = "INSERT INTO address (id, hash, key, spelling) VALUES (?1, ?2, ?3, ?4)";
    static const char update[] = "UPDATE address SET spelling = ?2 WHERE id = ?1 AND spelling <> ?2";
    struct carom_str key = work->entry->address, spelling = work->entry->fact->recipient;

    if (!key.len)
        return 0;
    if (!spelling.len)
        spelling = key;
    if (carom_sqlite_address(work->store, key, &work->address, work->err) != 0)
        return -1;
    if (work->address)
        return run(work, carom_db_use(work->db, work->err, update, "is", work->address, spelling));
    if (next_id(work, &work->address) != 0)
        return -1;
    return run(work, carom_db_use(work->db, work->err, insert, "iiss", work->address, carom_db_hash(key), key, spelling));
}

/* ---- The fact's row ---- */

/* The facts of one message follow one another with the same bytes, between which nobody asks whether one was seen. */
static int put_raw(struct work *work, int64_t *row_r)
{
    static const char insert[] = "INSERT INTO raw (id, message) VALUES (?1, ?2)";
    struct carom_store *store = work->store;
    struct carom_str raw = work->entry->raw;

    *row_r = 0;
    if (!raw.len)
        return 0;
    if (store->raw_row && store->raw.ptr == raw.ptr && store->raw.len == raw.len)
        return *row_r = store->raw_row, 0;
    if (carom_pack(&work->db->pack, raw, &work->db->packed, work->err) != 0 || next_id(work, row_r) != 0)
        return -1;
    store->raw = raw;
    store->raw_row = *row_r;
    return run(work, carom_db_use(work->db, work->err, insert, "iB", *row_r, carom_buf_str(&work->db->packed)));
}

static int free_identity(struct work *work, int64_t *identity_r)
{
    static const char taken[] = "SELECT 1 FROM fact WHERE identity = ?1";
    for (uint64_t i = 0; i < PROBES_MAX; i++) {
        int64_t found;
        *identity_r = (int64_t)(work->entry->identity + i);
        if (carom_db_value(work->db, carom_db_use(work->db, work->err, taken, "i", *identity_r), &found, work->err) != 0)
            return -1;
        if (!found)
            return 0;
    }
    return carom_error_set(work->err, CAROM_ERROR_LIMIT, "%s: too many facts with the identity %016llx", work->db->path,
                           (unsigned long long)work->entry->identity);
}

/* Already past on arrival: an archive is not sent again. Due times are whole seconds. */
static bool is_too_late(const struct work *work, const struct carom_decided *decided)
{
    return decided->type == CAROM_ACTION_RETRY && decided->due * 1000 + 999 < work->entry->now;
}

static void write_action(struct work *work, const struct carom_decided *decided, struct carom_json *json)
{
    static const char *const states[] = {"decided", "unmatched", "refused"};
    bool late = decided->state == CAROM_ACTION_DECIDED && is_too_late(work, decided);

    carom_json_object(json);
    carom_json_field_str(json, "name", carom_str(carom_action_name(decided->type)));
    carom_json_field_str(json, "state", carom_str(late ? "refused" : states[decided->state]));
    carom_json_field_str(json, "note", carom_str(late ? "its time was already past on arrival" : decided->note));
    carom_json_key(json, CAROM_STR("details"));
    carom_decided_write(decided, work->entry->fact, json);
    carom_json_object_end(json);
}

static void write_decision(struct work *work, struct carom_json *json)
{
    const struct carom_decision *decision = work->entry->decision;
    carom_json_object(json);
    carom_json_field_time(json, "time", work->entry->now / 1000);
    carom_json_field_str(json, "hook", decision->hook);
    carom_json_field_str(json, "policy", work->entry->policy);
    if (decision->ignored) {
        carom_json_key(json, CAROM_STR("ignored"));
        carom_json_bool(json, true);
    }
    carom_json_key(json, CAROM_STR("actions"));
    carom_json_array(json);
    for (const struct carom_decided *decided = decision->first; decided; decided = decided->next)
        write_action(work, decided, json);
    carom_json_array_end(json);
    carom_json_object_end(json);
}

/* Fact and decision, one behind the other in the scratch buffer. */
static int write_texts(struct work *work, struct carom_str *fact_r, struct carom_str *decision_r)
{
    struct carom_buf *buf = &work->db->scratch;
    struct carom_json json = carom_json_to(buf);

    carom_buf_clear(buf);
    carom_fact_write(work->entry->fact, &json);
    size_t middle = buf->len;
    json = carom_json_to(buf);
    write_decision(work, &json);
    if (buf->failed)
        return carom_error_memory(work->err);
    struct carom_str both = carom_buf_str(buf);
    *fact_r = carom_str_head(both, middle);
    *decision_r = carom_str_from(both, middle);
    return 0;
}

static bool has_retry(const struct work *work)
{
    for (const struct carom_decided *d = work->entry->decision->first; d; d = d->next)
        if (d->type == CAROM_ACTION_RETRY && d->state == CAROM_ACTION_DECIDED && !is_too_late(work, d))
            return true;
    return false;
}

static int64_t unmatched(const struct carom_decision *decision)
{
    int64_t n = 0;
    for (const struct carom_decided *d = decision->first; d; d = d->next)
        n += d->state == CAROM_ACTION_UNMATCHED;
    return n;
}

static double points(const struct carom_decision *decision)
{
    double sum = 0;
    for (const struct carom_decided *d = decision->first; d; d = d->next)
        if (d->type == CAROM_ACTION_SCORE && d->state == CAROM_ACTION_DECIDED)
            sum += d->points;
    return sum;
}

static int put_row(struct work *work, int64_t identity, int64_t raw)
{
    static const char sql[] =
        "INSERT INTO fact (id, identity, address, kind, reason, authenticity, hard, ignored, retried, time, received,"
        " delivery, points, list, raw, policy, decided, unmatched, decision, fact, headers, returned)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22)";
    const struct carom_entry *entry = work->entry;
    const struct carom_fact *fact = entry->fact;
    struct carom_pack *pack = &work->db->pack;
    struct carom_buf *headers = &work->db->packed, *returned = &work->db->packed_too;
    struct carom_str json, decision;

    if (write_texts(work, &json, &decision) != 0 || carom_pack(pack, entry->headers, headers, work->err) != 0 ||
        carom_pack(pack, fact->original.headers, returned, work->err) != 0)
        return -1;
    return run(work, carom_db_use(work->db, work->err, sql, "iiIsSsiiiiiidSISiissBB", work->fact, identity, work->address,
                                  carom_str(carom_kind_name(fact->kind)), carom_str(carom_reason_name(fact->reason)),
                                  carom_str(carom_authenticity_name(fact->authenticity)), (int64_t)fact->hard,
                                  (int64_t)entry->decision->ignored, (int64_t)has_retry(work), work->time,
                                  fact->received * 1000, (int64_t)entry->delivery, points(entry->decision), fact->list,
                                  raw, entry->policy, entry->now, unmatched(entry->decision), decision, json,
                                  carom_buf_str(headers), carom_buf_str(returned)));
}

static int put_fact(struct work *work)
{
    int64_t identity, raw;

    if (put_raw(work, &raw) != 0 || free_identity(work, &identity) != 0 || next_id(work, &work->fact) != 0)
        return -1;
    return put_row(work, identity, raw);
}

/* ---- Jobs ---- */

/* What the ledger adds to the arguments of an action. */
struct extra {
    int64_t until, count; /* ms; count: -1 none */
};

static int write_arguments(struct work *work, const struct carom_decided *decided, const struct extra *extra,
                           struct carom_str *text_r)
{
    struct carom_buf *buf = &work->db->scratch;
    struct carom_json json = carom_json_to(buf);

    carom_buf_clear(buf);
    carom_decided_write(decided, work->entry->fact, &json);
    if (!buf->failed)
        buf->len--; /* its brace */
    carom_json_field_time(&json, "until", extra->until / 1000);
    if (extra->count >= 0) {
        carom_json_key(&json, CAROM_STR("count"));
        carom_json_int(&json, extra->count);
    }
    carom_json_object_end(&json);
    *text_r = carom_buf_str(buf);
    return buf->failed ? carom_error_memory(work->err) : 0;
}

static int put_jobs(struct work *work, const struct carom_sink *sinks, const struct carom_decided *decided,
                    const struct extra *extra, int64_t due, int64_t suppression)
{
    static const char sql[] =
        "INSERT INTO job (id, fact, part, address, state, created, planned, due, lease, attempts, suppression, sink,"
        " action, arguments, answer) VALUES (?1, ?2, ?3, ?4, 0, ?5, ?6, ?6, 0, 0, ?7, ?8, ?9, ?10, '')";
    struct carom_str arguments;

    if (!sinks)
        return 0;
    if (write_arguments(work, decided, extra, &arguments) != 0)
        return -1;
    for (const struct carom_sink *sink = sinks; sink; sink = sink->next) {
        int64_t id;
        if (next_id(work, &id) != 0 ||
            run(work, carom_db_use(work->db, work->err, sql, "iiiIiiIsss", id, work->fact, work->part++, work->address,
                                   work->entry->now, due, suppression, sink->name,
                                   carom_str(carom_action_name(decided->type)), arguments)) != 0)
            return -1;
    }
    return 0;
}

static const struct carom_sink *sinks_of(const struct work *work, enum carom_action_type type)
{
    return carom_config_sinks(work->entry->config, carom_str(carom_action_name(type)));
}

static const struct extra no_extra = {.count = -1};

static int tell(struct work *work, const struct carom_decided *decided)
{
    return put_jobs(work, sinks_of(work, decided->type), decided, &no_extra, work->entry->now, 0);
}

/* ---- Suppressions ---- */

/* The end of a suppression that did not last is not told at its time. */
static int drop_end(struct work *work, int64_t suppression, const char *why)
{
    static const char sql[] = "UPDATE job SET state = 3, answer = ?3 WHERE address = ?1 AND state = 0 AND suppression = ?2";
    return run(work, carom_db_use(work->db, work->err, sql, "iis", work->address, suppression, carom_str(why)));
}

/* Is there one of that scope that lasts at least as long? Shorter ones then end unnoticed. */
static int outlast(struct work *work, struct carom_str list, int64_t until, bool *covered_r)
{
    static const char longer[] = "SELECT 1 FROM suppression WHERE address = ?1 AND list = ?2 AND ended = 0 AND"
                                 " (until = 0 OR (?3 <> 0 AND until >= ?3)) LIMIT 1";
    static const char shorter[] =
        "UPDATE job SET state = 3, answer = 'suppressed again, for longer' WHERE address = ?1 AND state = 0 AND suppression IN"
        " (SELECT id FROM suppression WHERE address = ?1 AND list = ?2 AND ended = 0)";
    int64_t found;
    if (carom_db_value(work->db, carom_db_use(work->db, work->err, longer, "isi", work->address, list, until), &found,
                       work->err) != 0)
        return -1;
    *covered_r = found != 0;
    return found ? 0 : run(work, carom_db_use(work->db, work->err, shorter, "is", work->address, list));
}

static bool is_soft(const struct carom_fact *fact)
{
    return !fact->hard && (fact->kind == CAROM_KIND_PERMANENT || fact->kind == CAROM_KIND_TRANSIENT ||
                           fact->kind == CAROM_KIND_DELAYED);
}

static int suppress(struct work *work, const struct carom_decided *decided)
{
    static const char sql[] = "INSERT INTO suppression (id, address, list, since, until, cause, soft, fact, reason, ended)"
                              " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 0)";
    const struct carom_fact *fact = work->entry->fact;
    struct carom_str list = decided->list_only ? decided->list : CAROM_STR_EMPTY;
    int64_t now = work->entry->now, until = 0, id;
    char reason[96];
    bool covered;

    snprintf(reason, sizeof(reason), "%s%s%s", carom_kind_name(fact->kind), fact->reason ? " " : "",
             fact->reason ? carom_reason_name(fact->reason) : "");
    if (decided->duration_ms > 0 && __builtin_add_overflow(now, decided->duration_ms, &until))
        until = 0;
    if (outlast(work, list, until, &covered) != 0 || next_id(work, &id) != 0 ||
        run(work, carom_db_use(work->db, work->err, sql, "iisiiiiis", id, work->address, list, now, until, work->time,
                               (int64_t)is_soft(fact), work->fact, carom_str(reason))) != 0)
        return -1;
    struct extra extra = {.until = until, .count = -1};
    if (put_jobs(work, sinks_of(work, CAROM_ACTION_SUPPRESS), decided, &extra, now, 0) != 0)
        return -1;
    struct carom_decided end = {.type = CAROM_ACTION_UNSUPPRESS, .list = list, .list_only = decided->list_only};
    return until && !covered
               ? put_jobs(work, sinks_of(work, CAROM_ACTION_UNSUPPRESS), &end, &no_extra, until, id)
               : 0;
}

static int lift(struct work *work, const struct carom_decided *decided)
{
    static const char sql[] = "UPDATE suppression SET ended = ?2 WHERE address = ?1 AND ended = 0 AND (?3 = '' OR list = ?3)"
                              " RETURNING id";
    sqlite3_stmt *row = carom_db_use(work->db, work->err, sql, "iis", work->address, work->entry->now, decided->list);
    int found = row ? 0 : -1;

    while (row && (found = carom_db_row(work->db, row, work->err)) > 0)
        if (drop_end(work, sqlite3_column_int64(row, 0), "lifted") != 0) {
            carom_db_done(row);
            return -1;
        }
    return found == 0 ? tell(work, decided) : -1;
}

/* The sinks hear of an end once a scope, and only where nothing else still stands there. */
static int tell_lifted(struct work *work)
{
    static const char sql[] =
        "SELECT DISTINCT list FROM suppression AS lifted WHERE address = ?1 AND ended = ?2 AND soft = 1 AND NOT EXISTS"
        " (SELECT 1 FROM suppression AS other WHERE other.address = ?1 AND other.ended = 0 AND"
        "  (other.until = 0 OR other.until > ?2) AND other.list IN ('', lifted.list))"
        " AND NOT EXISTS (SELECT 1 FROM departure WHERE address = ?1 AND list = '' AND ended = 0)";
    sqlite3_stmt *row = carom_db_use(work->db, work->err, sql, "ii", work->address, work->entry->now);
    int found = row ? 0 : -1;

    while (row && (found = carom_db_row(work->db, row, work->err)) > 0) {
        struct carom_str list = carom_db_bytes(row, 0);
        struct carom_decided end = {.type = CAROM_ACTION_UNSUPPRESS, .list = list, .list_only = list.len > 0};
        if (tell(work, &end) != 0) {
            carom_db_done(row);
            return -1;
        }
    }
    return found;
}

/* A delivery after the soft bounce that caused it, whichever of the two we heard of first. */
static int lift_soft(struct work *work)
{
    static const char sql[] =
        "UPDATE suppression SET ended = ?2 WHERE address = ?1 AND ended = 0 AND soft = 1 AND cause <= ?3 AND"
        " (until = 0 OR until > ?2) RETURNING id";
    sqlite3_stmt *row = carom_db_use(work->db, work->err, sql, "iii", work->address, work->entry->now, work->time);
    int found = row ? 0 : -1;
    bool any = false;

    while (row && (found = carom_db_row(work->db, row, work->err)) > 0) {
        any = true;
        if (drop_end(work, sqlite3_column_int64(row, 0), "lifted by a delivery") != 0) {
            carom_db_done(row);
            return -1;
        }
    }
    return found == 0 && any ? tell_lifted(work) : found;
}

/* ---- Departures ---- */

static int depart(struct work *work, struct carom_str list)
{
    static const char gone[] = "SELECT 1 FROM departure WHERE address = ?1 AND list = ?2 AND ended = 0 LIMIT 1";
    static const char sql[] = "INSERT INTO departure (id, address, list, since, fact, ended) VALUES (?1, ?2, ?3, ?4, ?5, 0)";
    int64_t found, id;
    if (carom_db_value(work->db, carom_db_use(work->db, work->err, gone, "is", work->address, list), &found,
                       work->err) != 0)
        return -1;
    if (found)
        return 0;
    return next_id(work, &id) == 0 ? run(work, carom_db_use(work->db, work->err, sql, "iisii", id, work->address, list,
                                                            work->entry->now, work->fact))
                                   : -1;
}

/* Who has left every list that there is has left them all. */
static int depart_from_all(struct work *work)
{
    static const char gone[] = "SELECT 1 FROM departure WHERE address = ?1 AND list = ?2 AND ended = 0 LIMIT 1";
    for (const struct carom_list_entry *list = work->entry->config->lists; list; list = list->next) {
        int64_t found;
        if (carom_db_value(work->db, carom_db_use(work->db, work->err, gone, "is", work->address, list->id), &found,
                           work->err) != 0)
            return -1;
        if (!found)
            return 0;
    }
    return work->entry->config->lists ? depart(work, CAROM_STR_EMPTY) : 0;
}

static int unsubscribe_one(struct work *work, const struct carom_decided *decided, struct carom_str list)
{
    const struct carom_list_entry *entry = carom_config_list(work->entry->config, list);
    struct carom_decided one = *decided;
    one.list = list;
    /* One spelling of a list's id, however the mail wrote it. */
    if (list.len && depart(work, entry ? entry->id : list) != 0)
        return -1;
    return tell(work, &one);
}

static int unsubscribe(struct work *work, const struct carom_decided *decided)
{
    const struct carom_list_entry *lists = work->entry->config->lists;

    if (!decided->all)
        return unsubscribe_one(work, decided, decided->list) == 0 ? depart_from_all(work) : -1;
    for (const struct carom_list_entry *list = lists; list; list = list->next)
        if (unsubscribe_one(work, decided, list->id) != 0)
            return -1;
    if (!lists && unsubscribe_one(work, decided, decided->list) != 0)
        return -1;
    return depart(work, CAROM_STR_EMPTY);
}

static int resubscribe(struct work *work, const struct carom_decided *decided)
{
    static const char sql[] =
        "UPDATE departure SET ended = ?2 WHERE address = ?1 AND ended = 0 AND (?3 = '' OR list = ?3 OR list = '')";
    struct carom_str list = decided->all ? CAROM_STR_EMPTY : decided->list;
    if (run(work, carom_db_use(work->db, work->err, sql, "iis", work->address, work->entry->now, list)) != 0)
        return -1;
    return tell(work, decided);
}

/* ---- Tags and alerts ---- */

static int put_tag(struct work *work, const struct carom_decided *decided)
{
    static const char update[] = "UPDATE tag SET value = ?3 WHERE address = ?1 AND key = ?2";
    static const char insert[] = "INSERT INTO tag (id, address, key, value) VALUES (?1, ?2, ?3, ?4)";
    int64_t id;

    if (run(work, carom_db_use(work->db, work->err, update, "iss", work->address, decided->key, decided->value)) != 0)
        return -1;
    if (sqlite3_changes(work->db->handle) == 0 &&
        (next_id(work, &id) != 0 || run(work, carom_db_use(work->db, work->err, insert, "iiss", id, work->address,
                                                           decided->key, decided->value)) != 0))
        return -1;
    return tell(work, decided);
}

int carom_sqlite_alert(struct carom_store *store, struct carom_str key, struct carom_alert *alert_r,
                       struct carom_error *err)
{
    static const char sql[] = "SELECT id, sent, held FROM alert WHERE hash = ?1 AND key = ?2";
    sqlite3_stmt *row = carom_db_use(&store->db, err, sql, "is", carom_db_hash(key), key);
    int found = row ? carom_db_row(&store->db, row, err) : -1;

    *alert_r = (struct carom_alert){0, 0, 0};
    if (found <= 0)
        return found;
    *alert_r = (struct carom_alert){sqlite3_column_int64(row, 0), sqlite3_column_int64(row, 1),
                                    sqlite3_column_int64(row, 2)};
    carom_db_done(row);
    return 0;
}

int carom_sqlite_alert_set(struct carom_store *store, struct carom_str key, const struct carom_alert *alert,
                           int64_t now, struct carom_error *err)
{
    static const char update[] = "UPDATE alert SET sent = ?2, held = ?3 WHERE id = ?1";
    static const char insert[] = "INSERT INTO alert (id, hash, key, sent, held) VALUES (?1, ?2, ?3, ?4, ?5)";
    struct carom_db *db = &store->db;
    int64_t id;

    if (alert->row)
        return carom_db_run(db, carom_db_use(db, err, update, "iii", alert->row, alert->sent, alert->held), err);
    return carom_db_next_id(db, now, &id, err) == 0
               ? carom_db_run(db, carom_db_use(db, err, insert, "iisii", id, carom_db_hash(key), key, alert->sent,
                                               alert->held), err)
               : -1;
}

/* At most one per key and period; the next one says how many came since. A clock that was set back must not silence it
   for years. */
static int send_alert(struct work *work, const struct carom_decided *decided)
{
    struct carom_alert alert;
    int64_t now = work->entry->now;

    if (carom_sqlite_alert(work->store, decided->key, &alert, work->err) != 0)
        return -1;
    if (alert.row && now >= alert.sent && now - alert.sent < decided->every_ms) {
        alert.held++;
        return carom_sqlite_alert_set(work->store, decided->key, &alert, now, work->err);
    }
    struct extra extra = {.count = alert.held};
    alert.sent = now;
    alert.held = 0;
    if (carom_sqlite_alert_set(work->store, decided->key, &alert, now, work->err) != 0)
        return -1;
    return put_jobs(work, sinks_of(work, CAROM_ACTION_ALERT), decided, &extra, now, 0);
}

/* ---- One action, all actions ---- */

static int retry(struct work *work, const struct carom_decided *decided)
{
    if (is_too_late(work, decided))
        return 0;
    return put_jobs(work, sinks_of(work, CAROM_ACTION_RETRY), decided, &no_extra, decided->due * 1000, 0);
}

static int carry_out(struct work *work, const struct carom_decided *decided)
{
    switch (decided->type) {
    case CAROM_ACTION_UNSUBSCRIBE:
        return unsubscribe(work, decided);
    case CAROM_ACTION_SUPPRESS:
        return suppress(work, decided);
    case CAROM_ACTION_UNSUPPRESS:
        return lift(work, decided);
    case CAROM_ACTION_RESUBSCRIBE:
        return resubscribe(work, decided);
    case CAROM_ACTION_RETRY:
        return retry(work, decided);
    case CAROM_ACTION_PROBE:
        return put_jobs(work, carom_config_probe(work->entry->config), decided, &no_extra, work->entry->now, 0);
    case CAROM_ACTION_RUN:
        return put_jobs(work, carom_config_command(work->entry->config, decided->command), decided, &no_extra,
                        work->entry->now, 0);
    case CAROM_ACTION_FORWARD:
        return put_jobs(work, work->entry->config->smtp, decided, &no_extra, work->entry->now, 0);
    case CAROM_ACTION_TAG:
        return put_tag(work, decided);
    case CAROM_ACTION_ALERT:
        return send_alert(work, decided);
    case CAROM_ACTION_WEBHOOK:
        return put_jobs(work, carom_config_endpoint(work->entry->config, decided->endpoint), decided, &no_extra,
                        work->entry->now, 0);
    case CAROM_ACTION_SCORE:   /* in the fact's row */
    case CAROM_ACTION_IGNORE:
    case CAROM_ACTION_COUNT:
        break;
    }
    return 0;
}

static int record(struct work *work)
{
    const struct carom_decision *decision = work->entry->decision;

    if (put_address(work) != 0 || put_fact(work) != 0)
        return -1;
    work->db->written++;
    if (work->address && work->entry->fact->kind == CAROM_KIND_DELIVERED && !decision->ignored && lift_soft(work) != 0)
        return -1;
    for (const struct carom_decided *decided = decision->first; decided; decided = decided->next)
        if (decided->state == CAROM_ACTION_DECIDED && carry_out(work, decided) != 0)
            return -1;
    return 0;
}

int carom_sqlite_record(struct carom_store *store, struct carom_arena *arena, const struct carom_entry *entry,
                        struct carom_error *err)
{
    struct work work = {.store = store,
                        .db = &store->db,
                        .entry = entry,
                        .time = carom_history_time(entry->fact),
                        .err = err};
    if (!store->db.open)
        return carom_error_set(err, CAROM_ERROR_USAGE, "%s: a fact is recorded outside a transaction", store->db.path);
    /* What writes the texts of fact and actions may need the arena of the fact. */
    if (carom_arena_guard(arena)) {
        carom_db_reset(&store->db);
        return carom_error_memory(err);
    }
    int result = record(&work);
    carom_arena_unguard(arena);
    return result;
}

/* ---- For the overlay ---- */

static int adopt(struct work *work, const struct carom_history *history)
{
    static const char suppression[] =
        "INSERT INTO suppression (id, address, list, since, until, cause, soft, fact, reason, ended)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, NULL, ?8, 0)";
    static const char departure[] =
        "INSERT INTO departure (id, address, list, since, fact, ended) VALUES (?1, ?2, ?3, ?4, NULL, 0)";
    static const char tag[] = "INSERT INTO tag (id, address, key, value) VALUES (?1, ?2, ?3, ?4)";
    int64_t id;

    for (const struct carom_suppression *s = history->suppressions; s; s = s->next)
        if (next_id(work, &id) != 0 ||
            run(work, carom_db_use(work->db, work->err, suppression, "iisiiiis", id, work->address, s->list, s->since,
                                   s->until, s->cause, (int64_t)s->soft, s->reason)) != 0)
            return -1;
    for (const struct carom_departure *d = history->departures; d; d = d->next)
        if (next_id(work, &id) != 0 || run(work, carom_db_use(work->db, work->err, departure, "iisi", id, work->address,
                                                              d->list, d->since)) != 0)
            return -1;
    for (const struct carom_tag *t = history->tags; t; t = t->next)
        if (next_id(work, &id) != 0 ||
            run(work, carom_db_use(work->db, work->err, tag, "iiss", id, work->address, t->key, t->value)) != 0)
            return -1;
    return 0;
}

int carom_sqlite_adopt(struct carom_store *store, struct carom_str key, const struct carom_history *history,
                       struct carom_error *err)
{
    const struct carom_fact nobody = {.recipient = key};
    const struct carom_entry entry = {.fact = &nobody, .address = key, .now = history->now};
    struct work work = {.store = store, .db = &store->db, .entry = &entry, .err = err};
    return put_address(&work) == 0 ? adopt(&work, history) : -1;
}
