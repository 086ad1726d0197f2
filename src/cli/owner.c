/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* From root to the owner of the store. */

#include "cli/owner.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/cli.h"

struct carom_str carom_cli_user_name(struct carom_arena *arena, uid_t user)
{
    const struct passwd *entry = getpwuid(user);
    return entry ? carom_arena_str(arena, carom_str(entry->pw_name))
                 : carom_arena_printf(arena, "uid %lu", (unsigned long)user);
}

/* The directory of path, or the nearest one above it that exists. */
static struct stat directory_of(struct carom_arena *arena, struct carom_str path)
{
    struct stat info = {0};

    for (;;) {
        size_t slash = carom_str_rchr(path, '/');
        path = slash == SIZE_MAX ? CAROM_STR(".") : slash == 0 ? CAROM_STR("/") : carom_str_head(path, slash);
        if (stat(carom_arena_str(arena, path).ptr, &info) == 0 || path.len <= 1)
            return info;
    }
}

static struct carom_str path_of(struct carom_str url)
{
    const struct carom_str scheme = CAROM_STR("sqlite:");
    return carom_str_from(url, carom_str_starts(url, scheme) ? scheme.len : 0);
}

struct carom_owner carom_cli_owner_of(struct carom_arena *arena, struct carom_str url)
{
    struct carom_str path = path_of(url);
    struct stat directory = directory_of(arena, path), file;

    if (directory.st_uid == 0 && stat(carom_arena_str(arena, path).ptr, &file) == 0)
        directory = file;
    return (struct carom_owner){directory.st_uid, directory.st_gid};
}

/* By mode and owner, not by access(2): who looks may be another. SQLite gives a new log the ledger's own rights. */
static bool is_usable(const struct stat *file, const struct stat *directory)
{
    mode_t mode = file->st_mode;

    if (!S_ISREG(mode))
        return false;
    if (directory->st_uid == 0)
        return true;
    if (file->st_uid == directory->st_uid)
        return (mode & 0600) == 0600;
    return file->st_gid == directory->st_gid ? (mode & 060) == 060 : (mode & 06) == 06;
}

size_t carom_cli_store_files(struct carom_arena *arena, struct carom_str url, struct stat *directory_r,
                             struct carom_store_file files_r[CAROM_STORE_FILES])
{
    static const char *const suffixes[CAROM_STORE_FILES] = {"", "-wal", "-shm", ".lock", ".key"};
    struct carom_str path = path_of(url);
    size_t n = 0;

    *directory_r = directory_of(arena, path);
    for (size_t i = 0; i < CAROM_STORE_FILES; i++) {
        struct carom_store_file *file = &files_r[n];
        file->path = carom_arena_printf(arena, CAROM_STR_FMT "%s", CAROM_STR_ARG(path), suffixes[i]);
        if (lstat(file->path.ptr, &file->info) != 0)
            continue;
        file->usable = is_usable(&file->info, directory_r);
        n++;
    }
    return n;
}

static int set_groups(uid_t user, gid_t group)
{
    const struct passwd *entry = getpwuid(user);
    return entry ? initgroups(entry->pw_name, entry->pw_gid) : setgroups(1, &group);
}

int carom_cli_become(uid_t user, gid_t group, const char *where, struct carom_error *err)
{
    const struct passwd *entry = getpwuid(user);
    gid_t main_group = entry ? entry->pw_gid : group;

    if (set_groups(user, group) == 0 && setgid(main_group) == 0 && setuid(user) == 0)
        return 0;
    return carom_error_set(err, CAROM_ERROR_IO, "cannot become the user %lu%s%s: %s; run this as that user",
                           (unsigned long)user, where ? ", who owns " : "", where ? where : "", strerror(errno));
}

static int act_as(struct carom_arena *arena, const struct carom_cli_place *place, struct carom_str url, struct carom_error *err)
{
    struct carom_owner owner = carom_cli_owner_of(arena, url);

    (void)place;
    if (!owner.user || (set_groups(owner.user, owner.group) == 0 && setegid(owner.group) == 0 && seteuid(owner.user) == 0))
        return 0;
    return carom_error_set(err, CAROM_ERROR_IO, "cannot act as the user %lu: %s; run this as that user",
                           (unsigned long)owner.user, strerror(errno));
}

int carom_cli_as_owner(const struct carom_cli_place *place,
                       int (*as)(struct carom_arena *arena, const struct carom_cli_place *place, struct carom_str url,
                                 struct carom_error *err),
                       struct carom_error *err)
{
    struct carom_str url = CAROM_STR_EMPTY;

    if (geteuid() != 0)
        return 0;
    struct carom_arena *arena = carom_arena_new();
    if (!arena || carom_arena_guard(arena)) {
        carom_arena_free(arena);
        return carom_error_memory(err);
    }
    int result = carom_engine_store_url(arena, place->store, NULL, place->state, &url, err);
    if (result == 0)
        result = as(arena, place, url, err);
    carom_arena_unguard(arena);
    carom_arena_free(arena);
    return result;
}

int carom_cli_act_as_owner(const struct carom_cli_place *place, struct carom_error *err)
{
    return carom_cli_as_owner(place, act_as, err);
}

void carom_cli_act_as_self(void)
{
    if (getuid() == 0 && geteuid() != 0 && (seteuid(0) != 0 || setegid(0) != 0))
        _exit(EX_TEMPFAIL); /* cannot be: the real user stayed root */
}
