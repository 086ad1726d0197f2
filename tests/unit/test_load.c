/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Reading JSON: what is read is what stands there, or nothing, also where memory is short. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/load.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_ASAN 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define WITH_ASAN 1
#endif

#if defined(__GLIBC__) && !defined(WITH_ASAN)
#define REFUSES 1
void *__libc_malloc(size_t n);

/* The n-th request for memory from now on is refused, and no other one. It stands before the C library's for jansson, too. */
static size_t refused;

__attribute__((visibility("default"))) void *malloc(size_t n)
{
    if (refused > 0 && --refused == 0) {
        errno = ENOMEM;
        return NULL;
    }
    return __libc_malloc(n);
}

/* Not under valgrind, whose malloc stands before ours. */
static bool refuses(void)
{
    refused = 1;
    json_t *value = json_object();
    bool none = !value;
    refused = 0;
    json_decref(value);
    return none;
}
#endif

static const struct {
    const char *text;
    size_t flags;
    const char *means; /* in its compact form; NULL: it is no JSON */
} cases[] = {
    {"{\"a\":\"b\",\"c\":[1,2,{}]}", 0, "{\"a\":\"b\",\"c\":[1,2,{}]}"},
    {" {\n\t\"a\" : \"b  c\" ,\r\n \"d\" : null }\n", 0, "{\"a\":\"b  c\",\"d\":null}"},
    {"{\"a\":\"\\u00e9\\/\\\"x\\\\\",\"b\":\"y\"}", 0, "{\"a\":\"\xc3\xa9/\\\"x\\\\\",\"b\":\"y\"}"},
    {"{\"a\":\"x\\\\\" , \"b\":\" \\\" \"}", 0, "{\"a\":\"x\\\\\",\"b\":\" \\\" \"}"},
    {"[1.50,2e3,-0.25]", 0, "[1.5,2000.0,-0.25]"},
    {"{\"a\":1,\"a\":2}", 0, "{\"a\":2}"},
    {"{\"a\":1} and more", JSON_DISABLE_EOF_CHECK, "{\"a\":1}"},
    {"{\"a\":1} and more", 0, NULL},
    {"{\"a\":\"b", 0, NULL},
    {"", 0, NULL},
};

static void reads(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        json_error_t wrong;
        json_t *value = carom_json_load(carom_str(cases[i].text), cases[i].flags, &wrong);
        char *means = carom_json_dump(value);
        if (!cases[i].means && (value || carom_json_starved(&wrong)))
            fail_msg("%s: got %s, want no JSON", cases[i].text, means ? means : "no memory");
        if (cases[i].means && (!means || strcmp(means, cases[i].means) != 0))
            fail_msg("%s: got %s, want %s", cases[i].text, means ? means : "nothing", cases[i].means);
        free(means);
        json_decref(value);
    }
}

/* Each request for memory is refused once: then nothing is read, and it says why, or all is. */
static void loses_nothing(void **state)
{
    (void)state;
#ifndef REFUSES
    skip();
#else
    static const char text[] = "{\"Message\": \"a text of more bytes than fit in the reader's first buffer, and its second\","
                               " \"a key that is as long as a key can be in the JSON of some provider\": [12345678901234567,"
                               " \"and another text, still longer than the first one was, so that it grows again: "
                               "0123456789 0123456789 0123456789 0123456789 0123456789 0123456789\"]}";
    if (!refuses())
        skip();
    json_t *all = carom_json_load(carom_str(text), 0, NULL);
    size_t starved = 0;
    assert_non_null(all);
    for (size_t n = 1;; n++) {
        json_error_t wrong;
        refused = n;
        json_t *value = carom_json_load(carom_str(text), 0, &wrong);
        bool done = refused > 0;
        refused = 0;
        if (value && !json_equal(value, all))
            fail_msg("request %zu for memory was refused: got another value, want all of it or nothing", n);
        if (!value && !carom_json_starved(&wrong))
            fail_msg("request %zu for memory was refused: got \"%s\", want that memory is short", n, wrong.text);
        starved += !value;
        json_decref(value);
        if (done)
            break;
    }
    assert_true(starved > 10);
    json_decref(all);
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(reads), cmocka_unit_test(loses_nothing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
