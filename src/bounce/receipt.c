/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* Disposition notifications (RFC 8098): displayed, deleted, denied. One kind is a refusal in disguise: Sieve's reject
   (RFC 5429 2.1) and Dovecot's delivery agent answer with an MDN when they throw a message away. */

#include "bounce/reader.h"
#include "mail/address.h"

enum { FIELDS_MAX = 64 * 1024 };

static struct carom_part *find_notification(struct carom_reading *reading)
{
    struct carom_part *scope = reading->scope;

    for (struct carom_part *p = scope; p; p = carom_part_walk_own(scope, p))
        if (carom_part_is(p, "message/disposition-notification") ||
            carom_part_is(p, "message/global-disposition-notification"))
            return p;
    return NULL;
}

static struct carom_str address_of(struct carom_arena *arena, struct carom_str value)
{
    size_t at = carom_str_chr(value, ';');

    return carom_address_first(arena, carom_header_text(arena, at < value.len ? carom_str_from(value, at + 1) : value));
}

/* Nobody read it: "automatic-action/…; deleted" under "Auto-Submitted: auto-replied (rejected)" or "Rejected: …". */
static bool is_rejection(struct carom_reading *reading, const struct carom_headers *fields)
{
    struct carom_str disposition = carom_headers_get(fields, "Disposition");
    struct carom_str automatic = carom_headers_get(&reading->message->root->headers, "Auto-Submitted");

    return carom_str_istarts(disposition, CAROM_STR("automatic-action")) &&
           carom_str_ifind(disposition, CAROM_STR("deleted")) != SIZE_MAX &&
           (carom_str_ifind(automatic, CAROM_STR("(rejected)")) != SIZE_MAX ||
            carom_str_istarts(carom_report_outside(reading)->subject, CAROM_STR("Rejected:")));
}

static void read_rejection(struct carom_reading *reading, const struct carom_headers *fields)
{
    struct carom_report_recipient *r = carom_report_add(reading);

    r->final = address_of(reading->arena, carom_headers_get(fields, "Final-Recipient"));
    r->original = address_of(reading->arena, carom_headers_get(fields, "Original-Recipient"));
    r->diagnostic = carom_headers_text(reading->arena, fields, "Failure");
    r->where = CAROM_STR("Failure");
    if (r->diagnostic.len == 0) {
        struct carom_str text = reading->report->text;
        size_t at = carom_str_ifind(text, CAROM_STR("rejected:")); /* the reason stands behind this announcement */
        if (at != SIZE_MAX && !carom_str_blank(carom_str_from(text, at + 9)))
            text = carom_str_from(text, at + 9);
        r->diagnostic = carom_text_flow(reading->arena, text);
        r->where = CAROM_STR("text");
    }
    r->claim = CAROM_CLAIM_FAILED;
    reading->report->type = CAROM_REPORT_DELIVERY;
    reading->report->format = CAROM_STR("mdn-rejection");
}

bool carom_read_receipt(struct carom_reading *reading)
{
    struct carom_part *part = find_notification(reading);
    struct carom_str body;

    if (!part)
        return false;
    struct carom_str bytes = carom_part_bytes(reading->arena, part, FIELDS_MAX);
    while (bytes.len > 0 && carom_is_space(bytes.ptr[0]))
        bytes = carom_str_from(bytes, 1);
    struct carom_headers fields = carom_headers_parse(reading->arena, bytes, &body);

    reading->report->machine = true;
    if (is_rejection(reading, &fields)) {
        read_rejection(reading, &fields);
    } else {
        struct carom_report_recipient *r = carom_report_add(reading);
        r->final = address_of(reading->arena, carom_headers_get(&fields, "Final-Recipient"));
        r->original = address_of(reading->arena, carom_headers_get(&fields, "Original-Recipient"));
        reading->report->type = CAROM_REPORT_RECEIPT;
        reading->report->format = CAROM_STR("mdn");
    }
    return true;
}
