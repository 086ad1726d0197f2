/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* A provider's bad day: when far more addresses would be removed in a window than ever in the weeks before, it is the
   provider that is ill, not the addresses. Judged by the time when the bounces were received, so that an archive is
   judged as it happened. It knows the ledger's interface, and no store. */

#ifndef CAROM_LEDGER_BREAKER_H
#define CAROM_LEDGER_BREAKER_H

#include "ledger/ledger.h"

enum carom_trip { CAROM_TRIP_NONE, CAROM_TRIP_HOLD, CAROM_TRIP_NEW };

/* One removal that is about to be recorded. */
struct carom_removal_ask {
    uint64_t group;
    struct carom_str provider, reason; /* what the group is a hash of */
    struct carom_str address;          /* key */
    int64_t received;                  /* ms */
};

/* May it be done? none: yes. hold: an incident is on. new: with this one it begins; it was written into the open
   transaction. *incident_r: which; its texts are the arena's or the caller's. */
int carom_breaker_judge(const struct carom_ledger *ledger, struct carom_arena *arena, const struct carom_config *config,
                        const struct carom_removal_ask *ask, enum carom_trip *trip_r, struct carom_incident *incident_r,
                        struct carom_error *err);

#endif
