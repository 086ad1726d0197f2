/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Counting. A delivery counts once for each kind and reason with which it failed in a period, however often it was
   tried. What is held or ignored counts nowhere. */

#include <stdio.h>

#include "base/date.h"
#include "base/error.h"
#include "cli/report/report.h"
#include "cli/unmatched.h"
#include "ledger/hashes.h"

enum { NAMES_MAX = 20000, WORDS_MAX = 50000, DELIVERIES_MAX = 8 << 20 };
static const int64_t hour = INT64_C(3600000), day = INT64_C(86400000);

struct counting {
    struct carom_account *report;
    struct carom_arena *scratch;
    struct carom_hashes seen; /* deliveries of the period under way */
    bool is_now;
};

static bool is_failure(enum carom_kind kind)
{
    return kind == CAROM_KIND_PERMANENT || kind == CAROM_KIND_TRANSIENT;
}

enum carom_matter carom_account_matter(enum carom_reason reason)
{
    switch (carom_reason_fault(reason)) {
    case CAROM_FAULT_SENDER:
    case CAROM_FAULT_CONTENT:
        return CAROM_MATTER_OURS;
    case CAROM_FAULT_RECIPIENT:
    case CAROM_FAULT_DOMAIN:
        return CAROM_MATTER_ADDRESS;
    default:
        return CAROM_MATTER_PASSING;
    }
}

static void add(struct counting *counting, struct carom_figure *figure, int64_t n)
{
    if (counting->is_now)
        figure->now += n;
    else
        figure->before += n;
}

/* 1: it was counted before; 0; -1. With more deliveries than are remembered each attempt counts. */
static int was_seen(struct counting *counting, const struct carom_tally *tally)
{
    uint64_t hash = (tally->delivery * UINT64_C(0x9e3779b97f4a7c15)) ^ ((uint64_t)tally->kind << 8) ^ (uint64_t)tally->reason;
    if (!tally->delivery || !is_failure(tally->kind) || counting->seen.n >= DELIVERIES_MAX)
        return 0;
    if (carom_hashes_has(&counting->seen, (int64_t)hash))
        return 1;
    return carom_hashes_add(&counting->seen, (int64_t)hash, NULL) == 0 ? 0 : -1;
}

static void add_bucket(struct counting *counting, const struct carom_tally *tally)
{
    struct carom_account *report = counting->report;
    if (!counting->is_now)
        return;
    size_t i = (size_t)((tally->decided - report->buckets[0].time) / report->bucket_ms);
    if (i >= report->buckets_n) /* decided since we began */
        i = report->buckets_n - 1;
    if (is_failure(tally->kind))
        report->buckets[i].matters[carom_account_matter(tally->reason)]++;
    else if (tally->kind == CAROM_KIND_COMPLAINT)
        report->buckets[i].complaints++;
}

static struct carom_count *add_to(struct counting *counting, struct carom_counter *counter, struct carom_str name,
                                  struct carom_str detail, enum carom_reason reason)
{
    struct carom_count *count = carom_counter_at(counter, name, detail, reason);
    add(counting, &count->n, 1);
    return count;
}

static void add_failure(struct counting *counting, const struct carom_tally *tally)
{
    struct carom_account *report = counting->report;
    enum carom_matter matter = carom_account_matter(tally->reason);
    struct carom_str provider = tally->provider.len ? tally->provider : CAROM_STR("others");

    add(counting, &report->failures, 1);
    add(counting, &report->matters[matter], 1);
    add(counting, &report->reasons[tally->reason], 1);
    add(counting, &report->faults[carom_reason_fault(tally->reason)], 1);
    add_to(counting, &report->providers, provider, CAROM_STR_EMPTY, CAROM_REASON_NONE);
    if (tally->list.len)
        add_to(counting, &report->lists, tally->list, CAROM_STR_EMPTY, CAROM_REASON_NONE);
    if (matter == CAROM_MATTER_OURS)
        add_to(counting, &report->ours, carom_str(carom_reason_name(tally->reason)), provider, tally->reason);
    if (!tally->diagnostic.len || !counting->is_now)
        return;
    struct carom_str words = carom_unmatched_mask(counting->scratch, carom_str_head(tally->diagnostic, 4096));
    struct carom_count *count = add_to(counting, &report->words, words, CAROM_STR_EMPTY, tally->reason);
    if (!count->first.len)
        count->first = carom_arena_str(report->arena, provider);
    else if (!carom_str_eq(count->first, provider))
        count->several = true;
}

static int add_guarded(struct counting *counting, const struct carom_tally *tally)
{
    carom_arena_reset(counting->scratch);
    if (carom_arena_guard(counting->scratch))
        return -1;
    if (carom_arena_guard(counting->report->arena)) {
        carom_arena_unguard(counting->scratch);
        return -1;
    }
    add_failure(counting, tally);
    carom_arena_unguard(counting->report->arena);
    carom_arena_unguard(counting->scratch);
    return 0;
}

static int tally_row(void *user, const struct carom_tally *tally)
{
    struct counting *counting = user;
    struct carom_account *report = counting->report;
    bool is_now = tally->decided >= report->selection.since;

    if (is_now != counting->is_now)
        carom_hashes_deinit(&counting->seen);
    counting->is_now = is_now;
    add(counting, &report->unmatched, tally->unmatched);
    if (tally->held || tally->ignored) {
        add(counting, tally->held ? &report->held : &report->ignored, 1);
        return 0;
    }
    int seen = was_seen(counting, tally);
    if (seen)
        return seen < 0 ? -1 : 0;
    add(counting, &report->kinds[tally->kind], 1);
    add_bucket(counting, tally);
    return is_failure(tally->kind) ? add_guarded(counting, tally) : 0;
}

/* ---- The period ---- */

/* Hours of two days, days of three months, else weeks or more: as many bars as can be told apart. */
static void make_buckets(struct carom_account *report)
{
    const struct carom_selection *period = &report->selection;
    int64_t span = period->until - period->since;
    report->bucket_ms = span <= 2 * day ? hour : span <= 92 * day ? day : 7 * day;
    while (span / report->bucket_ms >= CAROM_ACCOUNT_BUCKETS - 1)
        report->bucket_ms *= 2;
    for (int64_t time = period->since; time < period->until && report->buckets_n < CAROM_ACCOUNT_BUCKETS; time += report->bucket_ms)
        report->buckets[report->buckets_n++].time = time;
}

static int incident_row(void *user, const struct carom_incident *incident, int64_t held)
{
    struct carom_account *report = user;
    const struct carom_selection *s = &report->selection;
    (void)held;
    if (incident->since >= s->until || (incident->ended && incident->ended < s->since) ||
        (s->provider.len && !carom_str_ieq(s->provider, incident->provider)) ||
        (s->reason.len && !carom_str_eq(s->reason, incident->reason)))
        return 0;
    if (carom_arena_guard(report->arena))
        return -1;
    if (report->incidents_n == CAROM_ACCOUNT_INCIDENTS)
        memmove(report->incidents, report->incidents + 1, --report->incidents_n * sizeof(*incident));
    struct carom_incident *kept = &report->incidents[report->incidents_n++];
    *kept = *incident;
    kept->provider = carom_arena_str(report->arena, incident->provider);
    kept->reason = carom_arena_str(report->arena, incident->reason);
    carom_arena_unguard(report->arena);
    return 0;
}

static int count_all(struct carom_account *report, const struct carom_ledger *ledger, struct counting *counting,
                     struct carom_error *err)
{
    struct carom_selection now = report->selection, before = now, both = now;
    if (report->open)
        now.until = both.until = 0;
    both.since = before.since = report->before;
    before.until = report->selection.since;
    if (ledger->care->beginning(ledger->store, &report->beginning, err) != 0 ||
        ledger->care->tally(ledger->store, &both, report->selection.since, tally_row, counting, err) != 0 ||
        ledger->care->deeds(ledger->store, &now, &report->deeds, err) != 0 ||
        ledger->care->deeds(ledger->store, &before, &report->deeds_before, err) != 0 ||
        ledger->care->incidents(ledger->store, incident_row, report, err) != 0)
        return -1;
    report->compared = report->beginning && report->beginning <= report->before + (report->selection.since - report->before) / 10;
    return 0;
}

int carom_account_count(struct carom_account *report, const struct carom_ledger *ledger, struct carom_error *err)
{
    struct counting counting = {.report = report, .scratch = carom_arena_new()};
    const struct carom_counter empty = {
        .arena = report->arena,
        .max = NAMES_MAX,
        .others = {.name = CAROM_STR_EMPTY, .detail = CAROM_STR_EMPTY, .first = CAROM_STR_EMPTY}};

    if (!counting.scratch)
        return carom_error_memory(err);
    report->providers = report->lists = report->ours = report->words = empty;
    report->words.max = WORDS_MAX;
    report->before = 2 * report->selection.since - report->selection.until;
    make_buckets(report);
    int result = count_all(report, ledger, &counting, err);
    carom_hashes_deinit(&counting.seen);
    carom_arena_free(counting.scratch);
    carom_counter_sort(&report->providers);
    carom_counter_sort(&report->lists);
    carom_counter_sort(&report->ours);
    carom_counter_sort(&report->words);
    return result;
}
