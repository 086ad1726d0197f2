/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Log lines. What is quoted from mail can neither start a line of its own nor steer a terminal. Which events are
   worth a line, the callers know. */

#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <syslog.h>

#include "base/utf8.h"

enum { LINE_MAX_BYTES = 2000 }; /* syslog daemons cut at 2 KiB and above */

size_t carom_log_escape(struct carom_str text, bool field, char *out, size_t size)
{
    static const char hex[] = "0123456789abcdef";
    size_t used = 0;
    while (text.len > 0) {
        uint32_t character;
        size_t n = carom_utf8_decode(text, &character);
        bool plain = n > 0 && carom_utf8_printable(character) && !(field && (character == ' ' || character == '\\'));
        n = n ? n : 1;
        if (used + (plain ? n : 4 * n) > size)
            break;
        if (plain)
            memcpy(out + used, text.ptr, n), used += n;
        else
            for (size_t i = 0; i < n; i++, used += 4)
                memcpy(out + used, (char[]){'\\', 'x', hex[(unsigned char)text.ptr[i] >> 4], hex[text.ptr[i] & 15]}, 4);
        text = carom_str_from(text, n);
    }
    return used;
}

void carom_log_printf(const struct carom_log *log, enum carom_log_level level, const char *format, ...)
{
    if (!log || !log->write)
        return;
    char text[LINE_MAX_BYTES], line[LINE_MAX_BYTES];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (n < 0)
        return;
    /* Cut in the middle of a character: its bytes show as \xNN, nothing worse. */
    size_t len = (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1;
    log->write(log->user, level, carom_str_n(line, carom_log_escape(carom_str_n(text, len), false, line, sizeof(line))));
}

static void write_stderr(void *user, enum carom_log_level level, struct carom_str line)
{
    (void)user;
    const char *label = level == CAROM_LOG_WARNING ? "warning: " : level == CAROM_LOG_DEBUG ? "debug: " : "";
    fprintf(stderr, "carom: %s" CAROM_STR_FMT "\n", label, CAROM_STR_ARG(line));
}

static void write_syslog(void *user, enum carom_log_level level, struct carom_str line)
{
    (void)user;
    static const int priority[] = {[CAROM_LOG_DEBUG] = LOG_DEBUG,
                                   [CAROM_LOG_INFO] = LOG_INFO,
                                   [CAROM_LOG_WARNING] = LOG_WARNING,
                                   [CAROM_LOG_ERROR] = LOG_ERR};
    syslog(LOG_MAIL | priority[level], CAROM_STR_FMT, CAROM_STR_ARG(line));
}

const struct carom_log carom_log_stderr = {write_stderr, NULL};
const struct carom_log carom_log_syslog = {write_syslog, NULL};
