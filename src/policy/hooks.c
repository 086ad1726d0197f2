/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* on_<reason>, on_<kind>, on_bounce: checked at load, since a misspelt hook would never run and nobody would notice. */

#include "policy/hooks.h"

#include <assert.h>
#include <lauxlib.h>

#include "policy/api.h"
#include "policy/args.h"
#include "policy/host.h"
#include "policy/keys.h"
#include "policy/value.h"

static const char hooks_key;

/* The i-th word behind "on_"; NULL beyond the last; "" where a number has no word. */
static const char *word(int i)
{
    const char *text;
    if (i < CAROM_KIND_COUNT)
        return carom_kind_name((enum carom_kind)i);
    if ((i -= CAROM_KIND_COUNT) < CAROM_REASON_COUNT) {
        text = carom_reason_name((enum carom_reason)i);
        return text ? text : "";
    }
    i -= CAROM_REASON_COUNT;
    for (const struct carom_api_row *row = carom_api_first("hook"); row; row = carom_api_next(row))
        if (!strchr(row->name, '<') && i-- == 0) /* on_<kind> stands for those above */
            return row->name + 3;
    return NULL;
}

/* Where the function under this name begins: "policy.lua:12: ". Pushed; empty for what is no function of Lua. */
static const char *place_of(lua_State *L, int globals, struct carom_str name)
{
    lua_Debug where;
    lua_pushlstring(L, name.ptr, name.len);
    if (lua_rawget(L, globals) != LUA_TFUNCTION) {
        lua_pop(L, 1);
        return lua_pushliteral(L, "");
    }
    lua_getinfo(L, ">S", &where);
    return where.linedefined > 0 ? lua_pushfstring(L, "%s:%d: ", where.short_src, where.linedefined) : lua_pushliteral(L, "");
}

/* best has room for it. */
static struct carom_nearest nearest_hook(struct carom_str name, char best[CAROM_HOOK_NAME])
{
    struct carom_nearest nearest = carom_nearest_to(name);
    char candidate[CAROM_HOOK_NAME];
    const char *text;
    for (int i = 0; (text = word(i)); i++) {
        stpcpy(stpcpy(candidate, "on_"), text);
        if (*text)
            carom_nearest_offer(&nearest, carom_str(candidate));
        if (nearest.best.ptr == candidate) /* which the next round overwrites */
            nearest.best = carom_str(strcpy(best, candidate));
    }
    return nearest;
}

static void check_name(lua_State *L, int globals, struct carom_str name)
{
    struct carom_str rest = carom_str_from(name, 3);
    char best[CAROM_HOOK_NAME];
    for (int i = 0; word(i); i++)
        if (*word(i) && carom_str_eq(rest, carom_str(word(i))))
            return;
    struct carom_nearest nearest = nearest_hook(name, best);
    const char *place = place_of(L, globals, name);
    luaL_error(L, "%s%s is no hook%s", place, name.ptr, carom_nearest_push(L, &nearest));
}

static bool decides(struct carom_str hook)
{
    return !carom_str_eq(hook, CAROM_STR("on_message")) && !carom_str_eq(hook, CAROM_STR("on_incident")) &&
           !carom_str_eq(hook, CAROM_STR("on_dead_letter"));
}

static void note(lua_State *L, struct carom_str name, const char *place, struct carom_policy_hook ***end)
{
    struct carom_policy *policy = carom_host_policy(L);
    struct carom_policy_hook *hook = carom_value_new(L, policy->arena, sizeof(*hook));
    struct carom_str at = carom_str(place);
    at.len -= at.len ? 2 : 0; /* ": " */
    *hook = (struct carom_policy_hook){.name = carom_value_keep(L, policy->arena, name),
                                       .at = carom_value_keep(L, policy->arena, at), .decides = decides(name)};
    **end = hook;
    *end = &hook->next;
}

void carom_hooks_collect(lua_State *L)
{
    struct carom_policy *policy = carom_host_policy(L);
    int top = lua_gettop(L), globals = top + 1, hooks = top + 2, keys = top + 3;
    luaL_checkstack(L, 60, NULL);
    lua_pushglobaltable(L);
    lua_newtable(L);
    carom_keys_push(L, globals);
    lua_Integer n = (lua_Integer)lua_rawlen(L, keys);
    for (lua_Integer i = 1; i <= n; i++) {
        struct carom_str name;
        const char *place;
        if (lua_rawgeti(L, keys, i) == LUA_TSTRING) {
            name.ptr = lua_tolstring(L, -1, &name.len);
            if (carom_str_starts(name, CAROM_STR("on_"))) {
                check_name(L, globals, name);
                lua_pushvalue(L, -1);
                if (lua_rawget(L, globals) != LUA_TFUNCTION)
                    luaL_error(L, "%s must be a function, not a %s", name.ptr, luaL_typename(L, -1));
                lua_rawset(L, hooks);
                note(L, name, place_of(L, globals, name), &policy->hooks_end);
                if (policy->coverage)
                    carom_coverage_add_hook(L, policy->coverage, name.ptr);
            } else if (*(place = place_of(L, globals, name))) {
                note(L, name, place, &policy->functions_end);
            }
        }
        lua_settop(L, keys);
    }
    lua_pushvalue(L, hooks);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &hooks_key);
    lua_settop(L, top);
}

static size_t underscores(struct carom_str name)
{
    size_t n = 0;
    for (size_t i = 0; i < name.len; i++)
        n += name.ptr[i] == '_';
    return n;
}

struct carom_str carom_policy_slip(struct carom_arena *arena, const struct carom_policy *policy,
                                   const struct carom_policy_hook *function)
{
    char best[CAROM_HOOK_NAME];
    struct carom_str name = function->name;
    struct carom_nearest nearest = nearest_hook(name, best);
    size_t n = underscores(nearest.best), had = underscores(name), missing = n > had ? n - had : 0;
    bool letter = nearest.distance <= 1 && nearest.best.len <= name.len + 1 && name.len <= nearest.best.len + 1;
    bool plain = nearest.distance <= missing && nearest.best.len == name.len + missing;

    for (const struct carom_policy_hook *hook = policy->hooks; hook; hook = hook->next)
        if (carom_str_eq(hook->name, nearest.best))
            return CAROM_STR_EMPTY;
    return letter || plain ? carom_arena_str(arena, nearest.best) : CAROM_STR_EMPTY;
}

bool carom_hooks_push_named(lua_State *L, const char *name)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &hooks_key);
    bool found = lua_getfield(L, -1, name) == LUA_TFUNCTION;
    lua_remove(L, -2);
    if (!found)
        lua_pop(L, 1);
    return found;
}

static bool push(lua_State *L, const char *text, char name_r[CAROM_HOOK_NAME])
{
    assert(strlen(text) + sizeof("on_") <= CAROM_HOOK_NAME);
    stpcpy(stpcpy(name_r, "on_"), text);
    return carom_hooks_push_named(L, name_r);
}

bool carom_hooks_push(lua_State *L, const struct carom_fact *fact, char name_r[CAROM_HOOK_NAME])
{
    bool failed = fact->kind == CAROM_KIND_PERMANENT || fact->kind == CAROM_KIND_TRANSIENT;
    const char *reason = failed ? carom_reason_name(fact->reason) : NULL;
    if (reason && push(L, reason, name_r))
        return true;
    if (push(L, carom_kind_name(fact->kind), name_r))
        return true;
    if ((failed || fact->kind == CAROM_KIND_DELAYED) && push(L, "bounce", name_r))
        return true;
    *name_r = '\0';
    return false;
}
