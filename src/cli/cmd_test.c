/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* carom test: runs the tests that stand beside a policy. Nothing is delivered, no ledger is touched. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "cli/cli.h"
#include "cli/test_report.h"
#include "engine/rehearsal.h"

enum { EX_TESTS_FAILED = 1 };

struct trying {
    const char *policy, *filter, *junit;
    bool tap, lines, verbose;
    struct carom_test_file *files;
    size_t n;
    struct carom_coverage *coverage;
    struct carom_rehearsal *rehearsal;
};

/* "policy_test.lua" beside "policy.lua". */
static struct carom_str beside(struct carom_arena *arena, const char *policy)
{
    struct carom_str stem = carom_str(policy);

    if (carom_str_iends(stem, CAROM_STR(".lua")))
        stem = carom_str_head(stem, stem.len - strlen(".lua"));
    return carom_arena_printf(arena, CAROM_STR_FMT "_test.lua", CAROM_STR_ARG(stem));
}

static int find_files(struct carom_arena *arena, struct trying *trying, char **operands, int n, struct carom_error *err)
{
    trying->files = carom_arena_array(arena, struct carom_test_file, (size_t)n + 1);
    for (int i = 0; i < n; i++)
        trying->files[trying->n++].path = operands[i];
    if (n > 0)
        return 0;
    if (access(trying->policy, F_OK) != 0) /* which is more than that its tests are not there either */
        return carom_error_set(err, CAROM_ERROR_IO, "%s: cannot be opened: %s", trying->policy, strerror(errno));
    struct carom_str path = beside(arena, trying->policy);
    if (access(path.ptr, F_OK) != 0)
        return carom_error_set(err, CAROM_ERROR_USAGE, "test: there is no %s: write one, or name the files of tests",
                               path.ptr);
    trying->files[trying->n++].path = path.ptr;
    return 0;
}

static int run_file(struct trying *trying, struct carom_test_file *file, struct carom_error *err)
{
    const struct carom_stage *stage = carom_rehearsal_stage(trying->rehearsal);

    if (!(file->testing = carom_testing_load(file->path, stage, err)))
        return -1;
    if (!carom_testing_tests(file->testing))
        return carom_error_set(err, CAROM_ERROR_CONFIG, "%s: no test is in it; write carom.test(\"what is expected\", "
                               "function(t) … end)", file->path);
    return carom_testing_run(file->testing, trying->filter, err);
}

static int run_files(struct trying *trying, struct carom_error *err)
{
    if (!(trying->coverage = carom_coverage_new()))
        return carom_error_memory(err);
    trying->rehearsal = carom_rehearsal_open(trying->policy, trying->verbose ? &carom_log_stderr : NULL, trying->coverage,
                                             err);
    if (!trying->rehearsal)
        return -1;
    for (size_t i = 0; i < trying->n; i++)
        if (run_file(trying, &trying->files[i], err) != 0)
            return -1;
    if (carom_test_count(trying->files, trying->n).run == 0)
        return carom_error_set(err, CAROM_ERROR_USAGE, "test: --filter '%s' fits no test", trying->filter);
    return trying->junit ? carom_test_write_junit(trying->junit, trying->files, trying->n, err) : 0;
}

static int report(const struct trying *trying)
{
    struct carom_test_tally tally = carom_test_count(trying->files, trying->n);

    if (trying->tap)
        carom_test_print_tap(trying->files, trying->n);
    else
        carom_test_print(trying->files, trying->n);
    printf("%s%s%zu passed, %zu failed", trying->tap ? "" : "\n", trying->tap ? "# " : "", tally.run - tally.failed,
           tally.failed);
    if (tally.left_out)
        printf(", %zu left out by --filter", tally.left_out);
    putchar('\n');
    carom_test_print_reach(trying->coverage, trying->lines, trying->tap);
    return tally.failed ? EX_TESTS_FAILED : EX_OK;
}

static void clean_up(struct trying *trying)
{
    for (size_t i = 0; i < trying->n; i++)
        carom_testing_free(trying->files[i].testing);
    carom_rehearsal_close(trying->rehearsal);
    carom_coverage_free(trying->coverage);
}

int cmd_test(int argc, char **argv)
{
    struct trying trying = {.policy = NULL};
    const struct carom_option options[] = {
        {"filter", CAROM_OPTION_TEXT, &trying.filter, "WORDS", "only tests whose name holds these; * is any run"},
        {"coverage", CAROM_OPTION_FLAG, &trying.lines, NULL, "print the lines of the policy that no test reached"},
        {"tap", CAROM_OPTION_FLAG, &trying.tap, NULL, "print the Test Anything Protocol, version 13"},
        {"junit", CAROM_OPTION_TEXT, &trying.junit, "FILE", "write a JUnit XML file too"},
        {"verbose", CAROM_OPTION_FLAG, &trying.verbose, NULL, "print what the policy logs to stderr"},
        {NULL, 0, NULL, NULL, NULL}};
    char **operands;
    int n = carom_cli_options(argc, argv, options, "[OPTIONS] POLICY [FILE…]",
                              "Runs the tests of a policy: those in FILE, or in what lies beside it (policy_test.lua for policy.lua).",
                              &operands);
    struct carom_error err = {0};

    if (n < 0)
        return carom_cli_options_exit(n);
    if (n == 0)
        return carom_cli_usage("test", "no policy given");
    struct carom_arena *arena = carom_arena_new();
    if (!arena || carom_arena_guard(arena))
        return carom_cli_no_memory(arena);
    trying.policy = operands[0];
    int code = EX_OK;
    if (find_files(arena, &trying, operands + 1, n - 1, &err) != 0 || run_files(&trying, &err) != 0)
        code = carom_cli_fail(&err);
    else
        code = report(&trying);
    clean_up(&trying);
    carom_arena_free(arena);
    return code;
}
