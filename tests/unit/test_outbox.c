/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The outbox, from signatures to whole runs: against a ledger in memory and a web server in a thread of this program,
   through the real HTTP module. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <jansson.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/date.h"
#include "outbox/answer.h"
#include "outbox/backoff.h"
#include "outbox/outbox.h"
#include "outbox/private.h"
#include "outbox/render.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])
#define LITERAL(text) ((struct carom_secret){CAROM_SECRET_LITERAL, CAROM_STR(text)})

static bool contains(const char *text, const char *part) { return strstr(text, part) != NULL; }

/* ---- Memory that the library does not get ---- */

static int callocs_left = -1;          /* so many more; -1: no limit */
static size_t malloc_max = SIZE_MAX;   /* what is asked for beyond that is refused */

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);

void *__wrap_malloc(size_t n) { return n > malloc_max ? NULL : __real_malloc(n); }
void *__wrap_calloc(size_t n, size_t size)
{
    if (callocs_left == 0)
        return NULL;
    callocs_left -= callocs_left > 0;
    return __real_calloc(n, size);
}

static void *no_memory(size_t n) { return (void)n, NULL; } /* for jansson */

/* ---- Signatures ---- */

/* Made with Python 3:
   base64.b64encode(hmac.new(key, b"%s.%d.%s" % (id, timestamp, body), hashlib.sha256).digest()) */
static void test_signature(void **state)
{
    (void)state;
    static const struct {
        const char *secret, *id;
        int64_t timestamp;
        const char *body, *want;
    } cases[] = {
        {"carom-test-secret-0123456789", "job_0001", 1767225600, "{\"type\":\"carom.unsubscribe\"}",
         "v1,7DHbkptRzCLis1epQIxUC+kglxPSB2C5geqKzRZpvac="},
        {"whsec_Y2Fyb20tdGVzdC1zZWNyZXQtMDEyMzQ1Njc4OQ==", "job_0001", 1767225600, "{\"type\":\"carom.unsubscribe\"}",
         "v1,7DHbkptRzCLis1epQIxUC+kglxPSB2C5geqKzRZpvac="},
        {"whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", "k", 1, "", "v1,+NGsWQHTQoBtLyUeGUwlu3M3IKWLXN9c7JKmOl+gEQc="}, /* the bytes 0 to 31: a NUL is no end */
        {"whsec_no base64!", "a", 1, "", NULL},
        {"whsec_Zm9", "a", 1, "", NULL}, /* cut */
        {"whsec_", "a", 1, "", NULL},
        {"", "a", 1, "", NULL},
    };
    struct carom_arena *arena = carom_arena_new();
    assert_non_null(arena);
    for (size_t i = 0; i < COUNT(cases); i++) {
        char got[CAROM_SIGNATURE_SIZE] = "";
        int result = carom_webhook_sign(arena, carom_str(cases[i].secret), carom_str(cases[i].id), cases[i].timestamp,
                                        carom_str(cases[i].body), got);
        if (result != (cases[i].want ? 0 : -1) || (cases[i].want && strcmp(got, cases[i].want) != 0))
            fail_msg("secret %s: got %d %s, want %s", cases[i].secret, result, got,
                     cases[i].want ? cases[i].want : "a refusal");
    }
    carom_arena_free(arena);
}

/* ---- Schedule ---- */

static void test_backoff(void **state)
{
    (void)state;
    static const int64_t want_s[] = {0, 5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400};
    for (int64_t attempts = 1; attempts < 10; attempts++) {
        int64_t want = want_s[attempts] * 1000, least = INT64_MAX, most = 0;
        for (int64_t seed = 1; seed <= 1000; seed++) {
            int64_t got = carom_backoff_ms(attempts, seed, -1);
            least = got < least ? got : least;
            most = got > most ? got : most;
        }
        if (least < want - want / 10 || most > want + want / 10 || most - least < want / 10)
            fail_msg("attempt %lld: got %lld to %lld ms, want %lld ±10 %%", (long long)attempts, (long long)least,
                     (long long)most, (long long)want);
    }
    assert_int_equal(carom_backoff_ms(10, 1, -1), -1);
    assert_int_equal(carom_backoff_ms(11, 1, 5), -1);
    assert_int_equal(carom_backoff_ms(1, 7, 120), 120 * 1000);
    assert_int_equal(carom_backoff_ms(2, 7, 1), carom_backoff_ms(2, 7, -1)); /* never sooner than our own */
    assert_int_equal(carom_backoff_ms(1, 7, INT64_MAX), 86400 * 1000);
}

/* ---- Answers ---- */

static void test_judge(void **state)
{
    (void)state;
    struct carom_sink hook = {.type = CAROM_SINK_WEBHOOK};
    struct carom_sink post = {.type = CAROM_SINK_HTTP, .method = CAROM_STR("POST")};
    struct carom_sink delete = {.type = CAROM_SINK_HTTP, .method = CAROM_STR("delete")};
    struct carom_sink own = {.type = CAROM_SINK_HTTP, .method = CAROM_STR("DELETE"), .done = {200, 409}};
    struct carom_sink class = {.type = CAROM_SINK_HTTP, .method = CAROM_STR("POST"), .done = {-2, 403}};
    const struct {
        const struct carom_sink *sink;
        int code;
        enum carom_verdict want;
    } cases[] = {
        {&hook, 200, CAROM_VERDICT_DONE},   {&hook, 204, CAROM_VERDICT_DONE},    {&hook, 299, CAROM_VERDICT_DONE},
        {&hook, 0, CAROM_VERDICT_RETRY},    {&hook, 408, CAROM_VERDICT_RETRY},   {&hook, 425, CAROM_VERDICT_RETRY},
        {&hook, 429, CAROM_VERDICT_RETRY},  {&hook, 500, CAROM_VERDICT_RETRY},   {&hook, 503, CAROM_VERDICT_RETRY},
        {&hook, 599, CAROM_VERDICT_RETRY},  {&hook, 600, CAROM_VERDICT_DEAD},    {&hook, 301, CAROM_VERDICT_ASTRAY},
        {&hook, 302, CAROM_VERDICT_ASTRAY}, {&hook, 308, CAROM_VERDICT_ASTRAY},  {&hook, 400, CAROM_VERDICT_DEAD},
        {&hook, 404, CAROM_VERDICT_ASTRAY}, {&hook, 422, CAROM_VERDICT_DEAD},    {&hook, 401, CAROM_VERDICT_PAUSE},
        {&hook, 405, CAROM_VERDICT_ASTRAY}, {&hook, 421, CAROM_VERDICT_ASTRAY},  {&hook, 409, CAROM_VERDICT_DEAD},
        {&hook, 413, CAROM_VERDICT_DEAD},   {&hook, 451, CAROM_VERDICT_DEAD},    {&post, 301, CAROM_VERDICT_DEAD},
        {&post, 405, CAROM_VERDICT_DEAD},   {&post, 421, CAROM_VERDICT_DEAD},
        {&hook, 403, CAROM_VERDICT_PAUSE},  {&hook, 407, CAROM_VERDICT_PAUSE},   {&hook, 410, CAROM_VERDICT_DISABLE},
        {&post, 202, CAROM_VERDICT_DONE},   {&post, 404, CAROM_VERDICT_DEAD},    {&post, 410, CAROM_VERDICT_DEAD},
        {&delete, 200, CAROM_VERDICT_DONE}, {&delete, 404, CAROM_VERDICT_DONE},  {&delete, 410, CAROM_VERDICT_DONE},
        {&delete, 409, CAROM_VERDICT_DEAD}, {&delete, 500, CAROM_VERDICT_RETRY}, {&delete, 401, CAROM_VERDICT_PAUSE},
        {&own, 200, CAROM_VERDICT_DONE},    {&own, 409, CAROM_VERDICT_DONE},     {&own, 404, CAROM_VERDICT_DEAD},
        {&own, 204, CAROM_VERDICT_DEAD},    {&class, 201, CAROM_VERDICT_DONE},   {&class, 403, CAROM_VERDICT_DONE},
        {&class, 404, CAROM_VERDICT_DEAD},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct carom_answer answer = {.code = cases[i].code, .retry_after_s = -1, .body = CAROM_STR_EMPTY};
        enum carom_verdict got = carom_answer_judge(cases[i].sink, &answer);
        if (got != cases[i].want)
            fail_msg("row %zu: answer %d: got %d, want %d", i, cases[i].code, (int)got, (int)cases[i].want);
    }
}

static void test_answer_text(void **state)
{
    (void)state;
    struct carom_sink hook = {.type = CAROM_SINK_WEBHOOK};
    const struct {
        struct carom_answer answer;
        const char *want;
    } cases[] = {
        {{.code = 204, .body = CAROM_STR("ignored")}, "204 No Content"},
        {{.code = 503, .body = CAROM_STR("")}, "503 Service Unavailable"},
        {{.code = 500, .body = CAROM_STR("a\r\n\x1b[31mb\xff\0c")}, "500 Internal Server Error: a   [31mb? c"},
        {{.code = 599, .body = CAROM_STR(" ")}, "599"},
        {{.code = 302, .body = CAROM_STR("")}, "302 Found (redirects are not followed: give the final URL)"},
        {{.code = 410, .body = CAROM_STR("")}, "410 Gone (the webhook says it is gone: its jobs wait until `carom outbox enable`)"},
        {{.code = 0, .body = CAROM_STR(""), .error = "timed\nout"}, "timed out"},
        {{.code = 0, .body = CAROM_STR("")}, "no answer"},
    };
    struct carom_buf out = CAROM_BUF_INIT(4096);
    for (size_t i = 0; i < COUNT(cases); i++) {
        carom_buf_clear(&out);
        carom_answer_print(&hook, &cases[i].answer, &out);
        if (!carom_str_eq(carom_buf_str(&out), carom_str(cases[i].want)))
            fail_msg("got '%s', want '%s'", carom_buf_str(&out).ptr, cases[i].want);
    }
    static char long_body[9000];
    memset(long_body, 'x', sizeof long_body);
    struct carom_answer answer = {.code = 400, .body = carom_str_n(long_body, sizeof long_body)};
    carom_buf_clear(&out);
    carom_answer_print(&hook, &answer, &out);
    assert_in_range(out.len, 100, 250);
    carom_buf_deinit(&out);
}

/* ---- Addresses ---- */

static const char *kind_of(const char *address)
{
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM}, *found;
    if (getaddrinfo(address, "80", &hints, &found) != 0)
        return "(not an address)";
    const char *kind = carom_private_kind(found->ai_addr);
    freeaddrinfo(found);
    return kind;
}

static void test_private(void **state)
{
    (void)state;
    static const struct {
        const char *address, *want; /* NULL: public */
    } cases[] = {
        {"127.0.0.1", "loopback"}, {"127.1", "loopback"}, {"127.255.255.255", "loopback"},
        {"2130706433", "loopback"}, {"0x7f.1", "loopback"}, {"0.0.0.0", "unspecified"}, {"0", "unspecified"},
        {"10.0.0.1", "private"}, {"10.255.255.255", "private"}, {"9.255.255.255", NULL}, {"11.0.0.0", NULL},
        {"172.15.255.255", NULL}, {"172.16.0.0", "private"}, {"172.31.255.255", "private"}, {"172.32.0.0", NULL},
        {"192.168.0.1", "private"}, {"192.169.0.0", NULL}, {"192.167.255.255", NULL}, {"192.0.0.8", "reserved"},
        {"169.254.169.254", "link-local"}, {"169.253.255.255", NULL},
        {"100.63.255.255", NULL}, {"100.64.0.0", "shared (CGNAT)"}, {"100.127.255.255", "shared (CGNAT)"},
        {"100.128.0.0", NULL}, {"198.18.0.1", "reserved"}, {"198.19.255.255", "reserved"}, {"198.20.0.0", NULL},
        {"224.0.0.1", "multicast"}, {"239.255.255.255", "multicast"}, {"240.0.0.1", "reserved"},
        {"255.255.255.255", "reserved"}, {"223.255.255.255", NULL}, {"8.8.8.8", NULL},
        {"::1", "loopback"}, {"::", "unspecified"}, {"::2", "IPv4-compatible"}, {"::10.0.0.1", "IPv4-compatible"},
        {"::ffff:127.0.0.1", "IPv4-mapped"}, {"::ffff:8.8.8.8", "IPv4-mapped"},
        {"::ffff:0:127.0.0.1", "IPv4-translated"}, {"::fffe:0:127.0.0.1", NULL},
        {"64:ff9b::a00:1", "NAT64"}, {"64:ff9b:1::1", "NAT64"}, {"64:ff9c::1", NULL},
        {"fe80::1", "link-local"}, {"febf::1", "link-local"}, {"fec0::1", "private (site-local)"},
        {"fc00::1", "private (ULA)"}, {"fdff::1", "private (ULA)"}, {"fbff::1", NULL},
        {"ff02::1", "multicast"}, {"2002:7f00:1::1", "6to4"}, {"2001:0:1::1", "Teredo"}, {"100::1", "reserved"},
        {"2001:4860:4860::8888", NULL}, {"2a00::1", NULL},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *got = kind_of(cases[i].address);
        if (got != cases[i].want && (!got || !cases[i].want || strcmp(got, cases[i].want) != 0))
            fail_msg("%s: got %s, want %s", cases[i].address, got ? got : "public",
                     cases[i].want ? cases[i].want : "public");
    }
    assert_null(carom_private_kind_text("8.8.8.8"));
    assert_string_equal(carom_private_kind_text("127.0.0.1"), "loopback");
    assert_string_equal(carom_private_kind_text("::ffff:127.0.0.1"), "IPv4-mapped");
    assert_string_equal(carom_private_kind_text("fe80::1%eth0"), "link-local");
    assert_string_equal(carom_private_kind_text(""), "not an internet address");
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    assert_string_equal(carom_private_kind((const struct sockaddr *)&local), "not an internet address");
}

/* ---- Requests ---- */

#define DATA(recipient, list) \
    "{\"action\":{\"action\":\"unsubscribe\",\"list\":\"" list "\"}," \
    "\"fact\":{\"recipient\":\"" recipient "\",\"hard\":true,\"reply_code\":550,\"action\":\"failed\"," \
    "\"diagnostic\":\"a\\r\\nX-Evil: 1\\u0000\\\"}\",\"evidence\":{\"rule\":\"r.1\"}}}"

#define PLAIN(text) CAROM_STR("\0" text) /* as the ledger keeps what is short */

static struct carom_job job_with(const char *data)
{
    return (struct carom_job){.id = 1, .key = CAROM_STR("job_1"), .sink = CAROM_STR("unsubscribe"),
                              .action = CAROM_STR("unsubscribe"), .address = CAROM_STR("jane@example.net"),
                              .data = carom_str(data), .headers = PLAIN("X-Campaign: a\r\n\tb\r\nSubject: s\r\n\r\n"),
                              .created = 1767225600123, .state = CAROM_JOB_WAITING, .last_answer = CAROM_STR_EMPTY};
}

static enum carom_rendered render(const struct carom_config *config, const struct carom_sink *sink,
                                  const struct carom_job *job, struct carom_arena *arena, int64_t at,
                                  struct carom_request *request, struct carom_error *err)
{
    struct carom_render_input input = {.config = config, .sink = sink, .job = job, .now = at};
    return carom_render_request(&input, arena, request, err);
}

static struct carom_list_entry lists = {.id = {"dev.example.org", 15}, .address = {"dev@example.org", 15},
                                        .key = {"7", 1}};

static const char *header_of(const struct carom_request *request, const char *name)
{
    size_t n = strlen(name);
    for (size_t i = 0; request->headers[i]; i++)
        if (strncasecmp(request->headers[i], name, n) == 0 && request->headers[i][n] == ':')
            return request->headers[i] + n + 2;
    return "(none)";
}

static void test_webhook_request(void **state)
{
    (void)state;
    struct carom_config config = {0};
    struct carom_pair extra = {CAROM_STR("X-Reason"), CAROM_STR("{diagnostic}"), NULL};
    struct carom_sink sink = {.type = CAROM_SINK_WEBHOOK, .name = CAROM_STR("unsubscribe"), .headers = &extra,
                              .url = CAROM_STR("https://example.org/{hook}"), .secrets = {LITERAL("s1"), LITERAL("s2")}};
    struct carom_job job = job_with(DATA("jane@example.net", "dev.example.org"));
    struct carom_arena *arena = carom_arena_new();
    struct carom_request request;
    struct carom_error err = {0};
    char want[CAROM_SIGNATURE_SIZE * 2], second[CAROM_SIGNATURE_SIZE];

    assert_int_equal(render(&config, &sink, &job, arena, 1767230000, &request, &err), CAROM_RENDERED);
    assert_string_equal(request.method, "POST");
    assert_string_equal(request.url, "https://example.org/{hook}");
    assert_string_equal(header_of(&request, "webhook-id"), "job_1");
    assert_string_equal(header_of(&request, "webhook-timestamp"), "1767230000");
    assert_string_equal(header_of(&request, "content-type"), "application/json");
    assert_null(strpbrk(header_of(&request, "X-Reason"), "\r\n"));
    struct carom_str start = CAROM_STR("{\"type\":\"carom.unsubscribe\",\"timestamp\":\"2026-01-01T00:00:00Z\",\"data\":{\"ac");
    assert_true(carom_str_starts(request.body, start));
    assert_int_equal(carom_webhook_sign(arena, CAROM_STR("s1"), job.key, 1767230000, request.body, want), 0);
    assert_int_equal(carom_webhook_sign(arena, CAROM_STR("s2"), job.key, 1767230000, request.body, second), 0);
    strcat(want, " ");
    strcat(want, second);
    assert_string_equal(header_of(&request, "webhook-signature"), want);

    struct carom_str body = request.body;
    struct carom_request again;
    assert_int_equal(render(&config, &sink, &job, arena, 1767239999, &again, &err), CAROM_RENDERED);
    assert_true(carom_str_eq(body, again.body)); /* only the attempt's time and signature differ */
    carom_arena_free(arena);
}

static struct carom_sink rest_sink(const char *method, const char *url)
{
    return (struct carom_sink){.type = CAROM_SINK_HTTP, .name = CAROM_STR("unsubscribe"), .method = carom_str(method),
                               .url = carom_str(url), .body = CAROM_STR_EMPTY, .user = CAROM_STR_EMPTY,
                               .ca = CAROM_STR_EMPTY};
}

static void test_urls(void **state)
{
    (void)state;
    static const struct {
        const char *url, *recipient, *list;
        enum carom_rendered want;
        const char *want_text; /* the URL, or a part of the error */
    } cases[] = {
        {"http://example.org/{list}/{address}?q={address}", "a b@example.net", "dev.example.org", CAROM_RENDERED,
         "http://example.org/dev.example.org/a%20b%40example.net?q=a%20b%40example.net"},
        {"http://example.org/{address}", "a/.b/c..?c=d&e#f%@x", "l", CAROM_RENDERED,
         "http://example.org/a%2F.b%2Fc..%3Fc%3Dd%26e%23f%25%40x"},
        {"http://example.org/{address}", "a/../b@x", "l", CAROM_RENDER_DEAD, "segment of dots"},
        {"http://example.org/{address}", "a\\\\..\\\\b@x", "l", CAROM_RENDER_DEAD, "segment of dots"},
        {"http://example.org/{address}", "a\\r\\nHost: evil\\u0000@x", "l", CAROM_RENDERED,
         "http://example.org/a%0D%0AHost%3A%20evil%00%40x"},
        {"http://example.org/{list_key}/{list_address}/{evidence.rule}/{reply_code}/{hard}/{action}", "a@x",
         "dev.example.org", CAROM_RENDERED, "http://example.org/7/dev%40example.org/r.1/550/true/unsubscribe"},
        {"http://example.org/{header.X-Campaign}", "a@x", "l", CAROM_RENDERED, "http://example.org/a%20b"},
        {"http://example.org/x?id={header.X-None}", "a@x", "l", CAROM_RENDERED, "http://example.org/x?id="},
        {"http://example.org/lists/{list}/member", "a@x", "", CAROM_RENDER_DEAD, "no value for the placeholder list"},
        {"http://example.org/lists/{list}/member", "a@x", "..", CAROM_RENDER_DEAD, "segment of dots"},
        {"http://example.org/lists/{list}/member", "a@x", ".", CAROM_RENDER_DEAD, "segment of dots"},
        {"http://example.org/lists/{list}./member", "a@x", ".", CAROM_RENDER_DEAD, "segment of dots"},
        {"http://example.org/lists/%2e{list}", "a@x", ".", CAROM_RENDER_DEAD, "segment of dots"},
        {"http://example.org/lists/{list}/member", "a@x", "...", CAROM_RENDERED, "http://example.org/lists/.../member"},
        {"http://{list}/member", "a@x", "evil.example", CAROM_RENDER_WAIT, "placeholder in the host"},
        {"http://u@{list}:80/member", "a@x", "evil.example", CAROM_RENDER_WAIT, "placeholder in the host"},
        {"ftp://example.org/", "a@x", "l", CAROM_RENDER_WAIT, "http://"},
        {"file:///etc/passwd", "a@x", "l", CAROM_RENDER_WAIT, "http://"},
    };
    struct carom_config config = {.lists = &lists};
    struct carom_arena *arena = carom_arena_new();
    for (size_t i = 0; i < COUNT(cases); i++) {
        char data[1024];
        snprintf(data, sizeof data, DATA("%s", "%s"), cases[i].list, cases[i].recipient);
        struct carom_job job = job_with(data);
        struct carom_sink sink = rest_sink("DELETE", cases[i].url);
        struct carom_request request;
        struct carom_error err = {0};
        enum carom_rendered got = render(&config, &sink, &job, arena, 1, &request, &err);
        const char *text = got == CAROM_RENDERED ? request.url : err.text;
        if (got != cases[i].want || !contains(text, cases[i].want_text) ||
            (got == CAROM_RENDERED && strcmp(text, cases[i].want_text) != 0))
            fail_msg("%s: got %d %s, want %d %s", cases[i].url, (int)got, text, (int)cases[i].want,
                     cases[i].want_text);
    }
    carom_arena_free(arena);
}

/* Only who asks for a header learns that they are damaged. */
static void test_damaged_headers(void **state)
{
    (void)state;
    struct carom_config config = {.lists = &lists};
    struct carom_job job = job_with(DATA("jane@example.net", "dev.example.org"));
    struct carom_sink asks = rest_sink("PUT", "http://example.org/x?id={header.X-Campaign}");
    struct carom_sink other = rest_sink("PUT", "http://example.org/{address}");
    struct carom_arena *arena = carom_arena_new();
    struct carom_request request;
    struct carom_error err = {0};

    job.headers = CAROM_STR("\1no zstd");
    assert_int_equal(render(&config, &other, &job, arena, 1, &request, &err), CAROM_RENDERED);
    assert_int_equal(render(&config, &asks, &job, arena, 1, &request, &err), CAROM_RENDER_DEAD);
    assert_true(contains(err.text, "job 1: the ledger holds a damaged block"));
    carom_arena_free(arena);
}

static void test_bodies_and_headers(void **state)
{
    (void)state;
    struct carom_config config = {.lists = &lists};
    struct carom_pair second = {CAROM_STR("why & how"), CAROM_STR("{diagnostic}=&"), NULL};
    struct carom_pair form = {CAROM_STR("email"), CAROM_STR("{address}"), &second};
    struct carom_pair header = {CAROM_STR("X-Why"), CAROM_STR("<{diagnostic}>"), NULL};
    struct carom_pair bad = {CAROM_STR("X-Bad\r\nX-Other"), CAROM_STR("x"), NULL};
    struct carom_sink sink = rest_sink("post", "http://example.org/");
    struct carom_job job = job_with(DATA("j\\\"ane+x@example.net", "dev.example.org"));
    struct carom_arena *arena = carom_arena_new();
    struct carom_request request;
    struct carom_error err = {0};

    sink.body = CAROM_STR("{\"emails\":\"{address}\",\"why\":\"{diagnostic}\",\"none\":{}}");
    sink.headers = &header;
    sink.token = LITERAL("t0ken");
    assert_int_equal(render(&config, &sink, &job, arena, 1, &request, &err), CAROM_RENDERED);
    assert_string_equal(request.method, "POST");
    assert_string_equal(request.body.ptr, "{\"emails\":\"j\\\"ane+x@example.net\",\"why\":"
                                          "\"a\\r\\nX-Evil: 1\\u0000\\\"}\",\"none\":{}}");
    assert_null(strpbrk(header_of(&request, "X-Why"), "\r\n"));
    assert_true(contains(header_of(&request, "X-Why"), "X-Evil: 1"));
    assert_string_equal(header_of(&request, "X-Evil"), "(none)");
    assert_string_equal(header_of(&request, "Authorization"), "Bearer t0ken");
    assert_string_equal(header_of(&request, "Idempotency-Key"), "job_1");
    assert_string_equal(header_of(&request, "Content-Type"), "application/json");

    sink.body = CAROM_STR_EMPTY;
    sink.form = &form;
    sink.user = CAROM_STR("restadmin");
    sink.password = LITERAL("p");
    assert_int_equal(render(&config, &sink, &job, arena, 1, &request, &err), CAROM_RENDERED);
    struct carom_str start = CAROM_STR("email=j%22ane%2Bx%40example.net&why%20%26%20how=a");
    assert_true(carom_str_starts(request.body, start));
    assert_true(carom_str_iends(request.body, CAROM_STR("%3D%26")));
    assert_string_equal(header_of(&request, "Content-Type"), "application/x-www-form-urlencoded");
    assert_string_equal(request.user, "restadmin");
    assert_string_equal(request.password, "p");

    sink.token = LITERAL("t\r\nX-Evil: 1");
    assert_int_equal(render(&config, &sink, &job, arena, 1, &request, &err), CAROM_RENDER_WAIT);
    assert_true(contains(err.text, "token") && !contains(err.text, "Evil"));
    sink.token = (struct carom_secret){CAROM_SECRET_ENV, CAROM_STR("CAROM_TEST_NOT_SET")};
    assert_int_equal(render(&config, &sink, &job, arena, 1, &request, &err), CAROM_RENDER_WAIT);
    assert_true(contains(err.text, "CAROM_TEST_NOT_SET"));
    sink.token = (struct carom_secret){0};
    sink.headers = &bad;
    assert_int_equal(render(&config, &sink, &job, arena, 1, &request, &err), CAROM_RENDER_WAIT);
    sink.headers = NULL;
    sink.method = CAROM_STR("GET / HTTP/1.1\r\nX:");
    assert_int_equal(render(&config, &sink, &job, arena, 1, &request, &err), CAROM_RENDER_WAIT);
    job.data = CAROM_STR("{\"action\":");
    assert_int_equal(render(&config, &sink, &job, arena, 1, &request, &err), CAROM_RENDER_DEAD);
    carom_arena_free(arena);
}

static void test_own_headers(void **state)
{
    (void)state;
    struct carom_config config = {0};
    struct carom_pair type = {CAROM_STR("content-type"), CAROM_STR("text/plain"), NULL};
    struct carom_pair key = {CAROM_STR("Idempotency-key"), CAROM_STR("mine\t{list}"), &type};
    struct carom_sink sink = rest_sink("POST", "http://example.org/");
    struct carom_job job = job_with(DATA("a@x", "l"));
    struct carom_arena *arena = carom_arena_new();
    struct carom_request request;
    struct carom_error err = {0};

    sink.body = CAROM_STR("x");
    sink.headers = &key;
    assert_int_equal(render(&config, &sink, &job, arena, 1, &request, &err), CAROM_RENDERED);
    assert_string_equal(request.headers[0], "Idempotency-key: mine l");
    assert_string_equal(request.headers[1], "content-type: text/plain");
    assert_null(request.headers[2]); /* instead of ours */

    sink.user = CAROM_STR("restadmin");
    sink.password = (struct carom_secret){CAROM_SECRET_ENV, CAROM_STR("CAROM_TEST_NOT_SET")};
    assert_int_equal(render(&config, &sink, &job, arena, 1, &request, &err), CAROM_RENDER_WAIT);
    assert_true(contains(err.text, "sink unsubscribe: password") && contains(err.text, "CAROM_TEST_NOT_SET"));
    carom_arena_free(arena);
}

static void test_values(void **state)
{
    (void)state;
    struct carom_config config = {0};
    struct carom_sink sink = rest_sink("GET", "http://example.org/?{half}&{no}&{yes}&{null}&{many}&{some.deep}&{some}&"
                                              "{a_name_that_is_longer_than_any_field_of_a_fact_or_an_action_ever_was_or_will_be}&{n}&{sql.name}&{number.n}");
    struct carom_job job = job_with("{\"action\":{\"null\":null,\"name\":\"o'neil\"},\"fact\":{\"half\":0.5,\"no\":false,\"yes\":true,"
                                    "\"null\":null,\"many\":[1],\"some\":{\"deep\":7},\"n\":-1}}");
    struct carom_arena *arena = carom_arena_new();
    struct carom_request request;
    struct carom_error err = {0};
    assert_int_equal(render(&config, &sink, &job, arena, 1, &request, &err), CAROM_RENDERED);
    assert_string_equal(request.url, "http://example.org/?0.5&false&true&&&7&&&-1&o%27%27neil&-1");
    carom_arena_free(arena);
}

/* No secret, no signature: a webhook that cannot be signed waits for its configuration. */
static void test_unsigned(void **state)
{
    (void)state;
    static const struct {
        struct carom_secret secret;
        const char *why;
    } cases[] = {
        {{CAROM_SECRET_NONE, {"", 0}}, "without a secret cannot be signed"},
        {{CAROM_SECRET_LITERAL, {"whsec_no base64!", 16}}, "not base64"},
        {{CAROM_SECRET_ENV, {"CAROM_TEST_NOT_SET", 18}}, "CAROM_TEST_NOT_SET"},
    };
    struct carom_config config = {0};
    struct carom_job job = job_with(DATA("a@x", "l"));
    struct carom_arena *arena = carom_arena_new();
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct carom_sink sink = {.type = CAROM_SINK_WEBHOOK, .name = CAROM_STR("hook"),
                                  .url = CAROM_STR("http://example.org/"), .secrets = {cases[i].secret}};
        struct carom_request request;
        struct carom_error err = {0};
        if (render(&config, &sink, &job, arena, 1, &request, &err) != CAROM_RENDER_WAIT || !contains(err.text, cases[i].why))
            fail_msg("got '%s', want '%s'", err.text, cases[i].why);
    }
    carom_arena_free(arena);
}

/* What mail fills without end is a dead letter, wherever it would go. */
static void test_too_large(void **state)
{
    (void)state;
    enum { LARGE = (4 << 20) + 1, FIELDS = 17 };
    static struct carom_pair fields[FIELDS];
    struct carom_pair field = {CAROM_STR("a"), CAROM_STR("{address}"), NULL};
    struct carom_sink sinks[] = {rest_sink("POST", "http://example.org/{address}"),
                                 rest_sink("POST", "http://example.org/?{address}"), rest_sink("POST", "http://example.org/"),
                                 rest_sink("POST", "http://example.org/"), rest_sink("POST", "http://example.org/"),
                                 rest_sink("", "http://example.org/")};
    struct carom_config config = {0};
    struct carom_arena *arena = carom_arena_new();
    char *data = malloc(LARGE + 100), *end;
    assert_non_null(data);
    end = stpcpy(data, "{\"fact\":{\"recipient\":\"");
    memset(end, 'x', LARGE);
    strcpy(end + LARGE, "\"}}");
    struct carom_job job = job_with(data);

    sinks[2].form = &field;
    sinks[3].body = CAROM_STR("{address}");
    sinks[4].headers = &field;
    sinks[5].type = CAROM_SINK_WEBHOOK;
    for (size_t i = 0; i < COUNT(sinks); i++) {
        struct carom_request request;
        struct carom_error err = {0};
        const char *want = i == 5 ? "the event is too large" : "longer than 4194304 bytes";
        if (render(&config, &sinks[i], &job, arena, 1, &request, &err) != CAROM_RENDER_DEAD || !contains(err.text, want))
            fail_msg("sink %zu: got '%s', want '%s'", i, err.text, want);
    }
    struct carom_pair same = {CAROM_STR("n"), CAROM_STR("{address}"), NULL}, *found;
    struct carom_render_input input = {.config = &config, .sink = &sinks[0], .job = &job};
    struct carom_error wrong = {0};
    sinks[0].first.same = &same;
    assert_int_equal(carom_render_take(&input, CAROM_STR("{\"n\":1}"), arena, &found, &wrong), CAROM_RENDER_DEAD);
    assert_true(contains(wrong.text, "longer than"));
    strcpy(end + LARGE - 1000, "\"}}"); /* which a text may have, and a form not so often */
    job = job_with(data);
    for (size_t i = 0; i < FIELDS; i++)
        fields[i] = (struct carom_pair){CAROM_STR("a"), CAROM_STR("{address}"), i ? &fields[i - 1] : NULL};
    sinks[2].form = &fields[FIELDS - 1];
    struct carom_request request;
    struct carom_error err = {0};
    assert_int_equal(render(&config, &sinks[2], &job, arena, 1, &request, &err), CAROM_RENDER_DEAD);
    assert_true(contains(err.text, "the form is too large"));
    free(data);
    carom_arena_free(arena);
}

/* The job is fine, and goes when there is memory. */
static void test_starved(void **state)
{
    (void)state;
    enum { LARGE = 200000 };
    struct carom_config config = {0};
    struct carom_sink sink = rest_sink("POST", "http://example.org/");
    struct carom_arena *arena = carom_arena_new();
    struct carom_request request;
    char *data = malloc(LARGE + 100);
    assert_non_null(data);
    char *end = stpcpy(data, "{\"fact\":{\"recipient\":\"");
    memset(end, 'x', LARGE);
    strcpy(end + LARGE, "\"}}");
    struct carom_job job = job_with(data);

    sink.body = CAROM_STR("{address}");
    for (int i = 0; i < 2; i++) {
        struct carom_error err = {0};
        malloc_max = LARGE / 2;
        if (i == 1)
            json_set_alloc_funcs(no_memory, free);
        enum carom_rendered got = render(&config, &sink, &job, arena, 1, &request, &err);
        malloc_max = SIZE_MAX;
        json_set_alloc_funcs(malloc, free);
        assert_int_equal(got, CAROM_RENDER_FAILED);
        assert_int_equal(err.code, CAROM_ERROR_MEMORY);
    }
    struct carom_error err = {0};
    assert_int_equal(render(&config, &sink, &job, arena, 1, &request, &err), CAROM_RENDERED);
    assert_int_equal(request.body.len, LARGE);
    free(data);
    carom_arena_free(arena);
}

/* ---- A web server: one connection at a time, kept alive; the path says how to answer ---- */

struct server {
    int listener;
    pthread_t thread;
    unsigned port;
    int requests, connections;
    const volatile bool *gate; /* a refusal waits for it; NULL: it does not */
    char last[8192];
};

static const struct {
    const char *path, *answer; /* NULL: closed without one */
} answers[] = {
    {"/ok", "HTTP/1.1 204 No Content\r\n\r\n"},
    {"/503", "HTTP/1.1 503 No\r\nRetry-After: 7200\r\nContent-Length: 4\r\n\r\nbusy"},
    {"/429", "HTTP/1.1 429 No\r\nRetry-After: @DATE@\r\nContent-Length: 0\r\n\r\n"},
    {"/400", "HTTP/1.1 400 No\r\nContent-Length: 5\r\n\r\nwrong"},
    /* closed, for curl sends again what a kept connection dropped: the count of requests would not be ours */
    {"/401", "HTTP/1.1 401 No\r\nConnection: close\r\nWWW-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\n\r\n"},
    {"/410", "HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n"},
    {"/302", "HTTP/1.1 302 Found\r\nLocation: /ok\r\nContent-Length: 0\r\n\r\n"},
    {"/202", "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"},
    {"/ok?id=4%2F2", "HTTP/1.1 204 No Content\r\n\r\n"},
    {"/found", "HTTP/1.1 200 OK\r\nContent-Length: 45\r\n\r\n{\"entries\":[{\"member_id\":\"4/2\",\"x\":1}],\"n\":1}"},
    {"/once", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n[]"},
    {"/drop", NULL},
    {"/large", "HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n@FILL@"},
    {"/headers", "HTTP/1.1 200 OK\r\n@HEADERS@"},
    {"/garbage", "SSH-2.0-OpenSSH\r\n"},
};

static bool send_all(int fd, const char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t sent = send(fd, bytes, n, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        bytes += sent, n -= (size_t)sent;
    }
    return true;
}

static bool send_filler(int fd, const char *answer, const char *mark, const char *line)
{
    if (!send_all(fd, answer, (size_t)(mark - answer)))
        return false;
    for (int i = 0; i < 200000 / 50; i++)
        if (!send_all(fd, line, 50))
            return false;
    return true;
}

static bool send_answer(int fd, const char *answer)
{
    const char *mark = strchr(answer, '@');
    if (!mark)
        return send_all(fd, answer, strlen(answer)) && !contains(answer, "SSH") && !contains(answer, "close");
    if (contains(mark, "@DATE@")) {
        time_t then = time(NULL) + 3000;
        struct tm tm;
        char text[256], date[64];
        strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&then, &tm));
        snprintf(text, sizeof text, "%.*s%s%s", (int)(mark - answer), answer, date, mark + 6);
        return send_all(fd, text, strlen(text));
    }
    return send_filler(fd, answer, mark,
                       contains(mark, "@FILL@") ? "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
                                                : "X-Many: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n");
}

static bool answer_request(struct server *server, int fd)
{
    char path[64] = "";
    sscanf(server->last, "%*s %63s", path);
    for (int i = 0; server->gate && !*server->gate && strcmp(path, "/401") == 0 && i < 10000; i++)
        usleep(1000);
    for (size_t i = 0; i < COUNT(answers); i++)
        if (strcmp(path, answers[i].path) == 0)
            return answers[i].answer && send_answer(fd, answers[i].answer);
    return send_answer(fd, "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n");
}

/* Requests of this test are small; header and body come in one or two pieces. */
static bool read_request(struct server *server, int fd)
{
    size_t n = 0;
    for (;;) {
        ssize_t got = read(fd, server->last + n, sizeof server->last - 1 - n);
        if (got <= 0)
            return false;
        n += (size_t)got;
        server->last[n] = '\0';
        const char *end = strstr(server->last, "\r\n\r\n"), *length = strcasestr(server->last, "content-length:");
        if (end && n >= (size_t)(end + 4 - server->last) + (length ? strtoul(length + 15, NULL, 10) : 0))
            break;
    }
    server->requests++;
    return true;
}

static void *serve(void *user)
{
    struct server *server = user;
    for (int fd; (fd = accept(server->listener, NULL, NULL)) >= 0; close(fd)) {
        server->connections++;
        while (read_request(server, fd) && answer_request(server, fd))
            ;
    }
    return NULL;
}

static void server_start(struct server *server)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    *server = (struct server){.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    assert_int_equal(bind(server->listener, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(server->listener, 16), 0);
    assert_int_equal(getsockname(server->listener, (struct sockaddr *)&address, &size), 0);
    server->port = ntohs(address.sin_port);
    assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
}

static void server_stop(struct server *server)
{
    shutdown(server->listener, SHUT_RDWR);
    pthread_join(server->thread, NULL);
    close(server->listener);
}

/* ---- A ledger in memory ---- */

enum { JOBS_MAX = 16 };

struct carom_store {
    struct carom_job jobs[JOBS_MAX];
    size_t n;
    bool free_attempt[JOBS_MAX]; /* of the last settlement */
    int settled[JOBS_MAX];
    char answers[JOBS_MAX][512];
    int claims;
    int64_t lease_until;
    bool broken, open;
    bool tight; /* nothing more fits into the arena of what is claimed */
    bool starved, no_begin, no_commit, no_mail, no_pause;
    struct carom_job_mail mail;
    struct carom_pause pauses[4];
    char names[4][64], whys[4][512];
    size_t pauses_n;
};

static bool blocked(const struct carom_store *store, size_t i, int64_t now)
{
    const struct carom_job *job = &store->jobs[i];
    if ((job->state != CAROM_JOB_WAITING && job->state != CAROM_JOB_PENDING) || job->due > now || job->lease_until > now)
        return true;
    for (size_t k = 0; k < i; k++)
        if (store->jobs[k].state == CAROM_JOB_WAITING && job->address.len &&
            carom_str_eq(store->jobs[k].sink, job->sink) && carom_str_eq(store->jobs[k].address, job->address))
            return true;
    return false;
}

static int fake_claim(struct carom_store *store, struct carom_arena *arena, int64_t now, int64_t lease_ms, size_t max,
                      struct carom_job **jobs_r, size_t *n_r, struct carom_error *err)
{
    (void)err;
    assert_true(store->open);
    store->claims++;
    if (store->starved) {
        malloc_max = 1000;
        carom_arena_alloc(arena, 100000);
    }
    *jobs_r = carom_arena_array(arena, struct carom_job, JOBS_MAX);
    *n_r = 0;
    for (size_t i = 0; i < store->n && *n_r < max; i++) {
        if (blocked(store, i, now))
            continue;
        store->lease_until = store->jobs[i].lease_until = now + lease_ms;
        (*jobs_r)[(*n_r)++] = store->jobs[i];
    }
    if (store->tight) {
        malloc_max = 1000; /* for the outcomes, too */
        while (carom_arena_try(arena, 1))
            continue;
    }
    return 0;
}

static int disk_full(bool is, struct carom_error *err)
{
    return is ? carom_error_set(err, CAROM_ERROR_IO, "disk full") : 0;
}

static int fake_settle(struct carom_store *store, int64_t id, enum carom_job_state state, int64_t due,
                       struct carom_str answer, bool free_attempt, struct carom_error *err)
{
    assert_true(store->open); /* outcomes are written together */
    if (disk_full(store->broken, err) != 0)
        return -1;
    if (store->mail.erased)
        return 0; /* there is nothing to write it into */
    struct carom_job *job = &store->jobs[id];
    job->state = state;
    job->due = due;
    job->lease_until = 0;
    job->attempts += free_attempt ? 0 : 1;
    store->free_attempt[id] = free_attempt;
    store->settled[id]++;
    snprintf(store->answers[id], sizeof store->answers[id], CAROM_STR_FMT, CAROM_STR_ARG(answer));
    return 0;
}

static int fake_begin(struct carom_store *store, struct carom_error *err)
{
    assert_false(store->open);
    store->open = !store->no_begin;
    return disk_full(store->no_begin, err);
}

static int fake_commit(struct carom_store *store, struct carom_error *err)
{
    assert_true(store->open);
    store->open = false;
    return disk_full(store->no_commit, err);
}

static void fake_rollback(struct carom_store *store) { store->open = false; }

static int fake_mail(struct carom_store *store, struct carom_arena *arena, int64_t job, struct carom_job_mail *mail_r,
                     struct carom_error *err)
{
    (void)arena, (void)job;
    *mail_r = store->mail;
    return disk_full(store->no_mail, err);
}

static int fake_pause(struct carom_store *store, const struct carom_pause *pause, struct carom_error *err)
{
    size_t i = 0;
    if (disk_full(store->no_pause, err) != 0)
        return -1;
    while (i < store->pauses_n && !carom_str_eq(store->pauses[i].sink, pause->sink))
        i++;
    if (i == store->pauses_n)
        store->pauses_n++;
    snprintf(store->names[i], sizeof store->names[i], CAROM_STR_FMT, CAROM_STR_ARG(pause->sink));
    snprintf(store->whys[i], sizeof store->whys[i], CAROM_STR_FMT, CAROM_STR_ARG(pause->why));
    store->pauses[i] = *pause;
    store->pauses[i].sink = carom_str(store->names[i]);
    store->pauses[i].why = carom_str(store->whys[i]);
    return 0;
}

static int fake_pauses(struct carom_store *store, int (*each)(void *user, const struct carom_pause *pause), void *user,
                       struct carom_error *err)
{
    (void)err;
    for (size_t i = 0; i < store->pauses_n; i++)
        if (store->pauses[i].since && each(user, &store->pauses[i]) != 0)
            return -1;
    return 0;
}

static const struct carom_store_ops fake_ops = {.claim = fake_claim, .settle = fake_settle, .mail = fake_mail,
                                                .pause = fake_pause, .pauses = fake_pauses,
                                                .begin = fake_begin, .commit = fake_commit, .rollback = fake_rollback};

/* ---- A run ---- */

struct bench {
    struct server server;
    struct carom_store store;
    struct carom_ledger ledger;
    struct carom_config config;
    struct carom_sink_entry entries[8];
    struct carom_sink sinks[8];
    char urls[8][128], first[128];
    size_t parallel; /* 0: one at a time */
    size_t sinks_n;
    int64_t started;
    int dead;
    char dead_answer[256];
    char log[4096];
    const char *stops_at; /* a line of the log that has it stops the run; NULL none */
    volatile bool stopped;
    struct carom_outbox_summary summary;
    struct carom_error err;
};

static void write_log(void *user, enum carom_log_level level, struct carom_str line)
{
    struct bench *bench = user;
    size_t n = strlen(bench->log);
    if (level >= CAROM_LOG_INFO && line.len + n + 2 < sizeof bench->log)
        sprintf(bench->log + n, CAROM_STR_FMT "\n", CAROM_STR_ARG(line));
    if (bench->stops_at && carom_str_find(line, carom_str(bench->stops_at)) != SIZE_MAX)
        bench->stopped = true;
}

static void on_dead(void *user, const struct carom_job *job)
{
    struct bench *bench = user;
    bench->dead++;
    assert_int_equal(job->state, CAROM_JOB_DEAD);
    snprintf(bench->dead_answer, sizeof bench->dead_answer, CAROM_STR_FMT, CAROM_STR_ARG(job->last_answer));
}

static struct carom_sink *add_sink(struct bench *bench, const char *name, const char *path)
{
    size_t i = bench->sinks_n++;
    snprintf(bench->urls[i], sizeof bench->urls[i], "http://127.0.0.1:%u%s", bench->server.port, path);
    bench->sinks[i] = (struct carom_sink){.type = CAROM_SINK_WEBHOOK, .name = carom_str(name), .allow_private = true,
                                          .url = carom_str(bench->urls[i]), .method = CAROM_STR_EMPTY,
                                          .body = CAROM_STR_EMPTY, .user = CAROM_STR_EMPTY, .ca = CAROM_STR_EMPTY,
                                          .secrets = {LITERAL("whsec_c2VjcmV0")}};
    bench->entries[i] = (struct carom_sink_entry){carom_str(name), &bench->sinks[i], bench->config.sinks};
    bench->config.sinks = &bench->entries[i];
    return &bench->sinks[i];
}

static void add_job(struct bench *bench, const char *sink)
{
    size_t i = bench->store.n++;
    bench->store.jobs[i] = job_with(DATA("jane@example.net", "dev.example.org"));
    bench->store.jobs[i].id = (int64_t)i;
    bench->store.jobs[i].sink = carom_str(sink);
    bench->store.jobs[i].address = CAROM_STR_EMPTY;
}

static struct bench *bench_new(void)
{
    struct bench *bench = calloc(1, sizeof *bench);
    assert_non_null(bench);
    server_start(&bench->server);
    bench->ledger = (struct carom_ledger){.ops = &fake_ops, .store = &bench->store};
    return bench;
}

static void bench_free(struct bench *bench)
{
    server_stop(&bench->server);
    free(bench);
}

static int run_stopped(struct bench *bench, const volatile bool *stop)
{
    struct carom_log log = {write_log, bench};
    struct carom_outbox_options options = {.log = &log, .parallel = bench->parallel ? bench->parallel : 1, .dead = on_dead, .user = bench, .stop = stop};
    bench->started = carom_date_now_ms();
    return carom_outbox_deliver(&bench->ledger, &bench->config, &options, &bench->summary, &bench->err);
}

static void run(struct bench *bench)
{
    if (run_stopped(bench, NULL) != 0)
        fail_msg("the run failed: %s", bench->err.text);
}

static void expect_summary(const struct bench *bench, size_t done, size_t failed, size_t dead, size_t waiting)
{
    const struct carom_outbox_summary *got = &bench->summary;
    if (got->done != done || got->failed != failed || got->dead != dead || got->waiting != waiting)
        fail_msg("got done %zu, failed %zu, dead %zu, waiting %zu; want %zu, %zu, %zu, %zu; log: %s", got->done,
                 got->failed, got->dead, got->waiting, done, failed, dead, waiting, bench->log);
}

/* Due from the run's start, within what the run may have taken. */
static void expect_due(const struct bench *bench, size_t job, int64_t least_s, int64_t most_s)
{
    int64_t wait = bench->store.jobs[job].due - bench->started;
    if (wait < least_s * 1000 || wait > most_s * 1000 + 10000)
        fail_msg("job %zu: due in %lld ms, want %lld to %lld s", job, (long long)wait, (long long)least_s,
                 (long long)most_s);
}

static void expect_answer(const struct bench *bench, size_t job, const char *part)
{
    if (!contains(bench->store.answers[job], part))
        fail_msg("job %zu: got '%s', want '…%s…'", job, bench->store.answers[job], part);
}

static void test_done_and_order(void **state)
{
    (void)state;
    struct bench *bench = bench_new();
    add_sink(bench, "good", "/ok");
    for (int i = 0; i < 6; i++)
        add_job(bench, "good");
    bench->store.jobs[1].address = bench->store.jobs[2].address = CAROM_STR("jane@example.net");
    bench->store.jobs[5].due = carom_date_now_ms() + 3600 * 1000;
    run(bench);
    expect_summary(bench, 5, 0, 0, 0);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(bench->store.settled[i], 1);
    assert_int_equal(bench->store.settled[5], 0); /* not due */
    assert_in_range(bench->store.lease_until - bench->started, 30 * 1000, 120 * 1000);
    assert_int_equal(bench->server.requests, 5);
    assert_int_equal(bench->server.connections, 1); /* kept alive */
    assert_true(contains(bench->server.last, "User-Agent: carom/"));
    assert_true(contains(bench->server.last, "webhook-id: job_1\r\n"));
    assert_false(contains(bench->server.last, "Expect:"));
    bench_free(bench);
}

static void test_outcomes(void **state)
{
    (void)state;
    struct bench *bench = bench_new();
    static const struct {
        const char *path;
        enum carom_job_state state;
        bool free_attempt;
        int64_t least_s, most_s;
        const char *answer;
    } cases[] = {
        {"/ok", CAROM_JOB_DONE, false, 0, 0, "204"},
        {"/large", CAROM_JOB_DONE, false, 0, 0, "200 OK"},
        {"/503", CAROM_JOB_WAITING, false, 7200, 7200, "503 Service Unavailable: busy"},
        {"/429", CAROM_JOB_WAITING, false, 2990, 3000, "429 Too Many Requests"},
        {"/400", CAROM_JOB_DEAD, false, 0, 0, "400 Bad Request: wrong"},
        {"/302", CAROM_JOB_WAITING, false, 4, 6, "redirects are not followed"},
        {"/401", CAROM_JOB_WAITING, true, 60, 60, "credentials are refused"},
        {"/410", CAROM_JOB_WAITING, true, 60, 60, "gone"},
        {"/drop", CAROM_JOB_WAITING, false, 4, 6, "mpty reply"},
        {"/headers", CAROM_JOB_WAITING, false, 4, 6, "larger than"},
        {"/garbage", CAROM_JOB_WAITING, false, 4, 6, "HTTP/0.9"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        bench->store = (struct carom_store){0};
        bench->config.sinks = NULL;
        bench->sinks_n = 0;
        add_sink(bench, "sink", cases[i].path);
        add_job(bench, "sink");
        run(bench);
        const struct carom_job *job = &bench->store.jobs[0];
        if (job->state != cases[i].state || bench->store.free_attempt[0] != cases[i].free_attempt)
            fail_msg("%s: got state %d, free %d (%s)", cases[i].path, (int)job->state, bench->store.free_attempt[0],
                     bench->store.answers[0]);
        expect_answer(bench, 0, cases[i].answer);
        if (cases[i].most_s)
            expect_due(bench, 0, cases[i].least_s, cases[i].most_s);
    }
    assert_int_equal(bench->dead, 1);
    assert_int_equal(bench->server.requests, (int)COUNT(cases)); /* the redirect was not followed */
    bench_free(bench);
}

static void test_exhausted(void **state)
{
    (void)state;
    struct bench *bench = bench_new();
    add_sink(bench, "sink", "/drop");
    add_job(bench, "sink");
    add_job(bench, "sink");
    bench->store.jobs[0].attempts = 9;
    bench->store.jobs[1].attempts = 8;
    run(bench);
    expect_summary(bench, 0, 1, 1, 0);
    assert_int_equal(bench->store.jobs[0].state, CAROM_JOB_DEAD);
    assert_int_equal(bench->dead, 1);
    assert_true(contains(bench->dead_answer, "mpty reply"));
    expect_due(bench, 1, 86400 * 9 / 10, 86400 * 11 / 10);
    bench_free(bench);
}

static void test_stopped_endpoints(void **state)
{
    (void)state;
    struct bench *bench = bench_new();
    add_sink(bench, "down", "/drop");
    add_sink(bench, "expired", "/401");
    add_sink(bench, "good", "/ok");
    add_sink(bench, "command", "/ok")->type = CAROM_SINK_COMMAND;
    add_sink(bench, "secret", "/ok")->secrets[0] =
        (struct carom_secret){CAROM_SECRET_ENV, CAROM_STR("CAROM_TEST_NOT_SET")};
    static const char *const order[] = {"down", "down", "down", "expired", "down", "expired", "down", "down",
                                        "down", "removed", "secret", "command", "good", "secret"};
    for (size_t i = 0; i < COUNT(order); i++)
        add_job(bench, order[i]);
    run(bench);
    /* Five failures of "down", then two wait; two of each of the others wait or go. */
    expect_summary(bench, 1, 5, 0, 8);
    assert_int_equal(bench->server.requests, 5 + 1 + 1);
    for (size_t i = 0; i < COUNT(order); i++) {
        bool tried = i == 12 || (strcmp(order[i], "down") == 0 && i < 7);
        if (bench->store.settled[i] != 1 || bench->store.free_attempt[i] == tried)
            fail_msg("job %zu: settled %d times, free attempt %d", i, bench->store.settled[i],
                     bench->store.free_attempt[i]);
        if (!tried)
            expect_due(bench, i, i == 10 || i == 11 ? 30 : 60, i == 10 || i == 11 ? 30 : 60);
    }
    assert_int_equal(bench->summary.unset, 2); /* a secret, a program */
    expect_answer(bench, 7, "five failures in a row");
    expect_answer(bench, 5, "credentials are refused");
    expect_answer(bench, 9, "not in the configuration");
    expect_answer(bench, 10, "CAROM_TEST_NOT_SET");
    expect_answer(bench, 13, "CAROM_TEST_NOT_SET");
    expect_answer(bench, 11, "no absolute path");
    const char *first = strstr(bench->log, "CAROM_TEST_NOT_SET");
    assert_non_null(first);
    assert_null(strstr(first + 1, "CAROM_TEST_NOT_SET")); /* said once a run */
    bench_free(bench);
}

/* ---- Commands, look-ups, what is pending ---- */

static struct carom_pair shell[] = {
    {{"", 0}, {"/bin/sh", 7}, &shell[1]}, {{"", 0}, {"-c", 2}, &shell[2]}, {{"", 0}, {"", 0}, &shell[3]},
    {{"", 0}, {"sh", 2}, &shell[4]}, {{"", 0}, {"{address}", 9}, NULL},
};

static void test_commands(void **state)
{
    (void)state;
    static const struct {
        const char *script, *verify; /* verify: NULL none */
        enum carom_job_state state;
        const char *answer;
    } cases[] = {
        {"[ \"$1\" = jane@example.net ]", NULL, CAROM_JOB_DONE, "exit 0"},
        {"exit 75", NULL, CAROM_JOB_WAITING, "exit 75"},
        {"echo no such list >&2; exit 2", NULL, CAROM_JOB_DEAD, "exit 2: no such list"},
        {"exit 0", "/bin/true", CAROM_JOB_DONE, "verify: exit 0"},
        {"exit 0", "/bin/false", CAROM_JOB_WAITING, "verify: exit 1"}, /* exit 0 having removed nobody */
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct bench *bench = bench_new();
        struct carom_sink *sink = add_sink(bench, "command", "");
        struct carom_pair verify = {CAROM_STR_EMPTY, carom_str(cases[i].verify), NULL};
        shell[2].value = carom_str(cases[i].script);
        sink->type = CAROM_SINK_COMMAND;
        sink->argv = shell;
        sink->verify = cases[i].verify ? &verify : NULL;
        sink->input = CAROM_STR_EMPTY;
        add_job(bench, "command");
        run(bench);
        if (bench->store.jobs[0].state != cases[i].state || bench->store.jobs[0].attempts != 1)
            fail_msg("%s: got state %d, attempts %lld: %s", cases[i].script, (int)bench->store.jobs[0].state,
                     (long long)bench->store.jobs[0].attempts, bench->store.answers[0]);
        expect_answer(bench, 0, cases[i].answer);
        bench_free(bench);
    }
}

static void test_commands_beside_requests(void **state)
{
    (void)state;
    struct bench *bench = bench_new();
    struct carom_sink *sink = add_sink(bench, "command", "");
    shell[2].value = CAROM_STR("sleep 0.05");
    sink->type = CAROM_SINK_COMMAND;
    sink->argv = shell;
    sink->input = CAROM_STR_EMPTY;
    add_sink(bench, "good", "/ok");
    for (int i = 0; i < 16; i++)
        add_job(bench, i == 5 ? "good" : "command");
    bench->parallel = 16; /* more commands than run at a time */
    run(bench);
    expect_summary(bench, 16, 0, 0, 0);
    bench_free(bench);
}

static struct carom_sink *add_rest(struct bench *bench, const char *first, const char *path)
{
    struct carom_sink *sink = add_sink(bench, "rest", path);
    sink->type = CAROM_SINK_HTTP;
    sink->method = CAROM_STR("DELETE");
    snprintf(bench->first, sizeof bench->first, "http://127.0.0.1:%u%s", bench->server.port, first);
    sink->first.url = carom_str(*first ? bench->first : "");
    sink->first.method = CAROM_STR_EMPTY;
    return sink;
}

static void test_look_ups(void **state)
{
    (void)state;
    static struct carom_pair by_number = {{"id", 2}, {"entries.0.member_id", 19}, NULL};
    static struct carom_pair nowhere = {{"id", 2}, {"entries.7.member_id", 19}, NULL};
    static struct carom_pair unknown = {{"id", 2}, {"entries.0.subscriber", 20}, NULL};
    static struct carom_pair endless = {{"id", 2}, {"a_member_whose_name_is_longer_than_that_of_any_interface_we_know", 64}, NULL};
    static const struct {
        const char *first;
        struct carom_pair *take;
        enum carom_job_state state;
        int requests;
        const char *answer, *last; /* last: of the last request */
    } cases[] = {
        {"/found", &by_number, CAROM_JOB_DONE, 2, "204", "DELETE /ok?id=4%2F2 "},
        {"/missing", &by_number, CAROM_JOB_DONE, 1, "look-up: 404", "GET /missing "}, /* gone is what was wanted */
        {"/found", &nowhere, CAROM_JOB_DONE, 1, "look-up: nothing there", "GET /found "},
        {"/found", &unknown, CAROM_JOB_DEAD, 1, "has no entries.0.subscriber", "GET /found "},
        {"/found", &endless, CAROM_JOB_DEAD, 1, "has no a_member_whose", "GET /found "},
        {"/large", &by_number, CAROM_JOB_DEAD, 1, "no JSON", "GET /large "},
        {"/503", &by_number, CAROM_JOB_WAITING, 1, "look-up: 503", "GET /503 "},
        {"/401", &by_number, CAROM_JOB_WAITING, 1, "look-up: 401", "GET /401 "},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct bench *bench = bench_new();
        add_rest(bench, cases[i].first, "/ok?id={id}")->first.take = cases[i].take;
        add_job(bench, "rest");
        run(bench);
        if (bench->store.jobs[0].state != cases[i].state || bench->server.requests != cases[i].requests ||
            strncmp(bench->server.last, cases[i].last, strlen(cases[i].last)) != 0)
            fail_msg("%s: got state %d, %d requests, '%s'; the last was %.40s", cases[i].first,
                     (int)bench->store.jobs[0].state, bench->server.requests, bench->store.answers[0], bench->server.last);
        expect_answer(bench, 0, cases[i].answer);
        bench_free(bench);
    }
}

/* The HTTP module sets a request up on what is left of one before. */
static void test_nothing_is_left(void **state)
{
    (void)state;
    static struct carom_pair secret = {{"X-Secret", 8}, {"s", 1}, NULL};
    static const char *const methods[] = {"DELETE", "GET", "POST"};
    for (size_t i = 0; i < COUNT(methods); i++) {
        struct bench *bench = bench_new();
        struct carom_sink *first = add_sink(bench, "first", "/ok"), *second = add_sink(bench, "second", "/ok");
        first->type = second->type = CAROM_SINK_HTTP;
        first->method = CAROM_STR("PATCH");
        first->headers = &secret;
        first->user = CAROM_STR("restadmin");
        first->password = LITERAL("p");
        first->body = CAROM_STR("{\"a\":1}");
        second->method = carom_str(methods[i]);
        add_job(bench, "first");
        add_job(bench, "second");
        run(bench);
        expect_summary(bench, 2, 0, 0, 0);
        const char *last = bench->server.last;
        if (strncmp(last, methods[i], strlen(methods[i])) != 0 || strncmp(last + strlen(methods[i]), " /ok HTTP", 9) != 0 ||
            contains(last, "Authorization:") || contains(last, "X-Secret:") || contains(last, "Content-Type:") ||
            contains(last, "Content-Length:") != (strcmp(methods[i], "POST") == 0) || contains(last, "Content-Length: 7") ||
            contains(last, "{"))
            fail_msg("%s: got '%s'", methods[i], last);
        assert_int_equal(bench->server.connections, 1);
        bench_free(bench);
    }
}

static void test_pending(void **state)
{
    (void)state;
    struct bench *bench = bench_new();
    struct carom_sink *sink = add_rest(bench, "/found", "/202");
    sink->pending[0] = 202;
    add_job(bench, "rest");
    bench->store.jobs[0].begun = carom_date_now_ms();
    run(bench);
    expect_answer(bench, 0, "202 Accepted (taken, not done yet)");
    assert_int_equal(bench->store.jobs[0].state, CAROM_JOB_PENDING);
    assert_int_equal(bench->store.jobs[0].attempts, 0);
    assert_int_equal(bench->server.requests, 2);
    expect_due(bench, 0, 3600, 3600);

    bench->store.jobs[0].due = 0; /* an hour later: only the look-up asks, the call is not made again */
    bench->store.jobs[0].last_answer = CAROM_STR("202 as before");
    run(bench);
    assert_int_equal(bench->store.jobs[0].state, CAROM_JOB_PENDING);
    assert_int_equal(bench->server.requests, 3);
    expect_answer(bench, 0, "202 as before");

    bench->store.jobs[0].due = 0; /* the moderator has agreed: nobody is there any more */
    sink->first.url = carom_str(bench->urls[0]);
    snprintf(bench->urls[0], sizeof bench->urls[0], "http://127.0.0.1:%u/nobody", bench->server.port);
    sink->first.url = carom_str(bench->urls[0]);
    run(bench);
    assert_int_equal(bench->store.jobs[0].state, CAROM_JOB_DONE);
    bench_free(bench);

    bench = bench_new(); /* without a look-up the call is the question, once a day, for a month */
    add_rest(bench, "", "/202")->pending[0] = 202;
    add_job(bench, "rest");
    add_job(bench, "rest");
    bench->store.jobs[0].begun = carom_date_now_ms();
    bench->store.jobs[1].begun = carom_date_now_ms() - 31 * INT64_C(86400000);
    run(bench);
    assert_int_equal(bench->store.jobs[0].state, CAROM_JOB_PENDING);
    expect_due(bench, 0, 86400, 86400);
    assert_int_equal(bench->store.jobs[1].state, CAROM_JOB_DEAD);
    bench_free(bench);
}

/* ---- Endpoints that stay stopped from run to run ---- */

static void again(struct bench *bench, int64_t until)
{
    bench->store.pauses[0].until = until;
    for (size_t i = 0; i < bench->store.n; i++)
        bench->store.jobs[i].due = 0;
    run(bench);
}

static void test_pause_is_kept(void **state)
{
    (void)state;
    struct bench *bench = bench_new();
    add_sink(bench, "hook", "/401");
    for (int i = 0; i < 3; i++)
        add_job(bench, "hook");
    run(bench);
    assert_int_equal(bench->server.requests, 1);
    assert_int_equal(bench->store.pauses_n, 1);
    assert_in_range(bench->store.pauses[0].until - bench->started, 59000, 70000);
    int64_t since = bench->store.pauses[0].since;
    again(bench, bench->store.pauses[0].until); /* too soon: nobody asks */
    assert_int_equal(bench->server.requests, 1);
    again(bench, 1); /* one trial, not three */
    assert_int_equal(bench->server.requests, 2);
    assert_true(bench->store.pauses[0].until > bench->started);
    assert_int_equal(bench->store.pauses[0].since, since);
    for (int i = 0; i < 3; i++)
        assert_int_equal(bench->store.jobs[i].attempts, 0);
    snprintf(bench->urls[0], sizeof bench->urls[0], "http://127.0.0.1:%u/ok", bench->server.port);
    bench->sinks[0].url = carom_str(bench->urls[0]);
    again(bench, 1);
    assert_int_equal(bench->store.pauses[0].since, 0); /* it is back, and the others follow */
    expect_summary(bench, 3, 0, 0, 0);
    bench_free(bench);
}

static void test_disabled(void **state)
{
    (void)state;
    struct bench *bench = bench_new();
    add_sink(bench, "hook", "/410");
    add_job(bench, "hook");
    run(bench);
    assert_int_equal(bench->store.pauses[0].until, 0);
    again(bench, 0);
    assert_int_equal(bench->server.requests, 1);
    expect_answer(bench, 0, "carom outbox enable");
    bench_free(bench);
}

/* A 4xx in between shows that the endpoint is alive. */
static void test_not_in_a_row(void **state)
{
    (void)state;
    struct bench *bench = bench_new();
    struct carom_sink *sink = add_sink(bench, "rest", "/{header.X-Path}");
    sink->type = CAROM_SINK_HTTP;
    sink->method = CAROM_STR("PUT");
    for (int i = 0; i < 9; i++) {
        add_job(bench, "rest");
        bench->store.jobs[i].headers = i == 4 ? PLAIN("X-Path: 400\r\n\r\n") : PLAIN("X-Path: drop\r\n\r\n");
    }
    run(bench);
    expect_summary(bench, 0, 8, 1, 0);
    bench_free(bench);
}

static void test_private_refused(void **state)
{
    (void)state;
    struct bench *bench = bench_new();
    add_sink(bench, "open", "/ok");
    add_sink(bench, "closed", "/ok")->allow_private = false;
    struct carom_sink *named = add_sink(bench, "named", "/ok");
    char url[64];
    snprintf(url, sizeof url, "http://localhost:%u/ok", bench->server.port);
    named->url = carom_str(url);
    named->allow_private = false;
    add_job(bench, "closed"); /* no connection yet */
    add_job(bench, "open");
    add_job(bench, "closed"); /* one is there to be reused */
    add_job(bench, "named");
    add_job(bench, "open");
    run(bench);
    expect_summary(bench, 2, 3, 0, 0);
    assert_int_equal(bench->server.requests, 2);
    for (size_t i = 0; i < 4; i++)
        if (i != 1)
            expect_answer(bench, i, "loopback address, which is refused; allow_private = true");
    bench_free(bench);
}

static void test_stop_and_failures(void **state)
{
    (void)state;
    struct bench *bench = bench_new();
    add_sink(bench, "good", "/ok");
    add_job(bench, "good");
    volatile bool stop = true;
    assert_int_equal(run_stopped(bench, &stop), 0);
    expect_summary(bench, 0, 0, 0, 0);
    assert_int_equal(bench->store.claims, 0);

    bench->store.broken = true;
    assert_int_equal(run_stopped(bench, NULL), -1);
    assert_string_equal(bench->err.text, "disk full");
    bench->store.broken = false;
    bench->store.jobs[0].lease_until = 0;

    char *modules = getenv("CAROM_MODULES") ? strdup(getenv("CAROM_MODULES")) : NULL;
    setenv("CAROM_MODULES", "/nonexistent", 1);
    assert_int_equal(run_stopped(bench, NULL), -1);
    assert_true(contains(bench->err.text, "/nonexistent/carom-http.so"));
    assert_int_equal(bench->store.jobs[0].state, CAROM_JOB_WAITING);
    assert_true(bench->store.free_attempt[0]);
    if (modules)
        setenv("CAROM_MODULES", modules, 1);
    else
        unsetenv("CAROM_MODULES");
    free(modules);
    bench_free(bench);
}

/* Jobs that nobody came to try are as they were. */
static void expect_untried(const struct bench *bench, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        if (!bench->store.free_attempt[i] || bench->store.settled[i] != 1 || bench->store.jobs[i].due != 0)
            fail_msg("job %zu: settled %d times, due %lld", i, bench->store.settled[i], (long long)bench->store.jobs[i].due);
}

static void test_stopped_midway(void **state)
{
    (void)state;
    struct bench *bench = bench_new();
    bench->stops_at = "not in the configuration";
    bench->parallel = 4;
    add_sink(bench, "good", "/ok");
    for (int i = 0; i < 4; i++)
        add_job(bench, i == 0 ? "gone" : "good");
    assert_int_equal(run_stopped(bench, &bench->stopped), 0);
    assert_int_equal(bench->server.requests, 0);
    expect_untried(bench, 1, 4);
    bench_free(bench);

    bench = bench_new(); /* commands that wait for their turn */
    struct carom_sink *sink = add_sink(bench, "command", "");
    shell[2].value = CAROM_STR("exit 1");
    sink->type = CAROM_SINK_COMMAND;
    sink->argv = shell;
    sink->input = CAROM_STR_EMPTY;
    bench->stops_at = "dead letter";
    bench->parallel = 16;
    for (int i = 0; i < 16; i++)
        add_job(bench, "command");
    assert_int_equal(run_stopped(bench, &bench->stopped), 0);
    assert_in_range(bench->dead, 1, 8);
    expect_untried(bench, 8, 16);
    bench_free(bench);
}

/* Five in a row fail: what waits behind them is not tried. */
static void test_commands_stopped(void **state)
{
    (void)state;
    struct bench *bench = bench_new();
    struct carom_sink *sink = add_sink(bench, "command", "");
    shell[2].value = CAROM_STR("exit 75");
    sink->type = CAROM_SINK_COMMAND;
    sink->argv = shell;
    sink->input = CAROM_STR_EMPTY;
    bench->parallel = 16;
    for (int i = 0; i < 16; i++)
        add_job(bench, "command");
    run(bench);
    assert_in_range(bench->summary.failed, 5, 15);
    expect_answer(bench, 15, "five failures in a row");
    assert_true(bench->store.free_attempt[15]);
    bench_free(bench);
}

/* Not under valgrind: it makes a fork of posix_spawn's vfork, which then does not say that there is no such program. */
static void test_command_that_is_nowhere(void **state)
{
    (void)state;
    const char *preloaded = getenv("LD_PRELOAD");
    if (preloaded && strstr(preloaded, "vgpreload"))
        skip();
    struct bench *bench = bench_new();
    struct carom_sink *sink = add_sink(bench, "command", "");
    static struct carom_pair nowhere = {{"", 0}, {"/nonexistent/command", 20}, NULL};
    sink->type = CAROM_SINK_COMMAND;
    sink->input = CAROM_STR_EMPTY;
    sink->argv = &nowhere; /* which somebody has yet to install */
    add_job(bench, "command");
    run(bench);
    assert_int_equal(bench->summary.unset, 1);
    expect_answer(bench, 0, "/nonexistent/command: cannot be run");
    bench_free(bench);
}

/* The trial of a stopped endpoint fails: it costs the job nothing. */
static void test_trial_fails(void **state)
{
    (void)state;
    struct bench *bench = bench_new();
    add_sink(bench, "hook", "/503");
    add_job(bench, "hook");
    bench->store.pauses[0] = (struct carom_pause){.sink = CAROM_STR("hook"), .why = CAROM_STR("five"), .since = 1, .until = 1};
    strcpy(bench->store.names[0], "hook");
    bench->store.pauses_n = 1;
    run(bench);
    assert_int_equal(bench->server.requests, 1);
    assert_int_equal(bench->store.jobs[0].attempts, 0);
    expect_summary(bench, 0, 0, 0, 1);
    assert_int_equal(bench->store.pauses[0].since, 1);
    assert_true(bench->store.pauses[0].until > bench->started);
    bench_free(bench);
}

/* A sink that waits for its configuration is not stopped beside that by an answer that was under way. */
static void test_held_then_refused(void **state)
{
    (void)state;
    struct bench *bench = bench_new();
    struct carom_sink *sink = add_rest(bench, "/{header.X-Path}", "/ok");
    sink->method = CAROM_STR("NO METHOD");
    bench->parallel = 2;
    bench->stops_at = "sink rest waits: ";
    bench->server.gate = &bench->stopped;
    for (size_t i = 0; i < 2; i++) {
        add_job(bench, "rest");
        bench->store.jobs[i].headers = i == 0 ? PLAIN("X-Path: once\r\n\r\n") : PLAIN("X-Path: 401\r\n\r\n");
    }
    run(bench);
    expect_summary(bench, 0, 0, 0, 2);
    assert_int_equal(bench->store.pauses_n, 0);
    expect_answer(bench, 0, "no method");
    expect_answer(bench, 1, "look-up: 401");
    bench_free(bench);
}

static void test_what_goes_out(void **state)
{
    (void)state;
    struct bench *bench = bench_new();
    struct carom_pair none = {CAROM_STR("X-None"), CAROM_STR("{header.X-None}"), NULL};
    struct carom_sink *sink = add_sink(bench, "head", "/ok");
    sink->type = CAROM_SINK_HTTP;
    sink->method = CAROM_STR("head");
    sink->headers = &none;
    add_sink(bench, "space", "/a b");
    add_job(bench, "head");
    add_job(bench, "space");
    run(bench);
    assert_int_equal(bench->store.jobs[0].state, CAROM_JOB_DONE);
    assert_true(contains(bench->server.last, "HEAD /ok HTTP/1.1\r\n"));
    assert_true(contains(bench->server.last, "\r\nX-None:\r\n")); /* not left out */
    expect_answer(bench, 1, "the URL holds a space");
    bench_free(bench);
}

/* Whatever fails beside the receivers ends the run with an error, and loses no job. */
static void test_failing_runs(void **state)
{
    (void)state;
    enum { ENDPOINTS, BATCH, CLAIM, FLIGHTS, ENDPOINT, OUTCOME, FOUND, BODY, BEGIN, COMMIT, MAIL, PAUSE };
    static const struct {
        int what, callocs;
        const char *path, *why;
    } cases[] = {
        {ENDPOINTS, 0, "/ok", "memory"}, {BATCH, 0, "/ok", "memory"}, {FLIGHTS, 1, "/ok", "memory"},
        {CLAIM, -1, "/ok", "memory"}, {ENDPOINT, 2, "/ok", "memory"},  {OUTCOME, -1, "/ok", "memory"}, {FOUND, -1, "/ok", "memory"},
        {BODY, -1, "/ok", "memory"},
        {BEGIN, -1, "/ok", "disk full"}, {COMMIT, -1, "/ok", "disk full"}, {MAIL, -1, "/ok", "disk full"},
        {PAUSE, -1, "/401", "disk full"},
    };
    static struct carom_pair by_number = {{"id", 2}, {"entries.0.member_id", 19}, NULL};
    static char large[200000];
    memset(large, 'x', sizeof large - 1);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct bench *bench = bench_new();
        int what = cases[i].what;
        struct carom_sink *sink = what == FOUND ? add_rest(bench, "/found", "/ok") : add_sink(bench, "rest", cases[i].path);
        if (what == FOUND)
            sink->first.take = &by_number;
        if (what == MAIL)
            sink->type = CAROM_SINK_SMTP;
        if (what == BODY) {
            sink->type = CAROM_SINK_HTTP;
            sink->body = carom_str(large);
        }
        if (what == ENDPOINTS) {
            bench->store.pauses[0] = (struct carom_pause){.sink = CAROM_STR("rest"), .why = CAROM_STR_EMPTY, .since = 1};
            bench->store.pauses_n = 1;
        }
        bench->store.tight = what == OUTCOME || what == FOUND;
        malloc_max = what == BODY ? sizeof large / 2 : SIZE_MAX;
        bench->store.starved = what == CLAIM;
        bench->store.no_begin = what == BEGIN;
        bench->store.no_commit = what == COMMIT;
        bench->store.no_mail = what == MAIL;
        bench->store.no_pause = what == PAUSE;
        add_job(bench, "rest");
        callocs_left = cases[i].callocs;
        int got = run_stopped(bench, NULL);
        callocs_left = -1;
        malloc_max = SIZE_MAX;
        if (got != -1 || !contains(bench->err.text, cases[i].why))
            fail_msg("case %zu: got %d '%s', want '%s'", i, got, bench->err.text, cases[i].why);
        assert_int_equal(bench->store.jobs[0].attempts, 0);
        bench_free(bench);
    }
}

/* Its address was forgotten between the claim and the message that it is to take along. */
static void test_erased_meanwhile(void **state)
{
    (void)state;
    struct bench *bench = bench_new();
    add_sink(bench, "mail", "/ok")->type = CAROM_SINK_SMTP;
    bench->store.mail.erased = true;
    add_job(bench, "mail");
    run(bench);
    expect_summary(bench, 0, 0, 0, 0);
    assert_int_equal(bench->server.requests, 0);
    bench_free(bench);
}

/* The module is the last door: it takes no text that could break a request apart, whoever hands it over. */
static void test_module_refuses(void **state)
{
    (void)state;
    struct carom_error err = {0};
    const struct carom_transport_ops *ops = carom_transport_load(&err);
    if (!ops)
        fail_msg("%s", err.text);
    void *transport = ops->open(&err);
    assert_non_null(transport);
    const char *evil[] = {"X: a\r\nY: b", NULL}, *none[] = {"no colon", NULL};
    const struct carom_request requests[] = {
        {.method = "GET", .url = "http://example.org/a b", .body = CAROM_STR_EMPTY},
        {.method = "GET", .url = "http://example.org/\r\nX: y", .body = CAROM_STR_EMPTY},
        {.method = "GET /\r\n", .url = "http://example.org/", .body = CAROM_STR_EMPTY},
        {.method = "", .url = "http://example.org/", .body = CAROM_STR_EMPTY},
        {.method = "GET", .url = "http://example.org/", .headers = evil, .body = CAROM_STR_EMPTY},
        {.method = "GET", .url = "http://example.org/", .headers = none, .body = CAROM_STR_EMPTY},
    };
    for (size_t i = 0; i < COUNT(requests); i++)
        if (ops->start(transport, &requests[i], &err) != -1)
            fail_msg("request %zu was taken", i);
    assert_int_equal(ops->poll(transport, 0, NULL, NULL, &err), 0);
    ops->close(transport);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_signature), cmocka_unit_test(test_backoff), cmocka_unit_test(test_judge),
        cmocka_unit_test(test_answer_text), cmocka_unit_test(test_private), cmocka_unit_test(test_webhook_request),
        cmocka_unit_test(test_urls), cmocka_unit_test(test_bodies_and_headers), cmocka_unit_test(test_own_headers),
        cmocka_unit_test(test_values), cmocka_unit_test(test_unsigned), cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_starved), cmocka_unit_test(test_stopped_midway), cmocka_unit_test(test_commands_stopped),
        cmocka_unit_test(test_command_that_is_nowhere),
        cmocka_unit_test(test_trial_fails), cmocka_unit_test(test_held_then_refused),
        cmocka_unit_test(test_what_goes_out), cmocka_unit_test(test_failing_runs), cmocka_unit_test(test_done_and_order),
        cmocka_unit_test(test_outcomes), cmocka_unit_test(test_exhausted), cmocka_unit_test(test_stopped_endpoints),
        cmocka_unit_test(test_not_in_a_row), cmocka_unit_test(test_private_refused),
        cmocka_unit_test(test_stop_and_failures), cmocka_unit_test(test_erased_meanwhile), cmocka_unit_test(test_module_refuses),
        cmocka_unit_test(test_commands), cmocka_unit_test(test_commands_beside_requests), cmocka_unit_test(test_look_ups),
        cmocka_unit_test(test_nothing_is_left), cmocka_unit_test(test_damaged_headers),
        cmocka_unit_test(test_pending), cmocka_unit_test(test_pause_is_kept), cmocka_unit_test(test_disabled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
