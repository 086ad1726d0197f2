/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* carom status: how it goes, and whether somebody must do something. For people, for programs, for two monitors. */

#include <stdio.h>

#include "base/date.h"
#include "cli/cli.h"
#include "cli/health.h"
#include "cli/ledger.h"
#include "cli/owner.h"
#include "cli/print.h"
#include "cli/spooled.h"

enum form { TABLE, JSON, NAGIOS, PROMETHEUS };
enum { CRITICAL = CAROM_HEALTH_RED, UNKNOWN }; /* as monitors count */

/* ---- For people ---- */

static void title(const char *name) { printf("%-13s", name); }

static void print_time(const struct carom_health *health, int64_t time)
{
    char text[32];
    carom_date_format(time / 1000, text);
    printf("%s, " CAROM_STR_FMT " ago", text,
           CAROM_STR_ARG(carom_health_span(health->arena, health->now > time ? health->now - time : 0)));
}

static void print_kinds(const char *name, const int64_t counts[CAROM_KIND_COUNT])
{
    const char *between = "";
    title(name);
    for (int kind = 0; kind < CAROM_KIND_COUNT; kind++)
        if (counts[kind]) {
            printf("%s%s %lld", between, carom_kind_name((enum carom_kind)kind), (long long)counts[kind]);
            between = ", ";
        }
    puts(*between ? "" : "nothing");
}

static void print_jobs(const struct carom_health *health)
{
    const struct carom_standing *s = &health->standing;

    title("jobs");
    printf("waiting %lld, of them due %lld; pending %lld, dead %lld\n", (long long)s->waiting, (long long)s->due,
           (long long)s->pending, (long long)s->dead);
    if (s->oldest) {
        title("oldest due");
        print_time(health, s->oldest);
        fputs(", sink ", stdout);
        carom_print_cell(stdout, carom_str(s->oldest_sink), 0);
        if (s->oldest_answer[0])
            fputs(": ", stdout);
        carom_print_cell(stdout, carom_str(s->oldest_answer), 0);
        putchar('\n');
    }
    title("delivery");
    if (s->delivered)
        print_time(health, s->delivered);
    puts(s->delivered ? "" : "no run yet");
    for (size_t i = 0; i < health->stopped_n; i++) {
        const struct carom_pause *pause = &health->stopped[i];
        title(pause->until ? "paused" : "disabled");
        carom_print_cell(stdout, pause->sink, 0);
        fputs(": ", stdout);
        carom_print_cell(stdout, pause->why, 0);
        putchar('\n');
    }
}

static void print_waiting(const struct carom_health *health)
{
    const struct carom_standing *s = &health->standing;

    title("spool");
    printf("%zu, set aside %zu\n", health->spool.waiting, health->spool.poison);
    if (s->held) {
        title("held by");
        printf("gate %lld, observe %lld, breaker %lld\n", (long long)s->held_gate, (long long)s->held_observe,
               (long long)s->held_breaker);
    }
    title("incidents");
    printf("%lld\n", (long long)s->incidents);
}

static void print_findings(const struct carom_health *health)
{
    title("status");
    puts(carom_health_word(health->level));
    for (const struct carom_finding *finding = health->first; finding; finding = finding->next) {
        title(carom_health_word(finding->level));
        carom_print_cell(stdout, finding->what, 0);
        putchar('\n');
        title("");
        carom_print_cell(stdout, finding->remedy, 0);
        putchar('\n');
    }
}

static void print_table(const struct carom_health *health)
{
    const struct carom_standing *s = &health->standing;

    print_findings(health);
    title("last message");
    if (s->last_fact)
        print_time(health, s->last_fact);
    puts(s->last_fact ? "" : "none yet");
    print_kinds("last hour", s->hour);
    print_kinds("last day", s->day);
    title("unmatched");
    printf("%lld in the last day\n", (long long)s->unmatched);
    print_jobs(health);
    title("held");
    printf("%lld%s\n", (long long)s->held, s->held ? " actions wait for somebody: carom held" : "");
    print_waiting(health);
    title("suppressions");
    printf("%lld\n", (long long)s->suppressions);
    title("ledger");
    carom_print_cell(stdout, health->url, 0);
    printf(", %.1f MiB, version %d\n", (double)s->bytes / (1 << 20), s->version);
}

/* ---- For programs ---- */

static void json_number(struct carom_json *json, const char *name, int64_t value)
{
    carom_json_key(json, carom_str(name));
    carom_json_int(json, value);
}

static void json_kinds(struct carom_json *json, const char *name, const int64_t counts[CAROM_KIND_COUNT])
{
    carom_json_key(json, carom_str(name));
    carom_json_object(json);
    for (int kind = 0; kind < CAROM_KIND_COUNT; kind++)
        json_number(json, carom_kind_name((enum carom_kind)kind), counts[kind]);
    carom_json_object_end(json);
}

static void json_findings(struct carom_json *json, const struct carom_health *health)
{
    carom_json_field_str(json, "status", carom_str(carom_health_word(health->level)));
    carom_json_key(json, CAROM_STR("findings"));
    carom_json_array(json);
    for (const struct carom_finding *finding = health->first; finding; finding = finding->next) {
        carom_json_object(json);
        carom_json_field_str(json, "level", carom_str(carom_health_word(finding->level)));
        carom_json_field_str(json, "what", finding->what);
        carom_json_field_str(json, "remedy", finding->remedy);
        carom_json_object_end(json);
    }
    carom_json_array_end(json);
}

static void json_jobs(struct carom_json *json, const struct carom_health *health)
{
    const struct carom_standing *s = &health->standing;

    carom_json_key(json, CAROM_STR("jobs"));
    carom_json_object(json);
    json_number(json, "waiting", s->waiting);
    json_number(json, "due", s->due);
    json_number(json, "pending", s->pending);
    json_number(json, "dead", s->dead);
    if (s->oldest) {
        carom_json_field_time(json, "oldest_due", s->oldest / 1000);
        json_number(json, "oldest_job", s->oldest_job);
        carom_json_field_str(json, "oldest_sink", carom_str(s->oldest_sink));
        carom_json_field_str(json, "oldest_answer", carom_str(s->oldest_answer));
    }
    carom_json_object_end(json);
    carom_json_field_time(json, "last_delivery", s->delivered / 1000);
    carom_json_key(json, CAROM_STR("stopped"));
    carom_json_array(json);
    for (size_t i = 0; i < health->stopped_n; i++) {
        carom_json_object(json);
        carom_json_field_str(json, "sink", health->stopped[i].sink);
        carom_json_field_str(json, "state", health->stopped[i].until ? CAROM_STR("paused") : CAROM_STR("disabled"));
        carom_json_field_time(json, "since", health->stopped[i].since / 1000);
        carom_json_field_str(json, "why", health->stopped[i].why);
        carom_json_object_end(json);
    }
    carom_json_array_end(json);
}

static void json_waiting(struct carom_json *json, const struct carom_health *health)
{
    const struct carom_standing *s = &health->standing;

    carom_json_key(json, CAROM_STR("spool"));
    carom_json_object(json);
    carom_json_field_str(json, "directory", carom_str(health->spool.directory));
    json_number(json, "waiting", (int64_t)health->spool.waiting);
    json_number(json, "set_aside", (int64_t)health->spool.poison);
    if (health->spool.oldest) {
        carom_json_field_time(json, "oldest", health->spool.oldest / 1000);
        carom_json_field_str(json, "why", carom_str(health->spool.waiting ? health->spool.why : health->spool.poison_why));
    }
    carom_json_object_end(json);
    carom_json_key(json, CAROM_STR("held_by"));
    carom_json_object(json);
    json_number(json, "gate", s->held_gate);
    json_number(json, "observe", s->held_observe);
    json_number(json, "breaker", s->held_breaker);
    carom_json_object_end(json);
    json_number(json, "incidents", s->incidents);
}

static int print_json(const struct carom_health *health)
{
    const struct carom_standing *s = &health->standing;
    struct carom_print print = carom_print_begin(stdout);
    struct carom_json json = carom_print_json(&print);

    carom_json_object(&json);
    json_findings(&json, health);
    carom_json_field_time(&json, "last_message", s->last_fact / 1000);
    json_kinds(&json, "last_hour", s->hour);
    json_kinds(&json, "last_day", s->day);
    json_number(&json, "unmatched", s->unmatched);
    json_jobs(&json, health);
    json_number(&json, "held", s->held);
    json_waiting(&json, health);
    json_number(&json, "suppressions", s->suppressions);
    carom_json_key(&json, CAROM_STR("ledger"));
    carom_json_object(&json);
    carom_json_field_str(&json, "url", health->url);
    json_number(&json, "bytes", s->bytes);
    json_number(&json, "version", s->version);
    carom_json_object_end(&json);
    carom_json_object_end(&json);
    carom_print_line(&print);
    return carom_print_end(&print) == 0 ? EX_OK : carom_cli_output_failed("status");
}

/* ---- The command ---- */

static int print(const struct carom_health *health, enum form form)
{
    switch (form) {
    case TABLE:
        print_table(health);
        return EX_OK;
    case JSON:
        return print_json(health);
    case NAGIOS:
        carom_health_print_nagios(health);
        return (int)health->level; /* 0, 1, 2: what a plugin returns */
    case PROMETHEUS:
        carom_health_print_prometheus(health);
        return EX_OK;
    }
    return EX_SOFTWARE;
}

/* A monitor reads stdout, and a file in which the last good news stay is worse than none. With a policy that does not load
   no message is taken; a ledger that cannot be seen may only be none of the monitor's business. */
static int fail(enum form form, const struct carom_health *health, const struct carom_error *err)
{
    bool broken = err->code == CAROM_ERROR_CONFIG;

    if (form == NAGIOS) {
        printf("CAROM %s - ", broken ? "CRITICAL" : "UNKNOWN");
        carom_print_cell(stdout, carom_str(err->text), 0);
        putchar('\n');
        return broken ? CRITICAL : UNKNOWN;
    }
    int code = carom_cli_fail(err);
    if (form != PROMETHEUS)
        return code;
    carom_health_print_level(health, broken ? CRITICAL : UNKNOWN);
    return EX_OK;
}

/* What stands in the way of the ledger may be seen from outside. Where not even its place is known, though the state
   directory's is, the policy is not there or may not be read. */
static const struct carom_error *explain(struct carom_health *health, struct carom_error *err)
{
    if (err->code != CAROM_ERROR_IO)
        return err;
    if (!health->url.len) {
        err->code = CAROM_ERROR_CONFIG;
        return err;
    }
    carom_health_read_place(health);
    carom_health_read_spool(health);
    if (health->first)
        carom_error_set(err, CAROM_ERROR_CONFIG, CAROM_STR_FMT "; " CAROM_STR_FMT, CAROM_STR_ARG(health->first->what),
                        CAROM_STR_ARG(health->first->remedy));
    return err;
}

static int show(struct carom_health *health, const struct carom_cli_place *place, const char *spool, enum form form)
{
    struct carom_error err = {0};
    struct carom_ledger ledger;
    struct carom_policy *policy;
    struct carom_str directory, url;

    health->url = CAROM_STR_EMPTY;
    if (carom_cli_act_as_owner(place, &err) != 0 ||
        carom_spooled_directory(health->arena, place, spool, &directory, &err) != 0 ||
        carom_engine_store_url(health->arena, place->store, NULL, place->state, &url, &err) != 0)
        return fail(form, health, &err);
    health->taker = carom_cli_owner_of(health->arena, url);
    carom_spooled_look(health->arena, directory.ptr, &health->spool);
    carom_cli_act_as_self();
    if (carom_cli_ledger(health->arena, place, CAROM_LEDGER_READ, false, &ledger, &policy, &health->url, &err) != 0)
        return fail(form, health, explain(health, &err));
    carom_health_read_place(health);
    int result = carom_health_read(health, &ledger, &err);
    carom_ledger_close(&ledger);
    carom_policy_free(policy);
    return result == 0 ? print(health, form) : fail(form, health, &err);
}

int cmd_status(int argc, char **argv)
{
    struct carom_cli_place place = {0};
    bool json = false, nagios = false, prometheus = false;
    const char *silent = NULL, *spool = NULL;
    const struct carom_option options[] = {
        CAROM_CLI_PLACE_OPTIONS(place),
        CAROM_SPOOLED_OPTION(spool),
        {"silent", CAROM_OPTION_TEXT, &silent, "DURATION", "yellow when no message came for so long, such as 2d"},
        {"json", CAROM_OPTION_FLAG, &json, NULL, "one JSON object"},
        {"nagios", CAROM_OPTION_FLAG, &nagios, NULL, "a line for Nagios; exit 0 green, 1 yellow, 2 red, 3 not known"},
        {"prometheus", CAROM_OPTION_FLAG, &prometheus, NULL, "metrics in the text format of Prometheus"},
        {NULL, 0, NULL, NULL, NULL}};
    char **operands;
    int n = carom_cli_options(argc, argv, options, "[OPTIONS]",
                              "Says how it goes: what came in, what waits to be delivered, and what somebody must do.",
                              &operands);
    const enum form form = json ? JSON : nagios ? NAGIOS : prometheus ? PROMETHEUS : TABLE;
    struct carom_health health = {.now = carom_date_now_ms(), .arena = NULL};
    struct carom_error err = {0};

    if (n < 0)
        return nagios && n == -1 ? (int)UNKNOWN : carom_cli_options_exit(n);
    if (n > 0)
        return carom_cli_usage("status", "takes no operand '%s'", operands[0]);
    if (json + nagios + prometheus > 1)
        return carom_cli_usage("status", "--json, --nagios and --prometheus exclude one another");
    if (silent && (health.silent_ms = carom_duration_parse_ms(carom_str(silent))) <= 0)
        return carom_cli_usage("status", "--silent wants a duration such as 2d, not '%s'", silent);
    struct carom_arena *arena = health.arena = carom_arena_new();
    if (!arena || carom_arena_guard(arena)) {
        carom_error_memory(&err);
        return fail(form, &health, &err);
    }
    int code = show(&health, &place, spool, form);
    carom_arena_free(arena);
    return code;
}
