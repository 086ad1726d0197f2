/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* One message through everything: read, judge, then under the ledger's lock look up the past, ask the policy, write
   facts, decisions and jobs in one transaction. Nothing of a message is written before all its hooks have returned. */

#include "engine/engine.h"

#include <stdlib.h>
#include <time.h>

#include "base/date.h"
#include "base/error.h"
#include "base/hash.h"
#include "decision/hold.h"
#include "engine/incoming.h"
#include "engine/net.h"
#include "mail/address.h"

struct carom_engine *carom_engine_open(const struct carom_engine_options *options, struct carom_error *err)
{
    static const struct carom_engine_options nothing;
    struct carom_engine *engine = calloc(1, sizeof(*engine));
    struct carom_arena *arena = carom_arena_new();
    struct carom_str url;

    if (!options)
        options = &nothing;
    if (!engine || !arena || carom_arena_guard(arena)) {
        carom_error_memory(err);
        goto fail;
    }
    engine->now = options->now;
    engine->log = options->log;
    engine->keep_raw = true;
    if (!options->policy) {
        carom_error_set(err, CAROM_ERROR_USAGE, "no policy given: name a Lua file");
        goto fail;
    }
    if (!(engine->policy = carom_policy_load(options->policy, options->log, err)))
        goto fail;
    if (carom_engine_store_url(arena, options->store, carom_policy_config(engine->policy), options->state, &url, err) != 0)
        goto fail;
    if (!options->dry_run && carom_engine_store_make(arena, url, options->state, err) != 0)
        goto fail;
    if (carom_ledger_open(url.ptr, options->dry_run ? CAROM_LEDGER_DRY : CAROM_LEDGER_WRITE, &engine->ledger, err) != 0)
        goto fail;
    carom_arena_unguard(arena);
    carom_arena_free(arena);
    return engine;
fail:
    carom_arena_free(arena);
    carom_engine_close(engine);
    return NULL;
}

void carom_engine_close(struct carom_engine *engine)
{
    if (!engine)
        return;
    if (engine->ledger.ops)
        carom_ledger_close(&engine->ledger);
    carom_policy_free(engine->policy);
    free(engine);
}

int64_t carom_engine_now_ms(const struct carom_engine *engine)
{
    return engine->now ? engine->now * 1000 : carom_date_now_ms();
}

/* Never 0, which says that there is none. The store verifies a hit, so that a collision costs nothing. */
static uint64_t hash(struct carom_str text)
{
    uint64_t value = carom_hash(text);
    return value ? value : 1;
}

/* What the engine works on while one message is decided. */
struct work {
    struct carom_engine *engine;
    struct carom_arena *arena;
    struct carom_result *result;
    struct carom_described *described;
    struct carom_str text;
    int64_t now; /* 0: the clock is looked at once nobody else can decide */
    bool bare; /* facts and decisions stay where they are, and nobody shows them */
    struct carom_error failed; /* why the first hook that failed did, where the others go on */
};

static void describe_one(struct carom_arena *arena, const struct carom_fact *fact, struct carom_described *described_r)
{
    *described_r = (struct carom_described){
        .address = fact->recipient.len ? carom_address_key(arena, fact->recipient) : CAROM_STR_EMPTY,
        .identity = hash(fact->id),
        .present = {.kind = fact->kind,
                    .reason = fact->reason,
                    .authenticity = fact->authenticity,
                    .hard = fact->hard,
                    .time = carom_history_time(fact),
                    .received = fact->received * 1000,
                    .delivery = fact->delivery.len ? hash(fact->delivery) : 0,
                    .list = fact->list},
    };
}

static uint64_t mix(struct carom_str text)
{
    uint64_t value = UINT64_C(14695981039346656037); /* FNV-1a */

    for (size_t i = 0; i < text.len; i++)
        value = (value ^ (unsigned char)text.ptr[i]) * UINT64_C(1099511628211);
    return value ^ value >> 32;
}

/* One pass with two hash tables: which facts of this message are twins of an earlier one, which share its address. */
static void link_facts(struct carom_arena *arena, struct carom_described *list, size_t n)
{
    size_t mask = 15, slot;

    while (mask < 2 * n)
        mask = 2 * mask + 1;
    uint32_t *by_identity = carom_arena_array(arena, uint32_t, mask + 1);
    uint32_t *by_address = carom_arena_array(arena, uint32_t, mask + 1);

    for (size_t i = 0; i < n; i++) {
        slot = list[i].identity & mask;
        while (by_identity[slot] && list[by_identity[slot] - 1].identity != list[i].identity)
            slot = (slot + 1) & mask;
        list[i].twin = by_identity[slot] != 0;
        by_identity[slot] = (uint32_t)i + 1;
        if (!list[i].address.len)
            continue;
        slot = mix(list[i].address) & mask;
        while (by_address[slot] && !carom_str_eq(list[by_address[slot] - 1].address, list[i].address))
            slot = (slot + 1) & mask;
        list[i].previous = by_address[slot];
        by_address[slot] = (uint32_t)i + 1;
    }
}

static void describe(struct carom_result *result)
{
    size_t n = result->facts.n;

    result->described = carom_arena_array(result->arena, struct carom_described, n);
    for (size_t i = 0; i < n; i++)
        describe_one(result->arena, &result->facts.list[i], &result->described[i]);
    if (n > 1)
        link_facts(result->arena, result->described, n);
}

static bool is_new(const struct carom_outcome *outcome) { return !outcome->duplicate && !outcome->failed; }

/* Facts of this very message about the same address are part of the past, though not yet written. */
static void add_siblings(struct work *work, size_t i, struct carom_history *history)
{
    size_t more = 0;

    for (uint32_t k = work->described[i].previous; k; k = work->described[k - 1].previous)
        more += is_new(&work->result->outcomes[k - 1]);
    if (!more)
        return;
    struct carom_past *list = carom_arena_array(work->arena, struct carom_past, history->n + more);
    if (history->n)
        memcpy(list, history->list, history->n * sizeof(*list));
    for (uint32_t k = work->described[i].previous; k; k = work->described[k - 1].previous)
        if (is_new(&work->result->outcomes[k - 1]))
            list[history->n++] = work->described[k - 1].present;
    history->list = list;
}

/* A sender that tells a reply again was stopped before it could do what was decided then: it is told once more. What
   came as a message concerns no queue. */
static int recall(struct work *work, size_t i, struct carom_error *err)
{
    struct carom_ledger *ledger = &work->engine->ledger;
    struct carom_str json;

    if (work->result->facts.message || work->bare)
        return 0;
    if (ledger->ops->decided(ledger->store, work->arena, work->described[i].identity, work->described[i].address, &json,
                             err) != 0)
        return -1;
    if (!json.len) /* a dry run keeps no decisions */
        return 0;
    return carom_result_actions_recall(work->arena, &work->result->outcomes[i], json, err);
}

static int ask(struct work *work, size_t i, struct carom_history *history, struct carom_error *err)
{
    const struct carom_fact_list *facts = &work->result->facts;
    struct carom_decision *decision = &work->result->outcomes[i].decision;
    struct carom_subject subject = {.fact = &facts->list[i],
                                    .history = history,
                                    .headers = facts->message ? &facts->message->root->headers : NULL,
                                    .returned_headers = facts->report ? &facts->report->returned_headers : NULL,
                                    .text = work->text,
                                    .now = work->now};

    if (work->result->skipped)
        return carom_engine_skip(work->arena, decision), 0;
    return carom_policy_decide(work->engine->policy, work->arena, &subject, decision, err);
}

/* Where somebody sees to it that the message is tried again, the other recipients need not wait for it. */
static int set_aside(struct work *work, size_t i, const struct carom_error *err)
{
    if (!work->engine->permit || !err || err->code != CAROM_ERROR_SCRIPT)
        return -1;
    if (!work->failed.code)
        work->failed = *err;
    work->result->outcomes[i].failed = true;
    return 0;
}

static int decide(struct work *work, size_t i, struct carom_error *err)
{
    struct carom_engine *engine = work->engine;
    const struct carom_fact_list *facts = &work->result->facts;
    struct carom_outcome *outcome = &work->result->outcomes[i];
    struct carom_described *it = &work->described[i];
    struct carom_history history = {.present = it->present,
                                    .half_life_ms = carom_policy_config(engine->policy)->half_life_ms,
                                    .now = it->present.received}; /* an archive decays as it happened */
    int seen = it->twin ? 1 : engine->ledger.ops->seen(engine->ledger.store, it->identity, it->address, err);

    carom_decision_init(&outcome->decision);
    if (seen != 0) {
        outcome->duplicate = true;
        return seen < 0 ? -1 : recall(work, i, err);
    }
    if (it->address.len && engine->ledger.ops->past(engine->ledger.store, work->arena, it->address, &history, err) != 0)
        return -1;
    add_siblings(work, i, &history);
    if (ask(work, i, &history, err) != 0)
        return set_aside(work, i, err);
    carom_hold_outdated(&outcome->decision, &facts->list[i], it->present.time, history.restored);
    carom_hold_delivered(&outcome->decision, &facts->list[i], it->present.time, carom_history_delivered_at(&history));
    carom_hold_apply(&outcome->decision, &facts->list[i], carom_policy_config(engine->policy));
    it->present.ignored = outcome->decision.ignored;
    it->present.held = outcome->decision.hold == CAROM_HOLD_GATE;
    it->present.points = carom_decision_points(&outcome->decision);
    it->present.retried = carom_decision_retries(&outcome->decision, work->now);
    return 0;
}

/* What an operator must look at, and what is mailed on, is kept whole. */
static bool needs_raw(const struct carom_decided *decided, const struct carom_config *config)
{
    const struct carom_sink *retry = carom_config_sinks(config, CAROM_STR("retry"));

    if (decided->state == CAROM_ACTION_UNMATCHED)
        return true;
    if (decided->state != CAROM_ACTION_DECIDED)
        return false;
    for (; retry && decided->type == CAROM_ACTION_RETRY; retry = retry->next)
        if (retry->type == CAROM_SINK_SMTP)
            return true;
    return decided->type == CAROM_ACTION_FORWARD;
}

static bool any_needs_raw(const struct carom_result *result, const struct carom_config *config)
{
    for (size_t i = 0; i < result->facts.n; i++)
        for (const struct carom_decided *decided = result->outcomes[i].decision.first; decided; decided = decided->next)
            if (needs_raw(decided, config))
                return true;
    return false;
}

static int record(struct work *work, struct carom_error *err)
{
    struct carom_engine *engine = work->engine;
    const struct carom_fact_list *facts = &work->result->facts;
    const struct carom_config *config = carom_policy_config(engine->policy);
    const struct carom_message *message = facts->message; /* a reply has none */
    bool raw = message && (engine->keep_raw || any_needs_raw(work->result, config));

    for (size_t i = 0; i < facts->n; i++) {
        struct carom_outcome *outcome = &work->result->outcomes[i];
        if (!is_new(outcome))
            continue;
        struct carom_entry entry = {.fact = &facts->list[i],
                                    .decision = &outcome->decision,
                                    .config = config,
                                    .identity = work->described[i].identity,
                                    .address = work->described[i].address,
                                    .delivery = work->described[i].present.delivery,
                                    .raw = raw ? message->bytes : CAROM_STR_EMPTY,
                                    .headers = message ? message->root->headers.block : CAROM_STR_EMPTY,
                                    .written = work->result->written ? &work->result->written[i] : NULL,
                                    .policy = config->version,
                                    .now = work->now};
        if (carom_net_breaker(engine, work->arena, &entry, &outcome->decision, err) != 0 ||
            engine->ledger.ops->record(engine->ledger.store, work->arena, &entry, err) != 0)
            return -1;
        if (!work->bare)
            carom_result_actions_make(work->arena, outcome, &facts->list[i]);
    }
    return 0;
}

/* 0: decided and written into the open transaction. -1: nothing was written, or the transaction must be given up:
   *written_r says which. */
static int handle(struct work *work, bool *written_r, struct carom_error *err)
{
    size_t n = work->result->facts.n;

    work->text = work->result->facts.report ? work->result->facts.report->text : CAROM_STR_EMPTY;
    if (!work->result->described)
        describe(work->result);
    work->described = work->result->described;
    for (size_t i = 0; i < n; i++)
        if (decide(work, i, err) != 0)
            return -1;
    *written_r = true;
    if (record(work, err) != 0)
        return -1;
    if (!work->bare)
        carom_result_detach(work->arena, &work->result->facts);
    return 0;
}

int carom_engine_begin(struct carom_engine *engine, struct carom_error *err)
{
    if (engine->ledger.ops->begin(engine->ledger.store, err) != 0)
        return -1;
    engine->batch = true;
    return 0;
}

int carom_engine_commit(struct carom_engine *engine, struct carom_error *err)
{
    engine->batch = false;
    return engine->ledger.ops->commit(engine->ledger.store, err);
}

void carom_engine_rollback(struct carom_engine *engine)
{
    if (engine->batch)
        engine->ledger.ops->rollback(engine->ledger.store);
    engine->batch = false;
}

static int transact(struct work *work, struct carom_error *err)
{
    struct carom_engine *engine = work->engine;
    volatile bool written = false;
    bool wrote = false;
    int result;

    if (!engine->batch && engine->ledger.ops->begin(engine->ledger.store, err) != 0)
        return -1;
    if (!work->now)
        work->now = carom_engine_now_ms(engine);
    if (carom_arena_guard(work->arena)) {
        result = carom_error_memory(err);
        written = true; /* how far it came is not known: give the transaction up */
    } else {
        result = handle(work, &wrote, err);
        written = wrote;
        carom_arena_unguard(work->arena);
    }
    if (result == 0 && !engine->batch && engine->permit)
        result = engine->permit(engine->permit_user, work->failed.code ? &work->failed : NULL, err);
    if (result != 0 && (!engine->batch || written)) {
        engine->ledger.ops->rollback(engine->ledger.store);
        engine->batch = false;
    }
    if (result == 0 && !engine->batch)
        result = engine->ledger.ops->commit(engine->ledger.store, err);
    return result;
}

static int take(struct work *work, struct carom_error *err)
{
    if (carom_arena_guard(work->arena))
        return carom_error_memory(err);
    work->result->outcomes = carom_arena_array(work->arena, struct carom_outcome, work->result->facts.n);
    int failed = transact(work, err);
    carom_arena_unguard(work->arena);
    return failed ? -1 : 0;
}

int carom_engine_take(struct carom_engine *engine, struct carom_result *result, struct carom_result **result_r,
                      struct carom_error *err)
{
    struct work work = {.engine = engine, .arena = result->arena, .result = result, .bare = engine->bare};

    if (take(&work, err) != 0) {
        carom_result_free(result);
        return -1;
    }
    *result_r = result;
    return 0;
}

int carom_engine_judge(struct carom_engine *engine, struct carom_result *result, int64_t now_ms, struct carom_error *err)
{
    struct work work = {
        .engine = engine, .arena = result->arena, .result = result, .now = now_ms, .bare = true};

    return take(&work, err);
}

bool carom_engine_reads_ahead(const struct carom_engine *engine)
{
    return !carom_policy_wants_messages(engine->policy) && !carom_policy_config(engine->policy)->verp;
}

/* What is kept of the facts whatever is decided: nobody waits for the ledger's lock meanwhile. */
static int write_ahead(const struct carom_engine *engine, struct carom_result *result, struct carom_error *err)
{
    const struct carom_ledger *ledger = &engine->ledger;

    if (!ledger->ops->write)
        return 0;
    result->written = carom_arena_array(result->arena, struct carom_written, result->facts.n);
    return ledger->ops->write(ledger->store, result->arena, &result->facts, result->facts.message->root->headers.block,
                              result->written, err);
}

int carom_engine_begin_message(struct carom_engine *engine, struct carom_str bytes, const struct carom_envelope *envelope,
                               int64_t now_ms, struct carom_result **result_r, struct carom_error *err)
{
    struct carom_result *result = carom_result_new();
    struct carom_engine_trust trust;

    *result_r = NULL;
    if (!result)
        return carom_error_memory(err);
    if (carom_engine_trust(engine->policy, &engine->ledger, &trust, err) != 0) {
        carom_result_free(result);
        return -1;
    }
    if (carom_arena_guard(result->arena)) {
        carom_result_free(result);
        return carom_error_memory(err);
    }
    int failed = carom_engine_read(engine->policy, result, bytes, envelope, &trust, now_ms, err);
    if (!failed)
        describe(result); /* as write_ahead: nobody waits for it */
    if (!failed)
        failed = write_ahead(engine, result, err);
    carom_arena_unguard(result->arena);
    if (failed) {
        carom_result_free(result);
        return -1;
    }
    *result_r = result;
    return 0;
}

int carom_engine_message(struct carom_engine *engine, const void *bytes, size_t size,
                         const struct carom_envelope *envelope, struct carom_result **result_r,
                         struct carom_error *err)
{
    static const struct carom_envelope nothing;
    struct carom_result *result;

    *result_r = NULL;
    if (carom_engine_begin_message(engine, carom_str_n(size ? bytes : "", size), envelope ? envelope : &nothing,
                                   carom_engine_now_ms(engine), &result, err) != 0)
        return -1;
    return carom_engine_take(engine, result, result_r, err);
}
