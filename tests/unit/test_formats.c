/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Line templates, the tables that use them, and how a text is laid out. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bounce/line.h"
#include "bounce/reader.h"
#include "bounce/tables.h"

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

static void matches_lines(void **state)
{
    static const struct {
        const char *line, *shape, *addr, *text; /* addr NULL: no match */
    } cases[] = {
        {"<a@example.com>:", "<{addr}>:", "a@example.com", ""},
        {"<a@example.com>:  ", "<{addr}>:", "a@example.com", ""},
        {" <a@example.com>:", "<{addr}>:", NULL, ""},
        {"  a@example.com", "~{addr}", "a@example.com", ""},
        {"a@example.com", "~{addr}", NULL, ""},
        {"   * a@example.com", "~{addr}", "a@example.com", ""},
        {"\"a@example.com\":", "{addr}:", "a@example.com", ""},
        {"a@example.com: no such user", "{addr}: {text}", "a@example.com", "no such user"},
        {"write to a@example.com: soon", "{addr}: {text}", NULL, ""},
        {"<a@example.com> (expanded from <b@example.com>): x", "<{addr}>: {text}", NULL, ""},
        {"<a@example.com> (expanded from <b@example.com>): x", "<{addr}> (expanded from <{original}>): {text}",
         "a@example.com", "x"},
        {"550 <a@example.com>... User unknown", "{code} <{addr}>... {text}", "a@example.com", "User unknown"},
        {"999 <a@example.com>... User unknown", "{code} <{addr}>... {text}", NULL, ""},
        {"Unknown user: a@example.com", "unknown USER: {addr}", "a@example.com", ""},
        {"x:1:<a@example.com> : reply", "*:*:<{addr}> : {text}", "a@example.com", "reply"},
        {"a@example.com [User unknown]", "{addr} [{text}]", "a@example.com", "User unknown"},
        {"a@example.com [User unknown] etc", "{addr} [{text}]", NULL, ""},
        {"RCPT TO:<a@example.com>", "{addr}", NULL, ""},
        {"550 5.1.1 <a@example.com>: no", "{addr}: {text}", NULL, ""},
        {"Anna B. <a@example.com>", "{addr}", "a@example.com", ""},
        {"", "{addr}", NULL, ""},
    };
    struct carom_line_captures captures;

    assert_int_equal(carom_arena_guard(*state), 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bool got = carom_line_match(*state, carom_str(cases[i].line), carom_str(cases[i].shape), &captures);
        if (got != (cases[i].addr != NULL))
            fail_msg("\"%s\" with \"%s\": got %d, want %d", cases[i].line, cases[i].shape, got, !got);
        if (!got)
            continue;
        check(cases[i].line, captures.addr, cases[i].addr);
        check(cases[i].line, captures.text, cases[i].text);
    }
    carom_arena_unguard(*state);
}

static void finds_in_sentences(void **state)
{
    static const struct {
        const char *text, *shape, *host, *ip; /* host NULL: not there */
    } cases[] = {
        {"host mx.example.com[192.0.2.1] said: 550 no", "host {host}[{ip}] said:", "mx.example.com", "192.0.2.1"},
        {"a host of hosts: host mx.example.com[192.0.2.1] said: no", "host {host}[{ip}] said:", "mx.example.com",
         "192.0.2.1"},
        {"mx.example.com [192.0.2.1] did not like our RCPT TO: 550", "{host} [{ip}] did not like our {command}:",
         "mx.example.com", "192.0.2.1"},
        {"Giving up on 192.0.2.1.", "Giving up on {ip}", "", "192.0.2.1"},
        {"host of many", "host {host}[{ip}] said:", NULL, ""},
        {"", "host {host}[{ip}] said:", NULL, ""},
    };
    struct carom_line_captures captures;
    size_t start, end;

    assert_int_equal(carom_arena_guard(*state), 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bool got = carom_line_find(*state, carom_str(cases[i].text), carom_str(cases[i].shape), &captures, &start, &end);
        if (got != (cases[i].host != NULL))
            fail_msg("\"%s\" in \"%s\": got %d, want %d", cases[i].shape, cases[i].text, got, !got);
        if (!got)
            continue;
        check(cases[i].text, captures.host, cases[i].host);
        check(cases[i].text, captures.ip, cases[i].ip);
    }
    carom_arena_unguard(*state);
}

static bool is_one_of(const char *word, const char *const *words)
{
    for (; *words; words++)
        if (strcmp(word, *words) == 0)
            return true;
    return false;
}

/* A word that the interpreter does not know would be ignored in silence. */
static void tables_use_known_words(void **state)
{
    static const char *const takes[] = {"line", "self", "indented", "paragraph", "block", "before", "text", NULL};
    static const char *const claims[] = {"failed", "gave_up", "delayed", "delivered", NULL};
    static const char *const kinds[] = {"message", "headers", NULL}, *const markers[] = {"line", "first", "name", NULL};
    static const char *const signs[] = {"local", "name", "subject", "answer", "failure", "delay", "gave_up", "masked",
                                        "role", "verifies", "mailer", "contact", "challenge", "receipt", NULL};
    static const char *const gives[] = {"autoreply", "challenge", "receipt", "unsubscribe", "complaint", "none", NULL};
    static const char *const places[] = {"", "subject", "from", "text", "first line", "attachment", "suspect", "automatic",
                                         "reply", "says", "states", "to",
                                         "failure subject", NULL};
    static const char *const whats[] = {"left", "moved", "ticket", "vacation", "until", "new_address", NULL};

    (void)state;
    for (size_t i = 0; i < carom_formats_n; i++) {
        const struct carom_format_row *row = &carom_formats[i];
        if (!is_one_of(row->take, takes) || !is_one_of(row->claim, claims) || !*row->name || !*row->recipient)
            fail_msg("formats.tsv: row %zu (%s): got take \"%s\", claim \"%s\"", i, row->name, row->take, row->claim);
        if (!*row->from && !*row->subject && !*row->header && !*row->body)
            fail_msg("formats.tsv: row %zu (%s) fits every message", i, row->name);
    }
    for (size_t i = 0; i < carom_markers_n; i++)
        if (!is_one_of(carom_cell_str(carom_markers[i].where).ptr, markers) || !is_one_of(carom_cell_str(carom_markers[i].kind).ptr, kinds))
            fail_msg("markers.tsv: row %zu: got \"%s\", \"%s\"", i, carom_cell_str(carom_markers[i].where).ptr, carom_cell_str(carom_markers[i].kind).ptr);
    for (size_t i = 0; i < carom_signs_n; i++)
        if (!is_one_of(carom_cell_str(carom_signs[i].where).ptr, signs))
            fail_msg("signs.tsv: row %zu: got \"%s\"", i, carom_cell_str(carom_signs[i].where).ptr);
    for (size_t i = 0; i < carom_autoreplies_n; i++)
        if (!is_one_of(carom_cell_str(carom_autoreplies[i].what).ptr, whats))
            fail_msg("autoreplies.tsv: row %zu: got \"%s\"", i, carom_cell_str(carom_autoreplies[i].what).ptr);
    for (size_t i = 0; i < carom_notices_n; i++) {
        const struct carom_notice_row *row = &carom_notices[i];
        if (!is_one_of(carom_cell_str(row->gives).ptr, gives) ||
            (!is_one_of(carom_cell_str(row->where).ptr, places) && strncmp(carom_cell_str(row->where).ptr, "header:", 7) != 0) ||
            (!is_one_of(carom_cell_str(row->where_too).ptr, places) && strncmp(carom_cell_str(row->where_too).ptr, "header:", 7) != 0))
            fail_msg("notices.tsv: row %zu: got \"%s\", \"%s\", \"%s\"", i, carom_cell_str(row->gives).ptr, carom_cell_str(row->where).ptr, carom_cell_str(row->where_too).ptr);
    }
}

/* A detail that begins with "*" or two captures could never be found. */
static void details_have_a_literal(void **state)
{
    struct carom_line_captures captures;
    size_t start, end;

    assert_int_equal(carom_arena_guard(*state), 0);
    for (size_t i = 0; i < carom_details_n; i++) {
        char text[256];
        size_t n = 0;
        const char *p = carom_cell_str(carom_details[i].pattern).ptr;
        while (*p && n < sizeof text - 24) { /* the pattern with its captures filled in */
            if (*p == '{') {
                const char *value = strncmp(p, "{original}", 10) == 0 ? "a@example.com" : "192.0.2.1";
                memcpy(text + n, value, strlen(value));
                n += strlen(value);
                p = strchr(p, '}') + 1;
            } else {
                text[n++] = *p++;
            }
        }
        if (!carom_line_find(*state, carom_str_n(text, n), carom_cell_str(carom_details[i].pattern), &captures, &start, &end))
            fail_msg("details.tsv: \"%s\": got nothing in \"%.*s\"", carom_cell_str(carom_details[i].pattern).ptr, (int)n, text);
    }
    carom_arena_unguard(*state);
}

static void reads_text_formats(void **state)
{
    static const struct {
        const char *message, *format, *final, *diagnostic;
    } cases[] = {
        {"From: MAILER-DAEMON@example.net\nSubject: failure notice\n\nHi. This is the qmail-send program at example.net.\n\n"
         "<a@example.com>:\nSorry, no mailbox.\n (#5.1.1)\n\n--- Below this line is a copy of the message.\n\nTo: b@example.com\n",
         "qmail", "a@example.com", "Sorry, no mailbox. (#5.1.1)"},
        {"From: Mailer-Daemon@example.net\nSubject: Mail delivery failed\n\nThis message was created automatically by mail "
         "delivery software.\n\nThe following address(es) failed:\n\n  a@example.com\n    mailbox is full\n    <b@example.com>\n\n",
         "exim", "a@example.com", "mailbox is full <b@example.com>"},
        {"From: postmaster@example.com\nSubject: Undeliverable Mail\n\nUser mailbox exceeds allowed size: a@example.com\n\n"
         "Original message follows.\n\nSubject: x\n",
         "imail", "a@example.com", "User mailbox exceeds allowed size: a@example.com"},
        {"From: postmaster@example.com\nSubject: Undeliverable message\n\n------- Failure Reasons  --------\n\nNo such user\n"
         "a@example.com\n\n------- Returned Message --------\nSubject: x\n",
         "domino", "a@example.com", "No such user"},
        /* the text says that it is a bounce, but not for whom */
        {"From: postmaster@example.com\nSubject: Delivery problem\n\nThe message WAS NOT relayed to:\n  one of them\n",
         "amavis", "", ""},
    };

    assert_int_equal(carom_arena_guard(*state), 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct carom_message *message = carom_message_parse(*state, carom_str(cases[i].message));
        struct carom_report *report = carom_report_read(*state, message, NULL);
        if (report->n != 1)
            fail_msg("%s: got %zu recipients, want 1", cases[i].format, report->n);
        check("format", report->format, cases[i].format);
        check(cases[i].format, report->recipients->final, cases[i].final);
        check(cases[i].format, report->recipients->diagnostic, cases[i].diagnostic);
    }
    carom_arena_unguard(*state);
}

static void flows(void **state)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"one\n two\r\n\r\n\tthree", "one two three"}, {" a  b\tc \r d ", "a b c d"}, {"\n \t\n", ""},
        {"caf\303\251  au\nlait", "caf\303\251 au lait"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check(cases[i].text, carom_text_flow(*state, carom_str(cases[i].text)), cases[i].want);
}

/* Of a report whose text changed, the lines are those of the new one. */
static void counts_lines(void **state)
{
    char text[8192];
    struct carom_report report = {.text = CAROM_STR("a\r\n\nb")};
    struct carom_reading reading = {.arena = *state, .report = &report};
    struct carom_lines lines = carom_report_lines(&reading);

    assert_int_equal(lines.n, 3);
    check("second", lines.list[1], "");
    check("third", lines.list[2], "b");
    assert_ptr_equal(carom_report_lines(&reading).list, lines.list);
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = i % 2 ? '\n' : 'x';
    report.text = carom_str_n(text, sizeof text);
    lines = carom_report_lines(&reading);
    assert_int_equal(lines.n, 2000);
    check("last", lines.list[1999], "x");
    report.text.len = 3;
    assert_int_equal(carom_report_lines(&reading).n, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(matches_lines, setup, teardown),
        cmocka_unit_test_setup_teardown(finds_in_sentences, setup, teardown),
        cmocka_unit_test(tables_use_known_words),
        cmocka_unit_test_setup_teardown(flows, setup, teardown),
        cmocka_unit_test_setup_teardown(counts_lines, setup, teardown),
        cmocka_unit_test_setup_teardown(details_have_a_literal, setup, teardown),
        cmocka_unit_test_setup_teardown(reads_text_formats, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
