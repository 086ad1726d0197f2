/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* flock(2), and in front of it a turnstile: who has just let go must queue behind those who wait, or a batch run that
   takes the lock again at once would starve everybody else. It does not know what is locked. */

#include "ledger/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/date.h"

enum { WAIT_MS = 5000, STEP_NS = 500 * 1000 };

int carom_lock_open(struct carom_lock *lock_r, const char *path, struct carom_error *err)
{
    *lock_r = (struct carom_lock){.fd = -1};
    if (asprintf(&lock_r->path, "%s.lock", path) < 0) {
        lock_r->path = NULL;
        return carom_error_memory(err);
    }
    lock_r->fd = open(lock_r->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0660);
    if (lock_r->fd >= 0) {
        /* A mail server's umask must not shut out the group that shares the ledger. */
        if (fchmod(lock_r->fd, 0660) == 0)
            return 0;
    } else if (errno == EEXIST) {
        lock_r->fd = open(lock_r->path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
        if (lock_r->fd >= 0)
            return 0;
    }
    carom_error_set(err, CAROM_ERROR_IO, "%s: cannot open the ledger's lock file: %s; %s", lock_r->path,
                    strerror(errno),
                    errno == ENOENT   ? "make its directory"
                    : errno == ENOSPC ? "free some space"
                                      : "run as the user who owns the ledger, or mend the rights of file and directory");
    carom_lock_close(lock_r);
    return -1;
}

void carom_lock_close(struct carom_lock *lock)
{
    if (lock->fd >= 0)
        close(lock->fd);
    free(lock->path);
    *lock = (struct carom_lock){.fd = -1};
}

static int try_flock(int fd)
{
    return flock(fd, LOCK_EX | LOCK_NB);
}

/* Of the open file, as flock is, so that two engines in two threads queue too. */
static int turnstile(int fd, short type)
{
#ifdef F_OFD_SETLK
    struct flock range = {.l_type = type, .l_whence = SEEK_SET, .l_start = 0, .l_len = 1};
    return fcntl(fd, F_OFD_SETLK, &range);
#else
    (void)fd, (void)type;
    return 0;
#endif
}

static int try_turnstile(int fd)
{
    return turnstile(fd, F_WRLCK);
}

/* Neither lock can be waited for with a limit, short of signals, which belong to the program. */
static int wait_for(struct carom_lock *lock, int (*attempt)(int fd), int64_t deadline, struct carom_error *err)
{
    while (attempt(lock->fd) != 0) {
        if (errno != EWOULDBLOCK && errno != EACCES && errno != EAGAIN && errno != EINTR)
            return carom_error_set(err, CAROM_ERROR_IO, "%s: cannot lock the ledger: %s", lock->path, strerror(errno));
        if (carom_date_elapsed_ms() >= deadline)
            return carom_error_set(err, CAROM_ERROR_BUSY,
                                   "%s: another process has held the ledger for more than %d s; try again later",
                                   lock->path, WAIT_MS / 1000);
        nanosleep(&(struct timespec){.tv_nsec = STEP_NS}, NULL);
    }
    return 0;
}

int carom_lock_take(struct carom_lock *lock, struct carom_error *err)
{
    int64_t deadline = carom_date_elapsed_ms() + WAIT_MS;
    if (wait_for(lock, try_turnstile, deadline, err) != 0)
        return -1;
    int result = wait_for(lock, try_flock, deadline, err);
    turnstile(lock->fd, F_UNLCK);
    return result;
}

void carom_lock_release(struct carom_lock *lock)
{
    flock(lock->fd, LOCK_UN);
}
