/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Long options, read by one table per command; the same table prints --help. */

#include <stdio.h>
#include <stdlib.h>

#include "cli/cli.h"
#include "cli/complete.h"

static void help(const char *command, const struct carom_option *options, const char *usage, const char *summary)
{
    printf("usage: carom %s %s\n\n%s\n\n", command, usage, summary);
    for (const struct carom_option *o = options; o->name; o++) {
        char left[64];
        snprintf(left, sizeof(left), "--%s%s%s", o->name, o->argument ? " " : "", o->argument ? o->argument : "");
        printf("  %-22s  %s\n", left, o->help);
    }
    printf("  %-22s  %s\n", "--help", "this text");
}

static const struct carom_option *find(const struct carom_option *options, struct carom_str name)
{
    for (; options->name; options++)
        if (carom_str_eq(name, carom_str(options->name)))
            return options;
    return NULL;
}

static void unknown(const char *command, const struct carom_option *options, const char *word)
{
    const char *names[64] = {NULL}, *nearest;
    size_t n = 0;

    for (; options->name && n < 63; options++)
        names[n++] = options->name;
    nearest = carom_cli_nearest(word + 2, names);
    if (nearest)
        carom_cli_usage(command, "%s is no option; did you mean --%s?", word, nearest);
    else
        carom_cli_usage(command, "%s is no option", word);
}

static int store(const char *command, const struct carom_option *option, const char *value)
{
    int64_t number;

    switch (option->type) {
    case CAROM_OPTION_FLAG:
        *(bool *)option->out = true;
        return 0;
    case CAROM_OPTION_TEXT:
        *(const char **)option->out = value;
        return 0;
    case CAROM_OPTION_NUMBER:
        number = carom_str_number(carom_str(value));
        if (number < 0)
            return carom_cli_usage(command, "--%s wants a number, not '%s'", option->name, value), -1;
        *(int64_t *)option->out = number;
        return 0;
    }
    return -1;
}

int carom_cli_options(int argc, char **argv, const struct carom_option *options, const char *usage,
                      const char *summary, char ***operands_r)
{
    int n = 0;

    *operands_r = argv + 1;
    if (argc > 1 && !strcmp(argv[1], CAROM_COMPLETE)) {
        carom_complete(argc, argv, options, usage);
        return -2;
    }
    for (int i = 1; i < argc; i++) {
        struct carom_str word = carom_str(argv[i]), name = carom_str_from(word, 2);
        if (!strcmp(argv[i], "--")) {
            while (++i < argc)
                argv[1 + n++] = argv[i];
            break;
        }
        if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) {
            help(argv[0], options, usage, summary);
            return -2;
        }
        if (argv[i][0] != '-' || !argv[i][1]) {
            argv[1 + n++] = argv[i];
            continue;
        }
        size_t equals = carom_str_chr(name, '=');
        const struct carom_option *option = NULL;
        if (word.len > 2 && word.ptr[1] == '-')
            option = find(options, carom_str_head(name, equals));
        if (!option)
            return unknown(argv[0], options, argv[i]), -1;
        const char *value = equals == SIZE_MAX ? NULL : name.ptr + equals + 1;
        if (option->type == CAROM_OPTION_FLAG && value)
            return carom_cli_usage(argv[0], "--%s takes no value", option->name), -1;
        if (option->type != CAROM_OPTION_FLAG && !value && !(value = i + 1 < argc ? argv[++i] : NULL))
            return carom_cli_usage(argv[0], "--%s wants a value", option->name), -1;
        if (store(argv[0], option, value) != 0)
            return -1;
    }
    return n;
}
