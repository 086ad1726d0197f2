/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* carom report: how a period went, against the one before. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/date.h"
#include "cli/cli.h"
#include "cli/ledger.h"
#include "cli/print.h"
#include "cli/report/report.h"
#include "cli/select.h"

static const int64_t week = INT64_C(7) * 86400000;
enum { WIDTH = 80, WIDTH_MIN = 50, WIDTH_MAX = 160 };

struct request {
    struct carom_cli_place place;
    struct carom_cli_select select;
    const char *html;
    int64_t sent;
    bool json, csv;
};

/* ---- What the terminal can ---- */

static bool has_utf8(void)
{
    const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct carom_str value = carom_str(getenv(names[i]));
        if (value.len)
            return carom_str_ifind(value, CAROM_STR("utf-8")) != SIZE_MAX || carom_str_ifind(value, CAROM_STR("utf8")) != SIZE_MAX;
    }
    return false;
}

static struct carom_look look_of(FILE *to)
{
    struct carom_look look = {.to = to, .width = WIDTH, .utf8 = has_utf8()};
    const char *no_colour = getenv("NO_COLOR");
    struct carom_str terminal = carom_str(getenv("TERM"));
    int64_t columns = carom_str_number(carom_str(getenv("COLUMNS")));
    const bool is_terminal = isatty(fileno(to));

    if (carom_print_columns(to))
        columns = (int64_t)carom_print_columns(to);
    if (columns > 0)
        look.width = columns < WIDTH_MIN ? WIDTH_MIN : columns > WIDTH_MAX ? WIDTH_MAX : (size_t)columns;
    look.colour = is_terminal && !(no_colour && *no_colour) && terminal.len && !carom_str_eq(terminal, CAROM_STR("dumb"));
    return look;
}

/* ---- What it is of ---- */

static struct carom_str part_of(struct carom_arena *arena, const struct carom_cli_select *select)
{
    const char *const parts[][2] = {{"reason or kind", select->reason}, {"provider", select->provider}, {"rule", select->rule},
                                    {"list", select->list}, {"policy", select->policy}};
    struct carom_str text = CAROM_STR_EMPTY;
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        if (parts[i][1])
            text = carom_arena_printf(arena, CAROM_STR_FMT "%s%s %s", CAROM_STR_ARG(text), text.len ? ", " : "", parts[i][0],
                                      parts[i][1]);
    return text;
}

static int read_period(const struct request *request, struct carom_account *report, struct carom_error *err)
{
    struct carom_selection *period = &report->selection;
    if (carom_cli_selection(&request->select, report->now, period, err) != 0)
        return -1;
    report->open = !period->until;
    if (report->open)
        period->until = report->now;
    if (!period->since)
        period->since = period->until - week;
    if (period->since >= period->until)
        return carom_error_set(err, CAROM_ERROR_USAGE, "report: --since lies after --until, or in the future");
    if (period->until - period->since < 60000)
        return carom_error_set(err, CAROM_ERROR_USAGE, "report: a period of less than a minute");
    return 0;
}

/* ---- Where it goes ---- */

/* The page is there whole, or the old one still. */
static int write_page(struct carom_account *report, const char *path, struct carom_error *err)
{
    struct carom_str name = carom_arena_printf(report->arena, "%s.new", path);
    FILE *to = fopen(name.ptr, "we");
    if (!to)
        return carom_error_set(err, CAROM_ERROR_IO, "%s: cannot be written: %s", path, strerror(errno));
    carom_account_html(report, to);
    bool ok = fflush(to) == 0 && !ferror(to);
    int saved = errno;
    if (fclose(to) != 0 && ok) {
        saved = errno;
        ok = false;
    }
    if (ok && rename(name.ptr, path) == 0)
        return 0;
    saved = ok ? errno : saved;
    unlink(name.ptr);
    return carom_error_set(err, CAROM_ERROR_IO, "%s: cannot be written: %s", path, strerror(saved));
}

static int print(struct carom_account *report, const struct request *request, struct carom_error *err)
{
    if (request->html && strcmp(request->html, "-") != 0) {
        if (write_page(report, request->html, err) != 0)
            return -1;
        printf("%s: %s failures\n", request->html, carom_account_number(report, report->failures.now));
        return 0;
    }
    const struct carom_look look = look_of(stdout);
    if (request->html)
        carom_account_html(report, stdout);
    else if (request->json)
        carom_account_json(report, stdout);
    else if (request->csv)
        carom_account_csv(report, stdout);
    else
        carom_account_terminal(report, &look);
    return 0;
}

static int run(struct carom_arena *arena, const struct request *request, struct carom_error *err)
{
    struct carom_account *report = carom_arena_new_of(arena, struct carom_account);
    struct carom_ledger ledger;
    struct carom_policy *policy;
    struct carom_str url;

    report->arena = arena;
    report->now = carom_date_now_ms();
    report->sent = request->sent > 0 ? request->sent : 0;
    report->part = part_of(arena, &request->select);
    if (read_period(request, report, err) != 0 ||
        carom_cli_ledger(arena, &request->place, CAROM_LEDGER_READ, false, &ledger, &policy, &url, err) != 0)
        return -1;
    struct carom_selection domain = carom_selection_any(); /* a rule or a version may not have come yet */
    domain.provider = report->selection.provider;
    int result = carom_cli_list(arena, policy, request->select.list, err);
    if (result == 0)
        result = carom_cli_selection_known(arena, &ledger, policy, &domain, err);
    if (result == 0)
        result = carom_account_count(report, &ledger, err);
    carom_ledger_close(&ledger);
    carom_policy_free(policy);
    return result == 0 ? print(report, request, err) : -1;
}

int cmd_report(int argc, char **argv)
{
    struct request request = {.sent = -1};
    const struct carom_option options[] = {
        CAROM_CLI_PLACE_OPTIONS(request.place),
        CAROM_CLI_SELECT_OPTIONS(request.select),
        {"sent", CAROM_OPTION_NUMBER, &request.sent, "NUMBER", "how many mails were sent in the period: for rates"},
        {"json", CAROM_OPTION_FLAG, &request.json, NULL, "one JSON object"},
        {"csv", CAROM_OPTION_FLAG, &request.csv, NULL, "CSV, a figure a line"},
        {"html", CAROM_OPTION_TEXT, &request.html, "FILE", "one page with charts that needs no network (- for stdout)"},
        {NULL, 0, NULL, NULL, NULL}};
    char **operands;
    int n = carom_cli_options(argc, argv, options, "[OPTIONS]",
                              "Says how a period went (default: the last 7 days), against as long before: what failed, why,\n"
                              "whose fault it was, and what was done. Our own faults come first.", &operands);
    struct carom_error err = {0};

    if (n < 0)
        return carom_cli_options_exit(n);
    if (n > 0)
        return carom_cli_usage("report", "takes no operand '%s'", operands[0]);
    if (!request.sent)
        return carom_cli_usage("report", "--sent 0: where nothing was sent there are no rates");
    if (request.json + request.csv + (request.html != NULL) > 1)
        return carom_cli_usage("report", "--json, --csv and --html exclude one another");
    struct carom_arena *arena = carom_arena_new();
    if (!arena || carom_arena_guard(arena))
        return carom_cli_no_memory(arena);
    int result = run(arena, &request, &err);
    if ((fflush(stdout) != 0 || ferror(stdout)) && result == 0)
        result = carom_cli_output_error(&err, "report");
    carom_arena_free(arena);
    return result == 0 ? EX_OK : carom_cli_fail(&err);
}
