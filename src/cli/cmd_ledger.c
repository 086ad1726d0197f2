/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* carom ledger: the care of the file itself. check: is it whole? backup: a copy, at one moment. migrate: to the schema of
   this program. prune: retention by hand. */

#include <errno.h>
#include <stdio.h>

#include "base/date.h"
#include "base/error.h"
#include "cli/cli.h"
#include "cli/ledger.h"
#include "cli/print.h"
#include "ledger/backup.h"
#include "ledger/care.h"
#include "ledger/inspect.h"

enum { DRY_RUN_MS = 2500 /* it holds the lock, for which a pipe waits 5 s */ };

struct request {
    struct carom_cli_place place;
    const char *spool, *operand;
    bool json, dry_run;
    struct carom_str url; /* of the ledger, once it is found */
    struct carom_policy *policy;
    int exit;
};

/* ---- check ---- */

struct findings {
    struct carom_print *print; /* NULL: for people */
};

static void finding(void *user, const char *text)
{
    const struct findings *findings = user;
    if (!findings->print) {
        fputs("finding     ", stdout);
        carom_print_cell(stdout, carom_str(text), 0);
        putchar('\n');
        return;
    }
    struct carom_json json = carom_print_json(findings->print);
    carom_json_object(&json);
    carom_json_field_str(&json, "finding", carom_str(text));
    carom_json_object_end(&json);
    carom_print_line(findings->print);
}

static void print_inspection(const struct carom_inspection *it, struct carom_str url)
{
    printf("ledger      ");
    carom_print_cell(stdout, url, 0);
    printf("\nschema      version %lld\n", (long long)it->version);
    printf("size        %lld KiB, log %lld KiB\n", (long long)(it->bytes >> 10), (long long)(it->log >> 10));
    printf("facts       %lld, of %lld addresses; %lld whole messages\n", (long long)it->facts, (long long)it->addresses,
           (long long)it->messages);
    printf("standing    %lld suppressions, %lld lists left, %lld actions held\n", (long long)it->suppressions,
           (long long)it->departures, (long long)it->held);
    printf("jobs        %lld, of which %lld wait and %lld are dead letters\n", (long long)it->jobs, (long long)it->waiting,
           (long long)it->dead);
    if (!it->findings)
        printf("whole       nothing is wrong with it\n");
}

static void write_inspection(struct carom_print *print, const struct carom_inspection *it)
{
    const struct {
        const char *name;
        int64_t value;
    } fields[] = {{"schema", it->version}, {"bytes", it->bytes}, {"log_bytes", it->log}, {"addresses", it->addresses},
                  {"facts", it->facts}, {"messages", it->messages}, {"suppressions", it->suppressions},
                  {"departures", it->departures}, {"held", it->held}, {"jobs", it->jobs}, {"waiting", it->waiting},
                  {"dead", it->dead}, {"findings", it->findings}};
    struct carom_json json = carom_print_json(print);

    carom_json_object(&json);
    for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
        carom_json_key(&json, carom_str(fields[i].name));
        carom_json_int(&json, fields[i].value);
    }
    carom_json_object_end(&json);
    carom_print_line(print);
}

static int check(struct carom_arena *arena, struct request *request, struct carom_error *err)
{
    struct carom_print print = carom_print_begin(stdout);
    struct findings findings = {.print = request->json ? &print : NULL};
    struct carom_inspection inspection;
    int result = carom_ledger_inspect(request->url.ptr, finding, &findings, &inspection, err);

    (void)arena;
    if (result == 0 && request->json)
        write_inspection(&print, &inspection);
    else if (result == 0)
        print_inspection(&inspection, request->url);
    if (carom_print_end(&print) != 0 && result == 0)
        result = carom_cli_output_error(err, "ledger");
    request->exit = inspection.findings ? 1 : EX_OK;
    return result;
}

/* ---- backup ---- */

/* Beside the ledger of the state directory; who names another ledger names its spool. */
static int find_spool(struct carom_arena *arena, struct request *request, struct carom_error *err)
{
    struct carom_str directory;

    if (request->spool || (request->place.store && !request->place.state))
        return 0;
    if (carom_engine_state_dir(arena, request->place.state, &directory, err) != 0)
        return -1;
    request->spool = carom_arena_printf(arena, CAROM_STR_FMT "/spool", CAROM_STR_ARG(directory)).ptr;
    return 0;
}

static int backup(struct carom_arena *arena, struct request *request, struct carom_error *err)
{
    struct findings findings = {0};
    struct carom_inspection inspection;
    struct carom_backup made;
    struct carom_str to = carom_str(request->operand);

    while (to.len > 1 && to.ptr[to.len - 1] == '/')
        to.len--;
    to = carom_arena_str(arena, to);
    if (find_spool(arena, request, err) != 0 ||
        carom_ledger_backup(request->url.ptr, request->spool, to.ptr, &made, err) != 0)
        return -1;
    struct carom_str copy = carom_arena_printf(arena, "sqlite:" CAROM_STR_FMT "/carom.db", CAROM_STR_ARG(to));
    if (carom_ledger_inspect(copy.ptr, finding, &findings, &inspection, err) != 0)
        return -1;
    printf("backup      ");
    carom_print_cell(stdout, to, 0);
    printf("\nledger      %lld KiB, %lld facts%s\nspool       %lld files\n", (long long)(made.bytes >> 10),
           (long long)inspection.facts, made.key ? ", and the key of the erased addresses" : "", (long long)made.spooled);
    printf(inspection.findings ? "kept, but it is not whole\n" : "verified    it can be read, and is whole\n");
    request->exit = inspection.findings ? 1 : EX_OK;
    return 0;
}

/* ---- migrate ---- */

/* It makes no ledger: one that is not there is said to be so, by whoever opens it for reading. */
static int migrate(struct carom_arena *arena, struct request *request, struct carom_error *err)
{
    struct carom_ledger ledger;
    bool fits = carom_ledger_open(request->url.ptr, CAROM_LEDGER_READ, &ledger, err) == 0;

    (void)arena;
    if (!fits && (err->code != CAROM_ERROR_CONFIG ||
                  carom_ledger_open(request->url.ptr, CAROM_LEDGER_MIGRATE, &ledger, err) != 0))
        return -1;
    carom_ledger_close(&ledger);
    printf(fits ? "nothing to do: the ledger has the schema version of this carom\n"
                : "done: the ledger has the schema version of this carom\n");
    return 0;
}

/* ---- prune ---- */

/* 0 to the end; 1 there is more. */
static int prune_steps(struct carom_ledger *ledger, struct request *request, struct carom_pruned *pruned,
                       struct carom_error *err)
{
    int64_t now = carom_date_now_ms();
    int more = ledger->care->prune_anew(ledger->store, err) == 0 ? 1 : -1;

    while (more > 0 && !(request->dry_run && carom_date_now_ms() - now > DRY_RUN_MS))
        more = ledger->care->prune(ledger->store, carom_policy_config(request->policy), now, pruned, err);
    return more;
}

/* A dry run is done, and given up. */
static int prune(struct carom_arena *arena, struct request *request, struct carom_error *err)
{
    struct carom_ledger ledger;
    struct carom_pruned pruned = {0};

    (void)arena;
    if (carom_ledger_open(request->url.ptr, CAROM_LEDGER_READ, &ledger, err) != 0)
        return -1;
    carom_ledger_close(&ledger);
    if (carom_ledger_open(request->url.ptr, CAROM_LEDGER_WRITE, &ledger, err) != 0)
        return -1;
    int more = request->dry_run && ledger.ops->begin(ledger.store, err) != 0 ? -1
                                                                             : prune_steps(&ledger, request, &pruned, err);
    if (request->dry_run)
        ledger.ops->rollback(ledger.store);
    carom_ledger_close(&ledger);
    if (more >= 0)
        printf("%s%s%lld messages, %lld facts, %lld jobs, %lld other rows\n", request->dry_run ? "would be removed: " : "removed: ",
               more ? "more than " : "", (long long)pruned.messages, (long long)pruned.facts, (long long)pruned.jobs,
               (long long)pruned.others);
    return more < 0 ? -1 : 0;
}

/* ---- The command ---- */

static const struct verb {
    const char *name;
    int (*run)(struct carom_arena *arena, struct request *request, struct carom_error *err);
    int operands;
} verbs[] = {{"check", check, 0}, {"backup", backup, 1}, {"migrate", migrate, 0}, {"prune", prune, 0}};
enum { VERBS = sizeof(verbs) / sizeof(*verbs) };

static int misuse(const struct verb *verb, const struct request *request, int n)
{
    if (n != verb->operands)
        return carom_cli_usage("ledger", verb->operands ? "%s: give the directory to make" : "%s takes no operand", verb->name);
    if (request->json && verb->run != check)
        return carom_cli_usage("ledger", "--json belongs to check");
    if (request->spool && verb->run != backup)
        return carom_cli_usage("ledger", "--spool belongs to backup");
    if (request->dry_run && verb->run != prune)
        return carom_cli_usage("ledger", "--dry-run belongs to prune");
    if (verb->run == prune && !request->place.policy)
        return carom_cli_usage("ledger", "prune: no policy given: --policy FILE (its `keep` says what is old)");
    return 0;
}

static int run(struct carom_arena *arena, const struct verb *verb, struct request *request, struct carom_error *err)
{
    if (carom_cli_ledger_find(arena, &request->place, &request->policy, &request->url, err) != 0)
        return -1;
    int result = verb->run(arena, request, err);
    carom_policy_free(request->policy);
    return result;
}

int cmd_ledger(int argc, char **argv)
{
    struct request request = {0};
    const struct carom_option options[] = {
        CAROM_CLI_PLACE_OPTIONS(request.place),
        {"spool", CAROM_OPTION_TEXT, &request.spool, "DIR", "backup: the spool (default: spool in the state directory)"},
        {"dry-run", CAROM_OPTION_FLAG, &request.dry_run, NULL, "prune: say what would be removed, and remove nothing"},
        {"json", CAROM_OPTION_FLAG, &request.json, NULL, "check: JSON lines"},
        {NULL, 0, NULL, NULL, NULL}};
    const char *names[VERBS + 1] = {NULL};
    char **operands;
    int n = carom_cli_options(argc, argv, options, "[OPTIONS] check | backup DIR | migrate | prune",
                              "Is the ledger whole; a copy of it with spool and keys; its schema; retention by hand.", &operands);
    struct carom_error err = {0};
    const struct verb *verb = NULL;

    if (n < 0)
        return carom_cli_options_exit(n);
    for (size_t i = 0; i < VERBS; i++) {
        names[i] = verbs[i].name;
        if (n && strcmp(operands[0], names[i]) == 0)
            verb = &verbs[i];
    }
    if (!verb) {
        const char *nearest = n ? carom_cli_nearest(operands[0], names) : NULL;
        return carom_cli_usage("ledger", "give one of check, backup, migrate, prune%s%s%s", nearest ? "; did you mean " : "",
                               nearest ? nearest : "", nearest ? "?" : "");
    }
    if (misuse(verb, &request, n - 1) != 0)
        return EX_USAGE;
    request.operand = n > 1 ? operands[1] : NULL;
    struct carom_arena *arena = carom_arena_new();
    if (!arena || carom_arena_guard(arena))
        return carom_cli_no_memory(arena);
    int result = run(arena, verb, &request, &err);
    carom_arena_free(arena);
    return result == 0 ? request.exit : carom_cli_fail(&err);
}
