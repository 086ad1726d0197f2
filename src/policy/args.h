/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Tables of named arguments, and the nearest name for a misspelt one. */

#ifndef CAROM_POLICY_ARGS_H
#define CAROM_POLICY_ARGS_H

#include <lua.h>

#include "base/nearest.h"

/* ---- Did you mean …? ---- */

/* Pushes and returns "; did you mean "x"?", or "" when nothing comes near. */
const char *carom_nearest_push(lua_State *L, const struct carom_nearest *nearest);

/* ---- Arguments ---- */

struct carom_args {
    lua_State *L;
    int table;
    const char *what; /* for error texts: "bounce:retry" */
};

/* The table at index (absent or nil: none given) must have no key but those that the table of the API has of `what`, or
   of that owner. The text of its values is borrowed until the calling function returns. All of these raise. */
struct carom_args carom_args_begin(lua_State *L, int index, const char *what);
struct carom_args carom_args_begin_of(lua_State *L, int index, const char *what, const char *of);

/* True and the value when it is given; an empty text is refused. */
bool carom_args_str(const struct carom_args *args, const char *name, struct carom_str *value_r);
bool carom_args_bool(const struct carom_args *args, const char *name, bool *value_r);
bool carom_args_int(const struct carom_args *args, const char *name, int64_t *value_r);
bool carom_args_number(const struct carom_args *args, const char *name, double *value_r);
bool carom_args_duration(const struct carom_args *args, const char *name, int64_t *ms_r); /* "30d"; above 0 */
bool carom_args_size(const struct carom_args *args, const char *name, int64_t *bytes_r);  /* "8MiB" */
/* True: the table (its content, where frozen) is pushed. */
bool carom_args_table(const struct carom_args *args, const char *name);
bool carom_args_has(const struct carom_args *args, const char *name);
bool carom_args_push(const struct carom_args *args, const char *name); /* true: any value, pushed */
/* One of the words name_of(0…n-1); some of them may be NULL. True and its number. */
bool carom_args_word(const struct carom_args *args, const char *name, const char *(*name_of)(int), int n, int *value_r);

_Noreturn void carom_args_fail(const struct carom_args *args, const char *format, ...);

#endif
