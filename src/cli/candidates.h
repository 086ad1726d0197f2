/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The rules whose words stand in a diagnostic, and why one of them won: for `carom rules test` and `carom parse
   --explain`. */

#ifndef CAROM_CLI_CANDIDATES_H
#define CAROM_CLI_CANDIDATES_H

#include "base/arena.h"
#include "base/json.h"
#include "carom.h"
#include "classify/rules.h"

struct carom_candidate {
    struct carom_rule rule;
    struct carom_str text, where; /* of the arena in which the fact is made */
    bool holds;
    size_t verdict; /* of which verdict it was one, from 1 */
};

struct carom_candidates {
    struct carom_arena *arena;
    struct carom_candidate *list;
    size_t n, capacity, verdicts;
    struct carom_rules_watch watch;
};

/* Give &candidates->watch to the judging. It must stay where it is meanwhile. */
void carom_candidates_begin(struct carom_candidates *candidates, struct carom_arena *arena);

/* Those of a verdict, the best first, with the fact that came of it; json: as an array of objects. */
void carom_candidates_print(struct carom_candidates *candidates, size_t verdict, const struct carom_fact *fact);
void carom_candidates_write(struct carom_candidates *candidates, size_t verdict, const struct carom_fact *fact,
                            struct carom_json *json);

#endif
