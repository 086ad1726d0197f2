/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Whoever is free takes what is farthest down the belt: so loads leave as soon as they can, and their memory is still
   warm; but the first station is kept ahead. One lock for the bookkeeping; loads are large enough that nobody waits for it. */

#include "base/conveyor.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

enum { STATIONS_MAX = 8 };

struct belt {
    const struct carom_conveyor *conveyor;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct {
        uint64_t next; /* the load to take, counted from the beginning */
        bool busy;     /* of those in order */
    } stations[STATIONS_MAX];
    size_t *passed;     /* by loads: how many stations */
    uint64_t end;       /* how many loads there are in all; UINT64_MAX: not known yet */
    uint64_t left;      /* how many have left the belt */
    unsigned threads;   /* those that there are */
    bool failed;
    struct carom_error err;
};

struct task {
    size_t station;
    uint64_t load;
};

static size_t place_of(const struct belt *belt, uint64_t load)
{
    return (size_t)(load % belt->conveyor->loads_n);
}

/* Is there something to do at that station? */
static bool is_ready(const struct belt *belt, size_t station)
{
    uint64_t next = belt->stations[station].next;
    if (belt->stations[station].busy || next >= belt->end)
        return false;
    if (station == 0) /* the place must be free again */
        return next < belt->left + belt->conveyor->loads_n;
    return next < belt->stations[0].next && belt->passed[place_of(belt, next)] == station;
}

static bool take_at(struct belt *belt, size_t station, struct task *task_r)
{
    if (!is_ready(belt, station))
        return false;
    *task_r = (struct task){station, belt->stations[station].next++};
    if (station == 0)
        belt->passed[place_of(belt, task_r->load)] = 0;
    belt->stations[station].busy = !belt->conveyor->stations[station].side_by_side;
    return true;
}

/* The first station is a load ahead for each thread, so that hardly ever one waits for another who fills his. Who
   is alone lets what he filled go on before he waits for more. */
static bool is_ahead(const struct belt *belt)
{
    return belt->stations[0].next - belt->stations[1].next >= belt->threads;
}

static bool take(struct belt *belt, struct task *task_r)
{
    for (size_t station = belt->conveyor->n; --station > 1;)
        if (take_at(belt, station, task_r))
            return true;
    return (!is_ahead(belt) && take_at(belt, 0, task_r)) || take_at(belt, 1, task_r) || take_at(belt, 0, task_r);
}

static void done(struct belt *belt, const struct task *task, int result, const struct carom_error *err)
{
    belt->stations[task->station].busy = false;
    belt->passed[place_of(belt, task->load)] = task->station + 1;
    if (result > 0)
        belt->end = task->load;
    else if (task->station + 1 == belt->conveyor->n)
        belt->left++;
    if (result < 0 && !belt->failed) {
        belt->failed = true;
        belt->err = *err;
    }
    pthread_cond_broadcast(&belt->changed);
}

static void *work(void *user)
{
    struct belt *belt = user;
    struct task task;

    pthread_mutex_lock(&belt->lock);
    while (!belt->failed && belt->left < belt->end) {
        struct carom_error err = {0};
        if (!take(belt, &task)) {
            pthread_cond_wait(&belt->changed, &belt->lock);
            continue;
        }
        pthread_mutex_unlock(&belt->lock);
        int result = belt->conveyor->stations[task.station].work(
            belt->conveyor->user, belt->conveyor->loads[place_of(belt, task.load)], &err);
        pthread_mutex_lock(&belt->lock);
        done(belt, &task, result, &err);
    }
    pthread_mutex_unlock(&belt->lock);
    return NULL;
}

int carom_conveyor_run(const struct carom_conveyor *conveyor, struct carom_error *err)
{
    struct belt belt = {.conveyor = conveyor, .end = UINT64_MAX, .threads = 1, .passed = calloc(conveyor->loads_n, sizeof(size_t))};
    pthread_t threads[CAROM_CONVEYOR_THREADS];
    unsigned n = 0;

    if (!belt.passed)
        return carom_error_memory(err);
    pthread_mutex_init(&belt.lock, NULL);
    pthread_cond_init(&belt.changed, NULL);
    while (n + 1 < conveyor->threads && n < CAROM_CONVEYOR_THREADS && pthread_create(&threads[n], NULL, work, &belt) == 0) {
        pthread_mutex_lock(&belt.lock);
        belt.threads = 1 + ++n;
        pthread_mutex_unlock(&belt.lock);
    }
    work(&belt);
    while (n > 0)
        pthread_join(threads[--n], NULL);
    pthread_cond_destroy(&belt.changed);
    pthread_mutex_destroy(&belt.lock);
    free(belt.passed);
    if (belt.failed && err)
        *err = belt.err;
    return belt.failed ? -1 : 0;
}

unsigned carom_conveyor_processors(void)
{
    cpu_set_t set;
    int n = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
    return n < 1 ? 1 : n > CAROM_CONVEYOR_THREADS ? CAROM_CONVEYOR_THREADS : (unsigned)n;
}
