/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Where the engine keeps things: decided by the machine, never by who happens to run a command. */

#include "engine/engine.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

#define SYSTEM_STATE "/var/lib/carom"

/* Makes the directory and its parents; EEXIST is fine. */
static int make_directories(struct carom_arena *arena, struct carom_str path, struct carom_error *err)
{
    char *copy = (char *)carom_arena_str(arena, path).ptr;

    for (char *p = copy + 1;; p++) {
        if (*p != '/' && *p)
            continue;
        char end = *p;
        *p = 0;
        if (mkdir(copy, 0700) != 0 && errno != EEXIST)
            return carom_error_set(err, CAROM_ERROR_IO, "%s: cannot make the state directory: %s; run this as a user who may, or name "
                                   "another with --state", copy, strerror(errno));
        *p = end;
        if (!end)
            return 0;
    }
}

static int user_state(struct carom_arena *arena, struct carom_str *path_r, struct carom_error *err)
{
    const char *base = getenv("XDG_STATE_HOME"), *home = getenv("HOME");

    if (base && base[0] == '/')
        *path_r = carom_arena_printf(arena, "%s/carom", base);
    else if (home && home[0] == '/')
        *path_r = carom_arena_printf(arena, "%s/.local/state/carom", home);
    else
        return carom_error_set(err, CAROM_ERROR_CONFIG,
                               "no state directory: neither " SYSTEM_STATE " nor HOME exists; say --state DIR");
    return 0;
}

/* By its owner's name: an operator is told as whom to run, not only that he may not. */
static int check_access(const char *path, struct carom_error *err)
{
    struct stat info;

    if (stat(path, &info) != 0 && errno != EACCES)
        return 0; /* it may be made */
    if (faccessat(AT_FDCWD, path, R_OK | X_OK, AT_EACCESS) == 0)
        return 0;
    int error = errno;
    const struct passwd *owner = stat(path, &info) == 0 ? getpwuid(info.st_uid) : NULL;
    return carom_error_set(err, CAROM_ERROR_IO,
                           "the state directory %s: %s; run this as %s%s, as root, or name another with --state", path,
                           strerror(error), owner ? "the user " : "its owner", owner ? owner->pw_name : "");
}

int carom_engine_state_dir(struct carom_arena *arena, const char *option, struct carom_str *path_r,
                           struct carom_error *err)
{
    const char *given = option && *option ? option : getenv("CAROM_STATE");
    struct stat info;

    if (!given || !*given) {
        if (stat(SYSTEM_STATE, &info) != 0)
            return user_state(arena, path_r, err);
        given = SYSTEM_STATE;
    }
    *path_r = carom_arena_str(arena, carom_str(given));
    return check_access(given, err);
}

int carom_engine_store_url(struct carom_arena *arena, const char *option, const struct carom_config *config,
                           const char *state, struct carom_str *url_r, struct carom_error *err)
{
    struct carom_str directory, given = carom_str(option), path;
    const struct carom_str scheme = CAROM_STR("sqlite:");

    if (!given.len && config)
        given = config->store;
    if (!given.len)
        given = CAROM_STR("sqlite:carom.db");
    if (!carom_str_starts(given, scheme)) /* the ledger says which schemes it knows */
        return *url_r = carom_arena_str(arena, given), 0;
    path = carom_str_from(given, scheme.len);
    if (carom_str_starts(path, CAROM_STR("/")) || (option && *option))
        return *url_r = carom_arena_str(arena, given), 0;
    /* A relative path in a policy means: in the state directory. */
    if (carom_engine_state_dir(arena, state, &directory, err) != 0)
        return -1;
    *url_r = carom_arena_printf(arena, "sqlite:" CAROM_STR_FMT "/" CAROM_STR_FMT, CAROM_STR_ARG(directory),
                                CAROM_STR_ARG(path));
    return 0;
}

int carom_engine_store_make(struct carom_arena *arena, struct carom_str url, const char *state, struct carom_error *err)
{
    const struct carom_str scheme = CAROM_STR("sqlite:");
    return carom_str_starts(url, scheme) ? carom_engine_state_make(arena, carom_str_from(url, scheme.len), state, err) : 0;
}

int carom_engine_state_make(struct carom_arena *arena, struct carom_str path, const char *state, struct carom_error *err)
{
    struct carom_str directory;

    if (carom_engine_state_dir(arena, state, &directory, NULL) != 0 || !carom_str_starts(path, directory) ||
        !carom_str_starts(carom_str_from(path, directory.len), CAROM_STR("/")))
        return 0; /* a place of the operator's own: the ledger says when it is not there */
    return make_directories(arena, directory, err);
}
