/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The table library of policies: ranges up to a million, no metamethods, a sort that is the same everywhere. */

#ifndef CAROM_POLICY_TABLE_H
#define CAROM_POLICY_TABLE_H

#include <lauxlib.h>

extern const luaL_Reg carom_table_functions[];

#endif
