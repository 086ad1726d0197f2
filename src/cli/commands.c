/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The table of subcommands, in the module that the program loads for all of them but `pipe`. */

#include "cli/commands.h"

#include <stdio.h>

#include "classify/provider.h"
#include "classify/rules.h"
#include "cli/cli.h"
#include "cli/complete.h"
#include "decision/hold.h"
#include "ledger/job.h"

#define cmd_pipe NULL /* the program does that by itself */
#define COMMAND_ROW(name, summary) {#name, cmd_##name, summary},
static const struct carom_command commands[] = {CAROM_COMMANDS(COMMAND_ROW)};
enum { COMMANDS = sizeof(commands) / sizeof(commands[0]), WORD_SIZE = 24 };

/* The words of the commands, as they are typed. */
static void spell(char words[][WORD_SIZE])
{
    for (size_t i = 0; i < COMMANDS; i++) {
        snprintf(words[i], WORD_SIZE, "%s", commands[i].name);
        for (char *c = words[i]; *c; c++)
            if (*c == '_')
                *c = '-';
    }
}

static int help(FILE *to, char words[][WORD_SIZE])
{
    fprintf(to, "usage: carom COMMAND [OPTIONS] …\n       carom --version\n\n");
    for (size_t i = 0; i < COMMANDS; i++)
        fprintf(to, "  %-12s  %s\n", words[i], commands[i].summary);
    fprintf(to, "\nA SOURCE is a file, - for stdin, a directory of messages, an mbox, or a Maildir.\n"
                "carom COMMAND --help tells more; so does man carom-COMMAND.\n");
    return to == stdout ? EX_OK : EX_USAGE;
}

/* ---- Completion ---- */

static const char *reason(size_t i)
{
    return i + 1 < CAROM_REASON_COUNT ? carom_reason_name((enum carom_reason)(i + 1)) : NULL;
}

static const char *kind(size_t i) { return i < CAROM_KIND_COUNT ? carom_kind_name((enum carom_kind)i) : NULL; }

static const char *known_word(const char *argument, size_t i, const char **description_r)
{
    *description_r = "";
    if (!strcmp(argument, "REASON"))
        return reason(i);
    if (!strcmp(argument, "KIND"))
        return kind(i);
    if (!strcmp(argument, "STATE"))
        return i < CAROM_JOB_STATE_COUNT ? carom_job_state_name((enum carom_job_state)i) : NULL;
    if (!strcmp(argument, "CAUSE"))
        return i < CAROM_HOLD_BREAKER ? carom_hold_name((enum carom_hold)(i + 1)) : NULL;
    if (!strcmp(argument, "PROVIDER") && i < carom_providers_n)
        return *description_r = carom_providers[i].name, carom_providers[i].id;
    if (!strcmp(argument, "RULE") && i < carom_rules_n)
        return *description_r = carom_cell_str(carom_rules[i].text).ptr, carom_cell_str(carom_rules[i].id).ptr;
    return NULL;
}

/* `carom --complete WORD`: the word is the command. */
static int complete_command(const char *word, char words[][WORD_SIZE])
{
    for (size_t i = 0; i < COMMANDS; i++)
        carom_complete_offer(words[i], commands[i].summary, carom_str(word));
    carom_complete_offer("--help", "the commands", carom_str(word));
    carom_complete_offer("--version", "the version", carom_str(word));
    return EX_OK;
}

static int run(int argc, char **argv)
{
    const char *names[COMMANDS + 1] = {NULL};
    char words[COMMANDS][WORD_SIZE];

    spell(words);
    carom_complete_words = known_word;
    if (argc == 3 && !strcmp(argv[1], CAROM_COMPLETE))
        return complete_command(argv[2], words);
    if (argc == 4 && !strcmp(argv[1], "help") && !strcmp(argv[2], CAROM_COMPLETE))
        return complete_command(argv[3], words);
    if (argc < 2)
        return help(stderr, words);
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help"))
        return help(stdout, words);
    for (size_t i = 0; i < COMMANDS; i++) {
        names[i] = words[i];
        if (!strcmp(argv[1], words[i]) && commands[i].run)
            return commands[i].run(argc - 1, argv + 1);
    }
    const char *nearest = carom_cli_nearest(argv[1], names);
    fprintf(stderr, "carom: %s is no command%s%s%s; see carom --help\n", argv[1], nearest ? "; did you mean " : "",
            nearest ? nearest : "", nearest ? "?" : "");
    return EX_USAGE;
}

const struct carom_commands carom_commands = {.version = CAROM_VERSION, .run = run, .decide = carom_worker_decide};
