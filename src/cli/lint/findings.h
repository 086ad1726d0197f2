/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* What was found in a policy, told once for all the facts on which it shows. */

#ifndef CAROM_CLI_LINT_FINDINGS_H
#define CAROM_CLI_LINT_FINDINGS_H

#include "base/arena.h"
#include "base/error.h"

/* error: it fails, or can never be meant. warning: it harms people, or does nothing where it seems to do something.
   advice: it may be meant. */
enum carom_severity { CAROM_ADVICE, CAROM_WARNING, CAROM_ERROR_FOUND };
const char *carom_severity_name(enum carom_severity severity);

struct carom_example {
    struct carom_str text;
    struct carom_example *next;
};

struct carom_finding {
    enum carom_severity severity;
    struct carom_str file; /* as error texts name it: "policy.lua"; empty: the main one */
    int line;              /* 0: the whole file */
    struct carom_str what, todo;
    struct carom_example *examples; /* of facts on which it shows, each once */
    size_t cases;                   /* how many these are */
    struct carom_finding *next;
};

struct carom_findings {
    struct carom_arena *arena;
    struct carom_finding *first;
};

/* at: "policy.lua:12" or "policy.lua". Where the same is known of that place, only example is added: "permanent blocked",
   or NULL. what and todo are copied. The arena must be guarded. */
void carom_findings_add(struct carom_findings *findings, enum carom_severity severity, struct carom_str at,
                        const char *example, const char *todo, const char *what, ...)
    __attribute__((format(printf, 6, 7)));
/* By file, line, severity and text. */
void carom_findings_sort(struct carom_findings *findings);
/* "policy.lua:12: warning: what (permanent blocked, permanent bad_reputation and 9 more); todo", each a line on stdout;
   file names behind directory. */
void carom_findings_print(const struct carom_findings *findings, struct carom_str directory, struct carom_str main);
int carom_findings_json(const struct carom_findings *findings, struct carom_str directory, struct carom_str main);

#endif
