/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The JSON reader against another's: what one takes the other does, and reads the same strings. */

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

static int set_up(void **state)
{
    (void)state;
    arena = carom_arena_new();
    return arena ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    carom_arena_free(arena);
    return 0;
}

/* The strings and shape of both are the same. */
static bool same(const struct carom_tree *tree, const json_t *value)
{
    const char *key;
    json_t *one;
    size_t i, n = 0;

    switch (tree->kind) {
    case CAROM_TREE_STRING:
        return json_is_string(value) &&
               carom_str_eq(tree->text, carom_str_n(json_string_value(value), json_string_length(value)));
    case CAROM_TREE_ARRAY: {
        const struct carom_tree *at = tree->first;
        json_array_foreach(value, i, one) {
            if (!at || !same(at, one))
                return false;
            at = at->next;
        }
        return json_is_array(value) && !at;
    }
    case CAROM_TREE_OBJECT:
        json_object_foreach((json_t *)(uintptr_t)value, key, one) {
            const struct carom_tree *member = carom_tree_member(tree, carom_str(key));
            if (!member || !same(member, one))
                return false;
            n++;
        }
        return json_is_object(value) && n == json_object_size(value) && (n > 0) == (tree->first != NULL);
    default: return json_is_number(value) || json_is_boolean(value) || json_is_null(value);
    }
}

/* From a copy of just that length, so that what is read beyond it is noticed. */
static bool agree(struct carom_str text)
{
    char *copy = malloc(text.len + 1);
    struct carom_str rest = carom_str_n(copy, text.len);

    assert_non_null(copy);
    memcpy(copy, text.ptr, text.len);
    carom_arena_reset(arena);
    json_t *value = json_loadb(text.ptr, text.len, JSON_DECODE_ANY, NULL);
    const struct carom_tree *tree = carom_tree_read(arena, &rest);
    bool whole = tree && carom_str_trim(rest).len == 0, agreed = value ? whole && same(tree, value) : !whole;
    json_decref(value);
    free(copy);
    return agreed;
}

static void expect_agreement(struct carom_str text)
{
    if (!agree(text))
        fail_msg("read otherwise: " CAROM_STR_FMT, CAROM_STR_ARG(text));
}

static const char *const texts[] = {
    "{\"a\":\"x\",\"b\":[1,-2.5e+3,true,false,null,{},[]],\"c\":{\"d\":\"e\"}}",
    " \t\r\n{ \"a\" : [ \"b\" , \"c\" ] } \n",
    "\"long enough to be looked at in several steps, \\\"quoted\\\" and \\\\ more of it behind\"",
    "\"\\b\\f\\n\\r\\t\\/\\u00e9\\u20AC\\ud83d\\ude00 \xc3\xa9\xe2\x82\xac\"",
    "{\"a\":\"first\",\"a\":\"last\"}",
    "\"\"", "[]", "{}", "0", "-0.0", "1e5", "10.25E-2", "true", "null",
    "{\"Message\":\"{\\\"eventType\\\":\\\"Bounce\\\",\\\"bounce\\\":{\\\"x\\\":\\\"\\\\\\\"y\\\\\\\"\\\"}}\"}",
};

static void reads_what_is_json(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct carom_str rest = carom_str(texts[i]);
        expect_agreement(carom_str(texts[i]));
        assert_non_null(carom_tree_read(arena, &rest));
    }
}

/* Each text cut anywhere, and with each of its bytes made another. */
static void refuses_what_is_none(void **state)
{
    static const char others[] = "\"\\{}[],:u0e.\x01\x80z";
    static const char *const wrong[] = {
        "", " ", "[1,]", "{\"a\":1,}", "[,1]", "{,}", "{\"a\"}", "{\"a\":}", "{a:1}", "['a']", "01", "1.", ".5", "+1", "1e", "--1", "tru",
        "nulls", "\"", "\"\\\"", "\"\\x\"", "\"\\u12\"", "\"\\u0000\"", "\"\\ud800\"", "\"\\udc00\"", "\"\\ud83dx\"", "\"\\ud83d\\u0041\"",
        "\"\x01\"", "\"a\nb\"", "\"\xff\"", "\"\xc3\"", "[1 2]", "{\"a\" 1}", "[[]", "]", "}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct carom_str rest = carom_str(wrong[i]);
        expect_agreement(rest);
        assert_true(!carom_tree_read(arena, &rest) || rest.len > 0);
    }
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char changed[256];
        size_t n = strlen(texts[i]);
        assert_true(n < sizeof changed);
        for (size_t at = 0; at < n; at++) {
            expect_agreement(carom_str_n(texts[i], at));
            for (const char *other = others; *other; other++) {
                memcpy(changed, texts[i], n);
                changed[at] = *other;
                expect_agreement(carom_str_n(changed, n));
            }
        }
    }
}

static void gives_members(void **state)
{
    (void)state;
    struct carom_str text = CAROM_STR("{\"a\":\"x\",\"n\":1,\"list\":[\"y\"]} and more"), rest = text;
    const struct carom_tree *root = carom_tree_read(arena, &rest);

    assert_true(carom_str_eq(rest, CAROM_STR(" and more")));
    assert_true(carom_str_eq(carom_tree_text(root, CAROM_STR("a")), CAROM_STR("x")));
    assert_int_equal(carom_tree_text(root, CAROM_STR("n")).len, 0);
    assert_null(carom_tree_member(root, CAROM_STR("A")));
    assert_null(carom_tree_member(carom_tree_member(root, CAROM_STR("list")), CAROM_STR("a")));
    assert_null(carom_tree_member(NULL, CAROM_STR("a")));
}

static void ends_before_the_stack(void **state)
{
    enum { BRACKETS = 1000000 };
    char *deep = malloc(BRACKETS);

    (void)state;
    assert_non_null(deep);
    memset(deep, '[', BRACKETS);
    struct carom_str text = carom_str_n(deep, BRACKETS), shallow = CAROM_STR("[[[[[[[[{\"a\":[[[[[[[[]]]]]]]]}]]]]]]]]");
    assert_null(carom_tree_read(arena, &text));
    assert_non_null(carom_tree_read(arena, &shallow));
    free(deep);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_is_json), cmocka_unit_test(refuses_what_is_none), cmocka_unit_test(gives_members),
        cmocka_unit_test(ends_before_the_stack),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
