/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* carom deliver: works off the spool and the outbox, once or for ever. */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/date.h"
#include "base/error.h"
#include "cli/cli.h"
#include "cli/ledger.h"
#include "cli/logging.h"
#include "cli/print.h"
#include "cli/spooled.h"
#include "ledger/care.h"
#include "outbox/outbox.h"

enum { NOTE_MS = 60 * 1000 };
enum { PRUNE_MS = 2000, PRUNE_WATCH_MS = 200, PRUNE_EVERY_MS = 60 * 1000 };

static volatile bool stopped;

static void stop(int signal_number)
{
    (void)signal_number;
    stopped = true;
}

struct dead_letters {
    struct carom_policy *policy;
    const struct carom_log *log;
};

/* on_dead_letter, where the policy has it; what it says goes to the log. */
static void dead(void *user, const struct carom_job *job)
{
    struct dead_letters *letters = user;
    struct carom_error err = {0};
    struct carom_arena *arena = carom_arena_new();

    if (!arena)
        return;
    if (!carom_arena_guard(arena)) {
        if (carom_policy_dead_letter(letters->policy, arena, job, &err) != 0)
            carom_log_printf(letters->log, CAROM_LOG_ERROR, "%s", err.text);
        carom_arena_unguard(arena);
    }
    carom_arena_free(arena);
}

/* carom status asks when somebody delivered last; once a minute is often enough to write that down. Who holds the ledger
   now may hold it: the next round will do. */
static int note_run(struct carom_ledger *ledger, int64_t *noted, struct carom_error *err)
{
    int64_t now = carom_date_now_ms();
    if (now - *noted < NOTE_MS && now >= *noted)
        return 0;
    int result = ledger->care->note(ledger->store, CAROM_NOTE_DELIVERY, now, err);
    if (result == 0)
        *noted = now;
    return result != 0 && err->code == CAROM_ERROR_BUSY ? 0 : result;
}

/* What nobody released in time is given up. */
static int expire(struct carom_ledger *ledger, const struct carom_config *config, int64_t now, struct carom_error *err)
{
    struct carom_selection old = carom_selection_any();
    struct carom_settled settled;
    old.until = now - config->held.expire_ms;
    return old.until > 0 ? ledger->care->settle_held(ledger->store, &old, config, CAROM_SETTLE_EXPIRE, now, &settled, err)
                         : 0;
}

/* A step after the other: who hands us a bounce may write between two. */
static int remove_old(struct carom_ledger *ledger, const struct carom_config *config, int64_t now, int64_t end,
                      struct carom_error *err)
{
    struct carom_pruned pruned = {0};
    int more = 1;

    while (more > 0 && !stopped && carom_date_now_ms() < end)
        more = ledger->care->prune(ledger->store, config, now, &pruned, err);
    return more;
}

/* What lapses, and retention. *next: when to look again; what is left of a large heap is the next round's. Who holds the
   ledger now may hold it; and what cannot lapse or be removed is no reason to deliver nothing: who watches goes on. */
static int prune(struct carom_ledger *ledger, const struct carom_config *config, const struct carom_log *watch, int64_t *next,
                 struct carom_error *err)
{
    int64_t now = carom_date_now_ms();

    if (now < *next && *next - now <= PRUNE_EVERY_MS)
        return 0;
    const char *doing = "held";
    int more = expire(ledger, config, now, err);
    if (more == 0) {
        doing = "keep";
        more = remove_old(ledger, config, now, now + (watch ? PRUNE_WATCH_MS : PRUNE_MS), err);
    }
    if (more <= 0)
        *next = now + PRUNE_EVERY_MS;
    if (more >= 0 || err->code == CAROM_ERROR_BUSY)
        return 0;
    carom_error_prefix(err, "%s", doing);
    if (watch)
        carom_log_printf(watch, CAROM_LOG_ERROR, "%s", err->text);
    return watch ? 0 : -1;
}

static int say_stopped(void *user, const struct carom_pause *pause)
{
    (void)user;
    fputs("stopped: the sink ", stdout);
    carom_print_cell(stdout, pause->sink, 0);
    fputs(": ", stdout);
    carom_print_cell(stdout, pause->why, 0);
    puts("; once it is mended, carom outbox enable SINK has it tried at once");
    return 0;
}

/* What this run did, and what is left and why: nothing done may mean that nothing was due yet. */
static int say(struct carom_ledger *ledger, const struct carom_outbox_summary *summary, struct carom_error *err)
{
    struct carom_standing standing;
    if (ledger->care->standing(ledger->store, carom_date_now_ms(), &standing, err) != 0)
        return -1;
    printf("done %zu, to be tried again %zu, dead letters %zu; left in the outbox: waiting %lld, pending %lld, dead %lld\n",
           summary->done, summary->failed, summary->dead, (long long)standing.waiting, (long long)standing.pending,
           (long long)standing.dead);
    return ledger->ops->pauses(ledger->store, say_stopped, NULL, err);
}

/* ---- The spool ---- */

/* What cannot be worked off is no reason to deliver nothing. */
static void work_spool(const struct carom_spooled *spooled, bool quiet)
{
    struct carom_spooled_summary summary;
    struct carom_error err = {0};

    if (carom_spooled_work(spooled, &summary, &err) != 0)
        carom_log_printf(&spooled->log->logger.log, CAROM_LOG_ERROR, "%s", err.text);
    if (!quiet && summary.taken + summary.failed + summary.waiting + summary.poison)
        carom_spooled_print(&summary);
}

/* Before the spool is worked off, whose workers only meet another schema and give up. In a process of its own: the spool
   may belong to somebody else than the ledger. false: it cannot be; whoever opens the ledger next says why. */
static bool migrate(const struct carom_cli_place *place)
{
    const struct carom_log silent = {0};
    struct carom_cli_place quiet = *place;
    struct carom_arena *arena;
    struct carom_ledger ledger = {0};
    struct carom_policy *policy;
    struct carom_str url;
    int status = 0;
    pid_t child = fork();

    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    if (child != 0)
        return status == 0;
    quiet.log = &silent;
    if (!(arena = carom_arena_new()) || carom_arena_guard(arena) ||
        carom_cli_ledger_find(arena, &quiet, &policy, &url, NULL) != 0 ||
        (!carom_cli_ledger_is_missing(url) && carom_ledger_open(url.ptr, CAROM_LEDGER_MIGRATE, &ledger, NULL) != 0))
        _exit(EX_IOERR);
    if (ledger.ops)
        carom_ledger_close(&ledger);
    _exit(EX_OK);
}

/* In a process of its own: who works off the spool starts others, and may have no ledger open. It goes when its parent
   does. 0, or -1. */
static int watch_spool(const struct carom_spooled *spooled, pid_t *child_r, struct carom_error *err)
{
    pid_t parent = getpid();

    fflush(NULL);
    if ((*child_r = fork()) < 0)
        return carom_error_set(err, CAROM_ERROR_MEMORY, "cannot start a process for the spool: %s", strerror(errno));
    while (*child_r == 0) {
        signal(SIGINT, SIG_IGN); /* of a whole group: the parent ends it in its turn */
        signal(SIGTERM, SIG_IGN);
        if (getppid() != parent)
            _exit(EX_OK);
        work_spool(spooled, true);
        sleep(1);
    }
    return 0;
}

/* Whoever started us starts us again. */
static int is_watched(pid_t *child, struct carom_error *err)
{
    int status;

    if (*child <= 0 || waitpid(*child, &status, WNOHANG) != *child)
        return 0;
    *child = 0;
    return carom_error_set(err, CAROM_ERROR_IO, "the process that works off the spool has ended (status %d)", status);
}

static void end_watch(pid_t child)
{
    if (child <= 0)
        return;
    kill(child, SIGKILL); /* its worker commits nothing then */
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
        continue;
}

int cmd_deliver(int argc, char **argv)
{
    struct carom_cli_place place = {0};
    const char *log_option = NULL, *spool = NULL, *deadline = NULL;
    struct carom_spooled spooled = {.place = &place};
    bool watch = false, quiet = false, verbose = false;
    const struct carom_option options[] = {
        CAROM_CLI_PLACE_OPTIONS(place),
        CAROM_SPOOLED_OPTION(spool),
        CAROM_SPOOLED_DEADLINE_OPTION(deadline),
        {"watch", CAROM_OPTION_FLAG, &watch, NULL, "go on for ever, looking every second"},
        {"quiet", CAROM_OPTION_FLAG, &quiet, NULL, "no summary"},
        {"verbose", CAROM_OPTION_FLAG, &verbose, NULL, "a line for each delivery"},
        CAROM_CLI_LOG_OPTION(log_option),
        {NULL, 0, NULL, NULL, NULL}};
    char **operands;
    int n = carom_cli_options(argc, argv, options, "--policy FILE [OPTIONS]",
                              "Delivers what is due: webhooks and HTTP calls, signed, in order, until they are done. Works off the spool, removes what is old.",
                              &operands);
    struct carom_error err = {0};
    struct carom_ledger ledger;
    struct carom_cli_log log;
    struct dead_letters letters = {.log = &log.logger.log};
    struct carom_str url, directory;
    pid_t watcher = 0;
    struct carom_outbox_summary summary = {0};
    int64_t noted = 0;
    int64_t next_prune = 0;
    int result;

    if (n < 0)
        return carom_cli_options_exit(n);
    if (!place.policy)
        return carom_cli_usage("deliver", "no policy given: --policy FILE (its sinks say where to deliver)");
    if (n > 0)
        return carom_cli_usage("deliver", "takes no operand '%s'", operands[0]);
    if (!carom_spooled_deadline("deliver", deadline, &spooled.deadline_ms))
        return EX_USAGE;
    if (carom_cli_log_begin(&log, log_option, CAROM_LOG_TO_STDERR, &err) != 0)
        return carom_cli_fail(&err);
    place.log = &log.logger.log;
    struct carom_arena *arena = carom_arena_new();
    if (!arena || carom_arena_guard(arena))
        return carom_cli_no_memory(arena);
    if (carom_spooled_directory(arena, &place, spool, &directory, &err) != 0) {
        carom_arena_free(arena);
        return carom_cli_fail(&err);
    }
    spooled.log = &log;
    spooled.directory = directory.ptr;
    bool fits = migrate(&place);
    if (!watch && fits)
        work_spool(&spooled, quiet);
    else if (fits && watch_spool(&spooled, &watcher, &err) != 0) {
        carom_arena_free(arena);
        return carom_cli_fail(&err);
    }
    if (carom_cli_ledger(arena, &place, CAROM_LEDGER_MIGRATE, watch, &ledger, &letters.policy, &url, &err) != 0) {
        end_watch(watcher);
        carom_arena_free(arena);
        return carom_cli_fail(&err);
    }
    carom_cli_log_policy(&log, carom_policy_config(letters.policy));
    if (verbose)
        log.logger.settings.level = CAROM_LOG_DEBUG;
    signal(SIGINT, stop);
    signal(SIGTERM, stop);
    const struct carom_outbox_options outbox = {
        .log = place.log, .stop = &stopped, .dead = dead, .user = &letters};
    do {
        result = carom_outbox_deliver(&ledger, carom_policy_config(letters.policy), &outbox, &summary, &err);
        if (result == 0)
            result = note_run(&ledger, &noted, &err);
        if (result == 0)
            result = prune(&ledger, carom_policy_config(letters.policy), watch ? place.log : NULL, &next_prune, &err);
        if (result != 0 && watch && err.code == CAROM_ERROR_BUSY)
            result = 0; /* the next round will do */
        if (!quiet && !watch && result == 0)
            result = say(&ledger, &summary, &err);
        if (watch && !stopped)
            sleep(1);
        if (result == 0)
            result = is_watched(&watcher, &err);
    } while (watch && !stopped && result == 0);
    end_watch(watcher);
    carom_ledger_close(&ledger);
    carom_policy_free(letters.policy);
    carom_arena_free(arena);
    if (result != 0)
        return carom_cli_fail(&err);
    return summary.unset && !watch ? EX_CONFIG : EX_OK; /* the log has named what is missing */
}
