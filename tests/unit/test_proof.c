/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* What a report proves, and what forged ones do not: authenticity, recipient, token. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/str.h"
#include "classify/fact.h"
#include "classify/origin.h"

enum { DAY = 86400 };
static const int64_t now = INT64_C(1774000000);

static struct carom_arena *arena;
static struct carom_verp_key key;
static struct carom_verp verp;
static struct carom_trust trust;

/* What a ledger knows: one subscriber by id, one by hash. */
static int resolve(void *user, struct carom_arena *into, const struct carom_verp_token *token,
                   struct carom_verp_subject **list_r, size_t *n_r)
{
    static struct carom_verp_subject subject;

    if (user)
        return -1;
    *n_r = 0;
    *list_r = &subject;
    if (!token->refers && carom_str_eq(token->says.id, CAROM_STR("4711")))
        subject = (struct carom_verp_subject){CAROM_STR("7"), CAROM_STR("4711"), CAROM_STR("Jane@example.net")},
        *n_r = 1;
    if (token->refers && token->reference == carom_verp_reference(into, CAROM_STR("7"), CAROM_STR("jane@example.net")))
        subject = (struct carom_verp_subject){CAROM_STR("7"), CAROM_STR_EMPTY, CAROM_STR("jane@example.net")}, *n_r = 1;
    return 0;
}

static struct carom_str list_of(void *user, struct carom_str name)
{
    (void)user;
    return carom_str_eq(name, CAROM_STR("7")) ? CAROM_STR("news.example.org") : name;
}

static int begin(void **state)
{
    static struct carom_names authserv = {{"mx.example.org", 14}, NULL},
                              reporters = {{"arf.provider.example", 20}, NULL};
    static struct carom_fbl fbl = {{"fbl@example.org", 15}, &reporters, NULL};

    (void)state;
    arena = carom_arena_new();
    carom_verp_key_set(&key, 1, 0, CAROM_STR("a secret of sixteen bytes"));
    verp = (struct carom_verp){
        .domain = CAROM_STR("b.example.org"), .prefix = CAROM_STR_EMPTY, .max_age = 30 * DAY, .keys = &key, .n = 1};
    trust =
        (struct carom_trust){.verp = &verp, .authserv = &authserv, .fbl = &fbl, .resolve = resolve, .list_of = list_of};
    return arena ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    carom_arena_free(arena);
    return 0;
}

static struct carom_str sign(enum carom_verp_place place, const char *list, const char *id, const char *recipient)
{
    const struct carom_verp_subject subject = {carom_str(list), carom_str(id), carom_str(recipient)};
    return carom_verp_sign(arena, &verp, place, &subject, now, NULL);
}

static const char *path_of(const char *list, const char *id, const char *recipient)
{
    return sign(CAROM_VERP_PATH, list, id, recipient).ptr;
}

/* What our server writes above a message from outside. */
static const char *const outside = "Received: from helo.example (mx.example.net [192.0.2.7])\n"
                                   "\tby mx.example.org (Postfix) with ESMTP id 1; Thu, 20 Nov 2025 10:00:05 +0000\n";

static struct carom_fact_list read_message(const char *to, const char *text, int64_t received)
{
    const struct carom_envelope envelope = {.source = "test", .sender = "", .recipient = to, .received = received};
    return carom_facts_read(arena, carom_arena_str(arena, carom_str(text)), &envelope, &trust, NULL, received);
}

/* A DSN about `fields`, sent to that address. */
static struct carom_fact_list read_dsn(const char *to, const char *top, const char *fields, const char *returned,
                                       int64_t received)
{
    return read_message(
        to,
        carom_arena_printf(arena,
                           "%sFrom: MAILER-DAEMON@mx.example.net\nTo: <>\nSubject: Undelivered Mail\n"
                           "Message-ID: <b1@mx.example.net>\nMIME-Version: 1.0\n"
                           "Content-Type: multipart/report; report-type=delivery-status; boundary=\"B\"\n\n"
                           "--B\nContent-Type: text/plain\n\nIt could not be delivered.\n\n"
                           "--B\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example.net\n\n%s\n"
                           "--B\nContent-Type: text/rfc822-headers\n\n%s\n--B--\n",
                           top, fields, returned)
            .ptr,
        received);
}

#define FAILED(address) "Final-Recipient: rfc822; " address "\nAction: failed\nStatus: 5.1.1\n"

static void check(const char *what, const struct carom_fact *fact, enum carom_authenticity tier, const char *recipient)
{
    if (fact->authenticity != tier)
        fail_msg("%s: got %s, want %s", what, carom_authenticity_name(fact->authenticity),
                 carom_authenticity_name(tier));
    if (!carom_str_eq(fact->recipient, carom_str(recipient)))
        fail_msg("%s: got recipient %.*s, want %s", what, CAROM_STR_ARG(fact->recipient), recipient);
}

static struct carom_fact one(const char *to, const char *fields, const char *returned)
{
    return read_dsn(to, outside, fields, returned, now).list[0];
}

/* ---- Tokens ---- */

/* The DSN names the address behind the forwarding; the token knows whom we mailed. */
static void believes_the_token_not_the_report(void **state)
{
    struct carom_fact fact =
        one(path_of("7", "", "jane@example.net"), FAILED("j.doe@elsewhere.example"), "Subject: x\n");
    (void)state;

    check("forwarded", &fact, CAROM_AUTHENTICITY_SIGNED, "jane@example.net");
    assert_true(carom_str_eq(fact.final_recipient, CAROM_STR("j.doe@elsewhere.example")));
    assert_true(carom_str_eq(fact.list, CAROM_STR("news.example.org")));
    assert_true(carom_str_eq(fact.list_by, CAROM_STR("token")));
    assert_int_equal(fact.token_time, now / DAY * DAY);
    assert_true(fact.token.len > 20 && carom_str_eq(fact.delivery, fact.token));

    /* The attacker's own token: he can only harm himself. */
    fact = one(path_of("7", "", "attacker@evil.example"),
               "Original-Recipient: rfc822; victim@example.net\n" FAILED("victim@example.net"),
               "To: victim@example.net\n");
    check("token of another recipient", &fact, CAROM_AUTHENTICITY_SIGNED, "attacker@evil.example");
}

static void many_recipients_are_the_one(void **state)
{
    struct carom_fact_list facts =
        read_dsn(path_of("7", "", "jane@example.net"), outside,
                 FAILED("a@elsewhere.example") "\n" FAILED("victim@example.com"), "Subject: x\n", now);
    (void)state;

    assert_int_equal(facts.n, 2);
    check("first", &facts.list[0], CAROM_AUTHENTICITY_SIGNED, "jane@example.net");
    check("second", &facts.list[1], CAROM_AUTHENTICITY_SIGNED, "jane@example.net");
    assert_true(carom_str_eq(facts.list[0].id, facts.list[1].id));
}

/* Our ids: the address that the MAC covers is one that the report names, or nobody's. */
static void binds_ids_to_their_recipient(void **state)
{
    static const char long_name[] = "somebody.with.a.long.name@mail.example.net";
    const char *path = path_of("7", "d.99", long_name);
    struct carom_fact fact = one(path, FAILED("somebody.with.a.long.name@mail.example.net"), "Subject: x\n");
    (void)state;

    check("id with its recipient", &fact, CAROM_AUTHENTICITY_SIGNED, long_name);
    assert_true(carom_str_eq(fact.delivery, CAROM_STR("d.99")));
    fact = one(path, "Original-Recipient: rfc822; Somebody.With.a.long.name@MAIL.example.net\n" FAILED("x@y.example"),
               "Subject: x\n");
    assert_int_equal(fact.authenticity, CAROM_AUTHENTICITY_SIGNED);
    fact = one(path, FAILED("victim@example.net"), "Subject: x\n");
    check("id with another recipient", &fact, CAROM_AUTHENTICITY_UNPROVEN, "victim@example.net");
    assert_true(fact.token.len > 0 && fact.token_time == 0);

    fact = one(path_of("7", "4711", ""), FAILED("victim@example.net"), "Subject: x\n");
    check("id that the ledger knows", &fact, CAROM_AUTHENTICITY_SIGNED, "Jane@example.net");
    assert_false(carom_str_eq(fact.delivery, CAROM_STR("4711"))); /* of all her deliveries */
    fact = one(path_of("7", "4712", ""), FAILED("victim@example.net"), "Subject: x\n");
    check("id that nobody knows", &fact, CAROM_AUTHENTICITY_UNPROVEN, "victim@example.net");
    assert_true(carom_str_eq(fact.delivery, CAROM_STR("4712")));
}

static void asks_the_ledger_for_references(void **state)
{
    verp.prefix = CAROM_STR("twenty-four-bytes-long-+"); /* makes her address too long */
    struct carom_fact fact = one(path_of("7", "", "jane@example.net"), FAILED("x@y.example"), "Subject: x\n");
    (void)state;

    check("known", &fact, CAROM_AUTHENTICITY_SIGNED, "jane@example.net");
    fact = one(path_of("7", "", "joan@example.net"), FAILED("joan@example.net"), "Subject: x\n");
    check("unknown", &fact, CAROM_AUTHENTICITY_UNPROVEN, "joan@example.net");
    trust.user = &trust;
    one(path_of("7", "", "jane@example.net"), FAILED("x@y.example"), "Subject: x\n");
    assert_true(trust.failed);
}

static void refuses_what_we_did_not_sign(void **state)
{
    const char *path = path_of("7", "", "jane@example.net");
    char *changed = (char *)carom_arena_str(arena, carom_str(path)).ptr;
    struct carom_fact fact;
    (void)state;

    changed[10] = changed[10] == 'a' ? 'b' : 'a';
    fact = one(changed, FAILED("victim@example.com"), "Subject: x\n");
    check("one byte", &fact, CAROM_AUTHENTICITY_UNPROVEN, "victim@example.com");
    assert_true(carom_str_starts(fact.token, CAROM_STR("b")) && fact.token_time == 0 && fact.list.len == 0);

    changed = (char *)strstr(carom_arena_str(arena, carom_str(path)).ptr, "jane"); /* a changed recipient */
    memcpy(changed, "joan", 4);
    fact = one(changed - (strstr(path, "jane") - path), FAILED("joan@example.net"), "Subject: x\n");
    check("changed recipient", &fact, CAROM_AUTHENTICITY_UNPROVEN, "joan@example.net");

    fact = read_dsn(path, outside, FAILED("jane@example.net"), "Subject: x\n", now + 40 * DAY).list[0];
    check("expired", &fact, CAROM_AUTHENTICITY_UNPROVEN, "jane@example.net");
    assert_true(fact.token.len > 0 && fact.token_time == 0);

    fact = one(carom_arena_printf(arena, "%.*s@c.example.org", (int)carom_str_rchr(carom_str(path), '@'), path).ptr,
               FAILED("jane@example.net"), "Subject: x\n");
    check("another domain", &fact, CAROM_AUTHENTICITY_UNPROVEN, "jane@example.net");

    fact = one("bounces@example.org", FAILED("victim@example.com"),
               "Message-ID: <post@lists.example.org>\nList-Id: <news.example.org>\n");
    check("the Message-ID of a list post", &fact, CAROM_AUTHENTICITY_UNPROVEN, "victim@example.com");
    trust.verp = NULL;
    fact = one(path, FAILED("jane@example.net"), "Subject: x\n");
    check("no keys", &fact, CAROM_AUTHENTICITY_UNPROVEN, "jane@example.net");
    assert_int_equal(fact.token.len, 0);
}

/* The same bounce again is the same fact; with the token in capitals too. */
static void knows_a_copy(void **state)
{
    const char *path = path_of("7", "", "jane@example.net");
    char *upper = (char *)carom_arena_str(arena, carom_str(path)).ptr;
    (void)state;

    for (char *c = upper; *c; c++)
        *c = *c >= 'a' && *c <= 'z' ? (char)(*c - 32) : *c;
    struct carom_fact a = one(path, FAILED("x@y.example"), "Subject: x\n"),
                      b = one(upper, FAILED("x@y.example"), "Subject: x\n");
    assert_int_equal(b.authenticity, CAROM_AUTHENTICITY_SIGNED);
    assert_true(carom_str_eq(a.id, b.id));
    b = one(carom_arena_printf(arena, "SRS0=aB3d=7Q=b.example.org=%.*s@fwd.example",
                               (int)carom_str_rchr(carom_str(path), '@'), path)
                .ptr,
            FAILED("x@y.example"), "Subject: x\n");
    assert_int_equal(b.authenticity, CAROM_AUTHENTICITY_SIGNED);
    assert_true(carom_str_eq(a.token, b.token));
}

/* ---- The reference in the returned message ---- */

static void matches_the_returned_reference(void **state)
{
    const char *reference = sign(CAROM_VERP_HEADER, "7", "d.1", "jane@example.net").ptr;
    const char *returned = carom_arena_printf(arena, "Subject: x\nX-Carom-Reference:\n %s\n", reference).ptr;
    struct carom_fact fact = one("bounces@example.org", FAILED("victim@example.com"), returned);
    (void)state;

    check("reference", &fact, CAROM_AUTHENTICITY_MATCHED, "jane@example.net");
    assert_true(carom_str_eq(fact.delivery, CAROM_STR("d.1")) && carom_str_eq(fact.list_by, CAROM_STR("token")));
    fact = one(path_of("7", "", "joan@example.net"), FAILED("x@y.example"), returned);
    check("the envelope is stronger", &fact, CAROM_AUTHENTICITY_SIGNED, "joan@example.net");
    fact =
        one(carom_arena_printf(arena, "%s@b.example.org", reference).ptr, FAILED("jane@example.net"), "Subject: x\n");
    check("a reference is no return path", &fact, CAROM_AUTHENTICITY_UNPROVEN, "jane@example.net");
    fact = one("bounces@example.org", FAILED("victim@example.com"),
               carom_arena_printf(arena, "X-Carom-Reference: %.8sa%s\n", reference, reference + 9).ptr);
    assert_int_equal(fact.authenticity, reference[8] == 'a' ? CAROM_AUTHENTICITY_MATCHED : CAROM_AUTHENTICITY_UNPROVEN);
    fact = one("bounces@example.org", FAILED("x@y.example"),
               carom_arena_printf(arena, "Return-Path: <%s>\nSubject: x\n", path_of("7", "", "jane@example.net")).ptr);
    check("our return path came back", &fact, CAROM_AUTHENTICITY_MATCHED, "jane@example.net");
}

/* ---- Who reports ---- */

#define RESULTS(results) "Authentication-Results: mx.example.org; " results "\n"
#define PASS RESULTS("dkim=pass header.d=example.net; spf=pass smtp.helo=mx.example.net")
#define LOCAL "Received: from localhost (localhost [127.0.0.1])\n\tby mx.example.org (Postfix) with ESMTP id 2\n"
#define OUTSIDE "Received: from helo.example (mx.example.net [192.0.2.7]) by mx.example.org (Postfix) with ESMTP id 1\n"
#define SPOOF "Received: from localhost (evil.example [192.0.2.66]) by mx.example.org (Postfix) with ESMTP id 1\n"
#define LITERAL "Received: from [127.0.0.1] (unknown [192.0.2.66]) by mx.example.org (Postfix) with ESMTP id 1\n"

static void believes_our_own_server_only(void **state)
{
    static const struct {
        const char *what, *top;
        enum carom_authenticity want;
    } cases[] = {
        {"above our Received", PASS OUTSIDE, CAROM_AUTHENTICITY_ALIGNED},
        {"below our Received", OUTSIDE PASS, CAROM_AUTHENTICITY_ALIGNED},
        {"below a hop within", LOCAL OUTSIDE PASS, CAROM_AUTHENTICITY_ALIGNED},
        {"above a hop within", PASS LOCAL OUTSIDE, CAROM_AUTHENTICITY_ALIGNED},
        {"below a Received of others", OUTSIDE "Received: from x by y; z\n" PASS, CAROM_AUTHENTICITY_UNPROVEN},
        {"below a Received that imitates ours", OUTSIDE OUTSIDE PASS, CAROM_AUTHENTICITY_UNPROVEN},
        {"below one that imitates a hop within", OUTSIDE LOCAL PASS, CAROM_AUTHENTICITY_UNPROVEN},
        {"HELO localhost, then a forged Received", SPOOF OUTSIDE PASS, CAROM_AUTHENTICITY_UNPROVEN},
        {"HELO [127.0.0.1], then a forged Received", LITERAL OUTSIDE PASS, CAROM_AUTHENTICITY_UNPROVEN},
        {"without any Received", PASS, CAROM_AUTHENTICITY_UNPROVEN},
        {"only from within", PASS LOCAL, CAROM_AUTHENTICITY_UNPROVEN},
        {"below one of ours that fails",
         OUTSIDE "Authentication-Results: mx.example.org 1; dkim=fail header.d=example.net;\n"
                 "\tspf=softfail smtp.helo=mx.example.net\n" PASS,
         CAROM_AUTHENTICITY_UNPROVEN},
        {"of another server", OUTSIDE "Authentication-Results: mx.evil.example; dkim=pass header.d=example.net\n",
         CAROM_AUTHENTICITY_UNPROVEN},
        {"of a domain of no concern",
         OUTSIDE "Authentication-Results: mx.example.org; dkim=pass header.d=evil.example\n",
         CAROM_AUTHENTICITY_UNPROVEN},
        {"pass in a comment",
         OUTSIDE "Authentication-Results: mx.example.org; dkim=none (dkim=pass header.d=example.net)\n",
         CAROM_AUTHENTICITY_UNPROVEN},
        {"a longer domain", OUTSIDE "Authentication-Results: mx.example.org; dkim=pass header.d=notexample.net\n",
         CAROM_AUTHENTICITY_UNPROVEN},
        {"a top-level domain", OUTSIDE "Authentication-Results: mx.example.org; dkim=pass header.d=net\n",
         CAROM_AUTHENTICITY_UNPROVEN},
        {"dmarc", OUTSIDE "Authentication-Results: mx.example.org; dmarc=pass (p=none) header.from=mx.example.net\n",
         CAROM_AUTHENTICITY_ALIGNED},
        {"spf", OUTSIDE "Authentication-Results: mx.example.org;\n\tspf=pass smtp.mailfrom=postmaster@mx.example.net\n",
         CAROM_AUTHENTICITY_ALIGNED},
        {"a quoted local part", OUTSIDE RESULTS("spf=pass smtp.mailfrom=\"p; (m\"@mx.example.net"),
         CAROM_AUTHENTICITY_ALIGNED},
        {"a quoted address", OUTSIDE RESULTS("spf=pass smtp.mailfrom=\"\\\"p m\\\"@mx.example.net\" x.y=z"),
         CAROM_AUTHENTICITY_ALIGNED},
        {"an address in a quoted local part", OUTSIDE RESULTS("spf=pass smtp.mailfrom=\"x@example.net y\"@evil.example"),
         CAROM_AUTHENTICITY_UNPROVEN},
        {"the same of DKIM", OUTSIDE RESULTS("dkim=pass header.i=\"x@example.net y\"@evil.example"),
         CAROM_AUTHENTICITY_UNPROVEN},
        {"a result in a quoted local part",
         OUTSIDE RESULTS("spf=pass smtp.mailfrom=\"x\\\"; dkim=pass header.d=example.net y\"@evil.example"),
         CAROM_AUTHENTICITY_UNPROVEN},
        {"a property in a reason", OUTSIDE RESULTS("dkim=pass reason=\"x header.d=example.net y\" header.d=evil.example"),
         CAROM_AUTHENTICITY_UNPROVEN},
        {"a result behind a stray quote",
         OUTSIDE RESULTS("dkim=pass header.i=x\"@evil.example; spf=pass smtp.mailfrom=\"; dkim=pass header.d=example.net"),
         CAROM_AUTHENTICITY_UNPROVEN},
        {"a result behind a comment without end", OUTSIDE RESULTS("spf=fail (x (y); dkim=pass header.d=example.net"),
         CAROM_AUTHENTICITY_UNPROVEN},
    };
    struct carom_fact fact;
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fact = read_dsn("bounces@example.org", cases[i].top, FAILED("jane@example.net"), "Subject: x\n", now).list[0];
        check(cases[i].what, &fact, cases[i].want, "jane@example.net");
    }
    /* Who he is, he may be; of others' mailboxes he knows nothing. */
    fact = read_dsn("bounces@example.org", OUTSIDE PASS, FAILED("victim@example.com"), "Subject: x\n", now).list[0];
    check("of another domain's mailbox", &fact, CAROM_AUTHENTICITY_UNPROVEN, "victim@example.com");
    /* A provider signs each user's mail. */
    fact = read_message("bounces@example.org",
                        OUTSIDE PASS
                        "From: mallory@example.net\nTo: x\nSubject: Undelivered Mail\nMIME-Version: 1.0\n"
                        "Content-Type: multipart/report; report-type=delivery-status; boundary=B\n\n--B\nContent-Type: "
                        "text/plain\n\nx\n"
                        "--B\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example.net\n\n" FAILED(
                            "victim@example.net") "\n--B--\n",
                        now)
               .list[0];
    check("a user of the same provider", &fact, CAROM_AUTHENTICITY_UNPROVEN, "victim@example.net");
}

static struct carom_fact complaint(const char *to, const char *top)
{
    return read_message(
               to,
               carom_arena_printf(
                   arena,
                   "%sFrom: feedback@arf.provider.example\nTo: %s\nSubject: complaint\nMIME-Version: 1.0\n"
                   "Content-Type: multipart/report; report-type=feedback-report; boundary=B\n\n"
                   "--B\nContent-Type: text/plain\n\nx\n--B\nContent-Type: message/feedback-report\n\n"
                   "Feedback-Type: abuse\nUser-Agent: x/1\nVersion: 1\nOriginal-Rcpt-To: jane@provider.example\n\n"
                   "--B\nContent-Type: message/rfc822\n\nFrom: news@example.org\nTo: jane@provider.example\nSubject: "
                   "x\n\nx\n--B--\n",
                   top, to)
                   .ptr,
               now)
        .list[0];
}

#define FROM_HOST(host) "Received: from x (" host " [192.0.2.9]) by mx.example.org (Postfix) with ESMTP id 1\n"

static void believes_listed_reporters(void **state)
{
    struct carom_fact fact;
    (void)state;

    fact = complaint("fbl@example.org", FROM_HOST("out1.arf.provider.example"));
    check("listed host", &fact, CAROM_AUTHENTICITY_ALIGNED, "jane@provider.example");
    assert_int_equal(fact.kind, CAROM_KIND_COMPLAINT);
    fact = complaint(
        "FBL@Example.org",
        "Received: from arf.provider.example ([192.0.2.9] helo=x)\n\tby mx.example.org with esmtp (Exim 4.96)\n");
    check("as Exim writes it", &fact, CAROM_AUTHENTICITY_ALIGNED, "jane@provider.example");
    fact = complaint(
        "fbl@example.org",
        FROM_HOST("evil.example") "Authentication-Results: mx.example.org; dkim=pass header.d=arf.provider.example\n");
    check("listed domain", &fact, CAROM_AUTHENTICITY_ALIGNED, "jane@provider.example");

    fact = complaint("fbl@example.org", FROM_HOST("evil.example"));
    check("forged", &fact, CAROM_AUTHENTICITY_UNPROVEN, "jane@provider.example");
    fact = complaint("fbl@example.org", FROM_HOST("evil.example") FROM_HOST("arf.provider.example"));
    check("forged trace", &fact, CAROM_AUTHENTICITY_UNPROVEN, "jane@provider.example");
    fact = complaint("fbl@example.org",
                     "Received: from arf.provider.example (unknown [192.0.2.66]) by mx.example.org (Postfix)\n");
    check("forged HELO", &fact, CAROM_AUTHENTICITY_UNPROVEN, "jane@provider.example");
    fact = complaint("fbl@example.org",
                     "Received: from arf.provider.example ([192.0.2.66]) by mx.example.org (8.17/8.17)\n");
    check("forged HELO, Sendmail without a name", &fact, CAROM_AUTHENTICITY_UNPROVEN, "jane@provider.example");
    fact = complaint("fbl@example.org",
                     "Received: from x (arf.provider.example [192.0.2.66] (may be forged)) by mx.example.org (8.17)\n");
    check("reverse name that does not go back", &fact, CAROM_AUTHENTICITY_UNPROVEN, "jane@provider.example");
    fact = complaint("fbl@example.org",
                     "Received: from x (arf.provider.example [192.0.2.66])\n\tby mx.example.org (OpenSMTPD) with ESMTP id 1\n");
    check("reverse name that nobody verified", &fact, CAROM_AUTHENTICITY_UNPROVEN, "jane@provider.example");
    fact = complaint("fbl@example.org",
                     "Received: from (Postfix (arf.provider.example [192.0.2.66])\n\tby mx.example.org (OpenSMTPD)\n");
    check("a HELO that names another server", &fact, CAROM_AUTHENTICITY_UNPROVEN, "jane@provider.example");
    fact = complaint("fbl@example.org", FROM_HOST("notarf.provider.example") "Received: from x by y\n");
    check("a longer name", &fact, CAROM_AUTHENTICITY_UNPROVEN, "jane@provider.example");
    fact = complaint("bounces@example.org", FROM_HOST("arf.provider.example"));
    check("to another address", &fact, CAROM_AUTHENTICITY_UNPROVEN, "jane@provider.example");
}

static void believes_who_writes_of_himself(void **state)
{
    static const char mail[] = "From: jane@example.net\nTo: leave@example.org\nSubject: unsubscribe\n\nunsubscribe\n";
    struct carom_fact fact =
        read_message("leave@example.org", carom_arena_printf(arena, OUTSIDE PASS "%s", mail).ptr, now).list[0];
    (void)state;

    assert_int_equal(fact.kind, CAROM_KIND_UNSUBSCRIBE);
    check("aligned", &fact, CAROM_AUTHENTICITY_ALIGNED, "jane@example.net");
    fact = read_message("leave@example.org", carom_arena_printf(arena, OUTSIDE "%s", mail).ptr, now).list[0];
    check("not authenticated", &fact, CAROM_AUTHENTICITY_UNPROVEN, "jane@example.net");
    fact =
        read_message(path_of("7", "", "joan@example.com"), carom_arena_printf(arena, OUTSIDE PASS "%s", mail).ptr, now)
            .list[0];
    check("to a return path", &fact, CAROM_AUTHENTICITY_SIGNED, "joan@example.com");
}

static void knows_its_probes(void **state)
{
    struct carom_fact fact = one(path_of("7", "probe", "jane@example.net"), FAILED("x@y.example"), "Subject: x\n");
    (void)state;

    check("probe", &fact, CAROM_AUTHENTICITY_SIGNED, "jane@example.net");
    assert_true(carom_str_eq(fact.mail_type, CAROM_STR("probe")));
    assert_true(carom_str_eq(fact.delivery, fact.token)); /* not one delivery for all probes */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(believes_the_token_not_the_report),
        TEST(many_recipients_are_the_one),
        TEST(binds_ids_to_their_recipient),
        TEST(asks_the_ledger_for_references),
        TEST(refuses_what_we_did_not_sign),
        TEST(knows_a_copy),
        TEST(matches_the_returned_reference),
        TEST(believes_our_own_server_only),
        TEST(believes_listed_reporters),
        TEST(believes_who_writes_of_himself),
        TEST(knows_its_probes),
    };
    return cmocka_run_group_tests_name("proof", tests, NULL, NULL);
}
