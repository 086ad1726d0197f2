/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* What a policy sees of Lua: a whitelist, part of it in versions of our own. */

#ifndef CAROM_POLICY_ENVIRONMENT_H
#define CAROM_POLICY_ENVIRONMENT_H

#include <lua.h>

#include "base/str.h"

/* Fills the globals of a new state and freezes the libraries. Runs inside the gate. */
void carom_environment_open(lua_State *L);

/* What to use instead, where the text of an error is that a policy called or indexed one of Lua's globals that it has not;
   else "". */
const char *carom_environment_instead(struct carom_str why);

#endif
