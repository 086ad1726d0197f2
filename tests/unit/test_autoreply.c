/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* What automatic replies state: the ways in which people write dates and new addresses. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/date.h"
#include "base/str.h"
#include "bounce/tables.h"
#include "base/utf8.h"
#include "bounce/report.h"

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

static const struct carom_autoreply *read_text(const char *text)
{
    struct carom_str mail = carom_arena_printf(
        arena, "Return-Path: <>\nDate: Tue, 4 Nov 2025 10:00:00 +0000\nFrom: Jane <jane@example.net>\nTo: news@example.org\n"
               "Subject: Automatic reply: news\nAuto-Submitted: auto-replied\nMIME-Version: 1.0\n"
               "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n%s\n", text);
    const struct carom_report *report = carom_report_read(arena, carom_message_parse(arena, mail), NULL);

    if (report->type != CAROM_REPORT_AUTOREPLY)
        fail_msg("%s: got type %d, want an automatic reply", text, (int)report->type);
    return &report->autoreply;
}

static const struct {
    const char *text, *until; /* "": none */
} dates[] = {
    {"I am away until 17 November 2025.", "2025-11-17"},
    {"I am away until November 17, 2025.", "2025-11-17"},
    {"I am away until Monday, 17th of November.", "2025-11-17"},
    {"I am away until Nov 17th.", "2025-11-17"},
    {"I am away until 2025-11-17.", "2025-11-17"},
    {"I am away until 2025/11/17.", "2025-11-17"},
    {"I am away until 11/17/2025.", "2025-11-17"},
    {"I am away until 17/11/2025.", "2025-11-17"},
    {"I am away until 3/9/2026.", ""}, /* the third of September, or March the ninth */
    {"I am away until 3.9.2026.", "2026-09-03"},
    {"I am away until January 7.", "2026-01-07"}, /* the next one */
    {"I am away until 3 November.", "2025-11-03"}, /* yesterday, but still meant */
    {"I am away until 31 February 2026.", ""},
    {"I am away until further notice. On 3 December 2025 the shop closes.", ""},
    {"I am away until next week.", ""},
    {"The ibis nest was built on 17 November 2025.", ""},
    {"Ich bin bis 17.11. nicht im Haus.", "2025-11-17"},
    {"Ich bin bis zum 17.11.25 nicht im Haus.", "2025-11-17"},
    {"Ich bin vom 3. bis einschließlich 17. November 2025 im Urlaub.", "2025-11-17"},
    {"Ich bin bis Ende Januar im Urlaub.", ""},
    {"Je suis absent jusqu'au 1er décembre 2025 inclus.", "2025-12-01"},
    {"Je suis absent jusqu’au 15 août 2026.", "2026-08-15"},
    {"Estaré fuera hasta el próximo lunes 17 de noviembre de 2025.", "2025-11-17"},
    {"Sono in ferie fino al 17 novembre 2025.", "2025-11-17"},
    {"Estou de férias até 17 de Novembro de 2025.", "2025-11-17"},
    {"Ik ben afwezig tot en met 17 november 2025.", "2025-11-17"},
    {"Jag är ledig till och med den 17 november.", "2025-11-17"},
    {"Jeg holder ferie til og med 17. november 2025.", "2025-11-17"},
    {"Olen lomalla 17.11.2025 asti.", "2025-11-17"},
    {"Jestem na urlopie do 17 listopada 2025 r.", "2025-11-17"},
    {"Jsem na dovolené do 17. července 2026.", "2026-07-17"},
    {"Jsem na dovolené do 17. června 2026.", "2026-06-17"},
    {"Szabadságon vagyok 2025. november 17-ig.", "2025-11-17"},
    {"Я в отпуске до 17 НОЯБРЯ 2025 года.", "2025-11-17"},
    {"Надо 5 декабря.", ""},
    {"Я у відпустці до 17 листопада.", "2025-11-17"},
    {"17 Kasım 2025 tarihine kadar izindeyim.", "2025-11-17"},
    {"2025年11月17日まで休暇です。", "2025-11-17"},
    {"11月3日から11月17日まで不在です。", "2025-11-17"},
    {"本人休假至2025年11月17日。", "2025-11-17"},
    {"2025년 11월 17일까지 휴가입니다.", "2025-11-17"},
    {"I am away.\n> until 17 November 2025", ""},
};

static void reads_dates(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof dates / sizeof *dates; i++) {
        int64_t until = read_text(dates[i].text)->until;
        char got[32] = "";

        if (until)
            carom_date_format(until, got);
        if (strncmp(got, dates[i].until, 10) != 0 || (!*dates[i].until && until))
            fail_msg("%s: got \"%.10s\", want \"%s\"", dates[i].text, got, dates[i].until);
    }
}

static const struct {
    const char *text, *type, *address;
} statements[] = {
    {"My new email address is Jane.Roe@example.com.", "moved", "Jane.Roe@example.com"},
    {"Meine neue E-Mail-Adresse lautet: jane@example.com", "moved", "jane@example.com"},
    {"Ma nouvelle adresse : jane@example.com", "moved", "jane@example.com"},
    {"МОЙ НОВЫЙ АДРЕС: jane@example.com", "moved", "jane@example.com"},
    {"新しいメールアドレスは jane@example.com です。", "moved", "jane@example.com"},
    {"My new email address is jane@example.net.", "moved", ""}, /* the old one is no news */
    {"I am on vacation. Write to bob@example.com.", "vacation", ""},
    {"Jane is no longer with us. Write to bob@example.com.", "left", ""},
    {"Your ticket number is 5.", "ticket", ""},
    {"Bonjour.", "", ""},
};

static void reads_statements(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof statements / sizeof *statements; i++) {
        const struct carom_autoreply *got = read_text(statements[i].text);

        if (!carom_str_eq(got->type, carom_str(statements[i].type)))
            fail_msg("%s: got type \"%.*s\", want \"%s\"", statements[i].text, CAROM_STR_ARG(got->type),
                     statements[i].type);
        if (!carom_str_eq(got->new_address, carom_str(statements[i].address)))
            fail_msg("%s: got address \"%.*s\", want \"%s\"", statements[i].text, CAROM_STR_ARG(got->new_address),
                     statements[i].address);
    }
}

/* They are compared with folded text: what folds to something else would never be found. */
static void patterns_are_folded(void **state)
{
    (void)state;
    for (size_t i = 0; i < carom_autoreplies_n; i++) {
        struct carom_str pattern = carom_cell_str(carom_autoreplies[i].pattern);

        if (!carom_str_eq(carom_utf8_normalise(arena, pattern).folded, pattern))
            fail_msg("autoreplies.tsv: \"%s\" is not written as it is compared: lower case, plain quotes, single spaces",
                     pattern.ptr);
    }
    for (size_t i = 0; i < carom_notices_n; i++) {
        const struct carom_notice_row *row = &carom_notices[i];
        struct carom_str where = carom_cell_str(row->where), pattern = carom_cell_str(row->pattern);

        if ((carom_str_eq(where, CAROM_STR("subject")) || carom_str_eq(where, CAROM_STR("text")) ||
             carom_str_eq(where, CAROM_STR("first line"))) &&
            !carom_str_ieq(carom_utf8_normalise(arena, pattern).folded, pattern) && pattern.ptr[pattern.len - 1] != ' ')
            fail_msg("notices.tsv: \"%s\" is not written as it is compared", pattern.ptr);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(reads_dates, begin, end),
        cmocka_unit_test_setup_teardown(reads_statements, begin, end),
        cmocka_unit_test_setup_teardown(patterns_are_folded, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
