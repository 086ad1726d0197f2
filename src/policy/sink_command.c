/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* carom.command: a program and its arguments, each a text of its own; there is no shell that could read one as two.
   Knows nothing of how it is run. */

#include "policy/freeze.h"
#include "policy/sinks.h"
#include "policy/value.h"

enum { ARGUMENTS_MAX = 64, INPUT_MAX = 64 << 10, EXITS_MAX = sizeof(((struct carom_sink *)0)->exits_done) / sizeof(int) - 1 };

static struct carom_str check_argument(const struct carom_args *args, const char *name, bool program)
{
    struct carom_str text;
    if (lua_type(args->L, -1) != LUA_TSTRING)
        carom_args_fail(args, "%s lists texts, not a %s", name, luaL_typename(args->L, -1));
    text.ptr = lua_tolstring(args->L, -1, &text.len);
    if (strlen(text.ptr) != text.len)
        carom_args_fail(args, "%s: an argument holds a zero byte", name);
    if (program && *text.ptr != '/')
        carom_args_fail(args, "%s: \"%s\" is no absolute path: who delivers may run elsewhere", name, text.ptr);
    if (program && carom_str_chr(text, '{') != SIZE_MAX)
        carom_args_fail(args, "%s: which program runs must not be up to a placeholder", name);
    carom_value_check_template(args->L, args->what, name, text, NULL);
    return carom_sink_keep(args, text);
}

/* NULL: not given. */
static struct carom_pair *get_arguments(const struct carom_args *args, const char *name)
{
    struct carom_pair *first = NULL, **tail = &first;
    lua_State *L = args->L;
    if (!carom_args_table(args, name))
        return NULL;
    lua_Integer n = (lua_Integer)lua_rawlen(L, -1);
    if (n < 1 || n > ARGUMENTS_MAX)
        carom_args_fail(args, "%s lists a program and its arguments, such as { \"/usr/bin/tool\", \"{address}\" }", name);
    for (lua_Integer i = 1; i <= n; i++) {
        struct carom_pair *pair = carom_value_new(L, carom_host_policy(L)->arena, sizeof(*pair));
        lua_rawgeti(L, -1, i);
        pair->name = CAROM_STR_EMPTY;
        pair->value = check_argument(args, name, i == 1);
        *tail = pair;
        tail = &pair->next;
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    return first;
}

/* Exit codes, each plus one: what is not given stays 0. */
static void get_exits(const struct carom_args *args, const char *name, int exits_r[EXITS_MAX + 1])
{
    lua_State *L = args->L;
    if (!carom_args_table(args, name))
        return;
    lua_Integer n = (lua_Integer)lua_rawlen(L, -1);
    if (n < 1 || n > EXITS_MAX)
        carom_args_fail(args, "%s lists one to %d exit codes", name, EXITS_MAX);
    for (lua_Integer i = 0; i < n; i++) {
        lua_rawgeti(L, -1, i + 1);
        lua_Integer code = lua_isinteger(L, -1) ? lua_tointeger(L, -1) : -1;
        if (code < 0 || code > 255)
            carom_args_fail(args, "%s lists exit codes, 0 to 255", name);
        exits_r[i] = (int)code + 1;
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

static void check_exits(const struct carom_args *args, const struct carom_sink *sink)
{
    for (int i = 0; i < EXITS_MAX && sink->exits_done[i]; i++)
        for (int k = 0; k < EXITS_MAX && sink->exits_retry[k]; k++)
            if (sink->exits_done[i] == sink->exits_retry[k])
                carom_args_fail(args, "exit code %d stands in done and in retry", sink->exits_done[i] - 1);
}

int carom_sink_command(lua_State *L)
{
    struct carom_str input;
    carom_sink_check_loading(L, "carom.command");
    lua_settop(L, 1);
    struct carom_args args = carom_args_begin(L, 1, "carom.command");
    struct carom_sink *sink = carom_sink_push(L, CAROM_SINK_COMMAND);
    sink->argv = get_arguments(&args, "argv");
    if (!sink->argv)
        carom_args_fail(&args, "argv is missing: { \"/usr/bin/tool\", \"{address}\" }");
    sink->verify = get_arguments(&args, "verify");
    if (carom_args_str(&args, "stdin", &input)) {
        if (input.len > INPUT_MAX)
            carom_args_fail(&args, "stdin is longer than %d bytes", INPUT_MAX);
        carom_value_check_template(L, args.what, "stdin", input, NULL);
        sink->input = carom_sink_keep(&args, input);
    }
    get_exits(&args, "done", sink->exits_done);
    get_exits(&args, "retry", sink->exits_retry);
    check_exits(&args, sink);
    return 1;
}
