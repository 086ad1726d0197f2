/* SPDX-License-Identifier: MIT
 * SPDX-FileCopyrightText: the carom authors */

/* One message on its way to two policies: as it was read from a source, or a fact as the ledger keeps it; and what each
   policy sees in it. Its bytes stand in a buffer that it shares with others. */

#ifndef CAROM_CLI_TRIAL_LETTER_H
#define CAROM_CLI_TRIAL_LETTER_H

#include "engine/trust.h"
#include "engine/result.h"
#include "input/source.h"
#include "ledger/care.h"

struct carom_letter {
    struct carom_letter_text {
        size_t at, len;
    } name, bytes, fact, headers, returned; /* of a kept one bytes are packed, and may be empty */
    bool kept, asked; /* asked: it is to be compared too */
    uint64_t index;
    int64_t mtime;
    struct carom_arena *arena; /* emptied by reading */
    struct carom_envelope envelope;
    const struct carom_message *message;
    struct carom_fact_list facts[2];
};

static inline struct carom_str carom_letter_text(const struct carom_buf *buf, struct carom_letter_text place)
{
    return carom_str_n(buf->ptr + place.at, place.len);
}

/* Behind what is in the buffer. -1: no memory. */
int carom_letter_put(struct carom_letter *letter, struct carom_buf *buf, const struct carom_source_item *item);
int carom_letter_put_kept(struct carom_letter *letter, struct carom_buf *buf, const struct carom_kept *kept);

/* Fills what follows from the bytes, for both policies; alike: one reading serves both. No hook runs. */
int carom_letter_read(struct carom_letter *letter, const struct carom_buf *buf, struct carom_policy *const policies[2],
                      struct carom_engine_trust trust[2], bool alike, int64_t now, struct carom_error *err);

#endif
