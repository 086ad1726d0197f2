/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Each line of a file is opened, appended and closed by itself: logrotate may move the file at any time, and nobody
   needs a signal. It knows nothing of what is logged. */

#include "base/logger.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/date.h"
#include "base/json.h"

enum { VALUE_MAX = 250, LINE_MAX_BYTES = 8000 };

static const char *const levels[] = {"debug", "info", "warning", "error"};

const char *carom_log_level_name(enum carom_log_level level)
{
    return levels[level];
}

bool carom_log_level_parse(struct carom_str word, enum carom_log_level *level_r)
{
    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
        if (carom_str_eq(word, carom_str(levels[i]))) {
            *level_r = (enum carom_log_level)i;
            return true;
        }
    return false;
}

/* ---- To the places ---- */

static enum carom_log_target target_of(const struct carom_logger *logger)
{
    return logger->settings.to == CAROM_LOG_TO_DEFAULT ? logger->fallback : logger->settings.to;
}

static void write_to(enum carom_log_target to, enum carom_log_level level, struct carom_str line)
{
    const struct carom_log *log = to == CAROM_LOG_TO_SYSLOG ? &carom_log_syslog : &carom_log_stderr;
    log->write(log->user, level, line);
}

/* Not to wait for the reader of a pipe: mail waits behind us. */
static int append(const char *path, struct carom_str line)
{
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0640);
    if (fd < 0)
        return -1;
    ssize_t n;
    do
        n = write(fd, line.ptr, line.len);
    while (n < 0 && errno == EINTR);
    int saved = n < 0 ? errno : ENOSPC; /* cut short */
    close(fd);
    errno = saved;
    return n >= 0 && (size_t)n == line.len ? 0 : -1;
}

/* whole: as it stands in the file, with its end; line: for everywhere else. */
static void put_file(struct carom_logger *logger, enum carom_log_level level, struct carom_str whole, struct carom_str line)
{
    if (append(logger->settings.path.ptr, whole) == 0)
        return;
    const struct carom_log fallback = logger->fallback == CAROM_LOG_TO_SYSLOG ? carom_log_syslog : carom_log_stderr;
    if (!logger->failed)
        carom_log_printf(&fallback, CAROM_LOG_WARNING, "cannot write the log %s: %s; its lines go here",
                         logger->settings.path.ptr, strerror(errno));
    logger->failed = true;
    write_to(logger->fallback, level, line);
}

static void put_text(struct carom_logger *logger, enum carom_log_level level, struct carom_str line)
{
    char whole[LINE_MAX_BYTES], time[32];
    if (target_of(logger) != CAROM_LOG_TO_FILE) {
        write_to(target_of(logger), level, line);
        return;
    }
    carom_date_format(carom_date_now_ms() / 1000, time);
    int n = snprintf(whole, sizeof(whole), "%s carom[%ld] %s: " CAROM_STR_FMT "\n", time, (long)getpid(), levels[level],
                     CAROM_STR_ARG(line));
    put_file(logger, level, carom_str_n(whole, n > 0 ? (size_t)n : 0), line);
}

/* Text only where there is no memory for the other. */
static void put_json(struct carom_logger *logger, enum carom_log_level level, struct carom_buf *buf)
{
    struct carom_str line = carom_buf_str(buf);
    if (target_of(logger) == CAROM_LOG_TO_SYSLOG) {
        write_to(CAROM_LOG_TO_SYSLOG, level, line);
    } else if (target_of(logger) == CAROM_LOG_TO_STDERR) {
        fprintf(stderr, CAROM_STR_FMT "\n", CAROM_STR_ARG(line));
    } else {
        carom_buf_add_char(buf, '\n');
        if (!buf->failed)
            put_file(logger, level, carom_buf_str(buf), carom_str_head(carom_buf_str(buf), buf->len - 1));
    }
    carom_buf_deinit(buf);
}

/* ---- Lines ---- */

static struct carom_json begin_json(struct carom_buf *buf, enum carom_log_level level, const char *event)
{
    struct carom_json json = carom_json_to(buf);
    carom_json_object(&json);
    carom_json_field_time(&json, "time", carom_date_now_ms() / 1000);
    carom_json_field_str(&json, "level", carom_str(levels[level]));
    carom_json_field_str(&json, "event", carom_str(event));
    return json;
}

static void write_line(void *user, enum carom_log_level level, struct carom_str line)
{
    struct carom_logger *logger = user;
    if (level < logger->settings.level)
        return;
    if (!logger->settings.json) {
        put_text(logger, level, line);
        return;
    }
    struct carom_buf buf = CAROM_BUF_INIT(LINE_MAX_BYTES);
    struct carom_json json = begin_json(&buf, level, "message");
    carom_json_field_str(&json, "text", line);
    carom_json_object_end(&json);
    if (buf.failed) {
        carom_buf_deinit(&buf);
        put_text(logger, level, line);
        return;
    }
    put_json(logger, level, &buf);
}

void carom_logger_init(struct carom_logger *logger, enum carom_log_target fallback)
{
    *logger = (struct carom_logger){
        .log = {write_line, logger}, .settings = CAROM_LOG_SETTINGS_INIT, .fallback = fallback};
}

/* ---- Events ---- */

static struct carom_str shorten(struct carom_str value)
{
    return carom_str_head(value, VALUE_MAX);
}

static void event_text(struct carom_logger *logger, enum carom_log_level level, const char *event,
                       const struct carom_log_field *fields, size_t n)
{
    char line[LINE_MAX_BYTES / 2];
    size_t used = (size_t)snprintf(line, sizeof(line), "%s:", event);
    for (size_t i = 0; i < n; i++) {
        char value[VALUE_MAX];
        size_t size = carom_log_escape(shorten(fields[i].value), true, value, sizeof(value));
        size_t name = strlen(fields[i].name);
        if (!fields[i].value.len || used + name + size + 2 > sizeof(line))
            continue;
        used += (size_t)snprintf(line + used, sizeof(line) - used, " %s=", fields[i].name);
        memcpy(line + used, value, size);
        used += size;
    }
    put_text(logger, level, carom_str_n(line, used));
}

void carom_logger_event(struct carom_logger *logger, enum carom_log_level level, const char *event,
                        const struct carom_log_field *fields, size_t n)
{
    struct carom_buf buf = CAROM_BUF_INIT(LINE_MAX_BYTES);

    if (level < logger->settings.level)
        return;
    if (logger->settings.json) {
        struct carom_json json = begin_json(&buf, level, event);
        for (size_t i = 0; i < n; i++)
            carom_json_field_str(&json, fields[i].name, shorten(fields[i].value));
        carom_json_object_end(&json);
        if (!buf.failed) {
            put_json(logger, level, &buf);
            return;
        }
        carom_buf_deinit(&buf);
    }
    event_text(logger, level, event, fields, n);
}
