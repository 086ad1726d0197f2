/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The part of carom.h that needs neither policy nor ledger: reading a message, classifying a reply. */

#include <stdlib.h>
#include <time.h>

#include "base/error.h"
#include "engine/engine.h"
#include "engine/result.h"

static struct carom_facts *facts_new(void)
{
    struct carom_facts *facts = calloc(1, sizeof(*facts));

    if (facts && !(facts->arena = carom_arena_new())) {
        free(facts);
        return NULL;
    }
    return facts;
}

int carom_parse(const void *bytes, size_t size, const struct carom_envelope *envelope, struct carom_facts **facts_r,
                struct carom_error *err)
{
    static const struct carom_envelope nothing;
    struct carom_facts *facts = facts_new();

    *facts_r = NULL;
    if (!facts)
        return carom_error_memory(err);
    if (carom_arena_guard(facts->arena)) {
        carom_facts_free(facts);
        return carom_error_memory(err);
    }
    facts->facts = carom_facts_read(facts->arena, carom_str_n(size ? bytes : "", size), envelope ? envelope : &nothing, NULL,
                                    NULL, (int64_t)time(NULL));
    carom_result_detach(facts->arena, &facts->facts);
    carom_arena_unguard(facts->arena);
    *facts_r = facts;
    return 0;
}

int carom_classify_reply(const char *reply, const char *recipient, const char *remote_mta, struct carom_facts **facts_r,
                         struct carom_error *err)
{
    const struct carom_reply_input input = {.reply = reply, .recipient = recipient, .remote_mta = remote_mta};
    struct carom_facts *facts = facts_new();

    *facts_r = NULL;
    if (!facts)
        return carom_error_memory(err);
    if (carom_arena_guard(facts->arena)) {
        carom_facts_free(facts);
        return carom_error_memory(err);
    }
    facts->facts = carom_facts_reply(facts->arena, &input, NULL, (int64_t)time(NULL));
    int wrong = carom_reply_check(facts->arena, &input, facts->facts.list, err);
    carom_result_detach(facts->arena, &facts->facts);
    carom_arena_unguard(facts->arena);
    if (wrong) {
        carom_facts_free(facts);
        return -1;
    }
    *facts_r = facts;
    return 0;
}

char *carom_fact_json(const struct carom_fact *fact)
{
    struct carom_buf buf = CAROM_BUF_INIT(64 << 20);
    struct carom_json json = carom_json_to(&buf);

    carom_fact_write(fact, &json);
    return carom_buf_take(&buf);
}
