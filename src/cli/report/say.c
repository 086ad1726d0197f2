/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* What numbers mean, and how people read them. */

#include <math.h>
#include <stdio.h>

#include "base/date.h"
#include "cli/report/report.h"

enum { A_FEW = 10 };

enum carom_trend carom_account_trend(const struct carom_account *report, const struct carom_figure *figure, double *factor_r)
{
    const double now = (double)figure->now, before = (double)figure->before, difference = now - before;

    *factor_r = 0;
    if (!report->compared || figure->now < 0 || figure->before < 0)
        return CAROM_TREND_NONE;
    /* Two counts of the same rate differ by less than three standard deviations, nearly always. */
    if (fabs(difference) < A_FEW || difference * difference < 9 * (now + before))
        return CAROM_TREND_NONE;
    if (figure->before == 0)
        return CAROM_TREND_NEW;
    if (figure->now == 0)
        return CAROM_TREND_GONE;
    *factor_r = now > before ? now / before : before / now;
    if (*factor_r < 1.5)
        return CAROM_TREND_NONE;
    return now > before ? CAROM_TREND_UP : CAROM_TREND_DOWN;
}

const char *carom_account_change(const struct carom_account *report, const struct carom_figure *figure, bool utf8)
{
    double factor;
    switch (carom_account_trend(report, figure, &factor)) {
    case CAROM_TREND_UP:
        return carom_arena_printf(report->arena, utf8 ? "↑ ×%.*f" : "up x%.*f", factor < 10, factor).ptr;
    case CAROM_TREND_DOWN:
        return carom_arena_printf(report->arena, utf8 ? "↓ ÷%.*f" : "down /%.*f", factor < 10, factor).ptr;
    case CAROM_TREND_NEW:
        return utf8 ? "↑ new" : "up, new";
    case CAROM_TREND_GONE:
        return utf8 ? "↓ gone" : "down, gone";
    case CAROM_TREND_NONE:
        break;
    }
    return "";
}

const char *carom_account_matter_name(enum carom_matter matter)
{
    static const char *const names[CAROM_MATTERS] = {
        [CAROM_MATTER_OURS] = "our own", [CAROM_MATTER_ADDRESS] = "the address", [CAROM_MATTER_PASSING] = "it will pass"};
    return names[matter];
}

const char *carom_account_number(const struct carom_account *report, int64_t n)
{
    char digits[32], out[48];
    size_t len = (size_t)snprintf(digits, sizeof(digits), "%lld", (long long)n), k = 0;
    for (size_t i = 0; i < len; i++) {
        if (i && (len - i) % 3 == 0 && digits[i - 1] != '-')
            out[k++] = ',';
        out[k++] = digits[i];
    }
    return carom_arena_str(report->arena, carom_str_n(out, k)).ptr;
}

const char *carom_account_share(const struct carom_account *report, int64_t n, int64_t of)
{
    const double percent = of > 0 ? 100.0 * (double)n / (double)of : 0;
    if (of <= 0)
        return "";
    return carom_arena_printf(report->arena, percent == 0 || percent >= 9.95 ? "%.0f %%" : percent >= 0.995 ? "%.1f %%"
                                             : percent >= 0.00995            ? "%.2f %%"
                                                                             : "%.4f %%", percent).ptr;
}

const char *carom_account_time(const struct carom_account *report, int64_t ms)
{
    char text[32];
    carom_date_format(ms / 1000, text);
    text[10] = ' ';
    return carom_arena_str(report->arena, carom_str_n(text, 16)).ptr;
}

int carom_account_order(const struct carom_figure *figures, int n, int order[CAROM_REASON_COUNT])
{
    int k = 0;
    for (int i = 0; i < n; i++) {
        int at = k;
        if (!figures[i].now && !figures[i].before)
            continue;
        for (; at > 0 && figures[order[at - 1]].now < figures[i].now; at--)
            order[at] = order[at - 1];
        order[at] = i;
        k++;
    }
    return k;
}

const char *carom_account_speaker(const struct carom_account *report, const struct carom_count *count)
{
    if (count->several && carom_str_eq(count->first, CAROM_STR("others")))
        return "several";
    return carom_arena_printf(report->arena, CAROM_STR_FMT "%s", CAROM_STR_ARG(count->first),
                              count->several ? " and others" : "").ptr;
}

const char *carom_account_basis(const struct carom_account *report)
{
    const char *of = report->sent ? "Rates are of the mail sent, as stated with --sent."
                                  : "Shares are of the failures: carom does not know how much was sent. With --sent N there are rates.";
    const char *more = report->sent && report->failures.now > report->sent
                           ? " More failed than was sent: is that the number of this period?" : "";
    const char *against = report->compared ? ""
                          : report->beginning
                              ? " There is nothing to compare with: the ledger does not reach back over the period before."
                              : " The ledger is empty.";
    return carom_arena_printf(report->arena,
                              "%s A delivery counts once for each reason, however often it was tried; times are those of the "
                              "decision.%s%s", of, more, against).ptr;
}

size_t carom_account_deeds(const struct carom_account *report, struct carom_deed_row *rows, size_t n)
{
    const struct carom_deeds *now = &report->deeds, *before = &report->deeds_before;
    const struct carom_deed_row all[] = {
        {"addresses that left a list", "left", {now->left, before->left}},
        {"suppressions by decisions", "suppressed", {now->suppressed, before->suppressed}},
        {"suppressions by hand or import", "by_hand", {now->by_hand, before->by_hand}},
        {"suppressions ended early", "ended", {now->ended, before->ended}},
        {"actions that wait for a person", "held", {now->held, before->held}},
        {"decisions released", "released", {now->released, before->released}},
        {"decisions discarded", "discarded", {now->discarded, before->discarded}},
        {"decisions that lapsed unreleased", "expired", {now->expired, before->expired}},
        {"decisions taken back", "undone", {now->undone, before->undone}},
        {"decisions done again", "redone", {now->redone, before->redone}},
        {"actions without list, recipient or sink", "unmatched", report->unmatched},
        {"facts below the gate, not counted", "below_gate", report->held},
        {"facts that the policy ignores, not counted", "ignored", report->ignored},
    };
    size_t k = 0;
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]) && k < n; i++)
        if (all[i].n.now >= 0)
            rows[k++] = all[i];
    return k;
}
