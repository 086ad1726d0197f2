/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* What lies under a path, by statfs(2); behind FUSE by the mount table, since there both local and remote systems have
   the same magic number. It knows nothing of databases. */

#include "ledger/netfs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

static const uint32_t fuse_magic = 0x65735546;

/* linux/magic.h, statfs(2), and the sources of the modules that neither lists. */
static const struct {
    uint32_t magic;
    const char *name;
} systems[] = {
    {0x6969, "NFS"},       {0x517b, "SMB"},        {0xff534d42, "CIFS"},   {0xfe534d42, "SMB2"},
    {0x564c, "NCP"},       {0x01021997, "9P"},     {0x00c36400, "Ceph"},   {0x5346414f, "AFS"},
    {0x6b414653, "kAFS"},  {0x73757245, "Coda"},   {0x0bd00bd0, "Lustre"}, {0x01161970, "GFS2"},
    {0x7461636f, "OCFS2"}, {0x786f4256, "vboxsf"}, {0xbacbacbc, "VMware shared folders"},
};

static const char *const fuse_systems[] = {"fuse.sshfs",     "fuse.glusterfs", "fuse.s3fs",  "fuse.rclone",
                                           "fuse.davfs",     "fuse.ceph",      "fuse.ceph-fuse", "fuse.gcsfuse",
                                           "fuse.curlftpfs", "fuse.juicefs",   "fuse.lizardfs", "fuse.mfs"};

const char *carom_netfs_name(uint32_t magic)
{
    for (size_t i = 0; i < sizeof(systems) / sizeof(systems[0]); i++)
        if (systems[i].magic == magic)
            return systems[i].name;
    return NULL;
}

/* proc(5): "36 35 98:0 /root /mount options … - type source options". */
static const char *fuse_name(const struct stat *directory)
{
    FILE *table = fopen("/proc/self/mountinfo", "re");
    const char *found = NULL;
    char *line = NULL;
    size_t size = 0;

    while (table && !found && getline(&line, &size, table) > 0) {
        unsigned major_number, minor_number;
        char type[64];
        char *dash = strstr(line, " - ");
        if (!dash || sscanf(line, "%*d %*d %u:%u", &major_number, &minor_number) != 2 ||
            sscanf(dash, " - %63s", type) != 1 || directory->st_dev != makedev(major_number, minor_number))
            continue;
        for (size_t i = 0; i < sizeof(fuse_systems) / sizeof(fuse_systems[0]); i++)
            if (!strcmp(type, fuse_systems[i]))
                found = fuse_systems[i];
    }
    free(line);
    if (table)
        fclose(table);
    return found;
}

int carom_netfs_check(const char *path, struct carom_error *err)
{
    const char *slash = strrchr(path, '/');
    char *directory = !slash ? strdup(".") : strndup(path, slash == path ? 1 : (size_t)(slash - path));
    struct statfs system;
    struct stat info;
    const char *name = NULL;

    if (!directory)
        return carom_error_memory(err);
    if (statfs(directory, &system) != 0 || stat(directory, &info) != 0) {
        carom_error_set(err, CAROM_ERROR_IO, "%s: cannot open the ledger: the directory %s: %s%s", path, directory,
                        strerror(errno), errno == ENOENT ? "; make it, or name another with --state or --store" : "");
        free(directory);
        return -1;
    }
    free(directory);
    name = (uint32_t)system.f_type == fuse_magic ? fuse_name(&info) : carom_netfs_name((uint32_t)system.f_type);
    if (name)
        return carom_error_set(err, CAROM_ERROR_IO,
                               "%s: lies on a network file system (%s), where SQLite's write-ahead log loses data; "
                               "put the ledger on a local disk",
                               path, name);
    return 0;
}
