/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Made-up facts: what follows from what is stated, and what is refused. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/str.h"
#include "classify/made.h"

static const int64_t now = 1772366400; /* 2026-03-01T12:00:00Z */
enum { MAX = 8 };

static struct carom_arena *arena;

static int begin(void **state)
{
    (void)state;
    arena = carom_arena_new();
    return arena ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    carom_arena_free(arena);
    return 0;
}

/* "kind=permanent|recipient=a@example.com" */
static int make_nth(const char *text, uint64_t serial, struct carom_fact *fact_r, struct carom_error *err)
{
    struct carom_made_field fields[MAX];
    struct carom_str rest = carom_str(text);
    size_t n = 0;

    while (rest.len > 0) {
        size_t bar = carom_str_chr(rest, '|');
        struct carom_str pair = carom_str_head(rest, bar == SIZE_MAX ? rest.len : bar);
        size_t equals = carom_str_chr(pair, '=');
        assert_true(n < MAX && equals != SIZE_MAX);
        fields[n++] = (struct carom_made_field){carom_str_head(pair, equals), carom_str_from(pair, equals + 1)};
        rest = carom_str_from(rest, bar == SIZE_MAX ? rest.len : bar + 1);
    }
    return carom_fact_made(arena, fields, n, serial, NULL, now, fact_r, err);
}

static int make(const char *text, struct carom_fact *fact_r, struct carom_error *err)
{
    return make_nth(text, 1, fact_r, err);
}

/* The values of the fields named in want, in its order: "kind=permanent|hard=true". */
static void check(const char *stated, const char *want)
{
    struct carom_fact fact;
    struct carom_error err = {0};
    struct carom_str rest = carom_str(want);

    if (make(stated, &fact, &err) != 0)
        fail_msg("%s: got an error: %s", stated, err.text);
    while (rest.len > 0) {
        size_t bar = carom_str_chr(rest, '|');
        struct carom_str pair = carom_str_head(rest, bar == SIZE_MAX ? rest.len : bar);
        size_t equals = carom_str_chr(pair, '='), dot = carom_str_chr(pair, '.');
        struct carom_str name = carom_str_head(pair, equals), group = CAROM_STR_EMPTY;
        if (dot < equals) {
            group = carom_str_head(name, dot);
            name = carom_str_from(name, dot + 1);
        }
        const struct carom_field *field = carom_field_find(group, name);
        assert_non_null(field);
        struct carom_str got = carom_field_text(arena, field, &fact);
        if (!carom_str_eq(got, carom_str_from(pair, equals + 1)))
            fail_msg("%s: got " CAROM_STR_FMT "=" CAROM_STR_FMT ", want " CAROM_STR_FMT, stated,
                     CAROM_STR_ARG(carom_str_head(pair, equals)), CAROM_STR_ARG(got), CAROM_STR_ARG(pair));
        rest = carom_str_from(rest, bar == SIZE_MAX ? rest.len : bar + 1);
    }
}

static void test_derived(void **state)
{
    static const struct {
        const char *stated, *want;
    } cases[] = {
        {"kind=permanent|reason=user_unknown|recipient=Anna@EXAMPLE.com",
         "hard=true|fault=recipient|recipient=Anna@example.com|confidence=high|authenticity=unproven|status=|"
         "time=2026-03-01T12:00:00Z|received=2026-03-01T12:00:00Z|format=made|list=|list_by=|evidence.rule=made up"},
        {"reason=user_unknown", "kind=permanent|hard=true|recipient="},
        {"reason=mailbox_full", "kind=permanent|hard=false|fault=recipient"},
        {"reason=greylisted", "kind=transient|fault=rate"},
        {"kind=transient|reason=user_unknown", "hard=false"},
        {"kind=permanent", "reason=unknown|fault=unknown|hard=false"},
        {"kind=complaint|list=news.example.org", "reason=|fault=|hard=false|list_by=caller|evidence.rule="},
        {"kind=other", "confidence=|kind=other"},
        {"diagnostic=550 5.1.1 <a@example.com>: User unknown|recipient=a@example.com",
         "kind=permanent|reason=user_unknown|hard=true|reply_code=550|status=5.1.1"},
        {"diagnostic=450 4.2.1 try later", "kind=transient|reply_code=450"},
        {"diagnostic=550 5.1.1 User unknown|kind=transient|reason=greylisted",
         "kind=transient|reason=greylisted|fault=rate|status=5.1.1|evidence.rule=made up|confidence=high"},
        {"reply_code=552|status=5.2.2", "kind=permanent|reason=mailbox_full|reply_code=552|status=5.2.2"},
        {"action=delayed|diagnostic=451 4.4.1 connection timed out", "kind=delayed"},
        {"reason=blocked|remote_mta=gmail-smtp-in.l.google.com", "provider=google"},
        {"reason=blocked|recipient=a@gmail.com", "provider=google"},
        {"reason=blocked|recipient=a@gmail.com|provider=yahoo", "provider=yahoo"},
        {"kind=transient|time=2026-02-01T00:00:00Z", "received=2026-02-01T00:00:00Z"},
        {"kind=transient|received=2026-02-02T00:00:00Z", "time=2026-02-02T00:00:00Z"},
        {"kind=transient|time=2026-02-01T00:00:00Z|received=2026-02-02T00:00:00Z", "time=2026-02-01T00:00:00Z"},
        {"kind=autoreply|autoreply.type=left|autoreply.new_address=b@example.com", "autoreply.type=left"},
        {"reason=blocked|confidence=low|authenticity=signed", "confidence=low|authenticity=signed"},
        {"kind=transient|recipient=a@example.com|original.message_id=<1@example.com>",
         "delivery=<1@example.com> a@example.com"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check(cases[i].stated, cases[i].want);
}

static void test_refused(void **state)
{
    static const struct {
        const char *stated, *want;
    } cases[] = {
        {"kind=permanent|recipent=a@example.com", "\"recipent\" is no field of a fact; did you mean \"recipient\"?"},
        {"kind=permanent|code=550", "\"code\" is no field of a fact; did you mean \"reply_code\"?"},
        {"kind=permanent|original.subjct=x", "\"original.subjct\" is no field of a fact; did you mean \"original.subject\"?"},
        {"kind=permanant", "\"permanant\" is no kind; did you mean \"permanent\"?"},
        {"reason=mailbox_ful", "\"mailbox_ful\" is no reason; did you mean \"mailbox_full\"?"},
        {"reason=blocked|authenticity=sined", "\"sined\" is no authenticity; did you mean \"signed\"?"},
        {"reason=blocked|hard=true", "hard cannot be stated: it follows from kind and reason"},
        {"reason=blocked|fault=sender", "fault cannot be stated: it follows from kind and reason"},
        {"reason=blocked|reply_code=5.7.1", "reply_code: \"5.7.1\" is not a whole number"},
        {"reason=blocked|reply_code=99999999999", "reply_code: \"99999999999\" is not a whole number"},
        {"reason=blocked|time=yesterday", "time: \"yesterday\" is not a time, such as 2026-03-01T12:00:00Z"},
        {"reason=blocked|truncated=yes", "truncated: \"yes\" is not true or false"},
        {"reason=blocked|recipient=anna", "recipient: \"anna\" is no address"},
        {"recipient=a@example.com", "a made-up fact needs at least a kind, a reason or a diagnostic"},
        {"kind=complaint|reason=blocked", "kind complaint has no reason: only permanent, transient and delayed have one"},
        {"reason=blocked|time=2026-03-02T00:00:00Z", "time or received lies in the future: the clock says 2026-03-01T12:00:00Z"},
        {"reason=blocked|time=2026-02-02T00:00:00Z|received=2026-02-01T00:00:00Z",
         "time lies after received: a bounce cannot come before what it tells of"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct carom_fact fact;
        struct carom_error err = {0};
        assert_int_equal(make(cases[i].stated, &fact, &err), -1);
        if (strcmp(err.text, cases[i].want) != 0)
            fail_msg("%s: got \"%s\", want \"%s\"", cases[i].stated, err.text, cases[i].want);
    }
}

/* The same fields are the same bounce; another serial, or another field, is another one. */
static void test_identity(void **state)
{
    struct carom_fact one, same, next, other;

    (void)state;
    assert_int_equal(make("reason=blocked|recipient=a@example.com", &one, NULL), 0);
    assert_int_equal(make("recipient=a@example.com|reason=blocked", &same, NULL), 0);
    assert_int_equal(make_nth("reason=blocked|recipient=a@example.com", 2, &next, NULL), 0);
    assert_int_equal(make("reason=blocked|recipient=a@example.com|subject=x", &other, NULL), 0);
    assert_true(one.id.len == 32 && carom_str_eq(one.id, same.id));
    assert_false(carom_str_eq(one.id, next.id));
    struct carom_made_field fields[] = {{CAROM_STR("reason"), CAROM_STR("blocked")},
                                        {CAROM_STR("recipient"), CAROM_STR("a@example.com")}};
    assert_int_equal(carom_fact_made(arena, fields, 2, 1, NULL, now + 86400, &next, NULL), 0);
    assert_true(carom_str_eq(one.id, next.id));
    assert_false(carom_str_eq(one.id, other.id));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_derived, begin, end),
        cmocka_unit_test_setup_teardown(test_refused, begin, end),
        cmocka_unit_test_setup_teardown(test_identity, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
