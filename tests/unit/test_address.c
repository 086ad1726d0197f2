/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Addresses in header fields and in sentences; their shape; their key. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "mail/address.h"

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

static void takes_the_first(void **state)
{
    static const struct {
        const char *text, *want, *name; /* want NULL: there is none */
    } cases[] = {
        {"user@example.com", "user@example.com", ""},
        {"<user@Example.COM>", "user@example.com", ""},
        {"John Doe <User@example.com>", "User@example.com", "John Doe"},
        {"\"Doe, John\" <u@example.com>", "u@example.com", "Doe, John"},
        {"u@example.com (John Doe)", "u@example.com", "John Doe"},
        {"<u@example.com> (John)", "u@example.com", "John"},
        {"=\?utf-8\?Q\?J=C3=BCrgen\?= <u@example.com>", "u@example.com", "J\303\274rgen"},
        {"\"=\?utf-8\?Q\?J=C3=BCrgen\?=\" <u@example.com>", "u@example.com", "J\303\274rgen"},
        {"\"J \\\"x\\\" D\" <u@example.com>", "u@example.com", "J \"x\" D"},
        {"<@a.example,@b.example:u@example.com>", "u@example.com", ""},
        {"@a.example,@b.example:u@example.com", "u@example.com", ""},
        {"\"john doe\"@example.com", "\"john doe\"@example.com", ""},
        {"\"john\"@example.com", "john@example.com", ""},
        {"<\"a@b\"@example.com>", "\"a@b\"@example.com", ""},
        {"<\"a\\\"b\"@example.com>", "\"a\\\"b\"@example.com", ""},
        {"u(comment)@example.com", "u@example.com", "comment"},
        {"u@(comment)example.com", "u@example.com", ""},
        {"<u (x) @ example . com>", "u@example.com", ""},
        {"Friends: a@example.com, b@example.com;", "a@example.com", ""},
        {"mailto:u@example.com", "u@example.com", ""},
        {"Name<mailto:u@example.com>", "u@example.com", "Name"},
        {"u@example.com <mailto:u@example.com>", "u@example.com", "u@example.com"},
        {"u@example.com.", "u@example.com", ""},
        {"<u@example.com.>", "u@example.com", ""},
        {"u@[192.0.2.1]", "u@[192.0.2.1]", ""},
        {"u@[IPv6:2001:DB8::1]", "u@[ipv6:2001:db8::1]", ""},
        {"j\303\274rgen@ex\303\244mple.com", "j\303\274rgen@ex\303\244mple.com", ""},
        {"\347\224\250\346\210\267@\344\276\213\343\201\210.jp", "\347\224\250\346\210\267@\344\276\213\343\201\210.jp", ""},
        {"\"u@example.com\":", "u@example.com", ""},
        {"'u@example.com'", "u@example.com", ""},
        {"<'u@example.com'>", "u@example.com", ""},
        {"<>, u@example.com", "u@example.com", ""},
        {"<MAILER-DAEMON>, <u@example.com>", "u@example.com", ""},
        {"rfc822;u@example.com", "u@example.com", ""},
        {"<u@example.com", "u@example.com", ""},
        {"u@example.com: 550 no", "u@example.com", ""},
        {"a..b.@example.ne.jp", "a..b.@example.ne.jp", ""},
        {"prvs=12=user@example.com", "prvs=12=user@example.com", ""},
        {"\"open quote <u@example.com>", "u@example.com", "open quote"},
        {"(open comment <u@example.com>", "u@example.com", "(open comment"},
        {"Undisclosed recipients:;", NULL, ""},
        {"MAILER-DAEMON", NULL, ""},
        {"", NULL, ""},
        {"@example.com", NULL, ""},
        {"user@", NULL, ""},
        {"<>", NULL, ""},
        {"a @ b", NULL, ""},
        {"u@.example.com", NULL, ""},
        {"#@[]", NULL, ""},
        {"j\374rgen@example.com", "j\303\274rgen@example.com", ""},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct carom_str rest = carom_str(cases[i].text), addr, name;
        bool found = carom_address_next(*state, &rest, &addr, &name);

        check(cases[i].text, addr, carom_str(cases[i].want));
        check(cases[i].text, name, carom_str(cases[i].name));
        assert_int_equal(found, cases[i].want != NULL);
    }
}

/* Whatever its length is, and whichever byte is in it: read as a whole, or as one of a list that goes on. */
static void takes_any_length(void **state)
{
    enum { SIZE = 70 };
    char bytes[SIZE + 1];

    for (size_t n = 4; n <= SIZE; n++)
        for (size_t at = 0; at < n; at++)
            for (int c = 1; c < 128; c++) {
                struct carom_str text = carom_str_n(bytes, n);

                memset(bytes, 'x', n);
                memcpy(bytes + n / 3, "@x.", 3);
                bytes[at] = (char)c;
                bytes[n] = ' ';
                check("length", carom_address_first(*state, text), carom_address_first(*state, carom_str_n(bytes, n + 1)));
                carom_arena_reset(*state);
            }
}

/* The same with whatever there is in the name before it, which is then read, too. */
static void takes_it_behind_a_name(void **state)
{
    static const char form[] = "A name <user@example.com>";
    char bytes[sizeof(form)];

    for (size_t at = 0; at < sizeof(form) - 1; at++)
        for (int c = 1; c < 256; c++) {
            struct carom_str text = carom_str_n(bytes, sizeof(form) - 1), rest = text, addr, name;

            memcpy(bytes, form, sizeof(form));
            bytes[at] = (char)(unsigned char)c;
            carom_address_next(*state, &rest, &addr, &name);
            check(bytes, carom_address_first(*state, text), addr);
            carom_arena_reset(*state);
        }
}

static void takes_the_only_one(void **state)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"b@example.com", "b@example.com"},
        {" <b@Example.com>\r\n", "b@example.com"},
        {"\"Bob\" Smith <b@example.com>", "b@example.com"},
        {"\"b\"@example.com.", "b@example.com"},
        {"\"a b\"@example.com", "\"a b\"@example.com"},
        {"o'brien+x%y@b\xc3\xbc" "cher.example", "o'brien+x%y@b\xc3\xbc" "cher.example"},
        {"a b@example.com", ""},
        {"b@example.com,c@example.com", ""},
        {"b@example.com c@example.com", ""},
        {"c@example.com <b@example.com> x", ""},
        {"a@b@example.com", ""},
        {"$(b)@example.com", ""},
        {"b@example.com/x", ""},
        {"\xe2\x80\x8b" "b@example.com", ""}, /* a space of no width */
        {"<>", ""},
        {">", ""},
        {"", ""},
        {"<a@example.com>, <b@example.com>", ""},
        {"a@example.com, B <b@example.com>", ""},
        {"a@example.com <b@example.com>", "b@example.com"},
        {"a@example.com <A@example.com>", "A@example.com"},
        {"\"a@example.com\" <b@example.com>", "b@example.com"},
        {"B, Bert <b@example.com>", "b@example.com"},
        {"Bert <x> <b@example.com>", "b@example.com"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct carom_str got = carom_address_only(*state, carom_str(cases[i].text));
        if (!carom_str_eq(got, carom_str(cases[i].want)))
            fail_msg("%s: got " CAROM_STR_FMT ", want %s", cases[i].text, CAROM_STR_ARG(got), cases[i].want);
    }
}

static void takes_all(void **state)
{
    static const char *const cases[][2] = {
        {"a@example.com, \"B, b\" <b@example.com>,, c@example.com (C)", "a@example.com b@example.com c@example.com "},
        {"Group: a@example.com, b@example.com;, c@example.com", "a@example.com b@example.com c@example.com "},
        {"a@example.com b@example.com\r\n c@example.com", "a@example.com b@example.com c@example.com "},
        {"<a@example.com> <b@example.com>", "a@example.com b@example.com "},
        {"MAILER-DAEMON, a@example.com", "a@example.com "},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct carom_str rest = carom_str(cases[i][0]), addr, all = CAROM_STR("");

        while (carom_address_next(*state, &rest, &addr, NULL))
            all = carom_arena_printf(*state, CAROM_STR_FMT CAROM_STR_FMT " ", CAROM_STR_ARG(all), CAROM_STR_ARG(addr));
        check(cases[i][0], all, carom_str(cases[i][1]));
    }
}

static void finds_in_text(void **state)
{
    static const char *const cases[][2] = {
        {"The user (u@example.com) is unknown", "u@example.com"},
        {"no such user <u@example.com>.", "u@example.com"},
        {"to=<u@example.com>, relay=", "u@example.com"},
        {"'u@example.com' failed", "u@example.com"},
        {"Mail to u@example.com.", "u@example.com"},
        {"*u@example.com*", "u@example.com"},
        {"[u@example.com]", "u@example.com"},
        {"\345\256\233\345\205\210user@example.com\343\201\253", "user@example.com"},
        {"\343\200\214user@example.com\343\200\215", "user@example.com"},
        {"J\303\274rgen j\303\274rgen@example.com", "j\303\274rgen@example.com"},
        {"\347\224\250\346\210\267@\344\276\213\343\201\210.jp", "\347\224\250\346\210\267@\344\276\213\343\201\210.jp"},
        {"ftp://user@example.com/ then u@example.org", "u@example.org"},
        {"meet @ noon, u@example.com", "u@example.com"},
        {"\"john doe\"@example.com", "\"john doe\"@example.com"},
        {"mailto:u@example.com\?subject=x", "u@example.com"},
        {"u@example.com;", "u@example.com"},
        {"nothing here", ""},
        {"@@@", ""},
        {"", ""},
        {"a@b@example.com", "a@b"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        check(cases[i][0], carom_address_find(*state, carom_str(cases[i][0])), carom_str(cases[i][1]));
}

static void judges_the_shape(void **state)
{
    static const struct {
        const char *addr;
        bool want;
    } cases[] = {
        {"user@example.com", true},
        {"a+b=c@example.com", true},
        {"\"a b\"@example.com", true},
        {"u@[192.0.2.1]", true},
        {"u@[IPv6:2001:db8::1]", true},
        {"j\303\274rgen@ex\303\244mple.com", true},
        {"u@localhost", true},
        {"", false},
        {"user", false},
        {"@example.com", false},
        {"u@", false},
        {"u@-example.com", false},
        {"u@example-.com", false},
        {"u@a..b", false},
        {"u@.b", false},
        {"u@b.", false},
        {"a b@example.com", false},
        {"\"a\"b\"@example.com", false},
        {"\"a@example.com", false},
        {"\"\"@example.com", false},
        {"u@[]", false},
        {"u@[a b]", false},
        {"u@exa mple.com", false},
        {"a@b@c", false},
        {"u\n@example.com", false},
        {"u@example.com\r\n", false},
        {"\"a\nb\"@example.com", false},
        {"\"a\\\"@example.com", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (carom_address_valid(carom_str(cases[i].addr)) != cases[i].want)
            fail_msg("%s: got %d, want %d", cases[i].addr, !cases[i].want, cases[i].want);
}

static void makes_keys(void **state)
{
    static const char *const cases[][2] = {
        {"User@Example.COM", "user@example.com"},
        {"\"user\"@example.com", "user@example.com"},
        {"\"A b\"@example.com", "\"a b\"@example.com"},
        {"u@b\303\274cher.example", "u@xn--bcher-kva.example"},
        {"u@B\303\234CHER.example", "u@xn--bcher-kva.example"},
        {"u@XN--BCHER-KVA.example", "u@xn--bcher-kva.example"},
        {"u@\344\276\213\343\201\210.jp", "u@xn--r8jz45g.jp"},
        {"u@\320\277\321\200\320\270\320\274\320\265\321\200.\320\270\321\201\320\277\321\213\321\202\320\260\320\275\320\270\320\265", "u@xn--e1afmkfd.xn--80akhbyknj4f"},
        {"u@example.com.", "u@example.com"},
        {"a.b+c@example.com", "a.b+c@example.com"},
        {"\303\234@example.com", "\303\234@example.com"},
        {"u@\344\276\213\343\201\210\343\200\202jp", "u@xn--r8jz45g.jp"},
        {"POSTMASTER", "postmaster"},
        {"", ""},
        {"u@[192.0.2.1]", "u@[192.0.2.1]"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        check(cases[i][0], carom_address_key(*state, carom_str(cases[i][0])), carom_str(cases[i][1]));
}

static void splits(void **state)
{
    (void)state;
    check("local", carom_address_local(CAROM_STR("\"a@b\"@example.com")), CAROM_STR("\"a@b\""));
    check("domain", carom_address_domain(CAROM_STR("\"a@b\"@example.com")), CAROM_STR("example.com"));
    check("no domain", carom_address_domain(CAROM_STR("root")), CAROM_STR(""));
}

/* Texts made to be slow: each must take time in proportion to its length, or the test times out. */
static void is_linear(void **state)
{
    static const char *const units[] = {"(", "\"", "<", "@", "a@b(,", "a@b ", "a@b,", "\\", "a", "\"@", "<\"", ":", "<@a:", "(\\"};
    enum { SIZE = 256 << 10 };
    char *bytes = carom_arena_alloc(*state, SIZE);

    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        struct carom_str rest = {bytes, SIZE}, addr, name;
        size_t n = 0;

        for (size_t k = 0, length = strlen(units[i]); k < SIZE; k++)
            bytes[k] = units[i][k % length];
        carom_address_find(*state, rest);
        while (carom_address_next(*state, &rest, &addr, &name))
            n++;
        assert_true(n <= SIZE / 3);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_the_first),
        cmocka_unit_test(takes_any_length),
        cmocka_unit_test(takes_it_behind_a_name),
        cmocka_unit_test(takes_the_only_one),
        cmocka_unit_test(takes_all),
        cmocka_unit_test(finds_in_text),
        cmocka_unit_test(judges_the_shape),
        cmocka_unit_test(makes_keys),
        cmocka_unit_test(splits),
        cmocka_unit_test(is_linear),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
