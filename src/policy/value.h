/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Values of a policy as C and JSON, without a leak when Lua raises in between. */

#ifndef CAROM_POLICY_VALUE_H
#define CAROM_POLICY_VALUE_H

#include <lua.h>

#include "base/arena.h"
#include "base/buf.h"
#include "decision/config.h"

/* Pushes a userdata that owns the buffer. */
struct carom_buf *carom_value_buffer(lua_State *L, size_t max);

/* Appends the table at index as a JSON object or array: keys in order, secrets and functions refused. Raises; what
   names the place in its texts. */
void carom_value_json(lua_State *L, int index, const char *what, struct carom_buf *out);

/* A copy in the arena; raises without memory. */
struct carom_str carom_value_keep(lua_State *L, struct carom_arena *arena, struct carom_str text);
void *carom_value_new(lua_State *L, struct carom_arena *arena, size_t size); /* zeroed */

/* Raises unless every {placeholder} in text is known, or one of the names in more (which may be NULL). */
void carom_value_check_template(lua_State *L, const char *what, const char *name, struct carom_str text,
                                const struct carom_pair *more);

#endif
