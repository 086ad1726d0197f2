/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* carom run: decide for whole sources. Commits in batches, shows how far it is, counts what it did. */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/conveyor.h"
#include "base/date.h"
#include "base/error.h"
#include "cli/ahead.h"
#include "cli/cli.h"
#include "cli/ledger.h"
#include "cli/lines.h"
#include "cli/logging.h"
#include "cli/owner.h"
#include "cli/print.h"
#include "cli/repeated.h"
#include "cli/spooled.h"
#include "engine/result.h"
#include "input/source.h"

enum { BATCH = 2000, BATCH_MS = 300 };

struct tally {
    uint64_t messages, facts, duplicates, failed, unread, held_back;
    uint64_t kinds[CAROM_KIND_COUNT], reasons[CAROM_REASON_COUNT], actions[CAROM_ACTION_COUNT];
    uint64_t unmatched, refused, held, recorded;
    int64_t recalled;
};

struct run {
    struct carom_engine *engine;
    struct carom_source *source;
    struct tally tally, committed;
    int64_t begun; /* the batch, ms */
    const char *list;
    unsigned threads;
    bool waits; /* for who writes into a pipe */
    bool json, table, progress, dry;
    struct carom_cli_log log;
    struct carom_print print;
    struct carom_cli_repeated errors;
    size_t in_batch;
    time_t shown;
};

static volatile sig_atomic_t stopped;

static void stop(int signal_number)
{
    (void)signal_number;
    stopped = 1;
}

/* The first one lets what is under way be committed; the second one does not wait for that. at_once: it ends waiting, too. */
static void stop_at_signals(bool at_once)
{
    const struct sigaction once = {.sa_handler = stop, .sa_flags = (int)SA_RESETHAND | (at_once ? 0 : SA_RESTART)};

    if (stopped)
        return;
    sigaction(SIGINT, &once, NULL);
    sigaction(SIGTERM, &once, NULL);
}

/* Only what waits for input is interrupted: facts that are committed are printed whole, however slowly they are read. */
static int next_item(struct run *run, struct carom_source_item *item_r, struct carom_error *err)
{
    if (!run->waits)
        return carom_source_next(run->source, item_r, err);
    stop_at_signals(true);
    int got = carom_source_next(run->source, item_r, err);
    stop_at_signals(false);
    return got;
}

/* Also "-", whatever that is. */
static bool is_pipe(const char *operand)
{
    struct stat st;
    return !strcmp(operand, "-") || (stat(operand, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode));
}

static void count(struct tally *tally, const struct carom_result *result)
{
    tally->messages++;
    for (size_t i = 0; i < result->facts.n; i++) {
        const struct carom_fact *fact = &result->facts.list[i];
        const struct carom_outcome *outcome = &result->outcomes[i];
        tally->facts++;
        tally->kinds[fact->kind]++;
        tally->reasons[fact->reason]++;
        tally->duplicates += outcome->duplicate;
        tally->recorded += !outcome->duplicate && !outcome->decision.first;
        for (const struct carom_decided *d = outcome->decision.first; d; d = d->next) {
            tally->actions[d->type] += d->state == CAROM_ACTION_DECIDED;
            tally->unmatched += d->state == CAROM_ACTION_UNMATCHED;
            tally->refused += d->state == CAROM_ACTION_REFUSED;
            tally->held += d->state == CAROM_ACTION_HELD;
        }
    }
}

static void print_json(struct carom_print *print, const struct carom_result *result, size_t i)
{
    const struct carom_outcome *outcome = &result->outcomes[i];
    struct carom_json json = carom_print_json(print);

    carom_json_object(&json);
    carom_json_key(&json, CAROM_STR("fact"));
    carom_fact_write(&result->facts.list[i], &json);
    carom_json_key(&json, CAROM_STR("duplicate"));
    carom_json_bool(&json, outcome->duplicate);
    carom_json_field_str(&json, "hook", outcome->decision.hook);
    carom_json_key(&json, CAROM_STR("actions"));
    carom_json_array(&json);
    for (size_t k = 0; k < outcome->n; k++) {
        carom_json_object(&json);
        carom_result_action_write(&outcome->actions[k], &json);
        carom_json_object_end(&json);
    }
    carom_json_array_end(&json);
    carom_json_object_end(&json);
    carom_print_line(print);
}

/* What is done with this recipient, in one or two words. */
static void decision_words(const struct carom_outcome *outcome, struct carom_buf *buf)
{
    bool any = false;

    if (outcome->duplicate) {
        carom_buf_add_str(buf, CAROM_STR("known already"));
        return;
    }
    for (const struct carom_decided *d = outcome->decision.first; d; d = d->next) {
        if (any)
            carom_buf_add_str(buf, CAROM_STR(", "));
        any = true;
        if (d->state != CAROM_ACTION_DECIDED && d->state != CAROM_ACTION_HELD)
            carom_buf_add_str(buf, CAROM_STR("not "));
        carom_buf_add_str(buf, carom_str(carom_action_name(d->type)));
        if (d->state == CAROM_ACTION_HELD)
            carom_buf_add_str(buf, CAROM_STR(" held"));
    }
    if (!any)
        carom_buf_add_str(buf, CAROM_STR("left alone"));
}

static void why(const struct carom_fact *fact, const struct carom_outcome *outcome, struct carom_buf *buf)
{
    for (const struct carom_decided *d = outcome->decision.first; d && !outcome->duplicate; d = d->next)
        if (d->note && d->state != CAROM_ACTION_DECIDED) {
            carom_buf_printf(buf, "%s; ", d->note);
            break;
        }
    carom_buf_add_str(buf, carom_str(carom_kind_name(fact->kind)));
    if (fact->reason)
        carom_buf_printf(buf, " %s", carom_reason_name(fact->reason));
    if (fact->diagnostic.len)
        carom_buf_printf(buf, ": " CAROM_STR_FMT, CAROM_STR_ARG(fact->diagnostic));
    else if (fact->subject.len)
        carom_buf_printf(buf, ": " CAROM_STR_FMT, CAROM_STR_ARG(fact->subject));
}

static void print_row(struct run *run, const struct carom_result *result, size_t i)
{
    const struct carom_fact *fact = &result->facts.list[i];
    struct carom_buf words = CAROM_BUF_INIT(1 << 16), reason = CAROM_BUF_INIT(1 << 20);

    decision_words(&result->outcomes[i], &words);
    why(fact, &result->outcomes[i], &reason);
    carom_print_cell(stdout, fact->recipient.len ? fact->recipient : CAROM_STR("-"), 28);
    fputs("  ", stdout);
    carom_print_cell(stdout, carom_buf_str(&words), 24);
    fputs("  ", stdout);
    carom_print_last(stdout, carom_buf_str(&reason), 28 + 2 + 24 + 2, 80);
    putchar('\n');
    run->print.failed |= words.failed || reason.failed;
    carom_buf_deinit(&words);
    carom_buf_deinit(&reason);
}

static void print_result(struct run *run, const struct carom_result *result)
{
    for (size_t i = 0; i < result->facts.n; i++)
        if (run->json)
            print_json(&run->print, result, i);
        else if (run->table)
            print_row(run, result, i);
}

static void show_progress(struct run *run, uint64_t done, uint64_t total, bool last)
{
    time_t now = time(NULL);

    if (!run->progress || (now == run->shown && !last))
        return;
    run->shown = now;
    fprintf(stderr, "\r%llu messages", (unsigned long long)run->tally.messages);
    if (total)
        fprintf(stderr, ", %u %%", (unsigned)(100 * done / total));
    fputs(last ? "\r\x1b[K" : "\x1b[K", stderr);
}

static void summarise_counts(FILE *to, const char *title, const uint64_t *counts, size_t n,
                             const char *(*name)(size_t i))
{
    const char *between = "";
    bool any = false;

    for (size_t i = 0; i < n; i++)
        any = any || (counts[i] && name(i));
    if (!any)
        return;
    fprintf(to, "%-11s", title);
    for (size_t i = 0; i < n; i++)
        if (counts[i] && name(i)) {
            fprintf(to, "%s%s %llu", between, name(i), (unsigned long long)counts[i]);
            between = ", ";
        }
    fputc('\n', to);
}

static const char *kind_word(size_t i) { return carom_kind_name((enum carom_kind)i); }
static const char *reason_word(size_t i) { return carom_reason_name((enum carom_reason)i); }
static const char *action_word(size_t i) { return carom_action_name((enum carom_action_type)i); }

static void summarise(const struct run *run, FILE *to, struct carom_str url)
{
    const struct tally *t = &run->tally;

    fprintf(to, "%-11s%llu, with %llu facts, %llu of them known already\n", "messages", (unsigned long long)t->messages,
            (unsigned long long)t->facts, (unsigned long long)t->duplicates);
    summarise_counts(to, "kinds", t->kinds, CAROM_KIND_COUNT, kind_word);
    summarise_counts(to, "reasons", t->reasons, CAROM_REASON_COUNT, reason_word);
    summarise_counts(to, "actions", t->actions, CAROM_ACTION_COUNT, action_word);
    if (t->unmatched)
        fprintf(to, "%-11sunmatched %llu: no list, recipient or sink\n", "not done", (unsigned long long)t->unmatched);
    if (t->refused)
        fprintf(to, "%-11srefused %llu: --table and --json say why\n", "not done", (unsigned long long)t->refused);
    if (t->held)
        fprintf(to, "%-11s%llu actions wait for somebody; see carom held\n", "held", (unsigned long long)t->held);
    if (t->recalled)
        fprintf(to, "%-11s%lld decisions taken before that, here or in earlier runs: they wait, too\n", "recalled",
                (long long)t->recalled);
    if (run->dry && t->duplicates)
        fprintf(to, "%-11sno hook was asked for what is known already; --state or --store with an empty place "
                    "decides it anew\n", "hint");
    fprintf(to, "%-11s%llu\n", "left alone", (unsigned long long)t->recorded);
    if (t->failed)
        fprintf(to, "%-11s%llu messages, for the reasons above: not recorded, run again when mended\n", "failed",
                (unsigned long long)t->failed);
    if (t->unread)
        fprintf(to, "%-11s%llu source%s, named above\n", "unread", (unsigned long long)t->unread, t->unread == 1 ? "" : "s");
    fprintf(to, "%-11s" CAROM_STR_FMT "%s\n", "ledger", CAROM_STR_ARG(url), run->dry ? " (dry run: untouched)" : "");
}

/* Names the message in an error that knows only file, line and hook. */
static void name_message(struct carom_error *err, const struct carom_source_item *item)
{
    if (item->index)
        carom_error_prefix(err, CAROM_STR_FMT ": message %llu", CAROM_STR_ARG(item->name),
                           (unsigned long long)item->index);
    else
        carom_error_prefix(err, CAROM_STR_FMT, CAROM_STR_ARG(item->name));
}

/* What was decided since the last commit counts from now on. */
static int commit(struct run *run, struct carom_error *err)
{
    if (!run->engine->batch)
        return 0;
    if (carom_engine_commit(run->engine, err) != 0)
        return -1;
    run->tally.recalled = run->engine->recalled;
    run->committed = run->tally;
    return 0;
}

/* ---- One message ---- */

/* Side by side where several threads read ahead. */
static int read_one(void *user, const struct carom_source_item *item, void **result_r, struct carom_error *err)
{
    const struct run *run = user;
    const bool from_file = !carom_str_eq(item->name, CAROM_STR("-"));
    const struct carom_envelope envelope = {.source = item->name.ptr,
                                            .index = item->index,
                                            .list = run->list,
                                            .received = from_file ? 0 : (int64_t)time(NULL),
                                            .file_time = item->mtime};
    struct carom_result *result = NULL;
    int failed = carom_engine_begin_message(run->engine, item->bytes, &envelope, carom_engine_now_ms(run->engine), &result, err);

    *result_r = result;
    return failed;
}

static void drop(void *result)
{
    carom_result_free(result);
}

static int begin_batch(struct run *run, struct carom_error *err)
{
    if (run->engine->batch)
        return 0;
    if (carom_engine_begin(run->engine, err) != 0)
        return -1;
    run->begun = carom_date_elapsed_ms();
    run->in_batch = 0;
    return 0;
}

/* A message whose hook fails is counted, and the first with that error named. -1: the ledger is out of reach. */
static int count_failed(struct run *run, const struct carom_source_item *item, struct carom_error *err)
{
    bool new = carom_cli_repeated_add(&run->errors, err);

    name_message(err, item);
    if (!run->engine->batch)
        return -1;
    if (new)
        carom_cli_fail(err);
    run->tally.failed++;
    return 0;
}

/* result NULL: err says why the message could not be read. */
static int decide_one(struct run *run, const struct carom_source_item *item, struct carom_result *result,
                      struct carom_error *err)
{
    if (result && carom_engine_take(run->engine, result, &result, err) == 0) {
        count(&run->tally, result);
        print_result(run, result);
        if (run->log.chosen)
            carom_cli_log_result(&run->log, result);
        carom_result_free(result);
    } else if (count_failed(run, item, err) != 0) {
        return -1;
    }
    /* Others wait for the ledger: a batch is short in time, whatever the hooks cost. */
    return ++run->in_batch < BATCH && carom_date_elapsed_ms() - run->begun < BATCH_MS ? 0 : commit(run, err);
}

static int use(void *user, const struct carom_source_item *item, void **made, struct carom_error *err)
{
    struct run *run = user;
    void *result = *made;

    if (begin_batch(run, err) != 0)
        return -1;
    *made = NULL;
    return decide_one(run, item, result, err) != 0 ? -1 : stopped ? 1 : 0;
}

static void unread(void *user, const struct carom_error *err)
{
    struct run *run = user;

    run->tally.unread++;
    run->committed.unread++;
    carom_cli_fail(err);
}

static void stands(void *user, uint64_t done, uint64_t total)
{
    show_progress(user, done, total, false);
}

/* Hooks that read messages, and return paths whose meaning the ledger knows, are asked in turn. */
static int one_by_one(struct run *run, struct carom_error *err)
{
    struct carom_source_item item;
    uint64_t done, total;
    int got, failed = 0;

    while (!failed && !stopped) {
        void *result;
        /* Nothing is held while we wait. */
        if (run->engine->batch && carom_source_would_wait(run->source) && commit(run, err) != 0)
            return -1;
        if ((got = next_item(run, &item, err)) == 0)
            return 0;
        if (got < 0 && stopped)
            break;
        if (got < 0) {
            unread(run, err);
        } else if (begin_batch(run, err) != 0) {
            return -1;
        } else {
            read_one(run, &item, &result, err); /* NULL when it failed */
            failed = decide_one(run, &item, result, err);
        }
        carom_source_progress(run->source, &done, &total);
        stands(run, done, total);
    }
    return failed;
}

static int all(struct run *run, struct carom_error *err)
{
    const struct carom_ahead ahead = {.source = run->source, .threads = run->threads, .user = run, .prepare = read_one,
                                      .use = use, .drop = drop, .unread = unread, .stands = stands};
    if (run->threads == 1 || run->waits || !carom_engine_reads_ahead(run->engine))
        return one_by_one(run, err);
    return carom_ahead_run(&ahead, err) < 0 ? -1 : 0;
}

static int work(struct run *run)
{
    struct carom_error err = {0};
    int failed = all(run, &err);

    show_progress(run, 0, 0, true);
    carom_cli_repeated_print(&run->errors, "run");
    if (!failed)
        failed = commit(run, &err);
    uint64_t lost = run->tally.messages - run->committed.messages;
    run->tally = run->committed;
    if (failed) {
        int code = carom_cli_fail(&err);
        fprintf(stderr, "carom: run: stopped; what is counted below is committed, %llu messages after it are not: "
                        "run again when mended\n", (unsigned long long)lost);
        return code;
    }
    if (stopped) {
        fprintf(stderr, "carom: run: stopped; what is counted below is committed\n");
        return 128 + SIGINT;
    }
    return run->tally.failed ? EX_SOFTWARE : run->tally.unread ? EX_NOINPUT : EX_OK;
}

/* By hand: now, whatever is due when. */
static int work_spool(struct carom_spooled *spooled, const char *given, bool quiet)
{
    struct carom_arena *arena = carom_arena_new();
    struct carom_spooled_summary summary;
    struct carom_error err = {0};
    struct carom_str directory;

    if (!arena || carom_arena_guard(arena))
        return carom_cli_no_memory(arena);
    int result = given && access(given, F_OK) != 0 /* that of the state directory may be yet to be made */
                     ? carom_error_set(&err, CAROM_ERROR_IO, "run: the spool %s: %s", given, strerror(errno))
                     : carom_spooled_directory(arena, spooled->place, given, &directory, &err);
    if (result == 0)
        spooled->directory = directory.ptr;
    if (result == 0)
        result = carom_spooled_work(spooled, &summary, &err);
    carom_arena_free(arena);
    if (result != 0)
        return carom_cli_fail(&err);
    if (!quiet)
        carom_spooled_print(&summary);
    return summary.failed + summary.waiting + summary.poison ? EX_TEMPFAIL : EX_OK;
}

int cmd_run(int argc, char **argv)
{
    struct carom_cli_place place = {0};
    static const char *const from_stdin[] = {"-"};
    bool quiet = false, lines = false, spool = false;
    const char *list = NULL, *log = NULL, *deadline = NULL;
    struct run run = {0};
    int64_t jobs = carom_conveyor_processors();
    struct carom_spooled spooled = {.place = &place, .log = &run.log, .all = true};
    const struct carom_option options[] = {
        CAROM_CLI_PLACE_OPTIONS(place),
        {"list", CAROM_OPTION_TEXT, &list, "LIST", "the list that these bounces concern (a List-Id)"},
        {"dry-run", CAROM_OPTION_FLAG, &run.dry, NULL, "decide, but touch nothing"},
        {"json", CAROM_OPTION_FLAG, &run.json, NULL, "facts and actions as JSON lines; the summary goes to stderr"},
        {"table", CAROM_OPTION_FLAG, &run.table, NULL, "a row for each recipient: what is done, and why"},
        {"lines", CAROM_OPTION_FLAG, &lines, NULL, "messages and replies as JSON lines, each answered in its turn"},
        {"spool", CAROM_OPTION_FLAG, &spool, NULL, "what carom pipe took and could not decide, of the state directory or DIR"},
        CAROM_SPOOLED_DEADLINE_OPTION(deadline),
        {"jobs", CAROM_OPTION_NUMBER, &jobs, "N", "read with so many threads (default: the processors); the order stays"},
        {"quiet", CAROM_OPTION_FLAG, &quiet, NULL, "no progress and no summary"},
        CAROM_CLI_LOG_OPTION(log),
        {NULL, 0, NULL, NULL, NULL}};
    char **operands;
    int n = carom_cli_options(argc, argv, options, "--policy FILE [OPTIONS] SOURCE…\n       carom run --policy FILE --lines [FILE…]\n       carom run --policy FILE --spool [DIR]",
                              "Reads messages, asks the policy, and keeps facts, decisions and jobs in the ledger.",
                              &operands);
    struct carom_error err = {0};
    int code = EX_OK;

    if (n < 0)
        return carom_cli_options_exit(n);
    if (!place.policy)
        return carom_cli_usage("run", "no policy given: --policy FILE");
    if (n == 0 && !lines && !spool)
        return carom_cli_usage("run", "no SOURCE given: name a file, a directory, or - for stdin");
    if (run.json + run.table + lines > 1)
        return carom_cli_usage("run", "--json, --table and --lines exclude one another");
    if (spool && (run.json + run.table + lines + run.dry || list))
        return carom_cli_usage("run", "--spool takes none of --json, --table, --lines, --dry-run and --list");
    if (spool && n > 1)
        return carom_cli_usage("run", "--spool takes one DIR");
    if (deadline && !spool)
        return carom_cli_usage("run", "--deadline goes with --spool");
    if (jobs < 1 || jobs > CAROM_CONVEYOR_THREADS)
        return carom_cli_usage("run", "--jobs is a number of threads from 1 to %d", CAROM_CONVEYOR_THREADS);
    if (!carom_spooled_deadline("run", deadline, &spooled.deadline_ms))
        return EX_USAGE;
    if (carom_cli_log_begin(&run.log, log, CAROM_LOG_TO_STDERR, &err) != 0)
        return carom_cli_fail(&err);
    if (spool)
        return work_spool(&spooled, n ? operands[0] : NULL, quiet);
    if (carom_cli_become_owner(&place, &err) != 0)
        return carom_cli_fail(&err);
    struct carom_arena *arena = carom_arena_new();
    struct carom_str url;
    if (!arena || carom_arena_guard(arena))
        return carom_cli_no_memory(arena);
    const struct carom_engine_options engine = {
        .policy = place.policy, .store = place.store, .state = place.state, .dry_run = run.dry, .log = &run.log.logger.log};
    if ((!lines && !(run.source = carom_source_open((const char *const *)operands, (size_t)n, &err))) ||
        !(run.engine = carom_engine_open(&engine, &err)) ||
        carom_engine_store_url(arena, place.store, carom_policy_config(run.engine->policy), place.state, &url, &err) != 0) {
        code = carom_cli_fail(&err);
        goto done;
    }
    if (!run.dry) /* which touches nothing but what it is told to */
        carom_cli_log_policy(&run.log, carom_policy_config(run.engine->policy));
    if (lines) {
        code = carom_cli_lines(run.engine, n ? (const char *const *)operands : from_stdin, n ? (size_t)n : 1, list,
                               run.log.chosen ? &run.log : NULL);
        goto done;
    }
    run.engine->keep_raw = false;
    run.engine->bare = !run.json;
    for (int i = 0; i < n; i++)
        run.waits = run.waits || is_pipe(operands[i]);
    run.progress = !quiet && isatty(STDERR_FILENO) && !run.table;
    run.print = carom_print_begin(stdout);
    carom_source_stop_at(run.source, &stopped);
    stop_at_signals(false);
    run.list = list;
    run.threads = (unsigned)jobs;
    code = work(&run);
    if (carom_print_end(&run.print) != 0 && code == EX_OK)
        code = carom_cli_output_failed("run");
    if (!quiet) {
        if (run.table && run.tally.facts)
            putchar('\n');
        summarise(&run, run.json ? stderr : stdout, url);
    }
done:
    carom_engine_close(run.engine);
    if (run.source)
        carom_source_close(run.source);
    carom_arena_free(arena);
    return code;
}
