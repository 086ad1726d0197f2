/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Programs run beside one another, each with a time-out and at its own process group. */

#ifndef CAROM_OUTBOX_COMMAND_H
#define CAROM_OUTBOX_COMMAND_H

#include "base/error.h"

enum { CAROM_COMMAND_OUTPUT_MAX = 4096 };

struct carom_command {
    char *const *argv;        /* the first an absolute path; NULL-terminated */
    char *const *environment; /* all of it */
    struct carom_str input;   /* what it reads on stdin */
    void *job;                /* handed back */
};
struct carom_command_end {
    enum { CAROM_COMMAND_EXITED, CAROM_COMMAND_SIGNALLED, CAROM_COMMAND_TIMED_OUT } how;
    int code;                /* exit code or signal */
    struct carom_str output; /* the first 4 KiB of what it wrote on stdout and stderr */
};

struct carom_commands;
struct carom_commands *carom_commands_new(int timeout_ms); /* NULL: no memory; free with carom_commands_free */
/* 0: it runs; its texts are not needed any more. 1: it cannot be run, however often one tries; -1: not now. err: why. */
int carom_commands_start(struct carom_commands *commands, const struct carom_command *command, struct carom_error *err);
/* Waits at most wait_ms for something to end; calls done for each that did. done may start others. */
void carom_commands_poll(struct carom_commands *commands, int wait_ms,
                         void (*done)(void *user, void *job, const struct carom_command_end *end), void *user);
size_t carom_commands_running(const struct carom_commands *commands);
void carom_commands_free(struct carom_commands *commands); /* kills what still runs; NULL is allowed */

#endif
