/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* What the files share that make up the language of tests. */

#ifndef CAROM_POLICY_TESTING_HOST_H
#define CAROM_POLICY_TESTING_HOST_H

#include "policy/host.h"
#include "policy/testing.h"

struct carom_testing {
    struct carom_policy *box; /* the sandbox that the file is loaded into, and its arena */
    const struct carom_stage *stage;
    struct carom_test *tests, **tests_end;
    struct carom_test *current; /* NULL while the file is loaded */
    uint64_t serial;            /* of made-up facts */
};

static inline struct carom_testing *carom_testing_of(lua_State *L) { return carom_host_policy(L)->testing; }

/* testing_fact.c: carom.fact; the fact at arg, borrowed while it lives. Raises when it is none. */
int carom_testing_fact(lua_State *L);
struct carom_made carom_testing_check_fact(lua_State *L, int arg, const char *what);
/* testing_acts.c: pushes t, which a test gets; t:feed and its like. */
void carom_testing_push(lua_State *L);
extern const luaL_Reg carom_testing_acts[];
/* testing_decision.c: pushes what became of one recipient, as tests see it. Argument 2 as one decision, put in its place;
   raises when it is none. And in words: whose it is, and the action at index. */
void carom_testing_push_shown(lua_State *L, const struct carom_shown *shown);
void carom_testing_check_decision(lua_State *L, const char *what);
void carom_testing_tell_subject(lua_State *L, struct carom_buf *buf);
void carom_testing_tell_action(lua_State *L, int index, struct carom_buf *buf);
/* testing_expect.c: t:expect, t:includes, t:excludes, t:hook, t:allowed, t:denied. */
extern const luaL_Reg carom_testing_expectations[];
/* testing.c: carom.test; assert, which says where. */
int carom_testing_add(lua_State *L);
int carom_testing_assert(lua_State *L);
/* Fails the test under way: several lines, to which the place is added. */
_Noreturn void carom_testing_fail(lua_State *L, struct carom_str text);
/* The stage said no. */
_Noreturn void carom_testing_refuse(lua_State *L, const char *what, const struct carom_error *err);

#endif
