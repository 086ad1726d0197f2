/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* carom forget: erases addresses, as data protection law wants it, and says what it cannot reach. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/date.h"
#include "base/error.h"
#include "cli/cli.h"
#include "cli/ledger.h"
#include "cli/owner.h"
#include "cli/print.h"
#include "cli/spooled.h"
#include "ledger/care.h"
#include "ledger/mention.h"
#include "mail/address.h"

enum { DEPTH_MAX = 16, SLICE = 1 << 20, OVERLAP = 1024, SPOOL_WAIT_MS = 15 * 1000 };

struct sinks {
    char *names[256];
    size_t n;
};

static int keep_sink(void *user, struct carom_str sink)
{
    struct sinks *sinks = user;
    for (size_t i = 0; i < sinks->n; i++)
        if (carom_str_eq(carom_str(sinks->names[i]), sink))
            return 0;
    if (sinks->n < sizeof(sinks->names) / sizeof(sinks->names[0]))
        if ((sinks->names[sinks->n] = strndup(sink.ptr, sink.len)))
            sinks->n++;
    return 0;
}

/* ---- Other files of the state directory ---- */

struct search {
    const struct carom_mention *mentions;
    size_t n;
    const char *ledger; /* whose own files are known to be clean */
    size_t found;
    char *block;
};

/* What cannot be read may hold one; what is gone meanwhile does not. */
static void miss(struct search *search, const char *path, int error)
{
    if (error == ENOENT)
        return;
    fprintf(stderr, "carom: forget: %s: cannot look into it: %s\n", path,
            error ? strerror(error) : "it lies too many directories deep");
    search->found++;
}

/* In slices that overlap by more than an address. */
static bool file_holds(struct search *search, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    size_t kept = 0, end;
    bool holds = false;
    ssize_t n = fd;

    while (fd >= 0 && !holds && (n = read(fd, search->block + kept, SLICE)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            break;
        struct carom_str text = carom_str_n(search->block, kept + (size_t)n);
        holds = carom_mention_find(search->mentions, search->n, text, 0, &end) != SIZE_MAX;
        kept = text.len < OVERLAP ? text.len : OVERLAP;
        memmove(search->block, text.ptr + text.len - kept, kept);
    }
    if (n < 0)
        miss(search, path, errno);
    if (fd >= 0)
        close(fd);
    return holds;
}

static void search_directory(struct search *search, const char *path, int depth);

static void search_entry(struct search *search, const char *directory, const char *name, int depth)
{
    struct stat info;
    char *path;

    if (asprintf(&path, "%s/%s", directory, name) < 0) {
        miss(search, directory, ENOMEM);
        return;
    }
    if (lstat(path, &info) != 0)
        miss(search, path, errno);
    else if (S_ISDIR(info.st_mode))
        search_directory(search, path, depth + 1);
    else if (S_ISREG(info.st_mode) && !carom_str_starts(carom_str(path), carom_str(search->ledger)) &&
             file_holds(search, path)) {
        fprintf(stderr, "carom: forget: %s: still holds an address; remove it by hand\n", path);
        search->found++;
    }
    free(path);
}

static void search_directory(struct search *search, const char *path, int depth)
{
    DIR *directory = depth < DEPTH_MAX ? opendir(path) : NULL;
    const struct dirent *entry;

    if (!directory) {
        miss(search, path, depth < DEPTH_MAX ? errno : 0);
        return;
    }
    while ((void)(errno = 0), (entry = readdir(directory)) != NULL)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            search_entry(search, path, entry->d_name, depth);
    if (errno)
        miss(search, path, errno);
    closedir(directory);
}

/* How many files still hold one. */
static size_t search_state(struct carom_arena *arena, const struct carom_str *keys, size_t n, struct carom_str directory,
                           struct carom_str ledger)
{
    struct carom_mention *mentions = carom_arena_array(arena, struct carom_mention, n);
    struct search search = {.mentions = mentions,
                            .n = n,
                            .ledger = ledger.ptr,
                            .block = carom_arena_alloc(arena, SLICE + OVERLAP)};
    for (size_t i = 0; i < n; i++)
        mentions[i] = (struct carom_mention){carom_address_local(keys[i]), carom_address_domain(keys[i])};
    search_directory(&search, directory.ptr, 0);
    return search.found;
}

/* ---- The spool ---- */

struct spool {
    const char *directory;
    int lock;
    size_t removed;
};

static int remove_spooled(void *user, const struct carom_spool_entry *entry, const struct carom_spool_message *message,
                          struct carom_error *err)
{
    struct spool *spool = user;
    (void)message;
    spool->removed++;
    return carom_spool_remove(spool->directory, entry->name, err);
}

/* Locked until the ledger has forgotten too: what is being decided now would come back. */
static int forget_spooled(struct spool *spool, const struct carom_str *keys, size_t n, struct carom_error *err)
{
    struct stat info;

    if (stat(spool->directory, &info) != 0 && errno == ENOENT)
        return 0;
    if ((spool->lock = carom_spool_lock(spool->directory, SPOOL_WAIT_MS, err)) < 0)
        return -1;
    carom_spool_sweep(spool->directory);
    int result = carom_spooled_search(spool->directory, keys, n, remove_spooled, spool, err);
    if (spool->removed)
        printf("undecided  %zu messages removed from the spool %s, with what they said of others\n", spool->removed,
               spool->directory);
    return result;
}

/* ---- The command ---- */

static void print_summary(const struct carom_forgotten *f, const struct sinks *sinks, bool keep_hash)
{
    printf("erased     %lld facts, %lld messages, %lld suppressions, lists left and tags, %lld jobs\n", (long long)f->facts,
           (long long)f->messages, (long long)f->standing, (long long)f->jobs);
    if (f->waiting)
        printf("not told   %lld of the jobs were still to be delivered: see to it that those systems learn of it\n",
               (long long)f->waiting);
    if (f->mentions)
        printf("blotted    out of %lld rows about others\n", (long long)f->mentions);
    if (keep_hash)
        printf("kept       a keyed hash: carom check goes on to say no\n");
    printf("unreached  backups and copies of the ledger; logs of carom and of mail servers; the lists themselves\n");
    for (size_t i = 0; i < sinks->n; i++) {
        fputs("unreached  what was told to the sink ", stdout);
        carom_print_cell(stdout, carom_str(sinks->names[i]), 0);
        putchar('\n');
    }
}

struct request {
    struct carom_cli_place place;
    const char *spool;
    struct carom_str *keys;
    size_t n;
    bool keep_hash;
    size_t left; /* files that still hold one */
};

static int forget_recorded(struct carom_arena *arena, struct request *request, struct carom_error *err)
{
    const struct carom_cli_place *place = &request->place;
    struct carom_forgotten forgotten;
    struct sinks sinks = {.n = 0};
    struct carom_ledger ledger;
    struct carom_policy *policy;
    struct carom_str url, directory;

    if (carom_cli_ledger(arena, place, CAROM_LEDGER_WRITE, false, &ledger, &policy, &url, err) != 0)
        return -1;
    int result = ledger.care->forget(ledger.store, request->keys, request->n, request->keep_hash, carom_date_now_ms(),
                                     keep_sink, &sinks, &forgotten, err);
    carom_ledger_close(&ledger);
    carom_policy_free(policy);
    if (result == 0)
        print_summary(&forgotten, &sinks, request->keep_hash);
    for (size_t i = 0; i < sinks.n; i++)
        free(sinks.names[i]);
    if (result == 0 && (place->state || !place->store) &&
        (result = carom_engine_state_dir(arena, place->state, &directory, err)) == 0)
        request->left = search_state(arena, request->keys, request->n, directory, carom_str_from(url, strlen("sqlite:")));
    return result;
}

/* The spool first: what is decided in between would be recorded anew. */
static int forget(struct carom_arena *arena, struct request *request, struct carom_error *err)
{
    struct spool spool = {.lock = -1};
    struct carom_str directory;

    if (carom_cli_act_as_owner(&request->place, err) != 0)
        return -1;
    int result = carom_spooled_directory(arena, &request->place, request->spool, &directory, err);
    spool.directory = directory.ptr;
    if (result == 0)
        result = forget_spooled(&spool, request->keys, request->n, err);
    carom_cli_act_as_self();
    if (result == 0)
        result = forget_recorded(arena, request, err);
    carom_spool_unlock(spool.lock);
    return result;
}

int cmd_forget(int argc, char **argv)
{
    struct request request = {0};
    const struct carom_option options[] = {
        CAROM_CLI_PLACE_OPTIONS(request.place),
        CAROM_SPOOLED_OPTION(request.spool),
        {"keep-hash", CAROM_OPTION_FLAG, &request.keep_hash, NULL, "keep a keyed hash, so that they stay unmailed"},
        {NULL, 0, NULL, NULL, NULL}};
    char **operands;
    int n = carom_cli_options(argc, argv, options, "[OPTIONS] ADDRESS…",
                              "Erases addresses: facts, whole messages, suppressions, jobs, what waits in the spool, and where they are mentioned.",
                              &operands);
    struct carom_error err = {0};

    if (n < 0)
        return carom_cli_options_exit(n);
    if (n == 0)
        return carom_cli_usage("forget", "no ADDRESS given");
    struct carom_arena *arena = carom_arena_new();
    if (!arena || carom_arena_guard(arena))
        return carom_cli_no_memory(arena);
    struct carom_str *keys = request.keys = carom_arena_array(arena, struct carom_str, (size_t)n);
    int result = 0;
    request.n = (size_t)n;
    for (int i = 0; i < n && result == 0; i++) {
        keys[i] = carom_address_key(arena, carom_str(operands[i]));
        if (!carom_address_valid(keys[i]))
            result = carom_error_set(&err, CAROM_ERROR_USAGE, "forget: '%s' is no address", operands[i]);
    }
    if (result == 0)
        result = forget(arena, &request, &err);
    carom_arena_free(arena);
    return result != 0 ? carom_cli_fail(&err) : request.left ? 1 : EX_OK;
}
