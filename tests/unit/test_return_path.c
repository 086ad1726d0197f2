/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Return paths: which list, which recipient, what kind of mail, and what is none. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/str.h"
#include "bounce/return_path.h"
#include "bounce/tables.h"
#include "mail/address.h"

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

static void check(const char *address, const char *what, struct carom_str got, const char *want)
{
    if (!carom_str_eq(got, carom_str(want)))
        fail_msg("%s: %s: got \"%.*s\", want \"%s\"", address, what, CAROM_STR_ARG(got), want);
}

struct path_case {
    const char *address, *system, *type, *list, *recipient;
};

#define JANE "jane@example.net"
#define LIST "news.lists.example.org"
static const struct path_case paths[] = {
    /* Mailman 2.1 and 3 */
    {"news-bounces+jane=example.net@lists.example.org", "mailman", "bounce", LIST, JANE},
    {"News-Bounces+Jane=Example.NET@Lists.Example.ORG", "mailman", "bounce", LIST, "Jane@example.net"},
    {"news-bounces-jane=example.net@lists.example.org", "mailman", "bounce", LIST, JANE},
    {"news-bounces+jane+tag=example.net@lists.example.org", "mailman", "bounce", LIST, "jane+tag@example.net"},
    {"news-bounces+jane=doe=example.net@lists.example.org", "mailman", "bounce", LIST, "jane=doe@example.net"},
    {"\"news-bounces+jane=example.net\"@lists.example.org", "mailman", "bounce", LIST, JANE},
    {"news-bounces%2Bjane%3Dexample.net@lists.example.org", "mailman", "bounce", LIST, JANE},
    {"my.dev-list-bounces+jane=sub.example.net@example.org", "mailman", "bounce", "my.dev-list.example.org",
     "jane@sub.example.net"},
    {"x-bounces-bounces+jane=example.net@example.org", "mailman", "bounce", "x-bounces.example.org", JANE},
    {"news-bounces+0123456789abcdef0123456789abcdef01234567@lists.example.org", "mailman", "probe", LIST, ""},
    {"news-confirm+0123456789abcdef0123456789abcdef01234567@lists.example.org", "mailman", "confirm", LIST, ""},
    {"news-bounces@lists.example.org", "mailman", "bounce", LIST, ""},
    {"news-owner@lists.example.org", "mailman", "owner", LIST, ""},
    /* mlmmj */
    {"news+bounces-42-jane=example.net@lists.example.org", "mlmmj", "bounce", LIST, JANE},
    {"news-bounces-42-jane=example.net@lists.example.org", "mlmmj", "bounce", LIST, JANE},
    {"news+bounces-42-jane-doe=example.net@lists.example.org", "mlmmj", "bounce", LIST, "jane-doe@example.net"},
    {"news+bounces-probe-jane=example.net@lists.example.org", "mlmmj", "probe", LIST, JANE},
    {"news+bounces-confsub-1a2b3c4d5e6f7a8b-jane=example.net@lists.example.org", "mlmmj", "confirm", LIST, JANE},
    {"news+bounces-confsub-digest-1a2b3c4d5e6f7a8b-jane=example.net@lists.example.org", "mlmmj", "confirm", LIST, JANE},
    {"news+bounces-confunsub-1a2b3c4d5e6f7a8b-jane=example.net@lists.example.org", "mlmmj", "confirm", LIST, JANE},
    {"news+bounces-confunsub-nomail-1a2b-jane=example.net@lists.example.org", "mlmmj", "confirm", LIST, JANE},
    {"news+bounces-help@lists.example.org", "mlmmj", "notice", LIST, ""},
    {"bounces+news=lists.example.org-bounces-42-jane=example.net@example.com", "mlmmj", "bounce", LIST, JANE},
    {"bounces+news-bounces-42-jane=example.net@lists.example.org", "mlmmj", "bounce", LIST, JANE},
    /* Sympa */
    {"bounce+jane==a==example.net==news@lists.example.org", "sympa", "bounce", LIST, JANE},
    {"bounce+jane=x==a==example.net==news@lists.example.org", "sympa", "bounce", LIST, "jane=x@example.net"},
    {"bounce+jane==a==example.net==news==4711@lists.example.org", "sympa", "bounce", LIST, JANE},
    {"bounce+jane==a==example.net==news==w@lists.example.org", "sympa", "probe", LIST, JANE},
    {"bounce+jane==a==example.net==news==r@lists.example.org", "sympa", "probe", LIST, JANE},
    {"retours+jane==a==example.net==news@lists.example.org", "sympa", "bounce", LIST, JANE},
    /* ezmlm, qmail */
    {"news-return-17-jane=example.net@lists.example.org", "ezmlm", "bounce", LIST, JANE},
    {"news-return-17.abcdefghijklmnop-jane=example.net@lists.example.org", "ezmlm", "bounce", LIST, JANE},
    {"tax-return-tips-return-17-jane=example.net@example.org", "ezmlm", "bounce", "tax-return-tips.example.org", JANE},
    {"news-return-17-@lists.example.org-@[]", "ezmlm", "bounce", LIST, ""},
    {"news-return-17-@lists.my-example.org-@[]", "ezmlm", "bounce", "news.lists.my-example.org", ""},
    {"news-return-17@lists.example.org", "ezmlm", "bounce", LIST, ""},
    {"news-return-warn-1767323045.abcdefghijklmnop-jane=example.net@lists.example.org", "ezmlm", "notice", LIST, JANE},
    {"news-return-probe-abcdefghijklmnop-jane=example.net@lists.example.org", "ezmlm", "probe", LIST, JANE},
    {"news-return@lists.example.org", "ezmlm", "bounce", LIST, ""},
    /* Aliases, Majordomo, LISTSERV, Postfix, Exim */
    {"owner-news+jane=example.net@lists.example.org", "postfix", "bounce", LIST, JANE},
    {"news-owner+jane=example.net@lists.example.org", "postfix", "bounce", LIST, JANE},
    {"owner-news@lists.example.org", "majordomo", "owner", LIST, ""},
    {"news-owner+M0123abcd@lists.example.org", "majordomo", "bounce", LIST, ""},
    {"news-owner+S7@lists.example.org", "majordomo", "confirm", LIST, ""},
    {"owner-NEWS*jane**EXAMPLE*-NET@lists.example.org", "listserv", "bounce", LIST, ""},
    {"bounce-news+jane=example.net@lists.example.org", "exim", "bounce", LIST, JANE},
    {"news+bncBAABBAABAABBAA@googlegroups.com", "googlegroups", "bounce", "news.googlegroups.com", ""},
    {"sentto-123-456-1767323045-jane=example.net@returns.groups.yahoo.com", "yahoogroups", "bounce", "", JANE},
    /* Services */
    {"bounces+61689-10be-jane=example.net@em12.example.org", "sendgrid", "bounce", "", JANE},
    {"bounce+5bf15d.bfe0a-jane=example.net@mg.example.org", "mailgun", "bounce", "", JANE},
    {"bounce-mc.us1_12345.67890-jane=example.net@mail7.atl11.rsgsv.net", "mailchimp", "bounce", "", JANE},
    {"bounce-md_30850.5a1b.v1-0123456789abcdef@mandrillapp.com", "mandrill", "bounce", "", ""},
    {"1axb2c-7xyz-jane=example.net@bf07.hubspotemail.net", "hubspot", "bounce", "", JANE},
    {"a1b2c3.d4e5=jane=example.net@bnc3.mailjet.com", "mailjet", "bounce", "", JANE},
    {"bounces-123456-jane=example.net@mail.example.org", "brevo", "bounce", "", JANE},
    {"bounce-87_HTML-12345-678-90-1@bounce.s7.exacttarget.com", "exacttarget", "bounce", "", ""},
    {"bounce-123-4567@lists.example.org", "lyris", "bounce", "", ""},
    {"b.12.345.0123456789abcdef@example.org", "civicrm", "bounce", "", ""},
    {"office+bounce_5a1b2c3d4e@example.org", "mautic", "bounce", "", ""},
    {"replies+verp-0123456789abcdef0123456789abcdef@example.org", "discourse", "bounce", "", ""},
    {"0100015700e7be00-0a1b2c3d-0a1b-0a1b-0a1b-0a1b2c3d4e5f-000000@us-west-2.amazonses.com", "amazonses", "bounce", "", ""},
    {"0100015700e7be00-0a1b2c3d-0a1b-0a1b-0a1b-0a1b2c3d4e5f-000000@mail.example.org", "amazonses", "bounce", "", ""},
    {"pm_bounces@pm.mtasv.net", "postmark", "bounce", "", ""},
    {"bounce-md_30850.5a1b.v1-0123456789abcdef0123456789abcdef@mail.example.org", "mandrill", "bounce", "", ""},
    {"Aabcdefghijk==_1101234567890_abcd==@in.constantcontact.com", "constantcontact", "bounce", "", ""},
    {"suite5-12345-67@xpressus.emarsys.net", "emarsys", "bounce", "", ""},
    {"a1b2c3.d4e5=jane=example.net@bounces.example.org", "mailjet", "bounce", "", JANE},
    {"jane+caf_=archive=example.org@gmail.com", "gmail", "bounce", "", "jane@gmail.com"},
    /* Wrapped */
    {"tag1==val2==news-bounces+jane=example.net@lists.example.org", "mailman", "bounce", LIST, JANE},
    {"prvs=3182ab34cd=news-owner@lists.example.org", "mailman", "owner", LIST, ""},
    {"prvs=news-owner/3182ab34cd@lists.example.org", "mailman", "owner", LIST, ""},
    {"news-owner=prvs=3182ab34cd@lists.example.org", "mailman", "owner", LIST, ""},
    {"btv1==0123456789==news-bounces+jane=example.net@lists.example.org", "mailman", "bounce", LIST, JANE},
    {"msprvs1=17890abcDEF_=news-bounces+jane=example.net@lists.example.org", "mailman", "bounce", LIST, JANE},
    {"SRS0=aB3d=7Q=lists.example.org=news-bounces+jane=example.net@fwd.example.com", "mailman", "bounce", LIST, JANE},
    {"srs0+ab3d=7q=lists.example.org=news-return-17-jane=example.net@fwd.example.com", "ezmlm", "bounce", LIST, JANE},
    {"SRS0-aB3d=7Q=lists.example.org=news-bounces@fwd.example.com", "mailman", "bounce", LIST, ""},
    {"SRS1=xY9z=fwd.example.net==aB3d=7Q=lists.example.org=news-bounces+jane=example.net@fwd.example.com", "mailman",
     "bounce", LIST, JANE},
    {"SRS1+xY9z=fwd.example.net=+aB3d=7Q=lists.example.org=news-bounces@fwd.example.com", "mailman", "bounce", LIST, ""},
    {"bob+SRS=x1Y2z=AB=lists.example.org=news-bounces+jane=example.net@example.com", "mailman", "bounce", LIST, JANE},
    {"SRS0=aB3d=7Q=lists.example.org=prvs=3182ab34cd=news-bounces+jane=example.net@fwd.example.com", "mailman", "bounce",
     LIST, JANE},
    {"prvs=3182ab34cd=SRS0=aB3d=7Q=lists.example.org=bounce+jane==a==example.net==news@fwd.example.com", "sympa",
     "bounce", LIST, JANE},
};

static void reads_return_paths(void **state)
{
    struct carom_return_path path;

    (void)state;
    assert_true(sizeof paths / sizeof *paths >= 60);
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        const struct path_case *c = &paths[i];

        if (!carom_return_path_read(arena, carom_str(c->address), NULL, &path))
            fail_msg("%s: got no template, want %s", c->address, c->system);
        check(c->address, "system", path.system, c->system);
        check(c->address, "type", path.type, c->type);
        check(c->address, "list", path.list, c->list);
        check(c->address, "recipient", path.recipient, c->recipient);
    }
}

static void leaves_others_alone(void **state)
{
    static const struct {
        const char *address, *unwrapped;
    } cases[] = {
        {"jane@example.net", "jane@example.net"},
        {"jane+news@example.net", "jane+news@example.net"},
        {"news-jane=example.net@lists.example.org", "news-jane=example.net@lists.example.org"},
        {"news-bounces+jane=nodot@lists.example.org", "news-bounces+jane=nodot@lists.example.org"},
        {"news-bounces+=example.net@lists.example.org", "news-bounces+=example.net@lists.example.org"},
        {"-bounces@example.org", "-bounces@example.org"},
        {"b.smith@example.org", "b.smith@example.org"},
        {"bounce@example.org", "bounce@example.org"},
        {"tax-return-help@example.org", "tax-return-help@example.org"},
        {"prvs=3182ab34cd=jane@example.org", "jane@example.org"},
        {"SRS0=aB3d=7Q=example.org=jane@fwd.example.net", "jane@example.org"},
        {"SRS0=aB3d=7Q@fwd.example.net", "SRS0=aB3d=7Q@fwd.example.net"},
        {"bounce-md_30850.5a1b@example.com", "bounce-md_30850.5a1b@example.com"},
        {"@example.org", "@example.org"},
        {"", ""},
    };
    struct carom_return_path path;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (carom_return_path_read(arena, carom_str(cases[i].address), NULL, &path))
            fail_msg("%s: got %.*s, want no template", cases[i].address, CAROM_STR_ARG(path.system));
        check(cases[i].address, "address", path.address, cases[i].unwrapped);
        check(cases[i].address, "list", path.list, "");
        check(cases[i].address, "recipient", path.recipient, "");
    }
}

static void says_what_is_sure(void **state)
{
    static const struct {
        const char *address;
        bool sure;
    } cases[] = {
        {"news-bounces+jane=example.net@lists.example.org", true}, {"news-bounces@lists.example.org", false},
        {"owner-news@lists.example.org", false},                   {"news-return-17@lists.example.org", true},
    };
    struct carom_return_path path;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_true(carom_return_path_read(arena, carom_str(cases[i].address), NULL, &path));
        if (path.sure != cases[i].sure)
            fail_msg("%s: got sure %d, want %d", cases[i].address, path.sure, cases[i].sure);
    }
}

static void confirms_plain_verp(void **state)
{
    static const struct {
        const char *address, *recipient;
        bool names;
    } cases[] = {
        {"news-jane=example.net@lists.example.org", "jane@example.net", true},
        {"news+Jane=Example.net@lists.example.org", "jane@example.net", true},
        {"news-jane-doe=example.net@lists.example.org", "jane-doe@example.net", true},
        {"news-jane-doe=example.net@lists.example.org", "doe@example.net", true}, /* the report decides which */
        {"news-jane=example.net@lists.example.org", "ane@example.net", false},
        {"news-jane=example.net@lists.example.org", "jane@example.com", false},
        {"jane=example.net@lists.example.org", "jane@example.net", false}, /* no prefix */
        {"news-jane.example.net@lists.example.org", "jane@example.net", false},
        {"news@lists.example.org", "jane@example.net", false},
        {"", "jane@example.net", false},
        {"news-jane=example.net@lists.example.org", "", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (carom_return_path_names(carom_str(cases[i].address), carom_str(cases[i].recipient)) != cases[i].names)
            fail_msg("%s for %s: got %d, want %d", cases[i].address, cases[i].recipient, !cases[i].names,
                     cases[i].names);
    }
}

/* What the operator names is believed, the rest is not looked at; envelopes come off all the same. */
static void reads_what_is_chosen(void **state)
{
    static const struct {
        const char *systems[2], *address, *system, *recipient;
    } cases[] = {
        {{"mailman"}, "news-bounces+jane=example.net@example.org", "mailman", JANE},
        {{"ezmlm"}, "news-bounces+jane=example.net@example.org", "", ""},
        {{"ezmlm", "mailman"}, "news-bounces+jane=example.net@example.org", "mailman", JANE},
        {{NULL}, "news-bounces+jane=example.net@example.org", "", ""},
        {{"verp"}, "x-jane=example.net@example.org", "verp", JANE},
        {{"verp"}, "SRS0=aB3d=7Q=example.org=x-jane=example.net@fwd.example.com", "verp", JANE},
        {{"mailtrain"}, "abc.def.ghi@example.org", "mailtrain", ""},
        {{"MLMMJ"}, "news+bounces-42-jane=example.net@example.org", "mlmmj", JANE},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct carom_names names[2] = {{carom_str(cases[i].systems[0]), NULL}, {carom_str(cases[i].systems[1]), NULL}};
        struct carom_return_paths chosen = {cases[i].systems[0] ? &names[0] : NULL};
        struct carom_return_path path;

        names[0].next = cases[i].systems[1] ? &names[1] : NULL;
        carom_return_path_read(arena, carom_str(cases[i].address), &chosen, &path);
        check(cases[i].address, "system", path.system, cases[i].system);
        check(cases[i].address, "recipient", path.recipient, cases[i].recipient);
        if (path.system.len && !path.sure)
            fail_msg("%s: got unsure, want what was chosen to be sure", cases[i].address);
    }
}

static void lists_systems(void **state)
{
    size_t n = 0;

    (void)state;
    for (; carom_return_path_system(n); n++)
        for (size_t i = 0; i < n; i++)
            assert_string_not_equal(carom_return_path_system(i), carom_return_path_system(n));
    assert_true(n >= 30);
}

/* Wrapped without end, or made of separators only: an answer, and soon. */
static void survives_hostile_addresses(void **state)
{
    static const char *const units[] = {"+", "=", "-", "+=", "-bounces-", "-return-", "==a==", "prvs=1=", "a+b=c.d-",
                                        "SRS0=a=b=c.d=", "+x-bounces-1-", "bounce+", "%3D", "\\"};
    struct carom_return_path path;

    (void)state;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        for (size_t size = 60; size <= 6000; size *= 10) {
            char *text = carom_arena_alloc(arena, size + 32);
            size_t n = 0;

            while (n + strlen(units[i]) < size) {
                memcpy(text + n, units[i], strlen(units[i]));
                n += strlen(units[i]);
            }
            memcpy(text + n, "@example.org", 13);
            carom_return_path_read(arena, carom_str(text), NULL, &path);
            if (path.recipient.len > 0 && !carom_address_valid(path.recipient))
                fail_msg("%s…: got recipient \"%.*s\"", units[i], CAROM_STR_ARG(path.recipient));
            if (size > 640 && path.system.len > 0)
                fail_msg("%s…: got %.*s, want nothing of %zu bytes", units[i], CAROM_STR_ARG(path.system), size);
        }
    }
}

/* The reader tells words of the table by their first letter. */
static void words_begin_differently(void **state)
{
    static const char *const names[] = {"list", "host", "dom", "user", "rest", "x", "any", "num", "word"};
    (void)state;

    for (size_t i = 0; i < carom_return_paths_n; i++) {
        const struct carom_return_path_row *row = &carom_return_paths[i];
        struct carom_str rest = carom_cell_str(row->local);
        assert_int_equal(*row->gives == 'w', strcmp(row->gives, "wrap") == 0);
        assert_int_equal(*row->sure == 'a', strcmp(row->sure, "asked") == 0);
        for (size_t open; (open = carom_str_chr(rest, '{')) != SIZE_MAX;) {
            rest = carom_str_from(rest, open + 1);
            struct carom_str name = carom_str_head(rest, carom_str_chr(rest, '}'));
            bool known = carom_str_starts(name, CAROM_STR("hex"));
            for (size_t k = 0; k < sizeof(names) / sizeof(names[0]); k++)
                known |= carom_str_eq(name, carom_str(names[k]));
            if (!known)
                fail_msg("%s: no capture is named {%.*s}", carom_cell_str(row->local).ptr, CAROM_STR_ARG(name));
        }
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_begin_differently),
        cmocka_unit_test_setup_teardown(reads_return_paths, begin, end),
        cmocka_unit_test_setup_teardown(leaves_others_alone, begin, end),
        cmocka_unit_test_setup_teardown(reads_what_is_chosen, begin, end),
        cmocka_unit_test(lists_systems),
        cmocka_unit_test_setup_teardown(says_what_is_sure, begin, end),
        cmocka_unit_test_setup_teardown(confirms_plain_verp, begin, end),
        cmocka_unit_test_setup_teardown(survives_hostile_addresses, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
