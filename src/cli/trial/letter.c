/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* From bytes to what two policies see. What is kept is taken as it was judged, but for the rules that a policy brings. */

#include "cli/trial/letter.h"

#include "base/error.h"
#include "classify/rules.h"
#include "engine/incoming.h"
#include "ledger/ledger.h"

/* ---- Into the buffer ---- */

static struct carom_letter_text put(struct carom_buf *buf, struct carom_str text)
{
    struct carom_letter_text place = {buf->len, text.len};
    carom_buf_add_str(buf, text);
    carom_buf_add_char(buf, '\0');
    return place;
}

int carom_letter_put(struct carom_letter *letter, struct carom_buf *buf, const struct carom_source_item *item)
{
    letter->kept = false;
    letter->asked = true;
    letter->name = put(buf, item->name);
    letter->bytes = put(buf, item->bytes);
    letter->index = item->index;
    letter->mtime = item->mtime;
    return buf->failed ? -1 : 0;
}

int carom_letter_put_kept(struct carom_letter *letter, struct carom_buf *buf, const struct carom_kept *kept)
{
    letter->kept = true;
    letter->asked = true;
    letter->name = put(buf, CAROM_STR("the ledger"));
    letter->bytes = put(buf, kept->message);
    letter->fact = put(buf, kept->fact);
    letter->headers = put(buf, kept->headers);
    letter->returned = put(buf, kept->returned);
    letter->index = 0;
    letter->mtime = 0;
    return buf->failed ? -1 : 0;
}

/* ---- A message ---- */

static int read_message(struct carom_letter *letter, const struct carom_buf *buf, struct carom_policy *const policies[2],
                        struct carom_engine_trust trust[2], bool alike, int64_t now, struct carom_error *err)
{
    letter->message = carom_message_parse(letter->arena, carom_letter_text(buf, letter->bytes));
    const struct carom_report *report = carom_report_read(letter->arena, letter->message, NULL);
    for (size_t i = 0; i < 2; i++)
        if (i > 0 && alike)
            letter->facts[1] = letter->facts[0];
        else if (carom_engine_facts(letter->arena, policies[i], letter->message, report, &letter->envelope, &trust[i],
                                    now, &letter->facts[i], err) != 0)
            return -1;
    return 0;
}

/* ---- A kept fact ---- */

/* What hooks see beside the fact: the headers, and the text where the whole bounce is still there. */
static int read_around(struct carom_letter *letter, const struct carom_buf *buf, struct carom_report *report,
                       struct carom_error *err)
{
    struct carom_arena *arena = letter->arena;
    struct carom_str headers, returned, whole, body;

    if (carom_ledger_unpack(arena, carom_letter_text(buf, letter->headers), &headers, err) != 0 ||
        carom_ledger_unpack(arena, carom_letter_text(buf, letter->returned), &returned, err) != 0 ||
        carom_ledger_unpack(arena, carom_letter_text(buf, letter->bytes), &whole, err) != 0)
        return -1;
    letter->message = carom_message_parse(arena, whole.len ? whole : headers);
    report->returned_headers = carom_headers_parse(arena, returned, &body);
    report->text = whole.len ? carom_report_read(arena, letter->message, NULL)->text : CAROM_STR_EMPTY;
    return 0;
}

static int read_kept(struct carom_letter *letter, const struct carom_buf *buf, struct carom_policy *const policies[2],
                     struct carom_error *err)
{
    struct carom_report *report = carom_arena_new_of(letter->arena, struct carom_report);
    struct carom_fact *facts = carom_arena_array(letter->arena, struct carom_fact, 2);

    if (read_around(letter, buf, report, err) != 0 ||
        carom_fact_read(letter->arena, carom_letter_text(buf, letter->fact), NULL, &facts[0], err) != 0)
        return -1;
    facts[0].original.headers = report->returned_headers.block;
    facts[1] = facts[0];
    for (size_t i = 0; i < 2; i++) {
        carom_fact_judge_own(letter->arena, &facts[i], report->text, carom_policy_judging(policies[i]));
        letter->facts[i] = (struct carom_fact_list){&facts[i], 1, letter->message, report};
    }
    return 0;
}

int carom_letter_read(struct carom_letter *letter, const struct carom_buf *buf, struct carom_policy *const policies[2],
                      struct carom_engine_trust trust[2], bool alike, int64_t now, struct carom_error *err)
{
    letter->envelope = (struct carom_envelope){
        .source = buf->ptr + letter->name.at, .index = letter->index, .file_time = letter->mtime};
    carom_arena_reset(letter->arena);
    if (carom_arena_guard(letter->arena))
        return carom_error_memory(err);
    int result = letter->kept ? read_kept(letter, buf, policies, err)
                              : read_message(letter, buf, policies, trust, alike, now, err);
    carom_arena_unguard(letter->arena);
    return result;
}
