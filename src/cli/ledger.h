/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* How commands find the ledger: --policy FILE (its `store`) or --store URL, and --state DIR. */

#ifndef CAROM_CLI_LEDGER_H
#define CAROM_CLI_LEDGER_H

#include "engine/engine.h"

struct carom_cli_place {
    const char *policy, *store, *state;
    const struct carom_log *log; /* what the policy says at load and in its hooks; NULL: stderr */
};

#define CAROM_CLI_PLACE_OPTIONS(place) \
    {"policy", CAROM_OPTION_TEXT, &(place).policy, "FILE", "the policy, a Lua file"}, \
        {"store", CAROM_OPTION_TEXT, &(place).store, "URL", "the ledger, sqlite:PATH (default: the policy's)"}, \
    { \
        "state", CAROM_OPTION_TEXT, &(place).state, "DIR", "the state directory (default: CAROM_STATE, /var/lib/carom)" \
    }

/* Where it lies, without opening it; the policy as below. */
int carom_cli_ledger_find(struct carom_arena *arena, const struct carom_cli_place *place, struct carom_policy **policy_r,
                          struct carom_str *url_r, struct carom_error *err);
/* Opens the ledger, which must be there unless make; loads the policy where one is named (else *policy_r is NULL). url_r: where it lies, in the arena. */
int carom_cli_ledger(struct carom_arena *arena, const struct carom_cli_place *place, enum carom_ledger_mode mode, bool make,
                     struct carom_ledger *ledger_r, struct carom_policy **policy_r, struct carom_str *url_r,
                     struct carom_error *err);
bool carom_cli_ledger_is_missing(struct carom_str url);
/* For reading, where there is one: else ledger_r->ops is NULL. */
int carom_cli_ledger_if_any(struct carom_arena *arena, const struct carom_cli_place *place, const struct carom_policy *policy,
                            struct carom_ledger *ledger_r, struct carom_error *err);
/* NULL where that list is one of the policy's, or there is no policy, or it names none; else what is wrong with it, as in
   "'…' is none of …". A misspelt one was left by nobody. */
const char *carom_cli_list_wrong(struct carom_arena *arena, const struct carom_policy *policy, struct carom_str list);
/* The same of one that somebody typed. */
int carom_cli_list(struct carom_arena *arena, const struct carom_policy *policy, const char *list, struct carom_error *err);

#endif
