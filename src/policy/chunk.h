/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The files that a policy consists of. */

#ifndef CAROM_POLICY_CHUNK_H
#define CAROM_POLICY_CHUNK_H

#include <lua.h>

#include "base/buf.h"
#include "base/error.h"

enum { CAROM_CHUNK_MAX = 1 << 20 };

/* A regular file of at most 1 MiB, whole. */
int carom_chunk_read(const char *path, struct carom_buf *buf, struct carom_error *err);
/* Runs the text as the file of that name; its one result is pushed. Raises. */
void carom_chunk_run(lua_State *L, struct carom_str text, const char *name);
/* The global `require`. */
void carom_chunk_open(lua_State *L);
/* Pushes the table of what require gave. */
void carom_chunk_push_modules(lua_State *L);

#endif
