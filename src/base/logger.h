/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The log as an operator set it: syslog, stderr or a file; as text or JSON; from a level on. A line is one line, bytes
   that do not print are \xNN, and a value can neither end its field nor begin another. A log that cannot be written
   stops nobody: its lines go where they would go without it. */

#ifndef CAROM_BASE_LOGGER_H
#define CAROM_BASE_LOGGER_H

#include "base/log.h"
#include "base/str.h"

enum carom_log_target { CAROM_LOG_TO_DEFAULT, CAROM_LOG_TO_SYSLOG, CAROM_LOG_TO_STDERR, CAROM_LOG_TO_FILE };

struct carom_log_settings {
    enum carom_log_target to;
    struct carom_str path; /* of the file, absolute and NUL-terminated; borrowed */
    bool json;
    enum carom_log_level level; /* what is below is dropped */
};
#define CAROM_LOG_SETTINGS_INIT ((struct carom_log_settings){.path = {"", 0}, .level = CAROM_LOG_INFO})

struct carom_logger {
    struct carom_log log; /* what others write to */
    struct carom_log_settings settings;
    enum carom_log_target fallback; /* for DEFAULT, and for a file that cannot be written */
    bool failed;                    /* that was said */
};

/* fallback: CAROM_LOG_TO_SYSLOG or CAROM_LOG_TO_STDERR. The logger must stay where it is. */
void carom_logger_init(struct carom_logger *logger, enum carom_log_target fallback);

/* One event in fields: name=value in text, members in JSON. Each value is cut at 250 bytes. */
struct carom_log_field {
    const char *name;
    struct carom_str value; /* empty: left out */
};
void carom_logger_event(struct carom_logger *logger, enum carom_log_level level, const char *event,
                        const struct carom_log_field *fields, size_t n);

/* "debug", "info", "warning", "error"; static. */
const char *carom_log_level_name(enum carom_log_level level);
bool carom_log_level_parse(struct carom_str word, enum carom_log_level *level_r);

#endif
