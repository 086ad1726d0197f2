/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* carom check: may this address be mailed? For one it says why not; from a column of millions it prints those that may.
   What is not known is never allowed. */

#include <stdio.h>
#include <unistd.h>

#include "base/conveyor.h"
#include "base/date.h"
#include "cli/cli.h"
#include "cli/column.h"
#include "cli/ledger.h"
#include "cli/print.h"
#include "mail/address.h"

enum { BY_PROCESSORS = -1 };

struct asking {
    struct carom_ledger ledger;
    struct carom_arena *arena; /* of one address */
    struct carom_str list;
    bool held; /* a removal that waits is a no */
    int64_t now;
    bool denied; /* print the others */
};

/* 1 yes, 0 no, -1 not known. */
static int ask(struct asking *asking, struct carom_str address, struct carom_refusal *refusal, struct carom_error *err)
{
    carom_arena_reset(asking->arena);
    if (carom_arena_guard(asking->arena))
        return carom_error_memory(err);
    struct carom_str key = carom_address_key(asking->arena, address);
    int may = 0;
    if (carom_address_valid(key))
        may = asking->ledger.ops->check(asking->ledger.store, key, asking->list, asking->held, asking->now, refusal, err);
    else
        *refusal = (struct carom_refusal){.cause = "no address"};
    carom_arena_unguard(asking->arena);
    return may;
}

static void print_answer(struct carom_str address, int may, const struct carom_refusal *refusal)
{
    static const char *const words[][2] = {
        {"left_all", "left all lists"}, {"left", "left that list"}, {"erased", "erased, and not to be mailed"}};
    char time[32];

    fputs(may ? "yes  " : "no   ", stdout);
    carom_print_cell(stdout, address, 0);
    if (!may) {
        const char *cause = refusal->cause;
        for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
            if (!strcmp(cause, words[i][0]))
                cause = words[i][1];
        printf("  %s", cause);
        if (refusal->since && carom_date_format(refusal->since, time))
            printf(" since %s", time);
        if (refusal->until && carom_date_format(refusal->until, time))
            printf(" until %s", time);
        if (refusal->reason[0]) {
            fputs(": ", stdout);
            carom_print_cell(stdout, carom_str(refusal->reason), 0);
        }
    }
    putchar('\n');
}

static int check_each(struct asking *asking, char **addresses, int n, struct carom_error *err)
{
    bool all = true;
    for (int i = 0; i < n; i++) {
        struct carom_refusal refusal;
        int may = ask(asking, carom_str(addresses[i]), &refusal, err);
        if (may < 0)
            return EX_TEMPFAIL;
        all = all && may;
        print_answer(carom_str(addresses[i]), may, &refusal);
    }
    return all ? EX_OK : 1;
}

static int check_column(const struct asking *asking, unsigned threads, struct carom_error *err)
{
    const struct carom_column column = {.ledger = &asking->ledger, .list = asking->list, .held = asking->held,
                                        .now = asking->now, .denied = asking->denied, .threads = threads};
    if (carom_column_check(&column, STDIN_FILENO, err) == 0)
        return EX_OK;
    return ferror(stdout) ? carom_cli_fail(err) : EX_TEMPFAIL;
}

int cmd_check(int argc, char **argv)
{
    struct carom_cli_place place = {0};
    struct asking asking = {0};
    const char *list = NULL;
    int64_t jobs = BY_PROCESSORS;
    const struct carom_option options[] = {
        CAROM_CLI_PLACE_OPTIONS(place),
        {"list", CAROM_OPTION_TEXT, &list, "LIST", "by this list (its List-Id): also no to who left it"},
        {"denied", CAROM_OPTION_FLAG, &asking.denied, NULL, "with -: print those that may not be mailed"},
        {"jobs", CAROM_OPTION_NUMBER, &jobs, "N", "with -: so many threads (default: the processors); the order stays"},
        {NULL, 0, NULL, NULL, NULL}};
    char **operands;
    int n = carom_cli_options(argc, argv, options, "[OPTIONS] ADDRESS… | -",
                              "Says whether an address may be mailed: exit 0 yes, 1 no, 75 not known. - reads a column of\n"
                              "addresses and prints those that may be.", &operands);
    struct carom_error err = {0};
    struct carom_policy *policy;
    struct carom_str url;

    if (n < 0)
        return carom_cli_options_exit(n);
    if (n == 0)
        return carom_cli_usage("check", "no ADDRESS given");
    const bool column = n == 1 && !strcmp(operands[0], "-");
    if ((asking.denied || jobs != BY_PROCESSORS) && !column)
        return carom_cli_usage("check", "%s goes with -, which reads a column", asking.denied ? "--denied" : "--jobs");
    if (jobs != BY_PROCESSORS && (jobs < 1 || jobs > CAROM_CONVEYOR_THREADS))
        return carom_cli_usage("check", "--jobs is a number of threads from 1 to %d", CAROM_CONVEYOR_THREADS);
    struct carom_arena *arena = carom_arena_new();
    asking.arena = carom_arena_new();
    asking.list = carom_str(list);
    asking.now = carom_date_now_ms();
    int code = EX_TEMPFAIL;
    if (!arena || !asking.arena || carom_arena_guard(arena))
        carom_error_memory(&err);
    else if (carom_cli_ledger(arena, &place, CAROM_LEDGER_READ, false, &asking.ledger, &policy, &url, &err) == 0) {
        asking.held = policy && carom_policy_config(policy)->held.deny;
        /* No 64 for a list: who asks for each message has its name from there, and a mail server would bounce that. */
        code = carom_cli_list(arena, policy, list, &err) != 0 ? EX_TEMPFAIL
               : column ? check_column(&asking, jobs == BY_PROCESSORS ? carom_conveyor_processors() : (unsigned)jobs, &err) : check_each(&asking, operands, n, &err);
        carom_ledger_close(&asking.ledger);
        carom_policy_free(policy);
    }
    if (code == EX_TEMPFAIL) /* whatever it was: nobody can say yes */
        carom_cli_fail(&err);
    carom_arena_free(asking.arena);
    carom_arena_free(arena);
    return code;
}
