/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* What the sender itself heard: replies one by one, and deliveries in bulk. It knows no session and keeps no queue:
   what to do with a message stands in the actions that it returns. */

#include "base/error.h"
#include "engine/engine.h"
#include "mail/address.h"

enum { GROUP = 1000 }; /* recipients a transaction: others wait for the ledger meanwhile */

int carom_reply_check(struct carom_arena *arena, const struct carom_reply_input *input, const struct carom_fact *fact,
                      struct carom_error *err)
{
    bool in_between = fact->reply_code && (fact->reply_code < 200 || fact->reply_code / 100 == 3);

    if (carom_str_blank(carom_str(input->reply)))
        return carom_error_set(err, CAROM_ERROR_USAGE, "reply: the text of the reply is missing");
    if (carom_str(input->recipient).len && !carom_address_only(arena, carom_str(input->recipient)).len)
        return carom_error_set(err, CAROM_ERROR_USAGE, "reply: recipient '%s' is no address", input->recipient);
    if (in_between)
        return carom_error_set(err, CAROM_ERROR_USAGE, "reply: %d is no final answer: give the one that ends the "
                               "attempt, 2xx, 4xx or 5xx", fact->reply_code);
    if (carom_fact_says_nothing(fact))
        return carom_error_set(err, CAROM_ERROR_USAGE, "reply: '%.100s' has no reply code and says no known cause: give "
                               "the server's words with their code, such as 450 4.2.1 …", input->reply);
    return 0;
}

/* What is remembered must also be told from its copy. */
static int check(struct carom_arena *arena, const struct carom_reply_input *input, const struct carom_fact *fact,
                 struct carom_error *err)
{
    if (carom_reply_check(arena, input, fact, err) != 0)
        return -1;
    if (!carom_str(input->delivery).len && !input->time)
        return carom_error_set(err, CAROM_ERROR_USAGE, "reply: neither delivery (your id of message and recipient) nor "
                               "time is given: without them it cannot be told from its copy");
    return 0;
}

int carom_engine_reply(struct carom_engine *engine, const struct carom_reply_input *input,
                       struct carom_result **result_r, struct carom_error *err)
{
    struct carom_result *result;

    *result_r = NULL;
    if (input->time < 0)
        return carom_error_set(err, CAROM_ERROR_USAGE, "reply: its time lies before 1970");
    if (!(result = carom_result_new()))
        return carom_error_memory(err);
    if (carom_arena_guard(result->arena)) {
        carom_result_free(result);
        return carom_error_memory(err);
    }
    result->facts = carom_facts_reply(result->arena, input, carom_policy_judging(engine->policy),
                                      carom_engine_now_ms(engine) / 1000);
    int wrong = check(result->arena, input, result->facts.list, err);
    carom_arena_unguard(result->arena);
    if (wrong) {
        carom_result_free(result);
        return -1;
    }
    return carom_engine_take(engine, result, result_r, err);
}

/* ---- Deliveries in bulk ---- */

/* 1 carom remembers something of this address, 0 nothing, -1. */
static int has_history(struct carom_engine *engine, struct carom_arena *arena, const char *recipient,
                       struct carom_error *err)
{
    struct carom_history history = {.now = carom_engine_now_ms(engine)};

    carom_arena_reset(arena);
    if (carom_arena_guard(arena))
        return carom_error_memory(err);
    struct carom_str address = carom_address_only(arena, carom_str(recipient));
    struct carom_str key = address.len ? carom_address_key(arena, address) : CAROM_STR_EMPTY;
    int failed = key.len ? engine->ledger.ops->past(engine->ledger.store, arena, key, &history, err) : 0;
    carom_arena_unguard(arena);
    if (!key.len)
        return carom_error_set(err, CAROM_ERROR_USAGE, "delivered: '%s' is no address", recipient ? recipient : "");
    return failed ? -1 : history.n || history.suppressions || history.departures || history.tags;
}

static int deliver(struct carom_engine *engine, struct carom_arena *arena, struct carom_reply_input *input,
                   size_t *recorded, struct carom_error *err)
{
    struct carom_result *result;
    int known = has_history(engine, arena, input->recipient, err);

    if (known <= 0)
        return known;
    if (carom_engine_reply(engine, input, &result, err) != 0)
        return -1;
    *recorded += !carom_result_duplicate(result, 0);
    carom_result_free(result);
    return 0;
}

/* What one recipient has wrong is no reason to forget the others. */
static bool is_of_one(const struct carom_engine *engine, const struct carom_error *err)
{
    return engine->batch && (err->code == CAROM_ERROR_SCRIPT || err->code == CAROM_ERROR_USAGE);
}

/* 0 committed, what failed of single recipients in first; -1 none of them is recorded. */
static int deliver_group(struct carom_engine *engine, struct carom_arena *arena, const char *const *recipients,
                         size_t n, struct carom_reply_input input, size_t *recorded, struct carom_error *first)
{
    struct carom_error err = {0};
    size_t done = 0;

    if (carom_engine_begin(engine, first) != 0)
        return -1;
    for (size_t i = 0; i < n; i++) {
        input.recipient = recipients[i];
        if (deliver(engine, arena, &input, &done, &err) == 0)
            continue;
        if (!is_of_one(engine, &err)) {
            carom_engine_rollback(engine);
            *first = err;
            return -1;
        }
        if (!first->code)
            *first = err;
    }
    if (carom_engine_commit(engine, &err) != 0) {
        *first = err;
        return -1;
    }
    *recorded += done;
    return 0;
}

int carom_delivered(struct carom_engine *engine, const char *const *recipients, size_t n, const char *delivery,
                    int64_t time, size_t *recorded_r, struct carom_error *err)
{
    const struct carom_reply_input input = {
        .reply = "250", .delivery = delivery, .time = time ? time : carom_engine_now_ms(engine) / 1000};
    struct carom_arena *arena = carom_arena_new();
    struct carom_error first = {0};
    size_t recorded = 0;
    int result = arena ? 0 : carom_error_memory(&first);

    for (size_t i = 0; result == 0 && i < n; i += GROUP)
        result = deliver_group(engine, arena, recipients + i, n - i < GROUP ? n - i : GROUP, input, &recorded, &first);
    carom_arena_free(arena);
    if (recorded_r)
        *recorded_r = recorded;
    if (first.code && err)
        *err = first;
    return first.code ? -1 : 0;
}
