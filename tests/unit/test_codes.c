/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The tables of codes and how they are searched. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/str.h"
#include "smtp/codes.h"

static void finds_codes(void **state)
{
    static const struct {
        int code;
        enum carom_reason reason;
    } cases[] = {
        {550, CAROM_REASON_NONE},        {551, CAROM_REASON_NONE},          {553, CAROM_REASON_NONE},
        {554, CAROM_REASON_NONE},        {450, CAROM_REASON_NONE},          {451, CAROM_REASON_NONE},
        {421, CAROM_REASON_NONE},        {552, CAROM_REASON_MAILBOX_FULL},  {556, CAROM_REASON_NOT_ACCEPTING},
        {521, CAROM_REASON_NOT_ACCEPTING}, {523, CAROM_REASON_TLS_REQUIRED}, {535, CAROM_REASON_SECURITY_ERROR},
        {500, CAROM_REASON_SYNTAX_ERROR}, {605, CAROM_REASON_SUPPRESSED},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct carom_code_row *row = carom_code_find(cases[i].code);

        if (!row || row->code != cases[i].code || row->reason != cases[i].reason)
            fail_msg("%d: got reason %d, want %d", cases[i].code, row ? (int)row->reason : -1, cases[i].reason);
    }
    assert_null(carom_code_find(0));
    assert_null(carom_code_find(599 + 400));
}

static void finds_the_closest_status(void **state)
{
    static const struct {
        const char *status;
        int detail; /* of the row, -1 the subject's, -2 none */
        enum carom_reason reason;
    } cases[] = {
        {"5.1.1", 1, CAROM_REASON_USER_UNKNOWN},   {"4.1.1", 1, CAROM_REASON_USER_UNKNOWN},
        {"5.1.77", -1, CAROM_REASON_NONE},         {"5.2.2", 2, CAROM_REASON_MAILBOX_FULL},
        {"4.4.4", 4, CAROM_REASON_NETWORK_ERROR},  {"5.4.4", 4, CAROM_REASON_HOST_UNKNOWN},
        {"4.3.2", 2, CAROM_REASON_SYSTEM_ERROR},   {"5.3.2", 2, CAROM_REASON_SYSTEM_ERROR},
        {"5.7.606", 606, CAROM_REASON_BLOCKED},    {"5.7.649", 606, CAROM_REASON_BLOCKED},
        {"5.7.650", -1, CAROM_REASON_POLICY_VIOLATION}, {"4.7.650", 500, CAROM_REASON_BLOCKED},
        {"5.7.708", 708, CAROM_REASON_BLOCKED},    {"5.7.1", 1, CAROM_REASON_POLICY_VIOLATION},
        {"5.0.0", 0, CAROM_REASON_NONE},           {"2.1.5", 5, CAROM_REASON_NONE},
        {"5.8.1", -1, CAROM_REASON_NONE},          {"", -2, CAROM_REASON_NONE},
        {"5.1", -2, CAROM_REASON_NONE},            {"9.1.1", -2, CAROM_REASON_NONE},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct carom_status_row *row = carom_status_find_row(carom_str(cases[i].status));
        int detail = row ? row->detail : -2;
        enum carom_reason reason = row ? row->reason : CAROM_REASON_NONE;

        if (detail != cases[i].detail || reason != cases[i].reason)
            fail_msg("%s: got detail %d, reason %d; want %d, %d", cases[i].status, detail, reason, cases[i].detail,
                     cases[i].reason);
    }
}

/* Where a row may stand: what is found by its numbers must be in order. */
static int rank(const struct carom_status_row *row)
{
    return row->detail < 0 ? -1 : row->subject * 1000 + row->detail;
}

static void tables_are_sound(void **state)
{
    (void)state;
    for (size_t i = 0; i < carom_codes_n; i++) {
        if (!*carom_codes[i].meaning || !*carom_codes[i].fault || !*carom_codes[i].reference)
            fail_msg("%d: got an empty meaning, fault or reference", carom_codes[i].code);
        if (i > 0 && carom_codes[i - 1].code >= carom_codes[i].code)
            fail_msg("%d: got it behind %d, want the codes in order", carom_codes[i].code, carom_codes[i - 1].code);
    }
    for (size_t i = 0; i < carom_statuses_n; i++) {
        if (!*carom_statuses[i].meaning || !*carom_statuses[i].reference)
            fail_msg("status row %zu: got an empty meaning or reference", i);
        if (i > 0 && rank(&carom_statuses[i - 1]) > rank(&carom_statuses[i]))
            fail_msg("status row %zu: got it behind one of subject %d: want those of any detail, then the others in order",
                     i, carom_statuses[i - 1].subject);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_codes),
        cmocka_unit_test(finds_the_closest_status),
        cmocka_unit_test(tables_are_sound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
