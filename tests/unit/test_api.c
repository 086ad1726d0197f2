/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Reading without an engine, as an embedding program does it. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "carom.h"

static void test_facts_outlive_the_bytes(void **state)
{
    static const char text[] = "From: MAILER-DAEMON@mx.example.net\nSubject: failure notice\n\n"
                               "Hi. This is the qmail-send program at mx.example.net.\n"
                               "I'm afraid I wasn't able to deliver your message to the following addresses.\n"
                               "This is a permanent error; I've given up. Sorry it didn't work out.\n\n"
                               "<ann@example.com>:\n192.0.2.1 does not like recipient.\n"
                               "Remote host said: 550 5.1.1 User unknown\nGiving up on 192.0.2.1.\n\n"
                               "--- Below this line is a copy of the message.\n\n"
                               "Return-Path: <news@example.org>\nSubject: hello\n\nhello\n";
    char *bytes = malloc(sizeof(text));
    struct carom_facts *facts;

    (void)state;
    memcpy(bytes, text, sizeof(text));
    assert_int_equal(carom_parse(bytes, sizeof(text) - 1, NULL, &facts, NULL), 0);
    memset(bytes, 'x', sizeof(text));
    free(bytes);
    assert_int_equal(carom_facts_count(facts), 1);
    const struct carom_fact *fact = carom_facts_get(facts, 0);
    assert_int_equal(fact->reply_code, 550);
    assert_true(fact->hard);
    assert_memory_equal(fact->format.ptr, "qmail", fact->format.len);
    char *json = carom_fact_json(fact);
    assert_non_null(strstr(json, "\"recipient\":\"ann@example.com\""));
    free(json);
    assert_null(carom_facts_get(facts, 1));
    carom_facts_free(facts);
}

static void test_anything_gives_a_fact(void **state)
{
    static const char *const inputs[] = {"", "\n", "hello", "\0\0\0", "\xff\xd8\xff\xe0 JFIF", "Subject: x\n\nhello\n"};
    struct carom_facts *facts;

    (void)state;
    for (size_t i = 0; i < sizeof(inputs) / sizeof(inputs[0]); i++) {
        assert_int_equal(carom_parse(inputs[i], strlen(inputs[i]), NULL, &facts, NULL), 0);
        assert_int_equal(carom_facts_count(facts), 1);
        assert_int_equal(carom_facts_get(facts, 0)->kind, CAROM_KIND_OTHER);
        carom_facts_free(facts);
    }
}

static void test_reply(void **state)
{
    struct carom_facts *facts;

    (void)state;
    assert_int_equal(carom_classify_reply("450 4.2.1 The user you are trying to contact is receiving mail too quickly",
                                          "ann@gmail.com", NULL, &facts, NULL), 0);
    const struct carom_fact *fact = carom_facts_get(facts, 0);
    assert_int_equal(fact->kind, CAROM_KIND_TRANSIENT);
    assert_int_equal(fact->reason, CAROM_REASON_RATE_LIMITED);
    assert_int_equal(fact->authenticity, CAROM_AUTHENTICITY_DIRECT);
    assert_false(fact->hard);
    carom_facts_free(facts);
}

/* Rather than a guess that somebody acts upon. */
static void test_no_reply(void **state)
{
    static const struct {
        const char *reply, *recipient, *said;
    } cases[] = {
        {NULL, NULL, "missing"}, {" \n", NULL, "missing"}, {"354 go ahead", NULL, "no final answer"},
        {"garbage", NULL, "no reply code"}, {"999 foo", NULL, "no reply code"}, {"550 5.1.1 User unknown", "ann", "no address"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct carom_error err = {0};
        struct carom_facts *facts;
        assert_int_equal(carom_classify_reply(cases[i].reply, cases[i].recipient, NULL, &facts, &err), -1);
        assert_null(facts);
        assert_int_equal(err.code, CAROM_ERROR_USAGE);
        if (!strstr(err.text, cases[i].said))
            fail_msg("%s: got \"%s\", want \"… %s …\"", cases[i].reply ? cases[i].reply : "NULL", err.text, cases[i].said);
    }
    struct carom_error err = {0};
    assert_null(carom_engine_open(NULL, &err));
    assert_non_null(strstr(err.text, "no policy given"));
}

static void test_words(void **state)
{
    (void)state;
    assert_string_equal(carom_kind_name(CAROM_KIND_PERMANENT), "permanent");
    assert_string_equal(carom_reason_name(CAROM_REASON_USER_UNKNOWN), "user_unknown");
    assert_null(carom_reason_name(CAROM_REASON_NONE));
    assert_int_equal(carom_reason_fault(CAROM_REASON_BLOCKED), CAROM_FAULT_SENDER);
    assert_string_equal(carom_fault_name(CAROM_FAULT_SENDER), "sender");
    assert_string_equal(carom_authenticity_name(CAROM_AUTHENTICITY_SIGNED), "signed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_facts_outlive_the_bytes),
        cmocka_unit_test(test_anything_gives_a_fact),
        cmocka_unit_test(test_reply), cmocka_unit_test(test_no_reply),
        cmocka_unit_test(test_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
