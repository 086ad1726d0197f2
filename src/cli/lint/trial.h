/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* A policy's hooks on made-up facts of every kind: what fails, and what would be done to whom. */

#ifndef CAROM_CLI_LINT_TRIAL_H
#define CAROM_CLI_LINT_TRIAL_H

#include "cli/lint/findings.h"
#include "policy/policy.h"

/* Runs them and adds what was found. now: seconds since 1970. -1: no memory, or a fact could not be made. */
int carom_lint_try(struct carom_policy *policy, struct carom_findings *findings, int64_t now, struct carom_error *err);

/* judge.c: one decision. */
struct carom_lint_case {
    const struct carom_fact *fact;
    bool fresh;              /* it is the address's first bounce */
    const char *words;       /* "permanent blocked" */
};
void carom_lint_judge(struct carom_findings *findings, const struct carom_config *config,
                      const struct carom_lint_case *with, const struct carom_decision *decision);
/* Actions without a sink, of any hook. */
void carom_lint_judge_sinks(struct carom_findings *findings, const struct carom_config *config,
                            const struct carom_decision *decision);

#endif
