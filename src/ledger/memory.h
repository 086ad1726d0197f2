/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* A ledger in plain memory, for what is only asked: how policies would decide (carom diff), whether they decide as
   they should. It holds of each fact what history needs, of each address what stands, and what the breaker
   counts; no texts of facts, no jobs. What an engine asks of a ledger for messages works as in a file; the other members of
   the interface are NULL. A transaction is not given up: after a failed record() it is of no use any more. */

#ifndef CAROM_LEDGER_MEMORY_H
#define CAROM_LEDGER_MEMORY_H

#include "ledger/ledger.h"

int carom_memory_open(struct carom_ledger *ledger_r, struct carom_error *err);

/* How many facts of addresses it holds. They are numbered from 1 as they come, and known as pasts by that id. */
uint32_t carom_memory_facts(const struct carom_ledger *ledger);
/* Did the breaker recall the removals decided with that fact? */
bool carom_memory_recalled(const struct carom_ledger *ledger, uint32_t fact);

/* What stood before: takes over the past of an address of which nothing is known here, newest fact first. */
bool carom_memory_knows(const struct carom_ledger *ledger, struct carom_str address);
int carom_memory_adopt(struct carom_ledger *ledger, struct carom_str address, const struct carom_history *history,
                       struct carom_error *err);
/* A removal of before, which no breaker recalls any more. */
int carom_memory_adopt_removal(struct carom_ledger *ledger, uint64_t group, int64_t received, int64_t address, bool done,
                               struct carom_error *err);
/* What the breaker asks about; NULL: nothing of that group. */
struct carom_crowd *carom_memory_crowd(const struct carom_ledger *ledger, uint64_t group);

#endif
