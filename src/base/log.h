/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* One line an event, to syslog (facility mail), stderr or a file. Bytes that do not print are \xNN; one line always. */

#ifndef CAROM_BASE_LOG_H
#define CAROM_BASE_LOG_H

#include "base/error.h"

/* struct carom_log stands in carom.h; a NULL log swallows everything. */
void carom_log_printf(const struct carom_log *log, enum carom_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
extern const struct carom_log carom_log_stderr, carom_log_syslog;

#endif
