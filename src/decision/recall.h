/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* A decision as it was written down (JSON), read again: what was held is carried out later, what was done is undone. */

#ifndef CAROM_DECISION_RECALL_H
#define CAROM_DECISION_RECALL_H

#include "decision/action.h"

/* Into the arena, which the caller guards. -1: it is damaged. */
int carom_decision_recall(struct carom_arena *arena, struct carom_str json, struct carom_decision *decision_r,
                          struct carom_error *err);

/* The written decision with the state of its actions changed: those in state `from` get `to`, the note, and when it was
   (ms) as `changed`; removals: only unsubscribe and suppress. Into out. */
int carom_decision_amend(struct carom_str json, enum carom_action_state from, enum carom_action_state to, bool removals,
                         const char *note, int64_t when, struct carom_buf *out, struct carom_error *err);

#endif
