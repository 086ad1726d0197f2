/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Diagnostics that no rule knew, counted: addresses, hosts, numbers and ids masked, so that the same words of many
   bounces are one line, and the list may be shown to others. */

#ifndef CAROM_CLI_UNMATCHED_H
#define CAROM_CLI_UNMATCHED_H

#include "base/arena.h"
#include "carom.h"

struct carom_unmatched;

/* NULL: no memory. */
struct carom_unmatched *carom_unmatched_new(void);
void carom_unmatched_free(struct carom_unmatched *unmatched);
/* Takes the fact in, when it is a failure whose words no rule knew. -1: no memory. */
int carom_unmatched_add(struct carom_unmatched *unmatched, const struct carom_fact *fact);
/* The most frequent first, on stdout. -1: it cannot be written. */
int carom_unmatched_print(struct carom_unmatched *unmatched, bool json);

/* Masked, white space runs one space; at most 300 bytes. In the arena. */
struct carom_str carom_unmatched_mask(struct carom_arena *arena, struct carom_str diagnostic);

#endif
