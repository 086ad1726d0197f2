/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* What the breaker says is done here: to the decision at hand, to those before it, and to the operator. */

#include "engine/net.h"

#include "base/error.h"
#include "base/hash.h"
#include "decision/hold.h"
#include "ledger/breaker.h"

enum { SAMPLES = 5 };

/* ---- The operator is told ---- */

static void append(struct carom_decision *decision, const struct carom_decision *more)
{
    if (!more->first)
        return;
    *decision->tail = more->first;
    decision->tail = more->tail;
}

static int tell(struct carom_engine *engine, struct carom_arena *arena, const struct carom_entry *entry,
                const struct carom_incident *incident, struct carom_decision *decision, struct carom_error *err)
{
    struct carom_str samples[SAMPLES];
    struct carom_decision more;
    struct carom_error why = {0};
    struct carom_trouble trouble = {.incident = incident, .samples = samples};
    const struct carom_fact *fact = entry->fact;

    if (fact->diagnostic.len)
        samples[trouble.n++] = fact->diagnostic;
    if (engine->ledger.ops->samples(engine->ledger.store, arena, incident->group, samples, SAMPLES, &trouble.n, err) !=
        0)
        return -1;
    carom_log_printf(engine->log, CAROM_LOG_WARNING,
                     "incident %lld: " CAROM_STR_FMT " answers " CAROM_STR_FMT
                     " for %lld addresses at once, at most %lld is "
                     "usual: removals are held; see carom incidents",
                     (long long)incident->id, CAROM_STR_ARG(incident->provider), CAROM_STR_ARG(incident->reason),
                     (long long)incident->count, (long long)incident->usual);
    if (carom_policy_incident(engine->policy, arena, &trouble, fact, entry->now, &more, &why) == 0) {
        append(decision, &more);
        return 0;
    }
    if (why.code == CAROM_ERROR_MEMORY)
        return carom_error_memory(err);
    carom_log_printf(engine->log, CAROM_LOG_ERROR, "incident %lld: %s", (long long)incident->id, why.text);
    return 0;
}

/* ---- The breaker ---- */

static struct carom_str group_text(struct carom_arena *arena, struct carom_str provider, struct carom_str reason)
{
    return carom_arena_printf(arena, CAROM_STR_FMT "\n" CAROM_STR_FMT, CAROM_STR_ARG(provider), CAROM_STR_ARG(reason));
}

static int trip(struct carom_engine *engine, struct carom_arena *arena, struct carom_entry *entry,
                const struct carom_incident *incident, struct carom_decision *decision, struct carom_error *err)
{
    const struct carom_config *config = entry->config;
    int64_t recalled;
    if (engine->ledger.ops->recall(engine->ledger.store, incident, incident->since - config->breaker.window_ms, config,
                                   entry->now, &recalled, err) != 0)
        return -1;
    engine->recalled += recalled;
    return tell(engine, arena, entry, incident, decision, err);
}

static int ask(struct carom_engine *engine, struct carom_arena *arena, struct carom_entry *entry,
               const struct carom_removal_ask *removal, struct carom_decision *decision, struct carom_error *err)
{
    struct carom_incident incident;
    enum carom_trip tripped;

    if (carom_breaker_judge(&engine->ledger, arena, entry->config, removal, &tripped, &incident, err) != 0)
        return -1;
    if (tripped == CAROM_TRIP_NONE)
        return 0;
    carom_hold_removals(decision);
    entry->incident = incident.id;
    return tripped == CAROM_TRIP_NEW ? trip(engine, arena, entry, &incident, decision, err) : 0;
}

/* Does it remove, or would it but for the gate? */
static bool concerns(const struct carom_decision *decision)
{
    for (const struct carom_decided *decided = decision->first; decided; decided = decided->next)
        if ((decided->state == CAROM_ACTION_DECIDED || decided->state == CAROM_ACTION_HELD) &&
            (decided->type == CAROM_ACTION_UNSUBSCRIBE || decided->type == CAROM_ACTION_SUPPRESS))
            return true;
    return false;
}

int carom_net_breaker(struct carom_engine *engine, struct carom_arena *arena, struct carom_entry *entry,
                      struct carom_decision *decision, struct carom_error *err)
{
    const struct carom_fact *fact = entry->fact;
    struct carom_removal_ask removal = {.reason = carom_str(carom_reason_name(fact->reason)),
                                        .address = entry->address,
                                        .received = fact->received * 1000};

    if (!removal.reason.len || !entry->address.len || !concerns(decision))
        return 0; /* who complains or asks to go never waits */
    removal.provider = carom_hold_group(arena, fact);
    if (!removal.provider.len)
        return 0;
    removal.group = carom_hash(group_text(arena, removal.provider, removal.reason));
    entry->group = removal.group;
    return decision->hold == CAROM_HOLD_NONE ? ask(engine, arena, entry, &removal, decision, err) : 0;
}
