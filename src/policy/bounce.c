/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The bounce as a hook sees it: every field of the fact by the table in classify/fact.h, text, headers. A field that
   nobody knows is an error: a typo must not read as nil. It changes nothing. */

#include "base/utf8.h"
#include "policy/api.h"
#include "policy/host.h"

#define BOUNCE "bounce"

enum { TEXT_MAX = 64 << 10 };

static const char *const groups[] = {"evidence", "autoreply", "feedback", "original"};
enum { GROUPS = sizeof(groups) / sizeof(groups[0]) };

/* The objects outlive no hook, but a policy may try. */
static const struct carom_subject *subject_of(lua_State *L)
{
    struct carom_policy *policy = carom_host_policy(L);
    if (!policy->call || !policy->call->subject)
        luaL_error(L, "the bounce belongs to the hook that got it");
    return policy->call->subject;
}

static const struct carom_fact *fact_of(lua_State *L)
{
    const struct carom_hook_call *call = carom_host_policy(L)->call;
    return call && call->fact ? call->fact : subject_of(L)->fact;
}

const struct carom_subject *carom_bounce_check(lua_State *L, const char *what)
{
    if (!luaL_testudata(L, 1, BOUNCE))
        luaL_error(L, "bounce.%s is called with a colon: bounce:%s", what, what);
    return subject_of(L);
}

/* ---- Fields ---- */

static bool field_text(struct carom_arena *arena, const struct carom_field *field, const struct carom_fact *fact,
                       struct carom_str *text_r)
{
    if (carom_arena_guard(arena))
        return false;
    *text_r = carom_field_text(arena, field, fact);
    carom_arena_unguard(arena);
    return true;
}

/* The value as text, pushed from the scratch memory; whole: as an integer. */
static void push_as_text(lua_State *L, const struct carom_field *field, const struct carom_fact *fact, bool whole)
{
    struct carom_arena *scratch = carom_host_policy(L)->scratch;
    struct carom_str text;
    if (!field_text(scratch, field, fact, &text))
        carom_sandbox_no_memory(L);
    int64_t number = whole ? carom_str_number(text) : -1;
    if (number >= 0)
        lua_pushinteger(L, number);
    else
        carom_object_push_str(L, whole ? CAROM_STR_EMPTY : text);
    carom_arena_reset(scratch);
}

static void push_field(lua_State *L, const struct carom_field *field, const struct carom_fact *fact)
{
    const void *member = (const char *)fact + field->offset; /* of the type that the table states */
    switch (field->type) {
    case CAROM_FIELD_STR: carom_object_push_str(L, *(const struct carom_str *)member); break;
    case CAROM_FIELD_TIME: carom_object_push_time(L, *(const int64_t *)member); break;
    case CAROM_FIELD_BOOL: lua_pushboolean(L, *(const bool *)member); break;
    case CAROM_FIELD_INT: push_as_text(L, field, fact, true); break;
    default: push_as_text(L, field, fact, false); break;
    }
}

void carom_bounce_push_fields(lua_State *L, const struct carom_fact *fact)
{
    lua_newtable(L);
    for (size_t i = 0; i < carom_fields_n; i++) {
        const struct carom_field *field = &carom_fields[i];
        lua_pushvalue(L, -1);
        if (*field->group && lua_getfield(L, -1, field->group) == LUA_TNIL) {
            lua_pop(L, 1);
            lua_newtable(L);
            lua_pushvalue(L, -1);
            lua_setfield(L, -3, field->group);
        }
        push_field(L, field, fact);
        lua_setfield(L, -2, field->name);
        lua_pop(L, *field->group ? 2 : 1);
    }
}

/* ---- Headers ---- */

static int header(lua_State *L)
{
    return carom_object_push_header(L, carom_bounce_check(L, "header")->headers);
}

static int returned_header(lua_State *L)
{
    if (!luaL_testudata(L, 1, "bounce.original"))
        return luaL_error(L, "header is called with a colon: bounce.original:header(\"Subject\")");
    return carom_object_push_header(L, subject_of(L)->returned_headers);
}

/* ---- Groups ---- */

static int index_group(lua_State *L, const char *group)
{
    const struct carom_fact *fact = fact_of(L);
    struct carom_str key = carom_object_key(L, group);
    const struct carom_field *field = carom_field_find(carom_str(group), key);
    if (!field)
        carom_object_refuse(L, key, group, NULL);
    push_field(L, field, fact);
    return 1;
}

static int index_evidence(lua_State *L) { return index_group(L, "evidence"); }
static int index_autoreply(lua_State *L) { return index_group(L, "autoreply"); }
static int index_feedback(lua_State *L) { return index_group(L, "feedback"); }

/* What the table of fields has not: the header, which no JSON holds. */
static int index_original(lua_State *L)
{
    struct carom_str key = carom_object_key(L, "original");
    if (carom_str_eq(key, CAROM_STR("headers")))
        carom_object_push_str(L, fact_of(L)->original.headers);
    else if (carom_str_eq(key, CAROM_STR("header")))
        lua_pushcfunction(L, returned_header);
    else
        return index_group(L, "original");
    return 1;
}

/* autoreply and feedback are nil for a fact that has none; evidence and original are always there, so that
   bounce.original:header("X-Campaign") needs no test before it. */
static bool push_group(lua_State *L, struct carom_str key, const struct carom_fact *fact)
{
    static const lua_CFunction index[] = {index_evidence, index_autoreply, index_feedback, index_original};
    static const char *const names[] = {"bounce.evidence", "bounce.autoreply", "bounce.feedback", "bounce.original"};
    size_t i = 0;
    while (i < GROUPS && !carom_str_eq(key, carom_str(groups[i])))
        i++;
    if (i == GROUPS)
        return false;
    if ((index[i] == index_autoreply && fact->kind != CAROM_KIND_AUTOREPLY && !fact->autoreply.type.len) ||
        (index[i] == index_feedback && fact->kind != CAROM_KIND_COMPLAINT && !fact->feedback.type.len)) {
        lua_pushnil(L);
        return true;
    }
    lua_newuserdatauv(L, 0, 0);
    carom_object_set(L, names[i], index[i]);
    return true;
}

/* ---- The bounce ---- */

/* At most 64 KiB, cut between characters. */
static void push_body_text(lua_State *L, struct carom_str text)
{
    if (text.len > TEXT_MAX) {
        text.len = TEXT_MAX;
        while (text.len > 0 && ((unsigned char)text.ptr[text.len] & 0xc0) == 0x80)
            text.len--;
    }
    carom_object_push_str(L, text);
}

/* A field of the fact, or one of its groups. */
static bool push_of_fact(lua_State *L, struct carom_str key, const struct carom_fact *fact)
{
    const struct carom_field *field = carom_field_find(CAROM_STR_EMPTY, key);
    if (field)
        push_field(L, field, fact);
    return field || push_group(L, key, fact);
}

static int index_bounce(lua_State *L)
{
    static const luaL_Reg methods[] = {{"header", header}, {NULL, NULL}};
    const struct carom_subject *subject = subject_of(L);
    struct carom_str key = carom_object_name(L);

    if (push_of_fact(L, key, subject->fact))
        return 1;
    if (!carom_api_has("bounce", key))
        carom_object_refuse(L, key, "bounce", "fact");
    if (carom_str_eq(key, CAROM_STR("text")))
        push_body_text(L, subject->text);
    else if (carom_str_eq(key, CAROM_STR("history")))
        carom_past_push(L);
    else if (!carom_object_method(L, carom_action_methods, key) && !carom_object_method(L, carom_past_methods, key) &&
             !carom_object_method(L, methods, key))
        carom_object_refuse(L, key, "bounce", "fact");
    return 1;
}

void carom_bounce_push(lua_State *L)
{
    lua_newuserdatauv(L, 0, 0);
    carom_object_set(L, BOUNCE, index_bounce);
}

/* ---- The fact of a job ---- */

static int index_past(lua_State *L)
{
    const struct carom_hook_call *call = carom_host_policy(L)->call;
    if (!call || !call->fact)
        luaL_error(L, "the job belongs to the hook that got it");
    struct carom_str key = carom_object_name(L);
    if (!push_of_fact(L, key, call->fact))
        carom_object_refuse(L, key, "fact", NULL);
    return 1;
}

void carom_bounce_push_past(lua_State *L)
{
    lua_newuserdatauv(L, 0, 0);
    carom_object_set(L, "job.fact", index_past);
}
