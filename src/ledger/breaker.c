/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Counting addresses in a window, now and in the four weeks before. */

#include "ledger/breaker.h"

#include "base/hash.h"
#include "ledger/crowd.h"

static const int64_t weeks_ms = INT64_C(28) * 86400 * 1000;

struct judge {
    const struct carom_ledger *ledger;
    struct carom_arena *arena;
    const struct carom_config *config;
    const struct carom_removal_ask *ask;
    struct carom_error *err;
};

/* ---- Is it too many? ---- */

static int find_threshold(const struct judge *judge, int64_t usual, int64_t *threshold_r)
{
    int64_t least = judge->config->breaker.min, first;
    double many = (double)usual * judge->config->breaker.factor;
    if (judge->ledger->ops->first_removal(judge->ledger->store, &first, judge->err) != 0)
        return -1;
    if (!first || judge->ask->received - first < weeks_ms)
        least = 4 * least;
    *threshold_r = many + 1 > (double)least ? (int64_t)many + 1 : least;
    return 0;
}

/* The cheap questions first: most windows hold few. Of the four weeks only what was carried out counts, and the present
   window does not: a bad day does not make the next one usual. */
static int is_too_many(const struct judge *judge, bool *too_many_r, int64_t *n_r, int64_t *usual_r)
{
    const struct carom_removal_ask *ask = judge->ask;
    int64_t least = judge->config->breaker.min, window = judge->config->breaker.window_ms, threshold;
    int64_t before = ask->received - window, address = (int64_t)carom_hash(ask->address);
    const struct carom_crowd_ask wanted = {.group = ask->group, .since = before - weeks_ms, .after = before,
                                           .until = ask->received, .least = (size_t)least - 1};
    struct carom_crowd *crowd;

    *too_many_r = false;
    if (judge->ledger->ops->crowd(judge->ledger->store, &wanted, &crowd, judge->err) != 0)
        return -1;
    if (!crowd)
        return 0;
    if (carom_crowd_count(crowd, before, ask->received, address, n_r, judge->err) != 0)
        return -1;
    if (*n_r < least)
        return 0;
    if (carom_crowd_busiest(crowd, window, before - weeks_ms, before, usual_r, judge->err) != 0 ||
        find_threshold(judge, *usual_r, &threshold) != 0)
        return -1;
    *too_many_r = *n_r >= threshold;
    *n_r = *too_many_r ? threshold : *n_r; /* it trips at that one */
    return 0;
}

/* ---- The incident ---- */

static int put(const struct judge *judge, struct carom_incident *incident)
{
    return judge->ledger->ops->incident_put(judge->ledger->store, incident, judge->err);
}

/* On until two windows were quiet; what was received before it began is of it, as far as its window reaches. */
static bool is_on(const struct judge *judge, const struct carom_incident *incident)
{
    return incident->id && judge->ask->received <= incident->busy + 2 * judge->config->breaker.window_ms;
}

static int keep_on(const struct judge *judge, struct carom_incident *incident, bool too_many)
{
    if (!too_many || judge->ask->received <= incident->busy)
        return 0;
    incident->busy = judge->ask->received;
    return put(judge, incident);
}

static int begin(const struct judge *judge, int64_t n, int64_t usual, struct carom_incident *incident_r)
{
    const struct carom_removal_ask *ask = judge->ask;
    *incident_r = (struct carom_incident){.group = ask->group,
                                          .provider = ask->provider,
                                          .reason = ask->reason,
                                          .since = ask->received,
                                          .busy = ask->received,
                                          .usual = usual,
                                          .count = n};
    return put(judge, incident_r);
}

static int end(const struct judge *judge, struct carom_incident *incident)
{
    if (!incident->id || incident->ended)
        return 0;
    incident->ended = judge->ask->received;
    return put(judge, incident);
}

static int judge_it(const struct judge *judge, enum carom_trip *trip_r, struct carom_incident *incident_r)
{
    int64_t n = 0, usual = 0;
    bool too_many;

    if (judge->ledger->ops->incident_at(judge->ledger->store, judge->arena, judge->ask->group,
                                        judge->ask->received + judge->config->breaker.window_ms, incident_r,
                                        judge->err) != 0 ||
        is_too_many(judge, &too_many, &n, &usual) != 0)
        return -1;
    if (is_on(judge, incident_r)) {
        *trip_r = CAROM_TRIP_HOLD;
        return keep_on(judge, incident_r, too_many);
    }
    if (end(judge, incident_r) != 0)
        return -1;
    *trip_r = too_many ? CAROM_TRIP_NEW : CAROM_TRIP_NONE;
    return too_many ? begin(judge, n, usual, incident_r) : 0;
}

int carom_breaker_judge(const struct carom_ledger *ledger, struct carom_arena *arena, const struct carom_config *config,
                        const struct carom_removal_ask *ask, enum carom_trip *trip_r, struct carom_incident *incident_r,
                        struct carom_error *err)
{
    const struct judge judge = {ledger, arena, config, ask, err};
    *trip_r = CAROM_TRIP_NONE;
    return judge_it(&judge, trip_r, incident_r);
}
