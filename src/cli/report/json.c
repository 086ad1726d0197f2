/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The report for programs: one object. */

#include "cli/print.h"
#include "cli/report/report.h"

static void integer(struct carom_json *json, const char *name, int64_t n)
{
    carom_json_key(json, carom_str(name));
    carom_json_int(json, n);
}

/* factor: only of a change that means something. */
static void figure(const struct carom_account *report, struct carom_json *json, const struct carom_figure *n)
{
    static const char *const trends[] = {NULL, "up", "down", "new", "gone"};
    double factor;
    enum carom_trend trend = carom_account_trend(report, n, &factor);
    integer(json, "count", n->now);
    if (report->compared && n->before >= 0)
        integer(json, "before", n->before);
    carom_json_field_str(json, "trend", carom_str(trends[trend]));
    if (factor > 0) {
        carom_json_key(json, CAROM_STR("factor"));
        carom_json_number(json, factor);
    }
    if (report->sent) {
        carom_json_key(json, CAROM_STR("rate"));
        carom_json_number(json, (double)n->now / (double)report->sent);
    }
}

static void named(const struct carom_account *report, struct carom_json *json, const char *key, struct carom_str name,
                  const struct carom_figure *n)
{
    carom_json_object(json);
    carom_json_field_str(json, key, name);
    figure(report, json, n);
    carom_json_object_end(json);
}

static void begin(struct carom_json *json, const char *name)
{
    carom_json_key(json, carom_str(name));
    carom_json_array(json);
}

static void counter(const struct carom_account *report, struct carom_json *json, const char *name, const char *key,
                    const struct carom_counter *counter, bool detail)
{
    begin(json, name);
    for (size_t i = 0; i < counter->n; i++) {
        const struct carom_count *count = &counter->counts[i];
        carom_json_object(json);
        carom_json_field_str(json, key, count->name);
        if (detail)
            carom_json_field_str(json, "provider", count->detail);
        figure(report, json, &count->n);
        carom_json_object_end(json);
    }
    if (counter->others.n.now || counter->others.n.before)
        named(report, json, "others", CAROM_STR("all others"), &counter->others.n);
    carom_json_array_end(json);
}

static void write_figures(const struct carom_account *report, struct carom_json *json)
{
    carom_json_key(json, CAROM_STR("failures"));
    carom_json_object(json);
    figure(report, json, &report->failures);
    carom_json_object_end(json);
    begin(json, "kinds");
    for (int i = 0; i < CAROM_KIND_COUNT; i++)
        named(report, json, "kind", carom_str(carom_kind_name((enum carom_kind)i)), &report->kinds[i]);
    carom_json_array_end(json);
    begin(json, "reasons");
    for (int i = 1; i < CAROM_REASON_COUNT; i++)
        named(report, json, "reason", carom_str(carom_reason_name((enum carom_reason)i)), &report->reasons[i]);
    carom_json_array_end(json);
    begin(json, "faults");
    for (int i = 0; i < CAROM_FAULT_COUNT; i++)
        if (carom_fault_name((enum carom_fault)i))
            named(report, json, "fault", carom_str(carom_fault_name((enum carom_fault)i)), &report->faults[i]);
    carom_json_array_end(json);
    counter(report, json, "ours", "reason", &report->ours, true);
    counter(report, json, "providers", "provider", &report->providers, false);
    counter(report, json, "lists", "list", &report->lists, false);
}

static void write_words(const struct carom_account *report, struct carom_json *json)
{
    begin(json, "words");
    for (size_t i = 0; i < report->words.n; i++) {
        const struct carom_count *count = &report->words.counts[i];
        carom_json_object(json);
        integer(json, "count", count->n.now);
        carom_json_field_str(json, "words", count->name);
        carom_json_field_str(json, "reason", carom_str(carom_reason_name(count->reason)));
        carom_json_field_str(json, "provider", count->first);
        carom_json_key(json, CAROM_STR("others_too"));
        carom_json_bool(json, count->several);
        carom_json_object_end(json);
    }
    carom_json_array_end(json);
}

static void write_deeds(const struct carom_account *report, struct carom_json *json)
{
    struct carom_deed_row rows[16];
    size_t n = carom_account_deeds(report, rows, 16);
    carom_json_key(json, CAROM_STR("done"));
    carom_json_object(json);
    for (size_t i = 0; i < n; i++)
        integer(json, rows[i].id, rows[i].n.now);
    carom_json_object_end(json);
    begin(json, "incidents");
    for (size_t i = 0; i < report->incidents_n; i++) {
        const struct carom_incident *incident = &report->incidents[i];
        carom_json_object(json);
        integer(json, "incident", incident->id);
        carom_json_field_str(json, "provider", incident->provider);
        carom_json_field_str(json, "reason", incident->reason);
        carom_json_field_time(json, "since", incident->since / 1000);
        carom_json_field_time(json, "ended", incident->ended / 1000);
        integer(json, "count", incident->count);
        integer(json, "usual", incident->usual);
        carom_json_object_end(json);
    }
    carom_json_array_end(json);
}

static void write_times(const struct carom_account *report, struct carom_json *json)
{
    static const char *const matters[] = {"ours", "address", "passing"};
    begin(json, "times");
    for (size_t i = 0; i < report->buckets_n; i++) {
        carom_json_object(json);
        carom_json_field_time(json, "since", report->buckets[i].time / 1000);
        for (int k = 0; k < CAROM_MATTERS; k++)
            integer(json, matters[k], report->buckets[i].matters[k]);
        integer(json, "complaints", report->buckets[i].complaints);
        carom_json_object_end(json);
    }
    carom_json_array_end(json);
}

void carom_account_json(struct carom_account *report, FILE *to)
{
    struct carom_print print = carom_print_begin(to);
    struct carom_json json = carom_print_json(&print);

    carom_json_object(&json);
    carom_json_field_time(&json, "since", report->selection.since / 1000);
    carom_json_field_time(&json, "until", report->selection.until / 1000);
    carom_json_field_str(&json, "only", report->part);
    carom_json_key(&json, CAROM_STR("compared"));
    carom_json_bool(&json, report->compared);
    if (report->sent)
        integer(&json, "sent", report->sent);
    write_figures(report, &json);
    write_words(report, &json);
    write_deeds(report, &json);
    write_times(report, &json);
    carom_json_object_end(&json);
    carom_print_line(&print);
    carom_print_end(&print);
}
