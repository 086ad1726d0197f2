/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The same facts decided twice: what differs, counted by what is done, reason and provider, and by people. It decides
   nothing. */

#ifndef CAROM_CLI_TRIAL_CONTRAST_H
#define CAROM_CLI_TRIAL_CONTRAST_H

#include "cli/print.h"
#include "decision/action.h"

struct carom_contrast;

/* One decision, as far as it is compared. */
struct carom_treatment {
    uint32_t what;    /* number of its words, such as "suppress 7d" */
    uint64_t details; /* hash of all that its actions say */
    uint32_t fact;    /* its number in the ledger that decided; 0: none */
};

/* bookkeeping: scores and `ignore` are compared too, not only what is done with somebody. NULL: no memory. */
struct carom_contrast *carom_contrast_new(bool bookkeeping);
void carom_contrast_free(struct carom_contrast *contrast);

/* Of a decision; what is refused is not done. -1: no memory. */
int carom_contrast_treat(struct carom_contrast *contrast, const struct carom_decision *decision,
                         struct carom_treatment *treatment_r);
/* What happened instead of a decision: "not read", "the hook fails". */
int carom_contrast_other(struct carom_contrast *contrast, const char *words, struct carom_treatment *treatment_r);

/* key: of the address; may be empty. -1: no memory. */
int carom_contrast_add(struct carom_contrast *contrast, const struct carom_fact *fact, struct carom_str key,
                       const struct carom_treatment *old, const struct carom_treatment *new);

/* Once, before it is shown: removals that the breaker recalled later count as held. Either may be NULL. */
struct carom_ledger;
int carom_contrast_finish(struct carom_contrast *contrast, const struct carom_ledger *old,
                          const struct carom_ledger *new);

/* What was compared, what differs. */
struct carom_contrast_totals {
    uint64_t facts, different;
    uint64_t people, treated_differently;
    uint64_t removed[2], paused[2]; /* people that only the old one removes or pauses, and only the new one */
    uint64_t harder; /* of removed[1]: those that the old one pauses */
};
struct carom_contrast_totals carom_contrast_totals(const struct carom_contrast *contrast);

/* A change: from these words to those. */
struct carom_change {
    struct carom_str old, new;
    bool same_words; /* they differ in what the words leave out */
    uint64_t facts;
    struct carom_change_group {
        struct carom_str kind, reason, provider;
        uint64_t facts;
    } *groups; /* most first */
    size_t groups_n;
};
/* Worst first: who is removed, who is paused, the rest, who is not any more. Borrowed for the call. -1: no memory, or
   each gave it. */
int carom_contrast_changes(const struct carom_contrast *contrast,
                           int (*each)(void *user, const struct carom_change *change), void *user);

struct carom_contrast_name {
    struct carom_str address, list, kind, reason, provider, old, new;
    int64_t received;
};
int carom_contrast_names(const struct carom_contrast *contrast,
                         int (*each)(void *user, const struct carom_contrast_name *name), void *user);

#endif
