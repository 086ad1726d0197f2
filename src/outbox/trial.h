/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Tries a sink without acting: the host is found, it answers, its certificate is valid, a relay greets and lets us in.
   Nothing is asked of it. */

#ifndef CAROM_OUTBOX_TRIAL_H
#define CAROM_OUTBOX_TRIAL_H

#include "base/arena.h"
#include "decision/config.h"

struct carom_trial {
    const struct carom_sink *sink; /* not a command */
    struct carom_str origin;       /* "https://crm.example.com:8443" */
    bool good;
    struct carom_str why; /* why not; or what the relay said */
};

/* The sink's scheme, host and port, in the arena. */
struct carom_str carom_trial_origin(struct carom_arena *arena, struct carom_str url);
/* All at once, some seconds at most. Secrets that are missing are left out. -1: the module for HTTP cannot be used. */
int carom_trials_run(struct carom_arena *arena, struct carom_trial *trials, size_t n, struct carom_error *err);

#endif
