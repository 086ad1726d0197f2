/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Feedback reports: ARF (RFC 5965, 6591, 6430) and those who report in their own way (Microsoft's JMRP). It says who
   complained where that is stated and not masked; it does not look for our own tokens. */

#include "bounce/line.h"
#include "bounce/reader.h"
#include "bounce/tables.h"
#include "mail/address.h"

enum { FIELDS_MAX = 64 * 1024 };

/* Providers hide the complainer: "redacted@example.com", "x@[REDACTED]", a hash without a domain. */
static struct carom_str unmasked(struct carom_arena *arena, struct carom_str value)
{
    struct carom_str addr = carom_address_first(arena, carom_header_text(arena, value));

    if (!carom_address_valid(addr) || carom_report_sign(addr, CAROM_STR("masked")))
        return CAROM_STR_EMPTY;
    return addr;
}

static struct carom_str field(struct carom_arena *arena, const struct carom_headers *fields, const char *name)
{
    return carom_headers_text(arena, fields, name);
}

static struct carom_str find_recipient(struct carom_arena *arena, const struct carom_headers *fields,
                                       const struct carom_headers *returned)
{
    static const char *const in_fields[] = {"Original-Rcpt-To", "Removal-Recipient"};
    static const char *const in_returned[] = {"X-HmXmrOriginalRecipient", "X-Original-To", "Delivered-To"};
    struct carom_str addr = CAROM_STR_EMPTY;

    for (size_t i = 0; i < sizeof in_fields / sizeof in_fields[0] && addr.len == 0; i++)
        addr = unmasked(arena, carom_headers_get(fields, in_fields[i]));
    for (size_t i = 0; i < sizeof in_returned / sizeof in_returned[0] && addr.len == 0; i++)
        addr = unmasked(arena, carom_headers_get(returned, in_returned[i]));
    return addr;
}

static void read_fields(struct carom_reading *reading, const struct carom_headers *fields)
{
    struct carom_arena *arena = reading->arena;
    struct carom_report *report = reading->report;
    struct carom_feedback *f = &report->feedback;
    struct carom_str type = carom_header_token(arena, carom_headers_get(fields, "Feedback-Type"));

    f->type = type.len > 0 ? type : CAROM_STR("other");
    f->source_ip = field(arena, fields, "Source-IP");
    f->user_agent = field(arena, fields, "User-Agent");
    f->auth_failure = field(arena, fields, "Auth-Failure");
    f->reported_domain = field(arena, fields, "Reported-Domain");
    f->original_mail_from = carom_address_first(arena, field(arena, fields, "Original-Mail-From"));
    f->arrival_date = field(arena, fields, "Arrival-Date");
    if (f->arrival_date.len == 0)
        f->arrival_date = field(arena, fields, "Received-Date");
    report->envelope_from = f->original_mail_from;
    report->arrival_date = f->arrival_date;
    report->reporting_mta = field(arena, fields, "Reporting-MTA");
    report->original_envelope_id = field(arena, fields, "Original-Envelope-Id");
    report->feedback_recipient = find_recipient(arena, fields, &report->returned_headers);
    report->not_complaint = carom_str_ieq(f->type, CAROM_STR("not-spam")) ||
                            carom_str_istarts(f->type, CAROM_STR("auth-failure")) ||
                            carom_str_istarts(f->type, CAROM_STR("dmarc"));
}

/* Some write the fields as text, in a report that says what it is (RFC 5965 2). */
static bool is_fields(struct carom_reading *reading, const struct carom_part *part)
{
    struct carom_arena *arena = reading->arena;

    return carom_part_is(part, "message/feedback-report") ||
           (carom_part_is(part, "text/plain") &&
            carom_str_istarts(carom_str_trim(carom_part_bytes(arena, part, 64)), CAROM_STR("Feedback-Type:")) &&
            carom_str_ieq(carom_header_param(arena, reading->scope->content_type, "report-type"), CAROM_STR("feedback-report")));
}

static bool read_arf(struct carom_reading *reading)
{
    struct carom_part *scope = reading->scope;

    for (struct carom_part *p = scope; p; p = carom_part_walk_own(scope, p)) {
        if (!is_fields(reading, p))
            continue;
        struct carom_str bytes = carom_part_bytes(reading->arena, p, FIELDS_MAX), body;
        while (bytes.len > 0 && carom_is_space(bytes.ptr[0])) /* blank lines in front */
            bytes = carom_str_from(bytes, 1);
        struct carom_headers fields = carom_headers_parse(reading->arena, bytes, &body);
        reading->report->type = CAROM_REPORT_FEEDBACK;
        reading->report->format = CAROM_STR("arf");
        reading->report->machine = true;
        read_fields(reading, &fields);
        return true;
    }
    return false;
}

/* Outlook.com: the message complained of, alone in a multipart, with headers of its own added. */
static bool read_jmrp(struct carom_reading *reading)
{
    struct carom_report *report = reading->report;
    const struct carom_headers *returned = &report->returned_headers;
    bool marked = carom_headers_has(returned, "X-HmXmrOriginalRecipient");

    if (!marked && !(carom_str_istarts(carom_report_outside(reading)->from, CAROM_STR("staff@")) && report->returned &&
                     carom_str_glob(carom_report_outside(reading)->subject, CAROM_STR("complaint about message from *"))))
        return false;
    if (!report->returned)
        return false;
    report->type = CAROM_REPORT_FEEDBACK;
    report->format = CAROM_STR("jmrp");
    report->machine = true;
    report->feedback.type = CAROM_STR("abuse");
    report->feedback.source_ip = field(reading->arena, returned, "X-Reporter-IP");
    if (report->feedback.source_ip.len == 0)
        report->feedback.source_ip = carom_report_ip(carom_report_outside(reading)->subject);
    report->feedback_recipient = find_recipient(reading->arena, returned, returned);
    return true;
}

bool carom_read_feedback(struct carom_reading *reading)
{
    /* Early reports have the subject "FW: …"; a person who forwards one sends no multipart/report. */
    if (!carom_part_is(reading->scope, "multipart/report") && carom_report_outside(reading)->answer)
        return false;
    return read_arf(reading) || read_jmrp(reading);
}
