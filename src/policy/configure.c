/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* carom.configure: from the policy's table to plain C. What this version does not do is refused by name; an operator
   who asks for a breaker and gets none would learn it on the day it is needed. */

#include <lauxlib.h>
#include <stdio.h>

#include "policy/args.h"
#include "policy/freeze.h"
#include "policy/host.h"
#include "policy/keys.h"
#include "policy/sinks.h"
#include "policy/value.h"

#define WHAT "carom.configure"

static const int64_t day = INT64_C(24) * 3600 * 1000;

void carom_config_default(struct carom_config *config)
{
    *config = (struct carom_config){
        .store = CAROM_STR_EMPTY,
        .gate = {-1, -1, -1, -1},
        .breaker = {.window_ms = day / 24, .min = 50, .factor = 2},
        .held = {.expire_ms = 30 * day},
        .half_life_ms = 30 * day,
        .keep_raw_ms = 30 * day,
        .keep_facts_ms = 400 * day,
        .keep_jobs_ms = 30 * day,
        .limit_time_ms = 250,
        .limit_memory = INT64_C(8) << 20,
        .limit_instructions = 10000000,
        .log = CAROM_LOG_SETTINGS_INIT,
        .version = CAROM_STR_EMPTY,
    };
}

struct carom_limits carom_config_limits(const struct carom_config *config)
{
    return (struct carom_limits){config->limit_time_ms, config->limit_memory, config->limit_instructions};
}

static struct carom_str keep(lua_State *L, struct carom_str text)
{
    return carom_value_keep(L, carom_host_policy(L)->arena, text);
}

static void *new(lua_State *L, size_t size)
{
    return carom_value_new(L, carom_host_policy(L)->arena, size);
}

/* The name on top of the stack. */
static struct carom_str check_name(lua_State *L, const char *what)
{
    struct carom_str name;
    if (lua_type(L, -1) != LUA_TSTRING)
        luaL_error(L, WHAT ": %s takes names, as in { [\"name\"] = … }", what);
    name.ptr = lua_tolstring(L, -1, &name.len);
    for (size_t i = 0; i < name.len; i++)
        if ((unsigned char)name.ptr[i] <= ' ' || name.ptr[i] == 0x7f)
            luaL_error(L, WHAT ": %s: \"%s\" holds a space or control character", what, name.ptr);
    if (!name.len || name.len > 255)
        luaL_error(L, WHAT ": %s: a name has 1 to 255 bytes", what);
    return name;
}

/* Calls take for each pair of the table argument in order of the names, with the name and the value on top. */
static void each(const struct carom_args *args, const char *argument,
                 void (*take)(lua_State *L, struct carom_str name, struct carom_config *config),
                 struct carom_config *config)
{
    lua_State *L = args->L;
    if (!carom_args_table(args, argument))
        return;
    int table = lua_gettop(L);
    carom_keys_push(L, table);
    lua_Integer n = (lua_Integer)lua_rawlen(L, -1);
    for (lua_Integer i = 1; i <= n; i++) {
        lua_rawgeti(L, table + 1, i);
        struct carom_str name = check_name(L, argument);
        lua_pushvalue(L, -1);
        lua_rawget(L, table);
        take(L, name, config);
        lua_settop(L, table + 1);
    }
    lua_settop(L, table - 1);
}

/* ---- lists ---- */

static void take_list(lua_State *L, struct carom_str id, struct carom_config *config)
{
    struct carom_args args = carom_args_begin(L, -1, WHAT ": a list");
    struct carom_list_entry *list = new(L, sizeof(*list)), **tail = &config->lists;
    struct carom_str address = CAROM_STR_EMPTY, key = CAROM_STR_EMPTY;
    carom_args_str(&args, "address", &address);
    carom_args_str(&args, "key", &key);
    if (address.len && carom_str_chr(address, '@') == SIZE_MAX)
        carom_args_fail(&args, "address = \"%s\" is no mail address", address.ptr);
    if (carom_str_chr(id, '<') != SIZE_MAX || carom_str_chr(id, '>') != SIZE_MAX)
        carom_args_fail(&args, "\"%s\" would never be met: write the List-Id without its angle brackets", id.ptr);
    if (carom_config_list(config, id))
        carom_args_fail(&args, "\"%s\" is named twice (a List-Id has no case)", id.ptr);
    *list = (struct carom_list_entry){.id = keep(L, id), .address = keep(L, address), .key = keep(L, key)};
    while (*tail)
        tail = &(*tail)->next;
    *tail = list;
}

/* ---- sinks and endpoints ---- */

/* A sink may be used for several actions, so each gets a copy under its full name. */
static struct carom_sink *copy_sink(lua_State *L, const char *what, const char *prefix, struct carom_str name,
                                    int number)
{
    const struct carom_sink *sink = carom_sink_get(L, -1);
    char suffix[16] = "";
    if (!sink)
        luaL_error(L, WHAT ": %s: \"%s\" must be made by carom.webhook, carom.http, carom.command or carom.smtp", what,
                   name.ptr);
    struct carom_sink *copy = new(L, sizeof(*copy));
    *copy = *sink;
    if (number > 1)
        snprintf(suffix, sizeof(suffix), ".%d", number);
    lua_pushfstring(L, "%s%s%s", prefix, name.ptr, suffix);
    copy->name = keep(L, carom_str(lua_tostring(L, -1)));
    copy->next = NULL;
    lua_pop(L, 1);
    return copy;
}

static struct carom_sink *copy_sink_of_action(lua_State *L, struct carom_str action, int number,
                                              const struct carom_config *config)
{
    struct carom_sink *copy = copy_sink(L, "sinks", "", action, number);
    if (copy->type == CAROM_SINK_SMTP)
        carom_sink_smtp_fit(L, copy, action, config->smtp);
    return copy;
}

static void append_entry(lua_State *L, struct carom_sink_entry **tail, struct carom_str name, struct carom_sink *sinks)
{
    struct carom_sink_entry *entry = new(L, sizeof(*entry));
    entry->name = keep(L, name);
    entry->sinks = sinks;
    while (*tail)
        tail = &(*tail)->next;
    *tail = entry;
}

/* One sink, or a list of sinks. */
static void take_sinks(lua_State *L, struct carom_str name, struct carom_config *config)
{
    struct carom_sink *first = NULL, **tail = &first;
    if (!lua_istable(L, -1)) {
        first = copy_sink_of_action(L, name, 1, config);
    } else {
        carom_freeze_unwrap(L, -1);
        int n = (int)lua_rawlen(L, -1);
        if (n == 0)
            luaL_error(L, WHAT ": sinks: the list of \"%s\" is empty", name.ptr);
        for (int i = 1; i <= n; i++) {
            lua_rawgeti(L, -1, i);
            *tail = copy_sink_of_action(L, name, i, config);
            tail = &(*tail)->next;
            lua_pop(L, 1);
        }
    }
    append_entry(L, &config->sinks, name, first);
}

static void take_endpoint(lua_State *L, struct carom_str name, struct carom_config *config)
{
    struct carom_sink *sink = copy_sink(L, "endpoints", "endpoint.", name, 1);
    if (sink->type == CAROM_SINK_SMTP)
        luaL_error(L, WHAT ": endpoints: \"%s\": bounce:webhook tells a program, not a mailbox (bounce:alert does)",
                   name.ptr);
    append_entry(L, &config->endpoints, name, sink);
}

static void take_command(lua_State *L, struct carom_str name, struct carom_config *config)
{
    const struct carom_sink *sink = carom_sink_get(L, -1);
    if (!sink || sink->type != CAROM_SINK_COMMAND)
        luaL_error(L, WHAT ": commands: \"%s\" must be made by carom.command", name.ptr);
    append_entry(L, &config->commands, name, copy_sink(L, "commands", "command.", name, 1));
}

static void get_sinks(const struct carom_args *args, struct carom_config *config)
{
    if (carom_args_table(args, "sinks")) {
        carom_args_begin(args->L, -1, WHAT ": sinks");
        lua_pop(args->L, 2);
    }
    each(args, "sinks", take_sinks, config);
    each(args, "endpoints", take_endpoint, config);
    each(args, "commands", take_command, config);
}

static void get_smtp(const struct carom_args *args, struct carom_config *config)
{
    if (!carom_args_table(args, "smtp"))
        return;
    struct carom_args smtp = carom_args_begin(args->L, -1, WHAT ": smtp");
    config->smtp = carom_sink_smtp_own(&smtp);
    lua_pop(args->L, 2);
}

/* ---- The rest ---- */

static void get_score(const struct carom_args *args, struct carom_config *config)
{
    if (!carom_args_table(args, "score"))
        return;
    struct carom_args score = carom_args_begin(args->L, -1, WHAT ": score");
    carom_args_duration(&score, "half_life", &config->half_life_ms);
}

static void check_range(const struct carom_args *args, const char *name, int64_t value, int64_t low, int64_t high,
                        const char *text)
{
    if (value < low || value > high)
        carom_args_fail(args, "%s must lie between %s", name, text);
}

/* A mail server delivers again for days, and a returned message is submitted again for days: what was done meanwhile must
   still be known. */
static void get_keep(const struct carom_args *args, struct carom_config *config)
{
    static const char range[] = "\"7d\" and \"36500d\": what comes twice within a week must be known again";
    if (!carom_args_table(args, "keep"))
        return;
    struct carom_args kept = carom_args_begin(args->L, -1, WHAT ": keep");
    carom_args_duration(&kept, "raw", &config->keep_raw_ms);
    carom_args_duration(&kept, "facts", &config->keep_facts_ms);
    carom_args_duration(&kept, "jobs", &config->keep_jobs_ms);
    check_range(&kept, "raw", config->keep_raw_ms, day / 24, 36500 * day, "\"1h\" and \"36500d\"");
    check_range(&kept, "facts", config->keep_facts_ms, 7 * day, 36500 * day, range);
    check_range(&kept, "jobs", config->keep_jobs_ms, 7 * day, 36500 * day, range);
    lua_pop(args->L, 2);
}

static void get_limits(const struct carom_args *args, struct carom_config *config)
{
    if (!carom_args_table(args, "limits"))
        return;
    struct carom_args limits = carom_args_begin(args->L, -1, WHAT ": limits");
    carom_args_duration(&limits, "time", &config->limit_time_ms);
    carom_args_size(&limits, "memory", &config->limit_memory);
    carom_args_int(&limits, "instructions", &config->limit_instructions);
    check_range(&limits, "time", config->limit_time_ms, 1, 60000, "\"1ms\" and \"60s\"");
    check_range(&limits, "memory", config->limit_memory, INT64_C(1) << 20, INT64_C(1) << 30, "\"1MiB\" and \"1GiB\"");
    check_range(&limits, "instructions", config->limit_instructions, 10000, INT64_C(1000000000000), "1e4 and 1e12");
}

static void get_mode(const struct carom_args *args, struct carom_config *config)
{
    struct carom_str mode;
    if (!carom_args_str(args, "mode", &mode))
        return;
    config->observe = carom_str_eq(mode, CAROM_STR("observe"));
    if (!config->observe && !carom_str_eq(mode, CAROM_STR("act")))
        carom_args_fail(args, "mode = \"%s\" is none; write \"act\" or \"observe\"", mode.ptr);
}

/* ---- The safety net ---- */

static const char *authenticity_word(int i) { return carom_authenticity_name((enum carom_authenticity)i); }

static void get_gate(const struct carom_args *args, struct carom_config *config)
{
    if (!carom_args_table(args, "gate"))
        return;
    struct carom_args gate = carom_args_begin(args->L, -1, WHAT ": gate");
    struct {
        const char *name;
        int *value_r;
    } of[] = {{"failure", &config->gate.failure}, {"complaint", &config->gate.complaint},
              {"unsubscribe", &config->gate.unsubscribe}, {"delivered", &config->gate.delivered}};
    for (size_t i = 0; i < sizeof(of) / sizeof(of[0]); i++)
        carom_args_word(&gate, of[i].name, authenticity_word, CAROM_AUTHENTICITY_COUNT, of[i].value_r);
}

static void get_breaker(const struct carom_args *args, struct carom_config *config)
{
    if (!carom_args_table(args, "breaker"))
        return;
    struct carom_args breaker = carom_args_begin(args->L, -1, WHAT ": breaker");
    carom_args_duration(&breaker, "window", &config->breaker.window_ms);
    carom_args_int(&breaker, "min", &config->breaker.min);
    carom_args_number(&breaker, "factor", &config->breaker.factor);
    check_range(&breaker, "window", config->breaker.window_ms, 60000, 7 * day, "\"1m\" and \"7d\"");
    check_range(&breaker, "min", config->breaker.min, 1, 1000000000, "1 and 1e9");
    if (!(config->breaker.factor >= 1 && config->breaker.factor <= 1000))
        carom_args_fail(&breaker, "factor must lie between 1 and 1000");
}

static void get_held(const struct carom_args *args, struct carom_config *config)
{
    struct carom_str check;
    if (!carom_args_table(args, "held"))
        return;
    struct carom_args held = carom_args_begin(args->L, -1, WHAT ": held");
    carom_args_duration(&held, "expire", &config->held.expire_ms);
    if (!carom_args_str(&held, "check", &check))
        return;
    config->held.deny = carom_str_eq(check, CAROM_STR("deny"));
    if (!config->held.deny && !carom_str_eq(check, CAROM_STR("allow")))
        carom_args_fail(&held, "check = \"%s\" is none; write \"allow\" or \"deny\"", check.ptr);
}

static void get_store(const struct carom_args *args, struct carom_config *config)
{
    struct carom_str store;
    if (!carom_args_str(args, "store", &store))
        return;
    if (!carom_str_starts(store, CAROM_STR("sqlite:")) || store.len == 7)
        carom_args_fail(args, "store = \"%s\" is not available in this version; write \"sqlite:/path/to/carom.db\"",
                        store.ptr);
    config->store = keep(args->L, store);
}

int carom_configure(lua_State *L)
{
    struct carom_policy *policy = carom_host_policy(L);
    if (!policy->loading)
        return luaL_error(L, WHAT " belongs at the top of the file, not into a hook");
    if (policy->configured)
        return luaL_error(L, WHAT " was called before; give all keys in one call");
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    struct carom_args args = carom_args_begin(L, 1, WHAT);
    get_mode(&args, &policy->config);
    get_store(&args, &policy->config);
    each(&args, "lists", take_list, &policy->config);
    get_smtp(&args, &policy->config); /* sinks may use it */
    get_sinks(&args, &policy->config);
    carom_trust_configure(&args, &policy->config);
    get_score(&args, &policy->config);
    get_keep(&args, &policy->config);
    get_limits(&args, &policy->config);
    carom_configure_log(&args, &policy->config.log);
    get_gate(&args, &policy->config);
    get_breaker(&args, &policy->config);
    get_held(&args, &policy->config);
    carom_args_duration(&args, "settle", &policy->config.settle_ms);
    policy->configured = true;
    /* What a policy with large tables needs, it needs while they are read. */
    struct carom_limits limits = carom_config_limits(&policy->config);
    if (limits.time_ms < CAROM_LOAD_TIME_MS)
        limits.time_ms = CAROM_LOAD_TIME_MS;
    carom_sandbox_set_limits(L, &limits);
    return 0;
}
