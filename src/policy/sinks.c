/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* What the ways out have in common, references to secrets, and carom.webhook: checked once, at load, so that a misspelt
   URL or placeholder is found by the operator and not by the first bounce. Nothing is resolved or connected. */

#include "policy/sinks.h"

#include "policy/freeze.h"
#include "policy/value.h"

#define SINK "carom.sink"
#define SECRET "carom.secret"

/* ---- Objects ---- */

static void set_type(lua_State *L, const char *name)
{
    if (luaL_newmetatable(L, name)) {
        lua_pushboolean(L, false);
        lua_setfield(L, -2, "__metatable");
    }
    lua_setmetatable(L, -2);
}

void carom_sink_check_loading(lua_State *L, const char *what)
{
    if (!carom_host_policy(L)->loading)
        luaL_error(L, "%s belongs into carom.configure, not into a hook", what);
}

struct carom_sink *carom_sink_new(lua_State *L, enum carom_sink_type type)
{
    struct carom_sink *sink = carom_value_new(L, carom_host_policy(L)->arena, sizeof(*sink));
    *sink = (struct carom_sink){.type = type,
                                .name = CAROM_STR_EMPTY,
                                .url = CAROM_STR_EMPTY,
                                .method = CAROM_STR_EMPTY,
                                .body = CAROM_STR_EMPTY,
                                .user = CAROM_STR_EMPTY,
                                .ca = CAROM_STR_EMPTY,
                                .first = {.method = CAROM_STR_EMPTY, .url = CAROM_STR_EMPTY},
                                .input = CAROM_STR_EMPTY,
                                .to = CAROM_STR_EMPTY,
                                .sender = CAROM_STR_EMPTY};
    return sink;
}

struct carom_sink *carom_sink_push(lua_State *L, enum carom_sink_type type)
{
    struct carom_sink *sink = carom_sink_new(L, type);
    struct carom_sink **object = lua_newuserdatauv(L, sizeof(struct carom_sink *), 0);
    *object = sink;
    set_type(L, SINK);
    return sink;
}

const struct carom_sink *carom_sink_get(lua_State *L, int index)
{
    struct carom_sink *const *object = luaL_testudata(L, index, SINK);
    return object ? *object : NULL;
}

static int push_secret(lua_State *L, const char *what, bool in_file)
{
    struct carom_str value;
    carom_sink_check_loading(L, what);
    value.ptr = luaL_checklstring(L, 1, &value.len);
    if (!value.len || strlen(value.ptr) != value.len)
        return luaL_error(L, "%s takes a name that is not empty", what);
    struct carom_str kept = carom_value_keep(L, carom_host_policy(L)->arena, value);
    struct carom_secret *secret = lua_newuserdatauv(L, sizeof(*secret), 0);
    secret->from = in_file ? CAROM_SECRET_FILE : CAROM_SECRET_ENV;
    secret->value = kept;
    set_type(L, SECRET);
    return 1;
}

int carom_sink_file(lua_State *L)
{
    if (lua_type(L, 1) == LUA_TSTRING && *lua_tostring(L, 1) != '/')
        return luaL_error(L, "carom.file: \"%s\" is no absolute path: who delivers may run elsewhere",
                          lua_tostring(L, 1));
    return push_secret(L, "carom.file", true);
}

int carom_sink_env(lua_State *L)
{
    return push_secret(L, "carom.env", false);
}

/* ---- Arguments ---- */

const char *const carom_sink_web[2] = {"https://", "http://"};

struct carom_str carom_sink_keep(const struct carom_args *args, struct carom_str text)
{
    return carom_value_keep(args->L, carom_host_policy(args->L)->arena, text);
}

/* The value on top: a text, carom.file or carom.env. Popped. */
static struct carom_secret take_secret(const struct carom_args *args, const char *name)
{
    const struct carom_secret *reference = luaL_testudata(args->L, -1, SECRET);
    struct carom_secret secret = {.from = CAROM_SECRET_LITERAL, .value = CAROM_STR_EMPTY};
    if (reference) {
        secret = *reference;
    } else if (lua_type(args->L, -1) == LUA_TSTRING) {
        struct carom_str text;
        text.ptr = lua_tolstring(args->L, -1, &text.len);
        if (!text.len)
            carom_args_fail(args, "%s is empty", name);
        secret.value = carom_sink_keep(args, text);
    } else {
        carom_args_fail(args, "%s must be a text, carom.file \"…\" or carom.env \"…\"", name);
    }
    lua_pop(args->L, 1);
    return secret;
}

struct carom_secret carom_sink_secret(const struct carom_args *args, const char *name)
{
    if (carom_args_push(args, name))
        return take_secret(args, name);
    return (struct carom_secret){.from = CAROM_SECRET_NONE, .value = CAROM_STR_EMPTY};
}

/* Who is connected to must not be up to what came by mail. */
static void check_host(const struct carom_args *args, const char *name, struct carom_str url,
                       const char *const schemes[2])
{
    size_t scheme = 0;
    for (int i = 0; i < 2; i++)
        if (carom_str_istarts(url, carom_str(schemes[i])))
            scheme = strlen(schemes[i]);
    struct carom_str rest = carom_str_from(url, scheme);
    if (!scheme)
        carom_args_fail(args, "%s \"%s\" must begin with %s or %s", name, url.ptr, schemes[0], schemes[1]);
    size_t end = 0;
    while (end < rest.len && !strchr("/?#", rest.ptr[end]))
        end++;
    struct carom_str host = carom_str_head(rest, end);
    if (!host.len)
        carom_args_fail(args, "%s \"%s\" names no host", name, url.ptr);
    if (carom_str_chr(host, '{') != SIZE_MAX)
        carom_args_fail(args, "%s \"%s\" has a placeholder in its host: only path and query may have one", name,
                        url.ptr);
    if (carom_str_chr(host, '@') != SIZE_MAX)
        carom_args_fail(args, "%s \"%s\" names a user: give user and password as arguments of their own", name,
                        url.ptr);
}

struct carom_str carom_sink_url(const struct carom_args *args, const char *const schemes[2])
{
    struct carom_str url;
    if (!carom_args_str(args, "url", &url))
        carom_args_fail(args, "url is missing");
    for (size_t i = 0; i < url.len; i++)
        if ((unsigned char)url.ptr[i] <= ' ' || url.ptr[i] == 0x7f)
            carom_args_fail(args, "url \"%s\" holds a space or control character", url.ptr);
    check_host(args, "url", url, schemes);
    return carom_sink_keep(args, url);
}

void carom_sink_common(const struct carom_args *args, struct carom_sink *sink)
{
    struct carom_str ca;
    carom_args_bool(args, "allow_private", &sink->allow_private);
    if (!carom_args_str(args, "ca", &ca))
        return;
    if (*ca.ptr != '/')
        carom_args_fail(args, "ca = \"%s\" is no absolute path", ca.ptr);
    sink->ca = carom_sink_keep(args, ca);
}

/* ---- carom.webhook ---- */

static void get_signing_secrets(const struct carom_args *args, struct carom_sink *sink)
{
    lua_State *L = args->L;
    if (!carom_args_push(args, "secret"))
        carom_args_fail(args, "secret is missing: webhooks are signed (carom.http sends without)");
    if (!lua_istable(L, -1)) {
        sink->secrets[0] = take_secret(args, "secret");
        return;
    }
    carom_freeze_unwrap(L, -1);
    if (lua_rawlen(L, -1) != 2)
        carom_args_fail(args, "secret is one, or a list of two while one is rotated");
    for (int i = 0; i < 2; i++) {
        lua_rawgeti(L, -1, i + 1);
        sink->secrets[i] = take_secret(args, "secret");
    }
    lua_pop(L, 1);
}

int carom_sink_webhook(lua_State *L)
{
    carom_sink_check_loading(L, "carom.webhook");
    lua_settop(L, 1);
    struct carom_args args = carom_args_begin(L, 1, "carom.webhook");
    struct carom_sink *sink = carom_sink_push(L, CAROM_SINK_WEBHOOK);
    sink->method = CAROM_STR("POST");
    sink->url = carom_sink_url(&args, carom_sink_web);
    if (carom_str_chr(sink->url, '{') != SIZE_MAX)
        carom_args_fail(&args, "url of a webhook is fixed: it takes no placeholders (carom.http does)");
    get_signing_secrets(&args, sink);
    carom_sink_common(&args, sink);
    return 1;
}
