/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* carom export: all that is kept of an address, for the person who asks: one JSON object. */

#include <errno.h>
#include <nettle/base64.h>
#include <stdio.h>

#include "base/date.h"
#include "base/error.h"
#include "cli/cli.h"
#include "cli/ledger.h"
#include "cli/print.h"
#include "cli/spooled.h"
#include "ledger/care.h"
#include "mail/address.h"

struct export {
    struct carom_print print;
    struct carom_json json;
    struct carom_arena *arena;
};

static int raw_row(void *user, struct carom_str json)
{
    struct export *export = user;
    carom_json_raw(&export->json, json);
    return 0;
}

static int reference_row(void *user, const struct carom_reference *reference)
{
    struct export *export = user;
    carom_json_object(&export->json);
    carom_json_field_str(&export->json, "list", reference->list);
    carom_json_field_str(&export->json, "id", reference->own);
    carom_json_object_end(&export->json);
    return 0;
}

/* As bytes: a message is rarely one charset throughout. */
static int message_row(void *user, struct carom_str message)
{
    struct export *export = user;
    carom_arena_reset(export->arena);
    if (carom_arena_guard(export->arena))
        return -1;
    char *coded = carom_arena_alloc(export->arena, BASE64_ENCODE_RAW_LENGTH(message.len) + 1);
    base64_encode_raw(coded, message.len, (const uint8_t *)message.ptr);
    carom_json_object(&export->json);
    carom_json_field_str(&export->json, "message_base64", carom_str(coded));
    carom_json_object_end(&export->json);
    carom_arena_unguard(export->arena);
    return 0;
}

static int spooled_row(void *user, const struct carom_spool_entry *entry, const struct carom_spool_message *message,
                       struct carom_error *err)
{
    (void)entry;
    return message_row(user, message->bytes) == 0 ? 0 : carom_error_memory(err);
}

static void write_standing(struct carom_json *json, const struct carom_history *history)
{
    carom_json_key(json, CAROM_STR("suppressions"));
    carom_json_array(json);
    for (const struct carom_suppression *s = history->suppressions; s; s = s->next) {
        carom_json_object(json);
        carom_json_field_str(json, "list", s->list);
        carom_json_field_time(json, "since", s->since / 1000);
        carom_json_field_time(json, "until", s->until / 1000);
        carom_json_field_str(json, "reason", s->reason);
        carom_json_object_end(json);
    }
    carom_json_array_end(json);
    carom_json_key(json, CAROM_STR("left"));
    carom_json_array(json);
    for (const struct carom_departure *d = history->departures; d; d = d->next) {
        carom_json_object(json);
        carom_json_field_str(json, "list", d->list);
        if (!d->list.len)
            carom_json_field_str(json, "scope", d->each ? CAROM_STR("each") : CAROM_STR("all"));
        carom_json_field_time(json, "since", d->since / 1000);
        carom_json_object_end(json);
    }
    carom_json_array_end(json);
    carom_json_key(json, CAROM_STR("tags"));
    carom_json_object(json);
    for (const struct carom_tag *t = history->tags; t; t = t->next) {
        carom_json_key(json, t->key);
        carom_json_str(json, t->value);
    }
    carom_json_object_end(json);
}

static int write_all(struct export *export, const struct carom_ledger *ledger, struct carom_arena *arena,
                     struct carom_str key, const char *spool, struct carom_error *err)
{
    struct carom_history history = {.now = carom_date_now_ms()};
    struct carom_json *json = &export->json;

    if (ledger->ops->past(ledger->store, arena, key, &history, err) != 0)
        return -1;
    *json = carom_print_json(&export->print);
    carom_json_object(json);
    carom_json_field_str(json, "address", key);
    write_standing(json, &history);
    carom_json_key(json, CAROM_STR("facts"));
    carom_json_array(json);
    if (ledger->ops->facts(ledger->store, key, raw_row, export, err) != 0)
        return -1;
    carom_json_array_end(json);
    carom_json_key(json, CAROM_STR("references"));
    carom_json_array(json);
    if (ledger->care->taught(ledger->store, key, reference_row, export, err) != 0)
        return -1;
    carom_json_array_end(json);
    carom_json_key(json, CAROM_STR("jobs"));
    carom_json_array(json);
    if (ledger->care->told(ledger->store, key, raw_row, export, err) != 0)
        return -1;
    carom_json_array_end(json);
    carom_json_key(json, CAROM_STR("messages"));
    carom_json_array(json);
    if (ledger->care->messages(ledger->store, key, message_row, export, err) != 0)
        return -1;
    carom_json_array_end(json);
    carom_json_key(json, CAROM_STR("undecided"));
    carom_json_array(json);
    if (carom_spooled_search(spool, &key, 1, spooled_row, export, err) != 0)
        return -1;
    carom_json_array_end(json);
    carom_json_object_end(json);
    carom_print_line(&export->print);
    return 0;
}

int cmd_export(int argc, char **argv)
{
    struct carom_cli_place place = {0};
    const char *spool = NULL;
    const struct carom_option options[] = {
        CAROM_CLI_PLACE_OPTIONS(place), CAROM_SPOOLED_OPTION(spool), {NULL, 0, NULL, NULL, NULL}};
    char **operands;
    int n = carom_cli_options(argc, argv, options, "[OPTIONS] ADDRESS",
                              "Prints all that is kept of an address as one JSON object, for the person who asks.",
                              &operands);
    struct carom_error err = {0};
    struct carom_ledger ledger;
    struct carom_policy *policy;
    struct carom_str url, directory;
    struct export export = {.print = carom_print_begin(stdout)};

    if (n < 0)
        return carom_cli_options_exit(n);
    if (n != 1)
        return carom_cli_usage("export", n ? "takes one ADDRESS" : "no ADDRESS given");
    struct carom_arena *arena = carom_arena_new();
    export.arena = carom_arena_new();
    if (!arena || !export.arena || carom_arena_guard(arena)) {
        carom_arena_free(export.arena);
        return carom_cli_no_memory(arena);
    }
    struct carom_str key = carom_address_key(arena, carom_str(operands[0]));
    int result = carom_address_valid(key) ? carom_cli_ledger(arena, &place, CAROM_LEDGER_READ, false, &ledger, &policy, &url, &err)
                                          : carom_error_set(&err, CAROM_ERROR_USAGE, "export: '%s' is no address",
                                                            operands[0]);
    if (result == 0) {
        result = carom_spooled_directory(arena, &place, spool, &directory, &err);
        if (result == 0)
            result = write_all(&export, &ledger, arena, key, directory.ptr, &err);
        if (result != 0) { /* no half of it */
            carom_buf_clear(&export.print.buf);
            if (err.code == CAROM_ERROR_NONE)
                carom_error_memory(&err);
        }
        carom_ledger_close(&ledger);
        carom_policy_free(policy);
    }
    if (carom_print_end(&export.print) != 0 && result == 0)
        result = carom_cli_output_error(&err, "export");
    carom_arena_free(export.arena);
    carom_arena_free(arena);
    return result == 0 ? EX_OK : carom_cli_fail(&err);
}
