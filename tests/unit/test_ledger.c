/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The ledger on disk: what is written is there, once, whoever else writes and whoever is killed; and what a dry run
   leaves alone. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "ledger/care.h"
#include "ledger/ledger.h"
#include "ledger/netfs.h"
#include "ledger/pack.h"
#include "ledger_bench.h"

static int keep_row(void *user, struct carom_str json)
{
    *(struct carom_str *)user = carom_arena_str(arena, json);
    return 0;
}

static void test_what_is_written_is_there(void **state)
{
    struct carom_ledger ledger = ledger_open(CAROM_LEDGER_WRITE);
    struct carom_error err = {0};
    struct given given;
    struct carom_str row = CAROM_STR_EMPTY;

    (void)state;
    give(&given, 1);
    given.entry.delivery = UINT64_MAX - 5;
    act(&given, CAROM_ACTION_UNSUBSCRIBE);
    act(&given, CAROM_ACTION_SCORE)->points = 2.5;
    struct carom_decided *tag = act(&given, CAROM_ACTION_TAG);
    tag->key = CAROM_STR("campaign");
    tag->value = CAROM_STR("spring");
    record(&ledger, &given);
    carom_ledger_close(&ledger);

    ledger = ledger_open(CAROM_LEDGER_READ);
    assert_int_equal(ledger.ops->seen(ledger.store, 1, CAROM_STR("ann@example.com"), &err), 1);
    assert_int_equal(ledger.ops->seen(ledger.store, 1, CAROM_STR("bob@example.com"), &err), 0);
    assert_int_equal(ledger.ops->seen(ledger.store, 2, CAROM_STR("ann@example.com"), &err), 0);
    struct carom_history history = past(&ledger, "ann@example.com");
    assert_int_equal(history.n, 1);
    assert_int_equal(history.list[0].kind, CAROM_KIND_TRANSIENT);
    assert_int_equal(history.list[0].reason, CAROM_REASON_MAILBOX_FULL);
    assert_true(history.list[0].delivery == UINT64_MAX - 5);
    assert_true(history.list[0].time == now && history.list[0].received == now);
    assert_true(history.list[0].points > 2.4 && history.list[0].points < 2.6);
    assert_true(carom_str_eq(history.list[0].list, CAROM_STR("dev.example.org")));
    assert_true(carom_history_suppressed(&history, CAROM_STR("dev.example.org")));
    assert_false(carom_history_suppressed(&history, CAROM_STR("news.example.org")));
    assert_true(carom_str_eq(history.tags->value, CAROM_STR("spring")));
    if (carom_arena_guard(arena))
        fail();
    must(ledger.ops->facts(ledger.store, CAROM_STR("ann@example.com"), keep_row, &row, &err), &err, "facts");
    carom_arena_unguard(arena);
    assert_non_null(strstr(row.ptr, "\"recipient\":\"Ann@example.com\""));
    assert_non_null(strstr(row.ptr, "\"decision\":{\"time\":\"2026-03-01T12:00:00Z\",\"policy\":\"0123\",\"actions\":[{\"name\":\"unsubscribe\""));
    assert_int_equal(count_jobs(&ledger, CAROM_JOB_WAITING), 3); /* two sinks of unsubscribe, and the tag by "*" */
    assert_int_equal(past(&ledger, "bob@example.com").n, 0);
    assert_int_equal(ledger.ops->begin(ledger.store, &err), -1);
    carom_ledger_close(&ledger);
    assert_int_equal(query("SELECT count(*) FROM raw"), 1);
}

static void test_a_rollback_leaves_nothing(void **state)
{
    struct carom_ledger ledger = ledger_open(CAROM_LEDGER_WRITE);
    struct carom_error err = {0};
    struct given given;

    (void)state;
    give(&given, 1);
    must(ledger.ops->begin(ledger.store, &err), &err, "begin");
    must(ledger.ops->record(ledger.store, arena, &given.entry, &err), &err, "record");
    ledger.ops->rollback(ledger.store);
    assert_int_equal(ledger.ops->seen(ledger.store, 1, given.entry.address, &err), 0);
    assert_int_equal(ledger.ops->record(ledger.store, arena, &given.entry, &err), -1); /* outside a transaction */
    record(&ledger, &given);
    assert_int_equal(ledger.ops->seen(ledger.store, 1, given.entry.address, &err), 1);
    carom_ledger_close(&ledger);
}

static void test_a_collision_loses_neither(void **state)
{
    struct carom_ledger ledger = ledger_open(CAROM_LEDGER_WRITE);
    struct carom_error err = {0};
    struct given ann, bob;

    (void)state;
    give(&ann, UINT64_MAX);
    give(&bob, UINT64_MAX);
    bob.fact.recipient = bob.entry.address = CAROM_STR("bob@example.com");
    record(&ledger, &ann);
    assert_int_equal(ledger.ops->seen(ledger.store, UINT64_MAX, bob.entry.address, &err), 0);
    record(&ledger, &bob);
    assert_int_equal(ledger.ops->seen(ledger.store, UINT64_MAX, bob.entry.address, &err), 1);
    assert_int_equal(ledger.ops->seen(ledger.store, UINT64_MAX, ann.entry.address, &err), 1);
    carom_ledger_close(&ledger);
}

static void test_keys_ascend(void **state)
{
    struct carom_ledger ledger = ledger_open(CAROM_LEDGER_WRITE);
    struct given given;

    (void)state;
    for (uint64_t i = 1; i <= 50; i++) {
        give(&given, i * 100);
        given.entry.now = now - (int64_t)i * 1000; /* a clock that runs backwards */
        record(&ledger, &given);
    }
    carom_ledger_close(&ledger);
    assert_int_equal(query("SELECT count(*) FROM fact a JOIN fact b ON a.id < b.id AND a.identity > b.identity"), 0);
    assert_true(query("SELECT min(id) >> 20 FROM fact") >= now / 1000 - 1);
    assert_true(query("SELECT max(id) FROM fact") < INT64_C(1) << 53); /* what jq and JavaScript read exactly */
}

static void test_suppressions(void **state)
{
    struct carom_ledger ledger = ledger_open(CAROM_LEDGER_WRITE);
    struct given given;

    (void)state;
    give(&given, 1);
    act(&given, CAROM_ACTION_SUPPRESS)->duration_ms = 90 * DAY;
    record(&ledger, &given);
    struct carom_history history = past(&ledger, "ann@example.com");
    assert_true(carom_history_suppressed(&history, CAROM_STR_EMPTY));
    history.now += 90 * DAY;
    assert_false(carom_history_suppressed(&history, CAROM_STR_EMPTY));
    assert_int_equal(count_jobs(&ledger, CAROM_JOB_WAITING), 2); /* told now, and at its end */

    give(&given, 2); /* delivered before the bounce: too old to lift it */
    given.fact.kind = CAROM_KIND_DELIVERED;
    given.fact.time -= 60;
    record(&ledger, &given);
    history = past(&ledger, "ann@example.com");
    assert_true(carom_history_suppressed(&history, CAROM_STR_EMPTY));

    give(&given, 3);
    given.fact.kind = CAROM_KIND_DELIVERED;
    record(&ledger, &given);
    history = past(&ledger, "ann@example.com");
    assert_false(carom_history_suppressed(&history, CAROM_STR_EMPTY));
    assert_int_equal(count_jobs(&ledger, CAROM_JOB_DROPPED), 1);
    assert_int_equal(count_jobs(&ledger, CAROM_JOB_WAITING), 2); /* suppress, unsuppress now */

    give(&given, 4); /* a complaint is not soft */
    given.fact.kind = CAROM_KIND_COMPLAINT;
    given.fact.reason = CAROM_REASON_NONE;
    act(&given, CAROM_ACTION_SUPPRESS);
    record(&ledger, &given);
    give(&given, 5);
    given.fact.kind = CAROM_KIND_DELIVERED;
    record(&ledger, &given);
    history = past(&ledger, "ann@example.com");
    assert_true(carom_history_suppressed(&history, CAROM_STR_EMPTY));

    give(&given, 6);
    act(&given, CAROM_ACTION_UNSUPPRESS);
    record(&ledger, &given);
    history = past(&ledger, "ann@example.com");
    assert_false(carom_history_suppressed(&history, CAROM_STR_EMPTY));
    carom_ledger_close(&ledger);
}

static int may(struct carom_ledger *ledger, const char *key, const char *list)
{
    struct carom_refusal refusal;
    struct carom_error err = {0};
    int answer = ledger->ops->check(ledger->store, carom_str(key), carom_str(list), false, now, &refusal, &err);
    if (answer < 0)
        fail_msg("check: %s", err.text);
    return answer;
}

static int unban(struct carom_ledger *ledger, const char *key, const char *list)
{
    struct carom_error err = {0};
    int64_t n;
    must(ledger->ops->begin(ledger->store, &err), &err, "begin");
    must(ledger->care->unban(ledger->store, carom_str(key), carom_str(list), 0, now, &n, &err), &err, "unban");
    must(ledger->ops->commit(ledger->store, &err), &err, "commit");
    return (int)n;
}

/* As the next bounce would see it: in a transaction, where much of an address is kept from one to the next. */
static void sees(struct carom_ledger *ledger, size_t facts, bool suppressed)
{
    struct carom_error err = {0};
    must(ledger->ops->begin(ledger->store, &err), &err, "begin");
    struct carom_history history = past(ledger, "ann@example.com");
    must(ledger->ops->commit(ledger->store, &err), &err, "commit");
    assert_int_equal(history.n, facts);
    assert_int_equal(carom_history_suppressed(&history, CAROM_STR_EMPTY), suppressed);
}

static void test_what_others_change_is_seen(void **state)
{
    struct carom_ledger ledger = ledger_open(CAROM_LEDGER_WRITE), other = ledger_open(CAROM_LEDGER_WRITE);
    struct carom_error err = {0};
    struct given given;

    (void)state;
    for (uint64_t i = 1; i <= 20; i++) {
        give(&given, i);
        act(&given, CAROM_ACTION_SUPPRESS);
        record(&ledger, &given);
        sees(&ledger, i, true);
    }
    assert_int_equal(unban(&other, "ann@example.com", ""), 20);
    sees(&ledger, 20, false);
    give(&given, 21);
    act(&given, CAROM_ACTION_SUPPRESS);
    record(&other, &given);
    sees(&ledger, 21, true);
    assert_int_equal(unban(&ledger, "ann@example.com", ""), 1);
    sees(&ledger, 21, false);

    must(ledger.ops->begin(ledger.store, &err), &err, "begin");
    give(&given, 22);
    act(&given, CAROM_ACTION_SUPPRESS);
    assert_int_equal(past(&ledger, "ann@example.com").n, 21);
    must(ledger.ops->record(ledger.store, arena, &given.entry, &err), &err, "record");
    assert_int_equal(past(&ledger, "ann@example.com").n, 22);
    ledger.ops->rollback(ledger.store);
    sees(&ledger, 21, false);
    carom_ledger_close(&other);
    carom_ledger_close(&ledger);
}

static void test_who_left_all_lists(void **state)
{
    struct carom_ledger ledger = ledger_open(CAROM_LEDGER_WRITE);
    struct given given;

    (void)state;
    give(&given, 1);
    act(&given, CAROM_ACTION_UNSUBSCRIBE)->all = true;
    record(&ledger, &given);
    struct carom_history history = past(&ledger, "ann@example.com");
    assert_true(carom_history_suppressed(&history, CAROM_STR_EMPTY));
    assert_int_equal(count_jobs(&ledger, -1), 4); /* two lists, two sinks */

    give(&given, 2);
    given.fact.recipient = given.entry.address = CAROM_STR("bob@example.com");
    act(&given, CAROM_ACTION_UNSUBSCRIBE)->list = CAROM_STR("News.example.org");
    record(&ledger, &given);
    history = past(&ledger, "bob@example.com");
    assert_false(carom_history_suppressed(&history, CAROM_STR_EMPTY));
    give(&given, 3);
    given.fact.recipient = given.entry.address = CAROM_STR("bob@example.com");
    act(&given, CAROM_ACTION_UNSUBSCRIBE);
    record(&ledger, &given);
    history = past(&ledger, "bob@example.com");
    assert_true(carom_history_suppressed(&history, CAROM_STR_EMPTY));
    /* A list that is configured later: who left all of them left it too, who left each was not asked. */
    assert_false(carom_history_suppressed(&history, CAROM_STR("later.example.org")));
    assert_int_equal(may(&ledger, "bob@example.com", "later.example.org"), 1);
    assert_int_equal(may(&ledger, "bob@example.com", "dev.example.org"), 0);
    assert_int_equal(may(&ledger, "bob@example.com", ""), 0);
    assert_int_equal(may(&ledger, "ann@example.com", "later.example.org"), 0);

    give(&given, 4); /* and then all */
    given.fact.recipient = given.entry.address = CAROM_STR("bob@example.com");
    act(&given, CAROM_ACTION_UNSUBSCRIBE)->all = true;
    record(&ledger, &given);
    assert_int_equal(may(&ledger, "bob@example.com", "later.example.org"), 0);

    assert_int_equal(unban(&ledger, "bob@example.com", "dev.example.org"), 1);
    assert_int_equal(may(&ledger, "bob@example.com", "dev.example.org"), 0);
    assert_int_equal(unban(&ledger, "bob@example.com", ""), 1);
    assert_int_equal(may(&ledger, "bob@example.com", "dev.example.org"), 1);
    assert_int_equal(may(&ledger, "bob@example.com", "news.example.org"), 0);
    carom_ledger_close(&ledger);
}

/* ---- What a delivery asks ---- */

static int take_sink(void *user, struct carom_str sink) { return (void)user, (void)sink, 0; }

static void ban(struct carom_ledger *ledger, const char *key, const char *list, int64_t until)
{
    const struct carom_ban it = {.key = carom_str(key), .spelling = carom_str(key), .list = carom_str(list), .since = now,
                                 .until = until, .reason = carom_str(until ? "for a time" : "for good")};
    struct carom_error err = {0};
    must(ledger->ops->begin(ledger->store, &err), &err, "begin");
    assert_int_equal(ledger->care->ban(ledger->store, &it, now, &err), 1);
    must(ledger->ops->commit(ledger->store, &err), &err, "commit");
}

static void forget(struct carom_ledger *ledger, const char *key)
{
    const struct carom_str erased = carom_str(key);
    struct carom_forgotten forgotten;
    struct carom_error err = {0};
    must(ledger->care->forget(ledger->store, &erased, 1, true, now, take_sink, NULL, &forgotten, &err), &err, "forget");
}

static void expect_until(struct carom_ledger *ledger, const char *key, int64_t until)
{
    struct carom_refusal refusal;
    struct carom_error err = {0};
    assert_int_equal(ledger->ops->check(ledger->store, carom_str(key), CAROM_STR_EMPTY, false, now, &refusal, &err), 0);
    assert_string_equal(refusal.cause, "suppressed");
    assert_int_equal(refusal.until, until / 1000);
    assert_string_equal(refusal.reason, until ? "for a time" : "for good");
}

static void test_what_lasts_longest_is_named(void **state)
{
    struct carom_ledger ledger = ledger_open(CAROM_LEDGER_WRITE);

    (void)state;
    ban(&ledger, "ann@example.com", "", now + DAY);
    ban(&ledger, "ann@example.com", "", now + 3 * DAY);
    ban(&ledger, "ann@example.com", "news.example.org", now + 9 * DAY);
    expect_until(&ledger, "ann@example.com", now + 3 * DAY);
    ban(&ledger, "ann@example.com", "", 0);
    expect_until(&ledger, "ann@example.com", 0);
    carom_ledger_close(&ledger);
}

/* Whom nothing is known of that may stand against him is not asked for: all others are, whatever the list. */
static void test_sifted(void **state)
{
    enum { N = 300, BANNED = 3, ERASED = 5 };
    struct carom_ledger ledger = ledger_open(CAROM_LEDGER_WRITE);
    struct carom_error err = {0};
    struct carom_str keys[N];
    bool doubtful[N];
    struct given given;

    (void)state;
    for (size_t i = 0; i < N; i++) {
        keys[i] = carom_arena_printf(arena, "user%zu@example.com", i);
        give(&given, i + 1); /* known, and nothing was done */
        given.fact.recipient = given.entry.address = keys[i];
        record(&ledger, &given);
        if (i % ERASED == 1)
            forget(&ledger, keys[i].ptr);
        else if (i % BANNED == 1)
            ban(&ledger, keys[i].ptr, i % 2 ? "" : "news.example.org", 0);
    }
    must(ledger.ops->prepare(ledger.store, &err), &err, "prepare");
    ledger.ops->sift(ledger.store, keys, N, doubtful);
    for (size_t i = 0; i < N; i++) {
        assert_int_equal(doubtful[i], i % ERASED == 1 || i % BANNED == 1);
        assert_int_equal(may(&ledger, keys[i].ptr, "news.example.org"), !doubtful[i]);
    }
    carom_ledger_close(&ledger);
}

/* What is held may be released yet: whoever asks strictly is told no. */
static void test_what_is_held_is_no_yes(void **state)
{
    struct carom_ledger ledger = ledger_open(CAROM_LEDGER_WRITE);
    struct carom_refusal refusal;
    struct carom_error err = {0};
    struct carom_str json;
    struct given given;

    (void)state;
    give(&given, 1);
    act(&given, CAROM_ACTION_UNSUBSCRIBE)->state = CAROM_ACTION_HELD;
    given.decision.hold = CAROM_HOLD_GATE;
    must(ledger.ops->begin(ledger.store, &err), &err, "begin");
    must(ledger.ops->record(ledger.store, arena, &given.entry, &err), &err, "record");
    must(ledger.ops->commit(ledger.store, &err), &err, "commit");
    give(&given, 2);
    given.fact.recipient = given.entry.address = CAROM_STR("bob@example.com");
    record(&ledger, &given);
    assert_int_equal(may(&ledger, "ann@example.com", ""), 1);
    assert_int_equal(ledger.ops->check(ledger.store, CAROM_STR("ann@example.com"), CAROM_STR_EMPTY, true, now, &refusal, &err), 0);
    assert_string_equal(refusal.cause, "held");
    assert_int_equal(ledger.ops->check(ledger.store, CAROM_STR("bob@example.com"), CAROM_STR_EMPTY, true, now, &refusal, &err), 1);
    must(ledger.ops->decided(ledger.store, arena, 3, CAROM_STR("bob@example.com"), &json, &err), &err, "decided");
    assert_int_equal(json.len, 0); /* nothing was */
    carom_ledger_close(&ledger);
}

static void test_mail_of_a_job(void **state)
{
    struct carom_ledger ledger = ledger_open(CAROM_LEDGER_WRITE);
    struct carom_error err = {0};
    struct carom_job *jobs;
    struct carom_job_mail mail;
    size_t n;
    struct given given;

    (void)state;
    for (uint64_t i = 1; i <= 3; i++) {
        give(&given, i);
        given.entry.delivery = i == 3 ? 0 : 77;
        given.entry.raw = i == 1 ? CAROM_STR("Subject: x\n\nthe whole\n") : CAROM_STR_EMPTY;
        act(&given, CAROM_ACTION_TAG)->key = CAROM_STR("k");
        record(&ledger, &given);
    }
    for (int i = 0; i < 3; i++) {
        must(ledger.ops->claim(ledger.store, arena, now, 60000, 1, &jobs, &n, &err), &err, "claim");
        assert_int_equal(n, 1);
        must(ledger.ops->mail(ledger.store, arena, jobs[0].id, &mail, &err), &err, "mail");
        assert_true(carom_str_eq(mail.raw, i == 0 ? CAROM_STR("Subject: x\n\nthe whole\n") : CAROM_STR_EMPTY));
        assert_int_equal(mail.same_delivery_known, i < 2);
        assert_int_equal(mail.before != 0, i == 1); /* the first was done, for the same delivery */
        must(ledger.ops->settle(ledger.store, jobs[0].id, CAROM_JOB_DONE, 0, CAROM_STR("250"), false, &err), &err, "settle");
    }
    must(ledger.ops->mail(ledger.store, arena, 1, &mail, &err), &err, "mail"); /* erased while it was under way */
    assert_true(mail.erased);
    carom_ledger_close(&ledger);
}

/* What is pending comes again when due, and holds nothing up meanwhile. */
static void test_pending(void **state)
{
    struct carom_ledger ledger = ledger_open(CAROM_LEDGER_WRITE);
    struct carom_error err = {0};
    struct carom_job *jobs;
    size_t n;
    struct given given;

    (void)state;
    for (uint64_t i = 1; i <= 2; i++) {
        give(&given, i);
        act(&given, CAROM_ACTION_TAG)->key = CAROM_STR("k");
        record(&ledger, &given);
    }
    must(ledger.ops->claim(ledger.store, arena, now, 1, 9, &jobs, &n, &err), &err, "claim");
    assert_int_equal(n, 1);
    int64_t held = jobs[0].id;
    must(ledger.ops->settle(ledger.store, held, CAROM_JOB_PENDING, now + DAY, CAROM_STR("202"), true, &err), &err, "settle");
    must(ledger.ops->claim(ledger.store, arena, now + 1, 1, 9, &jobs, &n, &err), &err, "claim");
    assert_int_equal(n, 1);
    assert_int_not_equal(jobs[0].id, held);
    must(ledger.ops->settle(ledger.store, jobs[0].id, CAROM_JOB_DONE, 0, CAROM_STR("204"), false, &err), &err, "settle");
    must(ledger.ops->claim(ledger.store, arena, now + DAY, 1, 9, &jobs, &n, &err), &err, "claim");
    assert_int_equal(n, 1);
    assert_int_equal(jobs[0].id, held);
    assert_int_equal(jobs[0].state, CAROM_JOB_PENDING);
    assert_string_equal(carom_job_state_name(jobs[0].state), "pending");
    carom_ledger_close(&ledger);
}

/* Two sinks by name, one receiver for all we know: the end of a suppression must not come there before it. */
static void test_an_action_and_its_counterpart_keep_their_order(void **state)
{
    struct carom_sink suppress = {.name = CAROM_STR("suppress")}, unsuppress = {.name = CAROM_STR("unsuppress")};
    struct carom_sink_entry entries[] = {{CAROM_STR("suppress"), &suppress, &entries[1]},
                                         {CAROM_STR("unsuppress"), &unsuppress, &rest}};
    const struct carom_config counterparts = {.sinks = entries};
    struct carom_ledger ledger = ledger_open(CAROM_LEDGER_WRITE);
    struct carom_error err = {0};
    struct carom_job *jobs;
    size_t n;
    struct given given;

    (void)state;
    for (uint64_t i = 1; i <= 2; i++) {
        give(&given, i);
        given.entry.config = &counterparts;
        act(&given, i == 1 ? CAROM_ACTION_SUPPRESS : CAROM_ACTION_UNSUPPRESS);
        act(&given, CAROM_ACTION_TAG)->key = CAROM_STR("k");
        record(&ledger, &given);
    }
    must(ledger.ops->claim(ledger.store, arena, now, 1, 9, &jobs, &n, &err), &err, "claim");
    assert_int_equal(n, 2); /* suppress and a tag */
    assert_string_equal(jobs[0].action.ptr, "suppress");
    must(ledger.ops->settle(ledger.store, jobs[0].id, CAROM_JOB_WAITING, now + DAY, CAROM_STR("503"), false, &err), &err, "settle");
    must(ledger.ops->settle(ledger.store, jobs[1].id, CAROM_JOB_DONE, 0, CAROM_STR("204"), false, &err), &err, "settle");
    must(ledger.ops->claim(ledger.store, arena, now, 1, 9, &jobs, &n, &err), &err, "claim");
    assert_int_equal(n, 1);
    assert_string_equal(jobs[0].action.ptr, "tag");
    must(ledger.ops->settle(ledger.store, jobs[0].id, CAROM_JOB_DONE, 0, CAROM_STR("204"), false, &err), &err, "settle");
    must(ledger.ops->claim(ledger.store, arena, now + DAY, 1, 1, &jobs, &n, &err), &err, "claim");
    must(ledger.ops->settle(ledger.store, jobs[0].id, CAROM_JOB_DONE, 0, CAROM_STR("204"), false, &err), &err, "settle");
    must(ledger.ops->claim(ledger.store, arena, now + DAY, 1, 9, &jobs, &n, &err), &err, "claim");
    assert_int_equal(n, 1);
    assert_string_equal(jobs[0].action.ptr, "unsuppress");
    carom_ledger_close(&ledger);
}

static void test_what_is_sent_again_begins_anew(void **state)
{
    struct carom_ledger ledger = ledger_open(CAROM_LEDGER_WRITE);
    struct carom_error err = {0};
    struct carom_job *jobs;
    size_t n;
    struct given given;

    (void)state;
    give(&given, 1);
    act(&given, CAROM_ACTION_TAG)->key = CAROM_STR("k");
    record(&ledger, &given);
    for (int i = 0; i < 10; i++) {
        must(ledger.ops->claim(ledger.store, arena, now, 1, 9, &jobs, &n, &err), &err, "claim");
        must(ledger.ops->settle(ledger.store, jobs[0].id, i < 9 ? CAROM_JOB_WAITING : CAROM_JOB_DEAD, now, CAROM_STR("503"),
                                false, &err), &err, "settle");
    }
    must(ledger.ops->resend(ledger.store, jobs[0].id, now + 40 * DAY, CAROM_STR("again"), &err), &err, "resend");
    must(ledger.ops->claim(ledger.store, arena, now + 40 * DAY, 1, 9, &jobs, &n, &err), &err, "claim");
    assert_int_equal(n, 1);
    assert_int_equal(jobs[0].attempts, 0);
    assert_int_equal(jobs[0].created, now); /* stands in what is sent, which stays the same */
    assert_int_equal(jobs[0].begun, now + 40 * DAY); /* from which the days of a pending one count */
    carom_ledger_close(&ledger);
}

/* Somebody drops a job, or an end that was to be told is not any more, while it is under way. */
static void test_what_is_over_stays_so(void **state)
{
    const struct {
        enum carom_job_state before, outcome, want;
    } cases[] = {{CAROM_JOB_DROPPED, CAROM_JOB_WAITING, CAROM_JOB_DROPPED}, {CAROM_JOB_DROPPED, CAROM_JOB_PENDING, CAROM_JOB_DROPPED},
                 {CAROM_JOB_DROPPED, CAROM_JOB_DEAD, CAROM_JOB_DROPPED},    {CAROM_JOB_DROPPED, CAROM_JOB_DONE, CAROM_JOB_DONE},
                 {CAROM_JOB_DONE, CAROM_JOB_WAITING, CAROM_JOB_DONE},       {CAROM_JOB_DONE, CAROM_JOB_DROPPED, CAROM_JOB_DONE},
                 {CAROM_JOB_DEAD, CAROM_JOB_DROPPED, CAROM_JOB_DROPPED},    {CAROM_JOB_PENDING, CAROM_JOB_DROPPED, CAROM_JOB_DROPPED}};
    struct carom_ledger ledger = ledger_open(CAROM_LEDGER_WRITE);
    struct carom_error err = {0};
    struct carom_job *jobs;
    size_t n;
    struct given given;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        give(&given, 100 * i + 1);
        act(&given, CAROM_ACTION_TAG)->key = CAROM_STR("k");
        record(&ledger, &given);
        must(ledger.ops->claim(ledger.store, arena, now, DAY, 1, &jobs, &n, &err), &err, "claim");
        assert_int_equal(n, 1);
        int before = count_jobs(&ledger, (int)cases[i].want);
        must(ledger.ops->settle(ledger.store, jobs[0].id, cases[i].before, now, CAROM_STR("first"), true, &err), &err, "settle");
        must(ledger.ops->settle(ledger.store, jobs[0].id, cases[i].outcome, now, CAROM_STR("then"), false, &err), &err, "settle");
        assert_int_equal(count_jobs(&ledger, (int)cases[i].want), before + 1);
    }
    carom_ledger_close(&ledger);
}

/* The end of a suppression is being told while the next begins: whatever becomes of that, the sink hears of it before. */
static void test_an_end_under_way_comes_first(void **state)
{
    struct carom_sink suppress = {.name = CAROM_STR("suppress")}, unsuppress = {.name = CAROM_STR("unsuppress")};
    struct carom_sink_entry entries[] = {{CAROM_STR("suppress"), &suppress, &entries[1]},
                                         {CAROM_STR("unsuppress"), &unsuppress, NULL}};
    const struct carom_config counterparts = {.sinks = entries};
    static const char *const told[] = {"suppress", "unsuppress", "unsuppress", "suppress"};
    struct carom_ledger ledger = ledger_open(CAROM_LEDGER_WRITE);
    struct carom_error err = {0};
    struct carom_job *jobs;
    size_t n;
    struct given given;

    (void)state;
    give(&given, 1);
    given.entry.config = &counterparts;
    act(&given, CAROM_ACTION_SUPPRESS)->duration_ms = DAY;
    record(&ledger, &given);
    for (int i = 0; i < 4; i++) {
        int64_t at = now + (i ? DAY + i : 0);
        must(ledger.ops->claim(ledger.store, arena, at, 60000, 9, &jobs, &n, &err), &err, "claim");
        assert_int_equal(n, 1);
        assert_string_equal(jobs[0].action.ptr, told[i]);
        int64_t id = jobs[0].id;
        if (i == 1) {
            give(&given, 2);
            given.entry.config = &counterparts;
            given.entry.now = at;
            act(&given, CAROM_ACTION_SUPPRESS)->duration_ms = 2 * DAY;
            record(&ledger, &given);
            must(ledger.ops->claim(ledger.store, arena, at, 60000, 9, &jobs, &n, &err), &err, "claim");
            assert_int_equal(n, 0); /* another run */
        }
        must(ledger.ops->settle(ledger.store, id, i == 1 ? CAROM_JOB_WAITING : CAROM_JOB_DONE, at, CAROM_STR("x"), false, &err),
             &err, "settle");
    }
    carom_ledger_close(&ledger);
}

/* What has not left yet, and is over: the sink hears of the end after it, by whomever it was ended. */
static void test_an_end_waits_for_what_is_kept_back(void **state)
{
    enum { HOUR = 3600 * 1000, SETTLE = 6 * HOUR };
    struct carom_sink suppress = {.name = CAROM_STR("suppress")}, unsuppress = {.name = CAROM_STR("unsuppress")};
    struct carom_sink_entry entries[] = {{CAROM_STR("suppress"), &suppress, &entries[1]},
                                         {CAROM_STR("unsuppress"), &unsuppress, NULL}};
    const struct carom_config keeping_back = {.sinks = entries, .settle_ms = SETTLE};
    struct carom_ledger ledger = ledger_open(CAROM_LEDGER_WRITE);
    struct carom_error err = {0};
    struct carom_job *jobs;
    size_t n;
    struct given given;

    (void)state;
    for (int i = 0; i < 3; i++) { /* a delivery, the policy, a person */
        int64_t at = now + i * 10 * DAY, ended;
        give(&given, (uint64_t)i * 100 + 1);
        given.entry.config = &keeping_back;
        given.entry.now = at;
        act(&given, CAROM_ACTION_SUPPRESS)->duration_ms = 9 * DAY;
        record(&ledger, &given);
        give(&given, (uint64_t)i * 100 + 50);
        given.entry.config = &keeping_back;
        given.entry.now = at + HOUR;
        given.fact.kind = i == 0 ? CAROM_KIND_DELIVERED : CAROM_KIND_COMPLAINT;
        if (i == 1)
            act(&given, CAROM_ACTION_UNSUPPRESS);
        if (i < 2)
            record(&ledger, &given);
        else {
            must(ledger.ops->begin(ledger.store, &err), &err, "begin");
            must(ledger.care->unban(ledger.store, given.entry.address, CAROM_STR_EMPTY, 0, at + HOUR, &ended, &err), &err, "unban");
            must(ledger.ops->commit(ledger.store, &err), &err, "commit");
        }
        must(ledger.ops->claim(ledger.store, arena, at + HOUR, 1, 9, &jobs, &n, &err), &err, "claim");
        assert_int_equal(n, 0);
        for (int k = 0; k < 2; k++) {
            must(ledger.ops->claim(ledger.store, arena, at + SETTLE, 1, 9, &jobs, &n, &err), &err, "claim");
            assert_int_equal(n, 1);
            assert_string_equal(jobs[0].action.ptr, k == 0 ? "suppress" : "unsuppress");
            must(ledger.ops->settle(ledger.store, jobs[0].id, CAROM_JOB_DONE, at, CAROM_STR("204"), false, &err), &err, "settle");
        }
    }
    carom_ledger_close(&ledger);
}

/* A delivery ends a suppression for the sinks, too, where all lists were left meanwhile: who comes back is free everywhere. */
static void test_a_delivery_tells_the_end_also_of_who_left(void **state)
{
    static const char told[] = "SELECT count(*) FROM job WHERE action = 'unsuppress'";
    struct carom_list_entry only = {.id = CAROM_STR("dev.example.org")};
    const struct carom_config one_list = {.sinks = &sinks, .lists = &only};

    (void)state;
    for (int all = 0; all < 2; all++) {
        struct carom_ledger ledger = ledger_open(CAROM_LEDGER_WRITE);
        struct carom_str key = all ? CAROM_STR("bob@example.com") : CAROM_STR("ann@example.com");
        for (uint64_t i = 1; i <= 3; i++) {
            struct given given;
            give(&given, i);
            given.fact.recipient = given.entry.address = key;
            given.entry.config = &one_list;
            if (i == 3)
                given.fact.kind = CAROM_KIND_DELIVERED;
            else
                act(&given, i == 1 ? CAROM_ACTION_SUPPRESS : CAROM_ACTION_UNSUBSCRIBE)->all = i == 2 && all;
            record(&ledger, &given);
        }
        assert_int_equal(unban(&ledger, key.ptr, "dev.example.org"), 1);
        unban(&ledger, key.ptr, "");
        assert_int_equal(may(&ledger, key.ptr, ""), 1);
        assert_int_equal(may(&ledger, key.ptr, "dev.example.org"), 1);
        assert_int_equal(query(told), all + 1);
        carom_ledger_close(&ledger);
    }
}

/* The sinks of those who leave and of those who are back. */
static struct carom_sink leaving = {.name = CAROM_STR_INIT("leave")}, joining = {.name = CAROM_STR_INIT("join")};
static struct carom_sink_entry leave_and_join[] = {{CAROM_STR_INIT("unsubscribe"), &leaving, &leave_and_join[1]},
                                                   {CAROM_STR_INIT("resubscribe"), &joining, NULL}};
static const struct carom_config both = {.sinks = leave_and_join, .lists = &lists};

/* A moderator has not agreed yet, and it is taken back: he is not asked again. */
static void test_what_is_pending_and_taken_back(void **state)
{
    struct carom_selection selection = carom_selection_any();
    struct carom_ledger ledger = ledger_open(CAROM_LEDGER_WRITE);
    struct carom_error err = {0};
    struct carom_settled settled;
    struct carom_job *jobs;
    size_t n;
    struct given given;

    (void)state;
    give(&given, 1);
    given.entry.config = &both;
    act(&given, CAROM_ACTION_UNSUBSCRIBE);
    record(&ledger, &given);
    must(ledger.ops->claim(ledger.store, arena, now, 1, 9, &jobs, &n, &err), &err, "claim");
    assert_int_equal(n, 1);
    must(ledger.ops->settle(ledger.store, jobs[0].id, CAROM_JOB_PENDING, now + DAY, CAROM_STR("202"), true, &err), &err, "settle");
    selection.key = given.entry.address;
    must(ledger.care->undo(ledger.store, &selection, &both, now + 1, &settled, &err), &err, "undo");
    assert_int_equal(settled.told, 1);
    must(ledger.ops->claim(ledger.store, arena, now + 2 * DAY, 1, 9, &jobs, &n, &err), &err, "claim");
    assert_int_equal(n, 1);
    assert_string_equal(jobs[0].action.ptr, "resubscribe");
    carom_ledger_close(&ledger);
}

/* What tells the sinks that it was taken back goes on, whatever becomes of it. */
static void test_what_tells_back_is_not_taken_back(void **state)
{
    struct carom_selection selection = carom_selection_any();
    struct carom_ledger ledger = ledger_open(CAROM_LEDGER_WRITE);
    struct carom_error err = {0};
    struct carom_settled settled;
    struct carom_revision revision = {.dry = false};
    struct carom_decision old, new;
    struct carom_job *jobs;
    size_t n;
    struct given given, other;

    (void)state;
    give(&given, 1);
    given.entry.config = &both;
    act(&given, CAROM_ACTION_UNSUBSCRIBE);
    record(&ledger, &given);
    must(ledger.ops->claim(ledger.store, arena, now, 1, 9, &jobs, &n, &err), &err, "claim");
    assert_int_equal(n, 1);
    must(ledger.ops->settle(ledger.store, jobs[0].id, CAROM_JOB_DONE, now, CAROM_STR("204"), false, &err), &err, "settle");
    give(&other, 1);
    act(&other, CAROM_ACTION_TAG)->key = CAROM_STR("k");
    selection.key = given.entry.address;
    must(ledger.ops->begin(ledger.store, &err), &err, "begin");
    assert_int_equal(ledger.care->revise(ledger.store, arena, &revision, query("SELECT id FROM fact"), &other.decision, &both,
                                         now + 1, &old, &new, &err), 1);
    must(ledger.care->revised(ledger.store, &revision, &selection, now + 1, &err), &err, "revised");
    must(ledger.ops->commit(ledger.store, &err), &err, "commit");
    must(ledger.care->undo(ledger.store, &selection, &both, now + 2, &settled, &err), &err, "undo");
    must(ledger.ops->claim(ledger.store, arena, now + DAY, 1, 9, &jobs, &n, &err), &err, "claim");
    assert_int_equal(n, 1);
    assert_string_equal(jobs[0].action.ptr, "resubscribe");
    carom_ledger_close(&ledger);
}

/* Told, told back, done again, and taken back before that was told: what the sink hears last is that it was taken back. */
static void test_what_is_taken_back_twice(void **state)
{
    static const char *const told[] = {"unsubscribe", "resubscribe", "resubscribe"};
    struct carom_selection selection = carom_selection_any();
    struct carom_ledger ledger = ledger_open(CAROM_LEDGER_WRITE);
    struct carom_error err = {0};
    struct carom_settled settled = {0};
    struct carom_job *jobs;
    size_t n;
    struct given given;

    (void)state;
    give(&given, 1);
    given.entry.config = &both;
    act(&given, CAROM_ACTION_UNSUBSCRIBE);
    record(&ledger, &given);
    selection.key = given.entry.address;
    for (int i = 0; i < 3; i++) {
        int64_t at = now + i * DAY;
        if (i == 2)
            must(ledger.care->redo(ledger.store, settled.operation, &both, at - 1, &settled, &err), &err, "redo");
        if (i > 0)
            must(ledger.care->undo(ledger.store, &selection, &both, at, &settled, &err), &err, "undo");
        must(ledger.ops->claim(ledger.store, arena, at, 1, 9, &jobs, &n, &err), &err, "claim");
        assert_int_equal(n, 1);
        assert_string_equal(jobs[0].action.ptr, told[i]);
        must(ledger.ops->settle(ledger.store, jobs[0].id, CAROM_JOB_DONE, at, CAROM_STR("204"), false, &err), &err, "settle");
    }
    carom_ledger_close(&ledger);
}

/* ---- Who left for two reasons ---- */

/* Of one list, of which ann is taken off; 0: not held. */
static int64_t leave(struct carom_ledger *ledger, const struct carom_config *of, int64_t at, enum carom_hold hold)
{
    struct given given;
    give(&given, (uint64_t)at);
    given.entry.config = of;
    given.entry.now = at;
    given.decision.hold = hold;
    act(&given, CAROM_ACTION_UNSUBSCRIBE)->state = hold ? CAROM_ACTION_HELD : CAROM_ACTION_DECIDED;
    record(ledger, &given);
    return query("SELECT max(id) FROM fact");
}

static int64_t undo(struct carom_ledger *ledger, const struct carom_config *of, int64_t fact, int64_t at)
{
    struct carom_selection selection = carom_selection_any();
    struct carom_settled settled;
    struct carom_error err = {0};
    selection.fact = fact;
    must(ledger->care->undo(ledger->store, &selection, of, at, &settled, &err), &err, "undo");
    assert_int_equal(settled.facts, 1);
    return settled.operation;
}

static void expect_left(struct carom_ledger *ledger, bool left)
{
    assert_int_equal(may(ledger, "ann@example.com", "dev.example.org"), !left);
    assert_int_equal(may(ledger, "ann@example.com", ""), !left);
}

enum again { DONE_AGAIN, RELEASED, BROUGHT_BACK };

/* What the elder fact decided is ended by a person, or held. The younger one comes; but in BROUGHT_BACK the elder is then
   decided anew; the younger one is taken back. */
static void leave_twice(enum again again)
{
    struct carom_list_entry only = {.id = CAROM_STR("dev.example.org")};
    const struct carom_config of = {.sinks = &sinks, .lists = &only};
    struct carom_ledger ledger = ledger_open(CAROM_LEDGER_WRITE);
    struct carom_selection selection = carom_selection_any();
    struct carom_settled settled;
    struct carom_error err = {0};
    int64_t elder = leave(&ledger, &of, now, again == RELEASED ? CAROM_HOLD_GATE : CAROM_HOLD_NONE), operation = 0;

    if (again != RELEASED) {
        unban(&ledger, "ann@example.com", "dev.example.org");
        unban(&ledger, "ann@example.com", "");
    }
    if (again == DONE_AGAIN)
        operation = undo(&ledger, &of, elder, now + DAY);
    expect_left(&ledger, false);
    int64_t younger = leave(&ledger, &of, now + 2 * DAY, CAROM_HOLD_NONE);
    expect_left(&ledger, true);
    if (again == DONE_AGAIN)
        must(ledger.care->redo(ledger.store, operation, &of, now + 3 * DAY, &settled, &err), &err, "redo");
    if (again == RELEASED)
        must(ledger.care->settle_held(ledger.store, &selection, &of, CAROM_SETTLE_RELEASE, now + 3 * DAY, &settled, &err), &err,
             "release");
    undo(&ledger, &of, younger, now + 4 * DAY);
    expect_left(&ledger, again != BROUGHT_BACK);
    undo(&ledger, &of, elder, now + 5 * DAY);
    expect_left(&ledger, false);
    carom_ledger_close(&ledger);
}

static void test_what_was_done_again_stands_alone(void **state) { (void)state, leave_twice(DONE_AGAIN); }
static void test_what_was_released_late_stands_alone(void **state) { (void)state, leave_twice(RELEASED); }
static void test_what_a_person_ended_stays_so(void **state) { (void)state, leave_twice(BROUGHT_BACK); }

/* Who is back on one list has not left each any more. */
static void test_who_is_back_on_one_list_has_not_left_each(void **state)
{
    struct carom_ledger ledger = ledger_open(CAROM_LEDGER_WRITE);
    int64_t operation, of_dev = leave(&ledger, &config, now, CAROM_HOLD_NONE);
    struct carom_settled settled;
    struct carom_error err = {0};
    struct given given;

    (void)state;
    give(&given, 2);
    act(&given, CAROM_ACTION_UNSUBSCRIBE)->list = news.id;
    record(&ledger, &given);
    expect_left(&ledger, true);
    operation = undo(&ledger, &config, of_dev, now + DAY);
    expect_left(&ledger, false);
    assert_int_equal(may(&ledger, "ann@example.com", "news.example.org"), 0);
    must(ledger.care->redo(ledger.store, operation, &config, now + 2 * DAY, &settled, &err), &err, "redo");
    expect_left(&ledger, true);
    carom_ledger_close(&ledger);
}

static int keep_pause(void *user, const struct carom_pause *pause)
{
    char *text = user;
    sprintf(text + strlen(text), CAROM_STR_FMT " %lld %lld " CAROM_STR_FMT ";", CAROM_STR_ARG(pause->sink),
            (long long)pause->since, (long long)pause->until, CAROM_STR_ARG(pause->why));
    return 0;
}

static void test_pauses(void **state)
{
    struct carom_ledger ledger = ledger_open(CAROM_LEDGER_WRITE);
    struct carom_error err = {0};
    const struct carom_pause steps[] = {{CAROM_STR("a"), CAROM_STR("401"), 5, 65}, {CAROM_STR("b"), CAROM_STR("410"), 6, 0},
                                        {CAROM_STR("a"), CAROM_STR("403"), 7, 67}, {CAROM_STR("b"), CAROM_STR_EMPTY, 0, 0}};
    char got[256] = "";

    (void)state;
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        if (i == 3)
            must(ledger.ops->pauses(ledger.store, keep_pause, got, &err), &err, "pauses");
        must(ledger.ops->pause(ledger.store, &steps[i], &err), &err, "pause");
    }
    assert_string_equal(got, "b 6 0 410;a 7 67 403;");
    got[0] = '\0';
    must(ledger.ops->pauses(ledger.store, keep_pause, got, &err), &err, "pauses");
    assert_string_equal(got, "a 7 67 403;");
    carom_ledger_close(&ledger);
}

static void test_alerts_once_a_period(void **state)
{
    struct carom_ledger ledger = ledger_open(CAROM_LEDGER_WRITE);
    struct carom_error err = {0};
    struct carom_job *jobs;
    size_t n;
    struct given given;

    (void)state;
    for (uint64_t i = 0; i < 5; i++) {
        give(&given, 100 * i + 1);
        given.entry.now = now + (int64_t)i * 20 * 60 * 1000; /* the fourth is an hour after the first */
        act(&given, CAROM_ACTION_ALERT)->text = CAROM_STR("full: {address}");
        record(&ledger, &given);
    }
    assert_int_equal(count_jobs(&ledger, -1), 2);
    must(ledger.ops->claim(ledger.store, arena, now + DAY, 1000, 9, &jobs, &n, &err), &err, "claim");
    assert_int_equal(n, 1); /* in order: one sink, one address */
    assert_non_null(strstr(jobs[0].data.ptr, "\"text\":\"full: Ann@example.com\""));
    assert_non_null(strstr(jobs[0].data.ptr, "\"count\":0"));
    must(ledger.ops->settle(ledger.store, jobs[0].id, CAROM_JOB_DONE, 0, CAROM_STR("200"), false, &err), &err, "settle");
    must(ledger.ops->claim(ledger.store, arena, now + DAY, 1000, 9, &jobs, &n, &err), &err, "claim");
    assert_int_equal(n, 1);
    assert_non_null(strstr(jobs[0].data.ptr, "\"count\":2"));
    carom_ledger_close(&ledger);
}

/* Two processes look at the clock and then wait for the ledger: who comes second may have looked first. That is no clock
   that was set back. */
static void test_alerts_once_whoever_looked_first(void **state)
{
    static const int64_t moment = 1000, year = 365 * DAY;
    const struct {
        int64_t since_first;
        size_t jobs;
    } times[] = {{0, 1}, {-1, 1}, {moment, 1}, {-moment, 1}, {-year, 2}, {-year - moment, 2}};
    struct carom_ledger ledger = ledger_open(CAROM_LEDGER_WRITE);
    struct given given;

    (void)state;
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        give(&given, 100 * i + 1);
        given.entry.now = now + times[i].since_first;
        act(&given, CAROM_ACTION_ALERT)->text = CAROM_STR("full: {address}");
        record(&ledger, &given);
        assert_int_equal(count_jobs(&ledger, -1), times[i].jobs);
    }
    carom_ledger_close(&ledger);
}

static int name_job(void *user, const struct carom_job *job)
{
    carom_buf_printf(user, CAROM_STR_FMT ">" CAROM_STR_FMT " ", CAROM_STR_ARG(job->action), CAROM_STR_ARG(job->sink));
    return 0;
}

/* Commands and mail have sinks of their own, beside those of actions. */
static void test_jobs_of_commands_and_mail(void **state)
{
    static struct carom_sink smtp = {
        .name = {"smtp", 4}, .type = CAROM_SINK_SMTP, .url = {"smtp://mail.example.org", 23}};
    static struct carom_sink purge = {.name = {"command.purge", 13}, .type = CAROM_SINK_COMMAND};
    static struct carom_sink_entry commands = {.name = {"purge", 5}, .sinks = &purge};
    static struct carom_verp_config verp;
    static const struct carom_config config_here = {.smtp = &smtp, .commands = &commands, .verp = &verp};
    struct carom_ledger ledger = ledger_open(CAROM_LEDGER_WRITE);
    struct carom_buf names = CAROM_BUF_INIT(1000);
    struct carom_error err = {0};
    struct given given;

    (void)state;
    give(&given, 1);
    given.fact.authenticity = CAROM_AUTHENTICITY_SIGNED;
    given.entry.config = &config_here;
    act(&given, CAROM_ACTION_RUN)->command = CAROM_STR("purge");
    act(&given, CAROM_ACTION_FORWARD)->to = CAROM_STR("ops@example.org");
    act(&given, CAROM_ACTION_PROBE);
    carom_decision_settle(&given.decision, &given.fact, &config_here);
    must(ledger.ops->begin(ledger.store, &err), &err, "begin");
    must(ledger.ops->record(ledger.store, arena, &given.entry, &err), &err, "record");
    must(ledger.ops->commit(ledger.store, &err), &err, "commit");
    must(ledger.ops->jobs(ledger.store, arena, CAROM_JOB_WAITING, name_job, &names, &err), &err, "jobs");
    assert_string_equal(carom_buf_str(&names).ptr, "run>command.purge forward>smtp probe>smtp ");
    carom_buf_deinit(&names);
    carom_ledger_close(&ledger);
}

static void test_jobs(void **state)
{
    struct carom_ledger ledger = ledger_open(CAROM_LEDGER_WRITE);
    struct carom_error err = {0};
    struct carom_job *jobs;
    size_t n;
    struct given given;
    char key[64];

    (void)state;
    give(&given, 1);
    act(&given, CAROM_ACTION_RETRY)->after_ms = 4 * 3600 * 1000;
    record(&ledger, &given);
    give(&given, 2);
    struct carom_decided *webhook = act(&given, CAROM_ACTION_WEBHOOK);
    webhook->endpoint = CAROM_STR("crm");
    webhook->payload = CAROM_STR("{\"event\":\"full\"}");
    act(&given, CAROM_ACTION_TAG)->key = CAROM_STR("k");
    record(&ledger, &given);
    give(&given, 3); /* a retry that an archive asks for a year too late */
    given.fact.received -= 365 * 86400;
    act(&given, CAROM_ACTION_RETRY)->after_ms = 1000;
    record(&ledger, &given);

    /* The retry waits for its time and holds nothing up. */
    must(ledger.ops->claim(ledger.store, arena, now, 60000, 9, &jobs, &n, &err), &err, "claim");
    assert_int_equal(n, 2);
    assert_true(carom_str_eq(jobs[0].sink, CAROM_STR("endpoint.crm")));
    assert_true(carom_str_starts(jobs[0].data, CAROM_STR("{\"action\":{\"action\":\"webhook\",\"endpoint\":\"crm\",\"payload\":{\"event\":\"full\"}},\"fact\":{")));
    struct carom_str headers;
    must(carom_unpack(arena, jobs[0].headers, &headers, &err), &err, "headers");
    assert_true(carom_str_eq(headers, CAROM_STR("Message-ID: <1@example.org>\r\n")));
    assert_true(carom_str_eq(jobs[0].address, CAROM_STR("ann@example.com")));
    assert_true(carom_str_starts(jobs[0].key, CAROM_STR("msg_")));
    snprintf(key, sizeof(key), CAROM_STR_FMT, CAROM_STR_ARG(jobs[0].key));
    int64_t id = jobs[0].id;

    /* Leased ones are not given twice; the lease of who died expires; the key stays. */
    must(ledger.ops->claim(ledger.store, arena, now + 59999, 60000, 9, &jobs, &n, &err), &err, "claim");
    assert_int_equal(n, 0);
    must(ledger.ops->claim(ledger.store, arena, now + 60000, 60000, 9, &jobs, &n, &err), &err, "claim");
    assert_int_equal(n, 2);
    assert_true(carom_str_eq(jobs[0].key, carom_str(key)));
    assert_int_equal(jobs[0].attempts, 0);

    /* What is tried again holds up what follows at its sink and address, also before it is due. */
    must(ledger.ops->settle(ledger.store, id, CAROM_JOB_WAITING, now + DAY, CAROM_STR("503"), false, &err), &err, "settle");
    give(&given, 4);
    act(&given, CAROM_ACTION_WEBHOOK)->endpoint = CAROM_STR("crm");
    record(&ledger, &given);
    must(ledger.ops->claim(ledger.store, arena, now + 61000, 1, 9, &jobs, &n, &err), &err, "claim");
    assert_int_equal(n, 0);
    must(ledger.ops->settle(ledger.store, id, CAROM_JOB_DEAD, 0, CAROM_STR("410"), true, &err), &err, "settle");
    must(ledger.ops->claim(ledger.store, arena, now + 61000, 1, 9, &jobs, &n, &err), &err, "claim");
    assert_int_equal(n, 1);
    assert_string_not_equal(jobs[0].key.ptr, key);
    assert_int_equal(query("SELECT attempts FROM job WHERE state = 2"), 1);
    /* A job that was erased while it was under way is nothing to fail for. */
    const struct carom_decided alert = {.type = CAROM_ACTION_ALERT, .text = CAROM_STR("x"), .key = CAROM_STR("x")};
    must(ledger.ops->settle(ledger.store, 1, CAROM_JOB_DONE, 0, CAROM_STR_EMPTY, true, &err), &err, "settle");
    must(ledger.ops->alert(ledger.store, 1, &alert, &config, now, &err), &err, "alert");
    assert_int_equal(count_jobs(&ledger, -1), 4);
    carom_ledger_close(&ledger);
}

/* ---- How it goes ---- */

static void test_standing(void **state)
{
    struct carom_ledger ledger = ledger_open(CAROM_LEDGER_WRITE);
    struct carom_standing standing;
    struct carom_error err = {0};
    struct given given;

    (void)state;
    must(ledger.care->standing(ledger.store, now, &standing, &err), &err, "standing");
    assert_int_equal(standing.last_fact, 0);
    assert_int_equal(standing.delivered, 0);
    assert_int_equal(standing.version, 1);
    give(&given, 1);
    act(&given, CAROM_ACTION_SUPPRESS)->duration_ms = DAY; /* told now, and its end in a day */
    given.entry.now = now - DAY / 2;
    record(&ledger, &given);
    give(&given, 2);
    given.fact.kind = CAROM_KIND_COMPLAINT;
    given.fact.list = CAROM_STR_EMPTY;
    act(&given, CAROM_ACTION_UNSUBSCRIBE); /* from which list? */
    record(&ledger, &given);
    must(ledger.care->note(ledger.store, CAROM_NOTE_DELIVERY, now - 2, &err), &err, "note");
    must(ledger.care->note(ledger.store, CAROM_NOTE_DELIVERY, now - 1, &err), &err, "note again");
    must(ledger.care->standing(ledger.store, now, &standing, &err), &err, "standing");
    assert_int_equal(standing.last_fact, now);
    assert_int_equal(standing.hour[CAROM_KIND_TRANSIENT], 0);
    assert_int_equal(standing.day[CAROM_KIND_TRANSIENT], 1);
    assert_int_equal(standing.hour[CAROM_KIND_COMPLAINT], 1);
    assert_int_equal(standing.unmatched, 1);
    assert_int_equal(standing.waiting, 2);
    assert_int_equal(standing.due, 1);
    assert_int_equal(standing.oldest, now - DAY / 2);
    assert_string_equal(standing.oldest_sink, "*");
    assert_int_equal(standing.suppressions, 1);
    assert_int_equal(standing.delivered, now - 1);
    assert_true(standing.bytes > 4096);
    carom_ledger_close(&ledger);
}

/* Somebody looks every minute: no count walks through the rows. */
static void test_standing_reads_indexes_only(void **state)
{
    static const char *const counts[] = {
        "SELECT kind, count(*), sum(unmatched) FROM fact WHERE decided > 1 GROUP BY kind",
        "SELECT count(*), sum(due <= 2), min(planned) FROM job WHERE state = 1",
        "SELECT count(*) FROM suppression WHERE ended = 0 AND until > 1"};
    struct carom_ledger ledger = ledger_open(CAROM_LEDGER_WRITE);
    sqlite3 *db;
    sqlite3_stmt *statement;

    (void)state;
    carom_ledger_close(&ledger);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        char sql[200];
        snprintf(sql, sizeof(sql), "EXPLAIN QUERY PLAN %s", counts[i]);
        assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
        assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
        const char *plan = (const char *)sqlite3_column_text(statement, 3);
        if (!strstr(plan, "USING COVERING INDEX") || strstr(plan, "SCAN"))
            fail_msg("%s: %s", counts[i], plan);
        sqlite3_finalize(statement);
    }
    sqlite3_close(db);
}

/* ---- Other processes ---- */

static void write_many(int process, int n, int acknowledge)
{
    struct carom_ledger ledger = ledger_open(CAROM_LEDGER_WRITE);
    for (int i = 0; i < n; i++) {
        struct given given;
        give(&given, (uint64_t)(process * 1000000 + i * 100 + 1));
        act(&given, CAROM_ACTION_UNSUBSCRIBE);
        record(&ledger, &given);
        if (acknowledge >= 0 && write(acknowledge, "x", 1) != 1)
            _exit(2);
    }
    carom_ledger_close(&ledger);
}

/* ---- Retention ---- */

static struct carom_config keeping(void)
{
    struct carom_config kept = config;
    kept.keep_raw_ms = kept.keep_jobs_ms = 30 * DAY;
    kept.keep_facts_ms = 400 * DAY;
    return kept;
}

/* All steps of one run. Returns how many there were. */
static int prune(struct carom_ledger *ledger, int64_t at)
{
    struct carom_pruned pruned = {0};
    const struct carom_config kept = keeping();
    struct carom_error err = {0};
    int steps = 0, more;
    while ((more = ledger->care->prune(ledger->store, &kept, at, &pruned, &err)) > 0)
        steps++;
    must(more, &err, "prune");
    return steps;
}

static void expect_rows(const char *when, int64_t raw, int64_t facts, int64_t jobs, int64_t addresses)
{
    int64_t got[] = {query("SELECT count(*) FROM raw"), query("SELECT count(*) FROM fact"),
                     query("SELECT count(*) FROM job"), query("SELECT count(*) FROM address")};
    if (got[0] != raw || got[1] != facts || got[2] != jobs || got[3] != addresses)
        fail_msg("%s: got %d messages, %d facts, %d jobs, %d addresses; want %d, %d, %d, %d", when, (int)got[0], (int)got[1],
                 (int)got[2], (int)got[3], (int)raw, (int)facts, (int)jobs, (int)addresses);
}

/* Settles the only job as it ended at that time. */
static void end_job(struct carom_ledger *ledger, enum carom_job_state state, int64_t at)
{
    struct carom_error err = {0};
    int64_t id = query("SELECT id FROM job");
    must(ledger->ops->settle(ledger->store, id, state, at, CAROM_STR("x"), false, &err), &err, "settle");
}

static void test_what_is_old_goes(void **state)
{
    struct carom_ledger ledger = ledger_open(CAROM_LEDGER_WRITE);
    struct given given;

    (void)state;
    give(&given, 1);
    act(&given, CAROM_ACTION_TAG)->key = CAROM_STR("k"); /* one job; the tag keeps the address */
    record(&ledger, &given);
    give(&given, 2);
    given.fact.recipient = given.entry.address = CAROM_STR("bob@example.com");
    record(&ledger, &given);
    expect_rows("at first", 2, 2, 1, 2);

    assert_int_equal(prune(&ledger, now + 30 * DAY - 1000), 0);
    prune(&ledger, now + 30 * DAY + 1000);
    expect_rows("messages first", 0, 2, 1, 2); /* the job waits */
    end_job(&ledger, CAROM_JOB_DEAD, now + 31 * DAY);
    prune(&ledger, now + 300 * DAY);
    expect_rows("a dead letter stays", 0, 2, 1, 2);
    prune(&ledger, now + 401 * DAY);
    expect_rows("its fact stays with it, the other goes, and his address", 0, 1, 1, 1);
    struct carom_history history = past(&ledger, "ann@example.com");
    assert_int_equal(history.n, 1);

    end_job(&ledger, CAROM_JOB_DROPPED, now + 401 * DAY);
    prune(&ledger, now + 402 * DAY);
    expect_rows("dropped a day ago", 0, 1, 1, 1);
    prune(&ledger, now + 432 * DAY);
    expect_rows("dropped 31 days ago", 0, 0, 0, 1);
    history = past(&ledger, "ann@example.com");
    assert_int_equal(history.n, 0);
    assert_non_null(history.tags);
    carom_ledger_close(&ledger);
}

/* A suppression needs no fact to stand, and a departure neither; what ended long ago goes. */
static void test_what_stands_outlives_its_fact(void **state)
{
    const struct carom_config nobody_told = {.lists = &lists};
    struct carom_ledger ledger = ledger_open(CAROM_LEDGER_WRITE);
    struct carom_error err = {0};
    struct carom_refusal refusal;
    struct given given;

    (void)state;
    give(&given, 1);
    given.entry.config = &nobody_told;
    act(&given, CAROM_ACTION_SUPPRESS);
    act(&given, CAROM_ACTION_UNSUBSCRIBE);
    record(&ledger, &given);
    give(&given, 2);
    given.entry.config = &nobody_told;
    given.fact.recipient = given.entry.address = CAROM_STR("bob@example.com");
    act(&given, CAROM_ACTION_SUPPRESS)->duration_ms = 90 * DAY;
    record(&ledger, &given);
    give(&given, 3); /* lasts beyond its fact */
    given.entry.config = &nobody_told;
    given.fact.recipient = given.entry.address = CAROM_STR("cid@example.com");
    act(&given, CAROM_ACTION_SUPPRESS)->duration_ms = 1000 * DAY;
    record(&ledger, &given);

    prune(&ledger, now + 600 * DAY);
    expect_rows("after 600 days", 0, 0, 0, 2);
    assert_int_equal(query("SELECT count(*) FROM suppression"), 2);
    assert_int_equal(query("SELECT count(*) FROM departure"), 1);
    assert_int_equal(ledger.ops->check(ledger.store, CAROM_STR("ann@example.com"), CAROM_STR_EMPTY, false, now + 600 * DAY, &refusal,
                                       &err), 0);
    assert_string_equal(refusal.reason, "transient mailbox_full");
    assert_int_equal(refusal.since, now / 1000);
    assert_int_equal(unban(&ledger, "ann@example.com", ""), 1);
    assert_int_equal(may(&ledger, "ann@example.com", "dev.example.org"), 0);
    prune(&ledger, now + 1500 * DAY);
    expect_rows("after 1500 days", 0, 0, 0, 1); /* Ann left dev */
    carom_ledger_close(&ledger);
}

/* What must stay is looked at once a day, not each minute; and a step is small. */
static void test_retention_looks_at_nothing_twice_a_day(void **state)
{
    enum { MANY = 600 };
    struct carom_ledger ledger = ledger_open(CAROM_LEDGER_WRITE);
    struct carom_error err = {0};
    struct given given;
    const int64_t late = now + 401 * DAY;

    (void)state;
    must(ledger.ops->begin(ledger.store, &err), &err, "begin");
    for (uint64_t i = 1; i <= MANY; i++) {
        give(&given, i);
        given.entry.raw = CAROM_STR_EMPTY;
        act(&given, CAROM_ACTION_TAG)->key = CAROM_STR("k");
        must(ledger.ops->record(ledger.store, arena, &given.entry, &err), &err, "record");
    }
    must(ledger.ops->commit(ledger.store, &err), &err, "commit");
    assert_in_range(prune(&ledger, late), 2 * 3, 2 * 3 + 2); /* jobs and facts by 250; the address */
    expect_rows("all wait", 0, MANY, MANY, 1);
    assert_int_equal(prune(&ledger, late + 60000), 0);
    assert_int_equal(query("UPDATE job SET state = 1, due = 0"), -1);
    assert_int_equal(prune(&ledger, late + 120000), 0);
    prune(&ledger, late + DAY);
    expect_rows("done, a day later", 0, 0, 0, 1);
    carom_ledger_close(&ledger);
}

static void test_writers_side_by_side(void **state)
{
    enum { WRITERS = 4, EACH = 50 };
    pid_t writers[WRITERS];

    (void)state;
    for (int i = 0; i < WRITERS; i++)
        if ((writers[i] = fork()) == 0) {
            write_many(i + 1, EACH, -1);
            _exit(0);
        }
    for (int i = 0; i < WRITERS; i++) {
        int status;
        assert_int_equal(waitpid(writers[i], &status, 0), writers[i]);
        assert_int_equal(status, 0);
    }
    assert_int_equal(query("SELECT count(*) FROM fact"), WRITERS * EACH);
    assert_int_equal(query("SELECT count(*) FROM job"), WRITERS * EACH * 2);
    assert_int_equal(query("SELECT count(*) FROM address"), 1);
    assert_int_equal(query("SELECT count(*) FROM departure"), 1);
}

static void test_what_was_acknowledged_outlives_a_kill(void **state)
{
    struct carom_error err = {0};
    int acknowledged = 0;

    (void)state;
    for (int round = 1; round <= 5; round++) {
        int ends[2];
        char byte;
        assert_int_equal(pipe(ends), 0);
        pid_t writer = fork();
        if (writer == 0) {
            close(ends[0]);
            write_many(round, 1000000, ends[1]);
            _exit(0);
        }
        close(ends[1]);
        for (int i = 0; i < 7 * round; i++)
            assert_int_equal(read(ends[0], &byte, 1), 1);
        kill(writer, SIGKILL);
        assert_int_equal(waitpid(writer, NULL, 0), writer);
        int n = 7 * round;
        while (read(ends[0], &byte, 1) == 1)
            n++;
        close(ends[0]);
        struct carom_ledger ledger = ledger_open(CAROM_LEDGER_WRITE);
        for (int i = 0; i < n; i++)
            assert_int_equal(ledger.ops->seen(ledger.store, (uint64_t)(round * 1000000 + i * 100 + 1),
                                              CAROM_STR("ann@example.com"), &err), 1);
        carom_ledger_close(&ledger);
        acknowledged += n;
    }
    assert_true(query("SELECT count(*) FROM fact") >= acknowledged);
    assert_int_equal(query("SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'"), 0);
    assert_int_equal(query("SELECT count(*) FROM pragma_foreign_key_check"), 0);
    assert_int_equal(query("SELECT count(*) * 2 FROM fact"), query("SELECT count(*) FROM job"));
}

static void test_a_held_lock_is_busy(void **state)
{
    struct carom_ledger ledger = ledger_open(CAROM_LEDGER_WRITE);
    struct carom_error err = {0};
    struct timespec start, end;
    char lock[80];

    (void)state;
    snprintf(lock, sizeof(lock), "%s.lock", path);
    int fd = open(lock, O_RDWR);
    assert_true(fd >= 0 && flock(fd, LOCK_EX) == 0);
    clock_gettime(CLOCK_MONOTONIC, &start);
    assert_int_equal(ledger.ops->begin(ledger.store, &err), -1);
    clock_gettime(CLOCK_MONOTONIC, &end);
    assert_int_equal(err.code, CAROM_ERROR_BUSY);
    assert_non_null(strstr(err.text, lock));
    assert_in_range(end.tv_sec - start.tv_sec, 4, 8);
    close(fd);
    assert_int_equal(ledger.ops->begin(ledger.store, &err), 0);
    ledger.ops->rollback(ledger.store);
    carom_ledger_close(&ledger);
}

/* ---- Dry runs ---- */

static char *slurp(const char *name, size_t *size_r)
{
    struct stat info;
    int fd = open(name, O_RDONLY);
    assert_true(fd >= 0 && fstat(fd, &info) == 0);
    char *bytes = malloc((size_t)info.st_size + 1);
    assert_non_null(bytes);
    assert_int_equal(read(fd, bytes, (size_t)info.st_size), info.st_size);
    close(fd);
    *size_r = (size_t)info.st_size;
    return bytes;
}

static void test_a_dry_run_touches_nothing(void **state)
{
    struct carom_ledger ledger = ledger_open(CAROM_LEDGER_WRITE);
    struct carom_error err = {0};
    struct given given;
    size_t before_size, after_size;

    (void)state;
    give(&given, 1);
    act(&given, CAROM_ACTION_SUPPRESS);
    act(&given, CAROM_ACTION_ALERT);
    struct carom_decided *tag = act(&given, CAROM_ACTION_TAG);
    tag->key = CAROM_STR("k");
    tag->value = CAROM_STR("old");
    record(&ledger, &given);
    carom_ledger_close(&ledger);
    char *before = slurp(path, &before_size);

    ledger = ledger_open(CAROM_LEDGER_DRY);
    assert_int_equal(ledger.ops->seen(ledger.store, 1, given.entry.address, &err), 1);
    struct carom_history history = past(&ledger, "ann@example.com");
    assert_true(carom_history_suppressed(&history, CAROM_STR_EMPTY));
    give(&given, 2); /* changes what is below: in memory only */
    given.fact.kind = CAROM_KIND_DELIVERED;
    given.fact.reason = CAROM_REASON_MAILBOX_FULL; /* the same key of the alert */
    act(&given, CAROM_ACTION_ALERT);
    tag = act(&given, CAROM_ACTION_TAG);
    tag->key = CAROM_STR("k");
    tag->value = CAROM_STR("new");
    record(&ledger, &given);
    assert_int_equal(ledger.ops->seen(ledger.store, 2, given.entry.address, &err), 1);
    history = past(&ledger, "ann@example.com");
    assert_int_equal(history.n, 2);
    assert_false(carom_history_suppressed(&history, CAROM_STR_EMPTY));
    assert_true(carom_str_eq(history.tags->value, CAROM_STR("new")));
    assert_null(history.tags->next);
    carom_ledger_close(&ledger);

    char *after = slurp(path, &after_size);
    assert_int_equal(before_size, after_size);
    assert_memory_equal(before, after, before_size);
    free(before);
    free(after);
    assert_int_equal(query("SELECT count(*) FROM fact"), 1);
}

static void test_a_dry_run_creates_nothing(void **state)
{
    struct carom_ledger ledger = ledger_open(CAROM_LEDGER_DRY);
    struct given given;

    (void)state;
    give(&given, 1);
    record(&ledger, &given);
    assert_int_equal(past(&ledger, "ann@example.com").n, 1);
    carom_ledger_close(&ledger);
    assert_int_equal(rmdir(directory), 0);
    assert_int_equal(mkdir(directory, 0700), 0);
}

/* ---- What is refused ---- */

static void refused(const char *store, enum carom_ledger_mode mode, const char *want, const char *also)
{
    struct carom_ledger ledger;
    struct carom_error err = {0};
    if (carom_ledger_open(store, mode, &ledger, &err) == 0)
        fail_msg("%s: got opened, want an error about %s", store, want);
    if (!strstr(err.text, want) || !strstr(err.text, also))
        fail_msg("%s: got \"%s\", want it to say %s and %s", store, err.text, want, also);
}

static void test_refusals(void **state)
{
    char other[96];
    (void)state;
    refused("postgresql://localhost/carom", CAROM_LEDGER_WRITE, "postgresql", "sqlite:");
    refused("sqlite:", CAROM_LEDGER_WRITE, "names no file", "sqlite:");
    refused(url, CAROM_LEDGER_READ, "there is no ledger", path);
    snprintf(other, sizeof(other), "sqlite:%s/none/carom.db", directory);
    refused(other, CAROM_LEDGER_WRITE, "No such file or directory", "make it");
    snprintf(other, sizeof(other), "sqlite:%s", directory);
    refused(other, CAROM_LEDGER_READ, "no regular file", directory);
    refused(other, CAROM_LEDGER_WRITE, "no regular file", directory);
    snprintf(other, sizeof(other), "%s.lock", directory);
    unlink(other);

    struct carom_ledger ledger = ledger_open(CAROM_LEDGER_WRITE);
    carom_ledger_close(&ledger);
    query("PRAGMA user_version=2");
    refused(url, CAROM_LEDGER_WRITE, "schema version 2, this carom knows 1: a newer carom wrote it", path);
    refused(url, CAROM_LEDGER_READ, "schema version 2, this carom knows 1: a newer carom wrote it", path);
    refused(url, CAROM_LEDGER_DRY, "schema version 2, this carom knows 1: a newer carom wrote it", path);
    query("PRAGMA user_version=1");
    query("PRAGMA application_id=7");
    refused(url, CAROM_LEDGER_WRITE, "another program", path);

    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (int i = 0; i < 1000; i++)
        fputs("no database\n", file);
    fclose(file);
    refused(url, CAROM_LEDGER_WRITE, "not a database", path);
    refused(url, CAROM_LEDGER_DRY, "not a database", path);
}

/* Root may write everywhere; a child gives that up first. */
static void test_unwritable(void **state)
{
    int status;
    pid_t child;

    (void)state;
    struct carom_ledger ledger = ledger_open(CAROM_LEDGER_WRITE);
    carom_ledger_close(&ledger);
    assert_int_equal(chmod(path, 0444), 0);
    if ((child = fork()) == 0) {
        struct carom_error err = {0};
        struct carom_ledger none;
        char lock[80];
        snprintf(lock, sizeof(lock), "%s.lock", path);
        if (chmod(lock, 0666) != 0 || chmod(directory, 0777) != 0 || (geteuid() == 0 && setuid(65534) != 0))
            _exit(2);
        if (carom_ledger_open(url, CAROM_LEDGER_WRITE, &none, &err) == 0 || !strstr(err.text, "write-protected"))
            _exit(3);
        _exit(strstr(err.text, path) ? 0 : 4);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(chmod(directory, 0755), 0);
    if ((child = fork()) == 0) {
        struct carom_error err = {0};
        struct carom_ledger none;
        char other[96];
        snprintf(other, sizeof(other), "sqlite:%s/new.db", directory);
        if (chmod(directory, 0555) != 0 || (geteuid() == 0 && setuid(65534) != 0))
            _exit(2);
        if (carom_ledger_open(other, CAROM_LEDGER_WRITE, &none, &err) == 0)
            _exit(3);
        _exit(strstr(err.text, "Permission denied") && strstr(err.text, "new.db") ? 0 : 4);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(chmod(directory, 0700), 0);
}

static void test_network_file_systems(void **state)
{
    struct carom_error err = {0};
    (void)state;
    assert_string_equal(carom_netfs_name(0x6969), "NFS");
    assert_string_equal(carom_netfs_name(0xff534d42), "CIFS");
    assert_null(carom_netfs_name(0xef53)); /* ext4 */
    assert_int_equal(carom_netfs_check(path, &err), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_what_is_written_is_there), TEST(test_a_rollback_leaves_nothing), TEST(test_a_collision_loses_neither),
        TEST(test_keys_ascend), TEST(test_suppressions), TEST(test_what_others_change_is_seen), TEST(test_who_left_all_lists),
        TEST(test_what_lasts_longest_is_named), TEST(test_sifted),
        TEST(test_what_is_held_is_no_yes), TEST(test_mail_of_a_job), TEST(test_pending), TEST(test_pauses),
        TEST(test_an_action_and_its_counterpart_keep_their_order), TEST(test_what_is_sent_again_begins_anew),
        TEST(test_what_is_over_stays_so), TEST(test_an_end_under_way_comes_first),
        TEST(test_an_end_waits_for_what_is_kept_back),
        TEST(test_a_delivery_tells_the_end_also_of_who_left), TEST(test_what_is_pending_and_taken_back),
        TEST(test_what_is_taken_back_twice), TEST(test_what_tells_back_is_not_taken_back),
        TEST(test_what_was_done_again_stands_alone), TEST(test_what_was_released_late_stands_alone),
        TEST(test_what_a_person_ended_stays_so), TEST(test_who_is_back_on_one_list_has_not_left_each),
        TEST(test_alerts_once_a_period),
        TEST(test_alerts_once_whoever_looked_first),
        TEST(test_jobs),
        TEST(test_standing),
        TEST(test_standing_reads_indexes_only), TEST(test_jobs_of_commands_and_mail), TEST(test_what_is_old_goes),
        TEST(test_what_stands_outlives_its_fact), TEST(test_retention_looks_at_nothing_twice_a_day), TEST(test_writers_side_by_side),
        TEST(test_what_was_acknowledged_outlives_a_kill),
        TEST(test_a_held_lock_is_busy), TEST(test_a_dry_run_touches_nothing), TEST(test_a_dry_run_creates_nothing),
        TEST(test_refusals), TEST(test_unwritable), TEST(test_network_file_systems),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
