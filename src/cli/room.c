/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* By access(2), which knows of groups, access lists and read-only mounts; and statvfs(3). */

#include "cli/room.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* Whoever looks may be neither the owner nor root, such as a monitor in the owner's group. */
static int denied_by_mode(const struct stat *info, struct carom_owner owner)
{
    int shift = info->st_uid == owner.user ? 6 : info->st_gid == owner.group ? 3 : 0;
    return !owner.user || (info->st_mode >> shift & 07) == 07 ? 0 : EACCES;
}

int carom_room_denied(const char *directory, struct carom_owner owner)
{
    struct statvfs disk;
    struct stat info;

    if (geteuid() == owner.user)
        return faccessat(AT_FDCWD, directory, R_OK | W_OK | X_OK, AT_EACCESS) == 0 ? 0 : errno;
    if (statvfs(directory, &disk) != 0 || stat(directory, &info) != 0)
        return errno;
    return disk.f_flag & ST_RDONLY ? EROFS : denied_by_mode(&info, owner);
}

struct carom_str carom_room_remedy(struct carom_arena *arena, const char *directory, int denied, struct carom_owner owner)
{
    struct stat info;

    if (denied == EROFS)
        return CAROM_STR("mount its file system for writing; the kernel's log may say why it is not");
    if (stat(directory, &info) == 0 && info.st_uid == owner.user)
        return carom_arena_printf(arena, "chmod u+rwx %s", directory);
    return carom_arena_printf(arena, "chown %s: %s", carom_cli_user_name(arena, owner.user).ptr, directory);
}

bool carom_room_look(const char *directory, struct carom_room *room_r)
{
    struct statvfs disk;

    if (statvfs(directory, &disk) != 0 || !disk.f_blocks)
        return false;
    *room_r = (struct carom_room){.mib = (unsigned long long)disk.f_bavail * disk.f_frsize >> 20,
                                  .files = !disk.f_files || disk.f_favail};
    return true;
}

struct carom_str carom_room_above(struct carom_arena *arena, struct carom_str path)
{
    size_t slash = carom_str_rchr(path, '/');
    return carom_arena_str(arena, slash == SIZE_MAX ? CAROM_STR(".") : slash ? carom_str_head(path, slash) : CAROM_STR("/"));
}
