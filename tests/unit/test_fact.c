/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* From messages and replies to facts: in which order claims are believed. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/date.h"
#include "base/str.h"
#include "classify/fact.h"

static const int64_t now = 1767225600; /* 2026-01-01T00:00:00Z */

#define CHECK_STR(what, got, want) \
    do { \
        if (!carom_str_eq((got), carom_str(want))) \
            fail_msg("%s: got \"%.*s\", want \"%s\"", (what), CAROM_STR_ARG(got), (want)); \
    } while (0)
#define CHECK_WORD(what, got, want) \
    do { \
        if (!(got) || strcmp((got), (want)) != 0) \
            fail_msg("%s: got %s, want %s", (what), (got) ? (got) : "none", (want)); \
    } while (0)

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

/* A DSN to that address with these per-recipient fields and this returned header block. */
static struct carom_fact_list read_dsn_to(const char *envelope_to, const char *fields, const char *returned)
{
    const struct carom_envelope envelope = {.source = "test", .recipient = envelope_to};
    struct carom_str bytes = carom_arena_printf(
        arena,
        "Received: from mx.example.net by mx.example.org; Thu, 20 Nov 2025 10:00:05 +0000\n"
        "From: MAILER-DAEMON@mx.example.net\nTo: bounces@example.org\nSubject: Undelivered Mail\n"
        "Date: Thu, 20 Nov 2025 10:00:00 +0000\nMessage-ID: <b1@mx.example.net>\nMIME-Version: 1.0\n"
        "Content-Type: multipart/report; report-type=delivery-status; boundary=\"B\"\n\n"
        "--B\nContent-Type: text/plain\n\nIt could not be delivered.\n\n"
        "--B\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example.net\n"
        "Arrival-Date: Thu, 20 Nov 2025 09:00:00 +0000\n\n%s\n"
        "--B\nContent-Type: text/rfc822-headers\n\n%s\n--B--\n",
        fields, returned);
    return carom_facts_read(arena, bytes, &envelope, NULL, NULL, now);
}

static struct carom_fact_list read_dsn(const char *fields, const char *returned)
{
    return read_dsn_to("bounces@example.org", fields, returned);
}

static void decides_kind_and_codes(void **state)
{
    static const struct {
        const char *fields, *kind, *reason, *status;
        int code;
    } cases[] = {
        {"Action: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 User unknown\n", "permanent", "user_unknown",
         "5.1.1", 550},
        {"Action: failed\nStatus: 5.0.0\nDiagnostic-Code: smtp; 451 try later, Greylisted\n", "transient", "greylisted",
         "5.0.0", 451},
        {"Action: failed\nStatus: 4.4.7\nDiagnostic-Code: smtp; 550 5.7.1 Client host blocked using dnsbl\n",
         "permanent", "blocked", "5.7.1", 550},
        {"Action: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.0 no\n", "permanent", "user_unknown", "5.1.1",
         550},
        {"Action: failed\nStatus: 4.0.0\nDiagnostic-Code: smtp; DNS type 'mx' lookup of example.com responded with "
         "code NXDOMAIN\n",
         "permanent", "host_unknown", "4.0.0", 0},
        {"Action: failed\nStatus: 4.4.1\n", "transient", "network_error", "4.4.1", 0},
        {"Action: failed\nStatus: 5.0.0\n", "permanent", "unknown", "5.0.0", 0},
        {"Action: failed\nStatus: 4.0.0\n", "transient", "unknown", "4.0.0", 0},
        {"Action: delayed\nStatus: 4.4.1\nDiagnostic-Code: smtp; 554 5.7.1 blocked using dnsbl\n", "delayed", "blocked",
         "5.7.1", 554},
        {"Action: failed\nStatus: 5.0.0\nDiagnostic-Code: X-Unix; 67\n", "permanent", "user_unknown", "5.0.0", 0},
        {"Action: failed\nStatus: 5.3.0\nDiagnostic-Code: X-Unix; 255\n", "permanent", "mailer_error", "5.3.0", 0},
        {"Action: failed\nStatus: 5.0.0\nDiagnostic-Code: smtp; 550 5.1.1 No such domain (in reply to MAIL FROM "
         "command)\n",
         "permanent", "sender_rejected", "5.1.1", 550},
    };
    (void)state;
    assert_false(carom_arena_guard(arena));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *fields = cases[i].fields;
        struct carom_str all = carom_arena_printf(arena, "Final-Recipient: rfc822; jane@example.com\n%s", fields);
        struct carom_fact_list facts = read_dsn(all.ptr, "Subject: x");
        const struct carom_fact *fact = &facts.list[0];

        if (facts.n != 1)
            fail_msg("%s: got %zu facts, want 1", fields, facts.n);
        CHECK_WORD(fields, carom_kind_name(fact->kind), cases[i].kind);
        CHECK_WORD(fields, carom_reason_name(fact->reason), cases[i].reason);
        CHECK_STR(fields, fact->status, cases[i].status);
        if (fact->reply_code != cases[i].code)
            fail_msg("%s: got code %d, want %d", fields, fact->reply_code, cases[i].code);
        if (fact->evidence.rule.len == 0)
            fail_msg("%s: got no evidence", fields);
        if (fact->fault != carom_reason_fault(fact->reason))
            fail_msg("%s: got fault %d, want that of the reason", fields, fact->fault);
    }
    carom_arena_unguard(arena);
}

static void delivered_needs_no_reason(void **state)
{
    struct carom_fact_list facts;

    (void)state;
    assert_false(carom_arena_guard(arena));
    facts = read_dsn("Final-Recipient: rfc822; jane@example.com\nAction: relayed\nStatus: 2.1.9\n", "Subject: x");
    CHECK_WORD("relayed", carom_kind_name(facts.list[0].kind), "delivered");
    assert_int_equal(facts.list[0].reason, CAROM_REASON_NONE);
    assert_false(facts.list[0].hard);
    carom_arena_unguard(arena);
}

static void finds_the_recipient(void **state)
{
    static const struct {
        const char *name, *fields, *returned, *recipient, *final;
    } cases[] = {
        {"final alone", "Final-Recipient: rfc822; Jane@EXAMPLE.com\n", "To: jane@example.com", "Jane@example.com", ""},
        {"original first", "Original-Recipient: rfc822; jane@example.com\nFinal-Recipient: rfc822; j2@example.net\n",
         "To: jane@example.com", "jane@example.com", "j2@example.net"},
        {"Delivered-To", "Final-Recipient: rfc822; j2@example.net\n",
         "Delivered-To: jane@example.com\nReceived: by a.example.com; Thu, 20 Nov 2025 09:00:00 +0000\n"
         "To: news@example.org\nList-Id: <news.example.org>",
         "jane@example.com", "j2@example.net"},
        {"Received for at the reporting host", "Final-Recipient: rfc822; j2@example.net\n",
         "Received: from out.example.org by mx.example.net with ESMTP id 1\n for <jane@example.net>; Thu, 20 Nov 2025 "
         "09:00:00 +0000\nTo: news@example.org",
         "jane@example.net", "j2@example.net"},
        {"Received for elsewhere", "Final-Recipient: rfc822; j2@example.net\n",
         "Received: from a by lists.example.org for <news@example.org>; Thu, 20 Nov 2025 09:00:00 +0000\n"
         "To: other@example.org",
         "j2@example.net", ""},
        {"never the list", "Final-Recipient: rfc822; j2@example.net\n",
         "Delivered-To: news@example.org\nTo: news@example.org\nList-Post: <mailto:news@example.org>", "j2@example.net",
         ""},
        {"nor the bounce address", "Final-Recipient: rfc822; j2@example.net\n", "Delivered-To: bounces@example.org",
         "j2@example.net", ""},
        {"never a To", "Final-Recipient: rfc822; jane\n", "To: jane@example.com", "", ""},
    };
    (void)state;
    assert_false(carom_arena_guard(arena));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct carom_str fields = carom_arena_printf(arena, "%sAction: failed\nStatus: 5.1.1\n", cases[i].fields);
        struct carom_fact_list facts = read_dsn(fields.ptr, cases[i].returned);

        CHECK_STR(cases[i].name, facts.list[0].recipient, cases[i].recipient);
        CHECK_STR(cases[i].name, facts.list[0].final_recipient, cases[i].final);
    }
    carom_arena_unguard(arena);
}

static void several_recipients_share_no_trace(void **state)
{
    struct carom_fact_list facts;

    (void)state;
    assert_false(carom_arena_guard(arena));
    facts = read_dsn("Final-Recipient: rfc822; a@example.net\nAction: failed\nStatus: 5.1.1\n\n"
                     "Final-Recipient: rfc822; b@example.net\nAction: delayed\nStatus: 4.4.1\n",
                     "Delivered-To: team@example.com");
    assert_int_equal(facts.n, 2);
    CHECK_STR("first", facts.list[0].recipient, "a@example.net");
    CHECK_STR("second", facts.list[1].recipient, "b@example.net");
    CHECK_WORD("second", carom_kind_name(facts.list[1].kind), "delayed");
    assert_false(carom_str_eq(facts.list[0].id, facts.list[1].id));
    carom_arena_unguard(arena);
}

static const char fields_1[] = "Final-Recipient: rfc822; jane@example.com\nAction: failed\nStatus: 5.1.1\n";

static void names_list_and_delivery(void **state)
{
    struct carom_fact_list facts;

    (void)state;
    assert_false(carom_arena_guard(arena));
    facts = read_dsn(fields_1, "Message-ID: <m1@example.org>\nList-Id: Our News <news.example.org>\nTo: jane@example.com");
    CHECK_STR("list", facts.list[0].list, "news.example.org");
    CHECK_STR("list_by", facts.list[0].list_by, "header");
    CHECK_STR("delivery", facts.list[0].delivery, "<m1@example.org> jane@example.com");
    CHECK_STR("original", facts.list[0].original.message_id, "<m1@example.org>");
    assert_true(facts.list[0].hard);
    facts = read_dsn(fields_1, "List-Post: <mailto:talk@example.org>");
    CHECK_STR("list of List-Post", facts.list[0].list, "talk.example.org");
    CHECK_STR("no delivery", facts.list[0].delivery, "");
    carom_arena_unguard(arena);
}

#define FAILED(address) "Final-Recipient: rfc822; " address "\nAction: failed\nStatus: 5.1.1\n"

static void reads_what_the_sender_wrote(void **state)
{
    static const char forwarded[] = FAILED("j.doe@example.com");
    static const struct {
        const char *envelope_to, *fields, *returned;
        const char *recipient, *final, *list, *list_by, *mail_type;
    } cases[] = {
        /* of the address that the bounce came to */
        {"news-bounces+jane=example.net@lists.example.org", forwarded, "Subject: x\n", "jane@example.net",
         "j.doe@example.com", "news.lists.example.org", "return_path", ""},
        {"news-bounces+jane=example.net@lists.example.org", FAILED("jane@example.net"), "Subject: x\n",
         "jane@example.net", "", "news.lists.example.org", "return_path", ""},
        {"news-bounces+jane=example.net@lists.example.org", "Action: failed\nStatus: 5.1.1\n", "Subject: x\n",
         "jane@example.net", "", "news.lists.example.org", "return_path", ""},
        {"news+bounces-probe-jane=example.net@lists.example.org", forwarded, "Subject: x\n", "jane@example.net",
         "j.doe@example.com", "news.lists.example.org", "return_path", "probe"},
        {"news+bounces-confsub-1a2b-jane=example.net@lists.example.org", forwarded, "Subject: x\n", "jane@example.net",
         "j.doe@example.com", "news.lists.example.org", "return_path", "confirm"},
        /* of the envelope sender that came back */
        {"bounces@example.org", forwarded, "Return-Path: <bounce+jane==a==example.net==news@lists.example.org>\n",
         "jane@example.net", "j.doe@example.com", "news.lists.example.org", "return_path", ""},
        {"bounces@example.org", forwarded,
         "Return-Path: <SRS0=aB3d=7Q=lists.example.org=news-return-1-jane=example.net@fwd.example.com>\n",
         "jane@example.net", "j.doe@example.com", "news.lists.example.org", "return_path", ""},
        {"bounces@example.org", forwarded, "Return-Path: <news-return-17-@lists.example.org-@[]>\n",
         "j.doe@example.com", "", "news.lists.example.org", "return_path", ""},
        /* beside the header List-Id */
        {"news-bounces+jane=example.net@lists.example.org", forwarded, "List-Id: <other.example.org>\n",
         "jane@example.net", "j.doe@example.com", "news.lists.example.org", "return_path", ""},
        {"news-bounces@lists.example.org", forwarded, "List-Id: <news.example.org>\n", "j.doe@example.com", "",
         "news.example.org", "header", ""},
        {"news-bounces@lists.example.org", forwarded, "Subject: x\n", "j.doe@example.com", "",
         "news.lists.example.org", "return_path", ""},
        /* what the report says the sender knew */
        {"news-bounces+jane=example.net@lists.example.org",
         "Original-Recipient: rfc822; anna@example.net\nFinal-Recipient: rfc822; j.doe@example.com\nAction: failed\n"
         "Status: 5.1.1\n", "Subject: x\n", "anna@example.net", "j.doe@example.com", "news.lists.example.org",
         "return_path", ""},
        /* plain VERP: a claim that the returned message has to confirm */
        {"news-jane=example.net@example.org", forwarded, "To: jane@example.net\n", "jane@example.net",
         "j.doe@example.com", "", "", ""},
        {"news-jane=example.net@example.org", forwarded, "To: anna@example.net\n", "j.doe@example.com", "", "", "", ""},
        /* a field of the sending software */
        {"bounces@example.org", forwarded, "X-ListMember: jane@example.net\n", "jane@example.net", "j.doe@example.com",
         "", "", ""},
    };

    (void)state;
    assert_false(carom_arena_guard(arena));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct carom_fact_list facts = read_dsn_to(cases[i].envelope_to, cases[i].fields, cases[i].returned);
        const char *what = carom_arena_printf(arena, "case %zu, %s, %s", i, cases[i].envelope_to, cases[i].returned).ptr;

        assert_int_equal(facts.n, 1);
        CHECK_STR(what, facts.list[0].recipient, cases[i].recipient);
        CHECK_STR(what, facts.list[0].final_recipient, cases[i].final);
        CHECK_STR(what, facts.list[0].list, cases[i].list);
        CHECK_STR(what, facts.list[0].list_by, cases[i].list_by);
        CHECK_STR(what, facts.list[0].mail_type, cases[i].mail_type);
    }
    carom_arena_unguard(arena);
}

/* Mail to one address goes to several behind it: each failure keeps its own. */
static void several_recipients_share_no_return_path(void **state)
{
    struct carom_fact_list facts;

    (void)state;
    assert_false(carom_arena_guard(arena));
    facts = read_dsn_to("news-bounces+team=example.net@lists.example.org",
                        FAILED("anna@example.com") "\n" FAILED("jane@example.com"), "Subject: x\n");
    assert_int_equal(facts.n, 2);
    CHECK_STR("first", facts.list[0].recipient, "anna@example.com");
    CHECK_STR("second", facts.list[1].recipient, "jane@example.com");
    CHECK_STR("list", facts.list[1].list, "news.lists.example.org");
    carom_arena_unguard(arena);
}

static void takes_the_sender_s_own_delivery(void **state)
{
    struct carom_fact_list facts;

    (void)state;
    assert_false(carom_arena_guard(arena));
    facts = read_dsn(fields_1, "Message-ID: <m1@example.org>\nX-Listmonk-Campaign: c-1\nX-Listmonk-Subscriber: s-2\n");
    CHECK_STR("both ids", facts.list[0].delivery, "c-1 s-2");
    facts = read_dsn(fields_1, "Message-ID: <m1@example.org>\nX-Listmonk-Campaign: c-1\n");
    CHECK_STR("one id", facts.list[0].delivery, "<m1@example.org> jane@example.com");
    carom_arena_unguard(arena);
}

/* Who answers from elsewhere is the subscriber that we wrote to. */
static void knows_who_answers(void **state)
{
    static const char answer[] = "From: Jane <j.doe@example.com>\nTo: x@example.org\nSubject: Out of office\n"
                                 "Auto-Submitted: auto-replied\n\nI am away.\n";
    struct carom_envelope envelope = {.recipient = "news-bounces+jane=example.net@lists.example.org"};
    struct carom_fact_list facts;

    (void)state;
    assert_false(carom_arena_guard(arena));
    facts = carom_facts_read(arena, carom_str(answer), &envelope, NULL, NULL, now);
    CHECK_WORD("kind", carom_kind_name(facts.list[0].kind), "autoreply");
    CHECK_STR("recipient", facts.list[0].recipient, "jane@example.net");
    envelope.recipient = "bounces@example.org";
    facts = carom_facts_read(arena, carom_str(answer), &envelope, NULL, NULL, now);
    CHECK_STR("recipient without", facts.list[0].recipient, "j.doe@example.com");
    carom_arena_unguard(arena);
}

static void tells_the_time(void **state)
{
    struct carom_fact_list facts;
    char fields[300];

    (void)state;
    assert_false(carom_arena_guard(arena));
    facts = read_dsn(fields_1, "Subject: x");
    assert_int_equal(facts.list[0].received, carom_date_parse_rfc3339(CAROM_STR("2025-11-20T10:00:05Z")));
    assert_int_equal(facts.list[0].time, carom_date_parse_rfc3339(CAROM_STR("2025-11-20T09:00:00Z")));
    snprintf(fields, sizeof fields, "%sLast-Attempt-Date: Fri, 21 Nov 2025 09:00:00 +0000\n", fields_1);
    facts = read_dsn(fields, "Subject: x");
    assert_int_equal(facts.list[0].time, facts.list[0].received); /* never later than our receipt */
    snprintf(fields, sizeof fields, "%sLast-Attempt-Date: Thu, 20 Nov 2025 09:30:00 +0000\n", fields_1);
    facts = read_dsn(fields, "Subject: x");
    assert_int_equal(facts.list[0].time, carom_date_parse_rfc3339(CAROM_STR("2025-11-20T09:30:00Z")));
    carom_arena_unguard(arena);
}

static struct carom_fact read_text(const char *text)
{
    return carom_facts_read(arena, carom_str(text), NULL, NULL, NULL, now).list[0];
}

/* One line of n bytes and one that differs, with that line end, behind a subject of m. */
static struct carom_str id_of_long(int m, int n, const char *end, char last)
{
    static char text[32 * 1024];

    snprintf(text, sizeof text, "From: a@example.org%sSubject: %0*d%s%s%0*d%s%c%s", end, m, 1, end, end, n, 2, end, last, end);
    return read_text(text).id;
}

/* What is hashed comes in blocks of some KB: the id does not depend on where they end. */
static void has_a_stable_id_when_long(void **state)
{
    (void)state;
    assert_false(carom_arena_guard(arena));
    for (int m = 1; m < 10000; m += 4050)
        for (int n = 4000; n < 8300; n = n == 4110 ? 8100 : n + 1) {
            struct carom_str id = id_of_long(m, n, "\n", 'x');
            if (!carom_str_eq(id, id_of_long(m, n, "\r\n", 'x')))
                fail_msg("%d, %d: got another id with CRLF", m, n);
            if (carom_str_eq(id, id_of_long(m, n, "\n", 'y')))
                fail_msg("%d, %d: got the id of another message", m, n);
        }
    carom_arena_unguard(arena);
}

static void has_a_stable_id(void **state)
{
    static const char one[] = "From: a@example.org\nMessage-ID: <1@example.org>\nSubject: x\n\nbody\n";
    static const char traced[] = "Return-Path: <>\nReceived: by x; Thu, 20 Nov 2025 10:00:05 +0000\nFrom: a@example.org\n"
                                 "Message-ID: <1@example.org>\nSubject: x\n\nbody\n";
    static const char bare[] = "From: a@example.org\nSubject: x\n\nbody\n";
    static const char bare_traced[] = "Received: by x\nDelivered-To: y@example.org\nFrom: a@example.org\r\nSubject: x\r\n"
                                      "\r\nbody\r\n";
    static const char other[] = "From: a@example.org\nSubject: x\n\nanother body\n";

    (void)state;
    assert_false(carom_arena_guard(arena));
    assert_true(carom_str_eq(read_text(one).id, read_text(traced).id));
    assert_true(carom_str_eq(read_text(bare).id, read_text(bare_traced).id));
    assert_false(carom_str_eq(read_text(bare).id, read_text(other).id));
    assert_false(carom_str_eq(read_text(bare).id, read_text(one).id));
    assert_int_equal(read_text(one).id.len, 32);
    carom_arena_unguard(arena);
}

static void other_mail_is_one_fact(void **state)
{
    struct carom_fact fact;

    (void)state;
    assert_false(carom_arena_guard(arena));
    fact = read_text("From: Jane <jane@example.com>\nTo: news@example.org\nSubject: lunch\n\nAt noon?\n");
    CHECK_WORD("kind", carom_kind_name(fact.kind), "other");
    CHECK_STR("recipient", fact.recipient, "");
    CHECK_STR("from", fact.from, "jane@example.com");
    assert_false(fact.hard);
    fact = read_text("From: Jane <jane@example.com>\nTo: news@example.org\nSubject: Automatic reply: news\n"
                     "Auto-Submitted: auto-replied\n\nI am away.\n");
    CHECK_WORD("kind", carom_kind_name(fact.kind), "autoreply");
    CHECK_STR("recipient", fact.recipient, "jane@example.com");
    fact = read_text("");
    CHECK_WORD("kind", carom_kind_name(fact.kind), "other");
    carom_arena_unguard(arena);
}

static struct carom_fact read_complaint(const char *fields, const char *to)
{
    return read_text(carom_arena_printf(arena,
        "From: fbl@example.net\nTo: abuse@example.org\nSubject: complaint\nMIME-Version: 1.0\n"
        "Content-Type: multipart/report; report-type=feedback-report; boundary=\"B\"\n\n"
        "--B\nContent-Type: text/plain\n\nA complaint.\n"
        "--B\nContent-Type: message/feedback-report\n\nUser-Agent: test/1\nVersion: 1\n%s\n"
        "--B\nContent-Type: message/rfc822\n\nFrom: news@example.org\nTo: %s\nSubject: x\n\nbody\n--B--\n", fields, to).ptr);
}

static void complaints_name_whom_they_can(void **state)
{
    static const struct {
        const char *fields, *to, *kind, *recipient;
    } cases[] = {
        {"Feedback-Type: abuse\n", "jane@example.com", "complaint", "jane@example.com"},
        {"Feedback-Type: abuse\nOriginal-Rcpt-To: real@example.com\n", "jane@example.com", "complaint",
         "real@example.com"},
        {"Feedback-Type: abuse\n", "redacted@example.com", "complaint", ""},
        {"Feedback-Type: abuse\nOriginal-Mail-From: <news-bounces+real=example.com@example.org>\n",
         "news@example.org", "complaint", "real@example.com"},
        {"Feedback-Type: abuse\nOriginal-Mail-From: <news-bounces+real=example.com@example.org>\n"
         "Original-Rcpt-To: redacted@example.com\n", "redacted@example.com", "complaint", "real@example.com"},
        {"Feedback-Type: abuse\n", "a@example.com, b@example.com", "complaint", ""},
        {"Feedback-Type: not-spam\n", "jane@example.com", "other", ""},
        {"Feedback-Type: auth-failure\n", "jane@example.com", "other", ""},
    };
    (void)state;
    assert_false(carom_arena_guard(arena));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct carom_fact fact = read_complaint(cases[i].fields, cases[i].to);

        CHECK_WORD(cases[i].fields, carom_kind_name(fact.kind), cases[i].kind);
        CHECK_STR(cases[i].fields, fact.recipient, cases[i].recipient);
        if (fact.feedback.type.len == 0)
            fail_msg("%s: got no feedback type", cases[i].fields);
    }
    carom_arena_unguard(arena);
}

static struct carom_fact_list reply_of(const char *reply, const char *recipient, int64_t at)
{
    const struct carom_reply_input input = {.reply = reply, .recipient = recipient};

    return carom_facts_reply(arena, &input, NULL, at);
}

static void tells_replies_from_their_copies(void **state)
{
    static const struct carom_reply_input first = {
        .reply = "450 4.2.1 try later\r\n", .recipient = "jane@example.com", .delivery = "d1", .time = 1767225000,
        .list = "news.lists.example.org", .command = "RCPT", .remote_mta = "mx.example.com"};
    struct carom_reply_input other = first;
    struct carom_fact fact;

    (void)state;
    assert_false(carom_arena_guard(arena));
    fact = carom_facts_reply(arena, &first, NULL, now).list[0];
    CHECK_STR("delivery", fact.delivery, "d1");
    CHECK_STR("list", fact.list, "news.lists.example.org");
    CHECK_STR("list_by", fact.list_by, "caller");
    CHECK_STR("command", fact.command, "RCPT");
    CHECK_STR("diagnostic", fact.diagnostic, "450 4.2.1 try later");
    assert_int_equal(fact.time, 1767225000);
    assert_int_equal(fact.received, now);
    other.reply = "450 4.2.1 try later";
    assert_true(carom_str_eq(carom_facts_reply(arena, &other, NULL, now + 60).list[0].id, fact.id));
    other.time++;
    assert_false(carom_str_eq(carom_facts_reply(arena, &other, NULL, now).list[0].id, fact.id));
    other = first;
    other.delivery = "d2";
    assert_false(carom_str_eq(carom_facts_reply(arena, &other, NULL, now).list[0].id, fact.id));
    other = first;
    other.reply = "450 4.2.1 try much later";
    assert_false(carom_str_eq(carom_facts_reply(arena, &other, NULL, now).list[0].id, fact.id));
    other = first;
    other.recipient = "joan@example.com";
    assert_false(carom_str_eq(carom_facts_reply(arena, &other, NULL, now).list[0].id, fact.id));
    carom_arena_unguard(arena);
}

static void judges_a_reply(void **state)
{
    struct carom_fact_list facts;

    (void)state;
    assert_false(carom_arena_guard(arena));
    facts = reply_of("552 5.2.2 over quota", "jane@gmail.com", now);
    assert_int_equal(facts.n, 1);
    CHECK_STR("format", facts.list[0].format, "smtp-reply");
    CHECK_STR("provider", facts.list[0].provider, "google");
    CHECK_WORD("reason", carom_reason_name(facts.list[0].reason), "mailbox_full");
    CHECK_WORD("authenticity", carom_authenticity_name(facts.list[0].authenticity), "direct");
    assert_int_equal(facts.list[0].time, now);
    facts = reply_of("250 2.0.0 Ok", "jane@example.com", now);
    CHECK_WORD("kind", carom_kind_name(facts.list[0].kind), "delivered");
    facts = reply_of("450-4.2.2 over quota\r\n450 4.2.2 try later\r\n", "jane@example.com", now);
    CHECK_STR("diagnostic", facts.list[0].diagnostic, "450-4.2.2 over quota 450 4.2.2 try later");
    CHECK_STR("status", facts.list[0].status, "4.2.2");
    CHECK_WORD("reason", carom_reason_name(facts.list[0].reason), "mailbox_full");
    facts = reply_of("", "", 0);
    CHECK_WORD("reason", carom_reason_name(facts.list[0].reason), "unknown");
    CHECK_STR("rule", facts.list[0].evidence.rule, "format:smtp-reply");
    carom_arena_unguard(arena);
}

static void knows_words_both_ways(void **state)
{
    (void)state;
    for (int i = 0; i < CAROM_KIND_COUNT; i++) {
        enum carom_kind kind = CAROM_KIND_COUNT;
        assert_true(carom_kind_parse(carom_str(carom_kind_name((enum carom_kind)i)), &kind));
        assert_int_equal(kind, i);
    }
    for (int i = 1; i < CAROM_REASON_COUNT; i++) {
        enum carom_reason reason = CAROM_REASON_NONE;
        assert_true(carom_reason_parse(carom_str(carom_reason_name((enum carom_reason)i)), &reason));
        assert_int_equal(reason, i);
        assert_int_not_equal(carom_reason_fault(reason), CAROM_FAULT_NONE);
    }
    assert_null(carom_reason_name(CAROM_REASON_NONE));
    assert_null(carom_reason_name(CAROM_REASON_COUNT));
    assert_false(carom_reason_parse(CAROM_STR("no_such_reason"), &(enum carom_reason){0}));
    assert_false(carom_kind_parse(CAROM_STR(""), &(enum carom_kind){0}));
}

static void shows_fields_as_text_and_json(void **state)
{
    struct carom_buf buf = CAROM_BUF_INIT(1 << 20);
    struct carom_json json = carom_json_to(&buf);
    struct carom_fact fact;
    struct carom_str text;

    (void)state;
    assert_false(carom_arena_guard(arena));
    fact = reply_of("550 5.1.1 User unknown", "jane@example.com", now).list[0];
    text = carom_field_text(arena, carom_field_find(CAROM_STR(""), CAROM_STR("reply_code")), &fact);
    CHECK_STR("reply_code", text, "550");
    text = carom_field_text(arena, carom_field_find(CAROM_STR(""), CAROM_STR("time")), &fact);
    CHECK_STR("time", text, "2026-01-01T00:00:00Z");
    text = carom_field_text(arena, carom_field_find(CAROM_STR(""), CAROM_STR("hard")), &fact);
    CHECK_STR("hard", text, "true");
    text = carom_field_text(arena, carom_field_find(CAROM_STR("evidence"), CAROM_STR("rule")), &fact);
    CHECK_STR("evidence.rule", text, "generic.user-unknown");
    text = carom_field_text(arena, carom_field_find(CAROM_STR(""), CAROM_STR("retry_until")), &fact);
    CHECK_STR("retry_until", text, "");
    assert_null(carom_field_find(CAROM_STR(""), CAROM_STR("rule")));
    carom_fact_write(&fact, &json);
    text = carom_buf_str(&buf);
    if (carom_str_find(text, CAROM_STR("\"kind\":\"permanent\",\"reason\":\"user_unknown\",\"fault\":\"recipient\",\"hard\":true")) ==
            SIZE_MAX ||
        carom_str_find(text, CAROM_STR("\"evidence\":{\"rule\":\"generic.user-unknown\"")) == SIZE_MAX ||
        carom_str_find(text, CAROM_STR("retry_until")) != SIZE_MAX || carom_str_find(text, CAROM_STR("\"list\"")) != SIZE_MAX)
        fail_msg("got %.*s", CAROM_STR_ARG(text));
    carom_buf_clear(&buf);
    fact = read_text("Subject: x\n\nbody\n");
    json = carom_json_to(&buf);
    carom_fact_write(&fact, &json);
    text = carom_buf_str(&buf);
    if (carom_str_find(text, CAROM_STR("\"hard\":false")) == SIZE_MAX ||
        carom_str_find(text, CAROM_STR("\"recipient\":null")) == SIZE_MAX)
        fail_msg("got %.*s, want hard and recipient always", CAROM_STR_ARG(text));
    carom_buf_deinit(&buf);
    carom_arena_unguard(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decides_kind_and_codes),      cmocka_unit_test(delivered_needs_no_reason),
        cmocka_unit_test(finds_the_recipient),         cmocka_unit_test(several_recipients_share_no_trace),
        cmocka_unit_test(reads_what_the_sender_wrote), cmocka_unit_test(several_recipients_share_no_return_path),
        cmocka_unit_test(takes_the_sender_s_own_delivery), cmocka_unit_test(knows_who_answers),
        cmocka_unit_test(names_list_and_delivery),     cmocka_unit_test(tells_the_time),
        cmocka_unit_test(has_a_stable_id),             cmocka_unit_test(other_mail_is_one_fact),
        cmocka_unit_test(has_a_stable_id_when_long),
        cmocka_unit_test(complaints_name_whom_they_can), cmocka_unit_test(tells_replies_from_their_copies),
        cmocka_unit_test(judges_a_reply),
        cmocka_unit_test(knows_words_both_ways),       cmocka_unit_test(shows_fields_as_text_and_json),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
