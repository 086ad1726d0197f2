/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* What the ledger knows of the address, seen from this bounce: bounce:count{}, first{}, last{}, bounce.history. The
   counting itself is the ledger's. */

#include "policy/args.h"
#include "policy/host.h"

static const char *reason_word(int i) { return carom_reason_name((enum carom_reason)i); }
static const char *kind_word(int i) { return carom_kind_name((enum carom_kind)i); }
static const char *fault_word(int i) { return carom_fault_name((enum carom_fault)i); }
static const char *authenticity_word(int i) { return carom_authenticity_name((enum carom_authenticity)i); }

static struct carom_filter get_filter(lua_State *L, const char *what)
{
    struct carom_args args = carom_args_begin_of(L, 2, what, "filter");
    struct carom_filter filter = carom_filter_any();
    bool hard;
    carom_args_word(&args, "reason", reason_word, CAROM_REASON_COUNT, &filter.reason);
    carom_args_word(&args, "kind", kind_word, CAROM_KIND_COUNT, &filter.kind);
    carom_args_word(&args, "fault", fault_word, CAROM_FAULT_COUNT, &filter.fault);
    carom_args_word(&args, "authenticity", authenticity_word, CAROM_AUTHENTICITY_COUNT, &filter.authenticity);
    if (carom_args_bool(&args, "hard", &hard))
        filter.hard = hard;
    carom_args_str(&args, "list", &filter.list);
    carom_args_duration(&args, "within", &filter.within_ms);
    carom_args_bool(&args, "days", &filter.days);
    carom_args_bool(&args, "held", &filter.held);
    return filter;
}

static const struct carom_history *check(lua_State *L, const char *name)
{
    const struct carom_history *history = carom_bounce_check(L, name)->history;
    lua_settop(L, 2);
    carom_sandbox_charge(L, 2 * history->n + 1);
    return history;
}

static int count(lua_State *L)
{
    const struct carom_history *history = check(L, "count");
    struct carom_filter filter = get_filter(L, "bounce:count");
    lua_pushinteger(L, carom_history_count(history, &filter));
    return 1;
}

static int first(lua_State *L)
{
    const struct carom_history *history = check(L, "first");
    struct carom_filter filter = get_filter(L, "bounce:first");
    carom_object_push_time(L, carom_history_first(history, &filter) / 1000);
    return 1;
}

static int last(lua_State *L)
{
    const struct carom_history *history = check(L, "last");
    struct carom_filter filter = get_filter(L, "bounce:last");
    carom_object_push_time(L, carom_history_last(history, &filter) / 1000);
    return 1;
}

const luaL_Reg carom_past_methods[] = {{"count", count}, {"first", first}, {"last", last}, {NULL, NULL}};

/* ---- bounce.history ---- */

static void push_tags(lua_State *L, const struct carom_history *history)
{
    lua_newtable(L);
    for (const struct carom_tag *tag = history->tags; tag; tag = tag->next) {
        lua_pushlstring(L, tag->key.ptr, tag->key.len);
        lua_pushlstring(L, tag->value.ptr, tag->value.len);
        lua_rawset(L, -3);
    }
}

static int index_history(lua_State *L)
{
    struct carom_hook_call *call = carom_host_policy(L)->call;
    if (!call || !call->subject)
        return luaL_error(L, "the history belongs to the hook that got it");
    const struct carom_history *history = call->subject->history;
    struct carom_str key = carom_object_key(L, "bounce.history");
    carom_sandbox_charge(L, history->n + 1);
    if (strcmp(key.ptr, "score") == 0) {
        lua_pushnumber(L, carom_history_score(history) + call->points);
    } else if (strcmp(key.ptr, "suppressed") == 0) {
        lua_pushboolean(L, carom_history_suppressed(history, call->subject->fact->list));
    } else if (strcmp(key.ptr, "delivered_at") == 0) {
        carom_object_push_time(L, carom_history_delivered_at(history) / 1000);
    } else if (strcmp(key.ptr, "tags") == 0) {
        push_tags(L, history);
    } else {
        carom_object_refuse(L, key, "bounce.history", NULL);
    }
    return 1;
}

void carom_past_push(lua_State *L)
{
    lua_newuserdatauv(L, 0, 0);
    carom_object_set(L, "bounce.history", index_history);
}
