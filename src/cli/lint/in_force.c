/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The configuration printed as the Lua that would set it. The keys are those of the table of the API: one that this file
   does not print is an error that no policy gets past. */

#include "cli/lint/in_force.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/date.h"
#include "cli/print.h"
#include "policy/api.h"

static const char hidden[] = "\"(not shown)\"";

struct state {
    const struct carom_config *config, *by_default;
};

/* ---- Values ---- */

/* Quoted for Lua. */
static void plain(struct carom_str value)
{
    putchar('"');
    for (size_t end; value.len; value = carom_str_from(value, end)) {
        if (value.ptr[0] == '"' || value.ptr[0] == '\\')
            putchar('\\');
        for (end = 1; end < value.len && value.ptr[end] != '"' && value.ptr[end] != '\\';)
            end++;
        carom_print_cell(stdout, carom_str_head(value, end), 0);
    }
    putchar('"');
}

static void duration(int64_t ms)
{
    static const struct {
        int64_t ms;
        const char *unit;
    } units[] = {{INT64_C(86400000), "d"}, {3600000, "h"}, {60000, "m"}, {1000, "s"}, {1, "ms"}};
    size_t i = 0;
    while (ms % units[i].ms != 0)
        i++;
    printf("\"%" PRId64 "%s\"", ms / units[i].ms, units[i].unit);
}

static void size(int64_t bytes)
{
    static const char *const units[] = {"KiB", "MiB", "GiB"};
    int i = 0;
    for (bytes >>= 10; i < 2 && bytes % 1024 == 0; i++)
        bytes >>= 10;
    printf("\"%" PRId64 "%s\"", bytes, units[i]);
}

static void secret(const struct carom_secret *value)
{
    if (value->from == CAROM_SECRET_LITERAL) {
        fputs(hidden, stdout);
        return;
    }
    fputs(value->from == CAROM_SECRET_FILE ? "carom.file " : "carom.env ", stdout);
    plain(value->value);
}

static void names(const struct carom_names *list)
{
    putchar('{');
    for (; list; list = list->next) {
        putchar(' ');
        plain(list->name);
        if (list->next)
            putchar(',');
    }
    fputs(" }", stdout);
}

/* ---- Sinks ---- */

static void member(const char *name) { printf(" %s = ", name); }

static void member_text(const char *name, struct carom_str value)
{
    if (!value.len)
        return;
    member(name);
    plain(value);
    putchar(',');
}

static void member_secret(const char *name, const struct carom_secret *value)
{
    if (value->from == CAROM_SECRET_NONE)
        return;
    member(name);
    secret(value);
    putchar(',');
}

static void member_hidden(const char *name, bool there)
{
    if (there)
        printf(" %s = %s,", name, hidden);
}

/* A key may stand in the query. */
static void member_url(struct carom_str url)
{
    size_t query = carom_str_chr(url, '?');
    if (query != SIZE_MAX)
        url = carom_str_head(url, query);
    member_text("url", url);
    if (query != SIZE_MAX)
        fputs(" --[[ and a query ]]", stdout);
}

static void member_codes(const char *name, const int *codes, int offset)
{
    if (!codes[0])
        return;
    printf(" %s = {", name);
    for (int i = 0; codes[i]; i++)
        if (codes[i] == -2 && !offset)
            printf("%s \"2xx\"", i ? "," : "");
        else
            printf("%s %d", i ? "," : "", codes[i] - offset);
    fputs(" },", stdout);
}

static void member_arguments(const char *name, const struct carom_pair *list)
{
    if (!list)
        return;
    printf(" %s = {", name);
    for (; list; list = list->next) {
        putchar(' ');
        plain(list->value);
        if (list->next)
            putchar(',');
    }
    fputs(" },", stdout);
}

static void server(const struct carom_sink *sink)
{
    member_url(sink->url);
    member_text("user", sink->user);
    member_secret("password", &sink->password);
    member_text("ca", sink->ca);
    if (sink->allow_private)
        fputs(" allow_private = true,", stdout);
}

static void http(const struct carom_sink *sink)
{
    member_text("method", sink->method);
    server(sink);
    member_secret("token", &sink->token);
    member_hidden("headers", sink->headers);
    member_hidden("form", sink->form);
    member_hidden("body", sink->body.len > 0);
    if (sink->first.url.len) {
        fputs(" first = {", stdout);
        member_text("method", sink->first.method);
        member_url(sink->first.url);
        fputs(" },", stdout);
    }
    member_codes("done", sink->done, 0);
    member_codes("pending", sink->pending, 0);
}

static void one_sink(const struct carom_sink *sink)
{
    static const char *const types[] = {"webhook", "http", "command", "smtp"};
    printf("carom.%s {", types[sink->type]);
    switch (sink->type) {
    case CAROM_SINK_WEBHOOK:
        server(sink);
        member_secret("secret", &sink->secrets[0]);
        if (sink->secrets[1].from != CAROM_SECRET_NONE)
            fputs(" --[[ and a second one ]]", stdout);
        break;
    case CAROM_SINK_HTTP: http(sink); break;
    case CAROM_SINK_COMMAND:
        member_arguments("argv", sink->argv);
        member_hidden("stdin", sink->input.len > 0);
        member_arguments("verify", sink->verify);
        member_codes("done", sink->exits_done, 1);
        member_codes("retry", sink->exits_retry, 1);
        break;
    case CAROM_SINK_SMTP:
        server(sink);
        member_text("to", sink->to);
        member_text("from", sink->sender);
        member("max_age");
        duration(sink->max_age_ms);
        break;
    }
    fputs(" }", stdout);
}

static void entries(const struct carom_sink_entry *entry)
{
    puts("{");
    for (; entry; entry = entry->next) {
        fputs("    [", stdout);
        plain(entry->name);
        fputs("] = ", stdout);
        if (entry->sinks->next)
            fputs("{ ", stdout);
        for (const struct carom_sink *sink = entry->sinks; sink; sink = sink->next) {
            one_sink(sink);
            if (sink->next)
                fputs(", ", stdout);
        }
        puts(entry->sinks->next ? " }," : ",");
    }
    fputs("  }", stdout);
}

/* ---- Keys: each prints its value, and says whether that is the default ---- */

static bool key_store(const struct state *s)
{
    if (s->config->store.len)
        plain(s->config->store);
    else
        fputs("nil --[[ carom.db in the state directory ]]", stdout);
    return !s->config->store.len;
}

static bool key_mode(const struct state *s)
{
    plain(s->config->observe ? CAROM_STR("observe") : CAROM_STR("act"));
    return !s->config->observe;
}

static bool key_lists(const struct state *s)
{
    if (!s->config->lists)
        return fputs("{}", stdout), true;
    puts("{");
    for (const struct carom_list_entry *list = s->config->lists; list; list = list->next) {
        fputs("    [", stdout);
        plain(list->id);
        fputs("] = {", stdout);
        member_text("address", list->address);
        member_text("key", list->key);
        puts(" },");
    }
    return fputs("  }", stdout), false;
}

static bool print_entries(const struct carom_sink_entry *list)
{
    if (list)
        entries(list);
    else
        fputs("{}", stdout);
    return !list;
}

static bool key_sinks(const struct state *s) { return print_entries(s->config->sinks); }
static bool key_endpoints(const struct state *s) { return print_entries(s->config->endpoints); }
static bool key_commands(const struct state *s) { return print_entries(s->config->commands); }

static bool key_smtp(const struct state *s)
{
    if (!s->config->smtp)
        return fputs("nil", stdout), true;
    putchar('{');
    server(s->config->smtp);
    member_text("from", s->config->smtp->sender);
    return fputs(" }", stdout), false;
}

static bool key_verp(const struct state *s)
{
    const struct carom_verp_config *verp = s->config->verp;
    char day[32];
    if (!verp)
        return fputs("nil", stdout), true;
    putchar('{');
    member_text("domain", verp->domain);
    member_text("prefix", verp->prefix);
    member("max_age");
    duration(verp->max_age_ms);
    fputs(", keys = {", stdout);
    for (const struct carom_verp_source *key = verp->keys; key; key = key->next) {
        carom_date_format(key->since, day);
        printf(" { id = %u,", key->id);
        member_secret("secret", &key->secret);
        printf(" since = \"%.10s\" },", day);
    }
    return fputs(" } }", stdout), false;
}

static bool key_return_paths(const struct state *s)
{
    if (!s->config->return_paths)
        return fputs("nil", stdout), true;
    return names(s->config->return_paths->systems), false;
}

static bool key_authserv(const struct state *s)
{
    if (!s->config->authserv)
        return fputs("nil", stdout), true;
    return names(s->config->authserv), false;
}

static bool key_fbl(const struct state *s)
{
    if (!s->config->fbl)
        return fputs("nil", stdout), true;
    putchar('{');
    for (const struct carom_fbl *fbl = s->config->fbl; fbl; fbl = fbl->next) {
        fputs(" [", stdout);
        plain(fbl->address);
        fputs("] = ", stdout);
        names(fbl->from);
        putchar(',');
    }
    return fputs(" }", stdout), false;
}

static bool key_score(const struct state *s)
{
    fputs("{ half_life = ", stdout);
    duration(s->config->half_life_ms);
    return fputs(" }", stdout), s->config->half_life_ms == s->by_default->half_life_ms;
}

static bool key_keep(const struct state *s)
{
    const struct carom_config *c = s->config, *d = s->by_default;
    fputs("{ raw = ", stdout);
    duration(c->keep_raw_ms);
    fputs(", facts = ", stdout);
    duration(c->keep_facts_ms);
    fputs(", jobs = ", stdout);
    duration(c->keep_jobs_ms);
    fputs(" }", stdout);
    return c->keep_raw_ms == d->keep_raw_ms && c->keep_facts_ms == d->keep_facts_ms && c->keep_jobs_ms == d->keep_jobs_ms;
}

static bool key_limits(const struct state *s)
{
    const struct carom_config *c = s->config, *d = s->by_default;
    fputs("{ time = ", stdout);
    duration(c->limit_time_ms);
    fputs(", memory = ", stdout);
    size(c->limit_memory);
    printf(", instructions = %" PRId64 " }", c->limit_instructions);
    return c->limit_time_ms == d->limit_time_ms && c->limit_memory == d->limit_memory &&
           c->limit_instructions == d->limit_instructions;
}

static bool key_log(const struct state *s)
{
    const struct carom_log_settings *log = &s->config->log, *d = &s->by_default->log;
    putchar('{');
    if (log->to == CAROM_LOG_TO_FILE)
        member_text("file", log->path);
    else if (log->to != CAROM_LOG_TO_DEFAULT)
        member_text("to", log->to == CAROM_LOG_TO_SYSLOG ? CAROM_STR("syslog") : CAROM_STR("stderr"));
    printf(" format = \"%s\", level = \"%s\" }", log->json ? "json" : "text", carom_log_level_name(log->level));
    return log->to == d->to && log->json == d->json && log->level == d->level;
}

/* What holds today: with keys for return paths the defaults are stricter from a day on. */
static bool key_gate(const struct state *s)
{
    static const char *const words[] = {"failure", "complaint", "unsubscribe", "delivered"};
    const struct carom_gate *gate = &s->config->gate;
    const int values[] = {gate->failure, gate->complaint, gate->unsubscribe, gate->delivered};
    bool by_default = true;
    putchar('{');
    for (size_t i = 0; i < 4; i++) {
        const char *strict = i == 0 || i == 3 ? "matched" : "aligned", *usual = s->config->verp ? strict : "unproven";
        const char *word = values[i] >= 0 ? carom_authenticity_name((enum carom_authenticity)values[i]) : usual;
        by_default = by_default && !strcmp(word, usual);
        printf("%s %s = \"%s\"", i ? "," : "", words[i], word);
    }
    fputs(" }", stdout);
    return by_default;
}

static bool key_breaker(const struct state *s)
{
    const struct carom_config *c = s->config, *d = s->by_default;
    bool factor = !(c->breaker.factor < d->breaker.factor) && !(c->breaker.factor > d->breaker.factor);
    fputs("{ window = ", stdout);
    duration(c->breaker.window_ms);
    printf(", min = %" PRId64 ", factor = %g }", c->breaker.min, c->breaker.factor);
    return c->breaker.window_ms == d->breaker.window_ms && c->breaker.min == d->breaker.min && factor;
}

static bool key_settle(const struct state *s)
{
    if (s->config->settle_ms)
        duration(s->config->settle_ms);
    else
        fputs("nil", stdout);
    return !s->config->settle_ms;
}

static bool key_held(const struct state *s)
{
    fputs("{ expire = ", stdout);
    duration(s->config->held.expire_ms);
    printf(", check = \"%s\" }", s->config->held.deny ? "deny" : "allow");
    return s->config->held.expire_ms == s->by_default->held.expire_ms && !s->config->held.deny;
}

static const struct {
    const char *name;
    bool (*print)(const struct state *state);
} keys[] = {
    {"store", key_store},       {"mode", key_mode},       {"lists", key_lists},   {"sinks", key_sinks},
    {"endpoints", key_endpoints}, {"commands", key_commands}, {"smtp", key_smtp},   {"verp", key_verp},
    {"return_paths", key_return_paths}, {"trusted_authserv", key_authserv}, {"fbl", key_fbl}, {"score", key_score},
    {"keep", key_keep},         {"limits", key_limits},   {"log", key_log},       {"gate", key_gate},
    {"breaker", key_breaker},   {"settle", key_settle},   {"held", key_held},
};

void carom_in_force_print(const struct carom_policy *policy)
{
    struct carom_config by_default;
    struct state state = {carom_policy_config(policy), &by_default};

    carom_config_default(&by_default);
    puts("carom.configure {");
    for (const struct carom_api_row *row = carom_api_first("carom.configure"); row; row = carom_api_next(row)) {
        size_t i = 0;
        while (i < sizeof keys / sizeof *keys && strcmp(keys[i].name, row->name))
            i++;
        assert(i < sizeof keys / sizeof *keys);
        printf("  %s = ", row->name);
        puts(keys[i].print(&state) ? ", -- default" : ",");
    }
    puts("}");
}
