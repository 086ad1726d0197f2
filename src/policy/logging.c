/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* carom.configure's `log`: "syslog", "stderr", or a table with a place, a format and a level. Nothing is opened here. */

#include <lauxlib.h>

#include "policy/args.h"
#include "policy/host.h"
#include "policy/value.h"

#define WHAT "carom.configure: log"

static const char *level(int i) { return carom_log_level_name((enum carom_log_level)i); }
static const char *format(int i) { return (const char *const[]){"text", "json"}[i]; }

static void take_place(const struct carom_args *args, const char *word, struct carom_log_settings *log)
{
    if (strcmp(word, "syslog") == 0)
        log->to = CAROM_LOG_TO_SYSLOG;
    else if (strcmp(word, "stderr") == 0)
        log->to = CAROM_LOG_TO_STDERR;
    else
        carom_args_fail(args, "\"%s\" is no place for a log; write \"syslog\", \"stderr\" or { file = \"/var/log/carom.log\" }",
                        word);
}

static void get_file(const struct carom_args *args, struct carom_log_settings *log)
{
    struct carom_str path;
    if (!carom_args_str(args, "file", &path))
        return;
    if (log->to != CAROM_LOG_TO_DEFAULT)
        carom_args_fail(args, "to and file exclude one another");
    if (*path.ptr != '/' || strlen(path.ptr) != path.len)
        carom_args_fail(args, "file = \"%s\" is no absolute path: the mail server runs carom elsewhere", path.ptr);
    log->to = CAROM_LOG_TO_FILE;
    log->path = carom_value_keep(args->L, carom_host_policy(args->L)->arena, path);
}

static void get_table(lua_State *L, struct carom_log_settings *log)
{
    struct carom_args args = carom_args_begin(L, -1, WHAT);
    struct carom_str to;
    int number;
    if (carom_args_str(&args, "to", &to))
        take_place(&args, to.ptr, log);
    get_file(&args, log);
    if (carom_args_word(&args, "format", format, 2, &number))
        log->json = number == 1;
    if (carom_args_word(&args, "level", level, CAROM_LOG_ERROR + 1, &number))
        log->level = (enum carom_log_level)number;
    lua_pop(L, 1);
}

void carom_configure_log(const struct carom_args *args, struct carom_log_settings *log)
{
    lua_State *L = args->L;
    if (!carom_args_push(args, "log"))
        return;
    if (lua_type(L, -1) == LUA_TSTRING)
        take_place(args, lua_tostring(L, -1), log);
    else if (lua_istable(L, -1))
        get_table(L, log);
    else
        carom_args_fail(args, "log must be \"syslog\", \"stderr\" or a table, not a %s", luaL_typename(L, -1));
    lua_pop(L, 1);
}
