/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* On which lines of a Lua file there is something to run. */

#ifndef CAROM_POLICY_LINES_H
#define CAROM_POLICY_LINES_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

/* Sets lines[i] = CAROM_LINE_MISSED (policy/coverage.h) for each line i of at most n that holds code of the function on
   top, or of one inside it. Raises for want of memory; false: the compiled form is none that we know. */
bool carom_lines_of(lua_State *L, unsigned char *lines, size_t n);

#endif
