/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Tokens: what they say, what becomes of them on the way, and that nothing but what we signed is valid. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/error.h"
#include "bounce/return_path.h"
#include "bounce/verp.h"
#include "mail/address.h"

enum { DAY = 86400 };
static const int64_t now = INT64_C(1774000000); /* 2026-03-20 */

static struct carom_arena *arena;
static struct carom_verp_key keys[2];
static struct carom_verp verp;

static int begin(void **state)
{
    (void)state;
    arena = carom_arena_new();
    carom_verp_key_set(&keys[0], 1, 0, CAROM_STR("first secret of sixteen bytes"));
    carom_verp_key_set(&keys[1], 2, now + 10 * DAY, CAROM_STR("second secret of sixteen bytes"));
    verp = (struct carom_verp){
        .domain = CAROM_STR("b.example.org"), .prefix = CAROM_STR_EMPTY, .max_age = 30 * DAY, .keys = keys, .n = 2};
    return arena ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    carom_arena_free(arena);
    return 0;
}

static struct carom_verp_subject subject(const char *list, const char *id, const char *recipient)
{
    return (struct carom_verp_subject){carom_str(list), carom_str(id), carom_str(recipient)};
}

static struct carom_str sign_at(struct carom_verp_subject about, int64_t at)
{
    struct carom_error err = {0};
    struct carom_str path = carom_verp_sign(arena, &verp, CAROM_VERP_PATH, &about, at, &err);

    if (!path.len)
        fail_msg("%s", err.text);
    return path;
}

static struct carom_verp_token read_path(struct carom_str path)
{
    struct carom_verp_token token;

    if (!carom_verp_read(arena, &verp, CAROM_VERP_PATH, path, &token))
        fail_msg("not read: %.*s", CAROM_STR_ARG(path));
    return token;
}

static enum carom_verp_verdict check_at(const struct carom_verp_token *token, struct carom_verp_subject about,
                                        int64_t at)
{
    return carom_verp_check(arena, &verp, CAROM_VERP_PATH, token, &about, at);
}

/* What is printed on mail today must be valid tomorrow: these texts never change. */
static void is_the_same_for_ever(void **state)
{
    static const struct {
        const char *list, *id, *recipient, *want;
    } cases[] = {
        {"7", "12345", "", "bubuzdyfaqhpzky46atu-7=.12345@b.example.org"},
        {"7", "", "jane@example.net", "bubufkimsfhkcim4rfv2-7=.jane==example.net@b.example.org"},
        {"7", "12345", "jane@example.net", "bubui7osiohtcv5dzva6-7=.12345=.jane==example.net@b.example.org"},
        {"", "", "J.O_e+x@Example.NET", "bubuhmdne7oxbn5knvfk-=.j.o=5fe=2bx==example.net@b.example.org"},
        {"dev.lists.example.org", "", "somebody.with.a.long.name@mail.example.net",
         "buburn3fwtyqdyevipfb-sfmbbu65wnmuy@b.example.org"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct carom_str got = sign_at(subject(cases[i].list, cases[i].id, cases[i].recipient), now);
        if (!carom_str_eq(got, carom_str(cases[i].want)))
            fail_msg("case %zu: got %.*s, want %s", i, CAROM_STR_ARG(got), cases[i].want);
    }
}

static void says_what_was_signed(void **state)
{
    static const char *const cases[][3] = {
        {"7", "12345", ""},
        {"", "12345", ""},
        {"7", "AbC_9==.x", ""},
        {"news.example.org", "", "a@b.example"},
        {"", "", "o'neil+tag@x.example"},
        {"7", "m.1", "\"a b\"@x.example"},
        {"a..b.", ".1.", "a@b.example"},
        {"7", "", "j\xc3\xb6rg@b\xc3\xbc.example"},
        {"", "", "a=b@c.example"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct carom_verp_subject about = subject(cases[i][0], cases[i][1], cases[i][2]);
        struct carom_str path = sign_at(about, now);
        struct carom_verp_token token = read_path(path);

        assert_true(carom_str_rchr(path, '@') <= CAROM_VERP_LOCAL_MAX);
        for (size_t k = 0; k < carom_str_rchr(path, '@'); k++)
            assert_non_null(strchr("abcdefghijklmnopqrstuvwxyz0123456789=.-", path.ptr[k]));
        assert_true(carom_str_find(path, CAROM_STR("..")) == SIZE_MAX &&
                    carom_str_find(path, CAROM_STR(".@")) == SIZE_MAX);
        assert_true(carom_str_eq(token.says.list, about.list));
        assert_true(carom_str_eq(token.says.id, about.id));
        assert_true(carom_str_eq(token.says.recipient, about.recipient));
        assert_int_equal(check_at(&token, token.says, now), CAROM_VERP_VALID);
        assert_int_equal(token.day, now / DAY * DAY);
    }
}

/* Longer than 64 bytes: the address goes first, and is still signed; then a reference is left. */
static void keeps_within_64_bytes(void **state)
{
    char local[65];
    (void)state;

    memset(local, 'x', sizeof local);
    for (int n = 1; n <= 64; n++) {
        char *recipient = (char *)carom_arena_printf(arena, "%.*s@a-rather-long-domain.example", n, local).ptr;
        struct carom_verp_subject with_id = subject("7", "12345", recipient), without = subject("7", "", recipient);
        struct carom_str path = sign_at(with_id, now);
        struct carom_verp_token token = read_path(path);

        assert_true(carom_str_rchr(path, '@') <= 64);
        assert_true(carom_str_eq(token.says.id, with_id.id));
        assert_int_equal(token.says.recipient.len > 0, n <= 3);
        assert_int_equal(check_at(&token, with_id, now), CAROM_VERP_VALID);
        with_id.recipient = CAROM_STR("victim@a-rather-long-domain.example");
        assert_int_equal(check_at(&token, with_id, now), CAROM_VERP_FORGED);

        token = read_path(sign_at(without, now));
        assert_int_equal(token.refers, n > 10);
        if (token.refers)
            assert_true(token.reference == carom_verp_reference(arena, without.list, without.recipient));
        assert_int_equal(check_at(&token, without, now), CAROM_VERP_VALID);
    }
    struct carom_verp_subject about = subject("a-list-with-a-name-that-nobody-can-keep.example.org", "12345", "");
    struct carom_error err;
    assert_int_equal(carom_verp_sign(arena, &verp, CAROM_VERP_PATH, &about, now, &err).len, 0);
    assert_string_equal(err.text,
                        "verp: list and id are too long for a local part of 64 bytes: give the recipient too");
    about = subject("7", "", "");
    assert_int_equal(carom_verp_sign(arena, &verp, CAROM_VERP_PATH, &about, now, &err).len, 0);
}

static bool is_valid(struct carom_str path)
{
    struct carom_verp_token token;

    if (!carom_verp_read(arena, &verp, CAROM_VERP_PATH, path, &token))
        return false;
    if (token.refers) { /* as a ledger that knows one subscriber does */
        token.says = subject("7", "", "somebody.with.a.long.name@mail.example.net");
        if (token.reference != carom_verp_reference(arena, token.says.list, token.says.recipient))
            return false;
    }
    return check_at(&token, token.says, now) == CAROM_VERP_VALID;
}

static void notices_every_changed_byte(void **state)
{
    const struct carom_str paths[] = {sign_at(subject("7", "12345", ""), now),
                                      sign_at(subject("7", "", "jane@example.net"), now),
                                      sign_at(subject("7", "", "somebody.with.a.long.name@mail.example.net"), now)};
    (void)state;

    for (size_t p = 0; p < sizeof paths / sizeof *paths; p++) {
        assert_true(is_valid(paths[p]));
        for (size_t i = 0; i < paths[p].len; i++) {
            for (int c = 1; c < 256; c++) {
                char *changed = (char *)carom_arena_str(arena, paths[p]).ptr;
                changed[i] = (char)c;
                if (carom_lower(changed[i]) != carom_lower(paths[p].ptr[i]) && is_valid(carom_str(changed)))
                    fail_msg("byte %zu may be %02x: %s", i, (unsigned)c, changed);
            }
        }
        for (size_t i = 1; i < paths[p].len; i++) { /* one lost, one doubled */
            assert_false(is_valid(carom_arena_printf(arena, "%.*s%s", (int)i - 1, paths[p].ptr, paths[p].ptr + i)));
            assert_false(is_valid(carom_arena_printf(arena, "%.*s%s", (int)i, paths[p].ptr, paths[p].ptr + i - 1)));
        }
    }
}

/* The same subject in other escapes would be another token, and count again. */
static void takes_one_spelling(void **state)
{
    struct carom_str path = sign_at(subject("7", "abc", ""), now);
    (void)state;

    assert_true(is_valid(path));
    assert_false(is_valid(carom_arena_printf(arena, "%.*s-7=.=61bc@b.example.org", 20, path.ptr)));
    assert_false(is_valid(carom_arena_printf(arena, "%.*s-=37=.abc@b.example.org", 20, path.ptr)));
}

static void outlives_the_way(void **state)
{
    struct carom_str path = sign_at(subject("7", "", "jane@example.net"), now);
    struct carom_str local = carom_str_head(path, carom_str_rchr(path, '@'));
    const struct carom_str ways[] = {
        path,
        carom_arena_printf(arena, "\"%.*s\"@B.Example.Org", CAROM_STR_ARG(local)),
        carom_arena_printf(arena, "SRS0=aB3d=7Q=b.example.org=%.*s@fwd.example", CAROM_STR_ARG(local)),
        carom_arena_printf(arena, "SRS1=HHHH=fwd.example==aB3d=7Q=b.example.org=%.*s@two.example",
                           CAROM_STR_ARG(local)),
        carom_arena_printf(arena, "srs0-ab3d=7q=b.example.org=%.*s@fwd.example", CAROM_STR_ARG(local)),
        carom_arena_printf(arena, "prvs=3182ab34cd=%.*s@b.example.org", CAROM_STR_ARG(local)),
        carom_arena_printf(arena, "jane+SRS=x1Y2z=AB=b.example.org=%.*s@contoso.example", CAROM_STR_ARG(local)),
    };
    (void)state;

    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        for (int upper = 0; upper < 2; upper++) {
            struct carom_return_path unwrapped;
            char *address = (char *)carom_arena_str(arena, ways[i]).ptr;
            for (char *c = address; upper && *c; c++)
                *c = *c >= 'a' && *c <= 'z' ? (char)(*c - 32) : *c;
            carom_return_path_read(arena, carom_address_first(arena, carom_str(address)), NULL, &unwrapped);
            if (!is_valid(unwrapped.address))
                fail_msg("lost: %s became %.*s", address, CAROM_STR_ARG(unwrapped.address));
            assert_true(carom_str_eq(read_path(unwrapped.address).text, local));
        }
    }
}

static void has_a_prefix(void **state)
{
    (void)state;
    verp.prefix = CAROM_STR("bounces+");
    struct carom_str path = sign_at(subject("7", "", "jane@example.net"), now);
    assert_true(carom_str_starts(path, CAROM_STR("bounces+")));
    assert_true(is_valid(path));
    ((char *)(uintptr_t)path.ptr)[7] = '-'; /* as servers with the other delimiter make it */
    assert_true(is_valid(path));
    assert_false(is_valid(carom_str_from(path, 8)));
    for (int n = 1; n <= 60; n++)
        assert_true(
            carom_str_rchr(sign_at(subject("7", "", carom_arena_printf(arena, "%0*d@x.example", n, 1).ptr), now),
                           '@') <= 64);
}

static void belongs_to_one_domain_list_and_person(void **state)
{
    struct carom_str path = sign_at(subject("7", "12345", "jane@example.net"), now);
    struct carom_verp_token token = read_path(path);
    (void)state;

    assert_int_equal(check_at(&token, subject("7", "12345", "JANE@Example.NET"), now), CAROM_VERP_VALID);
    assert_int_equal(check_at(&token, subject("7", "12345", "joan@example.net"), now), CAROM_VERP_FORGED);
    assert_int_equal(check_at(&token, subject("8", "12345", "jane@example.net"), now), CAROM_VERP_FORGED);
    assert_int_equal(check_at(&token, subject("7", "12346", "jane@example.net"), now), CAROM_VERP_FORGED);
    assert_int_equal(check_at(&token, subject("71", "2345", "jane@example.net"), now), CAROM_VERP_FORGED);
    verp.domain = CAROM_STR("c.example.org");
    assert_false(carom_verp_read(arena, &verp, CAROM_VERP_PATH, path, &token));
    token.key = 1;
    assert_int_equal(check_at(&token, token.says, now), CAROM_VERP_FORGED);
}

/* What stands in a header, everybody in an archive can read. */
static void keeps_headers_apart(void **state)
{
    struct carom_verp_subject about = subject("7", "", "jane@example.net");
    struct carom_str header = carom_verp_sign(arena, &verp, CAROM_VERP_HEADER, &about, now, NULL);
    struct carom_verp_token token;
    (void)state;

    assert_true(carom_verp_read(arena, &verp, CAROM_VERP_HEADER, header, &token));
    assert_int_equal(carom_verp_check(arena, &verp, CAROM_VERP_HEADER, &token, &token.says, now), CAROM_VERP_VALID);
    assert_int_equal(check_at(&token, token.says, now), CAROM_VERP_FORGED);
    token = read_path(sign_at(about, now));
    assert_int_equal(carom_verp_check(arena, &verp, CAROM_VERP_HEADER, &token, &token.says, now), CAROM_VERP_FORGED);
    about = subject("a-list-with-a-name-that-nobody-can-keep.example.org", "12345",
                    "somebody.with.a.long.name@mail.example.net");
    header = carom_verp_sign(arena, &verp, CAROM_VERP_HEADER, &about, now, NULL);
    assert_true(carom_verp_read(arena, &verp, CAROM_VERP_HEADER, header, &token));
    assert_true(carom_str_eq(token.says.recipient, about.recipient) && carom_str_eq(token.says.id, about.id));
}

static void expires(void **state)
{
    struct carom_verp_subject about = subject("7", "", "jane@example.net");
    struct carom_verp_token token = read_path(sign_at(about, now));
    (void)state;

    assert_int_equal(check_at(&token, about, now + 30 * DAY), CAROM_VERP_VALID);
    assert_int_equal(check_at(&token, about, now + 32 * DAY), CAROM_VERP_EXPIRED);
    assert_int_equal(check_at(&token, about, now - 3 * DAY), CAROM_VERP_EXPIRED);
}

static void rotates(void **state)
{
    struct carom_verp_subject about = subject("7", "", "jane@example.net");
    struct carom_verp_token old = read_path(sign_at(about, now)), new = read_path(sign_at(about, now + 11 * DAY));
    struct carom_error err;
    (void)state;

    assert_int_equal(old.key, 1);
    assert_int_equal(new.key, 2);
    assert_int_equal(check_at(&old, about, now + 11 * DAY), CAROM_VERP_VALID);
    assert_int_equal(check_at(&new, about, now + 11 * DAY), CAROM_VERP_VALID);
    verp.keys = keys + 1; /* the first one is gone */
    verp.n = 1;
    assert_int_equal(check_at(&old, about, now + 11 * DAY), CAROM_VERP_NO_KEY);
    old.key = 2; /* and the other did not sign it */
    assert_int_equal(check_at(&old, about, now + 11 * DAY), CAROM_VERP_FORGED);
    assert_int_equal(carom_verp_sign(arena, &verp, CAROM_VERP_PATH, &about, now, &err).len, 0);
    assert_string_equal(err.text, "verp: no key signs yet: all of them have a `since` in the future");
}

/* Random bytes, and random damage to what is valid: never valid, never a crash, and what is read is canonical. */
static void survives_anything(void **state)
{
    struct carom_str good = sign_at(subject("7", "", "jane@example.net"), now);
    unsigned seed = 4711;
    (void)state;

    for (int round = 0; round < 200000; round++) {
        char bytes[160];
        size_t n;
        if (round % 2) {
            n = (size_t)rand_r(&seed) % sizeof bytes;
            for (size_t i = 0; i < n; i++)
                bytes[i] = (char)rand_r(&seed);
        } else {
            memcpy(bytes, good.ptr, n = good.len);
            for (int k = 0; k < 1 + round % 5; k++)
                bytes[(size_t)rand_r(&seed) % n] = "=.-@a2+\"\\ 0f"[rand_r(&seed) % 12];
        }
        struct carom_arena *scratch = arena;
        struct carom_str text = carom_str_n(bytes, n);
        if (is_valid(text) && !carom_str_ieq(text, good))
            fail_msg("valid: %.*s", CAROM_STR_ARG(text));
        struct carom_verp_token token;
        carom_verp_read(scratch, &verp, CAROM_VERP_HEADER, text, &token);
        if (round % 1000 == 0) {
            carom_arena_reset(arena);
            good = sign_at(subject("7", "", "jane@example.net"), now);
        }
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(is_the_same_for_ever),
        TEST(says_what_was_signed),
        TEST(keeps_within_64_bytes),
        TEST(notices_every_changed_byte),
        TEST(takes_one_spelling),
        TEST(outlives_the_way),
        TEST(has_a_prefix),
        TEST(belongs_to_one_domain_list_and_person),
        TEST(keeps_headers_apart),
        TEST(expires),
        TEST(rotates),
        TEST(survives_anything),
    };
    return cmocka_run_group_tests_name("verp", tests, NULL, NULL);
}
