/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* What a policy decides on the facts of the journal from some time on, in place of what was decided. */

#ifndef CAROM_CLI_TRIAL_REPLAY_H
#define CAROM_CLI_TRIAL_REPLAY_H

#include "cli/ledger.h"
#include "cli/trial/contrast.h"
#include "cli/trial/letter.h"

struct carom_replay {
    struct carom_ledger *ledger; /* with a transaction open */
    struct carom_policy *policy;
    struct carom_selection selection; /* since is there */
    struct carom_str key;             /* of the address that is meant; empty: all */
    int64_t now;                      /* ms */
    struct carom_contrast *contrast;
    struct carom_revision revision;   /* dry or not */
    uint64_t facts;   /* replayed */
    uint64_t by_hand; /* left as they are: a person took them back, released or discarded them */
    uint64_t waiting; /* left: they wait for a person */
};

/* -1: nothing may be committed; a hook that fails is among the causes. */
int carom_replay_run(struct carom_replay *replay, struct carom_error *err);

#endif
