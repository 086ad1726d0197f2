/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The safety net around one decision: gate, mode, breaker. */

#ifndef CAROM_ENGINE_NET_H
#define CAROM_ENGINE_NET_H

#include "engine/engine.h"

/* Just before the fact is recorded, in the open transaction: holds the removals of a provider's bad day, recalls the
   earlier ones of its window, and has on_incident run. Fills entry->group and entry->incident. The decision is the
   entry's. A hook that fails is logged: the bounce is not lost for it. */
int carom_net_breaker(struct carom_engine *engine, struct carom_arena *arena, struct carom_entry *entry,
                      struct carom_decision *decision, struct carom_error *err);

#endif
