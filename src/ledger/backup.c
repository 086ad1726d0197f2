/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The moment is a read transaction that is begun under the write lock, which is let go at once: writers of a write-ahead
   log are not held up by who reads an older state of it.

   A message goes from the spool into the ledger, never back. So the spool is copied before that moment, and what came
   since once more at the moment: what is in neither copy of the spool was in the ledger by then. What is in both comes
   twice after a restore, and is known. */

#include "ledger/backup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "ledger/db.h"

enum { DEPTH_MAX = 8, BLOCK = 1 << 16, PATH_SIZE = 4096, PLACE_SIZE = PATH_SIZE - 32 /* room for our own names in it */ };

/* ---- Files ---- */

static int failed(struct carom_error *err, const char *path, const char *doing)
{
    return carom_error_set(err, CAROM_ERROR_IO, "%s: cannot %s: %s%s", path, doing, strerror(errno),
                           errno == ENOSPC   ? "; free some space"
                           : errno == EACCES ? "; give a place that the owner of the ledger may write to"
                                             : "");
}

static int join(char *path, int size, const char *directory, const char *name, struct carom_error *err)
{
    int n = snprintf(path, (size_t)size, "%s%s", directory, name);
    return n > 0 && n < size ? 0 : carom_error_set(err, CAROM_ERROR_USAGE, "%.200s…: the name is too long", path);
}

/* For what we name ourselves: SQLite opens no path of more than 512 bytes, and the place of the backup is a short one. */
static const char *beside(char path[PATH_SIZE], const char *directory, const char *name)
{
    snprintf(path, PATH_SIZE, "%s%s", directory, name);
    return path;
}

static int sync_path(const char *path, struct carom_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int result = fd >= 0 && fsync(fd) == 0 ? 0 : failed(err, path, "write");
    if (fd >= 0)
        close(fd);
    return result;
}

static int pour(int from, int to)
{
    char block[BLOCK];
    ssize_t n;

    while ((n = read(from, block, sizeof(block))) > 0)
        for (ssize_t done = 0, m; done < n; done += m)
            if ((m = write(to, block + done, (size_t)(n - done))) < 0)
                return -1;
    return n == 0 ? fsync(to) : -1;
}

/* With its time, by which the copy is known to be one. */
static int copy_open(int from, const struct stat *info, const char *target, struct carom_error *err)
{
    const struct timespec times[2] = {info->st_mtim, info->st_mtim};
    int to = open(target, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, info->st_mode & 0770);

    if (to < 0)
        return failed(err, target, "write the backup");
    int result = pour(from, to) == 0 && futimens(to, times) == 0 ? 0 : failed(err, target, "write the backup");
    return close(to) == 0 || result != 0 ? result : failed(err, target, "write the backup");
}

/* 1 copied; 0: there is no such file (any more), no regular one, or it was copied already. */
static int copy_file(const char *source, const char *target, struct carom_error *err)
{
    struct stat info, copy;
    int from = open(source, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

    if (from < 0)
        return errno == ENOENT || errno == ELOOP || errno == ENXIO ? 0 : failed(err, source, "read");
    bool wanted = fstat(from, &info) == 0 && S_ISREG(info.st_mode) &&
                  !(lstat(target, &copy) == 0 && copy.st_size == info.st_size &&
                    copy.st_mtim.tv_sec == info.st_mtim.tv_sec && copy.st_mtim.tv_nsec == info.st_mtim.tv_nsec);
    int result = wanted ? copy_open(from, &info, target, err) : 0;
    close(from);
    return result != 0 ? -1 : wanted;
}

/* ---- The spool ---- */

static int copy_entry(const char *source, const char *target, int depth, int64_t *n, struct carom_error *err);

static int copy_directory(const char *source, const char *target, int depth, int64_t *n, struct carom_error *err)
{
    DIR *directory = opendir(source);
    const struct dirent *entry;
    int result = 0;

    if (!directory)
        return errno == ENOENT ? 0 : failed(err, source, "read the spool");
    if (mkdir(target, 0700) != 0 && errno != EEXIST)
        result = failed(err, target, "make the backup");
    while (result == 0 && (entry = readdir(directory))) {
        char from[PATH_SIZE], to[PATH_SIZE], name[260];
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
            continue;
        snprintf(name, sizeof(name), "/%s", entry->d_name);
        result = join(from, PATH_SIZE, source, name, err) == 0 && join(to, PATH_SIZE, target, name, err) == 0
                     ? copy_entry(from, to, depth, n, err)
                     : -1;
    }
    closedir(directory);
    return result == 0 ? sync_path(target, err) : -1;
}

static int copy_entry(const char *source, const char *target, int depth, int64_t *n, struct carom_error *err)
{
    struct stat info;

    if (lstat(source, &info) != 0)
        return errno == ENOENT ? 0 : failed(err, source, "read the spool");
    if (S_ISDIR(info.st_mode))
        return depth < DEPTH_MAX ? copy_directory(source, target, depth + 1, n, err)
                                 : carom_error_set(err, CAROM_ERROR_LIMIT, "%s: too deep for a spool", source);
    int copied = copy_file(source, target, err);
    *n += copied > 0;
    return copied < 0 ? -1 : 0;
}

static int copy_spool(const char *spool, const char *to, int64_t *n, struct carom_error *err)
{
    char target[PATH_SIZE];
    return spool ? copy_directory(spool, beside(target, to, "/spool"), 0, n, err) : 0;
}

/* ---- The ledger ---- */

static int copy_key(const struct carom_db *db, const char *to, struct carom_backup *backup, struct carom_error *err)
{
    char source[PATH_SIZE], target[PATH_SIZE];
    int copied = copy_file(beside(source, db->path, ".key"), beside(target, to, "/carom.db.key"), err);
    backup->key = copied > 0;
    return copied < 0 ? -1 : 0;
}

/* Under the lock, as shortly as can be. */
static int fix_moment(struct carom_db *db, const char *spool, const char *to, struct carom_backup *backup,
                      struct carom_error *err)
{
    int64_t any;
    if (carom_lock_take(&db->lock, err) != 0)
        return -1;
    int result = carom_db_execute(db, "BEGIN", "read", err) == 0 &&
                         carom_db_pragma(db, "SELECT count(*) FROM sqlite_schema", &any, err) == 0 &&
                         copy_key(db, to, backup, err) == 0
                     ? copy_spool(spool, to, &backup->spooled, err)
                     : -1;
    carom_lock_release(&db->lock);
    return result;
}

/* One file, without a log beside it. */
static int copy_pages(struct carom_db *db, sqlite3 *target, const char *path, struct carom_error *err)
{
    sqlite3_backup *copying = sqlite3_backup_init(target, "main", db->handle, "main");
    int code = copying ? sqlite3_backup_step(copying, -1) : sqlite3_errcode(target);
    if (copying)
        sqlite3_backup_finish(copying);
    if (code == SQLITE_DONE)
        code = sqlite3_exec(target, "PRAGMA journal_mode=DELETE", NULL, NULL, NULL);
    return code == SQLITE_OK ? 0
                             : carom_error_set(err, CAROM_ERROR_IO, "%s: cannot write the backup: %s", path, sqlite3_errstr(code));
}

static int copy_ledger(struct carom_db *db, const char *to, int64_t *bytes_r, struct carom_error *err)
{
    char path[PATH_SIZE];
    struct stat info;
    sqlite3 *target = NULL;
    int fd, result;

    beside(path, to, "/carom.db");
    if ((fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0660)) < 0)
        return failed(err, path, "write the backup");
    close(fd);
    int code = sqlite3_open_v2(path, &target, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    result = code == SQLITE_OK ? copy_pages(db, target, path, err)
                               : carom_error_set(err, CAROM_ERROR_IO, "%s: cannot write the backup: %s", path, sqlite3_errstr(code));
    sqlite3_close(target);
    if (result == 0 && (stat(path, &info) != 0 || !info.st_size))
        result = failed(err, path, "find the backup");
    *bytes_r = result == 0 ? (int64_t)info.st_size : 0;
    return result == 0 ? sync_path(path, err) : -1;
}

/* ---- The whole ---- */

static int copy_all(struct carom_db *db, const char *spool, const char *to, struct carom_backup *backup,
                    struct carom_error *err)
{
    if (copy_spool(spool, to, &backup->spooled, err) != 0 || fix_moment(db, spool, to, backup, err) != 0 ||
        copy_ledger(db, to, &backup->bytes, err) != 0)
        return -1;
    return carom_db_execute(db, "COMMIT", "read", err) == 0 ? sync_path(to, err) : -1;
}

/* Its new name is on the disk when the directory above is. */
static int publish(const char *part, const char *to, struct carom_error *err)
{
    char above[PATH_SIZE];
    struct carom_str path = carom_str(to);
    size_t slash = carom_str_rchr(path, '/');

    if (rename(part, to) != 0)
        return failed(err, to, "finish the backup");
    path = slash == SIZE_MAX ? CAROM_STR(".") : carom_str_head(path, slash ? slash : 1);
    snprintf(above, sizeof(above), CAROM_STR_FMT, CAROM_STR_ARG(path));
    return sync_path(above, err);
}

int carom_sqlite_backup(const char *path, const char *spool, const char *to, struct carom_backup *backup_r,
                        struct carom_error *err)
{
    struct carom_db db;
    char part[PLACE_SIZE];
    struct stat info;
    int result = -1;

    *backup_r = (struct carom_backup){0};
    if (join(part, PLACE_SIZE, to, ".part", err) != 0)
        return -1;
    if (lstat(to, &info) == 0)
        return carom_error_set(err, CAROM_ERROR_USAGE, "%s: is there already, and a backup overwrites nothing: give another name", to);
    if (carom_db_open(&db, path, CAROM_DB_LOOK, err) != 0)
        return -1;
    if (mkdir(part, 0700) != 0)
        errno == EEXIST ? carom_error_set(err, CAROM_ERROR_USAGE,
                                          "%s: is there: a backup that was broken off, or one that is being made; remove it", part)
                        : failed(err, part, "make the backup");
    else if (carom_lock_open(&db.lock, db.path, err) == 0 && copy_all(&db, spool, part, backup_r, err) == 0)
        result = publish(part, to, err);
    carom_db_close(&db);
    return result;
}
