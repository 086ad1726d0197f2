/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Charsets, the labels that mail has for them, and hostile ones. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/utf8.h"
#include "mail/charset.h"

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

static char long_label[4001];

static void converts(void **state)
{
    memset(long_label, 'x', sizeof(long_label) - 1);
    const struct {
        const char *label;
        struct carom_str bytes;
        const char *want;
    } cases[] = {
        {"ISO-2022-JP", CAROM_STR("\033$B08@hITL@$G$9\033(B"), "\345\256\233\345\205\210\344\270\215\346\230\216\343\201\247\343\201\231"},
        {"Shift_JIS", CAROM_STR("\210\266\220\346\225s\226\276\202\305\202\267"), "\345\256\233\345\205\210\344\270\215\346\230\216\343\201\247\343\201\231"},
        {"x-sjis", CAROM_STR("\210\266\220\346\225s\226\276\202\305\202\267"), "\345\256\233\345\205\210\344\270\215\346\230\216\343\201\247\343\201\231"},
        {"EUC-JP", CAROM_STR("\260\270\300\350\311\324\314\300\244\307\244\271"), "\345\256\233\345\205\210\344\270\215\346\230\216\343\201\247\343\201\231"},
        {"gb2312", CAROM_STR("\323\303\273\247\262\273\264\346\324\332"), "\347\224\250\346\210\267\344\270\215\345\255\230\345\234\250"},
        {"GB18030", CAROM_STR("\2019\3569\242\343"), "\343\220\200\342\202\254"},
        {"big5", CAROM_STR("\253H\275c\244w\272\241"), "\344\277\241\347\256\261\345\267\262\346\273\277"},
        {"KOI8-R", CAROM_STR("\360\317\336\324\317\327\331\312 \321\335\311\313"), "\320\237\320\276\321\207\321\202\320\276\320\262\321\213\320\271 \321\217\321\211\320\270\320\272"},
        {"windows-1251", CAROM_STR("\317\356\367\362\356\342\373\351 \377\371\350\352"), "\320\237\320\276\321\207\321\202\320\276\320\262\321\213\320\271 \321\217\321\211\320\270\320\272"},
        {"cp-1250", CAROM_STR("P\370\355jemce"), "P\305\231\303\255jemce"},
        {"windows-1252", CAROM_STR("\223\374\200\224"), "\342\200\234\303\274\342\202\254\342\200\235"},
        {"iso-8859-1", CAROM_STR("\223\374\224"), "\342\200\234\303\274\342\200\235"},
        {"windows-1255", CAROM_STR("\371\354\345\355"), "\327\251\327\234\327\225\327\235"},
        {"windows-1253", CAROM_STR("\242\343\355\371\363\364\357\362"), "\316\206\316\263\316\275\317\211\317\203\317\204\316\277\317\202"},
        {"iso-8859-9", CAROM_STR("Kullan\375c\375"), "Kullan\304\261c\304\261"},
        {"ks_c_5601-1987", CAROM_STR("\276\370\264\302 \273\347\277\353\300\332"), "\354\227\206\353\212\224 \354\202\254\354\232\251\354\236\220"},
        {"euc-kr", CAROM_STR("\276\370\264\302 \273\347\277\353\300\332"), "\354\227\206\353\212\224 \354\202\254\354\232\251\354\236\220"},
        {"unicode-1-1-utf-7", CAROM_STR("f+APw-r"), "f\303\274r"},
        {"UTF-7", CAROM_STR("a+AOQ-b"), "a\303\244b"},
        {"utf-16le", CAROM_STR("a\000\351\000"), "a\303\251"},
        {"uft-8", CAROM_STR("\303\244"), "\303\244"},
        {"us-ascii", CAROM_STR("\303\244"), "\303\244"},
        {"us-ascii", CAROM_STR("\344"), "\303\244"},
        {"x-unknown", CAROM_STR("\303\244"), "\303\244"},
        {"x-unknown", CAROM_STR("\344\223"), "\303\244\342\200\234"},
        {"", CAROM_STR("\374ber"), "\303\274ber"},
        {"", CAROM_STR("\303\274ber"), "\303\274ber"},
        {"no-such-charset-at-all", CAROM_STR("\374"), "\303\274"},
        {"//TRANSLIT", CAROM_STR("\374"), "\303\274"},
        {"utf-8//IGNORE", CAROM_STR("\374"), "\303\274"},
        {"../../x", CAROM_STR("\374"), "\303\274"},
        {"a,b", CAROM_STR("\374"), "\303\274"},
        {"%s%n%s", CAROM_STR("\374"), "\303\274"},
        {" ", CAROM_STR("\374"), "\303\274"},
        {"INTERNAL", CAROM_STR("\374"), "\303\274"},
        {"char", CAROM_STR("\374"), "\303\274"},
        {"IBM1364", CAROM_STR("\374"), "\303\274"},
        {"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", CAROM_STR("\374"), "\303\274"},
        {long_label, CAROM_STR("\374"), "\303\274"},
        {"utf-8", CAROM_STR("a\374b"), "a\357\277\275b"},
        {"utf-8", CAROM_STR("\303"), "\357\277\275"},
        {"windows-1252", CAROM_STR("\201"), "\357\277\275"},
        {"shift_jis", CAROM_STR("a\202"), "a\357\277\275"},
        {"euc-jp", CAROM_STR("\377a"), "\357\277\275a"},
        {"ISO_8859-7:1987", CAROM_STR("\266"), "\316\206"},
        {"TSCII", CAROM_STR("abc"), "abc"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        check(cases[i].label, carom_charset_to_utf8(*state, carom_str(cases[i].label), cases[i].bytes, 1000),
              carom_str(cases[i].want));
}

static void leaves_valid_text_alone(void **state)
{
    static const char *const labels[] = {"", "utf-8", "us-ascii", "shift_jis", "iso-8859-1", "x-unknown"};
    struct carom_str text = CAROM_STR("plain");

    for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++)
        if (carom_charset_to_utf8(*state, carom_str(labels[i]), text, 1000).ptr != text.ptr)
            fail_msg("%s: got a copy, want the bytes themselves", labels[i]);
}

static void stops_at_max(void **state)
{
    struct carom_str latin = CAROM_STR("\374\374\374\374"), japanese = CAROM_STR("\202\240\202\240\202\240");

    check("utf-8", carom_charset_to_utf8(*state, CAROM_STR("utf-8"), CAROM_STR("a\303\274\303\274"), 4),
          CAROM_STR("a\303\274"));
    check("guess", carom_charset_to_utf8(*state, CAROM_STR(""), CAROM_STR("a\303\274\303\274"), 4), CAROM_STR("a\303\274"));
    check("own", carom_charset_to_utf8(*state, CAROM_STR("iso-8859-1"), latin, 5), CAROM_STR("\303\274\303\274"));
    check("iconv", carom_charset_to_utf8(*state, CAROM_STR("shift_jis"), japanese, 7),
          CAROM_STR("\343\201\202\343\201\202"));
    check("nothing", carom_charset_to_utf8(*state, CAROM_STR("shift_jis"), japanese, 0), CAROM_STR(""));
}

/* Whatever iconv makes of it: the result is UTF-8 and within max. */
static void survives_every_label(void **state)
{
    unsigned char bytes[256];

    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (unsigned char)(i * 167 + 13);
    for (size_t i = 0; i < carom_charsets_n; i++) {
        struct carom_str got = carom_charset_to_utf8(*state, carom_str(carom_charsets[i].label),
                                                     carom_str_n((const char *)bytes, sizeof(bytes)), 300);

        if (got.len > 300 || !carom_utf8_valid(got))
            fail_msg("%s: got %zu bytes, want at most 300 of valid UTF-8", carom_charsets[i].label, got.len);
    }
}

/* A converter is used again: what one text left it in is not what the next one begins with. */
static void each_text_begins_anew(void **state)
{
    const struct carom_str whole = CAROM_STR("\033$B$3$l\033(B"), broken = CAROM_STR("\033$B$3"), plain = CAROM_STR("$3$l");

    for (int round = 0; round < 3; round++) { /* all others in between: more than are kept */
        check("whole", carom_charset_to_utf8(*state, CAROM_STR("iso-2022-jp"), whole, 100), CAROM_STR("\343\201\223\343\202\214"));
        check("broken off", carom_charset_to_utf8(*state, CAROM_STR("iso-2022-jp"), broken, 100), CAROM_STR("\343\201\223"));
        check("plain", carom_charset_to_utf8(*state, CAROM_STR("iso-2022-jp"), plain, 100), plain);
        survives_every_label(state);
    }
}

static void table_is_sorted(void **state)
{
    (void)state;
    for (size_t i = 1; i < carom_charsets_n; i++)
        if (strcmp(carom_charsets[i - 1].label, carom_charsets[i].label) >= 0)
            fail_msg("charsets.tsv: got %s before %s, want them sorted", carom_charsets[i - 1].label,
                     carom_charsets[i].label);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(converts),
        cmocka_unit_test(leaves_valid_text_alone),
        cmocka_unit_test(stops_at_max),
        cmocka_unit_test(survives_every_label),
        cmocka_unit_test(each_text_begins_anew),
        cmocka_unit_test(table_is_sorted),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
