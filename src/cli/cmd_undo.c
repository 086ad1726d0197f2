/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* carom undo: decisions are taken back, as one operation that can be taken back itself. */

#include <errno.h>
#include <stdio.h>

#include "base/date.h"
#include "cli/ledger.h"
#include "cli/print.h"
#include "cli/select.h"

struct request {
    struct carom_cli_place place;
    struct carom_cli_select select;
    int64_t operation, batch, incident;
    bool json, dry_run;
};

/* ---- What was done before ---- */

struct listing {
    struct carom_print *print;
    bool json;
    int64_t n;
};

static int operation_row(void *user, const struct carom_operation *operation)
{
    struct listing *listing = user;
    char time[32];

    listing->n++;
    carom_date_format(operation->time / 1000, time);
    if (!listing->json) {
        printf("%lld  %s  ", (long long)operation->id, time);
        carom_print_cell(stdout, operation->action, 8);
        printf(" %lld decision%s%s  ", (long long)operation->facts, operation->facts == 1 ? "" : "s",
               operation->reversed ? ", taken back" : "");
        carom_print_cell(stdout, operation->selection, 0);
        putchar('\n');
        return 0;
    }
    struct carom_json json = carom_print_json(listing->print);
    carom_json_object(&json);
    carom_json_key(&json, CAROM_STR("operation"));
    carom_json_int(&json, operation->id);
    carom_json_field_time(&json, "time", operation->time / 1000);
    carom_json_field_str(&json, "action", operation->action);
    carom_json_key(&json, CAROM_STR("decisions"));
    carom_json_int(&json, operation->facts);
    carom_json_key(&json, CAROM_STR("taken_back"));
    carom_json_bool(&json, operation->reversed != 0);
    carom_json_key(&json, CAROM_STR("selection"));
    carom_json_raw(&json, operation->selection);
    carom_json_object_end(&json);
    carom_print_line(listing->print);
    return 0;
}

static int list(struct carom_ledger *ledger, bool json, struct carom_error *err)
{
    struct carom_print print = carom_print_begin(stdout);
    struct listing listing = {.print = &print, .json = json};
    int result = ledger->care->operations(ledger->store, operation_row, &listing, err);
    if (result == 0 && !json && !listing.n)
        printf("nothing was released, discarded or taken back\n");
    if (carom_print_end(&print) != 0 && result == 0)
        result = carom_cli_output_error(err, "undo");
    return result;
}

/* ---- Taking back ---- */

static void print_settled(const struct carom_settled *settled, const struct request *request)
{
    if (!settled->facts) {
        puts("nothing to take back: nothing was decided on what is selected, or it was taken back before (carom undo list)");
        return;
    }
    const char *would = request->dry_run ? "would be: " : "", *more = settled->facts == 1 ? "" : "s";
    if (request->operation)
        printf("%s%lld decision%s done again: jobs to tell the sinks %lld\n", would, (long long)settled->facts, more,
               (long long)settled->told);
    else
        printf("%s%lld decision%s taken back: suppressions, departures and tags changed %lld, jobs recalled unsent %lld, jobs to "
               "tell the sinks %lld\n", would, (long long)settled->facts, more, (long long)settled->standing, (long long)settled->recalled,
               (long long)settled->told);
    if (settled->operation && !request->dry_run)
        printf("operation %lld%s%lld%s\n", (long long)settled->operation,
               request->operation ? "; it took back operation " : "; carom undo --operation ",
               (long long)(request->operation ? request->operation : settled->operation),
               request->operation ? "" : " does all that again");
}

/* No decision of a policy's: an import told no sink, and so does its end. */
static int end_batch(struct carom_ledger *ledger, const struct request *request, struct carom_error *err)
{
    int64_t n;
    if (ledger->ops->begin(ledger->store, err) != 0)
        return -1;
    int result = ledger->care->unban(ledger->store, CAROM_STR_EMPTY, CAROM_STR_EMPTY, request->batch, carom_date_now_ms(),
                                     &n, err);
    if (result != 0 || request->dry_run)
        ledger->ops->rollback(ledger->store);
    else
        result = ledger->ops->commit(ledger->store, err);
    if (result == 0 && !n)
        printf("nothing stands of batch %lld: no import has that number, or all of it has ended\n", (long long)request->batch);
    else if (result == 0)
        printf("%s%lld suppression%s of batch %lld ended\n", request->dry_run ? "would be: " : "", (long long)n,
               n == 1 ? "" : "s", (long long)request->batch);
    return result;
}

/* Whole, or not at all; a dry run is whole and given up. */
static int take_back(struct carom_ledger *ledger, const struct request *request,
                     const struct carom_selection *selection, const struct carom_config *config,
                     struct carom_error *err)
{
    struct carom_settled settled;
    if (ledger->ops->begin(ledger->store, err) != 0)
        return -1;
    int64_t now = carom_date_now_ms(); /* not before what others have just decided */
    int result = request->operation ? ledger->care->redo(ledger->store, request->operation, config, now, &settled, err)
                                    : ledger->care->undo(ledger->store, selection, config, now, &settled, err);
    if (result != 0 || request->dry_run)
        ledger->ops->rollback(ledger->store);
    else
        result = ledger->ops->commit(ledger->store, err);
    if (result == 0)
        print_settled(&settled, request);
    return result;
}

static int run(struct carom_arena *arena, const struct request *request, char **operands, int n,
               struct carom_error *err)
{
    bool is_list = n && strcmp(operands[0], "list") == 0;
    struct carom_selection selection;
    struct carom_ledger ledger;
    struct carom_policy *policy;
    struct carom_str url;

    if (carom_cli_selection(&request->select, carom_date_now_ms(), &selection, err) != 0)
        return -1;
    if (n && !is_list && carom_cli_address(arena, "undo", operands[0], &selection.key, err) != 0)
        return -1;
    selection.incident = request->incident;
    bool whole = request->operation || request->batch;
    if (!is_list && !whole && carom_cli_selects_nothing(&selection))
        return carom_error_set(err, CAROM_ERROR_USAGE,
                               "undo: say which decisions, such as --since 6h, --provider, --incident or an ADDRESS");
    if (whole && (!carom_cli_selects_nothing(&selection) || (request->operation && request->batch) || is_list))
        return carom_error_set(err, CAROM_ERROR_USAGE,
                               "undo: %s back: leave the others out",
                               request->operation ? "--operation takes a whole operation" : "--batch takes a whole import");
    if (carom_cli_ledger(arena, &request->place, is_list ? CAROM_LEDGER_READ : CAROM_LEDGER_WRITE, false, &ledger,
                         &policy, &url, err) != 0)
        return -1;
    int result = carom_cli_selection_known(arena, &ledger, policy, &selection, err);
    if (result == 0)
        result = is_list          ? list(&ledger, request->json, err)
                 : request->batch ? end_batch(&ledger, request, err)
                                  : take_back(&ledger, request, &selection, carom_policy_config(policy), err);
    carom_ledger_close(&ledger);
    carom_policy_free(policy);
    return result;
}

int cmd_undo(int argc, char **argv)
{
    struct request request = {0};
    const struct carom_option options[] = {
        CAROM_CLI_PLACE_OPTIONS(request.place),
        CAROM_CLI_SELECT_OPTIONS(request.select),
        {"incident", CAROM_OPTION_NUMBER, &request.incident, "NUMBER", "who was removed in that incident, and is not held"},
        {"operation", CAROM_OPTION_NUMBER, &request.operation, "NUMBER",
         "takes back an undo, or a replay: the decisions before are done again"},
        {"batch", CAROM_OPTION_NUMBER, &request.batch, "NUMBER", "ends what that import of suppressions brought"},
        {"dry-run", CAROM_OPTION_FLAG, &request.dry_run, NULL, "say what would be done, and change nothing"},
        {"json", CAROM_OPTION_FLAG, &request.json, NULL, "list: JSON lines"},
        {NULL, 0, NULL, NULL, NULL}};
    char **operands;
    int n =
        carom_cli_options(argc, argv, options, "--policy FILE [OPTIONS] [ADDRESS | list]",
                          "Takes decisions back: suppressions and departures end, scores and counts go, the sinks are "
                          "told. list: what was released, discarded and taken back so far.",
                          &operands);
    struct carom_error err = {0};

    if (n < 0)
        return carom_cli_options_exit(n);
    if (n > 1)
        return carom_cli_usage("undo", "one ADDRESS at a time");
    if (!request.place.policy && !request.batch && !(n && strcmp(operands[0], "list") == 0))
        return carom_cli_usage("undo", "no policy given: --policy FILE (its sinks are told)");
    struct carom_arena *arena = carom_arena_new();
    if (!arena || carom_arena_guard(arena))
        return carom_cli_no_memory(arena);
    int result = run(arena, &request, operands, n, &err);
    carom_arena_free(arena);
    return result == 0 ? EX_OK : carom_cli_fail(&err);
}
