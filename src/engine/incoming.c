/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* From bytes to facts, as the policy wants it: on_message may leave a message unread, and what no header says of the
   list, the addresses of the policy's lists may. It decides nothing. */

#include "engine/incoming.h"

#include "mail/address.h"

enum { ADDRESSES_MAX = 50 }; /* looked at in a returned message: a list's own stands in front */

/* ---- on_message ---- */

int carom_engine_wants(struct carom_policy *policy, const struct carom_message *message,
                       const struct carom_envelope *envelope, int64_t now_ms, bool *wanted_r, struct carom_error *err)
{
    const struct carom_incoming incoming = {
        .headers = &message->root->headers,
        .sender = envelope->sender,
        .recipient = envelope->recipient,
        .source = envelope->source,
        .size = message->bytes.len,
        .now = now_ms,
    };
    return carom_policy_message(policy, &incoming, wanted_r, err);
}

/* What the readers say of a message that is none of theirs. */
static struct carom_report *unread(struct carom_arena *arena)
{
    struct carom_report *report = carom_arena_new_of(arena, struct carom_report);
    const struct carom_str none = CAROM_STR_EMPTY;

    *report = (struct carom_report){
        .type = CAROM_REPORT_NONE, .format = none, .reporting_mta = none, .arrival_date = none,
        .original_envelope_id = none, .text = none, .returned_headers = {.block = none},
        .autoreply = {.type = none, .new_address = none},
        .feedback = {none, none, none, none, none, none, none}, .feedback_recipient = none};
    return report;
}

/* ---- The list, by its address ---- */

static const struct carom_list_entry *by_address(struct carom_arena *arena, const struct carom_config *config,
                                                 struct carom_str address)
{
    struct carom_str key = address.len ? carom_address_key(arena, address) : address;

    for (const struct carom_list_entry *list = config->lists; list && key.len; list = list->next)
        if (carom_str_ieq(list->address, key) || carom_str_ieq(list->address, address))
            return list;
    return NULL;
}

/* To whom the returned message was written. */
static const struct carom_list_entry *by_returned(struct carom_arena *arena, const struct carom_config *config,
                                                  const struct carom_headers *returned)
{
    static const char *const names[] = {"To", "Cc", "Resent-To"};
    const struct carom_list_entry *list = NULL;
    int left = ADDRESSES_MAX;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct carom_str rest = carom_headers_get(returned, names[i]), address;
        while (!list && left-- > 0 && carom_address_next(arena, &rest, &address, NULL))
            list = by_address(arena, config, address);
    }
    return list;
}

static void find_list(struct carom_arena *arena, const struct carom_config *config, struct carom_fact_list *facts)
{
    const struct carom_list_entry *list = NULL;
    bool asked = false;

    for (size_t i = 0; i < facts->n; i++) {
        struct carom_fact *fact = &facts->list[i];
        if (fact->list.len || !config->lists)
            continue;
        if (!asked) /* envelope and returned message are the same for all */
            list = by_address(arena, config, fact->envelope_to);
        if (!asked && !list)
            list = by_returned(arena, config, &facts->report->returned_headers);
        asked = true;
        fact->list = list ? list->id : CAROM_STR_EMPTY;
        fact->list_by = list ? CAROM_STR("recipient") : CAROM_STR_EMPTY;
    }
}

int carom_engine_facts(struct carom_arena *arena, const struct carom_policy *policy, const struct carom_message *message,
                       const struct carom_report *report, const struct carom_envelope *envelope,
                       struct carom_engine_trust *trust, int64_t now_ms, struct carom_fact_list *facts_r,
                       struct carom_error *err)
{
    *facts_r = carom_facts_make(arena, message, report ? report : unread(arena), envelope, &trust->trust,
                                carom_policy_judging(policy), now_ms / 1000);
    if (trust->trust.failed) { /* a proof that was not found for this reason must not look like none */
        if (err)
            *err = trust->err;
        return -1;
    }
    find_list(arena, carom_policy_config(policy), facts_r);
    return 0;
}

int carom_engine_read(struct carom_policy *policy, struct carom_result *result, struct carom_str bytes,
                      const struct carom_envelope *envelope, struct carom_engine_trust *trust, int64_t now_ms,
                      struct carom_error *err)
{
    struct carom_message *message = carom_message_parse(result->arena, bytes);
    bool wanted;

    if (carom_engine_wants(policy, message, envelope, now_ms, &wanted, err) != 0)
        return -1;
    result->skipped = !wanted;
    return carom_engine_facts(result->arena, policy, message,
                              wanted ? carom_report_read(result->arena, message, envelope->sender) : NULL, envelope,
                              trust, now_ms, &result->facts, err);
}

void carom_engine_skip(struct carom_arena *arena, struct carom_decision *decision)
{
    struct carom_decided *decided = carom_decision_add(arena, decision, CAROM_ACTION_IGNORE);

    decision->hook = CAROM_STR("on_message");
    decision->ignored = true;
    if (decided)
        decided->note = "skipped by on_message: not read";
}
