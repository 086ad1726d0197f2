/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The safety net, as far as it needs no ledger: what a decision must wait for. A fact that proves too little (the gate)
   waits whole and counts for nothing; in the mode "observe" nothing is done; when a provider has a bad day (the
   breaker) those wait who would be removed. */

#ifndef CAROM_DECISION_HOLD_H
#define CAROM_DECISION_HOLD_H

#include "decision/action.h"

const char *carom_hold_name(enum carom_hold hold); /* gate, observe, breaker; NULL for none */

/* The weakest authenticity that counts for facts of that kind, received then (seconds since 1970). */
enum carom_authenticity carom_hold_gate(const struct carom_config *config, enum carom_kind kind, int64_t received);

/* Holds what the gate or the mode keeps back; decision->hold says which. For settled decisions. */
void carom_hold_apply(struct carom_decision *decision, const struct carom_fact *fact,
                      const struct carom_config *config);

/* Refuses removals on what was sent before somebody took the address back (undo, a suppression removed): restored, ms;
   time: when the failure happened, ms. A valid token says when we sent better than any date of the bounce. */
void carom_hold_outdated(struct carom_decision *decision, const struct carom_fact *fact, int64_t time, int64_t restored);

/* Did it fail for a cause that passes? */
bool carom_hold_is_soft(const struct carom_fact *fact);
/* Refuses to suppress on a soft failure of before the last delivery (delivered, ms; 0 none), of which we heard first: in
   the other order the delivery would have lifted it. */
void carom_hold_delivered(struct carom_decision *decision, const struct carom_fact *fact, int64_t time, int64_t delivered);

/* Is this one to be carried out, and does it take the address off a list or off the mail? */
bool carom_hold_removes(const struct carom_decided *decided);
/* Holds those for the breaker. */
void carom_hold_removals(struct carom_decision *decision);

/* Whose bad day it would be: the provider, else the domain of the host that refused, else of the recipient; as a text
   in the arena, empty when none is known. */
struct carom_str carom_hold_group(struct carom_arena *arena, const struct carom_fact *fact);

#endif
