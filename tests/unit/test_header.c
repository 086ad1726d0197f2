/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Header blocks and the values of fields. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "mail/header.h"

static void check(const char *what, struct carom_str got, struct carom_str want)
{
    if (!carom_str_eq(got, want))
        fail_msg("%s: got \"" CAROM_STR_FMT "\", want \"" CAROM_STR_FMT "\"", what, CAROM_STR_ARG(got),
                 CAROM_STR_ARG(want));
}

static int setup(void **state)
{
    struct carom_arena *arena = carom_arena_new();

    *state = arena;
    return arena ? 0 : -1;
}

static int teardown(void **state)
{
    carom_arena_free(*state);
    return 0;
}

static void finds_fields(void **state)
{
    static const char *const blocks[] = {
        "Subject: one\r\n two\r\nAction : failed\r\nEmpty:\r\n\r\nbody: x\r\n",
        "Subject: one\n two\nAction : failed\nEmpty:\n\nbody: x\n",
        "Subject: one\r two\rAction : failed\rEmpty:\r\rbody: x\r",
        ">From sender Mon Jan  2 15:04:05 2006\nSubject: one\n two\nAction \t: failed\nEmpty: \n\nbody: x\n",
    };

    for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
        struct carom_str body;
        struct carom_headers headers = carom_headers_parse(*state, carom_str(blocks[i]), &body);

        if (headers.n != 3)
            fail_msg("block %zu: got %zu fields, want 3", i, headers.n);
        check(blocks[i], headers.list[1].name, CAROM_STR("Action"));
        check(blocks[i], carom_headers_text(*state, &headers, "subject"), CAROM_STR("one two"));
        check(blocks[i], carom_headers_get(&headers, "ACTION"), CAROM_STR("failed"));
        check(blocks[i], carom_str_head(body, 7), CAROM_STR("body: x"));
        assert_true(carom_headers_has(&headers, "empty"));
        assert_false(carom_headers_has(&headers, "body"));
        check(blocks[i], carom_headers_get(&headers, "body"), CAROM_STR(""));
    }
}

static void ends_where_no_header_can_be(void **state)
{
    static const char *const cases[][2] = {
        {"A: b\nno header here\n", "no header here\n"}, {"A: b\n--bound:ary\n", "--bound:ary\n"},
        {"no header\nA: b\n", "no header\nA: b\n"},     {"From now on\nno header", "From now on\nno header"},
        {" A: b\n", " A: b\n"},                         {": b\n", ": b\n"},
        {"\nA: b\n", "A: b\n"},                         {"A: b\n \n\nbody", "body"},
        {"A: b", ""},                                   {"", ""},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct carom_str body;

        carom_headers_parse(*state, carom_str(cases[i][0]), &body);
        check(cases[i][0], body, carom_str(cases[i][1]));
    }
}

/* Each byte at each place of a name, at the end of the block and before more. */
static void knows_what_is_a_name(void **state)
{
    char block[80];

    for (size_t name = 1; name <= 40; name++)
        for (size_t more = 0; more <= 20; more += 20)
            for (size_t at = 1; at < name; at++)
                for (int c = 0; c < 256; c++) {
                    size_t want = c == ':' ? at : c > ' ' && c < 127 ? name : 0;
                    struct carom_str body;
                    struct carom_headers headers;

                    if (c == ' ' || c == '\t')
                        want = at + 1 == name ? at : 0; /* before the colon */
                    memset(block, 'x', sizeof(block));
                    block[at] = (char)(unsigned char)c;
                    block[name] = ':';
                    headers = carom_headers_parse(*state, carom_str_n(block, name + 1 + more), &body);
                    if ((headers.n > 0 ? headers.list[0].name.len : 0) != want)
                        fail_msg("%d at %zu of %zu: want %zu", c, at, name, want);
                    carom_arena_reset(*state);
                }
}

static void counts_fields_of_a_name(void **state)
{
    struct carom_str body;
    struct carom_headers headers = carom_headers_parse(*state, CAROM_STR("R: 1\nX: x\nr: 2\n\n"), &body);

    check("first", carom_headers_nth(&headers, "R", 0), CAROM_STR("1"));
    check("second", carom_headers_nth(&headers, "R", 1), CAROM_STR("2"));
    check("third", carom_headers_nth(&headers, "R", 2), CAROM_STR(""));
}

static void keeps_to_its_limits(void **state)
{
    size_t len = 0, size = 400 << 10;
    char *bytes = carom_arena_alloc(*state, size + 16);
    struct carom_str body;
    struct carom_headers headers;

    for (int i = 0; i < 1500; i++, len += 5)
        memcpy(bytes + len, "A: b\n", 5);
    memcpy(bytes + len, "\nbody", 5);
    headers = carom_headers_parse(*state, carom_str_n(bytes, len + 5), &body);
    if (headers.n != 1000)
        fail_msg("many fields: got %zu, want 1000", headers.n);
    check("many fields", body, CAROM_STR("body"));
    assert_int_equal(headers.block.len, len);

    memset(bytes, 'x', size);
    memcpy(bytes, "A: b\nLong: ", 11);
    memcpy(bytes + size, "\nC: d\n\nbody", 11);
    headers = carom_headers_parse(*state, carom_str_n(bytes, size + 11), &body);
    if (headers.n != 1)
        fail_msg("long field: got %zu, want 1", headers.n);
    check("long field", body, CAROM_STR("body"));
}

static void reads_text(void **state)
{
    static const char *const cases[][2] = {
        {"plain text", "plain text"},
        {"  trimmed \011", "trimmed"},
        {"folded\r\n\011value\r\n here", "folded value here"},
        {"folded \n  lf", "folded lf"},
        {"cr\r only", "cr only"},
        {"=\?utf-8\?Q\?Caf=C3=A9_au\?= lait", "Caf\303\251 au lait"},
        {"=\?iso-8859-1\?q\?=FC\?=", "\303\274"},
        {"=\?UTF-8\?B\?w7w=\?=", "\303\274"},
        {"=\?utf-8*de\?Q\?=C3=BC\?=", "\303\274"},
        {"=\?utf-8\?Q\?a\?= =\?utf-8\?Q\?b\?=", "ab"},
        {"=\?utf-8\?Q\?a\?=\r\n =\?iso-8859-1\?Q\?=FC\?=", "a\303\274"},
        {"=\?utf-8\?Q\?a\?= b =\?utf-8\?Q\?c\?=", "a b c"},
        {"=\?utf-8\?Q\?a\?==\?utf-8\?Q\?b\?=", "ab"},
        {"=\?utf-8\?B\?6YWN5A==\?=\r\n =\?UTF-8\?B\?v6HkuI3og70=\?=", "\351\205\215\344\277\241\344\270\215\350\203\275"},
        {"=\?utf-8\?Q\?=C3\?= =\?utf-8\?B\?vA==\?=", "\303\274"},
        {"=\?iso-2022-jp\?B\?GyRCMDhAaElUTEAkRyQ5GyhC\?=", "\345\256\233\345\205\210\344\270\215\346\230\216\343\201\247\343\201\231"},
        {"x=\?utf-8\?Q\?y\?=z", "xyz"},
        {"\"=\?utf-8\?Q\?quoted\?=\" <a@example.com>", "\"quoted\" <a@example.com>"},
        {"=\?utf-8\?X\?abc\?=", "=\?utf-8\?X\?abc\?="},
        {"=\?utf-8\?Q\?no end", "=\?utf-8\?Q\?no end"},
        {"=\?utf-8\?Q", "=\?utf-8\?Q"},
        {"=\?", "=\?"},
        {"=\?\?Q\?abc\?=", "=\?\?Q\?abc\?="},
        {"=\?utf-8\?Q\?broken =\?utf-8\?Q\?whole\?=", "=\?utf-8\?Q\?broken whole"},
        {"=\?utf-8\?Q\?with space\?=", "with space"},
        {"=\?no-such\?Q\?=FC\?=", "\303\274"},
        {"=\?utf-8\?Q\?\?=", ""},
        {"raw \374ber", "raw \303\274ber"},
        {"raw \303\274ber", "raw \303\274ber"},
        {"\374 =\?utf-8\?Q\?=C3=BC\?=", "\303\274 \303\274"},
        {"(comment) kept", "(comment) kept"},
        {"", ""},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        check(cases[i][0], carom_header_text(*state, carom_str(cases[i][0])), carom_str(cases[i][1]));
}

static void reads_tokens(void **state)
{
    static const char *const cases[][2] = {
        {"failed", "failed"},
        {"failed (bounced (really))", "failed"},
        {"5.0.0 (permanent failure)", "5.0.0"},
        {"a (b) c", "a c"},
        {"a(b)c", "a c"},
        {"(x) y", "y"},
        {"\"quoted (not a comment)\"", "\"quoted (not a comment)\""},
        {"550 no such (user", "550 no such (user"},
        {"550 \"open (x)", "550 \"open (x)"},
        {"a (b \\) c) d", "a d"},
        {"rfc822;\r\n user@example.com", "rfc822; user@example.com"},
        {"a  b (c)", "a  b"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        check(cases[i][0], carom_header_token(*state, carom_str(cases[i][0])), carom_str(cases[i][1]));
}

static void reads_params(void **state)
{
    static const char *const cases[][3] = {
        {"text/plain; charset=utf-8", "charset", "utf-8"},
        {"text/plain; CHARSET=\"utf-8\"", "charset", "utf-8"},
        {"text/plain;charset = utf-8 ;x=y", "charset", "utf-8"},
        {"text/plain charset=utf-8 format=flowed", "charset", "utf-8"},
        {"text/plain charset=utf-8 format=flowed", "format", "flowed"},
        {"text/plain; charset=utf-8 (comment)", "charset", "utf-8"},
        {"multipart/mixed; boundary=\"a b\"", "boundary", "a b"},
        {"multipart/mixed; boundary=a b", "boundary", "a b"},
        {"multipart/mixed; boundary=\"a\r\n\011b\"", "boundary", "a b"},
        {"multipart/mixed;\r\n\011boundary=\"=_x;y=z\"", "boundary", "=_x;y=z"},
        {"multipart/mixed; boundary=\"x\\\"y\"", "boundary", "x\"y"},
        {"multipart/report; report-type=delivery-status; boundary=b", "report-type", "delivery-status"},
        {"x/y; name=\"C:\\dir\\file\"", "name", "C:\\dir\\file"},
        {"x/y; charset=\"utf-8; name=z", "charset", "utf-8"},
        {"x/y; charset=\"utf-8", "charset", "utf-8"},
        {"x/y; name*=utf-8''%C3%BC.txt", "name", "\303\274.txt"},
        {"x/y; name*=iso-8859-1'de'%FC", "name", "\303\274"},
        {"x/y; name*0=\"a\"; name*1=\"b\"", "name", "ab"},
        {"x/y; name*1=b; name*0=a", "name", "ab"},
        {"x/y; name*0*=utf-8''%C3; name*1*=%BC; name*2=c", "name", "\303\274c"},
        {"x/y; name=plain; name*=utf-8''%C3%BC", "name", "\303\274"},
        {"x/y; name*99999999999999999999=a; name=b", "name", "b"},
        {"x/y; name=\"=\?utf-8\?Q\?=C3=BC\?=\"", "name", "\303\274"},
        {"x/y", "name", ""},
        {"", "name", ""},
        {"name=", "name", ""},
        {"a=1; b=2", "a", "1"},
        {"x/y; name*=utf-8''%C3%B", "name", "\357\277\275%B"},
        {"x/y; xname=a; name=b", "name", "b"},
        {"x/y; a=\"; name=z\"; name=b", "name", "b"},
        {"x/y; a=\"b\"; name=c; name=d", "name", "c"},
        {"x/y; a=b name=c", "name", "c"},
        {"x/y; name=a; b=c; name*0=d", "name", "d"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        check(cases[i][0], carom_header_param(*state, carom_str(cases[i][0]), cases[i][1]), carom_str(cases[i][2]));
}

/* Values made to be slow: each must take time in proportion to its length, or the test times out. */
static void is_linear(void **state)
{
    static const char *const units[] = {"=?a?q?x ", "=?a?b?", "(", "\"", "=?", "=?a?q?x?= =?b?q?y?= ", "\\", "a=\"", "a* ", "a=b "};
    enum { SIZE = 256 << 10 };
    char *bytes = carom_arena_alloc(*state, SIZE);

    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        struct carom_str value = {bytes, SIZE};

        for (size_t k = 0, n = strlen(units[i]); k < SIZE; k++)
            bytes[k] = units[i][k % n];
        assert_true(carom_header_text(*state, value).len <= SIZE * 3);
        assert_true(carom_header_token(*state, value).len <= SIZE);
        assert_true(carom_header_param(*state, value, "x").len <= SIZE * 3);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_fields),
        cmocka_unit_test(ends_where_no_header_can_be),
        cmocka_unit_test(knows_what_is_a_name),
        cmocka_unit_test(counts_fields_of_a_name),
        cmocka_unit_test(keeps_to_its_limits),
        cmocka_unit_test(reads_text),
        cmocka_unit_test(reads_tokens),
        cmocka_unit_test(reads_params),
        cmocka_unit_test(is_linear),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
