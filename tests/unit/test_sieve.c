/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Sieves let through every row that matches, and not everything. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "bounce/tables.h"
#include "smtp/codes.h"

/* A text that the pattern matches: signs for something else filled in, letters in the other case, words around it. */
static struct carom_str instance(const char *pattern, char *text, size_t room)
{
    size_t n = 0;

    text[n++] = '"';
    for (const char *p = pattern; *p && n + 8 < room; p++) {
        if (*p == '{' && strchr(p, '}')) {
            p = strchr(p, '}');
            text[n++] = 'x';
        } else if (*p == '*') {
            memcpy(text + n, " mno ", 5);
            n += 5;
        } else {
            text[n++] = *p == '~' ? '=' : *p == '%' ? '+' : carom_is_alpha(*p) ? (char)(*p ^ 32) : *p;
        }
    }
    text[n++] = '"';
    return carom_str_n(text, n);
}

static bool let_through(const struct carom_sieve *sieves, size_t n, struct carom_str text, size_t row)
{
    struct carom_sieved rows;

    carom_sieved_init(&rows);
    for (size_t i = 0; i < n; i++)
        carom_sieve_add(&sieves[i], text, &rows);
    return carom_sieved_next(&rows, row) == row;
}

static void check(const char *table, const struct carom_sieve *sieves, size_t sieves_n, const char *pattern, size_t row)
{
    char text[2048];

    if (!let_through(sieves, sieves_n, instance(pattern, text, sizeof text), row))
        fail_msg("%s: row %zu does not pass: %s", table, row, pattern);
}

#define CHECK_ALL(table, column)                                                                \
    for (size_t row = 0; row < table##_n; row++)                                                \
        check(#table, table##_sieves, table##_sieves_n, carom_cell_str(table[row].column).ptr, row)

static void what_matches_passes(void **state)
{
    (void)state;
    for (size_t row = 0; row < carom_formats_n; row++) {
        const char *cell = carom_formats[row].body;
        struct carom_str one = CAROM_STR_EMPTY;
        for (bool first = true; carom_cell_next(&cell, &one) || first; first = false) {
            char pattern[256];
            carom_str_put(pattern, sizeof pattern, one);
            check("formats", carom_formats_sieves, carom_formats_sieves_n, pattern, row);
        }
    }
    CHECK_ALL(carom_markers, pattern);
    CHECK_ALL(carom_notices, pattern);
    CHECK_ALL(carom_autoreplies, pattern);
    CHECK_ALL(carom_signs, pattern);
    CHECK_ALL(carom_details, pattern);
    CHECK_ALL(carom_return_paths, local);
    for (size_t row = 0; row < carom_phases_n; row++)
        check("phases", carom_phases_sieves, carom_phases_sieves_n, carom_phases[row].phrase, row);
}

static size_t count(const struct carom_sieve *sieves, size_t n, struct carom_str text)
{
    struct carom_sieved rows;
    size_t found = 0;

    carom_sieved_init(&rows);
    for (size_t i = 0; i < n; i++)
        carom_sieve_add(&sieves[i], text, &rows);
    for (size_t row = 0; (row = carom_sieved_next(&rows, row)) != SIZE_MAX; row++)
        found++;
    return found;
}

static void what_speaks_of_nothing_does_not(void **state)
{
    const struct carom_str text = CAROM_STR("zq 4711 zq 0815");

    (void)state;
    assert_true(count(carom_formats_sieves, carom_formats_sieves_n, text) < carom_formats_n / 4);
    assert_true(count(carom_markers_sieves, carom_markers_sieves_n, text) < carom_markers_n / 4);
    assert_true(count(carom_notices_sieves, carom_notices_sieves_n, text) < carom_notices_n / 4);
    assert_true(count(carom_autoreplies_sieves, carom_autoreplies_sieves_n, text) < carom_autoreplies_n / 4);
    assert_true(count(carom_signs_sieves, carom_signs_sieves_n, text) < carom_signs_n / 4);
    assert_true(count(carom_details_sieves, carom_details_sieves_n, text) < carom_details_n / 4);
    assert_int_equal(count(carom_phases_sieves, carom_phases_sieves_n, text), 0);
}

/* Bytes of one place of a pattern are not enough where it has others. */
static void asks_for_other_bytes(void **state)
{
    struct carom_str whole = CAROM_STR("Your message follows:"), cut = CAROM_STR("s: Your m");

    (void)state;
    assert_true(count(carom_markers_sieves, carom_markers_sieves_n, whole) > 0);
    for (size_t from = 0; from < whole.len; from++) {
        struct carom_str piece = carom_str_head(carom_str_from(whole, from), 4);
        assert_int_equal(count(carom_markers_sieves, carom_markers_sieves_n, piece), 0);
    }
    assert_int_equal(count(carom_markers_sieves, carom_markers_sieves_n, cut), 0);
}

/* No byte behind the text is looked at, and rows come in order. */
static void ends_with_the_text(void **state)
{
    const struct carom_str whole = CAROM_STR("after DATA");
    struct carom_sieved rows;

    (void)state;
    for (size_t n = 0; n < 4; n++)
        assert_int_equal(count(carom_phases_sieves, carom_phases_sieves_n, carom_str_head(whole, n)), 0);
    assert_true(count(carom_phases_sieves, carom_phases_sieves_n, whole) > 0);
    carom_sieved_init(&rows);
    carom_sieve_add_all(carom_phases_sieves, &rows);
    for (size_t row = 0; row < carom_phases_n; row++)
        assert_int_equal(carom_sieved_next(&rows, row), row);
    assert_true(carom_sieved_next(&rows, carom_phases_n) == SIZE_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_matches_passes),
        cmocka_unit_test(what_speaks_of_nothing_does_not),
        cmocka_unit_test(asks_for_other_bytes), cmocka_unit_test(ends_with_the_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
