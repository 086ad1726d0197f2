/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Mail: what is written, what is refused, and what a relay in a thread of this program hears of it. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/date.h"
#include "decision/trust.h"
#include "mail/message.h"
#include "outbox/answer.h"
#include "outbox/render.h"
#include "outbox/trial.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

static bool contains(const char *text, const char *part) { return strstr(text, part) != NULL; }

/* ---- A job and its configuration ---- */

struct desk {
    struct carom_config config;
    struct carom_verp_source key;
    struct carom_verp_config verp;
    struct carom_sink relay, sink;
    struct carom_job job;
    struct carom_job_mail mail;
    struct carom_arena *arena;
    char data[2048], raw[8192];
};

static const int64_t now = 1767225600; /* 2026-01-01 */

static void set_data(struct desk *desk, const char *action, const char *recipient, const char *authenticity)
{
    snprintf(desk->data, sizeof desk->data,
             "{\"action\":{\"action\":\"%s\",\"to\":\"postmaster@example.org\",\"text\":\"full: \\u00fc\\r\\nBcc: x@y\",\"count\":3},"
             "\"fact\":{\"recipient\":\"%s\",\"authenticity\":\"%s\",\"diagnostic\":\"550 no\\r\\n.\\r\\nQUIT\"}}",
             action, recipient, authenticity);
    desk->job.data = carom_str(desk->data);
    desk->job.action = carom_str(action);
}

static void set_raw(struct desk *desk, const char *date, const char *returned)
{
    snprintf(desk->raw, sizeof desk->raw,
             "From: MAILER-DAEMON@mx.example.net\nSubject: Undelivered: =?utf-8?q?=C3=BC?=\nMIME-Version: 1.0\n"
             "Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n\nIt failed.\n--b\n"
             "Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example.net\n\n"
             "Final-Recipient: rfc822; jane@example.net\nAction: failed\nStatus: 4.4.7\n\n--b\n"
             "Content-Type: message/rfc822\n\nReturn-Path: <list@example.org>\n (as it came)\nReceived: from x by y\n"
             "Date: %s\nMessage-ID: <1@example.org>\n%s\n--b--\n", date, returned);
    desk->mail.raw = carom_str(desk->raw);
}

static struct desk *desk_new(const char *action)
{
    struct desk *desk = calloc(1, sizeof *desk);
    desk->relay = (struct carom_sink){.type = CAROM_SINK_SMTP, .name = CAROM_STR("smtp"), .allow_private = true,
                                      .url = CAROM_STR("smtp://localhost"), .sender = CAROM_STR("carom@example.org")};
    desk->sink = (struct carom_sink){.type = CAROM_SINK_SMTP, .name = CAROM_STR("mail")};
    desk->config.smtp = &desk->relay;
    desk->key = (struct carom_verp_source){.id = 1, .secret = {CAROM_SECRET_LITERAL, CAROM_STR("a secret of sixteen bytes")}};
    desk->verp = (struct carom_verp_config){.domain = CAROM_STR("b.example.org"), .prefix = CAROM_STR_EMPTY,
                                            .keys = &desk->key, .max_age_ms = 86400000};
    desk->config.verp = &desk->verp;
    desk->job = (struct carom_job){.id = 1, .key = CAROM_STR("msg_1"), .headers = CAROM_STR_EMPTY, .created = now * 1000};
    desk->mail = (struct carom_job_mail){.raw = CAROM_STR_EMPTY, .same_delivery_known = true};
    desk->arena = carom_arena_new();
    set_data(desk, action, "jane@example.net", "signed");
    set_raw(desk, "Wed, 31 Dec 2025 12:00:00 +0000", "Subject: news\n\n.\nhello\n");
    return desk;
}

static void desk_free(struct desk *desk)
{
    carom_arena_free(desk->arena);
    free(desk);
}

static enum carom_rendered render(struct desk *desk, struct carom_request *request, struct carom_error *err)
{
    struct carom_render_input input = {.config = &desk->config, .sink = &desk->sink, .job = &desk->job,
                                       .mail = &desk->mail, .now = now};
    *err = (struct carom_error){0};
    return carom_render_mail(&input, desk->arena, request, err);
}

/* No line end but CRLF. */
static void expect_crlf(const char *text)
{
    for (size_t i = 0; text[i]; i++)
        if ((text[i] == '\n' && (i == 0 || text[i - 1] != '\r')) || (text[i] == '\r' && text[i + 1] != '\n'))
            fail_msg("a bare line end at %zu: …%.40s", i, text + i);
}

/* ---- Our own mail ---- */

static void test_alert(void **state)
{
    (void)state;
    struct desk *desk = desk_new("alert");
    struct carom_request request;
    struct carom_error err;
    assert_int_equal(render(desk, &request, &err), CAROM_RENDER_WAIT); /* to whom? */
    desk->sink.to = CAROM_STR("ops@example.org");
    if (render(desk, &request, &err) != CAROM_RENDERED)
        fail_msg("%s", err.text);
    assert_string_equal(request.rcpt, "ops@example.org");
    assert_string_equal(request.url, "smtp://localhost");
    const char *text = request.body.ptr;
    expect_crlf(text);
    static const char *const wanted[] = {
        "Date: Thu, 01 Jan 2026 00:00:00 +0000\r\n", "From: <carom@example.org>\r\n", "To: <ops@example.org>\r\n",
        "Auto-Submitted: auto-generated\r\n", "X-Carom-Loop: msg_1\r\n", "Message-ID: <msg_1@example.org>\r\n",
        "Subject: =?UTF-8?B?", "full: \xc3\xbc  Bcc: x@y\r\n", "Diagnostic: 550 no  .  QUIT\r\n", "one: 3\r\n"};
    for (size_t i = 0; i < COUNT(wanted); i++)
        if (!contains(text, wanted[i]))
            fail_msg("no '%s' in %s", wanted[i], text);
    assert_false(contains(text, "\nBcc:"));
    struct carom_str body;
    struct carom_headers headers = carom_headers_parse(desk->arena, request.body, &body);
    assert_true(carom_str_eq(carom_headers_text(desk->arena, &headers, "Subject"), CAROM_STR("carom: full: \xc3\xbc  Bcc: x@y")));
    struct carom_str before = request.body;
    assert_int_equal(render(desk, &request, &err), CAROM_RENDERED);
    assert_true(carom_str_eq(before, request.body)); /* the same at each attempt */
    desk_free(desk);
}

static void test_no_injection(void **state)
{
    (void)state;
    static const char *const evil[] = {"a\\r\\nRCPT TO:<b@example.net>@example.net", "a b@example.net", "<a@example.net>",
                                       "a@example.net>, <b@example.net", "-oQ/tmp@example.net", "", "a", "a@b\\u0000@c"};
    for (size_t i = 0; i < COUNT(evil); i++) {
        struct desk *desk = desk_new("probe");
        struct carom_request request;
        struct carom_error err;
        set_data(desk, "probe", evil[i], "signed");
        if (render(desk, &request, &err) != CAROM_RENDER_DEAD)
            fail_msg("'%s' was taken as %s", evil[i], request.rcpt);
        desk_free(desk);
    }
}

static void test_probe(void **state)
{
    (void)state;
    struct desk *desk = desk_new("probe");
    struct carom_request request;
    struct carom_error err;
    assert_int_equal(render(desk, &request, &err), CAROM_RENDERED);
    assert_string_equal(request.rcpt, "jane@example.net");
    assert_true(contains(request.body.ptr, "Auto-Submitted: auto-generated\r\n"));
    struct carom_verp *verp;
    struct carom_verp_token token;
    assert_int_equal(carom_trust_keys(desk->arena, &desk->config, &verp, &err), 0);
    assert_true(carom_verp_read(desk->arena, verp, CAROM_VERP_PATH, carom_str(request.sender), &token));
    assert_int_equal(carom_verp_check(desk->arena, verp, CAROM_VERP_PATH, &token, &token.says, now), CAROM_VERP_VALID);
    assert_string_equal(token.says.recipient.ptr, "jane@example.net");
    assert_true(carom_str_eq(token.says.id, CAROM_STR("probe")));
    desk->verp.prefix = CAROM_STR("twenty-four-bytes-long-+"); /* no room for the address: it is signed all the same */
    assert_int_equal(render(desk, &request, &err), CAROM_RENDERED);
    assert_true(contains(request.sender, "=.probe@"));
    desk->config.verp = NULL;
    assert_int_equal(render(desk, &request, &err), CAROM_RENDER_WAIT);
    assert_true(contains(err.text, "a probe needs a signed return path: configure verp"));
    desk->config.verp = &desk->verp;
    desk->relay.sender = CAROM_STR_EMPTY;
    assert_int_equal(render(desk, &request, &err), CAROM_RENDER_WAIT);
    desk->config.smtp = NULL;
    assert_int_equal(render(desk, &request, &err), CAROM_RENDER_WAIT);
    desk_free(desk);
}

static void test_forward(void **state)
{
    (void)state;
    struct desk *desk = desk_new("forward");
    struct carom_request request;
    struct carom_error err;
    if (render(desk, &request, &err) != CAROM_RENDERED)
        fail_msg("%s", err.text);
    assert_string_equal(request.rcpt, "postmaster@example.org");
    expect_crlf(request.body.ptr);
    struct carom_message *message = carom_message_parse(desk->arena, request.body);
    assert_false(message->truncated);
    const struct carom_part *second = message->root->child->next;
    assert_true(carom_part_is(second, "message/rfc822") && !second->next);
    assert_true(carom_part_is(second->child, "multipart/report"));
    assert_true(carom_str_eq(carom_headers_text(desk->arena, &message->root->headers, "Subject"), CAROM_STR("Fwd: Undelivered: \xc3\xbc")));
    desk->mail.raw = CAROM_STR("X-Carom-Loop: msg_0\nSubject: x\n\nbody\n");
    assert_int_equal(render(desk, &request, &err), CAROM_RENDER_DEAD);
    assert_true(contains(err.text, "go round"));
    desk->mail.raw = CAROM_STR_EMPTY;
    assert_int_equal(render(desk, &request, &err), CAROM_RENDER_DEAD);
    assert_true(contains(err.text, "not kept"));
    desk_free(desk);
}

/* Whatever else is told by mail. */
static void test_told(void **state)
{
    (void)state;
    struct desk *desk = desk_new("unsubscribe");
    struct carom_request request;
    struct carom_error err;
    desk->sink.to = CAROM_STR("ops@example.org");
    desk->job.data = CAROM_STR("{\"action\":{\"action\":\"unsubscribe\"},\"fact\":{\"recipient\":\"jane@example.net\"}}");
    assert_int_equal(render(desk, &request, &err), CAROM_RENDERED);
    assert_true(contains(request.body.ptr, "\r\nSubject: carom: unsubscribe jane@example.net\r\n"));
    desk_free(desk);
}

static void test_misconfigured(void **state)
{
    (void)state;
    struct desk *desk = desk_new("forward");
    struct carom_request request;
    struct carom_error err;
    desk->relay.user = CAROM_STR("carom");
    desk->relay.password = (struct carom_secret){CAROM_SECRET_ENV, CAROM_STR("CAROM_TEST_NOT_SET")};
    assert_int_equal(render(desk, &request, &err), CAROM_RENDER_WAIT);
    assert_true(contains(err.text, "sink mail: password") && contains(err.text, "CAROM_TEST_NOT_SET"));
    desk->relay.password = (struct carom_secret){CAROM_SECRET_LITERAL, CAROM_STR("secret")};
    assert_int_equal(render(desk, &request, &err), CAROM_RENDERED);
    assert_string_equal(request.user, "carom");
    assert_string_equal(request.password, "secret");
    desk->relay.sender = CAROM_STR_EMPTY;
    assert_int_equal(render(desk, &request, &err), CAROM_RENDER_WAIT);
    assert_true(contains(err.text, "no sender is named"));
    desk->relay.url = CAROM_STR("http://localhost");
    assert_int_equal(render(desk, &request, &err), CAROM_RENDER_WAIT);
    assert_true(contains(err.text, "does not begin with smtp:// or smtps://"));
    desk_free(desk);
}

static void test_unsigned_probe(void **state)
{
    (void)state;
    struct desk *desk = desk_new("probe");
    struct carom_request request;
    struct carom_error err;
    desk->key.secret = (struct carom_secret){CAROM_SECRET_ENV, CAROM_STR("CAROM_TEST_NOT_SET")};
    assert_int_equal(render(desk, &request, &err), CAROM_RENDER_WAIT);
    assert_true(contains(err.text, "sink mail") && contains(err.text, "CAROM_TEST_NOT_SET"));
    desk->key.secret = (struct carom_secret){CAROM_SECRET_LITERAL, CAROM_STR("a secret of sixteen bytes")};
    desk->key.since = now + 86400; /* it signs from tomorrow on */
    assert_int_equal(render(desk, &request, &err), CAROM_RENDER_WAIT);
    desk_free(desk);
}

/* A list's name that is too long to be signed with the rest goes. */
static void test_probe_without_list(void **state)
{
    (void)state;
    struct desk *desk = desk_new("probe");
    struct carom_request request;
    struct carom_error err;
    desk->job.data = CAROM_STR("{\"action\":{\"action\":\"probe\"},\"fact\":{\"recipient\":\"jane@example.net\","
                               "\"list\":\"announcements-of-a-very-long-name.lists.example.org\"}}");
    if (render(desk, &request, &err) != CAROM_RENDERED)
        fail_msg("%s", err.text);
    struct carom_verp *verp;
    struct carom_verp_token token;
    assert_int_equal(carom_trust_keys(desk->arena, &desk->config, &verp, &err), 0);
    assert_true(carom_verp_read(desk->arena, verp, CAROM_VERP_PATH, carom_str(request.sender), &token));
    assert_true(carom_str_eq(token.says.id, CAROM_STR("probe")));
    assert_int_equal(token.says.list.len, 0);
    assert_string_equal(token.says.recipient.ptr, "jane@example.net");
    desk_free(desk);
}

/* ---- Once more ---- */

static void test_resubmitted(void **state)
{
    (void)state;
    struct desk *desk = desk_new("retry");
    struct carom_request request;
    struct carom_error err;
    if (render(desk, &request, &err) != CAROM_RENDERED)
        fail_msg("%s", err.text);
    assert_string_equal(request.rcpt, "jane@example.net");
    assert_string_equal(request.body.ptr, "X-Carom-Loop: msg_1\r\nReceived: from x by y\r\n"
                                          "Date: Wed, 31 Dec 2025 12:00:00 +0000\r\nMessage-ID: <1@example.org>\r\n"
                                          "Subject: news\r\n\r\n.\r\nhello\r\n");
    set_data(desk, "retry", "jane@example.net", "direct");
    assert_int_equal(render(desk, &request, &err), CAROM_RENDERED);
    desk_free(desk);
}

#define OPEN "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=c\n\n--c\n\nhello\n"

/* Each condition of carom-policy(5), alone. */
static void test_not_resubmitted(void **state)
{
    (void)state;
    static const struct {
        const char *authenticity, *date, *returned, *to;
        bool kept, known;
        int64_t before;
        const char *why;
    } cases[] = {
        {"unproven", "Wed, 31 Dec 2025 12:00:00 +0000", "\nhello\n", "", true, true, 0, "neither direct nor signed"},
        {"matched", "Wed, 31 Dec 2025 12:00:00 +0000", "\nhello\n", "", true, true, 0, "neither direct nor signed"},
        {"aligned", "Wed, 31 Dec 2025 12:00:00 +0000", "\nhello\n", "", true, true, 0, "neither direct nor signed"},
        {"signed", "Wed, 31 Dec 2025 12:00:00 +0000", "\nhello\n", "", false, true, 0, "no message is kept"},
        {"signed", "Wed, 31 Dec 2025 12:00:00 +0000", "\nhello\n", "", true, false, 0, "no identity"},
        {"signed", "Wed, 31 Dec 2025 12:00:00 +0000", "\nhello\n", "", true, true, 77, "before, by job 77"},
        {"signed", "Wed, 31 Dec 2025 12:00:00 +0000", "\n", "", true, true, 0, "completely"},
        {"signed", "Wed, 31 Dec 2025 12:00:00 +0000", OPEN, "", true, true, 0, "completely"},
        {"signed", "Wed, 31 Dec 2025 12:00:00 +0000", NULL, "", true, true, 0, "did not come back, or not as a part"},
        {"signed", "Mon, 29 Dec 2025 12:00:00 +0000", "\nhello\n", "", true, true, 0, "older than max_age"},
        {"signed", "Wed, 31 Dec 2026 12:00:00 +0000", "\nhello\n", "", true, true, 0, "no usable date"},
        {"signed", "yesterday", "\nhello\n", "", true, true, 0, "no usable date"},
        {"signed", "Wed, 31 Dec 2025 12:00:00 +0000", "X-Carom-Loop: msg_0\n\nhello\n", "", true, true, 0, "submitted again before"},
        {"signed", "Wed, 31 Dec 2025 12:00:00 +0000", "\nhello\n", "else@example.org", true, true, 0, "nobody else"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct desk *desk = desk_new("retry");
        struct carom_request request;
        struct carom_error err;
        set_data(desk, "retry", "jane@example.net", cases[i].authenticity);
        set_raw(desk, cases[i].date, cases[i].returned ? cases[i].returned : "");
        desk->sink.to = carom_str(cases[i].to);
        if (!cases[i].kept)
            desk->mail.raw = CAROM_STR_EMPTY;
        if (!cases[i].returned)
            desk->mail.raw = CAROM_STR("From: MAILER-DAEMON@mx.example.net\nSubject: Undelivered\n\nIt failed.\n");
        desk->mail.same_delivery_known = cases[i].known;
        desk->mail.before = cases[i].before;
        enum carom_rendered got = render(desk, &request, &err);
        if (got != (cases[i].to[0] ? CAROM_RENDER_WAIT : CAROM_RENDER_DEAD) || !contains(err.text, cases[i].why))
            fail_msg("%s: got %d '%s'", cases[i].why, (int)got, err.text);
        desk_free(desk);
    }
}

static void test_too_large(void **state)
{
    (void)state;
    struct desk *desk = desk_new("retry");
    size_t n = strlen(desk->raw), size = 11 << 20;
    char *raw = malloc(n + size), *end = strstr(desk->raw, "hello");
    struct carom_request request;
    struct carom_error err;
    size_t head = (size_t)(end - desk->raw);
    memcpy(raw, desk->raw, head);
    memset(raw + head, 'x', size);
    for (size_t i = head + 70; i < head + size; i += 71)
        raw[i] = '\n';
    memcpy(raw + head + size, end, n - head);
    desk->mail.raw = carom_str_n(raw, n + size);
    assert_int_equal(render(desk, &request, &err), CAROM_RENDER_DEAD);
    assert_true(contains(err.text, "10 MB"));
    free(raw);
    desk_free(desk);

    desk = desk_new("forward"); /* to a person goes what a mail can carry */
    size = (64 << 20) + 1;
    raw = malloc(size);
    assert_non_null(raw);
    memset(raw, 'x', size);
    memcpy(raw, "Subject: x\n\n", 12);
    desk->mail.raw = carom_str_n(raw, size);
    assert_int_equal(render(desk, &request, &err), CAROM_RENDER_DEAD);
    assert_true(contains(err.text, "the mail is too large"));
    free(raw);
    desk_free(desk);
}

/* ---- A relay ---- */

struct relay {
    int listener;
    unsigned port;
    pthread_t thread;
    const char *at, *reply; /* a command that gets that reply; "" at the greeting, "." at the end of the message */
    bool asks;              /* for a login */
    char heard[16384];
};

static bool say(int fd, const char *text)
{
    return send(fd, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text);
}

static bool answer_line(struct relay *relay, int fd, const char *line, bool *data)
{
    if (*data && strcmp(line, ".\r\n") != 0)
        return true;
    bool ends = *data;
    *data = !ends && strncmp(line, "DATA", 4) == 0;
    if (relay->at && *relay->at && strncmp(line, relay->at, strlen(relay->at)) == 0) {
        *data = false;
        return relay->reply && say(fd, relay->reply);
    }
    return say(fd, ends                             ? "250 2.0.0 queued as 4711\r\n"
                   : *data                          ? "354 go on\r\n"
                   : strncmp(line, "EHLO", 4) == 0  ? relay->asks ? "250-relay.example.org\r\n250 AUTH PLAIN\r\n"
                                                                  : "250-relay.example.org\r\n250 8BITMIME\r\n"
                   : strncmp(line, "AUTH", 4) == 0  ? "535 5.7.8 bad credentials\r\n"
                   : strncmp(line, "QUIT", 4) == 0  ? "221 bye\r\n"
                                                    : "250 ok\r\n");
}

static void *serve(void *user)
{
    struct relay *relay = user;
    for (int fd; (fd = accept(relay->listener, NULL, NULL)) >= 0; close(fd)) {
        FILE *in = fdopen(dup(fd), "r");
        char line[2048];
        bool data = false, greeted = !relay->at || *relay->at;
        if (say(fd, greeted ? "220 relay.example.org ESMTP\r\n" : relay->reply))
            while (fgets(line, sizeof line, in)) {
                if (strlen(relay->heard) + strlen(line) < sizeof relay->heard)
                    strcat(relay->heard, line);
                if (!answer_line(relay, fd, line, &data))
                    break;
            }
        fclose(in);
    }
    return NULL;
}

static void relay_start(struct relay *relay, const char *at, const char *reply)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    *relay = (struct relay){.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), .at = at, .reply = reply};
    assert_int_equal(bind(relay->listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(relay->listener, 16), 0);
    assert_int_equal(getsockname(relay->listener, (struct sockaddr *)&address, &size), 0);
    relay->port = ntohs(address.sin_port);
    assert_int_equal(pthread_create(&relay->thread, NULL, serve, relay), 0);
}

static void relay_stop(struct relay *relay)
{
    shutdown(relay->listener, SHUT_RDWR);
    pthread_join(relay->thread, NULL);
    close(relay->listener);
}

struct result {
    int n;
    enum carom_verdict verdict;
    char text[512];
};

static void on_answer(void *user, void *job, const struct carom_answer *answer)
{
    static const struct carom_sink sink = {.type = CAROM_SINK_SMTP};
    struct result *result = user;
    struct carom_buf out = CAROM_BUF_INIT(4096);
    (void)job;
    result->n++;
    result->verdict = carom_answer_judge(&sink, answer);
    carom_answer_print(&sink, answer, &out);
    snprintf(result->text, sizeof result->text, CAROM_STR_FMT, CAROM_STR_ARG(carom_buf_str(&out)));
    carom_buf_deinit(&out);
}

static struct result submit(struct carom_request *request)
{
    struct carom_error err = {0};
    struct result result = {0};
    const struct carom_transport_ops *ops = carom_transport_load(&err);
    if (!ops)
        fail_msg("%s", err.text);
    void *transport = ops->open(&err);
    if (ops->start(transport, request, &err) != 0)
        fail_msg("%s", err.text);
    while (ops->poll(transport, 1000, on_answer, &result, &err) > 0)
        ;
    ops->close(transport);
    assert_int_equal(result.n, 1);
    return result;
}

static struct result send_to(struct relay *relay, struct desk *desk, bool allow_private)
{
    char url[64];
    struct carom_request request;
    struct carom_error err;
    snprintf(url, sizeof url, "smtp://127.0.0.1:%u", relay->port);
    desk->relay.url = carom_str(url);
    desk->relay.allow_private = allow_private;
    if (render(desk, &request, &err) != CAROM_RENDERED)
        fail_msg("%s", err.text);
    return submit(&request);
}

static void test_what_a_relay_hears(void **state)
{
    (void)state;
    struct relay relay;
    struct desk *desk = desk_new("retry");
    relay_start(&relay, NULL, NULL);
    struct result result = send_to(&relay, desk, true);
    relay_stop(&relay);
    if (result.verdict != CAROM_VERDICT_DONE || !contains(result.text, "250 2.0.0 queued as 4711"))
        fail_msg("got %d '%s'", (int)result.verdict, result.text);
    const char *mail = strstr(relay.heard, "MAIL FROM:<>"), *rcpt = strstr(relay.heard, "RCPT TO:<");
    assert_non_null(mail);
    assert_non_null(rcpt);
    assert_true(strncmp(rcpt, "RCPT TO:<jane@example.net>\r\n", 28) == 0);
    assert_false(contains(rcpt + 1, "RCPT TO:"));
    assert_true(contains(relay.heard, "DATA\r\nX-Carom-Loop: msg_1\r\nReceived:"));
    assert_true(contains(relay.heard, "\r\n\r\n..\r\nhello\r\n.\r\n")); /* its dot is doubled, and ends nothing */
    desk_free(desk);
    desk = desk_new("probe"); /* what is to come back says where */
    relay_start(&relay, NULL, NULL);
    assert_int_equal(send_to(&relay, desk, true).verdict, CAROM_VERDICT_DONE);
    relay_stop(&relay);
    mail = strstr(relay.heard, "MAIL FROM:<b");
    assert_non_null(mail);
    assert_true(contains(mail, "-=.probe=.jane==example.net@b.example.org>"));
    desk_free(desk);
}

static void test_what_a_relay_says(void **state)
{
    (void)state;
    static const struct {
        const char *at, *reply; /* reply NULL: it hangs up */
        enum carom_verdict want;
        const char *text;
    } cases[] = {
        {"RCPT", "550 5.1.1 no such user\r\n", CAROM_VERDICT_DEAD, "550 5.1.1 no such user"},
        {"RCPT", "450 4.2.1 later\r\n", CAROM_VERDICT_RETRY, "450 4.2.1 later"},
        {"MAIL", "530 5.7.0 authentication required\r\n", CAROM_VERDICT_PAUSE, "530"},
        {"MAIL", "452 4.3.1 full\r\n", CAROM_VERDICT_RETRY, "452"},
        {"DATA", "554 5.7.1 no\r\n", CAROM_VERDICT_DEAD, "554"},
        {".", "554 5.7.1 spam\r\n", CAROM_VERDICT_DEAD, "554 5.7.1 spam"},
        {".", "451 4.7.1 greylisted\r\n", CAROM_VERDICT_RETRY, "451"},
        {".", NULL, CAROM_VERDICT_RETRY, ""}, /* taken or not: nobody knows, so that it goes again */
        {"", "554 5.3.2 not now\r\n", CAROM_VERDICT_RETRY, ""},
        {"", "421 4.3.2 busy\r\n", CAROM_VERDICT_RETRY, ""},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct relay relay;
        struct desk *desk = desk_new("retry");
        relay_start(&relay, cases[i].at, cases[i].reply);
        struct result result = send_to(&relay, desk, true);
        relay_stop(&relay);
        if (result.verdict != cases[i].want || !contains(result.text, cases[i].text))
            fail_msg("%s %s: got %d '%s', want %d", cases[i].at, cases[i].reply ? cases[i].reply : "(closed)",
                     (int)result.verdict, result.text, (int)cases[i].want);
        desk_free(desk);
    }
}

static void test_login_refused(void **state)
{
    (void)state;
    struct relay relay;
    struct desk *desk = desk_new("retry");
    relay_start(&relay, NULL, NULL);
    relay.asks = true;
    desk->relay.user = CAROM_STR("carom");
    desk->relay.password = (struct carom_secret){CAROM_SECRET_LITERAL, CAROM_STR("secret")};
    struct result result = send_to(&relay, desk, true);
    relay_stop(&relay);
    assert_int_equal(result.verdict, CAROM_VERDICT_PAUSE);
    assert_true(contains(result.text, "535 5.7.8 bad credentials"));
    assert_true(contains(relay.heard, "AUTH PLAIN"));
    assert_false(contains(relay.heard, "MAIL FROM"));
    desk_free(desk);
}

/* ---- Tried without a mail ---- */

static void test_trials(void **state)
{
    (void)state;
    char url[64];
    struct relay relay;
    struct carom_error err = {0};
    struct carom_arena *arena = carom_arena_new();
    relay_start(&relay, NULL, NULL);
    relay.asks = true;
    snprintf(url, sizeof url, "smtp://127.0.0.1:%u", relay.port);
    struct carom_sink mail = {.type = CAROM_SINK_SMTP, .allow_private = true, .url = carom_str(url), .user = CAROM_STR("carom"),
                              .password = {CAROM_SECRET_LITERAL, CAROM_STR("secret")}};
    struct carom_sink broken = {.type = CAROM_SINK_HTTP, .url = CAROM_STR("http://a host/")};
    struct carom_trial trials[] = {{.sink = &mail}, {.sink = &broken}};
    assert_int_equal(carom_trials_run(arena, trials, COUNT(trials), &err), 0);
    relay_stop(&relay);
    assert_false(trials[0].good);
    assert_true(contains(trials[0].why.ptr, "535 5.7.8 bad credentials"));
    assert_false(trials[1].good);
    assert_true(contains(trials[1].why.ptr, "the URL holds a space"));

    char *modules = getenv("CAROM_MODULES") ? strdup(getenv("CAROM_MODULES")) : NULL;
    setenv("CAROM_MODULES", "/nonexistent", 1);
    int got = carom_trials_run(arena, trials, COUNT(trials), &err);
    if (modules)
        setenv("CAROM_MODULES", modules, 1);
    else
        unsetenv("CAROM_MODULES");
    free(modules);
    assert_int_equal(got, -1);
    assert_true(contains(err.text, "/nonexistent/carom-http.so"));
    carom_arena_free(arena);
}

static void test_private_relay(void **state)
{
    (void)state;
    struct relay relay;
    struct desk *desk = desk_new("retry");
    relay_start(&relay, NULL, NULL);
    struct result result = send_to(&relay, desk, false);
    relay_stop(&relay);
    assert_int_equal(result.verdict, CAROM_VERDICT_RETRY);
    assert_true(contains(result.text, "allow_private"));
    assert_string_equal(relay.heard, "");
    desk_free(desk);
}

static void test_module_refuses(void **state)
{
    (void)state;
    static const char *const wrong[][2] = {{"http://example.org/", "a@b"}, {"smtp://example.org", "a@b\r\nRCPT TO:<c@d>"},
                                           {"smtp://example.org/a b", "a@b"}, {"smtp://example.org", "<a@b>"}};
    struct carom_error err = {0};
    const struct carom_transport_ops *ops = carom_transport_load(&err);
    void *transport = ops->open(&err);
    for (size_t i = 0; i < COUNT(wrong); i++) {
        struct carom_request request = {.method = "", .url = wrong[i][0], .rcpt = wrong[i][1], .body = CAROM_STR("x")};
        if (ops->start(transport, &request, &err) != -1)
            fail_msg("row %zu was taken", i);
        request = (struct carom_request){.method = "", .url = "smtp://example.org", .rcpt = "a@b", .sender = "a@b> SIZE=1",
                                         .body = CAROM_STR("x")};
        if (ops->start(transport, &request, &err) != -1)
            fail_msg("the sender was taken");
    }
    struct carom_request request = {.method = "GET", .url = "smtp://example.org/", .body = CAROM_STR_EMPTY};
    assert_int_equal(ops->start(transport, &request, &err), -1);
    ops->close(transport);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alert), cmocka_unit_test(test_no_injection), cmocka_unit_test(test_probe),
        cmocka_unit_test(test_forward), cmocka_unit_test(test_told), cmocka_unit_test(test_misconfigured),
        cmocka_unit_test(test_unsigned_probe), cmocka_unit_test(test_probe_without_list),
        cmocka_unit_test(test_login_refused), cmocka_unit_test(test_trials), cmocka_unit_test(test_resubmitted), cmocka_unit_test(test_not_resubmitted),
        cmocka_unit_test(test_too_large), cmocka_unit_test(test_what_a_relay_hears),
        cmocka_unit_test(test_what_a_relay_says), cmocka_unit_test(test_private_relay),
        cmocka_unit_test(test_module_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
