/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The report for a spreadsheet: RFC 4180, one figure a line. */

#include <stdio.h>

#include "base/date.h"
#include "cli/report/report.h"

/* Text from mail that begins as a formula does is none: an apostrophe before it. */
static void cell(FILE *to, struct carom_str text)
{
    fputc('"', to);
    if (text.len && strchr("=+-@\t\r", text.ptr[0]))
        fputc('\'', to);
    for (size_t i = 0; i < text.len; i++) {
        const char c = text.ptr[i];
        if (c == '"')
            fputc('"', to);
        fputc((unsigned char)c < 0x20 || c == 0x7f ? ' ' : c, to);
    }
    fputc('"', to);
}

static void line(FILE *to, const char *part, struct carom_str name, struct carom_str detail, const struct carom_figure *n)
{
    fprintf(to, "%s,", part);
    cell(to, name);
    fputc(',', to);
    cell(to, detail);
    fprintf(to, ",%lld,", (long long)n->now);
    if (n->before >= 0)
        fprintf(to, "%lld", (long long)n->before);
    fputs("\r\n", to);
}

static void counter(FILE *to, const char *part, const struct carom_counter *counter)
{
    for (size_t i = 0; i < counter->n; i++)
        line(to, part, counter->counts[i].name, counter->counts[i].detail, &counter->counts[i].n);
    if (counter->others.n.now || counter->others.n.before)
        line(to, part, CAROM_STR("all others"), CAROM_STR_EMPTY, &counter->others.n);
}

void carom_account_csv(struct carom_account *report, FILE *to)
{
    const struct carom_str none = CAROM_STR_EMPTY;
    struct carom_deed_row rows[16];
    size_t n = carom_account_deeds(report, rows, 16);
    const struct carom_figure sent = {report->sent, -1};

    fputs("part,name,detail,count,before\r\n", to);
    if (report->sent)
        line(to, "sent", none, none, &sent);
    line(to, "failures", none, none, &report->failures);
    for (int i = 0; i < CAROM_KIND_COUNT; i++)
        line(to, "kind", carom_str(carom_kind_name((enum carom_kind)i)), none, &report->kinds[i]);
    for (int i = 1; i < CAROM_REASON_COUNT; i++)
        line(to, "reason", carom_str(carom_reason_name((enum carom_reason)i)),
             carom_str(carom_fault_name(carom_reason_fault((enum carom_reason)i))), &report->reasons[i]);
    counter(to, "provider", &report->providers);
    counter(to, "list", &report->lists);
    counter(to, "ours", &report->ours);
    for (size_t i = 0; i < report->words.n; i++) {
        struct carom_figure figure = {report->words.counts[i].n.now, -1};
        line(to, "words", report->words.counts[i].name, carom_str(carom_account_speaker(report, &report->words.counts[i])), &figure);
    }
    for (size_t i = 0; i < n; i++)
        line(to, "done", carom_str(rows[i].id), none, &rows[i].n);
    for (size_t i = 0; i < report->buckets_n; i++) {
        const struct carom_bucket *bucket = &report->buckets[i];
        struct carom_figure figure = {bucket->matters[0] + bucket->matters[1] + bucket->matters[2], -1};
        char time[32];
        carom_date_format(bucket->time / 1000, time);
        line(to, "time", carom_str(time), none, &figure);
    }
}
