/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* One line an event, to syslog (facility mail) or stderr. Bytes that do not print are \xNN; one line always. */

#ifndef CAROM_BASE_LOG_H
#define CAROM_BASE_LOG_H

#include "base/error.h"

/* struct carom_log stands in carom.h; a NULL log swallows everything. */
void carom_log_printf(const struct carom_log *log, enum carom_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* text made harmless into out, cut at size bytes; returns how many. field: also without a space or a backslash of its
   own, so that it is one word. */
size_t carom_log_escape(struct carom_str text, bool field, char *out, size_t size);
extern const struct carom_log carom_log_stderr, carom_log_syslog;

#endif
