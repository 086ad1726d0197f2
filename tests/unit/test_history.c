/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Counting: deliveries, not messages; by what happened, not by the order in which we heard of it. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "ledger/history.h"

#define DAY INT64_C(86400000)
enum { P = CAROM_KIND_PERMANENT, T = CAROM_KIND_TRANSIENT, L = CAROM_KIND_DELAYED, D = CAROM_KIND_DELIVERED,
       C = CAROM_KIND_COMPLAINT, A = CAROM_KIND_AUTOREPLY, FULL = CAROM_REASON_MAILBOX_FULL,
       GREY = CAROM_REASON_GREYLISTED, UNKNOWN = CAROM_REASON_USER_UNKNOWN, BLOCKED = CAROM_REASON_BLOCKED, IGNORED = 100 };

struct row {
    int kind, reason, day, delivery; /* kind + IGNORED: not to be counted */
};

static struct carom_past past_of(const struct row *row, int64_t id)
{
    return (struct carom_past){.id = id,
                               .kind = (enum carom_kind)(row->kind % IGNORED),
                               .reason = (enum carom_reason)row->reason,
                               .hard = row->kind % IGNORED == P && row->reason == UNKNOWN,
                               .ignored = row->kind >= IGNORED,
                               .time = (20000 + row->day) * DAY,
                               .received = (20000 + row->day) * DAY,
                               .delivery = (uint64_t)row->delivery,
                               .list = CAROM_STR("dev.lists.example.org")};
}

static void test_counts(void **state)
{
    static const struct {
        const char *name;
        struct row rows[6]; /* kind, reason, day, delivery; day 0 ends; the last one is the present */
        int kind, reason, hard, within_days;
        bool days;
        int64_t want;
    } cases[] = {
        {"the present one counts", {{P, UNKNOWN, 9, 1}}, -1, -1, -1, 0, 0, 1},
        {"retries are one delivery", {{T, FULL, 1, 1}, {T, FULL, 2, 1}, {T, FULL, 3, 1}}, T, -1, -1, 0, 0, 1},
        {"a failure ends its retries", {{T, FULL, 1, 1}, {P, FULL, 3, 1}}, T, -1, -1, 0, 0, 0},
        {"and is one delivery", {{T, FULL, 1, 1}, {P, FULL, 3, 1}}, -1, FULL, -1, 0, 0, 1},
        {"a retry after it changes nothing", {{P, UNKNOWN, 1, 1}, {T, GREY, 3, 1}}, -1, GREY, -1, 0, 0, 0},
        {"another reply replaces", {{T, FULL, 1, 1}, {T, GREY, 3, 1}}, -1, FULL, -1, 0, 0, 0},
        {"the later one stands", {{T, GREY, 3, 1}, {T, FULL, 1, 1}}, -1, GREY, -1, 0, 0, 1},
        {"two deliveries", {{T, FULL, 1, 1}, {T, FULL, 2, 2}}, -1, FULL, -1, 0, 0, 2},
        {"those without stand alone", {{T, FULL, 1, 0}, {T, FULL, 2, 0}}, -1, FULL, -1, 0, 0, 2},
        {"warnings do not count", {{L, FULL, 1, 1}, {L, FULL, 2, 2}, {P, FULL, 3, 2}}, -1, -1, -1, 0, 0, 1},
        {"unless asked for", {{L, FULL, 1, 1}, {L, FULL, 2, 1}, {P, FULL, 3, 2}}, L, -1, -1, 0, 0, 1},
        {"delivered clears soft", {{T, FULL, 1, 1}, {P, BLOCKED, 2, 2}, {D, 0, 3, 3}, {T, FULL, 4, 4}}, -1, -1, -1, 0, 0, 1},
        {"but not hard", {{P, UNKNOWN, 1, 1}, {D, 0, 3, 3}, {P, UNKNOWN, 4, 4}}, -1, -1, 1, 0, 0, 2},
        {"nor what came after", {{D, 0, 3, 3}, {T, FULL, 4, 4}, {T, FULL, 5, 5}}, -1, FULL, -1, 0, 0, 2},
        {"nor when ignored", {{T, FULL, 1, 1}, {D + IGNORED, 0, 3, 3}, {T, FULL, 4, 4}}, -1, FULL, -1, 0, 0, 2},
        {"nor complaints", {{C, 0, 1, 1}, {D, 0, 3, 3}, {C, 0, 4, 4}}, C, -1, -1, 0, 0, 2},
        {"ignored", {{P + IGNORED, UNKNOWN, 1, 1}, {P, UNKNOWN, 4, 4}}, -1, -1, -1, 0, 0, 1},
        {"vacation notices are no bounces", {{A, 0, 1, 1}, {A, 0, 2, 2}, {P, FULL, 4, 4}}, -1, -1, -1, 0, 0, 1},
        {"a complaint asks for reasons", {{P, UNKNOWN, 1, 1}, {C, 0, 4, 4}}, -1, UNKNOWN, -1, 0, 0, 1},
        {"within", {{P, UNKNOWN, 1, 1}, {P, UNKNOWN, 20, 2}, {P, UNKNOWN, 30, 3}}, -1, -1, 1, 10, 0, 2},
        {"not what came later", {{P, UNKNOWN, 30, 1}, {P, UNKNOWN, 20, 2}}, -1, -1, 1, 15, 0, 1},
        {"days", {{P, UNKNOWN, 1, 1}, {P, UNKNOWN, 1, 2}, {P, UNKNOWN, 2, 3}}, -1, -1, 1, 0, 1, 2},
        {"days far apart", {{P, UNKNOWN, -20000, 1}, {P, UNKNOWN, 2000000, 2}, {P, UNKNOWN, 2, 3}}, -1, -1, 1, 0, 1, 3},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct carom_past list[6];
        size_t n = 0;
        while (n < 6 && cases[i].rows[n].day) {
            list[n] = past_of(&cases[i].rows[n], (int64_t)n + 1);
            n++;
        }
        struct carom_history history = {.list = list, .n = n - 1, .present = list[n - 1]};
        struct carom_filter filter = carom_filter_any();
        filter.kind = cases[i].kind;
        filter.reason = cases[i].reason;
        filter.hard = cases[i].hard;
        filter.within_ms = cases[i].within_days * DAY;
        filter.days = cases[i].days;
        history.present.id = 0;
        int64_t got = carom_history_count(&history, &filter);
        if (got != cases[i].want)
            fail_msg("%s: got %lld, want %lld", cases[i].name, (long long)got, (long long)cases[i].want);
    }
}

static uint32_t seed = 4711;
static uint32_t dice(uint32_t sides)
{
    seed = seed * 1664525 + 1013904223;
    return (seed >> 8) % sides;
}

static void shuffle(struct carom_past *list, size_t n)
{
    for (size_t i = n; i > 1; i--) {
        size_t k = dice((uint32_t)i);
        struct carom_past swap = list[i - 1];
        list[i - 1] = list[k];
        list[k] = swap;
    }
}

/* What was counted before: by kinds, hard, days, first and last. */
static void measure(struct carom_history *history, int64_t out[12])
{
    struct carom_filter filter = carom_filter_any();
    int n = 0;
    out[n++] = carom_history_count(history, &filter);
    for (int kind = P; kind <= C; kind++) {
        filter.kind = kind;
        out[n++] = carom_history_count(history, &filter);
    }
    filter = carom_filter_any();
    filter.within_ms = 20 * DAY;
    out[n++] = carom_history_count(history, &filter);
    filter.days = true;
    out[n++] = carom_history_count(history, &filter);
    filter.reason = FULL;
    out[n++] = carom_history_count(history, &filter);
    out[n++] = carom_history_first(history, &filter);
    out[n++] = carom_history_last(history, &filter);
    out[n++] = carom_history_delivered_at(history);
}

static void test_order_and_copies_change_nothing(void **state)
{
    static const int kinds[] = {P, P, T, T, T, L, D, C}, reasons[] = {FULL, GREY, UNKNOWN, BLOCKED};
    (void)state;
    for (int round = 0; round < 2000; round++) {
        struct carom_past list[60];
        size_t n = 1 + dice(20);
        for (size_t i = 0; i <= n; i++) {
            struct row row = {.kind = kinds[dice(8)] + (dice(10) == 0 ? IGNORED : 0), .reason = reasons[dice(4)],
                              .day = 1 + (int)dice(40), .delivery = (int)dice(5)};
            list[i] = past_of(&row, (int64_t)i + 1);
        }
        struct carom_history history = {.present = list[n], .list = list, .n = n};
        int64_t want[12] = {0}, got[12] = {0};
        history.present.id = 0;
        measure(&history, want);
        for (int again = 0; again < 4; again++) {
            shuffle(list, history.n);
            for (int copies = 0; copies < 5; copies++, history.n++)
                list[history.n] = list[dice((uint32_t)history.n)];
            shuffle(list, history.n);
            measure(&history, got);
            for (int k = 0; k < 12; k++)
                if (got[k] != want[k])
                    fail_msg("round %d, %zu facts, measure %d: got %lld, want %lld", round, n, k, (long long)got[k],
                             (long long)want[k]);
        }
    }
}

static void test_times(void **state)
{
    static const struct {
        int64_t time, received, want;
    } cases[] = {
        {1000000000, 1000000100, 1000000000},
        {0, 1772366400, 1772366400},                /* none */
        {1, 1772366400, 1772366400},                /* 1970 */
        {2147483647, 1772366400, 1772366400},       /* 2038 */
        {1772366400 - 30 * 86400, 1772366400, 1772366400 - 30 * 86400},
        {1772366400 - 30 * 86400 - 1, 1772366400, 1772366400},
        {-5, 1772366400, 1772366400},
        {INT64_MAX, INT64_MAX, 0},
        {INT64_MIN, 1772366400, 1772366400},
        {1772366400, 0, 1772366400},
        {0, 86400, 86400}, /* received in 1970, and none: not at its first second */
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct carom_fact fact = {.time = cases[i].time, .received = cases[i].received};
        int64_t got = carom_history_time(&fact);
        if (got != cases[i].want * 1000)
            fail_msg("%zu: got %lld, want %lld", i, (long long)got, (long long)cases[i].want * 1000);
    }
}

static void test_score_decays(void **state)
{
    struct carom_past list[] = {{.id = 1, .points = 4, .received = 10 * DAY},
                                {.id = 2, .points = 100, .received = 10 * DAY, .ignored = true},
                                {.id = 3, .points = 1, .received = 90 * DAY}};
    struct carom_history history = {.list = list, .n = 3, .half_life_ms = 30 * DAY, .now = 70 * DAY};
    (void)state;
    assert_int_equal((int)(carom_history_score(&history) * 1000 + 0.5), 2000);
    history.now = 40 * DAY;
    assert_int_equal((int)(carom_history_score(&history) * 1000 + 0.5), 3000);
}

static void test_suppressed(void **state)
{
    struct carom_suppression here = {.list = CAROM_STR("dev.example.org"), .until = 100};
    struct carom_suppression everywhere = {.list = CAROM_STR_EMPTY, .until = 0};
    struct carom_departure left = {.list = CAROM_STR("news.example.org")};
    struct carom_history history = {.now = 50};
    (void)state;
    assert_false(carom_history_suppressed(&history, CAROM_STR_EMPTY));
    history.suppressions = &here;
    assert_false(carom_history_suppressed(&history, CAROM_STR_EMPTY));
    assert_true(carom_history_suppressed(&history, CAROM_STR("Dev.example.org")));
    history.now = 100;
    assert_false(carom_history_suppressed(&history, CAROM_STR("dev.example.org")));
    history.departures = &left;
    assert_true(carom_history_suppressed(&history, CAROM_STR("news.example.org")));
    assert_false(carom_history_suppressed(&history, CAROM_STR_EMPTY));
    history.suppressions = &everywhere;
    assert_true(carom_history_suppressed(&history, CAROM_STR_EMPTY));
}

static void test_retries(void **state)
{
    struct carom_past list[] = {{.id = 1, .delivery = 7, .retried = true},
                                {.id = 2, .delivery = 7, .retried = true},
                                {.id = 3, .delivery = 8, .retried = true},
                                {.id = 4, .delivery = 7}};
    struct carom_history history = {.list = list, .n = 4, .present = {.delivery = 7}};
    (void)state;
    assert_int_equal(carom_history_retries(&history), 2);
    history.present.delivery = 0;
    assert_int_equal(carom_history_retries(&history), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_counts),
                                       cmocka_unit_test(test_order_and_copies_change_nothing),
                                       cmocka_unit_test(test_times), cmocka_unit_test(test_score_decays),
                                       cmocka_unit_test(test_suppressed), cmocka_unit_test(test_retries)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
