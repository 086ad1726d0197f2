/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Each thread takes the next messages of the source for itself, reads them without asking anybody, and waits for its turn to
   write. It knows nothing of what is read or written. */

#include "cli/parallel.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "cli/cli.h"

enum { BATCH_MESSAGES = 256, BATCH_BYTES = 256 << 10, KEPT_MAX = 4 << 20, BYTES_MAX = 1 << 30 };

struct crew {
    const struct carom_parallel *parallel;
    pthread_mutex_t taking; /* the source, and what follows */
    bool any, ended;
    uint64_t taken;
    pthread_mutex_t writing; /* the output, and what follows */
    pthread_cond_t turned;
    uint64_t turn;
    bool broken; /* the output */
    int code;
};

/* Copies: the source's bytes last until its next message only. Offsets, for the buffer moves as it grows. */
struct batch {
    struct carom_buf bytes;
    struct {
        size_t name, start, length;
        uint64_t index;
        int64_t mtime;
    } messages[BATCH_MESSAGES];
    size_t n;
    uint64_t number;
    bool failed; /* something of it could not be read */
};

static void add_message(struct batch *batch, const struct carom_source_item *item)
{
    size_t n = batch->n, name = n > 0 ? batch->messages[n - 1].name : 0;

    if (n == 0 || strcmp(batch->bytes.ptr + name, item->name.ptr) != 0) {
        name = batch->bytes.len;
        carom_buf_add(&batch->bytes, item->name.ptr, item->name.len + 1);
    }
    batch->messages[n].name = name;
    batch->messages[n].start = batch->bytes.len;
    batch->messages[n].length = item->bytes.len;
    batch->messages[n].index = item->index;
    batch->messages[n].mtime = item->mtime;
    carom_buf_add_str(&batch->bytes, item->bytes);
    batch->n += !batch->bytes.failed;
}

static void fill(struct crew *crew, struct batch *batch)
{
    struct carom_source_item item;
    struct carom_error err = {0};

    while (batch->n < BATCH_MESSAGES && batch->bytes.len < BATCH_BYTES && !batch->bytes.failed) {
        int got = carom_source_next(crew->parallel->source, &item, &err);
        crew->any = crew->any || got != 0;
        crew->ended = got == 0;
        if (crew->ended)
            return;
        batch->failed = batch->failed || got < 0;
        if (got < 0)
            carom_cli_fail(&err);
        else
            add_message(batch, &item);
    }
    if (batch->bytes.failed) { /* the last one found no memory */
        carom_error_memory(&err);
        crew->code = carom_cli_fail(&err);
    }
}

/* The next messages of the source; false: there are none. */
static bool take(struct crew *crew, struct batch *batch)
{
    batch->n = 0;
    batch->failed = false;
    if (batch->bytes.capacity > KEPT_MAX)
        carom_buf_deinit(&batch->bytes);
    carom_buf_clear(&batch->bytes);
    pthread_mutex_lock(&crew->taking);
    bool more = !crew->ended;
    if (more)
        fill(crew, batch);
    batch->number = crew->taken;
    crew->taken += more;
    pthread_mutex_unlock(&crew->taking);
    return more;
}

static int read_batch(struct crew *crew, const struct batch *batch, struct carom_arena *arena, struct carom_print *print)
{
    int code = batch->failed ? EX_NOINPUT : EX_OK;

    for (size_t i = 0; i < batch->n; i++) {
        const struct carom_source_item item = {carom_str(batch->bytes.ptr + batch->messages[i].name), batch->messages[i].index,
                                               carom_str_n(batch->bytes.ptr + batch->messages[i].start,
                                                           batch->messages[i].length), batch->messages[i].mtime};
        struct carom_error err = {0};
        if (crew->parallel->read(arena, &item, print, &err) != 0)
            code = carom_cli_fail(&err);
    }
    return code;
}

/* Writes when all before it is written. false: the output is broken. */
static bool hand_over(struct crew *crew, const struct batch *batch, struct carom_print *print, int code)
{
    pthread_mutex_lock(&crew->writing);
    while (crew->turn != batch->number)
        pthread_cond_wait(&crew->turned, &crew->writing);
    if (!crew->broken && carom_print_flush(print) != 0)
        crew->broken = true;
    if (code != EX_OK)
        crew->code = code;
    crew->turn++;
    pthread_cond_broadcast(&crew->turned);
    bool whole = !crew->broken;
    pthread_mutex_unlock(&crew->writing);
    return whole;
}

static void *work(void *user)
{
    struct crew *crew = user;
    struct batch batch = {.bytes = CAROM_BUF_INIT(BYTES_MAX)};
    struct carom_print print = carom_print_begin(crew->parallel->to);
    struct carom_arena *arena = carom_arena_new();
    bool more = true;

    print.held = true;
    while (more && take(crew, &batch)) {
        int code = arena ? read_batch(crew, &batch, arena, &print) : EX_OSERR;
        more = hand_over(crew, &batch, &print, code);
    }
    carom_arena_free(arena);
    carom_buf_deinit(&batch.bytes);
    carom_buf_deinit(&print.buf);
    return NULL;
}

int carom_parallel_run(const struct carom_parallel *parallel, bool *any_r)
{
    struct crew crew = {.parallel = parallel, .taking = PTHREAD_MUTEX_INITIALIZER, .writing = PTHREAD_MUTEX_INITIALIZER,
                        .turned = PTHREAD_COND_INITIALIZER, .code = EX_OK};
    pthread_t threads[CAROM_PARALLEL_MAX];
    unsigned n = 0;

    while (n + 1 < parallel->threads && pthread_create(&threads[n], NULL, work, &crew) == 0)
        n++; /* with fewer it takes longer */
    work(&crew);
    while (n > 0)
        pthread_join(threads[--n], NULL);
    *any_r = crew.any;
    return crew.broken ? carom_cli_output_failed("parse") : crew.code;
}
