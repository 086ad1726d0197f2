/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Completion of one command's words. It knows the form of options and of usage lines, not what they mean. */

#include "cli/complete.h"

#include <stdio.h>

const char *(*carom_complete_words)(const char *argument, size_t i, const char **description_r);

void carom_complete_offer(const char *candidate, const char *description, struct carom_str word)
{
    if (carom_str_starts(carom_str(candidate), word))
        printf("%s\t%s\n", candidate, description);
}

/* Names of arguments as usage lines and options have them. */
static void offer_argument(const char *argument, struct carom_str word)
{
    static const char *const files[] = {"FILE", "SOURCE", "POLICY", "WHERE", "OLD", "NEW"};
    const char *candidate, *description = "";

    if (!strcmp(argument, "DIR"))
        puts(":directories");
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (!strcmp(argument, files[i]))
            puts(":files");
    for (size_t i = 0; carom_complete_words && (candidate = carom_complete_words(argument, i, &description)); i++)
        carom_complete_offer(candidate, description, word);
}

static const struct carom_option *find(const struct carom_option *options, struct carom_str word)
{
    size_t equals = carom_str_chr(word, '=');

    if (!carom_str_starts(word, CAROM_STR("--")))
        return NULL;
    word = carom_str_from(carom_str_head(word, equals), 2);
    for (; options->name; options++)
        if (carom_str_eq(word, carom_str(options->name)))
            return options->type == CAROM_OPTION_FLAG ? NULL : options;
    return NULL;
}

/* Operands: words of the usage line in capitals are arguments, those in small letters are typed as they stand. What is
   within an option or behind the first line repeats. */
static void offer_operands(const char *usage, const char *command, struct carom_str word)
{
    char name[32];
    bool option = false;

    for (; *usage && *usage != '\n'; usage++) {
        size_t n = strspn(usage, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-");
        if (!n || n >= sizeof name)
            continue;
        snprintf(name, sizeof name, "%.*s", (int)n, usage);
        usage += n - 1;
        if (!option && name[0] >= 'a')
            carom_complete_offer(name, command, word);
        else if (!option && name[0] != '-')
            offer_argument(name, word);
        option = name[0] == '-' && name[1]; /* its argument comes next */
    }
}

void carom_complete(int argc, char **argv, const struct carom_option *options, const char *usage)
{
    struct carom_str word = carom_str(argc > 2 ? argv[argc - 1] : ""), before = CAROM_STR_EMPTY;
    const struct carom_option *option;
    char candidate[64];

    if (carom_str_eq(word, CAROM_STR("="))) /* shells that split there */
        word = CAROM_STR_EMPTY;
    for (int i = 2; i < argc - 1; i++)
        if (strcmp(argv[i], "="))
            before = carom_str(argv[i]);
    size_t equals = carom_str_chr(word, '=');
    if (equals != SIZE_MAX && (option = find(options, word))) {
        offer_argument(option->argument ? option->argument : "", carom_str_from(word, equals + 1));
    } else if (carom_str_chr(before, '=') == SIZE_MAX && (option = find(options, before))) {
        offer_argument(option->argument ? option->argument : "", word);
    } else if (carom_str_starts(word, CAROM_STR("-"))) {
        for (; options->name; options++) {
            snprintf(candidate, sizeof candidate, "--%s", options->name);
            carom_complete_offer(candidate, options->help, word);
        }
        carom_complete_offer("--help", "what the command does, and its options", word);
    } else {
        offer_operands(usage, argv[0], word);
    }
}
