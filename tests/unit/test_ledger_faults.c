/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* A ledger in trouble: no memory at any point of any call, rows that are damaged, tables that are gone, callers who have
   seen enough. Each is said, nothing is half done, and the ledger goes on. */

#include "ledger_bench.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include "base/spares.h"
#include "ledger/backup.h"
#include "ledger/crowd.h"
#include "ledger/inspect.h"
#include "ledger/pack.h"

/* ---- Memory that the library does not get ---- */

static long left = -1; /* so many more pieces; -1: no limit */

static bool refuse(void)
{
    if (left == 0)
        return true;
    left -= left > 0;
    return false;
}

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *ptr, size_t n);
void *__real_reallocarray(void *ptr, size_t n, size_t size);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *ptr, size_t n);
void *__wrap_reallocarray(void *ptr, size_t n, size_t size);

void *__wrap_malloc(size_t n) { return refuse() ? NULL : __real_malloc(n); }
void *__wrap_calloc(size_t n, size_t size) { return refuse() ? NULL : __real_calloc(n, size); }
void *__wrap_realloc(void *ptr, size_t n) { return refuse() ? NULL : __real_realloc(ptr, n); }
void *__wrap_reallocarray(void *ptr, size_t n, size_t size) { return refuse() ? NULL : __real_reallocarray(ptr, n, size); }

static bool no_context;

ZSTD_CCtx *ZSTD_createCCtx(void)
{
    ZSTD_CCtx *(*theirs)(void);
    *(void **)&theirs = dlsym(RTLD_NEXT, "ZSTD_createCCtx");
    return no_context ? NULL : theirs();
}

static struct carom_arena *spares[2 * CAROM_SPARES];
static size_t spares_n;

/* The next piece of the arena needs memory, and so does a new one: none is left that was used before. */
static void fill_arena(void)
{
    left = 0;
    while (carom_arena_try(arena, 1))
        continue;
    while ((spares[spares_n] = carom_arena_new()))
        spares_n++;
    left = -1;
}

static void give_spares_back(void)
{
    while (spares_n)
        carom_arena_free(spares[--spares_n]);
}

/* Once for each piece of memory, from which on there is none: want of memory is said, and the call goes through when there
   is enough of it. begin: what is done before each attempt, NULL nothing. */
static void starve(const char *name, int (*call)(struct carom_ledger *ledger, struct carom_error *err), void (*begin)(void))
{
    struct carom_ledger ledger = {0};
    bool reached = true;

    for (long n = 0; reached && n < 1000; n++) {
        struct carom_error err = {0};
        if (begin)
            begin();
        if (begin || n == 0)
            ledger = ledger_open(CAROM_LEDGER_WRITE);
        carom_arena_reset(arena);
        fill_arena();
        left = n;
        int got = call(&ledger, &err);
        reached = left == 0;
        left = -1;
        give_spares_back();
        if (got < 0 && (!reached || err.code != CAROM_ERROR_MEMORY))
            fail_msg("%s, after %ld pieces: %s", name, n, err.text);
        if (begin || !reached)
            carom_ledger_close(&ledger);
    }
    assert_false(reached);
    if (query("PRAGMA foreign_key_check") != -1)
        fail_msg("%s leaves rows that point nowhere", name);
}

/* ---- What is recorded: all of it too large for what an arena begins with ---- */

enum { LARGE = 100000, MANY = 40 };
static char large[LARGE], raw[LARGE + 100], headers[LARGE + 100], long_address[LARGE];

static void set_texts(void)
{
    uint32_t random = 7;
    for (size_t i = 0; i < LARGE - 1; i++) {
        random = random * 1664525 + 1013904223;
        large[i] = (char)('a' + (random >> 24) % 26);
    }
    snprintf(raw, sizeof raw, "Subject: x\r\n\r\nto bob@example.com: %s\r\n", large);
    snprintf(headers, sizeof headers, "X-Large: bob@example.com %s\r\n\r\n", large);
    memcpy(long_address, large, LARGE - 20);
    strcpy(long_address + LARGE - 20, "@example.com");
}

static void give_large(struct given *given, uint64_t identity, const char *recipient)
{
    give(given, identity);
    given->fact.recipient = given->entry.address = carom_str(recipient);
    given->fact.diagnostic = carom_str(headers);
    given->fact.original.headers = given->entry.headers = carom_str(headers);
    given->entry.raw = carom_str(raw);
    act(given, CAROM_ACTION_UNSUBSCRIBE);
    struct carom_decided *webhook = act(given, CAROM_ACTION_WEBHOOK);
    webhook->endpoint = CAROM_STR("crm");
    webhook->payload = carom_arena_printf(arena, "{\"text\":\"bob@example.com %s\"}", large);
}

static void hold(struct given *given)
{
    carom_decision_settle(&given->decision, &given->fact, &config);
    given->decision.hold = CAROM_HOLD_GATE;
    for (struct carom_decided *decided = given->decision.first; decided; decided = decided->next)
        decided->state = decided->state == CAROM_ACTION_DECIDED ? CAROM_ACTION_HELD : decided->state;
}

/* Facts with all that can be kept of them: ann's, of which all was told, eve's, which is held, bert's, which is to be
   told, and carl's many. */
static void fill_ledger(void)
{
    struct carom_ledger ledger = ledger_open(CAROM_LEDGER_WRITE);
    const struct carom_reference reference = {.hash = 5, .key = CAROM_STR("ann@example.com"), .spelling = CAROM_STR("ann@example.com"),
                                              .list = CAROM_STR_EMPTY, .own = CAROM_STR("7")};
    const struct carom_pause pause = {.sink = CAROM_STR("unsubscribe"), .since = now, .why = CAROM_STR("no answer")};
    struct carom_error err = {0};
    struct carom_job *jobs;
    struct given given;
    size_t n;

    assert_int_equal(carom_arena_guard(arena), 0);
    give_large(&given, 1, "ann@example.com");
    given.decision.first->all = true;
    record(&ledger, &given);
    for (n = 1; n;) {
        must(ledger.ops->claim(ledger.store, arena, now, 1, 9, &jobs, &n, &err), &err, "claim");
        for (size_t i = 0; i < n; i++)
            must(ledger.ops->settle(ledger.store, jobs[i].id, CAROM_JOB_DONE, now, CAROM_STR("done"), false, &err), &err, "settle");
    }
    give_large(&given, 2, "eve@example.com");
    hold(&given);
    must(ledger.ops->begin(ledger.store, &err), &err, "begin");
    must(ledger.ops->record(ledger.store, arena, &given.entry, &err), &err, "record");
    assert_int_equal(ledger.care->teach(ledger.store, &reference, now, &err), 1);
    must(ledger.ops->commit(ledger.store, &err), &err, "commit");
    must(ledger.ops->pause(ledger.store, &pause, &err), &err, "pause");
    give_large(&given, 3, "bert@example.com");
    record(&ledger, &given);
    for (uint64_t i = 0; i < MANY; i++) {
        give(&given, 50 + i);
        given.fact.recipient = given.entry.address = CAROM_STR("carl@example.com");
        record(&ledger, &given);
    }
    carom_arena_unguard(arena);
    carom_ledger_close(&ledger);
}

static int setup_filled(void **state)
{
    set_texts();
    if (setup(state) != 0)
        return -1;
    fill_ledger();
    return 0;
}

/* ---- No memory ---- */

static int call_record(struct carom_ledger *ledger, struct carom_error *err)
{
    struct given given;
    long granted = left;

    left = -1;
    carom_arena_reset(arena);
    give_large(&given, 4, "dora@example.com");
    carom_decision_settle(&given.decision, &given.fact, &config);
    fill_arena();
    left = granted;
    int result = ledger->ops->begin(ledger->store, err);
    if (result == 0)
        result = ledger->ops->record(ledger->store, arena, &given.entry, err);
    ledger->ops->rollback(ledger->store);
    return result;
}

static int call_seen(struct carom_ledger *ledger, struct carom_error *err)
{
    return ledger->ops->seen(ledger->store, 1, carom_str(long_address), err);
}

static int call_decided(struct carom_ledger *ledger, struct carom_error *err)
{
    struct carom_str json;
    return ledger->ops->decided(ledger->store, arena, 1, CAROM_STR("ann@example.com"), &json, err);
}

static int call_past(struct carom_ledger *ledger, struct carom_error *err)
{
    struct carom_history history = {.now = now};
    return ledger->ops->past(ledger->store, arena, CAROM_STR("ann@example.com"), &history, err);
}

/* So many facts that they are kept for the next time, which it is done without, too. */
static int call_past_of_many(struct carom_ledger *ledger, struct carom_error *err)
{
    struct carom_history history = {.now = now};
    int result = ledger->ops->begin(ledger->store, err);
    if (result == 0 && (result = ledger->ops->past(ledger->store, arena, CAROM_STR("carl@example.com"), &history, err)) == 0)
        assert_int_equal(history.n, MANY);
    ledger->ops->rollback(ledger->store);
    return result;
}

static int call_check(struct carom_ledger *ledger, struct carom_error *err)
{
    struct carom_refusal refusal;
    return ledger->ops->check(ledger->store, CAROM_STR("zoe@example.com"), CAROM_STR_EMPTY, false, now, &refusal, err);
}

/* In a dry run, of an address that it has decided about. */
static int call_check_dry(struct carom_ledger *ledger, struct carom_error *err)
{
    struct carom_refusal refusal;
    struct carom_ledger dry;
    struct given given;
    long granted = left;

    (void)ledger;
    left = -1;
    must(carom_ledger_open(url, CAROM_LEDGER_DRY, &dry, err), err, "open");
    give(&given, 5);
    must(dry.ops->record(dry.store, arena, &given.entry, err), err, "record");
    fill_arena();
    left = granted;
    int may = dry.ops->check(dry.store, given.entry.address, CAROM_STR_EMPTY, false, now, &refusal, err);
    carom_ledger_close(&dry);
    return may;
}

static int take_row(void *user, struct carom_str json) { return (void)user, (void)json, 0; }

static int call_facts(struct carom_ledger *ledger, struct carom_error *err)
{
    return ledger->ops->facts(ledger->store, CAROM_STR_EMPTY, take_row, NULL, err);
}

static int call_claim(struct carom_ledger *ledger, struct carom_error *err)
{
    struct carom_job *jobs;
    size_t n;
    return ledger->ops->claim(ledger->store, arena, now, 60000, 9, &jobs, &n, err);
}

static int call_jobs(struct carom_ledger *ledger, struct carom_error *err)
{
    int n = 0;
    return ledger->ops->jobs(ledger->store, arena, -1, count_job, &n, err);
}

static int call_mail(struct carom_ledger *ledger, struct carom_error *err)
{
    struct carom_job_mail mail;
    return ledger->ops->mail(ledger->store, arena, query("SELECT min(id) FROM job"), &mail, err);
}

static int call_messages(struct carom_ledger *ledger, struct carom_error *err)
{
    return ledger->care->messages(ledger->store, CAROM_STR("ann@example.com"), take_row, NULL, err);
}

static int call_told(struct carom_ledger *ledger, struct carom_error *err)
{
    return ledger->care->told(ledger->store, CAROM_STR("ann@example.com"), take_row, NULL, err);
}

static int call_prepare(struct carom_ledger *ledger, struct carom_error *err)
{
    return ledger->ops->prepare(ledger->store, err);
}

static int call_undo(struct carom_ledger *ledger, struct carom_error *err)
{
    struct carom_selection selection = carom_selection_any();
    struct carom_settled settled;
    return ledger->care->undo(ledger->store, &selection, &config, now + 1000, &settled, err);
}

static int call_release(struct carom_ledger *ledger, struct carom_error *err)
{
    struct carom_selection selection = carom_selection_any();
    struct carom_settled settled;
    return ledger->care->settle_held(ledger->store, &selection, &config, CAROM_SETTLE_RELEASE, now + 1000, &settled, err);
}

static int call_forget(struct carom_ledger *ledger, struct carom_error *err)
{
    const struct carom_str bob = CAROM_STR("bob@example.com");
    struct carom_forgotten forgotten;
    return ledger->care->forget(ledger->store, &bob, 1, true, now, take_row, NULL, &forgotten, err);
}

static char found[512];
static void take_finding(void *user, const char *text) { (void)user, snprintf(found, sizeof found, "%s", text); }

static int call_inspect(struct carom_ledger *ledger, struct carom_error *err)
{
    struct carom_inspection inspection;
    (void)ledger;
    return carom_ledger_inspect(url, take_finding, NULL, &inspection, err);
}

static void copy(const char *from, const char *to)
{
    char command[512];
    snprintf(command, sizeof command, "cp %s%s %s%s", directory, from, directory, to);
    assert_int_equal(system(command), 0);
}

static void as_before(void)
{
    char key[80];
    copy("/before", "/carom.db");
    snprintf(key, sizeof key, "%s.key", path);
    unlink(key);
}

static void test_starved(void **state)
{
    static const struct {
        const char *name;
        int (*call)(struct carom_ledger *ledger, struct carom_error *err);
        bool changes; /* it is done once it went through */
    } calls[] = {
        {"record", call_record, false},     {"seen", call_seen, false},         {"decided", call_decided, false},
        {"past", call_past, false},         {"past of many", call_past_of_many, false},
        {"check", call_check, false},       {"check dry", call_check_dry, false},
        {"facts", call_facts, false},       {"jobs", call_jobs, false},
        {"mail", call_mail, false},         {"messages", call_messages, false}, {"told", call_told, false},
        {"prepare", call_prepare, false},   {"inspect", call_inspect, false},   {"claim", call_claim, true},
        {"release", call_release, true},    {"undo", call_undo, true},          {"forget", call_forget, true},
    };
    (void)state;
    copy("/carom.db", "/before");
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++)
        starve(calls[i].name, calls[i].call, calls[i].changes ? as_before : NULL);
    assert_string_equal(found, "");
    assert_int_equal(query("SELECT count(*) FROM fact WHERE fact LIKE '%bob@example.com%' OR decision LIKE '%bob@example.com%'"), 0);
}

/* The same of SQLite's own memory. */
static void test_starved_sqlite(void **state)
{
    (void)state;
    for (int64_t n = 0; n < 16 << 20; n += 8 << 10) {
        struct carom_error err = {0};
        sqlite3_hard_heap_limit64(sqlite3_memory_used() + n + 1);
        int got = call_inspect(NULL, &err);
        sqlite3_hard_heap_limit64(0);
        bool sure = got == 0 && !found[0];
        found[0] = '\0'; /* SQLite's own check takes a page for damaged that it has no memory for */
        if (sure)
            return;
        if (got < 0 && err.code != CAROM_ERROR_MEMORY)
            fail_msg("with %lld bytes: %s", (long long)n, err.text);
    }
    fail_msg("never enough");
}

/* ---- What the breaker counts ---- */

enum { CROWD = 128 }; /* of which its tables hold no more without growing */

/* Each a moment after the one before; others fit between them. */
static struct carom_crowd *add_crowd(struct carom_crowds *crowds)
{
    struct carom_error err = {0};
    for (int64_t time = 2; time <= 2 * CROWD; time += 2) {
        const struct carom_crowd_removal removal = {.received = time, .address = time, .done = true};
        must(carom_crowds_add(crowds, 1, &removal, &err), &err, "add");
    }
    return carom_crowds_find(crowds, 1);
}

static int count_crowd(struct carom_crowd *crowd, int64_t after, int64_t *n_r, struct carom_error *err)
{
    return carom_crowd_count(crowd, after, 2 * CROWD, 2 * CROWD, n_r, err);
}

static void check_counts(struct carom_crowd *crowd)
{
    struct carom_error err = {0};
    int64_t n, done;
    must(count_crowd(crowd, 0, &n, &err), &err, "count");
    must(carom_crowd_busiest(crowd, DAY, 0, 2 * CROWD, &done, &err), &err, "busiest");
    assert_int_equal(n, crowd->n);
    assert_int_equal(done, crowd->n);
}

/* Where one more among them fails, what was counted is counted anew. */
static void test_one_more(void **state)
{
    const struct carom_crowd_removal more = {.received = 3, .address = 3, .done = true};
    bool reached = true;
    (void)state;
    for (long n = 0; reached && n < 100; n++) {
        struct carom_crowds crowds = {0};
        struct carom_error err = {0};
        struct carom_crowd *crowd = add_crowd(&crowds);
        check_counts(crowd);
        left = n;
        int got = carom_crowds_add(&crowds, 1, &more, &err);
        reached = left == 0;
        left = -1;
        assert_true(got == 0 || (reached && err.code == CAROM_ERROR_MEMORY));
        check_counts(crowd);
        carom_crowds_deinit(&crowds);
    }
    assert_false(reached);
}

static void test_window_moves_back(void **state)
{
    const struct carom_crowd_removal more = {.received = 3, .address = 3, .done = true};
    struct carom_crowds crowds = {0};
    struct carom_error err = {0};
    int64_t n;
    (void)state;
    struct carom_crowd *crowd = add_crowd(&crowds);
    must(carom_crowds_add(&crowds, 1, &more, &err), &err, "add");
    must(count_crowd(crowd, 2 * CROWD - 2, &n, &err), &err, "count");
    assert_int_equal(n, 1);
    left = 0;
    int got = count_crowd(crowd, 0, &n, &err);
    left = -1;
    assert_int_equal(got, -1);
    assert_int_equal(err.code, CAROM_ERROR_MEMORY);
    check_counts(crowd);
    carom_crowds_deinit(&crowds);
}

/* What cannot be packed is kept as it is. */
static void test_unpacked(void **state)
{
    struct carom_ledger ledger;
    struct carom_error err = {0};
    struct carom_job_mail mail;
    struct given given;

    (void)state;
    ledger = ledger_open(CAROM_LEDGER_WRITE);
    no_context = true;
    give(&given, 9);
    memset(raw, 'x', LARGE);
    given.entry.raw = carom_str_n(raw, LARGE);
    act(&given, CAROM_ACTION_UNSUBSCRIBE);
    assert_int_equal(carom_arena_guard(arena), 0);
    record(&ledger, &given);
    no_context = false;
    assert_int_equal(query("SELECT length(message) FROM raw ORDER BY id DESC LIMIT 1"), LARGE + 1);
    must(ledger.ops->mail(ledger.store, arena, query("SELECT max(id) FROM job"), &mail, &err), &err, "mail");
    carom_arena_unguard(arena);
    assert_true(carom_str_eq(mail.raw, given.entry.raw));
    carom_ledger_close(&ledger);
}

/* More threads pack than contexts are kept for. */
static void test_packed_by_many(void **state)
{
    struct carom_buf out = CAROM_BUF_INIT(1 << 20);
    struct carom_error err = {0};
    struct carom_pack pack;
    (void)state;
    carom_pack_init(&pack);
    pack.contexts.max = 0;
    memset(raw, 'x', LARGE);
    must(carom_pack(&pack, carom_str_n(raw, LARGE), &out, &err), &err, "pack");
    assert_in_range(out.len, 2, LARGE / 8);
    assert_int_equal(pack.contexts.n, 0);
    carom_buf_deinit(&out);
    carom_pack_deinit(&pack);
}

/* ---- Callers who have seen enough ---- */

static int calls_n;
static int stop_text(void *user, struct carom_str text) { return (void)user, (void)text, calls_n++, -1; }
static int stop_job(void *user, const struct carom_job *job) { return (void)user, (void)job, calls_n++, -1; }
static int stop_pause(void *user, const struct carom_pause *pause) { return (void)user, (void)pause, calls_n++, -1; }
static int stop_ban(void *user, const struct carom_ban *ban) { return (void)user, (void)ban, calls_n++, -1; }
static int stop_reference(void *user, const struct carom_reference *reference) { return (void)user, (void)reference, calls_n++, -1; }

static void test_ended_by_the_caller(void **state)
{
    struct carom_ledger ledger = ledger_open(CAROM_LEDGER_WRITE);
    const struct carom_str ann = CAROM_STR("ann@example.com");
    const struct carom_ban ban = {.key = CAROM_STR("zoe@example.com"), .spelling = CAROM_STR_EMPTY, .list = CAROM_STR_EMPTY,
                                  .since = now, .reason = CAROM_STR("asked")};
    struct carom_forgotten forgotten;
    struct carom_error err = {0};
    int64_t hashes;

    (void)state;
    must(ledger.ops->begin(ledger.store, &err), &err, "begin");
    assert_int_equal(ledger.care->ban(ledger.store, &ban, now, &err), 1);
    must(ledger.ops->commit(ledger.store, &err), &err, "commit");
    assert_int_equal(ledger.ops->facts(ledger.store, CAROM_STR_EMPTY, stop_text, NULL, &err), -1);
    assert_int_equal(ledger.ops->jobs(ledger.store, arena, -1, stop_job, NULL, &err), -1);
    assert_int_equal(ledger.ops->pauses(ledger.store, stop_pause, NULL, &err), -1);
    assert_int_equal(ledger.ops->references(ledger.store, 5, stop_reference, NULL, &err), -1);
    assert_int_equal(ledger.care->taught(ledger.store, ann, stop_reference, NULL, &err), -1);
    assert_int_equal(ledger.care->bans(ledger.store, now, stop_ban, NULL, &hashes, &err), -1);
    assert_int_equal(ledger.care->messages(ledger.store, ann, stop_text, NULL, &err), -1);
    assert_int_equal(ledger.care->told(ledger.store, ann, stop_text, NULL, &err), -1);
    assert_int_equal(ledger.care->forget(ledger.store, &ann, 1, false, now, stop_text, NULL, &forgotten, &err), -1);
    assert_int_equal(calls_n, 9); /* once each */
    assert_int_equal(query("SELECT count(*) FROM address WHERE key = 'ann@example.com'"), 1);
    must(call_facts(&ledger, &err), &err, "facts");
    carom_ledger_close(&ledger);
}

/* ---- Damage ---- */

static int call_alert(struct carom_ledger *ledger, struct carom_error *err)
{
    const struct carom_decided alert = {.type = CAROM_ACTION_ALERT, .text = CAROM_STR("a"), .key = CAROM_STR("k"), .every_ms = 1000};
    return ledger->ops->alert(ledger->store, 1, &alert, &config, now, err);
}

static int call_pause(struct carom_ledger *ledger, struct carom_error *err)
{
    const struct carom_pause pause = {.sink = CAROM_STR("unsubscribe"), .since = now, .why = CAROM_STR_EMPTY};
    return ledger->ops->pause(ledger->store, &pause, err);
}

static int call_unban(struct carom_ledger *ledger, struct carom_error *err)
{
    int64_t n;
    return ledger->care->unban(ledger->store, CAROM_STR("zoe@example.com"), CAROM_STR_EMPTY, 0, now, &n, err);
}

static void test_damaged(void **state)
{
    static const struct {
        const char *damage;
        int (*call)(struct carom_ledger *ledger, struct carom_error *err);
        const char *want;
    } cases[] = {
        {"UPDATE fact SET kind = 'strange'", call_past, "holds a word that this carom does not know"},
        {"UPDATE fact SET kind = 'strange'", call_release, "is gone, or holds a word that this carom does not know"},
        {"UPDATE raw SET message = x'0201'", call_mail, "damaged block of headers or message"},
        {"UPDATE raw SET message = substr(message, 1, length(message) - 5)", call_mail, "damaged block of headers or message: "},
        {"UPDATE raw SET message = x'0201'", call_messages, "damaged block of headers or message"},
        {"UPDATE raw SET message = x'0201'", call_forget, "damaged block of headers or message"},
        {"UPDATE fact SET returned = x'0201'", call_forget, "damaged block of headers or message"},
        {"UPDATE job SET arguments = 'nonsense'", call_undo, "what was told cannot be read"},
        {"UPDATE job SET fact = 1", call_claim, "has lost its fact"},
        {"INSERT INTO erased VALUES (1, 1, x'00')", call_unban, "cannot read the key of the erased addresses"},
        {"INSERT INTO erased VALUES (1, 1, x'00')", call_check, "cannot read the key of the erased addresses"},
        {"DROP TABLE erased", call_check, "no such table"}, /* which is no yes */
        {"DROP TABLE job", call_alert, "no such table"},
        {"DROP TABLE pause", call_pause, "no such table"},
        {"ALTER TABLE fact RENAME COLUMN identity TO other", call_decided, "no such column"},
        {"CREATE TRIGGER never BEFORE INSERT ON job BEGIN SELECT raise(ABORT, 'no room'); END", call_undo, "no room"},
    };
    (void)state;
    copy("/carom.db", "/before");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct carom_error err = {0};
        as_before();
        query(cases[i].damage);
        struct carom_ledger ledger = ledger_open(CAROM_LEDGER_WRITE);
        carom_arena_reset(arena);
        if (cases[i].call(&ledger, &err) != -1 || !strstr(err.text, cases[i].want))
            fail_msg("%s: got '%s', want '…%s…'", cases[i].damage, err.text, cases[i].want);
        carom_ledger_close(&ledger);
    }
}

/* More facts than anybody ever saw with one hash. */
static void test_too_many_collisions(void **state)
{
    enum { PROBES = 64 };
    struct carom_ledger ledger = ledger_open(CAROM_LEDGER_WRITE);
    struct carom_error err = {0};
    struct given given;
    (void)state;
    for (uint64_t i = 0; i < PROBES; i++) {
        give(&given, 1000 + i);
        record(&ledger, &given);
    }
    give(&given, 5000);
    given.fact.recipient = given.entry.address = CAROM_STR("another@example.com");
    assert_int_equal(ledger.ops->seen(ledger.store, 1000, given.entry.address, &err), 0); /* nobody knows it */
    record(&ledger, &given);
    given.entry.identity = 1000;
    assert_int_equal(ledger.ops->seen(ledger.store, 1000, given.entry.address, &err), -1);
    assert_non_null(strstr(err.text, "too many facts with the identity 00000000000003e8"));
    must(ledger.ops->begin(ledger.store, &err), &err, "begin");
    err = (struct carom_error){0};
    assert_int_equal(ledger.ops->record(ledger.store, arena, &given.entry, &err), -1);
    assert_non_null(strstr(err.text, "too many facts with the identity 00000000000003e8"));
    ledger.ops->rollback(ledger.store);
    assert_int_equal(ledger.ops->seen(ledger.store, 1063, CAROM_STR("ann@example.com"), &err), 1);
    carom_ledger_close(&ledger);
}

/* A clock that was wrong by centuries when something was recorded. */
static void test_no_keys_left(void **state)
{
    struct carom_error err = {0};
    struct given given;
    (void)state;
    query("INSERT INTO batch (id, created, source) VALUES (9007199254740991, 1, 'x')");
    struct carom_ledger ledger = ledger_open(CAROM_LEDGER_WRITE);
    give(&given, 1000);
    must(ledger.ops->begin(ledger.store, &err), &err, "begin");
    assert_int_equal(ledger.ops->record(ledger.store, arena, &given.entry, &err), -1);
    assert_non_null(strstr(err.text, "no keys are left"));
    ledger.ops->rollback(ledger.store);
    carom_ledger_close(&ledger);
}

static void count_finding(void *user, const char *text)
{
    if (strstr(text, "its log has 257 MiB"))
        ++*(int *)user;
}

static void test_a_log_that_grows(void **state)
{
    char log[80];
    int findings = 0;
    struct carom_inspection inspection;
    struct carom_error err = {0};
    (void)state;
    snprintf(log, sizeof log, "%s-wal", path);
    int fd = open(log, O_WRONLY | O_CREAT, 0600);
    assert_int_equal(ftruncate(fd, 257 << 20), 0);
    close(fd);
    must(carom_ledger_inspect(url, count_finding, &findings, &inspection, &err), &err, "inspect");
    assert_int_equal(findings, 1);
}

/* By a name to which no more fits: then nobody knows whether there is a log, and how large it is. */
static void test_a_name_too_long_for_a_log(void **state)
{
    enum { NAME_MAX_BYTES = 255 };
    char name[NAME_MAX_BYTES], long_url[sizeof directory + sizeof name + 10];
    struct carom_inspection inspection;
    struct carom_standing standing;
    struct carom_ledger ledger;
    struct carom_error err = {0};
    (void)state;
    query("PRAGMA journal_mode = DELETE");
    snprintf(name, sizeof name, "/%0*d", NAME_MAX_BYTES - 2, 0);
    copy("/carom.db", name);
    snprintf(long_url, sizeof long_url, "sqlite:%s%s", directory, name);
    must(carom_ledger_inspect(long_url, take_finding, NULL, &inspection, &err), &err, "inspect");
    assert_non_null(strstr(found, "-wal: cannot see how large it is: File name too long"));
    must(carom_ledger_open(long_url, CAROM_LEDGER_READ, &ledger, &err), &err, "open");
    assert_int_equal(ledger.care->standing(ledger.store, now, &standing, &err), -1);
    assert_non_null(strstr(err.text, "-wal: cannot see how large it is: File name too long"));
    carom_ledger_close(&ledger);
}

/* ---- Where nothing can be written ---- */

static int call_settle(struct carom_ledger *ledger, struct carom_error *err)
{
    return ledger->ops->settle(ledger->store, 1, CAROM_JOB_DONE, now, CAROM_STR_EMPTY, false, err);
}

static int call_resend(struct carom_ledger *ledger, struct carom_error *err)
{
    return ledger->ops->resend(ledger->store, 1, now, CAROM_STR_EMPTY, err);
}

static int call_prune(struct carom_ledger *ledger, struct carom_error *err)
{
    struct carom_config short_lived = {.keep_raw_ms = DAY, .keep_jobs_ms = DAY, .keep_facts_ms = DAY};
    struct carom_pruned pruned = {0};
    return ledger->care->prune(ledger->store, &short_lived, now + 10 * DAY, &pruned, err);
}

static int call_prune_anew(struct carom_ledger *ledger, struct carom_error *err)
{
    return ledger->care->prune_anew(ledger->store, err);
}

static void test_for_reading_only(void **state)
{
    static int (*const calls[])(struct carom_ledger *, struct carom_error *) = {
        call_claim, call_settle, call_resend, call_alert, call_pause, call_prune, call_prune_anew, call_undo, call_release, call_forget};
    struct carom_ledger ledger = ledger_open(CAROM_LEDGER_READ);
    (void)state;
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        struct carom_error err = {0};
        if (calls[i](&ledger, &err) != -1 || !strstr(err.text, "the ledger is open for reading only"))
            fail_msg("call %zu: %s", i, err.text);
    }
    carom_ledger_close(&ledger);
}

static void test_of_nobody(void **state)
{
    struct carom_ledger ledger = ledger_open(CAROM_LEDGER_WRITE);
    struct carom_selection selection = carom_selection_any();
    struct carom_settled settled;
    struct carom_error err = {0};
    (void)state;
    selection.key = CAROM_STR("nobody@example.com");
    assert_int_equal(ledger.care->undo(ledger.store, &selection, &config, now, &settled, &err), -1);
    assert_non_null(strstr(err.text, "the ledger does not know nobody@example.com"));
    carom_ledger_close(&ledger);
}

/* Somebody reads an older state of it, which the log has to keep. */
static void test_forgotten_beside_a_reader(void **state)
{
    struct carom_ledger ledger = ledger_open(CAROM_LEDGER_WRITE);
    struct carom_error err = {0};
    sqlite3 *reader;
    (void)state;
    assert_int_equal(sqlite3_open_v2(path, &reader, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_exec(reader, "BEGIN; SELECT count(*) FROM fact", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(call_forget(&ledger, &err), -1);
    assert_int_equal(err.code, CAROM_ERROR_BUSY);
    assert_non_null(strstr(err.text, "erased, but another process reads the ledger"));
    sqlite3_close(reader);
    must(call_forget(&ledger, &err), &err, "forget");
    carom_ledger_close(&ledger);
}

/* ---- Copies ---- */

static void test_backup_names(void **state)
{
    struct carom_backup backup;
    struct carom_error err = {0};
    struct stat info;
    char *before = getcwd(NULL, 0);
    (void)state;
    assert_int_equal(chdir(directory), 0);
    must(carom_ledger_backup(url, NULL, "copy", &backup, &err), &err, "backup");
    assert_int_equal(stat("copy/carom.db", &info), 0);
    assert_int_equal(backup.bytes, info.st_size);
    assert_int_equal(stat("copy/spool", &info), -1);
    assert_int_equal(carom_ledger_backup(url, NULL, large, &backup, &err), -1);
    assert_non_null(strstr(err.text, "the name is too long"));
    assert_int_equal(chdir(before), 0);
    free(before);
}

#define FILLED(name) cmocka_unit_test_setup_teardown(name, setup_filled, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        FILLED(test_starved), FILLED(test_starved_sqlite), cmocka_unit_test(test_one_more), cmocka_unit_test(test_window_moves_back),
        FILLED(test_unpacked), cmocka_unit_test(test_packed_by_many), FILLED(test_ended_by_the_caller), FILLED(test_damaged),
        FILLED(test_too_many_collisions), FILLED(test_no_keys_left), FILLED(test_a_log_that_grows), FILLED(test_a_name_too_long_for_a_log), FILLED(test_for_reading_only), FILLED(test_of_nobody), FILLED(test_forgotten_beside_a_reader),
        FILLED(test_backup_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
