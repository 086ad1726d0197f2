/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Counting. Everything is computed from the set of facts by effective time, so that the order in which they arrived
   makes no difference: which facts of a delivery stand, which were cleared, and what passes a filter. It knows no
   store; linear in the facts once they are arranged. */

#include "ledger/history.h"

#include <math.h>
#include <stdlib.h>

static const int64_t day_ms = 86400 * INT64_C(1000);
static const int64_t time_slack_s = 30 * INT64_C(86400);

void carom_history_empty(struct carom_history *history)
{
    history->list = NULL;
    history->n = 0;
    history->suppressions = NULL;
    history->departures = NULL;
    history->tags = NULL;
    history->restored = 0;
}

struct carom_filter carom_filter_any(void)
{
    return (struct carom_filter){
        .kind = -1, .reason = -1, .fault = -1, .authenticity = -1, .hard = -1, .list = CAROM_STR_EMPTY};
}

/* Dates come from mail: 1970, 2038 and worse. Only one close to when we received it is believed. */
int64_t carom_history_time(const struct carom_fact *fact)
{
    const int64_t limit = INT64_MAX / 1000;
    int64_t received = fact->received > 0 && fact->received < limit ? fact->received : 0;
    int64_t time = fact->time > 0 && fact->time < limit ? fact->time : 0;

    if (received && (!time || time > received || time < received - time_slack_s))
        time = received;
    return time * 1000;
}

static bool is_failure(enum carom_kind kind)
{
    return kind == CAROM_KIND_PERMANENT || kind == CAROM_KIND_TRANSIENT;
}

static bool is_soft(const struct carom_past *past)
{
    return (is_failure(past->kind) || past->kind == CAROM_KIND_DELAYED) && !past->hard;
}

/* ---- Deliveries ---- */

static int order(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

/* By delivery; what stands alone by its row, so that a fact handed over twice is one. */
static int compare(const void *left, const void *right)
{
    const struct carom_past *a = left, *b = right;
    int by = (a->delivery > b->delivery) - (a->delivery < b->delivery);
    if (!by && !a->delivery)
        by = order(a->id, b->id);
    if (!by)
        by = order(a->time, b->time);
    return by ? by : order(a->id, b->id);
}

static void arrange(const struct carom_history *history)
{
    for (size_t i = 1; i < history->n; i++)
        if (compare(&history->list[i - 1], &history->list[i]) > 0) {
            qsort(history->list, history->n, sizeof(*history->list), compare);
            return;
        }
}

static bool is_one_delivery(const struct carom_past *a, const struct carom_past *b)
{
    return a->delivery ? a->delivery == b->delivery : a->id && !b->delivery && a->id == b->id;
}

int64_t carom_history_delivered_at(const struct carom_history *history)
{
    int64_t latest = 0;
    for (size_t i = 0; i <= history->n; i++) {
        const struct carom_past *past = i < history->n ? &history->list[i] : &history->present;
        if (past->kind == CAROM_KIND_DELIVERED && !past->ignored && !past->held && past->time > latest)
            latest = past->time;
    }
    return latest;
}

/* ---- What passes ---- */

struct scan {
    const struct carom_history *history;
    const struct carom_filter *filter;
    int64_t cleared; /* soft failures before this time do not count */
    void (*found)(void *user, const struct carom_past *past);
    void *user;
};

static bool counts(const struct scan *scan, const struct carom_past *past)
{
    return !past->ignored && (!past->held || scan->filter->held) && !(is_soft(past) && past->time < scan->cleared);
}

static bool kind_passes(const struct scan *scan, enum carom_kind kind)
{
    enum carom_kind present = scan->history->present.kind;
    if (scan->filter->kind >= 0)
        return (int)kind == scan->filter->kind;
    /* Only failures have a reason, a fault, or are hard: to ask for one is to ask for them. */
    if (scan->filter->reason >= 0 || scan->filter->fault >= 0 || scan->filter->hard >= 0)
        return is_failure(kind);
    return is_failure(present) || present == CAROM_KIND_DELAYED ? is_failure(kind) : kind == present;
}

static bool passes(const struct scan *scan, const struct carom_past *past)
{
    const struct carom_filter *filter = scan->filter;
    int64_t now = scan->history->present.time;

    if (!kind_passes(scan, past->kind) || (filter->reason >= 0 && (int)past->reason != filter->reason) ||
        (filter->fault >= 0 && (int)carom_reason_fault(past->reason) != filter->fault) ||
        (filter->hard >= 0 && past->hard != (filter->hard != 0)) ||
        (filter->authenticity >= 0 && (int)past->authenticity < filter->authenticity) ||
        (filter->list.len && !carom_str_ieq(filter->list, past->list)))
        return false;
    /* Both times are within what a date can be, so that the difference does not overflow. */
    return filter->within_ms <= 0 || (past->time <= now && now - past->time <= filter->within_ms);
}

/* Of one delivery, facts first … end and perhaps the present one: what supersedes transient ones. */
struct standing {
    bool permanent;
    int64_t transient; /* the latest */
};

static void note(struct standing *standing, const struct scan *scan, const struct carom_past *past)
{
    if (!counts(scan, past))
        return;
    if (past->kind == CAROM_KIND_PERMANENT)
        standing->permanent = true;
    if (past->kind == CAROM_KIND_TRANSIENT && past->time > standing->transient)
        standing->transient = past->time;
}

static bool report(const struct scan *scan, const struct standing *standing, const struct carom_past *past)
{
    bool superseded = past->kind == CAROM_KIND_TRANSIENT && (standing->permanent || past->time < standing->transient);
    if (!counts(scan, past) || superseded || !passes(scan, past))
        return false;
    if (scan->found)
        scan->found(scan->user, past);
    return true;
}

/* One delivery: does any of its facts pass? */
static bool scan_delivery(const struct scan *scan, size_t first, size_t end, bool with_present)
{
    const struct carom_past *list = scan->history->list, *present = &scan->history->present;
    struct standing standing = {.transient = INT64_MIN};
    bool any = false;

    for (size_t i = first; i < end; i++)
        note(&standing, scan, &list[i]);
    if (with_present)
        note(&standing, scan, present);
    for (size_t i = first; i < end; i++)
        any |= report(scan, &standing, &list[i]);
    if (with_present)
        any |= report(scan, &standing, present);
    return any;
}

static int64_t scan_all(struct scan *scan)
{
    const struct carom_history *history = scan->history;
    bool present_seen = false;
    int64_t deliveries = 0;

    arrange(history);
    scan->cleared = carom_history_delivered_at(history);
    for (size_t first = 0, end; first < history->n; first = end) {
        for (end = first + 1; end < history->n && is_one_delivery(&history->list[first], &history->list[end]);)
            end++;
        bool here = is_one_delivery(&history->list[first], &history->present);
        present_seen |= here;
        deliveries += scan_delivery(scan, first, end, here);
    }
    return deliveries + (!present_seen && scan_delivery(scan, 0, 0, true));
}

/* ---- Distinct days, without memory: a bitmap that moves over the years as often as the facts need it ---- */

enum { BITMAP_DAYS = 1 << 15 };
struct days {
    int64_t start, next, n; /* start: first day of this round; next: of the following one */
    uint64_t seen[BITMAP_DAYS / 64];
};

static void found_day(void *user, const struct carom_past *past)
{
    struct days *days = user;
    int64_t day = past->time / day_ms - (past->time % day_ms < 0);

    if (day < days->start)
        return;
    if (day - days->start >= BITMAP_DAYS) {
        days->next = day < days->next ? day : days->next;
        return;
    }
    uint64_t bit = UINT64_C(1) << ((day - days->start) % 64), *word = &days->seen[(day - days->start) / 64];
    days->n += !(*word & bit);
    *word |= bit;
}

static int64_t count_days(struct scan *scan)
{
    struct days days = {.next = INT64_MIN / day_ms - 1};
    scan->found = found_day;
    scan->user = &days;
    while (days.next != INT64_MAX) {
        days.start = days.next;
        days.next = INT64_MAX;
        memset(days.seen, 0, sizeof(days.seen));
        scan_all(scan);
    }
    scan->user = NULL; /* it does not outlive this call */
    return days.n;
}

int64_t carom_history_count(const struct carom_history *history, const struct carom_filter *filter)
{
    struct scan scan = {.history = history, .filter = filter};
    return filter->days ? count_days(&scan) : scan_all(&scan);
}

/* ---- First and last ---- */

struct span {
    int64_t first, last;
};

static void found_time(void *user, const struct carom_past *past)
{
    struct span *span = user;
    if (!span->first || past->time < span->first)
        span->first = past->time;
    if (past->time > span->last)
        span->last = past->time;
}

static struct span span_of(const struct carom_history *history, const struct carom_filter *filter)
{
    struct span span = {0, 0};
    struct scan scan = {.history = history, .filter = filter, .found = found_time, .user = &span};
    scan_all(&scan);
    return span;
}

int64_t carom_history_first(const struct carom_history *history, const struct carom_filter *filter)
{
    return span_of(history, filter).first;
}

int64_t carom_history_last(const struct carom_history *history, const struct carom_filter *filter)
{
    return span_of(history, filter).last;
}

/* ---- Standing ---- */

/* A score from the future, by a clock that was wrong, has not decayed yet. */
static double decayed(const struct carom_history *history, const struct carom_past *past)
{
    int64_t age = history->now - past->received;
    if (past->ignored || past->held)
        return 0;
    return age <= 0 || history->half_life_ms <= 0 ? past->points
                                                 : past->points * exp2(-(double)age / (double)history->half_life_ms);
}

double carom_history_score(const struct carom_history *history)
{
    double score = decayed(history, &history->present);
    arrange(history); /* sums of floating point numbers depend on their order */
    for (size_t i = 0; i < history->n; i++)
        score += decayed(history, &history->list[i]);
    return score;
}

bool carom_history_suppressed(const struct carom_history *history, struct carom_str list)
{
    for (const struct carom_suppression *s = history->suppressions; s; s = s->next)
        if ((!s->until || s->until > history->now) && (!s->list.len || (list.len && carom_str_ieq(s->list, list))))
            return true;
    for (const struct carom_departure *d = history->departures; d; d = d->next)
        if (d->list.len ? list.len && carom_str_ieq(d->list, list) : !d->each || !list.len)
            return true;
    return false;
}

int64_t carom_history_retries(const struct carom_history *history)
{
    const struct carom_past *present = &history->present;
    int64_t retries = 0;
    /* Where the returned message does not say which delivery it was, all such of this address and list are taken for
       one: a limit that is never reached would send for ever. */
    for (size_t i = 0; i < history->n; i++) {
        const struct carom_past *past = &history->list[i];
        retries += past->retried && past->delivery == present->delivery &&
                   (present->delivery || carom_str_ieq(past->list, present->list));
    }
    return retries;
}
