/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The table of the Lua API against the code, both ways: what a policy can reach has a row, what has a row can be
   reached, and each key in braces is read. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <unistd.h>

#include "policy/api.h"
#include "policy/testing_host.h"

/* ---- The stage: a policy in a file, and all that its hooks may see ---- */

static char path[] = "/tmp/carom-reference-XXXXXX";
static char said[64 << 10]; /* what it said by carom.log, one line each */

static void remember(void *user, enum carom_log_level level, struct carom_str line)
{
    size_t len = strlen(said);
    (void)user, (void)level;
    snprintf(said + len, sizeof said - len, CAROM_STR_FMT "\n", CAROM_STR_ARG(line));
}
static const struct carom_log log_lines = {.write = remember};

static struct carom_policy *load(const char *text, struct carom_error *err)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    *said = '\0';
    return carom_policy_load(path, &log_lines, err);
}

static struct carom_policy *load_good(const char *text)
{
    struct carom_error err = {0};
    struct carom_policy *policy = load(text, &err);
    if (!policy)
        fail_msg("%s: %s", text, err.text);
    return policy;
}

/* Runs on_bounce with a fact that has everything. */
static int run(struct carom_policy *policy, struct carom_error *err)
{
    struct carom_fact fact = {.id = CAROM_STR("1"),
                              .kind = CAROM_KIND_DELAYED,
                              .recipient = CAROM_STR("ann@example.com"),
                              .list = CAROM_STR("news.example.org"),
                              .received = 1700000000,
                              .authenticity = CAROM_AUTHENTICITY_DIRECT,
                              .autoreply = {.type = CAROM_STR("vacation")},
                              .feedback = {.type = CAROM_STR("abuse")}};
    struct carom_history history = {.now = INT64_C(1700000000000), .half_life_ms = 1000};
    struct carom_headers headers = {0};
    struct carom_subject subject = {.fact = &fact, .history = &history, .headers = &headers,
                                    .returned_headers = &headers, .text = CAROM_STR("text"),
                                    .now = INT64_C(1700000000000)};
    struct carom_arena *arena = carom_arena_new();
    struct carom_decision decision;
    int result = carom_policy_decide(policy, arena, &subject, &decision, err);
    carom_arena_free(arena);
    return result;
}

static int run_incident(struct carom_policy *policy, struct carom_error *err)
{
    struct carom_incident incident = {.id = 1, .provider = CAROM_STR("google"), .reason = CAROM_STR("blocked")};
    struct carom_trouble trouble = {.incident = &incident};
    struct carom_fact fact = {.id = CAROM_STR("1")};
    struct carom_arena *arena = carom_arena_new();
    struct carom_decision decision;
    int result = carom_policy_incident(policy, arena, &trouble, &fact, INT64_C(1700000000000), &decision, err);
    carom_arena_free(arena);
    return result;
}

static int run_message(struct carom_policy *policy, struct carom_error *err)
{
    struct carom_headers headers = {.block = CAROM_STR("Subject: x\n")};
    struct carom_incoming incoming = {.headers = &headers, .sender = "", .recipient = "a@b.example", .source = "-"};
    bool wanted;
    return carom_policy_message(policy, &incoming, &wanted, err);
}

static int run_dead_letter(struct carom_policy *policy, struct carom_error *err)
{
    struct carom_job job = {.id = 1,
                            .action = CAROM_STR("alert"),
                            .last_answer = CAROM_STR("no"),
                            .data = CAROM_STR("{\"fact\":{\"id\":\"1\",\"kind\":\"complaint\",\"hard\":false,"
                                              "\"autoreply\":{\"type\":\"left\"},\"feedback\":{\"type\":\"abuse\"}}}")};
    struct carom_arena *arena = carom_arena_new();
    int result = carom_policy_dead_letter(policy, arena, &job, err);
    carom_arena_free(arena);
    return result;
}

/* ---- What has a row can be reached ---- */

/* Reads each field of the owner, and asks for the functions. */
static void add_reads(char *text, size_t size, const char *of, const char *object)
{
    for (const struct carom_api_row *row = carom_api_first(of); row; row = carom_api_next(row)) {
        size_t len = strlen(text);
        snprintf(text + len, size - len, "  do local value = %s[\"%s\"] %s end\n", object, row->name,
                 strncmp(row->type, "fun(", 4) ? "" : "assert(type(value) == 'function')");
    }
}

static void check_reads(const char *hook, const char *const pairs[][2],
                        int (*run_hook)(struct carom_policy *, struct carom_error *))
{
    static char text[32 << 10];
    struct carom_error err = {0};

    snprintf(text, sizeof text, "function %s(it)\n", hook);
    for (; (*pairs)[0]; pairs++)
        add_reads(text, sizeof text, (*pairs)[0], (*pairs)[1]);
    strcat(text, "end\n");
    struct carom_policy *policy = load_good(text);
    if (run_hook(policy, &err) != 0)
        fail_msg("%s", err.text);
    carom_policy_free(policy);
}

static void every_row_of_an_object_is_there(void **state)
{
    static const char *const bounce[][2] = {{"fact", "it"},
                                            {"bounce", "it"},
                                            {"evidence", "it.evidence"},
                                            {"autoreply", "it.autoreply"},
                                            {"feedback", "it.feedback"},
                                            {"original", "it.original"},
                                            {"bounce.history", "it.history"},
                                            {"carom", "carom"},
                                            {NULL, NULL}};
    static const char *const message[][2] = {{"message", "it"}, {NULL, NULL}};
    static const char *const incident[][2] = {{"incident", "it"}, {NULL, NULL}};
    static const char *const job[][2] = {{"job", "it"}, {"fact", "it.fact"}, {"original", "it.fact.original"}, {NULL, NULL}};
    (void)state;
    check_reads("on_bounce", bounce, run);
    check_reads("on_message", message, run_message);
    check_reads("on_incident", incident, run_incident);
    check_reads("on_dead_letter", job, run_dead_letter);
}

/* ---- What can be reached has a row ---- */

static void every_method_has_a_row(void **state)
{
    static const struct {
        const luaL_Reg *methods;
        const char *of;
    } lists[] = {{carom_action_methods, "bounce"}, {carom_past_methods, "bounce"}, {carom_incident_methods, "incident"},
                 {carom_testing_acts, "t"},        {carom_testing_expectations, "t"}};
    (void)state;
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        for (const luaL_Reg *method = lists[i].methods; method->name; method++)
            if (!carom_api_has(lists[i].of, carom_str(method->name)))
                fail_msg("%s:%s has no row in tables/api.tsv", lists[i].of, method->name);
}

static const char *type_of(const struct carom_field *field)
{
    static const char *const types[] = {
        [CAROM_FIELD_STR] = "string", [CAROM_FIELD_INT] = "integer",       [CAROM_FIELD_TIME] = "time",
        [CAROM_FIELD_BOOL] = "boolean", [CAROM_FIELD_KIND] = "kind",       [CAROM_FIELD_REASON] = "reason",
        [CAROM_FIELD_FAULT] = "fault",  [CAROM_FIELD_CONFIDENCE] = "confidence",
        [CAROM_FIELD_AUTHENTICITY] = "authenticity",
    };
    return types[field->type];
}

static void every_field_has_a_row_of_its_type(void **state)
{
    (void)state;
    for (size_t i = 0; i < carom_fields_n; i++) {
        const struct carom_field *field = &carom_fields[i];
        const char *of = *field->group ? field->group : "fact", *type = type_of(field);
        const struct carom_api_row *row = carom_api_first(of);
        while (row && strcmp(row->name, field->name))
            row = carom_api_next(row);
        if (!row)
            fail_msg("%s of %s has no row in tables/api.tsv", field->name, of);
        bool word = *row->type == '"' && !strcmp(type, "string"); /* one of some texts */
        if (!word && strncmp(row->type, type, strlen(type)))
            fail_msg("%s of %s is %s in tables/api.tsv, not %s", field->name, of, row->type, type);
    }
}

/* The type column has the names of a library in order. */
static void globals_are_those_of_the_table(void **state)
{
    char text[1024], want[2048];
    struct carom_error err = {0};
    (void)state;
    for (const struct carom_api_row *row = carom_api_first("environment"); row; row = carom_api_next(row)) {
        bool base = !strcmp(row->name, "_G");
        snprintf(text, sizeof text,
                 "local names, libraries = {}, { carom = true, math = true, string = true, table = true, utf8 = true }\n"
                 "for name in pairs(%s) do if not %s or not libraries[name] then names[#names + 1] = name end end\n"
                 "table.sort(names, function(a, b) return a:lower() < b:lower() or (a:lower() == b:lower() and a < b) end)\n"
                 "carom.log('info', table.concat(names, ' '))\n",
                 row->name, base ? "true" : "false");
        struct carom_policy *policy = load(text, &err);
        if (!policy)
            fail_msg("%s", err.text);
        carom_policy_free(policy);
        snprintf(want, sizeof want, "%s: %s\n", strrchr(path, '/') + 1, row->type);
        assert_string_equal(said, want);
    }
    struct carom_policy *policy = load_good("for name in pairs(carom) do carom.log('info', name) end");
    carom_policy_free(policy);
    for (char *line = strtok(said, "\n"); line; line = strtok(NULL, "\n"))
        if (!carom_api_has("carom", carom_str(strstr(line, ": ") + 2)))
            fail_msg("carom.%s has no row in tables/api.tsv", strstr(line, ": ") + 2);
}

/* ---- Each key in braces is read: one that is of no use would not complain of what it is given ---- */

/* How the owner is called: %s is where the key stands. What must be given beside it comes in `with`. */
static const struct {
    const char *of, *call, *with;
    bool hook;
} calls[] = {
    {"filter", "it:count { %s }", "", true},
    {"bounce:unsubscribe", "it:unsubscribe { %s }", "", true},
    {"bounce:suppress", "it:suppress { %s }", "", true},
    {"bounce:unsuppress", "it:unsuppress { %s }", "", true},
    {"bounce:retry", "it:retry { %s }", "after = '1h', limit = 1", true},
    {"bounce:probe", "it:probe { %s }", "", true},
    {"bounce:alert", "it:alert { %s }", "text = 'x'", true},
    {"carom.verp", "carom.verp { %s }", "", true},
    {"carom.rule", "carom.rule { %s }", "text = 'x', reason = 'blocked'", false},
    {"carom.webhook", "carom.webhook { %s }", "url = 'https://a.example', secret = 'x'", false},
    {"carom.http", "carom.http { %s }", "url = 'https://a.example'", false},
    {"carom.http: first", "carom.http { url = 'https://a.example', first = { %s } }", "url = 'https://a.example', take = { a = 'b' }", false},
    {"carom.command", "carom.command { %s }", "argv = { '/bin/true' }", false},
    {"carom.smtp", "carom.smtp { %s }", "url = 'smtp://a.example'", false},
    {"carom.configure", "carom.configure { %s }", "", false},
    {"carom.configure: a list", "carom.configure { lists = { ['a.example'] = { %s } } }", "", false},
    {"carom.configure: sinks", "carom.configure { sinks = { %s } }", "", false},
    {"carom.configure: smtp", "carom.configure { smtp = { %s } }", "url = 'smtp://a.example', from = 'a@b.example'", false},
    {"carom.configure: verp", "carom.configure { verp = { %s } }",
     "domain = 'b.example', keys = { { id = 1, secret = 'x', since = '2026-01-01' } }", false},
    {"carom.configure: verp: a key", "carom.configure { verp = { domain = 'b.example', keys = { { %s } } } }",
     "id = 1, secret = 'x', since = '2026-01-01'", false},
    {"carom.configure: score", "carom.configure { score = { %s } }", "", false},
    {"carom.configure: keep", "carom.configure { keep = { %s } }", "", false},
    {"carom.configure: limits", "carom.configure { limits = { %s } }", "", false},
    {"carom.configure: log", "carom.configure { log = { %s } }", "", false},
    {"carom.configure: gate", "carom.configure { gate = { %s } }", "", false},
    {"carom.configure: breaker", "carom.configure { breaker = { %s } }", "", false},
    {"carom.configure: held", "carom.configure { held = { %s } }", "", false},
};
enum { CALLS = sizeof calls / sizeof *calls };

/* The call with those keys, and its error; empty: it has none. */
static void try_keys(size_t i, const char *key, char error_r[512])
{
    char call[1024], keys[512], text[2048];
    struct carom_error err = {0};

    /* Of two equal keys the later one counts. */
    snprintf(keys, sizeof keys, "%s%s%s", calls[i].with, *calls[i].with && *key ? ", " : "", key);
    snprintf(call, sizeof call, calls[i].call, keys);
    snprintf(text, sizeof text, calls[i].hook ? "function on_bounce(it) %s end" : "%s", call);
    struct carom_policy *policy = load(text, &err);
    if (policy)
        run(policy, &err);
    carom_policy_free(policy);
    snprintf(error_r, 512, "%s", err.code ? err.text : "");
}

static void every_key_is_read(void **state)
{
    char key[128], error[512];
    (void)state;
    for (size_t i = 0; i < CALLS; i++) {
        assert_non_null(carom_api_first(calls[i].of));
        try_keys(i, "", error);
        if (*error && strcmp(calls[i].of, "carom.verp")) /* for which there are no keys */
            fail_msg("%s: %s", calls[i].of, error);
        for (const struct carom_api_row *row = carom_api_first(calls[i].of); row; row = carom_api_next(row)) {
            snprintf(key, sizeof key, "[\"%s\"] = function() end", row->name);
            try_keys(i, key, error);
            if (!*error || !strstr(error, row->name) || strstr(error, "is no key"))
                fail_msg("%s: %s is not read: given a function it says \"%s\"", calls[i].of, row->name, error);
        }
        try_keys(i, "zzz = 1", error);
        assert_non_null(strstr(error, "\"zzz\" is no key"));
    }
}

/* ---- The same of tests ---- */

static int stage_begin(void *user, struct carom_error *err) { return (void)user, (void)err, 0; }
static int64_t stage_now(void *user) { return (void)user, 1; }
static const struct carom_stage stage = {.begin = stage_begin, .now = stage_now};

/* Runs one test of that body; its failure in failure_r, empty for none. */
static void run_body(const char *body, char failure_r[512])
{
    char text[2048];
    struct carom_error err = {0};
    snprintf(text, sizeof text, "local fact = carom.fact { kind = 'other' }\ncarom.test('it', function(t) %s end)", body);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    struct carom_testing *testing = carom_testing_load(path, &stage, &err);
    if (!testing)
        fail_msg("%s: %s", text, err.text);
    assert_int_equal(carom_testing_run(testing, NULL, NULL), 0);
    snprintf(failure_r, 512, CAROM_STR_FMT, CAROM_STR_ARG(carom_testing_tests(testing)->failure));
    carom_testing_free(testing);
}

static const struct {
    const char *of, *call;
} test_calls[] = {
    {"t:message", "t:message('Subject: x\\n\\n', { %s })"},  {"t:reply", "t:reply('550 no', { %s })"},
    {"t:sign", "t:sign('a@b.example', { %s })"},           {"t:dead_letter", "t:dead_letter(fact, { %s })"},
    {"t:allowed", "t:allowed('a@b.example', { %s })"},     {"t:denied", "t:denied('a@b.example', { %s })"},
};
enum { TEST_CALLS = sizeof test_calls / sizeof *test_calls };

static void every_key_of_tests_is_read(void **state)
{
    char key[128], body[512], failure[512];
    (void)state;
    for (size_t i = 0; i < TEST_CALLS; i++) {
        for (const struct carom_api_row *row = carom_api_first(test_calls[i].of); row; row = carom_api_next(row)) {
            snprintf(key, sizeof key, "%s = function() end", row->name);
            snprintf(body, sizeof body, test_calls[i].call, key);
            run_body(body, failure);
            if (!strstr(failure, row->name) || strstr(failure, "is no key"))
                fail_msg("%s: %s is not read: given a function it says \"%s\"", test_calls[i].of, row->name, failure);
        }
        snprintf(body, sizeof body, test_calls[i].call, "zzz = 1");
        run_body(body, failure);
        assert_non_null(strstr(failure, "\"zzz\" is no key"));
    }
}

static void every_row_of_tests_is_there(void **state)
{
    char body[128], failure[512];
    (void)state;
    for (const struct carom_api_row *row = carom_api_first("t"); row; row = carom_api_next(row)) {
        snprintf(body, sizeof body, "assert(type(t.%s) == 'function')", row->name);
        run_body(body, failure);
        assert_string_equal(failure, "");
    }
    for (const struct carom_api_row *row = carom_api_first("carom in tests"); row; row = carom_api_next(row)) {
        snprintf(body, sizeof body, "assert(type(carom.%s) == 'function')", row->name);
        run_body(body, failure);
        assert_string_equal(failure, "");
    }
    run_body("for name in pairs(carom) do assert(({ test = 1, fact = 1, match = 1, seconds = 1 })[name]) end", failure);
    assert_string_equal(failure, "");
}

/* An owner of braces that is not tried above would be checked by nobody. */
static void every_owner_is_tried(void **state)
{
    static const char *const others[] = {"type",     "hook",     "fact", "evidence",       "autoreply",  "feedback",
                                         "original", "bounce",   "bounce.history",         "message",    "incident",
                                         "job",      "carom",    "environment",
                                         "t",        "decision", "carom in tests"};
    (void)state;
    for (size_t i = 0; i < carom_api_n; i++) {
        bool found = false;
        for (size_t k = 0; k < CALLS; k++)
            found = found || !strcmp(calls[k].of, carom_api[i].of);
        for (size_t k = 0; k < TEST_CALLS; k++)
            found = found || !strcmp(test_calls[k].of, carom_api[i].of);
        for (size_t k = 0; k < sizeof others / sizeof *others; k++)
            found = found || !strcmp(others[k], carom_api[i].of);
        if (!found)
            fail_msg("\"%s\" is an owner that this test does not try", carom_api[i].of);
    }
}

/* ---- Hooks, and the annotations ---- */

static void every_hook_of_the_table_is_one(void **state)
{
    char text[128];
    (void)state;
    for (const struct carom_api_row *row = carom_api_first("hook"); row; row = carom_api_next(row)) {
        const char *word = !strcmp(row->name, "on_<kind>")     ? carom_kind_name(CAROM_KIND_DELAYED)
                           : !strcmp(row->name, "on_<reason>") ? carom_reason_name(CAROM_REASON_BLOCKED)
                                                               : row->name + 3;
        snprintf(text, sizeof text, "function on_%s() end", word);
        carom_policy_free(load_good(text));
    }
}

static void the_annotations_are_lua(void **state)
{
    lua_State *L = luaL_newstate();
    (void)state;
    assert_non_null(L);
    if (luaL_dofile(L, CAROM_ANNOTATIONS) != LUA_OK)
        fail_msg("%s", lua_tostring(L, -1));
    lua_close(L);
}

static int set_up(void **state)
{
    (void)state;
    int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int tear_down(void **state)
{
    (void)state;
    return unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_of_an_object_is_there),
        cmocka_unit_test(every_method_has_a_row),
        cmocka_unit_test(every_field_has_a_row_of_its_type),
        cmocka_unit_test(globals_are_those_of_the_table),
        cmocka_unit_test(every_key_is_read),
        cmocka_unit_test(every_key_of_tests_is_read),
        cmocka_unit_test(every_row_of_tests_is_there),
        cmocka_unit_test(every_owner_is_tried),
        cmocka_unit_test(every_hook_of_the_table_is_one),
        cmocka_unit_test(the_annotations_are_lua),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
