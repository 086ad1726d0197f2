/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Look-ups in the configuration, and secrets fetched from where they are kept. It does not know how a configuration is
   written down, nor what a sink does. */

#include "decision/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/error.h"

enum { SECRET_MAX = 64 << 10 };

static struct carom_sink *find_entry(struct carom_sink_entry *entry, struct carom_str name)
{
    for (; entry; entry = entry->next)
        if (carom_str_eq(entry->name, name))
            return entry->sinks;
    return NULL;
}

struct carom_sink *carom_config_sinks(const struct carom_config *config, struct carom_str action)
{
    struct carom_sink *sinks = find_entry(config->sinks, action);
    return sinks ? sinks : find_entry(config->sinks, CAROM_STR("*"));
}

struct carom_sink *carom_config_endpoint(const struct carom_config *config, struct carom_str name)
{
    return find_entry(config->endpoints, name);
}

struct carom_sink *carom_config_command(const struct carom_config *config, struct carom_str name)
{
    return find_entry(config->commands, name);
}

/* Its own sink, else our own mail, else whoever takes the rest. */
struct carom_sink *carom_config_probe(const struct carom_config *config)
{
    struct carom_sink *sinks = find_entry(config->sinks, CAROM_STR("probe"));
    if (!sinks)
        sinks = config->smtp;
    return sinks ? sinks : find_entry(config->sinks, CAROM_STR("*"));
}

static struct carom_sink *find_sink(struct carom_sink_entry *entry, struct carom_str name)
{
    for (; entry; entry = entry->next)
        for (struct carom_sink *sink = entry->sinks; sink; sink = sink->next)
            if (carom_str_eq(sink->name, name))
                return sink;
    return NULL;
}

struct carom_sink *carom_config_sink(const struct carom_config *config, struct carom_str name)
{
    struct carom_sink *sink = find_sink(config->sinks, name);
    if (!sink)
        sink = find_sink(config->endpoints, name);
    if (!sink)
        sink = find_sink(config->commands, name);
    if (!sink && config->smtp && carom_str_eq(config->smtp->name, name))
        sink = config->smtp;
    return sink;
}

/* A List-Id is compared as a domain name is: without case (RFC 2919 6). */
const struct carom_list_entry *carom_config_list(const struct carom_config *config, struct carom_str id)
{
    for (const struct carom_list_entry *list = config->lists; list; list = list->next)
        if (carom_str_ieq(list->id, id))
            return list;
    return NULL;
}

/* ---- Secrets ---- */

static ssize_t read_fully(int fd, char *bytes, size_t max)
{
    size_t used = 0;
    while (used < max) {
        ssize_t n = read(fd, bytes + used, max - used);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        used += (size_t)n;
    }
    return (ssize_t)used;
}

/* The file's text without its last line end, which every editor adds. */
static int resolve_file(struct carom_arena *arena, const char *path, struct carom_str *value_r, struct carom_error *err)
{
    char *bytes = carom_arena_alloc(arena, SECRET_MAX + 1);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return carom_error_set(err, CAROM_ERROR_CONFIG, "cannot read the secret's file %s: %s", path, strerror(errno));
    ssize_t n = read_fully(fd, bytes, SECRET_MAX + 1);
    int saved = errno;
    close(fd);
    if (n < 0)
        return carom_error_set(err, CAROM_ERROR_CONFIG, "cannot read the secret's file %s: %s", path, strerror(saved));
    if (n > SECRET_MAX)
        return carom_error_set(err, CAROM_ERROR_CONFIG, "the secret's file %s is longer than %d bytes", path,
                               SECRET_MAX);
    struct carom_str value = carom_str_n(bytes, (size_t)n);
    if (value.len && value.ptr[value.len - 1] == '\n')
        value.len--;
    if (value.len && value.ptr[value.len - 1] == '\r')
        value.len--;
    *value_r = value;
    return 0;
}

int carom_secret_resolve(struct carom_arena *arena, const struct carom_secret *secret, struct carom_str *value_r,
                         struct carom_error *err)
{
    *value_r = CAROM_STR_EMPTY;
    switch (secret->from) {
    case CAROM_SECRET_LITERAL:
        *value_r = carom_arena_str(arena, secret->value);
        return 0;
    case CAROM_SECRET_FILE:
        return resolve_file(arena, carom_arena_str(arena, secret->value).ptr, value_r, err);
    case CAROM_SECRET_ENV: {
        const char *name = carom_arena_str(arena, secret->value).ptr, *value = getenv(name);
        if (!value)
            return carom_error_set(err, CAROM_ERROR_CONFIG,
                                   "the environment variable %s, which holds a secret, is not set", name);
        *value_r = carom_arena_str(arena, carom_str(value));
        return 0;
    }
    case CAROM_SECRET_NONE:
        break;
    }
    return 0;
}
