/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The phrase automaton: what patterns mean, and the same answers as a matcher that tries everything. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/automaton.h"

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

static struct hits search(const struct carom_str *patterns, size_t n, struct carom_str text, size_t stop_after)
{
    struct carom_error err = {0};
    struct carom_automaton *automaton = carom_automaton_new(patterns, n, &err);
    if (!automaton)
        fail_msg("got \"%s\", want an automaton", err.text);
    void *memory = malloc(carom_automaton_run_size(automaton) + 1);
    struct carom_automaton_run run;
    struct hits hits = {.stop_after = 0}, again = {.stop_after = stop_after};
    carom_automaton_begin(automaton, memory, &run);
    carom_automaton_search(automaton, &run, text, keep, &hits);
    carom_automaton_search(automaton, &run, text, keep, &again); /* nothing is left of the first search */
    assert_int_equal(again.n, stop_after && stop_after < hits.n ? stop_after : hits.n);
    free(memory);
    carom_automaton_free(automaton);
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

static void reports_in_order(void **state)
{
    (void)state;
    const struct carom_str patterns[] = {CAROM_STR("he"), CAROM_STR("she"), CAROM_STR("his"), CAROM_STR("hers"),
                                         CAROM_STR("h*s"), CAROM_STR("he"), CAROM_STR("x")};
    struct hits got = search(patterns, 7, CAROM_STR("ushers he"), 0);
    static const size_t ends[] = {4, 4, 4, 6, 6};
    assert_int_equal(got.n, 5);
    for (size_t i = 0; i < got.n; i++)
        if (got.hit[i].end != ends[i])
            fail_msg("hit %zu: got end %zu, want %zu", i, got.hit[i].end, ends[i]);
    got = search(patterns, 7, CAROM_STR("ushers he"), 2);
    assert_int_equal(got.n, 2);
}

static void refuses(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "*", "|", "||", "*|*", "~", "{,}", "no {user,box}", "{user", "user}", "{a,b}x"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct carom_str patterns[] = {CAROM_STR("good"), carom_str(bad[i])};
        struct carom_error err = {0};
        struct carom_automaton *got = carom_automaton_new(patterns, 2, &err);
        if (got || err.code != CAROM_ERROR_CONFIG || !strstr(err.text, "pattern 2"))
            fail_msg("\"%s\": got %s \"%s\", want an error that names pattern 2", bad[i], got ? "an automaton" : "",
                     err.text);
    }
    static char large[200000];
    memset(large, 'x', sizeof(large));
    struct carom_error err = {0};
    struct carom_str one = carom_str_n(large, 70000);
    assert_null(carom_automaton_new(&one, 1, &err));
    assert_int_equal(err.code, CAROM_ERROR_LIMIT);
    for (size_t i = 1; i < sizeof(large); i += 2)
        large[i] = '*';
    one = carom_str_n(large, sizeof(large));
    assert_null(carom_automaton_new(&one, 1, &err));
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
    size_t ends[PATTERNS_MAX], wanted = 0, last = 0;
    for (size_t i = 0; i < n; i++)
        wanted += (ends[i] = naive_end(patterns[i], text, 0)) != SIZE_MAX;
    if (got.n != wanted)
        fail_msg("round %d: got %zu patterns, want %zu", round, got.n, wanted);
    for (size_t i = 0; i < got.n; i++) {
        if (got.hit[i].end != ends[got.hit[i].pattern] || got.hit[i].end < last)
            fail_msg("\"" CAROM_STR_FMT "\" in \"" CAROM_STR_FMT "\": got end %zu, want %zu",
                     CAROM_STR_ARG(patterns[got.hit[i].pattern]), CAROM_STR_ARG(text), got.hit[i].end,
                     ends[got.hit[i].pattern]);
        last = got.hit[i].end;
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

/* Long patterns share long beginnings with the text and part from it late: they end beyond the states that have rows,
   and fall back through several. */
static void agrees_when_deep(void **state)
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

/* Returns how many states without a row continue in several ways. */
static uint32_t find_depths(const struct carom_automaton *a, uint32_t *depth)
{
    uint32_t forks = 0, children = 0;
    for (uint32_t i = 0; i < a->states_n; i++) {
        const struct carom_automaton_state *s = &a->states[i];
        for (uint32_t child = s->child; child < s->child + s->children; child++, children++) {
            if (child <= i || child >= a->states_n || depth[child] > 0)
                fail_msg("state %u: got child %u, want a larger number that is nobody else's child", i, child);
            depth[child] = depth[i] + 1;
        }
        if (i >= a->dense && s->children == 1 && a->states[s->child].children > 0 &&
            a->states[s->child].child != s->child + 1)
            fail_msg("state %u: got %u behind %u, want them side by side", i, a->states[s->child].child, s->child);
        forks += i >= a->dense && s->children > 1;
    }
    assert_int_equal(children + 1, a->states_n);
    return forks;
}

/* What makes a search linear: falling back always ends at a row, and each time with less depth. */
static void falls_back_to_less(void **state)
{
    (void)state;
    char texts[PATTERNS_MAX][100];
    struct carom_str patterns[PATTERNS_MAX];
    srand(5);
    for (size_t i = 0; i < PATTERNS_MAX; i++)
        patterns[i] = scribble(texts[i], sizeof(texts[i]) - 1, "aaaab");
    struct carom_error err = {0};
    struct carom_automaton *a = carom_automaton_new(patterns, PATTERNS_MAX, &err);
    assert_non_null(a);
    uint32_t *depth = calloc(a->states_n, sizeof(*depth));
    assert_non_null(depth);
    assert_true(a->dense > 0 && a->dense < a->states_n);
    assert_true(find_depths(a, depth) > 0);
    for (uint32_t i = 1; i < a->states_n; i++)
        if (depth[a->states[i].fail] >= depth[i])
            fail_msg("state %u, depth %u: got %u to fall back to, want a shallower one", i, depth[i],
                     a->states[i].fail);
    for (size_t i = 0; i < (size_t)a->dense * a->classes; i++)
        if (depth[a->rows[i]] > depth[i / a->classes] + 1)
            fail_msg("row of state %zu: got state %u, want one at most one deeper", i / a->classes, a->rows[i]);
    free(depth);
    carom_automaton_free(a);
}

/* A policy may have thousands of phrases; a search over a line must not pay for each. */
static void asks_little_memory(void **state)
{
    (void)state;
    enum { N = 10000 };
    static char texts[N][8];
    static struct carom_str patterns[N];
    for (size_t i = 0; i < N; i++) {
        snprintf(texts[i], sizeof(texts[i]), i % 1000 ? "%04zu" : "%zu*x", i);
        patterns[i] = carom_str(texts[i]);
    }
    struct carom_error err = {0};
    struct carom_automaton *a = carom_automaton_new(patterns, N, &err);
    assert_non_null(a);
    size_t got = carom_automaton_run_size(a);
    if (got > N / 8 + 200)
        fail_msg("got %zu bytes for %d patterns, want a bit each, and some words for ten of them", got, N);
    carom_automaton_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(means), cmocka_unit_test(reports_in_order),
                                       cmocka_unit_test(refuses), cmocka_unit_test(agrees_with_trying),
                                       cmocka_unit_test(agrees_when_deep), cmocka_unit_test(falls_back_to_less),
                                       cmocka_unit_test(asks_little_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
