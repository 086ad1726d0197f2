/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Runs programs: posix_spawn of a path with an argument vector, never a shell. A child gets its stdin from memory, one
   pipe for what it says, no other descriptor, the environment that it is given, "/" as its directory, default signals
   and a process group of its own, which is ended whole when its time is up. No handler for SIGCHLD is installed: the
   program that embeds us may have its own. Knows no jobs and no sinks. */

#include "outbox/command.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/date.h"
#include "base/str.h"

enum {
    GRACE_MS = 2000, /* from SIGTERM to SIGKILL */
    LOOK_MS = 20,    /* between two looks at a child that closed its output and runs on */
};

struct child {
    pid_t pid;
    int out; /* -1: closed */
    int64_t deadline;
    bool terminated, killed;
    char output[CAROM_COMMAND_OUTPUT_MAX];
    size_t n;
    void *job;
    struct child *next;
};

struct carom_commands {
    struct child *first;
    size_t running;
    int timeout_ms;
};

/* ---- Starting ---- */

/* Not 0 to 2: those are the child's, and dup2 in it must not meet them. */
static int above(int fd)
{
    if (fd < 0 || fd > 2)
        return fd;
    int moved = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    close(fd);
    return moved;
}

/* Memory as a file: no pipe that somebody must feed while the child runs. */
static int open_input(struct carom_str input)
{
    int fd = above(memfd_create("carom-stdin", MFD_CLOEXEC));
    for (size_t at = 0; fd >= 0 && at < input.len;) {
        ssize_t n = write(fd, input.ptr + at, input.len - at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            close(fd);
            return -1;
        }
        at += (size_t)n;
    }
    if (fd >= 0)
        lseek(fd, 0, SEEK_SET);
    return fd;
}

static int open_output(int ends[2])
{
    if (pipe2(ends, O_CLOEXEC) != 0)
        return -1;
    ends[0] = above(ends[0]);
    ends[1] = above(ends[1]);
    if (ends[0] >= 0 && ends[1] >= 0 && fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0)
        return 0;
    for (int i = 0; i < 2; i++)
        if (ends[i] >= 0)
            close(ends[i]);
    return -1;
}

/* An error number. */
static int set_files(posix_spawn_file_actions_t *files, int in, int out)
{
    int bad = posix_spawn_file_actions_adddup2(files, in, 0);
    bad = bad ? bad : posix_spawn_file_actions_adddup2(files, out, 1);
    bad = bad ? bad : posix_spawn_file_actions_adddup2(files, out, 2);
    bad = bad ? bad : posix_spawn_file_actions_addclosefrom_np(files, 3);
    return bad ? bad : posix_spawn_file_actions_addchdir_np(files, "/");
}

static int set_attributes(posix_spawnattr_t *attributes)
{
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    int bad = posix_spawnattr_setsigmask(attributes, &none);
    bad = bad ? bad : posix_spawnattr_setsigdefault(attributes, &all);
    bad = bad ? bad : posix_spawnattr_setpgroup(attributes, 0);
    return bad ? bad : posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                                                POSIX_SPAWN_SETPGROUP);
}

static int spawn(pid_t *pid, const struct carom_command *command, int in, int out)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    int bad = posix_spawn_file_actions_init(&files);
    if (bad)
        return bad;
    bad = posix_spawnattr_init(&attributes);
    if (!bad) {
        bad = set_files(&files, in, out);
        bad = bad ? bad : set_attributes(&attributes);
        bad = bad ? bad : posix_spawn(pid, command->argv[0], &files, &attributes, command->argv, command->environment);
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&files);
    return bad;
}

static bool is_passing(int error)
{
    return error == EAGAIN || error == ENOMEM || error == EMFILE || error == ENFILE || error == ETXTBSY ||
           error == EINTR;
}

int carom_commands_start(struct carom_commands *commands, const struct carom_command *command, struct carom_error *err)
{
    struct child *child = calloc(1, sizeof *child);
    int ends[2] = {-1, -1}, in = -1, bad = 0;
    if (!child)
        return carom_error_memory(err);
    if (open_output(ends) != 0 || (in = open_input(command->input)) < 0)
        bad = errno;
    if (!bad)
        bad = spawn(&child->pid, command, in, ends[1]);
    if (in >= 0)
        close(in);
    if (ends[1] >= 0)
        close(ends[1]);
    if (bad) {
        if (ends[0] >= 0)
            close(ends[0]);
        free(child);
        carom_error_set(err, CAROM_ERROR_IO, "%s: cannot be run: %s", command->argv[0], strerror(bad));
        return is_passing(bad) ? -1 : 1;
    }
    child->out = ends[0];
    child->job = command->job;
    child->deadline = carom_date_elapsed_ms() + commands->timeout_ms;
    child->next = commands->first;
    commands->first = child;
    commands->running++;
    return 0;
}

/* ---- Watching ---- */

/* What goes beyond the maximum is read and forgotten, so that nobody blocks on us. */
static void read_output(struct child *child)
{
    char bytes[4096];
    while (child->out >= 0) {
        ssize_t got = read(child->out, bytes, sizeof bytes);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && errno == EAGAIN)
            return;
        if (got <= 0) {
            close(child->out);
            child->out = -1;
            return;
        }
        size_t room = sizeof child->output - child->n;
        size_t kept = (size_t)got < room ? (size_t)got : room;
        memcpy(child->output + child->n, bytes, kept);
        child->n += kept;
        if ((size_t)got < sizeof bytes)
            return; /* one that writes without end must not hold up the others */
    }
}

static void hurry(struct child *child, int64_t now)
{
    if (now < child->deadline)
        return;
    if (!child->terminated) {
        child->terminated = true;
        child->deadline = now + GRACE_MS;
        kill(-child->pid, SIGTERM);
    } else if (!child->killed) {
        child->killed = true;
        kill(-child->pid, SIGKILL);
    }
}

/* Has it ended? While it is a zombie its group's number is nobody else's: only then what it left behind is killed. */
static bool has_ended(struct child *child, struct carom_command_end *end)
{
    siginfo_t info = {.si_pid = 0};
    int status = 0;
    if (waitid(P_PID, (id_t)child->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == 0)
        return false;
    if (child->terminated)
        kill(-child->pid, SIGKILL);
    while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR)
        ;
    read_output(child);
    *end = (struct carom_command_end){.output = carom_str_n(child->output, child->n)};
    if (child->terminated) {
        end->how = CAROM_COMMAND_TIMED_OUT;
    } else if (WIFEXITED(status)) {
        end->code = WEXITSTATUS(status);
    } else {
        end->how = CAROM_COMMAND_SIGNALLED;
        end->code = WTERMSIG(status);
    }
    return true;
}

static void child_free(struct child *child)
{
    if (child->out >= 0)
        close(child->out);
    free(child);
}

static void wait_for_output(const struct carom_commands *commands, int wait_ms)
{
    struct pollfd fds[64];
    nfds_t n = 0;
    bool silent = false; /* one of them has closed its output: its end is not heard */
    for (const struct child *child = commands->first; child; child = child->next) {
        if (child->out >= 0 && n < sizeof fds / sizeof fds[0])
            fds[n++] = (struct pollfd){.fd = child->out, .events = POLLIN};
        else
            silent = true;
        int64_t left = child->deadline - carom_date_elapsed_ms();
        if (left < wait_ms)
            wait_ms = left > 1 ? (int)left : 1;
    }
    poll(fds, n, silent || wait_ms < LOOK_MS ? (wait_ms < LOOK_MS ? wait_ms : LOOK_MS) : wait_ms);
}

/* Takes those that ended out of the list first: done may start others. */
static struct child *take_ended(struct carom_commands *commands, struct carom_command_end *end)
{
    for (struct child **at = &commands->first; *at; at = &(*at)->next) {
        struct child *child = *at;
        read_output(child);
        hurry(child, carom_date_elapsed_ms());
        if (!has_ended(child, end))
            continue;
        *at = child->next;
        commands->running--;
        return child;
    }
    return NULL;
}

void carom_commands_poll(struct carom_commands *commands, int wait_ms,
                         void (*done)(void *user, void *job, const struct carom_command_end *end), void *user)
{
    struct carom_command_end end;
    wait_for_output(commands, wait_ms);
    for (struct child *child; (child = take_ended(commands, &end)) != NULL; child_free(child))
        done(user, child->job, &end);
}

/* ---- All of them ---- */

struct carom_commands *carom_commands_new(int timeout_ms)
{
    struct carom_commands *commands = calloc(1, sizeof *commands);
    if (commands)
        commands->timeout_ms = timeout_ms;
    return commands;
}

size_t carom_commands_running(const struct carom_commands *commands)
{
    return commands ? commands->running : 0;
}

void carom_commands_free(struct carom_commands *commands)
{
    if (!commands)
        return;
    for (struct child *child = commands->first, *next; child; child = next) {
        next = child->next;
        kill(-child->pid, SIGKILL);
        while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR)
            ;
        child_free(child);
    }
    free(commands);
}
