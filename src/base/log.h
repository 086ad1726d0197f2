/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* One line an event, to syslog (facility mail), stderr or a file. Bytes that do not print are \xNN; one line always. */

#ifndef CAROM_BASE_LOG_H
#define CAROM_BASE_LOG_H

#include "base/error.h"

enum carom_log_level { CAROM_LOG_DEBUG, CAROM_LOG_INFO, CAROM_LOG_WARNING, CAROM_LOG_ERROR };

/* Where lines go. The struct is the caller's; a NULL log swallows everything. */
struct carom_log {
    void (*write)(void *user, enum carom_log_level level, struct carom_str line);
    void *user;
};

void carom_log_printf(const struct carom_log *log, enum carom_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
extern const struct carom_log carom_log_stderr, carom_log_syslog;

#endif
