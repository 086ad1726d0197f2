/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* One decided fact, written down: the address, the fact's row, and what its actions do. All of it in the transaction
   that the caller opened. It decides nothing. */

#include "decision/hold.h"
#include "ledger/effect.h"
#include "ledger/held.h"
#include "ledger/written.h"

#include <stdio.h>

#include "base/error.h"
#include "base/json.h"

enum { PROBES_MAX = 64 };

static int next_id(struct carom_effect *effect, int64_t *id_r)
{
    return carom_db_next_id(effect->db, effect->entry->now, id_r, effect->err);
}

static int run(struct carom_effect *effect, sqlite3_stmt *statement)
{
    return carom_db_run(effect->db, statement, effect->err);
}

/* ---- The address ---- */

/* The key's row, made if need be; the spelling is the one seen last. */
static int put_address(struct carom_effect *effect)
{
    static const char update[] = "UPDATE address SET spelling = ?2 WHERE id = ?1 AND spelling <> ?2";
    struct carom_str key = effect->entry->address, spelling = effect->entry->fact->recipient;

    if (!key.len)
        return 0;
    if (carom_sqlite_address(effect->store, key, &effect->address, effect->err) != 0)
        return -1;
    effect->fresh = !effect->address;
    if (effect->fresh)
        return carom_sqlite_address_new(effect->store, key, spelling, effect->entry->now, &effect->address, effect->err);
    return run(effect, carom_db_use(effect->db, effect->err, update, "is", effect->address, spelling.len ? spelling : key));
}

/* ---- The fact's row ---- */

/* The facts of one message follow one another with the same bytes, between which nobody asks whether one was seen. */
static int put_raw(struct carom_effect *effect, int64_t *row_r)
{
    static const char insert[] = "INSERT INTO raw (id, message) VALUES (?1, ?2)";
    struct carom_store *store = effect->store;
    struct carom_str raw = effect->entry->raw;

    *row_r = 0;
    if (!raw.len)
        return 0;
    if (store->raw_row && store->raw.ptr == raw.ptr && store->raw.len == raw.len)
        return *row_r = store->raw_row, 0;
    if (carom_pack(&effect->db->pack, raw, &effect->db->packed, effect->err) != 0 || next_id(effect, row_r) != 0)
        return -1;
    store->raw = raw;
    store->raw_row = *row_r;
    return run(effect, carom_db_use(effect->db, effect->err, insert, "iB", *row_r, carom_buf_str(&effect->db->packed)));
}

/* In the scratch buffer. */
static int write_decision(struct carom_effect *effect, struct carom_str *decision_r)
{
    struct carom_buf *buf = &effect->db->scratch;
    struct carom_json json = carom_json_to(buf);

    carom_buf_clear(buf);
    carom_written_decision(effect, true, &json);
    carom_json_object_end(&json);
    *decision_r = carom_buf_str(buf);
    return buf->failed ? carom_error_memory(effect->err) : 0;
}

/* *put_r: not where another fact has that identity. */
static int put_row(struct carom_effect *effect, const struct carom_written *written, struct carom_str decision,
                   int64_t identity, int64_t raw, bool *put_r)
{
    static const char sql[] =
        "INSERT INTO fact (id, identity, address, kind, reason, authenticity, hard, ignored, retried, time, received,"
        " delivery, points, list, raw, policy, decided, unmatched, decision, fact, headers, returned, held, provider, rule,"
        " undone) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21,"
        " ?22, ?23, ?24, ?25, 0) ON CONFLICT (identity) DO NOTHING";
    const struct carom_entry *entry = effect->entry;
    const struct carom_fact *fact = entry->fact;

    int result = run(effect, carom_db_use(effect->db, effect->err, sql, "iiIsSsiiiiiidSISiissBBiSS", effect->fact, identity,
                                    effect->address, carom_str(carom_kind_name(fact->kind)),
                                    carom_str(carom_reason_name(fact->reason)),
                                    carom_str(carom_authenticity_name(fact->authenticity)), (int64_t)fact->hard,
                                    (int64_t)entry->decision->ignored, (int64_t)carom_decision_retries(entry->decision, entry->now), effect->time,
                                    fact->received * 1000, (int64_t)entry->delivery, carom_decision_points(entry->decision),
                                    fact->list, raw, entry->policy, entry->now, carom_written_unmatched(entry->decision), decision,
                                    written->fact, written->headers, written->returned,
                                    (int64_t)(entry->decision->hold == CAROM_HOLD_GATE), fact->provider,
                                    fact->evidence.rule));
    *put_r = result == 0 && sqlite3_changes(effect->db->handle) > 0;
    return result;
}

/* After a collision the next number that is free. */
static int put_fact(struct carom_effect *effect, const struct carom_written *written)
{
    struct carom_str decision;
    int64_t raw;
    bool put = false;

    if (put_raw(effect, &raw) != 0 || next_id(effect, &effect->fact) != 0 || write_decision(effect, &decision) != 0)
        return -1;
    effect->by = effect->fact;
    for (uint64_t i = 0; i < PROBES_MAX && !put; i++)
        if (put_row(effect, written, decision, (int64_t)(effect->entry->identity + i), raw, &put) != 0)
            return -1;
    return put ? 0
               : carom_error_set(effect->err, CAROM_ERROR_LIMIT, "%s: too many facts with the identity %016llx",
                                 effect->db->path, (unsigned long long)effect->entry->identity);
}

/* ---- What waits, and what the breaker counts ---- */

static int put_held(struct carom_effect *effect)
{
    const struct carom_decision *decision = effect->entry->decision;
    int64_t part = 0;
    for (const struct carom_decided *decided = decision->first; decided; decided = decided->next, part++)
        if (decided->state == CAROM_ACTION_HELD &&
            carom_held_put(effect, decided, part, carom_hold_name(decision->hold), effect->entry->incident) != 0)
            return -1;
    return 0;
}

/* The engine names the group of what removes, or would. */
static int put_removal(struct carom_effect *effect)
{
    static const enum carom_removal states[] = {[CAROM_HOLD_NONE] = CAROM_REMOVAL_DONE,
                                                [CAROM_HOLD_GATE] = CAROM_REMOVAL_BELOW,
                                                [CAROM_HOLD_OBSERVE] = CAROM_REMOVAL_BELOW,
                                                [CAROM_HOLD_BREAKER] = CAROM_REMOVAL_HELD};
    if (!effect->entry->group || !effect->address)
        return 0;
    return carom_removal_put(effect, effect->entry->group, effect->entry->fact->received * 1000,
                             states[effect->entry->decision->hold]);
}

static int record(struct carom_effect *effect, struct carom_arena *arena)
{
    const struct carom_entry *entry = effect->entry;
    const struct carom_decision *decision = entry->decision;
    struct carom_written written;

    if (!entry->written &&
        carom_written_facts(&effect->db->pack, arena, entry->fact, 1, entry->headers, &written, effect->err) != 0)
        return -1;
    carom_recent_begin(effect->store);
    if (put_address(effect) != 0 || put_fact(effect, entry->written ? entry->written : &written) != 0)
        return -1;
    effect->db->written++;
    if (!decision->ignored && decision->hold == CAROM_HOLD_NONE && carom_effect_outcome(effect) != 0)
        return -1;
    for (const struct carom_decided *decided = decision->first; decided; decided = decided->next)
        if (decided->state == CAROM_ACTION_DECIDED && carom_effect_carry_out(effect, decided) != 0)
            return -1;
    if (put_held(effect) != 0 || put_removal(effect) != 0)
        return -1;
    const struct carom_past past = carom_entry_past(entry, effect->fact);
    carom_recent_add(effect->store, effect->address, &past);
    carom_recent_end(effect->store);
    return 0;
}

int carom_sqlite_record(struct carom_store *store, struct carom_arena *arena, const struct carom_entry *entry,
                        struct carom_error *err)
{
    struct carom_effect effect = {
        .store = store, .db = &store->db, .entry = entry, .time = carom_history_time(entry->fact), .err = err};
    if (!store->db.open)
        return carom_error_set(err, CAROM_ERROR_USAGE, "%s: a fact is recorded outside a transaction", store->db.path);
    return record(&effect, arena);
}
