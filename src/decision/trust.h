/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* From what the configuration trusts to what signs and checks. */

#ifndef CAROM_DECISION_TRUST_H
#define CAROM_DECISION_TRUST_H

#include "decision/config.h"

/* Fetches the secrets of `verp`, into the arena and under its guard. *verp_r is NULL where none is configured. -1: a
   secret is missing or too short, err names it. */
int carom_trust_keys(struct carom_arena *arena, const struct carom_config *config, struct carom_verp **verp_r,
                     struct carom_error *err);

/* The shortest name of a list in a token: the key that the configuration gives it, where that is no other's. */
struct carom_str carom_trust_list_name(const struct carom_config *config, struct carom_str list);
/* The List-Id that such a name stands for; a name that no list has is itself. */
struct carom_str carom_trust_list_id(const struct carom_config *config, struct carom_str name);

/* Do both have the same read of every message? That is, their lists, keys, and what else they trust. */
bool carom_trust_alike(const struct carom_config *a, const struct carom_config *b);

#endif
