/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* carom incidents: bad days of providers, as the breaker saw them. */

#include <errno.h>
#include <stdio.h>

#include "base/date.h"
#include "cli/cli.h"
#include "cli/ledger.h"
#include "cli/print.h"
#include "ledger/care.h"

struct listing {
    struct carom_print *print;
    bool json;
    int64_t n;
};

static void incident_json(struct carom_print *print, const struct carom_incident *incident, int64_t held)
{
    struct carom_json json = carom_print_json(print);
    carom_json_object(&json);
    carom_json_key(&json, CAROM_STR("incident"));
    carom_json_int(&json, incident->id);
    carom_json_field_str(&json, "provider", incident->provider);
    carom_json_field_str(&json, "reason", incident->reason);
    carom_json_field_time(&json, "since", incident->since / 1000);
    carom_json_field_time(&json, "busy", incident->busy / 1000);
    carom_json_field_time(&json, "ended", incident->ended / 1000);
    carom_json_key(&json, CAROM_STR("count"));
    carom_json_int(&json, incident->count);
    carom_json_key(&json, CAROM_STR("usual"));
    carom_json_int(&json, incident->usual);
    carom_json_key(&json, CAROM_STR("held"));
    carom_json_int(&json, held);
    carom_json_object_end(&json);
    carom_print_line(print);
}

static int incident_row(void *user, const struct carom_incident *incident, int64_t held)
{
    struct listing *listing = user;
    char since[32], busy[32];

    listing->n++;
    if (listing->json)
        return incident_json(listing->print, incident, held), 0;
    carom_date_format(incident->since / 1000, since);
    carom_date_format(incident->busy / 1000, busy);
    printf("%lld  %s to %s  ", (long long)incident->id, since, busy);
    carom_print_cell(stdout, incident->provider, 20);
    carom_print_cell(stdout, incident->reason, 16);
    printf(" %lld removals, usual %lld, %lld held\n", (long long)incident->count, (long long)incident->usual,
           (long long)held);
    return 0;
}

int cmd_incidents(int argc, char **argv)
{
    struct carom_cli_place place = {0};
    struct listing listing = {0};
    const struct carom_option options[] = {CAROM_CLI_PLACE_OPTIONS(place),
                                           {"json", CAROM_OPTION_FLAG, &listing.json, NULL, "JSON lines"},
                                           {NULL, 0, NULL, NULL, NULL}};
    char **operands;
    int n = carom_cli_options(argc, argv, options, "[OPTIONS]",
                              "Lists the bad days of providers, on which removals were held.", &operands);
    struct carom_error err = {0};
    struct carom_ledger ledger;
    struct carom_policy *policy;
    struct carom_str url;

    if (n < 0)
        return carom_cli_options_exit(n);
    if (n > 0)
        return carom_cli_usage("incidents", "takes no operand '%s'", operands[0]);
    struct carom_arena *arena = carom_arena_new();
    if (!arena || carom_arena_guard(arena))
        return carom_cli_no_memory(arena);
    int result = carom_cli_ledger(arena, &place, CAROM_LEDGER_READ, false, &ledger, &policy, &url, &err);
    if (result == 0) {
        struct carom_print print = carom_print_begin(stdout);
        listing.print = &print;
        result = ledger.care->incidents(ledger.store, incident_row, &listing, &err);
        if (result == 0 && !listing.json && !listing.n)
            printf("no incident\n");
        if (carom_print_end(&print) != 0 && result == 0)
            result = carom_cli_output_error(&err, "incidents");
        carom_ledger_close(&ledger);
        carom_policy_free(policy);
    }
    carom_arena_free(arena);
    return result == 0 ? EX_OK : carom_cli_fail(&err);
}
