/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* What became of one message: its facts, and for each the decision. Owns the arena in which all of it stands. */

#ifndef CAROM_ENGINE_RESULT_H
#define CAROM_ENGINE_RESULT_H

#include "classify/fact.h"
#include "decision/action.h"
#include "ledger/ledger.h"

struct carom_outcome {
    bool duplicate;
    bool failed; /* its hook did: nothing was decided or written */
    struct carom_decision decision;
    struct carom_action *actions;
    size_t n;
};

/* What a fact is looked up by, and what it is to those that come later. */
struct carom_described {
    struct carom_str address; /* its key */
    uint64_t identity;
    struct carom_past present;
    bool twin;         /* the same fact stood before in this message */
    uint32_t previous; /* the fact before that shares the address: its index + 1, or 0 */
};

struct carom_result {
    struct carom_arena *arena;
    struct carom_fact_list facts;
    struct carom_described *described; /* one a fact; NULL: when it is decided */
    struct carom_outcome *outcomes;    /* one a fact */
    struct carom_written *written;     /* one a fact, where the ledger made them ahead */
    bool skipped;                      /* on_message did not want it read */
};

struct carom_facts {
    struct carom_arena *arena;
    struct carom_fact_list facts;
};

/* Empty, with its arena; NULL: no memory. Free with carom_result_free. */
struct carom_result *carom_result_new(void);
/* Makes the public view of a decision: names, states, arguments as JSON. */
void carom_result_actions_make(struct carom_arena *arena, struct carom_outcome *outcome,
                               const struct carom_fact *fact);
/* The same of a decision as the ledger keeps it (JSON). */
int carom_result_actions_recall(struct carom_arena *arena, struct carom_outcome *outcome, struct carom_str decision,
                                struct carom_error *err);
/* Its members into an open JSON object. */
void carom_result_action_write(const struct carom_action *action, struct carom_json *json);
/* Copies every text of the facts into the arena, so that they outlive the message's bytes. */
void carom_result_detach(struct carom_arena *arena, struct carom_fact_list *facts);

#endif
