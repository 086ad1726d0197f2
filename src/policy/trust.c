/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* What a policy trusts: its keys for return paths, servers that authenticate, feedback loops; and carom.verp, which
   signs. Secrets are references here; they are fetched when something is signed or checked. */

#include "base/date.h"
#include "decision/trust.h"
#include "mail/address.h"
#include "policy/freeze.h"
#include "policy/keys.h"
#include "policy/sinks.h"
#include "policy/value.h"

#define WHAT "carom.configure"

static void *new(lua_State *L, size_t size)
{
    return carom_value_new(L, carom_host_policy(L)->arena, size);
}

/* ---- verp ---- */

static bool is_token_char(char c)
{
    return carom_is_digit(c) || (c >= 'a' && c <= 'z') || c == '.' || c == '-';
}

static bool is_domain(struct carom_str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (!is_token_char(text.ptr[i]))
            return false;
    return text.len <= 253 && carom_str_chr(text, '.') != SIZE_MAX && text.ptr[0] != '.' &&
           text.ptr[text.len - 1] != '.';
}

static struct carom_str get_domain(const struct carom_args *args)
{
    struct carom_str text;
    if (!carom_args_str(args, "domain", &text))
        carom_args_fail(args, "domain is missing: the one whose mail is the bounces, such as \"bounces.example.org\"");
    if (!is_domain(text))
        carom_args_fail(args, "domain = \"%s\" is no domain name in lower case", text.ptr);
    return carom_sink_keep(args, text);
}

/* "bounces+": what the mail server sorts by. Twenty characters and a name must have room behind it. */
static struct carom_str get_prefix(const struct carom_args *args)
{
    struct carom_str text;
    if (!carom_args_str(args, "prefix", &text))
        return CAROM_STR_EMPTY;
    for (size_t i = 0; i < text.len; i++)
        if (!is_token_char(text.ptr[i]) && text.ptr[i] != '+' && text.ptr[i] != '=' && text.ptr[i] != '_')
            carom_args_fail(args, "prefix = \"%s\" holds other than a-z, 0-9 and + - = . _", text.ptr);
    if (text.len > 24 || text.ptr[0] == '.')
        carom_args_fail(args, "prefix = \"%s\" has more than 24 bytes, or begins with a dot", text.ptr);
    return carom_sink_keep(args, text);
}

static int64_t get_since(const struct carom_args *args)
{
    struct carom_str text;
    char time[32];
    int64_t since;
    if (!carom_args_str(args, "since", &text))
        carom_args_fail(args,
                        "since is missing: the day from which all mail is signed with it, such as \"2026-03-01\"");
    snprintf(time, sizeof time, "%sT00:00:00Z", text.ptr);
    since = text.len == 10 ? carom_date_parse_rfc3339(carom_str(time)) : 0;
    if (!since)
        carom_args_fail(args, "since = \"%s\" is no day; write \"2026-03-01\"", text.ptr);
    return since;
}

static void get_key(const struct carom_args *verp, struct carom_verp_config *config)
{
    struct carom_args key = carom_args_begin(verp->L, -1, WHAT ": verp: a key");
    struct carom_verp_source *source = new(verp->L, sizeof *source), **tail = &config->keys;
    int64_t id = -1;
    if (!carom_args_int(&key, "id", &id) || id < 0 || id >= CAROM_VERP_KEY_IDS)
        carom_args_fail(&key, "id must be a number from 0 to %d", CAROM_VERP_KEY_IDS - 1);
    *source = (struct carom_verp_source){
        .id = (unsigned)id, .secret = carom_sink_secret(&key, "secret"), .since = get_since(&key)};
    if (source->secret.from == CAROM_SECRET_NONE)
        carom_args_fail(&key, "secret is missing");
    for (; *tail; tail = &(*tail)->next)
        if ((*tail)->id == source->id)
            carom_args_fail(&key, "id %d is given twice: a new secret needs a new id", (int)id);
    *tail = source;
}

static void get_keys(const struct carom_args *verp, struct carom_verp_config *config)
{
    lua_State *L = verp->L;
    int n = carom_args_table(verp, "keys") ? (int)lua_rawlen(L, -1) : 0, table = lua_gettop(L);
    for (int i = 1; i <= n; i++) {
        lua_rawgeti(L, table, i);
        get_key(verp, config);
        lua_settop(L, table);
    }
    if (!config->keys)
        carom_args_fail(verp, "keys is missing: { { id = 1, secret = carom.file \"…\", since = \"2026-03-01\" } }");
}

static void get_verp(const struct carom_args *args, struct carom_config *config)
{
    int top = lua_gettop(args->L);
    if (!carom_args_table(args, "verp"))
        return;
    struct carom_args verp = carom_args_begin(args->L, -1, WHAT ": verp");
    config->verp = new(args->L, sizeof *config->verp);
    config->verp->max_age_ms = INT64_C(30) * 24 * 3600 * 1000;
    config->verp->domain = get_domain(&verp);
    config->verp->prefix = get_prefix(&verp);
    carom_args_duration(&verp, "max_age", &config->verp->max_age_ms);
    if (config->verp->max_age_ms > INT64_C(10000) * 24 * 3600 * 1000)
        carom_args_fail(&verp, "max_age is more than 10,000 days");
    get_keys(&verp, config->verp);
    lua_settop(args->L, top);
}

/* ---- trusted_authserv, fbl ---- */

/* The table on top, a list of names. */
static struct carom_names *take_names(const struct carom_args *args, const char *what)
{
    lua_State *L = args->L;
    struct carom_names *first = NULL, **tail = &first;
    int n = lua_istable(L, -1) ? (carom_freeze_unwrap(L, -1), (int)lua_rawlen(L, -1)) : 0;
    for (int i = 1; i <= n; i++, tail = &(*tail)->next) {
        struct carom_str name;
        if (lua_rawgeti(L, -1, i) != LUA_TSTRING)
            carom_args_fail(args, "%s is a list of texts, not of a %s", what, luaL_typename(L, -1));
        name.ptr = lua_tolstring(L, -1, &name.len);
        for (size_t k = 0; k < name.len; k++)
            if ((unsigned char)name.ptr[k] <= ' ' || strchr(";@\"", name.ptr[k]))
                carom_args_fail(args, "%s: \"%s\" is no name of a host or domain", what, name.ptr);
        if (!name.len)
            carom_args_fail(args, "%s: a name is empty", what);
        *tail = new(L, sizeof **tail);
        (*tail)->name = carom_sink_keep(args, name);
        lua_pop(L, 1);
    }
    if (!first)
        carom_args_fail(args, "%s is a list of names, such as { \"mx.example.org\" }", what);
    return first;
}

static void get_authserv(const struct carom_args *args, struct carom_config *config)
{
    if (!carom_args_push(args, "trusted_authserv"))
        return;
    config->authserv = take_names(args, "trusted_authserv");
    lua_pop(args->L, 1);
}

/* The name must be a system of the table. */
static void check_system(const struct carom_args *args, struct carom_str name)
{
    struct carom_nearest nearest = carom_nearest_to(name);
    const char *system;
    for (size_t i = 0; (system = carom_return_path_system(i)); i++) {
        if (carom_str_ieq(carom_str(system), name))
            return;
        carom_nearest_offer(&nearest, carom_str(system));
    }
    carom_args_fail(args, "return_paths: there is no \"%s\"%s (carom codes --return-paths lists them)", name.ptr,
                    carom_nearest_push(args->L, &nearest));
}

static void get_return_paths(const struct carom_args *args, struct carom_config *config)
{
    if (!carom_args_table(args, "return_paths"))
        return;
    config->return_paths = new(args->L, sizeof *config->return_paths);
    if (lua_rawlen(args->L, -1) > 0)
        config->return_paths->systems = take_names(args, "return_paths");
    for (const struct carom_names *name = config->return_paths->systems; name; name = name->next)
        check_system(args, name->name);
    lua_pop(args->L, 1);
}

static void get_fbl(const struct carom_args *args, struct carom_config *config)
{
    lua_State *L = args->L;
    struct carom_fbl **tail = &config->fbl;
    int top = lua_gettop(L);
    if (!carom_args_table(args, "fbl"))
        return;
    carom_keys_push(L, top + 1);
    lua_Integer n = (lua_Integer)lua_rawlen(L, top + 2);
    for (lua_Integer i = 1; i <= n; i++, tail = &(*tail)->next) {
        struct carom_str address;
        if (lua_rawgeti(L, top + 2, i) != LUA_TSTRING)
            carom_args_fail(args, "fbl takes addresses, as in { [\"fbl@example.com\"] = { \"mx.provider.example\" } }");
        address.ptr = lua_tolstring(L, -1, &address.len);
        if (!carom_address_valid(address))
            carom_args_fail(args, "fbl: \"%s\" is no mail address", address.ptr);
        *tail = new(L, sizeof **tail);
        (*tail)->address = carom_sink_keep(args, address);
        lua_rawget(L, top + 1);
        (*tail)->from = take_names(args, "fbl: who reports to an address");
        lua_settop(L, top + 2);
    }
    if (!config->fbl)
        carom_args_fail(args, "fbl is empty");
    lua_settop(L, top);
}

void carom_trust_configure(const struct carom_args *args, struct carom_config *config)
{
    get_verp(args, config);
    get_authserv(args, config);
    get_fbl(args, config);
    get_return_paths(args, config);
}

/* ---- carom.verp { recipient =, list =, id = } ---- */

static bool sign(struct carom_policy *policy, const struct carom_verp *verp, struct carom_verp_subject subject,
                 struct carom_str *path_r, struct carom_error *err)
{
    if (carom_arena_guard(policy->scratch))
        return carom_error_memory(err) == 0;
    subject.list = carom_trust_list_name(&policy->config, subject.list);
    *path_r = carom_verp_sign(policy->scratch, verp, CAROM_VERP_PATH, &subject, policy->call->now / 1000, err);
    carom_arena_unguard(policy->scratch);
    return path_r->len > 0;
}

int carom_trust_verp(lua_State *L)
{
    struct carom_policy *policy = carom_host_policy(L);
    struct carom_verp_subject subject = {CAROM_STR_EMPTY, CAROM_STR_EMPTY, CAROM_STR_EMPTY};
    const struct carom_verp *verp;
    struct carom_error err;
    struct carom_str path;

    lua_settop(L, 1);
    struct carom_args args = carom_args_begin(L, 1, "carom.verp");
    carom_args_str(&args, "recipient", &subject.recipient);
    carom_args_str(&args, "list", &subject.list);
    carom_args_str(&args, "id", &subject.id);
    if (!policy->call || !policy->call->now)
        return luaL_error(L, "carom.verp is for hooks that get a bounce or message: what it signs bears the day");
    if (subject.recipient.len && !carom_address_valid(subject.recipient))
        carom_args_fail(&args, "recipient = \"%s\" is no mail address", subject.recipient.ptr);
    if (subject.recipient.len + subject.list.len + subject.id.len > 1024)
        carom_args_fail(&args, "recipient, list and id are too long");
    carom_sandbox_charge(L, 200);
    if (carom_policy_verp(policy, &verp, &err) != 0)
        carom_args_fail(&args, "%s", err.text);
    if (!verp)
        carom_args_fail(&args, "carom.configure has no verp");
    if (!sign(policy, verp, subject, &path, &err)) {
        carom_arena_reset(policy->scratch);
        carom_args_fail(&args, "%s", err.text);
    }
    lua_pushlstring(L, path.ptr, path.len);
    carom_arena_reset(policy->scratch);
    return 1;
}
