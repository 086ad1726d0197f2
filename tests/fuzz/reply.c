/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* The text of an SMTP reply: one fact comes of it, and what it says is within its range. */

#include "fuzz.h"
#include "smtp/reply.h"

static void target(struct carom_arena *arena, struct carom_str bytes)
{
    const char *text = carom_arena_str(arena, bytes).ptr;
    struct carom_reply reply = carom_reply_find(bytes);
    struct carom_facts *facts;

    FUZZ_CHECK(reply.code == 0 || (reply.code >= 200 && reply.code <= 599));
    FUZZ_CHECK(carom_status_find(bytes).len <= bytes.len);
    if (carom_classify_reply(text, "anna@example.com", "mx.example.com", &facts, NULL) != 0)
        return;
    const struct carom_fact *fact = carom_facts_get(facts, 0);
    FUZZ_CHECK(carom_facts_count(facts) == 1 && fact->kind < CAROM_KIND_COUNT && fact->reason < CAROM_REASON_COUNT);
    carom_facts_free(facts);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) { return fuzz_in_arena(target, bytes, size); }
