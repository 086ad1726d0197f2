/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* A ledger on a machine that fails: whatever an operation asks of SQLite or of memory fails once, each in its turn. Then
   the operation says so, the ledger is what it was before, and the same operation done again does all that it should.

   usage: test_ledger_points [OPERATION]: only that one. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <sqlite3.h>
#include <unistd.h>

#include "base/error.h"
#include "decision/hold.h"
#include "ledger/breaker.h"
#include "ledger/care.h"
#include "ledger/crowd.h"
#include "ledger/ledger.h"

#define DAY INT64_C(86400000)
/* Far ahead of every clock, so that the numbers of rows are always the same. */
#define NOW INT64_C(4102444800000)

/* ---- What fails ---- */

enum { MEMORY, PREPARE, STEP, EXECUTE, CALLS };
static const char *const calls[CALLS] = {"memory", "prepare", "step", "execute"};
static struct {
    int call;
    long n; /* the one that fails, counted from here; 0: it has */
} plan;
static bool asking, exhausted;

static bool fails(int call)
{
    return asking && plan.call == call && plan.n && --plan.n == 0;
}

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *ptr, size_t n);
void *__real_reallocarray(void *ptr, size_t n, size_t size);
int __real_sqlite3_prepare_v3(sqlite3 *db, const char *sql, int n, unsigned flags, sqlite3_stmt **statement_r,
                  const char **tail_r);
int __real_sqlite3_step(sqlite3_stmt *statement);
int __real_sqlite3_exec(sqlite3 *db, const char *sql, int (*row)(void *, int, char **, char **), void *user, char **err);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *ptr, size_t n);
void *__wrap_reallocarray(void *ptr, size_t n, size_t size);
int __wrap_sqlite3_prepare_v3(sqlite3 *db, const char *sql, int n, unsigned flags, sqlite3_stmt **statement_r,
                  const char **tail_r);
int __wrap_sqlite3_step(sqlite3_stmt *statement);
int __wrap_sqlite3_exec(sqlite3 *db, const char *sql, int (*row)(void *, int, char **, char **), void *user, char **err);

void *__wrap_malloc(size_t n) { return exhausted || fails(MEMORY) ? NULL : __real_malloc(n); }
void *__wrap_calloc(size_t n, size_t size) { return exhausted || fails(MEMORY) ? NULL : __real_calloc(n, size); }
void *__wrap_realloc(void *ptr, size_t n) { return exhausted || fails(MEMORY) ? NULL : __real_realloc(ptr, n); }
void *__wrap_reallocarray(void *ptr, size_t n, size_t size)
{
    return exhausted || fails(MEMORY) ? NULL : __real_reallocarray(ptr, n, size);
}
int __wrap_sqlite3_prepare_v3(sqlite3 *db, const char *sql, int n, unsigned flags, sqlite3_stmt **statement_r,
                  const char **tail_r)
{
    *statement_r = NULL;
    return fails(PREPARE) ? SQLITE_IOERR : __real_sqlite3_prepare_v3(db, sql, n, flags, statement_r, tail_r);
}
int __wrap_sqlite3_step(sqlite3_stmt *statement)
{
    return fails(STEP) ? SQLITE_IOERR : __real_sqlite3_step(statement);
}
int __wrap_sqlite3_exec(sqlite3 *db, const char *sql, int (*row)(void *, int, char **, char **), void *user, char **err)
{
    return fails(EXECUTE) ? SQLITE_IOERR : __real_sqlite3_exec(db, sql, row, user, err);
}

/* Whatever it is asked for next wants a new block. */
static void fill(struct carom_arena *arena)
{
    exhausted = true;
    while (carom_arena_try(arena, 4096) || carom_arena_try(arena, 1))
        continue;
    exhausted = false;
}

/* ---- What is recorded ---- */

#define TEXT(text) {text, sizeof(text) - 1}
static struct carom_sink sink = {.name = TEXT("*")};
static struct carom_sink smtp = {.type = CAROM_SINK_SMTP, .name = TEXT("smtp"), .url = TEXT("smtp://localhost")};
static struct carom_sink_entry probes = {.name = TEXT("probe"), .sinks = &sink};
static struct carom_sink_entry sinks = {.name = TEXT("*"), .sinks = &sink, .next = &probes};
static struct carom_sink_entry endpoints = {.name = TEXT("crm"), .sinks = &sink};
static struct carom_list_entry news = {.id = TEXT("news.example.org")};
static struct carom_list_entry dev = {.id = TEXT("dev.example.org"), .next = &news};
static const struct carom_config config = {.sinks = &sinks, .endpoints = &endpoints, .commands = &endpoints, .smtp = &smtp,
                                           .lists = &dev, .version = TEXT("4567")};
static const struct carom_config without_lists = {.sinks = &sinks, .version = TEXT("4567")};
/* So long that a decision with it does not fit into the first block of an arena. No endpoint has its name: no job does. */
static char long_payload[66000];

#define A(...) {.state = CAROM_ACTION_DECIDED, __VA_ARGS__}
static const struct carom_decided
    suppress = A(.type = CAROM_ACTION_SUPPRESS, .duration_ms = 90 * DAY),
    suppress_for_good = A(.type = CAROM_ACTION_SUPPRESS),
    suppress_briefly = A(.type = CAROM_ACTION_SUPPRESS, .duration_ms = DAY / 24),
    suppress_by_list = A(.type = CAROM_ACTION_SUPPRESS, .list_only = true, .duration_ms = 3 * DAY),
    unsuppress = A(.type = CAROM_ACTION_UNSUPPRESS),
    unsubscribe = A(.type = CAROM_ACTION_UNSUBSCRIBE),
    unsubscribe_news = A(.type = CAROM_ACTION_UNSUBSCRIBE, .list = TEXT("news.example.org")),
    unsubscribe_all = A(.type = CAROM_ACTION_UNSUBSCRIBE, .all = true),
    retry = A(.type = CAROM_ACTION_RETRY, .after_ms = DAY),
    score = A(.type = CAROM_ACTION_SCORE, .points = 2),
    probe = A(.type = CAROM_ACTION_PROBE),
    webhook = A(.type = CAROM_ACTION_WEBHOOK, .endpoint = TEXT("crm"), .payload = TEXT("{}")),
    run_command = A(.type = CAROM_ACTION_RUN, .command = TEXT("crm")),
    forward = A(.type = CAROM_ACTION_FORWARD, .to = TEXT("postmaster@example.org")),
    alert = A(.type = CAROM_ACTION_ALERT, .text = TEXT("look"), .key = TEXT("k"), .every_ms = DAY),
    at_length = A(.type = CAROM_ACTION_WEBHOOK, .endpoint = TEXT("none"),
                  .payload = {long_payload, sizeof(long_payload) - 1}),
    alert_anew = A(.type = CAROM_ACTION_ALERT, .text = TEXT("look"), .key = TEXT("another"), .every_ms = DAY),
    tag_a = A(.type = CAROM_ACTION_TAG, .key = TEXT("k"), .value = TEXT("a")),
    tag_b = A(.type = CAROM_ACTION_TAG, .key = TEXT("k"), .value = TEXT("b"));

#define GONE CAROM_KIND_PERMANENT, CAROM_REASON_USER_UNKNOWN, true
#define FULL CAROM_KIND_TRANSIENT, CAROM_REASON_MAILBOX_FULL
#define ACTIONS(...) .actions = (const struct carom_decided *const[]){__VA_ARGS__, NULL}
struct given {
    const char *who;
    enum carom_kind kind;
    enum carom_reason reason;
    bool hard;
    enum carom_hold hold;
    uint64_t delivery, group;
    int64_t days; /* ago */
    const struct carom_decided *const *actions; /* ended by NULL; may be NULL */
    const struct carom_config *config;          /* NULL: the one above */
};

static struct carom_arena *arena;
static uint64_t identity;

static void decide(const struct given *given, const struct carom_fact *fact, struct carom_decision *decision)
{
    const struct carom_config gate = {.gate = {.failure = CAROM_AUTHENTICITY_DIRECT}};
    carom_decision_init(decision);
    for (size_t i = 0; given->actions && given->actions[i]; i++) {
        struct carom_decided *decided = carom_decision_add(arena, decision, given->actions[i]->type), *next = decided->next;
        *decided = *given->actions[i];
        decided->next = next;
    }
    carom_decision_settle(decision, fact, given->config ? given->config : &config);
    if (given->hold == CAROM_HOLD_GATE)
        carom_hold_apply(decision, fact, &gate);
    if (given->hold == CAROM_HOLD_BREAKER)
        carom_hold_removals(decision);
}

static int record(struct carom_ledger *ledger, const struct given *given, struct carom_error *err)
{
    struct carom_fact fact = {.id = CAROM_STR("id"), .kind = given->kind, .reason = given->reason, .hard = given->hard,
                              .recipient = carom_str(given->who), .final_recipient = CAROM_STR("other@example.net"),
                              .authenticity = CAROM_AUTHENTICITY_SIGNED, .confidence = CAROM_CONFIDENCE_HIGH,
                              .list = CAROM_STR("dev.example.org"), .provider = CAROM_STR("example.com"),
                              .diagnostic = CAROM_STR("550 5.1.1 unknown"), .received = (NOW - given->days * DAY) / 1000};
    struct carom_decision decision;

    decide(given, &fact, &decision);
    const struct carom_entry entry = {.fact = &fact, .decision = &decision, .config = given->config ? given->config : &config,
                                      .identity = ++identity, .address = fact.recipient, .delivery = given->delivery,
                                      .group = given->group, .incident = 1, .raw = CAROM_STR("From: x\n\nIt failed.\n"),
                                      .headers = CAROM_STR("From: x\n"), .policy = CAROM_STR("0123"),
                                      .now = NOW - given->days * DAY};
    fill(arena);
    asking = plan.n != 0;
    int result = ledger->ops->record(ledger->store, arena, &entry, err);
    asking = false;
    return result;
}

/* ---- The ledger before all ---- */

static char directory[64], file[96], url[112];

static void must(int result, const struct carom_error *err, const char *what)
{
    if (result < 0)
        fail_msg("%s: %s", what, err->text);
}

static struct carom_ledger opened(enum carom_ledger_mode mode)
{
    struct carom_ledger ledger;
    struct carom_error err = {0};
    must(carom_ledger_open(url, mode, &ledger, &err), &err, "open");
    return ledger;
}

static int64_t query(const char *sql)
{
    sqlite3 *handle;
    sqlite3_stmt *row;
    assert_int_equal(sqlite3_open_v2(file, &handle, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(handle, sql, -1, &row, NULL), SQLITE_OK);
    int64_t value = sqlite3_step(row) == SQLITE_ROW ? sqlite3_column_int64(row, 0) : 0;
    sqlite3_finalize(row);
    sqlite3_close(handle);
    return value;
}

/* Which fact of whom, from 1; the last operation. */
static int64_t fact_of(const char *who, int number)
{
    char sql[200];
    snprintf(sql, sizeof(sql), "SELECT f.id FROM fact f JOIN address a ON a.id = f.address WHERE a.key = '%s' ORDER BY f.id"
             " LIMIT 1 OFFSET %d", who, number - 1);
    return query(sql);
}

#define ANN "ann@example.com"   /* was delivered to before the retry */
#define BOB "bob@example.com"   /* was told about */
#define CARL "carl@example.com" /* would be recalled */
#define DORA "dora@example.com" /* waits */
#define EVE "eve@example.com"   /* was taken back */
#define FRED "fred@example.com" /* was decided anew */
#define GINA "gina@example.com" /* was suppressed, and no more */
#define HUGO "hugo@example.com" /* was taken back after the second fact */
#define IVAN "ivan@example.com" /* bounces again and again */

static const struct given before[] = {
    {ANN, FULL, .delivery = 7, ACTIONS(&suppress, &suppress_by_list, &tag_a, &alert)},
    {ANN, FULL, .delivery = 7, ACTIONS(&retry)},
    {BOB, GONE, .group = 9, ACTIONS(&suppress, &unsubscribe, &tag_a, &webhook)},
    {BOB, CAROM_KIND_COMPLAINT, ACTIONS(&unsubscribe_all, &tag_b)},
    {CARL, GONE, .group = 9, ACTIONS(&suppress_for_good, &unsubscribe, &at_length)},
    {CARL, GONE, .group = 9, ACTIONS(&unsubscribe)},
    {DORA, GONE, CAROM_HOLD_GATE, .group = 9, ACTIONS(&suppress, &unsubscribe, &at_length)},
    {DORA, GONE, CAROM_HOLD_BREAKER, .group = 9, ACTIONS(&unsubscribe)},
    {EVE, GONE, .days = 2, ACTIONS(&suppress, &suppress_briefly, &unsubscribe, &tag_a, &score)},
    {FRED, GONE, .days = 2, ACTIONS(&suppress, &unsubscribe, &tag_a, &at_length)},
    {GINA, CAROM_KIND_COMPLAINT, ACTIONS(&suppress)},
    {GINA, CAROM_KIND_OTHER, .days = 1, ACTIONS(&unsuppress)},
    {HUGO, CAROM_KIND_COMPLAINT, .days = 1, ACTIONS(&suppress)},
    {HUGO, CAROM_KIND_COMPLAINT, .days = 1, ACTIONS(&tag_a)},
};

static struct carom_selection selected(const char *who, int number)
{
    struct carom_selection selection = carom_selection_any();
    selection.fact = fact_of(who, number);
    return selection;
}

static int undo(struct carom_ledger *ledger, const char *who, struct carom_error *err)
{
    struct carom_selection selection = selected(who, 1);
    struct carom_settled settled;
    asking = plan.n != 0;
    int result = ledger->care->undo(ledger->store, &selection, &config, NOW, &settled, err);
    asking = false;
    return result;
}

/* A decision in place of the one taken with that fact, and the operation written down. */
static int revise(struct carom_ledger *ledger, const char *who, int number, const struct carom_decided *const *actions,
                  enum carom_hold hold, bool dry, struct carom_error *err)
{
    const struct given given = {who, GONE, hold, .actions = actions};
    struct carom_fact fact = {.recipient = carom_str(who), .list = CAROM_STR("dev.example.org"), .kind = CAROM_KIND_PERMANENT,
                              .confidence = CAROM_CONFIDENCE_HIGH, .authenticity = CAROM_AUTHENTICITY_SIGNED,
                              .received = NOW / 1000};
    struct carom_revision revision = {.dry = dry};
    struct carom_decision decision, old, new;
    struct carom_selection all = carom_selection_any();
    int64_t id = fact_of(who, number);

    decide(&given, &fact, &decision);
    fill(arena);
    asking = plan.n != 0;
    int result = ledger->care->revise(ledger->store, arena, &revision, id, &decision, &config, NOW, &old, &new, err);
    if (result > 0)
        result = ledger->care->revised(ledger->store, &revision, &all, NOW, err);
    asking = false;
    return result;
}

static int claim_all(struct carom_ledger *ledger, const char *key, struct carom_error *err)
{
    struct carom_job *jobs;
    size_t n;
    for (int i = 0; i < 20; i++) {
        if (ledger->ops->claim(ledger->store, arena, NOW, 1, 100, &jobs, &n, err) != 0)
            return -1;
        for (size_t k = 0; k < n; k++)
            if (carom_str_eq(jobs[k].address, carom_str(key)) &&
                ledger->ops->settle(ledger->store, jobs[k].id, CAROM_JOB_DONE, NOW, CAROM_STR("200"), false, err) != 0)
                return -1;
    }
    return 0;
}

static void prepare(void)
{
    struct carom_ledger ledger = opened(CAROM_LEDGER_WRITE);
    struct carom_error err = {0};
    struct carom_incident incidents[] = {
        {.group = 9, .provider = CAROM_STR("example.com"), .reason = CAROM_STR("user_unknown"), .since = NOW - DAY},
        {.group = 8, .provider = CAROM_STR("example.net"), .reason = CAROM_STR("blocked"), .since = NOW - DAY / 2}};

    snprintf(long_payload, sizeof(long_payload), "{\"x\":\"%0*d\"}", (int)sizeof(long_payload) - 9, 0);
    const struct given again = {IVAN, FULL, ACTIONS(&suppress)};
    must(ledger.ops->begin(ledger.store, &err), &err, "begin");
    for (int i = 0; i < 32; i++)
        must(record(&ledger, &again, &err), &err, IVAN);
    for (size_t i = 0; i < sizeof(before) / sizeof(*before); i++)
        must(record(&ledger, &before[i], &err), &err, before[i].who);
    for (int i = 0; i < 2; i++)
        must(ledger.ops->incident_put(ledger.store, &incidents[i], &err), &err, "incident");
    must(ledger.ops->commit(ledger.store, &err), &err, "commit");
    must(ledger.ops->begin(ledger.store, &err), &err, "begin");
    must(claim_all(&ledger, BOB, &err), &err, "claim");
    must(claim_all(&ledger, FRED, &err), &err, "claim");
    must(ledger.ops->commit(ledger.store, &err), &err, "commit");
    query("UPDATE job SET lease = 0 WHERE state = 0"); /* what was claimed and not settled is as if it had not been */
    must(undo(&ledger, EVE, &err), &err, "undo");
    must(undo(&ledger, HUGO, &err), &err, "undo");
    must(ledger.ops->begin(ledger.store, &err), &err, "begin");
    must(revise(&ledger, FRED, 1, (const struct carom_decided *const[]){&suppress_by_list, &tag_b, NULL}, CAROM_HOLD_NONE,
                false, &err), &err, "revise");
    must(ledger.ops->commit(ledger.store, &err), &err, "commit");
    carom_ledger_close(&ledger);
    carom_arena_reset(arena);
}

/* ---- The operations ---- */

static FILE *said;  /* what the operation found */
static bool tired;  /* of being told */

static int say(const char *format, ...) __attribute__((format(printf, 1, 2)));
static int say(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vfprintf(said, format, args);
    va_end(args);
    return -tired;
}

static int say_held(void *user, const struct carom_held *held) { return (void)user, say("%lld ", (long long)held->since); }
static int say_operation(void *user, const struct carom_operation *it) { return (void)user, say("%lld ", (long long)it->id); }
static int say_incident(void *user, const struct carom_incident *it, int64_t n)
{
    return (void)user, say("%lld/%lld ", (long long)it->id, (long long)n);
}
static int say_kept(void *user, const struct carom_kept *kept) { return (void)user, say("%lld ", (long long)kept->id); }
static int say_tally(void *user, const struct carom_tally *it) { return (void)user, say("%d ", (int)it->kind); }
static int say_key(void *user, struct carom_str key) { return (void)user, say("%s ", key.ptr); }
static int say_pair(void *user, struct carom_str key, struct carom_str name)
{
    return (void)user, (void)name, say("%s ", key.ptr);
}
static int say_removal_before(void *user, uint64_t group, int64_t received, int64_t address, bool done)
{
    return (void)user, say("%llu/%lld/%lld/%d ", (unsigned long long)group, (long long)received, (long long)address, done);
}

#define ASK(call) (fill(arena), asking = plan.n != 0, result = (call), asking = false, result)
#define OPERATION(name) static int name(struct carom_ledger *ledger, struct carom_error *err)
#define CARE(name, ...) ledger->care->name(ledger->store, __VA_ARGS__)
#define STORE(name, ...) ledger->ops->name(ledger->store, __VA_ARGS__)

#define RECORDS(name, ...) OPERATION(name) { return record(ledger, &(const struct given){__VA_ARGS__}, err); }
RECORDS(record_all, CARL, FULL, .group = 8, .delivery = 4,
        ACTIONS(&suppress, &suppress_by_list, &score, &tag_a, &webhook, &run_command, &forward, &probe,
                &alert, &alert_anew, &at_length))
RECORDS(record_retry, CARL, FULL, .delivery = 4, ACTIONS(&retry))
RECORDS(record_delivered, ANN, CAROM_KIND_DELIVERED, .delivery = 7, ACTIONS(&tag_b))
RECORDS(record_permanent, ANN, GONE, .delivery = 7, ACTIONS(&suppress_for_good))
RECORDS(record_lifted, ANN, CAROM_KIND_OTHER, ACTIONS(&unsuppress))
RECORDS(record_left_each, HUGO, CAROM_KIND_UNSUBSCRIBE, ACTIONS(&unsubscribe, &unsubscribe_news))
RECORDS(record_left_all, HUGO, CAROM_KIND_COMPLAINT, ACTIONS(&unsubscribe_all))
RECORDS(record_left_without_lists, HUGO, CAROM_KIND_COMPLAINT, .config = &without_lists, ACTIONS(&unsubscribe_all))
RECORDS(record_held, HUGO, GONE, CAROM_HOLD_BREAKER, .group = 9, ACTIONS(&unsubscribe, &suppress))

static int tell_past(struct carom_ledger *ledger, struct carom_error *err)
{
    struct carom_history history = {.now = NOW};
    int result;
    if (ASK(STORE(past, arena, CAROM_STR(IVAN), &history, err)) == 0) {
        say("%zu facts", history.n);
        for (const struct carom_suppression *s = history.suppressions; s; s = s->next)
            say(", %s until %lld", s->reason.ptr, (long long)s->until);
    }
    return result;
}

/* As each bounce does: what is known is asked, and then there is more. */
OPERATION(bounce_again)
{
    const struct given again = {IVAN, FULL, ACTIONS(&suppress_by_list)};
    return tell_past(ledger, err) == 0 && record(ledger, &again, err) == 0 ? tell_past(ledger, err) : -1;
}

OPERATION(list_held)
{
    struct carom_selection of_dora = carom_selection_any();
    int result;
    of_dora.key = CAROM_STR(DORA);
    return ASK(CARE(held, &of_dora, say_held, NULL, err));
}

static int settle(struct carom_ledger *ledger, enum carom_settling what, struct carom_error *err)
{
    struct carom_selection of_dora = carom_selection_any();
    struct carom_settled settled;
    int result;
    of_dora.key = CAROM_STR(DORA);
    return ASK(CARE(settle_held, &of_dora, &config, what, NOW, &settled, err));
}
OPERATION(release) { return settle(ledger, CAROM_SETTLE_RELEASE, err); }
OPERATION(discard) { return settle(ledger, CAROM_SETTLE_DISCARD, err); }

OPERATION(undo_told) { return undo(ledger, BOB, err); }
OPERATION(undo_of_address)
{
    struct carom_selection of_carl = carom_selection_any();
    struct carom_settled settled;
    int result;
    of_carl.key = CAROM_STR(CARL);
    return ASK(CARE(undo, &of_carl, &config, NOW, &settled, err));
}

static int take_back(struct carom_ledger *ledger, const char *action, struct carom_error *err)
{
    char sql[100];
    struct carom_settled settled;
    int result;
    snprintf(sql, sizeof(sql), "SELECT min(id) FROM operation WHERE action = '%s'", action);
    int64_t operation = query(sql);
    return ASK(CARE(redo, operation, &config, NOW, &settled, err));
}
OPERATION(redo) { return take_back(ledger, "undo", err); }
OPERATION(restore) { return take_back(ledger, "replay", err); }
OPERATION(list_operations) { int result; return ASK(CARE(operations, say_operation, NULL, err)); }

#define REVISES(name, who, number, hold, dry, ...) \
    OPERATION(name) \
    { \
        return revise(ledger, who, number, (const struct carom_decided *const[]){__VA_ARGS__, NULL}, hold, dry, err); \
    }
REVISES(revise_told, BOB, 1, CAROM_HOLD_NONE, false, &suppress_by_list, &tag_b, &alert, &webhook)
REVISES(revise_held, CARL, 1, CAROM_HOLD_BREAKER, false, &suppress_by_list, &unsubscribe_news, &suppress_briefly, &tag_a)
REVISES(revise_lifted, GINA, 2, CAROM_HOLD_NONE, false, &tag_a)
REVISES(revise_suppressed, GINA, 1, CAROM_HOLD_NONE, false, &unsuppress, &suppress_briefly)
REVISES(revise_restored, HUGO, 2, CAROM_HOLD_NONE, false, &suppress, &unsubscribe)
REVISES(revise_over, FRED, 1, CAROM_HOLD_NONE, false, &suppress_briefly)
REVISES(revise_alike, HUGO, 2, CAROM_HOLD_NONE, false, &tag_a)
REVISES(revise_dry, HUGO, 2, CAROM_HOLD_NONE, true, &tag_b)
OPERATION(write_revision)
{
    struct carom_revision revision = {.operation = query("SELECT max(id) + 1 FROM fact"), .first = 1, .last = 2};
    struct carom_selection all = carom_selection_any();
    int result;
    all.reason = CAROM_STR("user_unknown");
    return ASK(CARE(revised, &revision, &all, NOW, err));
}

OPERATION(recall)
{
    const struct carom_incident incident = {.id = 1, .group = 9};
    int64_t n;
    int result;
    if (ASK(STORE(recall, &incident, NOW - DAY, &config, NOW, &n, err)) == 0)
        say("%lld", (long long)n);
    return result;
}
OPERATION(find_incident)
{
    struct carom_incident incident;
    int result;
    if (ASK(STORE(incident_at, arena, 9, NOW, &incident, err)) == 0)
        say("%s", incident.provider.ptr);
    return result;
}
OPERATION(new_incident)
{
    struct carom_incident incident = {.group = 7, .provider = CAROM_STR("x"), .reason = CAROM_STR("y"), .since = NOW};
    int result;
    return ASK(STORE(incident_put, &incident, err));
}
OPERATION(old_incident)
{
    struct carom_incident incident = {.id = query("SELECT min(id) FROM incident"), .ended = NOW};
    int result;
    return ASK(STORE(incident_put, &incident, err));
}
OPERATION(list_incidents) { int result; return ASK(CARE(incidents, say_incident, NULL, err)); }
OPERATION(find_samples)
{
    struct carom_str samples[1];
    size_t n = 0;
    int result;
    if (ASK(STORE(samples, arena, 9, samples, 1, &n, err)) == 0)
        say("%zu", n);
    return result;
}
OPERATION(list_removals)
{
    const struct carom_crowd_ask all = {.group = 9};
    struct carom_crowd *crowd;
    int result;
    if (ASK(STORE(crowd, &all, &crowd, err)) == 0)
        for (size_t i = 0; crowd && i < crowd->n && result == 0; i++)
            result = say("%lld/%lld ", (long long)crowd->list[i].received, (long long)crowd->list[i].address);
    return result;
}
OPERATION(list_removals_before) { int result; return ASK(CARE(removals_before, NOW + 1000, say_removal_before, NULL, err)); }

OPERATION(judge_removal)
{
    static const struct carom_config strict = {.breaker = {.window_ms = 3600 * 1000, .min = 1, .factor = 1}};
    const struct carom_removal_ask asked = {.group = 9, .provider = CAROM_STR("example.com"), .address = CAROM_STR(HUGO),
                                            .reason = CAROM_STR("user_unknown"), .received = NOW + DAY};
    enum carom_trip trip;
    struct carom_incident incident;
    int result;
    if (ASK(carom_breaker_judge(ledger, arena, &strict, &asked, &trip, &incident, err)) == 0)
        say("%d", (int)trip);
    return result;
}

/* ---- A dry run over it ---- */

OPERATION(leave) { return record_left_all(ledger, err); }
OPERATION(check)
{
    struct carom_refusal why = {0};
    int result;
    if (ASK(STORE(check, CAROM_STR(BOB), CAROM_STR("dev.example.org"), true, NOW, &why, err)) >= 0)
        say("%d %s", result, why.cause);
    return result;
}
OPERATION(first_removal)
{
    int64_t first;
    int result;
    if (ASK(STORE(first_removal, &first, err)) == 0)
        say("%lld", (long long)first);
    return result;
}

/* ---- For people ---- */

OPERATION(tell_story)
{
    struct carom_story story;
    int result;
    if (ASK(CARE(story, arena, CAROM_STR(BOB), &story, err)) == 0)
        say("%lld %s", (long long)story.facts_n, story.spelling.ptr);
    return result;
}
OPERATION(read_message)
{
    int64_t raw = query("SELECT min(id) FROM raw");
    struct carom_str bytes;
    int result;
    if (ASK(CARE(message, arena, raw, &bytes, err)) == 0)
        say("%zu", bytes.len);
    return result;
}
OPERATION(list_finals) { int result; return ASK(CARE(finals, say_pair, NULL, err)); }
OPERATION(list_tagged) { int result; return ASK(CARE(tagged, CAROM_STR("k"), CAROM_STR("b"), say_key, NULL, err)); }
OPERATION(tally)
{
    struct carom_selection all = carom_selection_any();
    int result;
    return ASK(CARE(tally, &all, 0, say_tally, NULL, err));
}
OPERATION(count_deeds)
{
    struct carom_selection all = carom_selection_any();
    struct carom_deeds deeds;
    int result;
    if (ASK(CARE(deeds, &all, &deeds, err)) == 0)
        say("%lld %lld %lld", (long long)deeds.left, (long long)deeds.suppressed, (long long)deeds.undone);
    return result;
}
OPERATION(read_journal) { int result; return ASK(CARE(journal, 0, 100, say_kept, NULL, err)); }
OPERATION(note_delivery) { int result; return ASK(CARE(note, CAROM_NOTE_DELIVERY, NOW, err)); }
OPERATION(look_at_it)
{
    struct carom_standing standing;
    int result;
    if (ASK(CARE(standing, NOW + 2, &standing, err)) == 0)
        say("%lld %lld %lld %lld %s", (long long)standing.waiting, (long long)standing.held, (long long)standing.day[0],
            (long long)standing.incidents, standing.incident_provider);
    return result;
}

/* In the caller's transaction; in one of its own, or none; in a dry run. */
#define WITHIN(name) {#name, name, false, false}
#define ALONE(name) {#name, name, true, false}
#define DRY(name, alone) {"dry " #name, name, alone, true}
static const struct operation {
    const char *name;
    int (*run)(struct carom_ledger *ledger, struct carom_error *err);
    bool alone, dry;
} operations[] = {
    WITHIN(record_all), WITHIN(record_retry), WITHIN(record_delivered), WITHIN(record_permanent),
    WITHIN(record_lifted), WITHIN(record_left_each), WITHIN(record_left_all), WITHIN(record_left_without_lists),
    WITHIN(record_held), WITHIN(bounce_again), WITHIN(revise_told), WITHIN(revise_held), WITHIN(revise_lifted), WITHIN(revise_suppressed),
    WITHIN(revise_restored), WITHIN(write_revision), WITHIN(revise_over), WITHIN(revise_alike), WITHIN(revise_dry),
    ALONE(list_held), ALONE(release), ALONE(discard), ALONE(undo_told), WITHIN(undo_of_address), ALONE(redo),
    ALONE(restore), ALONE(list_operations), WITHIN(recall), ALONE(find_incident), WITHIN(new_incident),
    WITHIN(old_incident), ALONE(list_incidents), ALONE(find_samples), ALONE(list_removals),
    ALONE(list_removals_before), ALONE(tell_story), ALONE(read_message), ALONE(list_finals), ALONE(list_tagged),
    ALONE(tally), ALONE(count_deeds), ALONE(read_journal), ALONE(note_delivery), ALONE(look_at_it),
    WITHIN(judge_removal), DRY(leave, false), DRY(check, true), DRY(find_incident, true),
    DRY(list_removals, true), DRY(first_removal, true),
};

/* ---- Each point ---- */

static struct {
    char *bytes;
    size_t size;
} template;

static void forget_file(void)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", ".lock"};
    for (size_t i = 0; i < sizeof(suffixes) / sizeof(*suffixes); i++) {
        char path[112];
        snprintf(path, sizeof(path), "%s%s", file, suffixes[i]);
        unlink(path);
    }
}

static void restore_file(void)
{
    forget_file();
    FILE *out = fopen(file, "w");
    assert_non_null(out);
    assert_int_equal(fwrite(template.bytes, 1, template.size, out), template.size);
    fclose(out);
}

static void keep_file(void)
{
    FILE *in = fopen(file, "r");
    assert_non_null(in);
    fseek(in, 0, SEEK_END);
    template.size = (size_t)ftell(in);
    rewind(in);
    template.bytes = malloc(template.size);
    assert_int_equal(fread(template.bytes, 1, template.size, in), template.size);
    fclose(in);
}

static void print_table(FILE *out, sqlite3 *handle, const char *table)
{
    char sql[100];
    sqlite3_stmt *row;
    snprintf(sql, sizeof(sql), "SELECT * FROM \"%s\" ORDER BY 1", table);
    assert_int_equal(sqlite3_prepare_v2(handle, sql, -1, &row, NULL), SQLITE_OK);
    while (sqlite3_step(row) == SQLITE_ROW) {
        fprintf(out, "%s", table);
        for (int i = 0; i < sqlite3_column_count(row); i++) {
            const void *bytes = sqlite3_column_blob(row, i);
            fprintf(out, " %s", sqlite3_column_name(row, i));
            fwrite(bytes ? bytes : "", 1, (size_t)sqlite3_column_bytes(row, i), out);
        }
        fprintf(out, "\n");
    }
    sqlite3_finalize(row);
}

struct text {
    char *bytes;
    size_t size;
};

/* Every row of the ledger. */
static struct text dump(void)
{
    static const char tables[] = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name";
    struct text text = {NULL, 0};
    FILE *out = open_memstream(&text.bytes, &text.size);
    sqlite3 *handle;
    sqlite3_stmt *row;
    assert_non_null(out);
    assert_int_equal(sqlite3_open_v2(file, &handle, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(handle, tables, -1, &row, NULL), SQLITE_OK);
    while (sqlite3_step(row) == SQLITE_ROW)
        print_table(out, handle, (const char *)sqlite3_column_text(row, 0));
    sqlite3_finalize(row);
    sqlite3_close(handle);
    fclose(out);
    return text;
}

/* The first place where they differ. */
static void same(struct text got, struct text want, const char *name, long n, const char *what)
{
    size_t i = 0;
    if (got.size == want.size && memcmp(got.bytes, want.bytes, got.size) == 0)
        return;
    while (i < got.size && i < want.size && got.bytes[i] == want.bytes[i])
        i++;
    fail_msg("%s, %s %ld: %s: got %.200s, want %.200s", name, calls[plan.call], n, what, got.bytes + (i > 60 ? i - 60 : 0),
                 want.bytes + (i > 60 ? i - 60 : 0));
}

static int run(const struct operation *operation, struct carom_ledger *ledger, struct carom_error *err, struct text *said_r)
{
    said = open_memstream(&said_r->bytes, &said_r->size);
    assert_non_null(said);
    carom_arena_reset(arena);
    identity = 1000;
    if (!operation->alone)
        must(ledger->ops->begin(ledger->store, err), err, operation->name);
    int result = operation->run(ledger, err);
    if (!operation->alone && result < 0)
        ledger->ops->rollback(ledger->store);
    else if (!operation->alone)
        must(ledger->ops->commit(ledger->store, err), err, operation->name);
    fclose(said);
    return result;
}

struct want {
    struct text before, after, said;
};

/* True: nothing failed any more. */
static bool point(const struct operation *operation, int call, long n, const struct want *want)
{
    struct carom_error err = {0};
    struct text found;

    restore_file();
    struct carom_ledger ledger = opened(operation->dry ? CAROM_LEDGER_DRY : CAROM_LEDGER_WRITE);
    plan.call = call;
    plan.n = n;
    int result = run(operation, &ledger, &err, &found);
    bool whole = plan.n != 0;
    plan.n = 0;
    struct text now = dump();
    if (result < 0) {
        if (whole || !err.text[0])
            fail_msg("%s, %s %ld: fails, and says '%s'", operation->name, calls[call], n, err.text);
        same(now, want->before, operation->name, n, "it failed, and the ledger is another");
        free(now.bytes);
        free(found.bytes);
        must(run(operation, &ledger, &err, &found), &err, operation->name);
        now = dump();
    }
    same(now, want->after, operation->name, n, "the ledger is another");
    same(found, want->said, operation->name, n, "it found something else");
    free(now.bytes);
    free(found.bytes);
    carom_ledger_close(&ledger);
    return whole;
}

static const char *only;

static void test_each_point_fails_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(operations) / sizeof(*operations); i++) {
        const struct operation *operation = &operations[i];
        struct want want;
        struct carom_error err = {0};
        long points = 0;
        if (only && strcmp(only, operation->name) != 0)
            continue;
        restore_file();
        want.before = dump();
        struct carom_ledger ledger = opened(operation->dry ? CAROM_LEDGER_DRY : CAROM_LEDGER_WRITE);
        must(run(operation, &ledger, &err, &want.said), &err, operation->name);
        carom_ledger_close(&ledger);
        want.after = dump();
        for (int call = 0; call < CALLS; call++)
            for (long n = 1; !point(operation, call, n, &want); n++)
                points++;
        if (only)
            print_message("%s: %ld points, said: %s\n", operation->name, points, want.said.bytes);
        assert_true(points > 1);
        free(want.before.bytes);
        free(want.after.bytes);
        free(want.said.bytes);
    }
}

/* Who is told row by row may have enough of it: then nothing is left open. */
static void test_who_is_told_gives_up(void **state)
{
    static const char *const told[] = {"list_held", "list_operations", "list_incidents", "list_removals_before",
                                       "list_finals", "list_tagged", "tally", "read_journal"};
    (void)state;
    restore_file();
    struct carom_ledger ledger = opened(CAROM_LEDGER_WRITE);
    for (size_t i = 0; i < sizeof(told) / sizeof(*told); i++) {
        const struct operation *operation = operations;
        struct carom_error err = {0};
        struct text one, all;
        while (strcmp(operation->name, told[i]) != 0)
            operation++;
        tired = true;
        assert_int_equal(run(operation, &ledger, &err, &one), -1);
        tired = false;
        must(run(operation, &ledger, &err, &all), &err, told[i]);
        assert_true(one.size > 0 && one.size < all.size);
        free(one.bytes);
        free(all.bytes);
    }
    carom_ledger_close(&ledger);
}

static int setup(void **state)
{
    (void)state;
    strcpy(directory, access("/dev/shm", W_OK) == 0 ? "/dev/shm/carom-points-XXXXXX" : "/tmp/carom-points-XXXXXX");
    if (!mkdtemp(directory) || !(arena = carom_arena_new()))
        return -1;
    snprintf(file, sizeof(file), "%s/carom.db", directory);
    snprintf(url, sizeof(url), "sqlite:%s", file);
    prepare();
    keep_file();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    carom_arena_free(arena);
    free(template.bytes);
    forget_file();
    return rmdir(directory);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_point_fails_once), cmocka_unit_test(test_who_is_told_gives_up),
    };
    only = argc > 1 ? argv[1] : NULL;
    return cmocka_run_group_tests(tests, setup, teardown);
}
