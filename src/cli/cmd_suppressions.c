/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* carom suppressions: who is not to be mailed, by hand: from another system and to it, one more, one less. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/date.h"
#include "base/error.h"
#include "cli/cli.h"
#include "cli/ledger.h"
#include "cli/print.h"
#include "cli/rows.h"
#include "mail/address.h"

enum { CHUNK = 5000 }; /* rows in one transaction: nobody waits long for the ledger */

struct job {
    struct carom_arena *arena;
    struct carom_ledger ledger;
    struct carom_policy *policy; /* may be NULL */
    const char *list, *reason, *duration;
    int64_t batch, now, until;
    bool json;
    struct carom_ban *bans; /* what an import read */
    size_t n, room, over;   /* over: beside those, and its time is past */
    struct carom_print print;
    struct carom_error *err;
};

/* ---- import ---- */

static int keep_row(void *user, const struct carom_ban *ban)
{
    struct job *job = user;
    if (ban->until && ban->until <= job->now)
        return job->over++, 0;
    if (job->n == job->room) {
        struct carom_ban *more = realloc(job->bans, (job->room = job->room ? job->room * 2 : 1024) * sizeof(*more));
        if (!more)
            return carom_error_memory(job->err);
        job->bans = more;
    }
    job->bans[job->n] = *ban;
    if (!ban->list.len)
        job->bans[job->n].list = carom_str(job->list);
    if (!ban->reason.len)
        job->bans[job->n].reason = carom_str(job->reason);
    if (!ban->since)
        job->bans[job->n].since = job->now;
    if (!ban->until)
        job->bans[job->n].until = job->until;
    return job->n++, 0;
}

static int read_file(const char *name, struct carom_buf *buf, struct carom_error *err)
{
    FILE *from = strcmp(name, "-") ? fopen(name, "re") : stdin;
    char block[1 << 16];
    size_t n;

    while (from && (n = fread(block, 1, sizeof(block), from)) > 0)
        carom_buf_add(buf, block, n);
    int result = buf->failed              ? carom_error_memory(err)
                 : !from || ferror(from) ? carom_error_set(err, CAROM_ERROR_IO, "suppressions: cannot read %s: %s", name,
                                                           strerror(errno))
                                         : 0;
    if (from && from != stdin)
        fclose(from);
    return result;
}

static int put_rows(struct job *job, size_t from, size_t to, size_t *new_r)
{
    const struct carom_care_ops *care = job->ledger.care;
    for (size_t i = from; i < to; i++) {
        job->bans[i].batch = job->batch;
        int put = care->ban(job->ledger.store, &job->bans[i], job->now, job->err);
        if (put < 0)
            return -1;
        *new_r += (size_t)put;
    }
    return 0;
}

/* Begins, puts, commits, some thousand at a time. A second import goes on where a broken one stopped. */
static int put_all(struct job *job, const char *source, size_t *new_r)
{
    for (size_t from = 0; from < job->n; from += CHUNK) {
        size_t to = job->n - from < CHUNK ? job->n : from + CHUNK;
        if (job->ledger.ops->begin(job->ledger.store, job->err) != 0)
            return -1;
        if ((!job->batch && source &&
             job->ledger.care->batch(job->ledger.store, carom_str(source), job->now, &job->batch, job->err) != 0) ||
            put_rows(job, from, to, new_r) != 0) {
            job->ledger.ops->rollback(job->ledger.store);
            return -1;
        }
        if (job->ledger.ops->commit(job->ledger.store, job->err) != 0)
            return -1;
    }
    return 0;
}

/* The texts of its rows are the arena's, and buf is for the next file. */
static int read_rows(struct job *job, const char *name, struct carom_buf *buf, struct carom_str *passed_over_r)
{
    size_t before = job->n + job->over;

    carom_buf_clear(buf);
    if (read_file(name, buf, job->err) != 0 ||
        carom_rows_read(job->arena, job->policy, name, carom_arena_str(job->arena, carom_buf_str(buf)), keep_row, job,
                        passed_over_r, job->err) != 0)
        return -1;
    if (job->n + job->over == before) /* an export that failed, perhaps */
        fprintf(stderr, "carom: suppressions: %s holds no row\n", name);
    return 0;
}

static int import(struct job *job, char **files, int n)
{
    struct carom_buf buf = CAROM_BUF_INIT((size_t)1 << 31);
    struct carom_str *passed_over = carom_arena_array(job->arena, struct carom_str, (size_t)n);
    size_t added = 0;
    int result = 0;

    for (int i = 0; i < n && result == 0; i++)
        result = read_rows(job, files[i], &buf, &passed_over[i]);
    carom_buf_deinit(&buf);
    if (result == 0)
        result = put_all(job, files[0], &added);
    if (result == 0 && added)
        printf("batch %lld: %zu new, %zu stood already, %zu over; carom undo --batch %lld takes it back\n",
               (long long)job->batch, added, job->n - added, job->over, (long long)job->batch);
    else if (result == 0)
        printf("nothing new: %zu stood already, %zu over\n", job->n, job->over);
    for (int i = 0; i < n && result == 0; i++)
        if (passed_over[i].len) {
            printf("%s: columns that were not read: ", files[i]);
            carom_print_cell(stdout, passed_over[i], 0);
            putchar('\n');
        }
    return result;
}

/* ---- batches ---- */

static int print_batch(void *user, const struct carom_batch *batch)
{
    struct job *job = user;
    char time[32];

    job->n++;
    carom_date_format(batch->time / 1000, time);
    printf("%lld  %s  %lld standing  ", (long long)batch->id, time, (long long)batch->standing);
    carom_print_cell(stdout, batch->source, 0);
    putchar('\n');
    return 0;
}

static int batches(struct job *job)
{
    if (job->ledger.care->batches(job->ledger.store, job->now, print_batch, job, job->err) != 0)
        return -1;
    if (!job->n)
        puts("nothing stands that was imported");
    return 0;
}

/* ---- export ---- */

static void csv_cell(struct carom_buf *buf, struct carom_str text, char end)
{
    carom_buf_add_char(buf, '"');
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '"')
            carom_buf_add_char(buf, '"');
        carom_buf_add_char(buf, text.ptr[i] == '\n' || text.ptr[i] == '\r' ? ' ' : text.ptr[i]);
    }
    carom_buf_add_char(buf, '"');
    carom_buf_add_char(buf, end);
}

static void csv_time(struct carom_buf *buf, int64_t ms)
{
    char text[32] = "";
    if (ms)
        carom_date_format(ms / 1000, text);
    carom_buf_add_str(buf, carom_str(text));
    carom_buf_add_char(buf, ',');
}

static int print_ban(void *user, const struct carom_ban *ban)
{
    struct job *job = user;
    struct carom_buf *buf = &job->print.buf;

    if (job->list && !carom_str_ieq(ban->list, carom_str(job->list)))
        return 0;
    if (job->json) {
        struct carom_json json = carom_print_json(&job->print);
        carom_json_object(&json);
        carom_json_field_str(&json, "address", ban->spelling);
        carom_json_field_str(&json, "list", ban->list);
        carom_json_field_time(&json, "since", ban->since / 1000);
        carom_json_field_time(&json, "until", ban->until / 1000);
        carom_json_field_str(&json, "reason", ban->reason);
        carom_json_object_end(&json);
    } else {
        csv_cell(buf, ban->spelling, ',');
        csv_cell(buf, ban->list, ',');
        csv_time(buf, ban->since);
        csv_time(buf, ban->until);
        csv_cell(buf, ban->reason, '\n');
        buf->len--; /* the line's end is the printer's */
    }
    if (carom_print_line(&job->print) == 0)
        return 0;
    return carom_cli_output_error(job->err, "suppressions");
}

static int export(struct job *job)
{
    int64_t hashes = 0;
    job->print = carom_print_begin(stdout);
    if (!job->json) {
        carom_buf_add_str(&job->print.buf, CAROM_STR("address,list,since,until,reason"));
        carom_print_line(&job->print);
    }
    int result = job->ledger.care->bans(job->ledger.store, job->now, print_ban, job, &hashes, job->err);
    if (carom_print_end(&job->print) != 0 && result == 0)
        result = carom_cli_output_error(job->err, "suppressions");
    if (result == 0 && hashes)
        fprintf(stderr, "carom: suppressions: not among them: %lld erased addresses, of which only a keyed hash is kept\n",
                (long long)hashes);
    return result;
}

/* ---- add, remove ---- */

static int add(struct job *job, char **addresses, int n)
{
    size_t added = 0;
    for (int i = 0; i < n; i++) {
        struct carom_str address = carom_address_only(job->arena, carom_str(addresses[i]));
        struct carom_ban ban = {.key = carom_address_key(job->arena, address), .spelling = address};
        if (!carom_address_valid(ban.key))
            return carom_error_set(job->err, CAROM_ERROR_USAGE, "suppressions: '%s' is no address", addresses[i]);
        if (keep_row(job, &ban) != 0)
            return -1;
    }
    if (put_all(job, NULL, &added) != 0)
        return -1;
    printf("%zu added, %zu stood already\n", added, job->n - added);
    return 0;
}

static int remove_one(struct job *job, const char *address, int64_t *sum)
{
    struct carom_str key = carom_address_key(job->arena, carom_str(address));
    int64_t n;
    if (!carom_address_valid(key))
        return carom_error_set(job->err, CAROM_ERROR_USAGE, "suppressions: '%s' is no address", address);
    if (job->ledger.care->unban(job->ledger.store, key, carom_str(job->list), 0, job->now, &n, job->err) != 0)
        return -1;
    *sum += n;
    return 0;
}

static int remove_all(struct job *job, char **addresses, int n)
{
    int64_t sum = 0;
    int result = job->ledger.ops->begin(job->ledger.store, job->err);
    if (result != 0)
        return -1;
    job->now = carom_date_now_ms(); /* not before what others have just decided */
    for (int i = 0; i < n && result == 0; i++)
        result = remove_one(job, addresses[i], &sum);
    if (result == 0)
        result = job->ledger.ops->commit(job->ledger.store, job->err);
    else
        job->ledger.ops->rollback(job->ledger.store);
    if (result == 0)
        printf("%lld ended\n", (long long)sum);
    return result;
}

/* ---- The command ---- */

enum verb { IMPORT, BATCHES, EXPORT, ADD, REMOVE, VERBS };
static const char *const verbs[] = {"import", "batches", "export", "add", "remove", NULL};

static enum verb find_verb(const char *word)
{
    enum verb verb = IMPORT;
    while (verb < VERBS && strcmp(word, verbs[verb]))
        verb++;
    return verb;
}

/* 0, or the exit code of what is wrong with the command line. */
static int check_usage(const struct job *job, enum verb verb, const char *word, int n)
{
    const char *nearest = carom_cli_nearest(word, verbs);
    if (verb == VERBS)
        return carom_cli_usage("suppressions", "'%s' is none of import, batches, export, add, remove%s%s%s", word,
                               nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "");
    if (verb == EXPORT || verb == BATCHES ? n > 0 : n == 0)
        return carom_cli_usage("suppressions", n ? "%s takes no operand here" : verb == IMPORT ? "%s wants a FILE, or -"
                                                                                        : "%s wants an ADDRESS", word);
    if (job->json && verb != EXPORT)
        return carom_cli_usage("suppressions", "--json goes with export; an import sees by itself what it reads");
    if (job->list && verb == BATCHES)
        return carom_cli_usage("suppressions", "--list does not go with batches");
    if ((job->reason || job->duration) && verb != ADD && verb != IMPORT)
        return carom_cli_usage("suppressions", "--reason and --for go with add and import");
    if (job->duration && carom_duration_parse_ms(carom_str(job->duration)) <= 0)
        return carom_cli_usage("suppressions", "--for wants a duration such as 90d, not '%s'", job->duration);
    return 0;
}

static int carry_out(struct job *job, enum verb verb, char **operands, int n)
{
    switch (verb) {
    case IMPORT:
        return import(job, operands, n);
    case BATCHES:
        return batches(job);
    case EXPORT:
        return export(job);
    case ADD:
        return add(job, operands, n);
    default:
        return remove_all(job, operands, n);
    }
}

int cmd_suppressions(int argc, char **argv)
{
    struct carom_cli_place place = {0};
    struct carom_error err = {0};
    struct job job = {.err = &err, .now = carom_date_now_ms()};
    const struct carom_option options[] = {
        CAROM_CLI_PLACE_OPTIONS(place),
        {"list", CAROM_OPTION_TEXT, &job.list, "LIST", "by this list only (its List-Id)"},
        {"for", CAROM_OPTION_TEXT, &job.duration, "DURATION", "add, import: for so long, such as 90d (default: for good)"},
        {"reason", CAROM_OPTION_TEXT, &job.reason, "TEXT", "add, import: why, for people"},
        {"json", CAROM_OPTION_FLAG, &job.json, NULL, "export: JSON lines instead of CSV"},
        {NULL, 0, NULL, NULL, NULL}};
    char **operands;
    int n = carom_cli_options(argc, argv, options,
                              "[OPTIONS] import FILE… | batches | export | add ADDRESS… | remove ADDRESS…",
                              "Reads, prints and changes by hand who is not to be mailed. No sink is told.", &operands);
    struct carom_str url;

    if (n < 0)
        return carom_cli_options_exit(n);
    if (n == 0)
        return carom_cli_usage("suppressions", "say import, batches, export, add or remove");
    enum verb verb = find_verb(operands[0]);
    int wrong = check_usage(&job, verb, operands[0], n - 1);
    if (wrong)
        return wrong;
    const bool reads = verb == EXPORT || verb == BATCHES;
    if (job.duration)
        job.until = job.now + carom_duration_parse_ms(carom_str(job.duration));
    job.arena = carom_arena_new();
    if (!job.arena || carom_arena_guard(job.arena))
        return carom_cli_no_memory(job.arena);
    int result = carom_cli_ledger(job.arena, &place, reads ? CAROM_LEDGER_READ : CAROM_LEDGER_WRITE, !reads, &job.ledger,
                                  &job.policy, &url, &err);
    if (result == 0) {
        result = carom_cli_list(job.arena, job.policy, job.list, &err);
        if (result == 0)
            result = carry_out(&job, verb, operands + 1, n - 1);
        carom_ledger_close(&job.ledger);
        carom_policy_free(job.policy);
    }
    free(job.bans);
    carom_arena_free(job.arena);
    return result == 0 ? EX_OK : carom_cli_fail(&err);
}
