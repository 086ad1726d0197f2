/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Dates in all the forms of mail, and durations. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include <time.h>

#include "base/date.h"

static void expect(const char *text, int64_t got, int64_t want)
{
    if (got != want)
        fail_msg("\"%s\": got %lld, want %lld", text, (long long)got, (long long)want);
}

static void reads(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want; /* RFC 3339; "" not understood */
    } cases[] = {
        {"Mon, 02 Jan 2006 15:04:05 -0700", "2006-01-02T22:04:05Z"},
        {"2 Jan 2006 15:04:05 +0000", "2006-01-02T15:04:05Z"},
        {"Mon, 2 Jan 2006 15:04 GMT", "2006-01-02T15:04:00Z"},
        {"Mon, 2 Jan 2006 15:04:05 +0530 (IST)", "2006-01-02T09:34:05Z"},
        {"Mon,\r\n 2 (day (of) \\) month) Jan 2006 15:04:05 EST", "2006-01-02T20:04:05Z"},
        {"Mon, 2 Jan 06 15:04:05 UT", "2006-01-02T15:04:05Z"},
        {"Mon, 2 Jan 98 15:04:05 PDT", "1998-01-02T22:04:05Z"},
        {"Mon, 2 Jan 106 15:04:05 +0000", "2006-01-02T15:04:05Z"},
        {"Mon, 2 Jan 2006 15:04:05 CEST", "2006-01-02T13:04:05Z"},
        {"Mon, 2 Jan 2006 15:04:05 K", "2006-01-02T15:04:05Z"},
        {"Mon, 2 Jan 2006 15:04:05 XYZT", "2006-01-02T15:04:05Z"},
        {"Mon, 2 Jan 2006 15:04:05", "2006-01-02T15:04:05Z"},
        {"Mon, 2 Jan 2006 15:04:05 -0000", "2006-01-02T15:04:05Z"},
        {"Mon, 2 Jan 2006 15:04:05 +01:00", "2006-01-02T14:04:05Z"},
        {"Mon Jan  2 15:04:05 2006", "2006-01-02T15:04:05Z"},
        {"Mon Jan  2 15:04:05 2006 +0200", "2006-01-02T13:04:05Z"},
        {"Mon Jan  2 15:04:05 MST 2006", "2006-01-02T22:04:05Z"},
        {"Mon Jan  2 15:04:05 2006 remote from host", "2006-01-02T15:04:05Z"},
        {"Monday, January 2, 2006 3:04:05 PM", "2006-01-02T15:04:05Z"},
        {"Monday, January 2, 2006 12:04:05 AM", "2006-01-02T00:04:05Z"},
        {"2-Jan-2006 15:04:05 +0100", "2006-01-02T14:04:05Z"},
        {"02-JAN-06 15:04:05", "2006-01-02T15:04:05Z"},
        {"2012-10-31 04-46-42", "2012-10-31T04:46:42Z"},
        {"2012-10-31 04:46:42.123 +0100", "2012-10-31T03:46:42Z"},
        {"2012-10-31T04:46:42Z", "2012-10-31T04:46:42Z"},
        {"2012/10/31 04:46:42", "2012-10-31T04:46:42Z"},
        {"2012-10-31", "2012-10-31T00:00:00Z"},
        {"31 Dec 1999", "1999-12-31T00:00:00Z"},
        {"Sat, 29 Feb 2020 23:59:60 +0000", "2020-02-29T23:59:59Z"},
        {"Fri, 31 Dec 9999 23:59:59 +0000", "9999-12-31T23:59:59Z"},
        {"", ""},
        {"yesterday", ""},
        {"Fri, 30 Feb 2024 00:00:00 +0000", ""},
        {"Wed, 29 Feb 2023 00:00:00 +0000", ""},
        {"Fri, 1 Xyz 2024 00:00:00 +0000", ""},
        {"Fri, 1 Mar 2024 25:00:00 +0000", ""},
        {"Fri, 1 Mar 2024 24:00:00 +0000", ""},
        {"Thu, 1 Jan 1970 00:00:00 +0000", ""},
        {"Wed, 31 Dec 1969 23:59:59 +0000", ""},
        {"Sat, 1 Jan 10000 00:00:00 +0000", ""},
        {"1 Jan 99999999999999999999 00:00:00", ""},
        {"10/31/2012 04:46", ""}, /* whose month? */
        {"(((((((", ""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char got[32] = "";
        int64_t seconds = carom_date_parse(carom_str(cases[i].text));
        if (seconds)
            carom_date_format(seconds, got);
        if (strcmp(got, cases[i].want) != 0)
            fail_msg("\"%s\": got \"%s\", want \"%s\"", cases[i].text, got, cases[i].want);
    }
}

/* Each byte at each place of the usual forms: what is no digit or letter where one belongs makes it another form. */
static void knows_the_usual_forms(void **state)
{
    (void)state;
    static const char *const forms[] = {"Mon, 02 Jan 2006 15:04:05 -0700", "Mon, 2 Jan 2006 15:04:05 -0700",
                                        "Mon Jan 12 15:04:05 2006", "Mon Jan  2 15:04:05 2006"};
    char text[40], padded[48];
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
        for (size_t at = 0; forms[i][at]; at++)
            for (int c = 1; c < 256; c++) {
                strcpy(text, forms[i]);
                text[at] = (char)(unsigned char)c;
                snprintf(padded, sizeof(padded), "= %s", text); /* no usual form, but nothing else */
                expect(text, carom_date_parse(carom_str(text)), carom_date_parse(carom_str(padded)));
            }
}

/* Both ways, and as the C library has it. */
static void formats(void **state)
{
    (void)state;
    for (int64_t t = 1; t < INT64_C(253402300799); t += 86400 * 97 + 12345) {
        char got[32], want[32], asctime[40];
        time_t seconds = (time_t)t;
        struct tm tm;
        gmtime_r(&seconds, &tm);
        strftime(want, sizeof(want), "%Y-%m-%dT%H:%M:%SZ", &tm);
        size_t n = carom_date_format(t, got);
        if (n != 20 || strcmp(got, want) != 0)
            fail_msg("%lld: got %s, want %s", (long long)t, got, want);
        expect(got, carom_date_parse_rfc3339(carom_str(got)), t);
        assert_int_equal(carom_date_midnight(tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday), t / 86400 * 86400);
        strftime(asctime, sizeof(asctime), "%a %b %e %H:%M:%S %Y", &tm);
        expect(asctime, carom_date_parse(carom_str(asctime)), t);
    }
    assert_int_equal(carom_date_midnight(2026, 2, 29), 0);
    assert_int_equal(carom_date_midnight(2026, 0, 1), 0);
    assert_int_equal(carom_date_midnight(10000, 1, 1), 0);
    char got[32];
    carom_date_format(INT64_MIN, got);
    assert_string_equal(got, "1970-01-01T00:00:00Z");
    carom_date_format(INT64_MAX, got);
    assert_string_equal(got, "9999-12-31T23:59:59Z");
}

static void reads_rfc3339(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t want;
    } cases[] = {
        {"2026-03-01T12:00:00Z", 1772366400},      {"2026-03-01t12:00:00z", 1772366400},
        {"2026-03-01 12:00:00Z", 1772366400},      {"2026-03-01T12:00:00.123456Z", 1772366400},
        {"2026-03-01T13:00:00+01:00", 1772366400}, {"2026-03-01T11:30:00-00:30", 1772366400},
        {"2026-03-01T12:00:00", 0},                {"2026-03-01T12:00Z", 0},
        {"2026-03-01", 0},                         {"2026-03-01T12:00:00+0100", 0},
        {"2026-03-01T12:00:00Zx", 0},              {"2026-13-01T12:00:00Z", 0},
        {"2026/03/01T12:00:00Z", 0},               {"Sun, 1 Mar 2026 12:00:00 +0000", 0},
        {"2026-03-01T12:00:00+99:00", 0},          {"", 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        expect(cases[i].text, carom_date_parse_rfc3339(carom_str(cases[i].text)), cases[i].want);
}

static void reads_durations(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t want;
    } cases[] = {{"90s", 90000}, {"15m", 900000}, {"4h", 14400000}, {"30d", 2592000000}, {"250ms", 250}, {"0s", 0},
                 {"", -1}, {"5", -1}, {"s", -1}, {"-5s", -1}, {"5 s", -1}, {"5w", -1}, {"1.5h", -1}, {"5S", -1},
                 {"9223372036854775807d", -1}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        expect(cases[i].text, carom_duration_parse_ms(carom_str(cases[i].text)), cases[i].want);
    assert_true(carom_date_now_ms() > INT64_C(1700000000000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(reads), cmocka_unit_test(knows_the_usual_forms), cmocka_unit_test(formats),
                                       cmocka_unit_test(reads_rfc3339), cmocka_unit_test(reads_durations)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
