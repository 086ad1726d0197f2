/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The reader of JSON in mail: what it finds, and that it takes what jansson takes, with the same strings in it. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include <jansson.h>

#include "base/tree.h"

static struct carom_arena *arena;

static int make_arena(void **state)
{
    (void)state;
    return (arena = carom_arena_new()) ? 0 : -1;
}

static int free_arena(void **state)
{
    (void)state;
    carom_arena_free(arena);
    return 0;
}

static void expect(struct carom_str got, const char *want)
{
    if (!carom_str_eq(got, carom_str(want)))
        fail_msg("got " CAROM_STR_FMT ", want %s", CAROM_STR_ARG(got), want);
}

static void finds_members(void **state)
{
    (void)state;
    struct carom_str rest;
    const struct carom_tree *root = carom_tree_read(
        arena, CAROM_STR(" {\"a\": \"x\", \"b\" : [\"1\", {\"c\":\"\\u00e4\\ud83d\\ude00\\/\"}, -1.5e+3, null] ,\"a\":\"y\"} -- "), &rest);
    const struct carom_tree *list = carom_tree_get(root, "b"), *one = carom_tree_elements(list);

    assert_non_null(root);
    expect(rest, " -- ");
    expect(carom_tree_text(carom_tree_get(root, "a")), "y");
    expect(carom_tree_text(one), "1");
    expect(carom_tree_text(carom_tree_get(one->next, "c")), "\xc3\xa4\xf0\x9f\x98\x80/");
    assert_int_equal(one->next->next->type, CAROM_TREE_OTHER);
    assert_null(one->next->next->next->next);
    assert_null(carom_tree_get(root, "c"));
    assert_null(carom_tree_get(list, "c"));
    assert_null(carom_tree_get(NULL, "c"));
    assert_null(carom_tree_elements(root));
    assert_null(carom_tree_elements(NULL));
    expect(carom_tree_text(list), "");
    expect(carom_tree_text(NULL), "");
}

static void compare(const struct carom_tree *got, json_t *want);

static void compare_members(const struct carom_tree *got, json_t *want)
{
    const char *key;
    json_t *member;

    assert_int_equal(got->type, CAROM_TREE_OBJECT);
    json_object_foreach(want, key, member)
        compare(carom_tree_get(got, key), member);
}

static void compare_elements(const struct carom_tree *got, json_t *want)
{
    const struct carom_tree *one = carom_tree_elements(got);

    assert_int_equal(got->type, CAROM_TREE_ARRAY);
    for (size_t i = 0; i < json_array_size(want); i++, one = one->next)
        compare(one, json_array_get(want, i));
    assert_null(one);
}

static void compare(const struct carom_tree *got, json_t *want)
{
    assert_non_null(got);
    if (json_is_object(want))
        compare_members(got, want);
    else if (json_is_array(want))
        compare_elements(got, want);
    else if (json_is_string(want))
        assert_true(got->type == CAROM_TREE_STRING &&
                    carom_str_eq(got->text, carom_str_n(json_string_value(want), json_string_length(want))));
    else
        assert_int_equal(got->type, CAROM_TREE_OTHER);
}

/* Both with the whole text, and with what is at its start. */
static void try(struct carom_str text)
{
    for (int whole = 0; whole < 2; whole++) {
        struct carom_str rest;
        json_t *want = json_loadb(text.ptr, text.len, whole ? 0 : JSON_DISABLE_EOF_CHECK, NULL);
        const struct carom_tree *got = carom_tree_read(arena, text, whole ? NULL : &rest);

        if (!got != !want)
            fail_msg("%s: " CAROM_STR_FMT, want ? "refused" : "taken", CAROM_STR_ARG(text));
        if (want)
            compare(got, want);
        json_decref(want);
    }
}

/* Each byte of each text left out, and replaced by each that means something. */
static void takes_what_jansson_takes(void **state)
{
    static const char *const texts[] = {
        "{\"notificationType\":\"Bounce\",\"n\":[1,-0,0.5,2E-7,true,false,null,[],{}],\"s\":\"\"}",
        " [ \"a\\\"\\\\\\/\\b\\f\\n\\r\\t\" , \"\\u0041\\u00e4\\u20ac\\ud83d\\ude00\" , { \"k\" : \"v\" , \"k\" : \"w\" } ]\r\n\t",
        "[\"a text that is longer than one vector \\n and goes on behind its escape\",\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"]",
        "", " ", "1", "\"a\"", "[", "{", "]", "{\"a\"", "{\"a\":", "{\"a\":1,}", "[1,]", "[,]", "[\"", "[\"\\", "[\"\\\"]",
        "[\"\\u\"]", "[\"\\u00\"]", "[\"\\u0000\"]", "[\"\\ud83d\"]", "[\"\\ude00\"]", "[\"\\ud83d\\u0041\"]", "[01]", "[1.]",
        "[.5]", "[-]", "[1e]", "[1e+]", "[tru]", "[truer]", "[\"\x80\"]", "[\"\xed\xa0\x80\"]", "[]]", "[] x", "\xef\xbb\xbf[]",
    };
    static const char bytes[] = "\"\\/{}[],:0159aeEnu.+- \n\t\x01\x1f\x7f\x80\xc3\xff";
    char changed[200];

    (void)state;
    for (size_t t = 0; t < sizeof texts / sizeof *texts; t++) {
        size_t n = strlen(texts[t]);
        try(carom_str(texts[t]));
        for (size_t at = 0; at < n; at++) {
            memcpy(changed, texts[t], n);
            for (size_t b = 0; b + 1 < sizeof bytes; b++) { /* not NUL, which jansson overlooks behind a number */
                changed[at] = bytes[b];
                try(carom_str_n(changed, n));
            }
            memcpy(changed + at, texts[t] + at + 1, n - at - 1);
            try(carom_str_n(changed, n - 1));
            try(carom_str_n(texts[t], at));
        }
        carom_arena_reset(arena);
    }
}

/* Neither depth nor escapes cost more than the text has bytes. */
static void is_linear(void **state)
{
    enum { STRINGS = 200000, N = 1 + 5 * STRINGS };
    char *text = malloc(N);

    (void)state;
    assert_non_null(text);
    memset(text, '[', N);
    assert_null(carom_tree_read(arena, carom_str_n(text, N), NULL));
    for (size_t i = 1; i < N; i++)
        text[i] = "\"\\n\","[(i - 1) % 5];
    text[N - 1] = ']';
    assert_non_null(carom_tree_read(arena, carom_str_n(text, N), NULL));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(finds_members, make_arena, free_arena),
        cmocka_unit_test_setup_teardown(takes_what_jansson_takes, make_arena, free_arena),
        cmocka_unit_test_setup_teardown(is_linear, make_arena, free_arena),
    };

    return cmocka_run_group_tests_name("tree", tests, NULL, NULL);
}
