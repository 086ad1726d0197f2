/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* How a message was read. It prints what the readers and the classifier have kept, and decides nothing. */

#include "cli/reading.h"

#include <stdio.h>

#include "base/str.h"
#include "cli/print.h"

static void item(const char *name, struct carom_str text)
{
    if (!text.len)
        return;
    printf("  %-20s", name);
    carom_print_cell(stdout, text, 0);
    putchar('\n');
}

static void number(const char *name, int value)
{
    if (value)
        printf("  %-20s%d\n", name, value);
}

/* ---- Message ---- */

static size_t depth_of(const struct carom_part *part)
{
    size_t depth = 0;

    for (; part->parent; part = part->parent)
        depth++;
    return depth;
}

static void print_parts(const struct carom_fact_list *facts)
{
    struct carom_part *root = facts->message->root;

    printf("parts\n");
    for (struct carom_part *part = root; part; part = carom_part_walk(root, part)) {
        struct carom_str type = part->content_type.len ? part->content_type : CAROM_STR("text/plain (not stated)");
        printf("  %*s", (int)(2 * depth_of(part)), "");
        carom_print_cell(stdout, carom_str_trim(carom_str_head(type, carom_str_chr(type, ';'))), 0);
        printf(", %zu bytes%s\n", part->body.len, part == facts->report->returned ? ": the returned message" : "");
    }
    if (facts->message->truncated)
        printf("  the message broke off before its end\n");
    if (facts->message->limited)
        printf("  deeper or further parts were not read\n");
}

static const char *certainty(const struct carom_report *report)
{
    if (report->guess)
        return ": a guess from its wording";
    return report->machine ? ": machine-readable or unmistakable" : ": a known text";
}

static void print_format(const struct carom_fact_list *facts)
{
    const struct carom_report *report = facts->report;

    printf("read as\n");
    if (report->format.len) {
        printf("  %-20s", "format");
        carom_print_cell(stdout, report->format, 0);
        puts(certainty(report));
    } else {
        printf("  %-20snone that is known\n", "format");
    }
    item("reporting_mta", report->reporting_mta);
    item("arrival_date", report->arrival_date);
    item("original_envelope_id", report->original_envelope_id);
    if (report->text.len)
        printf("  %-20s%zu bytes of text before the returned message\n", "human part", report->text.len);
    if (report->returned_headers.n)
        printf("  %-20s%zu header fields%s\n", "returned message", report->returned_headers.n,
               report->returned_complete ? " and its body" : "");
    item("envelope_to", facts->list[0].envelope_to);
    if (facts->list[0].list.len) {
        printf("  %-20s", "list");
        carom_print_cell(stdout, facts->list[0].list, 0);
        printf(", by ");
        carom_print_cell(stdout, facts->list[0].list_by, 0);
        putchar('\n');
    }
}

/* ---- Recipients ---- */

static const char *claim_word(enum carom_claim claim)
{
    static const char *const words[] = {"", "failed", "given up", "delayed", "delivered"};

    return words[claim];
}

static void print_fields(const struct carom_report_recipient *r)
{
    item("original", r->original);
    item("final", r->final);
    item("action", r->action);
    item("claim", carom_str(claim_word(r->claim)));
    item("status", r->status);
    number("reply_code", r->reply_code);
    item("diagnostic", r->diagnostic);
    item("diagnostic from", r->where);
    item("text says", r->text_diagnostic);
    item("command", r->command);
    item("remote_mta", r->remote_mta);
    item("remote_ip", r->remote_ip);
}

static void print_fact(const struct carom_fact *fact)
{
    const char *reason = carom_reason_name(fact->reason), *fault = carom_fault_name(fact->fault);

    printf("therefore\n");
    item("kind", carom_str(carom_kind_name(fact->kind)));
    item("recipient", fact->recipient);
    item("final_recipient", fact->final_recipient);
    item("provider", fact->provider);
    number("reply_code", fact->reply_code);
    item("status", fact->status);
    if (reason)
        printf("  %-20s%s (fault: %s)%s\n", "reason", reason, fault ? fault : "none", fact->hard ? ", hard" : "");
    item("decided by", fact->evidence.rule);
    item("confidence", carom_str(carom_confidence_name(fact->confidence)));
}

void carom_reading_print(const struct carom_fact_list *facts, struct carom_candidates *candidates)
{
    const struct carom_report_recipient *recipient = facts->report->recipients;
    size_t verdict = 0;

    item("subject", facts->list[0].subject);
    item("from", facts->list[0].from);
    print_parts(facts);
    print_format(facts);
    for (size_t i = 0; i < facts->n; i++) {
        const struct carom_fact *fact = &facts->list[i];
        if (facts->report->type == CAROM_REPORT_DELIVERY && recipient) {
            printf("recipient %zu of %zu\n", i + 1, facts->n);
            print_fields(recipient);
            recipient = recipient->next;
        }
        if (fact->evidence.rule.len) { /* a failure: it was judged */
            printf("rules whose words stand in it\n");
            carom_candidates_print(candidates, ++verdict, fact);
        }
        print_fact(fact);
    }
}
