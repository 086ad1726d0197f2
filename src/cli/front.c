/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The message stands in memory, or from 256 KiB on in a file of the spool, before the worker is forked: that one has its
   own copy of the memory, and cannot spoil ours. A mail server's process that is killed ends our input in mid-message as
   if that were all; its death shows in our parent, a moment later, or in the parent of the shell that it ran us by. */

#include "cli/front.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/date.h"
#include "base/error.h"
#include "cli/spooled.h"
#include "input/source.h"
#include "input/spool.h"

enum { MEMORY = 256 << 10, SETTLE_NS = 2 * 1000 * 1000, SECOND_NS = 1000 * 1000 * 1000 };

struct taking {
    struct carom_front *front;
    pid_t parent, above;    /* above: the parent's parent; 0: not known */
    struct timespec ended;  /* of the input */
    size_t n;               /* bytes in memory; all in the draft, where it is begun */
    uint64_t in_draft;
    struct carom_spool_draft draft;
    uint64_t policy;        /* fingerprint of what the worker loads */
    bool truncated, kept;
    struct carom_error kept_err;
};

static char memory[MEMORY];

void carom_front_set_up(void)
{
    sigset_t none;
    int fd = 0;

    while (fd >= 0 && fd <= STDERR_FILENO) /* a closed one would become our socket, or a file of ours */
        fd = open("/dev/null", O_RDWR);
    if (fd > STDERR_FILENO)
        close(fd);
    alarm(0);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* then the write fails, and says so */
    umask(0007);
}

/* ---- The message ---- */

static int read_some(char *out, size_t size, size_t *n_r, struct carom_error *err)
{
    for (;;) {
        ssize_t n = read(STDIN_FILENO, out, size);
        if (n < 0 && errno == EINTR)
            continue;
        *n_r = n > 0 ? (size_t)n : 0;
        return n >= 0 ? 0 : carom_error_set(err, CAROM_ERROR_IO, "pipe: cannot read stdin: %s", strerror(errno));
    }
}

static int begin_draft(struct taking *taking, struct carom_error *err)
{
    const struct carom_front *front = taking->front;
    if (!front->spool) {
        *err = front->spool_err;
        return -1;
    }
    if (carom_arena_guard(front->arena))
        return carom_error_memory(err);
    int result = carom_engine_state_make(front->arena, carom_str(front->spool), front->place->state, err);
    carom_arena_unguard(front->arena);
    if (result != 0 || carom_spool_begin(&taking->draft, front->spool, &front->envelope, err) != 0)
        return -1;
    return carom_spool_write(&taking->draft, memory, taking->n, err);
}

/* What does not fit goes to the draft, after what did. */
static int copy(struct taking *taking, struct carom_error *err)
{
    size_t n = 1;

    while (n > 0 && taking->n < MEMORY) {
        if (read_some(memory + taking->n, MEMORY - taking->n, &n, err) != 0)
            return -1;
        taking->n += n;
    }
    while (n > 0) {
        static char more[64 << 10];
        if (read_some(more, sizeof(more), &n, err) != 0)
            return -1;
        if (n == 0)
            break;
        if (!taking->in_draft && begin_draft(taking, err) != 0)
            return -1;
        if (!taking->in_draft)
            taking->in_draft = taking->n;
        if (carom_spool_write(&taking->draft, more, n, err) != 0)
            return -1;
        taking->in_draft += n;
    }
    clock_gettime(CLOCK_MONOTONIC, &taking->ended);
    return 0;
}

/* In the worker. */
static int message(void *user, struct carom_str *bytes_r, struct carom_envelope *envelope_r, struct carom_error *err)
{
    const struct taking *taking = user;

    *envelope_r = taking->front->envelope;
    *bytes_r = carom_str_n(memory, taking->n);
    if (!taking->in_draft)
        return 0;
    if (taking->in_draft > CAROM_INPUT_MAX)
        return carom_error_set(err, CAROM_ERROR_LIMIT, "larger than %d bytes: not read", CAROM_INPUT_MAX);
    size_t size = (size_t)(taking->draft.message + taking->in_draft);
    char *file = mmap(NULL, size, PROT_READ, MAP_PRIVATE, taking->draft.fd, 0);
    if (file == MAP_FAILED)
        return carom_error_set(err, CAROM_ERROR_MEMORY, "cannot map the message: %s", strerror(errno));
    *bytes_r = carom_str_n(file + taking->draft.message, (size_t)taking->in_draft);
    return 0;
}

/* ---- Is it whole? ---- */

/* 0: not known. The name in the line may hold anything, a parenthesis too. */
static pid_t parent_of(pid_t process)
{
    char path[40], line[512];
    long parent = 0;

    snprintf(path, sizeof(path), "/proc/%ld/stat", (long)process);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, line, sizeof(line) - 1) : 0;
    if (fd >= 0)
        close(fd);
    line[n > 0 ? n : 0] = '\0';
    const char *rest = strrchr(line, ')');
    return rest && sscanf(rest, ") %*c %ld", &parent) == 1 ? (pid_t)parent : 0;
}

static bool is_whole(struct taking *taking)
{
    struct timespec until = taking->ended;

    until.tv_nsec += SETTLE_NS;
    until.tv_sec += until.tv_nsec / SECOND_NS;
    until.tv_nsec %= SECOND_NS;
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
        continue;
    pid_t parent = getppid(), above = parent_of(parent);
    taking->truncated = parent != taking->parent || (above && taking->above && above != taking->above);
    return !taking->truncated;
}

/* ---- The spool ---- */

static int keep(struct taking *taking, bool killed, const char *why, struct carom_error *err)
{
    const struct carom_front *front = taking->front;
    struct carom_spool_marks marks = {.policy = taking->policy};

    if (!taking->in_draft && begin_draft(taking, err) != 0)
        return -1;
    carom_spooled_tried(&marks, killed, why, carom_date_now_ms());
    if (carom_spool_keep(&taking->draft, &marks, err) != 0)
        return -1;
    taking->kept = true;
    carom_log_printf(&front->log->logger.log, CAROM_LOG_ERROR, "into the spool %s: %s", front->spool, why);
    return 0;
}

/* Some recipients are left out only when they are safe. */
static bool permit(void *user, const struct carom_error *failed)
{
    struct taking *taking = user;

    if (!is_whole(taking))
        return false;
    return !failed || keep(taking, false, failed->text, &taking->kept_err) == 0;
}

static int fail(const struct taking *taking, const struct carom_error *why, const struct carom_error *no_spool,
                struct carom_error *err)
{
    struct carom_error text = {0};

    carom_error_set(&text, why->code, "%s; and not into the spool: %s", why->text, no_spool->text);
    carom_log_printf(&taking->front->log->logger.log, CAROM_LOG_ERROR, "deferred: %s", text.text);
    *err = text;
    return -1;
}

/* The worker has ended. */
static int settle(struct taking *taking, enum carom_worker_end end, struct carom_error *why, struct carom_error *err)
{
    struct carom_error no_spool = {0};

    if (end == CAROM_WORKER_DONE || taking->kept)
        return 0;
    if (taking->kept_err.code)
        return fail(taking, why, &taking->kept_err, err);
    if (taking->truncated || !is_whole(taking))
        return carom_error_set(err, CAROM_ERROR_IO, "pipe: whoever sent the message ended before it was whole");
    if (keep(taking, end == CAROM_WORKER_KILLED, why->text, &no_spool) == 0)
        return 0;
    return fail(taking, why, &no_spool, err);
}

int carom_front_take(struct carom_front *front, struct carom_error *err)
{
    struct taking taking = {.front = front, .parent = getppid(), .draft = {.directory = -1, .fd = -1},
                            .policy = carom_spooled_fingerprint(front->place->policy)};
    const struct carom_worker worker = {.place = front->place, .log = front->log, .deadline_ms = front->deadline_ms,
                                        .decide = front->decide, .message = message, .permit = permit, .user = &taking};
    struct carom_error why = {0};
    taking.above = parent_of(taking.parent);
    int result = copy(&taking, err);

    if (result == 0 && taking.n == 0)
        result = carom_error_set(err, CAROM_ERROR_USAGE, "pipe: stdin was empty: nothing to take");
    if (result == 0)
        result = settle(&taking, carom_worker_run(&worker, &why), &why, err);
    carom_spool_drop(&taking.draft);
    return result;
}
