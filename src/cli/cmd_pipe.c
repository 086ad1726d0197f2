/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* carom pipe: one message from a mail server. Only two exit codes mean the same to every server: 0, it is committed;
   75, keep it and try again. Silent on success; on failure one line that starts with 4.3.0, because Postfix takes a
   status code at the start of the output for its own. */

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/ledger.h"
#include "cli/logging.h"
#include "cli/owner.h"
#include "engine/result.h"
#include "input/source.h"

static int defer(const struct carom_error *err)
{
    printf("4.3.0 carom: %s\n", err->text);
    return EX_TEMPFAIL;
}

static const char *variable(const char *name)
{
    const char *value = name ? getenv(name) : NULL;
    return value ? value : "";
}

/* Whom the message came to, as servers tell their commands: whole where they do, before aliases where they say that
   too; else from its parts. NULL when nothing is said, and the header is asked. */
static const char *recipient_of_environment(void)
{
    static const char *const whole[] = {
        "ORIGINAL_RECIPIENT", /* Postfix */
        "ORIG_RECIPIENT",     /* Pigeonhole, empty where the server before it said nothing */
        "RECIPIENT",          /* all */
    };
    static const struct {
        const char *prefix, *local, *suffix, *domain;
    } parts[] = {
        {"LOCAL_PART_PREFIX", "LOCAL_PART", "LOCAL_PART_SUFFIX", "DOMAIN"}, /* Exim */
        {NULL, "LOCAL", NULL, "DOMAIN"},                                    /* Postfix, OpenSMTPD */
        {NULL, "LOCAL", NULL, "HOST"},                                      /* qmail, Courier */
    };
    static char address[1024];

    for (size_t i = 0; i < sizeof(whole) / sizeof(*whole); i++)
        if (*variable(whole[i]))
            return variable(whole[i]);
    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
        if (*variable(parts[i].local) && *variable(parts[i].domain) &&
            snprintf(address, sizeof(address), "%s%s%s@%s", variable(parts[i].prefix), variable(parts[i].local),
                     variable(parts[i].suffix), variable(parts[i].domain)) < (int)sizeof(address))
            return address;
    return NULL;
}

int cmd_pipe(int argc, char **argv)
{
    struct carom_cli_place place = {0};
    const char *log_option = NULL;
    struct carom_envelope envelope = {.source = "-"};
    const struct carom_option options[] = {
        CAROM_CLI_PLACE_OPTIONS(place),
        {"sender", CAROM_OPTION_TEXT, &envelope.sender, "ADDRESS", "envelope sender (default: $SENDER)"},
        {"recipient", CAROM_OPTION_TEXT, &envelope.recipient, "ADDRESS",
         "the address that the bounce was sent to (default: what the mail server's variables say)"},
        {"list", CAROM_OPTION_TEXT, &envelope.list, "LIST", "the list that the bounce concerns (a List-Id)"},
        CAROM_CLI_LOG_OPTION(log_option),
        {NULL, 0, NULL, NULL, NULL}};
    char **operands, *bytes = NULL;
    struct carom_error err = {0};
    struct carom_cli_log log;
    struct carom_engine *engine = NULL;
    struct carom_result *result;
    size_t size;
    int n = carom_cli_options(argc, argv, options, "--policy FILE [OPTIONS]",
                              "Takes one message on stdin: exit 0 once it is committed, 75 to have it sent again.",
                              &operands);

    /* Inherited from the mail server and unfit: alarms, the mask of new files, the working directory is kept for
       relative paths until the policy is loaded. */
    alarm(0);
    umask(0007);
    if (n == -2)
        return EX_OK;
    if (n > 0)
        carom_cli_usage("pipe", "takes no operand '%s'", operands[0]);
    else if (n == 0 && !place.policy)
        carom_cli_usage("pipe", "no policy given: --policy FILE");
    if (n != 0 || !place.policy)
        return EX_TEMPFAIL;
    if (carom_cli_log_begin(&log, log_option, CAROM_LOG_TO_SYSLOG, &err) != 0 ||
        carom_cli_become_owner(&place, &err) != 0)
        return defer(&err);
    if (!envelope.sender)
        envelope.sender = getenv("SENDER"); /* set and empty: the null sender */
    if (!envelope.recipient)
        envelope.recipient = recipient_of_environment();
    envelope.received = (int64_t)time(NULL);
    if (carom_input_slurp(STDIN_FILENO, CAROM_INPUT_MAX, &bytes, &size, &err) != 0)
        return defer(&err);
    if (size == 0) {
        carom_error_set(&err, CAROM_ERROR_USAGE, "pipe: stdin was empty: nothing to take");
        free(bytes);
        return defer(&err);
    }
    const struct carom_engine_options options_engine = {
        .policy = place.policy, .store = place.store, .state = place.state, .log = &log.logger.log};
    if ((engine = carom_engine_open(&options_engine, &err)) != NULL)
        carom_cli_log_policy(&log, carom_policy_config(engine->policy));
    if (!engine || carom_engine_message(engine, bytes, size, &envelope, &result, &err) != 0) {
        carom_log_printf(&log.logger.log, CAROM_LOG_ERROR, "deferred: %s", err.text);
        carom_engine_close(engine);
        free(bytes);
        return defer(&err);
    }
    carom_cli_log_result(&log, result);
    carom_result_free(result);
    carom_engine_close(engine);
    free(bytes);
    return EX_OK;
}
