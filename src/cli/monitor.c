/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The state as monitors read it: Nagios' plugin output, and the text format of Prometheus (version 0.0.4), which
   node_exporter takes from a file. Texts that came from answers neither end a line nor a label. */

#include <stdio.h>

#include "cli/health.h"
#include "cli/print.h"

static long long seconds(int64_t ms) { return (long long)(ms / 1000); }

static int64_t sum(const int64_t counts[CAROM_KIND_COUNT])
{
    int64_t all = 0;
    for (int kind = 0; kind < CAROM_KIND_COUNT; kind++)
        all += counts[kind];
    return all;
}

static int64_t late_ms(const struct carom_health *health)
{
    return health->standing.oldest ? health->now - health->standing.oldest : 0;
}

/* ---- Nagios ---- */

/* '|' begins the performance data. */
static void print_text(struct carom_str text)
{
    while (text.len) {
        size_t bar = carom_str_chr(text, '|');
        carom_print_cell(stdout, carom_str_head(text, bar), 0);
        if (bar == SIZE_MAX)
            return;
        putchar('/');
        text = carom_str_from(text, bar + 1);
    }
}

void carom_health_print_nagios(const struct carom_health *health)
{
    static const char *const words[] = {"OK", "WARNING", "CRITICAL"};
    const struct carom_standing *s = &health->standing;
    const char *between = "";

    printf("CAROM %s - ", words[health->level]);
    for (const struct carom_finding *finding = health->first; finding; finding = finding->next, between = "; ") {
        fputs(between, stdout);
        print_text(finding->what);
    }
    if (!health->first)
        printf("%lld facts in the last day, %lld jobs wait", (long long)sum(s->day), (long long)s->waiting);
    printf("|facts_hour=%lld facts_day=%lld unmatched=%lld waiting=%lld due=%lld late=%llds pending=%lld dead=%lld "
           "stopped=%zu held=%lld suppressions=%lld size=%lldB spool=%zu set_aside=%zu incidents=%lld\n",
           (long long)sum(s->hour), (long long)sum(s->day), (long long)s->unmatched, (long long)s->waiting,
           (long long)s->due, seconds(late_ms(health)), (long long)s->pending, (long long)s->dead, health->stopped_n,
           (long long)s->held, (long long)s->suppressions, (long long)s->bytes, health->spool.waiting,
           health->spool.poison, (long long)s->incidents);
}

/* ---- Prometheus ---- */

static void describe(const char *name, const char *help)
{
    printf("# HELP carom_%s %s\n# TYPE carom_%s gauge\n", name, help, name);
}

static void gauge(const char *name, const char *help, long long value)
{
    describe(name, help);
    printf("carom_%s %lld\n", name, value);
}

static void print_label(struct carom_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '\n')
            fputs("\\n", stdout);
        else if (text.ptr[i] == '"' || text.ptr[i] == '\\')
            printf("\\%c", text.ptr[i]);
        else
            putchar(text.ptr[i]);
    }
}

static void print_kinds(const char *window, const int64_t counts[CAROM_KIND_COUNT])
{
    for (int kind = 0; kind < CAROM_KIND_COUNT; kind++)
        printf("carom_recent_facts{window=\"%s\",kind=\"%s\"} %lld\n", window, carom_kind_name((enum carom_kind)kind),
               (long long)counts[kind]);
}

/* A file that is not written any more looks as it did on the last good day, but for the time in it. */
void carom_health_print_level(const struct carom_health *health, int level)
{
    gauge("status", "0 green, 1 yellow, 2 red, 3 not known", level);
    gauge("status_timestamp_seconds", "When carom status looked", seconds(health->now));
}

void carom_health_print_prometheus(const struct carom_health *health)
{
    const struct carom_standing *s = &health->standing;

    carom_health_print_level(health, (int)health->level);
    gauge("last_message_timestamp_seconds", "When a fact was recorded last, 0 never", seconds(s->last_fact));
    describe("recent_facts", "Facts recorded in the last hour or day");
    print_kinds("hour", s->hour);
    print_kinds("day", s->day);
    gauge("recent_unmatched_actions", "Actions of the last day without list, recipient or sink", (long long)s->unmatched);
    describe("jobs", "Jobs of the outbox that are not done");
    printf("carom_jobs{state=\"waiting\"} %lld\ncarom_jobs{state=\"pending\"} %lld\ncarom_jobs{state=\"dead\"} %lld\n",
           (long long)s->waiting, (long long)s->pending, (long long)s->dead);
    gauge("due_jobs", "Waiting jobs that may be tried now", (long long)s->due);
    gauge("late_seconds", "For how long the oldest waiting job should have gone", seconds(late_ms(health)));
    gauge("last_delivery_timestamp_seconds", "When a run of carom deliver ended last, 0 never", seconds(s->delivered));
    describe("sink_stopped", "Sinks that take nothing: 1 paused, 2 disabled");
    for (size_t i = 0; i < health->stopped_n; i++) {
        fputs("carom_sink_stopped{sink=\"", stdout);
        print_label(health->stopped[i].sink);
        printf("\"} %d\n", health->stopped[i].until ? 1 : 2);
    }
    gauge("held_actions", "Actions that wait for a person", (long long)s->held);
    describe("spooled_messages", "Messages that were taken and are not decided");
    printf("carom_spooled_messages{state=\"waiting\"} %zu\ncarom_spooled_messages{state=\"set_aside\"} %zu\n",
           health->spool.waiting, health->spool.poison);
    gauge("open_incidents", "Bad days of providers that have not ended", (long long)s->incidents);
    gauge("suppressions", "Suppressions that stand", (long long)s->suppressions);
    gauge("ledger_bytes", "Size of the ledger on disk", (long long)s->bytes);
    gauge("ledger_version", "Schema version of the ledger", s->version);
}
