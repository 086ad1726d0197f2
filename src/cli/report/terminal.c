/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The report as a table with bars, as wide as the terminal. */

#include <stdio.h>

#include "cli/print.h"
#include "cli/report/report.h"

enum { NAME_MIN = 16, NAME_MAX = 34, BAR_MIN = 6, BAR_MAX = 48, NUMBER = 10, SHARE = 10, CHANGE = 11 };

struct drawing {
    struct carom_account *report;
    const struct carom_look *look;
    size_t name, bar; /* widths */
};

static void colour(const struct drawing *drawing, const char *code)
{
    if (drawing->look->colour)
        fprintf(drawing->look->to, "\033[%sm", code);
}

static void heading(const struct drawing *drawing, const char *text)
{
    fputc('\n', drawing->look->to);
    colour(drawing, "1");
    fputs(text, drawing->look->to);
    colour(drawing, "0");
    fputc('\n', drawing->look->to);
}

/* To an eighth of a column where there are characters for it. What is there at all shows. */
static void draw_bar(const struct drawing *drawing, int64_t n, int64_t most)
{
    static const char *const eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    const bool utf8 = drawing->look->utf8;
    size_t length = most > 0 ? (size_t)((double)n / (double)most * (double)drawing->bar * 8 + 0.5) : 0, columns = 0;

    if (n > 0 && !length)
        length = 1;
    if (!utf8)
        length = (length + 7) / 8 * 8;
    for (; length >= 8; length -= 8, columns++)
        fputs(utf8 ? "█" : "#", drawing->look->to);
    if (length) {
        fputs(eighths[length], drawing->look->to);
        columns++;
    }
    fprintf(drawing->look->to, "%*s", (int)(drawing->bar - columns), "");
}

static void draw_change(const struct drawing *drawing, const struct carom_figure *figure)
{
    double factor;
    enum carom_trend trend = carom_account_trend(drawing->report, figure, &factor);
    bool is_up = trend == CAROM_TREND_UP || trend == CAROM_TREND_NEW;
    if (trend == CAROM_TREND_NONE)
        return;
    fputs("  ", drawing->look->to);
    colour(drawing, is_up ? "31" : "32");
    fputs(carom_account_change(drawing->report, figure, drawing->look->utf8), drawing->look->to);
    colour(drawing, "0");
}

static void draw_row(const struct drawing *drawing, struct carom_str name, const struct carom_figure *figure, int64_t most,
                     int64_t of, const char *bar_colour)
{
    fputs("  ", drawing->look->to);
    carom_print_cell(drawing->look->to, name, drawing->name);
    fputc(' ', drawing->look->to);
    colour(drawing, bar_colour);
    draw_bar(drawing, figure->now, most);
    colour(drawing, "0");
    const char *share = carom_account_share(drawing->report, figure->now, of);
    double factor;
    fprintf(drawing->look->to, "%*s", NUMBER, carom_account_number(drawing->report, figure->now));
    if (*share || carom_account_trend(drawing->report, figure, &factor) != CAROM_TREND_NONE)
        fprintf(drawing->look->to, "%*s", SHARE, share);
    draw_change(drawing, figure);
    fputc('\n', drawing->look->to);
}

static int64_t base_of(const struct carom_account *report)
{
    return report->sent ? report->sent : report->failures.now;
}

/* ---- Parts ---- */

static void draw_head(const struct drawing *drawing)
{
    struct carom_account *report = drawing->report;
    const struct carom_selection *period = &report->selection;
    FILE *to = drawing->look->to;

    fprintf(to, "%s to %s%s", carom_account_time(report, period->since), carom_account_time(report, period->until),
            report->compared ? ", against as long before" : "");
    if (report->part.len) {
        fputs(", only ", to);
        carom_print_cell(to, report->part, 0);
    }
    fprintf(to, "\n%s failure%s", carom_account_number(report, report->failures.now), report->failures.now == 1 ? "" : "s");
    if (report->sent)
        fprintf(to, ", %s of %s sent", carom_account_share(report, report->failures.now, report->sent),
                carom_account_number(report, report->sent));
    draw_change(drawing, &report->failures);
    fputc('\n', to);
}

static void draw_kinds(const struct drawing *drawing)
{
    struct carom_account *report = drawing->report;
    int64_t most = 0;
    bool any = false;
    for (int kind = 0; kind < CAROM_KIND_COUNT; kind++) {
        most = report->kinds[kind].now > most ? report->kinds[kind].now : most;
        any = any || report->kinds[kind].now || report->kinds[kind].before;
    }
    if (any)
        heading(drawing, "What came");
    for (int kind = 0; kind < CAROM_KIND_COUNT; kind++)
        if (report->kinds[kind].now || report->kinds[kind].before)
            draw_row(drawing, carom_str(carom_kind_name((enum carom_kind)kind)), &report->kinds[kind], most, report->sent,
                     kind == CAROM_KIND_COMPLAINT ? "31" : "34");
}

static void draw_counter(const struct drawing *drawing, const char *title, const struct carom_counter *counter, bool detail,
                         const char *bar_colour)
{
    struct carom_account *report = drawing->report;
    struct carom_figure rest = counter->others.n;
    size_t n = 0;

    if (!counter->n)
        return;
    heading(drawing, title);
    for (; n < counter->n && n < CAROM_ACCOUNT_TOP; n++) {
        const struct carom_count *count = &counter->counts[n];
        struct carom_str name = count->name;
        if (detail)
            name = carom_arena_printf(report->arena, CAROM_STR_FMT ", " CAROM_STR_FMT, CAROM_STR_ARG(count->name),
                                      CAROM_STR_ARG(count->detail));
        draw_row(drawing, name, &count->n, counter->counts[0].n.now, base_of(report), bar_colour);
    }
    for (size_t i = n; i < counter->n; i++) {
        rest.now += counter->counts[i].n.now;
        rest.before += counter->counts[i].n.before;
    }
    if (rest.now || rest.before)
        draw_row(drawing, CAROM_STR("all others"), &rest, counter->counts[0].n.now > rest.now ? counter->counts[0].n.now : rest.now,
                 base_of(report), "2");
}

static void draw_table(const struct drawing *drawing, const char *title, const struct carom_figure *figures, int n,
                       const char *(*name_of)(int))
{
    struct carom_account *report = drawing->report;
    int order[CAROM_REASON_COUNT];
    const int k = carom_account_order(figures, n, order);
    if (k)
        heading(drawing, title);
    for (int i = 0; i < k; i++)
        draw_row(drawing, carom_str(name_of(order[i])), &figures[order[i]], figures[order[0]].now, base_of(report), "34");
}

static const char *reason_name(int i)
{
    return carom_reason_name((enum carom_reason)i);
}
static const char *fault_name(int i)
{
    return carom_fault_name((enum carom_fault)i);
}
static const char *matter_name(int i)
{
    return carom_account_matter_name((enum carom_matter)i);
}

static void draw_words(const struct drawing *drawing)
{
    struct carom_account *report = drawing->report;
    FILE *to = drawing->look->to;
    if (!report->words.n)
        return;
    heading(drawing, "What servers said most (addresses, hosts and numbers masked)");
    for (size_t i = 0; i < report->words.n && i < CAROM_ACCOUNT_TOP; i++) {
        const struct carom_count *count = &report->words.counts[i];
        fprintf(to, "%*s  ", NUMBER, carom_account_number(report, count->n.now));
        carom_print_cell(to, carom_arena_printf(report->arena, "%s, %s:", carom_reason_name(count->reason),
                                                carom_account_speaker(report, count)),
                         0);
        fputc('\n', to);
        carom_print_wrapped(to, count->name, NUMBER + 2);
    }
}

static void draw_deeds(const struct drawing *drawing)
{
    struct carom_account *report = drawing->report;
    struct carom_deed_row rows[16];
    size_t n = carom_account_deeds(report, rows, 16);
    bool titled = false;
    for (size_t i = 0; i < n; i++) {
        if (!rows[i].n.now && !rows[i].n.before)
            continue;
        if (!titled)
            heading(drawing, "What was done");
        titled = true;
        fprintf(drawing->look->to, "%*s  %s", NUMBER, carom_account_number(report, rows[i].n.now), rows[i].name);
        draw_change(drawing, &rows[i].n);
        fputc('\n', drawing->look->to);
    }
}

static void draw_incidents(const struct drawing *drawing)
{
    struct carom_account *report = drawing->report;
    FILE *to = drawing->look->to;
    if (!report->incidents_n)
        return;
    heading(drawing, "Bad days of providers, whose removals were held");
    for (size_t i = 0; i < report->incidents_n; i++) {
        const struct carom_incident *incident = &report->incidents[i];
        fprintf(to, "  %s to %s  ", carom_account_time(report, incident->since),
                incident->ended ? carom_account_time(report, incident->ended) : "now             ");
        carom_print_cell(to, incident->provider, 0);
        fputs(", ", to);
        carom_print_cell(to, incident->reason, 0);
        fprintf(to, ": %s removals, usual are %s\n", carom_account_number(report, incident->count),
                carom_account_number(report, incident->usual));
    }
}

static void measure(struct drawing *drawing)
{
    size_t fixed = 2 + 1 + NUMBER + SHARE + CHANGE, width = drawing->look->width;
    drawing->name = width / 3 < NAME_MIN ? NAME_MIN : width / 3 > NAME_MAX ? NAME_MAX : width / 3;
    drawing->bar = width > fixed + drawing->name + BAR_MIN ? width - fixed - drawing->name : BAR_MIN;
    if (drawing->bar > BAR_MAX)
        drawing->bar = BAR_MAX;
}

void carom_account_terminal(struct carom_account *report, const struct carom_look *look)
{
    struct drawing drawing = {.report = report, .look = look};

    measure(&drawing);
    draw_head(&drawing);
    draw_counter(&drawing, "Our own faults: what to mend first", &report->ours, true, "31");
    draw_table(&drawing, "Whose matter the failures are", report->matters, CAROM_MATTERS, matter_name);
    draw_kinds(&drawing);
    draw_table(&drawing, "By reason", report->reasons, CAROM_REASON_COUNT, reason_name);
    draw_table(&drawing, "By fault", report->faults, CAROM_FAULT_COUNT, fault_name);
    draw_counter(&drawing, "By provider", &report->providers, false, "34");
    draw_counter(&drawing, "By list", &report->lists, false, "34");
    draw_words(&drawing);
    draw_deeds(&drawing);
    draw_incidents(&drawing);
    fputc('\n', look->to);
    carom_print_wrapped(look->to, carom_str(carom_account_basis(report)), 0);
}
