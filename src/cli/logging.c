/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Where the lines of a command go. */

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
