/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* How a decision stands in the row of its fact. It writes no row. */

#ifndef CAROM_LEDGER_WRITTEN_H
#define CAROM_LEDGER_WRITTEN_H

#include "ledger/effect.h"

/* The entry's decision, as of its now; the object is left open for more members. arriving: a retry whose time is past is
   refused. */
void carom_written_decision(struct carom_effect *effect, bool arriving, struct carom_json *json);
/* How many actions lacked something? */
int64_t carom_written_unmatched(const struct carom_decision *decision);

#endif
