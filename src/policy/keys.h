/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The keys of a table in an order that is the same in every process: numbers, strings bytewise, booleans. */

#ifndef CAROM_POLICY_KEYS_H
#define CAROM_POLICY_KEYS_H

#include <lua.h>

/* Pushes a sequence of the keys of the table at index (not frozen, no metamethods). Raises for a table or function as
   key: those have no order. */
void carom_keys_push(lua_State *L, int index);

/* pairs and next of policies. */
int carom_keys_pairs(lua_State *L);
int carom_keys_next(lua_State *L);

#endif
