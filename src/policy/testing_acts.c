/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* What a test can do: set the clock, let bounces come, ask whether somebody may be mailed. It decides nothing: the stage
   is the engine. */

#include "base/date.h"
#include "policy/args.h"
#include "policy/chunk.h"
#include "policy/testing_host.h"
#include "policy/value.h"

#define TEST "t"

enum { MESSAGE_MAX = 64 << 20 };

/* The stage, after a check that argument 1 is t, as in t:what(). */
static const struct carom_stage *stage_of(lua_State *L, const char *what)
{
    const struct carom_testing *testing = carom_testing_of(L);

    if (!luaL_testudata(L, 1, TEST))
        luaL_error(L, "t.%s is called with a colon: t:%s", what, what);
    if (!testing->current)
        luaL_error(L, "t belongs to the test that got it");
    return testing->stage;
}

/* ---- The clock ---- */

static int64_t check_time(lua_State *L, int arg)
{
    struct carom_str text;

    if (lua_isinteger(L, arg))
        return lua_tointeger(L, arg);
    text.ptr = luaL_checklstring(L, arg, &text.len);
    int64_t time = carom_date_parse_rfc3339(text);
    if (time == 0 && text.len == strlen("2026-03-01")) {
        text.ptr = lua_pushfstring(L, "%sT00:00:00Z", text.ptr);
        time = carom_date_parse_rfc3339(carom_str(text.ptr));
    }
    return time;
}

static int set_clock(lua_State *L)
{
    const struct carom_stage *stage = stage_of(L, "clock");
    int64_t time = check_time(L, 2), now = stage->now(stage->user);

    if (time <= 0)
        return luaL_error(L, "t:clock: \"%s\" is no time; write \"2026-03-01T12:00:00Z\" or \"2026-03-01\"",
                          lua_tostring(L, 2));
    if (time < now && stage->shown(stage->user, NULL) > 0)
        return luaL_error(L, "t:clock: something has happened already, and time does not go back");
    stage->set_now(stage->user, time);
    return 0;
}

static int wait(lua_State *L)
{
    const struct carom_stage *stage = stage_of(L, "wait");
    struct carom_str text;

    text.ptr = luaL_checklstring(L, 2, &text.len);
    int64_t ms = carom_duration_parse_ms(text);
    if (ms <= 0 || ms % 1000 != 0)
        return luaL_error(L, "t:wait: \"%s\" is no duration; write \"90s\", \"15m\", \"4h\" or \"30d\"", text.ptr);
    stage->set_now(stage->user, stage->now(stage->user) + ms / 1000);
    return 0;
}

static int now(lua_State *L)
{
    const struct carom_stage *stage = stage_of(L, "now");

    lua_pushinteger(L, stage->now(stage->user));
    return 1;
}

/* ---- What comes ---- */

/* One decision, of what concerns one recipient. */
static int push_one(lua_State *L, const struct carom_stage *stage)
{
    const struct carom_shown *shown;

    stage->shown(stage->user, &shown);
    carom_testing_push_shown(L, shown);
    return 1;
}

/* A list of them, which also finds them by recipient. */
static int push_all(lua_State *L, const struct carom_stage *stage)
{
    const struct carom_shown *shown;
    size_t n = stage->shown(stage->user, &shown);

    lua_newtable(L);
    for (size_t i = 0; i < n; i++) {
        carom_testing_push_shown(L, &shown[i]);
        lua_pushvalue(L, -1);
        lua_rawseti(L, -3, (lua_Integer)i + 1);
        lua_pushlstring(L, shown[i].fact->recipient.ptr, shown[i].fact->recipient.len);
        lua_insert(L, -2);
        lua_rawset(L, -3);
    }
    return 1;
}

static int feed(lua_State *L)
{
    const struct carom_stage *stage = stage_of(L, "feed");
    struct carom_error err;
    struct carom_made made = carom_testing_check_fact(L, 2, "t:feed");

    if (stage->feed(stage->user, &made, &err) != 0)
        carom_testing_refuse(L, "t:feed", &err);
    return push_one(L, stage);
}

static const char *get_str(const struct carom_args *args, const char *name)
{
    struct carom_str text = CAROM_STR_EMPTY;

    return carom_args_str(args, name, &text) ? text.ptr : NULL;
}

/* Beside the file of tests, or where its path says. */
static struct carom_str read_message(lua_State *L, struct carom_str name)
{
    struct carom_buf *buf = carom_value_buffer(L, MESSAGE_MAX);
    struct carom_error err = {0};
    const char *path = *name.ptr == '/' ? name.ptr : lua_pushfstring(L, "%s%s", carom_host_policy(L)->directory.ptr, name.ptr);

    if (carom_chunk_read(path, buf, &err) != 0)
        carom_testing_refuse(L, "t:message", &err);
    return carom_buf_str(buf);
}

static int message(lua_State *L)
{
    const struct carom_stage *stage = stage_of(L, "message");
    struct carom_str name, bytes;
    struct carom_error err;

    name.ptr = luaL_checklstring(L, 2, &name.len);
    struct carom_args args = carom_args_begin(L, 3, "t:message");
    bytes = carom_str_chr(name, '\n') == SIZE_MAX ? read_message(L, name) : name; /* a path, or the message itself */
    const struct carom_envelope envelope = {.recipient = get_str(&args, "recipient"), .sender = get_str(&args, "sender"),
                                            .list = get_str(&args, "list"), .source = bytes.ptr == name.ptr ? "test" : name.ptr,
                                            .received = stage->now(stage->user)};
    if (stage->message(stage->user, bytes, &envelope, &err) != 0)
        carom_testing_refuse(L, "t:message", &err);
    return push_all(L, stage);
}

static int reply(lua_State *L)
{
    const struct carom_stage *stage = stage_of(L, "reply");
    struct carom_error err;
    const char *text = luaL_checkstring(L, 2);
    struct carom_args args = carom_args_begin(L, 3, "t:reply");
    const struct carom_reply_input input = {.reply = text, .recipient = get_str(&args, "recipient"),
                                            .delivery = get_str(&args, "delivery"), .list = get_str(&args, "list"),
                                            .command = get_str(&args, "command"),
                                            .remote_mta = get_str(&args, "remote_mta"), .time = stage->now(stage->user)};

    if (stage->reply(stage->user, &input, &err) != 0)
        carom_testing_refuse(L, "t:reply", &err);
    return push_one(L, stage);
}

static int dead_letter(lua_State *L)
{
    const struct carom_stage *stage = stage_of(L, "dead_letter");
    struct carom_dead_letter letter = {.action = "unsubscribe", .last_answer = "503 Service Unavailable", .attempts = 12};
    struct carom_error err;
    struct carom_made made = carom_testing_check_fact(L, 2, "t:dead_letter");
    struct carom_args args = carom_args_begin(L, 3, "t:dead_letter");

    if (carom_args_has(&args, "action"))
        letter.action = get_str(&args, "action");
    if (carom_args_has(&args, "last_answer"))
        letter.last_answer = get_str(&args, "last_answer");
    carom_args_int(&args, "attempts", &letter.attempts);
    if (stage->dead_letter(stage->user, &made, &letter, &err) != 0)
        carom_testing_refuse(L, "t:dead_letter", &err);
    return 0;
}

static int sign(lua_State *L)
{
    const struct carom_stage *stage = stage_of(L, "sign");
    char path[CAROM_VERP_PATH_SIZE];
    struct carom_error err;
    const char *recipient = luaL_checkstring(L, 2);
    struct carom_args args = carom_args_begin(L, 3, "t:sign");
    const struct carom_verp_input input = {.recipient = recipient, .list = get_str(&args, "list"),
                                           .id = get_str(&args, "id"), .time = stage->now(stage->user)};

    if (stage->sign(stage->user, &input, path, &err) != 0)
        carom_testing_refuse(L, "t:sign", &err);
    lua_pushstring(L, path);
    return 1;
}

/* ---- t ---- */

const luaL_Reg carom_testing_acts[] = {{"clock", set_clock}, {"wait", wait},       {"now", now},
                                       {"feed", feed},       {"message", message}, {"reply", reply},
                                       {"sign", sign},       {"dead_letter", dead_letter}, {NULL, NULL}};

static int index_test(lua_State *L)
{
    struct carom_str key = carom_object_key(L, TEST);

    return carom_object_method(L, carom_testing_acts, key) || carom_object_method(L, carom_testing_expectations, key);
}

void carom_testing_push(lua_State *L)
{
    lua_newuserdatauv(L, 0, 0);
    carom_object_set(L, TEST, index_test);
}
