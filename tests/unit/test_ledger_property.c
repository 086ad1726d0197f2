/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Whatever the order in which facts arrive, and however often: the ledger shows the same of an address. Random facts are
   recorded twice, in two orders and with copies, and what is seen then is compared with a model that knows only the set.

   usage: test_ledger_property [SEED]: the seed of a run that failed. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <math.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "decision/hold.h"
#include "ledger/ledger.h"
#include "ledger/memory.h"

#define DAY INT64_C(86400000)
#define NOW (INT64_C(20600) * DAY)
enum { P = CAROM_KIND_PERMANENT, T = CAROM_KIND_TRANSIENT, L = CAROM_KIND_DELAYED, D = CAROM_KIND_DELIVERED,
       C = CAROM_KIND_COMPLAINT, O = CAROM_KIND_OTHER };
enum { ROUNDS = 1200, FACTS_MAX = 14, ADDRESSES = 2, VIEWS = 6 };

static const int kinds[] = {P, P, P, T, T, T, T, L, D, D, C, O},
                 reasons[] = {CAROM_REASON_MAILBOX_FULL, CAROM_REASON_GREYLISTED, CAROM_REASON_USER_UNKNOWN,
                              CAROM_REASON_BLOCKED};
static const char *const lists[] = {"dev.example.org", "news.example.org"};
/* Of which only what is close to the day of receipt is believed. */
static const int64_t hostile[] = {0, 1, -5, INT64_C(2147483647), INT64_C(253402300799), INT64_MAX, INT64_MIN,
                                  NOW / 1000 + 1};

struct given {
    int who, kind, reason, authenticity, list, action;
    bool hard, ignored, held;
    int64_t time, received; /* s */
    uint64_t delivery;
};
enum { NOTHING, SUPPRESS, SUPPRESS_FOR_A_LIST, SCORE, RETRY, ACTIONS };

static uint32_t seed, first_seed;
static uint32_t dice(uint32_t sides)
{
    seed = seed * 1664525 + 1013904223;
    return (seed >> 8) % sides;
}

static struct given any(void)
{
    struct given given = {.who = (int)dice(ADDRESSES), .kind = kinds[dice(sizeof(kinds) / sizeof(*kinds))],
                          .authenticity = (int)dice(CAROM_AUTHENTICITY_COUNT), .list = (int)dice(2),
                          .action = (int)dice(ACTIONS), .ignored = dice(10) == 0, .held = dice(10) == 0,
                          .delivery = dice(5)};
    given.received = NOW / 1000 - (int64_t)dice(50) * 86400 / 3;
    if (dice(12) == 0)
        given.received = 1 + dice(86400); /* 1970: a header of a file */
    given.time = dice(3) ? given.received - (int64_t)dice(40) * 86400 : hostile[dice(sizeof(hostile) / sizeof(*hostile))];
    if (given.kind == P || given.kind == T || given.kind == L)
        given.reason = reasons[dice(4)];
    given.hard = given.kind == P && given.reason == CAROM_REASON_USER_UNKNOWN;
    return given;
}

/* ---- The model ---- */

struct model {
    struct given facts[FACTS_MAX + 1]; /* the present one is the last */
    size_t n;
};

static int64_t time_of(const struct given *given)
{
    bool believed = given->time > 0 && given->time <= given->received && given->time >= given->received - 30 * 86400;
    return (believed ? given->time : given->received) * 1000;
}

static bool is_failure(const struct given *given)
{
    return given->kind == P || given->kind == T;
}

static bool is_soft(const struct given *given)
{
    return !given->hard && (is_failure(given) || given->kind == L);
}

static int64_t delivered_at(const struct model *model)
{
    int64_t at = 0;
    for (size_t i = 0; i < model->n; i++)
        if (model->facts[i].kind == D && !model->facts[i].ignored && !model->facts[i].held && time_of(&model->facts[i]) > at)
            at = time_of(&model->facts[i]);
    return at;
}

static bool counts(const struct model *model, size_t i, bool held)
{
    const struct given *given = &model->facts[i];
    return !given->ignored && (held || !given->held) && !(is_soft(given) && time_of(given) < delivered_at(model));
}

/* By a failure of the same delivery, or a later refusal of it. */
static bool is_superseded(const struct model *model, size_t i, bool held)
{
    const struct given *it = &model->facts[i];
    for (size_t k = 0; k < model->n; k++) {
        const struct given *other = &model->facts[k];
        if (k != i && it->kind == T && it->delivery && other->delivery == it->delivery && counts(model, k, held) &&
            (other->kind == P || (other->kind == T && time_of(other) > time_of(it))))
            return true;
    }
    return false;
}

static bool passes(const struct model *model, size_t i, const struct carom_filter *filter)
{
    const struct given *it = &model->facts[i], *present = &model->facts[model->n - 1];
    int64_t age = time_of(present) - time_of(it);
    bool kind = filter->kind >= 0 ? it->kind == filter->kind
                : filter->reason >= 0 || filter->fault >= 0 || filter->hard >= 0 || is_failure(present) || present->kind == L
                    ? is_failure(it)
                    : it->kind == present->kind;
    return kind && counts(model, i, filter->held) && !is_superseded(model, i, filter->held) &&
           (filter->reason < 0 || it->reason == filter->reason) &&
           (filter->fault < 0 || (int)carom_reason_fault((enum carom_reason)it->reason) == filter->fault) &&
           (filter->hard < 0 || it->hard == filter->hard) &&
           (filter->authenticity < 0 || it->authenticity >= filter->authenticity) &&
           (!filter->list.len || carom_str_eq(filter->list, carom_str(lists[it->list]))) &&
           (filter->within_ms <= 0 || (age >= 0 && age <= filter->within_ms));
}

/* Is there one before it of the same delivery, or day, that passed? */
static bool is_repeated(const struct model *model, size_t i, const struct carom_filter *filter)
{
    const struct given *it = &model->facts[i];
    for (size_t k = 0; k < i; k++) {
        const struct given *other = &model->facts[k];
        bool same = filter->days ? time_of(other) / DAY == time_of(it) / DAY : it->delivery && it->delivery == other->delivery;
        if (same && passes(model, k, filter))
            return true;
    }
    return false;
}

struct answer {
    int64_t count, first, last;
};

static struct answer expected(const struct model *model, const struct carom_filter *filter)
{
    struct answer answer = {0, 0, 0};
    for (size_t i = 0; i < model->n; i++) {
        int64_t time = time_of(&model->facts[i]);
        if (!passes(model, i, filter))
            continue;
        answer.count += !is_repeated(model, i, filter);
        answer.first = !answer.first || time < answer.first ? time : answer.first;
        answer.last = time > answer.last ? time : answer.last;
    }
    return answer;
}

/* Without the present one, of which nothing was decided yet. */
static bool expected_suppressed(const struct model *model, int list)
{
    struct model past = {.n = model->n - 1};
    memcpy(past.facts, model->facts, sizeof(past.facts));
    for (size_t i = 0; i < past.n; i++) {
        const struct given *it = &past.facts[i];
        bool suppresses = it->action == SUPPRESS || (it->action == SUPPRESS_FOR_A_LIST && it->list == list);
        bool lifted = is_soft(it) && delivered_at(&past) >= time_of(it);
        if (suppresses && !it->ignored && !it->held && !lifted)
            return true;
    }
    return false;
}

static double expected_score(const struct model *model)
{
    double score = 0;
    for (size_t i = 0; i + 1 < model->n; i++)
        if (model->facts[i].action == SCORE && !model->facts[i].ignored && !model->facts[i].held)
            score += 1.5 * pow(0.5, (double)(NOW - model->facts[i].received * 1000) / (30.0 * (double)DAY));
    return score;
}

static int64_t expected_retries(const struct model *model)
{
    const struct given *present = &model->facts[model->n - 1];
    int64_t n = 0;
    for (size_t i = 0; i + 1 < model->n; i++) {
        const struct given *it = &model->facts[i];
        n += it->action == RETRY && !it->ignored && !it->held && it->received + 10 * 86400 >= NOW / 1000 &&
             it->delivery == present->delivery && (it->delivery || it->list == present->list);
    }
    return n;
}

/* ---- The ledger ---- */

static char directory[64], url[96];
static struct carom_ledger ledger;
static struct carom_arena *arena;
static const struct carom_config config = {.half_life_ms = 30 * DAY};

static void must(int result, const struct carom_error *err)
{
    if (result < 0)
        fail_msg("seed %u: %s", first_seed, err->text);
}

static struct carom_str address_of(int round, int order, int who)
{
    return carom_arena_printf(arena, "r%d.%d.%d@example.com", round, order, who);
}

static struct carom_history past_of(struct carom_str address)
{
    struct carom_history history = {.now = NOW, .half_life_ms = config.half_life_ms};
    struct carom_error err = {0};
    must(ledger.ops->past(ledger.store, arena, address, &history, &err), &err);
    return history;
}

static void act(struct carom_decision *decision, const struct given *given)
{
    static const enum carom_action_type types[ACTIONS] = {[SUPPRESS] = CAROM_ACTION_SUPPRESS,
                                                          [SUPPRESS_FOR_A_LIST] = CAROM_ACTION_SUPPRESS,
                                                          [SCORE] = CAROM_ACTION_SCORE, [RETRY] = CAROM_ACTION_RETRY};
    if (given->action != NOTHING) {
        struct carom_decided *decided = carom_decision_add(arena, decision, types[given->action]);
        decided->list_only = given->action == SUPPRESS_FOR_A_LIST;
        decided->points = 1.5;
        decided->after_ms = 10 * DAY;
        decided->duration_ms = given->action == SUPPRESS_FOR_A_LIST ? 90 * DAY : 0;
    }
    if (given->ignored)
        carom_decision_add(arena, decision, CAROM_ACTION_IGNORE);
}

/* As the engine does, with a policy that acts on the fact alone. */
static void take(const struct given *given, uint64_t identity, struct carom_str address)
{
    struct carom_error err = {0};
    struct carom_fact fact = {.id = CAROM_STR("id"), .kind = (enum carom_kind)given->kind,
                              .reason = (enum carom_reason)given->reason, .hard = given->hard, .recipient = address,
                              .authenticity = (enum carom_authenticity)given->authenticity,
                              .confidence = CAROM_CONFIDENCE_HIGH, .list = carom_str(lists[given->list]),
                              .time = given->time, .received = given->received};
    struct carom_decision decision;
    int seen = ledger.ops->seen(ledger.store, identity, address, &err);

    must(seen, &err);
    if (seen)
        return;
    carom_decision_init(&decision);
    act(&decision, given);
    carom_decision_settle(&decision, &fact, &config);
    struct carom_history history = past_of(address);
    carom_hold_delivered(&decision, &fact, carom_history_time(&fact), carom_history_delivered_at(&history));
    if (given->held) {
        decision.hold = CAROM_HOLD_GATE;
        for (struct carom_decided *decided = decision.first; decided; decided = decided->next)
            decided->state = decided->state == CAROM_ACTION_DECIDED ? CAROM_ACTION_HELD : decided->state;
    }
    const struct carom_entry entry = {.fact = &fact, .decision = &decision, .config = &config, .identity = identity,
                                      .address = address, .delivery = given->delivery, .raw = CAROM_STR_EMPTY,
                                      .headers = CAROM_STR_EMPTY, .policy = CAROM_STR("0123"), .now = NOW};
    must(ledger.ops->record(ledger.store, arena, &entry, &err), &err);
}

static void take_all(const struct given *facts, size_t n, int round, int order)
{
    size_t sequence[2 * FACTS_MAX], length = n;

    for (size_t i = 0; i < n; i++)
        sequence[i] = i;
    for (; order && length < 2 * n; length++)
        sequence[length] = dice((uint32_t)n);
    for (size_t i = length; order && i > 1; i--) {
        size_t k = dice((uint32_t)i), swap = sequence[i - 1];
        sequence[i - 1] = sequence[k];
        sequence[k] = swap;
    }
    for (size_t i = 0; i < length; i++)
        take(&facts[sequence[i]], ((uint64_t)round * 2 + (uint64_t)order) * 1000 + sequence[i] + 1,
             address_of(round, order, facts[sequence[i]].who));
}

/* ---- The comparison ---- */

static struct carom_filter any_filter(void)
{
    struct carom_filter filter = carom_filter_any();
    filter.kind = dice(2) ? -1 : kinds[dice(sizeof(kinds) / sizeof(*kinds))];
    filter.reason = dice(3) ? -1 : reasons[dice(4)];
    filter.fault = dice(5) ? -1 : (int)carom_reason_fault((enum carom_reason)reasons[dice(4)]);
    filter.hard = dice(4) ? -1 : (int)dice(2);
    filter.authenticity = dice(4) ? -1 : (int)dice(CAROM_AUTHENTICITY_COUNT);
    filter.list = dice(3) ? CAROM_STR_EMPTY : carom_str(lists[dice(2)]);
    filter.within_ms = dice(2) ? 0 : (1 + (int64_t)dice(60)) * DAY;
    filter.days = dice(3) == 0;
    filter.held = dice(4) == 0;
    return filter;
}

static void compare(const char *what, int64_t got, int64_t want, int round, int order)
{
    if (got != want)
        fail_msg("seed %u, round %d, order %d: %s: got %lld, want %lld", first_seed, round, order, what, (long long)got,
                 (long long)want);
}

static void look(struct model *model, const struct given *present, int round, int order, struct carom_filter filter)
{
    struct carom_history history = past_of(address_of(round, order, present->who));
    double score = expected_score(model);

    compare("facts", (int64_t)history.n, (int64_t)model->n - 1, round, order);
    compare("suppressed", carom_history_suppressed(&history, carom_str(lists[present->list])),
            expected_suppressed(model, present->list), round, order);
    compare("score is right", fabs(carom_history_score(&history) - score) < 1e-9 * (1 + score), 1, round, order);
    history.present = (struct carom_past){.kind = (enum carom_kind)present->kind, .reason = (enum carom_reason)present->reason,
                                          .authenticity = (enum carom_authenticity)present->authenticity,
                                          .hard = present->hard, .ignored = present->ignored, .held = present->held,
                                          .time = time_of(present), .received = present->received * 1000,
                                          .delivery = present->delivery, .list = carom_str(lists[present->list])};
    struct answer want = expected(model, &filter);
    compare("count", carom_history_count(&history, &filter), want.count, round, order);
    compare("first", carom_history_first(&history, &filter), want.first, round, order);
    compare("last", carom_history_last(&history, &filter), want.last, round, order);
    compare("delivered_at", carom_history_delivered_at(&history), delivered_at(model), round, order);
    compare("retries", carom_history_retries(&history), expected_retries(model), round, order);
}

static void test_order_and_copies_change_nothing(void **state)
{
    struct carom_error err = {0};
    (void)state;
    must(ledger.ops->begin(ledger.store, &err), &err);
    for (int round = 0; round < ROUNDS; round++) {
        struct given facts[FACTS_MAX];
        size_t n = 1 + dice(FACTS_MAX);
        for (size_t i = 0; i < n; i++)
            facts[i] = any();
        if (carom_arena_guard(arena))
            fail();
        for (int order = 0; order < 2; order++)
            take_all(facts, n, round, order);
        for (int i = 0; i < VIEWS; i++) {
            struct given present = any();
            struct model model = {.n = 0};
            for (size_t k = 0; k < n; k++)
                if (facts[k].who == present.who)
                    model.facts[model.n++] = facts[k];
            model.facts[model.n++] = present;
            struct carom_filter filter = any_filter();
            for (int order = 0; order < 2; order++)
                look(&model, &present, round, order, filter);
        }
        carom_arena_unguard(arena);
        carom_arena_reset(arena);
    }
    must(ledger.ops->commit(ledger.store, &err), &err);
}

static int setup(void **state)
{
    struct carom_error err = {0};
    (void)state;
    strcpy(directory, "/tmp/carom-property-XXXXXX");
    if (!mkdtemp(directory) || !(arena = carom_arena_new()))
        return -1;
    snprintf(url, sizeof(url), "sqlite:%s/carom.db", directory);
    return carom_ledger_open(url, CAROM_LEDGER_WRITE, &ledger, &err);
}

static int teardown(void **state)
{
    char command[96];
    (void)state;
    carom_ledger_close(&ledger);
    carom_arena_free(arena);
    snprintf(command, sizeof(command), "rm -rf %s", directory);
    return system(command);
}

/* The same of one in memory. */
static int setup_memory(void **state)
{
    struct carom_error err = {0};
    (void)state;
    return (arena = carom_arena_new()) ? carom_memory_open(&ledger, &err) : -1;
}

static int teardown_memory(void **state)
{
    (void)state;
    carom_ledger_close(&ledger);
    carom_arena_free(arena);
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_order_and_copies_change_nothing)};
    seed = first_seed = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : (uint32_t)time(NULL);
    printf("seed %u\n", first_seed);
    int failed = cmocka_run_group_tests_name("in a file", tests, setup, teardown);
    return failed + cmocka_run_group_tests_name("in memory", tests, setup_memory, teardown_memory);
}
