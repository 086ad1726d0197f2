/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Counting addresses in a window, now and in the four weeks before. */

#include "ledger/breaker.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/hash.h"
#include "ledger/hashes.h"

static const int64_t weeks_ms = INT64_C(28) * 86400 * 1000;

struct judge {
    const struct carom_ledger *ledger;
    struct carom_arena *arena;
    const struct carom_config *config;
    const struct carom_removal_ask *ask;
    struct carom_error *err;
};

/* ---- How many addresses ---- */

/* Different addresses, up to a limit. */
struct crowd {
    struct carom_hashes addresses;
    size_t limit;
    bool failed;
    struct carom_error *err;
};

static int join_crowd(void *user, int64_t received, int64_t address)
{
    struct crowd *crowd = user;
    (void)received;
    crowd->failed = carom_hashes_add(&crowd->addresses, address, crowd->err) != 0;
    return crowd->failed || crowd->addresses.n >= crowd->limit;
}

/* Those of the window that ends with the present one, which is among them; at most limit are counted. */
static int count(const struct judge *judge, int64_t limit, int64_t *n_r)
{
    const struct carom_removal_ask *ask = judge->ask;
    struct crowd crowd = {.limit = (size_t)limit, .err = judge->err};
    int result = join_crowd(&crowd, ask->received, (int64_t)carom_hash(ask->address))
                     ? 0
                     : judge->ledger->ops->removals(judge->ledger->store, ask->group,
                                                    ask->received - judge->config->breaker.window_ms, ask->received,
                                                    false, join_crowd, &crowd, judge->err);
    *n_r = (int64_t)crowd.addresses.n;
    carom_hashes_deinit(&crowd.addresses);
    return crowd.failed ? -1 : result;
}

/* ---- The busiest window before ---- */

struct times {
    struct carom_arena *arena;
    int64_t *list;
    size_t n, room;
};

static int note_time(void *user, int64_t received, int64_t address)
{
    struct times *times = user;
    (void)address;
    if (times->n == times->room) {
        size_t room = times->room ? 2 * times->room : 1024;
        int64_t *list = carom_arena_array(times->arena, int64_t, room);
        if (times->n)
            memcpy(list, times->list, times->n * sizeof(*list));
        times->list = list;
        times->room = room;
    }
    times->list[times->n++] = received;
    return 0;
}

static int compare(const void *left, const void *right)
{
    const int64_t *a = left, *b = right;
    return (*a > *b) - (*a < *b);
}

static int64_t busiest(struct times *times, int64_t window)
{
    size_t first = 0, most = 0;
    if (times->n)
        qsort(times->list, times->n, sizeof(*times->list), compare);
    for (size_t last = 0; last < times->n; last++) {
        while (times->list[last] - times->list[first] >= window)
            first++;
        if (last - first + 1 > most)
            most = last - first + 1;
    }
    return (int64_t)most;
}

/* Only what was carried out: a bad day does not make the next one usual. */
static int find_usual(const struct judge *judge, int64_t *usual_r)
{
    int64_t window = judge->config->breaker.window_ms, until = judge->ask->received - window;
    struct times times = {.arena = judge->arena};
    int result = judge->ledger->ops->removals(judge->ledger->store, judge->ask->group, until - weeks_ms, until, true,
                                              note_time, &times, judge->err);
    *usual_r = busiest(&times, window);
    return result;
}

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

/* The cheap question first: most windows hold few. */
static int is_too_many(const struct judge *judge, bool *too_many_r, int64_t *n_r, int64_t *usual_r)
{
    int64_t threshold;
    *too_many_r = false;
    if (count(judge, judge->config->breaker.min, n_r) != 0)
        return -1;
    if (*n_r < judge->config->breaker.min)
        return 0;
    if (find_usual(judge, usual_r) != 0 || find_threshold(judge, *usual_r, &threshold) != 0 ||
        count(judge, threshold, n_r) != 0)
        return -1;
    *too_many_r = *n_r >= threshold;
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
    if (carom_arena_guard(arena))
        return carom_error_memory(err);
    int result = judge_it(&judge, trip_r, incident_r);
    carom_arena_unguard(arena);
    return result;
}
