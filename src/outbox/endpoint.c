/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Which endpoints take nothing for now. A stopped one is kept in the ledger, so that the next run does not begin with
   five failures again and `carom outbox` can show it; a minute later one job tries whether it is back, at no cost. Knows
   no answers: what stops an endpoint is its caller's to say. */

#include "outbox/endpoint.h"

#include <stdlib.h>

#include "base/date.h"
#include "base/error.h"

enum { FAILURES_MAX = 5 };

static void set_why(struct carom_endpoint *endpoint, struct carom_str why)
{
    size_t n = why.len < sizeof endpoint->why ? why.len : sizeof endpoint->why - 1;
    memcpy(endpoint->why, why.ptr, n);
    endpoint->why[n] = '\0';
}

/* Errors of a sink name it, and so does whoever prints them with the sink that is stopped. */
static struct carom_str without_name(const struct carom_endpoint *endpoint, struct carom_str why)
{
    const struct carom_str before = CAROM_STR("sink "), behind = CAROM_STR(": ");
    struct carom_str rest = carom_str_from(why, before.len + endpoint->name.len);

    return carom_str_starts(why, before) && carom_str_starts(carom_str_from(why, before.len), endpoint->name) &&
                   carom_str_starts(rest, behind)
               ? carom_str_from(rest, behind.len)
               : why;
}

void carom_endpoint_hold(struct carom_endpoints *endpoints, struct carom_endpoint *endpoint, const char *why)
{
    if (endpoint->stopped)
        return;
    endpoint->stopped = true;
    set_why(endpoint, without_name(endpoint, carom_str(why)));
    carom_log_printf(endpoints->log, CAROM_LOG_WARNING, "outbox: sink %.*s waits: %s", CAROM_STR_ARG(endpoint->name),
                     endpoint->why);
}

int carom_endpoint_stop(struct carom_endpoints *endpoints, struct carom_endpoint *endpoint, const char *why,
                        bool for_good, struct carom_error *err)
{
    const struct carom_ledger *ledger = endpoints->ledger;
    bool again = endpoint->kept;
    if (endpoint->stopped && !again)
        return 0;
    if (!again)
        endpoint->since = carom_date_now_ms();
    carom_endpoint_hold(endpoints, endpoint, why);
    set_why(endpoint, without_name(endpoint, carom_str(why)));
    endpoint->kept = true;
    endpoint->trial = false;
    struct carom_pause pause = {.sink = endpoint->name, .why = carom_str(endpoint->why), .since = endpoint->since,
                                .until = for_good ? 0 : carom_date_now_ms() + CAROM_PAUSE_MS};
    return ledger->ops->pause(ledger->store, &pause, err);
}

int carom_endpoint_alive(struct carom_endpoints *endpoints, struct carom_endpoint *endpoint, struct carom_error *err)
{
    const struct carom_ledger *ledger = endpoints->ledger;
    endpoint->failures = 0;
    if (!endpoint->kept)
        return 0;
    endpoint->kept = endpoint->stopped = endpoint->trial = false;
    carom_log_printf(endpoints->log, CAROM_LOG_WARNING, "outbox: sink %.*s is back", CAROM_STR_ARG(endpoint->name));
    struct carom_pause pause = {.sink = endpoint->name, .why = CAROM_STR_EMPTY};
    return ledger->ops->pause(ledger->store, &pause, err);
}

int carom_endpoint_failed(struct carom_endpoints *endpoints, struct carom_endpoint *endpoint, struct carom_error *err)
{
    endpoint->failures++;
    if (endpoint->kept)
        return carom_endpoint_stop(endpoints, endpoint, endpoint->why, false, err);
    if (endpoint->failures < FAILURES_MAX)
        return 0;
    return carom_endpoint_stop(endpoints, endpoint, "five failures in a row; tried again once a minute", false, err);
}

bool carom_endpoint_open(struct carom_endpoint *endpoint, bool *trial_r)
{
    *trial_r = endpoint->stopped && endpoint->trial;
    endpoint->trial = false;
    return !endpoint->stopped || *trial_r;
}

/* ---- All of them ---- */

static struct carom_endpoint *add(struct carom_endpoints *endpoints, struct carom_str name)
{
    struct carom_endpoint *endpoint = calloc(1, sizeof *endpoint + name.len);
    if (!endpoint)
        return NULL;
    memcpy(endpoint + 1, name.ptr, name.len);
    endpoint->name = carom_str_n((const char *)(endpoint + 1), name.len);
    endpoint->sink = carom_config_sink(endpoints->config, name);
    endpoint->next = endpoints->first;
    endpoints->first = endpoint;
    return endpoint;
}

struct carom_endpoint *carom_endpoint_find(struct carom_endpoints *endpoints, struct carom_str name)
{
    struct carom_endpoint *endpoint = endpoints->first;
    while (endpoint && !carom_str_eq(endpoint->name, name))
        endpoint = endpoint->next;
    if (!endpoint)
        endpoint = add(endpoints, name);
    if (endpoint && !endpoint->sink)
        carom_endpoint_hold(endpoints, endpoint,
                            "the sink is not in the configuration any more; its jobs wait until it is");
    return endpoint;
}

struct loading {
    struct carom_endpoints *endpoints;
    struct carom_error *err;
};

static int take_over(void *user, const struct carom_pause *pause)
{
    const struct loading *loading = user;
    struct carom_endpoints *endpoints = loading->endpoints;
    struct carom_endpoint *endpoint = add(endpoints, pause->sink);
    if (!endpoint)
        return carom_error_memory(loading->err);
    endpoint->stopped = endpoint->kept = true;
    endpoint->since = pause->since;
    endpoint->trial = pause->until != 0 && pause->until <= endpoints->now;
    set_why(endpoint, pause->why);
    return 0;
}

int carom_endpoints_load(struct carom_endpoints *endpoints, struct carom_error *err)
{
    const struct carom_ledger *ledger = endpoints->ledger;
    struct loading loading = {endpoints, err};
    endpoints->now = carom_date_now_ms();
    return ledger->ops->pauses(ledger->store, take_over, &loading, err);
}

void carom_endpoints_deinit(struct carom_endpoints *endpoints)
{
    while (endpoints->first) {
        struct carom_endpoint *next = endpoints->first->next;
        free(endpoints->first);
        endpoints->first = next;
    }
}
