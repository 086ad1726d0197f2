/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* UTF-8: what is valid, how it folds, and texts made ready for matching. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/utf8.h"

static void codes_every_character(void **state)
{
    (void)state;
    for (uint32_t c = 0; c <= 0x10ffff; c++) {
        if (c == 0xd800)
            c = 0xe000;
        char bytes[4];
        uint32_t back = 0;
        size_t n = carom_utf8_encode(c, bytes), m = carom_utf8_decode(carom_str_n(bytes, n), &back);
        if (m != n || back != c)
            fail_msg("U+%04X: got U+%04X in %zu bytes, want %zu bytes", c, back, m, n);
        if (n > 1 && carom_utf8_decode(carom_str_n(bytes, n - 1), &back) != 0)
            fail_msg("U+%04X cut: got a character, want none", c);
    }
}

static void refuses(void **state)
{
    (void)state;
    static const char *const bad[] = {"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xe0\x9f\xbf",
                                      "\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x80\x80\x80", "\xf0\x8f\xbf\xbf",
                                      "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "\xe2\x28\xa1", "\xc3"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        uint32_t character;
        size_t got = carom_utf8_decode(carom_str(bad[i]), &character);
        if (got != 0 || carom_utf8_valid(carom_str(bad[i])))
            fail_msg("case %zu: got %zu, want 0 and not valid", i, got);
    }
    assert_true(carom_utf8_valid(CAROM_STR("")));
    assert_true(carom_utf8_valid(CAROM_STR("0123456789 \xe6\x97\xa5\xe6\x9c\xac 0123456789\xf0\x9f\x98\x80")));
}

static void cleans(void **state)
{
    (void)state;
    struct carom_arena *arena = carom_arena_new();
    struct carom_str good = CAROM_STR("gr\xc3\xbc\xc3\x9f");
    assert_ptr_equal(carom_utf8_clean(arena, good).ptr, good.ptr);
    static const char *const cases[][2] = {{"\xff", "\xef\xbf\xbd"},
                                           {"a\xe9" "b\xe9", "a\xef\xbf\xbd" "b\xef\xbf\xbd"},
                                           {"\xe2\x82", "\xef\xbf\xbd\xef\xbf\xbd"},
                                           {"\xc3\xa4\x80long enough for words\xff",
                                            "\xc3\xa4\xef\xbf\xbdlong enough for words\xef\xbf\xbd"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct carom_str got = carom_utf8_clean(arena, carom_str(cases[i][0]));
        if (!carom_str_eq(got, carom_str(cases[i][1])))
            fail_msg("case %zu: got " CAROM_STR_FMT ", want %s", i, CAROM_STR_ARG(got), cases[i][1]);
    }
    carom_arena_free(arena);
}

static void folds(void **state)
{
    (void)state;
    static const uint32_t cases[][2] = {
        {'A', 'a'},       {'z', 'z'},       {'[', '['},       {0xc4, 0xe4},     {0xd7, 0xd7},     {0xdf, 0xdf},
        {0x100, 0x101},   {0x101, 0x101},   {0x130, 'i'},     {0x131, 0x131},   {0x141, 0x142},   {0x160, 0x161},
        {0x178, 0xff},    {0x17d, 0x17e},   {0x18f, 0x259},   {0x1a0, 0x1a1},   {0x218, 0x219},   {0x391, 0x3b1},
        {0x3a3, 0x3c3},   {0x3c2, 0x3c3},   {0x386, 0x3ac},   {0x401, 0x451},   {0x410, 0x430},   {0x42f, 0x44f},
        {0x490, 0x491},   {0x4d8, 0x4d9},   {0x531, 0x561},   {0x556, 0x586},   {0x557, 0x557},   {0x1e9e, 0xdf},
        {0x1ea0, 0x1ea1}, {0x1ea1, 0x1ea1}, {0x212a, 'k'},    {0xff21, 0xff41}, {0xff3b, 0xff3b}, {0x4e00, 0x4e00},
        {0x1f600, 0x1f600},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint32_t got = carom_utf8_fold(cases[i][0]);
        if (got != cases[i][1])
            fail_msg("U+%04X: got U+%04X, want U+%04X", cases[i][0], got, cases[i][1]);
    }
    /* Once is enough, and never longer: normalising counts on it. */
    for (uint32_t c = 0; c < 0x20000; c++) {
        char bytes[4];
        uint32_t once = carom_utf8_fold(c);
        if (carom_utf8_fold(once) != once)
            fail_msg("U+%04X: got U+%04X, want it to fold to itself", c, once);
        if (carom_utf8_encode(once, bytes) > carom_utf8_encode(c, bytes))
            fail_msg("U+%04X: got the longer U+%04X", c, once);
    }
}

static void normalises(void **state)
{
    (void)state;
    static const char *const cases[][3] = {
        {"", "", ""},
        {" \r\n\t ", "", ""},
        {"  User\r\n\tUnknown \n", "User Unknown", "user unknown"},
        {"Bo\xc3\xaete\xc2\xa0\xe3\x80\x80PLEINE", "Bo\xc3\xaete PLEINE", "bo\xc3\xaete pleine"},
        {"\xe2\x80\x9cX\xe2\x80\x9d \xe2\x80\x98Y\xe2\x80\x99 \xc2\xabZ\xc2\xbb", "\"X\" 'Y' \"Z\"", "\"x\" 'y' \"z\""},
        {"\xd0\x9d\xd0\x95\xd0\xa2", "\xd0\x9d\xd0\x95\xd0\xa2", "\xd0\xbd\xd0\xb5\xd1\x82"},
        {"\xc4\xb0LET\xc4\xb0", "iLETi", "ileti"}, /* shorter when folded: shown so too */
        {"A\xff" "B", "A\xef\xbf\xbd" "B", "a\xef\xbf\xbd" "b"},
        {"un\xc2\xadknown\xe2\x80\x8b", "unknown", "unknown"},
        {"a \xe2\x80\x8b b", "a b", "a b"},
    };
    struct carom_arena *arena = carom_arena_new();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct carom_utf8_text got = carom_utf8_normalise(arena, carom_str(cases[i][0]));
        if (!carom_str_eq(got.shown, carom_str(cases[i][1])) || !carom_str_eq(got.folded, carom_str(cases[i][2])))
            fail_msg("case %zu: got \"" CAROM_STR_FMT "\" and \"" CAROM_STR_FMT "\", want \"%s\" and \"%s\"", i,
                     CAROM_STR_ARG(got.shown), CAROM_STR_ARG(got.folded), cases[i][1], cases[i][2]);
    }
    struct carom_utf8_text zero = carom_utf8_normalise(arena, carom_str_n("a\0b", 3));
    assert_int_equal(zero.folded.len, zero.shown.len);
    carom_arena_free(arena);
}

/* ASCII as words, byte by byte. */
static size_t simple(const char *text, size_t len, char *out)
{
    size_t n = 0;
    bool space = false;
    for (size_t i = 0; i < len; i++) {
        if (text[i] == ' ' || (text[i] >= '\t' && text[i] <= '\r')) {
            space = true;
        } else if (text[i]) {
            if (space && n > 0)
                out[n++] = ' ';
            out[n++] = text[i];
            space = false;
        }
    }
    return n;
}

/* Each ASCII byte at each place, in words and between them. */
static void normalises_ascii(void **state)
{
    (void)state;
    struct carom_arena *arena = carom_arena_new();
    char text[60], want[60];
    for (size_t at = 0; at < sizeof(text); at++)
        for (int c = 0; c < 128; c++)
            for (size_t gap = 0; gap < 20; gap++) {
                memset(text, 'X', sizeof(text));
                for (size_t i = gap; i < sizeof(text); i += gap + 1)
                    text[i] = ' ';
                text[at] = (char)c;
                struct carom_utf8_text got = carom_utf8_normalise(arena, carom_str_n(text, sizeof(text)));
                struct carom_str shown = carom_str_n(want, simple(text, sizeof(text), want));
                if (!carom_str_eq(got.shown, shown) || !carom_str_eq(got.folded, carom_arena_lower(arena, shown)))
                    fail_msg("%d at %zu, gap %zu: got \"" CAROM_STR_FMT "\"", c, at, gap, CAROM_STR_ARG(got.shown));
                carom_arena_reset(arena);
            }
    carom_arena_free(arena);
}

/* Any bytes: valid, of one length, and normalising again changes nothing. */
static void normalises_anything(void **state)
{
    (void)state;
    struct carom_arena *arena = carom_arena_new();
    srand(2);
    for (int round = 0; round < 3000; round++) {
        char bytes[80];
        size_t n = (size_t)rand() % sizeof(bytes);
        for (size_t i = 0; i < n; i++)
            bytes[i] = (char)(rand() % 2 ? rand() : "A \xc4\xb0\xe2\x84\xaa\n"[rand() % 8]);
        struct carom_utf8_text once = carom_utf8_normalise(arena, carom_str_n(bytes, n));
        struct carom_utf8_text twice = carom_utf8_normalise(arena, once.folded);
        assert_int_equal(once.shown.len, once.folded.len);
        assert_true(carom_utf8_valid(once.shown) && carom_utf8_valid(once.folded));
        assert_true(carom_str_eq(once.folded, twice.folded));
        carom_arena_reset(arena);
    }
    carom_arena_free(arena);
}

static void matches(void **state)
{
    (void)state;
    static const struct {
        const char *text, *pattern;
        bool want;
    } cases[] = {
        {"Er ist NICHT MEHR bei uns T\xc3\x84TIG.", "nicht mehr*t\xc3\xa4tig", true},
        {"t\xc3\xa4tig, nicht mehr", "nicht mehr*t\xc3\xa4tig", false},
        {"anything", "", true},
        {"anything", "*", true},
        {"user\n unknown", "user unknown", true},
        {"aba", "ab*ba", false},
        {"x\xce\xa3x", "\xcf\x82", true}, /* both sigmas */
        {"", "x", false},
    };
    struct carom_arena *arena = carom_arena_new();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        bool got = carom_utf8_match(arena, carom_str(cases[i].text), carom_str(cases[i].pattern));
        if (got != cases[i].want)
            fail_msg("\"%s\" in \"%s\": got %d, want %d", cases[i].pattern, cases[i].text, got, cases[i].want);
    }
    carom_arena_free(arena);
}

/* At each place of texts of each length, as many bytes are looked at together. */
static void says_what_is_even(void **state)
{
    static const char *const odd[] = {"  ", "\t", "\n", "\x7f", "\x80", "\x1f"};
    (void)state;
    assert_false(carom_utf8_even(CAROM_STR("")));
    for (size_t n = 1; n <= 50; n++) {
        char text[50];
        for (size_t i = 0; i < n; i++)
            text[i] = i % 5 == 2 && i + 1 < n ? ' ' : 'a';
        assert_true(carom_utf8_even(carom_str_n(text, n)));
        for (size_t at = 0; at < n; at++)
            for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
                char changed[52];
                memcpy(changed, text, n);
                memcpy(changed + at, odd[i], strlen(odd[i])); /* a space at the end, or two in a row */
                if (at + strlen(odd[i]) <= n && carom_utf8_even(carom_str_n(changed, n)))
                    fail_msg("%zu bytes with %zu at %zu: got even", n, i, at);
            }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codes_every_character), cmocka_unit_test(refuses),    cmocka_unit_test(cleans),
        cmocka_unit_test(folds),                 cmocka_unit_test(normalises), cmocka_unit_test(normalises_ascii), cmocka_unit_test(normalises_anything),
        cmocka_unit_test(matches),               cmocka_unit_test(says_what_is_even),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
