/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The words of a job's states. */

#include "ledger/job.h"

#define NAME(name, word) [CAROM_JOB_##name] = #word,
static const char *const names[] = {CAROM_JOB_STATES(NAME)};
_Static_assert(sizeof(names) / sizeof(names[0]) == CAROM_JOB_STATE_COUNT, "a word for each state");

const char *carom_job_state_name(enum carom_job_state state)
{
    return names[state];
}
