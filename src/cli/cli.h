/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* What the subcommands share: the command table, options, errors on stderr, exit codes (sysexits.h). */

#ifndef CAROM_CLI_CLI_H
#define CAROM_CLI_CLI_H

#include <sysexits.h>

#include "base/error.h"
#include "base/str.h"

struct carom_command {
    const char *name;
    int (*run)(int argc, char **argv); /* argv[0] is the subcommand's name; returns the exit code */
    const char *summary;               /* one line for `carom --help` */
};

/* An underscore is a hyphen on the command line. */
#define CAROM_COMMANDS(X) \
    X(parse, "decode messages: what happened to whom, and why") \
    X(explain, "say in plain words what an SMTP reply or code means") \
    X(rules, "list the rules that read diagnostics, and try them") \
    X(codes, "print the tables: reply codes, enhanced status codes, providers") \
    X(lint, "find mistakes in a policy, by trying it on every kind of bounce") \
    X(run, "decide for files, directories, mboxes and Maildirs by a policy") \
    X(diff, "say whom two policies treat differently, and how") \
    X(pipe, "take one message on stdin from a mail server") \
    X(deliver, "deliver what is due from the outbox") \
    X(show, "print what the ledger holds of an address") \
    X(why, "tell the story of an address: what happened, why, and what can be done") \
    X(check, "say whether an address may be mailed") \
    X(suppressions, "import, export, add and remove who is not to be mailed") \
    X(verp, "sign and check return paths") \
    X(export, "print all that is kept of an address, for the person who asks") \
    X(forget, "erase addresses") \
    X(outbox, "list, show, resend and drop what is to be delivered") \
    X(held, "list, release and discard decisions that wait for a person") \
    X(undo, "take decisions back") \
    X(replay, "have a new policy decide anew, and replace what was decided") \
    X(incidents, "list the bad days of providers") \
    X(report, "say how a period went: what failed, why, whose fault it was") \
    X(ledger, "check, back up, migrate and prune the ledger") \
    X(test, "run the tests of a policy") \
    X(check_setup, "try the installation: rights, secrets, sinks") \
    X(status, "say how it goes, and what somebody must do")
#define CAROM_COMMAND_DECLARE(name, summary) int cmd_##name(int argc, char **argv); /* NULL for pipe: see front.h */
CAROM_COMMANDS(CAROM_COMMAND_DECLARE)

/* `carom: what: why` on stderr; returns the exit code that fits. */
int carom_cli_fail(const struct carom_error *err);
struct carom_arena;
/* The same, for want of memory: all that the command has is in arena, or it has none. */
int carom_cli_no_memory(struct carom_arena *arena);
int carom_cli_usage(const char *command, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Sets err to say that stdout could not be written (errno says why), and returns -1. Who reads no further, as head does,
   is told nothing. */
int carom_cli_output_error(struct carom_error *err, const char *command);
/* The same, said; returns EX_IOERR. */
int carom_cli_output_failed(const char *command);
/* The word in names (NULL-terminated) nearest to word, or NULL when none is near. */
const char *carom_cli_nearest(const char *word, const char *const *names);

struct carom_option {
    const char *name; /* without "--" */
    enum { CAROM_OPTION_FLAG, CAROM_OPTION_TEXT, CAROM_OPTION_NUMBER } type;
    void *out; /* bool, const char * or int64_t */
    const char *argument; /* its name in --help */
    const char *help;
};

/* Reads options anywhere among the operands ("--name value", "--name=value"; "--" ends them). operands_r: argv is
   reordered, the operands stand from there. Returns their number; -1 after a usage error was printed; -2 after --help
   and after what a shell asked for (complete.h).
   options ends with a NULL name. usage: "[OPTIONS] SOURCE…". */
int carom_cli_options(int argc, char **argv, const struct carom_option *options, const char *usage,
                      const char *summary, char ***operands_r);
/* What to return when carom_cli_options gave less than 0. */
static inline int carom_cli_options_exit(int n) { return n == -2 ? EX_OK : EX_USAGE; }

#endif
