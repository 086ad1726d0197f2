/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* What a line of the log says of a decision. What came by mail stands last, so that what is cut is never ours. */

#include <stdio.h>

#include "cli/logging.h"

static void list_actions(const struct carom_decision *decision, char *out, size_t size)
{
    size_t used = 0;

    out[0] = '\0';
    for (const struct carom_decided *d = decision->first; d && used < size; d = d->next) {
        const bool is_plain = d->state == CAROM_ACTION_DECIDED;
        int n = snprintf(out + used, size - used, "%s%s%s%s", used ? "," : "",
                         is_plain ? "" : carom_action_state_name(d->state), is_plain ? "" : "-",
                         carom_action_name(d->type));
        used += n > 0 ? (size_t)n : size;
    }
}

static void log_outcome(struct carom_logger *logger, const struct carom_fact *fact, const struct carom_outcome *outcome)
{
    char actions[250], number[24] = "";
    list_actions(&outcome->decision, actions, sizeof(actions));
    if (fact->index)
        snprintf(number, sizeof(number), "%llu", (unsigned long long)fact->index);
    const struct carom_log_field fields[] = {
        {"kind", carom_str(carom_kind_name(fact->kind))},
        {"reason", carom_str(carom_reason_name(fact->reason))},
        {"rule", fact->evidence.rule},
        {"hook", outcome->decision.hook},
        {"actions", carom_str(actions)},
        {"duplicate", outcome->duplicate ? CAROM_STR("yes") : CAROM_STR_EMPTY},
        {"authenticity", carom_str(carom_authenticity_name(fact->authenticity))},
        {"source", fact->source},
        {"number", carom_str(number)},
        {"to", fact->recipient},
        {"list", fact->list},
        {"message_id", fact->message_id},
        {"id", fact->id},
    };
    carom_logger_event(logger, CAROM_LOG_INFO, "decision", fields, sizeof(fields) / sizeof(fields[0]));
}

void carom_cli_log_result(struct carom_cli_log *log, const struct carom_result *result)
{
    for (size_t i = 0; i < result->facts.n; i++)
        if (!result->outcomes[i].failed)
            log_outcome(&log->logger, &result->facts.list[i], &result->outcomes[i]);
}
