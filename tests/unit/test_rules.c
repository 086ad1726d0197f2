/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The order in which rules, codes and texts are asked, and what the table must hold to. How well replies are read is
   measured by test_diagnostics. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/str.h"
#include "classify/fact.h"
#include "classify/rules.h"

/* Refusals of the sender, of content or of a rate, many with words that name mailboxes too. None of these addresses
   may be called dead. */
static const char *const never_hard[] = {
    "550 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org",
    "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using bl.spamcop.net; User unknown in our whitelist",
    "550 5.7.1 Message blocked: mailbox unavailable",
    "550 5.1.1 Mail from 192.0.2.1 rejected: listed at dnsbl.example.net",
    "550 5.7.1 Recipient address rejected: your host is on our block list",
    "550 Recipient unknown; your IP address is blacklisted",
    "550 Blocked by policy. Mailbox unavailable",
    "550 5.7.1 Access denied, banned sending IP [192.0.2.1]",
    "554 IP=192.0.2.1 - None/bad reputation. Ask your postmaster for help",
    "550 5.7.26 This mail is unauthenticated, which poses a security risk; user does not exist in SPF",
    "550 5.7.1 Email rejected per DMARC policy for example.org",
    "550 5.7.25 The sending IP address doesn't have a PTR record",
    "550 Cannot find your reverse hostname, user unknown",
    "554 5.7.1 Fix reverse DNS for 192.0.2.1",
    "550 5.7.1 Your message looks like spam; address does not exist on whitelist",
    "550 Message rejected as spam by content filter",
    "554 5.7.1 Message considered as spam or virus, rejected",
    "550 5.7.509 Access denied, sending domain example.org does not pass DMARC verification",
    "550 5.7.1 Unfortunately, messages from [192.0.2.1] weren't sent. Please contact your Internet service provider since part of their network is on our block list (S3150).",
    "550 SC-001 Mail rejected by Outlook.com for policy reasons",
    "421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred due to unexpected volume or user complaints",
    "553 5.7.1 [BL21] Connections will not be accepted from 192.0.2.1",
    "550 5.7.1 [CS01] Message rejected due to local policy",
    "554 resimta-po-11v.sys.comcast.net comcast 192.0.2.1 Comcast BL000010 Blocked",
    "550 5.1.0 192.0.2.1 is blocked. AUP#CDRBL",
    "550 5.1.0 <bounce@example.org> sender rejected AUP#In-1310",
    "554 No SMTP service. IP address is block listed",
    "550 Mailbox unavailable or access denied",
    "550 5.7.1 [HM08] Message rejected due to local policy",
    "421 HL:REP 163 mx12 too many unknown users from your IP",
    "550 OFR006_102 [102] Client host blocked for spamming issues",
    "550 5.7.1 Sender verify failed: user unknown",
    "550 Verification failed for <bounce@example.org>. No such user here. Sender verify failed",
    "550 5.1.7 No such domain example.org",
    "550 5.1.8 Sender address rejected: Domain not found",
    "553 sorry, your envelope sender is in my badmailfrom list (#5.7.1)",
    "550 5.7.1 Relaying denied: no such user at this host",
    "554 5.7.1 You have been blocked by the recipient",
    "550 5.7.133 Sender not authenticated for group",
    "550 5.1.1 Amazon SES did not send the message to this address because it is on the suppression list for your account",
    "550 5.2.1 The user you are trying to contact is receiving mail at a rate that prevents additional messages from being delivered",
    "550 5.7.1 TRANSPORT.RULES.RejectMessage; the message was rejected by organization policy",
    "550 5.7.1 Requested action not taken: mailbox unavailable",
    "550 5.7.1 Recipient address rejected: see our postmaster page",
    "554 Transaction failed. Reject due to policy restrictions",
    "550 5.7.1 <jane@example.com>: Recipient address rejected: ERS-QIL",
    "550 Your account has been suspended, contact your provider",
    "450 4.1.1 <jane@example.com>: Recipient address rejected: User unknown",
    "451 4.1.2 Domain not found",
    "552 5.2.2 user unknown or over quota: mailbox full",
};

static struct carom_fact judge(struct carom_arena *arena, const char *reply, const char *host)
{
    const struct carom_reply_input input = {.reply = reply, .recipient = "jane@example.com", .remote_mta = host};

    return carom_facts_reply(arena, &input, NULL, 1700000000).list[0];
}

static void spares_living_addresses(void **state)
{
    struct carom_arena *arena = carom_arena_new();
    int wrong = 0;

    (void)state;
    assert_false(carom_arena_guard(arena));
    for (size_t i = 0; i < sizeof never_hard / sizeof *never_hard; i++) {
        struct carom_fact fact = judge(arena, never_hard[i], "mx.example.net");

        if (fact.hard) {
            print_error("%s: got hard, %s (rule %.*s), want soft\n", never_hard[i], carom_reason_name(fact.reason),
                        CAROM_STR_ARG(fact.evidence.rule));
            wrong++;
        }
    }
    carom_arena_unguard(arena);
    carom_arena_free(arena);
    assert_int_equal(wrong, 0);
}

static struct carom_case case_of(const char *diagnostic, const char *status, int code)
{
    return (struct carom_case){.reply_code = code, .status = carom_str(status), .provider = CAROM_STR_EMPTY,
                               .command = CAROM_STR_EMPTY, .diagnostic = carom_str(diagnostic),
                               .where = CAROM_STR("Diagnostic-Code"), .text = CAROM_STR_EMPTY, .machine = true};
}

static void asks_words_then_codes_then_text(void **state)
{
    static const struct {
        const char *diagnostic, *status;
        int code;
        const char *text, *rule;
        enum carom_confidence confidence;
    } cases[] = {
        {"User unknown", "5.2.2", 552, "", "generic.user-unknown", CAROM_CONFIDENCE_HIGH},
        {"nothing", "5.1.1", 552, "over quota", "status:5.1.1", CAROM_CONFIDENCE_HIGH},
        {"mailbox unavailable", "5.2.2", 550, "", "status:5.2.2", CAROM_CONFIDENCE_HIGH},
        {"mailbox unavailable", "", 550, "", "generic.mailbox-unavailable", CAROM_CONFIDENCE_LOW},
        {"mailbox unavailable", "", 450, "", "", CAROM_CONFIDENCE_LOW},
        {"nothing", "5.7.1", 552, "user unknown", "code:552", CAROM_CONFIDENCE_LOW},
        {"nothing", "5.7.1", 550, "user unknown", "generic.user-unknown", CAROM_CONFIDENCE_MEDIUM},
        {"nothing", "5.7.1", 550, "", "status:5.7.1", CAROM_CONFIDENCE_LOW},
        {"nothing", "5.0.0", 550, "", "", CAROM_CONFIDENCE_LOW},
        {"nothing", "", 0, "", "", CAROM_CONFIDENCE_LOW},
        {"", "", 0, "", "", CAROM_CONFIDENCE_LOW},
    };
    struct carom_arena *arena = carom_arena_new();

    (void)state;
    assert_false(carom_arena_guard(arena));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct carom_case what = case_of(cases[i].diagnostic, cases[i].status, cases[i].code);
        struct carom_verdict got;

        what.text = carom_str(cases[i].text);
        got = carom_rules_judge(arena, &what, NULL);
        if (!carom_str_eq(got.rule, carom_str(cases[i].rule)))
            fail_msg("%zu %s: got rule %.*s, want %s", i, cases[i].diagnostic, CAROM_STR_ARG(got.rule), cases[i].rule);
        if (got.confidence != cases[i].confidence)
            fail_msg("%zu %s: got confidence %d, want %d", i, cases[i].diagnostic, got.confidence, cases[i].confidence);
    }
    carom_arena_unguard(arena);
    carom_arena_free(arena);
}

static void quotes_what_it_matched(void **state)
{
    struct carom_arena *arena = carom_arena_new();
    struct carom_case what = case_of("<jane@example.com>:  No  Such\n USER here", "", 550);
    struct carom_verdict got;

    (void)state;
    assert_false(carom_arena_guard(arena));
    got = carom_rules_judge(arena, &what, NULL);
    if (!carom_str_eq(got.text, CAROM_STR("No Such USER here")) && !carom_str_eq(got.text, CAROM_STR("No Such USER")))
        fail_msg("got \"%.*s\", want the words as they stand", CAROM_STR_ARG(got.text));
    if (!carom_str_eq(got.where, CAROM_STR("Diagnostic-Code")))
        fail_msg("got where \"%.*s\", want Diagnostic-Code", CAROM_STR_ARG(got.where));
    carom_arena_unguard(arena);
    carom_arena_free(arena);
}

/* What a person who adds a row may get wrong and the table compiler cannot see. */
static void table_is_sound(void **state)
{
    (void)state;
    if (carom_rules_matcher.patterns != carom_rules_n)
        fail_msg("got %u patterns, want one a rule (%zu)", carom_rules_matcher.patterns, carom_rules_n);
    for (size_t i = 0; i < carom_rules_n; i++) {
        const struct carom_rule rule = carom_rule_built_in(i);

        if (!rule.id.len || !rule.seen.len || rule.reason == CAROM_REASON_NONE || rule.weight < 1 || rule.weight > 100)
            fail_msg("rule %zu (%s): got no id, source, reason or weight from 1 to 100", i, rule.id.ptr);
        for (size_t j = i + 1; j < carom_rules_n; j++) {
            if (carom_str_eq(rule.id, carom_cell_str(carom_rules[j].id)))
                fail_msg("two rules have the id %s", rule.id.ptr);
        }
    }
}

static void every_reason_has_a_rule(void **state)
{
    (void)state;
    for (int reason = CAROM_REASON_USER_UNKNOWN; reason < CAROM_REASON_COUNT; reason++) {
        size_t n = 0;

        for (size_t i = 0; i < carom_rules_n; i++)
            n += (int)carom_rules[i].reason == reason;
        if (n == 0)
            fail_msg("%s: got no rule", carom_reason_name((enum carom_reason)reason));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spares_living_addresses),
        cmocka_unit_test(asks_words_then_codes_then_text),
        cmocka_unit_test(quotes_what_it_matched),
        cmocka_unit_test(table_is_sound),
        cmocka_unit_test(every_reason_has_a_rule),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
