/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* What is wrong with a decision: who is taken off that should not be, and what nobody would carry out. Thresholds are the
   operator's business: that he takes somebody off after the third soft bounce is no finding, that he does at the first
   one is. */

#include "cli/lint/trial.h"

static bool is_removal(const struct carom_decided *action)
{
    return action->type == CAROM_ACTION_UNSUBSCRIBE || (action->type == CAROM_ACTION_SUPPRESS && !action->duration_ms);
}

static const char *removes(const struct carom_decided *action)
{
    return action->type == CAROM_ACTION_UNSUBSCRIBE ? "unsubscribes" : "suppresses for good";
}

static bool is_failure(const struct carom_fact *fact)
{
    return fact->kind == CAROM_KIND_PERMANENT || fact->kind == CAROM_KIND_TRANSIENT;
}

/* The provider's own list of those whom it does not mail: the address is at least known there as one not to be mailed. */
static bool blames_us(const struct carom_fact *fact)
{
    return (fact->fault == CAROM_FAULT_SENDER || fact->fault == CAROM_FAULT_CONTENT) &&
           fact->reason != CAROM_REASON_SUPPRESSED;
}

/* Kinds in which the address did nothing against being mailed. Somebody who has left says so in an automatic reply. */
static bool is_harmless(const struct carom_fact *fact)
{
    switch (fact->kind) {
    case CAROM_KIND_DELIVERED:
    case CAROM_KIND_CHALLENGE:
    case CAROM_KIND_RECEIPT:
    case CAROM_KIND_OTHER: return true;
    case CAROM_KIND_AUTOREPLY: return carom_str_eq(fact->autoreply.type, CAROM_STR("vacation"));
    default: return false;
    }
}

static void judge_removal(struct carom_findings *findings, const struct carom_lint_case *with,
                          const struct carom_decided *action)
{
    const struct carom_fact *fact = with->fact;
    const char *what = removes(action);

    if (is_failure(fact) && blames_us(fact))
        carom_findings_add(findings, CAROM_WARNING, action->at, with->words,
                           "our own mail was refused, which says nothing of the address: leave out fault sender and content",
                           "%s on a bounce that is our own fault", what);
    else if (fact->kind == CAROM_KIND_DELAYED)
        carom_findings_add(findings, CAROM_WARNING, action->at, with->words,
                           "the sending host still tries: wait for the failure", "%s on a mere delay", what);
    else if (is_failure(fact) && !fact->hard && with->fresh && fact->reason != CAROM_REASON_SUPPRESSED)
        carom_findings_add(findings, CAROM_WARNING, action->at, with->words,
                           "soft bounces pass: ask for bounce.hard, or for a count (bounce:count)",
                           "%s at the first soft bounce", what);
    else if (is_failure(fact) && fact->confidence == CAROM_CONFIDENCE_LOW && with->fresh && action->force)
        carom_findings_add(findings, CAROM_WARNING, action->at, with->words,
                           "leave force out, and carom refuses it on such a fact",
                           "%s at the first bounce on a mere guess (confidence low, force = true)", what);
    else if (is_harmless(fact))
        carom_findings_add(findings, CAROM_WARNING, action->at, with->words, "do nothing, or ask what it says first",
                           "%s on what is no failure", what);
}

static void judge_retry(struct carom_findings *findings, const struct carom_lint_case *with,
                        const struct carom_decided *action)
{
    const struct carom_fact *fact = with->fact;

    if (fact->hard)
        carom_findings_add(findings, CAROM_WARNING, action->at, with->words,
                           "do not send again to an address that is believed dead: retry transient failures",
                           "retries a hard bounce");
    else if (fact->kind == CAROM_KIND_DELAYED)
        carom_findings_add(findings, CAROM_WARNING, action->at, with->words,
                           "the sending host still tries, and the mail would come twice: wait for the failure",
                           "retries a mere delay");
    else if (!is_failure(fact))
        carom_findings_add(findings, CAROM_WARNING, action->at, with->words, "retry what failed",
                           "retries what is no failure");
}

/* Nobody is told. Suppressions and departures hold in the ledger nevertheless, and tags are kept there. */
static void judge_sink(struct carom_findings *findings, const struct carom_config *config,
                       const struct carom_decided *action)
{
    const char *name = carom_action_name(action->type);

    if (action->type != CAROM_ACTION_UNSUBSCRIBE && action->type != CAROM_ACTION_RETRY && action->type != CAROM_ACTION_ALERT)
        return;
    if (!config->sinks || carom_config_sinks(config, carom_str(name)))
        return;
    carom_findings_add(findings, CAROM_WARNING, action->at, NULL, "name one under sinks, or one for \"*\"",
                       "bounce:%s has no sink, and is only recorded", name);
}

/* The facts here lack nothing, so it is the configuration that does. */
static void judge_unmatched(struct carom_findings *findings, const struct carom_decided *action)
{
    bool proof = action->type == CAROM_ACTION_PROBE; /* which an unproven fact lacks */

    if (action->state == CAROM_ACTION_UNMATCHED && action->note && !proof)
        carom_findings_add(findings, CAROM_WARNING, action->at, NULL, "complete carom.configure",
                           "bounce:%s is never carried out: %s", carom_action_name(action->type), action->note);
}

void carom_lint_judge_sinks(struct carom_findings *findings, const struct carom_config *config,
                            const struct carom_decision *decision)
{
    for (const struct carom_decided *action = decision->first; action; action = action->next) {
        judge_sink(findings, config, action);
        judge_unmatched(findings, action);
    }
}

void carom_lint_judge(struct carom_findings *findings, const struct carom_config *config,
                      const struct carom_lint_case *with, const struct carom_decision *decision)
{
    for (const struct carom_decided *action = decision->first; action; action = action->next) {
        if (action->state == CAROM_ACTION_REFUSED || decision->ignored)
            continue;
        if (is_removal(action))
            judge_removal(findings, with, action);
        else if (action->type == CAROM_ACTION_RETRY)
            judge_retry(findings, with, action);
    }
    carom_lint_judge_sinks(findings, config, decision);
}
