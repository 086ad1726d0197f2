/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The names of hooks: which exist, which a policy defined, which one a fact runs. */

#ifndef CAROM_POLICY_HOOKS_H
#define CAROM_POLICY_HOOKS_H

#include <lua.h>

#include "carom.h"

enum { CAROM_HOOK_NAME = 48 };

/* Checks the globals named on_… and remembers the hooks among them. Raises for a name that is no hook. */
void carom_hooks_collect(lua_State *L);
/* Pushes the most specific hook that is defined for the fact and writes its name. False: none is. */
bool carom_hooks_push(lua_State *L, const struct carom_fact *fact, char name_r[CAROM_HOOK_NAME]);
bool carom_hooks_push_named(lua_State *L, const char *name);

#endif
