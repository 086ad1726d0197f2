/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* carom diff: whom two policies treat differently, tried on an archive. As with diff(1), 0 says that there is no
   difference, 1 that there is one. */

#include <stdio.h>
#include <unistd.h>

#include "base/conveyor.h"
#include "base/date.h"
#include "cli/cli.h"
#include "cli/trial/contrast_print.h"
#include "cli/owner.h"
#include "cli/select.h"
#include "cli/trial/trial.h"

struct request {
    struct carom_cli_place place;
    struct carom_cli_select select;
    int64_t jobs;
    bool journal, names, json, quiet;
    const char *old, *new;
    const char *const *sources;
    size_t n;
};

/* Where the ledger lies that knows whom tokens mean; empty: there is none. */
static int find_references(struct carom_arena *arena, const struct request *request, struct carom_trial *trial,
                           struct carom_error *err)
{
    struct carom_ledger ledger;
    const struct carom_policy *policy = trial->sides[1].engine.policy;

    if (carom_cli_ledger_if_any(arena, &request->place, policy, &ledger, err) != 0)
        return -1;
    trial->references = CAROM_STR_EMPTY;
    if (!ledger.ops)
        return 0;
    carom_ledger_close(&ledger);
    return carom_engine_store_url(arena, request->place.store, carom_policy_config(policy), request->place.state,
                                  &trial->references, err);
}

static bool uses_references(const struct carom_trial *trial)
{
    return carom_policy_config(trial->sides[0].engine.policy)->verp ||
           carom_policy_config(trial->sides[1].engine.policy)->verp;
}

/* Facts as the ledger keeps them. */
static int open_journal(struct carom_arena *arena, const struct request *request, struct carom_trial *trial,
                        struct carom_error *err)
{
    struct carom_str url;

    return carom_engine_store_url(arena, request->place.store, carom_policy_config(trial->sides[1].engine.policy),
                                  request->place.state, &url, err) == 0
               ? carom_ledger_open(url.ptr, CAROM_LEDGER_READ, &trial->journal, err)
               : -1;
}

static int open_source(struct carom_arena *arena, const struct request *request, struct carom_trial *trial,
                       struct carom_error *err)
{
    if (request->journal)
        return open_journal(arena, request, trial, err);
    if (uses_references(trial) && find_references(arena, request, trial, err) != 0)
        return -1;
    return (trial->source = carom_source_open(request->sources, request->n, err)) ? 0 : -1;
}

static int run(struct carom_arena *arena, const struct request *request, struct carom_trial *trial, struct carom_error *err)
{
    unsigned threads = request->jobs > 0 ? (unsigned)request->jobs : carom_conveyor_processors();

    if (carom_cli_selection(&request->select, carom_date_now_ms(), &trial->selection, err) != 0 ||
        carom_cli_become_owner(&request->place, err) != 0 ||
        carom_trial_open(trial, request->old, request->new, err) != 0 || open_source(arena, request, trial, err) != 0)
        return -1;
    int result = carom_trial_run(trial, threads, err);
    for (size_t side = 0; side < 2; side++)
        carom_cli_repeated_print(&trial->sides[side].errors, "diff");
    return result;
}

static int print(const struct request *request, const struct carom_trial *trial)
{
    const struct carom_contrast_texts texts = {.old = "the old policy",
                                               .new = "the new policy",
                                               .copies = trial->copies,
                                               .unread = trial->unread,
                                               .failed = {trial->sides[0].failed, trial->sides[1].failed},
                                               .names = request->names,
                                               .json = request->json};
    if (carom_contrast_print(trial->contrast, &texts) != 0)
        return carom_cli_output_failed("diff");
    if (trial->sides[0].failed || trial->sides[1].failed)
        return EX_SOFTWARE;
    if (trial->unread)
        return EX_NOINPUT;
    return carom_contrast_totals(trial->contrast).different ? 1 : EX_OK;
}

static int try_them(const struct request *request)
{
    struct carom_error err = {0};
    struct carom_arena *arena = carom_arena_new();
    struct carom_trial trial = {.progress = !request->quiet && isatty(STDERR_FILENO), .references = CAROM_STR_EMPTY};
    int code;

    if (!arena || carom_arena_guard(arena))
        return carom_cli_no_memory(arena);
    code = run(arena, request, &trial, &err) == 0 ? print(request, &trial) : carom_cli_fail(&err);
    carom_trial_close(&trial);
    carom_arena_free(arena);
    return code;
}

int cmd_diff(int argc, char **argv)
{
    struct request request = {.jobs = 0};
    const struct carom_option options[] = {
        {"store", CAROM_OPTION_TEXT, &request.place.store, "URL", "the ledger, sqlite:PATH (default: the new policy's)"},
        {"state", CAROM_OPTION_TEXT, &request.place.state, "DIR", "the state directory (default: CAROM_STATE, /var/lib/carom)"},
        {"since", CAROM_OPTION_TEXT, &request.select.since, "TIME", "compare what was received since: 2026-03-01, 2026-03-01T12:00:00Z, or 6h for six hours ago"},
        {"until", CAROM_OPTION_TEXT, &request.select.until, "TIME", "and before that"},
        {"reason", CAROM_OPTION_TEXT, &request.select.reason, "REASON", "of that reason or kind"},
        {"provider", CAROM_OPTION_TEXT, &request.select.provider, "PROVIDER", "of that mailbox provider; or domain, where carom knows none"},
        {"rule", CAROM_OPTION_TEXT, &request.select.rule, "RULE", "that this rule classified"},
        {"list", CAROM_OPTION_TEXT, &request.select.list, "LIST", "about that list"},
        {"by-policy", CAROM_OPTION_TEXT, &request.select.policy, "VERSION", "with --journal: that this version of a policy decided (its beginning)"},
        {"journal", CAROM_OPTION_FLAG, &request.journal, NULL, "instead of SOURCE: all facts that the ledger keeps"},
        {"names", CAROM_OPTION_FLAG, &request.names, NULL, "each difference too, with the address"},
        {"json", CAROM_OPTION_FLAG, &request.json, NULL, "a JSON object with the counts; with --names a line more for each"},
        {"jobs", CAROM_OPTION_NUMBER, &request.jobs, "NUMBER", "threads (default: one for each processor)"},
        {"quiet", CAROM_OPTION_FLAG, &request.quiet, NULL, "no progress"},
        {NULL, 0, NULL, NULL, NULL}};
    char **operands;
    int n = carom_cli_options(argc, argv, options, "[OPTIONS] OLD NEW SOURCE…\n       carom diff [OPTIONS] --journal OLD NEW",
                              "Tries two policies on the same messages and says whom they treat differently. Nothing is "
                              "written, no sink is told. Exit 0: nobody; 1: somebody.",
                              &operands);

    if (n < 0)
        return carom_cli_options_exit(n);
    if (n < 2)
        return carom_cli_usage("diff", "two policies are compared: OLD NEW SOURCE…");
    if (!request.journal && n < 3)
        return carom_cli_usage("diff", "no SOURCE given: name a file, a directory, - for stdin, or --journal");
    if (request.journal && n > 2)
        return carom_cli_usage("diff", "--journal is a source of its own: leave the others out");
    if (request.select.policy && !request.journal)
        return carom_cli_usage("diff", "--by-policy goes with --journal: in an archive nobody has decided yet");
    if (request.jobs > CAROM_CONVEYOR_THREADS)
        return carom_cli_usage("diff", "--jobs: at most %d", CAROM_CONVEYOR_THREADS);
    request.old = operands[0];
    request.new = operands[1];
    request.sources = (const char *const *)operands + 2;
    request.n = (size_t)n - 2;
    return try_them(&request);
}
