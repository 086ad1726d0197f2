/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* carom pipe: one message from a mail server. Only two exit codes mean the same to every server: 0, it is in the ledger or
   in the spool; 75, keep it and try again. Silent on success; on failure one line that starts with 4.3.0, because Postfix
   takes a status code at the start of the output for its own. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/cli.h"
#include "cli/front.h"
#include "cli/owner.h"
#include "cli/spooled.h"

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

static void complete(struct carom_envelope *envelope)
{
    if (!envelope->sender)
        envelope->sender = getenv("SENDER"); /* set and empty: the null sender */
    if (!envelope->recipient)
        envelope->recipient = recipient_of_environment();
    envelope->received = (int64_t)time(NULL);
}

/* ---- Paths ---- */

static const char *absolute(struct carom_arena *arena, const char *path, size_t skip)
{
    char directory[4096];

    if (!path || path[skip] == '/' || !getcwd(directory, sizeof(directory)))
        return path;
    return carom_arena_printf(arena, "%.*s%s/%s", (int)skip, path, directory, path + skip).ptr;
}

/* Nothing is read from, and nothing kept busy, where the mail server happened to stand. */
static void leave(struct carom_arena *arena, struct carom_cli_place *place, struct carom_front *front, const char *spool)
{
    const struct carom_str scheme = CAROM_STR("sqlite:");
    struct carom_str state, directory;

    if (carom_engine_state_dir(arena, place->state, &state, NULL) == 0)
        place->state = absolute(arena, state.ptr, 0);
    if (carom_spooled_directory(arena, place, spool, &directory, &front->spool_err) == 0)
        front->spool = absolute(arena, directory.ptr, 0);
    place->policy = absolute(arena, place->policy, 0);
    if (place->store && carom_str_starts(carom_str(place->store), scheme))
        place->store = absolute(arena, place->store, scheme.len);
    if (chdir("/") != 0)
        carom_log_printf(&front->log->logger.log, CAROM_LOG_WARNING, "cannot go to /: %s", strerror(errno));
}

/* ---- The command ---- */

static int take(struct carom_cli_place *place, struct carom_front *front, const char *log_option, const char *spool,
                struct carom_error *err)
{
    struct carom_cli_log log;
    struct carom_arena *arena = carom_arena_new();

    if (!arena || carom_arena_guard(arena))
        return carom_error_memory(err);
    front->arena = arena;
    front->place = place;
    front->log = &log;
    int result = carom_cli_log_begin(&log, log_option, CAROM_LOG_TO_SYSLOG, err);
    if (result == 0)
        result = carom_cli_act_as_owner(place, err);
    if (result == 0) {
        leave(arena, place, front, spool);
        result = carom_front_take(front, err);
    }
    carom_arena_free(arena);
    return result;
}

int carom_front_command(int argc, char **argv,
                        int (*decide)(const struct carom_worker *worker, struct carom_worker_door *door,
                                      struct carom_error *err))
{
    struct carom_cli_place place = {0};
    const char *log = NULL, *spool = NULL, *deadline = NULL;
    struct carom_front front = {.envelope.source = "-", .decide = decide};
    struct carom_envelope *envelope = &front.envelope;
    const struct carom_option options[] = {
        CAROM_CLI_PLACE_OPTIONS(place),
        {"sender", CAROM_OPTION_TEXT, &envelope->sender, "ADDRESS", "envelope sender (default: $SENDER)"},
        {"recipient", CAROM_OPTION_TEXT, &envelope->recipient, "ADDRESS",
         "the address that the bounce was sent to (default: what the mail server's variables say)"},
        {"list", CAROM_OPTION_TEXT, &envelope->list, "LIST", "the list that the bounce concerns (a List-Id)"},
        CAROM_SPOOLED_OPTION(spool),
        CAROM_SPOOLED_DEADLINE_OPTION(deadline),
        CAROM_CLI_LOG_OPTION(log),
        {NULL, 0, NULL, NULL, NULL}};
    char **operands;
    struct carom_error err = {0};
    int n;

    carom_front_set_up();
    n = carom_cli_options(argc, argv, options, "--policy FILE [OPTIONS]",
                          "Takes one message on stdin: exit 0 once it is in the ledger or in the spool, 75 to have it sent again.",
                          &operands);
    if (n == -2)
        return EX_OK;
    if (n > 0)
        carom_cli_usage("pipe", "takes no operand '%s'", operands[0]);
    else if (n == 0 && !place.policy)
        carom_cli_usage("pipe", "no policy given: --policy FILE");
    else if (n == 0 && carom_spooled_deadline("pipe", deadline, &front.deadline_ms)) {
        complete(envelope);
        return take(&place, &front, log, spool, &err) == 0 ? EX_OK : defer(&err);
    }
    return EX_TEMPFAIL;
}
