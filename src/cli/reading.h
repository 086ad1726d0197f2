/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* How a message was read, for people: its parts, the reader that understood it, what it took out of it, the rules that
   were candidates, and what came of it. */

#ifndef CAROM_CLI_READING_H
#define CAROM_CLI_READING_H

#include "classify/fact.h"
#include "cli/candidates.h"

/* candidates: those that were watched while the facts were made. */
void carom_reading_print(const struct carom_fact_list *facts, struct carom_candidates *candidates);

#endif
