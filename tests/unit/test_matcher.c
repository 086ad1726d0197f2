/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The phrase matcher: what patterns mean, and the same answers as one that tries everything. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/matcher.h"

enum { PATTERNS_MAX = 40 };

struct hits {
    size_t n, stop_after;
    struct {
        uint32_t pattern;
        size_t start, end;
    } hit[PATTERNS_MAX];
};

static bool keep(void *user, uint32_t pattern, size_t start, size_t end)
{
    struct hits *hits = user;
    assert_true(hits->n < PATTERNS_MAX);
    hits->hit[hits->n].pattern = pattern;
    hits->hit[hits->n].start = start;
    hits->hit[hits->n].end = end;
    return ++hits->n != hits->stop_after;
}

static struct carom_matcher *compile(const struct carom_str *patterns, size_t n)
{
    struct carom_error err = {0};
    struct carom_matcher *matcher = carom_matcher_new(patterns, n, &err);
    if (!matcher)
        fail_msg("got \"%s\", want a matcher", err.text);
    return matcher;
}

static struct hits search(const struct carom_str *patterns, size_t n, struct carom_str text, size_t stop_after)
{
    struct carom_matcher *matcher = compile(patterns, n);
    struct carom_arena *arena = carom_arena_new();
    struct hits hits = {.stop_after = 0}, again = {.stop_after = stop_after};
    if (!arena || carom_arena_guard(arena))
        fail_msg("got no memory, want some");
    carom_matcher_search(matcher, arena, text, &(struct carom_matcher_user){keep, NULL, &hits});
    carom_matcher_search(matcher, arena, text, &(struct carom_matcher_user){keep, NULL, &again});
    /* nothing is left of the first search */
    assert_int_equal(again.n, stop_after && stop_after < hits.n ? stop_after : hits.n);
    carom_arena_unguard(arena);
    carom_arena_free(arena);
    carom_matcher_free(matcher);
    return again;
}

static void means(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *text;
        int start, end; /* -1: not found */
    } cases[] = {
        {"user unknown", "550 user unknown here", 4, 16},
        {"user unknown", "user  unknown", -1, 0},
        {"user*unknown", "the user x@example.org is unknown", 4, 33},
        {"user*unknown", "unknown user", -1, 0},
        {"ab*ba", "aba", -1, 0},
        {"ab*ba", "abba", 0, 4},
        {"a*a", "aa", 0, 2},
        {"a*a", "a", -1, 0},
        {"*user*", "a user", 2, 6},
        {"a*b*c", "c b a b b c", 4, 11},
        {"|user", "superuser", -1, 0},
        {"|user", "superuser, user", 11, 15}, /* the first one is no word */
        {"|user", "user", 0, 4},
        {"552|", "5521 552", 5, 8},
        {"552|", "552-5.2.2", 0, 3},
        {"|full|", "fuller full", 7, 11},
        {"|full|*|box|", "full boxes, box", 0, 15},
        {"|\xc3\xa9tat", "r\xc3\xa9tat", -1, 0},    /* beyond ASCII too */
        {"|tat", "\xc3\xa9tat", -1, 0},
        {"tat|", "tat\xc3\xa9", -1, 0},
        {"tat|", "tat\xe3\x80\x82", 0, 3},          /* the ideographic full stop is no letter */
        {"|tat", "\xe2\x80\xa6tat", 3, 6},
        {"|<user", "x<user", 1, 6},                  /* no letter or digit at the mark: no condition */
        {"user>|", "user>x", 0, 5},
        {"a|b", "a|b", 0, 3},
        {"a|b", "ab", -1, 0},
        {"||a", "|a", 0, 2},
        {"\\|a", "|a", 0, 2},
        {"a\\|", "xa|x", 1, 3},
        {"a\\*b", "axb a*b", 4, 7},
        {"a\\*b*c", "a*b c", 0, 5},
        {"a\\b", "a\\b", 0, 3},
        {"a\\", "a\\", 0, 2},
        {"\\*|", "*a", 0, 1},
        {"user ~ unknown", "user is here unknown", 0, 20},
        {"user ~ unknown", "userunknown", 0, 11},
        {"user ~ unknown", "unknown user", -1, 0},
        {"user ~ unknown", "user said hello. unknown", -1, 0},  /* another sentence */
        {"user ~ unknown", "user.name is unknown", 0, 20},
        {"user ~ unknown", "user, as far as anybody here can tell today, unknown", -1, 0},
        {"user ~ unknown", "user, as far as anybody here can tell today, user unknown", 45, 57}, /* the nearer one */
        {"user ~ \xd0\xbd\xd0\xb5\xd1\x82", "user \xd0\xb1\xd0\xb1\xd0\xb1\xd0\xb1\xd0\xb1\xd0\xb1\xd0\xb1\xd0\xb1\xd0\xb1\xd0\xb1\xd0\xb1\xd0\xb1"
         "\xd0\xb1\xd0\xb1\xd0\xb1\xd0\xb1\xd0\xb1\xd0\xb1\xd0\xb1\xd0\xb1\xd0\xb1\xd0\xb1\xd0\xb1 \xd0\xbd\xd0\xb5\xd1\x82",
         0, 58}, /* characters count, not bytes */
        {"{user,box} ~ {unknown,gone}", "a box is gone", 2, 13},
        {"{user, |box|} ~ {unknown, gone}", "boxes gone, user gone", 12, 21},
        {"{user,box}", "the box", 4, 7},
        {"{user,,}*x", "a user x", 2, 8},
        {"{a\\,b,c}", "a,b", 0, 3},
        {"a\\{b\\}\\~", "a{b}~", 0, 5},
        {"{unknown user,user}", "an unknown user", 3, 15}, /* the one that ends first, of equal ones the longer */
        {"{unknown user x,user}", "an unknown user x", 11, 15},
        {"{no,no such} ~ {such,user}", "no such user", 0, 7},
        {"ab ~ ab", "ab ab", 0, 5},
        {"ab ~ ab ~ ab", "ab ab", -1, 0},
        {"{ab,x} ~ {ab,y} ~ z", "x ab z", 0, 6},
        {"x", "user x", 5, 6}, /* of three bytes and fewer, too */
        {"me", "unnamed", 4, 6},
        {"|spf|", "spfx spf", 5, 8},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct carom_str pattern = carom_str(cases[i].pattern);
        struct hits got = search(&pattern, 1, carom_str(cases[i].text), 0);
        int start = got.n ? (int)got.hit[0].start : -1, end = got.n ? (int)got.hit[0].end : 0;
        if (got.n > 1 || start != cases[i].start || end != cases[i].end)
            fail_msg("\"%s\" in \"%s\": got %d to %d, want %d to %d", cases[i].pattern, cases[i].text, start, end,
                     cases[i].start, cases[i].end);
    }
}

static void reports_each_once(void **state)
{
    (void)state;
    const struct carom_str patterns[] = {CAROM_STR("he"), CAROM_STR("she"), CAROM_STR("his"), CAROM_STR("hers"),
                                         CAROM_STR("h*s"), CAROM_STR("he"), CAROM_STR("x"), CAROM_STR("{he,s}")};
    static const size_t ends[] = {4, 4, 0, 6, 6, 4, 0, 2};
    struct hits got = search(patterns, 8, CAROM_STR("ushers he"), 0);
    size_t seen[8] = {0};
    assert_int_equal(got.n, 6);
    for (size_t i = 0; i < got.n; i++) {
        if (got.hit[i].end != ends[got.hit[i].pattern] || seen[got.hit[i].pattern]++)
            fail_msg("pattern %u: got end %zu, want %zu, once", got.hit[i].pattern, got.hit[i].end,
                     ends[got.hit[i].pattern]);
    }
    for (size_t stop = 1; stop < got.n; stop++)
        search(patterns, 8, CAROM_STR("ushers he"), stop);
}

static void refuses(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "*", "|", "||", "*|*", "~", "{,}", "no {user,box}", "{user", "user}", "{a,b}x"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct carom_str patterns[] = {CAROM_STR("good"), carom_str(bad[i])};
        struct carom_error err = {0};
        struct carom_matcher *got = carom_matcher_new(patterns, 2, &err);
        if (got || err.code != CAROM_ERROR_CONFIG || !strstr(err.text, "pattern 2"))
            fail_msg("\"%s\": got %s \"%s\", want an error that names pattern 2", bad[i], got ? "a matcher" : "",
                     err.text);
    }
    static char large[200000];
    memset(large, 'x', sizeof(large));
    struct carom_error err = {0};
    struct carom_str one = carom_str_n(large, 70000);
    assert_null(carom_matcher_new(&one, 1, &err));
    assert_int_equal(err.code, CAROM_ERROR_LIMIT);
    for (size_t i = 1; i < sizeof(large); i += 2)
        large[i] = '*';
    one = carom_str_n(large, sizeof(large));
    assert_null(carom_matcher_new(&one, 1, &err));
    assert_int_equal(err.code, CAROM_ERROR_LIMIT);
    assert_int_equal(search(NULL, 0, CAROM_STR("text"), 0).n, 0);
    char bytes[256];
    for (int i = 0; i < 256; i++)
        bytes[i] = (char)i;
    bytes['*'] = 'x', bytes['|'] = 'x', bytes['\\'] = bytes['~'] = bytes['{'] = bytes['}'] = 'x';
    one = carom_str_n(bytes, 256);
    struct hits got = search(&one, 1, one, 0);
    assert_int_equal(got.n, 1);
}

/* ---- The same by trying ---- */

static bool letter_or_digit(struct carom_str text, size_t at)
{
    return at < text.len && (carom_is_alpha(text.ptr[at]) || carom_is_digit(text.ptr[at]));
}

/* Ends of the first place where the pieces (no escapes) fit from `at` on; SIZE_MAX: nowhere. */
static size_t naive_end(struct carom_str pattern, struct carom_str text, size_t at)
{
    while (pattern.len > 0) {
        size_t star = carom_str_chr(pattern, '*');
        struct carom_str piece = carom_str_head(pattern, star);
        pattern = carom_str_from(pattern, star == SIZE_MAX ? star : star + 1);
        bool before = piece.len > 0 && piece.ptr[0] == '|';
        piece = carom_str_from(piece, before);
        bool after = piece.len > 0 && piece.ptr[piece.len - 1] == '|';
        piece.len -= after;
        if (piece.len == 0)
            continue;
        before = before && letter_or_digit(piece, 0);
        after = after && letter_or_digit(piece, piece.len - 1);
        size_t found = SIZE_MAX;
        for (size_t i = at; i + piece.len <= text.len && found == SIZE_MAX; i++)
            if (memcmp(text.ptr + i, piece.ptr, piece.len) == 0 &&
                !(before && i > 0 && letter_or_digit(text, i - 1)) && !(after && letter_or_digit(text, i + piece.len)))
                found = i + piece.len;
        if (found == SIZE_MAX)
            return SIZE_MAX;
        at = found;
    }
    return at;
}

/* Random text of the letters given; n is at most what stands in text, less the NUL. */
static struct carom_str scribble(char *text, size_t n, const char *letters)
{
    for (size_t i = 0; i < n; i++)
        text[i] = letters[(size_t)rand() % strlen(letters)];
    text[n] = '\0';
    return carom_str_n(text, n);
}

static void compare(int round, const struct carom_str *patterns, size_t n, struct carom_str text)
{
    struct hits got = search(patterns, n, text, 0);
    size_t ends[PATTERNS_MAX], wanted = 0;
    for (size_t i = 0; i < n; i++)
        wanted += (ends[i] = naive_end(patterns[i], text, 0)) != SIZE_MAX;
    if (got.n != wanted)
        fail_msg("round %d: got %zu patterns, want %zu", round, got.n, wanted);
    for (size_t i = 0; i < got.n; i++) {
        if (got.hit[i].end != ends[got.hit[i].pattern])
            fail_msg("\"" CAROM_STR_FMT "\" in \"" CAROM_STR_FMT "\": got end %zu, want %zu",
                     CAROM_STR_ARG(patterns[got.hit[i].pattern]), CAROM_STR_ARG(text), got.hit[i].end,
                     ends[got.hit[i].pattern]);
    }
}

static void agrees_with_trying(void **state)
{
    (void)state;
    srand(3);
    for (int round = 0; round < 4000; round++) {
        char texts[PATTERNS_MAX][10], body[60];
        struct carom_str patterns[PATTERNS_MAX];
        size_t n = 1 + (size_t)rand() % PATTERNS_MAX;
        for (size_t i = 0; i < n; i++) {
            do
                patterns[i] = scribble(texts[i], 1 + (size_t)rand() % 9, "aabb *|");
            while (!strpbrk(texts[i], "ab "));
        }
        compare(round, patterns, n, scribble(body, (size_t)rand() % sizeof(body), "aabb |c"));
    }
}

/* Long patterns share long runs with the text and part from it late. */
static void agrees_when_long(void **state)
{
    (void)state;
    srand(4);
    for (int round = 0; round < 600; round++) {
        char texts[PATTERNS_MAX][100], body[400];
        struct carom_str patterns[PATTERNS_MAX];
        const char *letters = round % 2 ? "ab" : "aaaaaaabcdefgh ";
        struct carom_str text = scribble(body, sizeof(body) - 1, letters);
        for (size_t i = 0; i < PATTERNS_MAX; i++) {
            size_t len = 10 + (size_t)rand() % 80;
            memcpy(texts[i], body + (size_t)rand() % (text.len - len), len);
            for (int changes = rand() % 3; changes > 0; changes--)
                texts[i][len / 2 + (size_t)rand() % (len / 2)] = "ab*"[rand() % 3];
            patterns[i] = carom_str_n(texts[i], len);
        }
        for (int i = 0; i < 5; i++) /* stands in no pattern */
            body[(size_t)rand() % text.len] = 'z';
        compare(round, patterns, PATTERNS_MAX, text);
    }
}

/* What makes a search fast: of many words that differ somewhere, few share what they are known by. */
static void shares_no_grams(void **state)
{
    (void)state;
    enum { N = 4000 };
    static char texts[N][40];
    static struct carom_str patterns[N];
    size_t same = 0;
    for (size_t i = 0; i < N; i++) {
        snprintf(texts[i], sizeof(texts[i]), "mailbox %zu of user is full", 10000 + 7 * i);
        patterns[i] = carom_str(texts[i]);
    }
    struct carom_matcher *m = compile(patterns, N);
    const struct carom_matcher_index *index = &m->indexes[0];
    assert_int_equal(index->n, N);
    for (size_t i = 0; i < N; i++)
        same += index->words[i].more > 0;
    if (same > N / 10)
        fail_msg("got %zu words of %d behind which others have the same hash, want few", same, N);
    carom_matcher_free(m);
}

/* Words and places that patterns share stand once. */
static void shares_words(void **state)
{
    (void)state;
    const struct carom_str patterns[] = {CAROM_STR("{user,box} ~ full"), CAROM_STR("{user,box} ~ gone"), CAROM_STR("user"),
                                         CAROM_STR("|user|"), CAROM_STR("user")};
    struct carom_matcher *m = compile(patterns, 5);
    assert_int_equal(m->indexes[0].n + m->indexes[1].n, 5);
    assert_int_equal(m->places, 3);
    carom_matcher_free(m);
}

static bool odd_matter(void *user, uint32_t pattern)
{
    (void)user;
    return pattern % 2;
}

/* Of those that do not matter, the ones of several places are not looked for. */
static void tells_what_matters(void **state)
{
    (void)state;
    const struct carom_str patterns[] = {CAROM_STR("user*unknown"), CAROM_STR("550*unknown"), CAROM_STR("550~user")};
    struct carom_matcher *matcher = compile(patterns, 3);
    struct carom_arena *arena = carom_arena_new();
    struct hits hits = {0};
    if (!arena || carom_arena_guard(arena))
        fail_msg("got no memory, want some");
    carom_matcher_search(matcher, arena, CAROM_STR("550 user is unknown"),
                         &(struct carom_matcher_user){keep, odd_matter, &hits});
    assert_int_equal(hits.n, 1);
    assert_int_equal(hits.hit[0].pattern, 1);
    carom_arena_unguard(arena);
    carom_arena_free(arena);
    carom_matcher_free(matcher);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(means), cmocka_unit_test(tells_what_matters), cmocka_unit_test(reports_each_once),
                                       cmocka_unit_test(refuses), cmocka_unit_test(agrees_with_trying),
                                       cmocka_unit_test(agrees_when_long), cmocka_unit_test(shares_no_grams),
                                       cmocka_unit_test(shares_words), cmocka_unit_test(tells_what_matters)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
