/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The two talk over a socket pair in records of one size: the worker asks whether it may commit, and says how it ended;
   the other answers the question. Who started it may be gone: then the question is answered by the end of file, and
   nothing is committed. */

#include "cli/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/date.h"
#include "base/error.h"
#include "cli/owner.h"

enum { REAP_MS = 2000, REAP_STEP_MS = 1 };

enum record_type { ASK, END };
struct record {
    enum record_type type;
    enum carom_worker_end end;
    struct carom_error err;
};

/* ---- The worker ---- */

struct carom_worker_door {
    int socket;
    struct carom_error failed; /* what it was allowed to leave out */
};

int carom_worker_ask(void *user, const struct carom_error *failed, struct carom_error *err)
{
    struct carom_worker_door *door = user;
    struct record record = {.type = ASK};
    char answer = 'n';

    if (failed)
        record.err = door->failed = *failed;
    bool answered = send(door->socket, &record, sizeof(record), MSG_NOSIGNAL) == sizeof(record) &&
                    recv(door->socket, &answer, 1, 0) == 1;
    if (answered && answer == 'y')
        return 0;
    if (answered && failed) /* what failed can be kept nowhere */
        return carom_error_set(err, failed->code, "%s", failed->text);
    return carom_error_set(err, CAROM_ERROR_BUSY, "given up before the commit: who handed the message over is gone");
}

/* The mail server's descriptors are the other one's: a server waits until the last one of them is closed. The alarm is
   for the case that nobody is left to kill us. */
static void set_up(const struct carom_worker *worker)
{
    int null = open("/dev/null", O_RDWR);

    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (null < 0 || dup2(null, fd) < 0)
            close(fd);
    if (null > STDERR_FILENO)
        close(null);
    signal(SIGALRM, SIG_DFL);
    signal(SIGINT, SIG_IGN); /* of a whole group: it must not look as if the message had done it */
    signal(SIGTERM, SIG_IGN);
    alarm((unsigned)(worker->deadline_ms / 1000 + 2));
}

static _Noreturn void work(const struct carom_worker *worker, int socket)
{
    struct carom_worker_door door = {.socket = socket};
    struct record record = {.type = END, .end = CAROM_WORKER_DONE};

    set_up(worker);
    carom_cli_act_as_self();
    if (worker->decide(worker, &door, &record.err) != 0)
        record.end = CAROM_WORKER_FAILED;
    else if (door.failed.code) {
        record.end = CAROM_WORKER_PARTLY;
        record.err = door.failed;
    }
    send(socket, &record, sizeof(record), MSG_NOSIGNAL);
    _exit(0);
}

/* ---- Who started it ---- */

/* Never waits for ever: a process may hang in the kernel. true: status_r is set. */
static bool reap(pid_t child, int64_t wait_ms, int *status_r)
{
    int64_t end = carom_date_elapsed_ms() + wait_ms;

    for (;;) {
        pid_t got = waitpid(child, status_r, WNOHANG);
        if (got == child)
            return true;
        if ((got < 0 && errno != EINTR) || carom_date_elapsed_ms() >= end)
            return false;
        nanosleep(&(struct timespec){.tv_nsec = REAP_STEP_MS * 1000 * 1000}, NULL);
    }
}

static void kill_it(const struct carom_worker *worker, pid_t child)
{
    int status;

    carom_cli_act_as_self();
    kill(child, SIGKILL);
    carom_cli_act_as_owner(worker->place, NULL);
    reap(child, REAP_MS, &status);
}

/* 1: a record; 0: the time is up; -1: the worker has closed its end. */
static int receive(int socket, int64_t end, struct record *record_r)
{
    for (;;) {
        int64_t left = end - carom_date_elapsed_ms();
        struct pollfd in = {.fd = socket, .events = POLLIN};
        int ready = poll(&in, 1, left > 0 ? (int)left : 0);
        if (ready < 0 && errno == EINTR)
            continue;
        if (ready <= 0)
            return ready;
        return recv(socket, record_r, sizeof(*record_r), 0) == sizeof(*record_r) ? 1 : -1;
    }
}

/* As receive, for the record that ends it. */
static int converse(const struct carom_worker *worker, int socket, int64_t end, struct record *record)
{
    int got;

    while ((got = receive(socket, end, record)) > 0 && record->type == ASK) {
        bool may = !worker->permit || worker->permit(worker->user, record->err.code ? &record->err : NULL);
        send(socket, may ? "y" : "n", 1, MSG_NOSIGNAL);
    }
    return got;
}

static enum carom_worker_end died(pid_t child, const struct carom_worker *worker, struct carom_error *err)
{
    int status = 0;

    if (!reap(child, REAP_MS, &status))
        kill_it(worker, child);
    if (WIFSIGNALED(status))
        carom_error_set(err, CAROM_ERROR_LIMIT, "the worker crashed: signal %d (%s)", WTERMSIG(status),
                        strsignal(WTERMSIG(status)));
    else
        carom_error_set(err, CAROM_ERROR_LIMIT, "the worker ended without a word, status %d", status);
    return CAROM_WORKER_KILLED;
}

static enum carom_worker_end watch(const struct carom_worker *worker, pid_t child, int socket, struct carom_error *err)
{
    int64_t end = carom_date_elapsed_ms() + worker->deadline_ms;
    struct record record;
    int status, got = converse(worker, socket, end, &record);

    if (got < 0)
        return died(child, worker, err);
    if (got == 0) {
        kill_it(worker, child);
        carom_error_set(err, CAROM_ERROR_LIMIT, "the worker did not end within %lld ms and was killed",
                        (long long)worker->deadline_ms);
        return CAROM_WORKER_KILLED;
    }
    if (!reap(child, REAP_MS, &status))
        kill_it(worker, child);
    if (record.end != CAROM_WORKER_DONE && err)
        *err = record.err;
    return record.end;
}

enum carom_worker_end carom_worker_run(const struct carom_worker *worker, struct carom_error *err)
{
    int sockets[2];

    signal(SIGCHLD, SIG_DFL); /* ignored, the worker's end would be lost */
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) != 0) {
        carom_error_set(err, CAROM_ERROR_IO, "cannot make a socket pair: %s", strerror(errno));
        return CAROM_WORKER_FAILED;
    }
    fflush(NULL); /* or both would write it */
    pid_t child = fork();
    if (child == 0) {
        close(sockets[0]);
        work(worker, sockets[1]);
    }
    close(sockets[1]);
    enum carom_worker_end result = CAROM_WORKER_FAILED;
    if (child < 0)
        carom_error_set(err, CAROM_ERROR_MEMORY, "cannot start a worker: %s", strerror(errno));
    else
        result = watch(worker, child, sockets[0], err);
    close(sockets[0]);
    return result;
}
