/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* bounce:unsubscribe{} and its kin: arguments checked, an action appended to the decision. Nothing is done here, and
   what the rules make of the decision is decision/action.c's business. */

#include <math.h>
#include <stdio.h>

#include "mail/address.h"
#include "policy/args.h"
#include "policy/freeze.h"
#include "policy/hooks.h"
#include "policy/host.h"
#include "policy/keys.h"
#include "policy/value.h"

enum { PAYLOAD_MAX = 64 << 10, TEXT_MAX = 4096, KEY_MAX = 255, VALUE_MAX = 1024, ARGUMENTS_MAX = 64 };

static const char limit_reached[] = "its limit is reached", past_already[] = "its time is long past";

static struct carom_hook_call *begin(lua_State *L, const char *name)
{
    carom_bounce_check(L, name);
    return carom_host_policy(L)->call;
}

/* Of what an incident can do too. */
static void begin_any(lua_State *L, const char *name)
{
    if (!carom_incident_is(L, 1))
        begin(L, name);
}

static struct carom_str keep(lua_State *L, struct carom_str text)
{
    return carom_value_keep(L, carom_host_policy(L)->call->arena, text);
}

/* The line that called the action: "policy.lua:12". Of `return bounce:ignore()` no line is left; then where the hook
   begins. */
static struct carom_str place(lua_State *L)
{
    char text[LUA_IDSIZE + 24];
    lua_Debug where = {.currentline = -1};
    if (lua_getstack(L, 1, &where))
        lua_getinfo(L, "Sl", &where);
    if (where.currentline <= 0 && carom_hooks_push_named(L, carom_host_policy(L)->call->name.ptr)) {
        lua_getinfo(L, ">S", &where);
        where.currentline = where.linedefined;
    }
    if (where.currentline <= 0)
        return CAROM_STR_EMPTY;
    snprintf(text, sizeof(text), "%s:%d", where.short_src, where.currentline);
    return keep(L, carom_str(text));
}

/* After all checks: what raises later would leave half an action. */
static struct carom_decided *add(lua_State *L, enum carom_action_type type)
{
    struct carom_hook_call *call = carom_host_policy(L)->call;
    if (call->actions >= CAROM_HOOK_ACTIONS)
        luaL_error(L, "more than %d actions in one hook", CAROM_HOOK_ACTIONS);
    call->actions++;
    carom_sandbox_charge(L, 100);
    struct carom_str at = place(L);
    struct carom_decided *decided = carom_decision_add(call->arena, call->decision, type);
    if (!decided)
        carom_sandbox_no_memory(L);
    decided->at = at;
    return decided;
}

/* Kept, or empty. */
static struct carom_str get_text(const struct carom_args *args, const char *name, size_t max)
{
    struct carom_str text;
    if (!carom_args_str(args, name, &text))
        return CAROM_STR_EMPTY;
    if (text.len > max)
        carom_args_fail(args, "%s is longer than %d bytes", name, (int)max);
    return keep(args->L, text);
}

/* Is scope given? It can only be that one word. */
static bool get_scope(const struct carom_args *args, const char *word)
{
    struct carom_str scope;
    if (!carom_args_str(args, "scope", &scope))
        return false;
    if (!carom_str_eq(scope, carom_str(word)))
        carom_args_fail(args, "scope = \"%s\" is none; write \"%s\" or leave it out", scope.ptr, word);
    return true;
}

/* A list that is misspelt would be left by nobody. The fact's own may be one that is not configured. */
static void check_list(const struct carom_args *args, struct carom_str list)
{
    const struct carom_policy *policy = carom_host_policy(args->L);
    struct carom_nearest nearest = carom_nearest_to(list);
    if (!list.len || !policy->config.lists || carom_config_list(&policy->config, list) ||
        carom_str_ieq(list, policy->call->subject->fact->list))
        return;
    for (const struct carom_list_entry *entry = policy->config.lists; entry; entry = entry->next)
        carom_nearest_offer(&nearest, entry->id);
    carom_args_fail(args, "\"%s\" is none of carom.configure's lists%s", list.ptr, carom_nearest_push(args->L, &nearest));
}

static const char *authenticity_word(int i) { return carom_authenticity_name((enum carom_authenticity)i); }

/* What is enough for this one action, below the gate. */
static int get_accept(const struct carom_args *args)
{
    int accept = -1;
    carom_args_word(args, "accept", authenticity_word, CAROM_AUTHENTICITY_COUNT, &accept);
    return accept + 1;
}

static int unsubscribe(lua_State *L)
{
    begin(L, "unsubscribe");
    struct carom_args args = carom_args_begin(L, 2, "bounce:unsubscribe");
    bool all = get_scope(&args, "all"), force = false;
    struct carom_str list = get_text(&args, "list", KEY_MAX);
    if (all && list.len)
        carom_args_fail(&args, "list and scope = \"all\" exclude each other");
    check_list(&args, list);
    carom_args_bool(&args, "force", &force);
    int accept = get_accept(&args);
    struct carom_decided *decided = add(L, CAROM_ACTION_UNSUBSCRIBE);
    decided->accept = accept;
    decided->all = all;
    decided->list = list;
    decided->force = force;
    return 0;
}

static int suppress(lua_State *L)
{
    begin(L, "suppress");
    struct carom_args args = carom_args_begin(L, 2, "bounce:suppress");
    bool list_only = get_scope(&args, "list"), force = false;
    int64_t duration = 0;
    carom_args_duration(&args, "duration", &duration);
    carom_args_bool(&args, "force", &force);
    int accept = get_accept(&args);
    struct carom_decided *decided = add(L, CAROM_ACTION_SUPPRESS);
    decided->accept = accept;
    decided->list_only = list_only;
    decided->duration_ms = duration;
    decided->force = force;
    return 0;
}

static int unsuppress(lua_State *L)
{
    begin(L, "unsuppress");
    struct carom_args args = carom_args_begin(L, 2, "bounce:unsuppress");
    int accept = get_accept(&args);
    add(L, CAROM_ACTION_UNSUPPRESS)->accept = accept;
    return 0;
}

/* A retry counts from the arrival of the bounce, so that an archive read today sends nothing again. */
static int retry(lua_State *L)
{
    const struct carom_hook_call *call = begin(L, "retry");
    struct carom_args args = carom_args_begin(L, 2, "bounce:retry");
    int64_t after, limit;
    if (!carom_args_duration(&args, "after", &after))
        carom_args_fail(&args, "after is missing, such as \"4h\"");
    if (!carom_args_int(&args, "limit", &limit))
        carom_args_fail(&args, "limit is missing: how many retries a delivery gets");
    if (limit < 1 || limit > 1000)
        carom_args_fail(&args, "limit must lie between 1 and 1000");
    int accept = get_accept(&args);
    const struct carom_subject *subject = call->subject;
    int64_t now = subject->now / 1000, received = subject->fact->received ? subject->fact->received : now;
    bool reached = carom_history_retries(subject->history) >= limit;
    struct carom_decided *decided = add(L, CAROM_ACTION_RETRY);
    decided->accept = accept;
    decided->after_ms = after;
    decided->limit = limit;
    decided->due = received + after / 1000;
    if (reached || decided->due < now) {
        decided->state = CAROM_ACTION_REFUSED;
        decided->note = reached ? limit_reached : past_already;
    }
    lua_pushboolean(L, !reached);
    return 1;
}

static int score(lua_State *L)
{
    struct carom_hook_call *call = begin(L, "score");
    double points = luaL_checknumber(L, 2);
    if (!isfinite(points) || fabs(points) > 1e9)
        return luaL_error(L, "bounce:score takes a number between -1e9 and 1e9");
    add(L, CAROM_ACTION_SCORE)->points = points;
    call->points += points;
    lua_pushnumber(L, carom_history_score(call->subject->history) + call->points);
    return 1;
}

/* ---- webhook ---- */

static _Noreturn void refuse_endpoint(lua_State *L, struct carom_str name)
{
    if (carom_str_find(name, CAROM_STR("://")) != SIZE_MAX)
        luaL_error(L, "bounce:webhook takes the name of one of carom.configure's endpoints, not a URL");
    struct carom_nearest nearest = carom_nearest_to(name);
    const struct carom_sink_entry *entry = carom_host_policy(L)->config.endpoints;
    for (; entry; entry = entry->next)
        carom_nearest_offer(&nearest, entry->name);
    luaL_error(L, "bounce:webhook: no endpoint \"%s\" in carom.configure%s", name.ptr, carom_nearest_push(L, &nearest));
    __builtin_unreachable();
}

static int webhook(lua_State *L)
{
    begin_any(L, "webhook");
    struct carom_str name;
    name.ptr = luaL_checklstring(L, 2, &name.len);
    if (!carom_config_endpoint(&carom_host_policy(L)->config, name))
        refuse_endpoint(L, name);
    lua_settop(L, 3);
    if (lua_isnil(L, 3)) {
        lua_newtable(L);
        lua_replace(L, 3);
    }
    luaL_checktype(L, 3, LUA_TTABLE);
    struct carom_buf *buf = carom_value_buffer(L, PAYLOAD_MAX);
    carom_value_json(L, 3, "bounce:webhook", buf);
    if (buf->len == 0 || buf->ptr[0] != '{')
        return luaL_error(L, "bounce:webhook takes a table with names, such as { event = \"complaint\" }");
    struct carom_str endpoint = keep(L, name), payload = keep(L, carom_buf_str(buf));
    struct carom_decided *decided = add(L, CAROM_ACTION_WEBHOOK);
    decided->endpoint = endpoint;
    decided->payload = payload;
    return 0;
}

/* ---- probe, run, forward ---- */

static int probe(lua_State *L)
{
    begin(L, "probe");
    struct carom_args args = carom_args_begin(L, 2, "bounce:probe");
    int accept = get_accept(&args);
    add(L, CAROM_ACTION_PROBE)->accept = accept;
    return 0;
}

static _Noreturn void refuse_command(lua_State *L, struct carom_str name)
{
    struct carom_nearest nearest = carom_nearest_to(name);
    const struct carom_sink_entry *entry = carom_host_policy(L)->config.commands;
    for (; entry; entry = entry->next)
        carom_nearest_offer(&nearest, entry->name);
    luaL_error(L, "bounce:run: no command \"%s\" in carom.configure%s", name.ptr, carom_nearest_push(L, &nearest));
    __builtin_unreachable();
}

/* The value on top, a text or a number; popped. */
static struct carom_pair *take_argument(lua_State *L, int number)
{
    struct carom_str text;
    if (!lua_isstring(L, -1))
        luaL_error(L, "bounce:run: argument %d must be a text, not a %s", number, luaL_typename(L, -1));
    text.ptr = lua_tolstring(L, -1, &text.len);
    if (text.len > TEXT_MAX || strlen(text.ptr) != text.len)
        luaL_error(L, "bounce:run: argument %d holds a zero byte or more than %d bytes", number, TEXT_MAX);
    struct carom_pair *pair = carom_value_new(L, carom_host_policy(L)->call->arena, sizeof(*pair));
    pair->name = CAROM_STR_EMPTY;
    pair->value = keep(L, text);
    lua_pop(L, 1);
    return pair;
}

/* The list at index 3, or none. A hole in it would move what stands behind to another place. */
static struct carom_pair *get_arguments(lua_State *L)
{
    struct carom_pair *first = NULL, **tail = &first;
    lua_settop(L, 3);
    if (lua_isnil(L, 3))
        return NULL;
    luaL_checktype(L, 3, LUA_TTABLE);
    carom_freeze_unwrap(L, 3);
    carom_keys_push(L, 3);
    lua_Integer n = (lua_Integer)lua_rawlen(L, -1);
    lua_pop(L, 1);
    if (n > ARGUMENTS_MAX)
        luaL_error(L, "bounce:run: more than %d arguments", ARGUMENTS_MAX);
    for (lua_Integer i = 1; i <= n; i++) {
        lua_rawgeti(L, 3, i);
        *tail = take_argument(L, (int)i);
        tail = &(*tail)->next;
    }
    return first;
}

static int run(lua_State *L)
{
    begin_any(L, "run");
    struct carom_str name;
    name.ptr = luaL_checklstring(L, 2, &name.len);
    if (!carom_config_command(&carom_host_policy(L)->config, name))
        refuse_command(L, name);
    struct carom_str command = keep(L, name);
    struct carom_pair *arguments = get_arguments(L);
    struct carom_decided *decided = add(L, CAROM_ACTION_RUN);
    decided->command = command;
    decided->arguments = arguments;
    return 0;
}

static int forward(lua_State *L)
{
    begin(L, "forward");
    struct carom_str to;
    to.ptr = luaL_checklstring(L, 2, &to.len);
    if (!carom_address_valid(to))
        return luaL_error(L, "bounce:forward: \"%s\" is no mail address", to.ptr);
    to = keep(L, to);
    add(L, CAROM_ACTION_FORWARD)->to = to;
    return 0;
}

/* ---- alert, tag, ignore ---- */

static int alert(lua_State *L)
{
    begin_any(L, "alert");
    struct carom_args args = carom_args_begin(L, 2, "bounce:alert");
    struct carom_str text = get_text(&args, "text", TEXT_MAX), key = get_text(&args, "key", KEY_MAX);
    int64_t every = INT64_C(3600) * 1000;
    if (!text.len)
        carom_args_fail(&args, "text is missing");
    carom_args_duration(&args, "every", &every);
    carom_value_check_template(L, "bounce:alert", "text", text, NULL);
    carom_value_check_template(L, "bounce:alert", "key", key, NULL);
    int accept = get_accept(&args);
    struct carom_decided *decided = add(L, CAROM_ACTION_ALERT);
    decided->accept = accept;
    decided->text = text;
    decided->key = key;
    decided->every_ms = every;
    return 0;
}

static int tag(lua_State *L)
{
    begin(L, "tag");
    struct carom_str key, value;
    luaL_argexpected(L, lua_type(L, 2) == LUA_TSTRING, 2, "string");
    luaL_argexpected(L, lua_isstring(L, 3) || lua_isboolean(L, 3), 3, "string, number or boolean");
    luaL_tolstring(L, 3, &value.len);
    value.ptr = lua_tostring(L, -1);
    key.ptr = lua_tolstring(L, 2, &key.len);
    if (!key.len || key.len > KEY_MAX || value.len > VALUE_MAX)
        return luaL_error(L, "bounce:tag: a key has 1 to %d bytes, a value at most %d", KEY_MAX, VALUE_MAX);
    key = keep(L, key);
    value = keep(L, value);
    struct carom_decided *decided = add(L, CAROM_ACTION_TAG);
    decided->key = key;
    decided->value = value;
    return 0;
}

static int ignore(lua_State *L)
{
    struct carom_hook_call *call = begin(L, "ignore");
    if (lua_gettop(L) > 1)
        return luaL_error(L, "bounce:ignore() takes no arguments");
    add(L, CAROM_ACTION_IGNORE);
    call->decision->ignored = true;
    return 0;
}

const luaL_Reg carom_action_methods[] = {
    {"alert", alert},       {"forward", forward},         {"ignore", ignore},         {"probe", probe},
    {"retry", retry},       {"run", run},                 {"score", score},           {"suppress", suppress},
    {"tag", tag},           {"unsubscribe", unsubscribe}, {"unsuppress", unsuppress}, {"webhook", webhook},
    {NULL, NULL},
};

const luaL_Reg carom_incident_methods[] = {{"alert", alert}, {"run", run}, {"webhook", webhook}, {NULL, NULL}};
