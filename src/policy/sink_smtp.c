/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* carom.smtp, and `smtp` of carom.configure: a server that takes mail. Whom a mail may go to is settled here: a person
   that the policy names for alerts, the address concerned for probes and what is submitted again. Sends nothing. */

#include "mail/address.h"
#include "policy/sinks.h"
#include "policy/value.h"

static const int64_t max_age_default = INT64_C(2) * 24 * 3600 * 1000;
static const char *const schemes[2] = {"smtp://", "smtps://"};

/* A whole address and nothing but it; empty where it is not given. */
static struct carom_str get_address(const struct carom_args *args, const char *name)
{
    struct carom_str address;
    if (!carom_args_str(args, name, &address))
        return CAROM_STR_EMPTY;
    if (!carom_address_valid(address))
        carom_args_fail(args, "%s = \"%s\" is no mail address", name, address.ptr);
    return carom_sink_keep(args, address);
}

static void get_server(const struct carom_args *args, struct carom_sink *sink)
{
    struct carom_str user;
    sink->url = carom_sink_url(args, schemes);
    if (carom_str_chr(sink->url, '{') != SIZE_MAX)
        carom_args_fail(args, "url of a mail server is fixed: it takes no placeholders");
    sink->password = carom_sink_secret(args, "password");
    if (carom_args_str(args, "user", &user))
        sink->user = carom_sink_keep(args, user);
    if ((sink->password.from != CAROM_SECRET_NONE) != (sink->user.len > 0))
        carom_args_fail(args, "user and password go together");
    carom_sink_common(args, sink);
}

static void refuse_without_server(const struct carom_args *args)
{
    static const char *const names[] = {"user", "password", "ca", "allow_private"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (carom_args_has(args, names[i]))
            carom_args_fail(args, "%s belongs to a url; without one the server is carom.configure's smtp", names[i]);
}

int carom_sink_smtp(lua_State *L)
{
    carom_sink_check_loading(L, "carom.smtp");
    lua_settop(L, 1);
    struct carom_args args = carom_args_begin(L, 1, "carom.smtp");
    struct carom_sink *sink = carom_sink_push(L, CAROM_SINK_SMTP);
    if (carom_args_has(&args, "url"))
        get_server(&args, sink);
    else
        refuse_without_server(&args);
    sink->to = get_address(&args, "to");
    sink->sender = get_address(&args, "from");
    sink->max_age_ms = max_age_default;
    carom_args_duration(&args, "max_age", &sink->max_age_ms);
    return 1;
}

struct carom_sink *carom_sink_smtp_own(const struct carom_args *args)
{
    struct carom_sink *sink = carom_sink_new(args->L, CAROM_SINK_SMTP);
    get_server(args, sink);
    sink->name = CAROM_STR("smtp");
    sink->sender = get_address(args, "from");
    sink->max_age_ms = max_age_default;
    if (!sink->sender.len)
        carom_args_fail(args, "from is missing: the address that carom's own mail comes from");
    return sink;
}

static void inherit(struct carom_sink *sink, const struct carom_sink *own)
{
    if (!sink->sender.len)
        sink->sender = own->sender;
    if (sink->url.len)
        return;
    sink->url = own->url;
    sink->user = own->user;
    sink->password = own->password;
    sink->ca = own->ca;
    sink->allow_private = own->allow_private;
}

void carom_sink_smtp_fit(lua_State *L, struct carom_sink *sink, struct carom_str action, const struct carom_sink *own)
{
    bool alert = carom_str_eq(action, CAROM_STR("alert")), retry = carom_str_eq(action, CAROM_STR("retry"));
    if (!alert && !retry && !carom_str_eq(action, CAROM_STR("probe")))
        luaL_error(L, "carom.configure: sinks: carom.smtp takes alert, probe and retry, not \"%s\"", action.ptr);
    if (own)
        inherit(sink, own);
    if (alert && !sink->to.len)
        luaL_error(L, "carom.configure: sinks: alert: to is missing: who is told");
    if (!alert && sink->to.len)
        luaL_error(L, "carom.configure: sinks: %s: to has no place here: the mail goes to the address concerned",
                   action.ptr);
    if (retry && !sink->url.len)
        luaL_error(L, "carom.configure: sinks: retry: url is missing, and carom.configure has no smtp");
    if (!retry && sink->url.len && !sink->sender.len)
        luaL_error(L, "carom.configure: sinks: %s: from is missing: the address that the mail comes from", action.ptr);
}
