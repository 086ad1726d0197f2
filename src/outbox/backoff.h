/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* When the next attempt is due. */

#ifndef CAROM_OUTBOX_BACKOFF_H
#define CAROM_OUTBOX_BACKOFF_H

#include "carom.h"

/* Milliseconds from a failed attempt to the next one. attempts: used up so far, this one included (1 after the
   first). seed: spreads jobs by ±10 %; the job's id. retry_after_s: what the server asked for, -1 nothing; it only
   ever makes the wait longer, at most to a day. -1: no attempt is left. */
int64_t carom_backoff_ms(int64_t attempts, int64_t seed, int64_t retry_after_s);

#endif
