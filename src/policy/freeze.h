/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* No state between two hooks: tables made at load become read-only, local variables of the file keep their values. */

#ifndef CAROM_POLICY_FREEZE_H
#define CAROM_POLICY_FREEZE_H

#include <lua.h>
#include <stdbool.h>

/* Makes the table at index read-only. It stays the same table for the policy; what it held moves to another one. */
void carom_freeze_table(lua_State *L, int index);
/* Freezes all that can be reached from the value at index: tables, their metatables, what functions refer to; and
   remembers the local variables that functions share. */
void carom_freeze_reachable(lua_State *L, int index);

/* Where the value at index is a frozen table, puts the table with its content there instead. True: it was frozen.
   The content must never be given to the policy. */
bool carom_freeze_unwrap(lua_State *L, int index);
/* The other way round, for a metatable: the table that the policy knows replaces its content. */
void carom_freeze_wrap(lua_State *L, int index);
bool carom_freeze_is_frozen(lua_State *L, int index);

/* Brings back the remembered variables after a hook; never raises. Returns the name of one that had been changed, or
   NULL. Borrowed from the state. */
const char *carom_freeze_restore(lua_State *L);

#endif
