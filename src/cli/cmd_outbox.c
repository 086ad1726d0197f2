/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* carom outbox: what is to be delivered, what was, what could not be. */

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/date.h"
#include "cli/cli.h"
#include "cli/ledger.h"
#include "cli/print.h"

struct listing {
    struct carom_print *print;
    bool json;
    int64_t id; /* 0: all */
    struct carom_job found;
    struct carom_arena *arena;
    uint64_t n;
};

static void job_json(struct carom_print *print, const struct carom_job *job, bool whole)
{
    struct carom_json json = carom_print_json(print);

    carom_json_object(&json);
    carom_json_key(&json, CAROM_STR("job"));
    carom_json_int(&json, job->id);
    carom_json_field_str(&json, "key", job->key);
    carom_json_field_str(&json, "state", carom_str(carom_job_state_name(job->state)));
    carom_json_field_str(&json, "action", job->action);
    carom_json_field_str(&json, "sink", job->sink);
    carom_json_field_str(&json, "address", job->address);
    carom_json_field_time(&json, "created", job->created / 1000);
    carom_json_field_time(&json, "due", job->due / 1000);
    carom_json_key(&json, CAROM_STR("attempts"));
    carom_json_int(&json, job->attempts);
    carom_json_field_str(&json, "last_answer", job->last_answer);
    if (whole) {
        carom_json_key(&json, CAROM_STR("data"));
        carom_json_raw(&json, job->data);
    }
    carom_json_object_end(&json);
    carom_print_line(print);
}

/* number, due, attempts: as texts, for the headings have the same widths. */
static void list_columns(const char *number, const char *state, const struct carom_job *job, const char *due,
                         const char *attempts)
{
    printf("%-20s ", number);
    carom_print_cell(stdout, carom_str(state), 8);
    carom_print_cell(stdout, job->action, 12);
    carom_print_cell(stdout, job->sink, 16);
    putchar(' ');
    carom_print_cell(stdout, job->address, 28);
    printf(" %-20s %5s  ", due, attempts);
    carom_print_cell(stdout, job->last_answer, 0);
    putchar('\n');
}

static int list_row(void *user, const struct carom_job *job)
{
    struct listing *listing = user;
    char due[32] = "", number[24], attempts[24];

    listing->n++;
    if (listing->json) {
        job_json(listing->print, job, false);
        return 0;
    }
    if (job->state == CAROM_JOB_WAITING || job->state == CAROM_JOB_PENDING)
        carom_date_format(job->due / 1000, due);
    if (listing->n == 1 && isatty(STDOUT_FILENO))
        list_columns("job", "state", &(struct carom_job){.action = CAROM_STR("action"), .sink = CAROM_STR("sink"),
                                                         .address = CAROM_STR("address"),
                                                         .last_answer = CAROM_STR("last answer")}, "due", "tries");
    snprintf(number, sizeof(number), "%lld", (long long)job->id);
    snprintf(attempts, sizeof(attempts), "%lld", (long long)job->attempts);
    list_columns(number, carom_job_state_name(job->state), job, due, attempts);
    return 0;
}

static int find_row(void *user, const struct carom_job *job)
{
    struct listing *listing = user;

    if (job->id != listing->id)
        return 0;
    listing->n++;
    listing->found = *job;
    if (listing->print)
        job_json(listing->print, job, true);
    return 0;
}

/* ---- Sinks that are stopped ---- */

struct stopped {
    struct listing *listing;
    struct carom_str wanted; /* empty: all */
    struct carom_pause found;
    uint64_t n;
};

static int stopped_row(void *user, const struct carom_pause *pause)
{
    struct stopped *stopped = user;
    struct carom_arena *arena = stopped->listing->arena;

    if (stopped->wanted.len && !carom_str_eq(stopped->wanted, pause->sink))
        return 0;
    stopped->n++;
    stopped->found = *pause;
    stopped->found.sink = carom_arena_str(arena, pause->sink);
    stopped->found.why = carom_arena_str(arena, pause->why);
    return 0;
}

static int stopped_print(void *user, const struct carom_pause *pause)
{
    struct stopped *stopped = user;
    struct carom_print *print = stopped->listing->print;
    char since[32], until[32] = "";

    stopped->n++;
    carom_date_format(pause->since / 1000, since);
    if (pause->until)
        carom_date_format(pause->until / 1000, until);
    if (!stopped->listing->json) {
        printf("sink ");
        carom_print_cell(stdout, pause->sink, 0);
        printf(" is stopped since %s, %s%s: ", since, pause->until ? "next trial " : "until it is enabled", until);
        carom_print_cell(stdout, pause->why, 0);
        putchar('\n');
        return 0;
    }
    struct carom_json json = carom_print_json(print);
    carom_json_object(&json);
    carom_json_field_str(&json, "sink", pause->sink);
    carom_json_field_time(&json, "since", pause->since / 1000);
    carom_json_field_time(&json, "trial", pause->until / 1000);
    carom_json_field_str(&json, "why", pause->why);
    carom_json_object_end(&json);
    carom_print_line(print);
    return 0;
}

static int stopped_list(struct carom_ledger *ledger, struct listing *listing, bool alone, struct carom_error *err)
{
    struct stopped stopped = {.listing = listing};
    if (ledger->ops->pauses(ledger->store, stopped_print, &stopped, err) != 0)
        return -1;
    if (alone && !listing->json && !stopped.n)
        printf("no sink is stopped\n");
    return 0;
}

/* enable: as if nothing had been wrong. Else its next trial is due now, unless it waits to be enabled. */
static int revive(struct carom_ledger *ledger, struct listing *listing, struct carom_str sink, bool enable,
                  struct carom_error *err)
{
    struct stopped stopped = {.listing = listing, .wanted = sink};
    if (ledger->ops->pauses(ledger->store, stopped_row, &stopped, err) != 0)
        return -1;
    if (enable && !stopped.n)
        return carom_error_set(err, CAROM_ERROR_USAGE, "outbox: no sink '" CAROM_STR_FMT "' is stopped",
                               CAROM_STR_ARG(sink));
    if (!stopped.n || (!enable && !stopped.found.until))
        return 0;
    if (enable)
        stopped.found.since = 0;
    stopped.found.until = carom_date_now_ms();
    return ledger->ops->pause(ledger->store, &stopped.found, err);
}

static int list(struct carom_ledger *ledger, struct listing *listing, const char *state, struct carom_error *err)
{
    int wanted = -1;

    for (int i = 0; state && i < CAROM_JOB_STATE_COUNT; i++)
        if (!strcmp(state, carom_job_state_name((enum carom_job_state)i)))
            wanted = i;
    if (state && wanted < 0)
        return carom_error_set(err, CAROM_ERROR_USAGE, "outbox: '%s' is no state: waiting, pending, done, dead or dropped", state);
    if (ledger->ops->jobs(ledger->store, listing->arena, wanted, list_row, listing, err) != 0)
        return -1;
    if (!listing->json && !listing->n)
        printf("nothing%s%s\n", state ? " " : " to deliver, and nothing delivered", state ? state : "");
    return 0;
}

/* resend: as if it were new, whatever became of it. drop: never. */
static int change_it(struct carom_ledger *ledger, struct listing *listing, bool resend, struct carom_error *err)
{
    listing->print = NULL;
    if (ledger->ops->jobs(ledger->store, listing->arena, -1, find_row, listing, err) != 0)
        return -1;
    if (!listing->n)
        return carom_error_set(err, CAROM_ERROR_USAGE, "outbox: there is no job %lld", (long long)listing->id);
    if (!resend && listing->found.state != CAROM_JOB_WAITING && listing->found.state != CAROM_JOB_DEAD &&
        listing->found.state != CAROM_JOB_PENDING)
        return carom_error_set(err, CAROM_ERROR_USAGE, "outbox: job %lld is %s: nothing to drop",
                               (long long)listing->id, carom_job_state_name(listing->found.state));
    if (resend && revive(ledger, listing, listing->found.sink, false, err) != 0)
        return -1;
    if (resend)
        return ledger->ops->resend(ledger->store, listing->id, carom_date_now_ms(), CAROM_STR("to be sent again by hand"), err);
    return ledger->ops->settle(ledger->store, listing->id, CAROM_JOB_DROPPED, carom_date_now_ms(),
                               CAROM_STR("dropped by hand"), true, err);
}

/* Who delivers may settle it at any time: it is looked at and changed in one transaction. */
static int change(struct carom_ledger *ledger, struct listing *listing, bool resend, struct carom_error *err)
{
    if (ledger->ops->begin(ledger->store, err) != 0)
        return -1;
    if (change_it(ledger, listing, resend, err) == 0)
        return ledger->ops->commit(ledger->store, err);
    ledger->ops->rollback(ledger->store);
    return -1;
}

/* ---- All dead letters: after an outage that lasted longer than the attempts ---- */

struct dead_letter {
    const struct carom_job *job; /* in the arena */
    struct dead_letter *next;
};
struct dead_letters {
    struct listing *listing;
    struct dead_letter *first, **end;
};

static int keep_dead(void *user, const struct carom_job *job)
{
    struct dead_letters *letters = user;
    struct dead_letter *letter = carom_arena_new_of(letters->listing->arena, struct dead_letter);

    *letter = (struct dead_letter){.job = job};
    *letters->end = letter;
    letters->end = &letter->next;
    letters->listing->n++;
    return 0;
}

static int resend_each(struct carom_ledger *ledger, struct listing *listing, const struct dead_letter *letter,
                       struct carom_error *err)
{
    struct carom_str sink = CAROM_STR_EMPTY;
    for (; letter; letter = letter->next) {
        if (!carom_str_eq(sink, letter->job->sink) && revive(ledger, listing, letter->job->sink, false, err) != 0)
            return -1;
        sink = letter->job->sink;
        if (ledger->ops->resend(ledger->store, letter->job->id, carom_date_now_ms(), CAROM_STR("to be sent again by hand"), err) != 0)
            return -1;
    }
    return 0;
}

static int resend_all(struct carom_ledger *ledger, struct listing *listing, struct carom_error *err)
{
    struct dead_letters letters = {.listing = listing, .end = &letters.first};

    if (ledger->ops->begin(ledger->store, err) != 0)
        return -1;
    if (ledger->ops->jobs(ledger->store, listing->arena, CAROM_JOB_DEAD, keep_dead, &letters, err) != 0 ||
        resend_each(ledger, listing, letters.first, err) != 0) {
        ledger->ops->rollback(ledger->store);
        return -1;
    }
    if (ledger->ops->commit(ledger->store, err) != 0)
        return -1;
    printf("%llu dead letter%s due again\n", (unsigned long long)listing->n, listing->n == 1 ? " is" : "s are");
    return 0;
}

int cmd_outbox(int argc, char **argv)
{
    static const char *const verbs[] = {"list", "show", "resend", "drop", "stopped", "enable", NULL};
    struct carom_cli_place place = {0};
    struct listing listing = {0};
    const char *state = NULL;
    bool all = false;
    const struct carom_option options[] = {
        CAROM_CLI_PLACE_OPTIONS(place),
        {"state-is", CAROM_OPTION_TEXT, &state, "STATE", "list only what is waiting, pending, done, dead or dropped"},
        {"all", CAROM_OPTION_FLAG, &all, NULL, "resend: all dead letters"},
        {"json", CAROM_OPTION_FLAG, &listing.json, NULL, "JSON lines"},
        {NULL, 0, NULL, NULL, NULL}};
    char **operands;
    int n = carom_cli_options(argc, argv, options, "[OPTIONS] [list | show JOB… | resend JOB… | resend --all | drop JOB… | stopped | enable SINK…]",
                              "Lists what is to be delivered, shows a job, sends it again or drops it; lists the sinks that "
                              "are stopped, and enables them again.", &operands);
    struct carom_error err = {0};
    struct carom_ledger ledger;
    struct carom_policy *policy;
    struct carom_str url;
    int result = 0;

    if (n < 0)
        return carom_cli_options_exit(n);
    const char *verb = n ? operands[0] : "list";
    const bool is_list = !strcmp(verb, "list"), is_show = !strcmp(verb, "show"), is_resend = !strcmp(verb, "resend");
    const bool is_stopped = !strcmp(verb, "stopped"), is_enable = !strcmp(verb, "enable");
    if (!is_list && !is_show && !is_resend && !is_stopped && !is_enable && strcmp(verb, "drop")) {
        const char *nearest = carom_cli_nearest(verb, verbs);
        return carom_cli_usage("outbox", "'%s' is none of list, show, resend, drop, stopped, enable%s%s%s", verb,
                               nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "");
    }
    if (all && (!is_resend || n > 1))
        return carom_cli_usage("outbox", "--all goes with resend, and without the number of a job");
    if (all ? false : is_list || is_stopped ? n > 1 : n < 2)
        return carom_cli_usage("outbox", is_list || is_stopped ? "%s takes no operand"
                                         : is_enable           ? "%s wants the name of a SINK"
                                                               : "%s wants the number of a JOB", verb);
    struct carom_arena *arena = listing.arena = carom_arena_new();
    if (!arena || carom_arena_guard(arena))
        return carom_cli_no_memory(arena);
    if (carom_cli_ledger(arena, &place, is_list || is_show || is_stopped ? CAROM_LEDGER_READ : CAROM_LEDGER_WRITE, false, &ledger, &policy,
                         &url, &err) != 0) {
        carom_arena_free(arena);
        return carom_cli_fail(&err);
    }
    struct carom_print print = carom_print_begin(stdout);
    listing.print = &print;
    if (is_stopped || (is_list && !listing.json))
        result = stopped_list(&ledger, &listing, is_stopped, &err);
    if (is_list && result == 0)
        result = list(&ledger, &listing, state, &err);
    if (all)
        result = resend_all(&ledger, &listing, &err);
    for (int i = 1; is_enable && i < n && result == 0; i++)
        result = revive(&ledger, &listing, carom_str(operands[i]), true, &err);
    for (int i = 1; !is_enable && i < n && result == 0; i++) {
        listing.n = 0;
        if ((listing.id = carom_str_number(carom_str(operands[i]))) <= 0)
            result = carom_error_set(&err, CAROM_ERROR_USAGE, "outbox: '%s' is no job number", operands[i]);
        else if (!is_show)
            result = change(&ledger, &listing, is_resend, &err);
        else if (ledger.ops->jobs(ledger.store, arena, -1, find_row, &listing, &err) != 0)
            result = -1;
        else if (!listing.n)
            result = carom_error_set(&err, CAROM_ERROR_USAGE, "outbox: there is no job %s", operands[i]);
    }
    if (carom_print_end(&print) != 0 && result == 0)
        result = carom_cli_output_error(&err, "outbox");
    carom_ledger_close(&ledger);
    carom_policy_free(policy);
    carom_arena_free(arena);
    return result == 0 ? EX_OK : carom_cli_fail(&err);
}
