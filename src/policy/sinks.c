/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* carom.webhook, carom.http and the references to secrets: checked here, once, at load, so that a misspelt URL or
   placeholder is found by the operator and not by the first bounce. Nothing is resolved or connected. */

#include <lauxlib.h>

#include "policy/args.h"
#include "policy/host.h"
#include "policy/keys.h"
#include "policy/freeze.h"
#include "policy/value.h"

enum { BODY_MAX = 64 << 10, DONE_MAX = sizeof(((struct carom_sink *)0)->done) / sizeof(int) - 1 };

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

static void check_loading(lua_State *L, const char *what)
{
    if (!carom_host_policy(L)->loading)
        luaL_error(L, "%s belongs into carom.configure, not into a hook", what);
}

static struct carom_sink *push_sink(lua_State *L, enum carom_sink_type type)
{
    struct carom_sink *sink = carom_value_new(L, carom_host_policy(L)->arena, sizeof(*sink));
    struct carom_sink **object = lua_newuserdatauv(L, sizeof(struct carom_sink *), 0);
    *sink = (struct carom_sink){.type = type,
                                .name = CAROM_STR_EMPTY,
                                .url = CAROM_STR_EMPTY,
                                .method = CAROM_STR_EMPTY,
                                .body = CAROM_STR_EMPTY,
                                .user = CAROM_STR_EMPTY,
                                .ca = CAROM_STR_EMPTY};
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
    check_loading(L, what);
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

static struct carom_str keep(const struct carom_args *args, struct carom_str text)
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
        secret.value = keep(args, text);
    } else {
        carom_args_fail(args, "%s must be a text, carom.file \"…\" or carom.env \"…\"", name);
    }
    lua_pop(args->L, 1);
    return secret;
}

static struct carom_secret get_secret(const struct carom_args *args, const char *name)
{
    if (carom_args_push(args, name))
        return take_secret(args, name);
    return (struct carom_secret){.from = CAROM_SECRET_NONE, .value = CAROM_STR_EMPTY};
}

/* Who is connected to must not be up to what came by mail. */
static void check_host(const struct carom_args *args, struct carom_str url)
{
    struct carom_str rest = url;
    if (carom_str_istarts(url, CAROM_STR("https://")))
        rest = carom_str_from(url, 8);
    else if (carom_str_istarts(url, CAROM_STR("http://")))
        rest = carom_str_from(url, 7);
    else
        carom_args_fail(args, "url \"%s\" must begin with https:// or http://", url.ptr);
    size_t end = 0;
    while (end < rest.len && !strchr("/?#", rest.ptr[end]))
        end++;
    struct carom_str host = carom_str_head(rest, end);
    if (!host.len)
        carom_args_fail(args, "url \"%s\" names no host", url.ptr);
    if (carom_str_chr(host, '{') != SIZE_MAX)
        carom_args_fail(args, "url \"%s\" has a placeholder in its host: only path and query may have one", url.ptr);
    if (carom_str_chr(host, '@') != SIZE_MAX)
        carom_args_fail(args, "url \"%s\" names a user: give user and password as arguments of their own", url.ptr);
}

static void get_url(const struct carom_args *args, bool template, struct carom_sink *sink)
{
    struct carom_str url;
    if (!carom_args_str(args, "url", &url))
        carom_args_fail(args, "url is missing");
    for (size_t i = 0; i < url.len; i++)
        if ((unsigned char)url.ptr[i] <= ' ' || url.ptr[i] == 0x7f)
            carom_args_fail(args, "url \"%s\" holds a space or control character", url.ptr);
    check_host(args, url);
    if (template)
        carom_value_check_template(args->L, args->what, "url", url);
    else if (carom_str_chr(url, '{') != SIZE_MAX)
        carom_args_fail(args, "url of a webhook is fixed: it takes no placeholders (carom.http does)");
    sink->url = keep(args, url);
}

static void get_common(const struct carom_args *args, struct carom_sink *sink)
{
    struct carom_str ca;
    carom_args_bool(args, "allow_private", &sink->allow_private);
    if (!carom_args_str(args, "ca", &ca))
        return;
    if (*ca.ptr != '/')
        carom_args_fail(args, "ca = \"%s\" is no absolute path", ca.ptr);
    sink->ca = keep(args, ca);
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
    static const struct carom_arg names[] = {
        {"url", false}, {"secret", false}, {"ca", false}, {"allow_private", false}};
    check_loading(L, "carom.webhook");
    lua_settop(L, 1);
    struct carom_args args = CAROM_ARGS(L, 1, "carom.webhook", names);
    struct carom_sink *sink = push_sink(L, CAROM_SINK_WEBHOOK);
    sink->method = CAROM_STR("POST");
    get_url(&args, false, sink);
    get_signing_secrets(&args, sink);
    get_common(&args, sink);
    return 1;
}

/* ---- carom.http ---- */

static bool is_token(struct carom_str name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (!carom_is_alpha(c) && !carom_is_digit(c) && (!c || !strchr("-_.!#$%&'*+^`|~", c)))
            return false;
    }
    return name.len > 0;
}

static bool is_line(struct carom_str text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.ptr[i] < ' ' || text.ptr[i] == 0x7f)
            return false;
    return true;
}

/* The pair whose name is on top of the stack, of the table below. */
static struct carom_pair *take_pair(const struct carom_args *args, const char *name, int table, bool header)
{
    lua_State *L = args->L;
    struct carom_str key, value;
    if (lua_type(L, -1) != LUA_TSTRING)
        carom_args_fail(args, "%s takes { name = \"value\" }", name);
    key.ptr = lua_tolstring(L, -1, &key.len);
    lua_pushvalue(L, -1);
    if (lua_rawget(L, table) != LUA_TSTRING)
        carom_args_fail(args, "%s: the value of %s must be a text", name, key.ptr);
    value.ptr = lua_tolstring(L, -1, &value.len);
    if (header && (!is_token(key) || !is_line(value)))
        carom_args_fail(args, "%s: %s is no header of one line (RFC 9110 5)", name, key.ptr);
    carom_value_check_template(L, args->what, name, value);
    struct carom_pair *pair = carom_value_new(L, carom_host_policy(L)->arena, sizeof(*pair));
    pair->name = keep(args, key);
    pair->value = keep(args, value);
    lua_pop(L, 1);
    return pair;
}

static struct carom_pair *get_pairs(const struct carom_args *args, const char *name, bool header)
{
    struct carom_pair *first = NULL, **tail = &first;
    if (!carom_args_table(args, name))
        return NULL;
    int table = lua_gettop(args->L);
    carom_keys_push(args->L, table);
    lua_Integer n = (lua_Integer)lua_rawlen(args->L, -1);
    for (lua_Integer i = 1; i <= n; i++) {
        lua_rawgeti(args->L, table + 1, i);
        *tail = take_pair(args, name, table, header);
        tail = &(*tail)->next;
        lua_pop(args->L, 1);
    }
    lua_settop(args->L, table - 1);
    return first;
}

static void get_body(const struct carom_args *args, struct carom_sink *sink)
{
    lua_State *L = args->L;
    sink->form = get_pairs(args, "form", false);
    if (!carom_args_table(args, "body"))
        return;
    if (carom_args_has(args, "form"))
        carom_args_fail(args, "body and form exclude each other: body is sent as JSON, form as a web form");
    struct carom_buf *buf = carom_value_buffer(L, BODY_MAX);
    carom_value_json(L, -2, "carom.http: body", buf);
    carom_value_check_template(L, args->what, "body", carom_buf_str(buf));
    sink->body = keep(args, carom_buf_str(buf));
    lua_pop(L, 2);
}

/* The answer code on top: 404, "404" or "2xx". Popped. */
static int take_code(const struct carom_args *args)
{
    lua_State *L = args->L;
    int code = lua_isinteger(L, -1) ? (int)lua_tointeger(L, -1) : 0;
    if (lua_type(L, -1) == LUA_TSTRING && strcmp(lua_tostring(L, -1), "2xx") == 0)
        code = -2;
    if (code != -2 && (code < 200 || code > 599))
        carom_args_fail(args, "done lists answers such as \"2xx\" or 404");
    lua_pop(L, 1);
    return code;
}

static void get_done(const struct carom_args *args, struct carom_sink *sink)
{
    if (!carom_args_table(args, "done"))
        return;
    lua_Integer n = (lua_Integer)lua_rawlen(args->L, -1);
    if (n < 1 || n > DONE_MAX)
        carom_args_fail(args, "done lists one to %d answers", DONE_MAX);
    for (lua_Integer i = 0; i < n; i++) {
        lua_rawgeti(args->L, -1, i + 1);
        sink->done[i] = take_code(args);
    }
    lua_pop(args->L, 1);
}

static void get_method(const struct carom_args *args, struct carom_sink *sink)
{
    static const char *const methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE"};
    struct carom_str method = CAROM_STR("POST");
    carom_args_str(args, "method", &method);
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
        if (carom_str_ieq(method, carom_str(methods[i])))
            sink->method = carom_str(methods[i]);
    if (!sink->method.len)
        carom_args_fail(args, "method \"%s\" is none of GET, POST, PUT, PATCH, DELETE", method.ptr);
}

static void get_authentication(const struct carom_args *args, struct carom_sink *sink)
{
    struct carom_str user;
    sink->password = get_secret(args, "password");
    sink->token = get_secret(args, "token");
    if (carom_args_str(args, "user", &user))
        sink->user = keep(args, user);
    if (sink->password.from != CAROM_SECRET_NONE && !sink->user.len)
        carom_args_fail(args, "password needs user");
    if (sink->token.from != CAROM_SECRET_NONE && sink->user.len)
        carom_args_fail(args, "token and user exclude each other");
}

int carom_sink_http(lua_State *L)
{
    static const struct carom_arg names[] = {
        {"url", false},  {"method", false},   {"headers", false}, {"body", false},  {"form", false},
        {"user", false}, {"password", false}, {"token", false},   {"done", false},  {"ca", false},
        {"allow_private", false},             {"first", true},    {"pending", true},
    };
    check_loading(L, "carom.http");
    lua_settop(L, 1);
    struct carom_args args = CAROM_ARGS(L, 1, "carom.http", names);
    struct carom_sink *sink = push_sink(L, CAROM_SINK_HTTP);
    get_url(&args, true, sink);
    get_method(&args, sink);
    sink->headers = get_pairs(&args, "headers", true);
    get_body(&args, sink);
    get_authentication(&args, sink);
    get_done(&args, sink);
    get_common(&args, sink);
    return 1;
}
