/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* carom replay: what a new policy makes of the past. Dry, unless --apply; then all of it is one operation. */

#include <stdio.h>

#include "base/date.h"
#include "cli/cli.h"
#include "cli/select.h"
#include "cli/trial/contrast_print.h"
#include "cli/trial/replay.h"

struct request {
    struct carom_cli_place place;
    struct carom_cli_select select;
    bool apply, names, json;
    const char *address;
};

/* ---- What came of it ---- */

static void print_rest(const struct request *request, const struct carom_replay *replay)
{
    const struct carom_settled *s = &replay->revision.settled;
    bool changes = s->facts != 0;

    if (replay->by_hand)
        printf("left as they are: %llu, of which a person saw to already (undo, release, discard)\n",
               (unsigned long long)replay->by_hand);
    if (replay->waiting)
        printf("left as they are: %llu, which wait for a person: see carom held\n", (unsigned long long)replay->waiting);
    if (replay->revision.superseded)
        printf("not done: %lld actions; a later delivery, decision or person stands against them, or their moment has passed\n",
               (long long)replay->revision.superseded);
    if (request->apply && changes)
        printf("%lld decision%s replaced: suppressions, departures and tags changed %lld, jobs recalled unsent %lld, jobs to tell "
               "the sinks %lld\noperation %lld; carom undo --operation %lld takes it back\n",
               (long long)s->facts, s->facts == 1 ? "" : "s", (long long)s->standing, (long long)s->recalled,
               (long long)s->told, (long long)replay->revision.operation, (long long)replay->revision.operation);
    else if (changes)
        printf("nothing was changed: --apply replaces %lld decision%s\n", (long long)s->facts, s->facts == 1 ? "" : "s");
}

static void write_number(struct carom_json *json, const char *name, int64_t value)
{
    carom_json_key(json, carom_str(name));
    carom_json_int(json, value);
}

static int write_rest(const struct request *request, const struct carom_replay *replay)
{
    const struct carom_settled *s = &replay->revision.settled;
    struct carom_print print = carom_print_begin(stdout);
    struct carom_json json = carom_print_json(&print);

    carom_json_object(&json);
    carom_json_key(&json, CAROM_STR("applied"));
    carom_json_bool(&json, request->apply);
    write_number(&json, "replaced", s->facts);
    if (replay->revision.operation)
        write_number(&json, "operation", replay->revision.operation);
    write_number(&json, "standing", s->standing);
    write_number(&json, "recalled", s->recalled);
    write_number(&json, "told", s->told);
    write_number(&json, "not_done", replay->revision.superseded);
    write_number(&json, "by_hand", (int64_t)replay->by_hand);
    write_number(&json, "waiting", (int64_t)replay->waiting);
    carom_json_object_end(&json);
    carom_print_line(&print);
    return carom_print_end(&print);
}

static int print(const struct request *request, const struct carom_replay *replay, struct carom_error *err)
{
    const struct carom_contrast_texts texts = {
        .old = "what was decided", .new = "the new policy", .names = request->names, .json = request->json};
    int result = carom_contrast_print(replay->contrast, &texts);

    if (result == 0 && request->json)
        result = write_rest(request, replay);
    else if (result == 0 && request->names && carom_contrast_totals(replay->contrast).different)
        putchar('\n');
    if (result == 0 && !request->json)
        print_rest(request, replay);
    return result == 0 && fflush(stdout) == 0 ? 0 : carom_cli_output_error(err, "replay");
}

/* ---- Doing it ---- */

/* Whole, or not at all; a dry run only reads, so that nobody waits for it. */
static int replay_all(const struct request *request, struct carom_replay *replay, struct carom_error *err)
{
    struct carom_ledger *ledger = replay->ledger;

    if (!(replay->contrast = carom_contrast_new(true)))
        return carom_error_memory(err);
    if ((request->apply ? ledger->ops->begin : ledger->care->view)(ledger->store, err) != 0)
        return -1;
    replay->now = carom_date_now_ms(); /* not before what others have just decided */
    int result = carom_replay_run(replay, err);
    if (result != 0 || !request->apply)
        ledger->ops->rollback(ledger->store);
    else
        result = ledger->ops->commit(ledger->store, err);
    return result;
}

static int run(struct carom_arena *arena, const struct request *request, struct carom_error *err)
{
    struct carom_ledger ledger;
    struct carom_replay replay = {
        .ledger = &ledger, .now = carom_date_now_ms(), .revision = {.dry = !request->apply}, .key = CAROM_STR_EMPTY};
    struct carom_str url;

    if (carom_cli_selection(&request->select, replay.now, &replay.selection, err) != 0)
        return -1;
    if (request->address && carom_cli_address(arena, "replay", request->address, &replay.key, err) != 0)
        return -1;
    replay.selection.key = replay.key;
    if (carom_cli_ledger(arena, &request->place, request->apply ? CAROM_LEDGER_WRITE : CAROM_LEDGER_READ, false, &ledger,
                         &replay.policy, &url, err) != 0)
        return -1;
    int result = replay_all(request, &replay, err);
    if (result == 0)
        result = print(request, &replay, err);
    carom_contrast_free(replay.contrast);
    carom_ledger_close(&ledger);
    carom_policy_free(replay.policy);
    return result;
}

int cmd_replay(int argc, char **argv)
{
    struct request request = {.apply = false};
    const struct carom_option options[] = {
        CAROM_CLI_PLACE_OPTIONS(request.place),
        CAROM_CLI_SELECT_OPTIONS(request.select),
        {"apply", CAROM_OPTION_FLAG, &request.apply, NULL, "replace what was decided; without it nothing is changed"},
        {"names", CAROM_OPTION_FLAG, &request.names, NULL, "each difference too, with the address"},
        {"json", CAROM_OPTION_FLAG, &request.json, NULL, "JSON lines: the counts, with --names each difference, what was done"},
        {NULL, 0, NULL, NULL, NULL}};
    char **operands;
    int n = carom_cli_options(argc, argv, options, "--policy NEW --since TIME [OPTIONS] [ADDRESS]",
                              "Has a policy decide anew on what the ledger keeps, and says what it would have decided "
                              "otherwise. --apply replaces those decisions, as one operation that can be taken back.",
                              &operands);
    struct carom_error err = {0};

    if (n < 0)
        return carom_cli_options_exit(n);
    if (n > 1)
        return carom_cli_usage("replay", "one ADDRESS at a time");
    if (!request.place.policy)
        return carom_cli_usage("replay", "no policy given: --policy FILE, the new one");
    if (!request.select.since)
        return carom_cli_usage("replay", "say from when on: --since TIME");
    request.address = n ? operands[0] : NULL;
    struct carom_arena *arena = carom_arena_new();
    if (!arena || carom_arena_guard(arena))
        return carom_cli_no_memory(arena);
    int result = run(arena, &request, &err);
    carom_arena_free(arena);
    return result == 0 ? EX_OK : carom_cli_fail(&err);
}
