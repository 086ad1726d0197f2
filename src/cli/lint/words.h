/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* What the text of a policy alone shows, also on lines that no made-up fact reaches. */

#ifndef CAROM_CLI_LINT_WORDS_H
#define CAROM_CLI_LINT_WORDS_H

#include "cli/lint/findings.h"
#include "policy/policy.h"
#include "policy/tokens.h"

/* One file. Adds no error to a line on which a hook failed. The arena of findings must be guarded. */
void carom_lint_words(struct carom_findings *findings, const struct carom_policy *policy,
                      const struct carom_policy_file *file, struct carom_str text);

/* slips.c: is the word one slip away from a reason or kind, which it is not? */
void carom_lint_slip(struct carom_findings *findings, struct carom_str at, struct carom_str word);

/* fields.c: what a name stands for ("bounce", "message" …) by its place in the text. */
struct carom_lint_scopes {
    struct {
        struct carom_str names[8]; /* parameters, and locals that hide others; empty: none */
        const char *of[8];         /* NULL: nothing that we know */
        int depth;
    } frames[16];
    int n, depth;
};
void carom_lint_scope(struct carom_lint_scopes *scopes, const struct carom_token *tokens, size_t n, size_t i);
const char *carom_lint_owner(const struct carom_lint_scopes *scopes, struct carom_str name);

/* A field of an owner, its methods among them: "" where it is there, else what is wrong. fields.c too. */
struct carom_str carom_lint_field(struct carom_arena *arena, const char *of, struct carom_str name);
/* Is the field never equal to that text? Then why, else empty. */
struct carom_str carom_lint_never(struct carom_arena *arena, const char *of, struct carom_str name, struct carom_str text);

#endif
