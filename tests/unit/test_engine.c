/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The engine through its public header, but for transactions: a message in, a decision out, once. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>

#include "carom.h"
#include "engine/engine.h"

static char directory[] = "/tmp/carom-engine-XXXXXX";
static char policy[64], store[80];

static const char bounce[] = "From: MAILER-DAEMON@mx.example.net\n"
                             "To: list-bounces@lists.example.org\n"
                             "Subject: Undelivered Mail Returned to Sender\n"
                             "Message-ID: <%d@mx.example.net>\n"
                             "Date: Sun, 1 Mar 2026 12:00:00 +0000\n"
                             "MIME-Version: 1.0\n"
                             "Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n"
                             "--b\n\nIt failed.\n"
                             "--b\nContent-Type: message/delivery-status\n\n"
                             "Reporting-MTA: dns; mx.example.net\n\n"
                             "Final-Recipient: rfc822; %s@example.com\n"
                             "Action: failed\nStatus: %s\n"
                             "Diagnostic-Code: smtp; %s\n\n"
                             "--b\nContent-Type: text/rfc822-headers\n\n"
                             "Message-ID: <post-%d@lists.example.org>\nList-Id: News <news.lists.example.org>\n\n--b--\n";

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static int setup(void **state)
{
    (void)state;
    strcpy(directory, "/tmp/carom-engine-XXXXXX");
    if (!mkdtemp(directory))
        return -1;
    snprintf(policy, sizeof(policy), "%s/policy.lua", directory);
    snprintf(store, sizeof(store), "sqlite:%s/carom.db", directory);
    write_file(policy, "function on_permanent(bounce)\n"
                       "  if bounce.hard then bounce:unsubscribe() end\n"
                       "end\n"
                       "function on_mailbox_full(bounce)\n"
                       "  if bounce:count { reason = 'mailbox_full' } >= 2 then bounce:suppress { duration = '90d' } end\n"
                       "end\n"
                       "function on_system_error(bounce)\n"
                       "  error('broken on purpose')\n"
                       "end\n"
                       "function on_rate_limited(bounce)\n"
                       "  bounce:suppress { duration = '7d' }\n"
                       "end\n");
    return 0;
}

static int teardown(void **state)
{
    char command[128];

    (void)state;
    snprintf(command, sizeof(command), "rm -rf %s", directory);
    return system(command);
}

static struct carom_engine *engine_open(bool dry)
{
    struct carom_error err = {0};
    struct carom_engine_options options = {.policy = policy, .store = store, .state = directory, .dry_run = dry};
    struct carom_engine *engine = carom_engine_open(&options, &err);

    if (!engine)
        fail_msg("open: %s", err.text);
    return engine;
}

static int take(struct carom_engine *engine, int number, const char *local, const char *status, const char *reply,
                struct carom_result **result, struct carom_error *err)
{
    char message[4096];
    int n = snprintf(message, sizeof(message), bounce, number, local, status, reply, number);

    return carom_engine_message(engine, message, (size_t)n, NULL, result, err);
}

static void test_unsubscribes_once(void **state)
{
    struct carom_engine *engine = engine_open(false);
    struct carom_error err = {0};
    struct carom_result *result;

    (void)state;
    assert_int_equal(take(engine, 1, "ann", "5.1.1", "550 5.1.1 User unknown", &result, &err), 0);
    assert_int_equal(carom_result_facts(result), 1);
    assert_false(carom_result_duplicate(result, 0));
    assert_int_equal(carom_result_actions(result, 0), 1);
    const struct carom_action *action = carom_result_action(result, 0, 0);
    assert_memory_equal(action->name.ptr, "unsubscribe", action->name.len);
    assert_memory_equal(action->state.ptr, "decided", action->state.len);
    const struct carom_fact *fact = carom_result_fact(result, 0);
    assert_string_equal(carom_reason_name(fact->reason), "user_unknown");
    assert_memory_equal(fact->recipient.ptr, "ann@example.com", fact->recipient.len);
    carom_result_free(result);

    assert_int_equal(take(engine, 1, "ann", "5.1.1", "550 5.1.1 User unknown", &result, &err), 0);
    assert_true(carom_result_duplicate(result, 0));
    assert_int_equal(carom_result_actions(result, 0), 0);
    carom_result_free(result);
    carom_engine_close(engine);
}

static void test_history_reaches_the_hook(void **state)
{
    struct carom_engine *engine = engine_open(false);
    struct carom_error err = {0};
    struct carom_result *result;

    (void)state;
    assert_int_equal(take(engine, 2, "bob", "5.2.2", "552 5.2.2 mailbox full", &result, &err), 0);
    assert_int_equal(carom_result_actions(result, 0), 0);
    carom_result_free(result);
    assert_int_equal(take(engine, 3, "bob", "5.2.2", "552 5.2.2 mailbox full", &result, &err), 0);
    assert_int_equal(carom_result_actions(result, 0), 1);
    carom_result_free(result);
    carom_engine_close(engine);
}

/* A message that on_message does not want is one fact of kind other, once, and no hook decides about it. */
static void test_a_skipped_message_is_recorded(void **state)
{
    struct carom_error err = {0};
    struct carom_result *result;

    (void)state;
    write_file(policy, "function on_message(message)\n"
                       "  return message:header('Message-ID') ~= '<7@mx.example.net>' and message.sender ~= 'spam@example.com'\n"
                       "end\n"
                       "function on_permanent(bounce) bounce:tag('hook', 'permanent') end\n"
                       "function on_other(bounce) bounce:tag('hook', 'other') end\n");
    struct carom_engine *engine = engine_open(false);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(take(engine, 7, "ann", "5.1.1", "550 5.1.1 User unknown", &result, &err), 0);
        assert_int_equal(carom_result_facts(result), 1);
        const struct carom_fact *fact = carom_result_fact(result, 0);
        assert_int_equal(fact->kind, CAROM_KIND_OTHER);
        assert_int_equal(fact->recipient.len, 0);
        assert_int_equal(carom_result_duplicate(result, 0), i == 1);
        assert_int_equal(carom_result_actions(result, 0), i == 0);
        if (i == 0) {
            const struct carom_action *action = carom_result_action(result, 0, 0);
            assert_memory_equal(action->name.ptr, "ignore", action->name.len);
            assert_memory_equal(action->note.ptr, "skipped by on_message: not read", action->note.len);
            assert_memory_equal(carom_result_hook(result, 0).ptr, "on_message", strlen("on_message"));
        }
        carom_result_free(result);
    }
    assert_int_equal(take(engine, 8, "ann", "5.1.1", "550 5.1.1 User unknown", &result, &err), 0);
    assert_int_equal(carom_result_fact(result, 0)->kind, CAROM_KIND_PERMANENT);
    carom_result_free(result);

    char message[4096];
    int n = snprintf(message, sizeof(message), bounce, 9, "ann", "5.1.1", "550 5.1.1 User unknown", 9);
    struct carom_envelope envelope = {.sender = "spam@example.com"};
    assert_int_equal(carom_engine_message(engine, message, (size_t)n, &envelope, &result, &err), 0);
    assert_int_equal(carom_result_fact(result, 0)->kind, CAROM_KIND_OTHER);
    carom_result_free(result);
    carom_engine_close(engine);

    write_file(policy, "function on_message(message) return message.siz end\n");
    engine = engine_open(false);
    assert_int_equal(take(engine, 10, "ann", "5.1.1", "550 5.1.1 User unknown", &result, &err), -1);
    assert_int_equal(err.code, CAROM_ERROR_SCRIPT);
    assert_string_equal(err.text, "policy.lua:1: on_message: message has no field \"siz\"; did you mean \"size\"?");
    carom_engine_close(engine);
}

/* Where no header names the list, its address does: that of the bounce, else that of the returned message. */
static void test_lists_by_address(void **state)
{
    static const char returned[] = "From: MAILER-DAEMON@mx.example.net\nMessage-ID: <%d@mx.example.net>\n"
                                   "MIME-Version: 1.0\n"
                                   "Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n"
                                   "--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example.net\n\n"
                                   "Final-Recipient: rfc822; ann@example.com\nAction: failed\nStatus: 5.1.1\n\n"
                                   "--b\nContent-Type: text/rfc822-headers\n\n%s\n--b--\n";
    static const struct {
        const char *envelope, *headers, *want, *by;
    } cases[] = {
        {"Dev@Lists.Example.org", "To: ann@example.com\n", "dev.lists.example.org", "recipient"},
        {NULL, "To: Developers <dev@lists.example.org>\n", "dev.lists.example.org", "recipient"},
        {NULL, "To: x@example.net, y@example.net\nCc: \"News\" <NEWS@lists.example.org>\n", "news.example.org", "recipient"},
        {"bounces@example.org", "To: other@lists.example.org\n", "", ""},
        {"dev@lists.example.org", "List-Id: <own.lists.example.org>\nTo: news@lists.example.org\n",
         "own.lists.example.org", "header"},
        {"dev@lists.example.org", "To: news@lists.example.org\n", "dev.lists.example.org", "recipient"},
    };
    struct carom_error err = {0};

    (void)state;
    write_file(policy, "carom.configure { lists = {\n"
                       "  ['dev.lists.example.org'] = { address = 'dev@lists.example.org' },\n"
                       "  ['news.example.org'] = { address = 'news@lists.example.org' }, ['mute.example.org'] = {} } }\n"
                       "function on_permanent(bounce) bounce:unsubscribe() end\n");
    struct carom_engine *engine = engine_open(false);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char message[2048];
        struct carom_envelope envelope = {.recipient = cases[i].envelope};
        struct carom_result *result;
        int n = snprintf(message, sizeof(message), returned, (int)i, cases[i].headers);
        if (carom_engine_message(engine, message, (size_t)n, &envelope, &result, &err) != 0)
            fail_msg("%zu: %s", i, err.text);
        const struct carom_fact *fact = carom_result_fact(result, 0);
        if (fact->list.len != strlen(cases[i].want) || memcmp(fact->list.ptr, cases[i].want, fact->list.len) ||
            fact->list_by.len != strlen(cases[i].by) || memcmp(fact->list_by.ptr, cases[i].by, fact->list_by.len))
            fail_msg("%zu: got list \"%.*s\" by \"%.*s\", want \"%s\" by \"%s\"", i, CAROM_STR_ARG(fact->list),
                     CAROM_STR_ARG(fact->list_by), cases[i].want, cases[i].by);
        carom_result_free(result);
    }
    carom_engine_close(engine);
}

static void test_a_failing_hook_stores_nothing(void **state)
{
    struct carom_engine *engine = engine_open(false);
    struct carom_error err = {0};
    struct carom_result *result;

    (void)state;
    assert_int_equal(take(engine, 4, "eve", "4.3.0", "451 4.3.0 local error in processing", &result, &err), -1);
    assert_int_equal(err.code, CAROM_ERROR_SCRIPT);
    assert_non_null(strstr(err.text, "policy.lua:8"));
    assert_non_null(strstr(err.text, "on_system_error"));
    /* And the engine goes on. */
    assert_int_equal(take(engine, 5, "fay", "5.1.1", "550 5.1.1 User unknown", &result, &err), 0);
    assert_false(carom_result_duplicate(result, 0));
    carom_result_free(result);
    carom_engine_close(engine);
}

static void test_dry_run_touches_nothing(void **state)
{
    struct carom_error err = {0};
    struct carom_result *result;
    char path[128];

    (void)state;
    struct carom_engine *engine = engine_open(true);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(take(engine, 6, "gil", "5.1.1", "550 5.1.1 User unknown", &result, &err), 0);
        assert_int_equal(carom_result_duplicate(result, 0), i == 1);
        carom_result_free(result);
    }
    carom_engine_close(engine);
    snprintf(path, sizeof(path), "%s/carom.db", directory);
    assert_int_not_equal(access(path, F_OK), 0);
}

static void *thread(void *argument)
{
    int base = *(int *)argument, *failures = argument;
    struct carom_engine *engine = engine_open(false);

    *failures = 0;
    for (int i = 0; i < 20; i++) {
        struct carom_error err = {0};
        struct carom_result *result;
        char local[16];
        snprintf(local, sizeof(local), "user%d", base + i);
        if (take(engine, base + i, local, "5.1.1", "550 5.1.1 User unknown", &result, &err) != 0) {
            ++*failures;
            continue;
        }
        *failures += carom_result_actions(result, 0) != 1;
        carom_result_free(result);
    }
    carom_engine_close(engine);
    return NULL;
}

static void test_two_engines_in_two_threads(void **state)
{
    int one = 1000, two = 2000;
    pthread_t threads[2];

    (void)state;
    carom_engine_close(engine_open(false)); /* the tables are made once */
    assert_int_equal(pthread_create(&threads[0], NULL, thread, &one), 0);
    assert_int_equal(pthread_create(&threads[1], NULL, thread, &two), 0);
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    assert_int_equal(one, 0);
    assert_int_equal(two, 0);
}

static void expect_state(const struct carom_result *result, size_t fact, const char *state)
{
    const struct carom_action *action = carom_result_action(result, fact, 0);

    assert_non_null(action);
    if (action->state.len != strlen(state) || memcmp(action->state.ptr, state, action->state.len) != 0)
        fail_msg("fact %zu: got %.*s, want %s", fact, (int)action->state.len, action->state.ptr, state);
}

/* ---- Who looks at the clock, and who decides ---- */

static int64_t query(const char *sql)
{
    sqlite3 *handle;
    sqlite3_stmt *statement;

    assert_int_equal(sqlite3_open_v2(store + strlen("sqlite:"), &handle, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(handle, sql, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    int64_t value = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    sqlite3_close(handle);
    return value;
}

static bool somebody_waits(int lock)
{
    struct flock turnstile = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1};

    assert_int_equal(fcntl(lock, F_OFD_GETLK, &turnstile), 0);
    return turnstile.l_type != F_UNLCK;
}

static void *take_ann(void *engine)
{
    struct carom_error err = {0};
    struct carom_result *result;

    assert_int_equal(take(engine, 1, "ann", "5.1.1", "550 5.1.1 User unknown", &result, &err), 0);
    carom_result_free(result);
    return NULL;
}

/* Who waits for the ledger decides after those who had it, and as of a later time: jobs go in the order of their times. */
static void test_times_are_in_the_order_of_decisions(void **state)
{
    struct carom_engine *waiting = engine_open(false), *deciding = engine_open(false);
    struct carom_error err = {0};
    struct carom_result *result;
    char lock_name[64];
    pthread_t thread;

    (void)state;
    snprintf(lock_name, sizeof(lock_name), "%s/carom.db.lock", directory);
    int lock = open(lock_name, O_RDWR);
    assert_true(lock >= 0);
    assert_int_equal(carom_engine_begin(deciding, &err), 0);
    assert_int_equal(pthread_create(&thread, NULL, take_ann, waiting), 0);
    while (!somebody_waits(lock))
        nanosleep(&(struct timespec){.tv_nsec = 1000 * 1000}, NULL);
    nanosleep(&(struct timespec){.tv_nsec = 5 * 1000 * 1000}, NULL); /* ms are told apart */
    assert_int_equal(take(deciding, 2, "bob", "5.1.1", "550 5.1.1 User unknown", &result, &err), 0);
    carom_result_free(result);
    assert_int_equal(carom_engine_commit(deciding, &err), 0);
    pthread_join(thread, NULL);
    carom_engine_close(waiting);
    carom_engine_close(deciding);
    close(lock);
    assert_int_equal(query("SELECT count(*) FROM fact a JOIN fact b ON a.id < b.id AND a.decided <= b.decided"), 1);
}

/* A delay and a failure of one delivery in one message, as some servers report both: what is only observed of the first
   counts for the second, as it would had they come one after the other. */
static void test_one_address_twice_while_observed(void **state)
{
    static const char twice[] = "x\n\nFinal-Recipient: rfc822; ann@example.com\nAction: delayed\nStatus: 4.4.1";
    struct carom_engine *engine;
    struct carom_error err = {0};
    struct carom_result *result;

    (void)state;
    write_file(policy, "carom.configure { mode = 'observe' }\n"
                       "local function again(bounce) bounce:retry { after = '9000d', limit = 1 } end\n"
                       "on_transient, on_delayed = again, again\n");
    engine = engine_open(false);
    assert_int_equal(take(engine, 1, "ann", "4.2.1", twice, &result, &err), 0);
    assert_int_equal(carom_result_facts(result), 2);
    expect_state(result, 0, "held");
    expect_state(result, 1, "refused"); /* its limit is reached */
    carom_result_free(result);
    carom_engine_close(engine);
}

/* ---- What the sender itself heard ---- */

static struct carom_result *hear(struct carom_engine *engine, struct carom_reply_input input)
{
    struct carom_error err = {0};
    struct carom_result *result;

    if (carom_engine_reply(engine, &input, &result, &err) != 0)
        fail_msg("%s: %s", input.reply, err.text);
    return result;
}

/* Expects one reply to be news or a copy, and the action it leads to (NULL none). */
static void expect_reply(struct carom_engine *engine, struct carom_reply_input input, bool copy, const char *action)
{
    struct carom_result *result = hear(engine, input);
    const struct carom_action *got = carom_result_action(result, 0, 0);

    if (carom_result_duplicate(result, 0) != copy)
        fail_msg("%s at %lld: got %s", input.reply, (long long)input.time, copy ? "news, want a copy" : "a copy, want news");
    if (!got != !action || (got && (got->name.len != strlen(action) || memcmp(got->name.ptr, action, got->name.len) != 0)))
        fail_msg("%s at %lld: got %s, want %s", input.reply, (long long)input.time, got ? got->name.ptr : "no action",
                 action ? action : "none");
    assert_int_equal(carom_result_fact(result, 0)->authenticity, CAROM_AUTHENTICITY_DIRECT);
    carom_result_free(result);
}

static void test_replies_count_once(void **state)
{
    struct carom_reply_input full = {.reply = "452 4.2.2 mailbox full", .recipient = "hal@example.com", .delivery = "d1",
                                     .time = 1767225600};
    struct carom_engine *engine = engine_open(false);

    (void)state;
    expect_reply(engine, full, false, NULL);
    expect_reply(engine, full, true, NULL);
    full.time += 900; /* the same delivery, tried again: runs its hook, is still one */
    expect_reply(engine, full, false, NULL);
    full.reply = "452 4.2.2 mailbox still full";
    expect_reply(engine, full, false, NULL);
    full.delivery = "d2";
    expect_reply(engine, full, false, "suppress");
    expect_reply(engine, full, true, "suppress"); /* the sender may have been stopped before it did so */
    carom_engine_close(engine);
    engine = engine_open(true);
    expect_reply(engine, full, true, "suppress");
    carom_engine_close(engine);
}

/* Whichever of the two we hear of first: who was reached after a soft failure is mailed. */
static void test_a_delivery_that_we_heard_of_before(void **state)
{
    const int64_t today = (int64_t)time(NULL);
    struct carom_reply_input soft = {.reply = "450 4.7.28 rate limit exceeded", .recipient = "jim@example.com", .delivery = "e1",
                                     .time = today - 7200};
    struct carom_reply_input delivered = {.reply = "250 ok", .recipient = "jim@example.com", .delivery = "e2", .time = today - 3600};
    struct carom_engine *engine = engine_open(false);

    (void)state;
    expect_reply(engine, delivered, false, NULL);
    for (int i = 0; i < 2; i++) {
        struct carom_result *result = hear(engine, soft);
        const struct carom_action *action = carom_result_action(result, 0, 0);
        assert_string_equal(action->state.ptr, i ? "decided" : "refused");
        assert_string_equal(action->note.ptr, i ? "" : "mail was delivered there since");
        carom_result_free(result);
        soft.delivery = "e3";
        soft.time = today - 1800;
    }
    carom_engine_close(engine);
}

static void test_a_reply_is_described(void **state)
{
    struct carom_engine *engine = engine_open(false);
    struct carom_result *result = hear(engine, (struct carom_reply_input){.reply = "250 2.0.0 Ok: queued",
                                                                          .recipient = "ida@example.com",
                                                                          .delivery = "d3",
                                                                          .list = "news.lists.example.org",
                                                                          .command = "DATA",
                                                                          .remote_mta = "mx.example.com",
                                                                          .time = 1767225600});
    const struct carom_fact *fact = carom_result_fact(result, 0);

    (void)state;
    assert_int_equal(fact->kind, CAROM_KIND_DELIVERED);
    assert_int_equal(fact->time, 1767225600);
    assert_memory_equal(fact->delivery.ptr, "d3", 3);
    assert_memory_equal(fact->list.ptr, "news.lists.example.org", fact->list.len);
    assert_memory_equal(fact->list_by.ptr, "caller", fact->list_by.len);
    assert_memory_equal(fact->command.ptr, "DATA", fact->command.len);
    assert_memory_equal(fact->remote_mta.ptr, "mx.example.com", fact->remote_mta.len);
    carom_result_free(result);
    carom_engine_close(engine);
}

static void test_replies_that_are_refused(void **state)
{
    static const struct {
        struct carom_reply_input input;
        const char *want;
    } cases[] = {
        {{.recipient = "ann@example.com", .delivery = "1"}, "the text of the reply is missing"},
        {{.reply = "  ", .recipient = "ann@example.com", .delivery = "1"}, "the text of the reply is missing"},
        {{.reply = "550 5.1.1 no", .recipient = "ann@example.com"}, "cannot be told from its copy"},
        {{.reply = "550 5.1.1 no", .recipient = "nobody", .delivery = "1"}, "'nobody' is no address"},
        {{.reply = "354 Go ahead", .recipient = "ann@example.com", .delivery = "1"}, "no final answer"},
        {{.reply = "hello there", .recipient = "ann@example.com", .delivery = "1"}, "no reply code"},
        {{.reply = "550 5.1.1 no", .recipient = "ann@example.com", .time = -1}, "before 1970"},
    };
    struct carom_engine *engine = engine_open(false);

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct carom_error err = {0};
        struct carom_result *result;
        if (carom_engine_reply(engine, &cases[i].input, &result, &err) != -1)
            fail_msg("case %zu: taken, want: %s", i, cases[i].want);
        if (err.code != CAROM_ERROR_USAGE || !strstr(err.text, cases[i].want))
            fail_msg("case %zu: got %s, want %s", i, err.text, cases[i].want);
        assert_null(result);
    }
    carom_engine_close(engine);
}

static void test_deliveries_clear_what_was_soft(void **state)
{
    static const char *const recipients[] = {"new@example.com", "kim@example.com", "no address", "lea@example.com"};
    int64_t start = (int64_t)time(NULL) - 1000;
    struct carom_reply_input full = {.reply = "452 4.2.2 mailbox full", .recipient = "kim@example.com", .delivery = "a",
                                     .time = start};
    struct carom_engine *engine = engine_open(false);
    struct carom_error err = {0};
    size_t recorded;

    (void)state;
    expect_reply(engine, full, false, NULL);
    full.recipient = "lea@example.com";
    expect_reply(engine, full, false, NULL);
    assert_int_equal(carom_delivered(engine, recipients, 4, "m1", start + 100, &recorded, &err), -1);
    assert_non_null(strstr(err.text, "'no address' is no address"));
    assert_int_equal(recorded, 2); /* the new one has no history, the others are not lost */
    assert_int_equal(carom_delivered(engine, recipients, 2, "m1", start + 100, &recorded, &err), 0);
    assert_int_equal(recorded, 0);
    full.time = start + 200;
    full.delivery = "b";
    expect_reply(engine, full, false, NULL); /* the first of a new count */
    full.delivery = "c";
    expect_reply(engine, full, false, "suppress");
    carom_engine_close(engine);
}

static void test_open_says_what_is_wrong(void **state)
{
    struct carom_error err = {0};
    struct carom_engine_options options = {.policy = "/nowhere/policy.lua", .store = store};

    (void)state;
    assert_null(carom_engine_open(&options, &err));
    assert_non_null(strstr(err.text, "/nowhere/policy.lua"));
    options = (struct carom_engine_options){.store = store};
    assert_null(carom_engine_open(&options, &err));
    assert_int_equal(err.code, CAROM_ERROR_USAGE);
}

/* Before: yes. After: no, with the reason, to whoever asks; in a dry run only to that engine. */
static void test_may_mail(void **state)
{
    struct carom_engine *engine = engine_open(false), *dry = engine_open(true);
    struct carom_error err = {0};
    struct carom_refusal why;
    struct carom_result *result;

    (void)state;
    assert_int_equal(carom_may_mail(engine, "full@example.com", NULL, NULL, &err), 1);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(take(dry, 500 + i, "full", "4.2.2", "452 4.2.2 Mailbox full", &result, &err), 0);
        carom_result_free(result);
    }
    assert_int_equal(carom_may_mail(dry, "Full@Example.com", NULL, NULL, &err), 0);
    assert_int_equal(carom_may_mail(engine, "full@example.com", NULL, NULL, &err), 1);
    assert_int_equal(take(engine, 502, "gone", "5.1.1", "550 5.1.1 User unknown", &result, &err), 0);
    carom_result_free(result);
    assert_int_equal(carom_may_mail(engine, "GONE@example.com", "News.lists.example.org", &why, &err), 0);
    assert_string_equal(why.cause, "left");
    assert_true(why.since > 0 && why.until == 0);
    assert_int_equal(carom_may_mail(engine, "gone@example.com", "other.lists.example.org", &why, &err), 1);
    assert_int_equal(carom_may_mail(engine, "no address", NULL, &why, &err), -1);
    assert_int_equal(err.code, CAROM_ERROR_USAGE);
    carom_engine_close(dry);
    carom_engine_close(engine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_unsubscribes_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_may_mail, setup, teardown),
        cmocka_unit_test_setup_teardown(test_history_reaches_the_hook, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_skipped_message_is_recorded, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lists_by_address, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_failing_hook_stores_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_dry_run_touches_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_two_engines_in_two_threads, setup, teardown),
        cmocka_unit_test_setup_teardown(test_times_are_in_the_order_of_decisions, setup, teardown),
        cmocka_unit_test_setup_teardown(test_one_address_twice_while_observed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_replies_count_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_delivery_that_we_heard_of_before, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_reply_is_described, setup, teardown),
        cmocka_unit_test_setup_teardown(test_replies_that_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_deliveries_clear_what_was_soft, setup, teardown),
        cmocka_unit_test_setup_teardown(test_open_says_what_is_wrong, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
