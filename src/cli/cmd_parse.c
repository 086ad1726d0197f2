/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* carom parse: decode only. A policy lends its keys and what else it trusts, and its ledger knows whom references mean;
   no hook runs. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/conveyor.h"
#include "base/error.h"
#include "classify/fact.h"
#include "classify/rules.h"
#include "cli/ahead.h"
#include "cli/candidates.h"
#include "cli/cli.h"
#include "cli/ledger.h"
#include "cli/owner.h"
#include "cli/print.h"
#include "cli/reading.h"
#include "cli/unmatched.h"
#include "engine/trust.h"
#include "input/source.h"

enum { BY_PROCESSORS = -1 };

/* What is made of the messages. */
struct showing {
    bool json, explain;
    struct carom_print *print;
    struct carom_unmatched *unmatched; /* NULL: not asked for */
    struct carom_engine_trust *trust;  /* NULL: no policy */
    const struct carom_own_rules *own;
    size_t shown;
};

static void row(const struct carom_fact *fact)
{
    const size_t columns = carom_print_columns(stdout), address = columns && columns < 100 ? 24 : 32;
    struct carom_str code = fact->status;
    char number[16];

    if (!code.len && fact->reply_code) {
        snprintf(number, sizeof(number), "%d", fact->reply_code);
        code = carom_str(number);
    }
    carom_print_cell(stdout, carom_str(carom_kind_name(fact->kind)), 11);
    putchar(' ');
    carom_print_cell(stdout, carom_str(carom_reason_name(fact->reason)), 20);
    putchar(' ');
    carom_print_cell(stdout, code, 8);
    putchar(' ');
    carom_print_cell(stdout, fact->recipient, address);
    putchar(' ');
    carom_print_last(stdout, fact->diagnostic.len ? fact->diagnostic : fact->subject, 11 + 1 + 20 + 1 + 8 + 1 + address + 1, 60);
    putchar('\n');
}

static int show_fact(struct showing *showing, const struct carom_fact *fact, struct carom_error *err)
{
    if (showing->unmatched)
        return carom_unmatched_add(showing->unmatched, fact) == 0 ? 0 : carom_error_memory(err);
    if (!showing->json)
        return row(fact), 0;
    struct carom_json line = carom_print_json(showing->print);
    carom_fact_write(fact, &line);
    if (carom_print_line(showing->print) != 0)
        return carom_cli_output_error(err, "parse");
    return 0;
}

static void explain(struct showing *showing, const struct carom_source_item *item, const struct carom_fact_list *facts,
                    struct carom_candidates *candidates)
{
    if (showing->shown++)
        putchar('\n');
    carom_print_cell(stdout, item->name, 0);
    if (item->index)
        printf(": message %llu", (unsigned long long)item->index);
    putchar('\n');
    carom_reading_print(facts, candidates);
}

static int one(struct carom_arena *arena, const struct carom_source_item *item, struct showing *showing,
               struct carom_error *err)
{
    const struct carom_envelope envelope = {
        .source = item->name.ptr, .index = item->index, .file_time = item->mtime};
    struct carom_trust *trust = showing->trust ? &showing->trust->trust : NULL;
    struct carom_candidates candidates;
    struct carom_fact_list facts;
    int result = 0;

    carom_arena_reset(arena);
    if (carom_arena_guard(arena))
        return carom_error_memory(err);
    carom_candidates_begin(&candidates, arena);
    struct carom_judging judging = {.own = showing->own, .watch = showing->explain ? &candidates.watch : NULL};
    facts = carom_facts_read(arena, item->bytes, &envelope, trust, &judging, (int64_t)time(NULL));
    if (trust && trust->failed) {
        carom_arena_unguard(arena);
        return *err = showing->trust->err, -1;
    }
    if (showing->explain)
        explain(showing, item, &facts, &candidates);
    for (size_t i = 0; i < facts.n && result == 0 && !showing->explain; i++)
        result = show_fact(showing, &facts.list[i], err);
    carom_arena_unguard(arena);
    return result;
}

/* ---- Several threads, for JSON without a policy ---- */

/* The lines of one message, or why there are none. They serve again, unless they are long. */
enum { LINES_KEPT = 16 << 10 };
struct lines {
    struct carom_buf buf;
    struct carom_error err;
};

struct writing {
    struct carom_print *print;
    bool any;
    int code;
};

static void drop(void *made)
{
    struct lines *lines = made;
    carom_buf_deinit(&lines->buf);
    free(lines);
}

static int read_lines(void *user, const struct carom_source_item *item, void **made, struct carom_error *err)
{
    struct lines *lines = *made ? *made : (*made = calloc(1, sizeof(*lines)));
    struct carom_arena *arena = carom_arena_new();
    (void)user;

    if (!lines || !arena) {
        carom_arena_free(arena);
        return carom_error_memory(err);
    }
    struct carom_print print = carom_print_collect(&lines->buf);
    struct showing showing = {.json = true, .print = &print};
    lines->err.code = 0;
    one(arena, item, &showing, &lines->err);
    lines->buf = print.buf;
    carom_arena_free(arena);
    return 0;
}

static int write_lines(void *user, const struct carom_source_item *item, void **made, struct carom_error *err)
{
    struct writing *writing = user;
    struct lines *lines = *made;
    int result = 0;
    (void)item;

    writing->any = true;
    if (lines->err.code)
        writing->code = carom_cli_fail(&lines->err);
    else if (carom_print_add(writing->print, &lines->buf) != 0)
        result = carom_cli_output_error(err, "parse");
    if (lines->buf.capacity > LINES_KEPT)
        carom_buf_deinit(&lines->buf);
    return result;
}

static void unread(void *user, const struct carom_error *err)
{
    struct writing *writing = user;
    writing->any = true;
    carom_cli_fail(err);
    writing->code = EX_NOINPUT;
}

static int parse_ahead(struct carom_source *source, unsigned threads, struct carom_print *print, bool *any_r)
{
    struct writing writing = {.print = print, .code = EX_OK};
    struct carom_error err = {0};
    const struct carom_ahead ahead = {.source = source, .threads = threads, .user = &writing, .prepare = read_lines,
                                      .use = write_lines, .drop = drop, .unread = unread};

    if (carom_ahead_run(&ahead, &err) < 0)
        writing.code = carom_cli_fail(&err);
    *any_r = writing.any;
    return writing.code;
}

/* What the policy trusts, when one is named. */
static int begin_trust(struct carom_arena *arena, const struct carom_cli_place *place, struct carom_policy **policy_r,
                       struct carom_ledger *ledger_r, struct carom_engine_trust *trust_r, struct carom_error *err)
{
    if (!place->policy)
        return 0;
    if (carom_cli_become_owner(place, err) != 0 || !(*policy_r = carom_policy_load(place->policy, &carom_log_stderr, err)))
        return -1;
    if (carom_arena_guard(arena))
        return carom_error_memory(err);
    int result = carom_cli_ledger_if_any(arena, place, *policy_r, ledger_r, err);
    carom_arena_unguard(arena);
    return result ? result : carom_engine_trust(*policy_r, ledger_r->ops ? ledger_r : NULL, trust_r, err);
}

/* A file that was not written yet, or was cut to nothing, should not be taken for one that has no bounce. */
static void say_empty(const struct carom_source *source, bool any)
{
    const char *name;
    size_t n = carom_source_empty(source, &name);

    if (n == 1)
        fprintf(stderr, "carom: parse: %s is empty\n", strcmp(name, "-") ? name : "stdin");
    else if (n)
        fprintf(stderr, "carom: parse: %s and %zu more are empty\n", name, n - 1);
    else if (!any)
        fprintf(stderr, "carom: parse: no message in what was given\n");
}

int cmd_parse(int argc, char **argv)
{
    struct carom_cli_place place = {0};
    struct carom_policy *policy = NULL;
    struct carom_ledger ledger = {0};
    struct carom_engine_trust trust;
    struct showing showing = {.json = false};
    bool table = false, unmatched = false;
    int64_t jobs = BY_PROCESSORS;
    const struct carom_option options[] = {
        CAROM_CLI_PLACE_OPTIONS(place),
        {"json", CAROM_OPTION_FLAG, &showing.json, NULL, "one JSON object a line, one line a recipient (default in a pipe)"},
        {"table", CAROM_OPTION_FLAG, &table, NULL, "a table (default on a terminal)"},
        {"jobs", CAROM_OPTION_NUMBER, &jobs, "N", "read with so many threads (default: the processors); the order stays"},
        {"explain", CAROM_OPTION_FLAG, &showing.explain, NULL, "how each message was read, and why it means what it means"},
        {"unmatched", CAROM_OPTION_FLAG, &unmatched, NULL, "the diagnostics that no rule knew, most frequent first, masked"},
        {NULL, 0, NULL, NULL, NULL}};
    char **operands;
    int n = carom_cli_options(argc, argv, options, "[OPTIONS] SOURCE…",
                              "Decodes bounces, complaints and auto-replies: what happened to whom, why, whose fault.",
                              &operands);
    struct carom_error err = {0};
    struct carom_source_item item;
    int got, code = EX_OK;
    bool any = false;

    if (n < 0)
        return carom_cli_options_exit(n);
    if (n == 0)
        return carom_cli_usage("parse", "no SOURCE given: name a file, a directory, or - for stdin");
    if (!place.policy && (place.store || place.state))
        return carom_cli_usage("parse", "--store and --state go with --policy");
    if (showing.explain && (showing.json || table || unmatched))
        return carom_cli_usage("parse", "--explain is a page for people: it goes without --json, --table and --unmatched");
    showing.json = showing.json || (!table && !unmatched && !isatty(STDOUT_FILENO));
    if (jobs != BY_PROCESSORS && (jobs < 1 || jobs > CAROM_CONVEYOR_THREADS))
        return carom_cli_usage("parse", "--jobs is a number of threads from 1 to %d", CAROM_CONVEYOR_THREADS);
    bool plain = showing.json && !showing.explain && !unmatched && !place.policy;
    if (jobs > 1 && !plain)
        return carom_cli_usage("parse", "--jobs goes with JSON, and without --policy");
    for (int i = 0; i < n; i++) /* what comes through a pipe is told as it comes */
        jobs = !strcmp(operands[i], "-") || !plain ? 1 : jobs;
    jobs = jobs == BY_PROCESSORS ? carom_conveyor_processors() : jobs;
    struct carom_arena *arena = carom_arena_new();
    struct carom_source *source = NULL;
    struct carom_print print = carom_print_begin(stdout);
    showing.print = &print;
    if (!arena || (unmatched && !(showing.unmatched = carom_unmatched_new())))
        carom_error_memory(&err);
    else if (begin_trust(arena, &place, &policy, &ledger, &trust, &err) == 0)
        source = carom_source_open((const char *const *)operands, (size_t)n, &err);
    if (!source) {
        code = carom_cli_fail(&err);
        goto done;
    }
    showing.trust = policy ? &trust : NULL;
    showing.own = policy ? carom_policy_judging(policy)->own : NULL;
    if (jobs > 1)
        code = parse_ahead(source, (unsigned)jobs, &print, &any);
    while (jobs == 1 && (got = carom_source_next(source, &item, &err)) != 0) {
        any = true;
        if (got < 0) {
            carom_cli_fail(&err);
            code = EX_NOINPUT;
            continue;
        }
        if (one(arena, &item, &showing, &err) != 0) {
            code = carom_cli_fail(&err);
            if (err.code == CAROM_ERROR_IO)
                break;
        }
    }
    say_empty(source, any);
    if (((unmatched && carom_unmatched_print(showing.unmatched, showing.json) != 0) || carom_print_end(&print) != 0) &&
        code == EX_OK)
        code = carom_cli_output_failed("parse");
done:
    if (source)
        carom_source_close(source);
    if (ledger.ops)
        carom_ledger_close(&ledger);
    carom_policy_free(policy);
    carom_unmatched_free(showing.unmatched);
    carom_arena_free(arena);
    return code;
}
