/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Which lines of a policy there are to reach, and which its load reached. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

#include "policy/coverage.h"
#include "policy/policy.h"

/* Loads the text as a policy. want: of each line '+' reached, '-' missed, '.' empty. */
static void check(const char *text, const char *want)
{
    char path[] = "/tmp/carom-coverage-XXXXXX", got[8192] = "";
    int fd = mkstemp(path);
    struct carom_coverage *coverage = carom_coverage_new();
    struct carom_error err = {0};

    assert_true(fd >= 0 && coverage);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    struct carom_policy *policy = carom_policy_load_covered(path, NULL, coverage, &err);
    unlink(path);
    if (!policy)
        fail_msg("%s: %s", text, err.text);
    const struct carom_covered_file *file = carom_coverage_files(coverage);
    assert_non_null(file);
    assert_null(file->next);
    for (size_t i = 1; i <= file->n; i++)
        got[i - 1] = ".-+"[file->lines[i]];
    if (strcmp(got, want) != 0)
        fail_msg("%s\ngot  %s\nwant %s", text, got, want);
    carom_policy_free(policy);
    carom_coverage_free(coverage);
}

static void test_lines(void **state)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"", ""},
        {"-- a remark\n\nlocal x = 1\n", "..+"},
        {"local x = { 1,\n  2.5,\n  \"three\",\n  nil, true, false,\n}\n", "+++++"},
        {"local a = 1\nif a == 2 then\n  a = 3\nelse\n  a = 4\nend\n", "++-.+."},
        /* A function that returns on all paths has an end that nothing reaches. */
        {"local function f(x)\n  if x then\n    return 1\n  end\n  return 2\nend\n", ".--.-+"},
        {"local function f(...)\n  return ...\nend\n", ".-+"},
        {"function on_permanent(bounce)\n  local f = function()\n    return 1\n  end\n  f()\nend\n", "+.---+"},
        {"for i = 1, 2 do\n  local x = i\nend\n", "++."},
        {"while false do\n  local x = 1\nend\n", "+-."},
        {"local t = {}\nfor k, v in pairs(t) do\n  local x = k\nend\n", "++-+"},
        {"#!/usr/bin/lua\nlocal x = 1\n", ".+"},
        {"local x = [[\na\nb\n]]\nlocal y = x\n", "...++"},
        {"local x = 1 -- one\r\nlocal y = 2\r\n", "++"},
        {"local x = 1", "+"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check(cases[i].text, cases[i].want);
}

/* Steps of more than 127 lines, and more than 128 instructions in a row, stand in another list. */
static void test_long(void **state)
{
    static char text[40000], want[8192];
    size_t n = 0, lines = 0;

    (void)state;
    n += (size_t)sprintf(text + n, "local x = 1\n");
    want[lines++] = '+';
    for (int i = 0; i < 300; i++)
        n += (size_t)sprintf(text + n, "\n"), want[lines++] = '.';
    n += (size_t)sprintf(text + n, "function on_permanent(bounce)\n");
    want[lines++] = '+';
    for (int i = 0; i < 1000; i++)
        n += (size_t)sprintf(text + n, "  bounce:score(%d)\n", i), want[lines++] = '-';
    for (int i = 0; i < 500; i++)
        n += (size_t)sprintf(text + n, "\n"), want[lines++] = '.';
    n += (size_t)sprintf(text + n, "  bounce:ignore()\nend\n");
    want[lines++] = '-';
    want[lines++] = '+';
    check(text, want);
}

static void test_hooks(void **state)
{
    char path[] = "/tmp/carom-coverage-XXXXXX";
    const char text[] = "function on_complaint(b) end\non_permanent = on_complaint\n";
    int fd = mkstemp(path);
    struct carom_coverage *coverage = carom_coverage_new();

    (void)state;
    assert_true(fd >= 0 && coverage);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    struct carom_policy *policy = carom_policy_load_covered(path, NULL, coverage, NULL);
    unlink(path);
    assert_non_null(policy);
    const struct carom_covered_hook *hook = carom_coverage_hooks(coverage);
    assert_string_equal(hook->name, "on_complaint");
    assert_string_equal(hook->next->name, "on_permanent");
    assert_null(hook->next->next);
    assert_false(hook->ran || hook->next->ran);
    carom_policy_free(policy);
    carom_coverage_free(coverage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_lines), cmocka_unit_test(test_long),
                                       cmocka_unit_test(test_hooks)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
