/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The JSON writer: commas, escapes, numbers; and jansson reads it all. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include <jansson.h>
#include <locale.h>
#include <math.h>

#include "base/json.h"

static void expect(struct carom_buf *buf, const char *want)
{
    struct carom_str got = carom_buf_str(buf);
    if (!carom_str_eq(got, carom_str(want)))
        fail_msg("got " CAROM_STR_FMT ", want %s", CAROM_STR_ARG(got), want);
    carom_buf_clear(buf);
}

static void places_commas(void **state)
{
    (void)state;
    struct carom_buf buf = CAROM_BUF_INIT(10000);
    struct carom_json json = carom_json_to(&buf);
    carom_json_object(&json);
    carom_json_key(&json, CAROM_STR("a"));
    carom_json_array(&json);
    carom_json_array(&json);
    carom_json_array_end(&json);
    carom_json_int(&json, 1);
    carom_json_object(&json);
    carom_json_object_end(&json);
    carom_json_array_end(&json);
    carom_json_key(&json, CAROM_STR("b"));
    carom_json_null(&json);
    carom_json_key(&json, CAROM_STR("c"));
    carom_json_bool(&json, true);
    carom_json_field_str(&json, "none", CAROM_STR(""));
    carom_json_field_str(&json, "d", CAROM_STR("x"));
    carom_json_field_time(&json, "never", 0);
    carom_json_field_time(&json, "e", 1772366400);
    carom_json_key(&json, CAROM_STR("f"));
    carom_json_raw(&json, CAROM_STR("[1,2]"));
    carom_json_object_end(&json);
    expect(&buf, "{\"a\":[[],1,{}],\"b\":null,\"c\":true,\"d\":\"x\",\"e\":\"2026-03-01T12:00:00Z\",\"f\":[1,2]}");
    carom_buf_deinit(&buf);
}

static void escapes(void **state)
{
    (void)state;
    static const struct {
        struct carom_str text;
        const char *want;
    } cases[] = {
        {{"", 0}, "\"\""},
        {{"plain", 5}, "\"plain\""},
        {{"a\"b\\c/d", 7}, "\"a\\\"b\\\\c/d\""},
        {{"\b\f\n\r\t", 5}, "\"\\b\\f\\n\\r\\t\""},
        {{"\0\x1f\x7f", 3}, "\"\\u0000\\u001f\\u007f\""},
        {{"\xc3\xa4\xf0\x9f\x98\x80", 6}, "\"\xc3\xa4\xf0\x9f\x98\x80\""},
        {{"\xc2\x9b", 2}, "\"\\u009b\""},
        {{"a\xff\xfe" "b", 4}, "\"a\xef\xbf\xbd\xef\xbf\xbd" "b\""},
        {{"\xe2\x82", 2}, "\"\xef\xbf\xbd\xef\xbf\xbd\""},       /* cut */
        {{"\xed\xa0\x80", 3}, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""}, /* a surrogate */
        {{"\xc0\x80", 2}, "\"\xef\xbf\xbd\xef\xbf\xbd\""},       /* overlong */
    };
    struct carom_buf buf = CAROM_BUF_INIT(10000);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct carom_json json = carom_json_to(&buf);
        carom_json_str(&json, cases[i].text);
        expect(&buf, cases[i].want);
    }
    carom_buf_deinit(&buf);
}

static void writes_numbers(void **state)
{
    (void)state;
    setlocale(LC_ALL, "de_DE.UTF-8"); /* a decimal comma, where that locale is installed */
    struct carom_buf buf = CAROM_BUF_INIT(10000);
    struct carom_json json = carom_json_to(&buf);
    carom_json_array(&json);
    carom_json_int(&json, 0);
    carom_json_int(&json, -1);
    carom_json_int(&json, INT64_MAX);
    carom_json_int(&json, INT64_MIN);
    carom_json_number(&json, 0.1);
    carom_json_number(&json, 3);
    carom_json_number(&json, -1e300);
    carom_json_number(&json, 1.0 / 3);
    carom_json_number(&json, NAN);
    carom_json_number(&json, -INFINITY);
    carom_json_array_end(&json);
    expect(&buf, "[0,-1,9223372036854775807,-9223372036854775808,0.1,3,-1e+300,0.33333333333333331,null,null]");
    carom_buf_deinit(&buf);
}

/* Whatever bytes come: strict readers take it. */
/* One that needs an escape, at each place of strings of each length: many bytes are looked at together. */
static void escapes_at_each_place(void **state)
{
    static const char *const cases[][2] = {
        {"\"", "\\\""}, {"\\", "\\\\"}, {"\x1f", "\\u001f"}, {"\x7f", "\\u007f"}, {"\x80", "\xef\xbf\xbd"}, {"~", "~"}, {" ", " "}};
    (void)state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        for (size_t n = 1; n <= 50; n++)
            for (size_t at = 0; at < n; at++) {
                char text[50], want[80];
                memset(text, 'a', sizeof(text));
                text[at] = *cases[i][0];
                snprintf(want, sizeof(want), "\"%.*s%s%.*s\"", (int)at, text, cases[i][1], (int)(n - at - 1), text + at + 1);
                struct carom_buf buf = CAROM_BUF_INIT(1000);
                struct carom_json json = carom_json_to(&buf);
                carom_json_str(&json, carom_str_n(text, n));
                expect(&buf, want);
                carom_buf_deinit(&buf);
            }
}

static void is_always_valid(void **state)
{
    (void)state;
    srand(1);
    for (int round = 0; round < 2000; round++) {
        char bytes[64];
        size_t n = (size_t)rand() % sizeof(bytes);
        for (size_t i = 0; i < n; i++)
            bytes[i] = (char)(rand() % 3 ? rand() : "\xe2\x82\xac\"\\\n\xc3\x80"[rand() % 8]);
        struct carom_buf buf = CAROM_BUF_INIT(10000);
        struct carom_json json = carom_json_to(&buf);
        carom_json_array(&json);
        carom_json_str(&json, carom_str_n(bytes, n));
        carom_json_array_end(&json);
        json_error_t error;
        json_t *read = json_loadb(buf.ptr, buf.len, JSON_ALLOW_NUL, &error);
        if (!read)
            fail_msg("got " CAROM_STR_FMT " (%s), want valid JSON", CAROM_STR_ARG(carom_buf_str(&buf)), error.text);
        json_decref(read);
        carom_buf_deinit(&buf);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(places_commas), cmocka_unit_test(escapes),
                                       cmocka_unit_test(writes_numbers), cmocka_unit_test(escapes_at_each_place),
                                       cmocka_unit_test(is_always_valid)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
