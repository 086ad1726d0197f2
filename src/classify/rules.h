/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The built-in rules (tables/rules.tsv) and the verdict on one diagnostic. */

#ifndef CAROM_CLASSIFY_RULES_H
#define CAROM_CLASSIFY_RULES_H

#include "base/arena.h"
#include "base/cell.h"
#include "base/matcher.h"

/* A rule holds when every condition that it states holds. Strings are static or the policy's, empty for nothing. */
struct carom_rule {
    size_t place;              /* among the built-in ones, or the policy's */
    struct carom_str id;       /* "google.no-such-user", unique */
    struct carom_str text;     /* the phrase, as written in the table; alternatives are rules of their own */
    struct carom_str provider; /* only at these providers; empty anywhere */
    int code_min, code_max;    /* reply codes, 0 any */
    struct carom_str status;   /* "5.1.1", "5.7.*", empty any */
    enum carom_reason reason;
    int kind;                  /* enum carom_kind that overrides the code, or -1 */
    int weight;                /* the more specific wins: tokens before prose */
    struct carom_str seen;     /* where: "P Google admin help 2026-02", … */
};

/* The same as it is compiled in. */
struct carom_rule_row {
    struct carom_cell id, text, provider;
    int code_min, code_max;
    struct carom_cell status;
    enum carom_reason reason;
    int kind, weight;
    struct carom_cell seen;
};

extern const struct carom_rule_row carom_rules[];
extern const size_t carom_rules_n;
extern const struct carom_matcher carom_rules_matcher; /* pattern i is carom_rules[i].text */
struct carom_rule carom_rule_built_in(size_t place);

/* Rules that an operator wrote. Pattern i of the matcher is list[i].text; those behind the patterns have no text and
   hold by their conditions alone. They win over the built-in ones whatever the weights; among themselves words win
   over conditions, then the longer match, then the first. Without a reason a rule states the kind only. */
struct carom_own_rules {
    const struct carom_rule *list;
    size_t n;
    const struct carom_matcher *matcher; /* NULL: none has a text */
};

/* Told of every rule whose words stand in a text that was asked, in no order; the rule itself does not last. */
struct carom_rules_watch {
    void (*next)(void *user); /* a verdict begins */
    void (*saw)(void *user, const struct carom_rule *rule, struct carom_str text, struct carom_str where, bool holds);
    void *user;
};

/* What verdicts depend on beside the case; NULL members: nothing. */
struct carom_judging {
    const struct carom_own_rules *own;
    const struct carom_rules_watch *watch;
};

/* What is known of one failed attempt. */
struct carom_case {
    int reply_code;
    struct carom_str status; /* of the remote server's words, else of the report */
    struct carom_str provider;
    struct carom_str command;    /* what was refused: MAIL, RCPT …; empty not known */
    struct carom_str diagnostic; /* looked at first */
    struct carom_str where;      /* what to name in the evidence for it */
    struct carom_str text;       /* looked at only when the diagnostic leaves the question open */
    bool guess;                  /* from the generic reader */
    bool machine;
};

struct carom_verdict {
    enum carom_reason reason;
    int kind; /* enum carom_kind that a rule states, or -1 */
    enum carom_confidence confidence;
    struct carom_str rule, text, where; /* the evidence; rule is "status:5.1.1" or "code:550" when a code decided */
};

/* judging may be NULL. */
struct carom_verdict carom_rules_judge(struct carom_arena *arena, const struct carom_case *what,
                                       const struct carom_judging *judging);

#endif
