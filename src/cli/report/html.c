/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The report as one page that needs nothing else: no script, no font, no network, and says so to the browser (CSP). Its
   charts are bars in tables, which whoever sees no bars reads as tables; columns over time have theirs beneath. Every
   text from mail is escaped. */

#include <stdio.h>

#include "base/utf8.h"
#include "cli/report/report.h"

static const char head[] =
    "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
    "<meta name=\"referrer\" content=\"no-referrer\">\n"
    "<meta name=\"color-scheme\" content=\"light dark\">\n"
    "<title>Bounce report</title>\n<style>\n"
    ":root{--bg:#fbfbfa;--card:#fff;--text:#1c1f24;--dim:#5d6570;--line:#e2e4e8;--ours:#c2410c;--address:#2563a8;"
    "--passing:#8a94a3;--complaint:#a21caf;--good:#15803d}\n"
    "@media (prefers-color-scheme:dark){:root{--bg:#14171b;--card:#1c2026;--text:#e6e8eb;--dim:#9aa3af;--line:#2e343c;"
    "--ours:#f0763a;--address:#5b9be0;--passing:#7c8796;--complaint:#d775e0;--good:#4cc07a}}\n"
    "*{box-sizing:border-box}\n"
    "body{margin:0 auto;max-width:62rem;padding:1.2rem 1rem 3rem;background:var(--bg);color:var(--text);"
    "font:15px/1.5 system-ui,-apple-system,\"Segoe UI\",Roboto,\"Noto Sans\",\"DejaVu Sans\",sans-serif}\n"
    "h1{font-size:1.5rem;margin:.2rem 0}h2{font-size:1.08rem;margin:0 0 .6rem}p{margin:.3rem 0}.dim{color:var(--dim)}\n"
    "section{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:1rem;margin:1rem 0}\n"
    ".tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(9rem,1fr));gap:.7rem;margin:1rem 0}\n"
    ".tile{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:.7rem .9rem}\n"
    ".tile .up,.tile .down{white-space:nowrap}.tile b{display:block;font-size:1.55rem;line-height:1.25;font-variant-numeric:tabular-nums}\n"
    ".two{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,26rem),1fr));gap:0 1rem}\n"
    ".two section{min-width:0}.two .bar{width:20%}.two{align-items:start}\n"
    "table{width:100%;border-collapse:collapse}\n"
    "th{font-weight:600;text-align:left;color:var(--dim);font-size:.82rem}\n"
    "th,td{padding:.22rem .5rem .22rem 0;vertical-align:middle;border-top:1px solid var(--line)}\n"
    "thead th{border-top:0}tbody th{font-weight:400;color:var(--text);font-size:.95rem;min-width:8.6rem;overflow-wrap:anywhere}\n"
    ".n{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}\n"
    ".bar{width:34%}.bar svg{display:block;width:100%;height:.8rem}\n"
    ".columns svg{display:block;width:100%;height:11rem;border-bottom:1px solid var(--line)}\n"
    ".small svg{height:4rem}\n"
    ".ends{display:flex;justify-content:space-between;color:var(--dim);font-size:.82rem}\n"
    ".ours{fill:var(--ours)}.address{fill:var(--address)}.passing{fill:var(--passing)}.complaint{fill:var(--complaint)}\n"
    ".key{display:flex;flex-wrap:wrap;gap:.2rem 1.2rem;font-size:.88rem;margin:.2rem 0 .6rem}\n"
    ".key span::before{content:\"\";display:inline-block;width:.75em;height:.75em;border-radius:2px;margin-right:.4em;"
    "background:var(--c)}\n"
    ".up{color:var(--ours);font-weight:600}.down{color:var(--good);font-weight:600}\n"
    "code{font:.86em/1.45 ui-monospace,\"DejaVu Sans Mono\",monospace;overflow-wrap:anywhere}\n"
    "details{margin-top:.6rem}summary{cursor:pointer;color:var(--dim)}.scroll{overflow-x:auto}\n"
    "@media (max-width:36rem){body{padding:.8rem .6rem 2rem}section{padding:.8rem .7rem}.share{display:none}.bar{width:26%}.tiles{grid-template-columns:1fr 1fr}}\n"
    "@media print{body{max-width:none}section{break-inside:avoid}}\n"
    "</style>\n</head>\n<body>\n";

/* ---- Text ---- */

/* Harmless in elements and attributes; what is not seen or turns the text around shows as a mark. */
static void put(FILE *to, struct carom_str s, bool is_name)
{
    while (s.len) {
        uint32_t character;
        size_t n = carom_utf8_decode(s, &character), taken = n ? n : 1;
        const char c = s.ptr[0];
        if (!n || (!carom_utf8_printable(character) && c != '\n' && c != '\t'))
            fputs("\xef\xbf\xbd", to);
        else if (strchr("&<>\"'", c))
            fprintf(to, "&#%d;", c);
        else
            fwrite(s.ptr, 1, n, to);
        if (is_name && (c == '_' || c == '.' || c == '@')) /* a long one may break here */
            fputs("<wbr>", to);
        s = carom_str_from(s, taken);
    }
}

static void text(FILE *to, struct carom_str s)
{
    put(to, s, false);
}

static void change(const struct carom_account *report, const struct carom_figure *figure, FILE *to)
{
    double factor;
    enum carom_trend trend = carom_account_trend(report, figure, &factor);
    if (trend != CAROM_TREND_NONE)
        fprintf(to, "<span class=\"%s\">%s</span>", trend == CAROM_TREND_UP || trend == CAROM_TREND_NEW ? "up" : "down",
                carom_account_change(report, figure, true));
}

/* ---- Tables with bars ---- */

static int64_t base_of(const struct carom_account *report)
{
    return report->sent ? report->sent : report->failures.now;
}

static void begin_table(const struct carom_account *report, FILE *to, const char *title, const char *what)
{
    fprintf(to, "<section>\n<h2>%s</h2>\n<table>\n<thead><tr><th scope=\"col\">%s</th><th class=\"bar\"></th>"
                "<th scope=\"col\" class=\"n\">count</th><th scope=\"col\" class=\"n share\">%s</th>%s</tr></thead>\n<tbody>\n",
            title, what, report->sent ? "of sent" : "share",
            report->compared ? "<th scope=\"col\" class=\"n\">before</th><th scope=\"col\"></th>" : "");
}

static void end_table(FILE *to)
{
    fputs("</tbody>\n</table>\n</section>\n", to);
}

static void row(const struct carom_account *report, FILE *to, struct carom_str name, struct carom_str detail,
                const struct carom_figure *figure, int64_t most, int64_t of, const char *class)
{
    const double length = most > 0 ? 100.0 * (double)figure->now / (double)most : 0;
    fputs("<tr><th scope=\"row\">", to);
    put(to, name, true);
    if (detail.len) {
        fputs(" <span class=\"dim\">", to);
        text(to, detail);
        fputs("</span>", to);
    }
    fprintf(to, "</th><td class=\"bar\"><svg viewBox=\"0 0 100 10\" preserveAspectRatio=\"none\" aria-hidden=\"true\">"
                "<rect class=\"%s\" data-n=\"%lld\" width=\"%.2f\" height=\"10\"/></svg></td><td class=\"n\">%s</td>"
                "<td class=\"n share\">%s</td>",
            class, (long long)figure->now, figure->now && length < 0.5 ? 0.5 : length, carom_account_number(report, figure->now),
            carom_account_share(report, figure->now, of));
    if (report->compared) {
        fprintf(to, "<td class=\"n\">%s</td><td class=\"n\">", carom_account_number(report, figure->before));
        change(report, figure, to);
        fputs("</td>", to);
    }
    fputs("</tr>\n", to);
}

static const char *class_of(enum carom_matter matter)
{
    static const char *const classes[CAROM_MATTERS] = {"ours", "address", "passing"};
    return classes[matter];
}

static void counter(const struct carom_account *report, FILE *to, const char *title, const char *what,
                    const struct carom_counter *counter, const char *class)
{
    struct carom_figure rest = counter->others.n;
    const int64_t most = counter->n ? counter->counts[0].n.now : 0;
    if (!counter->n)
        return;
    begin_table(report, to, title, what);
    for (size_t i = 0; i < counter->n; i++) {
        const struct carom_count *count = &counter->counts[i];
        if (i < CAROM_ACCOUNT_TOP)
            row(report, to, count->name, count->detail, &count->n, most, base_of(report), class);
        else
            rest.now += count->n.now, rest.before += count->n.before;
    }
    if (rest.now || rest.before)
        row(report, to, CAROM_STR("all others"), CAROM_STR_EMPTY, &rest, most > rest.now ? most : rest.now, base_of(report), "passing");
    end_table(to);
}

static void reasons(const struct carom_account *report, FILE *to)
{
    int order[CAROM_REASON_COUNT];
    const int n = carom_account_order(report->reasons, CAROM_REASON_COUNT, order);
    if (!n)
        return;
    begin_table(report, to, "By reason", "reason");
    for (int i = 0; i < n; i++) {
        enum carom_reason reason = (enum carom_reason)order[i];
        row(report, to, carom_str(carom_reason_name(reason)), carom_str(carom_fault_name(carom_reason_fault(reason))),
            &report->reasons[reason], report->reasons[order[0]].now, base_of(report), class_of(carom_account_matter(reason)));
    }
    end_table(to);
}

static void faults(const struct carom_account *report, FILE *to)
{
    int order[CAROM_REASON_COUNT];
    const int n = carom_account_order(report->faults, CAROM_FAULT_COUNT, order);
    if (!n)
        return;
    begin_table(report, to, "By fault", "whose fault");
    for (int i = 0; i < n; i++) {
        enum carom_fault fault = (enum carom_fault)order[i];
        bool is_ours = fault == CAROM_FAULT_SENDER || fault == CAROM_FAULT_CONTENT;
        bool is_address = fault == CAROM_FAULT_RECIPIENT || fault == CAROM_FAULT_DOMAIN;
        row(report, to, carom_str(carom_fault_name(fault)), CAROM_STR_EMPTY, &report->faults[fault],
            report->faults[order[0]].now, base_of(report), is_ours ? "ours" : is_address ? "address" : "passing");
    }
    end_table(to);
}

static void kinds(const struct carom_account *report, FILE *to)
{
    int64_t most = 0;
    for (int i = 0; i < CAROM_KIND_COUNT; i++)
        most = report->kinds[i].now > most ? report->kinds[i].now : most;
    begin_table(report, to, "What came", "kind");
    for (int i = 0; i < CAROM_KIND_COUNT; i++)
        if (report->kinds[i].now || report->kinds[i].before)
            row(report, to, carom_str(carom_kind_name((enum carom_kind)i)), CAROM_STR_EMPTY, &report->kinds[i], most,
                report->sent, i == CAROM_KIND_COMPLAINT ? "complaint" : "address");
    end_table(to);
}

/* ---- Over time ---- */

static int64_t sum_of(const struct carom_bucket *bucket)
{
    return bucket->matters[CAROM_MATTER_OURS] + bucket->matters[CAROM_MATTER_ADDRESS] + bucket->matters[CAROM_MATTER_PASSING];
}

static void column(FILE *to, const char *class, size_t i, double *top, int64_t n, int64_t most)
{
    const double height = most > 0 ? 100.0 * (double)n / (double)most : 0;
    if (!n)
        return;
    *top -= height;
    fprintf(to, "<rect class=\"%s\" data-n=\"%lld\" x=\"%zu\" y=\"%.2f\" width=\"8\" height=\"%.2f\"/>", class, (long long)n,
            i * 10 + 1, *top, height);
}

static void columns(const struct carom_account *report, FILE *to, bool complaints, int64_t most)
{
    fprintf(to, "<div class=\"ends\"><span>%s</span></div>\n<div class=\"columns%s\"><svg viewBox=\"0 0 %zu 100\" "
                "preserveAspectRatio=\"none\" role=\"img\" aria-label=\"%s over time\">\n",
            carom_account_number(report, most), complaints ? " small" : "", report->buckets_n * 10,
            complaints ? "complaints" : "failures");
    for (size_t i = 0; i < report->buckets_n; i++) {
        const struct carom_bucket *bucket = &report->buckets[i];
        double top = 100;
        fprintf(to, "<g><title>%s: %s</title>", carom_account_time(report, bucket->time),
                carom_account_number(report, complaints ? bucket->complaints : sum_of(bucket)));
        if (complaints)
            column(to, "complaint", i, &top, bucket->complaints, most);
        else /* what is ours stands on the ground, where it can be compared */
            for (int k = 0; k < CAROM_MATTERS; k++)
                column(to, class_of((enum carom_matter)k), i, &top, bucket->matters[k], most);
        fputs("</g>\n", to);
    }
    fprintf(to, "</svg></div>\n<div class=\"ends\"><span>%s</span><span>%s</span></div>\n",
            carom_account_time(report, report->selection.since), carom_account_time(report, report->selection.until));
}

static void times(const struct carom_account *report, FILE *to)
{
    int64_t most = 0, complaints = 0;
    for (size_t i = 0; i < report->buckets_n; i++) {
        int64_t sum = sum_of(&report->buckets[i]);
        most = sum > most ? sum : most;
        complaints = report->buckets[i].complaints > complaints ? report->buckets[i].complaints : complaints;
    }
    if (!most && !complaints)
        return;
    fprintf(to, "<section>\n<h2>Failures per %s</h2>\n<div class=\"key\">", report->bucket_ms < 86400000 ? "hour"
                                                                            : report->bucket_ms == 86400000 ? "day" : "week or longer");
    for (int k = 0; k < CAROM_MATTERS; k++)
        fprintf(to, "<span style=\"--c:var(--%s)\">%s</span>", class_of((enum carom_matter)k),
                carom_account_matter_name((enum carom_matter)k));
    fputs("</div>\n", to);
    if (most)
        columns(report, to, false, most);
    if (complaints) {
        fputs("<div class=\"key\" style=\"margin-top:.8rem\"><span style=\"--c:var(--complaint)\">complaints</span></div>\n", to);
        columns(report, to, true, complaints);
    }
    fputs("<details><summary>The figures</summary><div class=\"scroll\"><table>\n<thead><tr><th scope=\"col\">from</th>", to);
    for (int k = 0; k < CAROM_MATTERS; k++)
        fprintf(to, "<th scope=\"col\" class=\"n\">%s</th>", carom_account_matter_name((enum carom_matter)k));
    fputs("<th scope=\"col\" class=\"n\">complaints</th></tr></thead>\n<tbody>\n", to);
    for (size_t i = 0; i < report->buckets_n; i++) {
        fprintf(to, "<tr><th scope=\"row\">%s</th>", carom_account_time(report, report->buckets[i].time));
        for (int k = 0; k < CAROM_MATTERS; k++)
            fprintf(to, "<td class=\"n\">%s</td>", carom_account_number(report, report->buckets[i].matters[k]));
        fprintf(to, "<td class=\"n\">%s</td></tr>\n", carom_account_number(report, report->buckets[i].complaints));
    }
    fputs("</tbody></table></div></details>\n</section>\n", to);
}

/* ---- The rest ---- */

static void tile(const struct carom_account *report, FILE *to, const char *name, const struct carom_figure *figure, int64_t of)
{
    fprintf(to, "<div class=\"tile\"><b>%s</b>%s", carom_account_number(report, figure->now), name);
    if (of > 0)
        fprintf(to, " <span class=\"dim\">%s</span>", carom_account_share(report, figure->now, of));
    fputc(' ', to);
    change(report, figure, to);
    fputs("</div>\n", to);
}

static void tiles(const struct carom_account *report, FILE *to)
{
    const struct carom_figure left = {report->deeds.left, report->deeds_before.left};
    fputs("<div class=\"tiles\">\n", to);
    tile(report, to, report->failures.now == 1 ? "failure" : "failures", &report->failures, report->sent);
    tile(report, to, "our own fault", &report->matters[CAROM_MATTER_OURS], base_of(report));
    tile(report, to, report->kinds[CAROM_KIND_COMPLAINT].now == 1 ? "complaint" : "complaints",
         &report->kinds[CAROM_KIND_COMPLAINT], report->sent);
    tile(report, to, "left a list", &left, report->sent);
    fputs("</div>\n", to);
}

static void words(const struct carom_account *report, FILE *to)
{
    if (!report->words.n)
        return;
    fputs("<section>\n<h2>What servers said most</h2>\n<p class=\"dim\">Addresses, hosts and numbers are masked.</p>\n"
          "<table>\n<thead><tr><th scope=\"col\" class=\"n\">count</th><th scope=\"col\">words</th></tr></thead>\n<tbody>\n", to);
    for (size_t i = 0; i < report->words.n && i < CAROM_ACCOUNT_TOP; i++) {
        const struct carom_count *count = &report->words.counts[i];
        fprintf(to, "<tr><td class=\"n\">%s</td><td><code>", carom_account_number(report, count->n.now));
        text(to, count->name);
        fprintf(to, "</code><br><span class=\"dim\">%s, ", carom_reason_name(count->reason));
        text(to, carom_str(carom_account_speaker(report, count)));
        fputs("</span></td></tr>\n", to);
    }
    fputs("</tbody>\n</table>\n</section>\n", to);
}

static void deeds(const struct carom_account *report, FILE *to)
{
    struct carom_deed_row rows[16];
    size_t n = carom_account_deeds(report, rows, 16);
    fputs("<section>\n<h2>What was done</h2>\n<table>\n<thead><tr><th scope=\"col\">what</th><th scope=\"col\" class=\"n\">count</th>", to);
    fputs(report->compared ? "<th scope=\"col\" class=\"n\">before</th><th></th></tr></thead>\n<tbody>\n" : "</tr></thead>\n<tbody>\n", to);
    for (size_t i = 0; i < n; i++) {
        if (i > 4 && !rows[i].n.now && !rows[i].n.before)
            continue;
        fprintf(to, "<tr><th scope=\"row\">%s</th><td class=\"n\">%s</td>", rows[i].name, carom_account_number(report, rows[i].n.now));
        if (report->compared) {
            fprintf(to, "<td class=\"n\">%s</td><td class=\"n\">", carom_account_number(report, rows[i].n.before));
            change(report, &rows[i].n, to);
            fputs("</td>", to);
        }
        fputs("</tr>\n", to);
    }
    end_table(to);
}

static void incidents(const struct carom_account *report, FILE *to)
{
    if (!report->incidents_n)
        return;
    fputs("<section>\n<h2>Bad days of providers, whose removals were held</h2>\n<div class=\"scroll\"><table>\n<thead><tr>"
          "<th scope=\"col\">provider</th><th scope=\"col\">reason</th><th scope=\"col\">from</th><th scope=\"col\">to</th>"
          "<th scope=\"col\" class=\"n\">removals</th><th scope=\"col\" class=\"n\">usual</th></tr></thead>\n<tbody>\n", to);
    for (size_t i = 0; i < report->incidents_n; i++) {
        const struct carom_incident *incident = &report->incidents[i];
        fputs("<tr><th scope=\"row\">", to);
        text(to, incident->provider);
        fputs("</th><td>", to);
        text(to, incident->reason);
        fprintf(to, "</td><td>%s</td><td>%s</td><td class=\"n\">%s</td><td class=\"n\">%s</td></tr>\n",
                carom_account_time(report, incident->since), incident->ended ? carom_account_time(report, incident->ended) : "now",
                carom_account_number(report, incident->count), carom_account_number(report, incident->usual));
    }
    fputs("</tbody></table></div>\n</section>\n", to);
}

void carom_account_html(struct carom_account *report, FILE *to)
{
    fputs(head, to);
    fprintf(to, "<h1>Bounce report</h1>\n<p>%s to %s UTC%s</p>\n", carom_account_time(report, report->selection.since),
            carom_account_time(report, report->selection.until), report->compared ? ", against as long before" : "");
    if (report->part.len) {
        fputs("<p>Only ", to);
        text(to, report->part);
        fputs("</p>\n", to);
    }
    tiles(report, to);
    counter(report, to, "Our own faults: what to mend first", "reason, provider", &report->ours, "ours");
    times(report, to);
    fputs("<div class=\"two\">\n", to);
    reasons(report, to);
    faults(report, to);
    counter(report, to, "By provider", "provider", &report->providers, "address");
    counter(report, to, "By list", "list", &report->lists, "address");
    kinds(report, to);
    deeds(report, to);
    fputs("</div>\n", to);
    words(report, to);
    incidents(report, to);
    fputs("<p class=\"dim\">", to);
    text(to, carom_str(carom_account_basis(report)));
    fputs("</p>\n</body>\n</html>\n", to);
}
