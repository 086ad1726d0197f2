/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* carom outbox: what is to be delivered, what was, what could not be. */

#include <errno.h>
#include <stdio.h>

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

static int list_row(void *user, const struct carom_job *job)
{
    struct listing *listing = user;
    char due[32] = "";

    listing->n++;
    if (listing->json) {
        job_json(listing->print, job, false);
        return 0;
    }
    if (job->state == CAROM_JOB_WAITING || job->state == CAROM_JOB_PENDING)
        carom_date_format(job->due / 1000, due);
    printf("%-20lld ", (long long)job->id);
    carom_print_cell(stdout, carom_str(carom_job_state_name(job->state)), 8);
    carom_print_cell(stdout, job->sink, 16);
    putchar(' ');
    carom_print_cell(stdout, job->address, 28);
    printf(" %-20s %3lld  ", due, (long long)job->attempts);
    carom_print_cell(stdout, job->last_answer, 0);
    putchar('\n');
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

/* resend: due at once, whatever became of it. drop: never. */
static int change(struct carom_ledger *ledger, struct listing *listing, bool resend, struct carom_error *err)
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
    return ledger->ops->settle(ledger->store, listing->id, resend ? CAROM_JOB_WAITING : CAROM_JOB_DROPPED,
                               carom_date_now_ms(), resend ? CAROM_STR("to be sent again by hand")
                                                           : CAROM_STR("dropped by hand"), true, err);
}

int cmd_outbox(int argc, char **argv)
{
    static const char *const verbs[] = {"list", "show", "resend", "drop", NULL};
    struct carom_cli_place place = {0};
    struct listing listing = {0};
    const char *state = NULL;
    const struct carom_option options[] = {
        CAROM_CLI_PLACE_OPTIONS(place),
        {"state-is", CAROM_OPTION_TEXT, &state, "STATE", "list only what is waiting, pending, done, dead or dropped"},
        {"json", CAROM_OPTION_FLAG, &listing.json, NULL, "JSON lines"},
        {NULL, 0, NULL, NULL, NULL}};
    char **operands;
    int n = carom_cli_options(argc, argv, options, "[OPTIONS] [list | show JOB… | resend JOB… | drop JOB…]",
                              "Lists what is to be delivered, shows a job, sends it again or drops it.", &operands);
    struct carom_error err = {0};
    struct carom_ledger ledger;
    struct carom_policy *policy;
    struct carom_str url;
    int result = 0;

    if (n < 0)
        return carom_cli_options_exit(n);
    const char *verb = n ? operands[0] : "list";
    const bool is_list = !strcmp(verb, "list"), is_show = !strcmp(verb, "show"), is_resend = !strcmp(verb, "resend");
    if (!is_list && !is_show && !is_resend && strcmp(verb, "drop")) {
        const char *nearest = carom_cli_nearest(verb, verbs);
        return carom_cli_usage("outbox", "'%s' is none of list, show, resend, drop%s%s%s", verb,
                               nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "");
    }
    if (is_list ? n > 1 : n < 2)
        return carom_cli_usage("outbox", is_list ? "list takes no operand" : "%s wants the number of a JOB", verb);
    struct carom_arena *arena = listing.arena = carom_arena_new();
    if (!arena || carom_arena_guard(arena)) {
        carom_error_memory(&err);
        return carom_cli_fail(&err);
    }
    if (carom_cli_ledger(arena, &place, is_list || is_show ? CAROM_LEDGER_READ : CAROM_LEDGER_WRITE, &ledger, &policy,
                         &url, &err) != 0) {
        carom_arena_free(arena);
        return carom_cli_fail(&err);
    }
    struct carom_print print = carom_print_begin(stdout);
    listing.print = &print;
    if (is_list)
        result = list(&ledger, &listing, state, &err);
    for (int i = 1; i < n && result == 0; i++) {
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
        result = carom_error_set(&err, CAROM_ERROR_IO, "outbox: cannot write the output: %s", strerror(errno));
    carom_ledger_close(&ledger);
    carom_policy_free(policy);
    carom_arena_free(arena);
    return result == 0 ? EX_OK : carom_cli_fail(&err);
}
