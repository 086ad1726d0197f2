/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Network file systems, where no ledger may lie. What is mounted here is said by this file: statfs, stat and the mount
   table are its own. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include "ledger/netfs.h"

static struct {
    uint32_t magic;
    const char *table; /* NULL: there is none */
    int error;
    char asked[64];    /* the directory */
} machine;

int statfs(const char *path, struct statfs *system)
{
    snprintf(machine.asked, sizeof machine.asked, "%s", path);
    *system = (struct statfs){.f_type = machine.magic};
    errno = machine.error;
    return machine.error ? -1 : 0;
}

int stat(const char *restrict path, struct stat *restrict info)
{
    (void)path;
    *info = (struct stat){.st_dev = makedev(0, 44)};
    return 0;
}

/* Of the library's only: cmocka opens no file. */
FILE *fopen(const char *restrict path, const char *restrict mode)
{
    (void)mode;
    assert_string_equal(path, "/proc/self/mountinfo");
    return machine.table ? fmemopen((void *)(uintptr_t)machine.table, strlen(machine.table), "r") : NULL;
}

enum { FUSE = 0x65735546, NFS = 0x6969, EXT4 = 0xef53 };
#define ROOT "21 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw\n"

static void test_what_is_mounted(void **state)
{
    static const struct {
        uint32_t magic;
        const char *table, *want; /* want: NULL fine */
    } cases[] = {
        {EXT4, NULL, NULL},
        {NFS, NULL, "lies on a network file system (NFS)"},
        {FUSE, NULL, NULL}, /* nobody knows what */
        {FUSE, ROOT, NULL},
        {FUSE, ROOT "30 21 0:44 / /mnt/a rw - fuse.sshfs host:/ rw\n", "lies on a network file system (fuse.sshfs)"},
        {FUSE, ROOT "30 21 0:44 / /mnt/a rw shared:7 master:3 - fuse.s3fs s3fs rw\n31 21 0:45 / /b rw - tmpfs tmpfs rw\n",
         "(fuse.s3fs)"},
        {FUSE, "30 21 0:45 / /mnt/a rw - fuse.sshfs host:/ rw\n" ROOT, NULL},         /* another one */
        {FUSE, "30 21 0:44 / /mnt/a rw - fuse.ntfs-3g /dev/sdb1 rw\n" ROOT, NULL},    /* a disk */
        {FUSE, "nonsense\n30 21 0:44 / /mnt/a rw -\n30 21 x / - fuse.sshfs\n", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct carom_error err = {0};
        machine.magic = cases[i].magic;
        machine.table = cases[i].table;
        int got = carom_netfs_check("/mnt/a/carom.db", &err);
        if (got != (cases[i].want ? -1 : 0) || (cases[i].want && !strstr(err.text, cases[i].want)))
            fail_msg("case %zu: got %d '%s', want '%s'", i, got, err.text, cases[i].want ? cases[i].want : "");
        assert_string_equal(machine.asked, "/mnt/a");
    }
}

static void test_where_it_lies(void **state)
{
    static const char *const cases[][2] = {{"carom.db", "."}, {"/carom.db", "/"}, {"a/b/carom.db", "a/b"}};
    struct carom_error err = {0};
    (void)state;
    machine.magic = EXT4;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(carom_netfs_check(cases[i][0], &err), 0);
        assert_string_equal(machine.asked, cases[i][1]);
    }
    machine.error = EACCES;
    assert_int_equal(carom_netfs_check("/a/carom.db", &err), -1);
    assert_string_equal(err.text, "/a/carom.db: cannot open the ledger: the directory /a: Permission denied");
    machine.error = ENOENT;
    assert_int_equal(carom_netfs_check("/a/carom.db", &err), -1);
    assert_non_null(strstr(err.text, "make it, or name another with --state or --store"));
    machine.error = 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_what_is_mounted), cmocka_unit_test(test_where_it_lies)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
