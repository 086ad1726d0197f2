/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Lua patterns (reference manual 6.4.1) with a step count: string.find, match, gmatch and gsub for policies. */

#ifndef CAROM_POLICY_PATTERN_H
#define CAROM_POLICY_PATTERN_H

#include <lua.h>

int carom_pattern_find(lua_State *L);
int carom_pattern_match(lua_State *L);
int carom_pattern_gmatch(lua_State *L);
int carom_pattern_gsub(lua_State *L);

#endif
