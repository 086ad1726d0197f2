/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* carom check-setup: what its parts share. Each check is one line: ok, a warning or a failure, and what to do. */

#ifndef CAROM_CLI_SETUP_H
#define CAROM_CLI_SETUP_H

#include "cli/ledger.h"

enum carom_setup_result { CAROM_SETUP_OK, CAROM_SETUP_WARNING, CAROM_SETUP_FAILURE };

struct carom_setup {
    struct carom_arena *arena; /* under a guard */
    const struct carom_cli_place *place;
    const char *spool; /* --spool; NULL */
    bool json;
    struct carom_str user;  /* as whom we look */
    struct carom_policy *policy; /* NULL: none, or it does not load */
    const struct carom_config *config; /* the policy's; NULL */
    int64_t now;                 /* ms */
    size_t counts[CAROM_SETUP_FAILURE + 1];
    bool unsaid; /* something could not be written */
};

/* Prints a line. what and remedy are formatted by the caller with carom_setup_text; remedy may be empty. */
void carom_setup_say(struct carom_setup *setup, enum carom_setup_result result, const char *check, struct carom_str what,
                     struct carom_str remedy);
struct carom_str carom_setup_text(struct carom_setup *setup, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Calls visit for each sink that the policy configures, once. */
void carom_setup_each_sink(struct carom_setup *setup, void (*visit)(struct carom_setup *setup, const struct carom_sink *sink));

void carom_setup_check_state(struct carom_setup *setup);  /* directory, files, ledger, lock, spool, space, how it goes */
void carom_setup_check_policy(struct carom_setup *setup); /* what it needs: smtp, secrets, programs, its log */
void carom_setup_check_sinks(struct carom_setup *setup);  /* over the network */

#endif
