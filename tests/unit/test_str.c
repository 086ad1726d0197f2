/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Text views, the growing buffer, error texts and log lines. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/log.h"
#include "base/str.h"

#define S(text) CAROM_STR(text)

static void expect_size(const char *what, size_t got, size_t want)
{
    if (got != want)
        fail_msg("%s: got %zu, want %zu", what, got, want);
}

static void expect_text(const char *what, struct carom_str got, const char *want)
{
    if (!carom_str_eq(got, carom_str(want)))
        fail_msg("%s: got \"" CAROM_STR_FMT "\", want \"%s\"", what, CAROM_STR_ARG(got), want);
}

static void compares(void **state)
{
    (void)state;
    assert_true(carom_str_eq((struct carom_str){NULL, 0}, S("")));
    assert_false(carom_str_eq(S("a"), S("A")));
    assert_true(carom_str_ieq(S("Content-Type"), S("content-tYPE")));
    assert_false(carom_str_ieq(S("[a]"), S("{a}"))); /* 32 apart, but no letters */
    assert_false(carom_str_ieq(S("abc"), S("ab")));
    assert_true(carom_str_starts(S("From x"), S("From ")));
    assert_false(carom_str_starts(S("From"), S("From ")));
    assert_true(carom_str_istarts(S("SUBJECT: x"), S("Subject:")));
    assert_true(carom_str_iends(S("mail.Example.ORG"), S(".example.org")));
    assert_false(carom_str_iends(S("org"), S(".example.org")));
    assert_true(carom_str_iends(S(""), S("")));
}

/* Each byte against each, at each place of texts that are compared by bytes, by halves of words and by words. */
static void compares_many_at_once(void **state)
{
    (void)state;
    char a[20], b[20];
    for (size_t n = 1; n <= sizeof(a); n++) {
        memset(a, 'x', n);
        memset(b, 'X', n);
        for (unsigned at = 0; at < n; at++)
            for (unsigned pair = 0; pair < 65536; pair += n > 8 ? 7 : 1) {
                a[at] = (char)(unsigned char)(pair & 0xff);
                b[at] = (char)(unsigned char)(pair >> 8);
                bool want = carom_lower(a[at]) == carom_lower(b[at]);
                if (carom_str_same_caseless(a, b, n) != want)
                    fail_msg("%zu bytes, %04x at %u: want %d", n, pair, at, want);
                a[at] = 'x', b[at] = 'X';
            }
    }
}

static void finds(void **state)
{
    (void)state;
    expect_size("find", carom_str_find(S("abcabd"), S("abd")), 3);
    expect_size("find nothing", carom_str_find(S("abc"), S("abcd")), SIZE_MAX);
    expect_size("find empty", carom_str_find(S(""), S("")), 0);
    expect_size("ifind", carom_str_ifind(S("User UNKNOWN"), S("unknown")), 5);
    expect_size("ifind at the end", carom_str_ifind(S("aab"), S("AB")), 1);
    expect_size("ifind nothing", carom_str_ifind(S("unknow"), S("unknown")), SIZE_MAX);
    expect_size("ifind in nothing", carom_str_ifind(S(""), S("x")), SIZE_MAX);
    expect_size("chr", carom_str_chr(S("a@b@c"), '@'), 1);
    expect_size("rchr", carom_str_rchr(S("a@b@c"), '@'), 3);
    expect_size("chr nothing", carom_str_chr(S(""), '@'), SIZE_MAX);
}

static size_t ifind_slowly(struct carom_str s, struct carom_str needle)
{
    for (size_t i = 0; i + needle.len <= s.len; i++)
        if (carom_str_istarts(carom_str_from(s, i), needle))
            return i;
    return SIZE_MAX;
}

/* Sixteen bytes at once must find what one after the other finds, wherever it stands. A copy of its own size, so that
   the sanitizer sees what is read behind it. */
static void finds_many_at_once(void **state)
{
    static const char letters[] = "aAbB[{\n\r";
    uint32_t random = 1;
    (void)state;

    for (int turn = 0; turn < 20000; turn++) {
        char bytes[256], needle[6];
        size_t n = (random = random * 1664525 + 1013904223) >> 16 & (turn % 2 ? 63 : 255), k = 1 + (random >> 24 & 3);
        for (size_t i = 0; i < n + k; i++) {
            random = random * 1664525 + 1013904223;
            *(i < n ? &bytes[i] : &needle[i - n]) = letters[random >> 20 & 7];
        }
        char *copy = malloc(n + 1);
        memcpy(copy + 1, bytes, n);
        struct carom_str s = carom_str_n(copy + 1, n), wanted = carom_str_n(needle, k);
        expect_size("ifind", carom_str_ifind(s, wanted), ifind_slowly(s, wanted));
        const char *found = memmem(s.ptr, s.len, needle, k);
        expect_size("find", carom_str_find(s, wanted), found ? (size_t)(found - s.ptr) : SIZE_MAX);
        size_t line = 0;
        while (line < n && bytes[line] != '\n' && bytes[line] != '\r')
            line++;
        expect_size("line", carom_str_line_length(s), line);
        free(copy);
    }
}

static void cuts(void **state)
{
    (void)state;
    expect_text("from", carom_str_from(S("abc"), 1), "bc");
    expect_text("from beyond", carom_str_from(S("abc"), SIZE_MAX), "");
    assert_non_null(carom_str_from((struct carom_str){NULL, 0}, 3).ptr);
    expect_text("head", carom_str_head(S("abc"), 2), "ab");
    expect_text("head beyond", carom_str_head(S("abc"), SIZE_MAX), "abc");
    expect_text("trim", carom_str_trim(S(" \t\r\n a b\r\n")), "a b");
    expect_text("trim blank", carom_str_trim(S(" \t ")), "");
}

static void splits_lines(void **state)
{
    (void)state;
    static const struct {
        const char *text, *lines;
    } cases[] = {
        {"", ""},           {"a", "[a]"},           {"a\n", "[a]"},         {"a\nb", "[a][b]"},
        {"a\r\nb\r\n", "[a][b]"}, {"a\rb\r", "[a][b]"}, {"\n\n", "[][]"},   {"a\r\r\nb", "[a][][b]"},
        {"a\n\rb", "[a][][b]"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char got[64] = "";
        struct carom_str rest = carom_str(cases[i].text), line;
        while (carom_str_line(&rest, &line))
            snprintf(got + strlen(got), sizeof(got) - strlen(got), "[" CAROM_STR_FMT "]", CAROM_STR_ARG(line));
        if (strcmp(got, cases[i].lines) != 0)
            fail_msg("case %zu: got %s, want %s", i, got, cases[i].lines);
    }
}

/* Lines longer than any window, and as many short ones as make a quadratic reader stand still. */
static void splits_long_texts(void **state)
{
    (void)state;
    enum { SIZE = 4 << 20 };
    char *text = malloc(SIZE);
    assert_non_null(text);
    static const char ends[] = "\r\n";
    for (size_t e = 0; e < 2; e++) {
        memset(text, 'x', SIZE);
        size_t want = 1, lines = 0, bytes = 0; /* the last line has no end */
        for (size_t i = 0; i < SIZE - 2; i += i < SIZE / 2 ? 1000 : 2, want++)
            text[i] = ends[e];
        struct carom_str rest = carom_str_n(text, SIZE), line;
        while (carom_str_line(&rest, &line))
            lines++, bytes += line.len + 1;
        expect_size("lines", lines, want);
        expect_size("bytes", bytes, SIZE + 1);
    }
    free(text);
}

static void splits_words(void **state)
{
    (void)state;
    struct carom_str rest = S("  550 \t5.1.1 "), word;
    assert_true(carom_str_word(&rest, &word));
    expect_text("first", word, "550");
    assert_true(carom_str_word(&rest, &word));
    expect_text("second", word, "5.1.1");
    assert_false(carom_str_word(&rest, &word));
}

static void globs(void **state)
{
    (void)state;
    static const struct {
        const char *text, *pattern;
        bool want;
    } cases[] = {
        {"mx.example.com", "*.example.com", true},
        {"example.com", "*.example.com", false},
        {"MX1.mail.example.com", "mx*.example.*", true},
        {"abc", "abc", true},
        {"abc", "ab", false},
        {"", "*", true},
        {"", "", true},
        {"a", "", false},
        {"aba", "ab*ba", false}, /* the pieces may not overlap */
        {"abba", "ab*ba", true},
        {"xaaab", "*aab", true},
        {"a.b.c", "a*b*c*", true},
        {"a.b.c", "**", true},
        {"a.b.c", "*b*b*", false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        bool got = carom_str_glob(carom_str(cases[i].text), carom_str(cases[i].pattern));
        if (got != cases[i].want)
            fail_msg("\"%s\" ~ \"%s\": got %d, want %d", cases[i].text, cases[i].pattern, got, cases[i].want);
    }
}

static void reads_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t want;
    } cases[] = {{"0", 0}, {"00550", 550}, {"9223372036854775807", INT64_MAX}, {"9223372036854775808", -1},
                 {"99999999999999999999", -1}, {"", -1}, {"-1", -1}, {"+1", -1}, {"1 ", -1}, {"1a", -1}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t got = carom_str_number(carom_str(cases[i].text));
        if (got != cases[i].want)
            fail_msg("\"%s\": got %lld, want %lld", cases[i].text, (long long)got, (long long)cases[i].want);
    }
}

static void buffer_grows(void **state)
{
    (void)state;
    struct carom_buf buf = CAROM_BUF_INIT(1 << 20);
    expect_text("empty", carom_buf_str(&buf), "");
    for (int i = 0; i < 1000; i++)
        carom_buf_printf(&buf, "%03d,", i);
    carom_buf_add_char(&buf, '.');
    carom_buf_add_str(&buf, S("end"));
    expect_size("length", carom_buf_str(&buf).len, 4004);
    expect_size("terminated", strlen(carom_buf_str(&buf).ptr), 4004);
    assert_memory_equal(buf.ptr + 3996, "999,.end", 9);
    char *taken = carom_buf_take(&buf);
    assert_memory_equal(taken, "000,001,", 8);
    free(taken);
    assert_null(buf.ptr);
    taken = carom_buf_take(&buf);
    assert_string_equal(taken, "");
    free(taken);
    carom_buf_deinit(&buf);
}

static void buffer_has_a_maximum(void **state)
{
    (void)state;
    struct carom_buf buf = CAROM_BUF_INIT(5);
    carom_buf_add(&buf, "abc", 3);
    carom_buf_add(&buf, "def", 3);
    assert_true(buf.failed);
    carom_buf_add_char(&buf, 'x'); /* would fit, but comes after the failure */
    expect_text("unchanged", carom_buf_str(&buf), "abc");
    carom_buf_clear(&buf);
    carom_buf_printf(&buf, "%s", "12345");
    assert_false(buf.failed);
    expect_text("full", carom_buf_str(&buf), "12345");
    carom_buf_printf(&buf, "%d", 6);
    assert_true(buf.failed);
    assert_null(carom_buf_take(&buf));
    carom_buf_deinit(&buf);
}

static void errors_are_one_line(void **state)
{
    (void)state;
    struct carom_error err;
    assert_int_equal(carom_error_set(&err, CAROM_ERROR_IO, "a\nb\x1b[31m\xc3\xa4\xff\xc2\x9b"), -1);
    assert_int_equal(err.code, CAROM_ERROR_IO);
    assert_string_equal(err.text, "a b [31m\xc3\xa4?  ");
    carom_error_prefix(&err, "%s", "in.mbox");
    assert_string_equal(err.text, "in.mbox: a b [31m\xc3\xa4?  ");
    carom_error_set(&err, CAROM_ERROR_LIMIT, "<%s>", err.text);
    assert_string_equal(err.text, "<in.mbox: a b [31m\xc3\xa4?  >");
    assert_int_equal(carom_error_memory(NULL), -1);

    char text[1200];
    memset(text, 'x', sizeof(text));
    memcpy(text + sizeof(err.text) - 2, "\xe2\x82\xac", 4); /* a character across the end */
    carom_error_set(&err, CAROM_ERROR_IO, "%s", text);
    expect_size("cut", strlen(err.text), sizeof(err.text) - 1);
    assert_int_equal(err.text[sizeof(err.text) - 2], '?');
}

static void keep_line(void *user, enum carom_log_level level, struct carom_str line)
{
    (void)level;
    carom_buf_clear(user);
    carom_buf_add_str(user, line);
}

static void log_lines_are_plain(void **state)
{
    (void)state;
    struct carom_buf buf = CAROM_BUF_INIT(10000);
    struct carom_log log = {keep_line, &buf};
    carom_log_printf(&log, CAROM_LOG_INFO, "%s", "a\nb\x1b\xc3\xa4\xff\xe2\x80\xae");
    expect_text("escaped", carom_buf_str(&buf), "a\\x0ab\\x1b\xc3\xa4\\xff\\xe2\\x80\\xae");
    char text[5000];
    memset(text, '\n', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    carom_log_printf(&log, CAROM_LOG_INFO, "%s", text);
    assert_true(buf.len > 1000 && buf.len <= 2000 && buf.len % 4 == 0);
    carom_log_printf(NULL, CAROM_LOG_INFO, "swallowed");
    carom_buf_deinit(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compares),           cmocka_unit_test(finds),
        cmocka_unit_test(compares_many_at_once), cmocka_unit_test(finds_many_at_once),
        cmocka_unit_test(cuts),               cmocka_unit_test(splits_lines),
        cmocka_unit_test(splits_long_texts),  cmocka_unit_test(splits_words),
        cmocka_unit_test(globs),              cmocka_unit_test(reads_numbers),
        cmocka_unit_test(buffer_grows),       cmocka_unit_test(buffer_has_a_maximum),
        cmocka_unit_test(errors_are_one_line), cmocka_unit_test(log_lines_are_plain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
