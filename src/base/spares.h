/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Things that serve again, since making one costs more than using it. Threads may share them; the one used last is handed
   out first. What they are, who keeps them knows. */

#ifndef CAROM_BASE_SPARES_H
#define CAROM_BASE_SPARES_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

enum { CAROM_SPARES = 32 };

struct carom_spares {
    pthread_mutex_t lock; /* PTHREAD_MUTEX_INITIALIZER, or pthread_mutex_init */
    size_t n, max;        /* max: at most CAROM_SPARES */
    void *list[CAROM_SPARES];
};

static inline void *carom_spares_take(struct carom_spares *spares) /* NULL: there is none */
{
    pthread_mutex_lock(&spares->lock);
    void *thing = spares->n ? spares->list[--spares->n] : NULL;
    pthread_mutex_unlock(&spares->lock);
    return thing;
}

/* false: there are enough, and it stays the caller's. */
static inline bool carom_spares_put(struct carom_spares *spares, void *thing)
{
    pthread_mutex_lock(&spares->lock);
    bool room = spares->n < spares->max;
    if (room)
        spares->list[spares->n++] = thing;
    pthread_mutex_unlock(&spares->lock);
    return room;
}

#endif
