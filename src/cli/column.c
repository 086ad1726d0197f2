/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Lines travel on a conveyor in loads of what was there when it was read: so a file goes in large ones, and who writes a
   line and waits is answered. Several threads say of whom the ledger knows nothing; the others it is asked for in their
   order. A line that holds no address is not to be mailed. */

#include "cli/column.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/conveyor.h"
#include "base/error.h"
#include "cli/cli.h"
#include "mail/address.h"

enum { PIECE = 1 << 16, PORTION = 64, LOADS_EACH = 4 };

/* One that the ledger must be asked for. */
struct doubt {
    struct carom_str address, key;
    size_t at; /* its place among what is printed */
    struct doubt *next;
};

struct load {
    struct carom_buf bytes;    /* whole lines */
    struct carom_buf out;      /* of them, what is printed without asking */
    struct carom_str span;     /* behind that, and still in bytes: lines that stand together are copied together */
    struct carom_arena *arena; /* keys and doubts */
    size_t nobodies;           /* lines that are no address */
    struct doubt *first, **last;
};

struct work {
    const struct carom_column *column;
    int fd, failed; /* errno of a read */
    bool ended;
    size_t nobodies; /* in all loads */
    struct carom_buf rest; /* the beginning of a line */
};

/* ---- Reading ---- */

/* false: nothing came. */
static bool read_piece(struct work *work, struct carom_buf *bytes)
{
    ssize_t n = -1;

    if (!carom_buf_reserve(bytes, PIECE))
        return false;
    while (n < 0 && (n = read(work->fd, bytes->ptr + bytes->len, PIECE)) < 0 && errno == EINTR)
        ;
    bytes->len += n > 0 ? (size_t)n : 0;
    work->failed = n < 0 ? errno : 0;
    work->ended = n <= 0;
    return n > 0;
}

/* Until there is a whole line; what stands behind the last one is for the next load. */
static int fill(void *user, void *load_v, struct carom_error *err)
{
    struct work *work = user;
    struct carom_buf *bytes = &((struct load *)load_v)->bytes;
    size_t looked = 0, end = SIZE_MAX;

    carom_buf_clear(bytes);
    carom_buf_add_str(bytes, carom_buf_str(&work->rest));
    carom_buf_clear(&work->rest);
    while (!work->ended && end == SIZE_MAX && !ferror(stdout)) {
        looked = bytes->len;
        if (read_piece(work, bytes))
            end = carom_str_rchr(carom_str_n(bytes->ptr + looked, bytes->len - looked), '\n');
        else if (bytes->failed)
            return carom_error_memory(err);
    }
    if (end != SIZE_MAX) {
        carom_buf_add_str(&work->rest, carom_str_from(carom_buf_str(bytes), looked + end + 1));
        bytes->len = looked + end + 1;
    } else if (bytes->len && !work->failed)
        carom_buf_add_char(bytes, '\n');
    else
        bytes->len = 0;
    if (bytes->failed || work->rest.failed)
        return carom_error_memory(err);
    return bytes->len ? 0 : 1;
}

/* ---- Side by side ---- */

static void copy_span(struct load *load)
{
    carom_buf_add_str(&load->out, load->span);
    load->span = CAROM_STR_EMPTY;
}

/* All lines end, the last one too. */
static void keep(struct load *load, struct carom_str address)
{
    if (load->span.ptr + load->span.len != address.ptr)
        copy_span(load);
    if (!load->span.len)
        load->span.ptr = address.ptr;
    load->span.len += address.len;
    if (address.ptr[address.len] == '\n')
        load->span.len++;
    else {
        copy_span(load);
        carom_buf_add_char(&load->out, '\n');
    }
}

static void doubt(struct load *load, struct carom_str address, struct carom_str key)
{
    copy_span(load);
    struct doubt *it = carom_arena_new_of(load->arena, struct doubt);
    *it = (struct doubt){address, key, load->out.len, NULL};
    *load->last = it;
    load->last = &it->next;
}

static size_t read_lines(struct carom_str *rest, struct carom_str *addresses, size_t max)
{
    size_t n = 0;

    while (n < max && rest->len) {
        size_t end = carom_str_chr(*rest, '\n');
        addresses[n] = carom_str_trim(carom_str_head(*rest, end));
        n += addresses[n].len > 0;
        *rest = carom_str_from(*rest, end + 1);
    }
    return n;
}

static void sift_lines(const struct carom_column *column, struct load *load)
{
    struct carom_str rest = carom_buf_str(&load->bytes), addresses[PORTION], keys[PORTION];
    bool doubtful[PORTION];
    size_t n;

    while ((n = read_lines(&rest, addresses, PORTION)) > 0) {
        for (size_t i = 0; i < n; i++) {
            keys[i] = carom_address_key(load->arena, addresses[i]);
            if (!carom_address_valid(keys[i])) {
                keys[i] = CAROM_STR_EMPTY;
                load->nobodies++;
            }
        }
        column->ledger->ops->sift(column->ledger->store, keys, n, doubtful);
        for (size_t i = 0; i < n; i++)
            if (keys[i].len && doubtful[i])
                doubt(load, addresses[i], keys[i]);
            else if ((keys[i].len == 0) == column->denied)
                keep(load, addresses[i]);
    }
    copy_span(load);
}

static int sift(void *user, void *load_v, struct carom_error *err)
{
    struct work *work = user;
    struct load *load = load_v;

    carom_buf_clear(&load->out);
    carom_arena_reset(load->arena);
    load->nobodies = 0;
    load->first = NULL;
    load->last = &load->first;
    if (carom_arena_guard(load->arena))
        return carom_error_memory(err);
    sift_lines(work->column, load);
    carom_arena_unguard(load->arena);
    return load->out.failed ? carom_error_memory(err) : 0;
}

/* ---- In order ---- */

static void print(struct carom_str lines)
{
    if (lines.len > 0)
        fwrite(lines.ptr, 1, lines.len, stdout);
}

static int answer(void *user, void *load_v, struct carom_error *err)
{
    struct work *work = user;
    const struct carom_column *column = work->column;
    struct load *load = load_v;
    struct carom_str rest = carom_buf_str(&load->out);
    struct carom_refusal refusal;

    work->nobodies += load->nobodies;
    for (const struct doubt *it = load->first; it && !ferror(stdout); it = it->next) {
        int may = column->ledger->ops->check(column->ledger->store, it->key, column->list, column->held, column->now, &refusal, err);
        if (may < 0)
            return -1;
        if ((may != 0) == column->denied)
            continue;
        size_t before = it->at - (load->out.len - rest.len);
        print(carom_str_head(rest, before));
        print(it->address);
        putchar('\n');
        rest = carom_str_from(rest, before);
    }
    print(rest);
    return fflush(stdout) != 0 || ferror(stdout) ? carom_cli_output_error(err, "check") : 0;
}

/* ---- The whole ---- */

static void free_loads(void **loads, size_t n)
{
    for (size_t i = 0; i < n && loads[i]; i++) {
        struct load *load = loads[i];
        carom_buf_deinit(&load->bytes);
        carom_buf_deinit(&load->out);
        carom_arena_free(load->arena);
        free(load);
    }
    free(loads);
}

static void **make_loads(size_t n)
{
    void **loads = calloc(n, sizeof(*loads));

    for (size_t i = 0; loads && i < n; i++) {
        struct load *load = loads[i] = calloc(1, sizeof(*load));
        if (!load || !(load->arena = carom_arena_new())) {
            free_loads(loads, n);
            return NULL;
        }
        load->bytes = load->out = CAROM_BUF_INIT(SIZE_MAX / 2);
        load->span = CAROM_STR_EMPTY;
    }
    return loads;
}

int carom_column_check(const struct carom_column *column, int fd, struct carom_error *err)
{
    static const struct carom_station stations[] = {{fill, false}, {sift, true}, {answer, false}};
    struct work work = {.column = column, .fd = fd, .rest = CAROM_BUF_INIT(SIZE_MAX / 2)};
    struct carom_conveyor conveyor = {.stations = stations, .n = sizeof(stations) / sizeof(stations[0]), .user = &work,
                                      .threads = column->threads, .loads_n = column->threads * (size_t)LOADS_EACH};

    if (column->ledger->ops->prepare(column->ledger->store, err) != 0)
        return -1;
    if (!(conveyor.loads = make_loads(conveyor.loads_n)))
        return carom_error_memory(err);
    int result = carom_conveyor_run(&conveyor, err);
    if (result == 0 && work.failed)
        result = carom_error_set(err, CAROM_ERROR_IO, "check: cannot read the addresses: %s", strerror(work.failed));
    free_loads(conveyor.loads, conveyor.loads_n);
    carom_buf_deinit(&work.rest);
    if (result == 0 && work.nobodies) /* a table, perhaps, of which all would be lost */
        fprintf(stderr, "carom: check: %zu line%s no address, and may not be mailed\n", work.nobodies,
                work.nobodies == 1 ? " is" : "s are");
    return result;
}
