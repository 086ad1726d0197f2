/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* A batch writes several megabytes a second: copied back by a thread with a connection of its own, little is left for the
   one that decides, and nearly nothing for the close. SQLite begins its log anew only where all of it was copied when a
   transaction begins, which in a batch follows at once: so the batch copies the rest itself when the log is long. */

#include "ledger/checkpoint.h"

#include <signal.h>

/* In a batch the same pages are written again and again: the later they are copied, the fewer times. */
enum { FEW = 1000, MANY = 4000, BESIDE = 1000 };

void carom_checkpoint_init(struct carom_checkpoint *checkpoint, const char *path)
{
    *checkpoint = (struct carom_checkpoint){.path = path};
    pthread_mutex_init(&checkpoint->lock, NULL);
    pthread_cond_init(&checkpoint->changed, NULL);
}

/* ---- The thread ---- */

static bool wait_until_wanted(struct carom_checkpoint *checkpoint)
{
    pthread_mutex_lock(&checkpoint->lock);
    checkpoint->busy = false;
    pthread_cond_broadcast(&checkpoint->changed);
    while (!checkpoint->wanted && !checkpoint->ending)
        pthread_cond_wait(&checkpoint->changed, &checkpoint->lock);
    bool goes_on = !checkpoint->ending;
    checkpoint->wanted = false;
    checkpoint->busy = goes_on;
    pthread_mutex_unlock(&checkpoint->lock);
    return goes_on;
}

/* Errors are met again, and told, by the connection that closes last. */
static void *copy_back(void *user)
{
    struct carom_checkpoint *checkpoint = user;
    sqlite3 *handle = NULL;
    bool open = sqlite3_open_v2(checkpoint->path, &handle, SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK &&
                sqlite3_exec(handle, "PRAGMA synchronous=FULL; SELECT 1 FROM sqlite_schema LIMIT 1", NULL, NULL, NULL) ==
                    SQLITE_OK; /* who has read nothing does not know that there is a log */

    while (wait_until_wanted(checkpoint))
        if (open)
            sqlite3_wal_checkpoint_v2(handle, "main", SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    sqlite3_close(handle);
    return NULL;
}

/* Signals are for the one that decides. */
static bool start(struct carom_checkpoint *checkpoint)
{
    sigset_t all, before;

    if (checkpoint->running)
        return true;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    checkpoint->running = pthread_create(&checkpoint->thread, NULL, copy_back, checkpoint) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return checkpoint->running;
}

static void wake(struct carom_checkpoint *checkpoint)
{
    pthread_mutex_lock(&checkpoint->lock);
    checkpoint->wanted = true;
    pthread_cond_broadcast(&checkpoint->changed);
    pthread_mutex_unlock(&checkpoint->lock);
}

/* SQLite lets one copy at a time. */
static void wait_until_idle(struct carom_checkpoint *checkpoint)
{
    pthread_mutex_lock(&checkpoint->lock);
    while (checkpoint->wanted || checkpoint->busy)
        pthread_cond_wait(&checkpoint->changed, &checkpoint->lock);
    pthread_mutex_unlock(&checkpoint->lock);
}

void carom_checkpoint_deinit(struct carom_checkpoint *checkpoint)
{
    if (!checkpoint->path)
        return;
    if (checkpoint->running) {
        pthread_mutex_lock(&checkpoint->lock);
        checkpoint->ending = true;
        pthread_cond_broadcast(&checkpoint->changed);
        pthread_mutex_unlock(&checkpoint->lock);
        pthread_join(checkpoint->thread, NULL);
    }
    pthread_cond_destroy(&checkpoint->changed);
    pthread_mutex_destroy(&checkpoint->lock);
    checkpoint->path = NULL;
}

/* ---- After a commit ---- */

void carom_checkpoint_committed(struct carom_checkpoint *checkpoint, sqlite3 *handle, int pages, bool many)
{
    if (pages < checkpoint->copied) /* it began anew */
        checkpoint->copied = 0;
    if (pages >= (many ? MANY : FEW)) {
        if (checkpoint->running)
            wait_until_idle(checkpoint);
        sqlite3_wal_checkpoint_v2(handle, "main", SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    } else if (many && pages - checkpoint->copied >= BESIDE && start(checkpoint)) {
        checkpoint->copied = pages;
        wake(checkpoint);
    }
}
