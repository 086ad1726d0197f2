/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The machine-readable part of a report, inside a message that is sound: the first byte says of which kind. */

#include "bounce/report.h"
#include "fuzz.h"

static void target(struct carom_arena *arena, struct carom_str bytes)
{
    static const char *const types[] = {"delivery-status", "feedback-report", "disposition-notification",
                                        "global-delivery-status"};
    const char *type = types[bytes.len ? (unsigned char)bytes.ptr[0] % 4 : 0];
    struct carom_str message = carom_arena_printf(
        arena,
        "From: MAILER-DAEMON@mx.example.net\nSubject: Undelivered Mail\nMIME-Version: 1.0\n"
        "Content-Type: multipart/report; report-type=%s; boundary=b\n\n--b\n\nIt failed.\n"
        "--b\nContent-Type: message/%s\n\n" CAROM_STR_FMT
        "\n--b\nContent-Type: text/rfc822-headers\n\nMessage-ID: <1@example.org>\nTo: anna@example.com\n\n--b--\n",
        type, type, CAROM_STR_ARG(carom_str_from(bytes, 1)));
    struct carom_report *report = carom_report_read(arena, carom_message_parse(arena, message), "");
    size_t n = 0;

    for (struct carom_report_recipient *r = report->recipients; r; r = r->next)
        n++;
    FUZZ_CHECK(n == report->n);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) { return fuzz_in_arena(target, bytes, size); }
