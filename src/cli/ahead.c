/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Messages travel in small loads on a conveyor, in the memory into which they were read: filled, prepared, used. */

#include "cli/ahead.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/conveyor.h"
#include "base/error.h"

/* A load has at least LEAST messages, unless they are large, and ends where little is left of what was read: that must be
   copied. Few loads are under way, so that their memory stays in the caches. */
enum { LOAD = 32, LEAST = 8, LITTLE = 8 << 10, LOAD_BYTES = 1 << 18 };
enum { LOADS_EACH = 2, LOADS_MAX = LOADS_EACH * CAROM_CONVEYOR_THREADS };

struct place {
    size_t name, name_n, bytes; /* in the load's names and its memory */
    struct carom_source_item item;
    void *made;
    struct carom_error unread; /* why, or no code */
};

struct load {
    struct place places[LOAD];
    size_t n, used, bytes; /* bytes: of all messages */
    struct carom_buf names;
    struct carom_window_memory memory; /* where the messages stand */
    uint64_t done, total;              /* bytes of the source, behind it */
};

/* What the stations share. */
struct work {
    const struct carom_ahead *ahead;
    atomic_bool stopped;
};

static bool is_full(const struct load *load, const struct carom_source *source)
{
    return load->n == LOAD || load->bytes >= LOAD_BYTES || (load->n >= LEAST && carom_source_rest(source) < LITTLE);
}

static void put(struct load *load, struct carom_source *source, const struct carom_source_item *item)
{
    struct place *place = &load->places[load->n++];
    *place = (struct place){.name = load->names.len, .name_n = item->name.len, .item = *item, .made = place->made,
                            .bytes = carom_source_hold(source, item)};
    carom_buf_add_str(&load->names, item->name);
    carom_buf_add_char(&load->names, '\0');
    load->bytes += item->bytes.len;
}

/* What they stand in moves while it is filled: only now is it known where. */
static void point(struct load *load)
{
    for (size_t i = 0; i < load->n; i++) {
        struct place *place = &load->places[i];
        place->item.name = carom_str_n(load->names.ptr + place->name, place->name_n);
        place->item.bytes.ptr = load->memory.bytes + place->bytes;
    }
}

static int fill(void *user, void *load_v, struct carom_error *err)
{
    struct work *work = user;
    struct load *load = load_v;
    struct carom_source *source = work->ahead->source;
    struct carom_source_item item;
    int got = 1;

    load->n = load->used = load->bytes = 0;
    carom_buf_clear(&load->names);
    while (!is_full(load, source) && !work->stopped && (got = carom_source_next(source, &item, err)) != 0)
        if (got < 0)
            load->places[load->n++].unread = *err;
        else
            put(load, source, &item);
    if (load->names.failed)
        return carom_error_memory(err);
    if (carom_source_hand_over(source, &load->memory, err) < 0)
        return -1;
    point(load);
    carom_source_progress(source, &load->done, &load->total);
    return load->n ? 0 : 1;
}

static int prepare(void *user, void *load_v, struct carom_error *err)
{
    struct work *work = user;
    struct load *load = load_v;

    for (size_t i = 0; i < load->n; i++)
        if (!load->places[i].unread.code &&
            work->ahead->prepare(work->ahead->user, &load->places[i].item, &load->places[i].made, err) != 0)
            return -1;
    return 0;
}

static int use(void *user, void *load_v, struct carom_error *err)
{
    struct work *work = user;
    struct load *load = load_v;
    int result = 0;

    while (load->used < load->n && result == 0 && !work->stopped) {
        struct place *place = &load->places[load->used++];
        if (place->unread.code)
            work->ahead->unread(work->ahead->user, &place->unread);
        else if ((result = work->ahead->use(work->ahead->user, &place->item, &place->made, err)) > 0)
            work->stopped = true;
    }
    if (work->ahead->stands)
        work->ahead->stands(work->ahead->user, load->done, load->total);
    return result < 0 ? -1 : 0;
}

static void free_loads(const struct carom_ahead *ahead, void **loads, size_t n)
{
    for (size_t i = 0; i < n && loads[i]; i++) {
        struct load *load = loads[i];
        for (size_t k = 0; k < LOAD; k++)
            if (load->places[k].made)
                ahead->drop(load->places[k].made);
        carom_buf_deinit(&load->names);
        free(load->memory.bytes);
        free(load);
    }
}

static bool make_loads(void **loads, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct load *load = calloc(1, sizeof(*load));
        if (!load)
            return false;
        load->names = CAROM_BUF_INIT(1 << 20);
        loads[i] = load;
    }
    return true;
}

int carom_ahead_run(const struct carom_ahead *ahead, struct carom_error *err)
{
    static const struct carom_station stations[] = {{fill, false}, {prepare, true}, {use, false}};
    void *loads[LOADS_MAX] = {NULL};
    size_t n = LOADS_EACH * (size_t)ahead->threads < LOADS_MAX ? LOADS_EACH * (size_t)ahead->threads : LOADS_MAX;
    struct work work = {.ahead = ahead};
    const struct carom_conveyor conveyor = {.stations = stations, .n = sizeof(stations) / sizeof(stations[0]),
                                            .loads = loads, .loads_n = n, .threads = ahead->threads, .user = &work};

    int result = make_loads(loads, n) ? carom_conveyor_run(&conveyor, err) : carom_error_memory(err);
    free_loads(ahead, loads, n);
    return result < 0 ? -1 : work.stopped;
}
