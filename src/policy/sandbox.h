/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* A Lua state that cannot run away: capped memory, counted instructions, limited processor time, one gate for every
   call. It knows Lua, not mail. */

#ifndef CAROM_POLICY_SANDBOX_H
#define CAROM_POLICY_SANDBOX_H

#include <lua.h>

#include "base/error.h"

struct carom_limits {
    int64_t time_ms;      /* of this thread's processor: a busy machine is not the hook's fault */
    int64_t memory;       /* bytes, of everything in the state and of what the host keeps for it meanwhile */
    int64_t instructions; /* of the virtual machine; library functions charge for what they do */
};

struct carom_sandbox;

/* NULL: no memory. host is handed back by carom_sandbox_host. Nothing is loaded into it yet. */
struct carom_sandbox *carom_sandbox_new(void *host);
void carom_sandbox_free(struct carom_sandbox *box); /* NULL is allowed */

void carom_sandbox_set_name(struct carom_sandbox *box, const char *name); /* borrowed; for errors without a place */

/* The one gate: calls function(argument as light userdata) under the limits, in the C locale. -1: it failed or a limit
   was exceeded; err has one line "file:line: what: why" (what may be NULL or empty) with the given code, or
   CAROM_ERROR_MEMORY when the machine had none. The state is then as usable as before. */
int carom_sandbox_run(struct carom_sandbox *box, lua_CFunction function, void *argument,
                      const struct carom_limits *limits, const char *what, enum carom_error_code code,
                      struct carom_error *err);

/* What the last run used: instructions, and the most memory that there was at once. */
struct carom_limits carom_sandbox_used(const struct carom_sandbox *box);
/* Told of each line of Lua before it runs, from now on. It must not raise and change nothing. */
void carom_sandbox_watch(struct carom_sandbox *box, lua_Hook line);

/* For code that runs inside the gate. */
struct carom_sandbox *carom_sandbox_of(lua_State *L);
void *carom_sandbox_host(lua_State *L);
lua_State *carom_sandbox_state(struct carom_sandbox *box);
/* Counts work done in C like so many instructions; raises when a limit is exceeded. */
void carom_sandbox_charge(lua_State *L, uint64_t steps);
/* Counts bytes that the host is about to keep for the policy, until this run ends; raises where the cap forbids it. */
void carom_sandbox_keep(lua_State *L, size_t bytes);
int64_t carom_sandbox_memory(lua_State *L);            /* the cap in force */
void carom_sandbox_set_limits(lua_State *L, const struct carom_limits *limits); /* while running: from now on */
_Noreturn void carom_sandbox_memory_exceeded(lua_State *L); /* a request beyond any cap */
_Noreturn void carom_sandbox_no_memory(lua_State *L);       /* the machine has none */

/* pcall for policies: an exceeded limit passes through. */
int carom_sandbox_pcall(lua_State *L);

/* A repeatable source of random numbers. */
void carom_sandbox_seed(struct carom_sandbox *box, uint64_t seed);
uint64_t carom_sandbox_random(lua_State *L);

#endif
