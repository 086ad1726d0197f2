/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* {placeholders}: what is one, how values are made harmless, what is refused at load. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "decision/template.h"

static bool look_up(void *user, struct carom_str name, struct carom_str *value_r)
{
    (void)user;
    if (carom_str_eq(name, CAROM_STR("nobody")))
        return false;
    *value_r = carom_str_eq(name, CAROM_STR("evil"))    ? carom_str_n("a b/\"\r\n\0\xff<", 10)
               : carom_str_eq(name, CAROM_STR("empty")) ? CAROM_STR_EMPTY
           : carom_str_eq(name, CAROM_STR("number.id")) ? CAROM_STR("42")
           : carom_str_eq(name, CAROM_STR("number.zero")) ? CAROM_STR("0")
           : carom_str_eq(name, CAROM_STR("number.code")) ? CAROM_STR("007")
                                                        : name;
    return true;
}

static void test_expand(void **state)
{
    static const struct {
        const char *text;
        enum carom_escape escape;
        const char *want;
    } cases[] = {
        {"", CAROM_ESCAPE_TEXT, ""},
        {"plain", CAROM_ESCAPE_TEXT, "plain"},
        {"<{address}>", CAROM_ESCAPE_TEXT, "<address>"},
        {"{a}{b}", CAROM_ESCAPE_TEXT, "ab"},
        {"{empty}{nobody}!", CAROM_ESCAPE_TEXT, "!"},
        {"{header.X-Campaign}", CAROM_ESCAPE_HEADER, "header.X-Campaign"},
        {"{", CAROM_ESCAPE_TEXT, "{"},
        {"{}", CAROM_ESCAPE_TEXT, "{}"},
        {"{a", CAROM_ESCAPE_TEXT, "{a"},
        {"{{a}}", CAROM_ESCAPE_TEXT, "{a}"},
        {"{ a }", CAROM_ESCAPE_TEXT, "{ a }"},
        {"{\"emails\":\"{address}\",\"n\":{}}", CAROM_ESCAPE_JSON, "{\"emails\":\"address\",\"n\":{}}"},
        {"{\"ids\":[\"{number.id}\",\"{number.zero}\"]}", CAROM_ESCAPE_JSON, "{\"ids\":[42,0]}"},
        {"{\"id\":\"{number.code}\",\"x\":\"{number.evil}\"}", CAROM_ESCAPE_JSON, "{\"id\":\"007\",\"x\":\"number.evil\"}"},
        {"[\"no. {number.id}\",\"{number.id} \",\"\\\"{number.id}\"]", CAROM_ESCAPE_JSON, "[\"no. 42\",\"42 \",\"\\\"42\"]"},
        {"id=\"{number.id}\"", CAROM_ESCAPE_TEXT, "id=\"42\""},
        {"{evil}", CAROM_ESCAPE_TEXT, "a b/\"   \xff<"},
        {"{evil}", CAROM_ESCAPE_HEADER, "a b/\"\xff<"},
        {"{evil}", CAROM_ESCAPE_URL, "a%20b%2F%22%0D%0A%00%FF%3C"},
        {"{evil}", CAROM_ESCAPE_JSON, "a b/\\\"\\r\\n\\u0000\xef\xbf\xbd<"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct carom_buf buf = CAROM_BUF_INIT(1000);
        carom_template_expand(&buf, carom_str(cases[i].text), cases[i].escape, look_up, NULL);
        struct carom_str got = carom_buf_str(&buf);
        if (!carom_str_eq(got, carom_str(cases[i].want)))
            fail_msg("%s: got %.*s, want %s", cases[i].text, CAROM_STR_ARG(got), cases[i].want);
        carom_buf_deinit(&buf);
    }
}

static void test_a_full_buffer_is_seen(void **state)
{
    struct carom_buf buf = CAROM_BUF_INIT(4);
    (void)state;
    carom_template_expand(&buf, CAROM_STR("12{address}"), CAROM_ESCAPE_JSON, look_up, NULL);
    assert_true(buf.failed);
    carom_buf_deinit(&buf);
}

static void test_check(void **state)
{
    static const struct {
        const char *text, *want; /* NULL: it is fine */
    } cases[] = {
        {"http://localhost/{list}/{address}", NULL},
        {"{original.message_id} {evidence.rule} {diagnostic} {reply_code}", NULL},
        {"{header.X-Campaign} {list_key} {list_address} {count} {until}", NULL},
        {"{sql.address} {sql.header.X-Campaign} {sql.original.subject}", NULL},
        {"{ } {} {\"a\":1}", NULL},
        {"{addres}", "{address}"},
        {"ok {list} then {diagnostics}", "{diagnostic}"},
        {"{original.mesage_id}", "{original.message_id}"},
        {"{header.}", "{header.}"},
        {"{number.list_key} {number.reply_code}", NULL},
        {"{number.}", "{number.}"},
        {"{sql.}", "{sql.}"},
        {"{sql.adress}", "{address}"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct carom_error err = {0};
        int got = carom_template_check(carom_str(cases[i].text), &err);
        if (got != (cases[i].want ? -1 : 0))
            fail_msg("%s: got %d (%s)", cases[i].text, got, err.text);
        if (cases[i].want && !strstr(err.text, cases[i].want))
            fail_msg("%s: got \"%s\", want it to name %s", cases[i].text, err.text, cases[i].want);
    }
}

static void test_check_with_more_names(void **state)
{
    const struct carom_pair more = {.name = CAROM_STR("member_id"), .value = CAROM_STR("id")};
    struct carom_error err = {0};
    (void)state;
    assert_int_equal(carom_template_check_with(CAROM_STR("{member_id}/{list}"), &more, &err), 0);
    assert_int_equal(carom_template_check_with(CAROM_STR("{membr_id}"), &more, &err), -1);
    assert_string_equal(err.text, "{membr_id} is no placeholder; the nearest is {member_id}");
    assert_int_equal(carom_template_check(CAROM_STR("{member_id}"), &err), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_expand), cmocka_unit_test(test_a_full_buffer_is_seen),
                                       cmocka_unit_test(test_check), cmocka_unit_test(test_check_with_more_names)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
