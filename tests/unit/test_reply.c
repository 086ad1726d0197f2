/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Replies as bounces quote them. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/str.h"
#include "smtp/reply.h"

struct reply_case {
    const char *text;
    int code;
    const char *status, *words, *command; /* NULL: not looked at */
};

static void check(const struct reply_case *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct carom_reply got = carom_reply_find(carom_str(cases[i].text));
        struct carom_str command = carom_reply_command(carom_str(cases[i].text));

        if (got.code != cases[i].code)
            fail_msg("%s: got code %d, want %d", cases[i].text, got.code, cases[i].code);
        if (!carom_str_eq(got.status, carom_str(cases[i].status)))
            fail_msg("%s: got status \"%.*s\", want \"%s\"", cases[i].text, CAROM_STR_ARG(got.status), cases[i].status);
        if (cases[i].words && !carom_str_eq(got.words, carom_str(cases[i].words)))
            fail_msg("%s: got words \"%.*s\", want \"%s\"", cases[i].text, CAROM_STR_ARG(got.words), cases[i].words);
        if (cases[i].command && !carom_str_eq(command, carom_str(cases[i].command)))
            fail_msg("%s: got command \"%.*s\", want \"%s\"", cases[i].text, CAROM_STR_ARG(command),
                     cases[i].command);
    }
}

static void parses(void **state)
{
    static const struct reply_case cases[] = {
        {"550 5.1.1 User unknown", 550, "5.1.1", "User unknown", ""},
        {"550-5.1.1 one\r\n550-5.1.1 two\r\n550 5.1.1 three", 550, "5.1.1", NULL, NULL},
        {"550-5.1.1 one\n550 two", 550, "5.1.1", "one\n550 two", NULL},
        {"550-5.1.1 one 550-5.1.1 two 550 5.1.1 three", 550, "5.1.1", NULL, NULL},
        {"550: 5.1.1 User unknown", 550, "5.1.1", "User unknown", NULL},
        {"550 550 5.1.1 User unknown", 550, "5.1.1", "User unknown", NULL},
        {"550 #5.1.0 Address rejected.", 550, "5.1.0", "Address rejected.", NULL},
        {"550 (#5.1.1) unknown", 550, "5.1.1", "unknown", NULL},
        {"#5.1.1 not found", 0, "5.1.1", "not found", NULL},
        {"5.1.1 550 User unknown", 550, "5.1.1", "User unknown", NULL},
        {"smtp; 550 5.1.1 User unknown", 550, "5.1.1", "User unknown", NULL},
        {"X-Postfix; 550 User unknown", 550, "", "User unknown", NULL},
        {"5.1.0 - Unknown address error 550-'5.7.1 refused' (delivery attempts: 0)", 550, "5.7.1", NULL, NULL},
        {"5.1.0 - Unknown address 550-'refused' (delivery attempts: 0)", 550, "5.1.0", NULL, NULL},
        {"550", 550, "", "", ""},
        {"550.1", 0, "", NULL, NULL},
        {"5501 things", 0, "", NULL, NULL},
        {"555.555.555.555 is no code", 0, "", NULL, NULL},
        {"600 nothing", 0, "", NULL, NULL},
        {"", 0, "", "", ""},
        {"550 room 101", 550, "", "room 101", NULL},
        {"421 5.7.32 both classes", 421, "5.7.32", "both classes", NULL},
        {"250 2.1.5 Ok", 250, "2.1.5", "Ok", NULL},
    };
    (void)state;
    check(cases, sizeof cases / sizeof *cases);
}

static void finds(void **state)
{
    static const struct reply_case cases[] = {
        {"host mx.example.com[192.0.2.1] said: 550 5.1.1 <a@example.com>: User unknown (in reply to RCPT TO command)",
         550, "5.1.1", NULL, "RCPT"},
        {"host mx.example.com [192.0.2.1]: 550 User unknown", 550, "", "User unknown", ""},
        {"SMTP error from remote mail server after end of data: host mx.example.com [192.0.2.1]: 552 5.3.4 too big", 552,
         "5.3.4", "too big", "DATA"},
        {"SMTP error from remote mail server after MAIL FROM:<a@example.org>: 550 no", 550, "", "no", "MAIL"},
        {"SMTP error from remote mail server after initial connection: 554 no", 554, "", "no", "CONN"},
        {"host mx.example.com[192.0.2.1] refused to talk to me: 554 blocked", 554, "", "blocked", "CONN"},
        {"192.0.2.1 does not like recipient.\nRemote host said: 550 no such user\nGiving up on 192.0.2.1.", 550, "",
         NULL, "RCPT"},
        {"192.0.2.1 failed after I sent the message.\nRemote host said: 554 no", 554, "", "no", "DATA"},
        {"Remote Server returned '550 5.1.10 RESOLVER.ADR.RecipientNotFound'", 550, "5.1.10", NULL, NULL},
        {"550 5.1.351 Remote server returned unknown recipient -> 550 5.1.1 gone", 550, "5.1.1", "gone", NULL},
        {"sorry, no mailbox here by that name. (#5.1.1)", 0, "5.1.1", NULL, ""},
        {"550 sorry, no mailbox here by that name (#5.1.1 - chkuser)", 550, "5.1.1", NULL, NULL},
        {"the message has 550 lines and 552 words", 0, "", NULL, NULL},
        {"connect to mx.example.com[192.0.2.1]:25: Connection timed out", 0, "", NULL, ""},
        {"port 587 of 192.0.2.550", 0, "", NULL, NULL},
        {"", 0, "", "", ""},
    };
    (void)state;
    check(cases, sizeof cases / sizeof *cases);
}

static void quotes(void **state)
{
    static const struct {
        const char *text, *quoted;
    } cases[] = {
        {"5.1.0 - Unknown address error 550-'5.7.1 refused' (delivery attempts: 0)",
         "550-'5.7.1 refused' (delivery attempts: 0)"},
        {"5.1.0 - Unknown address error 'timeout'", ""},
        {"550 5.1.1 he said 554-'no'", ""}, /* a reply of its own is no label */
        {"5.1.0 - Unknown address error", ""},
        {"", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct carom_str got = carom_reply_quoted(carom_str(cases[i].text));
        if (!carom_str_eq(got, carom_str(cases[i].quoted)))
            fail_msg("%s: got \"%.*s\", want \"%s\"", cases[i].text, CAROM_STR_ARG(got), cases[i].quoted);
    }
}

static void finds_status(void **state)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"5.1.1", "5.1.1"}, {"(5.1.1)", "5.1.1"}, {"#5.1.1", "5.1.1"}, {"550-5.1.1 x", "5.1.1"},
        {"x 5.7.606 y", "5.7.606"},
        {"'4.4.7'", "4.4.7"}, {"5.1.1.", "5.1.1"}, {"5.1.1, then", "5.1.1"}, {"192.0.2.1", ""}, {"5.1.1.1", ""},
        {"4.5.6.7", ""}, {"1.5.1.1", ""}, {"15.1.1", ""}, {"5.1.1234", ""}, {"5.1111.1", ""}, {"v5.1.1", ""},
        {"Postfix 2.5.1", ""}, {"version 4.4.1", ""}, {"Exim 4.96.2", ""}, {"ESMTP Sendmail 5.0.2", ""}, {"3.1.1", ""},
        {"5.9.9", ""}, {"x-5.1.1", ""}, {"a/5.1.1", ""}, {"5.1.1rc2", ""}, {"", ""}, {"5.", ""}, {"5.1.", ""},
        {"10.2.5.1.1 then 5.2.2", "5.2.2"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct carom_str got = carom_status_find(carom_str(cases[i].text));

        if (!carom_str_eq(got, carom_str(cases[i].want)))
            fail_msg("%s: got \"%.*s\", want \"%s\"", cases[i].text, CAROM_STR_ARG(got), cases[i].want);
    }
}

static void knows_filler(void **state)
{
    (void)state;
    assert_true(carom_status_is_filler(CAROM_STR("5.0.0")));
    assert_true(carom_status_is_filler(CAROM_STR("4.0.0")));
    assert_false(carom_status_is_filler(CAROM_STR("5.1.0")));
    assert_false(carom_status_is_filler(CAROM_STR("5.0.00")));
    assert_false(carom_status_is_filler(CAROM_STR_EMPTY));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses),
        cmocka_unit_test(finds),
        cmocka_unit_test(quotes),
        cmocka_unit_test(finds_status),
        cmocka_unit_test(knows_filler),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
