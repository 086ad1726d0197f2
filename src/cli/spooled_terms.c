/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The terms on which a message waits: where, until when, and for which policy. All that carom pipe needs of the spool's
   end, and without anything that decides. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/date.h"
#include "cli/cli.h"
#include "cli/spooled.h"

enum { FIRST_WAIT_MS = 10 * 1000 };

int carom_spooled_directory(struct carom_arena *arena, const struct carom_cli_place *place, const char *given,
                            struct carom_str *path_r, struct carom_error *err)
{
    struct carom_str state;

    if (given && *given)
        return *path_r = carom_arena_str(arena, carom_str(given)), 0;
    if (carom_engine_state_dir(arena, place->state, &state, err) != 0)
        return -1;
    *path_r = carom_arena_printf(arena, CAROM_STR_FMT "/spool", CAROM_STR_ARG(state));
    return 0;
}

bool carom_spooled_deadline(const char *command, const char *given, int64_t *ms_r)
{
    static const int64_t usual_ms = 8000, longest_ms = 15 * 60 * 1000; /* Postfix waits for 1000 s */

    *ms_r = given ? carom_duration_parse_ms(carom_str(given)) : usual_ms;
    if (*ms_r > 0 && *ms_r <= longest_ms)
        return true;
    carom_cli_usage(command, "--deadline wants a duration of at most 15m, such as 8s, not '%s'", given);
    return false;
}

/* ---- Has the policy changed? ---- */

static uint64_t mix(uint64_t hash, uint64_t value)
{
    for (int i = 0; i < 8; i++, value >>= 8)
        hash = (hash ^ (value & 0xff)) * UINT64_C(1099511628211); /* FNV-1a */
    return hash;
}

static uint64_t mix_text(uint64_t hash, const char *text)
{
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * UINT64_C(1099511628211);
    return hash;
}

static uint64_t mix_file(uint64_t hash, int directory, const char *name)
{
    struct stat info;
    if (fstatat(directory, name, &info, 0) != 0)
        return hash;
    hash = mix(mix(hash, (uint64_t)info.st_size), (uint64_t)info.st_ino);
    return mix(mix(hash, (uint64_t)info.st_mtim.tv_sec), (uint64_t)info.st_mtim.tv_nsec);
}

/* In whatever order the directory lists them. */
static uint64_t sum_of_directory(const char *path)
{
    DIR *files = opendir(path);
    const struct dirent *entry;
    uint64_t sum = 0;

    while (files && (entry = readdir(files)))
        if (carom_str_iends(carom_str(entry->d_name), CAROM_STR(".lua")))
            sum += mix_file(mix_text(UINT64_C(14695981039346656037), entry->d_name), dirfd(files), entry->d_name);
    if (files)
        closedir(files);
    return sum;
}

uint64_t carom_spooled_fingerprint(const char *policy)
{
    char directory[4096];
    size_t slash = carom_str_rchr(carom_str(policy), '/');
    uint64_t hash = mix_file(mix_text(UINT64_C(14695981039346656037), carom_version()), AT_FDCWD, policy);

    if (slash == SIZE_MAX)
        hash = mix(hash, sum_of_directory("."));
    else if (snprintf(directory, sizeof(directory), "%.*s/", (int)slash, policy) < (int)sizeof(directory))
        hash = mix(hash, sum_of_directory(directory));
    return hash >> 1;
}

void carom_spooled_tried(struct carom_spool_marks *marks, bool killed, const char *why, int64_t now)
{
    int64_t wait = FIRST_WAIT_MS;

    for (int64_t i = 0; i < marks->tries && wait < CAROM_SPOOLED_WAIT_MAX_MS; i++)
        wait *= 4;
    marks->due = now + (wait < CAROM_SPOOLED_WAIT_MAX_MS ? wait : CAROM_SPOOLED_WAIT_MAX_MS);
    marks->tries++;
    marks->kills += killed;
    snprintf(marks->why, sizeof(marks->why), "%s", why);
}
