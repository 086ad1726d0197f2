/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* What a policy sees of Lua: a whitelist, part of it in versions of our own. */

#ifndef CAROM_POLICY_ENVIRONMENT_H
#define CAROM_POLICY_ENVIRONMENT_H

#include <lua.h>

/* Fills the globals of a new state and freezes the libraries. Runs inside the gate. */
void carom_environment_open(lua_State *L);

#endif
