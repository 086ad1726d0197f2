/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The stage of a policy's tests (policy/testing.h): the engine itself, over a ledger in memory, with a clock that is set
   by hand. Nothing is delivered, nothing is written. */

#ifndef CAROM_ENGINE_REHEARSAL_H
#define CAROM_ENGINE_REHEARSAL_H

#include "base/log.h"
#include "policy/testing.h"

struct carom_coverage;
struct carom_rehearsal;

/* Loads the policy. log, coverage: borrowed; either may be NULL. NULL: err says what is wrong with it. */
struct carom_rehearsal *carom_rehearsal_open(const char *policy, const struct carom_log *log,
                                             struct carom_coverage *coverage, struct carom_error *err);
void carom_rehearsal_close(struct carom_rehearsal *rehearsal); /* NULL is allowed */
/* Borrowed until closed. Each test begins at CAROM_REHEARSAL_START. */
const struct carom_stage *carom_rehearsal_stage(const struct carom_rehearsal *rehearsal);

#define CAROM_REHEARSAL_START INT64_C(1767268800) /* 2026-01-01T12:00:00Z */

#endif
