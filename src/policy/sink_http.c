/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* carom.http: any REST call, with a look-up before it where an API wants its own ids. Knows no action, and sends
   nothing. */

#include "policy/keys.h"
#include "policy/sinks.h"
#include "policy/value.h"

enum { BODY_MAX = 64 << 10, CODES_MAX = sizeof(((struct carom_sink *)0)->done) / sizeof(int) - 1 };

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
static struct carom_pair *take_pair(const struct carom_args *args, const char *name, int table, bool header,
                                     const struct carom_pair *more)
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
    carom_value_check_template(L, args->what, name, value, more);
    struct carom_pair *pair = carom_value_new(L, carom_host_policy(L)->arena, sizeof(*pair));
    pair->name = carom_sink_keep(args, key);
    pair->value = carom_sink_keep(args, value);
    lua_pop(L, 1);
    return pair;
}

static struct carom_pair *get_pairs(const struct carom_args *args, const char *name, bool header,
                                     const struct carom_pair *more)
{
    struct carom_pair *first = NULL, **tail = &first;
    if (!carom_args_table(args, name))
        return NULL;
    int table = lua_gettop(args->L);
    carom_keys_push(args->L, table);
    lua_Integer n = (lua_Integer)lua_rawlen(args->L, -1);
    for (lua_Integer i = 1; i <= n; i++) {
        lua_rawgeti(args->L, table + 1, i);
        *tail = take_pair(args, name, table, header, more);
        tail = &(*tail)->next;
        lua_pop(args->L, 1);
    }
    lua_settop(args->L, table - 1);
    return first;
}

static void get_body(const struct carom_args *args, struct carom_sink *sink)
{
    lua_State *L = args->L;
    sink->form = get_pairs(args, "form", false, sink->first.take);
    if (!carom_args_table(args, "body"))
        return;
    if (carom_args_has(args, "form"))
        carom_args_fail(args, "body and form exclude each other: body is sent as JSON, form as a web form");
    struct carom_buf *buf = carom_value_buffer(L, BODY_MAX);
    carom_value_json(L, -2, "carom.http: body", buf);
    carom_value_check_template(L, args->what, "body", carom_buf_str(buf), sink->first.take);
    sink->body = carom_sink_keep(args, carom_buf_str(buf));
    lua_pop(L, 2);
}

/* The answer code on top: 404, "404" or "2xx". Popped. */
static int take_code(const struct carom_args *args, const char *name)
{
    lua_State *L = args->L;
    int code = lua_isinteger(L, -1) ? (int)lua_tointeger(L, -1) : 0;
    if (lua_type(L, -1) == LUA_TSTRING && strcmp(lua_tostring(L, -1), "2xx") == 0)
        code = -2;
    if (code != -2 && (code < 200 || code > 599))
        carom_args_fail(args, "%s lists answers such as \"2xx\" or 404", name);
    lua_pop(L, 1);
    return code;
}

static void get_codes(const struct carom_args *args, const char *name, int codes_r[CODES_MAX + 1])
{
    if (!carom_args_table(args, name))
        return;
    lua_Integer n = (lua_Integer)lua_rawlen(args->L, -1);
    if (n < 1 || n > CODES_MAX)
        carom_args_fail(args, "%s lists one to %d answers", name, CODES_MAX);
    for (lua_Integer i = 0; i < n; i++) {
        lua_rawgeti(args->L, -1, i + 1);
        codes_r[i] = take_code(args, name);
    }
    lua_pop(args->L, 1);
}

static struct carom_str get_method(const struct carom_args *args, struct carom_str method)
{
    static const char *const methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE"};
    carom_args_str(args, "method", &method);
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
        if (carom_str_ieq(method, carom_str(methods[i])))
            return carom_str(methods[i]);
    carom_args_fail(args, "method \"%s\" is none of GET, POST, PUT, PATCH, DELETE", method.ptr);
}

static void get_authentication(const struct carom_args *args, struct carom_sink *sink)
{
    struct carom_str user;
    sink->password = carom_sink_secret(args, "password");
    sink->token = carom_sink_secret(args, "token");
    if (carom_args_str(args, "user", &user))
        sink->user = carom_sink_keep(args, user);
    if (sink->password.from != CAROM_SECRET_NONE && !sink->user.len)
        carom_args_fail(args, "password needs user");
    if (sink->token.from != CAROM_SECRET_NONE && sink->user.len)
        carom_args_fail(args, "token and user exclude each other");
}

/* ---- The look-up before ---- */

/* A placeholder's name as decision/template.c reads it. */
static bool is_placeholder(struct carom_str name)
{
    bool is = name.len > 0 && name.len <= 64 && carom_is_alpha(*name.ptr);
    for (size_t i = 0; is && i < name.len; i++)
        is = carom_is_alpha(name.ptr[i]) || carom_is_digit(name.ptr[i]) || name.ptr[i] == '_' || name.ptr[i] == '-';
    return is;
}

static void get_first(const struct carom_args *args, struct carom_sink *sink)
{
    lua_State *L = args->L;
    int top = lua_gettop(L);
    if (!carom_args_table(args, "first"))
        return;
    struct carom_args first = carom_args_begin(L, -1, "carom.http: first");
    sink->first.url = carom_sink_url(&first, carom_sink_web);
    carom_value_check_template(L, first.what, "url", sink->first.url, NULL);
    sink->first.method = get_method(&first, CAROM_STR("GET"));
    sink->first.take = get_pairs(&first, "take", false, NULL);
    sink->first.same = get_pairs(&first, "same", false, NULL);
    if (!sink->first.take)
        carom_args_fail(&first, "take is missing: { placeholder = \"member of the answer\" }");
    for (const struct carom_pair *pair = sink->first.take; pair; pair = pair->next)
        if (!is_placeholder(pair->name) || !pair->value.len)
            carom_args_fail(&first, "take: \"%s\" = \"%s\" must be a name of letters, digits, _ and -, and a member",
                            pair->name.ptr, pair->value.ptr);
    lua_settop(L, top);
}

int carom_sink_http(lua_State *L)
{
    carom_sink_check_loading(L, "carom.http");
    lua_settop(L, 1);
    struct carom_args args = carom_args_begin(L, 1, "carom.http");
    struct carom_sink *sink = carom_sink_push(L, CAROM_SINK_HTTP);
    get_first(&args, sink);
    sink->url = carom_sink_url(&args, carom_sink_web);
    carom_value_check_template(L, args.what, "url", sink->url, sink->first.take);
    sink->method = get_method(&args, CAROM_STR("POST"));
    sink->headers = get_pairs(&args, "headers", true, sink->first.take);
    get_body(&args, sink);
    get_authentication(&args, sink);
    get_codes(&args, "done", sink->done);
    get_codes(&args, "pending", sink->pending);
    carom_sink_common(&args, sink);
    return 1;
}
