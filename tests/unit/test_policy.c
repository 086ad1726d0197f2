/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* What a policy may say, what it is told when it says something else, which hook runs, what comes out. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "policy/calls.h"
#include "policy/policy.h"

static const int64_t day = INT64_C(86400000);

/* ---- The stage: a directory with policy.lua and helper.lua, a fact with a past ---- */

struct stage {
    char directory[64], path[96], helper[96];
    struct carom_arena *arena;
    struct carom_fact fact;
    struct carom_past past[3];
    struct carom_history history;
    struct carom_headers headers, returned;
    char logged[1024];
    struct carom_log log;
};

static void remember_line(void *user, enum carom_log_level level, struct carom_str line)
{
    struct stage *stage = user;
    snprintf(stage->logged, sizeof(stage->logged), "%d " CAROM_STR_FMT, (int)level, CAROM_STR_ARG(line));
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
}

static void make_fact(struct stage *stage)
{
    stage->fact = (struct carom_fact){
        .id = CAROM_STR("8f14e45f"), .kind = CAROM_KIND_PERMANENT, .reason = CAROM_REASON_USER_UNKNOWN,
        .fault = CAROM_FAULT_RECIPIENT, .hard = true, .recipient = CAROM_STR("ann@example.com"),
        .list = CAROM_STR("dev.lists.example.org"), .reply_code = 550, .status = CAROM_STR("5.1.1"),
        .diagnostic = CAROM_STR("550 5.1.1 no such user"), .provider = CAROM_STR("google"),
        .confidence = CAROM_CONFIDENCE_HIGH, .authenticity = CAROM_AUTHENTICITY_MATCHED,
        .time = 1700000000, .received = 1700000060, .index = 7,
        .evidence = {CAROM_STR("generic.user_unknown"), CAROM_STR("no such user"), CAROM_STR("diagnostic")},
        .original = {.subject = CAROM_STR("News"), .headers = CAROM_STR("Subject: News\n")},
    };
}

static void make_history(struct stage *stage)
{
    int64_t now = INT64_C(1700000060000);
    for (int i = 0; i < 3; i++)
        stage->past[i] = (struct carom_past){.id = i + 1, .kind = CAROM_KIND_PERMANENT,
                                             .reason = CAROM_REASON_USER_UNKNOWN, .hard = true,
                                             .time = now - (20 - i) * day, .received = now - (20 - i) * day,
                                             .list = CAROM_STR("dev.lists.example.org"), .points = 1};
    static struct carom_tag tag = {.key = {"vip", 3}, .value = {"yes", 3}};
    stage->history = (struct carom_history){.list = stage->past, .n = 3, .tags = &tag, .half_life_ms = 30 * day,
                                            .now = now};
    stage->history.present = (struct carom_past){.kind = CAROM_KIND_PERMANENT, .reason = CAROM_REASON_USER_UNKNOWN,
                                                 .hard = true, .time = INT64_C(1700000000000), .received = now,
                                                 .list = CAROM_STR("dev.lists.example.org")};
}

static int set_up(void **state)
{
    struct stage *stage = calloc(1, sizeof(*stage));
    struct carom_str body;
    assert_non_null(stage);
    strcpy(stage->directory, "/tmp/carom-test-XXXXXX");
    assert_non_null(mkdtemp(stage->directory));
    snprintf(stage->path, sizeof(stage->path), "%s/policy.lua", stage->directory);
    snprintf(stage->helper, sizeof(stage->helper), "%s/helper.lua", stage->directory);
    write_file(stage->helper, "return { twice = function(n) return 2 * n end }\n");
    stage->arena = carom_arena_new();
    assert_non_null(stage->arena);
    assert_int_equal(carom_arena_guard(stage->arena), 0);
    stage->headers = carom_headers_parse(stage->arena, CAROM_STR("Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\n\n"), &body);
    stage->returned = carom_headers_parse(stage->arena, CAROM_STR("X-Campaign: spring\n\n"), &body);
    carom_arena_unguard(stage->arena);
    stage->log = (struct carom_log){remember_line, stage};
    make_fact(stage);
    make_history(stage);
    *state = stage;
    return 0;
}

static int tear_down(void **state)
{
    struct stage *stage = *state;
    unlink(stage->path);
    unlink(stage->helper);
    rmdir(stage->directory);
    carom_arena_free(stage->arena);
    free(stage);
    return 0;
}

static struct carom_policy *load(struct stage *stage, const char *text, struct carom_error *err)
{
    write_file(stage->path, text);
    return carom_policy_load(stage->path, &stage->log, err);
}

static struct carom_policy *load_good(struct stage *stage, const char *text)
{
    struct carom_error err = {0};
    struct carom_policy *policy = load(stage, text, &err);
    if (!policy)
        fail_msg("%s: got \"%s\", want it to load", text, err.text);
    return policy;
}

static int decide(struct carom_policy *policy, struct stage *stage, struct carom_decision *decision_r,
                  struct carom_error *err)
{
    struct carom_subject subject = {.fact = &stage->fact, .history = &stage->history, .headers = &stage->headers,
                                    .returned_headers = &stage->returned,
                                    .text = CAROM_STR("Der Nutzer ist nicht mehr bei uns t\xc3\xa4tig."),
                                    .now = INT64_C(1700000060000)};
    return carom_policy_decide(policy, stage->arena, &subject, decision_r, err);
}

/* Decision or error as one text: "hook: {…}[state note]…". */
static void print_outcome(struct stage *stage, const char *text, char *out, size_t size)
{
    struct carom_error err = {0};
    struct carom_decision decision;
    struct carom_buf buf = CAROM_BUF_INIT(64 << 10);
    struct carom_policy *policy = load(stage, text, &err);
    if (!policy || decide(policy, stage, &decision, &err) != 0) {
        snprintf(out, size, "%s", err.text);
    } else {
        carom_buf_printf(&buf, "%.*s:", CAROM_STR_ARG(decision.hook));
        for (const struct carom_decided *decided = decision.first; decided; decided = decided->next) {
            struct carom_json json = carom_json_to(&buf);
            carom_buf_add_char(&buf, ' ');
            carom_decided_write(decided, &stage->fact, &json);
            if (decided->state != CAROM_ACTION_DECIDED)
                carom_buf_printf(&buf, "[%s]", decided->note ? decided->note : "");
        }
        if (decision.ignored)
            carom_buf_add_str(&buf, CAROM_STR(" ignored"));
        snprintf(out, size, "%s", carom_buf_str(&buf).ptr);
    }
    carom_buf_deinit(&buf);
    carom_policy_free(policy);
}

struct wanted {
    const char *code, *want;
};

/* Each code as the whole file, or between before and after; the outcome must be, or (part) contain, what is wanted. */
static void expect(struct stage *stage, const struct wanted *cases, size_t n, const char *before, const char *after,
                   bool part)
{
    int failures = 0;
    char text[4096], got[4096];
    for (size_t i = 0; i < n; i++) {
        snprintf(text, sizeof(text), "%s%s%s", before, cases[i].code, after);
        print_outcome(stage, text, got, sizeof(got));
        if (part ? strstr(got, cases[i].want) != NULL : strcmp(got, cases[i].want) == 0)
            continue;
        print_error("%s: got \"%s\", want \"%s\"\n", cases[i].code, got, cases[i].want);
        failures++;
    }
    assert_int_equal(failures, 0);
}
#define EXPECT(stage, cases, before, after, part) \
    expect((stage), (cases), sizeof(cases) / sizeof((cases)[0]), (before), (after), (part))

/* ---- Configuration ---- */

static void configuration_becomes_plain_c(void **state)
{
    struct carom_policy *policy = load_good(
        *state,
        "carom.configure {\n"
        "  store = 'sqlite:/var/lib/carom/carom.db', mode = 'act',\n"
        "  lists = { ['dev.lists.example.org'] = { address = 'dev@lists.example.org', key = 'dev' }, ['a.example'] = {} },\n"
        "  sinks = { unsubscribe = { carom.http { method = 'delete', url = 'http://localhost:8001/{list}/{address}',\n"
        "      body = { emails = { '{address}' }, pre = true, n = 1 }, headers = { ['X-B'] = 'b', ['X-A'] = '{reason}' },\n"
        "      user = 'admin', password = carom.file '/etc/carom/secret', done = { '2xx', 404 }, allow_private = true },\n"
        "      carom.http { url = 'https://example.com/', form = { a = '{recipient}' }, token = carom.env 'TOKEN' } },\n"
        "    ['*'] = carom.webhook { url = 'https://example.com/hook', secret = { 'whsec_b25l', carom.env 'OLD' },\n"
        "      ca = '/etc/ssl/own.pem' } },\n"
        "  endpoints = { crm = carom.webhook { url = 'https://crm.example.com/', secret = 's' } },\n"
        "  score = { half_life = '7d' }, keep = { raw = '3d', jobs = '8d' },\n"
        "  limits = { time = '100ms', memory = '4MiB', instructions = 1e6 },\n"
        "}\n");
    const struct carom_config *config = carom_policy_config(policy);
    const struct carom_sink *sink = carom_config_sink(config, CAROM_STR("unsubscribe"));
    assert_string_equal(config->store.ptr, "sqlite:/var/lib/carom/carom.db");
    assert_string_equal(config->lists->id.ptr, "a.example");
    assert_string_equal(carom_config_list(config, CAROM_STR("dev.lists.example.org"))->key.ptr, "dev");
    assert_non_null(sink);
    assert_string_equal(sink->method.ptr, "DELETE");
    assert_string_equal(sink->url.ptr, "http://localhost:8001/{list}/{address}");
    assert_string_equal(sink->body.ptr, "{\"emails\":[\"{address}\"],\"n\":1,\"pre\":true}");
    assert_string_equal(sink->headers->name.ptr, "X-A");
    assert_string_equal(sink->headers->next->value.ptr, "b");
    assert_string_equal(sink->user.ptr, "admin");
    assert_int_equal(sink->password.from, CAROM_SECRET_FILE);
    assert_string_equal(sink->password.value.ptr, "/etc/carom/secret");
    assert_int_equal(sink->done[0], -2);
    assert_int_equal(sink->done[1], 404);
    assert_int_equal(sink->done[2], 0);
    assert_true(sink->allow_private);
    assert_string_equal(sink->next->name.ptr, "unsubscribe.2");
    assert_string_equal(sink->next->method.ptr, "POST");
    assert_string_equal(sink->next->form->value.ptr, "{recipient}");
    assert_int_equal(sink->next->token.from, CAROM_SECRET_ENV);
    sink = carom_config_sinks(config, CAROM_STR("suppress"));
    assert_string_equal(sink->name.ptr, "*");
    assert_int_equal(sink->secrets[0].from, CAROM_SECRET_LITERAL);
    assert_string_equal(sink->secrets[1].value.ptr, "OLD");
    assert_string_equal(sink->ca.ptr, "/etc/ssl/own.pem");
    assert_string_equal(carom_config_endpoint(config, CAROM_STR("crm"))->name.ptr, "endpoint.crm");
    assert_int_equal(config->half_life_ms, 7 * day);
    assert_int_equal(config->keep_raw_ms, 3 * day);
    assert_int_equal(config->keep_facts_ms, 400 * day);
    assert_int_equal(config->keep_jobs_ms, 8 * day);
    assert_int_equal(config->limit_time_ms, 100);
    assert_int_equal(config->limit_memory, 4 << 20);
    assert_int_equal(config->limit_instructions, 1000000);
    carom_policy_free(policy);
}

static void commands_and_mail_become_plain_c(void **state)
{
    struct carom_policy *policy = load_good(
        *state,
        "carom.configure {\n"
        "  smtp = { url = 'smtp://mail.example.org:587', from = 'bounces@example.org', user = 'u', password = 'p' },\n"
        "  commands = { purge = carom.command { argv = { '/usr/bin/purge', '-a{address}' }, stdin = '{diagnostic}\\n',\n"
        "      verify = { '/usr/bin/gone', '{list_key}' }, done = { 0, 3 }, retry = { 75, 111 } } },\n"
        "  sinks = { retry = carom.smtp { max_age = '1d' }, alert = { carom.smtp { to = 'ops@example.org' },\n"
        "      carom.command { argv = { '/usr/bin/tell' } } }, probe = carom.smtp { url = 'smtps://b.example.org',\n"
        "      from = 'probe@example.org', allow_private = true },\n"
        "    unsubscribe = carom.http { url = 'https://example.com/{member}', done = { '2xx', 404 }, pending = { 202 },\n"
        "      first = { url = 'https://example.com/?q={address}', take = { member = 'entries.id' },\n"
        "                same = { ['entries.email'] = '{address}' } } } } }\n");
    const struct carom_config *config = carom_policy_config(policy);
    const struct carom_sink *sink = carom_config_command(config, CAROM_STR("purge"));
    assert_string_equal(sink->name.ptr, "command.purge");
    assert_int_equal(sink->type, CAROM_SINK_COMMAND);
    assert_string_equal(sink->argv->value.ptr, "/usr/bin/purge");
    assert_string_equal(sink->argv->next->value.ptr, "-a{address}");
    assert_null(sink->argv->next->next);
    assert_string_equal(sink->verify->next->value.ptr, "{list_key}");
    assert_string_equal(sink->input.ptr, "{diagnostic}\n");
    assert_int_equal(sink->exits_done[1], 4);
    assert_int_equal(sink->exits_done[2], 0);
    assert_int_equal(sink->exits_retry[0], 76);
    assert_string_equal(config->smtp->name.ptr, "smtp");
    assert_string_equal(config->smtp->sender.ptr, "bounces@example.org");
    assert_int_equal(config->smtp->password.from, CAROM_SECRET_LITERAL);
    sink = carom_config_sink(config, CAROM_STR("retry"));
    assert_string_equal(sink->url.ptr, "smtp://mail.example.org:587");
    assert_string_equal(sink->user.ptr, "u");
    assert_int_equal(sink->to.len, 0);
    assert_int_equal(sink->max_age_ms, day);
    sink = carom_config_sink(config, CAROM_STR("alert"));
    assert_string_equal(sink->to.ptr, "ops@example.org");
    assert_string_equal(sink->sender.ptr, "bounces@example.org");
    assert_int_equal(sink->max_age_ms, 2 * day);
    assert_int_equal(sink->next->type, CAROM_SINK_COMMAND);
    sink = carom_config_probe(config);
    assert_string_equal(sink->url.ptr, "smtps://b.example.org");
    assert_string_equal(sink->sender.ptr, "probe@example.org");
    assert_int_equal(sink->user.len, 0);
    assert_true(sink->allow_private);
    sink = carom_config_sink(config, CAROM_STR("unsubscribe"));
    assert_string_equal(sink->first.method.ptr, "GET");
    assert_string_equal(sink->first.url.ptr, "https://example.com/?q={address}");
    assert_string_equal(sink->first.take->name.ptr, "member");
    assert_string_equal(sink->first.take->value.ptr, "entries.id");
    assert_string_equal(sink->first.same->name.ptr, "entries.email");
    assert_string_equal(sink->first.same->value.ptr, "{address}");
    assert_int_equal(sink->pending[0], 202);
    assert_int_equal(sink->pending[1], 0);
    carom_policy_free(policy);
}

static void an_empty_policy_has_the_defaults(void **state)
{
    struct carom_policy *policy = load_good(*state, "");
    const struct carom_config *config = carom_policy_config(policy);
    assert_int_equal(config->store.len, 0);
    assert_int_equal(config->half_life_ms, 30 * day);
    assert_int_equal(config->keep_raw_ms, 30 * day);
    assert_int_equal(config->keep_facts_ms, 400 * day);
    assert_int_equal(config->keep_jobs_ms, 30 * day);
    assert_int_equal(config->limit_time_ms, 250);
    assert_int_equal(config->limit_memory, 8 << 20);
    assert_int_equal(config->version.len, 64);
    carom_policy_free(policy);
}

static void the_version_follows_every_file(void **state)
{
    struct stage *stage = *state;
    const char *text = "local helper = require 'helper'";
    struct carom_policy *one = load_good(stage, text), *same = load_good(stage, text);
    write_file(stage->helper, "return {}");
    struct carom_policy *other = load_good(stage, text);
    assert_string_equal(carom_policy_config(one)->version.ptr, carom_policy_config(same)->version.ptr);
    assert_string_not_equal(carom_policy_config(one)->version.ptr, carom_policy_config(other)->version.ptr);
    carom_policy_free(one);
    carom_policy_free(same);
    carom_policy_free(other);
}

static void mistakes_in_the_configuration_are_named(void **state)
{
    static const struct wanted cases[] = {
        {"stroe = 'sqlite:x'", "policy.lua:1: carom.configure: \"stroe\" is no key; did you mean \"store\"?"},
        {"zzzzzzzz = 1", "carom.configure: \"zzzzzzzz\" is no key"},
        {"1", "takes named values in braces"},
        {"store = 5", "store must be a string, not a number"},
        {"store = ''", "store is empty"},
        {"store = 'postgresql://x'", "store = \"postgresql://x\" is not available in this version"},
        {"mode = 'watch'", "mode = \"watch\" is none; write \"act\" or \"observe\""},
        {"mode = 'acct'", "mode = \"acct\" is none; write \"act\""},
        {"commands = { x = carom.http { url = 'https://example.com/' } }", "commands: \"x\" must be made by carom.command"},
        {"commands = { x = '/bin/true' }", "must be made by carom.command"},
        {"verp = {}", "carom.configure: verp: domain is missing"},
        {"verp = { domain = 'b.example.org' }", "verp: keys is missing"},
        {"verp = { domain = 'B.example.org' }", "domain = \"B.example.org\" is no domain name in lower case"},
        {"verp = { domain = 'localhost' }", "is no domain name"},
        {"verp = { domain = 'b.example.org', prefix = 'a b' }", "prefix = \"a b\" holds other than"},
        {"verp = { domain = 'b.example.org', prefix = '1234567890123456789012345' }", "more than 24 bytes"},
        {"verp = { domain = 'b.example.org', max_age = 'x' }", "max_age = \"x\" is no duration"},
        {"verp = { domain = 'b.example.org', maxage = '1d' }", "did you mean \"max_age\"?"},
        {"verp = { domain = 'b.example.org', keys = {} }", "keys is missing"},
        {"verp = { domain = 'b.example.org', keys = { { id = 32 } } }", "a key: id must be a number from 0 to 31"},
        {"verp = { domain = 'b.example.org', keys = { { id = 1 } } }", "since is missing"},
        {"verp = { domain = 'b.example.org', keys = { { id = 1, since = '2026-03-01' } } }", "secret is missing"},
        {"verp = { domain = 'b.example.org', keys = { { id = 1, since = 'today' } } }", "since = \"today\" is no day"},
        {"verp = { domain = 'b.example.org', keys = { { id = 1, since = '2026-03-01', secret = 's' },"
         " { id = 1, since = '2026-03-01', secret = 't' } } }", "id 1 is given twice"},
        {"trusted_authserv = {}", "trusted_authserv is a list of names"},
        {"trusted_authserv = 'mx.example.org'", "trusted_authserv is a list of names"},
        {"trusted_authserv = { 5 }", "trusted_authserv is a list of texts, not of a number"},
        {"trusted_authserv = { 'a b' }", "\"a b\" is no name of a host"},
        {"return_paths = { 'mailmann' }", "there is no \"mailmann\"; did you mean \"mailman\"?"},
        {"return_paths = 'mailman'", "return_paths"},
        {"fbl = {}", "fbl is empty"},
        {"fbl = { x = { 'y' } }", "fbl: \"x\" is no mail address"},
        {"fbl = { ['f@example.org'] = {} }", "who reports to an address is a list of names"},
        {"smtp = {}", "carom.configure: smtp: url is missing"},
        {"smtp = 'smtp://mail.example.org'", "smtp must be a table"},
        {"smtp = { url = 'https://mail.example.org' }", "must begin with smtp:// or smtps://"},
        {"smtp = { url = 'smtp://mail.example.org' }", "from is missing"},
        {"smtp = { url = 'smtp://mail.example.org', from = 'bounces' }", "from = \"bounces\" is no mail address"},
        {"smtp = { url = 'smtp://mail.example.org', to = 'a@example.org' }", "\"to\" is no key"},
        {"smtp = { url = 'smtp://mail.example.org', from = 'a@example.org', user = 'x' }", "user and password go together"},
        {"sinks = { unsubscribe = carom.smtp { to = 'a@example.org' } }", "carom.smtp takes alert, probe and retry"},
        {"sinks = { ['*'] = carom.smtp { to = 'a@example.org' } }", "carom.smtp takes alert, probe and retry"},
        {"sinks = { alert = carom.smtp { url = 'smtp://mail.example.org' } }", "alert: to is missing"},
        {"sinks = { alert = carom.smtp { url = 'smtp://mail.example.org', to = 'a@example.org' } }", "alert: from is missing"},
        {"sinks = { retry = carom.smtp { url = 'smtp://mail.example.org', to = 'a@example.org' } }",
         "retry: to has no place here"},
        {"sinks = { retry = carom.smtp {} }", "retry: url is missing, and carom.configure has no smtp"},
        {"endpoints = { crm = carom.smtp { to = 'a@example.org' } }", "tells a program, not a mailbox"},
        {"gate = { failures = 'signed' }", "\"failures\" is no key; did you mean \"failure\"?"},
        {"gate = { failure = 'sined' }", "\"sined\" is no failure; did you mean \"signed\"?"},
        {"breaker = { min = 0 }", "min must lie between 1 and 1e9"},
        {"breaker = { factor = 0.5 }", "factor must lie between 1 and 1000"},
        {"breaker = { window = '1s' }", "window must lie between \"1m\" and \"7d\""},
        {"settle = 6", "settle must be a string"},
        {"held = { check = 'maybe' }", "check = \"maybe\" is none; write \"allow\" or \"deny\""},
        {"log = 'journal'", "carom.configure: \"journal\" is no place for a log; write \"syslog\", \"stderr\" or { file = \"/var/log/carom.log\" }"},
        {"log = { to = 'syslog', file = '/x' }", "carom.configure: log: to and file exclude one another"},
        {"log = { file = 'x.log' }", "carom.configure: log: file = \"x.log\" is no absolute path: the mail server runs carom elsewhere"},
        {"log = { format = 'jsn' }", "carom.configure: log: \"jsn\" is no format; did you mean \"json\"?"},
        {"log = { levl = 'info' }", "carom.configure: log: \"levl\" is no key; did you mean \"level\"?"},
        {"log = true", "log must be \"syslog\", \"stderr\" or a table, not a boolean"},
        {"lists = { 'x' }", "lists takes names"},
        {"lists = { ['a b'] = {} }", "holds a space"},
        {"lists = { x = { adress = 'y' } }", "\"adress\" is no key; did you mean \"address\"?"},
        {"lists = { x = { address = 'y' } }", "is no mail address"},
        {"lists = { x = {}, X = {} }", "is named twice"},
        {"lists = { ['<news.example.org>'] = {} }", "without its angle brackets"},
        {"sinks = { unsubscrib = carom.http { url = 'https://example.com/' } }", "did you mean \"unsubscribe\"?"},
        {"sinks = { alert = 'https://example.com/' }", "must be made by carom.webhook, carom.http, carom.command or carom.smtp"},
        {"sinks = { alert = {} }", "the list of \"alert\" is empty"},
        {"endpoints = { crm = carom.file '/x' }", "must be made by carom.webhook, carom.http, carom.command or carom.smtp"},
        {"score = { half_live = '1d' }", "did you mean \"half_life\"?"},
        {"score = { half_life = '1 month' }", "half_life = \"1 month\" is no duration"},
        {"score = { half_life = '0d' }", "is no duration"},
        {"keep = { fact = '30d' }", "carom.configure: keep: \"fact\" is no key; did you mean \"facts\"?"},
        {"keep = { facts = '1d' }", "facts must lie between \"7d\" and"},
        {"keep = { raw = 'ever' }", "raw = \"ever\" is no duration"},
        {"limits = { memory = '8MB' }", "memory = \"8MB\" is no size; write \"8MiB\""},
        {"limits = { memory = '1KiB' }", "memory must lie between"},
        {"limits = { time = '10d' }", "time must lie between"},
        {"limits = { instructions = 1.5 }", "instructions must be a whole number"},
    };
    EXPECT(*state, cases, "carom.configure { ", " }", true);
}

static void mistakes_in_sinks_are_named(void **state)
{
    static const struct wanted cases[] = {
        {"carom.http {}", "policy.lua:1: carom.http: url is missing"},
        {"carom.http { ulr = 'x' }", "\"ulr\" is no key; did you mean \"url\"?"},
        {"carom.http 'https://example.com/'", "takes a table, not a string"},
        {"carom.http { url = 'ftp://example.com/' }", "must begin with https:// or http://"},
        {"carom.http { url = 'https:///x' }", "names no host"},
        {"carom.http { url = 'https://{recipient}/' }", "has a placeholder in its host"},
        {"carom.http { url = 'https://a:b@example.com/' }", "names a user"},
        {"carom.http { url = 'https://example.com/a b' }", "holds a space"},
        {"carom.http { url = 'https://example.com/{adress}' }", "{adress} is no placeholder; the nearest is {address}"},
        {"carom.http { url = 'https://example.com/', body = { a = '{adress}' } }", "carom.http: body: {adress} is no"},
        {"carom.http { url = 'https://example.com/', body = 'x' }", "body must be a table"},
        {"carom.http { url = 'https://example.com/', body = { x = print } , form = {} }", "body and form exclude"},
        {"carom.http { url = 'https://example.com/', body = { x = tostring } }", "a function cannot be sent"},
        {"carom.http { url = 'https://example.com/', body = { x = 0/0 } }", "cannot be sent"},
        {"carom.http { url = 'https://example.com/', body = { 1, x = 2 } }", "either a list or has texts as keys"},
        {"carom.http { url = 'https://example.com/', form = { a = '{adress}' } }", "{adress} is no placeholder"},
        {"carom.http { url = 'https://example.com/', headers = { ['X Y'] = 'a' } }", "is no header of one line"},
        {"carom.http { url = 'https://example.com/', headers = { X = 'a\\nb' } }", "is no header of one line"},
        {"carom.http { url = 'https://example.com/', headers = { X = 1 } }", "the value of X must be a text"},
        {"carom.http { url = 'https://example.com/', method = 'TRACE' }", "method \"TRACE\" is none of"},
        {"carom.http { url = 'https://example.com/', password = 'x' }", "password needs user"},
        {"carom.http { url = 'https://example.com/', token = 'x', user = 'y' }", "token and user exclude"},
        {"carom.http { url = 'https://example.com/', token = 5 }", "token must be a text, carom.file"},
        {"carom.http { url = 'https://example.com/', done = { 'ok' } }", "done lists answers such as"},
        {"carom.http { url = 'https://example.com/', done = {} }", "done lists one to 7 answers"},
        {"carom.http { url = 'https://example.com/', ca = 'x.pem' }", "is no absolute path"},
        {"carom.http { url = 'https://example.com/', allow_private = 1 }", "allow_private must be a boolean"},
        {"carom.http { url = 'https://example.com/', first = {} }", "carom.http: first: url is missing"},
        {"carom.http { url = 'https://example.com/', first = { url = 'https://example.com/' } }", "first: take is missing"},
        {"carom.http { url = 'https://example.com/', first = { url = 'https://example.com/', take = { ['a b'] = 'x' } } }",
         "take: \"a b\" = \"x\" must be a name"},
        {"carom.http { url = 'https://example.com/', first = { url = 'https://example.com/{ids}', take = { ids = 'x' } } }",
         "carom.http: first: url: {ids} is no placeholder"},
        {"carom.http { url = 'https://example.com/{mid}', first = { url = 'https://example.com/', take = { mid2 = 'x' } } }",
         "{mid} is no placeholder; the nearest is {mid2}"},
        {"carom.http { url = 'https://example.com/', pending = {} }", "pending lists one to 7 answers"},
        {"carom.http { url = 'https://example.com/', pending = { 20 } }", "pending lists answers such as"},
        {"carom.webhook { url = 'https://example.com/' }", "secret is missing"},
        {"carom.webhook { url = 'https://example.com/{list}', secret = 'x' }", "it takes no placeholders"},
        {"carom.webhook { url = 'https://example.com/', secret = { 'x' } }", "a list of two while one is rotated"},
        {"carom.webhook { url = 'https://example.com/', secret = '' }", "secret is empty"},
        {"carom.file 'x'", "is no absolute path"},
        {"carom.env ''", "takes a name that is not empty"},
        {"carom.command {}", "carom.command: argv is missing"},
        {"carom.command { argv = '/bin/true' }", "argv must be a table"},
        {"carom.command { argv = {} }", "argv lists a program and its arguments"},
        {"carom.command { argv = { 'true' } }", "argv: \"true\" is no absolute path"},
        {"carom.command { argv = { '/bin/{list_key}' } }", "which program runs must not be up to a placeholder"},
        {"carom.command { argv = { '/bin/true', 5 } }", "argv lists texts, not a number"},
        {"carom.command { argv = { '/bin/true', 'a\\0b' } }", "an argument holds a zero byte"},
        {"carom.command { argv = { '/bin/true', '{adress}' } }", "argv: {adress} is no placeholder; the nearest is {address}"},
        {"carom.command { argv = { '/bin/true' }, verify = { 'test' } }", "verify: \"test\" is no absolute path"},
        {"carom.command { argv = { '/bin/true' }, stdin = '{adress}' }", "stdin: {adress} is no placeholder"},
        {"carom.command { argv = { '/bin/true' }, done = { 256 } }", "done lists exit codes, 0 to 255"},
        {"carom.command { argv = { '/bin/true' }, done = { 0, 75 }, retry = { 75 } }", "exit code 75 stands in done and in retry"},
        {"carom.command { argv = { '/bin/true' }, shell = true }", "\"shell\" is no key"},
        {"carom.smtp { url = 'smtp://{list}' }", "has a placeholder in its host"},
        {"carom.smtp { url = 'smtp://mail.example.org/{list}' }", "it takes no placeholders"},
        {"carom.smtp { to = 'x' }", "to = \"x\" is no mail address"},
        {"carom.smtp { to = '{recipient}' }", "is no mail address"},
        {"carom.smtp { to = 'a@example.org', ca = '/x' }", "ca belongs to a url"},
        {"carom.smtp { url = 'smtp://mail.example.org', max_age = 2 }", "max_age must be a string"},
        {"carom.webhok {}", "carom.webhok does not exist; did you mean \"webhook\"?"},
        {"1 carom.configure {} carom.configure {}", "carom.configure was called before"},
        {"1 on_permanant = function() end", "on_permanant is no hook; did you mean \"on_permanent\"?"},
        {"1 on_mailboxfull = function() end", "did you mean \"on_mailbox_full\"?"},
        {"1 on_bounce = true", "on_bounce must be a function, not a boolean"},
        {"1 on_mesage = function() end", "did you mean \"on_message\"?"},
                {"1 on_xyzxyzxyz = function() end", "on_xyzxyzxyz is no hook"},
    };
    EXPECT(*state, cases, "x = ", "", true);
}

/* ---- Hooks ---- */

static void the_most_specific_hook_runs(void **state)
{
    static const struct {
        const char *hooks;
        enum carom_kind kind;
        enum carom_reason reason;
        const char *want;
    } cases[] = {
        {"mailbox_full permanent bounce", CAROM_KIND_PERMANENT, CAROM_REASON_MAILBOX_FULL, "on_mailbox_full"},
        {"mailbox_full transient bounce", CAROM_KIND_TRANSIENT, CAROM_REASON_MAILBOX_FULL, "on_mailbox_full"},
        {"mailbox_full delayed bounce", CAROM_KIND_DELAYED, CAROM_REASON_MAILBOX_FULL, "on_delayed"},
        {"mailbox_full permanent bounce", CAROM_KIND_PERMANENT, CAROM_REASON_BLOCKED, "on_permanent"},
        {"permanent bounce", CAROM_KIND_TRANSIENT, CAROM_REASON_BLOCKED, "on_bounce"},
        {"bounce", CAROM_KIND_DELAYED, CAROM_REASON_BLOCKED, "on_bounce"},
        {"bounce", CAROM_KIND_DELIVERED, CAROM_REASON_NONE, ""},
        {"bounce unknown", CAROM_KIND_PERMANENT, CAROM_REASON_UNKNOWN, "on_unknown"},
        {"complaint", CAROM_KIND_COMPLAINT, CAROM_REASON_NONE, "on_complaint"},
        {"unsubscribe", CAROM_KIND_UNSUBSCRIBE, CAROM_REASON_NONE, "on_unsubscribe"},
        {"autoreply", CAROM_KIND_AUTOREPLY, CAROM_REASON_NONE, "on_autoreply"},
        {"challenge", CAROM_KIND_CHALLENGE, CAROM_REASON_NONE, "on_challenge"},
        {"receipt", CAROM_KIND_RECEIPT, CAROM_REASON_NONE, "on_receipt"},
        {"delivered other", CAROM_KIND_OTHER, CAROM_REASON_NONE, "on_other"},
        {"permanent", CAROM_KIND_TRANSIENT, CAROM_REASON_BLOCKED, ""},
    };
    struct stage *stage = *state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct carom_error err = {0};
        struct carom_decision decision;
        struct carom_buf text = CAROM_BUF_INIT(4096);
        struct carom_str rest = carom_str(cases[i].hooks), word;
        while (carom_str_word(&rest, &word))
            carom_buf_printf(&text, "function on_%.*s(b) b:tag('hook', 'x') end ", CAROM_STR_ARG(word));
        struct carom_policy *policy = load_good(stage, carom_buf_str(&text).ptr);
        stage->fact.kind = cases[i].kind;
        stage->fact.reason = cases[i].reason;
        assert_int_equal(decide(policy, stage, &decision, &err), 0);
        if (!carom_str_eq(decision.hook, carom_str(cases[i].want)) || (decision.first != NULL) != (*cases[i].want != 0))
            fail_msg("%s: got \"%.*s\", want \"%s\"", cases[i].hooks, CAROM_STR_ARG(decision.hook), cases[i].want);
        carom_buf_deinit(&text);
        carom_policy_free(policy);
    }
}

static void errors_name_place_and_hook(void **state)
{
    static const struct wanted cases[] = {
        {"function on_permanent(bounce)\n  bounce:tag()\nend",
         "policy.lua:2: on_permanent: bad argument #1 to 'tag' (string expected, got no value)"},
        {"local function help(b)\n  local x = b.recipient.len.x\nend\nfunction on_user_unknown(bounce) help(bounce) end",
         "policy.lua:2: on_user_unknown: attempt to index a function value (field 'len')"},
        {"function on_bounce() error('no\\nluck', 0) end", "policy.lua: on_bounce: no luck"},
    };
    EXPECT(*state, cases, "", "", true);
}

/* ---- The bounce ---- */

static void the_bounce_has_the_fields_of_the_fact(void **state)
{
    static const struct wanted cases[] = {
        {"bounce.kind", "permanent"},
        {"bounce.reason", "user_unknown"},
        {"bounce.fault", "recipient"},
        {"bounce.hard", "true"},
        {"bounce.recipient", "ann@example.com"},
        {"bounce.reply_code + 1", "551"},
        {"bounce.index", "7"},
        {"math.type(bounce.time)", "integer"},
        {"bounce.received - bounce.time", "60"},
        {"bounce.retry_until", "nil"},
        {"bounce.command", "nil"},
        {"bounce.truncated", "false"},
        {"bounce.confidence", "high"},
        {"bounce.authenticity", "matched"},
        {"bounce.evidence.rule", "generic.user_unknown"},
        {"bounce.original.subject", "News"},
        {"bounce.original.from", "nil"},
        {"bounce.original.headers", "Subject: News\n"},
        {"bounce.autoreply", "nil"},
        {"bounce.feedback", "nil"},
        {"bounce:header('subject')", "Gr\xc3\xbc\xc3\x9f" "e"},
        {"bounce:header('X-None')", "nil"},
        {"bounce.original:header('x-campaign')", "spring"},
        {"carom.match(bounce.text, 'NICHT mehr*T\xc3\x84TIG')", "true"},
        {"carom.match(bounce.text, 'verzogen')", "false"},
        {"carom.match(nil, 'x')", "false"},
        {"carom.seconds '14d'", "1209600"},
        {"carom.now() - bounce.received", "0"},
        {"bounce:count()", "4"},
        {"bounce:count { within = '19d' }", "3"},
        {"bounce:count { hard = true, days = true, reason = 'user_unknown', kind = 'permanent', fault = 'recipient' }", "4"},
        {"bounce:count { list = 'other.example.org' }", "0"},
        {"bounce:count { authenticity = 'signed' }", "0"},
        {"bounce.time - bounce:first { hard = true, within = '60d' } >= carom.seconds '14d'", "true"},
        {"bounce:last() == bounce.time", "true"},
        {"bounce:first { reason = 'mailbox_full' }", "nil"},
        {"bounce.history.score > 1.5 and bounce.history.score < 2.5", "true"},
        {"bounce.history.suppressed", "false"},
        {"bounce.history.delivered_at", "nil"},
        {"bounce.history.tags.vip", "yes"},
        {"tostring(bounce)", "bounce"},
        {"require('helper').twice(4)", "8"},
    };
    struct stage *stage = *state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[1024];
        struct carom_error err = {0};
        struct carom_decision decision;
        snprintf(text, sizeof(text), "require 'helper' function on_bounce(bounce) bounce:tag('x', tostring(%s)) end",
                 cases[i].code);
        struct carom_policy *policy = load_good(stage, text);
        if (decide(policy, stage, &decision, &err) != 0)
            fail_msg("%s: got \"%s\", want \"%s\"", cases[i].code, err.text, cases[i].want);
        if (!carom_str_eq(decision.first->value, carom_str(cases[i].want)))
            fail_msg("%s: got \"%.*s\", want \"%s\"", cases[i].code, CAROM_STR_ARG(decision.first->value),
                     cases[i].want);
        carom_policy_free(policy);
    }
}

/* The fact's list is dev.lists.example.org, which is not configured here. */
static void a_misspelt_list_is_named(void **state)
{
    static const struct wanted wrong[] = {
        {"bounce:unsubscribe { list = 'new.lists.example.org' }",
         "bounce:unsubscribe: \"new.lists.example.org\" is none of carom.configure's lists; did you mean \"news.lists.example.org\"?"}};
    static const struct wanted right[] = {
        {"bounce:unsubscribe { list = 'NEWS.lists.example.org' }", "on_bounce: {\"action\":\"unsubscribe\",\"list\":\"NEWS.lists.example.org\"}"},
        {"bounce:unsubscribe { list = bounce.list }", "on_bounce: {\"action\":\"unsubscribe\",\"list\":\"dev.lists.example.org\"}"}};
    static const char policy[] = "carom.configure { lists = { ['news.lists.example.org'] = {} } } function on_bounce(bounce) ";
    EXPECT(*state, wrong, policy, " end", true);
    EXPECT(*state, right, policy, " end", false);
}

static void groups_are_there_for_their_kinds(void **state)
{
    struct stage *stage = *state;
    static const struct wanted autoreply[] = {
        {"bounce.autoreply.type .. bounce.autoreply['until']", "on_autoreply: {\"action\":\"tag\",\"key\":\"x\",\"value\":\"vacation5\"}"}};
    static const struct wanted complaint[] = {
        {"tostring(bounce.feedback.source_ip)", "on_complaint: {\"action\":\"tag\",\"key\":\"x\",\"value\":\"nil\"}"}};
    stage->fact.kind = CAROM_KIND_AUTOREPLY;
    stage->fact.autoreply = (struct carom_autoreply){.type = CAROM_STR("vacation"), .until = 5};
    EXPECT(stage, autoreply, "function on_autoreply(bounce) bounce:tag('x', ", ") end", false);
    stage->fact.kind = CAROM_KIND_COMPLAINT;
    EXPECT(stage, complaint, "function on_complaint(bounce) bounce:tag('x', ", ") end", false);
}

static void mistakes_in_hooks_are_named(void **state)
{
    static const struct wanted cases[] = {
        {"local x = bounce.recipent", "policy.lua:1: on_bounce: bounce has no field \"recipent\"; did you mean \"recipient\"?"},
        {"bounce:unsubcribe()", "did you mean \"unsubscribe\"?"},
        {"local x = bounce.evidence.rul", "bounce.evidence has no field \"rul\"; did you mean \"rule\"?"},
        {"local x = bounce.original.messageid", "did you mean \"message_id\"?"},
        {"local x = bounce.history.scor", "bounce.history has no field \"scor\"; did you mean \"score\"?"},
        {"carom.verp { recipient = 'x' }", "carom.verp: recipient = \"x\" is no mail address"},
        {"carom.verp { recipient = 'ann@example.com' }", "carom.verp: carom.configure has no verp"},
        {"carom.verp { to = 'ann@example.com' }", "carom.verp: \"to\" is no key"},
        {"carom.verp 'ann@example.com'", "carom.verp: takes a table"},
        {"local x = bounce[1]", "bounce has named fields only, not a number"},
        {"bounce.unsubscribe()", "bounce.unsubscribe is called with a colon: bounce:unsubscribe"},
        {"bounce.original.header('x')", "is called with a colon"},
        {"bounce:probe { accept = 'unprovn' }", "\"unprovn\" is no accept; did you mean \"unproven\"?"},
        {"bounce:run('x')", "bounce:run: no command \"x\" in carom.configure"},
        {"bounce:run('porge')", "no command \"porge\" in carom.configure; did you mean \"purge\"?"},
        {"bounce:run('purge', 'x')", "table expected, got string"},
        {"bounce:run('purge', { 'a', {} })", "argument 2 must be a text, not a table"},
        {"bounce:run('purge', { [2] = 'b' })", "argument 1 must be a text, not a nil"},
        {"bounce:run('purge', { x = 'b' })", "argument 1 must be a text, not a nil"},
        {"bounce:run('purge', { 'a\\0b' })", "argument 1 holds a zero byte"},
        {"bounce:forward('x')", "bounce:forward: \"x\" is no mail address"},
        {"bounce:forward('a@example.org, b@example.org')", "is no mail address"},
        {"bounce:forward('a@example.org\\nBcc: b@example.org')", "is no mail address"},
        {"bounce:forward()", "string expected, got no value"},
        {"bounce:count { held = 1 }", "held must be a boolean"},
        {"bounce:count { reasn = 'x' }", "bounce:count: \"reasn\" is no key; did you mean \"reason\"?"},
        {"bounce:count { reason = 'mailbox_ful' }", "\"mailbox_ful\" is no reason; did you mean \"mailbox_full\"?"},
        {"bounce:count { kind = 'permanant' }", "\"permanant\" is no kind; did you mean \"permanent\"?"},
        {"bounce:count { fault = 'sendr' }", "\"sendr\" is no fault; did you mean \"sender\"?"},
        {"bounce:count { authenticity = 'sigend' }", "is no authenticity; did you mean \"signed\"?"},
        {"bounce:count { within = '60' }", "within = \"60\" is no duration"},
        {"bounce:count { hard = 1 }", "hard must be a boolean, not a number"},
        {"bounce:count('x')", "takes a table, not a string"},
        {"bounce:first { days = 5 }", "days must be a boolean"},
        {"bounce:unsubscribe { lst = 'x' }", "\"lst\" is no key; did you mean \"list\"?"},
        {"bounce:unsubscribe { scope = 'list' }", "scope = \"list\" is none; write \"all\""},
        {"bounce:unsubscribe { scope = 'all', list = 'x' }", "exclude each other"},
        {"bounce:unsubscribe { accept = true }", "accept must be a string"},
        {"bounce:suppress { duration = 'ever' }", "duration = \"ever\" is no duration"},
        {"bounce:suppress { scope = 'all' }", "scope = \"all\" is none; write \"list\""},
        {"bounce:suppress { accept = 'none' }", "\"none\" is no accept"},
        {"bounce:unsuppress { force = true }", "\"force\" is no key"},
        {"bounce:retry()", "after is missing"},
        {"bounce:retry { after = '4h' }", "limit is missing"},
        {"bounce:retry { after = '4h', limit = 0 }", "limit must lie between 1 and 1000"},
        {"bounce:score('x')", "number expected, got string"},
        {"bounce:score(1/0)", "takes a number between"},
        {"bounce:webhook('https://example.com/')", "not a URL"},
        {"bounce:webhook('crn')", "no endpoint \"crn\" in carom.configure; did you mean \"crm\"?"},
        {"bounce:webhook('crm', { 1, 2 })", "takes a table with names"},
        {"bounce:webhook('crm', 'x')", "table expected, got string"},
        {"bounce:alert {}", "text is missing"},
        {"bounce:alert { text = '{diagnostik}' }", "{diagnostik} is no placeholder; the nearest is {diagnostic}"},
        {"bounce:alert { text = 'x', evry = '1d' }", "did you mean \"every\"?"},
        {"bounce:tag('', 'x')", "a key has 1 to 255 bytes"},
        {"bounce:tag('x', {})", "string, number or boolean expected, got table"},
        {"bounce:ignore(true)", "takes no arguments"},
        {"carom.log('warn', 'x')", "\"warn\" is no level; did you mean \"warning\"?"},
        {"carom.seconds 'x'", "is no duration"},
        {"carom.seconds '5ms'", "is no whole number of seconds"},
        {"carom.configure {}", "belongs at the top of the file"},
        {"carom.http { url = 'https://example.com/' }", "belongs into carom.configure, not into a hook"},
        {"for k in pairs({ [{}] = 1 }) do end", "a table as a key of a table has no place in a repeatable order"},
    };
    EXPECT(*state, cases,
           "carom.configure { endpoints = { crm = carom.http { url = 'https://example.com/' } }, "
           "commands = { purge = carom.command { argv = { '/bin/true' } } } } "
           "function on_bounce(bounce) ", " end", true);
}

/* ---- Actions ---- */

static void actions_become_a_decision(void **state)
{
    static const struct wanted cases[] = {
        {"", "on_bounce:"},
        {"bounce:unsubscribe()", "on_bounce: {\"action\":\"unsubscribe\",\"list\":\"dev.lists.example.org\"}"},
        {"bounce:unsubscribe { list = 'a.example', force = true }",
         "on_bounce: {\"action\":\"unsubscribe\",\"list\":\"a.example\",\"force\":true}"},
        {"bounce:unsubscribe { scope = 'all' }", "on_bounce: {\"action\":\"unsubscribe\",\"list\":\"dev.lists.example.org\",\"scope\":\"all\"}"},
        {"bounce:suppress { duration = '90d' }", "on_bounce: {\"action\":\"suppress\",\"duration\":\"90d\"}"},
        {"bounce:suppress { scope = 'list' }",
         "on_bounce: {\"action\":\"suppress\",\"list\":\"dev.lists.example.org\",\"scope\":\"list\"}"},
        {"bounce:unsuppress {}", "on_bounce: {\"action\":\"unsuppress\"}"},
        {"bounce:tag('again', bounce:retry { after = '4h', limit = 5 })",
         "on_bounce: {\"action\":\"retry\",\"due\":\"2023-11-15T02:14:20Z\",\"after\":\"4h\",\"limit\":5} "
         "{\"action\":\"tag\",\"key\":\"again\",\"value\":\"true\"}"},
        {"bounce:score(2) bounce:tag('total', bounce:score(0.5) - bounce.history.score)",
         "on_bounce: {\"action\":\"score\",\"points\":2} {\"action\":\"score\",\"points\":0.5} "
         "{\"action\":\"tag\",\"key\":\"total\",\"value\":\"0.0\"}"},
        {"bounce:webhook('crm', { event = 'x', list = { 1, 2.5, false }, deep = { a = {} } })",
         "on_bounce: {\"action\":\"webhook\",\"endpoint\":\"crm\",\"payload\":"
         "{\"deep\":{\"a\":{}},\"event\":\"x\",\"list\":[1,2.5,false]}}"},
        {"bounce:alert { text = 'refused: {diagnostic}', key = 'k', every = '1d' }",
         "on_bounce: {\"action\":\"alert\",\"text\":\"refused: 550 5.1.1 no such user\",\"key\":\"k\",\"every\":\"1d\"}"},
        {"bounce:alert { text = 'x' }",
         "on_bounce: {\"action\":\"alert\",\"text\":\"x\",\"key\":\"google:user_unknown\",\"every\":\"1h\"}"},
        {"bounce:tag('n', 5)", "on_bounce: {\"action\":\"tag\",\"key\":\"n\",\"value\":\"5\"}"},
        {"bounce:ignore()", "on_bounce: {\"action\":\"ignore\"} ignored"},
        {"bounce:unsubscribe() bounce:retry { after = '4h', limit = 5 }",
         "on_bounce: {\"action\":\"unsubscribe\",\"list\":\"dev.lists.example.org\"} {\"action\":\"retry\","
         "\"due\":\"2023-11-15T02:14:20Z\",\"after\":\"4h\",\"limit\":5}[cancelled by unsubscribe]"},
    };
    EXPECT(*state, cases,
           "carom.configure { endpoints = { crm = carom.http { url = 'https://example.com/' } } } "
           "function on_bounce(bounce) ", " end", false);
}

static void probes_commands_and_mail_are_decided(void **state)
{
    static const struct wanted cases[] = {
        {"bounce:run('purge')", "on_bounce: {\"action\":\"run\",\"command\":\"purge\",\"arguments\":[]}"},
        {"bounce:run('purge', { bounce.recipient, 5, '' })",
         "on_bounce: {\"action\":\"run\",\"command\":\"purge\",\"arguments\":[\"ann@example.com\",\"5\",\"\"]}"},
        {"bounce:run('purge', { '--all' })", "on_bounce: {\"action\":\"run\",\"command\":\"purge\",\"arguments\":"
         "[\"--all\"]}[an argument begins with - and would be read as an option]"},
        {"bounce:forward('ops@example.org')", "on_bounce: {\"action\":\"forward\",\"to\":\"ops@example.org\"}"},
        {"bounce:probe()", "on_bounce: {\"action\":\"probe\"}"},
        {"bounce:probe {} bounce:unsubscribe()",
         "on_bounce: {\"action\":\"probe\"} {\"action\":\"unsubscribe\",\"list\":\"dev.lists.example.org\"}"},
    };
    static const struct wanted unproven[] = {
        {"bounce:probe()", "on_bounce: {\"action\":\"probe\"}[only a direct or signed bounce is probed: this one may be forged]"},
    };
    static const struct wanted nowhere[] = {
        {"bounce:probe()", "on_bounce: {\"action\":\"probe\"}[no smtp is configured, so that nothing can be mailed]"},
        {"bounce:forward('ops@example.org')", "on_bounce: {\"action\":\"forward\",\"to\":\"ops@example.org\"}"
         "[no smtp is configured, so that nothing can be mailed]"},
        {"carom.log('info', 'x') bounce:alert { text = 'x', key = 'k' }", "on_bounce: {\"action\":\"alert\",\"text\":\"x\","
         "\"key\":\"k\",\"every\":\"1h\"}[no smtp is configured, so that nothing can be mailed]"},
    };
    static const char before[] =
        "carom.configure { smtp = { url = 'smtp://mail.example.org', from = 'bounces@example.org' }, "
        "verp = { domain = 'b.example.org', keys = { { id = 1, secret = 'sixteen or more bytes', since = '2020-01-01' } } }, "
        "commands = { purge = carom.command { argv = { '/bin/true' } } } } function on_bounce(bounce) ";
    struct stage *stage = *state;
    EXPECT(stage, unproven, before, " end", false);
    stage->fact.authenticity = CAROM_AUTHENTICITY_SIGNED;
    EXPECT(stage, cases, before, " end", false);
    EXPECT(stage, nowhere, "carom.configure { sinks = { alert = carom.smtp { to = 'ops@example.org' } } } "
           "function on_bounce(bounce) ", " end", false);
}

static void a_retry_past_on_arrival_is_not_scheduled(void **state)
{
    struct stage *stage = *state;
    static const struct wanted cases[] = {{"bounce:tag('again', bounce:retry { after = '4h', limit = 5 })",
                                           "\"limit\":5}[its time is long past] {\"action\":\"tag\","
                                           "\"key\":\"again\",\"value\":\"true\"}"}};
    stage->fact.received = 1600000000;
    EXPECT(stage, cases, "function on_bounce(bounce) ", " end", true);
}

static void a_failed_hook_leaves_no_half(void **state)
{
    struct stage *stage = *state;
    struct carom_error err = {0};
    struct carom_decision decision;
    struct carom_policy *policy = load_good(stage, "function on_bounce(b) b:ignore() b:unsubscribe() error('x') end");
    assert_int_equal(decide(policy, stage, &decision, &err), -1);
    assert_int_equal(err.code, CAROM_ERROR_SCRIPT);
    assert_null(decision.first);
    assert_false(decision.ignored);
    carom_policy_free(policy);
}

/* What on_message says of one message, or the error. */
static void a_message_is_wanted_or_not(void **state)
{
    static const struct {
        const char *code, *want;
    } cases[] = {
        {"", "yes"},
        {"function on_message() end", "yes"},
        {"function on_message(message) return true end", "yes"},
        {"function on_message(message) return false end", "no"},
        {"function on_message(message) return message:header('Subject') ~= 'Gr\\u{FC}\\u{DF}e' end", "no"},
        {"function on_message(message) return message:header('X-None') == nil end", "yes"},
        {"function on_message(message) return message.size == 4711 and message.source == 'inbox' end", "yes"},
        {"function on_message(message) return message.sender == '' end", "yes"},
        {"function on_message(message) return message.recipient == 'dev-bounces@example.org' end", "yes"},
        {"function on_message(message) return message.headers:find('^Subject: ') ~= nil end", "yes"},
        {"function on_message(message) return carom.now() == 1700000060 end", "yes"},
        {"function on_message(message) return 0 end",
         "on_message: returned a number: false skips the message, true or nothing has it read"},
        {"function on_message(message) return message.kind end", "on_message: message has no field \"kind\""},
        {"function on_message(message) return message.headrs end", "did you mean \"headers\"?"},
        {"function on_message(message) return message.header('Subject') end", "header is called with a colon"},
        {"function on_message(message) message.size = 1 end", "message is read-only"},
        {"function on_message(message) while true do end end", "on_message: "},
        {"function on_message(message) error('x') end", "policy.lua:1: on_message: x"},
    };
    struct stage *stage = *state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct carom_incoming incoming = {.headers = &stage->headers, .sender = "<>", .source = "inbox", .size = 4711,
                                          .recipient = "dev-bounces@example.org", .now = INT64_C(1700000060000)};
        struct carom_error err = {0};
        bool wanted = false;
        struct carom_policy *policy = load_good(stage, cases[i].code);
        int result = carom_policy_message(policy, &incoming, &wanted, &err);
        const char *got = result != 0 ? err.text : wanted ? "yes" : "no";
        if (!strstr(got, cases[i].want) || (result == 0 && strcmp(got, cases[i].want)))
            fail_msg("%s: got \"%s\", want \"%s\"", cases[i].code, got, cases[i].want);
        carom_policy_free(policy);
    }
}

static void dead_letters_have_a_hook(void **state)
{
    struct stage *stage = *state;
    struct carom_error err = {0};
    const struct carom_job job = {
        .id = 7, .action = CAROM_STR("retry"), .attempts = 3, .last_answer = CAROM_STR("503 no"),
        .data = CAROM_STR("{\"action\":{\"action\":\"retry\"},\"fact\":{\"kind\":\"permanent\",\"reason\":\"user_unknown\","
                          "\"hard\":true,\"recipient\":\"ann@example.com\",\"reply_code\":550,\"time\":\"2026-01-01T00:00:00Z\","
                          "\"confidence\":\"high\",\"original\":{\"subject\":\"News\"}}}")};
    static const struct wanted cases[] = {
        {"job.id .. job.action .. job.attempts .. job.last_answer", "7retry3503 no"},
        {"job.fact.recipient .. job.fact.reply_code .. job.fact.time", "ann@example.com5501767225600"},
        {"job.fact.kind .. job.fact.reason .. job.fact.confidence .. tostring(job.fact.hard)", "permanentuser_unknownhightrue"},
        {"job.fact.original.subject .. tostring(job.fact.diagnostic) .. tostring(job.fact.autoreply)", "Newsnilnil"},
        {"job.fact.recipent", "has no field \"recipent\"; did you mean \"recipient\"?"},
        {"job.fact:suppress()", "has no field \"suppress\""},
        {"job.atempts", "job has no field \"atempts\"; did you mean \"attempts\"?"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[256];
        snprintf(text, sizeof(text), "function on_dead_letter(job) carom.log('warning', %s) end", cases[i].code);
        struct carom_policy *policy = load_good(stage, text);
        stage->logged[0] = '\0';
        err.text[0] = '\0';
        carom_policy_dead_letter(policy, stage->arena, &job, &err);
        if (!strstr(i < 4 ? stage->logged : err.text, cases[i].want))
            fail_msg("%s: got \"%s%s\", want \"%s\"", cases[i].code, stage->logged, err.text, cases[i].want);
        carom_policy_free(policy);
    }
    struct carom_policy *policy = load_good(stage, "");
    assert_int_equal(carom_policy_dead_letter(policy, stage->arena, &job, &err), 0);
    carom_policy_free(policy);
}

/* ---- The language ---- */

/* Values as Lua's own library gives them (reference manual 6.4.1, 6.6). */
static void the_language_is_lua(void **state)
{
    static const struct wanted cases[] = {
        {"('hello world'):find('o w')", "5|7"},
        {"('hello world'):find('o', 6)", "8|8"},
        {"('hello'):find('')", "1|0"},
        {"('hello'):find('', 6)", "6|5"},
        {"('hello'):find('', 7)", "nil"},
        {"('a.b'):find('.', 1, true)", "2|2"},
        {"('hello'):find('l', -2)", "4|4"},
        {"('  x = 5 '):match('^%s*(%w+)%s*=%s*(%d+)%s*$')", "x|5"},
        {"('2024-01-31'):match('(%d+)-(%d+)-(%d+)')", "2024|01|31"},
        {"('abc'):match('()b()')", "2|3"},
        {"('f(a(b)c)d'):match('%b()')", "(a(b)c)"},
        {"('THE (quick) fox'):find('%f[%a]%a+%f[%A]')", "1|3"},
        {"('abab'):match('(ab)%1')", "ab"},
        {"('[]]'):match('[]]+')", "]]"},
        {"('a-z'):match('[a%-z]+')", "a-z"},
        {"('x^y'):match('[x^]+')", "x^"},
        {"('abc'):match('[^b]+')", "a"},
        {"('aaa'):match('a-b')", "nil"},
        {"('<b>x</b>'):match('<(.-)>')", "b"},
        {"('a$'):match('a$')", "nil"},
        {"('a$'):match('a%$$')", "a$"},
        {"('$a'):match('$a')", "$a"},
        {"('colour color'):gsub('colou?r', 'hue')", "hue hue|2"},
        {"('hello world'):gsub('%w+', '%0 %0', 1)", "hello hello world|1"},
        {"('hello world'):gsub('(%w+) (%w+)', '%2 %1')", "world hello|1"},
        {"('abc'):gsub('', '-')", "-a-b-c-|4"},
        {"('abc'):gsub('%w', { a = '1', b = true })", "error"},
        {"('abc'):gsub('%w', { a = '1', b = false })", "1bc|3"},
        {"('abc'):gsub('%w', function(c) if c == 'b' then return 'X' end end)", "aXc|3"},
        {"('abc'):gsub('b*', 'x')", "xaxcx|3"},
        {"('abc'):gsub('^a', 'x')", "xbc|1"},
        {"('x'):gsub('x', '%%')", "%|1"},
        {"('x'):gsub('x', '%2')", "error"},
        {"('\\0a\\0'):find('%z*a')", "2|2"},
        {"(function() local t = {} for k, v in ('a=1, b=2'):gmatch('(%w+)=(%w+)') do t[#t + 1] = k .. v end "
         "return table.concat(t, ';') end)()", "a1;b2"},
        {"(function() local n = 0 for _ in ('abc'):gmatch('') do n = n + 1 end return n end)()", "4"},
        {"(function() local t = {} for k in pairs { b = 1, a = 2, 3, [2.5] = 4, [true] = 5, [-1] = 6 } do "
         "t[#t + 1] = tostring(k) end return table.concat(t, ' ') end)()", "-1 1 2.5 a b true"},
        {"(function() local t, n = { 1, 2, 3, x = 4 }, 0 for k in pairs(t) do t[k] = nil n = n + 1 end return n end)()", "4"},
        {"next({}) == nil", "true"},
        {"next({ b = 1, a = 2 })", "a|2"},
        {"next({ b = 1, a = 2 }, 'a')", "b|1"},
        {"(function() local t = { 3, 1, 2 } table.sort(t) return table.concat(t, ',') end)()", "1,2,3"},
        {"(function() local t = { 'b', 'a', 'c', 'd', 'e' } table.sort(t, function(x, y) return x > y end) "
         "return table.concat(t) end)()", "edcba"},
        {"(function() local t = { 1, 2, 4 } table.insert(t, 3, 3) table.insert(t, 5) return table.concat(t) end)()", "12345"},
        {"(function() local t = { 1, 2, 3 } return table.remove(t, 1), #t end)()", "1|2"},
        {"table.remove({})", "nil"},
        {"table.concat(table.move({ 1, 2, 3 }, 1, 3, 2), ',')", "1,1,2,3"},
        {"table.concat(table.move({ 1, 2, 3 }, 2, 3, 1), ',')", "2,3,3"},
        {"table.unpack({ 1, 2, 3 }, 2)", "2|3"},
        {"table.pack(1, nil, 3).n", "3"},
        {"pcall(error, 'x')", "false|x"},
        {"select(2, pcall(error, { code = 5 })).code", "5"},
        {"('x'):rep(3, ',')", "x,x,x"},
        {"string.format('%5.1f|%s|%q|%d|%x|%%', 1.25, true, 'a', 3, 255)", "  1.2|true|\"a\"|3|ff|%"},
        {"tostring(setmetatable({}, { __tostring = function() return 'me' end }))", "me"},
        {"tostring({})", "table"},
        {"#'\\u{20AC}'", "3"},
        {"utf8.len('\\u{20AC}x')", "2"},
        {"math.random(5, 5)", "5"},
        {"math.max(1, 2.5)", "2.5"},
        {"1e15", "1e+15"},
        {"10 // 3", "3"},
        {"#frozen", "3"},
        {"frozen[2] .. rawget(frozen, 1) .. rawlen(frozen)", "ba3"},
        {"table.concat(frozen) .. table.unpack(frozen)", "abca"},
        {"(function() local s = '' for i, v in ipairs(frozen) do s = s .. i .. v end return s end)()", "1a2b3c"},
        {"(function() local s = '' for k, v in pairs(frozen) do s = s .. k .. v end return s end)()", "1a2b3c"},
        {"next(frozen)", "1|a"},
        {"getmetatable(object) == Class and object:name() .. object.own .. tostring(object.none)", "objectxnil"},
        {"setmetatable({ own = 'y' }, Class):name()", "object"},
        {"getmetatable(setmetatable({}, Class)) == Class", "true"},
        {"object + 1", "sum"},
        {"lazy.anything", "made anything"},
        {"getmetatable(frozen)", "nil"},
    };
    static const char before[] =
        "frozen = { 'a', 'b', 'c' }\n"
        "Class = { name = function() return 'object' end, __add = function() return 'sum' end } Class.__index = Class\n"
        "object = setmetatable({ own = 'x' }, Class)\n"
        "lazy = setmetatable({}, { __index = function(t, k) return 'made ' .. k end })\n"
        "local function show(...) local t = table.pack(...) for i = 1, t.n do t[i] = tostring(t[i]) end\n"
        "  return table.concat(t, '|') end\n";
    struct stage *stage = *state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[2048];
        struct carom_error err = {0};
        struct carom_decision decision;
        snprintf(text, sizeof(text), "%sfunction on_bounce(bounce) bounce:tag('x', show(%s)) end", before, cases[i].code);
        struct carom_policy *policy = load_good(stage, text);
        bool failed = decide(policy, stage, &decision, &err) != 0;
        if (failed && strcmp(cases[i].want, "error") != 0)
            fail_msg("%s: got error \"%s\", want \"%s\"", cases[i].code, err.text, cases[i].want);
        if (!failed && !carom_str_eq(decision.first->value, carom_str(cases[i].want)))
            fail_msg("%s: got \"%.*s\", want \"%s\"", cases[i].code, CAROM_STR_ARG(decision.first->value),
                     cases[i].want);
        carom_policy_free(policy);
    }
}

/* Random numbers, orders and texts of tables: the same in each fresh state, and in one that has run before. */
static void the_same_fact_decides_the_same(void **state)
{
    static const char text[] =
        "local words = {} for i = 1, 50 do words['word' .. i] = i end\n"
        "function on_bounce(bounce)\n"
        "  local order = {}\n"
        "  for word in pairs(words) do order[#order + 1] = word end\n"
        "  for i = 1, 20 do local t = {} t[tostring(t) .. i] = i order[#order + 1] = next(t) end\n"
        "  bounce:tag('order', table.concat(order):sub(1, 1000))\n"
        "  bounce:tag('random', math.random(1000000) .. ' ' .. math.random())\n"
        "  bounce:webhook('crm', words)\n"
        "end\n"
        "carom.configure { endpoints = { crm = carom.http { url = 'https://example.com/' } } }\n";
    static char first[8192], got[8192], other[8192];
    struct stage *stage = *state;
    print_outcome(stage, text, first, sizeof(first));
    assert_non_null(strstr(first, "\"random\""));
    for (int i = 0; i < 20; i++) {
        print_outcome(stage, text, got, sizeof(got));
        if (strcmp(first, got) != 0)
            fail_msg("run %d: got %s, want %s", i, got, first);
    }
    stage->fact.id = CAROM_STR("another");
    print_outcome(stage, text, other, sizeof(other));
    if (strcmp(first, other) == 0)
        fail_msg("another fact gets the same random numbers: %s", other);
}

static void files_that_cannot_be_read_are_named(void **state)
{
    struct stage *stage = *state;
    struct carom_error err = {0};
    assert_null(carom_policy_load("/nonexistent/policy.lua", NULL, &err));
    assert_string_equal(err.text, "/nonexistent/policy.lua: cannot be opened: No such file or directory");
    assert_int_equal(err.code, CAROM_ERROR_IO);
    assert_null(carom_policy_load(stage->directory, NULL, &err));
    assert_non_null(strstr(err.text, "not a regular file"));
    assert_int_equal(mkfifo(stage->path, 0600), 0);
    assert_null(carom_policy_load(stage->path, NULL, &err));
    assert_non_null(strstr(err.text, "not a regular file"));
    unlink(stage->path);
    struct carom_policy *policy = load_good(stage, "\xef\xbb\xbf#!/usr/bin/carom\nlocal x = 1\n");
    carom_policy_free(policy);
}

/* ---- What its text calls ---- */

static void calls_are_found_in_code_only(void **state)
{
    static const struct {
        const char *text;
        bool calls;
    } cases[] = {
        {"b:probe {}", true},
        {"b : probe()", true},
        {"b:--[[ now ]]\nprobe {}", true},
        {"f(b):probe{}", true},
        {"b[1]:probe{}", true}, /* no long bracket */
        {"x = [==[ ]] ]==] b:probe{}", true},
        {"x = 'a\\'b' b:probe{}", true},
        {"x = \"a\\\\\" b:probe{}", true},
        {"--[==[ ]] ]==] b:probe{}", true},
        {"-- b:probe{}", false},
        {"--[[ b:probe{}\n ]]", false},
        {"--[==[ ]] b:probe{} ]==]", false},
        {"x = 'b:probe'", false},
        {"x = [[b:probe{}]]", false},
        {"x = \"\\\"b:probe{}\"", false},
        {"b:probes{}", false},
        {"goto probe ::probe::", false},
        {"x.probe = 1", false},
        {"b:", false},
        {"x = [==[ b:probe", false},
        {"x = 'b:probe", false},
        {"x = '\\", false},
        {"--[", false},
        {"", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        bool calls[CAROM_ACTION_COUNT] = {false};
        size_t n = strlen(cases[i].text);
        char *copy = malloc(n + 1); /* without an end, so that a step beyond it is seen */
        assert_non_null(copy);
        memcpy(copy + 1, cases[i].text, n);
        carom_calls_find(carom_str_n(copy + 1, n), calls);
        free(copy);
        if (calls[CAROM_ACTION_PROBE] != cases[i].calls)
            fail_msg("%s: got %d", cases[i].text, calls[CAROM_ACTION_PROBE]);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(configuration_becomes_plain_c),
        TEST(commands_and_mail_become_plain_c),
        TEST(an_empty_policy_has_the_defaults),
        TEST(the_version_follows_every_file),
        TEST(mistakes_in_the_configuration_are_named),
        TEST(mistakes_in_sinks_are_named),
        TEST(the_most_specific_hook_runs),
        TEST(errors_name_place_and_hook),
        TEST(the_bounce_has_the_fields_of_the_fact),
        TEST(groups_are_there_for_their_kinds),
        TEST(a_misspelt_list_is_named),
        TEST(mistakes_in_hooks_are_named),
        TEST(actions_become_a_decision),
        TEST(probes_commands_and_mail_are_decided),
        TEST(a_retry_past_on_arrival_is_not_scheduled),
        TEST(a_failed_hook_leaves_no_half),
        TEST(a_message_is_wanted_or_not),
        TEST(dead_letters_have_a_hook),
        TEST(the_language_is_lua),
        TEST(the_same_fact_decides_the_same),
        TEST(files_that_cannot_be_read_are_named),
        TEST(calls_are_found_in_code_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
