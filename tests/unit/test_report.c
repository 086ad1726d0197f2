/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Reports read from whole messages: the careless ways of writing a DSN, what is no bounce, what came back. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bounce/report.h"

static int setup(void **state)
{
    *state = carom_arena_new();
    return *state ? 0 : -1;
}

static int teardown(void **state)
{
    carom_arena_free(*state);
    return 0;
}

static void check(const char *what, struct carom_str got, const char *want)
{
    if (!carom_str_eq(got, carom_str(want)))
        fail_msg("%s: got \"" CAROM_STR_FMT "\", want \"%s\"", what, CAROM_STR_ARG(got), want);
}

static struct carom_report *read_text(struct carom_arena *arena, const char *text)
{
    return carom_report_read(arena, carom_message_parse(arena, carom_str(text)), NULL);
}

/* A report with these fields as its status part. */
static struct carom_report *read_fields(struct carom_arena *arena, const char *human, const char *fields)
{
    struct carom_str text = carom_arena_printf(
        arena,
        "From: MAILER-DAEMON@example.net\nSubject: Undelivered Mail\nContent-Type: multipart/report; boundary=b\n\n"
        "--b\nContent-Type: text/plain\n\n%s\n--b\nContent-Type: message/delivery-status\n\n%s\n--b--\n",
        human, fields);

    return carom_report_read(arena, carom_message_parse(arena, text), NULL);
}

static void reads_careless_fields(void **state)
{
    static const struct {
        const char *fields, *final, *original, *action, *status, *diagnostic, *mta, *ip;
        enum carom_claim claim;
    } cases[] = {
        {"Reporting-MTA: dns; x\n\nFinal-Recipient: rfc822; a@example.com\nAction: failed\nStatus: 5.1.1\n"
         "Diagnostic-Code: smtp; 550 no\n user\nRemote-MTA: dns; mx.example.com (192.0.2.1, the server)\n",
         "a@example.com", "", "failed", "5.1.1", "550 no user", "mx.example.com", "192.0.2.1", CAROM_CLAIM_FAILED},
        {"Final-Recipient : rfc/822;a@example.com\nAction : Failed (bad)\nStatus : 5.0.0 (permanent failure)\n",
         "a@example.com", "", "failed", "5.0.0", "permanent failure", "", "", CAROM_CLAIM_FAILED},
        {"Original-Recipient: <a@example.com>\nAction: failed\nRemote-MTA: 192.0.2.1\nDiagnostic-Code: 550 no\n",
         "a@example.com", "a@example.com", "failed", "", "550 no", "", "192.0.2.1", CAROM_CLAIM_FAILED},
        {"Final-Recipient: rfc822; a@example.com\nStatus:\nAction: expired\nRemote-MTA: dns; [192.0.2.1]\n",
         "a@example.com", "", "expired", "", "", "", "192.0.2.1", CAROM_CLAIM_GAVE_UP},
        {"Final-Recipient: a@example.com\nStatus: 2.1.5\n", "a@example.com", "", "", "2.1.5", "", "", "",
         CAROM_CLAIM_DELIVERED},
        {"Final-Recipient: rfc822; a@example.com\nAction: delayed (Deliver-By notify mode)\nStatus: 4.4.7\n",
         "a@example.com", "", "delayed", "4.4.7", "", "", "", CAROM_CLAIM_DELAYED},
        {"\n\n\nFinal-Recipient: rfc822; a@example.com\n\nAction: failed\nStatus: 5.1.1\n", "a@example.com", "", "failed",
         "5.1.1", "", "", "", CAROM_CLAIM_FAILED},
        {"Final-Recipient: rfc822; b@example.com\nOriginal-Recipient: rfc822;a+2Bx@example.com\nAction: failed\n",
         "b@example.com", "a+x@example.com", "failed", "", "", "", "", CAROM_CLAIM_FAILED},
        {"Final-Recipient: utf-8; b\\x{E9}@example.com\nAction: failed\n", "b\303\251@example.com", "", "failed", "", "",
         "", "", CAROM_CLAIM_FAILED},
        {"Final-Recipient: rfc822; user+ab@example.com\nAction: failed\n", "user+ab@example.com", "", "failed", "", "", "",
         "", CAROM_CLAIM_FAILED},
        {"Final-Recipient: LOCAL; |/bin/x\nX-Actual-Recipient: rfc822; a@example.com\nAction: failed\n", "a@example.com",
         "", "failed", "", "", "", "", CAROM_CLAIM_FAILED},
    };

    assert_int_equal(carom_arena_guard(*state), 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct carom_report *report = read_fields(*state, "Sorry.\n", cases[i].fields);
        const struct carom_report_recipient *r = report->recipients;
        if (report->n != 1 || report->type != CAROM_REPORT_DELIVERY)
            fail_msg("case %zu: got %zu recipients, type %d, want 1 and a delivery report", i, report->n, (int)report->type);
        check("final", r->final, cases[i].final);
        if (!carom_str_eq(r->final, carom_str(cases[i].original)))
            check("original", r->original, cases[i].original);
        check("action", r->action, cases[i].action);
        check("status", r->status, cases[i].status);
        check("diagnostic", r->diagnostic, cases[i].diagnostic);
        check("remote_mta", r->remote_mta, cases[i].mta);
        check("remote_ip", r->remote_ip, cases[i].ip);
        if (r->claim != cases[i].claim)
            fail_msg("case %zu: got claim %d, want %d", i, (int)r->claim, (int)cases[i].claim);
    }
    carom_arena_unguard(*state);
}

static void separates_recipients(void **state)
{
    static const char *const fields[] = {
        "Reporting-MTA: dns; x\n\nFinal-Recipient: rfc822; a@example.com\nAction: failed\n\n"
        "Final-Recipient: rfc822; b@example.com\nAction: delayed\n",
        "Reporting-MTA: dns; x\nFinal-Recipient: rfc822; a@example.com\nAction: failed\n"
        "Final-Recipient: rfc822; b@example.com\nAction: delayed\n",
        "Final-Recipient: rfc822; a@example.com\r\nAction: failed\r\n\r\n\r\n"
        "Final-Recipient: rfc822; b@example.com\r\nAction: delayed\r\n",
    };

    assert_int_equal(carom_arena_guard(*state), 0);
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        struct carom_report *report = read_fields(*state, "Sorry.\n", fields[i]);
        if (report->n != 2)
            fail_msg("case %zu: got %zu recipients, want 2", i, report->n);
        check("first", report->recipients->final, "a@example.com");
        check("second", report->recipients->next->final, "b@example.com");
        check("second action", report->recipients->next->action, "delayed");
    }
    carom_arena_unguard(*state);
}

static void takes_words_of_people(void **state)
{
    static const struct {
        const char *human, *fields, *diagnostic, *text, *command, *original;
    } cases[] = {
        /* OpenSMTPD: no Diagnostic-Code */
        {"a@example.com: 550 5.1.1 unknown\n", "Final-Recipient: rfc822; a@example.com\nAction: failed\n",
         "550 5.1.1 unknown", "550 5.1.1 unknown", "", ""},
        /* Sendmail: the session says more than the first line of the reply */
        {">>> RCPT To:<b@example.com>\n<<< 250 ok\n>>> RCPT To:<a@example.com>\n<<< 550-5.1.1 no\n<<< 550 5.1.1 such user\n",
         "Final-Recipient: rfc822; a@example.com\nAction: failed\nDiagnostic-Code: smtp; 550-5.1.1 no\n",
         "550-5.1.1 no 550 5.1.1 such user", "550-5.1.1 no 550 5.1.1 such user", "RCPT", ""},
        /* Sendmail: there was no session, or a program failed */
        {"   ----- Transcript of session follows -----\n550 5.1.2 <a@example.com>... Host unknown\n",
         "Final-Recipient: rfc822; a@example.com\nAction: failed\n", "550 5.1.2 <a@example.com>... Host unknown",
         "550 5.1.2 <a@example.com>... Host unknown", "", ""},
        {"   ----- Transcript of session follows -----\nx failed\n554 5.3.0 unknown mailer error 255\n",
         "Final-Recipient: rfc822; a@example.com\nAction: failed\nDiagnostic-Code: X-Unix; 255\n",
         "554 5.3.0 unknown mailer error 255", "554 5.3.0 unknown mailer error 255", "", ""},
        {"<a@example.com> (expanded from <c@example.net>): host x.example[192.0.2.1] said: 550 no (in reply to MAIL FROM\n"
         "    command)\n",
         "Final-Recipient: rfc822; a@example.com\nAction: failed\nDiagnostic-Code: smtp; 550 no\n", "550 no",
         "(expanded from <c@example.net>): host x.example[192.0.2.1] said: 550 no (in reply to MAIL FROM command)", "MAIL",
         "c@example.net"},
        /* the headers of the message that failed are no words about it */
        {"  To: a@example.com\n  Subject: Offer\n\n  Recipient address: a@example.com\n  Reason: Over quota\n",
         "Final-Recipient: rfc822; a@example.com\nAction: failed\n", "Reason: Over quota", "Reason: Over quota", "", ""},
    };

    assert_int_equal(carom_arena_guard(*state), 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct carom_report_recipient *r = read_fields(*state, cases[i].human, cases[i].fields)->recipients;
        assert_non_null(r);
        check("diagnostic", r->diagnostic, cases[i].diagnostic);
        check("text", r->text_diagnostic, cases[i].text);
        check("command", r->command, cases[i].command);
        check("original", r->original, cases[i].original);
    }
    carom_arena_unguard(*state);
}

#define STATUS "Final-Recipient: rfc822; a@example.com\nAction: failed\nStatus: 5.1.1\n"
#define DSN "Content-Type: multipart/report; boundary=i\n\n--i\nContent-Type: message/delivery-status\n\n" STATUS "\n--i--\n"

static void finds_reports_and_nothing_else(void **state)
{
    static const struct {
        const char *what, *message;
        enum carom_report_type type;
        size_t n;
    } cases[] = {
        {"deep in multiparts",
         "From: MAILER-DAEMON@example.net\nContent-Type: multipart/mixed; boundary=o\n\n--o\n" DSN "\n--o--\n",
         CAROM_REPORT_DELIVERY, 1},
        {"in base64",
         "From: MAILER-DAEMON@example.net\nContent-Type: multipart/report; boundary=o\n\n--o\nContent-Type: "
         "message/delivery-status\nContent-Transfer-Encoding: base64\n\n"
         "RmluYWwtUmVjaXBpZW50OiByZmM4MjI7IGFAZXhhbXBsZS5jb20KQWN0aW9uOiBmYWlsZWQK\n--o--\n",
         CAROM_REPORT_DELIVERY, 1},
        {"attached by a filter",
         "From: postmaster@example.net\nSubject: Undeliverable\nContent-Type: multipart/mixed; boundary=o\n\n--o\n"
         "Content-Type: message/rfc822\n\nSubject: x\n" DSN "\n--o--\n",
         CAROM_REPORT_DELIVERY, 1},
        {"attached by a person",
         "From: Anna <anna@example.net>\nSubject: Fwd: Undeliverable\nContent-Type: multipart/mixed; boundary=o\n\n--o\n"
         "Content-Type: message/rfc822\n\nSubject: x\n" DSN "\n--o--\n",
         CAROM_REPORT_NONE, 0},
        {"the header was lost", "From: MAILER-DAEMON@example.net\nSubject: Returned mail\n\nThis is MIME\n\n--i\n"
         "Content-Type: message/delivery-status\n\n" STATUS "\n--i--\n", CAROM_REPORT_DELIVERY, 1},
        {"printed fields", "From: MAILER-DAEMON@example.net\nSubject: Undeliverable\n\nTechnical report:\n\n" STATUS,
         CAROM_REPORT_DELIVERY, 1},
        {"printed by a person", "From: anna@example.net\nSubject: Re: Undeliverable\n\nYour server wrote:\n\n" STATUS,
         CAROM_REPORT_NONE, 0},
        {"quoted by a person",
         "From: anna@example.net\nSubject: Re: failure notice\n\n<a@example.com>:\nSorry, no such user.\n",
         CAROM_REPORT_NONE, 0},
        {"about bounces", "From: news@example.net\nList-Id: <n.example.net>\nSubject: Undeliverable mail explained\n\n"
         "Mail to a@example.com could not be delivered.\n", CAROM_REPORT_NONE, 0},
        {"lunch", "From: anna@example.net\nSubject: Lunch?\n\nb@example.com is there too.\n", CAROM_REPORT_NONE, 0},
        {"empty", "", CAROM_REPORT_NONE, 0},
        {"no colon", "x\n", CAROM_REPORT_NONE, 0},
        {"vacation", "From: anna@example.net\nSubject: Auto: x\nAuto-Submitted: auto-replied\n\nI am on vacation.\n",
         CAROM_REPORT_AUTOREPLY, 0},
        {"unsubscribe", "From: anna@example.net\nSubject: Unsubscribe\n\n", CAROM_REPORT_UNSUBSCRIBE, 0},
    };

    assert_int_equal(carom_arena_guard(*state), 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct carom_report *report = read_text(*state, cases[i].message);
        if (report->type != cases[i].type || report->n != cases[i].n)
            fail_msg("%s: got type %d with %zu recipients, want %d with %zu", cases[i].what, (int)report->type, report->n,
                     (int)cases[i].type, cases[i].n);
    }
    carom_arena_unguard(*state);
}

static void finds_what_came_back(void **state)
{
    static const struct {
        const char *message, *subject, *text;
        bool complete;
    } cases[] = {
        {"Content-Type: multipart/report; boundary=o\n\n--o\n\nSorry\n--o\nContent-Type: message/rfc822\n\n"
         "Subject: News\n\nbody\n--o--\n", "News", "Sorry", true},
        {"Content-Type: multipart/report; boundary=o\n\n--o\n\nSorry\n--o\nContent-Type: text/rfc822-header\n\n"
         "Subject: News\n\n--o--\n", "News", "Sorry", false},
        {"Content-Type: multipart/mixed; boundary=o\n\n--o\n\nSorry\n--o\nContent-Type: text/plain; "
         "name=mailheaders-1.txt\n\nSubject: News\n--o--\n", "News", "Sorry", false},
        {"Subject: x\n\nSorry\n--- Below this line is a copy of the message.\n\nSubject: News\n\nbody\n", "News", "Sorry",
         true},
        {"Subject: x\n\nSorry\n------ This is a copy of the headers ------\n\nSubject: News\n", "News", "Sorry", false},
        {"Subject: x\n\nSorry\nIncluded is a copy of the message header:\n-----------\nReceived: by x\nSubject: News\n",
         "News", "Sorry", false},
        {"Subject: x\n\nSorry\n\nReceived:from a by b\nSubject:News\n", "News", "Sorry", false},
        {"Subject: x\n\nSorry\nOriginal mail as follows:\n\n   From a@example.com Mon\n   Subject: News\n   \n   body\n",
         "News", "Sorry", true},
        {"Subject: x\n\nSorry\n", "", "Sorry", false},
    };

    assert_int_equal(carom_arena_guard(*state), 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct carom_report *report = read_text(*state, cases[i].message);
        check("subject", carom_headers_get(&report->returned_headers, "Subject"), cases[i].subject);
        check("text", carom_str_trim(report->text), cases[i].text);
        if (report->returned_complete != cases[i].complete)
            fail_msg("case %zu: got complete %d, want %d", i, report->returned_complete, cases[i].complete);
    }
    carom_arena_unguard(*state);
}

static void reads_what_autoreplies_state(void **state)
{
    static const struct {
        const char *text, *type, *new_address;
        int64_t until;
    } cases[] = {
        {"I am out of the office until 17 November 2025.", "vacation", "", 1763337600},
        {"I am out of the office until November 17, 2025.", "vacation", "", 1763337600},
        {"Ich bin bis zum 17.11.2025 im Urlaub.", "vacation", "", 1763337600},
        {"on vacation until 2025-11-17", "vacation", "", 1763337600},
        {"on vacation until 17/11/2025", "vacation", "", 1763337600},
        {"on vacation until 3/4/2025", "vacation", "", 0},
        {"on vacation until Friday", "vacation", "", 0},
        {"She is no longer with the company, write to b@example.com.", "left", "", 0},
        {"My new email address is b@example.com.", "moved", "b@example.com", 0},
        {"Thank you.", "", "", 0},
    };

    assert_int_equal(carom_arena_guard(*state), 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct carom_str message = carom_arena_printf(
            *state, "From: anna@example.net\nSubject: Re: x\nAuto-Submitted: auto-replied\n\n%s\n", cases[i].text);
        struct carom_report *report = carom_report_read(*state, carom_message_parse(*state, message), NULL);
        if (report->type != CAROM_REPORT_AUTOREPLY)
            fail_msg("\"%s\": got type %d, want an automatic reply", cases[i].text, (int)report->type);
        check(cases[i].text, report->autoreply.type, cases[i].type);
        check(cases[i].text, report->autoreply.new_address, cases[i].new_address);
        if (report->autoreply.until != cases[i].until)
            fail_msg("\"%s\": got until %lld, want %lld", cases[i].text, (long long)report->autoreply.until,
                     (long long)cases[i].until);
    }
    carom_arena_unguard(*state);
}

static void knows_complaints(void **state)
{
    static const struct {
        const char *fields, *recipient;
        bool not_complaint;
    } cases[] = {
        {"Feedback-Type: abuse\nOriginal-Rcpt-To: <a@example.com>\n", "a@example.com", false},
        {"Feedback-Type: opt-out\nRemoval-Recipient: a@example.com\n", "a@example.com", false},
        {"Feedback-Type: abuse\nOriginal-Rcpt-To: redacted@example.com\n", "", false},
        {"Feedback-Type: not-spam\n", "", true},
        {"Feedback-Type: auth-failure\nAuth-Failure: dmarc\n", "", true},
    };

    assert_int_equal(carom_arena_guard(*state), 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct carom_str message = carom_arena_printf(
            *state,
            "From: fbl@example.com\nSubject: FW: x\nContent-Type: multipart/report; boundary=o\n\n--o\nContent-Type: "
            "message/feedback-report\n\n%s\n--o\nContent-Type: message/rfc822\n\nTo: undisclosed-recipients:;\n\nx\n--o--\n",
            cases[i].fields);
        struct carom_report *report = carom_report_read(*state, carom_message_parse(*state, message), NULL);
        if (report->type != CAROM_REPORT_FEEDBACK || report->not_complaint != cases[i].not_complaint)
            fail_msg("case %zu: got type %d, not_complaint %d", i, (int)report->type, report->not_complaint);
        check(cases[i].fields, report->feedback_recipient, cases[i].recipient);
    }
    carom_arena_unguard(*state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(reads_careless_fields, setup, teardown),
        cmocka_unit_test_setup_teardown(separates_recipients, setup, teardown),
        cmocka_unit_test_setup_teardown(takes_words_of_people, setup, teardown),
        cmocka_unit_test_setup_teardown(finds_reports_and_nothing_else, setup, teardown),
        cmocka_unit_test_setup_teardown(finds_what_came_back, setup, teardown),
        cmocka_unit_test_setup_teardown(reads_what_autoreplies_state, setup, teardown),
        cmocka_unit_test_setup_teardown(knows_complaints, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
