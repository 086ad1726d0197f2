/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Which actions the text of a policy calls anywhere: what a hook would need some day is asked for before. */

#ifndef CAROM_POLICY_CALLS_H
#define CAROM_POLICY_CALLS_H

#include "decision/action.h"

/* Sets calls[type] for each name:action in the Lua text that stands in code, not in a comment or string. */
void carom_calls_find(struct carom_str text, bool calls[CAROM_ACTION_COUNT]);

#endif
