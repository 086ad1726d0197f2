/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* carom show: what the ledger holds of an address: rows for people, JSON lines for machines. */

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/date.h"
#include "cli/cli.h"
#include "cli/ledger.h"
#include "cli/print.h"
#include "cli/select.h"
#include "cli/standing_table.h"
#include "mail/address.h"

struct showing {
    struct carom_print print;
    bool table, all;
    uint64_t facts;
    struct carom_error *err;
};

static int row(void *user, struct carom_str json)
{
    struct showing *showing = user;

    showing->facts++;
    if (showing->table)
        return carom_show_fact(json, showing->all) == 0
                   ? 0
                   : carom_error_set(showing->err, CAROM_ERROR_IO,
                                     "show: a fact cannot be read: it is damaged, or memory is short");
    carom_buf_add_str(&showing->print.buf, json);
    return carom_print_line(&showing->print) == 0 ? 0 : carom_cli_output_error(showing->err, "show");
}

static void time_field(struct carom_json *json, const char *name, int64_t ms)
{
    carom_json_field_time(json, name, ms / 1000);
}

/* The standing of the address in one line, after its facts. */
static void print_standing(struct carom_print *print, struct carom_str address, const struct carom_history *history)
{
    struct carom_json json = carom_print_json(print);
    double score = carom_history_score(history);
    int64_t left_all = 0, left_each = 0;

    carom_json_object(&json);
    carom_json_field_str(&json, "address", address);
    carom_json_key(&json, CAROM_STR("score"));
    carom_json_number(&json, score);
    time_field(&json, "delivered_at", carom_history_delivered_at(history));
    carom_json_key(&json, CAROM_STR("suppressed"));
    carom_json_bool(&json, carom_history_suppressed(history, CAROM_STR_EMPTY));
    carom_json_key(&json, CAROM_STR("suppressions"));
    carom_json_array(&json);
    for (const struct carom_suppression *s = history->suppressions; s; s = s->next) {
        carom_json_object(&json);
        carom_json_field_str(&json, "list", s->list);
        time_field(&json, "since", s->since);
        time_field(&json, "until", s->until);
        carom_json_object_end(&json);
    }
    carom_json_array_end(&json);
    carom_json_key(&json, CAROM_STR("left"));
    carom_json_array(&json);
    for (const struct carom_departure *d = history->departures; d; d = d->next) {
        if (!d->list.len) { /* the row that says: all of them */
            *(d->each ? &left_each : &left_all) = d->since;
            continue;
        }
        carom_json_object(&json);
        carom_json_field_str(&json, "list", d->list);
        time_field(&json, "since", d->since);
        carom_json_object_end(&json);
    }
    carom_json_array_end(&json);
    time_field(&json, "left_all", left_all);
    time_field(&json, "left_each", left_each);
    carom_json_key(&json, CAROM_STR("tags"));
    carom_json_object(&json);
    for (const struct carom_tag *t = history->tags; t; t = t->next) {
        carom_json_key(&json, t->key);
        carom_json_str(&json, t->value);
    }
    carom_json_object_end(&json);
    carom_json_object_end(&json);
    carom_print_line(print);
}

int cmd_show(int argc, char **argv)
{
    struct carom_cli_place place = {0};
    struct showing showing = {.table = false};
    bool json = false;
    const struct carom_option options[] = {
        CAROM_CLI_PLACE_OPTIONS(place),
        {"json", CAROM_OPTION_FLAG, &json, NULL, "JSON lines (default in a pipe)"},
        {"table", CAROM_OPTION_FLAG, &showing.table, NULL, "rows for people (default on a terminal)"},
        {"all", CAROM_OPTION_FLAG, &showing.all, NULL, "the facts of everybody"},
        {NULL, 0, NULL, NULL, NULL}};
    char **operands;
    int n = carom_cli_options(argc, argv, options, "[OPTIONS] ADDRESS…",
                              "Prints the facts and decisions kept of an address, oldest first, then how it stands.",
                              &operands);
    struct carom_error err = {0};
    struct carom_ledger ledger;
    struct carom_policy *policy;
    struct carom_str url;
    int result = 0;

    if (n < 0)
        return carom_cli_options_exit(n);
    if (showing.all ? n > 0 : n == 0)
        return carom_cli_usage("show", showing.all ? "--all takes no ADDRESS" : "no ADDRESS given");
    if (json && showing.table)
        return carom_cli_usage("show", "--json and --table exclude one another");
    showing.table = showing.table || (!json && isatty(STDOUT_FILENO));
    struct carom_arena *arena = carom_arena_new();
    if (!arena || carom_arena_guard(arena))
        return carom_cli_no_memory(arena);
    if (carom_cli_ledger(arena, &place, CAROM_LEDGER_READ, false, &ledger, &policy, &url, &err) != 0) {
        carom_arena_free(arena);
        return carom_cli_fail(&err);
    }
    showing.print = carom_print_begin(stdout);
    showing.err = &err;
    if (showing.all)
        result = ledger.ops->facts(ledger.store, CAROM_STR_EMPTY, row, &showing, &err);
    for (int i = 0; i < n && result == 0; i++) {
        struct carom_str key;
        const uint64_t before = showing.facts;
        struct carom_history history = {.now = carom_date_now_ms(),
                                        .half_life_ms = policy ? carom_policy_config(policy)->half_life_ms
                                                               : carom_duration_parse_ms(CAROM_STR("30d"))};
        history.present.time = history.now;
        result = carom_cli_address(arena, "show", operands[i], &key, &err);
        if (result != 0)
            break;
        result = ledger.ops->facts(ledger.store, key, row, &showing, &err);
        /* A report may name somebody by less than an address; what nobody named is a slip of the keyboard. */
        if (result == 0 && showing.facts == before && !carom_address_valid(key))
            result = carom_error_set(&err, CAROM_ERROR_USAGE, "show: '%s' is no address", operands[i]);
        if (result == 0)
            result = ledger.ops->past(ledger.store, arena, key, &history, &err);
        if (result == 0 && showing.table)
            carom_show_standing(key, &history);
        else if (result == 0)
            print_standing(&showing.print, key, &history);
    }
    if (carom_print_end(&showing.print) != 0 && result == 0)
        result = carom_cli_output_error(&err, "show");
    carom_ledger_close(&ledger);
    carom_policy_free(policy);
    carom_arena_free(arena);
    return result == 0 ? EX_OK : carom_cli_fail(&err);
}
