/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Events of Amazon SES that Amazon SNS sends as mail: the JSON that others get as a webhook, with a text on how to
   unsubscribe behind it. It reads the published fields and judges nothing. */

#include "base/date.h"
#include "base/load.h"
#include "bounce/reader.h"
#include "mail/address.h"

enum { RECIPIENTS_MAX = 1000, HEADERS_MAX = 1000 };

struct event {
    struct carom_reading *reading;
    struct carom_report *report;
    struct carom_str name; /* "Bounce", "Delivery", … */
    const json_t *root, *details;
};

static struct carom_str member(const struct event *event, const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);

    return json_is_string(value) ? carom_arena_str(event->reading->arena, carom_str_n(json_string_value(value),
                                                                                      json_string_length(value)))
                                 : CAROM_STR_EMPTY;
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

/* NULL: text holds no object. For want of memory it jumps: a bounce must not pass for something else then. */
static json_t *load(struct carom_arena *arena, struct carom_str text)
{
    json_error_t wrong;
    json_t *value = carom_json_load(text, JSON_DISABLE_EOF_CHECK, &wrong);

    if (!value && carom_json_starved(&wrong))
        carom_arena_alloc(arena, SIZE_MAX);
    if (json_is_object(value))
        return value;
    json_decref(value);
    return NULL;
}

/* The event itself; SNS wraps it as a string in an object of its own, unless told not to. NULL: none. */
static json_t *load_event(struct carom_reading *reading)
{
    struct carom_str text = carom_str_trim(reading->text);
    json_t *outer, *message, *inner;

    if (text.len == 0 || text.ptr[0] != '{' || carom_str_find(text, CAROM_STR("notificationType")) == SIZE_MAX)
        if (text.len == 0 || text.ptr[0] != '{' || carom_str_find(text, CAROM_STR("eventType")) == SIZE_MAX)
            return NULL;
    if (!(outer = load(reading->arena, join_lines(reading->arena, text))))
        return NULL;
    if (!json_is_string(message = json_object_get(outer, "Message")))
        return outer;
    if (carom_arena_guard(reading->arena)) { /* no memory: hand on, but not the tree */
        json_decref(outer);
        carom_arena_alloc(reading->arena, SIZE_MAX);
        return NULL;
    }
    inner = load(reading->arena, carom_str_n(json_string_value(message), json_string_length(message)));
    carom_arena_unguard(reading->arena);
    if (!inner)
        return outer;
    json_decref(outer);
    return inner;
}

/* "smtp; 550 5.1.1 user unknown" */
static void read_diagnostic(struct carom_report_recipient *r, struct carom_str value)
{
    size_t semicolon = carom_str_chr(value, ';');
    bool typed = semicolon < value.len && carom_str_chr(carom_str_head(value, semicolon), ' ') >= semicolon;

    r->diagnostic_type = typed ? carom_str_head(value, semicolon) : CAROM_STR_EMPTY;
    r->diagnostic = carom_str_trim(typed ? carom_str_from(value, semicolon + 1) : value);
}

static void read_recipient(struct event *event, const json_t *entry, enum carom_claim claim)
{
    struct carom_report_recipient *r = carom_report_add(event->reading);

    r->final = carom_address_first(event->reading->arena, json_is_string(entry)
                                                              ? carom_arena_str(event->reading->arena, carom_str(json_string_value(entry)))
                                                              : member(event, entry, "emailAddress"));
    r->action = member(event, entry, "action");
    r->status = member(event, entry, "status");
    r->claim = claim;
    r->where = CAROM_STR("diagnosticCode");
    r->remote_ip = member(event, event->details, "remoteMtaIp");
    r->last_attempt = carom_date_parse_rfc3339(member(event, event->details, "timestamp"));
    read_diagnostic(r, member(event, entry, "diagnosticCode"));
}

static void read_recipients(struct event *event, const char *list, enum carom_claim claim)
{
    const json_t *entries = json_object_get(event->details, list);

    for (size_t i = 0; i < json_array_size(entries) && i < RECIPIENTS_MAX; i++)
        read_recipient(event, json_array_get(entries, i), claim);
    event->report->type = CAROM_REPORT_DELIVERY;
    for (struct carom_report_recipient *r = event->report->recipients; r; r = r->next)
        carom_read_details(event->reading, r);
}

/* Where no server said anything, SES does by its own words: "Permanent Suppressed", "Transient MailboxFull". An
   automatic reply that reached SES is "Transient General". */
static void read_bounce(struct event *event)
{
    struct carom_str type = member(event, event->details, "bounceType"), sub = member(event, event->details, "bounceSubType");
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
        r->retry_until = carom_date_parse_rfc3339(member(event, event->details, "expirationTime"));
}

static void read_delivery(struct event *event)
{
    struct carom_str reply = member(event, event->details, "smtpResponse");

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
    const json_t *entries = json_object_get(event->details, "complainedRecipients");

    event->report->type = CAROM_REPORT_FEEDBACK;
    feedback->type = member(event, event->details, "complaintFeedbackType");
    if (feedback->type.len == 0)
        feedback->type = CAROM_STR("abuse");
    feedback->user_agent = member(event, event->details, "userAgent");
    feedback->source_ip = member(event, json_object_get(event->root, "mail"), "sourceIp");
    event->report->not_complaint = carom_str_ieq(feedback->type, CAROM_STR("not-spam")) ||
                                   carom_str_ieq(feedback->type, CAROM_STR("auth-failure"));
    if (json_array_size(entries) == 1)
        event->report->feedback_recipient =
            carom_address_first(event->reading->arena, member(event, json_array_get(entries, 0), "emailAddress"));
}

/* mail.headers: an array of name and value. */
static void read_headers(struct event *event)
{
    const json_t *list = json_object_get(json_object_get(event->root, "mail"), "headers");
    size_t n = json_array_size(list);
    struct carom_headers *headers = &event->report->returned_headers;

    *headers = (struct carom_headers){.block = CAROM_STR_EMPTY};
    for (size_t i = 0; i < n && i < HEADERS_MAX; i++) {
        const json_t *entry = json_array_get(list, i);
        carom_headers_add(event->reading->arena, headers, member(event, entry, "name"), member(event, entry, "value"));
    }
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
        event->details = json_object_get(event->root, kinds[i].details);
        type = member(event, event->details, "reportingMTA");
        size_t semicolon = carom_str_chr(type, ';');
        event->report->reporting_mta = carom_str_trim(carom_str_from(type, semicolon < type.len ? semicolon + 1 : 0));
        kinds[i].read(event);
    }
}

/* Events that are none of these (Send, Open, Subscription) are known, and nothing to act on. */
bool carom_read_event(struct carom_reading *reading)
{
    json_t *root = load_event(reading);
    struct event event = {.reading = reading, .report = reading->report, .root = root};

    if (!root)
        return false;
    if (carom_arena_guard(reading->arena)) { /* no memory: hand on, but not the tree */
        json_decref(root);
        carom_arena_alloc(reading->arena, SIZE_MAX);
        return false;
    }
    event.name = member(&event, root, "notificationType");
    if (event.name.len == 0)
        event.name = member(&event, root, "eventType");
    read_event(&event);
    carom_arena_unguard(reading->arena);
    json_decref(root);
    return true;
}
