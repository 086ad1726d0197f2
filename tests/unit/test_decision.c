/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The rules of every decision, its JSON, and the look-ups in a configuration. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <unistd.h>

#include "base/error.h"
#include "decision/action.h"
#include "decision/hold.h"

static const int64_t DAY = 86400;

static struct carom_sink crm = {.name = {"endpoint.crm", 12}};
static struct carom_sink second = {.name = {"unsubscribe.2", 13}};
static struct carom_sink first = {.name = {"unsubscribe", 11}, .next = &second};
static struct carom_sink any = {.name = {"*", 1}};
static struct carom_sink_entry rest = {.name = {"*", 1}, .sinks = &any};
static struct carom_sink_entry sinks = {.name = {"unsubscribe", 11}, .sinks = &first, .next = &rest};
static struct carom_sink_entry endpoints = {.name = {"crm", 3}, .sinks = &crm};
static struct carom_list_entry lists = {.id = {"dev.lists.example.org", 21}, .address = {"dev@lists.example.org", 21}};
static const struct carom_config config = {.sinks = &sinks, .endpoints = &endpoints, .lists = &lists};

static struct carom_fact fact_of(void)
{
    return (struct carom_fact){.kind = CAROM_KIND_PERMANENT,
                               .reason = CAROM_REASON_BLOCKED,
                               .recipient = CAROM_STR("ann@example.com"),
                               .list = CAROM_STR("dev.lists.example.org"),
                               .provider = CAROM_STR("microsoft"),
                               .diagnostic = CAROM_STR("550 5.7.1 blocked"),
                               .confidence = CAROM_CONFIDENCE_HIGH,
                               .authenticity = CAROM_AUTHENTICITY_UNPROVEN,
                               .received = 1000000};
}

struct given {
    struct carom_arena *arena;
    struct carom_decision decision;
    struct carom_decided *action[3];
};

static struct given given(enum carom_action_type a, enum carom_action_type b, enum carom_action_type c)
{
    struct given given = {.arena = carom_arena_new()};
    const enum carom_action_type types[] = {a, b, c};
    assert_non_null(given.arena);
    carom_decision_init(&given.decision);
    for (int i = 0; i < 3; i++)
        if (types[i] != CAROM_ACTION_COUNT)
            given.action[i] = carom_decision_add(given.arena, &given.decision, types[i]);
    return given;
}

static void test_rules(void **state)
{
    enum { NONE = CAROM_ACTION_COUNT, U = CAROM_ACTION_UNSUBSCRIBE, S = CAROM_ACTION_SUPPRESS, R = CAROM_ACTION_RETRY,
           I = CAROM_ACTION_IGNORE, W = CAROM_ACTION_WEBHOOK, P = CAROM_ACTION_PROBE, T = CAROM_ACTION_TAG,
           A = CAROM_ACTION_ALERT };
    static const struct {
        const char *name;
        int actions[3];
        enum carom_confidence confidence;
        bool force, no_list, no_recipient;
        const char *want; /* d decided, u unmatched, r refused */
    } cases[] = {
        {"alone", {U, NONE, NONE}, CAROM_CONFIDENCE_HIGH, 0, 0, 0, "d"},
        {"together", {U, S, NONE}, CAROM_CONFIDENCE_HIGH, 0, 0, 0, "dd"},
        {"unsubscribe cancels retry", {R, U, NONE}, CAROM_CONFIDENCE_HIGH, 0, 0, 0, "rd"},
        {"suppress cancels retry", {S, R, NONE}, CAROM_CONFIDENCE_HIGH, 0, 0, 0, "dr"},
        {"ignore cancels all", {U, I, A}, CAROM_CONFIDENCE_HIGH, 0, 0, 0, "rdr"},
        {"a guess removes nobody", {U, S, R}, CAROM_CONFIDENCE_LOW, 0, 0, 0, "rrd"},
        {"unless forced", {U, S, R}, CAROM_CONFIDENCE_LOW, 1, 0, 0, "ddr"},
        {"no list", {U, S, R}, CAROM_CONFIDENCE_HIGH, 0, 1, 0, "udr"},
        {"no recipient", {U, S, T}, CAROM_CONFIDENCE_HIGH, 0, 0, 1, "uuu"},
        {"an alert needs none", {A, W, NONE}, CAROM_CONFIDENCE_LOW, 0, 1, 1, "du"},
        {"twice", {U, U, NONE}, CAROM_CONFIDENCE_HIGH, 0, 0, 0, "dr"},
        {"a probe wants proof", {P, NONE, NONE}, CAROM_CONFIDENCE_HIGH, 0, 0, 0, "u"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct carom_fact fact = fact_of();
        struct given g = given((enum carom_action_type)cases[i].actions[0], (enum carom_action_type)cases[i].actions[1],
                               (enum carom_action_type)cases[i].actions[2]);
        char got[4] = "";
        fact.confidence = cases[i].confidence;
        if (cases[i].no_list)
            fact.list = CAROM_STR_EMPTY;
        if (cases[i].no_recipient)
            fact.recipient = CAROM_STR_EMPTY;
        for (int k = 0; k < 3 && g.action[k]; k++)
            g.action[k]->force = cases[i].force;
        carom_decision_settle(&g.decision, &fact, &config);
        for (int k = 0; k < 3 && g.action[k]; k++) {
            got[k] = "dur"[g.action[k]->state];
            assert_true((g.action[k]->state == CAROM_ACTION_DECIDED) == (g.action[k]->note == NULL));
        }
        if (strcmp(got, cases[i].want))
            fail_msg("%s: got %s, want %s", cases[i].name, got, cases[i].want);
        carom_arena_free(g.arena);
    }
}

/* What needs somebody to carry it out, and what it finds. */
static void test_ways_out(void **state)
{
    static struct carom_sink smtp = {.name = {"smtp", 4}, .type = CAROM_SINK_SMTP, .url = {"smtp://mail.example.org", 23}};
    static struct carom_sink nobody = {.name = {"alert", 5}, .type = CAROM_SINK_SMTP};
    static struct carom_sink purge = {.name = {"command.purge", 13}, .type = CAROM_SINK_COMMAND};
    static struct carom_sink_entry alert = {.name = {"alert", 5}, .sinks = &nobody};
    static struct carom_sink_entry commands = {.name = {"purge", 5}, .sinks = &purge};
    static struct carom_sink_entry probe = {.name = {"probe", 5}, .sinks = &nobody};
    static struct carom_verp_config verp;
    static const struct carom_config mute = {.sinks = &probe};
    static const struct carom_config bare = {.sinks = &alert}, full = {.smtp = &smtp, .commands = &commands, .verp = &verp},
                                     no_keys = {.smtp = &smtp, .commands = &commands};
    static const struct {
        const char *name;
        const struct carom_config *config;
        enum carom_authenticity authenticity;
        const char *want; /* of run, forward, probe, alert */
    } cases[] = {
        {"nothing is configured", &bare, CAROM_AUTHENTICITY_SIGNED, "uuuu"},
        {"all is", &full, CAROM_AUTHENTICITY_SIGNED, "dddd"},
        {"a reply that our sender heard", &full, CAROM_AUTHENTICITY_DIRECT, "dddd"},
        {"a probe by a server that nobody named", &mute, CAROM_AUTHENTICITY_SIGNED, "uuud"},
        {"a probe that nobody signs", &no_keys, CAROM_AUTHENTICITY_SIGNED, "ddud"},
        {"it may be forged", &full, CAROM_AUTHENTICITY_MATCHED, "ddud"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct carom_fact fact = fact_of();
        struct given g = given(CAROM_ACTION_RUN, CAROM_ACTION_FORWARD, CAROM_ACTION_PROBE);
        char got[5] = "";
        fact.authenticity = cases[i].authenticity;
        g.action[0]->command = CAROM_STR("purge");
        assert_non_null(carom_decision_add(g.arena, &g.decision, CAROM_ACTION_ALERT));
        carom_decision_settle(&g.decision, &fact, cases[i].config);
        const struct carom_decided *decided = g.decision.first;
        for (int k = 0; decided; decided = decided->next, k++)
            got[k] = "dur"[decided->state];
        if (strcmp(got, cases[i].want))
            fail_msg("%s: got %s, want %s", cases[i].name, got, cases[i].want);
        carom_arena_free(g.arena);
    }
    struct carom_fact came_back = fact_of(); /* a probe of a probe would go round */
    struct given g = given(CAROM_ACTION_RUN, CAROM_ACTION_FORWARD, CAROM_ACTION_PROBE);
    came_back.authenticity = CAROM_AUTHENTICITY_SIGNED;
    came_back.mail_type = CAROM_STR("probe");
    carom_decision_settle(&g.decision, &came_back, &full);
    assert_int_equal(g.action[2]->state, CAROM_ACTION_UNMATCHED);
    carom_arena_free(g.arena);
    assert_ptr_equal(carom_config_command(&full, CAROM_STR("purge")), &purge);
    assert_null(carom_config_command(&full, CAROM_STR("command.purge")));
    assert_ptr_equal(carom_config_sink(&full, CAROM_STR("command.purge")), &purge);
    assert_ptr_equal(carom_config_sink(&full, CAROM_STR("smtp")), &smtp);
    assert_null(carom_config_sink(&bare, CAROM_STR("smtp")));
    assert_ptr_equal(carom_config_probe(&full), &smtp);
    assert_ptr_equal(carom_config_probe(&config), &any);
    assert_null(carom_config_probe(&bare));
}

/* Whatever came by mail must not become an option of a program. */
static void test_arguments_are_no_options(void **state)
{
    static struct carom_sink purge = {.name = {"command.purge", 13}, .type = CAROM_SINK_COMMAND};
    static struct carom_sink_entry commands = {.name = {"purge", 5}, .sinks = &purge};
    static const struct carom_config config_here = {.commands = &commands};
    static const struct {
        const char *first, *second;
        enum carom_action_state want;
    } cases[] = {
        {"a", "b", CAROM_ACTION_DECIDED},           {"", "a-b", CAROM_ACTION_DECIDED},
        {"-rf@example.com", "b", CAROM_ACTION_REFUSED}, {"a", "--", CAROM_ACTION_REFUSED},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct carom_fact fact = fact_of();
        struct given g = given(CAROM_ACTION_RUN, CAROM_ACTION_COUNT, CAROM_ACTION_COUNT);
        struct carom_pair second_argument = {.value = carom_str(cases[i].second)};
        struct carom_pair argument = {.value = carom_str(cases[i].first), .next = &second_argument};
        g.action[0]->command = CAROM_STR("purge");
        g.action[0]->arguments = &argument;
        carom_decision_settle(&g.decision, &fact, &config_here);
        if (g.action[0]->state != cases[i].want)
            fail_msg("'%s' '%s': got state %d, want %d", cases[i].first, cases[i].second, g.action[0]->state,
                     cases[i].want);
        carom_arena_free(g.arena);
    }
}

static void test_what_follows_from_the_fact(void **state)
{
    struct carom_fact fact = fact_of();
    struct given g = given(CAROM_ACTION_ALERT, CAROM_ACTION_RETRY, CAROM_ACTION_UNSUBSCRIBE);
    (void)state;
    g.action[0]->text = CAROM_STR("refused by {provider}: {diagnostic} for {list_address}{subject}");
    g.action[1]->after_ms = 4 * 3600 * 1000;
    g.action[2]->all = true;
    carom_decision_settle(&g.decision, &fact, &config);
    assert_true(carom_str_eq(g.action[0]->key, CAROM_STR("microsoft:blocked")));
    assert_true(carom_str_eq(g.action[0]->text,
                             CAROM_STR("refused by microsoft: 550 5.7.1 blocked for dev@lists.example.org")));
    assert_int_equal(g.action[0]->every_ms, 3600 * 1000);
    assert_int_equal(g.action[1]->due, 1000000 + 4 * 3600);
    assert_true(carom_str_eq(g.action[2]->list, fact.list));
    carom_arena_free(g.arena);
}

static void test_json(void **state)
{
    struct carom_fact fact = fact_of();
    struct carom_decided suppress = {.type = CAROM_ACTION_SUPPRESS, .list = fact.list, .list_only = true,
                                     .duration_ms = 90 * INT64_C(86400000)};
    struct carom_decided webhook = {.type = CAROM_ACTION_WEBHOOK, .endpoint = CAROM_STR("crm"),
                                    .payload = CAROM_STR("{\"event\":\"complaint\"}")};
    struct carom_decided score = {.type = CAROM_ACTION_SCORE, .points = 1.5};
    struct carom_pair second_argument = {.value = CAROM_STR("-x")};
    struct carom_pair argument = {.value = CAROM_STR("a \"b\""), .next = &second_argument};
    struct carom_decided run = {.type = CAROM_ACTION_RUN, .command = CAROM_STR("purge"), .arguments = &argument};
    struct carom_decided plain = {.type = CAROM_ACTION_RUN, .command = CAROM_STR("purge")};
    struct carom_decided forward = {.type = CAROM_ACTION_FORWARD, .to = CAROM_STR("ops@example.org")};
    struct carom_decided retry = {.type = CAROM_ACTION_RETRY, .after_ms = 5400000, .limit = 5, .due = 1772366400};
    const struct {
        const struct carom_decided *decided;
        const char *want;
    } cases[] = {
        {&suppress, "{\"action\":\"suppress\",\"list\":\"dev.lists.example.org\",\"scope\":\"list\",\"duration\":\"90d\"}"},
        {&webhook, "{\"action\":\"webhook\",\"endpoint\":\"crm\",\"payload\":{\"event\":\"complaint\"}}"},
        {&score, "{\"action\":\"score\",\"points\":1.5}"},
        {&retry, "{\"action\":\"retry\",\"due\":\"2026-03-01T12:00:00Z\",\"after\":\"90m\",\"limit\":5}"},
        {&run, "{\"action\":\"run\",\"command\":\"purge\",\"arguments\":[\"a \\\"b\\\"\",\"-x\"]}"},
        {&plain, "{\"action\":\"run\",\"command\":\"purge\",\"arguments\":[]}"},
        {&forward, "{\"action\":\"forward\",\"to\":\"ops@example.org\"}"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct carom_buf buf = CAROM_BUF_INIT(1000);
        struct carom_json json = carom_json_to(&buf);
        carom_decided_write(cases[i].decided, &fact, &json);
        if (!carom_str_eq(carom_buf_str(&buf), carom_str(cases[i].want)))
            fail_msg("got %s, want %s", carom_buf_str(&buf).ptr, cases[i].want);
        carom_buf_deinit(&buf);
    }
}

static void test_config(void **state)
{
    (void)state;
    assert_ptr_equal(carom_config_sinks(&config, CAROM_STR("unsubscribe")), &first);
    assert_ptr_equal(carom_config_sinks(&config, CAROM_STR("tag")), &any);
    assert_ptr_equal(carom_config_sink(&config, CAROM_STR("unsubscribe.2")), &second);
    assert_ptr_equal(carom_config_sink(&config, CAROM_STR("endpoint.crm")), &crm);
    assert_null(carom_config_sink(&config, CAROM_STR("crm")));
    assert_ptr_equal(carom_config_endpoint(&config, CAROM_STR("crm")), &crm);
    assert_null(carom_config_endpoint(&config, CAROM_STR("*")));
    assert_ptr_equal(carom_config_list(&config, CAROM_STR("Dev.Lists.example.org")), &lists);
}

static void test_secrets(void **state)
{
    char path[] = "/tmp/carom-secret-XXXXXX";
    int fd = mkstemp(path);
    struct carom_arena *arena = carom_arena_new();
    struct carom_error err = {0};
    struct carom_str value;

    (void)state;
    assert_true(fd >= 0 && write(fd, "pass word\r\n", 11) == 11);
    close(fd);
    struct carom_secret file = {CAROM_SECRET_FILE, carom_str(path)};
    struct carom_secret variable = {CAROM_SECRET_ENV, CAROM_STR("CAROM_TEST_SECRET")};
    if (carom_arena_guard(arena))
        fail();
    assert_int_equal(carom_secret_resolve(arena, &file, &value, &err), 0);
    assert_true(carom_str_eq(value, CAROM_STR("pass word")));
    unlink(path);
    assert_int_equal(carom_secret_resolve(arena, &file, &value, &err), -1);
    assert_non_null(strstr(err.text, path));
    unsetenv("CAROM_TEST_SECRET");
    assert_int_equal(carom_secret_resolve(arena, &variable, &value, &err), -1);
    assert_non_null(strstr(err.text, "CAROM_TEST_SECRET"));
    setenv("CAROM_TEST_SECRET", "x", 1);
    assert_int_equal(carom_secret_resolve(arena, &variable, &value, &err), 0);
    assert_true(carom_str_eq(value, CAROM_STR("x")));
    carom_arena_unguard(arena);
    carom_arena_free(arena);
}

/* What was sent before somebody took the address back removes nobody; the day of a valid token says when it was. */
static void test_outdated(void **state)
{
    static const struct {
        int64_t token_time, time, restored;
        enum carom_action_state want;
    } cases[] = {
        {0, 999, 1000, CAROM_ACTION_REFUSED},
        {0, 1001, 1000, CAROM_ACTION_DECIDED},
        {0, 1, 0, CAROM_ACTION_DECIDED}, /* never taken back */
        {DAY, INT64_C(9) * DAY * 1000, INT64_C(2) * DAY * 1000, CAROM_ACTION_REFUSED}, /* replayed with a date of today */
        {DAY, INT64_C(9) * DAY * 1000, INT64_C(2) * DAY * 1000 - 1, CAROM_ACTION_REFUSED}, /* signed on that very day */
        {INT64_C(2) * DAY, 1, INT64_C(2) * DAY * 1000 - 1, CAROM_ACTION_DECIDED},          /* on the next */
    };
    struct carom_arena *arena = carom_arena_new();
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct carom_fact fact = {.token_time = cases[i].token_time};
        struct carom_decision decision;
        carom_decision_init(&decision);
        struct carom_decided *removal = carom_decision_add(arena, &decision, CAROM_ACTION_UNSUBSCRIBE),
                             *score = carom_decision_add(arena, &decision, CAROM_ACTION_SCORE);
        carom_hold_outdated(&decision, &fact, cases[i].time, cases[i].restored);
        assert_int_equal(removal->state, cases[i].want);
        assert_int_equal(score->state, CAROM_ACTION_DECIDED);
    }
    carom_arena_free(arena);
}

/* What is asked of a fact once a key is in use, and what the policy says instead. */
static void test_gate(void **state)
{
    struct carom_verp_source key = {.id = 1, .since = 10 * DAY};
    struct carom_verp_config verp = {.keys = &key};
    struct carom_config keyed = {.gate = {-1, -1, -1, -1}};
    (void)state;
    assert_int_equal(carom_hold_gate(&keyed, CAROM_KIND_PERMANENT, 11 * DAY), CAROM_AUTHENTICITY_UNPROVEN);
    keyed.verp = &verp;
    assert_int_equal(carom_hold_gate(&keyed, CAROM_KIND_PERMANENT, 9 * DAY), CAROM_AUTHENTICITY_UNPROVEN);
    assert_int_equal(carom_hold_gate(&keyed, CAROM_KIND_PERMANENT, 10 * DAY), CAROM_AUTHENTICITY_MATCHED);
    assert_int_equal(carom_hold_gate(&keyed, CAROM_KIND_DELAYED, 11 * DAY), CAROM_AUTHENTICITY_MATCHED);
    assert_int_equal(carom_hold_gate(&keyed, CAROM_KIND_DELIVERED, 11 * DAY), CAROM_AUTHENTICITY_MATCHED);
    assert_int_equal(carom_hold_gate(&keyed, CAROM_KIND_COMPLAINT, 11 * DAY), CAROM_AUTHENTICITY_ALIGNED);
    assert_int_equal(carom_hold_gate(&keyed, CAROM_KIND_UNSUBSCRIBE, 11 * DAY), CAROM_AUTHENTICITY_ALIGNED);
    assert_int_equal(carom_hold_gate(&keyed, CAROM_KIND_AUTOREPLY, 11 * DAY), CAROM_AUTHENTICITY_UNPROVEN);
    keyed.gate.complaint = CAROM_AUTHENTICITY_UNPROVEN;
    assert_int_equal(carom_hold_gate(&keyed, CAROM_KIND_COMPLAINT, 11 * DAY), CAROM_AUTHENTICITY_UNPROVEN);
}

/* Whose bad day it is. */
static void test_group(void **state)
{
    static const struct {
        const char *provider, *remote_mta, *recipient, *want;
    } cases[] = {
        {"google", "mx.example.com", "a@example.com", "google"},
        {"", "mx1.mail.Example.COM.", "a@other.example", "example.com"},
        {"", "mx1.example.co.uk", "", "example.co.uk"},
        {"", "localhost", "", "localhost"},
        {"", "", "a@sub.example.net", "sub.example.net"},
        {"", "", "", ""},
    };
    struct carom_arena *arena = carom_arena_new();
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct carom_fact fact = {.provider = carom_str(cases[i].provider), .remote_mta = carom_str(cases[i].remote_mta),
                                  .recipient = carom_str(cases[i].recipient)};
        struct carom_str got = carom_hold_group(arena, &fact);
        if (!carom_str_eq(got, carom_str(cases[i].want)))
            fail_msg("got " CAROM_STR_FMT ", want %s", CAROM_STR_ARG(got), cases[i].want);
    }
    carom_arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rules), cmocka_unit_test(test_ways_out),
                                       cmocka_unit_test(test_arguments_are_no_options),
                                       cmocka_unit_test(test_what_follows_from_the_fact), cmocka_unit_test(test_json),
                                       cmocka_unit_test(test_config), cmocka_unit_test(test_secrets),
                                       cmocka_unit_test(test_outdated), cmocka_unit_test(test_gate),
                                       cmocka_unit_test(test_group)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
