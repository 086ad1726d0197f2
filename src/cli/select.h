/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The options by which a person says which decisions are meant; the same for each command that takes them. */

#ifndef CAROM_CLI_SELECT_H
#define CAROM_CLI_SELECT_H

#include "cli/cli.h"
#include "ledger/care.h"
#include "policy/policy.h"

struct carom_cli_select {
    const char *since, *until, *reason, *provider, *rule, *list, *policy;
};

#define CAROM_CLI_SELECT_OPTIONS(select) \
    {"since", CAROM_OPTION_TEXT, &(select).since, "TIME", "decided since: 2026-03-01, 2026-03-01T12:00:00Z, or 6h for six hours ago"}, \
        {"until", CAROM_OPTION_TEXT, &(select).until, "TIME", "decided before that"}, \
        {"reason", CAROM_OPTION_TEXT, &(select).reason, "REASON", "of that reason or kind"}, \
        {"provider", CAROM_OPTION_TEXT, &(select).provider, "PROVIDER", "of that mailbox provider; or domain, where carom knows none"}, \
        {"rule", CAROM_OPTION_TEXT, &(select).rule, "RULE", "that this rule classified"}, \
        {"list", CAROM_OPTION_TEXT, &(select).list, "LIST", "about that list"}, \
    { \
        "by-policy", CAROM_OPTION_TEXT, &(select).policy, "VERSION", "that this version of a policy took (its beginning)" \
    }

/* -1: err says which option is wrong. now: ms. */
int carom_cli_selection(const struct carom_cli_select *select, int64_t now, struct carom_selection *selection_r,
                        struct carom_error *err);
/* -1 too where it names a domain as provider, a rule, a version, an incident, or a list which the policy (NULL: none) does not
   know either, of which the ledger never had anything: a word misspelt would read like good news. */
int carom_cli_selection_known(struct carom_arena *arena, const struct carom_ledger *ledger, const struct carom_policy *policy,
                              const struct carom_selection *selection, struct carom_error *err);
/* The key of the address that somebody typed, also as "Anna <anna@example.com>". -1: there is none in it; an empty key would
   mean everybody. It may be less than an address, as a report may name somebody by less. */
int carom_cli_address(struct carom_arena *arena, const char *command, const char *typed, struct carom_str *key_r,
                      struct carom_error *err);
/* Is it meant? Of a fact that was not decided yet: since and until are those of its receipt. */
bool carom_cli_selects(const struct carom_selection *selection, const struct carom_fact *fact);
bool carom_cli_selects_nothing(const struct carom_selection *selection); /* would mean everything */

#endif
