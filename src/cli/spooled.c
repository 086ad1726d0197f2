/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* What a round does with each message: tried, then removed, or marked and left. A message that was killed with its worker
   three times waits for another policy or another carom. */

#include "cli/spooled.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/date.h"
#include "base/error.h"
#include "cli/cli.h"
#include "cli/owner.h"
#include "cli/worker.h"
#include "ledger/mention.h"
#include "mail/address.h"

/* ---- A message ---- */

struct item {
    const char *directory, *name;
    bool gone;
};

/* In the worker, whose end frees it. */
static int message(void *user, struct carom_str *bytes_r, struct carom_envelope *envelope_r, struct carom_error *err)
{
    const struct item *item = user;
    struct carom_spool_message message;
    struct carom_arena *arena = carom_arena_new();

    if (!arena || carom_arena_guard(arena))
        return carom_error_memory(err);
    int found = carom_spool_read(arena, item->directory, item->name, &message, err);
    carom_arena_unguard(arena);
    if (found == 0)
        return carom_error_set(err, CAROM_ERROR_IO, "the spool %s: %s is gone", item->directory, item->name);
    if (found < 0)
        return -1;
    message.envelope.source = "-"; /* as it came */
    *bytes_r = message.bytes;
    *envelope_r = message.envelope;
    return 0;
}

/* 1: taken; 0: it stays; -1: it stays, and so would the others. */
static int try(const struct carom_spooled *spooled, struct carom_spool_entry *entry, uint64_t policy)
{
    struct item item = {.directory = spooled->directory, .name = entry->name};
    const struct carom_worker worker = {.place = spooled->place, .log = spooled->log, .deadline_ms = spooled->deadline_ms,
                                        .decide = carom_worker_decide, .message = message, .user = &item};
    const struct carom_log *log = &spooled->log->logger.log;
    struct carom_error err = {0}, marking = {0};
    enum carom_worker_end end = carom_worker_run(&worker, &err);

    if (end == CAROM_WORKER_DONE && carom_spool_remove(spooled->directory, entry->name, &err) == 0)
        return 1;
    if (entry->marks.policy != policy)
        entry->marks.tries = 0; /* another policy is tried as patiently */
    if (end != CAROM_WORKER_KILLED)
        entry->marks.kills = 0;
    entry->marks.policy = policy;
    carom_spooled_tried(&entry->marks, end == CAROM_WORKER_KILLED, err.text, carom_date_now_ms());
    if (carom_spool_mark(spooled->directory, entry->name, &entry->marks, &marking) != 0)
        carom_log_printf(log, CAROM_LOG_ERROR, "%s", marking.text);
    carom_log_printf(log, CAROM_LOG_WARNING, "%s in the spool %s: %s",
                     carom_spool_is_poison(&entry->marks) ? "set aside" : "still", spooled->directory, err.text);
    return end == CAROM_WORKER_FAILED && err.code == CAROM_ERROR_BUSY ? -1 : 0;
}

static bool is_due(const struct carom_spooled *spooled, const struct carom_spool_marks *marks, uint64_t policy, int64_t now)
{
    if (marks->policy != policy)
        return true;
    /* A clock that went back keeps nobody waiting for longer than ever. */
    return !carom_spool_is_poison(marks) && (spooled->all || marks->due <= now || marks->due > now + CAROM_SPOOLED_WAIT_MAX_MS);
}

static int work(const struct carom_spooled *spooled, struct carom_arena *arena, struct carom_spooled_summary *summary,
                struct carom_error *err)
{
    uint64_t policy = carom_spooled_fingerprint(spooled->place->policy);
    struct carom_spool_entry *entries;
    int going = 0;
    size_t n;

    carom_spool_sweep(spooled->directory);
    if (carom_spool_list(arena, spooled->directory, &entries, &n, err) != 0)
        return -1;
    for (size_t i = 0; i < n; i++) {
        bool due = going >= 0 && is_due(spooled, &entries[i].marks, policy, carom_date_now_ms());
        if (due && (going = try(spooled, &entries[i], policy)) == 1)
            summary->taken++;
        else if (carom_spool_is_poison(&entries[i].marks))
            summary->poison++;
        else if (due)
            summary->failed++;
        else
            summary->waiting++;
    }
    return 0;
}

static bool is_there(const char *directory)
{
    struct stat info;
    return stat(directory, &info) == 0 || errno != ENOENT;
}

int carom_spooled_work(const struct carom_spooled *spooled, struct carom_spooled_summary *summary_r,
                       struct carom_error *err)
{
    struct carom_arena *arena = NULL;
    int lock = -1, result = -1;

    *summary_r = (struct carom_spooled_summary){0};
    if (carom_cli_act_as_owner(spooled->place, err) != 0)
        return -1;
    if (!is_there(spooled->directory)) {
        result = 0;
    } else if ((lock = carom_spool_lock(spooled->directory, 0, err)) < 0) {
        result = err->code == CAROM_ERROR_BUSY ? 0 : -1;
    } else if (!(arena = carom_arena_new())) {
        carom_error_memory(err);
    } else {
        result = work(spooled, arena, summary_r, err);
    }
    carom_arena_free(arena);
    carom_spool_unlock(lock);
    carom_cli_act_as_self();
    return result;
}

void carom_spooled_print(const struct carom_spooled_summary *summary)
{
    printf("spool: taken %zu, failed again %zu, waiting %zu, set aside %zu\n", summary->taken, summary->failed,
           summary->waiting, summary->poison);
}

/* ---- Looking ---- */

void carom_spooled_look(struct carom_arena *arena, const char *directory, struct carom_spooled_standing *standing_r)
{
    struct carom_spool_entry *entries;
    size_t n;

    *standing_r = (struct carom_spooled_standing){.directory = directory};
    if (carom_spool_list(arena, directory, &entries, &n, &standing_r->err) != 0)
        return;
    for (size_t i = n; i-- > 0;) {
        bool poison = carom_spool_is_poison(&entries[i].marks);
        char *why = poison ? standing_r->poison_why : standing_r->why;
        standing_r->poison += poison;
        standing_r->waiting += !poison;
        standing_r->oldest = entries[i].since;
        snprintf(why, sizeof(standing_r->why), "%s", entries[i].marks.why);
    }
}

/* ---- Searching ---- */

struct search {
    const char *directory;
    const struct carom_mention *mentions;
    size_t n;
    int (*row)(void *user, const struct carom_spool_entry *entry, const struct carom_spool_message *message,
               struct carom_error *err);
    void *user;
};

/* What is encoded in the message is plain in its facts. */
static bool stands_in_facts(const struct search *search, const struct carom_spool_message *message)
{
    struct carom_facts *facts;
    bool stands = false;
    size_t end;

    if (carom_parse(message->bytes.ptr, message->bytes.len, &message->envelope, &facts, NULL) != 0)
        return false;
    for (size_t i = 0; i < carom_facts_count(facts) && !stands; i++) {
        char *json = carom_fact_json(carom_facts_get(facts, i));
        stands = json && carom_mention_find(search->mentions, search->n, carom_str(json), 0, &end) != SIZE_MAX;
        free(json);
    }
    carom_facts_free(facts);
    return stands;
}

static bool stands_in_text(const struct search *search, const char *text)
{
    size_t end;
    return carom_mention_find(search->mentions, search->n, carom_str(text), 0, &end) != SIZE_MAX;
}

/* What killed a worker is not read here. */
static bool stands_in(const struct search *search, const struct carom_spool_entry *entry,
                      const struct carom_spool_message *message)
{
    size_t end;
    return carom_mention_find(search->mentions, search->n, message->bytes, 0, &end) != SIZE_MAX ||
           stands_in_text(search, message->envelope.recipient) || stands_in_text(search, message->envelope.sender) ||
           stands_in_text(search, entry->marks.why) || (!entry->marks.kills && stands_in_facts(search, message));
}

static int search_entry(const struct search *search, struct carom_arena *arena, const struct carom_spool_entry *entry,
                        struct carom_error *err)
{
    struct carom_spool_message message;

    carom_arena_reset(arena);
    if (carom_arena_guard(arena))
        return carom_error_memory(err);
    int result = carom_spool_read(arena, search->directory, entry->name, &message, err);
    carom_arena_unguard(arena);
    if (result > 0)
        result = stands_in(search, entry, &message) ? search->row(search->user, entry, &message, err) : 0;
    return result;
}

static int search_all(const struct search *search, struct carom_arena *arena, struct carom_arena *each,
                      struct carom_error *err)
{
    struct carom_spool_entry *entries;
    size_t n;

    if (carom_spool_list(arena, search->directory, &entries, &n, err) != 0)
        return -1;
    for (size_t i = 0; i < n; i++)
        if (search_entry(search, each, &entries[i], err) != 0)
            return -1;
    return 0;
}

int carom_spooled_search(const char *directory, const struct carom_str *keys, size_t n,
                         int (*row)(void *user, const struct carom_spool_entry *entry,
                                    const struct carom_spool_message *message, struct carom_error *err),
                         void *user, struct carom_error *err)
{
    struct carom_mention *mentions = calloc(n, sizeof(*mentions));
    struct carom_arena *arena = carom_arena_new(), *each = carom_arena_new();
    const struct search search = {.directory = directory, .mentions = mentions, .n = n, .row = row, .user = user};
    int result;

    for (size_t i = 0; mentions && i < n; i++)
        mentions[i] = (struct carom_mention){carom_address_local(keys[i]), carom_address_domain(keys[i])};
    result = mentions && arena && each ? search_all(&search, arena, each, err) : carom_error_memory(err);
    carom_arena_free(each);
    carom_arena_free(arena);
    free(mentions);
    return result;
}
