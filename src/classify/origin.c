/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Reads the top of a header block. Only there did our own server write: below its Received field for the client from
   outside comes what the client sent, up to the next Received perhaps with fields of our filters in front (OpenDKIM and
   rspamd write below that Received, Exim and Sendmail's milters above). Such filters remove Authentication-Results
   that bear their own authserv-id (RFC 8601 5); an authserv-id of a server that does not must not be trusted. */

#include "classify/origin.h"

#include "bounce/reader.h"

/* ---- Domains ---- */

bool carom_domain_within(struct carom_str name, struct carom_str domain)
{
    if (domain.len == 0 || name.len < domain.len)
        return false;
    if (name.len == domain.len)
        return carom_str_ieq(name, domain);
    return name.ptr[name.len - domain.len - 1] == '.' && carom_str_iends(name, domain);
}

bool carom_domain_related(struct carom_str a, struct carom_str b)
{
    /* A single label is no domain that somebody has. */
    return carom_str_chr(a, '.') != SIZE_MAX && carom_str_chr(b, '.') != SIZE_MAX &&
           (carom_domain_within(a, b) || carom_domain_within(b, a));
}

bool carom_origin_vouches(const struct carom_origin *origin, struct carom_str domain)
{
    for (size_t i = 0; i < origin->n; i++)
        if (carom_domain_related(origin->domains[i], domain))
            return true;
    return false;
}

/* ---- Received ---- */

static bool is_loopback(struct carom_str ip)
{
    return carom_str_starts(ip, CAROM_STR("127.")) || carom_str_eq(ip, CAROM_STR("::1")) ||
           carom_str_ieq(ip, CAROM_STR("IPv6:::1")) || carom_str_ieq(ip, CAROM_STR("IPv6:::ffff:127.0.0.1"));
}

/* The next [literal] in text. */
static bool next_literal(struct carom_str *text, struct carom_str *ip_r)
{
    size_t from = carom_str_chr(*text, '['), to;

    if (from == SIZE_MAX)
        return false;
    *text = carom_str_from(*text, from + 1);
    to = carom_str_chr(*text, ']');
    *ip_r = carom_str_head(*text, to == SIZE_MAX ? text->len : to);
    *text = carom_str_from(*text, ip_r->len);
    return true;
}

/* "from HELO (HOST [IP])" up to the first ')', which no HELO gets through: Postfix, Exim and Sendmail refuse or mask
   brackets in it. */
static struct carom_str client_part(struct carom_str received)
{
    size_t end = carom_str_chr(received, ')');

    return carom_str_head(received, end == SIZE_MAX ? received.len : end);
}

/* A hop within our own machine: from loopback, by LMTP, or by no network at all ("by mail.example.org (Postfix, from
   userid 0)"). A HELO may name loopback too, so that all literals must. */
static bool is_internal(struct carom_str received)
{
    struct carom_str rest = client_part(received), ip;
    bool any = false;

    if (!carom_str_istarts(received, CAROM_STR("from ")))
        return true;
    while (next_literal(&rest, &ip)) {
        if (!is_loopback(ip))
            return false;
        any = true;
    }
    return any || carom_str_ifind(received, CAROM_STR(" with LMTP")) != SIZE_MAX;
}

/* Does the server name clients only where the name leads back to the address? OpenSMTPD, for one, writes down what the
   client's own reverse zone says. Asked behind the client's part, where nothing is his. */
static bool verifies_names(struct carom_str received)
{
    return carom_report_sign(carom_str_from(received, client_part(received).len), CAROM_STR("verifies"));
}

/* The client's verified name. Postfix, Sendmail: "from HELO (HOST [IP])", Exim: "from HOST ([IP] helo=HELO)" or, where
   nothing was verified, "from [IP] (helo=HELO)". */
static struct carom_str client_host(struct carom_str received)
{
    struct carom_str part = client_part(received), word, name;
    size_t open = carom_str_chr(part, '(');

    if (open == SIZE_MAX || !verifies_names(received) || carom_str_ifind(part, CAROM_STR("may be forged")) != SIZE_MAX)
        return CAROM_STR_EMPTY;
    name = carom_str_from(part, open + 1);
    if (carom_str_starts(name, CAROM_STR("["))) { /* Sendmail without a name for it writes so too, behind the HELO */
        name = carom_str_from(part, strlen("from "));
        if (carom_str_find(received, CAROM_STR("(Exim ")) == SIZE_MAX)
            return CAROM_STR_EMPTY;
    }
    if (!carom_str_word(&name, &word) || carom_str_chr(word, '[') != SIZE_MAX || carom_str_chr(word, '=') != SIZE_MAX)
        return CAROM_STR_EMPTY;
    if (carom_str_rchr(word, '@') != SIZE_MAX) /* RFC 1413 */
        word = carom_str_from(word, carom_str_rchr(word, '@') + 1);
    return carom_str_chr(word, '.') == SIZE_MAX ? CAROM_STR_EMPTY : word;
}

static void read_client(struct carom_str received, struct carom_origin *origin)
{
    struct carom_str rest = client_part(received), ip = CAROM_STR_EMPTY;

    while (next_literal(&rest, &ip)) /* the last one: a HELO may be a literal */
        ;
    origin->ip = carom_str_istarts(ip, CAROM_STR("IPv6:")) ? carom_str_from(ip, 5) : ip;
    origin->host = client_host(received);
}

/* ---- Authentication-Results ---- */

enum method { DKIM, SPF, DMARC, METHODS };

static bool is_trusted(struct carom_str id, const struct carom_names *authserv)
{
    for (; authserv; authserv = authserv->next)
        if (carom_str_ieq(id, authserv->name))
            return true;
    return false;
}

/* How far to one of `ends` outside a quoted string, which is all of a value or its local part (RFC 8601 2.2).
   SIZE_MAX: not so written. Part of it may be a sender address that nobody quoted, and it may say anything. */
static size_t span(struct carom_str text, struct carom_str ends)
{
    size_t i = 0;

    for (; i < text.len && carom_str_chr(ends, text.ptr[i]) == SIZE_MAX; i++) {
        if (text.ptr[i] == '(' || text.ptr[i] == ')')
            return SIZE_MAX;
        if (text.ptr[i] != '"')
            continue;
        if (i == 0 || text.ptr[i - 1] != '=')
            return SIZE_MAX;
        for (i++; i < text.len && text.ptr[i] != '"'; i++)
            i += text.ptr[i] == '\\';
        if (i >= text.len)
            return SIZE_MAX;
    }
    return i;
}

/* Up to the next ';'. */
static bool next_result(struct carom_str *rest, struct carom_str *result_r)
{
    size_t end = span(*rest, CAROM_STR(";"));

    if (rest->len == 0 || end == SIZE_MAX)
        return false;
    *result_r = carom_str_trim(carom_str_head(*rest, end));
    *rest = carom_str_from(*rest, end + 1);
    return true;
}

/* "ptype.property=value": the value, of an address its domain. */
static struct carom_str property(struct carom_str words, const char *name)
{
    struct carom_str word, value;

    for (; words.len > 0; words = carom_str_trim(carom_str_from(words, word.len))) {
        word = carom_str_head(words, span(words, CAROM_STR(" \t")));
        if (!carom_str_istarts(word, carom_str(name)))
            continue;
        value = carom_str_from(word, strlen(name));
        if (value.len > 1 && value.ptr[0] == '"' && value.ptr[value.len - 1] == '"')
            value = carom_str_n(value.ptr + 1, value.len - 2);
        return carom_str_from(value, carom_str_rchr(value, '@') + 1); /* SIZE_MAX + 1 is 0 */
    }
    return CAROM_STR_EMPTY;
}

static void vouch(struct carom_origin *origin, struct carom_str domain)
{
    if (domain.len > 0 && origin->n < CAROM_ORIGIN_DOMAINS)
        origin->domains[origin->n++] = domain;
}

static void read_result(struct carom_str result, bool fresh[METHODS], bool seen[METHODS], struct carom_origin *origin)
{
    static const char *const names[METHODS][3] = {[DKIM] = {"dkim=", "header.d=", "header.i="},
                                                  [SPF] = {"spf=", "smtp.mailfrom=", "smtp.helo="},
                                                  [DMARC] = {"dmarc=", "header.from=", "header.from="}};
    struct carom_str rest = result, word, domain;

    if (!carom_str_word(&rest, &word))
        return;
    for (int i = 0; i < METHODS; i++) {
        if (!carom_str_istarts(word, carom_str(names[i][0])) || !fresh[i])
            continue;
        seen[i] = true;
        if (!carom_str_ieq(carom_str_from(word, strlen(names[i][0])), CAROM_STR("pass")))
            continue;
        domain = property(rest, names[i][1]);
        vouch(origin, domain.len ? domain : property(rest, names[i][2]));
    }
}

/* A method that a field above told of is settled: a forged field that was let through stands below. */
static void read_results(struct carom_arena *arena, struct carom_str value, const struct carom_names *authserv,
                         bool seen[METHODS], struct carom_origin *origin)
{
    struct carom_str rest = carom_header_token(arena, value), result, id;
    bool fresh[METHODS];

    for (int i = 0; i < METHODS; i++)
        fresh[i] = !seen[i];
    if (!next_result(&rest, &result) || !carom_str_word(&result, &id) || !is_trusted(id, authserv))
        return;
    while (next_result(&rest, &result))
        read_result(result, fresh, seen, origin);
}

struct carom_origin carom_origin_find(struct carom_arena *arena, const struct carom_headers *headers,
                                      const struct carom_names *authserv)
{
    struct carom_origin origin = {.host = CAROM_STR_EMPTY, .ip = CAROM_STR_EMPTY};
    bool seen[METHODS] = {false}, entered = false;

    for (size_t i = 0; i < headers->n; i++) {
        const struct carom_header *header = &headers->list[i];
        if (carom_str_ieq(header->name, CAROM_STR("Authentication-Results"))) {
            read_results(arena, header->value, authserv, seen, &origin);
        } else if (carom_str_ieq(header->name, CAROM_STR("Received"))) {
            if (entered)
                break;
            struct carom_str received = carom_header_unfold(arena, header->value);
            if (is_internal(received))
                continue;
            entered = true;
            read_client(received, &origin);
        }
    }
    if (!entered) /* nobody from outside brought it: who wrote its header is not known */
        origin.n = 0;
    return origin;
}
