/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* How a fact and the decision on it stand in its row. It writes no row. */

#ifndef CAROM_LEDGER_WRITTEN_H
#define CAROM_LEDGER_WRITTEN_H

#include "ledger/effect.h"

/* The texts of n facts of one message: what does not depend on the decision. */
int carom_written_facts(struct carom_pack *pack, struct carom_arena *arena, const struct carom_fact *facts, size_t n,
                        struct carom_str headers, struct carom_written *written_r, struct carom_error *err);
/* The entry's decision, as of its now; the object is left open for more members. arriving: a retry whose time is past is
   refused. */
void carom_written_decision(struct carom_effect *effect, bool arriving, struct carom_json *json);
/* How many actions lacked something? */
int64_t carom_written_unmatched(const struct carom_decision *decision);

#endif
