/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* What a line of the log says of a decision. What came by mail stands last, so that what is cut is never ours. */

#include "cli/logging.h"

#include <stdio.h>

#include "base/error.h"

static int take_word(struct carom_log_settings *settings, struct carom_str word, struct carom_error *err)
{
    if (carom_str_eq(word, CAROM_STR("json")) || carom_str_eq(word, CAROM_STR("text")))
        settings->json = word.ptr[0] == 'j';
    else if (!carom_log_level_parse(word, &settings->level))
        return carom_error_set(err, CAROM_ERROR_USAGE,
                               "--log: '" CAROM_STR_FMT "' is neither json, text, debug, info, warning nor error",
                               CAROM_STR_ARG(word));
    return 0;
}

static int take_place(struct carom_cli_log *log, struct carom_str place, struct carom_error *err)
{
    struct carom_log_settings *settings = &log->logger.settings;

    if (carom_str_eq(place, CAROM_STR("syslog")))
        settings->to = CAROM_LOG_TO_SYSLOG;
    else if (carom_str_eq(place, CAROM_STR("stderr")))
        settings->to = CAROM_LOG_TO_STDERR;
    else if (!carom_str_starts(place, CAROM_STR("/")) || place.len >= sizeof(log->path))
        return carom_error_set(err, CAROM_ERROR_USAGE, "--log: '" CAROM_STR_FMT "' is neither syslog, stderr nor an absolute path",
                               CAROM_STR_ARG(place));
    else
        settings->to = CAROM_LOG_TO_FILE;
    snprintf(log->path, sizeof(log->path), CAROM_STR_FMT, CAROM_STR_ARG(place));
    settings->path = carom_str(log->path);
    return 0;
}

/* What a mail server's child says on stderr may become a bounce of its own. */
static void keep_quiet(struct carom_cli_log *log)
{
    if (log->logger.fallback == CAROM_LOG_TO_SYSLOG && log->logger.settings.to == CAROM_LOG_TO_STDERR)
        log->logger.settings.to = CAROM_LOG_TO_SYSLOG;
}

int carom_cli_log_begin(struct carom_cli_log *log, const char *option, enum carom_log_target home,
                        struct carom_error *err)
{
    struct carom_str rest = carom_str(option);

    carom_logger_init(&log->logger, home);
    log->given = log->chosen = option != NULL;
    for (bool first = true; option && (first || rest.len); first = false) {
        size_t comma = carom_str_chr(rest, ',');
        struct carom_str word = carom_str_head(rest, comma);
        rest = comma == SIZE_MAX ? CAROM_STR_EMPTY : carom_str_from(rest, comma + 1);
        if ((first ? take_place(log, word, err) : take_word(&log->logger.settings, word, err)) != 0)
            return -1;
    }
    keep_quiet(log);
    return 0;
}

void carom_cli_log_policy(struct carom_cli_log *log, const struct carom_config *config)
{
    if (log->given)
        return;
    log->logger.settings = config->log;
    log->chosen = config->log.to != CAROM_LOG_TO_DEFAULT;
    keep_quiet(log);
}

static void list_actions(const struct carom_decision *decision, char *out, size_t size)
{
    size_t used = 0;

    out[0] = '\0';
    for (const struct carom_decided *d = decision->first; d && used < size; d = d->next) {
        int n = snprintf(out + used, size - used, "%s%s%s", used ? "," : "",
                         d->state == CAROM_ACTION_DECIDED     ? ""
                         : d->state == CAROM_ACTION_UNMATCHED ? "unmatched-"
                                                              : "refused-",
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
