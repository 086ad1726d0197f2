/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Delivery status notifications: RFC 3464 and, for addresses in UTF-8, RFC 6533. It reads the fields wherever they
   stand, as forgiving as senders are careless, and judges nothing: what a status means is not known here.

   Seen and accepted: a space before the colon and "rfc/822;" (Mimecast), no Action, an empty Status (SendGrid), comments
   in Status and Action (Sun, Deliver-By), a Diagnostic-Code without type, only Original-Recipient (McAfee), all fields
   in one group (Facebook, Mimecast), blank lines in front (SurfControl), fields as plain text (WorkMail), a report whose
   Content-Type header was lost. */

#include "base/date.h"
#include "base/many.h"
#include "bounce/reader.h"
#include "mail/address.h"
#include "mail/charset.h"

enum { STATUS_MAX = 64 << 20, RECIPIENTS_MAX = 100000, DEPTH = 3 };

/* The fields of one group, and those of the message, which stand in the first; values are raw. */
struct group {
    struct carom_str original, final, actual, action, status, diagnostic, remote_mta, last_attempt, retry_until;
};
struct heading {
    struct carom_str reporting_mta, arrival_date, envelope_id, sender;
};
struct fields {
    struct group group;
    struct heading heading;
};

static struct group no_fields(void)
{
    const struct carom_str none = CAROM_STR_EMPTY;

    return (struct group){none, none, none, none, none, none, none, none, none};
}

#define FIELDS(FIELD)                                  \
    FIELD("Original-Recipient", group.original)        \
    FIELD("Final-Recipient", group.final)              \
    FIELD("X-Actual-Recipient", group.actual)          \
    FIELD("Action", group.action)                      \
    FIELD("Status", group.status)                      \
    FIELD("Diagnostic-Code", group.diagnostic)         \
    FIELD("Remote-MTA", group.remote_mta)              \
    FIELD("Last-Attempt-Date", group.last_attempt)     \
    FIELD("Will-Retry-Until", group.retry_until)       \
    FIELD("Reporting-MTA", heading.reporting_mta)      \
    FIELD("Arrival-Date", heading.arrival_date)        \
    FIELD("Original-Envelope-Id", heading.envelope_id) \
    FIELD("X-Postfix-Sender", heading.sender)
#define NAME_AND_PLACE(name, place) {CAROM_STR_INIT(name), offsetof(struct fields, place)},
#define TAG(name, place) carom_header_tag(CAROM_STR(name)),

/* Where the i-th of the headers belongs, or NULL: its tag is compared with all of theirs at once, and each has another. */
static struct carom_str *field_of(struct fields *fields, const struct carom_headers *headers, size_t i)
{
    static const struct {
        struct carom_str name;
        size_t offset;
    } known[] = {FIELDS(NAME_AND_PLACE)};
    const carom_many tags = {FIELDS(TAG)};
    size_t at = carom_many_first((carom_many)(tags == headers->tags[i]));

    if (at >= sizeof known / sizeof known[0] || !carom_str_ieq(headers->list[i].name, known[at].name))
        return NULL;
    return (struct carom_str *)(void *)((char *)fields + known[at].offset);
}

static bool is_in_type(char c)
{
    return carom_is_alpha(c) || carom_is_digit(c) || c == '-' || c == '/' || c == '_' || c == '.';
}

/* All types are short. */
static size_t type_length(struct carom_str value)
{
    size_t n = 0;

    if (value.len >= CAROM_MANY) {
        carom_many bytes = carom_many_load(value.ptr);
        carom_many inside = (carom_many)(((bytes | 0x20) - 'a' < 26) | (bytes - '-' < 13) | (bytes == '_'));
        if ((n = carom_many_first(~inside)) < CAROM_MANY)
            return n;
    }
    while (n < value.len && is_in_type(value.ptr[n]))
        n++;
    return n;
}

/* "dns; host", "rfc822; a@b": cuts the type off. What has none is all value. */
static struct carom_str split_type(struct carom_str value, struct carom_str *type_r)
{
    size_t at = type_length(value), end = at;

    *type_r = CAROM_STR_EMPTY;
    while (at < value.len && carom_is_space(value.ptr[at]))
        at++;
    if (end == 0 || at == value.len || value.ptr[at] != ';')
        return value;
    *type_r = carom_str_head(value, end);
    return carom_str_trim(carom_str_from(value, at + 1));
}

/* RFC 3461 4: '+' and '=' are the only characters of an address that xtext must encode; "+2B" elsewhere would be a
   rare local part, but other "+XX" are common subaddresses and stay. */
static bool has_xtext(struct carom_str s)
{
    return carom_str_find(s, CAROM_STR("+2B")) != SIZE_MAX || carom_str_find(s, CAROM_STR("+3D")) != SIZE_MAX ||
           carom_str_find(s, CAROM_STR("\\x{")) != SIZE_MAX;
}

/* What stands behind the type, decoded. */
static struct carom_str read_address_text(struct carom_arena *arena, struct carom_str value, bool xtext)
{
    struct carom_str type, addr;

    if (value.len == 0)
        return CAROM_STR_EMPTY;
    addr = split_type(carom_header_text(arena, value), &type);
    if (carom_str_istarts(type, CAROM_STR("x400")))
        return CAROM_STR_EMPTY;
    if ((xtext || carom_str_istarts(type, CAROM_STR("utf-8"))) && has_xtext(addr))
        addr = carom_encoding_xtext(arena, addr);
    return addr;
}

static struct carom_str find_address(struct carom_arena *arena, struct carom_str text)
{
    if (text.len == 0)
        return CAROM_STR_EMPTY;
    struct carom_str found = carom_address_first(arena, text);
    if (found.len == 0)
        found = carom_address_find(arena, text);
    return carom_address_valid(found) ? found : CAROM_STR_EMPTY;
}

/* Mostly the original recipient is the final one. Returns X-Actual-Recipient. */
static struct carom_str read_addresses(struct carom_arena *arena, const struct group *group,
                                       struct carom_report_recipient *r)
{
    struct carom_str final = read_address_text(arena, group->final, false);
    struct carom_str original = read_address_text(arena, group->original, true);

    r->final = find_address(arena, final);
    r->original = carom_str_eq(original, final) ? r->final : find_address(arena, original);
    return find_address(arena, read_address_text(arena, group->actual, false));
}

/* The first word of a token, lower case: "failed (bad destination)", "Delivered". */
static struct carom_str read_action(struct carom_arena *arena, struct carom_str value)
{
    struct carom_str rest = carom_header_token(arena, value), word;

    return carom_str_word(&rest, &word) ? carom_arena_lower(arena, word) : CAROM_STR_EMPTY;
}

static enum carom_claim claim_of(struct carom_str action, struct carom_str status)
{
    static const struct {
        const char *action;
        enum carom_claim claim;
    } claims[] = {
        {"fail", CAROM_CLAIM_FAILED}, {"delayed", CAROM_CLAIM_DELAYED}, {"delivered", CAROM_CLAIM_DELIVERED},
        {"relayed", CAROM_CLAIM_DELIVERED}, {"expanded", CAROM_CLAIM_DELIVERED}, {"expired", CAROM_CLAIM_GAVE_UP},
    };

    for (size_t i = 0; i < sizeof claims / sizeof claims[0]; i++)
        if (carom_str_istarts(action, carom_str(claims[i].action)))
            return claims[i].claim;
    return status.len > 0 && status.ptr[0] == '2' ? CAROM_CLAIM_DELIVERED : CAROM_CLAIM_FAILED;
}

/* "dns; mx.example.com (192.0.2.1, the server for …)", "[192.0.2.1]", "host(192.0.2.1)". */
static void read_remote(struct carom_arena *arena, struct carom_str value, struct carom_report_recipient *r)
{
    struct carom_str type, rest = split_type(carom_header_text(arena, value), &type);
    size_t open = carom_str_chr(rest, '('), end;
    struct carom_str host = carom_str_trim(carom_str_head(rest, open < rest.len ? open : rest.len));

    for (end = 0; end < host.len && !carom_is_space(host.ptr[end]) && host.ptr[end] != '['; end++)
        ;
    if (host.len > 1 && host.ptr[0] == '[') { /* an address literal instead of a name */
        end = carom_str_chr(host, ']');
        r->remote_ip = carom_str_n(host.ptr + 1, (end < host.len ? end : host.len) - 1);
        return;
    }
    while (end > 0 && host.ptr[end - 1] == '.')
        end--;
    r->remote_mta = carom_str_head(host, end);
    if (open < rest.len) {
        struct carom_str inside = carom_str_from(rest, open + 1);
        size_t n = 0;
        while (n < inside.len && (carom_is_digit(inside.ptr[n]) || strchr(".:abcdefABCDEF", inside.ptr[n])))
            n++;
        if (n >= 7 || (n >= 2 && carom_str_chr(carom_str_head(inside, n), ':') < n))
            r->remote_ip = carom_str_head(inside, n);
    }
}

static void read_diagnostic(struct carom_arena *arena, struct carom_str value, struct carom_report_recipient *r)
{
    struct carom_str type, text = split_type(carom_header_text(arena, value), &type);

    r->diagnostic = carom_str_trim(text);
    r->diagnostic_type = type;
    int64_t status = carom_str_number(r->diagnostic);
    if (status > 0 && status <= 255 && carom_str_ieq(type, CAROM_STR("x-unix")))
        r->exit_status = (int)status;
    if (r->diagnostic.len > 0)
        r->where = CAROM_STR("Diagnostic-Code");
}

/* "4.2.2 (Over quota)": where nothing else is said, the comment is (Sun, Sendmail 8.6). */
static void read_comment(struct carom_arena *arena, struct carom_str value, struct carom_report_recipient *r)
{
    struct carom_str text = carom_header_text(arena, value);
    size_t open = carom_str_chr(text, '('), close = carom_str_rchr(text, ')');

    if (open >= text.len || close >= text.len || close < open + 2)
        return;
    r->diagnostic = carom_str_n(text.ptr + open + 1, close - open - 1);
    r->where = CAROM_STR("Status");
}

static void add_recipient(struct carom_reading *reading, const struct group *group)
{
    struct carom_arena *arena = reading->arena;
    struct carom_report_recipient *r = carom_report_add(reading);
    struct carom_str rest = carom_header_token(arena, group->status), status;

    struct carom_str actual = read_addresses(arena, group, r);
    if (r->final.len == 0)
        r->final = r->original.len > 0 ? r->original : actual;
    if (actual.len > 0 && !carom_str_ieq(actual, r->final)) { /* Sendmail forwarded it there */
        r->original = r->original.len > 0 ? r->original : r->final;
        r->final = actual;
    }
    r->action = read_action(arena, group->action);
    if (carom_str_word(&rest, &status))
        r->status = status;
    read_diagnostic(arena, group->diagnostic, r);
    if (r->diagnostic.len == 0)
        read_comment(arena, group->status, r);
    read_remote(arena, group->remote_mta, r);
    r->last_attempt = carom_date_parse(carom_header_text(arena, group->last_attempt));
    r->retry_until = carom_date_parse(carom_header_text(arena, group->retry_until));
    r->claim = claim_of(r->action, r->status);
}

static bool has_address(const struct group *group) { return group->original.len > 0 || group->final.len > 0; }

static bool has_fate(const struct group *group)
{
    return group->action.len > 0 || group->status.len > 0 || group->diagnostic.len > 0;
}

static void read_heading(struct carom_reading *reading, const struct heading *heading)
{
    struct carom_arena *arena = reading->arena;
    struct carom_report *report = reading->report;
    struct carom_str type;

    if (heading->reporting_mta.len > 0)
        report->reporting_mta = split_type(carom_header_token(arena, heading->reporting_mta), &type);
    if (heading->arrival_date.len > 0)
        report->arrival_date = carom_header_text(arena, heading->arrival_date);
    if (heading->envelope_id.len > 0)
        report->original_envelope_id = carom_header_text(arena, heading->envelope_id);
    if (heading->sender.len > 0)
        report->envelope_from = carom_address_first(arena, split_type(carom_header_token(arena, heading->sender), &type));
}

/* A field that repeats the address of a group that already has its fate begins the next recipient: some producers
   separate recipients with nothing. */
static bool begins_next(const struct group *group, const struct carom_str *slot)
{
    return slot->len > 0 && (slot == &group->final || slot == &group->original);
}

/* The value on which the message broke off: half an address is another one. */
static bool is_cut(const struct carom_reading *reading, struct carom_str bytes, struct carom_str value)
{
    return reading->message->truncated && value.ptr + value.len == bytes.ptr + bytes.len;
}

/* Reads the groups of a status part. Fields without an address wait for one: a stray blank line may have cut a group in
   two. */
static void read_groups(struct carom_reading *reading, struct carom_str bytes)
{
    const struct carom_str none = CAROM_STR_EMPTY;
    struct fields fields = {no_fields(), {none, none, none, none}};
    struct group *group = &fields.group;
    struct carom_str rest = bytes;

    while (reading->report->n < RECIPIENTS_MAX) {
        while (rest.len > 0 && carom_is_space(rest.ptr[0]))
            rest = carom_str_from(rest, 1);
        if (rest.len == 0)
            break;
        struct carom_str before = rest;
        struct carom_headers headers = carom_headers_parse(reading->arena, rest, &rest);
        if (has_address(group) && has_fate(group)) {
            add_recipient(reading, group);
            *group = no_fields();
        }
        for (size_t i = 0; i < headers.n; i++) {
            struct carom_str *slot = field_of(&fields, &headers, i);
            if (!slot || is_cut(reading, bytes, headers.list[i].value))
                continue;
            if (begins_next(group, slot)) {
                add_recipient(reading, group);
                *group = no_fields();
            }
            *slot = headers.list[i].value;
        }
        if (headers.n == 0 || rest.len == before.len) { /* a line that is no field: skip it */
            struct carom_str line;
            rest = before;
            carom_str_line(&rest, &line);
        }
    }
    /* An address without a fate where the message broke off may be half of one. */
    if ((has_address(group) && (has_fate(group) || !reading->message->truncated)) ||
        (has_fate(group) && reading->report->n == 0))
        add_recipient(reading, group);
    read_heading(reading, &fields.heading);
    if (!carom_str_blank(rest))
        reading->report->truncated = true;
}

/* text/plain that holds nothing but fields (deliverystatus.txt): some gateways relabel the part. */
static bool is_relabelled(struct carom_arena *arena, const struct carom_part *part)
{
    if (!carom_part_is(part, "text/plain") && !carom_part_is(part, "application/octet-stream"))
        return false;
    struct carom_str head = carom_str_trim(carom_part_bytes(arena, part, 64));

    return carom_str_istarts(head, CAROM_STR("Reporting-MTA:")) ||
           carom_str_istarts(head, CAROM_STR("Final-Recipient:")) ||
           carom_str_istarts(head, CAROM_STR("Original-Recipient:"));
}

static bool is_status(struct carom_arena *arena, const struct carom_part *root, const struct carom_part *part)
{
    return carom_part_is(part, "message/delivery-status") || carom_part_is(part, "message/global-delivery-status") ||
           (part != root && is_relabelled(arena, part));
}

/* p, or the first status part behind it among the own parts of scope; NULL: none. */
static struct carom_part *find_status(struct carom_arena *arena, struct carom_part *scope, struct carom_part *p)
{
    while (p && !is_status(arena, scope, p))
        p = carom_part_walk_own(scope, p);
    return p;
}

/* Reads every status part of reading->scope, the first of which is p. */
static bool read_parts(struct carom_reading *reading, struct carom_part *p)
{
    struct carom_part *scope = reading->scope;

    for (; p; p = find_status(reading->arena, scope, carom_part_walk_own(scope, p))) {
        struct carom_str bytes = carom_part_bytes(reading->arena, p, STATUS_MAX);
        struct carom_str charset = carom_header_param(reading->arena, p->content_type, "charset");
        read_groups(reading, carom_charset_to_utf8(reading->arena, charset, bytes, STATUS_MAX));
    }
    return reading->report->n > 0;
}

/* Exim reports the file or command that a recipient's mail goes to; the recipient stands behind "generated by" and in
   X-Failed-Recipients. */
static struct carom_str failed_recipient(struct carom_reading *reading)
{
    struct carom_str text = reading->report->text;
    size_t at = carom_str_find(text, CAROM_STR("generated by "));

    if (at != SIZE_MAX) {
        struct carom_str rest = carom_str_from(text, at + 13), line;
        if (carom_str_line(&rest, &line) && carom_address_valid(carom_address_first(reading->arena, line)))
            return carom_address_first(reading->arena, line);
    }
    return carom_address_first(reading->arena,
                               carom_headers_get(&reading->message->root->headers, "X-Failed-Recipients"));
}

static bool finish(struct carom_reading *reading)
{
    struct carom_report *report = reading->report;

    if (report->n == 1 && report->recipients->final.len == 0)
        report->recipients->final = failed_recipient(reading);
    report->type = CAROM_REPORT_DELIVERY;
    report->format = CAROM_STR("rfc3464");
    report->machine = true;
    for (struct carom_report_recipient *r = report->recipients; r; r = r->next) {
        carom_read_words(reading, r);
        carom_read_details(reading, r);
    }
    return true;
}

/* The fields printed into the text, as WorkMail does behind "Technical report:", or left there by a boundary that was
   written wrongly. */
static bool read_printed(struct carom_reading *reading)
{
    struct carom_str rest = reading->report->text, line, from = CAROM_STR_EMPTY;
    bool address = false, fate = false;

    if (carom_str_ifind(rest, CAROM_STR("Final-Recipient:")) == SIZE_MAX || !carom_report_suspect(reading))
        return false;
    while (carom_str_line(&rest, &line)) {
        bool field = carom_str_istarts(line, CAROM_STR("Final-Recipient:"));
        address = address || field;
        fate = fate || carom_str_istarts(line, CAROM_STR("Action:")) || carom_str_istarts(line, CAROM_STR("Status:"));
        if (from.len == 0 && (field || carom_str_istarts(line, CAROM_STR("Reporting-MTA:")) ||
                              carom_str_istarts(line, CAROM_STR("Action:"))))
            from = carom_str_n(line.ptr, (size_t)(reading->report->text.ptr + reading->report->text.len - line.ptr));
    }
    if (!address || !fate)
        return false;
    reading->report->text.len = (size_t)(from.ptr - reading->report->text.ptr);
    read_groups(reading, from);
    return reading->report->n > 0;
}

bool carom_read_dsn(struct carom_reading *reading)
{
    struct carom_part *first = find_status(reading->arena, reading->scope, reading->scope);

    /* Somebody's answer may carry the report it answers; a real report says so in its own type. */
    if (first && !carom_part_is(reading->scope, "multipart/report") && carom_report_outside(reading)->answer)
        return false;
    return (read_parts(reading, first) || read_printed(reading)) && finish(reading);
}

/* A report attached to a report: content filters wrap what they pass on (InterScan, "TMMSG_"). */
static bool read_attached(struct carom_reading *reading)
{
    struct carom_part *scope = reading->scope;

    for (int depth = 0; depth < DEPTH && scope; depth++) {
        struct carom_part *inner = NULL;
        for (struct carom_part *p = scope; p && !inner; p = carom_part_walk_own(scope, p))
            if (p->child && !carom_part_is(p, "multipart/"))
                inner = p->child;
        if (!inner)
            return false;
        struct carom_part *first = find_status(reading->arena, inner, inner);
        if (first) {
            carom_report_enter(reading, inner);
            return read_parts(reading, first) && finish(reading);
        }
        scope = inner;
    }
    return false;
}

bool carom_read_dsn_inside(struct carom_reading *reading)
{
    if (!carom_report_suspect(reading))
        return false;
    return read_attached(reading);
}
