/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Which provider a host or a domain belongs to. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/str.h"
#include "classify/provider.h"

static void finds(void **state)
{
    static const struct {
        const char *host, *domain, *want;
    } cases[] = {
        {"gmail-smtp-in.l.google.com", "", "google"},
        {"ASPMX.L.GOOGLE.COM.", "example.org", "google"},
        {"aspmx.l.google.com. (192.0.2.1, the server for the domain example.org.)", "", "google"},
        {"aspmx2.googlemail.com", "", "google"},
        {"example-org.mail.protection.outlook.com", "example.org", "microsoft"},
        {"hotmail-com.olc.protection.outlook.com", "", "outlook"},
        {"mta5.am0.yahoodns.net", "", "yahoo"},
        {"mx1.mail.yahoo.co.jp", "", "yahoojp"},
        {"mx01.mail.icloud.com", "", "apple"},
        {"cxr.mx.a.cloudfilter.net", "", "cox"},
        {"mx00.gmx.net", "", "gmx"},
        {"inbound-smtp.eu-west-1.amazonaws.com", "", "amazon"},
        {"comcast.net", "", "comcast"},
        {"", "gmail.com", "google"},
        {"", "HOTMAIL.co.uk", "outlook"},
        {"mx.example.net", "icloud.com", "apple"},
        {"mx.example.net", "example.org", ""},
        {"notgoogle.com", "", ""},
        {"google.com.example.org", "", ""},
        {"mx00.ionos.co.uk", "", "gmx"},
        {"mx.ionos.example.org", "", ""},
        {"mail-rakumail-jp.gslb.rmb-ss.jp", "", "rakuten"},
        {"mail-rakumail-jp.example.org", "", ""},
        {"", "", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct carom_str got = carom_provider_find(carom_str(cases[i].host), carom_str(cases[i].domain));

        if (!carom_str_eq(got, carom_str(cases[i].want)))
            fail_msg("%s, %s: got \"%.*s\", want \"%s\"", cases[i].host, cases[i].domain, CAROM_STR_ARG(got),
                     cases[i].want);
    }
}

/* Else anybody could name a host of his so. */
static void ends_patterns_in_a_domain(void **state)
{
    (void)state;
    for (size_t i = 0; i < carom_providers_n; i++) {
        struct carom_str rest = carom_str(carom_providers[i].hosts), pattern;

        while (carom_str_word(&rest, &pattern)) {
            struct carom_str end = carom_str_from(pattern, carom_str_rchr(pattern, '*') + 1); /* SIZE_MAX + 1 is 0 */

            if (end.len < pattern.len && (end.len == 0 || end.ptr[0] != '.' || carom_str_chr(carom_str_from(end, 1), '.') == SIZE_MAX))
                fail_msg("%s: " CAROM_STR_FMT " is anybody's host", carom_providers[i].id, CAROM_STR_ARG(pattern));
        }
    }
}

/* The first row wins: a domain in two rows would never be found in the second. */
static void names_each_domain_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < carom_providers_n; i++) {
        struct carom_str rest = carom_str(carom_providers[i].domains), domain;

        while (carom_str_word(&rest, &domain)) {
            struct carom_str got = carom_provider_find(CAROM_STR_EMPTY, domain);

            if (!carom_str_eq(got, carom_str(carom_providers[i].id)))
                fail_msg("%.*s: got %.*s, want %s", CAROM_STR_ARG(domain), CAROM_STR_ARG(got), carom_providers[i].id);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(finds), cmocka_unit_test(ends_patterns_in_a_domain),
                                       cmocka_unit_test(names_each_domain_once)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
