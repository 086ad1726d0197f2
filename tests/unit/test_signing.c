/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Signing through the public header, and the ledger's part in it. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "bounce/verp.h"
#include "ledger/care.h"

static char directory[32], policy[64], store[80];
static const int64_t now = INT64_C(1774000000);
static const char long_name[] = "somebody.with.a.very.long.name@a-rather-long-domain.example";

static void write_policy(const char *verp)
{
    FILE *file = fopen(policy, "w");

    assert_non_null(file);
    fprintf(file,
            "carom.configure { lists = { ['news.lists.example.org'] = { key = '7' }, ['7.example.org'] = {} }, %s }",
            verp);
    fclose(file);
}

static int setup(void **state)
{
    (void)state;
    strcpy(directory, "/tmp/carom-signing-XXXXXX");
    if (!mkdtemp(directory))
        return -1;
    snprintf(policy, sizeof policy, "%s/policy.lua", directory);
    snprintf(store, sizeof store, "sqlite:%s/carom.db", directory);
    write_policy("verp = { domain = 'b.example.org', keys = { { id = 3, secret = 'a secret of sixteen bytes', since = "
                 "'2026-01-01' } } }");
    return 0;
}

static int teardown(void **state)
{
    char command[64];

    (void)state;
    snprintf(command, sizeof command, "rm -rf %s", directory);
    return system(command);
}

static struct carom_engine *open_engine(bool dry_run, int64_t at)
{
    struct carom_error err = {0};
    const struct carom_engine_options options = {.policy = policy, .store = store, .dry_run = dry_run, .now = at};
    struct carom_engine *engine = carom_engine_open(&options, &err);

    if (!engine)
        fail_msg("%s", err.text);
    return engine;
}

static void signs_and_verifies(void **state)
{
    const struct carom_verp_input input = {
        .recipient = "Jane@Example.net", .list = "NEWS.lists.example.org", .id = "m-1"};
    struct carom_engine *engine = open_engine(false, now), *later = open_engine(true, now + 40 * 86400);
    struct carom_verp_answer answer;
    struct carom_error err = {0};
    char path[CAROM_VERP_PATH_SIZE], header[CAROM_VERP_HEADER_SIZE];
    (void)state;

    if (carom_engine_sign(engine, &input, path, &err) != 0 ||
        carom_engine_sign_header(engine, &input, header, &err) != 0)
        fail_msg("%s", err.text);
    assert_true(strcmp(path + 20, "-7=.m-1=.jane==example.net@b.example.org") == 0 && path[0] == 'd');
    for (int i = 0; i < 2; i++) {
        assert_int_equal(carom_engine_verify(engine, i ? header : path, NULL, &answer, &err), 1);
        assert_string_equal(answer.recipient, "jane@example.net");
        assert_string_equal(answer.list, "news.lists.example.org");
        assert_string_equal(answer.id, "m-1");
        assert_int_equal(answer.time, now / 86400 * 86400);
        assert_null(answer.why);
    }
    assert_int_equal(carom_engine_verify(engine, path, "JANE@example.net", &answer, &err), 1);
    assert_int_equal(carom_engine_verify(engine, path, "joan@example.net", &answer, &err), 0);
    assert_string_equal(answer.why, "signed for another recipient");
    assert_int_equal(carom_engine_verify(later, path, NULL, &answer, &err), 0);
    assert_string_equal(answer.why, "expired");
    path[7] = path[7] == 'a' ? 'b' : 'a';
    assert_int_equal(carom_engine_verify(engine, path, NULL, &answer, &err), 0);
    assert_string_equal(answer.why, "not signed by us, or changed");
    assert_int_equal(carom_engine_verify(engine, "", NULL, &answer, &err), 0);
    carom_engine_close(engine);
    carom_engine_close(later);
}

static void says_why_it_does_not_sign(void **state)
{
    struct carom_engine *engine = open_engine(true, now);
    struct carom_verp_answer answer;
    struct carom_error err;
    char path[CAROM_VERP_PATH_SIZE];
    (void)state;

    assert_int_equal(carom_engine_sign(engine, &(struct carom_verp_input){.list = "7"}, path, &err), -1);
    assert_string_equal(err.text, "verp: nothing to sign: give the recipient, or an id of yours");
    assert_int_equal(carom_engine_sign(engine, &(struct carom_verp_input){.recipient = "nobody"}, path, &err), -1);
    assert_string_equal(err.text, "verp: 'nobody' is no address");
    assert_int_equal(
        carom_engine_sign(engine, &(struct carom_verp_input){.recipient = "a@b.example", .time = 1}, path, &err), -1);
    assert_int_equal(err.code, CAROM_ERROR_CONFIG);
    carom_engine_close(engine);
    write_policy("");
    engine = open_engine(true, now);
    assert_int_equal(carom_engine_sign(engine, &(struct carom_verp_input){.recipient = "a@b.example"}, path, &err), -1);
    assert_string_equal(err.text, "verp: the policy has no keys: configure verp");
    assert_int_equal(carom_engine_verify(engine, "x@b.example.org", NULL, &answer, &err), -1);
    carom_engine_close(engine);
}

static void teach(const char *address, const char *key)
{
    struct carom_arena *arena = carom_arena_new();
    struct carom_ledger ledger;
    struct carom_error err = {0};
    struct carom_reference reference = {.hash = carom_verp_reference(arena, CAROM_STR("7"), carom_str(address)),
                                        .key = carom_str(key),
                                        .spelling = carom_str(address),
                                        .list = CAROM_STR("7"),
                                        .own = CAROM_STR_EMPTY};

    if (carom_ledger_open(store, CAROM_LEDGER_WRITE, &ledger, &err) != 0 || ledger.ops->begin(ledger.store, &err) != 0)
        fail_msg("%s", err.text);
    assert_int_equal(ledger.care->teach(ledger.store, &reference, now * 1000, &err), 1);
    assert_int_equal(ledger.care->teach(ledger.store, &reference, now * 1000, &err), 0);
    /* Another address under the same hash: the MAC says which one it was. */
    reference.key = reference.spelling = CAROM_STR("collision@example.net");
    assert_int_equal(ledger.care->teach(ledger.store, &reference, now * 1000, &err), 1);
    assert_int_equal(ledger.ops->commit(ledger.store, &err), 0);
    carom_ledger_close(&ledger);
    carom_arena_free(arena);
}

static void retain(int64_t at)
{
    struct carom_pruned pruned = {0};
    static const struct carom_config kept = {
        .keep_raw_ms = 86400000, .keep_facts_ms = 86400000, .keep_jobs_ms = 86400000};
    struct carom_ledger ledger;
    struct carom_error err = {0};
    int more;

    assert_int_equal(carom_ledger_open(store, CAROM_LEDGER_WRITE, &ledger, &err), 0);
    while ((more = ledger.care->prune(ledger.store, &kept, at, &pruned, &err)) > 0)
        ;
    assert_int_equal(more, 0);
    carom_ledger_close(&ledger);
}

static void the_ledger_resolves_references(void **state)
{
    struct carom_engine *engine = open_engine(false, now), *dry = open_engine(true, now);
    struct carom_verp_answer answer;
    struct carom_error err = {0};
    char path[CAROM_VERP_PATH_SIZE];
    (void)state;

    assert_int_equal(
        carom_engine_sign(engine, &(struct carom_verp_input){.recipient = long_name, .list = "7"}, path, &err), 0);
    assert_int_equal(carom_engine_verify(engine, path, long_name, &answer, &err), 0);
    assert_non_null(strstr(answer.why, "was not taught"));
    teach(long_name, long_name);
    retain(now * 1000 + INT64_C(1000) * 86400000); /* she never bounced, and is known all the same */
    assert_int_equal(carom_engine_verify(engine, path, NULL, &answer, &err), 1);
    assert_string_equal(answer.recipient, long_name);
    assert_string_equal(answer.list, "news.lists.example.org");
    carom_engine_close(dry);
    dry = open_engine(true, now); /* which reads the same ledger */
    assert_int_equal(carom_engine_verify(dry, path, NULL, &answer, &err), 1);
    carom_engine_close(engine);
    carom_engine_close(dry);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(signs_and_verifies), TEST(says_why_it_does_not_sign),
                                       TEST(the_ledger_resolves_references)};
    return cmocka_run_group_tests_name("signing", tests, NULL, NULL);
}
