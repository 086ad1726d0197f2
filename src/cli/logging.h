/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The log of a command: as --log says, else as the policy's `log`, else where it belongs. */

#ifndef CAROM_CLI_LOGGING_H
#define CAROM_CLI_LOGGING_H

#include "base/logger.h"
#include "engine/result.h"

#define CAROM_CLI_LOG_OPTION(option) \
    { \
        "log", CAROM_OPTION_TEXT, &(option), "WHERE", "syslog, stderr or /FILE, then ,json or ,LEVEL (default: the policy's log)" \
    }

struct carom_cli_log {
    struct carom_logger logger;
    bool given;   /* by --log */
    bool chosen;  /* somebody named a place: then each decision is a line, also of `run` */
    char path[4096];
};

/* option: of --log, NULL none. home: where lines go by default, syslog or stderr; a program under a mail server, whose
   home is syslog, writes nothing to stderr whatever is asked. 0, or -1: option is wrong, err says how. */
int carom_cli_log_begin(struct carom_cli_log *log, const char *option, enum carom_log_target home,
                        struct carom_error *err);
/* What the policy asks for, where --log does not. Its texts must live as long. */
void carom_cli_log_policy(struct carom_cli_log *log, const struct carom_config *config);
/* A line for each decision. */
void carom_cli_log_result(struct carom_cli_log *log, const struct carom_result *result);

#endif
