/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* carom lint: mistakes in a policy, before a bounce finds them. It touches neither ledger nor network. */

#include <stdio.h>
#include <time.h>

#include "cli/cli.h"
#include "cli/lint/findings.h"
#include "cli/lint/in_force.h"
#include "cli/lint/trial.h"
#include "cli/lint/words.h"

struct lint {
    const char *path;
    bool json, strict, config;
};

static struct carom_str directory_of(const char *path)
{
    size_t slash = carom_str_rchr(carom_str(path), '/');
    return carom_str_head(carom_str(path), slash == SIZE_MAX ? 0 : slash + 1);
}

/* "policy.lua:12: what; what to do", a policy that does not load. What cannot be read at all is no finding. */
static int add_load_error(struct carom_findings *findings, const struct lint *lint, const struct carom_error *err)
{
    struct carom_str text = carom_str(err->text), file = carom_str_from(carom_str(lint->path), directory_of(lint->path).len);
    size_t colon = carom_str_find(text, CAROM_STR(": "));

    if (err->code != CAROM_ERROR_CONFIG || colon == SIZE_MAX)
        return -1;
    carom_findings_add(findings, CAROM_ERROR_FOUND, carom_str_starts(text, file) ? carom_str_head(text, colon) : file, NULL,
                       "nothing is decided by it until that is mended", CAROM_STR_FMT,
                       CAROM_STR_ARG(carom_str_from(text, carom_str_starts(text, file) ? colon + 2 : 0)));
    return 0;
}

static int read_words(struct carom_findings *findings, const struct carom_policy *policy, struct carom_error *err)
{
    struct carom_str text;

    for (const struct carom_policy_file *file = carom_policy_files(policy); file; file = file->next) {
        if (carom_policy_file_text(findings->arena, file, &text, err) != 0)
            return -1;
        carom_lint_words(findings, policy, file, text);
    }
    return 0;
}

static int find(struct carom_findings *findings, const struct lint *lint, struct carom_error *err)
{
    struct carom_policy *policy = carom_policy_load(lint->path, NULL, err);

    if (!policy)
        return add_load_error(findings, lint, err);
    int result = carom_lint_try(policy, findings, (int64_t)time(NULL), err);
    if (result == 0)
        result = read_words(findings, policy, err);
    carom_policy_free(policy);
    return result;
}

static bool is_clean(const struct carom_findings *findings, bool strict)
{
    const struct carom_finding *finding = findings->first;
    while (finding && !strict && finding->severity == CAROM_ADVICE)
        finding = finding->next;
    return !finding;
}

static int report(const struct carom_findings *findings, const struct lint *lint)
{
    struct carom_str directory = directory_of(lint->path), file = carom_str_from(carom_str(lint->path), directory.len);

    if (!lint->json)
        carom_findings_print(findings, directory, file);
    else if (carom_findings_json(findings, directory, file) != 0)
        return carom_cli_output_failed("lint");
    return is_clean(findings, lint->strict) ? EX_OK : 1;
}

static int run(const struct lint *lint)
{
    struct carom_findings findings = {.arena = carom_arena_new()};
    struct carom_error err = {0};
    int code;

    if (!findings.arena || carom_arena_guard(findings.arena))
        return carom_cli_no_memory(findings.arena);
    if (find(&findings, lint, &err) == 0) {
        carom_findings_sort(&findings);
        code = report(&findings, lint);
    } else {
        code = carom_cli_fail(&err);
    }
    carom_arena_free(findings.arena);
    return code;
}

static int print_config(const struct lint *lint)
{
    struct carom_error err = {0};
    struct carom_policy *policy = carom_policy_load(lint->path, NULL, &err);

    if (!policy)
        return carom_cli_fail(&err);
    carom_in_force_print(policy);
    carom_policy_free(policy);
    return EX_OK;
}

int cmd_lint(int argc, char **argv)
{
    struct lint lint = {0};
    const struct carom_option options[] = {
        {"config", CAROM_OPTION_FLAG, &lint.config, NULL, "print instead what is in force, as Lua; secrets are not shown"},
        {"json", CAROM_OPTION_FLAG, &lint.json, NULL, "one JSON object a finding"},
        {"strict", CAROM_OPTION_FLAG, &lint.strict, NULL, "exit 1 for advice too"},
        {NULL, 0, NULL, NULL, NULL}};
    char **operands;
    int n = carom_cli_options(argc, argv, options, "[OPTIONS] POLICY",
                              "Runs every hook on made-up facts of each kind, and reads the text, for mistakes; changes nothing.",
                              &operands);

    if (n < 0)
        return carom_cli_options_exit(n);
    if (n != 1)
        return carom_cli_usage("lint", "takes one policy, the path of a Lua file");
    if (lint.config && (lint.json || lint.strict))
        return carom_cli_usage("lint", "--config prints Lua: neither --json nor --strict has a place beside it");
    lint.path = operands[0];
    return lint.config ? print_config(&lint) : run(&lint);
}
