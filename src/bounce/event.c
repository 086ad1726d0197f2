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
    const struct carom_tree *root, *mail, *details;
};

static const struct carom_tree *list(const struct carom_tree *object, struct carom_str name)
{
    const struct carom_tree *found = carom_tree_member(object, name);

    return found && found->kind == CAROM_TREE_ARRAY ? found->first : NULL;
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

/* The object at the start of text. NULL: there is none. */
static const struct carom_tree *load(struct carom_arena *arena, struct carom_str text)
{
    const struct carom_tree *tree = carom_tree_read(arena, &text);

    return tree && tree->kind == CAROM_TREE_OBJECT ? tree : NULL;
}

/* The event itself; SNS wraps it as a string in an object of its own, unless told not to. NULL: none. */
static const struct carom_tree *load_event(struct carom_reading *reading)
{
    struct carom_str text = carom_str_trim(reading->text);
    const struct carom_tree *outer, *inner;

    if (text.len == 0 || text.ptr[0] != '{' || (carom_str_find(text, CAROM_STR("notificationType")) == SIZE_MAX &&
                                                carom_str_find(text, CAROM_STR("eventType")) == SIZE_MAX))
        return NULL;
    outer = load(reading->arena, text);
    if (!outer && !(outer = load(reading->arena, join_lines(reading->arena, text))))
        return NULL;
    struct carom_str message = carom_tree_text(outer, CAROM_STR("Message"));
    inner = message.len > 0 ? load(reading->arena, message) : NULL;
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

    r->final = carom_address_first(event->reading->arena, entry->kind == CAROM_TREE_STRING
                                                              ? entry->text
                                                              : carom_tree_text(entry, CAROM_STR("emailAddress")));
    r->action = carom_tree_text(entry, CAROM_STR("action"));
    r->status = carom_tree_text(entry, CAROM_STR("status"));
    r->claim = claim;
    r->where = CAROM_STR("diagnosticCode");
    read_diagnostic(r, carom_tree_text(entry, CAROM_STR("diagnosticCode")));
}

static void read_recipients(struct event *event, struct carom_str name, enum carom_claim claim)
{
    struct carom_str ip = carom_tree_text(event->details, CAROM_STR("remoteMtaIp"));
    int64_t attempt = carom_date_parse_rfc3339(carom_tree_text(event->details, CAROM_STR("timestamp")));
    const struct carom_tree *entry = list(event->details, name);

    for (; entry && event->report->n < RECIPIENTS_MAX; entry = entry->next)
        read_recipient(event, entry, claim);
    for (struct carom_report_recipient *r = event->report->recipients; r; r = r->next)
        r->remote_ip = ip, r->last_attempt = attempt;
    event->report->type = CAROM_REPORT_DELIVERY;
    for (struct carom_report_recipient *r = event->report->recipients; r; r = r->next)
        carom_read_details(event->reading, r);
}

/* Where no server said anything, SES does by its own words: "Permanent Suppressed", "Transient MailboxFull". An
   automatic reply that reached SES is "Transient General". */
static void read_bounce(struct event *event)
{
    struct carom_str type = carom_tree_text(event->details, CAROM_STR("bounceType"));
    struct carom_str sub = carom_tree_text(event->details, CAROM_STR("bounceSubType"));
    bool passing = carom_str_ieq(type, CAROM_STR("Transient"));

    read_recipients(event, CAROM_STR("bouncedRecipients"), passing ? CAROM_CLAIM_GAVE_UP : CAROM_CLAIM_FAILED);
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
    int64_t until = carom_date_parse_rfc3339(carom_tree_text(event->details, CAROM_STR("expirationTime")));

    read_recipients(event, CAROM_STR("delayedRecipients"), CAROM_CLAIM_DELAYED);
    for (struct carom_report_recipient *r = event->report->recipients; r; r = r->next)
        r->retry_until = until;
}

static void read_delivery(struct event *event)
{
    struct carom_str reply = carom_tree_text(event->details, CAROM_STR("smtpResponse"));

    read_recipients(event, CAROM_STR("recipients"), CAROM_CLAIM_DELIVERED);
    for (struct carom_report_recipient *r = event->report->recipients; r; r = r->next) {
        r->diagnostic = reply;
        r->where = CAROM_STR("smtpResponse");
    }
}

/* Several recipients: it is not known which of them complained. */
static void read_complaint(struct event *event)
{
    struct carom_feedback *feedback = &event->report->feedback;
    const struct carom_tree *first = list(event->details, CAROM_STR("complainedRecipients"));

    event->report->type = CAROM_REPORT_FEEDBACK;
    feedback->type = carom_tree_text(event->details, CAROM_STR("complaintFeedbackType"));
    if (feedback->type.len == 0)
        feedback->type = CAROM_STR("abuse");
    feedback->user_agent = carom_tree_text(event->details, CAROM_STR("userAgent"));
    feedback->source_ip = carom_tree_text(event->mail, CAROM_STR("sourceIp"));
    event->report->not_complaint = carom_str_ieq(feedback->type, CAROM_STR("not-spam")) ||
                                   carom_str_ieq(feedback->type, CAROM_STR("auth-failure"));
    if (first && !first->next)
        event->report->feedback_recipient =
            carom_address_first(event->reading->arena, carom_tree_text(first, CAROM_STR("emailAddress")));
}

/* mail.headers: an array of name and value. */
static void read_headers(struct event *event)
{
    const struct carom_tree *entry = list(event->mail, CAROM_STR("headers"));
    struct carom_headers *headers = &event->report->returned_headers;

    *headers = (struct carom_headers){.block = CAROM_STR_EMPTY};
    for (size_t i = 0; entry && i < HEADERS_MAX; entry = entry->next, i++)
        carom_headers_add(event->reading->arena, headers, carom_tree_text(entry, CAROM_STR("name")),
                          carom_tree_text(entry, CAROM_STR("value")));
}

static void read_event(struct event *event)
{
    static const struct {
        struct carom_str name, details;
        void (*read)(struct event *);
    } kinds[] = {
        {CAROM_STR_INIT("Bounce"), CAROM_STR_INIT("bounce"), read_bounce},
        {CAROM_STR_INIT("Complaint"), CAROM_STR_INIT("complaint"), read_complaint},
        {CAROM_STR_INIT("Delivery"), CAROM_STR_INIT("delivery"), read_delivery},
        {CAROM_STR_INIT("DeliveryDelay"), CAROM_STR_INIT("deliveryDelay"), read_delay},
    };
    struct carom_str type;

    event->report->format = CAROM_STR("amazonses-event");
    event->report->machine = true;
    read_headers(event);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (!carom_str_ieq(event->name, kinds[i].name))
            continue;
        event->details = carom_tree_member(event->root, kinds[i].details);
        type = carom_tree_text(event->details, CAROM_STR("reportingMTA"));
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
    event.mail = carom_tree_member(root, CAROM_STR("mail"));
    event.name = carom_tree_text(root, CAROM_STR("notificationType"));
    if (event.name.len == 0)
        event.name = carom_tree_text(root, CAROM_STR("eventType"));
    read_event(&event);
    return true;
}
