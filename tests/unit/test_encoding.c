/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Transfer encodings as mail has them. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "mail/encoding.h"

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

static void parses_the_name(void **state)
{
    static const struct {
        const char *value;
        enum carom_encoding want;
    } cases[] = {
        {"base64", CAROM_ENCODING_BASE64},      {"BASE64 (comment)", CAROM_ENCODING_BASE64},
        {" \"base64\"", CAROM_ENCODING_BASE64}, {"Quoted-Printable; x=y", CAROM_ENCODING_QP},
        {"7bit", CAROM_ENCODING_NONE},          {"base64x", CAROM_ENCODING_NONE},
        {"", CAROM_ENCODING_NONE},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        enum carom_encoding got = carom_encoding_parse(carom_str(cases[i].value));

        if (got != cases[i].want)
            fail_msg("%s: got %d, want %d", cases[i].value, got, cases[i].want);
    }
}

static void decodes(void **state)
{
    static const struct {
        enum carom_encoding encoding;
        size_t max;
        const char *in, *want;
    } cases[] = {
        {CAROM_ENCODING_BASE64, 99, "SGVsbG8=", "Hello"},
        {CAROM_ENCODING_BASE64, 99, "SGVs\r\nbG8", "Hello"},
        {CAROM_ENCODING_BASE64, 99, "SGVs*bG8*==", "Hello"},
        {CAROM_ENCODING_BASE64, 99, "SA==aQ==", "Hi"},
        {CAROM_ENCODING_BASE64, 3, "SGVsbG8=", "Hel"},
        {CAROM_ENCODING_BASE64, 99, "=====", ""},
        {CAROM_ENCODING_BASE64, 99, "S", ""},
        {CAROM_ENCODING_QP, 99, "a=3Db=c3=A4", "a=b\303\244"},
        {CAROM_ENCODING_QP, 99, "soft=\r\nbreak=\n=  \r\ns", "softbreaks"},
        {CAROM_ENCODING_QP, 99, "trailing \t \r\nkept=20\n", "trailing\r\nkept \n"},
        {CAROM_ENCODING_QP, 99, "a=ZZ b= c=", "a=ZZ b= c"},
        {CAROM_ENCODING_QP, 99, "a=4", "a=4"},
        {CAROM_ENCODING_QP, 2, "abc", "ab"},
        {CAROM_ENCODING_NONE, 2, "abc", "ab"},
        {CAROM_ENCODING_NONE, 99, "abc", "abc"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        check(cases[i].in, carom_encoding_decode(*state, cases[i].encoding, carom_str(cases[i].in), cases[i].max),
              carom_str(cases[i].want));
}

/* Long texts, cut at each length that may be asked for. */
static void decodes_up_to_a_maximum(void **state)
{
    static const char base64[] = "AAEC\r\nAwQFBgcICQoLDA0ODxAREhMUFRY=\r\nFxgZ Gg==GxwdHh8gISIjJCUmJygpKissLS4v\n";
    static const char qp[] = "one line that goes on and on =\r\nand on, =3D and  \r\nblanks=20\t\n=\nend with =zz\t \n";
    static const char text[] = "one line that goes on and on and on, = and\r\nblanks \nend with =zz\n";
    char bytes[0x30];

    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (char)i;
    for (size_t max = 0; max <= 80; max++) {
        struct carom_str got = carom_encoding_decode(*state, CAROM_ENCODING_BASE64, carom_str(base64), max);

        check("base64", got, carom_str_head(carom_str_n(bytes, sizeof(bytes)), max));
        got = carom_encoding_decode(*state, CAROM_ENCODING_QP, carom_str(qp), max);
        if (got.len > max || (max >= sizeof(qp) && !carom_str_eq(got, carom_str(text))))
            check("quoted-printable", got, carom_str(text));
    }
}

static void decodes_q(void **state)
{
    check("space", carom_encoding_q(*state, CAROM_STR("a_b=20c=5F")), CAROM_STR("a b c_"));
    check("broken", carom_encoding_q(*state, CAROM_STR("=4=_=")), CAROM_STR("=4= ="));
}

static void decodes_xtext(void **state)
{
    static const char *const cases[][2] = {
        {"user@example.com", "user@example.com"},
        {"user+2Btag@example.com", "user+tag@example.com"},
        {"user+tag@example.com", "user+tag@example.com"},
        {"\\x{E4}b@example.com", "\303\244b@example.com"},
        {"\\x{1F600}@example.com", "\360\237\230\200@example.com"},
        {"\\x{0}\\x{D800}\\x{110000}\\x{}\\x{41", "\\x{0}\\x{D800}\\x{110000}\\x{}\\x{41"},
        {"+", "+"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        check(cases[i][0], carom_encoding_xtext(*state, carom_str(cases[i][0])), carom_str(cases[i][1]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses_the_name),
        cmocka_unit_test(decodes),
        cmocka_unit_test(decodes_up_to_a_maximum), cmocka_unit_test(decodes_q),
        cmocka_unit_test(decodes_xtext),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
