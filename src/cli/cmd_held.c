/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* carom held: decisions that wait for a person. */

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/date.h"
#include "cli/ledger.h"
#include "cli/print.h"
#include "cli/select.h"

struct listing {
    struct carom_print *print;
    bool json;
    int64_t n;
};

static void held_json(struct carom_print *print, const struct carom_held *held)
{
    struct carom_json json = carom_print_json(print);
    carom_json_object(&json);
    carom_json_key(&json, CAROM_STR("fact"));
    carom_json_int(&json, held->fact);
    carom_json_field_time(&json, "since", held->since / 1000);
    carom_json_field_str(&json, "cause", held->cause);
    if (held->incident) {
        carom_json_key(&json, CAROM_STR("incident"));
        carom_json_int(&json, held->incident);
    }
    carom_json_field_str(&json, "address", held->spelling);
    carom_json_field_str(&json, "action", held->action);
    carom_json_field_str(&json, "list", held->list);
    carom_json_field_str(&json, "kind", held->kind);
    carom_json_field_str(&json, "reason", held->reason);
    carom_json_field_str(&json, "provider", held->provider);
    carom_json_field_str(&json, "authenticity", held->authenticity);
    carom_json_field_str(&json, "diagnostic", held->diagnostic);
    carom_json_object_end(&json);
    carom_print_line(print);
}

static void held_columns(const char *since, const struct carom_held *held)
{
    printf("%-20s  ", since);
    carom_print_cell(stdout, held->cause, 8);
    carom_print_cell(stdout, held->action, 12);
    carom_print_cell(stdout, held->spelling, 28);
    putchar(' ');
    carom_print_cell(stdout, held->reason.len ? held->reason : held->kind, 20);
    carom_print_cell(stdout, held->authenticity, 9);
    putchar(' ');
    carom_print_cell(stdout, held->diagnostic, 60);
    putchar('\n');
}

static int held_row(void *user, const struct carom_held *held)
{
    struct listing *listing = user;
    char since[32];

    listing->n++;
    if (listing->json)
        return held_json(listing->print, held), 0;
    if (listing->n == 1 && isatty(STDOUT_FILENO))
        held_columns("since", &(struct carom_held){
            .cause = CAROM_STR("cause"), .action = CAROM_STR("action"), .spelling = CAROM_STR("address"),
            .reason = CAROM_STR("reason"), .authenticity = CAROM_STR("proof"), .diagnostic = CAROM_STR("diagnostic")});
    carom_date_format(held->since / 1000, since);
    held_columns(since, held);
    return 0;
}

static int list(struct carom_ledger *ledger, const struct carom_selection *selection, bool json,
                struct carom_error *err)
{
    struct carom_print print = carom_print_begin(stdout);
    struct listing listing = {.print = &print, .json = json};
    int result = ledger->care->held(ledger->store, selection, held_row, &listing, err);

    if (result == 0 && !json && !listing.n)
        printf("nothing is held\n");
    if (carom_print_end(&print) != 0 && result == 0)
        result = carom_cli_output_error(err, "held");
    return result;
}

/* Whole, or not at all; a dry run is whole and taken back. */
static int settle(struct carom_ledger *ledger, const struct carom_selection *selection,
                  const struct carom_config *config, bool release, bool dry_run, struct carom_error *err)
{
    struct carom_settled settled;
    if (ledger->ops->begin(ledger->store, err) != 0)
        return -1;
    int result = ledger->care->settle_held(ledger->store, selection, config,
                                           release ? CAROM_SETTLE_RELEASE : CAROM_SETTLE_DISCARD, carom_date_now_ms(),
                                           &settled, err);
    if (result != 0 || dry_run)
        ledger->ops->rollback(ledger->store);
    else
        result = ledger->ops->commit(ledger->store, err);
    if (result == 0)
        printf("%s%lld decision%s %s\n", dry_run ? "would be: " : "", (long long)settled.facts,
               settled.facts == 1 ? "" : "s", release ? "released" : "discarded");
    return result;
}

struct request {
    struct carom_cli_place place;
    struct carom_cli_select select;
    const char *cause;
    int64_t incident;
    bool json, all, dry_run;
};

static int select_held(struct carom_arena *arena, const struct request *request, char **operands, int n,
                       struct carom_selection *selection_r, struct carom_error *err)
{
    static const char *const causes[] = {"gate", "observe", "breaker", NULL};
    if (carom_cli_selection(&request->select, carom_date_now_ms(), selection_r, err) != 0)
        return -1;
    selection_r->cause = carom_str(request->cause);
    selection_r->incident = request->incident;
    if (request->cause && strcmp(request->cause, "gate") != 0 && strcmp(request->cause, "observe") != 0 &&
        strcmp(request->cause, "breaker") != 0)
        return carom_error_set(err, CAROM_ERROR_USAGE, "--cause: '%s' is none of %s, %s, %s", request->cause, causes[0],
                               causes[1], causes[2]);
    return n > 1 ? carom_cli_address(arena, "held", operands[1], &selection_r->key, err) : 0;
}

static int run(struct carom_arena *arena, const struct request *request, char **operands, int n,
               struct carom_error *err)
{
    const char *verb = n ? operands[0] : "list";
    bool is_list = strcmp(verb, "list") == 0;
    struct carom_selection selection;
    struct carom_ledger ledger;
    struct carom_policy *policy;
    struct carom_str url;

    if (select_held(arena, request, operands, n, &selection, err) != 0)
        return -1;
    if (!is_list && !request->all && carom_cli_selects_nothing(&selection))
        return carom_error_set(err, CAROM_ERROR_USAGE, "held: say which, such as --incident or an ADDRESS; or --all");
    if (carom_cli_ledger(arena, &request->place, is_list ? CAROM_LEDGER_READ : CAROM_LEDGER_WRITE, false, &ledger,
                         &policy, &url, err) != 0)
        return -1;
    int result = carom_cli_selection_known(arena, &ledger, policy, &selection, err);
    if (result == 0)
        result = is_list ? list(&ledger, &selection, request->json, err)
                         : settle(&ledger, &selection, carom_policy_config(policy), strcmp(verb, "release") == 0,
                                  request->dry_run, err);
    carom_ledger_close(&ledger);
    carom_policy_free(policy);
    return result;
}

int cmd_held(int argc, char **argv)
{
    static const char *const verbs[] = {"list", "release", "discard", NULL};
    struct request request = {0};
    const struct carom_option options[] = {
        CAROM_CLI_PLACE_OPTIONS(request.place),
        CAROM_CLI_SELECT_OPTIONS(request.select),
        {"cause", CAROM_OPTION_TEXT, &request.cause, "CAUSE", "held by the gate, by observe, or by the breaker"},
        {"incident", CAROM_OPTION_NUMBER, &request.incident, "NUMBER", "held in that incident"},
        {"all", CAROM_OPTION_FLAG, &request.all, NULL, "release, discard: all that is held"},
        {"dry-run", CAROM_OPTION_FLAG, &request.dry_run, NULL, "release, discard: say how many, and change nothing"},
        {"json", CAROM_OPTION_FLAG, &request.json, NULL, "list: JSON lines"},
        {NULL, 0, NULL, NULL, NULL}};
    char **operands;
    int n = carom_cli_options(argc, argv, options, "[OPTIONS] [list | release | discard] [ADDRESS]",
                              "Lists decisions that wait for a person, carries them out, or gives them up.", &operands);
    struct carom_error err = {0};

    if (n < 0)
        return carom_cli_options_exit(n);
    const char *verb = n ? operands[0] : "list", *nearest = carom_cli_nearest(verb, verbs);
    if (strcmp(verb, "list") != 0 && strcmp(verb, "release") != 0 && strcmp(verb, "discard") != 0)
        return carom_cli_usage("held", "'%s' is none of list, release, discard%s%s%s", verb,
                               nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "");
    if (n > 2)
        return carom_cli_usage("held", "one ADDRESS at a time");
    if (strcmp(verb, "release") == 0 && !request.place.policy)
        return carom_cli_usage("held", "release wants --policy FILE: its sinks are told");
    struct carom_arena *arena = carom_arena_new();
    if (!arena || carom_arena_guard(arena))
        return carom_cli_no_memory(arena);
    int result = run(arena, &request, operands, n, &err);
    carom_arena_free(arena);
    return result == 0 ? EX_OK : carom_cli_fail(&err);
}
