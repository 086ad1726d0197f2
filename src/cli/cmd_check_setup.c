/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* carom check-setup: tries the installation before mail does. Acts on nothing: no job, no mail, no ledger is made. */

#include <grp.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/date.h"
#include "base/error.h"
#include "cli/cli.h"
#include "cli/owner.h"
#include "cli/print.h"
#include "cli/setup.h"
#include "cli/spooled.h"

/* ---- Lines ---- */

static int print_json(const char *result, const char *check, struct carom_str what, struct carom_str remedy)
{
    struct carom_print print = carom_print_begin(stdout);
    struct carom_json json = carom_print_json(&print);

    carom_json_object(&json);
    carom_json_field_str(&json, "check", carom_str(check));
    carom_json_field_str(&json, "result", carom_str(result));
    carom_json_field_str(&json, "what", what);
    carom_json_field_str(&json, "remedy", remedy);
    carom_json_object_end(&json);
    carom_print_line(&print);
    return carom_print_end(&print);
}

void carom_setup_say(struct carom_setup *setup, enum carom_setup_result result, const char *check, struct carom_str what,
                     struct carom_str remedy)
{
    static const char *const words[] = {"ok", "warning", "failure"};

    setup->counts[result]++;
    if (setup->json) {
        setup->unsaid |= print_json(words[result], check, what, remedy) != 0;
        return;
    }
    printf("%-8s %-10s ", words[result], check);
    carom_print_cell(stdout, what, 0);
    if (remedy.len)
        fputs("; ", stdout);
    carom_print_cell(stdout, remedy, 0);
    putchar('\n');
}

struct carom_str carom_setup_text(struct carom_setup *setup, const char *format, ...)
{
    char text[2048];
    va_list args;

    va_start(args, format);
    int n = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    return carom_arena_str(setup->arena, carom_str_n(text, n < 0 ? 0 : (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1));
}

/* ---- As whom ---- */

static int become(const char *name, struct carom_error *err)
{
    const struct passwd *entry = getpwnam(name);

    if (!entry)
        return carom_error_set(err, CAROM_ERROR_USAGE, "check-setup: there is no user '%s'", name);
    if (geteuid() == entry->pw_uid)
        return 0;
    if (geteuid() != 0)
        return carom_error_set(err, CAROM_ERROR_USAGE,
                               "check-setup: only root can check for another user; run it as root, or as %s without --user", name);
    return carom_cli_become(entry->pw_uid, entry->pw_gid, NULL, err);
}

static void say_user(struct carom_setup *setup)
{
    if (geteuid() == 0)
        carom_setup_say(setup, CAROM_SETUP_WARNING, "user", CAROM_STR("checked for root, who may do everything"),
                        CAROM_STR("name the user as whom the mail server runs carom: --user carom"));
    else
        carom_setup_say(setup, CAROM_SETUP_OK, "user", carom_setup_text(setup, "checked for %s", setup->user.ptr),
                        CAROM_STR_EMPTY);
}

/* ---- The command ---- */

static void check_policy(struct carom_setup *setup)
{
    struct carom_error err = {0};

    if (!(setup->policy = carom_policy_load(setup->place->policy, &carom_log_stderr, &err))) {
        carom_setup_say(setup, CAROM_SETUP_FAILURE, "policy", carom_setup_text(setup, "%s", err.text),
                        carom_setup_text(setup, "until it loads for %s, all mail waits in the spool", setup->user.ptr));
        return;
    }
    setup->config = carom_policy_config(setup->policy);
    carom_setup_say(setup, CAROM_SETUP_OK, "policy", carom_setup_text(setup, "%s loads", setup->place->policy), CAROM_STR_EMPTY);
    carom_setup_check_policy(setup);
}

static int check(struct carom_setup *setup)
{
    setup->user = carom_cli_user_name(setup->arena, geteuid());
    say_user(setup);
    check_policy(setup);
    carom_setup_check_state(setup);
    if (setup->config)
        carom_setup_check_sinks(setup);
    if (!setup->json)
        printf("%zu ok, %zu warnings, %zu failures\n", setup->counts[CAROM_SETUP_OK], setup->counts[CAROM_SETUP_WARNING],
               setup->counts[CAROM_SETUP_FAILURE]);
    carom_policy_free(setup->policy);
    return setup->counts[CAROM_SETUP_FAILURE] ? EX_CONFIG : EX_OK;
}

int cmd_check_setup(int argc, char **argv)
{
    struct carom_cli_place place = {0};
    struct carom_setup setup = {.place = &place, .now = carom_date_now_ms()};
    const char *user = NULL;
    const struct carom_option options[] = {
        CAROM_CLI_PLACE_OPTIONS(place),
        CAROM_SPOOLED_OPTION(setup.spool),
        {"user", CAROM_OPTION_TEXT, &user, "NAME", "as root: check what this user may do (default: who owns the ledger)"},
        {"json", CAROM_OPTION_FLAG, &setup.json, NULL, "a JSON object for each check"},
        {NULL, 0, NULL, NULL, NULL}};
    char **operands;
    int n = carom_cli_options(argc, argv, options, "--policy FILE [OPTIONS]",
                              "Tries the installation without acting: rights, lock, spool, secrets, sinks, clock, the last delivery.",
                              &operands);
    struct carom_error err = {0};

    if (n < 0)
        return carom_cli_options_exit(n);
    if (!place.policy)
        return carom_cli_usage("check-setup", "no policy given: --policy FILE");
    if (n > 0)
        return carom_cli_usage("check-setup", "takes no operand '%s'", operands[0]);
    if ((user ? become(user, &err) : carom_cli_become_owner(&place, &err)) != 0)
        return carom_cli_fail(&err);
    setup.arena = carom_arena_new();
    if (!setup.arena || carom_arena_guard(setup.arena))
        return carom_cli_no_memory(setup.arena);
    int code = check(&setup);
    carom_arena_free(setup.arena);
    return setup.unsaid ? carom_cli_output_failed("check-setup") : code;
}
