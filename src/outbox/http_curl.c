/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The HTTP module: requests, and mail to a relay, on one curl multi handle. The only file that knows curl, built as a module of its own, so
   that it may use nothing of the library but what is compiled into it. Refuses to follow redirects, to use a proxy, to
   speak anything but HTTP (of mail: but SMTP), and to reach private addresses unless the request allows it. Knows no jobs. */

#include "outbox/transport.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/str.h"
#include "outbox/private.h"
#include "outbox/sockets.h"

#define SYSTEM_CA "/etc/ssl/certs/ca-certificates.crt"
enum { ANSWER_MAX = 64 * 1024, CONNECT_MS = 5000, TOTAL_MS = 15000, REQUESTS_MAX = 2 };

struct transport {
    CURLM *multi;
    struct carom_sockets sockets;
    struct exchange *first; /* under way */
    struct exchange *idle;  /* set up, for the next requests */
    size_t running;
};

struct exchange { /* one request and its answer */
    struct transport *transport;
    struct exchange *next, **back;
    CURL *easy;
    struct curl_slist *headers, *rcpt; /* rcpt: of mail, else NULL */
    char *mail;                        /* what is left to be sent of it */
    size_t mail_n, mail_at;
    char reply[256];                   /* the relay's last line */
    struct carom_buf body;
    size_t header_bytes;
    bool allow_private, connect_only;
    bool single;          /* it is set up as only few are: another request must not find it */
    bool cut;             /* the body was longer than we read */
    bool flood;           /* the header was */
    const char *refused;  /* kind of the address that was refused */
    int requests;         /* sent so far, for one is what it should be */
    void *job;
    char curl_error[CURL_ERROR_SIZE];
};

static int fail(struct carom_error *err, enum carom_error_code code, const char *text)
{
    if (err) {
        err->code = code;
        snprintf(err->text, sizeof err->text, "%s", text);
    }
    return -1;
}

/* ---- What curl calls ---- */

static size_t on_body(char *bytes, size_t size, size_t n, void *user)
{
    struct exchange *x = user;
    size_t room = ANSWER_MAX - x->body.len;
    size_t got = size * n;
    carom_buf_add(&x->body, bytes, got < room ? got : room);
    x->cut = got > room;
    return x->cut ? 0 : got; /* 0 ends the transfer */
}

/* Of mail these are the relay's replies. The one to QUIT says nothing. */
static size_t on_header(char *bytes, size_t size, size_t n, void *user)
{
    struct exchange *x = user;
    if (x->rcpt && size * n > 3 && memcmp(bytes, "221", 3) != 0) {
        size_t kept = size * n < sizeof x->reply ? size * n : sizeof x->reply - 1;
        memcpy(x->reply, bytes, kept);
        x->reply[kept] = '\0';
    }
    x->header_bytes += size * n;
    x->flood = x->header_bytes > ANSWER_MAX;
    return x->flood ? 0 : size * n;
}

static size_t on_mail(char *out, size_t size, size_t n, void *user)
{
    struct exchange *x = user;
    size_t left = x->mail_n - x->mail_at;
    size_t got = left < size * n ? left : size * n;
    memcpy(out, x->mail + x->mail_at, got);
    x->mail_at += got;
    return got;
}

/* Before a connection is made, with the address that the name was found to have. */
static curl_socket_t on_open(void *user, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)purpose;
    struct exchange *x = user;
    const char *kind = x->allow_private ? NULL : carom_private_kind(&address->addr);
    if (kind) {
        x->refused = kind;
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* Before the request is sent, also on a connection that another request opened: on_open is not called for that. curl sends
   it again by itself, up to five times, where such a connection turns out to be closed: once is enough for one that idled
   away, and more than a server should see that breaks off at this request. */
static int on_request(void *user, char *remote, char *local, int remote_port, int local_port)
{
    (void)local, (void)remote_port, (void)local_port;
    struct exchange *x = user;
    const char *kind = x->allow_private ? NULL : carom_private_kind_text(remote);
    if (kind)
        x->refused = kind;
    return kind || ++x->requests > REQUESTS_MAX ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

/* ---- One exchange ---- */

static void exchange_free(struct exchange *x)
{
    curl_easy_cleanup(x->easy);
    curl_slist_free_all(x->headers);
    curl_slist_free_all(x->rcpt);
    free(x->mail);
    carom_buf_deinit(&x->body);
    free(x);
}

static void link_first(struct exchange **list, struct exchange *x)
{
    x->next = *list;
    x->back = list;
    if (x->next)
        x->next->back = &x->next;
    *list = x;
}

static void unlink_it(struct exchange *x)
{
    *x->back = x->next;
    if (x->next)
        x->next->back = x->back;
}

/* To set one up costs as much as a small request: it is kept. */
static void exchange_end(struct exchange *x)
{
    struct transport *transport = x->transport;
    unlink_it(x);
    curl_multi_remove_handle(transport->multi, x->easy);
    transport->running--;
    if (x->single)
        exchange_free(x);
    else
        link_first(&transport->idle, x);
}

static bool has_control(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            return true;
    return false;
}

static bool begins(const char *text, const char *start)
{
    return carom_str_istarts(carom_str(text), carom_str(start));
}

static const char *unfit_mail(const struct carom_request *request)
{
    if (!begins(request->url, "smtp://") && !begins(request->url, "smtps://"))
        return "the URL of a mail begins with neither smtp:// nor smtps://";
    if (has_control(request->url) || strchr(request->url, ' '))
        return "the URL holds a space or a control character";
    if (request->sender && (has_control(request->sender) || strpbrk(request->sender, "<> ")))
        return "the envelope sender is no address";
    return has_control(request->rcpt) || strpbrk(request->rcpt, "<> ") ? "the recipient is no address" : NULL;
}

/* The last door: whatever mail put into these texts, no line end leaves through a header. */
static const char *unfit(const struct carom_request *request)
{
    if (request->rcpt)
        return unfit_mail(request);
    if (!begins(request->url, "http://") && !begins(request->url, "https://"))
        return "the URL begins with neither http:// nor https://";
    if (!*request->method || strspn(request->method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != strlen(request->method))
        return "the method is not a word in capitals";
    if (has_control(request->url) || strchr(request->url, ' '))
        return "the URL holds a space or a control character";
    for (size_t i = 0; request->headers && request->headers[i]; i++)
        if (has_control(request->headers[i]) || !strchr(request->headers[i], ':'))
            return "a header holds a control character, or is none";
    return NULL;
}

static int add_header(struct exchange *x, const char *line)
{
    struct curl_slist *list = curl_slist_append(x->headers, line);
    if (list)
        x->headers = list;
    return list ? 0 : -1;
}

/* To curl "Name:" means to leave the header out; "Name;" is the empty one. */
static int add_request_header(struct exchange *x, const char *line)
{
    const char *colon = strchr(line, ':');
    if (colon[1 + strspn(colon + 1, " ")] != '\0')
        return add_header(x, line);
    size_t n = (size_t)(colon - line);
    char *empty = malloc(n + 2);
    if (!empty)
        return -1;
    memcpy(empty, line, n);
    memcpy(empty + n, ";", 2);
    int result = add_header(x, empty);
    free(empty);
    return result;
}

static unsigned set_headers(struct exchange *x, const struct carom_request *request)
{
    bool typed = false;
    for (size_t i = 0; request->headers && request->headers[i]; i++) {
        typed = typed || carom_str_istarts(carom_str(request->headers[i]), CAROM_STR("content-type:"));
        if (add_request_header(x, request->headers[i]) != 0)
            return CURLE_OUT_OF_MEMORY;
    }
    /* curl would call any body a form, and wait a second for leave to send a large one. */
    if ((!typed && add_header(x, "Content-Type:") != 0) || add_header(x, "Expect:") != 0)
        return CURLE_OUT_OF_MEMORY;
    return curl_easy_setopt(x->easy, CURLOPT_HTTPHEADER, x->headers);
}

static unsigned set_method(CURL *easy, const struct carom_request *request)
{
    bool posts = strcmp(request->method, "POST") == 0 || strcmp(request->method, "PUT") == 0 ||
                 strcmp(request->method, "PATCH") == 0;
    unsigned bad = curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L); /* codes of curl, 0 each when all is well */
    if (request->body.len || posts) { /* these announce even an empty body */
        bad |= curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len);
        bad |= curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, request->body.len ? request->body.ptr : "");
    } else if (strcmp(request->method, "HEAD") == 0) {
        bad |= curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    }
    return bad | curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method);
}

/* Debian's default directory switches off the cache of parsed certificates: 24 ms a connection, not 1.7. Where the
   system keeps them elsewhere, curl's own defaults know it. */
static unsigned set_authorities(CURL *easy, const char *ca)
{
    unsigned bad = curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    return bad | curl_easy_setopt(easy, CURLOPT_CAINFO, ca);
}

static unsigned set_safety(struct exchange *x)
{
    CURL *easy = x->easy;
    unsigned bad = curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    bad |= curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    bad |= curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L); /* "../" is the sink's to refuse, not ours to resolve */
    bad |= curl_easy_setopt(easy, CURLOPT_PROXY, "");      /* nor from the environment */
    bad |= curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    bad |= curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    if (access(SYSTEM_CA, R_OK) == 0)
        bad |= set_authorities(easy, SYSTEM_CA);
    bad |= curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open);
    bad |= curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, x);
    bad |= curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_request);
    bad |= curl_easy_setopt(easy, CURLOPT_PREREQDATA, x);
    bad |= curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
    bad |= curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)TOTAL_MS);
    bad |= curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    return bad;
}

/* Credentials never go in clear to somebody else's network. Without them TLS is taken where it is offered, and its
   certificate asked for only where the sink names who signs it: relays next door have none that anybody vouches for. */
static unsigned set_tls(CURL *easy, const struct carom_request *request)
{
    bool bound = request->user && !request->allow_private;
    bool checked = begins(request->url, "smtps://") || request->ca || bound;
    unsigned bad = curl_easy_setopt(easy, CURLOPT_USE_SSL, (long)(bound || request->ca ? CURLUSESSL_ALL : CURLUSESSL_TRY));
    bad |= curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, checked ? 1L : 0L);
    return bad | curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, checked ? 2L : 0L);
}

/* Without MAIL_FROM curl sends the null sender. */
static unsigned set_mail(struct exchange *x, const struct carom_request *request)
{
    CURL *easy = x->easy;
    size_t n = request->body.len;
    x->rcpt = curl_slist_append(NULL, request->rcpt);
    x->mail = malloc(n ? n : 1);
    if (!x->rcpt || !x->mail)
        return CURLE_OUT_OF_MEMORY;
    memcpy(x->mail, request->body.ptr, n);
    x->mail_n = n;
    unsigned bad = curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    bad |= set_tls(easy, request);
    bad |= curl_easy_setopt(easy, CURLOPT_MAIL_RCPT, x->rcpt);
    if (request->sender)
        bad |= curl_easy_setopt(easy, CURLOPT_MAIL_FROM, request->sender);
    bad |= curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
    bad |= curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_mail);
    bad |= curl_easy_setopt(easy, CURLOPT_READDATA, x);
    return bad | curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)n);
}

/* What is the same for each request. */
static unsigned set_up(struct exchange *x)
{
    CURL *easy = x->easy;
    unsigned bad = set_safety(x);
    bad |= curl_easy_setopt(easy, CURLOPT_PRIVATE, x);
    bad |= curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, x->curl_error);
    bad |= curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    bad |= curl_easy_setopt(easy, CURLOPT_WRITEDATA, x);
    bad |= curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    bad |= curl_easy_setopt(easy, CURLOPT_HEADERDATA, x);
    return bad | curl_easy_setopt(easy, CURLOPT_USERAGENT, "carom/" CAROM_VERSION);
}

/* What is not. Of all but single ones each is set anew, also to nothing. */
static unsigned set_request(struct exchange *x, const struct carom_request *request)
{
    CURL *easy = x->easy;
    unsigned bad = curl_easy_setopt(easy, CURLOPT_URL, request->url);
    if (request->connect_only)
        bad |= curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L);
    if (request->ca)
        bad |= set_authorities(easy, request->ca);
    if (!request->rcpt)
        bad |= curl_easy_setopt(easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
    bad |= curl_easy_setopt(easy, CURLOPT_USERNAME, request->user);
    bad |= curl_easy_setopt(easy, CURLOPT_PASSWORD, !request->user ? NULL : request->password ? request->password : "");
    return bad | (request->rcpt ? set_mail(x, request) : set_method(easy, request) | set_headers(x, request));
}

static struct exchange *exchange_new(struct transport *transport)
{
    struct exchange *x = calloc(1, sizeof *x);
    if (!x)
        return NULL;
    *x = (struct exchange){.transport = transport, .body = CAROM_BUF_INIT(ANSWER_MAX), .easy = curl_easy_init()};
    if (x->easy && set_up(x) == 0)
        return x;
    exchange_free(x);
    return NULL;
}

/* One that is kept, with nothing left of the request before. */
static struct exchange *exchange_again(struct transport *transport)
{
    struct exchange *x = transport->idle, before = *x;
    unlink_it(x);
    curl_slist_free_all(before.headers);
    carom_buf_clear(&before.body);
    *x = (struct exchange){.transport = transport, .easy = before.easy, .body = before.body};
    return x;
}

/* ---- The interface ---- */

static void *transport_open(struct carom_error *err)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        fail(err, CAROM_ERROR_IO, "libcurl cannot be initialised");
        return NULL;
    }
    struct transport *transport = calloc(1, sizeof *transport);
    CURLM *multi = transport ? curl_multi_init() : NULL;
    if (!multi) {
        free(transport);
        curl_global_cleanup();
        fail(err, CAROM_ERROR_MEMORY, "out of memory");
        return NULL;
    }
    transport->multi = multi;
    carom_sockets_init(&transport->sockets, multi);
    return transport;
}

static int transport_start(void *transport_v, const struct carom_request *request, struct carom_error *err)
{
    struct transport *transport = transport_v;
    const char *why = unfit(request);
    if (why)
        return fail(err, CAROM_ERROR_CONFIG, why);
    bool single = request->rcpt || request->connect_only || request->ca;
    struct exchange *x = transport->idle && !single ? exchange_again(transport) : exchange_new(transport);
    if (!x)
        return fail(err, CAROM_ERROR_MEMORY, "out of memory");
    x->allow_private = request->allow_private;
    x->connect_only = request->connect_only;
    x->single = single;
    x->job = request->job;
    if (set_request(x, request) != 0 || curl_multi_add_handle(transport->multi, x->easy) != CURLM_OK) {
        exchange_free(x);
        return fail(err, CAROM_ERROR_MEMORY, "the request cannot be set up: out of memory, or not supported by libcurl");
    }
    link_first(&transport->first, x);
    transport->running++;
    return 0;
}

static void explain(const struct exchange *x, CURLcode result, struct carom_answer *answer)
{
    char *out = answer->error;
    size_t size = sizeof answer->error;
    if (x->refused)
        snprintf(out, size, "the host has a %s address, which is refused; allow_private = true in the sink would allow it",
                 x->refused);
    else if (x->flood)
        snprintf(out, size, "the header of the answer is larger than %d bytes", ANSWER_MAX);
    else if (result == CURLE_OUT_OF_MEMORY && x->requests) /* curl 7.88 keeps 100 KB of a line, and calls more that */
        snprintf(out, size, "a header line of the answer is too long, or there is no memory");
    else if (x->requests > REQUESTS_MAX)
        snprintf(out, size, "the connection was closed without an answer, twice");
    else
        snprintf(out, size, "%s", x->curl_error[0] ? x->curl_error : curl_easy_strerror(result));
}

/* A reply that refuses, or the one to the message. Whatever else went wrong has none: the relay's last word was a yes,
   or its greeting was a no, which is not about this mail. */
static int mail_code(const struct exchange *x, CURLcode result)
{
    int code = (int)carom_str_number(carom_str_head(carom_str(x->reply), 3));
    if (result == CURLE_OK)
        return code >= 200 && code <= 299 ? code : 250;
    if (result == CURLE_LOGIN_DENIED)
        return 535;
    bool refused = result == CURLE_SEND_ERROR || result == CURLE_RECV_ERROR || result == CURLE_UPLOAD_FAILED ||
                   result == CURLE_REMOTE_ACCESS_DENIED ||
                   (result == CURLE_WEIRD_SERVER_REPLY && x->mail_at == x->mail_n); /* to the message */
    return refused && code >= 400 && code <= 599 ? code : 0;
}

static void finish_mail(struct exchange *x, CURLcode result, struct carom_answer *answer)
{
    answer->code = mail_code(x, result);
    answer->body = carom_str(x->reply);
    if (answer->code == 0)
        explain(x, result, answer);
}

static void finish_request(struct exchange *x, CURLcode result, struct carom_answer *answer)
{
    long code = 0;
    if (result == CURLE_OK && x->connect_only)
        code = 200;
    else if (result == CURLE_OK || (result == CURLE_WRITE_ERROR && x->cut && !x->body.failed))
        curl_easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &code);
    answer->code = (int)code;
    if (code == 0) {
        explain(x, result, answer);
        return;
    }
    curl_off_t seconds = 0; /* curl reads both forms; 0 when there is none */
    if (curl_easy_getinfo(x->easy, CURLINFO_RETRY_AFTER, &seconds) == CURLE_OK && seconds > 0)
        answer->retry_after_s = seconds;
    answer->body = carom_buf_str(&x->body);
}

static void finish(struct exchange *x, CURLcode result,
                   void (*done)(void *user, void *job, const struct carom_answer *answer), void *user)
{
    struct carom_answer answer = {.retry_after_s = -1, .body = CAROM_STR_EMPTY};
    if (x->rcpt)
        finish_mail(x, result, &answer);
    else
        finish_request(x, result, &answer);
    done(user, x->job, &answer);
    exchange_end(x);
}

static void finish_all(struct transport *transport,
                       void (*done)(void *user, void *job, const struct carom_answer *answer), void *user)
{
    int left;
    for (CURLMsg *message; (message = curl_multi_info_read(transport->multi, &left)) != NULL;) {
        struct exchange *x = NULL;
        CURLcode result = message->data.result; /* the message dies with the handle */
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&x);
        finish(x, result, done, user);
    }
}

static int transport_poll(void *transport_v, int wait_ms,
                          void (*done)(void *user, void *job, const struct carom_answer *answer), void *user,
                          struct carom_error *err)
{
    struct transport *transport = transport_v;
    CURLMcode bad = transport->running ? carom_sockets_wait(&transport->sockets, wait_ms) : CURLM_OK;
    if (bad != CURLM_OK)
        return fail(err, CAROM_ERROR_IO, curl_multi_strerror(bad));
    finish_all(transport, done, user);
    return (int)transport->running;
}

static void transport_close(void *transport_v)
{
    struct transport *transport = transport_v;
    while (transport->first)
        exchange_end(transport->first);
    for (struct exchange *x; (x = transport->idle) != NULL; exchange_free(x))
        unlink_it(x);
    curl_multi_cleanup(transport->multi);
    carom_sockets_deinit(&transport->sockets);
    free(transport);
    curl_global_cleanup();
}

extern const struct carom_transport_ops carom_transport_module;
CAROM_API const struct carom_transport_ops carom_transport_module = {
    .open = transport_open,
    .start = transport_start,
    .poll = transport_poll,
    .close = transport_close,
};
