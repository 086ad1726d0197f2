/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* A decision that takes the place of another on the same fact. */

#ifndef CAROM_DECISION_MERGE_H
#define CAROM_DECISION_MERGE_H

#include "decision/action.h"

/* Is this one done, or waiting to be? */
bool carom_merge_stands(const struct carom_decided *decided);
/* What both take is marked as kept, and stands in the new one as it stands in the old: done, taken back, refused. Both as
   they were read from JSON, so that the same texts are the same. */
void carom_decision_merge(struct carom_decision *old, struct carom_decision *new);
/* Would nothing change? */
bool carom_decision_merged_alike(const struct carom_decision *old, const struct carom_decision *new);

#endif
