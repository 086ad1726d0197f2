/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Which actions wait, and for what. It looks at the fact, the decision and the configuration, and knows no ledger. */

#include "decision/hold.h"

static const char *const names[] = {NULL, "gate", "observe", "breaker"};
static const char below_gate[] = "below the gate: the bounce proves too little; it waits to be released or discarded";
static const char observed[] = "observed: mode is \"observe\"";
static const char outdated[] = "about mail of before the address was taken back";
static const char delivered_since[] = "mail was delivered there since";
static const char tripped[] = "held by the breaker: too many of this provider at once";

const char *carom_hold_name(enum carom_hold hold)
{
    return names[hold];
}

/* ---- The gate ---- */

static const int *gate_of(const struct carom_gate *gate, enum carom_kind kind)
{
    switch (kind) {
    case CAROM_KIND_PERMANENT:
    case CAROM_KIND_TRANSIENT:
    case CAROM_KIND_DELAYED:
        return &gate->failure;
    case CAROM_KIND_COMPLAINT:
        return &gate->complaint;
    case CAROM_KIND_UNSUBSCRIBE:
        return &gate->unsubscribe;
    case CAROM_KIND_DELIVERED:
        return &gate->delivered;
    default:
        return NULL;
    }
}

/* From a key's first day on what we sent can be told from what others made up. */
static bool is_signing(const struct carom_config *config, int64_t received)
{
    const struct carom_verp_source *key = config->verp ? config->verp->keys : NULL;
    while (key && key->since > received)
        key = key->next;
    return key != NULL;
}

/* Complaints and requests to leave come to other addresses than return paths: no token can be wanted of them. */
static enum carom_authenticity gate_of_signed(enum carom_kind kind)
{
    return kind == CAROM_KIND_COMPLAINT || kind == CAROM_KIND_UNSUBSCRIBE ? CAROM_AUTHENTICITY_ALIGNED
                                                                         : CAROM_AUTHENTICITY_MATCHED;
}

enum carom_authenticity carom_hold_gate(const struct carom_config *config, enum carom_kind kind, int64_t received)
{
    const int *gate = gate_of(&config->gate, kind);
    if (!gate)
        return CAROM_AUTHENTICITY_UNPROVEN;
    if (*gate >= 0)
        return (enum carom_authenticity)*gate;
    return is_signing(config, received) ? gate_of_signed(kind) : CAROM_AUTHENTICITY_UNPROVEN;
}

/* ---- Holding ---- */

static void hold(struct carom_decided *decided, const char *note)
{
    decided->state = CAROM_ACTION_HELD;
    decided->note = note;
}

static void hold_below_gate(struct carom_decision *decision, const struct carom_fact *fact)
{
    decision->hold = CAROM_HOLD_GATE;
    for (struct carom_decided *decided = decision->first; decided; decided = decided->next)
        if (decided->state == CAROM_ACTION_DECIDED &&
            (!decided->accept || (int)fact->authenticity < decided->accept - 1))
            hold(decided, below_gate);
}

/* What only the next hook sees goes on, so that the policy is watched as it would act. */
static void hold_observed(struct carom_decision *decision)
{
    decision->hold = CAROM_HOLD_OBSERVE;
    for (struct carom_decided *decided = decision->first; decided; decided = decided->next)
        if (decided->state == CAROM_ACTION_DECIDED && decided->type != CAROM_ACTION_SCORE &&
            decided->type != CAROM_ACTION_IGNORE)
            hold(decided, observed);
}

void carom_hold_apply(struct carom_decision *decision, const struct carom_fact *fact, const struct carom_config *config)
{
    if (fact->authenticity < carom_hold_gate(config, fact->kind, fact->received))
        hold_below_gate(decision, fact);
    else if (config->observe)
        hold_observed(decision);
}

void carom_hold_outdated(struct carom_decision *decision, const struct carom_fact *fact, int64_t time, int64_t restored)
{
    /* A token says its day and not the hour: one of that day may be replayed, and is of no use any more. */
    int64_t sent = fact->token_time ? fact->token_time * 1000 : time;
    if (!restored || sent > restored)
        return;
    for (struct carom_decided *decided = decision->first; decided; decided = decided->next)
        if (carom_hold_removes(decided)) {
            decided->state = CAROM_ACTION_REFUSED;
            decided->note = outdated;
        }
}

bool carom_hold_is_soft(const struct carom_fact *fact)
{
    return !fact->hard && (fact->kind == CAROM_KIND_PERMANENT || fact->kind == CAROM_KIND_TRANSIENT ||
                           fact->kind == CAROM_KIND_DELAYED);
}

void carom_hold_delivered(struct carom_decision *decision, const struct carom_fact *fact, int64_t time, int64_t delivered)
{
    if (!delivered || time > delivered || !carom_hold_is_soft(fact))
        return;
    for (struct carom_decided *decided = decision->first; decided; decided = decided->next)
        if (decided->state == CAROM_ACTION_DECIDED && decided->type == CAROM_ACTION_SUPPRESS) {
            decided->state = CAROM_ACTION_REFUSED;
            decided->note = delivered_since;
        }
}

bool carom_hold_removes(const struct carom_decided *decided)
{
    return decided->state == CAROM_ACTION_DECIDED &&
           (decided->type == CAROM_ACTION_UNSUBSCRIBE || decided->type == CAROM_ACTION_SUPPRESS);
}

void carom_hold_removals(struct carom_decision *decision)
{
    decision->hold = CAROM_HOLD_BREAKER;
    for (struct carom_decided *decided = decision->first; decided; decided = decided->next)
        if (carom_hold_removes(decided))
            hold(decided, tripped);
}

/* ---- Whose bad day ---- */

/* "mx1.mail.example.co.uk" → "example.co.uk": a short second label under a country's is a registry's, not a name. */
static struct carom_str domain_of_host(struct carom_str host)
{
    size_t dots[3] = {SIZE_MAX, SIZE_MAX, SIZE_MAX}, n = 0; /* from the end */
    if (host.len && host.ptr[host.len - 1] == '.')
        host.len--;
    for (size_t i = host.len; i-- > 0 && n < 3;)
        if (host.ptr[i] == '.')
            dots[n++] = i;
    bool registry = n > 1 && host.len - dots[0] == 3 && dots[0] - dots[1] <= 4;
    size_t cut = registry ? 2 : 1;
    return n > cut ? carom_str_from(host, dots[cut] + 1) : host;
}

struct carom_str carom_hold_group(struct carom_arena *arena, const struct carom_fact *fact)
{
    size_t at = carom_str_rchr(fact->recipient, '@');
    struct carom_str group = fact->provider;
    if (!group.len && fact->remote_mta.len)
        group = domain_of_host(fact->remote_mta);
    if (!group.len && at != SIZE_MAX)
        group = carom_str_from(fact->recipient, at + 1);
    return carom_arena_lower(arena, group);
}
