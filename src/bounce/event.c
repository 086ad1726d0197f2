/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Events of Amazon SES that Amazon SNS sends as mail: the JSON that others get as a webhook, with a text on how to
   unsubscribe behind it. It reads the published fields and judges nothing. */

#include "base/date.h"
#include "base/tree.h"
#include "bounce/reader.h"
#include "mail/address.h"

enum { RECIPIENTS_MAX = 1000, HEADERS_MAX = 1000 };

struct event {
    struct carom_reading *reading;
    struct carom_report *report;
    struct carom_str name; /* "Bounce", "Delivery", … */
    const struct carom_tree *root, *details;
};

static struct carom_str member(const struct carom_tree *object, const char *name)
{
    return carom_tree_text(carom_tree_get(object, name));
}

/* The object at the start of text, without what a mail server puts into long lines: a line end, and Sendmail "!" in
   front of it and a space behind. Neither can stand within a JSON string. */
static struct carom_str join_lines(struct carom_arena *arena, struct carom_str text)
{
    char *out = carom_arena_alloc(arena, text.len + 1);
    size_t n = 0;
    bool quoted = false;

    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (quoted && (c == '\n' || c == '\r')) {
            n -= n > 0 && out[n - 1] == '!';
            i += c == '\r' && i + 1 < text.len && text.ptr[i + 1] == '\n';
            i += i + 1 < text.len && text.ptr[i + 1] == ' ';
            continue;
        }
        out[n++] = c;
        if (quoted && c == '\\' && i + 1 < text.len)
            out[n++] = text.ptr[++i];
        else if (c == '"')
            quoted = !quoted;
    }
    return carom_str_n(out, n);
}

/* NULL: text does not begin with an object. */
static const struct carom_tree *load(struct carom_arena *arena, struct carom_str text)
{
    const struct carom_tree *value = carom_tree_read(arena, text, &text);

    return value && value->type == CAROM_TREE_OBJECT ? value : NULL;
}

/* The event itself; SNS wraps it as a string in an object of its own, unless told not to. NULL: none. */
static const struct carom_tree *load_event(struct carom_reading *reading)
{
    struct carom_str text = carom_str_trim(reading->text);
    const struct carom_tree *outer, *message, *inner = NULL;

    if (text.len == 0 || text.ptr[0] != '{' || carom_str_find(text, CAROM_STR("notificationType")) == SIZE_MAX)
        if (text.len == 0 || text.ptr[0] != '{' || carom_str_find(text, CAROM_STR("eventType")) == SIZE_MAX)
            return NULL;
    outer = load(reading->arena, join_lines(reading->arena, text));
    message = carom_tree_get(outer, "Message");
    if (message && message->type == CAROM_TREE_STRING)
        inner = load(reading->arena, message->text);
    return inner ? inner : outer;
}

/* "smtp; 550 5.1.1 user unknown" */
static void read_diagnostic(struct carom_report_recipient *r, struct carom_str value)
{
    size_t semicolon = carom_str_chr(value, ';');
    bool typed = semicolon < value.len && carom_str_chr(carom_str_head(value, semicolon), ' ') >= semicolon;

    r->diagnostic_type = typed ? carom_str_head(value, semicolon) : CAROM_STR_EMPTY;
    r->diagnostic = carom_str_trim(typed ? carom_str_from(value, semicolon + 1) : value);
}

static void read_recipient(struct event *event, const struct carom_tree *entry, enum carom_claim claim)
{
    struct carom_report_recipient *r = carom_report_add(event->reading);

    r->final = carom_address_first(event->reading->arena, entry->type == CAROM_TREE_STRING ? entry->text
                                                                                           : member(entry, "emailAddress"));
    r->action = member(entry, "action");
    r->status = member(entry, "status");
    r->claim = claim;
    r->where = CAROM_STR("diagnosticCode");
    r->remote_ip = member(event->details, "remoteMtaIp");
    r->last_attempt = carom_date_parse_rfc3339(member(event->details, "timestamp"));
    read_diagnostic(r, member(entry, "diagnosticCode"));
}

static void read_recipients(struct event *event, const char *list, enum carom_claim claim)
{
    const struct carom_tree *entry = carom_tree_elements(carom_tree_get(event->details, list));

    for (size_t i = 0; entry && i < RECIPIENTS_MAX; i++, entry = entry->next)
        read_recipient(event, entry, claim);
    event->report->type = CAROM_REPORT_DELIVERY;
    for (struct carom_report_recipient *r = event->report->recipients; r; r = r->next)
        carom_read_details(event->reading, r);
}

/* Where no server said anything, SES does by its own words: "Permanent Suppressed", "Transient MailboxFull". An
   automatic reply that reached SES is "Transient General". */
static void read_bounce(struct event *event)
{
    struct carom_str type = member(event->details, "bounceType"), sub = member(event->details, "bounceSubType");
    bool passing = carom_str_ieq(type, CAROM_STR("Transient"));

    read_recipients(event, "bouncedRecipients", passing ? CAROM_CLAIM_GAVE_UP : CAROM_CLAIM_FAILED);
    for (struct carom_report_recipient *r = event->report->recipients; r; r = r->next) {
        if (r->diagnostic.len > 0)
            continue;
        r->diagnostic = carom_arena_printf(event->reading->arena, "Amazon SES: " CAROM_STR_FMT " " CAROM_STR_FMT,
                                           CAROM_STR_ARG(type), CAROM_STR_ARG(sub));
        r->where = CAROM_STR("bounceSubType");
    }
}

static void read_delay(struct event *event)
{
    read_recipients(event, "delayedRecipients", CAROM_CLAIM_DELAYED);
    for (struct carom_report_recipient *r = event->report->recipients; r; r = r->next)
        r->retry_until = carom_date_parse_rfc3339(member(event->details, "expirationTime"));
}

static void read_delivery(struct event *event)
{
    struct carom_str reply = member(event->details, "smtpResponse");

    read_recipients(event, "recipients", CAROM_CLAIM_DELIVERED);
    for (struct carom_report_recipient *r = event->report->recipients; r; r = r->next) {
        r->diagnostic = reply;
        r->where = CAROM_STR("smtpResponse");
    }
}

/* Several recipients: it is not known which of them complained. */
static void read_complaint(struct event *event)
{
    struct carom_feedback *feedback = &event->report->feedback;
    const struct carom_tree *first = carom_tree_elements(carom_tree_get(event->details, "complainedRecipients"));

    event->report->type = CAROM_REPORT_FEEDBACK;
    feedback->type = member(event->details, "complaintFeedbackType");
    if (feedback->type.len == 0)
        feedback->type = CAROM_STR("abuse");
    feedback->user_agent = member(event->details, "userAgent");
    feedback->source_ip = member(carom_tree_get(event->root, "mail"), "sourceIp");
    event->report->not_complaint = carom_str_ieq(feedback->type, CAROM_STR("not-spam")) ||
                                   carom_str_ieq(feedback->type, CAROM_STR("auth-failure"));
    if (first && !first->next)
        event->report->feedback_recipient = carom_address_first(event->reading->arena, member(first, "emailAddress"));
}

/* mail.headers: an array of name and value. */
static void read_headers(struct event *event)
{
    const struct carom_tree *entry = carom_tree_elements(carom_tree_get(carom_tree_get(event->root, "mail"), "headers"));
    struct carom_headers *headers = &event->report->returned_headers;

    *headers = (struct carom_headers){.block = CAROM_STR_EMPTY};
    for (size_t i = 0; entry && i < HEADERS_MAX; i++, entry = entry->next)
        carom_headers_add(event->reading->arena, headers, member(entry, "name"), member(entry, "value"));
}

static void read_event(struct event *event)
{
    static const struct {
        const char *name, *details;
        void (*read)(struct event *);
    } kinds[] = {
        {"Bounce", "bounce", read_bounce},       {"Complaint", "complaint", read_complaint},
        {"Delivery", "delivery", read_delivery}, {"DeliveryDelay", "deliveryDelay", read_delay},
    };
    struct carom_str type;

    event->report->format = CAROM_STR("amazonses-event");
    event->report->machine = true;
    read_headers(event);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (!carom_str_ieq(event->name, carom_str(kinds[i].name)))
            continue;
        event->details = carom_tree_get(event->root, kinds[i].details);
        type = member(event->details, "reportingMTA");
        size_t semicolon = carom_str_chr(type, ';');
        event->report->reporting_mta = carom_str_trim(carom_str_from(type, semicolon < type.len ? semicolon + 1 : 0));
        kinds[i].read(event);
    }
}

/* Events that are none of these (Send, Open, Subscription) are known, and nothing to act on. */
bool carom_read_event(struct carom_reading *reading)
{
    const struct carom_tree *root = load_event(reading);
    struct event event = {.reading = reading, .report = reading->report, .root = root};

    if (!root)
        return false;
    event.name = member(root, "notificationType");
    if (event.name.len == 0)
        event.name = member(root, "eventType");
    read_event(&event);
    return true;
}
